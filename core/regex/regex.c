/* SPDX-License-Identifier: Apache-2.0 */
/* From a pattern to one piece of memory. */
#include "core/regex/regex_priv.h"

#include <stdalign.h>

/* What a compilation needs for a while: far above what the limits allow, and what most patterns get by with. */
#define SCRATCH_BYTES_MAX ((size_t)32 << 20)
#define SCRATCH_BYTES_FIRST 4096

/* The limits with their defaults filled in. */
static cf_result limits_of(const cf_regex_limits *from, cf_regex_limits *ret)
{
    const struct {
        size_t *to;
        size_t value;
    } rows[] = {
        {&ret->pattern_bytes_max, CF_REGEX_PATTERN_BYTES_MAX},
        {&ret->depth_max, CF_REGEX_DEPTH_MAX},
        {&ret->instructions_max, CF_REGEX_INSTRUCTIONS_MAX},
        {&ret->ranges_max, CF_REGEX_RANGES_MAX},
        {&ret->groups_max, CF_REGEX_GROUPS_MAX},
    };
    *ret = from != NULL ? *from : (cf_regex_limits){.no_dfa = false};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CF_REQUIRE(*rows[i].to <= rows[i].value, ARGUMENT);
        *rows[i].to = *rows[i].to == 0 ? rows[i].value : *rows[i].to;
    }
    return cf_ok();
}

/* ---- How matches begin ---- */

/* Notes the octets with which what an instruction consumes begins in UTF-8; if there are any beyond ASCII, all of those. */
static void note_first(const regex_compilation *c, const regex_inst *inst, uint64_t first[4])
{
    bool beyond = false;
    if (inst->op == REGEX_CHAR) {
        uint32_t ch = (uint32_t)inst->arg;
        beyond = ch >= 0x80;
        first[ch / 64 % 2] |= beyond ? 0 : UINT64_C(1) << ch % 64;
    } else {
        const regex_class *class = &c->classes[inst->arg];
        first[0] |= class->ascii[0];
        first[1] |= class->ascii[1];
        beyond = class->n > 0 && c->ranges[class->off + class->n - 1].hi >= 0x80;
    }
    if (beyond) {
        first[2] = first[3] = UINT64_MAX;
    }
}

/* What is reached from the program's beginning without consuming, not at the text's beginning: \A holds nothing up but there, other
 * assertions may hold. */
static cf_result look_at_begin(regex_compilation *c, cf_regex *re)
{
    uint32_t n = c->program_n, depth = 0;
    bool empty = false;
    uint16_t *stack = cf_arena_new(c->scratch, (size_t)n + 2, 3);
    CF_REQUIRE(stack != NULL, NO_MEMORY);
    uint8_t *seen = (uint8_t *)(stack + n + 2);
    stack[depth++] = 0;
    while (depth > 0) {
        uint32_t pc = stack[--depth];
        const regex_inst *inst = &c->program[pc];
        if (seen[pc] != 0) {
            continue;
        }
        seen[pc] = 1;
        if (inst->op == REGEX_MATCH) {
            empty = true;
        } else if (inst->op == REGEX_CHAR || inst->op == REGEX_CLASS) {
            note_first(c, inst, re->first);
        } else if (inst->op != REGEX_ASSERT || inst->arg != REGEX_TEXT_BEGIN) {
            if (inst->op == REGEX_SPLIT || inst->op == REGEX_JUMP) {
                stack[depth++] = (uint16_t)((int32_t)pc + inst->arg);
            }
            if (inst->op != REGEX_JUMP) {
                stack[depth++] = (uint16_t)(pc + 1);
            }
        }
    }
    bool any = (re->first[0] | re->first[1] | re->first[2] | re->first[3]) != 0;
    re->has_first = !empty && any;
    re->anchored = !empty && !any;
    return cf_ok();
}

/* ---- One piece ---- */

static size_t layout(const regex_compilation *c)
{
    return sizeof(cf_regex) + c->classes_n * sizeof(regex_class) +
           c->program_n * sizeof(regex_inst) + c->ranges_n * sizeof(cf_unicode_range) +
           (c->build == NULL ? 0 : regex_dfa_bytes(c->build));
}

static void *place(uint8_t **at, const void *from, size_t bytes)
{
    void *to = *at;
    cf_copy(to, from, bytes);
    *at += bytes;
    return to;
}

_Static_assert(sizeof(cf_regex) % alignof(regex_class) == 0 &&
                   sizeof(regex_class) % alignof(regex_inst) == 0 &&
                   alignof(cf_unicode_range) == alignof(regex_inst),
               "what follows in the piece is aligned");

static void assemble(const regex_compilation *c, const cf_regex *head, size_t bytes, cf_regex *re)
{
    uint8_t *at = (uint8_t *)(re + 1);
    *re = *head;
    re->bytes = bytes;
    re->n = c->program_n;
    re->groups = c->groups;
    re->classes = place(&at, c->classes, c->classes_n * sizeof(regex_class));
    re->program = place(&at, c->program, c->program_n * sizeof(regex_inst));
    re->ranges = place(&at, c->ranges, c->ranges_n * sizeof(cf_unicode_range));
    re->has_dfa = c->build != NULL;
    if (re->has_dfa) {
        regex_dfa_copy(c->build, at, &re->dfa);
    }
}

static cf_result compile(regex_compilation *c, const cf_regex_limits *limits, cf_arena *arena,
                         cf_regex **ret)
{
    cf_regex head = {.n = 0};
    CF_TRY(limits_of(limits, &c->limits));
    CF_TRY(regex_parse(c));
    CF_TRY(regex_write(c));
    CF_TRY(look_at_begin(c, &head));
    CF_TRY(regex_dfa_build(c));
    size_t bytes = layout(c);
    CF_REQUIRE(arena == NULL || cf_arena_fits(arena, bytes), SIZE);
    *ret = arena == NULL ? cf_mem_new(1, bytes) : cf_arena_new(arena, 1, bytes);
    CF_REQUIRE(*ret != NULL, NO_MEMORY);
    assemble(c, &head, bytes, *ret);
    return cf_ok();
}

static cf_result compile_with(cf_view pattern, const cf_regex_limits *limits, cf_arena *arena,
                              uint64_t *steps, cf_regex **ret, size_t *ret_offset)
{
    CF_UNCLEARED alignas(max_align_t) uint8_t first[SCRATCH_BYTES_FIRST];
    CF_ARENA(scratch, SCRATCH_BYTES_MAX);
    cf_arena_lend(&scratch, first, sizeof first);
    regex_compilation c = {.pattern = pattern, .scratch = &scratch};
    c.work_max = *steps < REGEX_WORK_MAX ? *steps : REGEX_WORK_MAX;
    cf_result r = compile(&c, limits, arena, ret);
    *steps -= c.work < *steps ? c.work : *steps;
    if (ret_offset != NULL) {
        *ret_offset = cf_is_ok(r) ? 0 : c.offset;
    }
    cf_wipe(first, scratch.used < sizeof first ? scratch.used : sizeof first);
    return r;
}

CF_MUST_USE cf_result cf_regex_compile(cf_view pattern, const cf_regex_limits *limits,
                                       cf_regex **ret, size_t *ret_offset)
{
    uint64_t steps = UINT64_MAX;
    return cf_regex_compile_within(pattern, limits, &steps, ret, ret_offset);
}

CF_MUST_USE cf_result cf_regex_compile_within(cf_view pattern, const cf_regex_limits *limits,
                                              uint64_t *steps, cf_regex **ret, size_t *ret_offset)
{
    *ret = NULL;
    return compile_with(pattern, limits, NULL, steps, ret, ret_offset);
}

CF_MUST_USE cf_result cf_regex_compile_in(cf_view pattern, const cf_regex_limits *limits,
                                          cf_arena *arena, uint64_t *steps, const cf_regex **ret,
                                          size_t *ret_offset)
{
    cf_regex *re = NULL;
    cf_result r = compile_with(pattern, limits, arena, steps, &re, ret_offset);
    *ret = re;
    return r;
}

void cf_regex_free(cf_regex **re)
{
    if (*re != NULL) {
        cf_wipe(*re, (*re)->bytes);
        cf_mem_free(*re);
        *re = NULL;
    }
}

size_t cf_regex_groups(const cf_regex *re)
{
    return re->groups;
}

size_t cf_regex_bytes(const cf_regex *re)
{
    return re->bytes;
}

/* ---- Matching ---- */

/* Slots that are kept for so many groups: those that the pattern has, and the whole match. */
static uint32_t slots_for(const cf_regex *re, size_t groups_max)
{
    size_t all = (size_t)re->groups + 1;
    return (uint32_t)(2 * (groups_max < all ? groups_max : all));
}

size_t cf_regex_mem_bytes(const cf_regex *re, size_t groups_max)
{
    bool by_table = groups_max == 0 && re->has_dfa;
    return by_table ? 0 : regex_nfa_bytes(re, slots_for(re, groups_max));
}

CF_MUST_USE cf_result cf_regex_mem_new(const cf_regex *re, size_t groups_max, cf_arena *arena,
                                       cf_regex_mem *ret)
{
    size_t bytes = cf_regex_mem_bytes(re, groups_max);
    *ret = (cf_regex_mem){NULL, 0};
    CF_REQUIRE(cf_arena_fits(arena, bytes), SIZE);
    void *data = cf_arena_new(arena, 1, bytes);
    CF_REQUIRE(data != NULL, NO_MEMORY);
    *ret = (cf_regex_mem){data, bytes};
    return cf_ok();
}

CF_MUST_USE cf_result cf_regex_match(const cf_regex *re, cf_view text, cf_regex_mem *mem,
                                     uint64_t *steps, bool *ret)
{
    const uint32_t *none;
    *ret = false;
    CF_REQUIRE(text.len <= CF_REGEX_TEXT_BYTES_MAX, SIZE);
    if (re->has_dfa) {
        return regex_dfa_run(re, text, 0, steps, ret);
    }
    return regex_nfa_run(re, text, 0, mem, steps, 0, &none, ret);
}

CF_MUST_USE cf_result cf_regex_find(const cf_regex *re, cf_view text, size_t start,
                                    cf_regex_mem *mem, uint64_t *steps, cf_regex_span *ret_groups,
                                    size_t groups_max, bool *ret_found)
{
    *ret_found = false;
    for (size_t i = 0; i < groups_max; i++) {
        ret_groups[i] = (cf_regex_span){CF_REGEX_NONE, CF_REGEX_NONE};
    }
    CF_REQUIRE(text.len <= CF_REGEX_TEXT_BYTES_MAX, SIZE);
    CF_REQUIRE(start <= text.len && groups_max > 0, ARGUMENT);
    if (re->has_dfa) {
        /* A text without a match costs no more than the verdict. */
        bool there = false;
        CF_TRY(regex_dfa_run(re, text, start, steps, &there));
        if (!there) {
            return cf_ok();
        }
    }
    const uint32_t *slots;
    uint32_t n = slots_for(re, groups_max);
    CF_TRY(regex_nfa_run(re, text, start, mem, steps, n, &slots, ret_found));
    for (uint32_t i = 0; *ret_found && i < n / 2; i++) {
        if (slots[2 * i + 1] != UINT32_MAX) {
            ret_groups[i] = (cf_regex_span){slots[2 * i], slots[2 * i + 1]};
        }
    }
    return cf_ok();
}
