/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/api.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "host/api/call.h"
#include "sys/linux/clock.h"
#include "sys/linux/file.h"
#include "sys/linux/lock.h"
#include "sys/linux/log.h"

#define ALL_SCOPES (CF_SCOPE_WRITE | CF_SCOPE_READ | CF_SCOPE_DECRYPT | CF_SCOPE_ADMIN)

static CF_MUST_USE cf_result set_up(cf_api *api, const cf_api_opts *o)
{
    cf_encoding encoding = o->encoding != 0 ? o->encoding : CF_ENC_WRITE;
    CF_REQUIRE(encoding == CF_ENC_WRITE || encoding == CF_ENC_BINARY, ARGUMENT);
    api->store = o->store;
    api->schemas = o->schemas;
    api->agent = o->agent;
    api->kms_key = cf_view_str(o->kms_key);
    api->tenant = cf_view_str(o->tenant);
    api->encoding = encoding;
    CF_REQUIRE(cf_tenant_ok(api->tenant), ARGUMENT);
    CF_REQUIRE(api->kms_key.len > 0 && api->kms_key.len <= CF_KMS_KEY_ID_BYTES_MAX, ARGUMENT);
    CF_TRY(cf_secret_set(&api->row_key, cf_secret_view(o->row_key)));
    unsigned workers = o->workers != 0 ? o->workers : CF_API_WORKERS;
    CF_TRY(cf_kms_pool_new(o->kms, o->kms_links != 0 ? o->kms_links : workers, &api->kms));
    CF_TRY(cf_token_cache_new(&api->tokens));
    CF_TRY(cf_api_health_new(&api->health_state));
    return cf_api_pool_new(api, workers, &api->pool);
}

CF_MUST_USE cf_result cf_api_new(const cf_api_opts *opts, cf_api **ret)
{
    *ret = NULL;
    CF_AUTO(cf_api_free) cf_api *api = cf_mem_new(1, sizeof *api);
    CF_REQUIRE(api != NULL, NO_MEMORY);
    CF_TRY(cf_rwlock_init(&api->tokens_change));
    cf_quota_init(&api->forbidden);
    for (size_t i = 0; i < CF_API_STRIPES; i++) {
        (void)pthread_mutex_init(&api->stripes[i], NULL);
    }
    CF_TRY(set_up(api, opts));
    *ret = api;
    api = NULL;
    return cf_ok();
}

void cf_api_free(cf_api **api)
{
    cf_api *a = *api;
    if (a == NULL) {
        return;
    }
    cf_api_pool_free(&a->pool);
    cf_api_health_free(&a->health_state);
    cf_kms_pool_free(&a->kms);
    cf_token_cache_free(&a->tokens);
    for (size_t i = 0; i < CF_API_STRIPES; i++) {
        (void)pthread_mutex_destroy(&a->stripes[i]);
    }
    (void)pthread_rwlock_destroy(&a->tokens_change);
    cf_quota_free(&a->forbidden);
    cf_secret_wipe(&a->row_key);
    cf_mem_free(a);
    *api = NULL;
}

void cf_api_refuse(void *ctx, cf_http_call *http, unsigned status, cf_err code)
{
    cf_api *api = ctx;
    CF_BUF(body);
    char id[CF_API_REQUEST_ID_BYTES_MAX + 1];
    cf_api_request_id(http, id);
    cf_api_set_headers(http, id);
    if (status == 503) {
        cf_ignore(cf_http_set(http, "Retry-After", CF_LIT("1")));
    }
    cf_metrics_answer(&api->metrics, cf_api_routes_n, status);
    bool told = cf_is_ok(cf_api_error_body(status, code, NULL, id, &body));
    cf_http_answer(http, status, told ? "application/json" : NULL, told ? &body : NULL);
}

void cf_api_handle(void *ctx, cf_http_call *http)
{
    cf_api *api = ctx;
    if (!cf_api_pool_put(api->pool, http)) {
        atomic_fetch_add(&api->metrics.busy, 1);
        cf_api_refuse(api, http, cf_api_status_of(CF_ERR_BUSY), CF_ERR_BUSY);
    }
}

/* A call of the service's own: no request, no token, and so the actor "-". */
static cf_api_call own_call(cf_api *api, const char *action)
{
    uint64_t now = cf_clock_mono_ms();
    return (cf_api_call){
        .api = api,
        .began_ms = now,
        .deadline_ms = now + CF_API_REQUEST_TIMEOUT_MS,
        .request_id = "-",
        .record = {.action = action},
    };
}

CF_MUST_USE cf_result cf_api_enter_start(cf_api *api)
{
    cf_api_call c = own_call(api, "service.start");
    return cf_api_commit(&c, NULL, NULL);
}

static CF_MUST_USE cf_result has_admin(cf_api *api, bool *ret)
{
    size_t n = 0;
    uint64_t now = cf_clock_wall_ms();
    bool altered = false;
    *ret = false;
    /* One more than there can be, to see that somebody else wrote it. */
    const size_t max = CF_API_TOKENS_LISTED_MAX + 1;
    cf_token *all = cf_mem_new(max, sizeof *all);
    CF_REQUIRE(all != NULL, NO_MEMORY);
    cf_result r = api->store.ops->tokens(api->store.self, all, max, &n);
    altered = n == max;
    for (size_t i = 0; cf_is_ok(r) && i < n; i++) {
        *ret = *ret || ((all[i].scopes & CF_SCOPE_ADMIN) != 0 && cf_token_active(&all[i], now));
        altered = altered || all[i].altered;
    }
    cf_mem_free(all);
    return cf_is_ok(r) && altered && !*ret ? cf_fail(CF_ERR_ROW_ALTERED) : r;
}

/* Whether the file's text is a token that the store has and that is an admin's. */
static CF_MUST_USE cf_result is_stored_admin(cf_api *api, cf_view text, bool *ret)
{
    uint8_t hash[CF_TOKEN_HASH_BYTES];
    cf_token t;
    CF_BUF(header);
    *ret = false;
    CF_TRY(cf_buf_set(&header, CF_LIT("Bearer ")));
    CF_TRY(cf_buf_append(&header, cf_view_sub(text, 0, CF_TOKEN_TEXT_BYTES)));
    if (!cf_is_ok(cf_token_hash_of(cf_buf_view(&header), hash))) {
        return cf_ok();
    }
    cf_result r = api->store.ops->token_by_hash(api->store.self, hash, &t);
    *ret =
        cf_is_ok(r) && (t.scopes & CF_SCOPE_ADMIN) != 0 && cf_token_active(&t, cf_clock_wall_ms());
    return r.code == CF_ERR_NOT_FOUND || r.code == CF_ERR_ROW_ALTERED ? cf_ok() : r;
}

/* The text goes from the file beside into its own, once the store has the token; also at the next start, when the service ended
 * in between. */
static CF_MUST_USE cf_result admin_file_finish(cf_api *api, const char *beside, const char *path)
{
    bool stored = false;
    CF_BUF(text);
    cf_result r = cf_file_read(beside, CF_TOKEN_TEXT_BYTES + 1, &text);
    if (r.code == CF_ERR_NOT_FOUND) {
        return cf_ok();
    }
    if (r.code != CF_ERR_SIZE) {
        CF_TRY(r);
        CF_TRY(is_stored_admin(api, cf_buf_view(&text), &stored));
    }
    if (stored) {
        CF_TRY(cf_file_write(path, cf_buf_view(&text), 0600));
    }
    (void)unlink(beside);
    return cf_ok();
}

/* The text beside first: a token that is stored and told to nobody would be the only admin there is. Then the store. The file
 * itself last: what it held is not lost for a token that the store does not take. */
static CF_MUST_USE cf_result make_admin(cf_api *api, const char *beside, const char *path)
{
    CF_BUF(text);
    cf_token token;
    CF_TRY(cf_token_make(&text, &token));
    cf_copy(token.name, "first admin", sizeof "first admin");
    token.scopes = ALL_SCOPES;
    token.created_ms = cf_clock_wall_ms();
    CF_TRY(cf_buf_append(&text, CF_LIT("\n")));
    CF_TRY(cf_file_write(beside, cf_buf_view(&text), 0600));
    cf_api_call c = own_call(api, "token.create");
    c.record.object = cf_view_str(token.id);
    CF_TRY(cf_api_commit_first(&c, &token));
    return admin_file_finish(api, beside, path);
}

CF_MUST_USE cf_result cf_api_admin_token(cf_api *api, const char *path, bool *ret_missing)
{
    bool there = false;
    *ret_missing = false;
    cf_result r = has_admin(api, &there);
    if (r.code == CF_ERR_ROW_ALTERED) {
        /* Somebody wrote tokens into the store. Theirs are refused one by one; that the list is not whole must not be a way to a
         * new admin, nor keep the others from being served. */
        cf_log(CF_LOG_ERROR, "token.altered", "hint=no_admin_token_is_made");
        return cf_ok();
    }
    CF_TRY(r);
    *ret_missing = !there && path == NULL;
    if (path == NULL) {
        return cf_ok();
    }
    char beside[PATH_MAX];
    int len = snprintf(beside, sizeof beside, "%s.new", path);
    CF_REQUIRE(len > 0 && (size_t)len < sizeof beside, SIZE);
    return there ? admin_file_finish(api, beside, path) : make_admin(api, beside, path);
}
