/* SPDX-License-Identifier: Apache-2.0 */
/* cf_transform_new, cf_transform_run: expressions, one on each line, named a, b, c … over fields that are set, not set and not
 * opened. Results are JSON within bounds, what is not read is not looked at, and the same request has the same outcome. */
#include "core/transform/transform.h"
#include "fuzz/check.h"

enum { EXPRESSIONS = 8, FIELDS = 5 };

static cf_cel_env *env(void)
{
    static cf_cel_env *e;
    if (e == NULL) {
        fuzz_ok(cf_transform_env_new(&e));
    }
    return e;
}

static cf_result get(void *ctx, const cf_transform_source *s, const cf_transform_program **ret,
                     cf_cel_error *ret_error)
{
    cf_cel_program *cel = NULL;
    int *out = ctx;
    *ret = NULL;
    CF_TRY(cf_transform_compile(env(), s, &cel, ret_error));
    cf_transform_program *made = cf_mem_new(1, sizeof *made);
    fuzz_check(made != NULL);
    made->cel = cel;
    ++*out;
    *ret = made;
    return cf_ok();
}

static void put(void *ctx, const cf_transform_program *program)
{
    cf_transform_program *made = (cf_transform_program *)(uintptr_t)program;
    int *out = ctx;
    cf_cel_program_free(&made->cel);
    cf_mem_free(made);
    --*out;
}

static const cf_transform_programs programs = {get, put};
static const cf_view names[FIELDS] = {CF_LIT_INIT("dob"), CF_LIT_INIT("email"), CF_LIT_INIT("a"),
                                      CF_LIT_INIT("middle"), CF_LIT_INIT("lost")};

static size_t split(cf_view in, cf_transform_expression all[static EXPRESSIONS])
{
    static const cf_view letters = CF_LIT_INIT("abcdefgh");
    size_t n = 0;
    for (size_t from = 0, to = 0; n < EXPRESSIONS && from < in.len; from = to + 1) {
        for (to = from; to < in.len && in.data[to] != '\n'; to++) {
        }
        all[n] =
            (cf_transform_expression){cf_view_sub(letters, n, 1), cf_view_sub(in, from, to - from)};
        n++;
    }
    return n;
}

static void run(const cf_transform_spec *spec, cf_buf *json,
                cf_transform_result results[static EXPRESSIONS])
{
    static const cf_transform_secret secrets[] = {{CF_LIT_INIT("k"), CF_LIT_INIT("key"), CF_OK}};
    struct cf_cel_host host = {1767225600, secrets, 1};
    CF_ARENA(arena, (size_t)1 << 20);
    CF_ARENA(scratch, CF_TRANSFORM_LIVE_BYTES_MAX);
    CF_AUTO(cf_transform_end) cf_transform *t = NULL;
    cf_transform_field values[FIELDS] = {{CF_LIT("1990-06-01"), CF_OK},
                                         {CF_LIT("ada@example.org"), CF_OK},
                                         {CF_LIT("a"), CF_OK},
                                         {CF_VIEW_EMPTY, CF_ERR_NOT_SET},
                                         {CF_VIEW_EMPTY, CF_ERR_OPEN}};
    fuzz_ok(cf_transform_new(spec, &arena, &t));
    for (size_t i = 0; i < FIELDS; i++) {
        if (!cf_transform_reads(t, i)) {
            values[i] = (cf_transform_field){cf_view_make((const void *)1, 1), CF_OK};
        }
    }
    fuzz_ok(cf_transform_run(t, values, &host, &scratch, json, results));
    fuzz_check(json->len <= CF_TRANSFORM_JSON_BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cf_transform_expression all[EXPRESSIONS];
    cf_transform_result first[EXPRESSIONS], second[EXPRESSIONS];
    CF_BUF(json);
    CF_BUF(again);
    int out = 0;
    const cf_transform_spec spec = {names,     FIELDS, all, split(cf_view_make(data, size), all),
                                    &programs, &out};
    if (size > (size_t)EXPRESSIONS * CF_TRANSFORM_SOURCE_BYTES_MAX) {
        return 0;
    }
    run(&spec, &json, first);
    run(&spec, &again, second);
    fuzz_check(out == 0);
    for (size_t i = 0; i < spec.expressions_n; i++) {
        CF_ARENA(arena, (size_t)64 << 20);
        cf_cel_value v;
        fuzz_check(first[i].code == second[i].code && first[i].offset == second[i].offset);
        fuzz_check(cf_view_eq(first[i].json, second[i].json));
        fuzz_check(first[i].offset <= all[i].source.len);
        fuzz_check((first[i].code == CF_OK) == (first[i].json.len > 0));
        if (first[i].code == CF_OK) {
            fuzz_ok(cf_cel_from_json(first[i].json, CF_TRANSFORM_JSON_BYTES_MAX, &arena, &v));
        }
    }
    return 0;
}
