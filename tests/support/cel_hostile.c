/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cel_hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES ((size_t)12 << 20) /* more than any budget, for bindings and evaluation */
#define MEGA 1000000u

/* What a source is made of: head, n times body, tail. In body and tail a '#' stands for the number of the repeat, in letters. */
typedef struct {
    const char *name, *head, *body;
    size_t n;
    const char *tail, *tail_body; /* tail_body n times behind tail */
    const char *bindings;         /* see bind() */
    bool unchecked;
    cf_err err; /* CF_OK stands for BUDGET, CF_ERR_COUNT for cheap */
} shape;

#define CHEAP CF_ERR_COUNT

static const shape shapes[] = {
    /* 10 MB, which end at the source's bound */
    {.name = "10 MB of (", .body = "(", .n = 10 * MEGA},
    {.name = "10 MB of [", .body = "[", .n = 10 * MEGA},
    {.name = "10 MB of !", .body = "!", .n = 10 * MEGA},
    {.name = "10 MB of quotes", .body = "'", .n = 10 * MEGA},
    {.name = "100,000 terms of +", .head = "1", .body = " + 1", .n = 100000},
    {.name = "100,000 terms of &&", .head = "true", .body = " && true", .n = 100000},
    {.name = "100,000 terms of ||", .head = "false", .body = " || false", .n = 100000},
    /* just below it */
    {.name = "64 KiB of (", .body = "(", .n = 65000},
    {.name = "64 KiB of [", .body = "[", .n = 65000},
    {.name = "64 KiB of [ and ]", .body = "[", .n = 32700, .tail = "", .tail_body = "]"},
    {.name = "64 KiB of {", .body = "{1:", .n = 21000},
    {.name = "64 KiB of calls", .body = "f(", .n = 32000},
    {.name = "64 KiB of methods", .head = "x", .body = ".f(x", .n = 16000},
    {.name = "64 KiB of indexes", .body = "x[", .n = 32000},
    {.name = "64 KiB of conditions", .body = "x?(", .n = 21000},
    {.name = "64 KiB of conditions that follow", .body = "x?x:", .n = 16000, .tail = "x"},
    {.name = "64 KiB of messages", .body = "A{x:", .n = 16000},
    {.name = "64 KiB of !", .body = "!", .n = 65000, .tail = "true", .err = CF_OK},
    {.name = "64 KiB of -", .body = "-", .n = 65000, .tail = "1", .err = CF_OK},
    {.name = "64 KiB of a minus and blanks",
     .body = "- ",
     .n = 32000,
     .tail = "i",
     .bindings = "i",
     .err = CHEAP},
    {.name = "32,000 selections",
     .head = "x",
     .body = ".a",
     .n = 32000,
     .bindings = "x",
     .err = CF_ERR_CEL_TYPE},
    {.name = "16,000 selections among dotted names",
     .head = "x",
     .body = ".a",
     .n = 16000,
     .bindings = "d",
     .unchecked = true,
     .err = CF_ERR_CEL_TYPE},
    {.name = "a function's name of 16,000 parts",
     .head = "x",
     .body = ".a",
     .n = 16000,
     .tail = "()",
     .bindings = "d",
     .unchecked = true,
     .err = CF_ERR_CEL_TYPE},
    {.name = "a chain of 16,000 terms", .head = "1", .body = "+1", .n = 16000, .err = CHEAP},
    {.name = "a chain of 32,000 terms", .head = "1", .body = "+1", .n = 32000},
    {.name = "16,000 names that nobody knows",
     .head = "x",
     .body = "+y",
     .n = 16000,
     .unchecked = true,
     .err = CF_ERR_CEL_NAME},
    {.name = "a list of 32,000", .head = "[", .body = "1,", .n = 32000, .tail = "]", .err = CHEAP},
    {.name = "a map of 8,000", .head = "{", .body = "'#':1,", .n = 8000, .tail = "}", .err = CHEAP},
    {.name = "a map of the same key",
     .head = "{",
     .body = "1:1,",
     .n = 16000,
     .tail = "}",
     .err = CF_ERR_CEL_KEY},
    {.name = "a comment", .head = "//", .body = "x", .n = 65000, .err = CF_ERR_CEL_SYNTAX},
    {.name = "blanks", .body = " ", .n = 65000, .tail = "1", .err = CHEAP},
    {.name = "a name", .body = "x", .n = 65000, .err = CF_ERR_CEL_NAME},
    {.name = "digits", .body = "1", .n = 65000, .err = CF_ERR_CEL_SYNTAX},
    {.name = "digits of a double", .head = "0.", .body = "1", .n = 65000, .err = CHEAP},
    {.name = "an exponent", .head = "1e", .body = "9", .n = 60000, .err = CF_ERR_CEL_SYNTAX},
    {.name = "escapes", .head = "'", .body = "\\u00e9", .n = 10000, .tail = "'", .err = CHEAP},
    /* types */
    {.name = "lists within lists of two",
     .head = "cel.bind(a,[1],",
     .body = "cel.bind(a,[a,a],",
     .n = 200,
     .tail = "a)",
     .tail_body = ")"},
    {.name = "maps within maps of two",
     .head = "cel.bind(a,{1:1},",
     .body = "cel.bind(a,{1:a,2:a},",
     .n = 200,
     .tail = "1)",
     .tail_body = ")",
     .err = CHEAP},
    {.name = "comparing lists within lists of two",
     .head = "cel.bind(a,[1],",
     .body = "cel.bind(a,[a,a],",
     .n = 60,
     .tail = "a==a)",
     .tail_body = ")"},
    {.name = "lists within lists of two as a set",
     .head = "cel.bind(a,[1],",
     .body = "cel.bind(a,[a,a],",
     .n = 60,
     .tail = "a.distinct())",
     .tail_body = ")"},
    {.name = "lists within lists of two, flat",
     .head = "cel.bind(a,[dyn(1)],",
     .body = "cel.bind(a,[dyn(a),a],",
     .n = 60,
     .tail = "dyn(a).flatten(100))",
     .tail_body = ")"},
    {.name = "lists within lists of two, as text",
     .head = "cel.bind(a,[1],",
     .body = "cel.bind(a,[a,a],",
     .n = 60,
     .tail = "'%s'.format([a]))",
     .tail_body = ")"},
    {.name = "maps within maps of two, as text",
     .head = "cel.bind(a,{1:1},",
     .body = "cel.bind(a,{1:a,2:a},",
     .n = 60,
     .tail = "'%s'.format([a]))",
     .tail_body = ")"},
    {.name = "lists within lists of two, as a key",
     .head = "cel.bind(a,[1],",
     .body = "cel.bind(a,[a,a],",
     .n = 60,
     .tail = "a in [a, [a]])",
     .tail_body = ")"},
    /* loops */
    {.name = "loops in loops",
     .body = "[0,1,2,3,4,5,6,7].all(x,",
     .n = 20,
     .tail = "true",
     .tail_body = ")"},
    {.name = "maps of loops",
     .body = "[0,1,2,3,4,5,6,7].map(x,",
     .n = 20,
     .tail = "x",
     .tail_body = ")"},
    {.name = "maps of loops 120 deep",
     .body = "[0,1].map(x,",
     .n = 120,
     .tail = "x",
     .tail_body = ")"},
    {.name = "map of map", .head = "l.map(x,l.map(y,x+y))", .bindings = "l"},
    {.name = "exists of exists", .head = "l.exists(x,l.exists(y,x+y<0)) || true", .bindings = "l"},
    {.name = "filter of filter", .head = "l.filter(x,l.filter(y,x==y).size()==0)", .bindings = "l"},
    {.name = "sort of sort", .head = "l.sortBy(x,l.sortBy(y,-y)[0])", .bindings = "l"},
    {.name = "entries of entries",
     .head = "l.transformMapEntry(i,x,l.transformMapEntry(j,y,{i*100000+j:1}))",
     .bindings = "l"},
    {.name = "binds of loops",
     .body = "cel.bind(a,l.map(x,x+1),a.size()+",
     .n = 100,
     .tail = "1",
     .tail_body = ")",
     .bindings = "l"},
    {.name = "blocks of loops",
     .head = "cel.block([l.map(x,x)",
     .body = ",cel.index(#n).map(x,x+1)",
     .n = 100,
     .tail = "],cel.index(99))",
     .bindings = "l"},
    {.name = "in, for each", .head = "l.map(x,-1 in l)", .bindings = "l"},
    {.name = "distinct of 50,000 lists", .head = "l.map(x,[x]).distinct()", .bindings = "l"},
    {.name = "sets of 50,000 lists",
     .head = "sets.equivalent(l.map(x,[x]),l.map(x,[x]).reverse())",
     .bindings = "l"},
    {.name = "sort of 50,000", .head = "l.map(x,-x).sort()[0]", .bindings = "l", .err = CHEAP},
    {.name = "joins of large lists", .head = "l.map(x,l+l).size()", .bindings = "l"},
    {.name = "slices of large lists", .head = "l.map(x,l.reverse()).size()", .bindings = "l"},
    {.name = "a range", .head = "lists.range(9223372036854775807)"},
    {.name = "ranges", .head = "lists.range(100000).map(x,lists.range(100000))"},
    {.name = "a list that doubles",
     .head = "cel.bind(a,[1,2,3,4],",
     .body = "cel.bind(a,a+a,",
     .n = 40,
     .tail = "a.size())",
     .tail_body = ")"},
    /* text */
    {.name = "text that doubles",
     .head = "cel.bind(a,'0123456789',",
     .body = "cel.bind(a,a+a,",
     .n = 40,
     .tail = "a.size())",
     .tail_body = ")"},
    {.name = "bytes that double",
     .head = "cel.bind(a,b'0123456789',",
     .body = "cel.bind(a,a+a,",
     .n = 40,
     .tail = "a.size())",
     .tail_body = ")"},
    {.name = "text that doubles in a format",
     .head = "cel.bind(a,'0123456789',",
     .body = "cel.bind(a,'%s%s'.format([a,a]),",
     .n = 40,
     .tail = "a.size())",
     .tail_body = ")"},
    {.name = "text that doubles in a replacement",
     .head = "cel.bind(a,'aaaaaaaaaa',",
     .body = "cel.bind(a,a.replace('a','aa'),",
     .n = 40,
     .tail = "a.size())",
     .tail_body = ")"},
    {.name = "text that doubles in a join",
     .head = "cel.bind(a,'0123456789',",
     .body = "cel.bind(a,[a,a].join(),",
     .n = 40,
     .tail = "a.size())",
     .tail_body = ")"},
    {.name = "large texts, for each", .head = "l.map(x,t+t).size()", .bindings = "lt"},
    {.name = "sizes of large texts", .head = "l.map(x,u.size()).size()", .bindings = "lu"},
    {.name = "characters of large texts",
     .head = "l.map(x,u.charAt(100000)).size()",
     .bindings = "lu"},
    {.name = "parts of large texts",
     .head = "l.map(x,u.substring(1,100000)).size()",
     .bindings = "lu"},
    {.name = "comparing large texts", .head = "l.map(x,t+'a'==t+'b').size()", .bindings = "lt"},
    {.name = "comparing large texts that are there",
     .head = "l.map(x,t<t).size()",
     .bindings = "lt"},
    {.name = "searching a text in a text",
     .head = "t.contains(t.substring(1,t.size()/2)+'b'+t.substring(1,t.size()/2))",
     .bindings = "t",
     .err = CHEAP},
    {.name = "searching, for each",
     .head = "l.map(x,t.indexOf('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab')).size()",
     .bindings = "lt"},
    {.name = "searching backwards, for each",
     .head = "l.map(x,t.lastIndexOf('baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')).size()",
     .bindings = "lt"},
    {.name = "searching what is nearly there",
     .head = "t.indexOf(t.substring(0,t.size()/2)+'b')",
     .err = CHEAP,
     .bindings = "t"},
    {.name = "searching backwards what is nearly there",
     .head = "t.lastIndexOf('b'+t.substring(0,t.size()/2))",
     .err = CHEAP,
     .bindings = "t"},
    {.name = "parts that are nearly there",
     .head = "t.split(t.substring(0,t.size()/2)+'b')",
     .err = CHEAP,
     .bindings = "t"},
    {.name = "replacing what is nearly there",
     .head = "t.replace(t.substring(0,t.size()/2)+'b','c')",
     .err = CHEAP,
     .bindings = "t"},
    {.name = "beginnings, for each", .head = "l.map(x,t.startsWith(t)).size()", .bindings = "lt"},
    {.name = "parts of one character", .head = "t.split('').size()", .bindings = "t"},
    {.name = "upper case, for each", .head = "l.map(x,t.upperAscii()).size()", .bindings = "lt"},
    {.name = "trim, for each", .head = "l.map(x,w.trim()).size()", .bindings = "lw"},
    {.name = "a large precision",
     .head = "'%.2147483648f'.format([1.0])",
     .err = CF_ERR_CEL_ARGUMENT},
    {.name = "a precision of many digits",
     .head = "'%.",
     .body = "9",
     .n = 60000,
     .tail = "f'.format([1.0])",
     .err = CF_ERR_CEL_ARGUMENT},
    {.name = "many large numbers",
     .head = "'",
     .body = "%.100f",
     .n = 5000,
     .tail = "'.format(lists.range(5000).map(x,1e308))"},
    {.name = "many small numbers",
     .head = "'",
     .body = "%.100e",
     .n = 5000,
     .tail = "'.format(lists.range(5000).map(x,5e-324))",
     .err = CHEAP},
    {.name = "conversions, for each",
     .head = "l.map(x,double(string(1.0/double(x+3)))).size()",
     .bindings = "l",
     .err = CF_OK},
    {.name = "digits to a double, for each", .head = "l.map(x,double(n)).size()", .bindings = "ln"},
    {.name = "zones, for each",
     .head = "l.map(x,timestamp(x*99999).getHours('America/Argentina/ComodRivadavia')).size()",
     .err = CHEAP,
     .bindings = "l"},
    {.name = "base64, for each",
     .head = "l.map(x,base64.encode(bytes(t))).size()",
     .bindings = "lt"},
    {.name = "quotes",
     .head = "strings.quote(strings.quote(strings.quote(strings.quote(q))))",
     .bindings = "q"},
    /* patterns */
    {.name = "a pattern of many ways",
     .head = "t.matches('(x+x+)+y')",
     .bindings = "t",
     .err = CHEAP},
    {.name = "alternatives that overlap",
     .head = "t.matches('^(a|aa)+$')",
     .bindings = "t",
     .err = CHEAP},
    {.name = "groups within groups", .head = "t.matches('(a*)*b')", .bindings = "t", .err = CHEAP},
    {.name = "repeats of repeats",
     .head = "t.matches('((a{100}){100}){100}')",
     .bindings = "t",
     .err = CF_ERR_PATTERN},
    {.name = "a repeat that is too large",
     .head = "t.matches('a{100000}')",
     .bindings = "t",
     .err = CF_ERR_PATTERN},
    {.name = "a program that is too large",
     .head = "t.matches('",
     .body = "(a{1000})",
     .n = 50,
     .tail = "')",
     .bindings = "t"},
    {.name = "classes that are too many",
     .head = "t.matches('",
     .body = "[\\\\pL\\\\pN]{50}",
     .n = 100,
     .tail = "')",
     .bindings = "t"},
    {.name = "many states at once",
     .err = CHEAP,
     .head = "t.matches('(a?){900}a{900}')",
     .bindings = "p"},
    {.name = "many states at once, on every octet",
     .head = "t.matches('(.*){1,100}(.*a.{900}b)')",
     .bindings = "p"},
    {.name = "states that are never the same",
     .head = "r.matches('(a|b)*a(a|b){100}(a|b){100}(a|b){100}c')",
     .bindings = "r"},
    {.name = "states of words",
     .head = "r.matches('\\\\b(?:a.{40}|b.{41}|.{42})*\\\\bc')",
     .bindings = "r"},
    {.name = "groups that are captured",
     .head = "regex.extract(r,'(?:a|b)*?(a(?:a|b){200}c)').hasValue()",
     .bindings = "r"},
    {.name = "replacing with a pattern",
     .head = "regex.replace(t,'a','0123456789012345678901234567890123456789')",
     .bindings = "t"},
    {.name = "all that matches", .head = "regex.extractAll(t,'a').size()", .bindings = "t"},
    {.name = "all empty matches", .head = "regex.extractAll(t,'').size()", .bindings = "t"},
    {.name = "all that nearly matches",
     .head = "regex.extractAll(t,'a*b').size()",
     .err = CHEAP,
     .bindings = "t"},
    {.name = "replacing what nearly matches",
     .head = "regex.replace(t,'a.*b','c').size()",
     .err = CHEAP,
     .bindings = "t"},
    {.name = "a pattern, for each", .head = "l.map(x,t.matches('a*b')).size()", .bindings = "lt"},
    {.name = "patterns that are not constant",
     .head = "l.map(x,'a'.matches('(a{10}){10}'+string(x))).size()",
     .bindings = "l"},
    {.name = "a pattern of 16 KB of groups",
     .head = "'a'.matches('",
     .body = "(",
     .n = 20000,
     .tail = "')",
     .err = CF_OK},
    {.name = "a pattern of 8 KB of stars",
     .head = "'a'.matches('",
     .body = "(a*)*",
     .n = 1600,
     .tail = "')",
     .err = CF_OK},
};

_Static_assert(sizeof shapes / sizeof shapes[0] <= CEL_HOSTILE_MAX, "the bench has so many rows");

static void must(cf_result r)
{
    if (!cf_is_ok(r)) {
        fprintf(stderr, "hostile: %s\n", cf_err_code(r.code));
        exit(1);
    }
}

static void put(cf_buf *out, const char *text)
{
    must(cf_buf_append(out, cf_view_str(text)));
}

/* "#n" is the number i, "#" the number in letters. */
static void put_numbered(cf_buf *out, const char *text, size_t i)
{
    char number[24], letters[24];
    size_t at = 0;
    (void)snprintf(number, sizeof number, "%zu", i);
    for (size_t rest = i + 1; rest > 0; rest /= 26) {
        letters[at++] = (char)('a' + rest % 26);
    }
    letters[at] = '\0';
    for (const char *mark; (mark = strchr(text, '#')) != NULL; text = mark + 1 + (mark[1] == 'n')) {
        must(cf_buf_append(out, cf_view_make(text, (size_t)(mark - text))));
        put(out, mark[1] == 'n' ? number : letters);
    }
    put(out, text);
}

static void put_times(cf_buf *out, const char *text, size_t n)
{
    bool numbered = strchr(text, '#') != NULL;
    must(cf_buf_reserve(out, n * strlen(text)));
    for (size_t i = 0; i < n; i++) {
        numbered ? put_numbered(out, text, i) : put(out, text);
    }
}

/* A variable of the letter. */
static void bind(cf_buf *out, char letter)
{
    static const struct {
        char letter;
        const char *head, *body;
        size_t n;
        const char *tail;
    } kinds[] = {
        {'l', "\"l\":[0", ",#n", 50000, "]"},
        {'x', "\"x\":", "{\"a\":", 200, "1"}, /* closed below */
        {'i', "\"i\":1", "", 0, ""},
        {'d', "\"x.a.a.a\":1,\"x\":{\"a\":1},\"y.z\":1", "", 0, ""},
        {'t', "\"t\":\"", "a", 500000, "\""},
        {'p', "\"t\":\"", "a", 100000, "\""},
        {'u', "\"u\":\"", "é", 200000, "\""},
        {'w', "\"w\":\"", " ", 500000, "\""},
        {'n', "\"n\":\"0.", "1", 100000, "\""},
        {'q', "\"q\":\"", "\\\\", 200000, "\""},
    };
    if (letter == 'r') { /* the letters a and b in no order */
        uint32_t seed = 12345;
        put(out, "\"r\":\"");
        for (size_t i = 0; i < 500000; i++) {
            seed = seed * 1664525u + 1013904223u;
            put(out, (seed >> 24 & 1) != 0 ? "a" : "b");
        }
        put(out, "\"");
        return;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].letter == letter) {
            put(out, kinds[i].head);
            put_times(out, kinds[i].body, kinds[i].n);
            put(out, kinds[i].tail);
            put_times(out, "}", letter == 'x' ? kinds[i].n : 0);
        }
    }
}

bool cel_hostile_make(size_t i, cel_hostile *ret)
{
    *ret = (cel_hostile){0};
    if (i >= sizeof shapes / sizeof shapes[0]) {
        return false;
    }
    const shape *s = &shapes[i];
    ret->name = s->name;
    ret->unchecked = s->unchecked;
    ret->err = s->err == CF_OK ? CF_ERR_BUDGET : (s->err == CHEAP ? CF_OK : s->err);
    put(&ret->source, s->head != NULL ? s->head : "");
    put_times(&ret->source, s->body != NULL ? s->body : "", s->n);
    put(&ret->source, s->tail != NULL ? s->tail : "");
    put_times(&ret->source, s->tail_body != NULL ? s->tail_body : "", s->n);
    for (const char *letter = s->bindings; letter != NULL && *letter != '\0'; letter++) {
        put(&ret->bindings, letter == s->bindings ? "{" : ",");
        bind(&ret->bindings, *letter);
    }
    put(&ret->bindings, s->bindings != NULL ? "}" : "");
    return true;
}

void cel_hostile_free(cel_hostile *c)
{
    cf_buf_free(&c->source);
    cf_buf_free(&c->bindings);
}

/* Every member of the object a variable of type dyn, in its order. */
static cf_result declare(cf_cel_env *env, const cf_cel_value *object, cf_arena *arena,
                         cf_cel_value **ret)
{
    uint32_t slot, n = object->kind == CF_CEL_MAP ? object->map->count : 0;
    *ret = cf_arena_new(arena, n, sizeof **ret);
    CF_REQUIRE(*ret != NULL, NO_MEMORY);
    for (uint32_t i = 0; i < n; i++) {
        CF_TRY(cf_cel_env_variable(env, cf_cel_text(&object->map->entries[2 * i]), "dyn", &slot));
        (*ret)[slot] = object->map->entries[2 * i + 1];
    }
    return cf_ok();
}

cf_result cel_hostile_run(const cel_hostile *c, const cf_cel_env *base, cf_cel_error *ret_error)
{
    CF_ARENA(bound, ARENA_BYTES);
    CF_ARENA(arena, ARENA_BYTES);
    CF_CEL_ENV(env);
    CF_CEL_PROGRAM(program);
    CF_BUF(out);
    cf_cel_value object = {0}, result, *values = NULL;
    const cf_cel_options options = {.unchecked = c->unchecked};
    *ret_error = (cf_cel_error){0};
    if (c->bindings.len > 0) {
        CF_TRY(cf_cel_from_json(cf_buf_view(&c->bindings), SIZE_MAX, &bound, &object));
    }
    CF_TRY(cf_cel_env_new(base, &env));
    CF_TRY(declare(env, &object, &bound, &values));
    CF_TRY(cf_cel_compile(env, cf_buf_view(&c->source), &options, &program, ret_error));
    CF_TRY(cf_cel_eval(program, values, NULL, NULL, &arena, &result, ret_error));
    return cf_cel_to_json(&result, CF_CEL_OUTPUT_BYTES_MAX, &out);
}
