/* SPDX-License-Identifier: Apache-2.0 */
/* A set of IAM credentials, and how asking for one can go wrong. */
#pragma once
#include "host/credentials/limits.h"

/** The three texts and when they end. The buffers wipe; nothing here is ever printed. */
typedef struct {
    cf_buf access_key_id, secret_key, session_token; /* the last may be empty */
    uint64_t expires_ms;                             /* since 1970; 0: never */
} cf_creds;
/** A set that frees itself on every way out of the scope. */
#define CF_CREDS(name) CF_AUTO(cf_creds_free) cf_creds name = {{0}, {0}, {0}, 0}
void cf_creds_free(cf_creds *c);

/** Takes copies. error EMPTY no id or key; SIZE over a limit of core/wire; MALFORMED anything but visible ASCII; NO_MEMORY. *ret is as
 *  before after an error. */
CF_MUST_USE cf_result cf_creds_set(cf_creds *ret, cf_view access_key_id, cf_view secret_key,
                                   cf_view session_token, uint64_t expires_ms);
/** Also of the times. */
bool cf_creds_same(const cf_creds *a, const cf_creds *b);
/** now_ms: since 1970. */
bool cf_creds_ended(const cf_creds *c, uint64_t now_ms);
/** Appends the body of the CREDENTIALS message. error SIZE, NO_MEMORY. */
CF_MUST_USE cf_result cf_creds_put(const cf_creds *c, cf_buf *out);

/** Where credentials come from, in the order in which AWS's own clients look. */
#define CF_CREDS_SOURCES(X)                                                                        \
    X(ENV, "env")                                                                                  \
    X(WEB_IDENTITY, "web-identity")                                                                \
    X(PROFILE, "profile")                                                                          \
    X(CONTAINER, "container")                                                                      \
    X(IMDS, "imds")                                                                                \
    X(FILE, "file") /* of our own form; asked for by its path alone */
typedef enum {
#define CF_CREDS_MEMBER(sym, name) CF_CREDS_FROM_##sym,
    CF_CREDS_SOURCES(CF_CREDS_MEMBER)
#undef CF_CREDS_MEMBER
        CF_CREDS_SOURCE_COUNT
} cf_creds_source;
/** "imds"; "none" for what is no source. Static storage. */
const char *cf_creds_source_name(cf_creds_source s);
/** False when no source has that name. */
bool cf_creds_source_of(cf_view name, cf_creds_source *ret);

/** What went wrong: symbol, stable code, sentence. */
#define CF_CREDS_FAULTS(X)                                                                         \
    X(NONE, "ok", "nothing")                                                                       \
    X(ABSENT, "credentials_absent", "nothing is configured there")                                 \
    X(SETTINGS, "credentials_settings", "a setting is incomplete, wrong or cannot be read")        \
    X(UNSUPPORTED, "credentials_unsupported",                                                      \
      "the profile gets its credentials in a way that is not supported here")                      \
    X(REFUSED, "credentials_refused", "the source refused")                                        \
    X(UNAVAILABLE, "credentials_unavailable", "the source cannot be reached or cannot answer now") \
    X(TIMEOUT, "credentials_timeout", "the source did not answer in time")                         \
    X(ANSWER, "credentials_bad_answer", "the source answered outside its protocol")                \
    X(EXPIRED, "credentials_expired", "the source gave credentials that have ended")               \
    X(SYSTEM, "credentials_system", "memory or entropy could not be had")
typedef enum {
#define CF_CREDS_MEMBER(sym, code, text) CF_CREDS_##sym,
    CF_CREDS_FAULTS(CF_CREDS_MEMBER)
#undef CF_CREDS_MEMBER
        CF_CREDS_FAULT_COUNT
} cf_creds_fault;
const char *cf_creds_fault_code(cf_creds_fault f);
const char *cf_creds_fault_text(cf_creds_fault f);

/** One attempt's story: no value of it is the source's or the user's. */
typedef struct {
    cf_creds_source source;
    cf_creds_fault fault;
    cf_err cause;
    const char *what; /* the setting, file or step; static text, never NULL once there is a fault */
    unsigned status;  /* of HTTP, or 0 */
} cf_creds_story;

/** r as it is; a failure is noted under that fault, NO_MEMORY under SYSTEM. */
CF_MUST_USE cf_result cf_creds_blame(cf_result r, cf_creds_story *s, cf_creds_fault fault,
                                     const char *what);
/** A failure with this cause unless cond holds. */
CF_MUST_USE cf_result cf_creds_need(bool cond, cf_creds_story *s, cf_creds_fault fault,
                                    cf_err cause, const char *what);
