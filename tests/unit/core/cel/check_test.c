/* SPDX-License-Identifier: Apache-2.0 */
/* The type checker on parsed sources: what type it finds, what it refuses and where. Rules are those of the sheet, its section in
 * brackets; TD is the conformance suite's type_deduction. */
#include "core/cel/tape_priv.h"

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

#define ARENA_BYTES ((size_t)32 << 20)

typedef struct {
    const char *source;
    const char *type; /* NULL: refused with error at that octet */
    cf_err error;
    uint32_t at;
} row;

static const struct {
    const char *name, *type;
} variables[] = {
    {"d", "dyn"},
    {"b", "bool"},
    {"i", "int"},
    {"u", "uint"},
    {"f", "double"},
    {"s", "string"},
    {"y", "bytes"},
    {"t", "timestamp"},
    {"p", "duration"},
    {"n", "null_type"},
    {"li", "list(int)"},
    {"ls", "list(string)"},
    {"ld", "list(dyn)"},
    {"mi", "map(string, int)"},
    {"md", "map(string, dyn)"},
    {"mm", "map(int, map(string, bool))"},
    {"oi", "optional(int)"},
    {"om", "optional(map(string, int))"},
    {"od", "optional(dyn)"},
    {"tt", "type"},
    {"w", "opaque"},
    {"a.b", "string"},
};

static const cf_cel_function functions[] = {
    {"fn", "(string,int)->string", NULL, 0},
    {"tuple", "(<T>,<U>,<V>)->tuple(<T>,<U>,<V>)", NULL, 0},
    {"sort3", "(tuple(T,T,T))->tuple(T,T,T)", NULL, 0},
    {"pick", "(A,A)->A", NULL, 0},
    {"many", "(int)->int", NULL, 0},
    {"many", "(string)->string", NULL, 0},
    {"many", "(list(A))->list(A)", NULL, 0},
    {"same", "(int)->bool", NULL, 0},
    {"same", "(string)->bool", NULL, 0},
    {"pair", "(map(K,V))->map(V,K)", NULL, 0},
    {"opt", "(optional(A))->A", NULL, 0},
    {"null_taker", "(null_type)->bool", NULL, 0},
    {"wide", "()->map(list(A),list(B))", NULL, 0},
    {"ofType", "(type(A),A)->A", NULL, 0},
    {"anyType", "(type)->bool", NULL, 0},
    {"meth", "opaque.(string)->opaque", NULL, 0},
};

static cf_result make_env(cf_cel_env **ret)
{
    CF_CEL_ENV(env);
    CF_TRY(cf_cel_env_new(NULL, &env));
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        uint32_t slot;
        CF_TRY(cf_cel_env_variable(env, cf_view_str(variables[i].name), variables[i].type, &slot));
    }
    cf_cel_library all = {functions, sizeof functions / sizeof functions[0]};
    CF_TRY(cf_cel_env_functions(env, all));
    *ret = env;
    env = NULL;
    return cf_ok();
}

static cf_result check_source(const cf_cel_env *env, cf_view source, cf_buf *out,
                              cf_cel_error *ret_error)
{
    CF_ARENA(arena, ARENA_BYTES);
    *ret_error = (cf_cel_error){.code = CF_OK};
    cf_cel_compilation c = {
        .env = env,
        .arena = &arena,
        .error = ret_error,
        .opt.budget = {.source_bytes = CF_CEL_SOURCE_BYTES_MAX,
                       .nodes = CF_CEL_NODES_MAX,
                       .nesting = CF_CEL_NESTING_MAX},
    };
    cf_cel_tape tape;
    cf_cel_pool pool;
    cf_cel_type type;
    CF_TRY(cf_cel_parse(&c, source, &tape));
    CF_TRY(cf_cel_check(&c, &tape, &pool, &type));
    return cf_cel_type_print(&pool, type, out);
}

static bool row_holds(const cf_cel_env *env, const row *r)
{
    CF_BUF(out);
    cf_cel_error error;
    cf_result got = check_source(env, cf_view_str(r->source), &out, &error);
    bool holds = r->type != NULL
                     ? cf_is_ok(got) && cf_view_eq(cf_buf_view(&out), cf_view_str(r->type))
                     : got.code == r->error && error.code == r->error && error.offset == r->at;
    if (!holds) {
        print_error("%s\n  got  %s %.*s at %u\n", r->source, cf_err_code(got.code), (int)out.len,
                    (const char *)out.data, error.offset);
    }
    return holds;
}

static void run_rows(const row *rows, size_t n)
{
    CF_CEL_ENV(env);
    assert_ok(make_env(&env));
    size_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        bad += !row_holds(env, &rows[i]);
    }
    assert_int_equal(bad, 0);
}
#define ROWS(table) run_rows((table), sizeof(table) / sizeof(table)[0])

#define REFUSED(at) NULL, CF_ERR_CEL_TYPE, (at)
#define UNKNOWN(at) NULL, CF_ERR_CEL_NAME, (at)

/* [3, 4; TD constant_literals] */
static const row operands[] = {
    {"true", "bool", 0, 0},
    {"null", "null_type", 0, 0},
    {"1", "int", 0, 0},
    {"1u", "uint", 0, 0},
    {"1.0", "double", 0, 0},
    {"'x'", "string", 0, 0},
    {"b'x'", "bytes", 0, 0},
    {"int", "type(int)", 0, 0},
    {"list", "type(list(dyn))", 0, 0},
    {"optional_type", "type(optional_type(dyn))", 0, 0},
    {"google.protobuf.Timestamp", "type(google.protobuf.Timestamp)", 0, 0},
    {"net.IP", "type(net.IP)", 0, 0},
    {"type(1) == int", "bool", 0, 0},
    {"[int, string]", "list(type(int))", 0, 0},
    {"w", "opaque", 0, 0},
    {"a.b", "string", 0, 0},
    {"nosuch", UNKNOWN(0)},
    {"1 + nosuch", UNKNOWN(4)},
    {"nosuch.x", UNKNOWN(0)},
    {"nosuch || true", UNKNOWN(0)},
    {"dyn", UNKNOWN(0)},
    {"Msg{a: 1}", UNKNOWN(0)},
    {"[1].exists(x, z)", UNKNOWN(14)},
};

static void types_of_operands(void **state)
{
    (void)state;
    ROWS(operands);
}

/* [11; TD complex_initializers, map_expressions, flexible_type_parameter_assignment] */
static const row literals[] = {
    {"[]", "list(dyn)", 0, 0},
    {"{}", "map(dyn, dyn)", 0, 0},
    {"[1, 2]", "list(int)", 0, 0},
    {"[1, 'a']", "list(dyn)", 0, 0},
    {"[1, dyn('a')]", "list(dyn)", 0, 0},
    {"[1, 'a', 2]", "list(dyn)", 0, 0},
    {"{'a': 1, 'b': 2}", "map(string, int)", 0, 0},
    {"{'a': 1, 'b': 'c'}", "map(string, dyn)", 0, 0},
    {"{'a': 1, 2: 3}", "map(dyn, int)", 0, 0},
    {"[[], [[]], [[[]]], [[[[]]]]]", "list(list(list(list(list(dyn)))))", 0, 0},
    {"[[[[[]]]], [], [[[]]]]", "list(list(list(list(list(dyn)))))", 0, 0},
    {"[[], [1]]", "list(list(int))", 0, 0},
    {"[[1], []]", "list(list(int))", 0, 0},
    {"[[1], [], ['a']]", "list(dyn)", 0, 0},
    {"[[], [1], [dyn(1)]]", "list(list(dyn))", 0, 0},
    {"[[dyn(1)], [1], []]", "list(list(dyn))", 0, 0},
    {"[{}, {'a': 1}]", "list(map(string, int))", 0, 0},
    {"[{'a': []}, {'b': [1u]}, {}]", "list(map(string, list(uint)))", 0, 0},
    {"[{'a': 1}, {'a': dyn(1)}]", "list(map(string, dyn))", 0, 0},
    {"[{'a': dyn(1)}, {dyn('a'): 1}]", "list(dyn)", 0, 0},
    {"[optional.none(), optional.of(1)]", "list(optional_type(int))", 0, 0},
    {"[optional.of(1), optional.none()]", "list(optional_type(int))", 0, 0},
    {"[optional.of(1), optional.of(dyn(1))]", "list(optional_type(dyn))", 0, 0},
    {"[optional.of(dyn(1)), optional.of(1)]", "list(optional_type(dyn))", 0, 0},
    {"[?oi, 1]", "list(int)", 0, 0},
    {"[?oi, ?d]", "list(dyn)", 0, 0},
    {"[?i]", REFUSED(0)},
    {"{?'a': oi, 'b': 2}", "map(string, int)", 0, 0},
    {"{?'a': 1}", REFUSED(0)},
    {"[int, 1]", "list(dyn)", 0, 0},
};

static void types_of_literals(void **state)
{
    (void)state;
    ROWS(literals);
}

/* [11: null may stand for what is abstract; TD legacy_nullable_types] */
static const row nulls[] = {
    {"[optional.of(1), null][0]", "optional_type(int)", 0, 0},
    {"[null, optional.of(1)][0]", "optional_type(int)", 0, 0},
    {"[t, null][0]", "google.protobuf.Timestamp", 0, 0},
    {"[null, p][0]", "google.protobuf.Duration", 0, 0},
    {"[w, null]", "list(opaque)", 0, 0},
    {"[ip('::'), null]", "list(net.IP)", 0, 0},
    {"[1, null]", "list(dyn)", 0, 0},
    {"[[1], null]", "list(dyn)", 0, 0},
    {"t == null", "bool", 0, 0},
    {"null == oi", "bool", 0, 0},
    {"null == 1", REFUSED(5)},
    {"li == null", REFUSED(3)},
    {"null == null", "bool", 0, 0},
    {"n == d", "bool", 0, 0},
    {"null < null", REFUSED(5)},
    {"t + null", REFUSED(2)},
    {"null_taker(null)", "bool", 0, 0},
    {"null_taker(t)", "bool", 0, 0},
    {"null_taker(1)", REFUSED(0)},
};

static void null_and_what_may_be_null(void **state)
{
    (void)state;
    ROWS(nulls);
}

/* [5.1, 11] */
static const row operators[] = {
    {"1 + 2", "int", 0, 0},
    {"1u * 2u", "uint", 0, 0},
    {"1.0 / 2.0", "double", 0, 0},
    {"'a' + 'b'", "string", 0, 0},
    {"y + b'b'", "bytes", 0, 0},
    {"p + p", "google.protobuf.Duration", 0, 0},
    {"p - p", "google.protobuf.Duration", 0, 0},
    {"t + p", "google.protobuf.Timestamp", 0, 0},
    {"p + t", "google.protobuf.Timestamp", 0, 0},
    {"t - p", "google.protobuf.Timestamp", 0, 0},
    {"t - t", "google.protobuf.Duration", 0, 0},
    {"t - d", "dyn", 0, 0},
    {"d - t", "google.protobuf.Duration", 0, 0},
    {"p - t", REFUSED(2)},
    {"t + t", REFUSED(2)},
    {"p * p", REFUSED(2)},
    {"'a' - 'b'", REFUSED(4)},
    {"1 + 1.0", REFUSED(2)},
    {"1 + 1u", REFUSED(2)},
    {"1.0 % 2.0", REFUSED(4)},
    {"7 % 2", "int", 0, 0},
    {"b + b", REFUSED(2)},
    {"d + 1", "int", 0, 0},
    {"1 + d", "int", 0, 0},
    {"d + d", "dyn", 0, 0},
    {"d * d", "dyn", 0, 0},
    {"d + b", REFUSED(2)},
    {"d % 1.0", REFUSED(2)},
    {"d + p", "dyn", 0, 0},
    {"[1] + [2]", "list(int)", 0, 0},
    {"[1] + []", "list(int)", 0, 0},
    {"[] + [1]", "list(int)", 0, 0},
    {"[] + []", "list(dyn)", 0, 0},
    {"[1] + ['a']", REFUSED(4)},
    {"[1] + ld", "list(dyn)", 0, 0},
    {"li + d", "list(int)", 0, 0},
    {"d + li", "list(int)", 0, 0},
    {"li - li", REFUSED(3)},
    {"li + 1", REFUSED(3)},
    {"mi + mi", REFUSED(3)},
    {"-i", "int", 0, 0},
    {"-f", "double", 0, 0},
    {"-d", "dyn", 0, 0},
    {"-u", REFUSED(0)},
    {"-p", REFUSED(0)},
    {"!b", "bool", 0, 0},
    {"!d", "bool", 0, 0},
    {"!i", REFUSED(0)},
    {"i < 1", "bool", 0, 0},
    {"b <= true", "bool", 0, 0},
    {"s > 'a'", "bool", 0, 0},
    {"y >= b''", "bool", 0, 0},
    {"t < t", "bool", 0, 0},
    {"p < p", "bool", 0, 0},
    {"i < d", "bool", 0, 0},
    {"d < d", "bool", 0, 0},
    {"i < 1.0", REFUSED(2)},
    {"i < u", REFUSED(2)},
    {"t < p", REFUSED(2)},
    {"li < li", REFUSED(3)},
    {"d < li", REFUSED(2)},
    {"int < int", REFUSED(4)},
};

static void types_of_operators(void **state)
{
    (void)state;
    ROWS(operators);
}

/* [5.5, 5.6, 11] */
static const row generic[] = {
    {"1 == 1.0", REFUSED(2)},
    {"1 != 'a'", REFUSED(2)},
    {"1 == d", "bool", 0, 0},
    {"li == [1]", "bool", 0, 0},
    {"li == ['a']", REFUSED(3)},
    {"li == ld", "bool", 0, 0},
    {"li == []", "bool", 0, 0},
    {"mi == {}", "bool", 0, 0},
    {"mi == li", REFUSED(3)},
    {"oi == optional.none()", "bool", 0, 0},
    {"oi == om", REFUSED(3)},
    {"w == w", "bool", 0, 0},
    {"w == 1", REFUSED(2)},
    {"int == string", "bool", 0, 0},
    {"tt == int", "bool", 0, 0},
    {"int == 1", REFUSED(4)},
    {"1 in li", "bool", 0, 0},
    {"1 in []", "bool", 0, 0},
    {"'a' in mi", "bool", 0, 0},
    {"d in li", "bool", 0, 0},
    {"1 in d", "bool", 0, 0},
    {"1 in [1.0]", REFUSED(2)},
    {"1 in mi", REFUSED(2)},
    {"'a' in s", REFUSED(4)},
    {"1 in oi", REFUSED(2)},
    {"b ? 1 : 2", "int", 0, 0},
    {"d ? 1 : d", "dyn", 0, 0},
    {"b ? [] : [1]", "list(int)", 0, 0},
    {"b ? 1 : 'a'", REFUSED(2)},
    {"1 ? 1 : 2", REFUSED(2)},
    {"b ? null : t", "google.protobuf.Timestamp", 0, 0},
    {"b ? (d ? 1 : 2) : i", "int", 0, 0},
    {"true ? optional.of(dyn(1)) : optional.of(1)", "optional_type(dyn)", 0, 0},
    {"b && d && true", "bool", 0, 0},
    {"b || d", "bool", 0, 0},
    {"b && 1", REFUSED(2)},
    {"1 && b", REFUSED(2)},
    {"b || b || 'a'", REFUSED(2)},
    {"b || null", REFUSED(2)},
};

static void parametric_operators(void **state)
{
    (void)state;
    ROWS(generic);
}

/* [5.5, 9, 11; TD indexing] */
static const row accesses[] = {
    {"['foo'][0]", "string", 0, 0},
    {"{'abc': 123}['abc']", "int", 0, 0},
    {"li[d]", "int", 0, 0},
    {"li['a']", REFUSED(2)},
    {"li[1u]", REFUSED(2)},
    {"mi[1]", REFUSED(2)},
    {"mi[d]", "int", 0, 0},
    {"mm[1]['a']", "bool", 0, 0},
    {"d[0]", "dyn", 0, 0},
    {"d['a'].b[1u]", "dyn", 0, 0},
    {"s[0]", REFUSED(1)},
    {"mi.x", "int", 0, 0},
    {"mm[1].x", "bool", 0, 0},
    {"d.x.y", "dyn", 0, 0},
    {"li.x", REFUSED(3)},
    {"i.x", REFUSED(2)},
    {"t.x", REFUSED(2)},
    {"has(mi.x)", "bool", 0, 0},
    {"has(d.x)", "bool", 0, 0},
    {"has(om.x)", "bool", 0, 0},
    {"has(li.x)", REFUSED(7)},
    {"mi.?x", "optional_type(int)", 0, 0},
    {"mi[?'x']", "optional_type(int)", 0, 0},
    {"li[?0]", "optional_type(int)", 0, 0},
    {"d.?x", "optional_type(dyn)", 0, 0},
    {"d[?0]", "optional_type(dyn)", 0, 0},
    {"om.x", "optional_type(int)", 0, 0},
    {"om['x']", "optional_type(int)", 0, 0},
    {"om.?x", "optional_type(int)", 0, 0},
    {"od.x.y", "optional_type(dyn)", 0, 0},
    {"mm[?1].x", "optional_type(bool)", 0, 0},
    {"oi.x", REFUSED(3)},
    {"li[?'x']", REFUSED(2)},
    {"([].map(x,x))[0].foo", "dyn", 0, 0},
    {"[][0]", "dyn", 0, 0},
    {"{}.x", "dyn", 0, 0},
    {"[][0][1]", "dyn", 0, 0},
};

static void selection_and_indices(void **state)
{
    (void)state;
    ROWS(accesses);
}

/* [6, 11] */
static const row macros[] = {
    {"li.all(x, x > 0)", "bool", 0, 0},
    {"li.exists(x, d)", "bool", 0, 0},
    {"li.exists_one(x, x == 1)", "bool", 0, 0},
    {"li.all(x, x)", REFUSED(3)},
    {"li.exists(x, x == 'a')", REFUSED(15)},
    {"li.map(x, x + 1)", "list(int)", 0, 0},
    {"li.map(x, string(x))", "list(string)", 0, 0},
    {"li.map(x, x > 0, [x])", "list(list(int))", 0, 0},
    {"li.map(x, x, [x])", REFUSED(3)},
    {"li.filter(x, x > 0)", "list(int)", 0, 0},
    {"li.filter(x, x)", REFUSED(3)},
    {"mi.filter(k, k != 'a')", "list(string)", 0, 0},
    {"mi.map(k, mi[k])", "list(int)", 0, 0},
    {"d.filter(x, x.ok)", "list(dyn)", 0, 0},
    {"d.map(x, x.n)", "list(dyn)", 0, 0},
    {"s.all(x, true)", REFUSED(2)},
    {"oi.map(x, x)", REFUSED(3)},
    {"[].map(x, x)", "list(dyn)", 0, 0},
    {"[].map(x, x + 1)", "list(int)", 0, 0},
    {"ls.all(i, v, v != '' && i >= 0)", "bool", 0, 0},
    {"ls.all(i, v, i != '')", REFUSED(15)},
    {"mi.exists(k, v, k == 'a' && v == 1)", "bool", 0, 0},
    {"mi.existsOne(k, v, k == v)", REFUSED(21)},
    {"ls.transformList(i, v, i)", "list(int)", 0, 0},
    {"ls.transformList(i, v, i > 0, v)", "list(string)", 0, 0},
    {"ls.transformMap(i, v, v)", "map(int, string)", 0, 0},
    {"mi.transformMap(k, v, v > 0, [v])", "map(string, list(int))", 0, 0},
    {"d.transformMap(k, v, 1)", "map(dyn, int)", 0, 0},
    {"mi.transformMapEntry(k, v, {v: k})", "map(int, string)", 0, 0},
    {"mi.transformMapEntry(k, v, d)", "map(dyn, dyn)", 0, 0},
    {"mi.transformMapEntry(k, v, k)", REFUSED(3)},
    {"ls.sortBy(x, x.size())", "list(string)", 0, 0},
    {"ls.sortBy(x, d)", "list(string)", 0, 0},
    {"d.sortBy(x, x.n)", "list(dyn)", 0, 0},
    {"ls.sortBy(x, [x])", REFUSED(3)},
    {"mi.sortBy(x, x)", REFUSED(3)},
    {"cel.bind(x, 1, x + 1)", "int", 0, 0},
    {"cel.bind(x, [], x + [1])", "list(int)", 0, 0},
    {"cel.bind(x, 'a', x + 1)", REFUSED(19)},
    {"cel.bind(x, [], x == [1] ? x : [2])", "list(int)", 0, 0},
    {"cel.block([1, cel.index(0) + 1, 'a'], cel.index(2) + string(cel.index(1)))", "string", 0, 0},
    {"li.exists(x, ls.exists(x, x == 'a'))", "bool", 0, 0},
    {"li.map(x, ls.map(z, {z: x}))", "list(list(map(string, int)))", 0, 0},
};

static void types_of_macros(void **state)
{
    (void)state;
    ROWS(macros);
}

/* [9] */
static const row optionals[] = {
    {"optional.of(1)", "optional_type(int)", 0, 0},
    {"optional.none()", "optional_type(dyn)", 0, 0},
    {"oi.orValue(1)", "int", 0, 0},
    {"oi.orValue(d)", "dyn", 0, 0},
    {"oi.orValue('a')", REFUSED(3)},
    {"oi.orValue(oi.orValue(1))", "int", 0, 0},
    {"optional.none().orValue([])", "list(dyn)", 0, 0},
    {"optional.none().orValue(1)", "int", 0, 0},
    {"oi.or(optional.of(2))", "optional_type(int)", 0, 0},
    {"oi.or(optional.none()).orValue(3)", "int", 0, 0},
    {"oi.or(1)", REFUSED(3)},
    {"oi.or(om)", REFUSED(3)},
    {"i.orValue(1)", REFUSED(2)},
    {"d.orValue(1)", "dyn", 0, 0},
    {"oi.optMap(x, string(x))", "optional_type(string)", 0, 0},
    {"oi.optMap(x, x + 'a')", REFUSED(15)},
    {"d.optMap(x, [x])", "optional_type(list(dyn))", 0, 0},
    {"i.optMap(x, x)", REFUSED(2)},
    {"om.optFlatMap(x, x.?y)", "optional_type(int)", 0, 0},
    {"om.optFlatMap(x, d)", "dyn", 0, 0},
    {"om.optFlatMap(x, x)", REFUSED(3)},
    {"oi.value() + 1", "int", 0, 0},
    {"om.x.orValue(1) + li[?0].orValue(0)", "int", 0, 0},
};

static void types_of_optionals(void **state)
{
    (void)state;
    ROWS(optionals);
}

/* [11: calls; TD functions, type_parameters] */
static const row calls[] = {
    {"fn('abc', 123)", "string", 0, 0},
    {"fn('abc', d)", "string", 0, 0},
    {"fn('abc', 'd')", REFUSED(0)},
    {"fn('abc')", REFUSED(0)},
    {"nosuch(1)", UNKNOWN(0)},
    {"s.nosuch()", UNKNOWN(2)},
    {"s.size(1)", REFUSED(2)},
    {"('foo' + 'bar').startsWith('foo')", "bool", 0, 0},
    {"i.startsWith('foo')", REFUSED(2)},
    {"d.startsWith(d)", "bool", 0, 0},
    {"many(1)", "int", 0, 0},
    {"many('a')", "string", 0, 0},
    {"many([1u])", "list(uint)", 0, 0},
    {"many([])", "list(dyn)", 0, 0},
    {"many(d)", "dyn", 0, 0},
    {"many(1.0)", REFUSED(0)},
    {"same(d)", "bool", 0, 0},
    {"pick(1, 2)", "int", 0, 0},
    {"pick(1, d)", "dyn", 0, 0},
    {"pick(d, 1)", "dyn", 0, 0},
    {"pick([], [1])", "list(int)", 0, 0},
    {"pick([1], [])", "list(int)", 0, 0},
    {"pick(1, 'a')", REFUSED(0)},
    {"pick(null, t)", "google.protobuf.Timestamp", 0, 0},
    {"pair(mi)", "map(int, string)", 0, 0},
    {"pair({})", "map(dyn, dyn)", 0, 0},
    {"pair(li)", REFUSED(0)},
    {"opt(oi)", "int", 0, 0},
    {"opt(optional.none()) + 1", "int", 0, 0},
    {"opt(1)", REFUSED(0)},
    {"ofType(int, 1)", "int", 0, 0},
    {"ofType(int, 'a')", REFUSED(0)},
    {"anyType(int) && anyType(tt)", "bool", 0, 0},
    {"anyType(1)", REFUSED(0)},
    {"w.meth('a')", "opaque", 0, 0},
    {"s.meth('a')", REFUSED(2)},
    {"null.meth('a')", "opaque", 0, 0},
    {"tuple(1, 2u, 3.0)", "tuple(int, uint, double)", 0, 0},
    {"[tuple(1, 2u, 3.0), tuple(dyn(1), dyn(2u), dyn(3.0))][0]", "tuple(dyn, dyn, dyn)", 0, 0},
    {"sort3(tuple(dyn(1), 2u, 3.0))", "tuple(dyn, dyn, dyn)", 0, 0},
    {"sort3(tuple(1, 2, 3))", "tuple(int, int, int)", 0, 0},
    {"sort3(tuple(1, 2, 'a'))", REFUSED(0)},
    {"sort3(w)", REFUSED(0)},
    {"tuple(1, 2u, 3.0) == tuple(1, dyn(2u), dyn(3.0))", "bool", 0, 0},
    {"tuple(dyn(1), dyn(2u), 3.0) == tuple(1, 2u, 3.0)", "bool", 0, 0},
    {"tuple(1, 2u, 3.0) == tuple(1, 2u, '')", REFUSED(18)},
    {"tuple(1, 2, 3) == w", REFUSED(15)},
    {"isIP(cidr('192.168.0.0/24'))", REFUSED(0)},
    {"size(d)", "int", 0, 0},
    {"dyn(1)", "dyn", 0, 0},
};

static void types_of_calls(void **state)
{
    (void)state;
    ROWS(calls);
}

/* Text of n times before, middle, n times after. */
static void nest(cf_buf *out, size_t n, const char *before, const char *middle, const char *after)
{
    for (size_t i = 0; i < n; i++) {
        assert_ok(cf_buf_append(out, cf_view_str(before)));
    }
    assert_ok(cf_buf_append(out, cf_view_str(middle)));
    for (size_t i = 0; i < n; i++) {
        assert_ok(cf_buf_append(out, cf_view_str(after)));
    }
}

static cf_result check_buf(const cf_buf *source, cf_cel_error *error)
{
    CF_CEL_ENV(env);
    CF_BUF(out);
    assert_ok(make_env(&env));
    return check_source(env, cf_buf_view(source), &out, error);
}

/* A budget error names its member and has a place. */
static void assert_over(const cf_buf *source)
{
    cf_cel_error error;
    assert_err(check_buf(source, &error), BUDGET);
    assert_int_equal(error.code, CF_ERR_BUDGET);
    assert_string_equal(error.budget, "nodes");
    assert_true(error.offset < source->len);
}

static void chains_and_nests_are_linear(void **state)
{
    (void)state;
    cf_cel_error error;
    CF_BUF(brackets);
    nest(&brackets, CF_CEL_NESTING_MAX, "[", "1", "]");
    assert_ok(check_buf(&brackets, &error));
    /* 4,000 lists within each other, without a bracket that nests; then against as many */
    CF_BUF(chain);
    nest(&chain, 4000, ".map(x,[x])", "", "");
    CF_BUF(lists);
    assert_ok(cf_buf_append(&lists, CF_LIT("[]")));
    assert_ok(cf_buf_append(&lists, cf_buf_view(&chain)));
    assert_ok(check_buf(&lists, &error));
    CF_BUF(terms);
    nest(&terms, 6000, "d && ", "b", "");
    assert_ok(check_buf(&terms, &error));
    CF_BUF(empties);
    nest(&empties, 1, "[", "[]", "");
    nest(&empties, 5000, ",[]", "]", "");
    assert_ok(check_buf(&empties, &error));
}

/* cel.bind(a1, {a0: a0}, cel.bind(a2, {a1: a1}, ...)): the type of the last has 2^n parts in n rows. */
static void doubled(cf_buf *out, char name, int n, const char *first)
{
    char text[80];
    snprintf(text, sizeof text, "cel.bind(%c0, %s, ", name, first);
    assert_ok(cf_buf_append(out, cf_view_str(text)));
    for (int i = 1; i < n; i++) {
        snprintf(text, sizeof text, "cel.bind(%c%d, {%c%d: %c%d}, ", name, i, name, i - 1, name,
                 i - 1);
        assert_ok(cf_buf_append(out, cf_view_str(text)));
    }
}

static void shared_parts_are_not_exponential(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool over;
    } cases[] = {{"1", "1", false}, {"1", "dyn(1)", true}, {"[]", "[]", true}, {"[]", "[1]", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CF_BUF(source);
        doubled(&source, 'a', 100, cases[i].a);
        doubled(&source, 'b', 100, cases[i].b);
        nest(&source, 200, "", "a99 == b99", ")");
        cf_cel_error error;
        if (cases[i].over) {
            assert_over(&source);
        } else {
            assert_ok(check_buf(&source, &error));
        }
    }
    /* alone they cost nothing, and print within bounds */
    CF_BUF(alone);
    doubled(&alone, 'a', 200, "[]");
    nest(&alone, 200, "", "a199", ")");
    cf_cel_error error;
    assert_ok(check_buf(&alone, &error));
}

/* No type contains itself. */
static void no_infinite_types(void **state)
{
    (void)state;
    static const row rows[] = {
        {"cel.bind(a, [], a == [a])", REFUSED(18)},
        {"cel.bind(a, [], [a] == a)", REFUSED(20)},
        {"cel.bind(a, [], [a, [a]])", "list(dyn)", 0, 0},
        {"cel.bind(a, {}, a == {'x': a})", REFUSED(18)},
        {"cel.bind(a, [], cel.bind(c, [], a == c && c == [a]))", REFUSED(44)},
        {"cel.bind(a, [], cel.bind(c, [], [a, c, [a]]))", "list(dyn)", 0, 0},
        {"cel.bind(a, [], cel.bind(c, [], a == c && c == [1] && a == [2]))", "bool", 0, 0},
        {"cel.bind(a, [], cel.bind(c, [], a == c && c == [1] && a == ['']))", REFUSED(56)},
        {"cel.bind(a, [], cel.bind(c, [], a == [1] && c == [d] && a == c && a == ['']))", "bool", 0,
         0},
    };
    ROWS(rows);
}

/* CF_CEL_CHECK_TYPES_*: a result of five rows for a node that may have four. */
static void bounds_types(void **state)
{
    (void)state;
    uint32_t limit = 0;
    for (uint32_t n = 1; n < 200; n++) {
        CF_BUF(source);
        nest(&source, 1, "[", "wide()", "");
        nest(&source, n - 1, ",wide()", "]", "");
        CF_BUF(out);
        cf_cel_error error;
        CF_CEL_ENV(env);
        assert_ok(make_env(&env));
        cf_result r = check_source(env, cf_buf_view(&source), &out, &error);
        /* 5 rows of each call and one of the list, of 64 and 4 for each call and the list */
        bool fits = 5 * n + 1 <= 64 + 4 * (n + 1);
        assert_code(r, fits ? CF_OK : CF_ERR_BUDGET);
        limit += fits;
    }
    assert_int_equal(limit, 67);
}

static cf_result check_once(void *ctx)
{
    CF_BUF(out);
    cf_cel_error error;
    return check_source(ctx, CF_LIT("[[], [[]], li.map(x, {x: [x]})] == [] && opt(oi) in [dyn(1)]"),
                        &out, &error);
}

static cf_result make_and_free(void *ctx)
{
    (void)ctx;
    CF_CEL_ENV(env);
    return make_env(&env);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    CF_CEL_ENV(env);
    assert_ok(make_env(&env));
    assert_true(failmalloc_each(check_once, env, 1) >= 1);
    assert_true(failmalloc_each(make_and_free, NULL, 2) >= 2);
}

/* What stands in an expression may be somebody's: no memory goes back with it, whether the expression compiles or not. */
static void wipes_literals(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "'a name of some length' == 'x'",
        "['a name of some length', '\\x61 name of some length'].exists(x, x == 'y')",
        "'x'.matches('a name of some length')",
        "'a name of some length' + 1",
        "'a name of some length' ==",
    };
    CF_CEL_ENV(env);
    assert_ok(make_env(&env));
    size_t before = failmalloc_watch(CF_LIT("a name of some length"));
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        CF_CEL_PROGRAM(p);
        cf_cel_error error;
        cf_result r = cf_cel_compile(env, cf_view_str(sources[i]), NULL, &p, &error);
        assert_int_equal(cf_is_ok(r), i < 3);
    }
    assert_int_equal(failmalloc_watch(CF_VIEW_EMPTY) - before, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_of_operands),
        cmocka_unit_test(types_of_literals),
        cmocka_unit_test(null_and_what_may_be_null),
        cmocka_unit_test(types_of_operators),
        cmocka_unit_test(parametric_operators),
        cmocka_unit_test(selection_and_indices),
        cmocka_unit_test(types_of_macros),
        cmocka_unit_test(types_of_optionals),
        cmocka_unit_test(types_of_calls),
        cmocka_unit_test(chains_and_nests_are_linear),
        cmocka_unit_test(shared_parts_are_not_exponential),
        cmocka_unit_test(no_infinite_types),
        cmocka_unit_test(bounds_types),
        cmocka_unit_test(wipes_literals),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
