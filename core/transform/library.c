/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that expressions have beside the language's own, each as a function and as a method. */
#include "core/transform/transform_priv.h"

/* rest: further parameters, ",int" for one. */
#define BOTH(name, receiver, rest, more, result, impl, flags)                                      \
    {name, "(" receiver rest ")->" result, impl, flags},                                           \
    {                                                                                              \
        name, receiver ".(" more ")->" result, impl, flags                                         \
    }
#define OF_TEXT(name, result, impl) BOTH(name, "string", "", "", result, impl, 0)
#define OF_OCTETS(name, result, impl)                                                              \
    OF_TEXT(name, result, impl), BOTH(name, "bytes", "", "", result, impl, 0)
#define OF_KEY(name, impl)                                                                         \
    BOTH(name, "string", ",string", "string", "string", impl, CF_CEL_HOST),                        \
        BOTH(name, "bytes", ",string", "string", "string", impl, CF_CEL_HOST)

static const cf_cel_function rows[] = {
    OF_TEXT("is_empty", "bool", cf_fn_is_empty),
    BOTH("is_empty", "null_type", "", "", "bool", cf_fn_is_empty_null, 0),
    OF_TEXT("to_lowercase", "string", cf_fn_lower),
    OF_TEXT("to_uppercase", "string", cf_fn_upper),
    OF_OCTETS("base64_encode", "string", cf_fn_base64_encode),
    OF_TEXT("base64_decode", "string", cf_fn_base64_decode),
    OF_OCTETS("hex_encode", "string", cf_fn_hex_encode),
    OF_TEXT("hex_decode", "string", cf_fn_hex_decode),
    OF_OCTETS("sha256", "string", cf_fn_sha256),
    OF_OCTETS("sha384", "string", cf_fn_sha384),
    OF_OCTETS("sha512", "string", cf_fn_sha512),
    OF_KEY("hmac_sha256", cf_fn_hmac_sha256),
    OF_KEY("hmac_sha384", cf_fn_hmac_sha384),
    OF_KEY("hmac_sha512", cf_fn_hmac_sha512),
    OF_TEXT("date", "timestamp", cf_fn_date),
    {"today_utc", "()->timestamp", cf_fn_today_utc, CF_CEL_HOST},
    BOTH("age", "timestamp", "", "", "int", cf_fn_age, CF_CEL_HOST),
    BOTH("mask", "string", ",int", "int", "string", cf_fn_mask, 0),
    OF_TEXT("last4", "string", cf_fn_last4),
    OF_TEXT("redact_email", "string", cf_fn_redact_email),
    OF_TEXT("luhn_valid", "bool", cf_fn_luhn_valid),
    OF_TEXT("card_network", "string", cf_fn_card_network),
};

const cf_cel_library cf_transform_library = {rows, sizeof rows / sizeof *rows};

CF_MUST_USE cf_result cf_transform_env_new(cf_cel_env **ret)
{
    *ret = NULL;
    CF_CEL_ENV(env);
    CF_TRY(cf_cel_env_new(NULL, &env));
    CF_TRY(cf_cel_env_functions(env, cf_transform_library));
    *ret = env;
    env = NULL;
    return cf_ok();
}
