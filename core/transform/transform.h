/* SPDX-License-Identifier: Apache-2.0 */
/* What decrypting does with expressions: Coffer's own functions, and the evaluation of a request's list over its fields
 * (docs/design/0004-expressions.md). No I/O, no clock; keys and the time come with the request. */
#pragma once
#include "core/cel/function.h"

/* What all expressions of a request may cost together. */
#define CF_TRANSFORM_STEPS_MAX CF_CEL_STEPS_MAX
#define CF_TRANSFORM_LIVE_BYTES_MAX ((size_t)4 << 20)
#define CF_TRANSFORM_JSON_BYTES_MAX ((size_t)128 << 10) /* of results; also of any one string */
#define CF_TRANSFORM_SOURCE_BYTES_MAX 10240
#define CF_TRANSFORM_NODES_MAX 8192
#define CF_TRANSFORM_COMPILE_STEPS_MAX 20000              /* of one; cel.h says what for */
#define CF_TRANSFORM_PROGRAMS_BYTES_MAX ((size_t)4 << 20) /* all programs of a request */
#define CF_TRANSFORM_DIGEST_BYTES 32

/* ---- what functions see of the request ---- */

/** A named key of hmac_*. code: CF_OK, or why the key could not be had. */
typedef struct {
    cf_view name, key;
    cf_err code;
} cf_transform_secret;

struct cf_cel_host {
    int64_t now_seconds; /* since 1970, read once for the request */
    const cf_transform_secret *secrets;
    size_t secrets_n;
};

/** The functions of library.c; docs/cel.md tells what they do. */
extern const cf_cel_library cf_transform_library;

/** The standard environment with them. error NO_MEMORY */
CF_MUST_USE cf_result cf_transform_env_new(cf_cel_env **ret);

/* ---- names in a source ---- */

/** The next run of characters in the source, from *at on, that may be the name of a variable: no keyword, no reserved word. Also what
 *  stands in texts and comments, so that no variable is missed. *at moves behind it. False at the end. */
bool cf_transform_mention(cf_view source, size_t *at, cf_view *ret);

/* ---- one program ---- */

/** What a program is made of, and found again by. names: those it may read, joined by commas; none holds one, or the end of a line. */
typedef struct {
    cf_view source, names;
} cf_transform_source;

/** SHA-256 of all of it. error CRYPTO */
CF_MUST_USE cf_result cf_transform_digest(const cf_transform_source *s,
                                          uint8_t ret[static CF_TRANSFORM_DIGEST_BYTES]);

/** env: of cf_transform_env_new; outlives the program. The source is not kept. The slot of a name is its place among them.
 *  error what *ret_error says, as cf_cel_compile; NO_MEMORY */
CF_MUST_USE cf_result cf_transform_compile(const cf_cel_env *env, const cf_transform_source *s,
                                           cf_cel_program **ret, cf_cel_error *ret_error);

/** A program that somebody keeps; the first member of what he keeps with it. */
typedef struct {
    cf_cel_program *cel;
} cf_transform_program;

/** Where programs come from: a cache, or a compiler. get is as cf_transform_compile; what it gave is given back by put. */
typedef struct {
    cf_result (*get)(void *ctx, const cf_transform_source *s, const cf_transform_program **ret,
                     cf_cel_error *ret_error);
    void (*put)(void *ctx, const cf_transform_program *program);
} cf_transform_programs;

/* ---- one request ---- */

typedef struct {
    cf_view name, source;
} cf_transform_expression;

/** A field's value while expressions are evaluated. CF_OK: text; NOT_SET: null; any other: it cannot be read. */
typedef struct {
    cf_view text;
    cf_err code;
} cf_transform_field;

/** code CF_OK and the value as JSON text; or a code, and where in the source. */
typedef struct {
    cf_view name, json;
    cf_err code;
    uint32_t offset;
} cf_transform_result;

typedef struct {
    const cf_view *fields; /* names, none twice */
    size_t fields_n;
    const cf_transform_expression *expressions; /* in the order of evaluation, no name twice */
    size_t expressions_n;
    const cf_transform_programs *programs;
    void *programs_ctx;
} cf_transform_spec;

/** The expressions of one request. */
typedef struct cf_transform cf_transform;

/** Compiles. What does not compile is kept as the result that it will have. spec and what it refers to outlive *ret, which lies in the
 *  arena and is ended with cf_transform_end. error NO_MEMORY, CRYPTO, DUPLICATE a field; then nothing is to be ended */
CF_MUST_USE cf_result cf_transform_new(const cf_transform_spec *spec, cf_arena *arena,
                                       cf_transform **ret);
/** Gives the programs back. Accepts a pointer to NULL, leaves NULL. */
void cf_transform_end(cf_transform **t);

/** True if an expression reads the field of that place. */
bool cf_transform_reads(const cf_transform *t, size_t field);

/** Evaluates all in order.
 *  in    fields  by place; those that nothing reads are not looked at. arena: takes what is made on the way, at most
 *                CF_TRANSFORM_LIVE_BYTES_MAX; wiped by the caller
 *  out   *json   the texts that the results show; must not change while they are used
 *        ret     expressions_n results
 *  error NO_MEMORY, CRYPTO: of the whole; every other failure is a result's. */
CF_MUST_USE cf_result cf_transform_run(cf_transform *t, const cf_transform_field *fields,
                                       struct cf_cel_host *host, cf_arena *arena, cf_buf *json,
                                       cf_transform_result *ret);
