#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""core/ keeps no state: fails if a core archive defines a writable data symbol.
Usage: check_pure_data.py LIB_DIR [EXCEPTIONS] | --self-test. A line of EXCEPTIONS: archive symbol, and why after a #."""
import glob
import os
import subprocess
import sys

from cf_tool import report, self_test

# Sections that a running program can write. .data.rel.ro is not among them: it holds const tables with pointers, which the
# loader fills before RELRO makes them read-only.
WRITABLE = (".data", ".bss", ".tdata", ".tbss", ".ldata", ".lbss", "*COM*")


def writable(section):
    return section.startswith(WRITABLE) and not section.startswith(".data.rel.ro")


def symbols(archive):
    """Yields (symbol, section) of the data symbols that the archive defines."""
    table = subprocess.run(["objdump", "-t", archive], check=True, capture_output=True, text=True).stdout
    for line in table.split("\n"):
        # value flags section <tab> size name; the flags field is seven characters wide
        head, tab, tail = line.partition("\t")
        if not tab or len(head) < 26:
            continue
        section, flags, name = head.split()[-1], head[17:24], tail.split()[-1]
        if "d" not in flags and "f" not in flags:
            yield name, section


def check(lib_dir, exceptions_path=None):
    archives = sorted(glob.glob(os.path.join(lib_dir, "libcore_*.a")))
    allowed = set()
    if exceptions_path:
        with open(exceptions_path, encoding="utf8") as file:
            allowed = {tuple(line.split("#")[0].split()) for line in file if line.split("#")[0].strip()}
    found = {(os.path.basename(a), s) for a in archives for s, section in symbols(a) if writable(section)}
    bad = [f"{archive}: {symbol} is writable data in core/" for archive, symbol in sorted(found - allowed)]
    bad += [f"{exceptions_path}: {' '.join(row)} is no longer needed" for row in sorted(allowed - found)]
    if not archives:
        bad.append(f"no core archive in {lib_dir}")
    return report("pure_data", bad, f"{len(archives)} core archives hold no writable data but {len(allowed)} exceptions")


CASES = {
    "constants and tables of pointers": ({"a.c": 'const int a = 1; static const char *const t[] = { "x", "y" };\n'
                                                 'const char *f(int i); const char *f(int i) { return t[i]; }\n'}, None),
    "a counter": ({"a.c": "static int n; int f(void); int f(void) { return n++; }\n"}, "n is writable data"),
    "an initialised global": ({"a.c": "int limit = 3;\n"}, "limit is writable data"),
    "thread-local state": ({"a.c": "_Thread_local int last;\n"}, "last is writable data"),
    "no archive": ({"readme": "\n"}, "no core archive"),
    "an exception": ({"a.c": "int hook;\n", "allowed": "libcore_a.a hook # why\n"}, None),
    "an exception nobody needs": ({"a.c": "const int hook = 1;\n", "allowed": "libcore_a.a hook\n"}, "no longer needed"),
}


def compile_case(root):
    source = os.path.join(root, "a.c")
    if os.path.exists(source):
        object_file = os.path.join(root, "a.o")
        subprocess.run(["cc", "-fPIC", "-c", source, "-o", object_file], check=True)
        subprocess.run(["ar", "rc", os.path.join(root, "libcore_a.a"), object_file], check=True)


def arguments(root):
    exceptions = os.path.join(root, "allowed")
    return [root, exceptions] if os.path.exists(exceptions) else [root]


if __name__ == "__main__":
    if sys.argv[1] == "--self-test":
        sys.exit(self_test(os.path.abspath(__file__), CASES, arguments, compile_case))
    sys.exit(check(*sys.argv[1:]))
