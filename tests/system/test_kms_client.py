# SPDX-License-Identifier: Apache-2.0
"""The enclave's client of the KMS, from the enclave through the agent over TLS to coffer-kmsd, which verifies every signature; and what
happens when the other end is wrong in one way. botocore's signer, which others wrote, is the second judge of what is signed."""
import base64
import concurrent.futures
import datetime
import email.utils
import hashlib
import json
import os
import pathlib
import re
import signal
import ssl
import sys
import time

import cbor2
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from programs import BIN, wait_for
from stack import Daemon, Stack
from tls_front import Authority, TlsFront, answer, refusal

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
from attest_tool import Tool  # noqa: E402

FIELDS = {"first_name": "Ada", "city": "London"}
UNAVAILABLE, REFUSED = (503, "kms_unavailable"), (502, "kms_refused")


class World(Stack):
    """A stack whose enclave reaches kmsd's TCP address over TLS. kms: the text that names it; None: by host and port."""

    def __init__(self, folder, session=False, **more):
        super().__init__(folder, **more)
        self.session = session
        tool = Tool(BIN)
        (self.state / "nsm").mkdir(mode=0o700)
        root = tool.root(self.state / "nsm")
        tool.close()
        (self.state / "root.der").write_bytes(root)
        self.authority = Authority(self.folder / "authority")
        self.right = self.authority.certificate("right")
        self.front = TlsFront(self.right)
        self.kms_name = f"https://localhost:{self.front.port},us-east-1"
        self.kmsd = self.daemon("coffer-kmsd", "--state", self.state / "kms", "--listen", f"unix:{self.run}/kms.sock",
                                "--listen", "127.0.0.1:0", "--attestation-root", self.state / "root.der")
        self.agent = self.daemon("coffer-agent", "--enclave", self.enclave, "--nsm", self.state / "nsm", "--run", self.run,
                                 "--listen", f"unix:{self.run}/agent.sock", "--kms", self.kms_name,
                                 "--kms-roots", self.authority.pem, "--credentials", self.state / "credentials.json")

    def start(self):
        self.kmsd.start()
        line = next(l for l in self.kmsd.log.read_text().splitlines() if "service.ready" in l or "127.0.0.1:" in l)
        host, port = re.search(r"(127\.0\.0\.1):(\d+)", line).groups()
        self.front.forward = (host, int(port))
        self.key_id = self.create_key()
        self.credentials = self.admin("CreateAccessKey", Name="parent")
        if self.session:
            self.admin("CreateRole", Name="parent-role")
            self.credentials = self.admin("CreateSession", Name="parent-role")
        self.lend(self.credentials)
        self.agent.start()
        self.start_api()
        return self

    def stop(self):
        ended = super().stop()
        self.front.close()
        return ended

    def admin(self, operation, **members):
        """One of kmsd's own operations, on its socket."""
        import http.client
        from stack import UnixConnection, call
        got = call(UnixConnection(self.run / "kms.sock"), "POST", "/", json.dumps(members),
                   {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"CofferKms.{operation}"})
        assert got.status == 200, got
        found = got.json
        return found.get("AccessKey") or found.get("Credentials") or found

    def lend(self, c):
        path = self.state / "credentials.json"
        told = {"AccessKeyId": c["AccessKeyId"], "SecretAccessKey": c["SecretAccessKey"]}
        if c.get("SessionToken"):
            told["Token"] = c["SessionToken"]
        path.write_text(json.dumps(told))
        path.chmod(0o600)

    def vault(self, **more):
        return self.create({k: self.plant(f"{v} {time.monotonic_ns()}") for k, v in {**FIELDS, **more}.items()})

    def code(self, vault, **more):
        got = self.decrypt(vault, "city", **more)
        return (got.status, got.code)

    def opens(self, vault):
        got = self.decrypt(vault, "city")
        assert got.status == 200 and got.json["errors"] == [], got
        return got.json["data"]["city"].startswith("London")

    def logged(self, *words):
        """The newest line of the agent's log, where the enclave's are, that has all the words."""
        def look():
            lines = [l for l in self.agent.log.read_text().splitlines() if all(w in l for w in words)]
            return lines[-1] if lines else None
        return wait_for(look, 5)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with World(tmp_path_factory.mktemp("kms")) as w:
        yield w


@pytest.fixture(autouse=True)
def as_it_was(request):
    """Whatever a test made of the front, the next one finds it right."""
    yield
    if "world" in request.fixturenames:
        w = request.getfixturevalue("world")
        w.front.script, w.front.end, w.front.drip, w.front.plain = [], "keep", 0, False
        w.front.use(w.right)


def signed_by_botocore(request, credentials, region="us-east-1"):
    """The Authorization that botocore makes of what was sent."""
    h = request.headers
    sent = AWSRequest("POST", f"https://{h['host']}/", data=request.body,
                      headers={n: h[n] for n in ("host", "content-type", "x-amz-date", "x-amz-target", "x-amz-security-token") if n in h})
    sent.context["timestamp"] = h["x-amz-date"]
    signer = SigV4Auth(Credentials(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials.get("SessionToken")), "kms", region)
    canonical = signer.canonical_request(sent)
    signature = signer.signature(signer.string_to_sign(sent, canonical), sent)
    names = signer.signed_headers(signer.headers_to_sign(sent))
    return f"AWS4-HMAC-SHA256 Credential={signer.scope(sent)}, SignedHeaders={names}, Signature={signature}"


# --- what has to work ---

def test_decrypt(world):
    before = len(world.front.requests)
    vaults = [world.vault() for _ in range(3)]
    assert all(world.opens(v) for v in vaults)
    sent = world.front.requests[before:]
    assert len(sent) == 3, "one call of the KMS for each vault"
    for r in sent:
        assert r.line == "POST / HTTP/1.1" and r.headers["host"] == f"localhost:{world.front.port}"
        assert r.headers["authorization"] == signed_by_botocore(r, world.credentials)
        body = json.loads(r.body)
        assert body["KeyId"] == world.key_id and set(body["EncryptionContext"]) == {"tenant", "vault_id"}
        assert body["Recipient"]["KeyEncryptionAlgorithm"] == "RSAES_OAEP_SHA_256"
        assert not {"x-amz-security-token"} & set(r.headers)
    assert all(world.opens(v) for v in vaults) and len(world.front.requests) == before + 3, "cached"
    assert set(world.front.versions) == {"TLSv1.3"} and set(world.front.protocols) == {"http/1.1"}
    assert set(world.front.names) == {"localhost"}


def test_connections_are_kept(world):
    """As many as were ever needed at a time, whatever the number of calls."""
    assert world.opens(world.vault())
    before = world.front.accepted
    for _ in range(12):
        assert world.opens(world.vault())
    assert world.front.accepted == before


def recipient(request):
    """The public key in the document that a Decrypt brings."""
    _, _, payload, _ = cbor2.loads(base64.b64decode(json.loads(request.body)["Recipient"]["AttestationDocument"]))
    return cbor2.loads(payload)["public_key"]


def audited(world):
    """Decrypts that kmsd has written down, with their outcomes."""
    lines = [json.loads(line) for f in sorted((world.state / "kms/audit").iterdir()) for line in f.read_text().splitlines()]
    return [line["outcome"] for line in lines if line["operation"] == "Decrypt"]


def test_two_hundred_at_once(world):
    """Vaults whose keys are not at hand: one call of the KMS each, and all with the one key that the enclave has had since its boot."""
    vaults = [world.vault() for _ in range(200)]
    sent, done = len(world.front.requests), len(audited(world))
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        assert all(pool.map(world.opens, vaults))
    requests = world.front.requests[sent:]
    assert len(requests) == 200
    assert audited(world)[done:] == ["ok"] * 200
    assert len({json.loads(r.body)["CiphertextBlob"] for r in requests}) == 200
    keys = {recipient(r) for r in requests}
    assert len(keys) == 1
    os.kill(world.enclave_pid(), signal.SIGKILL)
    assert world.opens(world.vault())
    assert recipient(world.front.requests[-1]) not in keys, "the next boot has its own"


def test_session_token(tmp_path):
    with World(tmp_path, session=True) as w:
        assert w.opens(w.vault())
        r = w.front.requests[-1]
        assert r.headers["x-amz-security-token"] == w.credentials["SessionToken"]
        assert r.headers["authorization"] == signed_by_botocore(r, w.credentials)
        assert "x-amz-security-token" in r.headers["authorization"]
        # and without it the key service takes nothing
        w.front.script = [lambda r: r.headers.pop("x-amz-security-token") and None]
        assert w.code(w.vault()) == REFUSED


def test_versions(world):
    world.front.use(world.right, maximum=ssl.TLSVersion.TLSv1_2)
    assert world.opens(world.vault())
    assert world.front.versions[-1] == "TLSv1.2"


# --- other ends that are wrong ---

def wrong(world, label, reason, certificate=None, **how):
    vault = world.vault()
    before = len(world.front.requests)
    world.front.use(certificate or world.right, **how)
    assert world.code(vault) == UNAVAILABLE, label
    assert f"tls={reason}" in world.logged("kms.unreachable"), label
    assert len(world.front.requests) == before, "nothing was said to it"
    world.front.use(world.right)
    assert world.opens(vault), "and the enclave goes on"


def test_certificates(world):
    pid = world.enclave_pid()
    a, other = world.authority, Authority(world.folder / "other")
    wrong(world, "wrong host", "wrong_host", a.certificate("host", names=["kms.us-east-1.amazonaws.com"]))
    wrong(world, "expired", "expired", a.certificate("expired", until=-1))
    wrong(world, "not yet", "not_yet_valid", a.certificate("early", since=1))
    wrong(world, "self-signed", "untrusted", a.certificate("self", self_signed=True))
    wrong(world, "another authority", "bad_certificate", other.certificate("other"))
    wrong(world, "no name", "wrong_host", a.certificate("nameless", names=[]))
    assert world.enclave_pid() == pid


def test_protocols(world):
    wrong(world, "1.1", "protocol", maximum=ssl.TLSVersion.TLSv1_1, minimum=ssl.TLSVersion.TLSv1, ciphers="ALL:@SECLEVEL=0")
    wrong(world, "CBC", "protocol", maximum=ssl.TLSVersion.TLSv1_2, ciphers="ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384")
    world.front.plain = True
    wrong_vault = world.vault()
    world.front.drop()
    assert world.code(wrong_vault) == UNAVAILABLE
    assert "tls=protocol" in world.logged("kms.unreachable")


@pytest.mark.parametrize("end", ["close", "cut"])
def test_connections_that_end(world, end):
    """After each answer; with or without close_notify the next call gets another connection."""
    world.front.end = end
    before = world.front.accepted
    for _ in range(4):
        assert world.opens(world.vault())
    assert world.front.accepted - before >= 4


def test_half_a_record(world):
    world.front.end = "half"
    vault = world.vault()
    assert world.code(vault) == UNAVAILABLE
    assert "code=kms_unavailable" in world.logged("kms.unreachable")
    world.front.end = "keep"
    assert world.opens(vault)


def test_slow_drip(world):
    """An octet now and then costs the time of one call and no more."""
    vault = world.vault()
    world.front.drip = 0.05
    world.front.drop()
    began = time.monotonic()
    assert world.code(vault) == UNAVAILABLE
    assert time.monotonic() - began < 4.5
    world.front.drip = 0
    world.front.drop()
    assert world.opens(vault)


def test_nobody_there(world):
    vault = world.vault()
    port = world.front.port
    world.front.close()
    assert world.code(vault) == UNAVAILABLE
    fresh = TlsFront(world.right, world.front.forward, port)
    world.front = fresh
    assert world.opens(vault)


# --- answers that are refusals ---

def test_throttled(world):
    vault = world.vault()
    before = len(world.front.requests)
    world.front.script = [lambda _: refusal("ThrottlingException"), lambda _: answer(503)]
    assert world.opens(vault)
    times = [r.headers["x-amz-date"] for r in world.front.requests[before:]]
    assert len(times) == 3
    world.front.script = [lambda _: refusal("ThrottlingException")] * 9
    began = time.monotonic()
    assert world.code(world.vault()) == UNAVAILABLE
    assert time.monotonic() - began < 3.5 and len(world.front.requests) - before - 3 == 5
    assert "code=kms_throttled tries=5" in world.logged("kms.error", "ThrottlingException")


@pytest.mark.parametrize("name, code", [
    ("NotFoundException", "kms_key_unknown"), ("DisabledException", "kms_key_disabled"),
    ("InvalidCiphertextException", "kms_bad_ciphertext"), ("IncorrectKeyException", "kms_wrong_key"),
    ("ValidationException", "kms_bad_request"), ("UnrecognizedClientException", "kms_credentials_unknown"),
    ("ExpiredTokenException", "kms_credentials_expired"), ("SomethingNewException", "kms_error")])
def test_refused(world, name, code):
    before = len(world.front.requests)
    world.front.script = [lambda _: refusal(name)]
    assert world.code(world.vault()) == REFUSED
    assert len(world.front.requests) == before + 1
    line = world.logged("kms.error", f"code={code}")
    assert "hint=" in line and ("?" not in line)


def test_answers_in_the_clear(world):
    """A service that gives the plaintext to everybody on the way is not believed, though the rest of its answer is right."""
    def clear(request):
        head, _, body = world.front.pass_on(request).partition(b"\r\n\r\n")
        return answer(200, body.rstrip(b"}") + b',"Plaintext":"c2VjcmV0"}')
    world.front.script = [clear]
    vault = world.vault()
    assert world.code(vault) == (502, "kms_bad_answer")
    assert world.opens(vault)


def test_not_http(world):
    world.front.script = [lambda _: b"220 smtp ready\r\n\r\n"]
    vault = world.vault()
    assert world.code(vault) == (502, "kms_bad_answer")
    assert world.opens(vault)


def test_clock(world):
    """The service says by its Date that the clock is off; the request comes again with that time, once, on the same connection."""
    vault = world.vault()
    before = len(world.front.requests)
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=3)
    skewed = lambda _: refusal("InvalidSignatureException", Date=email.utils.format_datetime(then, usegmt=True))  # noqa: E731
    world.front.script = [skewed, lambda r: None]
    assert world.code(vault) == REFUSED  # kmsd's clock is right
    sent = world.front.requests[before:]
    dates = [datetime.datetime.strptime(r.headers["x-amz-date"], "%Y%m%dT%H%M%S%z") for r in sent]
    assert abs((dates[1] - then).total_seconds()) < 30
    assert all(r.headers["authorization"] == signed_by_botocore(r, world.credentials) for r in sent)
    # kmsd tells its own time, and so the clock is right again
    wait_for(lambda: world.decrypt(vault, "city").status == 200, 10, 0.2)


# --- what is measured, and what a policy can ask for ---

def measured(name, roots):
    """PCR16 as docs/formats/attestation.md section 7 has it."""
    measure = hashlib.sha384(b"coffer-kms-1\0" + name.encode() + b"\0" + roots).digest()
    return hashlib.sha384(bytes(48) + measure).hexdigest()


def put_policy(world, key, pcr16):
    policy = json.loads(world.kms("GetKeyPolicy", KeyId=key)["Policy"])
    condition = {"kms:RecipientAttestation:ImageSha384": world.pcr0, "kms:RecipientAttestation:PCR16": pcr16}
    policy["Statement"][1]["Condition"] = {"StringEqualsIgnoreCase": condition}
    world.kms("PutKeyPolicy", KeyId=key, Policy=json.dumps(policy))


def document_has(pcr0):
    """What the log says of a software module's document."""
    instance = hashlib.sha384(bytes(48) + b"i-00000000000000000").hexdigest()
    return f" kms:RecipientAttestation:ImageSha384={pcr0},PCR0={pcr0},PCR1={pcr0},PCR2={pcr0},PCR4={instance}"


def test_policy_of_the_link(world):
    pcr16 = measured(world.kms_name, world.authority.pem.read_bytes())
    assert f"pcr16={pcr16}" in world.logged("kms.named", "roots=given")
    vault, other = world.vault(), world.vault()
    put_policy(world, world.key_id, pcr16)
    assert world.opens(vault)
    put_policy(world, world.key_id, measured(world.kms_name, b""))
    assert world.code(other) == REFUSED
    assert "code=kms_access_denied" in world.logged("kms.error", "AccessDeniedException")
    line = world.logged("kms.document_has")
    assert line.endswith(f"{document_has(world.pcr0)},PCR16={pcr16}")
    put_policy(world, world.key_id, pcr16)
    assert world.opens(other)


def test_denied_by_a_plain_kms(tmp_path):
    """Nothing is measured of it, so there is no PCR16."""
    with Stack(tmp_path) as s:
        vault = s.create({"city": "London"})
        policy = json.loads(s.kms("GetKeyPolicy", KeyId=s.key_id)["Policy"])
        policy["Statement"][1]["Condition"] = {"StringEquals": {"kms:RecipientAttestation:PCR16": "00" * 48}}
        s.kms("PutKeyPolicy", KeyId=s.key_id, Policy=json.dumps(policy))
        got = s.decrypt(vault, "city")
        assert (got.status, got.code) == REFUSED
        line = wait_for(lambda: [l for l in s.agent.log.read_text().splitlines() if "kms.document_has" in l], 5)
        assert len(line) == 1 and line[0].endswith(document_has(s.pcr0))


# --- how the agent is told ---

@pytest.mark.parametrize("words, told", [
    (["--kms", "aws:EU-CENTRAL-1"], "--kms"), (["--kms", "https://127.0.0.1:8443"], "--kms"), (["--kms", "aws:eu-central-1,gov"], "--kms"),
    (["--kms", "127.0.0.1:9", "--kms-roots", "/dev/null"], "--kms"), (["--kms", "aws:eu-central-1", "--kms-roots", "/nowhere"], "--kms-roots"),
    (["--kms", "aws:eu-central-1", "--kms-roots", "empty.pem"], "--kms-roots")])
def test_wrong_options(tmp_path, words, told):
    (tmp_path / "run").mkdir(mode=0o700)
    (tmp_path / "empty.pem").write_bytes(b"")
    words = [str(tmp_path / w) if w == "empty.pem" else w for w in words]
    agent = Daemon("coffer-agent", tmp_path, ["--enclave", BIN / "coffer-enclave", "--nsm", tmp_path / "nsm", "--run", tmp_path / "run",
                                              "--listen", f"unix:{tmp_path}/run/agent.sock", *words])
    agent.start(ready=False)
    assert agent.process.wait(20) == 1
    assert f"coffer-agent: {told}:" in agent.log.read_text()


def test_compiled_in_roots(tmp_path):
    """With Amazon's roots alone, a service that only the test's authority vouches for is nobody."""
    with World(tmp_path) as w:
        assert w.agent.stop() == 0
        at = w.agent.argv.index("--kms-roots")
        del w.agent.argv[at:at + 2]
        vault = w.vault()
        w.agent.start()
        w.wait_healthy()
        assert w.code(vault) == UNAVAILABLE
        assert "tls=untrusted" in w.logged("kms.unreachable")
        assert f"pcr16={measured(w.kms_name, b'')}" in w.logged("kms.named", "roots=compiled_in")
