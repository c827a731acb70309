# SPDX-License-Identifier: Apache-2.0
"""coffer-kmsd while one principal asks for all that it can: the others are answered all the same."""
import concurrent.futures
import http.client
import json
import pathlib
import sys
import threading
import time

import pytest

boto3 = pytest.importorskip("boto3", reason="the AWS clients are not installed")
from botocore.auth import SigV4Auth  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from signed_kmsd import REGION, SignedKmsd  # noqa: E402

CALLERS = 100
PROMPT_S = 3  # what is answered at once takes milliseconds, also on a machine that has much to do besides
RSA_S = 60


@pytest.fixture
def server(tmp_path):
    server = SignedKmsd(tmp_path, b"\x30\x03\x02\x01\x01")
    yield server
    server.close()


def client(server, who, attempts=1):
    config = Config(retries={"mode": "standard", "total_max_attempts": attempts}, read_timeout=RSA_S, max_pool_connections=CALLERS)
    return boto3.client("kms", endpoint_url=server.url, region_name=REGION, config=config, aws_access_key_id=who["AccessKeyId"],
                        aws_secret_access_key=who["SecretAccessKey"])


class Flood:
    """The same request over many connections, again and again, until the end of the block."""

    def __init__(self, server, who, operation, members):
        self.server, self.who, self.body = server, who, json.dumps(members)
        self.headers = {"X-Amz-Target": f"TrentService.{operation}", "Content-Type": "application/x-amz-json-1.1"}
        self.over, self.answers = threading.Event(), {}
        self.threads = [threading.Thread(target=self.run) for _ in range(CALLERS)]

    def signed(self):
        request = AWSRequest("POST", self.server.url + "/", dict(self.headers), self.body)
        SigV4Auth(Credentials(self.who["AccessKeyId"], self.who["SecretAccessKey"]), "kms", REGION).add_auth(request)
        return dict(request.headers)

    def run(self):
        connection = http.client.HTTPConnection(self.server.host, timeout=RSA_S)
        while not self.over.is_set():
            connection.request("POST", "/", self.body, self.signed())
            answer = connection.getresponse()
            body = json.loads(answer.read() or "{}")
            name = body.get("__type", "ok")
            self.answers[name] = self.answers.get(name, 0) + 1
            if name != "ok":
                time.sleep(0.2)
        connection.close()

    def __enter__(self):
        for t in self.threads:
            t.start()
        time.sleep(1)
        return self

    def __exit__(self, *_):
        self.over.set()
        for t in self.threads:
            t.join(RSA_S)


def longest(call, times=20):
    spent = []
    for _ in range(times):
        start = time.monotonic()
        call()
        spent.append(time.monotonic() - start)
    return max(spent)


def test_rsa_keys_of_one_caller_hold_up_nobody(server):
    alice, bob = server.user("alice"), server.user("bob")
    key = client(server, alice).create_key()["KeyMetadata"]["KeyId"]
    kms = client(server, bob)
    with Flood(server, alice, "GenerateDataKeyPairWithoutPlaintext", {"KeyId": key, "KeyPairSpec": "RSA_4096"}) as flood:
        assert longest(lambda: kms.generate_random(NumberOfBytes=32)) < PROMPT_S
        assert longest(lambda: kms.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P384")) < PROMPT_S
        # one thread is left for him, which alice's own queue does not keep
        assert kms.generate_data_key_pair(KeyId=key, KeyPairSpec="RSA_2048")["KeyPairSpec"] == "RSA_2048"
        assert kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeySpec"] == "RSA_2048"
    assert set(flood.answers) == {"ok", "ThrottlingException"}, flood.answers
    # every one of them was noted
    lines = [json.loads(line) for file in (server.folder / "state/audit").iterdir() for line in file.read_text().splitlines()]
    noted = [line["outcome"] for line in lines if line["caller"] == alice["Arn"] and "KeyPair" in line["operation"]]
    assert {name: noted.count(name) for name in set(noted)} == flood.answers


def test_changes_of_one_caller_hold_up_nobody(server):
    """Each waits for the disk, and for all those before it."""
    alice, bob = server.user("alice"), server.user("bob")
    key = client(server, alice).create_key()["KeyMetadata"]["KeyId"]
    kms = client(server, bob)
    with Flood(server, alice, "TagResource", {"KeyId": key, "Tags": [{"TagKey": "a", "TagValue": "b"}]}) as flood:
        before = sum(flood.answers.values())
        assert longest(lambda: kms.generate_random(NumberOfBytes=32)) < PROMPT_S
        # bob's turn comes after one of hers, not after all
        assert longest(kms.create_key, 5) < PROMPT_S
        assert sum(flood.answers.values()) > before
    assert set(flood.answers) == {"ok", "ThrottlingException"}, flood.answers


def test_throttled_callers_come_again(server):
    """More than the service takes of one caller at a time, by a client that retries as all of them do."""
    kms = client(server, server.user("alice"), attempts=20)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec="RSA_2048"), range(16)))
    assert len({answer["PublicKey"] for answer in made}) == 16


def test_the_end_does_not_wait_for_all_of_them(server):
    alice = server.user("alice")
    kms = client(server, alice)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        def ask(_):
            try:
                kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec="RSA_4096")
            except Exception as e:  # noqa: BLE001: whatever boto3 makes of it
                return str(e)
            return "ok"
        asked = [pool.submit(ask, i) for i in range(8)]
        time.sleep(0.3)
        start = time.monotonic()
        assert server.end() == 0
        assert time.monotonic() - start < 9
        said = [f.result() for f in asked]
    assert any("ServiceUnavailable" in text for text in said), said
