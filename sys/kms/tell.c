/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/kms/tell.h"

#include "sys/linux/log.h"

#define HINT_BYTES 128 /* of one in a log line */

/* Spaces would not come through in a log line. */
static void put_hint(const char *hint, char *to, size_t size)
{
    size_t n = 0;
    for (; hint[n] != '\0' && n < size - 1; n++) {
        to[n] = hint[n];
        if (to[n] == ' ') {
            to[n] = '_';
        }
    }
    to[n] = '\0';
}

void cf_kms_tell(const char *request, const char *operation, cf_result r, const cf_kms_outcome *o)
{
    char hint[HINT_BYTES];
    if (o->fault == NULL) {
        cf_log(CF_LOG_WARN, "kms.unreachable", "request=%s operation=%s code=%s tls=%s tries=%u",
               request, operation, cf_err_code(r.code), o->why, o->tries);
        return;
    }
    put_hint(o->fault->hint, hint, sizeof hint);
    cf_log(CF_LOG_WARN, "kms.error",
           "request=%s operation=%s status=%u name=%s code=%s tries=%u hint=%s", request, operation,
           o->status, o->fault->name, o->fault->code, o->tries, hint);
}

bool cf_kms_denied(const cf_kms_outcome *o)
{
    return o->fault != NULL && cf_view_eq(cf_view_str(o->fault->code), CF_LIT("kms_access_denied"));
}
