/* SPDX-License-Identifier: Apache-2.0 */
/* Macros are known when their bracket opens: by name, by whether a receiver stands before it, and by the names of variables behind it.
 * So the variables are in scope when the body is parsed, and the tape needs no second look. */
#include "core/cel/parse_priv.h"

/* Forms of a loop: how many variables, and what may follow them. */
enum { ONE = 1, TWO = 2, KEEP = 4 };

static const struct {
    cf_view name;
    uint8_t macro, forms;
} LOOPS[] = {
    {CF_LIT_INIT("all"), CF_CEL_ALL, ONE | TWO},
    {CF_LIT_INIT("exists"), CF_CEL_EXISTS, ONE | TWO},
    {CF_LIT_INIT("exists_one"), CF_CEL_EXISTS_ONE, ONE | TWO},
    {CF_LIT_INIT("existsOne"), CF_CEL_EXISTS_ONE, ONE | TWO},
    {CF_LIT_INIT("filter"), CF_CEL_FILTER, ONE},
    {CF_LIT_INIT("map"), CF_CEL_MAP_LIST, ONE | KEEP},
    {CF_LIT_INIT("sortBy"), CF_CEL_SORT_BY, ONE},
    {CF_LIT_INIT("transformList"), CF_CEL_MAP_LIST, TWO | KEEP},
    {CF_LIT_INIT("transformMap"), CF_CEL_TRANSFORM_MAP, TWO | KEEP},
    {CF_LIT_INIT("transformMapEntry"), CF_CEL_TRANSFORM_MAP_ENTRY, TWO | KEEP},
};

static bool is(cf_view text, const char *name)
{
    return cf_view_eq(text, cf_view_str(name));
}

/* ---- names of locals ---- */

/* The number in an integer token that is small enough to name a slot. */
static bool small_int(const cf_cel_parser *p, uint32_t ahead, uint32_t *ret)
{
    const cf_cel_token *t = cf_cel_peek(p, ahead);
    cf_view text = cf_cel_token_text(p, t);
    *ret = 0;
    if (t->kind != CF_CEL_K_INT || text.len > 5) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        *ret = *ret * 10 + (text.data[i] - '0');
    }
    return true;
}

/* cel.index(a), cel.iterVar(a, b), cel.accuVar(a, b) */
static bool numbered_local(const cf_cel_parser *p, uint32_t i, cf_cel_local *ret,
                           uint32_t *ret_tokens)
{
    if (cf_cel_peek(p, i + 1)->kind != CF_CEL_K_DOT ||
        !is(cf_cel_token_text(p, cf_cel_peek(p, i)), "cel") ||
        cf_cel_peek(p, i + 2)->kind != CF_CEL_K_NAME ||
        cf_cel_peek(p, i + 3)->kind != CF_CEL_K_LPAREN || !small_int(p, i + 4, &ret->a)) {
        return false;
    }
    cf_view name = cf_cel_token_text(p, cf_cel_peek(p, i + 2));
    uint32_t next = cf_cel_peek(p, i + 5)->kind;
    if (is(name, "index")) {
        ret->form = 'x';
        *ret_tokens = 6;
        return next == CF_CEL_K_RPAREN;
    }
    ret->form = is(name, "iterVar") ? 'i' : 'a';
    *ret_tokens = 8;
    return (ret->form == 'i' || is(name, "accuVar")) && next == CF_CEL_K_COMMA &&
           small_int(p, i + 6, &ret->b) && cf_cel_peek(p, i + 7)->kind == CF_CEL_K_RPAREN;
}

bool cf_cel_local_read(const cf_cel_parser *p, uint32_t ahead, cf_cel_local *ret,
                       uint32_t *ret_tokens)
{
    const cf_cel_token *t = cf_cel_peek(p, ahead);
    *ret = (cf_cel_local){.text = cf_cel_token_text(p, t)};
    *ret_tokens = 1;
    if (t->kind != CF_CEL_K_NAME) {
        return false;
    }
    if (numbered_local(p, ahead, ret, ret_tokens)) {
        ret->text = CF_VIEW_EMPTY;
        return true;
    }
    *ret = (cf_cel_local){.text = cf_cel_token_text(p, t)};
    *ret_tokens = 1;
    return !cf_cel_reserved(ret->text);
}

static bool same_name(const cf_cel_local *a, const cf_cel_local *b)
{
    return a->form == b->form && a->a == b->a && a->b == b->b && cf_view_eq(a->text, b->text);
}

bool cf_cel_local_find(const cf_cel_parser *p, const cf_cel_local *name, uint32_t *ret_number)
{
    for (uint32_t i = p->locals_n; i > 0; i--) {
        const cf_cel_local *l = &p->locals[i - 1];
        if (same_name(l, name)) {
            *ret_number = l->number;
            return true;
        }
    }
    return false;
}

CF_MUST_USE cf_result cf_cel_local_push(cf_cel_parser *p, cf_cel_local local, uint32_t *ret_number)
{
    cf_cel_local *locals =
        cf_cel_grow(p->c->arena, p->locals, sizeof *locals, p->locals_n, &p->locals_cap);
    if (locals == NULL) {
        return cf_cel_fail_at(p->c, CF_ERR_NO_MEMORY, 0);
    }
    p->locals = locals;
    local.number = p->tape->locals++;
    locals[p->locals_n++] = local;
    *ret_number = local.number;
    return cf_ok();
}

/* ---- loops ---- */

/* The names behind the bracket, each with a comma: 0, 1 or 2 of them. */
static uint32_t read_names(const cf_cel_parser *p, cf_cel_local names[2], uint32_t tokens[2])
{
    uint32_t ahead = 0, n = 0;
    while (n < 2 && cf_cel_local_read(p, ahead, &names[n], &tokens[n]) &&
           cf_cel_peek(p, ahead + tokens[n])->kind == CF_CEL_K_COMMA) {
        ahead += tokens[n] + 1;
        n++;
    }
    return n;
}

static cf_result open_loop(cf_cel_parser *p, const cf_cel_token *at, size_t row, bool *ret)
{
    cf_cel_local names[2];
    uint32_t tokens[2], n = read_names(p, names, tokens);
    uint8_t forms = LOOPS[row].forms;
    n = n == 2 && (forms & TWO) == 0 ? 1 : n;
    if (n == 0 || (n == 1 && (forms & ONE) == 0)) {
        return cf_ok();
    }
    *ret = true;
    if (n == 2 && same_name(&names[0], &names[1])) {
        return cf_cel_fail_at(p->c, CF_ERR_CEL_SYNTAX, at->offset);
    }
    cf_cel_tape *t = p->tape;
    cf_cel_loop *loops =
        cf_cel_grow(p->c->arena, t->loops, sizeof *loops, t->loops_n, &p->loops_cap);
    if (loops == NULL) {
        return cf_cel_fail_at(p->c, CF_ERR_NO_MEMORY, 0);
    }
    t->loops = loops;
    cf_cel_loop *loop = &loops[t->loops_n];
    *loop = (cf_cel_loop){.macro = LOOPS[row].macro, .two = n == 2};
    uint32_t max = (forms & KEEP) != 0 ? 2 : 1;
    cf_cel_frame *f;
    CF_TRY(cf_cel_frame_push(p, CF_CEL_FR_MACRO_LOOP, at->offset, &f));
    f->a = t->loops_n++;
    f->max = max;
    for (uint32_t i = 0; i < n; i++) {
        p->at += tokens[i] + 1;
        CF_TRY(cf_cel_local_push(p, names[i], &loop->local[i]));
    }
    return cf_cel_emit(
        p, (cf_cel_node){.kind = CF_CEL_N_LOOP_BEGIN, .offset = at->offset, .a = t->loops_n - 1});
}

static cf_result loop_comma(cf_cel_parser *p, cf_cel_frame *f)
{
    f->n++;
    if (f->n >= f->max) {
        return cf_cel_fail_at(p->c, CF_ERR_CEL_SYNTAX, f->offset);
    }
    p->tape->loops[f->a].keep = true;
    return cf_cel_emit(p,
                       (cf_cel_node){.kind = CF_CEL_N_LOOP_KEEP, .offset = f->offset, .a = f->a});
}

/* ---- the others ---- */

static cf_result open_bind(cf_cel_parser *p, const cf_cel_token *at, bool *ret)
{
    cf_cel_local name;
    uint32_t tokens;
    if (!cf_cel_local_read(p, 0, &name, &tokens) ||
        cf_cel_peek(p, tokens)->kind != CF_CEL_K_COMMA) {
        return cf_ok();
    }
    *ret = true;
    /* the number is given now, the name enters the scope at the comma */
    cf_cel_frame *f;
    CF_TRY(cf_cel_frame_push(p, CF_CEL_FR_MACRO_BIND, at->offset, &f));
    f->a = p->tape->locals++;
    f->max = p->at;
    p->at += tokens + 1;
    return cf_cel_emit(
        p,
        (cf_cel_node){.kind = CF_CEL_N_BIND_INIT, .offset = at->offset, .a = p->tape->locals - 1});
}

/* Brings a local that has its number into scope. */
static cf_result enter(cf_cel_parser *p, cf_cel_local name, uint32_t number)
{
    uint32_t unused;
    CF_TRY(cf_cel_local_push(p, name, &unused));
    p->tape->locals--;
    p->locals[p->locals_n - 1].number = number;
    return cf_ok();
}

static cf_result bind_comma(cf_cel_parser *p, cf_cel_frame *f)
{
    cf_cel_local name;
    uint32_t tokens, at = p->at;
    if (++f->n > 1) {
        return cf_cel_fail_at(p->c, CF_ERR_CEL_SYNTAX, f->offset);
    }
    p->at = f->max;
    bool ok = cf_cel_local_read(p, 0, &name, &tokens);
    p->at = at;
    CF_TRY(ok ? enter(p, name, f->a) : cf_cel_fail_at(p->c, CF_ERR_CEL_SYNTAX, f->offset));
    return cf_cel_emit(p,
                       (cf_cel_node){.kind = CF_CEL_N_BIND_BODY, .offset = f->offset, .a = f->a});
}

/* The next slot of cel.block begins. */
static cf_result slot_open(cf_cel_parser *p, cf_cel_frame *f)
{
    f->a = p->tape->locals++;
    return cf_cel_emit(p,
                       (cf_cel_node){.kind = CF_CEL_N_BIND_INIT, .offset = f->offset, .a = f->a});
}

static cf_result slot_close(cf_cel_parser *p, cf_cel_frame *f)
{
    CF_TRY(enter(p, (cf_cel_local){.form = 'x', .a = f->n}, f->a));
    f->n++;
    return cf_cel_emit(p,
                       (cf_cel_node){.kind = CF_CEL_N_BIND_BODY, .offset = f->offset, .a = f->a});
}

static cf_result open_block(cf_cel_parser *p, const cf_cel_token *at, bool *ret)
{
    if (cf_cel_peek(p, 0)->kind != CF_CEL_K_LBRACKET ||
        cf_cel_peek(p, 1)->kind == CF_CEL_K_RBRACKET) {
        return cf_ok();
    }
    *ret = true;
    p->at++;
    cf_cel_frame *f;
    CF_TRY(cf_cel_frame_push(p, CF_CEL_FR_MACRO_SLOTS, at->offset, &f));
    return slot_open(p, f);
}

/* The slots' bracket closes: a comma and the body follow. The frame stays and changes its kind. */
static cf_result block_body(cf_cel_parser *p)
{
    cf_cel_frame *f = &p->frames[p->frames_n - 1];
    CF_TRY(slot_close(p, f));
    f->kind = CF_CEL_FR_MACRO_BLOCK;
    if (cf_cel_peek(p, 0)->kind != CF_CEL_K_COMMA) {
        return cf_cel_syntax(p, cf_cel_peek(p, 0));
    }
    p->at++;
    f->max = f->n;
    f->n = 0;
    return cf_ok();
}

/* o.or(e), o.orValue(e), o.optMap(x, t), o.optFlatMap(x, t) */
static cf_result open_optional(cf_cel_parser *p, const cf_cel_token *at, cf_view text, bool *ret)
{
    bool value = is(text, "orValue") || is(text, "optMap");
    uint8_t flags = value ? CF_CEL_F_VALUE : 0;
    cf_cel_frame *f;
    if (value ? is(text, "orValue") : is(text, "or")) {
        *ret = true;
        CF_TRY(cf_cel_frame_push(p, CF_CEL_FR_MACRO_ORELSE, at->offset, &f));
        f->optional = value;
        return cf_cel_emit(
            p, (cf_cel_node){.kind = CF_CEL_N_ORELSE_NEXT, .flags = flags, .offset = at->offset});
    }
    cf_cel_local name;
    uint32_t tokens, number;
    if (!(value || is(text, "optFlatMap")) || !cf_cel_local_read(p, 0, &name, &tokens) ||
        cf_cel_peek(p, tokens)->kind != CF_CEL_K_COMMA) {
        return cf_ok();
    }
    *ret = true;
    CF_TRY(cf_cel_frame_push(p, CF_CEL_FR_MACRO_WITH, at->offset, &f));
    f->optional = value;
    p->at += tokens + 1;
    CF_TRY(cf_cel_local_push(p, name, &number));
    return cf_cel_emit(
        p, (cf_cel_node){
               .kind = CF_CEL_N_WITH_BEGIN, .flags = flags, .offset = at->offset, .a = number});
}

static cf_result open_simple(cf_cel_parser *p, cf_cel_frame_kind kind, const cf_cel_token *at,
                             cf_view text, bool *ret)
{
    *ret = true;
    cf_cel_frame *f;
    CF_TRY(cf_cel_frame_push(p, kind, at->offset, &f));
    f->name = text;
    return cf_ok();
}

CF_MUST_USE cf_result cf_cel_macro_open(cf_cel_parser *p, const cf_cel_token *name, cf_view text,
                                        bool member, bool *ret)
{
    *ret = false;
    if (!member) {
        if (is(text, "has")) {
            return open_simple(p, CF_CEL_FR_MACRO_HAS, name, text, ret);
        }
        if (is(text, "cel.bind")) {
            return open_bind(p, name, ret);
        }
        if (is(text, "cel.block")) {
            return open_block(p, name, ret);
        }
        bool extreme = is(text, "math.least") || is(text, "math.greatest");
        return extreme ? open_simple(p, CF_CEL_FR_MACRO_EXTREME, name, text, ret) : cf_ok();
    }
    for (size_t i = 0; i < sizeof LOOPS / sizeof LOOPS[0]; i++) {
        if (cf_view_eq(text, LOOPS[i].name)) {
            return open_loop(p, name, i, ret);
        }
    }
    return text.data[0] == 'o' ? open_optional(p, name, text, ret) : cf_ok();
}

CF_MUST_USE cf_result cf_cel_macro_comma(cf_cel_parser *p, cf_cel_frame *f)
{
    if (f->kind == CF_CEL_FR_MACRO_LOOP) {
        return loop_comma(p, f);
    }
    if (f->kind == CF_CEL_FR_MACRO_BIND) {
        return bind_comma(p, f);
    }
    CF_TRY(slot_close(p, f));
    return slot_open(p, f);
}

/* The argument of has is a selection: its node, the last one, becomes the test. */
static cf_result close_has(cf_cel_parser *p, const cf_cel_frame *f)
{
    cf_cel_node *last = &p->tape->nodes[p->tape->n - 1];
    if (last->kind != CF_CEL_N_SELECT && last->kind != CF_CEL_N_OPT_SELECT) {
        return cf_cel_fail_at(p->c, CF_ERR_CEL_SYNTAX, f->offset);
    }
    last->kind = CF_CEL_N_HAS;
    return cf_ok();
}

/* math.least(a, b): the arguments become a list. */
static cf_result close_extreme(cf_cel_parser *p, const cf_cel_frame *f)
{
    cf_cel_node call = {
        .kind = CF_CEL_N_CALL, .offset = f->offset, .n = 1, .a = CF_ERR_CEL_TYPE, .group = NULL};
    if (f->n == 0) {
        return cf_cel_fail_at(p->c, CF_ERR_CEL_SYNTAX, f->offset);
    }
    if (f->n > 1) {
        CF_TRY(
            cf_cel_emit(p, (cf_cel_node){.kind = CF_CEL_N_LIST, .offset = f->offset, .n = f->n}));
    }
    call.group = cf_cel_env_find_group(p->c->env, f->name, false, 1);
    return cf_cel_emit(p, call);
}

CF_MUST_USE cf_result cf_cel_macro_close(cf_cel_parser *p, const cf_cel_frame *f)
{
    cf_cel_node node = {.offset = f->offset, .a = f->a, .flags = f->optional ? CF_CEL_F_VALUE : 0};
    bool two = f->kind == CF_CEL_FR_MACRO_BIND;
    if (f->kind == CF_CEL_FR_MACRO_SLOTS) {
        return block_body(p);
    }
    if (f->kind == CF_CEL_FR_MACRO_EXTREME) {
        return close_extreme(p, f);
    }
    if (f->kind != CF_CEL_FR_MACRO_LOOP && f->n != (two ? 2u : 1u)) {
        return cf_cel_fail_at(p->c, CF_ERR_CEL_SYNTAX, f->offset);
    }
    switch (f->kind) {
    case CF_CEL_FR_MACRO_HAS:
        return close_has(p, f);
    case CF_CEL_FR_MACRO_LOOP:
        node.kind = CF_CEL_N_LOOP_END;
        return cf_cel_emit(p, node);
    case CF_CEL_FR_MACRO_ORELSE:
        node.kind = CF_CEL_N_ORELSE_END;
        return cf_cel_emit(p, node);
    case CF_CEL_FR_MACRO_WITH:
        node.kind = CF_CEL_N_WITH_END;
        return cf_cel_emit(p, node);
    default: /* cel.bind has one local, cel.block one for each slot, the last one's number is the highest */
        node.kind = CF_CEL_N_BIND_END;
        for (uint32_t n = f->kind == CF_CEL_FR_MACRO_BLOCK ? f->max : 1; n > 0; n--) {
            CF_TRY(cf_cel_emit(p, node));
        }
        return cf_ok();
    }
}

bool cf_cel_macro_misused(cf_view name, bool member, uint32_t n)
{
    if (!member) {
        return (n == 3 && is(name, "cel.bind")) || (n == 2 && is(name, "cel.block"));
    }
    for (size_t i = 0; i < sizeof LOOPS / sizeof LOOPS[0]; i++) {
        if (cf_view_eq(name, LOOPS[i].name)) {
            uint8_t forms = LOOPS[i].forms;
            uint32_t least = (forms & ONE) != 0 ? 2 : 3;
            uint32_t most = ((forms & TWO) != 0 ? 3u : 2u) + ((forms & KEEP) != 0 ? 1u : 0u);
            return n >= least && n <= most;
        }
    }
    return n == 2 && (is(name, "optMap") || is(name, "optFlatMap"));
}
