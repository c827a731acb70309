/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions in RE2's syntax, docs/regex.md, matched in time linear in pattern times text. For patterns and texts that nobody
 * vouches for: no recursion, no backtracking, no allocation while matching, and a bound on everything. */
#pragma once
#include "core/base/arena.h"

#define CF_REGEX_PATTERN_BYTES_MAX 16384
#define CF_REGEX_DEPTH_MAX 1000 /* groups inside groups */
#define CF_REGEX_REPEAT_MAX                                                                        \
    1000 /* of a counted repeat, and of the product of nested ones, as in RE2 */
#define CF_REGEX_INSTRUCTIONS_MAX 10000 /* of the program, counted repeats written out */
#define CF_REGEX_RANGES_MAX 20000 /* of code points, in all the different classes of a program */
#define CF_REGEX_GROUPS_MAX 200   /* that capture */
#define CF_REGEX_TEXT_BYTES_MAX (UINT32_MAX - 1)

/** Bounds of a pattern. 0 stands for the constant of that name; more than the constant is ARGUMENT. */
typedef struct {
    size_t pattern_bytes_max, depth_max, instructions_max, ranges_max, groups_max;
    bool no_dfa; /* compiles faster, matches slower: for a pattern that serves once */
} cf_regex_limits;

/** A compiled pattern: one piece of memory, never changed, so threads may share it. */
typedef struct cf_regex cf_regex;

/** A compiled pattern that frees itself on every way out of the scope. */
#define CF_REGEX(name) CF_AUTO(cf_regex_free) cf_regex *name = NULL

/** Memory to match in, of at least cf_regex_mem_bytes octets, aligned for any type. What it holds before and after means nothing, so one
 *  piece serves any number of matches of any pattern, one at a time. It holds positions, never text. */
typedef struct {
    void *data;
    size_t len;
} cf_regex_mem;

/** Octets [start, end) of a text; a group that took no part has CF_REGEX_NONE in both. */
typedef struct {
    size_t start, end;
} cf_regex_span;
#define CF_REGEX_NONE SIZE_MAX

/** Compiles a pattern.
 *  in    limits NULL for the constants above; ret_offset NULL if the place is not wanted
 *  out   *ret, to be freed with cf_regex_free; *ret_offset the octet of the pattern at which an error was seen, 0 on success
 *  error PATTERN not RE2's syntax; UNSUPPORTED what RE2 refuses for its cost or RE2's manual names as not supported (backreferences,
 *        lookaround, possessive quantifiers, \Z, \C, unknown names of classes); UTF8; SIZE over a limit, DEPTH; NO_MEMORY; ARGUMENT
 *  cost  linear in pattern and program; memory and work are bounded by the limits and checked before they are spent */
CF_MUST_USE cf_result cf_regex_compile(cf_view pattern, const cf_regex_limits *limits,
                                       cf_regex **ret, size_t *ret_offset);

/** The same with a bound on the work of compiling: steps as of cf_regex_match. error also BUDGET when they are used up */
CF_MUST_USE cf_result cf_regex_compile_within(cf_view pattern, const cf_regex_limits *limits,
                                              uint64_t *steps, cf_regex **ret, size_t *ret_offset);

/** The same into an arena, for patterns that come at run time; nothing is to be freed. steps: as of cf_regex_match, charged for the work
 *  of compiling; what is used for that alone comes from the heap, is wiped and returned. error also BUDGET; SIZE over the arena's bound */
CF_MUST_USE cf_result cf_regex_compile_in(cf_view pattern, const cf_regex_limits *limits,
                                          cf_arena *arena, uint64_t *steps, const cf_regex **ret,
                                          size_t *ret_offset);

/** Wipes and frees. Accepts a pointer to NULL, and leaves NULL. */
void cf_regex_free(cf_regex **re);

/** Groups that capture; the whole match is not counted. */
size_t cf_regex_groups(const cf_regex *re);

/** Octets that the compiled pattern takes. */
size_t cf_regex_bytes(const cf_regex *re);

/** Octets that a match needs: groups_max 0 for cf_regex_match (0 for most patterns), else what is passed to cf_regex_find. */
size_t cf_regex_mem_bytes(const cf_regex *re, size_t groups_max);

/** Takes those octets from an arena. error SIZE over its bound, NO_MEMORY */
CF_MUST_USE cf_result cf_regex_mem_new(const cf_regex *re, size_t groups_max, cf_arena *arena,
                                       cf_regex_mem *ret);

/** Is there a match anywhere in the text?
 *  in    text UTF-8; an octet that is part of no well-formed code point is matched by nothing, as in RE2. mem may be NULL where
 *        cf_regex_mem_bytes(re, 0) is 0. steps is decremented by the work done, at most one for each octet or for each state of the
 *        automaton that an octet visits
 *  error BUDGET steps are used up, *steps is then 0; SIZE over CF_REGEX_TEXT_BYTES_MAX; ARGUMENT mem too small. *ret is then false */
CF_MUST_USE cf_result cf_regex_match(const cf_regex *re, cf_view text, cf_regex_mem *mem,
                                     uint64_t *steps, bool *ret);

/** The leftmost match that begins at offset start or behind it; of those the one that a backtracking matcher would find first. What is
 *  before start counts for ^, \A and \b.
 *  in    groups_max >= 1: ret_groups[0] is the whole match, [i] group i; those that the pattern lacks are CF_REGEX_NONE
 *  error as cf_regex_match; ARGUMENT also start > text.len, groups_max 0. All spans are CF_REGEX_NONE without a match */
CF_MUST_USE cf_result cf_regex_find(const cf_regex *re, cf_view text, size_t start,
                                    cf_regex_mem *mem, uint64_t *steps, cf_regex_span *ret_groups,
                                    size_t groups_max, bool *ret_found);
