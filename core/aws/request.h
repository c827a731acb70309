/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of AWS's JSON protocols: a POST to "/", told apart by header fields, signed. No I/O, no clock. */
#pragma once
#include "core/aws/sigv4.h"
#include "core/http/http.h"

typedef struct {
    cf_view target;       /* of X-Amz-Target: "TrentService.Decrypt" */
    cf_view content_type; /* "application/x-amz-json-1.1" */
    cf_view host;         /* as the field Host has it */
    cf_view body;
    cf_sigv4_scope scope;
} cf_aws_request;

/** The request's header fields but Host and Content-Length; with credentials they carry the signature. The views show texts of the
 *  request, or lie in the scratch buffer, whose content is replaced, holds the session token, and is the caller's to wipe. A session
 *  token is signed.
 *  error those of cf_sigv4_authorize; NO_MEMORY. *ret_n is 0 after an error. */
#define CF_AWS_FIELDS_MAX 5
CF_MUST_USE cf_result cf_aws_fields(const cf_aws_request *q, const cf_sigv4_credentials *c,
                                    cf_buf *scratch, cf_http1_field ret[static CF_AWS_FIELDS_MAX],
                                    size_t *ret_n);
