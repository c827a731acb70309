/* SPDX-License-Identifier: Apache-2.0 */
/* core/regex against RE2 and the C library's POSIX expressions: verdicts, matches with their groups, and compilation. ratio is RE2's
 * time by ours; the lines whose raw is posix compare with regexec, REG_EXTENDED. */
#include <regex.h>

#include "bench/bench.h"
#include "core/regex/regex.h"
#include "tests/interop/re2_peer.h"

enum { LONG_TEXT = 4000, GROUPS = 3 };

typedef struct {
    const char *name, *pattern, *text; /* text NULL: LONG_TEXT times the letter a */
    size_t groups;                     /* 0: the verdict alone */
    bool program;                      /* without the table of states */
    double must;
} scene;

static const scene scenes[] = {
    {"email", "^[a-z]+@example\\.com$", "alice@example.com", 0, false, 0.5},
    {"email_program", "^[a-z]+@example\\.com$", "alice@example.com", 0, true, 0},
    {"email_groups", "^([a-z]+)@(example\\.com)$", "alice@example.com", GROUPS, false, 0},
    {"email_long_miss", "^[a-z]+@example\\.com$", NULL, 0, false, 0},
    {"x_plus_plus", "^(x+x+)+y$", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxzy", 0, false, 0.5},
    {"a_or_aa", "^(a|aa)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", 0, false, 0.5},
    {"word_in_text", "\\bcard\\b", "the number of the card is below", 0, false, 0},
    {"fold", "(?i)stra\u00DFe", "in der Bahnhofstra\u00DFe", 0, false, 0},
    {"letters", "^\\pL+$", "\u0391\u03BB\u03AD\u03BE\u03B1\u03BD\u03B4\u03C1\u03BF\u03C2", 0, false,
     0},
    {"digits_16", "^[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{4}$", "4111-1111-1111-1111", 0, false, 0.5},
    {"find_date", "(\\d{4})-(\\d{2})", "born on the 1979-04-05 in Uri", GROUPS, false, 0},
    {"many_states", "(a|b)*a(a|b){12}c", NULL, 0, false, 0},
};
#define SCENES (sizeof scenes / sizeof scenes[0])

typedef struct {
    const scene *s;
    cf_view pattern, text;
    cf_regex *re;
    cf_regex_mem mem;
    re2_peer *peer;
    regex_t posix;
} stage;

static volatile bool sink;

static cf_result ours(void *ctx)
{
    stage *t = ctx;
    uint64_t steps = UINT64_MAX;
    cf_regex_span spans[GROUPS];
    bool found = false;
    if (t->s->groups == 0) {
        CF_TRY(cf_regex_match(t->re, t->text, &t->mem, &steps, &found));
    } else {
        CF_TRY(cf_regex_find(t->re, t->text, 0, &t->mem, &steps, spans, t->s->groups, &found));
    }
    sink = found;
    return cf_ok();
}

static cf_result theirs(void *ctx)
{
    stage *t = ctx;
    size_t spans[2 * GROUPS];
    sink = re2_peer_find(t->peer, (const char *)t->text.data, t->text.len, 0, spans, t->s->groups);
    return cf_ok();
}

static cf_result posix(void *ctx)
{
    stage *t = ctx;
    regmatch_t spans[GROUPS];
    sink = regexec(&t->posix, (const char *)t->text.data, t->s->groups, spans, 0) == 0;
    return cf_ok();
}

static cf_result ours_new(void *ctx)
{
    stage *t = ctx;
    cf_regex_limits limits = {.no_dfa = t->s->program};
    CF_REGEX(re);
    return cf_regex_compile(t->pattern, &limits, &re, NULL);
}

static cf_result theirs_new(void *ctx)
{
    stage *t = ctx;
    bool size;
    re2_peer *peer = re2_peer_new((const char *)t->pattern.data, t->pattern.len, &size);
    re2_peer_free(peer);
    return cf_fail(peer != NULL ? CF_OK : CF_ERR_INTERNAL);
}

static void stage_init(stage *t, const scene *s, char *long_text)
{
    cf_regex_limits limits = {.no_dfa = s->program};
    bool size;
    t->s = s;
    t->pattern = cf_view_str(s->pattern);
    t->text = cf_view_str(s->text != NULL ? s->text : long_text);
    if (!cf_is_ok(cf_regex_compile(t->pattern, &limits, &t->re, NULL))) {
        exit(1);
    }
    t->mem.len = cf_regex_mem_bytes(t->re, s->groups);
    t->mem.data = cf_mem_new(t->mem.len, 1);
    t->peer = re2_peer_new(s->pattern, strlen(s->pattern), &size);
    if (t->peer == NULL) {
        exit(1);
    }
}

/* Where POSIX has the same syntax. */
static bool compare_posix(stage *t, bench_row *row, const char *name, bench_plan plan)
{
    bool same = strstr(t->s->pattern, "(?") == NULL && strstr(t->s->pattern, "\\p") == NULL &&
                strstr(t->s->pattern, "\\d") == NULL && strstr(t->s->pattern, "\\b") == NULL;
    if (!same || regcomp(&t->posix, t->s->pattern, REG_EXTENDED) != 0) {
        return true;
    }
    bench_row rows[] = {{.name = "posix", .fn = posix, .ctx = t},
                        {.name = name, .fn = row->fn, .ctx = t}};
    bench_run(rows, 2, plan);
    bool ok = bench_print(&rows[0], &rows[1], 0, "core/regex", plan);
    regfree(&t->posix);
    return ok;
}

int main(int argc, char **argv)
{
    static char long_text[LONG_TEXT + 1];
    bench_plan plan = bench_plan_of(argc, argv);
    bool ok = true;
    memset(long_text, 'a', LONG_TEXT);
    bench_pin();
    for (size_t i = 0; i < SCENES; i++) {
        stage t = {.re = NULL};
        char name[2][64];
        stage_init(&t, &scenes[i], long_text);
        snprintf(name[0], sizeof name[0], "regex_%s", scenes[i].name);
        snprintf(name[1], sizeof name[1], "regex_%s_compile", scenes[i].name);
        bench_row match[] = {{.name = "re2", .fn = theirs, .ctx = &t},
                             {.name = name[0], .fn = ours, .ctx = &t}};
        bench_row compile[] = {{.name = "re2", .fn = theirs_new, .ctx = &t},
                               {.name = name[1], .fn = ours_new, .ctx = &t}};
        bench_run(match, 2, plan);
        bench_run(compile, 2, plan);
        ok = bench_print(&match[0], &match[1], scenes[i].must, "core/regex", plan) && ok;
        ok = compare_posix(&t, &match[1], name[0], plan) && ok;
        ok = bench_print(&compile[0], &compile[1], 0, "core/regex", plan) && ok;
        cf_regex_free(&t.re);
        cf_mem_free(t.mem.data);
        re2_peer_free(t.peer);
    }
    return ok ? 0 : 1;
}
