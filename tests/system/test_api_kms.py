# SPDX-License-Identifier: Apache-2.0
"""The API's own calls of the KMS over TLS and signed, in a stack whose agent does the same, each as a principal of its own with the policy
of docs/kms-client.md; and what happens when the other end, the permission or the credentials are not what they should be."""
import http.client
import json
import re
import ssl
import threading
import time

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from programs import BIN, ROOT, coffer, wait_for
from sources import Imds, document
from stack import Daemon, Stack
from test_credentials import NAMES
from test_kms_client import UNAVAILABLE, REFUSED, World, signed_by_botocore
from tls_front import Authority, TlsFront, answer, refusal

PAIR, PROBE = "TrentService.GenerateDataKeyPairWithoutPlaintext", "TrentService.DescribeKey"
PERSON = {"first_name": "Ada", "city": "London"}
ARN = "arn:aws:iam::000000000000:"


def documented_policy():
    """The one that the page shows, as it stands there."""
    text = (ROOT / "docs/kms-client.md").read_text()
    return json.loads(re.search(r"## Who may do what.*?```json\n(.*?)```", text, re.S).group(1))


class ApiWorld(World):
    """source: "env", where the API's credentials are a user's, or "imds", where they are sessions of a role that last for `seconds`, and so
    are those of the agent. direct: to the TLS of coffer-kmsd itself, with nothing in between that could look or interfere."""

    def __init__(self, folder, source="env", seconds=3600, direct=False):
        super().__init__(folder)
        self.direct = direct
        if direct:
            chain, key = self.right
            self.kmsd.argv[self.kmsd.argv.index("127.0.0.1:0")] = "tls:127.0.0.1:0"
            self.kmsd.argv += ["--tls-cert", str(chain), "--tls-key", str(key)]
        self.source, self.seconds, self.handed = source, seconds, []
        self.api_kms = ["--kms", self.kms_name, "--kms-roots", self.authority.pem, "--credentials", "auto"]
        # What is empty counts as not set, and the caller's own settings stay out.
        self.api_env = {**dict.fromkeys(NAMES, ""), "HOME": folder, "AWS_EC2_METADATA_DISABLED": "true"}
        self.imds = {}

    def create_key(self):
        """As docs/kms-client.md has it, with this stack's principals, tenant and image."""
        policy = documented_policy()
        kind = "user" if self.source == "env" else "role"
        whom = {"api": f"{ARN}{kind}/api", "agent": f"{ARN}{kind}/parent", "admin": f"{ARN}user/local"}
        for s in policy["Statement"]:
            name = s["Principal"]["AWS"].rpartition("/")[2]
            s["Principal"] = {"AWS": whom[{"coffer-api": "api", "coffer-agent": "agent"}.get(name, "admin")]}
        text = json.dumps(policy).replace('"acme"', '"default"').replace("<PCR0 of the image>", self.pcr0)
        return self.kms("CreateKey", Description="vault keys", Policy=text)["KeyMetadata"]["Arn"]

    def start(self):
        self.kmsd.start()
        host, port = re.search(r"(127\.0\.0\.1):(\d+)", self.kmsd.log.read_text()).groups()
        self.front.forward = (host, int(port))
        if self.direct:
            self.kms_name = f"https://localhost:{port},us-east-1"
            self.api_kms[1] = self.agent.argv[self.agent.argv.index("--kms") + 1] = self.kms_name
            self.kmsd.argv[self.kmsd.argv.index("tls:127.0.0.1:0")] = f"tls:127.0.0.1:{port}"
        self.key_id = self.create_key()
        if self.source == "env":
            self.credentials = self.admin("CreateAccessKey", Name="api")
            self.api_env.update(AWS_ACCESS_KEY_ID=self.credentials["AccessKeyId"],
                                AWS_SECRET_ACCESS_KEY=self.credentials["SecretAccessKey"])
            self.lend(self.admin("CreateAccessKey", Name="parent"))
        else:
            for name in ("api", "parent"):
                self.admin("CreateRole", Name=name)
                self.imds[name] = imds = Imds()
                imds.text = lambda role=name: self.session_of(role)
            self.api_env.update(AWS_EC2_METADATA_DISABLED="", **self.imds["api"].settings)
            self.agent.env = {**dict.fromkeys(NAMES, ""), "HOME": self.folder, **self.imds["parent"].settings}
            self.agent.argv[self.agent.argv.index("--credentials") + 1] = "imds"
        self.agent.start()
        self.start_api()
        return self

    def session_of(self, role):
        c = self.admin("CreateSession", Name=role, DurationSeconds=self.seconds)
        self.handed.append((role, c))
        return document(c["AccessKeyId"], self.seconds, SecretAccessKey=c["SecretAccessKey"], Token=c["SessionToken"])

    def stop(self):
        ended = super().stop()
        for imds in self.imds.values():
            imds.close()
        return ended

    def sent(self, target=PAIR, since=0):
        return [r for r in self.front.requests[since:] if r.headers["x-amz-target"] == target]

    def try_create(self):
        return self.request("POST", "/v1/vaults", PERSON)

    def code_of_create(self):
        got = self.try_create()
        return (got.status, got.code)

    def told(self, *words):
        """The newest line of the API's log that has all the words."""
        def look():
            lines = [l for l in self.api.log.read_text().splitlines() if all(w in l for w in words)]
            return lines[-1] if lines else None
        return wait_for(look, 5)

    def kms_health(self):
        return self.health().json["kms"]

    def as_api(self, operation, **members):
        """What the KMS answers to the API's principal."""
        host, port = self.front.forward
        body = json.dumps(members)
        request = AWSRequest("POST", f"http://{host}:{port}/", data=body, headers={
            "Host": f"{host}:{port}", "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"TrentService.{operation}"})
        c = self.credentials
        SigV4Auth(Credentials(c["AccessKeyId"], c["SecretAccessKey"]), "kms", "us-east-1").add_auth(request)
        connection = http.client.HTTPConnection(host, port, timeout=20)
        connection.request("POST", "/", body, dict(request.headers.items()))
        got = connection.getresponse()
        text = got.read()
        connection.close()
        return got.status, json.loads(text)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with ApiWorld(tmp_path_factory.mktemp("api-kms")) as w:
        yield w
        # Whatever the tests did, nothing that is secret stands in a log.
        assert w.credentials["SecretAccessKey"] not in w.log_text()


@pytest.fixture(autouse=True)
def as_it_was(request):
    yield
    if "world" in request.fixturenames:
        w = request.getfixturevalue("world")
        w.front.script, w.front.end, w.front.drip, w.front.plain = [], "keep", 0, False
        w.front.use(w.right)


# --- what has to work ---

def test_create_and_decrypt(world):
    before = len(world.front.requests)
    vaults = [world.vault() for _ in range(3)]
    sent = world.sent(since=before)
    assert len(sent) == 3, "one call for each vault"
    for r, vault in zip(sent, vaults):
        assert r.line == "POST / HTTP/1.1" and r.headers["host"] == f"localhost:{world.front.port}"
        assert r.headers["authorization"] == signed_by_botocore(r, world.credentials)
        assert json.loads(r.body) == {"KeyId": world.key_id, "KeyPairSpec": "ECC_NIST_P384",
                                      "EncryptionContext": {"tenant": "default", "vault_id": vault}}
    assert all(world.opens(v) for v in vaults)
    assert set(world.front.versions) == {"TLSv1.3"} and set(world.front.names) == {"localhost"}
    # A named secret is the other kind of key pair.
    assert world.request("POST", "/v1/secrets", {"name": f"n{time.monotonic_ns()}"}).status == 200
    assert list(json.loads(world.sent()[-1].body)["EncryptionContext"]) == ["coffer:secret"]


@pytest.mark.parametrize("source", ["env", "imds"])
def test_kmsd_itself(tmp_path, source):
    """Everything is coffer's: TLS from end to end, also over a restart of the KMS, of which no caller sees anything but that it takes a
    moment; and nobody who knows only Amazon's roots."""
    with ApiWorld(tmp_path, source, direct=True) as w:
        vaults = [w.vault() for _ in range(3)]
        assert all(w.opens(v) for v in vaults)
        wait_for(lambda: w.health().json["status"] == "ok", 5)
        assert w.kmsd.kill() != 0
        assert w.code_of_create() == UNAVAILABLE
        w.kmsd.start()
        later = w.vault()
        assert w.opens(later)
        at = w.api_kms.index("--kms-roots")
        del w.api_kms[at:at + 2]
        w.restart_api()
        assert w.code_of_create() == UNAVAILABLE
        assert "tls=untrusted" in w.told("kms.unreachable", "Pair")
        assert not w.front.requests


def test_health(world):
    wait_for(lambda: world.kms_health() == "ok", 5)
    probe = world.sent(PROBE)[-1]
    assert json.loads(probe.body) == {"KeyId": world.key_id}
    assert probe.headers["authorization"] == signed_by_botocore(probe, world.credentials)


def test_least_privilege(world, tmp_path):
    """The API's principal makes key pairs of its tenant and can open nothing; the lint finds nothing in the policy."""
    context = {"tenant": "default", "vault_id": "v_1"}
    pair = {"KeyId": world.key_id, "KeyPairSpec": "ECC_NIST_P384"}
    status, made = world.as_api("GenerateDataKeyPairWithoutPlaintext", **pair, EncryptionContext=context)
    assert status == 200 and "PrivateKeyPlaintext" not in made
    wrapped = {"CiphertextBlob": made["PrivateKeyCiphertextBlob"], "EncryptionContext": context}
    for label, operation, members in [
            ("what it made itself", "Decrypt", {"KeyId": world.key_id, **wrapped}),
            ("no context", "GenerateDataKeyPairWithoutPlaintext", pair),
            ("another tenant", "GenerateDataKeyPairWithoutPlaintext", {**pair, "EncryptionContext": {**context, "tenant": "other"}}),
            ("more of a context", "GenerateDataKeyPairWithoutPlaintext", {**pair, "EncryptionContext": {**context, "x": "y"}}),
            ("the private key too", "GenerateDataKeyPair", {**pair, "EncryptionContext": context}),
            ("a data key", "GenerateDataKey", {"KeyId": world.key_id, "KeySpec": "AES_256", "EncryptionContext": context}),
            ("the policy", "GetKeyPolicy", {"KeyId": world.key_id}),
            ("a grant", "CreateGrant", {"KeyId": world.key_id, "GranteePrincipal": f"{ARN}user/api", "Operations": ["Decrypt"]})]:
        status, body = world.as_api(operation, **members)
        assert (status, body["__type"]) == (400, "AccessDeniedException"), label
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(documented_policy()).replace("<PCR0 of the image>", world.pcr0))
    coffer("kms", "lint-policy", path, check=0)


def test_connections_are_few(world):
    """However many requests there are at once, and however many of them come."""
    world.front.drop()
    time.sleep(0.2)
    before, failed = world.front.accepted, []

    def load():
        connection = world.connection()
        head = {"Authorization": f"Bearer {world.token}", "Content-Type": "application/json"}
        for _ in range(4):
            connection.request("POST", "/v1/vaults", json.dumps(PERSON), head)
            got = connection.getresponse()
            got.read()
            if got.status != 200:
                failed.append(got.status)

    threads = [threading.Thread(target=load) for _ in range(40)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed and 1 <= world.front.accepted - before <= 16


@pytest.mark.parametrize("end", ["close", "cut"])
def test_connections_that_end(world, end):
    world.front.end = end
    for _ in range(4):
        assert world.try_create().status == 200


# --- other ends that are wrong ---

@pytest.mark.parametrize("reason, certificate", [
    ("untrusted", lambda w: w.authority.certificate("self", self_signed=True)),
    ("bad_certificate", lambda w: Authority(w.folder / "other").certificate("other")),
    ("wrong_host", lambda w: w.authority.certificate("host", names=["kms.us-east-1.amazonaws.com"])),
    ("expired", lambda w: w.authority.certificate("expired", until=-1))])
def test_certificates(world, reason, certificate):
    assert world.try_create().status == 200
    before = len(world.front.requests)
    world.front.use(certificate(world))
    got = world.try_create()
    assert (got.status, got.code) == UNAVAILABLE and got.headers["retry-after"] == "1"
    assert f"tls={reason}" in world.told("kms.unreachable", "operation=GenerateDataKeyPairWithoutPlaintext", got.json["request_id"])
    assert len(world.front.requests) == before, "nothing was said to it"
    wait_for(lambda: world.kms_health() == "unavailable", 5)
    world.front.use(world.right)
    assert world.try_create().status == 200
    wait_for(lambda: world.kms_health() == "ok", 5)


def test_no_tls(world):
    world.front.plain = True
    world.front.drop()
    assert world.code_of_create() == UNAVAILABLE
    assert "tls=protocol" in world.told("kms.unreachable", "Pair")


def test_old_tls(world):
    world.front.use(world.right, maximum=ssl.TLSVersion.TLSv1_1, minimum=ssl.TLSVersion.TLSv1, ciphers="ALL:@SECLEVEL=0")
    assert world.code_of_create() == UNAVAILABLE


def test_compiled_in_roots(tmp_path):
    """With Amazon's roots alone, a service that only the test's authority vouches for is nobody, to the API as to the enclave."""
    with ApiWorld(tmp_path) as w:
        at = w.api_kms.index("--kms-roots")
        del w.api_kms[at:at + 2]
        w.restart_api()
        assert w.code_of_create() == UNAVAILABLE
        assert "tls=untrusted" in w.told("kms.unreachable", "Pair") and not w.front.requests


def test_down_and_back(world):
    """Nobody there: 503 at once, and service again as soon as there is somebody."""
    assert world.try_create().status == 200
    port = world.front.port
    world.front.close()
    began = time.monotonic()
    assert world.code_of_create() == UNAVAILABLE
    assert time.monotonic() - began < 1
    assert "tls= tries=1" in world.told("kms.unreachable", "Pair")
    wait_for(lambda: world.kms_health() == "unavailable", 5)
    world.front = TlsFront(world.right, world.front.forward, port)
    assert world.try_create().status == 200
    wait_for(lambda: world.kms_health() == "ok", 5)


def test_hangs(world):
    """Somebody who says nothing: 503 within the time of a call; other requests do not wait for it, and it is no reason to end late."""
    vault = world.vault()
    assert world.opens(vault)
    hanging = threading.Event()
    world.front.script = [lambda _: hanging.wait(30) and None]
    got = []
    began = time.monotonic()
    creating = threading.Thread(target=lambda: got.append((world.code_of_create(), time.monotonic() - began)))
    creating.start()
    time.sleep(0.3)
    assert world.opens(vault) and world.try_create().status == 200 and time.monotonic() - began < 2
    creating.join()
    hanging.set()
    assert got[0][0] == UNAVAILABLE and 4 < got[0][1] < 6.5, got
    assert world.try_create().status == 200


def test_ends_while_it_hangs(tmp_path):
    """SIGTERM: the request that waits is answered, and the end is clean."""
    with ApiWorld(tmp_path) as w:
        hanging = threading.Event()
        w.front.script = [lambda _: hanging.wait(30) and None]
        got = []
        creating = threading.Thread(target=lambda: got.append(w.code_of_create()))
        creating.start()
        wait_for(lambda: w.sent(), 5)
        began = time.monotonic()
        assert w.api.stop() == 0 and time.monotonic() - began < 7
        creating.join()
        hanging.set()
        assert got == [UNAVAILABLE]


# --- answers that are refusals ---

def test_not_allowed(tmp_path):
    """A principal without the permission: refused, once, and the log says what is missing; what only the enclave does goes on."""
    with ApiWorld(tmp_path) as w:
        vault = w.vault()
        policy = json.loads(w.kms("GetKeyPolicy", KeyId=w.key_id)["Policy"])
        policy["Statement"] = [s for s in policy["Statement"] if "api" not in json.dumps(s["Principal"])]
        w.kms("PutKeyPolicy", KeyId=w.key_id, Policy=json.dumps(policy))
        before = len(w.sent())
        got = w.try_create()
        assert (got.status, got.code) == REFUSED and len(w.sent()) == before + 1
        line = w.told("kms.error", got.json["request_id"])
        assert "operation=GenerateDataKeyPairWithoutPlaintext status=400 name=AccessDeniedException code=kms_access_denied tries=1" in line
        assert "hint=no_statement_of_the_key's_policy" in line and "?" not in line
        wait_for(lambda: w.kms_health() == "refused", 5)
        assert "code=kms_access_denied" in w.told("kms.error", "operation=DescribeKey")
        assert w.opens(vault)
        asked = len(w.sent(PROBE))
        wait_for(lambda: w.kms_health() == "refused" and len(w.sent(PROBE)) > asked + 1, 5, 0.3)
        lines = [l for l in w.api.log.read_text().splitlines() if "kms.error" in l and "DescribeKey" in l]
        assert len(lines) == 1, "told when it changes"


def test_throttled(world):
    before = len(world.front.requests)
    world.front.script = [lambda _: refusal("ThrottlingException"), lambda _: answer(503)]
    assert world.try_create().status == 200
    assert len(world.front.requests) - before == 3
    world.front.script = [lambda _: refusal("ThrottlingException")] * 9
    began = time.monotonic()
    assert world.code_of_create() == UNAVAILABLE
    assert time.monotonic() - began < 3 and len(world.front.requests) - before == 8
    assert "code=kms_throttled tries=5" in world.told("kms.error", "ThrottlingException")


@pytest.mark.parametrize("name, code", [
    ("NotFoundException", "kms_key_unknown"), ("DisabledException", "kms_key_disabled"), ("InvalidKeyUsageException", "kms_key_usage"),
    ("UnrecognizedClientException", "kms_credentials_unknown"), ("ExpiredTokenException", "kms_credentials_expired"),
    ("SomethingNewException", "kms_error")])
def test_refused(world, name, code):
    before = len(world.front.requests)
    world.front.script = [lambda _: refusal(name)]
    assert world.code_of_create() == REFUSED
    assert len(world.front.requests) == before + 1
    assert "hint=" in world.told("kms.error", f"code={code}")


@pytest.mark.parametrize("octets", [b"220 smtp ready\r\n\r\n", answer(200, b"{}"), answer(200, b'{"PublicKey":"AAAA"}'),
                                    answer(200, b'{"PublicKey":"AAAA","PrivateKeyCiphertextBlob":"AAAA","PrivateKeyPlaintext":"c2VjcmV0"}')])
def test_bad_answers(world, octets):
    world.front.script = [lambda _: octets]
    assert world.code_of_create() == (502, "kms_bad_answer")
    assert world.try_create().status == 200


# --- credentials ---

def test_none(tmp_path):
    """Without credentials nothing is sent."""
    with ApiWorld(tmp_path) as w:
        w.api_kms[-1] = "none"
        w.restart_api()
        before = len(w.front.requests)
        assert w.code_of_create() == REFUSED and len(w.front.requests) == before
        assert "code=kms_not_signed" in w.told("kms.error", "Pair")


def test_rotation_in_flight(tmp_path):
    """Sessions that end for good after a few seconds, of the API and of the agent: under load no request fails."""
    with ApiWorld(tmp_path, "imds", seconds=6) as w:
        stop, failed, made = threading.Event(), [], []

        def load():
            mine = w.connection()
            head = {"Authorization": f"Bearer {w.token}", "Content-Type": "application/json"}

            def ask(path, body):
                mine.request("POST", path, json.dumps(body), head)
                got = mine.getresponse()
                return got.status, got.read()

            while not stop.is_set():
                status, body = ask("/v1/vaults", PERSON)
                if status != 200:
                    failed.append((status, body))
                    continue
                vault = json.loads(body)["id"]
                made.append(vault)
                status, body = ask(f"/v1/vaults/{vault}/decrypt", {"fields": ["city"], "reason": "test"})
                if status != 200 or json.loads(body)["data"] != {"city": "London"}:
                    failed.append((status, body))
                time.sleep(0.02)

        threads = [threading.Thread(target=load) for _ in range(4)]
        for t in threads:
            t.start()
        time.sleep(14)
        stop.set()
        for t in threads:
            t.join()
        assert not failed, failed[:3]
        used = {r.headers["x-amz-security-token"] for r in w.sent()}
        handed = {c["SessionToken"] for role, c in w.handed if role == "api"}
        assert len(used) >= 3 and used <= handed and len(made) > 50
        assert not [r for r in w.front.requests if not r.headers.get("x-amz-security-token")]
        text = w.log_text()
        assert not any(c["SecretAccessKey"] in text or c["SessionToken"] in text for _, c in w.handed)


def test_refused_then_others(tmp_path):
    """A set that is refused while the next one arrives: the request goes out once more, with that, and its caller sees nothing."""
    with ApiWorld(tmp_path, "imds", seconds=6) as w:
        assert w.try_create().status == 200

        def late(request):
            known = len(w.handed)
            wait_for(lambda: [role for role, _ in w.handed[known:]].count("api") > 0, 8)
            time.sleep(0.3)
            return refusal("ExpiredTokenException")

        before = len(w.sent())
        w.front.script = [lambda r: late(r) if r.headers["x-amz-target"] == PAIR else None]
        assert w.try_create().status == 200
        first, second = w.sent()[before:]
        assert first.headers["x-amz-security-token"] != second.headers["x-amz-security-token"]


def test_absent_at_start(tmp_path):
    """Nobody gives credentials: the service is there all the same, and makes vaults once somebody does."""
    with ApiWorld(tmp_path, "imds") as w:
        w.imds["api"].override["token"] = (503, "")
        w.restart_api()
        assert w.code_of_create() == REFUSED
        assert "code=credentials_unavailable" in w.told("credentials.failed")
        w.imds["api"].override.clear()
        wait_for(lambda: w.try_create().status == 200, 10, 0.3)
        assert "source=imds" in w.told("credentials.changed")


# --- how the API is told ---

@pytest.mark.parametrize("words, told", [
    (["--kms", "aws:EU-CENTRAL-1"], "--kms"), (["--kms", "https://127.0.0.1:8443"], "--kms"), (["--kms", "aws:eu-central-1,gov"], "--kms"),
    (["--kms", "fd:3"], "--kms"), (["--kms", "vsock:3:8000"], "--kms"), (["--kms", "127.0.0.1:9", "--kms-roots", "/dev/null"], "--kms-roots"),
    (["--kms", "aws:eu-central-1", "--kms-roots", "/nowhere"], "--kms-roots"), (["--kms", "aws:eu-central-1", "--kms-roots", "empty.pem"], "--kms-roots"),
    (["--kms", "aws:eu-central-1", "--credentials", "env"], "--credentials"),
    (["--kms", "aws:eu-central-1", "--credentials", "/nowhere.json"], "--credentials")])
def test_wrong_options(tmp_path, words, told):
    (tmp_path / "empty.pem").write_bytes(b"")
    words = [str(tmp_path / w) if w == "empty.pem" else w for w in words]
    api = Daemon("coffer-api", tmp_path, ["--state", tmp_path / "state", "--listen", "127.0.0.1:0", "--agent", f"unix:{tmp_path}/a.sock",
                                          "--kms-key", "k", *words], env=dict.fromkeys(NAMES, ""), bin=BIN)
    api.start(ready=False)
    assert api.process.wait(20) == 1
    assert f"coffer-api: {told}:" in api.log.read_text()
    assert not (tmp_path / "state").exists(), "nothing was made"


def test_plain(tmp_path):
    """HOST:PORT is plain and unsigned, whatever there would be to sign with, and kmsd on TCP takes none of that; on its Unix socket it
    does."""
    with ApiWorld(tmp_path) as w:
        right = w.api_kms
        w.api_kms = ["--kms", "{}:{}".format(*w.front.forward), "--credentials", "env"]
        w.restart_api()
        assert w.code_of_create() == REFUSED
        assert "name=MissingAuthenticationTokenException code=kms_not_signed tries=1" in w.told("kms.error", "Pair")
        w.api_kms = right
        w.restart_api()
        assert w.try_create().status == 200
    with Stack(tmp_path / "local") as s:
        assert s.create(PERSON)
