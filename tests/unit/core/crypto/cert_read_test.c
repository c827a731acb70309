/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates put together from parts of DER, one part changed at a time. */
#include "core/crypto/sign.h"

#include "core/codec/der.h"
#include "tests/support/vectors.h"

#define ES384 "300a 0608 2a8648ce3d040303"
#define NAME "300c 310a 3008 0603 550403 0c01 61"
#define TIMES "301e 170d 3233313131343232313332305a 170d 3233313131343233313332305a"
#define CA "3012 0603551d13 0101ff 0408 3006 0101ff 020103"
#define LEAF "300c 0603551d13 0101ff 0402 3000"
#define SIGNER "300e 0603551d0f 0101ff 0404 0302 0204"

enum { VERSION, SERIAL, INNER, ISSUER, VALIDITY, SUBJECT, SPKI, EXTENSIONS, OUTER, BITS, PARTS };

static const char
    *const plain[PARTS] =
        {
            [VERSION] = "a003 020102", [SERIAL] = "0201 01", [INNER] = ES384,
            [ISSUER] = NAME,           [VALIDITY] = TIMES,   [SUBJECT] = NAME,
            [SPKI] = "3003 020100", /* looked at only where a key is needed */
            [EXTENSIONS] = CA SIGNER,  [OUTER] = ES384,      [BITS] = "0302 00 30",
};

static void put_hex(cf_buf *out, const char *hex)
{
    cf_view v = view_hex(hex);
    assert_ok(cf_buf_append(out, v));
    view_free(v);
}

static void wrap(cf_buf *out, uint8_t tag, const cf_buf *body)
{
    cf_writer w = cf_writer_to(out, CF_BUF_BYTES_MAX);
    cf_der_put(&w, tag, cf_buf_view(body));
    assert_ok(cf_write_end(&w));
}

/* The certificate of these parts. extensions "": none at all. */
static void build(const char *const parts[PARTS], cf_buf *out)
{
    CF_BUF(tbs);
    CF_BUF(all);
    for (int i = VERSION; i < EXTENSIONS; i++) {
        put_hex(&tbs, parts[i]);
    }
    if (parts[EXTENSIONS][0] != '\0') {
        CF_BUF(list);
        CF_BUF(sequence);
        put_hex(&list, parts[EXTENSIONS]);
        wrap(&sequence, 0x30, &list);
        wrap(&tbs, 0xa3, &sequence);
    }
    wrap(&all, 0x30, &tbs);
    put_hex(&all, parts[OUTER]);
    put_hex(&all, parts[BITS]);
    wrap(out, 0x30, &all);
}

static cf_view kept;

static void drop_kept(void)
{
    view_free(kept);
    kept = CF_VIEW_EMPTY;
}

/* Reads the plain certificate with one part replaced, from memory of its exact size, which lasts until the next. */
static cf_result read_with(int part, const char *hex, cf_cert *ret)
{
    const char *parts[PARTS];
    memcpy(parts, plain, sizeof parts);
    parts[part] = hex;
    CF_BUF(der);
    build(parts, &der);
    drop_kept();
    kept = view_copy(cf_buf_view(&der));
    cf_result r = cf_cert_read(kept, ret);
    assert_int_equal(cf_is_ok(r), ret->tbs.len > 0);
    return r;
}

static void test_plain(void **state)
{
    (void)state;
    CF_BUF(der);
    cf_cert c;
    build(plain, &der);
    assert_ok(cf_cert_read(cf_buf_view(&der), &c));
    assert_view(c.issuer, c.subject);
    assert_int_equal(c.issuer.len, 14);
    assert_view(c.cn, CF_LIT("a"));
    assert_int_equal(c.not_before_s, 1700000000);
    assert_int_equal(c.not_after_s, 1700003600);
    assert_view(c.signature, CF_LIT("0"));
    assert_view(c.spki, CF_LIT("\x30\x03\x02\x01\x00"));
    assert_true(c.es384 && c.ca && c.has_usage && !c.unknown_critical);
    assert_int_equal(c.path_len, 3);
    assert_int_equal(c.usage, CF_CERT_USAGE_CERT_SIGN);
    assert_true(c.tbs.data == der.data + 3 && c.tbs.data[0] == 0x30);
}

/* Anything may be cut off, or come behind. */
static void test_lengths(void **state)
{
    (void)state;
    CF_BUF(der);
    cf_cert c;
    build(plain, &der);
    for (size_t n = 0; n < der.len; n++) {
        cf_view cut = view_copy(cf_view_make(der.data, n));
        assert_err(cf_cert_read(cut, &c), CHAIN);
        view_free(cut);
    }
    assert_ok(cf_buf_append(&der, CF_LIT("\x05")));
    assert_err(cf_cert_read(cf_buf_view(&der), &c), CHAIN);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        int part;
        const char *hex;
    } rows[] = {
        {VERSION, ""},
        {VERSION, "a003 020101"}, /* version 2 */
        {VERSION, "a004 02020002"},
        {VERSION, "a006 020102 020102"},
        {SERIAL, "0200"},
        {SERIAL, "0301 01"},
        {ISSUER, "310c 310a 3008 0603 550403 0c01 61"},
        {ISSUER, "300c 300a 3008 0603 550403 0c01 61"},
        {ISSUER, "300e 310c 300a 0603 550403 0c01 61 0500"},
        {SUBJECT, "3009 3107 3005 0603 550403"},
        {VALIDITY, "300f 170d 3233313131343232313332305a"}, /* one time */
        {VALIDITY, TIMES "0500"},
        {SPKI, "3103 020100"},
        {EXTENSIONS, CA CA},
        {EXTENSIONS, SIGNER SIGNER},
        {EXTENSIONS, "3011 0603551d13 0100 0408 3006 0101ff 020103"},
        {EXTENSIONS, "3012 0603551d13 010100 0408 3006 0101ff 020103"}, /* false is left out */
        {EXTENSIONS, "3013 0603551d13 0101ff 0409 3007 0102ffff 020103"},
        {EXTENSIONS, "3012 0603551d13 0101ff 0408 3006 010100 020103"},
        {EXTENSIONS, "3012 0603551d13 0101ff 0408 3006 0101ff 020180"}, /* a negative length */
        {EXTENSIONS, "3013 0603551d13 0101ff 0409 3007 0101ff 02020100"},
        {EXTENSIONS, "300f 0603551d13 0101ff 0405 3003 020103"}, /* without being a CA */
        {EXTENSIONS, "3014 0603551d13 0101ff 040a 3006 0101ff 020103 0500"},
        {EXTENSIONS, "300e 0603551d0f 0101ff 0404 0302 0804"},
        {EXTENSIONS, "300d 0603551d0f 0101ff 0403 0301 00"},
        {EXTENSIONS, "3010 0603551d0f 0101ff 0406 0304 00000000"},
        {EXTENSIONS, "3010 0603551d0f 0101ff 0406 0302 0204 0500"},
        {EXTENSIONS, "3010 0603551d0f 0101ff 0404 0302 0204 0500"},
        {EXTENSIONS, "3005 0603551d0f"},
        {BITS, "0301 00"},
        {BITS, "0302 01 30"},
        {BITS, "0402 00 30"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_cert c;
        cf_result r = read_with(rows[i].part, rows[i].hex, &c);
        if (r.code != CF_ERR_CHAIN) {
            fail_msg("row %zu: %s", i, cf_err_code(r.code));
        }
    }
}

static void test_variants(void **state)
{
    (void)state;
    cf_cert c;
    assert_ok(read_with(EXTENSIONS, "", &c));
    assert_true(!c.ca && !c.has_usage && c.path_len == -1);
    assert_ok(read_with(EXTENSIONS, LEAF, &c));
    assert_true(!c.ca && c.path_len == -1);
    assert_ok(read_with(EXTENSIONS, "3012 0603551d13 010101 0408 3006 010101 020103", &c));
    assert_int_equal(c.path_len, 3); /* true as OpenSSL's encoder writes it */
    assert_ok(read_with(EXTENSIONS, "300f 0603551d13 0101ff 0405 3003 0101ff" SIGNER, &c));
    assert_true(c.ca && c.path_len == -1);
    assert_ok(read_with(EXTENSIONS, "3012 0603551d13 0101ff 0408 3006 0101ff 02017f", &c));
    assert_int_equal(c.path_len, 127);
    assert_ok(read_with(EXTENSIONS, "300b 0603551d0f 0404 0302 06c0", &c)); /* not critical */
    assert_int_equal(c.usage, 0xc0);
    assert_ok(read_with(EXTENSIONS, "300c 0603551d0f 0405 0303 07c080", &c));
    assert_int_equal(c.usage, 0xc0);
    /* an unknown one counts only where it is critical */
    assert_ok(read_with(EXTENSIONS, CA "300a 0603 550407 0403 020100", &c));
    assert_false(c.unknown_critical);
    assert_ok(read_with(EXTENSIONS, CA "300d 0603 550407 0101ff 0403 020100", &c));
    assert_true(c.unknown_critical);
    /* both places must name the algorithm, and nothing beside it */
    assert_ok(read_with(INNER, "300a 0608 2a8648ce3d040302", &c));
    assert_false(c.es384);
    assert_ok(read_with(OUTER, "300c 0608 2a8648ce3d040303 0500", &c));
    assert_false(c.es384);
    /* several attributes, and two in one set */
    assert_ok(read_with(SUBJECT,
                        "3026 310a 3008 0603 550403 0c01 62 3118 3008 0603 550406 1301 55"
                        "300c 0603 550403 0c05 68656c6c6f",
                        &c));
    assert_view(c.cn, CF_LIT("hello"));
    assert_ok(read_with(SUBJECT, "3000", &c));
    assert_int_equal(c.cn.len, 0);
    /* a serial number of 21 octets */
    assert_ok(read_with(SERIAL, "0215 00cb6b578bd1a173505ab5984d3810f68083ac3a3e", &c));
}

static void time_hex(const char *text, char *out, size_t room)
{
    int n = snprintf(out, room, "%02x%02zx", strlen(text) == 13 ? 0x17 : 0x18, strlen(text));
    for (const char *p = text; *p != '\0'; p++) {
        n += snprintf(out + n, room - (size_t)n, "%02x", (unsigned)(uint8_t)*p);
    }
}

/* Seconds computed with another library's calendar; INT64_MIN where the text is no time. */
static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t at_s;
    } rows[] = {
        {"700101000000Z", 0},
        {"491231235959Z", 2524607999},
        {"500101000000Z", -631152000},
        {"691231235959Z", -1},
        {"991231235959Z", 946684799},
        {"000229120000Z", 951825600},
        {"240229000000Z", 1709164800},
        {"20491028142805Z", 2519044085},
        {"20500101000000Z", 2524608000},
        {"21000228235959Z", 4107542399},
        {"99991231235959Z", 253402300799},
        {"00010101000000Z", -62135596800},
        {"16000229000000Z", -11670998400},
        {"230229000000Z", INT64_MIN},
        {"21000229000000Z", INT64_MIN},
        {"00000101000000Z", INT64_MIN},
        {"240431000000Z", INT64_MIN},
        {"241301000000Z", INT64_MIN},
        {"240001000000Z", INT64_MIN},
        {"240100000000Z", INT64_MIN},
        {"240132000000Z", INT64_MIN},
        {"240101240000Z", INT64_MIN},
        {"240101006000Z", INT64_MIN},
        {"240101000060Z", INT64_MIN},
        {"2401010000 0Z", INT64_MIN},
        {"24010100000:Z", INT64_MIN},
        {"240101000000z", INT64_MIN},
        {"240101000000", INT64_MIN},
        {"24010100000000Z", INT64_MIN}, /* in the year 2401, but 00 is no day */
        {"20240101000000.5Z", INT64_MIN},
        {"20240101000000+0000", INT64_MIN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char from[128], until[] = "170d3233313131343233313332305a";
        char both[256];
        cf_cert c;
        time_hex(rows[i].text, from, sizeof from);
        (void)snprintf(both, sizeof both, "30%02zx%s%s", (strlen(from) + strlen(until)) / 2, from,
                       until);
        cf_result r = read_with(VALIDITY, both, &c);
        bool good = rows[i].at_s != INT64_MIN;
        if (cf_is_ok(r) != good || (good && c.not_before_s != rows[i].at_s)) {
            fail_msg("%s: %s %lld", rows[i].text, cf_err_code(r.code), (long long)c.not_before_s);
        }
    }
}

/* Its limit is the one of certificates; an extension nobody knows fills it. */
static void test_size(void **state)
{
    (void)state;
    for (size_t want = CF_CERT_BYTES_MAX - 1; want <= CF_CERT_BYTES_MAX + 1; want++) {
        char *hex = NULL;
        size_t fill = 3000, len = 0;
        for (int tries = 0; tries < 3 && len != want; tries++) {
            CF_BUF(der);
            const char *parts[PARTS];
            memcpy(parts, plain, sizeof parts);
            free(hex);
            hex = malloc(2 * fill + 64);
            assert_non_null(hex);
            int n = snprintf(hex, 64, "3082%04zx 0603550407 0482%04zx", fill + 9, fill);
            memset(hex + n, '0', 2 * fill);
            hex[(size_t)n + 2 * fill] = '\0';
            parts[EXTENSIONS] = hex;
            build(parts, &der);
            len = der.len;
            cf_cert c;
            assert_code(cf_cert_read(cf_buf_view(&der), &c),
                        len <= CF_CERT_BYTES_MAX ? CF_OK : CF_ERR_CHAIN);
            fill = fill + want - len;
        }
        assert_int_equal(len, want);
        free(hex);
    }
}

/* What genuine ones say. */
static void test_root(void **state)
{
    (void)state;
    CF_BUF(der);
    cf_cert c;
    vec_file("aws-nitro-root-g1.der", &der);
    assert_ok(cf_cert_read(cf_buf_view(&der), &c));
    assert_view(c.cn, CF_LIT("aws.nitro-enclaves"));
    assert_int_equal(c.not_before_s, 1572269285); /* 2019-10-28T13:28:05Z */
    assert_int_equal(c.not_after_s, 2519044085);  /* 2049-10-28T14:28:05Z */
    assert_true(c.es384 && c.ca && c.path_len == -1 && c.usage == 0x86);
    assert_view(c.issuer, c.subject);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),   cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_variants),
        cmocka_unit_test(test_times),   cmocka_unit_test(test_size),
        cmocka_unit_test(test_root),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    drop_kept();
    return failed;
}
