/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/kmsd/keys.h"
#include "sys/linux/file.h"
#include "tests/unit/host/kmsd/quoted.h"

#define ALLOW "{'Statement':{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*'}}"
#define DENY "{'Statement':{'Effect':'Deny','Principal':'*','Action':'kms:*','Resource':'*'}}"

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[4][256];
    static unsigned turn;
    char *to = path[turn++ % 4];
    (void)snprintf(to, sizeof path[0], "%s/%s", folder, name);
    return to;
}

static const char *key_file(const cf_uuid *id)
{
    char name[64];
    (void)snprintf(name, sizeof name, "keys/%s.cbor", id->text);
    return in_folder(name);
}

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/keys_test.XXXXXX");
    return mkdtemp(folder) == NULL;
}

static size_t remove_files(const char *path)
{
    size_t n = 0;
    DIR *d = opendir(path);
    if (d == NULL) {
        return 0;
    }
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        char file[600];
        (void)snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        n += unlink(file) == 0;
    }
    (void)closedir(d);
    return n;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)remove_files(in_folder("keys"));
    (void)rmdir(in_folder("keys"));
    (void)remove_files(folder);
    return rmdir(folder);
}

static cf_keys *open_keys(void)
{
    cf_keys *t = NULL;
    assert_ok(cf_keys_open(folder, &t));
    return t;
}

static cf_policy *policy_of(const char *text)
{
    cf_policy *p = NULL;
    assert_ok(cf_policy_parse(quoted(text), &p, NULL));
    return p;
}

static cf_uuid create(cf_keys *t, const char *description, const char *policy)
{
    const cf_key *k = NULL;
    cf_policy *p = policy_of(policy);
    assert_ok(cf_keys_create(t, 1000, cf_view_str(description), quoted(policy), &p, &k));
    assert_null(p);
    return *cf_key_id(k);
}

static cf_policy_decision decide(cf_keys *t, const cf_uuid *id)
{
    cf_policy_request q = {.action = CF_LIT("kms:Decrypt")};
    return cf_keys_decide(t, cf_keys_find(t, id), &q);
}

static void test_root_key(void **state)
{
    (void)state;
    cf_keys *t = open_keys();
    struct stat st;
    assert_int_equal(stat(in_folder("root.key"), &st), 0);
    assert_int_equal(st.st_size, 32);
    assert_int_equal(st.st_mode & 0777, 0600);
    CF_BUF(first);
    CF_BUF(second);
    assert_ok(cf_file_read(in_folder("root.key"), 32, &first));
    /* one process at a time */
    cf_keys *other = NULL;
    assert_err(cf_keys_open(folder, &other), BUSY);
    assert_null(other);
    cf_keys_free(&t);
    assert_null(t);
    t = open_keys();
    assert_ok(cf_file_read(in_folder("root.key"), 32, &second));
    assert_view(cf_buf_view(&first), cf_buf_view(&second));
    cf_keys_free(&t);
}

static void test_root_key_damage(void **state)
{
    (void)state;
    cf_keys *t = open_keys();
    cf_uuid id = create(t, "d", ALLOW);
    cf_keys_free(&t);
    CF_BUF(root);
    assert_ok(cf_file_read(in_folder("root.key"), 32, &root));
    /* keys without their root key: nothing is made in its place */
    assert_int_equal(unlink(in_folder("root.key")), 0);
    assert_err(cf_keys_open(folder, &t), STATE);
    assert_int_not_equal(access(in_folder("root.key"), F_OK), 0);
    /* too short, too long, open to others */
    assert_ok(cf_file_write(in_folder("root.key"), cf_view_make(root.data, 31), 0600));
    assert_err(cf_keys_open(folder, &t), STATE);
    assert_ok(cf_buf_append(&root, CF_LIT("x")));
    assert_ok(cf_file_write(in_folder("root.key"), cf_buf_view(&root), 0600));
    assert_err(cf_keys_open(folder, &t), STATE);
    root.len = 32;
    assert_ok(cf_file_write(in_folder("root.key"), cf_buf_view(&root), 0640));
    assert_err(cf_keys_open(folder, &t), NOT_PERMITTED);
    /* another root key opens nothing, and says so key by key */
    root.data[0] ^= 1;
    assert_ok(cf_file_write(in_folder("root.key"), cf_buf_view(&root), 0600));
    t = open_keys();
    assert_false(cf_key_available(cf_keys_find(t, &id)));
    cf_keys_free(&t);
    root.data[0] ^= 1;
    assert_ok(cf_file_write(in_folder("root.key"), cf_buf_view(&root), 0600));
    t = open_keys();
    assert_true(cf_key_available(cf_keys_find(t, &id)));
    cf_keys_free(&t);
}

static void test_keys_last(void **state)
{
    (void)state;
    cf_keys *t = open_keys();
    cf_uuid id = create(t, "first", ALLOW), other = create(t, "second", DENY);
    const cf_key *k = cf_keys_find(t, &id);
    CF_BUF(blob);
    CF_BUF(out);
    assert_ok(cf_blob_seal(&id, cf_key_material(k), CF_VIEW_EMPTY, CF_LIT("plaintext"), &blob));
    struct stat st;
    assert_int_equal(stat(key_file(&id), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    cf_keys_free(&t);

    t = open_keys();
    k = cf_keys_find(t, &id);
    assert_non_null(k);
    assert_true(cf_key_available(k));
    assert_view(cf_key_description(k), CF_LIT("first"));
    assert_int_equal(cf_key_created_ms(k), 1000);
    cf_blob b;
    assert_ok(cf_blob_parse(cf_buf_view(&blob), &b));
    assert_ok(cf_blob_open(&b, cf_key_material(k), CF_VIEW_EMPTY, &out));
    assert_view(cf_buf_view(&out), CF_LIT("plaintext"));
    assert_int_equal(decide(t, &id), CF_POLICY_ALLOWED);
    assert_int_equal(decide(t, &other), CF_POLICY_DENIED);
    /* no other key's material opens it */
    assert_err(cf_blob_open(&b, cf_key_material(cf_keys_find(t, &other)), CF_VIEW_EMPTY, &out),
               OPEN);
    cf_uuid nobody;
    assert_ok(cf_uuid_make(&nobody));
    assert_null(cf_keys_find(t, &nobody));
    cf_keys_free(&t);
}

static void test_policy_is_replaced(void **state)
{
    (void)state;
    cf_keys *t = open_keys();
    cf_uuid id = create(t, "d", ALLOW);
    cf_policy *p = policy_of(DENY);
    assert_ok(cf_keys_put_policy(t, cf_keys_find(t, &id), quoted(DENY), &p));
    assert_null(p);
    for (int round = 0; round < 2; round++) {
        CF_BUF(text);
        assert_int_equal(decide(t, &id), CF_POLICY_DENIED);
        assert_ok(cf_keys_policy_text(t, cf_keys_find(t, &id), &text));
        assert_view(cf_buf_view(&text), quoted(DENY));
        assert_view(cf_key_description(cf_keys_find(t, &id)), CF_LIT("d"));
        cf_keys_free(&t);
        t = open_keys();
    }
    /* a policy that cannot be written does not take effect */
    assert_int_equal(chmod(in_folder("keys"), 0500), 0);
    if (getuid() != 0) {
        p = policy_of(ALLOW);
        assert_false(cf_is_ok(cf_keys_put_policy(t, cf_keys_find(t, &id), quoted(ALLOW), &p)));
        assert_int_equal(decide(t, &id), CF_POLICY_DENIED);
    }
    assert_int_equal(chmod(in_folder("keys"), 0700), 0);
    cf_keys_free(&t);
}

static void test_pages(void **state)
{
    (void)state;
    enum { KEYS = 7 };
    cf_keys *t = open_keys();
    for (int i = 0; i < KEYS; i++) {
        (void)create(t, "d", ALLOW);
    }
    for (size_t page = 1; page <= KEYS + 1; page++) {
        const cf_key *seen[KEYS + 1], *last = NULL;
        bool more = true;
        size_t n = 0;
        while (more) {
            size_t got = cf_keys_list(t, last == NULL ? NULL : cf_key_id(last), page, seen, &more);
            assert_true(got >= 1 && got <= page);
            for (size_t i = 0; i < got; i++) {
                assert_true(last == NULL ||
                            strcmp(cf_key_id(last)->text, cf_key_id(seen[i])->text) < 0);
                last = seen[i];
                n++;
            }
        }
        assert_int_equal(n, KEYS);
    }
    /* a marker that is no key's id still has a place */
    const cf_key *seen[KEYS];
    bool more = true;
    cf_uuid end;
    assert_ok(cf_uuid_parse(CF_LIT("ffffffff-ffff-ffff-ffff-ffffffffffff"), &end));
    assert_int_equal(cf_keys_list(t, &end, KEYS, seen, &more), 0);
    assert_false(more);
    cf_keys_free(&t);
}

/* One damaged file costs its own key and nothing else. */
static void test_damaged_files(void **state)
{
    (void)state;
    cf_keys *t = open_keys();
    cf_uuid flipped = create(t, "flipped", ALLOW), cut = create(t, "cut", ALLOW),
            empty = create(t, "empty", ALLOW), renamed = create(t, "renamed", ALLOW),
            whole = create(t, "whole", ALLOW), as;
    cf_keys_free(&t);
    CF_BUF(octets);
    assert_ok(cf_file_read(key_file(&flipped), 4096, &octets));
    octets.data[octets.len / 2] ^= 1;
    assert_ok(cf_file_write(key_file(&flipped), cf_buf_view(&octets), 0600));
    cf_buf_clear(&octets);
    assert_ok(cf_file_read(key_file(&cut), 4096, &octets));
    assert_ok(cf_file_write(key_file(&cut), cf_view_make(octets.data, octets.len - 1), 0600));
    assert_ok(cf_file_write(key_file(&empty), CF_VIEW_EMPTY, 0600));
    assert_ok(cf_uuid_make(&as));
    assert_int_equal(rename(key_file(&renamed), key_file(&as)), 0);
    t = open_keys();
    assert_true(cf_key_available(cf_keys_find(t, &whole)));
    assert_false(cf_key_available(cf_keys_find(t, &flipped)));
    assert_false(cf_key_available(cf_keys_find(t, &cut)));
    assert_false(cf_key_available(cf_keys_find(t, &empty)));
    assert_false(cf_key_available(cf_keys_find(t, &as)));
    assert_null(cf_keys_find(t, &renamed));
    /* a damaged one is listed, with its id alone */
    assert_int_equal(cf_key_description(cf_keys_find(t, &flipped)).len, 0);
    assert_int_equal(cf_key_material(cf_keys_find(t, &flipped))->secret.len, 0);
    cf_keys_free(&t);
}

/* What a crash between the two steps of a write leaves. */
static void test_left_overs(void **state)
{
    (void)state;
    cf_keys *t = open_keys();
    cf_uuid id = create(t, "d", ALLOW);
    cf_keys_free(&t);
    char left[256], strange[256];
    (void)snprintf(left, sizeof left, "%s.aB3dE6", key_file(&id));
    (void)snprintf(strange, sizeof strange, "%s", in_folder("keys/README"));
    assert_ok(cf_file_write(left, CF_LIT("half"), 0600));
    assert_ok(cf_file_write(strange, CF_LIT("not ours"), 0600));
    t = open_keys();
    assert_int_not_equal(access(left, F_OK), 0);
    assert_int_equal(access(strange, F_OK), 0);
    assert_true(cf_key_available(cf_keys_find(t, &id)));
    cf_keys_free(&t);
}

static void test_limit(void **state)
{
    (void)state;
    cf_keys *t = open_keys();
    cf_keys_free(&t);
    for (int i = 0; i < CF_KMSD_KEYS_MAX - 1; i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/keys/00000000-0000-0000-0000-%012d.cbor", folder, i);
        int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        (void)close(fd);
    }
    /* ten thousand lines say that these are damaged */
    int saved = dup(2), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    assert_true(saved >= 0 && null >= 0 && dup2(null, 2) == 2);
    t = open_keys();
    assert_true(dup2(saved, 2) == 2);
    (void)close(saved);
    (void)close(null);
    (void)create(t, "the last", ALLOW);
    cf_policy *p = policy_of(ALLOW);
    const cf_key *k = NULL;
    assert_err(cf_keys_create(t, 1, CF_VIEW_EMPTY, quoted(ALLOW), &p, &k), LIMIT);
    assert_null(k);
    assert_null(p);
    cf_keys_free(&t);
}

typedef struct {
    cf_keys *t;
    cf_uuid id;
    bool stop;
    size_t allowed, denied, other;
} reading;

static void *read_main(void *arg)
{
    reading *r = arg;
    while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
        CF_BUF(text);
        cf_policy_decision d = decide(r->t, &r->id);
        r->allowed += d == CF_POLICY_ALLOWED;
        r->denied += d == CF_POLICY_DENIED;
        r->other += d == CF_POLICY_NO_ALLOW;
        r->other += !cf_is_ok(cf_keys_policy_text(r->t, cf_keys_find(r->t, &r->id), &text));
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    cf_keys *t = open_keys();
    reading r[2];
    pthread_t threads[2];
    cf_uuid id = create(t, "d", ALLOW);
    for (int i = 0; i < 2; i++) {
        r[i] = (reading){.t = t, .id = id};
        assert_int_equal(pthread_create(&threads[i], NULL, read_main, &r[i]), 0);
    }
    for (int i = 0; i < 40; i++) {
        const char *text = i % 2 == 0 ? DENY : ALLOW;
        cf_policy *p = policy_of(text);
        assert_ok(cf_keys_put_policy(t, cf_keys_find(t, &id), quoted(text), &p));
        (void)create(t, "more", ALLOW);
    }
    for (int i = 0; i < 2; i++) {
        __atomic_store_n(&r[i].stop, true, __ATOMIC_RELEASE);
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(r[i].other, 0);
        assert_true(r[i].allowed > 0 && r[i].denied > 0);
    }
    cf_keys_free(&t);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(test_root_key),           FRESH(test_root_key_damage), FRESH(test_keys_last),
        FRESH(test_policy_is_replaced), FRESH(test_pages),           FRESH(test_damaged_files),
        FRESH(test_left_overs),         FRESH(test_limit),           FRESH(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
