/* SPDX-License-Identifier: Apache-2.0 */
/* The check of a stored row before anything is opened from it or sealed to it: docs/formats/record.md section 5.
 * It has an object file of its own, so that a test program can be linked without it and show what the enclave refuses by itself. */
#pragma once
#include "core/vault/record.h"

/** error ROW_ALTERED unless the seal is that of the stored octets. */
CF_MUST_USE cf_result cf_row_check_seal(const cf_secret *row_key, cf_view octets, cf_view seal);

/** A row that is whole may still lie in another's place.
 *  error ROW_ALTERED another vault's row; VAULT_UNKNOWN another tenant's. */
CF_MUST_USE cf_result cf_row_check_place(const cf_row *row, cf_view tenant, cf_view id);
