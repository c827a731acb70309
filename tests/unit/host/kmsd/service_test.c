/* SPDX-License-Identifier: Apache-2.0 */
/* The service without its transport, with a software security module for documents. */
#include <stdlib.h>
#include <unistd.h>

#include "core/codec/base64.h"
#include "core/kms/cms.h"
#include "core/kms/kms.h"
#include "host/kmsd/kmsd.h"
#include "host/kmsd/limits.h"
#include "sys/linux/clock.h"
#include "sys/linux/file.h"
#include "sys/nsm/soft_priv.h"
#include "tests/unit/host/kmsd/quoted.h"

static char folder[64];
static cf_soft_root *root;
static cf_kmsd *service;
static cf_rsa_key *rsa;
static cf_buf rsa_spki;
static uint8_t pcr_a[CF_PCR_BYTES_SHA384] = {0xAA};
static uint8_t pcr_b[CF_PCR_BYTES_SHA384] = {0xBB};
static const uint8_t pcr_zero[CF_PCR_BYTES_SHA384];

static void open_service(void)
{
    char state[100], root_file[100];
    (void)snprintf(state, sizeof state, "%s/state", folder);
    (void)snprintf(root_file, sizeof root_file, "%s/nsm-root.der", folder);
    cf_kmsd_options o = {.state = state,
                         .attestation_root = root_file,
                         .region = "us-east-1",
                         .account = "000000000000"};
    assert_ok(cf_kmsd_new(&o, &service));
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/service_test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_ok(cf_soft_root_open(folder, &root));
    assert_ok(cf_rsa_generate(&rsa));
    assert_ok(cf_rsa_public_spki(rsa, &rsa_spki));
    open_service();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[100];
    cf_kmsd_free(&service);
    cf_soft_root_free(&root);
    cf_rsa_free(&rsa);
    cf_buf_free(&rsa_spki);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

/* --- calls --- */

/* Sends a body; the answer's object (empty for an empty body) is the caller's to drop. */
static json_t *send_body(const char *op, cf_view body, const char *want_exception)
{
    char target[80];
    cf_kmsd_answer a;
    (void)snprintf(target, sizeof target, "TrentService.%s", op);
    cf_kmsd_caller caller = cf_kmsd_local_caller(service);
    cf_kmsd_dispatch(service, &caller, cf_view_str(target), body, "test", &a);
    if (strcmp(a.exception, want_exception) != 0) {
        fail_msg("%s: %s %.*s", op, a.exception, (int)a.body.len, (const char *)a.body.data);
    }
    bool internal = strcmp(want_exception, "KMSInternalException") == 0;
    assert_int_equal(a.status, want_exception[0] == '\0' ? 200 : (internal ? 500 : 400));
    json_t *j = NULL;
    if (a.body.len > 0) {
        assert_ok(cf_json_parse(cf_buf_view(&a.body), CF_KMSD_BODY_BYTES_MAX, &j));
    } else {
        j = json_object();
    }
    if (want_exception[0] != '\0') {
        assert_string_equal(json_string_value(json_object_get(j, "__type")), want_exception);
    }
    cf_buf_free(&a.body);
    return j;
}

/* Takes the request. */
static json_t *call(const char *op, json_t *request, const char *want_exception)
{
    CF_BUF(body);
    assert_non_null(request);
    assert_ok(cf_json_dump(request, &body));
    json_decref(request);
    return send_body(op, cf_buf_view(&body), want_exception);
}

static void refused(const char *op, json_t *request, const char *exception)
{
    json_decref(call(op, request, exception));
}

static const char *text(const json_t *j, const char *name)
{
    const char *value = json_string_value(json_object_get(j, name));
    if (value == NULL) {
        fail_msg("no member %s", name);
    }
    return value;
}

/* A key with this policy, or the default one; its id is the caller's until the next call but one. */
static const char *create_key(const char *policy)
{
    static char ids[2][64];
    static unsigned turn;
    char *id = ids[turn++ % 2];
    json_t *request = json_object();
    if (policy != NULL) {
        cf_view v = quoted(policy);
        assert_int_equal(
            json_object_set_new(request, "Policy", json_stringn((const char *)v.data, v.len)), 0);
    }
    json_t *answer = call("CreateKey", request, "");
    (void)snprintf(id, 64, "%s", text(json_object_get(answer, "KeyMetadata"), "KeyId"));
    json_decref(answer);
    return id;
}

/* --- documents --- */

typedef struct {
    const uint8_t *pcr0;
    int64_t age_ms; /* of the document */
    const cf_soft_root *root;
    cf_view public_key;
    bool no_public_key;
    size_t alter; /* octet from the end to change; 0: none */
} doc_spec;

/* Base64 of a document. */
static json_t *document(const doc_spec *d)
{
    CF_BUF(doc);
    CF_BUF(base64);
    cf_soft_chain chain;
    uint64_t at = cf_clock_wall_ms() - (uint64_t)d->age_ms;
    cf_view module = CF_LIT("i-00000000000000000-enc0000000000000000");
    assert_ok(cf_soft_chain_make(d->root != NULL ? d->root : root, module, at, &chain));
    cf_attest_payload p = {.module_id = module,
                           .timestamp_ms = at,
                           .has_public_key = !d->no_public_key,
                           .public_key = d->no_public_key        ? CF_VIEW_EMPTY
                                         : d->public_key.len > 0 ? d->public_key
                                                                 : cf_buf_view(&rsa_spki)};
    for (size_t i = 0; i < 16; i++) {
        p.pcrs[i] = cf_view_make(i == 0 ? d->pcr0 : pcr_zero, CF_PCR_BYTES_SHA384);
    }
    cf_soft_chain_lend(&chain, &p);
    assert_ok(cf_attest_make(&p, chain.leaf_key, &doc));
    cf_soft_chain_clear(&chain);
    if (d->alter > 0) {
        doc.data[doc.len - d->alter] ^= 1;
    }
    assert_ok(cf_base64_encode(cf_buf_view(&doc), &base64));
    return cf_json_str(cf_buf_view(&base64));
}

static json_t *recipient(const doc_spec *d)
{
    return json_pack("{s:s,s:o}", "KeyEncryptionAlgorithm", "RSAES_OAEP_SHA_256",
                     "AttestationDocument", document(d));
}

/* What CiphertextForRecipient holds; the answer must have nothing in the clear. */
static void open_for_recipient(const json_t *answer, const char *plain, cf_buf *out)
{
    CF_BUF(cms);
    assert_null(json_object_get(answer, plain));
    assert_null(json_object_get(answer, "KeyMaterialId"));
    assert_ok(cf_base64_decode(cf_view_str(text(answer, "CiphertextForRecipient")), &cms));
    assert_ok(cf_cms_open(rsa, cf_buf_view(&cms), out));
}

#define MEASURED                                                                                   \
    "{'Statement':[{'Effect':'Allow','Principal':'*','Resource':'*','Action':['kms:DescribeKey',"  \
    "'kms:GetKeyPolicy','kms:PutKeyPolicy','kms:Encrypt',"                                         \
    "'kms:GenerateDataKeyPairWithoutPlaintext']},"                                                 \
    "{'Effect':'Allow','Principal':'*','Resource':'*','Action':['kms:Decrypt',"                    \
    "'kms:GenerateDataKey','kms:GenerateDataKeyPair'],'Condition':{'StringEqualsIgnoreCase':"      \
    "{'kms:RecipientAttestation:%s':'AA%094d'}}}]}"

/* A key of which only the enclave measured as pcr_a gets anything in the clear. */
static const char *measured_key(const char *condition_key)
{
    char policy[1200];
    (void)snprintf(policy, sizeof policy, MEASURED, condition_key, 0);
    return create_key(policy);
}

/* --- tests --- */

static void test_encrypt_and_decrypt(void **state)
{
    (void)state;
    const char *id = create_key(NULL);
    json_t *enc = call("Encrypt",
                       json_pack("{s:s,s:s,s:{s:s,s:s}}", "KeyId", id, "Plaintext",
                                 "aGVsbG8=", "EncryptionContext", "b", "1", "a", "2"),
                       "");
    const char *blob = text(enc, "CiphertextBlob"), *arn = text(enc, "KeyId");
    assert_string_equal(text(enc, "EncryptionAlgorithm"), "SYMMETRIC_DEFAULT");
    /* with either form of the key id, or none; the context in any order */
    const char *ids[] = {id, arn, NULL};
    for (int i = 0; i < 3; i++) {
        json_t *dec = call("Decrypt",
                           json_pack("{s:s,s:s*,s:{s:s,s:s}}", "CiphertextBlob", blob, "KeyId",
                                     ids[i], "EncryptionContext", "a", "2", "b", "1"),
                           "");
        assert_string_equal(text(dec, "Plaintext"), "aGVsbG8=");
        assert_string_equal(text(dec, "KeyId"), arn);
        assert_int_equal(strlen(text(dec, "KeyMaterialId")), 64);
        json_decref(dec);
    }
    /* another context: less, more, other case */
    refused("Decrypt", json_pack("{s:s}", "CiphertextBlob", blob), "InvalidCiphertextException");
    refused("Decrypt",
            json_pack("{s:s,s:{s:s}}", "CiphertextBlob", blob, "EncryptionContext", "a", "2"),
            "InvalidCiphertextException");
    refused("Decrypt",
            json_pack("{s:s,s:{s:s,s:s,s:s}}", "CiphertextBlob", blob, "EncryptionContext", "a",
                      "2", "b", "1", "c", ""),
            "InvalidCiphertextException");
    refused("Decrypt",
            json_pack("{s:s,s:{s:s,s:s}}", "CiphertextBlob", blob, "EncryptionContext", "A", "2",
                      "b", "1"),
            "InvalidCiphertextException");
    refused("Decrypt",
            json_pack("{s:s,s:{s:s,s:s}}", "CiphertextBlob", blob, "EncryptionContext", "a", "1",
                      "b", "2"),
            "InvalidCiphertextException");
    /* the message says nothing */
    json_t *e =
        call("Decrypt", json_pack("{s:s}", "CiphertextBlob", "AAAA"), "InvalidCiphertextException");
    assert_null(json_object_get(e, "message"));
    json_decref(e);
    /* another key */
    const char *other = create_key(NULL);
    refused("Decrypt",
            json_pack("{s:s,s:s,s:{s:s,s:s}}", "CiphertextBlob", blob, "KeyId", other,
                      "EncryptionContext", "a", "2", "b", "1"),
            "IncorrectKeyException");
    json_decref(enc);
}

static void test_key_ids(void **state)
{
    (void)state;
    static const struct {
        const char *id, *exception, *message;
    } rows[] = {
        {"1234abcd-12ab-34cd-56ef-1234567890ab", "NotFoundException",
         "Key 'arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab' does "
         "not exist"},
        {"arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab",
         "NotFoundException",
         "Key 'arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab' does "
         "not exist"},
        {"arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab",
         "NotFoundException",
         "Key 'arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab' does "
         "not exist"},
        {"alias/x", "NotFoundException",
         "Alias arn:aws:kms:us-east-1:000000000000:alias/x is not found."},
        {"arn:aws:kms:us-east-1:000000000000:alias/x", "NotFoundException",
         "Alias arn:aws:kms:us-east-1:000000000000:alias/x is not found."},
        {"nonsense", "NotFoundException", "Invalid keyId 'nonsense'"},
        {"arn:aws:kms:eu-west-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab",
         "InvalidArnException", "Invalid arn eu-west-1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *e = call("DescribeKey", json_pack("{s:s}", "KeyId", rows[i].id), rows[i].exception);
        assert_string_equal(text(e, "message"), rows[i].message);
        json_decref(e);
    }
}

/* A name too long to be repeated whole is cut between characters: the answer stays JSON. */
static void test_long_key_ids(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        for (int form = 0; form < 3; form++) {
            CF_BUF(id);
            assert_ok(cf_buf_append(
                &id, form == 0 ? CF_VIEW_EMPTY : (form == 1 ? CF_LIT("alias/") : CF_LIT("arn:"))));
            assert_ok(cf_buf_append(&id, cf_view_make("aaaa", shift)));
            for (size_t i = 0; i < 400; i++) {
                assert_ok(cf_buf_append(&id, CF_LIT("\xf0\x9f\x97\x9d")));
            }
            json_t *request = json_object();
            json_object_set_new(request, "KeyId", cf_json_str(cf_buf_view(&id)));
            json_t *e = call("DescribeKey", request,
                             form == 2 ? "InvalidArnException" : "NotFoundException");
            assert_true(strlen(text(e, "message")) < CF_KMSD_ECHO_BYTES_MAX + 80);
            json_decref(e);
        }
    }
}

static void test_data_keys(void **state)
{
    (void)state;
    const char *id = create_key(NULL);
    static const struct {
        const char *name, *spec;
        int bytes, want;
    } rows[] = {{"KeySpec", "AES_256", 0, 32},
                {"KeySpec", "AES_128", 0, 16},
                {"NumberOfBytes", NULL, 1, 1},
                {"NumberOfBytes", NULL, 1024, 1024}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int with = 0; with < 2; with++) {
            json_t *request = json_pack("{s:s}", "KeyId", id);
            json_object_set_new(request, rows[i].name,
                                rows[i].spec != NULL ? json_string(rows[i].spec)
                                                     : json_integer(rows[i].bytes));
            json_t *a = call(with == 1 ? "GenerateDataKey" : "GenerateDataKeyWithoutPlaintext",
                             request, "");
            json_t *d = call("Decrypt",
                             json_pack("{s:s}", "CiphertextBlob", text(a, "CiphertextBlob")), "");
            CF_BUF(key);
            assert_ok(cf_base64_decode(cf_view_str(text(d, "Plaintext")), &key));
            assert_int_equal(key.len, rows[i].want);
            if (with == 1) {
                assert_string_equal(text(a, "Plaintext"), text(d, "Plaintext"));
            } else {
                assert_null(json_object_get(a, "Plaintext"));
            }
            json_decref(a);
            json_decref(d);
        }
    }
    refused("GenerateDataKey", json_pack("{s:s}", "KeyId", id), "ValidationException");
    refused("GenerateDataKey",
            json_pack("{s:s,s:s,s:i}", "KeyId", id, "KeySpec", "AES_256", "NumberOfBytes", 32),
            "ValidationException");
}

static void test_pairs(void **state)
{
    (void)state;
    const char *id = create_key(NULL);
    static const struct {
        const char *spec;
        cf_curve curve;
        size_t pkcs8;
    } rows[] = {{"ECC_NIST_P256", CF_P256, 138},
                {"ECC_NIST_P384", CF_P384, 185},
                {"ECC_NIST_P521", CF_P521, 241}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *a = call("GenerateDataKeyPair",
                         json_pack("{s:s,s:s}", "KeyId", id, "KeyPairSpec", rows[i].spec), "");
        json_t *w = call("GenerateDataKeyPairWithoutPlaintext",
                         json_pack("{s:s,s:s}", "KeyId", id, "KeyPairSpec", rows[i].spec), "");
        assert_null(json_object_get(w, "PrivateKeyPlaintext"));
        assert_string_equal(text(w, "KeyPairSpec"), rows[i].spec);
        json_t *d =
            call("Decrypt",
                 json_pack("{s:s}", "CiphertextBlob", text(a, "PrivateKeyCiphertextBlob")), "");
        assert_string_equal(text(d, "Plaintext"), text(a, "PrivateKeyPlaintext"));
        CF_BUF(pkcs8);
        CF_BUF(spki);
        cf_dh_key *key = NULL;
        cf_curve curve;
        cf_dh_public pub;
        assert_ok(cf_base64_decode(cf_view_str(text(d, "Plaintext")), &pkcs8));
        assert_ok(cf_base64_decode(cf_view_str(text(a, "PublicKey")), &spki));
        assert_int_equal(pkcs8.len, rows[i].pkcs8);
        /* as the enclave takes it: with its public key, and no octet to spare */
        assert_ok(cf_dh_pair_from_pkcs8(cf_buf_view(&pkcs8), rows[i].curve, &key));
        assert_ok(cf_dh_public_from_spki(cf_buf_view(&spki), &curve, &pub));
        assert_int_equal(curve, rows[i].curve);
        assert_view(cf_dh_public_view(cf_dh_public_of(key)), cf_dh_public_view(&pub));
        cf_dh_free(&key);
        json_decref(a);
        json_decref(w);
        json_decref(d);
    }
    refused("GenerateDataKeyPair", json_pack("{s:s,s:s}", "KeyId", id, "KeyPairSpec", "SM2"),
            "UnsupportedOperationException");
    refused("GenerateDataKeyPair", json_pack("{s:s,s:s}", "KeyId", id, "KeyPairSpec", "P384"),
            "ValidationException");
}

/* A policy that names a measure: what the enclave with it gets, and everybody else does not. */
static void test_attested(void **state)
{
    (void)state;
    static const char *const names[] = {"ImageSha384", "PCR0"};
    for (size_t n = 0; n < 2; n++) {
        const char *id = measured_key(names[n]);
        json_t *enc =
            call("Encrypt", json_pack("{s:s,s:s}", "KeyId", id, "Plaintext", "aGVsbG8="), "");
        const char *blob = text(enc, "CiphertextBlob");
        for (int again = 0; again < 8; again++) { /* both forms of CMS turn up */
            CF_BUF(out);
            json_t *dec = call("Decrypt",
                               json_pack("{s:s,s:o}", "CiphertextBlob", blob, "Recipient",
                                         recipient(&(doc_spec){.pcr0 = pcr_a})),
                               "");
            open_for_recipient(dec, "Plaintext", &out);
            assert_view(cf_buf_view(&out), CF_LIT("hello"));
            json_decref(dec);
        }
        refused("Decrypt", json_pack("{s:s}", "CiphertextBlob", blob), "AccessDeniedException");
        refused("Decrypt", json_pack("{s:s,s:n}", "CiphertextBlob", blob, "Recipient"),
                "AccessDeniedException");
        refused("Decrypt",
                json_pack("{s:s,s:o}", "CiphertextBlob", blob, "Recipient",
                          recipient(&(doc_spec){.pcr0 = pcr_b})),
                "AccessDeniedException");
        json_decref(enc);
    }
}

static void test_attested_generation(void **state)
{
    (void)state;
    const char *id = measured_key("PCR0");
    CF_BUF(key);
    CF_BUF(pkcs8);
    json_t *a = call("GenerateDataKey",
                     json_pack("{s:s,s:s,s:o}", "KeyId", id, "KeySpec", "AES_256", "Recipient",
                               recipient(&(doc_spec){.pcr0 = pcr_a})),
                     "");
    open_for_recipient(a, "Plaintext", &key);
    assert_int_equal(key.len, 32);
    json_decref(a);
    a = call("GenerateDataKeyPair",
             json_pack("{s:s,s:s,s:o}", "KeyId", id, "KeyPairSpec", "ECC_NIST_P384", "Recipient",
                       recipient(&(doc_spec){.pcr0 = pcr_a})),
             "");
    open_for_recipient(a, "PrivateKeyPlaintext", &pkcs8);
    assert_int_equal(pkcs8.len, 185);
    json_decref(a);
    refused("GenerateDataKey", json_pack("{s:s,s:s}", "KeyId", id, "KeySpec", "AES_256"),
            "AccessDeniedException");
    /* these take no Recipient; that one comes along changes nothing */
    refused("GenerateDataKeyWithoutPlaintext",
            json_pack("{s:s,s:s,s:o}", "KeyId", id, "KeySpec", "AES_256", "Recipient",
                      recipient(&(doc_spec){.pcr0 = pcr_a})),
            "AccessDeniedException");
}

/* Documents that must be refused whatever the policy says: this key's lets everyone in. */
static void test_refused_documents(void **state)
{
    (void)state;
    char other_folder[80], command[120];
    cf_soft_root *other = NULL;
    (void)snprintf(other_folder, sizeof other_folder, "%s/other", folder);
    assert_ok(cf_folder_make(other_folder));
    assert_ok(cf_soft_root_open(other_folder, &other));
    cf_dh_key *ec = NULL;
    CF_BUF(ec_spki);
    assert_ok(cf_dh_generate(CF_P384, &ec));
    assert_ok(cf_dh_public_to_spki(CF_P384, cf_dh_public_view(cf_dh_public_of(ec)), &ec_spki));
    cf_dh_free(&ec);
    const struct {
        doc_spec doc;
        const char *exception;
    } rows[] = {
        {{.pcr0 = pcr_a}, ""},
        {{.pcr0 = pcr_a, .age_ms = CF_KMSD_DOC_AGE_MS_MAX - 5000}, ""},
        {{.pcr0 = pcr_a, .age_ms = -(CF_KMSD_DOC_AGE_MS_MAX - 5000)}, ""},
        {{.pcr0 = pcr_a, .age_ms = CF_KMSD_DOC_AGE_MS_MAX + 1000}, "AccessDeniedException"},
        {{.pcr0 = pcr_a, .age_ms = -(CF_KMSD_DOC_AGE_MS_MAX + 5000)}, "AccessDeniedException"},
        {{.pcr0 = pcr_a, .age_ms = (int64_t)4 * 3600 * 1000}, "AccessDeniedException"},
        {{.pcr0 = pcr_zero}, "AccessDeniedException"},
        {{.pcr0 = pcr_a, .root = other}, "AccessDeniedException"},
        {{.pcr0 = pcr_a, .alter = 1}, "AccessDeniedException"},   /* signature */
        {{.pcr0 = pcr_a, .alter = 120}, "AccessDeniedException"}, /* public key */
        {{.pcr0 = pcr_a, .no_public_key = true}, "ValidationException"},
        {{.pcr0 = pcr_a, .public_key = cf_buf_view(&ec_spki)}, "ValidationException"},
        {{.pcr0 = pcr_a, .public_key = CF_LIT("no key")}, "ValidationException"},
    };
    const char *id = create_key(NULL);
    json_t *enc = call("Encrypt", json_pack("{s:s,s:s}", "KeyId", id, "Plaintext", "aGVsbG8="), "");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *a = call("Decrypt",
                         json_pack("{s:s,s:o}", "CiphertextBlob", text(enc, "CiphertextBlob"),
                                   "Recipient", recipient(&rows[i].doc)),
                         rows[i].exception);
        assert_int_equal(json_object_get(a, "CiphertextForRecipient") != NULL,
                         rows[i].exception[0] == '\0');
        assert_null(json_object_get(a, "Plaintext"));
        json_decref(a);
    }
    static const char *const nonsense[] = {"AAAA", "hEShATgioA==", "2IQ="};
    for (size_t i = 0; i < 3; i++) {
        refused("Decrypt",
                json_pack("{s:s,s:{s:s,s:s}}", "CiphertextBlob", text(enc, "CiphertextBlob"),
                          "Recipient", "KeyEncryptionAlgorithm", "RSAES_OAEP_SHA_256",
                          "AttestationDocument", nonsense[i]),
                "ValidationException");
    }
    refused("Decrypt",
            json_pack("{s:s,s:{s:s}}", "CiphertextBlob", text(enc, "CiphertextBlob"), "Recipient",
                      "KeyEncryptionAlgorithm", "RSAES_OAEP_SHA_256"),
            "ValidationException");
    refused("Decrypt",
            json_pack("{s:s,s:{s:o}}", "CiphertextBlob", text(enc, "CiphertextBlob"), "Recipient",
                      "AttestationDocument", document(&(doc_spec){.pcr0 = pcr_a})),
            "ValidationException");
    json_decref(enc);
    cf_soft_root_free(&other);
    (void)snprintf(command, sizeof command, "rm -r %s", other_folder);
    assert_int_equal(system(command), 0);
}

static json_t *with_policy(const char *id, const char *policy, bool bypass)
{
    cf_view v = quoted(policy);
    return json_pack("{s:s*,s:s%,s:b}", "KeyId", id, "Policy", (const char *)v.data, v.len,
                     "BypassPolicyLockoutSafetyCheck", bypass);
}

#define DECRYPT_ONLY                                                                               \
    "{'Statement':{'Effect':'Allow','Principal':'*','Action':'kms:Decrypt','Resource':'*'}}"
#define ALL                                                                                        \
    "{'Statement':{'Effect':'Allow','Principal':{'AWS':'000000000000'},'Action':'kms:*','"         \
    "Resource':'*'}}"

static void test_policies(void **state)
{
    (void)state;
    const char *id = create_key(NULL);
    json_t *p = call("GetKeyPolicy", json_pack("{s:s}", "KeyId", id), "");
    assert_non_null(strstr(text(p, "Policy"), "arn:aws:iam::000000000000:root"));
    assert_string_equal(text(p, "PolicyName"), "default");
    json_decref(p);
    /* lock-out check */
    refused("PutKeyPolicy", with_policy(id, DECRYPT_ONLY, false),
            "MalformedPolicyDocumentException");
    refused("CreateKey", with_policy(NULL, DECRYPT_ONLY, false),
            "MalformedPolicyDocumentException");
    json_t *empty = call("PutKeyPolicy", with_policy(id, ALL, false), "");
    assert_int_equal(json_object_size(empty), 0);
    json_decref(empty);
    p = call("GetKeyPolicy", json_pack("{s:s,s:s}", "KeyId", id, "PolicyName", "default"), "");
    assert_view(cf_view_str(text(p, "Policy")), quoted(ALL));
    json_decref(p);
    refused("GetKeyPolicy", json_pack("{s:s,s:s}", "KeyId", id, "PolicyName", "other"),
            "NotFoundException");
    refused("PutKeyPolicy", with_policy(id, "{", false), "MalformedPolicyDocumentException");
    refused("PutKeyPolicy", with_policy(id, "{'Statement':[]}", true),
            "MalformedPolicyDocumentException");
    /* bypassed: whoever locks himself out stays out */
    refused("PutKeyPolicy", with_policy(id, DECRYPT_ONLY, true), "");
    refused("PutKeyPolicy", with_policy(id, ALL, false), "AccessDeniedException");
    refused("DescribeKey", json_pack("{s:s}", "KeyId", id), "AccessDeniedException");
    refused("Encrypt", json_pack("{s:s,s:s}", "KeyId", id, "Plaintext", "AAAA"),
            "AccessDeniedException");
}

static void test_messages_of_denial(void **state)
{
    (void)state;
    const char *id =
        create_key("{'Statement':[{'Effect':'Allow','Principal':'*','Action':'kms:PutKeyPolicy','"
                   "Resource':'*'},"
                   "{'Effect':'Deny','Principal':'*','Action':'kms:Encrypt','Resource':'*'}]}");
    char want[400];
    json_t *e = call("DescribeKey", json_pack("{s:s}", "KeyId", id), "AccessDeniedException");
    (void)snprintf(want, sizeof want,
                   "User: arn:aws:iam::000000000000:user/local is not authorized to perform: "
                   "kms:DescribeKey on resource: "
                   "arn:aws:kms:us-east-1:000000000000:key/%s because no resource-based policy "
                   "allows the kms:DescribeKey action",
                   id);
    assert_string_equal(text(e, "message"), want);
    json_decref(e);
    e = call("Encrypt", json_pack("{s:s,s:s}", "KeyId", id, "Plaintext", "AAAA"),
             "AccessDeniedException");
    (void)snprintf(want, sizeof want,
                   "User: arn:aws:iam::000000000000:user/local is not authorized to perform: "
                   "kms:Encrypt on resource: "
                   "arn:aws:kms:us-east-1:000000000000:key/%s with an explicit deny in a "
                   "resource-based policy",
                   id);
    assert_string_equal(text(e, "message"), want);
    json_decref(e);
}

static void test_context_in_policy(void **state)
{
    (void)state;
    const char *id = create_key("{'Statement':[{'Effect':'Allow','Principal':'*','Action':['kms:"
                                "PutKeyPolicy','kms:Encrypt'],'Resource':'*'},"
                                "{'Effect':'Allow','Principal':'*','Action':'kms:Decrypt','"
                                "Resource':'*','Condition':{'StringEquals':"
                                "{'kms:EncryptionContext:tenant':'acme'}}}]}");
    static const char *const tenants[] = {"acme", "other"};
    for (int i = 0; i < 2; i++) {
        json_t *enc = call("Encrypt",
                           json_pack("{s:s,s:s,s:{s:s}}", "KeyId", id, "Plaintext", "AAAA",
                                     "EncryptionContext", "tenant", tenants[i]),
                           "");
        refused("Decrypt",
                json_pack("{s:s,s:{s:s}}", "CiphertextBlob", text(enc, "CiphertextBlob"),
                          "EncryptionContext", "tenant", tenants[i]),
                i == 0 ? "" : "AccessDeniedException");
        json_decref(enc);
    }
}

static void test_what_is_not_here(void **state)
{
    (void)state;
    const char *id = create_key(NULL);
    refused("CreateKey", json_pack("{s:s,s:s}", "KeySpec", "SM2", "KeyUsage", "SIGN_VERIFY"),
            "UnsupportedOperationException");
    refused("CreateKey",
            json_pack("{s:s,s:s}", "KeySpec", "ML_KEM_768", "KeyUsage", "ENCAPSULATE_DECAPSULATE"),
            "UnsupportedOperationException");
    refused("CreateKey", json_pack("{s:s}", "Origin", "EXTERNAL"), "UnsupportedOperationException");
    refused("CreateKey", json_pack("{s:b}", "MultiRegion", 1), "UnsupportedOperationException");
    refused("CreateKey", json_pack("{s:s}", "CustomKeyStoreId", "cks-1"),
            "UnsupportedOperationException");
    refused("CreateKey",
            json_pack("{s:s,s:s,s:s,s:b,s:[]}", "KeySpec", "SYMMETRIC_DEFAULT", "KeyUsage",
                      "ENCRYPT_DECRYPT", "Origin", "AWS_KMS", "MultiRegion", 0, "Tags"),
            "");
    refused("CreateKey",
            json_pack("{s:s,s:s}", "KeySpec", "SYMMETRIC_DEFAULT", "CustomerMasterKeySpec",
                      "SYMMETRIC_DEFAULT"),
            "ValidationException");
    refused("CreateKey", json_pack("{s:s}", "KeySpec", "AES"), "ValidationException");
    refused("Encrypt",
            json_pack("{s:s,s:s,s:s}", "KeyId", id, "Plaintext", "AAAA", "EncryptionAlgorithm",
                      "RSAES_OAEP_SHA_256"),
            "InvalidKeyUsageException");
    refused("Encrypt",
            json_pack("{s:s,s:s,s:[s]}", "KeyId", id, "Plaintext", "AAAA", "GrantTokens", "t"),
            "InvalidGrantTokenException");
    refused("Encrypt", json_pack("{s:s,s:s,s:b}", "KeyId", id, "Plaintext", "AAAA", "DryRun", 1),
            "DryRunOperationException");
    refused("Encrypt", json_pack("{s:s,s:s,s:b}", "KeyId", id, "Plaintext", "AAAA", "DryRun", 0),
            "");
    refused("ListKeys", json_pack("{s:s}", "Marker", "x"), "InvalidMarkerException");
    refused("ImportKeyMaterial", json_object(), "UnsupportedOperationException");
    refused("DeleteKey", json_object(), "UnknownOperationException");
}

static void test_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *body, *exception;
    } rows[] = {
        {"", "SerializationException"},
        {"{", "SerializationException"},
        {"[]", "SerializationException"},
        {"null", "SerializationException"},
        {"{}x", "SerializationException"},
        {"{'Limit':1,'Limit':1}", "SerializationException"},
        {"{'Limit':'x'}", "SerializationException"},
        {"{'Limit':5000}", "ValidationException"},
        {"{}", ""},
        {"{'New':{}}", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_decref(send_body("ListKeys", quoted(rows[i].body), rows[i].exception));
    }
    static const char *const targets[] = {"",
                                          "TrentService",
                                          "TrentService.",
                                          "TrentService.listkeys",
                                          "trentservice.ListKeys",
                                          "DynamoDB_20120810.ListKeys",
                                          "TrentService.ListKeys ",
                                          "ListKeys"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        cf_kmsd_answer a;
        cf_kmsd_caller caller = cf_kmsd_local_caller(service);
        cf_kmsd_dispatch(service, &caller, cf_view_str(targets[i]), CF_LIT("{}"), "test", &a);
        assert_string_equal(a.exception, "UnknownOperationException");
        cf_buf_free(&a.body);
    }
}

static void test_list(void **state)
{
    (void)state;
    size_t seen = 0;
    const char *marker = NULL;
    json_t *page = NULL;
    (void)create_key(NULL);
    do {
        json_t *request = json_pack("{s:i,s:s*}", "Limit", 2, "Marker", marker);
        json_decref(page);
        page = call("ListKeys", request, "");
        size_t n = json_array_size(json_object_get(page, "Keys"));
        assert_true(n >= 1 && n <= 2);
        seen += n;
        marker = json_string_value(json_object_get(page, "NextMarker"));
        assert_int_equal(json_is_true(json_object_get(page, "Truncated")), marker != NULL);
    } while (marker != NULL);
    json_decref(page);
    page = call("ListKeys", json_object(), "");
    assert_int_equal(json_array_size(json_object_get(page, "Keys")), seen);
    json_decref(page);
}

/* Keys, policies and ciphertexts outlive the process; a damaged key is KMSInternalException and no more. */
static void test_restart(void **state)
{
    (void)state;
    char id[64], other[64], path[200];
    (void)snprintf(id, sizeof id, "%s", create_key(NULL));
    (void)snprintf(other, sizeof other, "%s", create_key(NULL));
    json_t *enc = call("Encrypt", json_pack("{s:s,s:s}", "KeyId", id, "Plaintext", "aGVsbG8="), "");
    cf_kmsd_free(&service);
    (void)snprintf(path, sizeof path, "%s/state/keys/%s.cbor", folder, other);
    CF_BUF(octets);
    assert_ok(cf_file_read(path, 65536, &octets));
    octets.data[octets.len - 1] ^= 1;
    assert_ok(cf_file_write(path, cf_buf_view(&octets), 0600));
    open_service();
    json_t *dec =
        call("Decrypt", json_pack("{s:s}", "CiphertextBlob", text(enc, "CiphertextBlob")), "");
    assert_string_equal(text(dec, "Plaintext"), "aGVsbG8=");
    refused("DescribeKey", json_pack("{s:s}", "KeyId", other), "KMSInternalException");
    refused("Encrypt", json_pack("{s:s,s:s}", "KeyId", other, "Plaintext", "AAAA"),
            "KMSInternalException");
    refused("GetKeyPolicy", json_pack("{s:s}", "KeyId", other), "KMSInternalException");
    refused("PutKeyPolicy", with_policy(other, ALL, false), "KMSInternalException");
    json_decref(enc);
    json_decref(dec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encrypt_and_decrypt),
        cmocka_unit_test(test_key_ids),
        cmocka_unit_test(test_long_key_ids),
        cmocka_unit_test(test_data_keys),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_attested),
        cmocka_unit_test(test_attested_generation),
        cmocka_unit_test(test_refused_documents),
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_messages_of_denial),
        cmocka_unit_test(test_context_in_policy),
        cmocka_unit_test(test_what_is_not_here),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_restart),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
