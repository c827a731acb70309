/* SPDX-License-Identifier: Apache-2.0 */
/* The environment: names to variables, and names with style and number of arguments to groups of overloads. */
#pragma once
#include "core/cel/type_priv.h"

typedef struct {
    cf_cel_signature signature;
    cf_cel_impl impl; /* NULL: declared only, fails when called */
    uint32_t flags;   /* of cf_cel_function */
} cf_cel_overload;

/** All overloads of one name, style and number of arguments. */
typedef struct cf_cel_group {
    cf_view name;
    bool member;
    uint32_t params;
    uint32_t hash; /* of the name */
    uint32_t n, cap;
    cf_cel_overload *overloads;
    struct cf_cel_group *next; /* in its bucket */
} cf_cel_group;

typedef struct {
    cf_view name;
    cf_cel_type type;
    uint32_t slot;
} cf_cel_variable;

/* What is looked up in an environment is looked up in its base when it has none itself. */

/** NULL when there is none. */
const cf_cel_variable *cf_cel_env_find_variable(const cf_cel_env *env, cf_view name);
/** The type of the variable of a slot below cf_cel_env_variables. */
cf_cel_type cf_cel_env_slot_type(const cf_cel_env *env, uint32_t slot);
const cf_cel_group *cf_cel_env_find_group(const cf_cel_env *env, cf_view name, bool member,
                                          uint32_t params);
/** True if any function of that style has the name, whatever its parameters. */
bool cf_cel_env_has_function(const cf_cel_env *env, cf_view name, bool member);
/** Most dots in the name of any variable. */
uint32_t cf_cel_env_dots(const cf_cel_env *env);
const cf_cel_pool *cf_cel_env_pool(const cf_cel_env *env);
/** True, and the type value, if the name denotes a type: int, list, google.protobuf.Timestamp, ... */
bool cf_cel_env_type_name(cf_view name, cf_cel_value *ret);
