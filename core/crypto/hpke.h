/* SPDX-License-Identifier: Apache-2.0 */
/* HPKE (RFC 9180): DHKEM over four groups, HKDF-SHA256/384/512, AES-GCM, ChaCha20-Poly1305 and export-only, in all four modes. */
#pragma once
#include "core/crypto/dh.h"

/** A suite by its registry numbers. */
typedef struct {
    cf_curve kem;
    cf_hash kdf;
    cf_aead aead;
} cf_hpke_suite;

#define CF_HPKE_SUITE_BYTES 10 /* "HPKE" || kem || kdf || aead */
#define CF_HPKE_DEFAULT ((cf_hpke_suite){CF_P384, CF_SHA384, CF_AES_256_GCM})

/** True for a combination of supported numbers. */
bool cf_hpke_suite_ok(cf_hpke_suite s);
/** The ten octets of the suite id, and back. from: UNSUPPORTED, MALFORMED. */
void cf_hpke_suite_id(cf_hpke_suite s, uint8_t ret[static CF_HPKE_SUITE_BYTES]);
CF_MUST_USE cf_result cf_hpke_suite_from_id(cf_view id, cf_hpke_suite *ret);

typedef enum { CF_HPKE_BASE, CF_HPKE_PSK, CF_HPKE_AUTH, CF_HPKE_AUTH_PSK } cf_hpke_mode;

/** What both sides put in besides the keys. psk and psk_id only in the PSK modes, both or none; psk of 32 octets at least. */
typedef struct {
    cf_hpke_mode mode;
    cf_view info, psk, psk_id;
} cf_hpke_input;

/** A context: one way, one AEAD key, sequence number from 0. Opaque; not shared between threads. */
typedef struct cf_hpke cf_hpke;
void cf_hpke_free(cf_hpke **c); /* wipes */

/** Sender: fresh ephemeral key, or the given one (eph != NULL: for vectors only).
 *  in    pk receiver's public key; auth sender's static key in the auth modes, else NULL
 *  out   *ret_enc the encapsulated key; *ret the context
 *  error KEY (pk not valid), ARGUMENT (mode and inputs disagree), UNSUPPORTED, CRYPTO
 *  cost  key generation and one multiplication (auth: two) */
CF_MUST_USE cf_result cf_hpke_sender(cf_hpke_suite s, const cf_hpke_input *in, cf_view pk,
                                     const cf_dh_key *auth, const cf_dh_key *eph,
                                     cf_dh_public *ret_enc, cf_hpke **ret);

/** Receiver. auth_pk: the sender's static public key in the auth modes, else empty.
 *  error OPEN for anything wrong with enc or auth_pk; ARGUMENT (mode and inputs disagree, sk of another curve), UNSUPPORTED.
 *  cost  point decode and one multiplication (auth: two), seven HMACs: on AWS-LC 0.93 of the bare exchange's speed */
CF_MUST_USE cf_result cf_hpke_receiver(cf_hpke_suite s, const cf_hpke_input *in, cf_view enc,
                                       const cf_dh_key *sk, cf_view auth_pk, cf_hpke **ret);

/** Seal at the context's sequence number, which grows by one on success. Appends ct || tag to out.
 *  error STATE on a receiver or export-only context, LIMIT, SIZE. */
CF_MUST_USE cf_result cf_hpke_seal(cf_hpke *c, cf_view aad, cf_view pt, cf_buf *out);
/** Open at the context's sequence number, which grows by one only on success. error OPEN, STATE, LIMIT. */
CF_MUST_USE cf_result cf_hpke_open(cf_hpke *c, cf_view aad, cf_view ct, cf_buf *out);
/** Open the message of any sequence number; the context's own number stays. */
CF_MUST_USE cf_result cf_hpke_open_at(cf_hpke *c, uint64_t seq, cf_view aad, cf_view ct,
                                      cf_buf *out);
/** The next sequence number; setting it is for vectors and for senders that number messages themselves (ARGUMENT if it falls). */
uint64_t cf_hpke_seq(const cf_hpke *c);
CF_MUST_USE cf_result cf_hpke_set_seq(cf_hpke *c, uint64_t seq);
/** Export (RFC 9180 section 5.3): len octets appended to out. RANGE over 255 * hash. cost two HMACs and one per hash of len. */
CF_MUST_USE cf_result cf_hpke_export(const cf_hpke *c, cf_view exporter_context, size_t len,
                                     cf_buf *out);

/** Single shot of base mode: one context, one message at sequence 0. */
CF_MUST_USE cf_result cf_hpke_seal_base(cf_hpke_suite s, cf_view pk, cf_view info, cf_view aad,
                                        cf_view pt, cf_dh_public *ret_enc, cf_buf *out);
CF_MUST_USE cf_result cf_hpke_open_base(cf_hpke_suite s, const cf_dh_key *sk, cf_view enc,
                                        cf_view info, cf_view aad, cf_view ct, cf_buf *out);
