/* SPDX-License-Identifier: Apache-2.0 */
/* math.*: the parser gives math.least and math.greatest of several arguments one list of them. */
#include <math.h>

#include "core/cel/lib_priv.h"

/* ---- The least and the greatest ---- */

static bool is_number(const cf_cel_value *v)
{
    return v->kind == CF_CEL_INT || v->kind == CF_CEL_UINT || v->kind == CF_CEL_DOUBLE;
}

/* The winner keeps its type, the first of equal ones wins. want is the order in which a later element beats an earlier one. NaN among
 * several is refused: there is no order with it. */
static cf_result extreme(cf_cel_run *run, const cf_cel_value *list, int want, cf_cel_value *ret)
{
    CF_REQUIRE(list->len > 0, CEL_ARGUMENT);
    const cf_cel_value *best = &list->items[0];
    CF_REQUIRE(is_number(best), CEL_TYPE);
    for (uint32_t i = 1; i < list->len; i++) {
        const cf_cel_value *v = &list->items[i];
        int order;
        /* Says CEL_TYPE to what is no number. */
        CF_TRY(cf_cel_compare(run, v, best, &order));
        CF_REQUIRE(order >= -1 && order <= 1, CEL_ARGUMENT);
        best = order == want ? v : best;
    }
    *ret = *best;
    return cf_ok();
}

CF_CEL_FUNCTION(least)
{
    return extreme(run, &args[0], -1, ret);
}

CF_CEL_FUNCTION(greatest)
{
    return extreme(run, &args[0], 1, ret);
}

/* A single number, and what has no sign to lose. */
CF_CEL_FUNCTION(same)
{
    return cf_cel_give(ret, args[0]);
}

/* ---- Functions of one double ---- */

CF_CEL_FUNCTION(ceiling)
{
    return cf_cel_give(ret, cf_cel_double(ceil(args[0].d)));
}

CF_CEL_FUNCTION(flooring)
{
    return cf_cel_give(ret, cf_cel_double(floor(args[0].d)));
}

CF_CEL_FUNCTION(rounding)
{
    return cf_cel_give(ret, cf_cel_double(round(args[0].d)));
}

CF_CEL_FUNCTION(truncating)
{
    return cf_cel_give(ret, cf_cel_double(trunc(args[0].d)));
}

CF_CEL_FUNCTION(abs_double)
{
    return cf_cel_give(ret, cf_cel_double(fabs(args[0].d)));
}

CF_CEL_FUNCTION(is_nan)
{
    return cf_cel_give(ret, cf_cel_bool(isnan(args[0].d)));
}

CF_CEL_FUNCTION(is_inf)
{
    return cf_cel_give(ret, cf_cel_bool(isinf(args[0].d)));
}

CF_CEL_FUNCTION(is_finite)
{
    return cf_cel_give(ret, cf_cel_bool(isfinite(args[0].d)));
}

/* NaN stays, and both zeros become the positive one. */
CF_CEL_FUNCTION(sign_double)
{
    return cf_cel_give(
        ret,
        cf_cel_double(isnan(args[0].d) ? args[0].d : (double)((args[0].d > 0) - (args[0].d < 0))));
}

/* That of a negative number is NaN, as IEEE has it, and no error. */
CF_CEL_FUNCTION(sqrt_double)
{
    return cf_cel_give(ret, cf_cel_double(sqrt(args[0].d)));
}

/* ---- Functions of one integer ---- */

CF_CEL_FUNCTION(abs_int)
{
    CF_REQUIRE(args[0].i != INT64_MIN, CEL_OVERFLOW);
    return cf_cel_give(ret, cf_cel_int(args[0].i < 0 ? -args[0].i : args[0].i));
}

CF_CEL_FUNCTION(sign_int)
{
    return cf_cel_give(ret, cf_cel_int((args[0].i > 0) - (args[0].i < 0)));
}

CF_CEL_FUNCTION(sign_uint)
{
    return cf_cel_give(ret, cf_cel_uint(args[0].u != 0));
}

CF_CEL_FUNCTION(sqrt_int)
{
    return cf_cel_give(ret, cf_cel_double(sqrt((double)args[0].i)));
}

CF_CEL_FUNCTION(sqrt_uint)
{
    return cf_cel_give(ret, cf_cel_double(sqrt((double)args[0].u)));
}

/* ---- Bits: int and uint have them at the same place, and the outcome has the type of the first argument ---- */

static cf_result bits(const cf_cel_value *args, uint64_t u, cf_cel_value *ret)
{
    *ret = (cf_cel_value){.kind = args[0].kind, .u = u};
    return cf_ok();
}

CF_CEL_FUNCTION(bit_and)
{
    return bits(args, args[0].u & args[1].u, ret);
}

CF_CEL_FUNCTION(bit_or)
{
    return bits(args, args[0].u | args[1].u, ret);
}

CF_CEL_FUNCTION(bit_xor)
{
    return bits(args, args[0].u ^ args[1].u, ret);
}

CF_CEL_FUNCTION(bit_not)
{
    return bits(args, ~args[0].u, ret);
}

CF_CEL_FUNCTION(shift_left)
{
    CF_REQUIRE(args[1].i >= 0, CEL_ARGUMENT);
    return bits(args, args[1].i > 63 ? 0 : args[0].u << args[1].i, ret);
}

/* Fills with zeros, whatever the sign. */
CF_CEL_FUNCTION(shift_right)
{
    CF_REQUIRE(args[1].i >= 0, CEL_ARGUMENT);
    return bits(args, args[1].i > 63 ? 0 : args[0].u >> args[1].i, ret);
}

/* A list of mixed numbers is a list(dyn), which all three rows of lists take: the checker then says dyn. */
static const cf_cel_function rows[] = {
    {"math.least", "(int)->int", same, 0},
    {"math.least", "(uint)->uint", same, 0},
    {"math.least", "(double)->double", same, 0},
    {"math.least", "(list(int))->int", least, 0},
    {"math.least", "(list(uint))->uint", least, 0},
    {"math.least", "(list(double))->double", least, 0},
    {"math.greatest", "(int)->int", same, 0},
    {"math.greatest", "(uint)->uint", same, 0},
    {"math.greatest", "(double)->double", same, 0},
    {"math.greatest", "(list(int))->int", greatest, 0},
    {"math.greatest", "(list(uint))->uint", greatest, 0},
    {"math.greatest", "(list(double))->double", greatest, 0},
    {"math.ceil", "(double)->double", ceiling, 0},
    {"math.floor", "(double)->double", flooring, 0},
    {"math.round", "(double)->double", rounding, 0},
    {"math.trunc", "(double)->double", truncating, 0},
    {"math.isNaN", "(double)->bool", is_nan, 0},
    {"math.isInf", "(double)->bool", is_inf, 0},
    {"math.isFinite", "(double)->bool", is_finite, 0},
    {"math.abs", "(double)->double", abs_double, 0},
    {"math.abs", "(int)->int", abs_int, 0},
    {"math.abs", "(uint)->uint", same, 0},
    {"math.sign", "(double)->double", sign_double, 0},
    {"math.sign", "(int)->int", sign_int, 0},
    {"math.sign", "(uint)->uint", sign_uint, 0},
    {"math.sqrt", "(double)->double", sqrt_double, 0},
    {"math.sqrt", "(int)->double", sqrt_int, 0},
    {"math.sqrt", "(uint)->double", sqrt_uint, 0},
    {"math.bitAnd", "(int,int)->int", bit_and, 0},
    {"math.bitAnd", "(uint,uint)->uint", bit_and, 0},
    {"math.bitOr", "(int,int)->int", bit_or, 0},
    {"math.bitOr", "(uint,uint)->uint", bit_or, 0},
    {"math.bitXor", "(int,int)->int", bit_xor, 0},
    {"math.bitXor", "(uint,uint)->uint", bit_xor, 0},
    {"math.bitNot", "(int)->int", bit_not, 0},
    {"math.bitNot", "(uint)->uint", bit_not, 0},
    {"math.bitShiftLeft", "(int,int)->int", shift_left, 0},
    {"math.bitShiftLeft", "(uint,int)->uint", shift_left, 0},
    {"math.bitShiftRight", "(int,int)->int", shift_right, 0},
    {"math.bitShiftRight", "(uint,int)->uint", shift_right, 0},
};

const cf_cel_library cf_cel_lib_math = {rows, sizeof rows / sizeof rows[0]};
