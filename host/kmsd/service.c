/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/codec/der.h"
#include "core/kms/kms.h"
#include "host/kmsd/ops.h"
#include "host/kmsd/turns.h"
#include "sys/linux/clock.h"
#include "sys/linux/file.h"
#include "sys/linux/lock.h"
#include "sys/linux/log.h"

#define DER_SEQUENCE 0x30

/* A certificate is one DER element; whether documents chain to it, each of them shows. */
static cf_result read_root(const char *path, cf_buf *out)
{
    cf_result r = cf_file_read(path, CF_ATTEST_CERT_BYTES_MAX, out);
    if (cf_is_ok(r)) {
        cf_reader in = cf_reader_of(cf_buf_view(out));
        cf_der_item item = cf_der_next(&in);
        r = cf_read_end(&in);
        if (cf_is_ok(r) && item.tag != DER_SEQUENCE) {
            r = cf_fail(CF_ERR_MALFORMED);
        }
    }
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_ERROR, "attestation_root.unusable", "file=%s code=%s", path,
               cf_err_code(r.code));
    }
    return r;
}

/* A key of 32 octets that the root key gives for another store of the same folder, by its label. */
static cf_result derive(const cf_kmsd *d, cf_view label, cf_secret *ret)
{
    cf_view root = cf_secret_view(cf_kmsd_state_root(d->state));
    return cf_hkdf_expand(CF_SHA256, root, &label, 1, 32, ret);
}

static cf_result open_principals(cf_kmsd *d, const char *state)
{
    CF_SECRET(key);
    CF_TRY(derive(d, CF_LIT("coffer-kms-sessions-1"), &d->session_key));
    CF_TRY(derive(d, CF_LIT("coffer-kms-principals-1"), &key));
    return cf_principals_open(state, &key, &d->principals);
}

static cf_result open_turns(cf_kmsd *d)
{
    const cf_turns_bounds rsa = {.threads = CF_KMSD_RSA_THREADS,
                                 .running_max = CF_KMSD_RSA_RUNNING_MAX,
                                 .per_caller_max = CF_KMSD_RSA_PER_CALLER_MAX,
                                 .places_max = CF_KMSD_RSA_MAX};
    const cf_turns_bounds changes = {.threads = 1,
                                     .running_max = 1,
                                     .per_caller_max = CF_KMSD_CHANGES_PER_CALLER_MAX,
                                     .places_max = CF_KMSD_CHANGES_MAX};
    CF_TRY(cf_turns_new(&rsa, cf_kmsd_run_turn, d, &d->rsa_turns));
    return cf_turns_new(&changes, cf_kmsd_run_turn, d, &d->change_turns);
}

CF_MUST_USE cf_result cf_kmsd_new(const cf_kmsd_options *o, cf_kmsd **ret)
{
    *ret = NULL;
    CF_AUTO(cf_kmsd_free) cf_kmsd *d = cf_mem_new(1, sizeof *d);
    CF_REQUIRE(d != NULL, NO_MEMORY);
    d->clock_ms = o->clock_ms != NULL ? o->clock_ms : cf_clock_wall_ms;
    d->has_change = pthread_mutex_init(&d->change, NULL) == 0;
    CF_REQUIRE(d->has_change, NO_MEMORY);
    CF_TRY(cf_kmsd_names_init(o->region, o->account, &d->names));
    CF_TRY(read_root(o->attestation_root, &d->attestation_root));
    CF_TRY(cf_kmsd_state_open(o->state, &d->state));
    size_t bytes_max = o->keys_bytes_max != 0 ? o->keys_bytes_max : CF_KMSD_KEYS_BYTES_MAX;
    CF_TRY(cf_keys_open(d->state, bytes_max, &d->keys));
    CF_TRY(cf_aliases_open(d->state, &d->aliases));
    CF_TRY(cf_grants_open(d->state, &d->grants));
    CF_TRY(open_principals(d, o->state));
    CF_TRY(cf_audit_open(o->state, &d->audit));
    CF_TRY(open_turns(d));
    *ret = d;
    d = NULL;
    return cf_ok();
}

cf_kmsd_caller cf_kmsd_local_caller(const cf_kmsd *d)
{
    return (cf_kmsd_caller){.arn = d->names.caller,
                            .role = "",
                            .account = d->names.account,
                            .root = d->names.root,
                            .local = true};
}

void cf_kmsd_stop(cf_kmsd *d)
{
    cf_turns_stop(d->rsa_turns);
    cf_turns_stop(d->change_turns);
}

void cf_kmsd_free(cf_kmsd **d)
{
    if (*d != NULL) {
        cf_turns_free(&(*d)->rsa_turns); /* first: they use all the rest */
        cf_turns_free(&(*d)->change_turns);
        cf_audit_free(&(*d)->audit);
        cf_grants_free(&(*d)->grants);
        cf_aliases_free(&(*d)->aliases);
        cf_keys_free(&(*d)->keys);
        cf_principals_free(&(*d)->principals);
        cf_secret_wipe(&(*d)->session_key);
        cf_kmsd_state_close(&(*d)->state);
        cf_buf_free(&(*d)->attestation_root);
        if ((*d)->has_change) {
            (void)pthread_mutex_destroy(&(*d)->change);
        }
        cf_mem_free(*d);
        *d = NULL;
    }
}

/* --- one request --- */

static void call_clear(cf_kmsd_call *c)
{
    cf_arena_free(&c->arena);
    cf_buf_free(&c->message);
    cf_buf_free(&c->context.canonical);
    cf_buf_free(&c->source_context.canonical);
    cf_buf_free(&c->recipient.doc);
    cf_kmsd_target_clear(&c->target);
    cf_kmsd_target_clear(&c->source);
}

static const cf_kmsd_op *find_in(const cf_kmsd_op *ops, cf_view prefix, cf_view target)
{
    if (target.len < prefix.len || !cf_view_eq(cf_view_sub(target, 0, prefix.len), prefix)) {
        return NULL;
    }
    cf_view name = cf_view_sub(target, prefix.len, target.len - prefix.len);
    for (const cf_kmsd_op *op = ops; op->name != NULL; op++) {
        if (cf_view_eq(name, cf_view_str(op->name))) {
            return op;
        }
    }
    return NULL;
}

/* To others than the local caller the operations on principals are not there. */
static const cf_kmsd_op *find_op(const cf_kmsd_caller *caller, cf_view target)
{
    const cf_kmsd_op *op = find_in(cf_kmsd_ops, CF_LIT(CF_KMS_TARGET_PREFIX), target);
    return op != NULL || !caller->local
               ? op
               : find_in(cf_kmsd_admin_ops, CF_LIT(CF_KMSD_ADMIN_PREFIX), target);
}

static cf_result read_request(cf_kmsd_call *c, cf_view body, json_t **ret)
{
    cf_result r = cf_in_parse(body, ret);
    CF_REQUIRE(r.code != CF_ERR_NO_MEMORY && r.code != CF_ERR_ENTROPY, NO_MEMORY);
    if (!cf_is_ok(r) || !json_is_object(*ret)) {
        return cf_kmsd_refuse(c, CF_KX_SERIALIZATION, "The request body is not a JSON object.");
    }
    c->in = *ret;
    CF_AUTO(cf_in_report_free) cf_in_report report = {.unreadable = false};
    r = cf_in_check(c->in, c->op->members, &report);
    if (r.code == CF_ERR_ARGUMENT) {
        c->refused = report.unreadable ? CF_KX_SERIALIZATION : CF_KX_VALIDATION;
        CF_TRY(cf_buf_append(&c->message, cf_buf_view(&report.message)));
        return cf_fail(CF_ERR_KMS_REFUSED);
    }
    return r;
}

static cf_result run_op(cf_kmsd_call *c)
{
    bool locks = (c->op->flags & CF_OP_LOCKS) != 0;
    if (locks) {
        CF_TRY(cf_kmsd_wait_turn(c, c->service->change_turns));
    }
    CF_AUTO(cf_unlock)
    CF_HELD pthread_mutex_t *held = locks ? cf_hold(&c->service->change) : NULL;
    return cf_kmsd_veil(c, c->op->run(c));
}

static cf_result run(cf_kmsd_call *c, cf_view target, cf_view body, json_t **request)
{
    c->op = find_op(c->caller, target);
    if (c->op == NULL) {
        return cf_kmsd_refuse(c, CF_KX_UNKNOWN_OPERATION, "%s", "");
    }
    CF_TRY(read_request(c, body, request));
    cf_kms_body_open(&c->out, '{');
    CF_TRY(run_op(c));
    cf_kms_body_close(&c->out, '}');
    CF_TRY(cf_kms_body_end(&c->out));
    if ((c->op->flags & CF_OP_SILENT) != 0) {
        cf_buf_clear(c->out.out);
    }
    return cf_ok();
}

static const char *key_of(const cf_kmsd_call *c)
{
    return c->target.key != NULL ? cf_key_id(c->target.key)->text : "-";
}

/* The line that says which enclave asked for what, and what came of it. Names of a document that did not verify are not told:
 * anyone can write any. */
static void log_attested(const cf_kmsd_call *c, const char *request_id, const char *outcome)
{
    const cf_kmsd_recipient *r = &c->recipient;
    cf_view module = r->given ? r->payload.module_id : CF_LIT("unverified");
    cf_log(CF_LOG_INFO, "attested.request",
           "request=%s op=%s key=%s module=%.*s pcr0=%s stage=%s outcome=%s", request_id,
           c->op->name, key_of(c), (int)module.len, (const char *)module.data,
           r->given ? r->pcr_hex[0] : "unverified", c->attested_stage, outcome);
}

static void log_request(const cf_kmsd_call *c, const char *request_id, unsigned status,
                        const char *outcome, uint64_t start_ms)
{
    if (c->attested_stage != NULL) {
        log_attested(c, request_id, outcome);
    }
    cf_log(status < 500 ? CF_LOG_INFO : CF_LOG_ERROR, "request.done",
           "request=%s caller=%s op=%s key=%s status=%u outcome=%s ms=%u", request_id,
           c->caller->arn, c->op != NULL ? c->op->name : "-", key_of(c), status, outcome,
           (unsigned)(cf_clock_mono_ms() - start_ms));
}

/* A request whose line cannot be written is answered as one that failed: nothing is given out that nobody will know of. */
static cf_result append_audit(const cf_kmsd_call *c, const char *request_id, const char *outcome)
{
    bool verified = c->recipient.given;
    const cf_audit_entry e = {
        .at_ms = c->now_ms,
        .request = request_id,
        .caller = c->caller->arn,
        .operation = c->op != NULL ? c->op->name : "",
        .key = c->target.key != NULL ? c->target.arn : "",
        .source_key = c->source.key != NULL ? c->source.arn : "",
        .alias = c->alias[0] != '\0' ? c->alias : c->target.alias,
        .grant = c->grant.text,
        .principal = c->principal,
        .outcome = outcome,
        .context = c->context.n > 0 ? cf_buf_view(&c->context.canonical) : CF_VIEW_EMPTY,
        .stage = c->attested_stage,
        .module = verified ? c->recipient.payload.module_id : CF_VIEW_EMPTY,
        .pcr0 = verified ? c->recipient.pcr_hex[0] : "",
        .dry_run = c->refused == CF_KX_DRY_RUN,
    };
    bool sync = c->refused == CF_KX_NONE && c->op != NULL && (c->op->flags & CF_OP_CHANGES) != 0;
    cf_result r = cf_audit_append(c->service->audit, &e, sync);
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_ERROR, "audit.failed", "request=%s code=%s", request_id, cf_err_code(r.code));
    }
    return r;
}

/* The answer to what went wrong. */
static void answer_refused(const cf_kmsd_call *c, cf_result r, const char *request_id,
                           cf_kmsd_answer *ret)
{
    bool refused = r.code == CF_ERR_KMS_REFUSED && c->refused != CF_KX_NONE;
    if (!refused) {
        cf_log(CF_LOG_ERROR, "request.failed", "request=%s code=%s", request_id,
               cf_err_code(r.code));
    }
    cf_kx x = refused ? c->refused : CF_KX_INTERNAL;
    cf_kmsd_put_exception(x, refused ? cf_buf_view(&c->message) : CF_VIEW_EMPTY, &ret->body);
    ret->status = cf_kx_status(x);
    ret->exception = cf_kx_name(x);
}

/* The answer, and what is noted of it. False when the request is put off. */
static bool answer(cf_kmsd_call *c, const cf_kmsd_request *q, cf_kmsd_answer *ret)
{
    CF_JSON(request);
    cf_result r = run(c, q->target, q->body, &request);
    if (c->turn != NULL) {
        cf_buf_free(&ret->body);
        return false;
    }
    if (!cf_is_ok(r)) {
        answer_refused(c, r, q->id, ret);
    }
    const char *outcome = *ret->exception != '\0' ? ret->exception : "ok";
    r = append_audit(c, q->id, outcome);
    if (!cf_is_ok(r)) {
        answer_refused(c, r, q->id, ret);
        outcome = ret->exception;
    }
    log_request(c, q->id, ret->status, outcome, q->began_ms);
    return true;
}

static cf_turn *serve(cf_kmsd *d, const cf_kmsd_request *q, bool waits, cf_kmsd_answer *ret)
{
    *ret = (cf_kmsd_answer){.status = 200, .exception = ""};
    CF_AUTO(call_clear)
    cf_kmsd_call c = {.service = d,
                      .caller = q->caller,
                      .now_ms = d->clock_ms(),
                      .out = cf_kms_body_to(&ret->body),
                      .waits = waits};
    c.arena.max = CF_KMSD_ARENA_BYTES_MAX;
    return answer(&c, q, ret) ? NULL : c.turn;
}

cf_turn *cf_kmsd_try(cf_kmsd *d, const cf_kmsd_request *q, cf_kmsd_answer *ret)
{
    return serve(d, q, true, ret);
}

void cf_kmsd_answer_request(cf_kmsd *d, const cf_kmsd_request *q, cf_kmsd_answer *ret)
{
    (void)serve(d, q, false, ret);
}

void cf_kmsd_dispatch(cf_kmsd *d, const cf_kmsd_caller *caller, cf_view target, cf_view body,
                      const char *request_id, cf_kmsd_answer *ret)
{
    const cf_kmsd_request q = {caller, target, body, request_id, cf_clock_mono_ms()};
    cf_kmsd_answer_request(d, &q, ret);
}
