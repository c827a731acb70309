/* SPDX-License-Identifier: Apache-2.0 */
/* The IAM credentials that the agent lends: in locked memory, replaced as a whole, wiped, and used in one place. */
#pragma once
#include "core/http/http.h"
#include "core/wire/wire.h"

typedef struct cf_credentials cf_credentials;

/** error NO_MEMORY. */
CF_MUST_USE cf_result cf_credentials_new(cf_credentials **ret);
void cf_credentials_free(cf_credentials **c); /* wipes */
/** Takes a copy in the place of what was there. The wire has bounded each text. */
void cf_credentials_set(cf_credentials *c, const cf_credentials_view *v);

/** The header fields of one KMS request with this body, which is where a signature will be made from the credentials. They
 *  borrow from the scratch buffer, which the caller wipes. */
#define CF_KMS_FIELDS_MAX 4
CF_MUST_USE cf_result cf_credentials_fields(cf_credentials *c, cf_view operation, cf_view body,
                                            cf_buf *scratch,
                                            cf_http1_field ret[static CF_KMS_FIELDS_MAX],
                                            size_t *ret_n);
