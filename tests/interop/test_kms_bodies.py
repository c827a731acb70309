# SPDX-License-Identifier: Apache-2.0
"""What the client says to the KMS, held against the service's own model as botocore has it: operations, members, types, bounds, the names
of errors."""
import base64
import json
import os
import pathlib
import re
import subprocess

import pytest
from botocore.loaders import create_loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

ROOT = pathlib.Path(os.environ.get("CF_ROOT") or pathlib.Path(__file__).resolve().parents[2])
BIN = pathlib.Path(os.environ.get("CF_BIN", "build/release/bin"))
ATTESTED = {"Decrypt", "GenerateDataKey", "GenerateDataKeyPair", "GenerateRandom", "DeriveSharedSecret"}


@pytest.fixture(scope="module")
def model():
    return ServiceModel(create_loader().load_service_model("kms", "service-2"), "kms")


def parsed(shape, value):
    """The value as botocore takes it: what is base64 in JSON is octets."""
    if shape.type_name == "blob":
        return base64.b64decode(value, validate=True)
    if shape.type_name == "structure":
        assert set(value) <= set(shape.members), "a member that the service does not have"
        return {name: parsed(shape.members[name], v) for name, v in value.items()}
    if shape.enum if hasattr(shape, "enum") else False:
        assert value in shape.enum
    return value


def test_bodies(model):
    lines = subprocess.run([BIN / "kms_body_tool"], capture_output=True, text=True, check=True).stdout.splitlines()
    seen = set()
    for line in lines:
        target, _, body = line.partition(" ")
        prefix, operation = target.split(".")
        assert prefix == model.metadata["targetPrefix"]
        shape = model.operation_model(operation).input_shape
        report = ParamValidator().validate(parsed(shape, json.loads(body)), shape)
        assert not report.has_errors(), (line, report.generate_report())
        assert "Recipient" in shape.members
        seen.add(operation)
    assert seen == ATTESTED and len(lines) == 8


def test_every_error_has_a_row(model):
    """No error that the model names, for any operation that we call, is unknown to the client."""
    table = set(re.findall(r'^    \{"(\w+)", "kms_', (ROOT / "core/kms/fault.c").read_text(), re.M))
    theirs = {e.metadata.get("error", {}).get("code", e.name) for name in ATTESTED for e in model.operation_model(name).error_shapes}
    theirs |= {e.name for name in ATTESTED for e in model.operation_model(name).error_shapes}
    names = {n for n in theirs if n.endswith("Exception")}
    custom_store = {n for n in names if n.startswith(("CustomKeyStore", "Xks", "CloudHsm"))}
    assert len(names) >= 10 and names - custom_store <= table, sorted(names - custom_store - table)
