# SPDX-License-Identifier: Apache-2.0
"""TLS of coffer-kmsd to clients that others wrote, and to the enclave: who gets through, and what the others are told."""
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys

import pytest
from programs import BIN, ROOT, environment, wait_for
from signed_kmsd import REGION, SignedKmsd
from test_rollover import World, make_vaults
from tls_front import Authority

boto3 = pytest.importorskip("boto3", reason="the AWS clients are not installed")
from botocore.config import Config  # noqa: E402
from botocore.exceptions import SSLError  # noqa: E402

OPENSSL, CURL = shutil.which("openssl"), shutil.which("curl")
ROOT_DER = b"\x30\x03\x02\x01\x01"  # nothing here is attested
ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
HEAD = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TrentService.ListKeys"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority, tmp_path_factory):
    k = SignedKmsd(tmp_path_factory.mktemp("kms"), ROOT_DER, tls=authority.certificate("kms"))
    yield k
    k.close()


def client(server, who, verify):
    return boto3.client("kms", endpoint_url=server.url, region_name=REGION, config=ONCE, verify=str(verify),
                        aws_access_key_id=who["AccessKeyId"], aws_secret_access_key=who["SecretAccessKey"])


def refusals(server):
    return [line.partition("reason=")[2] for line in server.log_lines("tls.refused")]


# --- what has to work ---

def test_boto3(server, authority, monkeypatch):
    who = server.user("boto3")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.pem))
    kms = boto3.client("kms", endpoint_url=server.url, region_name=REGION, config=ONCE, aws_access_key_id=who["AccessKeyId"],
                       aws_secret_access_key=who["SecretAccessKey"])
    key = kms.create_key(Description="over TLS")["KeyMetadata"]["Arn"]
    for size in (1, 100, 4096):
        secret = os.urandom(size)
        blob = kms.encrypt(KeyId=key, Plaintext=secret)["CiphertextBlob"]
        assert kms.decrypt(KeyId=key, CiphertextBlob=blob)["Plaintext"] == secret
    many = kms.generate_random(NumberOfBytes=1024)["Plaintext"]
    assert len(many) == 1024
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId="00000000-0000-4000-8000-000000000000")


def test_command_line(server, authority):
    pytest.importorskip("awscli", reason="the AWS clients are not installed")
    who = server.user("awscli")
    env = environment(AWS_ENDPOINT_URL_KMS=server.url, AWS_CA_BUNDLE=authority.pem, AWS_ACCESS_KEY_ID=who["AccessKeyId"],
                      AWS_SECRET_ACCESS_KEY=who["SecretAccessKey"], AWS_DEFAULT_REGION=REGION, AWS_CONFIG_FILE=os.devnull,
                      AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_MAX_ATTEMPTS="1")
    command = [sys.executable, "-m", "awscli", "kms", "generate-random", "--number-of-bytes", "16", "--query", "Plaintext", "--output", "text"]
    run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0 and len(run.stdout.strip()) == 24, run.stderr
    del env["AWS_CA_BUNDLE"]
    run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert run.returncode != 0 and "SSL validation failed" in run.stderr


def test_what_the_documentation_says(tmp_path):
    """The one line that makes a certificate: what it makes serves, and is trusted as it is."""
    text = (ROOT / "docs/kms.md").read_text()
    line = re.search(r"<!-- tls-cert -->\n\n((?:    .*\n)+)", text)[1]
    subprocess.run(["bash", "-c", line], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    (tmp_path / "kms").mkdir()
    k = SignedKmsd(tmp_path / "kms", ROOT_DER, tls=(tmp_path / "kms.pem", tmp_path / "kms.key"))
    try:
        assert client(k, k.user("one"), tmp_path / "kms.pem").list_keys()["Keys"] == []
    finally:
        k.close()


def test_enclave(tmp_path):
    """From the enclave through the agent to kmsd, with nothing of the tests between; and with roots of somebody else, nothing."""
    world = World(tmp_path)
    try:
        world.start_agent("old")
        world.lead_to("old")
        world.start_api()
        vaults = make_vaults(world, 3)

        def decrypt(vault):
            return world.request("POST", f"/v1/vaults/{vault}/decrypt", {"fields": ["email"], "reason": "test"})

        for vault, email in vaults:
            assert decrypt(vault).json["data"] == {"email": email}
        assert world.attested() == {(world.pcr0["old"], "ok"): 3}
        assert refusals(world.kms) == []
        # kmsd starts again: kept connections have ended, and the next call makes others
        world.kms.restart()
        assert decrypt(vaults[0][0]).json["data"] == {"email": vaults[0][1]}
        world.agents["old"].stop()
        world.roots = Authority(tmp_path / "other").pem
        world.start_agent("old")
        answer = decrypt(vaults[0][0])
        assert answer.status == 503 and "kms_unavailable" in str(answer.json), answer
        log = world.agents["old"].log.read_text()
        assert re.search(r"kms.unreachable .*tls=(untrusted|bad_certificate)", log)
        assert refusals(world.kms) and world.attested() == {(world.pcr0["old"], "ok"): 4}
    finally:
        world.stop()


# --- clients that do not get through ---

def test_a_root_of_somebody_else(server, authority, tmp_path):
    who = server.user("wrong-root")
    with pytest.raises(SSLError):
        client(server, who, Authority(tmp_path / "other").pem).list_keys()
    assert client(server, who, authority.pem).list_keys()
    # by number: the certificate names localhost alone
    context = ssl.create_default_context(cafile=authority.pem)
    with socket.create_connection(("127.0.0.1", server.port)) as s, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(s, server_hostname="127.0.0.1")


def test_unsigned(server, authority):
    """TLS says nothing of who calls."""
    connection = http.client.HTTPSConnection("localhost", server.port, timeout=20, context=ssl.create_default_context(cafile=authority.pem))
    for _ in range(3):
        connection.request("POST", "/", "{}", HEAD)
        answer = connection.getresponse()
        assert answer.status == 400 and b"MissingAuthenticationTokenException" in answer.read()
    connection.close()


@pytest.mark.skipif(not CURL, reason="curl is not installed")
@pytest.mark.parametrize("words, status", [
    ([], 0), (["--tls-max", "1.2"], 0), (["--http2"], 0),
    (["--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"], 35),
    (["--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES128-SHA256"], 35),
    (["--capath", "/nonexistent", "--cacert", os.devnull], 77),
])
def test_curl(server, authority, words, status):
    before = len(refusals(server))
    run = subprocess.run([CURL, "--silent", "--cacert", authority.pem, *words, "--data", "{}", server.url], capture_output=True, text=True,
                         timeout=30, env=environment())
    assert run.returncode == status or (status == 77 and run.returncode in (60, 77)), run
    assert ("UnknownOperationException" in run.stdout) == (status == 0)
    assert status != 35 or len(refusals(server)) > before


def test_plain_to_tls_and_the_other_way(server, authority, tmp_path):
    before = len(refusals(server))
    with pytest.raises((http.client.HTTPException, OSError)):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("POST", "/", "{}", HEAD)
        connection.getresponse()
    wait_for(lambda: "http_request" in refusals(server)[before:])  # the client sees the end before it is logged
    plain = SignedKmsd(tmp_path, ROOT_DER)
    try:
        with socket.create_connection(("127.0.0.1", plain.port)) as s, pytest.raises(OSError):
            ssl.create_default_context(cafile=authority.pem).wrap_socket(s, server_hostname="localhost")
    finally:
        plain.close()


def s_client(server, authority, *words, say=b""):
    run = subprocess.run([OPENSSL, "s_client", "-connect", f"localhost:{server.port}", "-CAfile", authority.pem, "-verify_return_error", *words],
                         input=say, capture_output=True, timeout=30)
    return (run.stdout + run.stderr).decode(errors="replace")


@pytest.mark.skipif(not OPENSSL, reason="openssl is not installed")
def test_s_client(server, authority):
    good = s_client(server, authority)
    assert "Verify return code: 0 (ok)" in good and "TLSv1.3" in good and "Compression: NONE" in good
    assert "New Session Ticket" not in s_client(server, authority, "-msg")
    good = s_client(server, authority, "-tls1_2")
    assert "ECDHE-ECDSA-AES256-GCM-SHA384" in good and "TLS session ticket:" not in good and "Session-ID: \n" in good
    for words in (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], ["-tls1_2", "-cipher", "AES128-GCM-SHA256"], ["-alpn", "h2"],
                  ["-tls1_3", "-curves", "P-521"], ["-tls1_2", "-sigalgs", "ECDSA+SHA1", "-cipher", "ALL:@SECLEVEL=0"]):
        assert "alert" in s_client(server, authority, *words), words
    # a renegotiation, which "R" at the begin of a line asks for, ends the connection
    asked = s_client(server, authority, "-tls1_2", say=b"R\nPOST / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert "RENEGOTIATING" in asked and "HTTP/1.1" not in asked


def test_many_and_gone(server, authority):
    """As many as there may be and more, which do nothing, keep nobody out."""
    held = []
    for _ in range(300):
        held.append(socket.create_connection(("127.0.0.1", server.port)))
    who = server.user("many")
    assert client(server, who, authority.pem).list_keys()
    for s in held:
        s.close()
    assert client(server, who, authority.pem).list_keys()


# --- starts that fail ---

def start(tmp_path, *words):
    """(exit status, log) of a start that fails; one that does not would be there until the time is over."""
    (tmp_path / "root.der").write_bytes(ROOT_DER)
    run = subprocess.run([BIN / "coffer-kmsd", "--state", "state", "--attestation-root", "root.der", *map(str, words)], cwd=tmp_path,
                         capture_output=True, text=True, timeout=20, env=environment())
    assert "listening" not in run.stderr or "tls" not in run.stderr.split("listening")[-1].splitlines()[0]
    return run.returncode, run.stderr


def test_starts_that_fail(tmp_path, authority):
    chain, key = authority.certificate("good")
    _, of_another = authority.certificate("another")
    text = tmp_path / "text"
    text.write_text("neither certificate nor key\n")
    text.chmod(0o600)
    open_key, large = tmp_path / "open.key", tmp_path / "large.pem"
    open_key.write_bytes(key.read_bytes())
    open_key.chmod(0o640)
    large.write_bytes(chain.read_bytes() + b"\n" * 32768)
    listen = ["--listen", "tls:127.0.0.1:0"]
    for cert, private, words in (
            (tmp_path / "none", key, "code=not_found"), (chain, tmp_path / "none", "code=not_found"),
            (chain, open_key, "code=not_permitted hint=own_it_and_chmod_0600"), (text, key, "reason=no_certificate"), (chain, text, "reason=bad_key"),
            (chain, of_another, "reason=key_of_another"), (large, key, "code=too_large")):
        status, log = start(tmp_path, *listen, "--tls-cert", cert, "--tls-key", private)
        assert status == 1 and "tls.failed" in log and words in log, log
        assert "PRIVATE" not in log
    status, log = start(tmp_path, *listen)
    assert status == 1 and "missing=--tls-cert" in log
    for words, missing in ((["--tls-cert", chain], "--tls-key"), (["--tls-key", key], "--tls-cert")):
        status, log = start(tmp_path, *listen, *words)
        assert status == 2 and f"missing={missing}" in log
    given = ["--tls-cert", chain, "--tls-key", key]
    for where, words in (("tls:unix:s.sock", "tls_needs_tcp"), ("tls:nonsense", "bad_argument"), ("tls:", "bad_argument")):
        status, log = start(tmp_path, "--listen", where, *given)
        assert status == 1 and words in log, log


def test_other_addresses(tmp_path, authority):
    """TLS is for all addresses of a machine, and plain TCP for its own alone."""
    (tmp_path / "kms").mkdir()
    k = SignedKmsd(tmp_path / "kms", ROOT_DER, tls=authority.certificate("everywhere"), listen="0.0.0.0:0")
    try:
        assert client(k, k.user("far"), authority.pem).list_keys()["Keys"] == []
    finally:
        k.close()
    status, log = start(tmp_path, "--listen", "0.0.0.0:0")
    assert status == 1 and "plain_and_not_loopback" in log
