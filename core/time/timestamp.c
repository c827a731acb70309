/* SPDX-License-Identifier: Apache-2.0 */
#include "core/time/time_priv.h"

#define FRACTION_DIGITS 9
#define DATE_TIME_BYTES 19 /* YYYY-MM-DDTHH:MM:SS */

cf_result cf_timestamp_make(int64_t seconds, cf_timestamp *ret)
{
    *ret = (cf_timestamp){0, 0};
    cf_timestamp t = {seconds, 0};
    CF_REQUIRE(cf_timestamp_ok(t), RANGE);
    *ret = t;
    return cf_ok();
}

int cf_timestamp_cmp(cf_timestamp a, cf_timestamp b)
{
    if (a.seconds != b.seconds) {
        return a.seconds < b.seconds ? -1 : 1;
    }
    return a.nanos == b.nanos ? 0 : (a.nanos < b.nanos ? -1 : 1);
}

/* ---- Arithmetic ---- */

/* t + sign * (seconds, nanos), both of the magnitude of a duration, so that no sum here overflows. */
static cf_result moved(cf_timestamp t, int64_t seconds, int64_t nanos, cf_timestamp *ret)
{
    *ret = (cf_timestamp){0, 0};
    CF_REQUIRE(cf_timestamp_ok(t), RANGE);
    seconds += t.seconds;
    nanos += t.nanos;
    if (nanos < 0) {
        nanos += CF_NANOS_PER_SECOND;
        seconds--;
    } else if (nanos >= CF_NANOS_PER_SECOND) {
        nanos -= CF_NANOS_PER_SECOND;
        seconds++;
    }
    cf_timestamp sum = {seconds, (uint32_t)nanos};
    CF_REQUIRE(cf_timestamp_ok(sum), RANGE);
    *ret = sum;
    return cf_ok();
}

cf_result cf_timestamp_add(cf_timestamp t, cf_duration d, cf_timestamp *ret)
{
    return moved(t, d / CF_NANOS_PER_SECOND, d % CF_NANOS_PER_SECOND, ret);
}

cf_result cf_timestamp_sub(cf_timestamp t, cf_duration d, cf_timestamp *ret)
{
    /* Negated after the division, since the least duration has no negation. */
    return moved(t, -(d / CF_NANOS_PER_SECOND), -(d % CF_NANOS_PER_SECOND), ret);
}

cf_result cf_timestamp_diff(cf_timestamp a, cf_timestamp b, cf_duration *ret)
{
    *ret = 0;
    CF_REQUIRE(cf_timestamp_ok(a) && cf_timestamp_ok(b), RANGE);
    int64_t seconds = a.seconds - b.seconds;
    int64_t nanos = (int64_t)a.nanos - (int64_t)b.nanos;
    /* With both of one sign the product overflows only where the sum would. */
    if (seconds < 0 && nanos > 0) {
        seconds++;
        nanos -= CF_NANOS_PER_SECOND;
    } else if (seconds > 0 && nanos < 0) {
        seconds--;
        nanos += CF_NANOS_PER_SECOND;
    }
    int64_t whole = 0, d = 0;
    CF_REQUIRE(!__builtin_mul_overflow(seconds, CF_NANOS_PER_SECOND, &whole), RANGE);
    CF_REQUIRE(!__builtin_add_overflow(whole, nanos, &d), RANGE);
    *ret = d;
    return cf_ok();
}

/* ---- Text ---- */

/* The number of n digits at p, which are digits. */
static uint32_t number(const uint8_t *p, size_t n)
{
    uint32_t value = 0;
    for (size_t i = 0; i < n; i++) {
        value = value * 10 + (uint32_t)(p[i] - '0');
    }
    return value;
}

/* True if every octet is that of the shape, in which 0 stands for a digit. */
static bool has_shape(cf_view text, cf_view shape)
{
    if (text.len != shape.len) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        bool same =
            shape.data[i] == '0' ? cf_is_digit(text.data[i]) : text.data[i] == shape.data[i];
        if (!same) {
            return false;
        }
    }
    return true;
}

cf_result cf_hours_minutes_parse(cf_view text, int32_t *ret_seconds)
{
    *ret_seconds = 0;
    CF_REQUIRE(has_shape(text, CF_LIT("00:00")), MALFORMED);
    uint32_t hours = number(text.data, 2), minutes = number(text.data + 3, 2);
    CF_REQUIRE(hours <= CF_OFFSET_HOURS_MAX && minutes <= 59, RANGE);
    *ret_seconds = (int32_t)(hours * CF_SECONDS_PER_HOUR + minutes * CF_SECONDS_PER_MINUTE);
    return cf_ok();
}

/* Takes ".digits" off the front, if there is a point. */
static cf_result take_fraction(cf_view *rest, uint32_t *ret_nanos)
{
    *ret_nanos = 0;
    if (rest->len == 0 || rest->data[0] != '.') {
        return cf_ok();
    }
    size_t at = 1;
    uint32_t nanos = 0, weight = CF_NANOS_PER_SECOND / 10;
    for (; at < rest->len && cf_is_digit(rest->data[at]); at++) {
        nanos += (uint32_t)(rest->data[at] - '0') * weight;
        weight /= 10;
    }
    CF_REQUIRE(at > 1, MALFORMED);
    *rest = cf_view_sub(*rest, at, rest->len - at);
    *ret_nanos = nanos;
    return cf_ok();
}

/* The offset that the text tells, which is all of it: Z, +HH:MM or -HH:MM. */
static cf_result offset_of(cf_view text, int32_t *ret_seconds)
{
    *ret_seconds = 0;
    if (cf_view_eq(text, CF_LIT("Z"))) {
        return cf_ok();
    }
    CF_REQUIRE(text.len > 0 && (text.data[0] == '+' || text.data[0] == '-'), MALFORMED);
    int32_t seconds;
    CF_TRY(cf_hours_minutes_parse(cf_view_sub(text, 1, text.len - 1), &seconds));
    *ret_seconds = text.data[0] == '-' ? -seconds : seconds;
    return cf_ok();
}

cf_result cf_timestamp_parse(cf_view text, cf_timestamp *ret)
{
    *ret = (cf_timestamp){0, 0};
    cf_view head = cf_view_sub(text, 0, DATE_TIME_BYTES);
    CF_REQUIRE(has_shape(head, CF_LIT("0000-00-00T00:00:00")), MALFORMED);
    cf_view rest = cf_view_sub(text, DATE_TIME_BYTES, text.len - DATE_TIME_BYTES);
    cf_timestamp t = {0, 0};
    CF_TRY(take_fraction(&rest, &t.nanos));
    int32_t offset_seconds;
    CF_TRY(offset_of(rest, &offset_seconds));
    cf_civil civil = {
        .year = (int32_t)number(head.data, 4),
        .month = (uint8_t)number(head.data + 5, 2),
        .day = (uint8_t)number(head.data + 8, 2),
        .hour = (uint8_t)number(head.data + 11, 2),
        .minute = (uint8_t)number(head.data + 14, 2),
        .second = (uint8_t)number(head.data + 17, 2),
    };
    CF_TRY(cf_civil_seconds(&civil, &t.seconds));
    t.seconds -= offset_seconds;
    CF_REQUIRE(cf_timestamp_ok(t), RANGE);
    *ret = t;
    return cf_ok();
}

static void put(cf_time_text *out, uint8_t c)
{
    out->text[out->len++] = c;
}

/* Appends n in exactly that many digits. */
static void put_digits(cf_time_text *out, uint32_t n, uint8_t digits)
{
    for (uint8_t i = digits; i > 0; i--) {
        out->text[out->len + i - 1] = (uint8_t)('0' + n % 10);
        n /= 10;
    }
    out->len = (uint8_t)(out->len + digits);
}

/* Appends the point and the digits of a fraction of a second up to the last that is not 0; nothing for 0. */
static void put_fraction(cf_time_text *out, uint32_t nanos)
{
    if (nanos == 0) {
        return;
    }
    uint8_t digits = FRACTION_DIGITS;
    for (; nanos % 10 == 0; nanos /= 10) {
        digits--;
    }
    put(out, '.');
    put_digits(out, nanos, digits);
}

cf_result cf_timestamp_format(cf_timestamp t, cf_time_text *ret)
{
    *ret = (cf_time_text){{0}, 0};
    CF_REQUIRE(cf_timestamp_ok(t), RANGE);
    cf_civil c;
    CF_TRY(cf_civil_at(t.seconds, 0, &c));
    put_digits(ret, (uint32_t)c.year, 4);
    const struct {
        uint8_t mark, n;
    } fields[] = {{'-', c.month}, {'-', c.day}, {'T', c.hour}, {':', c.minute}, {':', c.second}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        put(ret, fields[i].mark);
        put_digits(ret, fields[i].n, 2);
    }
    put_fraction(ret, t.nanos);
    put(ret, 'Z');
    return cf_ok();
}

cf_time_text cf_duration_format(cf_duration d)
{
    cf_time_text out = {{0}, 0};
    /* As unsigned numbers the magnitude of the least duration is there too. */
    uint64_t nanos = d < 0 ? 0 - (uint64_t)d : (uint64_t)d;
    uint64_t seconds = nanos / CF_NANOS_PER_SECOND;
    uint8_t digits = 1;
    for (uint64_t n = seconds; n >= 10; n /= 10) {
        digits++;
    }
    if (d < 0) {
        put(&out, '-');
    }
    /* Seconds have up to ten digits and may exceed 32 bits: the last nine are written apart. */
    if (digits > FRACTION_DIGITS) {
        put_digits(&out, (uint32_t)(seconds / CF_NANOS_PER_SECOND), 1);
        digits = FRACTION_DIGITS;
    }
    put_digits(&out, (uint32_t)(seconds % CF_NANOS_PER_SECOND), digits);
    put_fraction(&out, (uint32_t)(nanos % CF_NANOS_PER_SECOND));
    put(&out, 's');
    return out;
}
