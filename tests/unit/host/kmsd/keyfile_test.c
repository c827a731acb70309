/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/keyfile.h"

#include "core/codec/cbor.h"
#include "core/policy/policy.h"
#include "host/kmsd/sealed.h"
#include "tests/support/test.h"

static cf_secret root_of(uint8_t seed)
{
    cf_secret root = {{seed, 2, 3}, 32};
    return root;
}

static void add_material(cf_keyfile *k, uint64_t at_ms, cf_material_how how)
{
    cf_material m;
    assert_ok(cf_material_make(k->spec, at_ms, how, &m));
    assert_ok(cf_keyfile_add_material(k, &m));
    assert_null(m.secret.data);
}

/* Every member differs from its zero state. */
static void make_keyfile(cf_key_spec spec, cf_key_use use, cf_keyfile *k)
{
    *k = (cf_keyfile){.created_ms = 1234567890123,
                      .spec = spec,
                      .use = use,
                      .enabled = true,
                      .delete_ms = 1234567990123,
                      .delete_days = 7,
                      .rotation_days = 90,
                      .rotation_from_ms = 1234567890124};
    assert_ok(cf_uuid_make(&k->id));
    assert_ok(cf_buf_append(&k->description, CF_LIT("what it is for: \xc3\xa9")));
    assert_ok(cf_buf_append(&k->policy, CF_LIT("{\"Statement\":[]}")));
    assert_ok(cf_keyfile_set_tag(k, CF_LIT("b"), CF_LIT("2")));
    assert_ok(cf_keyfile_set_tag(k, CF_LIT("a"), CF_VIEW_EMPTY));
    add_material(k, 1234567890123, CF_MATERIAL_FIRST);
}

static void assert_same(const cf_keyfile *a, const cf_keyfile *b)
{
    assert_string_equal(a->id.text, b->id.text);
    assert_int_equal(a->created_ms, b->created_ms);
    assert_int_equal(a->spec, b->spec);
    assert_int_equal(a->use, b->use);
    assert_int_equal(a->enabled, b->enabled);
    assert_int_equal(a->delete_ms, b->delete_ms);
    assert_int_equal(a->delete_days, b->delete_days);
    assert_int_equal(a->rotation_days, b->rotation_days);
    assert_int_equal(a->rotation_from_ms, b->rotation_from_ms);
    assert_view(cf_buf_view(&a->description), cf_buf_view(&b->description));
    assert_view(cf_buf_view(&a->policy), cf_buf_view(&b->policy));
    assert_int_equal(a->tags_n, b->tags_n);
    for (size_t i = 0; i < a->tags_n; i++) {
        assert_view(cf_buf_view(&a->tags[i].name), cf_buf_view(&b->tags[i].name));
        assert_view(cf_buf_view(&a->tags[i].value), cf_buf_view(&b->tags[i].value));
    }
    assert_int_equal(a->materials_n, b->materials_n);
    for (size_t i = 0; i < a->materials_n; i++) {
        assert_view(CF_VIEW_OF(a->materials[i].id), CF_VIEW_OF(b->materials[i].id));
        assert_view(cf_buf_view(&a->materials[i].secret), cf_buf_view(&b->materials[i].secret));
        assert_int_equal(a->materials[i].created_ms, b->materials[i].created_ms);
        assert_int_equal(a->materials[i].how, b->materials[i].how);
        assert_int_equal(a->materials[i].pair != NULL, b->materials[i].pair != NULL);
    }
}

static void assert_not_in(cf_view file, cf_view secret)
{
    for (size_t i = 0; i + 8 <= file.len; i++) {
        assert_memory_not_equal(file.data + i, secret.data, 8);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    for (cf_key_spec spec = CF_SPEC_SYMMETRIC; spec < CF_SPEC_COUNT; spec++) {
        for (cf_key_use use = CF_USE_ENCRYPT; use < CF_USE_COUNT; use++) {
            if (!cf_spec_takes(spec, use)) {
                continue;
            }
            CF_AUTO(cf_keyfile_clear) cf_keyfile k;
            CF_AUTO(cf_keyfile_clear) cf_keyfile got = {.created_ms = 0}, copy = {.created_ms = 0};
            CF_BUF(file);
            cf_secret root = root_of(1), other = root_of(2);
            make_keyfile(spec, use, &k);
            if (spec == CF_SPEC_SYMMETRIC) {
                add_material(&k, 5, CF_MATERIAL_AUTOMATIC);
                add_material(&k, 6, CF_MATERIAL_ON_DEMAND);
            }
            assert_ok(cf_keyfile_seal(&root, &k, &file));
            assert_ok(cf_keyfile_open(&root, cf_buf_view(&file), &got));
            assert_same(&k, &got);
            assert_ok(cf_keyfile_copy(&k, &copy));
            assert_same(&k, &copy);
            cf_keyfile_clear(&got);
            assert_err(cf_keyfile_open(&other, cf_buf_view(&file), &got), OPEN);
            assert_int_equal(got.materials_n, 0);
            cf_view secret = cf_buf_view(&cf_keyfile_current(&k)->secret);
            assert_not_in(cf_buf_view(&file), cf_view_sub(secret, secret.len - 20, 20));
        }
    }
}

/* Policy, states, tags, times: all are under the tag. */
static void test_tampered(void **state)
{
    (void)state;
    CF_AUTO(cf_keyfile_clear) cf_keyfile k;
    CF_BUF(file);
    cf_secret root = root_of(1);
    make_keyfile(CF_SPEC_SYMMETRIC, CF_USE_ENCRYPT, &k);
    add_material(&k, 5, CF_MATERIAL_AUTOMATIC);
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
            assert_int_equal(got.policy.len + got.materials_n + got.tags_n, 0);
        }
    }
    for (size_t len = 0; len < file.len; len++) {
        cf_keyfile got;
        cf_view v = view_copy(cf_view_make(file.data, len));
        assert_false(cf_is_ok(cf_keyfile_open(&root, v, &got)));
        view_free(v);
    }
}

/* A file of the first format, as the first version of this service wrote it. */
static void test_format_1(void **state)
{
    (void)state;
    static const cf_sealed_kind kind = {CF_LIT_INIT("coffer-kms-seal-1"),
                                        CF_LIT_INIT("coffer-kms-key-1\0")};
    static const uint8_t id[32] = {7, 7}, secret[32] = {9, 9};
    cf_secret root = root_of(1);
    cf_view uuid = CF_LIT("1234abcd-12ab-44cd-96ef-1234567890ab");
    CF_AUTO(cf_keyfile_clear) cf_keyfile got = {.created_ms = 0};
    CF_BUF(meta);
    CF_BUF(file);
    cf_writer w = cf_writer_to(&meta, 1000);
    cf_cbor_put_map(&w, 5);
    cf_cbor_put_uint(&w, 1);
    cf_cbor_put_text(&w, uuid);
    cf_cbor_put_uint(&w, 2);
    cf_cbor_put_uint(&w, 1700000000000);
    cf_cbor_put_uint(&w, 3);
    cf_cbor_put_text(&w, CF_LIT("old"));
    cf_cbor_put_uint(&w, 4);
    cf_cbor_put_bytes(&w, CF_VIEW_OF(id));
    cf_cbor_put_uint(&w, 5);
    cf_cbor_put_text(&w, CF_LIT("{}"));
    assert_ok(cf_write_end(&w));
    const cf_sealed parts = {1, cf_buf_view(&meta), CF_VIEW_OF(secret)};
    assert_ok(cf_sealed_make(&root, &kind, uuid, &parts, 10000, &file));
    assert_ok(cf_keyfile_open(&root, cf_buf_view(&file), &got));
    assert_view(cf_uuid_view(&got.id), uuid);
    assert_int_equal(got.created_ms, 1700000000000);
    assert_int_equal(got.spec, CF_SPEC_SYMMETRIC);
    assert_int_equal(got.use, CF_USE_ENCRYPT);
    assert_true(got.enabled);
    assert_int_equal(got.delete_ms + got.rotation_days, 0);
    assert_int_equal(got.materials_n, 1);
    assert_view(CF_VIEW_OF(got.materials[0].id), CF_VIEW_OF(id));
    assert_view(cf_buf_view(&got.materials[0].secret), CF_VIEW_OF(secret));
    /* the parts of one format are not taken for the other's */
    const cf_sealed as_2 = {2, cf_buf_view(&meta), CF_VIEW_OF(secret)};
    cf_buf_clear(&file);
    cf_keyfile_clear(&got);
    assert_ok(cf_sealed_make(&root, &kind, uuid, &as_2, 10000, &file));
    assert_false(cf_is_ok(cf_keyfile_open(&root, cf_buf_view(&file), &got)));
    const cf_sealed as_3 = {3, cf_buf_view(&meta), CF_VIEW_OF(secret)};
    cf_buf_clear(&file);
    assert_ok(cf_sealed_make(&root, &kind, uuid, &as_3, 10000, &file));
    assert_err(cf_keyfile_open(&root, cf_buf_view(&file), &got), UNSUPPORTED);
}

static void test_tags(void **state)
{
    (void)state;
    CF_AUTO(cf_keyfile_clear) cf_keyfile k = {.created_ms = 0};
    char name[32];
    for (int i = CF_KMSD_TAGS_MAX; i > 0; i--) {
        (void)snprintf(name, sizeof name, "t%02d", i);
        assert_ok(cf_keyfile_set_tag(&k, cf_view_str(name), CF_LIT("v")));
    }
    assert_err(cf_keyfile_set_tag(&k, CF_LIT("one more"), CF_LIT("v")), LIMIT);
    assert_ok(cf_keyfile_set_tag(&k, CF_LIT("t07"), CF_LIT("other")));
    assert_int_equal(k.tags_n, CF_KMSD_TAGS_MAX);
    for (size_t i = 0; i < k.tags_n; i++) {
        (void)snprintf(name, sizeof name, "t%02zu", i + 1);
        assert_view(cf_buf_view(&k.tags[i].name), cf_view_str(name));
        assert_view(cf_buf_view(&k.tags[i].value), i == 6 ? CF_LIT("other") : CF_LIT("v"));
    }
    cf_keyfile_drop_tag(&k, CF_LIT("none"));
    cf_keyfile_drop_tag(&k, CF_LIT("t01"));
    cf_keyfile_drop_tag(&k, CF_LIT("t50"));
    assert_int_equal(k.tags_n, CF_KMSD_TAGS_MAX - 2);
    assert_view(cf_buf_view(&k.tags[0].name), CF_LIT("t02"));
    assert_ok(cf_keyfile_set_tag(&k, CF_LIT("one more"), CF_LIT("v")));
}

static void test_materials(void **state)
{
    (void)state;
    CF_AUTO(cf_keyfile_clear) cf_keyfile k = {.spec = CF_SPEC_SYMMETRIC, .use = CF_USE_ENCRYPT};
    CF_AUTO(cf_material_clear) cf_material m = {.created_ms = 0};
    for (uint64_t i = 0; i < CF_KMSD_MATERIALS_MAX; i++) {
        add_material(&k, i, i == 0 ? CF_MATERIAL_FIRST : CF_MATERIAL_AUTOMATIC);
    }
    assert_ok(cf_material_make(k.spec, 1, CF_MATERIAL_AUTOMATIC, &m));
    assert_err(cf_keyfile_add_material(&k, &m), LIMIT);
    assert_int_equal(m.secret.len, 32);
    assert_null(cf_keyfile_material(&k, CF_VIEW_OF(m.id)));
    for (size_t i = 0; i < k.materials_n; i++) {
        assert_ptr_equal(cf_keyfile_material(&k, CF_VIEW_OF(k.materials[i].id)), &k.materials[i]);
    }
    assert_int_equal(cf_keyfile_current(&k)->created_ms, CF_KMSD_MATERIALS_MAX - 1);
    /* as many as there can be still fit a file, and one with more is refused */
    CF_BUF(file);
    cf_secret root = root_of(1);
    CF_AUTO(cf_keyfile_clear) cf_keyfile got = {.created_ms = 0};
    assert_ok(cf_uuid_make(&k.id));
    assert_ok(cf_keyfile_seal(&root, &k, &file));
    assert_ok(cf_keyfile_open(&root, cf_buf_view(&file), &got));
    assert_same(&k, &got);
}

static void test_rotation_due(void **state)
{
    (void)state;
    cf_keyfile k = {.rotation_days = 0, .rotation_from_ms = 5};
    assert_int_equal(cf_keyfile_rotation_due_ms(&k), 0);
    k.rotation_days = 2560;
    assert_int_equal(cf_keyfile_rotation_due_ms(&k), 5 + 2560 * UINT64_C(86400000));
}

/* All that requests may bring fits, and the file has an end. */
static void test_limits(void **state)
{
    (void)state;
    CF_AUTO(cf_keyfile_clear)
    cf_keyfile k = {.spec = CF_SPEC_SYMMETRIC, .use = CF_USE_ENCRYPT};
    CF_AUTO(cf_keyfile_clear) cf_keyfile got = {.created_ms = 0};
    CF_BUF(file);
    CF_BUF(text);
    cf_secret root = root_of(1);
    assert_ok(cf_uuid_make(&k.id));
    for (size_t i = 0; i < 8192; i++) {
        assert_ok(cf_buf_append(&text, CF_LIT("\xf0\x9f\x97\x9d")));
    }
    assert_ok(cf_buf_append(&k.description, cf_buf_view(&text)));
    for (size_t i = 0; i < CF_POLICY_BYTES_MAX; i++) {
        assert_ok(cf_buf_append(&k.policy, CF_LIT("p")));
    }
    for (size_t i = 0; i < CF_KMSD_TAGS_MAX; i++) { /* 128 and 256 characters of 4 octets */
        assert_ok(cf_keyfile_set_tag(&k, cf_view_make(text.data, (size_t)4 * (128 - i)),
                                     cf_view_make(text.data, (size_t)4 * 256)));
    }
    for (uint64_t i = 0; i < CF_KMSD_MATERIALS_MAX; i++) {
        add_material(&k, UINT64_MAX, CF_MATERIAL_AUTOMATIC);
    }
    assert_ok(cf_keyfile_seal(&root, &k, &file));
    assert_ok(cf_keyfile_open(&root, cf_buf_view(&file), &got));
    cf_keyfile_clear(&got);
    /* at the file's own limit: one octet of policy more makes one octet of file more */
    while (file.len < CF_KMSD_KEY_FILE_BYTES_MAX) {
        size_t add = CF_KMSD_KEY_FILE_BYTES_MAX - file.len > 2000 ? 1000 : 1, before = file.len;
        for (size_t i = 0; i < add; i++) {
            assert_ok(cf_buf_append(&k.policy, CF_LIT("p")));
        }
        cf_buf_clear(&file);
        assert_ok(cf_keyfile_seal(&root, &k, &file));
        assert_true(add > 1 || file.len == before + 1 || file.len == before + 3);
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
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_tampered),
        cmocka_unit_test(test_format_1),   cmocka_unit_test(test_tags),
        cmocka_unit_test(test_materials),  cmocka_unit_test(test_rotation_due),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
