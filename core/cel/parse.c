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

static cf_result no_memory(const cf_cel_parser *p)
{
    return cf_cel_fail_at(p->c, CF_ERR_NO_MEMORY, 0);
}

void *cf_cel_grow(cf_arena *arena, void *old, size_t size, uint32_t n, uint32_t *cap)
{
    if (n < *cap) {
        return old;
    }
    uint32_t more = *cap == 0 ? 16 : 2 * *cap;
    void *new = cf_arena_new(arena, more, size);
    if (new != NULL) {
        cf_copy(new, old, n * size);
        *cap = more;
    }
    return new;
}

CF_MUST_USE cf_result cf_cel_emit(cf_cel_parser *p, cf_cel_node node)
{
    cf_cel_tape *t = p->tape;
    if (t->n >= p->c->opt.budget.nodes) {
        return cf_cel_over_at(p->c, "nodes", node.offset);
    }
    cf_cel_node *nodes = cf_cel_grow(p->c->arena, t->nodes, sizeof *nodes, t->n, &p->nodes_cap);
    if (nodes == NULL) {
        return no_memory(p);
    }
    t->nodes = nodes;
    nodes[t->n++] = node;
    return cf_ok();
}

CF_MUST_USE cf_result cf_cel_frame_push(cf_cel_parser *p, cf_cel_frame frame)
{
    /* operators nest in each other five deep at most; all else counts */
    p->nesting += frame.kind > CF_CEL_FR_UNARY;
    if (p->nesting > p->c->opt.budget.nesting) {
        return cf_cel_over_at(p->c, "nesting", frame.offset);
    }
    cf_cel_frame *frames =
        cf_cel_grow(p->c->arena, p->frames, sizeof *frames, p->frames_n, &p->frames_cap);
    if (frames == NULL) {
        return no_memory(p);
    }
    p->frames = frames;
    frame.scope = p->locals_n;
    frames[p->frames_n++] = frame;
    return cf_ok();
}

static cf_cel_frame *top(const cf_cel_parser *p)
{
    return p->frames_n == 0 ? NULL : &p->frames[p->frames_n - 1];
}

static cf_cel_frame pop(cf_cel_parser *p)
{
    cf_cel_frame f = p->frames[--p->frames_n];
    p->nesting -= f.kind > CF_CEL_FR_UNARY;
    return f;
}

static bool top_is(const cf_cel_parser *p, cf_cel_frame_kind kind)
{
    return p->frames_n > 0 && top(p)->kind == kind;
}

static cf_result emit_const(cf_cel_parser *p, const cf_cel_value *v, uint32_t offset)
{
    cf_cel_tape *t = p->tape;
    cf_cel_value *constants = cf_cel_grow(p->c->arena, t->constants, sizeof *constants,
                                          t->constants_n, &p->constants_cap);
    if (constants == NULL) {
        return no_memory(p);
    }
    t->constants = constants;
    constants[t->constants_n] = *v;
    return cf_cel_emit(
        p, (cf_cel_node){.kind = CF_CEL_N_CONST, .offset = offset, .a = t->constants_n++});
}

static cf_result emit_literal(cf_cel_parser *p, const cf_cel_token *t, bool minus)
{
    cf_cel_value v;
    CF_TRY(cf_cel_literal(p->c, p->source, t, minus, &v));
    return emit_const(p, &v, t->offset);
}

/* ---- names ---- */

bool cf_cel_reserved(cf_view name)
{
    static const char *const WORDS[] = {
        "as",  "break", "const",   "continue",  "else",   "for", "function", "if",   "import",
        "let", "loop",  "package", "namespace", "return", "var", "void",     "while"};
    if (name.len < 2 || name.len > 9) {
        return false;
    }
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        if (WORDS[i][0] == (char)name.data[0] && cf_view_eq(cf_view_str(WORDS[i]), name)) {
            return true;
        }
    }
    return false;
}

/* The names a name may stand for: container.name for the container and each of its parents, then the name alone. */
typedef struct {
    cf_view container, name;
    bool done;
    uint8_t *room; /* of both lengths and a dot */
} candidates;

static bool candidates_of(const cf_cel_parser *p, cf_view name, bool root, candidates *ret)
{
    cf_view container = root ? CF_VIEW_EMPTY : p->c->opt.container;
    *ret = (candidates){container, name, false, NULL};
    if (container.len > 0) {
        ret->room = cf_arena_new(p->c->arena, container.len + name.len + 1, 1);
        return ret->room != NULL;
    }
    return true;
}

static bool candidates_next(candidates *c, cf_view *ret)
{
    if (c->container.len > 0) {
        cf_view k = c->container;
        cf_copy(c->room, k.data, k.len);
        c->room[k.len] = '.';
        cf_copy(c->room + k.len + 1, c->name.data, c->name.len);
        *ret = cf_view_make(c->room, k.len + 1 + c->name.len);
        while (c->container.len > 0 && c->container.data[--c->container.len] != '.') {
        }
        return true;
    }
    *ret = c->name;
    bool more = !c->done;
    c->done = true;
    return more;
}

/* A chain of names with dots from token first on, as one text; blanks between them are left out. */
static cf_result chain_text(cf_cel_parser *p, uint32_t first, uint32_t n, cf_view *ret)
{
    const cf_cel_token *a = &p->tokens[first], *b = &p->tokens[first + 2 * (n - 1)];
    *ret = cf_view_make(p->source.data + a->offset, b->offset + b->len - a->offset);
    size_t len = n - 1;
    for (uint32_t i = 0; i < n; i++) {
        len += p->tokens[first + 2 * i].len;
    }
    if (len == ret->len) {
        return cf_ok();
    }
    uint8_t *room = cf_arena_new(p->c->arena, len, 1), *to = room;
    if (room == NULL) {
        return no_memory(p);
    }
    for (uint32_t i = 0; i < n; i++) {
        const cf_cel_token *t = &p->tokens[first + 2 * i];
        if (i > 0) {
            *to++ = '.';
        }
        cf_copy(to, p->source.data + t->offset, t->len);
        to += t->len;
    }
    *ret = cf_view_make(room, len);
    return cf_ok();
}

/* Emits the variable or type of that name if there is one. */
static cf_result emit_known(cf_cel_parser *p, cf_view name, bool root, uint32_t offset, bool *ret)
{
    candidates all;
    *ret = false;
    if (!candidates_of(p, name, root, &all)) {
        return no_memory(p);
    }
    for (cf_view full; candidates_next(&all, &full);) {
        const cf_cel_variable *v = cf_cel_env_find_variable(p->c->env, full);
        cf_cel_value type;
        if (v != NULL) {
            *ret = true;
            return cf_cel_emit(p,
                               (cf_cel_node){.kind = CF_CEL_N_VAR, .offset = offset, .a = v->slot});
        }
        if (cf_cel_env_type_name(full, &type)) {
            *ret = true;
            return emit_const(p, &type, offset);
        }
    }
    return cf_ok();
}

/* Names of a chain that dots join: a.b.c has 3. The last is left out when it is called. */
static uint32_t chain_names(const cf_cel_parser *p, bool *ret_called, bool *ret_message)
{
    uint32_t n = 1;
    while (cf_cel_peek(p, 2 * n - 1)->kind == CF_CEL_K_DOT &&
           cf_cel_peek(p, 2 * n)->kind == CF_CEL_K_NAME) {
        n++;
    }
    uint32_t next = cf_cel_peek(p, 2 * n - 1)->kind;
    *ret_called = next == CF_CEL_K_LPAREN;
    *ret_message = next == CF_CEL_K_LBRACE;
    return n;
}

/* The longest prefix of the chain at p->at that is a variable or type; tokens are consumed. What nobody knows is emitted as such. */
static cf_result parse_variable(cf_cel_parser *p, uint32_t names, bool root)
{
    const cf_cel_token *first = cf_cel_peek(p, 0);
    cf_view name = cf_cel_token_text(p, first);
    cf_cel_local local = {.text = name};
    uint32_t number;
    if (!root && cf_cel_local_find(p, &local, &number)) {
        p->at++;
        return cf_cel_emit(
            p, (cf_cel_node){.kind = CF_CEL_N_LOCAL, .offset = first->offset, .a = number});
    }
    if (top_is(p, CF_CEL_FR_MACRO_HAS) && names > 1 &&
        cf_cel_peek(p, 2 * names - 1)->kind == CF_CEL_K_RPAREN) {
        names--; /* has(a.b) asks for b in a, even where a.b is a variable */
    }
    uint32_t dots = cf_cel_env_dots(p->c->env);
    bool dotted = dots > 0 || p->c->opt.container.len > 0;
    dots = dots < 2 ? 2 : dots; /* google.protobuf.Timestamp; a longer chain has no more names */
    for (uint32_t n = names > dots + 1 ? dots + 1 : names; n > 0; n--) {
        bool known = false;
        if (n > 1 && !dotted && name.len != 3 && name.len != 6) {
            continue; /* net.IP and google.protobuf.Timestamp are the only dotted names then */
        }
        CF_TRY(chain_text(p, p->at, n, &name));
        CF_TRY(emit_known(p, name, root, first->offset, &known));
        name = cf_cel_token_text(p, first);
        if (known) {
            p->at += 2 * n - 1;
            return cf_ok();
        }
    }
    if (cf_cel_reserved(name)) {
        return cf_cel_syntax(p, first);
    }
    p->at++;
    return cf_cel_emit(p, (cf_cel_node){.kind = CF_CEL_N_UNKNOWN,
                                        .offset = first->offset,
                                        .a = first->offset,
                                        .n = first->len});
}

/* ---- calls ---- */

/* The call's frame, or a macro's; p->at is at the '('. name: the last token of the name, whose text text is. */
static cf_result open_call(cf_cel_parser *p, const cf_cel_token *name, cf_view text, bool member)
{
    bool macro = false;
    p->at++;
    if (!p->c->opt.no_macros) {
        CF_TRY(cf_cel_macro_open(p, name, text, member, &macro));
    }
    if (macro) {
        return cf_ok();
    }
    return cf_cel_frame_push(
        p, (cf_cel_frame){
               .kind = CF_CEL_FR_CALL, .member = member, .offset = name->offset, .name = text});
}

/* A call of a function whose name is the chain. *ret false: no function has it, and the last name is a method. */
static cf_result parse_global_call(cf_cel_parser *p, uint32_t names, bool root, bool *ret)
{
    const cf_cel_token *first = cf_cel_peek(p, 0), *last = cf_cel_peek(p, 2 * (names - 1));
    cf_view text, full;
    candidates all;
    CF_TRY(chain_text(p, p->at, names, &text));
    if (!candidates_of(p, text, root, &all)) {
        return no_memory(p);
    }
    bool macro = !p->c->opt.no_macros && names == 2 &&
                 cf_view_eq(cf_cel_token_text(p, first), CF_LIT("cel"));
    *ret = names == 1 || macro;
    while (!*ret && candidates_next(&all, &full)) {
        *ret = cf_cel_env_has_function(p->c->env, full, false);
    }
    if (!*ret) {
        return cf_ok();
    }
    if (names == 1 && cf_cel_reserved(text)) {
        return cf_cel_syntax(p, first);
    }
    p->at += 2 * names - 1;
    return open_call(p, last, text, false);
}

/* The group of overloads that the call can mean, by the names that a container makes possible; else why there is none. */
static cf_result find_group(cf_cel_parser *p, const cf_cel_frame *f, cf_cel_node *node)
{
    const cf_cel_env *env = p->c->env;
    candidates all;
    if (!candidates_of(p, f->name, f->member, &all)) {
        return no_memory(p);
    }
    node->a = CF_ERR_CEL_NAME;
    for (cf_view full; node->group == NULL && candidates_next(&all, &full);) {
        node->group = cf_cel_env_find_group(env, full, f->member, node->n);
        if (node->group == NULL && cf_cel_env_has_function(env, full, f->member)) {
            node->a = CF_ERR_CEL_TYPE;
        }
    }
    return cf_ok();
}

static cf_result close_call(cf_cel_parser *p, cf_cel_frame f)
{
    if (!p->c->opt.no_macros && cf_cel_macro_misused(f.name, f.member, f.n)) {
        return cf_cel_fail_at(p->c, CF_ERR_CEL_SYNTAX, f.offset);
    }
    cf_cel_node node = {.kind = CF_CEL_N_CALL,
                        .flags = f.member ? CF_CEL_F_MEMBER : 0,
                        .offset = f.offset,
                        .group = NULL};
    node.n = f.n + (f.member ? 1 : 0);
    CF_TRY(find_group(p, &f, &node));
    return cf_cel_emit(p, node);
}

/* ---- operands ---- */

static cf_result parse_message(cf_cel_parser *p, uint32_t names)
{
    uint32_t offset = cf_cel_peek(p, 0)->offset;
    p->at += 2 * names; /* the brace, too */
    return cf_cel_frame_push(p, (cf_cel_frame){.kind = CF_CEL_FR_MESSAGE, .offset = offset});
}

/* A name: a variable, a call, or a message. *ret_done: an operand is complete (a call or message is not yet). */
static cf_result parse_name(cf_cel_parser *p, bool root, bool *ret_done)
{
    bool called, message, global = false;
    uint32_t names = chain_names(p, &called, &message);
    *ret_done = false;
    if (message) {
        return parse_message(p, names);
    }
    if (called) {
        cf_cel_local local;
        uint32_t number, tokens;
        if (!root && cf_cel_local_read(p, 0, &local, &tokens) && local.form != 0 &&
            cf_cel_local_find(p, &local, &number)) {
            uint32_t offset = cf_cel_peek(p, 0)->offset;
            p->at += tokens;
            *ret_done = true;
            return cf_cel_emit(
                p, (cf_cel_node){.kind = CF_CEL_N_LOCAL, .offset = offset, .a = number});
        }
        CF_TRY(parse_global_call(p, names, root, &global));
        if (global) {
            return cf_ok();
        }
        names--;
    }
    *ret_done = true;
    return parse_variable(p, names, root);
}

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
        CF_TRY(cf_cel_frame_push(p, (cf_cel_frame){.kind = CF_CEL_FR_UNARY,
                                                   .node = (uint8_t)node,
                                                   .n = n - (fold ? 1 : 0),
                                                   .offset = first->offset}));
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
    return cf_cel_frame_push(p, (cf_cel_frame){.kind = (uint8_t)kind, .offset = t->offset});
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
        return parse_name(p, false, ret_done);
    case CF_CEL_K_DOT:
        p->at++;
        return cf_cel_peek(p, 0)->kind == CF_CEL_K_NAME ? parse_name(p, true, ret_done)
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
        cf_cel_frame f = pop(p);
        cf_cel_node node = {.kind = f.node, .offset = f.offset};
        if (f.kind == CF_CEL_FR_GROUP) {
            node.kind = f.node == CF_CEL_N_AND_NEXT ? CF_CEL_N_AND_END : CF_CEL_N_OR_END;
            node.n = f.n + 1;
        }
        for (uint32_t n = f.kind == CF_CEL_FR_UNARY ? f.n : 1; n > 0; n--) {
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
    if (!group) {
        return cf_cel_frame_push(
            p, (cf_cel_frame){
                   .kind = CF_CEL_FR_BINARY, .level = level, .node = node, .offset = t->offset});
    }
    bool first = !top_is(p, CF_CEL_FR_GROUP) || top(p)->level != level;
    if (first) {
        CF_TRY(cf_cel_frame_push(
            p, (cf_cel_frame){
                   .kind = CF_CEL_FR_GROUP, .level = level, .node = node, .offset = t->offset}));
    }
    top(p)->n++;
    return cf_cel_emit(
        p, (cf_cel_node){.kind = node, .flags = first ? CF_CEL_F_FIRST : 0, .offset = t->offset});
}

static cf_result parse_condition(cf_cel_parser *p, const cf_cel_token *t)
{
    CF_TRY(reduce(p, 0));
    if (top_is(p, CF_CEL_FR_THEN)) {
        return cf_cel_syntax(p, t); /* between ? and : a condition needs brackets */
    }
    p->at++;
    CF_TRY(cf_cel_frame_push(p, (cf_cel_frame){.kind = CF_CEL_FR_THEN, .offset = t->offset}));
    return cf_cel_emit(p, (cf_cel_node){.kind = CF_CEL_N_COND_THEN, .offset = t->offset});
}

/* Ends everything up to the innermost bracket. */
static cf_result reduce_all(cf_cel_parser *p, const cf_cel_token *at)
{
    CF_TRY(reduce(p, 0));
    while (top_is(p, CF_CEL_FR_ELSE)) {
        cf_cel_frame f = pop(p);
        CF_TRY(cf_cel_emit(p, (cf_cel_node){.kind = CF_CEL_N_COND_END, .offset = f.offset}));
        CF_TRY(reduce(p, 0));
    }
    return top_is(p, CF_CEL_FR_THEN) ? cf_cel_syntax(p, at) : cf_ok();
}

static cf_result parse_colon(cf_cel_parser *p, const cf_cel_token *t)
{
    CF_TRY(reduce(p, 0));
    p->at++;
    if (top_is(p, CF_CEL_FR_THEN)) {
        cf_cel_frame *f = top(p);
        f->kind = CF_CEL_FR_ELSE;
        return cf_cel_emit(p, (cf_cel_node){.kind = CF_CEL_N_COND_ELSE, .offset = f->offset});
    }
    CF_TRY(reduce_all(p, t));
    if (!top_is(p, CF_CEL_FR_MAP_KEY)) {
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
        return cf_cel_macro_close(p, *f);
    }
    if (!empty && (list || f->kind == CF_CEL_FR_MAP_VALUE)) {
        CF_TRY(end_element(p, f));
    } else if (!empty) {
        f->n++;
    }
    cf_cel_frame closed = pop(p);
    switch (closed.kind) {
    case CF_CEL_FR_PAREN:
        return cf_ok();
    case CF_CEL_FR_INDEX:
        return cf_cel_emit(p, (cf_cel_node){.kind = closed.node, .offset = closed.offset});
    case CF_CEL_FR_LIST:
        return cf_cel_emit(
            p, (cf_cel_node){.kind = CF_CEL_N_LIST, .offset = closed.offset, .n = closed.n});
    case CF_CEL_FR_MAP_KEY:
        return cf_cel_emit(
            p, (cf_cel_node){.kind = CF_CEL_N_MAP, .offset = closed.offset, .n = closed.n});
    case CF_CEL_FR_MESSAGE:
        return cf_cel_emit(
            p, (cf_cel_node){.kind = CF_CEL_N_MESSAGE, .offset = closed.offset, .n = closed.n});
    case CF_CEL_FR_CALL:
        return close_call(p, closed);
    default:
        p->locals_n = closed.scope;
        return cf_cel_macro_close(p, closed);
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
        return open_call(p, t, cf_cel_token_text(p, t), true);
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
    bool operand = false;
    *ret = (cf_cel_tape){.source = source};
    CF_TRY(cf_cel_lex(c, source, &tokens));
    cf_cel_parser p = {.c = c, .source = source, .tokens = tokens, .tape = ret};
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
