/* SPDX-License-Identifier: Apache-2.0 */
/* A request's list of expressions: order, what each sees, how failures spread, and what all may cost together. */
#include "tests/support/failmalloc.h"
#include "tests/unit/core/transform/rig.h"

/* What the results are, in one text: name=json or name!code@offset, joined by blanks. */
static void told(const rig_answer *a, cf_buf *out)
{
    for (size_t i = 0; i < a->n; i++) {
        const cf_transform_result *r = &a->results[i];
        char text[256];
        if (r->code == CF_OK) {
            (void)snprintf(text, sizeof text, "%s%.*s=%.*s", i > 0 ? " " : "", (int)r->name.len,
                           (const char *)r->name.data, (int)r->json.len,
                           (const char *)r->json.data);
            assert_int_equal(r->offset, 0);
        } else {
            (void)snprintf(text, sizeof text, "%s%.*s!%s@%u", i > 0 ? " " : "", (int)r->name.len,
                           (const char *)r->name.data, cf_err_code(r->code), r->offset);
            assert_int_equal(r->json.len, 0);
        }
        assert_ok(cf_buf_append(out, cf_view_str(text)));
    }
}

static void expect(const rig_request *q, const char *want, const char *reads)
{
    RIG_ANSWER(a);
    CF_BUF(got);
    assert_ok(rig_run(q, &a));
    told(&a, &got);
    if (!cf_view_eq(cf_buf_view(&got), cf_view_str(want))) {
        fail_msg("%.*s, not %s", (int)got.len, (const char *)got.data, want);
    }
    for (size_t i = 0; reads != NULL && q->fields[i][0] != NULL; i++) {
        assert_int_equal(a.read[i], reads[i] == 'r');
    }
    assert_int_equal(rig_all()->out, 0);
}

#define ENDS                                                                                       \
    {                                                                                              \
        NULL, NULL                                                                                 \
    }

static void test_order(void **state)
{
    (void)state;
    /* each sees the results before it */
    expect(&(rig_request){.fields = {{"dob", "1990-06-01"}, {"city", "Oslo"}, ENDS},
                          .expressions = {{"born", "date(dob)"},
                                          {"years", "age(born)"},
                                          {"adult", "years >= 18"},
                                          {"both", "{'years': years, 'adult': adult}"},
                                          ENDS}},
           "born=\"1990-06-01T00:00:00Z\" years=35 adult=true both={\"years\":35,\"adult\":true}",
           "r-");
    /* and none behind it, nor itself */
    expect(
        &(rig_request){
            .fields = {ENDS},
            .expressions = {{"a", "b + 1"}, {"b", "2"}, {"c", "c"}, {"d", "b + 1"}, ENDS}},
        "a!cel_unknown_name@0 b=2 c!cel_unknown_name@0 d=3", NULL);
}

/* A result takes the place of the field whose name it has, for those behind it. */
static void test_place_of_a_field(void **state)
{
    (void)state;
    expect(&(rig_request){.fields = {{"ssn", "123456789"}, {"city", "Oslo"}, ENDS},
                          .expressions = {{"before", "size(ssn)"},
                                          {"ssn", "mask(ssn, 4)"},
                                          {"after", "ssn + '!'"},
                                          ENDS}},
           "before=9 ssn=\"*****6789\" after=\"*****6789!\"", "r-");
    /* also when it fails: the field is not what those behind it get */
    expect(&(rig_request){.fields = {{"ssn", "12"}, ENDS},
                          .expressions = {{"ssn", "last4(ssn)"}, {"after", "ssn"}, ENDS}},
           "ssn!cel_bad_argument@0 after!cel_input_failed@0", "r");
    /* a field that is only written over is not read */
    expect(&(rig_request){.fields = {{"ssn", "123456789"}, ENDS},
                          .expressions = {{"ssn", "'gone'"}, {"after", "ssn"}, ENDS}},
           "ssn=\"gone\" after=\"gone\"", "-");
}

static void test_a_field_twice(void **state)
{
    (void)state;
    RIG_ANSWER(a);
    assert_err(rig_run(&(rig_request){.fields = {{"a", "1"}, {"b", "2"}, {"a", "3"}, ENDS},
                                      .expressions = {{"x", "a"}, ENDS}},
                       &a),
               DUPLICATE);
}

static void test_unset(void **state)
{
    (void)state;
    expect(&(rig_request){.fields = {{"middle", NULL}, {"city", "Oslo"}, ENDS},
                          .expressions = {{"none", "middle == null"},
                                          {"empty", "middle.is_empty()"},
                                          {"or", "middle == null ? city : middle"},
                                          {"itself", "middle"},
                                          {"text", "middle + city"},
                                          {"length", "1 + size(middle)"},
                                          ENDS}},
           "none=true empty=true or=\"Oslo\" itself=null text!cel_no_overload@7 "
           "length!cel_no_overload@4",
           "rr");
    /* another name is not null, it is unknown */
    expect(&(rig_request){.fields = {{"middle", NULL}, ENDS},
                          .expressions = {{"e", "1 + midle"}, ENDS}},
           "e!cel_unknown_name@4", "-");
}

/* Nothing absorbs a field that did not open or a result that failed, and nothing else suffers. */
static void test_failures_spread(void **state)
{
    (void)state;
    expect(&(rig_request){.fields = {{"dob", "!"}, {"city", "Oslo"}, {"state", "\xff"}, ENDS},
                          .expressions = {{"a", "true || dob == ''"},
                                          {"b", "false ? dob : city"},
                                          {"c", "[city].exists(x, x == city || dob == x)"},
                                          {"d", "a == null"},
                                          {"e", "size(city)"},
                                          {"f", "state"},
                                          {"g", "1 / 0"},
                                          {"h", "true || g == 1"},
                                          {"i", "e + 1"},
                                          ENDS}},
           "a!cel_input_failed@0 b!cel_input_failed@0 c!cel_input_failed@0 d!cel_input_failed@0 "
           "e=4 f!cel_input_failed@0 g!cel_divide_by_zero@2 h!cel_input_failed@0 i=5",
           "rrr");
}

/* One that does not compile is an entry with its place; fields that it mentions are not opened for it. */
static void test_bad_compile(void **state)
{
    (void)state;
    expect(&(rig_request){.fields = {{"dob", "1990-06-01"}, {"city", "Oslo"}, ENDS},
                          .expressions = {{"a", "dob +"},
                                          {"b", "city.nosuch()"},
                                          {"c", "'x' + 1"},
                                          {"d", "dob.matches('[')"},
                                          {"e", "\xff"},
                                          {"f", "'fine'"},
                                          {"g", "a == a"},
                                          ENDS}},
           "a!cel_syntax@5 b!cel_unknown_name@5 c!cel_no_overload@4 d!bad_pattern@4 "
           "e!not_utf8@0 f=\"fine\" g!cel_input_failed@0",
           "--");
}

/* What is read is what programs read, not what stands in their text. */
static void test_reads(void **state)
{
    (void)state;
    expect(
        &(rig_request){
            .fields = {{"dob", "d"}, {"city", "c"}, {"state", "s"}, {"email", "e"}, ENDS},
            .expressions = {{"a", "'dob' + city // email"},
                            {"b", "[1].map(state, state)"},
                            {"c", "{'email': 1}.email"},
                            ENDS}},
        "a=\"dobc\" b=[1] c=1", "-r--");
}

/* What else a request has, and in which order, does not make another program of an expression. */
static cf_view asked_names;
static char asked_text[64];

static cf_result note_names(void *ctx, const cf_transform_source *s,
                            const cf_transform_program **ret, cf_cel_error *ret_error)
{
    assert_true(s->names.len < sizeof asked_text);
    cf_copy(asked_text, s->names.data, s->names.len);
    asked_names = cf_view_make(asked_text, s->names.len);
    return rig_get(ctx, s, ret, ret_error);
}

static void test_same_program(void **state)
{
    (void)state;
    static const cf_transform_programs ops = {note_names, rig_put};
    cf_view one[] = {CF_LIT("zip"), CF_LIT("dob"), CF_LIT("city")};
    cf_view other[] = {CF_LIT("city"), CF_LIT("dob"), CF_LIT("aa")};
    const cf_transform_expression e[] = {{CF_LIT("x"), CF_LIT("1")},
                                         {CF_LIT("y"), CF_LIT("dob + city + dob + x + y")}};
    for (size_t i = 0; i < 2; i++) {
        const cf_transform_spec spec = {i == 0 ? one : other, 3, e, 2, &ops, rig_all()};
        CF_ARENA(arena, (size_t)1 << 20);
        CF_AUTO(cf_transform_end) cf_transform *t = NULL;
        assert_ok(cf_transform_new(&spec, &arena, &t));
        assert_view(asked_names, CF_LIT("dob,city,x"));
    }
}

static void test_times(void **state)
{
    (void)state;
    struct cf_cel_host host = {.now_seconds = 86400 * 365};
    expect(&(rig_request){.fields = {ENDS},
                          .expressions = {{"a", "today_utc()"}, {"b", "today_utc() == a"}, ENDS},
                          .host = &host},
           "a=\"1971-01-01T00:00:00Z\" b=true", NULL);
    host.now_seconds = INT64_MAX;
    expect(&(rig_request){.fields = {ENDS},
                          .expressions = {{"a", "today_utc()"}, ENDS},
                          .host = &host},
           "a!cel_overflow@0", NULL);
}

/* ---- what all may cost together ---- */

/* About 140,000 steps. */
#define COSTLY "lists.range(300).all(i, lists.range(100).all(j, i + j >= 0))"

static void test_steps_are_shared(void **state)
{
    (void)state;
    rig_request q = {.fields = {ENDS}, .expressions = {ENDS}};
    for (size_t i = 0; i < RIG_MAX - 1; i++) {
        static const char names[] = "abcdefghijklmnop";
        static char name[RIG_MAX][2];
        name[i][0] = names[i];
        q.expressions[i][0] = name[i];
        q.expressions[i][1] = COSTLY;
    }
    q.expressions[RIG_MAX - 1][0] = NULL;
    RIG_ANSWER(a);
    assert_ok(rig_run(&q, &a));
    size_t good = 0;
    while (good < a.n && a.results[good].code == CF_OK) {
        good++;
    }
    assert_in_range(good, 3, RIG_MAX - 4);
    /* from the one that runs out on there is not enough left for another */
    for (size_t i = good; i < a.n; i++) {
        assert_int_equal(a.results[i].code, CF_ERR_BUDGET);
    }
}

/* A loop of so many hundred turns, alone or behind a result that is too long to be written. */
static cf_err after_json(unsigned hundreds, bool alone)
{
    char loop[96];
    (void)snprintf(loop, sizeof loop,
                   "cel.bind(l, lists.range(%u), lists.range(100).all(a, l.all(b, true)))",
                   hundreds);
    static const char too_long[] =
        "cel.bind(x, lists.range(1000), cel.bind(y, [x, x, x, x, x, x], [y, y, y, y, y, y]))";
    rig_request q = {.fields = {ENDS},
                     .expressions = {{"long", alone ? "1" : too_long}, {"loop", loop}, ENDS}};
    RIG_ANSWER(a);
    assert_ok(rig_run(&q, &a));
    assert_int_equal(a.results[0].code, alone ? CF_OK : CF_ERR_BUDGET);
    return a.results[1].code;
}

static void test_writing_costs_steps(void **state)
{
    (void)state;
    unsigned good = 1, bad = 20000;
    while (bad - good > 1) {
        unsigned middle = good + (bad - good) / 2;
        *(after_json(middle, true) == CF_OK ? &good : &bad) = middle;
    }
    assert_in_range(good, 1000, 19000);
    assert_int_equal(after_json(good, false), CF_ERR_BUDGET);
    assert_int_equal(after_json(good / 100 * 99, false), CF_ERR_BUDGET);
    assert_int_equal(after_json(good / 100 * 96, false), CF_OK);
}

/* As many programs as fit together, and one more. */
static void test_programs_are_bounded(void **state)
{
    (void)state;
    static char source[1024];
    static const char names[] = "abcdefghijklmnop";
    static char name[RIG_MAX][2];
    CF_CEL_PROGRAM(one);
    cf_cel_error error;
    size_t at = 0;
    for (char c = 'a'; c < 'q'; c++) {
        at += (size_t)snprintf(source + at, sizeof source - at, "%s'x'.matches('((a|b)*%c){300}')",
                               at > 0 ? "||" : "", c);
    }
    const cf_transform_source s = {cf_view_str(source), CF_VIEW_EMPTY};
    assert_ok(cf_transform_compile(rig_all()->env, &s, &one, &error));
    size_t fit = CF_TRANSFORM_PROGRAMS_BYTES_MAX / cf_cel_program_bytes(one);
    assert_in_range(fit, 3, RIG_MAX - 3);
    rig_request q = {.fields = {ENDS}, .expressions = {ENDS}};
    for (size_t i = 0; i < fit + 2; i++) {
        name[i][0] = names[i];
        q.expressions[i][0] = name[i];
        q.expressions[i][1] = i == fit + 1 ? "'small'" : source;
    }
    q.expressions[fit + 2][0] = NULL;
    RIG_ANSWER(a);
    assert_ok(rig_run(&q, &a));
    assert_int_equal(a.n, fit + 2);
    for (size_t i = 0; i < fit; i++) {
        assert_int_equal(a.results[i].code, CF_OK);
    }
    assert_int_equal(a.results[fit].code, CF_ERR_BUDGET);
    assert_int_equal(a.results[fit + 1].code, CF_OK);
    assert_int_equal(rig_all()->out, 0);
}

static void test_memory_is_shared(void **state)
{
    (void)state;
    /* each keeps about 1 MiB */
#define LARGE "lists.range(40000).map(i, i)"
    RIG_ANSWER(a);
    assert_ok(rig_run(&(rig_request){.fields = {ENDS},
                                     .expressions = {{"a", "size(" LARGE ")"},
                                                     {"b", "size(" LARGE ")"},
                                                     {"c", "size(" LARGE ")"},
                                                     {"d", "size(" LARGE ")"},
                                                     {"e", "size(" LARGE ")"},
                                                     ENDS}},
                      &a));
    assert_int_equal(a.results[0].code, CF_OK);
    assert_int_equal(a.results[4].code, CF_ERR_BUDGET);
}

static void test_output(void **state)
{
    (void)state;
    /* all texts together, with their quotes: one below, at, one above */
    for (size_t more = 0; more <= 2; more++) {
        static char text[CF_TRANSFORM_JSON_BYTES_MAX];
        memset(text, 'x', sizeof text);
        text[CF_TRANSFORM_JSON_BYTES_MAX - 7 + more] = '\0';
        RIG_ANSWER(a);
        assert_ok(
            rig_run(&(rig_request){.fields = {{"t", text}, ENDS},
                                   .expressions = {{"a", "t"}, {"b", "true"}, {"c", "1"}, ENDS}},
                    &a));
        /* text and quotes: MAX - 5 + more; true: 4 */
        assert_int_equal(a.results[0].code, CF_OK);
        assert_int_equal(a.results[1].code, more < 2 ? CF_OK : CF_ERR_BUDGET);
        assert_int_equal(a.results[2].code, more == 1 ? CF_ERR_BUDGET : CF_OK);
        assert_int_equal(a.json.len,
                         more < 2 ? CF_TRANSFORM_JSON_BYTES_MAX : CF_TRANSFORM_JSON_BYTES_MAX - 2);
    }
}

static void test_sources(void **state)
{
    (void)state;
    for (size_t more = 0; more <= 2; more++) {
        static char source[CF_TRANSFORM_SOURCE_BYTES_MAX + 2];
        memset(source, ' ', sizeof source);
        source[0] = '1';
        source[CF_TRANSFORM_SOURCE_BYTES_MAX - 1 + more] = '\0';
        RIG_ANSWER(a);
        assert_ok(
            rig_run(&(rig_request){.fields = {ENDS}, .expressions = {{"a", source}, ENDS}}, &a));
        assert_int_equal(a.results[0].code, more < 2 ? CF_OK : CF_ERR_BUDGET);
    }
}

/* The tree of one expression: "1+1+…" has as many nodes as operands and operators. */
static void test_nodes(void **state)
{
    (void)state;
    static char source[CF_TRANSFORM_SOURCE_BYTES_MAX + 1];
    size_t at = 0;
    source[at++] = '1';
    while (at + 2 < sizeof source) {
        source[at++] = '+';
        source[at++] = '1';
    }
    source[at] = '\0';
    RIG_ANSWER(a);
    assert_ok(rig_run(
        &(rig_request){.fields = {ENDS}, .expressions = {{"a", source}, {"b", "2"}, ENDS}}, &a));
    assert_int_equal(a.results[0].code, CF_ERR_BUDGET);
    assert_int_equal(a.results[1].code, CF_OK);
}

/* ---- many names, and what is wrong with us ---- */

static void test_many_names(void **state)
{
    (void)state;
    enum { FIELDS = 512 };
    static char names[FIELDS][8];
    static cf_view views[FIELDS];
    static cf_transform_field values[FIELDS];
    static char source[8 * FIELDS];
    size_t at = 0;
    for (size_t i = 0; i < FIELDS; i++) {
        (void)snprintf(names[i], sizeof names[i], "f%zu", i);
        views[i] = cf_view_str(names[i]);
        values[i] = (cf_transform_field){views[i], CF_OK};
        at += (size_t)snprintf(source + at, sizeof source - at, "%s%s", i > 0 ? "," : "size([",
                               names[i]);
    }
    (void)snprintf(source + at, sizeof source - at, "])");
    const cf_transform_expression e = {CF_LIT("n"), cf_view_str(source)};
    const cf_transform_spec spec = {views, FIELDS, &e, 1, &rig_ops, rig_all()};
    CF_ARENA(arena, (size_t)1 << 20);
    CF_ARENA(scratch, CF_TRANSFORM_LIVE_BYTES_MAX);
    CF_BUF(json);
    CF_AUTO(cf_transform_end) cf_transform *t = NULL;
    struct cf_cel_host host = {.now_seconds = 0};
    cf_transform_result r;
    assert_ok(cf_transform_new(&spec, &arena, &t));
    for (size_t i = 0; i < FIELDS; i++) {
        assert_true(cf_transform_reads(t, i));
    }
    assert_ok(cf_transform_run(t, values, &host, &scratch, &json, &r));
    assert_view(r.json, CF_LIT("512"));
}

static cf_result typical(void *ctx)
{
    (void)ctx;
    RIG_ANSWER(a);
    CF_TRY(rig_run(&(rig_request){.fields = {{"dob", "1990-06-01"}, {"city", "Oslo"}, ENDS},
                                  .expressions = {{"years", "age(date(dob))"},
                                                  {"up", "city.to_uppercase()"},
                                                  {"list", "[city, up, string(years)]"},
                                                  {"bad", "1 +"},
                                                  ENDS}},
                   &a));
    assert_int_equal(a.results[2].code, CF_OK);
    assert_int_equal(a.results[3].code, CF_ERR_CEL_SYNTAX);
    return cf_ok();
}

static void test_no_memory(void **state)
{
    (void)state;
    (void)rig_all(); /* the environment is not this test's */
    (void)failmalloc_each(typical, NULL, 8);
    assert_int_equal(rig_all()->out, 0);
}

static cf_result env(void *ctx)
{
    (void)ctx;
    CF_CEL_ENV(e);
    return cf_transform_env_new(&e);
}

static void test_env_no_memory(void **state)
{
    (void)state;
    (void)failmalloc_each(env, NULL, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_place_of_a_field),
        cmocka_unit_test(test_unset),
        cmocka_unit_test(test_a_field_twice),
        cmocka_unit_test(test_failures_spread),
        cmocka_unit_test(test_bad_compile),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_same_program),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_steps_are_shared),
        cmocka_unit_test(test_writing_costs_steps),
        cmocka_unit_test(test_programs_are_bounded),
        cmocka_unit_test(test_memory_is_shared),
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_nodes),
        cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_env_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
