/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/app/identity.h"

#include <pthread.h>

#include "enclave/app/limits.h"

struct cf_identity {
    cf_nsm nsm;
    uint8_t boot_id[CF_BOOT_ID_BYTES], pcr0[CF_PCR_BYTES_SHA384];
    cf_buf module_id, recipient_spki, hpke_spki;
    cf_rsa_key *recipient;
    cf_dh_key *hpke;
    uint8_t user_data[CF_ATTEST_IDENTITY_BYTES]; /* of documents of the HPKE key */
    pthread_mutex_t lock;                        /* of the document */
    cf_buf document;
    uint64_t document_ms;
};

_Static_assert(CF_BOOT_ID_BYTES == CF_ATTEST_BOOT_ID_BYTES,
               "documents name the boot as the wire does");

/* The key that clients seal to, and what documents say of it. */
static CF_MUST_USE cf_result make_hpke(cf_identity *i)
{
    const cf_attest_identity what = {CF_VIEW_OF(i->boot_id), CF_IDENTITY_SUITE};
    CF_TRY(cf_dh_generate(what.suite.kem, &i->hpke));
    CF_TRY(cf_dh_public_to_spki(what.suite.kem, cf_dh_public_view(cf_dh_public_of(i->hpke)),
                                &i->hpke_spki));
    return cf_attest_identity_put(&what, i->user_data);
}

static CF_MUST_USE cf_result ask(cf_identity *i)
{
    CF_TRY(cf_nsm_identity(&i->nsm, &i->module_id, i->pcr0));
    CF_REQUIRE(i->module_id.len > 0 && i->module_id.len <= CF_MODULE_ID_BYTES_MAX, SIZE);
    CF_TRY(cf_random(i->boot_id, sizeof i->boot_id));
    CF_TRY(make_hpke(i));
    CF_TRY(cf_rsa_generate(&i->recipient));
    return cf_rsa_public_spki(i->recipient, &i->recipient_spki);
}

CF_MUST_USE cf_result cf_identity_new(cf_nsm *nsm, cf_identity **ret)
{
    *ret = NULL;
    CF_AUTO(cf_identity_free) cf_identity *i = cf_mem_new(1, sizeof *i);
    if (i == NULL || pthread_mutex_init(&i->lock, NULL) != 0) {
        cf_nsm_close(nsm);
        return cf_fail(CF_ERR_NO_MEMORY);
    }
    i->nsm = *nsm;
    *nsm = (cf_nsm){0};
    CF_TRY(ask(i));
    *ret = i;
    i = NULL;
    return cf_ok();
}

void cf_identity_free(cf_identity **identity)
{
    cf_identity *i = *identity;
    if (i != NULL) {
        cf_nsm_close(&i->nsm);
        cf_rsa_free(&i->recipient);
        cf_dh_free(&i->hpke);
        cf_buf_free(&i->module_id);
        cf_buf_free(&i->recipient_spki);
        cf_buf_free(&i->hpke_spki);
        cf_buf_free(&i->document);
        (void)pthread_mutex_destroy(&i->lock);
        cf_mem_free(i);
        *identity = NULL;
    }
}

cf_view cf_identity_boot_id(const cf_identity *i)
{
    return CF_VIEW_OF(i->boot_id);
}

cf_view cf_identity_module_id(const cf_identity *i)
{
    return cf_buf_view(&i->module_id);
}

cf_view cf_identity_pcr0(const cf_identity *i)
{
    return CF_VIEW_OF(i->pcr0);
}

const cf_rsa_key *cf_identity_recipient(const cf_identity *i)
{
    return i->recipient;
}

const cf_dh_key *cf_identity_hpke(const cf_identity *i)
{
    return i->hpke;
}

/* A document of these inputs, appended. */
static CF_MUST_USE cf_result attest(cf_identity *i, const cf_nsm_request *inputs, cf_buf *out)
{
    cf_result r = cf_nsm_attest(&i->nsm, inputs, out);
    CF_REQUIRE(cf_is_ok(r) || r.code == CF_ERR_NO_MEMORY, NSM);
    return r;
}

/* The lock is held while the module answers: whoever else wants a document needs this one. */
static CF_MUST_USE cf_result refresh(cf_identity *i, uint64_t now_ms)
{
    if (i->document.len > 0 && now_ms - i->document_ms < CF_ENCLAVE_DOCUMENT_AGE_MS) {
        return cf_ok();
    }
    cf_nsm_request inputs = {.has_public_key = true, .public_key = cf_buf_view(&i->recipient_spki)};
    cf_buf_clear(&i->document);
    cf_result r = attest(i, &inputs, &i->document);
    if (!cf_is_ok(r)) {
        cf_buf_clear(&i->document);
        return r;
    }
    i->document_ms = now_ms;
    return cf_ok();
}

CF_MUST_USE cf_result cf_identity_document(cf_identity *i, uint64_t now_ms, cf_buf *out)
{
    (void)pthread_mutex_lock(&i->lock);
    cf_result r = refresh(i, now_ms);
    if (cf_is_ok(r)) {
        r = cf_buf_append(out, cf_buf_view(&i->document));
    }
    (void)pthread_mutex_unlock(&i->lock);
    return r;
}

CF_MUST_USE cf_result cf_identity_conditions(cf_identity *i, cf_view between, cf_buf *out)
{
    return cf_nsm_conditions(&i->nsm, between, out);
}

CF_MUST_USE cf_result cf_identity_attest(cf_identity *i, cf_view nonce, cf_buf *out)
{
    const cf_nsm_request inputs = {.has_public_key = true,
                                   .public_key = cf_buf_view(&i->hpke_spki),
                                   .has_user_data = true,
                                   .user_data = CF_VIEW_OF(i->user_data),
                                   .has_nonce = nonce.len > 0,
                                   .nonce = nonce};
    return attest(i, &inputs, out);
}
