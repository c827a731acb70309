/* SPDX-License-Identifier: Apache-2.0 */
/* What in a key policy defeats attestation: docs/kms-policies.md section 4. No I/O. */
#pragma once
#include "core/policy/policy.h"

typedef enum { CF_LINT_NOTE, CF_LINT_WARNING, CF_LINT_ERROR } cf_lint_severity;
const char *cf_lint_severity_name(cf_lint_severity s); /* "note", "warning", "error" */

/** Findings: symbol, stable code, severity, sentence. Codes are never renamed. */
#define CF_POLICY_LINTS(X)                                                                         \
    X(ANY_ENCLAVE, "any_enclave", ERROR,                                                           \
      "an attestation document is asked for, but one of any enclave will do")                      \
    X(DEBUG_PCRS, "debug_pcrs", ERROR,                                                             \
      "a register may be all zero, as it is in an enclave in debug mode, which can be looked "     \
      "into")                                                                                      \
    X(GRANT_BYPASS, "grant_bypass", ERROR,                                                         \
      "whoever may create grants can let anyone decrypt: a grant has no attestation condition")    \
    X(IMMUTABLE, "immutable", NOTE, "nobody may set another policy: this one stays for good")      \
    X(NO_CONTEXT, "no_context", WARNING,                                                           \
      "no encryption context is asked for, so any ciphertext of the key can be sent in")           \
    X(NO_EFFECT, "no_effect", WARNING,                                                             \
      "the statement has no Action or no Resource and never takes effect")                         \
    X(NOT_ACTION_ALLOW, "not_action_allow", WARNING,                                               \
      "an Allow with NotAction allows all else, also what the service will learn one day")         \
    X(NOT_PRINCIPAL_ALLOW, "not_principal_allow", ERROR,                                           \
      "an Allow with NotPrincipal is for everyone else, in all accounts")                          \
    X(NOT_UNDERSTOOD, "not_understood", NOTE,                                                      \
      "not evaluated here, so it is taken to be met in an Allow, and not to be met in a Deny")     \
    X(PCR_APPLICATION_ONLY, "pcr_application_only", WARNING,                                       \
      "only PCR2 is held: the same application may run under another kernel")                      \
    X(PCR_KERNEL_ONLY, "pcr_kernel_only", ERROR,                                                   \
      "only PCR1 is held: it is that of the kernel, which all images of one tool share")           \
    X(PCR_PARENT_ONLY, "pcr_parent_only", ERROR,                                                   \
      "only PCR3 or PCR4 is held: who starts the enclave, not what runs in it")                    \
    X(PCR_SIGNER_ONLY, "pcr_signer_only", NOTE,                                                    \
      "only PCR8 is held: any image of that signer, old ones too, will do")                        \
    X(PCR_VALUE, "pcr_value", WARNING,                                                             \
      "a register's value is not 96 lower-case hex digits, so no document ever has it")            \
    X(PCR_WILDCARD, "pcr_wildcard", ERROR,                                                         \
      "a register is compared with a pattern, which other images can match")                       \
    X(POLICY_WRITER_DECRYPTS, "policy_writer_decrypts", ERROR,                                     \
      "who may decrypt when attested may also set the policy, and so take the condition away")     \
    X(POLICY_WRITERS, "policy_writers", ERROR,                                                     \
      "too many may set the policy; each of them can take the attestation away")                   \
    X(REENCRYPT, "reencrypt", ERROR,                                                               \
      "ReEncrypt cannot be attested: it moves ciphertexts to a key that the caller may decrypt "   \
      "with")                                                                                      \
    X(REPLICATE, "replicate", WARNING,                                                             \
      "a replica of a multi-Region key has a policy of its own, without these conditions")         \
    X(ROOT_STATEMENT, "root_statement", ERROR,                                                     \
      "a whole account may decrypt without attestation: IAM policies decide who")                  \
    X(UNATTESTED, "unattested", ERROR, "plaintext is given without attestation")                   \
    X(UNATTESTED_DATA_KEY, "unattested_data_key", WARNING,                                         \
      "new data keys are given in plaintext without attestation")                                  \
    X(UNKNOWN_ACTION, "unknown_action", WARNING, "the action is none of the service's")            \
    X(WILDCARD_PRINCIPAL, "wildcard_principal", ERROR,                                             \
      "everyone in every account is allowed; name the principals")

typedef enum {
#define CF_LINT_MEMBER(sym, code, severity, text) CF_LINT_##sym,
    CF_POLICY_LINTS(CF_LINT_MEMBER)
#undef CF_LINT_MEMBER
        CF_LINT_COUNT
} cf_lint;

const char *cf_lint_code(cf_lint l);
const char *cf_lint_text(cf_lint l);
cf_lint_severity cf_lint_severity_of(cf_lint l);

/** A policy for cf_policy_lint alone. Conditions and other elements of the language that are not evaluated here are noted, where
 *  cf_policy_parse refuses them; of statements with a note the decision lets no Allow apply. *ret_why tells of errors in the JSON the
 *  line, of others the statement.
 *  error as cf_policy_parse */
CF_MUST_USE cf_result cf_policy_parse_for_lint(cf_view text, cf_policy **ret, cf_buf *ret_why);

/** One finding. Views are valid for the call that brings it. */
typedef struct {
    cf_lint lint;
    size_t statement; /* from 1; 0: the policy as a whole */
    cf_view sid;      /* empty: none */
    cf_view about; /* actions, a register, a value or a sentence, printable ASCII; empty: nothing */
} cf_policy_finding;

/** A result other than success ends the lint with it. */
typedef cf_result cf_policy_found(void *ctx, const cf_policy_finding *f);

/** Calls found for every finding, by statement, then by code; those of the whole policy last. Each code once for a statement, but
 *  not_understood for each element.
 *  error what found answers; NO_MEMORY
 *  cost  the square of the numbers of statements and of principals; some 100 ms for the worst policy */
CF_MUST_USE cf_result cf_policy_lint(const cf_policy *p, cf_policy_found *found, void *ctx);
