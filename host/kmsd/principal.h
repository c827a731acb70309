/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call over TCP: users with access keys, roles, and sessions of roles. docs/formats/kms-principals.md */
#pragma once
#include "core/base/secret.h"
#include "host/kmsd/id.h"

#define CF_KMSD_NAME_BYTES_MAX 64       /* of a user, role or session */
#define CF_KMSD_ACCESS_KEY_BYTES_MAX 64 /* an access key's id; those made here have 20 */
#define CF_KMSD_ACCESS_SECRET_BYTES_MIN 16
#define CF_KMSD_ACCESS_SECRET_BYTES_MAX 64 /* those made here have 40 */
#define CF_KMSD_CALLER_BYTES_MAX 192       /* arn:aws-us-gov:sts::<12>:assumed-role/<64>/<64> */

typedef enum { CF_PRINCIPAL_USER = 1, CF_PRINCIPAL_ROLE = 2 } cf_principal_kind;

/** One access key of a user, or a role, which has none. Texts are NUL-terminated. */
typedef struct {
    cf_principal_kind kind;
    char name[CF_KMSD_NAME_BYTES_MAX + 1];
    char account[CF_KMSD_ACCOUNT_BYTES + 1];
    char access_key_id[CF_KMSD_ACCESS_KEY_BYTES_MAX + 1]; /* "" of a role */
    cf_secret secret;                                     /* of the access key */
    uint64_t created_ms;
} cf_principal;

static inline void cf_principal_wipe(cf_principal *p)
{
    cf_wipe(p, sizeof *p);
}

/** Letters, digits and +=,.@_- as the service has it, 1 to CF_KMSD_NAME_BYTES_MAX. */
bool cf_principal_name_ok(cf_view name);
/** Letters and digits. */
bool cf_principal_key_id_ok(cf_view id);
bool cf_principal_account_ok(cf_view account);

/** A new access key with the prefix (4 letters) before 16 random ones, and its secret. error ENTROPY, NO_MEMORY. */
CF_MUST_USE cf_result cf_principal_make_key(const char *prefix,
                                            char ret_id[static CF_KMSD_ACCESS_KEY_BYTES_MAX + 1],
                                            cf_secret *ret_secret);

/** arn:<partition>:iam::<account>:user/<name>, or role/<name>, NUL-terminated. */
void cf_principal_arn(const char *partition, const cf_principal *p,
                      char ret[static CF_KMSD_CALLER_BYTES_MAX]);

/** A session of a role. The token that carries it is all there is of it. */
typedef struct {
    char access_key_id[CF_KMSD_ACCESS_KEY_BYTES_MAX + 1];
    char role[CF_KMSD_NAME_BYTES_MAX + 1], account[CF_KMSD_ACCOUNT_BYTES + 1];
    char name[CF_KMSD_NAME_BYTES_MAX + 1];
    uint64_t role_created_ms; /* a role of the same name made later is another */
    uint64_t expires_ms;
    cf_secret secret;
} cf_session;

static inline void cf_session_wipe(cf_session *s)
{
    cf_wipe(s, sizeof *s);
}

/** The token's text, appended. key: 32 octets. error ENTROPY, CRYPTO, NO_MEMORY. */
CF_MUST_USE cf_result cf_session_seal(const cf_secret *key, const cf_session *s, cf_buf *out);
/** error OPEN what this key has not sealed; NO_MEMORY. *ret in the zero state after an error. */
CF_MUST_USE cf_result cf_session_open(const cf_secret *key, cf_view token, cf_session *ret);
