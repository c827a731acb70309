# SPDX-License-Identifier: Apache-2.0
"""What keys' states, aliases, grants, policies and rotation mean to the AWS Encryption SDK; its messages are in
test_kms_encryption_sdk.py."""
import os
import signal

import pytest

aws_encryption_sdk = pytest.importorskip("aws_encryption_sdk", reason="the AWS clients are not installed")
import botocore.session  # noqa: E402
from aws_clients import PREFIX, Service, allow, policy, refused  # noqa: E402
from aws_encryption_sdk import CommitmentPolicy, StrictAwsKmsMasterKeyProvider  # noqa: E402
from aws_encryption_sdk.caches.local import LocalCryptoMaterialsCache  # noqa: E402
from aws_encryption_sdk.exceptions import DecryptKeyError, GenerateKeyError, MasterKeyProviderError  # noqa: E402
from aws_encryption_sdk.key_providers.kms import DiscoveryAwsKmsMasterKeyProvider, DiscoveryFilter  # noqa: E402
from aws_encryption_sdk.materials_managers.caching import CachingCryptoMaterialsManager  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

CONTEXT = {"tenant": "acme", "größe": "ü"}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    s = Service(tmp_path_factory.mktemp("kms"), tmp_path_factory.mktemp("nsm"))
    yield s
    s.close()


@pytest.fixture(scope="module")
def kms(service):
    return service.client()


@pytest.fixture
def session(service, monkeypatch):
    """botocore sessions of a user, which find the service as they would find any endpoint: in the environment."""
    def of(user="admin"):
        for name in list(os.environ):
            if name.startswith("AWS_"):
                monkeypatch.delenv(name)
        for name, value in service.environment(user).items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        return botocore.session.Session()

    return of


@pytest.fixture
def sdk():
    return aws_encryption_sdk.EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)


def create(kms, **members):
    return kms.create_key(**members)["KeyMetadata"]["Arn"]


def strict(session, *keys):
    return StrictAwsKmsMasterKeyProvider(key_ids=list(keys), botocore_session=session)


def test_several_keys(kms, session, sdk):
    """Each of the keys opens the message: the second one was made by Encrypt, not by GenerateDataKey."""
    first, second, third = create(kms), create(kms), create(kms)
    message, header = sdk.encrypt(source=b"text", key_provider=strict(session(), first, second), encryption_context=CONTEXT)
    assert len(header.encrypted_data_keys) == 2
    for key in (first, second):
        assert sdk.decrypt(source=message, key_provider=strict(session(), key))[0] == b"text"
    with pytest.raises(DecryptKeyError):
        sdk.decrypt(source=message, key_provider=strict(session(), third))
    kms.disable_key(KeyId=first)
    assert sdk.decrypt(source=message, key_provider=strict(session(), first, second))[0] == b"text"
    with pytest.raises((DecryptKeyError, ClientError)):
        sdk.decrypt(source=message, key_provider=strict(session(), first))


def test_alias(kms, session, sdk):
    key = create(kms)
    kms.create_alias(AliasName="alias/esdk", TargetKeyId=key)
    message, header = sdk.encrypt(source=b"text", key_provider=strict(session(), f"{PREFIX}:alias/esdk"))
    assert header.encrypted_data_keys.copy().pop().key_provider.key_info.decode() == key
    assert sdk.decrypt(source=message, key_provider=strict(session(), key))[0] == b"text"


def test_discovery(kms, session, sdk):
    message, _ = sdk.encrypt(source=b"text", key_provider=strict(session(), create(kms)))
    account = PREFIX.split(":")[4]
    found = DiscoveryAwsKmsMasterKeyProvider(discovery_filter=DiscoveryFilter(account_ids=[account], partition="aws"),
                                             botocore_session=session())
    assert sdk.decrypt(source=message, key_provider=found)[0] == b"text"
    other = DiscoveryAwsKmsMasterKeyProvider(discovery_filter=DiscoveryFilter(account_ids=["999999999999"], partition="aws"),
                                             botocore_session=session())
    with pytest.raises(MasterKeyProviderError):
        sdk.decrypt(source=message, key_provider=other)


def test_permissions(service, kms, session, sdk):
    """Who may only encrypt encrypts; who may only decrypt, and only in its context, decrypts."""
    key = create(kms, Policy=policy(
        allow(service.arn("admin"), "*"), allow(service.arn("writer"), "GenerateDataKey"),
        allow(service.arn("reader"), "Decrypt", Condition={"StringEquals": {"kms:EncryptionContext:tenant": "acme"}})))
    writer = strict(session("writer"), key)
    message, _ = sdk.encrypt(source=b"text", key_provider=writer, encryption_context=CONTEXT)
    other, _ = sdk.encrypt(source=b"text", key_provider=writer, encryption_context={"tenant": "other"})
    with pytest.raises(DecryptKeyError):
        sdk.decrypt(source=message, key_provider=writer)
    reader = strict(session("reader"), key)
    assert sdk.decrypt(source=message, key_provider=reader)[0] == b"text"
    with pytest.raises(DecryptKeyError):
        sdk.decrypt(source=other, key_provider=reader)
    with pytest.raises(GenerateKeyError):
        sdk.encrypt(source=b"text", key_provider=reader)


def test_cached_materials(service, kms, session, sdk):
    """One data key for several messages: the service is asked once each way."""
    provider = strict(session(), create(kms))
    materials = CachingCryptoMaterialsManager(master_key_provider=provider, cache=LocalCryptoMaterialsCache(10), max_age=60.0,
                                              max_messages_encrypted=10)
    before = len(service.kmsd.log_lines("request.done"))
    messages = [sdk.encrypt(source=b"text", materials_manager=materials, encryption_context=CONTEXT)[0] for _ in range(5)]
    assert all(sdk.decrypt(source=m, materials_manager=materials)[0] == b"text" for m in messages)
    asked = service.kmsd.log_lines("request.done")[before:]
    assert sorted(line.split(" op=")[1].split()[0] for line in asked) == ["Decrypt", "GenerateDataKey"]


def test_rotation_and_restart(service, kms, session, sdk):
    """Messages outlive the rotation of their key, and the service."""
    key = create(kms)
    messages = []
    for _ in range(3):
        messages.append(sdk.encrypt(source=b"text", key_provider=strict(session(), key), encryption_context=CONTEXT)[0])
        kms.rotate_key_on_demand(KeyId=key)
    service.kmsd.restart(signal.SIGKILL)
    for message in messages:
        assert sdk.decrypt(source=message, key_provider=strict(session(), key))[0] == b"text"


def test_grants(service, kms, session, sdk):
    key = create(kms, Policy=policy(allow(service.arn("admin"), "*")))
    provider = strict(session("grantee"), key)
    with pytest.raises(GenerateKeyError):
        sdk.encrypt(source=b"text", key_provider=provider)
    made = kms.create_grant(KeyId=key, GranteePrincipal=service.arn("grantee"), Operations=["GenerateDataKey", "Decrypt"],
                            Constraints={"EncryptionContextSubset": {"tenant": "acme"}})
    with_token = StrictAwsKmsMasterKeyProvider(key_ids=[key], botocore_session=session("grantee"), grant_tokens=[made["GrantToken"]])
    message, _ = sdk.encrypt(source=b"text", key_provider=with_token, encryption_context=CONTEXT)
    assert sdk.decrypt(source=message, key_provider=with_token)[0] == b"text"
    with refused("AccessDeniedException"):
        service.client("grantee").describe_key(KeyId=key)
