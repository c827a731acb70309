# SPDX-License-Identifier: Apache-2.0
"""What anybody can send to coffer-kmsd over TCP before a signature is looked at; and what is noted of who may send more."""
import json
import random
import socket

import pytest
from signed_kmsd import ACCOUNT, Refused, SignedKmsd

UNSIGNED = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: TrentService.ListKeys\r\n"


@pytest.fixture
def server(tmp_path):
    server = SignedKmsd(tmp_path, b"\x30\x03\x02\x01\x01")
    yield server
    server.close()


def send(server, head, body=b""):
    """Status and exception of the answer to a head, whose length is added; (None, None) for none."""
    host, _, port = server.host.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as s:
        s.sendall(head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        octets = b"".join(iter(lambda: s.recv(65536), b""))
    if not octets:
        return None, None
    head, _, body = octets.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["__type"]


def authorization(rest):
    return UNSIGNED + b"X-Amz-Date: 20260101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 " + rest + b"\r\n"


SCOPE = b"Credential=AKIDX/20260101/us-east-1/kms/aws4_request, SignedHeaders=host, Signature="
ROWS = [
    # no request of the service, whatever is signed: these are answered before anything else is known of them
    (b"GET / HTTP/1.1\r\nHost: x\r\n", "UnknownOperationException"),
    (b"POST // HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.1\r\n", "UnknownOperationException"),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n", "UnknownOperationException"),
    (b"POST / HTTP/1.1\r\nHost: x\r\n", "UnknownOperationException"),
    (UNSIGNED, "MissingAuthenticationTokenException"),
    (authorization(b"nonsense"), "IncompleteSignature"),
    (authorization(b"=,=,=" * 100), "IncompleteSignature"),
    (authorization(SCOPE + b"0" * 63), "IncompleteSignature"),
    (authorization(SCOPE + b"0" * 64), "UnrecognizedClientException"),
    (authorization(SCOPE + b"0" * 64) + b"X-Amz-Security-Token: " + b"QUFB" * 100 + b"\r\n", "UnrecognizedClientException"),
    (UNSIGNED.replace(b"/ HTTP", b"/?X-Amz-Signature= HTTP"), "IncompleteSignature"),
    (UNSIGNED + b"".join(b"H%d: v\r\n" % i for i in range(70)), "IncompleteSignature"),
]


def test_nobody_knows_who(server):
    """In every order, since what one request leaves on the stack is what the next one finds there."""
    server.user("alice")
    rows, order = ROWS * 12, random.Random(5)
    order.shuffle(rows)
    for head, name in rows:
        assert send(server, head, b"{}") == (400, name), head
    assert server.process.poll() is None
    assert "Sanitizer" not in server.log.read_text()


def test_the_audit_log_says_whom_it_is_about(server):
    key = server.user("alice")
    server.role("parent", Account="999988887777")
    server.session("parent", Account="999988887777", SessionName="i")
    server.local("CofferKms.DeleteAccessKey", AccessKeyId=key["AccessKeyId"])
    server.local("CofferKms.DeleteRole", Name="parent", Account="999988887777")
    with pytest.raises(Refused):
        server.local("CofferKms.DeleteRole", Name="nobody")
    lines = [json.loads(line) for file in (server.folder / "state/audit").iterdir() for line in file.read_text().splitlines()]
    parent = "arn:aws:iam::999988887777:role/parent"
    assert [(line["operation"], line["principal"], line["outcome"]) for line in lines] == [
        ("CreateAccessKey", key["Arn"], "ok"), ("CreateRole", parent, "ok"), ("CreateSession", parent, "ok"),
        ("DeleteAccessKey", key["AccessKeyId"], "ok"), ("DeleteRole", parent, "ok"),
        ("DeleteRole", f"arn:aws:iam::{ACCOUNT}:role/nobody", "NotFoundException")]
    assert not any(key["SecretAccessKey"] in str(line) for line in lines)
