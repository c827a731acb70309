/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/attest_priv.h"

/* Levels of arrays and maps in a payload, its own map counted: real ones have two. */
#define PAYLOAD_DEPTH_MAX 4
/* Members that no version of the service has had yet; they are skipped, but never twice the same. */
#define UNKNOWN_MEMBERS_MAX 16
/* Year 9999: what an X.509 date can still say. */
#define TIMESTAMP_MS_MAX 253402300799999U

static void fail(cf_cbor *c, cf_err err)
{
    cf_reader_fail(&c->in, err);
}

/* A byte string of min..max octets. */
static cf_view read_bytes(cf_cbor *c, size_t min, size_t max)
{
    cf_view v = cf_cbor_bytes(c);
    if (cf_cbor_err(c) == CF_OK && (v.len < min || v.len > max)) {
        fail(c, CF_ERR_SIZE);
        return CF_VIEW_EMPTY;
    }
    return v;
}

static void read_module_id(cf_cbor *c, cf_attest_payload *p)
{
    p->module_id = cf_cbor_text(c);
}

static void read_digest(cf_cbor *c, cf_attest_payload *p)
{
    (void)p;
    cf_view digest = cf_cbor_text(c);
    if (cf_cbor_err(c) == CF_OK && !cf_view_eq(digest, CF_LIT(CF_ATTEST_DIGEST))) {
        fail(c, CF_ERR_UNSUPPORTED);
    }
}

static void read_timestamp(cf_cbor *c, cf_attest_payload *p)
{
    p->timestamp_ms = cf_cbor_uint(c);
}

/* The service's own rule allows registers of 32, 48 and 64 octets; with digest SHA384 only 48 can be. */
static void read_pcrs(cf_cbor *c, cf_attest_payload *p)
{
    cf_cbor_map(c);
    while (cf_cbor_more(c)) {
        uint64_t index = cf_cbor_uint(c);
        cf_view value = read_bytes(c, CF_PCR_BYTES_SHA384, CF_PCR_BYTES_SHA384);
        if (cf_cbor_err(c) != CF_OK) {
            return;
        }
        if (index >= CF_PCR_COUNT) {
            fail(c, CF_ERR_RANGE);
        } else if (p->pcrs[index].len > 0) {
            fail(c, CF_ERR_DUPLICATE);
        } else {
            p->pcrs[index] = value;
        }
    }
}

static void read_certificate(cf_cbor *c, cf_attest_payload *p)
{
    p->certificate = read_bytes(c, 1, CF_ATTEST_CERT_BYTES_MAX);
}

static void read_cabundle(cf_cbor *c, cf_attest_payload *p)
{
    cf_cbor_array(c);
    while (cf_cbor_more(c)) {
        cf_view cert = read_bytes(c, 1, CF_ATTEST_CERT_BYTES_MAX);
        if (p->cabundle_n == CF_CHAIN_CERTS_MAX) {
            fail(c, CF_ERR_SIZE);
            return;
        }
        p->cabundle[p->cabundle_n] = cert;
        p->cabundle_n++;
    }
}

static void read_optional(cf_cbor *c, bool *ret_has, cf_view *ret)
{
    if (cf_cbor_take_null(c)) {
        return;
    }
    *ret = read_bytes(c, 0, CF_ATTEST_DATA_BYTES_MAX);
    *ret_has = true;
}

static void read_public_key(cf_cbor *c, cf_attest_payload *p)
{
    read_optional(c, &p->has_public_key, &p->public_key);
}

static void read_user_data(cf_cbor *c, cf_attest_payload *p)
{
    read_optional(c, &p->has_user_data, &p->user_data);
}

static void read_nonce(cf_cbor *c, cf_attest_payload *p)
{
    read_optional(c, &p->has_nonce, &p->nonce);
}

/* Section 4 of the sheet. */
static const struct {
    const char *name;
    bool required;
    void (*read)(cf_cbor *c, cf_attest_payload *p);
} members[] = {
    {"module_id", true, read_module_id},
    {"digest", true, read_digest},
    {"timestamp", true, read_timestamp},
    {"pcrs", true, read_pcrs},
    {"certificate", true, read_certificate},
    {"cabundle", true, read_cabundle},
    {"public_key", false, read_public_key},
    {"user_data", false, read_user_data},
    {"nonce", false, read_nonce},
};
#define MEMBERS (sizeof members / sizeof members[0])
_Static_assert(MEMBERS <= 32, "the members seen are noted in 32 bits");

/* What was met so far in one payload. */
typedef struct {
    uint32_t known; /* bit per row of members */
    cf_view unknown[UNKNOWN_MEMBERS_MAX];
    size_t unknown_n;
} seen;

/* Skips the value of an unknown member, which may not be nested deeper than the payload may be. A tag would be skipped with all that
 * it stands before, whatever its depth; no payload has one. */
static void skip_value(cf_cbor *c)
{
    uint8_t base = c->depth;
    do {
        if (c->depth > base && !cf_cbor_more(c)) {
            continue; /* it left one level, or failed */
        }
        cf_cbor_kind kind = cf_cbor_peek(c);
        if (kind == CF_CBOR_ARRAY) {
            cf_cbor_array(c);
        } else if (kind == CF_CBOR_MAP) {
            cf_cbor_map(c);
        } else if (kind == CF_CBOR_TAG) {
            fail(c, CF_ERR_WRONG_TYPE);
        } else {
            cf_cbor_skip(c);
        }
        if (c->depth > PAYLOAD_DEPTH_MAX) {
            fail(c, CF_ERR_DEPTH);
        }
    } while (cf_cbor_err(c) == CF_OK && c->depth > base);
}

static void read_unknown(cf_cbor *c, cf_view name, seen *s)
{
    for (size_t i = 0; i < s->unknown_n; i++) {
        if (cf_view_eq(s->unknown[i], name)) {
            fail(c, CF_ERR_DUPLICATE);
            return;
        }
    }
    if (s->unknown_n == UNKNOWN_MEMBERS_MAX) {
        fail(c, CF_ERR_SIZE);
        return;
    }
    s->unknown[s->unknown_n] = name;
    s->unknown_n++;
    skip_value(c);
}

static void read_member(cf_cbor *c, cf_attest_payload *p, seen *s)
{
    cf_view name = cf_cbor_text(c);
    if (cf_cbor_err(c) != CF_OK) {
        return;
    }
    for (size_t i = 0; i < MEMBERS; i++) {
        if (!cf_view_eq(name, cf_view_str(members[i].name))) {
            continue;
        }
        if ((s->known >> i & 1) != 0) {
            fail(c, CF_ERR_DUPLICATE);
            return;
        }
        s->known |= (uint32_t)1 << i;
        members[i].read(c, p);
        return;
    }
    read_unknown(c, name, s);
}

CF_MUST_USE cf_result cf_attest_payload_parse(cf_view payload, cf_attest_payload *ret)
{
    *ret = (cf_attest_payload){.timestamp_ms = 0};
    cf_attest_payload p = *ret;
    seen s = {.known = 0};
    cf_cbor c = cf_cbor_lenient(payload);
    cf_cbor_map(&c);
    while (cf_cbor_more(&c)) {
        read_member(&c, &p, &s);
    }
    CF_TRY(cf_cbor_end(&c));
    for (size_t i = 0; i < MEMBERS; i++) {
        CF_REQUIRE(!members[i].required || (s.known >> i & 1) != 0, MISSING);
    }
    CF_REQUIRE(cf_attest_payload_ok(&p), RANGE);
    *ret = p;
    return cf_ok();
}

static bool optional_ok(bool has, cf_view v)
{
    return has ? v.len <= CF_ATTEST_DATA_BYTES_MAX : v.len == 0;
}

static bool cert_ok(cf_view cert)
{
    return cert.len >= 1 && cert.len <= CF_ATTEST_CERT_BYTES_MAX;
}

bool cf_attest_payload_ok(const cf_attest_payload *p)
{
    size_t pcrs = 0;
    for (size_t i = 0; i < CF_PCR_COUNT; i++) {
        if (p->pcrs[i].len != 0 && p->pcrs[i].len != CF_PCR_BYTES_SHA384) {
            return false;
        }
        pcrs += p->pcrs[i].len != 0;
    }
    if (p->cabundle_n < 1 || p->cabundle_n > CF_CHAIN_CERTS_MAX) {
        return false;
    }
    for (size_t i = 0; i < p->cabundle_n; i++) {
        if (!cert_ok(p->cabundle[i])) {
            return false;
        }
    }
    return pcrs > 0 && cert_ok(p->certificate) && p->module_id.len >= 1 &&
           p->module_id.len <= CF_ATTEST_MODULE_ID_BYTES_MAX && p->timestamp_ms >= 1 &&
           p->timestamp_ms <= TIMESTAMP_MS_MAX && optional_ok(p->has_public_key, p->public_key) &&
           optional_ok(p->has_user_data, p->user_data) && optional_ok(p->has_nonce, p->nonce);
}
