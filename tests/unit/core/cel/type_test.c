/* SPDX-License-Identifier: Apache-2.0 */
/* Types and signatures from and to text (sheet section 11; the texts are those of the conformance rows' type_env and typed results). */
#include "core/cel/env_priv.h"

#include "tests/support/failmalloc.h"
#include "tests/support/test.h"

#define ARENA_BYTES ((size_t)1 << 20)

/* Reads text, which may have parameters, and prints what was read; NULL for what must be MALFORMED. */
static const struct {
    const char *text, *printed;
} texts[] = {
    {"dyn", "dyn"},
    {"int", "int"},
    {"null_type", "null_type"},
    {"timestamp", "google.protobuf.Timestamp"},
    {"google.protobuf.Duration", "google.protobuf.Duration"},
    {"ip", "net.IP"},
    {"net.CIDR", "net.CIDR"},
    {"list", "list(dyn)"},
    {"map", "map(dyn, dyn)"},
    {"type", "type(dyn)"},
    {"type(int)", "type(int)"},
    {"optional(string)", "optional_type(string)"},
    {"optional_type( list ( int ) )", "optional_type(list(int))"},
    {"map(string,list(map(int,bytes)))", "map(string, list(map(int, bytes)))"},
    {"A", "<A>"},
    {"list(<T>)", "list(<A>)"},
    {"map(K, map(V, K))", "map(<A>, map(<B>, <A>))"},
    {"tuple(<T>, <U>, <V>)", "tuple(<A>, <B>, <C>)"},
    {"a.b.opaque", "a.b.opaque"},
    {"opaque(int)", "opaque(int)"},
    {"Ab", "Ab"},
    {"", NULL},
    {"list(", NULL},
    {"list(int", NULL},
    {"list()", NULL},
    {"list(int,int)", NULL},
    {"map(int)", NULL},
    {"int(int)", NULL},
    {"<T", NULL},
    {"<int>", NULL},
    {"list(int))", NULL},
    {"1a", NULL},
    {"a.", NULL},
    {"a..b", NULL},
};

static cf_result read_all(cf_cel_pool *p, const char *text, cf_cel_type *ret)
{
    cf_cel_letters letters = {.n = 0};
    cf_view left = cf_view_str(text);
    CF_TRY(cf_cel_type_read(p, &letters, &left, ret));
    CF_REQUIRE(left.len == 0, MALFORMED);
    return cf_ok();
}

static void reads_and_prints(void **state)
{
    (void)state;
    CF_ARENA(arena, ARENA_BYTES);
    cf_cel_pool p;
    cf_cel_pool_init(&p, NULL, &arena, 100);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cf_cel_type t = CF_CEL_T_DYN;
        cf_result r = read_all(&p, texts[i].text, &t);
        if (texts[i].printed == NULL) {
            assert_err(r, MALFORMED);
            continue;
        }
        assert_ok(r);
        CF_BUF(out);
        assert_ok(cf_cel_type_print(&p, t, &out));
        assert_view(cf_buf_view(&out), cf_view_str(texts[i].printed));
    }
}

static void parameters_only_where_they_may_be(void **state)
{
    (void)state;
    CF_ARENA(arena, ARENA_BYTES);
    cf_cel_pool p;
    cf_cel_pool_init(&p, NULL, &arena, 100);
    cf_view text = CF_LIT("list(A)");
    cf_cel_type t;
    assert_err(cf_cel_type_read(&p, NULL, &text, &t), MALFORMED);
    assert_ok(read_all(&p, "m(m(A,B,C,D),E,F,G,H)", &t));
    assert_err(read_all(&p, "m(m(A,B,C,D),E,F,G,H,I)", &t), SIZE);
    assert_ok(read_all(&p, "m(int,int,int,int,int,int,int,int)", &t));
    assert_err(read_all(&p, "m(int,int,int,int,int,int,int,int,int)", &t), SIZE);
}

static void bounds_depth(void **state)
{
    (void)state;
    CF_ARENA(arena, ARENA_BYTES);
    for (size_t depth = CF_CEL_TYPE_DEPTH_MAX - 1; depth <= CF_CEL_TYPE_DEPTH_MAX + 1; depth++) {
        cf_cel_pool p;
        cf_cel_pool_init(&p, NULL, &arena, 100);
        CF_BUF(text);
        for (size_t i = 0; i < depth; i++) {
            assert_ok(cf_buf_append(&text, CF_LIT("list(")));
        }
        assert_ok(cf_buf_append(&text, CF_LIT("int")));
        for (size_t i = 0; i < depth; i++) {
            assert_ok(cf_buf_append(&text, CF_LIT(")")));
        }
        cf_view left = cf_buf_view(&text);
        cf_cel_type t;
        cf_result r = cf_cel_type_read(&p, NULL, &left, &t);
        assert_code(r, depth <= CF_CEL_TYPE_DEPTH_MAX ? CF_OK : CF_ERR_DEPTH);
    }
}

static void equal_types_share_a_number(void **state)
{
    (void)state;
    CF_ARENA(arena, ARENA_BYTES);
    cf_cel_pool base, p;
    cf_cel_pool_init(&base, NULL, &arena, 1000);
    cf_cel_type of_base, t;
    assert_ok(read_all(&base, "map(string, list(tuple(int, uint)))", &of_base));
    cf_cel_pool_init(&p, &base, &arena, 1000);
    assert_ok(read_all(&p, "map(string, list(tuple(int, uint)))", &t));
    assert_int_equal(t, of_base);
    assert_int_equal(p.n, 0);
    /* beyond the rows that are searched one by one, and beyond one growth of the index */
    cf_cel_type made[100];
    for (uint32_t i = 0; i < 100; i++) {
        cf_cel_type inner = i == 0 ? CF_CEL_T_INT : made[i - 1];
        assert_ok(cf_cel_pool_of(&p, CF_CEL_OF_LIST, inner, &made[i]));
    }
    assert_int_equal(p.n, 100);
    for (uint32_t i = 0; i < 100; i++) {
        cf_cel_type inner = i == 0 ? CF_CEL_T_INT : made[i - 1];
        assert_ok(cf_cel_pool_of(&p, CF_CEL_OF_LIST, inner, &t));
        assert_int_equal(t, made[i]);
        assert_int_equal(cf_cel_pool_at(&p, t)->a, inner);
    }
    /* variables are different each time */
    cf_cel_type u;
    assert_ok(cf_cel_pool_of(&p, CF_CEL_OF_VARIABLE, 0, &t));
    assert_ok(cf_cel_pool_of(&p, CF_CEL_OF_VARIABLE, 0, &u));
    assert_int_not_equal(t, u);
}

static void bounds_rows(void **state)
{
    (void)state;
    CF_ARENA(arena, ARENA_BYTES);
    cf_cel_pool p;
    cf_cel_pool_init(&p, NULL, &arena, 3);
    cf_cel_type t = CF_CEL_T_INT;
    for (int i = 0; i < 3; i++) {
        assert_ok(cf_cel_pool_of(&p, CF_CEL_OF_LIST, t, &t));
    }
    cf_cel_type u;
    assert_ok(cf_cel_pool_of(&p, CF_CEL_OF_LIST, CF_CEL_T_INT, &u));
    assert_err(cf_cel_pool_of(&p, CF_CEL_OF_LIST, t, &t), BUDGET);
    assert_int_equal(p.n, 3);
}

static void flags_tell_what_is_inside(void **state)
{
    (void)state;
    CF_ARENA(arena, ARENA_BYTES);
    cf_cel_pool p;
    cf_cel_pool_init(&p, NULL, &arena, 100);
    cf_cel_type t, v;
    assert_ok(read_all(&p, "map(string, list(int))", &t));
    assert_int_equal(cf_cel_type_flags(&p, t), 0);
    assert_ok(read_all(&p, "map(string, list(A))", &t));
    assert_int_equal(cf_cel_type_flags(&p, t), CF_CEL_HAS_PARAM);
    assert_ok(cf_cel_pool_of(&p, CF_CEL_OF_VARIABLE, 0, &v));
    assert_ok(cf_cel_pool_add(&p, CF_CEL_OF_MAP, t, v, CF_VIEW_EMPTY, &t));
    assert_int_equal(cf_cel_type_flags(&p, t), CF_CEL_HAS_PARAM | CF_CEL_HAS_VARIABLE);
    assert_int_equal(cf_cel_type_flags(&p, CF_CEL_T_PARAM + 7), CF_CEL_HAS_PARAM);
    assert_int_equal(cf_cel_type_flags(&p, CF_CEL_T_CIDR), 0);
}

/* Shared rows make a text that doubles with every row: it stays bounded. */
static void bounds_what_it_prints(void **state)
{
    (void)state;
    CF_ARENA(arena, ARENA_BYTES);
    for (int of = CF_CEL_OF_LIST; of <= CF_CEL_OF_MAP; of++) {
        cf_cel_pool p;
        cf_cel_pool_init(&p, NULL, &arena, 1000);
        cf_cel_type t = CF_CEL_T_INT;
        for (int i = 0; i < 1000; i++) {
            cf_cel_type b = of == CF_CEL_OF_MAP ? t : 0;
            assert_ok(cf_cel_pool_add(&p, (cf_cel_of)of, t, b, CF_VIEW_EMPTY, &t));
        }
        CF_BUF(out);
        assert_ok(cf_cel_type_print(&p, t, &out));
        assert_in_range(out.len, CF_CEL_TYPE_BYTES_MAX / 2, 4 * CF_CEL_TYPE_BYTES_MAX);
    }
}

static void bound_variables_print_as_what_they_are(void **state)
{
    (void)state;
    CF_ARENA(arena, ARENA_BYTES);
    cf_cel_pool p;
    cf_cel_pool_init(&p, NULL, &arena, 100);
    cf_cel_type v, l;
    assert_ok(cf_cel_pool_of(&p, CF_CEL_OF_VARIABLE, 0, &v));
    assert_ok(cf_cel_pool_of(&p, CF_CEL_OF_LIST, v, &l));
    CF_BUF(out);
    assert_ok(cf_cel_type_print(&p, l, &out));
    p.rows[v - p.first].a = CF_CEL_T_BYTES;
    p.rows[v - p.first].b = 1;
    assert_ok(cf_cel_type_print(&p, l, &out));
    assert_view(cf_buf_view(&out), CF_LIT("list(dyn)list(bytes)"));
}

#define BIT(kind) (1u << (kind))

static void reads_signatures(void **state)
{
    (void)state;
    CF_ARENA(arena, ARENA_BYTES);
    cf_cel_pool p;
    cf_cel_pool_init(&p, NULL, &arena, 100);
    cf_cel_signature s;
    assert_ok(cf_cel_signature_read(&p, "(string,int)->bool", &s));
    assert_false(s.member);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.params[0], CF_CEL_T_STRING);
    assert_int_equal(s.params[1], CF_CEL_T_INT);
    assert_int_equal(s.result, CF_CEL_T_BOOL);
    assert_int_equal(s.kinds[0], BIT(CF_CEL_STRING));
    assert_int_equal(s.kinds[1], BIT(CF_CEL_INT));

    assert_ok(cf_cel_signature_read(&p, "google.protobuf.Timestamp.(string) -> int", &s));
    assert_true(s.member);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.kinds[0], BIT(CF_CEL_TIMESTAMP));

    assert_ok(cf_cel_signature_read(&p, "()->timestamp", &s));
    assert_int_equal(s.n, 0);
    assert_int_equal(s.result, CF_CEL_T_TIMESTAMP);

    assert_ok(
        cf_cel_signature_read(&p, "list(A).(map(B, A), optional(B), type, A, opaque)->B", &s));
    assert_int_equal(s.n, 6);
    assert_int_equal(s.result, CF_CEL_T_PARAM + 1);
    uint32_t any = (1u << CF_CEL_KIND_COUNT) - 1 - BIT(CF_CEL_UNSET) - BIT(CF_CEL_ERROR);
    const uint32_t kinds[] = {
        BIT(CF_CEL_LIST), BIT(CF_CEL_MAP), BIT(CF_CEL_OPTIONAL), BIT(CF_CEL_TYPE), any, any};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(s.kinds[i], kinds[i]);
    }

    const char *const bad[] = {"",          "(int",          "(int)",       "(int)-int",
                               "(int)->",   "int->int",      "(int,)->int", "(int)->int x",
                               "int.->int", "int(int)->int", "(int)->int)"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_err(cf_cel_signature_read(&p, bad[i], &s), MALFORMED);
        assert_int_equal(s.n, 0);
    }
}

static void bounds_parameters(void **state)
{
    (void)state;
    CF_ARENA(arena, ARENA_BYTES);
    cf_cel_pool p;
    cf_cel_pool_init(&p, NULL, &arena, 100);
    cf_cel_signature s;
    _Static_assert(CF_CEL_PARAMS_MAX == 8, "the texts below have 7, 8 and 9");
    assert_ok(cf_cel_signature_read(&p, "int.(int,int,int,int,int,int)->int", &s));
    assert_ok(cf_cel_signature_read(&p, "int.(int,int,int,int,int,int,int)->int", &s));
    assert_int_equal(s.n, 8);
    assert_err(cf_cel_signature_read(&p, "int.(int,int,int,int,int,int,int,int)->int", &s), SIZE);
}

/* Sheet section 3: the names that denote types. dyn is a function alone. */
static void names_of_types(void **state)
{
    (void)state;
    const char *const known[] = {"bool",
                                 "int",
                                 "uint",
                                 "double",
                                 "string",
                                 "bytes",
                                 "list",
                                 "map",
                                 "null_type",
                                 "type",
                                 "optional_type",
                                 "google.protobuf.Timestamp",
                                 "google.protobuf.Duration",
                                 "net.IP",
                                 "net.CIDR"};
    CF_ARENA(arena, ARENA_BYTES);
    cf_cel_pool p;
    cf_cel_pool_init(&p, NULL, &arena, 100);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        cf_cel_value v;
        assert_true(cf_cel_env_type_name(cf_view_str(known[i]), &v));
        assert_int_equal(v.kind, CF_CEL_TYPE);
        assert_view(cf_cel_text(&v), cf_view_str(known[i]));
        cf_cel_type t;
        assert_ok(cf_cel_type_named(&p, cf_view_str(known[i]), &t));
    }
    const char *const unknown[] = {"dyn",      "timestamp", "duration", "ip",
                                   "optional", "",          "Int",      "null"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        cf_cel_value v;
        assert_false(cf_cel_env_type_name(cf_view_str(unknown[i]), &v));
        cf_cel_type t;
        assert_err(cf_cel_type_named(&p, cf_view_str(unknown[i]), &t), NOT_FOUND);
    }
}

static cf_result grow_pool(void *ctx)
{
    (void)ctx;
    CF_ARENA(arena, ARENA_BYTES);
    cf_cel_pool p;
    cf_cel_pool_init(&p, NULL, &arena, 10000);
    cf_cel_type t = CF_CEL_T_INT;
    for (int i = 0; i < 5000; i++) {
        CF_TRY(cf_cel_pool_of(&p, CF_CEL_OF_LIST, t, &t));
    }
    cf_cel_signature s;
    return cf_cel_signature_read(&p, "tuple(A).(other(A))->map(A, A)", &s);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    assert_true(failmalloc_each(grow_pool, NULL, 3) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_prints),
        cmocka_unit_test(parameters_only_where_they_may_be),
        cmocka_unit_test(bounds_depth),
        cmocka_unit_test(equal_types_share_a_number),
        cmocka_unit_test(bounds_rows),
        cmocka_unit_test(flags_tell_what_is_inside),
        cmocka_unit_test(bounds_what_it_prints),
        cmocka_unit_test(bound_variables_print_as_what_they_are),
        cmocka_unit_test(reads_signatures),
        cmocka_unit_test(bounds_parameters),
        cmocka_unit_test(names_of_types),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
