/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/args.h"

#include <string.h>

#include "core/base/number.h"

const char *cli_get_nth(const cli_args *args, const char *name, size_t n)
{
    for (size_t i = 0; i < args->options_n; i++) {
        if (strcmp(args->names[i], name) == 0 && n-- == 0) {
            return args->values[i];
        }
    }
    return NULL;
}

const char *cli_get(const cli_args *args, const char *name)
{
    return cli_get_nth(args, name, 0);
}

static bool may_repeat(const cli_option *o)
{
    size_t len = o->value != NULL ? strlen(o->value) : 0;
    return len > 3 && strcmp(o->value + len - 3, "...") == 0;
}

static const cli_option *option_named(const cli_verb *verb, const char *name, size_t len)
{
    for (const cli_option *o = verb->options; o->name != NULL; o++) {
        if (strlen(o->name) == len && strncmp(o->name, name, len) == 0) {
            return o;
        }
    }
    return NULL;
}

/* Takes the option at argv[i], and its value where it has one. Returns the number of arguments used, 0 when it is wrong. */
static int take_option(const cli_verb *verb, int argc, char **argv, int i, cli_args *ret)
{
    const char *text = argv[i] + 2, *equals = strchr(text, '=');
    size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);
    const cli_option *o = option_named(verb, text, len);
    if (o == NULL) {
        fprintf(stderr, "coffer: no such option: --%.*s\n", (int)len, text);
        return 0;
    }
    if (cli_has(ret, o->name) && !may_repeat(o)) {
        fprintf(stderr, "coffer: --%s is given twice\n", o->name);
        return 0;
    }
    if (ret->options_n == CF_CLI_OPTIONS_MAX) {
        fprintf(stderr, "coffer: too many options\n");
        return 0;
    }
    const char *value = "";
    int used = 1;
    if (o->value == NULL) {
        if (equals != NULL) {
            fprintf(stderr, "coffer: --%s takes no value\n", o->name);
            return 0;
        }
    } else if (equals != NULL) {
        value = equals + 1;
    } else if (i + 1 < argc) {
        value = argv[i + 1];
        used = 2;
    } else {
        fprintf(stderr, "coffer: --%s needs a value\n", o->name);
        return 0;
    }
    ret->names[ret->options_n] = o->name;
    ret->values[ret->options_n++] = value;
    return used;
}

static bool words_fit(const cli_verb *verb, const cli_args *args)
{
    if (args->words_n >= verb->words_min && args->words_n <= verb->words_max) {
        return true;
    }
    fprintf(stderr, "coffer: usage: coffer %s%s%s %s\n", verb->noun != NULL ? verb->noun : "",
            verb->noun != NULL ? " " : "", verb->verb, verb->words);
    return false;
}

bool cli_parse(const cli_verb *verb, int argc, char **argv, cli_args *ret)
{
    *ret = (cli_args){0};
    bool only_words = false;
    for (int i = 0; i < argc;) {
        if (!only_words && strcmp(argv[i], "--") == 0) {
            only_words = true;
            i++;
        } else if (!only_words && strcmp(argv[i], "-h") == 0) {
            ret->names[0] = "help"; /* whatever else is there */
            ret->values[0] = "";
            ret->options_n = 1;
            return true;
        } else if (!only_words && strncmp(argv[i], "--", 2) == 0) {
            int used = take_option(verb, argc, argv, i, ret);
            if (used == 0) {
                return false;
            }
            i += used;
        } else if (ret->words_n < CF_CLI_WORDS_MAX) {
            ret->words[ret->words_n++] = argv[i++];
        } else {
            fprintf(stderr, "coffer: too many arguments\n");
            return false;
        }
    }
    return cli_has(ret, "help") || words_fit(verb, ret);
}

void cli_help_verb(const cli_verb *verb)
{
    printf("coffer %s%s%s %s%s[options]\n\n%s\n", verb->noun != NULL ? verb->noun : "",
           verb->noun != NULL ? " " : "", verb->verb, verb->words,
           verb->words[0] != '\0' ? " " : "", verb->purpose);
    if (verb->more[0] != '\0') {
        printf("\n%s\n", verb->more);
    }
    printf("\nOptions:\n");
    for (const cli_option *o = verb->options; o->name != NULL; o++) {
        char left[64];
        (void)snprintf(left, sizeof left, "--%s%s%s", o->name, o->value != NULL ? " " : "",
                       o->value != NULL ? o->value : "");
        printf("  %-22s %s\n", left, o->help);
    }
}

void cli_help_all(FILE *out, const cli_verb *verbs, const char *noun)
{
    fprintf(out,
            "coffer: a vault whose fields open only inside an attested enclave\n\nCommands:\n");
    for (const cli_verb *v = verbs; v->verb != NULL; v++) {
        char left[96];
        if (noun != NULL && (v->noun == NULL || strcmp(v->noun, noun) != 0)) {
            continue;
        }
        (void)snprintf(left, sizeof left, "%s%s%s %s", v->noun != NULL ? v->noun : "",
                       v->noun != NULL ? " " : "", v->verb, v->words);
        fprintf(out, "  %-28s %s\n", left, v->purpose);
    }
    fprintf(out, "\n`coffer COMMAND --help` tells a command's options.\n"
                 "Exit status: 0 done, 1 refused or failed, 2 wrong use, 3 service not reachable, "
                 "4 done in part.\n");
}

bool cli_number(const cli_args *args, const char *name, uint64_t min, uint64_t max, uint64_t *ret)
{
    const char *text = cli_get(args, name);
    if (text == NULL) {
        return true;
    }
    uint64_t n = 0;
    if (!cf_is_ok(cf_parse_u64(cf_view_str(text), max, &n)) || n < min) {
        fprintf(stderr, "coffer: --%s takes a whole number from %llu to %llu\n", name,
                (unsigned long long)min, (unsigned long long)max);
        return false;
    }
    *ret = n;
    return true;
}
