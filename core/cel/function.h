/* SPDX-License-Identifier: Apache-2.0 */
/* How a function is given to the engine, and what it may use while it runs. */
#pragma once
#include "core/cel/cel.h"
#include "core/regex/regex.h"

/** An evaluation as a function sees it. */
typedef struct {
    cf_arena *arena;
    uint64_t steps;              /* left */
    const cf_cel_budget *budget; /* no member is 0 */
    const char *over;            /* the member that ran out */
    cf_cel_host *host;
    const cf_regex *
        pattern; /* the constant second argument, compiled; NULL unless it is a constant of a function of CF_CEL_PATTERN */
    /* of lib_regex.c: memory to match in, and the pattern that was compiled last; zero at first */
    cf_regex_mem regex_mem;
    const cf_regex *regex_last;
    cf_view regex_last_text;
} cf_cel_run;

/** The function itself. The engine has compared kinds and number of the arguments with the signature: args[0] is the receiver of a
 *  method. Errors: CF_ERR_CEL_ARGUMENT and the like; what is charged or taken too much is CF_ERR_BUDGET. Writes *ret on success. */
typedef cf_result (*cf_cel_impl)(cf_cel_run *run, const cf_cel_value *args, uint32_t n,
                                 cf_cel_value *ret);

enum {
    CF_CEL_HOST =
        1, /* answers differ between evaluations (clock, keys): never folded when its arguments are constants */
    CF_CEL_PATTERN =
        2, /* args[1] is an RE2 pattern: compiled with the program when it is constant (run->pattern) */
};

/** One overload. signature: "(string,int)->bool" is a function, "string.(int)->string" a method. Types are those of cf_cel_env_variable
 *  and: timestamp, duration, type, optional(T), ip, cidr, and A, B, ... for a parameter that stands for any type. */
typedef struct {
    const char *name; /* "size", "math.abs" */
    const char *signature;
    cf_cel_impl impl;
    uint32_t flags;
} cf_cel_function;

typedef struct {
    const cf_cel_function *rows;
    size_t n;
} cf_cel_library;

/** Adds overloads to those that env and its base have. The rows must outlive env. error MALFORMED, DEPTH, SIZE a signature, DUPLICATE an
 *  overload with the same parameters is there, BUDGET, NO_MEMORY. */
CF_MUST_USE cf_result cf_cel_env_functions(cf_cel_env *env, cf_cel_library library);

/* The libraries every environment has. */
extern const cf_cel_library
    cf_cel_lib_convert; /* size, type, dyn, bool ... string, and matches, contains, startsWith, endsWith */
extern const cf_cel_library cf_cel_lib_strings;  /* charAt ... format */
extern const cf_cel_library cf_cel_lib_regex;    /* matches, regex.* */
extern const cf_cel_library cf_cel_lib_encoders; /* base64.* */
extern const cf_cel_library cf_cel_lib_time;     /* timestamp, duration, get* */
extern const cf_cel_library cf_cel_lib_math;     /* math.* */
extern const cf_cel_library
    cf_cel_lib_lists; /* distinct, flatten, lists.range, reverse, slice, sort, first, last */
extern const cf_cel_library cf_cel_lib_sets;     /* sets.* */
extern const cf_cel_library cf_cel_lib_optional; /* optional.*, hasValue, value */
extern const cf_cel_library cf_cel_lib_network;  /* ip, cidr, ... */

/** Spends n steps. error BUDGET */
static inline CF_MUST_USE cf_result cf_cel_charge(cf_cel_run *run, uint64_t n)
{
    if (CF_UNLIKELY(n > run->steps)) {
        run->steps = 0;
        run->over = "steps";
        return cf_fail(CF_ERR_BUDGET);
    }
    run->steps -= n;
    return cf_ok();
}

/** Spends what touching so many octets of text costs. */
static inline CF_MUST_USE cf_result cf_cel_charge_text(cf_cel_run *run, size_t octets)
{
    return cf_cel_charge(run, 1 + octets / 16);
}

/** Zeroed memory of the arena, aligned for any type. error BUDGET live_bytes, NO_MEMORY */
CF_MUST_USE cf_result cf_cel_new(cf_cel_run *run, size_t bytes, void **ret);

/** Room for a string or bytes of len octets, which the caller fills before it lets anyone see *ret. kind CF_CEL_STRING or
 *  CF_CEL_BYTES. error BUDGET live_bytes, output_bytes, steps (charged as text) */
CF_MUST_USE cf_result cf_cel_text_new(cf_cel_run *run, cf_cel_kind kind, size_t len,
                                      uint8_t **ret_octets, cf_cel_value *ret);

/** A string with a copy of text, which must be well-formed UTF-8. Errors as cf_cel_text_new. */
CF_MUST_USE cf_result cf_cel_string_copy(cf_cel_run *run, cf_view text, cf_cel_value *ret);

/** The part of a string or bytes from octet `from` to before octet `to`, without a copy. Both must be ends of code points. */
static inline cf_cel_value cf_cel_text_part(const cf_cel_value *v, size_t from, size_t to)
{
    return (cf_cel_value){
        .kind = v->kind, .flags = v->flags, .len = (uint32_t)(to - from), .s = v->s + from};
}

/** An optional that holds a copy of *v. error BUDGET */
CF_MUST_USE cf_result cf_cel_optional_of(cf_cel_run *run, const cf_cel_value *v, cf_cel_value *ret);

/** A list while it grows, in the zero state at first. */
typedef struct {
    cf_cel_value *items;
    uint32_t count, cap;
} cf_cel_items;

/** Makes room for cap elements at once. error BUDGET elements, live_bytes */
CF_MUST_USE cf_result cf_cel_items_reserve(cf_cel_run *run, cf_cel_items *l, size_t cap);
/** Appends; amortised constant cost. error BUDGET elements, live_bytes */
CF_MUST_USE cf_result cf_cel_items_push(cf_cel_run *run, cf_cel_items *l, const cf_cel_value *v);
static inline cf_cel_value cf_cel_items_list(const cf_cel_items *l)
{
    return cf_cel_list(l->items, l->count);
}

/** An empty map with room for cap entries at first. error BUDGET */
CF_MUST_USE cf_result cf_cel_map_new(cf_cel_run *run, size_t cap, cf_cel_map **ret);
/** Adds an entry. error CEL_KEY the key is no int, uint, bool or string, or is there (numbers of different types may be equal);
 *  BUDGET elements, live_bytes, steps */
CF_MUST_USE cf_result cf_cel_map_put(cf_cel_run *run, cf_cel_map *map, const cf_cel_value *key,
                                     const cf_cel_value *value);
/** The value of a key, or NULL; numbers are found across types when they are equal exactly. Charges steps; error BUDGET. */
CF_MUST_USE cf_result cf_cel_map_get(cf_cel_run *run, const cf_cel_map *map,
                                     const cf_cel_value *key, const cf_cel_value **ret);

/** CEL's ==: never fails on kinds, numbers on one line, NaN unequal to all. Charges steps; error BUDGET (also when nested beyond
 *  CF_CEL_NESTING_MAX). */
CF_MUST_USE cf_result cf_cel_equal(cf_cel_run *run, const cf_cel_value *a, const cf_cel_value *b,
                                   bool *ret);

/** Order of two values of which CEL has one: *ret is -1, 0, 1, or 2 when unordered (a NaN). error CEL_TYPE they have none; BUDGET */
CF_MUST_USE cf_result cf_cel_compare(cf_cel_run *run, const cf_cel_value *a, const cf_cel_value *b,
                                     int *ret);

/** A list of items in the order of their keys, which are all of one type that has an order; of equal keys the earlier stays first.
 *  error CEL_TYPE the keys are of several types or of none that sorts, CEL_ARGUMENT a NaN among them; BUDGET (a step for each
 *  comparison, and for the text it touches) */
CF_MUST_USE cf_result cf_cel_sort_by(cf_cel_run *run, const cf_cel_value *items,
                                     const cf_cel_value *keys, uint32_t n, cf_cel_value *ret_list);

/** Octets that hold the text of any scalar. */
#define CF_CEL_PRINT_BYTES 64

/** Writes what string(v) gives for bool, int, uint, double, timestamp, duration and addresses; no NUL. error CEL_TYPE for the others. */
CF_MUST_USE cf_result cf_cel_print(const cf_cel_value *v, char out[CF_CEL_PRINT_BYTES],
                                   size_t *ret_len);

/** True for what optional.ofNonZeroValue turns into none. */
bool cf_cel_is_zero(const cf_cel_value *v);
