/* SPDX-License-Identifier: Apache-2.0 */
/* Between lexer, parser and macros. */
#pragma once
#include "core/cel/tape_priv.h"

typedef enum {
    CF_CEL_K_END,
    CF_CEL_K_NAME,   /* identifier, reserved words included; not the keywords */
    CF_CEL_K_QUOTED, /* `name`: the token includes the backticks */
    CF_CEL_K_TRUE,
    CF_CEL_K_FALSE,
    CF_CEL_K_NULL,
    CF_CEL_K_IN,
    CF_CEL_K_INT,
    CF_CEL_K_UINT,
    CF_CEL_K_DOUBLE,
    CF_CEL_K_STRING, /* prefixes and quotes included */
    CF_CEL_K_BYTES,
    CF_CEL_K_LPAREN,
    CF_CEL_K_RPAREN,
    CF_CEL_K_LBRACKET,
    CF_CEL_K_RBRACKET,
    CF_CEL_K_LBRACE,
    CF_CEL_K_RBRACE,
    CF_CEL_K_DOT,
    CF_CEL_K_COMMA,
    CF_CEL_K_COLON,
    CF_CEL_K_QUESTION,
    CF_CEL_K_NOT,
    CF_CEL_K_MINUS,
    CF_CEL_K_PLUS,
    CF_CEL_K_STAR,
    CF_CEL_K_SLASH,
    CF_CEL_K_PERCENT,
    CF_CEL_K_EQ,
    CF_CEL_K_NE,
    CF_CEL_K_LT,
    CF_CEL_K_LE,
    CF_CEL_K_GT,
    CF_CEL_K_GE,
    CF_CEL_K_AND,
    CF_CEL_K_OR,
} cf_cel_token_kind;

typedef struct {
    uint8_t kind; /* cf_cel_token_kind */
    /* STRING, BYTES: octets before and behind the text, whether escapes stand in it, and whether all of it is below 0x80 */
    uint8_t open, close;
    bool escaped, ascii;
    uint32_t offset, len;
} cf_cel_token;

/** The *ret_n tokens of a source, an END behind them. error CEL_SYNTAX, UTF8, BUDGET, NO_MEMORY */
CF_MUST_USE cf_result cf_cel_lex(cf_cel_compilation *c, cf_view source, cf_cel_token **ret,
                                 uint32_t *ret_n);

/** The value of a literal token; minus: a '-' stands before it. Text without escapes stays in the source.
 *  error CEL_SYNTAX an escape or number that is none or does not fit, NO_MEMORY */
CF_MUST_USE cf_result cf_cel_literal(cf_cel_compilation *c, cf_view source, const cf_cel_token *t,
                                     bool minus, cf_cel_value *ret);

/** An array of the compilation's with more room: it doubles, in the arena. NULL when memory is out. */
void *cf_cel_grow_more(cf_arena *arena, const void *old, size_t size, uint32_t *cap)
    __attribute__((cold));

/** The array, with room for n + 1 elements. NULL when memory is out. */
static inline void *cf_cel_grow(cf_arena *arena, void *old, size_t size, uint32_t n, uint32_t *cap)
{
    return CF_UNLIKELY(n >= *cap) ? cf_cel_grow_more(arena, old, size, cap) : old;
}

/* ---- frames: what is open around the place the parser is at ---- */

typedef enum {
    CF_CEL_FR_BINARY, /* node and level of an operator that waits for its right side */
    CF_CEL_FR_GROUP,  /* && or || with n operands so far */
    CF_CEL_FR_UNARY,  /* n times ! or - */
    CF_CEL_FR_PAREN,
    CF_CEL_FR_INDEX,
    CF_CEL_FR_LIST,
    CF_CEL_FR_MAP_KEY,
    CF_CEL_FR_MAP_VALUE,
    CF_CEL_FR_MESSAGE,
    CF_CEL_FR_THEN, /* behind the ? of a condition */
    CF_CEL_FR_ELSE, /* and behind its : */
    CF_CEL_FR_CALL,
    CF_CEL_FR_MACRO_HAS,
    CF_CEL_FR_MACRO_LOOP,
    CF_CEL_FR_MACRO_BIND,
    CF_CEL_FR_MACRO_SLOTS, /* the list of cel.block */
    CF_CEL_FR_MACRO_BLOCK, /* its body */
    CF_CEL_FR_MACRO_ORELSE,
    CF_CEL_FR_MACRO_WITH,
    CF_CEL_FR_MACRO_EXTREME, /* math.least and math.greatest: arguments become a list */
} cf_cel_frame_kind;

typedef struct {
    uint8_t kind;  /* cf_cel_frame_kind */
    uint8_t level; /* BINARY, GROUP: precedence, higher binds tighter */
    uint8_t node;  /* BINARY, GROUP, UNARY, INDEX: node to emit */
    bool member;   /* CALL */
    bool optional; /* a ? stands before the current element or entry */
    uint32_t n;    /* operands, elements, arguments complete so far */
    uint32_t max;  /* MACRO_LOOP: arguments expressions it takes */
    uint32_t offset;
    cf_view name;   /* CALL */
    uint32_t a;     /* MACRO_*: loop or local */
    uint32_t scope; /* locals in scope outside */
} cf_cel_frame;

/** How a local is named: an identifier, or cel.iterVar(a, b), cel.accuVar(a, b), cel.index(a). */
typedef struct {
    uint8_t form; /* 0 identifier, 'i', 'a', 'x' */
    uint32_t a, b;
    cf_view text;
    uint32_t number;
} cf_cel_local;

typedef struct {
    cf_cel_compilation *c;
    cf_view source;
    const cf_cel_token *tokens;
    uint32_t at; /* next token */
    cf_cel_tape *tape;
    uint32_t nodes_cap, constants_cap, loops_cap;
    cf_cel_frame *frames;
    uint32_t frames_n, frames_cap, nesting;
    cf_cel_local *locals; /* in scope, innermost last */
    uint32_t locals_n, locals_cap;
} cf_cel_parser;

static inline const cf_cel_token *cf_cel_peek(const cf_cel_parser *p, uint32_t ahead)
{
    return &p->tokens[p->at + ahead];
}

static inline cf_view cf_cel_token_text(const cf_cel_parser *p, const cf_cel_token *t)
{
    return cf_view_make(p->source.data + t->offset, t->len);
}

CF_MUST_USE cf_result cf_cel_syntax(const cf_cel_parser *p, const cf_cel_token *at);
/** Room for n nodes, as far as the budget allows; more than there was. error BUDGET at that offset, NO_MEMORY */
CF_MUST_USE cf_result cf_cel_grow_nodes(cf_cel_parser *p, uint32_t n, uint32_t offset);

static inline cf_result cf_cel_emit(cf_cel_parser *p, cf_cel_node node)
{
    cf_cel_tape *t = p->tape;
    if (CF_UNLIKELY(t->n == p->nodes_cap)) {
        CF_TRY(cf_cel_grow_nodes(p, 2 * t->n, node.offset));
    }
    /* member by member: a whole node would be read from where its parts have just been written, which processors wait for */
    cf_cel_node *to = &t->nodes[t->n++];
    to->kind = node.kind;
    to->flags = node.flags;
    to->offset = node.offset;
    to->n = node.n;
    to->a = node.a;
    to->group = node.group;
    return cf_ok();
}

/** Opens a frame; *ret is there until the next one. error BUDGET, NO_MEMORY */
CF_MUST_USE cf_result cf_cel_frame_push(cf_cel_parser *p, cf_cel_frame_kind kind, uint32_t offset,
                                        cf_cel_frame **ret);
CF_MUST_USE cf_result cf_cel_local_push(cf_cel_parser *p, cf_cel_local local, uint32_t *ret_number);
/** Reads the name of a local at token p->at + ahead. False when there is none; *ret_tokens it takes. */
bool cf_cel_local_read(const cf_cel_parser *p, uint32_t ahead, cf_cel_local *ret,
                       uint32_t *ret_tokens);
/** The number of the innermost local of that name. False when there is none. */
bool cf_cel_local_find(const cf_cel_parser *p, const cf_cel_local *name, uint32_t *ret_number);

CF_MUST_USE cf_result cf_cel_no_memory(const cf_cel_parser *p);
/** Emits a constant, which the caller writes to *ret at once. */
CF_MUST_USE cf_result cf_cel_emit_const(cf_cel_parser *p, uint32_t offset, cf_cel_value **ret);
bool cf_cel_top_is(const cf_cel_parser *p, cf_cel_frame_kind kind);

/** A name at p->at: a variable, a call, or a message; root: a dot stood before it. *ret_done: an operand is complete (a call or message
 *  is not yet). */
CF_MUST_USE cf_result cf_cel_parse_name(cf_cel_parser *p, bool root, bool *ret_done);
/** Opens the call, or the macro that it is; p->at is at the '('. name: the last token of the name, whose text text is. */
CF_MUST_USE cf_result cf_cel_open_call(cf_cel_parser *p, const cf_cel_token *name, cf_view text,
                                       bool member);
/** Emits the call whose frame has been popped. */
CF_MUST_USE cf_result cf_cel_close_call(cf_cel_parser *p, const cf_cel_frame *f);

/** Opens the macro that the call is, if it is one: p->at is behind the '('. *ret false: an ordinary call. */
CF_MUST_USE cf_result cf_cel_macro_open(cf_cel_parser *p, const cf_cel_token *name, cf_view text,
                                        bool member, bool *ret);
/** A comma behind an argument of a macro. */
CF_MUST_USE cf_result cf_cel_macro_comma(cf_cel_parser *p, cf_cel_frame *f);
/** The closing bracket behind the last argument (arguments counts it). Pops the frame. */
CF_MUST_USE cf_result cf_cel_macro_close(cf_cel_parser *p, const cf_cel_frame *f);
/** True for the words that are no names of variables and functions. */
bool cf_cel_reserved(cf_view name);

/** True if an ordinary call of that name and number of arguments should have been a macro, whose variable is then no name. */
bool cf_cel_macro_misused(cf_view name, bool member, uint32_t n);
