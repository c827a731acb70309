/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cel/program_priv.h"

/* Scratch memory of one compilation, far above what the budget of nodes needs. */
#define COMPILE_BYTES_MAX ((size_t)12 << 20)
/* What most compilations get by with. */
#define COMPILE_BYTES_FIRST 8192

static uint32_t bound32(uint32_t n, uint32_t max)
{
    return n == 0 || n > max ? max : n;
}

cf_cel_budget cf_cel_budget_of(const cf_cel_budget *b)
{
    return (cf_cel_budget){
        .source_bytes = bound32(b->source_bytes, CF_CEL_SOURCE_BYTES_MAX),
        .nodes = bound32(b->nodes, CF_CEL_NODES_MAX),
        .nesting = bound32(b->nesting, CF_CEL_NESTING_MAX),
        .instructions = bound32(b->instructions, CF_CEL_INSTRUCTIONS_MAX),
        .regex_instructions = bound32(b->regex_instructions, CF_REGEX_INSTRUCTIONS_MAX),
        .compile_steps = bound32(b->compile_steps, CF_CEL_COMPILE_STEPS_MAX),
        .elements = bound32(b->elements, CF_CEL_ELEMENTS_MAX),
        .output_bytes = bound32(b->output_bytes, CF_CEL_OUTPUT_BYTES_MAX),
        .steps = b->steps == 0 || b->steps > CF_CEL_STEPS_MAX ? CF_CEL_STEPS_MAX : b->steps,
        .live_bytes = b->live_bytes == 0 || b->live_bytes > CF_CEL_LIVE_BYTES_MAX
                          ? CF_CEL_LIVE_BYTES_MAX
                          : b->live_bytes,
    };
}

/* *ret_type lies in room if it is not in static storage. */
static cf_result check(cf_cel_compilation *c, const cf_cel_tape *tape, cf_buf *room,
                       cf_view *ret_type)
{
    cf_cel_pool pool;
    cf_cel_type type = CF_CEL_T_DYN;
    if (!c->opt.unchecked) {
        CF_TRY(cf_cel_check(c, tape, &pool, &type));
    }
    if (type < CF_CEL_T_SIMPLE_END) {
        *ret_type = cf_cel_type_simple_name(type);
        return cf_ok();
    }
    CF_TRY(cf_cel_type_print(&pool, type, room));
    *ret_type = cf_buf_view(room);
    return cf_ok();
}

static cf_result compile(cf_cel_compilation *c, cf_view source, cf_cel_program **ret)
{
    cf_cel_tape tape;
    CF_BUF(room);
    cf_view type;
    CF_TRY(cf_cel_parse(c, source, &tape));
    CF_TRY(check(c, &tape, &room, &type));
    return cf_cel_generate(c, &tape, type, ret);
}

CF_MUST_USE cf_result cf_cel_compile(const cf_cel_env *env, cf_view source,
                                     const cf_cel_options *opt, cf_cel_program **ret,
                                     cf_cel_error *ret_error)
{
    CF_UNCLEARED _Alignas(max_align_t) uint8_t first[COMPILE_BYTES_FIRST];
    CF_ARENA(arena, COMPILE_BYTES_MAX);
    cf_cel_compilation c = {.env = env, .arena = &arena, .error = ret_error};
    if (opt != NULL) {
        c.opt = *opt;
    }
    c.opt.budget = cf_cel_budget_of(&c.opt.budget);
    cf_arena_lend(&arena, first, sizeof first);
    *ret = NULL;
    *ret_error = (cf_cel_error){CF_OK, 0, NULL};
    cf_result r = compile(&c, source, ret);
    if (!cf_is_ok(r) && ret_error->code == CF_OK) {
        ret_error->code = r.code;
    }
    cf_wipe(first, arena.used < sizeof first ? arena.used : sizeof first);
    return r;
}
