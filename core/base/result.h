/* SPDX-License-Identifier: Apache-2.0 */
/* Results: a struct that cannot be mistaken for a length or a bool, and the two macros that act on it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CF_MUST_USE __attribute__((warn_unused_result))
#define CF_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define CF_AUTO(fn) __attribute__((cleanup(fn)))
/* A local array that its owner clears or writes before anybody reads it: the compiler, which is told to clear all locals, leaves it out. */
#define CF_UNCLEARED __attribute__((uninitialized))

/* Every error of the product, in one table: symbol, stable code as users see it, sentence without values.
 * The stable code is part of the API: never renamed, never reused. */
#define CF_ERRORS(X)                                                                               \
    /* what any parser or buffer may say */                                                        \
    X(TRUNCATED, "truncated", "the input ends too early")                                          \
    X(TRAILING, "trailing_bytes", "the input goes on after its end")                               \
    X(MALFORMED, "malformed", "the input breaks its format")                                       \
    X(DUPLICATE, "duplicate", "a name appears twice")                                              \
    X(DEPTH, "too_deep", "the input is nested too deeply")                                         \
    X(SIZE, "too_large", "a size is over its limit")                                               \
    X(RANGE, "out_of_range", "a number is outside its range")                                      \
    X(UTF8, "not_utf8", "text is not valid UTF-8")                                                 \
    X(UNSUPPORTED, "unsupported", "the version, suite or operation is not supported")              \
    X(ARGUMENT, "bad_argument", "a caller passed an argument that breaks the contract")            \
    X(NO_MEMORY, "no_memory", "memory could not be had")                                           \
    X(STATE, "wrong_state", "the operation is not allowed in this state")                          \
    /* the system underneath */                                                                    \
    X(IO, "io_error", "an input or output operation failed")                                       \
    X(CLOSED, "closed", "the other side closed the connection")                                    \
    X(TIMEOUT, "timeout", "the deadline passed")                                                   \
    X(BUSY, "busy", "too many requests are in flight")                                             \
    X(NOT_PERMITTED, "not_permitted", "the system refused the operation")                          \
    X(NOT_FOUND, "not_found", "there is no such thing")                                            \
    X(EXISTS, "already_exists", "it exists already")                                               \
    X(INTERNAL, "internal", "an internal check failed")                                            \
    X(TLS, "tls_failed", "the TLS connection broke its protocol")                                  \
    /* cryptography; the receive path tells one undifferentiated failure */                        \
    X(CRYPTO, "crypto_failed", "the cryptographic library failed")                                 \
    X(KEY, "bad_key", "a key is not valid for its algorithm")                                      \
    X(OPEN, "open_failed", "the sealed value does not open")                                       \
    X(SIGNATURE, "bad_signature", "a signature does not verify")                                   \
    X(CHAIN, "bad_chain", "the certificate chain does not hold")                                   \
    X(ENTROPY, "no_entropy", "the random source failed")                                           \
    X(LIMIT, "message_limit", "the context has sealed all it may")                                 \
    /* attestation and KMS */                                                                      \
    X(ATTESTATION, "bad_attestation", "the attestation document is refused")                       \
    X(STALE, "stale", "the document is too old or from the future")                                \
    X(NSM, "nsm_failed", "the security module refused the request")                                \
    X(KMS_REFUSED, "kms_refused", "the key service refused the request")                           \
    X(KMS_UNAVAILABLE, "kms_unavailable", "the key service cannot be reached")                     \
    X(KMS_ANSWER, "kms_bad_answer", "the key service answered outside its protocol")               \
    /* vaults */                                                                                   \
    X(NOT_SET, "not_set", "the field has no value")                                                \
    X(UNKNOWN_FIELD, "unknown_field", "the schema has no such field")                              \
    X(RESERVED_FIELD, "reserved_field", "the name is reserved")                                    \
    X(BAD_NAME, "bad_name", "the name has characters or a length that names may not have")         \
    X(BAD_VALUE, "bad_value", "the value does not meet the schema")                                \
    X(WRONG_TYPE, "wrong_type", "the value has the wrong type")                                    \
    X(MISSING, "missing", "a required member is missing")                                          \
    X(UNKNOWN_MEMBER, "unknown_member", "the member is not known here")                            \
    X(EMPTY, "empty", "something must be given")                                                   \
    X(VAULT_UNKNOWN, "vault_unknown", "there is no such vault")                                    \
    X(VERSION_MISMATCH, "version_mismatch", "the vault has changed since that version")            \
    X(ROW_ALTERED, "row_altered", "the stored row was changed outside the service")                \
    X(AUDIT_ALTERED, "audit_altered", "the audit log was changed outside the service")             \
    /* expressions and patterns */                                                                 \
    X(BUDGET, "budget_exceeded", "the expression or pattern costs more than its budget")           \
    X(PATTERN, "bad_pattern", "the pattern is not valid RE2 syntax")                               \
    X(CEL_SYNTAX, "cel_syntax", "the expression breaks the grammar")                               \
    X(CEL_NAME, "cel_unknown_name", "there is no variable or function of that name")               \
    X(CEL_TYPE, "cel_no_overload", "the operator or function does not take these types")           \
    X(CEL_FIELD, "cel_no_such_field", "the map has no such key")                                   \
    X(CEL_INDEX, "cel_bad_index", "the index is outside the list or text")                         \
    X(CEL_OVERFLOW, "cel_overflow", "the number or time is outside its range")                     \
    X(CEL_DIVIDE, "cel_divide_by_zero", "a number is divided by zero")                             \
    X(CEL_CONVERT, "cel_conversion", "the value cannot be converted to that type")                 \
    X(CEL_KEY, "cel_bad_key", "a map key has a type that keys may not have or appears twice")      \
    X(CEL_ARGUMENT, "cel_bad_argument", "an argument is outside what the function takes")          \
    X(CEL_NONE, "cel_no_value", "the optional holds no value")                                     \
    X(CEL_INPUT, "cel_input_failed", "the expression reads a field or result that failed")         \
    X(SECRET_UNKNOWN, "secret_unknown", "there is no secret of that name")                         \
    /* access and service */                                                                       \
    X(UNAUTHENTICATED, "unauthenticated", "a valid token is required")                             \
    X(FORBIDDEN, "forbidden", "the token lacks the scope")                                         \
    X(ROUTE_UNKNOWN, "route_unknown", "there is no such path")                                     \
    X(METHOD, "method_not_allowed", "the path does not take this method")                          \
    X(MEDIA_TYPE, "media_type", "the body must be application/json")                               \
    X(ENCLAVE_UNAVAILABLE, "enclave_unavailable", "no enclave can answer now")                     \
    X(STORE_UNAVAILABLE, "store_unavailable", "the store cannot take or give data now")            \
    X(AUDIT_UNAVAILABLE, "audit_unavailable", "the audit entry could not be made durable")

typedef enum {
    CF_OK = 0,
#define CF_ERR_MEMBER(sym, code, text) CF_ERR_##sym,
    CF_ERRORS(CF_ERR_MEMBER)
#undef CF_ERR_MEMBER
        CF_ERR_COUNT
} cf_err;

/** The outcome of a call: code is CF_OK or one cf_err. A struct, so that it must be looked at. */
typedef struct {
    cf_err code;
} cf_result;

static inline CF_MUST_USE cf_result cf_ok(void)
{
    return (cf_result){CF_OK};
}

static inline CF_MUST_USE cf_result cf_fail(cf_err code)
{
    return (cf_result){code};
}

static inline CF_MUST_USE bool cf_is_ok(cf_result r)
{
    return r.code == CF_OK;
}

/** Drops a result on purpose: for clean-up paths in which nothing more can be done. */
static inline void cf_ignore(cf_result r)
{
    (void)r;
}

/** Leaves the function with the callee's error. Locals must clean up by CF_AUTO. */
#define CF_TRY(call)                                                                               \
    do {                                                                                           \
        cf_result cf_r_ = (call);                                                                  \
        if (CF_UNLIKELY(cf_r_.code != CF_OK)) {                                                    \
            return cf_r_;                                                                          \
        }                                                                                          \
    } while (0)

/** Leaves the function with CF_ERR_<err> unless cond holds. */
#define CF_REQUIRE(cond, err)                                                                      \
    do {                                                                                           \
        if (CF_UNLIKELY(!(cond))) {                                                                \
            return cf_fail(CF_ERR_##err);                                                          \
        }                                                                                          \
    } while (0)

/** Stable code of an error ("row_altered"); "ok" for CF_OK, "internal" for what is no cf_err. Static storage. */
const char *cf_err_code(cf_err err);

/** One sentence for people, without any value from the input. Static storage. */
const char *cf_err_text(cf_err err);

/** The cf_err whose stable code is the NUL-terminated text; CF_ERR_INTERNAL when there is none. */
cf_err cf_err_from_code(const char *code);
