/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/kmsd/blob.h"
#include "host/kmsd/keys.h"
#include "sys/linux/file.h"
#include "tests/unit/host/kmsd/folder.h"

#define ALLOW "{'Statement':{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*'}}"
#define DENY "{'Statement':{'Effect':'Deny','Principal':'*','Action':'kms:*','Resource':'*'}}"
#define DAY_MS UINT64_C(86400000)

static cf_kmsd_state *state_folder;

static const char *key_file(const cf_uuid *id)
{
    char name[64];
    (void)snprintf(name, sizeof name, "keys/%s.cbor", id->text);
    return in_folder(name);
}

static cf_keys *open_bounded(size_t bytes_max)
{
    cf_keys *t = NULL;
    state_folder = open_state();
    assert_ok(cf_keys_open(state_folder, bytes_max, &t));
    return t;
}

static cf_keys *open_keys(void)
{
    return open_bounded(CF_KMSD_KEYS_BYTES_MAX);
}

static void close_keys(cf_keys **t)
{
    cf_keys_free(t);
    cf_kmsd_state_close(&state_folder);
    assert_null(*t);
}

static cf_uuid create(cf_keys *t, const char *description, const char *policy)
{
    cf_material m;
    cf_keyfile k = {
        .created_ms = 1000, .spec = CF_SPEC_SYMMETRIC, .use = CF_USE_ENCRYPT, .enabled = true};
    assert_ok(cf_uuid_make(&k.id));
    assert_ok(cf_buf_append(&k.description, cf_view_str(description)));
    assert_ok(cf_buf_append(&k.policy, quoted(policy)));
    assert_ok(cf_material_make(k.spec, 1000, CF_MATERIAL_FIRST, &m));
    assert_ok(cf_keyfile_add_material(&k, &m));
    cf_uuid id = k.id;
    assert_ok(cf_keys_create(t, &k));
    assert_int_equal(k.materials_n, 0);
    return id;
}

static cf_policy_decision decide(cf_keys *t, const cf_uuid *id)
{
    const cf_policy_request q = {.action = CF_LIT("kms:Decrypt")};
    CF_AUTO(cf_key_release) const cf_key *k = cf_keys_find(t, id, 0);
    return cf_policy_decide(cf_key_policy(k), &q);
}

static bool is_available(cf_keys *t, const cf_uuid *id)
{
    CF_AUTO(cf_key_release) const cf_key *k = cf_keys_find(t, id, 0);
    assert_non_null(k);
    return cf_key_available(k);
}

/* A copy of a key, to be changed. */
static void copy_of(cf_keys *t, const cf_uuid *id, cf_keyfile *ret)
{
    CF_AUTO(cf_key_release) const cf_key *k = cf_keys_find(t, id, 0);
    assert_ok(cf_keyfile_copy(cf_key_file(k), ret));
}

static cf_result put_policy(cf_keys *t, const cf_uuid *id, const char *policy)
{
    CF_AUTO(cf_keyfile_clear) cf_keyfile k;
    copy_of(t, id, &k);
    assert_ok(cf_buf_set(&k.policy, quoted(policy)));
    return cf_keys_replace(t, &k);
}

static void test_root_key(void **state)
{
    (void)state;
    struct stat st;
    cf_kmsd_state *s = open_state(), *other = NULL;
    assert_int_equal(stat(in_folder("root.key"), &st), 0);
    assert_int_equal(st.st_size, 32);
    assert_int_equal(st.st_mode & 0777, 0600);
    CF_BUF(first);
    CF_BUF(second);
    assert_ok(cf_file_read(in_folder("root.key"), 32, &first));
    /* one process at a time */
    assert_err(cf_kmsd_state_open(folder, &other), BUSY);
    assert_null(other);
    cf_kmsd_state_close(&s);
    assert_null(s);
    s = open_state();
    assert_ok(cf_file_read(in_folder("root.key"), 32, &second));
    assert_view(cf_buf_view(&first), cf_buf_view(&second));
    cf_kmsd_state_close(&s);
}

/* A process that ends between two steps of writing one leaves a second name of it. */
static void test_root_key_left_over(void **state)
{
    (void)state;
    static const char *const left[] = {"root.key.part-aB3xY9", "principals.cbor.part-000000"};
    static const char *const kept[] = {"root.key.backup", "root.key.part-aB3xY9z",
                                       "notes.part-abcdef"}; /* what somebody put aside is theirs */
    cf_keys *t = open_keys();
    close_keys(&t);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(cf_file_write(in_folder(left[i]), CF_LIT("x"), 0600));
    }
    for (size_t i = 0; i < 3; i++) {
        assert_ok(cf_file_write(in_folder(kept[i]), CF_LIT("x"), 0600));
    }
    t = open_keys();
    close_keys(&t);
    for (size_t i = 0; i < 2; i++) {
        assert_int_not_equal(access(in_folder(left[i]), F_OK), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(unlink(in_folder(kept[i])), 0);
    }
}

static void test_root_key_damage(void **state)
{
    (void)state;
    cf_kmsd_state *s = NULL;
    cf_keys *t = open_keys();
    cf_uuid id = create(t, "d", ALLOW);
    close_keys(&t);
    CF_BUF(root);
    assert_ok(cf_file_read(in_folder("root.key"), 32, &root));
    /* keys without their root key: nothing is made in its place */
    assert_int_equal(unlink(in_folder("root.key")), 0);
    assert_err(cf_kmsd_state_open(folder, &s), STATE);
    assert_int_not_equal(access(in_folder("root.key"), F_OK), 0);
    /* too short, too long, open to others */
    assert_ok(cf_file_write(in_folder("root.key"), cf_view_make(root.data, 31), 0600));
    assert_err(cf_kmsd_state_open(folder, &s), STATE);
    assert_ok(cf_buf_append(&root, CF_LIT("x")));
    assert_ok(cf_file_write(in_folder("root.key"), cf_buf_view(&root), 0600));
    assert_err(cf_kmsd_state_open(folder, &s), STATE);
    root.len = 32;
    assert_ok(cf_file_write(in_folder("root.key"), cf_buf_view(&root), 0640));
    assert_err(cf_kmsd_state_open(folder, &s), NOT_PERMITTED);
    if (geteuid() ==
        0) { /* or another user's, who then knows it: only root can read one, or give one away */
        assert_ok(cf_file_write(in_folder("root.key"), cf_buf_view(&root), 0600));
        assert_int_equal(chown(in_folder("root.key"), 65534, (gid_t)-1), 0);
        assert_err(cf_kmsd_state_open(folder, &s), NOT_PERMITTED);
    }
    /* another root key opens nothing, and says so key by key */
    root.data[0] ^= 1;
    assert_ok(cf_file_write(in_folder("root.key"), cf_buf_view(&root), 0600));
    t = open_keys();
    assert_false(is_available(t, &id));
    close_keys(&t);
    root.data[0] ^= 1;
    assert_ok(cf_file_write(in_folder("root.key"), cf_buf_view(&root), 0600));
    t = open_keys();
    assert_true(is_available(t, &id));
    close_keys(&t);
}

static void test_keys_last(void **state)
{
    (void)state;
    cf_keys *t = open_keys();
    cf_uuid id = create(t, "first", ALLOW), other = create(t, "second", DENY), nobody;
    CF_BUF(blob);
    CF_BUF(out);
    struct stat st;
    const cf_key *k = cf_keys_find(t, &id, 0);
    assert_ok(cf_blob_seal(&id, cf_keyfile_current(cf_key_file(k)), CF_VIEW_EMPTY,
                           CF_LIT("plaintext"), &blob));
    cf_key_release(&k);
    assert_null(k);
    assert_int_equal(stat(key_file(&id), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    close_keys(&t);

    t = open_keys();
    k = cf_keys_find(t, &id, 0);
    assert_non_null(k);
    assert_true(cf_key_available(k));
    assert_view(cf_buf_view(&cf_key_file(k)->description), CF_LIT("first"));
    assert_int_equal(cf_key_file(k)->created_ms, 1000);
    cf_blob b;
    assert_ok(cf_blob_parse(cf_buf_view(&blob), &b));
    const cf_material *m = cf_keyfile_material(cf_key_file(k), b.material_id);
    assert_ok(cf_blob_open(&b, m, CF_VIEW_EMPTY, &out));
    assert_view(cf_buf_view(&out), CF_LIT("plaintext"));
    assert_int_equal(decide(t, &id), CF_POLICY_ALLOWED);
    assert_int_equal(decide(t, &other), CF_POLICY_DENIED);
    cf_key_release(&k);
    /* no other key's material opens it */
    k = cf_keys_find(t, &other, 0);
    assert_err(cf_blob_open(&b, cf_keyfile_current(cf_key_file(k)), CF_VIEW_EMPTY, &out), OPEN);
    cf_key_release(&k);
    assert_ok(cf_uuid_make(&nobody));
    assert_null(cf_keys_find(t, &nobody, 0));
    close_keys(&t);
}

static void test_key_is_replaced(void **state)
{
    (void)state;
    cf_keys *t = open_keys();
    cf_uuid id = create(t, "d", ALLOW);
    const cf_key *before = cf_keys_find(t, &id, 0);
    assert_ok(put_policy(t, &id, DENY));
    /* who has looked it up before has it as it was */
    assert_view(cf_buf_view(&cf_key_file(before)->policy), quoted(ALLOW));
    cf_key_release(&before);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(decide(t, &id), CF_POLICY_DENIED);
        const cf_key *k = cf_keys_find(t, &id, 0);
        assert_view(cf_buf_view(&cf_key_file(k)->policy), quoted(DENY));
        assert_view(cf_buf_view(&cf_key_file(k)->description), CF_LIT("d"));
        cf_key_release(&k);
        close_keys(&t);
        t = open_keys();
    }
    assert_err(put_policy(t, &id, "{'Statement':"), MALFORMED);
    assert_int_equal(decide(t, &id), CF_POLICY_DENIED);
    /* a policy that cannot be written does not take effect */
    assert_int_equal(rename(in_folder("keys"), in_folder("away")), 0);
    assert_false(cf_is_ok(put_policy(t, &id, ALLOW)));
    assert_int_equal(decide(t, &id), CF_POLICY_DENIED);
    assert_int_equal(rename(in_folder("away"), in_folder("keys")), 0);
    /* nor one for a key that is not there */
    CF_AUTO(cf_keyfile_clear) cf_keyfile k;
    copy_of(t, &id, &k);
    assert_ok(cf_uuid_make(&k.id));
    assert_err(cf_keys_replace(t, &k), NOT_FOUND);
    assert_int_equal(count_files("keys"), 1);
    close_keys(&t);
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
        cf_uuid seen[KEYS + 1], last;
        bool more = true;
        size_t n = 0;
        while (more) {
            size_t got = cf_keys_list(t, 0, n == 0 ? NULL : &last, page, seen, &more);
            assert_true(got >= 1 && got <= page);
            for (size_t i = 0; i < got; i++) {
                assert_true(n == 0 || strcmp(last.text, seen[i].text) < 0);
                last = seen[i];
                n++;
            }
        }
        assert_int_equal(n, KEYS);
    }
    /* a marker that is no key's id still has a place */
    cf_uuid seen[KEYS], end;
    bool more = true;
    assert_ok(cf_uuid_parse(CF_LIT("ffffffff-ffff-ffff-ffff-ffffffffffff"), &end));
    assert_int_equal(cf_keys_list(t, 0, &end, KEYS, seen, &more), 0);
    assert_false(more);
    close_keys(&t);
}

/* One damaged file costs its own key and nothing else. */
static void test_damaged_files(void **state)
{
    (void)state;
    cf_keys *t = open_keys();
    cf_uuid flipped = create(t, "flipped", ALLOW), cut = create(t, "cut", ALLOW),
            empty = create(t, "empty", ALLOW), renamed = create(t, "renamed", ALLOW),
            whole = create(t, "whole", ALLOW), as;
    close_keys(&t);
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
    assert_true(is_available(t, &whole));
    assert_false(is_available(t, &flipped));
    assert_false(is_available(t, &cut));
    assert_false(is_available(t, &empty));
    assert_false(is_available(t, &as));
    assert_null(cf_keys_find(t, &renamed, 0));
    /* a damaged one is listed, with its id alone */
    const cf_key *k = cf_keys_find(t, &flipped, 0);
    assert_int_equal(cf_key_file(k)->description.len, 0);
    assert_int_equal(cf_key_file(k)->materials_n, 0);
    cf_key_release(&k);
    cf_uuid due;
    assert_false(cf_keys_due(t, UINT64_MAX, NULL, &due));
    close_keys(&t);
}

/* What a crash between the steps of a write, and of a destruction, leaves. */
static void test_left_overs(void **state)
{
    (void)state;
    cf_keys *t = open_keys();
    cf_uuid id = create(t, "d", ALLOW), gone = create(t, "g", ALLOW);
    close_keys(&t);
    char left[256], strange[256], going[256], copy[256];
    (void)snprintf(left, sizeof left, "%s.part-aB3dE6", key_file(&id));
    (void)snprintf(going, sizeof going, "%s.gone", key_file(&gone));
    (void)snprintf(copy, sizeof copy, "%s.backup", key_file(&id));
    (void)snprintf(strange, sizeof strange, "%s", in_folder("keys/README"));
    assert_ok(cf_file_write(left, CF_LIT("half"), 0600));
    assert_ok(cf_file_write(strange, CF_LIT("not ours"), 0600));
    assert_ok(cf_file_write(copy, CF_LIT("somebody's"), 0600));
    assert_int_equal(rename(key_file(&gone), going), 0);
    t = open_keys();
    assert_int_not_equal(access(left, F_OK), 0);
    assert_int_not_equal(access(going, F_OK), 0);
    assert_int_equal(access(strange, F_OK), 0);
    assert_int_equal(access(copy, F_OK), 0);
    assert_true(is_available(t, &id));
    assert_null(cf_keys_find(t, &gone, 0));
    close_keys(&t);
}

static void test_destroy(void **state)
{
    (void)state;
    cf_keys *t = open_keys();
    cf_uuid id = create(t, "d", ALLOW), other = create(t, "o", ALLOW), due;
    CF_AUTO(cf_keyfile_clear) cf_keyfile k;
    bool more;
    copy_of(t, &id, &k);
    k.delete_ms = 5000;
    assert_ok(cf_keys_replace(t, &k));
    /* one before, at, and after its time */
    assert_false(cf_keys_due(t, 4999, NULL, &due));
    const cf_key *held = cf_keys_find(t, &id, 4999);
    assert_non_null(held);
    assert_null(cf_keys_find(t, &id, 5000));
    assert_true(cf_keys_due(t, 5000, NULL, &due));
    assert_string_equal(due.text, id.text);
    assert_false(cf_keys_due(t, 5000, &id, &due));
    cf_uuid page[2];
    assert_int_equal(cf_keys_list(t, 4999, NULL, 2, page, &more), 2);
    assert_int_equal(cf_keys_list(t, 5000, NULL, 1, page, &more), 1);
    assert_string_equal(page[0].text, other.text);
    assert_ok(cf_keys_destroy(t, &id));
    assert_null(cf_keys_find(t, &id, 0));
    assert_err(cf_keys_destroy(t, &id), NOT_FOUND);
    assert_int_equal(count_files("keys"), 1);
    /* whoever was using it may end */
    assert_int_equal(cf_keyfile_current(cf_key_file(held))->secret.len, 32);
    cf_key_release(&held);
    close_keys(&t);
    t = open_keys();
    assert_null(cf_keys_find(t, &id, 0));
    assert_true(is_available(t, &other));
    close_keys(&t);
}

static void test_rotation_is_due(void **state)
{
    (void)state;
    cf_keys *t = open_keys();
    cf_uuid id = create(t, "d", ALLOW), due;
    CF_AUTO(cf_keyfile_clear) cf_keyfile k;
    copy_of(t, &id, &k);
    k.rotation_days = 90;
    k.rotation_from_ms = 1;
    assert_ok(cf_keys_replace(t, &k));
    assert_false(cf_keys_due(t, 90 * DAY_MS, NULL, &due));
    assert_true(cf_keys_due(t, 90 * DAY_MS + 1, NULL, &due));
    copy_of(t, &id, &k);
    k.enabled = false;
    assert_ok(cf_keys_replace(t, &k));
    assert_false(cf_keys_due(t, 900 * DAY_MS, NULL, &due));
    close_keys(&t);
}

static void test_limit(void **state)
{
    (void)state;
    cf_keys *t = open_keys();
    close_keys(&t);
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
    cf_uuid last = create(t, "the last", ALLOW);
    CF_AUTO(cf_keyfile_clear) cf_keyfile k;
    copy_of(t, &last, &k);
    assert_ok(cf_uuid_make(&k.id));
    assert_err(cf_keys_create(t, &k), LIMIT);
    close_keys(&t);
}

static size_t bytes_of(cf_keys *t, const cf_uuid *id)
{
    CF_AUTO(cf_key_release) const cf_key *k = cf_keys_find(t, id, 0);
    assert_non_null(k);
    return cf_key_bytes(k);
}

/* Another key with the description and policy of one. */
static cf_result create_like(cf_keys *t, const cf_uuid *id, cf_uuid *ret)
{
    CF_AUTO(cf_keyfile_clear) cf_keyfile k;
    copy_of(t, id, &k);
    assert_ok(cf_uuid_make(&k.id));
    *ret = k.id;
    return cf_keys_create(t, &k);
}

static cf_result tag(cf_keys *t, const cf_uuid *id, const char *name)
{
    CF_AUTO(cf_keyfile_clear) cf_keyfile k;
    copy_of(t, id, &k);
    assert_ok(cf_keyfile_set_tag(&k, cf_view_str(name), CF_LIT("")));
    return cf_keys_replace(t, &k);
}

static cf_result change(cf_keys *t, const cf_uuid *id)
{
    CF_AUTO(cf_keyfile_clear) cf_keyfile k;
    CF_AUTO(cf_material_clear) cf_material m = {.created_ms = 0};
    copy_of(t, id, &k);
    k.enabled = !k.enabled;
    assert_ok(cf_material_make(k.spec, 2000, CF_MATERIAL_AUTOMATIC, &m));
    assert_ok(cf_keyfile_add_material(&k, &m));
    return cf_keys_replace(t, &k);
}

static void test_memory(void **state)
{
    (void)state;
    cf_uuid second, third;
    cf_keys *t = open_keys();
    cf_uuid first = create(t, "of all the same length", ALLOW);
    size_t each = bytes_of(t, &first);
    assert_in_range(each, 500, 1500);
    close_keys(&t);
    t = open_bounded(2 * each - 1);
    assert_err(create_like(t, &first, &second), LIMIT);
    assert_int_equal(count_files("keys"), 1);
    close_keys(&t);
    t = open_bounded(2 * each);
    assert_ok(create_like(t, &first, &second));
    assert_err(create_like(t, &first, &third), LIMIT);
    /* what takes no more is possible all the same */
    assert_ok(change(t, &first));
    assert_ok(put_policy(t, &first, DENY));
    assert_err(tag(t, &first, "a"), LIMIT);
    assert_int_equal(bytes_of(t, &first), each);
    assert_ok(cf_keys_destroy(t, &second));
    assert_ok(create_like(t, &first, &third));
    close_keys(&t);
    /* keys that are there are there, whatever they take */
    t = open_bounded(each);
    assert_int_equal(bytes_of(t, &first) + bytes_of(t, &third), 2 * each);
    assert_ok(change(t, &first));
    assert_err(tag(t, &first, "a"), LIMIT);
    assert_err(create_like(t, &first, &second), LIMIT);
    close_keys(&t);
    t = open_bounded(4 * each + 10000);
    assert_ok(tag(t, &first, "a"));
    assert_ok(tag(t, &first, "b"));
    assert_in_range(bytes_of(t, &first), each + 256, each + 10000);
    close_keys(&t);
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
        cf_policy_decision d = decide(r->t, &r->id);
        r->allowed += d == CF_POLICY_ALLOWED;
        r->denied += d == CF_POLICY_DENIED;
        r->other += d == CF_POLICY_NO_ALLOW;
        CF_AUTO(cf_key_release) const cf_key *k = cf_keys_find(r->t, &r->id, 0);
        r->other += cf_key_file(k)->policy.len == 0;
        if ((r->allowed + r->denied) % 256 == 0) {
            (void)poll(NULL, 0, 1); /* the processors are not only ours */
        }
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
        assert_ok(put_policy(t, &id, i % 2 == 0 ? DENY : ALLOW));
        (void)create(t, "more", ALLOW);
    }
    for (int i = 0; i < 2; i++) {
        __atomic_store_n(&r[i].stop, true, __ATOMIC_RELEASE);
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(r[i].other, 0);
        assert_true(r[i].allowed > 0 && r[i].denied > 0);
    }
    close_keys(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(test_root_key),        FRESH(test_root_key_damage),
        FRESH(test_keys_last),       FRESH(test_root_key_left_over),
        FRESH(test_key_is_replaced), FRESH(test_pages),
        FRESH(test_damaged_files),   FRESH(test_left_overs),
        FRESH(test_destroy),         FRESH(test_rotation_is_due),
        FRESH(test_limit),           FRESH(test_memory),
        FRESH(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
