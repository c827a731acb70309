/* SPDX-License-Identifier: Apache-2.0 */
/* matches, regex.replace, regex.extract, regex.extractAll. A constant pattern comes compiled with the program; one that is not is
 * compiled into the arena, and kept for the next call with the same text. */
#include "core/cel/text_priv.h"

/* What core/regex counts as one step, an octet or a state it visits, is so much cheaper than a step of an evaluation; where it looks up
 * code points in tables, which ASCII does not need, it is not. */
#define REGEX_STEPS_ASCII 4
#define REGEX_STEPS 1
/* Groups that a replacement can name: \0 is the whole match. */
#define GROUPS_MAX 10

/* ---- The budget in core/regex's terms ---- */

static uint64_t steps_for_regex(const cf_cel_run *run, uint64_t rate)
{
    return run->steps < UINT64_MAX / rate ? run->steps * rate : UINT64_MAX;
}

/* Charges what a call of core/regex has left of the steps that it was given, and names what ran out. */
static cf_result spend(cf_cel_run *run, cf_result r, uint64_t rate, uint64_t left)
{
    uint64_t used = 1 + (steps_for_regex(run, rate) - left) / rate;
    CF_TRY(cf_cel_charge(run, r.code == CF_ERR_BUDGET ? UINT64_MAX : used));
    if (r.code == CF_ERR_SIZE || r.code == CF_ERR_DEPTH) {
        run->over = "regex_instructions";
        return cf_fail(CF_ERR_BUDGET);
    }
    return r.code == CF_ERR_UNSUPPORTED || r.code == CF_ERR_UTF8 ? cf_fail(CF_ERR_PATTERN) : r;
}

static uint64_t rate_of(const cf_cel_value *text)
{
    return (text->flags & CF_CEL_ASCII) != 0 ? REGEX_STEPS_ASCII : REGEX_STEPS;
}

static cf_result pattern_of(cf_cel_run *run, const cf_cel_value *v, const cf_regex **ret)
{
    *ret = run->pattern;
    if (*ret != NULL) {
        return cf_ok();
    }
    cf_view text = cf_cel_text(v);
    CF_TRY(cf_cel_charge_text(run, text.len));
    if (run->regex_last == NULL || !cf_view_eq(text, run->regex_last_text)) {
        cf_regex_limits limits = {.instructions_max = run->budget->regex_instructions};
        uint64_t steps = steps_for_regex(run, REGEX_STEPS_ASCII);
        cf_result r = cf_regex_compile_in(text, &limits, run->arena, &steps, ret, NULL);
        CF_TRY(spend(run, r, REGEX_STEPS_ASCII, steps));
        run->regex_last = *ret;
        run->regex_last_text = text;
    }
    *ret = run->regex_last;
    return cf_ok();
}

/* Memory to match in: the evaluation's, or a larger piece that takes its place. */
static cf_result room_for(cf_cel_run *run, const cf_regex *re, size_t groups_max)
{
    size_t need = cf_regex_mem_bytes(re, groups_max);
    if (need > run->regex_mem.len) {
        need = need > 2 * run->regex_mem.len ? need : 2 * run->regex_mem.len;
        CF_TRY(cf_cel_new(run, need, &run->regex_mem.data));
        run->regex_mem.len = need;
    }
    return cf_ok();
}

/* ---- Finding ---- */

CF_CEL_FUNCTION(matches)
{
    const cf_regex *re;
    bool found;
    CF_TRY(pattern_of(run, &args[1], &re));
    CF_TRY(room_for(run, re, 0));
    uint64_t rate = rate_of(&args[0]), steps = steps_for_regex(run, rate);
    cf_result r = cf_regex_match(re, cf_cel_text(&args[0]), &run->regex_mem, &steps, &found);
    CF_TRY(spend(run, r, rate, steps));
    return cf_cel_give(ret, cf_cel_bool(found));
}

/* All matches of a text, one after the other: an empty one is left out where the one before it ends. */
typedef struct {
    const cf_regex *re;
    cf_view text;
    uint64_t rate; /* of the text */
    size_t at;     /* where to search on; beyond the text when all is searched */
    size_t before; /* the end of the match before, CF_REGEX_NONE at first */
    cf_regex_span group[GROUPS_MAX];
} search;

static cf_result begin(cf_cel_run *run, const cf_cel_value *args, search *ret)
{
    *ret =
        (search){.text = cf_cel_text(&args[0]), .rate = rate_of(&args[0]), .before = CF_REGEX_NONE};
    CF_TRY(pattern_of(run, &args[1], &ret->re));
    return room_for(run, ret->re, GROUPS_MAX);
}

static void step_over_point(search *s)
{
    do {
        s->at++;
    } while (s->at < s->text.len && (s->text.data[s->at] & 0xC0) == 0x80);
}

static cf_result next_match(cf_cel_run *run, search *s, size_t groups_max, bool *ret_found)
{
    *ret_found = false;
    for (bool again = true; again && s->at <= s->text.len;) {
        uint64_t steps = steps_for_regex(run, s->rate);
        cf_result r = cf_regex_find(s->re, s->text, s->at, &run->regex_mem, &steps, s->group,
                                    groups_max, ret_found);
        CF_TRY(spend(run, r, s->rate, steps));
        if (!*ret_found) {
            return cf_ok();
        }
        again = s->group[0].start == s->group[0].end && s->group[0].start == s->before;
        *ret_found = !again;
        s->before = s->group[0].end;
        if (s->group[0].end > s->at) {
            s->at = s->group[0].end;
        } else {
            step_over_point(s);
        }
    }
    return cf_ok();
}

/* The one group of the match, or all of it when the pattern has none; false for a group that is empty or took no part. */
static bool extracted(const search *s, const cf_cel_value *text, cf_cel_value *ret)
{
    bool grouped = cf_regex_groups(s->re) == 1;
    cf_regex_span span = s->group[grouped ? 1 : 0];
    if (grouped && span.start == span.end) {
        return false;
    }
    *ret = cf_cel_text_part(text, span.start, span.end);
    return true;
}

CF_CEL_FUNCTION(extract)
{
    search s;
    bool found;
    cf_cel_value part;
    CF_TRY(begin(run, args, &s));
    CF_REQUIRE(cf_regex_groups(s.re) <= 1, CEL_ARGUMENT);
    CF_TRY(next_match(run, &s, 2, &found));
    *ret = cf_cel_optional(NULL);
    return found && extracted(&s, &args[0], &part) ? cf_cel_optional_of(run, &part, ret) : cf_ok();
}

CF_CEL_FUNCTION(extract_all)
{
    search s;
    bool found;
    cf_cel_value part;
    cf_cel_items list = {0};
    CF_TRY(begin(run, args, &s));
    CF_REQUIRE(cf_regex_groups(s.re) <= 1, CEL_ARGUMENT);
    CF_TRY(next_match(run, &s, 2, &found));
    while (found) {
        if (extracted(&s, &args[0], &part)) {
            CF_TRY(cf_cel_items_push(run, &list, &part));
        }
        CF_TRY(next_match(run, &s, 2, &found));
    }
    return cf_cel_give(ret, cf_cel_items_list(&list));
}

/* ---- Replacing ---- */

/* Writes the replacement: \0 to \9 are the groups of the match, \\ is a backslash. error CEL_ARGUMENT a group that the pattern lacks,
 * a backslash before anything else */
static cf_result write_replacement(cf_cel_run *run, cf_cel_writer *w, const search *s, cf_view by)
{
    size_t done = 0;
    for (size_t at = 0; at < by.len; at++) {
        if (by.data[at] != '\\') {
            continue;
        }
        CF_TRY(cf_cel_write(run, w, (cf_view){by.data + done, at - done}));
        at++;
        CF_REQUIRE(at < by.len, CEL_ARGUMENT);
        uint8_t c = by.data[at];
        done = c == '\\' ? at : at + 1;
        if (c != '\\') {
            CF_REQUIRE(c >= '0' && c <= '9' && (size_t)(c - '0') <= cf_regex_groups(s->re),
                       CEL_ARGUMENT);
            cf_regex_span span = s->group[c - '0'];
            if (span.start != CF_REGEX_NONE) {
                CF_TRY(cf_cel_write(run, w,
                                    (cf_view){s->text.data + span.start, span.end - span.start}));
            }
        }
    }
    return cf_cel_write(run, w, (cf_view){by.data + done, by.len - done});
}

CF_CEL_FUNCTION(replace)
{
    search s;
    cf_cel_writer w = {0};
    size_t done = 0;
    bool found = true;
    uint64_t left = n == 4 && args[3].i >= 0 ? (uint64_t)args[3].i : UINT64_MAX;
    CF_TRY(begin(run, args, &s));
    for (; left > 0; left--) {
        CF_TRY(next_match(run, &s, GROUPS_MAX, &found));
        if (!found) {
            break;
        }
        CF_TRY(cf_cel_write(run, &w, (cf_view){s.text.data + done, s.group[0].start - done}));
        CF_TRY(write_replacement(run, &w, &s, cf_cel_text(&args[2])));
        done = s.group[0].end;
    }
    CF_TRY(cf_cel_write(run, &w, (cf_view){s.text.data + done, s.text.len - done}));
    return cf_cel_give(ret, cf_cel_written(&w));
}

static const cf_cel_function rows[] = {
    {"matches", "(string,string)->bool", matches, CF_CEL_PATTERN},
    {"matches", "string.(string)->bool", matches, CF_CEL_PATTERN},
    {"regex.replace", "(string,string,string)->string", replace, CF_CEL_PATTERN},
    {"regex.replace", "(string,string,string,int)->string", replace, CF_CEL_PATTERN},
    {"regex.extract", "(string,string)->optional(string)", extract, CF_CEL_PATTERN},
    {"regex.extractAll", "(string,string)->list(string)", extract_all, CF_CEL_PATTERN},
};

const cf_cel_library cf_cel_lib_regex = {rows, sizeof rows / sizeof rows[0]};
