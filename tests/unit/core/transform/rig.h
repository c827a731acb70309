/* SPDX-License-Identifier: Apache-2.0 */
/* A request's expressions over fields, without a cache: compiled when asked for, freed when given back. */
#pragma once
#include "core/transform/transform.h"
#include "tests/support/test.h"

#define RIG_MAX 16
#define RIG_NOW INT64_C(1767225600) /* 2026-01-01T00:00:00Z */

typedef struct {
    cf_cel_env *env;
    unsigned out; /* programs made, and not yet given back */
} rig_programs;

static inline cf_result rig_get(void *ctx, const cf_transform_source *s,
                                const cf_transform_program **ret, cf_cel_error *ret_error)
{
    rig_programs *p = ctx;
    cf_cel_program *cel = NULL;
    *ret = NULL;
    CF_TRY(cf_transform_compile(p->env, s, &cel, ret_error));
    cf_transform_program *made = cf_mem_new(1, sizeof *made);
    if (made == NULL) {
        cf_cel_program_free(&cel);
        return cf_fail(CF_ERR_NO_MEMORY);
    }
    made->cel = cel;
    p->out++;
    *ret = made;
    return cf_ok();
}

static inline void rig_put(void *ctx, const cf_transform_program *program)
{
    rig_programs *p = ctx;
    cf_transform_program *made = (cf_transform_program *)(uintptr_t)program;
    cf_cel_program_free(&made->cel);
    cf_mem_free(made);
    p->out--;
}

static const cf_transform_programs rig_ops = {rig_get, rig_put};

static inline rig_programs *rig_all(void)
{
    static rig_programs p;
    if (p.env == NULL) {
        assert_ok(cf_transform_env_new(&p.env));
    }
    return &p;
}

/* A request: fields and expressions as pairs that end with NULL. A field's value NULL is not set, "!" did not open. */
typedef struct {
    const char *fields[RIG_MAX][2];
    const char *expressions[RIG_MAX][2];
    struct cf_cel_host *host;
} rig_request;

typedef struct {
    cf_transform_result results[RIG_MAX];
    size_t n;
    bool read[RIG_MAX];
    cf_buf json;
} rig_answer;

static inline void rig_answer_free(rig_answer *a)
{
    cf_buf_free(&a->json);
}
#define RIG_ANSWER(name) CF_AUTO(rig_answer_free) rig_answer name = {.n = 0}

static inline cf_result rig_run(const rig_request *q, rig_answer *ret)
{
    cf_view names[RIG_MAX];
    cf_transform_field fields[RIG_MAX] = {{.code = CF_OK}};
    cf_transform_expression expressions[RIG_MAX];
    cf_transform_spec spec = {.fields = names,
                              .expressions = expressions,
                              .programs = &rig_ops,
                              .programs_ctx = rig_all()};
    for (size_t i = 0; i < RIG_MAX && q->fields[i][0] != NULL; i++, spec.fields_n++) {
        const char *value = q->fields[i][1];
        names[i] = cf_view_str(q->fields[i][0]);
        fields[i].code = value == NULL ? CF_ERR_NOT_SET : value[0] == '!' ? CF_ERR_OPEN : CF_OK;
        fields[i].text = fields[i].code == CF_OK ? cf_view_str(value) : CF_VIEW_EMPTY;
    }
    for (size_t i = 0; i < RIG_MAX && q->expressions[i][0] != NULL; i++, spec.expressions_n++) {
        expressions[i] = (cf_transform_expression){cf_view_str(q->expressions[i][0]),
                                                   cf_view_str(q->expressions[i][1])};
    }
    CF_ARENA(arena, (size_t)1 << 20);
    CF_ARENA(scratch, CF_TRANSFORM_LIVE_BYTES_MAX);
    CF_AUTO(cf_transform_end) cf_transform *t = NULL;
    struct cf_cel_host host = {.now_seconds = RIG_NOW};
    CF_TRY(cf_transform_new(&spec, &arena, &t));
    ret->n = spec.expressions_n;
    for (size_t i = 0; i < spec.fields_n; i++) {
        ret->read[i] = cf_transform_reads(t, i);
    }
    return cf_transform_run(t, fields, q->host != NULL ? q->host : &host, &scratch, &ret->json,
                            ret->results);
}
