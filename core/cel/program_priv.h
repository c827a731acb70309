/* SPDX-License-Identifier: Apache-2.0 */
/* The program: instructions over registers, what they refer to, and where errors go. */
#pragma once
#include "core/cel/tape_priv.h"

typedef enum {
    CF_CEL_OP_MOVE,   /* dst = a */
    CF_CEL_OP_JUMP,   /* to b */
    CF_CEL_OP_RETURN, /* a */
    CF_CEL_OP_FAIL,   /* with the cf_err a */
    CF_CEL_OP_NOT,    /* dst = op a */
    CF_CEL_OP_NEG,
    CF_CEL_OP_SELECT, /* dst = a . b, a string */
    CF_CEL_OP_OPT_SELECT,
    CF_CEL_OP_HAS,
    CF_CEL_OP_ADD, /* dst = a op b */
    CF_CEL_OP_SUB,
    CF_CEL_OP_MUL,
    CF_CEL_OP_DIV,
    CF_CEL_OP_MOD,
    CF_CEL_OP_EQ,
    CF_CEL_OP_NE,
    CF_CEL_OP_LT,
    CF_CEL_OP_LE,
    CF_CEL_OP_GT,
    CF_CEL_OP_GE,
    CF_CEL_OP_IN,
    CF_CEL_OP_INDEX,
    CF_CEL_OP_OPT_INDEX,
    CF_CEL_OP_CALL, /* dst = sites[a] */
    CF_CEL_OP_SIZE, /* the same, of two strings or one value; sites[a] when it is something else */
    CF_CEL_OP_CONTAINS,
    CF_CEL_OP_STARTS_WITH,
    CF_CEL_OP_ENDS_WITH,
    CF_CEL_OP_LIST, /* dst = operands[a .. a + b) */
    CF_CEL_OP_MAP,
    CF_CEL_OP_AND_FIRST, /* a false: dst = false, to b; true: dst = true */
    CF_CEL_OP_AND_TEST,  /* the same, but dst stays when a is true */
    CF_CEL_OP_AND_LAST, /* a false: dst = false; true: dst = true unless it holds an error, which fails; to b */
    CF_CEL_OP_OR_FIRST,
    CF_CEL_OP_OR_TEST,
    CF_CEL_OP_OR_LAST,
    CF_CEL_OP_RAISE,      /* the error in dst */
    CF_CEL_OP_BRANCH,     /* a false: to b */
    CF_CEL_OP_LOOP_BEGIN, /* loops[dst] over a */
    CF_CEL_OP_LOOP_STEP,  /* loops[dst]: the next element, or to b */
    CF_CEL_OP_LOOP_KEEP,  /* a false: to b */
    CF_CEL_OP_LOOP_ALL,   /* loops[dst] takes a, then to b */
    CF_CEL_OP_LOOP_EXISTS,
    CF_CEL_OP_LOOP_COUNT,
    CF_CEL_OP_LOOP_FILTER,
    CF_CEL_OP_LOOP_PUSH,
    CF_CEL_OP_LOOP_PUT,
    CF_CEL_OP_LOOP_PUT_ENTRY,
    CF_CEL_OP_LOOP_END,    /* the outcome of loops[dst] */
    CF_CEL_OP_OR_ELSE,     /* a has a value: dst = a, to b; is none: on */
    CF_CEL_OP_OR_VALUE,    /* a has a value: dst = that, to b; is none: on */
    CF_CEL_OP_WITH,        /* a has a value: register dst + 1 = that; is none: dst = none, to b */
    CF_CEL_OP_OPTIONAL_OF, /* dst = optional of a */
    CF_CEL_OP_OPTIONAL,    /* dst = a, which must be an optional */
    CF_CEL_OP_COUNT
} cf_cel_op;

/* An operand: which of the three arrays in the low bits, the index above. */
enum { CF_CEL_IN_REGISTER, CF_CEL_IN_CONSTANTS, CF_CEL_IN_VARIABLES };
#define CF_CEL_OPERAND(where, index) ((uint32_t)(index) << 2 | (where))
/* In operands[]: an element or entry value that is an optional and is left out when none. */
#define CF_CEL_OPERAND_OPTIONAL 0x80000000u

typedef struct {
    uint16_t op;
    uint16_t catcher; /* 1 + index of who takes an error here; 0: nobody */
    uint32_t dst, a, b;
} cf_cel_instr;

/* An error that may be absorbed goes to a register, and evaluation goes on at the target. */
typedef struct {
    uint32_t reg, target;
} cf_cel_catcher;

typedef struct {
    const cf_cel_group *group;
    uint32_t args, n; /* operands[args .. args + n) */
    cf_regex *pattern;
} cf_cel_site;

typedef struct {
    uint8_t macro;
    bool two;
    uint32_t result; /* register; also holds the outcome so far of all and exists */
    uint32_t var[2]; /* registers */
    uint32_t cost;   /* steps of one turn */
    uint32_t top;    /* the step instruction */
} cf_cel_loop_code;

struct cf_cel_program {
    const cf_cel_instr *code;
    const uint32_t *offsets; /* of the instructions, into the source */
    const cf_cel_value *constants;
    const uint32_t *operands;
    cf_cel_site *sites;
    const cf_cel_loop_code *loops;
    const cf_cel_catcher *catchers;
    const uint32_t *reads; /* slots of variables that are operands, each once */
    uint32_t code_n, sites_n, loops_n, registers, reads_n;
    cf_cel_budget budget; /* no member is 0 */
    cf_view type;
    size_t bytes; /* of all this, without patterns */
};

/** Tape to program. error BUDGET, NO_MEMORY, PATTERN in a checked program */
CF_MUST_USE cf_result cf_cel_generate(cf_cel_compilation *c, const cf_cel_tape *tape, cf_view type,
                                      cf_cel_program **ret);

/** Calls the overload that takes these arguments; CF_ERR_CEL_TYPE when none does. */
CF_MUST_USE cf_err cf_cel_dispatch(cf_cel_run *run, const cf_cel_group *group,
                                   const cf_cel_value *args, uint32_t n, cf_cel_value *ret);

/** b with what is 0 or too much set to the bounds of cel.h. */
cf_cel_budget cf_cel_budget_of(const cf_cel_budget *b);
