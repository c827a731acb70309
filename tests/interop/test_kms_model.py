# SPDX-License-Identifier: Apache-2.0
"""AWS's own model of the service, as boto3 brings it: every operation is known here, and every bound of every member is kept."""
import json
import urllib.error
import urllib.request

import pytest
from aws_clients import UNCHECKED, Service
from botocore import xform_name
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.session import Session

MODEL = Session().get_service_model("kms")
# Members that this service bounds more closely than the model does, as the service's documentation has it.
CLOSER = {("ScheduleKeyDeletion", "PendingWindowInDays"), ("ListAliases", "Limit"), ("ListGrants", "Limit"), ("ListRetirableGrants", "Limit"),
          ("ListResourceTags", "Limit")}
ABSENT = {"ConnectCustomKeyStore", "CreateCustomKeyStore", "Decapsulate", "DeleteCustomKeyStore", "DeleteImportedKeyMaterial",
          "DisconnectCustomKeyStore", "Encapsulate", "GetKeyLastUsage", "GetParametersForImport", "ImportKeyMaterial", "ReplicateKey",
          "UpdateCustomKeyStore", "UpdatePrimaryRegion"}
# Members whose values this service does not take at all; then their bounds do not matter.
UNUSED = {"SourceArn", "GranteeServicePrincipal", "RetiringServicePrincipal", "XksKeyId", "CustomKeyStoreId", "CustomKeyStoreName", "GrantId"}
SAMPLES = {"KeyIdType": "1234abcd-12ab-34cd-56ef-1234567890ab", "AliasNameType": "alias/x", "PolicyNameType": "default",
           "PrincipalIdType": "arn:aws:iam::000000000000:user/x", "GrantNameType": "x"}


@pytest.fixture(scope="module")
def kms(tmp_path_factory):
    s = Service(tmp_path_factory.mktemp("kms"), tmp_path_factory.mktemp("nsm"))
    yield s.client(config=UNCHECKED)
    s.close()


def sample(shape, size=None):
    """A value of the shape, of that size where it has one."""
    if shape.name in SAMPLES and size is None:
        return SAMPLES[shape.name]
    if shape.type_name == "string":
        return shape.enum[0] if shape.enum else "a" * (shape.metadata.get("min", 0) if size is None else size) or ""
    if shape.type_name == "blob":
        return b"a" * (max(1, shape.metadata.get("min", 0)) if size is None else size)
    if shape.type_name in ("integer", "boolean"):
        return size if shape.type_name == "integer" else False
    if shape.type_name == "list":
        return [sample(shape.member)] * (max(1, shape.metadata.get("min", 0)) if size is None else size)
    if shape.type_name == "map":
        return {"a": "b"}
    return {name: sample(shape.members[name]) for name in shape.required_members}


def request(operation, **more):
    shape = MODEL.operation_model(operation).input_shape
    return {**{name: sample(shape.members[name]) for name in shape.required_members}, **more}


def answer(kms, operation, members):
    try:
        getattr(kms, xform_name(operation))(**members)
        return "", ""
    except ClientError as e:
        return e.response["Error"]["Code"], e.response["Error"]["Message"]


def bounded_members():
    for operation in MODEL.operation_names:
        shape = MODEL.operation_model(operation).input_shape
        if operation not in ABSENT:
            for name, member in shape.members.items():
                if name not in UNUSED:
                    yield operation, name, member


BOUNDED = list(bounded_members())


def test_every_operation_is_known(kms):
    for operation in MODEL.operation_names:
        code, message = answer(kms, operation, request(operation))
        assert code != "UnknownOperationException", operation
        assert (code == "UnsupportedOperationException" and operation in message) == (operation in ABSENT), (operation, code, message)


@pytest.mark.parametrize("operation, name, shape", BOUNDED, ids=lambda v: v if isinstance(v, str) else "")
def test_bounds(kms, operation, name, shape):
    path = f"'{name[0].lower()}{name[1:]}'"

    def refuses(value):
        code, message = answer(kms, operation, {**request(operation), name: value})
        return code == "ValidationException" and path in message

    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name == "string" and shape.enum:
        assert refuses("NONSENSE")
        assert not any(refuses(value) for value in shape.enum)
        return
    if shape.type_name not in ("string", "blob", "integer", "list"):
        return
    closer = (operation, name) in CLOSER
    if high is not None:
        assert refuses(sample(shape, high + 1))
        assert closer or not refuses(sample(shape, high))
    if low is not None and (low > 0 or shape.type_name == "integer"):
        assert refuses(sample(shape, low - 1))
        assert closer or not refuses(sample(shape, low))
    if shape.metadata.get("pattern") and name != "Policy":
        assert refuses(("a" * (low or 1))[:-1] + "\x01")


@pytest.mark.parametrize("operation", sorted({operation for operation, *_ in BOUNDED}))
def test_required_members(kms, operation):
    shape = MODEL.operation_model(operation).input_shape
    for name in shape.required_members:
        members = request(operation)
        del members[name]
        code, message = answer(kms, operation, members)
        assert code == "ValidationException" and f"Value null at '{name[0].lower()}{name[1:]}'" in message, name


def test_types(kms):
    """Members of another type than the model's cannot be read."""
    samples = {"string": 5, "blob": "no base64!", "integer": "5", "boolean": "true", "list": {}, "map": [], "structure": "x"}
    tried = 0
    for operation, name, shape in BOUNDED:
        body = json.dumps({name: samples[shape.type_name]})
        signed = AWSRequest("POST", kms.meta.endpoint_url + "/", data=body, headers={
            "X-Amz-Target": f"TrentService.{operation}", "Content-Type": "application/x-amz-json-1.1"})
        SigV4Auth(kms._request_signer._credentials, "kms", kms.meta.region_name).add_auth(signed)
        try:
            urllib.request.urlopen(urllib.request.Request(signed.url, body.encode(), dict(signed.headers)), timeout=10)
            raise AssertionError((operation, name))
        except urllib.error.HTTPError as e:
            assert json.loads(e.read())["__type"] == "SerializationException", (operation, name)
        tried += 1
    assert tried == len(BOUNDED) > 150
