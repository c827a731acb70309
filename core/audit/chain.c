/* SPDX-License-Identifier: Apache-2.0 */
/* Chain and head: docs/formats/audit.md section 2. */
#include "core/audit/entry.h"

#include "core/base/reader.h"

#define HEAD_SEQ_BYTES 8
#define HEAD_PLAIN_BYTES (HEAD_SEQ_BYTES + CF_AUDIT_HASH_BYTES)
#define HEAD_MAC_BYTES 48
_Static_assert(HEAD_PLAIN_BYTES + HEAD_MAC_BYTES == CF_AUDIT_HEAD_BYTES, "seq, hash, MAC");

static const uint8_t chain_label[] = {'c', 'o', 'f', 'f', 'e', 'r', '-', 'a',
                                      'u', 'd', 'i', 't', '-', '1', 0};
static const uint8_t head_label[] = {'c', 'o', 'f', 'f', 'e', 'r', '-',
                                     'h', 'e', 'a', 'd', '-', '1', 0};

CF_MUST_USE cf_result cf_audit_chain(cf_audit_head *head, cf_view entry)
{
    const cf_view parts[] = {CF_VIEW_OF(chain_label), CF_VIEW_OF(head->hash), entry};
    cf_digest hash;
    CF_REQUIRE(head->seq < UINT64_MAX, RANGE);
    CF_TRY(cf_hash_parts(CF_SHA384, parts, 3, &hash));
    cf_copy(head->hash, hash.b, CF_AUDIT_HASH_BYTES);
    head->seq++;
    return cf_ok();
}

CF_MUST_USE cf_result cf_audit_key(const cf_secret *row_key, cf_secret *ret)
{
    const cf_view info = CF_LIT("coffer-audit-key-1");
    cf_secret_wipe(ret);
    CF_REQUIRE(row_key->len > 0, ARGUMENT);
    return cf_hkdf_expand(CF_SHA384, cf_secret_view(row_key), &info, 1, CF_AUDIT_KEY_BYTES, ret);
}

static cf_result head_mac(const cf_secret *audit_key, cf_view plain, cf_digest *ret)
{
    const cf_view parts[] = {CF_VIEW_OF(head_label), plain};
    CF_REQUIRE(audit_key->len == CF_AUDIT_KEY_BYTES, KEY);
    return cf_hmac_parts(CF_SHA384, cf_secret_view(audit_key), parts, 2, ret);
}

CF_MUST_USE cf_result cf_audit_head_seal(const cf_secret *audit_key, const cf_audit_head *head,
                                         uint8_t ret[static CF_AUDIT_HEAD_BYTES])
{
    uint8_t plain[HEAD_PLAIN_BYTES];
    for (size_t i = 0; i < HEAD_SEQ_BYTES; i++) {
        plain[i] = (uint8_t)(head->seq >> (8 * (HEAD_SEQ_BYTES - 1 - i)));
    }
    cf_copy(plain + HEAD_SEQ_BYTES, head->hash, CF_AUDIT_HASH_BYTES);
    cf_digest mac;
    cf_wipe(ret, CF_AUDIT_HEAD_BYTES);
    CF_TRY(head_mac(audit_key, CF_VIEW_OF(plain), &mac));
    cf_copy(ret, plain, sizeof plain);
    cf_copy(ret + sizeof plain, mac.b, HEAD_MAC_BYTES);
    return cf_ok();
}

CF_MUST_USE cf_result cf_audit_head_open(const cf_secret *audit_key, cf_view sealed,
                                         cf_audit_head *ret)
{
    *ret = (cf_audit_head){0};
    CF_REQUIRE(sealed.len == CF_AUDIT_HEAD_BYTES, AUDIT_ALTERED);
    cf_digest mac;
    cf_view plain = {sealed.data, HEAD_PLAIN_BYTES};
    CF_TRY(head_mac(audit_key, plain, &mac));
    bool holds = cf_ct_eq(cf_digest_view(&mac), (cf_view){plain.data + plain.len, HEAD_MAC_BYTES});
    cf_wipe(&mac, sizeof mac);
    CF_REQUIRE(holds, AUDIT_ALTERED);
    cf_reader r = cf_reader_of(plain);
    ret->seq = cf_read_u64(&r);
    cf_copy(ret->hash, plain.data + HEAD_SEQ_BYTES, CF_AUDIT_HASH_BYTES);
    return cf_ok();
}
