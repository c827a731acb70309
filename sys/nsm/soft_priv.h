/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates of the software NSM, for this folder and for the tool that makes documents for tests. */
#pragma once
#include "sys/nsm/nsm.h"

struct cf_soft_root {
    cf_dh_key *key;
    cf_buf cert;
};

/** Between root and leaf as on Nitro: regional, zonal, instance. */
#define CF_SOFT_BUNDLE 4

/** One path from the root to a leaf, and the leaf's key. */
typedef struct {
    cf_buf bundle[CF_SOFT_BUNDLE]; /* DER, the root first */
    cf_buf leaf;
    cf_dh_key *leaf_key;
    int64_t from_s, until_s; /* validity of the leaf, and so of the path */
} cf_soft_chain;

void cf_soft_chain_clear(cf_soft_chain *c);

/** A fresh path with new keys, valid from about now. module_id names instance and leaf.
 *  out *ret in the zero state after an error. cost four key generations and four signatures */
CF_MUST_USE cf_result cf_soft_chain_make(const cf_soft_root *root, cf_view module_id,
                                         uint64_t now_ms, cf_soft_chain *ret);

/** Lends the path's certificates to a payload. */
void cf_soft_chain_lend(const cf_soft_chain *c, cf_attest_payload *p);

/** `i-<17 hex>-enc<16 hex>`: instance, launch time in ms (12 digits), 4 digits that tell two launches apart. */
#define CF_SOFT_MODULE_ID_BYTES (sizeof CF_SOFT_INSTANCE_ID - 1 + 4 + 16)
CF_MUST_USE cf_result cf_soft_module_id(uint64_t now_ms,
                                        uint8_t ret[static CF_SOFT_MODULE_ID_BYTES]);
/** PCR4: SHA-384(0^48 || instance id). */
CF_MUST_USE cf_result cf_soft_pcr4(uint8_t ret[static CF_PCR_BYTES_SHA384]);
