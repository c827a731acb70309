/* SPDX-License-Identifier: Apache-2.0 */
#include "core/codec/cbor.h"
#include "core/policy/policy.h"
#include "host/kmsd/keyfile.h"
#include "tests/support/test.h"

static cf_material material;
static cf_uuid key_id;

static int setup(void **state)
{
    (void)state;
    assert_ok(cf_uuid_make(&key_id));
    assert_ok(cf_random(material.id, sizeof material.id));
    assert_ok(cf_random(material.secret.b, CF_MATERIAL_BYTES));
    material.secret.len = CF_MATERIAL_BYTES;
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
    cf_material other = material;
    seal(CF_VIEW_EMPTY, CF_LIT("p"), &octets);
    cf_blob b;
    assert_ok(cf_blob_parse(cf_buf_view(&octets), &b));
    other.secret.b[0] ^= 1;
    assert_err(cf_blob_open(&b, &other, CF_VIEW_EMPTY, &out), OPEN);
    other = material;
    other.id[0] ^= 1;
    assert_err(cf_blob_open(&b, &other, CF_VIEW_EMPTY, &out), OPEN);
}

/* --- key files --- */

static void make_keyfile(cf_keyfile *k)
{
    *k = (cf_keyfile){.id = key_id, .created_ms = 1234567890123, .material = material};
    assert_ok(cf_buf_append(&k->description, CF_LIT("what it is for: \xc3\xa9")));
    assert_ok(cf_buf_append(&k->policy, CF_LIT("{\"Statement\":[]}")));
}

static cf_secret root_of(uint8_t seed)
{
    cf_secret root = {{seed, 2, 3}, 32};
    return root;
}

static void test_keyfile(void **state)
{
    (void)state;
    CF_AUTO(cf_keyfile_clear) cf_keyfile k;
    CF_AUTO(cf_keyfile_clear) cf_keyfile got = {.created_ms = 0};
    CF_BUF(file);
    cf_secret root = root_of(1), other = root_of(2);
    make_keyfile(&k);
    assert_ok(cf_keyfile_seal(&root, &k, &file));
    assert_ok(cf_keyfile_open(&root, cf_buf_view(&file), &got));
    assert_string_equal(got.id.text, k.id.text);
    assert_int_equal(got.created_ms, k.created_ms);
    assert_view(cf_buf_view(&got.description), cf_buf_view(&k.description));
    assert_view(cf_buf_view(&got.policy), cf_buf_view(&k.policy));
    assert_view(cf_secret_view(&got.material.secret), cf_secret_view(&k.material.secret));
    assert_view(CF_VIEW_OF(got.material.id), CF_VIEW_OF(k.material.id));
    cf_keyfile_clear(&got);
    assert_err(cf_keyfile_open(&other, cf_buf_view(&file), &got), OPEN);
    /* the material is nowhere in the file */
    for (size_t i = 0; i + 8 <= file.len; i++) {
        assert_memory_not_equal(file.data + i, k.material.secret.b, 8);
    }
}

/* Policy, description, id, times: all are under the tag. */
static void test_keyfile_tampered(void **state)
{
    (void)state;
    CF_AUTO(cf_keyfile_clear) cf_keyfile k;
    CF_BUF(file);
    cf_secret root = root_of(1);
    make_keyfile(&k);
    assert_ok(cf_keyfile_seal(&root, &k, &file));
    for (size_t i = 0; i < file.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            cf_keyfile got;
            file.data[i] ^= (uint8_t)(1 << bit);
            cf_result r = cf_keyfile_open(&root, cf_buf_view(&file), &got);
            file.data[i] ^= (uint8_t)(1 << bit);
            if (cf_is_ok(r)) {
                fail_msg("octet %zu", i);
            }
            assert_int_equal(got.policy.len + got.material.secret.len, 0);
        }
    }
    for (size_t len = 0; len < file.len; len++) {
        cf_keyfile got;
        cf_view v = view_copy(cf_view_make(file.data, len));
        assert_false(cf_is_ok(cf_keyfile_open(&root, v, &got)));
        view_free(v);
    }
}

/* The longest description and policy that requests may bring fit. */
static void test_keyfile_limits(void **state)
{
    (void)state;
    CF_AUTO(cf_keyfile_clear) cf_keyfile k = {.id = key_id, .material = material};
    CF_AUTO(cf_keyfile_clear) cf_keyfile got = {.created_ms = 0};
    CF_BUF(file);
    cf_secret root = root_of(1);
    for (size_t i = 0; i < 8192; i++) {
        assert_ok(cf_buf_append(&k.description, CF_LIT("\xf0\x9f\x97\x9d")));
    }
    for (size_t i = 0; i < CF_POLICY_BYTES_MAX; i++) {
        assert_ok(cf_buf_append(&k.policy, CF_LIT("p")));
    }
    assert_ok(cf_keyfile_seal(&root, &k, &file));
    assert_ok(cf_keyfile_open(&root, cf_buf_view(&file), &got));
    cf_keyfile_clear(&got);
    /* at the file's own limit: one octet of policy more makes one octet of file more */
    while (file.len < CF_KMSD_KEY_FILE_BYTES_MAX) {
        size_t add = CF_KMSD_KEY_FILE_BYTES_MAX - file.len > 100 ? 64 : 1, before = file.len;
        for (size_t i = 0; i < add; i++) {
            assert_ok(cf_buf_append(&k.policy, CF_LIT("p")));
        }
        cf_buf_clear(&file);
        assert_ok(cf_keyfile_seal(&root, &k, &file));
        assert_true(add > 1 || file.len == before + 1);
    }
    assert_ok(cf_keyfile_open(&root, cf_buf_view(&file), &got));
    cf_keyfile_clear(&got);
    assert_ok(cf_buf_append(&k.policy, CF_LIT("p")));
    cf_buf_clear(&file);
    assert_err(cf_keyfile_seal(&root, &k, &file), SIZE);
    assert_int_equal(file.len, 0);
    static const uint8_t large[CF_KMSD_KEY_FILE_BYTES_MAX + 1];
    assert_err(cf_keyfile_open(&root, CF_VIEW_OF(large), &got), SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_tampered),
        cmocka_unit_test(test_lengths),        cmocka_unit_test(test_another_material),
        cmocka_unit_test(test_keyfile),        cmocka_unit_test(test_keyfile_tampered),
        cmocka_unit_test(test_keyfile_limits),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
