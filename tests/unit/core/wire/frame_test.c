/* SPDX-License-Identifier: Apache-2.0 */
#include "core/wire/wire.h"
#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

static cf_result decode_hex(const char *hex, size_t *used, cf_msg *m)
{
    cf_view v = view_hex(hex);
    cf_result r = cf_frame_decode(v, used, m);
    m->body.data = NULL; /* not to be used after the octets are gone */
    view_free(v);
    return r;
}

static void test_example(void **state)
{
    (void)state;
    CF_BUF(out);
    assert_ok(cf_frame_encode(CF_MSG_HEALTH, 7, CF_LIT("\xa0"), &out));
    cf_view want = view_hex("00000004 83 03 07 a0");
    assert_view(cf_buf_view(&out), want);
    view_free(want);
    assert_ok(cf_frame_encode(CF_MSG_ERROR, UINT64_MAX, CF_LIT("\xa0"), &out));
    size_t used;
    cf_msg m;
    assert_ok(cf_frame_decode(cf_buf_view(&out), &used, &m));
    assert_int_equal(used, 8);
    assert_int_equal(m.kind, 3);
    assert_int_equal(m.request, 7);
    assert_view(m.body, CF_LIT("\xa0"));
    assert_ok(cf_frame_decode(cf_view_sub(cf_buf_view(&out), used, out.len - used), &used, &m));
    assert_int_equal(used, out.len - 8);
    assert_int_equal(m.kind, 255);
    assert_true(m.request == UINT64_MAX);
}

static void test_needs_more(void **state)
{
    (void)state;
    CF_BUF(out);
    assert_ok(cf_frame_encode(2, 1000, CF_LIT("\xa1\x01\x62hi"), &out));
    for (size_t n = 0; n < out.len; n++) {
        cf_view part = view_copy(cf_view_sub(cf_buf_view(&out), 0, n));
        size_t used = 9;
        cf_msg m;
        assert_ok(cf_frame_decode(part, &used, &m));
        assert_int_equal(used, 0);
        assert_int_equal(m.kind, 0);
        view_free(part);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cf_err err;
    } bad[] = {
        {"00000000", CF_ERR_SIZE},                      /* no message */
        {"00100001", CF_ERR_SIZE},                      /* one over the limit, before its octets */
        {"ffffffff", CF_ERR_SIZE},                      /* nothing wraps */
        {"00000003 82 03 07", CF_ERR_WRONG_TYPE},       /* two items */
        {"00000005 84 03 07 a0 00", CF_ERR_TRAILING},   /* four */
        {"00000005 83 03 07 a0 00", CF_ERR_TRAILING},   /* octets behind the message */
        {"00000003 83 03 07", CF_ERR_TRUNCATED},        /* no body */
        {"00000001 a0", CF_ERR_WRONG_TYPE},             /* no array */
        {"00000005 83 61 33 07 a0", CF_ERR_WRONG_TYPE}, /* kind as text */
        {"00000004 83 20 07 a0", CF_ERR_WRONG_TYPE},    /* a negative kind */
        {"00000004 83 03 27 a0", CF_ERR_WRONG_TYPE},    /* a negative request */
        {"00000004 83 03 07 80", CF_ERR_WRONG_TYPE},    /* body is an array */
        {"00000004 83 03 07 f6", CF_ERR_WRONG_TYPE},    /* or null */
        {"00000005 9f 03 07 a0 ff", CF_ERR_MALFORMED},  /* indefinite */
        {"00000005 83 03 07 bf ff", CF_ERR_MALFORMED},  /* indefinite body */
        {"00000005 83 1803 07 a0", CF_ERR_MALFORMED},   /* not the shortest head */
        {"00000005 83 03 07 c0 a0", CF_ERR_WRONG_TYPE}, /* a tag */
        {"0000000c 83 1b0000000100000000 07 a0", CF_ERR_RANGE},          /* kind beyond 32 bits */
        {"0000000b 83 03 07 a1 01 81 81 81 81 81 81", CF_ERR_TRUNCATED}, /* open to the end */
        {"0000000f 83 03 07 a1 01 81 81 81 81 81 81 81 81 81 00", CF_ERR_DEPTH},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t used;
        cf_msg m;
        cf_result r = decode_hex(bad[i].hex, &used, &m);
        if (r.code != bad[i].err) {
            fail_msg("%s: %s", bad[i].hex, cf_err_code(r.code));
        }
        assert_int_equal(used, 0);
        assert_int_equal(m.body.len, 0);
    }
}

/* A body that makes the message exactly this long: {64: bytes}. */
static void body_for(size_t message, cf_buf *body)
{
    size_t head = 1 + 1 + 1 + 1 + 2 + 5; /* array, kind, request, map, key 64, head of the bytes */
    cf_writer w = cf_writer_to(body, CF_BUF_BYTES_MAX);
    cf_cbor_put_map(&w, 1);
    cf_cbor_put_uint(&w, 64);
    CF_BUF(filler);
    assert_ok(cf_buf_reserve(&filler, message - head));
    filler.len = message - head;
    memset(filler.data, 'f', filler.len);
    cf_cbor_put_bytes(&w, cf_buf_view(&filler));
    assert_ok(cf_write_end(&w));
}

static void test_limit(void **state)
{
    (void)state;
    for (size_t len = CF_FRAME_BYTES_MAX - 1; len <= CF_FRAME_BYTES_MAX + 1; len++) {
        CF_BUF(body);
        CF_BUF(out);
        body_for(len, &body);
        assert_ok(cf_buf_append(&out, CF_LIT("before")));
        cf_result r = cf_frame_encode(3, 7, cf_buf_view(&body), &out);
        if (len > CF_FRAME_BYTES_MAX) {
            assert_err(r, SIZE);
            assert_view(cf_buf_view(&out), CF_LIT("before"));
            continue;
        }
        assert_ok(r);
        assert_int_equal(out.len, 6 + 4 + len);
        size_t used;
        cf_msg m;
        assert_ok(cf_frame_decode(cf_view_sub(cf_buf_view(&out), 6, out.len - 6), &used, &m));
        assert_int_equal(used, 4 + len);
        assert_view(m.body, cf_buf_view(&body));
    }
}

static cf_result encode_some(void *ctx)
{
    (void)ctx;
    CF_BUF(out);
    return cf_frame_encode(3, 7, CF_LIT("\xa0"), &out);
}

static void test_no_memory(void **state)
{
    (void)state;
    (void)failmalloc_each(encode_some, NULL, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example),   cmocka_unit_test(test_needs_more),
        cmocka_unit_test(test_refuses),   cmocka_unit_test(test_limit),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
