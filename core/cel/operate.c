/* SPDX-License-Identifier: Apache-2.0 */
/* Operators: arithmetic, comparison, membership, selection. The common kinds first, in few instructions. */
#include <math.h>

#include "core/cel/eval_priv.h"
#include "core/time/time.h"

cf_err cf_cel_refuse(cf_cel_machine *m, const cf_cel_value *a, const cf_cel_value *b)
{
    const cf_cel_value *v = cf_cel_is_value(a) && b != NULL ? b : a;
    if (v->kind == CF_CEL_ERROR) {
        m->offset = (uint32_t)v->u;
        m->elsewhere = true;
        return (cf_err)v->len;
    }
    return v->kind == CF_CEL_UNSET ? CF_ERR_CEL_NAME : CF_ERR_CEL_TYPE;
}

static bool both(const cf_cel_value *a, const cf_cel_value *b, cf_cel_kind kind)
{
    return a->kind == kind && b->kind == kind;
}

static void set_bool(cf_cel_machine *m, const cf_cel_instr *i, bool b)
{
    m->registers[i->dst] = cf_cel_bool(b);
}

cf_err cf_cel_op_not(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a);
    if (a->kind != CF_CEL_BOOL) {
        return cf_cel_refuse(m, a, NULL);
    }
    set_bool(m, i, !a->b);
    return CF_OK;
}

cf_err cf_cel_op_neg(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a);
    if (a->kind == CF_CEL_INT) {
        if (a->i == INT64_MIN) {
            return CF_ERR_CEL_OVERFLOW;
        }
        m->registers[i->dst] = cf_cel_int(-a->i);
        return CF_OK;
    }
    if (a->kind != CF_CEL_DOUBLE) {
        return cf_cel_refuse(m, a, NULL);
    }
    m->registers[i->dst] = cf_cel_double(-a->d);
    return CF_OK;
}

/* ---- arithmetic ---- */

static cf_timestamp timestamp_of(const cf_cel_value *v)
{
    return (cf_timestamp){v->i, v->len};
}

/* What core/time answers, as an outcome. */
static cf_err time_done(cf_result r, cf_timestamp t, cf_cel_value *ret)
{
    if (!cf_is_ok(r)) {
        return CF_ERR_CEL_OVERFLOW;
    }
    *ret = cf_cel_timestamp(t.seconds, t.nanos);
    return CF_OK;
}

static cf_err duration_done(cf_result r, cf_duration d, cf_cel_value *ret)
{
    if (!cf_is_ok(r)) {
        return CF_ERR_CEL_OVERFLOW;
    }
    *ret = cf_cel_duration(d);
    return CF_OK;
}

/* Room behind the text that + made last, so that a chain of + copies each part once. Nobody but the one value that ends at the tail
 * can grow there, and what it was before stays as it is. */
static bool grow_text(cf_cel_machine *m, const cf_cel_value *a, uint32_t more)
{
    if (m->tail == NULL || a->len == 0 || a->s + a->len != m->tail ||
        (size_t)a->len + more > m->run.budget->output_bytes) {
        return false;
    }
    size_t left = (size_t)(m->tail_end - m->tail),
           wanted = more > left ? (more - left + 15) / 16 * 16 : 0;
    if (wanted > 0) {
        if (m->tail_end != m->run.arena->at || cf_arena_take(m->run.arena, wanted) != m->tail_end) {
            return false;
        }
        m->tail_end += wanted;
    }
    m->tail += more;
    return true;
}

static cf_err concat_text(cf_cel_machine *m, const cf_cel_value *a, const cf_cel_value *b,
                          cf_cel_value *ret)
{
    uint8_t *octets;
    cf_cel_value joined = *a;
    cf_result r = cf_cel_charge_text(&m->run, b->len);
    if (!cf_is_ok(r)) {
        return r.code;
    }
    if (grow_text(m, a, b->len)) {
        octets = (uint8_t *)(uintptr_t)a->s; /* ours: the tail is in a piece that + took */
        joined.len += b->len;
    } else {
        r = cf_cel_text_new(&m->run, (cf_cel_kind)a->kind, (size_t)a->len + b->len, &octets,
                            &joined);
        if (!cf_is_ok(r)) {
            return r.code;
        }
        cf_copy(octets, a->s, a->len);
        m->tail = octets + joined.len;
        m->tail_end = octets + ((size_t)joined.len + 15) / 16 * 16;
    }
    cf_copy(octets + a->len, b->s, b->len);
    joined.flags = a->flags & b->flags;
    *ret = joined;
    return CF_OK;
}

static cf_err concat_lists(cf_cel_machine *m, const cf_cel_value *a, const cf_cel_value *b,
                           cf_cel_value *ret)
{
    size_t n = (size_t)a->len + b->len;
    cf_cel_items l = {NULL, 0, 0};
    if (a->len == 0 || b->len == 0) {
        *ret = a->len == 0 ? *b : *a;
        return CF_OK;
    }
    cf_result r = cf_cel_charge(&m->run, 1 + n);
    if (cf_is_ok(r)) {
        r = cf_cel_items_reserve(&m->run, &l, n);
    }
    if (!cf_is_ok(r)) {
        return r.code;
    }
    cf_copy(l.items, a->items, a->len * sizeof *a->items);
    cf_copy(l.items + a->len, b->items, b->len * sizeof *b->items);
    l.count = (uint32_t)n;
    *ret = cf_cel_items_list(&l);
    return CF_OK;
}

static cf_err add_times(cf_cel_machine *m, const cf_cel_value *a, const cf_cel_value *b,
                        cf_cel_value *ret)
{
    cf_timestamp t = {0, 0};
    cf_duration d = 0;
    if (both(a, b, CF_CEL_DURATION)) {
        cf_result r = cf_duration_add(a->i, b->i, &d);
        return duration_done(r, d, ret);
    }
    if (a->kind == CF_CEL_DURATION && b->kind == CF_CEL_TIMESTAMP) {
        const cf_cel_value *swap = a;
        a = b;
        b = swap;
    }
    if (a->kind != CF_CEL_TIMESTAMP || b->kind != CF_CEL_DURATION) {
        return cf_cel_refuse(m, a, b);
    }
    cf_result r = cf_timestamp_add(timestamp_of(a), b->i, &t);
    return time_done(r, t, ret);
}

cf_err cf_cel_op_add(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a), *b = cf_cel_operand(m, i->b);
    cf_cel_value *to = &m->registers[i->dst];
    int64_t n;
    uint64_t u;
    if (both(a, b, CF_CEL_INT)) {
        bool over = __builtin_add_overflow(a->i, b->i, &n);
        *to = over ? *to : cf_cel_int(n);
        return over ? CF_ERR_CEL_OVERFLOW : CF_OK;
    }
    if (a->kind != b->kind) {
        return add_times(m, a, b, to);
    }
    switch (a->kind) {
    case CF_CEL_STRING:
    case CF_CEL_BYTES:
        return concat_text(m, a, b, to);
    case CF_CEL_UINT:
        if (__builtin_add_overflow(a->u, b->u, &u)) {
            return CF_ERR_CEL_OVERFLOW;
        }
        *to = cf_cel_uint(u);
        return CF_OK;
    case CF_CEL_DOUBLE:
        *to = cf_cel_double(a->d + b->d);
        return CF_OK;
    case CF_CEL_LIST:
        return concat_lists(m, a, b, to);
    default:
        return add_times(m, a, b, to);
    }
}

static cf_err sub_times(cf_cel_machine *m, const cf_cel_value *a, const cf_cel_value *b,
                        cf_cel_value *ret)
{
    cf_timestamp t = {0, 0};
    cf_duration d = 0;
    if (both(a, b, CF_CEL_TIMESTAMP)) {
        cf_result r = cf_timestamp_diff(timestamp_of(a), timestamp_of(b), &d);
        return duration_done(r, d, ret);
    }
    if (both(a, b, CF_CEL_DURATION)) {
        cf_result r = cf_duration_sub(a->i, b->i, &d);
        return duration_done(r, d, ret);
    }
    if (a->kind != CF_CEL_TIMESTAMP || b->kind != CF_CEL_DURATION) {
        return cf_cel_refuse(m, a, b);
    }
    cf_result r = cf_timestamp_sub(timestamp_of(a), b->i, &t);
    return time_done(r, t, ret);
}

cf_err cf_cel_op_sub(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a), *b = cf_cel_operand(m, i->b);
    cf_cel_value *to = &m->registers[i->dst];
    int64_t n;
    uint64_t u;
    if (both(a, b, CF_CEL_INT)) {
        bool over = __builtin_sub_overflow(a->i, b->i, &n);
        *to = over ? *to : cf_cel_int(n);
        return over ? CF_ERR_CEL_OVERFLOW : CF_OK;
    }
    if (both(a, b, CF_CEL_UINT)) {
        bool over = __builtin_sub_overflow(a->u, b->u, &u);
        *to = over ? *to : cf_cel_uint(u);
        return over ? CF_ERR_CEL_OVERFLOW : CF_OK;
    }
    if (both(a, b, CF_CEL_DOUBLE)) {
        *to = cf_cel_double(a->d - b->d);
        return CF_OK;
    }
    return sub_times(m, a, b, to);
}

cf_err cf_cel_op_mul(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a), *b = cf_cel_operand(m, i->b);
    cf_cel_value *to = &m->registers[i->dst];
    int64_t n;
    uint64_t u;
    if (both(a, b, CF_CEL_INT)) {
        bool over = __builtin_mul_overflow(a->i, b->i, &n);
        *to = over ? *to : cf_cel_int(n);
        return over ? CF_ERR_CEL_OVERFLOW : CF_OK;
    }
    if (both(a, b, CF_CEL_UINT)) {
        bool over = __builtin_mul_overflow(a->u, b->u, &u);
        *to = over ? *to : cf_cel_uint(u);
        return over ? CF_ERR_CEL_OVERFLOW : CF_OK;
    }
    if (!both(a, b, CF_CEL_DOUBLE)) {
        return cf_cel_refuse(m, a, b);
    }
    *to = cf_cel_double(a->d * b->d);
    return CF_OK;
}

/* Of / and % for whole numbers: what the divisor forbids. */
static cf_err divisible(const cf_cel_value *a, const cf_cel_value *b)
{
    if (b->i == 0) {
        return CF_ERR_CEL_DIVIDE;
    }
    return a->kind == CF_CEL_INT && a->i == INT64_MIN && b->i == -1 ? CF_ERR_CEL_OVERFLOW : CF_OK;
}

cf_err cf_cel_op_div(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a), *b = cf_cel_operand(m, i->b);
    cf_cel_value *to = &m->registers[i->dst];
    if (both(a, b, CF_CEL_DOUBLE)) {
        *to = cf_cel_double(a->d / b->d); /* IEEE 754: a zero gives an infinity or NaN */
        return CF_OK;
    }
    if (!both(a, b, CF_CEL_INT) && !both(a, b, CF_CEL_UINT)) {
        return cf_cel_refuse(m, a, b);
    }
    cf_err err = divisible(a, b);
    if (err == CF_OK) {
        *to = a->kind == CF_CEL_INT ? cf_cel_int(a->i / b->i) : cf_cel_uint(a->u / b->u);
    }
    return err;
}

cf_err cf_cel_op_mod(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a), *b = cf_cel_operand(m, i->b);
    cf_cel_value *to = &m->registers[i->dst];
    if (!both(a, b, CF_CEL_INT) && !both(a, b, CF_CEL_UINT)) {
        return cf_cel_refuse(m, a, b);
    }
    cf_err err = divisible(a, b);
    if (err == CF_OK) {
        *to = a->kind == CF_CEL_INT ? cf_cel_int(a->i % b->i) : cf_cel_uint(a->u % b->u);
    }
    return err;
}

/* ---- comparison ---- */

static cf_err equal(cf_cel_machine *m, const cf_cel_value *a, const cf_cel_value *b, bool *ret)
{
    if (both(a, b, CF_CEL_INT)) {
        *ret = a->i == b->i;
        return CF_OK;
    }
    if (both(a, b, CF_CEL_STRING) && a->len != b->len) {
        *ret = false;
        return CF_OK;
    }
    if (!cf_cel_is_value(a) || !cf_cel_is_value(b)) {
        return cf_cel_refuse(m, a, b);
    }
    return cf_cel_equal(&m->run, a, b, ret).code;
}

cf_err cf_cel_op_equal(cf_cel_machine *m, const cf_cel_instr *i)
{
    bool same = false;
    cf_err err = equal(m, cf_cel_operand(m, i->a), cf_cel_operand(m, i->b), &same);
    if (err == CF_OK) {
        set_bool(m, i, same == (i->op == CF_CEL_OP_EQ));
    }
    return err;
}

cf_err cf_cel_op_order(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a), *b = cf_cel_operand(m, i->b);
    int order;
    if (both(a, b, CF_CEL_INT)) {
        order = (a->i > b->i) - (a->i < b->i);
    } else {
        if (!cf_cel_is_value(a) || !cf_cel_is_value(b)) {
            return cf_cel_refuse(m, a, b);
        }
        cf_result r = cf_cel_compare(&m->run, a, b, &order);
        if (!cf_is_ok(r)) {
            return r.code;
        }
    }
    static const uint8_t TRUE_FOR[] = {/* bit 0 less, 1 equal, 2 greater */
                                       [CF_CEL_OP_LT - CF_CEL_OP_LT] = 1,
                                       [CF_CEL_OP_LE - CF_CEL_OP_LT] = 3,
                                       [CF_CEL_OP_GT - CF_CEL_OP_LT] = 4,
                                       [CF_CEL_OP_GE - CF_CEL_OP_LT] = 6};
    set_bool(m, i,
             (TRUE_FOR[i->op - CF_CEL_OP_LT] >> (order + 1) & 1) != 0); /* 2, unordered, is bit 3 */
    return CF_OK;
}

/* ---- membership and selection ---- */

cf_err cf_cel_op_in(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *a = cf_cel_operand(m, i->a), *b = cf_cel_operand(m, i->b), *found = NULL;
    bool same = false;
    if (!cf_cel_is_value(a)) {
        return cf_cel_refuse(m, a, NULL);
    }
    if (b->kind == CF_CEL_MAP) {
        cf_result r = cf_cel_map_get(&m->run, b->map, a, &found);
        set_bool(m, i, found != NULL);
        return r.code;
    }
    if (b->kind != CF_CEL_LIST) {
        return cf_cel_refuse(m, b, NULL);
    }
    cf_result r = cf_cel_charge(&m->run, b->len);
    cf_err err = r.code;
    for (uint32_t n = 0; n < b->len && !same && err == CF_OK; n++) {
        err = equal(m, a, &b->items[n], &same);
    }
    set_bool(m, i, same);
    return err;
}

/* The number that an index is: int, or uint or double without a fraction. */
static bool index_of(const cf_cel_value *v, uint32_t len, uint32_t *ret)
{
    uint64_t n = v->u;
    if (v->kind == CF_CEL_DOUBLE) {
        if (!(v->d >= 0 && v->d < (double)len)) {
            return false;
        }
        n = (uint64_t)v->d;
    }
    *ret = (uint32_t)n;
    return n < len; /* a negative int is a large number here */
}

static bool is_index(const cf_cel_value *v)
{
    return v->kind == CF_CEL_INT || v->kind == CF_CEL_UINT ||
           (v->kind == CF_CEL_DOUBLE && floor(v->d) == v->d);
}

/* The element or entry; *ret NULL and the error to report where there is none. */
static cf_err find(cf_cel_machine *m, const cf_cel_value *from, const cf_cel_value *key,
                   const cf_cel_value **ret, cf_err *ret_absent)
{
    uint32_t n;
    *ret = NULL;
    if (!cf_cel_is_value(key)) {
        return cf_cel_refuse(m, key, NULL);
    }
    if (from->kind == CF_CEL_MAP) {
        *ret_absent = CF_ERR_CEL_FIELD;
        return cf_cel_map_get(&m->run, from->map, key, ret).code;
    }
    *ret_absent = CF_ERR_CEL_INDEX;
    if (from->kind != CF_CEL_LIST || !is_index(key)) {
        return cf_cel_refuse(m, from, key);
    }
    *ret = index_of(key, from->len, &n) ? &from->items[n] : NULL;
    return CF_OK;
}

/* Behind an optional step every step gives an optional. */
static cf_err find_optional(cf_cel_machine *m, const cf_cel_value *from, const cf_cel_value *key,
                            cf_cel_value *to)
{
    const cf_cel_value *found = NULL;
    cf_err absent, err = CF_OK;
    if (from->kind == CF_CEL_OPTIONAL) {
        from = from->items;
    }
    if (from != NULL) {
        err = find(m, from, key, &found, &absent);
    }
    if (err == CF_OK) {
        *to = cf_cel_optional(found); /* elements and entries never change, so they need no copy */
    }
    return err;
}

cf_err cf_cel_op_index(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *from = cf_cel_operand(m, i->a), *key = cf_cel_operand(m, i->b), *found;
    cf_err absent;
    if (from->kind == CF_CEL_OPTIONAL || i->op == CF_CEL_OP_OPT_INDEX) {
        return find_optional(m, from, key, &m->registers[i->dst]);
    }
    cf_err err = find(m, from, key, &found, &absent);
    if (err == CF_OK && found != NULL) {
        m->registers[i->dst] = *found;
    }
    return err != CF_OK || found != NULL ? err : absent;
}

cf_err cf_cel_op_select(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *from = cf_cel_operand(m, i->a), *key = cf_cel_operand(m, i->b), *found;
    const cf_cel_value *inside = from->kind == CF_CEL_OPTIONAL ? from->items : from;
    if (inside != NULL && inside->kind != CF_CEL_MAP) {
        return cf_cel_refuse(m, from, NULL);
    }
    if (inside != from || i->op == CF_CEL_OP_OPT_SELECT) {
        return find_optional(m, from, key, &m->registers[i->dst]);
    }
    cf_result r = cf_cel_map_get(&m->run, from->map, key, &found);
    if (!cf_is_ok(r) || found == NULL) {
        return cf_is_ok(r) ? CF_ERR_CEL_FIELD : r.code;
    }
    m->registers[i->dst] = *found;
    return CF_OK;
}

cf_err cf_cel_op_has(cf_cel_machine *m, const cf_cel_instr *i)
{
    const cf_cel_value *from = cf_cel_operand(m, i->a), *found = NULL;
    if (from->kind == CF_CEL_OPTIONAL) {
        from = from->items;
    }
    if (from == NULL) {
        set_bool(m, i, false);
        return CF_OK;
    }
    if (from->kind != CF_CEL_MAP) {
        return cf_cel_refuse(m, from, NULL);
    }
    cf_result r = cf_cel_map_get(&m->run, from->map, cf_cel_operand(m, i->b), &found);
    set_bool(m, i, found != NULL);
    return r.code;
}
