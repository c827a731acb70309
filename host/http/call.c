/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "host/http/pairs_priv.h"
#include "host/http/server_priv.h"

/* Decoded values are never longer than the target; names are decoded as well to be compared. */
#define CALL_ARENA_BYTES_MAX (CF_HTTP_TARGET_BYTES_MAX * 16)

/* What follows the scheme of an absolute-form target, or NULL. */
static const char *authority_of(const char *target)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t len = strlen(schemes[i]);
        if (strncasecmp(target, schemes[i], len) == 0) {
            return target + len;
        }
    }
    return NULL;
}

/* The path and query of an origin-form or absolute-form target (RFC 9112 section 3.2). False for one that has a fragment, which no
 * target has, or names no host. */
static bool split_target(cf_http_call *c)
{
    const char *path = c->target, *host = authority_of(path);
    if (strchr(path, '#') != NULL) {
        return false;
    }
    if (host != NULL) {
        path = host + strcspn(host, "/?");
        if (path == host) {
            return false;
        }
    }
    size_t len = strcspn(path, "?");
    c->path = len == 0 && host != NULL ? CF_LIT("/") : cf_view_make(path, len);
    c->query = path[len] == '\0' ? CF_VIEW_EMPTY : cf_view_str(path + len + 1);
    return true;
}

cf_http_call *cf_http_call_new(cf_http_server *s, struct MHD_Connection *conn, const char *target)
{
    size_t len = strnlen(target, CF_HTTP_TARGET_BYTES_MAX + 1);
    bool fits = len <= CF_HTTP_TARGET_BYTES_MAX;
    cf_http_call *c = cf_mem_new(1, sizeof *c + (fits ? len : 0) + 1);
    if (c == NULL) {
        return NULL;
    }
    c->server = s;
    c->conn = conn;
    c->arena.max = CALL_ARENA_BYTES_MAX;
    if (fits) {
        cf_copy(c->target, target, len);
        if (!split_target(c)) {
            c->refuse_status = MHD_HTTP_BAD_REQUEST;
            c->refuse_code = CF_ERR_MALFORMED;
        }
    } else {
        c->refuse_status = MHD_HTTP_URI_TOO_LONG;
        c->refuse_code = CF_ERR_SIZE;
    }
    return c;
}

void cf_http_call_drop_body(cf_http_call *c)
{
    cf_buf_free(&c->body);
    atomic_fetch_sub(&c->server->bodies_bytes, c->charged);
    c->charged = 0;
}

void cf_http_call_free(cf_http_call **c)
{
    if (*c == NULL) {
        return;
    }
    if ((*c)->response != NULL) {
        MHD_destroy_response((*c)->response);
    }
    cf_http_call_drop_body(*c);
    cf_buf_free(&(*c)->headers);
    cf_buf_free(&(*c)->answer);
    cf_arena_free(&(*c)->arena);
    cf_mem_free(*c);
    *c = NULL;
}

cf_view cf_http_method(const cf_http_call *c)
{
    return c->method;
}

cf_view cf_http_path(const cf_http_call *c)
{
    return c->path;
}

cf_view cf_http_body(const cf_http_call *c)
{
    return cf_buf_view(&c->body);
}

void **cf_http_slot(cf_http_call *c)
{
    return &c->slot;
}

cf_view cf_http_header(cf_http_call *c, const char *name)
{
    const char *value = NULL;
    size_t len = 0;
    if (MHD_lookup_connection_value_n(c->conn, MHD_HEADER_KIND, name, strlen(name), &value, &len) ==
            MHD_NO ||
        value == NULL) {
        return CF_VIEW_EMPTY;
    }
    return cf_view_make(value, len);
}

cf_view cf_http_query_raw(const cf_http_call *c)
{
    return c->query;
}

typedef struct {
    cf_http_field *at;
    size_t n, max;
} field_list;

static enum MHD_Result add_field(void *ctx, enum MHD_ValueKind kind, const char *name,
                                 size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    field_list *l = ctx;
    if (l->n < l->max) {
        l->at[l->n] = (cf_http_field){cf_view_make(name, name_len),
                                      cf_view_make(value, value != NULL ? value_len : 0)};
    }
    l->n++;
    return MHD_YES;
}

size_t cf_http_fields(cf_http_call *c, cf_http_field *ret, size_t max)
{
    field_list l = {ret, 0, max};
    (void)MHD_get_connection_values_n(c->conn, MHD_HEADER_KIND, add_field, &l);
    return l.n;
}

static int hex_digit(uint8_t ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }
    ch |= 0x20;
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

bool cf_http_percent_ok(cf_view v)
{
    for (size_t i = 0; i < v.len; i++) {
        if (v.data[i] == '%' &&
            (v.len - i < 3 || hex_digit(v.data[i + 1]) < 0 || hex_digit(v.data[i + 2]) < 0)) {
            return false;
        }
    }
    return true;
}

/* Form rules: + is a blank. The view has passed cf_http_percent_ok. */
static cf_view decode(cf_http_call *c, cf_view v)
{
    uint8_t *out = cf_arena_new(&c->arena, v.len, 1);
    if (out == NULL) {
        return CF_VIEW_EMPTY;
    }
    size_t n = 0;
    for (size_t i = 0; i < v.len; i++) {
        uint8_t ch = v.data[i];
        if (ch == '%') {
            ch = (uint8_t)(hex_digit(v.data[i + 1]) << 4 | hex_digit(v.data[i + 2]));
            i += 2;
        } else if (ch == '+') {
            ch = ' ';
        }
        out[n++] = ch;
    }
    return cf_view_make(out, n);
}

static size_t until(cf_view v, uint8_t mark)
{
    size_t n = 0;
    while (n < v.len && v.data[n] != mark) {
        n++;
    }
    return n;
}

/* The undecoded value of the first parameter of that name. */
static bool find(cf_http_call *c, const char *name, cf_view *ret)
{
    *ret = CF_VIEW_EMPTY;
    for (cf_view left = c->query; left.len > 0;) {
        size_t len = until(left, '&');
        cf_view pair = cf_view_sub(left, 0, len);
        size_t key_len = until(pair, '=');
        cf_view key = cf_view_sub(pair, 0, key_len);
        if (until(key, '%') < key.len) {
            key = decode(c, key);
        }
        if (cf_view_eq(key, cf_view_str(name))) {
            *ret = key_len < pair.len ? cf_view_sub(pair, key_len + 1, pair.len - key_len - 1)
                                      : CF_VIEW_EMPTY;
            return true;
        }
        len = len < left.len ? len + 1 : len;
        left = cf_view_sub(left, len, left.len - len);
    }
    return false;
}

cf_view cf_http_query(cf_http_call *c, const char *name)
{
    cf_view value;
    return find(c, name, &value) ? decode(c, value) : CF_VIEW_EMPTY;
}

bool cf_http_query_has(cf_http_call *c, const char *name)
{
    cf_view value;
    return find(c, name, &value);
}

void cf_http_defer(cf_http_call *c)
{
    c->deferred = true;
    MHD_suspend_connection(c->conn);
}

cf_result cf_http_set(cf_http_call *c, const char *name, cf_view value)
{
    CF_REQUIRE(name[0] != '\0' && value.len > 0, ARGUMENT);
    for (const char *p = name; *p != '\0'; p++) {
        CF_REQUIRE(*p > ' ' && *p < 127 && *p != ':', ARGUMENT);
    }
    for (size_t i = 0; i < value.len; i++) {
        CF_REQUIRE(value.data[i] != '\r' && value.data[i] != '\n' && value.data[i] != '\0',
                   ARGUMENT);
    }
    cf_view key = cf_view_str(name);
    CF_REQUIRE(value.len <= CF_HTTP_SET_BYTES_MAX &&
                   key.len + value.len + 2 <= CF_HTTP_SET_BYTES_MAX - c->headers.len,
               SIZE);
    return cf_http_pair_add(&c->headers, key, value);
}

/* NULL when MHD is out of memory; the connection is then closed. */
static struct MHD_Response *response_new(cf_http_call *c, const char *content_type)
{
    /* Persistent: the octets belong to the call, which MHD outlives by no use of them. */
    struct MHD_Response *r =
        MHD_create_response_from_buffer(c->answer.len, c->answer.data, MHD_RESPMEM_PERSISTENT);
    if (r == NULL) {
        return NULL;
    }
    bool ok = content_type == NULL ||
              MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) == MHD_YES;
    const char *name, *value;
    for (size_t at = 0; ok && cf_http_pair_next(&c->headers, &at, &name, &value);) {
        ok = MHD_add_response_header(r, name, value) == MHD_YES;
    }
    if (c->closing || atomic_load(&c->server->stopping)) {
        ok = ok && MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES;
    }
    if (!ok) {
        MHD_destroy_response(r);
        return NULL;
    }
    return r;
}

void cf_http_answer(cf_http_call *c, unsigned status, const char *content_type, cf_buf *body)
{
    cf_http_server *s = c->server;
    bool deferred = c->deferred, counted = c->counted;
    if (body != NULL) {
        c->answer = cf_buf_move(body);
    }
    c->status = status;
    c->response = response_new(c, content_type);
    c->answered = true;
    if (deferred) {
        /* From here on the call may be gone at any time. */
        cf_http_loop_answer(c->link->loop, c);
    }
    if (counted) {
        /* After the handing over, which a stopping server must wait for. The server itself lives until this reaches zero. */
        atomic_fetch_sub(&s->pending, 1);
    }
}

void cf_http_call_refuse(cf_http_call *c, unsigned status, cf_err code)
{
    if (c->server->limits.refuse != NULL) {
        c->server->limits.refuse(c->server->ctx, c, status, code);
        return;
    }
    char text[96];
    int n =
        snprintf(text, sizeof text, "{\"code\":%u,\"error\":\"%s\"}", status, cf_err_code(code));
    CF_BUF(body);
    cf_ignore(cf_buf_append(&body, cf_view_make(text, (size_t)n)));
    cf_http_answer(c, status, "application/json", &body);
}
