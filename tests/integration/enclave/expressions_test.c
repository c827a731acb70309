/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions in DECRYPT: what is computed, what is opened for it, what it may cost, and secrets. */
#include <errno.h>
#include <sys/socket.h>

#include "core/codec/base64.h"
#include "core/crypto/primitives.h"
#include "core/vault/secret.h"
#include "sys/linux/clock.h"
#include "tests/integration/enclave/enclave_test.h"

/* The answer to a request with expressions; views live until the next message of the connection. */
static void ask(rig_conn *c, const rig_request *q, cf_arena *arena, cf_answer *ret)
{
    cf_msg m;
    rig_send_decrypt(c, 7, &q->message);
    assert_true(rig_receive(c, WAIT_MS, &m));
    assert_code((cf_result){rig_error(&m)}, CF_OK);
    assert_ok(cf_answer_decode(m.body, arena, ret));
    assert_true(ret->evaluated);
    assert_int_equal(ret->expressions_n, q->message.expressions_n);
    assert_int_equal(ret->fields_n, q->message.fields_n - q->message.silent_n);
}

static void assert_value(const cf_answer *a, size_t i, const char *json)
{
    if (a->expressions[i].code != CF_OK) {
        fail_msg("expression %zu: %s at %u", i, cf_err_code(a->expressions[i].code),
                 a->expressions[i].offset);
    }
    assert_view(a->expressions[i].json, cf_view_str(json));
}

static void assert_failed(const cf_answer *a, size_t i, cf_err code)
{
    assert_code((cf_result){a->expressions[i].code}, code);
    assert_int_equal(a->expressions[i].json.len, 0);
}

static void test_values(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    cf_answer a;
    CF_ARENA(arena, (size_t)1 << 20);
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_WRITE, 3);
    const cf_view unset[] = {CF_LIT("middle")};
    q.message.unset = unset;
    q.message.unset_n = 1;
    q.message.silent_n = 1;
    rig_express(&q, "up", "f002.to_uppercase()");
    rig_express(&q, "both", "[up, f000, middle]");
    rig_express(&q, "broken", "f000 +");
    rig_express(&q, "late", "1 / 0");
    rig_express(&q, "later", "late");
    rig_express(&q, "n", "size(both)");
    ask(&c, &q, &arena, &a);
    assert_opened(&q, a.fields, 0);
    assert_opened(&q, a.fields, 1);
    assert_value(&a, 0, "\"VALUE OF F002\"");
    assert_value(&a, 1, "[\"VALUE OF F002\",\"value of f000\",null]");
    assert_failed(&a, 2, CF_ERR_CEL_SYNTAX);
    assert_int_equal(a.expressions[2].offset, 6);
    assert_failed(&a, 3, CF_ERR_CEL_DIVIDE);
    assert_failed(&a, 4, CF_ERR_CEL_INPUT);
    assert_value(&a, 5, "3");
    /* what was read: f000 and f002, not f001, which is only answered */
    assert_int_equal(a.read_n, 2);
    assert_int_equal(a.read[0], 0);
    assert_int_equal(a.read[1], 2);
    assert_in_range(a.time_ms / 1000, cf_clock_wall_ms() / 1000 - 60, cf_clock_wall_ms() / 1000);
    rig_request_free(&q);
    rig_close(&c);
}

static void spoil(rig_request *q, size_t field)
{
    uint8_t *octets = (uint8_t *)(uintptr_t)q->fields[field].value.data;
    octets[q->fields[field].value.len - 1] ^= 1;
}

/* Silent fields that nothing reads are not opened: they may be anything. One that is read and does not open fails who reads it. */
static void test_what_is_opened(void **state)
{
    (void)state;
    rig_conn c;
    rig_vault v;
    rig_request q = {0};
    cf_answer a;
    CF_ARENA(arena, (size_t)1 << 20);
    rig_hello(enclave, &c);
    rig_vault_make(enclave, 1, CF_HPKE_DEFAULT, &v);
    rig_seal(&q, &v, CF_ENC_WRITE, 2);  /* 0 1 */
    rig_seal(&q, &v, CF_ENC_WRITE, 2);  /* 2 3: of a write of which 3 is read */
    rig_seal(&q, &v, CF_ENC_WRITE, 1);  /* 4: its enc is spoiled, and nobody looks */
    rig_seal(&q, &v, CF_ENC_BINARY, 2); /* 5 6 */
    rig_seal(&q, &v, CF_ENC_HEX, 1);    /* 7 */
    q.message.silent_n = 7;
    spoil(&q, 2);
    spoil(&q, 5);
    *(uint8_t *)(uintptr_t)&q.writes[2].enc.data[40] ^= 1;
    rig_express(&q, "sum", "f003 + f006 + f007");
    rig_express(&q, "lost", "f005");
    rig_express(&q, "or", "true || f005 == ''");
    rig_express(&q, "text", "'f004 f002'");
    ask(&c, &q, &arena, &a);
    assert_int_equal(a.fields_n, 1);
    assert_opened(&q, a.fields, 0);
    assert_value(&a, 0, "\"value of f003value of f006value of f007\"");
    assert_failed(&a, 1, CF_ERR_CEL_INPUT);
    assert_failed(&a, 2, CF_ERR_CEL_INPUT);
    assert_value(&a, 3, "\"f004 f002\"");
    const uint32_t read[] = {3, 5, 6, 7};
    assert_int_equal(a.read_n, 4);
    assert_memory_equal(a.read, read, sizeof read);
    rig_request_free(&q);
    rig_close(&c);
}

/* Nothing but results: no octet of a field is in the answer. */
static void test_results_only(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    cf_msg m;
    cf_answer a;
    CF_ARENA(arena, (size_t)1 << 20);
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_WRITE, 4);
    q.message.silent_n = 4;
    rig_express(&q, "same", "f000 == f001");
    rig_express(&q, "f002", "mask(f002, 1)"); /* in the field's place */
    rig_send_decrypt(&c, 7, &q.message);
    assert_true(rig_receive(&c, WAIT_MS, &m));
    assert_null(memmem(m.body.data, m.body.len, "value of", 8));
    assert_ok(cf_answer_decode(m.body, &arena, &a));
    assert_int_equal(a.fields_n, 0);
    assert_value(&a, 0, "false");
    assert_value(&a, 1, "\"************2\"");
    rig_request_free(&q);
    rig_close(&c);
}

/* Without fields there is nothing to open, and the key is asked for all the same: who may not open the vault computes nothing in it. */
static void test_no_fields(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    cf_answer a;
    CF_ARENA(arena, (size_t)1 << 20);
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_BINARY, 1);
    q.message.fields_n = 0;
    rig_express(&q, "two", "1 + 1");
    rig_kms_set(enclave, RIG_KMS_REFUSES, 0);
    assert_code((cf_result){decrypt_code(&c, &q, 1)}, CF_ERR_KMS_REFUSED);
    rig_kms_set(enclave, RIG_KMS_WORKS, 0);
    ask(&c, &q, &arena, &a);
    assert_value(&a, 0, "2");
    assert_int_equal(a.read_n, 0);
    rig_request_free(&q);
    rig_close(&c);
}

/* ---- secrets ---- */

/* The HMAC that a secret of that name gives, as the JSON of its hex. */
static void expected_hmac(const char *name, const char *text, char ret[static 80])
{
    CF_SECRET(scalar);
    CF_SECRET(key);
    CF_BUF(hex);
    cf_digest digest;
    cf_view v = cf_view_str(text);
    assert_ok(rig_scalar(enclave, CF_P384, &scalar));
    assert_ok(cf_named_secret(cf_secret_view(&scalar), cf_view_str(name), &key));
    assert_ok(cf_hmac_parts(CF_SHA256, cf_secret_view(&key), &v, 1, &digest));
    assert_ok(cf_hex_encode(cf_digest_view(&digest), &hex));
    (void)snprintf(ret, 80, "\"%.*s\"", (int)hex.len, (const char *)hex.data);
}

static void test_secrets(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    cf_answer a;
    CF_ARENA(arena, (size_t)1 << 20);
    CF_BUF(keep);
    char one[80], two[80];
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_WRITE, 1);
    q.message.silent_n = 1;
    rig_secret(&q, "one", "secret:one");
    rig_secret(&q, "two", "secret:two");
    rig_secret(&q, "false-friend", "secret:one"); /* another's blob */
    rig_secret(&q, "vaults", "wrapped:0011:1");   /* a vault's */
    rig_express(&q, "a", "hmac_sha256(f000, 'one')");
    rig_express(&q, "b", "f000.hmac_sha256('two')");
    rig_express(&q, "c", "hmac_sha256(f000, 'false-friend')");
    rig_express(&q, "d", "hmac_sha256(f000, 'vaults')");
    rig_express(&q, "e", "hmac_sha256(f000, 'three')");
    rig_express(&q, "f", "a != b");
    expected_hmac("one", "value of f000", one);
    expected_hmac("two", "value of f000", two);
    for (size_t i = 0; i < 2; i++) {
        ask(&c, &q, &arena, &a);
        assert_value(&a, 0, one);
        assert_value(&a, 1, two);
        assert_failed(&a, 2, CF_ERR_KMS_REFUSED);
        assert_failed(&a, 3, CF_ERR_KMS_REFUSED);
        assert_failed(&a, 4, CF_ERR_SECRET_UNKNOWN);
        assert_value(&a, 5, "true");
        /* the vault's key and two secrets are kept; what was refused is asked for again */
        assert_int_equal(rig_health(&c, &keep).keys, 3);
        assert_int_equal(rig_kms_calls(enclave), 5 + 2 * i);
    }
    rig_request_free(&q);
    rig_close(&c);
}

/* A secret's blob does not open a vault either. */
static void test_secret_is_no_vault_key(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_WRITE, 1);
    q.message.wrapped_key = CF_LIT("secret:one");
    assert_code((cf_result){decrypt_code(&c, &q, 1)}, CF_ERR_KMS_REFUSED);
    rig_request_free(&q);
    rig_close(&c);
}

/* Whatever the KMS does between the vault's key and a secret: the request ends in time, and all keys are given back. */
static void test_kms_fails_for_secrets(void **state)
{
    (void)state;
    static const struct {
        rig_kms_mode mode;
        cf_err request, expression;
    } rows[] = {
        {RIG_KMS_HANGS, CF_ERR_TIMEOUT, CF_OK},      {RIG_KMS_FAILS, CF_OK, CF_ERR_KMS_UNAVAILABLE},
        {RIG_KMS_NO_KEY, CF_OK, CF_ERR_KEY},         {RIG_KMS_OTHER_CMS, CF_OK, CF_ERR_KEY},
        {RIG_KMS_ATTRIBUTES, CF_OK, CF_ERR_KEY},     {RIG_KMS_OTHER_PUBLIC, CF_OK, CF_ERR_KEY},
        {RIG_KMS_GARBAGE, CF_OK, CF_ERR_KMS_ANSWER},
    };
    rig_conn c;
    rig_hello(enclave, &c);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rig_request q;
        cf_answer a;
        CF_ARENA(arena, (size_t)1 << 20);
        make_request(&q, 1, CF_ENC_WRITE, 1);
        rig_kms_set(enclave, RIG_KMS_WORKS, 0);
        assert_decrypts(&c, &q, 1); /* the vault's key is there */
        rig_kms_set(enclave, rows[i].mode, 0);
        rig_secret(&q, "one", "secret:one");
        rig_secret(&q, "two", "secret:two");
        rig_express(&q, "a", "hmac_sha256(f000, 'two')");
        rig_express(&q, "b", "size(f000)");
        q.message.deadline_ms = rows[i].request == CF_ERR_TIMEOUT ? 700 : 20000;
        if (rows[i].request != CF_OK) {
            assert_code((cf_result){decrypt_code(&c, &q, 1)}, rows[i].request);
        } else {
            ask(&c, &q, &arena, &a);
            assert_failed(&a, 0, rows[i].expression);
            assert_value(&a, 1, "13");
        }
        rig_kms_set(enclave, RIG_KMS_WORKS, 0);
        rig_kms_drop(enclave);
        rig_request_free(&q);
    }
    rig_close(&c);
}

/* ---- cost ---- */

/* All that a request may cost is spent, by many at a time; the enclave goes on answering others, at once what needs no worker. */
static void test_costly(void **state)
{
    (void)state;
    enum { REQUESTS = 24 };
    rig_conn c, other;
    rig_request q, plain;
    CF_BUF(keep);
    rig_hello(enclave, &c);
    rig_hello(enclave, &other);
    make_request(&q, 1, CF_ENC_WRITE, 1);
    make_request(&plain, 1, CF_ENC_WRITE, 1);
    assert_decrypts(&other, &plain, 1);
    rig_express(&q, "a", "lists.range(2000).all(i, lists.range(2000).all(j, i + j >= 0))");
    rig_express(&q, "b", "lists.range(100000).map(i, lists.range(100000))");
    rig_express(&q, "c",
                "lists.range(100).map(i, f000 + f000).join('').matches('(a|value)*x{100}y')");
    rig_express(&q, "d", "f000");
    for (uint64_t i = 0; i < REQUESTS; i++) {
        rig_send_decrypt(&c, i, &q.message);
    }
    uint64_t began = cf_clock_mono_ms();
    (void)rig_health(&other, &keep);
    assert_in_range(cf_clock_mono_ms() - began, 0, 500);
    for (size_t i = 0; i < REQUESTS; i++) {
        cf_msg m;
        cf_answer a;
        CF_ARENA(arena, (size_t)1 << 20);
        assert_true(rig_receive(&c, WAIT_MS, &m));
        assert_code((cf_result){rig_error(&m)}, CF_OK);
        assert_ok(cf_answer_decode(m.body, &arena, &a));
        assert_opened(&q, a.fields, 0);
        assert_failed(&a, 0, CF_ERR_BUDGET);
        assert_failed(&a, 1, CF_ERR_BUDGET);
    }
    /* some 50 ms each, and the machine may be busy */
    assert_in_range(cf_clock_mono_ms() - began, 0, REQUESTS * 300);
    assert_decrypts(&other, &plain, 2);
    rig_request_free(&q);
    rig_request_free(&plain);
    rig_close(&other);
    rig_close(&c);
}

static void test_most(void **state)
{
    (void)state;
    static char names[CF_REQUEST_EXPRESSIONS_MAX][8], sources[CF_REQUEST_EXPRESSIONS_MAX][64];
    rig_conn c;
    rig_request q;
    cf_answer a;
    CF_ARENA(arena, (size_t)4 << 20);
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_WRITE, CF_REQUEST_FIELDS_MAX);
    for (size_t i = 0; i < CF_REQUEST_EXPRESSIONS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "e%zu", i);
        if (i == 0) {
            (void)snprintf(sources[i], sizeof sources[i], "size(f000)");
        } else {
            (void)snprintf(sources[i], sizeof sources[i], "e%zu + size(f%03zu)", i - 1, i);
        }
        rig_express(&q, names[i], sources[i]);
    }
    for (size_t round = 0; round < 2; round++) {
        ask(&c, &q, &arena, &a);
        assert_value(&a, CF_REQUEST_EXPRESSIONS_MAX - 1, "1300");
        assert_int_equal(a.read_n, CF_REQUEST_EXPRESSIONS_MAX);
        for (size_t i = 0; i < CF_REQUEST_FIELDS_MAX; i++) {
            assert_opened(&q, a.fields, i);
        }
    }
    rig_request_free(&q);
    rig_close(&c);
}

/* ---- many at a time ---- */

enum { CLIENTS = 4, REQUESTS = 150 };

/* Requests with expressions of their own and shared ones, so that programs come, are shared and go. */
static void *client(void *self)
{
    size_t me = (size_t)(uintptr_t)self;
    rig_conn c;
    rig_hello(enclave, &c);
    for (size_t i = 0; i < REQUESTS; i++) {
        char own[128], want[64];
        rig_request *q = cf_mem_new(1, sizeof *q);
        CF_ARENA(arena, (size_t)1 << 20);
        cf_msg m;
        cf_answer a;
        rig_vault v;
        rig_need(q != NULL);
        rig_vault_make(enclave, 1, CF_HPKE_DEFAULT, &v);
        rig_seal(q, &v, CF_ENC_WRITE, 2);
        (void)snprintf(own, sizeof own, "f001 + ' for %zu.%zu'", me, i);
        (void)snprintf(want, sizeof want, "\"value of f001 for %zu.%zu\"", me, i);
        rig_express(q, "own", own);
        rig_express(q, "shared", "own.startsWith('value') && size(f000) == 13");
        rig_send_decrypt(&c, i, &q->message);
        rig_need(rig_receive(&c, WAIT_MS, &m) && m.kind == CF_MSG_ANSWER + CF_MSG_DECRYPT);
        rig_need(cf_is_ok(cf_answer_decode(m.body, &arena, &a)) && a.expressions_n == 2);
        rig_need(cf_view_eq(a.expressions[0].json, cf_view_str(want)));
        rig_need(cf_view_eq(a.expressions[1].json, CF_LIT("true")));
        rig_request_free(q);
        cf_mem_free(q);
    }
    rig_close(&c);
    return NULL;
}

static void test_many_clients(void **state)
{
    (void)state;
    pthread_t threads[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, client, (void *)(uintptr_t)i), 0);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    rig_conn c;
    CF_BUF(keep);
    rig_hello(enclave, &c);
    cf_health h = rig_health(&c, &keep);
    assert_int_equal(h.answered, CLIENTS * REQUESTS);
    assert_int_equal(h.inflight, 0);
    rig_close(&c);
    /* what is logged tells of no value, name or source */
    CF_BUF(log);
    rig_log(enclave, &log);
    assert_null(memmem(log.data, log.len, "value", 5));
    assert_null(memmem(log.data, log.len, "f001", 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values, start, stop),
        cmocka_unit_test_setup_teardown(test_what_is_opened, start, stop),
        cmocka_unit_test_setup_teardown(test_results_only, start, stop),
        cmocka_unit_test_setup_teardown(test_no_fields, start, stop),
        cmocka_unit_test_setup_teardown(test_secrets, start, stop),
        cmocka_unit_test_setup_teardown(test_secret_is_no_vault_key, start, stop),
        cmocka_unit_test_setup_teardown(test_kms_fails_for_secrets, start, stop),
        cmocka_unit_test_setup_teardown(test_costly, start, stop),
        cmocka_unit_test_setup_teardown(test_most, start, stop),
        cmocka_unit_test_setup_teardown(test_many_clients, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
