/* SPDX-License-Identifier: Apache-2.0 */
#include "core/vault/seal.h"

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

#define ID "v_2hRK9u2DOzmAPMhdVNt9qlJ3UvL"
#define OTHER_ID "v_2hRK9u2DOzmAPMhdVNt9qlJ3UvM"

static const cf_hpke_suite suites[] = {
    {CF_P384, CF_SHA384, CF_AES_256_GCM}, {CF_P256, CF_SHA256, CF_AES_256_GCM},
    {CF_P521, CF_SHA512, CF_AES_256_GCM}, {CF_X25519, CF_SHA256, CF_CHACHA20_POLY1305},
    {CF_P384, CF_SHA512, CF_AES_128_GCM},
};
#define SUITES (sizeof suites / sizeof suites[0])

static cf_binding binding(cf_hpke_suite suite)
{
    return (cf_binding){CF_LIT("acme"), CF_LIT(ID), CF_LIT("person"), suite};
}

/* A vault with one write of a few fields, as a reader of its row has it. */
typedef struct {
    cf_binding b;
    cf_dh_key *key;
    cf_sealer *sealer;
    cf_write_ref write;
    cf_field fields[3];
    cf_buf cts[3];
} vault;

static const cf_view names[] = {
    {(const uint8_t *)"city", 4}, {(const uint8_t *)"email", 5}, {(const uint8_t *)"zip", 3}};
static const cf_view values[] = {
    {(const uint8_t *)"Z\xC3\xBCrich", 7}, {(const uint8_t *)"", 0}, {(const uint8_t *)"8001", 4}};

static void vault_free(vault *v)
{
    cf_dh_free(&v->key);
    cf_sealer_free(&v->sealer);
    for (size_t i = 0; i < 3; i++) {
        cf_buf_free(&v->cts[i]);
    }
}

static cf_result vault_seal(vault *v)
{
    CF_TRY(cf_dh_generate(v->b.suite.kem, &v->key));
    cf_view pk = cf_dh_public_view(cf_dh_public_of(v->key));
    CF_TRY(cf_sealer_new(&v->b, pk, 7, &v->sealer));
    v->write = cf_sealer_write(v->sealer);
    for (size_t i = 0; i < 3; i++) {
        cf_field *f = &v->fields[i];
        *f = (cf_field){.name = names[i], .encoding = CF_ENC_WRITE};
        CF_TRY(cf_sealer_field(v->sealer, names[i], values[i], &f->seq, &v->cts[i]));
        f->value = cf_buf_view(&v->cts[i]);
    }
    return cf_ok();
}
#define VAULT(name, suite)                                                                         \
    CF_AUTO(vault_free) vault name = {.b = binding(suite)};                                        \
    assert_ok(vault_seal(&(name)))

/* The field through a fresh opener. */
static cf_result open_one(const cf_binding *b, const cf_dh_key *key, const cf_write_ref *w,
                          const cf_field *f, cf_buf *out)
{
    CF_AUTO(cf_opener_free) cf_opener *o = NULL;
    CF_TRY(cf_opener_new(b, key, w, &o));
    return cf_opener_field(o, f, out);
}

static void opens_what_it_sealed(void **state)
{
    (void)state;
    for (size_t s = 0; s < SUITES; s++) {
        VAULT(v, suites[s]);
        assert_int_equal(v.write.id.len, CF_WRITE_ID_BYTES);
        assert_int_equal(v.write.version, 7);
        assert_int_equal(v.write.enc.len, cf_dh_public_bytes(suites[s].kem));
        CF_AUTO(cf_opener_free) cf_opener *o = NULL;
        assert_ok(cf_opener_new(&v.b, v.key, &v.write, &o));
        for (size_t i = 3; i-- > 0;) { /* any order */
            CF_BUF(pt);
            assert_int_equal(v.fields[i].seq, i);
            assert_true(cf_field_size_ok(&v.fields[i], suites[s]));
            assert_ok(cf_buf_append(&pt, CF_LIT("before ")));
            assert_ok(cf_opener_field(o, &v.fields[i], &pt));
            assert_view(cf_view_sub(cf_buf_view(&pt), 7, pt.len - 7), values[i]);
        }
    }
}

/* Every part of the binding, changed alone. */
static void refuses_every_other_binding(void **state)
{
    (void)state;
    VAULT(v, CF_HPKE_DEFAULT);
    VAULT(other, CF_HPKE_DEFAULT);
    uint8_t id[CF_WRITE_ID_BYTES], enc[CF_DH_PUBLIC_BYTES_MAX];
    cf_copy(id, v.write.id.data, sizeof id);
    id[15] ^= 1;
    cf_copy(enc, v.write.enc.data, v.write.enc.len);
    enc[40] ^= 1;
    cf_binding tenant = v.b, vault_id = v.b, schema = v.b, kdf = v.b;
    tenant.tenant = CF_LIT("acmf");
    vault_id.id = CF_LIT(OTHER_ID);
    schema.schema = CF_LIT("company");
    kdf.suite.kdf = CF_SHA256;
    cf_write_ref write_id = v.write, version = v.write, bad_enc = v.write, other_enc = v.write;
    write_id.id = CF_VIEW_OF(id);
    version.version = 6;
    bad_enc.enc = cf_view_make(enc, v.write.enc.len);
    other_enc.enc = other.write.enc;
    cf_field name = v.fields[0], seq = v.fields[0], swapped = v.fields[0], foreign = v.fields[0];
    name.name = CF_LIT("citz");
    seq.seq = 2;
    swapped.value = v.fields[2].value;
    foreign.value = other.fields[0].value;
    const struct {
        const char *what;
        const cf_binding *b;
        const cf_dh_key *key;
        const cf_write_ref *write;
        const cf_field *field;
    } rows[] = {
        {"tenant", &tenant, v.key, &v.write, &v.fields[0]},
        {"vault id", &vault_id, v.key, &v.write, &v.fields[0]},
        {"schema", &schema, v.key, &v.write, &v.fields[0]},
        {"suite", &kdf, v.key, &v.write, &v.fields[0]},
        {"write id", &v.b, v.key, &write_id, &v.fields[0]},
        {"version", &v.b, v.key, &version, &v.fields[0]},
        {"enc not on the curve", &v.b, v.key, &bad_enc, &v.fields[0]},
        {"enc of another write", &v.b, v.key, &other_enc, &v.fields[0]},
        {"whole write of another vault", &v.b, v.key, &other.write, &other.fields[0]},
        {"key", &v.b, other.key, &v.write, &v.fields[0]},
        {"name", &v.b, v.key, &v.write, &name},
        {"seq", &v.b, v.key, &v.write, &seq},
        {"field swapped", &v.b, v.key, &v.write, &swapped},
        {"field of another write", &v.b, v.key, &v.write, &foreign},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(pt);
        cf_result r = open_one(rows[i].b, rows[i].key, rows[i].write, rows[i].field, &pt);
        if (r.code != CF_ERR_OPEN || pt.len != 0) {
            fail_msg("%s: %s, %zu octets", rows[i].what, cf_err_code(r.code), pt.len);
        }
    }
    CF_BUF(pt);
    assert_ok(open_one(&v.b, v.key, &v.write, &v.fields[0], &pt));
}

static void refuses_every_flipped_bit(void **state)
{
    (void)state;
    VAULT(v, CF_HPKE_DEFAULT);
    CF_AUTO(cf_opener_free) cf_opener *o = NULL;
    assert_ok(cf_opener_new(&v.b, v.key, &v.write, &o));
    CF_BUF(pt);
    for (size_t bit = 0; bit < 8 * v.cts[0].len; bit++) {
        v.cts[0].data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_err(cf_opener_field(o, &v.fields[0], &pt), OPEN);
        v.cts[0].data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t len = 0; len < v.cts[0].len; len++) {
        cf_field cut = v.fields[0];
        cut.value.len = len;
        assert_err(cf_opener_field(o, &cut, &pt), OPEN);
    }
    assert_int_equal(pt.len, 0);
    assert_ok(cf_opener_field(o, &v.fields[0], &pt));
    assert_view(cf_buf_view(&pt), values[0]);
}

static void refuses_names_and_order(void **state)
{
    (void)state;
    VAULT(v, CF_HPKE_DEFAULT);
    cf_view pk = cf_dh_public_view(cf_dh_public_of(v.key));
    CF_AUTO(cf_sealer_free) cf_sealer *s = NULL;
    assert_ok(cf_sealer_new(&v.b, pk, 1, &s));
    CF_BUF(out);
    uint64_t seq;
    assert_err(cf_sealer_field(s, CF_LIT("_sk"), CF_LIT("x"), &seq, &out), RESERVED_FIELD);
    assert_err(cf_sealer_field(s, CF_LIT("Email"), CF_LIT("x"), &seq, &out), BAD_NAME);
    assert_ok(cf_sealer_field(s, CF_LIT("email"), CF_LIT("x"), &seq, &out));
    assert_err(cf_sealer_field(s, CF_LIT("email"), CF_LIT("x"), &seq, &out), ARGUMENT);
    assert_err(cf_sealer_field(s, CF_LIT("city"), CF_LIT("x"), &seq, &out), ARGUMENT);
    assert_ok(cf_sealer_field(s, CF_LIT("email2"), CF_LIT("x"), &seq, &out));
    assert_int_equal(seq, 1);
    const cf_binding bad[] = {
        {CF_VIEW_EMPTY, CF_LIT(ID), CF_LIT("person"), CF_HPKE_DEFAULT},
        {CF_LIT("Acme"), CF_LIT(ID), CF_LIT("person"), CF_HPKE_DEFAULT},
        {CF_LIT("acme"), CF_LIT("v_2"), CF_LIT("person"), CF_HPKE_DEFAULT},
        {CF_LIT("acme"), CF_LIT(ID), CF_VIEW_EMPTY, CF_HPKE_DEFAULT},
        {CF_LIT("acme"), CF_LIT(ID), CF_LIT("person"), {CF_P384, CF_SHA384, CF_EXPORT_ONLY}},
        {CF_LIT("acme"), CF_LIT(ID), CF_LIT("person"), {CF_P384, (cf_hash)9, CF_AES_256_GCM}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cf_sealer *none = NULL;
        cf_opener *no_opener = NULL;
        assert_err(cf_sealer_new(&bad[i], pk, 1, &none), ARGUMENT);
        assert_err(cf_opener_new(&bad[i], v.key, &v.write, &no_opener), ARGUMENT);
        assert_true(none == NULL && no_opener == NULL);
    }
    cf_sealer *none = NULL;
    assert_err(cf_sealer_new(&v.b, pk, 0, &none), ARGUMENT);
    assert_err(cf_sealer_new(&v.b, cf_view_sub(pk, 0, 96), 1, &none), KEY);
}

/* The limits of a value and of a write, each one below, exact, one above. */
static void holds_its_limits(void **state)
{
    (void)state;
    VAULT(v, suites[1]);
    cf_view pk = cf_dh_public_view(cf_dh_public_of(v.key));
    char *text = malloc(CF_VALUE_BYTES_MAX + 1);
    assert_non_null(text);
    memset(text, 'x', CF_VALUE_BYTES_MAX + 1);
    for (size_t len = CF_VALUE_BYTES_MAX - 1; len <= CF_VALUE_BYTES_MAX + 1; len++) {
        CF_AUTO(cf_sealer_free) cf_sealer *s = NULL;
        assert_ok(cf_sealer_new(&v.b, pk, 1, &s));
        CF_BUF(ct);
        CF_BUF(single);
        CF_BUF(pt);
        uint64_t seq;
        cf_view value = cf_view_make(text, len);
        cf_result r = cf_sealer_field(s, names[0], value, &seq, &ct);
        cf_result r2 = cf_seal_binary(&v.b, pk, names[0], value, &single);
        if (len > CF_VALUE_BYTES_MAX) {
            assert_err(r, SIZE);
            assert_err(r2, SIZE);
            assert_int_equal(ct.len + single.len, 0);
            continue;
        }
        assert_ok(r);
        assert_ok(r2);
        cf_write_ref w = cf_sealer_write(s);
        cf_field f = {names[0], CF_ENC_WRITE, 0, seq, cf_buf_view(&ct)};
        assert_ok(open_one(&v.b, v.key, &w, &f, &pt));
        assert_view(cf_buf_view(&pt), value);
        cf_field f2 = {.name = names[0], .encoding = CF_ENC_BINARY, .value = cf_buf_view(&single)};
        cf_buf_clear(&pt);
        assert_ok(cf_open_single(&v.b, v.key, &f2, &pt));
        assert_view(cf_buf_view(&pt), value);
    }
    free(text);
    CF_AUTO(cf_sealer_free) cf_sealer *s = NULL;
    assert_ok(cf_sealer_new(&v.b, pk, 1, &s));
    CF_BUF(out);
    for (unsigned i = 0; i <= CF_ROW_FIELDS_MAX; i++) {
        char name[16];
        uint64_t seq;
        snprintf(name, sizeof name, "f%04u", i);
        cf_result r = cf_sealer_field(s, cf_view_str(name), CF_LIT("x"), &seq, &out);
        assert_code(r, i < CF_ROW_FIELDS_MAX ? CF_OK : CF_ERR_LIMIT);
        assert_int_equal(seq, i < CF_ROW_FIELDS_MAX ? i : 0);
    }
}

/* Name, tenant and schema of full length: the aad has room for them. */
static void seals_the_longest_names(void **state)
{
    (void)state;
    char name[CF_FIELD_NAME_BYTES_MAX + 1], word[CF_TENANT_BYTES_MAX];
    memset(name, 'n', sizeof name);
    memset(word, 't', sizeof word);
    VAULT(v, suites[1]);
    cf_binding b = {CF_VIEW_OF(word), CF_LIT(ID), CF_VIEW_OF(word), suites[1]};
    CF_AUTO(cf_sealer_free) cf_sealer *s = NULL;
    assert_ok(cf_sealer_new(&b, cf_dh_public_view(cf_dh_public_of(v.key)), UINT64_MAX, &s));
    for (size_t len = CF_FIELD_NAME_BYTES_MAX - 1; len <= CF_FIELD_NAME_BYTES_MAX + 1; len++) {
        CF_BUF(ct);
        CF_BUF(pt);
        uint64_t seq;
        cf_result r = cf_sealer_field(s, cf_view_make(name, len), CF_LIT("x"), &seq, &ct);
        cf_field f = {cf_view_make(name, len), CF_ENC_WRITE, 0, seq, cf_buf_view(&ct)};
        cf_write_ref w = cf_sealer_write(s);
        if (len > CF_FIELD_NAME_BYTES_MAX) {
            assert_err(r, BAD_NAME);
            assert_err(open_one(&b, v.key, &w, &f, &pt), OPEN);
        } else {
            assert_ok(r);
            assert_ok(open_one(&b, v.key, &w, &f, &pt));
        }
    }
}

static void opens_single_values(void **state)
{
    (void)state;
    for (size_t s = 0; s < SUITES; s++) {
        VAULT(v, suites[s]);
        cf_view pk = cf_dh_public_view(cf_dh_public_of(v.key));
        CF_BUF(sealed);
        CF_BUF(pt);
        assert_ok(cf_seal_binary(&v.b, pk, names[0], values[0], &sealed));
        cf_field f = {.name = names[0], .encoding = CF_ENC_BINARY, .value = cf_buf_view(&sealed)};
        assert_true(cf_field_size_ok(&f, suites[s]));
        assert_ok(cf_open_single(&v.b, v.key, &f, &pt));
        assert_view(cf_buf_view(&pt), values[0]);
        cf_buf_clear(&pt);
        cf_binding no_tenant = {CF_VIEW_EMPTY, CF_LIT(ID), CF_VIEW_EMPTY, suites[s]};
        assert_ok(cf_open_single(&no_tenant, v.key, &f, &pt));
        cf_buf_clear(&pt);
        cf_binding other = v.b;
        other.id = CF_LIT(OTHER_ID);
        assert_err(cf_open_single(&other, v.key, &f, &pt), OPEN);
        cf_field renamed = f;
        renamed.name = names[1];
        assert_err(cf_open_single(&v.b, v.key, &renamed, &pt), OPEN);
        for (size_t at = 0; at < sealed.len; at++) {
            sealed.data[at] ^= 0x10;
            assert_err(cf_open_single(&v.b, v.key, &f, &pt), OPEN);
            sealed.data[at] ^= 0x10;
        }
        for (size_t len = 0; len < sealed.len; len++) {
            cf_field cut = f;
            cut.value.len = len;
            assert_err(cf_open_single(&v.b, v.key, &cut, &pt), OPEN);
        }
        cf_field wrong = f;
        wrong.encoding = CF_ENC_WRITE;
        assert_err(cf_open_single(&v.b, v.key, &wrong, &pt), OPEN);
        assert_int_equal(pt.len, 0);
    }
}

static void takes_back_what_is_no_text(void **state)
{
    (void)state;
    VAULT(v, CF_HPKE_DEFAULT);
    cf_view pk = cf_dh_public_view(cf_dh_public_of(v.key));
    CF_AUTO(cf_sealer_free) cf_sealer *s = NULL;
    assert_ok(cf_sealer_new(&v.b, pk, 1, &s));
    CF_BUF(ct);
    CF_BUF(single);
    CF_BUF(pt);
    uint64_t seq;
    assert_ok(cf_sealer_field(s, names[0], CF_LIT("a\xFF"), &seq, &ct));
    assert_ok(cf_seal_binary(&v.b, pk, names[0], CF_LIT("a\xFF"), &single));
    cf_write_ref w = cf_sealer_write(s);
    cf_field f = {names[0], CF_ENC_WRITE, 0, seq, cf_buf_view(&ct)};
    cf_field f2 = {.name = names[0], .encoding = CF_ENC_BINARY, .value = cf_buf_view(&single)};
    assert_ok(cf_buf_append(&pt, CF_LIT("kept")));
    assert_err(open_one(&v.b, v.key, &w, &f, &pt), UTF8);
    assert_err(cf_open_single(&v.b, v.key, &f2, &pt), UTF8);
    assert_view(cf_buf_view(&pt), CF_LIT("kept"));
    assert_int_not_equal(pt.data[4], 'a');
}

typedef struct {
    vault *v;
    cf_view single;
} job;

static cf_result seal_and_open(void *ctx)
{
    const job *j = ctx;
    cf_view pk = cf_dh_public_view(cf_dh_public_of(j->v->key));
    CF_AUTO(cf_sealer_free) cf_sealer *s = NULL;
    CF_TRY(cf_sealer_new(&j->v->b, pk, 1, &s));
    CF_BUF(ct);
    CF_BUF(pt);
    CF_BUF(single);
    uint64_t seq;
    CF_TRY(cf_sealer_field(s, names[0], values[0], &seq, &ct));
    cf_write_ref w = cf_sealer_write(s);
    cf_field f = {names[0], CF_ENC_WRITE, 0, seq, cf_buf_view(&ct)};
    CF_TRY(open_one(&j->v->b, j->v->key, &w, &f, &pt));
    CF_TRY(cf_seal_binary(&j->v->b, pk, names[0], values[0], &single));
    cf_field f2 = {.name = names[0], .encoding = CF_ENC_BINARY, .value = cf_buf_view(&single)};
    return cf_open_single(&j->v->b, j->v->key, &f2, &pt);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    VAULT(v, suites[1]);
    job j = {&v, CF_VIEW_EMPTY};
    failmalloc_each(seal_and_open, &j, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_what_it_sealed),
        cmocka_unit_test(refuses_every_other_binding),
        cmocka_unit_test(refuses_every_flipped_bit),
        cmocka_unit_test(refuses_names_and_order),
        cmocka_unit_test(holds_its_limits),
        cmocka_unit_test(seals_the_longest_names),
        cmocka_unit_test(opens_single_values),
        cmocka_unit_test(takes_back_what_is_no_text),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
