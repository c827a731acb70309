# SPDX-License-Identifier: Apache-2.0
"""boto3 against coffer-kmsd: every cryptographic operation, with what pyca/cryptography makes of its results; dry runs; attested calls."""
import base64
import hashlib
import json
import os
import time

import pytest
from aws_clients import PREFIX, UNCHECKED, Service, allow, policy, refused
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

ENCRYPT, SIGN, MAC, AGREE = "ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES = {"ECC_NIST_P256": ec.SECP256R1, "ECC_NIST_P384": ec.SECP384R1, "ECC_NIST_P521": ec.SECP521R1, "ECC_SECG_P256K1": ec.SECP256K1}
PCR_A, PCR_B = hashlib.sha384(b"image a").digest(), hashlib.sha384(b"image b").digest()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    s = Service(tmp_path_factory.mktemp("kms"), tmp_path_factory.mktemp("nsm"))
    yield s
    s.close()


@pytest.fixture(scope="module")
def kms(service):
    return service.client()


@pytest.fixture(scope="module")
def keys(kms):
    """One key of a kind for all tests that do not change it."""
    made = {}

    def get(spec="SYMMETRIC_DEFAULT", usage=ENCRYPT):
        if (spec, usage) not in made:
            made[spec, usage] = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]
        return made[spec, usage]

    return get


def arn(key):
    return f"{PREFIX}:key/{key}"


def public_key(kms, key):
    return serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])


# --- Encrypt, Decrypt, ReEncrypt ---

@pytest.mark.parametrize("size", [1, 32, 4096])
def test_symmetric(kms, keys, size):
    plaintext, context = os.urandom(size), {"tenant": "t", "größe": "ü"}
    made = kms.encrypt(KeyId=keys(), Plaintext=plaintext, EncryptionContext=context)
    assert made["KeyId"] == arn(keys()) and made["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    for more in ({}, {"KeyId": keys()}, {"KeyId": arn(keys()), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}):
        opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=context, **more)
        assert opened["Plaintext"] == plaintext and opened["KeyId"] == arn(keys())
    for other in ({}, {"tenant": "t"}, {**context, "more": ""}, {"tenant": "T", "größe": "ü"}):
        with refused("InvalidCiphertextException", ""):
            kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=other)


def test_symmetric_refused(service, kms, keys):
    blob = kms.encrypt(KeyId=keys(), Plaintext=b"x")["CiphertextBlob"]
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    with refused("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation."):
        kms.decrypt(CiphertextBlob=blob, KeyId=other)
    for key in (keys("HMAC_256", MAC), keys("ECC_NIST_P256", SIGN)):
        with refused("IncorrectKeyException"):
            kms.decrypt(CiphertextBlob=blob, KeyId=key)
    for damaged in (blob[:-1], blob + b"x", b"x", b"x" * 6144):
        with refused("InvalidCiphertextException"):
            kms.decrypt(CiphertextBlob=damaged)
    unchecked = service.client(config=UNCHECKED)
    with refused("ValidationException", "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: "
                                        "Member must have length less than or equal to 4096"):
        unchecked.encrypt(KeyId=keys(), Plaintext=bytes(4097))
    with refused("ValidationException"):
        unchecked.encrypt(KeyId=keys(), Plaintext=b"")
    with refused("ValidationException", "…Value null at 'ciphertextBlob'…"):
        kms.decrypt(KeyId=keys())
    for use, operation in ((keys("ECC_NIST_P256", SIGN), SIGN), (keys("HMAC_256", MAC), MAC)):
        with refused("InvalidKeyUsageException", f"{arn(use)} key usage is {operation} which is not valid for Encrypt."):
            kms.encrypt(KeyId=use, Plaintext=b"x")
    with refused("InvalidKeyUsageException", "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT."):
        kms.encrypt(KeyId=keys(), Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    with refused("ValidationException"):
        kms.encrypt(KeyId=keys(), Plaintext=b"x", EncryptionContext={"a": "b" * 8192})


@pytest.mark.parametrize("bits, algorithm, most", [
    (bits, algorithm, most) for bits, sizes in ((2048, (214, 190)), (3072, (342, 318)), (4096, (470, 446)))
    for algorithm, most in zip(("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"), sizes)])
def test_rsa_encryption(kms, keys, bits, algorithm, most):
    key = keys(f"RSA_{bits}")
    digest = hashes.SHA1() if algorithm.endswith("_1") else hashes.SHA256()
    oaep = padding.OAEP(padding.MGF1(digest), digest, None)
    for size in (1, most):
        plaintext = os.urandom(size)
        made = kms.encrypt(KeyId=key, Plaintext=plaintext, EncryptionAlgorithm=algorithm)
        assert len(made["CiphertextBlob"]) == bits // 8
        for blob in (made["CiphertextBlob"], public_key(kms, key).encrypt(plaintext, oaep)):
            opened = kms.decrypt(CiphertextBlob=blob, KeyId=key, EncryptionAlgorithm=algorithm)
            assert opened["Plaintext"] == plaintext and opened["EncryptionAlgorithm"] == algorithm
            assert "KeyMaterialId" not in opened
    with refused("ValidationException", f"Algorithm {algorithm} and key spec RSA_{bits} cannot encrypt data larger than {most} bytes."):
        kms.encrypt(KeyId=key, Plaintext=bytes(most + 1), EncryptionAlgorithm=algorithm)
    other = "RSAES_OAEP_SHA_1" if algorithm.endswith("256") else "RSAES_OAEP_SHA_256"
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=made["CiphertextBlob"], KeyId=key, EncryptionAlgorithm=other)


def test_rsa_refused(kms, keys):
    key = keys("RSA_2048")
    blob = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")["CiphertextBlob"]
    with refused("InvalidKeyUsageException", "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048."):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    with refused("InvalidKeyUsageException"):
        kms.decrypt(KeyId=key, CiphertextBlob=blob)
    with refused("ValidationException"):
        kms.decrypt(CiphertextBlob=blob, EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob)
    with refused("ValidationException"):
        kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256", EncryptionContext={"a": "b"})
    for operation in (lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
                      lambda: kms.generate_data_key_pair(KeyId=key, KeyPairSpec="RSA_2048")):
        with refused("InvalidKeyUsageException"):
            operation()


def test_reencrypt(service, kms, keys):
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=keys(), Plaintext=b"text", EncryptionContext={"a": "1"})["CiphertextBlob"]
    made = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext={"a": "1"}, DestinationKeyId=other,
                          DestinationEncryptionContext={"b": "2"})
    assert (made["SourceKeyId"], made["KeyId"]) == (arn(keys()), arn(other))
    assert made["SourceEncryptionAlgorithm"] == made["DestinationEncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    assert made["SourceKeyMaterialId"] != made["DestinationKeyMaterialId"]
    assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"b": "2"})["Plaintext"] == b"text"
    # to a key pair and back
    rsa_key = keys("RSA_2048")
    out = kms.re_encrypt(CiphertextBlob=blob, SourceKeyId=keys(), SourceEncryptionContext={"a": "1"}, DestinationKeyId=rsa_key,
                         DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_1")
    assert "DestinationKeyMaterialId" not in out and "SourceKeyMaterialId" in out
    back = kms.re_encrypt(CiphertextBlob=out["CiphertextBlob"], SourceKeyId=rsa_key, SourceEncryptionAlgorithm="RSAES_OAEP_SHA_1",
                          DestinationKeyId=keys())
    assert kms.decrypt(CiphertextBlob=back["CiphertextBlob"])["Plaintext"] == b"text"
    with refused("InvalidCiphertextException"):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)
    with refused("IncorrectKeyException"):
        kms.re_encrypt(CiphertextBlob=blob, SourceKeyId=other, SourceEncryptionContext={"a": "1"}, DestinationKeyId=other)
    with refused("NotFoundException"):
        kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext={"a": "1"}, DestinationKeyId="alias/none")
    # long data does not fit a key pair
    long = kms.encrypt(KeyId=keys(), Plaintext=bytes(500))["CiphertextBlob"]
    with refused("ValidationException"):
        kms.re_encrypt(CiphertextBlob=long, DestinationKeyId=rsa_key, DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_256")


def test_reencrypt_needs_both(service, kms):
    """Leave for one of the two keys is not enough."""
    alice = service.client("alice")

    def key(*actions):
        statements = [allow(service.arn("admin"), "*")] + ([allow(service.arn("alice"), *actions)] if actions else [])
        return kms.create_key(Policy=policy(*statements))["KeyMetadata"]["KeyId"]

    source, target, closed = key("ReEncryptFrom"), key("ReEncryptTo"), key()
    blob = kms.encrypt(KeyId=source, Plaintext=b"x")["CiphertextBlob"]
    made = alice.re_encrypt(CiphertextBlob=blob, DestinationKeyId=target)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=made)["Plaintext"] == b"x"
    for ciphertext, destination in ((blob, closed), (made, target), (blob, source)):
        with refused("AccessDeniedException"):
            alice.re_encrypt(CiphertextBlob=ciphertext, DestinationKeyId=destination)


# --- data keys ---

@pytest.mark.parametrize("members, size", [({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 1}, 1),
                                           ({"NumberOfBytes": 1024}, 1024)])
def test_data_keys(kms, keys, members, size):
    made = kms.generate_data_key(KeyId=keys(), EncryptionContext={"a": "b"}, **members)
    assert len(made["Plaintext"]) == size and made["KeyId"] == arn(keys())
    assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"a": "b"})["Plaintext"] == made["Plaintext"]
    without = kms.generate_data_key_without_plaintext(KeyId=keys(), **members)
    assert "Plaintext" not in without and without["KeyMaterialId"] == made["KeyMaterialId"]
    assert len(kms.decrypt(CiphertextBlob=without["CiphertextBlob"])["Plaintext"]) == size


def test_data_keys_refused(service, kms, keys):
    unchecked = service.client(config=UNCHECKED)
    for members in ({}, {"KeySpec": "AES_256", "NumberOfBytes": 32}):
        with refused("ValidationException", "Please specify either number of bytes or key spec."):
            kms.generate_data_key(KeyId=keys(), **members)
    with refused("ValidationException", "…Value '1025' at 'numberOfBytes'…"):
        unchecked.generate_data_key(KeyId=keys(), NumberOfBytes=1025)
    with refused("InvalidKeyUsageException", f"{arn(keys('HMAC_256', MAC))} key usage is {MAC} which is not valid for GenerateDataKey."):
        kms.generate_data_key(KeyId=keys("HMAC_256", MAC), KeySpec="AES_256")


@pytest.mark.parametrize("spec", [*CURVES, "RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_EDWARDS25519"])
def test_data_key_pairs(kms, keys, spec):
    made = kms.generate_data_key_pair(KeyId=keys(), KeyPairSpec=spec, EncryptionContext={"a": "b"})
    assert made["KeyPairSpec"] == spec and made["KeyId"] == arn(keys())
    private = serialization.load_der_private_key(made["PrivateKeyPlaintext"], None)
    assert private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == made["PublicKey"]
    if spec in CURVES:
        assert isinstance(private.curve, CURVES[spec])
    elif spec.startswith("RSA"):
        assert private.key_size == int(spec[4:]) and private.public_key().public_numbers().e == 65537
    else:
        assert isinstance(private, ed25519.Ed25519PrivateKey)
    opened = kms.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"], EncryptionContext={"a": "b"})
    assert opened["Plaintext"] == made["PrivateKeyPlaintext"]
    if spec != "RSA_4096":
        without = kms.generate_data_key_pair_without_plaintext(KeyId=keys(), KeyPairSpec=spec)
        assert "PrivateKeyPlaintext" not in without
        serialization.load_der_private_key(kms.decrypt(CiphertextBlob=without["PrivateKeyCiphertextBlob"])["Plaintext"], None)


def test_data_key_pairs_refused(kms, keys):
    with refused("UnsupportedOperationException"):
        kms.generate_data_key_pair(KeyId=keys(), KeyPairSpec="SM2")
    with refused("ValidationException", "…Value 'P384' at 'keyPairSpec' failed to satisfy constraint: Member must satisfy enum value set: […"):
        kms.generate_data_key_pair(KeyId=keys(), KeyPairSpec="P384")


def test_random(service, kms):
    for size in (1, 32, 1024):
        assert len(kms.generate_random(NumberOfBytes=size)["Plaintext"]) == size
    assert kms.generate_random(NumberOfBytes=32)["Plaintext"] != kms.generate_random(NumberOfBytes=32)["Plaintext"]
    with refused("ValidationException", "NumberOfBytes is required."):
        kms.generate_random()
    for number in (0, 1025):
        with refused("ValidationException", f"1 validation error detected: Value '{number}' at 'numberOfBytes' failed to satisfy constraint: …"):
            service.client(config=UNCHECKED).generate_random(NumberOfBytes=number)


# --- signatures ---

def verify_outside(public, algorithm, signature, message):
    digest = HASHES.get(algorithm[-3:])
    if algorithm.startswith("RSASSA_PSS"):
        public.verify(signature, message, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    elif algorithm.startswith("RSASSA_PKCS1"):
        public.verify(signature, message, padding.PKCS1v15(), digest)
    elif algorithm.startswith("ECDSA"):
        public.verify(signature, message, ec.ECDSA(digest))
    else:
        public.verify(signature, message)


RSA_ALGORITHMS = [f"RSASSA_{p}_SHA_{n}" for p in ("PSS", "PKCS1_V1_5") for n in (256, 384, 512)]
SIGNATURES = [("RSA_2048", a) for a in RSA_ALGORITHMS] + [("RSA_3072", "RSASSA_PSS_SHA_384"), ("RSA_4096", "RSASSA_PKCS1_V1_5_SHA_512")] + [
    ("ECC_NIST_P256", "ECDSA_SHA_256"), ("ECC_NIST_P384", "ECDSA_SHA_384"), ("ECC_NIST_P521", "ECDSA_SHA_512"),
    ("ECC_SECG_P256K1", "ECDSA_SHA_256"), ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512")]


@pytest.mark.parametrize("spec, algorithm", SIGNATURES)
def test_signatures(kms, keys, spec, algorithm):
    key, message = keys(spec, SIGN), os.urandom(4096)
    made = kms.sign(KeyId=key, Message=message, SigningAlgorithm=algorithm)
    assert made["KeyId"] == arn(key) and made["SigningAlgorithm"] == algorithm
    verify_outside(public_key(kms, key), algorithm, made["Signature"], message)
    checked = kms.verify(KeyId=key, Message=message, Signature=made["Signature"], SigningAlgorithm=algorithm)
    assert checked["SignatureValid"] is True and checked["KeyId"] == arn(key)
    changed = made["Signature"][:-1] + bytes([made["Signature"][-1] ^ 1])
    for other_message, other_signature in ((message[:-1], made["Signature"]), (message, changed), (message, b"x")):
        with refused("KMSInvalidSignatureException", ""):
            kms.verify(KeyId=key, Message=other_message, Signature=other_signature, SigningAlgorithm=algorithm)
    if algorithm.startswith("ED25519"):
        with refused("ValidationException"):
            kms.sign(KeyId=key, Message=bytes(64), MessageType="DIGEST", SigningAlgorithm=algorithm)
        return
    digest = hashlib.new(f"sha{algorithm[-3:]}", message).digest()
    made = kms.sign(KeyId=key, Message=digest, MessageType="DIGEST", SigningAlgorithm=algorithm)
    verify_outside(public_key(kms, key), algorithm, made["Signature"], message)
    assert kms.verify(KeyId=key, Message=digest, MessageType="DIGEST", Signature=made["Signature"], SigningAlgorithm=algorithm)["SignatureValid"]
    with refused("ValidationException", f"Digest is invalid length for algorithm {algorithm}."):
        kms.sign(KeyId=key, Message=digest[:-1], MessageType="DIGEST", SigningAlgorithm=algorithm)


def test_prehashed_ed25519(kms, keys):
    """No other library here has Ed25519ph: RFC 8032's vector is in the unit tests; here its modes and that only its own verifies."""
    key, digest = keys("ECC_NIST_EDWARDS25519", SIGN), hashlib.sha512(b"m").digest()
    try:
        kms.sign(KeyId=key, Message=digest, MessageType="DIGEST", SigningAlgorithm="ED25519_PH_SHA_512")
    except kms.exceptions.UnsupportedOperationException:
        pytest.skip("the service is built on OpenSSL, which cannot do it")
    made = kms.sign(KeyId=key, Message=digest, MessageType="DIGEST", SigningAlgorithm="ED25519_PH_SHA_512")
    assert len(made["Signature"]) == 64
    assert kms.verify(KeyId=key, Message=digest, MessageType="DIGEST", Signature=made["Signature"],
                      SigningAlgorithm="ED25519_PH_SHA_512")["SignatureValid"]
    with pytest.raises(InvalidSignature):
        public_key(kms, key).verify(made["Signature"], digest)
    with refused("ValidationException"):
        kms.sign(KeyId=key, Message=b"m", SigningAlgorithm="ED25519_PH_SHA_512")


def test_signatures_refused(kms, keys):
    key = keys("ECC_NIST_P256", SIGN)
    with refused("InvalidKeyUsageException", "Algorithm ECDSA_SHA_384 is incompatible with key spec ECC_NIST_P256."):
        kms.sign(KeyId=key, Message=b"m", SigningAlgorithm="ECDSA_SHA_384")
    for wrong, use in ((keys(), ENCRYPT), (keys("HMAC_256", MAC), MAC), (keys("ECC_NIST_P256", AGREE), AGREE)):
        with refused("InvalidKeyUsageException", f"{arn(wrong)} key usage is {use} which is not valid for Sign."):
            kms.sign(KeyId=wrong, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")
    with refused("ValidationException"):
        kms.sign(KeyId=key, Message=b"m", MessageType="EXTERNAL_MU", SigningAlgorithm="ECDSA_SHA_256")
    with refused("ValidationException"):
        kms.sign(KeyId=key, Message=bytes(4097), SigningAlgorithm="ECDSA_SHA_256")


def test_what_others_signed(kms, keys):
    """A key pair of the service, given out once as a data key, signs outside; the service's own verifies the same form."""
    key = keys("RSA_2048", SIGN)
    outside = rsa.generate_private_key(65537, 2048).sign(b"m", padding.PKCS1v15(), hashes.SHA256())
    with refused("KMSInvalidSignatureException"):
        kms.verify(KeyId=key, Message=b"m", Signature=outside, SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256")
    # pyca verifies a digest that the service signed
    digest = hashlib.sha256(b"m").digest()
    signature = kms.sign(KeyId=key, Message=digest, MessageType="DIGEST", SigningAlgorithm="RSASSA_PSS_SHA_256")["Signature"]
    public_key(kms, key).verify(signature, digest, padding.PSS(padding.MGF1(hashes.SHA256()), 32), Prehashed(hashes.SHA256()))


@pytest.mark.parametrize("spec, usage", [("RSA_2048", ENCRYPT), ("RSA_2048", SIGN), ("ECC_NIST_P384", SIGN), ("ECC_NIST_P256", AGREE),
                                         ("ECC_NIST_EDWARDS25519", SIGN)])
def test_public_keys(kms, keys, spec, usage):
    answer = kms.get_public_key(KeyId=keys(spec, usage))
    meta = kms.describe_key(KeyId=keys(spec, usage))["KeyMetadata"]
    assert answer["KeyId"] == meta["Arn"] and answer["KeySpec"] == spec and answer["KeyUsage"] == usage
    for name in ("EncryptionAlgorithms", "SigningAlgorithms", "KeyAgreementAlgorithms"):
        assert answer.get(name) == meta.get(name)
    serialization.load_der_public_key(answer["PublicKey"])


def test_no_public_key(kms, keys):
    for key in (keys(), keys("HMAC_256", MAC)):
        with refused("UnsupportedOperationException"):
            kms.get_public_key(KeyId=key)


# --- MACs ---

@pytest.mark.parametrize("bits", [224, 256, 384, 512])
def test_macs(kms, keys, bits):
    key, algorithm, message = keys(f"HMAC_{bits}", MAC), f"HMAC_SHA_{bits}", os.urandom(4096)
    made = kms.generate_mac(KeyId=key, Message=message, MacAlgorithm=algorithm)
    assert len(made["Mac"]) == bits // 8 and made["KeyId"] == arn(key) and made["MacAlgorithm"] == algorithm
    checked = kms.verify_mac(KeyId=key, Message=message, Mac=made["Mac"], MacAlgorithm=algorithm)
    assert checked["MacValid"] is True
    for other_message, mac in ((message[:-1], made["Mac"]), (message, made["Mac"][:-1]), (message, bytes(bits // 8))):
        with refused("KMSInvalidMacException", ""):
            kms.verify_mac(KeyId=key, Message=other_message, Mac=mac, MacAlgorithm=algorithm)
    wrong = "HMAC_SHA_256" if bits != 256 else "HMAC_SHA_512"
    with refused("InvalidKeyUsageException", f"Algorithm {wrong} is incompatible with key spec HMAC_{bits}."):
        kms.generate_mac(KeyId=key, Message=message, MacAlgorithm=wrong)


def test_macs_refused(kms, keys):
    with refused("InvalidKeyUsageException", f"{arn(keys())} key usage is {ENCRYPT} which is not valid for GenerateMac."):
        kms.generate_mac(KeyId=keys(), Message=b"m", MacAlgorithm="HMAC_SHA_256")
    with refused("NotFoundException", "Invalid keyId 'key_id'"):
        kms.verify_mac(KeyId="key_id", Message=b"m", Mac=b"m", MacAlgorithm="HMAC_SHA_256")


# --- key agreement ---

@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"])
def test_shared_secrets(kms, keys, spec):
    key, mine = keys(spec, AGREE), ec.generate_private_key(CURVES[spec]())
    answer = kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=mine.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    assert answer["SharedSecret"] == mine.exchange(ec.ECDH(), public_key(kms, key))
    assert (answer["KeyId"], answer["KeyAgreementAlgorithm"], answer["KeyOrigin"]) == (arn(key), "ECDH", "AWS_KMS")
    # between two of the service's own
    other = keys("ECC_NIST_P256", AGREE)
    if spec != "ECC_NIST_P256":
        with refused("ValidationException"):
            kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=kms.get_public_key(KeyId=other)["PublicKey"])


def test_shared_secrets_refused(kms, keys):
    key = keys("ECC_NIST_P256", AGREE)
    for public in (b"x", kms.get_public_key(KeyId=keys("RSA_2048"))["PublicKey"], kms.get_public_key(KeyId=key)["PublicKey"] + b"x"):
        with refused("ValidationException"):
            kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=public)
    with refused("InvalidKeyUsageException", f"{arn(keys('ECC_NIST_P256', SIGN))} key usage is {SIGN} which is not valid for "
                                             "DeriveSharedSecret."):
        kms.derive_shared_secret(KeyId=keys("ECC_NIST_P256", SIGN), KeyAgreementAlgorithm="ECDH",
                                 PublicKey=kms.get_public_key(KeyId=key)["PublicKey"])


# --- dry runs ---

def dry_runs(kms, keys, blob, signature, mac, peer):
    symmetric, signing, macs = keys(), keys("ECC_NIST_P256", SIGN), keys("HMAC_256", MAC)
    return {
        "encrypt": {"KeyId": symmetric, "Plaintext": b"x"},
        "decrypt": {"CiphertextBlob": blob},
        "re_encrypt": {"CiphertextBlob": blob, "DestinationKeyId": symmetric},
        "generate_data_key": {"KeyId": symmetric, "KeySpec": "AES_256"},
        "generate_data_key_without_plaintext": {"KeyId": symmetric, "KeySpec": "AES_256"},
        "generate_data_key_pair": {"KeyId": symmetric, "KeyPairSpec": "ECC_NIST_P256"},
        "generate_data_key_pair_without_plaintext": {"KeyId": symmetric, "KeyPairSpec": "ECC_NIST_P256"},
        "sign": {"KeyId": signing, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"},
        "verify": {"KeyId": signing, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256", "Signature": signature},
        "generate_mac": {"KeyId": macs, "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"},
        "verify_mac": {"KeyId": macs, "Message": b"m", "MacAlgorithm": "HMAC_SHA_256", "Mac": mac},
        "derive_shared_secret": {"KeyId": keys("ECC_NIST_P256", AGREE), "KeyAgreementAlgorithm": "ECDH", "PublicKey": peer},
    }


def test_dry_runs(service, kms, keys):
    blob = kms.encrypt(KeyId=keys(), Plaintext=b"x")["CiphertextBlob"]
    signature = kms.sign(KeyId=keys("ECC_NIST_P256", SIGN), Message=b"m", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    mac = kms.generate_mac(KeyId=keys("HMAC_256", MAC), Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
    peer = kms.get_public_key(KeyId=keys("ECC_NIST_P256", AGREE))["PublicKey"]
    for operation, members in dry_runs(kms, keys, blob, signature, mac, peer).items():
        getattr(kms, operation)(**members, DryRun=False)
        with refused("DryRunOperationException", "The request would have succeeded, but the DryRun option is set."):
            getattr(kms, operation)(**members, DryRun=True)
    closed = kms.create_key(Policy=policy(allow(service.arn("admin"), "*")))["KeyMetadata"]["KeyId"]
    with refused("AccessDeniedException"):
        service.client("alice").encrypt(KeyId=closed, Plaintext=b"x", DryRun=True)
    kms.disable_key(KeyId=closed)
    with refused("DisabledException"):
        kms.encrypt(KeyId=closed, Plaintext=b"x", DryRun=True)


def test_dry_runs_without_ciphertext(service, kms, keys):
    """Permissions alone are asked for."""
    with refused("DryRunOperationException"):
        kms.decrypt(KeyId=keys(), DryRun=True, DryRunModifiers=["IGNORE_CIPHERTEXT"])
    with refused("DryRunOperationException"):
        kms.re_encrypt(SourceKeyId=keys(), DestinationKeyId=keys(), DryRun=True, DryRunModifiers=["IGNORE_CIPHERTEXT"])
    closed = kms.create_key(Policy=policy(allow(service.arn("admin"), "*")))["KeyMetadata"]["KeyId"]
    with refused("AccessDeniedException"):
        service.client("alice").decrypt(KeyId=closed, DryRun=True, DryRunModifiers=["IGNORE_CIPHERTEXT"])
    for members in ({"KeyId": keys(), "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}, {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]},
                    {"KeyId": keys(), "DryRun": True}):
        with refused("ValidationException"):
            kms.decrypt(**members)


# --- attested calls ---

class Enclave:
    def __init__(self, service):
        self.service = service
        key = rsa.generate_private_key(65537, 2048)
        self.pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        self.spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def recipient(self, pcr0=PCR_A):
        document = self.service.tool.doc(self.service.nsm, pcr0, int(time.time() * 1000), self.spki)
        return {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": document}

    def open(self, answer):
        return self.service.tool.open(self.pkcs8, answer["CiphertextForRecipient"])


@pytest.fixture(scope="module")
def enclave(service):
    return Enclave(service)


def measured(service, *actions):
    return policy(allow(service.arn("admin"), "Describe*", "Get*", "Put*", "Encrypt", "Create*", "List*"),
                  allow(service.arn("admin"), *actions,
                        Condition={"StringEqualsIgnoreCase": {"kms:RecipientAttestation:PCR0": PCR_A.hex()}}))


def attested(kms, enclave, operation, **members):
    """What the enclave finds in the answer; that nobody else is given it; and that another image is not."""
    answer = getattr(kms, operation)(**members, Recipient=enclave.recipient())
    assert "CiphertextForRecipient" in answer and "KeyMaterialId" not in answer
    assert not {"Plaintext", "PrivateKeyPlaintext", "SharedSecret"} & set(answer)
    with refused("AccessDeniedException"):
        getattr(kms, operation)(**members)
    with refused("AccessDeniedException"):
        getattr(kms, operation)(**members, Recipient=enclave.recipient(PCR_B))
    return answer, enclave.open(answer)


def test_attested(service, kms, enclave):
    key = kms.create_key(Policy=measured(service, "Decrypt", "GenerateDataKey", "GenerateDataKeyPair"))["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"text", EncryptionContext={"a": "b"})["CiphertextBlob"]
    assert attested(kms, enclave, "decrypt", CiphertextBlob=blob, EncryptionContext={"a": "b"})[1] == b"text"
    answer, secret = attested(kms, enclave, "generate_data_key", KeyId=key, KeySpec="AES_256")
    assert len(secret) == 32
    again = kms.decrypt(CiphertextBlob=answer["CiphertextBlob"], Recipient=enclave.recipient())
    assert enclave.open(again) == secret
    for spec in ("ECC_NIST_P384", "RSA_4096"):
        answer, secret = attested(kms, enclave, "generate_data_key_pair", KeyId=key, KeyPairSpec=spec)
        private = serialization.load_der_private_key(secret, None)
        assert private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == answer["PublicKey"]


def test_attested_key_pairs(service, kms, enclave):
    rsa_key = kms.create_key(Policy=measured(service, "Decrypt"), KeySpec="RSA_2048", KeyUsage=ENCRYPT)["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=rsa_key, Plaintext=b"text", EncryptionAlgorithm="RSAES_OAEP_SHA_256")["CiphertextBlob"]
    assert attested(kms, enclave, "decrypt", KeyId=rsa_key, CiphertextBlob=blob, EncryptionAlgorithm="RSAES_OAEP_SHA_256")[1] == b"text"
    ecc = kms.create_key(Policy=measured(service, "DeriveSharedSecret"), KeySpec="ECC_NIST_P384", KeyUsage=AGREE)["KeyMetadata"]["KeyId"]
    mine = ec.generate_private_key(ec.SECP384R1())
    spki = mine.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    answer, secret = attested(kms, enclave, "derive_shared_secret", KeyId=ecc, KeyAgreementAlgorithm="ECDH", PublicKey=spki)
    assert secret == mine.exchange(ec.ECDH(), public_key(kms, ecc)) and answer["KeyOrigin"] == "AWS_KMS"


def test_attested_random(kms, enclave):
    answer = kms.generate_random(NumberOfBytes=64, Recipient=enclave.recipient())
    assert "Plaintext" not in answer and len(enclave.open(answer)) == 64
    with refused("ValidationException"):
        kms.generate_random(NumberOfBytes=64, Recipient={**enclave.recipient(), "AttestationDocument": b"nonsense"})


def test_attested_grants(service, kms, enclave):
    """A grant asks for no document, but a Deny without one stands."""
    deny = {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
            "Condition": {"Null": {"kms:RecipientAttestation:PCR0": "true"}}}
    key = kms.create_key(Policy=policy(allow(service.arn("admin"), "*"), deny))["KeyMetadata"]["KeyId"]
    kms.create_grant(KeyId=key, GranteePrincipal=service.arn("alice"), Operations=["Decrypt"])
    blob, alice = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"], service.client("alice")
    with refused("AccessDeniedException"):
        alice.decrypt(CiphertextBlob=blob)
    assert enclave.open(alice.decrypt(CiphertextBlob=blob, Recipient=enclave.recipient())) == b"x"


# --- the audit log ---

def test_audit(service, kms, keys, enclave):
    planted = {"planted-name": "planted-value"}
    blob = kms.encrypt(KeyId=keys(), Plaintext=b"planted plaintext", EncryptionContext=planted)["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=planted, Recipient=enclave.recipient())
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob)
    files = sorted((service.kmsd.folder / "state/audit").iterdir())
    text = "".join(f.read_text() for f in files)
    lines = [json.loads(line) for line in text.splitlines()]
    by_id = {line["request"]: line for line in lines if "request" in line}
    line = by_id[opened["ResponseMetadata"]["RequestId"]]
    canonical = b"\xa1\x6cplanted-name\x6dplanted-value"
    assert line.pop("time") and line == {
        "request": opened["ResponseMetadata"]["RequestId"], "caller": service.arn("admin"), "operation": "Decrypt", "key": arn(keys()),
        "context_sha256": hashlib.sha256(canonical).hexdigest(), "attested": "holds", "module": line["module"], "pcr0": PCR_A.hex(),
        "outcome": "ok"}
    assert lines[-1]["outcome"] == "InvalidCiphertextException"
    for secret in ("planted-name", "planted-value", "planted plaintext", base64.b64encode(b"planted plaintext").decode(),
                   service.user("admin")["SecretAccessKey"]):
        assert secret not in text
