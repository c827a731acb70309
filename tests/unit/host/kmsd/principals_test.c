/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include <unistd.h>

#include "core/codec/base64.h"
#include "host/kmsd/principals.h"
#include "sys/linux/file.h"
#include "tests/support/test.h"

static char folder[64], file[96];
static cf_secret key;

static int make_folder(void **state)
{
    (void)state;
    /* what fills a table syncs its file a thousand times */
    const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(folder, sizeof folder, "%s/principals_test.XXXXXX", where);
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    (void)snprintf(file, sizeof file, "%s/principals.cbor", folder);
    memset(key.b, 7, 32);
    key.len = 32;
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(file);
    return rmdir(folder);
}

static cf_principals *open_table(void)
{
    cf_principals *t = NULL;
    assert_ok(cf_principals_open(folder, &key, &t));
    return t;
}

static cf_principal user(const char *name, const char *access_key_id)
{
    cf_principal p = {.kind = CF_PRINCIPAL_USER, .account = "123456789012", .created_ms = 5};
    (void)snprintf(p.name, sizeof p.name, "%s", name);
    (void)snprintf(p.access_key_id, sizeof p.access_key_id, "%s", access_key_id);
    assert_ok(cf_secret_set(&p.secret, CF_LIT("a secret of twenty five")));
    return p;
}

static cf_principal role(const char *name, const char *account, uint64_t created_ms)
{
    cf_principal p = {.kind = CF_PRINCIPAL_ROLE, .created_ms = created_ms};
    (void)snprintf(p.name, sizeof p.name, "%s", name);
    (void)snprintf(p.account, sizeof p.account, "%s", account);
    return p;
}

static void add(cf_principals *t, cf_principal p)
{
    assert_ok(cf_principals_add(t, &p));
}

static void test_principals_last(void **state)
{
    (void)state;
    cf_principals *t = open_table();
    cf_principal p;
    assert_err(cf_principals_by_key(t, CF_LIT("AKIA1"), &p), NOT_FOUND);
    add(t, user("ada", "AKIA1"));
    add(t, user("ada", "AKIA2")); /* two keys of one user, so that one can be replaced */
    add(t, role("parent", "123456789012", 9));
    add(t, role("parent", "999999999999", 9));
    cf_principal again = user("eve", "AKIA1");
    assert_err(cf_principals_add(t, &again), EXISTS);
    again = role("parent", "123456789012", 10);
    assert_err(cf_principals_add(t, &again), EXISTS);
    cf_principals_free(&t);
    assert_null(t);
    struct stat st;
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    t = open_table();
    assert_ok(cf_principals_by_key(t, CF_LIT("AKIA2"), &p));
    assert_string_equal(p.name, "ada");
    assert_view(cf_secret_view(&p.secret), CF_LIT("a secret of twenty five"));
    assert_err(cf_principals_by_key(t, CF_LIT("AKIA"), &p), NOT_FOUND);
    assert_err(cf_principals_by_key(t, CF_LIT(""), &p), NOT_FOUND); /* no role has it */
    assert_ok(cf_principals_by_role(t, CF_LIT("parent"), CF_LIT("999999999999"), &p));
    assert_true(p.created_ms == 9);
    assert_err(cf_principals_by_role(t, CF_LIT("ada"), CF_LIT("123456789012"), &p), NOT_FOUND);
    for (size_t i = 0; i < 4; i++) {
        assert_ok(cf_principals_at(t, i, &p));
        assert_int_equal(p.secret.len, 0);
    }
    assert_err(cf_principals_at(t, 4, &p), NOT_FOUND);

    assert_ok(cf_principals_remove_key(t, CF_LIT("AKIA1")));
    assert_err(cf_principals_remove_key(t, CF_LIT("AKIA1")), NOT_FOUND);
    assert_ok(cf_principals_remove_role(t, CF_LIT("parent"), CF_LIT("123456789012")));
    assert_err(cf_principals_remove_role(t, CF_LIT("parent"), CF_LIT("123456789012")), NOT_FOUND);
    cf_principals_free(&t);
    t = open_table();
    assert_ok(cf_principals_at(t, 0, &p));
    assert_string_equal(p.access_key_id, "AKIA2");
    assert_ok(cf_principals_at(t, 1, &p));
    assert_string_equal(p.account, "999999999999");
    assert_err(cf_principals_at(t, 2, &p), NOT_FOUND);
    cf_principals_free(&t);
}

/* What cannot be written is not there afterwards, and what cannot be removed still is. */
static void test_failing_writes(void **state)
{
    (void)state;
    cf_principals *t = open_table();
    cf_principal p;
    add(t, user("ada", "AKIA1"));
    add(t, user("bob", "AKIA2"));
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(folder), 0);
    cf_principal more = user("eve", "AKIA3");
    assert_false(cf_is_ok(cf_principals_add(t, &more)));
    assert_err(cf_principals_by_key(t, CF_LIT("AKIA3"), &p), NOT_FOUND);
    assert_false(cf_is_ok(cf_principals_remove_key(t, CF_LIT("AKIA1"))));
    assert_ok(cf_principals_by_key(t, CF_LIT("AKIA1"), &p));
    assert_ok(cf_principals_by_key(t, CF_LIT("AKIA2"), &p));
    assert_int_equal(mkdir(folder, 0700), 0);
    add(t, more);
    assert_ok(cf_principals_at(t, 2, &p));
    cf_principals_free(&t);
}

/* No octet of the file can be changed, none be missing, and no secret is read in it. */
static void test_file_is_sealed(void **state)
{
    (void)state;
    CF_BUF(octets);
    cf_principals *t = open_table();
    add(t, user("ada", "AKIA1"));
    cf_principals_free(&t);
    assert_ok(cf_file_read(file, 10000, &octets));
    for (size_t i = 0; i + 6 <= octets.len; i++) {
        assert_false(cf_view_eq(cf_view_make(octets.data + i, 6), CF_LIT("secret")));
    }
    for (size_t i = 0; i < octets.len; i++) {
        octets.data[i] ^= 1;
        assert_ok(cf_file_write(file, cf_buf_view(&octets), 0600));
        assert_false(cf_is_ok(cf_principals_open(folder, &key, &t)));
        assert_null(t);
        octets.data[i] ^= 1;
        assert_ok(cf_file_write(file, cf_view_make(octets.data, i), 0600));
        assert_false(cf_is_ok(cf_principals_open(folder, &key, &t)));
    }
    assert_ok(cf_file_write(file, cf_buf_view(&octets), 0600));
    cf_secret other = key;
    other.b[0] ^= 1;
    assert_err(cf_principals_open(folder, &other, &t), OPEN);
    t = open_table();
    cf_principals_free(&t);
}

static void test_limit(void **state)
{
    (void)state;
    cf_principals *t = open_table();
    char id[32];
    for (size_t i = 0; i < CF_KMSD_PRINCIPALS_MAX; i++) {
        (void)snprintf(id, sizeof id, "AKIA%zu", i);
        /* the longest of all, so that the file's bound is one that a full table meets */
        cf_principal p = user("ada", id);
        memset(p.name, 'n', CF_KMSD_NAME_BYTES_MAX);
        p.name[CF_KMSD_NAME_BYTES_MAX] = '\0';
        memset(p.access_key_id + strlen(id), 'K', CF_KMSD_ACCESS_KEY_BYTES_MAX - strlen(id));
        p.access_key_id[CF_KMSD_ACCESS_KEY_BYTES_MAX] = '\0';
        memset(p.secret.b, 's', CF_KMSD_ACCESS_SECRET_BYTES_MAX);
        p.secret.len = CF_KMSD_ACCESS_SECRET_BYTES_MAX;
        assert_ok(cf_principals_add(t, &p));
    }
    cf_principal p = user("one", "AKIAtoomany");
    assert_err(cf_principals_add(t, &p), LIMIT);
    cf_principals_free(&t);
    t = open_table();
    assert_ok(cf_principals_at(t, CF_KMSD_PRINCIPALS_MAX - 1, &p));
    cf_principals_free(&t);
}

/* --- texts --- */

static void test_names(void **state)
{
    (void)state;
    char name[CF_KMSD_NAME_BYTES_MAX + 2];
    for (size_t n = CF_KMSD_NAME_BYTES_MAX - 1; n <= CF_KMSD_NAME_BYTES_MAX + 1; n++) {
        memset(name, 'n', n);
        assert_true(cf_principal_name_ok(cf_view_make(name, n)) == (n <= CF_KMSD_NAME_BYTES_MAX));
    }
    assert_true(cf_principal_name_ok(CF_LIT("a.B_c-d@e+f=g,9")));
    static const char *const bad[] = {"", "a/b", "a b", "a:b", "a*", "a\n", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(cf_principal_name_ok(cf_view_str(bad[i])));
        assert_false(cf_principal_key_id_ok(cf_view_str(bad[i])));
    }
    assert_false(cf_principal_name_ok(CF_VIEW_OF("a")));
    assert_true(cf_principal_key_id_ok(CF_LIT("AKIDEXAMPLE")));
    assert_false(cf_principal_key_id_ok(CF_LIT("AKID-EXAMPLE")));
    assert_true(cf_principal_account_ok(CF_LIT("123456789012")));
    assert_false(cf_principal_account_ok(CF_LIT("12345678901")));
    assert_false(cf_principal_account_ok(CF_LIT("12345678901x")));
}

static void test_keys_and_arns(void **state)
{
    (void)state;
    char first[CF_KMSD_ACCESS_KEY_BYTES_MAX + 1], second[CF_KMSD_ACCESS_KEY_BYTES_MAX + 1];
    char arn[CF_KMSD_CALLER_BYTES_MAX];
    CF_SECRET(a);
    CF_SECRET(b);
    assert_ok(cf_principal_make_key("AKIA", first, &a));
    assert_ok(cf_principal_make_key("ASIA", second, &b));
    assert_int_equal(strlen(first), 20);
    assert_memory_equal(second, "ASIA", 4);
    assert_string_not_equal(first + 4, second + 4);
    assert_int_equal(a.len, 40);
    assert_false(cf_ct_eq(cf_secret_view(&a), cf_secret_view(&b)));
    cf_principal p = user("ada", "AKIA1");
    cf_principal_arn("aws", &p, arn);
    assert_string_equal(arn, "arn:aws:iam::123456789012:user/ada");
    p = role("parent", "123456789012", 0);
    cf_principal_arn("aws-cn", &p, arn);
    assert_string_equal(arn, "arn:aws-cn:iam::123456789012:role/parent");
}

/* --- sessions --- */

static cf_session session(void)
{
    cf_session s = {.access_key_id = "ASIA1",
                    .role = "parent",
                    .account = "123456789012",
                    .name = "i-1",
                    .role_created_ms = 9,
                    .expires_ms = 1000};
    assert_ok(cf_secret_set(&s.secret, CF_LIT("secret of a session")));
    return s;
}

static void test_sessions(void **state)
{
    (void)state;
    CF_BUF(token);
    CF_BUF(again);
    cf_session s = session(), back;
    assert_ok(cf_session_seal(&key, &s, &token));
    assert_ok(cf_session_seal(&key, &s, &again));
    assert_false(cf_view_eq(cf_buf_view(&token), cf_buf_view(&again)));
    assert_ok(cf_session_open(&key, cf_buf_view(&token), &back));
    assert_string_equal(back.access_key_id, "ASIA1");
    assert_string_equal(back.role, "parent");
    assert_string_equal(back.account, "123456789012");
    assert_string_equal(back.name, "i-1");
    assert_true(back.role_created_ms == 9 && back.expires_ms == 1000);
    assert_view(cf_secret_view(&back.secret), CF_LIT("secret of a session"));
    cf_secret other = key;
    other.b[31] ^= 1;
    assert_err(cf_session_open(&other, cf_buf_view(&token), &back), OPEN);
    assert_int_equal(back.secret.len, 0);
}

static void test_tampered_tokens(void **state)
{
    (void)state;
    CF_BUF(token);
    CF_BUF(octets);
    cf_session s = session(), back;
    assert_ok(cf_session_seal(&key, &s, &token));
    assert_ok(cf_base64_decode(cf_buf_view(&token), &octets));
    for (size_t i = 0; i < octets.len; i++) {
        CF_BUF(text);
        octets.data[i] ^= 1;
        assert_ok(cf_base64_encode(cf_buf_view(&octets), &text));
        octets.data[i] ^= 1;
        assert_err(cf_session_open(&key, cf_buf_view(&text), &back), OPEN);
        cf_buf_clear(&text);
        assert_ok(cf_base64_encode(cf_view_make(octets.data, i), &text));
        assert_err(cf_session_open(&key, cf_buf_view(&text), &back), OPEN);
    }
    static const char *const bad[] = {"", "AA==", "no base64", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_err(cf_session_open(&key, cf_view_str(bad[i]), &back), OPEN);
    }
    assert_ok(cf_buf_append(&token, CF_LIT("A")));
    assert_err(cf_session_open(&key, cf_buf_view(&token), &back), OPEN);
}

/* The longest session fits a token, and the token what a verifier takes. */
static void test_longest_session(void **state)
{
    (void)state;
    CF_BUF(token);
    cf_session s = session(), back;
    memset(s.access_key_id, 'A', CF_KMSD_ACCESS_KEY_BYTES_MAX);
    memset(s.role, 'r', CF_KMSD_NAME_BYTES_MAX);
    memset(s.name, 'n', CF_KMSD_NAME_BYTES_MAX);
    memset(s.secret.b, 's', CF_KMSD_ACCESS_SECRET_BYTES_MAX);
    s.secret.len = CF_KMSD_ACCESS_SECRET_BYTES_MAX;
    s.expires_ms = s.role_created_ms = UINT64_MAX;
    assert_ok(cf_session_seal(&key, &s, &token));
    assert_true(token.len < 700);
    assert_ok(cf_session_open(&key, cf_buf_view(&token), &back));
    assert_string_equal(back.name, s.name);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_principals_last), IN_FOLDER(test_failing_writes),
        IN_FOLDER(test_file_is_sealed),  IN_FOLDER(test_limit),
        IN_FOLDER(test_names),           IN_FOLDER(test_keys_and_arns),
        IN_FOLDER(test_sessions),        IN_FOLDER(test_tampered_tokens),
        IN_FOLDER(test_longest_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
