# SPDX-License-Identifier: Apache-2.0
"""Callers that mean harm, at every door of the running product: crowds of idle connections, heads and frames that break their
limits, requests with two meanings; and values planted everywhere, looked for where they must not be."""
import base64
import functools
import http.client
import json
import os
import pathlib
import re
import resource
import secrets
import signal
import socket
import struct
import time

import pytest
from clients import Link
from programs import Up, descendants, wait_for

CROWD = 1000
SECONDS_WITH_CROWD_MAX = 1.0


@pytest.fixture(scope="module", autouse=True)
def descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = 4 * CROWD
    if soft < want:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(want, hard), hard))


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    with Up(tmp_path_factory.mktemp("hostile") / "state") as service:
        yield service


@pytest.fixture
def link(up):
    link = Link(up.port, up.token)
    yield link
    link.close()


@pytest.fixture
def vault(link):
    return link.call("POST", "/v1/vaults", {"city": "x"})[1]["id"]


def dial(up, door, timeout=20):
    """door: "api", or a socket of the folder run."""
    if door == "api":
        return socket.create_connection(("127.0.0.1", up.port), timeout=timeout)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(timeout)
    s.connect(f"{folder_link(up.state / 'run')}/{door}")
    return s


@functools.cache
def folder_link(folder):
    """A way to a folder that is short enough for the address of a socket in it, whatever the folder is called."""
    return f"/proc/self/fd/{os.open(folder, os.O_PATH | os.O_DIRECTORY)}"


def doors(up):
    return ["api", *sorted(p.name for p in (up.state / "run").iterdir() if p.is_socket())]


def open_files(pids):
    """How many descriptors each has; none are told of private processes unless by root."""
    counts = {}
    for pid in pids:
        try:
            counts[pid] = len(os.listdir(f"/proc/{pid}/fd"))
        except PermissionError:
            pass
    return counts


def serves(link, vault):
    began = time.monotonic()
    assert link.call("POST", f"/v1/vaults/{vault}/decrypt", {"fields": ["city"], "reason": "r"}) == (200, {"data": {"city": "x"}, "errors": []})
    assert link.call("PATCH", f"/v1/vaults/{vault}", {"state": "y"})[0] == 200
    assert link.call("POST", "/v1/vaults", {"city": "x"})[0] == 200
    return time.monotonic() - began


DOORS = ["api", "agent.sock", "kms.sock", "enclave"]


def real_door(up, door):
    return next(d for d in doors(up) if d.startswith(door))


@pytest.mark.parametrize("door", DOORS)
def test_crowd_of_idle_connections(up, link, vault, door):
    pids = descendants(up.process.pid)
    serves(link, vault)
    before, crowd = open_files(pids), []
    try:
        for i in range(CROWD):
            try:
                s = dial(up, real_door(up, door), 2)
                s.setblocking(False)
                crowd.append(s)
                s.send(b"POST /decrypt HTTP/1.1\r\n"[:i % 20] if door != "enclave" else b"\0\0\0\x08ab"[:i % 6])
            except OSError:
                pass  # it may refuse what is too many
        assert len(crowd) > 50
        for _ in range(5):
            assert serves(link, vault) < SECONDS_WITH_CROWD_MAX
        other = Link(up.port, up.token)  # somebody new is served as well
        assert serves(other, vault) < SECONDS_WITH_CROWD_MAX
        other.close()
    finally:
        for s in crowd:
            s.close()
    wait_for(lambda: all(n <= before[pid] + 16 for pid, n in open_files(pids).items()), 20, 0.1)
    assert set(pids) == set(descendants(up.process.pid)), "nobody fell"
    serves(link, vault)


def exchange(up, door, data, half_close=True, seconds=20):
    """What comes back until the other side closes or the time is over."""
    got = b""
    with dial(up, door, seconds) as s:
        try:
            s.sendall(data)
            if half_close:
                s.shutdown(socket.SHUT_WR)
            while True:
                part = s.recv(65536)
                if not part:
                    break
                got += part
        except OSError:
            pass  # time is over, or it was reset by the other side
    return got


BAD_HTTP = {
    "head of 1 MB": b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"b" * 1_000_000 + b"\r\n\r\n",
    "20,000 headers": b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
    "path of 1 MB": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "no end": b"GET /health HTTP/1.1\r\nHost: x\r\n",
    "half a body": b"POST /decrypt HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
    "length of 2^64": b"POST /decrypt HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551616\r\n\r\n",
    "negative length": b"POST /decrypt HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "bad chunk": b"POST /decrypt HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "endless chunk": b"POST /decrypt HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n" + b"a" * 100_000,
    "not http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10,
    "NUL in the head": b"GET /hea\0lth HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n",
    "body over every limit": b"POST /decrypt HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000\r\n\r\n" + b"a" * 20_000_000,
}


@pytest.mark.parametrize("door", ["api", "agent.sock", "kms.sock"])
@pytest.mark.parametrize("what", BAD_HTTP)
def test_bad_http(up, link, vault, door, what):
    # What is incomplete may be waited for, up to the receive timeout (test_slow_sender).
    got = exchange(up, door, BAD_HTTP[what], seconds=0.3)
    assert re.fullmatch(rb"(HTTP/1\.[01] [45]\d\d .*)?", got, re.S), got[:200]
    assert b"a" * 50 not in got and b"b" * 50 not in got
    serves(link, vault)


def test_requests_with_two_meanings(up, link, vault):
    """What a proxy in front could read in another way is refused: no second request is taken out of a body."""
    inner = f"GET /v1/vaults/{vault} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {up.token}\r\n\r\n".encode()
    for head in (b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n", b"Content-Length: 0\r\nContent-Length: %d\r\n"):
        data = b"POST /v1/vaults HTTP/1.1\r\nHost: x\r\n" + (head % (len(inner) + 5)) + b"\r\n0\r\n\r\n" + inner
        got = exchange(up, "api", data)
        answers = re.findall(rb"HTTP/1\.1 (\d\d\d)", got)
        assert b"200" not in answers and len(answers) <= 1, got[:400]
    serves(link, vault)


def frame(body):
    return struct.pack(">I", len(body)) + body


BAD_FRAMES = {
    "over the limit": b"\xff\xff\xff\xff" + b"a" * 1000, "of length 0": b"\0\0\0\0", "cut off": b"\0\0\x10\0abc", "no CBOR": frame(b"\xff" * 64),
    "before HELLO": frame(b"\x83\x03\x01\xa0"), "unknown kind": frame(b"\x83\x18\x63\x01\xa0"), "nested": frame(b"\x81" * 4000),
    "not the shortest": frame(b"\x83\x18\x01\x01\xa2\x01\x01\x02\x01"), "a crowd of frames": frame(b"\x83\x03\x01\xa0") * 20_000,
}


@pytest.mark.parametrize("what", BAD_FRAMES)
def test_bad_frames_at_the_enclave(up, link, vault, what):
    pids = set(descendants(up.process.pid))
    exchange(up, real_door(up, "enclave"), BAD_FRAMES[what], seconds=2)
    serves(link, vault)
    assert set(descendants(up.process.pid)) == pids


# --- planted values

class Canaries:
    def __init__(self):
        self.all = {}

    def new(self, place, form="canary-{}@example.org"):
        self.all[place] = form.format(secrets.token_hex(8))
        return self.all[place]

    def within(self, data):
        """Places whose canary, plain or in base64 or hex, stands in some octets."""
        found = []
        for place, text in self.all.items():
            raw = text.encode()
            needles = [raw, raw.hex().encode(), raw.hex().upper().encode()]
            needles += [base64.b64encode(b"\0" * k + raw)[4 * (k > 0) + 2:-4] for k in range(3)]
            if any(n in data for n in needles):
                found.append(place)
        return found


def send_canaries(up, c):
    """Sends each canary; gives the bodies of all answers that must not hold any, and a vault."""
    told = []
    link = http.client.HTTPConnection("127.0.0.1", up.port, timeout=20)

    def send(method, path, body=None, want=None, **head):
        head = {"Authorization": f"Bearer {up.token}", "Content-Type": "application/json", **head}
        link.request(method, path, body if body is None or isinstance(body, (str, bytes)) else json.dumps(body), head)
        answer = link.getresponse()
        data = answer.read()
        assert want is None or answer.status == want, (method, path[:40], answer.status, data[:300])
        told.append(repr(answer.getheaders()).encode() + data)
        return data

    fields = {"email": c.new("email"), "first_name": c.new("first_name", "Canary {}"), "last_name": c.new("last_name", "Canary {}"),
              "address1": c.new("address1", "{} Canary Street"), "city": c.new("city", "Canary {}"), "state": c.new("state", "{}")}
    vault = json.loads(send("POST", "/v1/vaults", fields, 200))["id"]
    send("PATCH", f"/v1/vaults/{vault}", {"middle_name": c.new("middle_name", "Canary {}")}, 200)
    send("GET", f"/v1/vaults/{vault}", want=200)
    opened = json.loads(send("POST", f"/v1/vaults/{vault}/decrypt", {"fields": [*fields, "city", "middle_name"][:6] + ["middle_name"],
                                                                     "reason": "look"}, 200))["data"]
    told.pop()  # the one answer that holds them
    assert opened["email"] == fields["email"] and len(opened) == 7
    here = f"/v1/vaults/{vault}"
    send("POST", "/v1/vaults", {"city": c.new("too long", "{}") * 100}, 422)
    send("POST", "/v1/vaults", {"country": c.new("bad format", "{}"), "dob": c.new("bad date", "{}"), "ssn9": c.new("bad digits", "{}")}, 422)
    send("POST", "/v1/vaults", {"city": {"a": [c.new("wrong type", "{}")]}}, 422)
    send("POST", "/v1/vaults", {c.new("bad name", "Canary {}"): "x", "_" + c.new("reserved name", "X{}"): "y"}, 422)
    send("POST", "/v1/vaults", '{"city":"' + c.new("cut off", "{}"), 400)
    send("POST", "/v1/vaults", '{"city":"a"} ' + c.new("trailing", "{}"), 400)
    send("POST", "/v1/vaults", '{"%s":1,"%s":2}' % ((c.new("duplicate", "C {}"),) * 2), 400)
    send("POST", "/v1/vaults", "[" * 50 + '"' + c.new("deep", "{}") + '"' + "]" * 50, 400)
    send("POST", "/v1/vaults", b'{"city":"\xff' + c.new("not utf8", "{}").encode() + b'"}', 400)
    send("POST", "/v1/vaults", '{"city":"' + c.new("NUL", "{}") + '\\u0000"}')
    send("POST", "/v1/vaults", '"' + c.new("large", "{}") * 70_000 + '"', 413)
    link.close()
    send("POST", "/v1/vaults?schema=" + c.new("schema", "C{}"), {"city": "x"})
    send("GET", here + "?fields=" + c.new("fields", "C{}"), want=422)
    send("GET", here + "?" + c.new("parameter", "C{}") + "=1")
    send("GET", "/v1/audit?limit=" + c.new("limit", "C{}"))
    send("GET", "/v1/vaults/" + c.new("vault id", "v_{}"), want=404)
    send("GET", "/" + c.new("path", "C{}"), want=404)
    send(c.new("method", "C{}"), "/v1/vaults")
    send("GET", here, Authorization="Bearer coffer_" + c.new("token", "{}"), want=401)
    send("GET", here, Authorization=c.new("scheme", "C{} x"), want=401)
    send("GET", here, **{"X-Request-Id": c.new("request id", "not one {}")}, want=200)
    send("GET", here, **{c.new("header name", "X-C{}"): c.new("header value", "C{}")}, want=200)
    send("PATCH", here, {"city": "x"}, **{"If-Match": c.new("if-match", '"C{}"')})
    send("POST", "/v1/vaults", {"city": "x"}, **{"Content-Type": c.new("content type", "a/{}")}, want=415)
    send("POST", here + "/decrypt", {"fields": ["city"], "reason": c.new("long reason", "{}") * 100}, 422)
    send("POST", here + "/decrypt", {"fields": [c.new("decrypt name", "C {}")], "reason": "r"}, 422)
    send("DELETE", here, {"fields": [c.new("delete name", "C {}")]}, 422)
    send("POST", "/v1/tokens", {"name": c.new("token name", "{}\n"), "scopes": ["read"]}, 422)
    send("POST", "/v1/tokens", {"name": "x", "scopes": [c.new("scope", "C{}")]}, 422)
    send("DELETE", "/v1/tokens/" + c.new("token id", "t_{}"), want=404)
    link.close()
    return told, vault


def send_to_inner_doors(up, c):
    def post(door, path, body, **head):
        data = body.encode()
        lines = "".join(f"{k}: {v}\r\n" for k, v in head.items())
        return exchange(up, door, f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\nConnection: close\r\n{lines}\r\n".encode() + data,
                        half_close=False)
    agent = {"vault_id": c.new("agent vault", "C{}"), "fields": {c.new("agent field", "C{}"): c.new("agent ciphertext", "C{}")},
             "encrypted_private_key": c.new("agent key", "C{}"), "suite_id": "x", "encoding": "2", "region": "x"}
    return [
        post("agent.sock", "/decrypt", json.dumps(agent), **{"Content-Type": "application/json"}),
        post("agent.sock", "/decrypt", c.new("agent cbor", "C{}"), **{"Content-Type": "application/cbor"}),
        post("agent.sock", "/" + c.new("agent path", "C{}"), "{}"),
        post("kms.sock", "/", json.dumps({"KeyId": c.new("kms key id", "C{}"), "CiphertextBlob": base64.b64encode(c.new("kms blob", "C{}").encode()).decode()}),
             **{"X-Amz-Target": "TrentService.Decrypt", "Content-Type": "application/x-amz-json-1.1"}),
        post("kms.sock", "/", "{}", **{"X-Amz-Target": "TrentService." + c.new("kms operation", "C{}"), "Content-Type": "application/x-amz-json-1.1"}),
    ]


def send_by_cli(up, c):
    bad = json.dumps({"email": "x" * 2000 + c.new("cli email"), c.new("cli name", "C {}"): "x"})
    file = up.state.parent / "bad.jsonl"
    file.write_text(bad + "\n" + c.new("cli line", "{}") + "\n")
    runs = [up.coffer("vault", "create", stdin=bad, check=1), up.coffer("vault", "create", "--json", stdin=bad, check=1),
            up.coffer("import", file, check=4), up.coffer("vault", "get", c.new("cli id", "v_{}"), check=1)]
    file.unlink()
    return [(run.stdout + run.stderr).encode() for run in runs]


def test_planted_values_are_nowhere(tmp_path):
    c = Canaries()
    with Up(tmp_path / "state") as up:
        told, vault = send_canaries(up, c)
        told += send_by_cli(up, c)
        inner = send_to_inner_doors(up, c)
        for pid in descendants(up.process.pid):
            told.append(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
        told.append(up.coffer("audit", "tail", "--limit", "1000", "--json", check=0).stdout.encode())
        told.append(up.coffer("audit", "verify", check=0).stdout.encode())
        told.append(up.coffer("export", "--ciphertext", check=0).stdout.encode())
        assert len(c.all) > 50
        assert [c.within(part) for part in told if c.within(part)] == []
        assert all(re.match(rb"HTTP/1\.1 4\d\d ", part) for part in inner), inner
        # AWS KMS names a key that it does not know in its message, and so does ours, to the caller alone.
        assert [c.within(part) for part in inner if c.within(part) not in ([], ["kms key id"])] == []
        up.stop()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert c.within(path.read_bytes()) == [], path
    assert vault.encode() in (tmp_path / "state/api/store.db").read_bytes(), "the right files were looked at"


def test_no_core_files(tmp_path):
    """A program that falls leaves no picture of its memory, even where core files are allowed."""
    canary = "canary-" + secrets.token_hex(8)
    up = Up(tmp_path / "state", cores=True)
    try:
        link = Link(up.port, up.token)
        vault = link.call("POST", "/v1/vaults", {"city": canary})[1]["id"]
        assert link.call("POST", f"/v1/vaults/{vault}/decrypt", {"fields": ["city"], "reason": "r"})[1]["data"]["city"] == canary
        pids = descendants(up.process.pid)
        assert all(re.search(r"Max core file size +(unlimited|0)", pathlib.Path(f"/proc/{pid}/limits").read_text()) for pid in pids)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGSEGV)
            except ProcessLookupError:
                pass  # fell with its parent
        wait_for(lambda: not set(pids) & set(descendants(up.process.pid)), 10)
        link.close()
    finally:
        up.stop(30)
    assert [p for p in tmp_path.rglob("core*")] == [] and [p for p in pathlib.Path.cwd().glob("core*") if p.is_file()] == []
