/* SPDX-License-Identifier: Apache-2.0 */
/* The Common Expression Language without protobuf: compile a source once, evaluate it many times, always within a budget.
 *
 *     cf_cel_env *env;        names: functions (the standard ones are there) and variables
 *     cf_cel_program *prog;   immutable, one allocation, may be shared between threads
 *     cf_cel_eval(...)        reads the program, the variables and a clock of the caller's; writes to the arena alone
 *
 * The language is the sheet docs/cel.md describes. No function here recurses on its input, calls the heap while evaluating, or reads
 * a clock, a file or the environment. */
#pragma once
#include "core/cel/value.h"

/** What a compilation and an evaluation may cost. 0 in any member means the default beside it; the defaults also bound what a caller
 *  may set. One more than the bound is CF_ERR_BUDGET, which no operator or macro absorbs. */
typedef struct {
    uint32_t source_bytes; /* CF_CEL_SOURCE_BYTES_MAX */
    uint32_t nodes;        /* CF_CEL_NODES_MAX: operands and operators after macro expansion */
    /* CF_CEL_NESTING_MAX: brackets, calls, conditions, macros within each other */
    uint32_t nesting;
    uint32_t instructions; /* CF_CEL_INSTRUCTIONS_MAX */
    /* core/regex's default; also CF_CEL_PATTERNS_BYTES_MAX of all constant patterns together */
    uint32_t regex_instructions;
    /* CF_CEL_COMPILE_STEPS_MAX: for constant patterns and calls of constants. What they do not suffice for is no error, but left to
     * the evaluation */
    uint32_t compile_steps;
    uint32_t elements; /* CF_CEL_ELEMENTS_MAX: of any one list or map that an evaluation makes */
    /* CF_CEL_OUTPUT_BYTES_MAX: of any one string that an evaluation makes, and of a result as JSON */
    uint32_t output_bytes;
    /* CF_CEL_STEPS_MAX: instructions, elements visited, 16 octets of text touched */
    uint64_t steps;
    uint64_t live_bytes; /* CF_CEL_LIVE_BYTES_MAX: taken from the arena */
} cf_cel_budget;

#define CF_CEL_SOURCE_BYTES_MAX 65536u
#define CF_CEL_NODES_MAX 32768u
#define CF_CEL_NESTING_MAX 250u
#define CF_CEL_INSTRUCTIONS_MAX 65535u
#define CF_CEL_PATTERNS_BYTES_MAX ((size_t)512 << 10)
#define CF_CEL_COMPILE_STEPS_MAX 400000u
#define CF_CEL_ELEMENTS_MAX 100000u
#define CF_CEL_OUTPUT_BYTES_MAX (1u << 20)
#define CF_CEL_STEPS_MAX 2000000u
#define CF_CEL_LIVE_BYTES_MAX (8u << 20)

/** Parameters of one function, the receiver included. */
#define CF_CEL_PARAMS_MAX 8u

/** Variables of one environment, those of its base included. */
#define CF_CEL_VARIABLES_MAX 4096u

/** Different composite types of one environment, those of its base not counted. */
#define CF_CEL_ENV_TYPES_MAX 4096u

/** Where and why. Never holds or points to a value of a variable. */
typedef struct {
    cf_err code;
    uint32_t
        offset; /* octets into the source at which the failing token, operator or call begins */
    const char *
        budget; /* with CF_ERR_BUDGET the member of cf_cel_budget that ran out, else NULL; static storage */
} cf_cel_error;

typedef struct {
    cf_cel_budget
        budget; /* compile-time members count here; folding of constants spends a small share of the run-time ones */
    cf_view container; /* "a.b": names are looked up as a.b.name, a.name, name */
    bool unchecked;    /* skip the type checker: what it would refuse fails when it is evaluated */
    bool no_macros;    /* all, exists, map ... are ordinary function names */
    /* constant patterns get tables of states, which take some time to make and match several times as fast: for programs that are kept */
    bool tables;
} cf_cel_options;

typedef struct cf_cel_env cf_cel_env;
typedef struct cf_cel_program cf_cel_program;

/** An environment with everything docs/cel.md lists, or with what base has; base must outlive it and must not change any more.
 *  error NO_MEMORY. cost with base NULL some hundred table rows, with base a copy of little but its variables. */
CF_MUST_USE cf_result cf_cel_env_new(const cf_cel_env *base, cf_cel_env **ret);
void cf_cel_env_free(cf_cel_env **env);
#define CF_CEL_ENV(name) CF_AUTO(cf_cel_env_free) cf_cel_env *name = NULL

/** Declares a variable. name is an identifier or identifiers with dots and must outlive env; type as in "list(string)", "dyn".
 *  *ret_slot is its place in the array that cf_cel_eval takes: 0, 1, 2 in the order of declaration, after those of the base. A variable
 *  of the base with the same name is hidden.
 *  error DUPLICATE, MALFORMED the name or the type, SIZE over CF_CEL_VARIABLES_MAX with those of the base, BUDGET, NO_MEMORY. env must
 *  have no programs yet that are evaluated with fewer slots. */
CF_MUST_USE cf_result cf_cel_env_variable(cf_cel_env *env, cf_view name, const char *type,
                                          uint32_t *ret_slot);

/** Variables of env, its base's included. */
uint32_t cf_cel_env_variables(const cf_cel_env *env);

/** Compiles. The program borrows functions from the environment that declares them, env or one below it, which must outlive it; the
 *  source is not kept.
 *  opt   NULL for the defaults
 *  error what *ret_error says: CEL_SYNTAX, UTF8, BUDGET, PATTERN a constant pattern, and unless unchecked CEL_NAME, CEL_TYPE;
 *        NO_MEMORY
 *  cost  linear in the source */
CF_MUST_USE cf_result cf_cel_compile(const cf_cel_env *env, cf_view source,
                                     const cf_cel_options *opt, cf_cel_program **ret,
                                     cf_cel_error *ret_error);
/** Wipes and frees. Accepts a pointer to NULL, and leaves NULL. */
void cf_cel_program_free(cf_cel_program **program);
#define CF_CEL_PROGRAM(name) CF_AUTO(cf_cel_program_free) cf_cel_program *name = NULL

/** The type the checker found, "list(int)" for example; "dyn" for an unchecked program. Lives as long as the program. */
cf_view cf_cel_program_type(const cf_cel_program *program);

/** Octets of memory that a program keeps, patterns included: for whoever keeps many. */
size_t cf_cel_program_bytes(const cf_cel_program *program);

/** True if the program reads the variable. */
bool cf_cel_program_reads(const cf_cel_program *program, uint32_t slot);

/** What the functions of a host see of the evaluation they run in: a clock reading, keys. The engine only hands it on. */
typedef struct cf_cel_host cf_cel_host;

/** Evaluates.
 *  in    variables  cf_cel_env_variables values by slot; UNSET where there is none. Strings must be well-formed UTF-8.
 *        budget     NULL for the defaults
 *        arena      takes all the evaluation makes; *ret may point into it, into the program and into the variables
 *  error what *ret_error says: any code of a function, CEL_*, BUDGET, NO_MEMORY. *ret is then unset.
 *  cost  within the budget; no call of the heap while the arena's block has room */
CF_MUST_USE cf_result cf_cel_eval(const cf_cel_program *program, const cf_cel_value *variables,
                                  cf_cel_host *host, const cf_cel_budget *budget, cf_arena *arena,
                                  cf_cel_value *ret, cf_cel_error *ret_error);

/** The same with steps that several evaluations share: *steps are those that are left, before and after; budget's are not looked at.
 *  0 is none left. */
CF_MUST_USE cf_result cf_cel_eval_shared(const cf_cel_program *program,
                                         const cf_cel_value *variables, cf_cel_host *host,
                                         const cf_cel_budget *budget, uint64_t *steps,
                                         cf_arena *arena, cf_cel_value *ret,
                                         cf_cel_error *ret_error);

/** Line and column, both from 1, of an offset into the source; a column is a code point. */
void cf_cel_position(cf_view source, uint32_t offset, uint32_t *ret_line, uint32_t *ret_column);

/** A CEL value of a JSON text (RFC 8259, one value): numbers become int when they are written without fraction and exponent and fit,
 *  else double; objects become maps. All of it goes to the arena, whose own bound holds; nothing points into text.
 *  error SIZE over bytes_max, UTF8, DEPTH over CF_CEL_NESTING_MAX, DUPLICATE a member, RANGE a number beyond double, BUDGET more than
 *        CF_CEL_ELEMENTS_MAX elements or the arena's bound or names chosen to collide, MALFORMED, TRUNCATED, TRAILING, NO_MEMORY
 *  cost  linear */
CF_MUST_USE cf_result cf_cel_from_json(cf_view text, size_t bytes_max, cf_arena *arena,
                                       cf_cel_value *ret);

/** Appends the value as JSON, as section 4 of the language's mapping says: integers beyond 2^53-1 as decimal strings, NaN and the
 *  infinities as strings, bytes as base64, timestamps, durations and addresses as their strings, an optional as what it holds or null.
 *  error CEL_CONVERT a type, or a map with a key that is no string; BUDGET over bytes_max or nested beyond CF_CEL_NESTING_MAX;
 *        NO_MEMORY. out is as before after an error. */
CF_MUST_USE cf_result cf_cel_to_json(const cf_cel_value *v, size_t bytes_max, cf_buf *out);
