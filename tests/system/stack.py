# SPDX-License-Identifier: Apache-2.0
"""The product started by hand, one daemon after the other, in a folder of its own: for tests that kill, hold, replace or tamper with
a part of it. `coffer up` is tested elsewhere.

    with Stack(folder) as s:
        vault = s.create({"email": s.plant("ada@example.org")})
        s.agent.kill()

What was planted must not be found in any log, error or file when the stack ends, other than where a test took it out (s.planted)."""
import base64
import hashlib
import http.client
import json
import os
import pathlib
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading

from programs import BIN, descendants, environment, gone, wait_for

READY_SECONDS = 30


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json.get("code") if self.body else None

    def __repr__(self):
        return f"Answer({self.status}, {self.body[:300]!r})"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=20):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def call(connection, method, path, body=None, headers=None):
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())


class Daemon:
    """One program; its log goes to a file that keeps growing over restarts."""

    def __init__(self, name, folder, argv, env=None, bin=BIN):
        self.name, self.argv, self.env = name, [str(a) for a in argv], env or {}
        self.log = pathlib.Path(folder) / f"{name}.log"
        self.program = bin / name
        self.process, self.address = None, ""

    def start(self, ready=True):
        """Returns the address it tells; with ready False only starts it."""
        read, write = os.pipe()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.program, *self.argv, "--ready-fd", str(write)], pass_fds=[write],
                                            stdout=log, stderr=log, env=environment(**self.env))
        os.close(write)
        with os.fdopen(read) as pipe:
            if ready:
                line = pipe.readline()
                assert line.startswith("ready "), f"{self.name} did not start:\n{self.log.read_text(errors='replace')[-3000:]}"
                self.address = line.split()[1]
        return self.address

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        self.process.kill()
        return self.process.wait(10)

    def stop(self, seconds=15):
        """SIGTERM; the exit status once it and all below it are gone."""
        if self.process is None:
            return None
        below = [] if self.process.poll() is not None else list(descendants(self.pid))
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        status = self.process.wait(seconds)
        gone(below)
        return status


class Stack:
    """api: the program that serves the API. api_args: further options of it. Folders: state/api, state/kms, state/nsm, run.
    tls: (chain file, key file, file of whom to trust), with which the API serves TLS at "localhost"."""

    def __init__(self, folder, api="coffer-api", api_args=(), api_env=None, api_state=None, bin=BIN, tls=None):
        self.folder = pathlib.Path(folder)
        self.run, self.state = self.folder / "run", self.folder / "state"
        for path in (self.run, self.state, self.state / "kms"):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.bin, self.api_state = bin, pathlib.Path(api_state or self.state / "api")
        self.store_db, self.token_file = self.api_state / "store.db", self.state / "admin.token"
        self.planted, self.errors, self.key_id, self.local = [], [], None, threading.local()
        self.enclave = bin / "coffer-enclave"
        (self.state / "credentials.json").write_text(json.dumps({"AccessKeyId": "LOCALTEST", "SecretAccessKey": "not-a-secret"}))
        (self.state / "credentials.json").chmod(0o600)
        self.agent = self.daemon("coffer-agent", "--enclave", self.enclave, "--nsm", self.state / "nsm", "--run", self.run,
                                 "--listen", f"unix:{self.run}/agent.sock", "--kms", f"unix:{self.run}/kms.sock",
                                 "--credentials", self.state / "credentials.json")
        self.kmsd = self.daemon("coffer-kmsd", "--state", self.state / "kms", "--listen", f"unix:{self.run}/kms.sock",
                                "--attestation-root", self.state / "nsm/nsm-root.der")
        self.api = None
        self.api_program, self.api_args, self.api_env = api, list(api_args), api_env or {}
        self.api_kms = ["--kms", f"unix:{self.run}/kms.sock"]
        self.tls, self.scheme = tls, "tls:" if tls else ""
        if tls:
            self.api_args += ["--tls-cert", tls[0], "--tls-key", tls[1]]
            self.context = ssl.create_default_context(cafile=tls[2])

    def daemon(self, name, *argv, env=None):
        return Daemon(name, self.folder, argv, env, self.bin)

    # --- start and end ---

    def start(self):
        # The agent first: it makes the attestation root that kmsd reads at its start.
        self.agent.start()
        self.kmsd.start()
        self.key_id = self.create_key()
        self.start_api()
        return self

    def start_api(self, port=0, **how):
        """A new process on the same state; on the same port, where there was one before and none is told."""
        port = port or (int(self.api.address.rpartition(":")[2]) if self.api and self.api.address else 0)
        self.api = self.daemon(self.api_program, "--state", self.api_state, "--listen", f"{self.scheme}127.0.0.1:{port}",
                               "--agent", f"unix:{self.run}/agent.sock", *self.api_kms,
                               "--kms-key", self.key_id, "--admin-token-file", self.token_file, *self.api_args, env=self.api_env)
        address = self.api.start(**how)
        self.local = threading.local()
        return address

    def restart_api(self):
        assert self.api.stop() == 0
        return self.start_api()

    def stop(self):
        """{name: exit status} of those that still ran."""
        running = [d for d in (self.api, self.agent, self.kmsd) if d and d.process and d.process.poll() is None]
        return {d.name: d.stop() for d in running}

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, kind, *_):
        ended = self.stop()
        if kind is None:
            assert set(ended.values()) <= {0}, ended
            self.check_planted()

    # --- what must not leak ---

    def plant(self, text):
        """Marks a value as one that may stand in answers to decrypts and nowhere else."""
        self.planted.append(text)
        return text

    def check_planted(self):
        for text in self.planted:
            needles = [text.encode(), base64.b64encode(text.encode()).rstrip(b"=")[:-1]]
            for path in self.folder.rglob("*"):
                if path.is_file():
                    data = path.read_bytes()
                    assert not any(n in data for n in needles), f"a planted value stands in {path}"
            for answer in self.errors:
                assert not any(n in answer.body for n in needles), f"a planted value stands in an error: {answer.status} {answer.code}"

    def log_text(self):
        return "".join(p.read_text(errors="replace") for p in sorted(self.folder.glob("*.log")))

    # --- KMS ---

    def kms(self, operation, **body):
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"TrentService.{operation}"}
        answer = call(UnixConnection(self.run / "kms.sock"), "POST", "/", json.dumps(body), headers)
        assert answer.status == 200, (operation, answer)
        return answer.json if answer.body else {}

    @property
    def pcr0(self):
        image = hashlib.sha384(self.enclave.read_bytes()).digest()
        return hashlib.sha384(bytes(48) + image).hexdigest()

    def create_key(self):
        service = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:PutKeyPolicy", "kms:GenerateDataKeyPairWithoutPlaintext"]
        policy = {"Version": "2012-10-17", "Statement": [
            {"Sid": "Service", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": service, "Resource": "*"},
            {"Sid": "Decrypt", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*",
             "Condition": {"StringEqualsIgnoreCase": {"kms:RecipientAttestation:ImageSha384": self.pcr0}}}]}
        return self.kms("CreateKey", Description="vault keys", Policy=json.dumps(policy))["KeyMetadata"]["Arn"]

    # --- API ---

    @property
    def url(self):
        return f"https://localhost:{self.port}" if self.tls else f"http://{self.api.address}"

    @property
    def port(self):
        return int(self.api.address.rpartition(":")[2])

    @property
    def token(self):
        return self.token_file.read_text().strip()

    @property
    def pids(self):
        return {d.name: d.pid for d in (self.api, self.agent, self.kmsd) if d and d.process and d.process.poll() is None}

    def enclaves(self):
        """What the agent says of its enclaves."""
        answer = call(UnixConnection(self.run / "agent.sock"), "GET", "/enclaves")
        assert answer.status == 200, answer
        return answer.json

    def enclave_pid(self):
        """The enclave that the agent runs now."""
        return self.enclaves()[-1]["pid"]

    def connection(self, timeout=20):
        if self.tls:
            return http.client.HTTPSConnection("localhost", self.port, timeout=timeout, context=self.context)
        host, _, port = self.api.address.rpartition(":")
        return http.client.HTTPConnection(host, int(port), timeout=timeout)

    def request(self, method, path, body=None, token=None, headers=None, raw=None):
        """token: None the admin's, "" none. raw: a body as it is. A kept connection per thread."""
        head = dict(headers or {})
        token = self.token if token is None else token
        if token:
            head.setdefault("Authorization", f"Bearer {token}")
        if raw is None and body is not None:
            raw = json.dumps(body)
        if raw is not None:
            head.setdefault("Content-Type", "application/json")
            raw = raw.encode() if isinstance(raw, str) else raw
        kept = getattr(self.local, "kept", None)
        for fresh in (False, True):
            if kept is None or fresh:
                kept = self.local.kept = self.connection()
            try:
                answer = call(kept, method, path, raw, head)
                break
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, http.client.CannotSendRequest):
                kept.close()
                if fresh:
                    raise
        if answer.status >= 400:
            self.errors.append(answer)
        return answer

    def create(self, fields, **more):
        answer = self.request("POST", "/v1/vaults", fields, **more)
        assert answer.status == 200, answer
        return answer.json["id"]

    def patch(self, vault, fields, **more):
        return self.request("PATCH", f"/v1/vaults/{vault}", fields, **more)

    def delete(self, vault, body, **more):
        return self.request("DELETE", f"/v1/vaults/{vault}", body, **more)

    def present(self, vault, query="", **more):
        return self.request("GET", f"/v1/vaults/{vault}{query}", **more)

    def decrypt(self, vault, *fields, reason="test", **more):
        return self.request("POST", f"/v1/vaults/{vault}/decrypt", {"fields": list(fields), "reason": reason}, **more)

    def values(self, vault, *fields):
        answer = self.decrypt(vault, *fields)
        assert answer.status == 200 and answer.json["errors"] == [], answer
        return answer.json["data"]

    def make_token(self, *scopes, **more):
        answer = self.request("POST", "/v1/tokens", {"name": "test", "scopes": list(scopes), **more})
        assert answer.status == 200, answer
        return answer.json

    def audit(self, vault=None, **query):
        path = f"/v1/vaults/{vault}/audit" if vault else "/v1/audit"
        answer = self.request("GET", path + "?" + "&".join(f"{k}={v}" for k, v in {"limit": 1000, **query}.items()))
        assert answer.status == 200, answer
        return answer.json["entries"]

    def health(self):
        return self.request("GET", "/health", token="")

    def wait_healthy(self, seconds=20):
        wait_for(lambda: self.health().status == 200, seconds, 0.2)

    # --- the store, behind the service's back ---

    def sql(self, statement, *values):
        """Runs one statement on the live store in a process of its own view, as somebody who can write the file would."""
        with sqlite3.connect(self.store_db, timeout=10) as db:
            rows = db.execute(statement, values).fetchall()
        db.close()
        return rows

    def row(self, vault):
        """(row octets, seal, version column)"""
        return self.sql("SELECT row, seal, version FROM vaults WHERE id = ?", vault)[0]

    def put_row(self, vault, row, seal=None, version=None):
        old = self.row(vault)
        self.sql("UPDATE vaults SET row = ?, seal = ?, version = ? WHERE id = ?", row, seal or old[1],
                 old[2] if version is None else version, vault)

    def verify(self, *options):
        """Runs coffer audit verify beside the service."""
        link = self.folder / "verify"
        link.mkdir(exist_ok=True)
        if not (link / "api").exists():
            (link / "api").symlink_to(self.api_state, target_is_directory=True)
        return subprocess.run([self.bin / "coffer", "audit", "verify", "--state", str(link), *options], capture_output=True, text=True,
                              timeout=60, env=environment())
