/* SPDX-License-Identifier: Apache-2.0 */
/* Which names stand in a source: docs/design/0004-expressions.md, decision 5. */
#include "core/transform/transform.h"

/* Words that are no variable's name. */
#define WORD(text)                                                                                 \
    {                                                                                              \
        sizeof(text) - 1, text                                                                     \
    }
static const struct {
    uint8_t len;
    char text[sizeof "namespace"];
} words[] = {
    WORD("as"),   WORD("break"),     WORD("const"), WORD("continue"), WORD("else"),   WORD("false"),
    WORD("for"),  WORD("function"),  WORD("if"),    WORD("import"),   WORD("in"),     WORD("let"),
    WORD("loop"), WORD("namespace"), WORD("null"),  WORD("package"),  WORD("return"), WORD("true"),
    WORD("var"),  WORD("void"),      WORD("while"),
};

static bool is_word(cf_view name)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        /* most names differ here already */
        if (name.len == words[i].len && name.data[0] == (uint8_t)words[i].text[0] &&
            cf_view_eq(name, cf_view_make(words[i].text, name.len))) {
            return true;
        }
    }
    return false;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_part(uint8_t c)
{
    return (uint8_t)((c | 0x20) - 'a') < 26 || (uint8_t)(c - '0') < 10 || c == '_';
}

bool cf_transform_mention(cf_view source, size_t *at, cf_view *ret)
{
    for (;;) {
        size_t from = *at;
        while (from < source.len && !is_part(source.data[from])) {
            from++;
        }
        size_t to = from;
        while (to < source.len && is_part(source.data[to])) {
            to++;
        }
        *at = to;
        *ret = cf_view_sub(source, from, to - from);
        if (ret->len == 0) {
            return false;
        }
        /* What begins with a digit is a number, and no name follows one without a character between. */
        if (!is_digit(ret->data[0]) && !is_word(*ret)) {
            return true;
        }
    }
}
