/* SPDX-License-Identifier: Apache-2.0 */
/* Writes JSON text straight into a buffer, with a sticky error: commas are set by itself, no tree is built. */
#pragma once
#include "core/base/buf.h"

typedef struct {
    cf_buf *to;
    cf_err err;    /* first error; later writes do nothing */
    bool separate; /* a comma comes before the next name or value */
} cf_json_out;

static inline cf_json_out cf_json_out_to(cf_buf *to)
{
    return (cf_json_out){to, CF_OK, false};
}

/** "{" or "[", and its end. The caller pairs them. */
void cf_out_begin(cf_json_out *o, char bracket);
void cf_out_end(cf_json_out *o, char bracket);

/** A member's name; its value is the next write. key is a literal of letters and underscores; name is any UTF-8. */
void cf_out_key(cf_json_out *o, const char *key);
void cf_out_name(cf_json_out *o, cf_view name);

/** Values. cf_out_str: error UTF8. cf_out_time: a number, null when it is 0. */
void cf_out_str(cf_json_out *o, cf_view v);
void cf_out_text(cf_json_out *o, const char *s);
void cf_out_hex(cf_json_out *o, cf_view v);
void cf_out_u64(cf_json_out *o, uint64_t n);
void cf_out_time(cf_json_out *o, uint64_t ms);
void cf_out_bool(cf_json_out *o, bool b);
void cf_out_null(cf_json_out *o);
/** A value that is JSON text already. */
void cf_out_raw(cf_json_out *o, cf_view json);

/** The first error, or CF_OK. */
static inline CF_MUST_USE cf_result cf_out_done(const cf_json_out *o)
{
    return (cf_result){o->err};
}
