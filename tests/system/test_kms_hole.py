# SPDX-License-Identifier: Apache-2.0
"""A KMS that does not answer a SYN, and one that does late: what callers of the enclave see of it, with many keys to open at a time."""
import concurrent.futures
import socket
import subprocess
import threading
import time

from test_kms_client import FIELDS, UNAVAILABLE, World

WIDE = 32  # calls that the enclave makes at a time
CALL_S = 3  # what it gives one
DIAL_S = 2  # what the agent gives a connection
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>
#include <time.h>
int connect(int fd, const struct sockaddr *to, socklen_t len)
{
    int (*real)(int, const struct sockaddr *, socklen_t) =
        (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect");
    if (to->sa_family == AF_INET) {
        nanosleep(&(struct timespec){0, 200000000}, 0);
    }
    return real(fd, to, len);
}
"""


class Hole:
    """A port whose queue of connections is full until it is opened; then a relay to another one."""

    def __init__(self, to):
        self.to = to
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.filling = []
        while True:
            sock = socket.socket()
            sock.settimeout(0.3)
            self.filling.append(sock)
            try:
                sock.connect(("127.0.0.1", self.port))
            except TimeoutError:
                break

    def open(self):
        for sock in self.filling:
            sock.close()
        self.listener.listen(128)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                here, _ = self.listener.accept()
            except OSError:
                return
            there = socket.create_connection(("127.0.0.1", self.to))
            for a, b in ((here, there), (there, here)):
                threading.Thread(target=self.carry, args=(a, b), daemon=True).start()

    @staticmethod
    def carry(a, b):
        try:
            while octets := a.recv(65536):
                b.sendall(octets)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        for sock in (self.listener, *self.filling):
            sock.close()


class FarWorld(World):
    """kms_port: of what the agent dials; env: of the agent."""

    def __init__(self, folder, kms_port=None, env=None):
        super().__init__(folder)
        if kms_port:
            self.kms_name = f"https://localhost:{kms_port(self.front.port)},us-east-1"
        self.agent = self.daemon("coffer-agent", "--enclave", self.enclave, "--nsm", self.state / "nsm", "--run", self.run,
                                 "--listen", f"unix:{self.run}/agent.sock", "--kms", self.kms_name,
                                 "--kms-roots", self.authority.pem, "--credentials", self.state / "credentials.json", env=env)

    def timed(self, vault):
        began = time.monotonic()
        return self.code(vault), time.monotonic() - began


def test_hole(tmp_path):
    """Whoever asks is answered when dialling has been given up, and not when it has for all who asked before. What was asked for in vain
    holds up nobody once the KMS answers again."""
    holes = []

    def hole(port):
        holes.append(Hole(port))
        return holes[0].port

    try:
        with FarWorld(tmp_path, hole) as w:
            vaults = [w.create(dict(FIELDS)) for _ in range(WIDE + 10)]
            with concurrent.futures.ThreadPoolExecutor(WIDE) as pool:
                jobs = []
                for n in range(WIDE):
                    jobs.append(pool.submit(w.timed, vaults[n]))
                    time.sleep(0.05)
                rows = [j.result() for j in jobs]
            assert {code for code, _ in rows} == {UNAVAILABLE}
            took = sorted(seconds for _, seconds in rows)
            assert DIAL_S - 0.1 < took[0] and took[-1] < CALL_S, took
            holes[0].open()
            rows = [w.timed(v) for v in vaults[WIDE:]]
            assert {code for code, _ in rows} == {(200, None)}
            assert max(seconds for _, seconds in rows) < 1, rows
    finally:
        for h in holes:
            h.close()


def test_far_away(tmp_path):
    """Dialling takes 0.2 s, and for all at once not much longer: one after the other would take more than a call has."""
    source, shim = tmp_path / "shim.c", tmp_path / "shim.so"
    source.write_text(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl"], check=True)
    with FarWorld(tmp_path / "s", env={"LD_PRELOAD": str(shim)}) as w:
        vaults = [w.create(dict(FIELDS)) for _ in range(WIDE)]
        with concurrent.futures.ThreadPoolExecutor(WIDE) as pool:
            rows = list(pool.map(w.timed, vaults))
        assert {code for code, _ in rows} == {(200, None)}, rows
        assert 0.2 <= max(seconds for _, seconds in rows) < CALL_S, rows
        assert w.front.accepted > WIDE / 4
