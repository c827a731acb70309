/* SPDX-License-Identifier: Apache-2.0 */
/* The REST service: docs/api.md. One instance per store; the HTTP server and the store are the caller's. */
#pragma once
#include "host/api/schemas.h"
#include "host/http/server.h"
#include "host/store/store.h"
#include "sys/kms/client.h"

typedef struct cf_api cf_api; /* opaque */

typedef struct {
    cf_store store;            /* borrowed: closed by the caller after cf_api_free */
    const cf_secret *row_key;  /* copied */
    const cf_schemas *schemas; /* borrowed */
    const char *agent;         /* base of cf_http_client_new */
    cf_kms_service *kms;       /* borrowed: freed by the caller after cf_api_free */
    size_t kms_links;          /* connections to it; 0: as many as there are workers */
    const char *kms_key;       /* KeyId for new vaults */
    const char *tenant;
    cf_encoding encoding; /* of new writes: CF_ENC_WRITE or CF_ENC_BINARY; 0: CF_ENC_WRITE */
    unsigned workers;     /* threads, so requests in work; 0: CF_API_WORKERS */
} cf_api_opts;

/** error ARGUMENT (tenant, key id or a number out of bounds), NO_MEMORY, CRYPTO. Starts the workers. */
CF_MUST_USE cf_result cf_api_new(const cf_api_opts *opts, cf_api **ret);
/** Finishes what is queued, ends the workers, frees. After cf_http_server_stop. */
void cf_api_free(cf_api **api);

/** For cf_http_server_start, with the cf_api as ctx. */
void cf_api_handle(void *api, cf_http_call *call);
void cf_api_refuse(void *api, cf_http_call *call, unsigned status, cf_err code);

/** Writes the entry of this start (service.start) into the audit log. Errors of the store's change. */
CF_MUST_USE cf_result cf_api_enter_start(cf_api *api);

/** If no active token has the scope admin: makes one with all scopes, past the limit of tokens if need be, and then
 *  writes its text to the file, mode 0600; until it is stored it is in the file beside, path and ".new".
 *  path NULL: nothing is made. *ret_missing: there is no such token and none was made. Errors of file and store. */
CF_MUST_USE cf_result cf_api_admin_token(cf_api *api, const char *path, bool *ret_missing);
