/* SPDX-License-Identifier: Apache-2.0 */
/* Fills the store of a service that is not running with vaults, for bench/growth.py:
 *
 *   load_store STATE ROWS [THREADS]
 *
 * The store must hold at least one vault, which is the pattern: tenant, schema, key and suite are taken from it. Each new vault has
 * twelve fields sealed for it, its row seal, and its audit entry, all written through host/store, so that `coffer audit verify`
 * finds the log whole. Only the wrapped private key is not one: the public key is the pattern's, and these vaults are never opened.
 * Ids are spread evenly over the time in which the vaults that are there were made, so that those lie evenly among all. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/number.h"
#include "core/vault/seal.h"
#include "host/store/store.h"
#include "sys/linux/clock.h"
#include "sys/linux/file.h"

enum { THREADS_DEFAULT = 128, THREADS_MAX = 512, ROWS_MAX = 100000000, PATH_ROOM = 4096 };
#define ARENA_BYTES ((size_t)1 << 20)
#define CHANGE_MS 60000

static const struct {
    cf_view name, value;
} person[] = {
    {CF_LIT_INIT("address1"), CF_LIT_INIT("12 St James's Square")},
    {CF_LIT_INIT("city"), CF_LIT_INIT("London")},
    {CF_LIT_INIT("country"), CF_LIT_INIT("GB")},
    {CF_LIT_INIT("dob"), CF_LIT_INIT("1815-12-10")},
    {CF_LIT_INIT("email"), CF_LIT_INIT("ada.lovelace@example.org")},
    {CF_LIT_INIT("first_name"), CF_LIT_INIT("Ada")},
    {CF_LIT_INIT("last_name"), CF_LIT_INIT("Lovelace")},
    {CF_LIT_INIT("middle_name"), CF_LIT_INIT("Augusta")},
    {CF_LIT_INIT("phone_number"), CF_LIT_INIT("+442079460000")},
    {CF_LIT_INIT("postal_code"), CF_LIT_INIT("SW1Y 4JH")},
    {CF_LIT_INIT("ssn4"), CF_LIT_INIT("6789")},
    {CF_LIT_INIT("state"), CF_LIT_INIT("Middlesex")},
};
enum { FIELDS = sizeof person / sizeof person[0] };

typedef struct {
    cf_secret row_key;
    cf_store store;
    cf_buf pattern; /* octets of a row */
    cf_arena arena;
    cf_row row;                 /* decoded from them */
    uint64_t first_ms, last_ms; /* in which the vaults that are there were made */
    uint64_t rows;              /* to make */
    atomic_uint_fast64_t taken, made;
} loader;

static void need(cf_result r, const char *what)
{
    if (!cf_is_ok(r)) {
        fprintf(stderr, "load_store: %s: %s\n", what, cf_err_code(r.code));
        exit(1);
    }
}

/* The walk's first row becomes the pattern; all of them tell the time. */
static bool look_at_row(void *ctx, cf_view id, uint64_t version, cf_view row, cf_view seal)
{
    loader *l = ctx;
    (void)version;
    CF_ARENA(arena, ARENA_BYTES);
    cf_row decoded;
    need(cf_row_open(&l->row_key, id, row, seal, &arena, &decoded), "a row that is there");
    if (decoded.tombstone) {
        return true;
    }
    if (l->pattern.len == 0) {
        need(cf_buf_append(&l->pattern, row), "memory");
        l->first_ms = decoded.created_ms;
    }
    l->first_ms = decoded.created_ms < l->first_ms ? decoded.created_ms : l->first_ms;
    l->last_ms = decoded.created_ms > l->last_ms ? decoded.created_ms : l->last_ms;
    return true;
}

static void open_store(loader *l, const char *state)
{
    char key[PATH_ROOM], db[PATH_ROOM], anchor[PATH_ROOM];
    CF_BUF(octets);
    CF_SECRET(audit_key);
    (void)snprintf(key, sizeof key, "%s/api/row.key", state);
    (void)snprintf(db, sizeof db, "%s/api/store.db", state);
    (void)snprintf(anchor, sizeof anchor, "%s/api/audit.anchor", state);
    need(cf_file_read(key, CF_ROW_KEY_BYTES, &octets), key);
    need(cf_secret_set(&l->row_key, cf_buf_view(&octets)), "row key");
    need(cf_audit_key(&l->row_key, &audit_key), "audit key");
    const cf_store_sqlite_opts opts = {.path = db, .anchor_path = anchor, .audit_key = &audit_key};
    need(cf_store_sqlite_open(&opts, &l->store), db);
    need(l->store.ops->rows_walk(l->store.self, look_at_row, l), "walk");
    if (l->pattern.len == 0) {
        fprintf(stderr, "load_store: the store holds no vault yet\n");
        exit(1);
    }
    l->arena.max = ARENA_BYTES;
    need(cf_row_decode(cf_buf_view(&l->pattern), &l->arena, &l->row), "pattern");
}

/* Id number i of all: second and octets grow with i, so that ids come in rising order. */
static void make_id(const loader *l, uint64_t i, uint8_t ret[static CF_VAULT_ID_BYTES])
{
    uint64_t first_s = l->first_ms / 1000, span = l->last_ms / 1000 + 1 - first_s;
    double at = ((double)i + 0.5) / (double)l->rows * (double)span;
    uint64_t s = (uint64_t)at, part = (uint64_t)((at - (double)s) * 0x1p63);
    uint8_t octets[16];
    need(cf_random(octets, sizeof octets), "random");
    part <<= 1;
    for (size_t k = 0; k < 8; k++) {
        octets[k] = (uint8_t)(part >> (56 - 8 * k));
    }
    need(cf_vault_id_make(first_s + s, octets, ret), "id");
}

/* Seals the fields of a vault and encodes its row. */
static void make_row(const loader *l, cf_view id, cf_buf *ret_row)
{
    cf_row row = l->row;
    cf_field fields[FIELDS];
    cf_write_ref writes[1];
    cf_buf ct[FIELDS] = {CF_BUF_EMPTY};
    uint8_t wrapped[CF_KMS_BLOB_BYTES_MAX];
    CF_AUTO(cf_sealer_free) cf_sealer *sealer = NULL;
    const cf_binding binding = {row.tenant, id, row.schema, row.suite};
    need(cf_sealer_new(&binding, row.public_key, 1, &sealer), "sealer");
    for (size_t i = 0; i < FIELDS; i++) {
        uint64_t seq;
        need(cf_sealer_field(sealer, person[i].name, person[i].value, &seq, &ct[i]), "seal");
        fields[i] = (cf_field){.name = person[i].name,
                               .encoding = CF_ENC_WRITE,
                               .seq = seq,
                               .value = cf_buf_view(&ct[i])};
    }
    need(cf_random(wrapped, row.wrapped_key.len), "random");
    writes[0] = cf_sealer_write(sealer);
    row.id = id;
    row.version = 1;
    row.wrapped_key = cf_view_make(wrapped, row.wrapped_key.len);
    row.writes = writes;
    row.writes_n = 1;
    row.fields = fields;
    row.fields_n = FIELDS;
    need(cf_row_encode(&row, ret_row), "row");
    for (size_t i = 0; i < FIELDS; i++) {
        cf_buf_free(&ct[i]);
    }
}

static void add_vault(loader *l, uint64_t i)
{
    uint8_t id[CF_VAULT_ID_BYTES], seal[CF_ROW_SEAL_BYTES];
    cf_view names[FIELDS];
    uint64_t seq;
    CF_BUF(row);
    make_id(l, i, id);
    make_row(l, CF_VIEW_OF(id), &row);
    need(cf_row_seal(&l->row_key, cf_buf_view(&row), seal), "row seal");
    for (size_t k = 0; k < FIELDS; k++) {
        names[k] = person[k].name;
    }
    const cf_store_put put = {.kind = CF_PUT_CREATE,
                              .id = CF_VIEW_OF(id),
                              .version = 1,
                              .row = cf_buf_view(&row),
                              .seal = CF_VIEW_OF(seal)};
    const cf_audit_entry entry = {.time_ms = l->last_ms,
                                  .action = CF_LIT("vault.create"),
                                  .outcome = CF_LIT("ok"),
                                  .actor = CF_LIT("load_store"),
                                  .tenant = l->row.tenant,
                                  .vault = CF_VIEW_OF(id),
                                  .version = 1,
                                  .fields = names,
                                  .fields_n = FIELDS,
                                  .seal = CF_VIEW_OF(seal)};
    const cf_store_change change = {.put = &put, .entry = &entry};
    need(l->store.ops->change(l->store.self, &change, cf_clock_mono_ms() + CHANGE_MS, &seq),
         "change");
}

static void *worker(void *ctx)
{
    loader *l = ctx;
    for (;;) {
        uint64_t i = atomic_fetch_add(&l->taken, 1);
        if (i >= l->rows) {
            return NULL;
        }
        add_vault(l, i);
        uint64_t made = atomic_fetch_add(&l->made, 1) + 1;
        if (made % (l->rows / 10 + 1) == 0) {
            fprintf(stderr, "load_store: %" PRIu64 " vaults\n", made);
        }
    }
}

static uint64_t number(const char *text, uint64_t max)
{
    uint64_t n = 0;
    need(cf_parse_u64(cf_view_str(text), max, &n), text);
    return n;
}

int main(int argc, char **argv)
{
    static loader l;
    pthread_t threads[THREADS_MAX];
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: load_store STATE ROWS [THREADS]\n");
        return 2;
    }
    l.rows = number(argv[2], ROWS_MAX);
    size_t n = argc == 4 ? (size_t)number(argv[3], THREADS_MAX) : THREADS_DEFAULT;
    open_store(&l, argv[1]);
    uint64_t began = cf_clock_mono_ms();
    for (size_t i = 0; i < n; i++) {
        need(pthread_create(&threads[i], NULL, worker, &l) == 0 ? cf_ok()
                                                                : cf_fail(CF_ERR_NO_MEMORY),
             "thread");
    }
    for (size_t i = 0; i < n; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    uint64_t ms = cf_clock_mono_ms() - began;
    cf_store_close(&l.store);
    printf("{\"rows\":%" PRIu64 ",\"ms\":%" PRIu64 "}\n", l.rows, ms);
    cf_buf_free(&l.pattern);
    cf_arena_free(&l.arena);
    cf_secret_wipe(&l.row_key);
    return 0;
}
