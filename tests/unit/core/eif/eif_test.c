/* SPDX-License-Identifier: Apache-2.0 */
#include "core/eif/eif.h"

#include "core/codec/base64.h"
#include "tests/support/vectors.h"

static void read_file(const char *name, cf_buf *ret)
{
    char path[64];
    (void)snprintf(path, sizeof path, "eif/%s", name);
    vec_file(path, ret);
}

static void expect_pcr(const json_t *file, const char *name, const uint8_t *got)
{
    CF_BUF(want);
    vec_hex(file, name, &want);
    assert_view(cf_view_make(got, CF_PCR_BYTES_SHA384), cf_buf_view(&want));
}

static void test_measures(void **state)
{
    (void)state;
    json_t *manifest = vec_load("eif/manifest.json");
    const char *name;
    json_t *file;
    size_t cases = 0;
    json_object_foreach(json_object_get(manifest, "files"), name, file)
    {
        CF_BUF(octets);
        cf_eif e;
        cf_eif_measures m;
        read_file(name, &octets);
        assert_int_equal(octets.len, vec_int(file, "length"));
        assert_ok(cf_eif_parse(cf_buf_view(&octets), &e));
        assert_true(e.arm64 == (strcmp(name, "aarch64.eif") == 0));
        assert_true((e.signature.len > 0) == vec_has(file, "PCR8"));
        assert_ok(cf_eif_measure(&e, &m));
        expect_pcr(file, "PCR0", m.pcr[0]);
        expect_pcr(file, "PCR1", m.pcr[1]);
        expect_pcr(file, "PCR2", m.pcr[2]);
        cases++;
    }
    assert_int_equal(cases, 3);
    json_decref(manifest);
}

/* No octet can be changed, none be missing and none be added. */
static void test_every_octet_counts(void **state)
{
    (void)state;
    CF_BUF(octets);
    cf_eif e;
    read_file("signed.eif", &octets);
    for (size_t i = 0; i < octets.len; i++) {
        octets.data[i] ^= 1;
        /* memory and CPUs are a wish of the maker's, which the CRC covers all the same */
        assert_false(cf_is_ok(cf_eif_parse(cf_buf_view(&octets), &e)));
        assert_int_equal(e.ramdisks_n, 0);
        octets.data[i] ^= 1;
        cf_view cut = view_copy(cf_view_make(octets.data, i));
        assert_err(cf_eif_parse(cut, &e), TRUNCATED);
        view_free(cut);
    }
    assert_ok(cf_eif_parse(cf_buf_view(&octets), &e));
    assert_ok(cf_buf_append(&octets, CF_VIEW_OF("")));
    assert_err(cf_eif_parse(cf_buf_view(&octets), &e), TRAILING);
}

/* --- files made here --- */

static void put(cf_buf *b, size_t at, uint64_t n, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        b->data[at + i] = (uint8_t)(n >> (8 * (bytes - 1 - i)));
    }
}

/* bit by bit, so that it is not the code under test */
static uint32_t crc32_of(uint32_t crc, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320U : 0);
        }
    }
    return crc;
}

static void seal(cf_buf *b)
{
    uint32_t crc = crc32_of(UINT32_MAX, b->data, 544);
    crc = crc32_of(crc, b->data + CF_EIF_HEADER_BYTES, b->len - CF_EIF_HEADER_BYTES);
    put(b, 544, ~crc, 4);
}

/* A file with sections of these types, each with its own letter as content. */
static void make(const char *types, cf_buf *b)
{
    static const uint8_t zeros[CF_EIF_HEADER_BYTES];
    cf_buf_clear(b);
    assert_ok(cf_buf_append(b, CF_VIEW_OF(zeros)));
    cf_copy(b->data, ".eif", 4);
    put(b, 4, 4, 2);
    put(b, 26, strlen(types), 2);
    for (size_t i = 0; types[i] != '\0'; i++) {
        uint8_t section[CF_EIF_SECTION_HEADER_BYTES + 1] = {0, (uint8_t)(types[i] - '0')};
        section[11] = 1;
        section[12] = (uint8_t)('a' + i);
        if (i < CF_EIF_SECTIONS_MAX) {
            put(b, 28 + 8 * i, b->len, 8);
            put(b, 284 + 8 * i, 1, 8);
        }
        assert_ok(cf_buf_append(b, CF_VIEW_OF(section)));
    }
    seal(b);
}

static void test_sections(void **state)
{
    (void)state;
    static const struct {
        const char *types;
        cf_err want;
    } rows[] = {
        {"123", CF_OK},
        {"12335333", CF_OK},
        {"321", CF_OK},
        {"12354", CF_OK},
        {"", CF_ERR_MISSING},
        {"12", CF_ERR_MISSING},
        {"13", CF_ERR_MISSING},
        {"23", CF_ERR_MISSING},
        {"1123", CF_ERR_DUPLICATE},
        {"1223", CF_ERR_DUPLICATE},
        {"12344", CF_ERR_DUPLICATE},
        {"12355", CF_ERR_DUPLICATE},
        {"1230", CF_ERR_MALFORMED},
        {"1236", CF_ERR_MALFORMED},
        {"12333333333333333333333333333333", CF_OK},        /* 32 */
        {"123333333333333333333333333333333", CF_ERR_SIZE}, /* 33 */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(b);
        cf_eif e;
        cf_eif_measures m;
        make(rows[i].types, &b);
        assert_code(cf_eif_parse(cf_buf_view(&b), &e), rows[i].want);
        if (rows[i].want == CF_OK) {
            assert_ok(cf_eif_measure(&e, &m));
        }
    }
}

/* What a careless reader would take. */
static void test_contradictions(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint64_t value;
        size_t bytes;
        cf_err want;
    } rows[] = {
        {4, 2, 2, CF_ERR_UNSUPPORTED},         {4, 3, 2, CF_OK},
        {4, 5, 2, CF_ERR_UNSUPPORTED},         {6, 1, 2, CF_OK},
        {6, 2, 2, CF_ERR_MALFORMED},           {8, 7, 8, CF_OK},
        {24, 1, 2, CF_ERR_MALFORMED},          {26, 2, 2, CF_ERR_TRAILING},
        {26, 4, 2, CF_ERR_TRUNCATED},          {28, 549, 8, CF_ERR_MALFORMED},
        {28, UINT64_MAX, 8, CF_ERR_MALFORMED}, {284, 2, 8, CF_ERR_MALFORMED},
        {28 + 8 * 3, 1, 8, CF_ERR_MALFORMED},  {284 + 8 * 31, 1, 8, CF_ERR_MALFORMED},
        {540, 1, 4, CF_ERR_MALFORMED},         {548 + 2, 1, 2, CF_ERR_MALFORMED},
        {548 + 4, 2, 8, CF_ERR_MALFORMED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(b);
        cf_eif e;
        make("123", &b);
        put(&b, rows[i].at, rows[i].value, rows[i].bytes);
        seal(&b);
        if (cf_eif_parse(cf_buf_view(&b), &e).code != rows[i].want) {
            fail_msg("row %zu", i);
        }
    }
    /* table and header agree on a size that is not there */
    CF_BUF(b);
    cf_eif e;
    make("123", &b);
    put(&b, 284 + 16, UINT64_MAX, 8);
    put(&b, b.len - 9, UINT64_MAX, 8);
    seal(&b);
    assert_err(cf_eif_parse(cf_buf_view(&b), &e), TRUNCATED);
    make("123", &b);
    put(&b, 544, 0, 4);
    assert_err(cf_eif_parse(cf_buf_view(&b), &e), SIGNATURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measures),
        cmocka_unit_test(test_every_octet_counts),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_contradictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
