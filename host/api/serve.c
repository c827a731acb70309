/* SPDX-License-Identifier: Apache-2.0 */
/* One request from its token to its answer: docs/api.md sections 1 and 3. */
#include <inttypes.h>
#include <stdio.h>

#include "host/api/call.h"
#include "sys/linux/clock.h"
#include "sys/linux/log.h"

CF_MUST_USE cf_result cf_api_left(const cf_api_call *c, uint32_t *ret_ms)
{
    uint64_t now = cf_clock_mono_ms();
    *ret_ms = 0;
    CF_REQUIRE(now < c->deadline_ms, TIMEOUT);
    *ret_ms = (uint32_t)(c->deadline_ms - now);
    return cf_ok();
}

CF_MUST_USE cf_result cf_api_left_for_others(const cf_api_call *c, uint32_t *ret_ms)
{
    uint32_t left = 0;
    CF_TRY(cf_api_left(c, &left));
    *ret_ms = left > 2 * CF_API_ANSWER_MS ? left - CF_API_ANSWER_MS : (left + 1) / 2;
    return cf_ok();
}

CF_MUST_USE cf_result cf_api_parse_body(cf_api_call *c)
{
    cf_json_free(&c->body);
    return cf_json_parse(cf_http_body(c->http), c->route->body_bytes_max, &c->body);
}

/* "application/json", with parameters or without. */
static bool is_json(cf_view type)
{
    static const char want[] = "application/json";
    const size_t len = sizeof want - 1;
    bool ok =
        type.len >= len && (type.len == len || type.data[len] == ';' || type.data[len] == ' ');
    for (size_t i = 0; ok && i < len; i++) {
        uint8_t ch = type.data[i];
        ok = (ch >= 'A' && ch <= 'Z' ? ch + ('a' - 'A') : ch) == want[i];
    }
    return ok;
}

static CF_MUST_USE cf_result authenticate(cf_api_call *c)
{
    uint8_t hash[CF_TOKEN_HASH_BYTES];
    cf_token token;
    CF_TRY(cf_token_hash_of(cf_http_header(c->http, "Authorization"), hash));
    CF_TRY(cf_token_find(c->api->tokens, &c->api->store, hash, cf_clock_mono_ms(), &token));
    CF_REQUIRE(cf_token_active(&token, cf_clock_wall_ms()), UNAUTHENTICATED);
    c->token = token;
    return cf_ok();
}

/* All that can be refused before the route's own work, the token first: without one nobody learns which paths there are. */
static CF_MUST_USE cf_result admit(cf_api_call *c)
{
    cf_result found = cf_route_find(cf_http_method(c->http), cf_http_path(c->http), &c->route,
                                    c->params, c->allow);
    if (cf_is_ok(found)) {
        c->record.action = c->route->action;
    }
    if (!cf_is_ok(found) || !c->route->open) {
        CF_TRY(authenticate(c));
    }
    CF_TRY(found);
    if (cf_vault_id_ok(c->params[0])) {
        c->record.object = c->params[0];
    }
    CF_REQUIRE(c->route->open || c->route->scopes == CF_SCOPE_ANY ||
                   (c->token.scopes & c->route->scopes) != 0,
               FORBIDDEN);
    cf_view body = cf_http_body(c->http);
    CF_REQUIRE(body.len <= c->route->body_bytes_max, SIZE);
    CF_REQUIRE(body.len == 0 || is_json(cf_http_header(c->http, "Content-Type")), MEDIA_TYPE);
    uint32_t left = 0;
    return cf_api_left(c, &left);
}

static void set(cf_http_call *http, const char *name, const char *value)
{
    cf_ignore(cf_http_set(http, name, cf_view_str(value)));
}

/* Headers that belong to an error's status. */
static void set_for_status(cf_api_call *c, unsigned status)
{
    if (status == 401) {
        set(c->http, "WWW-Authenticate", "Bearer realm=\"coffer\"");
    } else if (status == 405) {
        set(c->http, "Allow", c->allow);
    } else if (status == 503) {
        set(c->http, "Retry-After", "1");
    }
}

static void set_for_success(cf_api_call *c)
{
    char text[64];
    if (c->version != 0) {
        (void)snprintf(text, sizeof text, "\"%" PRIu64 "\"", c->version);
        set(c->http, "ETag", text);
    }
    if (c->created) {
        (void)snprintf(text, sizeof text, "/v1/vaults/%.*s", (int)c->record.object.len,
                       (const char *)c->record.object.data);
        set(c->http, "Location", text);
    }
}

/* Turns a failure into the answer's body; what the handler had written so far is wiped. */
static unsigned make_error(cf_api_call *c, cf_err code)
{
    unsigned status = c->faults.n > 0 ? 422 : cf_api_status_of(code);
    cf_api_enter_failure(c, code);
    cf_buf_clear(&c->out);
    if (!cf_is_ok(cf_api_error_body(status, code, &c->faults, c->request_id, &c->out))) {
        cf_buf_clear(&c->out);
    }
    set_for_status(c, status);
    c->content_type = NULL;
    return status;
}

/* Requests without a valid token have few lines and no entry: nobody without one can fill log or audit. */
static void log_answer(cf_api_call *c, unsigned status, cf_err code, uint64_t now_ms)
{
    const char *method = c->route != NULL ? c->route->method : "-",
               *path = c->route != NULL ? c->route->pattern : "-";
    if (code == CF_ERR_UNAUTHENTICATED) {
        uint64_t unsaid = 0;
        atomic_fetch_add(&c->api->metrics.unauthenticated, 1);
        if (cf_metrics_refusal_line(&c->api->metrics, now_ms, &unsaid)) {
            cf_log(CF_LOG_WARN, "request.refused",
                   "request=%s method=%s route=%s status=%u unsaid=%" PRIu64, c->request_id, method,
                   path, status, unsaid);
        }
        return;
    }
    cf_log(status >= 500 ? CF_LOG_WARN : CF_LOG_INFO, "request.done",
           "request=%s method=%s route=%s status=%u code=%s actor=%s ms=%" PRIu64, c->request_id,
           method, path, status, cf_err_code(code), c->token.id[0] != '\0' ? c->token.id : "-",
           now_ms - c->began_ms);
}

static void finish(cf_api_call *c, unsigned status, cf_err code)
{
    uint64_t now = cf_clock_mono_ms();
    cf_metrics_answer(&c->api->metrics,
                      c->route != NULL ? (size_t)(c->route - cf_api_routes) : cf_api_routes_n,
                      status);
    /* Probes come every few seconds and tell nothing; their outcome is in the metrics. */
    if (c->route == NULL || !c->route->open) {
        log_answer(c, status, code, now);
    }
    const char *type = c->content_type != NULL ? c->content_type : "application/json";
    cf_http_answer(c->http, status, c->out.len > 0 ? type : NULL, &c->out);
}

static void call_clear(cf_api_call *c)
{
    cf_json_free(&c->body);
    cf_arena_free(&c->arena);
    cf_buf_free(&c->out);
}

void cf_api_serve(cf_api *api, cf_api_clients *clients, cf_http_call *http, uint64_t began_ms)
{
    CF_AUTO(call_clear)
    cf_api_call c = {
        .api = api,
        .clients = clients,
        .http = http,
        .began_ms = began_ms,
        .deadline_ms = began_ms + CF_API_REQUEST_TIMEOUT_MS,
        .arena = {.max = CF_API_ARENA_BYTES_MAX},
    };
    atomic_fetch_add_explicit(&api->metrics.in_flight, 1, memory_order_relaxed);
    cf_api_request_id(http, c.request_id);
    cf_api_set_headers(http, c.request_id);
    cf_result r = admit(&c);
    if (cf_is_ok(r)) {
        r = c.route->fn(&c);
    }
    unsigned status = c.status != 0 ? c.status : 200;
    if (cf_is_ok(r)) {
        set_for_success(&c);
    } else {
        status = make_error(&c, r.code);
    }
    atomic_fetch_sub_explicit(&api->metrics.in_flight, 1, memory_order_relaxed);
    finish(&c, status, r.code);
}
