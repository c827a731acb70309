# SPDX-License-Identifier: Apache-2.0
"""AWS's own clients, pointed at a coffer-kmsd on loopback: boto3, and the command line."""
import base64
import contextlib
import json
import os
import pathlib
import subprocess
import sys

import pytest

boto3 = pytest.importorskip("boto3", reason="the AWS clients are not installed")
from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from attest_tool import Tool  # noqa: E402
from programs import BIN  # noqa: E402
from signed_kmsd import ACCOUNT, REGION, SignedKmsd  # noqa: E402

PREFIX = f"arn:aws:kms:{REGION}:{ACCOUNT}"
ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60)
UNCHECKED = Config(retries={"total_max_attempts": 1}, parameter_validation=False)


def check_shape(value, shape, path):
    """What the service answered against AWS's model of it: botocore itself passes over what it does not know."""
    kind = shape.type_name
    if kind == "structure":
        assert isinstance(value, dict) and not set(value) - set(shape.members), (path, set(value) - set(shape.members))
        assert set(shape.required_members) <= set(value), path
        for name, inner in value.items():
            check_shape(inner, shape.members[name], f"{path}.{name}")
    elif kind == "list":
        assert isinstance(value, list), path
        for inner in value:
            check_shape(inner, shape.member, f"{path}[]")
    elif kind == "map":
        assert isinstance(value, dict) and all(isinstance(v, str) for v in value.values()), path
    elif kind == "string":
        assert isinstance(value, str) and (not shape.enum or value in shape.enum), (path, value)
        bounds = shape.metadata
        assert bounds.get("min", 0) <= len(value) <= bounds.get("max", len(value)) or not value, (path, value)
    elif kind == "blob":
        assert len(base64.b64decode(value, validate=True)) >= shape.metadata.get("min", 0), path
    else:
        types = {"boolean": bool, "integer": int, "timestamp": (int, float)}[kind]
        assert isinstance(value, types) and isinstance(value, bool) == (kind == "boolean"), (path, value)


def check_answer(http_response, model, **_):
    body = http_response.content
    if http_response.status_code != 200:
        return
    if model.output_shape is None:
        assert body == b"", (model.name, body)
    else:
        check_shape(json.loads(body), model.output_shape, model.name)


class Service:
    """The daemon with its users; clients are made once each, and look at every answer."""

    def __init__(self, folder, nsm):
        self.tool, self.nsm = Tool(BIN), nsm
        self.kmsd = SignedKmsd(folder, self.tool.root(nsm))
        self.keys, self.clients = {}, {}

    def close(self):
        self.kmsd.close()
        self.tool.close()

    def user(self, name):
        if name not in self.keys:
            self.keys[name] = self.kmsd.user(name)
        return self.keys[name]

    def arn(self, name):
        return self.user(name)["Arn"]

    def client(self, name="admin", config=ONCE):
        if (name, config) not in self.clients:
            key = self.user(name)
            self.clients[name, config] = boto3.Session().client(
                "kms", endpoint_url=self.kmsd.url, region_name=REGION, config=config, aws_access_key_id=key["AccessKeyId"],
                aws_secret_access_key=key["SecretAccessKey"])
            self.clients[name, config].meta.events.register("after-call.kms", check_answer)
        return self.clients[name, config]

    def environment(self, name="admin"):
        key = self.user(name)
        return {**{k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
                "AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"], "AWS_DEFAULT_REGION": REGION,
                "AWS_ENDPOINT_URL_KMS": self.kmsd.url, "AWS_PAGER": "", "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_MAX_ATTEMPTS": "1"}

    def aws(self, *words, user="admin", check=0, stdin=None):
        """`aws kms …`: its output as JSON (None when it is empty), or with another check than 0 its error output."""
        run = subprocess.run([sys.executable, "-m", "awscli", "kms", *map(str, words)], env=self.environment(user), capture_output=True,
                             text=True, timeout=120, input=stdin)
        assert run.returncode == check, (words, run.stdout, run.stderr)
        if check:
            return run.stderr.strip()
        return json.loads(run.stdout) if run.stdout.strip() else None


@contextlib.contextmanager
def refused(name, message=None):
    """The block ends with this exception of the service. message: all of its text; "…" in it is any text."""
    with pytest.raises(ClientError) as caught:
        yield caught
    error = caught.value.response["Error"]
    assert error["Code"] == name, error
    status = caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert status == (500 if name == "KMSInternalException" else 400)
    if message is not None:
        parts, at = message.split("…"), 0
        for part in parts:
            found = error["Message"].find(part, at)
            assert found >= 0, error["Message"]
            at = found + len(part)
        assert "…" in message or error["Message"] == message, error["Message"]


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(principal, *actions, **more):
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": [f"kms:{a}" for a in actions], "Resource": "*", **more}
