# SPDX-License-Identifier: Apache-2.0
"""coffer-agent by itself: what it takes and refuses, and what it does when its enclave dies, hangs or talks nonsense. Most tests give
it a stand-in for the enclave that misbehaves on demand (tests/support/fake_enclave.c); the last ones the real one."""
import base64
import concurrent.futures
import hashlib
import http.client
import json
import os
import pathlib
import re
import select
import signal
import socket
import stat
import threading
import time

import cbor2
import pytest

from programs import BIN, descendants, stat_of, wait_for
from stack import Daemon, Stack, UnixConnection, call

SUITE = bytes.fromhex("48504b45 0011 0002 0002")
SEALED = bytes([4]) * 97 + b"canary-ciphertext" + bytes(16)
SECRET = "canary/secret+key-4711"
ACCESS_KEY = "AKCANARY4711"
REPLACED_S_MAX = 2.0  # serving again after kill -9, in the best of some rounds: other work on the machine may hold up any one of them


def decrypt_body(vault="echo", deadline=5000, fields=("email",), **more):
    body = {1: deadline, 3: vault, 6: SUITE, 7: b"canary-wrapped-key", 8: [], 9: [[name, 2, SEALED] for name in fields]}
    body.update({int(k[1:]): v for k, v in more.items()})
    return cbor2.dumps({k: v for k, v in sorted(body.items()) if v is not None})


def json_body(vault="echo", fields=("email",), **more):
    body = {"vault_id": vault, "region": "eu-central-1", "fields": {name: base64.b64encode(SEALED).decode() for name in fields},
            "suite_id": base64.b64encode(SUITE).decode(), "encrypted_private_key": base64.b64encode(b"canary-wrapped-key").decode(),
            "encoding": "2", **more}
    return json.dumps({k: v for k, v in body.items() if v is not None})


CBOR, JSON = {"Content-Type": "application/cbor"}, {"Content-Type": "application/json"}


class Agent:
    def __init__(self, folder, *more, enclave=BIN / "fake-enclave", ready=True):
        self.folder = pathlib.Path(folder)
        self.run, self.nsm = self.folder / "run", self.folder / "nsm"
        self.run.mkdir(mode=0o700, exist_ok=True)
        self.sock, self.kms = self.run / "agent.sock", self.run / "kms.sock"
        self.enclave = enclave
        (self.folder / "credentials.json").write_text(json.dumps({"AccessKeyId": ACCESS_KEY, "SecretAccessKey": SECRET}))
        options = {"--enclave": enclave, "--nsm": self.nsm, "--run": self.run, "--listen": f"unix:{self.sock}", "--kms": f"unix:{self.kms}",
                   "--credentials": self.folder / "credentials.json"}
        options.update(zip(more[::2], more[1::2]))
        self.daemon = Daemon("coffer-agent", self.folder, [word for pair in options.items() for word in pair])
        self.ready = ready

    def __enter__(self):
        try:
            self.daemon.start(self.ready)
        except BaseException:
            self.daemon.stop()
            raise
        return self

    def __exit__(self, kind, *_):
        self.daemon.stop()
        if kind is None:
            assert_log_is_clean(self.log())

    def log(self):
        return self.daemon.log.read_text(errors="surrogateescape")

    def connection(self, timeout=20):
        return UnixConnection(self.sock, timeout)

    def call(self, method, path, body=None, headers=None):
        connection = self.connection()
        try:
            return call(connection, method, path, body, headers)
        finally:
            connection.close()

    def decrypt(self, *args, headers=None, **more):
        return self.call("POST", "/decrypt", decrypt_body(*args, **more), {**CBOR, **(headers or {})})

    def decrypt_json(self, *args, headers=None, **more):
        return self.call("POST", "/decrypt", json_body(*args, **more), {**JSON, **(headers or {})})

    def values(self, *args, **more):
        answer = self.decrypt(*args, **more)
        assert answer.status == 200, answer
        return {r[0]: r[1] for r in cbor2.loads(answer.body)[1]}

    def enclaves(self):
        return self.call("GET", "/enclaves").json

    def pid(self):
        return self.enclaves()[0]["pid"]

    def healthy(self):
        return self.call("GET", "/health").status == 200


def assert_log_is_clean(log):
    for canary in (SECRET, ACCESS_KEY, "canary", "value of ", base64.b64encode(SEALED).decode()[:40], base64.b64encode(b"canary-wrapped").decode()[:16],
                   json.dumps(SECRET)):
        assert canary not in log, f"{canary!r} stands in the log"
    for line in log.split("\n"):
        assert len(line) <= 1100 and not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", line), repr(line[:200])


def cbor_code(answer):
    assert answer.headers["content-type"] == "application/cbor"
    body = cbor2.loads(answer.body)
    assert list(body) == [1]
    return answer.status, body[1]


def json_code(answer):
    assert answer.headers["content-type"] == "application/json"
    body = answer.json
    assert set(body) == {"code", "message", "error", "request_id"} and body["code"] == answer.status and body["message"]
    assert answer.headers["x-request-id"] == body["request_id"]
    return answer.status, body["error"]


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    with Agent(tmp_path_factory.mktemp("agent")) as a:
        yield a


@pytest.fixture
def fresh(tmp_path):
    with Agent(tmp_path) as a:
        yield a


@pytest.fixture(autouse=True)
def still_serves(request):
    """Whatever a test did to the shared agent, it serves afterwards."""
    yield
    if "agent" in request.fixturenames:
        wait_for(request.getfixturevalue("agent").healthy, 15)


# --- what is served ---

def test_cbor(agent):
    answer = agent.decrypt("echo", fields=("email", "city", "fails"))
    assert answer.status == 200 and answer.headers["content-type"] == "application/cbor"
    assert cbor2.loads(answer.body) == {1: [["email", b"value of email"], ["city", b"value of city"], ["fails", None, "open_failed"]]}
    listed = agent.enclaves()
    assert len(listed) == 1 and listed[0]["state"] == "ready" and listed[0]["transport"] == "unix"
    assert answer.headers["coffer-boot-id"] == listed[0]["boot_id"] and re.fullmatch("[0-9a-f]{32}", listed[0]["boot_id"])
    image = hashlib.sha384(agent.enclave.read_bytes()).digest()
    assert answer.headers["coffer-pcr0"] == listed[0]["pcr0"] == hashlib.sha384(bytes(48) + image).hexdigest()
    assert listed[0]["module_id"].startswith("i-") and abs(listed[0]["started_ms"] / 1000 - time.time()) < 600
    assert stat_of(listed[0]["pid"]) is not None
    # The octets pass as they are.
    assert agent.values("octets") == {"email": SEALED}


def test_json(agent):
    answer = agent.decrypt_json("echo", fields=("email", "fails", "city"))
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert answer.json == {"fields": {"email": "value of email", "city": "value of city"}, "errors": [{"field": "fails", "code": "open_failed"}]}
    assert answer.headers["coffer-boot-id"] == agent.enclaves()[0]["boot_id"]
    assert agent.decrypt_json("binary").json == {"fields": {}, "errors": [{"field": "email", "code": "not_utf8"}]}
    assert agent.call("POST", "/decrypt", json_body(), {"Content-Type": "application/json; charset=utf-8"}).status == 200


def test_credentials_and_kms_reach_the_enclave(agent):
    assert agent.values("credentials") == {"email": ACCESS_KEY.encode()}
    assert agent.values("kms") == {"email": b"none"}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(agent.kms))
        listener.listen(8)
        assert agent.values("kms") == {"email": b"had"}
        listener.accept()[0].close()
        # more at once than are dialled beside each other: none is forgotten
        listener.listen(128)
        assert agent.values("kms-crowd") == {"email": b"100"}
    agent.kms.unlink()
    assert agent.values("kms-crowd") == {"email": b"0"}
    assert agent.values("kms") == {"email": b"none"}


def test_health(agent):
    answer = agent.call("GET", "/health")
    assert answer.status == 200
    body = answer.json
    assert body["status"] == "ok" and body["enclave"] == "ready" and body["boot_id"] == agent.enclaves()[0]["boot_id"]
    assert agent.call("HEAD", "/health").status == 200
    assert json_code(agent.call("POST", "/health")) == (405, "method_not_allowed")
    assert agent.call("POST", "/enclaves").headers["allow"] == "GET"
    assert agent.call("GET", "/decrypt").headers["allow"] == "POST"
    assert json_code(agent.call("GET", "/nothing")) == (404, "route_unknown")
    assert json_code(agent.call("GET", "/health/")) == (404, "route_unknown")


def test_request_ids(agent):
    given = {"X-Request-Id": "Abc-1.2_3"}
    assert agent.decrypt_json("echo", tenant="BAD", headers=given).json["request_id"] == "Abc-1.2_3"
    for bad in ("a b", "x" * 65, "a/b", "é".encode("latin1").decode("latin1")):
        assert re.fullmatch("[0-9a-f]{32}", agent.decrypt_json("echo", tenant="BAD", headers={"X-Request-Id": bad}).json["request_id"])


# --- what is refused ---

def deep(n):
    return cbor2.dumps({1: 5, 70: b""})[:-1] + b"\x81" * n + b"\x00"


BAD_CBOR = {
    "nothing": (b"", 400, "truncated"),
    "not cbor": (b"\xff\xff", 400, "wrong_type"),
    "array": (cbor2.dumps([1, 2]), 400, "wrong_type"),
    "no deadline": (decrypt_body(deadline=None), 400, "missing"),
    "deadline 0": (decrypt_body(deadline=0), 400, "out_of_range"),
    "deadline over": (decrypt_body(deadline=60001), 400, "out_of_range"),
    "deadline is text": (decrypt_body(deadline="5"), 400, "wrong_type"),
    "cut": (decrypt_body()[:-1], 400, "truncated"),
    "one octet more": (decrypt_body() + b"\x00", 400, "trailing_bytes"),
    "two bodies": (decrypt_body() * 2, 400, "trailing_bytes"),
    "indefinite": (b"\xbf\x01\x05\xff", 400, "malformed"),
    "tagged": (b"\xa2\x01\x05\x03\xc0\x61a", 400, "malformed"),
    "too deep for a frame": (deep(7), 400, "too_deep"),
    "as deep as a frame bears": (deep(6), 400, None),  # the enclave's word, not the agent's
    "no fields": (decrypt_body(fields=()), 400, "empty"),
    "no vault": (decrypt_body(_3=None), 400, "missing"),
    "unknown key": (decrypt_body(_17=1), 400, "unknown_member"),
    "reserved name": (decrypt_body(fields=("_sk",)), 400, "reserved_field"),
    "name twice": (decrypt_body(fields=("a", "a")), 400, "duplicate"),
    "too large": (decrypt_body(_70=bytes(1048576)), 413, "too_large"),
    "far too large": (decrypt_body(_70=bytes(3 << 20)), 413, "too_large"),
}


@pytest.mark.parametrize("what", BAD_CBOR)
def test_bad_cbor(agent, what):
    body, status, code = BAD_CBOR[what]
    answer = agent.call("POST", "/decrypt", body, CBOR)
    got = cbor_code(answer)
    assert got[0] == status and code in (None, got[1]), got


BAD_JSON = {
    "nothing": ("", 400, "truncated"),
    "cut": (json_body()[:-1], 400, "truncated"),
    "trailing": (json_body() + "{}", 400, "trailing_bytes"),
    "twice": (json_body()[:-1] + ', "region": "eu-west-1"}', 400, "duplicate"),
    "unknown": (json_body(more=1), 400, "unknown_member"),
    "null field": (json_body(fields={}) and json.dumps({**json.loads(json_body()), "fields": {"email": None}}), 400, "wrong_type"),
    "no fields": (json_body(fields=()), 400, "empty"),
    "expressions": (json_body(expressions={"age": 1}), 400, "wrong_type"),
    "expression twice": (json_body()[:-1] + ', "expressions": {"a": "1", "a": "2"}}', 400, "duplicate"),
    "results only": (json_body(results_only=True), 400, "missing"),
    "region": (json_body(region="Europe!"), 400, "bad_value"),
    "encoding": (json_body(encoding="3"), 400, "out_of_range"),
    "reserved": (json_body(fields=("_sk",)), 400, "reserved_field"),
    "not utf-8": (json_body().encode().replace(b"eu-central-1", b"\xff\xfe"), 400, "not_utf8"),
    "too deep": ('{"a":' + "[" * 40 + "]" * 40 + "}", 400, "too_deep"),
    "too large": (json_body(vault_id="x" * 1600000), 413, "too_large"),
    "far too large": ("x" * (5 << 20), 413, "too_large"),
}


@pytest.mark.parametrize("what", BAD_JSON)
def test_bad_json(agent, what):
    body, status, code = BAD_JSON[what]
    assert json_code(agent.call("POST", "/decrypt", body, JSON)) == (status, code)


def test_media_types(agent):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", "", None):
        headers = {} if kind is None else {"Content-Type": kind}
        assert json_code(agent.call("POST", "/decrypt", json_body(), headers)) == (415, "media_type")


@pytest.mark.parametrize("text", ["0", "-1", "x", "60001", "1.5", "", "99999999999999999999", "05"])
def test_bad_deadline_header(agent, text):
    status, code = cbor_code(agent.decrypt(headers={"Coffer-Deadline-Ms": text}))
    assert status == 400 and code in ("out_of_range", "malformed")


ENCLAVE_ERRORS = {"kms_refused": 502, "kms_bad_answer": 502, "bad_key": 502, "busy": 503, "kms_unavailable": 503, "wrong_state": 503,
                  "timeout": 504, "malformed": 400, "too_large": 413, "unsupported": 400, "internal": 500, "no_memory": 503, "what_is_this": 500}


@pytest.mark.parametrize("code", ENCLAVE_ERRORS)
def test_errors_of_the_enclave(agent, code):
    told = code if code != "what_is_this" else "internal"
    in_cbor, in_json = agent.decrypt(f"error:{code}"), agent.decrypt_json(f"error:{code}")
    assert cbor_code(in_cbor) == (ENCLAVE_ERRORS[code], told) and json_code(in_json) == (ENCLAVE_ERRORS[code], told)
    assert in_cbor.headers["coffer-boot-id"] == in_json.headers["coffer-boot-id"] == agent.enclaves()[0]["boot_id"]


def test_bad_requests_cost_nobody_else(agent):
    boot = agent.enclaves()[0]["boot_id"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        slow = [pool.submit(agent.decrypt, "slow:700") for _ in range(6)]
        time.sleep(0.1)
        for body, *_ in BAD_CBOR.values():
            agent.call("POST", "/decrypt", body, CBOR)
        assert [s.result().status for s in slow] == [200] * 6
    assert agent.enclaves()[0]["boot_id"] == boot and "link.lost" not in agent.log()


# --- attestation documents ---

def attest(agent, body, headers=CBOR):
    return agent.call("POST", "/attest", cbor2.dumps(body) if isinstance(body, dict) else body, headers)


def test_attest(agent):
    answer = attest(agent, {1: 5000, 2: b"nonce"})
    assert answer.status == 200 and answer.headers["content-type"] == "application/cbor"
    assert cbor2.loads(answer.body) == {1: b"document for nonce"}
    assert answer.headers["coffer-boot-id"] == agent.enclaves()[0]["boot_id"]
    assert cbor2.loads(attest(agent, {1: 5000}).body) == {1: b"document for "}
    assert agent.call("GET", "/attest").headers["allow"] == "POST"


@pytest.mark.parametrize("body, status, code", [
    ({}, 400, "missing"), ({1: 0}, 400, "out_of_range"), ({1: 5000, 2: b""}, 400, "empty"), ({1: 5000, 2: "text"}, 400, "wrong_type"),
    ({1: 5000, 3: b""}, 400, "unknown_member"), ({1: 5000, 2: bytes(513)}, 413, "too_large"), (b"\xff", 400, "wrong_type"),
    ({1: 5000, 2: b"wrong"}, 500, "internal")])
def test_bad_attest(agent, body, status, code):
    got = cbor_code(attest(agent, body))
    assert got == (status, code)
    assert attest(agent, {1: 5000}).status == 200 and "link.lost" not in agent.log()


def test_attest_media_types(agent):
    for kind in ("application/json", "text/plain", None):
        answer = attest(agent, {1: 5000}, {"Content-Type": kind} if kind else {})
        assert json_code(answer) == (415, "media_type")


# --- deadlines ---

# What a busy machine may add between an answer's deadline and our looking at the clock. The bounds above a deadline exist to tell
# an answer at its deadline from one that never came, not to measure.
LATE_MS = 2000


def timed(fn, *args, **more):
    began = time.monotonic()
    answer = fn(*args, **more)
    return answer, (time.monotonic() - began) * 1000


def test_deadlines(agent):
    # The enclave is told what is left, never more than asked.
    for header, body, least, most in ((None, 4000, 1500, 4000), ("900", 4000, 100, 900), ("4000", 800, 100, 800)):
        headers = {"Coffer-Deadline-Ms": header} if header else {}
        assert least <= int(agent.values("deadline", deadline=body, headers=headers)["email"]) <= most
    assert 4500 <= int(agent.decrypt_json("deadline").json["fields"]["email"]) <= 5000
    assert 600 <= int(agent.decrypt_json("deadline", headers={"Coffer-Deadline-Ms": "800"}).json["fields"]["email"]) <= 800
    for how in (dict(deadline=400), dict(headers={"Coffer-Deadline-Ms": "400"})):
        answer, ms = timed(agent.decrypt, "slow:3000", **how)
        assert cbor_code(answer) == (504, "timeout") and 350 <= ms <= 400 + LATE_MS, ms
    answer, ms = timed(agent.decrypt_json, "slow:3000", headers={"Coffer-Deadline-Ms": "400"})
    assert json_code(answer) == (504, "timeout") and 350 <= ms <= 400 + LATE_MS, ms
    answer, ms = timed(agent.decrypt, "slow:3000", deadline=1)
    assert answer.status == 504 and ms < 50
    # Answers that come too late are for nobody, and harm nobody.
    time.sleep(2.9)
    assert agent.values("echo") == {"email": b"value of email"}
    assert "link.lost" not in agent.log()


def test_silent_request(agent):
    """One that is never answered costs its own time only."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        silent = pool.submit(timed, agent.decrypt, "silent", deadline=600)
        for _ in range(50):
            assert agent.decrypt("echo").status == 200
        answer, ms = silent.result()
    assert cbor_code(answer) == (504, "timeout") and ms <= 600 + LATE_MS


# --- the enclave dies, hangs, talks nonsense ---

def load(agent, stop, deadline_ms, vault, seen):
    """Requests on a kept connection until told to stop; adds (when, status, ms) of each to seen."""
    connection = agent.connection()
    while not stop.is_set():
        began = time.monotonic()
        try:
            status = call(connection, "POST", "/decrypt", decrypt_body(vault, deadline=deadline_ms), CBOR).status
        except (http.client.HTTPException, OSError) as error:
            status = repr(error)
            connection.close()
        seen.append((began, status, (time.monotonic() - began) * 1000))
    connection.close()


def under_load(agent, act, deadline_ms=5000, threads=8, before=0.5, after=1.5, vault="echo"):
    stop, seen = threading.Event(), []
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(load, agent, stop, deadline_ms, vault, seen) for _ in range(threads)]
        try:
            time.sleep(before)
            result = act()
            time.sleep(after)
            # A busy machine may need longer to get enough of them done.
            wait_for(lambda: len(seen) > 100, 60, 0.1)
        finally:
            stop.set()
    for r in running:
        r.result()
    seen.sort()
    late = [s for s in seen if s[2] > deadline_ms]
    assert not late, f"{len(late)} requests past their deadline: {late[:5]}"
    return seen, result


def longest_gap(ends):
    """Seconds between two answers: one that spans a replacement is at least as long as that took."""
    ends = sorted(ends)
    return max(b - a for a, b in zip(ends, ends[1:]))


def test_killed_under_load(fresh):
    gaps = []
    for _ in range(3):
        pid = fresh.pid()
        seen, _ = under_load(fresh, lambda: os.kill(pid, signal.SIGKILL), vault="slow:5")
        assert {s[1] for s in seen} == {200}, "requests wait for the successor"
        gaps.append(longest_gap(began + ms / 1000 for began, _, ms in seen))
        assert fresh.pid() != pid and fresh.healthy()
    assert min(gaps) <= REPLACED_S_MAX, gaps
    assert fresh.call("GET", "/health").json["starts"] == 4


def test_in_flight_requests_go_to_the_successor(fresh):
    boot = fresh.enclaves()[0]["boot_id"]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        slow = [pool.submit(timed, fresh.decrypt, "slow:400", deadline=4000) for _ in range(20)]
        time.sleep(0.2)
        os.kill(fresh.pid(), signal.SIGKILL)
        for s in slow:
            answer, ms = s.result()
            assert answer.status == 200 and answer.headers["coffer-boot-id"] != boot
            assert 400 <= ms < 3000
            assert cbor2.loads(answer.body) == {1: [["email", b"value of email"]]}


def test_request_that_kills(fresh):
    """It does not kill for ever, and those beside it are served."""
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        slow = [pool.submit(fresh.decrypt, "slow:100", deadline=10000) for _ in range(8)]
        answer, ms = timed(fresh.decrypt, "crash", deadline=10000)
        assert cbor_code(answer) == (503, "enclave_unavailable") and ms < 9000
        assert "coffer-boot-id" not in answer.headers
        assert [s.result().status for s in slow] == [200] * 8
    deaths = fresh.log().count("enclave.ended")
    assert 1 <= deaths <= 4, deaths
    assert "status=3" in fresh.log()
    wait_for(fresh.healthy, 10)


def test_hung(fresh):
    """Stopped as by SIGSTOP, and hung by itself: replaced, and who waits within his time is served by the successor."""
    for how in ("stop", "hang"):
        pid = fresh.pid()

        def hang():
            if how == "stop":
                os.kill(pid, signal.SIGSTOP)
            else:
                assert fresh.decrypt("hang", deadline=300).status == 504
            return time.monotonic()

        seen, _ = under_load(fresh, hang, deadline_ms=8000, after=5)
        assert {s[1] for s in seen} == {200}
        assert max(s[2] for s in seen) < 4500
        wait_for(fresh.healthy, 10)
        assert fresh.pid() != pid and stat_of(pid) is None
    assert fresh.log().count("enclave.hung") == 2


def test_health_tells_the_truth(fresh):
    pid = fresh.pid()
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: not fresh.healthy(), 4)
    answer = fresh.call("GET", "/health")
    assert answer.status == 503 and answer.json["status"] == "unavailable"
    wait_for(fresh.healthy, 10)
    assert fresh.pid() != pid


def test_draining_unasked(fresh):
    """An enclave that says that it does not serve is replaced, however well it answers."""
    before = fresh.pid()
    assert fresh.values("drain") == {"email": b"value of email"}
    wait_for(lambda: "while=not_ready" in fresh.log(), 10)
    wait_for(fresh.healthy, 10)
    assert fresh.pid() != before and fresh.values("echo") == {"email": b"value of email"}
    assert fresh.log().count("enclave.hung") == 1


def test_nonsense(fresh):
    """Octets that are no frame, and answers that nobody asked for, end the connection and not the service."""
    for what in ("garbage", "wrong"):
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            slow = [pool.submit(fresh.decrypt, "slow:300", deadline=6000) for _ in range(8)]
            time.sleep(0.05)
            answer, ms = timed(fresh.decrypt, what, deadline=3000)
            assert cbor_code(answer) == (503, "enclave_unavailable") and ms < 3000
            assert [s.result().status for s in slow] == [200] * 8
        assert fresh.decrypt("echo").status == 200
    assert "enclave.ended" not in fresh.log() and fresh.log().count("link.lost") >= 2


def test_no_enclave(fresh):
    """Every enclave is killed as soon as it is there: 503 within the deadline, restarts ever rarer; then all is well again."""
    stop, killed = threading.Event(), []

    def killer():
        while not stop.is_set():
            for pid in descendants(fresh.daemon.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                    killed.append(time.monotonic())
                except ProcessLookupError:
                    pass
            time.sleep(0.002)

    thread = threading.Thread(target=killer)
    thread.start()
    try:
        wait_for(lambda: not fresh.healthy(), 5)
        time.sleep(2)
        for _ in range(5):
            answer, ms = timed(fresh.decrypt, "echo", deadline=300)
            assert cbor_code(answer) == (503, "enclave_unavailable") and ms <= 300 + LATE_MS
            assert json_code(fresh.decrypt_json("echo", headers={"Coffer-Deadline-Ms": "300"})) == (503, "enclave_unavailable")
        starts = fresh.call("GET", "/health").json["starts"]
        assert starts < 12, "the back-off grows"
        assert fresh.enclaves() == [] or fresh.enclaves()[0]["state"] != "ready"
    finally:
        stop.set()
        thread.join()
    wait_for(fresh.healthy, 12)
    assert fresh.decrypt("echo").status == 200


def test_crowd(fresh):
    """More requests than the enclave takes and the agent lets wait: some are told busy, all in time, and service goes on."""
    deadline, socks, answers = 3.0, [], {}
    body = decrypt_body("slow:900", deadline=int(deadline * 1000))
    request = b"POST /decrypt HTTP/1.1\r\nHost: x\r\nContent-Type: application/cbor\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    began = {}
    for _ in range(1400):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(fresh.sock))
        s.sendall(request)
        began[s] = time.monotonic()
        socks.append(s)
    poll, by_fd = select.poll(), {s.fileno(): s for s in socks}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    while by_fd:
        ready = poll.poll(5000)
        assert ready, f"{len(by_fd)} are not answered"
        for fd, _ in ready:
            s = by_fd.pop(fd)
            poll.unregister(fd)
            answers[s] = (int(s.recv(65536).split()[1]), time.monotonic() - began[s])
            s.close()
    counts = {status: sum(1 for a in answers.values() if a[0] == status) for status in {a[0] for a in answers.values()}}
    assert set(counts) <= {200, 503, 504}, counts  # 504: it was with the enclave when its time was up
    assert counts[200] >= 2 * 128 and counts[503] >= 1400 - 1024 - 128, counts
    assert max(a[1] for a in answers.values()) <= deadline + LATE_MS / 1000
    assert fresh.decrypt("echo").status == 200
    wait_for(lambda: fresh.call("GET", "/health").json["inflight"] == 0, 5)


def test_idle_connections(agent):
    crowd = []
    try:
        for i in range(1000):
            s = socket.socket(socket.AF_UNIX)
            s.connect(str(agent.sock))
            s.sendall(b"POST /decrypt HTTP/1.1\r\nHost: x\r\n"[:i % 30])
            crowd.append(s)
        began = time.monotonic()
        for _ in range(100):
            assert agent.decrypt("echo").status == 200
        assert time.monotonic() - began < 3
    finally:
        for s in crowd:
            s.close()


# --- logs, start, end ---

def test_log_of_the_enclave(fresh):
    assert fresh.decrypt("log").status == 200
    time.sleep(1.2)
    fresh.decrypt("log")
    wait_for(lambda: "enclave.log_dropped" in fresh.log(), 5)
    lines = fresh.log().split("\n")
    assert any(line.endswith("info enclave test.own key=value") for line in lines)
    assert not any(" agent spoofed.line" in line and " enclave.wrote " not in line for line in lines)
    wrote = [line for line in lines if " warn agent enclave.wrote " in line]
    assert any("spoofed.line" in line for line in wrote) and any("plain?words" in line for line in wrote)
    assert sum("test.flood" in line for line in lines) <= 450
    assert any(" warn agent enclave.log_dropped " in line for line in lines)
    assert "LLLL" in fresh.log() and max(map(len, lines)) <= 1100
    # A flood does not hold the enclave up.
    assert fresh.healthy()


def test_file_modes(fresh):
    assert stat.S_IMODE(fresh.sock.stat().st_mode) == 0o600
    assert stat.S_IMODE((fresh.run / "enclave-1.sock").stat().st_mode) == 0o600
    assert stat.S_IMODE((fresh.nsm / "nsm-root.key").stat().st_mode) == 0o600


def test_credentials_in_no_argument_or_environment(fresh):
    for pid in (fresh.daemon.pid, fresh.pid()):
        for name in ("cmdline", "environ"):
            try:
                data = pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
            except PermissionError:
                continue
            assert SECRET.encode() not in data and ACCESS_KEY.encode() not in data


def test_end(fresh):
    """SIGTERM: requests in work are answered, or told within two seconds; nothing is left."""
    pid = fresh.pid()
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        quick = [pool.submit(fresh.decrypt, "slow:800") for _ in range(4)]
        slow = [pool.submit(timed, fresh.decrypt, "slow:20000", deadline=30000) for _ in range(4)]
        time.sleep(0.3)
        began = time.monotonic()
        assert fresh.daemon.stop() == 0
        assert time.monotonic() - began < 4
        assert [q.result().status for q in quick] == [200] * 4
        assert [cbor_code(s.result()[0]) for s in slow] == [(504, "timeout")] * 4
    assert stat_of(pid) is None and not (fresh.run / "enclave-1.sock").exists()


def test_agent_killed(fresh):
    pid = fresh.pid()
    root = (fresh.nsm / "nsm-root.der").read_bytes()
    fresh.daemon.kill()
    # The next, at once, finds its sockets stale, and its root as it was.
    fresh.daemon.start()
    wait_for(lambda: (stat_of(pid) or ("", "Z", 0))[1] == "Z", 5)
    assert fresh.decrypt("echo").status == 200 and (fresh.nsm / "nsm-root.der").read_bytes() == root


@pytest.mark.parametrize("leaves", [True, False])
def test_socket_of_another(tmp_path, leaves):
    """Of an enclave whose agent was killed the socket serves until it is dead, too; of another agent's for good."""
    a = Agent(tmp_path, ready=False)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(a.run / "enclave-1.sock"))
        other.listen(1000)
        with a:
            time.sleep(0.5)
            assert a.daemon.process.poll() is None
            if leaves:
                other.close()
                wait_for(lambda: "service.ready" in a.log(), 10)
                assert a.decrypt("echo").status == 200
            else:
                assert a.daemon.process.wait(15) == 1
                assert "enclave.start_failed code=already_exists" in a.log()


@pytest.mark.parametrize("how, word", [
    (["--enclave", "/nowhere"], "enclave program"), (["--credentials", "/nowhere"], "--credentials"), (["--kms", "nonsense"], "--kms"),
    (["--run", "/" + "x" * 120], "run folder"), (["--run", "/nowhere"], "enclave"), (["--workers", "boot-fail"], "enclave")])
def test_cannot_start(tmp_path, how, word):
    a = Agent(tmp_path, *how, ready=False)
    with a:
        assert a.daemon.process.wait(10) == 1
        assert f"coffer-agent: {word}" in a.log() and "start.failed" in a.log()


@pytest.mark.parametrize("how", [["--connections", "0"], ["--connections", "17"], ["--connections", "x"], ["--nonsense", "1"], ["more"], ["--kms", "again"], []])
def test_wrong_options(tmp_path, how):
    a = Agent(tmp_path, ready=False)
    a.daemon.argv = [*a.daemon.argv, *how] if how else ["--run", str(a.run)]
    with a:
        assert a.daemon.process.wait(10) == 2


@pytest.mark.parametrize("mode", ["boot-hang", pytest.param("boot-old", marks=pytest.mark.long)])
def test_enclave_that_never_serves(tmp_path, mode):
    a = Agent(tmp_path, "--workers", mode, ready=False)
    with a:
        assert a.daemon.process.wait(15) == 1
        assert "coffer-agent: enclave" in a.log()
    assert descendants(a.daemon.pid) == {}


def test_signal_while_booting(tmp_path):
    a = Agent(tmp_path, "--workers", "boot-hang", ready=False)
    with a:
        wait_for(lambda: "enclave.started" in (a.log() if a.daemon.log.exists() else ""), 5)
        began = time.monotonic()
        a.daemon.process.terminate()
        assert a.daemon.process.wait(5) == 0 and time.monotonic() - began < 4


@pytest.mark.parametrize("links", [1, 16])
def test_connections(tmp_path, links):
    with Agent(tmp_path, "--connections", str(links)) as a:
        seen, _ = under_load(a, lambda: os.kill(a.pid(), signal.SIGKILL), threads=4, after=1)
        assert {s[1] for s in seen} == {200}


@pytest.mark.long
def test_workers_that_hang(fresh):
    """HEALTH is answered, requests are not: replaced as well."""
    boot = fresh.enclaves()[0]["boot_id"]
    assert fresh.decrypt("silent", deadline=300).status == 504
    wait_for(lambda: [e for e in fresh.enclaves()[:1] if e["boot_id"] not in ("", boot)], 15, 0.2)
    assert "while=answering" in fresh.log()


# --- the real enclave ---

@pytest.mark.parametrize("action, most", [(signal.SIGKILL, REPLACED_S_MAX), (signal.SIGSTOP, 5)])
def test_real_enclave_replaced(tmp_path, action, most):
    with Stack(tmp_path) as s:
        vault = s.create({"city": s.plant("a-city-that-stands-nowhere-4711")})
        assert s.values(vault, "city") == {"city": "a-city-that-stands-nowhere-4711"}
        gaps = []
        while len(gaps) < 3 and min(gaps, default=most + 1) > most:
            gaps.append(replace_real(s, vault, action, most))
        assert min(gaps) <= most, gaps


def replace_real(s, vault, action, most):
    """Seconds without an answer; no request fails."""
    def pid():
        return call(UnixConnection(s.run / "agent.sock"), "GET", "/enclaves").json[0]["pid"]

    def decrypting():
        while not stop.is_set():
            answer, _ = timed(s.decrypt, vault, "city")
            seen.append((time.monotonic(), answer.status))

    stop, seen = threading.Event(), []
    threads = [threading.Thread(target=decrypting) for _ in range(4)]
    for t in threads:
        t.start()
    time.sleep(0.5)
    before = pid()
    os.kill(before, action)
    time.sleep(most + 1)
    stop.set()
    for t in threads:
        t.join()
    assert {status for _, status in seen} == {200}
    assert pid() != before
    return longest_gap(end for end, _ in seen)
