/* SPDX-License-Identifier: Apache-2.0 */
/* The IAM credentials of the moment: in locked memory, replaced as a whole, wiped, and used in one place. */
#pragma once
#include "core/aws/request.h"
#include "core/wire/wire.h"

typedef struct cf_credentials cf_credentials;

/** error NO_MEMORY. */
CF_MUST_USE cf_result cf_credentials_new(cf_credentials **ret);
void cf_credentials_free(cf_credentials **c); /* wipes */
/** Takes a copy in the place of what was there. The wire has bounded each text. */
void cf_credentials_set(cf_credentials *c, const cf_credentials_view *v);

/** Signs with them: a cf_kms_sign (client.h), self is the cf_credentials. *ret_generation counts the sets.
 *  error NOT_FOUND none were ever set */
CF_MUST_USE cf_result cf_credentials_sign(void *self, const cf_aws_request *q, cf_buf *scratch,
                                          cf_http1_field ret[static CF_AWS_FIELDS_MAX],
                                          size_t *ret_n, uint64_t *ret_generation);
