/* SPDX-License-Identifier: Apache-2.0 */
/* A parsed schema, and the formats of its fields. */
#pragma once
#include "core/base/arena.h"
#include "core/regex/regex.h"
#include "core/schema/schema.h"
#include "core/vault/record.h"

/** A named form of text: docs/schemas.md. */
typedef struct {
    cf_view name;
    bool (*matches)(cf_view text);
    const char *reason; /* what a value that does not match is told */
    bool ascii_digits;  /* every part of a match, too, is digits */
} schema_format;

/** The format of that name, or NULL. */
const schema_format *cf_schema_format(cf_view name);

typedef struct {
    cf_view name;
    size_t points_min, points_max;
    const schema_format *format; /* or NULL */
    const cf_regex *pattern;     /* or NULL */
    cf_view source;              /* the field that this one is derived from, or empty */
    size_t take_last;            /* code points of the source */
} schema_field;

struct cf_schema {
    cf_arena arena; /* holds all of it but the struct */
    cf_view name;
    schema_field *fields; /* in order of their names */
    size_t n;
};

/** Octets in which a pattern of CF_SCHEMA_PATTERN_INSTRUCTIONS_MAX instructions can be matched: they fit on a stack. */
#define SCHEMA_MATCH_BYTES 24576

/** The field of that name, or NULL. */
schema_field *cf_schema_find(const cf_schema *s, cf_view name);
