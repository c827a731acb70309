/* SPDX-License-Identifier: Apache-2.0 */
/* Entries: docs/formats/audit.md section 1. */
#include "core/audit/entry.h"

#include "core/codec/cbor.h"

#define ENTRY_FORMAT 1
#define ENTRY_ITEMS 15
#define BOOT_ID_BYTES 16
#define PCR_BYTES 48
#define SEAL_BYTES 48

static bool text_ok(cf_view v)
{
    return v.len <= CF_AUDIT_TEXT_BYTES_MAX;
}

static bool absent_or(cf_view v, size_t octets)
{
    return v.len == 0 || v.len == octets;
}

/* What a decoder rejects, and an encoder does not write. */
static cf_result entry_rules(const cf_audit_entry *e)
{
    CF_REQUIRE(e->seq > 0, MALFORMED);
    CF_REQUIRE(text_ok(e->action) && text_ok(e->outcome) && text_ok(e->actor), MALFORMED);
    CF_REQUIRE(text_ok(e->tenant) && text_ok(e->vault) && text_ok(e->request), MALFORMED);
    CF_REQUIRE(e->action.len > 0 && e->outcome.len > 0 && e->actor.len > 0, MALFORMED);
    CF_REQUIRE(e->fields_n <= CF_AUDIT_FIELDS_MAX, SIZE);
    for (size_t i = 0; i < e->fields_n; i++) {
        CF_REQUIRE(text_ok(e->fields[i]), MALFORMED);
    }
    CF_REQUIRE(e->reason.len <= CF_REASON_BYTES_MAX, MALFORMED);
    CF_REQUIRE(absent_or(e->boot_id, BOOT_ID_BYTES) && absent_or(e->pcr0, PCR_BYTES), MALFORMED);
    CF_REQUIRE(absent_or(e->seal, SEAL_BYTES), MALFORMED);
    return cf_ok();
}

CF_MUST_USE cf_result cf_audit_encode(const cf_audit_entry *e, cf_buf *out)
{
    size_t start = out->len;
    CF_REQUIRE(cf_is_ok(entry_rules(e)), ARGUMENT);
    CF_REQUIRE(start <= CF_BUF_BYTES_MAX - CF_AUDIT_ENTRY_BYTES_MAX, SIZE);
    cf_writer w = cf_writer_to(out, start + CF_AUDIT_ENTRY_BYTES_MAX);
    cf_cbor_put_array(&w, ENTRY_ITEMS);
    cf_cbor_put_uint(&w, ENTRY_FORMAT);
    cf_cbor_put_uint(&w, e->seq);
    cf_cbor_put_uint(&w, e->time_ms);
    cf_cbor_put_text(&w, e->action);
    cf_cbor_put_text(&w, e->outcome);
    cf_cbor_put_text(&w, e->actor);
    cf_cbor_put_text(&w, e->tenant);
    cf_cbor_put_text(&w, e->vault);
    cf_cbor_put_uint(&w, e->version);
    cf_cbor_put_array(&w, e->fields_n);
    for (size_t i = 0; i < e->fields_n; i++) {
        cf_cbor_put_text(&w, e->fields[i]);
    }
    cf_cbor_put_text(&w, e->reason);
    cf_cbor_put_text(&w, e->request);
    cf_cbor_put_bytes(&w, e->boot_id);
    cf_cbor_put_bytes(&w, e->pcr0);
    cf_cbor_put_bytes(&w, e->seal);
    cf_result r = cf_write_end(&w);
    if (!cf_is_ok(r)) {
        out->len = start;
    }
    return r;
}

static void fields_get(cf_cbor *c, cf_arena *arena, cf_audit_entry *e)
{
    cf_cbor_array(c);
    uint64_t n = cf_cbor_err(c) == CF_OK ? c->open[c->depth - 1].left : 0;
    if (n > CF_AUDIT_FIELDS_MAX) {
        cf_reader_fail(&c->in, CF_ERR_SIZE);
    }
    cf_view *fields = cf_cbor_err(c) == CF_OK ? cf_arena_new(arena, n, sizeof *fields) : NULL;
    if (fields == NULL) {
        cf_reader_fail(&c->in, CF_ERR_NO_MEMORY);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        fields[i] = cf_cbor_text(c);
    }
    cf_cbor_leave(c);
    e->fields = fields;
    e->fields_n = n;
}

CF_MUST_USE cf_result cf_audit_decode(cf_view octets, cf_arena *arena, cf_audit_entry *ret)
{
    *ret = (cf_audit_entry){0};
    CF_REQUIRE(octets.len <= CF_AUDIT_ENTRY_BYTES_MAX, SIZE);
    cf_cbor c = cf_cbor_strict(octets);
    cf_audit_entry e = {0};
    cf_cbor_array(&c);
    uint64_t format = cf_cbor_uint(&c);
    if (cf_cbor_err(&c) == CF_OK && format != ENTRY_FORMAT) {
        return cf_fail(CF_ERR_UNSUPPORTED);
    }
    e.seq = cf_cbor_uint(&c);
    e.time_ms = cf_cbor_uint(&c);
    e.action = cf_cbor_text(&c);
    e.outcome = cf_cbor_text(&c);
    e.actor = cf_cbor_text(&c);
    e.tenant = cf_cbor_text(&c);
    e.vault = cf_cbor_text(&c);
    e.version = cf_cbor_uint(&c);
    fields_get(&c, arena, &e);
    e.reason = cf_cbor_text(&c);
    e.request = cf_cbor_text(&c);
    e.boot_id = cf_cbor_bytes(&c);
    e.pcr0 = cf_cbor_bytes(&c);
    e.seal = cf_cbor_bytes(&c);
    cf_cbor_leave(&c);
    CF_TRY(cf_cbor_end(&c));
    CF_TRY(entry_rules(&e));
    *ret = e;
    return cf_ok();
}
