/* SPDX-License-Identifier: Apache-2.0 */
/* Grants: in memory by key, and one file each in the state folder. Reading is safe from any thread; who changes holds the service's
 * change lock. */
#pragma once
#include "core/policy/policy.h"
#include "host/kmsd/limits.h"
#include "host/kmsd/state.h"

#define CF_GRANT_NAME_BYTES_MAX 256

/** What a grant may permit: the bit of each, as grant files have it, and its name. */
#define CF_GRANT_OPERATIONS(X)                                                                     \
    X(0, "Decrypt")                                                                                \
    X(1, "Encrypt")                                                                                \
    X(2, "GenerateDataKey")                                                                        \
    X(3, "GenerateDataKeyWithoutPlaintext")                                                        \
    X(4, "ReEncryptFrom")                                                                          \
    X(5, "ReEncryptTo")                                                                            \
    X(6, "Sign")                                                                                   \
    X(7, "Verify")                                                                                 \
    X(8, "GetPublicKey")                                                                           \
    X(9, "CreateGrant")                                                                            \
    X(10, "RetireGrant")                                                                           \
    X(11, "DescribeKey")                                                                           \
    X(12, "GenerateDataKeyPair")                                                                   \
    X(13, "GenerateDataKeyPairWithoutPlaintext")                                                   \
    X(14, "GenerateMac")                                                                           \
    X(15, "VerifyMac")                                                                             \
    X(16, "DeriveSharedSecret")
#define CF_GRANT_OPERATIONS_COUNT 17

/** Name of a bit; the bit of a name, 0 for none of them. */
const char *cf_grant_operation_name(unsigned bit);
uint32_t cf_grant_operation(cf_view name);

typedef enum {
    CF_GRANT_ANY,
    CF_GRANT_SUBSET,
    CF_GRANT_EQUALS,
    CF_GRANT_LIMIT_COUNT
} cf_grant_limit;

/** A grant. Texts NUL-terminated, "" when there is none. */
typedef struct {
    cf_state_name id; /* 64 hex digits */
    cf_uuid key;
    uint64_t created_ms;
    uint32_t operations;
    char name[CF_GRANT_NAME_BYTES_MAX + 1];
    char grantee[CF_KMSD_PRINCIPAL_BYTES_MAX + 1];
    char retiring[CF_KMSD_PRINCIPAL_BYTES_MAX + 1];
    char issuer[CF_KMSD_PRINCIPAL_BYTES_MAX + 1]; /* account that made it: ARN of its root */
    cf_grant_limit limit;
    cf_buf context; /* canonical form of what limit is about */
} cf_grant;

void cf_grant_clear(cf_grant *g);

/** A grant from the octets of its file. error parser codes, OPEN. */
CF_MUST_USE cf_result cf_grant_decode(const cf_secret *root, cf_view octets, cf_grant *ret);

/** Who asks, in the words of a policy's request, and for which operations at once. */
typedef struct {
    uint32_t operations;
    cf_view caller, caller_role;
    const cf_policy_pair *context; /* in rising order of names; read when has_context */
    size_t context_n;
    bool has_context; /* the operation has one, be it empty: only then limits apply */
} cf_grant_ask;

typedef struct cf_grants cf_grants;

/** error IO, NO_MEMORY. Files that do not open are logged and left alone. */
CF_MUST_USE cf_result cf_grants_open(cf_kmsd_state *state, cf_grants **ret);
void cf_grants_free(cf_grants **t);

/** Whether one grant of the key permits what is asked. cost the key's grants, and of those that are limited to a context its octets, up to
 *  CF_KMSD_GRANTS_STEPS_MAX: then no further one of them permits anything, and it is logged */
bool cf_grants_allow(cf_grants *t, const cf_uuid *key, const cf_grant_ask *ask);
/** Whether a grant of the key with CreateGrant lets its grantee make g: no more operations, and no looser limit. */
bool cf_grants_allow_child(cf_grants *t, const cf_uuid *key, const cf_grant_ask *ask,
                           const cf_grant *g);

/** Adds a grant, whose id it makes; takes *g. A grant that has a name and is there already in all but its id is not made again; then
 *  *ret_id is that one's. error LIMIT; IO, … */
CF_MUST_USE cf_result cf_grants_add(cf_grants *t, cf_grant *g, cf_state_name *ret_id);
/** error NOT_FOUND, IO */
CF_MUST_USE cf_result cf_grants_remove(cf_grants *t, const cf_uuid *key, cf_view id);
/** All of a key. error IO: some may be left. */
CF_MUST_USE cf_result cf_grants_remove_all(cf_grants *t, const cf_uuid *key);

typedef struct {
    const cf_uuid *key;            /* NULL: of all keys */
    cf_view id, grantee, retiring; /* empty: any */
    const cf_uuid *after_key;      /* with after: begins behind that grant; NULL: at the start */
    cf_view after;
    size_t max;
} cf_grant_query;
/** Calls fn for each in order of key and id; it runs under the table's lock and must not call back. True when others follow. */
typedef void cf_grant_visit(void *ctx, const cf_grant *g);
bool cf_grants_list(cf_grants *t, const cf_grant_query *q, cf_grant_visit *fn, void *ctx);

/** A token of a grant, appended: text that names it and that nobody else can make. */
CF_MUST_USE cf_result cf_grants_token(cf_grants *t, const cf_uuid *key, cf_view id, cf_buf *out);
/** What a token names; the grant may be gone. error MALFORMED: no token of this service. */
CF_MUST_USE cf_result cf_grants_of_token(cf_grants *t, cf_view token, cf_uuid *ret_key,
                                         cf_state_name *ret_id);
