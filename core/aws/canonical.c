/* SPDX-License-Identifier: Apache-2.0 */
#include "core/aws/sigv4_priv.h"

static bool is_unreserved(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static CF_MUST_USE cf_result put_octet(cf_buf *out, uint8_t c)
{
    return cf_buf_append(out, cf_view_make(&c, 1));
}

CF_MUST_USE cf_result cf_sigv4_encode(cf_view v, bool keep_slash, cf_buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.data[i];
        if (is_unreserved(c) || (keep_slash && c == '/')) {
            CF_TRY(put_octet(out, c));
        } else {
            char escape[3] = {'%', digits[c >> 4], digits[c & 0x0F]};
            CF_TRY(cf_buf_append(out, CF_VIEW_OF(escape)));
        }
    }
    return cf_ok();
}

/* --- path --- */

/* Takes the last segment off a path that ends with '/' or is empty. */
static void drop_segment(cf_buf *path)
{
    if (path->len > 0) {
        path->len--;
    }
    while (path->len > 0 && path->data[path->len - 1] != '/') {
        path->len--;
    }
}

/* RFC 3986 section 5.2.4, and runs of '/' become one. What is left starts with '/'. */
static cf_result normalize(cf_view path, cf_buf *out)
{
    CF_TRY(put_octet(out, '/'));
    for (size_t i = 0; i < path.len;) {
        size_t end = i;
        while (end < path.len && path.data[end] != '/') {
            end++;
        }
        cf_view segment = cf_view_make(path.data + i, end - i);
        bool last = end == path.len;
        if (cf_view_eq(segment, CF_LIT(".."))) {
            drop_segment(out);
            if (out->len == 0) {
                CF_TRY(put_octet(out, '/'));
            }
        } else if (segment.len > 0 && !cf_view_eq(segment, CF_LIT("."))) {
            CF_TRY(cf_buf_append(out, segment));
            if (!last) {
                CF_TRY(put_octet(out, '/'));
            }
        }
        i = end + 1;
    }
    return cf_ok();
}

static cf_result put_path(const cf_sigv4_request *q, cf_buf *out)
{
    if (q->path.len == 0) {
        return put_octet(out, '/');
    }
    if (q->path_as_is) {
        return cf_sigv4_encode(q->path, true, out);
    }
    CF_BUF(path);
    CF_TRY(normalize(q->path, &path));
    return cf_sigv4_encode(cf_buf_view(&path), true, out);
}

/* --- query --- */

/* A parameter in its encoded form: places in one buffer, which moves while it grows. */
typedef struct {
    size_t name, name_len, value, value_len;
} param;

typedef struct {
    cf_buf text;
    param list[CF_SIGV4_PARAMS_MAX];
    size_t n;
} params;

static void params_free(params *p)
{
    cf_buf_free(&p->text);
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* The octet at *at, which may be written as %XX; *at goes behind it. */
static cf_result take_octet(cf_view v, size_t *at, uint8_t *ret)
{
    *ret = v.data[*at];
    if (*ret == '%') {
        CF_REQUIRE(v.len - *at > 2, MALFORMED);
        int high = hex_value(v.data[*at + 1]), low = hex_value(v.data[*at + 2]);
        CF_REQUIRE(high < 16 && low < 16, MALFORMED);
        *ret = (uint8_t)(high << 4 | low);
        *at += 2;
    }
    *at += 1;
    return cf_ok();
}

CF_MUST_USE cf_result cf_sigv4_decode(cf_view v, cf_buf *out)
{
    for (size_t i = 0; i < v.len;) {
        uint8_t c;
        CF_TRY(take_octet(v, &i, &c));
        CF_TRY(put_octet(out, c));
    }
    return cf_ok();
}

/* One text for a name or value, whichever way it was written: decoded, then encoded. */
static cf_result put_recoded(cf_view v, cf_buf *out)
{
    for (size_t i = 0; i < v.len;) {
        uint8_t c;
        CF_TRY(take_octet(v, &i, &c));
        CF_TRY(cf_sigv4_encode(cf_view_make(&c, 1), false, out));
    }
    return cf_ok();
}

static cf_result add_param(cf_view text, params *p)
{
    size_t equals = 0;
    while (equals < text.len && text.data[equals] != '=') {
        equals++;
    }
    CF_REQUIRE(p->n < CF_SIGV4_PARAMS_MAX, SIZE);
    param *a = &p->list[p->n];
    a->name = p->text.len;
    CF_TRY(put_recoded(cf_view_make(text.data, equals), &p->text));
    a->name_len = p->text.len - a->name;
    a->value = p->text.len;
    if (equals < text.len) {
        CF_TRY(put_recoded(cf_view_make(text.data + equals + 1, text.len - equals - 1), &p->text));
    }
    a->value_len = p->text.len - a->value;
    p->n++;
    return cf_ok();
}

static cf_view part(const params *p, size_t at, size_t len)
{
    return cf_view_make(p->text.data + at, len);
}

static bool comes_before(const params *p, const param *a, const param *b)
{
    int order = cf_view_cmp(part(p, a->name, a->name_len), part(p, b->name, b->name_len));
    if (order == 0) {
        order = cf_view_cmp(part(p, a->value, a->value_len), part(p, b->value, b->value_len));
    }
    return order < 0;
}

/* By insertion: there are few, and most come sorted. */
static void sort_params(params *p)
{
    for (size_t i = 1; i < p->n; i++) {
        param moving = p->list[i];
        size_t at = i;
        for (; at > 0 && comes_before(p, &moving, &p->list[at - 1]); at--) {
            p->list[at] = p->list[at - 1];
        }
        p->list[at] = moving;
    }
}

static cf_result put_query(cf_view query, cf_buf *out)
{
    CF_AUTO(params_free) params p = {.n = 0};
    CF_TRY(cf_buf_reserve(&p.text, query.len + 1));
    for (size_t i = 0; i < query.len;) {
        size_t end = i;
        while (end < query.len && query.data[end] != '&') {
            end++;
        }
        if (end > i) {
            CF_TRY(add_param(cf_view_make(query.data + i, end - i), &p));
        }
        i = end + 1;
    }
    sort_params(&p);
    for (size_t i = 0; i < p.n; i++) {
        CF_TRY(cf_buf_append(out, i == 0 ? CF_VIEW_EMPTY : CF_LIT("&")));
        CF_TRY(cf_buf_append(out, part(&p, p.list[i].name, p.list[i].name_len)));
        CF_TRY(cf_buf_append(out, CF_LIT("=")));
        CF_TRY(cf_buf_append(out, part(&p, p.list[i].value, p.list[i].value_len)));
    }
    return cf_ok();
}

/* --- headers --- */

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

int cf_sigv4_name_cmp(cf_view a, cf_view b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        int order = lower(a.data[i]) - lower(b.data[i]);
        if (order != 0) {
            return order;
        }
    }
    return (a.len > b.len) - (a.len < b.len);
}

static bool name_ok(cf_view name)
{
    bool ok = name.len > 0;
    for (size_t i = 0; ok && i < name.len; i++) {
        uint8_t c = lower(name.data[i]);
        ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    }
    return ok;
}

/* Places of the headers in the order of their names; equal names keep their order of appearance. */
static cf_result sort_headers(const cf_sigv4_request *q, size_t order[static CF_SIGV4_HEADERS_MAX])
{
    CF_REQUIRE(q->headers_n <= CF_SIGV4_HEADERS_MAX, SIZE);
    for (size_t i = 0; i < q->headers_n; i++) {
        CF_REQUIRE(name_ok(q->headers[i].name), ARGUMENT);
        size_t at = i;
        for (; at > 0 && cf_sigv4_name_cmp(q->headers[i].name, q->headers[order[at - 1]].name) < 0;
             at--) {
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    return cf_ok();
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Blanks around the value are dropped, and runs of them inside become one space, folded lines among them. */
static cf_result put_value(cf_view v, cf_buf *out)
{
    bool blank = false, any = false;
    for (size_t i = 0; i < v.len; i++) {
        if (is_blank(v.data[i])) {
            blank = true;
            continue;
        }
        if (blank && any) {
            CF_TRY(put_octet(out, ' '));
        }
        CF_TRY(put_octet(out, v.data[i]));
        blank = false;
        any = true;
    }
    return cf_ok();
}

static cf_result put_name(cf_view name, cf_buf *out)
{
    for (size_t i = 0; i < name.len; i++) {
        CF_TRY(put_octet(out, lower(name.data[i])));
    }
    return cf_ok();
}

/* True when the header at place i has the name of the one before it. */
static bool repeats(const cf_sigv4_request *q, const size_t *order, size_t i)
{
    return i > 0 &&
           cf_sigv4_name_cmp(q->headers[order[i]].name, q->headers[order[i - 1]].name) == 0;
}

static cf_result put_headers(const cf_sigv4_request *q, cf_buf *out)
{
    size_t order[CF_SIGV4_HEADERS_MAX];
    CF_TRY(sort_headers(q, order));
    for (size_t i = 0; i < q->headers_n; i++) {
        const cf_sigv4_header *h = &q->headers[order[i]];
        if (repeats(q, order, i)) {
            out->len--; /* the line goes on */
            CF_TRY(put_octet(out, ','));
        } else {
            CF_TRY(put_name(h->name, out));
            CF_TRY(put_octet(out, ':'));
        }
        CF_TRY(put_value(h->value, out));
        CF_TRY(put_octet(out, '\n'));
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_sigv4_signed_headers(const cf_sigv4_request *q, cf_buf *out)
{
    size_t order[CF_SIGV4_HEADERS_MAX];
    CF_TRY(sort_headers(q, order));
    for (size_t i = 0; i < q->headers_n; i++) {
        if (!repeats(q, order, i)) {
            CF_TRY(cf_buf_append(out, i == 0 ? CF_VIEW_EMPTY : CF_LIT(";")));
            CF_TRY(put_name(q->headers[order[i]].name, out));
        }
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_sigv4_canonical(const cf_sigv4_request *q, cf_buf *ret_text,
                                         cf_buf *ret_signed_headers)
{
    CF_BUF(text);
    CF_BUF(names);
    CF_TRY(cf_buf_append(&text, q->method));
    CF_TRY(put_octet(&text, '\n'));
    CF_TRY(put_path(q, &text));
    CF_TRY(put_octet(&text, '\n'));
    CF_TRY(put_query(q->query, &text));
    CF_TRY(put_octet(&text, '\n'));
    CF_TRY(put_headers(q, &text));
    CF_TRY(put_octet(&text, '\n'));
    CF_TRY(cf_sigv4_signed_headers(q, &names));
    CF_TRY(cf_buf_append(&text, cf_buf_view(&names)));
    CF_TRY(put_octet(&text, '\n'));
    CF_TRY(cf_buf_append(&text, q->body_sha256));
    CF_TRY(cf_buf_append(ret_text, cf_buf_view(&text)));
    return cf_buf_append(ret_signed_headers, cf_buf_view(&names));
}
