/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON form of a decrypt request and of its answer: the sample's, ours, and every refusal. */
#include "host/agent/json.h"

#include <jansson.h>

#include "core/codec/base64.h"
#include "tests/support/test.h"

/* A request in pieces, so that a row can replace one of them. */
#define VAULT "\"vault_id\":\"v_2hRK9u2DOzmAPMhdVNt9qlJ3UvL\""
#define SUITE "\"suite_id\":\"SFBLRQARAAIAAg==\""
#define KEY "\"encrypted_private_key\":\"AAECAwQ=\""
#define FIELDS "\"fields\":{\"first_name\":\"" CT "\"}"
#define TENANT "\"tenant\":\"acme\",\"schema\":\"person\",\"key_id\":\"k1\""
#define WRITES                                                                                     \
    "\"writes\":[{\"id\":\"AAECAwQFBgcICQoLDA0ODw==\",\"version\":3,\"enc\":\"" ENC97 "\"}]"
#define FIELD3 "\"fields\":{\"email\":{\"write\":0,\"seq\":2,\"ct\":\"AAECAwQFBgcICQoLDA0ODxAR\"}}"
#define ENC                                                                                        \
    "BM6/"                                                                                         \
    "42Z9szBXd3dPFKftTybOkLLWiTWjD5sIbckV5u3iPm393nqvNNw0zZZMdvlLyRupnts3BygYYsmQxUeC6s6MaHdw1y1M" \
    "cU1O3SOeAQ+s+3w9"                                                                             \
    "XBaLFNkEAZQFlSn1"
#define ENC97 ENC "5g=="
#define CT ENC "5oDBBEGuVUQndbxdGwuEZeqqozs="
#define HEX                                                                                        \
    "04cebfe3667db3305777774f14a7ed4f26ce90b2d68935a30f9b086dc915e6ede23e6dfdde7aaf34dc34cd964c76" \
    "f94bc91ba99edb3707281862c990c54782ea"                                                         \
    "ce8c687770d72d4c714d4edd239e010facfb7c3d5c168b14d9040194059529f5e6#"                          \
    "80c10441ae55442775bc5d1b0b8465eaaaa33b"

static cf_buf body;
static cf_arena arena = {.max = (size_t)4 << 20};

static int cleanup(void **state)
{
    (void)state;
    cf_arena_free(&arena);
    cf_buf_free(&body);
    return 0;
}

/* The request as the enclave will read it. */
static cf_decrypt translated(const char *json, const char *key_id)
{
    cf_decrypt m;
    cf_buf_free(&body);
    assert_ok(cf_agent_json_read(cf_view_str(json), cf_view_str(key_id), 1234, &body));
    assert_ok(cf_decrypt_decode(cf_buf_view(&body), &arena, &m));
    assert_int_equal(m.deadline_ms, 1234);
    return m;
}

static void test_sample_request(void **state)
{
    (void)state;
    cf_decrypt m =
        translated("{" VAULT ",\"region\":\"us-east-1\"," FIELDS "," SUITE "," KEY "}", "");
    assert_view(m.vault_id, CF_LIT("v_2hRK9u2DOzmAPMhdVNt9qlJ3UvL"));
    assert_int_equal(m.tenant.len + m.schema.len + m.kms_key.len + m.writes_n, 0);
    assert_view(m.wrapped_key, CF_VIEW_OF(((uint8_t[]){0, 1, 2, 3, 4})));
    assert_int_equal(m.fields_n, 1);
    assert_view(m.fields[0].name, CF_LIT("first_name"));
    assert_int_equal(m.fields[0].encoding, CF_ENC_BINARY);
    assert_int_equal(m.fields[0].value.len, 97 + 3 + 16);
    m = translated("{" VAULT ",\"encoding\":\"2\",\"expressions\":{}," FIELDS "," SUITE "," KEY "}",
                   "default-key");
    assert_int_equal(m.fields[0].encoding, CF_ENC_BINARY);
    assert_view(m.kms_key, CF_LIT("default-key"));
    m = translated("{" VAULT
                   ",\"encoding\":\"1\",\"expressions\":null,\"fields\":{\"first_name\":\"" HEX
                   "\"}," SUITE "," KEY "}",
                   "");
    assert_int_equal(m.fields[0].encoding, CF_ENC_HEX);
    assert_view(m.fields[0].value, CF_LIT(HEX));
    /* null stands for what may be left out. */
    m = translated(
        "{" VAULT
        ",\"encoding\":null,\"tenant\":null,\"schema\":null,\"key_id\":null,\"writes\":null," FIELDS
        "," SUITE "," KEY "}",
        "");
    assert_int_equal(m.fields[0].encoding, CF_ENC_BINARY);
}

static void test_our_request(void **state)
{
    (void)state;
    cf_decrypt m =
        translated("{" VAULT "," TENANT "," WRITES "," FIELD3 "," SUITE "," KEY "}", "other-key");
    assert_view(m.tenant, CF_LIT("acme"));
    assert_view(m.schema, CF_LIT("person"));
    assert_view(m.kms_key, CF_LIT("k1"));
    assert_int_equal(m.writes_n, 1);
    assert_int_equal(m.writes[0].version, 3);
    assert_int_equal(m.writes[0].enc.len, 97);
    assert_int_equal(m.writes[0].id.data[15], 15);
    assert_int_equal(m.fields[0].encoding, CF_ENC_WRITE);
    assert_int_equal(m.fields[0].write, 0);
    assert_int_equal(m.fields[0].seq, 2);
    assert_int_equal(m.fields[0].value.len, 18);
    /* Both kinds in one request, in the order asked. */
    m = translated("{" VAULT "," TENANT "," WRITES ",\"fields\":{\"b\":\"" CT
                   "\",\"a\":{\"write\":0,\"seq\":0,\"ct\":\"AAECAwQFBgcICQoLDA0ODxAR\"}}," SUITE
                   "," KEY "}",
                   "");
    assert_int_equal(m.fields_n, 2);
    assert_view(m.fields[0].name, CF_LIT("b"));
    assert_view(m.fields[1].name, CF_LIT("a"));
}

static void test_regions(void **state)
{
    (void)state;
    static const struct {
        const char *region;
        bool ok;
    } rows[] = {
        {"eu-central-1", true}, {"eusc-de-east-1", true}, {"us-gov-west-1", true}, {"x", true},
        {"EU-1", false},        {"eu_1", false},          {"a b", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char json[1024];
        CF_BUF(out);
        snprintf(json, sizeof json, "{%s,\"region\":\"%s\",%s,%s,%s}", VAULT, rows[i].region,
                 FIELDS, SUITE, KEY);
        assert_code(cf_agent_json_read(cf_view_str(json), CF_VIEW_EMPTY, 1, &out),
                    rows[i].ok ? CF_OK : CF_ERR_BAD_VALUE);
    }
}

typedef struct {
    const char *json;
    cf_err want;
} refusal;

static void refuse_all(const refusal *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        CF_BUF(out);
        cf_result r = cf_agent_json_read(cf_view_str(rows[i].json), CF_VIEW_EMPTY, 1234, &out);
        if (r.code != rows[i].want) {
            print_error("row %zu: %s\n", i, rows[i].json);
        }
        assert_code(r, rows[i].want);
        assert_int_equal(out.len, 0);
    }
}

static void test_refusals_of_expressions(void **state)
{
    (void)state;
    static const refusal rows[] = {
        {"{" VAULT ",\"expressions\":[]," FIELDS "," SUITE "," KEY "}", CF_ERR_WRONG_TYPE},
        {"{" VAULT ",\"expressions\":{\"a\":1}," FIELDS "," SUITE "," KEY "}", CF_ERR_WRONG_TYPE},
        {"{" VAULT ",\"expressions\":{\"a\":\"\"}," FIELDS "," SUITE "," KEY "}", CF_ERR_EMPTY},
        {"{" VAULT ",\"expressions\":{\"A\":\"1\"}," FIELDS "," SUITE "," KEY "}", CF_ERR_BAD_NAME},
        {"{" VAULT ",\"expressions\":{\"id\":\"1\"}," FIELDS "," SUITE "," KEY "}",
         CF_ERR_RESERVED_FIELD},
        {"{" VAULT ",\"expressions\":{\"a\":\"1\",\"a\":\"2\"}," FIELDS "," SUITE "," KEY "}",
         CF_ERR_DUPLICATE},
        {"{" VAULT ",\"results_only\":true," FIELDS "," SUITE "," KEY "}", CF_ERR_MISSING},
        {"{" VAULT ",\"results_only\":1," FIELDS "," SUITE "," KEY "}", CF_ERR_WRONG_TYPE},
        {"{" VAULT ",\"results_only\":true,\"expressions\":{}," FIELDS "," SUITE "," KEY "}",
         CF_ERR_MISSING},
        {"{" VAULT ",\"secrets\":[]," FIELDS "," SUITE "," KEY "}", CF_ERR_WRONG_TYPE},
        {"{" VAULT ",\"secrets\":{\"s\":{\"key_id\":\"k\",\"wrapped\":\"AAEC\"}}," FIELDS "," SUITE
         "," KEY "}",
         CF_ERR_MALFORMED}, /* and no expressions */
        {"{" VAULT ",\"expressions\":{\"a\":\"1\"},\"secrets\":{\"s\":{\"key_id\":\"k\"}}," FIELDS
         "," SUITE "," KEY "}",
         CF_ERR_MISSING},
        {"{" VAULT
         ",\"expressions\":{\"a\":\"1\"},\"secrets\":{\"S\":{\"key_id\":\"k\",\"wrapped\":"
         "\"AAEC\"}}," FIELDS "," SUITE "," KEY "}",
         CF_ERR_BAD_NAME},
    };
    refuse_all(rows, sizeof rows / sizeof rows[0]);
}

static void test_refusals(void **state)
{
    (void)state;
    static const refusal rows[] = {
        {"", CF_ERR_TRUNCATED},
        {"[]", CF_ERR_WRONG_TYPE},
        {"{}", CF_ERR_MISSING},
        {"{" VAULT "," FIELDS "," SUITE "," KEY "}x", CF_ERR_TRAILING},
        {"{" VAULT "," VAULT "," FIELDS "," SUITE "," KEY "}", CF_ERR_DUPLICATE},
        {"{" VAULT "," FIELDS "," SUITE "," KEY ",\"more\":1}", CF_ERR_UNKNOWN_MEMBER},
        {"{" VAULT "," FIELDS "," SUITE "," KEY ",\"Fields\":{}}", CF_ERR_UNKNOWN_MEMBER},
        {"{" FIELDS "," SUITE "," KEY "}", CF_ERR_MISSING},
        {"{" VAULT "," SUITE "," KEY "}", CF_ERR_MISSING},
        {"{" VAULT "," FIELDS "," KEY "}", CF_ERR_MISSING},
        {"{" VAULT "," FIELDS "," SUITE "}", CF_ERR_MISSING},
        {"{\"vault_id\":\"\"," FIELDS "," SUITE "," KEY "}", CF_ERR_EMPTY},
        {"{\"vault_id\":null," FIELDS "," SUITE "," KEY "}", CF_ERR_WRONG_TYPE},
        {"{\"vault_id\":7," FIELDS "," SUITE "," KEY "}", CF_ERR_WRONG_TYPE},
        {"{" VAULT ",\"region\":\"\"," FIELDS "," SUITE "," KEY "}", CF_ERR_EMPTY},
        {"{" VAULT ",\"region\":5," FIELDS "," SUITE "," KEY "}", CF_ERR_WRONG_TYPE},
        {"{" VAULT ",\"fields\":{}," SUITE "," KEY "}", CF_ERR_EMPTY},
        {"{" VAULT ",\"fields\":[]," SUITE "," KEY "}", CF_ERR_WRONG_TYPE},
        {"{" VAULT ",\"fields\":{\"a\":null}," SUITE "," KEY "}", CF_ERR_WRONG_TYPE},
        {"{" VAULT ",\"fields\":{\"a\":true}," SUITE "," KEY "}", CF_ERR_WRONG_TYPE},
        {"{" VAULT ",\"fields\":{\"a\":[\"" CT "\"]}," SUITE "," KEY "}", CF_ERR_WRONG_TYPE},
        {"{" VAULT ",\"fields\":{\"a\":\"%%%\"}," SUITE "," KEY "}", CF_ERR_MALFORMED},
        {"{" VAULT ",\"fields\":{\"a\":\"AAEC\"}," SUITE "," KEY "}", CF_ERR_ARGUMENT},
        {"{" VAULT ",\"fields\":{\"a\":\"" CT "\",\"a\":\"" CT "\"}," SUITE "," KEY "}",
         CF_ERR_DUPLICATE},
        {"{" VAULT ",\"fields\":{\"First_Name\":\"" CT "\"}," SUITE "," KEY "}", CF_ERR_BAD_NAME},
        {"{" VAULT ",\"fields\":{\"\":\"" CT "\"}," SUITE "," KEY "}", CF_ERR_BAD_NAME},
        {"{" VAULT ",\"fields\":{\"_sk\":\"" CT "\"}," SUITE "," KEY "}", CF_ERR_RESERVED_FIELD},
        {"{" VAULT ",\"fields\":{\"pk\":\"" CT "\"}," SUITE "," KEY "}", CF_ERR_RESERVED_FIELD},
        {"{" VAULT "," FIELDS ",\"suite_id\":\"%\"," KEY "}", CF_ERR_MALFORMED},
        {"{" VAULT "," FIELDS ",\"suite_id\":\"SFBLRQ==\"," KEY "}", CF_ERR_MALFORMED},
        {"{" VAULT "," FIELDS ",\"suite_id\":\"SFBLRf//AAIAAg==\"," KEY "}", CF_ERR_UNSUPPORTED},
        {"{" VAULT "," FIELDS ",\"suite_id\":1," KEY "}", CF_ERR_WRONG_TYPE},
        {"{" VAULT "," FIELDS "," SUITE ",\"encrypted_private_key\":\"\"}", CF_ERR_EMPTY},
        {"{" VAULT "," FIELDS "," SUITE ",\"encrypted_private_key\":\"A\"}", CF_ERR_MALFORMED},
        {"{" VAULT "," FIELDS "," SUITE ",\"encrypted_private_key\":{}}", CF_ERR_WRONG_TYPE},
        {"{" VAULT ",\"encoding\":\"3\"," FIELDS "," SUITE "," KEY "}", CF_ERR_RANGE},
        {"{" VAULT ",\"encoding\":\"\"," FIELDS "," SUITE "," KEY "}", CF_ERR_RANGE},
        {"{" VAULT ",\"encoding\":2," FIELDS "," SUITE "," KEY "}", CF_ERR_WRONG_TYPE},
        {"{" VAULT ",\"tenant\":\"Acme\",\"key_id\":\"k\"," FIELDS "," SUITE "," KEY "}",
         CF_ERR_BAD_NAME},
        {"{" VAULT ",\"tenant\":\"acme\"," FIELDS "," SUITE "," KEY "}", CF_ERR_MISSING},
        {"{" VAULT ",\"tenant\":1," FIELDS "," SUITE "," KEY "}", CF_ERR_WRONG_TYPE},
        {"{" VAULT "," FIELD3 "," WRITES "," SUITE "," KEY "}", CF_ERR_MISSING},
        {"{" VAULT "," TENANT "," FIELD3 "," SUITE "," KEY "}", CF_ERR_MALFORMED},
        {"{" VAULT "," TENANT "," WRITES "," FIELDS "," SUITE "," KEY "}", CF_ERR_MALFORMED},
        {"{" VAULT "," TENANT ",\"writes\":{}," FIELD3 "," SUITE "," KEY "}", CF_ERR_WRONG_TYPE},
        {"{" VAULT "," TENANT ",\"writes\":[1]," FIELD3 "," SUITE "," KEY "}", CF_ERR_WRONG_TYPE},
        {"{" VAULT "," TENANT ",\"writes\":[{\"id\":\"AA==\",\"version\":3,\"enc\":\"" ENC97
         "\"}]," FIELD3 "," SUITE "," KEY "}",
         CF_ERR_ARGUMENT},
        {"{" VAULT "," TENANT ",\"writes\":[{\"version\":3,\"enc\":\"" ENC97 "\"}]," FIELD3
         "," SUITE "," KEY "}",
         CF_ERR_MISSING},
        {"{" VAULT "," TENANT
         ",\"writes\":[{\"id\":\"AAECAwQFBgcICQoLDA0ODw==\",\"version\":-1,\"enc\":\"" ENC97
         "\"}]," FIELD3 "," SUITE "," KEY "}",
         CF_ERR_RANGE},
        {"{" VAULT "," TENANT
         ",\"writes\":[{\"id\":\"AAECAwQFBgcICQoLDA0ODw==\",\"version\":3,\"enc\":\"" ENC97
         "\",\"x\":1}]," FIELD3 "," SUITE "," KEY "}",
         CF_ERR_UNKNOWN_MEMBER},
        {"{" VAULT "," TENANT "," WRITES ",\"fields\":{\"email\":{\"write\":1,\"seq\":2,\"ct\":"
         "\"AAECAwQFBgcICQoLDA0ODxAR\"}}," SUITE "," KEY "}",
         CF_ERR_MALFORMED},
        {"{" VAULT "," TENANT "," WRITES
         ",\"fields\":{\"email\":{\"write\":4294967296,\"seq\":2,\"ct\":\"AA==\"}}," SUITE "," KEY
         "}",
         CF_ERR_RANGE},
        {"{" VAULT "," TENANT "," WRITES
         ",\"fields\":{\"email\":{\"write\":0,\"seq\":-2,\"ct\":\"AA==\"}}," SUITE "," KEY "}",
         CF_ERR_RANGE},
        {"{" VAULT "," TENANT "," WRITES ",\"fields\":{\"email\":{\"write\":0,\"seq\":2}}," SUITE
         "," KEY "}",
         CF_ERR_MISSING},
        {"{" VAULT "," TENANT "," WRITES
         ",\"fields\":{\"email\":{\"write\":0.5,\"seq\":2,\"ct\":\"AA==\"}}," SUITE "," KEY "}",
         CF_ERR_WRONG_TYPE},
        {"{" VAULT "," TENANT "," WRITES
         ",\"fields\":{\"email\":{\"write\":0,\"seq\":2,\"ct\":\"AA==\",\"x\":0}}," SUITE "," KEY
         "}",
         CF_ERR_UNKNOWN_MEMBER},
        {"{" VAULT ",\"fields\":{\"\xff\":\"" CT "\"}," SUITE "," KEY "}", CF_ERR_UTF8},
        {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", CF_ERR_DEPTH},
    };
    refuse_all(rows, sizeof rows / sizeof rows[0]);
}

/* Expressions in their order, fields that they take the place of behind those that are answered, fields without a value. */
static void test_expressions(void **state)
{
    (void)state;
    CF_BUF(out);
    CF_ARENA(room, (size_t)1 << 20);
    cf_decrypt m;
    static const char json[] =
        "{" VAULT ",\"expressions\":{\"zeta\":\"size(b)\",\"a\":\"a + 'x'\",\"mid\":\"c == null\"},"
        "\"fields\":{\"a\":\"" CT "\",\"b\":\"" CT "\",\"c\":null},"
        "\"secrets\":{\"s-1\":{\"key_id\":\"k\",\"wrapped\":\"AAEC\"}}," SUITE "," KEY "}";
    assert_ok(cf_agent_json_read(cf_view_str(json), CF_VIEW_EMPTY, 1234, &out));
    assert_ok(cf_decrypt_decode(cf_buf_view(&out), &room, &m));
    assert_int_equal(m.expressions_n, 3);
    assert_view(m.expressions[0].name, CF_LIT("zeta"));
    assert_view(m.expressions[1].name, CF_LIT("a"));
    assert_view(m.expressions[1].source, CF_LIT("a + 'x'"));
    assert_view(m.expressions[2].name, CF_LIT("mid"));
    assert_int_equal(m.fields_n, 2);
    assert_int_equal(m.silent_n, 1);
    assert_view(m.fields[0].name, CF_LIT("b"));
    assert_view(m.fields[1].name, CF_LIT("a"));
    assert_int_equal(m.unset_n, 1);
    assert_view(m.unset[0], CF_LIT("c"));
    assert_int_equal(m.secrets_n, 1);
    assert_view(m.secrets[0].kms_key, CF_LIT("k"));
    cf_buf_clear(&out);
    static const char only[] =
        "{" VAULT ",\"results_only\":true,\"expressions\":{\"e\":\"1\"}," FIELDS "," SUITE "," KEY
        "}";
    assert_ok(cf_agent_json_read(cf_view_str(only), CF_VIEW_EMPTY, 1234, &out));
    assert_ok(cf_decrypt_decode(cf_buf_view(&out), &room, &m));
    assert_int_equal(m.silent_n, m.fields_n);
    cf_buf_clear(&out);
    static const char none[] =
        "{" VAULT ",\"expressions\":{\"e\":\"1\"},\"fields\":{}," SUITE "," KEY "}";
    assert_ok(cf_agent_json_read(cf_view_str(none), CF_VIEW_EMPTY, 1234, &out));
}

/* A request with this many expressions. */
static cf_result with_expressions(size_t n)
{
    CF_BUF(json);
    CF_BUF(out);
    char one[32];
    assert_ok(
        cf_buf_append(&json, CF_LIT("{" VAULT "," SUITE "," KEY "," FIELDS ",\"expressions\":{")));
    for (size_t i = 0; i < n; i++) {
        snprintf(one, sizeof one, "%s\"e%zu\":\"1\"", i == 0 ? "" : ",", i);
        assert_ok(cf_buf_append(&json, cf_view_str(one)));
    }
    assert_ok(cf_buf_append(&json, CF_LIT("}}")));
    return cf_agent_json_read(cf_buf_view(&json), CF_VIEW_EMPTY, 1, &out);
}

/* A request with this many fields. */
static cf_result with_fields(size_t n)
{
    CF_BUF(json);
    CF_BUF(out);
    char name[32];
    assert_ok(cf_buf_append(&json, CF_LIT("{" VAULT "," SUITE "," KEY ",\"fields\":{")));
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%s\"f%zu\":\"", i == 0 ? "" : ",", i);
        assert_ok(cf_buf_append(&json, cf_view_str(name)));
        assert_ok(cf_buf_append(&json, CF_LIT(CT "\"")));
    }
    assert_ok(cf_buf_append(&json, CF_LIT("}}")));
    return cf_agent_json_read(cf_buf_view(&json), CF_VIEW_EMPTY, 1, &out);
}

/* A text member of this many octets. */
static cf_result with_text(const char *name, size_t len)
{
    static char json[8192];
    CF_BUF(out);
    int n = snprintf(json, sizeof json, "{%s,%s,%s,%s,\"%s\":\"%0*d\"}",
                     strcmp(name, "vault_id") == 0 ? "\"encoding\":\"2\"" : VAULT, SUITE, KEY,
                     FIELDS, name, (int)len, 0);
    assert_true(n > 0 && (size_t)n < sizeof json);
    return cf_agent_json_read(cf_view_str(json), CF_VIEW_EMPTY, 1, &out);
}

static void test_limits(void **state)
{
    (void)state;
    assert_ok(with_fields(CF_REQUEST_FIELDS_MAX - 1));
    assert_ok(with_fields(CF_REQUEST_FIELDS_MAX));
    assert_err(with_fields(CF_REQUEST_FIELDS_MAX + 1), SIZE);
    assert_ok(with_expressions(CF_REQUEST_EXPRESSIONS_MAX - 1));
    assert_ok(with_expressions(CF_REQUEST_EXPRESSIONS_MAX));
    assert_err(with_expressions(CF_REQUEST_EXPRESSIONS_MAX + 1), SIZE);
    assert_ok(with_text("vault_id", CF_WIRE_VAULT_ID_BYTES_MAX - 1));
    assert_ok(with_text("vault_id", CF_WIRE_VAULT_ID_BYTES_MAX));
    assert_err(with_text("vault_id", CF_WIRE_VAULT_ID_BYTES_MAX + 1), SIZE);
    assert_ok(with_text("region", 63));
    assert_ok(with_text("region", 64));
    assert_err(with_text("region", 65), SIZE);
    assert_ok(with_text("key_id", CF_KMS_KEY_ID_BYTES_MAX));
    assert_err(with_text("key_id", CF_KMS_KEY_ID_BYTES_MAX + 1), SIZE);
    CF_BUF(json);
    CF_BUF(out);
    assert_ok(cf_buf_append(&json, CF_LIT("{" VAULT "," FIELDS "," SUITE "," KEY "}")));
    for (int over = -1; over <= 1; over++) {
        size_t len = (size_t)((int)CF_AGENT_JSON_BYTES_MAX + over);
        assert_ok(cf_buf_reserve(&json, len - json.len));
        memset(json.data + json.len, ' ', len - json.len);
        json.len = len;
        assert_code(cf_agent_json_read(cf_buf_view(&json), CF_VIEW_EMPTY, 1, &out),
                    over > 0 ? CF_ERR_SIZE : CF_OK);
    }
}

static void assert_answer(const cf_field_result *results, size_t n, const char *want)
{
    CF_BUF(wire);
    CF_BUF(out);
    assert_ok(cf_results_encode(results, n, &wire));
    assert_ok(cf_agent_json_answer(cf_buf_view(&wire), &out));
    assert_view(cf_buf_view(&out), cf_view_str(want));
    json_t *j = json_loadb((const char *)out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(j);
    json_decref(j);
}

static void test_answers(void **state)
{
    (void)state;
    const cf_field_result all[] = {
        {CF_LIT("first_name"), CF_LIT("Bob"), CF_OK},
        {CF_LIT("note"), CF_LIT("\"quoted\"\n\xe2\x82\xac\\"), CF_OK},
        {CF_LIT("ssn9"), CF_VIEW_EMPTY, CF_ERR_OPEN},
        {CF_LIT("empty"), CF_LIT(""), CF_OK},
        {CF_LIT("photo"), CF_LIT("\xff\xd8"), CF_OK},
    };
    assert_answer(all, 5,
                  "{\"fields\":{\"first_name\":\"Bob\",\"note\":"
                  "\"\\\"quoted\\\"\\n\xe2\x82\xac\\\\\",\"empty\":\"\"},"
                  "\"errors\":[{\"field\":\"ssn9\",\"code\":\"open_failed\"},{\"field\":\"photo\","
                  "\"code\":\"not_utf8\"}]}");
    assert_answer(&all[2], 1,
                  "{\"fields\":{},\"errors\":[{\"field\":\"ssn9\",\"code\":\"open_failed\"}]}");
    CF_BUF(out);
    assert_err(cf_agent_json_answer(CF_LIT("\xa1\x01"), &out), TRUNCATED);
    assert_err(cf_agent_json_answer(CF_LIT("\xa0"), &out), MISSING);
}

static void test_answers_of_expressions(void **state)
{
    (void)state;
    const cf_field_result fields[] = {{CF_LIT("city"), CF_LIT("Oslo"), CF_OK},
                                      {CF_LIT("ssn9"), CF_VIEW_EMPTY, CF_ERR_OPEN}};
    const cf_expression_result results[] = {{CF_LIT("age"), CF_LIT("36"), CF_OK, 0},
                                            {CF_LIT("bad"), CF_VIEW_EMPTY, CF_ERR_CEL_SYNTAX, 17},
                                            {CF_LIT("all"), CF_LIT("{\"a\":[true]}"), CF_OK, 0}};
    const cf_answer a = {.fields = fields,
                         .fields_n = 2,
                         .evaluated = true,
                         .expressions = results,
                         .expressions_n = 3};
    CF_BUF(wire);
    CF_BUF(out);
    assert_ok(cf_answer_encode(&a, &wire));
    assert_ok(cf_agent_json_answer(cf_buf_view(&wire), &out));
    assert_view(cf_buf_view(&out),
                CF_LIT("{\"fields\":{\"city\":\"Oslo\",\"age\":36,\"all\":{\"a\":[true]}},"
                       "\"errors\":[{\"field\":\"ssn9\",\"code\":\"open_failed\"},"
                       "{\"field\":\"bad\",\"code\":\"cel_syntax\",\"offset\":17}]}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_sample_request, cleanup),
        cmocka_unit_test_teardown(test_our_request, cleanup),
        cmocka_unit_test(test_regions),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refusals_of_expressions),
        cmocka_unit_test(test_expressions),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_answers_of_expressions),
    };
    return cmocka_run_group_tests_name("host/agent/json", tests, NULL, NULL);
}
