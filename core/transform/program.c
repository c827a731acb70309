/* SPDX-License-Identifier: Apache-2.0 */
/* One expression, compiled with the names that it mentions. */
#include "core/crypto/primitives.h"
#include "core/transform/transform_priv.h"

CF_MUST_USE cf_result cf_transform_digest(const cf_transform_source *s,
                                          uint8_t ret[static CF_TRANSFORM_DIGEST_BYTES])
{
    cf_digest digest;
    const cf_view parts[] = {s->names, CF_LIT("\n"), s->source};
    CF_TRY(cf_hash_parts(CF_SHA256, parts, 3, &digest));
    cf_copy(ret, digest.b, CF_TRANSFORM_DIGEST_BYTES);
    return cf_ok();
}

/* Every name has the slot of its place. What a variable holds is known when it is evaluated. */
static CF_MUST_USE cf_result declare(cf_cel_env *env, cf_view names)
{
    uint32_t slot;
    for (size_t from = 0, to = 0; from < names.len; from = to + 1) {
        for (to = from; to < names.len && names.data[to] != ','; to++) {
        }
        CF_TRY(cf_cel_env_variable(env, cf_view_sub(names, from, to - from), "dyn", &slot));
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_transform_compile(const cf_cel_env *env, const cf_transform_source *s,
                                           cf_cel_program **ret, cf_cel_error *ret_error)
{
    static const cf_cel_options options = {
        .tables = true,
        .budget = {.source_bytes = CF_TRANSFORM_SOURCE_BYTES_MAX,
                   .nodes = CF_TRANSFORM_NODES_MAX,
                   .compile_steps = CF_TRANSFORM_COMPILE_STEPS_MAX}};
    *ret = NULL;
    *ret_error = (cf_cel_error){.code = CF_ERR_NO_MEMORY};
    CF_CEL_ENV(own);
    CF_TRY(cf_cel_env_new(env, &own));
    CF_TRY(declare(own, s->names));
    return cf_cel_compile(own, s->source, &options, ret, ret_error);
}
