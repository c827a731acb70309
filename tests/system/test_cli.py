# SPDX-License-Identifier: Apache-2.0
"""The command line against a stand-in for the service: every command, what it sends, prints and exits with (docs/cli.md)."""
import json
import os
import re
import subprocess

import pytest
from fake_api import DROP, TOKEN, FakeApi, fault
from programs import BIN, coffer, environment, wait_for

VAULT = "v_000000000000000000000000001"


@pytest.fixture
def fake():
    api = FakeApi()
    yield api
    api.close()


@pytest.fixture
def cli(fake, tmp_path):
    """Runs a command against the stand-in, in a folder of its own, with a given exit status."""
    def run(*words, status=0, stdin="", **env):
        more = {"COFFER_URL": fake.url, "COFFER_TOKEN": TOKEN, **env}
        return coffer(*words, env={k: v for k, v in more.items() if v is not None}, stdin=stdin, cwd=tmp_path, check=status)
    return run


COMMANDS = [words.split() for words in (
    "up", "status", "vault create", "vault get", "vault update", "vault delete", "vault decrypt", "import", "export", "audit tail",
    "audit verify", "token create", "token list", "token revoke", "secret create", "secret list", "attest inspect", "attest verify", "attest get",
    "cel eval", "cel check", "cel conformance", "kms lint-policy", "kms policy", "kms principal", "kms decrypt", "kms genkey", "kms genrandom",
    "kms genkeypair", "kms derive", "kms link", "version", "completion")]
# Those that speak as AWS's tool does: tests/system/test_kms_tool.py.
KMS_TOOL = [["kms", "decrypt"], ["kms", "genkey"], ["kms", "genrandom"], ["kms", "genkeypair"], ["kms", "derive"]]


# --- help and wrong use

def test_help_lists_every_command():
    lines = coffer("--help").stdout.split("\n\n")[1].split("\n")[1:]
    assert [re.match(r"  ((?:[a-z-]+ ?)+)", line)[1].split() for line in lines] == COMMANDS
    assert coffer("help", check=0).stdout == coffer("--help", check=0).stdout == coffer("-h", check=0).stdout


@pytest.mark.parametrize("words", [c for c in COMMANDS if c not in KMS_TOOL], ids=" ".join)
def test_help_of_a_command(words):
    first = coffer(*words, "--help", check=0)
    assert first.stdout.startswith(f"coffer {' '.join(words)}") and first.stderr == ""
    assert "--help " in first.stdout
    assert coffer(*words, "--nonsense", "--help", check=2).stdout == ""


def test_help_without_a_command():
    nothing = coffer(check=2)
    assert nothing.stdout == "" and "Commands:" in nothing.stderr
    assert "vault create" in coffer("vault", "--help", check=0).stdout
    vault = coffer("vault", check=2)
    assert vault.stdout == "" and "vault create" in vault.stderr and "token create" not in vault.stderr


@pytest.mark.parametrize("words", [
    ["nonsense"], ["vault", "nonsense"], ["Vault", "get", VAULT], ["vault", "get"], ["vault", "get", "a", "b"],
    ["vault", "get", VAULT, "--fields"], ["vault", "get", VAULT, "--json=1"], ["vault", "get", VAULT, "--json", "--json"],
    ["vault", "delete", VAULT], ["vault", "delete", VAULT, "--all", "--fields", "a"], ["vault", "decrypt", VAULT, "--fields", "a"],
    ["vault", "decrypt", VAULT, "--reason", "a"], ["vault", "decrypt", VAULT, "--reason", "a", "--results-only"],
    ["vault", "decrypt", VAULT, "--expr", "a=1"], ["vault", "decrypt", VAULT, "--reason", "a", "--expr", "1"],
    ["vault", "decrypt", VAULT, "--reason", "a", "--expr", "=1"], ["vault", "decrypt", VAULT, "--reason", "a", "--expr", "a=1", "--expr", "a=2"],
    ["vault", "decrypt", VAULT, "--reason", "a", "--expr", "a=1", "--results-only", "--fields", "b"],
    ["secret", "create"], ["secret", "create", "a", "b"], ["secret", "list", "a"], ["vault", "update", VAULT, "--if-match", "x"],
    ["vault", "update", VAULT, "--if-match", "0"], ["vault", "delete", VAULT, "--all", "--if-match", "1\r\nX: y"],
    ["token", "create"], ["token", "create", "--name", "a"], ["token", "create", "--scopes", "read"],
    ["token", "create", "--name", "a", "--scopes", "read", "--days", "0"],
    ["token", "create", "--name", "a", "--scopes", "read", "--days", "36501"],
    ["audit", "tail", "--limit", "0"], ["audit", "tail", "--limit", "1001"], ["export"], ["import"],
    ["import", "missing.jsonl"], ["import", ".", ], ["import", "x", "--jobs", "0"], ["import", "x", "--jobs", "65"],
    ["vault", "create", "missing.json"], ["version", "x"], ["up", "--listen"],
])
def test_wrong_use(fake, cli, words):
    run = cli(*words, status=2)
    assert run.stdout == "" and run.stderr.startswith("coffer: ")
    assert fake.requests == []


def test_version(cli):
    text = cli("version").stdout
    assert re.fullmatch(r"coffer \d+\.\d+\.\d+ \((AWS-LC|OpenSSL) [^)]+\)\n", text) and cli("--version").stdout == text
    value = json.loads(cli("version", "--json").stdout)
    assert text == f"coffer {value['version']} ({value['crypto']})\n"


# --- each command: what it sends, prints as text and as JSON

def test_vault_create_get_update_delete(fake, cli, tmp_path):
    ada = '{"first_name":"Ada","email":"ada@example.org"}'
    vault = cli("vault", "create", stdin=ada).stdout.strip()
    assert vault == VAULT and fake.requests[-1].body == ada.encode() and fake.requests[-1].path == "/v1/vaults"
    assert fake.requests[-1].headers["Content-Type"] == "application/json"
    (tmp_path / "ada.json").write_text(ada)
    second = json.loads(cli("vault", "create", "ada.json", "--json", "--schema", "pet shop&x=").stdout)
    assert second == {"id": VAULT[:-1] + "2", "version": 1} and fake.requests[-1].path == "/v1/vaults?schema=pet%20shop%26x%3D"
    third = cli("vault", "create", "-", stdin=ada).stdout.strip()
    assert third.endswith("3")

    assert cli("vault", "get", vault).stdout.split() == ["first_name", "set", "last_name", "-", "email", "set"]
    assert fake.requests[-1].path == f"/v1/vaults/{vault}" and fake.requests[-1].body == b""
    assert json.loads(cli("vault", "get", vault, "--fields", "email,city", "--json").stdout) == {"email": True, "city": False}
    assert fake.requests[-1].path == f"/v1/vaults/{vault}?fields=email,city"

    assert cli("vault", "update", vault, stdin='{"city":"Köln"}').stdout == "updated\n"
    assert fake.requests[-1].method == "PATCH" and "If-Match" not in fake.requests[-1].headers
    assert json.loads(cli("vault", "update", vault, "ada.json", "--if-match", "2", "--json").stdout) == {"version": 3}
    assert fake.requests[-1].headers["If-Match"] == '"2"'
    stale = cli("vault", "update", vault, "ada.json", "--if-match", "2", status=1)
    assert "version_mismatch" in stale.stderr and stale.stdout == ""

    assert cli("vault", "delete", vault, "--fields", "city,email").stdout == "fields deleted\n"
    assert fake.requests[-1].json() == {"fields": ["city", "email"]}
    assert cli("vault", "delete", vault, "--all", "--if-match", "4").stdout == "deleted\n"
    assert fake.requests[-1].json() == {"delete_all": True}
    assert "vault_unknown" in cli("vault", "get", vault, status=1).stderr


def test_ids_are_encoded(fake, cli):
    cli("vault", "get", "../tokens?x#y z", status=1)
    assert fake.requests[-1].path == "/v1/vaults/..%2Ftokens%3Fx%23y%20z"
    cli("token", "revoke", "../x", status=1)
    assert fake.requests[-1].path == "/v1/tokens/..%2Fx"
    cli("audit", "tail", "--vault", "a/b")
    assert fake.requests[-1].path == "/v1/vaults/a%2Fb/audit?limit=20"


def test_vault_decrypt(fake, cli):
    vault = cli("vault", "create", stdin=json.dumps({"first_name": "Zoë", "city": "a\nb\x1b[2J\x9b"})).stdout.strip()
    run = cli("vault", "decrypt", vault, "--fields", "first_name", "--reason", 'ticket "4711" ü')
    assert run.stdout == f"{'first_name':20} Zoë\n" and run.stderr == ""
    assert fake.requests[-1].json() == {"fields": ["first_name"], "reason": 'ticket "4711" ü'}
    # what somebody stored must not speak to the terminal; JSON gives it as it is
    assert cli("vault", "decrypt", vault, "--fields", "city", "--reason", "x").stdout == f"{'city':20} a\\x0ab\\x1b[2J\\x9b\n"
    exact = json.loads(cli("vault", "decrypt", vault, "--fields", "city", "--reason", "x", "--json").stdout)
    assert exact["data"]["city"] == "a\nb\x1b[2J\x9b"


def test_decrypt_in_part(cli):
    vault = cli("vault", "create", stdin='{"first_name":"Ada"}').stdout.strip()
    run = cli("vault", "decrypt", vault, "--fields", "first_name,city", "--reason", "x", status=4)
    assert run.stdout.split() == ["first_name", "Ada"] and run.stderr.split() == ["city", "(not_set)"]
    run = cli("vault", "decrypt", vault, "--fields", "city", "--reason", "x", "--json", status=4)
    assert json.loads(run.stdout) == {"data": {}, "errors": [{"field": "city", "code": "not_set"}]}


def test_decrypt_with_expressions(fake, cli):
    data = {"city": "Köln", "z": "a\x1b", "a": 0.1, "list": [1, "x", {"k": None}], "none": None, "yes": True, "n": -5}
    errors = [{"field": "email", "code": "not_set"}, {"field": "bad", "code": "cel_divide_by_zero", "offset": 17}]
    fake.orders = [(200, {"data": data, "errors": errors, "evaluated_ms": 1})] * 2
    given = [("z", 'city + "="'), ("a", "1 / 10 == 0"), ("bad", "ü"), ("list", "[1]")]
    words = [w for name, text in given for w in ("--expr", f"{name}={text}")]
    run = cli("vault", "decrypt", VAULT, "--fields", "city,email", "--reason", "r", *words, status=4)
    assert json.loads(fake.requests[-1].body, object_pairs_hook=list) == [
        ("reason", "r"), ("fields", ["city", "email"]), ("expressions", given)]
    shown = ["Köln", "a\\x1b", "0.1", '[1,"x",{"k":null}]', "null", "true", "-5"]
    assert run.stdout.splitlines() == [f"{name:20} {text}" for name, text in zip(data, shown)]
    assert run.stderr.splitlines() == [f"{'email':20} (not_set)", f"{'bad':20} (cel_divide_by_zero, offset 17)"]
    run = cli("vault", "decrypt", VAULT, "--results-only", "--expr=n=1", "--reason", "r", "--json", status=4)
    assert json.loads(run.stdout)["errors"] == errors
    assert fake.requests[-1].json() == {"reason": "r", "results_only": True, "expressions": {"n": "1"}}
    cli("vault", "decrypt", VAULT, "--expr=n=1", "--reason", "r", status=1)
    assert fake.requests[-1].json()["results_only"] is True  # there is nothing else to answer


def test_as_many_expressions_as_the_service_takes(fake, cli):
    fake.orders = [(200, {"data": {}, "errors": [], "evaluated_ms": 1})]
    cli("vault", "decrypt", VAULT, "--reason", "r", "--json", *[f"--expr=e{i}={i}" for i in range(100)])
    assert list(fake.requests[-1].json()["expressions"].items()) == [(f"e{i}", str(i)) for i in range(100)]


def test_secrets(fake, cli):
    fake.orders = [(200, {"name": "ssn-index", "state": "active", "created_ms": 1767225599123})] * 2
    assert cli("secret", "create", "ssn-index").stdout == "created\n"
    assert (fake.requests[-1].method, fake.requests[-1].path, fake.requests[-1].json()) == ("POST", "/v1/secrets", {"name": "ssn-index"})
    assert json.loads(cli("secret", "create", "ssn-index", "--json").stdout)["state"] == "active"
    fake.orders = [fault(409, "already_exists")]
    assert "already_exists" in cli("secret", "create", "ssn-index", status=1).stderr
    listed = {"secrets": [{"name": "ssn-index", "state": "active", "created_ms": 1767225599123},
                          {"name": "evil\x1b", "state": "altered", "created_ms": 0}]}
    fake.orders = [(200, listed)] * 2
    assert cli("secret", "list").stdout == "ssn-index active 2025-12-31T23:59:59Z\nevil\\x1b altered 1970-01-01T00:00:00Z\n"
    assert fake.requests[-1].path == "/v1/secrets" and json.loads(cli("secret", "list", "--json").stdout) == listed


def test_tokens(fake, cli):
    run = cli("token", "create", "--name", "import job", "--scopes", "write,read", "--days", "30")
    assert re.fullmatch(r"coffer_.{43}\n", run.stdout) and "t_0000" in run.stderr and "coffer_" not in run.stderr
    assert fake.requests[-1].json() == {"name": "import job", "scopes": ["write", "read"], "expires_in_s": 30 * 86400}
    made = json.loads(cli("token", "create", "--name", "x", "--scopes", "admin", "--json").stdout)
    assert "expires_in_s" not in fake.requests[-1].json() and made["token"].startswith("coffer_")
    assert "not UTF-8" in cli("token", "create", "--name", b"\xff".decode("latin1").encode("latin1").decode("utf8", "surrogateescape"),
                              "--scopes", "read", status=2).stderr
    assert cli("token", "revoke", made["id"]).stdout == "revoked\n"
    assert cli("token", "revoke", made["id"], "--json").stdout == "{}\n"
    assert "not_found" in cli("token", "revoke", "t_none", status=1).stderr
    fake.tokens[made["id"]]["name"] = "evil\x1b]0;title\x07"
    rows = cli("token", "list").stdout.split("\n")
    assert rows[0].split() == ["t_0000000000000000000001", "active", "import", "job", "write,read"]
    assert "revoked" in rows[1] and "evil\\x1b]0;title\\x07 admin" in rows[1]
    assert len(json.loads(cli("token", "list", "--json").stdout)["tokens"]) == 2


def test_status(fake, cli):
    assert cli("status").stdout.split() == ["status", "ok", "store", "ok", "enclave", "ok", "kms", "ok"]
    assert "Authorization" not in fake.requests[-1].headers
    fake.orders = [(503, {"status": "degraded", "enclave": "unavailable"})] * 2
    assert "unavailable" in cli("status", status=1, COFFER_TOKEN=None).stdout
    assert json.loads(cli("status", "--json", status=1).stdout)["status"] == "degraded"


def test_audit_tail(fake, cli):
    cli("vault", "create", stdin="{}")
    run = cli("audit", "tail", "--limit", "3")
    assert fake.requests[-1].path == "/v1/audit?limit=3"
    assert run.stdout.splitlines() == [  # newest last
        f"     {seq} 2025-12-31T23:59:59.{123 + seq}Z {action:14} ok                 t_1 v_{seq:027d} first_name,email (ticket \\x1b[31m4711)"
        for seq, action in ((1, "vault.create"), (2, "vault.delete"))]
    assert json.loads(cli("audit", "tail", "--json").stdout)["next"] is None
    entry = {**fake.entries()[0], "expressions": ["adult", "tail"], "sources": "00", "answered": 1, "reason": ""}
    fake.orders = [(200, {"entries": [entry], "next": None})]
    assert cli("audit", "tail").stdout.endswith(" first_name,email expressions adult,tail\n")


# --- errors of the service, and no service

def test_error_text_and_json(fake, cli):
    field = {"name": "email", "code": "bad_value", "reason": "too long"}
    nameless = {"name": "", "index": 2, "code": "bad_name", "reason": "not a name"}
    fake.orders = [fault(422, "bad_value", [field, nameless])] * 2
    run = cli("vault", "create", stdin='{"email":"4711"}', status=1)
    assert run.stdout == "" and run.stderr == ("coffer: a sentence about it (bad_value, status 422, request req-1)\n"
                                               "  email: too long\n  member 2: not a name\n")
    run = cli("vault", "create", "--json", stdin='{"email":"4711"}', status=1)
    assert json.loads(run.stdout)["code"] == "bad_value" and run.stderr == ""


@pytest.mark.parametrize("answer", [(500, b""), (502, b"<html>bad gateway</html>"), (401, {"code": "unauthenticated"}), (503, [])])
def test_answers_of_any_kind(fake, cli, answer):
    fake.orders = [answer]
    run = cli("vault", "get", VAULT, status=1)
    assert str(answer[0]) in run.stderr and run.stdout == ""


def test_nobody_answers(fake, cli):
    fake.orders = [DROP, DROP]
    assert "does not answer" in cli("vault", "get", VAULT, status=3).stderr
    fake.close()
    for words in (["status"], ["vault", "get", VAULT], ["token", "list"], ["audit", "tail"],
                  ["vault", "decrypt", VAULT, "--fields", "a", "--reason", "b"], ["vault", "create"]):
        run = cli(*words, stdin="{}", status=3)
        assert run.stdout == "" and "does not answer" in run.stderr


# --- where the service and the token come from

def test_where_from(fake, tmp_path):
    state = tmp_path / "state"
    (state / "run").mkdir(parents=True)
    (state / "run/url").write_text(fake.url + "\n")
    (state / "admin.token").write_text(TOKEN + "\n")
    (tmp_path / "token").write_text(TOKEN + "\r\n")
    dead, wrong = "http://127.0.0.1:1", "coffer_" + "B" * 43
    (tmp_path / "wrong").write_text(wrong)

    def get(status, *words, **env):
        return coffer("vault", "get", VAULT, *words, env=env, cwd=tmp_path, check=status).stderr
    assert "vault_unknown" in get(1, "--state", state)
    assert "vault_unknown" in get(1, COFFER_STATE=state)
    assert "vault_unknown" in get(1, "--state", state, COFFER_STATE=tmp_path)
    assert "vault_unknown" in get(1, "--url", fake.url, "--token-file", "token", COFFER_URL=dead, COFFER_TOKEN=wrong)
    assert "unauthenticated" in get(1, "--token-file", "wrong", COFFER_STATE=state)
    assert "unauthenticated" in get(1, COFFER_TOKEN=wrong, COFFER_STATE=state)
    get(3, "--token-file", "token", COFFER_URL=dead, COFFER_STATE=state)
    # whoever chose the address must not get the state folder's token
    asked = len(fake.requests)
    assert "no token" in get(2, "--url", fake.url + "/", "--state", state)
    assert "no token" in get(2, COFFER_URL=fake.url, COFFER_STATE=state)
    assert len(fake.requests) == asked
    (tmp_path / "coffer-state").symlink_to(state)
    assert "vault_unknown" in get(1)


@pytest.mark.parametrize("what", ["", "run", "run/url", "admin.token"])
def test_state_folder_that_others_may_write_to(fake, tmp_path, what):
    state = tmp_path / "coffer-state"
    (state / "run").mkdir(parents=True)
    (state / "run/url").write_text(fake.url + "\n")
    (state / "admin.token").write_text(TOKEN + "\n")

    def get(status, **env):
        return coffer("vault", "get", VAULT, env=env, cwd=tmp_path, check=status).stderr
    assert "vault_unknown" in get(1)
    usual, asked = (state / what).stat().st_mode & 0o777, len(fake.requests)
    for bits in (0o020, 0o002):
        (state / what).chmod(usual | bits)
        for env in ({}, {"COFFER_TOKEN": TOKEN}):
            assert "is not used" in get(2, **env)
    (state / what).chmod(usual)
    if os.getuid() == 0:
        os.chown(state / what, 1, 1)
        assert "is not used" in get(2, COFFER_TOKEN=TOKEN)
    assert len(fake.requests) == asked


@pytest.mark.parametrize("host,here", [
    ("127.0.0.1", True), ("127.1.2.3", True), ("localhost", True), ("LOCALHOST", True), ("[::1]", True), ("0.0.0.0", True), ("[::]", True),
    ("192.0.2.1", False), ("[2001:db8::1]", False), ("127.0.0.1.example.invalid", False), ("localhost.example.invalid", False),
    ("[::ffff:192.0.2.1]", False), ("128.0.0.1", False)])
def test_tokens_stay_on_this_machine(tmp_path, host, here):
    """Port 1: nobody listens there, and the refusal comes before anybody is dialled."""
    for url in (f"http://{host}:1", f"http://{host}:1//", f"{host}:1"):
        run = coffer("vault", "get", VAULT, "--url", url, env={"COFFER_TOKEN": TOKEN}, cwd=tmp_path)
        assert ("--insecure" in run.stderr) == (not here) and run.returncode == (3 if here else 2), (url, run.stderr)


def test_insecure_is_asked_for(fake, cli):
    run = cli("vault", "get", VAULT, "--insecure", "--url", "http://none.invalid:1", status=3)
    assert "does not answer" in run.stderr and fake.requests == []
    assert "vault_unknown" in cli("vault", "get", VAULT, "--insecure", status=1).stderr


@pytest.mark.parametrize("words,env,said", [
    ([], {}, "no service address"), (["--url", "http://127.0.0.1:1"], {}, "no token"),
    (["--url", "ftp://x"], {"COFFER_TOKEN": "x"}, "is not an address"), (["--url", ""], {"COFFER_TOKEN": "x"}, "no service address"),
    (["--url", "http://a b"], {"COFFER_TOKEN": "x"}, "cannot have"),
    (["--url", "http://127.0.0.1:1"], {"COFFER_TOKEN": "a\r\nX-Evil: 1"}, "cannot have"),
    (["--url", "http://127.0.0.1:1", "--token-file", "none"], {}, "cannot read a token from none"),
    (["--url", "http://127.0.0.1:1", "--token-file", "empty"], {}, "cannot read a token from empty"),
    (["--url", "http://127.0.0.1:1", "--token-file", "large"], {}, "cannot read a token from large"),
])
def test_address_or_token_missing(tmp_path, words, env, said):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "large").write_text("x" * 257)
    run = coffer("vault", "get", VAULT, *words, env=env, cwd=tmp_path, check=2)
    assert said in run.stderr and run.stdout == "" and "Evil" not in run.stderr


def test_unix_socket_address(tmp_path):
    run = coffer("status", "--url", f"unix:{tmp_path}/none.sock", check=3)
    assert "does not answer" in run.stderr


# --- nothing secret where other users see it

def test_secrets_never_on_the_command_line(fake, cli):
    for option in ("--token", "--value", "--password"):
        assert "no such option" in cli("vault", "get", VAULT, option, "secret4711", status=2).stderr
        assert "secret4711" not in cli("vault", "get", VAULT, f"{option}=secret4711", status=2).stderr
    every = " ".join(coffer(*words, "--help").stdout for words in COMMANDS)
    assert "--token " not in every and "--value" not in every
    fake.gate.clear()
    run = subprocess.Popen([BIN / "coffer", "vault", "create"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                           env=environment(COFFER_URL=fake.url, COFFER_TOKEN=TOKEN))
    run.stdin.write(b'{"email":"canary@example.org"}')
    run.stdin.close()
    wait_for(lambda: fake.requests)
    with open(f"/proc/{run.pid}/cmdline", "rb") as file:
        line = file.read()
    fake.gate.set()
    assert run.wait(10) == 0 and b"vault" in line and b"canary" not in line and TOKEN.encode() not in line
    run.stdout.close()


def test_values_are_not_repeated_in_errors(fake, cli):
    fake.orders = [fault(422, "bad_value", [{"name": "email", "code": "bad_value", "reason": "the value does not meet the schema"}])]
    assert "canary" not in cli("vault", "create", stdin='{"email":"canary4711"}', status=1).stderr
    assert "canary" not in cli("vault", "create", stdin='{"email":"canary4711', status=1).stderr


def test_input_limit(cli):
    assert "over 8388608 octets" in cli("vault", "create", stdin=b"x" * 8388609, status=2).stderr.decode()


def test_output_that_cannot_be_written(fake):
    with open("/dev/full", "w") as full:
        run = subprocess.run([BIN / "coffer", "vault", "get", VAULT, "--json"], stdout=full, stderr=subprocess.PIPE, text=True,
                             env=environment(COFFER_URL=fake.url, COFFER_TOKEN=TOKEN))
    assert run.returncode == 1 and "standard output" in run.stderr


# --- completion

def complete(*words, cwd):
    """What bash offers behind these words."""
    script = f"""
        source <({BIN}/coffer completion)
        COMP_WORDS=(coffer "$@"); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
        _coffer
        [ ${{#COMPREPLY[@]}} = 0 ] || printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    run = subprocess.run(["bash", "-u", "-c", script, "bash", *words], capture_output=True, text=True, cwd=cwd)
    assert run.returncode == 0 and run.stderr == "", run.stderr
    return run.stdout.splitlines()


def test_completion(tmp_path):
    (tmp_path / "people.jsonl").touch()
    (tmp_path / "two words").touch()
    assert complete("", cwd=tmp_path) == ["--help", "--version", "up", "status", "vault", "import", "export", "audit", "token",
                                          "secret", "attest", "cel", "kms", "version", "completion"]
    assert complete("v", cwd=tmp_path) == ["vault", "version"]
    assert complete("vault", "", cwd=tmp_path) == ["create", "get", "update", "delete", "decrypt"]
    assert complete("vault", "de", cwd=tmp_path) == ["delete", "decrypt"]
    assert complete("vault", "decrypt", "v_x", "--f", cwd=tmp_path) == ["--fields"]
    assert complete("import", "p", cwd=tmp_path) == ["people.jsonl"]
    assert complete("import", "t", cwd=tmp_path) == ["two words"]
    assert complete("import", "--j", cwd=tmp_path) == ["--jobs", "--journal", "--json"]
    assert sorted(complete("vault", "create", "--token-file", "", cwd=tmp_path)) == ["people.jsonl", "two words"]
    assert complete("vault", "nonsense", "", cwd=tmp_path) == []
    for words in COMMANDS:
        run = coffer(*words, "--help")
        options = re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", run.stdout + run.stderr, re.M)
        assert sorted(complete(*words, "--", cwd=tmp_path)) == sorted(options) and options


def test_completion_as_json():
    assert json.loads(coffer("completion", "--json", check=0).stdout)["bash"] == coffer("completion", check=0).stdout
