# SPDX-License-Identifier: Apache-2.0
"""The memory of the host programs: no core dumps, and nothing for other processes of the same user."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from programs import BIN, descendants, environment, gone, wait_for

ORDINARY_ID = 12345
DAEMONS = {"coffer-api", "coffer-kmsd", "coffer-agent"}


def test_no_core_dumps(stack):
    for pid in stack.pids.values():
        assert re.search(r"Max core file size +0 +0 ", pathlib.Path(f"/proc/{pid}/limits").read_text())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_row_key_that_others_may_read(fresh, mode):
    assert fresh.api.stop() == 0
    key = fresh.api_state / "row.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(mode)
    fresh.start_api(ready=False)
    assert fresh.api.process.wait(10) == 1
    assert "row.key" in fresh.log_text() and "mode 0600" in fresh.log_text()
    key.chmod(0o600)
    fresh.start_api()


@pytest.fixture
def ordinary():
    """`coffer up` as an ordinary user, under its own and where it can reach them: (process, folder)."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cf-private-", dir="/tmp"))
    try:
        shutil.copytree(BIN, folder / "bin", ignore=lambda _, names: [n for n in names if not n.startswith("coffer") or "." in n])
        for path in (folder, folder / "bin"):
            path.chmod(0o755)
        (folder / "home").mkdir()
        os.chown(folder / "home", ORDINARY_ID, ORDINARY_ID)
        with open(folder / "log", "wb") as log:
            up = subprocess.Popen([folder / "bin/coffer", "up", "--state", "s", "--listen", "127.0.0.1:0"], cwd=folder / "home",
                                  user=ORDINARY_ID, group=ORDINARY_ID, extra_groups=[], env=environment(HOME=folder / "home"),
                                  stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            line = up.stdout.readline()
            assert line.startswith("ready "), (folder / "log").read_text(errors="replace")[-3000:]
            yield up, folder
        finally:
            pids = list(descendants(up.pid))
            up.terminate()
            up.wait(15)
            up.stdout.close()
            gone(pids)
    finally:
        shutil.rmtree(folder)


def may_read(pid):
    """Whether another process of the same user may open its memory."""
    dd = ["dd", f"if=/proc/{pid}/mem", "of=/dev/null", "count=0"]
    return subprocess.run(dd, user=ORDINARY_ID, group=ORDINARY_ID, extra_groups=[], cwd="/", capture_output=True).returncode == 0


def test_nothing_for_others_of_the_same_user(ordinary):
    up, _ = ordinary
    other = subprocess.Popen(["sleep", "60"], user=ORDINARY_ID, group=ORDINARY_ID, extra_groups=[], cwd="/")
    try:
        wait_for(lambda: may_read(other.pid), 5)  # else the lines below show nothing
        pids = {name: pid for pid, name in descendants(up.pid).items()}
        assert DAEMONS <= set(pids), pids
        for pid in [up.pid, *(pids[name] for name in DAEMONS)]:
            assert not may_read(pid)
            assert os.stat(f"/proc/{pid}/mem").st_uid == 0
            assert re.search(r"Max core file size +0 +0 ", pathlib.Path(f"/proc/{pid}/limits").read_text())
    finally:
        other.kill()
        other.wait()


def test_the_enclave_of_a_private_launcher_keeps_its_walls(ordinary):
    """Whose memory cannot be read cannot have its children's ids mapped by an ordinary launcher either, unless it sees to it."""
    up, folder = ordinary
    log = (folder / "log").read_text(errors="replace")
    missing = re.findall(r"barrier=(\S+)", log)
    assert "barrier=uid means=any_process_of_this_user_can_read_the_enclave" in log
    if subprocess.run(["unshare", "--user", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("the kernel grants no user namespaces here")
    assert not set(missing) & {"user_ns", "mount_ns", "pid_ns", "net_ns", "ipc_ns", "root"}, missing
    enclave = [pid for pid, name in descendants(up.pid).items() if name not in DAEMONS]
    assert len(enclave) == 1
    for name in ("user", "mnt", "pid", "net", "ipc"):
        assert os.readlink(f"/proc/{enclave[0]}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}"), name
