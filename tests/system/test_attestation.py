# SPDX-License-Identifier: Apache-2.0
"""GET /v1/attestation through API, agent and enclave: the document is verified by the command line, and by an independent verifier."""
import base64
import concurrent.futures
import hashlib
import json
import os
import secrets
import signal
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from programs import ROOT, coffer, wait_for
from stack import Stack

sys.path.insert(0, str(ROOT / "tests/interop"))
import attest_read  # noqa: E402

MARK, SUITE = b"coffer.identity.1", bytes.fromhex("48504b45 0011 0002 0002")


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with Stack(tmp_path_factory.mktemp("attestation")) as s:
        yield s


def root(stack):
    return stack.state / "nsm/nsm-root.der"


def get(stack, nonce=None, **more):
    answer = stack.request("GET", "/v1/attestation" + (f"?nonce={nonce.hex()}" if nonce is not None else ""), **more)
    assert answer.status == 200, answer
    return answer


def document(stack, nonce=None):
    return base64.b64decode(get(stack, nonce).json["document"], validate=True)


def test_document_holds(stack, tmp_path):
    nonce = secrets.token_bytes(32)
    answer = get(stack, nonce)
    body = answer.json
    assert set(body) == {"document", "boot_id", "pcr0"} and body["pcr0"] == stack.pcr0
    doc = base64.b64decode(body["document"], validate=True)
    # the independent verifier
    fields = attest_read.verify(doc, root(stack).read_bytes(), tmp_path, nonce=nonce, pcr0=bytes.fromhex(stack.pcr0))
    key = load_der_public_key(fields["public_key"])
    assert isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp384r1"
    assert fields["user_data"] == MARK + bytes.fromhex(body["boot_id"]) + SUITE
    enclave = stack.enclaves()[-1]
    assert (enclave["boot_id"], enclave["module_id"], enclave["pcr0"]) == (body["boot_id"], fields["module_id"], body["pcr0"])
    # the command line, on the document, on its text, and on the answer as it is
    good = ["--root", root(stack), "--nonce", nonce.hex(), "--pcr", f"0={stack.pcr0}"]
    for name, octets in (("doc", doc), ("text", base64.b64encode(doc)), ("answer", answer.body)):
        (tmp_path / name).write_bytes(octets)
        run = coffer("attest", "verify", tmp_path / name, *good, check=0)
        assert run.stdout.endswith("The document holds.\n") and f"boot {body['boot_id']}" in run.stdout and "P-384 key" in run.stdout
    told = json.loads(coffer("attest", "verify", tmp_path / "doc", *good, "--json", check=0).stdout)
    assert told["document"]["identity"] == {"boot_id": body["boot_id"], "suite": SUITE.hex()}
    # and what is not asked for does not pass: no production verifier holds this root
    for words, stage in (([], "root"), (["--root", root(stack), "--nonce", "00"], "nonce"), (["--root", root(stack), "--pcr", "0=" + "ab" * 48], "pcrs"),
                         (["--root", root(stack), "--at", "2020-06-01T00:00:00Z"], "freshness")):
        run = coffer("attest", "verify", tmp_path / "doc", *words, check=1)
        assert run.stdout.endswith(f"The document does not hold: {stage}.\n")
    assert "software module" in coffer("attest", "verify", tmp_path / "doc", check=1).stdout


def test_by_the_command_alone(stack):
    env = {"COFFER_URL": stack.url, "COFFER_TOKEN": stack.token}
    answer = coffer("attest", "get", "--nonce", "00ff", env=env, check=0).stdout
    coffer("attest", "verify", "-", "--root", root(stack), "--nonce", "00FF", stdin=answer, check=0)
    assert "nonce       2 octets 00ff" in coffer("attest", "inspect", "-", stdin=answer, check=0).stdout


def test_forms_and_nonces(stack, tmp_path):
    raw = get(stack, b"n", headers={"Accept": "application/cbor"})
    assert raw.headers["content-type"] == "application/cbor"
    assert attest_read.verify(raw.body, root(stack).read_bytes(), tmp_path)["nonce"] == b"n"
    assert attest_read.verify(document(stack), root(stack).read_bytes(), tmp_path)["nonce"] is None
    longest = secrets.token_bytes(512)
    assert attest_read.verify(document(stack, longest), root(stack).read_bytes(), tmp_path)["nonce"] == longest
    for query, code in (("nonce=", "empty"), ("nonce=0", "bad_value"), ("nonce=zz", "bad_value"), ("nonce=" + "00" * 513, "too_large")):
        answer = stack.request("GET", f"/v1/attestation?{query}")
        assert (answer.status, answer.code) == (422, code) and answer.json["fields"][0]["name"] == "nonce"
    assert stack.request("GET", "/v1/attestation", token="").status == 401
    assert stack.request("POST", "/v1/attestation").status == 405
    read_only = stack.make_token("read")["token"]
    assert get(stack, b"r", token=read_only).status == 200


def test_fresh_each_time_and_one_key_per_boot(stack, tmp_path):
    fields = [attest_read.verify(document(stack, b"n"), root(stack).read_bytes(), tmp_path) for _ in range(3)]
    assert len({f["public_key"] for f in fields}) == 1 and fields[0]["timestamp"] <= fields[1]["timestamp"] <= fields[2]["timestamp"]
    assert len({document(stack, b"n") for _ in range(3)}) == 3
    before = stack.enclave_pid()
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: [e for e in stack.enclaves()[-1:] if e["state"] == "ready" and e["pid"] != before], 15)
    after = attest_read.verify(document(stack, b"n"), root(stack).read_bytes(), tmp_path)
    assert after["public_key"] != fields[0]["public_key"] and after["user_data"] != fields[0]["user_data"]
    assert after["pcrs"][0] == fields[0]["pcrs"][0]


def test_crowd(stack):
    """Wishes for documents are few at a time; decrypts beside them are answered."""
    vault = stack.create({"city": stack.plant("a-city-of-nobody-2971")})
    with concurrent.futures.ThreadPoolExecutor(48) as pool:
        wishes = [pool.submit(stack.request, "GET", f"/v1/attestation?nonce={i:04x}") for i in range(96)]
        decrypts = [pool.submit(stack.values, vault, "city") for _ in range(16)]
        assert all(d.result() == {"city": "a-city-of-nobody-2971"} for d in decrypts)
        answers = [w.result() for w in wishes]
    assert {a.status for a in answers} <= {200, 503} and sum(a.status == 200 for a in answers) >= 16
    assert all(a.code == "busy" for a in answers if a.status == 503)
    digests = {hashlib.sha256(a.body).hexdigest() for a in answers if a.status == 200}
    assert len(digests) == sum(a.status == 200 for a in answers)
