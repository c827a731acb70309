/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/nsm.h"

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

static void expect_request(const char *hex, const cf_nsm_request *m)
{
    CF_BUF(out);
    cf_view want = view_hex(hex);
    assert_ok(cf_nsm_request_encode(m, &out));
    assert_view(cf_buf_view(&out), want);
    cf_nsm_request got;
    assert_ok(cf_nsm_request_decode(want, &got));
    assert_int_equal(got.op, m->op);
    assert_int_equal(got.index, m->index);
    assert_view(got.data, m->data);
    assert_int_equal(got.has_user_data, m->has_user_data);
    assert_int_equal(got.has_nonce, m->has_nonce);
    assert_int_equal(got.has_public_key, m->has_public_key);
    assert_view(got.user_data, m->user_data);
    assert_view(got.nonce, m->nonce);
    assert_view(got.public_key, m->public_key);
    view_free(want);
}

/* Octets as the device's own serialiser writes them. */
static void test_requests(void **state)
{
    (void)state;
    expect_request("69 47657452616e646f6d", &(cf_nsm_request){.op = CF_NSM_GET_RANDOM});
    expect_request("6b 44657363726962654e534d", &(cf_nsm_request){.op = CF_NSM_DESCRIBE});
    expect_request("a1 6b 4465736372696265504352 a1 65 696e646578 04",
                   &(cf_nsm_request){.op = CF_NSM_DESCRIBE_PCR, .index = 4});
    expect_request("a1 69 457874656e64504352 a2 65 696e646578 10 64 64617461 42 6162",
                   &(cf_nsm_request){.op = CF_NSM_EXTEND_PCR, .index = 16, .data = CF_LIT("ab")});
    expect_request("a1 67 4c6f636b504352 a1 65 696e646578 181f",
                   &(cf_nsm_request){.op = CF_NSM_LOCK_PCR, .index = 31});
    expect_request("a1 68 4c6f636b50435273 a1 65 72616e6765 19ffff",
                   &(cf_nsm_request){.op = CF_NSM_LOCK_PCRS, .index = 65535});
    expect_request("a1 6b 4174746573746174696f6e a3 69 757365725f64617461 f6 65 6e6f6e6365 f6 6a "
                   "7075626c69635f6b6579 f6",
                   &(cf_nsm_request){.op = CF_NSM_ATTESTATION});
    expect_request("a1 6b 4174746573746174696f6e a3 69 757365725f64617461 40 65 6e6f6e6365 41 6e "
                   "6a 7075626c69635f6b6579 41 6b",
                   &(cf_nsm_request){.op = CF_NSM_ATTESTATION,
                                     .has_user_data = true,
                                     .has_nonce = true,
                                     .has_public_key = true,
                                     .nonce = CF_LIT("n"),
                                     .public_key = CF_LIT("k")});
}

/* What else must be read the same: another order, indefinite maps, members left out. */
static void test_lenient_requests(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "bf 6b 4174746573746174696f6e bf 65 6e6f6e6365 41 6e ff ff",
        "a1 6b 4174746573746174696f6e a1 65 6e6f6e6365 41 6e",
        "a1 6b 4174746573746174696f6e a2 65 6e6f6e6365 41 6e 69 757365725f64617461 f6",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_view v = view_hex(rows[i]);
        cf_nsm_request m;
        assert_ok(cf_nsm_request_decode(v, &m));
        assert_int_equal(m.op, CF_NSM_ATTESTATION);
        assert_true(m.has_nonce && !m.has_user_data && !m.has_public_key);
        assert_view(m.nonce, CF_LIT("n"));
        view_free(v);
    }
}

static void test_bad_requests(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cf_err err;
    } rows[] = {
        {"", CF_ERR_TRUNCATED},
        {"00", CF_ERR_WRONG_TYPE},
        {"61 78", CF_ERR_UNSUPPORTED},
        {"a1 61 78 a0", CF_ERR_UNSUPPORTED},
        {"a0", CF_ERR_WRONG_TYPE},
        {"6b 4465736372696265504352", CF_ERR_WRONG_TYPE},   /* DescribePCR without members */
        {"a1 69 47657452616e646f6d a0", CF_ERR_WRONG_TYPE}, /* GetRandom with some */
        {"69 47657452616e646f6d 00", CF_ERR_TRAILING},
        {"a1 6b 4465736372696265504352 a0", CF_ERR_MISSING},
        {"a1 6b 4465736372696265504352 a1 65 696e646578 1a00010000", CF_ERR_RANGE},
        {"a1 6b 4465736372696265504352 a1 65 696e646578 20", CF_ERR_WRONG_TYPE},
        {"a1 6b 4465736372696265504352 a2 65 696e646578 04 65 696e646578 04", CF_ERR_DUPLICATE},
        {"a1 6b 4465736372696265504352 a2 65 696e646578 04 65 72616e6765 04",
         CF_ERR_UNKNOWN_MEMBER},
        {"a2 6b 4465736372696265504352 a1 65 696e646578 04 60 60", CF_ERR_TRAILING},
        {"a1 69 457874656e64504352 a1 65 696e646578 10", CF_ERR_MISSING},
        {"a1 69 457874656e64504352 a2 65 696e646578 10 64 64617461 f6", CF_ERR_WRONG_TYPE},
        {"a1 6b 4174746573746174696f6e a1 65 6e6f6e6365 61 6e", CF_ERR_WRONG_TYPE},
        {"a1 6b 4174746573746174696f6e f6", CF_ERR_WRONG_TYPE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_view v = view_hex(rows[i].hex);
        cf_nsm_request m;
        cf_result r = cf_nsm_request_decode(v, &m);
        if (r.code != rows[i].err) {
            fail_msg("%s: %s", rows[i].hex, cf_err_code(r.code));
        }
        assert_int_equal(m.op, CF_NSM_OP_COUNT);
        view_free(v);
    }
}

/* Encodes, decodes, and hands back what was read; octets hold what its views borrow. */
static cf_nsm_response round_trip(const cf_nsm_response *m, cf_buf *octets)
{
    cf_nsm_response got;
    assert_ok(cf_nsm_response_encode(m, octets));
    assert_ok(cf_nsm_response_decode(cf_buf_view(octets), &got));
    return got;
}

static void test_responses(void **state)
{
    (void)state;
    cf_nsm_response m = {.op = CF_NSM_DESCRIBE_PCR, .lock = true, .data = CF_LIT("pcr")};
    CF_BUF(a);
    cf_nsm_response got = round_trip(&m, &a);
    assert_true(got.lock && got.error == CF_NSM_SUCCESS && got.op == CF_NSM_DESCRIBE_PCR);
    assert_view(got.data, CF_LIT("pcr"));

    static const cf_nsm_op with_data[] = {CF_NSM_EXTEND_PCR, CF_NSM_ATTESTATION, CF_NSM_GET_RANDOM};
    for (size_t i = 0; i < 3; i++) {
        CF_BUF(b);
        m = (cf_nsm_response){.op = with_data[i], .data = CF_LIT("octets")};
        got = round_trip(&m, &b);
        assert_int_equal(got.op, with_data[i]);
        assert_view(got.data, CF_LIT("octets"));
    }
    static const cf_nsm_op bare[] = {CF_NSM_LOCK_PCR, CF_NSM_LOCK_PCRS};
    for (size_t i = 0; i < 2; i++) {
        CF_BUF(c);
        m = (cf_nsm_response){.op = bare[i]};
        assert_int_equal(round_trip(&m, &c).op, bare[i]);
    }
    CF_BUF(d);
    m = (cf_nsm_response){.op = CF_NSM_DESCRIBE,
                          .module_id = CF_LIT("i-1-enc2"),
                          .version = {1, 2, 3},
                          .max_pcrs = 32,
                          .locked_pcrs = 0x8001ffff};
    got = round_trip(&m, &d);
    assert_view(got.module_id, m.module_id);
    assert_int_equal(got.version[0], 1);
    assert_int_equal(got.version[1], 2);
    assert_int_equal(got.version[2], 3);
    assert_int_equal(got.max_pcrs, 32);
    assert_int_equal(got.locked_pcrs, 0x8001ffff);
}

static void test_errors(void **state)
{
    (void)state;
    for (unsigned e = CF_NSM_INVALID_ARGUMENT; e < CF_NSM_ERROR_COUNT; e++) {
        CF_BUF(out);
        cf_nsm_response m = {.error = (cf_nsm_error)e, .op = CF_NSM_OP_COUNT};
        cf_nsm_response got = round_trip(&m, &out);
        assert_int_equal(got.error, e);
    }
    CF_BUF(octets);
    cf_nsm_response m = {.error = CF_NSM_INVALID_INDEX};
    assert_ok(cf_nsm_response_encode(&m, &octets));
    cf_view want = view_hex("a1 65 4572726f72 6c 496e76616c6964496e646578");
    assert_view(cf_buf_view(&octets), want);
    view_free(want);
}

static void test_bad_responses(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cf_err err;
    } rows[] = {
        {"", CF_ERR_TRUNCATED},
        {"a1 65 4572726f72 63 4e6577", CF_ERR_MALFORMED}, /* an error that nobody knows */
        {"a1 65 4572726f72 00", CF_ERR_WRONG_TYPE},
        {"65 4572726f72", CF_ERR_UNSUPPORTED},
        {"a1 67 4c6f636b504352 a0", CF_ERR_WRONG_TYPE},
        {"a1 69 47657452616e646f6d a0", CF_ERR_MISSING},
        {"a1 69 47657452616e646f6d a1 66 72616e646f6d 60", CF_ERR_WRONG_TYPE},
        {"69 47657452616e646f6d", CF_ERR_WRONG_TYPE},
        {"a1 6b 4465736372696265504352 a2 64 6c6f636b 01 64 64617461 40", CF_ERR_WRONG_TYPE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_view v = view_hex(rows[i].hex);
        cf_nsm_response m;
        cf_result r = cf_nsm_response_decode(v, &m);
        if (r.code != rows[i].err) {
            fail_msg("%s: %s", rows[i].hex, cf_err_code(r.code));
        }
        assert_int_equal(m.error, CF_NSM_INTERNAL_ERROR);
        view_free(v);
    }
}

/* Answers may grow; indefinite ones are read like definite ones. */
static void test_lenient_responses(void **state)
{
    (void)state;
    cf_view v =
        view_hex("bf 69 47657452616e646f6d bf 63 6e6577 82 01 f6 66 72616e646f6d 41 72 ff ff");
    cf_nsm_response m;
    assert_ok(cf_nsm_response_decode(v, &m));
    assert_view(m.data, CF_LIT("r"));
    view_free(v);
    v = view_hex(
        "a1 6b 44657363726962654e534d a7 6d 76657273696f6e5f6d616a6f72 01 6d "
        "76657273696f6e5f6d696e6f72 00"
        "6d 76657273696f6e5f7061746368 00 69 6d6f64756c655f6964 61 69 68 6d61785f70637273 1820"
        "6b 6c6f636b65645f70637273 9f 00 1820 ff 66 646967657374 66 534841333834");
    assert_err(cf_nsm_response_decode(v, &m), RANGE); /* register 32 */
    view_free(v);
}

/* len octets of request or response: the field is filled up. */
static void test_limits(void **state)
{
    (void)state;
    static const uint8_t data[CF_NSM_RESPONSE_BYTES_MAX];
    cf_nsm_request q = {.op = CF_NSM_EXTEND_PCR};
    const size_t q_around =
        1 + 10 + 1 + 7 + 5 + 3; /* all but the data of an ExtendPCR of register 0 */
    for (size_t len = CF_NSM_REQUEST_BYTES_MAX - 1; len <= CF_NSM_REQUEST_BYTES_MAX + 1; len++) {
        CF_BUF(out);
        q.data = cf_view_make(data, len - q_around);
        cf_result r = cf_nsm_request_encode(&q, &out);
        assert_code(r, len <= CF_NSM_REQUEST_BYTES_MAX ? CF_OK : CF_ERR_SIZE);
        assert_int_equal(out.len, cf_is_ok(r) ? len : 0);
    }
    cf_nsm_response m = {.op = CF_NSM_GET_RANDOM};
    const size_t m_around = 1 + 10 + 1 + 7 + 3;
    for (size_t len = CF_NSM_RESPONSE_BYTES_MAX - 1; len <= CF_NSM_RESPONSE_BYTES_MAX + 1; len++) {
        CF_BUF(out);
        m.data = cf_view_make(data, len - m_around);
        cf_result r = cf_nsm_response_encode(&m, &out);
        assert_code(r, len <= CF_NSM_RESPONSE_BYTES_MAX ? CF_OK : CF_ERR_SIZE);
        assert_int_equal(out.len, cf_is_ok(r) ? len : 0);
    }
    cf_nsm_request got_q;
    cf_nsm_response got_m;
    assert_err(cf_nsm_request_decode(cf_view_make(data, CF_NSM_REQUEST_BYTES_MAX + 1), &got_q),
               SIZE);
    static const uint8_t longer[CF_NSM_RESPONSE_BYTES_MAX + 1];
    assert_err(cf_nsm_response_decode(CF_VIEW_OF(longer), &got_m), SIZE);
}

static void test_arguments(void **state)
{
    (void)state;
    CF_BUF(out);
    cf_nsm_request q = {.op = CF_NSM_OP_COUNT};
    cf_nsm_response m = {.op = CF_NSM_OP_COUNT};
    assert_err(cf_nsm_request_encode(&q, &out), ARGUMENT);
    assert_err(cf_nsm_response_encode(&m, &out), ARGUMENT);
    m.error = CF_NSM_ERROR_COUNT;
    assert_err(cf_nsm_response_encode(&m, &out), ARGUMENT);
}

static cf_result encode_both(void *ctx)
{
    (void)ctx;
    CF_BUF(out);
    cf_nsm_request q = {.op = CF_NSM_EXTEND_PCR, .data = CF_LIT("x")};
    cf_nsm_response m = {.op = CF_NSM_GET_RANDOM, .data = CF_LIT("y")};
    CF_TRY(cf_nsm_request_encode(&q, &out));
    return cf_nsm_response_encode(&m, &out);
}

static void test_failing_allocations(void **state)
{
    (void)state;
    (void)failmalloc_each(encode_both, NULL, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_lenient_requests),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_bad_responses),
        cmocka_unit_test(test_lenient_responses),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
