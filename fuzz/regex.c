/* SPDX-License-Identifier: Apache-2.0 */
/* cf_regex_compile, cf_regex_match, cf_regex_find. The input is a pattern, an octet 0xFF, and a text. The verdicts of the table of states,
 * of the program and of find agree; spans lie inside the whole match; few steps give the same verdict or BUDGET. */
#include "core/regex/regex.h"

#include "fuzz/check.h"

enum { SPLIT = 0xFF, GROUPS = 4, SMALL_STEPS = 300 };
#define STEPS 10000000u

static void check_spans(const cf_regex_span *spans, size_t start, cf_view text, bool found)
{
    fuzz_check(found == (spans[0].start != CF_REGEX_NONE));
    for (size_t i = 0; i < GROUPS; i++) {
        bool part = spans[i].start != CF_REGEX_NONE;
        fuzz_check(part == (spans[i].end != CF_REGEX_NONE) && (found || !part));
        if (part) {
            fuzz_check(spans[i].start >= spans[0].start && spans[i].start >= start);
            fuzz_check(spans[i].start <= spans[i].end && spans[i].end <= spans[0].end);
            fuzz_check(spans[i].end <= text.len);
        }
    }
}

/* Memory with an octet pattern in it: what it holds before means nothing. */
static cf_regex_mem mem_of(const cf_regex *re, size_t groups)
{
    size_t len = cf_regex_mem_bytes(re, groups);
    uint8_t *data = malloc(len + 1);
    fuzz_check(data != NULL);
    for (size_t i = 0; i <= len; i++) {
        data[i] = 0xA5;
    }
    return (cf_regex_mem){data, len};
}

static bool match(const cf_regex *re, cf_view text)
{
    cf_regex_mem mem = mem_of(re, 0);
    uint64_t steps = STEPS, few = SMALL_STEPS;
    bool found = false, again = false;
    cf_result r = cf_regex_match(re, text, &mem, &steps, &found);
    fuzz_check(cf_is_ok(r) || r.code == CF_ERR_BUDGET);
    cf_result small = cf_regex_match(re, text, &mem, &few, &again);
    fuzz_check(small.code == CF_ERR_BUDGET ? few == 0 && !again : again == found);
    free(mem.data);
    return found;
}

static void find(const cf_regex *re, cf_view text, bool matches)
{
    cf_regex_mem mem = mem_of(re, GROUPS);
    cf_regex_span spans[GROUPS];
    uint64_t steps = STEPS;
    bool found = false;
    fuzz_ok(cf_regex_find(re, text, 0, &mem, &steps, spans, GROUPS, &found));
    fuzz_check(found == matches);
    check_spans(spans, 0, text, found);
    for (size_t start = 1; start <= text.len && start <= 8; start++) {
        steps = STEPS;
        fuzz_ok(cf_regex_find(re, text, start, &mem, &steps, spans, GROUPS, &found));
        check_spans(spans, start, text, found);
    }
    free(mem.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t end = 0;
    while (end < size && data[end] != SPLIT) {
        end++;
    }
    cf_view pattern = cf_view_make(data, end);
    cf_view text = end < size ? cf_view_make(data + end + 1, size - end - 1) : CF_VIEW_EMPTY;
    cf_regex_limits program = {.no_dfa = true};
    CF_REGEX(table);
    CF_REGEX(plain);
    size_t offset = 0;
    cf_result r = cf_regex_compile(pattern, NULL, &table, &offset);
    fuzz_check(offset <= pattern.len && (cf_is_ok(r) == (table != NULL)));
    fuzz_check(cf_regex_compile(pattern, &program, &plain, NULL).code == r.code);
    if (!cf_is_ok(r) || text.len > 512) {
        return 0;
    }
    bool found = match(plain, text);
    fuzz_check(match(table, text) == found);
    find(table, text, found);
    find(plain, text, found);
    return 0;
}
