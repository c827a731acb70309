/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/faults.h"

bool cf_name_tellable(cf_view name)
{
    bool ok = name.len > 0 && name.len <= CF_FIELD_NAME_BYTES_MAX && name.data[0] >= 'a' &&
              name.data[0] <= 'z';
    for (size_t i = 0; ok && i < name.len; i++) {
        uint8_t c = name.data[i];
        ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    return ok;
}

void cf_api_fault_add(cf_api_faults *f, cf_view name, size_t index, cf_err code, const char *reason)
{
    if (f->n < CF_API_FAULTS_MAX) {
        f->all[f->n++] = (cf_api_fault){
            .name = cf_name_tellable(name) ? name : CF_VIEW_EMPTY,
            .index = index,
            .code = code,
            .reason = reason != NULL ? reason : cf_err_text(code),
        };
    }
}

CF_MUST_USE cf_result cf_api_faults_result(const cf_api_faults *f)
{
    return f->n == 0 ? cf_ok() : cf_fail(f->all[0].code);
}
