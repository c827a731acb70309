/* SPDX-License-Identifier: Apache-2.0 */
/* host/http and the calls of sys/kms without sockets: defines their functions, so that the linker takes none of those components. */
#include <stdatomic.h>
#include <strings.h>

#include "core/codec/base64.h"
#include "core/kms/kms.h"
#include "core/transform/transform.h"
#include "core/vault/seal.h"
#include "core/vault/secret.h"
#include "core/wire/wire.h"
#include "tests/unit/host/api/fake_http.h"

/* --- server side --- */

cf_view cf_http_method(const cf_http_call *c)
{
    return cf_view_str(c->req->method);
}

cf_view cf_http_path(const cf_http_call *c)
{
    return cf_view_make(c->req->path, strcspn(c->req->path, "?"));
}

/* Without percent coding, which the tests do not use. */
static bool query(const cf_http_call *c, const char *name, cf_view *ret)
{
    const char *at = strchr(c->req->path, '?');
    size_t len = strlen(name);
    for (at = at != NULL ? at + 1 : ""; *at != '\0'; at += strcspn(at, "&"), at += *at == '&') {
        if (strncmp(at, name, len) == 0 && at[len] == '=') {
            *ret = cf_view_make(at + len + 1, strcspn(at + len + 1, "&"));
            return true;
        }
    }
    return false;
}

cf_view cf_http_query(cf_http_call *c, const char *name)
{
    cf_view v = CF_VIEW_EMPTY;
    (void)query(c, name, &v);
    return v;
}

bool cf_http_query_has(cf_http_call *c, const char *name)
{
    cf_view v;
    return query(c, name, &v);
}

cf_view cf_http_header(cf_http_call *c, const char *name)
{
    const world_request *r = c->req;
    if (strcasecmp(name, "Authorization") == 0) {
        return cf_view_str(c->authorization);
    }
    if (strcasecmp(name, "Content-Type") == 0) {
        return cf_view_str(r->type != NULL ? r->type : r->body != NULL ? "application/json" : NULL);
    }
    return cf_view_str(strcasecmp(name, "If-Match") == 0       ? r->if_match
                       : strcasecmp(name, "X-Request-Id") == 0 ? r->request_id
                       : strcasecmp(name, "Accept") == 0       ? r->accept
                                                               : NULL);
}

cf_view cf_http_body(const cf_http_call *c)
{
    const world_request *r = c->req;
    return r->body == NULL
               ? CF_VIEW_EMPTY
               : cf_view_make(r->body, r->body_len != 0 ? r->body_len : strlen(r->body));
}

void cf_http_defer(cf_http_call *c)
{
    c->deferred = true;
}

CF_MUST_USE cf_result cf_http_set(cf_http_call *c, const char *name, cf_view value)
{
    world_answer *a = c->answer;
    assert_true(a->headers_n < WORLD_HEADERS_MAX);
    (void)snprintf(a->names[a->headers_n], sizeof a->names[0], "%s", name);
    (void)snprintf(a->values[a->headers_n], sizeof a->values[0], "%.*s", (int)value.len,
                   value.len > 0 ? (const char *)value.data : "");
    a->headers_n++;
    return cf_ok();
}

void cf_http_answer(cf_http_call *c, unsigned status, const char *content_type, cf_buf *body)
{
    assert_int_equal(c->answer->status, 0); /* exactly one answer */
    c->answer->status = status;
    if (content_type != NULL) {
        assert_ok(cf_http_set(c, "Content-Type", cf_view_str(content_type)));
    }
    if (body != NULL) {
        c->answer->body = cf_buf_move(body);
    }
}

/* --- client side: the agent with its enclave, and KMS --- */

struct cf_http_client {
    bool headers;
};

CF_MUST_USE cf_result cf_http_client_new(const char *base, cf_http_client **ret)
{
    *ret = cf_mem_new(1, sizeof **ret);
    assert_non_null(*ret);
    assert_string_equal(base, "unix:agent");
    return cf_ok();
}

void cf_http_client_free(cf_http_client **c)
{
    cf_mem_free(*c);
    *c = NULL;
}

cf_view cf_http_client_header(const cf_http_client *c, const char *name)
{
    if (!c->headers || world_now->agent.no_headers) {
        return CF_VIEW_EMPTY;
    }
    if (strcmp(name, "Coffer-Boot-Id") == 0) {
        return CF_LIT("000102030405060708090a0b0c0d0e0f");
    }
    return strcmp(name, "Coffer-Pcr0") == 0
               ? CF_LIT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
               : CF_VIEW_EMPTY;
}

/* The "wrapped" key is the key itself; what binds it to its vault is left to the tests of the real thing. */
static cf_result kms_pair(cf_buf *out)
{
    CF_AUTO(cf_dh_free) cf_dh_key *key = NULL;
    CF_BUF(spki);
    CF_BUF(pkcs8);
    CF_TRY(cf_dh_generate(CF_P384, &key));
    CF_TRY(cf_dh_public_to_spki(CF_P384, cf_dh_public_view(cf_dh_public_of(key)), &spki));
    CF_TRY(cf_dh_to_pkcs8(key, &pkcs8));
    CF_TRY(cf_buf_append(
        out, CF_LIT("{\"KeyId\":\"k\",\"KeyPairSpec\":\"ECC_NIST_P384\",\"PublicKey\":\"")));
    CF_TRY(cf_base64_encode(cf_buf_view(&spki), out));
    CF_TRY(cf_buf_append(out, CF_LIT("\",\"PrivateKeyCiphertextBlob\":\"")));
    CF_TRY(cf_base64_encode(cf_buf_view(&pkcs8), out));
    return cf_buf_append(out, CF_LIT("\"}"));
}

static cf_result open_one(const cf_decrypt *d, const cf_dh_key *key, const cf_field *f, cf_buf *out)
{
    cf_binding b = {d->tenant, d->vault_id, d->schema, d->suite};
    if (f->encoding != CF_ENC_WRITE) {
        return cf_open_single(&b, key, f, out);
    }
    CF_AUTO(cf_opener_free) cf_opener *o = NULL;
    assert_true(f->write < d->writes_n);
    CF_TRY(cf_opener_new(&b, key, &d->writes[f->write], &o));
    return cf_opener_field(o, f, out);
}

/* Expressions without a cache, and secrets whose "wrapped" key is the key itself. */
static cf_result compile(void *ctx, const cf_transform_source *s, const cf_transform_program **ret,
                         cf_cel_error *ret_error)
{
    static cf_cel_env *env;
    cf_transform_program *made = cf_mem_new(1, sizeof *made);
    (void)ctx;
    assert_non_null(made);
    if (env == NULL) {
        assert_ok(cf_transform_env_new(&env));
    }
    cf_result r = cf_transform_compile(env, s, &made->cel, ret_error);
    *ret = made;
    if (!cf_is_ok(r)) {
        cf_mem_free(made);
        *ret = NULL;
    }
    return r;
}

static void forget(void *ctx, const cf_transform_program *program)
{
    cf_transform_program *made = (cf_transform_program *)(uintptr_t)program;
    (void)ctx;
    cf_cel_program_free(&made->cel);
    cf_mem_free(made);
}

static cf_result named_secret(const cf_secret_ref *s, cf_secret *key, cf_transform_secret *ret)
{
    CF_AUTO(cf_dh_free) cf_dh_key *pair = NULL;
    CF_SECRET(scalar);
    cf_curve curve;
    CF_TRY(cf_dh_from_pkcs8(s->wrapped, &curve, &pair));
    CF_TRY(cf_dh_secret_of(pair, &scalar));
    CF_TRY(cf_named_secret(cf_secret_view(&scalar), s->name, key));
    *ret = (cf_transform_secret){s->name, cf_secret_view(key), CF_OK};
    return cf_ok();
}

static cf_result evaluate(const cf_decrypt *d, const cf_field_result *opened, cf_arena *arena,
                          cf_buf *out)
{
    static const cf_transform_programs programs = {compile, forget};
    cf_view names[2 * CF_REQUEST_FIELDS_MAX];
    cf_transform_field fields[2 * CF_REQUEST_FIELDS_MAX];
    cf_transform_expression expressions[CF_REQUEST_EXPRESSIONS_MAX];
    cf_transform_result results[CF_REQUEST_EXPRESSIONS_MAX];
    cf_expression_result told[CF_REQUEST_EXPRESSIONS_MAX];
    uint32_t read[CF_REQUEST_FIELDS_MAX];
    cf_secret keys[CF_REQUEST_SECRETS_MAX];
    cf_transform_secret secrets[CF_REQUEST_SECRETS_MAX];
    CF_ARENA(scratch, CF_TRANSFORM_LIVE_BYTES_MAX);
    CF_BUF(json);
    const cf_transform_spec spec = {.fields = names,
                                    .fields_n = d->fields_n + d->unset_n,
                                    .expressions = expressions,
                                    .expressions_n = d->expressions_n,
                                    .programs = &programs};
    for (size_t i = 0; i < spec.fields_n; i++) {
        bool set = i < d->fields_n;
        names[i] = set ? d->fields[i].name : d->unset[i - d->fields_n];
        fields[i] = set ? (cf_transform_field){opened[i].value, opened[i].code}
                        : (cf_transform_field){CF_VIEW_EMPTY, CF_ERR_NOT_SET};
    }
    for (size_t i = 0; i < d->expressions_n; i++) {
        expressions[i] =
            (cf_transform_expression){d->expressions[i].name, d->expressions[i].source};
    }
    for (size_t i = 0; i < d->secrets_n; i++) {
        CF_TRY(named_secret(&d->secrets[i], &keys[i], &secrets[i]));
    }
    CF_AUTO(cf_transform_end) cf_transform *t = NULL;
    struct cf_cel_host host = {1767225600, secrets, d->secrets_n};
    cf_answer a = {.fields = opened,
                   .fields_n = d->fields_n - d->silent_n,
                   .evaluated = true,
                   .expressions = told,
                   .expressions_n = d->expressions_n,
                   .read = read,
                   .time_ms = 1767225600123};
    CF_TRY(cf_transform_new(&spec, arena, &t));
    for (uint32_t i = 0; i < d->fields_n; i++) {
        if (cf_transform_reads(t, i)) {
            read[a.read_n++] = i;
        }
    }
    CF_TRY(cf_transform_run(t, fields, &host, &scratch, &json, results));
    for (size_t i = 0; i < d->expressions_n; i++) {
        told[i] = (cf_expression_result){results[i].name, results[i].json, results[i].code,
                                         results[i].offset};
    }
    return cf_answer_encode(&a, out);
}

static cf_result enclave(cf_view body, cf_buf *out)
{
    CF_ARENA(arena, 1 << 20);
    CF_AUTO(cf_dh_free) cf_dh_key *key = NULL;
    cf_curve curve;
    cf_decrypt d;
    cf_field_result all[CF_REQUEST_FIELDS_MAX];
    CF_TRY(cf_decrypt_decode(body, &arena, &d));
    CF_TRY(cf_dh_from_pkcs8(d.wrapped_key, &curve, &key));
    for (size_t i = 0; i < d.fields_n; i++) {
        CF_BUF(text);
        cf_result r = open_one(&d, key, &d.fields[i], &text);
        all[i] = (cf_field_result){.name = d.fields[i].name,
                                   .code = world_now->agent.spoil && i == 0 ? CF_ERR_OPEN : r.code};
        if (all[i].code == CF_OK) {
            CF_TRY(cf_arena_copy(&arena, cf_buf_view(&text), &all[i].value));
        }
    }
    if (world_now->agent.disorder && d.fields_n > 1) {
        cf_field_result first = all[0];
        all[0] = all[1];
        all[1] = first;
    }
    world_now->agent.secrets = d.secrets_n;
    if (d.expressions_n > 0) {
        return evaluate(&d, all, &arena, out);
    }
    return cf_results_encode(all, d.fields_n, out);
}

/* The document is "document for " and the nonce. */
static cf_result attest(cf_view body, cf_buf *out)
{
    CF_BUF(document);
    cf_attest_ask ask;
    CF_TRY(cf_attest_ask_decode(body, &ask));
    CF_TRY(cf_buf_append(&document, CF_LIT("document for ")));
    CF_TRY(cf_buf_append(&document, ask.nonce));
    return cf_attest_doc_encode(cf_buf_view(&document), out);
}

CF_MUST_USE cf_result cf_http_client_call(cf_http_client *c, const cf_http_request *req,
                                          unsigned *ret_status, cf_buf *ret_body)
{
    world_peer *p = &world_now->agent;
    assert_true(req->timeout_ms > 0);
    p->calls++;
    c->headers = false;
    if (p->transport != CF_OK) {
        return cf_fail(p->transport);
    }
    c->headers = true;
    *ret_status = p->status != 0 ? p->status : 200;
    if (p->canned.len > 0) {
        return cf_buf_append(ret_body, p->canned);
    }
    if (p->status != 0) {
        return cf_buf_append(ret_body, cf_view_str(p->body));
    }
    if (strcmp(req->path, "/health") == 0) {
        return cf_buf_append(ret_body, CF_LIT("{}"));
    }
    bool document = strcmp(req->path, "/attest") == 0;
    assert_ok(document ? attest(req->body, ret_body) : enclave(req->body, ret_body));
    return cf_ok();
}

/* --- the client of the KMS; what it tries again is left to its own tests --- */

struct cf_kms_service {
    atomic_uint links;
};

struct cf_kms_link {
    cf_kms_service *service;
};

cf_kms_service *fake_kms(void)
{
    static cf_kms_service only;
    assert_int_equal(atomic_load(&only.links), 0); /* of a world before */
    return &only;
}

/* Taken once and kept, so that it is not among the allocations that fail. */
CF_MUST_USE cf_result cf_kms_link_new(cf_kms_service *s, cf_kms_link **ret)
{
    static cf_kms_link links[CF_API_WORKERS_MAX];
    unsigned at = atomic_fetch_add(&s->links, 1);
    assert_true(at < CF_API_WORKERS_MAX);
    *ret = &links[at];
    (*ret)->service = s;
    return cf_ok();
}

void cf_kms_link_free(cf_kms_link **l)
{
    if (*l != NULL) {
        atomic_fetch_sub(&(*l)->service->links, 1);
        *l = NULL;
    }
}

CF_MUST_USE cf_result cf_kms_call(cf_kms_link *l, cf_view target, cf_view body,
                                  uint64_t deadline_ms, cf_buf *ret_body, cf_kms_outcome *ret)
{
    world_peer *p = &world_now->kms;
    assert_non_null(l);
    assert_true(deadline_ms > cf_clock_mono_ms() && body.len > 0);
    p->calls++;
    *ret = (cf_kms_outcome){.tries = 1, .why = ""};
    if (p->transport != CF_OK) {
        return cf_fail(p->transport);
    }
    ret->status = p->status != 0 ? p->status : 200;
    if (ret->status != 200) {
        ret->fault = cf_kms_fault_of(cf_view_str(p->body), CF_VIEW_EMPTY);
        return cf_fail(cf_kms_fault_remedy(ret->fault, ret->status) == CF_KMS_LATER
                           ? CF_ERR_KMS_UNAVAILABLE
                           : CF_ERR_KMS_REFUSED);
    }
    if (p->canned.len > 0 || p->status != 0) {
        return cf_buf_append(ret_body, p->canned.len > 0 ? p->canned : cf_view_str(p->body));
    }
    if (cf_view_eq(target, CF_LIT("TrentService.DescribeKey"))) {
        return cf_buf_append(ret_body, CF_LIT("{}"));
    }
    assert_view(target, CF_LIT("TrentService.GenerateDataKeyPairWithoutPlaintext"));
    assert_ok(kms_pair(ret_body));
    return cf_ok();
}
