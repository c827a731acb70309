/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/result.h"

#include <string.h>

typedef struct {
    const char *code, *text;
} err_row;

/* clang-format off */
static const err_row rows[CF_ERR_COUNT] = {
    [CF_OK] = {"ok", "no error"},
#define CF_ERR_ROW(sym, code, text) [CF_ERR_##sym] = {code, text},
    CF_ERRORS(CF_ERR_ROW)
#undef CF_ERR_ROW
};
/* clang-format on */

static const err_row *row_of(cf_err err)
{
    bool known = (unsigned)err < CF_ERR_COUNT;
    return &rows[known ? err : CF_ERR_INTERNAL];
}

const char *cf_err_code(cf_err err)
{
    return row_of(err)->code;
}

const char *cf_err_text(cf_err err)
{
    return row_of(err)->text;
}

cf_err cf_err_from_code(const char *code)
{
    for (unsigned i = 0; i < CF_ERR_COUNT; i++) {
        if (strcmp(rows[i].code, code) == 0) {
            return (cf_err)i;
        }
    }
    return CF_ERR_INTERNAL;
}
