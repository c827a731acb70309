/* SPDX-License-Identifier: Apache-2.0 */
#include "core/aws/sigv4.h"

#include <dirent.h>

#include "core/codec/base64.h"
#include "tests/support/failmalloc.h"
#include "tests/support/vectors.h"

#define AUGUST_2015 1440938160 /* 2015-08-30T12:36:00Z, of all cases of the suite */

static void file_of(const char *name, const char *file, cf_buf *ret)
{
    char path[512];
    (void)snprintf(path, sizeof path, "sigv4/v4/%s/%s", name, file);
    vec_file(path, ret);
}

/* A request.txt taken apart; views borrow from text. */
typedef struct {
    cf_buf text, digest_hex;
    cf_sigv4_header headers[CF_SIGV4_HEADERS_MAX];
    cf_sigv4_request request;
} parsed;

static void parsed_free(parsed *p)
{
    cf_buf_free(&p->text);
    cf_buf_free(&p->digest_hex);
}

static cf_view line_of(cf_view *rest)
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

/* "GET /raw path?query HTTP/1.1": the target may have blanks, so it ends at the last one. */
static void read_target(cf_view line, parsed *p)
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

static void read_request(const char *name, parsed *p)
{
    file_of(name, "request.txt", &p->text);
    cf_view rest = cf_buf_view(&p->text);
    read_target(line_of(&rest), p);
    for (cf_view line = line_of(&rest); line.len > 0; line = line_of(&rest)) {
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
    assert_ok(cf_hash_of(CF_SHA256, rest, &digest));
    assert_ok(cf_hex_encode(cf_digest_view(&digest), &p->digest_hex));
    p->request.headers = p->headers;
    p->request.body_sha256 = cf_buf_view(&p->digest_hex);
}

static void add_header(parsed *p, const char *name, cf_view value)
{
    p->headers[p->request.headers_n] = (cf_sigv4_header){cf_view_str(name), value};
    p->request.headers_n++;
}

static void expect_file(const char *name, const char *file, cf_view got)
{
    CF_BUF(want);
    file_of(name, file, &want);
    if (!cf_view_eq(got, cf_buf_view(&want))) {
        fail_msg("%s/%s:\n%.*s\n---\n%.*s", name, file, (int)got.len, (const char *)got.data,
                 (int)want.len, (const char *)want.data);
    }
}

typedef struct {
    json_t *context;
    cf_sigv4_credentials credentials;
    cf_sigv4_scope scope;
    uint32_t expires;
    bool normalize, sign_body;
} settings;

static void read_settings(const char *name, settings *s)
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

/* A line of signed-request.txt that starts with "Authorization:". */
static void expect_authorization(const char *name, cf_view got)
{
    CF_BUF(text);
    file_of(name, "header-signed-request.txt", &text);
    cf_view rest = cf_buf_view(&text), prefix = CF_LIT("Authorization:");
    while (rest.len > 0) {
        cf_view line = line_of(&rest);
        if (cf_view_eq(cf_view_sub(line, 0, prefix.len), prefix)) {
            assert_view(got, cf_view_sub(line, prefix.len, line.len - prefix.len));
            return;
        }
    }
    fail_msg("%s: no authorization", name);
}

static void run_header_form(const char *name)
{
    CF_AUTO(parsed_free) parsed p = {.text = CF_BUF_EMPTY};
    settings s;
    CF_BUF(canonical);
    CF_BUF(names);
    CF_BUF(to_sign);
    CF_BUF(authorization);
    CF_SECRET(key);
    uint8_t signature[CF_SIGV4_HEX_BYTES];
    read_settings(name, &s);
    read_request(name, &p);
    p.request.path_as_is = !s.normalize;
    add_header(&p, "X-Amz-Date", CF_LIT("20150830T123600Z"));
    if (s.credentials.session_token.len > 0) {
        add_header(&p, "X-Amz-Security-Token", s.credentials.session_token);
    }
    if (s.sign_body) {
        add_header(&p, "X-Amz-Content-Sha256", p.request.body_sha256);
    }
    assert_ok(cf_sigv4_canonical(&p.request, &canonical, &names));
    expect_file(name, "header-canonical-request.txt", cf_buf_view(&canonical));
    assert_ok(cf_sigv4_string_to_sign(&s.scope, cf_buf_view(&canonical), &to_sign));
    expect_file(name, "header-string-to-sign.txt", cf_buf_view(&to_sign));
    assert_ok(cf_sigv4_key(s.credentials.secret, &s.scope, &key));
    assert_ok(cf_sigv4_signature(&key, cf_buf_view(&to_sign), signature));
    expect_file(name, "header-signature.txt", CF_VIEW_OF(signature));
    assert_ok(cf_sigv4_authorize(&s.credentials, &s.scope, &p.request, &authorization));
    expect_authorization(name, cf_buf_view(&authorization));
    json_decref(s.context);
}

static void run_query_form(const char *name)
{
    CF_AUTO(parsed_free) parsed p = {.text = CF_BUF_EMPTY};
    settings s;
    CF_BUF(query);
    CF_BUF(canonical);
    CF_BUF(names);
    CF_BUF(to_sign);
    CF_BUF(want);
    CF_AUTO(parsed_free) parsed signed_ = {.text = CF_BUF_EMPTY};
    read_settings(name, &s);
    read_request(name, &p);
    p.request.path_as_is = !s.normalize;
    assert_ok(cf_sigv4_presign(&s.credentials, &s.scope, &p.request, s.expires, &query));
    /* the query that the suite sends, octet for octet */
    file_of(name, "query-signed-request.txt", &signed_.text);
    cf_view rest = cf_buf_view(&signed_.text);
    read_target(line_of(&rest), &signed_);
    cf_view got = cf_buf_view(&query), sent = signed_.request.query;
    assert_view(cf_view_sub(got, got.len - 64, 64), cf_view_sub(sent, sent.len - 64, 64));
    file_of(name, "query-signature.txt", &want);
    assert_view(cf_view_sub(got, got.len - 64, 64), cf_buf_view(&want));
    /* what it stands on: the query without the signature */
    p.request.query = cf_view_sub(got, 0, got.len - 64 - (sizeof "&X-Amz-Signature=" - 1));
    assert_ok(cf_sigv4_canonical(&p.request, &canonical, &names));
    expect_file(name, "query-canonical-request.txt", cf_buf_view(&canonical));
    assert_ok(cf_sigv4_string_to_sign(&s.scope, cf_buf_view(&canonical), &to_sign));
    expect_file(name, "query-string-to-sign.txt", cf_buf_view(&to_sign));
    json_decref(s.context);
}

static void test_suite(void **state)
{
    (void)state;
    char path[512];
    const char *folder = getenv("CF_VECTORS");
    (void)snprintf(path, sizeof path, "%s/sigv4/v4", folder != NULL ? folder : "tests/vectors");
    DIR *d = opendir(path);
    size_t cases = 0;
    assert_non_null(d);
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (e->d_name[0] != '.') {
            run_header_form(e->d_name);
            run_query_form(e->d_name);
            cases++;
        }
    }
    (void)closedir(d);
    assert_int_equal(cases, 30);
}

/* "20260101T000000Z" or "20260101" */
static uint64_t time_of(const char *text)
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

static void test_json_posts(void **state)
{
    (void)state;
    json_t *root = vec_load("sigv4/aws-json-posts.json");
    const json_t *keys = vec_array(root, "signing_keys"), *requests = vec_array(root, "requests");
    assert_true(json_array_size(keys) == 4 && json_array_size(requests) == 4);
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *row = json_array_get(keys, i);
        cf_sigv4_scope scope = {time_of(vec_text(row, "date")),
                                cf_view_str(vec_text(row, "region")),
                                cf_view_str(vec_text(row, "service"))};
        CF_SECRET(key);
        CF_BUF(want);
        assert_ok(cf_sigv4_key(cf_view_str(vec_text(row, "secret")), &scope, &key));
        vec_hex(row, "key_hex", &want);
        assert_view(cf_secret_view(&key), cf_buf_view(&want));
    }
    for (size_t i = 0; i < json_array_size(requests); i++) {
        const json_t *row = json_array_get(requests, i);
        CF_AUTO(parsed_free) parsed p = {.text = CF_BUF_EMPTY};
        cf_digest digest;
        assert_ok(cf_hash_of(CF_SHA256, cf_view_str(vec_text(row, "body")), &digest));
        assert_ok(cf_hex_encode(cf_digest_view(&digest), &p.digest_hex));
        p.request = (cf_sigv4_request){.method = cf_view_str(vec_text(row, "method")),
                                       .path = cf_view_str(vec_text(row, "path")),
                                       .headers = p.headers,
                                       .body_sha256 = cf_buf_view(&p.digest_hex)};
        const char *name;
        json_t *value;
        json_object_foreach(json_object_get(row, "headers"), name, value)
        {
            add_header(&p, name, cf_view_str(json_string_value(value)));
        }
        add_header(&p, "x-amz-date", cf_view_str(vec_text(row, "timestamp")));
        const char *token = json_string_value(json_object_get(row, "session_token"));
        if (token != NULL) {
            add_header(&p, "X-Amz-Security-Token", cf_view_str(token));
        }
        cf_sigv4_credentials c = {cf_view_str(vec_text(row, "access_key_id")),
                                  cf_view_str(vec_text(row, "secret_access_key")), CF_VIEW_EMPTY};
        cf_sigv4_scope scope = {time_of(vec_text(row, "timestamp")),
                                cf_view_str(vec_text(row, "region")),
                                cf_view_str(vec_text(row, "service"))};
        CF_BUF(canonical);
        CF_BUF(names);
        CF_BUF(to_sign);
        CF_BUF(authorization);
        assert_ok(cf_sigv4_canonical(&p.request, &canonical, &names));
        assert_view(cf_buf_view(&canonical), cf_view_str(vec_text(row, "canonical_request")));
        assert_ok(cf_sigv4_string_to_sign(&scope, cf_buf_view(&canonical), &to_sign));
        assert_view(cf_buf_view(&to_sign), cf_view_str(vec_text(row, "string_to_sign")));
        assert_ok(cf_sigv4_authorize(&c, &scope, &p.request, &authorization));
        assert_view(cf_buf_view(&authorization), cf_view_str(vec_text(row, "authorization")));
    }
    json_decref(root);
}

static void test_dates(void **state)
{
    (void)state;
    static const struct {
        uint64_t s;
        const char *text;
    } rows[] = {
        {0, "19700101T000000Z"},          {AUGUST_2015, "20150830T123600Z"},
        {951782399, "20000228T235959Z"},  {951782400, "20000229T000000Z"},
        {951868800, "20000301T000000Z"},  {1709164800, "20240229T000000Z"},
        {1704067199, "20231231T235959Z"}, {4107542400, "21000301T000000Z"},
        {4107542399, "21000228T235959Z"}, {253402300799, "99991231T235959Z"},
    };
    char date[CF_SIGV4_DATE_BYTES + 1];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_ok(cf_sigv4_date(rows[i].s, date));
        assert_string_equal(date, rows[i].text);
    }
    assert_err(cf_sigv4_date(253402300800, date), RANGE);
    assert_err(cf_sigv4_date(UINT64_MAX, date), RANGE);
    assert_string_equal(date, "");
}

static const cf_sigv4_header usual[] = {
    {CF_LIT_INIT("Host"), CF_LIT_INIT("h")},
    {CF_LIT_INIT("X-Amz-Date"), CF_LIT_INIT("20150830T123600Z")}};
static const cf_sigv4_credentials who = {CF_LIT_INIT("AKID"), CF_LIT_INIT("secret"), {NULL, 0}};
static const cf_sigv4_scope where = {AUGUST_2015, CF_LIT_INIT("us-east-1"), CF_LIT_INIT("kms")};

static cf_sigv4_request usual_request(void)
{
    return (cf_sigv4_request){.method = CF_LIT("POST"),
                              .headers = usual,
                              .headers_n = 2,
                              .body_sha256 = CF_LIT(CF_SIGV4_EMPTY_BODY)};
}

static void test_arguments(void **state)
{
    (void)state;
    CF_BUF(out);
    cf_sigv4_request q = usual_request();
    assert_ok(cf_sigv4_authorize(&who, &where, &q, &out));
    cf_buf_clear(&out);
    q.headers_n = 1; /* no date */
    assert_err(cf_sigv4_authorize(&who, &where, &q, &out), ARGUMENT);
    q.headers = usual + 1; /* no host */
    assert_err(cf_sigv4_authorize(&who, &where, &q, &out), ARGUMENT);
    assert_err(cf_sigv4_presign(&who, &where, &q, 60, &out), ARGUMENT);
    q = usual_request();
    cf_sigv4_scope another = {AUGUST_2015 + 1, where.region,
                              where.service}; /* not the time that the header says */
    assert_err(cf_sigv4_authorize(&who, &another, &q, &out), ARGUMENT);
    q.headers_n = 1;
    assert_ok(cf_sigv4_presign(&who, &where, &q, 1, &out));
    cf_buf_clear(&out);
    assert_ok(cf_sigv4_presign(&who, &where, &q, CF_SIGV4_EXPIRES_S_MAX - 1, &out));
    cf_buf_clear(&out);
    assert_ok(cf_sigv4_presign(&who, &where, &q, CF_SIGV4_EXPIRES_S_MAX, &out));
    cf_buf_clear(&out);
    assert_err(cf_sigv4_presign(&who, &where, &q, CF_SIGV4_EXPIRES_S_MAX + 1, &out), RANGE);
    assert_err(cf_sigv4_presign(&who, &where, &q, 0, &out), RANGE);
    static const char *const bad[] = {"%", "a=%1", "%zz=1", "a=%0g"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        q = usual_request();
        q.query = cf_view_str(bad[i]);
        assert_err(cf_sigv4_authorize(&who, &where, &q, &out), MALFORMED);
    }
    static const cf_sigv4_header strange[] = {
        {CF_LIT_INIT("host"), CF_LIT_INIT("h")},
        {CF_LIT_INIT("x-amz-date"), CF_LIT_INIT("20150830T123600Z")},
        {CF_LIT_INIT("a:b"), CF_LIT_INIT("c")}};
    q.query = CF_VIEW_EMPTY;
    q.headers = strange;
    q.headers_n = 3;
    assert_err(cf_sigv4_authorize(&who, &where, &q, &out), ARGUMENT);
    assert_int_equal(out.len, 0);
}

static void test_limits(void **state)
{
    (void)state;
    static cf_sigv4_header headers[CF_SIGV4_HEADERS_MAX + 1];
    static char names[CF_SIGV4_HEADERS_MAX + 1][8];
    for (size_t i = 0; i <= CF_SIGV4_HEADERS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "h%zu", i);
        headers[i] = i < 2 ? usual[i] : (cf_sigv4_header){cf_view_str(names[i]), CF_LIT("v")};
    }
    for (size_t n = CF_SIGV4_HEADERS_MAX - 1; n <= CF_SIGV4_HEADERS_MAX + 1; n++) {
        CF_BUF(out);
        cf_sigv4_request q = usual_request();
        q.headers = headers;
        q.headers_n = n;
        assert_code(cf_sigv4_authorize(&who, &where, &q, &out),
                    n <= CF_SIGV4_HEADERS_MAX ? CF_OK : CF_ERR_SIZE);
    }
    for (size_t n = CF_SIGV4_PARAMS_MAX - 1; n <= CF_SIGV4_PARAMS_MAX + 1; n++) {
        CF_BUF(query);
        CF_BUF(out);
        cf_sigv4_request q = usual_request();
        for (size_t i = 0; i < n; i++) {
            assert_ok(cf_buf_append(&query, CF_LIT("&a=b")));
        }
        q.query = cf_buf_view(&query);
        assert_code(cf_sigv4_authorize(&who, &where, &q, &out),
                    n <= CF_SIGV4_PARAMS_MAX ? CF_OK : CF_ERR_SIZE);
    }
    static char region[CF_SIGV4_NAME_BYTES_MAX + 2];
    for (size_t n = CF_SIGV4_NAME_BYTES_MAX - 1; n <= CF_SIGV4_NAME_BYTES_MAX + 1; n++) {
        CF_BUF(out);
        memset(region, 'r', n);
        region[n] = '\0';
        cf_sigv4_scope s = {AUGUST_2015, cf_view_str(region), CF_LIT("kms")};
        cf_sigv4_request q = usual_request();
        assert_code(cf_sigv4_authorize(&who, &s, &q, &out),
                    n <= CF_SIGV4_NAME_BYTES_MAX ? CF_OK : CF_ERR_ARGUMENT);
    }
}

static cf_result sign_both(void *ctx)
{
    (void)ctx;
    CF_BUF(out);
    cf_sigv4_request q = usual_request();
    q.query = CF_LIT("b=2&a=1");
    CF_TRY(cf_sigv4_authorize(&who, &where, &q, &out));
    return cf_sigv4_presign(&who, &where, &q, 60, &out);
}

/* Allocations of libcrypto fail as well and are not always told apart; none may crash or leak. */
static void test_failing_allocations(void **state)
{
    (void)state;
    size_t failed = 0;
    for (int round = 0; round < 2; round++) {
        long live = failmalloc_live();
        failed = 0;
        for (cf_result r = cf_fail(CF_ERR_NO_MEMORY); !cf_is_ok(r); failed += !cf_is_ok(r)) {
            failmalloc_set(failed + 1);
            r = sign_both(NULL);
            failmalloc_set(0);
        }
        assert_true(round == 0 || failmalloc_live() == live);
    }
    assert_true(failed > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite),  cmocka_unit_test(test_json_posts),
        cmocka_unit_test(test_dates),  cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
