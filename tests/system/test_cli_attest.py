# SPDX-License-Identifier: Apache-2.0
"""coffer attest: genuine documents of AWS, what is told of them and of what is wrong with them (docs/cli.md)."""
import base64
import datetime
import json
import subprocess

import pytest
from fake_api import TOKEN, FakeApi
from programs import ROOT, coffer

VECTORS = ROOT / "tests/vectors"
MANIFEST = json.loads((VECTORS / "attestation/manifest.json").read_text())["vectors"]
EXPECTED = {v["file"]: v["expected"] for v in MANIFEST}
GENUINE = [f for f, e in EXPECTED.items() if e.get("valid_at_document_timestamp")]
PROD, DEBUG, OTHER = "prod-signed-2022.bin", "debug-2022.bin", "prod-2024.bin"
STAGES = ["syntax", "root", "chain", "signature", "freshness", "nonce", "debug", "pcrs"]
HOUR_MS = 3600 * 1000


def path(file):
    return VECTORS / "attestation" / file


def verify(file, *words, status, stdin=""):
    return coffer("attest", "verify", file if file == "-" else path(file), *words, check=status, stdin=stdin)


def judged(file, *words, status):
    """{stage: outcome} and the whole answer in JSON, which must agree with what is told in words."""
    told = json.loads(verify(file, *words, "--json", status=status).stdout)
    words_said = verify(file, *words, status=status).stdout
    outcomes = {row["stage"]: row["outcome"] for row in told["stages"]}
    assert list(outcomes) == STAGES and told["holds"] == (status == 0)
    marks = {"passed": "ok", "failed": "FAILS", "not_asked": "-", "unknown": "?"}
    for row in told["stages"]:
        line = next(line for line in words_said.split("\n") if line.split()[:2] == [row["stage"], marks[row["outcome"]]])
        assert row["text"] in line
    bad = [s for s in STAGES if outcomes[s] in ("failed", "unknown")]
    assert told["stage"] == (bad[0] if bad else "holds")
    assert words_said.endswith("The document holds.\n" if status == 0 else f"The document does not hold: {bad[0]}.\n")
    return outcomes, told


def text_of(told, stage):
    return next(row["text"] for row in told["stages"] if row["stage"] == stage)


# --- genuine documents ---

@pytest.mark.parametrize("file", GENUINE)
def test_genuine(file):
    expected, debug = EXPECTED[file], EXPECTED[file]["debug_mode"]
    outcomes, told = judged(file, "--at", "document", "--allow-debug", status=0)
    assert outcomes == {s: "passed" for s in STAGES} | {"freshness": "not_asked", "nonce": "not_asked", "debug": "not_asked",
                                                        "pcrs": "not_asked"}
    document = told["document"]
    assert document["module_id"] == expected["module_id"] and document["timestamp"] == expected["timestamp_ms"]
    assert document["pcrs"] == expected["pcrs"] and document["debug"] == debug
    for name in ("public_key", "user_data", "nonce"):
        assert document[name] == expected[f"{name}_hex"]
    assert [c["name"] for c in document["certificates"]] == [c["subject"].split("CN=")[1].split(",")[0]
                                                             for c in reversed(expected["certificates_leaf_first"])]
    for got, want in zip(document["certificates"], reversed(expected["certificates_leaf_first"])):
        for key in ("not_before", "not_after"):
            assert datetime.datetime.fromisoformat(got[key].replace("Z", "+00:00")) == datetime.datetime.fromisoformat(want[key])
    # without the switch a debug enclave does not pass, and the words say why
    outcomes, told = judged(file, "--at", "document", status=1 if debug else 0)
    assert outcomes["debug"] == ("failed" if debug else "passed")
    assert debug == ("debug mode" in text_of(told, "debug")) and debug == ("debug mode" in verify(file, status=1).stdout)


def test_times():
    at = EXPECTED[PROD]["timestamp_ms"]
    moment = datetime.datetime.fromtimestamp(at / 1000, datetime.timezone.utc)
    good = [str(at), str(at // 1000), str(at + 300000), str(at - 300000), moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            moment.astimezone(datetime.timezone(datetime.timedelta(hours=2))).strftime("%Y-%m-%dT%H:%M:%S+02:00")]
    for text in good:
        assert judged(PROD, "--at", text, status=0)[0]["freshness"] == "passed"
    # old, but its leaf still lives; from the future; and so old that the leaf does not
    for off, words in ((300001, "replay"), (-300001, "clocks"), (4 * HOUR_MS, "verify at the document's time: --at document")):
        outcomes, told = judged(PROD, "--at", str(at + off), status=1)
        assert outcomes["freshness"] == "failed" and words in text_of(told, "freshness")
        assert [s for s in STAGES if outcomes[s] == "failed"] == ["freshness"]
    assert "expired at 2022-10-13T11:58:02Z" in text_of(judged(PROD, status=1)[1], "freshness")
    assert "expired at 2022-10-13T11:58:02Z" in text_of(judged(PROD, "--at", "now", status=1)[1], "freshness")
    # a window of one's own
    for age in ("14400", "4h", "240m", "14400s"):
        judged(PROD, "--at", str(at + 4 * HOUR_MS), "--max-age", age, status=0)
    judged(PROD, "--at", str(at + 4 * HOUR_MS + 1), "--max-age", "4h", status=1)
    judged(PROD, "--max-age", "1000000h", status=0)


def test_registers():
    pcrs = EXPECTED[PROD]["pcrs"]
    fresh = "ab" * 48
    at = ["--at", "document"]
    right = [["--pcr", f"0={pcrs['0']}"], ["--pcr", f"0={fresh}", "--pcr", f"0={pcrs['0']}"],
             ["--pcr", f"0={fresh},0={pcrs['0'].upper()},8={pcrs['8']}"], ["--pcr", f"0={pcrs['0']},1={pcrs['1']}", f"--pcr=2={pcrs['2']}"],
             [w for i in range(9) for w in ("--pcr", f"{i}={pcrs[str(i)]}")]]
    for words in right:
        assert judged(PROD, *at, *words, status=0)[0]["pcrs"] == "passed"
    for words, named in (([f"0={fresh}"], ["PCR0"]), ([f"0={pcrs['0']},1={fresh},8={fresh}"], ["PCR1", "PCR8"]),
                         ([f"16={fresh}"], ["PCR16 (not listed"]), ([f"5={fresh}"], ["PCR5 (zero)"])):
        outcomes, told = judged(PROD, *at, "--pcr", *words, status=1)
        assert outcomes["pcrs"] == "failed" and all(n in text_of(told, "pcrs") for n in named)
    # a policy of PCR3 and PCR4 alone would let debug enclaves in, so they are refused whatever it says
    pcrs = EXPECTED[DEBUG]["pcrs"]
    words = [*at, "--pcr", f"3={pcrs['3']},4={pcrs['4']}"]
    outcomes, _ = judged(DEBUG, *words, status=1)
    assert (outcomes["pcrs"], outcomes["debug"]) == ("passed", "failed")
    judged(DEBUG, *words, "--allow-debug", status=0)


def test_nonces():
    nonce = EXPECTED[PROD]["nonce_hex"]
    at = ["--at", "document"]
    assert judged(PROD, *at, "--nonce", nonce, status=0)[0]["nonce"] == "passed"
    for text, file, words in ((nonce[:-2] + "00", PROD, "another"), (nonce[:-2], PROD, "another"), ("", PROD, "another"),
                              (nonce, OTHER, "bears none"), ("", OTHER, "bears none")):
        outcomes, told = judged(file, *at, "--nonce", text, status=1)
        assert outcomes["nonce"] == "failed" and words in text_of(told, "nonce")


# --- documents that are refused ---

def test_every_stage_can_fail(tmp_path):
    doc = path(PROD).read_bytes()

    def changed(name, old, new):
        assert doc.count(old) == 1
        (tmp_path / name).write_bytes(doc.replace(old, new))
        return tmp_path / name

    pcr0 = bytes.fromhex(EXPECTED[PROD]["pcrs"]["0"])
    cases = {
        "signature": (changed("pcr", pcr0, bytes(47) + b"\x01"), "changed"),
        "chain": (changed("time", b"timestamp\x1b\x00\x00\x01\x83", b"timestamp\x1b\x00\x00\x01\x93"), "had expired"),
        "syntax": (changed("digest", b"SHA384", b"SHA385"), "not supported"),
    }
    for stage, (file, words) in cases.items():
        outcomes, told = judged(file, "--at", "document", status=1)
        assert told["stage"] == stage and words in text_of(told, stage)
        assert (told["document"] is None) == (stage == "syntax")
    # nothing of a broken chain is hidden by it
    assert judged(cases["chain"][0], "--at", "document", status=1)[0]["signature"] == "failed"


def test_not_documents(tmp_path):
    for octets in (b"", b"hello", b"\x84", b"{}", b'{"document": 5}', b"\xff" * 100, bytes(20000), path(PROD).read_bytes()[:-1],
                   path(PROD).read_bytes() + b"\0"):
        (tmp_path / "doc").write_bytes(octets)
        outcomes, told = judged(tmp_path / "doc", status=1)
        assert outcomes == {s: "unknown" for s in STAGES} | {"syntax": "failed", "nonce": "not_asked", "pcrs": "not_asked"}
        assert "not an attestation document" in text_of(told, "syntax") and told["document"] is None
        assert coffer("attest", "inspect", tmp_path / "doc", check=1).stdout.startswith("syntax      FAILS")
    assert judged("negative-selfsigned.bin", status=1)[1]["stage"] == "syntax"
    # QEMU's module makes documents that nobody signed
    doc = path(PROD).read_bytes()
    (tmp_path / "qemu").write_bytes(b"\x84\x43\xa1\x01\x20" + doc[6:-97] + b"\x40" + bytes(64))
    assert "nobody signed" in text_of(judged(tmp_path / "qemu", status=1)[1], "syntax")


def test_roots(tmp_path):
    der = VECTORS / "aws-nitro-root-g1.der"
    pem = tmp_path / "root.pem"
    subprocess.run(["openssl", "x509", "-inform", "DER", "-in", der, "-out", pem], check=True)
    (tmp_path / "with-text.pem").write_text("subject=somebody\n" + pem.read_text().replace("\n", "\r\n") + "and more\n")
    for root in (der, pem, tmp_path / "with-text.pem"):
        outcomes, told = judged(PROD, "--at", "document", "--root", root, status=0)
        assert outcomes["root"] == "passed" and "--root" in text_of(told, "root")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1", "-sha384", "-nodes", "-days", "9",
                    "-subj", "/CN=aws.nitro-enclaves", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "other.pem"], check=True,
                   capture_output=True)
    outcomes, told = judged(PROD, "--at", "document", "--root", tmp_path / "other.pem", status=1)
    assert outcomes["root"] == "failed" and outcomes["chain"] == "passed" and outcomes["signature"] == "passed"
    assert "that the document itself brings" in text_of(told, "chain")


# --- forms of files, inspect, wrong use ---

def test_forms_of_a_document(tmp_path):
    doc = path(PROD).read_bytes()
    text = base64.b64encode(doc).decode()
    wrapped = "".join(text[i:i + 64] + "\n" for i in range(0, len(text), 64))
    forms = [doc, b"\xd2" + doc, text.encode(), wrapped.encode(), ("\n " + text).encode(), doc.hex().encode(), doc.hex().upper().encode(),
             (b"\xd2" + doc).hex().encode(), json.dumps({"document": text, "boot_id": ""}).encode()]
    for octets in forms:
        (tmp_path / "doc").write_bytes(octets)
        judged(tmp_path / "doc", "--at", "document", status=0)
    run = verify("-", "--at", "document", "--json", status=0, stdin=wrapped)
    assert json.loads(run.stdout)["holds"] is True
    assert verify("-", "--at", "document", status=0, stdin=doc).stdout.endswith(b"The document holds.\n")


def test_inspect():
    run = coffer("attest", "inspect", path(PROD), check=0)
    assert run.stderr == "" and "signature   ok" in run.stdout and "freshness" not in run.stdout
    assert "i-020b6af9246d90e92-enc0183d09086c24190" in run.stdout and "2022-10-13T08:57:56.162Z, by its module id" in run.stdout
    assert EXPECTED[PROD]["pcrs"]["0"] in run.stdout and "that of the module id" in run.stdout
    told = json.loads(coffer("attest", "inspect", path(PROD), "--json", check=0).stdout)
    assert told["holds"] is None and told["document"]["module_id"] == EXPECTED[PROD]["module_id"]
    debug = coffer("attest", "inspect", path(DEBUG), check=0).stdout
    assert "debug mode" in debug and "not signed" in debug


@pytest.mark.parametrize("words", [
    ["verify"], ["verify", "missing.bin"], ["inspect"], ["inspect", "a", "b"], ["inspect", "missing.bin"], ["inspect", PROD, "--nonce", "00"],
    ["verify", PROD, "--root", "missing.pem"], ["verify", PROD, "--root", PROD], ["verify", PROD, "--pcr", "0"],
    ["verify", PROD, "--pcr", "0=ab"], ["verify", PROD, "--pcr", "32=" + "ab" * 48], ["verify", PROD, "--pcr", "0=" + "ag" * 48],
    ["verify", PROD, "--pcr", "0=" + "ab" * 48 + ","], ["verify", PROD, "--pcr", ""], ["verify", PROD, "--pcr", "=" + "ab" * 48],
    ["verify", PROD, "--pcr", ",".join(["0=" + "ab" * 48] * 257)], ["verify", PROD, "--nonce", "0"], ["verify", PROD, "--nonce", "xx"],
    ["verify", PROD, "--nonce", "ab" * 1025], ["verify", PROD, "--at", "yesterday"], ["verify", PROD, "--at", "2022-02-30T00:00:00Z"],
    ["verify", PROD, "--at", "1960-01-01T00:00:00Z"], ["verify", PROD, "--max-age", "0"], ["verify", PROD, "--max-age", "-5m"],
    ["verify", PROD, "--max-age", "soon"], ["verify", PROD, "--nonce", "00", "--nonce", "00"], ["get", "--nonce", "x"]],
    ids=lambda w: " ".join(w)[:60])
def test_wrong_use(words, tmp_path):
    (tmp_path / PROD).write_bytes(path(PROD).read_bytes())
    run = coffer("attest", *words, check=2, cwd=tmp_path)
    assert run.stdout == "" and run.stderr.startswith("coffer: ")


def test_most_values():
    pcr0 = EXPECTED[PROD]["pcrs"]["0"]
    judged(PROD, "--at", "document", "--pcr", ",".join(["0=" + "ab" * 48] * 255 + [f"0={pcr0}"]), status=0)


def test_get():
    fake = FakeApi()
    try:
        fake.orders.append((200, {"document": "aGVsbG8=", "boot_id": "00", "pcr0": "00"}))
        env = {"COFFER_URL": fake.url, "COFFER_TOKEN": TOKEN}
        run = coffer("attest", "get", "--nonce", "6E6f", env=env, check=0)
        assert json.loads(run.stdout)["document"] == "aGVsbG8="
        assert [(r.method, r.path) for r in fake.requests] == [("GET", "/v1/attestation?nonce=6E6f")]
    finally:
        fake.close()
