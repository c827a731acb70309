#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares docs/limits.md with the code, both ways: a constant in the document exists in the code and has the value that the
document tells, and every CF_..._MAX and CF_..._TIMEOUT_MS of the code is in the document.
A row of the document: | `CF_NAME` | value | ... |; the value is compared when both sides are numbers.
Usage: check_limits.py ROOT | --self-test. Exit 1 and one line per breach."""
import ast
import operator
import os
import re
import sys

from cf_tool import blank_comments, c_files, read, report, self_test

DOCUMENT = "docs/limits.md"
MUST_BE_LISTED = re.compile(r"CF_\w+_(?:MAX|TIMEOUT_MS)$")
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.LShift: operator.lshift,
             ast.FloorDiv: operator.floordiv}


def constants(root):
    """Name -> expression of every #define without arguments and every enum member with a value."""
    found = {}
    for path in c_files(root):
        text = blank_comments(read(root, path)).replace("\\\n", " ")
        for match in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(CF_\w+)(?!\w|\()[ \t]*(.*)$", text, re.M):
            found[match[1]] = match[2]
        for match in re.finditer(r"(?<![\w#])(CF_[A-Z0-9_]+)\s*=\s*([^,{}=;]+)(?=[,}])", text):
            found.setdefault(match[1], match[2])
    return found


def value_of(expression, table, depth=8):
    """The number that a constant expression of sums, products and shifts has, or None."""
    text = re.sub(r"\b(0[xX][0-9a-fA-F]+|\d+)[uUlL]*\b", r"\1", expression)
    text = re.sub(r"\((?:u?int\d+_t|size_t|unsigned|int)\)|U?INT\d+_C", "", text).replace("/", "//").strip()

    def walk(node):
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return node.value
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            left, right = walk(node.left), walk(node.right)
            return None if left is None or right is None else OPERATORS[type(node.op)](left, right)
        if isinstance(node, ast.Name) and node.id in table and depth > 0:
            return value_of(table[node.id], table, depth - 1)
        return None

    try:
        return walk(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError):
        return None


def documented(root):
    """Yields (line number, name, number in the value column or None)."""
    for number, line in enumerate(read(root, DOCUMENT).split("\n"), 1):
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) < 4 or not line.startswith("|"):
            continue
        name = re.fullmatch(r"`(CF_\w+)`", cells[1])
        if name:
            digits = re.match(r"`?(0x[0-9a-fA-F]+|\d[\d_, \u202f]*)", cells[2])
            plain = re.sub(r"[_, \u202f]", "", digits[1]) if digits else None
            yield number, name[1], int(plain, 0) if plain and (plain.startswith("0x") or plain == "0" or plain[0] != "0") else None


def check(root):
    code, bad, seen = constants(root), [], {}
    if os.path.exists(os.path.join(root, DOCUMENT)):
        for number, name, told in documented(root):
            if name in seen:
                bad.append(f"{DOCUMENT}:{number}: {name} is listed twice")
            seen[name] = told
            if name not in code:
                bad.append(f"{DOCUMENT}:{number}: {name} is not in the code")
                continue
            real = value_of(code[name], code)
            if told is not None and real is not None and told != real:
                bad.append(f"{DOCUMENT}:{number}: {name} is {real} in the code, {told} in the document")
    else:
        bad.append(f"{DOCUMENT} is missing")
    bad += [f"{name} is not in {DOCUMENT}" for name in sorted(code) if MUST_BE_LISTED.match(name) and name not in seen]
    return report("limits", bad, f"{len(seen)} constants agree with the code")


ROW = "| name | value | why |\n|---|---|---|\n"
CASES = {
    "clean tree": ({"core/a/a.h": "#define CF_A_MAX 8\nenum { CF_B_MAX = 64 * 1024, CF_C = 1u << 20 };\n#define CF_D_MAX (CF_A_MAX * 2)\n",
                    DOCUMENT: ROW + "| `CF_A_MAX` | 8 | x |\n| `CF_B_MAX` | 65 536 bytes | x |\n| `CF_C` | 1,048,576 | x |\n"
                                    "| `CF_D_MAX` | 16 | x |\n"}, None),
    "not in the code": ({DOCUMENT: ROW + "| `CF_A_MAX` | 8 | x |\n"}, "CF_A_MAX is not in the code"),
    "only in a comment": ({"core/a/a.h": "/* #define CF_A_MAX 8 */\n", DOCUMENT: ROW + "| `CF_A_MAX` | 8 | x |\n"}, "not in the code"),
    "other value": ({"core/a/a.h": "#define CF_A_MAX 9\n", DOCUMENT: ROW + "| `CF_A_MAX` | 8 | x |\n"}, "is 9 in the code"),
    "other value in arithmetic": ({"core/a/a.h": "#define CF_A_MAX (2 * 4 + 1)\n", DOCUMENT: ROW + "| `CF_A_MAX` | 8 | x |\n"}, "is 9 in"),
    "not in the document": ({"core/a/a.h": "#define CF_A_MAX 9\n", DOCUMENT: "# Limits\n"}, "CF_A_MAX is not in docs"),
    "listed twice": ({"core/a/a.h": "#define CF_A_MAX 9\n", DOCUMENT: ROW + "| `CF_A_MAX` | 9 | x |\n" * 2}, "listed twice"),
    "no document": ({"core/a/a.h": "\n"}, "is missing"),
}

if __name__ == "__main__":
    if sys.argv[1] == "--self-test":
        sys.exit(self_test(os.path.abspath(__file__), CASES))
    sys.exit(check(sys.argv[1]))
