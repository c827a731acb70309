# SPDX-License-Identifier: Apache-2.0
"""A stand-in for coffer-api, for tests of the command line: it keeps what it was sent, and answers what a test tells it to.
Without orders it behaves like docs/api.md for vaults with fields of any name, and refuses values that begin with "BAD"."""
import base64
import itertools
import json
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "coffer_" + "A" * 43


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    def json(self):
        return json.loads(self.body)


def fault(status, code, fields=(), message="a sentence about it"):
    return status, {"statusCode": status, "message": message, "code": code, "fields": list(fields), "request_id": "req-1"}


DROP = object()  # an answer: close the connection without one


class FakeApi:
    """orders: answers for the next requests, each a (status, body) pair, DROP, or a callable of the request that gives one of
    them or None for the usual answer. requests: what came. gate: cleared, every request waits before it is looked at."""

    def __init__(self, port=0):
        self.orders, self.requests, self.vaults, self.tokens = [], [], {}, {}
        self.gate = threading.Event()
        self.gate.set()
        self.lock = threading.Lock()
        self.busy = self.busy_most = 0
        self.numbers = itertools.count(1)
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = fake.take(Request(self.command, self.path, dict(self.headers), body))
                if answer is DROP:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                status, value = answer
                data = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_one

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # a client that was killed

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()

    def take(self, request):
        with self.lock:
            self.requests.append(request)
            self.busy += 1
            self.busy_most = max(self.busy_most, self.busy)
        try:
            self.gate.wait(30)
            with self.lock:
                order = self.orders.pop(0) if self.orders else None
            if callable(order):
                order = order(request)
            return order if order is not None else self.usual(request)
        finally:
            with self.lock:
                self.busy -= 1

    def usual(self, r):
        path, _, query = r.path.partition("?")
        parts = path.strip("/").split("/")
        if path == "/health":
            return 200, {"status": "ok", "store": "ok", "enclave": "ok", "kms": "ok"}
        if r.headers.get("Authorization") != f"Bearer {TOKEN}":
            return fault(401, "unauthenticated")
        if parts[:2] == ["v1", "vaults"]:
            return self.vault(r, parts[2:], query)
        if parts[:2] == ["v1", "tokens"]:
            return self.token(r, parts[2:])
        if parts == ["v1", "audit"]:
            return 200, {"entries": self.entries(), "next": None}
        return fault(404, "route_unknown")

    def vault(self, r, rest, query):
        with self.lock:
            if r.method == "POST" and not rest:
                return self.create(r)
            vault = self.vaults.get(rest[0])
            if rest[1:] == ["audit"]:
                return 200, {"entries": [e for e in self.entries() if e["vault"] == rest[0]], "next": None}
            if vault is None:
                return fault(404, "vault_unknown")
            if rest[1:] == ["decrypt"]:
                asked = r.json()["fields"]
                return 200, {"data": {f: vault["fields"][f] for f in asked if f in vault["fields"]},
                             "errors": [{"field": f, "code": "not_set"} for f in asked if f not in vault["fields"]]}
            if r.method == "GET":
                names = query.partition("fields=")[2].split(",") if "fields=" in query else ["first_name", "last_name", "email"]
                return 200, {n: n in vault["fields"] for n in names}
            if "If-Match" in r.headers and r.headers["If-Match"] != f'"{vault["version"]}"':
                return fault(412, "version_mismatch")
            if r.method == "PATCH":
                vault["fields"].update(r.json())
            elif r.json().get("delete_all"):
                del self.vaults[rest[0]]
            else:
                for name in r.json()["fields"]:
                    vault["fields"].pop(name, None)
            vault["version"] += 1
            return 200, {"version": vault["version"]}

    def create(self, r):
        try:
            fields = json.loads(r.body)
        except ValueError:
            return fault(400, "malformed")
        bad = [n for n, v in fields.items() if not isinstance(v, str) or v.startswith("BAD")]
        if bad:
            return fault(422, "bad_value", [{"name": n, "code": "bad_value", "reason": "the value does not meet the schema"}
                                            for n in bad])
        vault = f"v_{next(self.numbers):027d}"
        self.vaults[vault] = {"fields": fields, "version": 1}
        return 200, {"id": vault, "version": 1}

    def token(self, r, rest):
        with self.lock:
            if r.method == "POST":
                token = f"t_{next(self.numbers):022d}"
                self.tokens[token] = {"id": token, "state": "active", "revoked_ms": None, "expires_ms": None, "created_ms": 1, **r.json()}
                return 200, {**self.tokens[token], "token": "coffer_" + base64.b64encode(os.urandom(32)).decode().rstrip("=")}
            if r.method == "GET":
                return 200, {"tokens": list(self.tokens.values())}
            if rest[0] not in self.tokens:
                return fault(404, "not_found")
            self.tokens[rest[0]]["state"] = "revoked"
            return 200, {}

    def entries(self):
        actions = {"POST": "vault.create", "PATCH": "vault.update"}
        return [{"seq": i, "time": 1767225599123 + i, "action": actions.get(r.method, "vault.delete"), "outcome": "ok",
                 "actor": "t_1", "tenant": "default", "vault": f"v_{i:027d}", "version": 1, "fields": ["first_name", "email"],
                 "reason": "ticket \x1b[31m4711", "request": f"r{i}", "boot_id": "", "pcr0": "", "seal": "", "hash": "00"}
                for i, r in reversed(list(enumerate(self.requests, 1)))]
