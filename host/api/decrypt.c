/* SPDX-License-Identifier: Apache-2.0 */
/* Decrypting: one read, one question to the enclave, one durable audit entry, and only then an answer. */
#include "host/api/call.h"

/** What is asked of the enclave: the fields that are stored, of those asked for, and the writes that they refer to. */
typedef struct {
    cf_field *fields;
    size_t fields_n;
    cf_write_ref *writes;
    size_t writes_n;
} question;

/* Results come in the order of the stored fields; the names asked for are walked beside them. */
typedef struct {
    const cf_field_result *all;
    size_t n;
} results;

static CF_MUST_USE cf_result read_body(cf_api_call *c, cf_names *ret_names)
{
    static const char *const members[] = {"fields", "reason", NULL};
    CF_TRY(cf_input_only(c->body, members, &c->faults));
    /* Both members are looked at before either is refused, so that all faults are told. */
    cf_result reason =
        cf_input_text(c->body, "reason", 1, CF_REASON_BYTES_MAX, &c->faults, &c->record.reason);
    CF_TRY(cf_names_of_json(c->body, "fields", &c->arena, &c->faults, ret_names));
    return reason;
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

static CF_MUST_USE cf_result choose(const cf_row *row, const cf_names *names, cf_arena *arena,
                                    question *ret)
{
    question q = {cf_arena_new(arena, names->n, sizeof(cf_field)), 0, NULL, 0};
    CF_REQUIRE(q.fields != NULL, NO_MEMORY);
    for (size_t i = 0; i < names->n; i++) {
        const cf_field *f = cf_row_field(row, names->all[i]);
        if (f != NULL) {
            q.fields[q.fields_n++] = *f;
        }
    }
    CF_TRY(choose_writes(row, arena, &q));
    *ret = q;
    return cf_ok();
}

/* The enclave answers each field in the order asked; an answer that does not is not taken for one. */
static CF_MUST_USE cf_result check_results(const question *q, const results *r)
{
    CF_REQUIRE(r->n == q->fields_n, INTERNAL);
    for (size_t i = 0; i < r->n; i++) {
        CF_REQUIRE(cf_view_eq(r->all[i].name, q->fields[i].name), INTERNAL);
    }
    return cf_ok();
}

/* The request names tenant and id as we know them, not as the row says them. */
static CF_MUST_USE cf_result ask(cf_api_call *c, const cf_loaded *l, const question *q,
                                 cf_buf *answer, results *ret)
{
    CF_BUF(body);
    uint32_t left = 0;
    CF_TRY(cf_api_left_for_enclave(c, &left));
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
    };
    CF_TRY(cf_decrypt_encode(&request, &body));
    CF_TRY(cf_api_ask_enclave(c, cf_buf_view(&body), answer));
    results r = {NULL, 0};
    CF_REQUIRE(cf_is_ok(cf_results_decode(cf_buf_view(answer), &c->arena, &r.all, &r.n)), INTERNAL);
    CF_TRY(check_results(q, &r));
    *ret = r;
    return cf_ok();
}

static void put_error(cf_json_out *o, cf_view name, cf_err code)
{
    cf_out_begin(o, '{');
    cf_out_key(o, "field");
    cf_out_str(o, name);
    cf_out_key(o, "code");
    cf_out_text(o, cf_err_code(code));
    cf_out_end(o, '}');
}

/* Two passes over the names, so that the answer is written as it is sent. Room for it is made at once: an answer that had to grow
 * would be copied and wiped each time. */
static CF_MUST_USE cf_result write_answer(cf_api_call *c, const cf_names *names, const results *r)
{
    size_t room = 64 + 2 * CF_FIELD_NAME_BYTES_MAX * names->n;
    for (size_t i = 0; i < r->n; i++) {
        room += r->all[i].value.len + r->all[i].value.len / 8;
    }
    CF_TRY(cf_buf_reserve(&c->out, room));
    cf_json_out o = cf_json_out_to(&c->out);
    cf_out_begin(&o, '{');
    cf_out_key(&o, "data");
    cf_out_begin(&o, '{');
    uint64_t opened = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (r->all[i].code == CF_OK) {
            cf_out_name(&o, r->all[i].name);
            cf_out_str(&o, r->all[i].value);
            opened++;
        }
    }
    cf_out_end(&o, '}');
    cf_out_key(&o, "errors");
    cf_out_begin(&o, '[');
    for (size_t i = 0, k = 0; i < names->n; i++) {
        bool stored = k < r->n && cf_view_eq(r->all[k].name, names->all[i]);
        if (!stored) {
            put_error(&o, names->all[i], CF_ERR_NOT_SET);
        } else if (r->all[k].code != CF_OK) {
            put_error(&o, names->all[i], r->all[k].code);
            c->record.outcome = r->all[k].code;
        }
        k += stored;
    }
    cf_out_end(&o, ']');
    cf_out_end(&o, '}');
    atomic_fetch_add_explicit(&c->api->metrics.fields_opened, opened, memory_order_relaxed);
    return cf_out_done(&o);
}

static CF_MUST_USE cf_result decrypt(cf_api_call *c, const cf_names *names)
{
    CF_LOADED(l);
    CF_BUF(answer);
    question q = {NULL, 0, NULL, 0};
    results r = {NULL, 0};
    CF_TRY(cf_api_load(c, &l));
    CF_TRY(cf_names_known(names, l.schema, &c->faults));
    c->record.fields = *names;
    c->record.version = l.row.version;
    CF_TRY(choose(&l.row, names, &c->arena, &q));
    if (q.fields_n > 0) {
        CF_TRY(ask(c, &l, &q, &answer, &r));
    }
    CF_TRY(write_answer(c, names, &r));
    c->version = l.row.version;
    /* Nothing of the answer leaves before this is durable; after an error what was written is wiped. */
    return cf_api_enter(c);
}

CF_MUST_USE cf_result cf_api_vault_decrypt(cf_api_call *c)
{
    cf_names names = {NULL, 0};
    CF_TRY(cf_api_parse_body(c));
    CF_TRY(read_body(c, &names));
    return decrypt(c, &names);
}
