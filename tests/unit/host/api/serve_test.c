/* SPDX-License-Identifier: Apache-2.0 */
/* The table of routes walked, tokens and scopes, and what is refused before any route's own work. */
#include "tests/unit/host/api/world.h"

static int set_up(void **state)
{
    static world w;
    world_open(&w);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    world_close(*state);
    return 0;
}

/* A path of the pattern: its {…} is filled with an id of the right form that nothing has. */
static const char *path_of(const cf_route *r)
{
    static char path[128];
    const char *open = strchr(r->pattern, '{');
    if (open == NULL) {
        return r->pattern;
    }
    const char *id = strstr(r->pattern, "tokens") != NULL    ? "t_0"
                     : strstr(r->pattern, "schemas") != NULL ? "none"
                                                             : "v_000000000000000000000000000";
    (void)snprintf(path, sizeof path, "%.*s%s%s", (int)(open - r->pattern), r->pattern, id,
                   strchr(open, '}') + 1);
    return path;
}

/* A body that would be good, so that a refusal is about the token. */
static const char *body_of(const cf_route *r)
{
    return r->body_bytes_max == 0                  ? NULL
           : strstr(r->pattern, "decrypt") != NULL ? "{\"fields\":[\"email\"],\"reason\":\"r\"}"
           : strcmp(r->method, "DELETE") == 0      ? "{\"delete_all\":true}"
           : strstr(r->pattern, "secrets") != NULL ? "{\"name\":\"n\"}"
           : strstr(r->pattern, "tokens") != NULL  ? "{\"name\":\"n\",\"scopes\":[\"read\"]}"
                                                   : "{\"email\":\"" CANARY "@example.org\"}";
}

static world_request request_of(const cf_route *r, const char *token)
{
    return (world_request){
        .method = r->method, .path = path_of(r), .body = body_of(r), .token = token};
}

static void test_every_route_without_token(void **state)
{
    world *w = *state;
    uint64_t entries = world_entries(w);
    static const char *const tokens[] = {NULL,
                                         "",
                                         "x",
                                         "coffer_",
                                         "coffer_0123456789012345678901234567890123456789012",
                                         "Coffer_0123456789012345678901234567890123456789012",
                                         "coffer_01234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < cf_api_routes_n; i++) {
        const cf_route *r = &cf_api_routes[i];
        for (size_t t = 0; t < sizeof tokens / sizeof tokens[0]; t++) {
            ANSWER(a);
            world_request req = request_of(r, tokens[t]);
            world_call(w, &req, &a);
            if (r->open) {
                assert_int_equal(a.status, 200);
                continue;
            }
            assert_error(&a, 401, UNAUTHENTICATED);
            assert_string_equal(world_header(&a, "WWW-Authenticate"), "Bearer realm=\"coffer\"");
        }
    }
    /* Paths that do not exist and methods that a path does not take look the same without a token. */
    ANSWER(a);
    world_call(w, &(world_request){.method = "GET", .path = "/v1/nothing"}, &a);
    assert_error(&a, 401, UNAUTHENTICATED);
    world_call(w, &(world_request){.method = "PUT", .path = "/v1/vaults"}, &a);
    assert_error(&a, 401, UNAUTHENTICATED);
    /* None of it is in the audit log: nobody without a token can make it grow. */
    assert_int_equal(world_entries(w), entries);
}

static void test_every_route_with_each_wrong_scope(void **state)
{
    world *w = *state;
    uint32_t bit = 0;
    for (size_t s = 0; cf_scope_at(s, &bit) != NULL; s++) {
        char token[CF_TOKEN_TEXT_BYTES + 1], id[32];
        world_token(w, cf_scope_at(s, &bit), token, id);
        for (size_t i = 0; i < cf_api_routes_n; i++) {
            const cf_route *r = &cf_api_routes[i];
            if (r->open || r->scopes == CF_SCOPE_ANY || (r->scopes & bit) != 0) {
                continue;
            }
            uint64_t entries = world_entries(w);
            ANSWER(a);
            CF_JSON(last);
            world_request req = request_of(r, token);
            world_call(w, &req, &a);
            assert_error(&a, 403, FORBIDDEN);
            if (r->action == NULL) {
                assert_int_equal(world_entries(w), entries);
                continue;
            }
            /* The refusal of a valid token is in the audit log, with nothing of the body. */
            assert_int_equal(world_entries(w), entries + 1);
            last = world_last_entry(w);
            assert_string_equal(WORLD_TEXT(last, "action"), r->action);
            assert_string_equal(WORLD_TEXT(last, "outcome"), "forbidden");
            assert_string_equal(WORLD_TEXT(last, "actor"), id);
            assert_int_equal(json_array_size(json_object_get(last, "fields")), 0);
        }
    }
}

static void test_every_route_with_its_scope(void **state)
{
    world *w = *state;
    uint32_t bit = 0;
    for (size_t s = 0; cf_scope_at(s, &bit) != NULL; s++) {
        char token[CF_TOKEN_TEXT_BYTES + 1];
        world_token(w, cf_scope_at(s, &bit), token, NULL);
        for (size_t i = 0; i < cf_api_routes_n; i++) {
            const cf_route *r = &cf_api_routes[i];
            if (r->scopes != CF_SCOPE_ANY && (r->scopes & bit) == 0) {
                continue;
            }
            ANSWER(a);
            world_request req = request_of(r, token);
            world_call(w, &req, &a);
            /* A scope does not imply another: an admin token cannot pass read on. */
            bool passes_on =
                strcmp(r->pattern, "/v1/tokens") == 0 && strcmp(r->method, "POST") == 0;
            assert_true(a.status != 401);
            assert_int_equal(a.status == 403, passes_on);
        }
    }
}

static void test_route_unknown_and_method(void **state)
{
    world *w = *state;
    static const char *const paths[] = {"/",
                                        "",
                                        "/v1",
                                        "/v1/",
                                        "/v1/vaults/",
                                        "/v1/vaults//decrypt",
                                        "/v2/vaults",
                                        "/v1/vaults/x/y",
                                        "/v1/vaults/x/decrypt/",
                                        "//v1/vaults",
                                        "/V1/vaults",
                                        "/v1/vaults/x/decrypt/z",
                                        "/health/"};
    ANSWER(a);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        world_do(w, "GET", paths[i], NULL, &a);
        assert_error(&a, 404, ROUTE_UNKNOWN);
    }
    world_do(w, "PUT", "/v1/vaults/v_000000000000000000000000000", NULL, &a);
    assert_error(&a, 405, METHOD);
    assert_string_equal(world_header(&a, "Allow"), "GET, PATCH, DELETE");
    world_do(w, "get", "/v1/vaults", NULL, &a);
    assert_error(&a, 405, METHOD);
    assert_string_equal(world_header(&a, "Allow"), "POST");
}

static void test_body_limits(void **state)
{
    world *w = *state;
    for (size_t i = 0; i < cf_api_routes_n; i++) {
        const cf_route *r = &cf_api_routes[i];
        for (size_t over = 0; over < 3; over++) {
            size_t len = r->body_bytes_max + over;
            if (len == 0 || (over == 0 && len == 1)) {
                continue;
            }
            len -= r->body_bytes_max > 0; /* limit - 1, limit, limit + 1; without a body 1 and 2 */
            char *body = malloc(len);
            assert_non_null(body);
            memset(body, ' ', len);
            ANSWER(a);
            world_request req = {.method = r->method,
                                 .path = path_of(r),
                                 .body = body,
                                 .body_len = len,
                                 .token = w->token};
            world_call(w, &req, &a);
            if (len > r->body_bytes_max) {
                assert_error(&a, 413, SIZE);
            } else {
                assert_int_not_equal(a.status, 413);
            }
            free(body);
        }
    }
}

static void test_media_type(void **state)
{
    world *w = *state;
    static const struct {
        const char *type;
        bool ok;
    } cases[] = {{"application/json", true},
                 {"Application/JSON", true},
                 {"application/json; charset=utf-8", true},
                 {"application/json;charset=utf-8", true},
                 {"", false},
                 {"text/plain", false},
                 {"application/jsonp", false},
                 {"application/x-www-form-urlencoded", false},
                 {"application/cbor", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ANSWER(a);
        world_call(w,
                   &(world_request){.method = "POST",
                                    .path = "/v1/vaults",
                                    .body = "{}",
                                    .type = cases[i].type,
                                    .token = w->token},
                   &a);
        if (cases[i].ok) {
            assert_int_equal(a.status, 200);
        } else {
            assert_error(&a, 415, MEDIA_TYPE);
        }
    }
}

static void test_malformed_json(void **state)
{
    world *w = *state;
    static const struct {
        const char *body;
        size_t len;
        unsigned status;
        cf_err code;
    } cases[] = {
        {"{", 0, 400, CF_ERR_TRUNCATED},
        {"{} {}", 0, 400, CF_ERR_TRAILING},
        {"{\"email\":\"" CANARY "\"}x", 0, 400, CF_ERR_TRAILING},
        {"{'email':1}", 0, 400, CF_ERR_MALFORMED},
        {"{\"email\":\"" CANARY "\",\"email\":\"" CANARY "\"}", 0, 400, CF_ERR_DUPLICATE},
        {"{\"email\":\"" CANARY "\\u0000\"}", 0, 400, CF_ERR_MALFORMED},
        {"{\"email\":\"a\0b\"}", 15, 400, CF_ERR_MALFORMED},
        {"{\"email\":\"\xff\xfe" CANARY "\"}", 0, 400, CF_ERR_UTF8},
        {"{\"email\":\"\xed\xa0\x80\"}", 0, 400, CF_ERR_UTF8},
        {"{\"email\":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}", 0, 400, CF_ERR_DEPTH},
        {"{\"email\":123456789012345678901234567890}", 0, 400, CF_ERR_RANGE},
        {"[]", 0, 422, CF_ERR_WRONG_TYPE},
        {"\"" CANARY "\"", 0, 422, CF_ERR_WRONG_TYPE},
        {"null", 0, 422, CF_ERR_WRONG_TYPE},
    };
    static const char *const routes[] = {"POST", "PATCH", "DELETE", "decrypt"};
    char id[CF_VAULT_ID_BYTES + 1], decrypt[64];
    world_vault(w, "{}", id);
    (void)snprintf(decrypt, sizeof decrypt, "/v1/vaults/%s/decrypt", id);
    for (size_t k = 0; k < 4; k++) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            ANSWER(a);
            bool post = k == 0 || k == 3;
            const char *path = k == 0 ? "/v1/vaults" : k == 3 ? decrypt : world_path(id, "");
            world_call(w,
                       &(world_request){.method = post ? "POST" : routes[k],
                                        .path = path,
                                        .body = cases[i].body,
                                        .body_len = cases[i].len,
                                        .token = w->token},
                       &a);
            world_assert_error(&a, cases[i].status, cases[i].code, __FILE__, __LINE__);
        }
    }
}

static void test_request_id(void **state)
{
    world *w = *state;
    static const char long_ok[] =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    ANSWER(a);
    world_call(w, &(world_request){.method = "GET", .path = "/health", .request_id = "A-z_0.9"},
               &a);
    assert_string_equal(world_header(&a, "X-Request-Id"), "A-z_0.9");
    world_call(w, &(world_request){.method = "GET", .path = "/health", .request_id = long_ok}, &a);
    assert_string_equal(world_header(&a, "X-Request-Id"), long_ok);
    static const char *const bad[] = {
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0", "a b", "a\"b",
        "\xc3\xa9", ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        world_call(w, &(world_request){.method = "GET", .path = "/health", .request_id = bad[i]},
                   &a);
        const char *id = world_header(&a, "X-Request-Id");
        assert_int_equal(strlen(id), 32);
        assert_int_equal(strspn(id, "0123456789abcdef"), 32);
    }
}

static void test_deadline_over(void **state)
{
    world *w = *state;
    ANSWER(a);
    world_vault(w, "{}", (char[CF_VAULT_ID_BYTES + 1]){0});
    /* What has waited in the queue for all of its time is not begun. */
    world_call(w,
               &(world_request){.method = "POST",
                                .path = "/v1/vaults",
                                .body = "{}",
                                .token = w->token,
                                .age_ms = CF_API_REQUEST_TIMEOUT_MS},
               &a);
    assert_error(&a, 504, TIMEOUT);
    world_call(w,
               &(world_request){.method = "POST",
                                .path = "/v1/vaults",
                                .body = "{}",
                                .token = w->token,
                                .age_ms = CF_API_REQUEST_TIMEOUT_MS - 2000},
               &a);
    assert_int_equal(a.status, 200);
}

static void test_token_life(void **state)
{
    world *w = *state;
    char text[CF_TOKEN_TEXT_BYTES + 1], id[32], path[64];
    ANSWER(a);
    world_token(w, "read", text, id);
    (void)snprintf(path, sizeof path, "/v1/tokens/%s", id);
    world_call(w, &(world_request){.method = "GET", .path = "/v1/schemas", .token = text}, &a);
    assert_int_equal(a.status, 200);
    /* Revoked at once, although it is cached; twice is no fault. */
    world_do(w, "DELETE", path, NULL, &a);
    assert_int_equal(a.status, 200);
    world_call(w, &(world_request){.method = "GET", .path = "/v1/schemas", .token = text}, &a);
    assert_error(&a, 401, UNAUTHENTICATED);
    world_do(w, "DELETE", path, NULL, &a);
    assert_int_equal(a.status, 200);
    world_do(w, "DELETE", "/v1/tokens/t_unknown", NULL, &a);
    assert_error(&a, 404, NOT_FOUND);
    CF_JSON(entry);
    entry = world_last_entry(w);
    assert_string_equal(WORLD_TEXT(entry, "outcome"), "not_found");
    assert_string_equal(WORLD_TEXT(entry, "vault"), ""); /* it may have been a value */
    static const char *const bad[] = {"/v1/tokens/x", "/v1/tokens/t_",
                                      "/v1/tokens/t_0123456789012345678901234567890",
                                      "/v1/tokens/t_a%20b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        world_do(w, "DELETE", bad[i], NULL, &a);
        assert_error(&a, 404, NOT_FOUND);
    }
    /* The list shows states, and neither token nor hash. */
    world_do(w, "GET", "/v1/tokens", NULL, &a);
    assert_int_equal(a.status, 200);
    assert_null(memmem(a.body.data, a.body.len, "coffer_", 7));
    assert_null(memmem(a.body.data, a.body.len, "hash", 4));
    size_t i;
    json_t *t;
    unsigned revoked = 0, active = 0;
    json_array_foreach(json_object_get(a.json, "tokens"), i, t)
    {
        revoked += strcmp(WORLD_TEXT(t, "state"), "revoked") == 0;
        active += strcmp(WORLD_TEXT(t, "state"), "active") == 0;
    }
    assert_int_equal(revoked, 1);
    assert_int_equal(active, 1);
}

static void test_token_expires(void **state)
{
    world *w = *state;
    ANSWER(a);
    world_do(w, "POST", "/v1/tokens",
             "{\"name\":\"short\",\"scopes\":[\"read\"],\"expires_in_s\":1}", &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(WORLD_NUMBER(a.json, "expires_ms") - WORLD_NUMBER(a.json, "created_ms"), 1000);
    ANSWER(b);
    world_request req = {
        .method = "GET", .path = "/v1/schemas", .token = WORLD_TEXT(a.json, "token")};
    world_call(w, &req, &b);
    assert_int_equal(b.status, 200);
    while (cf_clock_wall_ms() <= (uint64_t)WORLD_NUMBER(a.json, "expires_ms")) {
        (void)nanosleep(&(struct timespec){0, 20000000}, NULL);
    }
    world_call(w, &req, &b);
    assert_error(&b, 401, UNAUTHENTICATED);
}

static void test_token_bodies(void **state)
{
    world *w = *state;
    static const struct {
        const char *body, *name, *code;
    } cases[] = {
        {"{\"scopes\":[\"read\"]}", "name", "missing"},
        {"{\"name\":\"\",\"scopes\":[\"read\"]}", "name", "empty"},
        {"{\"name\":7,\"scopes\":[\"read\"]}", "name", "wrong_type"},
        {"{\"name\":\"a\\u0001\",\"scopes\":[\"read\"]}", "name", "bad_value"},
        {"{\"name\":\"0123456789012345678901234567890123456789012345678901234567890123\","
         "\"scopes\":[\"read\"]}",
         "name", "too_large"},
        {"{\"name\":\"n\"}", "scopes", "missing"},
        {"{\"name\":\"n\",\"scopes\":[]}", "scopes", "empty"},
        {"{\"name\":\"n\",\"scopes\":\"read\"}", "scopes", "wrong_type"},
        {"{\"name\":\"n\",\"scopes\":[7]}", "scopes", "wrong_type"},
        {"{\"name\":\"n\",\"scopes\":[\"root\"]}", "scopes", "unsupported"},
        {"{\"name\":\"n\",\"scopes\":[\"read\",\"read\"]}", "scopes", "duplicate"},
        {"{\"name\":\"n\",\"scopes\":[\"read\"],\"expires_in_s\":0}", "expires_in_s",
         "out_of_range"},
        {"{\"name\":\"n\",\"scopes\":[\"read\"],\"expires_in_s\":3153600001}", "expires_in_s",
         "out_of_range"},
        {"{\"name\":\"n\",\"scopes\":[\"read\"],\"expires_in_s\":-1}", "expires_in_s",
         "out_of_range"},
        {"{\"name\":\"n\",\"scopes\":[\"read\"],\"expires_in_s\":\"1\"}", "expires_in_s",
         "wrong_type"},
        {"{\"name\":\"n\",\"scopes\":[\"read\"],\"hash\":\"1\"}", "hash", "unknown_member"},
        {"{\"name\":\"n\",\"scopes\":[\"read\"],\"" CANARY "\":\"1\"}", NULL, "unknown_member"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ANSWER(a);
        world_do(w, "POST", "/v1/tokens", cases[i].body, &a);
        world_assert_error(&a, 422, cf_err_from_code(cases[i].code), __FILE__, __LINE__);
        world_assert_fault(&a, 0, cases[i].name, cases[i].code);
    }
    ANSWER(a);
    world_do(w, "POST", "/v1/tokens",
             "{\"name\":\"012345678901234567890123456789012345678901234567890123456789012\","
             "\"scopes\":[\"read\",\"write\",\"decrypt\",\"admin\"],"
             "\"expires_in_s\":3153600000}",
             &a);
    assert_int_equal(a.status, 200);
}

static void test_scopes_are_not_widened(void **state)
{
    world *w = *state;
    char admin[CF_TOKEN_TEXT_BYTES + 1];
    world_token(w, "admin,read", admin, NULL);
    ANSWER(a);
    world_request req = {.method = "POST",
                         .path = "/v1/tokens",
                         .token = admin,
                         .body = "{\"name\":\"n\",\"scopes\":[\"read\"]}"};
    world_call(w, &req, &a);
    assert_int_equal(a.status, 200);
    req.body = "{\"name\":\"n\",\"scopes\":[\"read\",\"decrypt\"]}";
    world_call(w, &req, &a);
    assert_error(&a, 403, FORBIDDEN);
}

/* What its scopes forbid a token grows the log by so many entries in a second and no more. */
static void test_forbidden_entries_are_bounded(void **state)
{
    world *w = *state;
    char token[CF_TOKEN_TEXT_BYTES + 1];
    const unsigned calls = 40 * CF_API_FORBIDDEN_ENTRIES_MAX;
    world_token(w, "read", token, NULL);
    world_request req = {.method = "GET", .path = "/v1/audit", .token = token};
    uint64_t before = world_entries(w), began = cf_clock_mono_ms();
    for (unsigned i = 0; i < calls; i++) {
        ANSWER(a);
        world_call(w, &req, &a);
        assert_error(&a, 403, FORBIDDEN);
    }
    uint64_t seconds = (cf_clock_mono_ms() - began) / 1000 + 2; /* begun ones */
    uint64_t entries = world_entries(w) - before;
    assert_in_range(entries, CF_API_FORBIDDEN_ENTRIES_MAX, seconds * CF_API_FORBIDDEN_ENTRIES_MAX);
    assert_int_equal(atomic_load(&w->api->metrics.forbidden_unentered), calls - entries);
}

/* A child lives as long as its parent at most: one without an end, one with a later end, one with an earlier. */
static void test_tokens_do_not_outlive_their_parent(void **state)
{
    world *w = *state;
    ANSWER(a);
    world_do(w, "POST", "/v1/tokens",
             "{\"name\":\"short\",\"scopes\":[\"admin\"],\"expires_in_s\":100}", &a);
    assert_int_equal(a.status, 200);
    static const struct {
        const char *body;
        bool capped;
    } cases[] = {
        {"{\"name\":\"n\",\"scopes\":[\"admin\"]}", true},
        {"{\"name\":\"n\",\"scopes\":[\"admin\"],\"expires_in_s\":200}", true},
        {"{\"name\":\"n\",\"scopes\":[\"admin\"],\"expires_in_s\":50}", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ANSWER(b);
        world_request req = {.method = "POST",
                             .path = "/v1/tokens",
                             .token = WORLD_TEXT(a.json, "token"),
                             .body = cases[i].body};
        world_call(w, &req, &b);
        assert_int_equal(b.status, 200);
        int64_t end = WORLD_NUMBER(b.json, "expires_ms");
        int64_t want = cases[i].capped ? WORLD_NUMBER(a.json, "expires_ms")
                                       : WORLD_NUMBER(b.json, "created_ms") + 50000;
        assert_int_equal(end, want);
    }
}

static void test_admin_token_again(void **state)
{
    world *w = *state;
    char path[96];
    bool missing = true;
    CF_BUF(before);
    CF_BUF(after);
    (void)snprintf(path, sizeof path, "%s/admin.token", w->folder);
    assert_ok(cf_file_read(path, 64, &before));
    /* While an active admin is there none is made; without a file none either, and that is told. */
    assert_ok(cf_api_admin_token(w->api, path, &missing));
    assert_false(missing);
    assert_ok(cf_file_read(path, 64, &after));
    assert_view(cf_buf_view(&after), cf_buf_view(&before));
    ANSWER(a);
    ANSWER(b);
    world_do(w, "GET", "/v1/tokens", NULL, &a);
    const char *id = WORLD_TEXT(json_array_get(json_object_get(a.json, "tokens"), 0), "id");
    char revoke[64];
    (void)snprintf(revoke, sizeof revoke, "/v1/tokens/%s", id);
    world_do(w, "DELETE", revoke, NULL, &b);
    assert_int_equal(b.status, 200);
    world_do(w, "GET", "/v1/schemas", NULL, &b);
    assert_error(&b, 401, UNAUTHENTICATED);
    assert_ok(cf_api_admin_token(w->api, NULL, &missing));
    assert_true(missing);
    assert_ok(cf_api_admin_token(w->api, path, &missing));
    assert_false(missing);
    cf_buf_clear(&after);
    assert_ok(cf_file_read(path, 64, &after));
    memcpy(w->token, after.data, CF_TOKEN_TEXT_BYTES);
    world_do(w, "GET", "/v1/tokens", NULL, &b);
    assert_int_equal(b.status, 200);
}

static void revoke_myself(world *w)
{
    ANSWER(a);
    ANSWER(b);
    world_do(w, "GET", "/v1/tokens", NULL, &a);
    char revoke[64];
    (void)snprintf(revoke, sizeof revoke, "/v1/tokens/%s",
                   WORLD_TEXT(json_array_get(json_object_get(a.json, "tokens"), 0), "id"));
    world_do(w, "DELETE", revoke, NULL, &b);
    assert_int_equal(b.status, 200);
}

/* A token that the store does not take leaves the file as it was. One that it took without saying so is told by the next start. */
static void test_admin_file_follows_the_store(void **state)
{
    world *w = *state;
    char path[96], beside[112];
    bool missing = true;
    CF_BUF(before);
    CF_BUF(after);
    CF_BUF(none);
    (void)snprintf(path, sizeof path, "%s/admin.token", w->folder);
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    assert_ok(cf_file_read(path, 64, &before));
    revoke_myself(w);
    cf_fault fault = {.op = CF_STORE_CHANGE, .nth = 1, .err = CF_ERR_SIZE};
    assert_ok(cf_store_faulty_set(&w->store, &fault, 1));
    assert_err(cf_api_admin_token(w->api, path, &missing), SIZE);
    assert_ok(cf_file_read(path, 64, &after));
    assert_view(cf_buf_view(&after), cf_buf_view(&before));
    fault =
        (cf_fault){.op = CF_STORE_CHANGE, .nth = 1, .after = true, .err = CF_ERR_STORE_UNAVAILABLE};
    assert_ok(cf_store_faulty_set(&w->store, &fault, 1));
    assert_err(cf_api_admin_token(w->api, path, &missing), STORE_UNAVAILABLE);
    cf_buf_clear(&after);
    assert_ok(cf_file_read(path, 64, &after));
    assert_view(cf_buf_view(&after), cf_buf_view(&before));
    assert_ok(cf_store_faulty_set(&w->store, NULL, 0));
    assert_ok(cf_api_admin_token(w->api, path, &missing));
    assert_false(missing);
    assert_err(cf_file_read(beside, 64, &none), NOT_FOUND);
    cf_buf_clear(&after);
    assert_ok(cf_file_read(path, 64, &after));
    memcpy(w->token, after.data, CF_TOKEN_TEXT_BYTES);
    ANSWER(a);
    world_do(w, "GET", "/v1/tokens", NULL, &a);
    assert_int_equal(a.status, 200);
    /* What is beside and not stored is nobody's. */
    assert_ok(cf_file_write(beside, cf_buf_view(&before), 0600));
    assert_ok(cf_api_admin_token(w->api, path, &missing));
    assert_err(cf_file_read(beside, 64, &none), NOT_FOUND);
    cf_buf_clear(&none);
    assert_ok(cf_file_read(path, 64, &none));
    assert_view(cf_buf_view(&none), cf_buf_view(&after));
}

/* A store that is full of expired tokens takes new ones: the one that expired first is revoked for each. */
static void test_expired_tokens_make_room(void **state)
{
    world *w = *state;
    static const char *const body = "{\"name\":\"n\",\"scopes\":[\"read\"]}";
    ANSWER(a);
    ANSWER(b);
    world_do(w, "POST", "/v1/tokens",
             "{\"name\":\"short\",\"scopes\":[\"read\"],\"expires_in_s\":1}", &a);
    assert_int_equal(a.status, 200);
    const cf_fault full = {.op = CF_STORE_CHANGE, .nth = 1, .err = CF_ERR_SIZE};
    assert_ok(cf_store_faulty_set(&w->store, &full, 1));
    world_do(w, "POST", "/v1/tokens", body, &b);
    assert_error(&b, 413, SIZE); /* all of them live */
    while (cf_clock_wall_ms() <= (uint64_t)WORLD_NUMBER(a.json, "expires_ms")) {
        (void)nanosleep(&(struct timespec){0, 20000000}, NULL);
    }
    assert_ok(cf_store_faulty_set(&w->store, &full, 1));
    uint64_t entries = world_entries(w);
    world_do(w, "POST", "/v1/tokens", body, &b);
    assert_int_equal(b.status, 200);
    assert_int_equal(world_entries(w), entries + 2); /* token.revoke, token.create */
    cf_token t;
    assert_ok(w->store.ops->token_by_id(w->store.self, WORLD_TEXT(a.json, "id"), &t));
    assert_true(t.revoked_ms != 0);
    assert_ok(w->store.ops->token_by_id(w->store.self, WORLD_TEXT(b.json, "id"), &t));
    assert_ok(cf_store_faulty_set(&w->store, &full, 1));
    world_do(w, "POST", "/v1/tokens", body, &b);
    assert_error(&b, 413, SIZE);
}

/* A list of tokens that somebody has written into is no way to a new admin, and no reason not to serve. */
static void test_altered_tokens_make_no_admin(void **state)
{
    world *w = *state;
    char path[96];
    bool missing = true;
    CF_BUF(file);
    (void)snprintf(path, sizeof path, "%s/other.token", w->folder);
    assert_ok(cf_store_faulty_set(
        &w->store, &(cf_fault){.op = CF_STORE_TOKENS, .err = CF_ERR_ROW_ALTERED}, 1));
    assert_ok(cf_api_admin_token(w->api, path, &missing));
    assert_false(missing);
    assert_err(cf_file_read(path, 100, &file), NOT_FOUND);
    assert_ok(cf_store_faulty_set(
        &w->store, &(cf_fault){.op = CF_STORE_TOKENS, .err = CF_ERR_STORE_UNAVAILABLE}, 1));
    assert_err(cf_api_admin_token(w->api, path, &missing), STORE_UNAVAILABLE);
}

/* A list of one token whose row was altered: it may have been the admin's. */
static cf_result one_altered(void *self, cf_token *ret, size_t max, size_t *ret_n)
{
    (void)self;
    assert_true(max > 0);
    ret[0] = (cf_token){.id = "t_a", .altered = true};
    *ret_n = 1;
    return cf_ok();
}

static void close_nothing(void *self)
{
    (void)self;
}

static void test_an_altered_token_stands_for_an_admin(void **state)
{
    (void)state;
    static const cf_store_ops ops = {.tokens = one_altered, .close = close_nothing};
    world w;
    char path[96];
    bool missing = true;
    CF_BUF(file);
    world_open_on(&w, (cf_store){&ops, NULL});
    (void)snprintf(path, sizeof path, "%s/other.token", w.folder);
    assert_ok(cf_api_admin_token(w.api, path, &missing));
    assert_false(missing);
    assert_err(cf_file_read(path, 100, &file), NOT_FOUND);
    world_close(&w);
}

static void test_store_fails_at_the_token(void **state)
{
    world *w = *state;
    ANSWER(a);
    /* Not cached yet, so the store is asked; a store that cannot tell is not taken for one that says no. */
    assert_ok(cf_store_faulty_set(
        &w->store, &(cf_fault){.op = CF_STORE_TOKEN_BY_HASH, .err = CF_ERR_STORE_UNAVAILABLE}, 1));
    world_do(w, "GET", "/v1/schemas", NULL, &a);
    assert_error(&a, 503, STORE_UNAVAILABLE);
    assert_string_equal(world_header(&a, "Retry-After"), "1");
    assert_ok(cf_store_faulty_set(
        &w->store, &(cf_fault){.op = CF_STORE_TOKEN_BY_HASH, .err = CF_ERR_ROW_ALTERED}, 1));
    world_do(w, "GET", "/v1/schemas", NULL, &a);
    assert_error(&a, 401, UNAUTHENTICATED);
    assert_ok(cf_store_faulty_set(&w->store, NULL, 0));
    world_do(w, "GET", "/v1/schemas", NULL, &a);
    assert_int_equal(a.status, 200);
    uint64_t asked = cf_store_faulty_calls(&w->store, CF_STORE_TOKEN_BY_HASH);
    for (int i = 0; i < 10; i++) {
        world_do(w, "GET", "/v1/schemas", NULL, &a);
    }
    assert_int_equal(cf_store_faulty_calls(&w->store, CF_STORE_TOKEN_BY_HASH), asked);
}

static void test_health_and_metrics(void **state)
{
    world *w = *state;
    ANSWER(a);
    world_call(w, &(world_request){.method = "GET", .path = "/health"}, &a);
    assert_int_equal(a.status, 200);
    assert_string_equal(WORLD_TEXT(a.json, "status"), "ok");
    /* Asked again within the time it is kept for, nobody else is asked. */
    unsigned calls = w->agent.calls;
    w->agent.transport = CF_ERR_NOT_FOUND;
    w->kms.status = 400;
    w->kms.body = "{\"__type\":\"NotFoundException\"}";
    world_call(w, &(world_request){.method = "GET", .path = "/health"}, &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(w->agent.calls, calls);
    (void)nanosleep(&(struct timespec){CF_API_HEALTH_CACHE_MS / 1000, 50000000}, NULL);
    world_call(w, &(world_request){.method = "GET", .path = "/health"}, &a);
    assert_int_equal(a.status, 503);
    assert_string_equal(WORLD_TEXT(a.json, "status"), "degraded");
    assert_string_equal(WORLD_TEXT(a.json, "store"), "ok");
    assert_string_equal(WORLD_TEXT(a.json, "enclave"), "unavailable");
    assert_string_equal(WORLD_TEXT(a.json, "kms"), "refused");
    world_do(w, "GET", "/metrics", NULL, &a);
    assert_int_equal(a.status, 200);
    assert_non_null(memmem(a.body.data, a.body.len, "route=\"/health\",status=\"5xx\"} 1\n", 31));
    assert_non_null(memmem(a.body.data, a.body.len, "\ncoffer_api_in_flight 1\n", 24));
}

static void test_schemas(void **state)
{
    world *w = *state;
    ANSWER(a);
    world_do(w, "GET", "/v1/schemas", NULL, &a);
    assert_int_equal(a.status, 200);
    assert_string_equal(json_string_value(json_array_get(json_object_get(a.json, "schemas"), 0)),
                        "person");
    world_do(w, "GET", "/v1/schemas/person", NULL, &a);
    assert_int_equal(a.status, 200);
    assert_non_null(a.json);
    world_do(w, "GET", "/v1/schemas/nobody", NULL, &a);
    assert_error(&a, 404, NOT_FOUND);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_every_route_without_token),
        T(test_every_route_with_each_wrong_scope),
        T(test_every_route_with_its_scope),
        T(test_route_unknown_and_method),
        T(test_body_limits),
        T(test_media_type),
        T(test_malformed_json),
        T(test_request_id),
        T(test_deadline_over),
        T(test_token_life),
        T(test_token_expires),
        T(test_token_bodies),
        T(test_scopes_are_not_widened),
        T(test_forbidden_entries_are_bounded),
        T(test_tokens_do_not_outlive_their_parent),
        T(test_admin_token_again),
        T(test_admin_file_follows_the_store),
        T(test_expired_tokens_make_room),
        T(test_altered_tokens_make_no_admin),
        cmocka_unit_test(test_an_altered_token_stands_for_an_admin),
        T(test_store_fails_at_the_token),
        T(test_health_and_metrics),
        T(test_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
