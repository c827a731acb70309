# SPDX-License-Identifier: Apache-2.0
"""coffer up: the whole product as one command starts, watches and ends it."""
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess

import pytest
from programs import BIN, Up, coffer, descendants, environment, gone, stat_of, wait_for
from stack import Daemon, UnixConnection, call

DAEMONS = ["coffer-kmsd", "coffer-agent", "coffer-api"]
ADA = '{"first_name":"Ada","email":"ada@example.org"}'


def ended(up, seconds=20):
    """Exit status and log of an `up` that does not come up."""
    status = up.process.wait(seconds)
    up.process.stdout.close()
    return status, up.log_text()


def create(up):
    return up.coffer("vault", "create", stdin=ADA, check=0).stdout.strip()


def decrypt(up, vault):
    return up.coffer("vault", "decrypt", vault, "--fields", "first_name", "--reason", "test")


def opens(up, vault):
    run = decrypt(up, vault)
    return run.returncode == 0 and run.stdout.split() == ["first_name", "Ada"]


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    """One service for the tests that leave it as it was."""
    with Up(tmp_path_factory.mktemp("up") / "state") as service:
        yield service


def test_ready_line_and_state(up):
    assert up.ready_line == f"ready {up.url}\n" and up.url.startswith("http://127.0.0.1:") and not up.url.endswith(":0")
    assert (up.state / "run/url").read_text() == up.url + "\n"
    token = up.state / "admin.token"
    assert mode(token) == 0o600 and token.read_text().startswith("coffer_")
    for name in ("credentials.json", "config.json"):
        assert mode(up.state / name) == 0o600
    for name in ("kms", "nsm", "api", "run"):
        assert mode(up.state / name) == 0o700
    for path in up.state.rglob("*"):
        if path.is_file() or path.is_socket():
            assert mode(path) & 0o077 == 0 or path.suffix == ".der", f"{path} can be reached by others"


def test_four_programs_run(up):
    names = sorted(up.children())
    assert len(names) >= 4 and set(DAEMONS) <= set(names)
    assert json.loads(up.coffer("status", "--json", check=0).stdout) == {"status": "ok", "store": "ok", "enclave": "ok", "kms": "ok"}
    for pid in descendants(up.process.pid):
        line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        assert up.token.encode() not in line and b"SecretAccessKey" not in line


def test_first_session(up):
    vault = create(up)
    assert opens(up, vault)
    tail = up.coffer("audit", "tail", "--limit", "2", check=0).stdout.splitlines()
    assert "vault.create" in tail[0] and "vault.decrypt" in tail[1] and "(test)" in tail[1] and vault in tail[1]
    assert up.coffer("audit", "verify", check=0).stdout.endswith(": whole\n")


def test_second_up_on_the_same_state_is_refused(up):
    status, log = ended(Up(up.state, ready=0))
    assert status == 1 and "running on state already" in log
    assert opens(up, create(up))


def test_same_port_is_refused(up, tmp_path):
    other = Up(tmp_path / "other", ready=0, listen=f"127.0.0.1:{up.port}")
    status, log = ended(other)
    assert status == 1 and "could not start" in log and descendants(other.process.pid) == {}
    assert opens(up, create(up))


@pytest.mark.parametrize("name", DAEMONS)
def test_a_killed_child_is_started_again(up, name):
    vault = create(up)
    before = up.children()
    os.kill(before[name], signal.SIGKILL)
    wait_for(lambda: up.children().get(name) not in (None, before[name]), 5)
    wait_for(lambda: opens(up, vault) and up.coffer("vault", "create", stdin=ADA).returncode == 0, 5, 0.1)
    assert (up.state / "run/url").read_text() == up.url + "\n"
    wait_for(lambda: up.coffer("status").returncode == 0, 5, 0.2)
    assert f"child.ended program={name}" in up.log_text()
    assert {n: p for n, p in up.children().items() if n in DAEMONS and n != name} == \
        {n: p for n, p in before.items() if n in DAEMONS and n != name}, "the others stayed"


def test_a_killed_enclave_is_replaced(up):
    vault = create(up)
    agent = up.children()["coffer-agent"]
    old = set(descendants(agent))
    assert old
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: opens(up, vault), 5, 0.05)
    assert up.children()["coffer-agent"] == agent and not old & set(descendants(agent))


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_ends_cleanly_and_comes_back(tmp_path, ending):
    with Up(tmp_path / "state") as up:
        vault, token = create(up), up.token
        pids = list(descendants(up.process.pid))
        assert len(pids) >= 4
        up.process.send_signal(ending)
        assert up.process.wait(15) == 0
        assert [p for p in pids if stat_of(p)] == [], "all were ended and waited for"
    assert coffer("status", "--state", tmp_path / "state", check=3).stdout == ""
    with Up(tmp_path / "state") as up:
        assert up.token == token and opens(up, vault)
        assert up.coffer("audit", "verify", check=0).stdout.endswith(": whole\n")
        assert up.stop() == 0


def test_killed_up_takes_all_with_it(tmp_path):
    up = Up(tmp_path / "state")
    vault = create(up)
    pids = list(descendants(up.process.pid))
    up.process.kill()
    up.process.wait()
    gone(pids, 10)
    up.stop()
    with Up(tmp_path / "state") as up:  # what was left behind is no hindrance
        assert opens(up, vault) and up.coffer("audit", "verify").returncode == 0


def programs(folder, **other):
    """The programs in a folder of their own, some of them others: name with _ for -, and its octets."""
    folder.mkdir()
    for name in ["coffer", "coffer-enclave", *DAEMONS]:
        data = other.get(name.replace("-", "_"))
        (folder / name).write_bytes((BIN / name).read_bytes() if data is None else data)
        (folder / name).chmod(0o755)
    return folder


class KeyService:
    """The key service of a state folder by itself."""

    def __init__(self, state):
        self.state = state
        self.daemon = Daemon("coffer-kmsd", state.parent, ["--state", state / "kms", "--listen", f"unix:{state}/run/kms.sock",
                                                           "--attestation-root", state / "nsm/nsm-root.der"])

    def __enter__(self):
        self.daemon.start()
        return self

    def __exit__(self, *_):
        self.daemon.stop()


def test_a_program_is_missing(tmp_path):
    bin = programs(tmp_path / "bin")
    (bin / "coffer-kmsd").unlink()
    status, log = ended(Up(tmp_path / "state", bin=bin, ready=0))
    assert status == 1 and "program=coffer-kmsd code=not_found" in log


def test_ends_while_it_starts(tmp_path):
    """Also when a child takes its time: nobody waits for it."""
    slow = programs(tmp_path / "bin", coffer_kmsd=b"#!/bin/sh\nexec sleep 60\n")
    up = Up(tmp_path / "state", bin=slow, ready=0)
    wait_for(lambda: "sleep" in up.children())
    assert up.stop(5) == 0 and up.ready_line == ""


@pytest.mark.parametrize("child,said", [
    (b"#!/bin/sh\nexit 3\n", "closed"), (b"#!/bin/sh\necho hello >&${7#*=}\nexec sleep 60\n", "malformed"), (b"not a program", "closed")],
    ids=["ends", "talks", "no program"])
def test_a_child_that_does_not_come_up(tmp_path, child, said):
    up = Up(tmp_path / "state", bin=programs(tmp_path / "bin", coffer_kmsd=child), ready=0)
    status, log = ended(up)
    assert status == 1 and f"child.failed program=coffer-kmsd code={said}" in log and descendants(up.process.pid) == {}


def test_another_enclave_must_be_trusted(tmp_path):
    state = tmp_path / "state"
    with Up(state) as up:
        vault = create(up)
        assert opens(up, vault)
    other = programs(tmp_path / "bin", coffer_enclave=(BIN / "coffer-enclave").read_bytes() + b"\0")  # of another measure
    refused = Up(state, bin=other, ready=0)
    status, log = ended(refused)
    assert status == 1 and "--trust-enclave" in log and descendants(refused.process.pid) == {}
    with Up(state, "--trust-enclave", bin=other) as up:
        assert opens(up, vault)
        told = json.loads(up.coffer("audit", "tail", "--limit", "1", "--json").stdout)["entries"][0]["pcr0"]
    with Up(state, bin=other) as up:  # once is enough
        assert opens(up, vault)
    with Up(state) as up:  # and the first one is still trusted
        assert opens(up, vault)
        assert json.loads(up.coffer("audit", "tail", "--limit", "1", "--json").stdout)["entries"][0]["pcr0"] not in ("", told)


def kms(up, operation, **request):
    answer = call(UnixConnection(up.state / "run/kms.sock"), "POST", "/", json.dumps(request),
                  {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"TrentService.{operation}"})
    assert answer.status == 200, answer
    return answer.json if answer.body else None


def widened(policy):
    """Each a policy that lets more in than `up` does, and a name."""
    def changed(change):
        other = json.loads(json.dumps(policy))
        change(other["Statement"])
        return other
    equals = "StringEqualsIgnoreCase"
    all_may = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}
    return {
        "a statement more": changed(lambda s: s.append(all_may)),
        "a statement before": changed(lambda s: s.insert(0, all_may)),
        "an action more": changed(lambda s: s[0]["Action"].append("kms:Decrypt")),
        "another action": changed(lambda s: s[1].update(Action="kms:*")),
        "no condition": changed(lambda s: s[1].pop("Condition")),
        "another operator": changed(lambda s: s[1].update(Condition={"StringLike": s[1]["Condition"][equals]})),
    }


def test_widened_policy_is_refused(tmp_path):
    state = tmp_path / "state"
    with Up(state) as up:
        vault = create(up)
        key = json.loads((state / "config.json").read_text())["kms_key"]
        policy = json.loads(kms(up, "GetKeyPolicy", KeyId=key)["Policy"])
    for name, other in widened(policy).items():
        with KeyService(state) as kmsd:
            kms(kmsd, "PutKeyPolicy", KeyId=key, Policy=json.dumps(other))
        for words in ([], ["--trust-enclave"]):
            pathlib.Path(f"{state}.log").unlink()
            status, log = ended(Up(state, *words, ready=0))
            assert status == 1 and "is not the one" in log, (name, log)
    with KeyService(state) as kmsd:  # spelt another way, with one measure more
        policy["Statement"][1]["Condition"]["StringEqualsIgnoreCase"]["kms:RecipientAttestation:ImageSha384"].insert(0, "ab" * 48)
        kms(kmsd, "PutKeyPolicy", KeyId=key, Policy=json.dumps(policy, indent=2, sort_keys=True))
    with Up(state) as up:
        assert opens(up, vault)


def test_json_ready_line(tmp_path):
    with Up(tmp_path / "state", "--json") as up:
        assert json.loads(up.ready_line) == {"ready": (up.state / "run/url").read_text().strip()}


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1", "127.0.0.1:99999", "256.0.0.1:80", ""])
def test_bad_address(tmp_path, listen):
    up = Up(tmp_path / "state", ready=0, listen=listen)
    status, log = ended(up)
    assert status in (1, 2) and "coffer" in log and descendants(up.process.pid) == {}


def test_bad_state_folder(tmp_path):
    def fails(state):
        run = subprocess.run([BIN / "coffer", "up", "--state", state, "--listen", "127.0.0.1:0"], cwd=tmp_path, capture_output=True,
                             text=True, timeout=30, env=environment())
        assert run.returncode == 1 and run.stdout == "", run
        return run.stderr
    (tmp_path / "file").write_text("x")
    assert "could not start" in fails("file")
    assert "could not start" in fails("no/such/folder/state")
    assert "shorter" in fails("x" * 80)
    (tmp_path / ("y" * 79)).mkdir()
    with Up(tmp_path / ("y" * 79)) as up:
        assert opens(up, create(up))


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    """A state folder that was in use."""
    state = tmp_path_factory.mktemp("used") / "state"
    with Up(state):
        pass
    return state


def refused(state):
    up = Up(state, ready=0)
    status, log = ended(up)
    assert status == 1 and descendants(up.process.pid) == {}
    return log


@pytest.mark.parametrize("name", ["", "run", "kms", "nsm", "api", "schemas"])
def test_state_folder_that_others_may_write_to(used, name):
    folder = used / name
    for bits in (0o720, 0o702, 0o1777):
        folder.chmod(bits)
        pathlib.Path(f"{used}.log").unlink()
        assert "others may write to it" in refused(used)
    folder.chmod(0o700)
    if os.getuid() == 0:
        os.chown(folder, 1, 1)
        pathlib.Path(f"{used}.log").unlink()
        assert "is another user's" in refused(used)
        os.chown(folder, 0, 0)


@pytest.mark.parametrize("name", ["nsm/nsm-root.key", "credentials.json", "admin.token"])
def test_secrets_that_others_may_read(used, name):
    for bits in (0o640, 0o604, 0o620, 0o602):
        (used / name).chmod(bits)
        pathlib.Path(f"{used}.log").unlink()
        assert f"{name} is another user's, or others than its owner may read" in refused(used)
    (used / name).chmod(0o600)


def test_the_lock_is_no_link(used, tmp_path):
    lock = used / "run/up.lock"
    lock.unlink()
    lock.symlink_to(tmp_path / "elsewhere")
    refused(used)
    assert not (tmp_path / "elsewhere").exists()
    lock.unlink()


def test_files_are_private_whatever_the_mask(tmp_path):
    before = os.umask(0)
    try:
        with Up(tmp_path / "state") as up:
            assert opens(up, create(up))
            for path in [up.state, *up.state.rglob("*")]:
                assert mode(path) & 0o077 == 0 or path.suffix == ".der", f"{path} can be reached by others"
    finally:
        os.umask(before)


def test_listens_where_it_is_told(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Up(tmp_path / "state", listen=f"127.0.0.1:{port}") as up:
        assert up.ready_line == f"ready http://127.0.0.1:{port}\n"
