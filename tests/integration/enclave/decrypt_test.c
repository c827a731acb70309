/* SPDX-License-Identifier: Apache-2.0 */
/* What DECRYPT answers. */
#include <errno.h>
#include <sys/socket.h>

#include "tests/integration/enclave/enclave_test.h"

static void test_hello(void **state)
{
    (void)state;
    rig_conn c;
    cf_msg m;
    cf_hello_answer a;
    rig_connect(enclave, &c);
    rig_send(&c, CF_MSG_HELLO, 7, CF_LIT("\xa2\x01\x01\x02\x09"));
    assert_true(rig_receive(&c, WAIT_MS, &m));
    assert_int_equal(m.kind, CF_MSG_ANSWER + CF_MSG_HELLO);
    assert_int_equal(m.request, 7);
    assert_ok(cf_hello_answer_decode(m.body, &a));
    assert_int_equal(a.version, 1);
    assert_view(a.pcr0, rig_pcr0(enclave));
    assert_true(a.workers >= 1);
    assert_int_equal(a.inflight_max, 64);
    assert_non_null(memmem(a.module_id.data, a.module_id.len, CF_SOFT_INSTANCE_ID,
                           strlen(CF_SOFT_INSTANCE_ID)));
    rig_close(&c);
}

static void test_encodings(void **state)
{
    (void)state;
    static const cf_encoding all[] = {CF_ENC_HEX, CF_ENC_BINARY, CF_ENC_WRITE};
    rig_conn c;
    rig_hello(enclave, &c);
    for (size_t i = 0; i < 3; i++) {
        rig_request q;
        make_request(&q, 1, all[i], 12);
        assert_decrypts(&c, &q, i);
        rig_request_free(&q);
    }
    assert_int_equal(rig_kms_calls(enclave), 1);
    rig_close(&c);
}

static void test_suites(void **state)
{
    (void)state;
    static const cf_hpke_suite suites[] = {{CF_P256, CF_SHA256, CF_AES_128_GCM},
                                           {CF_P521, CF_SHA512, CF_AES_256_GCM},
                                           {CF_P384, CF_SHA384, CF_CHACHA20_POLY1305}};
    rig_conn c;
    rig_hello(enclave, &c);
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        rig_vault v;
        rig_request q = {0};
        rig_vault_make(enclave, 1, suites[i], &v);
        rig_seal(&q, &v, CF_ENC_WRITE, 5);
        rig_seal(&q, &v, CF_ENC_BINARY, 2);
        assert_decrypts(&c, &q, i);
        rig_request_free(&q);
    }
    rig_close(&c);
}

/* A key of X25519 from the KMS has octets that nothing binds to the others, so none is taken. */
static void test_suite_without_pairs(void **state)
{
    (void)state;
    const cf_hpke_suite suite = {CF_X25519, CF_SHA256, CF_CHACHA20_POLY1305};
    rig_conn c;
    rig_vault v;
    rig_request q = {0};
    rig_hello(enclave, &c);
    rig_vault_make(enclave, 1, suite, &v);
    rig_seal(&q, &v, CF_ENC_WRITE, 5);
    assert_code((cf_result){decrypt_code(&c, &q, 1)}, CF_ERR_KEY);
    rig_request_free(&q);
    rig_close(&c);
}

/* Three encodings and three writes in one request, asked for in an order of their own. */
static void test_order_and_mixture(void **state)
{
    (void)state;
    rig_conn c;
    rig_vault v;
    rig_request q = {0};
    rig_hello(enclave, &c);
    rig_vault_make(enclave, 1, CF_HPKE_DEFAULT, &v);
    rig_seal(&q, &v, CF_ENC_WRITE, 5);
    rig_seal(&q, &v, CF_ENC_BINARY, 4);
    rig_seal(&q, &v, CF_ENC_WRITE, 3);
    rig_seal(&q, &v, CF_ENC_HEX, 4);
    rig_seal(&q, &v, CF_ENC_WRITE, 4);
    static cf_field turned[20];
    for (size_t i = 0; i < 20; i++) {
        turned[i] = q.fields[i * 7 % 20];
    }
    q.message.fields = turned;
    CF_ARENA(arena, (size_t)1 << 20);
    cf_msg m;
    const cf_field_result *results;
    rig_send_decrypt(&c, 1, &q.message);
    assert_true(rig_receive(&c, WAIT_MS, &m));
    assert_int_equal(results_of(&m, &arena, &results), 20);
    for (size_t i = 0; i < 20; i++) {
        char value[64];
        (void)snprintf(value, sizeof value, "value of %s", q.names[i * 7 % 20]);
        assert_view(results[i].name, turned[i].name);
        assert_view(results[i].value, cf_view_str(value));
    }
    rig_request_free(&q);
    rig_close(&c);
}

static void flip(rig_request *q, size_t field)
{
    uint8_t *octets = (uint8_t *)(uintptr_t)q->fields[field].value.data;
    octets[q->fields[field].value.len - 1] ^= 1;
}

static void test_partial_failure(void **state)
{
    (void)state;
    rig_conn c;
    rig_vault v;
    rig_request q = {0};
    rig_hello(enclave, &c);
    rig_vault_make(enclave, 1, CF_HPKE_DEFAULT, &v);
    rig_seal(&q, &v, CF_ENC_WRITE, 3);  /* 0 1 2 */
    rig_seal(&q, &v, CF_ENC_WRITE, 2);  /* 3 4: its enc is spoiled */
    rig_seal(&q, &v, CF_ENC_BINARY, 2); /* 5 6 */
    rig_seal(&q, &v, CF_ENC_HEX, 3);    /* 7 8 9 */
    flip(&q, 1);
    flip(&q, 5);
    *(uint8_t *)(uintptr_t)&q.writes[1].enc.data[40] ^= 1;
    *(uint8_t *)(uintptr_t)&q.fields[7].value.data[3] = 'x'; /* no hex */
    static const bool opens[] = {true, false, true, false, false, false, true, false, true, true};
    CF_ARENA(arena, (size_t)1 << 20);
    cf_msg m;
    const cf_field_result *results;
    rig_send_decrypt(&c, 1, &q.message);
    assert_true(rig_receive(&c, WAIT_MS, &m));
    assert_int_equal(results_of(&m, &arena, &results), 10);
    for (size_t i = 0; i < 10; i++) {
        if (opens[i]) {
            assert_opened(&q, results, i);
        } else {
            assert_code((cf_result){results[i].code}, CF_ERR_OPEN);
            assert_int_equal(results[i].value.len, 0);
        }
    }
    rig_request_free(&q);
    rig_close(&c);
}

/* What the bindings of encoding 3 cover is refused here whatever the host does: record.md section 4. */
static void test_bindings(void **state)
{
    (void)state;
    rig_conn c;
    rig_hello(enclave, &c);
    for (size_t change = 0; change < 7; change++) {
        rig_request q;
        make_request(&q, 1, CF_ENC_WRITE, 2);
        cf_view name = q.fields[0].name;
        switch (change) {
        case 0: /* ciphertexts of two fields exchanged */
            q.fields[0].name = q.fields[1].name;
            q.fields[1].name = name;
            break;
        case 1:
            q.fields[0].seq = 1;
            q.fields[1].seq = 0;
            break;
        case 2:
            q.message.schema = CF_LIT("other");
            break;
        case 3:
            q.writes[0].version = 9;
            break;
        case 4:
            *(uint8_t *)(uintptr_t)q.writes[0].id.data ^= 1;
            break;
        case 5:
            q.message.vault_id = CF_LIT("v_000000000000000000000000001");
            break;
        default:
            q.message.suite.aead = CF_CHACHA20_POLY1305;
            break;
        }
        CF_ARENA(arena, (size_t)1 << 20);
        cf_msg m;
        const cf_field_result *results;
        rig_send_decrypt(&c, change, &q.message);
        assert_true(rig_receive(&c, WAIT_MS, &m));
        assert_int_equal(results_of(&m, &arena, &results), 2);
        assert_code((cf_result){results[0].code}, CF_ERR_OPEN);
        assert_code((cf_result){results[1].code}, CF_ERR_OPEN);
        rig_request_free(&q);
    }
    rig_close(&c);
}

static void test_suite_of_another_curve(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_BINARY, 1);
    q.message.suite = (cf_hpke_suite){CF_P256, CF_SHA256, CF_AES_128_GCM};
    assert_code((cf_result){decrypt_code(&c, &q, 1)}, CF_ERR_KEY);
    q.message.suite = CF_HPKE_DEFAULT;
    assert_decrypts(&c, &q, 2);
    assert_int_equal(rig_kms_calls(enclave),
                     2); /* what is of another curve is no key, and not kept */
    q.message.suite = (cf_hpke_suite){CF_P256, CF_SHA256, CF_AES_128_GCM};
    assert_code((cf_result){decrypt_code(&c, &q, 3)},
                CF_ERR_KEY); /* nor is it served from the cache */
    q.message.suite = CF_HPKE_DEFAULT;
    assert_decrypts(&c, &q, 4);
    assert_int_equal(rig_kms_calls(enclave), 3);
    rig_request_free(&q);
    rig_close(&c);
}

static void test_most_fields(void **state)
{
    (void)state;
    rig_conn c;
    rig_request q;
    rig_hello(enclave, &c);
    make_request(&q, 1, CF_ENC_WRITE, CF_REQUEST_FIELDS_MAX);
    assert_decrypts(&c, &q, 1);
    rig_request_free(&q);
    make_request(&q, 1, CF_ENC_BINARY, CF_REQUEST_FIELDS_MAX);
    assert_decrypts(&c, &q, 2);
    rig_request_free(&q);
    rig_close(&c);
}

#define CLIENTS 4
#define REQUESTS 300

/* One agent connection with many requests in flight; answers come in any order and each belongs to its request. */
static void *client(void *unused)
{
    (void)unused;
    rig_conn c;
    static const cf_encoding all[] = {CF_ENC_HEX, CF_ENC_BINARY, CF_ENC_WRITE};
    rig_request q[3];
    rig_hello(enclave, &c);
    for (size_t i = 0; i < 3; i++) {
        rig_vault v;
        q[i] = (rig_request){0};
        rig_vault_make(enclave, 1, CF_HPKE_DEFAULT, &v);
        rig_seal(&q[i], &v, all[i], 3 + i);
        cf_view kept;
        rig_need(cf_is_ok(cf_arena_copy(&q[i].arena, cf_view_make(v.blob, v.blob_len), &kept)));
        q[i].message.wrapped_key = kept;
    }
    uint64_t sent = 0, got = 0;
    while (got < REQUESTS) {
        while (sent < REQUESTS && sent - got < 40) {
            rig_send_decrypt(&c, sent, &q[sent % 3].message);
            sent++;
        }
        CF_ARENA(arena, (size_t)1 << 20);
        cf_msg m;
        const cf_field_result *results;
        size_t n;
        rig_need(rig_receive(&c, WAIT_MS, &m) && m.kind == CF_MSG_ANSWER + CF_MSG_DECRYPT);
        rig_need(cf_is_ok(cf_results_decode(m.body, &arena, &results, &n)) &&
                 n == 3 + m.request % 3);
        for (size_t i = 0; i < n; i++) {
            char value[64];
            (void)snprintf(value, sizeof value, "value of f%03zu", i);
            rig_need(cf_view_eq(results[i].value, cf_view_str(value)));
        }
        got++;
    }
    for (size_t i = 0; i < 3; i++) {
        rig_request_free(&q[i]);
    }
    rig_close(&c);
    return NULL;
}

static void test_many_clients(void **state)
{
    (void)state;
    pthread_t threads[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, client, NULL), 0);
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
    assert_int_equal(h.kms_calls, 1);
    assert_int_equal(h.keys, 1);
    rig_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hello, start, stop),
        cmocka_unit_test_setup_teardown(test_encodings, start, stop),
        cmocka_unit_test_setup_teardown(test_suites, start, stop),
        cmocka_unit_test_setup_teardown(test_suite_without_pairs, start, stop),
        cmocka_unit_test_setup_teardown(test_order_and_mixture, start, stop),
        cmocka_unit_test_setup_teardown(test_partial_failure, start, stop),
        cmocka_unit_test_setup_teardown(test_bindings, start, stop),
        cmocka_unit_test_setup_teardown(test_suite_of_another_curve, start, stop),
        cmocka_unit_test_setup_teardown(test_most_fields, start, stop),
        cmocka_unit_test_setup_teardown(test_many_clients, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
