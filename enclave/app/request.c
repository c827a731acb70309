/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/app/request.h"

#include "core/vault/seal.h"
#include "core/vault/secret.h"
#include "sys/linux/clock.h"

/* What a key is cached under: all that KMS decides by, and the curve that the key must be of. Each part goes with its length, so
 * that no two keys' parts run into the same octets. */
static CF_MUST_USE cf_result digest_key(cf_key_need *k)
{
    const uint8_t curve[] = {(uint8_t)((unsigned)k->curve >> 8), (uint8_t)k->curve};
    cf_view parts[] = {k->blob,           k->context.tenant, k->context.vault_id,
                       k->context.secret, k->kms_key,        CF_VIEW_OF(curve)};
    enum { PARTS = sizeof parts / sizeof *parts };
    uint8_t lengths[PARTS][4];
    cf_view all[2 * PARTS];
    for (size_t i = 0; i < PARTS; i++) {
        for (size_t j = 0; j < 4; j++) {
            lengths[i][j] = (uint8_t)(parts[i].len >> (24 - 8 * j));
        }
        all[2 * i] = CF_VIEW_OF(lengths[i]);
        all[2 * i + 1] = parts[i];
    }
    cf_digest digest;
    CF_TRY(cf_hash_parts(CF_SHA256, all, 2 * PARTS, &digest));
    cf_copy(k->digest, digest.b, CF_KEY_DIGEST_BYTES);
    return cf_ok();
}

static CF_MUST_USE cf_result list_needs(cf_request *r)
{
    const cf_decrypt *m = &r->decrypt;
    r->needs = cf_arena_new(&r->arena, 1 + m->secrets_n, sizeof *r->needs);
    CF_REQUIRE(r->needs != NULL, NO_MEMORY);
    r->needs_n = 1 + m->secrets_n;
    r->needs[0] =
        (cf_key_need){.blob = m->wrapped_key, .kms_key = m->kms_key, .curve = m->suite.kem};
    /* record.md section 6: without a tenant there is no context. */
    if (m->tenant.len > 0) {
        r->needs[0].context = (cf_kms_context){.tenant = m->tenant, .vault_id = m->vault_id};
    }
    for (size_t i = 0; i < m->secrets_n; i++) {
        const cf_secret_ref *s = &m->secrets[i];
        r->needs[1 + i] = (cf_key_need){.blob = s->wrapped,
                                        .kms_key = s->kms_key,
                                        .context = {.secret = s->name},
                                        .curve = CF_NAMED_SECRET_CURVE};
    }
    for (size_t i = 0; i < r->needs_n; i++) {
        CF_TRY(digest_key(&r->needs[i]));
    }
    return cf_ok();
}

/* ---- what is to be opened ---- */

static bool is_silent(const cf_decrypt *m, size_t field)
{
    return field >= m->fields_n - m->silent_n;
}

static bool opens(const cf_request *r, size_t field)
{
    return !is_silent(&r->decrypt, field) || cf_transform_reads(r->transform, field);
}

/* Counts each unit's fields. Writes first: they hold most fields, so the last unit to end is a small one. A write of which nothing is to
 * be opened has no unit, for it would cost its multiplication. */
static void count_units(cf_request *r, uint32_t *unit_of_write)
{
    const cf_decrypt *m = &r->decrypt;
    for (size_t i = 0; i < m->fields_n; i++) {
        if (m->fields[i].encoding == CF_ENC_WRITE && opens(r, i)) {
            unit_of_write[m->fields[i].write]++;
        }
    }
    for (size_t i = 0; i < m->writes_n; i++) {
        if (unit_of_write[i] > 0) {
            r->units[r->units_n] =
                (cf_unit){.is_write = true, .write = (uint32_t)i, .fields_n = unit_of_write[i]};
            unit_of_write[i] = (uint32_t)r->units_n++;
        }
    }
    for (size_t i = 0; i < m->fields_n; i++) {
        if (m->fields[i].encoding != CF_ENC_WRITE && opens(r, i)) {
            r->units[r->units_n++].fields_n = 1;
        }
    }
}

/* Gives each unit the places of its fields, so that none has to look for its own among all. */
static void fill_units(cf_request *r, const uint32_t *unit_of_write, uint32_t *places)
{
    const cf_decrypt *m = &r->decrypt;
    cf_unit *single = r->units;
    for (size_t i = 0; i < r->units_n; i++) {
        r->units[i].fields = places;
        places += r->units[i].fields_n;
        r->units[i].fields_n = 0;
        single += r->units[i].is_write;
    }
    for (size_t i = 0; i < m->fields_n; i++) {
        if (opens(r, i)) {
            bool in_write = m->fields[i].encoding == CF_ENC_WRITE;
            cf_unit *u = in_write ? &r->units[unit_of_write[m->fields[i].write]] : single++;
            u->fields[u->fields_n++] = (uint32_t)i;
        }
    }
}

static CF_MUST_USE cf_result plan(cf_request *r)
{
    const cf_decrypt *m = &r->decrypt;
    r->results = cf_arena_new(&r->arena, m->fields_n, sizeof *r->results);
    r->units = cf_arena_new(&r->arena, m->writes_n + m->fields_n, sizeof *r->units);
    uint32_t *unit_of_write = cf_arena_new(&r->arena, m->writes_n, sizeof *unit_of_write);
    uint32_t *places = cf_arena_new(&r->arena, m->fields_n, sizeof *places);
    CF_REQUIRE(r->results != NULL && r->units != NULL && unit_of_write != NULL && places != NULL,
               NO_MEMORY);
    count_units(r, unit_of_write);
    fill_units(r, unit_of_write, places);
    for (size_t i = 0; i < m->fields_n; i++) {
        r->results[i].name = m->fields[i].name;
    }
    atomic_init(&r->units_left, r->units_n);
    r->planned = true;
    return cf_ok();
}

/* ---- life ---- */

CF_MUST_USE cf_result cf_request_new(cf_view body, uint64_t number, uint64_t now_ms,
                                     cf_request **ret)
{
    *ret = NULL;
    CF_AUTO(cf_request_free) cf_request *r = cf_mem_new(1, sizeof *r);
    CF_REQUIRE(r != NULL, NO_MEMORY);
    r->arena.max = CF_REQUEST_ARENA_BYTES;
    r->number = number;
    atomic_init(&r->late, false);
    CF_TRY(cf_buf_set(&r->body, body));
    CF_TRY(cf_decrypt_decode(cf_buf_view(&r->body), &r->arena, &r->decrypt));
    r->deadline_ms = now_ms + r->decrypt.deadline_ms;
    CF_TRY(list_needs(r));
    if (r->decrypt.expressions_n == 0) {
        CF_TRY(plan(r));
    }
    *ret = r;
    r = NULL;
    return cf_ok();
}

static void forget_plaintexts(cf_request *r)
{
    for (size_t i = 0; i < r->units_n; i++) {
        cf_buf_free(&r->units[i].plain);
    }
}

void cf_request_free(cf_request **request)
{
    cf_request *r = *request;
    if (r != NULL) {
        forget_plaintexts(r);
        cf_transform_end(&r->transform);
        cf_buf_free(&r->body);
        cf_buf_free(&r->answer);
        cf_arena_free(&r->arena);
        cf_wipe(r, sizeof *r);
        cf_mem_free(r);
        *request = NULL;
    }
}

const cf_key_need *cf_request_wants(const cf_request *r)
{
    return r->error == CF_OK && r->needs_met < r->needs_n ? &r->needs[r->needs_met] : NULL;
}

bool cf_request_settle(cf_request *r, cf_result result, const cf_cached_key *key)
{
    bool vaults = r->needs_met == 0;
    cf_key_need *need = &r->needs[r->needs_met++];
    need->code = result.code;
    if (cf_is_ok(result) && key->curve != need->curve) {
        need->code = CF_ERR_KEY;
    }
    if (need->code == CF_OK) {
        need->key = key;
    } else if (vaults || need->code == CF_ERR_CLOSED) {
        r->error = need->code;
    }
    return need->code == CF_OK;
}

void cf_request_release(cf_request *r, cf_keycache *cache)
{
    for (size_t i = 0; i < r->needs_n; i++) {
        if (r->needs[i].key != NULL) {
            cf_keycache_release(cache, r->needs[i].key);
            r->needs[i].key = NULL;
        }
    }
}

/* ---- opening ---- */

/* Callers hear one word for whatever is wrong with a field; what is wrong with us is told as it is. */
static cf_err field_error(cf_result r)
{
    return cf_is_ok(r) || r.code == CF_ERR_NO_MEMORY || r.code == CF_ERR_CRYPTO ? r.code
                                                                                : CF_ERR_OPEN;
}

static cf_binding binding_of(const cf_decrypt *m)
{
    return (cf_binding){m->tenant, m->vault_id, m->schema, m->suite};
}

/* Opens all fields of one write. Their plaintexts share a buffer that has room for them from the start, so none moves. */
static CF_MUST_USE cf_result open_write(cf_request *r, cf_unit *u, const cf_dh_key *key)
{
    const cf_decrypt *m = &r->decrypt;
    const cf_binding binding = binding_of(m);
    CF_AUTO(cf_opener_free) cf_opener *opener = NULL;
    CF_TRY(cf_opener_new(&binding, key, &m->writes[u->write], &opener));
    size_t room = 0;
    for (size_t i = 0; i < u->fields_n; i++) {
        room += m->fields[u->fields[i]].value.len;
    }
    CF_TRY(cf_buf_reserve(&u->plain, room));
    for (size_t i = 0; i < u->fields_n; i++) {
        size_t at = u->fields[i], before = u->plain.len;
        r->results[at].code = field_error(cf_opener_field(opener, &m->fields[at], &u->plain));
        r->results[at].value = cf_view_make(u->plain.data + before, u->plain.len - before);
    }
    return cf_ok();
}

static CF_MUST_USE cf_result open_single(cf_request *r, cf_unit *u, const cf_dh_key *key)
{
    const cf_binding binding = binding_of(&r->decrypt);
    size_t at = u->fields[0];
    CF_TRY(cf_open_single(&binding, key, &r->decrypt.fields[at], &u->plain));
    r->results[at].value = cf_buf_view(&u->plain);
    return cf_ok();
}

static void set_code(cf_request *r, const cf_unit *u, cf_err code)
{
    for (size_t i = 0; i < u->fields_n; i++) {
        size_t at = u->fields[i];
        r->results[at] = (cf_field_result){.name = r->decrypt.fields[at].name, .code = code};
    }
}

void cf_request_open_unit(cf_request *r, cf_unit *u, uint64_t now_ms)
{
    if (now_ms >= r->deadline_ms) {
        atomic_store(&r->late, true);
        return;
    }
    CF_AUTO(cf_dh_free) cf_dh_key *key = NULL;
    const cf_cached_key *vaults = r->needs[0].key;
    cf_result result = cf_dh_from_secret(vaults->curve, cf_secret_view(&vaults->scalar),
                                         cf_dh_public_view(&vaults->public_key), &key);
    if (cf_is_ok(result)) {
        result = u->is_write ? open_write(r, u, key) : open_single(r, u, key);
    }
    if (!cf_is_ok(result)) {
        set_code(r, u, field_error(result));
    }
}

/* ---- expressions ---- */

static CF_MUST_USE cf_result prepare(cf_request *r, cf_programs *programs)
{
    const cf_decrypt *m = &r->decrypt;
    size_t n = m->fields_n + m->unset_n;
    cf_view *names = cf_arena_new(&r->arena, n, sizeof *names);
    cf_transform_expression *expressions =
        cf_arena_new(&r->arena, m->expressions_n, sizeof *expressions);
    CF_REQUIRE(names != NULL && expressions != NULL, NO_MEMORY);
    for (size_t i = 0; i < n; i++) {
        names[i] = i < m->fields_n ? m->fields[i].name : m->unset[i - m->fields_n];
    }
    for (size_t i = 0; i < m->expressions_n; i++) {
        expressions[i] =
            (cf_transform_expression){m->expressions[i].name, m->expressions[i].source};
    }
    r->spec = (cf_transform_spec){.fields = names,
                                  .fields_n = n,
                                  .expressions = expressions,
                                  .expressions_n = m->expressions_n,
                                  .programs = &cf_programs_ops,
                                  .programs_ctx = programs};
    CF_TRY(cf_transform_new(&r->spec, &r->arena, &r->transform));
    return plan(r);
}

void cf_request_prepare(cf_request *r, cf_programs *programs, uint64_t now_ms)
{
    r->error = now_ms >= r->deadline_ms ? CF_ERR_TIMEOUT : prepare(r, programs).code;
}

/* The keys of secrets, on the stack of who evaluates and wiped when he is done. */
typedef struct {
    cf_secret keys[CF_REQUEST_SECRETS_MAX];
    cf_transform_secret named[CF_REQUEST_SECRETS_MAX];
} secret_set;

static void secret_set_wipe(secret_set *s)
{
    cf_wipe(s, sizeof *s);
}

static void derive_secrets(const cf_request *r, secret_set *s)
{
    for (size_t i = 0; i < r->decrypt.secrets_n; i++) {
        const cf_key_need *need = &r->needs[1 + i];
        cf_transform_secret *named = &s->named[i];
        *named = (cf_transform_secret){.name = need->context.secret, .code = need->code};
        if (named->code == CF_OK) {
            named->code =
                cf_named_secret(cf_secret_view(&need->key->scalar), named->name, &s->keys[i]).code;
            named->key = cf_secret_view(&s->keys[i]);
        }
    }
}

/* What the fields are for expressions, and which of them are read. */
static void show_fields(const cf_request *r, cf_transform_field *fields, uint32_t *read,
                        size_t *ret_read_n)
{
    const cf_decrypt *m = &r->decrypt;
    *ret_read_n = 0;
    for (size_t i = 0; i < m->fields_n + m->unset_n; i++) {
        bool is_set = i < m->fields_n;
        fields[i] = is_set ? (cf_transform_field){r->results[i].value, r->results[i].code}
                           : (cf_transform_field){CF_VIEW_EMPTY, CF_ERR_NOT_SET};
        if (is_set && cf_transform_reads(r->transform, i)) {
            read[(*ret_read_n)++] = (uint32_t)i;
        }
    }
}

/* Evaluates, and adds to the answer. One reading of the clock serves all of it. */
static CF_MUST_USE cf_result evaluate(cf_request *r, cf_arena *scratch, cf_buf *json, cf_answer *a)
{
    const cf_decrypt *m = &r->decrypt;
    size_t fields_n = m->fields_n + m->unset_n;
    CF_AUTO(secret_set_wipe) secret_set secrets;
    cf_transform_field *fields = cf_arena_new(&r->arena, fields_n, sizeof *fields);
    cf_transform_result *results = cf_arena_new(&r->arena, m->expressions_n, sizeof *results);
    cf_expression_result *told = cf_arena_new(&r->arena, m->expressions_n, sizeof *told);
    uint32_t *read = cf_arena_new(&r->arena, m->fields_n, sizeof *read);
    CF_REQUIRE(fields != NULL && results != NULL && told != NULL && read != NULL, NO_MEMORY);
    derive_secrets(r, &secrets);
    show_fields(r, fields, read, &a->read_n);
    a->time_ms = cf_clock_wall_ms();
    struct cf_cel_host host = {(int64_t)(a->time_ms / 1000), secrets.named, m->secrets_n};
    CF_TRY(cf_transform_run(r->transform, fields, &host, scratch, json, results));
    for (size_t i = 0; i < m->expressions_n; i++) {
        told[i] = (cf_expression_result){results[i].name, results[i].json, results[i].code,
                                         results[i].offset};
    }
    a->evaluated = true;
    a->read = read;
    a->expressions = told;
    a->expressions_n = m->expressions_n;
    return cf_ok();
}

static CF_MUST_USE cf_result answer(cf_request *r, cf_arena *scratch)
{
    CF_BUF(json);
    CF_BUF(body);
    cf_answer a = {.fields = r->results, .fields_n = r->decrypt.fields_n - r->decrypt.silent_n};
    CF_REQUIRE(!atomic_load(&r->late), TIMEOUT);
    if (r->transform != NULL) {
        CF_TRY(evaluate(r, scratch, &json, &a));
    }
    CF_TRY(cf_answer_encode(&a, &body));
    return cf_frame_encode(CF_MSG_ANSWER + CF_MSG_DECRYPT, r->number, cf_buf_view(&body),
                           &r->answer);
}

void cf_request_finish(cf_request *r, cf_arena *scratch)
{
    if (r->error == CF_OK) {
        r->error = answer(r, scratch).code;
    }
    cf_transform_end(&r->transform);
    forget_plaintexts(r);
}
