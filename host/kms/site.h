/* SPDX-License-Identifier: Apache-2.0 */
/* A KMS as the options of a host program have it: whom to dial, whom to trust, what to sign with. */
#pragma once
#include "host/credentials/option.h"
#include "host/kms/named.h"
#include "sys/kms/client.h"

typedef struct {
    const char *program;                   /* for standard error, and sessions of roles */
    const char *kms, *roots, *credentials; /* the last two may be NULL */
} cf_kms_options;

typedef struct cf_kms_site cf_kms_site;

/** Takes the options; asks for the first credentials, and starts the thread that keeps them fresh. Without any the site is made all the
 *  same: requests go out unsigned until there are some, or rather do not.
 *  out   *ret_what which option, for whoever reads of the error; static text
 *  error as cf_kms_named_of, cf_kms_roots, cf_creds_keeper_first; ARGUMENT roots for a KMS without TLS; NO_MEMORY, IO */
CF_MUST_USE cf_result cf_kms_site_open(const cf_kms_options *o, cf_kms_site **ret,
                                       const char **ret_what);
/** After all that uses its service. Ends the thread. */
void cf_kms_site_free(cf_kms_site **s);
bool cf_kms_site_is_plain(const cf_kms_site *s);
/** Borrowed. Nobody calls cf_kms_service_stop: calls end by their deadlines. */
cf_kms_service *cf_kms_site_service(const cf_kms_site *s);
