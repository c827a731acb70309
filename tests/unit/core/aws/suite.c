/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/aws/suite.h"

#include <dirent.h>

void suite_file(const char *name, const char *file, cf_buf *ret)
{
    char path[512];
    (void)snprintf(path, sizeof path, "sigv4/v4/%s/%s", name, file);
    vec_file(path, ret);
}

void suite_request_free(suite_request *p)
{
    cf_buf_free(&p->text);
    cf_buf_free(&p->digest_hex);
}

cf_view suite_line(cf_view *rest)
{
    size_t n = 0;
    while (n < rest->len && rest->data[n] != '\n') {
        n++;
    }
    cf_view line = cf_view_make(rest->data, n);
    size_t skip = n < rest->len ? n + 1 : n;
    *rest = cf_view_make(rest->data + skip, rest->len - skip);
    return line;
}

/* The target may have blanks, so it ends at the last one. */
void suite_read_target(cf_view line, suite_request *p)
{
    size_t first = 0, last = line.len;
    while (line.data[first] != ' ') {
        first++;
    }
    while (line.data[last - 1] != ' ') {
        last--;
    }
    p->request.method = cf_view_make(line.data, first);
    cf_view target = cf_view_make(line.data + first + 1, last - 1 - first - 1);
    size_t mark = 0;
    while (mark < target.len && target.data[mark] != '?') {
        mark++;
    }
    p->request.path = cf_view_make(target.data, mark);
    p->request.query = mark < target.len
                           ? cf_view_make(target.data + mark + 1, target.len - mark - 1)
                           : CF_VIEW_EMPTY;
}

void suite_read_file(const char *name, const char *file, suite_request *p)
{
    suite_file(name, file, &p->text);
    cf_view rest = cf_buf_view(&p->text);
    suite_read_target(suite_line(&rest), p);
    for (cf_view line = suite_line(&rest); line.len > 0; line = suite_line(&rest)) {
        if (line.data[0] == ' ') { /* goes on */
            cf_view *value = &p->headers[p->request.headers_n - 1].value;
            value->len = (size_t)(line.data + line.len - value->data);
            continue;
        }
        size_t colon = 0;
        while (line.data[colon] != ':') {
            colon++;
        }
        p->headers[p->request.headers_n] =
            (cf_sigv4_header){cf_view_make(line.data, colon),
                              cf_view_make(line.data + colon + 1, line.len - colon - 1)};
        p->request.headers_n++;
    }
    cf_digest digest;
    p->body = rest;
    assert_ok(cf_hash_of(CF_SHA256, rest, &digest));
    assert_ok(cf_hex_encode(cf_digest_view(&digest), &p->digest_hex));
    p->request.headers = p->headers;
    p->request.body_sha256 = cf_buf_view(&p->digest_hex);
}

void suite_add(suite_request *p, const char *name, cf_view value)
{
    p->headers[p->request.headers_n] = (cf_sigv4_header){cf_view_str(name), value};
    p->request.headers_n++;
}

void suite_settings_of(const char *name, suite_settings *s)
{
    char path[512];
    (void)snprintf(path, sizeof path, "sigv4/v4/%s/context.json", name);
    s->context = vec_load(path);
    const json_t *c = json_object_get(s->context, "credentials");
    s->credentials = (cf_sigv4_credentials){
        cf_view_str(vec_text(c, "access_key_id")), cf_view_str(vec_text(c, "secret_access_key")),
        vec_has(c, "token") ? cf_view_str(vec_text(c, "token")) : CF_VIEW_EMPTY};
    assert_string_equal(vec_text(s->context, "timestamp"), "2015-08-30T12:36:00Z");
    s->scope = (cf_sigv4_scope){AUGUST_2015, cf_view_str(vec_text(s->context, "region")),
                                cf_view_str(vec_text(s->context, "service"))};
    s->expires = (uint32_t)vec_int(s->context, "expiration_in_seconds");
    s->normalize = json_is_true(json_object_get(s->context, "normalize"));
    s->sign_body = json_is_true(json_object_get(s->context, "sign_body"));
}

uint64_t suite_time(const char *text)
{
    for (uint64_t s = 1325376000; s < 1800000000; s += 3600) { /* 2012 to 2027, by the hour */
        char date[CF_SIGV4_DATE_BYTES + 1];
        assert_ok(cf_sigv4_date(s, date));
        if (strncmp(date, text, strlen(text) < 11 ? 8 : 11) == 0) {
            for (uint64_t t = s; t < s + 3600; t++) {
                assert_ok(cf_sigv4_date(t, date));
                if (strncmp(date, text, strlen(text)) == 0) {
                    return t;
                }
            }
        }
    }
    fail_msg("%s", text);
    return 0;
}

void suite_each(void (*fn)(const char *name))
{
    char path[512];
    const char *folder = getenv("CF_VECTORS");
    (void)snprintf(path, sizeof path, "%s/sigv4/v4", folder != NULL ? folder : "tests/vectors");
    DIR *d = opendir(path);
    size_t cases = 0;
    assert_non_null(d);
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (e->d_name[0] != '.') {
            fn(e->d_name);
            cases++;
        }
    }
    (void)closedir(d);
    assert_int_equal(cases, SUITE_CASES);
}

void suite_json_post(const json_t *row, suite_request *p)
{
    cf_digest digest;
    p->body = cf_view_str(vec_text(row, "body"));
    assert_ok(cf_hash_of(CF_SHA256, p->body, &digest));
    assert_ok(cf_hex_encode(cf_digest_view(&digest), &p->digest_hex));
    p->request = (cf_sigv4_request){.method = cf_view_str(vec_text(row, "method")),
                                    .path = cf_view_str(vec_text(row, "path")),
                                    .headers = p->headers,
                                    .body_sha256 = cf_buf_view(&p->digest_hex)};
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(row, "headers"), name, value)
    {
        suite_add(p, name, cf_view_str(json_string_value(value)));
    }
    suite_add(p, "x-amz-date", cf_view_str(vec_text(row, "timestamp")));
    const char *token = json_string_value(json_object_get(row, "session_token"));
    if (token != NULL) {
        suite_add(p, "X-Amz-Security-Token", cf_view_str(token));
    }
}
