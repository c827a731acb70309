/* SPDX-License-Identifier: Apache-2.0 */
/* Entries: docs/formats/audit.md section 1. */
#include "core/audit/entry.h"

#include "core/codec/cbor.h"

/* Of an entry without expressions, and of one with them. */
#define ENTRY_FORMAT 1
#define ENTRY_FORMAT_EXPRESSIONS 2
#define ENTRY_ITEMS 15
#define ENTRY_ITEMS_EXPRESSIONS 18
#define SOURCES_BYTES_MAX ((size_t)1 << 20)
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

static cf_result expression_rules(const cf_audit_entry *e)
{
    if (e->expressions_n == 0) {
        CF_REQUIRE(e->sources.len == 0 && e->answered == 0, MALFORMED);
        return cf_ok();
    }
    CF_REQUIRE(e->expressions_n <= CF_AUDIT_EXPRESSIONS_MAX, SIZE);
    for (size_t i = 0; i < e->expressions_n; i++) {
        CF_REQUIRE(text_ok(e->expressions[i]), MALFORMED);
    }
    CF_REQUIRE(e->sources.len == CF_AUDIT_SOURCES_BYTES, MALFORMED);
    CF_REQUIRE(e->answered <= e->fields_n, MALFORMED);
    return cf_ok();
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
    return expression_rules(e);
}

static void names_put(cf_writer *w, const cf_view *names, size_t n)
{
    cf_cbor_put_array(w, n);
    for (size_t i = 0; i < n; i++) {
        cf_cbor_put_text(w, names[i]);
    }
}

CF_MUST_USE cf_result cf_audit_encode(const cf_audit_entry *e, cf_buf *out)
{
    size_t start = out->len;
    CF_REQUIRE(cf_is_ok(entry_rules(e)), ARGUMENT);
    CF_REQUIRE(start <= CF_BUF_BYTES_MAX - CF_AUDIT_ENTRY_BYTES_MAX, SIZE);
    cf_writer w = cf_writer_to(out, start + CF_AUDIT_ENTRY_BYTES_MAX);
    bool expressions = e->expressions_n > 0;
    cf_cbor_put_array(&w, expressions ? ENTRY_ITEMS_EXPRESSIONS : ENTRY_ITEMS);
    cf_cbor_put_uint(&w, expressions ? ENTRY_FORMAT_EXPRESSIONS : ENTRY_FORMAT);
    cf_cbor_put_uint(&w, e->seq);
    cf_cbor_put_uint(&w, e->time_ms);
    cf_cbor_put_text(&w, e->action);
    cf_cbor_put_text(&w, e->outcome);
    cf_cbor_put_text(&w, e->actor);
    cf_cbor_put_text(&w, e->tenant);
    cf_cbor_put_text(&w, e->vault);
    cf_cbor_put_uint(&w, e->version);
    names_put(&w, e->fields, e->fields_n);
    cf_cbor_put_text(&w, e->reason);
    cf_cbor_put_text(&w, e->request);
    cf_cbor_put_bytes(&w, e->boot_id);
    cf_cbor_put_bytes(&w, e->pcr0);
    cf_cbor_put_bytes(&w, e->seal);
    if (expressions) {
        names_put(&w, e->expressions, e->expressions_n);
        cf_cbor_put_bytes(&w, e->sources);
        cf_cbor_put_uint(&w, e->answered);
    }
    cf_result r = cf_write_end(&w);
    if (!cf_is_ok(r)) {
        out->len = start;
    }
    return r;
}

static const cf_view *names_get(cf_cbor *c, cf_arena *arena, size_t max, size_t *ret_n)
{
    *ret_n = 0;
    cf_cbor_array(c);
    uint64_t n = cf_cbor_err(c) == CF_OK ? c->open[c->depth - 1].left : 0;
    if (n > max) {
        cf_reader_fail(&c->in, CF_ERR_SIZE);
    }
    cf_view *names = cf_cbor_err(c) == CF_OK ? cf_arena_new(arena, n, sizeof *names) : NULL;
    if (names == NULL) {
        cf_reader_fail(&c->in, CF_ERR_NO_MEMORY);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        names[i] = cf_cbor_text(c);
    }
    cf_cbor_leave(c);
    *ret_n = (size_t)n;
    return names;
}

static void expressions_get(cf_cbor *c, cf_arena *arena, cf_audit_entry *e)
{
    e->expressions = names_get(c, arena, CF_AUDIT_EXPRESSIONS_MAX, &e->expressions_n);
    if (e->expressions_n == 0) {
        cf_reader_fail(&c->in, CF_ERR_MALFORMED);
    }
    e->sources = cf_cbor_bytes(c);
    e->answered = cf_cbor_uint(c);
}

CF_MUST_USE cf_result cf_audit_decode(cf_view octets, cf_arena *arena, cf_audit_entry *ret)
{
    *ret = (cf_audit_entry){0};
    CF_REQUIRE(octets.len <= CF_AUDIT_ENTRY_BYTES_MAX, SIZE);
    cf_cbor c = cf_cbor_strict(octets);
    cf_audit_entry e = {0};
    cf_cbor_array(&c);
    uint64_t format = cf_cbor_uint(&c);
    bool expressions = format == ENTRY_FORMAT_EXPRESSIONS;
    if (cf_cbor_err(&c) == CF_OK && format != ENTRY_FORMAT && !expressions) {
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
    e.fields = names_get(&c, arena, CF_AUDIT_FIELDS_MAX, &e.fields_n);
    e.reason = cf_cbor_text(&c);
    e.request = cf_cbor_text(&c);
    e.boot_id = cf_cbor_bytes(&c);
    e.pcr0 = cf_cbor_bytes(&c);
    e.seal = cf_cbor_bytes(&c);
    if (expressions) {
        expressions_get(&c, arena, &e);
    }
    cf_cbor_leave(&c);
    CF_TRY(cf_cbor_end(&c));
    CF_TRY(entry_rules(&e));
    *ret = e;
    return cf_ok();
}

CF_MUST_USE cf_result cf_audit_sources(const cf_view *names, const cf_view *sources, size_t n,
                                       uint8_t ret[static CF_AUDIT_SOURCES_BYTES])
{
    CF_BUF(octets);
    cf_digest digest;
    cf_wipe(ret, CF_AUDIT_SOURCES_BYTES);
    cf_writer w = cf_writer_to(&octets, SOURCES_BYTES_MAX);
    cf_cbor_put_array(&w, n);
    for (size_t i = 0; i < n; i++) {
        cf_cbor_put_array(&w, 2);
        cf_cbor_put_text(&w, names[i]);
        cf_cbor_put_text(&w, sources[i]);
    }
    CF_TRY(cf_write_end(&w));
    CF_TRY(cf_hash_of(CF_SHA256, cf_buf_view(&octets), &digest));
    cf_copy(ret, digest.b, CF_AUDIT_SOURCES_BYTES);
    return cf_ok();
}
