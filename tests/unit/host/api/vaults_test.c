/* SPDX-License-Identifier: Apache-2.0 */
/* Vaults from creation to deletion, decrypting, the audit log, and what happens when one of the others fails. */
#include "tests/unit/host/api/world.h"

#define UNKNOWN "v_000000000000000000000000000"

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

static void decrypt(world *w, const char *id, const char *body, world_answer *a)
{
    world_do(w, "POST", world_path(id, "/decrypt"), body, a);
}

/* One field's value, "" when it is not in the data. */
static const char *value(const world_answer *a, const char *field)
{
    const char *v = WORLD_TEXT(json_object_get(a->json, "data"), field);
    return v != NULL ? v : "";
}

static void assert_body(const world_answer *a, const char *text)
{
    assert_int_equal(a->status, 200);
    assert_view(cf_buf_view(&a->body), cf_view_str(text));
}

static void test_life(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    ANSWER(a);
    world_do(w, "POST", "/v1/vaults",
             "{\"first_name\":\"Ada\",\"email\":\"ada@example.org\",\"ssn9\":\"123456789\"}", &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(WORLD_NUMBER(a.json, "version"), 1);
    assert_string_equal(world_header(&a, "ETag"), "\"1\"");
    (void)snprintf(id, sizeof id, "%s", WORLD_TEXT(a.json, "id"));
    assert_string_equal(world_header(&a, "Location"), world_path(id, ""));
    CF_JSON(entry);
    entry = world_last_entry(w);
    assert_string_equal(WORLD_TEXT(entry, "action"), "vault.create");
    assert_string_equal(WORLD_TEXT(entry, "vault"), id);
    assert_int_equal(WORLD_NUMBER(entry, "version"), 1);
    assert_int_equal(WORLD_NUMBER(entry, "seal"), CF_ROW_SEAL_BYTES);
    assert_int_equal(json_array_size(json_object_get(entry, "fields")), 4);

    world_do(w, "GET", world_path(id, "?fields=last_name,email,ssn4"), NULL, &a);
    assert_body(&a, "{\"last_name\":false,\"email\":true,\"ssn4\":true}");
    world_do(w, "GET", world_path(id, ""), NULL, &a);
    assert_int_equal(json_object_size(a.json), 15);
    assert_true(json_is_true(json_object_get(a.json, "first_name")));
    assert_true(json_is_false(json_object_get(a.json, "city")));

    decrypt(w, id, "{\"fields\":[\"ssn4\",\"city\",\"first_name\"],\"reason\":\"look\"}", &a);
    assert_body(&a, "{\"data\":{\"ssn4\":\"6789\",\"first_name\":\"Ada\"},\"errors\":[{\"field\":"
                    "\"city\",\"code\":\"not_set\"}]}");

    world_do(w, "PATCH", world_path(id, ""), "{\"first_name\":\"Augusta Ada\",\"city\":\"London\"}",
             &a);
    assert_body(&a, "{\"version\":2}");
    assert_string_equal(world_header(&a, "ETag"), "\"2\"");
    decrypt(w, id, "{\"fields\":[\"email\",\"city\",\"first_name\"],\"reason\":\"look\"}", &a);
    assert_body(&a, "{\"data\":{\"email\":\"ada@example.org\",\"city\":\"London\",\"first_name\":"
                    "\"Augusta Ada\"},\"errors\":[]}");

    world_do(w, "DELETE", world_path(id, ""), "{\"fields\":[\"ssn9\",\"last_name\"]}", &a);
    assert_body(&a, "{\"version\":3}");
    world_do(w, "GET", world_path(id, "?fields=ssn9,ssn4,email"), NULL, &a);
    assert_body(&a, "{\"ssn9\":false,\"ssn4\":false,\"email\":true}");
    /* Nothing of it is set any more: nothing changes. */
    world_do(w, "DELETE", world_path(id, ""), "{\"fields\":[\"ssn9\"]}", &a);
    assert_body(&a, "{\"version\":3}");

    world_do(w, "DELETE", world_path(id, ""), "{\"delete_all\":true}", &a);
    assert_body(&a, "{\"version\":4}");
    world_do(w, "GET", world_path(id, ""), NULL, &a);
    assert_error(&a, 404, VAULT_UNKNOWN);
    world_do(w, "PATCH", world_path(id, ""), "{\"city\":\"x\"}", &a);
    assert_error(&a, 404, VAULT_UNKNOWN);
    world_do(w, "DELETE", world_path(id, ""), "{\"delete_all\":true}", &a);
    assert_error(&a, 404, VAULT_UNKNOWN);
    decrypt(w, id, "{\"fields\":[\"email\"],\"reason\":\"r\"}", &a);
    assert_error(&a, 404, VAULT_UNKNOWN);
    world_do(w, "GET", world_path(id, "/audit"), NULL, &a);
    assert_int_equal(a.status, 200);
}

/* After the delete nothing is left of the keys in the row. */
static void test_tombstone(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    world_vault(w, "{\"email\":\"a@example.org\"}", id);
    ANSWER(a);
    world_do(w, "DELETE", world_path(id, ""), "{\"delete_all\":true}", &a);
    assert_int_equal(a.status, 200);
    CF_BUF(row);
    CF_BUF(seal);
    CF_ARENA(arena, 1 << 20);
    cf_row r;
    assert_ok(w->store.ops->get(w->store.self, cf_view_str(id), &row, &seal));
    assert_ok(cf_row_check(&w->row_key, cf_buf_view(&row), cf_buf_view(&seal)));
    assert_ok(cf_row_decode(cf_buf_view(&row), &arena, &r));
    assert_true(r.tombstone);
    assert_int_equal(r.version, 2);
    assert_int_equal(r.wrapped_key.len + r.public_key.len + r.fields_n + r.writes_n, 0);
}

static void test_unknown_vault(void **state)
{
    world *w = *state;
    static const char *const ids[] = {UNKNOWN,
                                      "x",
                                      "v_",
                                      "v_00000000000000000000000000",
                                      "v_0000000000000000000000000000",
                                      "v_00000000000000000000000000%41",
                                      "V_000000000000000000000000000",
                                      ("v_" CANARY)};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        ANSWER(a);
        world_do(w, "GET", world_path(ids[i], ""), NULL, &a);
        assert_error(&a, 404, VAULT_UNKNOWN);
        world_do(w, "GET", world_path(ids[i], "/audit"), NULL, &a);
        assert_error(&a, 404, VAULT_UNKNOWN);
        world_do(w, "PATCH", world_path(ids[i], ""), "{\"city\":\"" CANARY "\"}", &a);
        assert_error(&a, 404, VAULT_UNKNOWN);
        world_do(w, "DELETE", world_path(ids[i], ""), "{\"delete_all\":true}", &a);
        assert_error(&a, 404, VAULT_UNKNOWN);
        decrypt(w, ids[i], "{\"fields\":[\"city\"],\"reason\":\"r\"}", &a);
        assert_error(&a, 404, VAULT_UNKNOWN);
        /* The attempt is in the log, under the id if it is one; other texts may be anything. */
        CF_JSON(entry);
        entry = world_last_entry(w);
        assert_string_equal(WORLD_TEXT(entry, "outcome"), "vault_unknown");
        assert_string_equal(WORLD_TEXT(entry, "vault"), i == 0 ? UNKNOWN : "");
    }
}

static void test_create_refused(void **state)
{
    world *w = *state;
    ANSWER(a);
    world_do(w, "POST", "/v1/vaults?schema=nobody", "{}", &a);
    world_assert_error(&a, 422, CF_ERR_UNSUPPORTED, __FILE__, __LINE__);
    world_assert_fault(&a, 0, "schema", "unsupported");
    world_do(w, "POST", "/v1/vaults?schema=person", "{}", &a);
    assert_int_equal(a.status, 200);
    /* All faults at once; a name that could be a value is not told, but its place is. */
    world_do(w, "POST", "/v1/vaults",
             "{\"email\":7,\"nickname\":\"" CANARY "\",\"" CANARY
             "\":\"x\",\"Email\":\"x\",\"_sk\":\"x\",\"pk\":\"x\",\"dob\":\"" CANARY
             "\",\"city\":null}",
             &a);
    assert_int_equal(a.status, 422);
    assert_int_equal(json_array_size(json_object_get(a.json, "fields")), 8);
    assert_null(memmem(a.body.data, a.body.len, CANARY, strlen(CANARY)));
    world_assert_fault(&a, 0, "email", "wrong_type");
    world_assert_fault(&a, 1, "nickname", "unknown_field");
    world_assert_fault(&a, 2, NULL, "bad_name");
    world_assert_fault(&a, 3, NULL, "bad_name");
    world_assert_fault(&a, 4, NULL, "reserved_field");
    world_assert_fault(&a, 5, "pk", "reserved_field");
    world_assert_fault(&a, 6, "dob", "bad_value");
    world_assert_fault(&a, 7, "city", "wrong_type");
    assert_int_equal(w->kms.calls,
                     1); /* of the vault that was made; the rest was refused before KMS was asked */
}

static void test_kms_fails(void **state)
{
    world *w = *state;
    static const struct {
        world_peer peer;
        unsigned status;
        cf_err code;
    } cases[] = {
        {{.transport = CF_ERR_KMS_UNAVAILABLE}, 503, CF_ERR_KMS_UNAVAILABLE},
        {{.transport = CF_ERR_KMS_ANSWER}, 502, CF_ERR_KMS_ANSWER},
        {{.transport = CF_ERR_NO_MEMORY}, 503, CF_ERR_NO_MEMORY},
        {{.status = 400, .body = "{\"__type\":\"ThrottlingException\"}"},
         503,
         CF_ERR_KMS_UNAVAILABLE},
        {{.status = 400,
          .body = "{\"__type\":\"AccessDeniedException\",\"message\":\"" CANARY "\"}"},
         502,
         CF_ERR_KMS_REFUSED},
        {{.status = 500, .body = "{\"__type\":\"KMSInternalException\"}"},
         503,
         CF_ERR_KMS_UNAVAILABLE},
        {{.status = 200, .body = "{}"}, 502, CF_ERR_KMS_ANSWER},
        {{.status = 200, .body = "no json"}, 502, CF_ERR_KMS_ANSWER},
        {{.status = 200, .body = "{\"PublicKey\":\"AAAA\",\"PrivateKeyCiphertextBlob\":\"AAAA\"}"},
         502,
         CF_ERR_KMS_ANSWER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ANSWER(a);
        w->kms = cases[i].peer;
        world_do(w, "POST", "/v1/vaults", "{\"city\":\"" CANARY "\"}", &a);
        world_assert_error(&a, cases[i].status, cases[i].code, __FILE__, __LINE__);
        CF_JSON(entry);
        entry = world_last_entry(w);
        assert_string_equal(WORLD_TEXT(entry, "outcome"), cf_err_code(cases[i].code));
    }
}

static void test_enclave_fails(void **state)
{
    world *w = *state;
    static const struct {
        world_peer peer;
        unsigned status;
        cf_err code;
    } cases[] = {
        {{.transport = CF_ERR_NOT_FOUND}, 503, CF_ERR_ENCLAVE_UNAVAILABLE},
        {{.transport = CF_ERR_CLOSED}, 503, CF_ERR_ENCLAVE_UNAVAILABLE},
        {{.transport = CF_ERR_TIMEOUT}, 504, CF_ERR_TIMEOUT},
        {{.status = 502, .body = "\xa1\x01\x6bkms_refused"}, 502, CF_ERR_KMS_REFUSED},
        {{.status = 503, .body = "\xa1\x01\x6fkms_unavailable"}, 503, CF_ERR_KMS_UNAVAILABLE},
        {{.status = 502,
          .body = "\xa1\x01\x67"
                  "bad_key"},
         502,
         CF_ERR_KEY},
        {{.status = 503,
          .body = "\xa1\x01\x64"
                  "busy"},
         503,
         CF_ERR_BUSY},
        {{.status = 503, .body = "\xa1\x01\x6bwrong_state"}, 503, CF_ERR_ENCLAVE_UNAVAILABLE},
        {{.status = 504, .body = "\xa1\x01\x67timeout"}, 504, CF_ERR_TIMEOUT},
        {{.status = 400, .body = "\xa1\x01\x69malformed"}, 500, CF_ERR_INTERNAL},
        {{.status = 503, .body = "<html>" CANARY "</html>"}, 503, CF_ERR_ENCLAVE_UNAVAILABLE},
        {{.status = 404, .body = "no such thing"}, 500, CF_ERR_INTERNAL},
        {{.status = 200, .body = "\xff"}, 500, CF_ERR_INTERNAL},
        {{.status = 200, .body = "\xa1\x01\x80"}, 500, CF_ERR_INTERNAL}, /* no results */
        {{.disorder = true}, 500, CF_ERR_INTERNAL},
    };
    char id[CF_VAULT_ID_BYTES + 1];
    world_vault(w, "{\"city\":\"" CANARY "\",\"email\":\"" CANARY "@example.org\"}", id);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ANSWER(a);
        w->agent = cases[i].peer;
        decrypt(w, id, "{\"fields\":[\"city\",\"email\"],\"reason\":\"r\"}", &a);
        world_assert_error(&a, cases[i].status, cases[i].code, __FILE__, __LINE__);
        CF_JSON(entry);
        entry = world_last_entry(w);
        assert_string_equal(WORLD_TEXT(entry, "outcome"), cf_err_code(cases[i].code));
        assert_string_equal(WORLD_TEXT(entry, "reason"), "r");
        assert_int_equal(json_array_size(json_object_get(entry, "fields")), 2);
        assert_int_equal(WORLD_NUMBER(entry, "boot"), cases[i].peer.transport == CF_OK ? 16 : 0);
    }
    w->agent = (world_peer){.spoil = true};
    ANSWER(a);
    decrypt(w, id, "{\"fields\":[\"city\",\"email\"],\"reason\":\"r\"}", &a);
    assert_body(&a, "{\"data\":{\"email\":\"" CANARY
                    "@example.org\"},\"errors\":[{\"field\":\"city\",\"code\":\"open_failed\"}]}");
    CF_JSON(entry);
    entry = world_last_entry(w);
    assert_string_equal(WORLD_TEXT(entry, "outcome"), "open_failed");
}

static void test_decrypt_refused(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    world_vault(w, "{\"city\":\"c\"}", id);
    static const struct {
        const char *body, *name, *code;
    } cases[] = {
        {"{\"fields\":[],\"reason\":\"r\"}", "fields", "empty"},
        {"{\"reason\":\"r\"}", "fields", "missing"},
        {"{\"fields\":\"city\",\"reason\":\"r\"}", "fields", "wrong_type"},
        {"{\"fields\":[7],\"reason\":\"r\"}", NULL, "wrong_type"},
        {"{\"fields\":[\"city\"]}", "reason", "missing"},
        {"{\"fields\":[\"city\"],\"reason\":\"\"}", "reason", "empty"},
        {"{\"fields\":[\"city\"],\"reason\":7}", "reason", "wrong_type"},
        {"{\"fields\":[\"city\",\"city\"],\"reason\":\"r\"}", "city", "duplicate"},
        {"{\"fields\":[\"nickname\"],\"reason\":\"r\"}", "nickname", "unknown_field"},
        {"{\"fields\":[\"City\"],\"reason\":\"r\"}", NULL, "bad_name"},
        {"{\"fields\":[\"\"],\"reason\":\"r\"}", NULL, "bad_name"},
        {"{\"fields\":[\"_sk\"],\"reason\":\"r\"}", NULL, "reserved_field"},
        {"{\"fields\":[\"pk\"],\"reason\":\"r\"}", "pk", "reserved_field"},
        {"{\"fields\":[\"version\"],\"reason\":\"r\"}", "version", "reserved_field"},
        {"{\"fields\":[\"a2345678901234567890123456789012345678901234567890123456789012345\"],"
         "\"reason\":\"r\"}",
         NULL, "bad_name"},
        {"{\"fields\":[\"" CANARY "\"],\"reason\":\"r\"}", NULL, "bad_name"},
        {"{\"fields\":[\"city\"],\"reason\":\"r\",\"expression\":{}}", "expression",
         "unknown_member"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ANSWER(a);
        decrypt(w, id, cases[i].body, &a);
        world_assert_error(&a, 422, cf_err_from_code(cases[i].code), __FILE__, __LINE__);
        world_assert_fault(&a, 0, cases[i].name, cases[i].code);
        CF_JSON(entry);
        entry = world_last_entry(w);
        assert_string_equal(WORLD_TEXT(entry, "action"), "vault.decrypt");
        assert_string_equal(WORLD_TEXT(entry, "outcome"), cases[i].code);
        assert_int_equal(json_array_size(json_object_get(entry, "fields")), 0);
    }
    assert_int_equal(w->agent.calls, 0);
    /* Nothing stored of what is asked: nobody is asked, but it is entered. */
    ANSWER(a);
    decrypt(w, id, "{\"fields\":[\"email\"],\"reason\":\"r\"}", &a);
    assert_body(&a, "{\"data\":{},\"errors\":[{\"field\":\"email\",\"code\":\"not_set\"}]}");
    assert_int_equal(w->agent.calls, 0);
}

static void test_reason_limits(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1], body[CF_REASON_BYTES_MAX + 100],
        reason[CF_REASON_BYTES_MAX + 2] = {0};
    world_vault(w, "{\"city\":\"c\"}", id);
    for (size_t len = CF_REASON_BYTES_MAX - 1; len <= CF_REASON_BYTES_MAX + 1; len++) {
        ANSWER(a);
        CF_JSON(entry);
        memset(reason, 'r', len);
        (void)snprintf(body, sizeof body, "{\"fields\":[\"city\"],\"reason\":\"%s\"}", reason);
        decrypt(w, id, body, &a);
        if (len > CF_REASON_BYTES_MAX) {
            assert_error(&a, 422, SIZE);
            world_assert_fault(&a, 0, "reason", "too_large");
            continue;
        }
        assert_int_equal(a.status, 200);
        entry = world_last_entry(w);
        assert_string_equal(WORLD_TEXT(entry, "reason"), reason);
    }
}

static void test_audit_must_be_durable(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    world_vault(w, "{\"city\":\"" CANARY "\"}", id);
    ANSWER(a);
    static const cf_err errors[] = {CF_ERR_STORE_UNAVAILABLE, CF_ERR_AUDIT_ALTERED, CF_ERR_BUSY};
    static const struct {
        unsigned status;
        cf_err code;
    } told[] = {{503, CF_ERR_AUDIT_UNAVAILABLE}, {500, CF_ERR_AUDIT_ALTERED}, {503, CF_ERR_BUSY}};
    for (size_t i = 0; i < 3; i++) {
        assert_ok(cf_store_faulty_set(&w->store,
                                      &(cf_fault){.op = CF_STORE_CHANGE, .err = errors[i]}, 1));
        decrypt(w, id, "{\"fields\":[\"city\"],\"reason\":\"r\"}", &a);
        world_assert_error(&a, told[i].status, told[i].code, __FILE__, __LINE__);
        world_do(w, "GET", "/v1/audit", NULL, &a);
        world_assert_error(&a, told[i].status, told[i].code, __FILE__, __LINE__);
    }
    assert_true(atomic_load(&w->api->metrics.audit_lost) > 0);
    assert_true(atomic_load(&w->api->metrics.store_failing));
    /* Changes are refused as such: nothing was acknowledged. */
    assert_ok(cf_store_faulty_set(
        &w->store, &(cf_fault){.op = CF_STORE_CHANGE, .err = CF_ERR_STORE_UNAVAILABLE}, 1));
    world_do(w, "PATCH", world_path(id, ""), "{\"city\":\"" CANARY "\"}", &a);
    assert_error(&a, 503, STORE_UNAVAILABLE);
    assert_ok(cf_store_faulty_set(&w->store, NULL, 0));
    decrypt(w, id, "{\"fields\":[\"city\"],\"reason\":\"r\"}", &a);
    assert_string_equal(value(&a, "city"), CANARY);
    assert_false(atomic_load(&w->api->metrics.store_failing));
    /* Reading is not possible either. */
    assert_ok(cf_store_faulty_set(
        &w->store, &(cf_fault){.op = CF_STORE_GET, .err = CF_ERR_STORE_UNAVAILABLE}, 1));
    decrypt(w, id, "{\"fields\":[\"city\"],\"reason\":\"r\"}", &a);
    assert_error(&a, 503, STORE_UNAVAILABLE);
}

static void test_if_match(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    world_vault(w, "{\"city\":\"c\"}", id);
    static const struct {
        const char *tag;
        unsigned status;
    } cases[] = {{"\"2\"", 412},        {"\"1\"", 200},   {"\"1\"", 412}, {"2", 200}, {"*", 200},
                 {"\"9\", \"4\"", 200}, {"W/\"5\"", 412}, {"\"x\"", 412}, {"x", 400}, {NULL, 200}};
    uint64_t version = 1;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ANSWER(a);
        world_call(w,
                   &(world_request){.method = "PATCH",
                                    .path = world_path(id, ""),
                                    .body = "{\"email\":\"e@example.org\"}",
                                    .token = w->token,
                                    .if_match = cases[i].tag},
                   &a);
        version += cases[i].status == 200;
        if (cases[i].status == 200) {
            assert_int_equal(a.status, 200);
            assert_int_equal(WORLD_NUMBER(a.json, "version"), version);
        } else if (cases[i].status == 412) {
            assert_error(&a, 412, VERSION_MISMATCH);
        } else {
            assert_error(&a, 400, MALFORMED);
        }
    }
    ANSWER(a);
    world_call(w,
               &(world_request){.method = "DELETE",
                                .path = world_path(id, ""),
                                .body = "{\"delete_all\":true}",
                                .token = w->token,
                                .if_match = "\"1\""},
               &a);
    assert_error(&a, 412, VERSION_MISMATCH);
    world_do(w, "GET", world_path(id, "?fields=city"), NULL, &a);
    assert_body(&a, "{\"city\":true}");
}

/* Another process at the same store comes between reading and writing: once, and for ever. */
static void test_race(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    world_vault(w, "{\"city\":\"c\"}", id);
    ANSWER(a);
    assert_ok(cf_store_faulty_set(
        &w->store, &(cf_fault){.op = CF_STORE_CHANGE, .nth = 1, .err = CF_ERR_VERSION_MISMATCH},
        1));
    world_do(w, "PATCH", world_path(id, ""), "{\"email\":\"e@example.org\"}", &a);
    assert_body(&a, "{\"version\":2}");
    assert_int_equal(cf_store_faulty_calls(&w->store, CF_STORE_CHANGE), 2);
    /* The store refuses the version of the very row it gives, time after time. */
    assert_ok(cf_store_faulty_set(
        &w->store, &(cf_fault){.op = CF_STORE_CHANGE, .err = CF_ERR_VERSION_MISMATCH}, 1));
    world_do(w, "PATCH", world_path(id, ""), "{\"email\":\"e@example.org\"}", &a);
    assert_error(&a, 500, ROW_ALTERED);
    assert_int_equal(cf_store_faulty_calls(&w->store, CF_STORE_CHANGE),
                     CF_API_CHANGE_TRIES_MAX + 1);
}

typedef struct {
    world *w;
    const char *path;
    unsigned done;
} patcher;

static void *patch_many(void *arg)
{
    patcher *p = arg;
    for (int i = 0; i < 10; i++) {
        ANSWER(a);
        world_request req = {
            .method = "PATCH", .path = p->path, .body = "{\"city\":\"c\"}", .token = p->w->token};
        world_call_from(p->w, &req, &a);
        p->done += a.status == 200;
    }
    return NULL;
}

/* Changes without If-Match that meet are all made, none is lost and none is refused. */
static void test_changes_meet(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1], path[64];
    world_vault(w, "{\"city\":\"c\"}", id);
    (void)snprintf(path, sizeof path, "%s", world_path(id, ""));
    pthread_t threads[8];
    patcher p[8];
    for (size_t i = 0; i < 8; i++) {
        p[i] = (patcher){w, path, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, patch_many, &p[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(p[i].done, 10);
    }
    ANSWER(a);
    world_do(w, "GET", path, NULL, &a);
    assert_string_equal(world_header(&a, "ETag"), "\"81\"");
}

static void test_derived(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    ANSWER(a);
    world_do(w, "POST", "/v1/vaults", "{\"ssn9\":\"123456789\",\"ssn4\":\"6780\"}", &a);
    assert_error(&a, 422, BAD_VALUE);
    world_assert_fault(&a, 0, "ssn4", "bad_value");
    world_vault(w, "{\"ssn9\":\"123456789\",\"ssn4\":\"6789\"}", id);
    world_do(w, "PATCH", world_path(id, ""), "{\"ssn4\":\"1111\"}", &a);
    assert_error(&a, 422, BAD_VALUE);
    world_do(w, "PATCH", world_path(id, ""), "{\"ssn9\":\"987654321\"}", &a);
    assert_int_equal(a.status, 200);
    decrypt(w, id, "{\"fields\":[\"ssn4\"],\"reason\":\"r\"}", &a);
    assert_string_equal(value(&a, "ssn4"), "4321");
    world_do(w, "DELETE", world_path(id, ""), "{\"fields\":[\"ssn4\"]}", &a);
    assert_int_equal(a.status, 200);
    world_do(w, "GET", world_path(id, "?fields=ssn4,ssn9"), NULL, &a);
    assert_body(&a, "{\"ssn4\":false,\"ssn9\":true}");
    world_vault(w, "{\"ssn4\":\"1111\"}", id);
    world_do(w, "PATCH", world_path(id, ""), "{\"ssn4\":\"2222\"}", &a);
    assert_int_equal(a.status, 200);
}

static void test_update_refused(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    world_vault(w, "{\"city\":\"c\"}", id);
    ANSWER(a);
    world_do(w, "PATCH", world_path(id, ""), "{}", &a);
    assert_error(&a, 422, EMPTY);
    world_do(w, "PATCH", world_path(id, ""), "{\"city\":null}", &a);
    assert_error(&a, 422, WRONG_TYPE);
    world_do(w, "PATCH", world_path(id, ""), "{\"_pk\":\"" CANARY "\"}", &a);
    assert_error(&a, 422, RESERVED_FIELD);
    static const struct {
        const char *body, *code;
    } deletes[] = {
        {"{}", "missing"},
        {"{\"delete_all\":true,\"fields\":[\"city\"]}", "bad_value"},
        {"{\"delete_all\":false}", "bad_value"},
        {"{\"delete_all\":1}", "wrong_type"},
        {"{\"delete_all\":\"true\"}", "wrong_type"},
        {"{\"fields\":[]}", "empty"},
        {"{\"fields\":null}", "wrong_type"},
        {"{\"fields\":[\"_sk\"]}", "reserved_field"},
        {"{\"fields\":[\"wrapped\"]}", "unknown_field"},
        {"{\"fields\":[\"city\",\"city\"]}", "duplicate"},
        {"{\"fields\":[\"city\"],\"all\":true}", "unknown_member"},
    };
    for (size_t i = 0; i < sizeof deletes / sizeof deletes[0]; i++) {
        world_do(w, "DELETE", world_path(id, ""), deletes[i].body, &a);
        world_assert_error(&a, 422, cf_err_from_code(deletes[i].code), __FILE__, __LINE__);
    }
    world_do(w, "GET", world_path(id, ""), NULL, &a);
    assert_string_equal(world_header(&a, "ETag"), "\"1\"");
}

static void test_read_refused(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    world_vault(w, "{\"city\":\"c\"}", id);
    static const struct {
        const char *query;
        cf_err code;
    } cases[] = {{"?fields=", CF_ERR_EMPTY},
                 {"?fields=city,", CF_ERR_BAD_NAME},
                 {"?fields=city,city", CF_ERR_DUPLICATE},
                 {"?fields=nickname", CF_ERR_UNKNOWN_FIELD},
                 {"?fields=City", CF_ERR_BAD_NAME},
                 {"?fields=_sk", CF_ERR_RESERVED_FIELD},
                 {"?fields=city,email;x", CF_ERR_BAD_NAME}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ANSWER(a);
        world_do(w, "GET", world_path(id, cases[i].query), NULL, &a);
        world_assert_error(&a, 422, cases[i].code, __FILE__, __LINE__);
    }
}

static void test_fields_list_limits(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    world_vault(w, "{\"city\":\"c\"}", id);
    for (size_t n = CF_REQUEST_FIELDS_MAX - 1; n <= CF_REQUEST_FIELDS_MAX + 1; n++) {
        static char body[CF_API_NAMES_BODY_BYTES_MAX];
        size_t at = (size_t)snprintf(body, sizeof body, "{\"reason\":\"r\",\"fields\":[");
        for (size_t i = 0; i < n; i++) {
            at += (size_t)snprintf(body + at, sizeof body - at, "%s\"f%zu\"", i > 0 ? "," : "", i);
        }
        (void)snprintf(body + at, sizeof body - at, "]}");
        ANSWER(a);
        decrypt(w, id, body, &a);
        /* Up to the limit each name is looked at, and all told up to another limit. */
        bool over = n > CF_REQUEST_FIELDS_MAX;
        world_assert_error(&a, 422, over ? CF_ERR_SIZE : CF_ERR_UNKNOWN_FIELD, __FILE__, __LINE__);
        assert_int_equal(json_array_size(json_object_get(a.json, "fields")),
                         over ? 1 : CF_API_FAULTS_MAX);
    }
}

static void test_row_altered(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1], other[CF_VAULT_ID_BYTES + 1];
    world_vault(w, "{\"city\":\"" CANARY "\"}", id);
    world_vault(w, "{\"city\":\"" CANARY "\"}", other);
    CF_BUF(row);
    CF_BUF(seal);
    uint64_t seq = 0;
    cf_audit_entry entry = {.action = CF_LIT("vault.update"),
                            .outcome = CF_LIT("ok"),
                            .actor = CF_LIT("-"),
                            .tenant = CF_LIT("default")};
    assert_ok(w->store.ops->get(w->store.self, cf_view_str(other), &row, &seal));
    /* The whole row of another vault with its seal, put in this one's place. */
    cf_store_put put = {CF_PUT_REPLACE,    cf_view_str(id),   1, 1,
                        cf_buf_view(&row), cf_buf_view(&seal)};
    assert_ok(w->store.ops->change(w->store.self, &(cf_store_change){.put = &put, .entry = &entry},
                                   CF_DEADLINE_NONE, &seq));
    static const char *const methods[] = {"GET", "PATCH", "DELETE", "POST"};
    static const char *const bodies[] = {NULL, "{\"city\":\"" CANARY "\"}", "{\"delete_all\":true}",
                                         "{\"fields\":[\"city\"],\"reason\":\"r\"}"};
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < 4; i++) {
            ANSWER(a);
            world_do(w, methods[i], world_path(id, i == 3 ? "/decrypt" : ""), bodies[i], &a);
            assert_error(&a, 500, ROW_ALTERED);
        }
        CF_JSON(last);
        last = world_last_entry(w);
        assert_string_equal(WORLD_TEXT(last, "outcome"), "row_altered");
        /* Second round: one bit of the row. */
        row.data[row.len - 1] ^= 1;
        put.id = cf_view_str(id);
        assert_ok(w->store.ops->change(w->store.self,
                                       &(cf_store_change){.put = &put, .entry = &entry},
                                       CF_DEADLINE_NONE, &seq));
    }
    assert_int_equal(w->agent.calls, 0);
}

static void test_audit_pages(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    ANSWER(a);
    world_vault(w, "{\"city\":\"c\"}", id);
    for (int i = 0; i < 5; i++) {
        decrypt(w, id, "{\"fields\":[\"city\"],\"reason\":\"a\\\"\\n\\u00e9\"}", &a);
    }
    world_do(w, "GET", world_path(id, "/audit?limit=4"), NULL, &a);
    assert_int_equal(a.status, 200);
    const json_t *entries = json_object_get(a.json, "entries");
    assert_int_equal(json_array_size(entries), 4);
    const json_t *first = json_array_get(entries, 0);
    assert_string_equal(WORLD_TEXT(first, "action"), "vault.decrypt");
    assert_string_equal(WORLD_TEXT(first, "reason"), "a\"\n\xc3\xa9");
    assert_string_equal(WORLD_TEXT(first, "vault"), id);
    assert_string_equal(WORLD_TEXT(first, "boot_id"), "000102030405060708090a0b0c0d0e0f");
    assert_int_equal(strlen(WORLD_TEXT(first, "pcr0")), 96);
    assert_int_equal(strlen(WORLD_TEXT(first, "hash")), 96);
    json_int_t next = WORLD_NUMBER(a.json, "next");
    assert_int_equal(next, WORLD_NUMBER(json_array_get(entries, 3), "seq"));
    char query[64];
    (void)snprintf(query, sizeof query, "/audit?limit=4&before=%" JSON_INTEGER_FORMAT, next);
    world_do(w, "GET", world_path(id, query), NULL, &a);
    entries = json_object_get(a.json, "entries");
    assert_int_equal(json_array_size(entries), 2);
    assert_string_equal(WORLD_TEXT(json_array_get(entries, 1), "action"), "vault.create");
    assert_true(json_is_null(json_object_get(a.json, "next")));
    /* Reading is entered, once per page. */
    CF_JSON(last);
    last = world_last_entry(w);
    assert_string_equal(WORLD_TEXT(last, "action"), "audit.read");
    assert_string_equal(WORLD_TEXT(last, "vault"), id);
    static const struct {
        const char *query;
        bool ok;
    } cases[] = {{"?limit=1", true},
                 {"?limit=999", true},
                 {"?limit=1000", true},
                 {"?limit=1001", false},
                 {"?limit=0", false},
                 {"?limit=", false},
                 {"?limit=-1", false},
                 {"?limit=1x", false},
                 {"?before=0", false},
                 {"?before=1", true},
                 {"?before=x", false},
                 {"?limit=00", false},
                 {"?before=18446744073709551615", true},
                 {"?before=18446744073709551616", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "/v1/audit%s", cases[i].query);
        world_do(w, "GET", path, NULL, &a);
        if (cases[i].ok) {
            assert_int_equal(a.status, 200);
        } else {
            assert_error(&a, 422, RANGE);
        }
    }
    world_do(w, "GET", "/v1/audit?before=1", NULL, &a);
    assert_int_equal(json_array_size(json_object_get(a.json, "entries")), 0);
}

static void test_encoding_2(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    ANSWER(a);
    world_vault(w, "{\"city\":\"c\",\"email\":\"e@example.org\"}", id);
    w->api->encoding = CF_ENC_BINARY;
    world_do(w, "PATCH", world_path(id, ""), "{\"city\":\"d\"}", &a);
    assert_int_equal(a.status, 200);
    decrypt(w, id, "{\"fields\":[\"city\",\"email\"],\"reason\":\"r\"}", &a);
    assert_body(&a, "{\"data\":{\"city\":\"d\",\"email\":\"e@example.org\"},\"errors\":[]}");
    world_vault(w, "{\"city\":\"c\",\"email\":\"e@example.org\"}", id);
    w->api->encoding = CF_ENC_WRITE;
    world_do(w, "PATCH", world_path(id, ""), "{\"city\":\"d\"}", &a);
    decrypt(w, id, "{\"fields\":[\"city\",\"email\"],\"reason\":\"r\"}", &a);
    assert_body(&a, "{\"data\":{\"city\":\"d\",\"email\":\"e@example.org\"},\"errors\":[]}");
}

static void test_other_tenant(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    ANSWER(a);
    world_vault(w, "{\"city\":\"c\"}", id);
    w->api->tenant = CF_LIT("other");
    world_do(w, "GET", world_path(id, ""), NULL, &a);
    assert_error(&a, 404, VAULT_UNKNOWN);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_life),
        T(test_tombstone),
        T(test_unknown_vault),
        T(test_create_refused),
        T(test_kms_fails),
        T(test_enclave_fails),
        T(test_decrypt_refused),
        T(test_reason_limits),
        T(test_audit_must_be_durable),
        T(test_if_match),
        T(test_race),
        T(test_changes_meet),
        T(test_derived),
        T(test_update_refused),
        T(test_read_refused),
        T(test_fields_list_limits),
        T(test_row_altered),
        T(test_audit_pages),
        T(test_encoding_2),
        T(test_other_tenant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
