/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns to trees: docs/regex.md, which is RE2's syntax as its default options have it. The tree under construction is the parser's
 * stack: a group that is open is a node whose parents are the groups around it. */
#include "core/regex/regex_priv.h"

#define ROOT 1u

typedef struct {
    regex_compilation *c;
    cf_view text;
    size_t at;
    unsigned flags;
    uint32_t group;  /* the innermost that is open */
    uint32_t concat; /* what is appended to */
    size_t depth;
    bool repeated; /* the item before was a quantifier */
    bool no_posix; /* no ":]" is ahead: it is not looked for again */
} parser;

/* ---- The tree ---- */

static regex_node *node_of(const parser *p, uint32_t i)
{
    return &p->c->nodes[i];
}

/* There is memory for two nodes per octet of the pattern, and no octet makes more: nodes_max. */
static uint32_t node_new(parser *p, regex_node_kind kind, uint32_t parent)
{
    uint32_t i = p->c->nodes_n++;
    *node_of(p, i) = (regex_node){.kind = (uint8_t)kind, .parent = parent, .repeats = 1};
    return i;
}

static void append_child(parser *p, uint32_t parent, uint32_t child)
{
    regex_node *to = node_of(p, parent);
    node_of(p, child)->parent = parent;
    node_of(p, child)->prev = to->last;
    if (to->last == 0) {
        to->first = child;
    } else {
        node_of(p, to->last)->next = child;
    }
    to->last = child;
}

static void append(parser *p, regex_node_kind kind, uint32_t value)
{
    uint32_t i = node_new(p, kind, p->concat);
    node_of(p, i)->value = value;
    node_of(p, i)->size = 1;
    node_of(p, i)->nullable = kind == REGEX_NODE_ASSERT;
    append_child(p, p->concat, i);
}

/* Size, repeats and nullability of a node, from those of its children. A size is at most a pattern's octets times REPEAT_MAX before it is
 * refused. */
static cf_result measure(parser *p, uint32_t i)
{
    regex_node *node = node_of(p, i);
    uint64_t size = 0;
    bool any = false, all = true;
    for (uint32_t child = node->first; child != 0; child = node_of(p, child)->next) {
        size += node_of(p, child)->size;
        any = any || node_of(p, child)->nullable;
        all = all && node_of(p, child)->nullable;
        if (node_of(p, child)->repeats > node->repeats) {
            node->repeats = node_of(p, child)->repeats;
        }
        if (node->kind == REGEX_NODE_ALTERNATE && node_of(p, child)->next != 0) {
            size += 2; /* a split before it and a jump behind it */
        }
    }
    if (node->kind == REGEX_NODE_GROUP && node->value != 0) {
        size += 2;
    }
    if (node->kind == REGEX_NODE_REPEAT && node->max == REGEX_UNBOUNDED) {
        size = size * (node->min > 1 ? node->min : 1) + 1 + (node->min == 0);
    } else if (node->kind == REGEX_NODE_REPEAT) {
        size = size * node->max + node->max - node->min;
    }
    node->nullable = node->kind == REGEX_NODE_ALTERNATE                  ? any
                     : node->kind == REGEX_NODE_REPEAT && node->min == 0 ? true
                                                                         : all;
    CF_REQUIRE(size < p->c->limits.instructions_max, SIZE); /* the last one is REGEX_MATCH */
    node->size = (uint32_t)size;
    return cf_ok();
}

/* ---- Quantifiers ---- */

static cf_result repeat(parser *p, unsigned min, unsigned max, bool lazy)
{
    regex_node *concat = node_of(p, p->concat);
    uint32_t operand = concat->last;
    CF_REQUIRE(operand != 0, PATTERN);
    uint32_t i = node_new(p, REGEX_NODE_REPEAT, p->concat);
    regex_node *node = node_of(p, i);
    node->min = (uint16_t)min;
    node->max = (uint16_t)max;
    node->lazy = lazy != ((p->flags & REGEX_LAZY) != 0);
    node->prev = node_of(p, operand)->prev;
    concat->last = i;
    if (node->prev == 0) {
        concat->first = i;
    } else {
        node_of(p, node->prev)->next = i;
    }
    node_of(p, operand)->prev = 0;
    append_child(p, i, operand);
    /* RE2 counts counted repeats inside one another, with the lower bound of those that have no upper one. */
    unsigned inside = node_of(p, operand)->repeats;
    unsigned times = max == REGEX_UNBOUNDED ? min : max;
    CF_REQUIRE(times <= 1 || times * inside <= CF_REGEX_REPEAT_MAX, PATTERN);
    node->repeats = (uint16_t)(times <= 1 ? inside : times * inside);
    return measure(p, i);
}

/* Digits without a zero in front; false when there are none. What is over the bound stays over it. */
static bool read_count(parser *p, unsigned *ret)
{
    size_t begin = p->at;
    *ret = 0;
    while (p->at < p->text.len && p->text.data[p->at] >= '0' && p->text.data[p->at] <= '9') {
        if (*ret <= CF_REGEX_REPEAT_MAX) {
            *ret = 10 * *ret + (unsigned)(p->text.data[p->at] - '0');
        }
        p->at++;
    }
    return p->at > begin && (p->at == begin + 1 || p->text.data[begin] != '0');
}

static bool take(parser *p, uint8_t octet)
{
    bool there = p->at < p->text.len && p->text.data[p->at] == octet;
    p->at += there;
    return there;
}

/* {n}, {n,} or {n,m}; what has not this form is no quantifier, and p stays where it is. */
static bool read_braces(parser *p, unsigned *ret_min, unsigned *ret_max)
{
    size_t begin = p->at;
    bool ok = take(p, '{') && read_count(p, ret_min);
    *ret_max = *ret_min;
    if (ok && take(p, ',')) {
        *ret_max = REGEX_UNBOUNDED;
        if (p->at < p->text.len && p->text.data[p->at] != '}') {
            ok = read_count(p, ret_max);
        }
    }
    if (ok && take(p, '}')) {
        return true;
    }
    p->at = begin;
    return false;
}

static cf_result parse_quantifier(parser *p, unsigned min, unsigned max, bool stacked)
{
    bool lazy = take(p, '?');
    /* a** is nothing in RE2; a*+ is possessive in other languages. */
    CF_REQUIRE(!stacked, PATTERN);
    bool bounded = max == REGEX_UNBOUNDED || (max >= min && max <= CF_REGEX_REPEAT_MAX);
    CF_REQUIRE(min <= CF_REGEX_REPEAT_MAX && bounded, PATTERN);
    CF_TRY(repeat(p, min, max, lazy));
    p->repeated = true;
    return cf_ok();
}

/* ---- Characters ---- */

static cf_result append_char(parser *p, uint32_t ch)
{
    if ((p->flags & REGEX_FOLD) == 0 || cf_unicode_fold_next(ch) == ch) {
        append(p, REGEX_NODE_CHAR, ch);
        return cf_ok();
    }
    uint32_t class, single;
    regex_class_begin(p->c);
    CF_TRY(regex_class_add(p->c, ch, ch, p->flags));
    CF_TRY(regex_class_end(p->c, false, &class, &single));
    append(p, REGEX_NODE_CLASS, class);
    return cf_ok();
}

static cf_result append_class(parser *p, bool negated)
{
    uint32_t class, single;
    CF_TRY(regex_class_end(p->c, negated, &class, &single));
    if (single != REGEX_NO_CHAR) {
        append(p, REGEX_NODE_CHAR, single);
    } else {
        append(p, REGEX_NODE_CLASS, class);
    }
    return cf_ok();
}

/* The next code point of the pattern, which is UTF-8. */
static uint32_t take_char(parser *p)
{
    uint32_t ch;
    p->at += cf_utf8_get(p->text, p->at, &ch);
    return ch;
}

static int hex_value(uint32_t ch)
{
    if (ch >= '0' && ch <= '9') {
        return (int)ch - '0';
    }
    ch |= 0x20;
    return ch >= 'a' && ch <= 'f' ? (int)ch - 'a' + 10 : -1;
}

/* Behind \x: two digits, or any number of them in braces. */
static cf_result parse_hex(parser *p, uint32_t *ret)
{
    bool braces = take(p, '{');
    unsigned digits = 0;
    while (p->at < p->text.len && (braces || digits < 2)) {
        int value = hex_value(p->text.data[p->at]);
        if (value < 0) {
            break;
        }
        *ret = 16 * *ret + (uint32_t)value;
        CF_REQUIRE(*ret <= CF_UNICODE_LAST, PATTERN);
        digits++;
        p->at++;
    }
    CF_REQUIRE(braces ? digits > 0 && take(p, '}') : digits == 2, PATTERN);
    return cf_ok();
}

static bool is_octal(const parser *p)
{
    return p->at < p->text.len && p->text.data[p->at] >= '0' && p->text.data[p->at] <= '7';
}

/* \1 to \9 are references to groups; only a second digit makes \1 to \7 octal. */
static cf_result parse_octal(parser *p, uint32_t digit, uint32_t *ret)
{
    CF_REQUIRE(digit == '0' || (digit <= '7' && is_octal(p)), UNSUPPORTED);
    *ret = digit - '0';
    for (unsigned i = 0; i < 2 && is_octal(p); i++) {
        *ret = 8 * *ret + p->text.data[p->at++] - '0';
    }
    return cf_ok();
}

/* An escape that stands for one code point, p at the backslash. */
static cf_result parse_escape(parser *p, uint32_t *ret)
{
    static const char names[] = "afnrtv", values[] = "\a\f\n\r\t\v";
    *ret = 0;
    p->at++;
    CF_REQUIRE(p->at < p->text.len, PATTERN);
    uint32_t ch = take_char(p);
    if (ch >= '0' && ch <= '9') {
        return parse_octal(p, ch, ret);
    }
    if (ch == 'x') {
        return parse_hex(p, ret);
    }
    for (size_t i = 0; i < sizeof names - 1; i++) {
        if (ch == (uint8_t)names[i]) {
            *ret = (uint8_t)values[i];
            return cf_ok();
        }
    }
    CF_REQUIRE(ch != 'C' && ch != 'Z', UNSUPPORTED);
    CF_REQUIRE(ch < 0x80 && (ch == '_' || !regex_is_word(ch)), PATTERN);
    *ret = ch;
    return cf_ok();
}

/* ---- Classes ---- */

/* \d, \s, \w, \p and their opposites, added to the class that is open; *ret says whether there is one. */
static cf_result parse_named(parser *p, bool *ret)
{
    *ret = false;
    if (p->text.len - p->at < 2 || p->text.data[p->at] != '\\') {
        return cf_ok();
    }
    uint8_t letter = p->text.data[p->at + 1];
    bool negated = letter >= 'A' && letter <= 'Z';
    uint8_t small = letter | 0x20;
    if (small == 'd' || small == 's' || small == 'w') {
        *ret = true;
        p->at += 2;
        return regex_class_add_ascii(p->c, cf_view_make(&small, 1), negated, p->flags);
    }
    if (small != 'p') {
        return cf_ok();
    }
    *ret = true;
    p->at += 2;
    CF_REQUIRE(p->at < p->text.len, PATTERN);
    size_t begin = p->at;
    bool braces = take(p, '{');
    if (braces) {
        begin = p->at;
        while (p->at < p->text.len && p->text.data[p->at] != '}') {
            p->at++;
        }
    } else {
        (void)take_char(p);
    }
    cf_view name = cf_view_sub(p->text, begin, p->at - begin);
    CF_REQUIRE(!braces || take(p, '}'), PATTERN);
    if (name.len > 0 && name.data[0] == '^') {
        negated = !negated;
        name = cf_view_sub(name, 1, name.len - 1);
    }
    return regex_class_add_unicode(p->c, name, negated, p->flags);
}

/* [:name:] or [:^name:]; *ret says whether there is one. */
static cf_result parse_posix(parser *p, bool *ret)
{
    cf_view left = cf_view_sub(p->text, p->at, p->text.len - p->at);
    *ret = false;
    if (p->no_posix || left.len < 2 || left.data[0] != '[' || left.data[1] != ':') {
        return cf_ok();
    }
    for (size_t i = 2; i + 1 < left.len; i++) {
        if (left.data[i] == ':' && left.data[i + 1] == ']') {
            bool negated = left.data[2] == '^';
            cf_view name = cf_view_sub(left, 2 + negated, i - 2 - negated);
            CF_REQUIRE(name.len > 1, PATTERN); /* those of one letter are Perl's */
            CF_TRY(regex_class_add_ascii(p->c, name, negated, p->flags));
            *ret = true;
            p->at += i + 2;
            return cf_ok();
        }
    }
    p->no_posix = true;
    return cf_ok();
}

static cf_result parse_member(parser *p, uint32_t *ret)
{
    *ret = 0;
    CF_REQUIRE(p->at < p->text.len, PATTERN);
    if (p->text.data[p->at] == '\\') {
        return parse_escape(p, ret);
    }
    *ret = take_char(p);
    return cf_ok();
}

static cf_result parse_range(parser *p)
{
    uint32_t lo, hi;
    CF_TRY(parse_member(p, &lo));
    hi = lo;
    if (p->text.len - p->at >= 2 && p->text.data[p->at] == '-' && p->text.data[p->at + 1] != ']') {
        p->at++;
        CF_TRY(parse_member(p, &hi));
    }
    CF_REQUIRE(lo <= hi, PATTERN);
    return regex_class_add(p->c, lo, hi, p->flags);
}

/* p behind the bracket. A ] that comes first is a member. */
static cf_result parse_class(parser *p)
{
    size_t opened = p->c->offset;
    bool negated = take(p, '^');
    size_t begin = p->at;
    regex_class_begin(p->c);
    while (p->at < p->text.len && (p->text.data[p->at] != ']' || p->at == begin)) {
        bool done = false;
        p->c->offset = p->at;
        CF_TRY(parse_posix(p, &done));
        if (!done) {
            CF_TRY(parse_named(p, &done));
        }
        if (!done) {
            CF_TRY(parse_range(p));
        }
    }
    p->c->offset = opened;
    CF_REQUIRE(take(p, ']'), PATTERN);
    return append_class(p, negated);
}

/* ---- Groups ---- */

static cf_result group_open(parser *p, bool captures, unsigned flags_behind)
{
    CF_REQUIRE(p->depth < p->c->limits.depth_max, DEPTH);
    uint32_t group = node_new(p, REGEX_NODE_GROUP, p->concat);
    if (captures) {
        CF_REQUIRE(p->c->groups < p->c->limits.groups_max, SIZE);
        node_of(p, group)->value = ++p->c->groups;
    }
    node_of(p, group)->flags = (uint8_t)flags_behind;
    append_child(p, p->concat, group);
    p->group = group;
    p->concat = node_new(p, REGEX_NODE_CONCAT, group);
    append_child(p, group, p->concat);
    p->depth++;
    return cf_ok();
}

/* Measures what the group holds; its alternation, if it has one, is the concatenation's parent. */
static cf_result group_close(parser *p)
{
    uint32_t parent = node_of(p, p->concat)->parent;
    CF_TRY(measure(p, p->concat));
    if (parent != p->group) {
        CF_TRY(measure(p, parent));
    }
    return measure(p, p->group);
}

static cf_result parse_close(parser *p)
{
    CF_REQUIRE(p->group != ROOT, PATTERN);
    CF_TRY(group_close(p));
    regex_node *group = node_of(p, p->group);
    p->flags = group->flags;
    p->concat = group->parent;
    p->depth--;
    uint32_t around = p->concat;
    while (node_of(p, around)->kind != REGEX_NODE_GROUP) {
        around = node_of(p, around)->parent;
    }
    p->group = around;
    return cf_ok();
}

static cf_result parse_bar(parser *p)
{
    uint32_t alternation = node_of(p, p->concat)->parent;
    CF_TRY(measure(p, p->concat));
    if (alternation == p->group) {
        uint32_t first = p->concat;
        alternation = node_new(p, REGEX_NODE_ALTERNATE, p->group);
        node_of(p, p->group)->first = node_of(p, p->group)->last = 0;
        append_child(p, p->group, alternation);
        append_child(p, alternation, first);
    }
    p->concat = node_new(p, REGEX_NODE_CONCAT, alternation);
    append_child(p, alternation, p->concat);
    return cf_ok();
}

/* Letters, digits, marks and connecting punctuation, as RE2 takes them. */
static bool is_name_char(uint32_t ch)
{
    static const char names[][3] = {"L", "Mn", "Mc", "Nd", "Nl", "Pc"};
    if (ch < 0x80) {
        return regex_is_word(ch);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cf_unicode_set set;
        if (cf_unicode_set_of(cf_view_str(names[i]), &set) && cf_unicode_set_has(&set, ch)) {
            return true;
        }
    }
    return false;
}

/* (?P<name> and (?<name>, p at the name. The name says nothing to us. */
static cf_result parse_name(parser *p)
{
    size_t begin = p->at;
    while (p->at < p->text.len && p->text.data[p->at] != '>') {
        CF_TRY(regex_work(p->c, 64));
        CF_REQUIRE(is_name_char(take_char(p)), PATTERN);
    }
    CF_REQUIRE(p->at > begin && take(p, '>'), PATTERN);
    return group_open(p, true, p->flags);
}

static unsigned flag_of(uint8_t letter)
{
    switch (letter) {
    case 'i':
        return REGEX_FOLD;
    case 'm':
        return REGEX_LINES;
    case 's':
        return REGEX_DOTALL;
    case 'U':
        return REGEX_LAZY;
    default:
        return 0;
    }
}

/* (?flags) and (?flags:, p at the flags. */
static cf_result parse_flags(parser *p)
{
    unsigned flags = p->flags;
    bool off = false, any = false;
    while (p->at < p->text.len) {
        uint8_t letter = p->text.data[p->at++];
        unsigned flag = flag_of(letter);
        if (flag != 0) {
            flags = off ? flags & ~flag : flags | flag;
            any = true;
        } else if (letter == '-' && !off) {
            off = true;
            any = false;
        } else {
            CF_REQUIRE((letter == ')' || letter == ':') && (any || !off), PATTERN);
            if (letter == ':') {
                CF_TRY(group_open(p, false, p->flags));
            }
            p->flags = flags;
            return cf_ok();
        }
    }
    return cf_fail(CF_ERR_PATTERN);
}

/* Behind "(?": what looks around, is atomic, conditional, a comment or a reference in other languages. */
static bool is_foreign(cf_view left)
{
    static const char *const heads[] = {"=", "!", "<=", "<!", ">",  "(",
                                        "#", "|", "R",  "&",  "P=", "P>"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        cf_view head = cf_view_str(heads[i]);
        if (cf_view_eq(cf_view_sub(left, 0, head.len), head)) {
            return true;
        }
    }
    return false;
}

static cf_result parse_open(parser *p)
{
    if (!take(p, '?')) {
        return group_open(p, true, p->flags);
    }
    CF_REQUIRE(!is_foreign(cf_view_sub(p->text, p->at, p->text.len - p->at)), UNSUPPORTED);
    if (take(p, 'P')) {
        CF_REQUIRE(take(p, '<'), PATTERN);
        return parse_name(p);
    }
    return take(p, '<') ? parse_name(p) : parse_flags(p);
}

/* ---- Items ---- */

/* Behind \Q: literal up to \E or the end. */
static cf_result parse_quoted(parser *p)
{
    while (p->at < p->text.len) {
        if (cf_view_eq(cf_view_sub(p->text, p->at, 2), CF_LIT("\\E"))) {
            p->at += 2;
            return cf_ok();
        }
        CF_TRY(append_char(p, take_char(p)));
    }
    return cf_ok();
}

static cf_result parse_backslash(parser *p)
{
    uint32_t ch = 0;
    uint8_t letter = p->text.len - p->at < 2 ? 0 : p->text.data[p->at + 1];
    static const struct {
        uint8_t letter, assertion;
    } assertions[] = {{'b', REGEX_WORD_EDGE},
                      {'B', REGEX_NO_WORD_EDGE},
                      {'A', REGEX_TEXT_BEGIN},
                      {'z', REGEX_TEXT_END}};
    for (size_t i = 0; i < sizeof assertions / sizeof assertions[0]; i++) {
        if (letter == assertions[i].letter) {
            p->at += 2;
            append(p, REGEX_NODE_ASSERT, assertions[i].assertion);
            return cf_ok();
        }
    }
    if (letter == 'Q') {
        p->at += 2;
        return parse_quoted(p);
    }
    bool named = false;
    regex_class_begin(p->c);
    CF_TRY(parse_named(p, &named));
    if (named) {
        return append_class(p, false);
    }
    CF_TRY(parse_escape(p, &ch));
    return append_char(p, ch);
}

static cf_result append_dot(parser *p)
{
    regex_class_begin(p->c);
    if ((p->flags & REGEX_DOTALL) == 0) {
        CF_TRY(regex_class_add(p->c, '\n', '\n', 0));
    }
    return append_class(p, true);
}

static cf_result parse_item(parser *p)
{
    bool lines = (p->flags & REGEX_LINES) != 0, stacked = p->repeated;
    uint8_t octet = p->text.data[p->at];
    unsigned min = 0, max = REGEX_UNBOUNDED;
    p->repeated = false;
    if (octet == '{' && read_braces(p, &min, &max)) {
        return parse_quantifier(p, min, max, stacked);
    }
    if (octet == '\\') {
        return parse_backslash(p);
    }
    uint32_t ch = take_char(p);
    switch (ch) {
    case '(':
        return parse_open(p);
    case ')':
        return parse_close(p);
    case '|':
        return parse_bar(p);
    case '*':
        return parse_quantifier(p, 0, REGEX_UNBOUNDED, stacked);
    case '+':
        CF_REQUIRE(!stacked, UNSUPPORTED);
        return parse_quantifier(p, 1, REGEX_UNBOUNDED, false);
    case '?':
        return parse_quantifier(p, 0, 1, stacked);
    case '^':
        append(p, REGEX_NODE_ASSERT, lines ? REGEX_LINE_BEGIN : REGEX_TEXT_BEGIN);
        return cf_ok();
    case '$':
        append(p, REGEX_NODE_ASSERT, lines ? REGEX_LINE_END : REGEX_TEXT_END);
        return cf_ok();
    case '.':
        return append_dot(p);
    case '[':
        return parse_class(p);
    default:
        return append_char(p, ch);
    }
}

static cf_result parse_items(parser *p)
{
    while (p->at < p->text.len) {
        p->c->offset = p->at;
        CF_TRY(parse_item(p));
    }
    p->c->offset = p->at;
    CF_REQUIRE(p->group == ROOT, PATTERN); /* a group is open */
    return group_close(p);
}

static cf_result check_utf8(regex_compilation *c)
{
    uint32_t ch;
    for (size_t at = 0; at < c->pattern.len;) {
        size_t n = cf_utf8_get(c->pattern, at, &ch);
        c->offset = at;
        CF_REQUIRE(n > 0, UTF8);
        at += n;
    }
    return cf_ok();
}

CF_MUST_USE cf_result regex_parse(regex_compilation *c)
{
    CF_REQUIRE(c->pattern.len <= c->limits.pattern_bytes_max, SIZE);
    CF_TRY(regex_work(c, c->pattern.len));
    CF_TRY(check_utf8(c));
    /* None, the root and its concatenation; then an opening parenthesis makes two nodes, a bar two at most, other octets one. */
    c->nodes = cf_arena_new(c->scratch, 3 + 2 * c->pattern.len, sizeof *c->nodes);
    CF_REQUIRE(c->nodes != NULL, NO_MEMORY);
    c->nodes_n = ROOT;
    parser p = {.c = c, .text = c->pattern, .group = ROOT};
    (void)node_new(&p, REGEX_NODE_GROUP, 0);
    p.concat = node_new(&p, REGEX_NODE_CONCAT, ROOT);
    append_child(&p, ROOT, p.concat);
    return parse_items(&p);
}
