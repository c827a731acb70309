/* SPDX-License-Identifier: Apache-2.0 */
/* The table of states: the subset construction, for the yes or no of a search. A state is the set of instructions at which an octet more is
 * needed, begun anew at every position; assertions about what follows wait in the set until the next column tells. Code points that
 * no instruction tells apart share a column. Where it would grow large there is no table, and nfa.c matches. */
#include "core/regex/regex_priv.h"

#define PROGRAM_MAX 512 /* instructions that a table is tried for */
#define COLUMNS_MAX 64  /* a column is a bit of a word */
#define STATES_MAX 256
#define SETS_MAX 256  /* different classes and characters */
#define RUNS_MAX 4096 /* of code points with the same column */
#define WORK_MAX 100000
#define WORDS_MAX (PROGRAM_MAX / 64)
#define BUCKETS (2 * STATES_MAX)

enum { FAILED, MATCHED };

/* Instructions, one bit each. */
typedef struct {
    uint64_t bits[WORDS_MAX];
} pc_set;

typedef struct regex_build {
    const regex_inst *program;
    uint32_t n, words;
    uint64_t work;
    /* Columns: runs of code points, start << 8 | column. */
    uint32_t *runs, *runs_spare;
    uint32_t runs_n, columns, row; /* row: columns and the one of octets that are no UTF-8 */
    regex_kind kinds[COLUMNS_MAX + 1];
    uint64_t takes[PROGRAM_MAX]; /* the columns that an instruction consumes */
    /* States: a set, what stands before it as far as that matters, and the row of what follows. */
    uint64_t *sets; /* words of each */
    uint8_t *before, *at_end, *waits;
    uint16_t *next; /* state by state, row of each */
    uint32_t states;
    uint16_t buckets[BUCKETS];
    uint16_t again[REGEX_KINDS]; /* the state of nothing but the beginning */
    pc_set begin[REGEX_KINDS];   /* the set of the program's beginning */
    bool begin_matches[REGEX_KINDS], begin_waits[REGEX_KINDS];
    bool begins_again; /* a match can begin behind the beginning of the text */
    uint16_t stack[PROGRAM_MAX + 1];
} build;

static bool has(const uint64_t *bits, uint32_t i)
{
    return (bits[i / 64] >> i % 64 & 1) != 0;
}

static void insert(uint64_t *bits, uint32_t i)
{
    bits[i / 64] |= UINT64_C(1) << i % 64;
}

/* ---- Columns ---- */

/* Splits every column into what is in the ranges and what is not. False when there would be too many columns or runs. */
static bool split_columns(build *b, const cf_unicode_range *r, size_t n)
{
    uint8_t inside[COLUMNS_MAX], outside[COLUMNS_MAX];
    bool in_used[COLUMNS_MAX] = {false}, out_used[COLUMNS_MAX] = {false};
    uint32_t columns = b->columns, made = 0;
    size_t at = 0;
    for (uint32_t i = 0; i < b->runs_n; i++) {
        uint32_t lo = b->runs[i] >> 8, column = b->runs[i] & 0xFF;
        uint32_t end = i + 1 < b->runs_n ? b->runs[i + 1] >> 8 : CF_UNICODE_LAST + 1;
        while (lo < end) {
            while (at < n && r[at].hi < lo) {
                at++;
            }
            bool in = at < n && r[at].lo <= lo;
            uint32_t stop = at == n ? end : in ? r[at].hi + 1 : r[at].lo;
            bool *used = in ? in_used : out_used;
            uint8_t *column_of = in ? inside : outside;
            if (!used[column]) {
                /* The first half keeps the number. */
                bool other = in ? out_used[column] : in_used[column];
                if (other && columns == COLUMNS_MAX) {
                    return false;
                }
                column_of[column] = (uint8_t)(other ? columns++ : column);
                used[column] = true;
            }
            if (made == RUNS_MAX) {
                return false;
            }
            b->runs_spare[made++] = lo << 8 | column_of[column];
            lo = stop < end ? stop : end;
        }
    }
    b->work += made + n;
    uint32_t *runs = b->runs;
    b->runs = b->runs_spare;
    b->runs_spare = runs;
    b->runs_n = made;
    b->columns = columns;
    return b->work <= WORK_MAX;
}

static bool split_by_kinds(build *b)
{
    static const cf_unicode_range words[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    static const cf_unicode_range newline[] = {{'\n', '\n'}};
    bool by_word = false, by_line = false;
    for (uint32_t i = 0; i < b->n; i++) {
        if (b->program[i].op == REGEX_ASSERT) {
            int32_t kind = b->program[i].arg;
            by_word = by_word || kind == REGEX_WORD_EDGE || kind == REGEX_NO_WORD_EDGE;
            by_line = by_line || kind == REGEX_LINE_BEGIN || kind == REGEX_LINE_END;
        }
    }
    return (!by_word || split_columns(b, words, 4)) && (!by_line || split_columns(b, newline, 1));
}

/* True when an instruction before it consumes the same. */
static bool is_repeated(const build *b, uint32_t i, uint64_t *seen)
{
    const regex_inst *inst = &b->program[i];
    if (inst->op == REGEX_CHAR && inst->arg < 128) {
        bool there = has(seen, (uint32_t)inst->arg);
        insert(seen, (uint32_t)inst->arg);
        return there;
    }
    for (uint32_t j = 0; j < i; j++) {
        if (b->program[j].op == inst->op && b->program[j].arg == inst->arg) {
            return true;
        }
    }
    return false;
}

static bool make_columns(build *b, const regex_compilation *c)
{
    uint64_t seen[2] = {0, 0};
    size_t sets = 0;
    b->runs[0] = 0;
    b->runs_n = b->columns = 1;
    for (uint32_t i = 0; i < b->n; i++) {
        const regex_inst *inst = &b->program[i];
        bool is_class = inst->op == REGEX_CLASS;
        if ((inst->op != REGEX_CHAR && !is_class) || is_repeated(b, i, seen)) {
            continue;
        }
        cf_unicode_range one = {(uint32_t)inst->arg, (uint32_t)inst->arg};
        const regex_class *class = is_class ? &c->classes[inst->arg] : NULL;
        const cf_unicode_range *ranges = is_class ? c->ranges + class->off : &one;
        if (++sets > SETS_MAX || !split_columns(b, ranges, is_class ? class->n : 1)) {
            return false;
        }
    }
    return split_by_kinds(b);
}

/* By one member of each column, which speaks for all. */
static void describe_columns(build *b, const regex_compilation *c)
{
    uint64_t done = 0;
    for (uint32_t i = 0; i < b->runs_n; i++) {
        uint32_t column = b->runs[i] & 0xFF, ch = b->runs[i] >> 8;
        if ((done >> column & 1) != 0) {
            continue;
        }
        done |= UINT64_C(1) << column;
        b->kinds[column] = regex_kind_of(ch);
        for (uint32_t pc = 0; pc < b->n; pc++) {
            const regex_inst *inst = &b->program[pc];
            bool takes =
                (inst->op == REGEX_CHAR && (uint32_t)inst->arg == ch) ||
                (inst->op == REGEX_CLASS && regex_class_has(&c->classes[inst->arg], c->ranges, ch));
            b->takes[pc] |= (uint64_t)takes << column;
        }
    }
    b->work += (uint64_t)b->columns * b->n;
    b->kinds[b->columns] = REGEX_OTHER;
    b->row = b->columns + 1;
}

/* ---- States ---- */

/* Adds to set what is reached from pc without consuming. behind REGEX_KINDS: not known yet, so that what asks for it is added itself
 * and *waits is set. True when the match is reached. */
static bool reach(build *b, uint32_t pc, regex_kind before, regex_kind behind, uint64_t *seen,
                  uint64_t *set, bool *waits)
{
    uint32_t depth = 0;
    b->stack[depth++] = (uint16_t)pc;
    while (depth > 0) {
        pc = b->stack[--depth];
        if (has(seen, pc)) {
            continue;
        }
        insert(seen, pc);
        b->work++;
        const regex_inst *inst = &b->program[pc];
        bool asks = inst->op == REGEX_ASSERT && inst->arg != REGEX_TEXT_BEGIN &&
                    inst->arg != REGEX_LINE_BEGIN;
        if (inst->op == REGEX_MATCH) {
            return true;
        }
        if (inst->op == REGEX_CHAR || inst->op == REGEX_CLASS) {
            insert(set, pc);
        } else if (asks && behind == REGEX_KINDS) {
            insert(set, pc);
            *waits = true;
        } else if (inst->op == REGEX_JUMP) {
            b->stack[depth++] = (uint16_t)((int32_t)pc + inst->arg);
        } else if (inst->op != REGEX_ASSERT || regex_holds(inst->arg, before, behind)) {
            if (inst->op == REGEX_SPLIT) {
                b->stack[depth++] = (uint16_t)((int32_t)pc + inst->arg);
            }
            b->stack[depth++] = (uint16_t)(pc + 1);
        }
    }
    return false;
}

static uint16_t *bucket_of(build *b, const uint64_t *set, uint8_t before)
{
    uint64_t hash = before;
    for (uint32_t w = 0; w < b->words; w++) {
        hash = (hash ^ set[w]) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 29;
    }
    for (uint32_t i = (uint32_t)hash % BUCKETS;; i = (i + 1) % BUCKETS) {
        uint32_t state = b->buckets[i];
        if (state == 0) {
            return &b->buckets[i];
        }
        bool same = b->before[state] == before;
        for (uint32_t w = 0; same && w < b->words; w++) {
            same = b->sets[state * b->words + w] == set[w];
        }
        if (same) {
            return &b->buckets[i];
        }
    }
}

/* The state that begins with what has consumed, after a column of that kind; FAILED and MATCHED are states too. STATES_MAX when there
 * are too many. */
static uint32_t state_of(build *b, const pc_set *consumed, regex_kind before)
{
    pc_set seen = {{0}}, set = {{0}};
    bool waits = false, any = b->begins_again;
    if (b->begin_matches[before]) {
        return MATCHED;
    }
    for (uint32_t w = 0; w < b->words; w++) {
        for (uint64_t left = consumed->bits[w]; left != 0; left &= left - 1) {
            uint32_t pc = 64 * w + (uint32_t)__builtin_ctzll(left);
            if (reach(b, pc, before, REGEX_KINDS, seen.bits, set.bits, &waits)) {
                return MATCHED;
            }
        }
    }
    for (uint32_t w = 0; w < b->words; w++) {
        set.bits[w] |= b->begin[before].bits[w];
        any = any || set.bits[w] != 0;
        b->work++;
    }
    if (!any) {
        return FAILED;
    }
    waits = waits || b->begin_waits[before];
    uint8_t kind = waits ? (uint8_t)before : REGEX_KINDS;
    uint16_t *bucket = bucket_of(b, set.bits, kind);
    if (*bucket == 0) {
        if (b->states == STATES_MAX) {
            return STATES_MAX;
        }
        *bucket = (uint16_t)b->states++;
        b->before[*bucket] = kind;
        b->waits[*bucket] = waits;
        cf_copy(b->sets + *bucket * b->words, set.bits, b->words * sizeof set.bits[0]);
    }
    return *bucket;
}

/* The set of a state once it is known what follows: what waited has gone on or is of no use. True when that reaches the match. */
static bool resolve(build *b, uint32_t state, regex_kind behind, pc_set *ret)
{
    pc_set seen = {{0}};
    bool none = false;
    cf_copy(ret->bits, b->sets + state * b->words, b->words * sizeof ret->bits[0]);
    for (uint32_t pc = 0; b->waits[state] != 0 && pc < b->n; pc++) {
        bool waited = has(ret->bits, pc) && b->program[pc].op == REGEX_ASSERT;
        regex_kind before = (regex_kind)b->before[state];
        if (waited && reach(b, pc, before, behind, seen.bits, ret->bits, &none)) {
            return true;
        }
    }
    return false;
}

/* What the set consumes of a column; false when it is nothing. */
static bool consume(build *b, const pc_set *set, uint32_t column, pc_set *ret)
{
    bool any = false;
    *ret = (pc_set){{0}};
    for (uint32_t w = 0; w < b->words; w++) {
        for (uint64_t left = set->bits[w]; left != 0; left &= left - 1) {
            uint32_t pc = 64 * w + (uint32_t)__builtin_ctzll(left);
            b->work++;
            if ((b->takes[pc] >> column & 1) != 0) {
                insert(ret->bits, pc + 1);
                any = true;
            }
        }
    }
    return any;
}

/* Fills in the row of a state. False when there would be too many states or too much work. */
static bool make_row(build *b, uint32_t state)
{
    pc_set set = {{0}}, consumed;
    b->at_end[state] = resolve(b, state, REGEX_EDGE, &set);
    bool matched = false;
    for (uint32_t column = 0; column < b->row; column++) {
        regex_kind kind = b->kinds[column];
        if (column == 0 || b->waits[state] != 0) {
            matched = resolve(b, state, kind, &set);
        }
        uint32_t next = MATCHED;
        if (!matched) {
            /* Most columns are consumed by nothing, and lead where the search begins anew. */
            bool any = column < b->columns && consume(b, &set, column, &consumed);
            next = any ? state_of(b, &consumed, kind) : b->again[kind];
        }
        if (next == STATES_MAX || b->work > WORK_MAX) {
            return false;
        }
        b->next[state * b->row + column] = (uint16_t)next;
    }
    return true;
}

static bool make_states(build *b)
{
    static const pc_set nothing = {{0}};
    for (unsigned kind = 0; kind < REGEX_KINDS; kind++) {
        pc_set seen = {{0}};
        b->begin_matches[kind] = reach(b, 0, (regex_kind)kind, REGEX_KINDS, seen.bits,
                                       b->begin[kind].bits, &b->begin_waits[kind]);
        for (uint32_t w = 0; kind != REGEX_EDGE && w < b->words; w++) {
            b->begins_again =
                b->begins_again || b->begin_matches[kind] || b->begin[kind].bits[w] != 0;
        }
    }
    b->states = 2;
    for (unsigned kind = 0; kind < REGEX_KINDS; kind++) {
        b->again[kind] = (uint16_t)state_of(b, &nothing, (regex_kind)kind);
    }
    b->at_end[MATCHED] = 1;
    for (uint32_t state = 2; state < b->states; state++) {
        if (!make_row(b, state)) {
            return false;
        }
    }
    return true;
}

/* ---- Memory ---- */

void regex_dfa_free(struct regex_build **ref)
{
    build *b = *ref;
    if (b != NULL) {
        cf_mem_free(b->runs);
        cf_mem_free(b->runs_spare);
        cf_mem_free(b->sets);
        cf_mem_free(b->before);
        cf_mem_free(b->next);
        cf_mem_free(b);
        *ref = NULL;
    }
}

static cf_result runs_alloc(build *b, const regex_compilation *c)
{
    /* Each set can make two runs more for each of its ranges. */
    size_t runs = 3 + 2 * 5 + 2 * (size_t)b->n + 2 * c->ranges_n;
    runs = runs < RUNS_MAX ? runs : RUNS_MAX;
    b->runs = cf_mem_new(runs, sizeof *b->runs);
    b->runs_spare = cf_mem_new(runs, sizeof *b->runs);
    CF_REQUIRE(b->runs != NULL && b->runs_spare != NULL, NO_MEMORY);
    return cf_ok();
}

static cf_result states_alloc(build *b)
{
    b->sets = cf_mem_new((size_t)STATES_MAX * b->words, sizeof *b->sets);
    b->before = cf_mem_new(3, STATES_MAX);
    b->next = cf_mem_new((size_t)STATES_MAX * b->row, sizeof *b->next);
    CF_REQUIRE(b->sets != NULL && b->before != NULL && b->next != NULL, NO_MEMORY);
    b->at_end = b->before + STATES_MAX;
    b->waits = b->at_end + STATES_MAX;
    return cf_ok();
}

CF_MUST_USE cf_result regex_dfa_build(regex_compilation *c)
{
    if (c->limits.no_dfa || c->program_n > PROGRAM_MAX) {
        return cf_ok();
    }
    CF_AUTO(regex_dfa_free) build *b = cf_mem_new(1, sizeof *b);
    CF_REQUIRE(b != NULL, NO_MEMORY);
    b->program = c->program;
    b->n = c->program_n;
    b->words = (b->n + 63) / 64;
    CF_TRY(runs_alloc(b, c));
    bool made = make_columns(b, c);
    if (made) {
        describe_columns(b, c);
        CF_TRY(states_alloc(b));
        made = make_states(b);
    }
    CF_TRY(regex_work(c, b->work));
    if (made) {
        c->build = b;
        b = NULL;
    }
    return cf_ok();
}

static uint32_t first_other(const build *b)
{
    uint32_t i = b->runs_n - 1;
    while (b->runs[i] >> 8 > 0x80) {
        i--;
    }
    return i;
}

size_t regex_dfa_bytes(const struct regex_build *b)
{
    return (b->runs_n - first_other(b)) * sizeof *b->runs +
           (size_t)b->states * b->row * sizeof *b->next + b->states;
}

void regex_dfa_copy(const struct regex_build *b, uint8_t *at, regex_dfa *ret)
{
    uint32_t first = first_other(b), *others = (uint32_t *)(void *)at;
    ret->others_n = b->runs_n - first;
    ret->row = b->row;
    cf_copy(others, b->runs + first, ret->others_n * sizeof *others);
    for (uint32_t i = 0, run = 0; i < 128; i++) {
        while (run + 1 < b->runs_n && b->runs[run + 1] >> 8 <= i) {
            run++;
        }
        ret->ascii[i] = (uint8_t)(b->runs[run] & 0xFF);
    }
    /* Numbers of states become where their rows begin. */
    uint16_t *states = (uint16_t *)(void *)(others + ret->others_n);
    for (size_t i = 0; i < (size_t)b->states * b->row; i++) {
        states[i] = (uint16_t)(b->next[i] * b->row);
    }
    uint8_t *at_end = (uint8_t *)(states + (size_t)b->states * b->row);
    cf_copy(at_end, b->at_end, b->states);
    ret->others = others;
    ret->states = states;
    ret->at_end = at_end;
    for (unsigned kind = 0; kind < REGEX_KINDS; kind++) {
        ret->start[kind] = (uint16_t)(b->again[kind] * b->row);
    }
}

/* ---- Matching ---- */

/* A run of code points that share a column: texts stay in few scripts, so the last one often serves again. */
typedef struct {
    uint32_t lo, n, column;
} run;

static run run_of(const regex_dfa *dfa, uint32_t ch)
{
    size_t low = 0, high = dfa->others_n;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (dfa->others[middle] >> 8 <= ch) {
            low = middle;
        } else {
            high = middle;
        }
    }
    uint32_t lo = dfa->others[low] >> 8;
    uint32_t end = high < dfa->others_n ? dfa->others[high] >> 8 : CF_UNICODE_LAST + 1;
    return (run){lo, end - lo, dfa->others[low] & 0xFF};
}

CF_MUST_USE cf_result regex_dfa_run(const cf_regex *re, cf_view text, size_t start, uint64_t *steps,
                                    bool *ret)
{
    const regex_dfa *dfa = &re->dfa;
    const uint32_t matched = MATCHED * dfa->row;
    size_t end = text.len - start <= *steps ? text.len : start + (size_t)*steps, at = start;
    uint32_t state = dfa->start[regex_kind_before(text, start)];
    run last = {0, 0, 0};
    while (at < end && state > matched) {
        uint32_t octet = text.data[at];
        if (octet < 0x80) {
            state = dfa->states[state + dfa->ascii[octet]];
            at++;
        } else {
            uint32_t ch;
            size_t n = cf_utf8_get(text, at, &ch);
            if (n > 0 && ch - last.lo >= last.n) {
                last = run_of(dfa, ch);
            }
            state = dfa->states[state + (n > 0 ? last.column : dfa->row - 1)];
            at += n == 0 ? 1 : n;
        }
    }
    *steps -= at - start <= *steps ? at - start : *steps;
    CF_REQUIRE(state <= matched || at >= text.len, BUDGET);
    *ret = state > matched ? dfa->at_end[state / dfa->row] != 0 : state == matched;
    return cf_ok();
}
