# SPDX-License-Identifier: Apache-2.0
"""The AWS command line against coffer-kmsd: every operation once, its own paging, and how it ends when it is refused."""
import base64
import json
import time

import pytest
from aws_clients import ACCOUNT, PREFIX, REGION, Service, allow, policy
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

pytest.importorskip("awscli", reason="the AWS clients are not installed")
REFUSED = 255  # how version 1 of the command line ends when the service refuses
KEY = {"SIGN_VERIFY": "ECC_NIST_P256", "KEY_AGREEMENT": "ECC_NIST_P256", "GENERATE_VERIFY_MAC": "HMAC_256"}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    s = Service(tmp_path_factory.mktemp("kms"), tmp_path_factory.mktemp("nsm"))
    yield s
    s.close()


def create(service, usage="ENCRYPT_DECRYPT", *words):
    spec = ["--key-spec", KEY[usage]] if usage in KEY else []
    return service.aws("create-key", "--key-usage", usage, *spec, *words)["KeyMetadata"]["KeyId"]


def test_keys(service):
    key = create(service, "ENCRYPT_DECRYPT", "--description", "of the command line", "--tags", "TagKey=a,TagValue=1")
    meta = service.aws("describe-key", "--key-id", key)["KeyMetadata"]
    assert meta["Arn"] == f"{PREFIX}:key/{key}" and meta["Description"] == "of the command line" and meta["AWSAccountId"] == ACCOUNT
    service.aws("update-key-description", "--key-id", key, "--description", "other")
    service.aws("disable-key", "--key-id", key)
    assert service.aws("describe-key", "--key-id", key)["KeyMetadata"]["KeyState"] == "Disabled"
    service.aws("enable-key", "--key-id", key)
    service.aws("tag-resource", "--key-id", key, "--tags", "TagKey=b,TagValue=2")
    service.aws("untag-resource", "--key-id", key, "--tag-keys", "a")
    assert service.aws("list-resource-tags", "--key-id", key)["Tags"] == [{"TagKey": "b", "TagValue": "2"}]
    gone = service.aws("schedule-key-deletion", "--key-id", key, "--pending-window-in-days", 7)
    assert gone["KeyState"] == "PendingDeletion"
    assert service.aws("cancel-key-deletion", "--key-id", key)["KeyId"] == meta["Arn"]
    assert key in [k["KeyId"] for k in service.aws("list-keys")["Keys"]]


def test_policies(service):
    key = create(service)
    assert service.aws("list-key-policies", "--key-id", key)["PolicyNames"] == ["default"]
    mine = policy(allow(service.arn("admin"), "*"))
    service.aws("put-key-policy", "--key-id", key, "--policy", mine)
    assert json.loads(service.aws("get-key-policy", "--key-id", key)["Policy"]) == json.loads(mine)
    error = service.aws("describe-key", "--key-id", key, user="alice", check=REFUSED)
    assert "An error occurred (AccessDeniedException) when calling the DescribeKey operation: User: " + service.arn("alice") in error


def test_data(service, tmp_path):
    key, other = create(service), create(service)
    plain = tmp_path / "plain"
    plain.write_bytes(b"text \x00 of a file")
    blob = service.aws("encrypt", "--key-id", key, "--plaintext", f"fileb://{plain}", "--encryption-context", "tenant=acme,n=1")["CiphertextBlob"]
    (tmp_path / "blob").write_bytes(base64.b64decode(blob))
    opened = service.aws("decrypt", "--ciphertext-blob", f"fileb://{tmp_path}/blob", "--encryption-context", "tenant=acme,n=1")
    assert base64.b64decode(opened["Plaintext"]) == plain.read_bytes() and opened["KeyId"].endswith(key)
    error = service.aws("decrypt", "--ciphertext-blob", f"fileb://{tmp_path}/blob", check=REFUSED)
    assert "(InvalidCiphertextException) when calling the Decrypt operation" in error
    moved = service.aws("re-encrypt", "--ciphertext-blob", f"fileb://{tmp_path}/blob", "--source-encryption-context", "tenant=acme,n=1",
                        "--destination-key-id", other)
    assert moved["KeyId"].endswith(other) and moved["SourceKeyId"].endswith(key)
    made = service.aws("generate-data-key", "--key-id", key, "--key-spec", "AES_256")
    assert len(base64.b64decode(made["Plaintext"])) == 32
    assert "Plaintext" not in service.aws("generate-data-key-without-plaintext", "--key-id", key, "--number-of-bytes", 16)
    pair = service.aws("generate-data-key-pair", "--key-id", key, "--key-pair-spec", "ECC_NIST_P384")
    serialization.load_der_private_key(base64.b64decode(pair["PrivateKeyPlaintext"]), None)
    pair = service.aws("generate-data-key-pair-without-plaintext", "--key-id", key, "--key-pair-spec", "RSA_2048")
    assert "PrivateKeyPlaintext" not in pair
    assert len(base64.b64decode(service.aws("generate-random", "--number-of-bytes", 48)["Plaintext"])) == 48
    assert "(DryRunOperationException)" in service.aws("encrypt", "--key-id", key, "--plaintext", f"fileb://{plain}", "--dry-run", check=REFUSED)


def test_signatures_and_macs(service, tmp_path):
    message = tmp_path / "message"
    message.write_bytes(b"m" * 100)
    key = create(service, "SIGN_VERIFY")
    made = service.aws("sign", "--key-id", key, "--message", f"fileb://{message}", "--signing-algorithm", "ECDSA_SHA_256")
    (tmp_path / "signature").write_bytes(base64.b64decode(made["Signature"]))
    words = ["--key-id", key, "--signing-algorithm", "ECDSA_SHA_256", "--signature", f"fileb://{tmp_path}/signature"]
    assert service.aws("verify", "--message", f"fileb://{message}", *words)["SignatureValid"] is True
    assert "(KMSInvalidSignatureException)" in service.aws("verify", "--message", f"fileb://{tmp_path}/signature", *words, check=REFUSED)
    public = service.aws("get-public-key", "--key-id", key)
    assert public["SigningAlgorithms"] == ["ECDSA_SHA_256"]
    serialization.load_der_public_key(base64.b64decode(public["PublicKey"]))
    key = create(service, "GENERATE_VERIFY_MAC")
    made = service.aws("generate-mac", "--key-id", key, "--message", f"fileb://{message}", "--mac-algorithm", "HMAC_SHA_256")
    (tmp_path / "mac").write_bytes(base64.b64decode(made["Mac"]))
    assert service.aws("verify-mac", "--key-id", key, "--message", f"fileb://{message}", "--mac-algorithm", "HMAC_SHA_256", "--mac",
                       f"fileb://{tmp_path}/mac")["MacValid"] is True


def test_agreement(service, tmp_path):
    mine = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "spki").write_bytes(mine.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
    key = create(service, "KEY_AGREEMENT")
    made = service.aws("derive-shared-secret", "--key-id", key, "--key-agreement-algorithm", "ECDH", "--public-key", f"fileb://{tmp_path}/spki")
    theirs = serialization.load_der_public_key(base64.b64decode(service.aws("get-public-key", "--key-id", key)["PublicKey"]))
    assert base64.b64decode(made["SharedSecret"]) == mine.exchange(ec.ECDH(), theirs)


def test_aliases(service, tmp_path):
    first, second = create(service), create(service)
    plain = tmp_path / "plain"
    plain.write_bytes(b"x")
    service.aws("create-alias", "--alias-name", "alias/cli", "--target-key-id", first)
    assert service.aws("encrypt", "--key-id", "alias/cli", "--plaintext", f"fileb://{plain}")["KeyId"].endswith(first)
    service.aws("update-alias", "--alias-name", "alias/cli", "--target-key-id", second)
    assert [a["TargetKeyId"] for a in service.aws("list-aliases")["Aliases"] if a["AliasName"] == "alias/cli"] == [second]
    service.aws("delete-alias", "--alias-name", "alias/cli")
    assert "(NotFoundException)" in service.aws("delete-alias", "--alias-name", "alias/cli", check=REFUSED)


def test_rotation(service):
    key = create(service)
    service.aws("enable-key-rotation", "--key-id", key, "--rotation-period-in-days", 90)
    assert service.aws("get-key-rotation-status", "--key-id", key)["RotationPeriodInDays"] == 90
    service.aws("rotate-key-on-demand", "--key-id", key)
    rotations = service.aws("list-key-rotations", "--key-id", key, "--include-key-material", "ALL_KEY_MATERIAL")["Rotations"]
    assert [r.get("RotationType") for r in rotations] == [None, "ON_DEMAND"]
    service.aws("disable-key-rotation", "--key-id", key)


def test_grants(service):
    key = create(service)
    words = ["--key-id", key, "--grantee-principal", service.arn("alice"), "--retiring-principal", service.arn("bob"), "--operations", "Encrypt",
             "Decrypt", "--constraints", "EncryptionContextSubset={tenant=acme}"]
    made = service.aws("create-grant", *words)
    assert service.aws("list-grants", "--key-id", key)["Grants"][0]["Constraints"] == {"EncryptionContextSubset": {"tenant": "acme"}}
    retirable = service.aws("list-retirable-grants", "--retiring-principal", service.arn("bob"), user="bob")["Grants"]
    assert [g["GrantId"] for g in retirable] == [made["GrantId"]]
    service.aws("retire-grant", "--grant-token", made["GrantToken"], user="bob")
    made = service.aws("create-grant", *words)
    service.aws("revoke-grant", "--key-id", key, "--grant-id", made["GrantId"])
    assert service.aws("list-grants", "--key-id", key)["Grants"] == []


def test_attested(service, tmp_path):
    private = rsa.generate_private_key(65537, 2048)
    spki = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    pkcs8 = private.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    document = service.tool.doc(service.nsm, b"\x01" * 48, int(time.time() * 1000), spki)
    (tmp_path / "document").write_bytes(document)
    answer = service.aws("generate-random", "--number-of-bytes", 32, "--recipient",
                         f"KeyEncryptionAlgorithm=RSAES_OAEP_SHA_256,AttestationDocument@=fileb://{tmp_path}/document")
    assert len(service.tool.open(pkcs8, base64.b64decode(answer["CiphertextForRecipient"]))) == 32


def test_pages(service):
    """The command line follows the markers by itself, and gives out one of its own."""
    key = create(service)
    names = [f"alias/page/{i}" for i in range(5)]
    for name in names:
        service.client().create_alias(AliasName=name, TargetKeyId=key)
    assert [a["AliasName"] for a in service.aws("list-aliases", "--key-id", key, "--page-size", 2)["Aliases"]] == names
    first = service.aws("list-aliases", "--key-id", key, "--max-items", 3)
    rest = service.aws("list-aliases", "--key-id", key, "--starting-token", first["NextToken"])
    assert [a["AliasName"] for a in first["Aliases"] + rest["Aliases"]] == names
    whole = service.aws("list-keys")["Keys"]
    assert service.aws("list-keys", "--page-size", 1)["Keys"] == whole


def test_how_it_ends(service):
    error = service.aws("describe-key", "--key-id", f"{PREFIX}:key/1234abcd-12ab-34cd-56ef-1234567890ab", check=REFUSED)
    assert "An error occurred (NotFoundException) when calling the DescribeKey operation: Key " in error
    assert "(UnsupportedOperationException)" in service.aws("replicate-key", "--key-id", create(service), "--replica-region", REGION, check=REFUSED)
    assert service.aws("describe-custom-key-stores")["CustomKeyStores"] == []
