/* SPDX-License-Identifier: Apache-2.0 */
/* The expression engine: a source and, behind the first NUL, a JSON object of its variables. It is compiled with the checker and
 * without, and evaluated within small budgets. What both give is the same; an error lies inside the source; memory stays within the
 * budget; an evaluation repeated gives the same again. */
#include "core/cel/cel.h"

#include <string.h>

#include "fuzz/check.h"

#define ARENA_BYTES ((size_t)8 << 20)
#define LIVE_BYTES ((size_t)1 << 20)
#define VARIABLES 16u

static const cf_cel_budget budget = {.source_bytes = 8192,
                                     .nodes = 4096,
                                     .nesting = 60,
                                     .instructions = 8192,
                                     .regex_instructions = 1000,
                                     .elements = 2000,
                                     .output_bytes = 20000,
                                     .steps = 20000,
                                     .live_bytes = LIVE_BYTES};

typedef struct {
    cf_cel_env *env;
    cf_cel_value values[VARIABLES];
} scope;

static void bind(scope *s, cf_view json, cf_arena *arena)
{
    cf_cel_value all;
    if (!cf_is_ok(cf_cel_from_json(json, 8192, arena, &all)) || all.kind != CF_CEL_MAP) {
        return;
    }
    for (uint32_t i = 0; i < all.map->count && i < VARIABLES; i++) {
        uint32_t slot;
        if (cf_is_ok(
                cf_cel_env_variable(s->env, cf_cel_text(&all.map->entries[2 * i]), "dyn", &slot))) {
            s->values[slot] = all.map->entries[2 * i + 1];
        }
    }
}

static void check_error(cf_result r, const cf_cel_error *error, cf_view source)
{
    fuzz_check(r.code == error->code && error->offset <= source.len);
    fuzz_check((r.code == CF_ERR_BUDGET) == (error->budget != NULL));
    fuzz_check(r.code != CF_ERR_INTERNAL && r.code != CF_ERR_NO_MEMORY && r.code != CF_ERR_STATE);
}

static cf_result evaluate(const scope *s, const cf_cel_program *program, cf_view source,
                          cf_buf *out)
{
    CF_ARENA(arena, ARENA_BYTES);
    cf_cel_value v;
    cf_cel_error error;
    cf_result r = cf_cel_eval(program, s->values, NULL, &budget, &arena, &v, &error);
    fuzz_check(cf_is_ok(r) == cf_cel_is_value(&v) && arena.used <= LIVE_BYTES);
    if (!cf_is_ok(r)) {
        check_error(r, &error, source);
        return r;
    }
    cf_buf_clear(out);
    return cf_cel_to_json(&v, budget.output_bytes, out);
}

/* The outcome as text; the error of the compilation or of the evaluation. */
static cf_result run(const scope *s, cf_view source, bool unchecked, cf_buf *out)
{
    CF_CEL_PROGRAM(program);
    CF_BUF(again);
    cf_cel_error error;
    const cf_cel_options options = {.budget = budget, .unchecked = unchecked, .tables = unchecked};
    cf_result r = cf_cel_compile(s->env, source, &options, &program, &error);
    fuzz_check(cf_is_ok(r) == (program != NULL));
    if (!cf_is_ok(r)) {
        check_error(r, &error, source);
        return r;
    }
    fuzz_check(cf_utf8_ok(cf_cel_program_type(program)));
    r = evaluate(s, program, source, out);
    fuzz_check(evaluate(s, program, source, &again).code == r.code);
    fuzz_check(!cf_is_ok(r) || cf_view_eq(cf_buf_view(out), cf_buf_view(&again)));
    return r;
}

static const cf_cel_env *base_env(void)
{
    static cf_cel_env *env;
    if (env == NULL) {
        fuzz_ok(cf_cel_env_new(NULL, &env));
    }
    return env;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CF_ARENA(arena, ARENA_BYTES);
    CF_BUF(checked);
    CF_BUF(unchecked);
    scope s = {0};
    const uint8_t *nul = size > 0 ? memchr(data, 0, size) : NULL;
    size_t len = nul != NULL ? (size_t)(nul - data) : size;
    cf_view source = cf_view_make(data, len);
    fuzz_ok(cf_cel_env_new(base_env(), &s.env));
    bind(&s, nul != NULL ? cf_view_make(nul + 1, size - len - 1) : CF_LIT("{}"), &arena);
    cf_result a = run(&s, source, false, &checked), b = run(&s, source, true, &unchecked);
    if (cf_is_ok(a) && cf_is_ok(b)) {
        fuzz_check(cf_view_eq(cf_buf_view(&checked), cf_buf_view(&unchecked)));
    }
    /* The checker only refuses: what it lets pass may cost a little more or less, and ends the same otherwise. */
    fuzz_check(a.code != CF_OK || b.code == CF_OK || b.code == CF_ERR_BUDGET);
    cf_cel_env_free(&s.env);
    return 0;
}
