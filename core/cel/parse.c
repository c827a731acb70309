/* SPDX-License-Identifier: Apache-2.0 */
/* An operator-precedence parser with its own stack: operands go to the tape as they are met, operators when what follows binds less
 * tightly. */
#include "core/cel/parse_priv.h"

/* Precedence, tighter is higher. */
enum { LEVEL_OR = 1, LEVEL_AND, LEVEL_RELATION, LEVEL_SUM, LEVEL_PRODUCT };

static const struct {
    uint8_t level, node;
} BINARY[] = {
    [CF_CEL_K_IN] = {LEVEL_RELATION, CF_CEL_N_IN},
    [CF_CEL_K_EQ] = {LEVEL_RELATION, CF_CEL_N_EQ},
    [CF_CEL_K_NE] = {LEVEL_RELATION, CF_CEL_N_NE},
    [CF_CEL_K_LT] = {LEVEL_RELATION, CF_CEL_N_LT},
    [CF_CEL_K_LE] = {LEVEL_RELATION, CF_CEL_N_LE},
    [CF_CEL_K_GT] = {LEVEL_RELATION, CF_CEL_N_GT},
    [CF_CEL_K_GE] = {LEVEL_RELATION, CF_CEL_N_GE},
    [CF_CEL_K_PLUS] = {LEVEL_SUM, CF_CEL_N_ADD},
    [CF_CEL_K_MINUS] = {LEVEL_SUM, CF_CEL_N_SUB},
    [CF_CEL_K_STAR] = {LEVEL_PRODUCT, CF_CEL_N_MUL},
    [CF_CEL_K_SLASH] = {LEVEL_PRODUCT, CF_CEL_N_DIV},
    [CF_CEL_K_PERCENT] = {LEVEL_PRODUCT, CF_CEL_N_MOD},
    [CF_CEL_K_AND] = {LEVEL_AND, CF_CEL_N_AND_NEXT},
    [CF_CEL_K_OR] = {LEVEL_OR, CF_CEL_N_OR_NEXT},
};

CF_MUST_USE cf_result cf_cel_fail_at(cf_cel_compilation *c, cf_err code, uint32_t offset)
{
    *c->error = (cf_cel_error){code, offset, NULL};
    return cf_fail(code);
}

CF_MUST_USE cf_result cf_cel_over_at(cf_cel_compilation *c, const char *budget, uint32_t offset)
{
    *c->error = (cf_cel_error){CF_ERR_BUDGET, offset, budget};
    return cf_fail(CF_ERR_BUDGET);
}

CF_MUST_USE cf_result cf_cel_syntax(const cf_cel_parser *p, const cf_cel_token *at)
{
    return cf_cel_fail_at(p->c, CF_ERR_CEL_SYNTAX, at->offset);
}

CF_MUST_USE cf_result cf_cel_no_memory(const cf_cel_parser *p)
{
    return cf_cel_fail_at(p->c, CF_ERR_NO_MEMORY, 0);
}

void *cf_cel_grow_more(cf_arena *arena, const void *old, size_t size, uint32_t *cap)
{
    uint32_t more = *cap == 0 ? 16 : 2 * *cap;
    void *new = cf_arena_take(arena, (more * size + 15) / 16 * 16);
    if (new != NULL) {
        cf_copy(new, old, *cap * size);
        *cap = more;
    }
    return new;
}

CF_MUST_USE cf_result cf_cel_grow_nodes(cf_cel_parser *p, uint32_t n, uint32_t offset)
{
    cf_cel_tape *t = p->tape;
    uint32_t max = p->c->opt.budget.nodes;
    n = n < max ? n : max;
    if (n <= p->nodes_cap) {
        return cf_cel_over_at(p->c, "nodes", offset);
    }
    cf_cel_node *nodes = cf_arena_new(p->c->arena, n, sizeof *nodes);
    if (nodes == NULL) {
        return cf_cel_no_memory(p);
    }
    cf_copy(nodes, t->nodes, t->n * sizeof *nodes);
    t->nodes = nodes;
    p->nodes_cap = n;
    return cf_ok();
}

CF_MUST_USE cf_result cf_cel_frame_push(cf_cel_parser *p, cf_cel_frame_kind kind, uint32_t offset,
                                        cf_cel_frame **ret)
{
    /* operators nest in each other five deep at most; all else counts */
    p->nesting += kind > CF_CEL_FR_UNARY;
    if (p->nesting > p->c->opt.budget.nesting) {
        return cf_cel_over_at(p->c, "nesting", offset);
    }
    cf_cel_frame *frames =
        cf_cel_grow(p->c->arena, p->frames, sizeof *frames, p->frames_n, &p->frames_cap);
    if (frames == NULL) {
        return cf_cel_no_memory(p);
    }
    p->frames = frames;
    *ret = &frames[p->frames_n++];
    **ret = (cf_cel_frame){.kind = (uint8_t)kind, .offset = offset, .scope = p->locals_n};
    return cf_ok();
}

static cf_cel_frame *top(const cf_cel_parser *p)
{
    return p->frames_n == 0 ? NULL : &p->frames[p->frames_n - 1];
}

/* The popped frame, there until the next is pushed. */
static const cf_cel_frame *pop(cf_cel_parser *p)
{
    const cf_cel_frame *f = &p->frames[--p->frames_n];
    p->nesting -= f->kind > CF_CEL_FR_UNARY;
    return f;
}

bool cf_cel_top_is(const cf_cel_parser *p, cf_cel_frame_kind kind)
{
    return p->frames_n > 0 && top(p)->kind == kind;
}

CF_MUST_USE cf_result cf_cel_emit_const(cf_cel_parser *p, uint32_t offset, cf_cel_value **ret)
{
    cf_cel_tape *t = p->tape;
    cf_cel_value *constants = cf_cel_grow(p->c->arena, t->constants, sizeof *constants,
                                          t->constants_n, &p->constants_cap);
    if (constants == NULL) {
        return cf_cel_no_memory(p);
    }
    t->constants = constants;
    *ret = &constants[t->constants_n];
    return cf_cel_emit(
        p, (cf_cel_node){.kind = CF_CEL_N_CONST, .offset = offset, .a = t->constants_n++});
}

static cf_result emit_literal(cf_cel_parser *p, const cf_cel_token *t, bool minus)
{
    cf_cel_value *v;
    CF_TRY(cf_cel_emit_const(p, t->offset, &v));
    return cf_cel_literal(p->c, p->source, t, minus, v);
}

/* ---- operands ---- */

/* A run of one sign. The last - of a run goes into the number behind it, so that the least int can be written. */
static cf_result parse_signs(cf_cel_parser *p, bool *ret_done)
{
    const cf_cel_token *first = cf_cel_peek(p, 0);
    uint32_t n = 0;
    *ret_done = false;
    while (cf_cel_peek(p, 0)->kind == first->kind) {
        p->at++;
        n++;
    }
    const cf_cel_token *next = cf_cel_peek(p, 0);
    bool number = next->kind == CF_CEL_K_INT || next->kind == CF_CEL_K_DOUBLE;
    bool other = next->kind == CF_CEL_K_MINUS && (cf_cel_peek(p, 1)->kind == CF_CEL_K_INT ||
                                                  cf_cel_peek(p, 1)->kind == CF_CEL_K_DOUBLE);
    if (next->kind == CF_CEL_K_NOT || (next->kind == CF_CEL_K_MINUS && !other)) {
        return cf_cel_syntax(p, next); /* !-x and -!x are no expressions */
    }
    bool fold = first->kind == CF_CEL_K_MINUS && number;
    if (n > (fold ? 1u : 0u)) {
        cf_cel_node_kind node = first->kind == CF_CEL_K_NOT ? CF_CEL_N_NOT : CF_CEL_N_NEG;
        cf_cel_frame *f;
        CF_TRY(cf_cel_frame_push(p, CF_CEL_FR_UNARY, first->offset, &f));
        f->node = (uint8_t)node;
        f->n = n - (fold ? 1 : 0);
    }
    if (fold || other) {
        p->at += other ? 1 : 0;
        *ret_done = true;
        return emit_literal(p, &p->tokens[p->at++], true);
    }
    return cf_ok();
}

static void take_optional_mark(cf_cel_parser *p)
{
    if (cf_cel_peek(p, 0)->kind == CF_CEL_K_QUESTION) {
        top(p)->optional = true;
        p->at++;
    }
}

/* The name before a message's value. */
static cf_result parse_message_field(cf_cel_parser *p)
{
    take_optional_mark(p);
    const cf_cel_token *t = cf_cel_peek(p, 0);
    if ((t->kind != CF_CEL_K_NAME && t->kind != CF_CEL_K_QUOTED) ||
        cf_cel_peek(p, 1)->kind != CF_CEL_K_COLON) {
        return cf_cel_syntax(p, t);
    }
    p->at += 2;
    return cf_ok();
}

static cf_result open_bracket(cf_cel_parser *p, cf_cel_frame_kind kind, const cf_cel_token *t)
{
    p->at++;
    cf_cel_frame *f;
    return cf_cel_frame_push(p, kind, t->offset, &f);
}

static cf_result parse_operand(cf_cel_parser *p, bool *ret_done)
{
    const cf_cel_token *t = cf_cel_peek(p, 0);
    *ret_done = false;
    switch (t->kind) {
    case CF_CEL_K_TRUE:
    case CF_CEL_K_FALSE:
    case CF_CEL_K_NULL:
    case CF_CEL_K_INT:
    case CF_CEL_K_UINT:
    case CF_CEL_K_DOUBLE:
    case CF_CEL_K_STRING:
    case CF_CEL_K_BYTES:
        p->at++;
        *ret_done = true;
        return emit_literal(p, t, false);
    case CF_CEL_K_NAME:
        return cf_cel_parse_name(p, false, ret_done);
    case CF_CEL_K_DOT:
        p->at++;
        return cf_cel_peek(p, 0)->kind == CF_CEL_K_NAME ? cf_cel_parse_name(p, true, ret_done)
                                                        : cf_cel_syntax(p, cf_cel_peek(p, 0));
    case CF_CEL_K_NOT:
    case CF_CEL_K_MINUS:
        return parse_signs(p, ret_done);
    case CF_CEL_K_LPAREN:
        return open_bracket(p, CF_CEL_FR_PAREN, t);
    case CF_CEL_K_LBRACKET:
        return open_bracket(p, CF_CEL_FR_LIST, t);
    case CF_CEL_K_LBRACE:
        return open_bracket(p, CF_CEL_FR_MAP_KEY, t);
    default:
        return cf_cel_syntax(p, t);
    }
}

/* ---- operators ---- */

/* Emits the pending operators that bind at least as tightly as level. */
static cf_result reduce(cf_cel_parser *p, uint32_t level)
{
    while (p->frames_n > 0 && top(p)->kind <= CF_CEL_FR_UNARY) {
        if (top(p)->kind != CF_CEL_FR_UNARY && top(p)->level < level) {
            break;
        }
        const cf_cel_frame *f = pop(p);
        cf_cel_node node = {.kind = f->node, .offset = f->offset};
        if (f->kind == CF_CEL_FR_GROUP) {
            node.kind = f->node == CF_CEL_N_AND_NEXT ? CF_CEL_N_AND_END : CF_CEL_N_OR_END;
            node.n = f->n + 1;
        }
        for (uint32_t n = f->kind == CF_CEL_FR_UNARY ? f->n : 1; n > 0; n--) {
            CF_TRY(cf_cel_emit(p, node));
        }
    }
    return cf_ok();
}

static cf_result parse_binary(cf_cel_parser *p, const cf_cel_token *t)
{
    uint8_t level = BINARY[t->kind].level, node = BINARY[t->kind].node;
    bool group = level <= LEVEL_AND;
    CF_TRY(reduce(p, group ? level + 1u : level));
    p->at++;
    bool first = !group || !cf_cel_top_is(p, CF_CEL_FR_GROUP) || top(p)->level != level;
    if (first) {
        cf_cel_frame *f;
        CF_TRY(cf_cel_frame_push(p, group ? CF_CEL_FR_GROUP : CF_CEL_FR_BINARY, t->offset, &f));
        f->level = level;
        f->node = node;
    }
    if (!group) {
        return cf_ok();
    }
    top(p)->n++;
    return cf_cel_emit(
        p, (cf_cel_node){.kind = node, .flags = first ? CF_CEL_F_FIRST : 0, .offset = t->offset});
}

static cf_result parse_condition(cf_cel_parser *p, const cf_cel_token *t)
{
    CF_TRY(reduce(p, 0));
    if (cf_cel_top_is(p, CF_CEL_FR_THEN)) {
        return cf_cel_syntax(p, t); /* between ? and : a condition needs brackets */
    }
    p->at++;
    cf_cel_frame *f;
    CF_TRY(cf_cel_frame_push(p, CF_CEL_FR_THEN, t->offset, &f));
    return cf_cel_emit(p, (cf_cel_node){.kind = CF_CEL_N_COND_THEN, .offset = t->offset});
}

/* Ends everything up to the innermost bracket. */
static cf_result reduce_all(cf_cel_parser *p, const cf_cel_token *at)
{
    CF_TRY(reduce(p, 0));
    while (cf_cel_top_is(p, CF_CEL_FR_ELSE)) {
        uint32_t offset = pop(p)->offset;
        CF_TRY(cf_cel_emit(p, (cf_cel_node){.kind = CF_CEL_N_COND_END, .offset = offset}));
        CF_TRY(reduce(p, 0));
    }
    return cf_cel_top_is(p, CF_CEL_FR_THEN) ? cf_cel_syntax(p, at) : cf_ok();
}

static cf_result parse_colon(cf_cel_parser *p, const cf_cel_token *t)
{
    CF_TRY(reduce(p, 0));
    p->at++;
    if (cf_cel_top_is(p, CF_CEL_FR_THEN)) {
        cf_cel_frame *f = top(p);
        f->kind = CF_CEL_FR_ELSE;
        return cf_cel_emit(p, (cf_cel_node){.kind = CF_CEL_N_COND_ELSE, .offset = f->offset});
    }
    CF_TRY(reduce_all(p, t));
    if (!cf_cel_top_is(p, CF_CEL_FR_MAP_KEY)) {
        return cf_cel_syntax(p, t);
    }
    top(p)->kind = CF_CEL_FR_MAP_VALUE;
    return cf_ok();
}

/* Behind an element of a list or an entry of a map or message. */
static cf_result end_element(cf_cel_parser *p, cf_cel_frame *f)
{
    bool optional = f->optional;
    f->n++;
    f->optional = false;
    if (f->kind == CF_CEL_FR_MAP_VALUE) {
        f->kind = CF_CEL_FR_MAP_KEY;
        return optional ? cf_cel_emit(p, (cf_cel_node){.kind = CF_CEL_N_OPTIONAL_ENTRY,
                                                       .offset = f->offset})
                        : cf_ok();
    }
    return optional && f->kind == CF_CEL_FR_LIST
               ? cf_cel_emit(p,
                             (cf_cel_node){.kind = CF_CEL_N_OPTIONAL_ELEMENT, .offset = f->offset})
               : cf_ok();
}

static cf_result parse_comma(cf_cel_parser *p, const cf_cel_token *t)
{
    CF_TRY(reduce_all(p, t));
    cf_cel_frame *f = top(p);
    p->at++;
    if (f == NULL) {
        return cf_cel_syntax(p, t);
    }
    switch (f->kind) {
    case CF_CEL_FR_LIST:
    case CF_CEL_FR_MAP_VALUE:
    case CF_CEL_FR_MESSAGE:
        return end_element(p, f);
    case CF_CEL_FR_CALL:
    case CF_CEL_FR_MACRO_EXTREME:
        f->n++;
        return cf_ok();
    case CF_CEL_FR_MACRO_LOOP:
    case CF_CEL_FR_MACRO_BIND:
    case CF_CEL_FR_MACRO_SLOTS:
        return cf_cel_macro_comma(p, f);
    default:
        return cf_cel_syntax(p, t);
    }
}

/* A closing bracket; empty: nothing stands between it and the opening one or the last comma. *ret_operand: the parser stands behind
 * an operand afterwards. */
static cf_result parse_close(cf_cel_parser *p, const cf_cel_token *t, bool empty, bool *ret_operand)
{
    *ret_operand = true;
    if (!empty) {
        CF_TRY(reduce_all(p, t));
    }
    if (p->frames_n == 0) {
        return cf_cel_syntax(p, t);
    }
    cf_cel_frame *f = top(p);
    static const uint8_t CLOSES[] = {[CF_CEL_FR_INDEX] = CF_CEL_K_RBRACKET,
                                     [CF_CEL_FR_LIST] = CF_CEL_K_RBRACKET,
                                     [CF_CEL_FR_MACRO_SLOTS] = CF_CEL_K_RBRACKET,
                                     [CF_CEL_FR_MAP_KEY] = CF_CEL_K_RBRACE,
                                     [CF_CEL_FR_MAP_VALUE] = CF_CEL_K_RBRACE,
                                     [CF_CEL_FR_MESSAGE] = CF_CEL_K_RBRACE,
                                     [CF_CEL_FR_MACRO_EXTREME] = 0};
    uint32_t wanted = CLOSES[f->kind] != 0 ? CLOSES[f->kind] : CF_CEL_K_RPAREN;
    bool list =
        f->kind == CF_CEL_FR_LIST || f->kind == CF_CEL_FR_MAP_KEY || f->kind == CF_CEL_FR_MESSAGE;
    bool call = (f->kind == CF_CEL_FR_CALL || f->kind == CF_CEL_FR_MACRO_EXTREME) && f->n == 0;
    if (t->kind != wanted || (empty && !list && !call) ||
        (!empty && f->kind == CF_CEL_FR_MAP_KEY)) {
        return cf_cel_syntax(p, t);
    }
    p->at++;
    if (f->kind == CF_CEL_FR_MACRO_SLOTS) {
        *ret_operand = false;
        return cf_cel_macro_close(p, f);
    }
    if (!empty && (list || f->kind == CF_CEL_FR_MAP_VALUE)) {
        CF_TRY(end_element(p, f));
    } else if (!empty) {
        f->n++;
    }
    cf_cel_node node = {.offset = f->offset, .n = f->n};
    switch (pop(p)->kind) {
    case CF_CEL_FR_PAREN:
        return cf_ok();
    case CF_CEL_FR_INDEX:
        return cf_cel_emit(p, (cf_cel_node){.kind = f->node, .offset = f->offset});
    case CF_CEL_FR_LIST:
        node.kind = CF_CEL_N_LIST;
        return cf_cel_emit(p, node);
    case CF_CEL_FR_MAP_KEY:
        node.kind = CF_CEL_N_MAP;
        return cf_cel_emit(p, node);
    case CF_CEL_FR_MESSAGE:
        node.kind = CF_CEL_N_MESSAGE;
        return cf_cel_emit(p, node);
    case CF_CEL_FR_CALL:
        return cf_cel_close_call(p, f);
    default:
        p->locals_n = f->scope;
        return cf_cel_macro_close(p, f);
    }
}

/* .name, .?name, .`name`, .name( */
static cf_result parse_selector(cf_cel_parser *p, bool *ret_operand)
{
    p->at++;
    bool optional = cf_cel_peek(p, 0)->kind == CF_CEL_K_QUESTION;
    p->at += optional ? 1 : 0;
    const cf_cel_token *t = cf_cel_peek(p, 0);
    cf_cel_node node = {.kind = optional ? CF_CEL_N_OPT_SELECT : CF_CEL_N_SELECT,
                        .offset = t->offset,
                        .a = t->offset,
                        .n = t->len};
    if (t->kind == CF_CEL_K_QUOTED) {
        node.a++;
        node.n -= 2;
    } else if (t->kind != CF_CEL_K_NAME) {
        return cf_cel_syntax(p, t);
    }
    p->at++;
    if (cf_cel_peek(p, 0)->kind == CF_CEL_K_LPAREN && !optional && t->kind == CF_CEL_K_NAME) {
        *ret_operand = false;
        return cf_cel_open_call(p, t, cf_cel_token_text(p, t), true);
    }
    return cf_cel_emit(p, node);
}

static cf_result open_index(cf_cel_parser *p, const cf_cel_token *t)
{
    CF_TRY(open_bracket(p, CF_CEL_FR_INDEX, t));
    top(p)->node = CF_CEL_N_INDEX;
    if (cf_cel_peek(p, 0)->kind == CF_CEL_K_QUESTION) {
        top(p)->node = CF_CEL_N_OPT_INDEX;
        p->at++;
    }
    return cf_ok();
}

/* Behind an operand: *operand stays true while what follows is complete in itself. */
static cf_result parse_operator(cf_cel_parser *p, bool *operand)
{
    const cf_cel_token *t = cf_cel_peek(p, 0);
    *operand = false;
    switch (t->kind) {
    case CF_CEL_K_DOT:
        *operand = true;
        return parse_selector(p, operand);
    case CF_CEL_K_LBRACKET:
        return open_index(p, t);
    case CF_CEL_K_QUESTION:
        return parse_condition(p, t);
    case CF_CEL_K_COLON:
        return parse_colon(p, t);
    case CF_CEL_K_COMMA:
        return parse_comma(p, t);
    case CF_CEL_K_RPAREN:
    case CF_CEL_K_RBRACKET:
    case CF_CEL_K_RBRACE:
        return parse_close(p, t, false, operand);
    default:
        if (t->kind < sizeof BINARY / sizeof BINARY[0] && BINARY[t->kind].level != 0) {
            return parse_binary(p, t);
        }
        return cf_cel_syntax(p, t);
    }
}

/* Where an operand is wanted a literal, a message or a call without arguments may end instead, and elements may have marks. */
static cf_result parse_before_operand(cf_cel_parser *p, bool *ret_operand)
{
    const cf_cel_token *t = cf_cel_peek(p, 0);
    cf_cel_frame *f = top(p);
    bool inside = f != NULL && (f->kind == CF_CEL_FR_LIST || f->kind == CF_CEL_FR_MAP_KEY ||
                                f->kind == CF_CEL_FR_MESSAGE);
    if (inside && t->kind == CF_CEL_K_COMMA && f->n == 0 &&
        cf_cel_peek(p, 1)->kind != CF_CEL_K_COMMA && p->tokens[p->at - 1].kind != CF_CEL_K_COMMA) {
        p->at++; /* [,] and {,} */
        t = cf_cel_peek(p, 0);
        if (t->kind != CF_CEL_K_RBRACKET && t->kind != CF_CEL_K_RBRACE) {
            return cf_cel_syntax(p, t);
        }
    }
    if (t->kind == CF_CEL_K_RPAREN || t->kind == CF_CEL_K_RBRACKET || t->kind == CF_CEL_K_RBRACE) {
        return f == NULL ? cf_cel_syntax(p, t) : parse_close(p, t, true, ret_operand);
    }
    if (inside && f->kind == CF_CEL_FR_MESSAGE) {
        CF_TRY(parse_message_field(p));
    } else if (inside) {
        take_optional_mark(p);
    }
    return parse_operand(p, ret_operand);
}

CF_MUST_USE cf_result cf_cel_parse(cf_cel_compilation *c, cf_view source, cf_cel_tape *ret)
{
    cf_cel_token *tokens;
    uint32_t n;
    bool operand = false;
    *ret = (cf_cel_tape){.source = source};
    CF_TRY(cf_cel_lex(c, source, &tokens, &n));
    cf_cel_parser p = {.c = c, .source = source, .tokens = tokens, .tape = ret};
    CF_TRY(cf_cel_grow_nodes(&p, n + 1, 0)); /* few expressions have more nodes than tokens */
    while (!operand || cf_cel_peek(&p, 0)->kind != CF_CEL_K_END) {
        CF_TRY(operand ? parse_operator(&p, &operand) : parse_before_operand(&p, &operand));
    }
    CF_TRY(reduce_all(&p, cf_cel_peek(&p, 0)));
    if (p.frames_n > 0) {
        return cf_cel_fail_at(c, CF_ERR_CEL_SYNTAX, (uint32_t)source.len);
    }
    ret->depth = ret->n;
    return cf_ok();
}
