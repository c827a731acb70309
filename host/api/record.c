/* SPDX-License-Identifier: Apache-2.0 */
/* Audit entries of requests: what is entered when, and what happens when it cannot be. */
#include <inttypes.h>

#include "host/api/call.h"
#include "sys/linux/clock.h"
#include "sys/linux/log.h"

/* A failure is entered although the request's own time may be over. */
#define FAILURE_MS 1000

static cf_audit_entry entry_of(const cf_api_call *c, cf_err outcome)
{
    const cf_api_record *r = &c->record;
    return (cf_audit_entry){
        .time_ms = cf_clock_wall_ms(),
        .action = cf_view_str(r->action),
        .outcome = cf_view_str(cf_err_code(outcome)),
        .actor = c->token.id[0] != '\0' ? cf_view_str(c->token.id) : CF_LIT("-"),
        .tenant = c->api->tenant,
        .vault = r->object,
        .version = r->version,
        .fields = r->fields.all,
        .fields_n = r->fields.n,
        .reason = r->reason,
        .request = cf_view_str(c->request_id),
        .boot_id = r->boot_id,
        .pcr0 = r->pcr0,
        .seal = r->seal,
        .expressions = r->expressions.all,
        .expressions_n = r->expressions.n,
        .sources = r->sources,
        .answered = r->answered,
    };
}

static CF_MUST_USE cf_result commit(cf_api_call *c, cf_store_change *change)
{
    cf_audit_entry entry = entry_of(c, c->record.outcome);
    uint64_t seq = 0;
    change->entry = &entry;
    cf_result r = c->api->store.ops->change(c->api->store.self, change, c->deadline_ms, &seq);
    bool failing = r.code == CF_ERR_STORE_UNAVAILABLE || r.code == CF_ERR_AUDIT_ALTERED;
    if (cf_is_ok(r) || failing) {
        atomic_store_explicit(&c->api->metrics.store_failing, failing, memory_order_relaxed);
    }
    c->record.entered = cf_is_ok(r);
    change->entry = NULL;
    return r;
}

CF_MUST_USE cf_result cf_api_commit(cf_api_call *c, const cf_store_put *put,
                                    const cf_token *token_put)
{
    cf_store_change change = {.put = put, .token_put = token_put};
    return commit(c, &change);
}

CF_MUST_USE cf_result cf_api_commit_first(cf_api_call *c, const cf_token *token_put)
{
    cf_store_change change = {.token_put = token_put, .token_past_limit = true};
    return commit(c, &change);
}

CF_MUST_USE cf_result cf_api_commit_secret(cf_api_call *c, const cf_store_secret *secret)
{
    cf_store_change change = {.secret_put = secret};
    return commit(c, &change);
}

CF_MUST_USE cf_result cf_api_enter(cf_api_call *c)
{
    cf_result r = cf_api_commit(c, NULL, NULL);
    return r.code == CF_ERR_STORE_UNAVAILABLE ? cf_fail(CF_ERR_AUDIT_UNAVAILABLE) : r;
}

/* A token is not to fill the log with what its scopes forbid. What has no entry is counted, and told in the log of the program. */
static bool has_room(cf_api_call *c, cf_err code)
{
    uint64_t unsaid = 0;
    if (code != CF_ERR_FORBIDDEN ||
        cf_quota_take(&c->api->forbidden, c->token.id, cf_clock_mono_ms(), &unsaid)) {
        return true;
    }
    atomic_fetch_add(&c->api->metrics.forbidden_unentered, 1);
    if (unsaid > 0) {
        cf_log(CF_LOG_WARN, "audit.forbidden", "request=%s actor=%s unsaid=%" PRIu64, c->request_id,
               c->token.id, unsaid);
    }
    return false;
}

void cf_api_enter_failure(cf_api_call *c, cf_err code)
{
    bool due = c->token.id[0] != '\0' && c->route != NULL && c->route->action != NULL &&
               !c->record.entered && (c->route->audited || code == CF_ERR_FORBIDDEN);
    if (!due || !has_room(c, code)) {
        return;
    }
    cf_result r = cf_fail(code);
    /* A store that has just failed is not asked again for the same request. */
    if (code != CF_ERR_STORE_UNAVAILABLE && code != CF_ERR_AUDIT_UNAVAILABLE &&
        code != CF_ERR_AUDIT_ALTERED) {
        uint64_t least = cf_clock_mono_ms() + FAILURE_MS, deadline = c->deadline_ms;
        c->deadline_ms = least > deadline ? least : deadline;
        c->record.outcome = code;
        c->record.version = 0;
        c->record.seal = CF_VIEW_EMPTY;
        r = cf_api_commit(c, NULL, NULL);
        c->deadline_ms = deadline;
    }
    if (!cf_is_ok(r)) {
        atomic_fetch_add(&c->api->metrics.audit_lost, 1);
        cf_log(CF_LOG_ERROR, "audit.lost", "request=%s action=%s outcome=%s code=%s", c->request_id,
               c->record.action, cf_err_code(code), cf_err_code(r.code));
    }
}
