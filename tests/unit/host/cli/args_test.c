/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/args.h"

#include "host/cli/verbs.h"
#include "tests/support/test.h"
#include "tests/unit/host/cli/capture.h"

#define ARGC_MAX 240

static const cli_option options[] = {{"fields", "A,B", "names"},
                                     {"field", "A", "a name that another one begins with"},
                                     {"more", "A...", "may be given again"},
                                     {"json", NULL, "print JSON"},
                                     {"help", NULL, "print this help"},
                                     {NULL, NULL, NULL}};
static const cli_verb verb = {"thing", "do",          "ID [FILE]", 1,   2,
                              "do it", "More of it.", options,     NULL};

static size_t count(char **argv)
{
    size_t n = 0;
    while (n < ARGC_MAX && argv[n] != NULL) {
        n++;
    }
    return n;
}

/* What is said on standard error when parsing goes wrong; "" when it goes well. */
static char *parse(const char *const *given, cli_args *ret)
{
    char *argv[ARGC_MAX + 1] = {NULL};
    for (size_t i = 0; i < ARGC_MAX && given[i] != NULL; i++) {
        argv[i] = (char *)(uintptr_t)given[i];
    }
    capture_begin(2);
    bool ok = cli_parse(&verb, (int)count(argv), argv, ret);
    char *said = capture_end();
    assert_int_equal(ok, said[0] == '\0');
    return said;
}

/* Accepted: the value of each option, and the words. NULL: not given. */
static const struct {
    const char *argv[8];
    const char *fields, *field, *json;
    const char *words[2];
} good[] = {
    {{"id"}, NULL, NULL, NULL, {"id", NULL}},
    {{"id", "file"}, NULL, NULL, NULL, {"id", "file"}},
    {{"--fields", "a,b", "id"}, "a,b", NULL, NULL, {"id", NULL}},
    {{"id", "--fields=a,b"}, "a,b", NULL, NULL, {"id", NULL}},
    {{"id", "--fields="}, "", NULL, NULL, {"id", NULL}},
    {{"id", "--fields", ""}, "", NULL, NULL, {"id", NULL}},
    {{"id", "--fields=a=b"}, "a=b", NULL, NULL, {"id", NULL}},
    {{"--fields", "--json", "id"}, "--json", NULL, NULL, {"id", NULL}}, /* a value is a value */
    {{"--field", "x", "--fields", "y", "id", "--json"}, "y", "x", "", {"id", NULL}},
    {{"--", "--json"}, NULL, NULL, NULL, {"--json", NULL}},
    {{"--json", "--", "-h", "--"}, NULL, NULL, "", {"-h", "--"}},
    {{"-", "-x"}, NULL, NULL, NULL, {"-", "-x"}},
    {{""}, NULL, NULL, NULL, {"", NULL}},
};

static void same(const char *got, const char *want)
{
    assert_int_equal(got == NULL, want == NULL);
    if (want != NULL) {
        assert_string_equal(got, want);
    }
}

static void accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cli_args args;
        char *said = parse(good[i].argv, &args);
        assert_string_equal(said, "");
        free(said);
        same(cli_get(&args, "fields"), good[i].fields);
        same(cli_get(&args, "field"), good[i].field);
        same(cli_get(&args, "json"), good[i].json);
        assert_int_equal(cli_has(&args, "json"), good[i].json != NULL);
        assert_int_equal(args.words_n, good[i].words[1] != NULL ? 2 : 1);
        for (size_t w = 0; w < args.words_n; w++) {
            assert_string_equal(args.words[w], good[i].words[w]);
        }
    }
}

static void repeated(void **state)
{
    (void)state;
    static const char *const given[] = {"--more", "a",      "id", "--more=b",
                                        "--json", "--more", "",   NULL};
    cli_args args;
    char *said = parse(given, &args);
    assert_string_equal(said, "");
    free(said);
    same(cli_get(&args, "more"), "a");
    same(cli_get_nth(&args, "more", 0), "a");
    same(cli_get_nth(&args, "more", 1), "b");
    same(cli_get_nth(&args, "more", 2), "");
    same(cli_get_nth(&args, "more", 3), NULL);
    same(cli_get_nth(&args, "json", 1), NULL);
}

/* Refused: a part of the one line that is said. */
static const struct {
    const char *argv[ARGC_MAX];
    const char *said;
} wrong[] = {
    {{NULL}, "usage: coffer thing do ID [FILE]"},
    {{"a", "b", "c"}, "usage:"},
    {{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q"},
     "too many arguments"}, /* CF_CLI_WORDS_MAX and one */
    {{"id", "--nonsense"}, "no such option: --nonsense"},
    {{"id", "--nonsense=4711"}, "no such option: --nonsense\n"}, /* the value is not repeated */
    {{"id", "--field-s", "x"}, "no such option"},
    {{"id", "--fiel", "x"},
     "no such option"}, /* no abbreviations: scripts would break on new options */
    {{"id", "--Fields", "x"}, "no such option"},
    {{"id", "--=x"}, "no such option"},
    {{"id", "--fields"}, "--fields needs a value"},
    {{"id", "--json=yes"}, "--json takes no value"},
    {{"id", "--json", "--json"}, "--json is given twice"},
    {{"id", "--fields", "a", "--fields=b"}, "--fields is given twice"},
};

static void refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cli_args args;
        char *said = parse(wrong[i].argv, &args);
        assert_non_null(strstr(said, wrong[i].said));
        assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
        free(said);
    }
}

/* As often as there is room, and in their order. */
static void many(void **state)
{
    (void)state;
    for (size_t n = CF_CLI_OPTIONS_MAX - 1; n <= CF_CLI_OPTIONS_MAX + 1; n++) {
        char texts[CF_CLI_OPTIONS_MAX + 1][16];
        const char *argv[ARGC_MAX] = {"id"};
        for (size_t i = 0; i < n; i++) {
            (void)snprintf(texts[i], sizeof texts[i], "e%zu=%zu", i, i);
            argv[1 + 2 * i] = "--more";
            argv[2 + 2 * i] = texts[i];
        }
        cli_args args;
        char *said = parse(argv, &args);
        assert_string_equal(said, n <= CF_CLI_OPTIONS_MAX ? "" : "coffer: too many options\n");
        free(said);
        for (size_t i = 0; n <= CF_CLI_OPTIONS_MAX && i < n; i++) {
            assert_string_equal(cli_get_nth(&args, "more", i), texts[i]);
        }
        assert_null(cli_get_nth(&args, "more", n));
        assert_string_equal(cli_get(&args, "more"), "e0=0");
        assert_null(cli_get_nth(&args, "fields", 0));
    }
}

static void help_asks_nothing_else(void **state)
{
    (void)state;
    static const char *const ways[][4] = {
        {"--help"}, {"--help", "a", "b"}, {"-h"}, {"a", "b", "-h"}};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        cli_args args;
        free(parse(ways[i], &args));
        assert_true(cli_has(&args, "help"));
    }
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        uint64_t n;
    } rows[] = {
        {"1", false, 0},
        {"2", true, 2},
        {"3", true, 3},
        {"63", true, 63},
        {"64", true, 64},
        {"65", false, 0},
        {"", false, 0},
        {" 2", false, 0},
        {"2 ", false, 0},
        {"+2", false, 0},
        {"-2", false, 0},
        {"02", false, 0},
        {"0x2", false, 0},
        {"2.0", false, 0},
        {"18446744073709551615", false, 0},
        {"18446744073709551618", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cli_args args = {.names = {"jobs"}, .values = {rows[i].text}, .options_n = 1};
        uint64_t n = 8;
        capture_begin(2);
        bool ok = cli_number(&args, "jobs", 2, 64, &n);
        char *said = capture_end();
        assert_int_equal(ok, rows[i].ok);
        assert_int_equal(n, ok ? rows[i].n : 8);
        assert_int_equal(strstr(said, "--jobs takes a whole number from 2 to 64") != NULL, !ok);
        free(said);
        assert_true(cli_number(&args, "limit", 1, 2, &n)); /* absent: the preset value stays */
    }
}

/* Every command: its help names its purpose, words and options; options have room, no repeats, --help among them. */
static void every_verb(void **state)
{
    (void)state;
    for (const cli_verb *v = cli_verbs; v->verb != NULL; v++) {
        size_t n = 0;
        capture_begin(1);
        cli_help_verb(v);
        char *help = capture_end();
        assert_non_null(strstr(help, v->purpose));
        assert_non_null(strstr(help, v->words));
        bool helps = false;
        for (const cli_option *o = v->options; o->name != NULL; o++, n++) {
            char shown[64];
            (void)snprintf(shown, sizeof shown, "  --%s%s%s ", o->name, o->value != NULL ? " " : "",
                           o->value != NULL ? o->value : "");
            assert_non_null(strstr(help, shown));
            assert_non_null(strstr(help, o->help));
            helps = helps || strcmp(o->name, "help") == 0;
            for (const cli_option *p = v->options; p != o; p++) {
                assert_string_not_equal(p->name, o->name);
            }
        }
        assert_true(helps && n <= CF_CLI_OPTIONS_MAX);
        assert_true(v->words_min <= v->words_max);
        assert_true(v->words_max <= CF_CLI_WORDS_MAX || v->words_max == CLI_WORDS_OWN);
        assert_non_null(v->run);
        free(help);
    }
}

static void overview(void **state)
{
    (void)state;
    capture_begin(1);
    cli_help_all(stdout, cli_verbs, NULL);
    char *all = capture_end();
    capture_begin(1);
    cli_help_all(stdout, cli_verbs, "vault");
    char *vault = capture_end();
    for (const cli_verb *v = cli_verbs; v->verb != NULL; v++) {
        bool of_vault = v->noun != NULL && strcmp(v->noun, "vault") == 0;
        assert_non_null(strstr(all, v->purpose));
        assert_int_equal(strstr(vault, v->purpose) != NULL, of_vault);
    }
    free(all);
    free(vault);
}

static void finding(void **state)
{
    (void)state;
    for (const cli_verb *v = cli_verbs; v->verb != NULL; v++) {
        char noun[32], word[32];
        (void)snprintf(noun, sizeof noun, "%s", v->noun != NULL ? v->noun : "");
        (void)snprintf(word, sizeof word, "%s", v->verb);
        char *argv[] = {v->noun != NULL ? noun : word, word, NULL};
        int used, words = v->noun != NULL ? 2 : 1;
        assert_ptr_equal(cli_verb_find(words, argv, &used), v);
        assert_int_equal(used, words);
        assert_null(cli_verb_find(words - 1, argv, &used)); /* the noun alone */
        noun[0] = (char)(noun[0] ^ 0x20);
        word[0] = (char)(word[0] ^ 0x20);
        assert_null(cli_verb_find(words, argv, &used)); /* another case */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),
        cmocka_unit_test(repeated),
        cmocka_unit_test(refused),
        cmocka_unit_test(numbers),
        cmocka_unit_test(help_asks_nothing_else),
        cmocka_unit_test(every_verb),
        cmocka_unit_test(overview),
        cmocka_unit_test(finding),
        cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
