/* SPDX-License-Identifier: Apache-2.0 */
/* The type checker: one pass over the tape with a stack of the operands' types. It may only refuse (CEL language definition, "Gradual Type
 * Checking"): operands of type dyn go with every operator, and are looked at again when the program runs. */
#include "core/cel/infer_priv.h"
#include "core/cel/tape_priv.h"

/* Rows of the pool, of composites and variables, that a check may add. */
#define CF_CEL_CHECK_TYPES_MIN 64u
#define CF_CEL_CHECK_TYPES_PER_NODE 4u

#define BIT(type) (1u << (type))

#define NUMBERS (BIT(CF_CEL_T_INT) | BIT(CF_CEL_T_UINT) | BIT(CF_CEL_T_DOUBLE))
#define ORDERED                                                                                    \
    (NUMBERS | BIT(CF_CEL_T_BOOL) | BIT(CF_CEL_T_STRING) | BIT(CF_CEL_T_BYTES) |                   \
     BIT(CF_CEL_T_TIMESTAMP) | BIT(CF_CEL_T_DURATION))

/* Types of which an operator takes two and makes a third. */
static const uint32_t SAME[] = {
    [CF_CEL_N_ADD] = NUMBERS | BIT(CF_CEL_T_STRING) | BIT(CF_CEL_T_BYTES) | BIT(CF_CEL_T_DURATION),
    [CF_CEL_N_SUB] = NUMBERS | BIT(CF_CEL_T_DURATION),
    [CF_CEL_N_MUL] = NUMBERS,
    [CF_CEL_N_DIV] = NUMBERS,
    [CF_CEL_N_MOD] = BIT(CF_CEL_T_INT) | BIT(CF_CEL_T_UINT),
};

/* The overloads of operators with different types. */
static const struct {
    uint8_t node, left, right, result;
} MIXED[] = {
    {CF_CEL_N_ADD, CF_CEL_T_TIMESTAMP, CF_CEL_T_DURATION, CF_CEL_T_TIMESTAMP},
    {CF_CEL_N_ADD, CF_CEL_T_DURATION, CF_CEL_T_TIMESTAMP, CF_CEL_T_TIMESTAMP},
    {CF_CEL_N_SUB, CF_CEL_T_TIMESTAMP, CF_CEL_T_DURATION, CF_CEL_T_TIMESTAMP},
    {CF_CEL_N_SUB, CF_CEL_T_TIMESTAMP, CF_CEL_T_TIMESTAMP, CF_CEL_T_DURATION},
};

typedef struct {
    const cf_cel_env *env;
    const cf_cel_tape *tape;
    cf_cel_infer infer;
    cf_cel_type *top;    /* behind the last operand */
    cf_cel_type *locals; /* by number */
    cf_cel_type *ranges; /* by number of the loop */
} checker;

static cf_result mismatch(void)
{
    return cf_fail(CF_ERR_CEL_TYPE);
}

static cf_result push(checker *k, cf_cel_type t)
{
    *k->top++ = t;
    return cf_ok();
}

static cf_cel_type pop(checker *k)
{
    return *--k->top;
}

static cf_cel_type value(const checker *k, cf_cel_type t)
{
    return t < CF_CEL_T_SIMPLE_END ? t : cf_cel_infer_value(&k->infer, t);
}

static bool any(const checker *k, cf_cel_type t)
{
    return t == CF_CEL_T_DYN || (t >= CF_CEL_T_SIMPLE_END && cf_cel_infer_any(&k->infer, t));
}

static const cf_cel_composite *row_of(const checker *k, cf_cel_type t)
{
    return cf_cel_pool_at(k->infer.pool, t);
}

static bool is(const checker *k, cf_cel_type t, cf_cel_of of)
{
    return cf_cel_type_is(k->infer.pool, t, of);
}

static cf_result push_of(checker *k, cf_cel_of of, cf_cel_type a)
{
    cf_cel_type t;
    CF_TRY(cf_cel_pool_of(k->infer.pool, of, a, &t));
    return push(k, t);
}

static cf_result push_map(checker *k, cf_cel_type key, cf_cel_type v)
{
    cf_cel_type t;
    CF_TRY(cf_cel_pool_add(k->infer.pool, CF_CEL_OF_MAP, key, v, CF_VIEW_EMPTY, &t));
    return push(k, t);
}

/* Refuses unless the types fit; *io is then the more general one. */
static cf_result join(checker *k, cf_cel_type more, cf_cel_type *io)
{
    bool fits;
    CF_TRY(cf_cel_infer_join(&k->infer, more, io, &fits));
    return fits ? cf_ok() : mismatch();
}

/* Refuses unless an operand may be a bool. */
static cf_result condition(const checker *k, cf_cel_type t)
{
    t = value(k, t);
    return t == CF_CEL_T_BOOL || any(k, t) ? cf_ok() : mismatch();
}

/* ---- operands ---- */

static cf_result check_constant(checker *k, const cf_cel_node *node)
{
    static const uint8_t TYPES[CF_CEL_KIND_COUNT] = {
        [CF_CEL_NULL] = CF_CEL_T_NULL,         [CF_CEL_BOOL] = CF_CEL_T_BOOL,
        [CF_CEL_INT] = CF_CEL_T_INT,           [CF_CEL_UINT] = CF_CEL_T_UINT,
        [CF_CEL_DOUBLE] = CF_CEL_T_DOUBLE,     [CF_CEL_STRING] = CF_CEL_T_STRING,
        [CF_CEL_BYTES] = CF_CEL_T_BYTES,       [CF_CEL_TIMESTAMP] = CF_CEL_T_TIMESTAMP,
        [CF_CEL_DURATION] = CF_CEL_T_DURATION, [CF_CEL_IP] = CF_CEL_T_IP,
        [CF_CEL_CIDR] = CF_CEL_T_CIDR,
    };
    const cf_cel_value *v = &k->tape->constants[node->a];
    if (v->kind != CF_CEL_TYPE) {
        return push(k, TYPES[v->kind]);
    }
    cf_cel_type t;
    CF_TRY(cf_cel_type_named(k->infer.pool, cf_cel_text(v), &t));
    return push_of(k, CF_CEL_OF_TYPE, t);
}

/* What e.f has as type, for e of type t without optionals around it. A variable is settled as dyn: a later use could bind it to a type
 * that has no fields. */
static cf_result field_type(checker *k, cf_cel_type t, cf_cel_type *ret)
{
    *ret = CF_CEL_T_DYN;
    if (any(k, t)) {
        return cf_cel_infer_dyn(&k->infer, t);
    }
    if (!is(k, t, CF_CEL_OF_MAP)) {
        return mismatch();
    }
    *ret = row_of(k, t)->b;
    return cf_ok();
}

/* What e[i] has as type. */
static cf_result element_type(checker *k, cf_cel_type t, cf_cel_type index, cf_cel_type *ret)
{
    *ret = CF_CEL_T_DYN;
    if (any(k, t)) {
        return cf_cel_infer_dyn(&k->infer, t);
    }
    if (is(k, t, CF_CEL_OF_LIST)) {
        *ret = row_of(k, t)->a;
        index = value(k, index);
        return index == CF_CEL_T_INT || any(k, index) ? cf_ok() : mismatch();
    }
    if (!is(k, t, CF_CEL_OF_MAP)) {
        return mismatch();
    }
    cf_cel_type key = row_of(k, t)->a;
    *ret = row_of(k, t)->b;
    return join(k, index, &key);
}

/* Selection from an optional, or with a ?, gives an optional. */
static cf_result check_access(checker *k, const cf_cel_node *node)
{
    bool indexed = node->kind == CF_CEL_N_INDEX || node->kind == CF_CEL_N_OPT_INDEX;
    bool optional = node->kind == CF_CEL_N_OPT_SELECT || node->kind == CF_CEL_N_OPT_INDEX;
    cf_cel_type index = indexed ? pop(k) : CF_CEL_T_STRING;
    cf_cel_type t = value(k, pop(k));
    if (is(k, t, CF_CEL_OF_OPTIONAL)) {
        optional = true;
        t = value(k, row_of(k, t)->a);
    }
    cf_cel_type found;
    CF_TRY(indexed ? element_type(k, t, index, &found) : field_type(k, t, &found));
    if (node->kind == CF_CEL_N_HAS) {
        return push(k, CF_CEL_T_BOOL);
    }
    return optional ? push_of(k, CF_CEL_OF_OPTIONAL, found) : push(k, found);
}

static cf_result check_call(checker *k, const cf_cel_node *node)
{
    if (node->group == NULL) {
        return cf_fail((cf_err)node->a);
    }
    k->top -= node->n;
    cf_cel_type result = CF_CEL_T_DYN;
    bool found;
    CF_TRY(cf_cel_infer_call(&k->infer, node->group, k->top, &result, &found));
    return found ? push(k, result) : mismatch();
}

/* ---- literals ---- */

/* The type of n operands, `apart` types from each other, as elements of one list: dyn when they do not fit. */
static cf_result common_type(checker *k, const cf_cel_type *first, uint32_t n, uint32_t apart,
                             cf_cel_type *ret)
{
    if (n == 0) {
        return cf_cel_infer_variable(&k->infer, ret);
    }
    *ret = first[0];
    for (uint32_t i = 1; i < n; i++) {
        bool fits;
        CF_TRY(cf_cel_infer_join(&k->infer, first[(size_t)i * apart], ret, &fits));
        *ret = fits ? *ret : CF_CEL_T_DYN;
    }
    return cf_ok();
}

static cf_result check_list(checker *k, const cf_cel_node *node)
{
    cf_cel_type element;
    k->top -= node->n;
    CF_TRY(common_type(k, k->top, node->n, 1, &element));
    return push_of(k, CF_CEL_OF_LIST, element);
}

static cf_result check_map(checker *k, const cf_cel_node *node)
{
    cf_cel_type key, v;
    k->top -= (size_t)2 * node->n;
    CF_TRY(common_type(k, k->top, node->n, 2, &key));
    CF_TRY(common_type(k, k->top + 1, node->n, 2, &v));
    return push_map(k, key, v);
}

/* [?e] and {k: ?v}: what e holds. */
static cf_result check_optional_part(checker *k)
{
    cf_cel_type t = value(k, pop(k));
    if (is(k, t, CF_CEL_OF_OPTIONAL)) {
        return push(k, row_of(k, t)->a);
    }
    return any(k, t) ? push(k, CF_CEL_T_DYN) : mismatch();
}

/* ---- operators ---- */

static bool takes(const checker *k, cf_cel_type wanted, cf_cel_type t)
{
    return t == wanted || any(k, t);
}

/* list(A) + list(A) */
static cf_result add_lists(checker *k, cf_cel_type l, cf_cel_type r)
{
    cf_cel_type t = any(k, l) ? r : l;
    CF_TRY(any(k, l) || any(k, r) ? cf_ok() : join(k, r, &t));
    return push(k, t);
}

/* An operator with an operand that is not simple, or with two that differ: all overloads that take them, of which there is at most one
 * unless both are dyn. */
static cf_result arithmetic_any(checker *k, const cf_cel_node *node, cf_cel_type l, cf_cel_type r)
{
    bool list_l = is(k, l, CF_CEL_OF_LIST), list_r = is(k, r, CF_CEL_OF_LIST);
    bool lists = node->kind == CF_CEL_N_ADD && (list_l || any(k, l)) && (list_r || any(k, r));
    if (lists && (list_l || list_r)) {
        return add_lists(k, l, r);
    }
    uint32_t found = 0;
    for (uint32_t t = CF_CEL_T_BOOL; t < CF_CEL_T_PARAM; t++) {
        bool same = (SAME[node->kind] & BIT(t)) != 0 && takes(k, t, l) && takes(k, t, r);
        found |= same ? BIT(t) : 0;
    }
    for (size_t i = 0; i < sizeof MIXED / sizeof MIXED[0]; i++) {
        bool mixed = MIXED[i].node == node->kind && takes(k, MIXED[i].left, l) &&
                     takes(k, MIXED[i].right, r);
        found |= mixed ? BIT(MIXED[i].result) : 0;
    }
    if (found == 0) {
        return mismatch();
    }
    bool one = (found & (found - 1)) == 0 && !lists;
    return push(k, one ? (cf_cel_type)__builtin_ctz(found) : CF_CEL_T_DYN);
}

static cf_result check_arithmetic(checker *k, const cf_cel_node *node)
{
    cf_cel_type r = value(k, pop(k)), l = value(k, pop(k));
    if (l == r && l < CF_CEL_T_PARAM && (SAME[node->kind] & BIT(l)) != 0) {
        return push(k, l);
    }
    return arithmetic_any(k, node, l, r);
}

static cf_result check_negation(checker *k)
{
    cf_cel_type t = value(k, pop(k));
    if (any(k, t)) {
        return push(k, CF_CEL_T_DYN);
    }
    return t == CF_CEL_T_INT || t == CF_CEL_T_DOUBLE ? push(k, t) : mismatch();
}

static bool ordered(cf_cel_type t)
{
    return t < CF_CEL_T_PARAM && (ORDERED & BIT(t)) != 0;
}

static cf_result check_order(checker *k)
{
    cf_cel_type r = value(k, pop(k)), l = value(k, pop(k));
    bool any_l = any(k, l), any_r = any(k, r);
    bool fits = (any_l || ordered(l)) && (any_r || ordered(r)) && (l == r || any_l || any_r);
    return fits ? push(k, CF_CEL_T_BOOL) : mismatch();
}

static cf_result check_equality(checker *k)
{
    cf_cel_type r = pop(k), l = pop(k);
    CF_TRY(join(k, r, &l));
    return push(k, CF_CEL_T_BOOL);
}

/* A in list(A), A in map(A, B) */
static cf_result check_in(checker *k)
{
    cf_cel_type r = value(k, pop(k)), l = pop(k);
    if (any(k, r)) {
        CF_TRY(cf_cel_infer_dyn(&k->infer, r));
    } else if (is(k, r, CF_CEL_OF_LIST) || is(k, r, CF_CEL_OF_MAP)) {
        CF_TRY(join(k, row_of(k, r)->a, &l));
    } else {
        return mismatch();
    }
    return push(k, CF_CEL_T_BOOL);
}

static cf_result check_condition_end(checker *k)
{
    cf_cel_type r = pop(k), l = pop(k);
    CF_TRY(join(k, r, &l));
    return push(k, l);
}

/* ---- loops ---- */

static cf_result check_loop_begin(checker *k, const cf_cel_node *node)
{
    const cf_cel_loop *loop = &k->tape->loops[node->a];
    cf_cel_type range = value(k, pop(k)), first = CF_CEL_T_DYN, second = CF_CEL_T_DYN;
    if (is(k, range, CF_CEL_OF_LIST)) {
        second = row_of(k, range)->a;
        first = loop->two ? CF_CEL_T_INT : second;
    } else if (is(k, range, CF_CEL_OF_MAP)) {
        first = row_of(k, range)->a;
        second = row_of(k, range)->b;
    } else if (any(k, range)) {
        CF_TRY(cf_cel_infer_dyn(&k->infer, range));
        range = CF_CEL_T_DYN;
    } else {
        return mismatch();
    }
    k->ranges[node->a] = range;
    k->locals[loop->local[0]] = first;
    if (loop->two) {
        k->locals[loop->local[1]] = second;
    }
    return cf_ok();
}

/* The elements, or keys, that satisfied the predicate. */
static cf_result push_filtered(checker *k, const cf_cel_loop *loop, cf_cel_type range)
{
    if (is(k, range, CF_CEL_OF_LIST)) {
        return push(k, range);
    }
    return push_of(k, CF_CEL_OF_LIST, k->locals[loop->local[0]]);
}

static cf_result push_entries(checker *k, cf_cel_type body)
{
    body = value(k, body);
    if (is(k, body, CF_CEL_OF_MAP)) {
        return push(k, body);
    }
    return any(k, body) ? push_map(k, CF_CEL_T_DYN, CF_CEL_T_DYN) : mismatch();
}

static cf_result push_sorted(checker *k, cf_cel_type range, cf_cel_type key)
{
    key = value(k, key);
    if (is(k, range, CF_CEL_OF_MAP) || !(ordered(key) || any(k, key))) {
        return mismatch();
    }
    return any(k, range) ? push_of(k, CF_CEL_OF_LIST, CF_CEL_T_DYN) : push(k, range);
}

static cf_result check_loop_end(checker *k, const cf_cel_node *node)
{
    const cf_cel_loop *loop = &k->tape->loops[node->a];
    cf_cel_type body = pop(k), range = k->ranges[node->a];
    switch ((cf_cel_macro)loop->macro) {
    case CF_CEL_ALL:
    case CF_CEL_EXISTS:
    case CF_CEL_EXISTS_ONE:
        CF_TRY(condition(k, body));
        return push(k, CF_CEL_T_BOOL);
    case CF_CEL_FILTER:
        CF_TRY(condition(k, body));
        return push_filtered(k, loop, range);
    case CF_CEL_MAP_LIST:
        return push_of(k, CF_CEL_OF_LIST, body);
    case CF_CEL_TRANSFORM_MAP:
        return push_map(k, k->locals[loop->local[0]], body);
    case CF_CEL_TRANSFORM_MAP_ENTRY:
        return push_entries(k, body);
    case CF_CEL_SORT_BY:
        return push_sorted(k, range, body);
    }
    return cf_fail(CF_ERR_INTERNAL);
}

/* ---- optionals ---- */

/* o.or(p), o.orValue(v). The receiver has stayed on the stack. */
static cf_result check_orelse_end(checker *k, const cf_cel_node *node)
{
    cf_cel_type other = pop(k), t = value(k, pop(k));
    if (any(k, t)) {
        return push(k, CF_CEL_T_DYN);
    }
    if (!is(k, t, CF_CEL_OF_OPTIONAL)) {
        return mismatch();
    }
    cf_cel_type held = (node->flags & CF_CEL_F_VALUE) != 0 ? row_of(k, t)->a : t;
    CF_TRY(join(k, other, &held));
    return push(k, held);
}

static cf_result check_with_begin(checker *k, const cf_cel_node *node)
{
    cf_cel_type t = value(k, pop(k));
    bool optional = is(k, t, CF_CEL_OF_OPTIONAL);
    k->locals[node->a] = optional ? row_of(k, t)->a : CF_CEL_T_DYN;
    return optional || any(k, t) ? cf_ok() : mismatch();
}

/* o.optMap(x, t), o.optFlatMap(x, t) */
static cf_result check_with_end(checker *k, const cf_cel_node *node)
{
    cf_cel_type body = pop(k);
    if ((node->flags & CF_CEL_F_VALUE) != 0) {
        return push_of(k, CF_CEL_OF_OPTIONAL, body);
    }
    cf_cel_type t = value(k, body);
    return is(k, t, CF_CEL_OF_OPTIONAL) || any(k, t) ? push(k, body) : mismatch();
}

/* ---- the tape ---- */

static cf_result check_node(checker *k, const cf_cel_node *node)
{
    switch ((cf_cel_node_kind)node->kind) {
    case CF_CEL_N_CONST:
        return check_constant(k, node);
    case CF_CEL_N_VAR:
        return push(k, cf_cel_env_slot_type(k->env, node->a));
    case CF_CEL_N_LOCAL:
        return push(k, k->locals[node->a]);
    case CF_CEL_N_UNKNOWN:
    case CF_CEL_N_MESSAGE:
        return cf_fail(CF_ERR_CEL_NAME);
    case CF_CEL_N_NOT:
        CF_TRY(condition(k, pop(k)));
        return push(k, CF_CEL_T_BOOL);
    case CF_CEL_N_NEG:
        return check_negation(k);
    case CF_CEL_N_SELECT:
    case CF_CEL_N_OPT_SELECT:
    case CF_CEL_N_HAS:
    case CF_CEL_N_INDEX:
    case CF_CEL_N_OPT_INDEX:
        return check_access(k, node);
    case CF_CEL_N_ADD:
    case CF_CEL_N_SUB:
    case CF_CEL_N_MUL:
    case CF_CEL_N_DIV:
    case CF_CEL_N_MOD:
        return check_arithmetic(k, node);
    case CF_CEL_N_EQ:
    case CF_CEL_N_NE:
        return check_equality(k);
    case CF_CEL_N_LT:
    case CF_CEL_N_LE:
    case CF_CEL_N_GT:
    case CF_CEL_N_GE:
        return check_order(k);
    case CF_CEL_N_IN:
        return check_in(k);
    case CF_CEL_N_CALL:
        return check_call(k, node);
    case CF_CEL_N_LIST:
        return check_list(k, node);
    case CF_CEL_N_MAP:
        return check_map(k, node);
    case CF_CEL_N_OPTIONAL_ELEMENT:
    case CF_CEL_N_OPTIONAL_ENTRY:
        return check_optional_part(k);
    case CF_CEL_N_AND_NEXT:
    case CF_CEL_N_OR_NEXT:
    case CF_CEL_N_COND_THEN:
    case CF_CEL_N_LOOP_KEEP:
        return condition(k, pop(k));
    case CF_CEL_N_AND_END:
    case CF_CEL_N_OR_END:
        CF_TRY(condition(k, pop(k)));
        return push(k, CF_CEL_T_BOOL);
    case CF_CEL_N_COND_END:
        return check_condition_end(k);
    case CF_CEL_N_LOOP_BEGIN:
        return check_loop_begin(k, node);
    case CF_CEL_N_LOOP_END:
        return check_loop_end(k, node);
    case CF_CEL_N_BIND_BODY:
        k->locals[node->a] = pop(k);
        return cf_ok();
    case CF_CEL_N_COND_ELSE:
    case CF_CEL_N_BIND_INIT:
    case CF_CEL_N_BIND_END:
    case CF_CEL_N_ORELSE_NEXT:
        return cf_ok();
    case CF_CEL_N_ORELSE_END:
        return check_orelse_end(k, node);
    case CF_CEL_N_WITH_BEGIN:
        return check_with_begin(k, node);
    case CF_CEL_N_WITH_END:
        return check_with_end(k, node);
    }
    return cf_fail(CF_ERR_INTERNAL);
}

/* No operand is without its node, so the tape's length bounds the stack, receivers that wait for the end of an orValue included. */
CF_MUST_USE cf_result cf_cel_check(cf_cel_compilation *c, const cf_cel_tape *tape,
                                   cf_cel_pool *pool, cf_cel_type *ret)
{
    *ret = CF_CEL_T_DYN;
    cf_cel_pool_init(pool, cf_cel_env_pool(c->env), c->arena,
                     CF_CEL_CHECK_TYPES_MIN + CF_CEL_CHECK_TYPES_PER_NODE * tape->n);
    size_t room = (size_t)tape->n + tape->locals + tape->loops_n;
    cf_cel_type *stack = cf_arena_new(c->arena, room, sizeof *stack);
    if (stack == NULL) {
        return cf_cel_fail_at(c, CF_ERR_NO_MEMORY, 0);
    }
    checker k = {
        .env = c->env,
        .tape = tape,
        .infer = {.pool = pool,
                  .steps = CF_CEL_TYPE_STEPS_MIN + CF_CEL_TYPE_STEPS_PER_NODE * tape->n},
        .top = stack,
        .locals = stack + tape->n,
        .ranges = stack + tape->n + tape->locals,
    };
    for (uint32_t i = 0; i < tape->n; i++) {
        cf_result r = check_node(&k, &tape->nodes[i]);
        k.infer.trail_n = 0;
        if (CF_UNLIKELY(r.code != CF_OK)) {
            return r.code == CF_ERR_BUDGET ? cf_cel_over_at(c, "nodes", tape->nodes[i].offset)
                                           : cf_cel_fail_at(c, r.code, tape->nodes[i].offset);
        }
    }
    *ret = stack[0];
    return cf_ok();
}
