/* SPDX-License-Identifier: Apache-2.0 */
/* Optionals: what are functions of them. or, orValue, optMap, optFlatMap and the selections with a question mark are the engine's. */
#include "core/cel/lib_priv.h"

CF_CEL_FUNCTION(of)
{
    return cf_cel_optional_of(run, &args[0], ret);
}

CF_CEL_FUNCTION(of_non_zero)
{
    if (!cf_cel_is_zero(&args[0])) {
        return cf_cel_optional_of(run, &args[0], ret);
    }
    return cf_cel_give(ret, cf_cel_optional(NULL));
}

CF_CEL_FUNCTION(none)
{
    return cf_cel_give(ret, cf_cel_optional(NULL));
}

CF_CEL_FUNCTION(has_value)
{
    return cf_cel_give(ret, cf_cel_bool(args[0].items != NULL));
}

CF_CEL_FUNCTION(value)
{
    CF_REQUIRE(args[0].items != NULL, CEL_NONE);
    return cf_cel_give(ret, *args[0].items);
}

/* What the optionals of a list hold, without those that hold nothing. */
CF_CEL_FUNCTION(unwrap)
{
    cf_cel_items kept = {0};
    CF_TRY(cf_cel_charge(run, args[0].len));
    for (uint32_t i = 0; i < args[0].len; i++) {
        const cf_cel_value *element = &args[0].items[i];
        CF_REQUIRE(element->kind == CF_CEL_OPTIONAL, CEL_TYPE);
        if (element->items != NULL) {
            CF_TRY(cf_cel_items_push(run, &kept, element->items));
        }
    }
    return cf_cel_give(ret, cf_cel_items_list(&kept));
}

static const cf_cel_function rows[] = {
    {"optional.of", "(A)->optional(A)", of, 0},
    {"optional.ofNonZeroValue", "(A)->optional(A)", of_non_zero, 0},
    {"optional.none", "()->optional(A)", none, 0},
    {"optional.unwrap", "(list(optional(A)))->list(A)", unwrap, 0},
    {"unwrapOpt", "list(optional(A)).()->list(A)", unwrap, 0},
    {"hasValue", "optional(A).()->bool", has_value, 0},
    {"value", "optional(A).()->A", value, 0},
};

const cf_cel_library cf_cel_lib_optional = {rows, sizeof rows / sizeof rows[0]};
