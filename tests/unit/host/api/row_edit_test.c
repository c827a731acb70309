/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/row_edit.h"

#include "tests/support/test.h"

#define ID "v_2hRK9u2DOzmAPMhdVNt9qlJ3UvL"

/* A vault whose key we hold, so that what a change leaves can be opened. */
typedef struct {
    cf_arena arena;
    cf_dh_key *key;
    cf_row row;
    cf_binding binding;
    cf_sealed kept[8]; /* of each change: the row borrows from them */
    size_t kept_n;
} vault;

static void vault_open(vault *v)
{
    *v = (vault){.arena = {.max = 1 << 20}};
    assert_ok(cf_dh_generate(CF_P384, &v->key));
    v->row = (cf_row){
        .tenant = CF_LIT("acme"),
        .id = CF_LIT(ID),
        .schema = CF_LIT("person"),
        .created_ms = 1000,
        .modified_ms = 1000,
        .kms_key = CF_LIT("key"),
        .suite = CF_HPKE_DEFAULT,
        .public_key = cf_dh_public_view(cf_dh_public_of(v->key)),
        .wrapped_key = CF_LIT("wrapped"),
    };
    v->binding = (cf_binding){v->row.tenant, v->row.id, v->row.schema, v->row.suite};
}

static void vault_close(vault *v)
{
    for (size_t i = 0; i < v->kept_n; i++) {
        cf_sealed_free(&v->kept[i]);
    }
    cf_dh_free(&v->key);
    cf_arena_free(&v->arena);
}

static void set(vault *v, cf_encoding encoding, const char *names, const char *value,
                uint64_t now_ms)
{
    cf_input_field fields[8];
    cf_input in = {fields, 0};
    for (const char *n = names; *n != '\0'; n++) { /* each letter is a field, in rising order */
        fields[in.n++] = (cf_input_field){cf_view_make(n, 1), cf_view_str(value), false};
    }
    cf_sealed *s = &v->kept[v->kept_n++];
    assert_ok(cf_seal_fields(&v->binding, v->row.public_key, v->row.version + 1, encoding, &in,
                             &v->arena, s));
    assert_ok(cf_row_change(&v->row, NULL, s, now_ms, &v->arena, &v->row));
}

static void drop(vault *v, const char *names, uint64_t now_ms)
{
    cf_view all[8];
    cf_names list = {all, 0};
    for (const char *n = names; *n != '\0'; n++) {
        all[list.n++] = cf_view_make(n, 1);
    }
    assert_ok(cf_row_change(&v->row, &list, NULL, now_ms, &v->arena, &v->row));
}

/* The row is one that the decoder takes, and each field opens to its letter's value. */
static void check(vault *v, const char *names, const char *values, size_t writes)
{
    CF_BUF(octets);
    CF_ARENA(arena, 1 << 20);
    cf_row back;
    assert_ok(cf_row_encode(&v->row, &octets));
    assert_ok(cf_row_decode(cf_buf_view(&octets), &arena, &back));
    assert_int_equal(back.fields_n, strlen(names));
    assert_int_equal(back.writes_n, writes);
    for (size_t i = 0; i < back.fields_n; i++) {
        CF_BUF(text);
        const cf_field *f = &back.fields[i];
        assert_view(f->name, cf_view_make(&names[i], 1));
        if (f->encoding == CF_ENC_WRITE) {
            CF_AUTO(cf_opener_free) cf_opener *o = NULL;
            assert_ok(cf_opener_new(&v->binding, v->key, &back.writes[f->write], &o));
            assert_ok(cf_opener_field(o, f, &text));
        } else {
            assert_ok(cf_open_single(&v->binding, v->key, f, &text));
        }
        assert_view(cf_buf_view(&text), cf_view_make(&values[i], 1));
    }
}

static void test_writes(void **state)
{
    (void)state;
    vault v;
    vault_open(&v);
    set(&v, CF_ENC_WRITE, "abc", "1", 1000);
    assert_int_equal(v.row.version, 1);
    check(&v, "abc", "111", 1);
    set(&v, CF_ENC_WRITE, "bd", "2", 2000);
    assert_int_equal(v.row.version, 2);
    assert_int_equal(v.row.modified_ms, 2000);
    check(&v, "abcd", "1212", 2);
    /* The first write goes with the last field that refers to it. */
    set(&v, CF_ENC_WRITE, "ac", "3", 3000);
    check(&v, "abcd", "3232", 2);
    /* A mixed row: encoding 2 has no write. */
    set(&v, CF_ENC_BINARY, "be", "4", 3500);
    check(&v, "abcde", "34324", 2);
    drop(&v, "d", 4000);
    check(&v, "abce", "3434", 1);
    drop(&v, "ac", 4000);
    check(&v, "be", "44", 0);
    drop(&v, "be", 4000);
    check(&v, "", "", 0);
    assert_int_equal(v.row.version, 7);
    set(&v, CF_ENC_WRITE, "z", "5", 5000);
    check(&v, "z", "5", 1);
    vault_close(&v);
}

static void test_nothing_given(void **state)
{
    (void)state;
    vault v;
    vault_open(&v);
    set(&v, CF_ENC_WRITE, "", "", 1000);
    assert_null(v.kept[0].sealer); /* no encapsulation for nothing */
    check(&v, "", "", 0);
    drop(&v, "q", 1000);
    check(&v, "", "", 0);
    vault_close(&v);
}

static void test_clock_jumps_back(void **state)
{
    (void)state;
    vault v;
    vault_open(&v);
    set(&v, CF_ENC_WRITE, "a", "1", 5000);
    set(&v, CF_ENC_WRITE, "a", "2", 4000);
    assert_int_equal(v.row.modified_ms, 5000);
    cf_row t = cf_row_tombstone(&v.row, 10);
    assert_int_equal(t.modified_ms, 5000);
    assert_int_equal(t.version, 3);
    CF_BUF(octets);
    assert_ok(cf_row_encode(&t, &octets));
    vault_close(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes),
        cmocka_unit_test(test_nothing_given),
        cmocka_unit_test(test_clock_jumps_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
