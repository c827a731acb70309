/* SPDX-License-Identifier: Apache-2.0 */
/* cf_aws_kms_endpoint, cf_aws_partition_of, cf_http1_date. The input: a text that names a KMS, and the same as a date. */
#include "core/aws/endpoint.h"

#include <string.h>

#include "core/http/http.h"
#include "fuzz/check.h"

/* A host that is taken holds nothing but names: no address, no path, no way out of its domain. */
static void check_host(const cf_aws_endpoint *e, cf_view in)
{
    size_t len = strlen(e->host);
    fuzz_check(len > 0 && len <= CF_AWS_HOST_BYTES_MAX && e->port > 0);
    for (size_t i = 0; i < len; i++) {
        char c = e->host[i];
        bool name = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
        fuzz_check(name || (c == '.' && i > 0 && i + 1 < len && e->host[i - 1] != '.'));
    }
    fuzz_check(strlen(e->region) > 0 && strlen(e->region) <= CF_AWS_REGION_BYTES_MAX);
    fuzz_check(strchr(e->region, '.') == NULL);
    if (in.len > 4 && in.data[0] == 'a') {
        const char *domain = cf_aws_partition_of(cf_view_str(e->region))->domain;
        fuzz_check(len > strlen(domain) && e->port == 443);
        fuzz_check(strcmp(e->host + len - strlen(domain), domain) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cf_view in = cf_view_make(data, size);
    cf_aws_endpoint e;
    uint64_t unix_s;
    cf_result r = cf_aws_kms_endpoint(in, &e);
    if (cf_is_ok(r)) {
        check_host(&e, in);
    } else {
        fuzz_check(e.host[0] == '\0' && e.port == 0);
    }
    r = cf_http1_date(in, &unix_s);
    fuzz_check(cf_is_ok(r) ? unix_s <= UINT64_C(253402300800) : unix_s == 0);
    return 0;
}
