/* SPDX-License-Identifier: Apache-2.0 */
/* CEL values: sixteen octets each, passed by pointer or copied; what they point to lives in the arena of the evaluation, in the
 * program, or with the caller, and is never changed once another value holds it. */
#pragma once
#include "core/base/arena.h"

typedef enum {
    CF_CEL_UNSET,     /* no value: a variable that the activation does not bind */
    CF_CEL_ERROR,     /* a failed evaluation kept for later; seen by the engine alone */
    CF_CEL_NULL,      /* */
    CF_CEL_BOOL,      /* .b */
    CF_CEL_INT,       /* .i */
    CF_CEL_UINT,      /* .u */
    CF_CEL_DOUBLE,    /* .d */
    CF_CEL_STRING,    /* .s, not NULL, of .len octets of well-formed UTF-8, not NUL-terminated */
    CF_CEL_BYTES,     /* .s, not NULL, of .len octets */
    CF_CEL_LIST,      /* .items of .len values */
    CF_CEL_MAP,       /* .map */
    CF_CEL_TYPE,      /* .s of .len octets: the type's name */
    CF_CEL_TIMESTAMP, /* .i seconds since 1970, .len nanoseconds, core/time's range */
    CF_CEL_DURATION,  /* .i nanoseconds */
    CF_CEL_OPTIONAL,  /* .items: one value, or NULL for none */
    CF_CEL_IP,        /* .s: 16 octets, IPv4 mapped; .aux 4 or 6 */
    CF_CEL_CIDR,      /* .s: 16 octets; .aux 4 or 6; .len the prefix length within that family */
    CF_CEL_KIND_COUNT
} cf_cel_kind;

/** .flags of a string: every octet is below 0x80, so that code points are octets. Absent says nothing. */
#define CF_CEL_ASCII 1u

typedef struct cf_cel_map cf_cel_map;
typedef struct cf_cel_value cf_cel_value;
struct cf_cel_value {
    uint8_t kind; /* cf_cel_kind */
    uint8_t flags;
    uint16_t aux;
    uint32_t len;
    union {
        bool b;
        int64_t i;
        uint64_t u;
        double d;
        const uint8_t *s;
        const cf_cel_value *items;
        const cf_cel_map *map;
    };
};
_Static_assert(sizeof(cf_cel_value) == 16, "the engine counts on the size");

/** A map in the order its keys were put. */
struct cf_cel_map {
    uint32_t count, cap;
    cf_cel_value *entries; /* key, value, key, value, ... */
    uint32_t *index;       /* open addressing over entry numbers + 1, NULL while the map is small */
    uint32_t mask;         /* slots of index - 1 */
};

static inline cf_cel_value cf_cel_null(void)
{
    return (cf_cel_value){.kind = CF_CEL_NULL};
}

static inline cf_cel_value cf_cel_bool(bool b)
{
    return (cf_cel_value){.kind = CF_CEL_BOOL, .u = b};
}

static inline cf_cel_value cf_cel_int(int64_t i)
{
    return (cf_cel_value){.kind = CF_CEL_INT, .i = i};
}

static inline cf_cel_value cf_cel_uint(uint64_t u)
{
    return (cf_cel_value){.kind = CF_CEL_UINT, .u = u};
}

static inline cf_cel_value cf_cel_double(double d)
{
    return (cf_cel_value){.kind = CF_CEL_DOUBLE, .d = d};
}

static inline cf_cel_value cf_cel_duration(int64_t nanos)
{
    return (cf_cel_value){.kind = CF_CEL_DURATION, .i = nanos};
}

static inline cf_cel_value cf_cel_timestamp(int64_t seconds, uint32_t nanos)
{
    return (cf_cel_value){.kind = CF_CEL_TIMESTAMP, .len = nanos, .i = seconds};
}

/** The octets of a view, or of an empty text where it has none. */
static inline const uint8_t *cf_cel_octets(cf_view v)
{
    return v.data != NULL ? v.data : (const uint8_t *)"";
}

/** A string over text that stays where it is; text must be well-formed UTF-8 and shorter than 4 GiB. The ASCII flag is not set. */
static inline cf_cel_value cf_cel_string(cf_view text)
{
    return (cf_cel_value){
        .kind = CF_CEL_STRING, .len = (uint32_t)text.len, .s = cf_cel_octets(text)};
}

static inline cf_cel_value cf_cel_bytes(cf_view octets)
{
    return (cf_cel_value){
        .kind = CF_CEL_BYTES, .len = (uint32_t)octets.len, .s = cf_cel_octets(octets)};
}

static inline cf_cel_value cf_cel_list(const cf_cel_value *items, uint32_t n)
{
    return (cf_cel_value){.kind = CF_CEL_LIST, .len = n, .items = items};
}

static inline cf_cel_value cf_cel_map_value(const cf_cel_map *map)
{
    return (cf_cel_value){.kind = CF_CEL_MAP, .map = map};
}

/** The optional that holds *held, which must outlive it; none for NULL. */
static inline cf_cel_value cf_cel_optional(const cf_cel_value *held)
{
    return (cf_cel_value){.kind = CF_CEL_OPTIONAL, .items = held};
}

/** A type value of a static name, "int" for example. */
static inline cf_cel_value cf_cel_type_value(cf_view name)
{
    return (cf_cel_value){.kind = CF_CEL_TYPE, .len = (uint32_t)name.len, .s = name.data};
}

/** The octets of a string, bytes or type. */
static inline cf_view cf_cel_text(const cf_cel_value *v)
{
    return (cf_view){v->s, v->len};
}

/** The name of the value's type as type(x) gives it: "int", "google.protobuf.Timestamp", "optional_type", ... Static storage. */
cf_view cf_cel_kind_name(cf_cel_kind kind);

/** False for what no expression may see: unset and error. */
static inline bool cf_cel_is_value(const cf_cel_value *v)
{
    return v->kind > CF_CEL_ERROR;
}
