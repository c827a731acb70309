/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/nsm.h"

#include "core/attest/attest_priv.h"

/* Serde's "externally tagged" enums: a message without members is its name as text, one with members
 * a map of one pair, {name: {members}}. */
static const struct {
    const char *name;
    bool bare_request, bare_response;
} ops[] = {
    [CF_NSM_DESCRIBE_PCR] = {"DescribePCR", false, false},
    [CF_NSM_EXTEND_PCR] = {"ExtendPCR", false, false},
    [CF_NSM_LOCK_PCR] = {"LockPCR", false, true},
    [CF_NSM_LOCK_PCRS] = {"LockPCRs", false, true},
    [CF_NSM_DESCRIBE] = {"DescribeNSM", true, false},
    [CF_NSM_ATTESTATION] = {"Attestation", false, false},
    [CF_NSM_GET_RANDOM] = {"GetRandom", true, false},
};
_Static_assert(sizeof ops / sizeof ops[0] == CF_NSM_OP_COUNT, "every operation has a row");

static const char *const errors[] = {
    [CF_NSM_SUCCESS] = "Success",
    [CF_NSM_INVALID_ARGUMENT] = "InvalidArgument",
    [CF_NSM_INVALID_INDEX] = "InvalidIndex",
    [CF_NSM_INVALID_RESPONSE] = "InvalidResponse",
    [CF_NSM_READ_ONLY_INDEX] = "ReadOnlyIndex",
    [CF_NSM_INVALID_OPERATION] = "InvalidOperation",
    [CF_NSM_BUFFER_TOO_SMALL] = "BufferTooSmall",
    [CF_NSM_INPUT_TOO_LARGE] = "InputTooLarge",
    [CF_NSM_INTERNAL_ERROR] = "InternalError",
};
_Static_assert(sizeof errors / sizeof errors[0] == CF_NSM_ERROR_COUNT, "every error has a name");

#define BIT(op) ((uint32_t)1 << (op))

/* --- members of messages, read by table --- */

typedef struct {
    const char *name;
    uint32_t in;   /* operations that have it */
    bool required; /* there */
    void (*read)(cf_cbor *c, void *message);
} member;

static uint16_t read_u16(cf_cbor *c)
{
    uint64_t n = cf_cbor_uint(c);
    if (n > UINT16_MAX) {
        cf_reader_fail(&c->in, CF_ERR_RANGE);
        return 0;
    }
    return (uint16_t)n;
}

static void read_optional(cf_cbor *c, bool *ret_has, cf_view *ret)
{
    if (!cf_cbor_take_null(c)) {
        *ret = cf_cbor_bytes(c);
        *ret_has = cf_cbor_err(c) == CF_OK;
    }
}

static void request_index(cf_cbor *c, void *message)
{
    cf_nsm_request *m = message;
    m->index = read_u16(c);
}

static void request_data(cf_cbor *c, void *message)
{
    cf_nsm_request *m = message;
    m->data = cf_cbor_bytes(c);
}

static void request_user_data(cf_cbor *c, void *message)
{
    cf_nsm_request *m = message;
    read_optional(c, &m->has_user_data, &m->user_data);
}

static void request_nonce(cf_cbor *c, void *message)
{
    cf_nsm_request *m = message;
    read_optional(c, &m->has_nonce, &m->nonce);
}

static void request_public_key(cf_cbor *c, void *message)
{
    cf_nsm_request *m = message;
    read_optional(c, &m->has_public_key, &m->public_key);
}

static const member request_members[] = {
    {"index", BIT(CF_NSM_DESCRIBE_PCR) | BIT(CF_NSM_EXTEND_PCR) | BIT(CF_NSM_LOCK_PCR), true,
     request_index},
    {"range", BIT(CF_NSM_LOCK_PCRS), true, request_index},
    {"data", BIT(CF_NSM_EXTEND_PCR), true, request_data},
    {"user_data", BIT(CF_NSM_ATTESTATION), false, request_user_data},
    {"nonce", BIT(CF_NSM_ATTESTATION), false, request_nonce},
    {"public_key", BIT(CF_NSM_ATTESTATION), false, request_public_key},
};

static void response_lock(cf_cbor *c, void *message)
{
    cf_nsm_response *m = message;
    m->lock = cf_cbor_bool(c);
}

static void response_data(cf_cbor *c, void *message)
{
    cf_nsm_response *m = message;
    m->data = cf_cbor_bytes(c);
}

static void response_version_major(cf_cbor *c, void *message)
{
    cf_nsm_response *m = message;
    m->version[0] = read_u16(c);
}

static void response_version_minor(cf_cbor *c, void *message)
{
    cf_nsm_response *m = message;
    m->version[1] = read_u16(c);
}

static void response_version_patch(cf_cbor *c, void *message)
{
    cf_nsm_response *m = message;
    m->version[2] = read_u16(c);
}

static void response_module_id(cf_cbor *c, void *message)
{
    cf_nsm_response *m = message;
    m->module_id = cf_cbor_text(c);
}

static void response_max_pcrs(cf_cbor *c, void *message)
{
    cf_nsm_response *m = message;
    m->max_pcrs = read_u16(c);
}

static void response_locked_pcrs(cf_cbor *c, void *message)
{
    cf_nsm_response *m = message;
    cf_cbor_array(c);
    while (cf_cbor_more(c)) {
        uint64_t index = cf_cbor_uint(c);
        if (index >= CF_PCR_COUNT) {
            cf_reader_fail(&c->in, CF_ERR_RANGE);
            return;
        }
        m->locked_pcrs |= BIT(index);
    }
}

static void response_digest(cf_cbor *c, void *message)
{
    (void)message;
    cf_view digest = cf_cbor_text(c);
    if (cf_cbor_err(c) == CF_OK && !cf_view_eq(digest, CF_LIT(CF_ATTEST_DIGEST))) {
        cf_reader_fail(&c->in, CF_ERR_UNSUPPORTED);
    }
}

static const member response_members[] = {
    {"lock", BIT(CF_NSM_DESCRIBE_PCR), true, response_lock},
    {"data", BIT(CF_NSM_DESCRIBE_PCR) | BIT(CF_NSM_EXTEND_PCR), true, response_data},
    {"document", BIT(CF_NSM_ATTESTATION), true, response_data},
    {"random", BIT(CF_NSM_GET_RANDOM), true, response_data},
    {"version_major", BIT(CF_NSM_DESCRIBE), true, response_version_major},
    {"version_minor", BIT(CF_NSM_DESCRIBE), true, response_version_minor},
    {"version_patch", BIT(CF_NSM_DESCRIBE), true, response_version_patch},
    {"module_id", BIT(CF_NSM_DESCRIBE), true, response_module_id},
    {"max_pcrs", BIT(CF_NSM_DESCRIBE), true, response_max_pcrs},
    {"locked_pcrs", BIT(CF_NSM_DESCRIBE), true, response_locked_pcrs},
    {"digest", BIT(CF_NSM_DESCRIBE), true, response_digest},
};

#define REQUEST_MEMBERS (sizeof request_members / sizeof request_members[0])
#define RESPONSE_MEMBERS (sizeof response_members / sizeof response_members[0])
_Static_assert(REQUEST_MEMBERS <= 32 && RESPONSE_MEMBERS <= 32,
               "members seen are noted in 32 bits");

/* Which members a kind of message may have. */
typedef struct {
    const member *members;
    size_t n;
    bool skip_unknown;
} grammar;

static const grammar request_grammar = {request_members, REQUEST_MEMBERS, false};
static const grammar response_grammar = {response_members, RESPONSE_MEMBERS, true};

/* Row of the member of this operation, or g->n. */
static size_t find_member(const grammar *g, cf_nsm_op op, cf_view name)
{
    size_t i = 0;
    while (i < g->n && !((g->members[i].in & BIT(op)) != 0 &&
                         cf_view_eq(name, cf_view_str(g->members[i].name)))) {
        i++;
    }
    return i;
}

static void read_members(cf_cbor *c, const grammar *g, cf_nsm_op op, void *message)
{
    uint32_t seen = 0;
    cf_cbor_map(c);
    while (cf_cbor_more(c)) {
        size_t i = find_member(g, op, cf_cbor_text(c));
        if (i == g->n && g->skip_unknown) {
            cf_cbor_skip(c);
        } else if (i == g->n) {
            cf_reader_fail(&c->in, CF_ERR_UNKNOWN_MEMBER);
        } else if ((seen & BIT(i)) != 0) {
            cf_reader_fail(&c->in, CF_ERR_DUPLICATE);
        } else {
            seen |= BIT(i);
            g->members[i].read(c, message);
        }
    }
    for (size_t i = 0; i < g->n; i++) {
        if (g->members[i].required && (g->members[i].in & BIT(op)) != 0 && (seen & BIT(i)) == 0) {
            cf_reader_fail(&c->in, CF_ERR_MISSING);
        }
    }
}

/* Operation of that name; UNSUPPORTED kept when there is none. */
static cf_nsm_op read_op(cf_cbor *c, cf_view name)
{
    for (unsigned op = 0; op < CF_NSM_OP_COUNT; op++) {
        if (cf_view_eq(name, cf_view_str(ops[op].name))) {
            return (cf_nsm_op)op;
        }
    }
    cf_reader_fail(&c->in, CF_ERR_UNSUPPORTED);
    return CF_NSM_OP_COUNT;
}

static cf_nsm_error read_error(cf_cbor *c)
{
    cf_view name = cf_cbor_text(c);
    for (unsigned e = 0; e < CF_NSM_ERROR_COUNT; e++) {
        if (cf_view_eq(name, cf_view_str(errors[e]))) {
            return (cf_nsm_error)e;
        }
    }
    cf_reader_fail(&c->in, CF_ERR_MALFORMED);
    return CF_NSM_INTERNAL_ERROR;
}

/* A message of the right shape for its operation: bare where the table says so, else with members. */
static bool shape_ok(cf_cbor *c, bool is_bare, bool should_be_bare)
{
    if (cf_cbor_err(c) == CF_OK && is_bare != should_be_bare) {
        cf_reader_fail(&c->in, CF_ERR_WRONG_TYPE);
    }
    return cf_cbor_err(c) == CF_OK;
}

CF_MUST_USE cf_result cf_nsm_request_decode(cf_view in, cf_nsm_request *ret)
{
    *ret = (cf_nsm_request){.op = CF_NSM_OP_COUNT};
    CF_REQUIRE(in.len <= CF_NSM_REQUEST_BYTES_MAX, SIZE);
    cf_nsm_request m = *ret;
    cf_cbor c = cf_cbor_lenient(in);
    bool bare = cf_cbor_peek(&c) == CF_CBOR_TEXT;
    if (!bare) {
        cf_cbor_map(&c);
    }
    m.op = read_op(&c, cf_cbor_text(&c));
    if (shape_ok(&c, bare, m.op < CF_NSM_OP_COUNT && ops[m.op].bare_request) && !bare) {
        read_members(&c, &request_grammar, m.op, &m);
        cf_cbor_leave(&c);
    }
    CF_TRY(cf_cbor_end(&c));
    *ret = m;
    return cf_ok();
}

CF_MUST_USE cf_result cf_nsm_response_decode(cf_view in, cf_nsm_response *ret)
{
    *ret = (cf_nsm_response){.error = CF_NSM_INTERNAL_ERROR, .op = CF_NSM_OP_COUNT};
    CF_REQUIRE(in.len <= CF_NSM_RESPONSE_BYTES_MAX, SIZE);
    cf_nsm_response m = {.error = CF_NSM_SUCCESS, .op = CF_NSM_OP_COUNT};
    cf_cbor c = cf_cbor_lenient(in);
    bool bare = cf_cbor_peek(&c) == CF_CBOR_TEXT;
    if (!bare) {
        cf_cbor_map(&c);
    }
    cf_view name = cf_cbor_text(&c);
    if (!bare && cf_view_eq(name, CF_LIT("Error"))) {
        m.error = read_error(&c);
        cf_cbor_leave(&c);
    } else {
        m.op = read_op(&c, name);
        if (shape_ok(&c, bare, m.op < CF_NSM_OP_COUNT && ops[m.op].bare_response) && !bare) {
            read_members(&c, &response_grammar, m.op, &m);
            cf_cbor_leave(&c);
        }
    }
    CF_TRY(cf_cbor_end(&c));
    *ret = m;
    return cf_ok();
}

/* --- writing --- */

static void put_uint(cf_writer *w, const char *name, uint16_t n)
{
    cf_cbor_put_text(w, cf_view_str(name));
    cf_cbor_put_uint(w, n);
}

static void put_bytes(cf_writer *w, const char *name, cf_view v)
{
    cf_cbor_put_text(w, cf_view_str(name));
    cf_cbor_put_bytes(w, v);
}

static void put_optional(cf_writer *w, const char *name, bool has, cf_view v)
{
    cf_cbor_put_text(w, cf_view_str(name));
    if (has) {
        cf_cbor_put_bytes(w, v);
    } else {
        cf_cbor_put_null(w);
    }
}

static void put_request_members(cf_writer *w, const cf_nsm_request *m)
{
    switch (m->op) {
    case CF_NSM_DESCRIBE_PCR:
    case CF_NSM_LOCK_PCR:
        cf_cbor_put_map(w, 1);
        put_uint(w, "index", m->index);
        break;
    case CF_NSM_EXTEND_PCR:
        cf_cbor_put_map(w, 2);
        put_uint(w, "index", m->index);
        put_bytes(w, "data", m->data);
        break;
    case CF_NSM_LOCK_PCRS:
        cf_cbor_put_map(w, 1);
        put_uint(w, "range", m->index);
        break;
    case CF_NSM_ATTESTATION:
        cf_cbor_put_map(w, 3);
        put_optional(w, "user_data", m->has_user_data, m->user_data);
        put_optional(w, "nonce", m->has_nonce, m->nonce);
        put_optional(w, "public_key", m->has_public_key, m->public_key);
        break;
    case CF_NSM_DESCRIBE:
    case CF_NSM_GET_RANDOM:
    case CF_NSM_OP_COUNT:
        break;
    }
}

static void put_locked(cf_writer *w, uint32_t locked)
{
    size_t n = 0;
    for (unsigned i = 0; i < CF_PCR_COUNT; i++) {
        n += (locked & BIT(i)) != 0;
    }
    cf_cbor_put_text(w, CF_LIT("locked_pcrs"));
    cf_cbor_put_array(w, n);
    for (unsigned i = 0; i < CF_PCR_COUNT; i++) {
        if ((locked & BIT(i)) != 0) {
            cf_cbor_put_uint(w, i);
        }
    }
}

static void put_describe(cf_writer *w, const cf_nsm_response *m)
{
    cf_cbor_put_map(w, 7);
    put_uint(w, "version_major", m->version[0]);
    put_uint(w, "version_minor", m->version[1]);
    put_uint(w, "version_patch", m->version[2]);
    cf_cbor_put_text(w, CF_LIT("module_id"));
    cf_cbor_put_text(w, m->module_id);
    put_uint(w, "max_pcrs", m->max_pcrs);
    put_locked(w, m->locked_pcrs);
    cf_cbor_put_text(w, CF_LIT("digest"));
    cf_cbor_put_text(w, CF_LIT(CF_ATTEST_DIGEST));
}

static void put_response_members(cf_writer *w, const cf_nsm_response *m)
{
    switch (m->op) {
    case CF_NSM_DESCRIBE_PCR:
        cf_cbor_put_map(w, 2);
        cf_cbor_put_text(w, CF_LIT("lock"));
        cf_cbor_put_bool(w, m->lock);
        put_bytes(w, "data", m->data);
        break;
    case CF_NSM_EXTEND_PCR:
        cf_cbor_put_map(w, 1);
        put_bytes(w, "data", m->data);
        break;
    case CF_NSM_DESCRIBE:
        put_describe(w, m);
        break;
    case CF_NSM_ATTESTATION:
        cf_cbor_put_map(w, 1);
        put_bytes(w, "document", m->data);
        break;
    case CF_NSM_GET_RANDOM:
        cf_cbor_put_map(w, 1);
        put_bytes(w, "random", m->data);
        break;
    case CF_NSM_LOCK_PCR:
    case CF_NSM_LOCK_PCRS:
    case CF_NSM_OP_COUNT:
        break;
    }
}

CF_MUST_USE cf_result cf_nsm_request_encode(const cf_nsm_request *m, cf_buf *out)
{
    CF_REQUIRE((unsigned)m->op < CF_NSM_OP_COUNT, ARGUMENT);
    CF_BUF(octets);
    cf_writer w = cf_writer_to(&octets, CF_NSM_REQUEST_BYTES_MAX);
    if (!ops[m->op].bare_request) {
        cf_cbor_put_map(&w, 1);
    }
    cf_cbor_put_text(&w, cf_view_str(ops[m->op].name));
    put_request_members(&w, m);
    CF_TRY(cf_write_end(&w));
    return cf_buf_append(out, cf_buf_view(&octets));
}

CF_MUST_USE cf_result cf_nsm_response_encode(const cf_nsm_response *m, cf_buf *out)
{
    bool failed = m->error != CF_NSM_SUCCESS;
    CF_REQUIRE((unsigned)m->error < CF_NSM_ERROR_COUNT, ARGUMENT);
    CF_REQUIRE(failed || (unsigned)m->op < CF_NSM_OP_COUNT, ARGUMENT);
    CF_BUF(octets);
    cf_writer w = cf_writer_to(&octets, CF_NSM_RESPONSE_BYTES_MAX);
    if (failed) {
        cf_cbor_put_map(&w, 1);
        cf_cbor_put_text(&w, CF_LIT("Error"));
        cf_cbor_put_text(&w, cf_view_str(errors[m->error]));
    } else {
        if (!ops[m->op].bare_response) {
            cf_cbor_put_map(&w, 1);
        }
        cf_cbor_put_text(&w, cf_view_str(ops[m->op].name));
        put_response_members(&w, m);
    }
    CF_TRY(cf_write_end(&w));
    return cf_buf_append(out, cf_buf_view(&octets));
}
