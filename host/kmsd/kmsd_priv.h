/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "host/kmsd/keys.h"
#include "host/kmsd/kmsd.h"
#include "host/kmsd/principals.h"

struct cf_kmsd {
    cf_kmsd_names names;
    cf_buf attestation_root; /* DER */
    cf_keys *keys;
    cf_principals *principals;
    cf_secret session_key; /* seals session tokens */
};
