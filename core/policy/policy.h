/* SPDX-License-Identifier: Apache-2.0 */
/* Key policies: parsed once when they are set, decided on every request. docs/formats/kms-blob.md section 4. No I/O. */
#pragma once
#include "core/attest/attest.h"

#define CF_POLICY_BYTES_MAX 32768           /* the service's quota; its model says 131,072 */
#define CF_POLICY_VALUE_BYTES_MAX 2048      /* one principal, action or condition value */
#define CF_POLICY_ARENA_BYTES_MAX (1 << 20) /* "a", in a list takes 4 octets of text and 32 here */

/** A parsed policy. Opaque; read by any number of threads. */
typedef struct cf_policy cf_policy;

/** error MALFORMED, with a sentence for the caller (static, no value from the text) in *ret_why; SIZE over CF_POLICY_BYTES_MAX;
 *        NO_MEMORY */
CF_MUST_USE cf_result cf_policy_parse(cf_view text, cf_policy **ret, const char **ret_why);
void cf_policy_free(cf_policy **p);

/** One pair of an encryption context. */
typedef struct {
    cf_view name, value;
} cf_policy_pair;

/** What a request brings along. Views are borrowed for the call. */
typedef struct {
    cf_view action;             /* "kms:Decrypt" */
    cf_view caller;             /* ARN */
    cf_view account;            /* 12 digits */
    cf_view account_root;       /* ARN */
    cf_view pcrs[CF_PCR_COUNT]; /* lower-case hex from a verified document; empty: not there */
    const cf_policy_pair *context;
    size_t context_n;
} cf_policy_request;

typedef enum { CF_POLICY_NO_ALLOW, CF_POLICY_DENIED, CF_POLICY_ALLOWED } cf_policy_decision;

/** ASCII letters folded: how policies compare names of actions and condition keys. */
bool cf_policy_eq_fold(cf_view a, cf_view b);

cf_policy_decision cf_policy_decide(const cf_policy *p, const cf_policy_request *q);
