# SPDX-License-Identifier: Apache-2.0
"""Expressions in a decrypt, over the real stack: what they see and give, what is never told, who may, what stays in the log, secrets."""
import base64
import concurrent.futures
import datetime
import hashlib
import itertools
import json
import subprocess
import time

import cbor2
import pytest

from programs import BIN, environment, wait_for
from stack import Stack, UnixConnection, call
from test_api import refused

ADA = {"first_name": "Ada", "last_name": "Löwe", "email": "ada@example.org", "ssn9": "123456789", "city": "London", "dob": "1990-06-15"}
CANARY = itertools.count(47110)


def evaluate(stack, vault, expressions, *fields, **more):
    """expressions: pairs, in order. The answer to a decrypt of fields and them; without fields, results only."""
    token = more.pop("token", None)
    body = {"reason": "test", "expressions": dict(expressions), **more}
    body.update({"fields": list(fields)} if fields else {"results_only": True})
    return stack.request("POST", f"/v1/vaults/{vault}/decrypt", body, token=token)


def results(stack, vault, *expressions):
    answer = evaluate(stack, vault, expressions)
    assert answer.status == 200 and answer.json["errors"] == [], answer
    assert list(answer.json["data"]) == [name for name, _ in expressions]
    return answer.json["data"]


def planted(stack, *names):
    """A vault whose fields of these names are found wherever they should not be."""
    values = {name: stack.plant(f"Cänary-{next(CANARY)}-{name}") for name in names}
    return stack.create(values), values


@pytest.fixture(scope="module")
def ada(stack):
    return stack.create(ADA)


# --- what they see and give

def test_values(stack, ada):
    given = [("zebra", "first_name + ' ' + last_name"), ("apple", "zebra.to_uppercase()"), ("list", "[apple.size(), middle_name]"),
             ("map", "{'n': 1.5, 'b': true, 'z': null}"), ("adult", "age(date(dob)) >= 18"), ("tail", "ssn9.mask(4)"),
             ("hash", "sha256(email)"), ("unset", "middle_name == null && is_empty(middle_name)"), ("now", "today_utc()"),
             ("matches", "email.matches('^[a-z]+@example[.]org$')"), ("big", "9007199254740993"), ("empty", "''")]
    before = time.time()
    answer = evaluate(stack, ada, given, "city", "email")
    assert answer.status == 200 and answer.json["errors"] == []
    today = datetime.datetime.fromtimestamp(answer.json["evaluated_ms"] / 1000, datetime.timezone.utc)
    assert before - 1 <= answer.json["evaluated_ms"] / 1000 <= time.time()
    assert list(answer.json["data"].items()) == [
        ("city", "London"), ("email", "ada@example.org"), ("zebra", "Ada Löwe"), ("apple", "ADA LÖWE"), ("list", [8, None]),
        ("map", {"n": 1.5, "b": True, "z": None}), ("adult", True), ("tail", "*****6789"),
        ("hash", hashlib.sha256(b"ada@example.org").hexdigest()), ("unset", True), ("now", f"{today:%Y-%m-%d}T00:00:00Z"),
        ("matches", True), ("big", "9007199254740993"), ("empty", "")]


def test_order_is_that_of_the_request(stack, ada):
    names = [f"e{i}" for i in range(100)]
    chain = [(name, "0" if i == 0 else f"e{i - 1} + 1") for i, name in enumerate(names)]
    assert list(results(stack, ada, *chain).values()) == list(range(100))
    answer = evaluate(stack, ada, chain[::-1])
    assert answer.json["data"] == {"e0": 0}  # each reads what comes later, which is no name yet
    assert {e["code"] for e in answer.json["errors"]} == {"cel_unknown_name"} and len(answer.json["errors"]) == 99


def test_unset_and_foreign_fields(stack):
    vault = stack.create({"city": "x"})
    assert results(stack, vault, ("a", "email == null"), ("b", "city == null"), ("c", "email == null ? 'none' : redact_email(email)")) == {
        "a": True, "b": False, "c": "none"}
    answer = evaluate(stack, vault, [("a", "nickname"), ("b", "id"), ("c", "_sk"), ("d", "email + 'x'")])
    assert answer.json["data"] == {}
    assert [(e["field"], e["code"], e["offset"]) for e in answer.json["errors"]] == [
        ("a", "cel_unknown_name", 0), ("b", "cel_unknown_name", 0), ("c", "cel_unknown_name", 0), ("d", "cel_no_overload", 6)]
    stack.delete(vault, {"delete_all": True})
    refused(evaluate(stack, vault, [("a", "1")]), 404, "vault_unknown")


# --- closed when it fails, and nothing told

def test_errors_have_places_and_no_values(stack):
    vault, values = planted(stack, "city", "state")
    failing = [("syntax", "city +"), ("names", "town"), ("types", "city + 1"), ("convert", "int(city)"), ("index", "[city][int(size(state)) + 1]"),
               ("key", "{'a': city}[state]"), ("zero", "size(city) / 0"), ("when", "date(city)"), ("pattern", "city.matches('(')"),
               ("made", "city.matches('(' + state)"), ("argument", "hex_decode(city)"), ("reads", "'x' + string(convert)"), ("whole", "state")]
    answer = evaluate(stack, vault, failing)
    body = answer.json
    assert answer.status == 200 and list(body["data"]) == ["whole"]
    assert [(e["field"], e["code"]) for e in body["errors"]] == [
        ("syntax", "cel_syntax"), ("names", "cel_unknown_name"), ("types", "cel_no_overload"), ("convert", "cel_conversion"), ("index", "cel_bad_index"),
        ("key", "cel_no_such_field"), ("zero", "cel_divide_by_zero"), ("when", "cel_bad_argument"), ("pattern", "bad_pattern"),
        ("made", "bad_pattern"), ("argument", "cel_bad_argument"), ("reads", "cel_input_failed")]
    assert all(set(e) == {"field", "code", "offset"} for e in body["errors"])
    assert values["city"].encode() not in answer.body and "Cänary" not in json.dumps(body["errors"], ensure_ascii=False)
    assert body["errors"][0]["offset"] == 6 and body["errors"][6]["offset"] == 11


def test_what_reads_a_failure_fails(stack, ada):
    answer = evaluate(stack, ada, [("bad", "1/0"), ("either", "true || bad == 1"), ("neither", "false ? bad : 2"), ("far", "either"), ("good", "3")])
    assert answer.json["data"] == {"good": 3}
    assert [(e["field"], e["code"]) for e in answer.json["errors"]] == [
        ("bad", "cel_divide_by_zero"), ("either", "cel_input_failed"), ("neither", "cel_input_failed"), ("far", "cel_input_failed")]


def test_a_field_that_does_not_open(fresh):
    vault = fresh.create({**ADA, "state": "X"})
    row = cbor2.loads(fresh.row(vault)[0])
    for field in row[12]:
        if field[0] == "email":
            field[4] = field[4][:-1] + bytes([field[4][-1] ^ 1])
    fresh.put_row(vault, cbor2.dumps(row, canonical=True))
    # the seal tells, before anything is opened
    refused(evaluate(fresh, vault, [("a", "email")]), 500, "row_altered")
    refused(evaluate(fresh, vault, [("a", "city")], "city"), 500, "row_altered")


def test_a_field_that_the_enclave_cannot_open(tmp_path):
    """The same with a program that does not look at the seal: what reads the field fails, and nothing else."""
    with Stack(tmp_path, api="coffer-api-unsealed") as s:
        vault = s.create({"city": s.plant("Cänary-4711"), "state": "X"})
        row = cbor2.loads(s.row(vault)[0])
        for field in row[12]:
            if field[0] == "city":
                field[4] = field[4][:-1] + bytes([field[4][-1] ^ 1])
        s.put_row(vault, cbor2.dumps(row, canonical=True))
        answer = evaluate(s, vault, [("a", "city"), ("b", "state == 'X' || city == ''"), ("c", "state")], "state")
        assert answer.json["data"] == {"state": "X", "c": "X"}
        assert [(e["field"], e["code"]) for e in answer.json["errors"]] == [("a", "cel_input_failed"), ("b", "cel_input_failed")]


def test_results_only(stack):
    vault, values = planted(stack, "city", "state", "address1")
    answers = [evaluate(stack, vault, [("n", "size(city) + size(state)"), ("h", "sha256(address1)")]),
               evaluate(stack, vault, [("n", "size(city)"), ("bad", "city + 1"), ("worse", "int(state)")]),
               stack.request("POST", f"/v1/vaults/{vault}/decrypt",
                             {"fields": ["city", "state"], "results_only": True, "reason": "r", "expressions": {"n": "size(address1)"}})]
    for answer in answers:
        assert answer.status == 200 and not set(answer.json["data"]) & set(values)
        assert not any(v.encode() in answer.body or base64.b64encode(v.encode())[:-4] in answer.body for v in values.values())
    assert answers[0].json["data"]["n"] == len(values["city"]) + len(values["state"])
    # some asked for and others read: only what was asked for is answered
    part = evaluate(stack, vault, [("n", "size(state)")], "city")
    assert part.json["data"] == {"city": values["city"], "n": len(values["state"])} and values["state"].encode() not in part.body


def test_an_expression_takes_the_place_of_a_field(stack):
    vault, values = planted(stack, "city", "state")
    answer = evaluate(stack, vault, [("city", "mask(city, 2)"), ("n", "size(city)")], "city", "state")
    assert answer.json["data"] == {"state": values["state"], "city": "*" * (len(values["city"]) - 2) + values["city"][-2:], "n": len(values["city"])}
    failed = evaluate(stack, vault, [("city", "city + 1")], "city")
    assert failed.json["data"] == {} and values["city"].encode() not in failed.body
    assert [(e["field"], e["code"]) for e in failed.json["errors"]] == [("city", "cel_no_overload")]


def test_refused_before_anything_is_opened(stack, ada):
    path, entries = f"/v1/vaults/{ada}/decrypt", len(stack.audit(ada))
    for members, name, code in (
            ({"expressions": []}, "expressions", "wrong_type"), ({"expressions": {"a": 1}}, "a", "wrong_type"),
            ({"expressions": {"a": ""}}, "a", "empty"), ({"expressions": {"Nope": "1"}}, "", "bad_name"),
            ({"expressions": {"a": "x" * 10241}}, "a", "too_large"), ({"expressions": {f"e{i}": "1" for i in range(101)}}, "expressions", "too_large"),
            ({"results_only": True}, "expressions", "missing"), ({"expressions": {"version": "1"}}, "version", "reserved_field")):
        faults = refused(stack.request("POST", path, {"fields": ["city"], "reason": "r", **members}), 422, code)
        assert faults[0]["name"] == name
    raw = b'{"reason":"r","results_only":true,"expressions":{"a":"1","a":"2"}}'
    refused(stack.request("POST", path, raw=raw), 400, "duplicate")
    log = [e for e in stack.audit(ada)[:-entries] if e["action"] == "vault.decrypt"]
    assert len(log) == 9 and {e["outcome"] for e in log} <= {"wrong_type", "empty", "bad_name", "too_large", "missing", "reserved_field", "duplicate"}


# --- what they may cost

COSTLY = {
    "steps": "[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, "
             "[1,2,3,4,5,6,7,8,9,10].all(e, [1,2,3,4,5,6,7,8,9,10].all(f, [1,2,3,4,5,6,7,8,9,10].all(g, a + b + c + d + e + f + g > 0)))))))",
    "memory": "[1,2,3,4,5,6,7,8,9,10].map(a, [1,2,3,4,5,6,7,8,9,10].map(b, [1,2,3,4,5,6,7,8,9,10].map(c, [1,2,3,4,5,6,7,8,9,10].map(d, "
              "[1,2,3,4,5,6,7,8,9,10].map(e, [a, b, c, d, e])))))",
    "pattern": "'" + "a" * 5000 + "'.matches('(a{0,50}){0,50}$')",
    "nesting": "(" * 5000 + "1" + ")" * 5000,
}


@pytest.mark.parametrize("what", COSTLY)
def test_what_costs_too_much(stack, ada, what):
    start = time.monotonic()
    answer = evaluate(stack, ada, [("before", "1"), ("costly", COSTLY[what]), ("after", "size(city)")], "city")
    assert answer.status == 200 and time.monotonic() - start < 2
    assert answer.json["data"]["city"] == "London" and answer.json["data"]["before"] == 1
    if "costly" not in answer.json["data"]:
        assert answer.json["errors"][0]["field"] == "costly"
        assert answer.json["errors"][0]["code"] in ("budget_exceeded", "bad_pattern", "cel_syntax"), answer.json["errors"]
    assert stack.health().status == 200


def test_costly_requests_do_not_stop_others(stack, ada):
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        heavy = [pool.submit(evaluate, stack, ada, [(f"e{i}", COSTLY["steps"]) for i in range(40)]) for _ in range(8)]
        for _ in range(10):
            start = time.monotonic()
            assert results(stack, ada, ("n", "size(city)")) == {"n": 6}
            assert time.monotonic() - start < 2
        for done in heavy:
            assert done.result().status in (200, 503)
            if done.result().status == 200:
                assert done.result().json["data"] == {} and {e["code"] for e in done.result().json["errors"]} == {"budget_exceeded"}


def test_results_have_a_bound(stack, ada):
    doubled = [("e0", "'" + "x" * 10000 + "'")] + [(f"e{i}", f"e{i - 1} + e{i - 1}") for i in range(1, 8)]
    answer = evaluate(stack, ada, doubled)
    assert answer.status == 200 and len(answer.body) < 200000
    assert list(answer.json["data"]) == ["e0", "e1", "e2"]  # 10, 20, 40 KB; 80 more are over 128 KiB
    assert answer.json["errors"][0] == {"field": "e3", "code": "budget_exceeded", "offset": answer.json["errors"][0]["offset"]}


# --- who may, and what stays in the log

def test_scopes(stack, ada):
    for scope, status in (("decrypt", 200), ("read", 403), ("write", 403), ("admin", 403)):
        token = stack.make_token(scope)["token"]
        assert evaluate(stack, ada, [("a", "size(city)")], token=token).status == status
        listed = stack.request("GET", "/v1/secrets", token=token).status
        made = stack.request("POST", "/v1/secrets", {"name": f"of-{scope}"}, token=token).status
        assert (listed, made) == ((200, 200) if scope == "admin" else (403, 403))
    refused(evaluate(stack, ada, [("a", "1")], token=""), 401, "unauthenticated")


def test_audit_entry(stack):
    vault, values = planted(stack, "city", "state")
    literal = stack.plant(f"literal-{next(CANARY)}")
    given = [("n", f"size(city) + size('{literal}')"), ("m", "size(state) / 0"), ("text", "size('email')")]
    assert evaluate(stack, vault, given, "state").status == 200
    entry = stack.audit(vault)[0]
    assert entry["action"] == "vault.decrypt" and entry["outcome"] == "cel_divide_by_zero"
    assert entry["expressions"] == ["n", "m", "text"] and entry["fields"] == ["state", "city"] and entry["answered"] == 1
    assert entry["sources"] == hashlib.sha256(cbor2.dumps([list(pair) for pair in given], canonical=True)).hexdigest()
    assert entry["boot_id"] and entry["pcr0"] == stack.pcr0
    stack.values(vault, "city")
    assert "expressions" not in stack.audit(vault)[0]
    check = stack.verify()
    assert check.returncode == 0, check.stdout
    tail = cli(stack, "audit", "tail", "--vault", vault, "--limit", "5")
    assert " state,city expressions n,m,text (test)\n" in tail.stdout


# --- secrets

def hmac(stack, vault, text, name, sha=256):
    return results(stack, vault, ("h", f"hmac_sha{sha}({text}, '{name}')"))["h"]


def make_secret(stack, name):
    answer = stack.request("POST", "/v1/secrets", {"name": name})
    assert answer.status == 200, answer
    return answer.json


def test_secrets(fresh):
    made = make_secret(fresh, "ssn-index")
    assert made["name"] == "ssn-index" and made["state"] == "active" and abs(made["created_ms"] / 1000 - time.time()) < 60
    refused(fresh.request("POST", "/v1/secrets", {"name": "ssn-index"}), 409, "already_exists")
    for name in ("", "A", "a_b", "1a", "a" * 30, "ü"):
        assert fresh.request("POST", "/v1/secrets", {"name": name}).status == 422
    make_secret(fresh, "a" * 29)
    make_secret(fresh, "other")
    assert [s["name"] for s in fresh.request("GET", "/v1/secrets").json["secrets"]] == sorted(["a" * 29, "other", "ssn-index"])
    one, two = fresh.create(ADA), fresh.create({"ssn9": ADA["ssn9"], "city": "elsewhere"})
    index = hmac(fresh, one, "ssn9", "ssn-index")
    # of all vaults the same, of no other text or secret; each function its own length
    assert len(index) == 64 and index == hmac(fresh, two, "ssn9", "ssn-index") != hmac(fresh, two, "ssn9", "other")
    assert index != hmac(fresh, one, "ssn9 + ' '", "ssn-index")
    lengths = [len(hmac(fresh, one, "ssn9", "ssn-index", sha)) for sha in (384, 512)]
    assert lengths == [96, 128] and len({hmac(fresh, one, "ssn9", "ssn-index", sha)[:64] for sha in (256, 384, 512)}) == 3
    # a name that is none, and one that is no text of the expression
    answer = evaluate(fresh, one, [("a", "hmac_sha256(ssn9, 'none')"), ("b", "hmac_sha256(ssn9, 'ssn' + '-index')"), ("c", "size(city)")])
    assert answer.json["data"] == {"c": 6}
    assert [(e["field"], e["code"]) for e in answer.json["errors"]] == [("a", "secret_unknown"), ("b", "secret_unknown")]
    # after new processes of all kinds
    fresh.restart_api()
    assert hmac(fresh, one, "ssn9", "ssn-index") == index
    subprocess.run(["kill", "-9", str(fresh.enclave_pid())], check=True)
    wait_for(lambda: evaluate(fresh, one, [("a", "1")]).status == 200, 15)
    assert hmac(fresh, one, "ssn9", "ssn-index") == index
    entries = [e for e in fresh.audit() if e["action"] == "secret.create"]
    assert [(e["outcome"], e["vault"]) for e in entries if e["outcome"] == "ok"][::-1] == [
        ("ok", "s_ssn-index"), ("ok", "s_" + "a" * 29), ("ok", "s_other")]
    assert "already_exists" in {e["outcome"] for e in entries}
    check = fresh.verify()
    assert check.returncode == 0 and " 3 secrets: whole" in check.stdout


def test_secrets_that_were_changed(fresh):
    for name in ("one", "two", "gone"):
        make_secret(fresh, name)
    vault = fresh.create(ADA)
    wrapped = dict(fresh.sql("SELECT name, wrapped FROM secrets"))
    fresh.sql("UPDATE secrets SET wrapped = ? WHERE name = 'one'", wrapped["two"])
    fresh.sql("DELETE FROM secrets WHERE name = 'gone'")
    refused(evaluate(fresh, vault, [("a", "hmac_sha256(ssn9, 'one')")]), 500, "row_altered")
    assert hmac(fresh, vault, "ssn9", "two")
    assert evaluate(fresh, vault, [("a", "hmac_sha256(ssn9, 'gone')")]).json["errors"][0]["code"] == "secret_unknown"
    assert {s["name"]: s["state"] for s in fresh.request("GET", "/v1/secrets").json["secrets"]} == {"one": "altered", "two": "active"}
    check = fresh.verify()
    assert check.returncode == 1 and "secret_seal" in check.stdout and "secret_missing" in check.stdout


# --- other ways in

def cli(stack, *words, status=0):
    run = subprocess.run([BIN / "coffer", *words], capture_output=True, text=True, timeout=30,
                         env=environment(COFFER_URL=stack.url, COFFER_TOKEN=stack.token))
    assert run.returncode == status, run
    return run


def test_command_line(stack, ada):
    cli(stack, "secret", "create", "of-cli")
    assert "of-cli active 20" in cli(stack, "secret", "list").stdout
    run = cli(stack, "vault", "decrypt", ada, "--reason", "r", "--fields", "city", "--expr", "adult=age(date(dob)) >= 18", "--expr",
              "both=[city, last4(ssn9)]", "--expr", "bad=int(city)", "--expr", "city=city.to_uppercase()", "--expr", "index=hmac_sha256(ssn9, 'of-cli')", status=4)
    index = hmac(stack, ada, "ssn9", "of-cli")
    assert run.stdout.splitlines() == [f"{k:20} {v}" for k, v in (
        ("adult", "true"), ("both", '["London","6789"]'), ("city", "LONDON"), ("index", index))]
    assert run.stderr == f"{'bad':20} (cel_conversion, offset 0)\n"


def test_json_form_of_the_agent(stack, ada):
    """The AWS sample's request, with expressions, straight to the agent."""
    row = cbor2.loads(stack.row(ada)[0])
    b64 = lambda octets: base64.b64encode(octets).decode()
    body = {"vault_id": ada, "region": "local", "schema": row[3], "tenant": row[1], "key_id": row[7], "suite_id": b64(row[8]),
            "encrypted_private_key": b64(row[10]),
            "writes": [{"id": b64(w[0]), "version": w[1], "enc": b64(w[2])} for w in row[11]],
            "fields": {**{f[0]: {"write": f[2], "seq": f[3], "ct": b64(f[4])} for f in row[12]}, "middle_name": None},
            "expressions": {"zeta": "first_name.to_uppercase()", "alpha": "zeta + '!'", "ssn9": "mask(ssn9, 4)", "none": "middle_name", "bad": "int(city)"}}
    headers = {"Content-Type": "application/json"}
    answer = call(UnixConnection(stack.run / "agent.sock"), "POST", "/decrypt", json.dumps(body), headers)
    assert answer.status == 200, answer
    got = answer.json
    assert {k: got["fields"][k] for k in ("city", "zeta", "alpha", "ssn9", "none")} == {
        "city": "London", "zeta": "ADA", "alpha": "ADA!", "ssn9": "*****6789", "none": None}
    assert got["errors"] == [{"field": "bad", "code": "cel_conversion", "offset": 0}]
    only = call(UnixConnection(stack.run / "agent.sock"), "POST", "/decrypt", json.dumps({**body, "results_only": True}), headers).json
    assert list(only["fields"]) == ["zeta", "alpha", "ssn9", "none"]
