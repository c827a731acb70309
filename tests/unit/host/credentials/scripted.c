/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/host/credentials/scripted.h"

const char *const *scripted_env;
const scripted_row *scripted_rows;

const char *scripted_getenv(const char *name)
{
    size_t len = strlen(name);
    for (const char *const *e = scripted_env; e != NULL && *e != NULL; e++) {
        if (strncmp(*e, name, len) == 0 && (*e)[len] == '=') {
            return *e + len + 1;
        }
    }
    return NULL;
}

static void add(char *text, size_t room, const char *mark, cf_view v)
{
    size_t at = strlen(text);
    snprintf(text + at, room - at, "%s%.*s", mark, (int)v.len, (const char *)v.data);
}

static cf_result exchange(void *self, const cf_creds_request *req, unsigned *ret_status,
                          cf_buf *ret_body)
{
    static char text[16384];
    (void)self;
    text[0] = '\0';
    add(text, sizeof text, "", req->method);
    add(text, sizeof text, req->url->tls ? " https://" : " http://",
        cf_view_str(req->url->authority));
    add(text, sizeof text, "", req->path);
    for (size_t i = 0; i < req->field_count; i++) {
        add(text, sizeof text, " ", req->fields[i].name);
        add(text, sizeof text, "=", req->fields[i].value);
    }
    if (req->body.len > 0) {
        add(text, sizeof text, " body=", req->body);
    }
    assert_true(req->timeout_ms > 0);
    assert_non_null(scripted_rows);
    assert_non_null(scripted_rows->ask);
    assert_string_equal(text, scripted_rows->ask);
    const scripted_row *r = scripted_rows++;
    *ret_status = r->status;
    return r->status == 0 ? cf_fail(r->code) : cf_buf_append(ret_body, cf_view_str(r->body));
}

const cf_creds_http_ops scripted_http = {.exchange = exchange};
