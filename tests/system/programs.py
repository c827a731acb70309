# SPDX-License-Identifier: Apache-2.0
"""Programs of the build under test, and how tests run them."""
import os
import pathlib
import signal
import subprocess
import time

ROOT = pathlib.Path(os.environ.get("CF_ROOT") or pathlib.Path(__file__).resolve().parents[2])
BIN = pathlib.Path(os.environ.get("CF_BIN") or ROOT / "build/release/bin")
PEOPLE = ROOT / "examples/people.jsonl"


def environment(**more):
    """The caller's, without what would point the command line to another service."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("COFFER_")}
    env.update({k: str(v) for k, v in more.items()})
    return env


def coffer(*words, env=None, stdin="", timeout=60, bin=BIN, cwd=None, check=None):
    """Runs coffer to its end. check: the exit status it must have."""
    run = subprocess.run([bin / "coffer", *map(str, words)], env=environment(**(env or {})), timeout=timeout, cwd=cwd,
                         input=stdin, capture_output=True, text=not isinstance(stdin, bytes))
    if check is not None:
        assert run.returncode == check, (words, run.returncode, run.stdout[-2000:], run.stderr[-2000:])
    return run


def wait_for(condition, seconds=10, step=0.01):
    """The first true value of the condition; fails after some seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "waited too long"
        time.sleep(step)


def stat_of(pid):
    """(name, state, parent) of a process, or None when there is none."""
    try:
        head, _, rest = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent = rest.split()[:2]
    return head.partition("(")[2], state, int(parent)


def descendants(pid):
    """{pid: name} of all processes below one, zombies left out."""
    parents = {}
    for entry in os.listdir("/proc"):
        stat = stat_of(entry) if entry.isdigit() else None
        if stat and stat[1] != "Z":
            parents[int(entry)] = stat
    found, below = {}, {pid}
    while below:
        below = {p for p, stat in parents.items() if stat[2] in below and p not in found}
        found.update({p: parents[p][0] for p in below})
    return found


def gone(pids, seconds=5):
    """Waits until none of the processes is there, other than as a zombie that nobody has waited for."""
    wait_for(lambda: not [p for p in pids if (stat_of(p) or ("", "Z", 0))[1] != "Z"], seconds)


class Up:
    """`coffer up` on a state folder, until stop() or the end of `with`. It runs beside the folder and names it without its path,
    which may be too long for a socket. ready: seconds to wait for the ready line; 0 does not. cores: core files are allowed."""

    def __init__(self, state, *words, bin=BIN, ready=30, listen="127.0.0.1:0", cores=False):
        self.state = pathlib.Path(state).resolve()
        self.log = open(f"{self.state}.log", "ab")
        limit = ["prlimit", "--core=unlimited"] if cores else []
        self.process = subprocess.Popen([*limit, bin / "coffer", "up", "--state", self.state.name, "--listen", listen, *map(str, words)],
                                        stdout=subprocess.PIPE, stderr=self.log, env=environment(), cwd=self.state.parent, text=True)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.ready_line = ""
        if ready:
            try:
                wait_for(lambda: self.look() or self.process.poll() is not None, ready)
                assert self.look(), f"not ready:\n{self.log_text()[-3000:]}"
            except BaseException:
                self.stop()
                raise
            self.url = self.ready_line.split()[1] if self.ready_line.startswith("ready ") else ""

    def look(self):
        try:
            self.ready_line += os.read(self.process.stdout.fileno(), 4096).decode()
        except BlockingIOError:
            pass
        return self.ready_line.endswith("\n")

    def log_text(self):
        self.log.flush()
        return pathlib.Path(self.log.name).read_text(errors="replace")

    @property
    def token(self):
        return (self.state / "admin.token").read_text().strip()

    @property
    def port(self):
        return int(self.url.rpartition(":")[2])

    def children(self):
        """{name: pid}; a program that runs more than once stands there once."""
        return {name: pid for pid, name in descendants(self.process.pid).items()}

    def coffer(self, *words, **more):
        return coffer(*words, env={"COFFER_STATE": self.state}, **more)

    def stop(self, seconds=15):
        """SIGTERM; gives the exit status once everything below is gone."""
        pids = list(descendants(self.process.pid))
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(seconds)
        self.process.stdout.close()
        self.log.close()
        gone(pids)
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
