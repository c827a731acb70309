/* SPDX-License-Identifier: Apache-2.0 */
/* coffer kms link: what an enclave's documents say about the KMS that it was told. docs/formats/attestation.md section 7 */
#include <stdio.h>

#include "core/aws/endpoint.h"
#include "core/codec/base64.h"
#include "host/cli/verbs.h"
#include "sys/kms/measure.h"
#include "sys/linux/file.h"
#include "sys/tls/tls.h"

/* error STATE: told already. */
static cf_result measured(const char *kms, const char *roots_file, cf_buf *ret_hex)
{
    uint8_t measure[CF_KMS_MEASURE_BYTES], pcr[CF_KMS_MEASURE_BYTES];
    cf_aws_endpoint endpoint;
    CF_AUTO(cf_tls_config_free) cf_tls_config *tls = NULL;
    CF_BUF(roots);
    if (!cf_is_ok(cf_aws_kms_endpoint(cf_view_str(kms), &endpoint))) {
        fprintf(stderr, "coffer: KMS is aws:REGION[,fips] or https://HOST[:PORT][,REGION]\n");
        return cf_fail(CF_ERR_STATE);
    }
    if (roots_file != NULL) {
        CF_TRY(cf_file_read(roots_file, CF_TLS_ROOTS_BYTES_MAX, &roots));
        CF_REQUIRE(roots.len > 0, EMPTY);
        CF_TRY(cf_tls_config_new(cf_buf_view(&roots), &tls));
    }
    CF_TRY(cf_kms_measure(cf_view_str(kms), cf_buf_view(&roots), measure));
    CF_TRY(cf_kms_measured_pcr(measure, pcr));
    return cf_hex_encode(CF_VIEW_OF(pcr), ret_hex);
}

int cli_kms_link(const cli_args *args)
{
    CF_BUF(hex);
    cf_result r = measured(args->words[0], cli_get(args, "roots"), &hex);
    if (r.code == CF_ERR_STATE) {
        return CLI_USAGE;
    }
    if (!cf_is_ok(r)) {
        fprintf(stderr, "coffer: --roots: %s (%s)\n", cf_err_text(r.code), cf_err_code(r.code));
        return CLI_FAILED;
    }
    if (cli_has(args, "json")) {
        printf("{\"PCR%d\":\"%.*s\"}\n", CF_KMS_PCR, (int)hex.len, (const char *)hex.data);
    } else {
        printf("PCR%d %.*s\n", CF_KMS_PCR, (int)hex.len, (const char *)hex.data);
    }
    return CLI_OK;
}
