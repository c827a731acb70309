/* SPDX-License-Identifier: Apache-2.0 */
/* What sources answer, and every way in which it is no answer. */
#include "host/credentials/document.h"

#include "tests/support/test.h"

#define T0 UINT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

typedef cf_result parser(cf_view text, cf_creds *ret);

static void check(parser *parse, const char *text, const char *token, uint64_t expires_ms)
{
    CF_CREDS(c);
    assert_ok(parse(cf_view_str(text), &c));
    assert_view(cf_buf_view(&c.access_key_id), CF_LIT("AK"));
    assert_view(cf_buf_view(&c.secret_key), CF_LIT("s/+="));
    assert_view(cf_buf_view(&c.session_token), cf_view_str(token));
    assert_int_equal(c.expires_ms, expires_ms);
}

typedef struct {
    const char *text;
    cf_err want;
} row;

static void refuse(parser *parse, const row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        CF_CREDS(c);
        cf_result r = parse(cf_view_str(rows[i].text), &c);
        if (r.code != rows[i].want) {
            print_error("row %s\n", rows[i].text);
        }
        assert_code(r, rows[i].want);
        assert_null(c.access_key_id.data);
    }
}
#define REFUSE(parse, rows) refuse(parse, rows, sizeof rows / sizeof rows[0])

#define PAIR "\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"s/+=\""

static void test_file(void **state)
{
    (void)state;
    check(cf_creds_of_file, "{" PAIR "}\n", "", 0);
    check(cf_creds_of_file, "{\"Token\":\"t\"," PAIR "}", "t", 0);
    check(cf_creds_of_file, "{\"Token\":\"t\"," PAIR ",\"Expiration\":\"2026-01-01T00:00:00Z\"}",
          "t", T0);
    static const row rows[] = {
        {"", CF_ERR_TRUNCATED},
        {"[]", CF_ERR_WRONG_TYPE},
        {"{}", CF_ERR_MISSING},
        {"{\"AccessKeyId\":\"AK\"}", CF_ERR_MISSING},
        {"{\"SecretAccessKey\":\"s\"}", CF_ERR_MISSING},
        {"{\"AccessKeyId\":\"\",\"SecretAccessKey\":\"s\"}", CF_ERR_EMPTY},
        {"{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"\"}", CF_ERR_EMPTY},
        {"{\"AccessKeyId\":1,\"SecretAccessKey\":\"s\"}", CF_ERR_WRONG_TYPE},
        {"{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":null}", CF_ERR_WRONG_TYPE},
        {"{" PAIR ",\"Token\":null}", CF_ERR_WRONG_TYPE},
        {"{" PAIR ",\"Role\":\"None\"}", CF_ERR_UNKNOWN_MEMBER},
        {"{" PAIR ",\"AccessKeyId\":\"AK\"}", CF_ERR_DUPLICATE},
        {"{" PAIR "}x", CF_ERR_TRAILING},
        {"{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"\xff\"}", CF_ERR_UTF8},
        {"{\"AccessKeyId\":\"A\\r\\nK\",\"SecretAccessKey\":\"s\"}", CF_ERR_MALFORMED},
        {"{\"AccessKeyId\":\"A K\",\"SecretAccessKey\":\"s\"}", CF_ERR_MALFORMED},
        {"{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"\xc3\xa9\"}", CF_ERR_MALFORMED},
        {"{" PAIR ",\"Expiration\":\"2026-01-01\"}", CF_ERR_MALFORMED},
        {"{" PAIR ",\"Expiration\":\"2026-02-30T00:00:00Z\"}", CF_ERR_RANGE},
        {"{" PAIR ",\"Expiration\":\"1970-01-01T00:00:00Z\"}", CF_ERR_RANGE},
    };
    REFUSE(cf_creds_of_file, rows);
}

#define REST ",\"Token\":\"t\",\"Expiration\":\"2026-01-01T00:00:00Z\""

static void test_document(void **state)
{
    (void)state;
    check(cf_creds_of_document,
          "{\n \"Code\" : \"Success\",\n \"LastUpdated\" : \"2025-12-31T18:00:00Z\",\n "
          "\"Type\" : \"AWS-HMAC\"," PAIR REST "}",
          "t", T0);
    check(cf_creds_of_document, "{\"RoleArn\":\"arn\"," PAIR REST ",\"more\":{\"a\":[1]}}", "t",
          T0);
    check(cf_creds_of_document,
          "{" PAIR ",\"Token\":\"t\",\"Expiration\":\"2026-01-01T01:00:00.5+01:00\"}", "t",
          T0 + 500);
    static const row rows[] = {
        {"", CF_ERR_TRUNCATED},
        {"<html>", CF_ERR_MALFORMED},
        {"\"text\"", CF_ERR_WRONG_TYPE},
        {"[" PAIR "]", CF_ERR_MALFORMED},
        {"{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"no\"}", CF_ERR_NOT_PERMITTED},
        {"{\"Code\":\"success\"," PAIR REST "}", CF_ERR_NOT_PERMITTED},
        {"{\"Code\":1," PAIR REST "}", CF_ERR_WRONG_TYPE},
        {"{" PAIR "}", CF_ERR_MISSING},
        {"{" PAIR ",\"Token\":\"t\"}", CF_ERR_MISSING},
        {"{" PAIR ",\"Expiration\":\"2026-01-01T00:00:00Z\"}", CF_ERR_MISSING},
        {"{" PAIR ",\"Token\":\"\",\"Expiration\":\"2026-01-01T00:00:00Z\"}", CF_ERR_EMPTY},
        {"{\"AccessKeyId\":\"AK\"" REST "}", CF_ERR_MISSING},
        {"{" PAIR ",\"Token\":\"t\",\"Expiration\":1767225600}", CF_ERR_WRONG_TYPE},
        {"{" PAIR REST REST "}", CF_ERR_DUPLICATE},
        {"{" PAIR REST, CF_ERR_TRUNCATED},
        {"{" PAIR ",\"Token\":\"t\\u0000\",\"Expiration\":\"2026-01-01T00:00:00Z\"}",
         CF_ERR_MALFORMED},
    };
    REFUSE(cf_creds_of_document, rows);
}

#define STS_JSON(inner)                                                                            \
    "{\"AssumeRoleWithWebIdentityResponse\":{\"AssumeRoleWithWebIdentityResult\":{"                \
    "\"Audience\":\"a\",\"Credentials\":{" inner "}},\"ResponseMetadata\":{}}}"
#define STS_XML(inner)                                                                             \
    "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"    \
    "  <AssumeRoleWithWebIdentityResult>\n<Audience>a</Audience><Credentials>" inner               \
    "</Credentials>\n  </AssumeRoleWithWebIdentityResult>\n"                                       \
    "  <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\n"                            \
    "</AssumeRoleWithWebIdentityResponse>\n"
#define XML_PAIR "<AccessKeyId>AK</AccessKeyId>\n<SecretAccessKey>s/+=</SecretAccessKey>"
#define XML_REST "<SessionToken>t</SessionToken><Expiration>2026-01-01T00:00:00Z</Expiration>"

static void test_sts(void **state)
{
    (void)state;
    check(cf_creds_of_sts, STS_JSON(PAIR ",\"SessionToken\":\"t\",\"Expiration\":1767225600"), "t",
          T0);
    check(cf_creds_of_sts, STS_JSON(PAIR ",\"SessionToken\":\"t\",\"Expiration\":1.7672256E9"), "t",
          T0);
    check(cf_creds_of_sts,
          " \n" STS_JSON(PAIR ",\"SessionToken\":\"t\",\"Expiration\":\"2026-01-01T00:00:00Z\""),
          "t", T0);
    check(cf_creds_of_sts, STS_XML(XML_PAIR XML_REST), "t", T0);
    check(cf_creds_of_sts, "<?xml version='1.0' encoding=\"utf-8\"?>\n" STS_XML(XML_PAIR XML_REST),
          "t", T0);
    check(cf_creds_of_sts, STS_XML("<Other a='>'/>" XML_PAIR "<x/>" XML_REST), "t", T0);
    static const row rows[] = {
        {"", CF_ERR_TRUNCATED},
        {"x", CF_ERR_MALFORMED},
        {"{}", CF_ERR_MISSING},
        {STS_JSON(PAIR ",\"SessionToken\":\"t\""), CF_ERR_MISSING},
        {STS_JSON(PAIR ",\"SessionToken\":\"t\",\"Expiration\":0"), CF_ERR_RANGE},
        {STS_JSON(PAIR ",\"SessionToken\":\"t\",\"Expiration\":-1e300"), CF_ERR_RANGE},
        {STS_JSON(PAIR ",\"SessionToken\":\"t\",\"Expiration\":1e300"), CF_ERR_RANGE},
        {STS_JSON(PAIR ",\"SessionToken\":\"t\",\"Expiration\":true"), CF_ERR_WRONG_TYPE},
        {STS_JSON(PAIR ",\"Expiration\":1767225600"), CF_ERR_MISSING},
        {STS_JSON(PAIR ",\"SessionToken\":\"\",\"Expiration\":1767225600"), CF_ERR_EMPTY},
        {STS_XML(XML_PAIR), CF_ERR_MISSING},
        {STS_XML(XML_PAIR XML_REST XML_REST), CF_ERR_DUPLICATE},
        {STS_XML("<a>" XML_PAIR XML_REST "</a>"), CF_ERR_MISSING},
        {STS_XML(XML_PAIR XML_REST "<!-- c -->"), CF_ERR_UNSUPPORTED},
        {STS_XML("<![CDATA[x]]>" XML_PAIR XML_REST), CF_ERR_UNSUPPORTED},
        {STS_XML("&amp;" XML_PAIR XML_REST), CF_ERR_UNSUPPORTED},
        {"<!DOCTYPE a [<!ENTITY b \"c\">]>" STS_XML(XML_PAIR XML_REST), CF_ERR_UNSUPPORTED},
        {STS_XML(XML_PAIR XML_REST) "<b/>", CF_ERR_TRAILING},
        {STS_XML(XML_PAIR XML_REST) "b", CF_ERR_MALFORMED},
        {STS_XML(XML_PAIR "</x>" XML_REST), CF_ERR_MALFORMED},
        {"</a>", CF_ERR_MALFORMED},
        {"<a", CF_ERR_TRUNCATED},
        {"<", CF_ERR_TRUNCATED},
        {"<a>", CF_ERR_TRUNCATED},
        {"<a b='>", CF_ERR_TRUNCATED},
        {"<a<b>", CF_ERR_MALFORMED},
        {"<>", CF_ERR_MALFORMED},
        {"<a></ a>", CF_ERR_MALFORMED},
        {"<?xml version='1.0'>", CF_ERR_MALFORMED},
        {"<a/>", CF_ERR_MISSING},
        {"<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
         "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
         CF_ERR_MISSING},
    };
    REFUSE(cf_creds_of_sts, rows);
}

static void test_sts_errors(void **state)
{
    (void)state;
    assert_true(cf_creds_sts_passes(CF_LIT("{\"Error\":{\"Code\":\"IDPCommunicationError\"}}")));
    assert_true(cf_creds_sts_passes(CF_LIT("{\"Error\":{\"Code\":\"InvalidIdentityToken\"}}")));
    assert_true(cf_creds_sts_passes(
        CF_LIT("<ErrorResponse><Error><Type>Sender</Type><Code>IDPCommunicationError</Code>"
               "</Error></ErrorResponse>")));
    static const char *const others[] = {"",
                                         "{",
                                         "{}",
                                         "<a/>",
                                         "{\"Error\":{\"Code\":\"AccessDenied\"}}",
                                         "{\"Error\":{\"Code\":\"ExpiredTokenException\"}}",
                                         "{\"Code\":\"IDPCommunicationError\"}",
                                         "<Code>IDPCommunicationError</Code>",
                                         "<a><Code>IDPCommunicationError</Code></a>"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(cf_creds_sts_passes(cf_view_str(others[i])));
    }
}

static void test_depth(void **state)
{
    (void)state;
    CF_CREDS(c);
    for (size_t depth = CF_CREDS_XML_DEPTH_MAX - 1; depth <= CF_CREDS_XML_DEPTH_MAX + 1; depth++) {
        CF_BUF(text);
        for (size_t i = 0; i < 2 * depth; i++) {
            assert_ok(cf_buf_append(&text, i < depth ? CF_LIT("<a>") : CF_LIT("</a>")));
        }
        assert_code(cf_creds_of_sts(cf_buf_view(&text), &c),
                    depth > CF_CREDS_XML_DEPTH_MAX ? CF_ERR_DEPTH : CF_ERR_MISSING);
    }
}

/* One text of a length around its limit. */
static cf_result with_length(size_t which, size_t len)
{
    CF_CREDS(c);
    uint8_t *octets = malloc(len);
    memset(octets, 'x', len);
    cf_view v[3] = {CF_LIT("v"), CF_LIT("v"), CF_LIT("v")};
    v[which] = cf_view_make(octets, len);
    cf_result r = cf_creds_set(&c, v[0], v[1], v[2], 1);
    CF_BUF(body);
    if (cf_is_ok(r)) {
        assert_ok(cf_creds_put(&c, &body));
    }
    free(octets);
    return r;
}

static cf_result padded(parser *parse, const char *text, size_t len)
{
    CF_CREDS(c);
    CF_BUF(all);
    assert_ok(cf_buf_append(&all, cf_view_str(text)));
    while (all.len < len) {
        assert_ok(cf_buf_append(&all, CF_LIT(" ")));
    }
    return parse(cf_buf_view(&all), &c);
}

static void test_lengths(void **state)
{
    (void)state;
    static const size_t max[] = {CF_ACCESS_KEY_ID_BYTES_MAX, CF_SECRET_KEY_BYTES_MAX,
                                 CF_SESSION_TOKEN_BYTES_MAX};
    for (size_t i = 0; i < 3; i++) {
        assert_ok(with_length(i, max[i] - 1));
        assert_ok(with_length(i, max[i]));
        assert_err(with_length(i, max[i] + 1), SIZE);
    }
    static const struct {
        parser *parse;
        const char *text;
        size_t max;
    } rows[] = {
        {cf_creds_of_file, "{" PAIR "}", CF_CREDS_FILE_BYTES_MAX},
        {cf_creds_of_document, "{" PAIR REST "}", CF_CREDS_ANSWER_BYTES_MAX},
        {cf_creds_of_sts, STS_XML(XML_PAIR XML_REST), CF_CREDS_ANSWER_BYTES_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_ok(padded(rows[i].parse, rows[i].text, rows[i].max - 1));
        assert_ok(padded(rows[i].parse, rows[i].text, rows[i].max));
        assert_err(padded(rows[i].parse, rows[i].text, rows[i].max + 1), SIZE);
    }
}

static void test_same(void **state)
{
    (void)state;
    CF_CREDS(a);
    CF_CREDS(b);
    assert_true(cf_creds_same(&a, &b));
    assert_ok(cf_creds_set(&a, CF_LIT("AK"), CF_LIT("s"), CF_LIT("t"), 5));
    static const char *const parts[][3] = {
        {"AX", "s", "t"}, {"AK", "x", "t"}, {"AK", "s", "x"}, {"AK", "s", ""}};
    for (size_t i = 0; i < 4; i++) {
        assert_ok(cf_creds_set(&b, cf_view_str(parts[i][0]), cf_view_str(parts[i][1]),
                               cf_view_str(parts[i][2]), 5));
        assert_false(cf_creds_same(&a, &b));
    }
    assert_ok(cf_creds_set(&b, CF_LIT("AK"), CF_LIT("s"), CF_LIT("t"), 6));
    assert_false(cf_creds_same(&a, &b));
    assert_ok(cf_creds_set(&b, CF_LIT("AK"), CF_LIT("s"), CF_LIT("t"), 5));
    assert_true(cf_creds_same(&a, &b));
    /* A set that is refused leaves what was there. */
    assert_err(cf_creds_set(&b, CF_LIT(""), CF_LIT("s"), CF_LIT("t"), 5), EMPTY);
    assert_true(cf_creds_same(&a, &b));
}

static void test_names(void **state)
{
    (void)state;
    cf_creds_source s;
    for (cf_creds_source i = 0; i < CF_CREDS_FROM_FILE; i++) {
        assert_true(cf_creds_source_of(cf_view_str(cf_creds_source_name(i)), &s));
        assert_int_equal(s, i);
    }
    assert_false(cf_creds_source_of(CF_LIT("file"), &s)); /* needs a path */
    assert_false(cf_creds_source_of(CF_LIT("none"), &s));
    assert_string_equal(cf_creds_source_name(CF_CREDS_SOURCE_COUNT), "none");
    for (cf_creds_fault i = CF_CREDS_ABSENT; i < CF_CREDS_FAULT_COUNT; i++) {
        assert_memory_equal(cf_creds_fault_code(i), "credentials_", 12);
        assert_true(strlen(cf_creds_fault_text(i)) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),  cmocka_unit_test(test_document),
        cmocka_unit_test(test_sts),   cmocka_unit_test(test_sts_errors),
        cmocka_unit_test(test_depth), cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_same),  cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("host/credentials/document", tests, NULL, NULL);
}
