/* SPDX-License-Identifier: Apache-2.0 */
/* The machine: registers, the instruction at hand, and the functions that instructions are. */
#pragma once
#include "core/cel/program_priv.h"

/* A loop while it turns. */
typedef struct {
    const cf_cel_value *items; /* elements, or keys with a value behind each */
    uint32_t at, n, stride;
    uint32_t count;     /* exists_one */
    cf_cel_items taken; /* filter, map, the keys of sortBy */
    cf_cel_map *map;    /* transformMap, transformMapEntry */
} cf_cel_turn;

typedef struct {
    cf_cel_run run;
    const cf_cel_program *program;
    const cf_cel_instr *next;
    const cf_cel_value *in[3]; /* by CF_CEL_IN_* */
    cf_cel_value *registers;
    cf_cel_turn *turns;      /* by number of loop */
    const uint8_t *tail;     /* where the text that + made last ends, */
    const uint8_t *tail_end; /* and its piece of the arena: what is between them is free */
    uint32_t offset;         /* of the error, where it is not the instruction's */
    bool elsewhere;          /* offset counts: an error that was kept is raised again */
} cf_cel_machine;

/** What an instruction returns that is neither an outcome nor an error: RETURN has been met. */
#define CF_CEL_DONE CF_ERR_COUNT

static inline const cf_cel_value *cf_cel_operand(const cf_cel_machine *m, uint32_t operand)
{
    return &m->in[operand & 3][operand >> 2];
}

static inline void cf_cel_jump(cf_cel_machine *m, uint32_t to)
{
    m->next = &m->program->code[to];
}

/** Why an instruction does not take these operands: an error one of them holds, no value, or its type. b may be NULL. */
cf_err cf_cel_refuse(cf_cel_machine *m, const cf_cel_value *a, const cf_cel_value *b);

typedef cf_err (*cf_cel_step)(cf_cel_machine *m, const cf_cel_instr *i);

/* Operators (operate.c). */
cf_err cf_cel_op_not(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_neg(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_add(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_sub(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_mul(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_div(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_mod(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_equal(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_order(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_in(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_index(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_select(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_has(cf_cel_machine *m, const cf_cel_instr *i);

/* Loops (loop.c). */
cf_err cf_cel_op_loop_begin(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_loop_step(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_loop_keep(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_loop_fold(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_loop_count(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_loop_filter(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_loop_push(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_loop_put(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_loop_put_entry(cf_cel_machine *m, const cf_cel_instr *i);
cf_err cf_cel_op_loop_end(cf_cel_machine *m, const cf_cel_instr *i);
