/* SPDX-License-Identifier: Apache-2.0 */
/* Names: what a chain of identifiers with dots stands for, in the container and behind the locals in scope. */
#include "core/cel/parse_priv.h"

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

static inline bool candidates_of(const cf_cel_parser *p, cf_view name, bool root, candidates *ret)
{
    cf_view container = root ? CF_VIEW_EMPTY : p->c->opt.container;
    *ret = (candidates){container, name, false, NULL};
    if (container.len > 0) {
        ret->room = cf_arena_new(p->c->arena, container.len + name.len + 1, 1);
        return ret->room != NULL;
    }
    return true;
}

static inline bool candidates_next(candidates *c, cf_view *ret)
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
    if (n == 1) {
        *ret = cf_cel_token_text(p, a);
        return cf_ok();
    }
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
        return cf_cel_no_memory(p);
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
        return cf_cel_no_memory(p);
    }
    for (cf_view full; candidates_next(&all, &full);) {
        const cf_cel_variable *v = cf_cel_env_find_variable(p->c->env, full);
        cf_cel_value type, *to;
        if (v != NULL) {
            *ret = true;
            return cf_cel_emit(p,
                               (cf_cel_node){.kind = CF_CEL_N_VAR, .offset = offset, .a = v->slot});
        }
        if (cf_cel_env_type_name(full, &type)) {
            *ret = true;
            CF_TRY(cf_cel_emit_const(p, offset, &to));
            *to = type;
            return cf_ok();
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
    const cf_view name = cf_cel_token_text(p, first);
    cf_cel_local local = {.text = name};
    cf_view chain;
    uint32_t number;
    if (!root && cf_cel_local_find(p, &local, &number)) {
        p->at++;
        return cf_cel_emit(
            p, (cf_cel_node){.kind = CF_CEL_N_LOCAL, .offset = first->offset, .a = number});
    }
    if (cf_cel_top_is(p, CF_CEL_FR_MACRO_HAS) && names > 1 &&
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
        CF_TRY(chain_text(p, p->at, n, &chain));
        CF_TRY(emit_known(p, chain, root, first->offset, &known));
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
CF_MUST_USE cf_result cf_cel_open_call(cf_cel_parser *p, const cf_cel_token *name, cf_view text,
                                       bool member)
{
    bool macro = false;
    p->at++;
    if (!p->c->opt.no_macros) {
        CF_TRY(cf_cel_macro_open(p, name, text, member, &macro));
    }
    if (macro) {
        return cf_ok();
    }
    cf_cel_frame *f;
    CF_TRY(cf_cel_frame_push(p, CF_CEL_FR_CALL, name->offset, &f));
    f->member = member;
    f->name = text;
    return cf_ok();
}

/* A call of a function whose name is the chain. *ret false: no function has it, and the last name is a method. */
static cf_result parse_global_call(cf_cel_parser *p, uint32_t names, bool root, bool *ret)
{
    const cf_cel_token *first = cf_cel_peek(p, 0), *last = cf_cel_peek(p, 2 * (names - 1));
    cf_view text, full;
    candidates all;
    CF_TRY(chain_text(p, p->at, names, &text));
    if (!candidates_of(p, text, root, &all)) {
        return cf_cel_no_memory(p);
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
    return cf_cel_open_call(p, last, text, false);
}

/* The group of overloads that the call can mean, by the names that a container makes possible; else why there is none. */
static cf_result find_group(cf_cel_parser *p, const cf_cel_frame *f, cf_cel_node *node)
{
    const cf_cel_env *env = p->c->env;
    candidates all;
    if (!candidates_of(p, f->name, f->member, &all)) {
        return cf_cel_no_memory(p);
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

CF_MUST_USE cf_result cf_cel_close_call(cf_cel_parser *p, const cf_cel_frame *f)
{
    if (!p->c->opt.no_macros && cf_cel_macro_misused(f->name, f->member, f->n)) {
        return cf_cel_fail_at(p->c, CF_ERR_CEL_SYNTAX, f->offset);
    }
    cf_cel_node node = {.kind = CF_CEL_N_CALL,
                        .flags = f->member ? CF_CEL_F_MEMBER : 0,
                        .offset = f->offset,
                        .group = NULL};
    node.n = f->n + (f->member ? 1 : 0);
    CF_TRY(find_group(p, f, &node));
    return cf_cel_emit(p, node);
}

static cf_result parse_message(cf_cel_parser *p, uint32_t names)
{
    uint32_t offset = cf_cel_peek(p, 0)->offset;
    p->at += 2 * names; /* the brace, too */
    cf_cel_frame *f;
    return cf_cel_frame_push(p, CF_CEL_FR_MESSAGE, offset, &f);
}

/* A name: a variable, a call, or a message. *ret_done: an operand is complete (a call or message is not yet). */
CF_MUST_USE cf_result cf_cel_parse_name(cf_cel_parser *p, bool root, bool *ret_done)
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
