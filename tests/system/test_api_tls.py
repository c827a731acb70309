# SPDX-License-Identifier: Apache-2.0
"""The REST service and the command line over TLS: what works, whom nobody trusts, and that nothing is sent to those."""
import json
import os
import re
import shutil
import socket
import ssl
import stat
import subprocess
import threading

import pytest
from programs import BIN, ROOT, Up, coffer, environment, wait_for
from stack import Stack, call
from tls_front import Authority, TlsFront, answer

CURL = shutil.which("curl")
ADA = {"first_name": "Ada", "email": "ada.lovelace@example.org"}
VAULT = "v_000000000000000000000000001"
TOKEN = "coffer_" + "A" * 43


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stack(authority, tmp_path_factory):
    with Stack(tmp_path_factory.mktemp("api"), tls=(*authority.certificate("api"), authority.pem)) as s:
        yield s


@pytest.fixture
def cli(stack, authority, tmp_path):
    def run(*words, status=0, stdin="", **env):
        more = {"COFFER_URL": stack.url, "COFFER_TOKEN": stack.token, "COFFER_CA": authority.pem, **env}
        return coffer(*words, env={k: v for k, v in more.items() if v is not None}, stdin=stdin, cwd=tmp_path, check=status)
    return run


def refusals(stack):
    return re.findall(r" tls\.refused .*reason=(\S+)", stack.api.log.read_text())


# --- what has to work ---

def test_address_and_log(stack):
    assert re.fullmatch(r"tls:127\.0\.0\.1:\d+", stack.api.address)
    log = stack.api.log.read_text()
    assert f"service.ready listen={stack.api.address}" in log and "listen.plain" not in log


def test_whole_path(stack):
    vault = stack.create({"email": stack.plant("over.tls@example.org")})
    assert stack.values(vault, "email") == {"email": "over.tls@example.org"}
    stack.patch(vault, {"city": stack.plant("Cleartextville")})
    assert stack.values(vault, "city", "email") == {"city": "Cleartextville", "email": "over.tls@example.org"}
    assert stack.request("GET", f"/v1/vaults/{vault}", token="").status == 401
    assert [e["action"] for e in stack.audit(vault)][:2] == ["vault.decrypt", "vault.update"]


@pytest.mark.parametrize("how", ["option", "environment"])
def test_command_line(stack, authority, cli, tmp_path, how):
    words, env = (["--ca", authority.pem], {"COFFER_CA": "/nonexistent"}) if how == "option" else ([], {})

    def run(*more, **rest):
        return cli(*more, *words, **env, **rest)

    assert run("status").stdout
    vault = run("vault", "create", stdin=json.dumps({"email": stack.plant("cli.tls@example.org")})).stdout.strip()
    assert run("vault", "get", vault, "--fields", "email,city").stdout.split() == ["email", "set", "city", "-"]
    shown = run("vault", "decrypt", vault, "--fields", "email", "--reason", "over TLS", "--expr", "n=size(email)").stdout
    assert shown.split() == ["email", "cli.tls@example.org", "n", "19"]
    tail = run("audit", "tail", "--limit", "1").stdout
    assert "vault.decrypt" in tail and vault in tail and "(over TLS)" in tail
    assert "write" in run("token", "list").stdout
    run("secret", "create", f"tls-{how}")
    assert json.loads(run("attest", "get").stdout)["document"]
    lines = tmp_path / "people.jsonl"
    lines.write_text("".join(json.dumps({"email": f"{i}@example.org"}) + "\n" for i in range(60)))
    assert run("import", "people.jsonl", "--jobs", "6").stdout.startswith("60 imported")
    run("vault", "delete", vault, "--all")
    assert "vault_unknown" in run("vault", "get", vault, status=1).stderr


def test_large(stack, cli):
    """Bodies and answers of many records."""
    long = cli("vault", "create", stdin=json.dumps({"city": "y" * 900_000}), status=1)
    assert "city" in long.stderr and "422" in long.stderr
    huge = cli("vault", "create", stdin=json.dumps({"city": "y" * (2 << 20)}), status=1)
    assert "too_large" in huge.stderr and "413" in huge.stderr
    for _ in range(250):
        stack.create({"city": "London"})
    text = cli("audit", "tail", "--limit", "1000", "--json").stdout
    assert len(text) > 5 * 16384 and len(json.loads(text)["entries"]) > 250


def test_what_the_documentation_says(tmp_path):
    """The one line that makes a certificate: what it makes serves, and the command line trusts it as it is."""
    line = re.search(r"<!-- tls-cert -->\n\n((?:    .*\n)+)", (ROOT / "docs/kms.md").read_text())[1]
    subprocess.run(["bash", "-c", line], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    pem = tmp_path / "kms.pem"
    with Stack(tmp_path / "s", tls=(pem, tmp_path / "kms.key", pem)) as s:
        env = {"COFFER_URL": s.url, "COFFER_TOKEN": s.token}
        vault = coffer("vault", "create", "--ca", pem, env=env, stdin=json.dumps(ADA), check=0).stdout.strip()
        shown = coffer("vault", "decrypt", vault, "--fields", "email", "--reason", "r", "--ca", pem, env=env, check=0).stdout
        assert shown.split() == ["email", ADA["email"]]


@pytest.mark.skipif(not CURL, reason="curl is not installed")
@pytest.mark.parametrize("words, status", [
    ([], 0), (["--tls-max", "1.2"], 0), (["--http2"], 0), (["--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"], 35),
    (["--cacert", "other"], 60)])
def test_curl(stack, authority, tmp_path, words, status):
    other = Authority(tmp_path / "other", "Other Authority").pem
    words = [str(other) if w == "other" else w for w in words]

    def curl(path, *more):
        return subprocess.run([CURL, "--silent", "--cacert", authority.pem, *words, "-H", f"Authorization: Bearer {stack.token}", *more,
                               stack.url + path], capture_output=True, text=True, timeout=30, env=environment())

    run = curl("/health")
    assert run.returncode == status, run
    if status == 0:
        assert json.loads(run.stdout)["status"] == "ok"
        json_type = ["-H", "Content-Type: application/json"]
        vault = json.loads(curl("/v1/vaults", *json_type, "--data", json.dumps(ADA)).stdout)["id"]
        got = json.loads(curl(f"/v1/vaults/{vault}/decrypt", *json_type, "--data", '{"fields":["email"],"reason":"curl"}').stdout)
        assert got == {"data": {"email": ADA["email"]}, "errors": []}


def test_two_hundred_connections(stack, authority):
    """All at once, and all kept over a second request."""
    vault = stack.create({"email": ADA["email"]})
    failures, barrier = [], threading.Barrier(200)

    def client(i):
        try:
            connection = stack.connection(timeout=60)
            head = {"Authorization": f"Bearer {stack.token}"}
            for n in range(3):
                got = call(connection, "GET", f"/v1/vaults/{vault}?fields=email", headers=head)
                assert got.json == {"email": True}, got
                mine = connection.sock.getsockname() if n == 0 else mine
                assert connection.sock.getsockname() == mine
                barrier.wait(60)
            connection.close()
        except BaseException as e:  # noqa: BLE001
            failures.append(repr(e))
            barrier.abort()

    threads = [threading.Thread(target=client, args=(i,)) for i in range(200)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, failures[:3]


def test_idle_and_gone(stack, cli):
    held = [socket.create_connection(("127.0.0.1", stack.port)) for _ in range(200)]
    assert cli("status").stdout
    for s in held[:100]:
        s.sendall(b"\x16\x03\x01\x02\x00\x01")
    for s in held:
        s.close()
    assert cli("status").stdout


def test_kill_and_restart(stack, cli):
    kept = stack.connection()
    assert call(kept, "GET", "/health").status == 200
    vault = stack.create({"email": ADA["email"]})
    stack.api.kill()
    assert "does not answer" in cli("vault", "get", vault, status=3).stderr
    stack.start_api()
    assert stack.values(vault, "email") == {"email": ADA["email"]}
    assert cli("vault", "decrypt", vault, "--fields", "email", "--reason", "r").stdout.split() == ["email", ADA["email"]]
    kept.close()
    stack.restart_api()
    assert cli("vault", "get", vault, "--fields", "email").stdout.split() == ["email", "set"]


# --- whom nobody trusts ---

@pytest.mark.parametrize("how, why, words", [
    ({"by": "Other Authority"}, "untrusted", "not from an authority that --ca names"),
    ({"by": "Test Authority"}, "bad_certificate", "another key"),
    ({"self_signed": True}, "untrusted", "not from an authority"),
    ({"since": -48, "until": -24}, "expired", "has expired"),
    ({"since": 24, "until": 48}, "not_yet_valid", "not valid yet"),
    ({"names": ("example.org", "*.localhost")}, "wrong_host", "another host name"),
])
def test_refused(authority, tmp_path, how, why, words):
    """Exit status 3, in words, and not an octet of a request: no token and no value."""
    how = dict(how)
    signer = Authority(tmp_path / "other", how.pop("by")) if "by" in how else authority
    front = TlsFront(signer.certificate(f"bad-{why}-{len(how)}", **how))
    env = {"COFFER_URL": f"https://localhost:{front.port}", "COFFER_TOKEN": TOKEN, "COFFER_CA": authority.pem}
    try:
        for command, stdin in ((["vault", "create"], json.dumps(ADA)), (["vault", "decrypt", VAULT, "--fields", "a", "--reason", "r"], ""),
                               (["audit", "tail"], ""), (["status"], ""), (["vault", "create", "--insecure"], json.dumps(ADA))):
            run = coffer(*command, env=env, stdin=stdin, cwd=tmp_path, check=3)
            assert run.stdout == "" and words in run.stderr and f"({why})" in run.stderr and "nothing was sent" in run.stderr, run.stderr
            assert TOKEN not in run.stderr
        (tmp_path / "p.jsonl").write_text('{"email":"a@example.org"}\n' * 5)
        run = coffer("import", "p.jsonl", env=env, cwd=tmp_path, check=3)
        assert run.stderr.count(words) == 1
        assert front.requests == [] and front.versions == [] and front.accepted >= 6
        # and that it would have been taken
        front.use(authority.certificate("good"))
        front.script = [lambda _: answer(200, b'{"id":"%s","version":1}' % VAULT.encode(), Content_Type="application/json")]
        assert coffer("vault", "create", env=env, stdin=json.dumps(ADA), cwd=tmp_path, check=0).stdout.strip() == VAULT
        assert front.requests[0].headers["authorization"] == f"Bearer {TOKEN}" and front.names[-1] == "localhost"
        assert front.requests[0].headers["host"] == f"localhost:{front.port}" and front.protocols == ["http/1.1"]
    finally:
        front.close()


def test_refusals_are_logged(stack, cli, tmp_path):
    other = Authority(tmp_path / "other", "Other Authority").pem
    before = len(refusals(stack))
    assert "untrusted" in cli("status", "--ca", other, status=3).stderr
    wait_for(lambda: len(refusals(stack)) > before)
    tail = cli("audit", "tail", "--limit", "1").stdout
    assert "Authority" not in tail


def test_plain_to_tls_and_the_other_way(stack, authority, cli, tmp_path):
    before = len(refusals(stack))
    run = cli("vault", "get", VAULT, COFFER_URL=f"http://localhost:{stack.port}", status=3)
    assert "https://" in run.stderr, run.stderr
    wait_for(lambda: "http_request" in refusals(stack)[before:])
    with Stack(tmp_path) as plain:
        run = cli("vault", "get", VAULT, COFFER_URL=f"https://localhost:{plain.port}", status=3)
        # what a plain server makes of a greeting in TLS is up to libmicrohttpd: an answer in clear, or nothing
        assert ("speaks no TLS" in run.stderr and "(protocol)" in run.stderr) or "(closed)" in run.stderr, run.stderr
        with socket.create_connection(("127.0.0.1", plain.port)) as s, pytest.raises(OSError):
            ssl.create_default_context(cafile=authority.pem).wrap_socket(s, server_hostname="localhost")
        assert cli("status", COFFER_URL=plain.url, COFFER_CA="/nonexistent").stdout  # nobody asks whom to trust there


def test_ends_of_connections(authority, tmp_path):
    """A connection that ends in the middle of an answer, with or without a goodbye, is no answer; and nothing is sent again."""
    front = TlsFront(authority.certificate("ends"))
    env = {"COFFER_URL": f"https://localhost:{front.port}", "COFFER_TOKEN": TOKEN, "COFFER_CA": authority.pem}
    try:
        for end in ("half", "cut", "close"):
            front.end, before = end, len(front.requests)
            text = answer(200, b'{"id":"%s","version":1}' % VAULT.encode())
            front.script = [lambda _, text=text, end=end: text if end == "half" else text[:-5]]
            run = coffer("vault", "create", env=env, stdin=json.dumps(ADA), cwd=tmp_path, check=3)
            assert "does not answer" in run.stderr and len(front.requests) == before + 1, run.stderr
    finally:
        front.close()


# --- wrong use ---

def test_whom_to_trust_is_asked_for(stack, authority, cli, tmp_path):
    for name, text in (("empty", ""), ("words", "no certificate\n"), ("broken", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")):
        (tmp_path / name).write_text(text)
    (tmp_path / "large").write_bytes(authority.pem.read_bytes() + b"\n" * 262144)
    run = cli("status", COFFER_CA=None, status=2)
    assert "--ca" in run.stderr and "COFFER_CA" in run.stderr and run.stdout == ""
    cli("status", COFFER_CA="", status=2)
    for name, words in (("none", "cannot read"), ("empty", "cannot read"), ("words", "no certificates"), ("broken", "no certificates"),
                        ("large", "cannot read"), (".", "cannot read")):
        assert words in cli("status", "--ca", name, status=2).stderr
        assert words in cli("status", COFFER_CA=name, status=2).stderr
    assert "begins with https://" in cli("status", "--ca", authority.pem, COFFER_URL="http://127.0.0.1:1", status=2).stderr
    assert "begins with https://" in cli("status", "--ca", authority.pem, COFFER_URL="unix:/x", status=2).stderr
    for url in (f"https://127.0.0.1:{stack.port}", f"https://[::1]:{stack.port}", "https://", "https://localhost:x", "https://localhost:1/path",
                "https://user@localhost:1"):
        run = cli("status", COFFER_URL=url, status=2)
        assert "with the name in the certificate" in run.stderr, run.stderr
    cli("status", COFFER_URL=stack.url + "/")
    cli("status", "--url", stack.url.replace("localhost", "LOCALHOST"))


def test_no_insecure_for_https(authority, tmp_path):
    """Another machine: without --insecure refused when it is plain, and dialled when it is not."""
    env = {"COFFER_TOKEN": TOKEN, "COFFER_CA": authority.pem}
    assert "--insecure" in coffer("vault", "get", VAULT, "--url", "http://none.invalid:1", env=env, cwd=tmp_path, check=2).stderr
    run = coffer("vault", "get", VAULT, "--url", "https://none.invalid", env=env, cwd=tmp_path, check=3)
    assert "--insecure" not in run.stderr and "does not answer" in run.stderr


def start(tmp_path, *words):
    """(exit status, log) of a start that fails; one that does not would be there until the time is over."""
    run = subprocess.run([BIN / "coffer-api", "--state", "state", "--agent", "unix:agent.sock", "--kms", "unix:kms.sock", "--kms-key", "k",
                          *map(str, words)], cwd=tmp_path, capture_output=True, text=True, timeout=20, env=environment())
    assert "service.ready" not in run.stderr and "PRIVATE" not in run.stderr
    return run.returncode, run.stderr


def test_starts_that_fail(tmp_path, authority):
    chain, key = authority.certificate("start")
    _, of_another = authority.certificate("another")
    text, open_key, large = tmp_path / "text", tmp_path / "open.key", tmp_path / "large.pem"
    text.write_text("neither certificate nor key\n")
    text.chmod(0o600)
    open_key.write_bytes(key.read_bytes())
    open_key.chmod(0o640)
    large.write_bytes(chain.read_bytes() + b"\n" * 32768)
    listen = ["--listen", "tls:127.0.0.1:0"]
    for cert, private, words in (
            (tmp_path / "none", key, "code=not_found"), (chain, tmp_path / "none", "code=not_found"),
            (chain, open_key, "code=not_permitted hint=own_it_and_chmod_0600"), (text, key, "reason=no_certificate"), (chain, text, "reason=bad_key"),
            (chain, of_another, "reason=key_of_another"), (large, key, "code=too_large")):
        status, log = start(tmp_path, *listen, "--tls-cert", cert, "--tls-key", private)
        assert status == 1 and "tls.failed" in log and words in log, log
    assert not (tmp_path / "state").exists()  # looked at before anything is made
    status, log = start(tmp_path, *listen)
    assert status == 1 and "missing=--tls-cert" in log
    for words, missing in ((["--tls-cert", chain], "--tls-key"), (["--tls-key", key], "--tls-cert")):
        status, log = start(tmp_path, *listen, *words)
        assert status == 2 and f"missing={missing}" in log
    given = ["--tls-cert", chain, "--tls-key", key]
    for where, words in (("tls:unix:s.sock", "tls_needs_tcp"), ("tls:nonsense", "bad_argument"), ("tls:", "bad_argument")):
        status, log = start(tmp_path, "--listen", where, *given)
        assert status == 1 and words in log, log
    status, log = start(tmp_path, "--listen", "127.0.0.1:0", *given)
    assert status == 2 and "option=--listen_tls:" in log


def test_warning_for_plain_addresses(tmp_path, authority):
    """Plain TCP beyond this machine works, and says so; on this machine it does not, and TLS never does."""
    given = ["--tls-cert", *authority.certificate("warn")]
    given.insert(2, "--tls-key")
    for where, more, warned in (("0.0.0.0:0", [], True), ("127.0.0.1:0", [], False), ("tls:0.0.0.0:0", given, False), (f"unix:{tmp_path}/s", [], False)):
        process = subprocess.Popen([BIN / "coffer-api", "--state", tmp_path / "state", "--listen", where, "--agent", "unix:agent.sock", "--kms",
                                    "unix:kms.sock", "--kms-key", "k", *map(str, more)], stderr=subprocess.PIPE, text=True, env=environment())
        log = ""
        while "service.ready" not in log:
            line = process.stderr.readline()
            assert line, log
            log += line
        process.terminate()
        log += process.stderr.read()
        process.stderr.close()
        assert process.wait(10) == 0
        assert len(re.findall(r"warn .*listen\.plain .*hint=--tls-cert", log)) == warned, log


# --- coffer up ---

def used(up, **env):
    """A vault made and opened by commands that find the service in its state folder."""
    vault = coffer("vault", "create", env={"COFFER_STATE": up.state, **env}, stdin=json.dumps(ADA), check=0).stdout.strip()
    run = coffer("vault", "decrypt", vault, "--fields", "email", "--reason", "r", env={"COFFER_STATE": up.state, **env}, check=0)
    return run.stdout.split() == ["email", ADA["email"]]


def test_up(tmp_path, authority):
    own, key = authority.certificate("up", self_signed=True)
    both = tmp_path / "both.pem"
    both.write_bytes(b"some words\n" + key.read_bytes() + own.read_bytes())
    both.chmod(0o600)
    with Up(tmp_path / "state", "--tls-cert", both, "--tls-key", both) as up:
        assert re.fullmatch(r"ready https://localhost:\d+\n", up.ready_line)
        assert (up.state / "run/url").read_text() == up.url + "\n"
        ca = up.state / "run/ca.pem"
        assert stat.S_IMODE(ca.stat().st_mode) == 0o600 and ca.read_bytes() == own.read_bytes()
        assert used(up)
        children = up.children()
        os.kill(children["coffer-api"], 9)
        wait_for(lambda: up.coffer("status").returncode == 0, 20, 0.2)
        assert used(up)
        # token and certificates of the folder are for the address in it alone, even if another is the same
        given = ["token", "list", "--url", up.url]
        assert "no token" in coffer(*given, env={"COFFER_STATE": up.state}, check=2).stderr
        assert "COFFER_CA" in coffer(*given, env={"COFFER_STATE": up.state, "COFFER_TOKEN": up.token}, check=2).stderr
        coffer(*given, "--ca", own, env={"COFFER_STATE": up.state, "COFFER_TOKEN": up.token}, check=0)
        ca.chmod(0o666)
        assert "is not used" in coffer("status", env={"COFFER_STATE": up.state}, check=2).stderr
        assert up.stop() == 0
    # without TLS again: what is left of it counts for nothing
    with Up(tmp_path / "state") as up:
        assert up.url.startswith("http://127.0.0.1:")
        (up.state / "run/ca.pem").chmod(0o600)
        assert used(up)


def test_up_with_an_authority(tmp_path, authority):
    chain, key = authority.certificate("up-signed")
    with Up(tmp_path / "state", "--tls-cert", chain, "--tls-key", key, listen="localhost:0") as up:
        assert up.url.startswith("https://localhost:")
        assert "untrusted" in up.coffer("status", check=3).stderr
        assert used(up, COFFER_CA=authority.pem)
        assert up.stop() == 0
    whole = tmp_path / "whole.pem"
    whole.write_bytes(chain.read_bytes() + authority.pem.read_bytes())
    with Up(tmp_path / "state", "--tls-cert", whole, "--tls-key", key) as up:
        assert used(up)


def test_up_wrong_use(tmp_path, authority):
    chain, key = authority.certificate("up-wrong")
    for words in (["--tls-cert", chain], ["--tls-key", key]):
        run = coffer("up", "--state", "state", *words, cwd=tmp_path, check=2)
        assert "go together" in run.stderr and not (tmp_path / "state").exists()
    run = coffer("up", "--state", "state", "--tls-cert", chain, "--tls-key", tmp_path / "none", "--listen", "127.0.0.1:0", cwd=tmp_path, check=1)
    assert "tls.failed" in run.stderr
