/* SPDX-License-Identifier: Apache-2.0 */
/* Gradual types with variables: dyn goes with everything, null with what could be a message, timestamp, duration or abstract type, and
 * a variable with anything that does not contain it. A variable that is bound becomes more general when it meets a type that is, so
 * that the order of a list's elements does not matter. Types are graphs whose parts are shared: every walk has a stack of its own and
 * pays for each step. */
#include "core/cel/infer_priv.h"

/* A parameter of a signature that no argument has told yet. */
#define UNTOLD UINT32_MAX

/* Two types to be compared; or a variable a that is to become b if that is more general, once what was pushed later is done. */
typedef struct {
    cf_cel_type a, b;
    bool widen;
} pair;

typedef struct {
    pair at[CF_CEL_TYPE_PAIRS_MAX];
    uint32_t n;
} pairs;

static cf_result push(pairs *todo, cf_cel_type a, cf_cel_type b, bool widen)
{
    CF_REQUIRE(todo->n < CF_CEL_TYPE_PAIRS_MAX, BUDGET);
    todo->at[todo->n++] = (pair){a, b, widen};
    return cf_ok();
}

static cf_result step(cf_cel_infer *f)
{
    CF_REQUIRE(f->steps > 0, BUDGET);
    f->steps--;
    return cf_ok();
}

static bool nullable(const cf_cel_infer *f, cf_cel_type t)
{
    return t == CF_CEL_T_NULL || t == CF_CEL_T_TIMESTAMP || t == CF_CEL_T_DURATION ||
           t == CF_CEL_T_IP || t == CF_CEL_T_CIDR ||
           cf_cel_type_is(f->pool, t, CF_CEL_OF_OPTIONAL) ||
           cf_cel_type_is(f->pool, t, CF_CEL_OF_ABSTRACT);
}

/* Variables. */

CF_MUST_USE cf_result cf_cel_infer_variable(cf_cel_infer *f, cf_cel_type *ret)
{
    return cf_cel_pool_of(f->pool, CF_CEL_OF_VARIABLE, 0, ret);
}

/* The last variable of a chain of variables bound to each other; any other type is its own. */
static cf_cel_type root(const cf_cel_infer *f, cf_cel_type t)
{
    for (;;) {
        if (!cf_cel_type_is(f->pool, t, CF_CEL_OF_VARIABLE)) {
            return t;
        }
        const cf_cel_composite *row = cf_cel_pool_at(f->pool, t);
        if (row->b == 0 || !cf_cel_type_is(f->pool, row->a, CF_CEL_OF_VARIABLE)) {
            return t;
        }
        t = row->a;
    }
}

/* Variables are the compilation's: the pools of environments have none. */
static cf_cel_composite *own_row(const cf_cel_infer *f, cf_cel_type variable)
{
    return &f->pool->rows[variable - f->pool->first];
}

static cf_result bind(cf_cel_infer *f, cf_cel_type variable, cf_cel_type to)
{
    if (f->trail_n == f->trail_cap) {
        uint32_t cap = f->trail_cap == 0 ? 16 : 2 * f->trail_cap;
        cf_cel_bound *trail = cf_arena_new(f->pool->arena, cap, sizeof *trail);
        CF_REQUIRE(trail != NULL, NO_MEMORY);
        cf_copy(trail, f->trail, f->trail_n * sizeof *trail);
        f->trail = trail;
        f->trail_cap = cap;
    }
    cf_cel_composite *row = own_row(f, variable);
    f->trail[f->trail_n++] = (cf_cel_bound){variable, row->a, row->b};
    row->a = to;
    row->b = 1;
    return cf_ok();
}

static void undo(cf_cel_infer *f, uint32_t mark)
{
    while (f->trail_n > mark) {
        const cf_cel_bound *was = &f->trail[--f->trail_n];
        cf_cel_composite *row = own_row(f, was->variable);
        row->a = was->a;
        row->b = was->b;
    }
}

CF_MUST_USE cf_result cf_cel_infer_dyn(cf_cel_infer *f, cf_cel_type t)
{
    t = root(f, t);
    bool is_free = cf_cel_type_is(f->pool, t, CF_CEL_OF_VARIABLE) && own_row(f, t)->b == 0;
    return is_free ? bind(f, t, CF_CEL_T_DYN) : cf_ok();
}

/* True if the variable, a root, is t or somewhere in it. */
static cf_result occurs(cf_cel_infer *f, cf_cel_type variable, cf_cel_type t, bool *ret)
{
    pairs todo;
    todo.n = 0;
    *ret = false;
    CF_TRY(push(&todo, t, 0, false));
    while (todo.n > 0 && !*ret) {
        t = todo.at[--todo.n].a;
        if ((cf_cel_type_flags(f->pool, t) & CF_CEL_HAS_VARIABLE) == 0) {
            continue;
        }
        CF_TRY(step(f));
        *ret = root(f, t) == variable;
        t = cf_cel_infer_value(f, t);
        if (t >= CF_CEL_T_SIMPLE_END) {
            const cf_cel_composite *row = cf_cel_pool_at(f->pool, t);
            CF_TRY(push(&todo, row->b, 0, false));
            CF_TRY(push(&todo, row->a, 0, false));
        }
    }
    return cf_ok();
}

/* Which of two types is more general. */

/* Pushes the parts of two composites; *ret false when they are of different sorts. The parameter of type(T) is of no account. */
static cf_result push_parts(const cf_cel_infer *f, pairs *todo, cf_cel_type a, cf_cel_type b,
                            bool *ret)
{
    *ret = false;
    if (a < CF_CEL_T_SIMPLE_END || b < CF_CEL_T_SIMPLE_END) {
        return cf_ok();
    }
    const cf_cel_composite *x = cf_cel_pool_at(f->pool, a), *y = cf_cel_pool_at(f->pool, b);
    bool more = x->of == CF_CEL_OF_MAP || x->of == CF_CEL_OF_ARGS;
    /* with 0 for the end of arguments, and for none at all */
    bool counts = x->of != CF_CEL_OF_ARGS || (x->b == 0) == (y->b == 0);
    bool none = x->of == CF_CEL_OF_ABSTRACT && (x->a == 0 || y->a == 0);
    if (x->of != y->of || !counts || !cf_view_eq(x->name, y->name) || (none && x->a != y->a)) {
        return cf_ok();
    }
    *ret = true;
    if (x->of == CF_CEL_OF_TYPE || none) {
        return cf_ok();
    }
    if (more && (x->of == CF_CEL_OF_MAP || x->b != 0)) {
        CF_TRY(push(todo, x->b, y->b, false));
    }
    return push(todo, x->a, y->a, false);
}

/* True if a is b, or is more general in some part and nowhere less. */
static cf_result covers(cf_cel_infer *f, cf_cel_type a, cf_cel_type b, bool *ret)
{
    pairs todo;
    todo.n = 0;
    *ret = true;
    CF_TRY(push(&todo, a, b, false));
    while (todo.n > 0 && *ret) {
        pair p = todo.at[--todo.n];
        CF_TRY(step(f));
        a = cf_cel_infer_value(f, p.a);
        b = cf_cel_infer_value(f, p.b);
        if (a == b || cf_cel_infer_any(f, a) || (b == CF_CEL_T_NULL && nullable(f, a))) {
            continue;
        }
        if (cf_cel_infer_any(f, b)) {
            *ret = false;
        } else {
            CF_TRY(push_parts(f, &todo, a, b, ret));
        }
    }
    return cf_ok();
}

static cf_result widen(cf_cel_infer *f, cf_cel_type variable, cf_cel_type to)
{
    bool wider, inside;
    variable = root(f, variable);
    CF_TRY(covers(f, to, variable, &wider));
    CF_TRY(occurs(f, variable, to, &inside));
    return wider && !inside ? bind(f, variable, to) : cf_ok();
}

/* Which types fit. */

/* A free variable becomes t unless it is inside of it: then they do not fit. */
static cf_result become(cf_cel_infer *f, cf_cel_type variable, cf_cel_type t, bool *ret)
{
    bool inside;
    CF_TRY(occurs(f, variable, t, &inside));
    *ret = !inside;
    return inside ? cf_ok() : bind(f, variable, t);
}

/* Two bound variables become one, which is the more general. */
static cf_result unite(cf_cel_infer *f, pairs *todo, cf_cel_type a, cf_cel_type b)
{
    cf_cel_type of_a = own_row(f, a)->a, of_b = own_row(f, b)->a;
    bool inside;
    CF_TRY(occurs(f, b, of_a, &inside));
    if (!inside) {
        CF_TRY(bind(f, b, a));
    }
    CF_TRY(push(todo, a, of_b, true));
    return push(todo, of_b, of_a, false);
}

/* One step with roots of which at least one is a variable. */
static cf_result fit_variable(cf_cel_infer *f, pairs *todo, cf_cel_type a, cf_cel_type b, bool *ret)
{
    bool var_a = cf_cel_type_is(f->pool, a, CF_CEL_OF_VARIABLE);
    bool var_b = cf_cel_type_is(f->pool, b, CF_CEL_OF_VARIABLE);
    if (var_b && own_row(f, b)->b == 0) {
        return become(f, b, a, ret);
    }
    if (var_a && own_row(f, a)->b == 0) {
        return become(f, a, b, ret);
    }
    if (var_a && var_b) {
        return unite(f, todo, a, b);
    }
    cf_cel_type variable = var_a ? a : b, other = var_a ? b : a;
    CF_TRY(push(todo, variable, other, true));
    return push(todo, other, own_row(f, variable)->a, false);
}

static cf_result fit(cf_cel_infer *f, pairs *todo, cf_cel_type a, cf_cel_type b, bool *ret)
{
    a = root(f, a);
    b = root(f, b);
    *ret = true;
    if (a == b) {
        return cf_ok();
    }
    if (cf_cel_type_is(f->pool, a, CF_CEL_OF_VARIABLE) ||
        cf_cel_type_is(f->pool, b, CF_CEL_OF_VARIABLE)) {
        return fit_variable(f, todo, a, b, ret);
    }
    if (a == CF_CEL_T_DYN || b == CF_CEL_T_DYN || (a == CF_CEL_T_NULL && nullable(f, b)) ||
        (b == CF_CEL_T_NULL && nullable(f, a))) {
        return cf_ok();
    }
    return push_parts(f, todo, a, b, ret);
}

static cf_result fit_all(cf_cel_infer *f, cf_cel_type a, cf_cel_type b, bool *ret)
{
    pairs todo;
    todo.n = 0;
    *ret = true;
    CF_TRY(push(&todo, a, b, false));
    while (todo.n > 0 && *ret) {
        pair p = todo.at[--todo.n];
        CF_TRY(step(f));
        CF_TRY(p.widen ? widen(f, p.a, p.b) : fit(f, &todo, p.a, p.b, ret));
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_cel_infer_fits(cf_cel_infer *f, cf_cel_type a, cf_cel_type b, bool *ret)
{
    *ret = true;
    if (a == b) {
        return cf_ok();
    }
    uint32_t mark = f->trail_n;
    CF_TRY(fit_all(f, a, b, ret));
    if (!*ret) {
        undo(f, mark);
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_cel_infer_join(cf_cel_infer *f, cf_cel_type more, cf_cel_type *io,
                                        bool *ret)
{
    cf_cel_type a = *io;
    *ret = true;
    /* what is there most: equal types, or dyn and one without parts */
    if (a == more || (a == CF_CEL_T_DYN && more < CF_CEL_T_SIMPLE_END)) {
        return cf_ok();
    }
    if (more == CF_CEL_T_DYN && a < CF_CEL_T_SIMPLE_END) {
        *io = CF_CEL_T_DYN;
        return cf_ok();
    }
    CF_TRY(cf_cel_infer_fits(f, a, more, ret));
    if (!*ret) {
        return cf_ok();
    }
    bool wide;
    CF_TRY(covers(f, a, more, &wide));
    if (!wide) {
        CF_TRY(covers(f, more, a, &wide));
        *io = wide ? more : CF_CEL_T_DYN;
    }
    return cf_ok();
}

/* Calls. */

/* True if the parameter, which has no parts, takes the argument. A free variable is not bound: several overloads may take it. */
static bool takes_simple(const cf_cel_infer *f, cf_cel_type param, cf_cel_type arg)
{
    return arg == param || param == CF_CEL_T_DYN || cf_cel_infer_any(f, arg) ||
           (arg == CF_CEL_T_NULL && nullable(f, param)) ||
           (param == CF_CEL_T_NULL && nullable(f, arg));
}

/* A letter stands for what its first argument is, or for something more general as further arguments need. */
static cf_result tell(cf_cel_infer *f, cf_cel_type *letter, cf_cel_type arg, bool *ret)
{
    *ret = true;
    if (*letter == UNTOLD) {
        *letter = arg;
        return cf_ok();
    }
    return cf_cel_infer_join(f, arg, letter, ret);
}

/* Recursion goes down the signature, which is CF_CEL_TYPE_DEPTH_MAX deep at most. */
static cf_result takes(cf_cel_infer *f, cf_cel_type param, cf_cel_type arg, cf_cel_type *letters,
                       bool *ret)
{
    if (param >= CF_CEL_T_PARAM && param < CF_CEL_T_SIMPLE_END) {
        return tell(f, &letters[param - CF_CEL_T_PARAM], arg, ret);
    }
    arg = cf_cel_infer_value(f, arg);
    *ret = takes_simple(f, param, arg);
    if (*ret || param < CF_CEL_T_SIMPLE_END || arg < CF_CEL_T_SIMPLE_END) {
        return cf_ok();
    }
    const cf_cel_composite *p = cf_cel_pool_at(f->pool, param), *a = cf_cel_pool_at(f->pool, arg);
    if (p->of != a->of || !cf_view_eq(p->name, a->name)) {
        return cf_ok();
    }
    if (p->of == CF_CEL_OF_TYPE && !(cf_cel_type_flags(f->pool, param) & CF_CEL_HAS_PARAM)) {
        *ret = true;
        return cf_ok();
    }
    /* rows may move while parts are compared */
    cf_cel_composite of_p = *p, of_a = *a;
    bool args = of_p.of == CF_CEL_OF_ABSTRACT || of_p.of == CF_CEL_OF_ARGS;
    cf_cel_type end = of_p.of == CF_CEL_OF_ABSTRACT ? of_p.a : of_p.b;
    cf_cel_type end_a = of_a.of == CF_CEL_OF_ABSTRACT ? of_a.a : of_a.b;
    if (args && (end == 0) != (end_a == 0)) {
        return cf_ok();
    }
    CF_TRY(takes(f, of_p.a, of_a.a, letters, ret));
    bool second = *ret && (of_p.of == CF_CEL_OF_MAP || (of_p.of == CF_CEL_OF_ARGS && end != 0));
    return second ? takes(f, of_p.b, of_a.b, letters, ret) : cf_ok();
}

/* The result with the letters' types in their places; a letter that is untold becomes a variable. */
static cf_result place(cf_cel_infer *f, cf_cel_type t, cf_cel_type *letters, cf_cel_type *ret)
{
    *ret = t;
    if ((cf_cel_type_flags(f->pool, t) & CF_CEL_HAS_PARAM) == 0) {
        return cf_ok();
    }
    if (t < CF_CEL_T_SIMPLE_END) {
        cf_cel_type *letter = &letters[t - CF_CEL_T_PARAM];
        CF_TRY(*letter == UNTOLD ? cf_cel_infer_variable(f, letter) : cf_ok());
        *ret = *letter;
        return cf_ok();
    }
    cf_cel_composite row = *cf_cel_pool_at(f->pool, t);
    CF_TRY(place(f, row.a, letters, &row.a));
    CF_TRY(place(f, row.b, letters, &row.b));
    return cf_cel_pool_add(f->pool, (cf_cel_of)row.of, row.a, row.b, row.name, ret);
}

static cf_result overload_takes(cf_cel_infer *f, const cf_cel_signature *s, const cf_cel_type *args,
                                cf_cel_type *ret, bool *ret_found)
{
    cf_cel_type letters[CF_CEL_PARAMS_MAX];
    for (uint32_t i = 0; i < CF_CEL_PARAMS_MAX; i++) {
        letters[i] = UNTOLD;
    }
    uint32_t mark = f->trail_n;
    *ret_found = true;
    for (uint32_t i = 0; i < s->n && *ret_found; i++) {
        if (args[i] != s->params[i] || args[i] >= CF_CEL_T_PARAM) {
            CF_TRY(takes(f, s->params[i], args[i], letters, ret_found));
        }
    }
    if (!*ret_found) {
        undo(f, mark);
        return cf_ok();
    }
    return place(f, s->result, letters, ret);
}

CF_MUST_USE cf_result cf_cel_infer_call(cf_cel_infer *f, const cf_cel_group *group,
                                        const cf_cel_type *args, cf_cel_type *ret, bool *ret_found)
{
    *ret_found = false;
    for (uint32_t i = 0; i < group->n && !(*ret_found && *ret == CF_CEL_T_DYN); i++) {
        cf_cel_type result = CF_CEL_T_DYN;
        bool found;
        CF_TRY(overload_takes(f, &group->overloads[i].signature, args, &result, &found));
        if (found) {
            *ret = *ret_found && *ret != result ? CF_CEL_T_DYN : result;
            *ret_found = true;
        }
    }
    return cf_ok();
}
