/* SPDX-License-Identifier: Apache-2.0 */
#include "core/time/time_priv.h"

cf_result cf_duration_add(cf_duration a, cf_duration b, cf_duration *ret)
{
    int64_t sum = 0;
    bool over = __builtin_add_overflow(a, b, &sum);
    *ret = over ? 0 : sum;
    return over ? cf_fail(CF_ERR_RANGE) : cf_ok();
}

cf_result cf_duration_sub(cf_duration a, cf_duration b, cf_duration *ret)
{
    int64_t left = 0;
    bool over = __builtin_sub_overflow(a, b, &left);
    *ret = over ? 0 : left;
    return over ? cf_fail(CF_ERR_RANGE) : cf_ok();
}

cf_result cf_duration_neg(cf_duration d, cf_duration *ret)
{
    return cf_duration_sub(0, d, ret);
}

/* ---- Parsing ---- */

/* Magnitudes are summed up to that of the least duration; anything above becomes OVER and stays there, so that the shape of the
 * rest is still looked at. */
#define MAGNITUDE_MAX ((uint64_t)INT64_MAX + 1)
#define OVER (MAGNITUDE_MAX + 1)

static uint64_t capped_add(uint64_t a, uint64_t b)
{
    return a > MAGNITUDE_MAX || b > MAGNITUDE_MAX - a ? OVER : a + b;
}

static uint64_t capped_mul(uint64_t a, uint64_t b)
{
    return b != 0 && a > MAGNITUDE_MAX / b ? OVER : a * b;
}

static cf_result unit_nanos(cf_view unit, uint64_t *ret)
{
    static const struct {
        cf_view name;
        uint64_t nanos;
    } units[] = {
        {CF_LIT_INIT("ns"), 1},
        {CF_LIT_INIT("us"), 1000},
        {CF_LIT_INIT("\xC2\xB5s"), 1000}, /* U+00B5 micro sign */
        {CF_LIT_INIT("\xCE\xBCs"), 1000}, /* U+03BC Greek small letter mu */
        {CF_LIT_INIT("ms"), 1000 * 1000},
        {CF_LIT_INIT("s"), CF_NANOS_PER_SECOND},
        {CF_LIT_INIT("m"), CF_SECONDS_PER_MINUTE * CF_NANOS_PER_SECOND},
        {CF_LIT_INIT("h"), CF_SECONDS_PER_HOUR * CF_NANOS_PER_SECOND},
    };
    *ret = 0;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (cf_view_eq(unit, units[i].name)) {
            *ret = units[i].nanos;
            return cf_ok();
        }
    }
    return cf_fail(CF_ERR_MALFORMED);
}

/* Takes the octets off the front that are digits, or those that start neither a number nor a fraction. */
static cf_view take(cf_view *rest, bool digits)
{
    size_t n = 0;
    while (n < rest->len && (digits ? cf_is_digit(rest->data[n])
                                    : !cf_is_digit(rest->data[n]) && rest->data[n] != '.')) {
        n++;
    }
    cf_view taken = cf_view_sub(*rest, 0, n);
    *rest = cf_view_sub(*rest, n, rest->len - n);
    return taken;
}

/* Takes one term, a number and its unit, off the front. */
static cf_result take_term(cf_view *rest, uint64_t *ret)
{
    *ret = 0;
    cf_view whole = take(rest, true), fraction = CF_VIEW_EMPTY;
    if (rest->len > 0 && rest->data[0] == '.') {
        *rest = cf_view_sub(*rest, 1, rest->len - 1);
        fraction = take(rest, true);
    }
    CF_REQUIRE(whole.len + fraction.len > 0, MALFORMED);
    uint64_t unit;
    CF_TRY(unit_nanos(take(rest, false), &unit));
    uint64_t n = 0, part = 0;
    for (size_t i = 0; i < whole.len; i++) {
        n = capped_add(capped_mul(n, 10), (uint64_t)(whole.data[i] - '0'));
    }
    /* From the last digit to the first: the floor of a floor of whole numbers is the floor of the exact quotient, so however many
     * digits there are, none is lost, and part stays below unit. */
    for (size_t i = fraction.len; i > 0; i--) {
        part = (part + (uint64_t)(fraction.data[i - 1] - '0') * unit) / 10;
    }
    *ret = capped_add(capped_mul(n, unit), part);
    return cf_ok();
}

cf_result cf_duration_parse(cf_view text, cf_duration *ret)
{
    *ret = 0;
    bool minus = text.len > 0 && text.data[0] == '-';
    cf_view rest = text;
    if (minus || (text.len > 0 && text.data[0] == '+')) {
        rest = cf_view_sub(text, 1, text.len - 1);
    }
    if (cf_view_eq(rest, CF_LIT("0"))) {
        return cf_ok();
    }
    CF_REQUIRE(rest.len > 0, MALFORMED);
    uint64_t sum = 0;
    while (rest.len > 0) {
        uint64_t term;
        CF_TRY(take_term(&rest, &term));
        sum = capped_add(sum, term);
    }
    CF_REQUIRE(sum <= (minus ? MAGNITUDE_MAX : MAGNITUDE_MAX - 1), RANGE);
    *ret = minus ? (cf_duration)(0 - sum) : (cf_duration)sum;
    return cf_ok();
}
