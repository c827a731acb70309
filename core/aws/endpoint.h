/* SPDX-License-Identifier: Apache-2.0 */
/* Where the KMS of a region is, and the texts by which configurations name one. No I/O. */
#pragma once
#include "core/base/buf.h"

#define CF_AWS_REGION_BYTES_MAX 32 /* the longest today have 15 */
#define CF_AWS_HOST_BYTES_MAX 253  /* a name of the DNS, RFC 1035 section 2.3.4 */
#define CF_AWS_LABEL_BYTES_MAX 63

/** A partition of AWS: the regions whose names begin alike, and the domain below which their services are. */
typedef struct {
    const char *name, *prefix, *domain;
} cf_aws_partition;

/** The one whose prefix the region has; "aws", whose regions have many, when there is none. Static storage. */
const cf_aws_partition *cf_aws_partition_of(cf_view region);

/** A KMS: whom TLS has to find there, and the region that signatures name. NUL-terminated, lower case. */
typedef struct {
    char host[CF_AWS_HOST_BYTES_MAX + 1];
    char region[CF_AWS_REGION_BYTES_MAX + 1];
    uint16_t port;
} cf_aws_endpoint;

/** "aws:REGION", "aws:REGION,fips", or "https://HOST", "https://HOST:PORT", each perhaps with ",REGION" behind it. A host by name
 *  only. Without a region of its own one is taken from a host like kms.REGION.amazonaws.com or kms-fips.REGION…, else us-east-1.
 *  error UNSUPPORTED no such form; ARGUMENT a region or host that cannot be one; SIZE, RANGE (port). *ret is zero then. */
CF_MUST_USE cf_result cf_aws_kms_endpoint(cf_view text, cf_aws_endpoint *ret);
