/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/routes.h"

#include <stdio.h>
#include <string.h>

#include "host/api/limits.h"
#include "host/store/store.h"

#define FIELDS CF_API_FIELDS_BODY_BYTES_MAX
#define NAMES CF_API_NAMES_BODY_BYTES_MAX
#define TOKEN CF_API_TOKEN_BODY_BYTES_MAX
#define OPENS CF_API_DECRYPT_BODY_BYTES_MAX
#define NAMED CF_API_SECRET_BODY_BYTES_MAX
#define METER (CF_SCOPE_READ | CF_SCOPE_ADMIN)

/* clang-format off */
const cf_route cf_api_routes[] = {
    /* method    path                       open   scopes            body    action          audited  handler               */
    { "POST",   "/v1/vaults/{id}/decrypt",  false, CF_SCOPE_DECRYPT, OPENS,  "vault.decrypt", true,  cf_api_vault_decrypt  },
    { "POST",   "/v1/vaults",               false, CF_SCOPE_WRITE,   FIELDS, "vault.create",  true,  cf_api_vault_create   },
    { "GET",    "/v1/vaults/{id}",          false, CF_SCOPE_READ,    0,      "vault.read",    false, cf_api_vault_read     },
    { "PATCH",  "/v1/vaults/{id}",          false, CF_SCOPE_WRITE,   FIELDS, "vault.update",  true,  cf_api_vault_update   },
    { "DELETE", "/v1/vaults/{id}",          false, CF_SCOPE_WRITE,   NAMES,  "vault.delete",  true,  cf_api_vault_delete   },
    { "GET",    "/v1/vaults/{id}/audit",    false, CF_SCOPE_ADMIN,   0,      "audit.read",    true,  cf_api_audit_of_vault },
    { "GET",    "/v1/audit",                false, CF_SCOPE_ADMIN,   0,      "audit.read",    true,  cf_api_audit_of_all   },
    { "POST",   "/v1/tokens",               false, CF_SCOPE_ADMIN,   TOKEN,  "token.create",  true,  cf_api_token_create   },
    { "GET",    "/v1/tokens",               false, CF_SCOPE_ADMIN,   0,      "token.list",    false, cf_api_token_list     },
    { "DELETE", "/v1/tokens/{id}",          false, CF_SCOPE_ADMIN,   0,      "token.revoke",  true,  cf_api_token_revoke   },
    { "POST",   "/v1/secrets",              false, CF_SCOPE_ADMIN,   NAMED,  "secret.create", true,  cf_api_secret_create  },
    { "GET",    "/v1/secrets",              false, CF_SCOPE_ADMIN,   0,      "secret.list",   false, cf_api_secret_list    },
    { "GET",    "/v1/schemas",              false, CF_SCOPE_ANY,     0,      NULL,            false, cf_api_schema_list    },
    { "GET",    "/v1/schemas/{name}",       false, CF_SCOPE_ANY,     0,      NULL,            false, cf_api_schema_read    },
    { "GET",    "/v1/attestation",          false, CF_SCOPE_ANY,     0,      NULL,            false, cf_api_attestation    },
    { "GET",    "/metrics",                 false, METER,            0,      NULL,            false, cf_api_metrics        },
    { "GET",    "/health",                  true,  CF_SCOPE_ANY,     0,      NULL,            false, cf_api_health         },
};
/* clang-format on */
const size_t cf_api_routes_n = sizeof cf_api_routes / sizeof cf_api_routes[0];

/* The part before the next slash, which is taken off. */
static cf_view segment(cf_view *path)
{
    size_t n = 0;
    while (n < path->len && path->data[n] != '/') {
        n++;
    }
    cf_view v = cf_view_sub(*path, 0, n);
    bool more = n < path->len;
    *path = cf_view_sub(*path, n + more, path->len - n - more);
    return v;
}

static bool matches(const char *pattern, cf_view path, cf_view params[static CF_ROUTE_PARAMS_MAX])
{
    cf_view want = cf_view_str(pattern);
    size_t params_n = 0;
    /* Segments are compared pair by pair; a slash at the end of the path is one more, empty segment and so no match. */
    while (want.len > 0 && path.len > 0) {
        bool want_more = memchr(want.data, '/', want.len) != NULL,
             path_more = memchr(path.data, '/', path.len) != NULL;
        cf_view w = segment(&want), p = segment(&path);
        if (want_more != path_more) {
            return false;
        }
        if (w.len > 0 && w.data[0] == '{') {
            if (p.len == 0 || params_n == CF_ROUTE_PARAMS_MAX) {
                return false;
            }
            params[params_n++] = p;
        } else if (!cf_view_eq(w, p)) {
            return false;
        }
    }
    return want.len == 0 && path.len == 0;
}

static void allow(char list[static CF_ROUTE_ALLOW_BYTES_MAX], const char *method)
{
    size_t at = strlen(list);
    (void)snprintf(list + at, CF_ROUTE_ALLOW_BYTES_MAX - at, "%s%s", at > 0 ? ", " : "", method);
}

CF_MUST_USE cf_result cf_route_find(cf_view method, cf_view path, const cf_route **ret,
                                    cf_view ret_params[static CF_ROUTE_PARAMS_MAX],
                                    char ret_allow[static CF_ROUTE_ALLOW_BYTES_MAX])
{
    *ret = NULL;
    ret_allow[0] = '\0';
    for (size_t i = 0; i < cf_api_routes_n; i++) {
        cf_view params[CF_ROUTE_PARAMS_MAX] = {CF_VIEW_EMPTY};
        if (!matches(cf_api_routes[i].pattern, path, params)) {
            continue;
        }
        if (cf_view_eq(method, cf_view_str(cf_api_routes[i].method))) {
            *ret = &cf_api_routes[i];
            cf_copy(ret_params, params, sizeof params);
            ret_allow[0] = '\0';
            return cf_ok();
        }
        allow(ret_allow, cf_api_routes[i].method);
    }
    return cf_fail(ret_allow[0] != '\0' ? CF_ERR_METHOD : CF_ERR_ROUTE_UNKNOWN);
}
