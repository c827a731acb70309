/* SPDX-License-Identifier: Apache-2.0 */
/* The macros over lists and maps. What a loop gathers is its own until it ends, so it may grow in place. */
#include "core/cel/eval_priv.h"

static const cf_cel_loop_code *loop_of(const cf_cel_machine *m, const cf_cel_instr *i)
{
    return &m->program->loops[i->dst];
}

cf_err cf_cel_op_loop_begin(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *range = cf_cel_operand(m, i->a);
    const cf_cel_loop_code *loop = loop_of(m, i);
    cf_cel_turn *t = &m->turns[i->dst];
    if (range->kind == CF_CEL_LIST) {
        *t = (cf_cel_turn){.items = range->items, .n = range->len, .stride = 1};
    } else if (range->kind == CF_CEL_MAP && loop->macro != CF_CEL_SORT_BY) {
        *t = (cf_cel_turn){.items = range->map->entries, .n = range->map->count, .stride = 2};
    } else {
        return cf_cel_refuse(m, range, NULL);
    }
    m->registers[loop->result] = cf_cel_bool(loop->macro == CF_CEL_ALL);
    bool map = loop->macro == CF_CEL_TRANSFORM_MAP || loop->macro == CF_CEL_TRANSFORM_MAP_ENTRY;
    return map ? cf_cel_map_new(&m->run, t->n, &t->map).code : CF_OK;
}

cf_err cf_cel_op_loop_step(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_loop_code *loop = loop_of(m, i);
    cf_cel_turn *t = &m->turns[i->dst];
    if (t->at == t->n) {
        cf_cel_jump(m, i->b);
        return CF_OK;
    }
    const cf_cel_value *item = &t->items[(size_t)t->at * t->stride];
    if (loop->two) {
        m->registers[loop->var[0]] = t->stride == 1 ? cf_cel_int(t->at) : item[0];
        m->registers[loop->var[1]] = item[t->stride - 1];
    } else {
        m->registers[loop->var[0]] = *item;
    }
    t->at++;
    return cf_cel_charge(&m->run, loop->cost).code;
}

cf_err cf_cel_op_loop_keep(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a);
    if (a->kind != CF_CEL_BOOL) {
        return cf_cel_refuse(m, a, NULL);
    }
    if (!a->b) {
        cf_cel_jump(m, i->b);
    }
    return CF_OK;
}

/* all and exists: what decides ends the loop, an error waits for it in the result's register. */
cf_err cf_cel_op_loop_fold(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a);
    if (a->kind != CF_CEL_BOOL) {
        return cf_cel_refuse(m, a, NULL);
    }
    if (a->b == (i->op == CF_CEL_OP_LOOP_EXISTS)) {
        m->registers[loop_of(m, i)->result] = *a;
        m->turns[i->dst].at = m->turns[i->dst].n;
    }
    cf_cel_jump(m, i->b);
    return CF_OK;
}

cf_err cf_cel_op_loop_count(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a);
    if (a->kind != CF_CEL_BOOL) {
        return cf_cel_refuse(m, a, NULL);
    }
    m->turns[i->dst].count += a->b;
    cf_cel_jump(m, i->b);
    return CF_OK;
}

static cf_err push(cf_cel_machine *m, const cf_cel_instr *i, const cf_cel_value *v)
{
    cf_cel_items *l = &m->turns[i->dst].taken;
    cf_cel_jump(m, i->b);
    if (l->count < l->cap) {
        l->items[l->count++] = *v;
        return CF_OK;
    }
    return cf_cel_items_push(&m->run, l, v).code;
}

cf_err cf_cel_op_loop_filter(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a);
    if (a->kind != CF_CEL_BOOL) {
        return cf_cel_refuse(m, a, NULL);
    }
    if (a->b) {
        return push(m, i, &m->registers[loop_of(m, i)->var[0]]);
    }
    cf_cel_jump(m, i->b);
    return CF_OK;
}

cf_err cf_cel_op_loop_push(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a);
    return cf_cel_is_value(a) ? push(m, i, a) : cf_cel_refuse(m, a, NULL);
}

cf_err cf_cel_op_loop_put(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a);
    if (!cf_cel_is_value(a)) {
        return cf_cel_refuse(m, a, NULL);
    }
    cf_cel_jump(m, i->b);
    return cf_cel_map_put(&m->run, m->turns[i->dst].map, &m->registers[loop_of(m, i)->var[0]], a)
        .code;
}

cf_err cf_cel_op_loop_put_entry(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a);
    cf_err err = CF_OK;
    if (a->kind != CF_CEL_MAP) {
        return cf_cel_refuse(m, a, NULL);
    }
    cf_cel_jump(m, i->b);
    for (uint32_t n = 0; n < a->map->count && err == CF_OK; n++) {
        const cf_cel_value *entry = &a->map->entries[2 * n];
        err = cf_cel_map_put(&m->run, m->turns[i->dst].map, &entry[0], &entry[1]).code;
    }
    return err;
}

cf_err cf_cel_op_loop_end(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_loop_code *loop = loop_of(m, i);
    const cf_cel_turn *t = &m->turns[i->dst];
    cf_cel_value *to = &m->registers[loop->result];
    switch ((cf_cel_macro)loop->macro) {
    case CF_CEL_ALL:
    case CF_CEL_EXISTS:
        return to->kind == CF_CEL_ERROR ? cf_cel_refuse(m, to, NULL) : CF_OK;
    case CF_CEL_EXISTS_ONE:
        *to = cf_cel_bool(t->count == 1);
        return CF_OK;
    case CF_CEL_FILTER:
    case CF_CEL_MAP_LIST:
        *to = cf_cel_items_list(&t->taken);
        return CF_OK;
    case CF_CEL_TRANSFORM_MAP:
    case CF_CEL_TRANSFORM_MAP_ENTRY:
        *to = cf_cel_map_value(t->map);
        return CF_OK;
    case CF_CEL_SORT_BY:
        break;
    }
    return cf_cel_sort_by(&m->run, t->items, t->taken.items, t->n, to).code;
}
