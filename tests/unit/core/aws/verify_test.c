/* SPDX-License-Identifier: Apache-2.0 */
/* The receiving side: every signed request of the suite holds, and none of its tampered siblings does. */
#include "core/aws/verify.h"
#include "tests/support/failmalloc.h"
#include "tests/unit/core/aws/suite.h"

/* Reads and proves. Any result that is no verdict fails the test. */
static cf_sigv4_verdict verdict_of(const cf_sigv4_request *q, const cf_sigv4_expected *e)
{
    CF_AUTO(cf_sigv4_claim_free) cf_sigv4_claim c;
    cf_sigv4_verdict v = CF_SIGV4_VERDICT_COUNT;
    cf_result r = cf_sigv4_claim_read(q, &c, &v);
    if (cf_is_ok(r)) {
        assert_int_equal(v, CF_SIGV4_HOLDS);
        r = cf_sigv4_verify(&c, q, e, &v);
    }
    assert_true(cf_is_ok(r) == (v == CF_SIGV4_HOLDS));
    assert_true(cf_is_ok(r) || r.code == CF_ERR_SIGNATURE);
    return v;
}

static const char *const names[] = {
    [CF_SIGV4_HOLDS] = "holds",
    [CF_SIGV4_UNSIGNED] = "unsigned",
    [CF_SIGV4_INCOMPLETE] = "incomplete",
    [CF_SIGV4_HEADER_UNSIGNED] = "header unsigned",
    [CF_SIGV4_SCOPE_DATE] = "scope date",
    [CF_SIGV4_SCOPE_REGION] = "scope region",
    [CF_SIGV4_SCOPE_SERVICE] = "scope service",
    [CF_SIGV4_NOT_YET] = "not yet",
    [CF_SIGV4_EXPIRED] = "expired",
    [CF_SIGV4_BODY] = "body",
    [CF_SIGV4_MISMATCH] = "mismatch",
};
_Static_assert(sizeof names / sizeof names[0] == CF_SIGV4_VERDICT_COUNT,
               "every verdict has a name");

static void expect(const char *what, const cf_sigv4_request *q, const cf_sigv4_expected *e,
                   cf_sigv4_verdict want)
{
    cf_sigv4_verdict got = verdict_of(q, e);
    if (got != want) {
        fail_msg("%s: %s, not %s", what, names[got], names[want]);
    }
}

/* --- siblings of one request --- */

static void tamper_line(const suite_request *p, const cf_sigv4_expected *e)
{
    cf_sigv4_request q = p->request;
    q.method = CF_LIT("PUT");
    expect("method", &q, e, CF_SIGV4_MISMATCH);
    CF_BUF(path);
    assert_ok(cf_buf_append(&path, p->request.path));
    assert_ok(cf_buf_append(&path, CF_LIT("x")));
    q = p->request;
    q.path = cf_buf_view(&path);
    expect("path", &q, e, CF_SIGV4_MISMATCH);
    CF_BUF(query);
    assert_ok(cf_buf_append(&query, p->request.query));
    assert_ok(cf_buf_append(&query, p->request.query.len > 0 ? CF_LIT("&zz=1") : CF_LIT("zz=1")));
    q = p->request;
    q.query = cf_buf_view(&query);
    expect("query", &q, e, CF_SIGV4_MISMATCH);
    q = p->request;
    q.body_sha256 = CF_LIT("0000000000000000000000000000000000000000000000000000000000000000");
    cf_sigv4_verdict v = verdict_of(&q, e);
    assert_true(v == CF_SIGV4_MISMATCH || v == CF_SIGV4_BODY);
}

/* Each header changed, and left out. */
static void tamper_headers(const suite_request *p, const cf_sigv4_expected *e)
{
    for (size_t i = 0; i < p->request.headers_n; i++) {
        cf_sigv4_header headers[CF_SIGV4_HEADERS_MAX];
        cf_sigv4_request q = p->request;
        CF_BUF(value);
        cf_copy(headers, p->headers, p->request.headers_n * sizeof headers[0]);
        q.headers = headers;
        assert_ok(cf_buf_append(&value, headers[i].value));
        assert_ok(cf_buf_append(&value, CF_LIT("x")));
        headers[i].value = cf_buf_view(&value);
        assert_int_not_equal(verdict_of(&q, e), CF_SIGV4_HOLDS);
        for (size_t k = i; k + 1 < p->request.headers_n; k++) {
            headers[k] = p->headers[k + 1];
        }
        q.headers_n--;
        assert_int_not_equal(verdict_of(&q, e), CF_SIGV4_HOLDS);
    }
}

/* Headers that are added: those that mean something here must be signed, others may pass. */
static void add_headers(const suite_request *p, const cf_sigv4_expected *e)
{
    static const struct {
        const char *name;
        cf_sigv4_verdict want;
    } rows[] = {
        {"X-Amz-Target", CF_SIGV4_HEADER_UNSIGNED},
        {"x-amz-security-token2", CF_SIGV4_HEADER_UNSIGNED},
        {"User-Agent", CF_SIGV4_HOLDS},
        {"X-Amzn-Trace-Id", CF_SIGV4_HOLDS},
        {"odd_name", CF_SIGV4_HOLDS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_sigv4_header headers[CF_SIGV4_HEADERS_MAX];
        cf_sigv4_request q = p->request;
        cf_copy(headers, p->headers, q.headers_n * sizeof headers[0]);
        headers[q.headers_n] = (cf_sigv4_header){cf_view_str(rows[i].name), CF_LIT("v")};
        q.headers = headers;
        q.headers_n++;
        expect(rows[i].name, &q, e, rows[i].want);
    }
    /* a second host is never looked past */
    cf_sigv4_header headers[CF_SIGV4_HEADERS_MAX];
    cf_sigv4_request q = p->request;
    cf_copy(headers, p->headers, q.headers_n * sizeof headers[0]);
    headers[q.headers_n] = (cf_sigv4_header){CF_LIT("Host"), CF_LIT("other")};
    q.headers = headers;
    q.headers_n++;
    expect("second host", &q, e, CF_SIGV4_HEADER_UNSIGNED);
}

/* Every octet of a text that carries the signature. The key's id is not signed: who sends another is another. */
static void flip_each(const suite_request *p, const cf_sigv4_expected *e, cf_view text,
                      void (*put)(cf_sigv4_request *q, cf_view changed, void *room))
{
    CF_BUF(changed);
    for (size_t i = 0; i < text.len; i++) {
        cf_sigv4_header headers[CF_SIGV4_HEADERS_MAX];
        cf_sigv4_request q = p->request;
        cf_copy(headers, p->headers, q.headers_n * sizeof headers[0]);
        q.headers = headers;
        assert_ok(cf_buf_set(&changed, text));
        changed.data[i] ^= 1;
        put(&q, cf_buf_view(&changed), headers);
        CF_AUTO(cf_sigv4_claim_free) cf_sigv4_claim c;
        cf_sigv4_verdict v;
        bool read = cf_is_ok(cf_sigv4_claim_read(&q, &c, &v));
        if (read && cf_view_eq(c.access_key_id, CF_LIT("AKIDEXAMPLE")) &&
            cf_is_ok(cf_sigv4_verify(&c, &q, e, &v))) {
            fail_msg("octet %zu of %.*s", i, (int)text.len, (const char *)text.data);
        }
    }
}

static void put_query(cf_sigv4_request *q, cf_view changed, void *room)
{
    (void)room;
    q->query = changed;
}

static void put_authorization(cf_sigv4_request *q, cf_view changed, void *room)
{
    cf_sigv4_header *headers = room;
    for (size_t i = 0; i < q->headers_n; i++) {
        if (cf_view_eq(headers[i].name, CF_LIT("Authorization"))) {
            headers[i].value = changed;
        }
    }
}

static void tamper_expected(const suite_request *p, const cf_sigv4_expected *e)
{
    cf_sigv4_expected other = *e;
    other.secret = CF_LIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEy");
    expect("secret", &p->request, &other, CF_SIGV4_MISMATCH);
    other = *e;
    other.region = CF_LIT("us-east-2");
    expect("region", &p->request, &other, CF_SIGV4_SCOPE_REGION);
    other = *e;
    other.service = CF_LIT("kms");
    expect("service", &p->request, &other, CF_SIGV4_SCOPE_SERVICE);
}

static void check_times(const suite_request *p, cf_sigv4_expected e, uint64_t life_s)
{
    uint64_t at = e.now_s;
    e.now_s = at - CF_SIGV4_SKEW_S;
    expect("early", &p->request, &e, CF_SIGV4_HOLDS);
    e.now_s = at - CF_SIGV4_SKEW_S - 1;
    expect("too early", &p->request, &e, CF_SIGV4_NOT_YET);
    e.now_s = at + life_s;
    expect("late", &p->request, &e, CF_SIGV4_HOLDS);
    e.now_s = at + life_s + 1;
    expect("too late", &p->request, &e, CF_SIGV4_EXPIRED);
    e.now_s = 0;
    expect("at the epoch", &p->request, &e, CF_SIGV4_NOT_YET);
    e.now_s = UINT64_MAX;
    expect("at the end", &p->request, &e, CF_SIGV4_EXPIRED);
}

static void check_siblings(const suite_request *p, const cf_sigv4_expected *e, uint64_t life_s)
{
    expect("as it is", &p->request, e, CF_SIGV4_HOLDS);
    tamper_line(p, e);
    tamper_headers(p, e);
    add_headers(p, e);
    tamper_expected(p, e);
    check_times(p, *e, life_s);
}

/* --- the suite --- */

static void run_header_form(const char *name)
{
    CF_AUTO(suite_request_free) suite_request p = {.text = CF_BUF_EMPTY};
    suite_settings s;
    suite_settings_of(name, &s);
    suite_read_file(name, "header-signed-request.txt", &p);
    p.request.path_as_is = !s.normalize;
    const cf_sigv4_expected e = {s.credentials.secret, s.scope.region, s.scope.service,
                                 AUGUST_2015};
    check_siblings(&p, &e, CF_SIGV4_SKEW_S);
    for (size_t i = 0; i < p.request.headers_n; i++) {
        if (cf_view_eq(p.headers[i].name, CF_LIT("Authorization"))) {
            flip_each(&p, &e, p.headers[i].value, put_authorization);
        }
    }
    json_decref(s.context);
}

static void run_query_form(const char *name)
{
    CF_AUTO(suite_request_free) suite_request p = {.text = CF_BUF_EMPTY};
    suite_settings s;
    suite_settings_of(name, &s);
    suite_read_file(name, "query-signed-request.txt", &p);
    p.request.path_as_is = !s.normalize;
    const cf_sigv4_expected e = {s.credentials.secret, s.scope.region, s.scope.service,
                                 AUGUST_2015};
    check_siblings(&p, &e, s.expires);
    flip_each(&p, &e, p.request.query, put_query);
    json_decref(s.context);
}

static void test_suite(void **state)
{
    (void)state;
    suite_each(run_header_form);
    suite_each(run_query_form);
}

static void test_json_posts(void **state)
{
    (void)state;
    json_t *root = vec_load("sigv4/aws-json-posts.json");
    const json_t *requests = vec_array(root, "requests");
    assert_int_equal(json_array_size(requests), 4);
    for (size_t i = 0; i < json_array_size(requests); i++) {
        const json_t *row = json_array_get(requests, i);
        CF_AUTO(suite_request_free) suite_request p = {.text = CF_BUF_EMPTY};
        CF_AUTO(cf_sigv4_claim_free) cf_sigv4_claim c;
        cf_sigv4_verdict v;
        suite_json_post(row, &p);
        suite_add(&p, "authorization", cf_view_str(vec_text(row, "authorization")));
        const cf_sigv4_expected e = {
            cf_view_str(vec_text(row, "secret_access_key")), cf_view_str(vec_text(row, "region")),
            cf_view_str(vec_text(row, "service")), suite_time(vec_text(row, "timestamp"))};
        assert_ok(cf_sigv4_claim_read(&p.request, &c, &v));
        assert_view(c.access_key_id, cf_view_str(vec_text(row, "access_key_id")));
        assert_view(c.session_token,
                    cf_view_str(json_string_value(json_object_get(row, "session_token"))));
        expect(vec_text(row, "timestamp"), &p.request, &e, CF_SIGV4_HOLDS);
        tamper_line(&p, &e);
        tamper_headers(&p, &e);
    }
    json_decref(root);
}

/* --- forms of a claim --- */

#define DATE "20150830T123600Z"
#define CREDENTIAL "AKID/20150830/us-east-1/kms/aws4_request"
#define SIG64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
    const char *authorization;
    cf_sigv4_verdict want; /* HOLDS: it can be read */
} authorizations[] = {
    {"AWS4-HMAC-SHA256 Credential=" CREDENTIAL ", SignedHeaders=host;x-amz-date, Signature=" SIG64,
     CF_SIGV4_HOLDS},
    {"AWS4-HMAC-SHA256 Credential=" CREDENTIAL ",SignedHeaders=host;x-amz-date,Signature=" SIG64,
     CF_SIGV4_HOLDS},
    {"AWS4-HMAC-SHA256 Signature=" SIG64 ", Credential=" CREDENTIAL ", SignedHeaders=host",
     CF_SIGV4_HOLDS},
    {"  AWS4-HMAC-SHA256   Credential=" CREDENTIAL " ,  SignedHeaders=host , Signature=" SIG64 " ",
     CF_SIGV4_HOLDS},
    {"", CF_SIGV4_INCOMPLETE},
    {"Bearer x", CF_SIGV4_INCOMPLETE},
    {"AWS4-HMAC-SHA256", CF_SIGV4_INCOMPLETE},
    {"AWS4-HMAC-SHA512 Credential=" CREDENTIAL ", SignedHeaders=host, Signature=" SIG64,
     CF_SIGV4_INCOMPLETE},
    {"AWS4-ECDSA-P256-SHA256 Credential=" CREDENTIAL ", SignedHeaders=host, Signature=" SIG64,
     CF_SIGV4_INCOMPLETE},
    {"AWS4-HMAC-SHA256 SignedHeaders=host, Signature=" SIG64, CF_SIGV4_INCOMPLETE},
    {"AWS4-HMAC-SHA256 Credential=" CREDENTIAL ", Signature=" SIG64, CF_SIGV4_INCOMPLETE},
    {"AWS4-HMAC-SHA256 Credential=" CREDENTIAL ", SignedHeaders=host", CF_SIGV4_INCOMPLETE},
    {"AWS4-HMAC-SHA256 Credential=" CREDENTIAL ", SignedHeaders=, Signature=" SIG64,
     CF_SIGV4_INCOMPLETE},
    {"AWS4-HMAC-SHA256 Credential=" CREDENTIAL ", SignedHeaders=host, Signature=" SIG64 "0",
     CF_SIGV4_INCOMPLETE},
    {"AWS4-HMAC-SHA256 Credential=" CREDENTIAL ", SignedHeaders=host, Signature=",
     CF_SIGV4_INCOMPLETE},
    {"AWS4-HMAC-SHA256 Credential=" CREDENTIAL ", Credential=" CREDENTIAL
     ", SignedHeaders=host, Signature=" SIG64,
     CF_SIGV4_INCOMPLETE},
    {"AWS4-HMAC-SHA256 Credential=" CREDENTIAL ", SignedHeaders=host, Signature=" SIG64 ", More=1",
     CF_SIGV4_INCOMPLETE},
    {"AWS4-HMAC-SHA256 Credential=" CREDENTIAL ", SignedHeaders=host, Signature",
     CF_SIGV4_INCOMPLETE},
    {"AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/kms, SignedHeaders=host, "
     "Signature=" SIG64,
     CF_SIGV4_INCOMPLETE},
    {"AWS4-HMAC-SHA256 Credential=/20150830/us-east-1/kms/aws4_request, SignedHeaders=host, "
     "Signature=" SIG64,
     CF_SIGV4_INCOMPLETE},
    {"AWS4-HMAC-SHA256 Credential=AKID/2015083/us-east-1/kms/aws4_request, SignedHeaders=host, "
     "Signature=" SIG64,
     CF_SIGV4_INCOMPLETE},
    {"AWS4-HMAC-SHA256 Credential=AKID/20150830//kms/aws4_request, SignedHeaders=host, "
     "Signature=" SIG64,
     CF_SIGV4_INCOMPLETE},
    {"AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/kms/aws4_request/x, SignedHeaders=host, "
     "Signature=" SIG64,
     CF_SIGV4_INCOMPLETE},
};

static cf_sigv4_verdict read_verdict(const cf_sigv4_header *headers, size_t n, const char *query)
{
    cf_sigv4_request q = {.method = CF_LIT("POST"),
                          .query = cf_view_str(query),
                          .headers = headers,
                          .headers_n = n,
                          .body_sha256 = CF_LIT(CF_SIGV4_EMPTY_BODY)};
    CF_AUTO(cf_sigv4_claim_free) cf_sigv4_claim c;
    cf_sigv4_verdict v = CF_SIGV4_VERDICT_COUNT;
    cf_result r = cf_sigv4_claim_read(&q, &c, &v);
    assert_true(cf_is_ok(r) == (v == CF_SIGV4_HOLDS));
    return v;
}

static void test_authorizations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof authorizations / sizeof authorizations[0]; i++) {
        const cf_sigv4_header headers[] = {
            {CF_LIT_INIT("Host"), CF_LIT_INIT("h")},
            {CF_LIT_INIT("X-Amz-Date"), CF_LIT_INIT(DATE)},
            {CF_LIT_INIT("Authorization"), cf_view_str(authorizations[i].authorization)},
            {CF_LIT_INIT("authorization"), cf_view_str(authorizations[i].authorization)}};
        cf_sigv4_verdict v = read_verdict(headers, 3, "");
        if (v != authorizations[i].want) {
            fail_msg("%s: %s", authorizations[i].authorization, names[v]);
        }
        assert_int_equal(read_verdict(headers, 4, ""), CF_SIGV4_INCOMPLETE); /* twice */
    }
    assert_int_equal(read_verdict(NULL, 0, ""), CF_SIGV4_UNSIGNED);
    assert_int_equal(read_verdict(NULL, 0, "Action=x"), CF_SIGV4_UNSIGNED);
}

static void test_dates_in_headers(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "20150830T123600", "2015-08-30T12:36:00Z",
                                      "20150230T123600Z", "20150830t123600Z"};
    const cf_view authorization = cf_view_str(authorizations[0].authorization);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const cf_sigv4_header headers[] = {{CF_LIT_INIT("Host"), CF_LIT_INIT("h")},
                                           {CF_LIT_INIT("Authorization"), authorization},
                                           {CF_LIT_INIT("X-Amz-Date"), cf_view_str(bad[i])}};
        assert_int_equal(read_verdict(headers, 3, ""), CF_SIGV4_INCOMPLETE);
        assert_int_equal(read_verdict(headers, 2, ""), CF_SIGV4_INCOMPLETE);
    }
}

#define Q_ALGORITHM "X-Amz-Algorithm=AWS4-HMAC-SHA256"
#define Q_CREDENTIAL "&X-Amz-Credential=AKID%2F20150830%2Fus-east-1%2Fkms%2Faws4_request"
#define Q_DATE "&X-Amz-Date=" DATE
#define Q_NAMES "&X-Amz-SignedHeaders=host"
#define Q_EXPIRES "&X-Amz-Expires=60"
#define Q_SIGNATURE "&X-Amz-Signature=" SIG64
#define Q_ALL Q_ALGORITHM Q_CREDENTIAL Q_DATE Q_NAMES Q_EXPIRES Q_SIGNATURE

static void test_queries(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        cf_sigv4_verdict want;
    } rows[] = {
        {Q_ALL, CF_SIGV4_HOLDS},
        {Q_ALL "&X-Amz-Security-Token=t%3D", CF_SIGV4_HOLDS},
        {Q_SIGNATURE Q_EXPIRES Q_NAMES Q_DATE Q_CREDENTIAL "&" Q_ALGORITHM, CF_SIGV4_HOLDS},
        {"X%2DAmz-Algorithm=AWS4-HMAC-SHA256" Q_CREDENTIAL Q_DATE Q_NAMES Q_EXPIRES Q_SIGNATURE,
         CF_SIGV4_HOLDS},
        {Q_ALGORITHM, CF_SIGV4_INCOMPLETE},
        {Q_SIGNATURE, CF_SIGV4_INCOMPLETE},
        {Q_ALGORITHM Q_DATE Q_NAMES Q_EXPIRES Q_SIGNATURE, CF_SIGV4_INCOMPLETE},
        {Q_ALGORITHM Q_CREDENTIAL Q_NAMES Q_EXPIRES Q_SIGNATURE, CF_SIGV4_INCOMPLETE},
        {Q_ALGORITHM Q_CREDENTIAL Q_DATE Q_EXPIRES Q_SIGNATURE, CF_SIGV4_INCOMPLETE},
        {Q_ALGORITHM Q_CREDENTIAL Q_DATE Q_NAMES Q_SIGNATURE, CF_SIGV4_INCOMPLETE},
        {Q_ALGORITHM Q_CREDENTIAL Q_DATE Q_NAMES Q_EXPIRES, CF_SIGV4_INCOMPLETE},
        {Q_ALL Q_DATE, CF_SIGV4_INCOMPLETE},
        {Q_ALL Q_SIGNATURE, CF_SIGV4_INCOMPLETE},
        {Q_ALL "&X-Amz-Security-Token=a&X-Amz-Security-Token=a", CF_SIGV4_INCOMPLETE},
        {Q_ALL "&a=%zz", CF_SIGV4_HOLDS}, /* read; it will not be proven */
        {Q_ALL "&%zz=a", CF_SIGV4_INCOMPLETE},
        {Q_ALGORITHM Q_CREDENTIAL Q_DATE Q_NAMES "&X-Amz-Expires=0" Q_SIGNATURE,
         CF_SIGV4_INCOMPLETE},
        {Q_ALGORITHM Q_CREDENTIAL Q_DATE Q_NAMES "&X-Amz-Expires=604799" Q_SIGNATURE,
         CF_SIGV4_HOLDS},
        {Q_ALGORITHM Q_CREDENTIAL Q_DATE Q_NAMES "&X-Amz-Expires=604800" Q_SIGNATURE,
         CF_SIGV4_HOLDS},
        {Q_ALGORITHM Q_CREDENTIAL Q_DATE Q_NAMES "&X-Amz-Expires=604801" Q_SIGNATURE,
         CF_SIGV4_INCOMPLETE},
        {Q_ALGORITHM Q_CREDENTIAL Q_DATE Q_NAMES "&X-Amz-Expires=-1" Q_SIGNATURE,
         CF_SIGV4_INCOMPLETE},
        {"X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256" Q_CREDENTIAL Q_DATE Q_NAMES Q_EXPIRES Q_SIGNATURE,
         CF_SIGV4_INCOMPLETE},
    };
    const cf_sigv4_header headers[] = {
        {CF_LIT_INIT("Host"), CF_LIT_INIT("h")},
        {CF_LIT_INIT("Authorization"), cf_view_str(authorizations[0].authorization)},
        {CF_LIT_INIT("X-Amz-Date"), CF_LIT_INIT(DATE)}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cf_sigv4_verdict v = read_verdict(headers, 1, rows[i].query);
        if (v != rows[i].want) {
            fail_msg("%s: %s", rows[i].query, names[v]);
        }
        /* both forms at a time are neither */
        assert_int_equal(read_verdict(headers, 3, rows[i].query), CF_SIGV4_INCOMPLETE);
    }
}

/* --- what the list of signed headers may be --- */

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

static const cf_sigv4_header usual[] = {
    {CF_LIT_INIT("Host"), CF_LIT_INIT("h")},
    {CF_LIT_INIT("X-Amz-Date"), CF_LIT_INIT(DATE)},
    {CF_LIT_INIT("X-Amz-Target"), CF_LIT_INIT("TrentService.ListKeys")}};

/* A request signed over the first n headers, with the list of names replaced. */
static cf_sigv4_verdict verdict_with_names(size_t n, const char *list)
{
    static const cf_sigv4_credentials who = {CF_LIT_INIT("AKID"), CF_LIT_INIT(SECRET), {NULL, 0}};
    const cf_sigv4_scope scope = {AUGUST_2015, CF_LIT("us-east-1"), CF_LIT("kms")};
    const cf_sigv4_expected e = {CF_LIT(SECRET), scope.region, scope.service, AUGUST_2015};
    cf_sigv4_request q = {.method = CF_LIT("POST"),
                          .headers = usual,
                          .headers_n = n,
                          .body_sha256 = CF_LIT(CF_SIGV4_EMPTY_BODY)};
    CF_BUF(value);
    assert_ok(cf_sigv4_authorize(&who, &scope, &q, &value));
    assert_ok(cf_buf_append(&value, cf_view_make("", 1)));
    char text[600];
    const char *from = strstr((const char *)value.data, "SignedHeaders=") + 14;
    (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(from - (const char *)value.data),
                   (const char *)value.data, list, strchr(from, ','));
    cf_sigv4_header headers[4] = {
        usual[0], usual[1], usual[2], {CF_LIT("Authorization"), cf_view_str(text)}};
    q.headers = headers;
    q.headers_n = 4;
    return verdict_of(&q, &e);
}

static void test_signed_headers(void **state)
{
    (void)state;
    assert_int_equal(verdict_with_names(3, "host;x-amz-date;x-amz-target"), CF_SIGV4_HOLDS);
    /* signed without the target, and told so */
    assert_int_equal(verdict_with_names(2, "host;x-amz-date"), CF_SIGV4_HEADER_UNSIGNED);
    static const char *const lists[] = {"host;x-amz-target;x-amz-date",
                                        "host;host;x-amz-date;x-amz-target",
                                        "host;x-amz-date;x-amz-target;",
                                        ";host;x-amz-date;x-amz-target",
                                        "Host;x-amz-date;x-amz-target",
                                        "content-type;host;x-amz-date;x-amz-target",
                                        "authorization;host;x-amz-date;x-amz-target"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (verdict_with_names(3, lists[i]) != CF_SIGV4_MISMATCH) {
            fail_msg("%s", lists[i]);
        }
    }
    assert_int_equal(verdict_with_names(3, "host"), CF_SIGV4_HEADER_UNSIGNED);
    assert_int_equal(verdict_with_names(3, "x-amz-date;x-amz-target"), CF_SIGV4_HEADER_UNSIGNED);
}

/* A request that can be read as long as the text is no longer than it may be: a key's id, a region, a token. */
static cf_sigv4_verdict verdict_of_long(size_t which, const char *text)
{
    static char value[3 * CF_SIGV4_TOKEN_BYTES_MAX]; /* room for the text in either place */
    (void)snprintf(value, sizeof value,
                   "AWS4-HMAC-SHA256 Credential=%s/20150830/%s/s/aws4_request, SignedHeaders=host, "
                   "Signature=" SIG64,
                   which == 0 ? text : "A", which == 1 ? text : "r");
    const cf_sigv4_header headers[] = {
        {CF_LIT_INIT("Host"), CF_LIT_INIT("h")},
        {CF_LIT_INIT("X-Amz-Date"), CF_LIT_INIT(DATE)},
        {CF_LIT_INIT("Authorization"), cf_view_str(value)},
        {CF_LIT_INIT("X-Amz-Security-Token"), which == 2 ? cf_view_str(text) : CF_VIEW_EMPTY}};
    return read_verdict(headers, 4, "");
}

static void test_limits(void **state)
{
    (void)state;
    static const size_t maxima[] = {CF_SIGV4_KEY_ID_BYTES_MAX, CF_SIGV4_NAME_BYTES_MAX,
                                    CF_SIGV4_TOKEN_BYTES_MAX};
    for (size_t i = 0; i < sizeof maxima / sizeof maxima[0]; i++) {
        for (size_t n = maxima[i] - 1; n <= maxima[i] + 1; n++) {
            static char text[CF_SIGV4_TOKEN_BYTES_MAX + 2];
            memset(text, 'a', n);
            text[n] = '\0';
            assert_int_equal(verdict_of_long(i, text),
                             n <= maxima[i] ? CF_SIGV4_HOLDS : CF_SIGV4_INCOMPLETE);
        }
    }
}

static void test_parse_date(void **state)
{
    (void)state;
    for (uint64_t s = 0; s < UINT64_C(253402300799); s += UINT64_C(86400) * 13 + 12345) {
        char text[CF_SIGV4_DATE_BYTES + 1];
        uint64_t back;
        assert_ok(cf_sigv4_date(s, text));
        assert_ok(cf_sigv4_parse_date(cf_view_str(text), &back));
        assert_true(back == s);
    }
    static const char *const bad[] = {"",
                                      "19691231T235959Z",
                                      "20150830T123600z",
                                      "20151301T000000Z",
                                      "20150001T000000Z",
                                      "20150100T000000Z",
                                      "20150132T000000Z",
                                      "20150431T000000Z",
                                      "20150229T000000Z",
                                      "21000229T000000Z",
                                      "20150101T240000Z",
                                      "20150101T006000Z",
                                      "20150101T000060Z",
                                      "2015010100000000",
                                      "2015O101T000000Z",
                                      "20150101T00000 Z"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t s = 1;
        assert_err(cf_sigv4_parse_date(cf_view_str(bad[i]), &s), MALFORMED);
        assert_true(s == 0);
    }
    uint64_t s;
    assert_ok(cf_sigv4_parse_date(CF_LIT("20000229T000000Z"), &s));
    assert_true(s == 951782400);
}

/* Allocations of libcrypto fail as well and are not always told apart; none may crash, leak or let anything pass. */
static void test_failing_allocations(void **state)
{
    (void)state;
    CF_AUTO(suite_request_free) suite_request p = {.text = CF_BUF_EMPTY};
    suite_read_file("get-vanilla", "query-signed-request.txt", &p);
    const cf_sigv4_expected e = {CF_LIT(SECRET), CF_LIT("us-east-1"), CF_LIT("service"),
                                 AUGUST_2015};
    size_t failed = 0;
    for (int round = 0; round < 2; round++) {
        long live = failmalloc_live();
        failed = 0;
        for (bool held = false; !held; failed += !held) {
            cf_sigv4_claim c;
            cf_sigv4_verdict v;
            failmalloc_set(failed + 1);
            cf_result r = cf_sigv4_claim_read(&p.request, &c, &v);
            if (cf_is_ok(r)) {
                r = cf_sigv4_verify(&c, &p.request, &e, &v);
            }
            failmalloc_set(0);
            cf_sigv4_claim_free(&c);
            held = cf_is_ok(r);
            assert_true(held || r.code == CF_ERR_NO_MEMORY || r.code == CF_ERR_CRYPTO);
        }
        assert_true(round == 0 || failmalloc_live() == live);
    }
    assert_true(failed > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite),
        cmocka_unit_test(test_json_posts),
        cmocka_unit_test(test_authorizations),
        cmocka_unit_test(test_dates_in_headers),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_signed_headers),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_parse_date),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
