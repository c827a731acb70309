# SPDX-License-Identifier: Apache-2.0
"""coffer import against a stand-in for the service: progress, journal, interruptions, bad lines (docs/cli.md, Importing)."""
import collections
import json
import os
import resource
import pty
import re
import signal
import subprocess
import time

import pytest
from fake_api import DROP, TOKEN, FakeApi, fault
from programs import BIN, coffer, environment, wait_for

LINE_BYTES_MAX = 1 << 20


@pytest.fixture
def fake():
    api = FakeApi()
    yield api
    api.close()


class Import:
    """A file to import, and the command on it."""

    def __init__(self, folder, fake):
        self.file, self.journal, self.fake = folder / "p.jsonl", folder / "p.jsonl.import", fake

    def write(self, lines):
        self.file.write_bytes(b"".join(line if isinstance(line, bytes) else line.encode() + b"\n" for line in lines))

    def env(self):
        return {"COFFER_URL": self.fake.url, "COFFER_TOKEN": TOKEN}

    def run(self, *words, status=0):
        run = coffer("import", self.file, *words, env=self.env())
        assert run.returncode == status, (run.returncode, run.stdout, run.stderr[-2000:])
        return run

    def json(self, *words, status=0):
        return json.loads(self.run("--json", *words, status=status).stdout)

    def start(self, *words, **more):
        return subprocess.Popen([BIN / "coffer", "import", self.file, *words], env=environment(**self.env()), **more)

    def rows(self, word):
        return [row.split()[1:] for row in self.journal.read_text().splitlines() if row.split()[0] == word]

    def sent(self):
        """How often each line's n was sent."""
        return collections.Counter(r.json()["n"] for r in self.fake.requests if r.method == "POST")


@pytest.fixture
def imp(tmp_path, fake):
    return Import(tmp_path, fake)


def numbered(count, start=1):
    return [json.dumps({"n": str(i)}) for i in range(start, start + count)]


def summary(done=0, bad=0, skipped=0, bad_before=0, in_doubt=0, complete=True):
    return {"done": done, "bad": bad, "skipped": skipped, "bad_before": bad_before, "in_doubt": in_doubt, "complete": complete}


def test_imports_every_line_once(imp):
    imp.write(numbered(200))
    assert imp.json() == summary(done=200)
    assert imp.sent() == {str(i): 1 for i in range(1, 201)} and len(imp.fake.vaults) == 200
    assert imp.journal.read_text().startswith(f"file {imp.file.stat().st_size}\n")
    assert sorted(int(row[0]) for row in imp.rows("done")) == list(range(1, 201))
    for line, vault in imp.rows("done"):
        assert imp.fake.vaults[vault]["fields"]["n"] == line
    assert "canary" not in imp.journal.read_text()
    again = imp.run()
    assert again.stdout == "0 imported, 0 bad; before: 200 imported, 0 bad\n" and len(imp.fake.requests) == 200


@pytest.mark.parametrize("jobs", [1, 3, 64])
def test_jobs(imp, jobs):
    imp.write(numbered(100))
    imp.fake.gate.clear()
    run = imp.start("--jobs", str(jobs), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: imp.fake.busy == jobs)
    time.sleep(0.05)
    assert imp.fake.busy == jobs
    imp.fake.gate.set()
    assert run.communicate(timeout=30)[0].startswith(b"100 imported") and imp.fake.busy_most == jobs


def test_schema_and_journal_options(imp, tmp_path):
    imp.write(numbered(1))
    imp.run("--schema", "pet", "--journal", tmp_path / "elsewhere")
    assert imp.fake.requests[-1].path == "/v1/vaults?schema=pet"
    assert (tmp_path / "elsewhere").exists() and not imp.journal.exists()


def test_ends_of_lines(imp):
    imp.write([b'{"n":"1"}\r\n', b"\r\n", b"\n", b" \t\n", b'{"n":"5"}\n', b"\n", b'{"n":"7"}'])
    assert imp.json("--jobs", "1") == summary(done=3)
    assert [r.body for r in imp.fake.requests] == [b'{"n":"1"}', b'{"n":"5"}', b'{"n":"7"}']
    assert [row[0] for row in imp.rows("done")] == ["1", "5", "7"]


def test_empty_file(imp):
    imp.write([])
    assert imp.json() == summary() and imp.json() == summary()


def test_bad_lines(imp):
    canary = "canary-4711@example.org"
    imp.write([json.dumps({"n": "1"}), json.dumps({"email": "BAD " + canary, "city": "BAD " + canary}), '{"email":"%s' % canary,
               json.dumps({"n": "4", "email": canary}), b'{"n":"\xff%s"}\n' % canary.encode(), b"\0\0%s\n" % canary.encode()])
    run = imp.run(status=4)
    assert run.stdout == "2 imported, 4 bad\n"
    lines = {line.split(":")[0]: line for line in run.stderr.splitlines() if line.startswith("line ")}
    assert sorted(lines) == ["line 2", "line 3", "line 5", "line 6"]
    assert lines["line 2"] == ("line 2: bad_value email: the value does not meet the schema; "
                               "city: the value does not meet the schema")
    assert lines["line 3"] == "line 3: malformed"
    assert canary not in run.stderr + run.stdout + imp.journal.read_text()
    assert sorted(row for row in imp.rows("bad")) == [["2", "bad_value"], ["3", "malformed"], ["5", "malformed"], ["6", "malformed"]]
    # repeated: nothing is sent, the import is still not whole
    sent = len(imp.fake.requests)
    assert imp.json(status=4) == summary(skipped=2, bad_before=4) and len(imp.fake.requests) == sent
    imp.write(numbered(6))
    assert imp.json("--restart") == summary(done=6)


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422])
def test_statuses_that_blame_the_line(imp, status):
    imp.write(numbered(3))
    imp.fake.orders = [None, (status, b"")]
    assert imp.json("--jobs", "1", status=4) == summary(done=2, bad=1)


@pytest.mark.parametrize("status,code", [(401, "unauthenticated"), (403, "forbidden"), (404, "route_unknown"), (500, "row_altered"),
                                         (502, "kms_refused")])
def test_statuses_that_stop(imp, status, code):
    imp.write(numbered(20))
    imp.fake.orders = [None, None, fault(status, code)]
    run = imp.run("--jobs", "1", status=1)
    assert "2 imported" in run.stdout and "stopped early" in run.stdout and run.stderr.count(code) == 1
    assert imp.json() == summary(done=18, skipped=2, in_doubt=1)


@pytest.mark.parametrize("status", [429, 503, 504])
def test_busy_is_asked_again(imp, status):
    imp.write(numbered(10))
    imp.fake.orders = [fault(status, "busy")] * 3
    run = imp.run()
    assert "10 imported, 0 bad" in run.stdout and "busy" not in run.stderr
    assert set(imp.sent().values()) <= {1, 2, 3, 4} and len(imp.fake.vaults) == 10


def test_busy_for_too_long(imp):
    imp.write(numbered(1))
    imp.fake.orders = [fault(503, "busy")] * 6
    begun = time.monotonic()
    run = imp.run(status=1)
    assert "busy" in run.stderr and len(imp.fake.requests) == 6 and 3 < time.monotonic() - begun < 8
    assert imp.json() == summary(done=1, in_doubt=1)


def test_long_lines(imp):
    for size, status, want in ((LINE_BYTES_MAX - 1, 0, summary(done=2)), (LINE_BYTES_MAX, 0, summary(done=2)),
                               (LINE_BYTES_MAX + 1, 4, summary(done=1, bad=1))):
        line = '{"n":"' + "x" * (size - 8) + '"}'
        assert len(line) == size
        for end in (b"\n", b"\r\n"):
            imp.write([line.encode() + end, '{"n":"2"}'])
            assert imp.json("--restart", status=status) == want
    assert imp.rows("bad") == [["1", "too_large"]]


def test_a_line_without_end_takes_no_memory(imp):
    with open(imp.file, "wb") as file:
        file.truncate(300 << 20)
    with open(imp.file, "ab") as file:
        file.write(b'\n{"n":"2"}\n')
    run = imp.start("--json", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out = run.stdout.read()
    run.stdout.close()
    _, status, usage = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(status)
    assert run.returncode == 4 and json.loads(out) == summary(done=1, bad=1)
    # A child's peak counts what its parent held when it forked, so the test's own peak is the floor.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert usage.ru_maxrss < max(own, 64 << 10) + (64 << 10)  # KiB; the line alone is 300 << 10


def test_progress_without_a_terminal(imp):
    imp.write(numbered(300))
    lines = [line for line in imp.run("--jobs", "2").stderr.splitlines()]
    shown = [re.fullmatch(r"import (\d+)%: (\d+) done, 0 bad", line) for line in lines]
    assert all(shown) and 3 < len(lines) <= 11  # few lines, for a log
    assert [int(m[1]) for m in shown] == sorted({int(m[1]) for m in shown}) and shown[-1][0] == "import 100%: 300 done, 0 bad"


def read_terminal(fd):
    """What a terminal was sent until the other side is closed."""
    text = b""
    while True:
        try:
            data = os.read(fd, 65536)
        except OSError:
            return text.decode()
        if not data:
            return text.decode()
        text += data


def test_progress_on_a_terminal(imp):
    imp.write(numbered(50) + ['{"city":"BAD"}'] + numbered(50, 52))
    try:
        ours, theirs = pty.openpty()
    except OSError:
        pytest.skip("no pseudo-terminals here")
    run = imp.start("--jobs", "1", stderr=theirs, stdout=subprocess.PIPE)
    os.close(theirs)
    shown = read_terminal(ours)
    assert run.wait(30) == 4 and run.stdout.read().startswith(b"100 imported, 1 bad")
    run.stdout.close()
    os.close(ours)
    bars = re.findall(r"\rimport \[([#.]{40})\] (\d+) done, (\d+) bad", shown)
    full = [bar.count("#") for bar, *_ in bars]
    assert len(bars) == 102 and full == sorted(full) and full[-1] == 40 and full[0] < 40
    assert bars[-1][1:] == ("100", "1") and shown.endswith("bad\r\n")
    assert "\nline 51: bad_value city: the value does not meet the schema\r\n" in shown


def test_stop_is_not_shown_as_the_end(imp):
    imp.write(numbered(2000))
    imp.fake.orders = [None] * 20 + [fault(403, "forbidden")] * 8
    assert "import 100%" not in imp.run("--jobs", "8", status=1).stderr


@pytest.mark.parametrize("jobs", [1, 8])
def test_resumes_after_kill(imp, jobs):
    imp.write(numbered(400))
    imp.fake.orders = [None] * 100 + [lambda _: imp.fake.gate.clear()]
    run = imp.start("--jobs", str(jobs), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: not imp.fake.gate.is_set())
    time.sleep(0.1)  # what is under way has its answer, or waits at the gate
    run.send_signal(signal.SIGKILL)
    assert run.wait(10) == -signal.SIGKILL
    done, begun = len(imp.rows("done")), len(imp.rows("start"))
    assert 100 - jobs <= done < 400 and done < begun <= done + jobs
    imp.fake.gate.set()
    assert imp.json() == summary(done=400 - done, skipped=done, in_doubt=begun - done)
    twice = [n for n, times in imp.sent().items() if times > 1]
    assert len(imp.sent()) == 400 and len(twice) <= begun - done
    assert imp.json() == summary(skipped=400)


def test_says_what_is_in_doubt(imp):
    imp.write(numbered(3))
    imp.journal.write_text(f"file {imp.file.stat().st_size}\nstart 1\ndone 1 v_x\nstart 2\n")
    run = imp.run()
    assert run.stdout == ("2 imported, 0 bad; before: 1 imported, 0 bad\n"
                          "1 lines were under way when the last import stopped and were sent again: they may exist twice\n")
    assert sorted(imp.sent()) == ["2", "3"]


def test_service_gone_and_back(imp):
    imp.write(numbered(300))
    imp.fake.orders = [None] * 99 + [lambda _: imp.fake.server.shutdown() or imp.fake.server.server_close() or DROP] + [DROP] * 32
    run = imp.run("--jobs", "4", status=3)
    assert "stopped early; the same command goes on from here" in run.stdout
    assert run.stderr.count("does not answer") == 1
    done = len(imp.rows("done"))
    assert 90 < done < 110
    again = FakeApi()
    try:
        imp.fake = again
        rest = imp.json()
        assert rest["complete"] and rest["done"] == 300 - done and rest["skipped"] == done and 1 <= rest["in_doubt"] <= 4
        assert len(again.vaults) == 300 - done
    finally:
        again.close()


def test_no_line_is_sent_twice_in_silence(imp):
    """A connection lost in mid-request leaves the line in doubt: the service may have taken it."""
    imp.write(numbered(20))
    imp.fake.orders = [None] * 7 + [DROP]
    assert "7 imported" in imp.run("--jobs", "1", status=3).stdout
    assert imp.sent()["8"] == 1 and len(imp.sent()) == 8
    assert imp.json() == summary(done=13, skipped=7, in_doubt=1)
    assert {n for n, times in imp.sent().items() if times > 1} == {"8"}


def test_service_never_there(imp):
    imp.write(numbered(10))
    imp.fake.close()
    run = imp.run(status=3)
    assert run.stderr.count("does not answer") == 1 and "0 imported" in run.stdout
    assert "no service address" in coffer("import", imp.file, env={"COFFER_STATE": imp.file}, check=2).stderr
    assert coffer("import", imp.file, env={"COFFER_STATE": imp.file}).stderr.count("\n") == 1


def test_one_import_at_a_time(imp):
    imp.write(numbered(10))
    imp.fake.gate.clear()
    run = imp.start(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: imp.fake.busy)
    assert "another import uses the journal" in imp.run(status=2).stderr
    imp.fake.gate.set()
    assert run.wait(10) == 0 and set(imp.sent().values()) == {1}


def test_journal_of_another_file(imp):
    imp.write(numbered(10))
    imp.run()
    imp.write(numbered(11))
    assert "--restart" in imp.run(status=2).stderr
    assert len(imp.fake.requests) == 10


def test_journal_cut_short(imp):
    imp.write(numbered(12))
    imp.run("--jobs", "1")
    whole = imp.journal.read_bytes()
    imp.journal.write_bytes(whole[:whole.index(b"done 12 ") + 6])  # "done 1", which would name another line
    assert imp.json() == summary(done=1, skipped=11, in_doubt=1)
    assert imp.journal.read_bytes().count(b"done 12 v_") == 1


@pytest.mark.parametrize("path", ["/dev/full", "/dev/null", "/none/j", ""])
def test_journal_that_cannot_be_used(imp, path):
    imp.write(numbered(10))
    assert "journal" in imp.run("--journal", path, status=2).stderr and imp.fake.requests == []
