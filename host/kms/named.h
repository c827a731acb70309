/* SPDX-License-Identifier: Apache-2.0 */
/* What the option --kms of host programs says: docs/kms-client.md, "Naming it". */
#pragma once
#include "core/aws/endpoint.h"
#include "sys/linux/net.h"
#include "sys/tls/tls.h"

typedef struct {
    bool plain;               /* a KMS on this machine, without TLS and signatures */
    cf_aws_endpoint endpoint; /* if not */
    cf_net_addr addr;         /* whom to dial; Unix or TCP */
} cf_kms_named;

/** error those of cf_aws_kms_endpoint and cf_net_parse; ARGUMENT an address of another kind; SIZE a host that is too long to be dialled */
CF_MUST_USE cf_result cf_kms_named_of(const char *text, cf_kms_named *ret);

/** The certificates that --kms-roots names; path NULL: those compiled in. error of the file; EMPTY; those of cf_tls_config_new */
CF_MUST_USE cf_result cf_kms_roots(const char *path, cf_tls_config **ret);
