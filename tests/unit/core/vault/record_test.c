/* SPDX-License-Identifier: Apache-2.0 */
/* Rows against vectors that other code made (tests/vectors/record/generate.py), and the rules of the encoder. */
#include "core/vault/record.h"

#include "core/vault/seal.h"
#include "tests/support/failmalloc.h"
#include "tests/support/vectors.h"

#define FIELDS_MAX 16
#define ARENA_BYTES ((size_t)1 << 17)

/* One vector as the structure that it describes. */
typedef struct {
    cf_row row;
    cf_write_ref writes[FIELDS_MAX];
    cf_field fields[FIELDS_MAX];
    const char *plaintexts[FIELDS_MAX];
    cf_buf octets[64]; /* what the views borrow from */
    size_t octets_n;
    cf_buf encoded, seal, private_key;
} sample;

static void sample_free(sample *s)
{
    for (size_t i = 0; i < s->octets_n; i++) {
        cf_buf_free(&s->octets[i]);
    }
    cf_buf_free(&s->encoded);
    cf_buf_free(&s->seal);
    cf_buf_free(&s->private_key);
}

static cf_view hex(sample *s, const json_t *o, const char *name)
{
    assert_true(s->octets_n < 64);
    cf_buf *b = &s->octets[s->octets_n++];
    vec_hex(o, name, b);
    return cf_buf_view(b);
}

static void sample_load(const json_t *o, sample *s)
{
    *s = (sample){.row = {.tenant = cf_view_str(vec_text(o, "tenant")),
                          .id = cf_view_str(vec_text(o, "id")),
                          .schema = cf_view_str(vec_text(o, "schema")),
                          .version = (uint64_t)vec_int(o, "version"),
                          .created_ms = (uint64_t)vec_int(o, "created_ms"),
                          .modified_ms = (uint64_t)vec_int(o, "modified_ms")}};
    vec_hex(o, "row", &s->encoded);
    vec_hex(o, "seal", &s->seal);
    if (!vec_has(o, "kem")) {
        s->row.tombstone = true;
        return;
    }
    s->row.kms_key = cf_view_str(vec_text(o, "kms_key"));
    s->row.suite = (cf_hpke_suite){(cf_curve)vec_int(o, "kem"), (cf_hash)vec_int(o, "kdf"),
                                   (cf_aead)vec_int(o, "aead")};
    s->row.public_key = hex(s, o, "public_key");
    s->row.wrapped_key = hex(s, o, "wrapped_key");
    vec_hex(o, "private_key", &s->private_key);
    const json_t *item;
    size_t i;
    json_array_foreach(vec_array(o, "writes"), i, item)
    {
        s->writes[i] = (cf_write_ref){hex(s, item, "id"), (uint64_t)vec_int(item, "version"),
                                      hex(s, item, "enc")};
        s->row.writes_n = i + 1;
    }
    json_array_foreach(vec_array(o, "fields"), i, item)
    {
        cf_field *f = &s->fields[i];
        *f = (cf_field){.name = cf_view_str(vec_text(item, "name")),
                        .encoding = (cf_encoding)vec_int(item, "encoding")};
        s->plaintexts[i] = vec_text(item, "plaintext");
        if (f->encoding == CF_ENC_WRITE) {
            f->write = (uint32_t)vec_int(item, "write");
            f->seq = (uint64_t)vec_int(item, "seq");
        }
        f->value = f->encoding == CF_ENC_HEX ? cf_view_str(vec_text(item, "value"))
                                             : hex(s, item, "value");
        s->row.fields_n = i + 1;
    }
    s->row.writes = s->writes;
    s->row.fields = s->fields;
}

static void same_row(const cf_row *got, const cf_row *want)
{
    assert_view(got->tenant, want->tenant);
    assert_view(got->id, want->id);
    assert_view(got->schema, want->schema);
    assert_int_equal(got->version, want->version);
    assert_int_equal(got->created_ms, want->created_ms);
    assert_int_equal(got->modified_ms, want->modified_ms);
    assert_int_equal(got->tombstone, want->tombstone);
    assert_view(got->kms_key, want->kms_key);
    assert_memory_equal(&got->suite, &want->suite, sizeof got->suite);
    assert_view(got->public_key, want->public_key);
    assert_view(got->wrapped_key, want->wrapped_key);
    assert_int_equal(got->writes_n, want->writes_n);
    for (size_t i = 0; i < got->writes_n; i++) {
        assert_view(got->writes[i].id, want->writes[i].id);
        assert_view(got->writes[i].enc, want->writes[i].enc);
        assert_int_equal(got->writes[i].version, want->writes[i].version);
    }
    assert_int_equal(got->fields_n, want->fields_n);
    for (size_t i = 0; i < got->fields_n; i++) {
        const cf_field *f = &got->fields[i], *w = &want->fields[i];
        assert_view(f->name, w->name);
        assert_view(f->value, w->value);
        assert_int_equal(f->encoding, w->encoding);
        assert_int_equal(f->write, w->write);
        assert_int_equal(f->seq, w->seq);
        assert_ptr_equal(cf_row_field(got, w->name), f);
    }
}

/* Every field opens to its plaintext with the vector's private key: label, order and content of info and aad are as written. */
static void opens(const sample *s)
{
    const cf_row *row = &s->row;
    const cf_binding b = {row->tenant, row->id, row->schema, row->suite};
    CF_AUTO(cf_dh_free) cf_dh_key *key = NULL;
    assert_ok(
        cf_dh_from_secret(row->suite.kem, cf_buf_view(&s->private_key), row->public_key, &key));
    for (size_t i = 0; i < row->fields_n; i++) {
        const cf_field *f = &row->fields[i];
        CF_BUF(pt);
        if (f->encoding == CF_ENC_WRITE) {
            CF_AUTO(cf_opener_free) cf_opener *o = NULL;
            assert_ok(cf_opener_new(&b, key, &row->writes[f->write], &o));
            assert_ok(cf_opener_field(o, f, &pt));
        } else {
            assert_ok(cf_open_single(&b, key, f, &pt));
        }
        assert_view(cf_buf_view(&pt), cf_view_str(s->plaintexts[i]));
    }
}

static void follows_the_document(const json_t *vector, const cf_secret *row_key)
{
    CF_AUTO(sample_free) sample s;
    sample_load(vector, &s);
    CF_BUF(out);
    CF_ARENA(arena, ARENA_BYTES);
    uint8_t seal[CF_ROW_SEAL_BYTES];
    cf_row decoded;
    cf_view octets = cf_buf_view(&s.encoded);
    assert_ok(cf_buf_append(&out, CF_LIT("before")));
    assert_ok(cf_row_encode(&s.row, &out));
    assert_view(cf_view_sub(cf_buf_view(&out), 6, out.len - 6), octets);
    assert_ok(cf_row_seal(row_key, octets, seal));
    assert_view(CF_VIEW_OF(seal), cf_buf_view(&s.seal));
    assert_ok(cf_row_decode(octets, &arena, &decoded));
    same_row(&decoded, &s.row);
    assert_null(cf_row_field(&decoded, CF_LIT("a_name_that_no_vector_has")));
    assert_null(cf_row_field(&decoded, CF_VIEW_EMPTY));
    if (!s.row.tombstone) {
        opens(&s);
    }
    /* the seal is of every octet */
    assert_ok(cf_row_open(row_key, s.row.id, octets, CF_VIEW_OF(seal), &arena, &decoded));
    for (size_t at = 0; at < s.encoded.len; at += 1 + s.encoded.len / 64) {
        s.encoded.data[at] ^= 1;
        assert_err(cf_row_check(row_key, octets, CF_VIEW_OF(seal)), ROW_ALTERED);
        s.encoded.data[at] ^= 1;
    }
    assert_err(cf_row_check(row_key, octets, cf_view_make(seal, 47)), ROW_ALTERED);
    assert_err(cf_row_open(row_key, CF_LIT("v_2hRK9u2DOzmAPMhdVNt9qlJ3UvL"), octets,
                           CF_VIEW_OF(seal), &arena, &decoded),
               ROW_ALTERED);
    seal[0] ^= 1;
    assert_err(cf_row_check(row_key, octets, CF_VIEW_OF(seal)), ROW_ALTERED);
}

static void row_key_of(const json_t *root, cf_secret *ret)
{
    CF_BUF(key);
    vec_hex(root, "row_key", &key);
    assert_ok(cf_secret_set(ret, cf_buf_view(&key)));
}

static void agrees_with_other_code(void **state)
{
    (void)state;
    json_t *root = vec_load("record/rows.json");
    CF_SECRET(row_key);
    row_key_of(root, &row_key);
    const json_t *vector;
    size_t i;
    json_array_foreach(vec_array(root, "vaults"), i, vector)
    {
        follows_the_document(vector, &row_key);
    }
    assert_int_equal(i, 8);
    follows_the_document(json_object_get(root, "tombstone"), &row_key);
    row_key.len--;
    uint8_t seal[CF_ROW_SEAL_BYTES];
    assert_err(cf_row_seal(&row_key, CF_LIT("row"), seal), KEY);
    json_decref(root);
}

static void makes_ids(void **state)
{
    (void)state;
    json_t *root = vec_load("record/rows.json");
    const json_t *item;
    size_t i;
    uint8_t id[CF_VAULT_ID_BYTES];
    json_array_foreach(vec_array(root, "ids"), i, item)
    {
        CF_BUF(random);
        vec_hex(item, "random", &random);
        assert_ok(cf_vault_id_make((uint64_t)vec_int(item, "unix_s"), random.data, id));
        assert_view(CF_VIEW_OF(id), cf_view_str(vec_text(item, "id")));
        assert_true(cf_vault_id_ok(CF_VIEW_OF(id)));
    }
    assert_int_equal(i, 6);
    json_decref(root);
    const uint8_t zero[16] = {0};
    assert_err(cf_vault_id_make(UINT64_C(1399999999), zero, id), RANGE);
    assert_err(cf_vault_id_make(0, zero, id), RANGE);
    assert_err(cf_vault_id_make(UINT64_C(1400000000) + UINT32_MAX + 1, zero, id), RANGE);
    assert_err(cf_vault_id_make(UINT64_MAX, zero, id), RANGE);
}

static void rejects_what_it_must(void **state)
{
    (void)state;
    json_t *root = vec_load("record/row_reject.json");
    const json_t *item;
    size_t i, accepted = 0;
    json_array_foreach(vec_array(root, "cases"), i, item)
    {
        CF_BUF(octets);
        CF_ARENA(arena, ARENA_BYTES);
        vec_runs(item, "row", &octets);
        cf_view exact = view_copy(cf_buf_view(&octets)); /* a read beyond the end is seen */
        cf_row row;
        cf_result r = cf_row_decode(exact, &arena, &row);
        if (strcmp(cf_err_code(r.code), vec_text(item, "error")) != 0) {
            fail_msg("%s: %s instead of %s", vec_text(item, "what"), cf_err_code(r.code),
                     vec_text(item, "error"));
        }
        if (cf_is_ok(r)) {
            /* what is accepted has one form, and it is this */
            CF_BUF(again);
            assert_ok(cf_row_encode(&row, &again));
            assert_view(cf_buf_view(&again), exact);
            accepted++;
        } else {
            assert_null(row.id.data);
        }
        view_free(exact);
    }
    assert_true(accepted >= 15 && i - accepted >= 110);
    json_decref(root);
}

/* The encoder holds the same rules; here by changing the structure. */
static void encodes_no_broken_row(void **state)
{
    (void)state;
    json_t *root = vec_load("record/rows.json");
    CF_AUTO(sample_free) sample s;
    sample_load(json_array_get(vec_array(root, "vaults"), 0), &s);
    CF_BUF(out);
    const cf_row good = s.row;
    assert_ok(cf_buf_append(&out, CF_LIT("kept")));
#define BROKEN(change)                                                                             \
    do {                                                                                           \
        const cf_field field_0 = s.fields[0];                                                      \
        const cf_write_ref write_0 = s.writes[0];                                                  \
        change;                                                                                    \
        assert_err(cf_row_encode(&s.row, &out), ARGUMENT);                                         \
        assert_view(cf_buf_view(&out), CF_LIT("kept"));                                            \
        s.row = good;                                                                              \
        s.fields[0] = field_0;                                                                     \
        s.writes[0] = write_0;                                                                     \
    } while (0)
    BROKEN(s.row.tenant = CF_LIT("Acme"));
    BROKEN(s.row.id = CF_LIT("v_1"));
    BROKEN(s.row.schema = CF_VIEW_EMPTY);
    BROKEN(s.row.version = 0);
    BROKEN(s.row.kms_key = CF_VIEW_EMPTY);
    BROKEN(s.row.suite.aead = CF_EXPORT_ONLY);
    BROKEN(s.row.suite.kem = CF_P256);
    BROKEN(s.row.public_key.len--);
    BROKEN(s.row.wrapped_key = CF_VIEW_EMPTY);
    BROKEN(s.row.writes_n = 0);
    BROKEN(s.row.fields_n = 0);
    BROKEN(s.row.tombstone = true);
    BROKEN(s.writes[0].version = 2);
    BROKEN(s.writes[0].id.len = 15);
    BROKEN(s.writes[0].enc.len--);
    BROKEN(s.fields[0].name = CF_LIT("pk"));
    BROKEN(s.fields[0].name = s.fields[1].name);
    BROKEN(s.fields[0].write = 1);
    BROKEN(s.fields[0].seq = s.fields[1].seq);
    BROKEN(s.fields[0].seq = CF_ROW_FIELDS_MAX);
    BROKEN(s.fields[0].encoding = (cf_encoding)4);
    BROKEN(s.fields[0].value.len = 15);
    json_decref(root);
}

static void checks_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        cf_err err;
    } rows[] = {
        {"email", CF_OK},
        {"address1", CF_OK},
        {"a", CF_OK},
        {"a_", CF_OK},
        {"pkx", CF_OK},
        {"versions", CF_OK},
        {"", CF_ERR_BAD_NAME},
        {"Email", CF_ERR_BAD_NAME},
        {"eMail", CF_ERR_BAD_NAME},
        {"1a", CF_ERR_BAD_NAME},
        {"a-b", CF_ERR_BAD_NAME},
        {"a.b", CF_ERR_BAD_NAME},
        {" a", CF_ERR_BAD_NAME},
        {"a ", CF_ERR_BAD_NAME},
        {"\xC3\xA4", CF_ERR_BAD_NAME},
        {"_", CF_ERR_RESERVED_FIELD},
        {"_sk", CF_ERR_RESERVED_FIELD},
        {"_SK", CF_ERR_RESERVED_FIELD},
        {"pk", CF_ERR_RESERVED_FIELD},
        {"sk", CF_ERR_RESERVED_FIELD},
        {"id", CF_ERR_RESERVED_FIELD},
        {"version", CF_ERR_RESERVED_FIELD},
        {"expire_at", CF_ERR_RESERVED_FIELD},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_code(cf_field_name_check(cf_view_str(rows[i].name)), rows[i].err);
    }
    assert_err(cf_field_name_check(cf_view_make("a\0b", 3)), BAD_NAME);
    char long_name[CF_FIELD_NAME_BYTES_MAX + 1];
    memset(long_name, 'a', sizeof long_name);
    for (size_t n = CF_FIELD_NAME_BYTES_MAX - 1; n <= CF_FIELD_NAME_BYTES_MAX + 1; n++) {
        assert_code(cf_field_name_check(cf_view_make(long_name, n)),
                    n <= CF_FIELD_NAME_BYTES_MAX ? CF_OK : CF_ERR_BAD_NAME);
    }
    for (size_t n = CF_TENANT_BYTES_MAX - 1; n <= CF_TENANT_BYTES_MAX + 1; n++) {
        assert_int_equal(cf_tenant_ok(cf_view_make(long_name, n)), n <= CF_TENANT_BYTES_MAX);
    }
    assert_true(cf_tenant_ok(CF_LIT("a-1")));
    assert_false(cf_tenant_ok(CF_LIT("a_1")));
    assert_false(cf_tenant_ok(CF_LIT("-a")));
}

/* Fields as the wire carries them, without a suite: the coarse bounds. */
static void bounds_fields_without_a_suite(void **state)
{
    (void)state;
    char *text = malloc(CF_FIELD_BYTES_MAX + 1);
    assert_non_null(text);
    memset(text, '0', CF_FIELD_BYTES_MAX + 1);
    const struct {
        cf_field field;
        cf_err err;
    } rows[] = {
        {{CF_LIT("a"), CF_ENC_HEX, 0, 0, {NULL, CF_FIELD_BYTES_MAX - 1}}, CF_OK},
        {{CF_LIT("a"), CF_ENC_HEX, 0, 0, {NULL, CF_FIELD_BYTES_MAX}}, CF_OK},
        {{CF_LIT("a"), CF_ENC_HEX, 0, 0, {NULL, CF_FIELD_BYTES_MAX + 1}}, CF_ERR_SIZE},
        {{CF_LIT("a"), CF_ENC_BINARY, 0, 0, {NULL, CF_FIELD_BYTES_MAX + 1}}, CF_ERR_SIZE},
        {{CF_LIT("a"), CF_ENC_BINARY, 0, 0, {NULL, 15}}, CF_ERR_MALFORMED},
        {{CF_LIT("a"), CF_ENC_WRITE, 255, 255, {NULL, 16}}, CF_OK},
        {{CF_LIT("a"), CF_ENC_WRITE, 256, 0, {NULL, 16}}, CF_ERR_MALFORMED},
        {{CF_LIT("a"), CF_ENC_WRITE, 0, 256, {NULL, 16}}, CF_ERR_MALFORMED},
        {{CF_LIT("A"), CF_ENC_WRITE, 0, 0, {NULL, 16}}, CF_ERR_BAD_NAME},
        {{CF_LIT("id"), CF_ENC_WRITE, 0, 0, {NULL, 16}}, CF_ERR_RESERVED_FIELD},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_BUF(out);
        cf_field f = rows[i].field, got;
        f.value.data = (const uint8_t *)text;
        cf_writer w = cf_writer_to(&out, CF_BUF_BYTES_MAX);
        cf_field_put(&w, &f);
        assert_ok(cf_write_end(&w));
        cf_cbor c = cf_cbor_strict(cf_buf_view(&out));
        cf_field_get(&c, &got);
        if (cf_cbor_err(&c) != rows[i].err) {
            fail_msg("case %zu: %s", i, cf_err_code(cf_cbor_err(&c)));
        }
        assert_int_equal(got.value.len, rows[i].err == CF_OK ? f.value.len : 0);
        cf_field_get(&c, &got); /* nothing is left, or the error stays */
        assert_int_not_equal(cf_cbor_err(&c), CF_OK);
    }
    free(text);
}

static cf_result decode(void *ctx)
{
    const cf_buf *octets = ctx;
    CF_ARENA(arena, ARENA_BYTES);
    CF_BUF(out);
    cf_row row;
    CF_TRY(cf_row_decode(cf_buf_view(octets), &arena, &row));
    return cf_row_encode(&row, &out);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    json_t *root = vec_load("record/rows.json");
    CF_AUTO(sample_free) sample s;
    sample_load(json_array_get(vec_array(root, "vaults"), 6), &s);
    failmalloc_each(decode, &s.encoded, 2);
    json_decref(root);
    /* an arena that is too small says so */
    CF_ARENA(small, sizeof(cf_field));
    cf_row row;
    assert_err(cf_row_decode(cf_buf_view(&s.encoded), &small, &row), NO_MEMORY);
}

/* What the AWS sample wrote, in both of its encodings. */
static void opens_what_the_sample_sealed(void **state)
{
    (void)state;
    json_t *root = vec_load("sample-vault.json");
    const json_t *c = json_array_get(vec_array(root, "hpke"), 0);
    CF_BUF(scalar);
    CF_BUF(enc);
    CF_BUF(ct);
    CF_BUF(pt);
    vec_hex(c, "private_key_raw_hex", &scalar);
    CF_AUTO(cf_dh_free) cf_dh_key *key = NULL;
    assert_ok(cf_dh_from_secret(CF_P384, cf_buf_view(&scalar), CF_VIEW_EMPTY, &key));
    const cf_binding b = {CF_VIEW_EMPTY, cf_view_str(vec_text(c, "vault_id")), CF_VIEW_EMPTY,
                          CF_HPKE_DEFAULT};
    cf_field f = {.name = cf_view_str(vec_text(c, "field")),
                  .encoding = CF_ENC_HEX,
                  .value = cf_view_str(vec_text(c, "value_hex_form"))};
    assert_ok(cf_open_single(&b, key, &f, &pt));
    assert_view(cf_buf_view(&pt), CF_LIT("Bob"));
    cf_buf_clear(&pt);
    vec_hex(c, "enc_hex", &enc);
    vec_hex(c, "ct_hex", &ct);
    assert_ok(cf_buf_append(&enc, cf_buf_view(&ct)));
    cf_field f2 = {.name = f.name, .encoding = CF_ENC_BINARY, .value = cf_buf_view(&enc)};
    assert_ok(cf_open_single(&b, key, &f2, &pt));
    assert_view(cf_buf_view(&pt), CF_LIT("Bob"));
    cf_buf_clear(&pt);
    /* encoding 1 has one form: lower case */
    char *text = strdup(vec_text(c, "value_hex_form"));
    assert_non_null(text);
    static const size_t places[] = {0, 5, 193, 194, 195, 200};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char kept = text[places[i]];
        text[places[i]] = places[i] == 194 ? '0' : 'A';
        f.value = cf_view_str(text);
        assert_err(cf_open_single(&b, key, &f, &pt), MALFORMED);
        text[places[i]] = kept;
    }
    text[10] = text[10] == '0' ? '1' : '0';
    assert_err(cf_open_single(&b, key, &f, &pt), OPEN);
    free(text);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_other_code),
        cmocka_unit_test(makes_ids),
        cmocka_unit_test(rejects_what_it_must),
        cmocka_unit_test(encodes_no_broken_row),
        cmocka_unit_test(checks_names),
        cmocka_unit_test(bounds_fields_without_a_suite),
        cmocka_unit_test(opens_what_the_sample_sealed),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
