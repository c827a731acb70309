/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources share. Each fails with the fault ABSENT when it is not configured. */
#pragma once
#include "host/credentials/chain.h"

struct cf_creds_chain {
    cf_creds_chain_opts opts;
    cf_buf imds_token;
    uint64_t imds_token_end_ms; /* of cf_clock_mono_ms */
};

typedef cf_result cf_creds_source_fn(cf_creds_chain *c, cf_creds *ret, cf_creds_story *s);
cf_creds_source_fn cf_creds_from_env, cf_creds_from_web_identity, cf_creds_from_profile,
    cf_creds_from_container, cf_creds_from_imds, cf_creds_from_file;

/** A setting; the empty view when it is not set, or empty. */
cf_view cf_creds_env(const cf_creds_chain *c, const char *name);
/** A file of the user's, of which "~/" is the home. error ABSENT for one that is not there if may_lack, else SETTINGS. */
CF_MUST_USE cf_result cf_creds_read(const cf_creds_chain *c, cf_view path, size_t max,
                                    bool may_lack, const char *what, cf_creds_story *s,
                                    cf_buf *out);
/** An exchange; how it fails as a fault. */
CF_MUST_USE cf_result cf_creds_ask(cf_creds_chain *c, const cf_creds_request *req, const char *what,
                                   cf_creds_story *s, cf_buf *ret_body);
/** UNAVAILABLE for 429 and 5xx, REFUSED for any other status but 200. */
CF_MUST_USE cf_result cf_creds_status(cf_creds_story *s, const char *what);

/** A role by an identity: what environment and profile have in common. Empty views: not set. */
typedef struct {
    cf_view token_file, role_arn, session_name, region;
    const char *what_file, *what_role, *what_session; /* names of the settings */
} cf_creds_identity;
CF_MUST_USE cf_result cf_creds_assume(cf_creds_chain *c, const cf_creds_identity *id, cf_creds *ret,
                                      cf_creds_story *s);
/** The region of the environment; empty when it tells none. */
cf_view cf_creds_region(const cf_creds_chain *c);
