/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of types, and types and signatures from and to text. */
#include "core/cel/env_priv.h"

#define POOL_ROWS_MIN 16u
/* Up to here the rows are searched one by one. */
#define POOL_ROWS_PLAIN 8u

#define BIT(kind) (1u << (kind))
#define ANY_KIND (BIT(CF_CEL_KIND_COUNT) - BIT(CF_CEL_NULL))

_Static_assert(CF_CEL_UNSET < CF_CEL_NULL && CF_CEL_ERROR < CF_CEL_NULL,
               "ANY_KIND leaves both out");
_Static_assert(CF_CEL_KIND_COUNT < 32, "a mask of kinds has 32 bits");

/* Every name of a type. Those with a denotation are also values in expressions. */
typedef struct {
    cf_view name;
    bool denotes;     /* a name in expressions, and the name that is printed */
    uint8_t args;     /* 0: type is a simple one, else a composite of so many */
    cf_cel_type type; /* CF_CEL_T_*, or cf_cel_of */
} type_name;

static const type_name names[] = {
    {CF_LIT_INIT("dyn"), false, 0, CF_CEL_T_DYN},
    {CF_LIT_INIT("string"), true, 0, CF_CEL_T_STRING},
    {CF_LIT_INIT("int"), true, 0, CF_CEL_T_INT},
    {CF_LIT_INIT("bool"), true, 0, CF_CEL_T_BOOL},
    {CF_LIT_INIT("double"), true, 0, CF_CEL_T_DOUBLE},
    {CF_LIT_INIT("uint"), true, 0, CF_CEL_T_UINT},
    {CF_LIT_INIT("bytes"), true, 0, CF_CEL_T_BYTES},
    {CF_LIT_INIT("list"), true, 1, CF_CEL_OF_LIST},
    {CF_LIT_INIT("map"), true, 2, CF_CEL_OF_MAP},
    {CF_LIT_INIT("timestamp"), false, 0, CF_CEL_T_TIMESTAMP},
    {CF_LIT_INIT("duration"), false, 0, CF_CEL_T_DURATION},
    {CF_LIT_INIT("google.protobuf.Timestamp"), true, 0, CF_CEL_T_TIMESTAMP},
    {CF_LIT_INIT("google.protobuf.Duration"), true, 0, CF_CEL_T_DURATION},
    {CF_LIT_INIT("null_type"), true, 0, CF_CEL_T_NULL},
    {CF_LIT_INIT("type"), true, 1, CF_CEL_OF_TYPE},
    {CF_LIT_INIT("optional"), false, 1, CF_CEL_OF_OPTIONAL},
    {CF_LIT_INIT("optional_type"), true, 1, CF_CEL_OF_OPTIONAL},
    {CF_LIT_INIT("ip"), false, 0, CF_CEL_T_IP},
    {CF_LIT_INIT("cidr"), false, 0, CF_CEL_T_CIDR},
    {CF_LIT_INIT("net.IP"), true, 0, CF_CEL_T_IP},
    {CF_LIT_INIT("net.CIDR"), true, 0, CF_CEL_T_CIDR},
};

static const type_name *name_find(cf_view name)
{
    if (name.len == 0) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        /* the parser asks for every name that is no variable: most differ here */
        cf_view n = names[i].name;
        if (n.len == name.len && n.data[0] == name.data[0] && cf_view_eq(name, n)) {
            return &names[i];
        }
    }
    return NULL;
}

bool cf_cel_env_type_name(cf_view name, cf_cel_value *ret)
{
    const type_name *known = name_find(name);
    if (known == NULL || !known->denotes) {
        return false;
    }
    *ret = cf_cel_type_value(known->name);
    return true;
}

/* The pool. */

void cf_cel_pool_init(cf_cel_pool *p, const cf_cel_pool *base, cf_arena *arena, uint32_t max)
{
    *p = (cf_cel_pool){.base = base, .max = max, .arena = arena};
    p->first = base == NULL ? CF_CEL_T_SIMPLE_END : base->first + base->n;
}

/* A name adds little: abstract types are rare, and compared in full. */
static uint32_t row_hash(uint8_t of, cf_cel_type a, cf_cel_type b, cf_view name)
{
    uint32_t h = of + a * 0x9E3779B1u + b * 0x85EBCA77u + (uint32_t)name.len * 0xC2B2AE3Du;
    return h ^ h >> 15;
}

static bool row_is(const cf_cel_composite *row, cf_cel_of of, cf_cel_type a, cf_cel_type b,
                   cf_view name)
{
    return row->of == of && row->a == a && row->b == b && cf_view_eq(row->name, name);
}

/* The place in the index of an equal row, or of where one would go. */
static uint32_t *index_slot(const cf_cel_pool *p, cf_cel_of of, cf_cel_type a, cf_cel_type b,
                            cf_view name)
{
    uint32_t at = row_hash((uint8_t)of, a, b, name) & p->mask;
    while (p->index[at] != 0 && !row_is(&p->rows[p->index[at] - 1], of, a, b, name)) {
        at = (at + 1) & p->mask;
    }
    return &p->index[at];
}

/* 0, which is no composite, when there is none. */
static cf_cel_type pool_find(const cf_cel_pool *p, cf_cel_of of, cf_cel_type a, cf_cel_type b,
                             cf_view name)
{
    for (; p != NULL; p = p->base) {
        if (p->index != NULL) {
            uint32_t found = *index_slot(p, of, a, b, name);
            if (found != 0) {
                return p->first + found - 1;
            }
            continue;
        }
        for (uint32_t i = 0; i < p->n; i++) {
            if (row_is(&p->rows[i], of, a, b, name)) {
                return p->first + i;
            }
        }
    }
    return 0;
}

static cf_result pool_index(cf_cel_pool *p)
{
    uint32_t slots = 2 * p->cap;
    uint32_t *index = cf_arena_new(p->arena, slots, sizeof *index);
    CF_REQUIRE(index != NULL, NO_MEMORY);
    p->index = index;
    p->mask = slots - 1;
    for (uint32_t i = 0; i < p->n; i++) {
        const cf_cel_composite *row = &p->rows[i];
        if (row->of != CF_CEL_OF_VARIABLE) {
            *index_slot(p, row->of, row->a, row->b, row->name) = i + 1;
        }
    }
    return cf_ok();
}

static cf_result pool_grow(cf_cel_pool *p)
{
    CF_REQUIRE(p->n < p->max, BUDGET);
    if (p->n < p->cap) {
        return cf_ok();
    }
    uint32_t cap = p->cap == 0 ? POOL_ROWS_MIN : 2 * p->cap;
    cf_cel_composite *rows = cf_arena_new(p->arena, cap, sizeof *rows);
    CF_REQUIRE(rows != NULL, NO_MEMORY);
    cf_copy(rows, p->rows, p->n * sizeof *rows);
    p->rows = rows;
    p->cap = cap;
    return p->index == NULL ? cf_ok() : pool_index(p);
}

CF_MUST_USE cf_result cf_cel_pool_add(cf_cel_pool *p, cf_cel_of of, cf_cel_type a, cf_cel_type b,
                                      cf_view name, cf_cel_type *ret)
{
    bool variable = of == CF_CEL_OF_VARIABLE;
    *ret = variable ? 0 : pool_find(p, of, a, b, name);
    if (*ret != 0) {
        return cf_ok();
    }
    CF_TRY(pool_grow(p));
    if (p->index == NULL && p->n >= POOL_ROWS_PLAIN) {
        CF_TRY(pool_index(p));
    }
    uint8_t flags =
        variable ? CF_CEL_HAS_VARIABLE : cf_cel_type_flags(p, a) | cf_cel_type_flags(p, b);
    if (!variable && p->index != NULL) {
        *index_slot(p, of, a, b, name) = p->n + 1;
    }
    p->rows[p->n] =
        (cf_cel_composite){.of = (uint8_t)of, .flags = flags, .a = a, .b = b, .name = name};
    *ret = p->first + p->n++;
    return cf_ok();
}

/* Types from text. */

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static void skip(cf_view *text, size_t n)
{
    text->data += n;
    text->len -= n;
}

/* Skips blanks, and c if it comes next. */
static bool take(cf_view *text, uint8_t c)
{
    while (text->len > 0 && text->data[0] == ' ') {
        skip(text, 1);
    }
    if (text->len == 0 || text->data[0] != c) {
        return false;
    }
    skip(text, 1);
    return true;
}

/* Identifiers with dots between them; a dot that no letter follows is left, it belongs to a method's signature. */
static cf_view take_name(cf_view *text)
{
    size_t n = 0;
    while (n < text->len) {
        uint8_t c = text->data[n];
        bool digit = c >= '0' && c <= '9' && n > 0;
        bool dot = c == '.' && n > 0 && n + 1 < text->len && is_letter(text->data[n + 1]);
        if (!is_letter(c) && !digit && !dot) {
            break;
        }
        n++;
    }
    cf_view name = {text->data, n};
    skip(text, n);
    return name;
}

static cf_result letter_read(cf_cel_letters *letters, uint8_t letter, cf_cel_type *ret)
{
    CF_REQUIRE(letters != NULL, MALFORMED);
    uint32_t i = 0;
    while (i < letters->n && letters->letter[i] != letter) {
        i++;
    }
    if (i == letters->n) {
        CF_REQUIRE(i < CF_CEL_PARAMS_MAX, SIZE);
        letters->letter[letters->n++] = letter;
    }
    *ret = CF_CEL_T_PARAM + i;
    return cf_ok();
}

/* A name with what stood in the brackets behind it, so far. */
typedef struct {
    cf_view name;
    uint32_t n;
    cf_cel_type args[CF_CEL_PARAMS_MAX];
} open_type;

static cf_result abstract_make(cf_cel_pool *p, const open_type *o, cf_cel_type *ret)
{
    cf_cel_type args = 0;
    for (uint32_t i = o->n; i-- > 0;) {
        CF_TRY(cf_cel_pool_add(p, CF_CEL_OF_ARGS, o->args[i], args, CF_VIEW_EMPTY, &args));
    }
    *ret = pool_find(p, CF_CEL_OF_ABSTRACT, args, 0, o->name);
    if (*ret != 0) {
        return cf_ok();
    }
    cf_view name;
    CF_TRY(cf_arena_copy(p->arena, o->name, &name));
    return cf_cel_pool_add(p, CF_CEL_OF_ABSTRACT, args, 0, name, ret);
}

static cf_result type_make(cf_cel_pool *p, const open_type *o, cf_cel_type *ret)
{
    const type_name *known = name_find(o->name);
    if (known == NULL) {
        return abstract_make(p, o, ret);
    }
    CF_REQUIRE(o->n == 0 || o->n == known->args, MALFORMED);
    if (known->args == 0) {
        *ret = known->type;
        return cf_ok();
    }
    cf_cel_type a = o->n > 0 ? o->args[0] : CF_CEL_T_DYN;
    cf_cel_type b = o->n > 1 ? o->args[1] : CF_CEL_T_DYN;
    return cf_cel_pool_add(p, (cf_cel_of)known->type, a, b, CF_VIEW_EMPTY, ret);
}

CF_MUST_USE cf_result cf_cel_type_named(cf_cel_pool *p, cf_view name, cf_cel_type *ret)
{
    const type_name *known = name_find(name);
    CF_REQUIRE(known != NULL && known->denotes, NOT_FOUND);
    return type_make(p, &(open_type){.name = name}, ret);
}

/* A type without brackets, or a name whose bracket opens: then *ret_opens. */
static cf_result simple_read(cf_cel_pool *p, cf_cel_letters *letters, cf_view *text, open_type *o,
                             bool *ret_opens, cf_cel_type *ret)
{
    *ret_opens = false;
    bool angle = take(text, '<');
    o->name = take_name(text);
    o->n = 0;
    CF_REQUIRE(o->name.len > 0, MALFORMED);
    uint8_t first = o->name.data[0];
    bool letter = o->name.len == 1 && first >= 'A' && first <= 'Z';
    CF_REQUIRE(!angle || (letter && take(text, '>')), MALFORMED);
    if (letter) {
        return letter_read(letters, first, ret);
    }
    *ret_opens = take(text, '(');
    return *ret_opens ? cf_ok() : type_make(p, o, ret);
}

CF_MUST_USE cf_result cf_cel_type_read(cf_cel_pool *p, cf_cel_letters *letters, cf_view *text,
                                       cf_cel_type *ret)
{
    open_type open[CF_CEL_TYPE_DEPTH_MAX + 1];
    uint32_t depth = 0;
    *ret = CF_CEL_T_DYN;
    for (;;) {
        bool opens;
        cf_cel_type t = CF_CEL_T_DYN;
        CF_TRY(simple_read(p, letters, text, &open[depth], &opens, &t));
        if (opens) {
            CF_REQUIRE(depth < CF_CEL_TYPE_DEPTH_MAX, DEPTH);
            depth++;
            continue;
        }
        bool more = false;
        while (depth > 0 && !more) {
            open_type *o = &open[depth - 1];
            CF_REQUIRE(o->n < CF_CEL_PARAMS_MAX, SIZE);
            o->args[o->n++] = t;
            more = take(text, ',');
            if (!more) {
                CF_REQUIRE(take(text, ')'), MALFORMED);
                CF_TRY(type_make(p, o, &t));
                depth--;
            }
        }
        if (!more) {
            *ret = t;
            return cf_ok();
        }
    }
}

/* Types to text. */

/* What is still to be written, the next one last: a type, or a piece of text. */
typedef struct {
    cf_view text; /* when its length is not 0 */
    cf_cel_type type;
} piece;

#define PIECES_MAX 256u

typedef struct {
    piece at[PIECES_MAX];
    uint32_t n;
} pieces;

static void push_text(pieces *todo, cf_view text)
{
    todo->at[todo->n++] = (piece){.text = text};
}

static void push_type(pieces *todo, cf_cel_type type)
{
    todo->at[todo->n++] = (piece){.type = type};
}

cf_view cf_cel_type_simple_name(cf_cel_type t)
{
    static const char letters[] = "<A><B><C><D><E><F><G><H>";
    _Static_assert(sizeof letters == 3 * CF_CEL_PARAMS_MAX + 1, "one for every parameter");
    if (t >= CF_CEL_T_PARAM) {
        return cf_view_make(letters + (size_t)3 * (t - CF_CEL_T_PARAM), 3);
    }
    cf_view name = CF_LIT("dyn");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].denotes && names[i].args == 0 && names[i].type == t) {
            name = names[i].name;
        }
    }
    return name;
}

static void push_composite(pieces *todo, const cf_cel_composite *row)
{
    push_text(todo, CF_LIT(")"));
    if (row->of == CF_CEL_OF_MAP) {
        push_type(todo, row->b);
        push_text(todo, CF_LIT(", "));
    }
    push_type(todo, row->a);
    push_text(todo, CF_LIT("("));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].denotes && names[i].args > 0 && names[i].type == row->of) {
            push_text(todo, names[i].name);
        }
    }
}

static void push_abstract(pieces *todo, const cf_cel_composite *row)
{
    if (row->a != 0) {
        push_text(todo, CF_LIT(")"));
        push_type(todo, row->a);
        push_text(todo, CF_LIT("("));
    }
    push_text(todo, row->name);
}

/* Replaces a composite on top by its pieces. */
static void push_row(pieces *todo, const cf_cel_composite *row)
{
    switch ((cf_cel_of)row->of) {
    case CF_CEL_OF_VARIABLE:
        push_type(todo, row->b == 1 ? row->a : CF_CEL_T_DYN);
        return;
    case CF_CEL_OF_ABSTRACT:
        push_abstract(todo, row);
        return;
    case CF_CEL_OF_ARGS:
        if (row->b != 0) {
            push_type(todo, row->b);
            push_text(todo, CF_LIT(", "));
        }
        push_type(todo, row->a);
        return;
    case CF_CEL_OF_LIST:
    case CF_CEL_OF_MAP:
    case CF_CEL_OF_TYPE:
    case CF_CEL_OF_OPTIONAL:
        push_composite(todo, row);
        return;
    }
}

/* The text may be exponential in the number of rows, as rows are shared: beyond the bound a type is not opened any more. */
CF_MUST_USE cf_result cf_cel_type_print(const cf_cel_pool *p, cf_cel_type t, cf_buf *out)
{
    CF_UNCLEARED pieces todo;
    todo.n = 0;
    size_t start = out->len;
    push_type(&todo, t);
    while (todo.n > 0) {
        piece next = todo.at[--todo.n];
        bool room = out->len - start < CF_CEL_TYPE_BYTES_MAX && todo.n + 8 < PIECES_MAX;
        if (next.text.len > 0) {
            CF_TRY(cf_buf_append(out, next.text));
        } else if (next.type < CF_CEL_T_SIMPLE_END) {
            CF_TRY(cf_buf_append(out, cf_cel_type_simple_name(next.type)));
        } else if (room) {
            push_row(&todo, cf_cel_pool_at(p, next.type));
        } else {
            CF_TRY(cf_buf_append(out, CF_LIT("dyn")));
        }
    }
    return cf_ok();
}

/* Signatures. */

static uint32_t simple_kinds(cf_cel_type t)
{
    static const uint8_t kinds[CF_CEL_T_PARAM] = {
        [CF_CEL_T_NULL] = CF_CEL_NULL,         [CF_CEL_T_BOOL] = CF_CEL_BOOL,
        [CF_CEL_T_INT] = CF_CEL_INT,           [CF_CEL_T_UINT] = CF_CEL_UINT,
        [CF_CEL_T_DOUBLE] = CF_CEL_DOUBLE,     [CF_CEL_T_STRING] = CF_CEL_STRING,
        [CF_CEL_T_BYTES] = CF_CEL_BYTES,       [CF_CEL_T_TIMESTAMP] = CF_CEL_TIMESTAMP,
        [CF_CEL_T_DURATION] = CF_CEL_DURATION, [CF_CEL_T_IP] = CF_CEL_IP,
        [CF_CEL_T_CIDR] = CF_CEL_CIDR,
    };
    return t == CF_CEL_T_DYN || t >= CF_CEL_T_PARAM ? ANY_KIND : BIT(kinds[t]);
}

/* An abstract type is the host's affair: it may give its values any kind. */
static uint32_t kinds_of(const cf_cel_pool *p, cf_cel_type t)
{
    if (t < CF_CEL_T_SIMPLE_END) {
        return simple_kinds(t);
    }
    switch ((cf_cel_of)cf_cel_pool_at(p, t)->of) {
    case CF_CEL_OF_LIST:
        return BIT(CF_CEL_LIST);
    case CF_CEL_OF_MAP:
        return BIT(CF_CEL_MAP);
    case CF_CEL_OF_TYPE:
        return BIT(CF_CEL_TYPE);
    case CF_CEL_OF_OPTIONAL:
        return BIT(CF_CEL_OPTIONAL);
    case CF_CEL_OF_ABSTRACT:
    case CF_CEL_OF_ARGS:
    case CF_CEL_OF_VARIABLE:
        break;
    }
    return ANY_KIND;
}

static cf_result param_read(cf_cel_pool *p, cf_cel_letters *letters, cf_view *text,
                            cf_cel_signature *s)
{
    CF_REQUIRE(s->n < CF_CEL_PARAMS_MAX, SIZE);
    CF_TRY(cf_cel_type_read(p, letters, text, &s->params[s->n]));
    s->kinds[s->n] = kinds_of(p, s->params[s->n]);
    s->n++;
    return cf_ok();
}

CF_MUST_USE cf_result cf_cel_signature_read(cf_cel_pool *p, const char *text, cf_cel_signature *ret)
{
    *ret = (cf_cel_signature){.n = 0};
    cf_cel_signature s = {.n = 0};
    cf_cel_letters letters = {.n = 0};
    cf_view left = cf_view_str(text);
    if (!take(&left, '(')) {
        CF_TRY(param_read(p, &letters, &left, &s));
        s.member = true;
        CF_REQUIRE(take(&left, '.') && take(&left, '('), MALFORMED);
    }
    if (!take(&left, ')')) {
        do {
            CF_TRY(param_read(p, &letters, &left, &s));
        } while (take(&left, ','));
        CF_REQUIRE(take(&left, ')'), MALFORMED);
    }
    CF_REQUIRE(take(&left, '-') && take(&left, '>'), MALFORMED);
    CF_TRY(cf_cel_type_read(p, &letters, &left, &s.result));
    (void)take(&left, ' ');
    CF_REQUIRE(left.len == 0, MALFORMED);
    *ret = s;
    return cf_ok();
}
