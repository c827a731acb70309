/* SPDX-License-Identifier: Apache-2.0 */
/* cf_http_call_new, cf_http_path, cf_http_query, cf_http_percent_ok, cf_http_set: any target is split within its bounds, and no value
 * decodes to more than it was. */
#include <string.h>
#include <strings.h>

#include "fuzz/check.h"
#include "host/http/server_priv.h"

static void as_target(const char *text)
{
    static cf_http_server server;
    cf_http_call *c = cf_http_call_new(&server, NULL, text);
    fuzz_check(c != NULL);
    fuzz_check((c->refuse_status == MHD_HTTP_URI_TOO_LONG) ==
               (strlen(text) > CF_HTTP_TARGET_BYTES_MAX));
    if (c->refuse_status == MHD_HTTP_BAD_REQUEST) {
        /* A fragment, or an absolute form that names no host. */
        const char *host = strncasecmp(text, "http", 4) == 0 ? strstr(text, "://") : NULL;
        fuzz_check(strchr(text, '#') != NULL ||
                   (host != NULL && strchr("/?", host[strlen("://")]) != NULL));
    } else if (c->refuse_status == 0) {
        cf_view path = cf_http_path(c);
        fuzz_check(path.len + c->query.len <= strlen(text) + 1);
        if (cf_http_percent_ok(path) && cf_http_percent_ok(c->query)) {
            static const char *const names[] = {"a", "fields", "", "a b"};
            for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                cf_view value = cf_http_query(c, names[i]);
                fuzz_check(value.len <= c->query.len);
                fuzz_check(value.len == 0 || cf_http_query_has(c, names[i]));
            }
        }
    }
    cf_http_call_free(&c);
}

static void as_header(const char *text)
{
    static cf_http_server server;
    cf_http_call *c = cf_http_call_new(&server, NULL, "/");
    fuzz_check(c != NULL);
    cf_result r = cf_http_set(c, "X-A", cf_view_str(text));
    fuzz_check(!cf_is_ok(r) || strpbrk(text, "\r\n") == NULL);
    fuzz_check(c->headers.len <= CF_HTTP_SET_BYTES_MAX);
    cf_ignore(cf_http_set(c, text, CF_LIT("b")));
    fuzz_check(c->headers.len <= CF_HTTP_SET_BYTES_MAX);
    cf_http_call_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = size > 0 ? cf_str_new(cf_view_make(data + 1, size - 1)) : NULL;
    if (text != NULL) {
        if (data[0] % 2 == 0) {
            as_target(text);
        } else {
            as_header(text);
        }
    }
    cf_mem_free(text);
    return 0;
}
