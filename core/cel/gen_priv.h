/* SPDX-License-Identifier: Apache-2.0 */
/* Between the generator and the making of the program. */
#pragma once
#include "core/cel/program_priv.h"

/** What a generator has made so far, in the compilation's arena. A constant list has in .u the index of its first item among the
 *  constants. */
typedef struct {
    cf_cel_compilation *c;
    const cf_cel_tape *tape;
    cf_cel_instr *code;
    uint32_t *offsets;
    uint32_t code_n, code_cap;
    /* code before this may be jumped behind: its last instruction must stay as it is */
    uint32_t label;
    cf_cel_value *constants;
    uint32_t constants_n, constants_cap;
    uint32_t *operands;
    uint32_t operands_n, operands_cap;
    cf_cel_site *sites;
    uint32_t sites_n, sites_cap;
    size_t pattern_bytes; /* of their patterns */
    uint64_t steps;       /* left for patterns and calls of constants */
    cf_cel_loop_code *loops;
    cf_cel_catcher *catchers;
    uint32_t catchers_n, catchers_cap, catcher; /* catcher: of the code that is emitted now */
    uint32_t *locals;                           /* their registers */
    struct cf_cel_pending *stack;
    uint32_t stack_n;
    struct cf_cel_construct *open;
    uint32_t open_n, open_cap;
    uint32_t used, registers; /* registers in use, and at most */
    uint32_t *reads;
    uint32_t reads_n, reads_cap;
    uint32_t offset; /* of the node at hand */
} cf_cel_generator;

/** All of it in one piece of memory. error NO_MEMORY */
CF_MUST_USE cf_result cf_cel_program_make(const cf_cel_generator *g, cf_view type,
                                          cf_cel_program **ret);
