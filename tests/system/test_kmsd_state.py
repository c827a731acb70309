# SPDX-License-Identifier: Apache-2.0
"""What coffer-kmsd keeps: whatever it has answered is there after kill -9, in a backup that was made while it ran, and after a restore."""
import base64
import http.client
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from programs import ROOT
from signed_kmsd import ACCOUNT, Refused, SignedKmsd, UnixConnection

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
from attest_tool import Tool  # noqa: E402

ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    tool = Tool()
    yield tool.root(tmp_path_factory.mktemp("nsm"))
    tool.close()


@pytest.fixture
def kms(root, tmp_path):
    k = SignedKmsd(tmp_path, root)
    yield k
    k.close()


def caller(kms):
    """Calls over one connection that is kept."""
    directory = os.open(kms.folder, os.O_PATH)
    connection = UnixConnection(f"/proc/self/fd/{directory}/kms.sock")

    def call(operation, **members):
        connection.request("POST", "/", json.dumps(members), {"X-Amz-Target": f"TrentService.{operation}",
                                                              "Content-Type": "application/x-amz-json-1.1"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            error = json.loads(body)
            raise Refused(answer.status, error["__type"], error.get("message"))
        return json.loads(body) if body else None

    return call


class Known:
    """One key, and what its service has answered about it: of each fact the values of which one must stand."""

    def __init__(self, key, blob, writer):
        self.key, self.blob, self.writer = key, blob, writer
        self.facts = {"description": ["first"], "tag": [None], "enabled": [True], "rotations": [0], "period": [None], "alias": [None],
                      "grants": [0]}

    def look(self, call):
        meta = call("DescribeKey", KeyId=self.key)["KeyMetadata"]
        tags = {t["TagKey"]: t["TagValue"] for t in call("ListResourceTags", KeyId=self.key)["Tags"]}
        aliases = [a["AliasName"] for a in call("ListAliases", KeyId=self.key)["Aliases"]]
        return {"description": meta["Description"], "tag": tags.get("tag"), "enabled": meta["Enabled"],
                "rotations": len(call("ListKeyRotations", KeyId=self.key, Limit=1000)["Rotations"]),
                "period": call("GetKeyRotationStatus", KeyId=self.key).get("RotationPeriodInDays"),
                "alias": aliases[0] if aliases else None, "grants": len(call("ListGrants", KeyId=self.key, Limit=100)["Grants"])}


KEYS_EACH = 30  # of a writer: every one is looked at after every kill


class Writer(threading.Thread):
    """Makes keys and changes those of its number, until the service is gone. turn: no two of one number have the same."""

    def __init__(self, kms, number, known, turn=0):
        super().__init__()
        self.kms, self.chance, self.known, self.over = kms, random.Random(f"{number} {turn}"), known, threading.Event()
        self.number, self.turn, self.n, self.changes, self.failed = number, turn, 0, 0, None

    def run(self):
        call = caller(self.kms)
        try:
            while not self.over.is_set():
                self.step(call)
        except (OSError, http.client.HTTPException):
            pass
        except Refused as e:
            self.failed = e

    def step(self, call):
        self.n += 1
        mine = [k for k in self.known if k.writer == self.number]
        if len(mine) < 5 or (len(mine) < KEYS_EACH and self.chance.random() < 0.1):
            key = call("CreateKey", Description="first")["KeyMetadata"]["KeyId"]
            blob = call("Encrypt", KeyId=key, Plaintext=base64.b64encode(key.encode()).decode())["CiphertextBlob"]
            self.known.append(Known(key, blob, self.number))
            return
        known = self.chance.choice(mine)
        fact, value, operation, members = self.change(known)
        known.facts[fact].append(value)
        call(operation, **({} if "AliasName" in members else {"KeyId": known.key}), **members)
        known.facts[fact] = [value]
        self.changes += 1

    def change(self, known):
        """(fact, its next value, operation, members)"""
        facts, tag = known.facts, f"{self.number}-{self.turn}-{self.n}"
        kinds = [("description", tag, "UpdateKeyDescription", {"Description": tag}),
                 ("tag", tag, "TagResource", {"Tags": [{"TagKey": "tag", "TagValue": tag}]}),
                 ("grants", facts["grants"][0] + 1, "CreateGrant", {"GranteePrincipal": ALICE, "Operations": ["Decrypt"]})]
        if facts["enabled"] == [True]:
            kinds += [("period", 90 + self.n % 1000, "EnableKeyRotation", {"RotationPeriodInDays": 90 + self.n % 1000})]
            if facts["rotations"][0] < 20:
                kinds += [("rotations", facts["rotations"][0] + 1, "RotateKeyOnDemand", {})]
            kinds += [("enabled", False, "DisableKey", {})]
        else:
            kinds = [("enabled", True, "EnableKey", {})]
        if facts["alias"] == [None]:
            kinds += [("alias", f"alias/{tag}", "CreateAlias", {"AliasName": f"alias/{tag}", "TargetKeyId": known.key})]
        else:
            kinds += [("alias", None, "DeleteAlias", {"AliasName": facts["alias"][0]})]
        if facts["grants"][0] > 20:
            kinds = [k for k in kinds if k[0] != "grants"] or kinds
        return self.chance.choice(kinds)


def check(kms, known):
    """What stands is what was answered, or of what was on its way the old or the new; that is then what must stand."""
    call = caller(kms)
    for k in known:
        stands = k.look(call)
        for fact, values in k.facts.items():
            assert stands[fact] in values, (k.key, fact, stands[fact], values)
            k.facts[fact] = [stands[fact]]
        if stands["enabled"]:
            assert base64.b64decode(call("Decrypt", CiphertextBlob=k.blob)["Plaintext"]).decode() == k.key


@pytest.mark.parametrize("rounds", [4, pytest.param(100, marks=pytest.mark.long)])
def test_kill(kms, rounds):
    known, chance, changes = [], random.Random(3), 0
    for turn in range(rounds):
        writers = [Writer(kms, i, known, turn) for i in range(3)]
        for w in writers:
            w.start()
        time.sleep(chance.uniform(0.2, 0.6))
        kms.end(signal.SIGKILL)
        for w in writers:
            w.over.set()
            w.join(20)
            assert w.failed is None, w.failed
            changes += w.changes
        kms.start(kms.host)
        check(kms, known)
        for event in ("key.damaged", "alias.damaged", "grant.damaged"):
            assert not kms.log_lines(event)
    left = [p.name for kind in ("keys", "aliases", "grants") for p in (kms.folder / "state" / kind).iterdir() if p.suffix != ".cbor"]
    assert not left and changes > rounds and len(known) >= 15
    # every change that was answered is in the audit log, each line whole
    lines = [json.loads(line) for f in sorted((kms.folder / "state/audit").iterdir()) for line in f.read_text().splitlines()]
    assert sum(line["outcome"] == "ok" and line["operation"] == "CreateKey" for line in lines) >= len(known)


def documented(mark):
    """The command that docs/kms.md gives: what is tested is what is written."""
    text = (ROOT / "docs/kms.md").read_text()
    return re.search(rf"<!-- {mark} -->\n\n((?:    .*\n)+)", text)[1]


def run(command, **names):
    script = "\n".join(line.strip() for line in command.splitlines())
    return subprocess.run(["bash", "-c", script], env={**os.environ, **{k: str(v) for k, v in names.items()}}, capture_output=True, text=True,
                          timeout=60)


def test_backup_while_it_is_used(kms, root, tmp_path):
    """A backup holds everything that was answered before it began, and opens."""
    known, call = [], caller(kms)
    writers = [Writer(kms, i, known) for i in range(2)]
    for w in writers:
        w.start()
    time.sleep(0.7)
    user = kms.user("alice")
    before = {k.key: k.blob for k in list(known)}
    archive, restored = tmp_path / "backup.tar", tmp_path / "restored"
    made = run(documented("backup"), STATE=kms.folder / "state", BACKUP=archive)
    assert made.returncode in (0, 1), made.stderr
    time.sleep(0.2)
    for w in writers:
        w.over.set()
        w.join(20)
    assert len(before) >= 5 and set(before) <= {k["KeyId"] for k in call("ListKeys", Limit=1000)["Keys"]}
    # into another place, where another service goes on with it
    restored.mkdir()
    unpacked = run(documented("restore"), STATE=restored / "state", BACKUP=archive)
    assert unpacked.returncode == 0, unpacked.stderr
    assert (restored / "state/root.key").stat().st_mode & 0o777 == 0o600
    other = SignedKmsd(restored, root)
    try:
        again = caller(other)
        for key, blob in before.items():
            if again("DescribeKey", KeyId=key)["KeyMetadata"]["Enabled"]:
                assert base64.b64decode(again("Decrypt", CiphertextBlob=blob)["Plaintext"]).decode() == key
        assert not other.log_lines("key.damaged") + other.log_lines("alias.damaged") + other.log_lines("grant.damaged")
        assert other.local("CofferKms.ListPrincipals")["Principals"][0]["AccessKeyId"] == user["AccessKeyId"]
        again("CreateKey")
    finally:
        other.close()


def test_a_backup_without_its_root_key_is_nothing(kms, root, tmp_path):
    call = caller(kms)
    key = call("CreateKey")["KeyMetadata"]["KeyId"]
    kms.end()
    (tmp_path / "other/state/keys").mkdir(parents=True)
    path = tmp_path / "state/keys" / f"{key}.cbor"
    (tmp_path / "other/state/keys" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(AssertionError, match="root_key.missing"):
        SignedKmsd(tmp_path / "other", root)
    (tmp_path / "other/state/root.key").write_bytes(os.urandom(32))
    os.chmod(tmp_path / "other/state/root.key", 0o600)
    other = SignedKmsd(tmp_path / "other", root)
    try:
        with pytest.raises(Refused, match="KMSInternalException"):
            caller(other)("DescribeKey", KeyId=key)
    finally:
        other.close()


def test_aliases_of_keys_that_are_not_there(kms):
    """A folder that was put together by hand: the alias is free."""
    call = caller(kms)
    lost, key = [call("CreateKey")["KeyMetadata"]["KeyId"] for _ in range(2)]
    call("CreateAlias", AliasName="alias/lost", TargetKeyId=lost)
    kms.end()
    (kms.folder / "state/keys" / f"{lost}.cbor").unlink()
    kms.start(kms.host)
    call = caller(kms)
    for operation, members in (("Encrypt", {"KeyId": "alias/lost", "Plaintext": "AAAA"}), ("DeleteAlias", {"AliasName": "alias/lost"})):
        with pytest.raises(Refused, match="NotFoundException"):
            call(operation, **members)
    call("CreateAlias", AliasName="alias/lost", TargetKeyId=key)
    assert call("Encrypt", KeyId="alias/lost", Plaintext="AAAA")["KeyId"].endswith(key)


def test_growth(kms):
    """A key costs the same whether it is the first or the three hundredth; starting reads them all."""
    call, times = caller(kms), []
    for _ in range(300):
        began = time.monotonic()
        call("CreateKey")
        times.append(time.monotonic() - began)
    early, late = sorted(times[:100])[50], sorted(times[-100:])[50]
    print(f"CreateKey: {1000 * early:.1f} ms among the first hundred keys, {1000 * late:.1f} ms among the third")
    assert late < 4 * early + 0.02
    began = time.monotonic()
    kms.restart(signal.SIGKILL)
    print(f"start with 300 keys: {1000 * (time.monotonic() - began):.0f} ms")
    assert len(caller(kms)("ListKeys", Limit=1000)["Keys"]) == 300
    sizes = [p.stat().st_size for p in (kms.folder / "state/keys").iterdir()]
    assert max(sizes) < 2000
