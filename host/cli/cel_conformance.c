/* SPDX-License-Identifier: Apache-2.0 */
/* coffer cel conformance: rows of JSON, each an expression and what it must give (docs/cli.md). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/reader.h"
#include "core/cel/function.h"
#include "core/codec/json.h"
#include "host/cli/cel_text.h"
#include "host/cli/session.h"
#include "host/cli/verbs.h"

#define CF_CLI_ROW_ARENA_BYTES_MAX ((size_t)64 << 20)
#define CF_CLI_ROW_SIGNATURE_BYTES_MAX 512
#define GOT_BYTES 2048 /* of a value that is shown */

typedef struct {
    uint64_t passed, failed, skipped;
    cf_buf failures; /* ids as JSON strings with commas between them */
    bool json;
} totals;

/* One row while it runs. */
typedef struct {
    const cf_cel_value *all; /* the row's object */
    cf_view id, source;
    cf_arena *arena;
    cf_cel_env *env;
    cf_cel_value *values;
    cf_cel_options options;
    cf_cel_budget budget;
} row;

/* What a compilation or an evaluation came to. */
typedef struct {
    cf_result result;
    cf_cel_error error;
    cf_cel_program *program; /* the value may point into it */
    cf_cel_value value;
} outcome;

static void row_clear(row *r)
{
    cf_cel_env_free(&r->env);
}

static void outcome_clear(outcome *o)
{
    cf_cel_program_free(&o->program);
}

static bool truth(const cf_cel_value *object, const char *name)
{
    const cf_cel_value *v = cli_cel_member(object, name);
    return v != NULL && v->kind == CF_CEL_BOOL && v->b;
}

/* A member that is text; the empty view when it is absent. */
static cf_view text(const cf_cel_value *object, const char *name)
{
    const cf_cel_value *v = cli_cel_member(object, name);
    return v != NULL && v->kind == CF_CEL_STRING ? cf_cel_text(v) : CF_VIEW_EMPTY;
}

/* --- the environment */

static char *copy_str(cf_arena *arena, cf_view v)
{
    char *s = cf_arena_new(arena, v.len + 1, 1);
    if (s != NULL) {
        cf_copy(s, v.data, v.len);
    }
    return s;
}

/* "(string,int)->bool", with the first parameter in front for a method. */
static cf_result put_signature(const cf_cel_value *overload, cf_buf *out)
{
    cf_writer w = cf_writer_to(out, CF_CLI_ROW_SIGNATURE_BYTES_MAX);
    const cf_cel_value *params = cli_cel_member(overload, "params");
    bool member = truth(overload, "member");
    CF_REQUIRE(params != NULL && params->kind == CF_CEL_LIST && (!member || params->len > 0),
               MALFORMED);
    if (member) {
        cf_write(&w, cf_cel_text(&params->items[0]));
        cf_write(&w, CF_LIT("."));
    }
    cf_write(&w, CF_LIT("("));
    for (uint32_t i = member; i < params->len; i++) {
        CF_REQUIRE(params->items[i].kind == CF_CEL_STRING, MALFORMED);
        cf_write(&w, i > member ? CF_LIT(",") : CF_VIEW_EMPTY);
        cf_write(&w, cf_cel_text(&params->items[i]));
    }
    cf_write(&w, CF_LIT(")->"));
    cf_write(&w, text(overload, "result"));
    return cf_write_end(&w);
}

static cf_result declare_function(row *r, cf_view name, const cf_cel_value *overloads)
{
    CF_REQUIRE(overloads->kind == CF_CEL_LIST, MALFORMED);
    for (uint32_t i = 0; i < overloads->len; i++) {
        CF_BUF(signature);
        cf_cel_function *f = cf_arena_new(r->arena, 1, sizeof *f);
        CF_TRY(put_signature(&overloads->items[i], &signature));
        CF_REQUIRE(f != NULL, NO_MEMORY);
        f->name = copy_str(r->arena, name);
        f->signature = copy_str(r->arena, cf_buf_view(&signature));
        CF_REQUIRE(f->name != NULL && f->signature != NULL, NO_MEMORY);
        CF_TRY(cf_cel_env_functions(r->env, (cf_cel_library){f, 1}));
    }
    return cf_ok();
}

static cf_result declare_all(row *r, const cf_cel_value *type_env)
{
    for (uint32_t i = 0; type_env != NULL && type_env->kind == CF_CEL_LIST && i < type_env->len;
         i++) {
        const cf_cel_value *entry = &type_env->items[i],
                           *function = cli_cel_member(entry, "function");
        uint32_t slot;
        if (function != NULL) {
            CF_TRY(declare_function(r, text(entry, "name"), function));
            continue;
        }
        const char *type = copy_str(r->arena, text(entry, "type"));
        CF_REQUIRE(type != NULL, NO_MEMORY);
        CF_TRY(cf_cel_env_variable(r->env, text(entry, "name"), type, &slot));
    }
    return cf_ok();
}

/* The slot that type_env gave the name; false when it is not there. */
static bool find_declared(const cf_cel_value *type_env, cf_view name, uint32_t *ret_slot)
{
    *ret_slot = 0;
    for (uint32_t i = 0; type_env != NULL && type_env->kind == CF_CEL_LIST && i < type_env->len;
         i++) {
        const cf_cel_value *entry = &type_env->items[i];
        if (cli_cel_member(entry, "function") != NULL) {
            continue;
        }
        if (cf_view_eq(text(entry, "name"), name)) {
            return true;
        }
        ++*ret_slot;
    }
    return false;
}

/* Values by slot; what is bound and not declared is dyn. */
static cf_result bind_all(row *r)
{
    const cf_cel_value *bindings = cli_cel_member(r->all, "bindings");
    const cf_cel_value *type_env = cli_cel_member(r->all, "type_env");
    uint32_t n = bindings != NULL && bindings->kind == CF_CEL_MAP ? bindings->map->count : 0;
    CF_TRY(declare_all(r, type_env));
    r->values =
        cf_arena_new(r->arena, (size_t)cf_cel_env_variables(r->env) + n, sizeof r->values[0]);
    CF_REQUIRE(r->values != NULL, NO_MEMORY);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t slot;
        cf_view name = cf_cel_text(&bindings->map->entries[2 * i]);
        if (!find_declared(type_env, name, &slot)) {
            CF_TRY(cf_cel_env_variable(r->env, name, "dyn", &slot));
        }
        CF_TRY(cli_cel_typed(&bindings->map->entries[2 * i + 1], r->arena, &r->values[slot]));
    }
    return cf_ok();
}

static cf_result read_budget(const cf_cel_value *told, cf_cel_budget *ret)
{
    const struct {
        const char *name;
        uint32_t *place;
    } members[] = {{"source_bytes", &ret->source_bytes},
                   {"nodes", &ret->nodes},
                   {"nesting", &ret->nesting},
                   {"instructions", &ret->instructions},
                   {"elements", &ret->elements},
                   {"output_bytes", &ret->output_bytes},
                   {"regex_instructions", &ret->regex_instructions}};
    const cf_cel_value *v;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if ((v = cli_cel_member(told, members[i].name)) != NULL) {
            CF_REQUIRE(v->kind == CF_CEL_INT && v->i >= 0 && v->i <= UINT32_MAX, MALFORMED);
            *members[i].place = (uint32_t)v->i;
        }
    }
    if ((v = cli_cel_member(told, "steps")) != NULL) {
        CF_REQUIRE(v->kind == CF_CEL_INT && v->i >= 0, MALFORMED);
        ret->steps = v->u;
    }
    if ((v = cli_cel_member(told, "live_bytes")) != NULL) {
        CF_REQUIRE(v->kind == CF_CEL_INT && v->i >= 0, MALFORMED);
        ret->live_bytes = v->u;
    }
    return cf_ok();
}

static cf_result prepare(row *r)
{
    const cf_cel_value *source = cli_cel_member(r->all, "expr"),
                       *told = cli_cel_member(r->all, "budget");
    CF_REQUIRE(source != NULL && source->kind == CF_CEL_STRING, MALFORMED);
    r->source = cf_cel_text(source);
    r->options.container = text(r->all, "container");
    r->options.unchecked = truth(r->all, "disable_check");
    r->options.no_macros = truth(r->all, "disable_macros");
    if (told != NULL) {
        CF_TRY(read_budget(told, &r->budget));
        r->options.budget = r->budget;
    }
    CF_TRY(cf_cel_env_new(NULL, &r->env));
    return bind_all(r);
}

/* --- running */

static cf_result run(const row *r, bool unchecked, bool evaluate, outcome *ret)
{
    cf_cel_options options = r->options;
    options.unchecked = options.unchecked || unchecked;
    CF_TRY(cf_cel_compile(r->env, r->source, &options, &ret->program, &ret->error));
    return evaluate ? cf_cel_eval(ret->program, r->values, NULL, &r->budget, r->arena, &ret->value,
                                  &ret->error)
                    : cf_ok();
}

/* What a row expects, decoded. */
typedef struct {
    bool error, has_value;
    cf_view code; /* of the error; empty for any */
    const cf_cel_value *offset;
    cf_view type; /* empty for any */
    cf_cel_value value;
} expected;

static cf_result read_expected(const row *r, expected *ret)
{
    const cf_cel_value *expect = cli_cel_member(r->all, "expect"), *typed, *value;
    CF_REQUIRE(expect != NULL, MISSING);
    if (cli_cel_member(expect, "error") != NULL) {
        ret->error = true;
        ret->code = text(expect, "code");
        ret->offset = cli_cel_member(expect, "offset");
        return cf_ok();
    }
    typed = cli_cel_member(expect, "typed_result");
    value = cli_cel_member(typed != NULL ? typed : expect, "value");
    CF_REQUIRE(typed != NULL || value != NULL, MISSING);
    if (typed != NULL) {
        ret->type = text(typed, "type");
    }
    ret->has_value = value != NULL && !truth(r->all, "check_only");
    return ret->has_value ? cli_cel_typed(value, r->arena, &ret->value) : cf_ok();
}

static bool as_expected(const expected *want, const outcome *got)
{
    if (want->error) {
        return !cf_is_ok(got->result) &&
               (want->code.len == 0 ||
                cf_view_eq(want->code, cf_view_str(cf_err_code(got->result.code)))) &&
               (want->offset == NULL || want->offset->i == got->error.offset);
    }
    return cf_is_ok(got->result) && (!want->has_value || cli_cel_same(&want->value, &got->value)) &&
           (want->type.len == 0 || cf_view_eq(want->type, cf_cel_program_type(got->program)));
}

/* --- telling */

static void print_value(const char *label, const cf_cel_value *v, cf_view type)
{
    CF_BUF(shown);
    cf_ignore(v != NULL ? cli_cel_put(v, &shown) : cf_ok());
    printf("  %s: %.*s%s", label, (int)(shown.len < GOT_BYTES ? shown.len : GOT_BYTES),
           shown.data == NULL ? "" : (const char *)shown.data, shown.len > GOT_BYTES ? "..." : "");
    if (v != NULL) {
        cf_view kind = cf_cel_kind_name((cf_cel_kind)v->kind);
        printf(" (%.*s)", (int)kind.len, (const char *)kind.data);
    }
    if (type.len > 0) {
        printf(" of type %.*s", (int)type.len, (const char *)type.data);
    }
    printf("\n");
}

static void print_expected(const expected *want)
{
    if (!want->error) {
        print_value("expected", want->has_value ? &want->value : NULL, want->type);
        return;
    }
    printf("  expected: error %.*s", (int)want->code.len, (const char *)want->code.data);
    if (want->offset != NULL) {
        printf(" at offset %" PRId64, want->offset->i);
    }
    printf("\n");
}

static void print_got(const expected *want, const outcome *got, bool unchecked)
{
    const char *label = unchecked ? "got unchecked" : "got";
    if (cf_is_ok(got->result)) {
        print_value(label, got->value.kind != CF_CEL_UNSET ? &got->value : NULL,
                    want->type.len > 0 ? cf_cel_program_type(got->program) : CF_VIEW_EMPTY);
        return;
    }
    printf("  %s: error %s at offset %u\n", label, cf_err_code(got->result.code),
           got->error.offset);
}

static void print_head(const row *r)
{
    CF_BUF(shown);
    const cf_cel_value id = cf_cel_string(r->id), source = cf_cel_string(r->source);
    cf_ignore(cli_cel_put(&id, &shown));
    printf("FAIL %.*s\n", (int)(shown.len > 2 ? shown.len - 2 : 0), (const char *)shown.data + 1);
    cf_buf_clear(&shown);
    cf_ignore(cli_cel_put(&source, &shown));
    printf("  expr: %.*s\n", (int)(shown.len > 2 ? shown.len - 2 : 0),
           (const char *)shown.data + 1);
}

static void count_failure(totals *t, const row *r)
{
    t->failed++;
    if (t->json) {
        cf_ignore(cf_buf_append(&t->failures, t->failures.len > 0 ? CF_LIT(",") : CF_VIEW_EMPTY));
        cf_ignore(cf_json_put_string(&t->failures, r->id));
    } else {
        print_head(r);
    }
}

/* --- rows */

/* A row that is no row, or that names types which cannot be read: a failure of its own. */
static void fail_form(totals *t, const row *r, cf_result why)
{
    count_failure(t, r);
    if (!t->json) {
        printf("  the row cannot be run: %s (%s)\n", cf_err_text(why.code), cf_err_code(why.code));
    }
}

/* As told and then, where a value is expected, without the checker: checking never changes a result. */
static void run_row(totals *t, const row *r)
{
    expected want = {0};
    cf_result read = read_expected(r, &want);
    bool check_only = truth(r->all, "check_only"), good = cf_is_ok(read);
    if (!good) {
        fail_form(t, r, read);
        return;
    }
    for (int unchecked = 0; good && unchecked <= (want.has_value && !r->options.unchecked);
         unchecked++) {
        CF_AUTO(outcome_clear) outcome got = {0};
        got.result = run(r, unchecked == 1, !check_only, &got);
        if (unchecked == 1) {
            want.type = CF_VIEW_EMPTY;
        }
        good = as_expected(&want, &got);
        if (!good) {
            count_failure(t, r);
            if (!t->json) {
                print_expected(&want);
                print_got(&want, &got, unchecked == 1);
            }
        }
    }
    t->passed += good;
}

static void run_line(totals *t, const char *file, uint64_t number, cf_view line)
{
    CF_ARENA(arena, CF_CLI_ROW_ARENA_BYTES_MAX);
    cf_cel_value all = {0};
    char place[64];
    (void)snprintf(place, sizeof place, "line %" PRIu64, number);
    CF_AUTO(row_clear) row r = {.all = &all, .id = cf_view_str(place), .arena = &arena};
    cf_result read = cf_cel_from_json(line, CF_CLI_INPUT_BYTES_MAX, &arena, &all);
    if (cf_is_ok(read)) {
        cf_view id = text(&all, "id");
        r.id = id.len > 0 ? id : r.id;
        if (truth(&all, "proto")) {
            t->skipped++;
            return;
        }
        read = prepare(&r);
    }
    if (!cf_is_ok(read)) {
        fprintf(stderr, "coffer: %s, line %" PRIu64 "\n", file, number);
        fail_form(t, &r, read);
        return;
    }
    run_row(t, &r);
}

static bool is_blank(cf_view line)
{
    size_t i = 0;
    while (i < line.len && (line.data[i] == ' ' || line.data[i] == '\r' || line.data[i] == '\t')) {
        i++;
    }
    return i == line.len;
}

static bool run_file(totals *t, const char *file)
{
    CF_BUF(all);
    if (!cli_read_input(file, &all)) {
        return false;
    }
    uint64_t number = 0;
    for (size_t at = 0; at < all.len;) {
        const uint8_t *end = memchr(all.data + at, '\n', all.len - at);
        size_t len = end != NULL ? (size_t)(end - all.data) - at : all.len - at;
        cf_view line = cf_view_make(all.data + at, len);
        number++;
        if (!is_blank(line)) {
            run_line(t, file, number, line);
        }
        at += len + 1;
    }
    return true;
}

int cli_cel_conformance(const cli_args *args)
{
    totals t = {.json = cli_has(args, "json")};
    bool read = true;
    for (size_t i = 0; read && i < args->words_n; i++) {
        read = run_file(&t, args->words[i]);
    }
    if (read && t.json) {
        printf("{\"passed\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"skipped\":%" PRIu64
               ",\"failures\":[%.*s]}\n",
               t.passed, t.failed, t.skipped, (int)t.failures.len, (const char *)t.failures.data);
    } else if (read) {
        if (t.skipped > 0) {
            printf("%" PRIu64 " skipped: they need protobuf messages\n", t.skipped);
        }
        printf("%" PRIu64 " passed, %" PRIu64 " failed\n", t.passed, t.failed);
    }
    cf_buf_free(&t.failures);
    if (!read) {
        return CLI_USAGE;
    }
    return t.failed > 0 || t.passed == 0 ? CLI_FAILED : CLI_OK;
}
