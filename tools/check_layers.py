#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares every #include with LAYERS. Usage: check_layers.py ROOT | --self-test. Exit 1 and one line per breach."""
import fnmatch
import os
import re
import sys

from cf_tool import RINGS, blank_comments, c_files, read, report, self_test

# What pure code may take from libc: types, limits, and functions that only touch the memory they are given.
PURE_LIBC = {"assert.h", "inttypes.h", "limits.h", "math.h", "stdalign.h", "stdarg.h", "stdbool.h", "stddef.h", "stdint.h",
             "stdlib.h", "string.h"}
# stdlib.h is allowed for malloc and free; of its other functions these reach beyond memory.
PURE_BANNED = re.compile(r"\b(getenv|secure_getenv|setenv|putenv|exit|_Exit|quick_exit|atexit|abort|system|rand|srand|random"
                         r"|srandom|arc4random\w*|mkstemp|mkdtemp|realpath|getrandom)\s*\(")
# Which ring may reach which, whatever LAYERS says: the two programs never meet.
RING_MAY = {"core": {"core"}, "sys": {"core", "sys"}, "enclave": {"core", "sys", "enclave"},
            "host": {"core", "sys", "host"}}


def ring(component):
    return component.split("/")[0]


def load(root):
    """Returns ({component: (pure, components it may include, header patterns)}, breaches of the file itself)."""
    table, bad = {}, []
    for number, line in enumerate(read(root, "LAYERS").split("\n"), 1):
        line = line.split("#")[0]
        left, _, headers = line.partition("|")
        words = left.split()
        if not words:
            continue
        where = f"LAYERS:{number}"
        if len(words) < 3 or words[1] not in ("yes", "no") or ring(words[0]) not in RINGS or words[0].count("/") != 1:
            bad.append(f"{where}: a row is: ring/component yes|no components... [| headers...]")
            continue
        name, pure, dependencies = words[0], words[1] == "yes", [d for d in words[2:] if d != "-"]
        if name in table:
            bad.append(f"{where}: {name} has two rows")
        if ring(name) == "core" and not pure:
            bad.append(f"{where}: {name} is in core/, which is pure")
        for dependency in dependencies:
            if dependency not in table:
                bad.append(f"{where}: {name} names {dependency}, which is not an earlier row")
            elif ring(dependency) not in RING_MAY[ring(name)]:
                bad.append(f"{where}: ring rule: {name} may not reach {dependency}")
            elif pure and not table[dependency][0]:
                bad.append(f"{where}: {name} is pure and may not reach {dependency}, which is not")
        table[name] = (pure, set(dependencies) | {name}, headers.split())
    return table, bad


def check_include(path, number, component, quoted, header, table, claimed):
    pure, may, own_headers = table[component]
    where = f"{path}:{number}"
    if quoted:
        target = "/".join(header.split("/")[:2])
        if target not in may:
            return f"{where}: {component} may not include {header}"
        if header.endswith("_priv.h") and target != component:
            return f"{where}: {header} is private to {target}"
        return None
    if any(fnmatch.fnmatchcase(header, pattern) for pattern in own_headers):
        return None
    if any(fnmatch.fnmatchcase(header, pattern) for pattern in claimed):
        return f"{where}: <{header}> belongs to other components (see LAYERS)"
    if pure and header not in PURE_LIBC:
        return f"{where}: {component} is pure, and <{header}> is not in its list"
    return None


def check(root):
    table, bad = load(root)
    claimed = {pattern for row in table.values() for pattern in row[2]}
    files = c_files(root)
    for path in files:
        component = "/".join(path.split("/")[:2])
        if component not in table:
            bad.append(f"{path}: component {component} has no row in LAYERS")
            continue
        text = blank_comments(read(root, path))
        for number, line in enumerate(text.split("\n"), 1):
            match = re.match(r'\s*#\s*include\s*(\S.*)', line)
            if match:
                form = re.match(r'(["<])([^">]+)[">]\s*$', match[1])
                if not form:
                    bad.append(f"{path}:{number}: an include names its header literally")
                    continue
                breach = check_include(path, number, component, form[1] == '"', form[2], table, claimed)
                if breach:
                    bad.append(breach)
            elif table[component][0]:
                call = PURE_BANNED.search(line)
                if call:
                    bad.append(f"{path}:{number}: {component} is pure and may not call {call[1]}")
    return report("layers", bad, f"{len(table)} components, {len(files)} files clean")


LAYERS = """core/base yes -
core/codec yes core/base | cbor.h cbor/*
core/wire yes core/base
sys/linux no core/base
enclave/app no core/base core/wire sys/linux
host/agent no core/base core/wire sys/linux
"""
CASES = {
    "clean tree": ({"LAYERS": LAYERS, "core/base/view.h": "#include <stdint.h>\n",
                    "core/codec/a.c": '#include "core/base/view.h"\n#include <cbor.h>\n#include <cbor/data.h>\n',
                    "sys/linux/a.c": "#include <sys/socket.h>\n",
                    "enclave/app/a.c": '/* #include "host/agent/a.h" */\n#include "sys/linux/a.h"\n'}, None),
    "include upwards": ({"LAYERS": LAYERS, "core/base/a.c": '#include "core/codec/a.h"\n'}, "may not include core/codec"),
    "enclave includes host": ({"LAYERS": LAYERS, "enclave/app/a.c": '#include "host/agent/a.h"\n'}, "host/agent/a.h"),
    "host includes enclave": ({"LAYERS": LAYERS, "host/agent/a.c": '# include "enclave/app/a.h"\n'}, "enclave/app/a.h"),
    "row reaches the other program": ({"LAYERS": LAYERS + "host/api no enclave/app\n"}, "ring rule"),
    "row names a later row": ({"LAYERS": "core/a yes core/b\ncore/b yes -\n"}, "not an earlier row"),
    "core row not pure": ({"LAYERS": "core/a no -\n"}, "which is pure"),
    "pure code takes a socket": ({"LAYERS": LAYERS, "core/base/a.c": "#include <sys/socket.h>\n"}, "is pure"),
    "pure code reads the clock": ({"LAYERS": LAYERS, "core/base/a.h": "#include <time.h>\n"}, "is pure"),
    "pure code reads the environment": ({"LAYERS": LAYERS, "core/base/a.c": 'x = getenv("A");\n'}, "may not call getenv"),
    "another's library": ({"LAYERS": LAYERS, "host/agent/a.c": "#include <cbor.h>\n"}, "belongs to other components"),
    "private header": ({"LAYERS": LAYERS, "core/wire/a.c": '#include "core/base/x_priv.h"\n'}, "is private to core/base"),
    "component without a row": ({"LAYERS": LAYERS, "core/new/a.c": "\n"}, "has no row"),
    "include by macro": ({"LAYERS": LAYERS, "core/base/a.c": "#include HEADER\n"}, "names its header literally"),
    "row without its columns": ({"LAYERS": "core/a yes\n"}, "a row is"),
}

if __name__ == "__main__":
    if sys.argv[1] == "--self-test":
        sys.exit(self_test(os.path.abspath(__file__), CASES))
    sys.exit(check(sys.argv[1]))
