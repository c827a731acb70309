/* SPDX-License-Identifier: Apache-2.0 */
/* The expressions of one request: which names each sees, which fields are read, and what comes out. */
#include "core/transform/transform_priv.h"

#define NONE UINT16_MAX

/* A name: of a field, of a result, or of both, and then it is the field's until its expression has been evaluated. */
typedef struct {
    cf_view name;
    uint16_t field, defined_by; /* places, or NONE */
    uint16_t mentioned_by;      /* the last expression that did, to note each once */
    bool read;                  /* as a field */
    cf_err code;                /* CF_OK: value is what it stands for */
    cf_cel_value value;
} entry;

typedef struct {
    const cf_transform_program *program; /* NULL: error says why */
    cf_cel_error error;
    uint16_t own;      /* the entry of its name */
    uint16_t *entries; /* by slot */
    size_t entries_n;
    size_t json_at, json_end; /* where its text is */
} item;

struct cf_transform {
    const cf_transform_spec *spec;
    entry *entries; /* of the fields in their order, and then of other results */
    size_t entries_n;
    uint16_t *table; /* of entries by hash of name; as many places as a power of two */
    uint32_t table_mask;
    item *items;
    uint16_t *slots; /* of the expression that is being compiled */
    size_t bytes;    /* of the programs */
};

/* ---- names ---- */

static uint16_t *place_of(const cf_transform *t, cf_view name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < name.len; i++) {
        hash = (hash ^ name.data[i]) * 16777619u;
    }
    uint16_t *at = &t->table[(hash ^ hash >> 16) & t->table_mask];
    while (*at != NONE && !cf_view_eq(t->entries[*at].name, name)) {
        at = at == t->table + t->table_mask ? t->table : at + 1;
    }
    return at;
}

static uint16_t entry_of(cf_transform *t, cf_view name)
{
    uint16_t *at = place_of(t, name);
    if (*at == NONE) {
        *at = (uint16_t)t->entries_n++;
        t->entries[*at] =
            (entry){.name = name, .field = NONE, .defined_by = NONE, .mentioned_by = NONE};
    }
    return *at;
}

static CF_MUST_USE cf_result make_names(cf_transform *t, cf_arena *arena)
{
    const cf_transform_spec *s = t->spec;
    size_t n = s->fields_n + s->expressions_n, places = 2;
    CF_REQUIRE(n < NONE / 2, ARGUMENT);
    while (places < 2 * n) {
        places *= 2;
    }
    t->entries = cf_arena_new(arena, n, sizeof *t->entries);
    t->table = cf_arena_new(arena, places, sizeof *t->table);
    t->slots = cf_arena_new(arena, n, sizeof *t->slots);
    t->items = cf_arena_new(arena, s->expressions_n, sizeof *t->items);
    CF_REQUIRE(t->entries != NULL && t->table != NULL && t->slots != NULL && t->items != NULL,
               NO_MEMORY);
    t->table_mask = (uint32_t)places - 1;
    for (size_t i = 0; i < places; i++) {
        t->table[i] = NONE;
    }
    for (size_t i = 0; i < s->fields_n; i++) {
        CF_REQUIRE(entry_of(t, s->fields[i]) == i, DUPLICATE);
        t->entries[i].field = (uint16_t)i;
    }
    for (size_t i = 0; i < s->expressions_n; i++) {
        t->items[i].own = entry_of(t, s->expressions[i].name);
        t->entries[t->items[i].own].defined_by = (uint16_t)i;
    }
    return cf_ok();
}

/* A result is there for those behind its expression, a field for all. */
static bool sees_result(const entry *e, size_t expression)
{
    return e->defined_by != NONE && e->defined_by < expression;
}

static bool sees(const entry *e, size_t expression)
{
    return e->field != NONE || sees_result(e, expression);
}

/* ---- compiling ---- */

/* Notes the names that the expression mentions and sees, in the order of their first mention: so the same source with the same
 * names is the same program, whatever else a request has. */
static CF_MUST_USE cf_result mentions(cf_transform *t, size_t expression, cf_buf *names,
                                      size_t *ret_n)
{
    size_t at = 0, n = 0;
    cf_view name;
    cf_buf_clear(names);
    while (cf_transform_mention(t->spec->expressions[expression].source, &at, &name)) {
        uint16_t place = *place_of(t, name);
        entry *e = place == NONE ? NULL : &t->entries[place];
        if (e == NULL || e->mentioned_by == expression || !sees(e, expression)) {
            continue;
        }
        e->mentioned_by = (uint16_t)expression;
        CF_TRY(cf_buf_append(names, n > 0 ? CF_LIT(",") : CF_VIEW_EMPTY));
        CF_TRY(cf_buf_append(names, name));
        t->slots[n++] = place;
    }
    *ret_n = n;
    return cf_ok();
}

static void note_reads(cf_transform *t, size_t expression)
{
    const item *it = &t->items[expression];
    for (size_t i = 0; i < it->entries_n; i++) {
        entry *e = &t->entries[it->entries[i]];
        bool reads = cf_cel_program_reads(it->program->cel, (uint32_t)i);
        e->read = e->read || (reads && !sees_result(e, expression));
    }
}

/* Whether a program was kept by somebody or not, it counts for the request, so that the outcome does not depend on it. */
static CF_MUST_USE cf_result get(cf_transform *t, const cf_transform_source *source, item *it)
{
    const cf_transform_spec *s = t->spec;
    CF_TRY(s->programs->get(s->programs_ctx, source, &it->program, &it->error));
    size_t bytes = cf_cel_program_bytes(it->program->cel);
    if (bytes > CF_TRANSFORM_PROGRAMS_BYTES_MAX - t->bytes) {
        s->programs->put(s->programs_ctx, it->program);
        it->error = (cf_cel_error){.code = CF_ERR_BUDGET};
        return cf_fail(CF_ERR_BUDGET);
    }
    t->bytes += bytes;
    return cf_ok();
}

static CF_MUST_USE cf_result compile(cf_transform *t, size_t expression, cf_arena *arena,
                                     cf_buf *names)
{
    const cf_transform_spec *s = t->spec;
    item *it = &t->items[expression];
    size_t n = 0;
    CF_TRY(mentions(t, expression, names, &n));
    it->entries = cf_arena_new(arena, n, sizeof *it->entries);
    CF_REQUIRE(it->entries != NULL, NO_MEMORY);
    cf_copy(it->entries, t->slots, n * sizeof *it->entries);
    it->entries_n = n;
    const cf_transform_source source = {s->expressions[expression].source, cf_buf_view(names)};
    cf_result r = get(t, &source, it);
    if (cf_is_ok(r)) {
        note_reads(t, expression);
        return r;
    }
    it->program = NULL;
    it->error.code = r.code;
    /* What is wrong with us is not told as if it were wrong with the expression. */
    return r.code == CF_ERR_NO_MEMORY || r.code == CF_ERR_CRYPTO ? r : cf_ok();
}

CF_MUST_USE cf_result cf_transform_new(const cf_transform_spec *spec, cf_arena *arena,
                                       cf_transform **ret)
{
    *ret = NULL;
    CF_BUF(names);
    CF_AUTO(cf_transform_end) cf_transform *t = NULL;
    cf_transform *made = cf_arena_new(arena, 1, sizeof *made);
    CF_REQUIRE(made != NULL, NO_MEMORY);
    made->spec = spec;
    CF_TRY(make_names(made, arena));
    t = made;
    for (size_t i = 0; i < spec->expressions_n; i++) {
        CF_TRY(compile(t, i, arena, &names));
    }
    *ret = t;
    t = NULL;
    return cf_ok();
}

void cf_transform_end(cf_transform **transform)
{
    cf_transform *t = *transform;
    for (size_t i = 0; t != NULL && i < t->spec->expressions_n; i++) {
        if (t->items[i].program != NULL) {
            t->spec->programs->put(t->spec->programs_ctx, t->items[i].program);
            t->items[i].program = NULL;
        }
    }
    *transform = NULL;
}

bool cf_transform_reads(const cf_transform *t, size_t field)
{
    return t->entries[field].read;
}

/* ---- evaluating ---- */

static bool is_ascii(cf_view text)
{
    uint8_t all = 0;
    for (size_t i = 0; i < text.len; i++) {
        all |= text.data[i];
    }
    return all < 0x80;
}

/* What a field stands for. Strings of the language are well-formed. */
static void set_field(entry *e, const cf_transform_field *f)
{
    e->code = f->code == CF_ERR_NOT_SET ? CF_OK : f->code;
    e->value = cf_cel_null();
    if (f->code == CF_OK) {
        bool ascii = is_ascii(f->text);
        e->code = ascii || cf_utf8_ok(f->text) ? CF_OK : CF_ERR_UTF8;
        e->value = cf_cel_string(f->text);
        e->value.flags = ascii ? CF_CEL_ASCII : 0;
    }
}

/* The values of a program's slots. False when one that it reads, in whatever branch, is a failure: there is then no outcome
 * that would not hide it. */
static bool bind(const cf_transform *t, const item *it, cf_cel_value *values)
{
    for (size_t i = 0; i < it->entries_n; i++) {
        const entry *e = &t->entries[it->entries[i]];
        if (!cf_cel_program_reads(it->program->cel, (uint32_t)i)) {
            continue;
        }
        if (e->code != CF_OK) {
            return false;
        }
        values[i] = e->value;
    }
    return true;
}

/* What is left of the request's budget. */
typedef struct {
    struct cf_cel_host *host;
    cf_arena *arena;
    cf_buf *json;
    size_t json_start;
    uint64_t steps;
} run_state;

static CF_MUST_USE cf_result eval(const cf_transform *t, item *it, run_state *s, cf_cel_value *ret)
{
    CF_REQUIRE(cf_arena_fits(s->arena, (it->entries_n + 1) * sizeof(cf_cel_value)), BUDGET);
    cf_cel_value *values = cf_arena_new(s->arena, it->entries_n, sizeof *values);
    CF_REQUIRE(values != NULL, NO_MEMORY);
    size_t live = s->arena->max - s->arena->used;
    CF_REQUIRE(bind(t, it, values), CEL_INPUT);
    const cf_cel_budget budget = {
        .steps = s->steps, .live_bytes = live, .output_bytes = CF_TRANSFORM_JSON_BYTES_MAX};
    return cf_cel_eval_shared(it->program->cel, values, s->host, &budget, &s->steps, s->arena, ret,
                              &it->error);
}

/* Octets of JSON that a step covers: the texts of numbers and times take longest. */
#define JSON_OCTETS_PER_STEP 4

/* Writes the value behind the other texts. What fails may have written all that was left, and costs as much. */
static CF_MUST_USE cf_result write_json(const cf_cel_value *v, run_state *s)
{
    size_t before = s->json->len, left = CF_TRANSFORM_JSON_BYTES_MAX - (before - s->json_start);
    cf_result r = cf_cel_to_json(v, left, s->json);
    uint64_t steps = (cf_is_ok(r) ? s->json->len - before : left) / JSON_OCTETS_PER_STEP;
    s->steps -= steps < s->steps ? steps : s->steps;
    return r;
}

/* Evaluates into the buffer of texts. *ret: what later expressions see. */
static CF_MUST_USE cf_result evaluate(const cf_transform *t, item *it, run_state *s,
                                      cf_cel_value *ret)
{
    if (it->program == NULL) {
        return cf_fail(it->error.code);
    }
    it->error.offset = 0;
    CF_TRY(eval(t, it, s, ret));
    it->json_at = s->json->len;
    CF_TRY(write_json(ret, s));
    it->json_end = s->json->len;
    return cf_ok();
}

/* Texts are shown where they are once none is added any more, for the buffer may have moved. */
static void show(const cf_transform *t, const cf_buf *json, cf_transform_result *ret)
{
    for (size_t i = 0; i < t->spec->expressions_n; i++) {
        const item *it = &t->items[i];
        if (ret[i].code == CF_OK) {
            ret[i].json = cf_view_sub(cf_buf_view(json), it->json_at, it->json_end - it->json_at);
        }
    }
}

CF_MUST_USE cf_result cf_transform_run(cf_transform *t, const cf_transform_field *fields,
                                       struct cf_cel_host *host, cf_arena *arena, cf_buf *json,
                                       cf_transform_result *ret)
{
    run_state s = {host, arena, json, json->len, CF_TRANSFORM_STEPS_MAX};
    for (size_t i = 0; i < t->entries_n; i++) {
        entry *e = &t->entries[i];
        if (e->read) {
            set_field(e, &fields[e->field]);
        }
    }
    for (size_t i = 0; i < t->spec->expressions_n; i++) {
        cf_view name = t->spec->expressions[i].name;
        cf_cel_value value = cf_cel_null();
        cf_err code = evaluate(t, &t->items[i], &s, &value).code;
        if (code == CF_ERR_NO_MEMORY || code == CF_ERR_CRYPTO) {
            return cf_fail(code);
        }
        ret[i] = (cf_transform_result){
            .name = name, .code = code, .offset = code == CF_OK ? 0 : t->items[i].error.offset};
        entry *e = &t->entries[t->items[i].own];
        e->code = code;
        e->value = value;
    }
    show(t, json, ret);
    return cf_ok();
}
