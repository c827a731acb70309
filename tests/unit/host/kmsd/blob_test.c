/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/blob.h"

#include "host/kmsd/limits.h"
#include "tests/support/test.h"

static cf_material material;
static cf_uuid key_id;

static int setup(void **state)
{
    (void)state;
    assert_ok(cf_uuid_make(&key_id));
    assert_ok(cf_material_make(CF_SPEC_SYMMETRIC, 1, CF_MATERIAL_FIRST, &material));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cf_material_clear(&material);
    return 0;
}

static void seal(cf_view context, cf_view plaintext, cf_buf *out)
{
    assert_ok(cf_blob_seal(&key_id, &material, context, plaintext, out));
}

static cf_result open_blob(cf_view octets, cf_view context, cf_buf *out)
{
    cf_blob b;
    CF_TRY(cf_blob_parse(octets, &b));
    return cf_blob_open(&b, &material, context, out);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const uint8_t plaintext[CF_KMSD_PLAINTEXT_BYTES_MAX] = {1, 2, 3};
    static const size_t sizes[] = {0, 1, 32, 185, CF_KMSD_PLAINTEXT_BYTES_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CF_BUF(octets);
        CF_BUF(again);
        CF_BUF(out);
        cf_view pt = cf_view_make(plaintext, sizes[i]);
        seal(CF_LIT("\xa0"), pt, &octets);
        seal(CF_LIT("\xa0"), pt, &again);
        assert_int_equal(octets.len, sizes[i] + CF_BLOB_OVERHEAD_BYTES);
        assert_false(cf_view_eq(cf_buf_view(&octets), cf_buf_view(&again)));
        assert_ok(open_blob(cf_buf_view(&octets), CF_LIT("\xa0"), &out));
        assert_view(cf_buf_view(&out), pt);
        cf_blob b;
        assert_ok(cf_blob_parse(cf_buf_view(&octets), &b));
        assert_string_equal(b.key.text, key_id.text);
        assert_view(b.material_id, CF_VIEW_OF(material.id));
    }
}

/* Every octet counts, and so does the context. */
static void test_tampered(void **state)
{
    (void)state;
    CF_BUF(octets);
    CF_BUF(out);
    seal(CF_LIT("\xa1\x61"
                "a\x61"
                "b"),
         CF_LIT("plaintext"), &octets);
    for (size_t i = 0; i < octets.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            octets.data[i] ^= (uint8_t)(1 << bit);
            cf_result r = open_blob(cf_buf_view(&octets),
                                    CF_LIT("\xa1\x61"
                                           "a\x61"
                                           "b"),
                                    &out);
            assert_code(r, i < 5 ? CF_ERR_MALFORMED : CF_ERR_OPEN);
            assert_int_equal(out.len, 0);
            octets.data[i] ^= (uint8_t)(1 << bit);
        }
    }
    assert_err(open_blob(cf_buf_view(&octets),
                         CF_LIT("\xa1\x61"
                                "a\x61"
                                "c"),
                         &out),
               OPEN);
    assert_err(open_blob(cf_buf_view(&octets), CF_VIEW_EMPTY, &out), OPEN);
    assert_ok(open_blob(cf_buf_view(&octets),
                        CF_LIT("\xa1\x61"
                               "a\x61"
                               "b"),
                        &out));
}

static void test_lengths(void **state)
{
    (void)state;
    CF_BUF(octets);
    CF_BUF(out);
    seal(CF_VIEW_EMPTY, CF_LIT("p"), &octets);
    for (size_t len = 0; len < octets.len; len++) {
        cf_view v = view_copy(cf_view_make(octets.data, len));
        assert_code(open_blob(v, CF_VIEW_EMPTY, &out),
                    len < CF_BLOB_OVERHEAD_BYTES ? CF_ERR_MALFORMED : CF_ERR_OPEN);
        view_free(v);
    }
    assert_ok(cf_buf_append(&octets, CF_LIT("x")));
    assert_err(open_blob(cf_buf_view(&octets), CF_VIEW_EMPTY, &out), OPEN);
}

static void test_another_material(void **state)
{
    (void)state;
    CF_BUF(octets);
    CF_BUF(out);
    CF_AUTO(cf_material_clear) cf_material other = {.created_ms = 0};
    cf_blob b;
    seal(CF_VIEW_EMPTY, CF_LIT("p"), &octets);
    assert_ok(cf_blob_parse(cf_buf_view(&octets), &b));
    assert_ok(cf_material_copy(&material, &other));
    assert_ok(cf_blob_open(&b, &other, CF_VIEW_EMPTY, &out));
    other.secret.data[0] ^= 1;
    assert_err(cf_blob_open(&b, &other, CF_VIEW_EMPTY, &out), OPEN);
    other.secret.data[0] ^= 1;
    other.id[0] ^= 1;
    assert_err(cf_blob_open(&b, &other, CF_VIEW_EMPTY, &out), OPEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_tampered),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_another_material),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
