/* SPDX-License-Identifier: Apache-2.0 */
/* coffer kms decrypt, genkey, genrandom: attested calls of a KMS from within an enclave, with the options, the output and the exit
 * statuses of AWS's kmstool-enclave-cli. And genkeypair and derive, in the same manner, which that tool does not have. */
#pragma once
#include "core/kms/attested.h"

#define CF_CLI_KMS_CALL_TIMEOUT_MS 10000 /* the call, connection and tries and all */
#define CF_CLI_KMS_ARGUMENT_BYTES_MAX 131072

/* Exit statuses of that tool. */
enum { KMS_TOOL_OK = 0, KMS_TOOL_USAGE = 1, KMS_TOOL_FAILED = 255 };

/** What a command is told. Texts are copies, secret or not. */
typedef struct {
    cf_kms_op op;
    cf_buf region, proxy_port, access_key, secret_key, token;
    cf_buf ciphertext, key_id, algorithm, key_spec, length, context;
    cf_buf key_pair_spec, public_key, agreement;
    cf_buf endpoint, fips, roots, via, nsm; /* ours; fips: a switch */
} cf_kms_tool;
void cf_kms_tool_free(cf_kms_tool *t);

/** Makes the call and appends what is to be printed, a line "NAME: base64" each: CIPHERTEXT, where there is one, then PLAINTEXT; of a key
 *  pair CIPHERTEXT, PRIVATE and PUBLIC; of a shared secret SECRET. What went wrong has been printed to standard error. */
CF_MUST_USE cf_result cf_kms_tool_run(const cf_kms_tool *t, cf_buf *out);

/** The command that argv[0] names, with the options behind it, which are wiped. Returns the exit status. */
int cf_kms_tool_main(int argc, char **argv);
