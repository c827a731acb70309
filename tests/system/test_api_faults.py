# SPDX-License-Identifier: Apache-2.0
"""A part of the stack is killed, held, full or late: the named error, nothing lost, and service goes on."""
import concurrent.futures
import contextlib
import http.client
import os
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

from programs import wait_for
from stack import Stack


def code(answer):
    return answer.status, answer.code


# --- enclave and agent ---

def test_enclave_killed(fresh):
    vault = fresh.create({"city": fresh.plant("city-of-the-enclave-4242")})
    first = fresh.audit(vault)[0]
    assert fresh.values(vault, "city") == {"city": "city-of-the-enclave-4242"}
    boot = fresh.audit(vault)[0]["boot_id"]
    os.kill(fresh.enclave_pid(), signal.SIGKILL)
    began = time.monotonic()
    answer = fresh.decrypt(vault, "city")
    assert answer.status in (200, 503), answer
    wait_for(lambda: fresh.decrypt(vault, "city").status == 200, 10, 0.1)
    assert time.monotonic() - began < 10
    assert fresh.values(vault, "city") == {"city": "city-of-the-enclave-4242"}
    assert fresh.audit(vault)[0]["boot_id"] not in ("", boot) and first["boot_id"] == ""
    fresh.wait_healthy()


def test_agent_killed(fresh):
    vault = fresh.create({"city": "x"})
    fresh.agent.kill()
    assert code(fresh.decrypt(vault, "city")) == (503, "enclave_unavailable")
    # What needs no enclave goes on.
    assert fresh.present(vault, "?fields=city").json == {"city": True}
    other = fresh.create({"city": "y"})
    assert fresh.patch(vault, {"city": "z"}).status == 200
    wait_for(lambda: fresh.health().status == 503, 5, 0.2)
    assert fresh.health().json == {"status": "degraded", "store": "ok", "enclave": "unavailable", "kms": "ok"}
    assert fresh.audit(vault)[1]["outcome"] == "enclave_unavailable"
    fresh.agent.start()
    fresh.wait_healthy()
    assert fresh.values(vault, "city") == {"city": "z"} and fresh.values(other, "city") == {"city": "y"}


def test_agent_hangs(fresh):
    """No request waits beyond its time, and others are served meanwhile."""
    vault = fresh.create({"city": "x"})
    os.kill(fresh.agent.pid, signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        began = time.monotonic()
        held = pool.submit(fresh.decrypt, vault, "city")
        assert fresh.present(vault, "?fields=city").json == {"city": True}
        assert code(held.result()) == (504, "timeout")
        assert 9 < time.monotonic() - began < 25
    os.kill(fresh.agent.pid, signal.SIGCONT)
    fresh.wait_healthy()
    assert fresh.values(vault, "city") == {"city": "x"}


# --- KMS ---

def test_kms_killed(fresh):
    known = fresh.create({"city": "known"})
    fresh.values(known, "city")  # its key is cached in the enclave from here on
    unknown = fresh.create({"city": "unknown"})
    fresh.kmsd.kill()
    assert code(fresh.request("POST", "/v1/vaults", {"city": "x"})) == (503, "kms_unavailable")
    answer = fresh.decrypt(unknown, "city")
    assert answer.status in (503, 504) and answer.code in ("kms_unavailable", "timeout"), answer
    assert fresh.values(known, "city") == {"city": "known"}
    assert fresh.patch(unknown, {"state": "s"}).status == 200
    wait_for(lambda: fresh.health().status == 503, 5, 0.2)
    assert fresh.health().json["kms"] == "unavailable"
    fresh.kmsd.start()
    fresh.wait_healthy()
    assert fresh.values(unknown, "city", "state") == {"city": "unknown", "state": "s"}
    assert fresh.create({"city": "x"})


def test_kms_refuses_the_enclave(fresh):
    """The key's policy names another measure: never 200, nothing opened."""
    vault = fresh.create({"city": "x"})
    policy = fresh.kms("GetKeyPolicy", KeyId=fresh.key_id, PolicyName="default")["Policy"]
    fresh.kms("PutKeyPolicy", KeyId=fresh.key_id, PolicyName="default", Policy=policy.replace(fresh.pcr0, "0" * 96))
    assert code(fresh.decrypt(vault, "city")) == (502, "kms_refused")
    entry = fresh.audit(vault)[0]
    assert entry["outcome"] == "kms_refused" and entry["fields"] == ["city"] and entry["boot_id"] != ""
    fresh.kms("PutKeyPolicy", KeyId=fresh.key_id, PolicyName="default", Policy=policy)
    assert fresh.values(vault, "city") == {"city": "x"}


# --- store ---

def test_store_locked(fresh):
    """Another process holds the file: no change and no decrypt is answered, and nothing is lost once it lets go."""
    vault = fresh.create({"city": "x"})
    db = sqlite3.connect(fresh.store_db, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    try:
        answer = fresh.decrypt(vault, "city")
        assert answer.status == 503 and answer.code in ("audit_unavailable", "busy"), answer
        answer = fresh.patch(vault, {"city": "y"})
        assert answer.status == 503 and answer.code in ("store_unavailable", "busy"), answer
        assert fresh.present(vault, "?fields=city").status == 200
        wait_for(lambda: fresh.health().json["store"] == "unavailable", 5, 0.2)
    finally:
        db.rollback()
        db.close()
    wait_for(lambda: fresh.decrypt(vault, "city").status == 200, 10, 0.1)
    assert fresh.values(vault, "city") == {"city": "x"}
    fresh.wait_healthy()
    assert fresh.verify().returncode == 0


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=700", "tmpfs", str(place)], capture_output=True)
    if mount.returncode != 0:
        pytest.skip("no right to mount a small file system here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_disk_full(tmp_path, small_disk):
    with Stack(tmp_path, api_state=small_disk / "api") as s:
        vault = s.create({"city": "x"})
        filler = small_disk / "filler"
        fd = os.open(filler, os.O_WRONLY | os.O_CREAT)
        with contextlib.suppress(OSError):
            while os.write(fd, bytes(4096)):
                pass
        os.close(fd)
        acknowledged, refused = [], 0
        for i in range(40):
            answer = s.patch(vault, {"address1": f"{i}" * 500})
            if answer.status == 200:
                acknowledged.append(i)
            else:
                assert answer.status == 503 and answer.code in ("store_unavailable", "busy"), answer
                refused += 1
        assert refused > 0
        answer = s.decrypt(vault, "city")
        assert answer.status == 503 and answer.code == "audit_unavailable", answer
        assert s.present(vault, "?fields=city").json == {"city": True}
        assert "audit.lost" in s.log_text()
        filler.unlink()
        wait_for(lambda: s.decrypt(vault, "city").status == 200, 10, 0.1)
        if acknowledged:
            assert s.values(vault, "address1") == {"address1": f"{acknowledged[-1]}" * 500}
        assert s.patch(vault, {"address1": "after"}).status == 200
        s.wait_healthy()
        assert s.verify().returncode == 0
        assert s.restart_api() and s.values(vault, "address1") == {"address1": "after"}


# --- time ---

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
/* The wall clock, moved by the seconds that a file holds; every other clock as it is. */
int clock_gettime(clockid_t clock, struct timespec *t)
{
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL) {
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    }
    int r = real(clock, t);
    FILE *f = clock == CLOCK_REALTIME ? fopen(getenv("CLOCK_FILE"), "r") : NULL;
    long moved = 0;
    if (f != NULL) {
        if (fscanf(f, "%ld", &moved) == 1) {
            t->tv_sec += moved;
        }
        fclose(f);
    }
    return r;
}
"""


def test_clock_jumps(tmp_path):
    """Order in the log is by seq, versions grow, a row is never modified before it was; expiry follows the clock."""
    source, shim, offset = tmp_path / "shim.c", tmp_path / "shim.so", tmp_path / "offset"
    source.write_text(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl"], check=True)
    offset.write_text("0")
    with Stack(tmp_path / "s", api_env={"LD_PRELOAD": str(shim), "CLOCK_FILE": str(offset)}) as s:
        vault = s.create({"city": "now"})
        token = s.make_token("read", expires_in_s=3600)["token"]
        now = s.audit(vault)[0]["time"]
        offset.write_text("-86400")
        assert s.patch(vault, {"city": "yesterday"}).json == {"version": 2}
        assert s.values(vault, "city") == {"city": "yesterday"}
        other = s.create({"city": "born yesterday"})
        assert s.present(other, token=token).status == 200
        log = s.audit(vault)
        update = next(e for e in log if e["action"] == "vault.update")
        assert now - 86400 * 1000 - 1000 < update["time"] < now - 86400 * 1000 + 60000
        assert [e["seq"] for e in log] == sorted((e["seq"] for e in log), reverse=True)
        offset.write_text("7200")
        assert s.present(vault, token=token).status == 401
        assert s.patch(vault, {"city": "later"}).json == {"version": 3}
        offset.write_text("-40000000")  # over a year
        s.restart_api()
        assert s.patch(vault, {"city": "last year"}).json == {"version": 4}
        assert s.values(vault, "city") == {"city": "last year"}
        assert s.verify().returncode == 0


# --- the API itself ---

def test_restart_keeps_everything(fresh):
    vault = fresh.create({"city": "x"})
    token = fresh.make_token("read")["token"]
    admin = fresh.token
    fresh.restart_api()
    assert fresh.token == admin  # an active admin is there, so none was made
    assert fresh.values(vault, "city") == {"city": "x"} and fresh.present(vault, token=token).status == 200
    assert [e["action"] for e in fresh.audit()].count("service.start") == 2


def test_first_admin_token(fresh):
    """With the last admin token revoked, the next start makes a new one."""
    old = fresh.token
    listed = fresh.request("GET", "/v1/tokens").json["tokens"]
    assert len(listed) == 1 and set(listed[0]["scopes"]) == {"write", "read", "decrypt", "admin"}
    assert fresh.token_file.stat().st_mode & 0o777 == 0o600
    assert fresh.request("DELETE", f"/v1/tokens/{listed[0]['id']}").status == 200
    assert fresh.request("GET", "/v1/tokens").status == 401
    fresh.restart_api()
    assert fresh.token != old and fresh.request("GET", "/v1/tokens").status == 200


def test_full_of_expired_tokens(fresh):
    """A store whose every place is held by an expired token makes new ones, and a new first admin; the verification passes."""
    def fill(_):
        return fresh.request("POST", "/v1/tokens", {"name": "x", "scopes": ["admin"], "expires_in_s": 1}).status
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(fill, range(4200))) <= {200, 413}  # 413 when the first of them still live
        time.sleep(1.1)
        assert set(pool.map(fill, range(64))) == {200}
    listed = fresh.request("GET", "/v1/tokens").json["tokens"]
    assert 4096 <= len(listed) <= 4097 and sum(t["state"] == "revoked" for t in listed) <= 1
    (mine,) = [t for t in listed if t["name"] == "first admin"]
    time.sleep(1.1)
    assert fresh.request("DELETE", f"/v1/tokens/{mine['id']}").status == 200
    fresh.restart_api()
    assert fresh.request("GET", "/v1/tokens").status == 200


def test_row_key_gone(fresh):
    """A new key would make every row seem altered: the service does not start instead."""
    fresh.create({"city": "x"})
    assert fresh.api.stop() == 0
    (fresh.api_state / "row.key").unlink()
    fresh.start_api(ready=False)
    assert fresh.api.process.wait(20) == 1
    assert "row.key" in fresh.api.log.read_text() and not (fresh.api_state / "row.key").exists()


def test_ends_cleanly_under_load(fresh):
    """SIGTERM while requests come: each gets a whole answer or a closed connection, and the exit status is 0."""
    vault = fresh.create({"city": "x"})
    stop, odd, done = threading.Event(), [], []

    def work():
        while not stop.is_set():
            try:
                connection = fresh.connection()
                connection.request("POST", f"/v1/vaults/{vault}/decrypt", '{"fields":["city"],"reason":"r"}',
                                   {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
                answer = connection.getresponse()
                body = answer.read()
                done.append(answer.status)
                if answer.status not in (200, 503) or (answer.status == 200 and body != b'{"data":{"city":"x"},"errors":[]}'):
                    odd.append((answer.status, body))
            except (OSError, http.client.HTTPException):
                pass

    token = fresh.token
    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    wait_for(lambda: len(done) > 50)
    status = fresh.api.stop()
    stop.set()
    for t in threads:
        t.join()
    assert status == 0 and odd == []
    fresh.start_api()
    assert sum(e["action"] == "vault.decrypt" for e in fresh.audit(vault)) >= done.count(200)


def test_slow_sender(fresh):
    """A request that drips in is ended by the server; others do not wait for it."""
    import socket
    vault = fresh.create({"city": "x"})
    host, _, port = fresh.api.address.rpartition(":")
    s = socket.create_connection((host, int(port)), timeout=40)
    s.sendall(b"POST /v1/vaults HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
    began, ended = time.monotonic(), None
    while time.monotonic() - began < 35:
        try:
            s.sendall(b" ")
            s.settimeout(0.5)
            if s.recv(4096) == b"":
                ended = time.monotonic() - began
                break
        except TimeoutError:
            continue
        except OSError:
            ended = time.monotonic() - began
            break
        assert fresh.values(vault, "city") == {"city": "x"}
    s.close()
    assert ended is not None and ended < 25


def test_queue_is_bounded(tmp_path):
    """More requests than workers and queue take: some are told busy at once, none hangs, and service goes on."""
    with Stack(tmp_path, api_args=["--workers", "2"]) as s:
        vault = s.create({"city": "x"})
        os.kill(s.agent.pid, signal.SIGSTOP)
        token, statuses = s.token, []

        def ask(_):
            connection = s.connection(timeout=30)
            connection.request("POST", f"/v1/vaults/{vault}/decrypt", '{"fields":["city"],"reason":"r"}',
                               {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)

        with concurrent.futures.ThreadPoolExecutor(300) as pool:
            for _ in pool.map(ask, range(300)):
                pass
        os.kill(s.agent.pid, signal.SIGCONT)
        assert statuses.count(503) >= 300 - 2 - 256 and set(statuses) <= {503, 504}
        s.wait_healthy()
        assert s.values(vault, "city") == {"city": "x"}
