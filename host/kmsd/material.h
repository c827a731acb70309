/* SPDX-License-Identifier: Apache-2.0 */
/* Key material: what a rotation adds one of, and what ciphertexts name. */
#pragma once
#include "host/kmsd/spec.h"

#define CF_MATERIAL_ID_BYTES 32

/** How a material came to be; the numbers of key files. */
typedef enum {
    CF_MATERIAL_FIRST = 0,
    CF_MATERIAL_AUTOMATIC = 1,
    CF_MATERIAL_ON_DEMAND = 2,
    CF_MATERIAL_HOW_COUNT
} cf_material_how;

/** One material and its public name. */
typedef struct {
    uint8_t id[CF_MATERIAL_ID_BYTES];
    uint64_t created_ms;
    cf_material_how how;
    cf_buf secret; /* the key's octets, or PKCS#8 */
    cf_pair *pair; /* of asymmetric specs, from secret */
} cf_material;

/** Wipes. Accepts the zero state and leaves it. */
void cf_material_clear(cf_material *m);
/** A fresh one. error ENTROPY, CRYPTO, NO_MEMORY. cost of RSA: see cf_pair_generate */
CF_MUST_USE cf_result cf_material_make(cf_key_spec spec, uint64_t now_ms, cf_material_how how,
                                       cf_material *ret);
/** From what was stored: fills secret and pair. error KEY, MALFORMED a length that the spec does not have. */
CF_MUST_USE cf_result cf_material_load(cf_key_spec spec, cf_view secret, cf_material *m);
/** A copy, which shares the pair. */
CF_MUST_USE cf_result cf_material_copy(const cf_material *m, cf_material *ret);
