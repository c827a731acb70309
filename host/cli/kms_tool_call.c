/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "core/base/number.h"
#include "core/codec/base64.h"
#include "core/codec/json.h"
#include "core/kms/cms.h"
#include "host/cli/kms_tool.h"
#include "host/cli/pem.h"
#include "host/kms/named.h"
#include "sys/kms/tell.h"
#include "sys/linux/clock.h"
#include "sys/linux/file.h"
#include "sys/linux/net.h"
#include "sys/nsm/nsm.h"

#define PARENT_CID 3 /* as AWS has it */
#define PROXY_PORT "8000"
#define REGION "us-east-1"

/* ---- texts ---- */

static cf_view text_of(const cf_buf *b)
{
    return b->len == 0 ? CF_VIEW_EMPTY : cf_view_make(b->data, b->len - 1);
}

static const char *string_of(const cf_buf *b, const char *or_else)
{
    return b->len == 0 ? or_else : (const char *)b->data;
}

/* What the user gave cannot be used. */
static cf_result wrong(const char *what)
{
    fprintf(stderr, "coffer: %s\n", what);
    return cf_fail(CF_ERR_ARGUMENT);
}

static cf_result failed(const char *what, cf_result r)
{
    fprintf(stderr, "coffer: %s: %s (%s)\n", what, cf_err_text(r.code), cf_err_code(r.code));
    return r.code == CF_ERR_ARGUMENT ? cf_fail(CF_ERR_INTERNAL) : r;
}

/* ---- what is asked ---- */

typedef struct {
    cf_kms_attested q;
    cf_buf blob, public_key;
    json_t *context;
    cf_kms_pair pairs[CF_KMS_CONTEXT_PAIRS_MAX];
} asked;

static void asked_free(asked *a)
{
    cf_buf_free(&a->blob);
    cf_buf_free(&a->public_key);
    json_decref(a->context);
}

static cf_result add_pair(asked *a, cf_view name, cf_view value)
{
    CF_REQUIRE(a->q.context_n < CF_KMS_CONTEXT_PAIRS_MAX && name.len > 0, ARGUMENT);
    a->pairs[a->q.context_n++] = (cf_kms_pair){name, value};
    return cf_ok();
}

static cf_result pairs_of_json(asked *a, cf_view text)
{
    const char *name;
    json_t *value;
    CF_TRY(cf_json_parse(text, CF_CLI_KMS_ARGUMENT_BYTES_MAX, &a->context));
    json_object_foreach(a->context, name, value)
    {
        CF_REQUIRE(json_is_string(value), ARGUMENT);
        CF_TRY(add_pair(a, cf_view_str(name),
                        cf_view_make(json_string_value(value), json_string_length(value))));
    }
    return cf_ok();
}

/* The short form of AWS's command line. */
static cf_result pairs_of_text(asked *a, cf_view text)
{
    for (size_t at = 0; at < text.len;) {
        size_t end = at, equals = text.len;
        for (; end < text.len && text.data[end] != ','; end++) {
            equals = text.data[end] == '=' && equals == text.len ? end : equals;
        }
        CF_REQUIRE(equals < end && end + 1 != text.len, ARGUMENT);
        CF_TRY(add_pair(a, cf_view_sub(text, at, equals - at),
                        cf_view_sub(text, equals + 1, end - equals - 1)));
        at = end + 1;
    }
    return cf_ok();
}

static cf_result read_context(asked *a, cf_view text)
{
    bool json = text.len > 0 && text.data[0] == '{';
    cf_result r = json ? pairs_of_json(a, text) : pairs_of_text(a, text);
    return cf_is_ok(r) ? r
                       : wrong("--encryption-context takes a JSON object of strings, or "
                               "NAME=VALUE,NAME=VALUE");
}

/* In a file the key may stand as OpenSSL writes it, or as this command takes it: base64 of a SubjectPublicKeyInfo begins with "M", DER does
 * not. */
static cf_result read_key_file(const char *path, cf_buf *out)
{
    CF_BUF(file);
    CF_BUF(text);
    CF_TRY(cf_file_read(path, CF_CLI_KMS_ARGUMENT_BYTES_MAX, &file));
    if (file.len == 0 || file.data[0] != 'M') {
        return cli_from_pem(cf_buf_view(&file), "PUBLIC KEY", out);
    }
    CF_TRY(cli_without_blanks(cf_buf_view(&file), &text));
    return cf_base64_decode(cf_buf_view(&text), out);
}

static cf_result read_public_key(const cf_kms_tool *t, asked *a)
{
    cf_view text = text_of(&t->public_key);
    if (text.len > 0 && text.data[0] == '@') {
        cf_result r = read_key_file(string_of(&t->public_key, "") + 1, &a->public_key);
        CF_TRY(cf_is_ok(r) ? r : failed("--public-key cannot be read", r));
    } else {
        cf_result r = cf_base64_decode(text, &a->public_key);
        CF_TRY(cf_is_ok(r) ? r : failed("--public-key is no base64", r));
    }
    a->q.public_key = cf_buf_view(&a->public_key);
    return cf_ok();
}

static cf_result read_names(const cf_kms_tool *t, asked *a)
{
    a->q.spec = text_of(&t->key_pair_spec);
    if (cf_view_eq(text_of(&t->key_spec), CF_LIT("AES-256"))) {
        a->q.spec = CF_LIT("AES_256");
    } else if (cf_view_eq(text_of(&t->key_spec), CF_LIT("AES-128"))) {
        a->q.spec = CF_LIT("AES_128");
    } else if (t->key_spec.len > 0) {
        return wrong("--key-spec is AES-256 or AES-128");
    }
    if (t->agreement.len > 0 && !cf_view_eq(text_of(&t->agreement), CF_LIT("ECDH"))) {
        return wrong("--key-agreement-algorithm is ECDH");
    }
    return cf_ok();
}

static cf_result read_asked(const cf_kms_tool *t, asked *a)
{
    uint64_t bytes = 0;
    a->q = (cf_kms_attested){.op = t->op,
                             .key_id = text_of(&t->key_id),
                             .algorithm = text_of(&t->algorithm),
                             .context = a->pairs};
    if (t->length.len > 0 &&
        (!cf_is_ok(cf_parse_u64(text_of(&t->length), CF_KMS_RANDOM_BYTES_MAX, &bytes)) ||
         bytes == 0)) {
        return wrong("--length takes a number from 1 to 1024");
    }
    a->q.bytes = (uint32_t)bytes;
    CF_TRY(read_names(t, a));
    CF_TRY(read_public_key(t, a));
    cf_result r = cf_base64_decode(text_of(&t->ciphertext), &a->blob);
    if (!cf_is_ok(r)) {
        return failed("--ciphertext is no base64", r);
    }
    a->q.blob = cf_buf_view(&a->blob);
    return read_context(a, text_of(&t->context));
}

/* ---- whom ---- */

typedef struct {
    const cf_kms_tool *tool;
    cf_net_addr addr;
    cf_aws_endpoint endpoint;
} way;

static cf_result read_way(const cf_kms_tool *t, way *w)
{
    char text[CF_AWS_REGION_BYTES_MAX + sizeof "aws:,fips"], via[CF_NET_TEXT_BYTES_MAX];
    w->tool = t;
    int n = snprintf(text, sizeof text, "aws:%s%s", string_of(&t->region, REGION),
                     t->fips.len > 0 ? ",fips" : "");
    bool fits = n > 0 && (size_t)n < sizeof text;
    cf_view name = t->endpoint.len > 0 ? text_of(&t->endpoint) : cf_view_str(fits ? text : "");
    if (!cf_is_ok(cf_aws_kms_endpoint(name, &w->endpoint))) {
        return wrong(t->endpoint.len > 0 ? "--endpoint is https://HOST[:PORT][,REGION]"
                                         : "--region is no name of a region");
    }
    (void)snprintf(via, sizeof via, "vsock:%d:%s", PARENT_CID,
                   string_of(&t->proxy_port, PROXY_PORT));
    if (!cf_is_ok(cf_net_parse(string_of(&t->via, via), &w->addr)) || w->addr.kind == CF_NET_FD) {
        return wrong(t->via.len > 0 ? "--via is vsock:CID:PORT, unix:PATH or HOST:PORT"
                                    : "--proxy-port takes the number of a port");
    }
    return cf_ok();
}

static cf_result dial(void *self, uint64_t deadline_ms, int *ret_fd)
{
    const way *w = self;
    return cf_net_dial(&w->addr, deadline_ms, ret_fd);
}

static cf_result sign(void *self, const cf_aws_request *q, cf_buf *scratch,
                      cf_http1_field ret[static CF_AWS_FIELDS_MAX], size_t *ret_n,
                      uint64_t *ret_generation)
{
    const way *w = self;
    const cf_sigv4_credentials c = {text_of(&w->tool->access_key), text_of(&w->tool->secret_key),
                                    text_of(&w->tool->token)};
    *ret_generation = 1;
    return cf_aws_fields(q, &c, scratch, ret, ret_n);
}

/* ---- who we are ---- */

typedef struct {
    cf_nsm nsm;
    cf_rsa_key *key;
    cf_buf document;
} self;

static void self_free(self *s)
{
    cf_nsm_close(&s->nsm);
    cf_rsa_free(&s->key);
    cf_buf_free(&s->document);
}

static cf_result open_module(const cf_kms_tool *t, cf_nsm *ret)
{
    int fd = -1;
    bool device = false;
    if (t->nsm.len > 0) {
        cf_net_addr addr;
        CF_TRY(cf_net_parse(string_of(&t->nsm, ""), &addr));
        CF_TRY(cf_net_dial(&addr, cf_clock_mono_ms() + CF_NSM_TIMEOUT_MS, &fd));
    }
    return cf_nsm_open(fd, ret, &device);
}

static cf_result make_self(const cf_kms_tool *t, self *s)
{
    CF_BUF(spki);
    CF_TRY(open_module(t, &s->nsm));
    CF_TRY(cf_rsa_generate(&s->key));
    CF_TRY(cf_rsa_public_spki(s->key, &spki));
    const cf_nsm_request inputs = {.has_public_key = true, .public_key = cf_buf_view(&spki)};
    return cf_nsm_attest(&s->nsm, &inputs, &s->document);
}

/* ---- what came of it ---- */

/* The condition keys that a policy could have asked of the document, and the values that they have. */
static void tell_conditions(self *s)
{
    CF_BUF(text);
    if (cf_is_ok(
            cf_nsm_conditions(&s->nsm, CF_LIT("\ncoffer:   kms:RecipientAttestation:"), &text)) &&
        text.len > 0) {
        fprintf(stderr,
                "coffer: the document satisfies these condition keys, and no others of that kind:\n"
                "coffer:   kms:RecipientAttestation:%.*s\n",
                (int)text.len, (const char *)text.data);
    }
}

static void tell(self *s, cf_result r, const cf_kms_outcome *o)
{
    if (o->fault == NULL) {
        fprintf(stderr, "coffer: %s (%s)%s%s\n", cf_err_text(r.code), cf_err_code(r.code),
                o->why[0] != '\0' ? ", TLS: " : "", o->why);
        return;
    }
    const char *name = o->fault->name;
    fprintf(stderr, "coffer: %s: %s (%s%sstatus %u)\n", o->fault->code, o->fault->hint, name,
            name[0] != '\0' ? ", " : "", o->status);
    if (cf_kms_denied(o)) {
        tell_conditions(s);
    }
}

static cf_result put_line(cf_buf *out, cf_view label, cf_view octets)
{
    CF_TRY(cf_buf_append(out, label));
    CF_TRY(cf_base64_encode(octets, out));
    return cf_buf_append(out, CF_LIT("\n"));
}

static cf_result put_answer(const asked *a, const self *s, cf_view body, cf_buf *out)
{
    static const cf_view names[] = {[CF_KMS_DECRYPT] = CF_LIT_INIT("PLAINTEXT: "),
                                    [CF_KMS_DATA_KEY] = CF_LIT_INIT("PLAINTEXT: "),
                                    [CF_KMS_DATA_KEY_PAIR] = CF_LIT_INIT("PRIVATE: "),
                                    [CF_KMS_RANDOM] = CF_LIT_INIT("PLAINTEXT: "),
                                    [CF_KMS_SHARED_SECRET] = CF_LIT_INIT("SECRET: ")};
    CF_BUF(plaintext);
    CF_AUTO(cf_kms_attested_answer_free) cf_kms_attested_answer answer = {.cms = CF_BUF_EMPTY};
    CF_TRY(cf_kms_attested_decode(a->q.op, body, &answer));
    CF_TRY(cf_cms_open(s->key, cf_buf_view(&answer.cms), &plaintext));
    if (answer.blob.len > 0) {
        CF_TRY(put_line(out, CF_LIT("CIPHERTEXT: "), cf_buf_view(&answer.blob)));
    }
    CF_TRY(put_line(out, names[a->q.op], cf_buf_view(&plaintext)));
    return answer.public_key.len == 0
               ? cf_ok()
               : put_line(out, CF_LIT("PUBLIC: "), cf_buf_view(&answer.public_key));
}

static cf_result call(const asked *a, way *w, const cf_tls_config *tls, self *s, cf_buf *out)
{
    static const cf_kms_dial_ops ops = {dial, NULL};
    CF_BUF(body);
    CF_BUF(answer);
    cf_kms_outcome outcome;
    CF_AUTO(cf_kms_service_free) cf_kms_service *service = NULL;
    CF_AUTO(cf_kms_link_free) cf_kms_link *link = NULL;
    const cf_kms_service_spec spec = {.dial = &ops,
                                      .dial_self = w,
                                      .endpoint = &w->endpoint,
                                      .tls = tls,
                                      .sign = sign,
                                      .sign_self = w};
    cf_result r = cf_kms_attested_encode(&a->q, &body);
    if (!cf_is_ok(r)) {
        return failed("the request cannot be made", r);
    }
    CF_TRY(cf_kms_service_new(&spec, &service));
    CF_TRY(cf_kms_link_new(service, &link));
    r = cf_kms_call(link, cf_kms_target(a->q.op), cf_buf_view(&body),
                    cf_clock_mono_ms() + CF_CLI_KMS_CALL_TIMEOUT_MS, &answer, &outcome);
    if (!cf_is_ok(r)) {
        tell(s, r, &outcome);
        return r;
    }
    r = put_answer(a, s, cf_buf_view(&answer), out);
    return cf_is_ok(r) ? r : failed("the answer cannot be used", r);
}

CF_MUST_USE cf_result cf_kms_tool_run(const cf_kms_tool *t, cf_buf *out)
{
    CF_AUTO(asked_free) asked a = {.context = NULL};
    CF_AUTO(self_free) self s = {.key = NULL};
    CF_AUTO(cf_tls_config_free) cf_tls_config *tls = NULL;
    way w;
    CF_TRY(read_asked(t, &a));
    CF_TRY(read_way(t, &w));
    cf_result r = cf_kms_roots(string_of(&t->roots, NULL), &tls);
    if (!cf_is_ok(r)) {
        return failed("--roots", r);
    }
    r = make_self(t, &s);
    if (!cf_is_ok(r)) {
        return failed("the security module", r);
    }
    a.q.document = cf_buf_view(&s.document);
    return call(&a, &w, tls, &s, out);
}
