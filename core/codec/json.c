/* SPDX-License-Identifier: Apache-2.0 */
#include "core/codec/json.h"

#include <string.h>

#include "core/codec/base64.h"

/* jansson's own bound on nesting is 2048 levels of recursion, and on values there is none. Both are checked in a flat pass over the
 * text, in which only strings have to be told from the rest; what is malformed is left to jansson to find. Every value but the
 * first follows an opening bracket or a comma. */
static CF_MUST_USE cf_result shape_ok(cf_view text, size_t values_max)
{
    size_t depth = 0, values = 1;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '"') {
            in_string = !in_string;
        } else if (in_string) {
            i += c == '\\'; /* the octet behind it is escaped: no quote */
        } else if (c == '{' || c == '[') {
            depth++;
            values++;
            CF_REQUIRE(depth <= CF_JSON_DEPTH_MAX, DEPTH);
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        } else if (c == ',') {
            values++;
        }
        CF_REQUIRE(values <= values_max, SIZE);
    }
    return cf_ok();
}

static cf_err err_of(enum json_error_code code)
{
    switch (code) {
    case json_error_unknown: /* nothing was noted: so jansson leaves a failed allocation */
    case json_error_out_of_memory:
        return CF_ERR_NO_MEMORY;
    case json_error_invalid_utf8:
        return CF_ERR_UTF8;
    case json_error_premature_end_of_input:
        return CF_ERR_TRUNCATED;
    case json_error_end_of_input_expected:
        return CF_ERR_TRAILING;
    case json_error_duplicate_key:
        return CF_ERR_DUPLICATE;
    case json_error_numeric_overflow:
        return CF_ERR_RANGE;
    case json_error_stack_overflow:
        return CF_ERR_DEPTH;
    case json_error_invalid_syntax:
    case json_error_invalid_format:
    case json_error_null_character:
    case json_error_null_byte_in_key:
    case json_error_null_value:
    case json_error_wrong_type:
        return CF_ERR_MALFORMED;
    case json_error_cannot_open_file:
    case json_error_invalid_argument:
    case json_error_item_not_found:
    case json_error_index_out_of_range:
        return CF_ERR_INTERNAL;
    }
    return CF_ERR_INTERNAL;
}

/* jansson quotes a piece of the input in its message, which may be a secret. */
static void error_wipe(json_error_t *error)
{
    cf_wipe(error, sizeof *error);
}

CF_MUST_USE cf_result cf_json_parse(cf_view text, size_t bytes_max, json_t **ret)
{
    return cf_json_parse_long(text, bytes_max, CF_JSON_VALUES_MAX, ret);
}

CF_MUST_USE cf_result cf_json_parse_long(cf_view text, size_t bytes_max, size_t values_max,
                                         json_t **ret)
{
    *ret = NULL;
    CF_REQUIRE(text.len <= bytes_max, SIZE);
    CF_REQUIRE(text.len > 0, TRUNCATED);
    CF_REQUIRE(cf_utf8_ok(text), UTF8);
    CF_TRY(shape_ok(text, values_max));
    /* jansson takes a NUL between tokens for the end of the text */
    CF_REQUIRE(memchr(text.data, 0, text.len) == NULL, MALFORMED);
    CF_AUTO(error_wipe) json_error_t error = {.line = 0};
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    *ret = json_loadb((const char *)text.data, text.len, flags, &error);
    return *ret != NULL ? cf_ok() : cf_fail(err_of(json_error_code(&error)));
}

typedef struct {
    cf_buf *out;
    cf_err err; /* kept, because jansson goes on after the callback has refused a member's name */
} sink;

static int sink_append(const char *data, size_t len, void *to)
{
    sink *s = to;
    if (s->err == CF_OK) {
        s->err = cf_buf_append(s->out, cf_view_make(data, len)).code;
    }
    return s->err == CF_OK ? 0 : -1;
}

CF_MUST_USE cf_result cf_json_dump(const json_t *j, cf_buf *out)
{
    CF_REQUIRE(j != NULL, ARGUMENT);
    size_t before = out->len;
    sink s = {.out = out, .err = CF_OK};
    int rc = json_dump_callback(j, sink_append, &s, JSON_COMPACT | JSON_ENCODE_ANY);
    if (rc == 0 && s.err == CF_OK) {
        return cf_ok();
    }
    out->len = before;
    /* Without an error of ours, jansson had no memory for its list of the containers it is in. */
    return cf_fail(s.err != CF_OK ? s.err : CF_ERR_NO_MEMORY);
}

/* Appends the escape of an octet that may not stand in a string as it is (RFC 8259 section 7). */
static CF_MUST_USE cf_result put_escape(cf_buf *out, uint8_t c)
{
    static const char hex[] = "0123456789abcdef";
    static const uint8_t letter[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
    };
    uint8_t text[6] = {'\\', c, '0', '0', 0, 0};
    if (c >= 0x20) {
        return cf_buf_append(out, cf_view_make(text, 2));
    }
    if (letter[c] != 0) {
        text[1] = letter[c];
        return cf_buf_append(out, cf_view_make(text, 2));
    }
    text[1] = 'u';
    text[4] = (uint8_t)hex[c >> 4];
    text[5] = (uint8_t)hex[c & 0x0F];
    return cf_buf_append(out, CF_VIEW_OF(text));
}

static CF_MUST_USE cf_result put_string(cf_buf *out, cf_view v)
{
    CF_REQUIRE(v.len <= CF_BUF_BYTES_MAX, SIZE);
    CF_TRY(cf_buf_reserve(out, v.len + 2)); /* all of it where nothing needs an escape */
    CF_TRY(cf_buf_append(out, CF_LIT("\"")));
    size_t from = 0;
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.data[i];
        if (c < 0x20 || c == '"' || c == '\\') {
            CF_TRY(cf_buf_append(out, cf_view_sub(v, from, i - from)));
            CF_TRY(put_escape(out, c));
            from = i + 1;
        }
    }
    CF_TRY(cf_buf_append(out, cf_view_sub(v, from, v.len - from)));
    return cf_buf_append(out, CF_LIT("\""));
}

CF_MUST_USE cf_result cf_json_put_string(cf_buf *out, cf_view v)
{
    CF_REQUIRE(cf_utf8_ok(v), UTF8);
    size_t before = out->len;
    cf_result r = put_string(out, v);
    if (!cf_is_ok(r)) {
        out->len = before;
    }
    return r;
}

static CF_MUST_USE cf_result member(const json_t *j, const char *name, const json_t **ret)
{
    CF_REQUIRE(json_is_object(j), WRONG_TYPE);
    *ret = json_object_get(j, name);
    CF_REQUIRE(*ret != NULL, MISSING);
    return cf_ok();
}

CF_MUST_USE cf_result cf_json_get_str(const json_t *j, const char *name, size_t max, cf_view *ret)
{
    *ret = CF_VIEW_EMPTY;
    const json_t *value = NULL;
    CF_TRY(member(j, name, &value));
    CF_REQUIRE(json_is_string(value), WRONG_TYPE);
    size_t len = json_string_length(value);
    CF_REQUIRE(len <= max, SIZE);
    *ret = cf_view_make(json_string_value(value), len);
    return cf_ok();
}

CF_MUST_USE cf_result cf_json_get_u64(const json_t *j, const char *name, uint64_t max,
                                      uint64_t *ret)
{
    *ret = 0;
    const json_t *value = NULL;
    CF_TRY(member(j, name, &value));
    CF_REQUIRE(json_is_integer(value), WRONG_TYPE);
    json_int_t n = json_integer_value(value);
    CF_REQUIRE(n >= 0 && (uint64_t)n <= max, RANGE);
    *ret = (uint64_t)n;
    return cf_ok();
}

CF_MUST_USE cf_result cf_json_get_base64(const json_t *j, const char *name, size_t max, cf_buf *out)
{
    cf_buf_clear(out);
    /* A text for more than max octets is refused before room is made for it, but for the one or two
     * octets that its last group may hold or not. */
    size_t groups_max = max / 3 + (max % 3 != 0);
    size_t text_max = groups_max > SIZE_MAX / 4 ? SIZE_MAX : 4 * groups_max;
    cf_view text = CF_VIEW_EMPTY;
    CF_TRY(cf_json_get_str(j, name, text_max, &text));
    CF_TRY(cf_base64_decode(text, out));
    if (out->len > max) {
        cf_buf_clear(out);
        return cf_fail(CF_ERR_SIZE);
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_json_only(const json_t *j, const char *const *names)
{
    CF_REQUIRE(json_is_object(j), WRONG_TYPE);
    size_t known = 0;
    for (; *names != NULL; names++) {
        known += json_object_get(j, *names) != NULL;
    }
    CF_REQUIRE(known == json_object_size(j), UNKNOWN_MEMBER);
    return cf_ok();
}

json_t *cf_json_str(cf_view v)
{
    if (!cf_utf8_ok(v) || (v.len > 0 && memchr(v.data, 0, v.len) != NULL)) {
        return NULL;
    }
    return json_stringn_nocheck(v.len == 0 ? "" : (const char *)v.data, v.len);
}
