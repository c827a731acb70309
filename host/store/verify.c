/* SPDX-License-Identifier: Apache-2.0 */
#include "host/store/verify.h"

#define OBJECT_ID_BYTES 32
#define OBJECT_SEAL_BYTES                                                                          \
    22 /* of the 48: nobody without the key finds a seal that agrees with another in so many */
#define TABLE_START ((size_t)1 << 10)
#define ARENA_BYTES                                                                                \
    (CF_ROW_FIELDS_MAX * (sizeof(cf_field) + sizeof(cf_write_ref)) + 64 * sizeof(cf_view))

/* What the log says of one vault, token or secret: what the newest entry that changed it left. */
typedef struct {
    uint8_t id[OBJECT_ID_BYTES]; /* padded with a zero at least; a free place begins with one */
    uint64_t version; /* of a token 1 once it is made, 2 once it is revoked; of a secret 1 */
    uint8_t seal[OBJECT_SEAL_BYTES];
    bool ended; /* deleted, or revoked */
    bool seen;  /* the store has it */
} object;
_Static_assert(sizeof(object) == 64, "docs/limits.md counts on it");

typedef struct {
    const cf_store *store;
    const cf_verify_opts *opts;
    cf_secret audit_key;
    cf_finding_fn *fn;
    void *ctx;
    cf_verify_report report;
    cf_result failed; /* of a callback */

    object *table; /* open addressing; room is a power of two */
    size_t room, used;
    uint64_t mix[OBJECT_ID_BYTES / 8]; /* random, so that nobody chooses ids that collide */

    cf_audit_head last; /* of the walk */
    bool has_anchor, anchor_missing;
    cf_audit_head anchor;
} verifier;

static const struct {
    const char *code, *text;
} findings[CF_FINDING_COUNT] = {
#define CF_FINDING_ROW(sym, code, text) [CF_FINDING_##sym] = {code, text},
    CF_FINDINGS(CF_FINDING_ROW)
#undef CF_FINDING_ROW
};

const char *cf_finding_code(cf_finding_kind kind)
{
    return (unsigned)kind < CF_FINDING_COUNT ? findings[kind].code : "unknown";
}

const char *cf_finding_text(cf_finding_kind kind)
{
    return (unsigned)kind < CF_FINDING_COUNT ? findings[kind].text : "unknown";
}

static void verifier_free(verifier *v)
{
    cf_mem_free(v->table);
    cf_secret_wipe(&v->audit_key);
}

static void tell(verifier *v, cf_finding_kind kind, uint64_t seq, cf_view object_id)
{
    const cf_finding f = {kind, seq, object_id};
    v->report.findings++;
    v->fn(v->ctx, &f);
}

static bool is_token(const uint8_t *id)
{
    return id[0] == 't';
}

static bool is_secret(const uint8_t *id)
{
    return id[0] == 's';
}

/* The place of the id: its own, or the free one where it belongs. */
static object *table_place(const verifier *v, object *table, size_t room, const uint8_t *id)
{
    cf_reader r = cf_reader_of(cf_view_make(id, OBJECT_ID_BYTES));
    uint64_t h = 0;
    for (size_t i = 0; i < OBJECT_ID_BYTES / 8; i++) {
        uint64_t word = cf_read_u64(&r) ^ v->mix[i];
        h = (h ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        h ^= h >> 29;
    }
    size_t at = (size_t)h & (room - 1);
    while (table[at].id[0] != 0 &&
           !cf_view_eq(CF_VIEW_OF(table[at].id), cf_view_make(id, OBJECT_ID_BYTES))) {
        at = (at + 1) & (room - 1);
    }
    return &table[at];
}

static cf_result table_grow(verifier *v)
{
    size_t room = v->room == 0 ? TABLE_START : 2 * v->room;
    CF_REQUIRE(room <= CF_VERIFY_OBJECTS_MAX, SIZE);
    object *table = cf_mem_new(room, sizeof *table);
    CF_REQUIRE(table != NULL, NO_MEMORY);
    for (size_t i = 0; i < v->room; i++) {
        if (v->table[i].id[0] != 0) {
            *table_place(v, table, room, v->table[i].id) = v->table[i];
        }
    }
    cf_mem_free(v->table);
    v->table = table;
    v->room = room;
    return cf_ok();
}

/* NULL when no entry told of it, or when it is no id at all. */
static object *object_find(const verifier *v, cf_view id)
{
    uint8_t padded[OBJECT_ID_BYTES] = {0};
    if (v->room == 0 || id.len == 0 || id.len >= OBJECT_ID_BYTES || id.data[0] == 0) {
        return NULL;
    }
    cf_copy(padded, id.data, id.len);
    object *o = table_place(v, v->table, v->room, padded);
    return o->id[0] == 0 ? NULL : o;
}

/* The version that an entry gives its object; 0 for a token's that neither makes nor revokes it, and a secret's that does not make
 * it. */
static uint64_t version_of(const object *o, const cf_audit_entry *e)
{
    if (is_secret(o->id)) {
        return cf_view_eq(e->action, CF_LIT("secret.create")) ? 1 : 0;
    }
    if (!is_token(o->id)) {
        return e->version;
    }
    return cf_view_eq(e->action, CF_LIT("token.create"))   ? 1
           : cf_view_eq(e->action, CF_LIT("token.revoke")) ? 2
                                                           : 0;
}

/* Each change follows on the one before it. Where it does not, a row of before was put back, and the service, changing that, gave
 * it a genuine seal and entry. */
static void change_note(verifier *v, object *o, const cf_audit_entry *e)
{
    uint64_t version = version_of(o, e);
    if (o->ended) {
        tell(v, CF_FINDING_ENTRY_ENDED, e->seq, e->vault);
    } else if (version != o->version + 1) {
        tell(v, CF_FINDING_ENTRY_VERSION, e->seq, e->vault);
    }
    o->version = version;
    o->ended = cf_view_eq(e->action, CF_LIT("vault.delete")) ||
               cf_view_eq(e->action, CF_LIT("token.revoke"));
    cf_copy(o->seal, e->seal.data, OBJECT_SEAL_BYTES);
}

/* Notes what an entry did to its object. An id that no vault or token can have is passed over: it has no row. */
static cf_result object_note(verifier *v, const cf_audit_entry *e)
{
    uint8_t padded[OBJECT_ID_BYTES] = {0};
    cf_view id = e->vault;
    if (id.len == 0 || id.len >= OBJECT_ID_BYTES || id.data[0] == 0) {
        return cf_ok();
    }
    if (v->used >= v->room / 4 * 3) {
        CF_TRY(table_grow(v));
    }
    cf_copy(padded, id.data, id.len);
    object *o = table_place(v, v->table, v->room, padded);
    v->used += o->id[0] == 0;
    cf_copy(o->id, padded, sizeof padded);
    change_note(v, o, e);
    return cf_ok();
}

/* Seq and chain. An altered entry gives one finding: the walk goes on from what is stored. */
static cf_result chain_check(verifier *v, const cf_store_entry *e)
{
    bool next = e->seq == v->last.seq + 1;
    if (!next) {
        tell(v, CF_FINDING_ENTRY_MISSING, e->seq, CF_VIEW_EMPTY);
    }
    cf_audit_head head = v->last;
    CF_TRY(cf_audit_chain(&head, e->entry));
    bool same = cf_view_eq(e->hash, CF_VIEW_OF(head.hash));
    if (next && !same) {
        tell(v, CF_FINDING_ENTRY_HASH, e->seq, CF_VIEW_EMPTY);
    }
    v->last.seq = e->seq;
    if (e->hash.len == CF_AUDIT_HASH_BYTES) {
        cf_copy(v->last.hash, e->hash.data, CF_AUDIT_HASH_BYTES);
    }
    if (v->has_anchor && e->seq == v->anchor.seq &&
        !cf_view_eq(CF_VIEW_OF(v->anchor.hash), e->hash)) {
        tell(v, CF_FINDING_ANCHOR_HASH, e->seq, CF_VIEW_EMPTY);
    }
    return cf_ok();
}

static cf_result entry_check(verifier *v, const cf_store_entry *e)
{
    CF_TRY(chain_check(v, e));
    CF_ARENA(arena, ARENA_BYTES);
    cf_audit_entry entry;
    cf_result r = cf_audit_decode(e->entry, &arena, &entry);
    if (r.code == CF_ERR_NO_MEMORY) {
        return r;
    }
    if (!cf_is_ok(r)) {
        tell(v, CF_FINDING_ENTRY_UNREADABLE, e->seq, CF_VIEW_EMPTY);
        return cf_ok();
    }
    if (entry.seq != e->seq) {
        tell(v, CF_FINDING_ENTRY_SEQ, e->seq, CF_VIEW_EMPTY);
    }
    if (!cf_view_eq(entry.vault, e->vault)) {
        tell(v, CF_FINDING_ENTRY_VAULT, e->seq, entry.vault);
    }
    return entry.seal.len == 0 ? cf_ok() : object_note(v, &entry);
}

static bool on_entry(void *ctx, const cf_store_entry *e)
{
    verifier *v = ctx;
    if (e->seq == 0 || e->seq > INT64_MAX) {
        tell(v, CF_FINDING_ENTRY_PLACE, 0, e->vault);
        return true;
    }
    v->report.entries++;
    v->failed = entry_check(v, e);
    return cf_is_ok(v->failed);
}

/* Seal and place of a row; true when it is worth comparing with the log. */
static cf_result row_check(verifier *v, cf_view id, uint64_t version, cf_view octets, cf_view seal,
                           bool *ret_sealed)
{
    cf_result r = cf_row_check(v->opts->row_key, octets, seal);
    *ret_sealed = cf_is_ok(r);
    if (r.code == CF_ERR_ROW_ALTERED) {
        tell(v, CF_FINDING_ROW_SEAL, 0, id);
        return cf_ok();
    }
    CF_TRY(r);
    CF_ARENA(arena, ARENA_BYTES);
    cf_row row;
    r = cf_row_decode(octets, &arena, &row);
    if (r.code == CF_ERR_NO_MEMORY) {
        return r;
    }
    if (!cf_is_ok(r)) {
        tell(v, CF_FINDING_ROW_UNREADABLE, 0, id);
    } else if (!cf_view_eq(row.id, id)) {
        tell(v, CF_FINDING_ROW_ID, 0, id);
    } else if (row.version != version) {
        tell(v, CF_FINDING_ROW_VERSION, 0, id);
    }
    return cf_ok();
}

/* Compares what is stored with what the log says of it. */
static void object_check(verifier *v, cf_view id, cf_view seal, cf_finding_kind unlogged,
                         cf_finding_kind stale)
{
    object *o = object_find(v, id);
    if (o == NULL) {
        tell(v, unlogged, 0, id);
        return;
    }
    o->seen = true;
    if (seal.len > 0 && !cf_view_eq(CF_VIEW_OF(o->seal), cf_view_sub(seal, 0, OBJECT_SEAL_BYTES))) {
        tell(v, stale, 0, id);
    }
}

static bool on_row(void *ctx, cf_view id, uint64_t version, cf_view row, cf_view seal)
{
    verifier *v = ctx;
    bool sealed = false;
    v->report.rows++;
    v->failed = row_check(v, id, version, row, seal, &sealed);
    object_check(v, id, sealed ? seal : CF_VIEW_EMPTY, CF_FINDING_ROW_UNLOGGED,
                 CF_FINDING_ROW_STALE);
    return cf_is_ok(v->failed);
}

static bool on_token(void *ctx, const cf_token *t)
{
    verifier *v = ctx;
    uint8_t seal[CF_ROW_SEAL_BYTES];
    cf_view id = cf_view_str(t->id);
    v->report.tokens++;
    if (t->altered) {
        tell(v, CF_FINDING_TOKEN_SEAL, 0, id);
        object_check(v, id, CF_VIEW_EMPTY, CF_FINDING_TOKEN_UNLOGGED, CF_FINDING_TOKEN_STALE);
        return true;
    }
    v->failed = cf_token_seal(&v->audit_key, t, seal);
    if (cf_is_ok(v->failed)) {
        object_check(v, id, CF_VIEW_OF(seal), CF_FINDING_TOKEN_UNLOGGED, CF_FINDING_TOKEN_STALE);
    }
    return cf_is_ok(v->failed);
}

static cf_result tokens_check(verifier *v)
{
    CF_TRY(v->store->ops->tokens_walk(v->store->self, on_token, v));
    CF_TRY(v->failed);
    for (size_t i = 0; i < v->room; i++) {
        const object *o = &v->table[i];
        /* A revoked one may have left the store, and so would not be missed. */
        if (o->id[0] != 0 && !o->seen && !o->ended && is_token(o->id)) {
            tell(v, CF_FINDING_TOKEN_MISSING, 0, cf_view_str((const char *)o->id));
        }
    }
    return cf_ok();
}

static void rows_missing(verifier *v)
{
    for (size_t i = 0; i < v->room; i++) {
        const object *o = &v->table[i];
        if (o->id[0] != 0 && !o->seen && !is_token(o->id) && !is_secret(o->id)) {
            tell(v, CF_FINDING_ROW_MISSING, 0, cf_view_str((const char *)o->id));
        }
    }
}

static bool on_secret(void *ctx, const cf_store_secret *secret)
{
    verifier *v = ctx;
    uint8_t seal[CF_ROW_SEAL_BYTES];
    char id[OBJECT_ID_BYTES] = "s_";
    _Static_assert(sizeof secret->name + 2 <= OBJECT_ID_BYTES, "an id as long as the others");
    cf_copy(id + 2, secret->name, sizeof secret->name);
    v->report.secrets++;
    if (secret->altered) {
        tell(v, CF_FINDING_SECRET_SEAL, 0, cf_view_str(id));
    } else {
        v->failed = cf_secret_seal(&v->audit_key, secret, seal);
    }
    object_check(v, cf_view_str(id), secret->altered ? CF_VIEW_EMPTY : CF_VIEW_OF(seal),
                 CF_FINDING_SECRET_UNLOGGED, CF_FINDING_SECRET_STALE);
    return cf_is_ok(v->failed);
}

static cf_result secrets_check(verifier *v)
{
    CF_TRY(v->store->ops->secrets_walk(v->store->self, on_secret, v));
    CF_TRY(v->failed);
    for (size_t i = 0; i < v->room; i++) {
        const object *o = &v->table[i];
        if (o->id[0] != 0 && !o->seen && is_secret(o->id)) {
            tell(v, CF_FINDING_SECRET_MISSING, 0, cf_view_str((const char *)o->id));
        }
    }
    return cf_ok();
}

static cf_result head_check(verifier *v)
{
    uint8_t sealed[CF_AUDIT_HEAD_BYTES];
    cf_audit_head head;
    cf_result r = v->store->ops->audit_head(v->store->self, sealed);
    if (r.code == CF_ERR_NOT_FOUND) {
        tell(v, CF_FINDING_HEAD_MISSING, 0, CF_VIEW_EMPTY);
        return cf_ok();
    }
    if (cf_is_ok(r)) {
        r = cf_audit_head_open(&v->audit_key, CF_VIEW_OF(sealed), &head);
    }
    if (r.code == CF_ERR_AUDIT_ALTERED) {
        tell(v, CF_FINDING_HEAD_MAC, 0, CF_VIEW_EMPTY);
        return cf_ok();
    }
    CF_TRY(r);
    if (head.seq != v->last.seq) {
        tell(v, CF_FINDING_HEAD_SEQ, head.seq, CF_VIEW_EMPTY);
    } else if (!cf_view_eq(CF_VIEW_OF(head.hash), CF_VIEW_OF(v->last.hash))) {
        tell(v, CF_FINDING_HEAD_HASH, head.seq, CF_VIEW_EMPTY);
    }
    return cf_ok();
}

static cf_result anchor_load(verifier *v)
{
    CF_BUF(anchor);
    cf_result r = v->store->ops->audit_anchor(v->store->self, &anchor);
    v->anchor_missing = r.code == CF_ERR_NOT_FOUND;
    if (v->anchor_missing) {
        return cf_ok();
    }
    if (cf_is_ok(r)) {
        r = cf_audit_head_open(&v->audit_key, cf_buf_view(&anchor), &v->anchor);
    }
    if (r.code == CF_ERR_NO_MEMORY) {
        return r;
    }
    v->has_anchor = cf_is_ok(r);
    if (!v->has_anchor) {
        tell(v, CF_FINDING_ANCHOR_MAC, 0, CF_VIEW_EMPTY);
    }
    return cf_ok();
}

/* Of the log's end and the anchor; after the walk. */
static void anchor_check(verifier *v)
{
    if (v->has_anchor && v->anchor.seq > v->last.seq) {
        tell(v, CF_FINDING_ANCHOR_AHEAD, v->anchor.seq, CF_VIEW_EMPTY);
    }
    if (v->anchor_missing && v->last.seq > 0 && !v->opts->no_anchor) {
        tell(v, CF_FINDING_ANCHOR_MISSING, 0, CF_VIEW_EMPTY);
    }
}

/* What the service reads by an index is what is walked here only if tables and indexes are the service's and agree. */
static cf_result structure_check(verifier *v)
{
    bool schema = false, pages = false;
    CF_TRY(v->store->ops->structure(v->store->self, &schema, &pages));
    if (!schema) {
        tell(v, CF_FINDING_SCHEMA, 0, CF_VIEW_EMPTY);
    }
    if (!pages) {
        tell(v, CF_FINDING_PAGES, 0, CF_VIEW_EMPTY);
    }
    return cf_ok();
}

static cf_result everything(verifier *v)
{
    CF_TRY(cf_audit_key(v->opts->row_key, &v->audit_key));
    CF_TRY(cf_random((uint8_t *)v->mix, sizeof v->mix));
    CF_TRY(anchor_load(v));
    CF_TRY(structure_check(v));
    CF_TRY(v->store->ops->audit_walk(v->store->self, 0, on_entry, v));
    CF_TRY(v->failed);
    CF_TRY(head_check(v));
    anchor_check(v);
    CF_TRY(v->store->ops->rows_walk(v->store->self, on_row, v));
    CF_TRY(v->failed);
    rows_missing(v);
    CF_TRY(tokens_check(v));
    CF_TRY(secrets_check(v));
    v->report.head = v->last;
    return cf_ok();
}

CF_MUST_USE cf_result cf_store_verify(const cf_store *store, const cf_verify_opts *opts,
                                      cf_finding_fn *fn, void *ctx, cf_verify_report *ret)
{
    *ret = (cf_verify_report){.entries = 0};
    CF_AUTO(verifier_free)
    verifier v = {.store = store, .opts = opts, .fn = fn, .ctx = ctx, .failed = {CF_OK}};
    CF_TRY(everything(&v));
    *ret = v.report;
    return cf_ok();
}
