/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation documents and CMS for test_attest.py, test_cms.py and tests/system/test_kmsd.py: one request per line on standard
 * input, one answer per line on standard output. Words are hexadecimal, "-" is the empty string. Keys appear in the clear: a tool
 * for tests only.
 *
 *   root FOLDER                                          -> certificate    (the software module's root of that folder)
 *   doc FOLDER pcr0 path_ms doc_ms flags pk data nonce   -> document       (*_ms: eight octets; flags: 1 pk, 2 data, 4 nonce given;
 *                                                                           made with a certificate path of the time path_ms)
 *   ask FOLDER pcr0 request                              -> response       (of a fresh software module)
 *   verify root now_ms age_ms document                   -> stage module_id pcr0     (age_ms 0: archived, debug allowed)
 *   open pkcs8 cms                                       -> plaintext
 *   make spki form plaintext                             -> cms            (form: one octet, 0 or 1)
 *
 * A failure is answered with "error CODE"; of verify with "error CODE stage". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/reader.h"
#include "core/codec/base64.h"
#include "core/kms/cms.h"
#include "sys/nsm/soft_priv.h"

enum { WORDS_MAX = 8 };

typedef struct {
    const char *verb;
    cf_buf words[WORDS_MAX];
    size_t n;
    cf_soft_root *root; /* of the folder asked for last */
    char folder[512];
    bool staged; /* of verify: stage is known */
    cf_attest_stage stage;
} request;

static void request_clear(request *r)
{
    for (size_t i = 0; i < WORDS_MAX; i++) {
        cf_buf_clear(&r->words[i]);
    }
    r->n = 0;
    r->staged = false;
}

static void request_free(request *r)
{
    for (size_t i = 0; i < WORDS_MAX; i++) {
        cf_buf_free(&r->words[i]);
    }
    cf_soft_root_free(&r->root);
}

static cf_view word(const request *r, size_t i)
{
    return cf_buf_view(&r->words[i]);
}

static cf_result parse(char *line, request *ret)
{
    char *state = NULL;
    ret->verb = strtok_r(line, " \n", &state);
    CF_REQUIRE(ret->verb != NULL, MALFORMED);
    for (const char *text; (text = strtok_r(NULL, " \n", &state)) != NULL; ret->n++) {
        CF_REQUIRE(ret->n < WORDS_MAX, SIZE);
        if (strcmp(text, "-") != 0) {
            CF_TRY(cf_hex_decode(cf_view_str(text), &ret->words[ret->n]));
        }
    }
    return cf_ok();
}

static cf_result print_hex(cf_view v)
{
    CF_BUF(hex);
    CF_TRY(cf_hex_encode(v, &hex));
    printf("%.*s ", hex.len == 0 ? 1 : (int)hex.len, hex.len == 0 ? "-" : (const char *)hex.data);
    return cf_ok();
}

static cf_result read_time(const request *r, size_t i, uint64_t *ret)
{
    cf_reader in = cf_reader_of(word(r, i));
    *ret = cf_read_u64(&in);
    return cf_read_end(&in);
}

/* The root of the folder named by word 0; opened once per folder. */
static cf_result open_root(request *r)
{
    cf_view name = word(r, 0);
    CF_REQUIRE(name.len > 0 && name.len < sizeof r->folder, SIZE);
    if (r->root != NULL && cf_view_eq(cf_view_str(r->folder), name)) {
        return cf_ok();
    }
    cf_soft_root_free(&r->root);
    cf_copy(r->folder, name.data, name.len);
    r->folder[name.len] = '\0';
    return cf_soft_root_open(r->folder, &r->root);
}

static cf_result do_root(request *r)
{
    CF_TRY(open_root(r));
    return print_hex(cf_soft_root_cert(r->root));
}

static cf_result do_doc(request *r)
{
    CF_AUTO(cf_soft_chain_clear) cf_soft_chain chain = {.leaf_key = NULL};
    CF_BUF(doc);
    uint64_t path_ms, doc_ms;
    uint8_t id[CF_SOFT_MODULE_ID_BYTES], pcr4[CF_PCR_BYTES_SHA384];
    static const uint8_t zero[CF_PCR_BYTES_SHA384];
    CF_TRY(open_root(r));
    CF_TRY(read_time(r, 2, &path_ms));
    CF_TRY(read_time(r, 3, &doc_ms));
    CF_REQUIRE(r->n == WORDS_MAX && word(r, 4).len == 1, ARGUMENT);
    uint8_t flags = word(r, 4).data[0];
    CF_TRY(cf_soft_module_id(path_ms, id));
    CF_TRY(cf_soft_pcr4(pcr4));
    CF_TRY(cf_soft_chain_make(r->root, CF_VIEW_OF(id), path_ms, &chain));
    cf_attest_payload p = {.module_id = CF_VIEW_OF(id),
                           .timestamp_ms = doc_ms,
                           .has_public_key = (flags & 1) != 0,
                           .has_user_data = (flags & 2) != 0,
                           .has_nonce = (flags & 4) != 0,
                           .public_key = word(r, 5),
                           .user_data = word(r, 6),
                           .nonce = word(r, 7)};
    for (size_t i = 0; i < 16; i++) {
        p.pcrs[i] = i < 3 ? word(r, 1) : (i == 4 ? CF_VIEW_OF(pcr4) : CF_VIEW_OF(zero));
    }
    cf_soft_chain_lend(&chain, &p);
    CF_TRY(cf_attest_make(&p, chain.leaf_key, &doc));
    return print_hex(cf_buf_view(&doc));
}

static cf_result do_ask(request *r)
{
    CF_AUTO(cf_soft_nsm_free) cf_soft_nsm *module = NULL;
    CF_BUF(response);
    CF_TRY(open_root(r));
    CF_REQUIRE(word(r, 1).len == CF_PCR_BYTES_SHA384, ARGUMENT);
    CF_TRY(cf_soft_nsm_new(r->root, word(r, 1).data, &module));
    CF_TRY(cf_soft_nsm_answer(module, word(r, 2), &response));
    return print_hex(cf_buf_view(&response));
}

static cf_result do_verify(request *r)
{
    cf_attest_policy policy = {.root = word(r, 0)};
    cf_attest_payload p;
    CF_TRY(read_time(r, 1, &policy.now_ms));
    CF_TRY(read_time(r, 2, &policy.age_max_ms));
    policy.archived = policy.allow_debug = policy.age_max_ms == 0;
    r->staged = true;
    CF_TRY(cf_attest_verify(word(r, 3), &policy, &r->stage, &p));
    printf("%s ", cf_attest_stage_name(r->stage));
    CF_TRY(print_hex(p.module_id));
    return print_hex(p.pcrs[0]);
}

static cf_result do_open(request *r)
{
    CF_AUTO(cf_rsa_free) cf_rsa_key *key = NULL;
    CF_BUF(plaintext);
    CF_TRY(cf_rsa_from_pkcs8(word(r, 0), &key));
    CF_TRY(cf_cms_open(key, word(r, 1), &plaintext));
    return print_hex(cf_buf_view(&plaintext));
}

static cf_result do_make(request *r)
{
    CF_BUF(cms);
    CF_REQUIRE(word(r, 1).len == 1, ARGUMENT);
    cf_cms_form form = word(r, 1).data[0] == 0 ? CF_CMS_FORM_A : CF_CMS_FORM_B;
    CF_TRY(cf_cms_make(word(r, 0), word(r, 2), form, &cms));
    return print_hex(cf_buf_view(&cms));
}

static const struct {
    const char *verb;
    cf_result (*run)(request *r);
} verbs[] = {{"root", do_root},     {"doc", do_doc},   {"ask", do_ask},
             {"verify", do_verify}, {"open", do_open}, {"make", do_make}};

static cf_result answer(request *r)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(r->verb, verbs[i].verb) == 0) {
            return verbs[i].run(r);
        }
    }
    return cf_fail(CF_ERR_UNSUPPORTED);
}

int main(void)
{
    CF_AUTO(request_free) request r = {.n = 0};
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        request_clear(&r);
        cf_result done = parse(line, &r);
        if (cf_is_ok(done)) {
            done = answer(&r);
        }
        if (!cf_is_ok(done)) {
            printf("error %s %s", cf_err_code(done.code),
                   r.staged ? cf_attest_stage_name(r.stage) : "");
        }
        printf("\n");
        (void)fflush(stdout);
    }
    free(line);
    return 0;
}
