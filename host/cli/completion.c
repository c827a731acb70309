/* SPDX-License-Identifier: Apache-2.0 */
/* coffer completion: a bash function made from the table of commands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/codec/json.h"
#include "host/cli/verbs.h"

static bool first_of_noun(const cli_verb *v)
{
    return v->noun != NULL &&
           (v == cli_verbs || v[-1].noun == NULL || strcmp(v[-1].noun, v->noun) != 0);
}

/* One case: what may follow the words of the key. Files are offered behind a whole command only. */
static void put_verb(FILE *out, const cli_verb *v)
{
    fprintf(out, "    \"%s%s%s\") files=yes; words=\"", v->noun != NULL ? v->noun : "",
            v->noun != NULL ? " " : "", v->verb);
    for (const cli_option *o = v->options; o->name != NULL; o++) {
        fprintf(out, "--%s ", o->name);
    }
    fprintf(out, "\" ;;\n");
}

static void put_noun(FILE *out, const char *noun)
{
    fprintf(out, "    \"%s\") words=\"", noun);
    for (const cli_verb *v = cli_verbs; v->verb != NULL; v++) {
        if (v->noun != NULL && strcmp(v->noun, noun) == 0) {
            fprintf(out, "%s ", v->verb);
        }
    }
    fprintf(out, "\" ;;\n");
}

static void put_cases(FILE *out)
{
    fprintf(out, "  case \"$key\" in\n    \"\") words=\"--help --version ");
    for (const cli_verb *v = cli_verbs; v->verb != NULL; v++) {
        if (v->noun == NULL || first_of_noun(v)) {
            fprintf(out, "%s ", v->noun != NULL ? v->noun : v->verb);
        }
    }
    fprintf(out, "\" ;;\n");
    for (const cli_verb *v = cli_verbs; v->verb != NULL; v++) {
        if (first_of_noun(v)) {
            put_noun(out, v->noun);
        }
        put_verb(out, v);
    }
    fprintf(out, "  esac\n");
}

/* Whether the option stands in an earlier row, too. */
static bool seen_before(const cli_verb *verb, const cli_option *option)
{
    for (const cli_verb *v = cli_verbs; v != verb; v++) {
        for (const cli_option *o = v->options; o->name != NULL; o++) {
            if (strcmp(o->name, option->name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Behind an option that takes a value come no options, but a file may. */
static void put_values(FILE *out)
{
    const char *between = "";
    fprintf(out, "  case \"${COMP_WORDS[COMP_CWORD-1]}\" in\n    ");
    for (const cli_verb *v = cli_verbs; v->verb != NULL; v++) {
        for (const cli_option *o = v->options; o->name != NULL; o++) {
            if (o->value != NULL && !seen_before(v, o)) {
                fprintf(out, "%s--%s", between, o->name);
                between = " | ";
            }
        }
    }
    fprintf(out, ") words=\"\" ;;\n  esac\n");
}

static void put_script(FILE *out)
{
    fprintf(out, "_coffer() {\n"
                 "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" key=\"\" words=\"\" files=\"\"\n"
                 "  [ \"$COMP_CWORD\" -gt 1 ] && key=\"${COMP_WORDS[1]}\"\n"
                 "  case \"$key\" in\n");
    for (const cli_verb *v = cli_verbs; v->verb != NULL; v++) {
        if (first_of_noun(v)) {
            fprintf(out, "    %s) [ \"$COMP_CWORD\" -gt 2 ] && key=\"$key ${COMP_WORDS[2]}\" ;;\n",
                    v->noun);
        }
    }
    fprintf(out, "  esac\n");
    put_cases(out);
    put_values(out);
    fprintf(out, "  mapfile -t COMPREPLY < <(\n"
                 "    compgen -W \"$words\" -- \"$cur\"\n"
                 "    case \"$files$cur\" in yes-*) ;; yes*) compgen -f -- \"$cur\" ;; esac)\n"
                 "  [ -z \"$files\" ] || compopt -o filenames 2>/dev/null\n"
                 "}\n"
                 "complete -F _coffer coffer\n");
}

int cli_completion(const cli_args *args)
{
    if (!cli_has(args, "json")) {
        put_script(stdout);
        return CLI_OK;
    }
    char *text = NULL;
    size_t len = 0;
    CF_BUF(quoted);
    FILE *out = open_memstream(&text, &len);
    bool ok = out != NULL;
    if (ok) {
        put_script(out);
        ok = fclose(out) == 0 && cf_is_ok(cf_json_put_string(&quoted, cf_view_make(text, len)));
    }
    free(text);
    if (!ok) {
        fprintf(stderr, "coffer: no memory\n");
        return CLI_FAILED;
    }
    printf("{\"bash\":%.*s}\n", (int)quoted.len, (const char *)quoted.data);
    return CLI_OK;
}
