# SPDX-License-Identifier: Apache-2.0
"""Shared by the checks of this folder: walking the tree, reading C, and showing that a check can fail."""
import os
import re
import subprocess
import sys
import tempfile

RINGS = ("core", "sys", "enclave", "host")


def c_files(root, folders=RINGS, suffixes=(".c", ".h")):
    """Paths relative to root of the C files under the given folders, sorted."""
    found = []
    for folder in folders:
        for here, _, names in os.walk(os.path.join(root, folder)):
            for name in names:
                if name.endswith(suffixes):
                    found.append(os.path.relpath(os.path.join(here, name), root))
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf8") as file:
        return file.read()


def blank_comments(text, strings=False):
    """The text with comments (and, if asked, the insides of string and character literals) blanked; line numbers stay."""
    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''

    def blank(match):
        word = match[0]
        if word[0] == "/":
            return re.sub(r"[^\n]", " ", word)
        return word[0] + " " * (len(word) - 2) + word[0] if strings else word

    return re.sub(pattern, blank, text, flags=re.S)


def lines_of_code(text):
    """Lines that hold something other than blanks and comments."""
    return sum(1 for line in blank_comments(text).split("\n") if line.strip())


def report(name, bad, good):
    """Prints the breaches, or the sentence of success; returns the exit status."""
    for line in bad:
        print(line)
    print(f"{name}: {len(bad)} breaches" if bad else f"{name}: {good}")
    return 1 if bad else 0


def self_test(script, cases, arguments=lambda root: [root], prepare=None):
    """Runs the script on small trees. cases: name -> ({path: text}, expected words or None for a clean tree).
    A case holds when the exit status is right and every expected word is in the output."""
    failed = 0
    for name, (files, expected) in cases.items():
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                full = os.path.join(root, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf8") as file:
                    file.write(text)
            if prepare:
                prepare(root)
            run = subprocess.run([sys.executable, script, *arguments(root)], capture_output=True, text=True)
        wanted = 0 if expected is None else 1
        words = [] if expected is None else [expected] if isinstance(expected, str) else expected
        good = run.returncode == wanted and all(word in run.stdout + run.stderr for word in words)
        print(f"{'ok' if good else 'NOT OK'}: {name}")
        if not good:
            failed += 1
            print(f"  exit {run.returncode}, wanted {wanted} with {words}\n  {run.stdout}{run.stderr}")
    print(f"{os.path.basename(script)} --self-test: {len(cases) - failed} of {len(cases)} cases hold")
    return 1 if failed else 0
