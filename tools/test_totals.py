#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts test cases over the JUnit files that CTest and pytest write. The cases of a cmocka program are counted one by one
from its output; a program that ends badly without a failed case counts as one failure more.
Usage: test_totals.py [--stage-failures N] LABEL=FILE... | --self-test.
Prints what the failed tests said, a row per file, the failures by name, and last of all the line "N passed, M failed".
Exit 1 if M > 0 or nothing ran."""
import os
import re
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

OUTPUT_LINES_MAX = 60
OUTPUT_COLUMNS_MAX = 300
OK = re.compile(r"^\[ +OK +\] ", re.M)
# "[  FAILED  ] name" follows each failed case; the list at the end repeats them after "N test(s), listed below:".
FAILED = re.compile(r"^\[  FAILED  \] (?!\d+ test\(s\))(\S+)", re.M)
LISTED = re.compile(r"^\[  FAILED  \] \d+ test\(s\), listed below:.*", re.M | re.S)


def count_case(case):
    """(passed, skipped, names of the failures) of one <testcase>."""
    name = "/".join(filter(None, (case.get("classname"), case.get("name")))) if case.get("classname") != case.get("name") else case.get("name")
    output = "".join(case.itertext())
    broken = case.get("status") == "fail" or case.find("failure") is not None or case.find("error") is not None
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        # A test that CTest could not start is not one that was left out on purpose.
        missing = "Unable to find executable" in output or "NOT_AVAILABLE" in output
        return (0, 0, [name + " (did not start)"]) if missing else (0, 1, [])
    passed = len(OK.findall(output))
    # Several groups may run in one program, each with its own list at the end.
    failed = []
    for part in re.split(r"^\[==========\] Running ", output, flags=re.M):
        failed += FAILED.findall(LISTED.sub("", part))
    if passed + len(failed) == 0:
        return (0, 0, [name]) if broken else (1, 0, [])
    names = [f"{name}: {case_name}" for case_name in failed]
    if broken and not failed:
        names.append(f"{name} (ended badly after {passed} cases)")
    return passed, 0, names


def show_output(label, case):
    """What a failed test said, without its passed cases; the end of it, where it is long."""
    lines = [line for line in "".join(case.itertext()).split("\n") if line.strip() and not re.match(r"^\[ (?:RUN     |      OK) ", line)]
    print(f"--- {label}: {case.get('name')}")
    if len(lines) > OUTPUT_LINES_MAX:
        print(f"    ... {len(lines) - OUTPUT_LINES_MAX} lines before")
    for line in lines[-OUTPUT_LINES_MAX:]:
        print(f"    {line[:OUTPUT_COLUMNS_MAX]}")


def skip_reason(case):
    """What pytest tells of a test that was left out."""
    skipped = case.find("skipped")
    return " ".join((skipped.get("message") or "").split())[:OUTPUT_COLUMNS_MAX] if skipped is not None else ""


def count_file(label, path):
    """(passed, {reason: skipped}, names of the failures) of one file."""
    if not os.path.exists(path):
        return 0, {}, ["no results"]
    try:
        cases = ElementTree.parse(path).getroot().iter("testcase")
    except ElementTree.ParseError as error:
        return 0, {}, [f"results cannot be read: {error}"]
    passed, skipped, failures = 0, {}, []
    for case in cases:
        more, left_out, names = count_case(case)
        passed += more
        if left_out:
            skipped[skip_reason(case)] = skipped.get(skip_reason(case), 0) + left_out
        failures += names
        if names:
            show_output(label, case)
    return passed, skipped, failures


def totals(arguments):
    total, total_failed, rows = 0, 0, []
    if arguments[:1] == ["--stage-failures"]:
        total_failed = int(arguments[1])
        arguments = arguments[2:]
    for argument in arguments:
        label, _, path = argument.partition("=")
        passed, skipped, failures = count_file(label, path)
        rows.append(f"  {label:24} {passed:6} passed {len(failures):4} failed {sum(skipped.values()):4} skipped")
        rows += [f"    SKIPPED {n}: {reason}" for reason, n in sorted(skipped.items()) if reason]
        rows += [f"    FAILED {name}" for name in failures]
        total += passed
        total_failed += len(failures)
    print("\n".join(rows))
    print(f"{total} passed, {total_failed} failed")
    return 0 if total > 0 and total_failed == 0 else 1


CMOCKA = ("[==========] Running 3 test(s).\n[ RUN      ] a\n[       OK ] a\n[ RUN      ] b\n[  ERROR   ] --- 1 != 2\n[   LINE   ] --- x.c:1\n"
          "[  FAILED  ] b\n[ RUN      ] c\n[       OK ] c\n[==========] 3 test(s) run.\n[  PASSED  ] 2 test(s).\n"
          "[  FAILED  ] 1 test(s), listed below:\n[  FAILED  ] b\n\n 1 FAILED TEST(S)\n")
RUN = '<testsuite><testcase name="t" classname="t" status="run"><system-out>{}</system-out></testcase></testsuite>'
FAIL = ('<testsuite><testcase name="t" classname="t" status="fail"><failure message=""/><system-out>{}</system-out></testcase></testsuite>')
CASES = (
    ("cmocka cases are counted", FAIL.format(CMOCKA), "2 passed, 1 failed", 1),
    ("two groups in one program", RUN.format("[==========] Running 1 test(s).\n[       OK ] a\n" * 2), "2 passed, 0 failed", 0),
    ("a plain test", RUN.format("fine"), "1 passed, 0 failed", 0),
    ("a plain test that fails", FAIL.format("bad"), "0 passed, 1 failed", 1),
    ("a crash after some cases", FAIL.format("[ RUN      ] a\n[       OK ] a\n[ RUN      ] b\n"), "1 passed, 1 failed", 1),
    ("nothing ran", "<testsuite></testsuite>", "0 passed, 0 failed", 1),
    ("skipped is not passed", '<testsuite><testcase name="a" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase></testsuite>',
     "0 passed, 0 failed", 1),
    ("not built", '<testsuite><testcase name="a" status="notrun"><skipped message=""/><system-out>Unable to find executable: x</system-out>'
                  '</testcase></testsuite>', "0 passed, 1 failed", 1),
    ("pytest", '<testsuites><testsuite><testcase classname="m" name="a"/><testcase classname="m" name="b"><failure>x</failure></testcase>'
               '<testcase classname="m" name="c"><skipped/></testcase></testsuite></testsuites>', "1 passed, 1 failed", 1),
    ("broken file", "<testsuite>", "0 passed, 1 failed", 1),
)


def self_test():
    failed = 0
    for name, text, expected, status in CASES:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "r.xml")
            with open(path, "w", encoding="utf8") as file:
                file.write(text)
            stream = os.popen(f"{sys.executable} {os.path.abspath(__file__)} x={path}")
            output = stream.read()
            code = (stream.close() or 0) >> 8
        good = output.rstrip("\n").split("\n")[-1] == expected and code == status
        failed += not good
        print(f"{'ok' if good else 'NOT OK'}: {name}" + ("" if good else f"\n{output}"))
    print(f"test_totals.py --self-test: {len(CASES) - failed} of {len(CASES)} cases hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(self_test() if sys.argv[1:] == ["--self-test"] else totals(sys.argv[1:]))
