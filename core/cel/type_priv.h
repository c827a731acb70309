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
    CF_CEL_OF_LIST,     /* list(a) */
    CF_CEL_OF_MAP,      /* map(a, b) */
    CF_CEL_OF_TYPE,     /* type(a) */
    CF_CEL_OF_OPTIONAL, /* optional_type(a) */
    CF_CEL_OF_ABSTRACT, /* the host's, by name; a its arguments: CF_CEL_OF_ARGS, or 0 for none */
    CF_CEL_OF_ARGS,     /* one argument a, and the further ones b: CF_CEL_OF_ARGS, or 0 */
    CF_CEL_OF_VARIABLE, /* of the checker: bound to a when b is 1, else free */
} cf_cel_of;

/* Flags of a composite: what stands somewhere inside. */
enum {
    CF_CEL_HAS_PARAM = 1,
    CF_CEL_HAS_VARIABLE = 2,
};

typedef struct {
    uint8_t of; /* cf_cel_of */
    uint8_t flags;
    cf_cel_type a, b;
    cf_view name; /* of an abstract type */
} cf_cel_composite;

/** Grows in an arena; an environment has one, a compilation another that continues it. Equal composites share a number (variables of
 *  the checker excepted), so equal types without variables are equal numbers. */
typedef struct cf_cel_pool {
    const struct cf_cel_pool
        *base; /* its numbers come first; it must not grow while this one is used */
    cf_cel_composite *rows;
    uint32_t n, cap, first; /* rows[0] has the number first */
    uint32_t max;           /* rows; one more is BUDGET */
    uint32_t *index;        /* open addressing over row numbers + 1; NULL while the rows are few */
    uint32_t mask;          /* slots of index - 1 */
    cf_arena *arena;        /* where rows and index grow */
} cf_cel_pool;

void cf_cel_pool_init(cf_cel_pool *p, const cf_cel_pool *base, cf_arena *arena, uint32_t max);

/** The composite of a number from CF_CEL_T_SIMPLE_END on that the pool gave. */
static inline const cf_cel_composite *cf_cel_pool_at(const cf_cel_pool *p, cf_cel_type t)
{
    while (t < p->first) {
        p = p->base;
    }
    return &p->rows[t - p->first];
}

/** True if t is a composite of that sort. */
static inline bool cf_cel_type_is(const cf_cel_pool *p, cf_cel_type t, cf_cel_of of)
{
    return t >= CF_CEL_T_SIMPLE_END && cf_cel_pool_at(p, t)->of == of;
}

/** CF_CEL_HAS_* of any type. */
static inline uint8_t cf_cel_type_flags(const cf_cel_pool *p, cf_cel_type t)
{
    if (t >= CF_CEL_T_SIMPLE_END) {
        return cf_cel_pool_at(p, t)->flags;
    }
    return t >= CF_CEL_T_PARAM ? CF_CEL_HAS_PARAM : 0;
}

/** The number of a composite; a new one when the pool and its bases have none like it. name is borrowed. error BUDGET, NO_MEMORY */
CF_MUST_USE cf_result cf_cel_pool_add(cf_cel_pool *p, cf_cel_of of, cf_cel_type a, cf_cel_type b,
                                      cf_view name, cf_cel_type *ret);

/** list(a), type(a) or optional_type(a). */
static inline CF_MUST_USE cf_result cf_cel_pool_of(cf_cel_pool *p, cf_cel_of of, cf_cel_type a,
                                                   cf_cel_type *ret)
{
    return cf_cel_pool_add(p, of, a, 0, CF_VIEW_EMPTY, ret);
}

/** The letters that stand for any type, in the order in which one signature names them. */
typedef struct {
    uint8_t letter[CF_CEL_PARAMS_MAX];
    uint32_t n;
} cf_cel_letters;

/** Brackets within each other in a type's text. */
#define CF_CEL_TYPE_DEPTH_MAX 16u

/** Reads a type's text from the front of *text: "map(string, list(A))", "google.protobuf.Timestamp", "optional_type(int)". A capital
 *  letter, alone or as <A>, is a parameter, which letters numbers; with letters NULL there may be none. "list" alone is list(dyn). Any
 *  other name that is not known is an abstract type; it is copied. error MALFORMED, DEPTH, SIZE over CF_CEL_PARAMS_MAX arguments or
 *  letters, BUDGET, NO_MEMORY */
CF_MUST_USE cf_result cf_cel_type_read(cf_cel_pool *p, cf_cel_letters *letters, cf_view *text,
                                       cf_cel_type *ret);

/** Octets a type's text has at most, give or take one name: what would come behind is written as dyn. */
#define CF_CEL_TYPE_BYTES_MAX 1024u

/** Appends the type's text as the conformance suite writes it: "list(int)", "google.protobuf.Timestamp". Free variables are dyn.
 *  error NO_MEMORY */
CF_MUST_USE cf_result cf_cel_type_print(const cf_cel_pool *p, cf_cel_type t, cf_buf *out);

/** The name of a type below CF_CEL_T_SIMPLE_END, in static storage. */
cf_view cf_cel_type_simple_name(cf_cel_type t);

/** The type that a type value's name means, "list" being list(dyn). error NOT_FOUND, BUDGET, NO_MEMORY */
CF_MUST_USE cf_result cf_cel_type_named(cf_cel_pool *p, cf_view name, cf_cel_type *ret);

/** A signature, read. */
typedef struct {
    cf_cel_type params[CF_CEL_PARAMS_MAX];
    cf_cel_type result;
    uint32_t kinds[CF_CEL_PARAMS_MAX]; /* bit k: an argument of cf_cel_kind k is taken */
    uint32_t n;                        /* parameters, the receiver included */
    bool member;
} cf_cel_signature;

/** error MALFORMED, DEPTH, SIZE over CF_CEL_PARAMS_MAX, BUDGET, NO_MEMORY */
CF_MUST_USE cf_result cf_cel_signature_read(cf_cel_pool *p, const char *text,
                                            cf_cel_signature *ret);
