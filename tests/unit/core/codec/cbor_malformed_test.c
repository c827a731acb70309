/* SPDX-License-Identifier: Apache-2.0 */
/* What both CBOR readers must refuse, and with which error. */
#include "core/codec/cbor.h"

#include "tests/support/test.h"

static const struct {
    const char *hex;
    cf_err lenient, strict;
} rows[] = {
    {"", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    /* heads cut short (RFC 8949 appendix F.1) */
    {"18", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"19", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"1901", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"1a010203", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"1b01020304050607", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"38", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"58", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"78", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"98", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"9a01ff00", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"b8", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"d8", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"db01020304050607", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"f8", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"f900", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"fa0000", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"fb000000", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    /* strings, arrays and maps cut short */
    {"41", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"61", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"5affffffff00", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"5bffffffffffffffff010203", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"7b7fffffffffffffff010203", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"81", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"818181818181818181", CF_ERR_DEPTH, CF_ERR_DEPTH},
    {"8200", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"a1", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"a100", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"a2000000", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"c0", CF_ERR_TRUNCATED, CF_ERR_MALFORMED},
    {"81c0", CF_ERR_TRUNCATED, CF_ERR_MALFORMED},
    {"9f", CF_ERR_TRUNCATED, CF_ERR_MALFORMED},
    {"9f0102", CF_ERR_TRUNCATED, CF_ERR_MALFORMED},
    {"bf", CF_ERR_TRUNCATED, CF_ERR_MALFORMED},
    {"bf01020102", CF_ERR_TRUNCATED, CF_ERR_MALFORMED},
    {"819f", CF_ERR_TRUNCATED, CF_ERR_MALFORMED},
    {"9f8000", CF_ERR_TRUNCATED, CF_ERR_MALFORMED},
    {"9f9f9f9f9fffffffff", CF_ERR_TRUNCATED, CF_ERR_MALFORMED},
    /* huge counts */
    {"9bffffffffffffffff", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"9b8000000000000000 00", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"bbffffffffffffffff", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"bb8000000000000000 0000", CF_ERR_TRUNCATED,
     CF_ERR_TRUNCATED}, /* twice this count is 0 in 64 bits */
    {"bb8000000000000001 0000", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED}, /* and this one 2 */
    {"9affffffff 0000", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"8300", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    {"a20000", CF_ERR_TRUNCATED, CF_ERR_TRUNCATED},
    /* reserved additional information */
    {"1c", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"1d", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"1e", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"3c", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"3e", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"5c", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"5e", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"7c", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"7e", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"9c", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"9e", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"bc", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"be", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"dc", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"de", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"fc", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"fd", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"fe", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    /* "indefinite" where there is no such thing */
    {"1f", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"3f", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"df00", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    /* indefinite strings are never taken, even empty or whole */
    {"5fff", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"7fff", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"5f4100ff", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"5f00ff", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"7f4100ff", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"5f5f4100ffff", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    /* breaks where none may stand */
    {"ff", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"81ff", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"8200ff", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"a1ff00", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"a100ff", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"a2ffff0000", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"9f81ff", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"bf00ff", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"bf000000ff", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"c1ff", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"9fc1ff", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"bf00c1ff", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"bfc1ff", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"9fffff", CF_ERR_TRAILING, CF_ERR_MALFORMED},
    /* simple values below 32 in two octets (RFC 8949 section 3.3) */
    {"f800", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"f814", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"f818", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"f81f", CF_ERR_MALFORMED, CF_ERR_MALFORMED},
    {"f820", CF_OK, CF_OK},
    {"e0", CF_OK, CF_OK},
    {"f3", CF_OK, CF_OK},
    /* heads longer than needed */
    {"1817", CF_OK, CF_ERR_MALFORMED},
    {"1818", CF_OK, CF_OK},
    {"1900ff", CF_OK, CF_ERR_MALFORMED},
    {"190100", CF_OK, CF_OK},
    {"1a0000ffff", CF_OK, CF_ERR_MALFORMED},
    {"1a00010000", CF_OK, CF_OK},
    {"1b00000000ffffffff", CF_OK, CF_ERR_MALFORMED},
    {"1b0000000100000000", CF_OK, CF_OK},
    {"3800", CF_OK, CF_ERR_MALFORMED},
    {"580161", CF_OK, CF_ERR_MALFORMED},
    {"59000161", CF_OK, CF_ERR_MALFORMED},
    {"780161", CF_OK, CF_ERR_MALFORMED},
    {"7b000000000000000161", CF_OK, CF_ERR_MALFORMED},
    {"980100", CF_OK, CF_ERR_MALFORMED},
    {"b8010000", CF_OK, CF_ERR_MALFORMED},
    {"81 1800", CF_OK, CF_ERR_MALFORMED},
    /* more than one item */
    {"0000", CF_ERR_TRAILING, CF_ERR_TRAILING},
    {"8000", CF_ERR_TRAILING, CF_ERR_TRAILING},
    {"f6ff", CF_ERR_TRAILING, CF_ERR_TRAILING},
};

static cf_err skip_all(cf_cbor c)
{
    cf_cbor_skip(&c);
    return cf_cbor_end(&c).code;
}

/* The same by entering what can be entered and asking for more, as callers that know the shape do. */
static cf_err walk_all(cf_cbor c)
{
    bool first = true;
    while (cf_cbor_err(&c) == CF_OK && (first || c.depth > 0)) {
        if (c.depth > 0 && !c.tagged && !cf_cbor_more(&c)) {
            continue;
        }
        cf_cbor_kind kind = cf_cbor_peek(&c);
        first = kind == CF_CBOR_TAG && c.depth == 0;
        if (kind == CF_CBOR_ARRAY) {
            cf_cbor_array(&c);
        } else if (kind == CF_CBOR_MAP) {
            cf_cbor_map(&c);
        } else if (kind == CF_CBOR_TAG) {
            (void)cf_cbor_tag(&c);
        } else {
            cf_cbor_skip(&c);
        }
    }
    return cf_cbor_end(&c).code;
}

static void refuses_each_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_view in = view_hex(rows[i].hex);
        if (skip_all(cf_cbor_lenient(in)) != rows[i].lenient ||
            walk_all(cf_cbor_lenient(in)) != rows[i].lenient ||
            skip_all(cf_cbor_strict(in)) != rows[i].strict ||
            walk_all(cf_cbor_strict(in)) != rows[i].strict) {
            fail_msg("%s: lenient %s %s, strict %s %s", rows[i].hex,
                     cf_err_code(skip_all(cf_cbor_lenient(in))),
                     cf_err_code(walk_all(cf_cbor_lenient(in))),
                     cf_err_code(skip_all(cf_cbor_strict(in))),
                     cf_err_code(walk_all(cf_cbor_strict(in))));
        }
        view_free(in);
    }
}

/* Nested arrays, maps and indefinite forms of each: as deep as the limit and one deeper. */
static void bounds_the_depth(void **state)
{
    (void)state;
    static const struct {
        const char *open, *middle, *close;
    } forms[] = {{"\x81", "\x80", ""},
                 {"\xa1\x01", "\xa0", ""},
                 {"\x9f", "\x9f\xff", "\xff"},
                 {"\xbf\x01", "\xbf\xff", "\xff"}};
    for (size_t f = 0; f < 4; f++) {
        for (size_t levels = CF_CBOR_DEPTH_MAX - 1; levels <= CF_CBOR_DEPTH_MAX + 1; levels++) {
            CF_BUF(b);
            for (size_t i = 1; i < levels; i++) {
                assert_ok(cf_buf_append(&b, cf_view_str(forms[f].open)));
            }
            assert_ok(cf_buf_append(&b, cf_view_str(forms[f].middle)));
            for (size_t i = 1; i < levels; i++) {
                assert_ok(cf_buf_append(&b, cf_view_str(forms[f].close)));
            }
            cf_err want = levels <= CF_CBOR_DEPTH_MAX ? CF_OK : CF_ERR_DEPTH;
            assert_int_equal(skip_all(cf_cbor_lenient(cf_buf_view(&b))), want);
            assert_int_equal(walk_all(cf_cbor_lenient(cf_buf_view(&b))), want);
        }
    }
}

/* Every reading function on every kind: its own is taken, all others are WRONG_TYPE and give nothing. */
static void refuses_other_kinds(void **state)
{
    (void)state;
    static const char *const items[] = {"\x01", "\x20",     "\x41x", "\x61x", "\x80",
                                        "\xa0", "\xc1\x01", "\xf5",  "\xf6",  "\xf7"};
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        cf_view in = cf_view_str(items[i]);
        cf_cbor c[9];
        for (size_t k = 0; k < 9; k++) {
            c[k] = cf_cbor_lenient(in);
        }
        assert_int_equal(cf_cbor_uint(&c[0]), i == 0);
        assert_int_equal(cf_cbor_int(&c[1]), i == 0 ? 1 : (i == 1 ? -1 : 0));
        assert_int_equal(cf_cbor_bytes(&c[2]).len, i == 2);
        assert_int_equal(cf_cbor_text(&c[3]).len, i == 3);
        cf_cbor_array(&c[4]);
        cf_cbor_map(&c[5]);
        assert_int_equal(cf_cbor_tag(&c[6]), i == 6);
        assert_int_equal(cf_cbor_bool(&c[7]), i == 7);
        cf_cbor_null(&c[8]);
        for (size_t k = 0; k < 9; k++) {
            bool right = k == 0 ? i == 0 : (k == 1 ? i <= 1 : i == k);
            assert_int_equal(cf_cbor_err(&c[k]), right ? CF_OK : CF_ERR_WRONG_TYPE);
        }
        cf_cbor t = cf_cbor_lenient(in);
        assert_int_equal(cf_cbor_take_null(&t), i == 8);
        assert_int_equal(cf_cbor_err(&t), CF_OK);
    }
}

/* Reading on at the end of what is open takes nothing from what stands behind it. */
static void stops_at_the_end_of_what_is_open(void **state)
{
    (void)state;
    cf_cbor c = cf_cbor_strict(CF_LIT("\x82\x81\x01\x02"));
    cf_cbor_array(&c);
    cf_cbor_array(&c);
    assert_int_equal(cf_cbor_uint(&c), 1);
    assert_int_equal(cf_cbor_uint(&c), 0);
    assert_err(cf_cbor_end(&c), WRONG_TYPE);

    c = cf_cbor_lenient(CF_LIT("\x9f\xff\x02"));
    cf_cbor_array(&c);
    cf_cbor_skip(&c);
    assert_err(cf_cbor_end(&c), WRONG_TYPE);

    c = cf_cbor_strict(CF_LIT("\x80\x02"));
    cf_cbor_array(&c);
    assert_int_equal(cf_cbor_raw(&c).len, 0);
    assert_err(cf_cbor_end(&c), WRONG_TYPE);
}

static void keeps_the_first_error(void **state)
{
    (void)state;
    cf_cbor c = cf_cbor_strict(CF_LIT("\x82\x01\x02"));
    cf_cbor_array(&c);
    assert_int_equal(cf_cbor_text(&c).len, 0);
    assert_int_equal(cf_cbor_uint(&c), 0);
    assert_int_equal(cf_cbor_int(&c), 0);
    assert_int_equal(cf_cbor_peek(&c), CF_CBOR_NONE);
    assert_false(cf_cbor_more(&c));
    assert_false(cf_cbor_take_null(&c));
    cf_cbor_leave(&c);
    cf_cbor_skip(&c);
    assert_int_equal(cf_cbor_raw(&c).len, 0);
    assert_err(cf_cbor_end(&c), WRONG_TYPE);
}

static void tells_misuse_and_ends(void **state)
{
    (void)state;
    cf_cbor c = cf_cbor_strict(CF_LIT("\x01"));
    assert_false(cf_cbor_more(&c));
    assert_err(cf_cbor_end(&c), STATE);
    c = cf_cbor_strict(CF_LIT("\x82\x01\x02"));
    assert_err(cf_cbor_end(&c), TRAILING);
    cf_cbor_array(&c);
    assert_int_equal(cf_cbor_uint(&c), 1);
    cf_cbor open = c;
    cf_cbor_leave(&c);
    assert_err(cf_cbor_end(&c), TRAILING);
    assert_int_equal(cf_cbor_uint(&open), 2);
    assert_err(cf_cbor_end(&open), TRUNCATED);
    cf_cbor_leave(&open);
    assert_ok(cf_cbor_end(&open));
    c = cf_cbor_lenient(CF_LIT("\xc1"));
    assert_int_equal(cf_cbor_tag(&c), 1);
    assert_err(cf_cbor_end(&c), TRUNCATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_each_row),      cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(refuses_other_kinds),   cmocka_unit_test(stops_at_the_end_of_what_is_open),
        cmocka_unit_test(keeps_the_first_error), cmocka_unit_test(tells_misuse_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
