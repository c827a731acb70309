/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions in POST decrypt, and secrets: what is refused, what is answered, what is entered, and what the enclave is not believed. */
#include "host/api/expressions.h"
#include "tests/unit/host/api/world.h"

#define ADA                                                                                        \
    "{\"first_name\":\"Ada\",\"last_name\":\"Lovelace\",\"dob\":\"1990-12-10\",\"ssn9\":"          \
    "\"123456789\","                                                                               \
    "\"email\":\"ada@example.org\"}"

static int setup(void **state)
{
    static world w;
    world_open(&w);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    return 0;
}

static void decrypt(world *w, const char *id, const char *body, world_answer *ret)
{
    world_do(w, "POST", world_path(id, "/decrypt"), body, ret);
}

static void assert_body(const world_answer *a, const char *want)
{
    assert_int_equal(a->status, 200);
    assert_view(cf_buf_view(&a->body), cf_view_str(want));
}

#define AT ",\"evaluated_ms\":1767225600123}"

static void test_values(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    world_vault(w, ADA, id);
    static const struct {
        const char *body, *want, *fields;
        unsigned answered;
    } rows[] = {
        /* values of any type, fields first, each in its order */
        {"{\"fields\":[\"last_name\"],\"reason\":\"r\",\"expressions\":{\"zz\":\"age(date(dob))\","
         "\"aa\":"
         "\"zz >= 18\",\"list\":\"[first_name, last_name]\"}}",
         "{\"data\":{\"last_name\":\"Lovelace\",\"zz\":35,\"aa\":true,\"list\":[\"Ada\","
         "\"Lovelace\"]},"
         "\"errors\":[]" AT,
         "last_name dob first_name", 1},
        /* in a field's place: the field itself is not answered */
        {"{\"fields\":[\"ssn9\",\"email\"],\"reason\":\"r\",\"expressions\":{\"ssn9\":\"mask(ssn9, "
         "4)\"}}",
         "{\"data\":{\"email\":\"ada@example.org\",\"ssn9\":\"*****6789\"},\"errors\":[]" AT,
         "email ssn9", 1},
        /* also when it fails */
        {"{\"fields\":[\"ssn9\"],\"reason\":\"r\",\"expressions\":{\"ssn9\":\"ssn9 + 1\"}}",
         "{\"data\":{},\"errors\":[{\"field\":\"ssn9\",\"code\":\"cel_no_overload\",\"offset\":5}"
         "]" AT,
         "ssn9", 0},
        /* results only, with the fields named, and without */
        {"{\"fields\":[\"ssn9\",\"email\"],\"reason\":\"r\",\"results_only\":true,\"expressions\":{"
         "\"e\":"
         "\"redact_email(email)\"}}",
         "{\"data\":{\"e\":\"a***@example.org\"},\"errors\":[]" AT, "email", 0},
        {"{\"reason\":\"r\",\"results_only\":true,\"expressions\":{\"e\":\"last4(ssn9)\"}}",
         "{\"data\":{\"e\":\"6789\"},\"errors\":[]" AT, "ssn9", 0},
        /* of the schema, and not set; of no schema */
        {"{\"reason\":\"r\",\"results_only\":true,\"expressions\":{\"a\":\"middle_name == "
         "null\",\"b\":"
         "\"nickname == null\"}}",
         "{\"data\":{\"a\":true},\"errors\":[{\"field\":\"b\",\"code\":\"cel_unknown_name\","
         "\"offset\":0}]" AT,
         "", 0},
        /* what fails is an entry, and what reads it another */
        {"{\"fields\":[\"city\"],\"reason\":\"r\",\"expressions\":{\"a\":\"1/"
         "0\",\"b\":\"a\",\"c\":\"1\"}}",
         "{\"data\":{\"c\":1},\"errors\":[{\"field\":\"city\",\"code\":\"not_set\"},{\"field\":"
         "\"a\",\"code\":"
         "\"cel_divide_by_zero\",\"offset\":1},{\"field\":\"b\",\"code\":\"cel_input_failed\","
         "\"offset\":0}]" AT,
         "city", 1},
        /* what only stands in a text is not read, and not entered as read */
        {"{\"reason\":\"r\",\"results_only\":true,\"expressions\":{\"a\":\"'ssn9 dob'\"}}",
         "{\"data\":{\"a\":\"ssn9 dob\"},\"errors\":[]" AT, "", 0},
        /* none at all is as before */
        {"{\"fields\":[\"first_name\"],\"reason\":\"r\",\"expressions\":{},\"results_only\":false}",
         "{\"data\":{\"first_name\":\"Ada\"},\"errors\":[]}", "first_name", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ANSWER(a);
        CF_JSON(entry);
        CF_BUF(fields);
        decrypt(w, id, rows[i].body, &a);
        assert_body(&a, rows[i].want);
        entry = world_last_entry(w);
        const json_t *list = json_object_get(entry, "fields");
        for (size_t k = 0; k < json_array_size(list); k++) {
            assert_ok(cf_buf_append(&fields, k > 0 ? CF_LIT(" ") : CF_VIEW_EMPTY));
            assert_ok(
                cf_buf_append(&fields, cf_view_str(json_string_value(json_array_get(list, k)))));
        }
        assert_view(cf_buf_view(&fields), cf_view_str(rows[i].fields));
        if (strstr(rows[i].body, "\"expressions\":{}") == NULL) {
            assert_int_equal(WORLD_NUMBER(entry, "answered"), rows[i].answered);
            assert_int_equal(strlen(WORLD_TEXT(entry, "sources")), 64);
            assert_true(json_array_size(json_object_get(entry, "expressions")) > 0);
        } else {
            assert_null(json_object_get(entry, "expressions"));
        }
    }
}

/* The entry has names and the hash of the sources, the outcome, and no source. */
static void test_entry(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    world_vault(w, ADA, id);
    ANSWER(a);
    decrypt(w, id,
            "{\"reason\":\"why\",\"results_only\":true,\"expressions\":{\"one\":\"1 + "
            "1\",\"two\":\"1 / 0\"}}",
            &a);
    assert_int_equal(a.status, 200);
    CF_JSON(entry);
    CF_BUF(text);
    entry = world_last_entry(w);
    const cf_view names[] = {CF_LIT("one"), CF_LIT("two")},
                  sources[] = {CF_LIT("1 + 1"), CF_LIT("1 / 0")};
    uint8_t hash[CF_AUDIT_SOURCES_BYTES];
    char hex[2 * CF_AUDIT_SOURCES_BYTES + 1];
    assert_ok(cf_audit_sources(names, sources, 2, hash));
    for (size_t i = 0; i < sizeof hash; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    }
    assert_string_equal(WORLD_TEXT(entry, "sources"), hex);
    assert_string_equal(WORLD_TEXT(entry, "outcome"), "cel_divide_by_zero");
    assert_int_equal(json_array_size(json_object_get(entry, "expressions")), 2);
    assert_ok(cf_json_dump(entry, &text));
    assert_null(memmem(text.data, text.len, "1 / 0", 5));
    /* a request that fails as a whole has what its expressions mention */
    w->agent.status = 503;
    w->agent.body = "\xa1\x01\x64"
                    "busy";
    ANSWER(b);
    decrypt(w, id,
            "{\"reason\":\"r\",\"results_only\":true,\"expressions\":{\"x\":\"dob + email\"}}", &b);
    assert_error(&b, 503, BUSY);
    CF_JSON(failed);
    failed = world_last_entry(w);
    assert_int_equal(json_array_size(json_object_get(failed, "fields")), 2);
    assert_string_equal(WORLD_TEXT(failed, "outcome"), "busy");
    assert_int_equal(strlen(WORLD_TEXT(failed, "sources")), 64);
    w->agent.status = 0;
}

static void test_refused(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    world_vault(w, "{\"city\":\"c\"}", id);
    static const struct {
        const char *members, *name, *code;
    } rows[] = {
        {"\"expressions\":[]", "expressions", "wrong_type"},
        {"\"expressions\":null", "expressions", "wrong_type"},
        {"\"expressions\":{\"a\":1}", "a", "wrong_type"},
        {"\"expressions\":{\"a\":\"\"}", "a", "empty"},
        {"\"expressions\":{\"" CANARY "\":\"1\"}", NULL, "bad_name"},
        {"\"expressions\":{\"a-b\":\"1\"}", NULL, "bad_name"},
        {"\"expressions\":{\"version\":\"1\"}", "version", "reserved_field"},
        {"\"results_only\":true", "expressions", "missing"},
        {"\"results_only\":true,\"expressions\":{}", "expressions", "missing"},
        {"\"results_only\":1,\"expressions\":{\"a\":\"1\"}", "results_only", "wrong_type"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ANSWER(a);
        char body[256];
        (void)snprintf(body, sizeof body, "{\"fields\":[\"city\"],\"reason\":\"r\",%s}",
                       rows[i].members);
        decrypt(w, id, body, &a);
        world_assert_error(&a, 422, cf_err_from_code(rows[i].code), __FILE__, __LINE__);
        world_assert_fault(&a, 0, rows[i].name, rows[i].code);
    }
    /* with results_only the fields need not be named, but when they are they must be fields */
    ANSWER(a);
    decrypt(w, id,
            "{\"fields\":[\"nickname\"],\"results_only\":true,\"reason\":\"r\",\"expressions\":{"
            "\"a\":\"1\"}}",
            &a);
    assert_error(&a, 422, UNKNOWN_FIELD);
    assert_int_equal(w->agent.calls, 0);
    /* all faults at once */
    ANSWER(b);
    decrypt(w, id, "{\"reason\":7,\"expressions\":{\"a\":1,\"b\":\"\"},\"results_only\":\"x\"}",
            &b);
    assert_int_equal(b.status, 422);
    assert_int_equal(json_array_size(json_object_get(b.json, "fields")), 5);
}

/* One below, at, one above: the number, one source, all of them. */
static void test_limits(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    static char body[CF_API_DECRYPT_BODY_BYTES_MAX];
    world_vault(w, "{\"city\":\"c\"}", id);
    for (size_t more = 0; more <= 2; more++) {
        size_t at = (size_t)snprintf(body, sizeof body,
                                     "{\"reason\":\"r\",\"results_only\":true,\"expressions\":{");
        for (size_t i = 0; i < CF_REQUEST_EXPRESSIONS_MAX - 1 + more; i++) {
            at += (size_t)snprintf(body + at, sizeof body - at, "%s\"e%zu\":\"1\"",
                                   i > 0 ? "," : "", i);
        }
        (void)snprintf(body + at, sizeof body - at, "}}");
        ANSWER(a);
        decrypt(w, id, body, &a);
        assert_int_equal(a.status, more < 2 ? 200 : 422);
        ANSWER(b);
        (void)snprintf(body, sizeof body,
                       "{\"reason\":\"r\",\"results_only\":true,\"expressions\":{\"e\":\"1%*s\"}}",
                       (int)(CF_EXPRESSION_BYTES_MAX - 2 + more), "");
        decrypt(w, id, body, &b);
        assert_int_equal(b.status, more < 2 ? 200 : 422);
        if (more == 2) {
            world_assert_fault(&a, 0, "expressions", "too_large");
            world_assert_fault(&b, 0, "e", "too_large");
        }
        at = (size_t)snprintf(body, sizeof body,
                              "{\"reason\":\"r\",\"results_only\":true,\"expressions\":{");
        for (size_t i = 0; i < 8; i++) {
            size_t len = CF_EXPRESSIONS_BYTES_MAX / 8;
            len = i == 0 ? len - 1 + more : len;
            at += (size_t)snprintf(body + at, sizeof body - at, "%s\"e%zu\":\"1%*s\"",
                                   i > 0 ? "," : "", i, (int)len - 1, "");
        }
        (void)snprintf(body + at, sizeof body - at, "}}");
        ANSWER(c);
        decrypt(w, id, body, &c);
        assert_int_equal(c.status, more < 2 ? 200 : 422);
        if (more == 2) {
            world_assert_fault(&c, 0, "expressions", "too_large");
        }
    }
}

/* Results close to what they may have together, of the values that take most memory for their text. */
static void test_large_results(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    world_vault(w, "{\"city\":\"c\"}", id);
    static const char *const sources[] = {
        "cel.bind(x, {}, lists.range(43000).map(i, x))",
        "cel.bind(x, {'': 0}, lists.range(18000).map(i, x))",
        "cel.bind(x, [0], lists.range(32000).map(i, x))",
        "lists.range(43000).map(i, '')",
        "lists.range(65000).map(i, 0)",
    };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        char body[256];
        (void)snprintf(body, sizeof body,
                       "{\"reason\":\"r\",\"results_only\":true,\"expressions\":{\"e\":\"%s\"}}",
                       sources[i]);
        ANSWER(a);
        decrypt(w, id, body, &a);
        assert_int_equal(a.status, 200);
        assert_in_range(a.body.len, CF_RESULTS_JSON_BYTES_MAX * 15 / 16,
                        CF_RESULTS_JSON_BYTES_MAX + 256);
    }
}

/* ---- what the enclave, or whoever stands between, is not believed ---- */

static void test_answers_not_believed(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    world_vault(w, ADA, id);
    static const uint32_t places[] = {0, 1};
    static const struct {
        const char *json;     /* of the one result */
        const uint32_t *read; /* one place, or none */
        size_t more;          /* results */
        bool ok;
    } rows[] = {
        {"1", NULL, 0, true},
        {"{\"a\":[1,null,\"\\u0001\"]}", NULL, 0, true},
        {"1,\"x\":2", NULL, 0, false}, /* a member more in the answer */
        {"1}", NULL, 0, false},
        {"nul", NULL, 0, false},
        {"\"a", NULL, 0, false},
        {"[1,]", NULL, 0, false},
        {"{\"a\":1,\"a\":2}", NULL, 0, false},
        {" ", NULL, 0, false},
        {"1", &places[0], 0, true},
        {"1", &places[1], 0, false}, /* a field that was not sent */
        {"1", NULL, 1, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const cf_expression_result e[] = {{CF_LIT("e"), cf_view_str(rows[i].json), CF_OK, 0},
                                          {CF_LIT("f"), CF_LIT("1"), CF_OK, 0}};
        cf_answer m = {.evaluated = true, .expressions = e, .expressions_n = 1};
        m.read = rows[i].read;
        m.read_n = rows[i].read != NULL;
        m.expressions_n += rows[i].more;
        CF_BUF(octets);
        assert_ok(cf_answer_encode(&m, &octets));
        w->agent.canned = cf_buf_view(&octets);
        ANSWER(a);
        decrypt(w, id, "{\"reason\":\"r\",\"results_only\":true,\"expressions\":{\"e\":\"email\"}}",
                &a);
        w->agent.canned = CF_VIEW_EMPTY;
        if (rows[i].ok) {
            assert_int_equal(a.status, 200);
        } else {
            assert_error(&a, 500, INTERNAL);
        }
    }
    /* results of another name, none, and some where none were asked for */
    static const char *const bodies[] = {
        "{\"reason\":\"r\",\"results_only\":true,\"expressions\":{\"g\":\"email\"}}",
        "{\"fields\":[\"email\"],\"reason\":\"r\"}"};
    for (size_t i = 0; i < 2; i++) {
        const cf_expression_result e = {CF_LIT("e"), CF_LIT("1"), CF_OK, 0};
        const cf_field_result f = {CF_LIT("email"), CF_LIT("x"), CF_OK};
        const cf_answer m = {
            .fields = &f, .fields_n = i, .evaluated = true, .expressions = &e, .expressions_n = 1};
        CF_BUF(octets);
        assert_ok(cf_answer_encode(&m, &octets));
        w->agent.canned = cf_buf_view(&octets);
        ANSWER(a);
        decrypt(w, id, bodies[i], &a);
        w->agent.canned = CF_VIEW_EMPTY;
        assert_error(&a, 500, INTERNAL);
    }
}

/* ---- secrets ---- */

static void create(world *w, const char *body, world_answer *ret)
{
    world_do(w, "POST", "/v1/secrets", body, ret);
}

static void test_secrets(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    world_vault(w, ADA, id);
    ANSWER(made);
    create(w, "{\"name\":\"email-index\"}", &made);
    assert_int_equal(made.status, 200);
    assert_string_equal(WORLD_TEXT(made.json, "name"), "email-index");
    assert_string_equal(WORLD_TEXT(made.json, "state"), "active");
    CF_JSON(entry);
    entry = world_last_entry(w);
    assert_string_equal(WORLD_TEXT(entry, "action"), "secret.create");
    assert_string_equal(WORLD_TEXT(entry, "vault"), "s_email-index");
    assert_int_equal(WORLD_NUMBER(entry, "seal"), CF_ROW_SEAL_BYTES);
    ANSWER(again);
    create(w, "{\"name\":\"email-index\"}", &again);
    assert_error(&again, 409, EXISTS);
    ANSWER(other);
    create(w, "{\"name\":\"email\"}", &other);
    assert_int_equal(other.status, 200);
    ANSWER(list);
    world_do(w, "GET", "/v1/secrets", NULL, &list);
    const json_t *all = json_object_get(list.json, "secrets");
    assert_int_equal(json_array_size(all), 2);
    assert_string_equal(WORLD_TEXT(json_array_get(all, 1), "name"), "email-index");
    /* what goes along is what stands there by itself, in a source that calls for a secret */
    static const struct {
        const char *source;
        size_t secrets;
        bool ok;
    } rows[] = {
        {"hmac_sha256(first_name, 'email-index')", 1, true},
        {"first_name.hmac_sha512(\\\"email\\\")", 1, true},
        {"hmac_sha256(first_name, 'email-index') + hmac_sha256(first_name, 'email')", 2, true},
        {"hmac_sha256(first_name, 'email-' + 'index')", 0, false}, /* has to be written out */
        {"hmac_sha256(first_name, 'email-indexes')", 0, false},
        {"'email-index'", 0, true},
        {"hmac_sha256(first_name, 'other')", 0, false},
    };
    char first[80] = "";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char body[256];
        ANSWER(a);
        (void)snprintf(body, sizeof body,
                       "{\"reason\":\"r\",\"results_only\":true,\"expressions\":{\"h\":\"%s\"}}",
                       rows[i].source);
        decrypt(w, id, body, &a);
        assert_int_equal(a.status, 200);
        assert_int_equal(w->agent.secrets, rows[i].secrets);
        const json_t *data = json_object_get(a.json, "data");
        assert_int_equal(json_object_size(data), rows[i].ok);
        if (!rows[i].ok) {
            const json_t *error = json_array_get(json_object_get(a.json, "errors"), 0);
            assert_string_equal(WORLD_TEXT(error, "code"), "secret_unknown");
        } else if (i == 0) {
            (void)snprintf(first, sizeof first, "%s", WORLD_TEXT(data, "h"));
            assert_int_equal(strlen(first), 64);
        }
    }
}

static void test_secrets_refused(void **state)
{
    world *w = *state;
    static const struct {
        const char *body, *name, *code;
    } rows[] = {
        {"{}", "name", "missing"},
        {"{\"name\":7}", "name", "wrong_type"},
        {"{\"name\":\"\"}", "name", "empty"},
        {"{\"name\":\"" CANARY "\"}", "name", "bad_name"},
        {"{\"name\":\"a_b\"}", "name", "bad_name"},
        {"{\"name\":\"abcdefghijklmnopqrstuvwxyz0123\"}", "name", "too_large"},
        {"{\"name\":\"a\",\"value\":\"" CANARY "\"}", "value", "unknown_member"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ANSWER(a);
        create(w, rows[i].body, &a);
        world_assert_error(&a, 422, cf_err_from_code(rows[i].code), __FILE__, __LINE__);
        world_assert_fault(&a, 0, rows[i].name, rows[i].code);
    }
    assert_int_equal(w->kms.calls, 0);
    /* the scope, and a key service that refuses */
    char text[CF_TOKEN_TEXT_BYTES + 1], token_id[32];
    world_token(w, "write,read,decrypt", text, token_id);
    for (size_t i = 0; i < 2; i++) {
        ANSWER(a);
        const world_request req = {.method = i == 0 ? "POST" : "GET",
                                   .path = "/v1/secrets",
                                   .token = text,
                                   .body = i == 0 ? "{\"name\":\"a\"}" : NULL};
        world_call(w, &req, &a);
        assert_error(&a, 403, FORBIDDEN);
    }
    w->kms.status = 400;
    w->kms.body = "{\"__type\":\"AccessDeniedException\"}";
    ANSWER(b);
    create(w, "{\"name\":\"a\"}", &b);
    assert_error(&b, 502, KMS_REFUSED);
    w->kms.status = 0;
    /* as many as there may be, and one more */
    for (unsigned i = 0; i <= CF_STORE_SECRETS_MAX; i++) {
        ANSWER(c);
        char body[64];
        (void)snprintf(body, sizeof body, "{\"name\":\"s%u\"}", i);
        create(w, body, &c);
        assert_int_equal(c.status, i < CF_STORE_SECRETS_MAX ? 200 : 413);
    }
    /* an expression that names more than may go along */
    char id[CF_VAULT_ID_BYTES + 1], body[1024];
    world_vault(w, ADA, id);
    for (unsigned n = CF_REQUEST_SECRETS_MAX - 1; n <= CF_REQUEST_SECRETS_MAX + 1; n++) {
        ANSWER(c);
        int at =
            snprintf(body, sizeof body,
                     "{\"reason\":\"r\",\"results_only\":true,\"expressions\":{\"h\":\"'hmac_'");
        for (unsigned i = 0; i < n; i++) {
            at += snprintf(body + at, sizeof body - (size_t)at, " + 's%u'", i);
        }
        (void)snprintf(body + at, sizeof body - (size_t)at, "\"}}");
        decrypt(w, id, body, &c);
        assert_int_equal(c.status, n <= CF_REQUEST_SECRETS_MAX ? 200 : 422);
    }
    /* a store that fails is told as that */
    const cf_fault fault = {CF_STORE_SECRETS_WALK, 0, false, CF_ERR_STORE_UNAVAILABLE, 0};
    assert_ok(cf_store_faulty_set(&w->store, &fault, 1));
    ANSWER(d);
    decrypt(w, id,
            "{\"reason\":\"r\",\"results_only\":true,\"expressions\":{\"h\":\"hmac_sha256('a', "
            "'s1')\"}}",
            &d);
    assert_error(&d, 503, STORE_UNAVAILABLE);
    assert_ok(cf_store_faulty_set(&w->store, NULL, 0));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_values),  T(test_entry),           T(test_refused),
        T(test_limits),  T(test_large_results),   T(test_answers_not_believed),
        T(test_secrets), T(test_secrets_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
