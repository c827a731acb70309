/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of a request fails once: the answer is then an error or nothing, never a part; nothing leaks; a store that was
 * asked for a change is not asked for another. */
#include "tests/support/failmalloc.h"
#include "tests/unit/host/api/world.h"

/* A store of one row and one token that takes no memory. */
typedef struct {
    uint8_t row[8192], seal[CF_ROW_SEAL_BYTES], entry[4096];
    char id[CF_VAULT_ID_BYTES];
    size_t row_len, entry_len;
    cf_token token;
    unsigned changes;
} tiny;

static tiny t;

static cf_result tiny_get(void *self, cf_view id, cf_buf *ret_row, cf_buf *ret_seal)
{
    (void)self;
    CF_REQUIRE(t.row_len > 0 && cf_view_eq(id, CF_VIEW_OF(t.id)), VAULT_UNKNOWN);
    CF_TRY(cf_buf_append(ret_row, cf_view_make(t.row, t.row_len)));
    return cf_buf_append(ret_seal, CF_VIEW_OF(t.seal));
}

static cf_result tiny_change(void *self, const cf_store_change *change, uint64_t deadline_ms,
                             uint64_t *ret_seq)
{
    (void)self;
    (void)deadline_ms;
    *ret_seq = 1;
    t.changes++;
    if (change->put != NULL) {
        assert_true(change->put->row.len <= sizeof t.row);
        memcpy(t.row, change->put->row.data, change->put->row.len);
        memcpy(t.seal, change->put->seal.data, sizeof t.seal);
        memcpy(t.id, change->put->id.data, sizeof t.id);
        t.row_len = change->put->row.len;
    }
    return cf_ok();
}

static cf_result tiny_token(void *self, const uint8_t hash[32], cf_token *ret)
{
    (void)self;
    CF_REQUIRE(memcmp(hash, t.token.hash, 32) == 0, NOT_FOUND);
    *ret = t.token;
    return cf_ok();
}

static cf_result tiny_page(void *self, cf_view vault, uint64_t before, size_t max,
                           cf_store_entry_fn *fn, void *ctx)
{
    (void)self;
    (void)before;
    (void)max;
    static const uint8_t hash[CF_AUDIT_HASH_BYTES];
    (void)fn(ctx,
             &(cf_store_entry){1, vault, CF_VIEW_OF(hash), cf_view_make(t.entry, t.entry_len)});
    return cf_ok();
}

static cf_result tiny_secrets(void *self, cf_store_secret_fn *fn, void *ctx)
{
    (void)self;
    (void)fn(ctx, &(cf_store_secret){
                      .name = "one", .kms_key = CF_LIT("key-1"), .wrapped = CF_LIT("wrapped")});
    return cf_ok();
}

static void tiny_close(void *self)
{
    (void)self;
}

static const cf_store_ops tiny_ops = {.get = tiny_get,
                                      .change = tiny_change,
                                      .token_by_hash = tiny_token,
                                      .audit_page = tiny_page,
                                      .secrets_walk = tiny_secrets,
                                      .close = tiny_close};

static void open_tiny(world *w)
{
    CF_BUF(text);
    CF_BUF(entry);
    world_open_on(w, (cf_store){&tiny_ops, NULL});
    assert_ok(cf_token_make(&text, &t.token));
    t.token.scopes = CF_SCOPE_WRITE | CF_SCOPE_READ | CF_SCOPE_DECRYPT | CF_SCOPE_ADMIN;
    memcpy(w->token, text.data, text.len);
    cf_audit_entry e = {.seq = 1,
                        .action = CF_LIT("a"),
                        .outcome = CF_LIT("ok"),
                        .actor = CF_LIT("-"),
                        .reason = CF_LIT("r")};
    assert_ok(cf_audit_encode(&e, &entry));
    memcpy(t.entry, entry.data, entry.len);
    t.entry_len = entry.len;
}

/* Runs the request with its first allocation failing, then its second, until it is answered well. */
static void each(world *w, const char *method, const char *path, const char *body, const char *good,
                 size_t least)
{
    for (size_t n = 1;; n++) {
        ANSWER(a);
        tiny before = t;
        long live = failmalloc_live();
        failmalloc_set(n);
        world_do(w, method, path, body, &a);
        failmalloc_set(0);
        if (a.status == 200) {
            assert_non_null(memmem(a.body.data, a.body.len, good, strlen(good)));
            assert_true(n > least);
            return;
        }
        assert_true(a.status == 503 || a.status == 502 || a.status == 500);
        assert_null(memmem(a.body.len > 0 ? a.body.data : (const uint8_t *)"", a.body.len, CANARY,
                           strlen(CANARY)));
        assert_true(t.changes <= before.changes + 2);
        t = before;
        world_answer_free(&a);
        if (failmalloc_live() != live) {
            print_error("%s %s: allocation %zu, status %u\n", method, path, n, a.status);
        }
        assert_int_equal(failmalloc_live(), live);
        assert_true(n < 1000);
    }
}

static void test_each_allocation(void **state)
{
    (void)state;
    static world w;
    CF_BUF(results);
    char path[128], id[CF_VAULT_ID_BYTES + 1];
    open_tiny(&w);
    /* Everything that is made once is made: connections, the cached token, a vault with two writes. */
    world_vault(&w, "{\"city\":\"c\",\"email\":\"e\"}", id);
    ANSWER(a);
    world_do(&w, "PATCH", world_path(id, ""), "{\"state\":\"s\"}", &a);
    assert_int_equal(a.status, 200);
    world_do(&w, "POST", world_path(id, "/decrypt"),
             "{\"fields\":[\"city\",\"state\"],\"reason\":\"r\"}", &a);
    assert_int_equal(a.status, 200);
    const cf_field_result both[] = {{CF_LIT("city"), CF_LIT(CANARY), CF_OK},
                                    {CF_LIT("state"), CF_LIT("s"), CF_OK}};
    assert_ok(cf_results_encode(both, 2, &results));
    w.agent.canned = cf_buf_view(&results);
    (void)snprintf(path, sizeof path, "%s", world_path(id, "/decrypt"));
    /* The crypto library makes its list of errors of a thread at the first error. */
    failmalloc_set(1);
    world_do(&w, "POST", path, "{}", &a);
    failmalloc_set(0);
    world_answer_free(&a);
    each(&w, "POST", path, "{\"fields\":[\"city\",\"state\"],\"reason\":\"r\"}", "\"errors\":[]}",
         8);
    const cf_expression_result computed = {CF_LIT("x"), CF_LIT("[\"" CANARY "\"]"), CF_OK, 0};
    const cf_answer evaluated = {.fields = both,
                                 .fields_n = 1,
                                 .evaluated = true,
                                 .expressions = &computed,
                                 .expressions_n = 1,
                                 .read = (const uint32_t[]){1},
                                 .read_n = 1};
    cf_buf_clear(&results);
    assert_ok(cf_answer_encode(&evaluated, &results));
    w.agent.canned = cf_buf_view(&results);
    each(&w, "POST", path,
         "{\"fields\":[\"city\"],\"reason\":\"r\",\"expressions\":{\"x\":\"hmac_sha256(state, "
         "'one')\"}}",
         "\"errors\":[],\"evaluated_ms\":0}", 12);
    each(&w, "GET", "/v1/secrets", NULL, "\"name\":\"one\"", 1);
    w.kms.canned = CF_LIT("{\"PublicKey\":\"AAAA\",\"PrivateKeyCiphertextBlob\":\"AAAA\"}");
    each(&w, "POST", "/v1/secrets", "{\"name\":\"two\"}", "\"name\":\"two\"", 8);
    w.kms.canned = CF_VIEW_EMPTY;
    (void)snprintf(path, sizeof path, "%s", world_path(id, ""));
    each(&w, "GET", path, NULL, "\"city\":true", 4);
    each(&w, "PATCH", path, "{\"email\":\"f\",\"ssn9\":\"123456789\"}", "\"version\":3", 10);
    each(&w, "DELETE", path, "{\"fields\":[\"city\"]}", "\"version\":4", 8);
    each(&w, "GET", "/v1/audit", NULL, "\"reason\":\"r\"", 2);
    each(&w, "GET", "/v1/schemas/person", NULL, "ssn9", 0);
    each(&w, "POST", "/v1/tokens", "{\"name\":\"n\",\"scopes\":[\"read\"]}", "coffer_", 2);
    each(&w, "DELETE", path, "{\"delete_all\":true}", "\"version\":5", 3);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
