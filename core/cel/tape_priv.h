/* SPDX-License-Identifier: Apache-2.0 */
/* The tape: what the parser makes of a source. Nodes stand in the order in which a stack machine would run them, operands before
 * operators, with markers where control may pass: checker and code generator read it once from front to back, without recursion,
 * however long a chain is.
 *
 * Sources and their tapes (names in short):
 *     a + b                a b ADD
 *     a && b && c          a AND_NEXT b AND_NEXT c AND_END            (a chain of one operator is one group)
 *     c ? a : b            c COND_THEN a COND_ELSE b COND_END
 *     l.all(x, p)          l LOOP_BEGIN p LOOP_END                    (ALL; x is a local)
 *     l.map(x, p, t)       l LOOP_BEGIN p LOOP_KEEP t LOOP_END        (MAP)
 *     cel.bind(x, i, b)    BIND_INIT i BIND_BODY b BIND_END
 *     o.orValue(e)         o OR_NEXT e OR_END
 *     o.optMap(x, t)       o WITH_BEGIN t WITH_END
 *     [a, ?b]              a b OPTIONAL_ELEMENT LIST
 *     {a: b, ?c: d}        a b c d OPTIONAL_ENTRY MAP */
#pragma once
#include "core/cel/env_priv.h"

typedef enum {
    /* push one */
    CF_CEL_N_CONST,   /* constants[a] */
    CF_CEL_N_VAR,     /* the variable of slot a */
    CF_CEL_N_LOCAL,   /* the local a: a macro's variable */
    CF_CEL_N_UNKNOWN, /* a name nobody knows: octets a, n of the source */
    /* pop one, push one */
    CF_CEL_N_NOT,
    CF_CEL_N_NEG,
    CF_CEL_N_SELECT,     /* field text: octets a, n of the source */
    CF_CEL_N_OPT_SELECT, /* .? */
    CF_CEL_N_HAS,        /* has(e.f): e is popped, f as in SELECT */
    /* pop two, push one */
    CF_CEL_N_ADD,
    CF_CEL_N_SUB,
    CF_CEL_N_MUL,
    CF_CEL_N_DIV,
    CF_CEL_N_MOD,
    CF_CEL_N_EQ,
    CF_CEL_N_NE,
    CF_CEL_N_LT,
    CF_CEL_N_LE,
    CF_CEL_N_GT,
    CF_CEL_N_GE,
    CF_CEL_N_IN,
    CF_CEL_N_INDEX,
    CF_CEL_N_OPT_INDEX, /* [?] */
    /* pop n, push one */
    CF_CEL_N_CALL, /* n arguments, the receiver first if member; group, or NULL when none has that name, style and
                                  number: then a is the cf_err to report */
    CF_CEL_N_LIST,    /* n elements */
    CF_CEL_N_MAP,     /* n entries, 2 n operands */
    CF_CEL_N_MESSAGE, /* n operands popped; always CEL_NAME: there are no messages */
    CF_CEL_N_OPTIONAL_ELEMENT, /* pops and pushes: the element is an optional and is left out when it is none */
    CF_CEL_N_OPTIONAL_ENTRY, /* the same for the value of an entry */
    /* markers of && and || : each pops the operand before it; END pushes the outcome */
    CF_CEL_N_AND_NEXT,
    CF_CEL_N_AND_END,
    CF_CEL_N_OR_NEXT,
    CF_CEL_N_OR_END,
    /* ?: */
    CF_CEL_N_COND_THEN, /* pops the condition */
    CF_CEL_N_COND_ELSE, /* the operand before it is the one outcome */
    CF_CEL_N_COND_END,  /* and this the other; pops both, pushes one */
    /* macros over lists and maps; loops[a] tells which and its locals */
    CF_CEL_N_LOOP_BEGIN, /* pops the range */
    CF_CEL_N_LOOP_KEEP,  /* pops the predicate of a macro that also has a transform */
    CF_CEL_N_LOOP_END,   /* pops the body (predicate, transform or entry), pushes the outcome */
    /* cel.bind and the slots of cel.block: local a */
    CF_CEL_N_BIND_INIT,
    CF_CEL_N_BIND_BODY, /* pops the initial value; an error in it is kept for whoever reads the local */
    CF_CEL_N_BIND_END, /* the body's operand stays */
    /* optionals: flag value for orValue and optMap against or and optFlatMap */
    CF_CEL_N_ORELSE_NEXT, /* the receiver is popped */
    CF_CEL_N_ORELSE_END,  /* the argument is popped, the outcome pushed; value: orValue, else or */
    CF_CEL_N_WITH_BEGIN,  /* pops the receiver; local a is what it holds */
    CF_CEL_N_WITH_END,    /* pops the body, pushes an optional; value: optMap, else optFlatMap */
} cf_cel_node_kind;

/* flags of a node */
enum {
    CF_CEL_F_MEMBER = 1, /* CALL: receiver style */
    CF_CEL_F_VALUE = 2,  /* ORELSE_*, WITH_*: see there */
    CF_CEL_F_FIRST = 4,  /* AND_NEXT, OR_NEXT: behind the first operand of its group */
};

typedef struct {
    uint8_t kind; /* cf_cel_node_kind */
    uint8_t flags;
    uint16_t pad;
    uint32_t offset; /* into the source: where errors point to */
    uint32_t n, a;
    union {
        uint32_t b;
        const cf_cel_group *group;
    };
} cf_cel_node;

typedef enum {
    CF_CEL_ALL,
    CF_CEL_EXISTS,
    CF_CEL_EXISTS_ONE,
    CF_CEL_FILTER,
    CF_CEL_MAP_LIST,            /* map, transformList */
    CF_CEL_TRANSFORM_MAP,       /* same key, new value */
    CF_CEL_TRANSFORM_MAP_ENTRY, /* the body is a map of whose entries each is put */
    CF_CEL_SORT_BY,             /* the body is the key */
} cf_cel_macro;

/** One loop. With two variables a list gives index and element, a map key and value; with one a list gives elements, a map keys. */
typedef struct {
    uint8_t macro; /* cf_cel_macro */
    bool two;
    bool keep;         /* there is a LOOP_KEEP */
    uint32_t local[2]; /* local[1] only when two */
} cf_cel_loop;

typedef struct {
    cf_view source;
    cf_cel_node *nodes;
    uint32_t n;
    cf_cel_value *constants; /* text in the compilation's arena */
    uint32_t constants_n;
    cf_cel_loop *loops;
    uint32_t loops_n;
    uint32_t locals; /* numbers given to locals: each macro's variable has its own */
    uint32_t depth;  /* operands on the stack at once, at most */
} cf_cel_tape;

/** One compilation. */
typedef struct {
    const cf_cel_env *env;
    cf_cel_options opt; /* no member of the budget is 0 */
    cf_arena *arena;    /* scratch: freed when the program stands */
    cf_cel_error *error;
} cf_cel_compilation;

/** Notes code and offset in c->error, and gives the result to return. */
CF_MUST_USE cf_result cf_cel_fail_at(cf_cel_compilation *c, cf_err code, uint32_t offset);
/** The same for a member of the budget. */
CF_MUST_USE cf_result cf_cel_over_at(cf_cel_compilation *c, const char *budget, uint32_t offset);

/** Source to tape: names are resolved, macros expanded. error CEL_SYNTAX, UTF8, BUDGET, NO_MEMORY */
CF_MUST_USE cf_result cf_cel_parse(cf_cel_compilation *c, cf_view source, cf_cel_tape *ret);

/** The type of the tape's outcome, in *pool, which is made here, in the compilation's arena, and continues the environment's.
 *  error CEL_NAME, CEL_TYPE, BUDGET, NO_MEMORY, with the offset of the node that does not fit. */
CF_MUST_USE cf_result cf_cel_check(cf_cel_compilation *c, const cf_cel_tape *tape,
                                   cf_cel_pool *pool, cf_cel_type *ret);
