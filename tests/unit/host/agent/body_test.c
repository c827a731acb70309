/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent reads of a body in CBOR, refuses, and puts in front of it again. */
#include "host/agent/body.h"

#include "core/codec/cbor.h"
#include "tests/support/test.h"

static void test_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cf_err want;
        uint64_t deadline_ms;
        uint8_t pairs;
        const char *rest;
    } rows[] = {
        {"a1 01 01", CF_OK, 1, 1, ""},
        {"a1 01 19ea60", CF_OK, 60000, 1, ""},
        {"a3 01 1901f4 03 6161 18c8 83010203", CF_OK, 500, 3, "03 6161 18c8 83010203"},
        /* Not looked into: whatever map it is, the enclave judges it. */
        {"a2 01 05 f6 f5", CF_OK, 5, 2, "f6 f5"},
        {"a0", CF_ERR_MISSING, 0, 0, ""},
        {"a1 02 05", CF_ERR_MISSING, 0, 0, ""},
        {"a1 6161 05", CF_ERR_MISSING, 0, 0, ""},
        {"a1 20 05", CF_ERR_MISSING, 0, 0, ""},
        {"a1 01 00", CF_ERR_RANGE, 0, 0, ""},
        {"a1 01 19ea61", CF_ERR_RANGE, 0, 0, ""},
        {"a1 01 1bffffffffffffffff", CF_ERR_RANGE, 0, 0, ""},
        {"a1 01 20", CF_ERR_WRONG_TYPE, 0, 0, ""},
        {"a1 01 6135", CF_ERR_WRONG_TYPE, 0, 0, ""},
        {"", CF_ERR_TRUNCATED, 0, 0, ""},
        {"a2 01 05", CF_ERR_TRUNCATED, 0, 0, ""},
        {"a1 01", CF_ERR_TRUNCATED, 0, 0, ""},
        {"a1 01 19ea", CF_ERR_TRUNCATED, 0, 0, ""},
        {"a1 01 05 00", CF_ERR_TRAILING, 0, 0, ""},
        {"82 01 05", CF_ERR_WRONG_TYPE, 0, 0, ""},
        {"05", CF_ERR_WRONG_TYPE, 0, 0, ""},
        {"f6", CF_ERR_WRONG_TYPE, 0, 0, ""},
        /* Forms that the reader on the other side refuses: indefinite, tagged, longer than needed. */
        {"bf 01 05 ff", CF_ERR_MALFORMED, 0, 0, ""},
        {"a1 01 1805", CF_ERR_MALFORMED, 0, 0, ""},
        {"b801 01 05", CF_ERR_MALFORMED, 0, 0, ""},
        {"a2 01 05 02 c0 6161", CF_ERR_MALFORMED, 0, 0, ""},
        {"a2 01 05 02 9fff", CF_ERR_MALFORMED, 0, 0, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_view body = view_hex(rows[i].hex), rest = view_hex(rows[i].rest);
        cf_body_head head;
        cf_result r = cf_body_read(body, &head);
        if (r.code != rows[i].want) {
            print_error("row %s\n", rows[i].hex);
        }
        assert_code(r, rows[i].want);
        assert_int_equal(head.deadline_ms, rows[i].deadline_ms);
        assert_int_equal(head.pairs, rows[i].pairs);
        assert_view(head.rest, rest);
        view_free(body);
        view_free(rest);
    }
}

/* A body nested to the depth that a frame can carry, and one deeper: the check counts as the enclave does. */
static void test_depth(void **state)
{
    (void)state;
    for (size_t deep = 1; deep <= CF_CBOR_DEPTH_MAX + 1; deep++) {
        uint8_t octets[32] = {0xA2, 0x01, 0x05, 0x02};
        size_t n = 4;
        for (size_t i = 0; i < deep; i++) {
            octets[n++] = 0x81;
        }
        octets[n++] = 0x00;
        cf_body_head head;
        cf_result r = cf_body_read(cf_view_make(octets, n), &head);
        /* The message and the body's map are two levels. */
        assert_code(r, deep + 2 <= CF_CBOR_DEPTH_MAX ? CF_OK : CF_ERR_DEPTH);
    }
}

static void test_size(void **state)
{
    (void)state;
    static uint8_t octets[CF_FRAME_BYTES_MAX];
    for (int over = -1; over <= 1; over++) {
        size_t len = (size_t)((int)CF_AGENT_BODY_BYTES_MAX + over), fill = len - 9;
        const uint8_t head[] = {0xA2,
                                0x01,
                                0x05,
                                0x02,
                                0x5A,
                                (uint8_t)(fill >> 24),
                                (uint8_t)(fill >> 16),
                                (uint8_t)(fill >> 8),
                                (uint8_t)fill};
        cf_copy(octets, head, sizeof head);
        cf_body_head got;
        assert_code(cf_body_read(cf_view_make(octets, len), &got), over > 0 ? CF_ERR_SIZE : CF_OK);
        if (over == 0) {
            /* The largest that is taken fits in a frame, with the longest deadline and number. */
            CF_BUF(body);
            CF_BUF(frame);
            assert_ok(cf_body_put(got.pairs, got.rest, CF_DEADLINE_MS_MAX, &body));
            assert_ok(cf_frame_encode(CF_MSG_DECRYPT, UINT64_MAX, cf_buf_view(&body), &frame));
        }
    }
}

static void test_put(void **state)
{
    (void)state;
    static const struct {
        uint64_t deadline_ms;
        const char *hex;
    } rows[] = {{0, "a2 01 01 0203"},
                {1, "a2 01 01 0203"},
                {24, "a2 01 1818 0203"},
                {60000, "a2 01 19ea60 0203"},
                {60001, "a2 01 19ea60 0203"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(out);
        cf_view want = view_hex(rows[i].hex);
        assert_ok(cf_body_put(2, CF_LIT("\x02\x03"), rows[i].deadline_ms, &out));
        assert_view(cf_buf_view(&out), want);
        view_free(want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_put),
    };
    return cmocka_run_group_tests_name("host/agent/body", tests, NULL, NULL);
}
