/* SPDX-License-Identifier: Apache-2.0 */
/* coffer cel eval, coffer cel check: an expression on this machine, without any service, with the functions that a decrypt has. */
#include "host/cli/cel.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "core/transform/transform.h"
#include "host/cli/session.h"
#include "host/cli/verbs.h"

#define CARET_COLUMNS 96 /* of a line that is shown around an error */
#define CARET_BEFORE 64  /* of them before the place */

/* --- input */

void cli_cel_close(cli_cel *c)
{
    cf_cel_env_free(&c->env);
    cf_arena_free(&c->arena);
    cf_buf_free(&c->text);
    cf_buf_free(&c->bindings);
}

static int no_memory(void)
{
    fprintf(stderr, "coffer: no memory\n");
    return CLI_FAILED;
}

/* "x: int; y: list(string)": one declaration, without the blanks around its parts. False when there is no colon. */
static bool split_declaration(cf_view part, cf_view *ret_name, cf_view *ret_type)
{
    size_t colon = 0;
    while (colon < part.len && part.data[colon] != ':') {
        colon++;
    }
    *ret_name = cf_view_sub(part, 0, colon);
    *ret_type =
        colon < part.len ? cf_view_sub(part, colon + 1, part.len - colon - 1) : CF_VIEW_EMPTY;
    cf_view *both[2] = {ret_name, ret_type};
    for (size_t i = 0; i < 2; i++) {
        cf_view *v = both[i];
        while (v->len > 0 && v->data[0] == ' ') {
            *v = cf_view_sub(*v, 1, v->len - 1);
        }
        while (v->len > 0 && v->data[v->len - 1] == ' ') {
            *v = cf_view_sub(*v, 0, v->len - 1);
        }
    }
    return colon < part.len;
}

/* Declares one variable; the type is copied behind a NUL. */
static cf_result declare(cli_cel *c, cf_view name, cf_view type, uint32_t *ret_slot)
{
    char *text = cf_arena_new(&c->arena, type.len + 1, 1);
    *ret_slot = 0;
    CF_REQUIRE(text != NULL, NO_MEMORY);
    cf_copy(text, type.data, type.len);
    return cf_cel_env_variable(c->env, name, text, ret_slot);
}

/* The part of --types that starts at `at`, up to its semicolon. */
static cf_view next_part(const char *at)
{
    return cf_view_make(at, strcspn(at, ";"));
}

static int declare_types(cli_cel *c, const char *types, uint32_t *ret_n)
{
    *ret_n = 0;
    for (const char *at = types; at != NULL && *at != '\0';) {
        cf_view part = next_part(at), name, type;
        uint32_t slot;
        cf_result r = split_declaration(part, &name, &type) ? declare(c, name, type, &slot)
                                                            : cf_fail(CF_ERR_MALFORMED);
        if (!cf_is_ok(r)) {
            fprintf(stderr, "coffer: --types, declaration %u: %s (%s)\n", *ret_n + 1,
                    cf_err_text(r.code), cf_err_code(r.code));
            return CLI_USAGE;
        }
        ++*ret_n;
        at += part.len;
        at += *at == ';';
    }
    return CLI_OK;
}

/* The slot that --types gave the name; false when it did not. */
static bool declared(const char *types, cf_view name, uint32_t *ret_slot)
{
    *ret_slot = 0;
    for (const char *at = types; at != NULL && *at != '\0'; ++*ret_slot) {
        cf_view part = next_part(at), here, type;
        if (split_declaration(part, &here, &type) && cf_view_eq(here, name)) {
            return true;
        }
        at += part.len;
        at += *at == ';';
    }
    return false;
}

/* Every member of the bindings is a variable. Names are the caller's, but only their place is told. */
static int bind(cli_cel *c, const char *types, const cf_cel_map *members)
{
    for (uint32_t i = 0; i < members->count; i++) {
        uint32_t slot;
        cf_view name = cf_cel_text(&members->entries[2 * i]);
        if (!declared(types, name, &slot)) {
            cf_result r = declare(c, name, CF_LIT("dyn"), &slot);
            if (!cf_is_ok(r)) {
                fprintf(stderr, "coffer: member %u of the bindings: %s (%s)\n", i + 1,
                        cf_err_text(r.code), cf_err_code(r.code));
                return CLI_FAILED;
            }
        }
        c->values[slot] = members->entries[2 * i + 1];
    }
    return CLI_OK;
}

static int read_variables(const cli_args *args, cli_cel *c)
{
    const char *file = cli_get(args, "bindings"), *types = cli_get(args, "types");
    cf_cel_value all = {0};
    uint32_t types_n;
    if (file != NULL && !cli_read_input(file, &c->bindings)) {
        return CLI_USAGE;
    }
    cf_result r = file == NULL ? cf_ok()
                               : cf_cel_from_json(cf_buf_view(&c->bindings), CF_CLI_INPUT_BYTES_MAX,
                                                  &c->arena, &all);
    if (!cf_is_ok(r) || (file != NULL && all.kind != CF_CEL_MAP)) {
        r = cf_is_ok(r) ? cf_fail(CF_ERR_WRONG_TYPE) : r;
        fprintf(stderr, "coffer: the bindings are no JSON object: %s (%s)\n", cf_err_text(r.code),
                cf_err_code(r.code));
        return CLI_FAILED;
    }
    int status = declare_types(c, types, &types_n);
    if (status != CLI_OK) {
        return status;
    }
    uint32_t members = file != NULL ? all.map->count : 0;
    c->values = cf_arena_new(&c->arena, (size_t)types_n + members, sizeof c->values[0]);
    if (c->values == NULL) {
        return no_memory();
    }
    return members > 0 ? bind(c, types, all.map) : CLI_OK;
}

/* No more of the source than shows that it is over the budget: a larger file is an error of the engine, not of the command. */
static bool read_source(const char *file, cf_buf *out)
{
    bool standard = strcmp(file, "-") == 0;
    FILE *in = standard ? stdin : fopen(file, "rb");
    bool ok = in != NULL && cf_is_ok(cf_buf_reserve(out, CF_CEL_SOURCE_BYTES_MAX + 1));
    if (ok) {
        out->len = fread(out->data, 1, CF_CEL_SOURCE_BYTES_MAX + 1, in);
        ok = ferror(in) == 0;
    }
    if (!ok) {
        fprintf(stderr, "coffer: cannot read %s: %s\n", file, strerror(errno));
    }
    if (in != NULL && !standard) {
        (void)fclose(in);
    }
    return ok;
}

int cli_cel_open(const cli_args *args, cli_cel *ret)
{
    const char *file = cli_get(args, "file");
    if ((file != NULL) == (args->words_n == 1)) {
        fprintf(stderr, "coffer: give an expression or --file, one of the two\n");
        return CLI_USAGE;
    }
    if (file != NULL && !read_source(file, &ret->text)) {
        return CLI_USAGE;
    }
    ret->source = file != NULL ? cf_buf_view(&ret->text) : cf_view_str(args->words[0]);
    ret->options.unchecked = cli_has(args, "unchecked");
    return cf_is_ok(cf_transform_env_new(&ret->env)) ? read_variables(args, ret) : no_memory();
}

/* --- errors */

/* Octets of the code point at `at`, 1 for what is none. */
static size_t point_len(cf_view line, size_t at)
{
    size_t n = 1;
    while (at + n < line.len && n < 4 && (line.data[at + n] & 0xc0) == 0x80) {
        n++;
    }
    return n;
}

/* One code point of the source; what would speak to a terminal, and what is no UTF-8, is a question mark. */
static void print_point(cf_view point)
{
    bool control = point.data[0] < ' ' || point.data[0] == 0x7f ||
                   (point.len == 2 && point.data[0] == 0xc2 && point.data[1] < 0xa0);
    if (point.data[0] == '\t') {
        fprintf(stderr, " ");
    } else if (control || !cf_utf8_ok(point)) {
        fprintf(stderr, "?");
    } else {
        fprintf(stderr, "%.*s", (int)point.len, (const char *)point.data);
    }
}

/* The line that the offset is in. */
static cf_view line_around(cf_view source, size_t offset)
{
    size_t from = offset, to = offset;
    while (from > 0 && source.data[from - 1] != '\n') {
        from--;
    }
    while (to < source.len && source.data[to] != '\n' && source.data[to] != '\r') {
        to++;
    }
    return cf_view_sub(source, from, to - from);
}

/* So much of the line as fits, and a caret below the column. */
static void print_place(cf_view source, uint32_t offset, uint32_t column)
{
    cf_view line = line_around(source, offset < source.len ? offset : source.len);
    uint32_t first = column > CARET_BEFORE ? column - CARET_BEFORE : 1, at = 1;
    fprintf(stderr, first > 1 ? "  ..." : "  ");
    for (size_t i = 0; i < line.len && at < first + CARET_COLUMNS; at++) {
        cf_view point = cf_view_sub(line, i, point_len(line, i));
        i += point.len;
        if (at >= first) {
            print_point(point);
        }
    }
    fprintf(stderr, "\n%*s^\n", (int)(column - first) + (first > 1 ? 5 : 2), "");
}

int cli_cel_error(cf_view source, const cf_cel_error *error)
{
    uint32_t line, column;
    cf_cel_position(source, error->offset, &line, &column);
    fprintf(stderr, "error: %s at line %u, column %u (offset %u): %s", cf_err_code(error->code),
            line, column, error->offset, cf_err_text(error->code));
    if (error->budget != NULL) {
        fprintf(stderr, " (%s)", error->budget);
    }
    fprintf(stderr, "\n");
    print_place(source, error->offset, column);
    return CLI_FAILED;
}

/* --- the commands */

int cli_cel_compile(const cli_cel *c, cf_cel_program **ret)
{
    cf_cel_error error = {0};
    cf_result r = cf_cel_compile(c->env, c->source, &c->options, ret, &error);
    return cf_is_ok(r) ? CLI_OK : cli_cel_error(c->source, &error);
}

static int print_result(const cf_cel_value *v)
{
    CF_BUF(text);
    cf_result r = cf_cel_to_json(v, CF_BUF_BYTES_MAX / 2, &text);
    if (!cf_is_ok(r)) {
        fprintf(stderr, "error: %s: the result has no form in JSON: %s\n", cf_err_code(r.code),
                cf_err_text(r.code));
        return CLI_FAILED;
    }
    /* DEL and U+0080 to U+009F stand for themselves in JSON, and may speak to a terminal. */
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == 0xc2 && i + 1 < text.len && text.data[i + 1] < 0xa0) {
            printf("\\u00%02x", text.data[++i]);
        } else if (c == 0x7f) {
            printf("\\u007f");
        } else {
            (void)putchar(c);
        }
    }
    (void)putchar('\n');
    return CLI_OK;
}

int cli_cel_eval(const cli_args *args)
{
    CLI_CEL(c);
    CF_CEL_PROGRAM(program);
    cf_cel_value result = {0};
    cf_cel_error error = {0};
    int status = cli_cel_open(args, &c);
    status = status == CLI_OK ? cli_cel_compile(&c, &program) : status;
    if (status != CLI_OK) {
        return status;
    }
    CF_ARENA(arena, CF_CLI_CEL_ARENA_BYTES_MAX);
    struct cf_cel_host host = {.now_seconds = (int64_t)time(NULL)}; /* and no secrets */
    cf_result r = cf_cel_eval(program, c.values, &host, NULL, &arena, &result, &error);
    return cf_is_ok(r) ? print_result(&result) : cli_cel_error(c.source, &error);
}

int cli_cel_check(const cli_args *args)
{
    CLI_CEL(c);
    CF_CEL_PROGRAM(program);
    int status = cli_cel_open(args, &c);
    status = status == CLI_OK ? cli_cel_compile(&c, &program) : status;
    if (status == CLI_OK) {
        /* Types are names of letters, dots and brackets: they need no escapes. */
        cf_view type = cf_cel_program_type(program);
        printf(cli_has(args, "json") ? "{\"type\":\"%.*s\"}\n" : "%.*s\n", (int)type.len,
               (const char *)type.data);
    }
    return status;
}
