/* SPDX-License-Identifier: Apache-2.0 */
/* The standard functions that are no operators: size, the conversions, and the tests of text whose argument is no constant. */
#include "core/base/number.h"
#include "core/cel/text_priv.h"

/* Reading a double takes up to about 200 nanoseconds, and more for digits behind the nineteenth. */
#define DOUBLE_STEPS 5

/* ---- size ---- */

CF_CEL_FUNCTION(size_of_string)
{
    size_t points = args[0].len;
    if ((args[0].flags & CF_CEL_ASCII) == 0) {
        CF_TRY(cf_cel_charge_text(run, args[0].len));
        points = cf_utf8_len(cf_cel_text(&args[0]));
    }
    return cf_cel_give(ret, cf_cel_int((int64_t)points));
}

CF_CEL_FUNCTION(size_of_items)
{
    return cf_cel_give(ret,
                       cf_cel_int(args[0].kind == CF_CEL_MAP ? args[0].map->count : args[0].len));
}

/* ---- type, dyn, and the conversions to a type that the value has already ---- */

CF_CEL_FUNCTION(same)
{
    return cf_cel_give(ret, args[0]);
}

CF_CEL_FUNCTION(type_of)
{
    return cf_cel_give(ret, cf_cel_type_value(cf_cel_kind_name((cf_cel_kind)args[0].kind)));
}

/* ---- bool, bytes, string ---- */

CF_CEL_FUNCTION(bool_of_string)
{
    static const cf_view spellings[2][6] = {
        {CF_LIT_INIT("0"), CF_LIT_INIT("f"), CF_LIT_INIT("F"), CF_LIT_INIT("FALSE"),
         CF_LIT_INIT("false"), CF_LIT_INIT("False")},
        {CF_LIT_INIT("1"), CF_LIT_INIT("t"), CF_LIT_INIT("T"), CF_LIT_INIT("TRUE"),
         CF_LIT_INIT("true"), CF_LIT_INIT("True")},
    };
    cf_view text = cf_cel_text(&args[0]);
    for (int b = 0; b < 2; b++) {
        for (int i = 0; i < 6; i++) {
            if (cf_view_eq(text, spellings[b][i])) {
                return cf_cel_give(ret, cf_cel_bool(b == 1));
            }
        }
    }
    return cf_fail(CF_ERR_CEL_CONVERT);
}

CF_CEL_FUNCTION(bytes_of_string)
{
    return cf_cel_give(ret, cf_cel_bytes(cf_cel_text(&args[0])));
}

CF_CEL_FUNCTION(string_of_bytes)
{
    cf_view text = cf_cel_text(&args[0]);
    CF_TRY(cf_cel_charge_text(run, text.len));
    CF_REQUIRE(cf_utf8_ok(text), CEL_CONVERT);
    return cf_cel_give(ret, cf_cel_string(text));
}

CF_CEL_FUNCTION(string_of_scalar)
{
    char text[CF_CEL_PRINT_BYTES];
    size_t len;
    if (args[0].kind == CF_CEL_DOUBLE) {
        CF_TRY(cf_cel_charge(run, cf_cel_double_steps(args[0].d)));
    }
    CF_TRY(cf_cel_print(&args[0], text, &len));
    CF_TRY(cf_cel_string_copy(run, cf_view_make(text, len), ret));
    ret->flags = CF_CEL_ASCII;
    return cf_ok();
}

/* ---- int, uint, double ---- */

/* Digits, at least one, with zeros in front or not. error CEL_CONVERT another text, CEL_OVERFLOW more than max */
static cf_result digits_of(cf_cel_run *run, cf_view text, uint64_t max, uint64_t *ret)
{
    *ret = 0;
    CF_TRY(cf_cel_charge_text(run, text.len));
    while (text.len > 1 && text.data[0] == '0') {
        text = cf_view_sub(text, 1, text.len - 1);
    }
    cf_result r = cf_parse_u64(text, max, ret);
    CF_REQUIRE(r.code != CF_ERR_MALFORMED, CEL_CONVERT);
    CF_REQUIRE(cf_is_ok(r), CEL_OVERFLOW);
    return cf_ok();
}

CF_CEL_FUNCTION(int_of_string)
{
    cf_view text = cf_cel_text(&args[0]);
    bool negative = text.len > 0 && text.data[0] == '-';
    if (negative || (text.len > 0 && text.data[0] == '+')) {
        text = cf_view_sub(text, 1, text.len - 1);
    }
    uint64_t magnitude;
    CF_TRY(digits_of(run, text, (uint64_t)INT64_MAX + negative, &magnitude));
    return cf_cel_give(ret, cf_cel_int((int64_t)(negative ? 0 - magnitude : magnitude)));
}

CF_CEL_FUNCTION(int_of_uint)
{
    CF_REQUIRE(args[0].u <= INT64_MAX, CEL_OVERFLOW);
    return cf_cel_give(ret, cf_cel_int((int64_t)args[0].u));
}

/* Both ends are excluded: the least int is a double, but doubles next to it round to it. A NaN is in no range. */
CF_CEL_FUNCTION(int_of_double)
{
    CF_REQUIRE(args[0].d > -0x1p63 && args[0].d < 0x1p63, CEL_OVERFLOW);
    return cf_cel_give(ret, cf_cel_int((int64_t)args[0].d));
}

/* Seconds of a timestamp, nanoseconds of a duration. A timestamp's nanos count forward, so its seconds are rounded down already. */
CF_CEL_FUNCTION(int_of_time)
{
    return cf_cel_give(ret, cf_cel_int(args[0].i));
}

CF_CEL_FUNCTION(uint_of_string)
{
    uint64_t u;
    CF_TRY(digits_of(run, cf_cel_text(&args[0]), UINT64_MAX, &u));
    return cf_cel_give(ret, cf_cel_uint(u));
}

CF_CEL_FUNCTION(uint_of_int)
{
    CF_REQUIRE(args[0].i >= 0, CEL_OVERFLOW);
    return cf_cel_give(ret, cf_cel_uint((uint64_t)args[0].i));
}

CF_CEL_FUNCTION(uint_of_double)
{
    CF_REQUIRE(args[0].d >= 0 && args[0].d < 0x1p64, CEL_OVERFLOW);
    return cf_cel_give(ret, cf_cel_uint((uint64_t)args[0].d));
}

CF_CEL_FUNCTION(double_of_int)
{
    return cf_cel_give(
        ret, cf_cel_double(args[0].kind == CF_CEL_INT ? (double)args[0].i : (double)args[0].u));
}

/* The names are those that string(d) and format write, so that both can be read back. */
static bool named_double(cf_view text, double *ret)
{
    static const struct {
        cf_view name;
        double d;
    } rows[] = {
        {CF_LIT_INIT("NaN"), NAN},        {CF_LIT_INIT("Infinity"), INFINITY},
        {CF_LIT_INIT("Inf"), INFINITY},   {CF_LIT_INIT("-Infinity"), -INFINITY},
        {CF_LIT_INIT("-Inf"), -INFINITY}, {CF_LIT_INIT("+Infinity"), INFINITY},
        {CF_LIT_INIT("+Inf"), INFINITY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (cf_view_eq(text, rows[i].name)) {
            *ret = rows[i].d;
            return true;
        }
    }
    return false;
}

CF_CEL_FUNCTION(double_of_string)
{
    cf_view text = cf_cel_text(&args[0]);
    double d = 0;
    CF_TRY(cf_cel_charge(run, DOUBLE_STEPS + text.len / 4));
    cf_result r = cf_double_parse(text, &d);
    CF_REQUIRE(r.code != CF_ERR_RANGE, CEL_OVERFLOW);
    CF_REQUIRE(cf_is_ok(r) || named_double(text, &d), CEL_CONVERT);
    return cf_cel_give(ret, cf_cel_double(d));
}

/* ---- contains, startsWith, endsWith ---- */

CF_CEL_FUNCTION(contains)
{
    size_t at;
    bool found;
    CF_TRY(cf_cel_find(run, cf_cel_text(&args[0]), 0, cf_cel_text(&args[1]), &at, &found));
    return cf_cel_give(ret, cf_cel_bool(found));
}

CF_CEL_FUNCTION(starts_with)
{
    cf_view text = cf_cel_text(&args[0]), front = cf_cel_text(&args[1]);
    CF_TRY(cf_cel_charge_text(run, front.len));
    return cf_cel_give(ret, cf_cel_bool(front.len <= text.len &&
                                        cf_view_eq((cf_view){text.data, front.len}, front)));
}

CF_CEL_FUNCTION(ends_with)
{
    cf_view text = cf_cel_text(&args[0]), end = cf_cel_text(&args[1]);
    CF_TRY(cf_cel_charge_text(run, end.len));
    return cf_cel_give(
        ret, cf_cel_bool(end.len <= text.len &&
                         cf_view_eq(cf_view_sub(text, text.len - end.len, end.len), end)));
}

static const cf_cel_function rows[] = {
    {"size", "(string)->int", size_of_string, 0},
    {"size", "(bytes)->int", size_of_items, 0},
    {"size", "(list(A))->int", size_of_items, 0},
    {"size", "(map(A,B))->int", size_of_items, 0},
    {"size", "string.()->int", size_of_string, 0},
    {"size", "bytes.()->int", size_of_items, 0},
    {"size", "list(A).()->int", size_of_items, 0},
    {"size", "map(A,B).()->int", size_of_items, 0},
    {"type", "(A)->type(A)", type_of, 0},
    {"dyn", "(A)->dyn", same, 0},
    {"bool", "(bool)->bool", same, 0},
    {"bool", "(string)->bool", bool_of_string, 0},
    {"bytes", "(bytes)->bytes", same, 0},
    {"bytes", "(string)->bytes", bytes_of_string, 0},
    {"string", "(string)->string", same, 0},
    {"string", "(bool)->string", string_of_scalar, 0},
    {"string", "(int)->string", string_of_scalar, 0},
    {"string", "(uint)->string", string_of_scalar, 0},
    {"string", "(double)->string", string_of_scalar, 0},
    {"string", "(bytes)->string", string_of_bytes, 0},
    {"string", "(timestamp)->string", string_of_scalar, 0},
    {"string", "(duration)->string", string_of_scalar, 0},
    {"string", "(ip)->string", string_of_scalar, 0},
    {"string", "(cidr)->string", string_of_scalar, 0},
    {"int", "(int)->int", same, 0},
    {"int", "(uint)->int", int_of_uint, 0},
    {"int", "(double)->int", int_of_double, 0},
    {"int", "(string)->int", int_of_string, 0},
    {"int", "(timestamp)->int", int_of_time, 0},
    {"int", "(duration)->int", int_of_time, 0},
    {"uint", "(uint)->uint", same, 0},
    {"uint", "(int)->uint", uint_of_int, 0},
    {"uint", "(double)->uint", uint_of_double, 0},
    {"uint", "(string)->uint", uint_of_string, 0},
    {"double", "(double)->double", same, 0},
    {"double", "(int)->double", double_of_int, 0},
    {"double", "(uint)->double", double_of_int, 0},
    {"double", "(string)->double", double_of_string, 0},
    {"contains", "string.(string)->bool", contains, 0},
    {"startsWith", "string.(string)->bool", starts_with, 0},
    {"endsWith", "string.(string)->bool", ends_with, 0},
};

const cf_cel_library cf_cel_lib_convert = {rows, sizeof rows / sizeof rows[0]};
