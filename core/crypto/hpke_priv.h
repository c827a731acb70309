/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of HPKE that hpke.c joins: the KEM (RFC 9180 section 4) and the key schedule (section 5.1). */
#pragma once
#include "core/crypto/curve_priv.h"
#include "core/crypto/hpke.h"

/** Where a labelled call belongs: the hash, and "KEM" || kem id or the ten octets of the suite. */
typedef struct {
    cf_hash hash;
    cf_view suite_id;
} cf_hpke_scope;

/** LabeledExtract (section 4); ikm is the concatenation of at most two parts. */
CF_MUST_USE cf_result cf_hpke_extract(cf_hpke_scope s, cf_view salt, cf_view label, cf_view ikm,
                                      cf_view ikm_more, cf_secret *ret);

#define CF_HPKE_INFO_PARTS_MAX 3 /* enc, receiver's and sender's public key */
/** LabeledExpand (section 4) into len octets at out; info is the concatenation of at most CF_HPKE_INFO_PARTS_MAX parts. */
CF_MUST_USE cf_result cf_hpke_expand(cf_hpke_scope s, cf_view prk, cf_view label,
                                     const cf_view *info, size_t n, uint8_t *out, size_t len);

/** Encap and AuthEncap (section 4.1): auth is NULL for the first. pk is checked (KEY). */
CF_MUST_USE cf_result cf_kem_encap(cf_view pk, const cf_dh_key *auth, const cf_dh_key *eph,
                                   cf_secret *ret_shared);

/** Decap and AuthDecap: auth_pk is empty for the first. error OPEN for anything wrong with enc or auth_pk. */
CF_MUST_USE cf_result cf_kem_decap(cf_view enc, const cf_dh_key *sk, cf_view auth_pk,
                                   cf_secret *ret_shared);

#define CF_HPKE_CONTEXT_BYTES_MAX (1 + 2 * CF_HASH_BYTES_MAX) /* mode || psk_id_hash || info_hash */

/** What the key schedule yields. The exporter secret is left to the first export, which most contexts never see: it follows
 *  from `secret` and `context`. */
typedef struct {
    cf_secret key; /* empty in an export-only suite */
    uint8_t base_nonce[CF_AEAD_NONCE_BYTES];
    cf_secret secret;
    uint8_t context[CF_HPKE_CONTEXT_BYTES_MAX]; /* key_schedule_context */
    uint8_t context_len;
} cf_hpke_keys;

void cf_hpke_keys_wipe(cf_hpke_keys *k);

/** KeySchedule (section 5.1); in has been checked against its mode. */
CF_MUST_USE cf_result cf_hpke_schedule(cf_hpke_suite s, const cf_hpke_input *in,
                                       const cf_secret *shared, cf_hpke_keys *ret);

/** The exporter secret. */
CF_MUST_USE cf_result cf_hpke_exporter(cf_hpke_suite s, const cf_hpke_keys *keys, cf_secret *ret);
