/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of the audit log, newest first. Reading it is entered in it. */
#include "core/audit/entry.h"
#include "host/api/call.h"

/* One entry, decoded, is at most its octets and an array of views. */
#define ENTRY_ARENA_BYTES (1 << 20)

typedef struct {
    cf_json_out out;
    size_t n;
    uint64_t last_seq;
    cf_err err;
} page;

static void put_member(cf_json_out *o, const char *key, cf_view text)
{
    cf_out_key(o, key);
    cf_out_str(o, text);
}

static void put_octets(cf_json_out *o, const char *key, cf_view octets)
{
    cf_out_key(o, key);
    cf_out_hex(o, octets);
}

static void put_number(cf_json_out *o, const char *key, uint64_t n)
{
    cf_out_key(o, key);
    cf_out_u64(o, n);
}

static void put_names(cf_json_out *o, const char *key, const cf_view *names, size_t n)
{
    cf_out_key(o, key);
    cf_out_begin(o, '[');
    for (size_t i = 0; i < n; i++) {
        cf_out_str(o, names[i]);
    }
    cf_out_end(o, ']');
}

static void put_entry(cf_json_out *o, const cf_audit_entry *e, cf_view hash)
{
    cf_out_begin(o, '{');
    put_number(o, "seq", e->seq);
    put_number(o, "time", e->time_ms);
    put_member(o, "action", e->action);
    put_member(o, "outcome", e->outcome);
    put_member(o, "actor", e->actor);
    put_member(o, "tenant", e->tenant);
    put_member(o, "vault", e->vault);
    put_number(o, "version", e->version);
    put_names(o, "fields", e->fields, e->fields_n);
    if (e->expressions_n > 0) {
        put_number(o, "answered", e->answered);
        put_names(o, "expressions", e->expressions, e->expressions_n);
        put_octets(o, "sources", e->sources);
    }
    put_member(o, "reason", e->reason);
    put_member(o, "request", e->request);
    put_octets(o, "boot_id", e->boot_id);
    put_octets(o, "pcr0", e->pcr0);
    put_octets(o, "seal", e->seal);
    put_octets(o, "hash", hash);
    cf_out_end(o, '}');
}

static bool take_entry(void *ctx, const cf_store_entry *stored)
{
    page *p = ctx;
    CF_ARENA(arena, ENTRY_ARENA_BYTES);
    cf_audit_entry entry;
    cf_result r = cf_audit_decode(stored->entry, &arena, &entry);
    if (!cf_is_ok(r)) {
        p->err = r.code == CF_ERR_NO_MEMORY ? CF_ERR_NO_MEMORY : CF_ERR_AUDIT_ALTERED;
        return false;
    }
    put_entry(&p->out, &entry, stored->hash);
    p->last_seq = stored->seq;
    p->n++;
    return p->out.err == CF_OK;
}

static CF_MUST_USE cf_result number_asked(cf_api_call *c, const char *name, uint64_t max,
                                          uint64_t *ret)
{
    if (!cf_http_query_has(c->http, name)) {
        return cf_ok();
    }
    return cf_input_number(cf_http_query(c->http, name), name, 1, max, &c->faults, ret);
}

static CF_MUST_USE cf_result answer_page(cf_api_call *c, cf_view vault)
{
    uint64_t limit = CF_API_PAGE_ENTRIES, before = 0;
    /* Both are looked at before either is refused. */
    cf_result r = number_asked(c, "limit", CF_API_PAGE_ENTRIES_MAX, &limit);
    CF_TRY(number_asked(c, "before", UINT64_MAX, &before));
    CF_TRY(r);
    page p = {.out = cf_json_out_to(&c->out), .err = CF_OK};
    cf_out_begin(&p.out, '{');
    cf_out_key(&p.out, "entries");
    cf_out_begin(&p.out, '[');
    CF_TRY(c->api->store.ops->audit_page(c->api->store.self, vault, before, limit, take_entry, &p));
    CF_REQUIRE(p.err != CF_ERR_NO_MEMORY, NO_MEMORY);
    CF_REQUIRE(p.err == CF_OK, AUDIT_ALTERED);
    cf_out_end(&p.out, ']');
    cf_out_key(&p.out, "next");
    if (p.n == limit && p.last_seq > 1) {
        cf_out_u64(&p.out, p.last_seq);
    } else {
        cf_out_null(&p.out);
    }
    cf_out_end(&p.out, '}');
    CF_TRY(cf_out_done(&p.out));
    return cf_api_enter(c);
}

CF_MUST_USE cf_result cf_api_audit_of_all(cf_api_call *c)
{
    return answer_page(c, CF_VIEW_EMPTY);
}

/* The row is only looked for: it may be a tombstone, and the log of an altered row is what one wants to read. */
CF_MUST_USE cf_result cf_api_audit_of_vault(cf_api_call *c)
{
    CF_BUF(row);
    CF_BUF(seal);
    CF_REQUIRE(cf_vault_id_ok(c->params[0]), VAULT_UNKNOWN);
    CF_TRY(c->api->store.ops->get(c->api->store.self, c->params[0], &row, &seal));
    return answer_page(c, c->params[0]);
}
