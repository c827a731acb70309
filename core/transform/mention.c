/* SPDX-License-Identifier: Apache-2.0 */
/* Which names stand in a source: docs/design/0004-expressions.md, decision 5. */
#include "core/transform/transform.h"

/* Words that are no variable's name. */
static const char *const words[] = {
    "as",       "break",   "const",  "continue", "else", "false", "for",
    "function", "if",      "import", "in",       "let",  "loop",  "namespace",
    "null",     "package", "return", "true",     "var",  "void",  "while",
};

static bool is_word(cf_view name)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (cf_view_eq(name, cf_view_str(words[i]))) {
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
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
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
