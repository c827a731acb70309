# SPDX-License-Identifier: Apache-2.0
"""coffer kms lint-policy, policy, principal: against files, and against a running key service."""
import hashlib
import json
import os
import pathlib
import sys

import pytest
from programs import BIN, ROOT, coffer
from signed_kmsd import Refused, SignedKmsd

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
from attest_tool import Tool  # noqa: E402

EIF = ROOT / "tests/vectors/eif"
MEASURES = json.loads((EIF / "manifest.json").read_text())["files"]
ROLE, ADMIN = "arn:aws:iam::000000000000:role/parent", "arn:aws:iam::000000000000:user/admin"
A, B, ZERO = "ab" * 48, "cd" * 48, "00" * 48
PCR0 = "kms:RecipientAttestation:PCR0"


@pytest.fixture(scope="module")
def kms(tmp_path_factory):
    tool = Tool(BIN)
    k = SignedKmsd(tmp_path_factory.mktemp("kms"), tool.root(tmp_path_factory.mktemp("nsm")))
    yield k
    k.close()
    tool.close()


def policy(*words, check=0):
    run = coffer("kms", "policy", *words, check=check)
    return json.loads(run.stdout) if check == 0 else run


def statement(made, sid):
    found = [s for s in made["Statement"] if s["Sid"] == sid]
    return found[0] if found else None


def lint(text, *words, check):
    return coffer("kms", "lint-policy", "-", *words, stdin=text if isinstance(text, str) else json.dumps(text), check=check)


# --- the policy that is written ---

def test_two_images():
    made = policy("--principal", ROLE, "--admin", ADMIN, "--pcr", f"0={A},{B}", "--context", "tenant=acme")
    opening = statement(made, "AttestedOpening")
    assert opening["Principal"] == {"AWS": ROLE} and "kms:Decrypt" in opening["Action"]
    assert opening["Condition"] == {"StringEqualsIgnoreCase": {PCR0: [A, B]}, "StringEquals": {"kms:EncryptionContext:tenant": "acme"}}
    refusal = statement(made, "NothingButPCR0")
    assert refusal["Effect"] == "Deny" and refusal["Condition"] == {"StringNotEqualsIgnoreCase": {PCR0: [A, B]}}
    assert statement(made, "Administration")["Principal"] == {"AWS": ADMIN}
    assert lint(made, check=0).stdout == ""


@pytest.mark.parametrize("name", MEASURES)
def test_images_are_measured(name):
    made = policy("--principal", ROLE, "--admin", ADMIN, "--eif", EIF / name)
    assert statement(made, "AttestedOpening")["Condition"]["StringEqualsIgnoreCase"] == {PCR0: MEASURES[name]["PCR0"]}


def test_programs_are_measured(tmp_path):
    for name in ("old", "new"):
        (tmp_path / name).write_bytes(name.encode())
    made = policy("--principal", ROLE, "--admin", ADMIN, "--program", tmp_path / "old", "--program", tmp_path / "new",
                  "--eif", EIF / "signed.eif", "--eif", EIF / "unsigned.eif")
    want = [hashlib.sha384(bytes(48) + hashlib.sha384(name).digest()).hexdigest() for name in (b"old", b"new")]
    # the same image under two names is one value
    assert statement(made, "AttestedOpening")["Condition"]["StringEqualsIgnoreCase"] == {PCR0: [MEASURES["signed.eif"]["PCR0"], *want]}


def test_several_registers():
    made = policy("--principal", ROLE, "--admin", ADMIN, "--pcr", f"0={A},8={B}")
    assert statement(made, "NothingButPCR0") and statement(made, "NothingButPCR8")
    # each register refuses by itself
    assert statement(made, "NothingButPCR8")["Condition"] == {"StringNotEqualsIgnoreCase": {"kms:RecipientAttestation:PCR8": B}}
    assert lint(made, check=0).stdout == ""


def test_nobody_may_change_it():
    run = coffer("kms", "policy", "--principal", ROLE, "--pcr", f"0={A}", check=0)
    assert statement(json.loads(run.stdout), "Administration") is None
    assert run.stderr.startswith("note immutable policy: ")


@pytest.mark.parametrize("words, status, text", [
    ([], 2, "needs --principal"),
    (["--principal", ROLE], 2, "needs --principal"),
    (["--pcr", f"0={A}"], 2, "needs --principal"),
    (["--principal", ROLE, "--pcr", A], 2, "--pcr takes"),
    (["--principal", ROLE, "--pcr", "0=ab"], 2, "--pcr takes"),
    (["--principal", ROLE, "--pcr", f"32={A}"], 2, "--pcr takes"),
    (["--principal", ROLE, "--pcr", f"0={A[:-1]}x"], 2, "--pcr takes"),
    (["--principal", ROLE, "--pcr", f"0={A}", "--context", "tenant"], 2, "--context takes"),
    (["--principal", "parent", "--pcr", f"0={A}"], 2, "invalid principals"),
    (["--principal", ROLE, "--eif", EIF / "manifest.json"], 1, "malformed"),
    (["--principal", ROLE, "--eif", EIF / "none"], 1, "not_found"),
    (["--principal", ROLE, "--admin", ADMIN, "--pcr", f"0={ZERO}"], 1, "debug_pcrs"),
    (["--principal", ROLE, "--admin", ADMIN, "--pcr", f"0={A},{ZERO}"], 1, "debug_pcrs"),
    (["--principal", ROLE, "--admin", ADMIN, "--pcr", f"3={A}"], 1, "pcr_parent_only"),
    (["--principal", ROLE, "--admin", ADMIN, "--pcr", f"1={A}"], 1, "pcr_kernel_only"),
    (["--principal", ROLE, "--admin", ROLE, "--pcr", f"0={A}"], 1, "policy_writer_decrypts"),
    (["--principal", "*", "--admin", ADMIN, "--pcr", f"0={A}"], 1, "wildcard_principal"),
    (["--principal", ROLE, "--admin", "arn:aws:iam::000000000000:root", "--pcr", f"0={A}"], 1, "policy_writers"),
])
def test_what_is_not_written(words, status, text):
    run = coffer("kms", "policy", *words, check=status)
    assert text in run.stderr and run.stdout == ""


# --- the lint ---

ROOT_POLICY = {"Statement": {"Sid": "Enable IAM", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
                             "Action": "kms:*", "Resource": "*"}}


def test_findings_as_text():
    lines = lint(ROOT_POLICY, check=1).stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["error", "grant_bypass"], ["error", "policy_writers"], ["error", "reencrypt"], ["warning", "replicate"],
        ["error", "root_statement"], ["warning", "unattested_data_key"]]
    assert all(' statement 1 "Enable IAM": ' in line for line in lines)
    assert lines[4].endswith(" (kms:Decapsulate, kms:Decrypt, kms:DeriveSharedSecret)")


@pytest.mark.parametrize("words", [["--format", "json"], ["--format=json"], ["--json"]])
def test_findings_as_json(words):
    found = json.loads(lint(ROOT_POLICY, *words, check=1).stdout)
    assert (found["clean"], found["errors"], found["warnings"], found["notes"]) == (False, 4, 2, 0)
    assert found["findings"][4] == {
        "severity": "error", "code": "root_statement", "statement": 1, "sid": "Enable IAM",
        "text": "a whole account may decrypt without attestation: IAM policies decide who", "about": "kms:Decapsulate, kms:Decrypt, kms:DeriveSharedSecret"}


def test_notes_are_no_failure():
    made = policy("--principal", ROLE, "--pcr", f"0={A}")
    assert lint(made, check=0).stdout.startswith("note immutable policy: ")
    assert json.loads(lint(made, "--json", check=0).stdout)["clean"] is True


@pytest.mark.parametrize("text, why", [
    ("", "not well-formed JSON"), ("{}", "no statement"), ("[]", "must be an object"),
    ('{"Statement": [\n  {"Effect": "Allow",}]}', "not well-formed JSON. Line 2, column "),
    (json.dumps({"Statement": {**ROOT_POLICY["Statement"], "Condition": {"StringEqual": {PCR0: "1"}}}}),
     'Statement 1: there is no condition operator of the name "StringEqual".'),
    (json.dumps({"Statement": [ROOT_POLICY["Statement"], {**ROOT_POLICY["Statement"], "Principal": {"AWS": "parent"}}]}),
     'Statement 2: the principal is no account, and no ARN of a user, role or session: "parent".'),
    (json.dumps(ROOT_POLICY) + " " * 32768, "larger than"),
])
def test_what_is_no_policy(text, why):
    run = lint(text, check=1)
    assert run.stdout.startswith("error malformed policy: ") and why in run.stdout and len(run.stdout.splitlines()) == 1
    assert json.loads(lint(text, "--json", check=1).stdout)["findings"][0]["code"] == "malformed"


# As AWS's own pages and tools write them: keys and operators that no coffer-kmsd evaluates.
ORG, VIA = {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}, {"StringEquals": {"kms:ViaService": "ec2.us-east-1.amazonaws.com"}}
NETWORK = {"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24"]}, "Bool": {"aws:ViaAWSService": "false"}}


def opening(condition, **more):
    return {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:Decrypt", "Resource": "*", "Condition": condition, **more}


@pytest.mark.parametrize("condition, names", [
    (ORG, ["aws:PrincipalOrgID"]), (VIA, ["kms:ViaService"]), (NETWORK, ["NotIpAddress", "aws:ViaAWSService"]),
    ({"DateLessThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}}, ["DateLessThan"]),
    ({"NumericLessThan": {"aws:MultiFactorAuthAge": 3600}}, ["aws:MultiFactorAuthAge"]),
    ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": ["o-a1b2c3d4e5/r-ab12/*"]}}, ["aws:PrincipalOrgPaths"]),
    ({"StringEquals": {"kms:EncryptionContext:user": "${aws:username}"}}, ["${aws:username}"]),
], ids=lambda v: v[0] if isinstance(v, list) else "")
def test_what_is_not_evaluated_is_told(condition, names):
    """On the safe side: it may be met in an Allow, and need not be in a Deny."""
    writer = {"Effect": "Allow", "Principal": {"AWS": ADMIN}, "Action": "kms:PutKeyPolicy", "Resource": "*"}
    attested = {"StringEqualsIgnoreCase": {PCR0: A}, "ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "tenant"}}

    def notes(run):
        lines = [line for line in run.stdout.splitlines() if line.startswith("note not_understood ")]
        assert len(lines) == len(names) and all(f'"{name}")' in line for name, line in zip(names, lines)), run.stdout
        return [line.split()[:2] for line in run.stdout.splitlines() if line not in lines]

    # an Allow that asks for the enclave is tight with it, one that does not is open with it
    merged = {op: {**condition.get(op, {}), **attested.get(op, {})} for op in {**condition, **attested}}
    assert notes(lint({"Statement": [writer, opening(merged)]}, check=0)) == []
    assert notes(lint({"Statement": [writer, opening(condition)]}, check=1)) == [["error", "unattested"]]
    # a Deny that would close it is not sure to apply
    shut = {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*", "Condition": condition}
    assert notes(lint({"Statement": [writer, opening({"Null": {"kms:EncryptionContextKeys": "false"}}), shut]}, check=1)) == [["error", "unattested"]]


def test_notes_have_their_place():
    found = json.loads(lint({"Statement": [opening(ORG, Sid="Org"), opening(NETWORK)]}, "--json", check=1).stdout)["findings"]
    assert [(f["statement"], f.get("sid"), f["about"]) for f in found if f["code"] == "not_understood"] == [
        (1, "Org", 'the condition key is not supported: "aws:PrincipalOrgID"'), (2, None, 'the condition operator is not supported: "NotIpAddress"'),
        (2, None, 'the condition key is not supported: "aws:ViaAWSService"')]


def test_writers_by_other_names():
    """Who may set the policy and open, too, because a statement is for the account, for everyone, or for a session of the role."""
    for who in ("*", "000000000000", "arn:aws:iam::000000000000:root", "arn:aws:sts::000000000000:assumed-role/parent/i-1"):
        statements = [{"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:PutKeyPolicy", "Resource": "*"},
                      opening({"StringEquals": {PCR0: A}, "Null": {"kms:EncryptionContextKeys": "false"}}, Principal={"AWS": who})]
        assert "error policy_writer_decrypts policy: " in lint({"Statement": statements}, check=1).stdout


def test_lint_usage(tmp_path):
    coffer("kms", "lint-policy", tmp_path / "none", check=2)
    coffer("kms", "lint-policy", check=2)
    lint(ROOT_POLICY, "--format", "xml", check=2)


def test_names_do_not_speak_to_the_terminal():
    evil = {"Statement": {**ROOT_POLICY["Statement"], "Sid": "\x1b[2J"}}
    assert "\x1b" not in lint(evil, check=1).stdout and r'"\x1b[2J"' in lint(evil, check=1).stdout


# --- principals ---

def principal(kms, *words, check=0, **more):
    return coffer("kms", "principal", *words, "--kms", kms.socket, check=check, **more)


def variables(text):
    return dict(line.split("=", 1) for line in text.splitlines())


def test_users_and_roles(kms, tmp_path):
    made = variables(principal(kms, "add-user", "ada").stdout)
    assert set(made) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} and len(made["AWS_SECRET_ACCESS_KEY"]) == 40
    assert principal(kms, "add-role", "store", "--account", "111111111111").stdout == "arn:aws:iam::111111111111:role/store\n"
    session = json.loads(principal(kms, "session", "store", "--account", "111111111111", "--seconds", "60", "--json").stdout)
    assert set(session) == {"Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"} and session["Version"] == 1
    assert session["AccessKeyId"].startswith("ASIA") and session["Expiration"].endswith("Z")
    pair = tmp_path / "pair.json"
    pair.write_text(json.dumps({"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}))
    assert variables(principal(kms, "add-user", "bob", "--access-key", pair).stdout)["AWS_ACCESS_KEY_ID"] == "AKIDEXAMPLE"
    listed = principal(kms, "list").stdout
    assert "AKIDEXAMPLE          arn:aws:iam::000000000000:user/bob\n" in listed and f"{made['AWS_ACCESS_KEY_ID']} " in listed
    assert "-                    arn:aws:iam::111111111111:role/store\n" in listed and "EXAMPLEKEY" not in listed
    assert {"Arn", "AccessKeyId", "CreationDate"} == set(json.loads(principal(kms, "list", "--json").stdout)["Principals"][0])
    principal(kms, "remove-key", "AKIDEXAMPLE")
    principal(kms, "remove-role", "store", "--account", "111111111111")
    assert "bob" not in principal(kms, "list").stdout
    # and they last
    kms.restart()
    assert made["AWS_ACCESS_KEY_ID"] in principal(kms, "list").stdout


def test_principals_refused(kms, tmp_path):
    assert "NotFoundException" in principal(kms, "remove-key", "AKIANONE", check=1).stderr
    assert "ValidationException" in principal(kms, "add-user", "a/b", check=1).stderr
    assert "NotFoundException" in principal(kms, "session", "none", check=1).stderr
    for words in (["paint"], ["list", "x"], ["add-user"], ["session", "x", "--seconds", "0"], ["session", "x", "--seconds", "43201"]):
        principal(kms, *words, check=2)
    bad = tmp_path / "bad.json"
    bad.write_text("no")
    principal(kms, "add-user", "x", "--access-key", bad, check=2)
    coffer("kms", "principal", "list", "--kms", f"unix:{os.path.relpath(tmp_path)}/none.sock", check=3)
    coffer("kms", "principal", "list", "--state", tmp_path, check=3)


def test_secrets_are_in_no_file(kms):
    made = variables(principal(kms, "add-user", "eve").stdout)
    secret = made["AWS_SECRET_ACCESS_KEY"].encode()
    for path in kms.folder.rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes(), path


def test_a_damaged_file_stops_the_start(tmp_path):
    tool = Tool(BIN)
    k = SignedKmsd(tmp_path, tool.root(tmp_path))
    tool.close()
    k.user("ada")
    k.end()
    path = tmp_path / "state/principals.cbor"
    octets = bytearray(path.read_bytes())
    octets[-1] ^= 1
    path.write_bytes(octets)
    with pytest.raises(AssertionError):
        k.start()
    k.process.wait(10)
    assert any("code=open_failed" in line for line in k.log_lines("principals.damaged"))


def test_the_policy_is_taken(kms):
    """What is written is accepted by the service: by its admin; without one only when the caller gives the check up."""
    made = coffer("kms", "policy", "--principal", ROLE, "--admin", "arn:aws:iam::000000000000:user/local", "--pcr", f"0={A},{B}", check=0).stdout
    key = kms.local("TrentService.CreateKey", Policy=made)["KeyMetadata"]["KeyId"]
    assert kms.local("TrentService.GetKeyPolicy", KeyId=key)["Policy"] == made
    lone = coffer("kms", "policy", "--principal", ROLE, "--pcr", f"0={A}", check=0).stdout
    with pytest.raises(Refused) as e:
        kms.local("TrentService.CreateKey", Policy=lone)
    assert e.value.name == "MalformedPolicyDocumentException" and "update the key policy" in e.value.message
    kms.local("TrentService.CreateKey", Policy=lone, BypassPolicyLockoutSafetyCheck=True)
