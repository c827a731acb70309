/* SPDX-License-Identifier: Apache-2.0 */
/* The routes as one table: docs/api.md section 2. What is not listed is refused before any handler runs. */
#pragma once
#include "core/base/view.h"

typedef struct cf_api_call cf_api_call;

/** Does the route's work: fills the call's answer, or fails. */
typedef cf_result cf_api_handler(cf_api_call *c);

#define CF_ROUTE_PARAMS_MAX 1 /* {…} segments of a pattern */
#define CF_SCOPE_ANY 0        /* any valid token */

typedef struct {
    const char *method, *pattern;
    bool open;             /* served without a token */
    uint32_t scopes;       /* one of these bits of CF_SCOPE_*, or CF_SCOPE_ANY */
    size_t body_bytes_max; /* 0: takes no body */
    const char *action;    /* in audit entries; NULL: never audited */
    bool audited;          /* every attempt; else only refusals of valid tokens */
    cf_api_handler *fn;
} cf_route;

extern const cf_route cf_api_routes[];
extern const size_t cf_api_routes_n;

/** The route of a method and path, and the text of its {…} segments, which borrow from path and are not decoded: no valid id
 *  holds a percent sign. error ROUTE_UNKNOWN, METHOD; ret_allow is then filled with the methods that the path takes ("GET, POST"). */
#define CF_ROUTE_ALLOW_BYTES_MAX 32
CF_MUST_USE cf_result cf_route_find(cf_view method, cf_view path, const cf_route **ret,
                                    cf_view ret_params[static CF_ROUTE_PARAMS_MAX],
                                    char ret_allow[static CF_ROUTE_ALLOW_BYTES_MAX]);

/* The handlers, each in the file of its subject. */
cf_api_handler cf_api_vault_create, cf_api_vault_read, cf_api_vault_update,
    cf_api_vault_delete;                                                    /* vaults.c */
cf_api_handler cf_api_vault_decrypt;                                        /* decrypt.c */
cf_api_handler cf_api_audit_of_vault, cf_api_audit_of_all;                  /* audit.c */
cf_api_handler cf_api_token_create, cf_api_token_list, cf_api_token_revoke; /* tokens.c */
cf_api_handler cf_api_attestation;                                          /* attestation.c */
cf_api_handler cf_api_secret_create, cf_api_secret_list;                    /* secrets.c */
cf_api_handler cf_api_schema_list, cf_api_schema_read, cf_api_metrics,
    cf_api_health; /* service.c */
