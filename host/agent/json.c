/* SPDX-License-Identifier: Apache-2.0 */
#include "host/agent/json.h"

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

/* Expressions have a place in the format and none in this version: none at all is all there may be. */
static cf_result check_expressions(const json_t *j)
{
    const json_t *e = json_object_get(j, "expressions");
    CF_REQUIRE(e == NULL || json_is_null(e) || json_is_object(e), WRONG_TYPE);
    CF_REQUIRE(!json_is_object(e) || json_object_size(e) == 0, UNSUPPORTED);
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

static cf_result get_fields(json_t *j, cf_arena *arena, cf_decrypt *ret)
{
    cf_encoding encoding;
    CF_TRY(get_encoding(j, &encoding));
    json_t *fields = json_object_get(j, "fields");
    CF_REQUIRE(fields != NULL, MISSING);
    CF_REQUIRE(json_is_object(fields), WRONG_TYPE);
    CF_REQUIRE(json_object_size(fields) > 0, EMPTY);
    CF_REQUIRE(json_object_size(fields) <= CF_REQUEST_FIELDS_MAX, SIZE);
    cf_field *all = cf_arena_new(arena, json_object_size(fields), sizeof *all);
    CF_REQUIRE(all != NULL, NO_MEMORY);
    for (void *at = json_object_iter(fields); at != NULL; at = json_object_iter_next(fields, at)) {
        cf_field *f = &all[ret->fields_n++];
        f->name = cf_view_str(json_object_iter_key(at));
        CF_TRY(get_field(json_object_iter_value(at), encoding, arena, f));
    }
    ret->fields = all;
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
        "vault_id", "region",      "fields", "suite_id", "encrypted_private_key",
        "encoding", "expressions", "tenant", "schema",   "key_id",
        "writes",   NULL};
    cf_view suite;
    CF_TRY(cf_json_only(j, names));
    CF_TRY(check_region(j));
    CF_TRY(check_expressions(j));
    CF_TRY(cf_json_get_str(j, "vault_id", CF_WIRE_VAULT_ID_BYTES_MAX, &ret->vault_id));
    CF_TRY(optional_str(j, "tenant", CF_TENANT_BYTES_MAX, &ret->tenant));
    CF_TRY(optional_str(j, "schema", CF_TENANT_BYTES_MAX, &ret->schema));
    CF_TRY(optional_str(j, "key_id", CF_KMS_KEY_ID_BYTES_MAX, &ret->kms_key));
    CF_TRY(get_octets(j, "suite_id", arena, &suite));
    CF_TRY(cf_hpke_suite_from_id(suite, &ret->suite));
    CF_TRY(get_octets(j, "encrypted_private_key", arena, &ret->wrapped_key));
    CF_TRY(get_writes(j, arena, ret));
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

static void put_pair(cf_writer *w, bool first, cf_view key, cf_view value)
{
    cf_write(w, first ? CF_VIEW_EMPTY : CF_LIT(","));
    if (w->err == CF_OK) {
        w->err = cf_json_put_string(w->out, key).code;
    }
    cf_write(w, CF_LIT(":"));
    if (w->err == CF_OK) {
        w->err = cf_json_put_string(w->out, value).code;
    }
}

static bool is_text(const cf_field_result *f)
{
    return f->code == CF_OK && cf_utf8_ok(f->value);
}

static void put_error(cf_writer *w, bool first, const cf_field_result *f)
{
    cf_err code = f->code == CF_OK ? CF_ERR_UTF8 : f->code;
    cf_write(w, first ? CF_LIT("{") : CF_LIT(",{"));
    put_pair(w, true, CF_LIT("field"), f->name);
    put_pair(w, false, CF_LIT("code"), cf_view_str(cf_err_code(code)));
    cf_write(w, CF_LIT("}"));
}

cf_result cf_agent_json_answer(cf_view results, cf_buf *out)
{
    const cf_field_result *all = NULL;
    size_t n = 0, fields = 0, errors = 0;
    CF_ARENA(arena, JSON_ANSWER_ARENA_BYTES);
    CF_TRY(cf_results_decode(results, &arena, &all, &n));
    cf_writer w = cf_writer_to(out, out->len + CF_AGENT_ANSWER_BYTES_MAX);
    cf_write(&w, CF_LIT("{\"fields\":{"));
    for (size_t i = 0; i < n; i++) {
        if (is_text(&all[i])) {
            put_pair(&w, fields++ == 0, all[i].name, all[i].value);
        }
    }
    cf_write(&w, CF_LIT("},\"errors\":["));
    for (size_t i = 0; i < n; i++) {
        if (!is_text(&all[i])) {
            put_error(&w, errors++ == 0, &all[i]);
        }
    }
    cf_write(&w, CF_LIT("]}"));
    return cf_write_end(&w);
}
