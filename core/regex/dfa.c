/* SPDX-License-Identifier: Apache-2.0 */
/* The table of states: the subset construction, for the yes or no of a search. A state is the set of instructions at which an octet more is
 * needed, begun anew at every position; assertions about what follows wait in the set until the next column tells. Code points that
 * no instruction tells apart share a column. Where it would grow large there is no table, and nfa.c matches. */
#include "core/regex/regex_priv.h"

#define PROGRAM_MAX 512 /* instructions that a table is tried for */
#define COLUMNS_MAX 64  /* a column is a bit of a word */
#define STATES_MAX 256
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
    /* Columns: of the ASCII code points, and of the others in runs, start << 8 | column, from 0x80 on. */
    uint8_t ascii[128];
    uint64_t single; /* the columns of one ASCII code point */
    uint32_t *runs, *runs_spare;
    uint32_t runs_n, columns, row; /* row: columns and the one of octets that are no UTF-8 */
    regex_kind kinds[COLUMNS_MAX + 1];
    uint64_t *takes;       /* the columns that an instruction consumes */
    uint64_t *class_takes; /* of a class; 0 is not known yet */
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

/* Where the members of each column go that are in a set, [1], and those that are not, [0]. */
typedef struct {
    uint8_t to[2][COLUMNS_MAX];
    bool used[2][COLUMNS_MAX];
} halves;

/* The half that is met first keeps the column's number. COLUMNS_MAX when there would be too many. */
static uint32_t half_of(build *b, halves *h, uint32_t column, bool in)
{
    if (!h->used[in][column]) {
        bool other = h->used[!in][column];
        if (other && b->columns == COLUMNS_MAX) {
            return COLUMNS_MAX;
        }
        h->to[in][column] = (uint8_t)(other ? b->columns++ : column);
        h->used[in][column] = true;
    }
    return h->to[in][column];
}

static bool split_ascii(build *b, const uint64_t set[2], halves *h)
{
    uint32_t column = 0;
    for (uint32_t c = 0; c < 128 && column < COLUMNS_MAX; c++) {
        column = half_of(b, h, b->ascii[c], has(set, c));
        b->ascii[c] = (uint8_t)column;
    }
    b->work += 32;
    return column < COLUMNS_MAX;
}

static bool split_others(build *b, const cf_unicode_range *r, size_t n, halves *h)
{
    uint32_t made = 0;
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
            uint32_t half = half_of(b, h, column, in);
            if (half == COLUMNS_MAX || made == RUNS_MAX) {
                return false;
            }
            b->runs_spare[made++] = lo << 8 | half;
            lo = stop < end ? stop : end;
        }
    }
    b->work += made + n;
    uint32_t *runs = b->runs;
    b->runs = b->runs_spare;
    b->runs_spare = runs;
    b->runs_n = made;
    return b->work <= WORK_MAX;
}

/* Splits every column into what is in the set and what is not. False when there would be too many. */
static bool split_columns(build *b, const uint64_t ascii[2], const cf_unicode_range *r, size_t n)
{
    halves h = {{{0}}, {{false}}};
    return split_ascii(b, ascii, &h) && split_others(b, r, n, &h);
}

/* The same for a set of one code point. */
static bool split_off(build *b, uint32_t ch)
{
    cf_unicode_range one = {ch, ch};
    if (ch >= 0x80) {
        static const uint64_t none[2] = {0, 0};
        return split_columns(b, none, &one, 1);
    }
    if ((b->single >> b->ascii[ch] & 1) != 0) {
        return true;
    }
    if (b->columns == COLUMNS_MAX) {
        return false;
    }
    b->single |= UINT64_C(1) << b->columns;
    b->ascii[ch] = (uint8_t)b->columns++;
    return true;
}

static bool split_by_kinds(build *b)
{
    static const uint64_t words[2] = {UINT64_C(0x3FF) << 48, UINT64_C(0x7FFFFFE87FFFFFE)};
    static const uint64_t newline[2] = {UINT64_C(1) << '\n', 0};
    bool by_word = false, by_line = false;
    for (uint32_t i = 0; i < b->n; i++) {
        if (b->program[i].op == REGEX_ASSERT) {
            int32_t kind = b->program[i].arg;
            by_word = by_word || kind == REGEX_WORD_EDGE || kind == REGEX_NO_WORD_EDGE;
            by_line = by_line || kind == REGEX_LINE_BEGIN || kind == REGEX_LINE_END;
        }
    }
    if ((by_word && !split_columns(b, words, NULL, 0)) ||
        (by_line && !split_columns(b, newline, NULL, 0))) {
        return false;
    }
    b->row = b->columns + 1;
    for (uint32_t c = 0; (by_word || by_line) && c < 128; c++) {
        b->kinds[b->ascii[c]] = regex_kind_of(c);
    }
    return true;
}

static bool make_columns(build *b, const regex_compilation *c)
{
    b->runs[0] = 0x80u << 8;
    b->runs_n = b->columns = 1;
    for (uint32_t i = 0; i <= COLUMNS_MAX; i++) {
        b->kinds[i] = REGEX_OTHER;
    }
    for (uint32_t i = 0; i < b->n; i++) {
        const regex_inst *inst = &b->program[i];
        bool made = true;
        if (inst->op == REGEX_CHAR) {
            made = split_off(b, (uint32_t)inst->arg);
        } else if (inst->op == REGEX_CLASS && b->class_takes[inst->arg] == 0) {
            const regex_class *class = &c->classes[inst->arg];
            b->class_takes[inst->arg] = UINT64_MAX; /* until all columns are there */
            made = split_columns(b, class->ascii, c->ranges + class->off, class->n);
        }
        if (!made) {
            return false;
        }
    }
    return split_by_kinds(b);
}

/* The run that holds a code point from 0x80 on. */
static size_t run_find(const uint32_t *runs, size_t n, uint32_t ch)
{
    size_t low = 0, high = n;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (runs[middle] >> 8 <= ch) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* A member of each column speaks for all of them. */
static void fill_takes(build *b, const regex_compilation *c)
{
    uint32_t member[COLUMNS_MAX];
    for (uint32_t i = 0; i < b->columns; i++) {
        member[i] = REGEX_NO_CHAR;
    }
    for (uint32_t i = 0; i < b->runs_n; i++) {
        member[b->runs[i] & 0xFF] = b->runs[i] >> 8;
    }
    for (uint32_t i = 0; i < 128; i++) {
        member[b->ascii[i]] = i;
    }
    for (uint32_t i = 0; i < c->classes_n; i++) {
        uint64_t wanted = b->class_takes[i];
        b->class_takes[i] = 0;
        for (uint32_t k = 0; wanted != 0 && k < b->columns; k++) {
            bool in = regex_class_has(&c->classes[i], c->ranges, member[k]);
            b->class_takes[i] |= (uint64_t)in << k;
        }
    }
    for (uint32_t i = 0; i < b->n; i++) {
        const regex_inst *inst = &b->program[i];
        if (inst->op == REGEX_CHAR) {
            uint32_t ch = (uint32_t)inst->arg;
            uint32_t column =
                ch < 0x80 ? b->ascii[ch] : b->runs[run_find(b->runs, b->runs_n, ch)] & 0xFF;
            b->takes[i] = UINT64_C(1) << column;
        } else if (inst->op == REGEX_CLASS) {
            b->takes[i] = b->class_takes[inst->arg];
        }
    }
    b->work += b->n + b->runs_n + (uint64_t)b->columns * c->classes_n;
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

/* What the set consumes of a column. */
static void consume(build *b, const pc_set *set, uint32_t column, pc_set *ret)
{
    *ret = (pc_set){{0}};
    for (uint32_t w = 0; w < b->words; w++) {
        for (uint64_t left = set->bits[w]; left != 0; left &= left - 1) {
            uint32_t pc = 64 * w + (uint32_t)__builtin_ctzll(left);
            b->work++;
            if ((b->takes[pc] >> column & 1) != 0) {
                insert(ret->bits, pc + 1);
            }
        }
    }
}

/* The columns of which the set consumes anything. */
static uint64_t columns_of(const build *b, const pc_set *set)
{
    uint64_t columns = 0;
    for (uint32_t w = 0; w < b->words; w++) {
        for (uint64_t left = set->bits[w]; left != 0; left &= left - 1) {
            columns |= b->takes[64 * w + (uint32_t)__builtin_ctzll(left)];
        }
    }
    return columns;
}

/* Fills in the row of a state. False when there would be too many states or too much work. */
static bool make_row(build *b, uint32_t state)
{
    pc_set set = {{0}}, consumed;
    uint16_t *row = b->next + (size_t)state * b->row;
    bool waits = b->waits[state] != 0, matched = resolve(b, state, REGEX_EDGE, &set);
    uint64_t columns = columns_of(b, &set);
    b->at_end[state] = matched;
    for (uint32_t column = 0; column < b->row; column++) {
        regex_kind kind = b->kinds[column];
        if (waits) {
            matched = resolve(b, state, kind, &set);
            columns = columns_of(b, &set);
        }
        uint32_t next = matched ? MATCHED : b->again[kind];
        if (!matched && column < b->columns && (columns >> column & 1) != 0) {
            consume(b, &set, column, &consumed);
            next = state_of(b, &consumed, kind);
        }
        if (next == STATES_MAX || b->work > WORK_MAX) {
            return false;
        }
        row[column] = (uint16_t)next;
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

static cf_result columns_alloc(build *b, regex_compilation *c)
{
    /* A range makes two runs more at most. */
    size_t runs = 3 + 2 * (size_t)b->n + 2 * c->ranges_n;
    runs = runs < RUNS_MAX ? runs : RUNS_MAX;
    b->takes = cf_arena_new(c->scratch, b->n + c->classes_n + runs, sizeof *b->takes);
    CF_REQUIRE(b->takes != NULL, NO_MEMORY);
    b->class_takes = b->takes + b->n;
    b->runs = (uint32_t *)(b->class_takes + c->classes_n);
    b->runs_spare = b->runs + runs;
    return cf_ok();
}

static cf_result states_alloc(build *b, regex_compilation *c)
{
    size_t each = b->words * sizeof *b->sets + b->row * sizeof *b->next + 3;
    b->sets = cf_arena_new(c->scratch, STATES_MAX, each);
    CF_REQUIRE(b->sets != NULL, NO_MEMORY);
    b->next = (uint16_t *)(b->sets + STATES_MAX * b->words);
    b->before = (uint8_t *)(b->next + STATES_MAX * b->row);
    b->at_end = b->before + STATES_MAX;
    b->waits = b->at_end + STATES_MAX;
    return cf_ok();
}

CF_MUST_USE cf_result regex_dfa_build(regex_compilation *c)
{
    if (c->limits.no_dfa || c->program_n > PROGRAM_MAX || c->classes_n > PROGRAM_MAX) {
        return cf_ok();
    }
    build *b = cf_arena_new(c->scratch, 1, sizeof *b);
    CF_REQUIRE(b != NULL, NO_MEMORY);
    b->program = c->program;
    b->n = c->program_n;
    b->words = (b->n + 63) / 64;
    CF_TRY(columns_alloc(b, c));
    bool made = make_columns(b, c);
    if (made) {
        fill_takes(b, c);
        CF_TRY(states_alloc(b, c));
        made = make_states(b);
    }
    /* What a table would take beyond the bound costs the table and not the pattern. */
    uint64_t left = REGEX_WORK_MAX - c->work;
    made = made && b->work <= left;
    CF_TRY(regex_work(c, b->work < left ? b->work : left));
    c->build = made ? b : NULL;
    return cf_ok();
}

size_t regex_dfa_bytes(const struct regex_build *b)
{
    return b->runs_n * sizeof *b->runs + (size_t)b->states * b->row * sizeof *b->next + b->states;
}

void regex_dfa_copy(const struct regex_build *b, uint8_t *at, regex_dfa *ret)
{
    uint32_t *others = (uint32_t *)(void *)at;
    ret->others_n = b->runs_n;
    ret->row = b->row;
    cf_copy(ret->ascii, b->ascii, sizeof ret->ascii);
    cf_copy(others, b->runs, b->runs_n * sizeof *others);
    /* Numbers of states become where their rows begin. */
    uint16_t *states = (uint16_t *)(void *)(others + b->runs_n);
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
    size_t i = run_find(dfa->others, dfa->others_n, ch);
    uint32_t lo = dfa->others[i] >> 8;
    uint32_t end = i + 1 < dfa->others_n ? dfa->others[i + 1] >> 8 : CF_UNICODE_LAST + 1;
    return (run){lo, end - lo, dfa->others[i] & 0xFF};
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
