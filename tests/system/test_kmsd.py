# SPDX-License-Identifier: Apache-2.0
"""coffer-kmsd over its Unix socket: protocol, operations, attested calls, policies, and what a crash may cost (nothing)."""
import base64
import concurrent.futures
import hashlib
import http.client
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from programs import BIN, environment, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
from attest_tool import Tool  # noqa: E402

PCR_A, PCR_B = hashlib.sha384(b"image a").digest(), hashlib.sha384(b"image b").digest()
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
MINUTES_5 = 5 * 60 * 1000


def b64(octets):
    return base64.b64encode(octets).decode()


def now_ms():
    return int(time.time() * 1000)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("kms", timeout=20)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class KmsError(Exception):
    def __init__(self, status, body, headers):
        super().__init__(f"{status} {body}")
        self.status, self.headers = status, headers
        self.name, self.message = body["__type"], body.get("message")


class Kmsd:
    """The daemon on a folder; call() keeps one connection per thread."""

    def __init__(self, folder, root, *words):
        self.folder = pathlib.Path(folder)
        self.state, self.log = self.folder / "state", self.folder / "log"
        self.root_file = self.folder / "root.der"
        self.root_file.write_bytes(root)
        self.words = words
        self.local = threading.local()
        self.start()

    def command(self, *words):
        return [BIN / "coffer-kmsd", "--state", self.state, "--listen", "unix:kms.sock", "--attestation-root", self.root_file,
                *self.words, *words]

    def start(self):
        read, write = os.pipe()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command("--ready-fd", str(write)), cwd=self.folder, stderr=log, env=environment(),
                                            pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as ready:
            assert ready.readline() == "ready unix:kms.sock\n", self.log.read_text()
        self.local = threading.local()

    def end(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        return self.process.wait(10)

    def restart(self, sig=signal.SIGTERM):
        self.end(sig)
        self.start()

    def connection(self):
        if not hasattr(self.local, "connection"):
            # the path of a socket is short, so the folder is not in it
            directory = os.open(self.folder, os.O_PATH)
            self.local.connection = UnixConnection(f"/proc/self/fd/{directory}/kms.sock")
        return self.local.connection

    def raw(self, method="POST", path="/", body=b"{}", **headers):
        connection = self.connection()
        headers = {k.replace("_", "-"): v for k, v in headers.items() if v is not None}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()

    def call(self, operation, **members):
        status, headers, body = self.raw(body=json.dumps(members), X_Amz_Target=f"TrentService.{operation}",
                                         Content_Type="application/x-amz-json-1.1")
        assert headers["Content-Type"] == "application/x-amz-json-1.1"
        assert re.fullmatch(UUID, headers["x-amzn-RequestId"])
        if status != 200:
            raise KmsError(status, json.loads(body), headers)
        return json.loads(body) if body else None

    def refused(self, operation, **members):
        with pytest.raises(KmsError) as e:
            self.call(operation, **members)
        assert e.value.status == (500 if e.value.name == "KMSInternalException" else 400)
        assert e.value.headers["x-amzn-ErrorType"] == e.value.name
        return e.value

    def create(self, policy=None, **members):
        if policy is not None:
            members["Policy"] = policy if isinstance(policy, str) else json.dumps(policy)
        return self.call("CreateKey", **members)["KeyMetadata"]["KeyId"]

    def list_all(self, limit=1000):
        seen, marker = [], {}
        while True:
            page = self.call("ListKeys", Limit=limit, **marker)
            seen += [k["KeyId"] for k in page["Keys"]]
            assert len(page["Keys"]) <= limit and page["Truncated"] == ("NextMarker" in page)
            if not page["Truncated"]:
                return seen
            marker = {"Marker": page["NextMarker"]}

    def log_lines(self, event):
        return [line for line in self.log.read_text().splitlines() if f" {event} " in line]


@pytest.fixture(scope="module")
def tool():
    t = Tool(BIN)
    yield t
    t.close()


@pytest.fixture(scope="module")
def nsm(tmp_path_factory):
    return tmp_path_factory.mktemp("nsm")


@pytest.fixture(scope="module")
def other_nsm(tmp_path_factory):
    return tmp_path_factory.mktemp("other-nsm")


@pytest.fixture(scope="module")
def kms(tool, nsm, tmp_path_factory):
    k = Kmsd(tmp_path_factory.mktemp("kms"), tool.root(nsm))
    yield k
    assert k.end() == 0


@pytest.fixture
def own(tool, nsm, tmp_path):
    k = Kmsd(tmp_path, tool.root(nsm))
    yield k
    if k.process.poll() is None:
        assert k.end() == 0


class Enclave:
    """An RSA key, and documents with it."""

    def __init__(self, tool, nsm):
        self.tool, self.nsm = tool, nsm
        key = rsa.generate_private_key(65537, 2048)
        self.pkcs8 = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self.spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def document(self, pcr0=PCR_A, at=None, folder=None, public_key=True, **more):
        return self.tool.doc(folder or self.nsm, pcr0, now_ms() if at is None else at, self.spki if public_key is True else public_key, **more)

    def recipient(self, *args, **more):
        return {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": b64(self.document(*args, **more))}

    def open(self, answer):
        return self.tool.open(self.pkcs8, base64.b64decode(answer["CiphertextForRecipient"]))


@pytest.fixture(scope="module")
def enclave(tool, nsm):
    return Enclave(tool, nsm)


def measured_policy(pcr0=PCR_A, key="kms:RecipientAttestation:PCR0"):
    return {"Version": "2012-10-17", "Statement": [
        {"Sid": "Service", "Effect": "Allow", "Principal": {"AWS": "*"}, "Resource": "*",
         "Action": ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:PutKeyPolicy", "kms:Encrypt", "kms:GenerateDataKeyPairWithoutPlaintext"]},
        {"Sid": "Enclave", "Effect": "Allow", "Principal": {"AWS": "*"}, "Resource": "*",
         "Action": ["kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyPair"],
         "Condition": {"StringEqualsIgnoreCase": {key: pcr0.hex().upper()}}}]}


# --- the program ---

def test_options(tool, nsm, tmp_path):
    def run(*words):
        return subprocess.run([BIN / "coffer-kmsd", *map(str, words)], capture_output=True, text=True, timeout=20, cwd=tmp_path)

    root = tmp_path / "root.der"
    root.write_bytes(tool.root(nsm))
    good = ["--state", tmp_path / "s", "--listen", "unix:k.sock", "--attestation-root", root]
    assert run("--help").returncode == 0 and "--attestation-root" in run("--help").stdout
    assert run("--version").stdout.startswith("coffer-kmsd ")
    for words in ([], good[:4], [*good, "--wrong"], [*good, "more"], [*good, "--region"]):
        assert run(*words).returncode == 2, words
    for words in ([*good, "--region", "US"], [*good, "--account", "1"], [*good[:3], "0.0.0.0:0", *good[4:]], [*good, "--listen", "[::]:0"],
                  [*good[:5], tmp_path / "none"], [*good[:5], __file__], [*good[:3], "unix:/nonexistent/k.sock", *good[4:]]):
        answer = run(*words)
        assert answer.returncode == 1 and "start.failed" in answer.stderr, words


def test_one_process_for_a_folder(own):
    second = subprocess.run([BIN / "coffer-kmsd", "--state", own.state, "--listen", "unix:other.sock", "--attestation-root", own.root_file],
                            capture_output=True, text=True, timeout=20, cwd=own.folder)
    assert second.returncode == 1 and "code=busy" in second.stderr
    assert own.call("ListKeys")["Keys"] == []


def test_files(own):
    key = own.create()
    assert (own.state / "root.key").stat().st_size == 32
    for path, mode in [("root.key", 0o600), (f"keys/{key}.cbor", 0o600), ("keys", 0o700)]:
        assert (own.state / path).stat().st_mode & 0o777 == mode
    assert (own.folder / "kms.sock").stat().st_mode & 0o777 == 0o600


def test_region_and_account(tool, nsm, tmp_path):
    k = Kmsd(tmp_path, tool.root(nsm), "--region", "eu-central-1", "--account", "111122223333")
    try:
        meta = k.call("CreateKey")["KeyMetadata"]
        assert meta["Arn"] == f"arn:aws:kms:eu-central-1:111122223333:key/{meta['KeyId']}"
        assert meta["AWSAccountId"] == "111122223333"
        assert "arn:aws:iam::111122223333:root" in k.call("GetKeyPolicy", KeyId=meta["Arn"])["Policy"]
        e = k.refused("DescribeKey", KeyId=meta["Arn"].replace("eu-central-1", "eu-west-1"))
        assert (e.name, e.message) == ("InvalidArnException", "Invalid arn eu-west-1")
    finally:
        assert k.end() == 0


# --- protocol ---

JSON_1_1 = "application/x-amz-json-1.1"


@pytest.mark.parametrize("change, status, name", [
    ({"Content_Type": JSON_1_1 + "; charset=utf-8"}, 200, None),
    ({"Content_Type": "Application/X-Amz-Json-1.1"}, 200, None),
    ({"Content_Type": "application/json"}, 400, "UnknownOperationException"),
    ({"Content_Type": "application/x-amz-json-1.0"}, 400, "UnknownOperationException"),
    ({"Content_Type": JSON_1_1 + "0"}, 400, "UnknownOperationException"),
    ({"Content_Type": None}, 400, "UnknownOperationException"),
    ({"X_Amz_Target": None}, 400, "UnknownOperationException"),
    ({"X_Amz_Target": "TrentService.Nonsense"}, 400, "UnknownOperationException"),
    ({"X_Amz_Target": "ListKeys"}, 400, "UnknownOperationException"),
    ({"path": "/x"}, 400, "UnknownOperationException"),
    ({"method": "GET"}, 400, "UnknownOperationException"),
    ({"method": "PUT"}, 400, "UnknownOperationException"),
    ({"body": b""}, 400, "SerializationException"),
    ({"body": b"{"}, 400, "SerializationException"),
    ({"body": b"[]"}, 400, "SerializationException"),
    ({"body": b"{}{}"}, 400, "SerializationException"),
    ({"body": b'{"Limit":1,"Limit":1}'}, 400, "SerializationException"),
    ({"body": b'{"Limit":"1"}'}, 400, "SerializationException"),
    ({"body": b'{"Marker":"\\ud800"}'}, 400, "SerializationException"),
    ({"body": b'{"Marker":"\xff"}'}, 400, "SerializationException"),
    ({"body": b'{"Marker":"a\\u0000b"}'}, 400, "SerializationException"),
    ({"body": b'{"a":' * 17 + b"1" + b"}" * 17}, 400, "SerializationException"),
    ({"body": b'{"a":' * 16 + b"1" + b"}" * 16}, 200, None),
    ({"body": b'{"Unknown":{"a":[1]},"Limit":null}'}, 200, None),
])
def test_requests(kms, change, status, name):
    request = {"X_Amz_Target": "TrentService.ListKeys", "Content_Type": JSON_1_1, **change}
    got, headers, body = kms.raw(**request)
    assert got == status, body
    assert headers["Content-Type"] == JSON_1_1 and re.fullmatch(UUID, headers["x-amzn-RequestId"])
    if name:
        assert json.loads(body)["__type"] == headers["x-amzn-ErrorType"] == name


def test_request_ids_differ(kms):
    ids = {kms.raw(X_Amz_Target="TrentService.ListKeys", Content_Type=JSON_1_1)[1]["x-amzn-RequestId"] for _ in range(20)}
    assert len(ids) == 20
    assert all(any(i in line for line in kms.log_lines("request.done")) for i in ids)


@pytest.mark.parametrize("size, status", [(512 * 1024 - 1, 200), (512 * 1024, 200), (512 * 1024 + 1, 413)])
def test_body_limit(kms, size, status):
    body = b"{}" + b" " * (size - 2)
    got, headers, answer = kms.raw(body=body, X_Amz_Target="TrentService.ListKeys", Content_Type=JSON_1_1)
    assert got == status
    if status == 413:
        assert json.loads(answer)["__type"] == headers["x-amzn-ErrorType"] == "SerializationException"


def test_slow_and_half_requests_leave_others_alone(kms):
    directory = os.open(kms.folder, os.O_PATH)
    idle = []
    for text in [b"", b"POST / HTTP/1.1\r\nHost: k\r\n", b"POST / HTTP/1.1\r\nHost: k\r\nContent-Length: 100\r\n\r\n{", b"\x16\x03\x01"] * 20:
        s = socket.socket(socket.AF_UNIX)
        s.connect(f"/proc/self/fd/{directory}/kms.sock")
        s.sendall(text)
        idle.append(s)
    begin = time.monotonic()
    kms.call("ListKeys")
    assert time.monotonic() - begin < 10
    for s in idle:
        s.close()
    kms.call("ListKeys")


# --- keys ---

def test_metadata(kms):
    before = time.time()
    meta = kms.call("CreateKey", Description="what for: Ω")["KeyMetadata"]
    assert re.fullmatch(UUID, meta["KeyId"])
    arn = f"arn:aws:kms:us-east-1:000000000000:key/{meta['KeyId']}"
    created, material = meta.pop("CreationDate"), meta.pop("CurrentKeyMaterialId")
    assert before - 1 <= created <= time.time() and re.fullmatch("[0-9a-f]{64}", material)
    assert meta == {"AWSAccountId": "000000000000", "KeyId": meta["KeyId"], "Arn": arn, "Enabled": True, "Description": "what for: Ω",
                    "KeyUsage": "ENCRYPT_DECRYPT", "KeyState": "Enabled", "Origin": "AWS_KMS", "KeyManager": "CUSTOMER",
                    "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT", "KeySpec": "SYMMETRIC_DEFAULT",
                    "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"], "MultiRegion": False}
    for form in (meta["KeyId"], arn):
        assert kms.call("DescribeKey", KeyId=form)["KeyMetadata"]["Arn"] == arn


def test_list(own):
    keys = sorted(own.create() for _ in range(5))
    assert [k["KeyId"] for k in own.call("ListKeys")["Keys"]] == keys
    for limit in (1, 2, 4, 5, 6):
        assert own.list_all(limit) == keys


@pytest.mark.parametrize("key_id, name, message", [
    ("1234abcd-12ab-34cd-56ef-1234567890ab", "NotFoundException",
     "Key 'arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab' does not exist"),
    ("alias/name", "NotFoundException", "Alias arn:aws:kms:us-east-1:000000000000:alias/name is not found."),
    ("arn:aws:kms:us-east-1:000000000000:alias/name", "NotFoundException", "Alias arn:aws:kms:us-east-1:000000000000:alias/name is not found."),
    ("nonsense", "NotFoundException", "Invalid keyId 'nonsense'"),
    ("arn:aws:kms:us-west-2:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab", "InvalidArnException", "Invalid arn us-west-2"),
    ("", "ValidationException", "1 validation error detected: Value '' at 'keyId' failed to satisfy constraint: "
                                "Member must have length greater than or equal to 1"),
])
def test_key_ids(kms, key_id, name, message):
    for operation, more in [("DescribeKey", {}), ("Encrypt", {"Plaintext": "AAAA"}), ("GetPublicKey", {}),
                            ("GenerateDataKeyPairWithoutPlaintext", {"KeyPairSpec": "ECC_NIST_P384"})]:
        e = kms.refused(operation, KeyId=key_id, **more)
        assert (e.name, e.message) == (name, message)
    # what manages keys takes no aliases
    e = kms.refused("GetKeyPolicy", KeyId=key_id)
    assert (e.name, e.message) == ((name, f"Invalid keyId '{key_id}'") if "alias" in key_id else (name, message))


# --- data ---

def test_encrypt_decrypt(kms):
    key, other = kms.create(), kms.create()
    for size in (1, 32, 4096):
        plaintext = os.urandom(size)
        enc = kms.call("Encrypt", KeyId=key, Plaintext=b64(plaintext), EncryptionContext={"tenant": "t", "vault_id": "v"})
        blob = enc["CiphertextBlob"]
        dec = kms.call("Decrypt", CiphertextBlob=blob, EncryptionContext={"vault_id": "v", "tenant": "t"})
        assert base64.b64decode(dec["Plaintext"]) == plaintext and dec["KeyId"] == enc["KeyId"]
        assert dec["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT" and "CiphertextForRecipient" not in dec
        for context in ({}, {"tenant": "t"}, {"tenant": "t", "vault_id": "v", "x": "y"}, {"tenant": "v", "vault_id": "t"},
                        {"Tenant": "t", "vault_id": "v"}, {"tenant": "T", "vault_id": "v"}):
            e = kms.refused("Decrypt", CiphertextBlob=blob, EncryptionContext=context)
            assert (e.name, e.message) == ("InvalidCiphertextException", None)
        assert kms.refused("Decrypt", CiphertextBlob=blob, KeyId=other, EncryptionContext={"tenant": "t", "vault_id": "v"}).name == "IncorrectKeyException"
    raw = bytearray(base64.b64decode(blob))
    for at in random.Random(1).sample(range(len(raw)), 50):
        raw[at] ^= 1
        assert kms.refused("Decrypt", CiphertextBlob=b64(raw), EncryptionContext={"tenant": "t", "vault_id": "v"}).name == "InvalidCiphertextException"
        raw[at] ^= 1
    assert kms.refused("Encrypt", KeyId=key, Plaintext=b64(bytes(4097))).message.endswith("Member must have length less than or equal to 4096")
    assert kms.refused("Decrypt", CiphertextBlob=b64(bytes(6145))).name == "ValidationException"
    assert kms.refused("Decrypt", CiphertextBlob=b64(bytes(6144))).name == "InvalidCiphertextException"


def test_data_key_pairs(kms):
    key = kms.create()
    for spec, curve in [("ECC_NIST_P256", "secp256r1"), ("ECC_NIST_P384", "secp384r1"), ("ECC_NIST_P521", "secp521r1")]:
        pair = kms.call("GenerateDataKeyPairWithoutPlaintext", KeyId=key, KeyPairSpec=spec, EncryptionContext={"a": "b"})
        assert set(pair) == {"PrivateKeyCiphertextBlob", "PublicKey", "KeyId", "KeyPairSpec", "KeyMaterialId"}
        private = base64.b64decode(kms.call("Decrypt", CiphertextBlob=pair["PrivateKeyCiphertextBlob"], EncryptionContext={"a": "b"})["Plaintext"])
        loaded = serialization.load_der_private_key(private, None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey) and loaded.curve.name == curve
        spki = loaded.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        assert b64(spki) == pair["PublicKey"]
        with_plaintext = kms.call("GenerateDataKeyPair", KeyId=key, KeyPairSpec=spec)
        assert set(with_plaintext) == set(pair) | {"PrivateKeyPlaintext"}
    assert kms.refused("GenerateDataKeyPair", KeyId=key, KeyPairSpec="SM2").name == "UnsupportedOperationException"


def test_data_keys(kms):
    key = kms.create()
    for words, size in [({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 1}, 1), ({"NumberOfBytes": 1024}, 1024)]:
        made = kms.call("GenerateDataKey", KeyId=key, **words)
        assert len(base64.b64decode(made["Plaintext"])) == size
        assert kms.call("Decrypt", CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]
        assert "Plaintext" not in kms.call("GenerateDataKeyWithoutPlaintext", KeyId=key, **words)
    e = kms.refused("GenerateDataKey", KeyId=key, NumberOfBytes=1025)
    assert e.message == ("1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy constraint: "
                         "Member must have value less than or equal to 1024")
    for words in ({}, {"KeySpec": "AES_256", "NumberOfBytes": 32}):
        assert kms.refused("GenerateDataKey", KeyId=key, **words).message == "Please specify either number of bytes or key spec."


# --- attested calls ---

@pytest.mark.parametrize("condition", ["kms:RecipientAttestation:PCR0", "kms:RecipientAttestation:ImageSha384"])
def test_measured_key(kms, enclave, condition):
    key = kms.create(measured_policy(key=condition))
    pair = kms.call("GenerateDataKeyPairWithoutPlaintext", KeyId=key, KeyPairSpec="ECC_NIST_P384", EncryptionContext={"a": "b"})
    request = {"CiphertextBlob": pair["PrivateKeyCiphertextBlob"], "KeyId": key, "EncryptionContext": {"a": "b"}}
    forms = set()
    for _ in range(24):
        answer = kms.call("Decrypt", Recipient=enclave.recipient(), **request)
        assert set(answer) == {"KeyId", "CiphertextForRecipient", "EncryptionAlgorithm"}
        private = serialization.load_der_private_key(enclave.open(answer), None)
        spki = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        assert b64(spki) == pair["PublicKey"]
        forms.add(b"\xa0\x80\x04" in base64.b64decode(answer["CiphertextForRecipient"])[-300:])
    assert forms == {True, False}, "both forms of CMS turn up"
    # no document, or none that counts
    assert kms.refused("Decrypt", **request).name == "AccessDeniedException"
    assert kms.refused("Decrypt", Recipient=None, **request).name == "AccessDeniedException"
    # another image
    e = kms.refused("Decrypt", Recipient=enclave.recipient(PCR_B), **request)
    assert e.name == "AccessDeniedException" and "no resource-based policy allows the kms:Decrypt action" in e.message
    # the document's key, another context
    assert kms.refused("Decrypt", Recipient=enclave.recipient(), **{**request, "EncryptionContext": {}}).name == "InvalidCiphertextException"


def refused_documents(enclave, other_nsm):
    altered = bytearray(enclave.document())
    in_public_key = altered.index(enclave.spki) + 100
    at = now_ms()
    flipped = []
    for off in (in_public_key, len(altered) - 1, len(altered) - 200, 400):
        altered[off] ^= 1
        flipped.append(bytes(altered))
        altered[off] ^= 1
    return {
        "expired": (enclave.document(at=at - MINUTES_5 - 2000), "AccessDeniedException"),
        "from the future": (enclave.document(at=at + MINUTES_5 + 5000), "AccessDeniedException"),
        "four hours old": (enclave.document(at=at - 4 * 3600 * 1000), "AccessDeniedException"),
        "leaf expired": (enclave.document(at=at, path_ms=at - 4 * 3600 * 1000), "AccessDeniedException"),
        "debug": (enclave.document(pcr0=bytes(48)), "AccessDeniedException"),
        "another root": (enclave.document(folder=other_nsm), "AccessDeniedException"),
        "public key changed": (flipped[0], "AccessDeniedException"),
        "signature changed": (flipped[1], "AccessDeniedException"),
        "no public key": (enclave.document(public_key=None), "ValidationException"),
        "empty public key": (enclave.document(public_key=b""), "ValidationException"),
        "public key of another kind": (enclave.document(public_key=ec.generate_private_key(ec.SECP384R1()).public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)), "ValidationException"),
        "public key too long": (enclave.document(public_key=rsa.generate_private_key(65537, 3072).public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)), "ValidationException"),
        "trailing octet": (enclave.document() + b"\0", "ValidationException"),
        "cut": (enclave.document()[:-1], "ValidationException"),
        "nonsense": (b"\x84nonsense", "ValidationException"),
    }


def test_refused_documents(kms, enclave, other_nsm):
    """Each is refused under a key bound to that PCR0, and under one that lets everyone in."""
    for key in (kms.create(measured_policy()), kms.create()):
        blob = kms.call("Encrypt", KeyId=key, Plaintext=b64(b"plaintext"))["CiphertextBlob"]
        answer = kms.call("Decrypt", CiphertextBlob=blob, Recipient=enclave.recipient())
        assert enclave.open(answer) == b"plaintext"
        for what, (document, name) in refused_documents(enclave, other_nsm).items():
            recipient = {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": b64(document)}
            assert kms.refused("Decrypt", CiphertextBlob=blob, Recipient=recipient).name == name, what
            assert kms.refused("GenerateDataKey", KeyId=key, KeySpec="AES_256", Recipient=recipient).name == name, what
            assert kms.refused("GenerateDataKeyPair", KeyId=key, KeyPairSpec="ECC_NIST_P256", Recipient=recipient).name == name, what
        recipient = enclave.recipient()
        for broken in ({}, {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256"}, {"AttestationDocument": recipient["AttestationDocument"]},
                       {**recipient, "KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_1"}, {**recipient, "AttestationDocument": ""}):
            assert kms.refused("Decrypt", CiphertextBlob=blob, Recipient=broken).name == "ValidationException"


def test_within_the_window(kms, enclave):
    key = kms.create(measured_policy())
    for off in (-MINUTES_5 + 5000, 0, MINUTES_5 - 5000):
        answer = kms.call("GenerateDataKey", KeyId=key, KeySpec="AES_256", Recipient=enclave.recipient(at=now_ms() + off))
        assert len(enclave.open(answer)) == 32 and "Plaintext" not in answer


def test_attested_log(kms, enclave):
    key = kms.create(measured_policy())
    blob = kms.call("Encrypt", KeyId=key, Plaintext=b64(b"a planted plaintext"), EncryptionContext={"planted-name": "planted-value"})["CiphertextBlob"]
    context = {"planted-name": "planted-value"}
    before = len(kms.log_lines("attested.request"))
    kms.call("Decrypt", CiphertextBlob=blob, EncryptionContext=context, Recipient=enclave.recipient())
    kms.refused("Decrypt", CiphertextBlob=blob, EncryptionContext=context, Recipient=enclave.recipient(PCR_B))
    kms.refused("Decrypt", CiphertextBlob=blob, EncryptionContext=context, Recipient=enclave.recipient(at=now_ms() - 3600 * 1000))
    lines = kms.log_lines("attested.request")[before:]
    assert len(lines) == 3
    assert all(f"key={key}" in line and "op=Decrypt" in line for line in lines)
    assert re.search(rf"module=i-0{{17}}-enc[0-9a-f]{{16}} pcr0={PCR_A.hex()} stage=holds outcome=ok$", lines[0])
    assert f"pcr0={PCR_B.hex()} stage=holds outcome=AccessDeniedException" in lines[1]
    assert "module=unverified pcr0=unverified stage=freshness outcome=AccessDeniedException" in lines[2]
    log = kms.log.read_text()
    for planted in ("planted-name", "planted-value", "a planted plaintext", b64(b"a planted plaintext"), blob):
        assert planted not in log


# --- policies ---

def test_policy_life(kms, enclave):
    key = kms.create()
    text = json.dumps(measured_policy(), indent=3)
    assert kms.call("PutKeyPolicy", KeyId=key, PolicyName="default", Policy=text) is None
    got = kms.call("GetKeyPolicy", KeyId=key)
    assert got == {"Policy": text, "PolicyName": "default"}
    assert kms.refused("GenerateDataKey", KeyId=key, KeySpec="AES_256").name == "AccessDeniedException"
    # trust another measure as well
    policy = measured_policy()
    policy["Statement"][1]["Condition"]["StringEqualsIgnoreCase"]["kms:RecipientAttestation:PCR0"] = [PCR_A.hex(), PCR_B.hex()]
    kms.call("PutKeyPolicy", KeyId=key, Policy=json.dumps(policy))
    for pcr0 in (PCR_A, PCR_B):
        kms.call("GenerateDataKey", KeyId=key, KeySpec="AES_256", Recipient=enclave.recipient(pcr0))


def test_lockout(kms):
    only_decrypt = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}}
    sentence = "The new key policy will not allow you to update the key policy in the future."
    e = kms.refused("CreateKey", Policy=json.dumps(only_decrypt))
    assert (e.name, e.message) == ("MalformedPolicyDocumentException", sentence)
    key = kms.create(only_decrypt, BypassPolicyLockoutSafetyCheck=True)
    assert kms.refused("PutKeyPolicy", KeyId=key, Policy=json.dumps(measured_policy())).name == "AccessDeniedException"
    assert kms.refused("GetKeyPolicy", KeyId=key).name == "AccessDeniedException"


@pytest.mark.parametrize("change", [
    {"Condition": {"StringEquals": {"aws:SourceVpc": "x"}}},
    {"Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}},
    {"Condition": {"StringEquals": {"kms:ResourceAliases": "alias/x"}}},
    {"Condition": {"NullIfExists": {"kms:RecipientAttestation:PCR0": "true"}}},
    {"Condition": {"DateGreaterThan": {"kms:RecipientAttestation:PCR0": "x"}}},
    {"Condition": {"StringEquals": {"kms:RecipientAttestation:PCR32": "x"}}},
    {"Principal": {"AWS": "arn:aws:iam::1:root"}},
    {"Action": "s3:*"},
    {"NotAction": "kms:*"},
    {"Resource": "arn:aws:kms:us-east-1:000000000000:key/x"},
    {"Effect": "Maybe"},
])
def test_policies_not_understood_are_refused(kms, change):
    statement = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*", **change}
    key = kms.create()
    for operation, more in [("CreateKey", {}), ("PutKeyPolicy", {"KeyId": key})]:
        e = kms.refused(operation, Policy=json.dumps({"Statement": [statement]}), BypassPolicyLockoutSafetyCheck=True, **more)
        assert e.name == "MalformedPolicyDocumentException" and e.message


def test_policy_sizes(kms):
    text = json.dumps({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}})
    for size, name in [(32767, None), (32768, None), (32769, "LimitExceededException"), (131072, "LimitExceededException"),
                       (131073, "ValidationException")]:
        padded = text + " " * (size - len(text))
        if name is None:
            kms.call("PutKeyPolicy", KeyId=kms.create(), Policy=padded)
        else:
            assert kms.refused("CreateKey", Policy=padded).name == name


# --- crashes and damage ---

def test_keys_outlive_the_process(own, enclave):
    key = own.create(measured_policy(), Description="d")
    blob = own.call("Encrypt", KeyId=key, Plaintext=b64(b"plaintext"))["CiphertextBlob"]
    meta = own.call("DescribeKey", KeyId=key)
    for sig in (signal.SIGTERM, signal.SIGKILL):
        own.restart(sig)
        assert own.call("DescribeKey", KeyId=key) == meta
        assert enclave.open(own.call("Decrypt", CiphertextBlob=blob, Recipient=enclave.recipient())) == b"plaintext"
        assert own.refused("Decrypt", CiphertextBlob=blob).name == "AccessDeniedException"


def tagged_policy(tag):
    return json.dumps({"Id": tag, "Statement": {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}})


@pytest.mark.parametrize("rounds", [4, pytest.param(100, marks=pytest.mark.long)])
def test_kill_while_writing(own, rounds):
    """Every key and policy that was answered is there after kill -9; of the one in flight the old or the new stands whole."""
    chance = random.Random(7)
    known = {}  # key -> policies that may stand

    def write(stop):
        n = 0
        while not stop.is_set():
            n += 1
            try:
                key = own.create(tagged_policy(f"first {n}"))
                known[key] = [f"first {n}"]
                for key in chance.sample(sorted(known), min(3, len(known))):
                    known[key].append(f"next {n}")
                    own.call("PutKeyPolicy", KeyId=key, Policy=tagged_policy(f"next {n}"))
                    known[key] = [f"next {n}"]
            except (OSError, http.client.HTTPException):
                return

    for _ in range(rounds):
        stop = threading.Event()
        writer = threading.Thread(target=write, args=(stop,))
        writer.start()
        time.sleep(chance.uniform(0.05, 0.25))
        own.end(signal.SIGKILL)
        stop.set()
        writer.join(20)
        own.start()
        assert set(known) <= set(own.list_all())
        for key, policies in known.items():
            stands = json.loads(own.call("GetKeyPolicy", KeyId=key)["Policy"])["Id"]
            assert stands in policies
            known[key] = [stands]
        assert not own.log_lines("key.damaged")
        assert not [p for p in (own.state / "keys").iterdir() if p.suffix != ".cbor"]
    assert len(known) > rounds


def test_damaged_files(own):
    keys = [own.create() for _ in range(4)]
    blobs = [own.call("Encrypt", KeyId=k, Plaintext="AAAA")["CiphertextBlob"] for k in keys]
    own.end()
    paths = [own.state / "keys" / f"{k}.cbor" for k in keys]
    octets = bytearray(paths[0].read_bytes())
    octets[len(octets) // 2] ^= 1
    paths[0].write_bytes(octets)
    paths[1].write_bytes(b"")
    # a policy weakened by hand is a damaged file as well
    weak = paths[2].read_bytes().replace(b"Allow", b"Alloy")
    assert weak != paths[2].read_bytes()
    paths[2].write_bytes(weak)
    own.start()
    for key, blob in list(zip(keys, blobs))[:3]:
        assert any(f"key={key}" in line for line in own.log_lines("key.damaged"))
        for operation, members in [("DescribeKey", {"KeyId": key}), ("Decrypt", {"CiphertextBlob": blob}), ("GetKeyPolicy", {"KeyId": key})]:
            assert own.refused(operation, **members).name == "KMSInternalException"
    assert own.call("Decrypt", CiphertextBlob=blobs[3])["Plaintext"] == "AAAA"
    assert len(own.call("ListKeys")["Keys"]) == 4
    own.create()


def test_lost_root_key_is_not_made_anew(own):
    own.create()
    own.end()
    (own.state / "root.key").unlink()
    run = subprocess.run(own.command(), capture_output=True, text=True, timeout=20, cwd=own.folder)
    assert run.returncode == 1 and "root_key.missing" in run.stderr
    assert not (own.state / "root.key").exists()


def test_disk_that_takes_no_more(own):
    """A key that cannot be written is not given out."""
    key = own.create()
    (own.state / "keys").rename(own.state / "away")
    try:
        assert own.refused("CreateKey").name == "KMSInternalException"
        assert own.refused("PutKeyPolicy", KeyId=key, Policy=tagged_policy("x")).name == "KMSInternalException"
        assert "Enable IAM" in own.call("GetKeyPolicy", KeyId=key)["Policy"]
    finally:
        (own.state / "away").rename(own.state / "keys")
    own.call("PutKeyPolicy", KeyId=key, Policy=tagged_policy("x"))
    assert len(own.call("ListKeys")["Keys"]) == 1


# --- many at once ---

def test_parallel(kms, enclave):
    key = kms.create(measured_policy())

    def one(i):
        plaintext = os.urandom(64)
        context = {"n": str(i)}
        blob = kms.call("Encrypt", KeyId=key, Plaintext=b64(plaintext), EncryptionContext=context)["CiphertextBlob"]
        answer = kms.call("Decrypt", CiphertextBlob=blob, EncryptionContext=context, Recipient=recipient)
        with lock:
            assert enclave.open(answer) == plaintext
        made = kms.create()
        kms.call("PutKeyPolicy", KeyId=made, Policy=tagged_policy(str(i)))
        assert json.loads(kms.call("GetKeyPolicy", KeyId=made)["Policy"])["Id"] == str(i)
        return made

    recipient, lock = enclave.recipient(), threading.Lock()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = list(pool.map(one, range(80)))
    assert len(set(made)) == 80


def test_ends_while_in_use(own):
    stop = threading.Event()

    def use():
        while not stop.is_set():
            try:
                own.call("ListKeys")
            except (OSError, http.client.HTTPException, KmsError):
                return

    threads = [threading.Thread(target=use) for _ in range(4)]
    for t in threads:
        t.start()
    time.sleep(0.2)
    begin = time.monotonic()
    assert own.end() == 0
    assert time.monotonic() - begin < 5
    stop.set()
    for t in threads:
        t.join(10)
    wait_for(lambda: own.log_lines("stopping"))
