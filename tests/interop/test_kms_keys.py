# SPDX-License-Identifier: Apache-2.0
"""boto3 against coffer-kmsd: keys, their states, tags, aliases, policies, rotation, grants, and all lists with their pages."""
import json
import re
import time

import pytest
from aws_clients import ACCOUNT, PREFIX, REGION, UNCHECKED, Service, allow, policy, refused

ENCRYPT, SIGN, MAC, AGREE = "ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"
RSA_SIGNING = [f"RSASSA_{p}_SHA_{n}" for p in ("PKCS1_V1_5", "PSS") for n in (256, 384, 512)]
OAEP = ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]
KINDS = [
    ("SYMMETRIC_DEFAULT", ENCRYPT, {"EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"]}),
    *[(f"RSA_{n}", ENCRYPT, {"EncryptionAlgorithms": OAEP}) for n in (2048, 3072, 4096)],
    ("RSA_2048", SIGN, {"SigningAlgorithms": RSA_SIGNING}),
    *[(f"ECC_NIST_P{n}", SIGN, {"SigningAlgorithms": [f"ECDSA_SHA_{h}"]}) for n, h in ((256, 256), (384, 384), (521, 512))],
    *[(f"ECC_NIST_P{n}", AGREE, {"KeyAgreementAlgorithms": ["ECDH"]}) for n in (256, 384, 521)],
    ("ECC_SECG_P256K1", SIGN, {"SigningAlgorithms": ["ECDSA_SHA_256"]}),
    ("ECC_NIST_EDWARDS25519", SIGN, {"SigningAlgorithms": ["ED25519_SHA_512", "ED25519_PH_SHA_512"]}),
    *[(f"HMAC_{n}", MAC, {"MacAlgorithms": [f"HMAC_SHA_{n}"]}) for n in (224, 256, 384, 512)],
]
NOBODY = "1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    s = Service(tmp_path_factory.mktemp("kms"), tmp_path_factory.mktemp("nsm"))
    yield s
    s.close()


@pytest.fixture(scope="module")
def kms(service):
    return service.client()


def create(kms, spec="SYMMETRIC_DEFAULT", usage=ENCRYPT, **more):
    return kms.create_key(KeySpec=spec, KeyUsage=usage, **more)["KeyMetadata"]["KeyId"]


def arn(key):
    return f"{PREFIX}:key/{key}"


def pages(operation, member, limit, **members):
    """All entries, by hand over the markers."""
    seen, marker = [], {}
    while True:
        page = operation(Limit=limit, **members, **marker)
        assert len(page[member]) <= limit and page["Truncated"] == ("NextMarker" in page)
        seen += page[member]
        if not page["Truncated"]:
            return seen
        marker = {"Marker": page["NextMarker"]}


# --- CreateKey, DescribeKey, ListKeys ---

@pytest.mark.parametrize("spec, usage, algorithms", KINDS, ids=lambda v: v if isinstance(v, str) else "")
def test_kinds(kms, spec, usage, algorithms):
    before = time.time()
    meta = kms.create_key(KeySpec=spec, KeyUsage=usage, Description="what for: Ω")["KeyMetadata"]
    assert kms.describe_key(KeyId=meta["KeyId"])["KeyMetadata"] == meta
    assert kms.describe_key(KeyId=meta["Arn"])["KeyMetadata"] == meta
    assert before - 1 <= meta.pop("CreationDate").timestamp() <= time.time()
    if spec == "SYMMETRIC_DEFAULT":
        assert re.fullmatch("[0-9a-f]{64}", meta.pop("CurrentKeyMaterialId"))
    if spec != "ECC_NIST_EDWARDS25519":  # the old name has no such value
        assert meta.pop("CustomerMasterKeySpec") == spec
    assert meta == {"AWSAccountId": ACCOUNT, "KeyId": meta["KeyId"], "Arn": arn(meta["KeyId"]), "Enabled": True,
                    "Description": "what for: Ω", "KeyUsage": usage, "KeyState": "Enabled", "Origin": "AWS_KMS", "KeyManager": "CUSTOMER",
                    "KeySpec": spec, "MultiRegion": False, **algorithms}


def test_defaults(kms):
    meta = kms.create_key()["KeyMetadata"]
    assert (meta["KeySpec"], meta["KeyUsage"], meta["Description"]) == ("SYMMETRIC_DEFAULT", ENCRYPT, "")
    assert kms.create_key(CustomerMasterKeySpec="HMAC_256", KeyUsage=MAC)["KeyMetadata"]["KeySpec"] == "HMAC_256"


@pytest.mark.parametrize("members, name, message", [
    ({"KeySpec": "HMAC_256"}, "ValidationException",
     "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."),
    ({"KeySpec": "RSA_2048", "KeyUsage": AGREE}, "ValidationException", "KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048"),
    ({"KeySpec": "ECC_SECG_P256K1", "KeyUsage": AGREE}, "ValidationException", "…not compatible…"),
    ({"KeyUsage": SIGN}, "ValidationException", "KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT"),
    ({"KeySpec": "RSA_2048", "CustomerMasterKeySpec": "RSA_2048", "KeyUsage": SIGN}, "ValidationException", "You cannot specify KeySpec and…"),
    ({"KeySpec": "SM2", "KeyUsage": SIGN}, "UnsupportedOperationException", None),
    ({"KeySpec": "ML_DSA_65", "KeyUsage": SIGN}, "UnsupportedOperationException", None),
    ({"MultiRegion": True}, "UnsupportedOperationException", None),
    ({"Origin": "EXTERNAL"}, "UnsupportedOperationException", None),
    ({"CustomKeyStoreId": "cks-1"}, "UnsupportedOperationException", None),
    ({"Policy": "{"}, "MalformedPolicyDocumentException", None),
    ({"Policy": policy(allow("*", "Decrypt"))}, "MalformedPolicyDocumentException",
     "The new key policy will not allow you to update the key policy in the future."),
    ({"Policy": " " * 32768 + "{}"}, "LimitExceededException", None),
    ({"Tags": [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}]}, "TagException", "Duplicate tag keys"),
    ({"Tags": [{"TagKey": f"t{i}", "TagValue": ""} for i in range(51)]}, "TagException", "Too many tags"),
    ({"Tags": [{"TagKey": "AWS:x", "TagValue": ""}]}, "TagException", "Tags beginning with aws: are reserved"),
    ({"Tags": [{"TagKey": "k" * 129, "TagValue": ""}]}, "ValidationException",
     "1 validation error detected: Value '" + "k" * 129 + "' at 'tags.1.member.tagKey' failed to satisfy constraint: "
     "Member must have length less than or equal to 128"),
])
def test_create_refused(service, members, name, message):
    with refused(name, message):
        service.client(config=UNCHECKED).create_key(**members)


@pytest.mark.parametrize("key, name, message", [
    (NOBODY, "NotFoundException", f"Key '{PREFIX}:key/{NOBODY}' does not exist"),
    (f"{PREFIX}:key/{NOBODY}", "NotFoundException", f"Key '{PREFIX}:key/{NOBODY}' does not exist"),
    ("alias/none", "NotFoundException", f"Alias {PREFIX}:alias/none is not found."),
    (f"{PREFIX}:alias/none", "NotFoundException", f"Alias {PREFIX}:alias/none is not found."),
    ("fake-key-id", "NotFoundException", "Invalid keyId 'fake-key-id'"),
    ("mrk-fake-key-id", "NotFoundException", "Invalid keyId 'mrk-fake-key-id'"),
    (f"arn:aws:kms:ap-southeast-2:{ACCOUNT}:key/{NOBODY}", "InvalidArnException", "Invalid arn ap-southeast-2"),
])
def test_no_such_key(kms, key, name, message):
    with refused(name, message):
        kms.describe_key(KeyId=key)
    with refused(name, message):
        kms.generate_mac(KeyId=key, Message=b"m", MacAlgorithm="HMAC_SHA_256")


def test_list_keys(kms):
    ids = {create(kms) for _ in range(4)}
    whole = [k["KeyId"] for k in kms.list_keys(Limit=1000)["Keys"]]
    assert ids <= set(whole) and len(set(whole)) == len(whole)
    for limit in (1, 3, 7):
        assert [k["KeyId"] for k in pages(kms.list_keys, "Keys", limit)] == whole
    paged = kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}).build_full_result()
    assert [k["KeyId"] for k in paged["Keys"]] == whole and all(k["KeyArn"] == arn(k["KeyId"]) for k in paged["Keys"])
    with refused("InvalidMarkerException"):
        kms.list_keys(Marker="nonsense")
    # a marker is that list's own
    marker = kms.list_keys(Limit=1)["NextMarker"]
    with refused("InvalidMarkerException"):
        kms.list_aliases(Marker=marker)


def test_descriptions(kms):
    key = create(kms)
    for text in ("new", "", "ü" * 8192):
        kms.update_key_description(KeyId=key, Description=text)
        assert kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == text
    with refused("ValidationException", "1 validation error detected: …at 'description'…less than or equal to 8192"):
        kms.update_key_description(KeyId=key, Description="ü" * 8193)
    with refused("NotFoundException"):
        kms.update_key_description(KeyId=NOBODY, Description="x")


# --- states ---

def test_enabled_and_disabled(kms):
    key = create(kms)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    for _ in range(2):
        kms.disable_key(KeyId=key)
    meta = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (meta["Enabled"], meta["KeyState"]) == (False, "Disabled")
    for operation in (lambda: kms.encrypt(KeyId=key, Plaintext=b"x"), lambda: kms.decrypt(CiphertextBlob=blob),
                      lambda: kms.rotate_key_on_demand(KeyId=key)):
        with refused("DisabledException", f"{arn(key)} is disabled."):
            operation()
    kms.enable_key(KeyId=arn(key))
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    with refused("NotFoundException"):
        kms.enable_key(KeyId=NOBODY)
    with refused("NotFoundException", "Invalid keyId 'alias/x'"):
        kms.disable_key(KeyId="alias/x")


def test_deletion(kms):
    key = create(kms)
    with refused("KMSInvalidStateException", f"{arn(key)} is not pending deletion."):
        kms.cancel_key_deletion(KeyId=key)
    for days in (6, 31):
        with refused("ValidationException"):
            kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=days)
    answer = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert (answer["KeyId"], answer["KeyState"], answer["PendingWindowInDays"]) == (arn(key), "PendingDeletion", 7)
    assert abs(answer["DeletionDate"].timestamp() - time.time() - 7 * 86400) < 10
    meta = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (meta["KeyState"], meta["Enabled"], meta["DeletionDate"]) == ("PendingDeletion", False, answer["DeletionDate"])
    for operation in (lambda: kms.encrypt(KeyId=key, Plaintext=b"x"), lambda: kms.enable_key(KeyId=key),
                      lambda: kms.tag_resource(KeyId=key, Tags=[]), lambda: kms.schedule_key_deletion(KeyId=key)):
        with refused("KMSInvalidStateException", f"{arn(key)} is pending deletion."):
            operation()
    assert key in [k["KeyId"] for k in kms.list_keys(Limit=1000)["Keys"]]
    assert kms.cancel_key_deletion(KeyId=key)["KeyId"] == arn(key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    assert kms.schedule_key_deletion(KeyId=key)["PendingWindowInDays"] == 30


# --- tags ---

def tags_of(kms, key):
    return {t["TagKey"]: t["TagValue"] for t in pages(kms.list_resource_tags, "Tags", 50, KeyId=key)}


def test_tags(kms):
    key = kms.create_key(Tags=[{"TagKey": "b", "TagValue": "2"}, {"TagKey": "a", "TagValue": ""}])["KeyMetadata"]["KeyId"]
    assert tags_of(kms, key) == {"a": "", "b": "2"}
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "b", "TagValue": "new"}, {"TagKey": "ключ", "TagValue": "значение"}])
    assert tags_of(kms, key) == {"a": "", "b": "new", "ключ": "значение"}
    kms.untag_resource(KeyId=key, TagKeys=["a", "none"])
    assert tags_of(kms, key) == {"b": "new", "ключ": "значение"}
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": f"t{i:02}", "TagValue": "v"} for i in range(48)])
    with refused("TagException", "Too many tags"):
        kms.tag_resource(KeyId=key, Tags=[{"TagKey": "one more", "TagValue": ""}])
    assert len(tags_of(kms, key)) == 50
    for limit in (1, 7, 50):
        assert len(pages(kms.list_resource_tags, "Tags", limit, KeyId=key)) == 50
    with refused("ValidationException"):
        kms.list_resource_tags(KeyId=key, Limit=51)
    with refused("NotFoundException"):
        kms.tag_resource(KeyId=NOBODY, Tags=[])


# --- aliases ---

def test_aliases(kms):
    first, second = create(kms), create(kms)
    kms.create_alias(AliasName="alias/app/one", TargetKeyId=first)
    with refused("AlreadyExistsException", f"An alias with the name {PREFIX}:alias/app/one already exists"):
        kms.create_alias(AliasName="alias/app/one", TargetKeyId=second)
    entry, = kms.list_aliases(KeyId=first)["Aliases"]
    assert (entry["AliasName"], entry["AliasArn"], entry["TargetKeyId"]) == ("alias/app/one", f"{PREFIX}:alias/app/one", first)
    assert entry["CreationDate"] == entry["LastUpdatedDate"]
    for name in ("alias/app/one", f"{PREFIX}:alias/app/one"):
        blob = kms.encrypt(KeyId=name, Plaintext=b"x")
        assert blob["KeyId"] == arn(first)
        assert kms.decrypt(KeyId=name, CiphertextBlob=blob["CiphertextBlob"])["KeyId"] == arn(first)
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"] == first
    kms.update_alias(AliasName="alias/app/one", TargetKeyId=arn(second))
    moved, = kms.list_aliases(KeyId=second)["Aliases"]
    assert moved["CreationDate"] == entry["CreationDate"] and moved["LastUpdatedDate"] >= entry["LastUpdatedDate"]
    assert kms.encrypt(KeyId="alias/app/one", Plaintext=b"x")["KeyId"] == arn(second)
    with refused("IncorrectKeyException"):
        kms.decrypt(KeyId="alias/app/one", CiphertextBlob=blob["CiphertextBlob"])
    with refused("ValidationException"):
        kms.update_alias(AliasName="alias/app/one", TargetKeyId=create(kms, "HMAC_256", MAC))
    kms.delete_alias(AliasName="alias/app/one")
    assert kms.list_aliases(KeyId=second)["Aliases"] == []
    for operation in (lambda: kms.delete_alias(AliasName="alias/app/one"), lambda: kms.encrypt(KeyId="alias/app/one", Plaintext=b"x"),
                      lambda: kms.update_alias(AliasName="alias/app/one", TargetKeyId=first)):
        with refused("NotFoundException", f"Alias {PREFIX}:alias/app/one is not found."):
            operation()


@pytest.mark.parametrize("name, code, message", [
    ("app", "ValidationException", 'Alias must start with the prefix "alias/"…'),
    ("alias/", "ValidationException", None),
    ("alias/aws/s3", "InvalidAliasNameException", None),
    ("alias/a b", "ValidationException", "1 validation error detected: Value 'alias/a b' at 'aliasName' failed to satisfy constraint: "
                                         "Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"),
    ("alias/" + "a" * 251, "ValidationException", "…Member must have length less than or equal to 256"),
])
def test_alias_names(kms, name, code, message):
    with refused(code, message):
        kms.create_alias(AliasName=name, TargetKeyId=create(kms))


def test_many_aliases(kms):
    key = create(kms)
    names = [f"alias/many/{i:02}" for i in range(50)]
    for name in names:
        kms.create_alias(AliasName=name, TargetKeyId=key)
    with refused("LimitExceededException"):
        kms.create_alias(AliasName="alias/many/more", TargetKeyId=key)
    kms.update_alias(AliasName=names[0], TargetKeyId=key)
    for limit in (1, 7, 100):
        assert [a["AliasName"] for a in pages(kms.list_aliases, "Aliases", limit, KeyId=key)] == names
    assert set(names) <= {a["AliasName"] for a in pages(kms.list_aliases, "Aliases", 20)}
    with refused("ValidationException"):
        kms.list_aliases(Limit=101)


# --- policies ---

def test_policies(service, kms):
    key = create(kms)
    text = kms.get_key_policy(KeyId=key)
    assert text["PolicyName"] == "default"
    assert json.loads(text["Policy"])["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    mine = policy(allow(service.arn("admin"), "*"), allow(service.arn("alice"), "Encrypt"))
    kms.put_key_policy(KeyId=key, Policy=mine)
    assert kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"] == mine
    alice = service.client("alice")
    blob = alice.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with refused("AccessDeniedException", f"User: {service.arn('alice')} is not authorized to perform: kms:Decrypt on resource: {arn(key)} "
                                          "because no resource-based policy allows the kms:Decrypt action"):
        alice.decrypt(CiphertextBlob=blob)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    with refused("AccessDeniedException"):
        alice.put_key_policy(KeyId=key, Policy=mine)
    locked = policy(allow(service.arn("alice"), "*"))
    with refused("MalformedPolicyDocumentException"):
        kms.put_key_policy(KeyId=key, Policy=locked)
    kms.put_key_policy(KeyId=key, Policy=locked, BypassPolicyLockoutSafetyCheck=True)
    with refused("AccessDeniedException"):
        kms.describe_key(KeyId=key)
    assert alice.describe_key(KeyId=key)["KeyMetadata"]["KeyId"] == key
    with refused("NotFoundException"):
        alice.get_key_policy(KeyId=key, PolicyName="other")


def test_facts_in_policies(service, kms):
    """Conditions on what the key is and how it is named."""
    def conditional(operator, name, value):
        return policy(allow(service.arn("admin"), "*"), allow(service.arn("alice"), "Encrypt", Condition={operator: {name: value}}))

    key, alice = create(kms), service.client("alice")
    kms.create_alias(AliasName="alias/facts", TargetKeyId=key)
    for name, value, allowed in [("kms:KeySpec", "SYMMETRIC_DEFAULT", True), ("kms:KeySpec", "RSA_2048", False),
                                 ("kms:KeyUsage", ENCRYPT, True), ("kms:KeyOrigin", "AWS_KMS", True),
                                 ("kms:CallerAccount", ACCOUNT, True), ("kms:CallerAccount", "999999999999", False)]:
        kms.put_key_policy(KeyId=key, Policy=conditional("StringEquals", name, value))
        if allowed:
            alice.encrypt(KeyId=key, Plaintext=b"x")
        else:
            with refused("AccessDeniedException"):
                alice.encrypt(KeyId=key, Plaintext=b"x")
    kms.put_key_policy(KeyId=key, Policy=conditional("StringEquals", "kms:RequestAlias", "alias/facts"))
    alice.encrypt(KeyId="alias/facts", Plaintext=b"x")
    with refused("AccessDeniedException"):
        alice.encrypt(KeyId=key, Plaintext=b"x")
    kms.put_key_policy(KeyId=key, Policy=conditional("ForAnyValue:StringLike", "kms:ResourceAliases", "alias/fact*"))
    alice.encrypt(KeyId=key, Plaintext=b"x")
    kms.delete_alias(AliasName="alias/facts")
    with refused("AccessDeniedException"):
        alice.encrypt(KeyId=key, Plaintext=b"x")


# --- rotation ---

def test_rotation(service, kms):
    key = create(kms)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=key)
    status = kms.get_key_rotation_status(KeyId=arn(key))
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"], status["KeyId"]) == (True, 365, arn(key))
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=key)
    assert status["RotationPeriodInDays"] == 90 and abs(status["NextRotationDate"].timestamp() - time.time() - 90 * 86400) < 10
    for days in (89, 2561):
        with refused("ValidationException"):
            service.client(config=UNCHECKED).enable_key_rotation(KeyId=key, RotationPeriodInDays=days)
    kms.disable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False


def test_rotation_on_demand(kms):
    key, blobs = create(kms), []
    for i in range(4):
        made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"n": str(i)})
        current = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
        assert made["KeyMaterialId"] == current
        blobs.append((made["CiphertextBlob"], made["Plaintext"], current))
        assert kms.rotate_key_on_demand(KeyId=key)["KeyId"] == arn(key)
    assert len({material for _, _, material in blobs}) == 4
    for i, (blob, plaintext, material) in enumerate(blobs):
        opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext={"n": str(i)})
        assert (opened["Plaintext"], opened["KeyMaterialId"]) == (plaintext, material)
    rotations = pages(kms.list_key_rotations, "Rotations", 3, KeyId=key)
    assert [r["RotationType"] for r in rotations] == ["ON_DEMAND"] * 4
    assert [r["KeyMaterialState"] for r in rotations] == ["NON_CURRENT"] * 3 + ["CURRENT"]
    every = pages(kms.list_key_rotations, "Rotations", 2, KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")
    assert [r["KeyMaterialId"] for r in every[:4]] == [material for _, _, material in blobs]
    assert "RotationDate" not in every[0] and len(every) == 5
    for _ in range(21):
        kms.rotate_key_on_demand(KeyId=key)
    with refused("LimitExceededException", f"The on-demand rotations limit has been reached for the given keyId. "
                                           f"No more on-demand rotations can be performed for this key: {arn(key)}"):
        kms.rotate_key_on_demand(KeyId=key)
    with refused("UnsupportedOperationException"):
        kms.rotate_key_on_demand(KeyId=create(kms, "ECC_NIST_P256", SIGN))
    # what is re-encrypted is under the newest
    again = kms.re_encrypt(CiphertextBlob=blobs[0][0], SourceEncryptionContext={"n": "0"}, DestinationKeyId=key)
    assert again["SourceKeyMaterialId"] == blobs[0][2]
    assert again["DestinationKeyMaterialId"] == kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]


# --- grants ---

def test_grants(service, kms):
    key, alice, bob = create(kms, Policy=policy(allow(service.arn("admin"), "*"))), service.client("alice"), service.client("bob")
    with refused("AccessDeniedException"):
        alice.encrypt(KeyId=key, Plaintext=b"x")
    made = kms.create_grant(KeyId=key, GranteePrincipal=service.arn("alice"), RetiringPrincipal=service.arn("bob"),
                            Operations=["Encrypt", "Decrypt", "DescribeKey"], Name="first")
    assert re.fullmatch("[0-9a-f]{64}", made["GrantId"])
    blob = alice.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[made["GrantToken"]])["CiphertextBlob"]
    assert alice.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert alice.describe_key(KeyId=key)["KeyMetadata"]["KeyId"] == key
    with refused("AccessDeniedException"):
        alice.generate_data_key(KeyId=key, KeySpec="AES_256")
    with refused("AccessDeniedException"):
        bob.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[made["GrantToken"]])
    with refused("InvalidGrantTokenException"):
        alice.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=["nonsense"])
    entry, = kms.list_grants(KeyId=key)["Grants"]
    assert entry.pop("CreationDate").timestamp() <= time.time()
    assert entry == {"KeyId": arn(key), "GrantId": made["GrantId"], "Name": "first", "GranteePrincipal": service.arn("alice"),
                     "RetiringPrincipal": service.arn("bob"), "IssuingAccount": f"arn:aws:iam::{ACCOUNT}:root",
                     "Operations": ["Decrypt", "Encrypt", "DescribeKey"]}
    # the same again is the same
    again = kms.create_grant(KeyId=key, GranteePrincipal=service.arn("alice"), RetiringPrincipal=service.arn("bob"),
                             Operations=["Encrypt", "Decrypt", "DescribeKey"], Name="first")
    assert again["GrantId"] == made["GrantId"] and len(kms.list_grants(KeyId=key)["Grants"]) == 1
    # retired by whom it names, and by nobody else
    with refused("AccessDeniedException"):
        alice.retire_grant(KeyId=arn(key), GrantId=made["GrantId"])
    listed = bob.list_retirable_grants(RetiringPrincipal=service.arn("bob"))["Grants"]
    assert made["GrantId"] in [g["GrantId"] for g in listed]
    bob.retire_grant(GrantToken=made["GrantToken"])
    with refused("AccessDeniedException"):
        alice.encrypt(KeyId=key, Plaintext=b"x")
    with refused("NotFoundException"):
        kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    # revoked
    made = kms.create_grant(KeyId=key, GranteePrincipal=service.arn("alice"), Operations=["Encrypt"])
    alice.encrypt(KeyId=key, Plaintext=b"x")
    with refused("DryRunOperationException"):
        kms.revoke_grant(KeyId=key, GrantId=made["GrantId"], DryRun=True)
    kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    with refused("AccessDeniedException"):
        alice.encrypt(KeyId=key, Plaintext=b"x")
    assert kms.list_grants(KeyId=key)["Grants"] == []


def test_grant_constraints(service, kms):
    key, alice = create(kms, Policy=policy(allow(service.arn("admin"), "*"))), service.client("alice")
    kms.create_grant(KeyId=key, GranteePrincipal=service.arn("alice"), Operations=["Encrypt", "Decrypt", "DescribeKey"],
                     Constraints={"EncryptionContextSubset": {"tenant": "acme"}})
    assert kms.list_grants(KeyId=key)["Grants"][0]["Constraints"] == {"EncryptionContextSubset": {"tenant": "acme"}}
    blob = alice.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"tenant": "acme", "n": "1"})["CiphertextBlob"]
    assert alice.decrypt(CiphertextBlob=blob, EncryptionContext={"tenant": "acme", "n": "1"})["Plaintext"] == b"x"
    for context in ({}, {"tenant": "other"}, {"Tenant": "acme"}):
        with refused("AccessDeniedException"):
            alice.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)
    alice.describe_key(KeyId=key)
    other = create(kms, Policy=policy(allow(service.arn("admin"), "*")))
    kms.create_grant(KeyId=other, GranteePrincipal=service.arn("alice"), Operations=["Encrypt"],
                     Constraints={"EncryptionContextEquals": {"tenant": "acme"}})
    alice.encrypt(KeyId=other, Plaintext=b"x", EncryptionContext={"tenant": "acme"})
    with refused("AccessDeniedException"):
        alice.encrypt(KeyId=other, Plaintext=b"x", EncryptionContext={"tenant": "acme", "n": "1"})


def test_grants_made_by_grantees(service, kms):
    key, alice, bob = create(kms, Policy=policy(allow(service.arn("admin"), "*"))), service.client("alice"), service.client("bob")
    kms.create_grant(KeyId=key, GranteePrincipal=service.arn("alice"), Operations=["Encrypt", "CreateGrant"])
    with refused("AccessDeniedException"):
        alice.create_grant(KeyId=key, GranteePrincipal=service.arn("bob"), Operations=["Decrypt"])
    alice.create_grant(KeyId=key, GranteePrincipal=service.arn("bob"), Operations=["Encrypt"])
    bob.encrypt(KeyId=key, Plaintext=b"x")
    with refused("AccessDeniedException"):
        bob.create_grant(KeyId=key, GranteePrincipal=service.arn("bob"), Operations=["Encrypt"])


def test_grants_yield_to_a_deny(service, kms):
    key = create(kms, Policy=policy(allow(service.arn("admin"), "*"),
                                    {**allow(service.arn("alice"), "Encrypt"), "Effect": "Deny"}))
    kms.create_grant(KeyId=key, GranteePrincipal=service.arn("alice"), Operations=["Encrypt"])
    with refused("AccessDeniedException", "…with an explicit deny in a resource-based policy"):
        service.client("alice").encrypt(KeyId=key, Plaintext=b"x")


@pytest.mark.parametrize("members, name", [
    ({"GranteePrincipal": "alice"}, "InvalidArnException"),
    ({"GranteePrincipal": "arn:aws:s3:::bucket"}, "InvalidArnException"),
    ({"Operations": ["Sign"]}, "ValidationException"),
    ({"Operations": ["Fly"]}, "ValidationException"),
    ({"Constraints": {"EncryptionContextSubset": {"a": "b"}, "EncryptionContextEquals": {"a": "b"}}}, "ValidationException"),
    ({"Name": "a b"}, "ValidationException"),
    ({"GranteeServicePrincipal": "s3.amazonaws.com"}, "UnsupportedOperationException"),
    ({"DryRun": True}, "DryRunOperationException"),
    ({"KeyId": NOBODY}, "NotFoundException"),
])
def test_grants_refused(service, kms, members, name):
    with refused(name):
        service.client(config=UNCHECKED).create_grant(**{"KeyId": create(kms), "GranteePrincipal": service.arn("alice"),
                                                         "Operations": ["Decrypt"], **members})


def test_pages_of_grants(service, kms):
    key = create(kms)
    ids = {kms.create_grant(KeyId=key, GranteePrincipal=service.arn("alice" if i % 2 else "bob"),
                            RetiringPrincipal=service.arn("carol"), Operations=["Decrypt"])["GrantId"] for i in range(11)}
    for limit in (1, 4, 11, 100):
        assert {g["GrantId"] for g in pages(kms.list_grants, "Grants", limit, KeyId=key)} == ids
        assert {g["GrantId"] for g in pages(kms.list_retirable_grants, "Grants", limit, RetiringPrincipal=service.arn("carol"))} == ids
    assert len(pages(kms.list_grants, "Grants", 2, KeyId=key, GranteePrincipal=service.arn("alice"))) == 5
    one = sorted(ids)[0]
    assert [g["GrantId"] for g in kms.list_grants(KeyId=key, GrantId=one)["Grants"]] == [one]
    assert kms.list_grants(KeyId=key, GrantId="0" * 64)["Grants"] == []


# --- what is not there ---

def test_what_is_not_there(service, kms):
    assert kms.describe_custom_key_stores()["CustomKeyStores"] == []
    key = create(kms)
    for operation, members in [("replicate_key", {"KeyId": key, "ReplicaRegion": REGION}),
                               ("get_parameters_for_import", {"KeyId": key, "WrappingAlgorithm": "RSAES_OAEP_SHA_256",
                                                              "WrappingKeySpec": "RSA_2048"}),
                               ("update_primary_region", {"KeyId": key, "PrimaryRegion": REGION}),
                               ("connect_custom_key_store", {"CustomKeyStoreId": "cks-1"})]:
        with refused("UnsupportedOperationException"):
            getattr(kms, operation)(**members)
