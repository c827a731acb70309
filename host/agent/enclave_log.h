/* SPDX-License-Identifier: Apache-2.0 */
/* What an enclave writes as its log, made fit for ours: whole lines, bounded, without control characters, not too many, and never
 * passing for the words of another program. */
#pragma once
#include "host/agent/limits.h"

/** Takes a finished line without its end. own: it has the form of a log line of the enclave and may stand as it is. */
typedef void cf_log_line(void *ctx, bool own, cf_view line);

typedef struct {
    uint8_t line[CF_AGENT_LOG_LINE_BYTES_MAX];
    size_t len;
    uint64_t second;  /* of the caller's clock */
    unsigned lines;   /* in that second */
    uint64_t dropped; /* lines over the bound that were not yet told of */
} cf_enclave_log;

/** Takes octets as they come; calls take for each line that ends in them. What a line has over CF_AGENT_LOG_LINE_BYTES_MAX octets, and
 *  lines over CF_AGENT_LOG_LINES_PER_S_MAX, are dropped. */
void cf_enclave_log_feed(cf_enclave_log *l, cf_view octets, uint64_t now_ms, cf_log_line *take,
                         void *ctx);
/** The enclave is gone: what it left without a line end is a line. */
void cf_enclave_log_end(cf_enclave_log *l, uint64_t now_ms, cf_log_line *take, void *ctx);
/** How many lines were dropped since this was last asked. */
uint64_t cf_enclave_log_dropped(cf_enclave_log *l);
