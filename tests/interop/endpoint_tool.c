/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints of the KMS for test_endpoints.py: a line names one, the answer is "HOST PORT REGION" or the code of an error. */
#include <stdio.h>
#include <string.h>

#include "core/aws/endpoint.h"

int main(void)
{
    char line[512];
    while (fgets(line, sizeof line, stdin) != NULL) {
        cf_aws_endpoint e;
        line[strcspn(line, "\n")] = '\0';
        cf_result r = cf_aws_kms_endpoint(cf_view_str(line), &e);
        if (cf_is_ok(r)) {
            printf("%s %u %s\n", e.host, e.port, e.region);
        } else {
            printf("%s\n", cf_err_code(r.code));
        }
    }
    return 0;
}
