/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/json_out.h"

#include "core/base/number.h"
#include "core/codec/base64.h"
#include "core/codec/json.h"

static void note(cf_json_out *o, cf_result r)
{
    if (o->err == CF_OK) {
        o->err = r.code;
    }
}

static void put(cf_json_out *o, cf_view v)
{
    if (o->err == CF_OK) {
        o->err = cf_buf_append(o->to, v).code;
    }
}

/* Before a name or a value. A name leaves separate off, so that its value follows it directly. */
static void lead(cf_json_out *o, bool separate_after)
{
    if (o->separate) {
        put(o, CF_LIT(","));
    }
    o->separate = separate_after;
}

void cf_out_begin(cf_json_out *o, char bracket)
{
    lead(o, false);
    put(o, cf_view_make(&bracket, 1));
}

void cf_out_end(cf_json_out *o, char bracket)
{
    put(o, cf_view_make(&bracket, 1));
    o->separate = true;
}

void cf_out_key(cf_json_out *o, const char *key)
{
    lead(o, false);
    put(o, CF_LIT("\""));
    put(o, cf_view_str(key));
    put(o, CF_LIT("\":"));
}

void cf_out_name(cf_json_out *o, cf_view name)
{
    lead(o, false);
    if (o->err == CF_OK) {
        note(o, cf_json_put_string(o->to, name));
    }
    put(o, CF_LIT(":"));
}

void cf_out_str(cf_json_out *o, cf_view v)
{
    lead(o, true);
    if (o->err == CF_OK) {
        note(o, cf_json_put_string(o->to, v));
    }
}

void cf_out_text(cf_json_out *o, const char *s)
{
    cf_out_str(o, cf_view_str(s));
}

void cf_out_hex(cf_json_out *o, cf_view v)
{
    lead(o, true);
    put(o, CF_LIT("\""));
    if (o->err == CF_OK) {
        note(o, cf_hex_encode(v, o->to));
    }
    put(o, CF_LIT("\""));
}

void cf_out_u64(cf_json_out *o, uint64_t n)
{
    lead(o, true);
    if (o->err == CF_OK) {
        note(o, cf_put_u64_dec(o->to, n));
    }
}

void cf_out_time(cf_json_out *o, uint64_t ms)
{
    if (ms == 0) {
        cf_out_null(o);
    } else {
        cf_out_u64(o, ms);
    }
}

void cf_out_bool(cf_json_out *o, bool b)
{
    cf_out_raw(o, b ? CF_LIT("true") : CF_LIT("false"));
}

void cf_out_null(cf_json_out *o)
{
    cf_out_raw(o, CF_LIT("null"));
}

void cf_out_raw(cf_json_out *o, cf_view json)
{
    lead(o, true);
    put(o, json);
}
