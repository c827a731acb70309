/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/http.h"

#include <string.h>

#include "core/base/number.h"
#include "core/base/reader.h"

/* What the reader waits for. */
enum { AT_STATUS, AT_FIELD, AT_BODY, AT_CHUNK, AT_CHUNK_DATA, AT_TRAILER, AT_END };

#define STATUS_CONTINUE_LAST 199
#define STATUS_SWITCHING 101
#define STATUS_NO_CONTENT 204
#define STATUS_NOT_MODIFIED 304

_Static_assert(CF_HTTP1_HEAD_BYTES_MAX <= UINT16_MAX, "offsets of fields have 16 bits");

static bool is_token_octet(uint8_t c)
{
    bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return alnum || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(cf_view v)
{
    for (size_t i = 0; i < v.len; i++) {
        if (!is_token_octet(v.data[i])) {
            return false;
        }
    }
    return v.len > 0;
}

/* Text of a value or reason (RFC 9112 section 4, RFC 9110 section 5.5): visible, blanks, and, where
 * asked, octets above ASCII. No other control character, so no CR, LF or NUL. */
static bool is_text(cf_view v, bool above_ascii)
{
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.data[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F || (c >= 0x80 && !above_ascii)) {
            return false;
        }
    }
    return true;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static cf_view trimmed(cf_view v)
{
    while (v.len > 0 && is_blank(v.data[0])) {
        v = cf_view_sub(v, 1, v.len - 1);
    }
    while (v.len > 0 && is_blank(v.data[v.len - 1])) {
        v.len--;
    }
    return v;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool eq_nocase(cf_view a, cf_view b)
{
    for (size_t i = 0; a.len == b.len && i < a.len; i++) {
        if (lower(a.data[i]) != lower(b.data[i])) {
            return false;
        }
    }
    return a.len == b.len;
}

static bool is_visible(cf_view v)
{
    return v.len > 0 && is_text(v, false) && memchr(v.data, ' ', v.len) == NULL &&
           memchr(v.data, '\t', v.len) == NULL;
}

static CF_MUST_USE cf_result check_request(const cf_http1_request *req)
{
    CF_REQUIRE(req->field_count <= CF_HTTP1_HEADERS_MAX, SIZE);
    CF_REQUIRE(is_token(req->method), ARGUMENT);
    /* the answers to these have no body, whatever their fields say */
    CF_REQUIRE(!cf_view_eq(req->method, CF_LIT("HEAD")), ARGUMENT);
    CF_REQUIRE(!cf_view_eq(req->method, CF_LIT("CONNECT")), ARGUMENT);
    CF_REQUIRE(is_visible(req->path) && req->path.data[0] == '/', ARGUMENT);
    CF_REQUIRE(is_visible(req->host), ARGUMENT);
    for (size_t i = 0; i < req->field_count; i++) {
        cf_view name = req->fields[i].name, value = req->fields[i].value;
        CF_REQUIRE(is_token(name), ARGUMENT);
        CF_REQUIRE(!eq_nocase(name, CF_LIT("Host")), ARGUMENT);
        CF_REQUIRE(!eq_nocase(name, CF_LIT("Content-Length")), ARGUMENT);
        CF_REQUIRE(!eq_nocase(name, CF_LIT("Transfer-Encoding")), ARGUMENT);
        CF_REQUIRE(is_text(value, false) && trimmed(value).len == value.len, ARGUMENT);
    }
    return cf_ok();
}

static void put_field(cf_writer *w, cf_view name, cf_view value)
{
    cf_write(w, name);
    cf_write(w, CF_LIT(": "));
    cf_write(w, value);
    cf_write(w, CF_LIT("\r\n"));
}

static CF_MUST_USE cf_result put_request(const cf_http1_request *req, cf_buf *out)
{
    cf_writer w = cf_writer_to(out, CF_BUF_BYTES_MAX);
    cf_write(&w, req->method);
    cf_write(&w, CF_LIT(" "));
    cf_write(&w, req->path);
    cf_write(&w, CF_LIT(" HTTP/1.1\r\n"));
    put_field(&w, CF_LIT("Host"), req->host);
    for (size_t i = 0; i < req->field_count; i++) {
        put_field(&w, req->fields[i].name, req->fields[i].value);
    }
    bool bodiless =
        cf_view_eq(req->method, CF_LIT("GET")) || cf_view_eq(req->method, CF_LIT("DELETE"));
    if (req->body.len > 0 || !bodiless) {
        CF_BUF(length);
        CF_TRY(cf_put_u64_dec(&length, req->body.len));
        put_field(&w, CF_LIT("Content-Length"), cf_buf_view(&length));
    }
    cf_write(&w, CF_LIT("\r\n"));
    cf_write(&w, req->body);
    return cf_write_end(&w);
}

CF_MUST_USE cf_result cf_http1_put_request(const cf_http1_request *req, cf_buf *out)
{
    CF_TRY(check_request(req));
    size_t before = out->len;
    cf_result r = put_request(req, out);
    if (!cf_is_ok(r)) {
        out->len = before;
    }
    return r;
}

/* The next line without its CR LF, if it is there as a whole. Its end must not lie beyond
 * line_end_max. That is looked at before the content, so that the verdict does not depend on how
 * input was cut. */
static CF_MUST_USE cf_result take_line(cf_http1_response *r, cf_view *ret_line, bool *ret_got)
{
    *ret_line = CF_VIEW_EMPTY;
    *ret_got = false;
    size_t stop = r->in.len < r->line_end_max ? r->in.len : r->line_end_max;
    const uint8_t *end = NULL;
    if (r->scan < stop) {
        end = memchr(r->in.data + r->scan, '\n', stop - r->scan);
    }
    if (end == NULL) {
        r->scan = stop;
        CF_REQUIRE(r->in.len < r->line_end_max, SIZE);
        return cf_ok();
    }
    size_t lf = (size_t)(end - r->in.data);
    CF_REQUIRE(lf > r->at && r->in.data[lf - 1] == '\r', MALFORMED);
    *ret_line = cf_view_sub(r->in, r->at, lf - 1 - r->at);
    *ret_got = true;
    r->at = r->scan = lf + 1;
    return cf_ok();
}

/* RFC 9112 section 4: version SP status SP [reason]. */
static CF_MUST_USE cf_result read_status(cf_http1_response *r, cf_view line)
{
    cf_view version = cf_view_sub(line, 0, 9), digits = cf_view_sub(line, 9, 3);
    if (!cf_view_eq(version, CF_LIT("HTTP/1.1 "))) {
        CF_REQUIRE(!cf_view_eq(cf_view_sub(line, 0, 5), CF_LIT("HTTP/")), UNSUPPORTED);
        return cf_fail(CF_ERR_MALFORMED);
    }
    uint64_t status;
    CF_REQUIRE(line.len >= 13 && line.data[12] == ' ', MALFORMED);
    CF_REQUIRE(cf_is_ok(cf_parse_u64(digits, 599, &status)) && status >= 100, MALFORMED);
    CF_REQUIRE(is_text(line, true), MALFORMED);
    r->status = (unsigned)status;
    r->field_count = 0;
    return cf_ok();
}

/* RFC 9112 section 5: name ":" OWS value OWS. A folded line begins with a blank, which is no
 * token. */
static CF_MUST_USE cf_result split_field(cf_view line, cf_view *ret_name, cf_view *ret_value)
{
    const uint8_t *colon = memchr(line.data, ':', line.len);
    CF_REQUIRE(colon != NULL, MALFORMED);
    size_t name_len = (size_t)(colon - line.data);
    *ret_name = cf_view_sub(line, 0, name_len);
    *ret_value = trimmed(cf_view_sub(line, name_len + 1, line.len - name_len - 1));
    CF_REQUIRE(is_token(*ret_name) && is_text(*ret_value, true), MALFORMED);
    return cf_ok();
}

static CF_MUST_USE cf_result read_field(cf_http1_response *r, cf_view line)
{
    cf_view name, value;
    CF_REQUIRE(r->field_count < CF_HTTP1_HEADERS_MAX, SIZE);
    CF_TRY(split_field(line, &name, &value));
    r->fields[r->field_count].name = (uint16_t)(name.data - r->in.data);
    r->fields[r->field_count].name_len = (uint16_t)name.len;
    r->fields[r->field_count].value = (uint16_t)(value.data - r->in.data);
    r->fields[r->field_count].value_len = (uint16_t)value.len;
    r->field_count++;
    return cf_ok();
}

static cf_http1_field field_at(const cf_http1_response *r, size_t i)
{
    return (cf_http1_field){
        .name = cf_view_sub(r->in, r->fields[i].name, r->fields[i].name_len),
        .value = cf_view_sub(r->in, r->fields[i].value, r->fields[i].value_len),
    };
}

static CF_MUST_USE cf_result find_field(const cf_http1_response *r, cf_view name, cf_view *ret)
{
    *ret = CF_VIEW_EMPTY;
    cf_view value = CF_VIEW_EMPTY;
    size_t found = 0;
    for (size_t i = 0; i < r->field_count; i++) {
        cf_http1_field field = field_at(r, i);
        if (eq_nocase(field.name, name)) {
            value = field.value;
            found++;
        }
    }
    CF_REQUIRE(found > 0, NOT_FOUND);
    CF_REQUIRE(found == 1, DUPLICATE);
    *ret = value;
    return cf_ok();
}

/* RFC 9112 section 9.3, 9.6: a connection is kept unless one of the lists of options says
 * "close". */
static bool says_close(const cf_http1_response *r)
{
    for (size_t i = 0; i < r->field_count; i++) {
        cf_http1_field field = field_at(r, i);
        cf_view left = eq_nocase(field.name, CF_LIT("Connection")) ? field.value : CF_VIEW_EMPTY;
        while (left.len > 0) {
            const uint8_t *comma = memchr(left.data, ',', left.len);
            size_t len = comma == NULL ? left.len : (size_t)(comma - left.data);
            if (eq_nocase(trimmed(cf_view_sub(left, 0, len)), CF_LIT("close"))) {
                return true;
            }
            size_t used = comma == NULL ? len : len + 1;
            left = cf_view_sub(left, used, left.len - used);
        }
    }
    return false;
}

/* RFC 9112 section 6.3 for responses that have no body: 1xx, 204, 304. */
static CF_MUST_USE cf_result end_bodiless(cf_http1_response *r, bool has_length, uint64_t length)
{
    if (r->status <= STATUS_CONTINUE_LAST) {
        CF_REQUIRE(r->status != STATUS_SWITCHING && !has_length, MALFORMED);
        CF_REQUIRE(r->interim < CF_HTTP1_INTERIM_MAX, SIZE);
        r->interim++;
        r->state = AT_STATUS;
        return cf_ok();
    }
    /* RFC 9110 section 8.6: a 304 may tell the length that a 200 would have had, a 204 none */
    CF_REQUIRE(r->status == STATUS_NOT_MODIFIED || length == 0, MALFORMED);
    r->body_len = 0;
    r->state = AT_BODY;
    return cf_ok();
}

/* The head is whole: finds out how the body is framed. */
static CF_MUST_USE cf_result end_head(cf_http1_response *r)
{
    cf_view length_text, coding;
    cf_err with_length = find_field(r, CF_LIT("Content-Length"), &length_text).code;
    cf_err with_coding = find_field(r, CF_LIT("Transfer-Encoding"), &coding).code;
    CF_REQUIRE(with_length != CF_ERR_DUPLICATE && with_coding != CF_ERR_DUPLICATE, MALFORMED);
    bool has_length = with_length == CF_OK, has_coding = with_coding == CF_OK;
    CF_REQUIRE(!has_length || !has_coding, MALFORMED);
    uint64_t length = 0;
    if (has_length) {
        cf_err err = cf_parse_u64(length_text, UINT64_MAX, &length).code;
        CF_REQUIRE(err != CF_ERR_RANGE, SIZE);
        CF_REQUIRE(err == CF_OK, MALFORMED);
    }
    if (r->status <= STATUS_CONTINUE_LAST || r->status == STATUS_NO_CONTENT ||
        r->status == STATUS_NOT_MODIFIED) {
        CF_REQUIRE(!has_coding, MALFORMED);
        return end_bodiless(r, has_length, length);
    }
    if (has_coding) {
        CF_REQUIRE(eq_nocase(coding, CF_LIT("chunked")), UNSUPPORTED);
        r->state = AT_CHUNK;
        r->line_end_max = r->at + CF_HTTP1_CHUNK_LINE_BYTES_MAX;
        return cf_ok();
    }
    CF_REQUIRE(has_length, MALFORMED);
    CF_REQUIRE(length <= r->body_max && length <= CF_BUF_BYTES_MAX, SIZE);
    r->body_len = (size_t)length;
    r->state = AT_BODY;
    return cf_ok();
}

static CF_MUST_USE cf_result read_head_line(cf_http1_response *r, cf_view line)
{
    if (r->state == AT_STATUS) {
        CF_TRY(read_status(r, line));
        r->state = AT_FIELD;
        return cf_ok();
    }
    return line.len > 0 ? read_field(r, line) : end_head(r);
}

/* RFC 9112 section 7.1: size in hex, and extensions, which are passed over. */
static CF_MUST_USE cf_result read_chunk_line(cf_http1_response *r, cf_view line)
{
    size_t digits = 0, size = 0;
    for (; digits < line.len && line.data[digits] != ';'; digits++) {
        uint8_t c = lower(line.data[digits]);
        bool decimal = c >= '0' && c <= '9';
        CF_REQUIRE(decimal || (c >= 'a' && c <= 'f'), MALFORMED);
        CF_REQUIRE(size <= SIZE_MAX >> 4, SIZE);
        size = size << 4 | (size_t)(decimal ? c - '0' : c - 'a' + 10);
    }
    CF_REQUIRE(digits > 0 && is_text(line, true), MALFORMED);
    if (size == 0) {
        r->state = AT_TRAILER;
        r->line_end_max = r->at + CF_HTTP1_HEAD_BYTES_MAX;
        return cf_ok();
    }
    size_t max = r->body_max < CF_BUF_BYTES_MAX ? r->body_max : CF_BUF_BYTES_MAX;
    CF_REQUIRE(size <= max - r->chunks.len, SIZE);
    CF_REQUIRE(r->chunk_count < CF_HTTP1_CHUNKS_MAX, SIZE);
    r->chunk_count++;
    r->body_len = size;
    r->state = AT_CHUNK_DATA;
    return cf_ok();
}

static CF_MUST_USE cf_result read_chunk_data(cf_http1_response *r)
{
    CF_TRY(cf_buf_append(&r->chunks, cf_view_sub(r->in, r->at, r->body_len)));
    r->at += r->body_len;
    CF_REQUIRE(cf_view_eq(cf_view_sub(r->in, r->at, 2), CF_LIT("\r\n")), MALFORMED);
    r->at += 2;
    r->scan = r->at;
    r->line_end_max = r->at + CF_HTTP1_CHUNK_LINE_BYTES_MAX;
    r->state = AT_CHUNK;
    return cf_ok();
}

static CF_MUST_USE cf_result read_trailer(cf_http1_response *r, cf_view line)
{
    cf_view name, value;
    if (line.len > 0) {
        return split_field(line, &name, &value);
    }
    r->state = AT_END;
    return cf_ok();
}

static CF_MUST_USE cf_result read_line(cf_http1_response *r, bool *ret_more)
{
    cf_view line;
    bool got;
    CF_TRY(take_line(r, &line, &got));
    *ret_more = !got;
    if (!got) {
        return cf_ok();
    }
    if (r->state == AT_CHUNK) {
        return read_chunk_line(r, line);
    }
    return r->state == AT_TRAILER ? read_trailer(r, line) : read_head_line(r, line);
}

/* One step; *ret_more when the input does not hold the whole of what is waited for. */
static CF_MUST_USE cf_result step(cf_http1_response *r, bool *ret_more)
{
    *ret_more = false;
    switch (r->state) {
    case AT_BODY:
        *ret_more = r->in.len - r->at < r->body_len;
        if (!*ret_more) {
            r->at += r->body_len;
            r->state = AT_END;
        }
        return cf_ok();
    case AT_CHUNK_DATA:
        *ret_more = r->in.len - r->at < r->body_len + 2;
        return *ret_more ? cf_ok() : read_chunk_data(r);
    default:
        return read_line(r, ret_more);
    }
}

static CF_MUST_USE cf_result run(cf_http1_response *r)
{
    if (r->at == 0) {
        r->line_end_max = CF_HTTP1_HEAD_BYTES_MAX;
    }
    for (bool more = false; r->state != AT_END && !more;) {
        CF_TRY(step(r, &more));
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_http1_read(cf_http1_response *r, cf_view in, bool *ret_complete)
{
    *ret_complete = false;
    if (r->err == CF_OK && in.len < r->in.len) {
        r->err = CF_ERR_ARGUMENT;
    }
    r->in = in;
    if (r->err == CF_OK) {
        r->err = run(r).code;
    }
    if (r->err != CF_OK) {
        return cf_fail(r->err);
    }
    if (r->state == AT_END) {
        /* at every call anew, because the input may have moved */
        r->body = r->chunk_count > 0 ? cf_buf_view(&r->chunks)
                                     : cf_view_sub(in, r->at - r->body_len, r->body_len);
        r->used = r->at;
        r->keep_alive = !says_close(r);
        *ret_complete = true;
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_http1_field_get(const cf_http1_response *r, cf_view name, cf_view *ret)
{
    *ret = CF_VIEW_EMPTY;
    CF_REQUIRE(r->err == CF_OK && r->state == AT_END, STATE);
    return find_field(r, name, ret);
}

void cf_http1_response_free(cf_http1_response *r)
{
    cf_buf_free(&r->chunks);
    *r = (cf_http1_response){.body_max = r->body_max};
}
