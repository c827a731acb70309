# SPDX-License-Identifier: Apache-2.0
"""coffer-kmsd on TCP beside its Unix socket, and principals for those who call it there."""
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess

from programs import BIN, environment

REGION, ACCOUNT = "us-east-1", "000000000000"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("kms", timeout=20)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Refused(Exception):
    def __init__(self, status, name, message):
        super().__init__(f"{status} {name}: {message}")
        self.status, self.name, self.message = status, name, message


class SignedKmsd:
    """The daemon on a folder of its own. url: where signed requests go. local: what the socket's user may ask for.
    tls: (chain file, key file) of "localhost", with which it serves TLS instead of plain TCP."""

    def __init__(self, folder, root, *words, bin=BIN, tls=None, listen="127.0.0.1:0"):
        self.folder, self.bin, self.words, self.tls = pathlib.Path(folder), bin, words, tls
        if tls:
            self.words += "--tls-cert", tls[0], "--tls-key", tls[1]
        self.log, self.root_file = self.folder / "log", self.folder / "root.der"
        self.root_file.write_bytes(root)
        self.start(listen)

    def start(self, listen="127.0.0.1:0"):
        read, write = os.pipe()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.bin / "coffer-kmsd", "--state", "state", "--listen", "unix:kms.sock", "--listen", f"tls:{listen}" if self.tls else listen,
                 "--attestation-root", self.root_file, "--region", REGION, "--account", ACCOUNT, "--ready-fd", str(write), *self.words],
                cwd=self.folder, stderr=log, env=environment(), pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as ready:
            line = ready.readline()
        assert line.startswith("ready unix:kms.sock "), self.log.read_text()
        self.host = line.split()[-1].removeprefix("tls:")
        self.port = int(self.host.rpartition(":")[2])
        self.url = f"https://localhost:{self.port}" if self.tls else f"http://{self.host}"

    def end(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        return self.process.wait(10)

    def close(self):
        assert self.process.poll() is not None or self.end() == 0

    def restart(self, sig=signal.SIGTERM):
        self.end(sig)
        self.start(self.host)

    @property
    def socket(self):
        """The socket's address for other programs, which may have no room for the folder's path."""
        return f"unix:{os.path.relpath(self.folder / 'kms.sock')}"

    def local(self, target, **members):
        directory = os.open(self.folder, os.O_PATH)
        connection = UnixConnection(f"/proc/self/fd/{directory}/kms.sock")
        try:
            connection.request("POST", "/", json.dumps(members),
                               {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
            os.close(directory)
        if answer.status != 200:
            error = json.loads(body)
            raise Refused(answer.status, error["__type"], error.get("message"))
        return json.loads(body) if body else None

    def user(self, name, **more):
        return self.local("CofferKms.CreateAccessKey", Name=name, **more)

    def role(self, name, **more):
        return self.local("CofferKms.CreateRole", Name=name, **more)

    def session(self, role, **more):
        return self.local("CofferKms.CreateSession", Name=role, **more)

    def log_lines(self, event):
        return [line for line in self.log.read_text().splitlines() if f" {event} " in line]
