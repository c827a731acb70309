/* SPDX-License-Identifier: Apache-2.0 */
#include "core/codec/base64.h"

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

/* RFC 4648 section 10, and values with every digit. */
static const struct {
    cf_view octets, base64, hex;
} rows[] = {
    {CF_LIT_INIT(""), CF_LIT_INIT(""), CF_LIT_INIT("")},
    {CF_LIT_INIT("f"), CF_LIT_INIT("Zg=="), CF_LIT_INIT("66")},
    {CF_LIT_INIT("fo"), CF_LIT_INIT("Zm8="), CF_LIT_INIT("666f")},
    {CF_LIT_INIT("foo"), CF_LIT_INIT("Zm9v"), CF_LIT_INIT("666f6f")},
    {CF_LIT_INIT("foob"), CF_LIT_INIT("Zm9vYg=="), CF_LIT_INIT("666f6f62")},
    {CF_LIT_INIT("fooba"), CF_LIT_INIT("Zm9vYmE="), CF_LIT_INIT("666f6f6261")},
    {CF_LIT_INIT("foobar"), CF_LIT_INIT("Zm9vYmFy"), CF_LIT_INIT("666f6f626172")},
    {CF_LIT_INIT("\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93\x51"
                 "\x55\x97\x61\x96\x9b\x71\xd7\x9f\x82\x18\xa3\x92\x59\xa7\xa2\x9a"
                 "\xab\xb2\xdb\xaf\xc3\x1c\xb3\xd3\x5d\xb7\xe3\x9e\xbb\xf3\xdf\xbf"),
     CF_LIT_INIT("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
     CF_LIT_INIT("00108310518720928b30d38f41149351559761969b71d79f8218a39259a7a29a"
                 "abb2dbafc31cb3d35db7e39ebbf3dfbf")},
};

static void codes_the_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_view octets = view_copy(rows[i].octets), text = view_copy(rows[i].base64);
        cf_view hex = view_copy(rows[i].hex);
        CF_BUF(out);
        assert_ok(cf_base64_encode(octets, &out));
        assert_view(cf_buf_view(&out), rows[i].base64);
        cf_buf_clear(&out);
        assert_ok(cf_base64_decode(text, &out));
        assert_view(cf_buf_view(&out), rows[i].octets);
        cf_buf_clear(&out);
        assert_ok(cf_hex_encode(octets, &out));
        assert_view(cf_buf_view(&out), rows[i].hex);
        cf_buf_clear(&out);
        assert_ok(cf_hex_decode(hex, &out));
        assert_view(cf_buf_view(&out), rows[i].octets);
        view_free(octets);
        view_free(text);
        view_free(hex);
    }
}

static void codes_every_length(void **state)
{
    (void)state;
    uint8_t octets[300];
    uint32_t n = 1;
    for (size_t len = 0; len <= sizeof octets; len++) {
        for (size_t i = 0; i < len; i++) {
            n = n * 1664525 + 1013904223;
            octets[i] = (uint8_t)(n >> 24);
        }
        CF_BUF(text);
        CF_BUF(back);
        /* both append to what is there */
        assert_ok(cf_buf_set(&text, CF_LIT("text:")));
        assert_ok(cf_buf_set(&back, CF_LIT("back:")));
        assert_ok(cf_base64_encode(cf_view_make(octets, len), &text));
        assert_int_equal(text.len, 5 + (len + 2) / 3 * 4);
        cf_view tail = cf_view_sub(cf_buf_view(&text), 5, text.len - 5);
        assert_ok(cf_base64_decode(tail, &back));
        assert_view(cf_view_sub(cf_buf_view(&text), 0, 5), CF_LIT("text:"));
        assert_view(cf_view_sub(cf_buf_view(&back), 0, 5), CF_LIT("back:"));
        assert_view(cf_view_sub(cf_buf_view(&back), 5, len), cf_view_make(octets, len));
        assert_int_equal(back.len, 5 + len);
    }
}

static void refuse(cf_result (*decode)(cf_view, cf_buf *), cf_view text)
{
    cf_view exact = view_copy(text);
    CF_BUF(out);
    assert_ok(cf_buf_set(&out, CF_LIT("kept")));
    assert_err(decode(exact, &out), MALFORMED);
    assert_view(cf_buf_view(&out), CF_LIT("kept"));
    view_free(exact);
}

static void refuses_other_base64(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "A",          "AA",
        "AAA",        "AAAAA",
        "AAAAAA",     "AAAAAAA",
        "=",          "==",
        "====",       "A===",
        "=AAA",       "A=AA",
        "AA=A",       "AAA==",
        "Zg==Zg==",   "Zm8=Zm8=",
        "Zg=\n",      " Zm9",
        "Zm9 ",       "Zm9v\n",
        "Zm9v\nZm9v", "Zm9v\r\nZ",
        "Zm_v",       "Zm-v",
        "Zm.v",       "Zh==",
        "Zz==",       "Z/==",
        "Zm9=",       "Zm+=",
        "Zm9vYmF=",   "Zm9vYh==",
        "Zm9vYg=",    "Zm9vYg",
        "Zm9vYg===",  "AAAAA===",
        "AA\xc3\xa9", "\xff\xff\xff\xff",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        refuse(cf_base64_decode, cf_view_str(texts[i]));
    }
    refuse(cf_base64_decode, CF_LIT("AA\0A"));
}

/* Each octet at each place of a text of three groups: only the 64 digits are taken, and '=' nowhere but at the end. */
static void refuses_every_other_octet(void **state)
{
    (void)state;
    cf_view digits = rows[7].base64;
    for (unsigned octet = 0; octet < 256; octet++) {
        bool digit = octet != 0 && memchr(digits.data, (int)octet, digits.len) != NULL;
        for (size_t at = 0; at < 12; at++) {
            uint8_t text[] = "AAAAAAAAAAAA";
            text[at] = (uint8_t)octet;
            CF_BUF(out);
            bool taken = cf_is_ok(cf_base64_decode(cf_view_make(text, 12), &out));
            assert_int_equal(taken, digit || (octet == '=' && at == 11));
        }
    }
}

/* A value has one text: for each of the texts of one group with padding, decoding and encoding again gives it back. */
static void takes_one_text_per_value(void **state)
{
    (void)state;
    cf_view digits = rows[7].base64;
    unsigned taken = 0;
    for (size_t a = 0; a < 64; a++) {
        for (size_t b = 0; b < 64; b++) {
            uint8_t text[4] = {digits.data[a], digits.data[b], '=', '='};
            CF_BUF(out);
            CF_BUF(again);
            if (cf_is_ok(cf_base64_decode(CF_VIEW_OF(text), &out))) {
                assert_ok(cf_base64_encode(cf_buf_view(&out), &again));
                assert_view(cf_buf_view(&again), CF_VIEW_OF(text));
                taken++;
            }
        }
    }
    assert_int_equal(taken, 256);
}

static void refuses_other_hex(void **state)
{
    (void)state;
    refuse(cf_hex_decode, CF_LIT("a"));
    refuse(cf_hex_decode, CF_LIT("abc"));
    refuse(cf_hex_decode, CF_LIT("0x"));
    refuse(cf_hex_decode, CF_LIT(" a"));
    refuse(cf_hex_decode, CF_LIT("a\n"));
    for (unsigned octet = 0; octet < 256; octet++) {
        bool digit = octet != 0 && strchr("0123456789abcdefABCDEF", (int)octet) != NULL;
        for (size_t at = 0; at < 4; at++) {
            uint8_t text[4] = {'0', '0', '0', '0'};
            text[at] = (uint8_t)octet;
            CF_BUF(out);
            assert_int_equal(cf_is_ok(cf_hex_decode(CF_VIEW_OF(text), &out)), digit);
        }
    }
    CF_BUF(out);
    assert_ok(cf_hex_decode(CF_LIT("0AaFf9"), &out));
    assert_view(cf_buf_view(&out), CF_LIT("\x0a\xaf\xf9"));
}

static void bounds_what_it_writes(void **state)
{
    (void)state;
    CF_BUF(out);
    cf_view none = cf_view_make("", CF_BUF_BYTES_MAX + 1); /* refused before it is looked at */
    assert_err(cf_base64_encode(none, &out), SIZE);
    assert_err(cf_hex_encode(none, &out), SIZE);
    none.len = SIZE_MAX;
    assert_err(cf_base64_encode(none, &out), SIZE);
    assert_err(cf_hex_encode(none, &out), SIZE);
    none.len = SIZE_MAX - 3;
    assert_err(cf_base64_decode(none, &out), SIZE);
    none.len = SIZE_MAX - 1;
    assert_err(cf_hex_decode(none, &out), SIZE);
    none.len = CF_BUF_BYTES_MAX / 4 * 3 + 1;
    assert_err(cf_base64_encode(none, &out), SIZE);
    none.len = CF_BUF_BYTES_MAX / 2 + 1;
    assert_err(cf_hex_encode(none, &out), SIZE);

    uint8_t *zeros = calloc(1, CF_BUF_BYTES_MAX / 4 * 3);
    assert_non_null(zeros);
    assert_ok(cf_base64_encode(cf_view_make(zeros, CF_BUF_BYTES_MAX / 4 * 3), &out));
    assert_int_equal(out.len, CF_BUF_BYTES_MAX);
    free(zeros);
    CF_BUF(back);
    assert_ok(cf_base64_decode(cf_buf_view(&out), &back));
    assert_int_equal(back.len, CF_BUF_BYTES_MAX / 4 * 3);
}

static cf_result code_all(void *ctx)
{
    (void)ctx;
    CF_BUF(base64);
    CF_BUF(hex);
    CF_BUF(a);
    CF_BUF(b);
    CF_TRY(cf_base64_encode(CF_LIT("some octets"), &base64));
    CF_TRY(cf_base64_decode(cf_buf_view(&base64), &a));
    CF_TRY(cf_hex_encode(cf_buf_view(&a), &hex));
    CF_TRY(cf_hex_decode(cf_buf_view(&hex), &b));
    assert_view(cf_buf_view(&b), CF_LIT("some octets"));
    return cf_ok();
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    assert_int_equal(failmalloc_each(code_all, NULL, 4), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_the_vectors),        cmocka_unit_test(codes_every_length),
        cmocka_unit_test(refuses_other_base64),     cmocka_unit_test(refuses_every_other_octet),
        cmocka_unit_test(takes_one_text_per_value), cmocka_unit_test(refuses_other_hex),
        cmocka_unit_test(bounds_what_it_writes),    cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
