/* SPDX-License-Identifier: Apache-2.0 */
/* The measure of what an enclave is told about its KMS: docs/formats/attestation.md section 7. */
#pragma once
#include "core/base/view.h"

/** The register that it goes into: the first of those that are an enclave's own. */
#define CF_KMS_PCR 16
#define CF_KMS_MEASURE_BYTES 48

/** What the register is extended with. endpoint: the text that named the KMS; roots: the text of the certificates that are trusted,
 *  empty for those compiled in. error CRYPTO, NO_MEMORY. */
CF_MUST_USE cf_result cf_kms_measure(cf_view endpoint, cf_view roots,
                                     uint8_t ret[static CF_KMS_MEASURE_BYTES]);
/** The register's value after that, from zeros. */
CF_MUST_USE cf_result cf_kms_measured_pcr(const uint8_t measure[static CF_KMS_MEASURE_BYTES],
                                          uint8_t ret[static CF_KMS_MEASURE_BYTES]);
