/* SPDX-License-Identifier: Apache-2.0 */
/* What a pattern goes through: parse.c and class.c make a tree of nodes and a table of classes, program.c writes the tree out as
 * instructions, dfa.c makes a table of states where few are needed. regex.c moves what remains into one piece of memory. */
#pragma once
#include "core/regex/regex.h"
#include "core/unicode/unicode.h"

/* ---- Patterns as trees ---- */

/** Units of work that one compilation may take, a few nanoseconds each: an octet, a range, an instruction or a step of the table's
 *  construction. Above it the pattern is too large. */
#define REGEX_WORK_MAX 2000000
#define REGEX_UNBOUNDED UINT16_MAX /* as the upper bound of a repeat */

typedef enum {
    REGEX_NODE_CHAR,      /* value: the code point */
    REGEX_NODE_CLASS,     /* value: index of the class */
    REGEX_NODE_ASSERT,    /* value: regex_assertion */
    REGEX_NODE_CONCAT,    /* children one behind the other, possibly none */
    REGEX_NODE_ALTERNATE, /* children, the first preferred */
    REGEX_NODE_REPEAT,    /* one child, min to max times */
    REGEX_NODE_GROUP      /* one child; value: number of the group, 0 does not capture */
} regex_node_kind;

/** What is true or not between two code points. */
typedef enum {
    REGEX_TEXT_BEGIN,
    REGEX_TEXT_END,
    REGEX_LINE_BEGIN,
    REGEX_LINE_END,
    REGEX_WORD_EDGE,
    REGEX_NO_WORD_EDGE
} regex_assertion;

typedef struct {
    uint8_t kind, flags; /* flags: of a group, those to be restored behind it */
    bool lazy, nullable; /* nullable: the empty text is a match */
    uint16_t min, max;
    uint16_t
        repeats; /* the largest product of counted repeats inside one another, this one included */
    uint32_t value;
    uint32_t size; /* instructions that it is written out as */
    uint32_t parent, first, last, prev, next;
    uint32_t pc; /* where it was written */
} regex_node;

/** A set of code points: ranges[off, off + n) of the compilation, ascending, not touching. */
typedef struct {
    uint64_t ascii[2]; /* bit c: the set holds c */
    uint32_t off, n;
    uint32_t hash, same; /* next class + 1 in the chain of its hash */
} regex_class;

/* ---- Programs ---- */

typedef enum {
    REGEX_CHAR,   /* consumes the code point arg */
    REGEX_CLASS,  /* consumes a member of class arg */
    REGEX_ASSERT, /* goes on where the assertion arg holds */
    REGEX_SPLIT,  /* goes on at pc + 1 and at pc + arg; the first is preferred unless aux */
    REGEX_JUMP,   /* goes on at pc + arg */
    REGEX_SAVE,   /* notes the position in slot arg */
    REGEX_MATCH
} regex_op;

typedef struct {
    uint8_t op, aux;
    int32_t arg;
} regex_inst;

/* The kind of what stands before or behind a position, as far as assertions ask. */
typedef enum { REGEX_EDGE, REGEX_NEWLINE, REGEX_WORD, REGEX_OTHER, REGEX_KINDS } regex_kind;

/** The table: state 0 has failed, state 1 has matched; a code point has a column, octets that are no UTF-8 have the last one. A state is
 *  the number of its row times the row's length, so states[s + column] is the next one. */
typedef struct {
    uint8_t ascii[128];          /* column of each ASCII code point */
    const uint32_t *others;      /* of the others: start << 8 | column, ascending from 0x80 on */
    const uint16_t *states;      /* row by row */
    const uint8_t *at_end;       /* of each row: 1 when the end of the text here is a match */
    uint32_t others_n, row;      /* row: its length */
    uint16_t start[REGEX_KINDS]; /* by what stands before the first octet */
} regex_dfa;

struct cf_regex {
    size_t bytes; /* of the whole piece */
    const regex_inst *program;
    const regex_class *classes;
    const cf_unicode_range *ranges;
    uint32_t n, groups;
    bool has_dfa;
    /* Behind the text's beginning a match begins nowhere (anchored), or with one of the octets first (has_first), or anywhere. */
    bool anchored, has_first;
    uint64_t first[4];
    regex_dfa dfa;
};

/* ---- Compilation ---- */

#define REGEX_NO_CHAR UINT32_MAX        /* in place of a code point: the edge of the text */
#define REGEX_BAD_CHAR (UINT32_MAX - 1) /* an octet that is no UTF-8 */

typedef struct {
    cf_view pattern;
    cf_regex_limits limits; /* none 0 */
    uint64_t work, work_max;
    size_t offset;     /* of the error */
    regex_node *nodes; /* [0] is none, [1] the root */
    uint32_t nodes_n;
    regex_class *classes;
    uint32_t classes_n, classes_cap;
    /* Ranges of all classes, then of the one that is being read: it begins at class_at, its part that is being added at part_at, and
     * when it has more than tidy_at it is sorted. */
    cf_unicode_range *ranges;
    size_t ranges_n, ranges_cap;
    size_t class_at, part_at, tidy_at;
    uint32_t chains[64]; /* class + 1, by hash */
    uint32_t groups;
    regex_inst *program;
    uint32_t program_n;
    struct regex_build *build; /* of dfa.c; NULL when there is no table */
    cf_arena *scratch; /* wiped and freed when the compilation ends: a pattern may be a secret */
} regex_compilation;

/** Takes units of work. error BUDGET when the caller's are used up, SIZE over REGEX_WORK_MAX */
static inline CF_MUST_USE cf_result regex_work(regex_compilation *c, uint64_t units)
{
    c->work += units;
    if (CF_UNLIKELY(c->work > c->work_max)) {
        return cf_fail(c->work_max < REGEX_WORK_MAX ? CF_ERR_BUDGET : CF_ERR_SIZE);
    }
    return cf_ok();
}

/** The tree of the pattern. Errors as cf_regex_compile; c->offset tells where. */
CF_MUST_USE cf_result regex_parse(regex_compilation *c);

/** The tree as instructions; the tree is used up. */
CF_MUST_USE cf_result regex_write(regex_compilation *c);

/** Tries to make a table of states: c->build is NULL when it would take too many. */
CF_MUST_USE cf_result regex_dfa_build(regex_compilation *c);
/** Octets that the table takes, and the table there; at is aligned for any type. */
size_t regex_dfa_bytes(const struct regex_build *build);
void regex_dfa_copy(const struct regex_build *build, uint8_t *at, regex_dfa *ret);

/* ---- Classes, class.c ---- */

#define REGEX_FOLD 1u   /* (?i) */
#define REGEX_DOTALL 2u /* (?s) */
#define REGEX_LINES 4u  /* (?m) */
#define REGEX_LAZY 8u   /* (?U) */

/** Begins a class; its ranges follow in any order. */
void regex_class_begin(regex_compilation *c);
/** Adds a range, with REGEX_FOLD in flags also what differs from it in case only. */
CF_MUST_USE cf_result regex_class_add(regex_compilation *c, uint32_t lo, uint32_t hi,
                                      unsigned flags);
/** Adds a general category or script, or what it lacks. error UNSUPPORTED there is no such name */
CF_MUST_USE cf_result regex_class_add_unicode(regex_compilation *c, cf_view name, bool negated,
                                              unsigned flags);
/** Adds the set of ASCII that POSIX calls so ("alpha"), or of a Perl letter ("d"), or what it lacks. error PATTERN no such name */
CF_MUST_USE cf_result regex_class_add_ascii(regex_compilation *c, cf_view name, bool negated,
                                            unsigned flags);
/** Ends the class. *ret is its index; a class that there is already is used again. A class of a single code point is none: *ret_char is
 *  that code point, else REGEX_NO_CHAR. error SIZE over the limit of ranges */
CF_MUST_USE cf_result regex_class_end(regex_compilation *c, bool negated, uint32_t *ret,
                                      uint32_t *ret_char);

/** Does the class hold a code point? ranges: of the compilation or of the regex. */
static inline bool regex_class_has(const regex_class *class, const cf_unicode_range *ranges,
                                   uint32_t c)
{
    if (c < 0x80) {
        return (class->ascii[c / 64] >> c % 64 & 1) != 0;
    }
    const cf_unicode_range *r = ranges + class->off;
    size_t low = 0, high = class->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r[middle].hi < c) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < class->n && r[low].lo <= c;
}

/* ---- Matching ---- */

static inline bool regex_is_word(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static inline regex_kind regex_kind_of(uint32_t c)
{
    if (c == REGEX_NO_CHAR) {
        return REGEX_EDGE;
    }
    return c == '\n' ? REGEX_NEWLINE : regex_is_word(c) ? REGEX_WORD : REGEX_OTHER;
}

/** Does the assertion hold between what stands before and what stands behind? */
static inline bool regex_holds(int32_t assertion, regex_kind before, regex_kind behind)
{
    switch ((regex_assertion)assertion) {
    case REGEX_TEXT_BEGIN:
        return before == REGEX_EDGE;
    case REGEX_TEXT_END:
        return behind == REGEX_EDGE;
    case REGEX_LINE_BEGIN:
        return before == REGEX_EDGE || before == REGEX_NEWLINE;
    case REGEX_LINE_END:
        return behind == REGEX_EDGE || behind == REGEX_NEWLINE;
    case REGEX_WORD_EDGE:
        return (before == REGEX_WORD) != (behind == REGEX_WORD);
    case REGEX_NO_WORD_EDGE:
        return (before == REGEX_WORD) == (behind == REGEX_WORD);
    default:
        return false;
    }
}

/** The kind of what stands before an offset: an octet of a longer code point is none that assertions ask for. */
static inline regex_kind regex_kind_before(cf_view text, size_t at)
{
    return at == 0 ? REGEX_EDGE : regex_kind_of(text.data[at - 1]);
}

/** Verdict of the table on the text from offset start on. error BUDGET */
CF_MUST_USE cf_result regex_dfa_run(const cf_regex *re, cf_view text, size_t start, uint64_t *steps,
                                    bool *ret);

/** Verdict of the program, the same; with slots, also the positions of the leftmost match, 2 for each group. error BUDGET, ARGUMENT */
CF_MUST_USE cf_result regex_nfa_run(const cf_regex *re, cf_view text, size_t start,
                                    const cf_regex_mem *mem, uint64_t *steps, uint32_t slots,
                                    const uint32_t **ret_slots, bool *ret);
size_t regex_nfa_bytes(const cf_regex *re, size_t slots);
