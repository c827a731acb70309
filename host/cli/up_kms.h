/* SPDX-License-Identifier: Apache-2.0 */
/* The KMS key of an embedded service: made once, with a policy that lets only measured enclaves decrypt. */
#pragma once
#include "core/base/buf.h"

/** What `coffer up` finds or settles about the key. */
typedef struct {
    const char *kms_addr;     /* "unix:…/kms.sock" */
    const char *config_path;  /* config.json */
    const char *enclave_path; /* the enclave program; its measure goes into the policy */
    bool trust_enclave;       /* add the measure to an existing policy that lacks it */
} up_kms;

/** Key id of the service, appended with a NUL. Makes the key at first start.
 *  error ATTESTATION: the key's policy does not name this enclave and trust_enclave is not set; STATE: the policy differs from what was
 *  made here in more than the list of measures, which is told on standard error; others as they come. */
CF_MUST_USE cf_result up_kms_key(const up_kms *k, cf_buf *ret_key_id);
