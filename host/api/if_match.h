/* SPDX-License-Identifier: Apache-2.0 */
/* The precondition of a change: If-Match (RFC 9110 section 13.1.1) with versions as entity tags. */
#pragma once
#include "host/api/limits.h"

typedef struct {
    bool present, any; /* any: "*" */
    uint64_t versions[CF_API_IF_MATCH_TAGS_MAX];
    size_t n;
} cf_if_match;

/** Parses the header; a view without data is no header, one with data and no tag is MALFORMED. Tags are "N" or N; weak tags and
 *  tags that are no number are taken and never match, as the comparison is strong.
 *  error MALFORMED, SIZE more than CF_API_IF_MATCH_TAGS_MAX tags. */
CF_MUST_USE cf_result cf_if_match_parse(cf_view header, cf_if_match *ret);

/** error VERSION_MISMATCH unless the version meets the precondition. */
CF_MUST_USE cf_result cf_if_match_check(const cf_if_match *m, uint64_t version);
