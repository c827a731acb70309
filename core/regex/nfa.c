/* SPDX-License-Identifier: Apache-2.0 */
/* Pike's matcher: all threads of the program advance together over the text, in the order in which a backtracking matcher would try
 * them, and no two stand at one instruction. */
#include "core/regex/regex_priv.h"

#define NO_SLOT UINT16_MAX

/* Threads by rank. Those in run stand at an instruction that consumes; when they have consumed, from tells whose slots they have. */
typedef struct {
    uint16_t *pc, *from;
    uint32_t *slots; /* of thread i: from i * slots_n on */
    uint32_t n;
} threads;

/* To be visited, or, of a slot, to be put back. */
typedef struct {
    uint32_t value;
    uint16_t pc, slot;
} pending;

typedef struct {
    const cf_regex *re;
    cf_view text;
    uint32_t slots_n;
    threads run, old; /* at this position; those that consumed what is before it */
    uint32_t
        *seen; /* position + 1 at which an instruction was last visited, counted from the start */
    uint32_t round;
    pending *stack;
    uint32_t *slots; /* of the thread that is followed */
    uint32_t *best;  /* of the match */
    bool matched;
    uint64_t work;
} matcher;

static size_t list_bytes(size_t n, size_t slots)
{
    return n * (slots * sizeof(uint32_t) + 2 * sizeof(uint16_t));
}

/* What is visited costs at most one entry more than it takes away: a split's other way, or a slot to be put back. */
static size_t stack_bytes(size_t n)
{
    return (n + 2) * sizeof(pending);
}

size_t regex_nfa_bytes(const cf_regex *re, size_t slots)
{
    size_t n = re->n;
    return 2 * list_bytes(n, slots) + n * sizeof(uint32_t) + stack_bytes(n) +
           2 * slots * sizeof(uint32_t);
}

static void *take(uint8_t **at, size_t bytes)
{
    void *p = *at;
    *at += bytes;
    return p;
}

static void list_init(threads *list, uint8_t **at, size_t n, size_t slots)
{
    list->slots = take(at, n * slots * sizeof(uint32_t));
    list->pc = take(at, n * sizeof(uint16_t));
    list->from = take(at, n * sizeof(uint16_t));
    list->n = 0;
}

static void matcher_init(matcher *m, void *mem)
{
    uint8_t *at = mem;
    size_t n = m->re->n, slots = m->slots_n;
    list_init(&m->run, &at, n, slots);
    list_init(&m->old, &at, n, slots);
    m->seen = take(&at, n * sizeof(uint32_t));
    m->stack = take(&at, stack_bytes(n));
    m->slots = take(&at, slots * sizeof(uint32_t));
    m->best = take(&at, slots * sizeof(uint32_t));
    for (size_t i = 0; i < n; i++) {
        m->seen[i] = 0;
    }
    m->work = n / 8;
}

static void copy_slots(const matcher *m, uint32_t *to, const uint32_t *from)
{
    for (uint32_t i = 0; i < m->slots_n; i++) {
        to[i] = from[i];
    }
}

static void stand(matcher *m, uint32_t pc, const uint32_t *slots)
{
    copy_slots(m, m->run.slots + (size_t)m->run.n * m->slots_n, slots);
    m->run.pc[m->run.n++] = (uint16_t)pc;
    m->work += m->slots_n / 8;
}

/* Adds to run what is reached from pc without consuming. True when the match is reached, which ends all of lower rank. */
static bool follow(matcher *m, uint32_t pc, size_t at, regex_kind before, regex_kind behind)
{
    uint32_t depth = 0;
    m->stack[depth++] = (pending){0, (uint16_t)pc, NO_SLOT};
    while (depth > 0) {
        pending next = m->stack[--depth];
        if (next.slot != NO_SLOT) {
            m->slots[next.slot] = next.value;
            continue;
        }
        for (pc = next.pc; m->seen[pc] != m->round;) {
            const regex_inst *inst = &m->re->program[pc];
            m->seen[pc] = m->round;
            m->work++;
            if (inst->op == REGEX_CHAR || inst->op == REGEX_CLASS) {
                stand(m, pc, m->slots);
                break;
            }
            if (inst->op == REGEX_MATCH) {
                copy_slots(m, m->best, m->slots);
                return true;
            }
            if (inst->op == REGEX_ASSERT && !regex_holds(inst->arg, before, behind)) {
                break;
            }
            uint32_t target = (uint32_t)((int32_t)pc + inst->arg);
            if (inst->op == REGEX_SPLIT) {
                uint32_t other = inst->aux != 0 ? pc + 1 : target;
                m->stack[depth++] = (pending){0, (uint16_t)other, NO_SLOT};
                pc = inst->aux != 0 ? target : pc + 1;
                continue;
            }
            if (inst->op == REGEX_SAVE && (uint32_t)inst->arg < m->slots_n) {
                m->stack[depth++] = (pending){m->slots[inst->arg], 0, (uint16_t)inst->arg};
                m->slots[inst->arg] = (uint32_t)at;
            }
            pc = inst->op == REGEX_JUMP ? target : pc + 1;
        }
    }
    return false;
}

/* The threads at a position: those that came here, then, as long as there is no match, one that begins here. */
static void gather(matcher *m, size_t at, bool begins, regex_kind before, regex_kind behind)
{
    m->run.n = 0;
    m->round++;
    bool matched = false;
    for (uint32_t i = 0; !matched && i < m->old.n; i++) {
        uint32_t pc = m->old.pc[i];
        uint8_t op = m->re->program[pc].op;
        if (op == REGEX_CHAR || op == REGEX_CLASS) {
            if (m->seen[pc] != m->round) {
                m->seen[pc] = m->round;
                m->work++;
                stand(m, pc, m->old.slots + (size_t)m->old.from[i] * m->slots_n);
            }
            continue;
        }
        copy_slots(m, m->slots, m->old.slots + (size_t)m->old.from[i] * m->slots_n);
        matched = follow(m, m->old.pc[i], at, before, behind);
    }
    if (!matched && !m->matched && begins) {
        for (uint32_t i = 0; i < m->slots_n; i++) {
            m->slots[i] = i == 0 ? (uint32_t)at : UINT32_MAX;
        }
        matched = follow(m, 0, at, before, behind);
    }
    if (matched) {
        m->matched = true;
        if (m->slots_n > 0) {
            m->best[1] = (uint32_t)at;
        }
    }
}

/* The threads that consume the code point; they stay in run's memory, which becomes old's. */
static void advance(matcher *m, uint32_t ch)
{
    const cf_regex *re = m->re;
    threads *run = &m->run;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < run->n; i++) {
        const regex_inst *inst = &re->program[run->pc[i]];
        bool takes = inst->op == REGEX_CHAR
                         ? (uint32_t)inst->arg == ch
                         : regex_class_has(&re->classes[inst->arg], re->ranges, ch);
        if (takes) {
            run->pc[kept] = (uint16_t)(run->pc[i] + 1);
            run->from[kept++] = (uint16_t)i;
        }
    }
    m->work += run->n;
    run->n = kept;
    threads old = m->old;
    m->old = *run;
    m->run = old;
}

/* The next offset at which a match may begin, when there is no thread; text.len at the latest. */
static size_t skip(const matcher *m, size_t at)
{
    const uint64_t *first = m->re->first;
    while (at < m->text.len && (first[m->text.data[at] / 64] >> m->text.data[at] % 64 & 1) == 0) {
        at++;
    }
    return at;
}

static cf_result match_from(matcher *m, size_t at, uint64_t steps)
{
    for (;;) {
        if (m->old.n == 0 && at > 0) {
            if (m->matched || m->re->anchored) {
                break;
            }
            size_t from = at;
            at = m->re->has_first ? skip(m, at) : at;
            m->work += (at - from) / 4;
        }
        uint32_t ch = REGEX_NO_CHAR;
        size_t n = cf_utf8_get(m->text, at, &ch);
        if (n == 0) {
            ch = at < m->text.len ? REGEX_BAD_CHAR : REGEX_NO_CHAR;
        }
        gather(m, at, at == 0 || !m->re->anchored, regex_kind_before(m->text, at),
               regex_kind_of(ch));
        m->work++;
        CF_REQUIRE(m->work <= steps, BUDGET);
        if (at == m->text.len || (m->matched && (m->slots_n == 0 || m->run.n == 0))) {
            break;
        }
        advance(m, ch);
        at += n == 0 ? 1 : n;
    }
    return cf_ok();
}

CF_MUST_USE cf_result regex_nfa_run(const cf_regex *re, cf_view text, size_t start,
                                    const cf_regex_mem *mem, uint64_t *steps, uint32_t slots,
                                    const uint32_t **ret_slots, bool *ret)
{
    *ret_slots = NULL;
    CF_REQUIRE(mem != NULL && mem->len >= regex_nfa_bytes(re, slots), ARGUMENT);
    matcher m = {.re = re, .text = text, .slots_n = slots};
    matcher_init(&m, mem->data);
    cf_result r = match_from(&m, start, *steps);
    *steps -= m.work < *steps ? m.work : *steps;
    CF_TRY(r);
    *ret = m.matched;
    *ret_slots = m.best;
    return cf_ok();
}
