/* SPDX-License-Identifier: Apache-2.0 */
#include "core/wire/wire.h"
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

/* Every body whose decoder takes nothing but the body, so that all go through the same refusals. */
static cf_result hello(cf_view v)
{
    cf_hello m;
    return cf_hello_decode(v, &m);
}

static cf_result hello_answer(cf_view v)
{
    cf_hello_answer m;
    return cf_hello_answer_decode(v, &m);
}

static cf_result health(cf_view v)
{
    cf_health m;
    return cf_health_decode(v, &m);
}

static cf_result credentials(cf_view v)
{
    cf_credentials_view m;
    return cf_credentials_decode(v, &m);
}

static cf_result error(cf_view v)
{
    cf_err m;
    return cf_error_decode(v, &m);
}

static cf_result attest(cf_view v)
{
    cf_attest_ask m;
    return cf_attest_ask_decode(v, &m);
}

static cf_result attest_answer(cf_view v)
{
    cf_view m;
    return cf_attest_doc_decode(v, &m);
}

#define BOOT "50 000102030405060708090a0b0c0d0e0f"
#define PCR0                                                                                       \
    "5830 "                                                                                        \
    "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d" \
    "0e0f"
#define ANSWER "a6 01 01 02 " BOOT " 03 61 6d 04 " PCR0 " 05 18 40 06 02"

static const struct {
    const char *name, *whole;
    cf_result (*decode)(cf_view);
} bodies[] = {
    {"hello", "a2 01 01 02 03", hello},
    {"hello answer", ANSWER, hello_answer},
    {"health", "a6 01 65 7265616479 02 19 2710 03 05 04 06 05 07 06 08", health},
    {"credentials", "a4 01 62 414b 02 62 534b 03 62 5354 04 1a 00010000", credentials},
    {"error", "a1 01 64 62757379", error},
    {"empty", "a0", cf_empty_decode},
    {"attest", "a2 01 19 1388 02 43 010203", attest},
    {"attest answer", "a1 01 43 840102", attest_answer},
};
#define BODIES_N (sizeof bodies / sizeof *bodies)

static void test_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < BODIES_N; i++) {
        cf_view v = view_hex(bodies[i].whole);
        assert_ok(bodies[i].decode(v));
        view_free(v);
    }
}

static void test_truncated_and_trailing(void **state)
{
    (void)state;
    for (size_t i = 0; i < BODIES_N; i++) {
        cf_view v = view_hex(bodies[i].whole);
        for (size_t n = 0; n < v.len; n++) {
            cf_view part = view_copy(cf_view_sub(v, 0, n));
            assert_false(cf_is_ok(bodies[i].decode(part)));
            view_free(part);
        }
        CF_BUF(more);
        assert_ok(cf_buf_append(&more, v));
        assert_ok(cf_buf_append(&more, CF_LIT("\xa0")));
        assert_err(bodies[i].decode(cf_buf_view(&more)), TRAILING);
        view_free(v);
    }
}

/* Unknown keys: refused below 64, skipped from 64 on, wherever the body's own keys end. */
static void test_unknown_keys(void **state)
{
    (void)state;
    static const struct {
        const char *pair;
        cf_err err;
    } more[] = {
        {"07 00", CF_ERR_UNKNOWN_MEMBER},  {"183f 00", CF_ERR_UNKNOWN_MEMBER},
        {"1840 83 01 a1 02 03 f6", CF_OK}, {"1a 00010000 40", CF_OK},
        {"00 00", CF_ERR_MALFORMED},       {"61 78 00", CF_ERR_WRONG_TYPE},
    };
    for (size_t i = 0; i < BODIES_N; i++) {
        cf_view v = view_hex(bodies[i].whole);
        for (size_t j = 0; j < sizeof more / sizeof *more; j++) {
            cf_view pair = view_hex(more[j].pair);
            CF_BUF(body);
            assert_ok(cf_buf_append(&body, v));
            body.data[0]++; /* one pair more */
            assert_ok(cf_buf_append(&body, pair));
            assert_code(bodies[i].decode(cf_buf_view(&body)), more[j].err);
            view_free(pair);
        }
        view_free(v);
    }
}

static void test_missing(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cf_result (*decode)(cf_view);
    } lacks[] = {
        {"a0", hello},
        {"a1 01 01", hello},
        {"a1 02 01", hello},
        {"a0", hello_answer},
        {"a0", health},
        {"a0", error},
        {"a0", credentials},
        {"a1 01 62 414b", credentials},
        {"a1 02 62 534b", credentials},
        {"a0", attest},
        {"a1 02 41 00", attest},
        {"a0", attest_answer},
    };
    for (size_t i = 0; i < sizeof lacks / sizeof *lacks; i++) {
        cf_view v = view_hex(lacks[i].hex);
        assert_err(lacks[i].decode(v), MISSING);
        view_free(v);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cf_result (*decode)(cf_view);
        cf_err err;
    } bad[] = {
        {"a2 01 01 01 01", hello, CF_ERR_DUPLICATE},
        {"a2 02 01 01 01", hello, CF_ERR_MALFORMED}, /* disorder */
        {"a2 01 02 02 01", hello, CF_ERR_RANGE},     /* lowest over highest */
        {"a2 01 00 02 01", hello, CF_ERR_RANGE},     /* version 0 */
        {"a2 01 61 31 02 01", hello, CF_ERR_WRONG_TYPE},
        {"82 01 01", hello, CF_ERR_WRONG_TYPE},
        {"bf 01 01 02 01 ff", hello, CF_ERR_MALFORMED}, /* indefinite */
        {"a2 01 1801 02 01", hello, CF_ERR_MALFORMED},  /* not the shortest */
        {"a6 01 01 02 4100 03 616d 04 " PCR0 " 05 01 06 01", hello_answer,
         CF_ERR_MALFORMED}, /* boot id of one octet */
        {"a6 01 01 02 " BOOT " 03 60 04 " PCR0 " 05 01 06 01", hello_answer, CF_ERR_EMPTY},
        {"a6 01 01 02 " BOOT " 03 61ff 04 " PCR0 " 05 01 06 01", hello_answer, CF_ERR_UTF8},
        {"a6 01 01 02 " BOOT " 03 616d 04 40 05 01 06 01", hello_answer, CF_ERR_MALFORMED},
        {"a6 01 01 02 " BOOT " 03 616d 04 " PCR0 " 05 00 06 01", hello_answer, CF_ERR_RANGE},
        {"a1 01 62 6f6b", error, CF_ERR_MALFORMED}, /* "ok" is no error */
        {"a1 01 60", error, CF_ERR_EMPTY},
        {"a2 01 60 02 62 534b", credentials, CF_ERR_EMPTY},
        {"a2 01 62 414b 02 60", credentials, CF_ERR_EMPTY},
        {"a3 01 62 414b 02 62 534b 04 00", credentials, CF_ERR_RANGE},
        {"a1 01 20", hello, CF_ERR_WRONG_TYPE},
        {"a1 01 00", attest, CF_ERR_RANGE},
        {"a1 01 19 ea61", attest, CF_ERR_RANGE}, /* 60001 ms */
        {"a2 01 01 02 40", attest, CF_ERR_EMPTY},
        {"a2 01 01 02 61 6e", attest, CF_ERR_WRONG_TYPE},
        {"a1 01 40", attest_answer, CF_ERR_EMPTY},
        {"a1 01 f6", attest_answer, CF_ERR_WRONG_TYPE},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cf_view v = view_hex(bad[i].hex);
        cf_result r = bad[i].decode(v);
        if (r.code != bad[i].err) {
            fail_msg("%s: %s, not %s", bad[i].hex, cf_err_code(r.code), cf_err_code(bad[i].err));
        }
        view_free(v);
    }
}

static void test_round_trips(void **state)
{
    (void)state;
    CF_BUF(out);
    const cf_hello h = {1, 9};
    cf_hello h2;
    assert_ok(cf_hello_encode(&h, &out));
    assert_ok(cf_hello_decode(cf_buf_view(&out), &h2));
    assert_int_equal(h2.version_min, 1);
    assert_int_equal(h2.version_max, 9);
    assert_true(out.len <= CF_HELLO_BYTES_MAX);

    uint8_t boot[CF_BOOT_ID_BYTES] = {1}, pcr[CF_PCR_BYTES] = {2};
    const cf_hello_answer a = {1, 64, 2, CF_VIEW_OF(boot), CF_LIT("i-0-enc0"), CF_VIEW_OF(pcr)};
    cf_hello_answer a2;
    cf_buf_clear(&out);
    assert_ok(cf_hello_answer_encode(&a, &out));
    assert_ok(cf_hello_answer_decode(cf_buf_view(&out), &a2));
    assert_view(a2.boot_id, a.boot_id);
    assert_view(a2.module_id, a.module_id);
    assert_view(a2.pcr0, a.pcr0);
    assert_int_equal(a2.inflight_max, 64);
    assert_int_equal(a2.workers, 2);

    const cf_health e = {CF_LIT("draining"), 1, 2, 3, 4, UINT64_MAX};
    cf_health e2;
    cf_buf_clear(&out);
    assert_ok(cf_health_encode(&e, &out));
    assert_ok(cf_health_decode(cf_buf_view(&out), &e2));
    assert_view(e2.state, e.state);
    assert_int_equal(e2.keys, 1);
    assert_int_equal(e2.answered, 2);
    assert_int_equal(e2.kms_calls, 3);
    assert_int_equal(e2.inflight, 4);
    assert_true(e2.uptime_ms == UINT64_MAX);

    cf_buf_clear(&out);
    assert_ok(cf_empty_encode(&out));
    assert_ok(cf_empty_decode(cf_buf_view(&out)));
    assert_true(out.len <= CF_EMPTY_BYTES_MAX);
}

static void test_credentials(void **state)
{
    (void)state;
    const cf_credentials_view all[] = {
        {CF_LIT("AKIDEXAMPLE"), CF_LIT("secret"), CF_LIT("token"), 1700000000000},
        {CF_LIT("AKIDEXAMPLE"), CF_LIT("secret"), CF_VIEW_EMPTY, 0},
        {CF_LIT("AKIDEXAMPLE"), CF_LIT("secret"), CF_VIEW_EMPTY, 1},
    };
    for (size_t i = 0; i < 3; i++) {
        CF_BUF(out);
        cf_credentials_view got;
        assert_ok(cf_credentials_encode(&all[i], &out));
        assert_ok(cf_credentials_decode(cf_buf_view(&out), &got));
        assert_view(got.access_key_id, all[i].access_key_id);
        assert_view(got.secret_key, all[i].secret_key);
        assert_view(got.session_token, all[i].session_token);
        assert_true(got.expires_ms == all[i].expires_ms);
    }
}

/* Each text of the credentials one below, at and one above its limit, through both directions. */
static void test_credential_limits(void **state)
{
    (void)state;
    static const size_t limits[] = {CF_ACCESS_KEY_ID_BYTES_MAX, CF_SECRET_KEY_BYTES_MAX,
                                    CF_SESSION_TOKEN_BYTES_MAX};
    static char text[CF_SESSION_TOKEN_BYTES_MAX + 1];
    memset(text, 't', sizeof text);
    for (size_t i = 0; i < 3; i++) {
        for (size_t len = limits[i] - 1; len <= limits[i] + 1; len++) {
            cf_view parts[3] = {CF_LIT("a"), CF_LIT("b"), CF_LIT("c")};
            parts[i] = cf_view_make(text, len);
            const cf_credentials_view m = {parts[0], parts[1], parts[2], 0};
            CF_BUF(out);
            cf_err want = len <= limits[i] ? CF_OK : CF_ERR_SIZE;
            assert_code(cf_credentials_encode(&m, &out), want);
            assert_int_equal(out.len == 0, want != CF_OK);
            cf_writer w = cf_writer_to(&out, CF_BUF_BYTES_MAX);
            cf_buf_clear(&out);
            cf_cbor_put_map(&w, 3);
            for (uint64_t k = 0; k < 3; k++) {
                cf_cbor_put_uint(&w, k + 1);
                cf_cbor_put_text(&w, parts[k]);
            }
            assert_true(out.len <= CF_CREDENTIALS_BYTES_MAX);
            cf_credentials_view got;
            assert_code(cf_credentials_decode(cf_buf_view(&out), &got), want);
        }
    }
}

static void test_attest_limits(void **state)
{
    (void)state;
    static uint8_t octets[CF_WIRE_DOCUMENT_BYTES_MAX + 1];
    for (size_t len = CF_WIRE_NONCE_BYTES_MAX - 1; len <= CF_WIRE_NONCE_BYTES_MAX + 1; len++) {
        const cf_attest_ask m = {CF_DEADLINE_MS_MAX, cf_view_make(octets, len)};
        CF_BUF(out);
        cf_attest_ask got;
        assert_code(cf_attest_ask_encode(&m, &out),
                    len <= CF_WIRE_NONCE_BYTES_MAX ? CF_OK : CF_ERR_SIZE);
        assert_true(out.len <= CF_ATTEST_ASK_BYTES_MAX);
        cf_buf_clear(&out);
        cf_writer w = cf_writer_to(&out, CF_BUF_BYTES_MAX);
        cf_cbor_put_map(&w, 2);
        cf_cbor_put_uint(&w, 1);
        cf_cbor_put_uint(&w, CF_DEADLINE_MS_MAX);
        cf_cbor_put_uint(&w, 2);
        cf_cbor_put_bytes(&w, m.nonce);
        assert_code(cf_attest_ask_decode(cf_buf_view(&out), &got),
                    len <= CF_WIRE_NONCE_BYTES_MAX ? CF_OK : CF_ERR_SIZE);
        assert_int_equal(got.nonce.len, len <= CF_WIRE_NONCE_BYTES_MAX ? len : 0);
        assert_int_equal(got.deadline_ms, got.nonce.len > 0 ? CF_DEADLINE_MS_MAX : 0);
    }
    for (size_t len = CF_WIRE_DOCUMENT_BYTES_MAX - 1; len <= CF_WIRE_DOCUMENT_BYTES_MAX + 1;
         len++) {
        CF_BUF(out);
        cf_view got;
        cf_err want = len <= CF_WIRE_DOCUMENT_BYTES_MAX ? CF_OK : CF_ERR_SIZE;
        assert_code(cf_attest_doc_encode(cf_view_make(octets, len), &out), want);
        cf_buf_clear(&out);
        cf_writer w = cf_writer_to(&out, CF_BUF_BYTES_MAX);
        cf_cbor_put_map(&w, 1);
        cf_cbor_put_uint(&w, 1);
        cf_cbor_put_bytes(&w, cf_view_make(octets, len));
        assert_code(cf_attest_doc_decode(cf_buf_view(&out), &got), want);
        assert_int_equal(got.len, want == CF_OK ? len : 0);
    }
    CF_BUF(none);
    const cf_attest_ask at_once = {0, CF_VIEW_EMPTY},
                        never = {CF_DEADLINE_MS_MAX + 1, CF_VIEW_EMPTY};
    assert_err(cf_attest_ask_encode(&at_once, &none), ARGUMENT);
    assert_err(cf_attest_ask_encode(&never, &none), ARGUMENT);
    assert_err(cf_attest_doc_encode(CF_VIEW_EMPTY, &none), ARGUMENT);
    assert_int_equal(none.len, 0);
}

static void test_text_limits(void **state)
{
    (void)state;
    char text[CF_MODULE_ID_BYTES_MAX + 1];
    memset(text, 'm', sizeof text);
    uint8_t boot[CF_BOOT_ID_BYTES] = {0}, pcr[CF_PCR_BYTES] = {0};
    for (size_t len = CF_MODULE_ID_BYTES_MAX - 1; len <= CF_MODULE_ID_BYTES_MAX + 1; len++) {
        const cf_hello_answer a = {
            1, 1, 1, CF_VIEW_OF(boot), cf_view_make(text, len), CF_VIEW_OF(pcr)};
        CF_BUF(out);
        assert_code(cf_hello_answer_encode(&a, &out),
                    len <= CF_MODULE_ID_BYTES_MAX ? CF_OK : CF_ERR_SIZE);
    }
    for (size_t len = CF_WIRE_STATE_BYTES_MAX - 1; len <= CF_WIRE_STATE_BYTES_MAX + 1; len++) {
        const cf_health h = {cf_view_make(text, len), 1, 1, 1, 1, 1};
        CF_BUF(out);
        assert_code(cf_health_encode(&h, &out),
                    len <= CF_WIRE_STATE_BYTES_MAX ? CF_OK : CF_ERR_SIZE);
    }
    const cf_hello_answer short_boot = {1, 1, 1, CF_LIT("x"), CF_LIT("m"), CF_VIEW_OF(pcr)};
    CF_BUF(none);
    assert_err(cf_hello_answer_encode(&short_boot, &none), ARGUMENT);
    const cf_hello backwards = {2, 1};
    assert_err(cf_hello_encode(&backwards, &none), ARGUMENT);
    assert_err(cf_error_encode(CF_OK, &none), ARGUMENT);
    assert_int_equal(none.len, 0);
}

static void test_errors(void **state)
{
    (void)state;
    for (unsigned i = 1; i < CF_ERR_COUNT; i++) {
        CF_BUF(out);
        cf_err got;
        assert_ok(cf_error_encode((cf_err)i, &out));
        assert_ok(cf_error_decode(cf_buf_view(&out), &got));
        assert_int_equal(got, i);
    }
    cf_err got;
    cf_view newer = view_hex("a1 01 66 667574757265"); /* "future" */
    assert_ok(cf_error_decode(newer, &got));
    assert_int_equal(got, CF_ERR_INTERNAL);
    view_free(newer);
}

static cf_result encode_all(void *ctx)
{
    (void)ctx;
    CF_BUF(out);
    const cf_hello h = {1, 9};
    const cf_health e = {CF_LIT("ready"), 1, 2, 3, 4, 5};
    const cf_credentials_view c = {CF_LIT("AKIDEXAMPLE"), CF_LIT("secret"), CF_LIT("token"), 1};
    CF_TRY(cf_hello_encode(&h, &out));
    CF_TRY(cf_health_encode(&e, &out));
    CF_TRY(cf_credentials_encode(&c, &out));
    return cf_empty_encode(&out);
}

static void test_no_memory(void **state)
{
    (void)state;
    (void)failmalloc_each(encode_all, NULL, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),         cmocka_unit_test(test_truncated_and_trailing),
        cmocka_unit_test(test_unknown_keys),  cmocka_unit_test(test_missing),
        cmocka_unit_test(test_refuses),       cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_credentials),   cmocka_unit_test(test_credential_limits),
        cmocka_unit_test(test_attest_limits), cmocka_unit_test(test_text_limits),
        cmocka_unit_test(test_errors),        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
