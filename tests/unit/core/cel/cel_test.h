/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of expressions and what they give, run through the whole engine: compiled with the checker (every variable of type dyn, or
 * as `types` says) and without it, evaluated, and compared as JSON text or by error code.
 *
 *     static const cel_row rows[] = {
 *         {"1 + 2", NULL, "3"},                                       both modes
 *         {"x + 1", "{\"x\": 2}", "3"},                                a variable
 *         {"1 / 0", NULL, NULL, CF_ERR_CEL_DIVIDE, CEL_AT(2)},         an error and its offset
 *         {"1 == 1.0", NULL, "true", .modes = CEL_UNCHECKED},          refused by the checker
 *     };
 *     static void sums(void **state) { (void)state; CEL_ROWS(rows); }
 *
 * A double is told from an int by its fraction (1.0), a uint by type(x); text, bytes and times are compared as their JSON strings.
 * Bindings are a JSON object (cf_cel_from_json: whole numbers are int, others double). */
#pragma once
#include "core/cel/cel.h"
#include "tests/support/test.h"

/* Rows leave out what they have nothing to say about. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum {
    CEL_CHECKED = 1,
    CEL_UNCHECKED = 2,
};

/** For .at: the error is at that octet of the source. 0, or nothing, takes any place. */
#define CEL_AT(offset) ((offset) + 1u)
/** For .error: any will do. */
#define CEL_ANY_ERROR CF_ERR_COUNT
#define CEL_ARENA_BYTES ((size_t)32 << 20)

typedef struct {
    const char *source;
    const char *bindings; /* JSON object or NULL */
    const char *result;   /* JSON text or NULL: an error */
    cf_err error;         /* without a result */
    uint32_t at;          /* CEL_AT(offset) or 0 */
    uint32_t modes;       /* CEL_CHECKED, CEL_UNCHECKED; 0 for both */
    const char *types;    /* "x: list(int); y: string": declared so and not as dyn, bound or not */
    const cf_cel_budget *budget; /* of compilation and evaluation; NULL for the defaults */
} cel_row;

#define CEL_VARIABLES_MAX 64u

/* Variables of one row: slots as the environment gave them. */
typedef struct {
    cf_cel_env *env;
    cf_cel_value values[CEL_VARIABLES_MAX];
} cel_scope;

static inline const cf_cel_env *cel_base_env(void)
{
    static cf_cel_env *env; /* lives as long as the test */
    if (env == NULL) {
        assert_ok(cf_cel_env_new(NULL, &env));
    }
    return env;
}

/* Declares what the text of .types names; values stay unset. */
static inline void cel_declare(cel_scope *scope, const char *types)
{
    char *copy = strdup(types), *rest = copy;
    for (char *part = strtok_r(copy, ";", &rest); part != NULL; part = strtok_r(NULL, ";", &rest)) {
        uint32_t slot = 0;
        char *colon = strchr(part, ':');
        assert_non_null(colon);
        size_t blanks = strspn(part, " ");
        cf_view name =
            cf_view_make(types + (part - copy) + blanks, (size_t)(colon - part) - blanks);
        assert_ok(cf_cel_env_variable(scope->env, name, colon + 1 + strspn(colon + 1, " "), &slot));
    }
    free(copy);
}

/* The slot of a name that .types declared, found by its place there; CEL_VARIABLES_MAX when it did not. */
static inline uint32_t cel_declared(const char *types, cf_view name)
{
    uint32_t slot = 0;
    for (const char *at = types; at != NULL; at = strchr(at, ';')) {
        at += strspn(at, "; ");
        size_t len = strcspn(at, ":");
        if (cf_view_eq(cf_view_make(at, len), name)) {
            return slot;
        }
        slot++;
    }
    return CEL_VARIABLES_MAX;
}

static inline void cel_bind(cel_scope *scope, const cel_row *row, cf_arena *arena)
{
    cf_cel_value all;
    if (row->types != NULL) {
        cel_declare(scope, row->types);
    }
    if (row->bindings == NULL) {
        return;
    }
    assert_ok(cf_cel_from_json(cf_view_str(row->bindings), SIZE_MAX, arena, &all));
    assert_int_equal(all.kind, CF_CEL_MAP);
    for (uint32_t i = 0; i < all.map->count; i++) {
        cf_view name = cf_cel_text(&all.map->entries[2 * i]);
        uint32_t slot = cel_declared(row->types, name);
        if (slot == CEL_VARIABLES_MAX) {
            assert_ok(cf_cel_env_variable(scope->env, name, "dyn", &slot));
        }
        assert_true(slot < CEL_VARIABLES_MAX);
        scope->values[slot] = all.map->entries[2 * i + 1];
    }
}

/* Source to JSON text. */
static inline cf_result cel_run(const cel_row *row, bool unchecked, const cel_scope *scope,
                                cf_arena *arena, cf_buf *out, cf_cel_error *ret_error)
{
    CF_CEL_PROGRAM(program);
    cf_cel_value result;
    cf_cel_options opt = {.unchecked = unchecked, .tables = unchecked}; /* each is met once */
    if (row->budget != NULL) {
        opt.budget = *row->budget;
    }
    cf_view source = view_copy(cf_view_str(row->source));
    cf_result r = cf_cel_compile(scope->env, source, &opt, &program, ret_error);
    view_free(source); /* a program does not need it */
    CF_TRY(r);
    CF_TRY(cf_cel_eval(program, scope->values, NULL, row->budget, arena, &result, ret_error));
    r = cf_cel_to_json(&result, CF_BUF_BYTES_MAX, out);
    *ret_error = (cf_cel_error){.code = r.code};
    return r;
}

static inline bool cel_as_told(const cel_row *row, cf_result r, const cf_buf *out,
                               const cf_cel_error *error)
{
    if (row->result != NULL) {
        return cf_is_ok(r) && cf_view_eq(cf_buf_view(out), cf_view_str(row->result));
    }
    return !cf_is_ok(r) && error->code == r.code &&
           (row->error == CEL_ANY_ERROR || row->error == r.code) &&
           (row->at == 0 || error->offset == row->at - 1) &&
           (r.code == CF_ERR_BUDGET) == (error->budget != NULL);
}

/** Runs one row in one mode; prints what is other than told and returns false. */
static inline bool cel_row_holds(const cel_row *row, bool unchecked)
{
    CF_ARENA(arena, CEL_ARENA_BYTES);
    CF_BUF(out);
    cel_scope scope = {0};
    cf_cel_error error = {0};
    assert_ok(cf_cel_env_new(cel_base_env(), &scope.env));
    cel_bind(&scope, row, &arena);
    cf_result r = cel_run(row, unchecked, &scope, &arena, &out, &error);
    bool holds = cel_as_told(row, r, &out, &error);
    if (!holds) {
        print_error("%s: %s\n  got  ", unchecked ? "unchecked" : "checked", row->source);
        if (cf_is_ok(r)) {
            print_error("%.*s\n", (int)out.len, (const char *)out.data);
        } else {
            print_error("%s at %u%s%s\n", cf_err_code(r.code), error.offset,
                        error.budget != NULL ? ", budget " : "",
                        error.budget != NULL ? error.budget : "");
        }
        print_error("  want %s", row->result != NULL           ? row->result
                                 : row->error == CEL_ANY_ERROR ? "an error"
                                                               : cf_err_code(row->error));
        if (row->at > 0) {
            print_error(" at %u", row->at - 1);
        }
        print_error("\n");
    }
    cf_cel_env_free(&scope.env);
    return holds;
}

/** Runs all rows; fails at the end if any was other than told. */
static inline void cel_rows(const cel_row *rows, size_t n)
{
    size_t bad = 0;
    assert_true(n > 0);
    for (size_t i = 0; i < n; i++) {
        for (uint32_t mode = CEL_CHECKED; mode <= CEL_UNCHECKED; mode++) {
            if ((rows[i].modes == 0 || (rows[i].modes & mode) != 0) &&
                !cel_row_holds(&rows[i], mode == CEL_UNCHECKED)) {
                bad++;
            }
        }
    }
    if (bad > 0) {
        fail_msg("%zu of %zu rows", bad, n);
    }
}
#define CEL_ROWS(table) cel_rows((table), sizeof(table) / sizeof(table)[0])
