/* SPDX-License-Identifier: Apache-2.0 */
/* What KMS says when it says no: names as they are, what they mean to whoever reads the log, and what may be tried. No I/O. */
#pragma once
#include "core/base/view.h"

typedef enum {
    CF_KMS_FINAL,       /* the same request will fail again */
    CF_KMS_LATER,       /* it may not, some time later */
    CF_KMS_CLOCK,       /* it may not, if the time that it was signed with was wrong */
    CF_KMS_CREDENTIALS, /* it may not, with other credentials */
} cf_kms_remedy;

typedef struct {
    const char *name; /* as KMS has it; "" where it is none that is known */
    const char *code; /* stable, ours */
    cf_kms_remedy remedy;
    const char *hint; /* one sentence for people */
} cf_kms_fault;

/** The row of an answer whose status is not 200, by the name in its body, or else in its field x-amzn-ErrorType (empty: it has none).
 *  Static storage; of what was received nothing is in it. */
const cf_kms_fault *cf_kms_fault_of(cf_view body, cf_view type_field);
/** The row's remedy; CF_KMS_LATER whatever the row from status 500 on and at 429. */
cf_kms_remedy cf_kms_fault_remedy(const cf_kms_fault *f, unsigned status);
