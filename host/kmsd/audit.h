/* SPDX-License-Identifier: Apache-2.0 */
/* Who asked for what, and what came of it: one JSON line per request, appended to a file per day (UTC). docs/kms.md section 6 */
#pragma once
#include "core/base/buf.h"

typedef struct cf_audit cf_audit;

/** One line. Texts NULL or "": left out. Nothing of it is secret, and no value of an encryption context is in it. */
typedef struct {
    uint64_t at_ms;
    const char *request, *caller, *operation, *key, *source_key, *alias, *grant, *outcome;
    const char *principal; /* that was made or taken back: ARN, or the id of an access key */
    cf_view
        context; /* canonical form; its SHA-256 is written, so that two uses can be told to have the same one */
    const char *stage; /* how far verification of an attestation document came */
    cf_view module;    /* of a verified document */
    const char *pcr0;  /* the same */
    bool dry_run;
} cf_audit_entry;

/** Opens the folder, made when it is not there. error IO, NOT_PERMITTED, NO_MEMORY */
CF_MUST_USE cf_result cf_audit_open(const char *state, cf_audit **ret);
void cf_audit_free(cf_audit **a); /* what was written reaches the disk */

/** Written when it returns, so that the end of this process loses nothing; sync: on the disk as well. Thread-safe. error IO: there
 *  is no such line; NO_MEMORY */
CF_MUST_USE cf_result cf_audit_append(cf_audit *a, const cf_audit_entry *e, bool sync);
/** What was written and is not yet on the disk gets there. */
CF_MUST_USE cf_result cf_audit_sync(cf_audit *a);
