# SPDX-License-Identifier: Apache-2.0
"""The AWS Encryption SDK for Python with coffer-kmsd as the provider of its master keys."""
import pathlib
import secrets
import sys

import pytest

sdk = pytest.importorskip("aws_encryption_sdk", reason="the AWS clients are not installed")
import botocore.session  # noqa: E402
from attest_tool import Tool  # noqa: E402
from aws_encryption_sdk.exceptions import DecryptKeyError, GenerateKeyError, MasterKeyProviderError  # noqa: E402
from aws_encryption_sdk.identifiers import Algorithm, CommitmentPolicy  # noqa: E402
from aws_encryption_sdk.key_providers.kms import (DiscoveryAwsKmsMasterKeyProvider, DiscoveryFilter,  # noqa: E402
                                                  StrictAwsKmsMasterKeyProvider)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from programs import BIN  # noqa: E402
from signed_kmsd import ACCOUNT, REGION, SignedKmsd  # noqa: E402

CONTEXT = {"tenant": "acme", "purpose": "Zweck: Ω"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    tool = Tool(BIN)
    k = SignedKmsd(tmp_path_factory.mktemp("kms"), tool.root(tmp_path_factory.mktemp("nsm")))
    tool.close()
    yield k
    k.close()


@pytest.fixture
def session(server, monkeypatch):
    """The SDK makes clients of the keys' regions by itself; where they are it takes from the environment."""
    user = server.user("writer-" + secrets.token_hex(4))
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", server.url)
    s = botocore.session.Session()
    s.set_credentials(user["AccessKeyId"], user["SecretAccessKey"])
    s.set_config_variable("region", REGION)
    return s


@pytest.fixture
def client():
    return sdk.EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)


def new_key(session, **members):
    return session.create_client("kms", region_name=REGION).create_key(**members)["KeyMetadata"]["Arn"]


def strict(session, *keys):
    return StrictAwsKmsMasterKeyProvider(key_ids=list(keys), botocore_session=session)


@pytest.mark.parametrize("size", [0, 1, 4096, 100_000])
def test_both_ways(session, client, size):
    key, plaintext = new_key(session), secrets.token_bytes(size)
    sealed, _ = client.encrypt(source=plaintext, key_provider=strict(session, key), encryption_context=CONTEXT)
    opened, header = client.decrypt(source=sealed, key_provider=strict(session, key))
    assert opened == plaintext and CONTEXT.items() <= header.encryption_context.items()
    assert [k.key_provider.provider_id for k in header.encrypted_data_keys] == ["aws-kms"]


@pytest.mark.parametrize("algorithm", [a for a in Algorithm if a.is_committing()], ids=lambda a: a.name)
def test_suites(session, client, algorithm):
    """Data keys of all the lengths that the SDK asks for, and contexts with a public key in them."""
    key = new_key(session)
    sealed, _ = client.encrypt(source=b"plaintext", key_provider=strict(session, key), encryption_context=CONTEXT, algorithm=algorithm)
    opened, header = client.decrypt(source=sealed, key_provider=strict(session, key))
    assert opened == b"plaintext" and header.algorithm == algorithm


@pytest.mark.parametrize("algorithm", [a for a in Algorithm if not a.is_committing() and a.allowed], ids=lambda a: a.name)
def test_older_suites(session, algorithm):
    old = sdk.EncryptionSDKClient(commitment_policy=CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT)
    key = new_key(session)
    sealed, _ = old.encrypt(source=b"plaintext", key_provider=strict(session, key), encryption_context=CONTEXT, algorithm=algorithm)
    assert old.decrypt(source=sealed, key_provider=strict(session, key))[0] == b"plaintext"


def test_several_keys(session, client):
    """The first makes the data key, the others seal it as well; each of them opens."""
    keys = [new_key(session) for _ in range(3)]
    sealed, header = client.encrypt(source=b"plaintext", key_provider=strict(session, *keys), encryption_context=CONTEXT)
    assert sorted(k.key_provider.key_info.decode() for k in header.encrypted_data_keys) == sorted(keys)
    for key in keys:
        assert client.decrypt(source=sealed, key_provider=strict(session, key))[0] == b"plaintext"
    discovery = DiscoveryAwsKmsMasterKeyProvider(botocore_session=session, discovery_filter=DiscoveryFilter(account_ids=[ACCOUNT], partition="aws"))
    assert client.decrypt(source=sealed, key_provider=discovery)[0] == b"plaintext"


def test_streams(session, client, tmp_path):
    key, plaintext = new_key(session), secrets.token_bytes(300_000)
    (tmp_path / "plain").write_bytes(plaintext)
    with open(tmp_path / "plain", "rb") as source, open(tmp_path / "sealed", "wb") as sink:
        with client.stream(mode="e", source=source, key_provider=strict(session, key), encryption_context=CONTEXT) as stream:
            for chunk in stream:
                sink.write(chunk)
    with open(tmp_path / "sealed", "rb") as source:
        with client.stream(mode="d", source=source, key_provider=strict(session, key)) as stream:
            assert b"".join(stream) == plaintext


def test_refused(session, client, server):
    key, other = new_key(session), new_key(session)
    sealed, _ = client.encrypt(source=b"plaintext", key_provider=strict(session, key), encryption_context=CONTEXT)
    # another key is not asked
    with pytest.raises((DecryptKeyError, MasterKeyProviderError)):
        client.decrypt(source=sealed, key_provider=strict(session, other))
    # the context is bound to the data key by the service, not by the SDK alone
    changed = sealed.replace(b"acme", b"evil")
    assert changed != sealed
    with pytest.raises(DecryptKeyError):
        client.decrypt(source=changed, key_provider=strict(session, key))
    assert any("outcome=InvalidCiphertextException" in line for line in server.log_lines("request.done"))


def test_a_policy_with_a_context(session, client):
    """Which contexts a key is for is said by its policy, also to the SDK."""
    policy = ('{"Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Resource":"*","Action":["kms:PutKeyPolicy","kms:DescribeKey"]},'
              '{"Effect":"Allow","Principal":{"AWS":"*"},"Resource":"*","Action":["kms:GenerateDataKey*","kms:Decrypt"],'
              '"Condition":{"StringEquals":{"kms:EncryptionContext:tenant":"acme"}}}]}')
    key = new_key(session, Policy=policy)
    sealed, _ = client.encrypt(source=b"plaintext", key_provider=strict(session, key), encryption_context=CONTEXT)
    assert client.decrypt(source=sealed, key_provider=strict(session, key))[0] == b"plaintext"
    with pytest.raises(GenerateKeyError):
        client.encrypt(source=b"plaintext", key_provider=strict(session, key), encryption_context={"tenant": "other"})
