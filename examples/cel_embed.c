/* SPDX-License-Identifier: Apache-2.0 */
/* The expression engine in a program of one's own: what is here needs core/cel, core/regex, core/unicode, core/time and core/base.
 * docs/cel.md section 16 tells how to compile it. */
#include <stdio.h>

#include "core/cel/function.h"

#define ARENA_BYTES ((size_t)16 << 20)
#define OUTPUT_BYTES 65536u

/* A function of our own: initials("Ada Lovelace") is "AL". The engine has looked at the kind of the argument already. Everything that
 * grows with the input is charged, and memory comes from the evaluation. */
static cf_result initials(cf_cel_run *run, const cf_cel_value *args, uint32_t n, cf_cel_value *ret)
{
    (void)n;
    cf_view name = cf_cel_text(&args[0]);
    uint8_t *to;
    uint32_t count = 0;
    CF_TRY(cf_cel_charge_text(run, name.len));
    CF_TRY(cf_cel_text_new(run, CF_CEL_STRING, name.len, &to, ret));
    for (size_t i = 0; i < name.len; i++) {
        bool capital = name.data[i] >= 'A' && name.data[i] <= 'Z';
        if (capital && (i == 0 || name.data[i - 1] == ' ')) {
            to[count++] = name.data[i];
        }
    }
    ret->len = count;
    ret->flags = CF_CEL_ASCII;
    return cf_ok();
}

static const cf_cel_function functions[] = {
    {"initials", "(string)->string", initials, 0},
    {"initials", "string.()->string", initials, 0},
};

/* What the expressions see: two variables with types, in this order. */
enum { NAME, ORDERS, VARIABLES };

static cf_result declare(cf_cel_env *env)
{
    uint32_t slot;
    CF_TRY(cf_cel_env_functions(
        env, (cf_cel_library){functions, sizeof functions / sizeof functions[0]}));
    CF_TRY(cf_cel_env_variable(env, CF_LIT("name"), "string", &slot)); /* slot is NAME */
    return cf_cel_env_variable(env, CF_LIT("orders"), "list(map(string, dyn))", &slot);
}

/* Values by slot. Text that stays where it is needs no copy; the rest comes from JSON here. */
static cf_result bind(cf_arena *arena, cf_cel_value values[VARIABLES])
{
    static const cf_view json = CF_LIT_INIT("[{\"item\": \"tea\", \"price\": 3.5, \"n\": 2}, "
                                            "{\"item\": \"cup\", \"price\": 8, \"n\": 1}]");
    values[NAME] = cf_cel_string(CF_LIT("Ada Lovelace"));
    return cf_cel_from_json(json, json.len, arena, &values[ORDERS]);
}

static void print_error(cf_view source, const cf_cel_error *error)
{
    uint32_t line, column;
    cf_cel_position(source, error->offset, &line, &column);
    printf("%s at line %u, column %u: %s%s%s\n", cf_err_code(error->code), line, column,
           cf_err_text(error->code), error->budget != NULL ? ", namely " : "",
           error->budget != NULL ? error->budget : "");
}

/* Compiles and evaluates one expression, and prints its type and result, or the error. */
static cf_result show(const cf_cel_env *env, const cf_cel_value *values, cf_view source)
{
    CF_CEL_PROGRAM(program);
    CF_ARENA(arena, ARENA_BYTES);
    CF_BUF(json);
    cf_cel_value result;
    cf_cel_error error;
    const cf_cel_budget budget = {.steps = 10000}; /* the other bounds are the defaults */
    printf("%-60.*s ", (int)source.len, (const char *)source.data);
    if (!cf_is_ok(cf_cel_compile(env, source, NULL, &program, &error)) ||
        !cf_is_ok(cf_cel_eval(program, values, NULL, &budget, &arena, &result, &error))) {
        print_error(source, &error);
        return cf_ok();
    }
    CF_TRY(cf_cel_to_json(&result, OUTPUT_BYTES, &json));
    cf_view type = cf_cel_program_type(program);
    printf("%.*s: %.*s\n", (int)type.len, (const char *)type.data, (int)json.len,
           (const char *)json.data);
    return cf_ok();
}

/* One program, many evaluations: the arena is reset in between and keeps its memory. */
static cf_result show_many(const cf_cel_env *env, cf_cel_value *values)
{
    static const cf_view names[] = {CF_LIT_INIT("Grace Hopper"), CF_LIT_INIT("Alan Turing"),
                                    CF_LIT_INIT("Barbara Liskov")};
    CF_CEL_PROGRAM(program);
    CF_ARENA(arena, ARENA_BYTES);
    cf_cel_error error;
    CF_TRY(cf_cel_compile(env, CF_LIT("name.initials() + '-' + string(name.size())"), NULL,
                          &program, &error));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cf_cel_value result;
        values[NAME] = cf_cel_string(names[i]);
        CF_TRY(cf_cel_eval(program, values, NULL, NULL, &arena, &result, &error));
        printf("%.*s\n", (int)result.len, (const char *)result.s);
        cf_arena_reset(&arena);
    }
    return cf_ok();
}

static cf_result run(void)
{
    static const cf_view sources[] = {
        CF_LIT_INIT("name.initials()"),
        CF_LIT_INIT("orders.map(o, double(o.price) * double(o.n))"),
        CF_LIT_INIT("orders.exists(o, o.item == 'tea') && name.startsWith('Ada')"),
        CF_LIT_INIT("{'first': orders[0].item, 'note': orders[0].?note}"),
        CF_LIT_INIT("initials(orders.size())"),
        CF_LIT_INIT("orders[2].item"),
        CF_LIT_INIT("name + "),
        CF_LIT_INIT("lists.range(5000).all(i, i >= 0)"),
    };
    CF_CEL_ENV(env);
    CF_ARENA(arena, ARENA_BYTES);
    cf_cel_value values[VARIABLES] = {0};
    CF_TRY(cf_cel_env_new(NULL, &env));
    CF_TRY(declare(env));
    CF_TRY(bind(&arena, values));
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        CF_TRY(show(env, values, sources[i]));
    }
    return show_many(env, values);
}

int main(void)
{
    cf_result r = run();
    if (!cf_is_ok(r)) {
        fprintf(stderr, "cel_embed: %s\n", cf_err_text(r.code));
        return 1;
    }
    return 0;
}
