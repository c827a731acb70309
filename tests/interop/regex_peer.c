/* SPDX-License-Identifier: Apache-2.0 */
/* core/regex against RE2.
 *   regex_peer PAIRS [SEED]   random patterns and texts
 *   regex_peer unicode        every set and every change of case
 * Compared are: whether the pattern is taken; the verdict, by the table of states and by the program; the spans of all groups, from
 * the beginning and from within the text. What the two may differ in is named where it is left out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/regex/regex_priv.h"
#include "core/unicode/tables_priv.h"
#include "tests/interop/re2_peer.h"

enum { PATTERN_MAX = 400, TEXT_MAX = 64, GROUPS = 8, TEXTS = 8, DEPTH = 4, FAULTS_MAX = 20 };
#define STEPS 100000000u

static uint64_t random_state = 1;
static unsigned faults;

static unsigned below(unsigned n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % n;
}

typedef struct {
    char bytes[PATTERN_MAX + 64];
    size_t len;
} text;

static void put(text *to, const char *s)
{
    size_t n = strlen(s);
    if (to->len + n <= PATTERN_MAX) {
        cf_copy(to->bytes + to->len, s, n);
        to->len += n;
    }
}

#define PICK(list) (list)[below(sizeof(list) / sizeof((list)[0]))]

/* Letters with one, two and three partners in case, others without, of one to four octets; assigned in every version of Unicode in use. */
static const char *const letters[] = {
    "a",      "a",      "a",          "b",      "b",      "c",      "A",      "B",      "k",
    "K",      "s",      "S",          "_",      "-",      "0",      "1",      " ",      "\n",
    "\t",     "\u00E9", "\u00C9",     "\u212A", "\u017F", "\u03C3", "\u03C2", "\u03A3", "\u00DF",
    "\u1E9E", "\u4E2D", "\U0001F600", "\u0345", "\u0399", ".",      "x",      "y",      "z"};

static void put_class(text *p)
{
    static const char *const members[] = {
        "a",         "b",          "k",         "S",        "a-c",           "A-Z",    "a-z",
        "0-9",       "\\d",        "\\D",       "\\w",      "\\W",           "\\s",    "\\S",
        "[:alpha:]", "[:^upper:]", "[:space:]", "[:word:]", "\\pL",          "\\PL",   "\\p{Greek}",
        "\\p{^Lu}",  "\\n",        "\\-",       "-",        "\u03B1-\u03C9", "\u00E9", "\\x{212A}",
        "\\]",       "^",          ".",         "\\x41",    "\\101",         "[",      "&&"};
    put(p, below(3) == 0 ? "[^" : "[");
    if (below(12) == 0) {
        put(p, "]");
    }
    for (unsigned n = 1 + below(3); n > 0; n--) {
        put(p, PICK(members));
    }
    if (below(12) == 0) {
        put(p, "-");
    }
    put(p, "]");
}

static void put_atom(text *p)
{
    static const char *const atoms[] = {
        ".",       ".",     "^",       "$",          "\\b",       "\\B",     "\\A",
        "\\z",     "\\d",   "\\w",     "\\s",        "\\D",       "\\W",     "\\S",
        "\\pL",    "\\PN",  "\\p{Lu}", "\\P{Greek}", "\\Qa.b\\E", "\\Q*\\E", "\\.",
        "\\x{e9}", "\\x61", "\\141",   "\\n",        "(?i)",      "(?s)",    "(?m)",
        "(?U)",    "(?-i)", "()",      "",           "\\_"};
    switch (below(5)) {
    case 0:
        put_class(p);
        return;
    case 1:
        put(p, PICK(atoms));
        return;
    default:
        put(p, PICK(letters));
    }
}

static void put_quantifier(text *p)
{
    static const char *const quantifiers[] = {"*",     "+",     "?",      "*?",   "+?",  "??",
                                              "{2}",   "{0,2}", "{1,3}?", "{2,}", "{0}", "{0,1}",
                                              "{1,}?", "{3}?",  "{,2}",   "{0,}"};
    if (below(3) == 0) {
        put(p, PICK(quantifiers));
    }
}

/* A small random tree. The depth is bounded, so the recursion is. */
static void put_pattern(text *p, unsigned depth)
{
    static const char *const opens[] = {
        "(", "(", "(", "(?:", "(?i:", "(?s:", "(?m:", "(?U:", "(?P<n>", "(?i-s:"};
    for (unsigned alternatives = 1 + below(8) / 6; alternatives > 0; alternatives--) {
        for (unsigned items = below(4) + (depth == 0); items > 0; items--) {
            if (depth < DEPTH && below(3) == 0) {
                put(p, PICK(opens));
                put_pattern(p, depth + 1);
                put(p, ")");
            } else {
                put_atom(p);
            }
            put_quantifier(p);
        }
        if (alternatives > 1) {
            put(p, "|");
        }
    }
}

/* Pieces of syntax one behind the other, mostly not a pattern. */
static void put_rubble(text *p)
{
    static const char *const pieces[] = {
        "(",   ")",   "[",     "]",     "[^",   "{",      "}",    "*",   "+",   "?",    "|",
        "^",   "$",   ".",     "\\",    "-",    "a",      "b",    "0",   "1",   ",",    ":",
        "[:",  ":]",  "alpha", "(?",    "(?:",  "(?i",    "(?P<", "<",   ">",   "P",    "p",
        "L",   "\\p", "\\P{",  "Greek", "\\x",  "\\x{",   "7f",   "\\0", "\\1", "\\12", "\\Q",
        "\\E", "\\d", "{1,",   "{2}",   "1001", "{1000}", "!",    "=",   "i",   "s",    "m",
        "U",   "&",   "~",     "#",     " ",    "\u00E9", "\\z",  "\\Z", "_",   "\xFF", "\xC3"};
    for (unsigned n = 1 + below(8); n > 0; n--) {
        put(p, PICK(pieces));
    }
}

static void complain(const text *p, const text *t, const char *what)
{
    fprintf(stderr, "%s\n  pattern %.*s\n  text ", what, (int)p->len, p->bytes);
    for (size_t i = 0; i < t->len; i++) {
        fprintf(stderr, t->bytes[i] > ' ' ? "%c" : "\\x%02x", (unsigned char)t->bytes[i]);
    }
    fprintf(stderr, "\n");
    if (++faults > FAULTS_MAX) {
        exit(1);
    }
}

static bool holds(const text *t, const char *piece)
{
    size_t n = strlen(piece);
    for (size_t i = 0; i + n <= t->len; i++) {
        if (memcmp(t->bytes + i, piece, n) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_ascii(const text *t)
{
    for (size_t i = 0; i < t->len; i++) {
        if ((unsigned char)t->bytes[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

/* RE2 has groups without P since 2023; \C, a single octet, is not for text; and both bound sizes, differently. */
static bool may_differ(const text *p, cf_result r, bool theirs_size)
{
    return theirs_size || r.code == CF_ERR_SIZE || holds(p, "(?<") || holds(p, "\\C");
}

typedef struct {
    cf_regex *table, *program; /* the same pattern with and without the table of states */
    re2_peer *peer;
    bool any_order;
} pair;

/* A loop over an alternation of which an alternative that is not the last can be empty. RE2's manual says of x|y "prefer x" and of x*
 * "prefer more": when the preferred x is empty, the two contradict each other. RE2 decides by the lists that it flattens programs
 * into, and finds x in "x--" with x(?:|-)* and x-- with x(?:|-+)*; we keep the program's order, and find x both times. */
static bool order_may_differ(const text *p)
{
    CF_ARENA(scratch, (size_t)32 << 20);
    regex_compilation c = {
        .pattern = cf_view_make(p->bytes, p->len), .work_max = REGEX_WORK_MAX, .scratch = &scratch};
    cf_regex_limits *most = &c.limits;
    *most = (cf_regex_limits){PATTERN_MAX,         CF_REGEX_DEPTH_MAX,  CF_REGEX_INSTRUCTIONS_MAX,
                              CF_REGEX_RANGES_MAX, CF_REGEX_GROUPS_MAX, false};
    bool found = false;
    if (cf_is_ok(regex_parse(&c))) {
        for (uint32_t i = 1; i < c.nodes_n; i++) {
            const regex_node *parent = &c.nodes[c.nodes[i].parent];
            bool early = parent->kind == REGEX_NODE_ALTERNATE && c.nodes[i].next != 0;
            bool looped = false;
            for (uint32_t up = c.nodes[i].parent; up != 0; up = c.nodes[up].parent) {
                looped = looped || (c.nodes[up].kind == REGEX_NODE_REPEAT &&
                                    c.nodes[up].max == REGEX_UNBOUNDED);
            }
            found = found || (early && looped && c.nodes[i].nullable);
        }
    }
    return found;
}

static void compare_find(const pair *re, const text *p, const text *t, size_t start,
                         cf_regex_mem *mem)
{
    cf_view view = cf_view_make(t->bytes, t->len);
    size_t theirs[2 * GROUPS];
    cf_regex_span ours[GROUPS];
    uint64_t steps = STEPS;
    bool found = false;
    size_t groups = re2_peer_groups(re->peer) + 1;
    groups = groups < GROUPS ? groups : GROUPS;
    bool there = re2_peer_find(re->peer, t->bytes, t->len, start, theirs, groups);
    if (!cf_is_ok(cf_regex_find(re->table, view, start, mem, &steps, ours, groups, &found)) ||
        found != there) {
        complain(p, t, there ? "RE2 finds a match" : "RE2 finds no match");
        return;
    }
    for (size_t i = 0; found && !re->any_order && i < groups; i++) {
        if (ours[i].start != theirs[2 * i] || ours[i].end != theirs[2 * i + 1]) {
            char what[160];
            snprintf(what, sizeof what, "group %zu from %zu on: %zd..%zd, RE2 %zd..%zd", i, start,
                     (ssize_t)ours[i].start, (ssize_t)ours[i].end, (ssize_t)theirs[2 * i],
                     (ssize_t)theirs[2 * i + 1]);
            complain(p, t, what);
            return;
        }
    }
}

static void compare_text(const pair *re, const text *p, const text *t)
{
    static _Alignas(max_align_t) uint8_t scratch[1 << 20];
    cf_regex_mem mem = {scratch, sizeof scratch};
    cf_view view = cf_view_make(t->bytes, t->len);
    bool by_table = false, by_program = false;
    uint64_t steps = STEPS;
    /* RE2 matches octets: \B holds for it inside a character of several octets, where we, as Go's regexp, have no position. */
    if (holds(p, "\\B") && !is_ascii(t)) {
        return;
    }
    bool theirs = re2_peer_find(re->peer, t->bytes, t->len, 0, NULL, 0);
    if (!cf_is_ok(cf_regex_match(re->table, view, &mem, &steps, &by_table)) ||
        !cf_is_ok(cf_regex_match(re->program, view, &mem, &steps, &by_program)) ||
        by_table != theirs || by_program != theirs) {
        complain(p, t,
                 by_table == theirs ? "the program's verdict differs" : "the verdict differs");
        return;
    }
    compare_find(re, p, t, 0, &mem);
    size_t start = below((unsigned)t->len + 1);
    while (start < t->len && ((unsigned char)t->bytes[start] & 0xC0) == 0x80) {
        start++;
    }
    compare_find(re, p, t, start, &mem);
}

static size_t compare_pattern(void)
{
    pair re = {NULL, NULL, NULL, false};
    text p = {.len = 0}, none = {.len = 0};
    cf_regex_limits program = {.no_dfa = true};
    bool size = false;
    if (below(4) == 0) {
        put_rubble(&p);
    } else {
        put_pattern(&p, 0);
    }
    re.peer = re2_peer_new(p.bytes, p.len, &size);
    cf_result r = cf_regex_compile(cf_view_make(p.bytes, p.len), NULL, &re.table, NULL);
    cf_result again = cf_regex_compile(cf_view_make(p.bytes, p.len), &program, &re.program, NULL);
    size_t pairs = 1;
    if (again.code != r.code || ((re.peer != NULL) != cf_is_ok(r) && !may_differ(&p, r, size))) {
        complain(&p, &none, cf_is_ok(r) ? "RE2 refuses" : cf_err_code(r.code));
    } else if (re.peer != NULL && cf_is_ok(r)) {
        if (re2_peer_groups(re.peer) != cf_regex_groups(re.table)) {
            complain(&p, &none, "the number of groups differs");
        }
        re.any_order = order_may_differ(&p);
        for (; pairs < TEXTS; pairs++) {
            text t = {.len = 0};
            for (unsigned n = below(12); n > 0 && t.len < TEXT_MAX; n--) {
                put(&t, PICK(letters));
            }
            compare_text(&re, &p, &t);
        }
    }
    re2_peer_free(re.peer);
    cf_regex_free(&re.table);
    cf_regex_free(&re.program);
    return pairs;
}

/* ---- Sets and case ---- */

/* Every code point once, or those of them that are marked in both. */
typedef struct {
    char *bytes;
    size_t len;
    uint8_t *ours, *theirs; /* marks by code point */
} roll;

static bool roll_init(roll *r, bool (*wanted)(const roll *of, uint32_t c), const roll *of)
{
    *r = (roll){malloc(4 * (CF_UNICODE_LAST + 1)), 0, calloc(1, CF_UNICODE_LAST + 1),
                calloc(1, CF_UNICODE_LAST + 1)};
    if (r->bytes == NULL || r->ours == NULL || r->theirs == NULL) {
        return false;
    }
    for (uint32_t c = 0; c <= CF_UNICODE_LAST; c++) {
        uint8_t octets[CF_UTF8_BYTES_MAX];
        size_t n = cf_utf8_put(c, octets);
        if (wanted == NULL || wanted(of, c)) {
            cf_copy(r->bytes + r->len, octets, n);
            r->len += n;
        }
    }
    return true;
}

static void roll_free(roll *r)
{
    free(r->bytes);
    free(r->ours);
    free(r->theirs);
}

static void mark(const roll *r, uint8_t *marks, size_t start, size_t end)
{
    uint32_t c;
    while (start < end) {
        start += cf_utf8_get(cf_view_make(r->bytes, r->len), start, &c);
        marks[c] = 1;
    }
}

/* Marks what either finds, match by match. False when RE2 refuses the pattern. */
static bool mark_members(roll *r, const char *pattern)
{
    static _Alignas(max_align_t) uint8_t scratch[1 << 16];
    cf_regex_mem mem = {scratch, sizeof scratch};
    cf_view view = cf_view_make(r->bytes, r->len);
    cf_regex_span span;
    size_t spans[2], at = 0;
    uint64_t steps = UINT64_MAX;
    bool size, found = true;
    CF_REGEX(re);
    re2_peer *peer = re2_peer_new(pattern, strlen(pattern), &size);
    if (peer == NULL || !cf_is_ok(cf_regex_compile(cf_view_str(pattern), NULL, &re, NULL))) {
        re2_peer_free(peer);
        return false;
    }
    memset(r->ours, 0, CF_UNICODE_LAST + 1);
    memset(r->theirs, 0, CF_UNICODE_LAST + 1);
    for (; re2_peer_find(peer, r->bytes, r->len, at, spans, 1); at = spans[1]) {
        mark(r, r->theirs, spans[0], spans[1]);
    }
    for (at = 0; found; at = span.end) {
        if (!cf_is_ok(cf_regex_find(re, view, at, &mem, &steps, &span, 1, &found))) {
            complain(&(text){.len = 0}, &(text){.len = 0}, "a search failed");
        }
        if (found) {
            mark(r, r->ours, span.start, span.end);
        }
    }
    re2_peer_free(peer);
    return true;
}

static bool in_both(const roll *of, uint32_t c)
{
    return of->ours[c] != 0 && of->theirs[c] != 0;
}

static void compare_members(roll *known, const char *pattern)
{
    for (uint32_t c = 0; c <= CF_UNICODE_LAST; c++) {
        if (known->ours[c] != known->theirs[c]) {
            text p = {.len = 0};
            char what[64];
            put(&p, pattern);
            snprintf(what, sizeof what, "U+%04X is %s for RE2", c,
                     known->theirs[c] != 0 ? "in" : "out");
            complain(&p, &(text){.len = 0}, what);
        }
    }
}

static size_t compare_set(roll *known, const char *name)
{
    char pattern[64];
    snprintf(pattern, sizeof pattern, "\\p{%s}+", name);
    bool there = mark_members(known, pattern);
    if (there) {
        compare_members(known, pattern);
    }
    return there;
}

/* Of code points that both versions of Unicode assign; names that RE2's version lacks are left out. */
static size_t compare_sets(roll *known)
{
    static const char *const categories[] = {"C",  "Cc", "Cf", "Co", "L",  "Ll", "Lm", "Lo", "Lt",
                                             "Lu", "M",  "Mc", "Me", "Mn", "N",  "Nd", "Nl", "No",
                                             "P",  "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S",
                                             "Sc", "Sk", "Sm", "So", "Z",  "Zl", "Zp", "Zs", "Any"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof categories / sizeof categories[0]; i++) {
        n += compare_set(known, categories[i]);
    }
    for (size_t i = 0; i < cf_unicode_script_names_n; i++) {
        n += compare_set(known, cf_unicode_script_names[i]);
    }
    return n;
}

/* Unicode 15.1 made pairs of these six. */
static bool is_paired_later(uint32_t c)
{
    return c == 0x390 || c == 0x3B0 || c == 0x1FD3 || c == 0x1FE3 || c == 0xFB05 || c == 0xFB06;
}

static bool is_cased(const roll *of, uint32_t c)
{
    static const char *const names[] = {"Lu", "Ll", "Lt"};
    bool cased = cf_unicode_fold_next(c) != c;
    for (size_t i = 0; i < 3; i++) {
        cf_unicode_set set;
        cased = cased ||
                (cf_unicode_set_of(cf_view_str(names[i]), &set) && cf_unicode_set_has(&set, c));
    }
    return cased && in_both(of, c) && !is_paired_later(c);
}

/* (?i) and a code point, for every cased one, in a text of them all. */
static size_t compare_case(const roll *known)
{
    roll cased;
    size_t n = 0;
    if (!roll_init(&cased, is_cased, known)) {
        return 0;
    }
    for (size_t at = 0; at < cased.len; n++) {
        uint32_t c;
        char pattern[32];
        at += cf_utf8_get(cf_view_make(cased.bytes, cased.len), at, &c);
        snprintf(pattern, sizeof pattern, "(?i)\\x{%x}", c);
        if (mark_members(&cased, pattern)) {
            compare_members(&cased, pattern);
        }
    }
    roll_free(&cased);
    return n;
}

static int compare_unicode(void)
{
    roll all, known;
    if (!roll_init(&all, NULL, NULL) || !mark_members(&all, "[\\pL\\pM\\pN\\pP\\pS\\pZ\\pC]+") ||
        !roll_init(&known, in_both, &all)) {
        return 1;
    }
    size_t sets = compare_sets(&known), cased = compare_case(&all);
    printf("%zu sets, %zu cased code points, %u differ\n", sets, cased, faults);
    roll_free(&all);
    roll_free(&known);
    return faults > 0 || sets < 190 || cased < 4000;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "unicode") == 0) {
        return compare_unicode();
    }
    size_t wanted = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000, done = 0;
    random_state = argc > 2 ? strtoul(argv[2], NULL, 10) | 1 : 88172645463325252u;
    while (done < wanted) {
        done += compare_pattern();
    }
    printf("%zu pairs, %u differ\n", done, faults);
    return faults > 0;
}
