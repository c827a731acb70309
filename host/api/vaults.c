/* SPDX-License-Identifier: Apache-2.0 */
/* Creating, reading, updating and deleting vaults: docs/api.md section 2. */
#include <time.h>

#include "host/api/call.h"
#include "host/api/if_match.h"
#include "host/api/row_edit.h"
#include "sys/linux/clock.h"
#include "sys/linux/lock.h"

/* Between two tries of a change that met another one: 2 ms, 4 ms, … */
#define TRY_AGAIN_MS 2

/* The names that the audit entry will tell. */
static CF_MUST_USE cf_result note_fields(cf_api_call *c, const cf_input *in)
{
    cf_view *names = cf_arena_new(&c->arena, in->n, sizeof *names);
    CF_REQUIRE(names != NULL, NO_MEMORY);
    for (size_t i = 0; i < in->n; i++) {
        names[i] = in->all[i].name;
    }
    c->record.fields = (cf_names){names, in->n};
    return cf_ok();
}

/* Encodes and seals the row and makes the change durable, with the request's audit entry. */
static CF_MUST_USE cf_result put_row(cf_api_call *c, cf_put_kind kind, const cf_row *row)
{
    CF_BUF(octets);
    uint8_t seal[CF_ROW_SEAL_BYTES];
    CF_TRY(cf_row_encode(row, &octets));
    CF_TRY(cf_row_seal(&c->api->row_key, cf_buf_view(&octets), seal));
    c->record.version = row->version;
    c->record.seal = CF_VIEW_OF(seal);
    cf_store_put put = {
        .kind = kind,
        .id = row->id,
        .version_expected = row->version - 1,
        .version = row->version,
        .row = cf_buf_view(&octets),
        .seal = CF_VIEW_OF(seal),
    };
    cf_result r = cf_api_commit(c, &put, NULL);
    c->record.seal = CF_VIEW_EMPTY;
    c->version = row->version;
    return r;
}

static CF_MUST_USE cf_result answer_version(cf_api_call *c)
{
    cf_json_out o = cf_json_out_to(&c->out);
    cf_out_begin(&o, '{');
    cf_out_key(&o, "version");
    cf_out_u64(&o, c->version);
    cf_out_end(&o, '}');
    return cf_out_done(&o);
}

/* --- create --- */

static CF_MUST_USE cf_result schema_asked(cf_api_call *c, const cf_schema **ret)
{
    bool given = cf_http_query_has(c->http, "schema");
    *ret =
        cf_schemas_find(c->api->schemas,
                        given ? cf_http_query(c->http, "schema") : CF_LIT(CF_SCHEMA_DEFAULT), NULL);
    if (*ret == NULL) {
        cf_api_fault_add(&c->faults, CF_LIT("schema"), 0, CF_ERR_UNSUPPORTED,
                         "there is no such schema");
    }
    return cf_api_faults_result(&c->faults);
}

/* A fresh id in the call's arena, and the object of the audit entry. */
static CF_MUST_USE cf_result make_id(cf_api_call *c, uint64_t now_ms, cf_view *ret)
{
    uint8_t random[16];
    uint8_t id[CF_VAULT_ID_BYTES];
    CF_TRY(cf_random(random, sizeof random));
    CF_TRY(cf_vault_id_make(now_ms / 1000, random, id));
    return cf_arena_copy(&c->arena, CF_VIEW_OF(id), ret);
}

/* The pair's public key, in the form that HPKE wants. */
static CF_MUST_USE cf_result make_key(cf_api_call *c, cf_row *row, cf_buf *wrapped)
{
    CF_BUF(spki);
    cf_curve curve = 0;
    cf_dh_public key;
    CF_TRY(cf_api_make_pair(c, row->suite.kem, row->id, &spki, wrapped));
    CF_REQUIRE(cf_is_ok(cf_dh_public_from_spki(cf_buf_view(&spki), &curve, &key)) &&
                   curve == row->suite.kem,
               KMS_ANSWER);
    CF_REQUIRE(wrapped->len <= CF_KMS_BLOB_BYTES_MAX, KMS_ANSWER);
    row->wrapped_key = cf_buf_view(wrapped);
    return cf_arena_copy(&c->arena, cf_dh_public_view(&key), &row->public_key);
}

static CF_MUST_USE cf_result create(cf_api_call *c, const cf_schema *schema, const cf_input *in)
{
    CF_BUF(wrapped);
    CF_SEALED(sealed);
    uint64_t now = cf_clock_wall_ms();
    cf_row row = {
        .tenant = c->api->tenant,
        .schema = cf_schema_name(schema),
        .created_ms = now,
        .modified_ms = now,
        .kms_key = c->api->kms_key,
        .suite = CF_HPKE_DEFAULT,
    };
    CF_TRY(make_id(c, now, &row.id));
    c->record.object = row.id;
    CF_TRY(make_key(c, &row, &wrapped));
    cf_binding binding = {row.tenant, row.id, row.schema, row.suite};
    CF_TRY(cf_seal_fields(&binding, row.public_key, 1, c->api->encoding, in, &c->arena, &sealed));
    CF_TRY(cf_row_change(&row, NULL, &sealed, now, &c->arena, &row));
    return put_row(c, CF_PUT_CREATE, &row);
}

CF_MUST_USE cf_result cf_api_vault_create(cf_api_call *c)
{
    const cf_schema *schema = NULL;
    cf_input in = {NULL, 0};
    CF_TRY(schema_asked(c, &schema));
    CF_TRY(cf_api_parse_body(c));
    CF_TRY(cf_input_fields(c->body, schema, true, &c->arena, &c->faults, &in));
    CF_TRY(note_fields(c, &in));
    CF_TRY(create(c, schema, &in));
    c->created = true;
    cf_json_out o = cf_json_out_to(&c->out);
    cf_out_begin(&o, '{');
    cf_out_key(&o, "id");
    cf_out_str(&o, c->record.object);
    cf_out_key(&o, "version");
    cf_out_u64(&o, c->version);
    cf_out_end(&o, '}');
    return cf_out_done(&o);
}

/* --- read --- */

CF_MUST_USE cf_result cf_api_vault_read(cf_api_call *c)
{
    CF_LOADED(l);
    cf_names names = {NULL, 0};
    bool some = cf_http_query_has(c->http, "fields");
    if (some) {
        CF_TRY(cf_names_of_text(cf_http_query(c->http, "fields"), &c->arena, &c->faults, &names));
    }
    CF_TRY(cf_api_load(c, &l));
    CF_TRY(cf_names_known(&names, l.schema, &c->faults));
    size_t n = some ? names.n : cf_schema_fields(l.schema);
    cf_json_out o = cf_json_out_to(&c->out);
    cf_out_begin(&o, '{');
    for (size_t i = 0; i < n; i++) {
        cf_view name = some ? names.all[i] : cf_schema_field_at(l.schema, i);
        cf_out_name(&o, name);
        cf_out_bool(&o, cf_row_field(&l.row, name) != NULL);
    }
    cf_out_end(&o, '}');
    c->version = l.row.version;
    return cf_out_done(&o);
}

/* --- changes --- */

/** What a change does to the row that was loaded: commits the row after it, or leaves it be and enters that. */
typedef cf_result edit_fn(cf_api_call *c, const cf_loaded *l);

/* Waits for the vault's turn. error TIMEOUT. */
static CF_MUST_USE cf_result stripe_lock(cf_api_call *c, pthread_mutex_t **ret)
{
    uint32_t left = 0, hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < c->params[0].len; i++) {
        hash = (hash ^ c->params[0].data[i]) * 16777619u;
    }
    CF_TRY(cf_api_left(c, &left));
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += left / 1000;
    until.tv_nsec += (long)(left % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_t *stripe = &c->api->stripes[hash % CF_API_STRIPES];
    CF_REQUIRE(pthread_mutex_clocklock(stripe, CLOCK_MONOTONIC, &until) == 0, TIMEOUT);
    *ret = stripe;
    return cf_ok();
}

static CF_MUST_USE cf_result change_once(cf_api_call *c, const cf_if_match *match, edit_fn *edit,
                                         uint64_t *ret_version)
{
    CF_LOADED(l);
    CF_TRY(cf_api_load(c, &l));
    /* The precondition speaks of the row; only a store that disagrees with it is a reason for another try. */
    bool met = cf_is_ok(cf_if_match_check(match, l.row.version));
    *ret_version = met ? l.row.version : 0;
    CF_REQUIRE(met, VERSION_MISMATCH);
    return edit(c, &l);
}

/* Changes of one vault come one after the other in this process; another process at the same store may still come between
 * reading and writing, so the change is made again on the new row. A store that refuses the version of the very row it gives,
 * time after time, does not hold what we wrote. */
static CF_MUST_USE cf_result change(cf_api_call *c, edit_fn *edit)
{
    cf_if_match match;
    CF_TRY(cf_if_match_parse(cf_http_header(c->http, "If-Match"), &match));
    CF_TRY(cf_api_parse_body(c));
    CF_AUTO(cf_unlock) pthread_mutex_t *stripe = NULL;
    CF_TRY(stripe_lock(c, &stripe));
    uint64_t first = 0, version = 0;
    for (unsigned i = 0; i < CF_API_CHANGE_TRIES_MAX; i++) {
        cf_result r = change_once(c, &match, edit, &version);
        if (r.code != CF_ERR_VERSION_MISMATCH || version == 0) {
            return r;
        }
        uint32_t left = 0;
        CF_TRY(cf_api_left(c, &left));
        first = i == 0 ? version : first;
        struct timespec pause = {0, (long)(i + 1) * TRY_AGAIN_MS * 1000000};
        (void)nanosleep(&pause, NULL);
    }
    return cf_fail(version == first ? CF_ERR_ROW_ALTERED : CF_ERR_BUSY);
}

/* A derived field is not set by itself while what it comes from is stored: it would no longer be derived. */
static CF_MUST_USE cf_result check_derived(const cf_input *in, const cf_loaded *l,
                                           cf_api_faults *faults)
{
    for (size_t i = 0; i < in->n; i++) {
        for (size_t k = 0; k < l->row.fields_n; k++) {
            cf_view source = l->row.fields[k].name;
            if (cf_schema_derives_from(l->schema, in->all[i].name, source) &&
                cf_input_find(in, source) == NULL) {
                cf_api_fault_add(faults, in->all[i].name, i, CF_ERR_BAD_VALUE,
                                 "is derived from a field that is stored");
            }
        }
    }
    return cf_api_faults_result(faults);
}

static cf_result update(cf_api_call *c, const cf_loaded *l)
{
    CF_SEALED(sealed);
    cf_input in = {NULL, 0};
    cf_row row;
    CF_TRY(cf_input_fields(c->body, l->schema, false, &c->arena, &c->faults, &in));
    CF_TRY(check_derived(&in, l, &c->faults));
    CF_TRY(note_fields(c, &in));
    cf_binding binding = {l->row.tenant, l->row.id, l->row.schema, l->row.suite};
    CF_TRY(cf_seal_fields(&binding, l->row.public_key, l->row.version + 1, c->api->encoding, &in,
                          &c->arena, &sealed));
    CF_TRY(cf_row_change(&l->row, NULL, &sealed, cf_clock_wall_ms(), &c->arena, &row));
    return put_row(c, CF_PUT_REPLACE, &row);
}

CF_MUST_USE cf_result cf_api_vault_update(cf_api_call *c)
{
    CF_TRY(change(c, update));
    return answer_version(c);
}

/* The names to drop: those given, and what is derived from them. */
static CF_MUST_USE cf_result with_derived(const cf_names *given, const cf_schema *schema,
                                          cf_arena *arena, cf_names *ret)
{
    size_t fields = cf_schema_fields(schema);
    cf_names all = {cf_arena_new(arena, fields, sizeof(cf_view)), 0};
    CF_REQUIRE(all.all != NULL, NO_MEMORY);
    for (size_t i = 0; i < fields; i++) {
        cf_view field = cf_schema_field_at(schema, i);
        bool drop = cf_names_has(given, field);
        for (size_t k = 0; !drop && k < given->n; k++) {
            drop = cf_schema_derives_from(schema, field, given->all[k]);
        }
        if (drop) {
            all.all[all.n++] = field;
        }
    }
    *ret = all;
    return cf_ok();
}

static cf_result delete_fields(cf_api_call *c, const cf_loaded *l)
{
    cf_names given = {NULL, 0}, drop = {NULL, 0};
    cf_row row;
    CF_TRY(cf_names_of_json(c->body, "fields", &c->arena, &c->faults, &given));
    CF_TRY(cf_names_known(&given, l->schema, &c->faults));
    CF_TRY(with_derived(&given, l->schema, &c->arena, &drop));
    c->record.action = "fields.delete";
    c->record.fields = drop;
    CF_TRY(cf_row_change(&l->row, &drop, NULL, cf_clock_wall_ms(), &c->arena, &row));
    if (row.fields_n == l->row.fields_n) {
        c->version = l->row.version;
        c->record.version = l->row.version;
        return cf_api_commit(c, NULL, NULL);
    }
    return put_row(c, CF_PUT_REPLACE, &row);
}

static cf_result delete_all(cf_api_call *c, const cf_loaded *l)
{
    cf_row row = cf_row_tombstone(&l->row, cf_clock_wall_ms());
    return put_row(c, CF_PUT_REPLACE, &row);
}

/* One of the two members, and nothing else, tells what is to be deleted; no default deletes anything. */
static cf_result delete_any(cf_api_call *c, const cf_loaded *l)
{
    static const char *const members[] = {"delete_all", "fields", NULL};
    CF_TRY(cf_input_only(c->body, members, &c->faults));
    const json_t *all = json_object_get(c->body, "delete_all"),
                 *fields = json_object_get(c->body, "fields");
    if ((all == NULL) == (fields == NULL)) {
        cf_api_fault_add(&c->faults, CF_LIT("delete_all"), 0,
                         all == NULL ? CF_ERR_MISSING : CF_ERR_BAD_VALUE,
                         "exactly one of delete_all and fields must be given");
    } else if (all != NULL && !json_is_true(all)) {
        cf_api_fault_add(&c->faults, CF_LIT("delete_all"), 0,
                         json_is_boolean(all) ? CF_ERR_BAD_VALUE : CF_ERR_WRONG_TYPE,
                         "must be true");
    }
    CF_TRY(cf_api_faults_result(&c->faults));
    return all != NULL ? delete_all(c, l) : delete_fields(c, l);
}

CF_MUST_USE cf_result cf_api_vault_delete(cf_api_call *c)
{
    CF_TRY(change(c, delete_any));
    return answer_version(c);
}
