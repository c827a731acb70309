/* SPDX-License-Identifier: Apache-2.0 */
/* The code generator: one pass over the tape with a stack of operands and one of open constructs. Registers are given out like a stack:
 * the outcome of an operator takes the place of its first operand. */
#include "core/cel/gen_priv.h"
#include "core/cel/parse_priv.h"

typedef cf_cel_generator generator;

/* An operand that waits for its operator. */
typedef struct cf_cel_pending {
    uint32_t operand;
    uint32_t mark;  /* registers in use before it */
    uint32_t start; /* code before it */
    bool optional;  /* of a literal: left out when none */
} pending;

/* A construct between its markers. */
typedef struct cf_cel_construct {
    uint32_t reg; /* of its outcome, or of a bound local */
    /* 1 + the last instruction whose b waits for the construct's end, linked through b */
    uint32_t jumps;
    uint32_t catcher; /* outside of it */
    uint32_t begin;   /* code there */
} construct;

static cf_result no_memory(const generator *g)
{
    return cf_cel_fail_at(g->c, CF_ERR_NO_MEMORY, g->offset);
}

/* Room for n instructions and their offsets, as far as the budget allows; more than there was. */
static cf_result grow_code(generator *g, uint32_t n)
{
    uint32_t max = g->c->opt.budget.instructions;
    n = n < max ? n : max;
    if (n <= g->code_cap) {
        return cf_cel_over_at(g->c, "instructions", g->offset);
    }
    cf_cel_instr *code = cf_arena_new(g->c->arena, n, sizeof *code);
    uint32_t *offsets = cf_arena_new(g->c->arena, n, sizeof *offsets);
    if (code == NULL || offsets == NULL) {
        return no_memory(g);
    }
    cf_copy(code, g->code, g->code_n * sizeof *code);
    cf_copy(offsets, g->offsets, g->code_n * sizeof *offsets);
    g->code = code;
    g->offsets = offsets;
    g->code_cap = n;
    return cf_ok();
}

static inline cf_result emit(generator *g, cf_cel_op op, uint32_t dst, uint32_t a, uint32_t b)
{
    if (CF_UNLIKELY(g->code_n == g->code_cap)) {
        CF_TRY(grow_code(g, 2 * g->code_cap));
    }
    g->code[g->code_n] = (cf_cel_instr){(uint16_t)op, (uint16_t)g->catcher, dst, a, b};
    g->offsets[g->code_n++] = g->offset;
    return cf_ok();
}

static uint32_t take_register(generator *g)
{
    if (g->used == g->registers) {
        g->registers++;
    }
    return g->used++;
}

static void push_at(generator *g, uint32_t operand, uint32_t mark, uint32_t start)
{
    g->stack[g->stack_n++] = (pending){operand, mark, start, false};
}

static void push_operand(generator *g, uint32_t where, uint32_t index)
{
    push_at(g, CF_CEL_OPERAND(where, index), g->used, g->code_n);
}

static pending pop(generator *g)
{
    return g->stack[--g->stack_n];
}

/* Pushes the register that takes the place of p, which is free for it. */
static uint32_t push_result(generator *g, const pending *p)
{
    g->used = p->mark;
    uint32_t reg = take_register(g);
    push_at(g, CF_CEL_OPERAND(CF_CEL_IN_REGISTER, reg), reg, p->start);
    return reg;
}

static cf_result constant(generator *g, const cf_cel_value *v, uint32_t *ret)
{
    cf_cel_value *constants = cf_cel_grow(g->c->arena, g->constants, sizeof *constants,
                                          g->constants_n, &g->constants_cap);
    if (constants == NULL) {
        return no_memory(g);
    }
    g->constants = constants;
    constants[g->constants_n] = *v;
    *ret = CF_CEL_OPERAND(CF_CEL_IN_CONSTANTS, g->constants_n++);
    return cf_ok();
}

static cf_result operand_add(generator *g, const pending *p)
{
    uint32_t *operands =
        cf_cel_grow(g->c->arena, g->operands, sizeof *operands, g->operands_n, &g->operands_cap);
    if (operands == NULL) {
        return no_memory(g);
    }
    g->operands = operands;
    operands[g->operands_n++] = p->operand | (p->optional ? CF_CEL_OPERAND_OPTIONAL : 0);
    return cf_ok();
}

static cf_result note_read(generator *g, uint32_t slot)
{
    for (uint32_t i = g->reads_n; i > 0 && g->reads_n - i < 16; i--) {
        if (g->reads[i - 1] == slot) {
            return cf_ok(); /* of the latest ones; a slot read again much later stands twice */
        }
    }
    uint32_t *reads = cf_cel_grow(g->c->arena, g->reads, sizeof *reads, g->reads_n, &g->reads_cap);
    if (reads == NULL) {
        return no_memory(g);
    }
    g->reads = reads;
    reads[g->reads_n++] = slot;
    return cf_ok();
}

static bool is_constant(const pending *p)
{
    return (p->operand & 3) == CF_CEL_IN_CONSTANTS && !p->optional;
}

static const cf_cel_value *constant_of(const generator *g, const pending *p)
{
    return &g->constants[p->operand >> 2];
}

/* ---- jumps, catchers, constructs ---- */

static void label(generator *g)
{
    g->label = g->code_n;
}

/* Emits a jump to the end of the construct. */
static cf_result emit_exit(generator *g, cf_cel_op op, uint32_t dst, uint32_t a, construct *o)
{
    CF_TRY(emit(g, op, dst, a, o->jumps));
    o->jumps = g->code_n;
    return cf_ok();
}

/* Here the construct ends. */
static void land(generator *g, const construct *o)
{
    for (uint32_t i = o->jumps; i > 0;) {
        uint32_t next = g->code[i - 1].b;
        g->code[i - 1].b = g->code_n;
        i = next;
    }
    label(g);
}

static cf_result construct_push(generator *g, uint32_t reg)
{
    construct *open = cf_cel_grow(g->c->arena, g->open, sizeof *open, g->open_n, &g->open_cap);
    if (open == NULL) {
        return no_memory(g);
    }
    g->open = open;
    open[g->open_n++] = (construct){reg, 0, g->catcher, g->code_n};
    return cf_ok();
}

static construct *construct_top(const generator *g)
{
    return &g->open[g->open_n - 1];
}

/* From here on errors go to reg. The target is set with catch_here. */
static cf_result catch_into(generator *g, uint32_t reg)
{
    cf_cel_catcher *catchers =
        cf_cel_grow(g->c->arena, g->catchers, sizeof *catchers, g->catchers_n, &g->catchers_cap);
    if (catchers == NULL) {
        return no_memory(g);
    }
    if (g->catchers_n >= UINT16_MAX) {
        return cf_cel_over_at(g->c, "instructions", g->offset);
    }
    g->catchers = catchers;
    catchers[g->catchers_n++] = (cf_cel_catcher){reg, 0};
    g->catcher = g->catchers_n;
    return cf_ok();
}

static void catch_here(generator *g, uint32_t catcher)
{
    g->catchers[catcher - 1].target = g->code_n;
    label(g);
}

/* reg = the operand. The instruction that made it writes there at once where nothing jumps behind it. */
static cf_result move_to(generator *g, uint32_t reg, const pending *p)
{
    uint32_t to = CF_CEL_OPERAND(CF_CEL_IN_REGISTER, reg);
    cf_cel_instr *last = g->code_n > g->label ? &g->code[g->code_n - 1] : NULL;
    if (p->operand == to) {
        return cf_ok();
    }
    bool simple = last != NULL && last->op >= CF_CEL_OP_NOT && last->op <= CF_CEL_OP_MAP;
    if (simple && p->operand == CF_CEL_OPERAND(CF_CEL_IN_REGISTER, last->dst)) {
        last->dst = reg;
        return cf_ok();
    }
    return emit(g, CF_CEL_OP_MOVE, reg, p->operand, 0);
}

/* Ends a construct whose outcome is in its register; start: of the code that belongs to it. */
static void construct_end(generator *g, uint32_t start)
{
    construct o = g->open[--g->open_n];
    g->used = o.reg;
    (void)take_register(g);
    push_at(g, CF_CEL_OPERAND(CF_CEL_IN_REGISTER, o.reg), o.reg, start);
}

/* ---- && and || ---- */

static cf_result gen_logic_next(generator *g, const cf_cel_node *n)
{
    bool and = n->kind == CF_CEL_N_AND_NEXT;
    pending p = pop(g);
    if ((n->flags & CF_CEL_F_FIRST) != 0) {
        CF_TRY(construct_push(g, p.mark));
        construct_top(g)->begin = p.start;
        /* the first operand stands before anybody knew of the group */
        uint32_t outer = g->catcher;
        CF_TRY(catch_into(g, p.mark));
        for (uint32_t i = p.start; i < g->code_n; i++) {
            if (g->code[i].catcher == outer) {
                g->code[i].catcher = (uint16_t)g->catcher;
            }
        }
        g->used = p.mark;
        (void)take_register(g);
        CF_TRY(emit_exit(g, and? CF_CEL_OP_AND_FIRST : CF_CEL_OP_OR_FIRST, p.mark, p.operand,
                         construct_top(g)));
    } else {
        CF_TRY(emit_exit(g, and? CF_CEL_OP_AND_TEST : CF_CEL_OP_OR_TEST, construct_top(g)->reg,
                         p.operand, construct_top(g)));
    }
    uint32_t reg = construct_top(g)->reg;
    g->used = reg + 1;
    catch_here(g, g->catcher);
    return catch_into(g, reg);
}

static cf_result gen_logic_end(generator *g, const cf_cel_node *n)
{
    pending p = pop(g);
    construct *o = construct_top(g);
    uint32_t catcher = g->catcher, begin = o->begin;
    g->catcher = o->catcher;
    CF_TRY(emit_exit(g, n->kind == CF_CEL_N_AND_END ? CF_CEL_OP_AND_LAST : CF_CEL_OP_OR_LAST,
                     o->reg, p.operand, o));
    catch_here(g, catcher);
    CF_TRY(emit(g, CF_CEL_OP_RAISE, o->reg, 0, 0));
    land(g, o);
    construct_end(g, begin);
    return cf_ok();
}

/* ---- conditions ---- */

static cf_result gen_condition(generator *g, const cf_cel_node *n)
{
    pending p = pop(g);
    if (n->kind == CF_CEL_N_COND_THEN) {
        CF_TRY(construct_push(g, p.mark));
        construct_top(g)->begin = p.start;
        g->used = p.mark;
        return emit_exit(g, CF_CEL_OP_BRANCH, 0, p.operand, construct_top(g));
    }
    construct *o = construct_top(g);
    if (g->registers == o->reg) {
        g->registers++; /* the outcome has a register even where both sides are constants */
    }
    CF_TRY(move_to(g, o->reg, &p));
    g->used = o->reg;
    if (n->kind == CF_CEL_N_COND_ELSE) {
        uint32_t branch = o->jumps;
        o->jumps = 0;
        CF_TRY(emit_exit(g, CF_CEL_OP_JUMP, 0, 0, o));
        g->code[branch - 1].b = g->code_n;
        label(g);
        return cf_ok();
    }
    uint32_t begin = o->begin;
    land(g, o);
    construct_end(g, begin);
    return cf_ok();
}

/* ---- loops ---- */

static cf_result gen_loop_begin(generator *g, const cf_cel_node *n)
{
    pending p = pop(g);
    const cf_cel_loop *loop = &g->tape->loops[n->a];
    cf_cel_loop_code *code = &g->loops[n->a];
    CF_TRY(construct_push(g, p.mark));
    construct *o = construct_top(g);
    o->begin = p.start;
    g->used = p.mark;
    *code = (cf_cel_loop_code){.macro = loop->macro, .two = loop->two, .result = take_register(g)};
    for (uint32_t i = 0; i < (loop->two ? 2u : 1u); i++) {
        code->var[i] = take_register(g);
        g->locals[loop->local[i]] = code->var[i];
    }
    CF_TRY(emit(g, CF_CEL_OP_LOOP_BEGIN, n->a, p.operand, 0));
    code->top = g->code_n;
    CF_TRY(emit_exit(g, CF_CEL_OP_LOOP_STEP, n->a, 0, o));
    label(g);
    if (loop->macro == CF_CEL_ALL || loop->macro == CF_CEL_EXISTS) {
        CF_TRY(catch_into(g, o->reg));
        g->catchers[g->catcher - 1].target = code->top;
    }
    return cf_ok();
}

static cf_result gen_loop_keep(generator *g, const cf_cel_node *n)
{
    pending p = pop(g);
    g->used = p.mark;
    CF_TRY(emit(g, CF_CEL_OP_LOOP_KEEP, 0, p.operand, g->loops[n->a].top));
    label(g);
    return cf_ok();
}

static cf_result gen_loop_end(generator *g, const cf_cel_node *n)
{
    static const uint8_t TAKE[] = {
        [CF_CEL_ALL] = CF_CEL_OP_LOOP_ALL,
        [CF_CEL_EXISTS] = CF_CEL_OP_LOOP_EXISTS,
        [CF_CEL_EXISTS_ONE] = CF_CEL_OP_LOOP_COUNT,
        [CF_CEL_FILTER] = CF_CEL_OP_LOOP_FILTER,
        [CF_CEL_MAP_LIST] = CF_CEL_OP_LOOP_PUSH,
        [CF_CEL_TRANSFORM_MAP] = CF_CEL_OP_LOOP_PUT,
        [CF_CEL_SORT_BY] = CF_CEL_OP_LOOP_PUSH,
        [CF_CEL_TRANSFORM_MAP_ENTRY] = CF_CEL_OP_LOOP_PUT_ENTRY,
    };
    pending p = pop(g);
    cf_cel_loop_code *loop = &g->loops[n->a];
    construct *o = construct_top(g);
    CF_TRY(emit(g, (cf_cel_op)TAKE[loop->macro], n->a, p.operand, loop->top));
    loop->cost = g->code_n - loop->top;
    g->catcher = o->catcher;
    land(g, o);
    CF_TRY(emit(g, CF_CEL_OP_LOOP_END, n->a, 0, 0));
    construct_end(g, o->begin);
    return cf_ok();
}

/* ---- cel.bind, optionals ---- */

static cf_result gen_bind(generator *g, const cf_cel_node *n)
{
    if (n->kind == CF_CEL_N_BIND_INIT) {
        uint32_t reg = take_register(g);
        CF_TRY(construct_push(g, reg));
        g->locals[n->a] = reg;
        return catch_into(g, reg);
    }
    pending p = pop(g);
    construct *o = construct_top(g);
    if (n->kind == CF_CEL_N_BIND_BODY) {
        CF_TRY(move_to(g, o->reg, &p));
        catch_here(g, g->catcher);
        g->catcher = o->catcher;
        g->used = o->reg + 1;
        return cf_ok();
    }
    CF_TRY(move_to(g, o->reg, &p));
    construct_end(g, o->begin);
    return cf_ok();
}

static cf_result gen_or_else(generator *g, const cf_cel_node *n)
{
    bool value = (n->flags & CF_CEL_F_VALUE) != 0;
    pending p = pop(g);
    if (n->kind == CF_CEL_N_ORELSE_NEXT) {
        CF_TRY(construct_push(g, p.mark));
        construct_top(g)->begin = p.start;
        g->used = p.mark;
        (void)take_register(g);
        return emit_exit(g, value ? CF_CEL_OP_OR_VALUE : CF_CEL_OP_OR_ELSE, p.mark, p.operand,
                         construct_top(g));
    }
    construct *o = construct_top(g);
    CF_TRY(value ? move_to(g, o->reg, &p) : emit(g, CF_CEL_OP_OPTIONAL, o->reg, p.operand, 0));
    uint32_t begin = o->begin;
    land(g, o);
    construct_end(g, begin);
    return cf_ok();
}

static cf_result gen_with(generator *g, const cf_cel_node *n)
{
    pending p = pop(g);
    if (n->kind == CF_CEL_N_WITH_BEGIN) {
        CF_TRY(construct_push(g, p.mark));
        construct_top(g)->begin = p.start;
        g->used = p.mark;
        uint32_t reg = take_register(g);
        g->locals[n->a] = take_register(g);
        CF_TRY(emit_exit(g, CF_CEL_OP_WITH, reg, p.operand, construct_top(g)));
        label(g);
        return cf_ok();
    }
    construct *o = construct_top(g);
    bool value = (n->flags & CF_CEL_F_VALUE) != 0;
    CF_TRY(emit(g, value ? CF_CEL_OP_OPTIONAL_OF : CF_CEL_OP_OPTIONAL, o->reg, p.operand, 0));
    uint32_t begin = o->begin;
    land(g, o);
    construct_end(g, begin);
    return cf_ok();
}

/* ---- calls and literals ---- */

/* Pops n operands; *ret is what their outcome replaces. The operands go to the table at *ret_first. */
static cf_result pop_operands(generator *g, uint32_t n, pending *ret, uint32_t *ret_first)
{
    *ret_first = g->operands_n;
    g->stack_n -= n;
    *ret = n > 0 ? g->stack[g->stack_n] : (pending){0, g->used, g->code_n, false};
    for (uint32_t i = 0; i < n; i++) {
        CF_TRY(operand_add(g, &g->stack[g->stack_n + i]));
    }
    return cf_ok();
}

static bool all_constant(const generator *g, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!is_constant(&g->stack[g->stack_n - n + i])) {
            return false;
        }
    }
    return true;
}

/* True if the n constants at p stand in their array one after the other. */
static bool in_a_row(const pending *p, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        if (p[i].operand >> 2 != (p[0].operand >> 2) + i) {
            return false;
        }
    }
    return n > 0;
}

/* A list of constants is a constant: its items stand in the constants' array one after the other, and the list says where. */
static cf_result gen_constant_list(generator *g, uint32_t n)
{
    uint32_t first = g->constants_n, unused, operand;
    g->stack_n -= n;
    pending p = n > 0 ? g->stack[g->stack_n] : (pending){0, g->used, g->code_n, false};
    if (in_a_row(&g->stack[g->stack_n], n)) {
        first = p.operand >> 2;
    } else {
        for (uint32_t i = 0; i < n; i++) {
            cf_cel_value v = *constant_of(g, &g->stack[g->stack_n + i]);
            CF_TRY(constant(g, &v, &unused));
        }
    }
    cf_cel_value list = {.kind = CF_CEL_LIST, .len = n, .u = first};
    CF_TRY(constant(g, &list, &operand));
    push_at(g, operand, p.mark, p.start);
    return cf_ok();
}

static cf_result gen_literal(generator *g, const cf_cel_node *n)
{
    bool list = n->kind == CF_CEL_N_LIST;
    uint32_t count = list ? n->n : 2 * n->n, first;
    if (list && all_constant(g, count)) {
        return gen_constant_list(g, count);
    }
    pending p;
    CF_TRY(pop_operands(g, count, &p, &first));
    return emit(g, list ? CF_CEL_OP_LIST : CF_CEL_OP_MAP, push_result(g, &p), first, count);
}

/* What one call of constants may cost, of the compilation's steps. */
#define FOLD_STEPS_MAX 1000u

/* Takes steps from those of the compilation; false when they are used up. */
static bool spend(generator *g, uint64_t steps)
{
    bool enough = steps <= g->steps;
    g->steps = enough ? g->steps - steps : 0;
    return enough;
}

/* Scalars and text can be folded; text must not lie in memory that goes. Its octets are paid for even where the call made none of them,
 * for each constant has its own in the program. */
static bool fold(generator *g, const cf_cel_group *group, uint32_t n, cf_cel_value *ret)
{
    cf_cel_value args[CF_CEL_PARAMS_MAX];
    if (group == NULL || n == 0 || n > CF_CEL_PARAMS_MAX || !all_constant(g, n)) {
        return false;
    }
    for (uint32_t i = 0; i < group->n; i++) {
        if (group->overloads[i].flags != 0) {
            return false;
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        args[i] = *constant_of(g, &g->stack[g->stack_n - n + i]);
        if (args[i].kind == CF_CEL_LIST) {
            return false;
        }
    }
    uint64_t steps = g->steps < FOLD_STEPS_MAX ? g->steps : FOLD_STEPS_MAX;
    cf_cel_run run = {.arena = g->c->arena, .steps = steps, .budget = &g->c->opt.budget};
    cf_err err = cf_cel_dispatch(&run, group, args, n, ret);
    bool text = err == CF_OK && (ret->kind == CF_CEL_STRING || ret->kind == CF_CEL_BYTES);
    return spend(g, 1 + steps - run.steps + (text ? ret->len / 16 : 0)) && err == CF_OK &&
           (ret->kind <= CF_CEL_BYTES || ret->kind == CF_CEL_TIMESTAMP ||
            ret->kind == CF_CEL_DURATION);
}

/* Functions with an instruction of their own, as long as the environment adds no overloads to them. */
static cf_cel_op call_op(const cf_cel_group *group)
{
    static const struct {
        const char *name;
        uint32_t params;
        cf_cel_op op;
    } OPS[] = {{"size", 1, CF_CEL_OP_SIZE},
               {"contains", 2, CF_CEL_OP_CONTAINS},
               {"startsWith", 2, CF_CEL_OP_STARTS_WITH},
               {"endsWith", 2, CF_CEL_OP_ENDS_WITH}};
    for (size_t i = 0; i < sizeof OPS / sizeof OPS[0]; i++) {
        if (group->params == OPS[i].params && (group->member || OPS[i].params == 1) &&
            cf_view_eq(group->name, cf_view_str(OPS[i].name))) {
            return OPS[i].op;
        }
    }
    return CF_CEL_OP_CALL;
}

/* What core/regex counts as work, of which lib_regex.c charges as much for one step. */
#define PATTERN_WORK_PER_STEP 4

/* Compiles the constant pattern of a call. In a checked program a bad one is told now, else when it is met, and so is what the steps of
 * the compilation do not suffice for. */
static cf_result site_pattern(generator *g, cf_cel_site *site, uint32_t n)
{
    const pending *p = &g->stack[g->stack_n - n + 1];
    if (n < 2 || (site->group->overloads[0].flags & CF_CEL_PATTERN) == 0 || !is_constant(p) ||
        constant_of(g, p)->kind != CF_CEL_STRING) {
        return cf_ok();
    }
    cf_regex_limits limits = {.instructions_max = g->c->opt.budget.regex_instructions,
                              .no_dfa = !g->c->opt.tables};
    uint64_t work = g->steps * PATTERN_WORK_PER_STEP;
    cf_result r = cf_regex_compile_within(cf_cel_text(constant_of(g, p)), &limits, &work,
                                          &site->pattern, NULL);
    g->steps = work / PATTERN_WORK_PER_STEP;
    if (cf_is_ok(r)) {
        g->pattern_bytes += cf_regex_bytes(site->pattern);
        return g->pattern_bytes > CF_CEL_PATTERNS_BYTES_MAX
                   ? cf_cel_over_at(g->c, "regex_instructions", g->offset)
                   : r;
    }
    if (r.code == CF_ERR_BUDGET || (g->c->opt.unchecked && r.code != CF_ERR_NO_MEMORY)) {
        return cf_ok();
    }
    bool over = r.code == CF_ERR_SIZE || r.code == CF_ERR_DEPTH;
    return over ? cf_cel_over_at(g->c, "regex_instructions", g->offset)
                : cf_cel_fail_at(g->c, r.code == CF_ERR_NO_MEMORY ? r.code : CF_ERR_PATTERN,
                                 g->offset);
}

static cf_result gen_call(generator *g, const cf_cel_node *n)
{
    cf_cel_value v;
    pending p;
    if (fold(g, n->group, n->n, &v)) {
        uint32_t operand;
        g->stack_n -= n->n;
        p = g->stack[g->stack_n];
        CF_TRY(constant(g, &v, &operand));
        push_at(g, operand, p.mark, p.start);
        return cf_ok();
    }
    cf_cel_site *sites =
        cf_cel_grow(g->c->arena, g->sites, sizeof *sites, g->sites_n, &g->sites_cap);
    if (sites == NULL) {
        return no_memory(g);
    }
    g->sites = sites;
    cf_cel_site *site = &sites[g->sites_n];
    *site = (cf_cel_site){.group = n->group, .n = n->n};
    bool known = n->group != NULL && n->n <= CF_CEL_PARAMS_MAX;
    if (known) {
        g->sites_n++; /* its pattern is freed with the others whatever comes */
        CF_TRY(site_pattern(g, site, n->n));
    }
    CF_TRY(pop_operands(g, n->n, &p, &site->args));
    return known
               ? emit(g, call_op(n->group), push_result(g, &p), g->sites_n - 1, 0)
               : emit(g, CF_CEL_OP_FAIL, push_result(g, &p), n->a != 0 ? n->a : CF_ERR_CEL_TYPE, 0);
}

/* ---- nodes ---- */

static cf_result gen_leaf(generator *g, const cf_cel_node *n)
{
    pending here = {0, g->used, g->code_n, false};
    switch (n->kind) {
    case CF_CEL_N_CONST:
        push_operand(g, CF_CEL_IN_CONSTANTS, n->a);
        return cf_ok();
    case CF_CEL_N_VAR:
        push_operand(g, CF_CEL_IN_VARIABLES, n->a);
        return note_read(g, n->a);
    case CF_CEL_N_LOCAL:
        push_operand(g, CF_CEL_IN_REGISTER, g->locals[n->a]);
        return cf_ok();
    default:
        return emit(g, CF_CEL_OP_FAIL, push_result(g, &here), CF_ERR_CEL_NAME, 0);
    }
}

static cf_result gen_field(generator *g, const cf_cel_node *n)
{
    static const uint8_t OPS[] = {[CF_CEL_N_SELECT] = CF_CEL_OP_SELECT,
                                  [CF_CEL_N_OPT_SELECT] = CF_CEL_OP_OPT_SELECT,
                                  [CF_CEL_N_HAS] = CF_CEL_OP_HAS};
    uint32_t name;
    cf_cel_value text = cf_cel_string(cf_view_sub(g->tape->source, n->a, n->n));
    CF_TRY(constant(g, &text, &name));
    pending p = pop(g);
    return emit(g, (cf_cel_op)OPS[n->kind], push_result(g, &p), p.operand, name);
}

static cf_result gen_operator(generator *g, const cf_cel_node *n)
{
    pending b = {0, 0, 0, false};
    if (n->kind >= CF_CEL_N_ADD) {
        b = pop(g);
    }
    pending a = pop(g);
    uint32_t op = n->kind >= CF_CEL_N_ADD ? n->kind - CF_CEL_N_ADD + CF_CEL_OP_ADD
                                          : n->kind - CF_CEL_N_NOT + CF_CEL_OP_NOT;
    return emit(g, (cf_cel_op)op, push_result(g, &a), a.operand, b.operand);
}

static cf_result gen_message(generator *g, const cf_cel_node *n)
{
    pending p;
    uint32_t unused;
    CF_TRY(pop_operands(g, n->n, &p, &unused));
    return emit(g, CF_CEL_OP_FAIL, push_result(g, &p), CF_ERR_CEL_NAME, 0);
}

static cf_result gen_mark_optional(generator *g, const cf_cel_node *n)
{
    (void)n;
    g->stack[g->stack_n - 1].optional = true;
    return cf_ok();
}

static cf_result gen_node(generator *g, const cf_cel_node *n)
{
    static cf_result (*const BY_KIND[])(generator *, const cf_cel_node *) = {
        [CF_CEL_N_CONST] = gen_leaf,
        [CF_CEL_N_VAR] = gen_leaf,
        [CF_CEL_N_LOCAL] = gen_leaf,
        [CF_CEL_N_UNKNOWN] = gen_leaf,
        [CF_CEL_N_NOT] = gen_operator,
        [CF_CEL_N_NEG] = gen_operator,
        [CF_CEL_N_SELECT] = gen_field,
        [CF_CEL_N_OPT_SELECT] = gen_field,
        [CF_CEL_N_HAS] = gen_field,
        [CF_CEL_N_ADD] = gen_operator,
        [CF_CEL_N_SUB] = gen_operator,
        [CF_CEL_N_MUL] = gen_operator,
        [CF_CEL_N_DIV] = gen_operator,
        [CF_CEL_N_MOD] = gen_operator,
        [CF_CEL_N_EQ] = gen_operator,
        [CF_CEL_N_NE] = gen_operator,
        [CF_CEL_N_LT] = gen_operator,
        [CF_CEL_N_LE] = gen_operator,
        [CF_CEL_N_GT] = gen_operator,
        [CF_CEL_N_GE] = gen_operator,
        [CF_CEL_N_IN] = gen_operator,
        [CF_CEL_N_INDEX] = gen_operator,
        [CF_CEL_N_OPT_INDEX] = gen_operator,
        [CF_CEL_N_CALL] = gen_call,
        [CF_CEL_N_LIST] = gen_literal,
        [CF_CEL_N_MAP] = gen_literal,
        [CF_CEL_N_MESSAGE] = gen_message,
        [CF_CEL_N_OPTIONAL_ELEMENT] = gen_mark_optional,
        [CF_CEL_N_OPTIONAL_ENTRY] = gen_mark_optional,
        [CF_CEL_N_AND_NEXT] = gen_logic_next,
        [CF_CEL_N_AND_END] = gen_logic_end,
        [CF_CEL_N_OR_NEXT] = gen_logic_next,
        [CF_CEL_N_OR_END] = gen_logic_end,
        [CF_CEL_N_COND_THEN] = gen_condition,
        [CF_CEL_N_COND_ELSE] = gen_condition,
        [CF_CEL_N_COND_END] = gen_condition,
        [CF_CEL_N_LOOP_BEGIN] = gen_loop_begin,
        [CF_CEL_N_LOOP_KEEP] = gen_loop_keep,
        [CF_CEL_N_LOOP_END] = gen_loop_end,
        [CF_CEL_N_BIND_INIT] = gen_bind,
        [CF_CEL_N_BIND_BODY] = gen_bind,
        [CF_CEL_N_BIND_END] = gen_bind,
        [CF_CEL_N_ORELSE_NEXT] = gen_or_else,
        [CF_CEL_N_ORELSE_END] = gen_or_else,
        [CF_CEL_N_WITH_BEGIN] = gen_with,
        [CF_CEL_N_WITH_END] = gen_with,
    };
    g->offset = n->offset;
    return BY_KIND[n->kind](g, n);
}

static cf_result prepare(generator *g)
{
    uint32_t n = g->tape->n;
    /* others come behind them, in an array that grows elsewhere */
    g->constants = g->tape->constants;
    g->constants_n = g->tape->constants_n;
    g->constants_cap = g->tape->constants_n;
    CF_TRY(grow_code(g, n + 1)); /* most expressions need no more */
    g->stack = cf_arena_new(g->c->arena, n, sizeof *g->stack);
    g->loops = cf_arena_new(g->c->arena, g->tape->loops_n, sizeof *g->loops);
    g->locals = cf_arena_new(g->c->arena, g->tape->locals, sizeof *g->locals);
    return g->stack == NULL || g->loops == NULL || g->locals == NULL ? no_memory(g) : cf_ok();
}

static cf_result generate(generator *g, cf_view type, cf_cel_program **ret)
{
    CF_TRY(prepare(g));
    for (uint32_t i = 0; i < g->tape->n; i++) {
        CF_TRY(gen_node(g, &g->tape->nodes[i]));
    }
    CF_TRY(emit(g, CF_CEL_OP_RETURN, 0, pop(g).operand, 0));
    return cf_cel_program_make(g, type, ret);
}

CF_MUST_USE cf_result cf_cel_generate(cf_cel_compilation *c, const cf_cel_tape *tape, cf_view type,
                                      cf_cel_program **ret)
{
    generator g = {.c = c, .tape = tape, .steps = c->opt.budget.compile_steps};
    *ret = NULL;
    cf_result r = generate(&g, type, ret);
    if (!cf_is_ok(r)) {
        for (uint32_t i = 0; i < g.sites_n; i++) {
            cf_regex_free(&g.sites[i].pattern);
        }
    }
    return r;
}
