/* SPDX-License-Identifier: Apache-2.0 */
/* Named secrets: docs/formats/record.md section 7. */
#pragma once
#include "core/base/secret.h"

#define CF_NAMED_SECRET_BYTES 64
#define CF_NAMED_SECRET_CURVE CF_P384

/** The key of the hmac_* functions that a named secret stands for, from the scalar of its key pair: CF_NAMED_SECRET_BYTES octets.
 *  error ARGUMENT an empty scalar or name; CRYPTO */
CF_MUST_USE cf_result cf_named_secret(cf_view scalar, cf_view name, cf_secret *ret);
