/* SPDX-License-Identifier: Apache-2.0 */
/* The evaluator: one instruction after the other, and the way an error takes. */
#include "core/cel/eval_priv.h"

static cf_err op_move(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a);
    if (!cf_cel_is_value(a)) {
        return cf_cel_refuse(m, a, NULL);
    }
    m->registers[i->dst] = *a;
    return CF_OK;
}

static cf_err op_jump(cf_cel_machine *m, const cf_cel_instr *i)
{
    cf_cel_jump(m, i->b);
    return CF_OK;
}

static cf_err op_return(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a);
    return cf_cel_is_value(a) ? CF_CEL_DONE : cf_cel_refuse(m, a, NULL);
}

static cf_err op_fail(cf_cel_machine *m, const cf_cel_instr *i)
{
    (void)m;
    return (cf_err)i->a;
}

static cf_err op_raise(cf_cel_machine *m, const cf_cel_instr *i)
{
    return cf_cel_refuse(m, &m->registers[i->dst], NULL);
}

/* ---- && || ?: ---- */

/* The three forms of one operator stand side by side: first, test, last. decisive: false of &&, true of ||. */
static cf_err logic(cf_cel_machine *m, const cf_cel_instr *i, cf_cel_op first, bool decisive)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a);
    cf_cel_value *to = &m->registers[i->dst];
    if (a->kind != CF_CEL_BOOL) {
        return cf_cel_refuse(m, a, NULL);
    }
    bool last = i->op == first + 2;
    if (a->b == decisive || last) {
        if (a->b != decisive && to->kind == CF_CEL_ERROR) {
            return cf_cel_refuse(m, to, NULL);
        }
        *to = *a;
        cf_cel_jump(m, i->b);
    } else if (i->op == first) {
        *to = *a;
    }
    return CF_OK;
}

static cf_err op_and(cf_cel_machine *m, const cf_cel_instr *i)
{
    return logic(m, i, CF_CEL_OP_AND_FIRST, false);
}

static cf_err op_or(cf_cel_machine *m, const cf_cel_instr *i)
{
    return logic(m, i, CF_CEL_OP_OR_FIRST, true);
}

/* ---- calls ---- */

CF_MUST_USE cf_err cf_cel_dispatch(cf_cel_run *run, const cf_cel_group *group,
                                   const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    for (uint32_t o = 0; o < group->n; o++) {
        const cf_cel_overload *overload = &group->overloads[o];
        uint32_t k = 0;
        while (k < n && (overload->signature.kinds[k] >> args[k].kind & 1) != 0) {
            k++;
        }
        if (k == n) {
            return overload->impl != NULL ? overload->impl(run, args, n, ret).code
                                          : CF_ERR_CEL_NAME;
        }
    }
    return CF_ERR_CEL_TYPE;
}

static cf_err op_call(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_site *site = &m->program->sites[i->a];
    cf_cel_value args[CF_CEL_PARAMS_MAX], v = {.kind = CF_CEL_UNSET};
    for (uint32_t k = 0; k < site->n; k++) {
        args[k] = *cf_cel_operand(m, m->program->operands[site->args + k]);
        if (!cf_cel_is_value(&args[k])) {
            return cf_cel_refuse(m, &args[k], NULL);
        }
    }
    m->run.pattern = site->pattern;
    cf_err err = cf_cel_charge(&m->run, 1).code;
    if (err == CF_OK) {
        err = cf_cel_dispatch(&m->run, site->group, args, site->n, &v);
    }
    if (err == CF_OK) {
        m->registers[i->dst] = v;
    }
    return err;
}

static const cf_cel_value *site_operand(const cf_cel_machine *m, const cf_cel_instr *i, uint32_t n)
{
    return cf_cel_operand(m, m->program->operands[m->program->sites[i->a].args + n]);
}

static cf_err op_size(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = site_operand(m, i, 0);
    bool counted = a->kind == CF_CEL_LIST || a->kind == CF_CEL_BYTES ||
                   (a->kind == CF_CEL_STRING && (a->flags & CF_CEL_ASCII) != 0);
    if (!counted) {
        return op_call(m, i);
    }
    m->registers[i->dst] = cf_cel_int(a->len);
    return CF_OK;
}

/* startsWith and endsWith: nothing to charge, one comparison of what is shorter than a text that was paid for. */
static cf_err op_affix(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = site_operand(m, i, 0), *b = site_operand(m, i, 1);
    if (a->kind != CF_CEL_STRING || b->kind != CF_CEL_STRING) {
        return op_call(m, i);
    }
    bool yes = b->len <= a->len;
    if (yes && b->len > 0) {
        size_t from = i->op == CF_CEL_OP_ENDS_WITH ? a->len - b->len : 0;
        yes = cf_view_eq(cf_view_make(a->s + from, b->len), cf_cel_text(b));
    }
    cf_err err = cf_cel_charge_text(&m->run, b->len).code;
    m->registers[i->dst] = cf_cel_bool(yes);
    return err;
}

/* ---- literals ---- */

static cf_err op_list(cf_cel_machine *m, const cf_cel_instr *i)
{
    cf_cel_items l = {NULL, 0, 0};
    cf_err err = cf_cel_items_reserve(&m->run, &l, i->b).code;
    for (uint32_t n = 0; n < i->b && err == CF_OK; n++) {
        uint32_t operand = m->program->operands[i->a + n];
        const cf_cel_value *v = cf_cel_operand(m, operand & ~CF_CEL_OPERAND_OPTIONAL);
        if ((operand & CF_CEL_OPERAND_OPTIONAL) != 0) {
            if (v->kind != CF_CEL_OPTIONAL) {
                return cf_cel_refuse(m, v, NULL);
            }
            v = v->items;
        }
        if (v != NULL) {
            err = cf_cel_is_value(v) ? cf_cel_items_push(&m->run, &l, v).code
                                     : cf_cel_refuse(m, v, NULL);
        }
    }
    if (err == CF_OK) {
        m->registers[i->dst] = cf_cel_items_list(&l);
    }
    return err;
}

static cf_err op_map(cf_cel_machine *m, const cf_cel_instr *i)
{
    cf_cel_map *map;
    cf_err err = cf_cel_map_new(&m->run, i->b / 2, &map).code;
    for (uint32_t n = 0; n < i->b && err == CF_OK; n += 2) {
        uint32_t operand = m->program->operands[i->a + n + 1];
        const cf_cel_value *k = cf_cel_operand(m, m->program->operands[i->a + n]);
        const cf_cel_value *v = cf_cel_operand(m, operand & ~CF_CEL_OPERAND_OPTIONAL);
        if (!cf_cel_is_value(k) || !cf_cel_is_value(v)) {
            return cf_cel_refuse(m, k, v);
        }
        if ((operand & CF_CEL_OPERAND_OPTIONAL) != 0) {
            if (v->kind != CF_CEL_OPTIONAL) {
                return CF_ERR_CEL_TYPE;
            }
            v = v->items;
        }
        err = v != NULL ? cf_cel_map_put(&m->run, map, k, v).code : CF_OK;
    }
    if (err == CF_OK) {
        m->registers[i->dst] = cf_cel_map_value(map);
    }
    return err;
}

/* ---- optionals ---- */

static cf_err op_or_else(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a);
    if (a->kind != CF_CEL_OPTIONAL) {
        return cf_cel_refuse(m, a, NULL);
    }
    if (a->items != NULL) {
        m->registers[i->dst] = i->op == CF_CEL_OP_OR_VALUE ? *a->items : *a;
        cf_cel_jump(m, i->b);
    }
    return CF_OK;
}

static cf_err op_with(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a);
    if (a->kind != CF_CEL_OPTIONAL) {
        return cf_cel_refuse(m, a, NULL);
    }
    if (a->items != NULL) {
        m->registers[i->dst + 1] = *a->items;
        return CF_OK;
    }
    m->registers[i->dst] = cf_cel_optional(NULL);
    cf_cel_jump(m, i->b);
    return CF_OK;
}

static cf_err op_optional_of(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a);
    cf_cel_value v;
    if (!cf_cel_is_value(a)) {
        return cf_cel_refuse(m, a, NULL);
    }
    cf_err err = cf_cel_optional_of(&m->run, a, &v).code;
    if (err == CF_OK) {
        m->registers[i->dst] = v;
    }
    return err;
}

static cf_err op_optional(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a);
    if (a->kind != CF_CEL_OPTIONAL) {
        return cf_cel_refuse(m, a, NULL);
    }
    m->registers[i->dst] = *a;
    return CF_OK;
}

/* ---- the machine ---- */

static const cf_cel_step STEPS[CF_CEL_OP_COUNT] = {
    [CF_CEL_OP_MOVE] = op_move,
    [CF_CEL_OP_JUMP] = op_jump,
    [CF_CEL_OP_RETURN] = op_return,
    [CF_CEL_OP_FAIL] = op_fail,
    [CF_CEL_OP_NOT] = cf_cel_op_not,
    [CF_CEL_OP_NEG] = cf_cel_op_neg,
    [CF_CEL_OP_SELECT] = cf_cel_op_select,
    [CF_CEL_OP_OPT_SELECT] = cf_cel_op_select,
    [CF_CEL_OP_HAS] = cf_cel_op_has,
    [CF_CEL_OP_ADD] = cf_cel_op_add,
    [CF_CEL_OP_SUB] = cf_cel_op_sub,
    [CF_CEL_OP_MUL] = cf_cel_op_mul,
    [CF_CEL_OP_DIV] = cf_cel_op_div,
    [CF_CEL_OP_MOD] = cf_cel_op_mod,
    [CF_CEL_OP_EQ] = cf_cel_op_equal,
    [CF_CEL_OP_NE] = cf_cel_op_equal,
    [CF_CEL_OP_LT] = cf_cel_op_order,
    [CF_CEL_OP_LE] = cf_cel_op_order,
    [CF_CEL_OP_GT] = cf_cel_op_order,
    [CF_CEL_OP_GE] = cf_cel_op_order,
    [CF_CEL_OP_IN] = cf_cel_op_in,
    [CF_CEL_OP_INDEX] = cf_cel_op_index,
    [CF_CEL_OP_OPT_INDEX] = cf_cel_op_index,
    [CF_CEL_OP_CALL] = op_call,
    [CF_CEL_OP_SIZE] = op_size,
    [CF_CEL_OP_CONTAINS] = op_call,
    [CF_CEL_OP_STARTS_WITH] = op_affix,
    [CF_CEL_OP_ENDS_WITH] = op_affix,
    [CF_CEL_OP_LIST] = op_list,
    [CF_CEL_OP_MAP] = op_map,
    [CF_CEL_OP_AND_FIRST] = op_and,
    [CF_CEL_OP_AND_TEST] = op_and,
    [CF_CEL_OP_AND_LAST] = op_and,
    [CF_CEL_OP_OR_FIRST] = op_or,
    [CF_CEL_OP_OR_TEST] = op_or,
    [CF_CEL_OP_OR_LAST] = op_or,
    [CF_CEL_OP_RAISE] = op_raise,
    [CF_CEL_OP_BRANCH] = cf_cel_op_loop_keep, /* false jumps, in both */
    [CF_CEL_OP_LOOP_BEGIN] = cf_cel_op_loop_begin,
    [CF_CEL_OP_LOOP_STEP] = cf_cel_op_loop_step,
    [CF_CEL_OP_LOOP_KEEP] = cf_cel_op_loop_keep,
    [CF_CEL_OP_LOOP_ALL] = cf_cel_op_loop_fold,
    [CF_CEL_OP_LOOP_EXISTS] = cf_cel_op_loop_fold,
    [CF_CEL_OP_LOOP_COUNT] = cf_cel_op_loop_count,
    [CF_CEL_OP_LOOP_FILTER] = cf_cel_op_loop_filter,
    [CF_CEL_OP_LOOP_PUSH] = cf_cel_op_loop_push,
    [CF_CEL_OP_LOOP_PUT] = cf_cel_op_loop_put,
    [CF_CEL_OP_LOOP_PUT_ENTRY] = cf_cel_op_loop_put_entry,
    [CF_CEL_OP_LOOP_END] = cf_cel_op_loop_end,
    [CF_CEL_OP_OR_ELSE] = op_or_else,
    [CF_CEL_OP_OR_VALUE] = op_or_else,
    [CF_CEL_OP_WITH] = op_with,
    [CF_CEL_OP_OPTIONAL_OF] = op_optional_of,
    [CF_CEL_OP_OPTIONAL] = op_optional,
};

/* Hands an error to who takes it, or fills *ret_error. A spent budget and missing memory go past everybody. */
static bool caught(cf_cel_machine *m, const cf_cel_instr *i, cf_err err, cf_cel_error *ret_error)
{
    uint32_t offset = m->elsewhere ? m->offset : m->program->offsets[i - m->program->code];
    m->elsewhere = false;
    if (i->catcher == 0 || err == CF_ERR_BUDGET || err == CF_ERR_NO_MEMORY) {
        *ret_error = (cf_cel_error){err, offset, err == CF_ERR_BUDGET ? m->run.over : NULL};
        return false;
    }
    const cf_cel_catcher *c = &m->program->catchers[i->catcher - 1];
    m->registers[c->reg] = (cf_cel_value){.kind = CF_CEL_ERROR, .len = (uint32_t)err, .u = offset};
    cf_cel_jump(m, c->target);
    return true;
}

static cf_result run(cf_cel_machine *m, cf_cel_value *ret, cf_cel_error *ret_error)
{
    for (;;) {
        const cf_cel_instr *i = m->next++;
        cf_err err = STEPS[i->op](m, i);
        if (CF_UNLIKELY(err != CF_OK)) {
            if (err == CF_CEL_DONE) {
                *ret = *cf_cel_operand(m, i->a);
                return cf_ok();
            }
            if (!caught(m, i, err, ret_error)) {
                return cf_fail(err);
            }
        }
    }
}

static cf_result start(cf_cel_machine *m, cf_cel_value *ret, cf_cel_error *ret_error)
{
    const cf_cel_program *p = m->program;
    void *registers = NULL, *turns = NULL;
    cf_result r = cf_cel_charge(&m->run, p->code_n);
    if (cf_is_ok(r) && p->registers > 0) {
        r = cf_cel_new(&m->run, p->registers * sizeof *m->registers, &registers);
    }
    if (cf_is_ok(r) && p->loops_n > 0) {
        r = cf_cel_new(&m->run, p->loops_n * sizeof *m->turns, &turns);
    }
    if (!cf_is_ok(r)) {
        *ret_error = (cf_cel_error){r.code, 0, m->run.over};
        return r;
    }
    m->registers = registers;
    m->turns = turns;
    m->in[CF_CEL_IN_REGISTER] = registers;
    return run(m, ret, ret_error);
}

static cf_result eval(const cf_cel_program *program, const cf_cel_value *variables,
                      cf_cel_host *host, const cf_cel_budget *budget, uint64_t *steps,
                      cf_arena *arena, cf_cel_value *ret, cf_cel_error *ret_error)
{
    cf_cel_machine m = {
        .run = {.arena = arena, .steps = *steps, .budget = budget, .host = host},
        .program = program,
        .next = program->code,
        .in = {[CF_CEL_IN_CONSTANTS] = program->constants, [CF_CEL_IN_VARIABLES] = variables},
    };
    *ret = (cf_cel_value){.kind = CF_CEL_UNSET};
    *ret_error = (cf_cel_error){CF_OK, 0, NULL};
    /* the arena's own bound may be the tighter one */
    size_t max = arena->max;
    if (budget->live_bytes < max - arena->used) {
        arena->max = arena->used + (size_t)budget->live_bytes;
    }
    cf_result r = start(&m, ret, ret_error);
    arena->max = max;
    *steps = m.run.steps;
    return r;
}

CF_MUST_USE cf_result cf_cel_eval(const cf_cel_program *program, const cf_cel_value *variables,
                                  cf_cel_host *host, const cf_cel_budget *budget, cf_arena *arena,
                                  cf_cel_value *ret, cf_cel_error *ret_error)
{
    cf_cel_budget own;
    if (budget != NULL) {
        own = cf_cel_budget_of(budget);
        budget = &own;
    } else {
        budget = &program->budget;
    }
    uint64_t steps = budget->steps;
    return eval(program, variables, host, budget, &steps, arena, ret, ret_error);
}

CF_MUST_USE cf_result cf_cel_eval_shared(const cf_cel_program *program,
                                         const cf_cel_value *variables, cf_cel_host *host,
                                         const cf_cel_budget *budget, uint64_t *steps,
                                         cf_arena *arena, cf_cel_value *ret,
                                         cf_cel_error *ret_error)
{
    cf_cel_budget own = budget != NULL ? cf_cel_budget_of(budget) : program->budget;
    return eval(program, variables, host, &own, steps, arena, ret, ret_error);
}
