# SPDX-License-Identifier: Apache-2.0
"""boto3 against coffer-kmsd: conditions of key policies on the parameters of requests, each with a request that it lets through and one
that it stops, once in an Allow and once in a Deny; and what is said of conditions that the service does not evaluate."""
import pytest
from aws_clients import Service, allow, policy, refused
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

MESSAGE = {"Message": b"m" * 32}
RSA, EC = {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}, {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
HMAC = {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}
OPPOSITES = {"StringEquals": "StringNotEquals", "StringLike": "StringNotLike", "ArnLike": "ArnNotLike", "ForAllValues:StringEquals":
             "ForAnyValue:StringNotEquals", "NumericLessThanEquals": "NumericGreaterThan", "NumericGreaterThanEquals": "NumericLessThan",
             "NumericEquals": "NumericNotEquals", "ForAnyValue:StringEquals": "ForAllValues:StringNotEquals", "Null": None}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    s = Service(tmp_path_factory.mktemp("kms"), tmp_path_factory.mktemp("nsm"))
    yield s
    s.close()


@pytest.fixture(scope="module")
def admin(service):
    return service.client()


@pytest.fixture(scope="module")
def worker(service):
    return service.client("worker")


ADMINISTER = ("PutKeyPolicy", "DescribeKey", "CancelKeyDeletion", "Encrypt")


def key_for(service, admin, statements, kind=None):
    """A key with a policy of the admin's and these statements."""
    own = allow(service.arn("admin"), *ADMINISTER)
    return admin.create_key(Policy=policy(own, *statements), **(kind or {}))["KeyMetadata"]["KeyId"]


def guarded(service, condition, action):
    """The condition on an Allow; its opposite on a Deny beside an Allow of all, where there is one."""
    (operator, keys), = condition.items()
    who = service.arn("worker")
    yield [allow(who, action, Condition=condition)]
    if OPPOSITES[operator] is not None:
        yield [allow(who, action), {**allow("*", action, Condition={OPPOSITES[operator]: keys}), "Effect": "Deny"}]


def peer():
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


OTHER = "arn:aws:iam::111122223333:role/other"
GRANT = {"GranteePrincipal": OTHER, "Operations": ["Encrypt", "DescribeKey"]}
CONTEXT = {"Constraints": {"EncryptionContextSubset": {"tenant": "acme"}}}
EXACT = {"Constraints": {"EncryptionContextEquals": {"tenant": "acme"}}}
WINDOW, PERIOD = "kms:ScheduleKeyDeletionPendingWindowInDays", "kms:RotationPeriodInDays"

# kind of key, permission, condition, call that passes, call that does not (members)
ROWS = [
    (RSA, "Encrypt", {"StringEquals": {"kms:EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}},
     {"Plaintext": b"x", "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}, {"Plaintext": b"x", "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}),
    (None, "Encrypt", {"StringEquals": {"kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}}, {"Plaintext": b"x"}, None),
    (None, "Encrypt", {"StringLike": {"kms:EncryptionAlgorithm": "RSAES_*"}}, None, {"Plaintext": b"x"}),
    (None, "GenerateDataKey", {"StringEquals": {"kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}}, {"KeySpec": "AES_256"}, None),
    (None, "GenerateDataKeyPairWithoutPlaintext", {"StringEquals": {"kms:DataKeyPairSpec": "ECC_NIST_P256"}},
     {"KeyPairSpec": "ECC_NIST_P256"}, {"KeyPairSpec": "ECC_NIST_P384"}),
    (None, "GenerateDataKeyPair", {"StringLike": {"kms:DataKeyPairSpec": "ECC_*"}}, {"KeyPairSpec": "ECC_NIST_P384"}, {"KeyPairSpec": "RSA_2048"}),
    (EC, "Sign", {"StringEquals": {"kms:MessageType": "DIGEST"}}, {**MESSAGE, "SigningAlgorithm": "ECDSA_SHA_256", "MessageType": "DIGEST"},
     {**MESSAGE, "SigningAlgorithm": "ECDSA_SHA_256"}),
    (EC, "Sign", {"StringEquals": {"kms:MessageType": "RAW"}}, {**MESSAGE, "SigningAlgorithm": "ECDSA_SHA_256"},
     {**MESSAGE, "SigningAlgorithm": "ECDSA_SHA_256", "MessageType": "DIGEST"}),
    ({**RSA, "KeyUsage": "SIGN_VERIFY"}, "Sign", {"StringLike": {"kms:SigningAlgorithm": "RSASSA_PSS_*"}},
     {**MESSAGE, "SigningAlgorithm": "RSASSA_PSS_SHA_256"}, {**MESSAGE, "SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256"}),
    (HMAC, "GenerateMac", {"StringEquals": {"kms:MacAlgorithm": "HMAC_SHA_256"}}, {**MESSAGE, "MacAlgorithm": "HMAC_SHA_256"}, None),
    (HMAC, "GenerateMac", {"StringEquals": {"kms:MacAlgorithm": "HMAC_SHA_384"}}, None, {**MESSAGE, "MacAlgorithm": "HMAC_SHA_256"}),
    ({"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"}, "DeriveSharedSecret", {"StringEquals": {"kms:KeyAgreementAlgorithm": "ECDH"}},
     {"KeyAgreementAlgorithm": "ECDH", "PublicKey": peer()}, None),
    (None, "CreateGrant", {"ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt", "DescribeKey", "RetireGrant"]}}, GRANT,
     {**GRANT, "Operations": ["Encrypt", "Decrypt"]}),
    (None, "CreateGrant", {"ForAnyValue:StringEquals": {"kms:GrantOperations": ["Encrypt", "Decrypt"]}}, GRANT, {**GRANT, "Operations": ["DescribeKey"]}),
    (None, "CreateGrant", {"StringEquals": {"kms:GranteePrincipal": OTHER}}, GRANT, {**GRANT, "GranteePrincipal": OTHER + "s"}),
    (None, "CreateGrant", {"ArnLike": {"kms:GranteePrincipal": "arn:aws:iam::111122223333:role/*"}}, GRANT,
     {**GRANT, "GranteePrincipal": "arn:aws:iam::111122223333:user/other"}),
    (None, "CreateGrant", {"ArnLike": {"kms:GranteePrincipal": "*"}}, GRANT, None),
    (None, "CreateGrant", {"StringEquals": {"kms:RetiringPrincipal": OTHER}}, {**GRANT, "RetiringPrincipal": OTHER}, GRANT),
    (None, "CreateGrant", {"StringEquals": {"kms:GrantConstraintType": "EncryptionContextEquals"}}, {**GRANT, **EXACT}, {**GRANT, **CONTEXT}),
    (None, "CreateGrant", {"Null": {"kms:GrantConstraintType": "false"}}, {**GRANT, **CONTEXT}, GRANT),
    (None, "EnableKeyRotation", {"NumericLessThanEquals": {PERIOD: "180"}}, {"RotationPeriodInDays": 180}, {"RotationPeriodInDays": 181}),
    (None, "EnableKeyRotation", {"NumericEquals": {PERIOD: 365}}, {}, {"RotationPeriodInDays": 90}),
    (None, "ScheduleKeyDeletion", {"NumericGreaterThanEquals": {WINDOW: "10"}}, {}, {"PendingWindowInDays": 9}),
    (None, "ScheduleKeyDeletion", {"NumericGreaterThanEquals": {WINDOW: [30]}}, {"PendingWindowInDays": 30}, {"PendingWindowInDays": 29}),
]


def call(client, permission, key, members):
    snake = "".join("_" + c.lower() if c.isupper() else c for c in permission).lstrip("_")
    return getattr(client, snake)(KeyId=key, **members)


@pytest.mark.parametrize("kind, permission, condition, passing, stopped", ROWS, ids=lambda v: v if isinstance(v, str) else "")
def test_parameters(service, admin, worker, kind, permission, condition, passing, stopped):
    for statements in guarded(service, condition, permission):
        if stopped is not None:
            with refused("AccessDeniedException"):
                call(worker, permission, key_for(service, admin, statements, kind), stopped)
        if passing is not None:
            call(worker, permission, key_for(service, admin, statements, kind), passing)


def test_both_sides_of_reencrypt(service, admin, worker):
    """Each key's policy sees its own side's algorithm."""
    who = service.arn("worker")
    rsa = key_for(service, admin, [allow(who, "ReEncryptFrom", Condition={"StringEquals": {"kms:EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}})], RSA)
    own = key_for(service, admin, [allow(who, "ReEncryptTo", Condition={"StringEquals": {"kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}})])
    for algorithm in ("RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1"):
        sealed = admin.encrypt(KeyId=rsa, Plaintext=b"x", EncryptionAlgorithm=algorithm)["CiphertextBlob"]
        members = {"CiphertextBlob": sealed, "SourceKeyId": rsa, "SourceEncryptionAlgorithm": algorithm, "DestinationKeyId": own}
        if algorithm == "RSAES_OAEP_SHA_256":
            worker.re_encrypt(**members)
        else:
            with refused("AccessDeniedException"):
                worker.re_encrypt(**members)


def test_parameters_of_other_operations(service, admin, worker):
    """A parameter that the operation does not have is absent."""
    who = service.arn("worker")
    key = key_for(service, admin, [allow(who, "DescribeKey", "EnableKeyRotation", Condition={"Null": {WINDOW: "true", "kms:SigningAlgorithm": "true"}}),
                                   allow(who, "DisableKeyRotation", Condition={"NumericEquals": {PERIOD: "365"}})])
    worker.describe_key(KeyId=key)
    worker.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    with refused("AccessDeniedException"):
        worker.disable_key_rotation(KeyId=key)


VIA = "the condition key is not supported, since no other service calls this one on a caller's behalf: "


@pytest.mark.parametrize("condition, why", [
    ({"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}, VIA + '"kms:ViaService".'),
    ({"StringLike": {"KMS:viaservice": "s3.*.amazonaws.com"}}, VIA + '"KMS:viaservice".'),
    ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, 'the condition key is not supported: "aws:PrincipalOrgID".'),
    ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, 'the condition operator is not supported: "IpAddress".'),
    ({"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}, 'the condition operator is not supported: "DateGreaterThan".'),
    ({"StringEqual": {"kms:KeySpec": "x"}}, 'there is no condition operator of the name "StringEqual".'),
    ({"NumericEquals": {"kms:KeySpec": "1"}}, 'the value of the condition key is no number: "kms:KeySpec".'),
    ({"NumericEquals": {WINDOW: "week"}}, 'a condition value is no number: "week".'),
    ({"StringEquals": {"kms:GrantOperations": "Encrypt"}},
     'the condition key has several values and needs ForAnyValue or ForAllValues: "kms:GrantOperations".'),
    ({"StringEquals": {"kms:EncryptionContext:user": "${aws:username}"}}, 'policy variables are not supported: "${aws:username}".'),
])
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_what_is_not_evaluated_is_refused(service, admin, effect, condition, why):
    own = allow(service.arn("admin"), *ADMINISTER)
    text = policy(own, {**allow("*", "Decrypt", Condition=condition), "Effect": effect})
    with refused("MalformedPolicyDocumentException", "Statement 2: " + why):
        admin.create_key(Policy=text)
    key = admin.create_key(Policy=policy(own))["KeyMetadata"]["KeyId"]
    with refused("MalformedPolicyDocumentException", "Statement 2: " + why):
        admin.put_key_policy(KeyId=key, Policy=text)


def test_a_star_for_an_arn(service, admin, worker):
    """ArnLike "*" is every ARN: a Deny with it does not fall open."""
    who = service.arn("worker")
    shut = {**allow("*", "DescribeKey", Condition={"ArnLike": {"aws:PrincipalArn": "*"}}), "Effect": "Deny"}
    with refused("AccessDeniedException"):
        worker.describe_key(KeyId=key_for(service, admin, [allow(who, "DescribeKey"), shut]))
    worker.describe_key(KeyId=key_for(service, admin, [allow(who, "DescribeKey", Condition={"ArnEquals": {"aws:PrincipalArn": "*"}})]))
