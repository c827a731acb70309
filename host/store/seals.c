/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/codec/cbor.h"
#include "host/store/store.h"

/* Seals of what has no row of its own octets: tokens and secrets. */
static const uint8_t token_label[] = {'c', 'o', 'f', 'f', 'e', 'r', '-', 't',
                                      'o', 'k', 'e', 'n', '-', '1', 0};
static const uint8_t secret_label[] = {'c', 'o', 'f', 'f', 'e', 'r', '-', 's', 'e', 'c',
                                       'r', 'e', 't', '-', 'r', 'o', 'w', '-', '1', 0};
#define SECRET_ITEMS 4
#define SECRET_BYTES_MAX (CF_KMS_BLOB_BYTES_MAX + CF_KMS_KEY_ID_BYTES_MAX + 128)
#define TOKEN_ITEMS 7
#define TOKEN_BYTES_MAX 256 /* heads, id, name, hash and five numbers */
_Static_assert(sizeof(cf_token) <= TOKEN_BYTES_MAX, "an encoded token is not much larger");

static cf_result seal(const cf_secret *audit_key, cf_view label, cf_view plain,
                      uint8_t ret[static CF_ROW_SEAL_BYTES])
{
    const cf_view parts[] = {label, plain};
    cf_digest mac;
    cf_result r = cf_hmac_parts(CF_SHA384, cf_secret_view(audit_key), parts, 2, &mac);
    if (cf_is_ok(r)) {
        cf_copy(ret, mac.b, CF_ROW_SEAL_BYTES);
    }
    cf_wipe(&mac, sizeof mac);
    return r;
}

CF_MUST_USE cf_result cf_token_seal(const cf_secret *audit_key, const cf_token *t,
                                    uint8_t ret[static CF_ROW_SEAL_BYTES])
{
    cf_wipe(ret, CF_ROW_SEAL_BYTES);
    size_t id = strnlen(t->id, sizeof t->id), name = strnlen(t->name, sizeof t->name);
    CF_REQUIRE(id > 0 && id < sizeof t->id && name < sizeof t->name, ARGUMENT);
    CF_REQUIRE(audit_key->len == CF_AUDIT_KEY_BYTES, ARGUMENT);
    CF_BUF(plain);
    cf_writer w = cf_writer_to(&plain, TOKEN_BYTES_MAX);
    cf_cbor_put_array(&w, TOKEN_ITEMS);
    cf_cbor_put_text(&w, cf_view_make(t->id, id));
    cf_cbor_put_text(&w, cf_view_make(t->name, name));
    cf_cbor_put_bytes(&w, CF_VIEW_OF(t->hash));
    cf_cbor_put_uint(&w, t->scopes);
    cf_cbor_put_uint(&w, t->created_ms);
    cf_cbor_put_uint(&w, t->expires_ms);
    cf_cbor_put_uint(&w, t->revoked_ms);
    CF_TRY(cf_write_end(&w));
    return seal(audit_key, CF_VIEW_OF(token_label), cf_buf_view(&plain), ret);
}

CF_MUST_USE cf_result cf_secret_seal(const cf_secret *audit_key, const cf_store_secret *s,
                                     uint8_t ret[static CF_ROW_SEAL_BYTES])
{
    cf_wipe(ret, CF_ROW_SEAL_BYTES);
    cf_view name = cf_view_make(s->name, strnlen(s->name, sizeof s->name));
    CF_REQUIRE(cf_secret_name_ok(name), ARGUMENT);
    CF_REQUIRE(audit_key->len == CF_AUDIT_KEY_BYTES, ARGUMENT);
    CF_BUF(plain);
    cf_writer w = cf_writer_to(&plain, SECRET_BYTES_MAX);
    cf_cbor_put_array(&w, SECRET_ITEMS);
    cf_cbor_put_text(&w, name);
    cf_cbor_put_text(&w, s->kms_key);
    cf_cbor_put_bytes(&w, s->wrapped);
    cf_cbor_put_uint(&w, s->created_ms);
    CF_TRY(cf_write_end(&w));
    return seal(audit_key, CF_VIEW_OF(secret_label), cf_buf_view(&plain), ret);
}
