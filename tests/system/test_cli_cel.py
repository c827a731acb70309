# SPDX-License-Identifier: Apache-2.0
"""coffer cel: eval, check and conformance (docs/cli.md); the language itself is tested in tests/unit/core/cel."""
import json
import time

import pytest
from programs import ROOT, coffer

VECTORS = ROOT / "tests/vectors/cel"
PERSON = {"ssn9": "900123456", "names": ["Ada", "Grace"], "secret": "hunter2-not-to-be-shown", "n": 5}


@pytest.fixture
def person(tmp_path):
    path = tmp_path / "person.json"
    path.write_text(json.dumps(PERSON))
    return path


def rows(tmp_path, *lines):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


# --- eval

@pytest.mark.parametrize("expression, result", [
    ("1 + 2", "3"), ('"a" + "b"', '"ab"'), ("1.0", "1.0"), ("-1", "-1"), ("null", "null"), ("[1, {'a': 2u}]", '[1,{"a":2}]'),
    ("9007199254740993", '"9007199254740993"'), ("0.0 / 0.0", '"NaN"'), ("b'abc'", '"YWJj"'), ("timestamp(0)", '"1970-01-01T00:00:00Z"'),
    ("optional.none()", "null"), ("'\\u0085\\u007f\\u001b\\u00e9'", '"\\u0085\\u007f\\u001b\u00e9"'),
    ("mask(ssn9, 4)", '"*****3456"'), ("age(date('2000-01-01')) >= 25", "true"),
    ('"***-**-" + ssn9.substring(5)', '"***-**-3456"'), ("names.filter(x, x.size() > n - 2)", '["Grace"]'), ("n + 1", "6")])
def test_eval(person, expression, result):
    run = coffer("cel", "eval", "--bindings", person, "--", expression, check=0)
    assert (run.stdout, run.stderr) == (result + "\n", "")
    assert coffer("cel", "eval", "--json", "--unchecked", "--bindings", person, "--", expression, check=0).stdout == result + "\n"


def test_eval_reads_files_and_standard_input(tmp_path, person):
    source = tmp_path / "rule.cel"
    source.write_text("// how many\nnames.size()\n")
    assert coffer("cel", "eval", "--file", source, "--bindings", person, check=0).stdout == "2\n"
    assert coffer("cel", "eval", "--file", "-", "--bindings", person, stdin="names[0]", check=0).stdout == '"Ada"\n'
    assert coffer("cel", "eval", "a.b", "--bindings", "-", stdin='{"a": {"b": [true]}}', check=0).stdout == "[true]\n"


@pytest.mark.parametrize("expression, first, options", [
    ("1 +", "error: cel_syntax at line 1, column 4 (offset 3): ", []),
    ("1 / 0", "error: cel_divide_by_zero at line 1, column 3 (offset 2): ", []),
    ("'é' +\n\n  nosuch", "error: cel_unknown_name at line 3, column 3 (offset 10): ", []),
    ("1 + 'a'", "error: cel_no_overload at line 1, column 3 (offset 2): ", []),
    ("1 + 'a'", "error: cel_no_overload at line 1, column 3 (offset 2): ", ["--unchecked"]),
    ("secret + 1", "error: cel_no_overload at line 1, column 8 (offset 7): ", []),
    ("{'a': 1}.b", "error: cel_no_such_field at line 1, column 10 (offset 9): ", []),
    ("int(secret)", "error: cel_conversion at line 1, column 1 (offset 0): ", []),
    ("'a'.matches('(')", "error: bad_pattern at line 1, column 5 (offset 4): ", []),
    ("hmac_sha256('a', 'k')", "error: ", []),
    ("type(1)", "error: cel_conversion: the result has no form in JSON", []),
    ("{1: secret}", "error: cel_conversion: the result has no form in JSON", []),
    ("(" * 300, "error: budget_exceeded at line 1, column 251 (offset 250): ", []),
])
def test_eval_errors(person, expression, first, options):
    run = coffer("cel", "eval", "--bindings", person, *options, "--", expression, check=1)
    assert run.stdout == "" and run.stderr.startswith(first), run.stderr
    assert PERSON["secret"] not in run.stderr and PERSON["ssn9"] not in run.stderr


def test_eval_shows_the_place():
    run = coffer("cel", "eval", "'a' +\n\t'é' + nosuch +\n'b'", check=1)
    assert run.stderr.split("\n")[1:] == ["   'é' + nosuch +", "         ^", ""]
    far = coffer("cel", "eval", "1" + " + 1" * 200 + " + nosuch" + " + 1" * 200, check=1).stderr.split("\n")
    assert far[1].startswith("  ...") and len(far[1]) <= 110 and far[1][far[2].index("^"):].startswith("nosuch")
    odd = coffer("cel", "eval", "--file", "-", stdin=b"'\x1b[31m' + \x9b \xff", check=1)
    assert b"\x1b" not in odd.stderr and b"\x9b" not in odd.stderr and b"not_utf8" in odd.stderr


@pytest.mark.parametrize("words", [
    ["eval"], ["eval", "1", "2"], ["eval", "1", "--file", "x"], ["eval", "--file", "missing.cel"], ["eval", "1", "--bindings", "missing.json"],
    ["eval", "1", "--types", "x"], ["eval", "1", "--types", "x: list("], ["eval", "1", "--types", "1x: int"], ["eval", "1", "--nonsense"],
    ["eval", "1", "--types", "x: int; x: int"], ["check"], ["conformance"], ["conformance", "missing.jsonl"], ["conformance", *"x" * 17]])
def test_wrong_use(tmp_path, words):
    run = coffer("cel", *words, cwd=tmp_path, check=2)
    assert run.stdout == "" and run.stderr.startswith("coffer: ")


@pytest.mark.parametrize("bindings", ["", "[1]", "{", '{"a": 1, "a": 2}', '{"a b": 1}', '{"a": 1} x', '{"a": 1e999}'])
def test_bad_bindings(tmp_path, bindings):
    run = coffer("cel", "eval", "1", "--bindings", "-", stdin=bindings, check=1)
    assert run.stdout == "" and run.stderr.startswith("coffer: ") and "bindings" in run.stderr and run.stderr.count("\n") == 1


# --- check

@pytest.mark.parametrize("expression, types, result", [
    ("1", None, "int"), ("[1, 'a']", None, "list(dyn)"), ("names.map(n, n.size())", "names: list(string)", "list(int)"),
    ("x + y", "x: int; y: int", "int"), (" m.?a ", "m: map(string, google.protobuf.Timestamp)", "optional_type(google.protobuf.Timestamp)")])
def test_check(expression, types, result):
    words = ["cel", "check", expression, *(["--types", types] if types else [])]
    assert coffer(*words, check=0).stdout == result + "\n"
    assert json.loads(coffer(*words, "--json", check=0).stdout) == {"type": result}


def test_check_refuses(person):
    assert coffer("cel", "check", "x + 'a'", "--types", "x: int", check=1).stderr.startswith("error: cel_no_overload at line 1, column 3")
    assert coffer("cel", "check", "x", check=1).stderr.startswith("error: cel_unknown_name")
    assert coffer("cel", "check", "n", "--bindings", person, check=0).stdout == "dyn\n"
    assert coffer("cel", "check", "1 / 0 == n", "--bindings", person, "--types", "n: int", check=0).stdout == "bool\n"


# --- conformance

def test_conformance_of_the_suites():
    run = coffer("cel", "conformance", VECTORS / "conformance.jsonl", check=0)
    assert run.stdout == "1043 passed, 0 failed\n" and run.stderr == ""
    own = coffer("cel", "conformance", VECTORS / "own.jsonl", check=0)
    assert own.stdout == "%d passed, 0 failed\n" % (VECTORS / "own.jsonl").read_bytes().count(b"\n")
    both = coffer("cel", "conformance", VECTORS / "conformance.jsonl", VECTORS / "own.jsonl", "--json", check=0)
    assert json.loads(both.stdout)["passed"] > 1543 and json.loads(both.stdout)["failures"] == []


ROW = {"expr": "1", "expect": {"value": {"int": "1"}}}


@pytest.mark.parametrize("change", [
    {"expect": {"value": {"int": "2"}}}, {"expect": {"value": {"uint": "1"}}}, {"expect": {"value": {"double": 1}}}, {"expect": {"error": []}},
    {"expect": {"value": {"string": "1"}}}, {"expect": {"typed_result": {"value": {"int": "1"}, "type": "uint"}}}, {"expect": {}},
    {"expect": {"value": {"object": {}}}}, {"expect": {"value": {"int": 1}}}, {"expr": 1}, {"expr": "1 +"}, {"expr": "[1]"}, {"expr": "1 / 0"},
    {"expr": "x", "bindings": {"x": {"int": "2"}}}, {"expr": "[1].map(x, x)[0]", "disable_macros": True},
    {"expr": "1 == 1.0 ? 1 : 2"}, {"expr": "y", "container": "x", "bindings": {"y": {"int": "1"}, "x.y": {"int": "2"}}},
    {"expr": "1 / 0", "expect": {"error": [], "code": "cel_syntax"}}, {"expr": "1 / 0", "expect": {"error": [], "offset": 0}},
    {"expr": "[1].map(x, x)[0]", "budget": {"steps": 1}}, {"type_env": [{"name": "x", "type": "list("}]}, {"bindings": {"x": {"int": "a"}}},
    {"expr": "0.0", "expect": {"value": {"double": -0.0}}}, {"expr": "{'a': 1}", "expect": {"value": {"map": [[{"string": "a"}, {"uint": "1"}]]}}},
    {"expr": "[1, 2]", "expect": {"value": {"list": [{"int": "2"}, {"int": "1"}]}}},
])
def test_conformance_fails(tmp_path, change):
    bad = {"id": "the/row/id", **ROW, **change}
    run = coffer("cel", "conformance", rows(tmp_path, {"id": "good", **ROW}, bad), check=1)
    lines = run.stdout.splitlines()
    assert lines[0] == "FAIL the/row/id" and lines[-1] == "1 passed, 1 failed" and "good" not in run.stdout
    told = json.loads(coffer("cel", "conformance", tmp_path / "rows.jsonl", "--json", check=1).stdout)
    assert told == {"passed": 1, "failed": 1, "skipped": 0, "failures": ["the/row/id"]}


@pytest.mark.parametrize("change", [
    {"expr": "1 == 1.0 ? 1 : 2", "disable_check": True}, {"expr": "f(1)", "expect": {"typed_result": {"type": "string"}}, "check_only": True,
     "type_env": [{"name": "f", "function": [{"overload_id": "f_int", "member": False, "params": ["int"], "result": "string"}]}]},
    {"expr": "x + 1", "bindings": {"x": {"int": "0"}}, "type_env": [{"name": "x", "type": "int"}]},
    {"expr": "x", "type_env": [{"name": "x", "type": "int"}], "expect": {"error": []}},
    {"expr": "1 / 0", "expect": {"error": [], "code": "cel_divide_by_zero", "offset": 2}},
    {"expr": "0.0 / 0.0", "expect": {"value": {"double": "NaN"}}}, {"expr": "{1: 2, 3: 4}", "expect": {"value": {"map": [
        [{"int": "3"}, {"int": "4"}], [{"int": "1"}, {"int": "2"}]]}}},
    {"expr": "'a\\000b'", "expect": {"value": {"string": "a\0b"}}},
    {"expr": "duration('-1.5s')", "expect": {"value": {"duration": {"seconds": "-1", "nanos": -500000000}}}}])
def test_conformance_passes(tmp_path, change):
    assert coffer("cel", "conformance", rows(tmp_path, {"id": "a", **ROW, **change}), check=0).stdout == "1 passed, 0 failed\n"


def test_conformance_skips_what_needs_protobuf(tmp_path):
    file = rows(tmp_path, {"id": "a", **ROW}, {"id": "b", "expr": "A{}", "proto": True, "expect": {"value": {"object": {}}}}, "", " \t")
    assert coffer("cel", "conformance", file, check=0).stdout == "1 skipped: they need protobuf messages\n1 passed, 0 failed\n"
    file = rows(tmp_path, "{", {"id": "a", **ROW}, '"x"')
    run = coffer("cel", "conformance", file, check=1)
    assert run.stdout.splitlines()[0] == "FAIL line 1" and run.stdout.endswith("1 passed, 2 failed\n")
    assert coffer("cel", "conformance", rows(tmp_path, ""), check=1).stdout == "0 passed, 0 failed\n"


# --- hostile input; the engine's own tests are in tests/unit/core/cel/hostile_test.c

@pytest.mark.parametrize("source", ["(" * 10_000_000, "[" * 10_000_000, "1" + "+1" * 100_000, "true" + "&&true" * 100_000, "!" * 10_000_000,
                                    "a" + ".b" * 5_000_000, "'" + "a" * 10_000_000])
def test_large_sources_end_at_once(tmp_path, source):
    file = tmp_path / "source.cel"
    file.write_text(source)
    start = time.monotonic()
    run = coffer("cel", "eval", "--file", file, check=1)
    assert run.stdout == "" and run.stderr.startswith("error: budget_exceeded at line 1, column ") and "(source_bytes)" in run.stderr
    assert len(run.stderr) < 1000 and time.monotonic() - start < 5
