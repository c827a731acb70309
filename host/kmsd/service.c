/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/codec/der.h"
#include "core/kms/kms.h"
#include "host/kmsd/call.h"
#include "host/kmsd/kmsd_priv.h"
#include "sys/linux/clock.h"
#include "sys/linux/file.h"
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

static cf_result open_principals(cf_kmsd *d, const char *state)
{
    CF_SECRET(key);
    CF_TRY(cf_keys_derive(d->keys, CF_LIT("coffer-kms-sessions-1"), &d->session_key));
    CF_TRY(cf_keys_derive(d->keys, CF_LIT("coffer-kms-principals-1"), &key));
    return cf_principals_open(state, &key, &d->principals);
}

CF_MUST_USE cf_result cf_kmsd_new(const cf_kmsd_options *o, cf_kmsd **ret)
{
    *ret = NULL;
    CF_AUTO(cf_kmsd_free) cf_kmsd *d = cf_mem_new(1, sizeof *d);
    CF_REQUIRE(d != NULL, NO_MEMORY);
    CF_TRY(cf_kmsd_names_init(o->region, o->account, &d->names));
    CF_TRY(read_root(o->attestation_root, &d->attestation_root));
    CF_TRY(cf_keys_open(o->state, &d->keys));
    CF_TRY(open_principals(d, o->state));
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

void cf_kmsd_free(cf_kmsd **d)
{
    if (*d != NULL) {
        cf_keys_free(&(*d)->keys);
        cf_principals_free(&(*d)->principals);
        cf_secret_wipe(&(*d)->session_key);
        cf_buf_free(&(*d)->attestation_root);
        cf_mem_free(*d);
        *d = NULL;
    }
}

/* --- one request --- */

static void call_clear(cf_kmsd_call *c)
{
    cf_arena_free(&c->arena);
    cf_buf_free(&c->message);
    cf_buf_free(&c->canonical);
    cf_buf_free(&c->recipient.doc);
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

/* Operations that no key's policy decides belong to the account whose keys these are. */
static cf_result check_account(cf_kmsd_call *c)
{
    static const char *const of_account[] = {"CreateAlias", "CreateKey", "DeleteAlias",
                                             "ListAliases", "ListKeys",  "UpdateAlias"};
    cf_view own = cf_view_str(c->service->names.account);
    if (cf_view_eq(cf_view_str(c->caller->account), own)) {
        return cf_ok();
    }
    for (size_t i = 0; i < sizeof of_account / sizeof of_account[0]; i++) {
        if (strcmp(c->op->name, of_account[i]) == 0) {
            return cf_kmsd_refuse(c, CF_KX_ACCESS_DENIED,
                                  "User: %s is not authorized to perform: kms:%s in the account %s",
                                  c->caller->arn, c->op->name, c->service->names.account);
        }
    }
    return cf_ok();
}

static cf_result read_request(cf_kmsd_call *c, cf_view body, json_t **ret)
{
    cf_result r = cf_json_parse(body, CF_KMSD_BODY_BYTES_MAX, ret);
    CF_REQUIRE(r.code != CF_ERR_NO_MEMORY, NO_MEMORY);
    if (!cf_is_ok(r) || !json_is_object(*ret)) {
        return cf_kmsd_refuse(c, CF_KX_SERIALIZATION, "The request body is not a JSON object.");
    }
    c->in = *ret;
    CF_AUTO(cf_in_report_free) cf_in_report report;
    r = cf_in_check(c->in, c->op->members, &report);
    if (r.code == CF_ERR_ARGUMENT) {
        c->refused = report.unreadable ? CF_KX_SERIALIZATION : CF_KX_VALIDATION;
        CF_TRY(cf_buf_append(&c->message, cf_buf_view(&report.message)));
        return cf_fail(CF_ERR_KMS_REFUSED);
    }
    return r;
}

/* PutKeyPolicy has no output, and the service then sends nothing, not even an empty object. */
static bool has_output(const cf_kmsd_op *op)
{
    return op->run != cf_op_put_key_policy;
}

static cf_result run(cf_kmsd_call *c, cf_view target, cf_view body, json_t **request)
{
    c->op = find_op(c->caller, target);
    if (c->op == NULL) {
        return cf_kmsd_refuse(c, CF_KX_UNKNOWN_OPERATION, "%s", "");
    }
    CF_TRY(check_account(c));
    CF_TRY(read_request(c, body, request));
    cf_kms_body_open(&c->out, '{');
    CF_TRY(c->op->run(c));
    cf_kms_body_close(&c->out, '}');
    CF_TRY(cf_kms_body_end(&c->out));
    if (!has_output(c->op)) {
        cf_buf_clear(c->out.out);
    }
    return cf_ok();
}

/* Without memory the body stays empty: the header x-amzn-ErrorType says the same. */
void cf_kmsd_put_exception(cf_kx x, cf_view message, cf_buf *out)
{
    cf_kms_body b = cf_kms_body_to(out);
    cf_buf_clear(out);
    cf_kms_body_open(&b, '{');
    cf_kms_body_name(&b, "__type");
    cf_kms_body_str(&b, cf_view_str(cf_kx_name(x)));
    if (message.len > 0) {
        cf_kms_body_name(&b, "message");
        cf_kms_body_str(&b, message);
    }
    cf_kms_body_close(&b, '}');
    if (!cf_is_ok(cf_kms_body_end(&b))) {
        cf_buf_clear(out);
    }
}

/* The line that says which enclave asked for what, and what came of it. Names of a document that did not verify are not told:
 * anyone can write any. */
static void log_attested(const cf_kmsd_call *c, const char *request_id, const char *outcome)
{
    const cf_kmsd_recipient *r = &c->recipient;
    cf_view module = r->given ? r->payload.module_id : CF_LIT("unverified");
    cf_log(CF_LOG_INFO, "attested.request",
           "request=%s op=%s key=%s module=%.*s pcr0=%s stage=%s outcome=%s", request_id,
           c->op->name, c->key != NULL ? cf_key_id(c->key)->text : "-", (int)module.len,
           (const char *)module.data, r->given ? r->pcr_hex[0] : "unverified", c->attested_stage,
           outcome);
}

static void log_request(const cf_kmsd_call *c, const char *request_id, unsigned status,
                        const char *outcome, uint64_t start_ms)
{
    if (c->attested_stage != NULL) {
        log_attested(c, request_id, outcome);
    }
    cf_log(status < 500 ? CF_LOG_INFO : CF_LOG_ERROR, "request.done",
           "request=%s caller=%s op=%s key=%s status=%u outcome=%s ms=%u", request_id,
           c->caller->arn, c->op != NULL ? c->op->name : "-",
           c->key != NULL ? cf_key_id(c->key)->text : "-", status, outcome,
           (unsigned)(cf_clock_mono_ms() - start_ms));
}

void cf_kmsd_dispatch(cf_kmsd *d, const cf_kmsd_caller *caller, cf_view target, cf_view body,
                      const char *request_id, cf_kmsd_answer *ret)
{
    *ret = (cf_kmsd_answer){.status = 200, .exception = ""};
    uint64_t start_ms = cf_clock_mono_ms();
    CF_JSON(request);
    CF_AUTO(call_clear)
    cf_kmsd_call c = {.service = d,
                      .caller = caller,
                      .now_ms = cf_clock_wall_ms(),
                      .out = cf_kms_body_to(&ret->body)};
    c.arena.max = CF_KMSD_ARENA_BYTES_MAX;
    cf_result r = run(&c, target, body, &request);
    if (!cf_is_ok(r)) {
        bool refused = r.code == CF_ERR_KMS_REFUSED && c.refused != CF_KX_NONE;
        if (!refused) {
            cf_log(CF_LOG_ERROR, "request.failed", "request=%s code=%s", request_id,
                   cf_err_code(r.code));
        }
        cf_kx x = refused ? c.refused : CF_KX_INTERNAL;
        cf_kmsd_put_exception(x, refused ? cf_buf_view(&c.message) : CF_VIEW_EMPTY, &ret->body);
        ret->status = cf_kx_status(x);
        ret->exception = cf_kx_name(x);
    }
    log_request(&c, request_id, ret->status, *ret->exception != '\0' ? ret->exception : "ok",
                start_ms);
}
