/* SPDX-License-Identifier: Apache-2.0 */
/* Decrypting: one read, one question to the enclave, one durable audit entry, and only then an answer. */
#include "host/api/expressions.h"

/** What the caller wants. */
typedef struct {
    cf_names
        fields; /* that he names, but for those whose place an expression takes; none with results_only */
    cf_api_expressions expressions;
    cf_names given;     /* as he names them */
    cf_names mentioned; /* fields that expressions may read */
} wish;

/** What is asked of the enclave: fields that are stored and the writes that they refer to; first those that are answered, then those
 *  that are there for expressions. */
typedef struct {
    cf_field *fields;
    size_t fields_n, silent_n;
    cf_write_ref *writes;
    size_t writes_n;
    cf_names unset; /* fields that are not stored, for expressions */
    const cf_secret_ref *secrets;
    size_t secrets_n;
} question;

static CF_MUST_USE cf_result read_body(cf_api_call *c, wish *w)
{
    static const char *const members[] = {"fields", "reason", "expressions", "results_only", NULL};
    CF_TRY(cf_input_only(c->body, members, &c->faults));
    /* All members are looked at before any is refused, so that all faults are told. */
    cf_ignore(
        cf_input_text(c->body, "reason", 1, CF_REASON_BYTES_MAX, &c->faults, &c->record.reason));
    cf_result expressions = cf_expressions_read(c->body, &c->arena, &c->faults, &w->expressions);
    cf_result fields = cf_ok();
    bool needed = !json_is_true(json_object_get(c->body, "results_only"));
    if (needed || json_object_get(c->body, "fields") != NULL) {
        fields = cf_names_of_json(c->body, "fields", &c->arena, &c->faults, &w->given);
    }
    CF_TRY(cf_api_faults_result(&c->faults));
    CF_TRY(expressions);
    return fields;
}

/* Which fields are answered, and which may be read. */
static CF_MUST_USE cf_result settle(cf_api_call *c, const cf_schema *schema, wish *w)
{
    CF_TRY(cf_names_known(&w->given, schema, &c->faults));
    w->fields.all = cf_arena_new(&c->arena, w->given.n, sizeof(cf_view));
    CF_REQUIRE(w->fields.all != NULL, NO_MEMORY);
    for (size_t i = 0; i < w->given.n && !w->expressions.results_only; i++) {
        if (!cf_expressions_has(&w->expressions, w->given.all[i])) {
            w->fields.all[w->fields.n++] = w->given.all[i];
        }
    }
    return cf_expressions_mentioned(&w->expressions, schema, &c->arena, &w->mentioned);
}

/* What the audit entry tells of fields: those that are answered, and behind them those of `more` that are not among them. */
static CF_MUST_USE cf_result note_fields(cf_api_call *c, const wish *w, const cf_names *more)
{
    cf_view *names = cf_arena_new(&c->arena, w->fields.n + more->n, sizeof *names);
    CF_REQUIRE(names != NULL, NO_MEMORY);
    cf_names all = {names, 0};
    for (size_t i = 0; i < w->fields.n + more->n; i++) {
        bool answered = i < w->fields.n;
        cf_view name = answered ? w->fields.all[i] : more->all[i - w->fields.n];
        if (answered || !cf_names_has(&w->fields, name)) {
            names[all.n++] = name;
        }
    }
    c->record.fields = all;
    c->record.answered = w->expressions.n > 0 ? w->fields.n : 0;
    return cf_ok();
}

/* Writes keep their order; only those that a field refers to are sent, and so their indices move. */
static CF_MUST_USE cf_result choose_writes(const cf_row *row, cf_arena *arena, question *q)
{
    uint32_t *place =
        cf_arena_new(arena, row->writes_n, sizeof *place); /* new index and one more */
    q->writes = cf_arena_new(arena, row->writes_n, sizeof *q->writes);
    CF_REQUIRE(place != NULL && q->writes != NULL, NO_MEMORY);
    for (size_t i = 0; i < q->fields_n; i++) {
        if (q->fields[i].encoding == CF_ENC_WRITE) {
            place[q->fields[i].write] = 1;
        }
    }
    for (size_t w = 0; w < row->writes_n; w++) {
        if (place[w] != 0) {
            q->writes[q->writes_n++] = row->writes[w];
            place[w] = (uint32_t)q->writes_n;
        }
    }
    for (size_t i = 0; i < q->fields_n; i++) {
        if (q->fields[i].encoding == CF_ENC_WRITE) {
            q->fields[i].write = place[q->fields[i].write] - 1;
        }
    }
    return cf_ok();
}

static CF_MUST_USE cf_result choose(const cf_row *row, const wish *w, cf_arena *arena, question *q)
{
    size_t room = w->fields.n + w->mentioned.n;
    q->fields = cf_arena_new(arena, room, sizeof *q->fields);
    q->unset.all = cf_arena_new(arena, w->mentioned.n, sizeof(cf_view));
    CF_REQUIRE(q->fields != NULL && q->unset.all != NULL, NO_MEMORY);
    for (size_t i = 0; i < w->fields.n; i++) {
        const cf_field *f = cf_row_field(row, w->fields.all[i]);
        if (f != NULL) {
            q->fields[q->fields_n++] = *f;
        }
    }
    for (size_t i = 0; i < w->mentioned.n; i++) {
        cf_view name = w->mentioned.all[i];
        const cf_field *f = cf_row_field(row, name);
        if (f == NULL) {
            q->unset.all[q->unset.n++] = name;
        } else if (!cf_names_has(&w->fields, name)) {
            q->fields[q->fields_n++] = *f;
            q->silent_n++;
        }
    }
    return choose_writes(row, arena, q);
}

/* The enclave answers each field in the order asked; an answer that does not is not taken for one. */
static CF_MUST_USE cf_result check_answer(const question *q, const wish *w, const cf_answer *a)
{
    CF_REQUIRE(a->fields_n == q->fields_n - q->silent_n, INTERNAL);
    for (size_t i = 0; i < a->fields_n; i++) {
        CF_REQUIRE(cf_view_eq(a->fields[i].name, q->fields[i].name), INTERNAL);
    }
    for (size_t i = 0; i < a->read_n; i++) {
        CF_REQUIRE(a->read[i] < q->fields_n, INTERNAL);
    }
    return cf_expressions_check(&w->expressions, a);
}

/* The request names tenant and id as we know them, not as the row says them. */
static CF_MUST_USE cf_result ask(cf_api_call *c, const cf_loaded *l, const question *q,
                                 const wish *w, cf_buf *answer, cf_answer *ret)
{
    CF_BUF(body);
    cf_answer a;
    uint32_t left = 0;
    CF_TRY(cf_api_left_for_others(c, &left));
    cf_decrypt request = {
        .deadline_ms = left,
        .tenant = c->api->tenant,
        .vault_id = c->params[0],
        .schema = l->row.schema,
        .kms_key = l->row.kms_key,
        .suite = l->row.suite,
        .wrapped_key = l->row.wrapped_key,
        .writes = q->writes,
        .writes_n = q->writes_n,
        .fields = q->fields,
        .fields_n = q->fields_n,
        .expressions = w->expressions.all,
        .expressions_n = w->expressions.n,
        .silent_n = q->silent_n,
        .secrets = q->secrets,
        .secrets_n = q->secrets_n,
        .unset = q->unset.all,
        .unset_n = q->unset.n,
    };
    CF_TRY(cf_decrypt_encode(&request, &body));
    CF_TRY(cf_api_ask_enclave(c, cf_buf_view(&body), answer));
    CF_REQUIRE(cf_is_ok(cf_answer_decode(cf_buf_view(answer), &c->arena, &a)), INTERNAL);
    CF_TRY(check_answer(q, w, &a));
    *ret = a;
    return cf_ok();
}

/* ---- the answer ---- */

static void begin_error(cf_json_out *o, cf_view name, cf_err code)
{
    cf_out_begin(o, '{');
    cf_out_key(o, "field");
    cf_out_str(o, name);
    cf_out_key(o, "code");
    cf_out_text(o, cf_err_code(code));
}

static void put_data(cf_json_out *o, const cf_answer *a, uint64_t *ret_opened)
{
    cf_out_key(o, "data");
    cf_out_begin(o, '{');
    for (size_t i = 0; i < a->fields_n; i++) {
        if (a->fields[i].code == CF_OK) {
            cf_out_name(o, a->fields[i].name);
            cf_out_str(o, a->fields[i].value);
            ++*ret_opened;
        }
    }
    for (size_t i = 0; i < a->expressions_n; i++) {
        if (a->expressions[i].code == CF_OK) {
            cf_out_name(o, a->expressions[i].name);
            cf_out_raw(o, a->expressions[i].json);
        }
    }
    cf_out_end(o, '}');
}

/* Fields first: what is wrong with one of them is the outcome of the request, before what is wrong with an expression. */
static void put_errors(cf_json_out *o, const wish *w, const cf_answer *a, cf_err *outcome)
{
    cf_out_key(o, "errors");
    cf_out_begin(o, '[');
    for (size_t i = 0, k = 0; i < w->fields.n; i++) {
        cf_view name = w->fields.all[i];
        bool stored = k < a->fields_n && cf_view_eq(a->fields[k].name, name);
        cf_err code = stored ? a->fields[k].code : CF_ERR_NOT_SET;
        if (code != CF_OK) {
            begin_error(o, name, code);
            cf_out_end(o, '}');
            *outcome = stored ? code : *outcome;
        }
        k += stored;
    }
    for (size_t i = 0; i < a->expressions_n; i++) {
        const cf_expression_result *e = &a->expressions[i];
        if (e->code != CF_OK) {
            begin_error(o, e->name, e->code);
            cf_out_key(o, "offset");
            cf_out_u64(o, e->offset);
            cf_out_end(o, '}');
            *outcome = *outcome == CF_OK ? e->code : *outcome;
        }
    }
    cf_out_end(o, ']');
}

/* Written as it is sent. Room for it is made at once: an answer that had to grow would be copied and wiped each time. */
static CF_MUST_USE cf_result write_answer(cf_api_call *c, const wish *w, const cf_answer *a)
{
    size_t room = 128 + 2 * CF_FIELD_NAME_BYTES_MAX * (w->fields.n + a->expressions_n);
    for (size_t i = 0; i < a->fields_n; i++) {
        room += a->fields[i].value.len + a->fields[i].value.len / 8;
    }
    for (size_t i = 0; i < a->expressions_n; i++) {
        room += a->expressions[i].json.len;
    }
    CF_TRY(cf_buf_reserve(&c->out, room));
    uint64_t opened = a->read_n;
    cf_json_out o = cf_json_out_to(&c->out);
    cf_out_begin(&o, '{');
    put_data(&o, a, &opened);
    put_errors(&o, w, a, &c->record.outcome);
    if (a->evaluated) {
        cf_out_key(&o, "evaluated_ms");
        cf_out_u64(&o, a->time_ms);
    }
    cf_out_end(&o, '}');
    atomic_fetch_add_explicit(&c->api->metrics.fields_opened, opened, memory_order_relaxed);
    return cf_out_done(&o);
}

/* The fields that were read, by name. */
static CF_MUST_USE cf_result note_read(cf_api_call *c, const wish *w, const question *q,
                                       const cf_answer *a)
{
    cf_names read = {cf_arena_new(&c->arena, a->read_n, sizeof(cf_view)), a->read_n};
    CF_REQUIRE(read.all != NULL, NO_MEMORY);
    for (size_t i = 0; i < a->read_n; i++) {
        read.all[i] = q->fields[a->read[i]].name;
    }
    return note_fields(c, w, &read);
}

static CF_MUST_USE cf_result decrypt(cf_api_call *c, wish *w)
{
    CF_LOADED(l);
    CF_BUF(answer);
    question q = {.fields = NULL};
    cf_answer a = {.fields = NULL};
    CF_TRY(cf_api_load(c, &l));
    CF_TRY(settle(c, l.schema, w));
    CF_TRY(note_fields(c, w, &w->mentioned));
    c->record.version = l.row.version;
    CF_TRY(choose(&l.row, w, &c->arena, &q));
    CF_TRY(cf_expressions_secrets(c, &w->expressions, &q.secrets, &q.secrets_n));
    if (q.fields_n > 0 || w->expressions.n > 0) {
        CF_TRY(ask(c, &l, &q, w, &answer, &a));
        CF_TRY(note_read(c, w, &q, &a));
    }
    CF_TRY(write_answer(c, w, &a));
    c->version = l.row.version;
    /* Nothing of the answer leaves before this is durable; after an error what was written is wiped. */
    return cf_api_enter(c);
}

CF_MUST_USE cf_result cf_api_vault_decrypt(cf_api_call *c)
{
    wish w = {.fields = {NULL, 0}};
    CF_TRY(cf_api_parse_body(c));
    CF_TRY(read_body(c, &w));
    CF_TRY(cf_expressions_note(c, &w.expressions));
    return decrypt(c, &w);
}
