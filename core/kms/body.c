/* SPDX-License-Identifier: Apache-2.0 */
#include "core/kms/body.h"

#include "core/base/number.h"
#include "core/codec/base64.h"
#include "core/codec/json.h"

static void keep(cf_kms_body *b, cf_result r)
{
    if (b->err == CF_OK) {
        b->err = r.code;
    }
}

static void put(cf_kms_body *b, cf_view text)
{
    if (b->err == CF_OK) {
        keep(b, cf_buf_append(b->out, text));
    }
}

/* Before a name or a value: the comma that the one before it has earned. */
static void separate(cf_kms_body *b)
{
    if (b->comma) {
        put(b, CF_LIT(","));
    }
    b->comma = true;
}

void cf_kms_body_open(cf_kms_body *b, char bracket)
{
    separate(b);
    put(b, cf_view_make(&bracket, 1));
    b->comma = false;
}

void cf_kms_body_close(cf_kms_body *b, char bracket)
{
    put(b, cf_view_make(&bracket, 1));
    b->comma = true;
}

void cf_kms_body_name(cf_kms_body *b, const char *name)
{
    separate(b);
    put(b, CF_LIT("\""));
    put(b, cf_view_str(name));
    put(b, CF_LIT("\":"));
    b->comma = false;
}

void cf_kms_body_member(cf_kms_body *b, cf_view name)
{
    cf_kms_body_str(b, name);
    put(b, CF_LIT(":"));
    b->comma = false;
}

void cf_kms_body_str(cf_kms_body *b, cf_view value)
{
    separate(b);
    if (b->err == CF_OK) {
        keep(b, cf_json_put_string(b->out, value));
    }
}

void cf_kms_body_base64(cf_kms_body *b, cf_view value)
{
    separate(b);
    put(b, CF_LIT("\""));
    if (b->err == CF_OK) {
        keep(b, cf_base64_encode(value, b->out));
    }
    put(b, CF_LIT("\""));
}

void cf_kms_body_hex(cf_kms_body *b, cf_view value)
{
    separate(b);
    put(b, CF_LIT("\""));
    if (b->err == CF_OK) {
        keep(b, cf_hex_encode(value, b->out));
    }
    put(b, CF_LIT("\""));
}

void cf_kms_body_bool(cf_kms_body *b, bool value)
{
    separate(b);
    put(b, value ? CF_LIT("true") : CF_LIT("false"));
}

void cf_kms_body_number(cf_kms_body *b, uint64_t value)
{
    separate(b);
    if (b->err == CF_OK) {
        keep(b, cf_put_u64_dec(b->out, value));
    }
}

void cf_kms_body_time(cf_kms_body *b, uint64_t ms)
{
    separate(b);
    if (b->err == CF_OK) {
        keep(b, cf_put_u64_dec(b->out, ms / 1000));
    }
    unsigned rest = (unsigned)(ms % 1000);
    char fraction[] = {'.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10),
                       (char)('0' + rest % 10)};
    put(b, CF_VIEW_OF(fraction));
}
