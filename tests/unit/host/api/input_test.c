/* SPDX-License-Identifier: Apache-2.0 */
/* Validation as a table over a schema of its own, limits of names and texts, and tokens with their cache. */
#include "host/api/input.h"

#include "host/api/token.h"
#include "tests/support/test.h"

#define SCHEMA                                                                                     \
    "{\"$id\":\"small\",\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"       \
    "\"a\":{\"type\":\"string\",\"maxLength\":3},\"b\":{\"type\":\"string\"},"                     \
    "\"c\":{\"type\":\"string\",\"minLength\":4,\"maxLength\":4,\"format\":\"digits\"},"           \
    "\"d\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":2,\"format\":\"digits\"},"           \
    "\"f\":{\"type\":\"string\",\"pattern\":\"^[A-Z]{2}[0-9]{3}$\"}},"                             \
    "\"derived\":{\"d\":{\"from\":\"c\",\"take_last\":2}}}"

typedef struct {
    cf_schema *schema;
    cf_arena arena;
    cf_api_faults faults;
    json_t *body;
} fixture;

static int set_up(void **state)
{
    static fixture f;
    f = (fixture){.arena = {.max = 1 << 20}};
    assert_ok(cf_schema_parse(CF_LIT(SCHEMA), &f.schema, NULL));
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    cf_schema_free(&f->schema);
    cf_arena_free(&f->arena);
    cf_json_free(&f->body);
    return 0;
}

static cf_result fields(fixture *f, const char *body, bool allow_none, cf_input *ret)
{
    cf_json_free(&f->body);
    f->faults.n = 0;
    assert_ok(cf_json_parse(cf_view_str(body), 1 << 20, &f->body));
    return cf_input_fields(f->body, f->schema, allow_none, &f->arena, &f->faults, ret);
}

static void test_validation_table(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *body;
        cf_err code; /* of the first fault */
        size_t faults;
        const char *name; /* of the first fault */
    } cases[] = {
        {"{\"a\":\"\"}", CF_OK, 0, NULL},
        {"{\"a\":\"xyz\"}", CF_OK, 0, NULL},
        {"{\"a\":\"\xc3\xa9\xc3\xa9\xc3\xa9\"}", CF_OK, 0, NULL}, /* code points, not octets */
        {"{\"a\":\"wxyz\"}", CF_ERR_SIZE, 1, "a"},
        {"{\"a\":1}", CF_ERR_WRONG_TYPE, 1, "a"},
        {"{\"a\":null}", CF_ERR_WRONG_TYPE, 1, "a"},
        {"{\"a\":{}}", CF_ERR_WRONG_TYPE, 1, "a"},
        {"{\"a\":true}", CF_ERR_WRONG_TYPE, 1, "a"},
        {"{\"A\":\"x\"}", CF_ERR_BAD_NAME, 1, ""},
        {"{\" a\":\"x\"}", CF_ERR_BAD_NAME, 1, ""},
        {"{\"\":\"x\"}", CF_ERR_BAD_NAME, 1, ""},
        {"{\"a-b\":\"x\"}", CF_ERR_BAD_NAME, 1, ""},
        {"{\"z\":\"x\"}", CF_ERR_UNKNOWN_FIELD, 1, "z"},
        {"{\"id\":\"x\"}", CF_ERR_RESERVED_FIELD, 1, "id"},
        {"{\"pk\":\"x\"}", CF_ERR_RESERVED_FIELD, 1, "pk"},
        {"{\"sk\":\"x\"}", CF_ERR_RESERVED_FIELD, 1, "sk"},
        {"{\"version\":\"x\"}", CF_ERR_RESERVED_FIELD, 1, "version"},
        {"{\"expire_at\":\"x\"}", CF_ERR_RESERVED_FIELD, 1, "expire_at"},
        {"{\"_x\":\"x\"}", CF_ERR_RESERVED_FIELD, 1, ""},
        {"{\"c\":\"12\"}", CF_ERR_BAD_VALUE, 1, "c"},
        {"{\"f\":\"AB123\"}", CF_OK, 0, NULL},
        {"{\"f\":\"ab123\"}", CF_ERR_BAD_VALUE, 1, "f"},
        {"{\"f\":\"AB1234\",\"a\":\"x\"}", CF_ERR_BAD_VALUE, 1, "f"},
        {"{\"c\":\"12345\"}", CF_ERR_SIZE, 1, "c"},
        {"{\"c\":\"12x4\"}", CF_ERR_BAD_VALUE, 1, "c"},
        {"{\"c\":\"1234\",\"d\":\"34\"}", CF_OK, 0, NULL},
        {"{\"d\":\"34\",\"c\":\"1234\"}", CF_OK, 0, NULL},
        {"{\"c\":\"1234\",\"d\":\"35\"}", CF_ERR_BAD_VALUE, 1, "d"},
        {"{\"z\":1,\"a\":1,\"c\":\"x\",\"b\":\"good\"}", CF_ERR_UNKNOWN_FIELD, 3, "z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cf_input in;
        assert_code(fields(f, cases[i].body, true, &in), cases[i].code);
        assert_int_equal(f->faults.n, cases[i].faults);
        if (cases[i].faults > 0) {
            assert_view(f->faults.all[0].name, cf_view_str(cases[i].name));
            assert_int_equal(in.n, 0);
        }
    }
}

static void test_derived_and_sorted(void **state)
{
    fixture *f = *state;
    cf_input in;
    assert_ok(fields(f, "{\"c\":\"1234\",\"b\":\"y\",\"a\":\"x\"}", false, &in));
    assert_int_equal(in.n, 4);
    for (size_t i = 0; i < in.n; i++) {
        assert_view(in.all[i].name, cf_view_make(&"abcd"[i], 1));
        assert_int_equal(in.all[i].derived, i == 3);
    }
    assert_view(in.all[3].value, CF_LIT("34"));
    assert_null(cf_input_find(&in, CF_LIT("e")));
    assert_ptr_equal(cf_input_find(&in, CF_LIT("b")), &in.all[1]);
    assert_ok(fields(f, "{}", true, &in));
    assert_int_equal(in.n, 0);
    assert_err(fields(f, "{}", false, &in), EMPTY);
    assert_err(fields(f, "[]", true, &in), WRONG_TYPE);
    assert_int_equal(f->faults.n, 0); /* that is about the body, not about a field */
}

static void test_value_limits(void **state)
{
    fixture *f = *state;
    static char body[CF_VALUE_BYTES_MAX + 32];
    for (size_t len = CF_VALUE_BYTES_MAX - 1; len <= CF_VALUE_BYTES_MAX + 1; len++) {
        cf_input in;
        memset(body, 'x', sizeof body);
        memcpy(body, "{\"b\":\"", 6);
        memcpy(body + 6 + len, "\"}", 3);
        assert_code(fields(f, body, true, &in), len > CF_VALUE_BYTES_MAX ? CF_ERR_SIZE : CF_OK);
    }
}

static void test_names_of_text(void **state)
{
    fixture *f = *state;
    static char text[CF_API_QUERY_BYTES_MAX + 2];
    cf_names names;
    /* Octets: names of 63 and a comma, then one that fills up to the limit. */
    for (size_t len = CF_API_QUERY_BYTES_MAX - 1; len <= CF_API_QUERY_BYTES_MAX + 1; len++) {
        for (size_t i = 0; i < len; i++) {
            text[i] = i % 64 == 63 ? ',' : i % 64 == 0 ? 'n' : (char)('0' + i / 64 % 10);
        }
        for (size_t i = 0; i + 1 < len; i += 64) { /* no two alike */
            text[i + 1] = (char)('a' + i / 64 / 26);
            if (i + 2 < len) {
                text[i + 2] = (char)('a' + i / 64 % 26);
            }
        }
        if (text[len - 1] == ',') {
            text[len - 1] = 'x';
        }
        f->faults.n = 0;
        cf_result r = cf_names_of_text(cf_view_make(text, len), &f->arena, &f->faults, &names);
        assert_code(r, len > CF_API_QUERY_BYTES_MAX ? CF_ERR_SIZE : CF_OK);
    }
    /* Number of names. */
    for (size_t n = CF_REQUEST_FIELDS_MAX - 1; n <= CF_REQUEST_FIELDS_MAX + 1; n++) {
        size_t at = 0;
        for (size_t i = 0; i < n; i++) {
            at += (size_t)snprintf(text + at, sizeof text - at, "%sf%zu", i > 0 ? "," : "", i);
        }
        f->faults.n = 0;
        cf_result r = cf_names_of_text(cf_view_make(text, at), &f->arena, &f->faults, &names);
        assert_code(r, n > CF_REQUEST_FIELDS_MAX ? CF_ERR_SIZE : CF_OK);
        assert_int_equal(names.n, cf_is_ok(r) ? n : 0);
    }
}

/* --- tokens --- */

static void test_token_text(void **state)
{
    (void)state;
    CF_BUF(text);
    CF_BUF(other);
    cf_token t, u;
    assert_ok(cf_token_make(&text, &t));
    assert_ok(cf_token_make(&other, &u));
    assert_int_equal(text.len, CF_TOKEN_TEXT_BYTES);
    assert_false(cf_view_eq(cf_buf_view(&text), cf_buf_view(&other)));
    assert_string_not_equal(t.id, u.id);
    assert_int_equal(strlen(t.id), 24);
    for (size_t i = 7; i < text.len; i++) {
        assert_non_null(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
                               text.data[i]));
    }
    static const struct {
        const char *before, *after;
        bool ok;
    } cases[] = {{"Bearer ", "", true},   {"bearer ", "", true},   {"BEARER ", "", true},
                 {"Bearer  ", "", false}, {"Bearer", "", false},   {"Basic ", "", false},
                 {"", "", false},         {"Bearer ", "x", false}, {"Bearer ", " ", false},
                 {" Bearer ", "", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t hash[CF_TOKEN_HASH_BYTES];
        CF_BUF(header);
        assert_ok(cf_buf_append(&header, cf_view_str(cases[i].before)));
        assert_ok(cf_buf_append(&header, cf_buf_view(&text)));
        assert_ok(cf_buf_append(&header, cf_view_str(cases[i].after)));
        cf_result r = cf_token_hash_of(cf_buf_view(&header), hash);
        assert_code(r, cases[i].ok ? CF_OK : CF_ERR_UNAUTHENTICATED);
        assert_true(!cases[i].ok || memcmp(hash, t.hash, sizeof hash) == 0);
    }
}

static void test_token_states(void **state)
{
    (void)state;
    cf_token t = {.expires_ms = 1000};
    assert_string_equal(cf_token_state(&t, 999), "active");
    assert_string_equal(cf_token_state(&t, 1000), "expired");
    t.expires_ms = 0;
    assert_string_equal(cf_token_state(&t, UINT64_MAX), "active");
    t.revoked_ms = 1; /* also when the clock has jumped back since */
    assert_string_equal(cf_token_state(&t, 0), "revoked");
    assert_false(cf_token_active(&t, 0));
    t = (cf_token){.altered = true};
    assert_string_equal(cf_token_state(&t, 0), "altered");
    assert_false(cf_token_active(&t, 0));
}

/* A store of one token that counts its look-ups, and can change the token behind a look-up that is under way. */
static cf_token stored;
static unsigned lookups;
static cf_token_cache *race;

static cf_result by_hash(void *self, const uint8_t hash[32], cf_token *ret)
{
    (void)self;
    lookups++;
    CF_REQUIRE(memcmp(stored.hash, hash, 32) == 0, NOT_FOUND);
    *ret = stored;
    if (race != NULL) {
        stored.revoked_ms = 5;
        cf_token_forget(race, hash);
    }
    return cf_ok();
}

static void test_token_cache(void **state)
{
    (void)state;
    const cf_store_ops ops = {.token_by_hash = by_hash};
    cf_store store = {&ops, NULL};
    cf_token t;
    CF_AUTO(cf_token_cache_free) cf_token_cache *c = NULL;
    assert_ok(cf_token_cache_new(&c));
    stored = (cf_token){.id = "t_a", .scopes = CF_SCOPE_READ};
    memset(stored.hash, 9, sizeof stored.hash);
    lookups = 0;
    for (int i = 0; i < 3; i++) {
        assert_ok(cf_token_find(c, &store, stored.hash, 1000, &t));
        assert_string_equal(t.id, "t_a");
    }
    assert_int_equal(lookups, 1);
    uint8_t other[CF_TOKEN_HASH_BYTES] = {0};
    assert_err(cf_token_find(c, &store, other, 1000, &t), UNAUTHENTICATED);
    assert_err(cf_token_find(c, &store, other, 1000, &t), UNAUTHENTICATED);
    assert_int_equal(lookups, 3); /* what there is none of takes no room */
    memset(other, 9, 8);          /* the place of the first, another hash */
    assert_err(cf_token_find(c, &store, other, 1000, &t), UNAUTHENTICATED);
    cf_token_forget(c, other);
    assert_ok(cf_token_find(c, &store, stored.hash, 1000, &t));
    assert_int_equal(lookups, 4);
    cf_token_forget(c, stored.hash);
    /* A token that changes while it is looked up is not kept as it was. */
    race = c;
    assert_ok(cf_token_find(c, &store, stored.hash, 1000, &t));
    race = NULL;
    assert_ok(cf_token_find(c, &store, stored.hash, 1000, &t));
    assert_int_equal(t.revoked_ms, 5);
    assert_int_equal(lookups, 6);
}

/* Another process has revoked it: known here once the age of an entry is reached, and counted from the look-up. */
static void test_token_cache_age(void **state)
{
    (void)state;
    const cf_store_ops ops = {.token_by_hash = by_hash};
    cf_store store = {&ops, NULL};
    cf_token t;
    CF_AUTO(cf_token_cache_free) cf_token_cache *c = NULL;
    assert_ok(cf_token_cache_new(&c));
    stored = (cf_token){.id = "t_a", .scopes = CF_SCOPE_READ};
    memset(stored.hash, 9, sizeof stored.hash);
    lookups = 0;
    const uint64_t began = 5000, ends = began + CF_API_TOKEN_CACHE_MS;
    assert_ok(cf_token_find(c, &store, stored.hash, began, &t));
    stored.revoked_ms = 7;
    assert_ok(cf_token_find(c, &store, stored.hash, ends - 1, &t));
    assert_int_equal(t.revoked_ms, 0);
    assert_int_equal(lookups, 1);
    assert_ok(cf_token_find(c, &store, stored.hash, ends, &t));
    assert_int_equal(t.revoked_ms, 7);
    assert_ok(cf_token_find(c, &store, stored.hash, ends + 1, &t));
    assert_int_equal(lookups, 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_validation_table),
        T(test_derived_and_sorted),
        T(test_value_limits),
        T(test_names_of_text),
        cmocka_unit_test(test_token_text),
        cmocka_unit_test(test_token_states),
        cmocka_unit_test(test_token_cache),
        cmocka_unit_test(test_token_cache_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
