/* SPDX-License-Identifier: Apache-2.0 */
#include "host/credentials/document.h"

#include "core/codec/json.h"
#include "core/time/time.h"

#define MS_PER_S 1000
#define DOCUMENT_TIME_BYTES_MAX 40

/* Milliseconds since 1970 of RFC 3339 text, never 0, which stands for no end at all. */
static cf_result time_of(cf_view text, uint64_t *ret_ms)
{
    cf_timestamp t;
    CF_TRY(cf_timestamp_parse(text, &t));
    CF_REQUIRE(t.seconds > 0, RANGE);
    *ret_ms = (uint64_t)t.seconds * MS_PER_S + t.nanos / 1000000;
    return cf_ok();
}

/* A member that is text, or is not there at all and then the empty view. */
static cf_result optional(const json_t *j, const char *name, size_t max, cf_view *ret)
{
    *ret = CF_VIEW_EMPTY;
    return json_object_get(j, name) == NULL ? cf_ok() : cf_json_get_str(j, name, max, ret);
}

static cf_result set_of(const json_t *j, const char *token_name, uint64_t expires_ms, cf_creds *ret)
{
    cf_view id, key, token;
    CF_TRY(cf_json_get_str(j, "AccessKeyId", CF_ACCESS_KEY_ID_BYTES_MAX, &id));
    CF_TRY(cf_json_get_str(j, "SecretAccessKey", CF_SECRET_KEY_BYTES_MAX, &key));
    CF_TRY(optional(j, token_name, CF_SESSION_TOKEN_BYTES_MAX, &token));
    return cf_creds_set(ret, id, key, token, expires_ms);
}

cf_result cf_creds_of_file(cf_view text, cf_creds *ret)
{
    static const char *const names[] = {"AccessKeyId", "SecretAccessKey", "Token", "Expiration",
                                        NULL};
    uint64_t expires_ms = 0;
    cf_view time;
    CF_JSON(j);
    CF_TRY(cf_json_parse(text, CF_CREDS_FILE_BYTES_MAX, &j));
    CF_TRY(cf_json_only(j, names));
    CF_TRY(optional(j, "Expiration", DOCUMENT_TIME_BYTES_MAX, &time));
    if (time.data != NULL) {
        CF_TRY(time_of(time, &expires_ms));
    }
    return set_of(j, "Token", expires_ms, ret);
}

cf_result cf_creds_of_document(cf_view text, cf_creds *ret)
{
    cf_view code, time, token;
    uint64_t expires_ms = 0;
    CF_JSON(j);
    CF_TRY(cf_json_parse(text, CF_CREDS_ANSWER_BYTES_MAX, &j));
    CF_TRY(optional(j, "Code", CF_CREDS_ANSWER_BYTES_MAX, &code));
    CF_REQUIRE(code.data == NULL || cf_view_eq(code, CF_LIT("Success")), NOT_PERMITTED);
    CF_TRY(cf_json_get_str(j, "Expiration", DOCUMENT_TIME_BYTES_MAX, &time));
    CF_TRY(time_of(time, &expires_ms));
    CF_TRY(cf_json_get_str(j, "Token", CF_SESSION_TOKEN_BYTES_MAX, &token));
    CF_REQUIRE(token.len > 0, EMPTY);
    return set_of(j, "Token", expires_ms, ret);
}

/* --- XML --- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_name(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == ':';
}

typedef struct {
    cf_view text;
    size_t at;
    cf_view stack[CF_CREDS_XML_DEPTH_MAX];
    size_t depth;
    bool leaf;        /* the innermost has had no element so far */
    size_t text_from; /* where its text began */
} walker;

/* Past the next '>' that is not in quotes; what lies before it, without the '>'. */
static cf_result tag_of(walker *w, cf_view *ret)
{
    size_t from = w->at;
    uint8_t quote = 0;
    for (; w->at < w->text.len; w->at++) {
        uint8_t c = w->text.data[w->at];
        if (quote != 0) {
            quote = c == quote ? 0 : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '>') {
            *ret = cf_view_sub(w->text, from, w->at++ - from);
            return cf_ok();
        } else {
            CF_REQUIRE(c != '<', MALFORMED);
        }
    }
    return cf_fail(CF_ERR_TRUNCATED);
}

static cf_result name_of(cf_view tag, cf_view *ret)
{
    size_t n = 0;
    while (n < tag.len && is_name(tag.data[n])) {
        n++;
    }
    CF_REQUIRE(n > 0 && (n == tag.len || is_blank(tag.data[n])), MALFORMED);
    *ret = cf_view_sub(tag, 0, n);
    return cf_ok();
}

static cf_result closes(walker *w, cf_view text, cf_creds_xml_leaf *leaf, void *ctx)
{
    if (w->leaf) {
        CF_TRY(leaf(ctx, w->stack, w->depth, text));
    }
    w->leaf = false;
    w->depth--;
    return cf_ok();
}

static cf_result on_tag(walker *w, cf_view tag, size_t before, cf_creds_xml_leaf *leaf, void *ctx)
{
    cf_view name;
    if (tag.len > 0 && tag.data[0] == '/') {
        size_t len = tag.len;
        while (len > 1 && is_blank(tag.data[len - 1])) {
            len--;
        }
        CF_REQUIRE(w->depth > 0 && cf_view_eq(cf_view_sub(tag, 1, len - 1), w->stack[w->depth - 1]),
                   MALFORMED);
        return closes(w, cf_view_sub(w->text, w->text_from, before - w->text_from), leaf, ctx);
    }
    bool empty = tag.len > 0 && tag.data[tag.len - 1] == '/';
    CF_TRY(name_of(cf_view_sub(tag, 0, tag.len - empty), &name));
    CF_REQUIRE(w->depth < CF_CREDS_XML_DEPTH_MAX, DEPTH);
    w->stack[w->depth++] = name;
    w->leaf = true;
    w->text_from = w->at;
    return empty ? closes(w, CF_VIEW_EMPTY, leaf, ctx) : cf_ok();
}

/* Text up to the next tag: blanks alone outside the root, no reference anywhere. */
static cf_result skip_text(walker *w)
{
    for (; w->at < w->text.len && w->text.data[w->at] != '<'; w->at++) {
        uint8_t c = w->text.data[w->at];
        CF_REQUIRE(c != '&', UNSUPPORTED);
        CF_REQUIRE(w->depth > 0 || is_blank(c), MALFORMED);
    }
    return cf_ok();
}

static cf_result skip_prolog(walker *w)
{
    CF_TRY(skip_text(w));
    cf_view tag;
    if (cf_view_eq(cf_view_sub(w->text, w->at, 5), CF_LIT("<?xml"))) {
        w->at++;
        CF_TRY(tag_of(w, &tag));
        CF_REQUIRE(tag.data[tag.len - 1] == '?', MALFORMED);
    }
    return skip_text(w);
}

cf_result cf_creds_xml_walk(cf_view text, cf_creds_xml_leaf *leaf, void *ctx)
{
    walker w = {.text = text};
    CF_TRY(skip_prolog(&w));
    do {
        cf_view tag;
        CF_TRY(skip_text(&w));
        CF_REQUIRE(w.at < text.len, TRUNCATED);
        size_t before = w.at++;
        CF_REQUIRE(w.at < text.len, TRUNCATED);
        CF_REQUIRE(text.data[w.at] != '!' && text.data[w.at] != '?', UNSUPPORTED);
        CF_TRY(tag_of(&w, &tag));
        CF_TRY(on_tag(&w, tag, before, leaf, ctx));
    } while (w.depth > 0);
    CF_TRY(skip_text(&w));
    CF_REQUIRE(w.at == text.len, TRAILING);
    return cf_ok();
}

/* --- STS --- */

#define STS_ANSWER "AssumeRoleWithWebIdentityResponse"
#define STS_RESULT "AssumeRoleWithWebIdentityResult"

enum { STS_ID, STS_KEY, STS_TOKEN, STS_TIME, STS_TEXTS };
typedef struct {
    cf_view texts[STS_TEXTS];
} sts_texts;

static cf_result sts_leaf(void *ctx, const cf_view *stack, size_t depth, cf_view text)
{
    static const char *const names[] = {"AccessKeyId", "SecretAccessKey", "SessionToken",
                                        "Expiration"};
    sts_texts *t = ctx;
    if (depth != 4 || !cf_view_eq(stack[0], CF_LIT(STS_ANSWER)) ||
        !cf_view_eq(stack[1], CF_LIT(STS_RESULT)) || !cf_view_eq(stack[2], CF_LIT("Credentials"))) {
        return cf_ok();
    }
    for (size_t i = 0; i < STS_TEXTS; i++) {
        if (cf_view_eq(stack[3], cf_view_str(names[i]))) {
            CF_REQUIRE(t->texts[i].data == NULL, DUPLICATE);
            t->texts[i] = text;
        }
    }
    return cf_ok();
}

static cf_result sts_xml(cf_view text, cf_creds *ret)
{
    sts_texts t = {{{0}}};
    uint64_t expires_ms = 0;
    CF_TRY(cf_creds_xml_walk(text, sts_leaf, &t));
    for (size_t i = 0; i < STS_TEXTS; i++) {
        CF_REQUIRE(t.texts[i].len > 0, MISSING);
    }
    CF_TRY(time_of(t.texts[STS_TIME], &expires_ms));
    return cf_creds_set(ret, t.texts[STS_ID], t.texts[STS_KEY], t.texts[STS_TOKEN], expires_ms);
}

/* STS writes the time as seconds since 1970, perhaps with a fraction; others write text. */
static cf_result sts_time(const json_t *c, uint64_t *ret_ms)
{
    const json_t *time = json_object_get(c, "Expiration");
    cf_view text;
    if (json_is_number(time)) {
        double s = json_number_value(time);
        CF_REQUIRE(s >= 1 && s <= (double)CF_TIMESTAMP_SECONDS_MAX, RANGE);
        *ret_ms = (uint64_t)s * MS_PER_S;
        return cf_ok();
    }
    CF_TRY(cf_json_get_str(c, "Expiration", DOCUMENT_TIME_BYTES_MAX, &text));
    return time_of(text, ret_ms);
}

static cf_result sts_json(cf_view text, cf_creds *ret)
{
    uint64_t expires_ms = 0;
    cf_view token;
    CF_JSON(j);
    CF_TRY(cf_json_parse(text, CF_CREDS_ANSWER_BYTES_MAX, &j));
    const json_t *c =
        json_object_get(json_object_get(json_object_get(j, STS_ANSWER), STS_RESULT), "Credentials");
    CF_REQUIRE(c != NULL, MISSING);
    CF_TRY(sts_time(c, &expires_ms));
    CF_TRY(cf_json_get_str(c, "SessionToken", CF_SESSION_TOKEN_BYTES_MAX, &token));
    CF_REQUIRE(token.len > 0, EMPTY);
    return set_of(c, "SessionToken", expires_ms, ret);
}

static bool is_json(cf_view text)
{
    size_t at = 0;
    while (at < text.len && is_blank(text.data[at])) {
        at++;
    }
    return at < text.len && text.data[at] == '{';
}

cf_result cf_creds_of_sts(cf_view text, cf_creds *ret)
{
    CF_REQUIRE(text.len <= CF_CREDS_ANSWER_BYTES_MAX, SIZE);
    return is_json(text) ? sts_json(text, ret) : sts_xml(text, ret);
}

static cf_result error_leaf(void *ctx, const cf_view *stack, size_t depth, cf_view text)
{
    cf_view *code = ctx;
    if (depth >= 2 && cf_view_eq(stack[depth - 1], CF_LIT("Code")) &&
        cf_view_eq(stack[depth - 2], CF_LIT("Error"))) {
        *code = text;
    }
    return cf_ok();
}

bool cf_creds_sts_passes(cf_view text)
{
    cf_view code = CF_VIEW_EMPTY;
    CF_JSON(j);
    if (!is_json(text)) {
        cf_ignore(cf_creds_xml_walk(text, error_leaf, &code));
    } else if (cf_is_ok(cf_json_parse(text, CF_CREDS_ANSWER_BYTES_MAX, &j))) {
        cf_ignore(
            cf_json_get_str(json_object_get(j, "Error"), "Code", CF_CREDS_ANSWER_BYTES_MAX, &code));
    }
    return cf_view_eq(code, CF_LIT("IDPCommunicationError")) ||
           cf_view_eq(code, CF_LIT("InvalidIdentityToken")) ||
           cf_view_eq(code, CF_LIT("Throttling"));
}
