/* SPDX-License-Identifier: Apache-2.0 */
#include "core/codec/der.h"
#include "core/kms/cms_priv.h"

#define VERSION_2 "\x02" /* goes with subjectKeyIdentifier */
#define SEQUENCE_OPEN "\x30\x80"
#define CONTEXT_0_OPEN "\xa0\x80"
#define END_OF_CONTENTS "\x00\x00"

/* Parameters of the key transport: nothing in them changes, so they are written down whole. RSAES-OAEP-params with SHA-256,
 * NULL and MGF1 with SHA-256, NULL, as captured from the service. */
#define SHA256_ALG "\x30\x0d\x06\x09" CF_OID_SHA256 "\x05\x00"
#define OAEP_ALG                                                                                   \
    "\x30\x3c\x06\x09" CF_OID_RSAES_OAEP "\x30\x2f\xa0\x0f" SHA256_ALG                             \
    "\xa1\x1c\x30\x1a\x06\x09" CF_OID_MGF1 SHA256_ALG

/* Content key and IV of one message, wiped together. */
typedef struct {
    uint8_t key[CF_CMS_KEY_BYTES], iv[CF_CMS_IV_BYTES];
} content_secret;

static void content_secret_wipe(content_secret *s)
{
    cf_wipe(s, sizeof *s);
}

/* SET OF one KeyTransRecipientInfo. How the service computes its key identifier is not published; a digest of the key fills the
 * same 32 octets. */
static cf_result put_recipient(cf_writer *w, cf_view spki, const content_secret *secret)
{
    CF_BUF(encrypted_key);
    CF_BUF(fields);
    CF_BUF(info);
    cf_digest id;
    CF_TRY(cf_rsa_oaep_encrypt(spki, CF_VIEW_OF(secret->key), &encrypted_key));
    CF_TRY(cf_hash_of(CF_SHA256, spki, &id));
    cf_writer fw = cf_writer_to(&fields, CF_CMS_BYTES_MAX);
    cf_der_put(&fw, CF_TAG_INTEGER, CF_LIT(VERSION_2));
    cf_der_put(&fw, CF_TAG_CONTEXT_0, cf_digest_view(&id));
    cf_write(&fw, CF_LIT(OAEP_ALG));
    cf_der_put(&fw, CF_TAG_OCTETS, cf_buf_view(&encrypted_key));
    CF_TRY(cf_write_end(&fw));
    cf_writer iw = cf_writer_to(&info, CF_CMS_BYTES_MAX);
    cf_der_put(&iw, CF_TAG_SEQUENCE, cf_buf_view(&fields));
    CF_TRY(cf_write_end(&iw));
    cf_der_put(w, CF_TAG_SET, cf_buf_view(&info));
    return cf_ok();
}

static cf_result put_content(cf_writer *w, cf_view plaintext, cf_cms_form form,
                             const content_secret *secret)
{
    CF_BUF(alg);
    CF_BUF(ciphertext);
    cf_view key = CF_VIEW_OF(secret->key), iv = CF_VIEW_OF(secret->iv);
    CF_TRY(cf_aes256_cbc_encrypt(key, iv, plaintext, &ciphertext));
    cf_writer aw = cf_writer_to(&alg, CF_CMS_BYTES_MAX);
    cf_der_put(&aw, CF_TAG_OID, CF_LIT(CF_OID_AES256_CBC));
    cf_der_put(&aw, CF_TAG_OCTETS, iv);
    CF_TRY(cf_write_end(&aw));
    cf_write(w, CF_LIT(SEQUENCE_OPEN));
    cf_der_put(w, CF_TAG_OID, CF_LIT(CF_OID_DATA));
    cf_der_put(w, CF_TAG_SEQUENCE, cf_buf_view(&alg));
    if (form == CF_CMS_FORM_A) {
        cf_write(w, CF_LIT(CONTEXT_0_OPEN));
        cf_der_put(w, CF_TAG_OCTETS, cf_buf_view(&ciphertext));
        cf_write(w, CF_LIT(END_OF_CONTENTS));
    } else {
        cf_der_put(w, CF_TAG_CONTEXT_0, cf_buf_view(&ciphertext));
    }
    cf_write(w, CF_LIT(END_OF_CONTENTS));
    return cf_ok();
}

CF_MUST_USE cf_result cf_cms_make(cf_view recipient_spki, cf_view plaintext, cf_cms_form form,
                                  cf_buf *out)
{
    CF_REQUIRE(form == CF_CMS_FORM_A || form == CF_CMS_FORM_B, ARGUMENT);
    CF_REQUIRE(plaintext.len <= CF_CMS_BYTES_MAX, SIZE);
    CF_AUTO(content_secret_wipe) content_secret secret = {{0}, {0}};
    CF_TRY(cf_random(secret.key, sizeof secret.key));
    CF_TRY(cf_random(secret.iv, sizeof secret.iv));
    CF_BUF(cms);
    cf_writer w = cf_writer_to(&cms, CF_CMS_BYTES_MAX);
    cf_write(&w, CF_LIT(SEQUENCE_OPEN));
    cf_der_put(&w, CF_TAG_OID, CF_LIT(CF_OID_ENVELOPED_DATA));
    cf_write(&w, CF_LIT(CONTEXT_0_OPEN));
    cf_write(&w, CF_LIT(SEQUENCE_OPEN));
    cf_der_put(&w, CF_TAG_INTEGER, CF_LIT(VERSION_2));
    CF_TRY(put_recipient(&w, recipient_spki, &secret));
    CF_TRY(put_content(&w, plaintext, form, &secret));
    cf_write(&w, CF_LIT(END_OF_CONTENTS));
    cf_write(&w, CF_LIT(END_OF_CONTENTS));
    cf_write(&w, CF_LIT(END_OF_CONTENTS));
    CF_TRY(cf_write_end(&w));
    return cf_buf_append(out, cf_buf_view(&cms));
}
