/* SPDX-License-Identifier: Apache-2.0 */
#include "host/agent/json.h"

#include "core/base/number.h"
#include "core/codec/base64.h"
#include "core/codec/json.h"

#define JSON_ARENA_BYTES_MAX (CF_AGENT_JSON_BYTES_MAX + ((size_t)256 << 10))
#define JSON_REGION_BYTES_MAX 64
#define JSON_BASE64_BYTES_MAX CF_AGENT_JSON_BYTES_MAX
#define JSON_ANSWER_ARENA_BYTES ((size_t)64 << 10)

/* A name such as eu-central-1 or eusc-de-east-1; the agent itself asks no region. */
static cf_result check_region(const json_t *j)
{
    cf_view region;
    if (json_object_get(j, "region") == NULL) {
        return cf_ok();
    }
    CF_TRY(cf_json_get_str(j, "region", JSON_REGION_BYTES_MAX, &region));
    CF_REQUIRE(region.len > 0, EMPTY);
    for (size_t i = 0; i < region.len; i++) {
        uint8_t ch = region.data[i];
        CF_REQUIRE((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-', BAD_VALUE);
    }
    return cf_ok();
}

static cf_result get_encoding(const json_t *j, cf_encoding *ret)
{
    cf_view text = CF_LIT("2");
    const json_t *e = json_object_get(j, "encoding");
    if (e != NULL && !json_is_null(e)) {
        CF_TRY(cf_json_get_str(j, "encoding", 32, &text));
    }
    bool hex = cf_view_eq(text, CF_LIT("1"));
    CF_REQUIRE(hex || cf_view_eq(text, CF_LIT("2")), RANGE);
    *ret = hex ? CF_ENC_HEX : CF_ENC_BINARY;
    return cf_ok();
}

/* A base64 member; its octets live in the arena. */
static cf_result get_octets(const json_t *j, const char *name, cf_arena *arena, cf_view *ret)
{
    CF_BUF(octets);
    CF_TRY(cf_json_get_base64(j, name, JSON_BASE64_BYTES_MAX, &octets));
    return cf_arena_copy(arena, cf_buf_view(&octets), ret);
}

static cf_result optional_str(const json_t *j, const char *name, size_t max, cf_view *ret)
{
    const json_t *v = json_object_get(j, name);
    return v == NULL || json_is_null(v) ? cf_ok() : cf_json_get_str(j, name, max, ret);
}

/* A field of encoding 3. */
static cf_result get_write_field(const json_t *v, cf_arena *arena, cf_field *ret)
{
    static const char *const names[] = {"write", "seq", "ct", NULL};
    uint64_t write = 0;
    CF_TRY(cf_json_only(v, names));
    CF_TRY(cf_json_get_u64(v, "write", UINT32_MAX, &write));
    CF_TRY(cf_json_get_u64(v, "seq", INT64_MAX, &ret->seq));
    CF_TRY(get_octets(v, "ct", arena, &ret->value));
    ret->encoding = CF_ENC_WRITE;
    ret->write = (uint32_t)write;
    return cf_ok();
}

static cf_result get_field(const json_t *v, cf_encoding encoding, cf_arena *arena, cf_field *ret)
{
    if (json_is_object(v)) {
        return get_write_field(v, arena, ret);
    }
    CF_REQUIRE(json_is_string(v), WRONG_TYPE);
    cf_view text = cf_view_make(json_string_value(v), json_string_length(v));
    ret->encoding = encoding;
    if (encoding == CF_ENC_HEX) {
        ret->value = text;
        return cf_ok();
    }
    CF_BUF(octets);
    CF_TRY(cf_base64_decode(text, &octets));
    return cf_arena_copy(arena, cf_buf_view(&octets), &ret->value);
}

/* ---- expressions ---- */

static cf_result get_expressions(json_t *j, cf_arena *arena, cf_decrypt *ret)
{
    json_t *e = json_object_get(j, "expressions");
    size_t n = json_object_size(e);
    CF_REQUIRE(e == NULL || json_is_null(e) || json_is_object(e), WRONG_TYPE);
    CF_REQUIRE(n <= CF_REQUEST_EXPRESSIONS_MAX, SIZE);
    cf_expression *all = cf_arena_new(arena, n, sizeof *all);
    CF_REQUIRE(all != NULL, NO_MEMORY);
    for (void *at = json_object_iter(e); at != NULL; at = json_object_iter_next(e, at)) {
        const json_t *source = json_object_iter_value(at);
        CF_REQUIRE(json_is_string(source), WRONG_TYPE);
        all[ret->expressions_n++] =
            (cf_expression){cf_view_str(json_object_iter_key(at)),
                            cf_view_make(json_string_value(source), json_string_length(source))};
    }
    ret->expressions = all;
    return cf_ok();
}

static cf_result get_secrets(json_t *j, cf_arena *arena, cf_decrypt *ret)
{
    static const char *const names[] = {"key_id", "wrapped", NULL};
    json_t *s = json_object_get(j, "secrets");
    size_t n = json_object_size(s);
    CF_REQUIRE(s == NULL || json_is_null(s) || json_is_object(s), WRONG_TYPE);
    CF_REQUIRE(n <= CF_REQUEST_SECRETS_MAX, SIZE);
    cf_secret_ref *all = cf_arena_new(arena, n, sizeof *all);
    CF_REQUIRE(all != NULL, NO_MEMORY);
    for (void *at = json_object_iter(s); at != NULL; at = json_object_iter_next(s, at)) {
        const json_t *v = json_object_iter_value(at);
        cf_secret_ref *one = &all[ret->secrets_n++];
        one->name = cf_view_str(json_object_iter_key(at));
        CF_TRY(cf_json_only(v, names));
        CF_TRY(cf_json_get_str(v, "key_id", CF_KMS_KEY_ID_BYTES_MAX, &one->kms_key));
        CF_TRY(get_octets(v, "wrapped", arena, &one->wrapped));
    }
    ret->secrets = all;
    return cf_ok();
}

/* Whether results are all that is answered. */
static cf_result get_results_only(const json_t *j, const cf_decrypt *m, bool *ret)
{
    const json_t *v = json_object_get(j, "results_only");
    *ret = json_is_true(v);
    CF_REQUIRE(v == NULL || json_is_null(v) || json_is_boolean(v), WRONG_TYPE);
    CF_REQUIRE(!*ret || m->expressions_n > 0, MISSING);
    return cf_ok();
}

static bool has_expression(const cf_decrypt *m, cf_view name)
{
    for (size_t i = 0; i < m->expressions_n; i++) {
        if (cf_view_eq(m->expressions[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* ---- fields ---- */

typedef struct {
    json_t *object;
    cf_encoding encoding;
    bool results_only;
    cf_field *all;
    cf_view *unset;
} field_list;

/* Those that are answered, or those that are there for expressions: the latter stand behind the former. */
static cf_result take_fields(const field_list *l, bool silent, cf_arena *arena, cf_decrypt *ret)
{
    for (void *at = json_object_iter(l->object); at != NULL;
         at = json_object_iter_next(l->object, at)) {
        const json_t *v = json_object_iter_value(at);
        cf_view name = cf_view_str(json_object_iter_key(at));
        bool is_silent = l->results_only || has_expression(ret, name);
        if (is_silent != silent) {
            continue;
        }
        if (json_is_null(v) && ret->expressions_n > 0) {
            l->unset[ret->unset_n++] = name;
            continue;
        }
        cf_field *f = &l->all[ret->fields_n++];
        f->name = name;
        ret->silent_n += silent;
        CF_TRY(get_field(v, l->encoding, arena, f));
    }
    return cf_ok();
}

static cf_result get_fields(json_t *j, cf_arena *arena, cf_decrypt *ret)
{
    field_list l = {.object = json_object_get(j, "fields")};
    size_t n = json_object_size(l.object);
    CF_TRY(get_encoding(j, &l.encoding));
    CF_TRY(get_results_only(j, ret, &l.results_only));
    CF_REQUIRE(l.object != NULL, MISSING);
    CF_REQUIRE(json_is_object(l.object), WRONG_TYPE);
    CF_REQUIRE(n > 0 || ret->expressions_n > 0, EMPTY);
    CF_REQUIRE(n <= CF_REQUEST_FIELDS_MAX, SIZE);
    l.all = cf_arena_new(arena, n, sizeof *l.all);
    l.unset = cf_arena_new(arena, n, sizeof *l.unset);
    CF_REQUIRE(l.all != NULL && l.unset != NULL, NO_MEMORY);
    CF_TRY(take_fields(&l, false, arena, ret));
    CF_TRY(take_fields(&l, true, arena, ret));
    ret->fields = l.all;
    ret->unset = l.unset;
    return cf_ok();
}

static cf_result get_writes(const json_t *j, cf_arena *arena, cf_decrypt *ret)
{
    static const char *const names[] = {"id", "version", "enc", NULL};
    const json_t *writes = json_object_get(j, "writes");
    if (writes == NULL || json_is_null(writes)) {
        return cf_ok();
    }
    CF_REQUIRE(json_is_array(writes), WRONG_TYPE);
    CF_REQUIRE(json_array_size(writes) <= CF_REQUEST_FIELDS_MAX, SIZE);
    cf_write_ref *all = cf_arena_new(arena, json_array_size(writes), sizeof *all);
    CF_REQUIRE(all != NULL, NO_MEMORY);
    for (size_t i = 0; i < json_array_size(writes); i++) {
        const json_t *w = json_array_get(writes, i);
        CF_TRY(cf_json_only(w, names));
        CF_TRY(get_octets(w, "id", arena, &all[i].id));
        CF_TRY(cf_json_get_u64(w, "version", INT64_MAX, &all[i].version));
        CF_TRY(get_octets(w, "enc", arena, &all[i].enc));
    }
    ret->writes = all;
    ret->writes_n = json_array_size(writes);
    return cf_ok();
}

static cf_result get_request(json_t *j, cf_arena *arena, cf_decrypt *ret)
{
    static const char *const names[] = {
        "vault_id", "region",      "fields",       "suite_id", "encrypted_private_key",
        "encoding", "expressions", "results_only", "secrets",  "tenant",
        "schema",   "key_id",      "writes",       NULL};
    cf_view suite;
    CF_TRY(cf_json_only(j, names));
    CF_TRY(check_region(j));
    CF_TRY(cf_json_get_str(j, "vault_id", CF_WIRE_VAULT_ID_BYTES_MAX, &ret->vault_id));
    CF_TRY(optional_str(j, "tenant", CF_TENANT_BYTES_MAX, &ret->tenant));
    CF_TRY(optional_str(j, "schema", CF_TENANT_BYTES_MAX, &ret->schema));
    CF_TRY(optional_str(j, "key_id", CF_KMS_KEY_ID_BYTES_MAX, &ret->kms_key));
    CF_TRY(get_octets(j, "suite_id", arena, &suite));
    CF_TRY(cf_hpke_suite_from_id(suite, &ret->suite));
    CF_TRY(get_octets(j, "encrypted_private_key", arena, &ret->wrapped_key));
    CF_TRY(get_writes(j, arena, ret));
    CF_TRY(get_expressions(j, arena, ret));
    CF_TRY(get_secrets(j, arena, ret));
    return get_fields(j, arena, ret);
}

cf_result cf_agent_json_read(cf_view text, cf_view key_id, uint64_t deadline_ms, cf_buf *out)
{
    CF_JSON(j);
    CF_ARENA(arena, JSON_ARENA_BYTES_MAX);
    cf_decrypt m = {.deadline_ms = deadline_ms, .kms_key = key_id};
    CF_TRY(cf_json_parse(text, CF_AGENT_JSON_BYTES_MAX, &j));
    CF_TRY(get_request(j, &arena, &m));
    return cf_decrypt_encode(&m, out);
}

/* --- the answer --- */

static void put_string(cf_writer *w, cf_view value)
{
    if (w->err == CF_OK) {
        w->err = cf_json_put_string(w->out, value).code;
    }
}

static void put_name(cf_writer *w, bool first, cf_view name)
{
    cf_write(w, first ? CF_VIEW_EMPTY : CF_LIT(","));
    put_string(w, name);
    cf_write(w, CF_LIT(":"));
}

static bool is_text(const cf_field_result *f)
{
    return f->code == CF_OK && cf_utf8_ok(f->value);
}

static void put_values(cf_writer *w, const cf_answer *a)
{
    size_t n = 0;
    cf_write(w, CF_LIT("{\"fields\":{"));
    for (size_t i = 0; i < a->fields_n; i++) {
        if (is_text(&a->fields[i])) {
            put_name(w, n++ == 0, a->fields[i].name);
            put_string(w, a->fields[i].value);
        }
    }
    for (size_t i = 0; i < a->expressions_n; i++) {
        if (a->expressions[i].code == CF_OK) {
            put_name(w, n++ == 0, a->expressions[i].name);
            cf_write(w, a->expressions[i].json);
        }
    }
    cf_write(w, CF_LIT("}"));
}

/* Without its end, before which more may come. */
static void put_error(cf_writer *w, bool first, cf_view field, cf_err code)
{
    cf_write(w, first ? CF_LIT("{") : CF_LIT(",{"));
    put_name(w, true, CF_LIT("field"));
    put_string(w, field);
    put_name(w, false, CF_LIT("code"));
    put_string(w, cf_view_str(cf_err_code(code)));
}

static void put_errors(cf_writer *w, const cf_answer *a)
{
    size_t n = 0;
    cf_write(w, CF_LIT(",\"errors\":["));
    for (size_t i = 0; i < a->fields_n; i++) {
        const cf_field_result *f = &a->fields[i];
        if (!is_text(f)) {
            put_error(w, n++ == 0, f->name, f->code == CF_OK ? CF_ERR_UTF8 : f->code);
            cf_write(w, CF_LIT("}"));
        }
    }
    for (size_t i = 0; i < a->expressions_n; i++) {
        const cf_expression_result *e = &a->expressions[i];
        if (e->code != CF_OK) {
            put_error(w, n++ == 0, e->name, e->code);
            put_name(w, false, CF_LIT("offset"));
            if (w->err == CF_OK) {
                w->err = cf_put_u64_dec(w->out, e->offset).code;
            }
            cf_write(w, CF_LIT("}"));
        }
    }
    cf_write(w, CF_LIT("]}"));
}

cf_result cf_agent_json_answer(cf_view results, cf_buf *out)
{
    cf_answer a;
    CF_ARENA(arena, JSON_ANSWER_ARENA_BYTES);
    CF_TRY(cf_answer_decode(results, &arena, &a));
    cf_writer w = cf_writer_to(out, out->len + CF_AGENT_ANSWER_BYTES_MAX);
    put_values(&w, &a);
    put_errors(&w, &a);
    return cf_write_end(&w);
}
