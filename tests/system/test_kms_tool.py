# SPDX-License-Identifier: Apache-2.0
"""coffer kms decrypt, genkey, genrandom, as kmstool-enclave-cli is called: options, output, exit status; against coffer-kmsd over TLS, with
a software security module. And coffer kms link."""
import base64
import hashlib
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest
from programs import BIN, coffer, environment, wait_for
from signed_kmsd import SignedKmsd
from test_kms_client import signed_by_botocore
from tls_front import Authority, TlsFront, answer, refusal

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
from attest_tool import Tool  # noqa: E402

PCR0, OTHER_PCR0 = hashlib.sha384(b"an image").digest(), hashlib.sha384(b"another image").digest()
SOFT_PCR4 = hashlib.sha384(bytes(48) + b"i-00000000000000000").hexdigest()
TOKEN_LINE = re.compile(rb"PLAINTEXT: ([A-Za-z0-9+/]+=*)\n")
KEY_LINES = re.compile(rb"CIPHERTEXT: ([A-Za-z0-9+/]+=*)\nPLAINTEXT: ([A-Za-z0-9+/]+=*)\n")


class Module:
    """A software security module on a Unix socket, of an image with that PCR0."""

    def __init__(self, folder, path, pcr0):
        self.tool, self.folder, self.pcr0, self.lock = Tool(BIN), folder, pcr0, threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen(8)
        self.path = path
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        with sock, sock.makefile("rb") as stream:
            while head := stream.read(4):
                with self.lock:
                    got = self.tool.nsm(self.folder, self.pcr0, stream.read(struct.unpack(">I", head)[0]))
                sock.sendall(struct.pack(">I", len(got)) + got)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.tool.close()


class World:
    def __init__(self, folder):
        self.folder, nsm = folder, folder / "nsm"
        nsm.mkdir(mode=0o700)
        tool = Tool(BIN)
        self.kmsd = SignedKmsd(folder, tool.root(nsm))
        tool.close()
        self.module = Module(nsm, folder / "n.sock", PCR0)
        self.other = Module(nsm, folder / "o.sock", OTHER_PCR0)
        self.authority = Authority(folder / "authority")
        self.right = self.authority.certificate("right")
        host, port = self.kmsd.host.split(":")
        self.front = TlsFront(self.right, (host, int(port)))
        self.credentials = self.kmsd.user("parent")
        condition = {"StringEqualsIgnoreCase": {"kms:RecipientAttestation:ImageSha384": PCR0.hex()}}
        policy = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["kms:PutKeyPolicy", "kms:Encrypt"], "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "*",
             "Condition": condition}]}
        self.key = self.kmsd.local("TrentService.CreateKey", Policy=json.dumps(policy))["KeyMetadata"]["Arn"]

    def close(self):
        self.front.close()
        self.module.close()
        self.other.close()
        self.kmsd.close()

    @property
    def ours(self):
        """The options that AWS's tool does not have: where the software module and the test's KMS are."""
        return ["--nsm", f"unix:{self.module.path}", "--endpoint", f"https://localhost:{self.front.port}", "--roots", self.authority.pem,
                "--via", f"localhost:{self.front.port}"]

    @property
    def login(self):
        c = self.credentials
        return ["--aws-access-key-id", c["AccessKeyId"], "--aws-secret-access-key", c["SecretAccessKey"], "--aws-session-token",
                c.get("SessionToken", "")]

    def run(self, command, *words, login=None, ours=None, program=("coffer", "kms"), check=0):
        words = [command, *(self.login if login is None else login), *words, *(self.ours if ours is None else ours)]
        run = subprocess.run([BIN / program[0], *program[1:], *map(str, words)], capture_output=True, timeout=40, env=environment())
        assert run.returncode == check, (words, run.returncode, run.stdout, run.stderr)
        assert self.credentials["SecretAccessKey"].encode() not in run.stderr
        if check != 0:
            assert run.stdout == b""
        return run

    def genkey(self, *words, **more):
        run = self.run("genkey", "--key-id", self.key, "--key-spec", "AES-256", *words, **more)
        wrapped, key = KEY_LINES.fullmatch(run.stdout).groups()
        return wrapped.decode(), base64.b64decode(key)

    def decrypt(self, wrapped, *words, **more):
        run = self.run("decrypt", "--ciphertext", wrapped, *words, **more)
        return base64.b64decode(TOKEN_LINE.fullmatch(run.stdout)[1])


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    w = World(tmp_path_factory.mktemp("tool"))
    yield w
    w.close()


# --- what has to work ---

def test_key_and_back(world):
    wrapped, key = world.genkey()
    assert len(key) == 32 and world.decrypt(wrapped) == key
    assert world.decrypt(wrapped, "--key-id", world.key, "--encryption-algorithm", "SYMMETRIC_DEFAULT") == key
    assert len(base64.b64decode(KEY_LINES.fullmatch(world.run("genkey", "--key-id", world.key, "--key-spec", "AES-128").stdout)[2])) == 16
    r = world.front.requests[-1]
    assert r.headers["authorization"] == signed_by_botocore(r, world.credentials)
    assert "Recipient" in json.loads(r.body) and world.front.versions[-1] == "TLSv1.3"


def test_random(world):
    for n in (1, 32, 1024):
        got = TOKEN_LINE.fullmatch(world.run("genrandom", "--length", n).stdout)
        assert len(base64.b64decode(got[1])) == n
    one, two = (world.run("genrandom", "-l", 32).stdout for _ in range(2))
    assert one != two


def test_encryption_context(world):
    wrapped, key = world.genkey("--encryption-context", "tenant=acme,purpose=a=b")
    assert world.decrypt(wrapped, "--encryption-context", '{"purpose": "a=b", "tenant": "acme"}') == key
    for words in ([], ["--encryption-context", "tenant=acme"], ["--encryption-context", "tenant=acme,purpose=b"]):
        run = world.run("decrypt", "--ciphertext", wrapped, *words, check=255)
        assert b"kms_bad_ciphertext" in run.stderr


def test_letters(world):
    """The short options, and values behind '='."""
    c = world.credentials
    login = ["-k", c["AccessKeyId"], "-s", c["SecretAccessKey"], "-t", ""]
    run = world.run("genkey", "-K", world.key, "-pAES-256", "-r", "us-east-1", "-x", "8000", login=login)
    wrapped, key = KEY_LINES.fullmatch(run.stdout).groups()
    assert TOKEN_LINE.fullmatch(world.run("decrypt", "-c", wrapped.decode(), login=login).stdout)[1] == key
    assert world.run("decrypt", f"--ciphertext={wrapped.decode()}").stdout == b"PLAINTEXT: " + key + b"\n"


@pytest.mark.parametrize("name", ["kmstool_enclave_cli", "kmstool-enclave-cli"])
def test_under_its_name(world, tmp_path, name):
    """Where programs look for AWS's tool a link is enough."""
    (tmp_path / name).symlink_to(BIN / "coffer")
    wrapped, key = world.genkey(program=(tmp_path / name,))
    assert world.decrypt(wrapped, program=(tmp_path / name,)) == key
    assert subprocess.run([tmp_path / name, "encrypt"], capture_output=True).returncode == 1
    assert subprocess.run([tmp_path / name], capture_output=True).returncode == 1


def test_session(world):
    world.kmsd.role("tool")
    session = world.kmsd.session("tool")
    login = ["-k", session["AccessKeyId"], "-s", session["SecretAccessKey"], "-t"]
    wrapped, key = world.genkey(login=[*login, session["SessionToken"]])
    assert world.decrypt(wrapped, login=[*login, session["SessionToken"]]) == key
    run = world.run("decrypt", "-c", wrapped, login=[*login, session["SessionToken"][:-4] + "AAAA"], check=255)
    assert b"kms_credentials_unknown" in run.stderr


# --- refusals ---

def test_another_image(world):
    """Who is refused is told what its document has, in the words of a policy."""
    wrapped, _ = world.genkey()
    words = [w if w != f"unix:{world.module.path}" else f"unix:{world.other.path}" for w in map(str, world.ours)]
    run = world.run("decrypt", "--ciphertext", wrapped, ours=words, check=255)
    assert b"kms_access_denied" in run.stderr
    has = re.findall(r"^coffer:   kms:RecipientAttestation:(\w+)=([0-9a-f]{96})$", run.stderr.decode(), re.M)
    assert has == [*((key, OTHER_PCR0.hex()) for key in ("ImageSha384", "PCR0", "PCR1", "PCR2")), ("PCR4", SOFT_PCR4)]


def test_wrong_service(world):
    wrapped, key = world.genkey()
    world.front.use(world.authority.certificate("other", names=["kms.example.org"]))
    try:
        assert b"TLS: wrong_host" in world.run("decrypt", "-c", wrapped, check=255).stderr
    finally:
        world.front.use(world.right)
    without_roots = [w for w in world.ours if w not in ("--roots", world.authority.pem)]
    assert b"TLS: untrusted" in world.run("decrypt", "-c", wrapped, ours=without_roots, check=255).stderr
    world.front.script = [lambda _: refusal("ThrottlingException")]
    assert world.decrypt(wrapped) == key


def test_refusal_without_a_name(world):
    """What stands before the service may refuse in words of its own: the status is told, and no name that there is not."""
    wrapped, _ = world.genkey()
    world.front.script = [lambda _: answer(403, b"<html>no</html>")]
    error = world.run("decrypt", "-c", wrapped, check=255).stderr
    assert b"kms_error:" in error and b"(status 403)" in error and b"html" not in error
    world.front.script = [lambda _: refusal("NotFoundException")]
    assert b"(NotFoundException, status 400)" in world.run("decrypt", "-c", wrapped, check=255).stderr


def test_nobody(world):
    ours = list(map(str, world.ours))
    ours[ours.index("--nsm") + 1] = f"unix:{world.folder}/nobody.sock"
    assert b"the security module" in world.run("genrandom", "-l", 8, ours=ours, check=255).stderr
    ours = list(map(str, world.ours))
    ours[ours.index("--via") + 1] = f"unix:{world.folder}/nobody.sock"
    assert b"kms_unavailable" in world.run("genrandom", "-l", 8, ours=ours, check=255).stderr


def test_bad_blob(world):
    assert b"kms_" in world.run("decrypt", "-c", base64.b64encode(b"x" * 100).decode(), check=255).stderr
    assert b"base64" in world.run("decrypt", "-c", "not base64", check=255).stderr


# --- wrong use: status 1, and nothing on standard output ---

@pytest.mark.parametrize("words", [
    [], ["encrypt"], ["--help"], ["decrypt", "--help"], ["decrypt", "-h"], ["decrypt", "--no-such"], ["decrypt", "-Z"], ["decrypt", "--ciphertext"],
    ["genkey", "--length", "3"], ["genrandom", "--ciphertext", "AAAA"]])
def test_usage(world, words):
    run = subprocess.run([BIN / "coffer", "kms", *words], capture_output=True, env=environment()) if words[1:] else \
        subprocess.run(["kmstool_enclave_cli", *words], executable=BIN / "coffer", capture_output=True, env=environment())
    assert run.returncode == 1 and run.stdout == b"" and b"usage:" in run.stderr


@pytest.mark.parametrize("command, gone", [
    ("decrypt", "--aws-access-key-id"), ("decrypt", "--aws-secret-access-key"), ("genkey", "--aws-session-token"), ("decrypt", "--ciphertext"),
    ("genkey", "--key-id"), ("genkey", "--key-spec"), ("genrandom", "--length")])
def test_what_must_be_set(world, command, gone):
    words = {"decrypt": ["--ciphertext", "AAAA"], "genkey": ["--key-id", "k", "--key-spec", "AES-256"], "genrandom": ["--length", "1"]}[command]
    words = [*world.login, *words]
    at = words.index(gone)
    del words[at:at + 2]
    run = subprocess.run([BIN / "coffer", "kms", command, *words], capture_output=True, env=environment())
    assert (run.returncode, run.stdout, run.stderr) == (1, b"", f"{gone} must be set\n".encode())


@pytest.mark.parametrize("command, words, told", [
    ("genrandom", ["--length", "0"], "1 to 1024"), ("genrandom", ["--length", "1025"], "1 to 1024"), ("genrandom", ["--length", "x"], "1 to 1024"),
    ("genkey", ["--key-id", "k", "--key-spec", "AES_256"], "AES-256"), ("genrandom", ["--length", "1", "--region", "EU/.."], "--region"),
    ("genrandom", ["--length", "1", "--endpoint", "http://x"], "--endpoint"), ("genrandom", ["--length", "1", "--proxy-port", "x"], "--proxy-port"),
    ("genrandom", ["--length", "1", "--via", "fd:3"], "--via"), ("decrypt", ["-c", "AAAA", "--encryption-context", "a"], "--encryption-context"),
    ("decrypt", ["-c", "AAAA", "--encryption-context", "a=b,"], "--encryption-context"),
    ("decrypt", ["-c", "AAAA", "--encryption-context", '{"a":1}'], "--encryption-context"),
    ("decrypt", ["-c", "AAAA", "--encryption-context", '{"a":"1","a":"2"}'], "--encryption-context")])
def test_bad_values(world, command, words, told):
    run = world.run(command, *words, ours=["--nsm", "unix:/nowhere"], check=1)
    assert told.encode() in run.stderr


def test_secrets_leave_the_command_line(world):
    """Others can read it in /proc; AWS's tool leaves them there."""
    world.front.script = [lambda _: time.sleep(1)]
    process = subprocess.Popen([BIN / "coffer", "kms", "genrandom", *world.login, "-l", "8", *map(str, world.ours)], stdout=subprocess.PIPE,
                               env=environment())
    try:
        wait_for(lambda: not world.front.script, 10)
        line = pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert b"--aws-secret-access-key" in line and world.credentials["SecretAccessKey"].encode() not in line
    finally:
        assert process.wait(20) == 0
        process.stdout.close()


# --- what is measured ---

def test_link(tmp_path, world):
    def measured(name, roots=b""):
        return hashlib.sha384(bytes(48) + hashlib.sha384(b"coffer-kms-1\0" + name.encode() + b"\0" + roots).digest()).hexdigest()
    assert coffer("kms", "link", "aws:eu-central-1", check=0).stdout == f"PCR16 {measured('aws:eu-central-1')}\n"
    name = "https://kms.example.org:8443"
    run = coffer("kms", "link", name, "--roots", world.authority.pem, "--json", check=0)
    assert json.loads(run.stdout) == {"PCR16": measured(name, world.authority.pem.read_bytes())}
    assert "aws:REGION" in coffer("kms", "link", "aws:EU", check=2).stderr
    assert "not_found" in coffer("kms", "link", name, "--roots", tmp_path / "none", check=1).stderr
    (tmp_path / "none").write_text("no certificate")
    assert "empty" in coffer("kms", "link", name, "--roots", tmp_path / "none", check=1).stderr
