/* SPDX-License-Identifier: Apache-2.0 */
#include "core/unicode/utf8.h"

#include "tests/support/test.h"

static void round_trips_every_code_point(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= CF_UNICODE_LAST + 1; c++) {
        uint8_t octets[CF_UTF8_BYTES_MAX] = {0xEE, 0xEE, 0xEE, 0xEE};
        bool valid = c <= CF_UNICODE_LAST && (c < 0xD800 || c > 0xDFFF);
        size_t n = cf_utf8_put(c, octets);
        assert_int_equal(n, cf_utf8_size(c));
        if (!valid) {
            assert_int_equal(n, 0);
            assert_int_equal(octets[0], 0xEE);
            continue;
        }
        assert_int_equal(n, c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4);
        cf_view text = cf_view_make(octets, n);
        assert_true(cf_utf8_ok(text));
        uint32_t got = 1;
        assert_int_equal(cf_utf8_get(text, 0, &got), n);
        assert_int_equal(got, c);
        got = 1;
        assert_int_equal(cf_utf8_get_before(text, n, &got), n);
        assert_int_equal(got, c);
        for (size_t cut = 0; cut < n; cut++) {
            assert_int_equal(cf_utf8_get(cf_view_make(octets, cut), 0, &got), 0);
            assert_int_equal(got, 0);
        }
    }
}

/* cf_utf8_ok is the measure: what it refuses has a place that cf_utf8_get refuses. All texts of two octets, and of three and four with
 * chosen ones behind a lead. */
static void agrees_with_the_check_of_texts(void **state)
{
    (void)state;
    static const uint8_t tails[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F,
                                    0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xF4, 0xFF};
    size_t n = sizeof tails;
    for (unsigned lead = 0; lead < 256; lead++) {
        for (size_t i = 0; i < n * n * n; i++) {
            uint8_t octets[4] = {(uint8_t)lead, tails[i / n / n], tails[i / n % n], tails[i % n]};
            for (size_t len = 0; len <= 4; len++) {
                cf_view text = cf_view_make(octets, len);
                size_t at = 0, step = 1;
                uint32_t c;
                while (at < len && step > 0) {
                    step = cf_utf8_get(text, at, &c);
                    at += step;
                }
                assert_int_equal(at == len, cf_utf8_ok(text));
            }
        }
    }
}

static void looks_back(void **state)
{
    (void)state;
    uint32_t c = 1;
    assert_int_equal(cf_utf8_get_before(CF_LIT("a"), 0, &c), 0);
    assert_int_equal(c, 0);
    cf_view text = CF_LIT("a\xC3\xA9\xE2\x82\xACz");
    assert_int_equal(cf_utf8_get_before(text, 7, &c), 1);
    assert_int_equal(c, 'z');
    assert_int_equal(cf_utf8_get_before(text, 6, &c), 3);
    assert_int_equal(c, 0x20AC);
    assert_int_equal(cf_utf8_get_before(text, 3, &c), 2);
    assert_int_equal(c, 0xE9);
    /* Inside a code point, behind a lone continuation, behind one too many. */
    assert_int_equal(cf_utf8_get_before(text, 2, &c), 0);
    assert_int_equal(cf_utf8_get_before(text, 5, &c), 0);
    assert_int_equal(cf_utf8_get_before(CF_LIT("\x80"), 1, &c), 0);
    assert_int_equal(cf_utf8_get_before(CF_LIT("a\x80"), 2, &c), 0);
    assert_int_equal(cf_utf8_get_before(CF_LIT("\xC3\xA9\x80"), 3, &c), 0);
    assert_int_equal(cf_utf8_get_before(CF_LIT("\x80\x80\x80\x80\x80"), 5, &c), 0);
    assert_int_equal(c, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips_every_code_point),
        cmocka_unit_test(agrees_with_the_check_of_texts),
        cmocka_unit_test(looks_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
