# SPDX-License-Identifier: Apache-2.0
"""Somebody writes to the store's file. Each case is told as row_altered before anything is opened or sealed; with the check of the row
bypassed in a program made for it, the enclave still refuses what its own bindings cover."""
import cbor2
import pytest

from stack import Stack

# Places in a row and in a field of encoding 3: docs/formats/record.md section 3.
TENANT, ID, SCHEMA, VERSION, CREATED, MODIFIED, KMS_KEY, SUITE, PUBLIC, WRAPPED, WRITES, FIELDS = range(1, 13)
NAME, ENCODING, WRITE, SEQ, CT = range(5)


class Case:
    """Two vaults a and b of two writes each, as decoded rows, and the rows of a before its second write."""

    def __init__(self, stack):
        self.stack = stack
        self.a = stack.create({"city": "a-city-1", "email": "a@example.org", "state": "a-state"})
        self.b = stack.create({"city": "b-city-1", "email": "b@example.org", "state": "b-state"})
        self.old = stack.row(self.a)
        stack.patch(self.a, {"city": "a-city-2"})
        stack.patch(self.b, {"city": "b-city-2"})
        self.row_a, self.row_b = (cbor2.loads(stack.row(v)[0]) for v in (self.a, self.b))
        self.row_old = cbor2.loads(self.old[0])
        assert cbor2.dumps(self.row_a, canonical=True) == stack.row(self.a)[0]

    @staticmethod
    def field(row, name):
        return next(f for f in row[FIELDS] if f[NAME] == name)

    def store(self):
        self.stack.put_row(self.a, cbor2.dumps(self.row_a, canonical=True))


def flip_ciphertext(c):
    f = c.field(c.row_a, "city")
    f[CT] = bytes([f[CT][0] ^ 1]) + f[CT][1:]


def flip_tag(c):
    f = c.field(c.row_a, "city")
    f[CT] = f[CT][:-1] + bytes([f[CT][-1] ^ 0x80])


def swap_fields(c):
    x, y = c.field(c.row_a, "email"), c.field(c.row_a, "state")
    x[CT], y[CT] = y[CT], x[CT]


def flipped(octets):
    return bytes([octets[0] ^ 1]) + octets[1:]


def from_other_vault(c):
    """The other vault's ciphertexts and writes in place of ours."""
    c.row_a[WRITES], c.row_a[FIELDS] = c.row_b[WRITES], c.row_b[FIELDS]


def swap_writes(c):
    for f in c.row_a[FIELDS]:
        f[WRITE] = 1 - f[WRITE]


def swap_encs(c):
    x, y = c.row_a[WRITES]
    x[2], y[2] = y[2], x[2]


def flip_enc(c):
    for w in c.row_a[WRITES]:
        w[2] = w[2][:50] + bytes([w[2][50] ^ 1]) + w[2][51:]


def other_write_id(c):
    for w in c.row_a[WRITES]:
        w[0] = flipped(w[0])


def other_write_version(c):
    c.row_a[VERSION] = 9
    c.row_a[WRITES][0][1], c.row_a[WRITES][1][1] = 3, 4


def other_schema(c):
    """A name that the service does not know; the unsealed program stops there, before the enclave."""
    c.row_a[SCHEMA] = "people"


def swap_wrapped_keys(c):
    c.row_a[WRAPPED] = c.row_b[WRAPPED]


def whole_keys_of_other(c):
    c.row_a[WRAPPED], c.row_a[PUBLIC] = c.row_b[WRAPPED], c.row_b[PUBLIC]


def other_kms_key(c):
    c.row_a[KMS_KEY] = c.row_a[KMS_KEY][:-1] + ("0" if c.row_a[KMS_KEY][-1] != "0" else "1")


def flip_wrapped_key(c):
    w = c.row_a[WRAPPED]
    c.row_a[WRAPPED] = w[:-20] + bytes([w[-20] ^ 1]) + w[-19:]


OPENED = ["city", "email", "state"]
# case -> what the enclave says of it by itself: a field code, or status and code of the whole answer
CASES = [
    (flip_ciphertext, {"city": "open_failed"}), (flip_tag, {"city": "open_failed"}),
    (swap_fields, {"email": "open_failed", "state": "open_failed"}), (from_other_vault, dict.fromkeys(OPENED, "open_failed")),
    (swap_writes, dict.fromkeys(OPENED, "open_failed")), (swap_encs, dict.fromkeys(OPENED, "open_failed")),
    (flip_enc, dict.fromkeys(OPENED, "open_failed")), (other_write_id, dict.fromkeys(OPENED, "open_failed")),
    (other_write_version, dict.fromkeys(OPENED, "open_failed")), (other_schema, (500, "unsupported")),
    (swap_wrapped_keys, (502, "kms_refused")), (whole_keys_of_other, (502, "kms_refused")), (other_kms_key, (502, "kms_refused")),
    (flip_wrapped_key, (502, "kms_refused"))]
IDS = [f.__name__ for f, _ in CASES]


def row_altered_everywhere(stack, vault):
    answers = [stack.present(vault), stack.patch(vault, {"state": "x"}), stack.delete(vault, {"fields": ["state"]}),
               stack.delete(vault, {"delete_all": True}), stack.decrypt(vault, "city")]
    for answer in answers:
        assert (answer.status, answer.code) == (500, "row_altered"), answer
    log = stack.audit(vault)
    assert [(e["action"], e["outcome"]) for e in log[:4]] == [
        ("vault.decrypt", "row_altered"), ("vault.delete", "row_altered"), ("vault.delete", "row_altered"), ("vault.update", "row_altered")]


@pytest.mark.parametrize("tamper", [f for f, _ in CASES], ids=IDS)
def test_row_altered(stack, tamper):
    case = Case(stack)
    tamper(case)
    case.store()
    row_altered_everywhere(stack, case.a)
    assert stack.values(case.b, *OPENED) == {"city": "b-city-2", "email": "b@example.org", "state": "b-state"}
    run = stack.verify()
    assert run.returncode == 1 and case.a in run.stdout + run.stderr


def test_public_key_of_other_vault(stack):
    """Nothing is sealed to it."""
    case = Case(stack)
    case.row_a[PUBLIC] = case.row_b[PUBLIC]
    case.store()
    row_altered_everywhere(stack, case.a)


def test_seal_altered(stack):
    case = Case(stack)
    row, seal, _ = stack.row(case.a)
    for bad in (flipped(seal), bytes(48), stack.row(case.b)[1], case.old[1]):
        stack.put_row(case.a, row, bad)
        row_altered_everywhere(stack, case.a)
    stack.put_row(case.a, row, seal)
    assert stack.values(case.a, "city") == {"city": "a-city-2"}


def test_whole_row_of_other_vault(stack):
    """Row and seal are genuine, but they are another vault's."""
    case = Case(stack)
    stack.put_row(case.a, *stack.row(case.b))
    row_altered_everywhere(stack, case.a)


def test_version_column_altered(stack):
    """The row is whole, and so readable; but the store refuses the version of the very row that it gives."""
    case = Case(stack)
    row, seal, version = stack.row(case.a)
    stack.put_row(case.a, row, seal, version + 5)
    assert stack.values(case.a, "city") == {"city": "a-city-2"}
    answer = stack.patch(case.a, {"city": "x"})
    assert (answer.status, answer.code) == (500, "row_altered")


def test_row_removed(stack):
    case = Case(stack)
    stack.sql("DELETE FROM vaults WHERE id = ?", case.a)
    assert stack.decrypt(case.a, "city").code == "vault_unknown"
    run = stack.verify()
    assert run.returncode == 1 and case.a in run.stdout + run.stderr


def test_whole_old_row_is_found_by_verify(fresh):
    """A genuine older row with its seal: only the audit log remembers the newer one."""
    case = Case(fresh)
    assert fresh.verify().returncode == 0
    fresh.put_row(case.a, *case.old)
    assert fresh.values(case.a, "city") == {"city": "a-city-1"}
    run = fresh.verify()
    assert run.returncode == 1 and case.a in run.stdout + run.stderr
    assert case.b not in run.stdout


def test_deleted_vault_put_back(fresh):
    case = Case(fresh)
    before = fresh.row(case.a)
    assert fresh.delete(case.a, {"delete_all": True}).status == 200
    fresh.put_row(case.a, *before)
    run = fresh.verify()
    assert run.returncode == 1 and case.a in run.stdout + run.stderr


def test_token_made_in_the_store(fresh):
    """Who can write the store can make no token, nor widen one."""
    import hashlib
    text = "coffer_" + "A" * 43
    made = fresh.make_token("read")
    vault = fresh.create({"city": "x"})
    columns = [c[1] for c in fresh.sql("PRAGMA table_info(tokens)")]
    row = dict(zip(columns, fresh.sql("SELECT * FROM tokens WHERE id = ?", made["id"])[0]))
    row.update(id="t_forged", hash=hashlib.sha256(text.encode()).digest(), scopes=15)
    fresh.sql(f"INSERT INTO tokens ({','.join(row)}) VALUES ({','.join('?' * len(row))})", *row.values())
    assert fresh.decrypt(vault, "city", token=text).status == 401
    fresh.sql("UPDATE tokens SET scopes = 15 WHERE id = ?", made["id"])
    before = fresh.token
    fresh.restart_api()  # nothing is cached any more, and no admin is made for want of a whole list
    assert fresh.token == before
    assert fresh.decrypt(vault, "city", token=made["token"]).status == 401
    assert fresh.decrypt(vault, "city").status == 200
    states = {t["id"]: t["state"] for t in fresh.request("GET", "/v1/tokens").json["tokens"]}
    assert states.pop("t_forged") == states.pop(made["id"]) == "altered" and list(states.values()) == ["active"]
    assert "token.altered" in fresh.log_text()


def test_anchor_removed(fresh):
    """A finding, unless it is known that the store is a backup; and a line in the log of the next start."""
    fresh.create({"city": "x"})
    assert fresh.api.stop() == 0
    assert "anchor.missing" not in fresh.api.log.read_text()
    (fresh.api_state / "audit.anchor").unlink()
    run = fresh.verify()
    assert run.returncode == 1 and run.stdout.startswith("anchor_missing")
    assert fresh.verify("--no-anchor").returncode == 0
    fresh.start_api()
    assert "warn api anchor.missing" in fresh.api.log.read_text()
    assert fresh.verify().returncode == 0


def test_old_row_is_not_changed(fresh):
    """A deleted vault put back and then changed would get a genuine seal and entry."""
    case = Case(fresh)
    before = fresh.row(case.a)
    assert fresh.delete(case.a, {"delete_all": True}).status == 200
    fresh.put_row(case.a, *before)
    answer = fresh.patch(case.a, {"city": "x"})
    assert (answer.status, answer.code) == (500, "row_altered")
    assert fresh.create({"city": "x"})
    assert fresh.verify().returncode == 1


def test_index_added_while_it_runs(fresh):
    """It could answer the service's look-ups with what no verification reads."""
    case = Case(fresh)
    fresh.sql("CREATE INDEX y ON vaults (id, row, seal)")
    answer = fresh.decrypt(case.a, "city")
    assert (answer.status, answer.code) == (500, "audit_altered")
    run = fresh.verify()
    assert run.returncode == 1 and run.stdout.startswith("schema")
    fresh.api.stop()
    fresh.start_api(ready=False)
    assert fresh.api.process.wait(20) == 1
    assert "coffer audit verify" in fresh.api.log.read_text()
    fresh.sql("DROP INDEX y")
    fresh.start_api()
    assert fresh.values(case.a, "city") == {"city": "a-city-2"}
    assert fresh.verify().returncode == 0


@pytest.mark.parametrize("what", ["entry", "head", "removed_last", "anchor"])
def test_altered_log_is_not_served(fresh, what):
    """A start on a log that was altered ends with a clear message and status 1."""
    fresh.create({"city": "x"})
    assert fresh.api.stop() == 0
    if what == "entry":
        fresh.sql("UPDATE audit SET hash = zeroblob(48) WHERE seq = (SELECT max(seq) FROM audit)")
    elif what == "head":
        fresh.sql("UPDATE store SET head = zeroblob(104)")
    elif what == "removed_last":
        fresh.sql("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)")
    else:
        for path in fresh.api_state.glob("store.db*"):
            path.unlink()
    fresh.start_api(ready=False)
    assert fresh.api.process.wait(20) == 1
    log = fresh.api.log.read_text()
    assert "audit_altered" in log and "coffer audit verify" in log


# --- without the row's seal ---

@pytest.fixture(scope="module")
def unsealed(tmp_path_factory):
    with Stack(tmp_path_factory.mktemp("unsealed"), api="coffer-api-unsealed") as s:
        yield s


@pytest.mark.parametrize("tamper, expected", CASES, ids=IDS)
def test_enclave_refuses_by_itself(unsealed, tamper, expected):
    case = Case(unsealed)
    assert unsealed.values(case.a, "city") == {"city": "a-city-2"}
    tamper(case)
    case.store()
    answer = unsealed.decrypt(case.a, *OPENED)
    if isinstance(expected, tuple):
        assert (answer.status, answer.code) == expected, answer
        return
    assert answer.status == 200, answer
    assert {e["field"]: e["code"] for e in answer.json["errors"]} == expected
    assert set(answer.json["data"]) == set(OPENED) - set(expected)
    assert unsealed.audit(case.a)[0]["outcome"] == "open_failed"


def test_enclave_refuses_whole_row_of_other_vault(unsealed):
    """The key is bound to the vault that the caller named, not to the one that the row names."""
    case = Case(unsealed)
    unsealed.put_row(case.a, *unsealed.row(case.b))
    answer = unsealed.decrypt(case.a, "city")
    assert (answer.status, answer.code) == (502, "kms_refused"), answer


def test_what_was_sealed_to_a_foreign_key_does_not_open(unsealed):
    case = Case(unsealed)
    case.row_a[PUBLIC] = case.row_b[PUBLIC]
    case.store()
    assert unsealed.patch(case.a, {"state": "x"}).status == 200
    answer = unsealed.decrypt(case.a, "state", "city")
    assert answer.json == {"data": {"city": "a-city-2"}, "errors": [{"field": "state", "code": "open_failed"}]}


def test_encoding_2_moved(tmp_path):
    """Its ciphertexts are bound to vault and field alone; a swap of either is refused."""
    with Stack(tmp_path, api="coffer-api-unsealed", api_args=["--encoding", "2"]) as s:
        case = Case(s)
        assert s.values(case.a, *OPENED) == {"city": "a-city-2", "email": "a@example.org", "state": "a-state"}
        x, y = case.field(case.row_a, "email"), case.field(case.row_a, "state")
        x[2], y[2] = y[2], x[2]
        case.field(case.row_a, "city")[2] = case.field(case.row_b, "city")[2]
        case.store()
        answer = s.decrypt(case.a, *OPENED)
        assert {e["field"]: e["code"] for e in answer.json["errors"]} == dict.fromkeys(OPENED, "open_failed")
