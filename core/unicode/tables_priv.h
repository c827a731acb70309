/* SPDX-License-Identifier: Apache-2.0 */
/* The generated tables, and how they are searched. */
#pragma once
#include "core/unicode/unicode.h"

#define UNICODE_NAME_BYTES 24
typedef char unicode_name[UNICODE_NAME_BYTES]; /* the longest has 22 */

/** General categories, as the runs have them. */
typedef enum {
    UNICODE_CN,
    UNICODE_CC,
    UNICODE_CF,
    UNICODE_CO,
    UNICODE_CS,
    UNICODE_LL,
    UNICODE_LM,
    UNICODE_LO,
    UNICODE_LT,
    UNICODE_LU,
    UNICODE_MC,
    UNICODE_ME,
    UNICODE_MN,
    UNICODE_ND,
    UNICODE_NL,
    UNICODE_NO,
    UNICODE_PC,
    UNICODE_PD,
    UNICODE_PE,
    UNICODE_PF,
    UNICODE_PI,
    UNICODE_PO,
    UNICODE_PS,
    UNICODE_SC,
    UNICODE_SK,
    UNICODE_SM,
    UNICODE_SO,
    UNICODE_ZL,
    UNICODE_ZP,
    UNICODE_ZS
} unicode_category;

/** How the code points lo..hi are mapped: each to itself + delta; every second one so, from lo on; neighbours to one another. */
enum { UNICODE_RUN, UNICODE_ALTERNATE, UNICODE_SWAP };

typedef struct {
    uint32_t lo, hi : 24, kind : 8;
    int32_t delta;
} unicode_map;

typedef struct {
    uint16_t from, to[3]; /* 0 behind the last */
} unicode_special;

/* Runs are start << 8 | value, ascending, the first at 0. Of the last three the value is 1 for members and 0 for others. */
extern const uint32_t cf_unicode_categories[], cf_unicode_scripts[];
extern const uint32_t cf_unicode_space[], cf_unicode_cased[], cf_unicode_case_ignorable[];
extern const size_t cf_unicode_categories_n, cf_unicode_scripts_n;
extern const size_t cf_unicode_space_n, cf_unicode_cased_n, cf_unicode_case_ignorable_n;

/* Value 1 of a run of scripts is the first name; in the order of their octets. */
extern const unicode_name cf_unicode_script_names[];
extern const size_t cf_unicode_script_names_n;

/* By code point; lo..hi do not overlap. */
extern const unicode_map cf_unicode_fold_maps[], cf_unicode_upper_maps[], cf_unicode_lower_maps[];
extern const size_t cf_unicode_fold_maps_n, cf_unicode_upper_maps_n, cf_unicode_lower_maps_n;
extern const unicode_special cf_unicode_upper_special[], cf_unicode_lower_special[];
extern const size_t cf_unicode_upper_special_n, cf_unicode_lower_special_n;

extern const char cf_unicode_version[];

/** Is c a member? Of runs with values 0 and 1, by bisection. */
bool cf_unicode_run_has(const uint32_t *runs, size_t n, uint32_t c);

/** The first map whose hi is c or more, n where there is none; and what a map that holds c makes of it. */
size_t cf_unicode_map_find(const unicode_map *maps, size_t n, uint32_t c);
uint32_t cf_unicode_map_apply(const unicode_map *map, uint32_t c);
