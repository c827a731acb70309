#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sizes and marks that clang-format does not decide: length of functions, files and lines, the licence line, tabs.
Usage: check_style.py ROOT [--list] | --self-test. Exit 1 and one line per breach; --list prints the longest functions."""
import os
import re
import sys

from cf_tool import c_files, read, report, self_test

FOLDERS = ("core", "sys", "enclave", "host", "tests", "fuzz", "bench", "cmake")
FUNCTION_LINES_MAX = 120  # the aim is under 70, see CONTRIBUTING.md
FUNCTION_LINES_AIM = 70
FILE_LINES_MAX = 800
LINE_COLUMNS_MAX = 140  # clang-format keeps code to 100; contracts in headers and tables may be wider
# A cleanup runs whichever way the scope is left, so what it frees must be set where it is declared. Those that only overwrite may come first.
PRODUCT = ("core/", "sys/", "enclave/", "host/")
UNSET = re.compile(r"CF_AUTO\((\w+)\)\s+(?:(?:CF_HELD|HELD|const|struct)\s+)*\w+\s+\**(\w+)\s*(?:\[[^\]]*\])?\s*[,;]")
UNSET_ALLOWED = ("gathered_clear",)  # core/crypto/primitives.c: sets all that is freed in the next lines
LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */"


def functions(lines):
    """Yields (name, first line, length) of function bodies: clang-format puts their braces, and no others', in column 0."""
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line.startswith("}") and start is not None:
            head = start
            while head > 0 and lines[head - 1].strip() and not re.match(r"[#}]|.*[;}]$|.*\*/$", lines[head - 1]):
                head -= 1
            name = re.search(r"(\w+)\s*\(", " ".join(lines[head:start]))
            yield name[1] if name else "?", start + 1, number - start + 1
            start = None


def check_file(path, text, lengths):
    lines = text.rstrip("\n").split("\n")
    if lines[0] != LICENCE:
        yield f"{path}:1: the first line is {LICENCE}"
    if len(lines) > FILE_LINES_MAX:
        yield f"{path}: {len(lines)} lines, at most {FILE_LINES_MAX}"
    for number, line in enumerate(lines, 1):
        if "\t" in line:
            yield f"{path}:{number}: tab"
        if line != line.rstrip():
            yield f"{path}:{number}: blanks at the end"
        if len(line) > LINE_COLUMNS_MAX:
            yield f"{path}:{number}: {len(line)} columns, at most {LINE_COLUMNS_MAX}"
    for m in UNSET.finditer(text) if path.startswith(PRODUCT) else ():
        if not m[1].endswith("_wipe") and m[1] not in UNSET_ALLOWED:
            yield f"{path}:{text.count(chr(10), 0, m.start()) + 1}: {m[2]} is cleaned up and not set where it is declared"
    for name, number, length in functions(lines):
        lengths.append((length, f"{path}:{number}: {name}"))
        if length > FUNCTION_LINES_MAX:
            yield f"{path}:{number}: {name} has {length} lines, at most {FUNCTION_LINES_MAX}"


def check(root, show=False):
    bad, lengths = [], []
    files = c_files(root, FOLDERS)
    for path in files:
        bad += check_file(path, read(root, path), lengths)
    lengths.sort(reverse=True)
    if show:
        for length, place in lengths[:20]:
            print(f"{length:4} {place}")
    above = sum(1 for length, _ in lengths if length > FUNCTION_LINES_AIM)
    median = lengths[len(lengths) // 2][0] if lengths else 0
    return report("style", bad, f"{len(files)} files, {len(lengths)} functions of {median} lines in the median, "
                                f"{above} above {FUNCTION_LINES_AIM}")


def body(lines):
    return LICENCE + "\nint f(void)\n{\n" + "    x();\n" * (lines - 2) + "}\n"


CASES = {
    "clean tree": ({"core/base/a.c": body(120), "host/api/b.h": LICENCE + "\n"}, None),
    "long function": ({"core/base/a.c": body(121)}, "f has 121 lines"),
    "long file": ({"core/base/a.c": LICENCE + "\n" + "int x;\n" * 800}, "801 lines"),
    "file at its limit": ({"core/base/a.c": LICENCE + "\n" + "int x;\n" * 799}, None),
    "long line": ({"core/base/a.c": LICENCE + "\n" + "x" * 141 + "\n"}, "141 columns"),
    "no licence": ({"tests/unit/a.c": "int x;\n"}, "first line"),
    "tab": ({"fuzz/a.c": LICENCE + "\n\tint x;\n"}, "tab"),
    "blanks at the end": ({"bench/a.c": LICENCE + "\nint x; \n"}, "blanks at the end"),
    "cleanup of what is not set": ({"host/api/a.c": LICENCE + "\nCF_AUTO(x_free)\nx_type *x;\n"}, "x is cleaned up"),
    "cleanup of what is set": ({"host/api/a.c": LICENCE + "\nCF_AUTO(x_free) x_type x = {0};\nCF_AUTO(k_wipe) key k;\n"}, None),
    "a long table is no function": ({"core/base/a.c": LICENCE + "\nstatic const int t[] = {\n" + "    1,\n" * 200 + "};\n"}, None),
}

if __name__ == "__main__":
    if sys.argv[1] == "--self-test":
        sys.exit(self_test(os.path.abspath(__file__), CASES))
    sys.exit(check(sys.argv[1], "--list" in sys.argv[2:]))
