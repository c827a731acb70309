# SPDX-License-Identifier: Apache-2.0
"""coffer export and coffer audit verify, which read the store of a service by themselves, running or not."""
import base64
import hashlib
import json
import shutil
import sqlite3

import pytest
from programs import Up, coffer

VALUE = "canary-of-the-store@example.org"


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The state of a service that has ended: three vaults, one of them changed, one deleted."""
    state = tmp_path_factory.mktemp("store") / "state"
    with Up(state) as up:
        ids = [up.coffer("vault", "create", stdin=json.dumps({"email": VALUE}), check=0).stdout.strip() for _ in range(3)]
        up.coffer("vault", "update", ids[1], stdin='{"city":"x"}', check=0)
        up.coffer("vault", "delete", ids[2], "--all", check=0)
        running = up.coffer("export", "--ciphertext", check=0).stdout
        up.coffer("audit", "verify", check=0)
    return state, ids, running


@pytest.fixture
def copy(stopped, tmp_path):
    """A state to be tampered with, and how: (state, ids, sql)."""
    state = tmp_path / "state"
    shutil.copytree(stopped[0], state, ignore=shutil.ignore_patterns("*.sock"))

    def sql(statement, *values):
        with sqlite3.connect(state / "api/store.db") as db:
            rows = db.execute(statement, values).fetchall()
        db.close()
        return rows
    return state, stopped[1], sql


def test_export(stopped, tmp_path):
    state, ids, running = stopped
    text = coffer("export", "--ciphertext", "--state", state, check=0).stdout
    assert text == running, "the same of a running service and of a stopped one"
    rows = {row["id"]: row for row in map(json.loads, text.splitlines())}
    assert set(rows) == set(ids) and [rows[i]["version"] for i in ids] == [1, 2, 2]
    assert all(set(row) == {"id", "version", "row", "seal"} and len(base64.b64decode(row["seal"])) == 48 for row in rows.values())
    for row in rows.values():  # nothing is opened
        assert VALUE.encode() not in base64.b64decode(row["row"])
    assert len(rows[ids[2]]["row"]) < len(rows[ids[0]]["row"]) / 2, "a tombstone has no keys and no fields"
    out = tmp_path / "rows"
    run = coffer("export", "--ciphertext", "--out", out, "--state", state, check=0)
    assert out.read_text() == text and run.stdout == "" and run.stderr == "3 rows exported\n"
    assert "must not exist" in coffer("export", "--ciphertext", "--out", out, "--state", state, check=1).stderr and out.read_text() == text
    run = coffer("export", "--ciphertext", "--json", "--out", tmp_path / "more", "--state", state, check=0)
    assert json.loads(run.stdout) == {"rows": 3} and run.stderr == ""


def test_export_that_cannot_be_written(stopped):
    run = coffer("export", "--ciphertext", "--out", "/dev/full", "--state", stopped[0], check=1)
    assert "cannot create /dev/full" in run.stderr


@pytest.mark.parametrize("words", [["export", "--ciphertext"], ["audit", "verify"], ["audit", "verify", "--json"]], ids=" ".join)
def test_no_store(copy, tmp_path, words):
    state, _, _ = copy
    assert "not_found" in coffer(*words, "--state", tmp_path / "nowhere", check=1).stderr
    key = (state / "api/row.key").read_bytes()
    for octets, said in ((key[:31], "bad_key"), (key + b"x", "too_large")):
        (state / "api/row.key").write_bytes(octets)
        run = coffer(*words, "--state", state, check=1)
        assert run.stdout == "" and said in run.stderr
    (state / "api/row.key").write_bytes(key)
    (state / "api/store.db").write_bytes(b"no database, but long enough to be looked at" * 100)
    run = coffer(*words, "--state", state, check=1)
    assert run.stdout == "" and "cannot be opened" in run.stderr


def verify(state):
    """Findings as text lines and as JSON, which agree; the exit status is that of findings."""
    text = coffer("audit", "verify", "--state", state)
    value = json.loads(coffer("audit", "verify", "--json", "--state", state, check=text.returncode).stdout)
    *lines, last = text.stdout.splitlines()
    assert text.stderr == "" and text.returncode == (0 if value["whole"] else 1) and value["whole"] == (not lines)
    assert [line.split(":")[0].split()[0] for line in lines] == [f["code"] for f in value["findings"]]
    assert last.startswith(f"{value['entries']} entries, {value['rows']} rows, {value['tokens']} tokens: ")
    assert last.endswith("whole" if value["whole"] else f"{len(lines)} findings") and VALUE not in text.stdout
    return lines, value


def test_verify_whole(stopped):
    lines, value = verify(stopped[0])
    assert lines == [] and value["rows"] == 3 and value["tokens"] == 1 and value["findings"] == []


def test_verify_names_what_was_altered(copy):
    state, ids, sql = copy
    row, = sql("SELECT row FROM vaults WHERE id = ?", ids[0])[0]
    sql("UPDATE vaults SET row = ? WHERE id = ?", row[:-1] + bytes([row[-1] ^ 1]), ids[0])
    lines, value = verify(state)
    assert lines == [f"row_seal {ids[0]}: the row's seal does not hold"]
    assert value["findings"] == [{"code": "row_seal", "seq": 0, "object": ids[0]}]


def test_verify_old_row_put_back(copy):
    state, ids, sql = copy
    other = sql("SELECT row, seal, version FROM vaults WHERE id = ?", ids[1])[0]
    assert other[2] == 2
    sql("DELETE FROM vaults WHERE id = ?", ids[1])
    lines, _ = verify(state)
    assert len(lines) == 1 and lines[0].startswith("row_missing ") and ids[1] in lines[0]


def test_verify_entries(copy):
    state, ids, sql = copy
    newest, = sql("SELECT max(seq) FROM audit")[0]
    sql("DELETE FROM audit WHERE seq = 4")
    lines, value = verify(state)
    assert lines[0].startswith("entry_missing entry 5") and {f["code"] for f in value["findings"]} >= {"entry_missing"}
    sql("DELETE FROM audit WHERE seq = ?", newest)
    codes = {f["code"] for f in verify(state)[1]["findings"]}
    assert "head_seq" in codes and "anchor_ahead" in codes


def test_verify_many_findings_and_odd_ids(copy):
    """An id that somebody wrote into the store cannot speak to the terminal."""
    state, ids, sql = copy
    row, seal, version = sql("SELECT row, seal, version FROM vaults WHERE id = ?", ids[0])[0]
    sql("INSERT INTO vaults (id, version, row, seal) VALUES (?, ?, ?, ?)", "v_\x1b[2J\n\u202e\u00e9", version, row, seal)
    lines, value = verify(state)
    assert any("v_\\x1b[2J\\x0a" in line for line in lines) and not any("\x1b" in line for line in lines)
    assert any(f["object"] == "v_\x1b[2J\n\u202e\u00e9" for f in value["findings"])


def test_verify_changes_nothing(stopped):
    state = stopped[0]

    def picture():
        return {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in (state / "api").iterdir() if not p.name.endswith("-shm")}
    before = picture()
    verify(state)
    coffer("export", "--ciphertext", "--state", state, check=0)
    assert {p: h for p, h in picture().items() if p in before} == before
