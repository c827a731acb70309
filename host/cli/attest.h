/* SPDX-License-Identifier: Apache-2.0 */
/* coffer attest: what its files share. One judgement of a document, and its two ways to be told. */
#pragma once
#include "core/attest/attest.h"
#include "host/cli/args.h"

#define CF_CLI_MAX_AGE_SECONDS 300 /* of a document, unless the command says otherwise */
#define CF_CLI_TEXT_BYTES 512      /* a sentence about a stage */

/** All that the command line says about a document, and what was found. */
typedef struct {
    bool verify; /* else inspect: nothing is asked of it */
    bool json;
    bool own_root;    /* --root: else AWS's */
    bool at_document; /* --at document: it is judged when it was made */
    cf_buf doc, root, nonce;
    cf_attest_accepted accepted[CF_ATTEST_ACCEPTED_MAX];
    cf_buf values; /* of accepted */
    cf_attest_policy policy;
    cf_attest_report report;
} cli_attest;

/** One sentence about a stage, for people; "" when there is nothing to say. */
void cli_attest_sentence(const cli_attest *a, cf_attest_stage stage, char ret[CF_CLI_TEXT_BYTES]);

/** "2024-12-13T07:51:18.96Z", or "?" for what no calendar has. */
#define CLI_TIME_BYTES 40
void cli_time_text(int64_t seconds, unsigned millis, char ret[CLI_TIME_BYTES]);

/** What a register is for; "" for those without a meaning of their own. */
const char *cli_pcr_meaning(size_t index);
/** Instance id of a module id, or the empty view. */
cf_view cli_instance_of(cf_view module_id);
/** When the enclave was launched, in ms since 1970, by its module id; 0 when that does not tell. */
uint64_t cli_launched_ms(cf_view module_id);
/** "P-384 key", "RSA-2048 key" and so on; "" for octets that are no key. */
const char *cli_key_kind(cf_view public_key);

/** Prints all of it to standard output. */
void cli_attest_print(const cli_attest *a);
void cli_attest_print_json(const cli_attest *a);
