/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/app/request.h"

#include "core/vault/seal.h"

/* What a key is cached under: all that KMS decides by, and the curve that the key must be of. Each part goes with its length, so
 * that no two requests' parts run into the same octets. */
static CF_MUST_USE cf_result digest_key(cf_request *r)
{
    const cf_decrypt *m = &r->decrypt;
    const uint8_t curve[] = {(uint8_t)((unsigned)m->suite.kem >> 8), (uint8_t)m->suite.kem};
    cf_view parts[] = {m->wrapped_key, m->tenant, m->tenant.len > 0 ? m->vault_id : CF_VIEW_EMPTY,
                       m->kms_key, CF_VIEW_OF(curve)};
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
    cf_copy(r->key_digest, digest.b, CF_KEY_DIGEST_BYTES);
    return cf_ok();
}

/* Counts each unit's fields. Writes first: they hold most fields, so the last unit to end is a small one. */
static void count_units(cf_request *r)
{
    const cf_decrypt *m = &r->decrypt;
    for (size_t i = 0; i < m->writes_n; i++) {
        r->units[r->units_n++] = (cf_unit){.is_write = true, .write = (uint32_t)i};
    }
    for (size_t i = 0; i < m->fields_n; i++) {
        bool in_write = m->fields[i].encoding == CF_ENC_WRITE;
        r->units[in_write ? m->fields[i].write : r->units_n++].fields_n++;
    }
}

/* Gives each unit the places of its fields, so that none has to look for its own among all. */
static void fill_units(cf_request *r, uint32_t *places)
{
    const cf_decrypt *m = &r->decrypt;
    for (size_t i = 0; i < r->units_n; i++) {
        r->units[i].fields = places;
        places += r->units[i].fields_n;
        r->units[i].fields_n = 0;
    }
    cf_unit *single = r->units + m->writes_n;
    for (size_t i = 0; i < m->fields_n; i++) {
        bool in_write = m->fields[i].encoding == CF_ENC_WRITE;
        cf_unit *u = in_write ? &r->units[m->fields[i].write] : single++;
        u->fields[u->fields_n++] = (uint32_t)i;
    }
}

static CF_MUST_USE cf_result plan(cf_request *r)
{
    const cf_decrypt *m = &r->decrypt;
    r->results = cf_arena_new(&r->arena, m->fields_n, sizeof *r->results);
    r->units = cf_arena_new(&r->arena, m->writes_n + m->fields_n, sizeof *r->units);
    uint32_t *places = cf_arena_new(&r->arena, m->fields_n, sizeof *places);
    CF_REQUIRE(r->results != NULL && r->units != NULL && places != NULL, NO_MEMORY);
    count_units(r);
    fill_units(r, places);
    for (size_t i = 0; i < m->fields_n; i++) {
        r->results[i].name = m->fields[i].name;
    }
    atomic_init(&r->units_left, r->units_n);
    return cf_ok();
}

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
    CF_TRY(digest_key(r));
    CF_TRY(plan(r));
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
        cf_buf_free(&r->body);
        cf_buf_free(&r->answer);
        cf_arena_free(&r->arena);
        cf_wipe(r, sizeof *r);
        cf_mem_free(r);
        *request = NULL;
    }
}

CF_MUST_USE cf_result cf_request_give_key(cf_request *r, const cf_cached_key *key)
{
    CF_REQUIRE(key->curve == r->decrypt.suite.kem, KEY);
    r->key = key;
    return cf_ok();
}

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
    cf_result result = cf_dh_from_secret(r->key->curve, cf_secret_view(&r->key->scalar),
                                         cf_dh_public_view(&r->key->public_key), &key);
    if (cf_is_ok(result)) {
        result = u->is_write ? open_write(r, u, key) : open_single(r, u, key);
    }
    if (!cf_is_ok(result)) {
        set_code(r, u, field_error(result));
    }
}

void cf_request_finish(cf_request *r)
{
    CF_BUF(body);
    cf_result result = atomic_load(&r->late) ? cf_fail(CF_ERR_TIMEOUT) : cf_ok();
    if (cf_is_ok(result)) {
        result = cf_results_encode(r->results, r->decrypt.fields_n, &body);
    }
    if (cf_is_ok(result)) {
        result = cf_frame_encode(CF_MSG_ANSWER + CF_MSG_DECRYPT, r->number, cf_buf_view(&body),
                                 &r->answer);
    }
    r->error = result.code;
    forget_plaintexts(r);
}
