/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of scalars: what string(v) gives, and what format, JSON and join build on. */
#include <math.h>

#include "core/base/number.h"
#include "core/cel/function.h"
#include "core/time/time.h"

_Static_assert(CF_DOUBLE_PRINT_BYTES <= CF_CEL_PRINT_BYTES, "a double has room");
_Static_assert(CF_TIMESTAMP_TEXT_BYTES_MAX <= CF_CEL_PRINT_BYTES, "a time has room");
_Static_assert(sizeof "0000:0000:0000:0000:0000:0000:0000:0000/128" <= CF_CEL_PRINT_BYTES,
               "an address has room");

static size_t put_text(char *to, cf_view text)
{
    cf_copy(to, text.data, text.len);
    return text.len;
}

static size_t put_number(char *to, uint64_t n, unsigned base)
{
    char reversed[20];
    size_t count = 0;
    do {
        reversed[count] = "0123456789abcdef"[n % base];
        count++;
        n /= base;
    } while (n > 0);
    for (size_t i = 0; i < count; i++) {
        to[i] = reversed[count - 1 - i];
    }
    return count;
}

static size_t put_int(char *to, int64_t i)
{
    if (i >= 0) {
        return put_number(to, (uint64_t)i, 10);
    }
    to[0] = '-';
    return 1 + put_number(to + 1, 0 - (uint64_t)i, 10);
}

static size_t put_double(char *to, double d)
{
    if (isnan(d)) {
        return put_text(to, CF_LIT("NaN"));
    }
    if (isinf(d)) {
        return put_text(to, d > 0 ? CF_LIT("+Inf") : CF_LIT("-Inf"));
    }
    return cf_double_print(d, to);
}

static size_t put_ip4(char *to, const uint8_t octets[4])
{
    size_t n = 0;
    for (int i = 0; i < 4; i++) {
        if (i > 0) {
            to[n++] = '.';
        }
        n += put_number(to + n, octets[i], 10);
    }
    return n;
}

/* RFC 5952 section 4: lower case, no leading zeros, and the first of the longest runs of two zero groups or more becomes "::". */
static size_t put_ip6(char *to, const uint8_t octets[16])
{
    unsigned group[8];
    unsigned run = 0, gap = 8, gap_len = 1;
    for (unsigned i = 0; i < 8; i++) {
        group[i] = (unsigned)octets[2 * i] << 8 | octets[2 * i + 1];
        run = group[i] == 0 ? run + 1 : 0;
        if (run > gap_len) {
            gap = i + 1 - run;
            gap_len = run;
        }
    }
    size_t n = 0;
    for (unsigned i = 0; i < 8; i++) {
        if (i == gap) {
            to[n++] = ':';
            to[n++] = ':';
            i += gap_len - 1;
            continue;
        }
        if (i > 0 && to[n - 1] != ':') {
            to[n++] = ':';
        }
        n += put_number(to + n, group[i], 16);
    }
    return n;
}

static size_t put_address(char *to, const cf_cel_value *v)
{
    size_t n = v->aux == 4 ? put_ip4(to, v->s + 12) : put_ip6(to, v->s);
    if (v->kind == CF_CEL_CIDR) {
        to[n++] = '/';
        n += put_number(to + n, v->len, 10);
    }
    return n;
}

static cf_result put_timestamp(char *to, const cf_cel_value *v, size_t *ret_len)
{
    cf_time_text text;
    CF_TRY(cf_timestamp_format((cf_timestamp){v->i, v->len}, &text));
    *ret_len = put_text(to, cf_time_text_view(&text));
    return cf_ok();
}

cf_result cf_cel_print(const cf_cel_value *v, char out[CF_CEL_PRINT_BYTES], size_t *ret_len)
{
    cf_time_text text;
    *ret_len = 0;
    switch ((cf_cel_kind)v->kind) {
    case CF_CEL_BOOL:
        *ret_len = put_text(out, v->b ? CF_LIT("true") : CF_LIT("false"));
        return cf_ok();
    case CF_CEL_INT:
        *ret_len = put_int(out, v->i);
        return cf_ok();
    case CF_CEL_UINT:
        *ret_len = put_number(out, v->u, 10);
        return cf_ok();
    case CF_CEL_DOUBLE:
        *ret_len = put_double(out, v->d);
        return cf_ok();
    case CF_CEL_TIMESTAMP:
        return put_timestamp(out, v, ret_len);
    case CF_CEL_DURATION:
        text = cf_duration_format(v->i);
        *ret_len = put_text(out, cf_time_text_view(&text));
        return cf_ok();
    case CF_CEL_IP:
    case CF_CEL_CIDR:
        *ret_len = put_address(out, v);
        return cf_ok();
    case CF_CEL_UNSET:
    case CF_CEL_ERROR:
    case CF_CEL_NULL:
    case CF_CEL_STRING:
    case CF_CEL_BYTES:
    case CF_CEL_LIST:
    case CF_CEL_MAP:
    case CF_CEL_TYPE:
    case CF_CEL_OPTIONAL:
    case CF_CEL_KIND_COUNT:
        break;
    }
    return cf_fail(CF_ERR_CEL_TYPE);
}
