# SPDX-License-Identifier: Apache-2.0
"""coffer kms genkeypair, derive: key pairs and shared secrets that only an enclave sees, against coffer-kmsd and judged by
pyca/cryptography."""
import base64
import json
import re
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key, load_der_public_key
from programs import BIN, environment
from test_kms_client import signed_by_botocore
from test_kms_tool import OTHER_PCR0, PCR0, world  # noqa: F401
from tls_front import answer

LINE = rb"([A-Za-z0-9+/]+=*)\n"
PAIR_LINES = re.compile(rb"CIPHERTEXT: " + LINE + rb"PRIVATE: " + LINE + rb"PUBLIC: " + LINE)
SECRET_LINE = re.compile(rb"SECRET: " + LINE)
CURVES = {"ECC_NIST_P256": ec.SECP256R1, "ECC_NIST_P384": ec.SECP384R1, "ECC_NIST_P521": ec.SECP521R1}
AGREE = "KEY_AGREEMENT"


def spki(public, encoding=Encoding.DER):
    return public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def text(octets):
    return base64.b64encode(octets).decode()


class Keys:
    """Keys whose policy lets an enclave of that PCR0 make pairs and secrets."""

    def __init__(self, world):
        self.world, self.made = world, {}

    def make(self, spec="SYMMETRIC_DEFAULT", usage="ENCRYPT_DECRYPT", again=0):
        if (spec, usage, again) not in self.made:
            condition = {"StringEqualsIgnoreCase": {"kms:RecipientAttestation:ImageSha384": PCR0.hex()}}
            actions = ["kms:GenerateDataKeyPair", "kms:DeriveSharedSecret", "kms:Decrypt"]
            policy = {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["kms:PutKeyPolicy", "kms:GetPublicKey"], "Resource": "*"},
                {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": actions, "Resource": "*", "Condition": condition}]}
            made = self.world.kmsd.local("TrentService.CreateKey", Policy=json.dumps(policy), KeySpec=spec, KeyUsage=usage)
            self.made[spec, usage, again] = made["KeyMetadata"]["Arn"]
        return self.made[spec, usage, again]

    def public(self, key):
        return base64.b64decode(self.world.kmsd.local("TrentService.GetPublicKey", KeyId=key)["PublicKey"])


@pytest.fixture(scope="module")
def keys(world):  # noqa: F811
    return Keys(world)


def genkeypair(world, key, spec, *words):  # noqa: F811
    run = world.run("genkeypair", "--key-id", key, "--key-pair-spec", spec, *words)
    assert run.stderr == b""
    return [base64.b64decode(part) for part in PAIR_LINES.fullmatch(run.stdout).groups()]


def derive(world, key, public, *words):  # noqa: F811
    run = world.run("derive", "--key-id", key, "--public-key", public, *words)
    assert run.stderr == b""
    return base64.b64decode(SECRET_LINE.fullmatch(run.stdout)[1])


def members_sent(world):  # noqa: F811
    r = world.front.requests[-1]
    assert r.headers["authorization"] == signed_by_botocore(r, world.credentials)
    body = json.loads(r.body)
    assert set(body["Recipient"]) == {"AttestationDocument", "KeyEncryptionAlgorithm"}
    return r.headers["x-amz-target"].removeprefix("TrentService."), {k: v for k, v in body.items() if k != "Recipient"}


# --- key pairs ---

@pytest.mark.parametrize("spec", [*CURVES, "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "RSA_2048", "RSA_4096"])
def test_pair_and_back(world, keys, spec):  # noqa: F811
    """The halves belong together, and the wrapped one is the same again."""
    key = keys.make()
    wrapped, private, public = genkeypair(world, key, spec)
    assert members_sent(world) == ("GenerateDataKeyPair", {"KeyId": key, "KeyPairSpec": spec})
    mine = load_der_private_key(private, None)
    assert spki(mine.public_key()) == public
    assert world.decrypt(text(wrapped)) == private
    if spec in CURVES:
        assert isinstance(mine.curve, CURVES[spec])
    elif spec.startswith("RSA"):
        assert mine.key_size == int(spec[4:])


def test_pairs_differ(world, keys):  # noqa: F811
    one, two = (genkeypair(world, keys.make(), "ECC_NIST_P256") for _ in range(2))
    assert all(a != b for a, b in zip(one, two))


def test_pair_context(world, keys):  # noqa: F811
    key = keys.make()
    wrapped, private, _ = genkeypair(world, key, "ECC_NIST_P384", "--encryption-context", "tenant=acme,purpose=a=b")
    assert members_sent(world)[1]["EncryptionContext"] == {"tenant": "acme", "purpose": "a=b"}
    assert world.decrypt(text(wrapped), "--encryption-context", '{"purpose": "a=b", "tenant": "acme"}') == private
    for words in ([], ["--encryption-context", "tenant=acme"]):
        assert b"kms_bad_ciphertext" in world.run("decrypt", "--ciphertext", text(wrapped), *words, check=255).stderr


# --- shared secrets ---

@pytest.mark.parametrize("spec", CURVES)
def test_secret_of_our_key(world, keys, spec):  # noqa: F811
    key, mine = keys.make(spec, AGREE), ec.generate_private_key(CURVES[spec]())
    public = spki(mine.public_key())
    secret = derive(world, key, text(public))
    assert secret == mine.exchange(ec.ECDH(), load_der_public_key(keys.public(key)))
    assert len(secret) == (mine.curve.key_size + 7) // 8
    sent = {"KeyId": key, "KeyAgreementAlgorithm": "ECDH", "PublicKey": text(public)}
    assert members_sent(world) == ("DeriveSharedSecret", sent)
    assert derive(world, key, text(public), "--key-agreement-algorithm", "ECDH", "-K", key) == secret


def test_secret_of_two_keys_of_the_service(world, keys):  # noqa: F811
    one, two = (keys.make("ECC_NIST_P384", AGREE, again) for again in (1, 2))
    assert one != two
    assert derive(world, one, text(keys.public(two))) == derive(world, two, text(keys.public(one)))


def test_secret_with_a_pair_of_genkeypair(world, keys):  # noqa: F811
    agreeing = keys.make("ECC_NIST_P521", AGREE)
    _, private, public = genkeypair(world, keys.make(), "ECC_NIST_P521")
    expected = load_der_private_key(private, None).exchange(ec.ECDH(), load_der_public_key(keys.public(agreeing)))
    assert derive(world, agreeing, text(public)) == expected


def test_public_key_in_a_file(world, keys, tmp_path):  # noqa: F811
    key, mine = keys.make("ECC_NIST_P256", AGREE), ec.generate_private_key(ec.SECP256R1())
    secret = mine.exchange(ec.ECDH(), load_der_public_key(keys.public(key)))
    der, pem, line = spki(mine.public_key()), spki(mine.public_key(), Encoding.PEM), text(spki(mine.public_key())).encode()
    file = tmp_path / "key"
    for content in (der, pem, b"a key\r\n" + pem.replace(b"\n", b"\r\n") + b"more\n", line, line[:60] + b"\n" + line[60:] + b"\n"):
        file.write_bytes(content)
        assert derive(world, key, f"@{file}") == secret, content
    before = len(world.front.requests)
    for content in (pem.replace(b"END", b"END OF"), pem.replace(b"M", b"-", 1), b"M" + line, b"", b"0" * 131073):
        file.write_bytes(content)
        error = world.run("derive", "-K", key, "--public-key", f"@{file}", check=255).stderr
        assert error.startswith((b"coffer: --public-key cannot be read: ", b"coffer: the request cannot be made: ")), content
    assert b"not_found" in world.run("derive", "-K", key, "--public-key", f"@{file}.none", check=255).stderr
    assert b"no base64" in world.run("derive", "-K", key, "--public-key", "not base64", check=255).stderr
    assert b"cannot be made" in world.run("derive", "-K", key, "--public-key", "", check=255).stderr
    assert len(world.front.requests) == before


# --- refusals ---

def words_of(world, command, keys):  # noqa: F811
    public = text(keys.public(keys.make("ECC_NIST_P256", AGREE, 1)))
    return {"genkeypair": ["-K", keys.make(), "--key-pair-spec", "ECC_NIST_P384"],
            "derive": ["-K", keys.make("ECC_NIST_P256", AGREE), "--public-key", public]}[command]


def told(world, *words, **more):  # noqa: F811
    return world.run(*words, check=255, **more).stderr.decode()


@pytest.mark.parametrize("command", ["genkeypair", "derive"])
def test_another_image(world, keys, command):  # noqa: F811
    """Who is refused is told what its document has, in the words of a policy."""
    ours = [w if w != f"unix:{world.module.path}" else f"unix:{world.other.path}" for w in map(str, world.ours)]
    error = told(world, command, *words_of(world, command, keys), ours=ours)
    assert "coffer: kms_access_denied: " in error and "AccessDeniedException" in error
    assert all(f"\ncoffer:   kms:RecipientAttestation:{key}={OTHER_PCR0.hex()}\n" in error for key in ("ImageSha384", "PCR0"))


def test_wrong_usage(world, keys):  # noqa: F811
    peer = text(keys.public(keys.make("ECC_NIST_P256", AGREE)))
    for key in (keys.make(), keys.make("ECC_NIST_P256", "SIGN_VERIFY"), keys.make("HMAC_256", "GENERATE_VERIFY_MAC")):
        error = told(world, "derive", "-K", key, "--public-key", peer)
        assert error.startswith("coffer: kms_key_usage: ") and "(InvalidKeyUsageException, status 400)" in error
    for key in (keys.make("ECC_NIST_P256", AGREE), keys.make("RSA_2048"), keys.make("HMAC_256", "GENERATE_VERIFY_MAC")):
        error = told(world, "genkeypair", "-K", key, "--key-pair-spec", "ECC_NIST_P384")
        assert error.startswith("coffer: kms_key_usage: ") and "(InvalidKeyUsageException, status 400)" in error


def test_wrong_spec(world, keys):  # noqa: F811
    for spec in ("ECC_NIST_P385", "P-384", "AES_256", "x" * 64):
        error = told(world, "genkeypair", "-K", keys.make(), "--key-pair-spec", spec)
        assert error.startswith("coffer: kms_bad_request: ") and "(ValidationException, status 400)" in error
    before = len(world.front.requests)
    assert "the request cannot be made" in told(world, "genkeypair", "-K", keys.make(), "--key-pair-spec", "x" * 65)
    assert len(world.front.requests) == before
    error = told(world, "genkeypair", "-K", keys.make(), "--key-pair-spec", "SM2")
    assert "(UnsupportedOperationException, status 400)" in error


def test_wrong_peer(world, keys):  # noqa: F811
    """Of another curve, of none, not on the curve, or no key."""
    p256, p384 = (keys.make(f"ECC_NIST_{c}", AGREE) for c in ("P256", "P384"))
    good = keys.public(p256)
    rsa = keys.public(keys.make("RSA_2048"))
    for public in (keys.public(p384), rsa, good[:-1] + bytes([good[-1] ^ 1]), good[:-1], good + b"\0", b"x"):
        error = told(world, "derive", "-K", p256, "--public-key", text(public))
        assert error.startswith("coffer: kms_bad_request: ") and "(ValidationException, status 400)" in error


def test_unknown_key(world, keys):  # noqa: F811
    missing = keys.make().rpartition("/")[0] + "/00000000-0000-4000-8000-000000000000"
    for command in ("genkeypair", "derive"):
        words = words_of(world, command, keys)
        words[1] = missing
        assert told(world, command, *words).startswith("coffer: kms_key_unknown: ")


@pytest.mark.parametrize("command, change", [
    *((c, x) for c in ("genkeypair", "derive") for x in ("plaintext", "no cms", "another's cms")), ("genkeypair", "no public key")])
def test_answers_that_are_not_taken(world, keys, command, change):  # noqa: F811
    """A secret beside the CMS went in the clear; without public key or CMS there is nothing to print."""
    def changed(request):
        found = json.loads(world.front.pass_on(request).partition(b"\r\n\r\n")[2])
        assert not found.get(plaintext)
        if change == "plaintext":
            found[plaintext] = text(b"secret")
        elif change == "no cms":
            del found["CiphertextForRecipient"]
        elif change == "no public key":
            del found["PublicKey"]
        else:
            found["CiphertextForRecipient"] = kept[0]
        return answer(200, json.dumps(found).encode())

    def keep(request):
        kept.append(json.loads(world.front.pass_on(request).partition(b"\r\n\r\n")[2])["CiphertextForRecipient"])

    plaintext = {"genkeypair": "PrivateKeyPlaintext", "derive": "SharedSecret"}[command]
    kept, words = [], words_of(world, command, keys)
    if change == "another's cms":
        world.front.script = [keep]
        world.run(command, *words)
    world.front.script = [changed]
    error = told(world, command, *words)
    assert error.startswith("coffer: the answer cannot be used: ") and text(b"secret") not in error
    assert world.front.script == []


# --- wrong use: status 1, and nothing on standard output ---

@pytest.mark.parametrize("words", [
    ["genkeypair", "--help"], ["derive", "-h"], ["genkeypair", "--key-spec", "AES-256"], ["genkeypair", "--public-key", "AAAA"],
    ["derive", "--encryption-context", "a=b"], ["derive", "--key-pair-spec", "ECC_NIST_P384"], ["genkey", "--key-pair-spec", "ECC_NIST_P384"],
    ["derive", "--ciphertext", "AAAA"]])
def test_usage(words):
    run = subprocess.run([BIN / "coffer", "kms", *words], capture_output=True, env=environment())
    assert run.returncode == 1 and run.stdout == b"" and b"usage: coffer kms " + words[0].encode() in run.stderr
    if words[1] in ("--help", "-h"):
        assert all(f"--{o} ".encode() in run.stderr for o in {
            "genkeypair": ["key-id", "key-pair-spec", "encryption-context"],
            "derive": ["key-id", "public-key", "key-agreement-algorithm"]}[words[0]])
        assert b"--length" not in run.stderr


@pytest.mark.parametrize("command, gone", [("genkeypair", "--key-id"), ("genkeypair", "--key-pair-spec"), ("derive", "--key-id"),
                                           ("derive", "--public-key"), ("derive", "--aws-access-key-id")])
def test_what_must_be_set(world, command, gone):  # noqa: F811
    words = {"genkeypair": ["--key-id", "k", "--key-pair-spec", "RSA_2048"], "derive": ["--key-id", "k", "--public-key", "AAAA"]}[command]
    words = [*world.login, *words]
    at = words.index(gone)
    del words[at:at + 2]
    run = subprocess.run([BIN / "coffer", "kms", command, *words], capture_output=True, env=environment())
    assert (run.returncode, run.stdout, run.stderr) == (1, b"", f"{gone} must be set\n".encode())


def test_another_algorithm(world):  # noqa: F811
    run = world.run("derive", "-K", "k", "--public-key", "AAAA", "--key-agreement-algorithm", "X25519", check=1)
    assert run.stderr == b"coffer: --key-agreement-algorithm is ECDH\n"
