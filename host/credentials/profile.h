/* SPDX-License-Identifier: Apache-2.0 */
/* One profile of a credentials or config file. Pure; views borrow from the text.
 *
 * Lines: "[name]", or "[profile name]" in a config file, whose "[default]" needs no such word; "key = value" with the key in any case;
 * comments, lines that begin with # or ;. A line that is indented belongs to the key above it. */
#pragma once
#include "host/credentials/limits.h"

#define CF_PROFILE_KEYS(X)                                                                         \
    X(ACCESS_KEY_ID, "aws_access_key_id")                                                          \
    X(SECRET_KEY, "aws_secret_access_key")                                                         \
    X(SESSION_TOKEN, "aws_session_token")                                                          \
    X(ROLE_ARN, "role_arn")                                                                        \
    X(ROLE_SESSION_NAME, "role_session_name")                                                      \
    X(WEB_IDENTITY_FILE, "web_identity_token_file")                                                \
    X(REGION, "region")                                                                            \
    X(SOURCE_PROFILE, "source_profile")                                                            \
    X(CREDENTIAL_SOURCE, "credential_source")                                                      \
    X(CREDENTIAL_PROCESS, "credential_process")                                                    \
    X(SSO_SESSION, "sso_session")                                                                  \
    X(SSO_START_URL, "sso_start_url")                                                              \
    X(LOGIN_SESSION, "login_session")
typedef enum {
#define CF_PROFILE_MEMBER(sym, name) CF_PROFILE_##sym,
    CF_PROFILE_KEYS(CF_PROFILE_MEMBER)
#undef CF_PROFILE_MEMBER
        CF_PROFILE_KEY_COUNT
} cf_profile_key;

typedef struct {
    bool found;
    cf_view values
        [CF_PROFILE_KEY_COUNT]; /* without blanks around them; empty when not there, or empty there */
} cf_profile;

/** Reads the whole file, and takes what its profile of that name has.
 *  error SIZE the file or a line is over its limit; MALFORMED a line that is none of the above, a NUL, a key of ours that goes on in the
 *        next line; DUPLICATE the profile or a key of ours in it a second time. *ret is zero then */
CF_MUST_USE cf_result cf_profile_read(cf_view text, cf_view name, bool config, cf_profile *ret);
