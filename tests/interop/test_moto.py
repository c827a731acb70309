# SPDX-License-Identifier: Apache-2.0
"""coffer kms genrandom, genkey, decrypt against moto's KMS, which others wrote, with moto's checks of callers on: it computes every
signature again (with botocore's signer). TLS is the test's front's. What moto lacks, as seen here:

- Recipient: it passes over the member and answers with the plaintext, so that no call of ours can succeed. A client that sent Recipient
  must not use such an answer; that it does not is what most of these tests are about. CiphertextForRecipient, conditions on attestation
  and whatever follows from a document are tested against coffer-kmsd alone.
- GenerateDataKeyPair and DeriveSharedSecret: coffer kms genkeypair and derive are tested against coffer-kmsd alone.
- KMS's answer to those it does not let in: that is XML with status 403, and InvalidClientTokenId, SignatureDoesNotMatch and AccessDenied
  in it, where KMS has JSON with status 400, and UnrecognizedClientException, InvalidSignatureException and AccessDeniedException. The
  client takes it for no answer of a KMS.

The last test puts what is lacking in: it makes CiphertextForRecipient of moto's plaintext.
"""
import base64
import contextlib
import json
import pathlib
import re
import subprocess
import sys
import urllib.request

import cbor2
import pytest

boto3 = pytest.importorskip("boto3", reason="the AWS clients are not installed")
pytest.importorskip("moto.server", reason="the AWS clients are not installed", exc_type=ImportError)
from attest_tool import Tool  # noqa: E402
from botocore.config import Config  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from programs import BIN, environment, wait_for  # noqa: E402
from test_kms_client import signed_by_botocore  # noqa: E402
from test_kms_tool import PCR0, Module  # noqa: E402
from tls_front import Authority, TlsFront, answer  # noqa: E402

REGION, ONCE = "eu-central-1", Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60)
SECRET = b"a secret of moto's"
ALLOWED = ["kms:GenerateRandom", "kms:GenerateDataKey", "kms:Decrypt"]


class Moto:
    """The server, a user who may do what the tests do, and one who may do nothing."""

    def __init__(self, folder):
        log = folder / "moto.log"
        env = {k: v for k, v in environment().items() if not k.startswith(("AWS_", "MOTO_"))}
        with log.open("wb") as out:
            self.process = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"], env=env, stdout=out,
                                            stderr=subprocess.STDOUT)
        try:
            self.port = int(wait_for(lambda: re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text()), 60)[1])
            self.url = f"http://127.0.0.1:{self.port}"
            self.kms = self.client("kms")
            self.key = self.kms.create_key()["KeyMetadata"]["Arn"]
            self.allowed = self.user("parent", ALLOWED)
            self.denied = self.user("stranger", [])
            self.wrapped = self.wrap()
            self.check_callers()
        except BaseException:
            self.close()
            raise

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=10)

    def client(self, service):
        return boto3.Session().client(service, endpoint_url=self.url, region_name=REGION, config=ONCE, aws_access_key_id="any",
                                      aws_secret_access_key="any")

    def user(self, name, actions):
        iam = self.client("iam")
        iam.create_user(UserName=name)
        if actions:
            statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
            iam.put_user_policy(UserName=name, PolicyName="kms",
                                PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        return iam.create_access_key(UserName=name)["AccessKey"]

    def wrap(self):
        got = self.kms.encrypt(KeyId=self.key, Plaintext=SECRET, EncryptionContext={"tenant": "acme"})
        return base64.b64encode(got["CiphertextBlob"]).decode()

    def check_callers(self):
        """From here on moto lets in only who signs rightly and is allowed to."""
        asked = urllib.request.Request(f"{self.url}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"})
        with urllib.request.urlopen(asked, timeout=10) as got:
            assert got.status == 200


class World:
    def __init__(self, folder, stack):
        self.moto = Moto(folder)
        stack.callback(self.moto.close)
        nsm = folder / "nsm"
        nsm.mkdir(mode=0o700)
        self.module = Module(nsm, folder / "n.sock", PCR0)
        stack.callback(self.module.close)
        self.tool = Tool(BIN)
        stack.callback(self.tool.close)
        self.authority = Authority(folder / "authority")
        self.answers, self.change = [], None
        self.front = TlsFront(self.authority.certificate("right"), ("127.0.0.1", self.moto.port))
        stack.callback(self.front.close)
        self.pass_on, self.front.pass_on = self.front.pass_on, self.keep

    def keep(self, request):
        text = self.pass_on(request)
        self.answers.append(text)
        if self.change:
            text = answer(200, self.change(request, json.loads(text.partition(b"\r\n\r\n")[2])))
        return text

    def call(self, command, *words, login=None):
        c = login or self.moto.allowed
        del self.answers[:], self.front.requests[:]
        return subprocess.run(
            [BIN / "coffer", "kms", command, "--aws-access-key-id", c["AccessKeyId"], "--aws-secret-access-key", c["SecretAccessKey"],
             "--aws-session-token", "", *words, "--nsm", f"unix:{self.module.path}", "--endpoint",
             f"https://localhost:{self.front.port},{REGION}", "--roots", self.authority.pem, "--via", f"localhost:{self.front.port}"],
            capture_output=True, timeout=60, env=environment())

    def refused(self, command, *words, login=None):
        """(the newest request, status and body of moto's answer, what the user is told)"""
        run = self.call(command, *words, login=login)
        told = run.stderr.decode()
        assert (run.returncode, run.stdout) == (255, b""), told
        assert (login or self.moto.allowed)["SecretAccessKey"] not in told
        assert len(self.answers) == 1, ("no error here is tried again", told)
        head, _, body = self.answers[0].partition(b"\r\n\r\n")
        return self.front.requests[0], int(head.split()[1]), body.decode(), told


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with contextlib.ExitStack() as stack:
        yield World(tmp_path_factory.mktemp("moto"), stack)


def calls(world):
    key, wrapped = world.moto.key, world.moto.wrapped
    return {"genrandom": ["--length", "32"],
            "genkey": ["--key-id", key, "--key-spec", "AES-256", "--encryption-context", "tenant=acme"],
            "decrypt": ["--ciphertext", wrapped, "--key-id", key, "--encryption-context", "tenant=acme"]}


@pytest.mark.parametrize("command, octets", [("genrandom", 32), ("genkey", 32), ("decrypt", len(SECRET))])
def test_taken_and_its_plaintext_refused(world, command, octets):
    request, status, body, told = world.refused(command, *calls(world)[command])
    assert status == 200, "signature, target and members are right to moto"
    assert request.headers["authorization"] == signed_by_botocore(request, world.moto.allowed, REGION)
    assert json.loads(request.body)["Recipient"]["KeyEncryptionAlgorithm"] == "RSAES_OAEP_SHA_256"
    found = json.loads(body)
    plaintext = base64.b64decode(found["Plaintext"])
    assert len(plaintext) == octets and "CiphertextForRecipient" not in found
    assert command != "decrypt" or plaintext == SECRET
    assert "(kms_bad_answer)" in told and found["Plaintext"] not in told and SECRET.decode() not in told


def test_errors(world):
    missing = world.moto.key.rpartition("/")[0] + "/00000000-0000-4000-8000-000000000000"
    for words, name, code in (
            (("genkey", "--key-id", missing, "--key-spec", "AES-256"), "NotFoundException", "kms_key_unknown"),
            (("decrypt", *calls(world)["decrypt"][:-1], "tenant=other"), "InvalidCiphertextException", "kms_bad_ciphertext")):
        _, status, body, told = world.refused(*words)
        assert (status, json.loads(body)["__type"]) == (400, name)
        assert told.startswith(f"coffer: {code}: ") and f"({name}, status 400)" in told


@pytest.mark.parametrize("who, name", [("unknown", "InvalidClientTokenId"), ("secret", "SignatureDoesNotMatch"),
                                       ("denied", "AccessDenied")])
def test_callers(world, who, name):
    """moto does check: what it takes elsewhere here it takes since it is right."""
    login = {"unknown": {**world.moto.allowed, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE"},
             "secret": {**world.moto.allowed, "SecretAccessKey": "x" * 40}, "denied": world.moto.denied}[who]
    _, status, body, told = world.refused("genrandom", "--length", "32", login=login)
    assert status == 403 and f"<Code>{name}</Code>" in body
    assert told.startswith("coffer: kms_error: ") and "status 403" in told


@pytest.mark.parametrize("command", ["genrandom", "genkey", "decrypt"])
def test_plaintext_beside_what_is_right(world, command):
    """Without the plaintext the answer is taken, with it it is not, though all else is the same."""
    def complete(request, found, keep):
        document = base64.b64decode(json.loads(request.body)["Recipient"]["AttestationDocument"])
        spki = cbor2.loads(cbor2.loads(document)[2])["public_key"]
        opened.append(found["Plaintext"])
        found["CiphertextForRecipient"] = base64.b64encode(world.tool.make(spki, 0, base64.b64decode(found["Plaintext"]))).decode()
        if not keep:
            del found["Plaintext"]
        return json.dumps(found).encode()

    opened = []
    try:
        world.change = lambda request, found: complete(request, found, False)
        run = world.call(command, *calls(world)[command])
        assert run.returncode == 0 and run.stdout.decode().endswith(f"PLAINTEXT: {opened[0]}\n"), run
        world.change = lambda request, found: complete(request, found, True)
        *_, told = world.refused(command, *calls(world)[command])
    finally:
        world.change = None
    assert len(opened) == 2 and "(kms_bad_answer)" in told
