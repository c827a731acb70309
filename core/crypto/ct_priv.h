/* SPDX-License-Identifier: Apache-2.0 */
/* All hand-written code that must take the same time, and touch the same memory, whatever the secrets are. The lengths are
 * public. tests/unit/core/crypto/ct_msan.sh has the compiler prove that nothing branches on or indexes by a secret. */
#pragma once
#include "core/base/view.h"

/** 1 if 0 < scalar < order, big-endian, both of len octets; else 0. */
uint32_t cf_ct_in_range(const uint8_t *scalar, const uint8_t *order, size_t len);

/** Octets of PKCS#7 padding (1..16) at the end of whole blocks of 16 octets; 0 when it is malformed. */
uint32_t cf_ct_padding(cf_view blocks);
