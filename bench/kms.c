/* SPDX-License-Identifier: Apache-2.0 */
/* What a request to the key service costs: a document's verification against the bare signature verifications that it cannot do
 * without (four certificates below the pinned root, and the document itself), a Decrypt with Recipient against its bare operations, and
 * other whole requests; all without their transport. On one core, with a state folder of its own. */
#include <fcntl.h>
#include <unistd.h>

#include "bench/attested.h"
#include "bench/raw.h"
#include "core/base/arena.h"
#include "core/codec/base64.h"
#include "core/codec/json.h"
#include "host/kmsd/kmsd.h"
#include "sys/linux/clock.h"
#include "sys/nsm/soft_priv.h"

/* What is not a signature is reading, hashing and copying: a thirtieth. */
#define VERIFY_MUST 0.80
/* The same, and JSON, base64, the policy, two lines of log and one of audit. */
#define DECRYPT_MUST 0.70

typedef struct {
    char folder[64];
    cf_soft_root *root;
    cf_soft_nsm *module;
    cf_rsa_key *rsa;
    cf_kmsd *service;
    cf_buf doc, spki, decrypt, decrypt_attested, pair;
    bench_attested *bare;
} job;

static cf_result verify_document(void *ctx)
{
    job *j = ctx;
    cf_attest_policy policy = {.root = cf_soft_root_cert(j->root), .archived = true};
    cf_attest_stage stage = CF_ATTEST_SYNTAX;
    cf_attest_payload p;
    return cf_attest_verify(cf_buf_view(&j->doc), &policy, &stage, &p);
}

static cf_result dispatch(job *j, const char *target, const cf_buf *body, cf_buf *ret_answer)
{
    cf_kmsd_answer a;
    cf_kmsd_caller caller = cf_kmsd_local_caller(j->service);
    cf_kmsd_dispatch(j->service, &caller, cf_view_str(target), cf_buf_view(body), "bench", &a);
    bool ok = a.status == 200;
    if (ret_answer != NULL) {
        *ret_answer = cf_buf_move(&a.body);
    }
    cf_buf_free(&a.body);
    CF_REQUIRE(ok, KMS_REFUSED);
    return cf_ok();
}

static cf_result decrypt_attested(void *ctx)
{
    job *j = ctx;
    return dispatch(j, "TrentService.Decrypt", &j->decrypt_attested, NULL);
}

static cf_result decrypt(void *ctx)
{
    job *j = ctx;
    return dispatch(j, "TrentService.Decrypt", &j->decrypt, NULL);
}

static cf_result make_pair(void *ctx)
{
    job *j = ctx;
    return dispatch(j, "TrentService.GenerateDataKeyPairWithoutPlaintext", &j->pair, NULL);
}

static cf_result generate(void *ctx)
{
    (void)ctx;
    CF_AUTO(cf_dh_free) cf_dh_key *k = NULL;
    return cf_dh_generate(CF_P384, &k);
}

/* --- preparation --- */

static cf_result make_document(job *j)
{
    static const uint8_t pcr0[CF_PCR_BYTES_SHA384] = {1};
    CF_BUF(request);
    CF_BUF(response);
    cf_nsm_response m;
    CF_TRY(cf_soft_root_open(j->folder, &j->root));
    CF_TRY(cf_soft_nsm_new(j->root, pcr0, &j->module));
    CF_TRY(cf_rsa_generate(&j->rsa));
    CF_TRY(cf_rsa_public_spki(j->rsa, &j->spki));
    cf_nsm_request q = {
        .op = CF_NSM_ATTESTATION, .has_public_key = true, .public_key = cf_buf_view(&j->spki)};
    CF_TRY(cf_nsm_request_encode(&q, &request));
    CF_TRY(cf_soft_nsm_answer(j->module, cf_buf_view(&request), &response));
    CF_TRY(cf_nsm_response_decode(cf_buf_view(&response), &m));
    return cf_buf_append(&j->doc, m.data);
}

static cf_result dump(json_t *request, cf_buf *out)
{
    CF_JSON(j);
    j = request;
    CF_REQUIRE(j != NULL, NO_MEMORY);
    return cf_json_dump(j, out);
}

/* Bodies of the requests, over a key whose policy lets all of them through and a wrapped P-384 key. */
static cf_result make_bodies(job *j)
{
    CF_JSON(key);
    CF_JSON(pair);
    CF_BUF(empty);
    CF_BUF(answer);
    CF_BUF(doc);
    CF_TRY(cf_buf_append(&empty, CF_LIT("{}")));
    CF_TRY(dispatch(j, "TrentService.CreateKey", &empty, &answer));
    CF_TRY(cf_json_parse(cf_buf_view(&answer), CF_BUF_BYTES_MAX, &key));
    const char *id = json_string_value(json_object_get(json_object_get(key, "KeyMetadata"), "Arn"));
    CF_TRY(dump(json_pack("{s:s,s:s,s:{s:s,s:s}}", "KeyId", id, "KeyPairSpec", "ECC_NIST_P384",
                          "EncryptionContext", "tenant", "t", "vault_id",
                          "v_2hRK9u2DOzmAPMhdVNt9qlJ3UvL"),
                &j->pair));
    cf_buf_free(&answer);
    CF_TRY(dispatch(j, "TrentService.GenerateDataKeyPairWithoutPlaintext", &j->pair, &answer));
    CF_TRY(cf_json_parse(cf_buf_view(&answer), CF_BUF_BYTES_MAX, &pair));
    const char *blob = json_string_value(json_object_get(pair, "PrivateKeyCiphertextBlob"));
    CF_TRY(cf_base64_encode(cf_buf_view(&j->doc), &doc));
    CF_TRY(dump(json_pack("{s:s,s:s,s:{s:s,s:s}}", "CiphertextBlob", blob, "KeyId", id,
                          "EncryptionContext", "tenant", "t", "vault_id",
                          "v_2hRK9u2DOzmAPMhdVNt9qlJ3UvL"),
                &j->decrypt));
    return dump(json_pack("{s:s,s:s,s:{s:s,s:s},s:{s:s,s:o}}", "CiphertextBlob", blob, "KeyId", id,
                          "EncryptionContext", "tenant", "t", "vault_id",
                          "v_2hRK9u2DOzmAPMhdVNt9qlJ3UvL", "Recipient", "KeyEncryptionAlgorithm",
                          "RSAES_OAEP_SHA_256", "AttestationDocument",
                          cf_json_str(cf_buf_view(&doc))),
                &j->decrypt_attested);
}

static cf_result prepare(job *j)
{
    char state[80], root_file[80];
    const char *base = getenv("TMPDIR");
    (void)snprintf(j->folder, sizeof j->folder, "%.40s/bench_kms.XXXXXX",
                   base != NULL ? base : "/tmp");
    CF_REQUIRE(mkdtemp(j->folder) != NULL, IO);
    CF_TRY(make_document(j));
    (void)snprintf(state, sizeof state, "%s/state", j->folder);
    (void)snprintf(root_file, sizeof root_file, "%s/nsm-root.der", j->folder);
    cf_kmsd_options o = {.state = state,
                         .attestation_root = root_file,
                         .region = "us-east-1",
                         .account = "000000000000"};
    CF_TRY(cf_kmsd_new(&o, &j->service));
    CF_TRY(make_bodies(j));
    j->bare = bench_attested_new();
    return cf_ok();
}

static void job_free(job *j)
{
    char command[100];
    cf_kmsd_free(&j->service);
    cf_soft_nsm_free(&j->module);
    cf_soft_root_free(&j->root);
    cf_rsa_free(&j->rsa);
    if (j->bare != NULL) {
        bench_attested_free(j->bare);
    }
    cf_buf *bufs[] = {&j->doc, &j->spki, &j->decrypt, &j->decrypt_attested, &j->pair};
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++) {
        cf_buf_free(bufs[i]);
    }
    (void)snprintf(command, sizeof command, "rm -r '%s'", j->folder);
    if (j->folder[0] != '\0' && system(command) != 0) {
        fprintf(stderr, "bench: %s is left\n", j->folder);
    }
}

/* The service's log goes where its cost is still paid, but nobody reads it. */
static int silence(void)
{
    int saved = dup(2), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    (void)dup2(null, 2);
    (void)close(null);
    return saved;
}

int main(int argc, char **argv)
{
    bench_plan plan = bench_plan_of(argc, argv);
    static job j;
    bench_pin();
    int saved = silence();
    cf_result prepared = prepare(&j);
    if (!cf_is_ok(prepared)) {
        (void)dup2(saved, 2);
        fprintf(stderr, "bench: %s\n", cf_err_code(prepared.code));
        return 1;
    }
    enum { BARE_VERIFY, BARE, VERIFY, ATTESTED, PLAIN, PAIR, GENERATE, ROWS };
    bench_row rows[ROWS] = {
        [BARE_VERIFY] = {.name = "5 ECDSA P-384 verifications",
                         .fn = bench_attested_document,
                         .ctx = j.bare},
        [BARE] = {.name = "5 verifications, GCM, RSA-OAEP, CBC",
                  .fn = bench_attested_service,
                  .ctx = j.bare},
        [VERIFY] = {.name = "attest_verify", .fn = verify_document, .ctx = &j},
        [ATTESTED] = {.name = "kms_decrypt_attested", .fn = decrypt_attested, .ctx = &j},
        [PLAIN] = {.name = "kms_decrypt", .fn = decrypt, .ctx = &j},
        [PAIR] = {.name = "kms_pair_p384", .fn = make_pair, .ctx = &j},
        [GENERATE] = {.name = "P-384 key generation", .fn = generate, .ctx = &j},
    };
    bench_run(rows, ROWS, plan);
    (void)dup2(saved, 2);
    bool ok = bench_print(&rows[BARE_VERIFY], &rows[VERIFY], VERIFY_MUST, bench_lib(), plan);
    ok &= bench_print(&rows[BARE], &rows[ATTESTED], DECRYPT_MUST, bench_lib(), plan);
    ok &= bench_print(&rows[GENERATE], &rows[PLAIN], 0, bench_lib(), plan);
    ok &= bench_print(&rows[GENERATE], &rows[PAIR], 0, bench_lib(), plan);
    job_free(&j);
    return ok ? 0 : 1;
}
