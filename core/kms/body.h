/* SPDX-License-Identifier: Apache-2.0 */
/* JSON bodies of KMS written straight into a wiping buffer: no tree is built, so no copy of a secret is left in one. */
#pragma once
#include "core/base/buf.h"

/** Keeps the first error; later writes do nothing. Commas are set by itself. */
typedef struct {
    cf_buf *out; /* appended to; the caller's */
    cf_err err;
    bool comma; /* before the next member or element */
} cf_kms_body;

static inline cf_kms_body cf_kms_body_to(cf_buf *out)
{
    return (cf_kms_body){out, CF_OK, false};
}

/** "{" or "[", and "}" or "]". The caller pairs them. */
void cf_kms_body_open(cf_kms_body *b, char bracket);
void cf_kms_body_close(cf_kms_body *b, char bracket);

/** The name of the member whose value comes next. name: letters, static. */
void cf_kms_body_name(cf_kms_body *b, const char *name);

/** The same with a name that is not ours. error UTF8 */
void cf_kms_body_member(cf_kms_body *b, cf_view name);

/** An element of an array, or the value of the member just named. */
void cf_kms_body_str(cf_kms_body *b, cf_view value); /* error UTF8 */
void cf_kms_body_base64(cf_kms_body *b, cf_view value);
void cf_kms_body_hex(cf_kms_body *b, cf_view value);
void cf_kms_body_bool(cf_kms_body *b, bool value);
void cf_kms_body_number(cf_kms_body *b, uint64_t value);
/** Milliseconds since the epoch, as KMS tells times: seconds with a fraction. */
void cf_kms_body_time(cf_kms_body *b, uint64_t ms);

static inline CF_MUST_USE cf_result cf_kms_body_end(const cf_kms_body *b)
{
    return (cf_result){b->err};
}
