/* SPDX-License-Identifier: Apache-2.0 */
/* Every example of docs/cel.md, and every function of the engine and of Coffer in it. */
#include "core/cel/function.h"
#include "core/transform/transform.h"
#include "tests/support/test.h"

#define ARENA_BYTES ((size_t)32 << 20)
#define NOW INT64_C(1768467600) /* 2026-01-15T09:00:00Z */

static char *page; /* docs/cel.md */

static char *load(void)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/docs/cel.md", getenv("CF_ROOT"));
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = calloc(1, 1u << 20);
    assert_non_null(text);
    assert_true(fread(text, 1, (1u << 20) - 1, f) > 10000);
    (void)fclose(f);
    return text;
}

/* Variables, by slot. */
typedef struct {
    cf_cel_env *env;
    cf_cel_value values[16];
} scope;

/* The members of the page's first JSON block. */
static void bind(scope *s, cf_arena *arena)
{
    static const char fence[] = "\n```json\n";
    const char *at = strstr(page, fence);
    cf_cel_value all;
    assert_non_null(at);
    at += sizeof fence - 1;
    const char *end = strstr(at, "\n```");
    assert_ok(cf_cel_from_json(cf_view_make(at, (size_t)(end - at)), SIZE_MAX, arena, &all));
    for (uint32_t i = 0; i < all.map->count; i++) {
        uint32_t slot;
        assert_ok(cf_cel_env_variable(s->env, cf_cel_text(&all.map->entries[2 * i]), "dyn", &slot));
        s->values[slot] = all.map->entries[2 * i + 1];
    }
}

static cf_result evaluate(const scope *s, cf_view source, cf_arena *arena, cf_buf *out)
{
    CF_CEL_PROGRAM(program);
    cf_cel_value result;
    cf_cel_error error;
    struct cf_cel_host host = {.now_seconds = NOW};
    CF_TRY(cf_cel_compile(s->env, source, NULL, &program, &error));
    CF_TRY(cf_cel_eval(program, s->values, &host, NULL, arena, &result, &error));
    return cf_cel_to_json(&result, SIZE_MAX, out);
}

/* "expression => result"; the expression may begin on lines before, which have no arrow. */
static bool example_holds(const cf_cel_env *base, cf_view source, cf_view want)
{
    CF_ARENA(arena, ARENA_BYTES);
    CF_BUF(out);
    scope s = {0};
    assert_ok(cf_cel_env_new(base, &s.env));
    bind(&s, &arena);
    cf_result r = evaluate(&s, source, &arena, &out);
    if (!cf_is_ok(r)) {
        cf_buf_clear(&out);
        assert_ok(cf_buf_append(&out, CF_LIT("error ")));
        assert_ok(cf_buf_append(&out, cf_view_str(cf_err_code(r.code))));
    }
    cf_cel_env_free(&s.env);
    if (!cf_view_eq(cf_buf_view(&out), want)) {
        print_error("%.*s\n  page   %.*s\n  engine %.*s\n", (int)source.len,
                    (const char *)source.data, (int)want.len, (const char *)want.data, (int)out.len,
                    (const char *)out.data);
        return false;
    }
    return true;
}

/* All examples of one block; returns how many there were, and adds to *bad. */
static size_t block(const cf_cel_env *base, const char *at, const char *end, size_t *bad)
{
    size_t n = 0;
    const char *from = at;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end != NULL ? line_end : end;
        const char *arrow = memmem(at, (size_t)(line_end - at), " => ", 4);
        if (arrow != NULL) {
            cf_view source = cf_view_make(from, (size_t)(arrow - from));
            *bad += !example_holds(base, source,
                                   cf_view_make(arrow + 4, (size_t)(line_end - arrow - 4)));
            from = line_end + 1;
            n++;
        }
        at = line_end + 1;
    }
    assert_ptr_equal(from, end + (from > end)); /* nothing without a result behind the last */
    return n;
}

static size_t blocks(const cf_cel_env *base, const char *fence)
{
    size_t n = 0, bad = 0;
    for (const char *at = page; (at = strstr(at, fence)) != NULL;) {
        at += strlen(fence);
        const char *end = strstr(at, "\n```");
        assert_non_null(end);
        n += block(base, at, end, &bad);
        at = end;
    }
    assert_int_equal(bad, 0);
    return n;
}

static void examples_of_the_language(void **state)
{
    (void)state;
    CF_CEL_ENV(env);
    assert_ok(cf_cel_env_new(NULL, &env));
    assert_true(blocks(env, "\n```cel\n") >= 140);
}

static void examples_of_coffer(void **state)
{
    (void)state;
    CF_CEL_ENV(env);
    assert_ok(cf_transform_env_new(&env));
    assert_true(blocks(env, "\n```cel coffer\n") >= 13);
}

/* The name stands on the page behind a backtick, a dot or a blank, with a bracket or a backtick behind it. */
static bool is_told(const char *name)
{
    size_t len = strlen(name);
    for (const char *at = page; (at = strstr(at, name)) != NULL; at += len) {
        if (strchr("`. (|", at[-1]) != NULL && strchr("(`", at[len]) != NULL) {
            return true;
        }
    }
    return false;
}

static void every_function_is_told(void **state)
{
    (void)state;
    const cf_cel_library libraries[] = {
        cf_cel_lib_convert,  cf_cel_lib_strings, cf_cel_lib_regex,    cf_cel_lib_encoders,
        cf_cel_lib_time,     cf_cel_lib_math,    cf_cel_lib_lists,    cf_cel_lib_sets,
        cf_cel_lib_optional, cf_cel_lib_network, cf_transform_library};
    size_t n = 0, absent = 0;
    for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
        for (size_t k = 0; k < libraries[i].n; k++, n++) {
            if (!is_told(libraries[i].rows[k].name)) {
                print_error("docs/cel.md does not tell of %s\n", libraries[i].rows[k].name);
                absent++;
            }
        }
    }
    assert_true(n > 150);
    assert_int_equal(absent, 0);
}

/* Every code that an expression may end with is in the table of section 13. */
static void every_code_is_told(void **state)
{
    (void)state;
    for (uint32_t e = CF_ERR_BUDGET; e <= CF_ERR_CEL_INPUT; e++) {
        char cell[64];
        (void)snprintf(cell, sizeof cell, "\n| `%s` |", cf_err_code((cf_err)e));
        if (strstr(page, cell) == NULL) {
            fail_msg("docs/cel.md does not tell of %s", cf_err_code((cf_err)e));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_language),
        cmocka_unit_test(examples_of_coffer),
        cmocka_unit_test(every_function_is_told),
        cmocka_unit_test(every_code_is_told),
    };
    page = load();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(page);
    return failed;
}
