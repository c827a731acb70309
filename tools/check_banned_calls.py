#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls and forms that the project does not use, each with what to use instead. An exception is a counted row of
tools/banned_calls_exceptions.txt, and a count that is too high fails like one that is too low: every use is reviewed.
Usage: check_banned_calls.py ROOT | --self-test. Exit 1 and one line per breach."""
import os
import re
import sys

from cf_tool import blank_comments, c_files, read, report, self_test

EXCEPTIONS = "tools/banned_calls_exceptions.txt"
PRODUCT = ("core", "sys", "enclave", "host")
TRUSTED = ("core", "enclave")

# name -> (folders, pattern, what to use instead). Patterns see code without comments and without text in quotes.
CALL = r"(?<![\w.>])({})\s*\("
RULES = {
    "copy": (PRODUCT, CALL.format("memcpy|mempcpy|memmove|bcopy|strcpy|strncpy|stpcpy|strcat|strncat"), "cf_copy or cf_buf_append"),
    "compare": (PRODUCT, CALL.format("memcmp|bcmp"), "cf_view_eq, or cf_ct_eq for secrets"),
    "format": (PRODUCT, CALL.format("sprintf|vsprintf|scanf|fscanf|sscanf|vsscanf"), "snprintf into a bounded buffer, or a cf_reader"),
    "number": (PRODUCT, CALL.format("atoi|atol|atoll|atof|strtol|strtoll|strtoul|strtoull|strtod|strtoimax|strtoumax"),
               "the bounded number reader of core/base or core/codec"),
    "token": (PRODUCT, CALL.format("strtok|strtok_r|strsep|gets|getwd"), "a cf_reader"),
    "random": (PRODUCT, CALL.format("rand|srand|rand_r|random|srandom|drand48|lrand48|mrand48"), "the entropy source of core/crypto"),
    "shell": (PRODUCT, CALL.format("system|popen|execlp|execvp|execvpe"), "posix_spawn or execve with a full path"),
    "stack": (PRODUCT, CALL.format("alloca"), "cf_arena or cf_buf"),
    "temporary": (PRODUCT, CALL.format("mktemp|tempnam|tmpnam|tmpfile"), "mkostemp in the state folder"),
    "time": (PRODUCT, CALL.format("asctime|ctime|localtime|gmtime"), "the _r functions"),
    "jump": (PRODUCT, CALL.format("setjmp|longjmp|sigsetjmp|siglongjmp"), "results"),
    "signal": (PRODUCT, CALL.format("signal|sigvec"), "sigaction or signalfd"),
    "bare_error": (TRUSTED, r"\breturn\s+(-\s*1)\s*;", "a cf_result"),
    "returning_macro": (PRODUCT, r"#\s*define\s+(?!CF_TRY\b|CF_REQUIRE\b)(\w+)\b(?:[^\n\\]|\\\n)*\b(?:return|goto|break|continue)\b",
                        "CF_TRY, CF_REQUIRE and CF_AUTO: no other macro leaves a function"),
}


def load_exceptions(root):
    rows = {}
    if os.path.exists(os.path.join(root, EXCEPTIONS)):
        for line in read(root, EXCEPTIONS).split("\n"):
            words = line.split("#")[0].split()
            if words:
                rows[(words[0], words[1])] = int(words[2])
    return rows


def check(root):
    allowed, found, places = load_exceptions(root), {}, {}
    files = c_files(root, PRODUCT)
    for path in files:
        text = blank_comments(read(root, path), strings=True)
        for rule, (folders, pattern, _) in RULES.items():
            if path.split("/")[0] not in folders:
                continue
            for match in re.finditer(pattern, text):
                key = (path, rule)
                found[key] = found.get(key, 0) + 1
                places.setdefault(key, []).append((text.count("\n", 0, match.start(1)) + 1, " ".join(match[1].split())))
    bad = []
    for key in sorted(set(found) | set(allowed)):
        path, rule = key
        count, may = found.get(key, 0), allowed.get(key, 0)
        if count > may:
            for line, word in places[key]:
                bad.append(f"{path}:{line}: {rule}: {word}; use {RULES[rule][2]}" + (f" ({count} uses, {may} allowed)" if may else ""))
        elif count < may:
            bad.append(f"{EXCEPTIONS}: {path} {rule} {may}: only {count} left, lower the number")
    return report("banned_calls", bad, f"{len(RULES)} rules, {len(files)} files clean, {sum(allowed.values())} counted exceptions")


CASES = {
    "clean tree": ({"core/base/a.c": '/* memcpy(a, b) */ const char *s = "strcpy(x)"; int f(void) { return x->system(1); }\n'}, None),
    "copy": ({"core/base/a.c": "void f(void)\n{\n    memcpy(a, b, 1);\n}\n"}, "core/base/a.c:3: copy: memcpy"),
    "compare": ({"host/api/a.c": "int f(void) { return memcmp (a, b, 1); }\n"}, "compare: memcmp"),
    "format": ({"host/api/a.c": "int f(void) { return sprintf(a, b); }\n"}, "format: sprintf"),
    "number": ({"sys/linux/a.h": "int f(void) { return atoi(b); }\n"}, "number: atoi"),
    "random": ({"enclave/app/a.c": "int f(void) { return rand(); }\n"}, "random: rand"),
    "shell": ({"host/cli/a.c": "int f(void) { return system(a); }\n"}, "shell: system"),
    "bare error in trusted code": ({"enclave/app/a.c": "int f(void) { return -1; }\n"}, "bare_error"),
    "bare error elsewhere": ({"host/cli/a.c": "int f(void) { return -1; }\n"}, None),
    "a macro that returns": ({"host/cli/a.c": "#define BAIL(x) do { \\\n    return x; \\\n} while (0)\n"}, "returning_macro: BAIL"),
    "the macros that may": ({"core/base/a.h": "#define CF_TRY(x) do { return x; } while (0)\n#define N 3\nint f(void) { return N; }\n"}, None),
    "counted exception": ({"core/base/a.c": "x = memcpy(a, b, 1);\n", EXCEPTIONS: "core/base/a.c copy 1 # why\n"}, None),
    "one more than counted": ({"core/base/a.c": "memcpy(a, b, 1); memcpy(c, d, 1);\n", EXCEPTIONS: "core/base/a.c copy 1\n"}, "2 uses, 1 allowed"),
    "one fewer than counted": ({"core/base/a.c": "\n", EXCEPTIONS: "core/base/a.c copy 1\n"}, "lower the number"),
}

if __name__ == "__main__":
    if sys.argv[1] == "--self-test":
        sys.exit(self_test(os.path.abspath(__file__), CASES))
    sys.exit(check(sys.argv[1]))
