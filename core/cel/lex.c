/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/number.h"
#include "core/cel/parse_priv.h"
#include "core/unicode/utf8.h"

/* Classes of octets. */
enum { SPACE = 1, LETTER = 2, DIGIT = 4, HEX = 8, QUOTED = 16, SPECIAL = 32 };

static const uint8_t CLASS[256] = {
    ['\t'] = SPACE,
    ['\n'] = SPACE | SPECIAL, /* in a string: what may end it, or escapes */
    ['\f'] = SPACE,
    ['\r'] = SPACE | SPECIAL,
    ['"'] = SPECIAL,
    ['\''] = SPECIAL,
    ['\\'] = SPECIAL,
    [' '] = SPACE | QUOTED,
    ['_'] = LETTER | QUOTED,
    ['.'] = QUOTED,
    ['-'] = QUOTED,
    ['/'] = QUOTED,
#define D(c) [c] = DIGIT | HEX | QUOTED
    D('0'),
    D('1'),
    D('2'),
    D('3'),
    D('4'),
    D('5'),
    D('6'),
    D('7'),
    D('8'),
    D('9'),
#define X(c) [c] = LETTER | HEX | QUOTED
    X('a'),
    X('b'),
    X('c'),
    X('d'),
    X('e'),
    X('f'),
    X('A'),
    X('B'),
    X('C'),
    X('D'),
    X('E'),
    X('F'),
#define L(c) [c] = LETTER | QUOTED
    L('g'),
    L('h'),
    L('i'),
    L('j'),
    L('k'),
    L('l'),
    L('m'),
    L('n'),
    L('o'),
    L('p'),
    L('q'),
    L('r'),
    L('s'),
    L('t'),
    L('u'),
    L('v'),
    L('w'),
    L('x'),
    L('y'),
    L('z'),
    L('G'),
    L('H'),
    L('I'),
    L('J'),
    L('K'),
    L('L'),
    L('M'),
    L('N'),
    L('O'),
    L('P'),
    L('Q'),
    L('R'),
    L('S'),
    L('T'),
    L('U'),
    L('V'),
    L('W'),
    L('X'),
    L('Y'),
    L('Z'),
#undef D
#undef X
#undef L
};

/* NULs behind the source, so that a look ahead needs no bound: no part of a token outside quotes is one. */
#define LOOK_AHEAD 3

typedef struct {
    const uint8_t *s; /* len octets and LOOK_AHEAD */
    uint32_t len, at;
    cf_cel_token *token; /* the one that is read, all zero */
} lexer;

static uint8_t at(const lexer *l, uint32_t i)
{
    return l->s[i];
}

static bool is(const lexer *l, uint32_t i, uint8_t class)
{
    return (CLASS[at(l, i)] & class) != 0;
}

static inline void skip_blank(lexer *l)
{
    uint32_t i = l->at;
    while (is(l, i, SPACE) || (at(l, i) == '/' && at(l, i + 1) == '/')) {
        if (at(l, i++) == '/') {
            while (i < l->len && at(l, i) != '\n') {
                i++;
            }
        }
    }
    l->at = i;
}

/* Digits at *i, none being fine. */
static void digits(const lexer *l, uint32_t *i)
{
    while (is(l, *i, DIGIT)) {
        (*i)++;
    }
}

static bool lex_exponent(const lexer *l, uint32_t *i)
{
    if (at(l, *i) != 'e' && at(l, *i) != 'E') {
        return false;
    }
    uint32_t j = *i + 1;
    if (at(l, j) == '+' || at(l, j) == '-') {
        j++;
    }
    if (!is(l, j, DIGIT)) {
        return false;
    }
    digits(l, &j);
    *i = j;
    return true;
}

static uint32_t lex_number(lexer *l)
{
    uint32_t i = l->at, kind = CF_CEL_K_INT;
    if (at(l, i) == '0' && at(l, i + 1) == 'x' && is(l, i + 2, HEX)) {
        i += 2;
        while (is(l, i, HEX)) {
            i++;
        }
    } else {
        digits(l, &i);
        if (at(l, i) == '.' && is(l, i + 1, DIGIT)) {
            i++;
            digits(l, &i);
            kind = CF_CEL_K_DOUBLE;
        }
        if (lex_exponent(l, &i)) {
            kind = CF_CEL_K_DOUBLE;
        }
    }
    if (kind == CF_CEL_K_INT && (at(l, i) == 'u' || at(l, i) == 'U')) {
        kind = CF_CEL_K_UINT;
        i++;
    }
    l->at = i;
    return kind; /* a name may follow at once: 1in[1]; where none may, the parser says so */
}

/* From the opening quote on. END when there is no closing one. */
static uint32_t lex_string(lexer *l, bool raw, uint32_t kind)
{
    uint32_t i = l->at;
    uint8_t quote = at(l, i), all = 0;
    bool three = at(l, i + 1) == quote && at(l, i + 2) == quote, escaped = false;
    uint8_t quotes = three ? 3 : 1;
    for (i += quotes; i < l->len; i++) {
        uint8_t c = l->s[i];
        all |= c;
        if ((CLASS[c] & SPECIAL) == 0) {
            continue;
        }
        if (c == quote && (!three || (at(l, i + 1) == quote && at(l, i + 2) == quote))) {
            l->token->open = quotes;
            l->token->close = quotes;
            l->token->escaped = escaped;
            l->token->ascii = all < 0x80;
            l->at = i + quotes;
            return kind;
        }
        if (!three && (c == '\n' || c == '\r')) {
            break;
        }
        if (c == '\\' && !raw) {
            escaped = true;
            i++; /* what is escaped ends nothing; which escapes there are is seen later */
        }
    }
    return CF_CEL_K_END;
}

static bool is_quote(uint8_t c)
{
    return c == '"' || c == '\'';
}

/* A letter begins a name, a keyword, or the prefix of a string: r, b, br in either case. */
static uint32_t lex_word(lexer *l)
{
    uint32_t i = l->at;
    bool bytes = (at(l, i) | 0x20) == 'b';
    uint32_t j = i + (bytes ? 1 : 0);
    bool raw = (at(l, j) | 0x20) == 'r';
    j += raw ? 1 : 0;
    if (j > i && is_quote(at(l, j))) {
        l->at = j;
        uint32_t kind = lex_string(l, raw, bytes ? CF_CEL_K_BYTES : CF_CEL_K_STRING);
        l->token->open = (uint8_t)(l->token->open + (j - i));
        return kind;
    }
    while (is(l, i, LETTER | DIGIT)) {
        i++;
    }
    cf_view word = cf_view_make(l->s + l->at, i - l->at);
    l->at = i;
    if (word.len == 4 && cf_view_eq(word, CF_LIT("true"))) {
        return CF_CEL_K_TRUE;
    }
    if (word.len == 5 && cf_view_eq(word, CF_LIT("false"))) {
        return CF_CEL_K_FALSE;
    }
    if (word.len == 4 && cf_view_eq(word, CF_LIT("null"))) {
        return CF_CEL_K_NULL;
    }
    return word.len == 2 && cf_view_eq(word, CF_LIT("in")) ? CF_CEL_K_IN : CF_CEL_K_NAME;
}

static uint32_t lex_quoted(lexer *l)
{
    uint32_t i = l->at + 1;
    while (is(l, i, QUOTED)) {
        i++;
    }
    bool ok = at(l, i) == '`' && i > l->at + 1;
    l->at = i + 1;
    return ok ? CF_CEL_K_QUOTED : CF_CEL_K_END;
}

/* Operators and brackets; END for what is none. */
static uint32_t lex_sign(lexer *l)
{
    static const uint8_t ONE[128] = {
        ['('] = CF_CEL_K_LPAREN,   [')'] = CF_CEL_K_RPAREN, ['['] = CF_CEL_K_LBRACKET,
        [']'] = CF_CEL_K_RBRACKET, ['{'] = CF_CEL_K_LBRACE, ['}'] = CF_CEL_K_RBRACE,
        ['.'] = CF_CEL_K_DOT,      [','] = CF_CEL_K_COMMA,  [':'] = CF_CEL_K_COLON,
        ['?'] = CF_CEL_K_QUESTION, ['!'] = CF_CEL_K_NOT,    ['-'] = CF_CEL_K_MINUS,
        ['+'] = CF_CEL_K_PLUS,     ['*'] = CF_CEL_K_STAR,   ['/'] = CF_CEL_K_SLASH,
        ['%'] = CF_CEL_K_PERCENT,  ['<'] = CF_CEL_K_LT,     ['>'] = CF_CEL_K_GT,
    };
    static const struct {
        uint8_t text[2];
        uint8_t kind;
    } TWO[] = {{"==", CF_CEL_K_EQ}, {"!=", CF_CEL_K_NE},  {"<=", CF_CEL_K_LE},
               {">=", CF_CEL_K_GE}, {"&&", CF_CEL_K_AND}, {"||", CF_CEL_K_OR}};
    uint8_t c = at(l, l->at), next = at(l, l->at + 1);
    if (next == '=' || (next == c && (c == '&' || c == '|'))) {
        for (size_t i = 0; i < sizeof TWO / sizeof TWO[0]; i++) {
            if (c == TWO[i].text[0] && next == TWO[i].text[1]) {
                l->at += 2;
                return TWO[i].kind;
            }
        }
    }
    l->at++;
    return c < 128 ? ONE[c] : CF_CEL_K_END;
}

static uint32_t lex_token(lexer *l)
{
    uint8_t c = l->s[l->at];
    if ((CLASS[c] & LETTER) != 0) {
        return lex_word(l);
    }
    if ((CLASS[c] & DIGIT) != 0 || (c == '.' && is(l, l->at + 1, DIGIT))) {
        return lex_number(l);
    }
    if (is_quote(c)) {
        return lex_string(l, false, CF_CEL_K_STRING);
    }
    return c == '`' ? lex_quoted(l) : lex_sign(l);
}

CF_MUST_USE cf_result cf_cel_lex(cf_cel_compilation *c, cf_view source, cf_cel_token **ret,
                                 uint32_t *ret_n)
{
    *ret = NULL;
    if (source.len > c->opt.budget.source_bytes) {
        return cf_cel_over_at(c, "source_bytes", 0);
    }
    if (!cf_utf8_ok(source)) {
        return cf_cel_fail_at(c, CF_ERR_UTF8, 0);
    }
    /* a token has at least one octet, and END follows */
    cf_cel_token *tokens = cf_arena_new(c->arena, source.len + 1, sizeof *tokens);
    uint8_t *octets = cf_arena_new(c->arena, source.len + LOOK_AHEAD, 1);
    if (tokens == NULL || octets == NULL) {
        return cf_cel_fail_at(c, CF_ERR_NO_MEMORY, 0);
    }
    cf_copy(octets, source.data, source.len);
    lexer l = {.s = octets, .len = (uint32_t)source.len, .token = tokens};
    for (skip_blank(&l); l.at < l.len; skip_blank(&l)) {
        uint32_t offset = l.at;
        l.token->offset = offset;
        l.token->kind = (uint8_t)lex_token(&l);
        if (l.token->kind == CF_CEL_K_END) {
            return cf_cel_fail_at(c, CF_ERR_CEL_SYNTAX, offset);
        }
        l.token->len = l.at - offset;
        l.token++;
    }
    l.token->offset = l.len; /* END is kind 0 */
    *ret = tokens;
    *ret_n = (uint32_t)(l.token - tokens);
    return cf_ok();
}

/* ---- literals ---- */

static uint32_t hex_digit(uint8_t c)
{
    return c <= '9' ? c - (uint32_t)'0' : (c | 0x20u) - 'a' + 10;
}

/* Decimal or 0x digits; false when 64 bits do not hold them. */
static bool read_u64(cf_view text, uint64_t *ret)
{
    uint64_t n = 0, base = text.len > 2 && text.data[1] == 'x' ? 16 : 10;
    for (size_t i = base == 16 ? 2 : 0; i < text.len; i++) {
        if (__builtin_mul_overflow(n, base, &n) ||
            __builtin_add_overflow(n, hex_digit(text.data[i]), &n)) {
            return false;
        }
    }
    *ret = n;
    return true;
}

static bool read_int(cf_view text, bool minus, cf_cel_value *ret)
{
    uint64_t n, max = (uint64_t)INT64_MAX + (minus ? 1 : 0);
    if (!read_u64(text, &n) || n > max) {
        return false;
    }
    *ret = cf_cel_int(minus ? (int64_t)(0 - n) : (int64_t)n);
    return true;
}

static bool read_double(cf_view text, bool minus, cf_cel_value *ret)
{
    double d;
    if (!cf_is_ok(cf_double_parse(text, &d))) {
        return false;
    }
    *ret = cf_cel_double(minus ? -d : d);
    return true;
}

/* Digits of base 8 or 16; false when one is missing or is none. */
static bool read_code(cf_view text, size_t *i, size_t n, uint32_t base, uint32_t *ret)
{
    *ret = 0;
    for (size_t end = *i + n; *i < end; (*i)++) {
        if (*i >= text.len || (CLASS[text.data[*i]] & HEX) == 0 ||
            hex_digit(text.data[*i]) >= base) {
            return false;
        }
        *ret = *ret * base + hex_digit(text.data[*i]);
    }
    return true;
}

/* One escape, *i at the character behind the backslash. In strings a number is a code point, in bytes an octet. */
static bool unescape(cf_view text, size_t *i, bool bytes, uint8_t *out, size_t *out_n)
{
    static const char PLAIN[] = "\\?\"'`", FROM[] = "abfnrtv", TO[] = "\a\b\f\n\r\t\v";
    uint8_t c = text.data[*i];
    for (size_t k = 0; k < sizeof FROM - 1; k++) {
        if (c == (uint8_t)FROM[k]) {
            out[(*out_n)++] = (uint8_t)TO[k];
            (*i)++;
            return true;
        }
    }
    for (size_t k = 0; k < sizeof PLAIN - 1; k++) {
        if (c == (uint8_t)PLAIN[k]) {
            out[(*out_n)++] = c;
            (*i)++;
            return true;
        }
    }
    uint32_t code;
    bool ok;
    if (c >= '0' && c <= '3') {
        ok = read_code(text, i, 3, 8, &code);
    } else if ((c | 0x20) == 'x' || ((c | 0x20) == 'u' && !bytes)) {
        (*i)++;
        ok = read_code(text, i, (c | 0x20) == 'x' ? 2 : c == 'u' ? 4 : 8, 16, &code);
    } else {
        return false;
    }
    if (!ok || code > CF_UNICODE_LAST || (code >= 0xD800 && code <= 0xDFFF)) {
        return false;
    }
    if (bytes) {
        out[(*out_n)++] = (uint8_t)code;
    } else {
        *out_n += cf_utf8_put(code, out + *out_n);
    }
    return true;
}

/* The text between the quotes. An escape is at least as long as what it stands for. */
static cf_err read_text(cf_cel_compilation *c, cf_view source, const cf_cel_token *t,
                        cf_cel_value *ret)
{
    cf_view text = cf_view_sub(source, t->offset + t->open, t->len - t->open - t->close);
    bool bytes = t->kind == CF_CEL_K_BYTES;
    if (t->escaped) {
        uint8_t *out = cf_arena_new(c->arena, text.len, 1);
        if (out == NULL) {
            return CF_ERR_NO_MEMORY;
        }
        size_t n = 0;
        for (size_t i = 0; i < text.len;) {
            if (text.data[i] != '\\') {
                out[n++] = text.data[i++];
            } else if (++i >= text.len || !unescape(text, &i, bytes, out, &n)) {
                return CF_ERR_CEL_SYNTAX;
            }
        }
        text = cf_view_make(out, n);
    }
    *ret = bytes ? cf_cel_bytes(text) : cf_cel_string(text);
    ret->flags = t->ascii && !t->escaped && !bytes ? CF_CEL_ASCII : 0;
    return CF_OK;
}

CF_MUST_USE cf_result cf_cel_literal(cf_cel_compilation *c, cf_view source, const cf_cel_token *t,
                                     bool minus, cf_cel_value *ret)
{
    cf_view text = cf_view_sub(source, t->offset, t->len);
    bool ok = true;
    cf_err err = CF_OK;
    switch (t->kind) {
    case CF_CEL_K_INT:
        ok = read_int(text, minus, ret);
        break;
    case CF_CEL_K_UINT:
        *ret = cf_cel_uint(0);
        ok = read_u64(cf_view_sub(text, 0, text.len - 1), &ret->u);
        break;
    case CF_CEL_K_DOUBLE:
        ok = read_double(text, minus, ret);
        break;
    case CF_CEL_K_STRING:
    case CF_CEL_K_BYTES:
        err = read_text(c, source, t, ret);
        break;
    case CF_CEL_K_NULL:
        *ret = cf_cel_null();
        break;
    default:
        *ret = cf_cel_bool(t->kind == CF_CEL_K_TRUE);
        break;
    }
    err = ok ? err : CF_ERR_CEL_SYNTAX;
    return err == CF_OK ? cf_ok() : cf_cel_fail_at(c, err, t->offset);
}
