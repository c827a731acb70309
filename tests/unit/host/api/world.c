/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/host/api/world.h"

#include <dirent.h>
#include <unistd.h>

#include "sys/linux/file.h"
#include "sys/linux/log.h"
#include "tests/unit/host/api/fake_http.h"

world *world_now;

static cf_store open_store(world *w)
{
    char path[96];
    CF_SECRET(audit_key);
    cf_store inner = {NULL, NULL}, faulty = {NULL, NULL};
    (void)snprintf(path, sizeof path, "%s/store.db", w->folder);
    assert_ok(cf_audit_key(&w->row_key, &audit_key));
    assert_ok(cf_store_sqlite_open(&(cf_store_sqlite_opts){.path = path, .audit_key = &audit_key},
                                   &inner));
    assert_ok(cf_store_faulty_new(inner, &faulty));
    return faulty;
}

static void begin(world *w)
{
    *w = (world){.folder = "/tmp/coffer-api-XXXXXX"};
    world_now = w;
    cf_log_program("test");
    assert_non_null(mkdtemp(w->folder));
    w->row_key.len = CF_ROW_KEY_BYTES;
    memset(w->row_key.b, 7, CF_ROW_KEY_BYTES);
    assert_ok(cf_schemas_new(&w->schemas));
}

static void start(world *w)
{
    cf_api_opts opts = {
        .store = w->store,
        .row_key = &w->row_key,
        .schemas = w->schemas,
        .agent = "unix:agent",
        .kms = fake_kms(),
        .kms_key = "arn:aws:kms:eu-central-1:000000000000:key/k",
        .tenant = "default",
        .workers = 1,
    };
    assert_ok(cf_api_new(&opts, &w->api));
}

void world_open_on(world *w, cf_store store)
{
    begin(w);
    w->store = store;
    start(w);
}

void world_open(world *w)
{
    begin(w);
    w->store = open_store(w);
    start(w);
    char path[96];
    bool missing = true;
    CF_BUF(text);
    (void)snprintf(path, sizeof path, "%s/admin.token", w->folder);
    assert_ok(cf_api_admin_token(w->api, path, &missing));
    assert_false(missing);
    assert_ok(cf_file_read(path, sizeof w->token, &text));
    assert_int_equal(text.len, CF_TOKEN_TEXT_BYTES + 1);
    memcpy(w->token, text.data, CF_TOKEN_TEXT_BYTES);
}

void world_close(world *w)
{
    cf_api_clients_free(&w->clients);
    cf_api_free(&w->api);
    cf_schemas_free(&w->schemas);
    cf_store_close(&w->store);
    DIR *d = opendir(w->folder);
    assert_non_null(d);
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s", w->folder, e->d_name);
        (void)unlink(path);
    }
    (void)closedir(d);
    assert_int_equal(rmdir(w->folder), 0);
    world_now = NULL;
}

void world_answer_free(world_answer *a)
{
    cf_buf_free(&a->body);
    cf_json_free(&a->json);
}

static void serve(world *w, cf_api_clients *clients, const world_request *req, world_answer *ret)
{
    world_answer_free(ret);
    *ret = (world_answer){.status = 0};
    cf_http_call http = {.req = req, .answer = ret};
    if (req->token != NULL) {
        (void)snprintf(http.authorization, sizeof http.authorization, "Bearer %s", req->token);
    }
    cf_api_serve(w->api, clients, &http, cf_clock_mono_ms() - req->age_ms);
    assert_int_not_equal(ret->status, 0);
    if (ret->body.len > 0 && ret->body.data[0] == '{') {
        assert_ok(
            cf_json_parse_long(cf_buf_view(&ret->body), CF_BUF_BYTES_MAX, 1 << 20, &ret->json));
    }
    assert_string_equal(world_header(ret, "Cache-Control"), "no-cache, no-store, must-revalidate");
    assert_string_equal(world_header(ret, "X-Content-Type-Options"), "nosniff");
}

void world_call(world *w, const world_request *req, world_answer *ret)
{
    serve(w, &w->clients, req, ret);
}

void world_call_from(world *w, const world_request *req, world_answer *ret)
{
    CF_AUTO(cf_api_clients_free) cf_api_clients clients = {NULL};
    serve(w, &clients, req, ret);
}

void world_do(world *w, const char *method, const char *path, const char *body, world_answer *ret)
{
    world_call(w, &(world_request){.method = method, .path = path, .token = w->token, .body = body},
               ret);
}

const char *world_header(const world_answer *a, const char *name)
{
    for (size_t i = 0; i < a->headers_n; i++) {
        if (strcmp(a->names[i], name) == 0) {
            return a->values[i];
        }
    }
    return "";
}

void world_assert_error(const world_answer *a, unsigned status, cf_err code, const char *file,
                        int line)
{
    const char *got = a->json != NULL ? WORLD_TEXT(a->json, "code") : NULL;
    if (a->status != status || got == NULL || strcmp(got, cf_err_code(code)) != 0) {
        print_error("status %u, body %.*s; want %u %s\n", a->status, (int)a->body.len,
                    (const char *)a->body.data, status, cf_err_code(code));
        _fail(file, line);
    }
    assert_int_equal(WORLD_NUMBER(a->json, "statusCode"), status);
    assert_string_equal(WORLD_TEXT(a->json, "message"), cf_err_text(code));
    assert_string_equal(WORLD_TEXT(a->json, "request_id"), world_header(a, "X-Request-Id"));
    assert_null(memmem(a->body.data, a->body.len, CANARY, strlen(CANARY)));
}

void world_assert_fault(const world_answer *a, size_t i, const char *name, const char *code)
{
    const json_t *fault = json_array_get(json_object_get(a->json, "fields"), i);
    assert_non_null(fault);
    assert_string_equal(WORLD_TEXT(fault, "name"), name != NULL ? name : "");
    assert_string_equal(WORLD_TEXT(fault, "code"), code);
    assert_true(json_is_string(json_object_get(fault, "reason")));
    assert_int_equal(json_object_get(fault, "index") != NULL, name == NULL);
}

void world_token(world *w, const char *scopes, char *ret_text, char *ret_id)
{
    char body[256] = "{\"name\":\"test\",\"scopes\":[\"";
    size_t at = strlen(body);
    for (const char *s = scopes; *s != '\0'; s++) {
        const char *put = *s == ',' ? "\",\"" : (const char[]){*s, '\0'};
        at += (size_t)snprintf(body + at, sizeof body - at, "%s", put);
    }
    (void)snprintf(body + at, sizeof body - at, "\"]}");
    ANSWER(a);
    world_do(w, "POST", "/v1/tokens", body, &a);
    assert_int_equal(a.status, 200);
    (void)snprintf(ret_text, CF_TOKEN_TEXT_BYTES + 1, "%s", WORLD_TEXT(a.json, "token"));
    if (ret_id != NULL) {
        (void)snprintf(ret_id, 32, "%s", WORLD_TEXT(a.json, "id"));
    }
}

void world_vault(world *w, const char *body, char ret[static CF_VAULT_ID_BYTES + 1])
{
    ANSWER(a);
    world_do(w, "POST", "/v1/vaults", body, &a);
    assert_int_equal(a.status, 200);
    (void)snprintf(ret, CF_VAULT_ID_BYTES + 1, "%s", WORLD_TEXT(a.json, "id"));
    assert_true(cf_vault_id_ok(cf_view_str(ret)));
}

const char *world_path(const char *id, const char *rest)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "/v1/vaults/%s%s", id, rest);
    return path;
}

static void put_text(json_t *j, const char *name, cf_view v)
{
    assert_int_equal(
        json_object_set_new(j, name, json_stringn(v.len > 0 ? (const char *)v.data : "", v.len)),
        0);
}

typedef struct {
    json_t *last;
    uint64_t seq;
} newest;

static bool take(void *ctx, const cf_store_entry *stored)
{
    newest *n = ctx;
    CF_ARENA(arena, 1 << 20);
    cf_audit_entry e;
    assert_ok(cf_audit_decode(stored->entry, &arena, &e));
    n->seq = stored->seq;
    n->last = json_object();
    put_text(n->last, "action", e.action);
    put_text(n->last, "outcome", e.outcome);
    put_text(n->last, "actor", e.actor);
    put_text(n->last, "vault", e.vault);
    put_text(n->last, "reason", e.reason);
    put_text(n->last, "request", e.request);
    assert_int_equal(json_object_set_new(n->last, "version", json_integer((json_int_t)e.version)),
                     0);
    assert_int_equal(json_object_set_new(n->last, "seal", json_integer((json_int_t)e.seal.len)), 0);
    assert_int_equal(json_object_set_new(n->last, "boot", json_integer((json_int_t)e.boot_id.len)),
                     0);
    assert_int_equal(json_object_set_new(n->last, "pcr0", json_integer((json_int_t)e.pcr0.len)), 0);
    json_t *fields = json_array();
    for (size_t i = 0; i < e.fields_n; i++) {
        (void)json_array_append_new(fields,
                                    json_stringn((const char *)e.fields[i].data, e.fields[i].len));
    }
    assert_int_equal(json_object_set_new(n->last, "fields", fields), 0);
    if (e.expressions_n > 0) {
        json_t *expressions = json_array();
        char sources[2 * CF_AUDIT_SOURCES_BYTES + 1];
        for (size_t i = 0; i < e.expressions_n; i++) {
            assert_int_equal(json_array_append_new(expressions, cf_json_str(e.expressions[i])), 0);
        }
        for (size_t i = 0; i < e.sources.len; i++) {
            (void)snprintf(sources + 2 * i, 3, "%02x", e.sources.data[i]);
        }
        assert_int_equal(json_object_set_new(n->last, "expressions", expressions), 0);
        assert_int_equal(json_object_set_new(n->last, "sources", json_string(sources)), 0);
        assert_int_equal(
            json_object_set_new(n->last, "answered", json_integer((json_int_t)e.answered)), 0);
    }
    assert_null(memmem(stored->entry.data, stored->entry.len, CANARY, strlen(CANARY)));
    return true;
}

json_t *world_last_entry(world *w)
{
    newest n = {NULL, 0};
    assert_ok(w->store.ops->audit_page(w->store.self, CF_VIEW_EMPTY, 0, 1, take, &n));
    assert_non_null(n.last);
    return n.last;
}

uint64_t world_entries(world *w)
{
    newest n = {NULL, 0};
    assert_ok(w->store.ops->audit_page(w->store.self, CF_VIEW_EMPTY, 0, 1, take, &n));
    cf_json_free(&n.last);
    return n.seq;
}
