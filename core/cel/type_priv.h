/* SPDX-License-Identifier: Apache-2.0 */
/* Types of the checker and of signatures: numbers into a pool, the simple ones fixed. */
#pragma once
#include "core/cel/function.h"

typedef uint32_t cf_cel_type;

/* Types that need no pool. */
enum {
    CF_CEL_T_DYN,
    CF_CEL_T_NULL,
    CF_CEL_T_BOOL,
    CF_CEL_T_INT,
    CF_CEL_T_UINT,
    CF_CEL_T_DOUBLE,
    CF_CEL_T_STRING,
    CF_CEL_T_BYTES,
    CF_CEL_T_TIMESTAMP,
    CF_CEL_T_DURATION,
    CF_CEL_T_IP,
    CF_CEL_T_CIDR,
    CF_CEL_T_PARAM, /* A, B, ... of a signature: the following numbers */
    CF_CEL_T_SIMPLE_END = CF_CEL_T_PARAM + CF_CEL_PARAMS_MAX, /* composites start here */
};

typedef enum {
    CF_CEL_OF_LIST,
    CF_CEL_OF_MAP,
    CF_CEL_OF_TYPE,
    CF_CEL_OF_OPTIONAL,
    CF_CEL_OF_ABSTRACT,
    CF_CEL_OF_VARIABLE
} cf_cel_of;

/** A composite. list(a), map(a, b), type(a), optional(a); an abstract type of the host's by name; a variable of the checker, bound to a or free. */
typedef struct {
    uint8_t of; /* cf_cel_of */
    cf_cel_type a, b;
    cf_view name; /* of an abstract type */
} cf_cel_composite;

/** Grows in memory of its own; an environment has one, a compilation another that continues it. Equal composites share a number
 *  within one pool (variables of the checker excepted). */
typedef struct cf_cel_pool {
    const struct cf_cel_pool *base; /* its numbers come first */
    cf_cel_composite *rows;
    uint32_t n, cap, first; /* rows[0] has the number first */
    cf_arena *arena;        /* where rows grow */
    uint32_t max;           /* rows; one more is BUDGET */
} cf_cel_pool;

void cf_cel_pool_init(cf_cel_pool *p, const cf_cel_pool *base, cf_arena *arena, uint32_t max);
const cf_cel_composite *cf_cel_pool_at(const cf_cel_pool *p, cf_cel_type t);
CF_MUST_USE cf_result cf_cel_pool_add(cf_cel_pool *p, cf_cel_of of, cf_cel_type a, cf_cel_type b,
                                      cf_view name, cf_cel_type *ret);

/** Reads a type's text from the front of *text: "map(string, list(A))", "google.protobuf.Timestamp", "optional_type(int)". Capital
 *  letters A to H and <A> are parameters. An unknown name is an abstract type. error MALFORMED, DEPTH, BUDGET, NO_MEMORY */
CF_MUST_USE cf_result cf_cel_type_read(cf_cel_pool *p, cf_view *text, cf_cel_type *ret);

/** Appends the type's text as the conformance suite writes it. Free variables are dyn. */
CF_MUST_USE cf_result cf_cel_type_print(const cf_cel_pool *p, cf_cel_type t, cf_buf *out);

/** A signature, read. */
typedef struct {
    cf_cel_type params[CF_CEL_PARAMS_MAX];
    cf_cel_type result;
    uint32_t kinds[CF_CEL_PARAMS_MAX]; /* bit k: an argument of cf_cel_kind k is taken */
    uint32_t n;                        /* parameters, the receiver included */
    bool member;
} cf_cel_signature;

/** error MALFORMED, SIZE over CF_CEL_PARAMS_MAX, NO_MEMORY */
CF_MUST_USE cf_result cf_cel_signature_read(cf_cel_pool *p, const char *text,
                                            cf_cel_signature *ret);
