/* SPDX-License-Identifier: Apache-2.0 */
/* The KMS of this enclave: whom TLS has to find there, over which way, and how that is measured. docs/design/0005-kms-client.md */
#pragma once
#include "sys/kms/client.h"
#include "sys/kms/credentials.h"
#include "sys/nsm/nsm.h"

typedef struct cf_kms_way cf_kms_way;

/** What the options say; before the process leaves its files.
 *  in    kms: "fd:N", a channel on which an octet 'K' is answered with an octet and, if the KMS can be reached, a descriptor, in any
 *        order: plain, for a KMS on this machine and none beyond it. Or the text of an endpoint, which is reached over link: such a
 *        channel, or "vsock:CID:PORT". roots: "fd:N", a file of the certificates to trust; NULL: those compiled in
 *  error UNSUPPORTED another form, plain over vsock too; ARGUMENT a link without TLS or the other way round; those of
 *        cf_aws_kms_endpoint and cf_tls_config_new; IO. The descriptors are taken. */
CF_MUST_USE cf_result cf_kms_way_open(const char *kms, const char *link, const char *roots,
                                      cf_kms_way **ret);
/** After the service. */
void cf_kms_way_free(cf_kms_way **w);
bool cf_kms_way_is_vsock(const cf_kms_way *w);

/** Extends the module's register CF_KMS_PCR by the measure of endpoint and roots, and locks it; a plain way leaves it as it is. Once,
 *  before the first document. error of the module. */
CF_MUST_USE cf_result cf_kms_way_measure(cf_kms_way *w, cf_nsm *nsm);
/** The register's value, lower-case hex with a NUL; "" for a plain way. */
const char *cf_kms_way_pcr(const cf_kms_way *w);

/** The client, whose waits in this way cf_kms_service_stop ends. error NO_MEMORY. */
CF_MUST_USE cf_result cf_kms_way_service(cf_kms_way *w, cf_credentials *credentials,
                                         cf_kms_service **ret);
