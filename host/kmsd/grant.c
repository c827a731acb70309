/* SPDX-License-Identifier: Apache-2.0 */
/* One grant: at rest, and what it permits. */
#include "core/codec/cbor.h"
#include "host/kmsd/grants_priv.h"
#include "host/kmsd/sealed.h"

#define FORMAT 1
#define META_MEMBERS 10

static const cf_sealed_kind kind = {CF_LIT_INIT("coffer-kms-grant-1"),
                                    CF_LIT_INIT("coffer-kms-grant-1\0")};

static const char *const names[CF_GRANT_OPERATIONS_COUNT] = {
#define ROW(bit, name) [bit] = name,
    CF_GRANT_OPERATIONS(ROW)
#undef ROW
};

const char *cf_grant_operation_name(unsigned bit)
{
    return names[bit];
}

uint32_t cf_grant_operation(cf_view name)
{
    for (unsigned i = 0; i < CF_GRANT_OPERATIONS_COUNT; i++) {
        if (cf_view_eq(name, cf_view_str(names[i]))) {
            return UINT32_C(1) << i;
        }
    }
    return 0;
}

void cf_grant_clear(cf_grant *g)
{
    cf_buf_free(&g->context);
    *g = (cf_grant){.created_ms = 0};
}

/* --- at rest --- */

CF_MUST_USE cf_result cf_grant_encode(const cf_secret *root, const cf_grant *g, cf_buf *out)
{
    CF_BUF(meta);
    cf_writer w = cf_writer_to(&meta, CF_KMSD_GRANT_FILE_BYTES_MAX);
    const char *texts[] = {g->name, g->grantee, g->retiring, g->issuer};
    cf_cbor_put_map(&w, META_MEMBERS);
    cf_cbor_put_uint(&w, 1);
    cf_cbor_put_text(&w, cf_view_str(g->id.text));
    cf_cbor_put_uint(&w, 2);
    cf_cbor_put_text(&w, cf_uuid_view(&g->key));
    cf_cbor_put_uint(&w, 3);
    cf_cbor_put_uint(&w, g->created_ms);
    cf_cbor_put_uint(&w, 4);
    cf_cbor_put_uint(&w, g->operations);
    for (uint64_t i = 0; i < 4; i++) {
        cf_cbor_put_uint(&w, 5 + i);
        cf_cbor_put_text(&w, cf_view_str(texts[i]));
    }
    cf_cbor_put_uint(&w, 9);
    cf_cbor_put_uint(&w, g->limit);
    cf_cbor_put_uint(&w, 10);
    cf_cbor_put_bytes(&w, cf_buf_view(&g->context));
    CF_TRY(cf_write_end(&w));
    const cf_sealed parts = {FORMAT, cf_buf_view(&meta), CF_VIEW_EMPTY};
    return cf_sealed_make(root, &kind, cf_view_str(g->id.text), &parts,
                          CF_KMSD_GRANT_FILE_BYTES_MAX, out);
}

static void take_number(cf_cbor *c, uint64_t number)
{
    if (cf_cbor_uint(c) != number) {
        cf_reader_fail(&c->in, CF_ERR_MALFORMED);
    }
}

/* A text into an array with room for it and its NUL. */
static void take_text(cf_cbor *c, char *ret, size_t room)
{
    cf_view text = cf_cbor_text(c);
    if (text.len >= room) {
        cf_reader_fail(&c->in, CF_ERR_MALFORMED);
        return;
    }
    cf_copy(ret, text.data, text.len);
    ret[text.len] = '\0';
}

static cf_result read_meta(cf_view meta, cf_grant *g)
{
    char key[CF_UUID_TEXT_BYTES + 1];
    cf_cbor c = cf_cbor_strict(meta);
    cf_cbor_map(&c);
    take_number(&c, 1);
    take_text(&c, g->id.text, sizeof g->id.text);
    take_number(&c, 2);
    take_text(&c, key, sizeof key);
    take_number(&c, 3);
    g->created_ms = cf_cbor_uint(&c);
    take_number(&c, 4);
    uint64_t operations = cf_cbor_uint(&c);
    take_number(&c, 5);
    take_text(&c, g->name, sizeof g->name);
    take_number(&c, 6);
    take_text(&c, g->grantee, sizeof g->grantee);
    take_number(&c, 7);
    take_text(&c, g->retiring, sizeof g->retiring);
    take_number(&c, 8);
    take_text(&c, g->issuer, sizeof g->issuer);
    take_number(&c, 9);
    uint64_t limit = cf_cbor_uint(&c);
    take_number(&c, 10);
    cf_view context = cf_cbor_bytes(&c);
    cf_cbor_leave(&c);
    CF_TRY(cf_cbor_end(&c));
    CF_REQUIRE(operations < UINT64_C(1) << CF_GRANT_OPERATIONS_COUNT, MALFORMED);
    CF_REQUIRE(limit < CF_GRANT_LIMIT_COUNT, MALFORMED);
    CF_TRY(cf_uuid_parse(cf_view_str(key), &g->key));
    g->operations = (uint32_t)operations;
    g->limit = (cf_grant_limit)limit;
    return cf_buf_append(&g->context, context);
}

CF_MUST_USE cf_result cf_grant_decode(const cf_secret *root, cf_view octets, cf_grant *ret)
{
    cf_sealed parts;
    CF_BUF(nothing);
    *ret = (cf_grant){.created_ms = 0};
    CF_AUTO(cf_grant_clear) cf_grant g = {.created_ms = 0};
    CF_TRY(cf_sealed_parse(octets, CF_KMSD_GRANT_FILE_BYTES_MAX, &parts));
    CF_REQUIRE(parts.format == FORMAT, UNSUPPORTED);
    CF_TRY(read_meta(parts.meta, &g));
    CF_TRY(cf_sealed_open(root, &kind, cf_view_str(g.id.text), &parts, &nothing));
    *ret = g;
    g = (cf_grant){.created_ms = 0};
    return cf_ok();
}

/* --- what it permits --- */

static bool spend(size_t steps, size_t *left)
{
    *left = *left > steps ? *left - steps : 0;
    return *left > 0;
}

/* Both sides are in rising order of their names. Only what is looked at is paid for: grants with long contexts that another one has made
 * do not keep a caller from its own. */
static bool limit_holds(const cf_grant *g, const cf_grant_ask *ask, size_t *left)
{
    cf_cbor c = cf_cbor_strict(cf_buf_view(&g->context));
    size_t at = 0, matched = 0;
    cf_cbor_map(&c);
    while (cf_cbor_more(&c)) {
        cf_view name = cf_cbor_text(&c), value = cf_cbor_text(&c);
        bool paid = spend(name.len + value.len + 1, left);
        while (paid && at < ask->context_n && cf_view_cmp(ask->context[at].name, name) < 0) {
            paid = spend(1, left);
            at++;
        }
        if (!paid || at == ask->context_n || !cf_view_eq(ask->context[at].name, name) ||
            !cf_view_eq(ask->context[at].value, value)) {
            return false;
        }
        at++;
        matched++;
    }
    return cf_is_ok(cf_cbor_end(&c)) && (g->limit == CF_GRANT_SUBSET || matched == ask->context_n);
}

static bool is_grantee(const cf_grant *g, const cf_grant_ask *ask)
{
    cf_view grantee = cf_view_str(g->grantee);
    return cf_view_eq(grantee, ask->caller) ||
           (ask->caller_role.len > 0 && cf_view_eq(grantee, ask->caller_role));
}

bool cf_grant_permits(const cf_grant *g, const cf_grant_ask *ask, size_t *left)
{
    return (g->operations & ask->operations) == ask->operations && is_grantee(g, ask) &&
           (g->limit == CF_GRANT_ANY || !ask->has_context || limit_holds(g, ask, left));
}

/* A child may be as strict as its parent or as loose; anything between would need to be understood. */
bool cf_grant_covers(const cf_grant *parent, const cf_grant *child)
{
    return (parent->operations & child->operations) == child->operations &&
           (parent->limit == CF_GRANT_ANY ||
            (parent->limit == child->limit &&
             cf_view_eq(cf_buf_view(&parent->context), cf_buf_view(&child->context))));
}

bool cf_grant_same(const cf_grant *a, const cf_grant *b)
{
    return cf_view_eq(cf_uuid_view(&a->key), cf_uuid_view(&b->key)) &&
           a->operations == b->operations && a->limit == b->limit &&
           cf_view_eq(cf_buf_view(&a->context), cf_buf_view(&b->context)) &&
           cf_view_eq(cf_view_str(a->name), cf_view_str(b->name)) &&
           cf_view_eq(cf_view_str(a->grantee), cf_view_str(b->grantee)) &&
           cf_view_eq(cf_view_str(a->retiring), cf_view_str(b->retiring)) &&
           cf_view_eq(cf_view_str(a->issuer), cf_view_str(b->issuer));
}
