# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the places where AWS's clients find credentials: instance metadata, a container's endpoint, STS. Written from AWS's
documents; none of them is the real one."""
import datetime
import http.server
import json
import ssl
import threading
import time

SECRET = "canary/secret+key-0815"  # part of every set


def moment(seconds):
    """RFC 3339, so many seconds from now."""
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def document(key_id, seconds=3600, **more):
    d = {"Code": "Success", "LastUpdated": moment(0), "Type": "AWS-HMAC", "AccessKeyId": key_id, "SecretAccessKey": SECRET + key_id,
         "Token": "canary-token-" + key_id, "Expiration": moment(seconds), **more}
    return json.dumps({k: v for k, v in d.items() if v is not None})


class Server:
    """Answers by answer(handler, body) -> (status, text), or None to hang up. Keeps (method, path, headers) of all requests, and how many
    ran at once at most."""

    def __init__(self, port=0, tls=None):
        self.requests, self.at_once, self.running, self.lock = [], 0, 0, threading.Lock()
        self.seconds = 0  # that every answer takes
        self.released = threading.Event()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                server.serve(self)

            do_GET = do_PUT = do_POST = serve

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.http.daemon_threads = True
        self.http.block_on_close = False
        self.http.handle_error = lambda *_: None
        if tls:
            self.http.socket = tls.wrap_socket(self.http.socket, server_side=True)
        self.port = self.http.server_address[1]
        self.url = f"http{'s' if tls else ''}://{'localhost' if tls else '127.0.0.1'}:{self.port}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def serve(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        with self.lock:
            self.requests.append((handler.command, handler.path, dict(handler.headers.items())))
            self.running += 1
            self.at_once = max(self.at_once, self.running)
        try:
            if self.seconds:
                self.released.wait(self.seconds)
            answer = self.answer(handler, body.decode())
        finally:
            with self.lock:
                self.running -= 1
        if answer is None:
            handler.close_connection = True
            return
        data = answer[1].encode() if isinstance(answer[1], str) else answer[1]
        handler.send_response(answer[0])
        handler.send_header("Content-Length", str(len(data)))
        handler.send_header("Content-Type", "text/plain")
        handler.end_headers()
        handler.wfile.write(data)

    def asked(self, what=""):
        return [r for r in list(self.requests) if what in f"{r[0]} {r[1]}"]

    def close(self):
        self.released.set()
        self.http.shutdown()
        self.http.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Imds(Server):
    """Version 2 alone. override: {"token"|"role"|"document": (status, text)}."""

    ROLES = "/latest/meta-data/iam/security-credentials/"

    def __init__(self, port=0, seconds=3600):
        self.tokens, self.role, self.override, self.made = set(), "canary.role", {}, 0
        self.text = lambda: document(self.key_id, seconds)
        self.key_id = "AKIMDS1"
        super().__init__(port)

    def answer(self, handler, _body):
        if handler.command == "PUT" and handler.path == "/latest/api/token":
            ttl = handler.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
            if "token" in self.override:
                return self.override["token"]
            if "X-Forwarded-For" in handler.headers or not ttl.isdigit() or not 1 <= int(ttl) <= 21600:
                return 400, ""
            self.made += 1
            self.tokens.add(f"canary-metadata-{self.made}==")
            return 200, f"canary-metadata-{self.made}=="
        if handler.command != "GET" or handler.headers.get("X-aws-ec2-metadata-token") not in self.tokens:
            return 401, ""
        if handler.path == self.ROLES:
            return self.override.get("role") or (200, self.role)
        if handler.path == self.ROLES + self.role:
            return self.override.get("document") or (200, self.text())
        return 404, ""

    @property
    def settings(self):
        return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": self.url}


class Container(Server):
    def __init__(self, authorization=None):
        self.authorization, self.key_id = authorization, "AKCONTAINER"
        super().__init__()

    def answer(self, handler, _body):
        if handler.path != "/v2/creds?a=b" or handler.headers.get("Authorization") != self.authorization:
            return 401, '{"code":"no","message":"no"}'
        return 200, document(self.key_id, Code=None, Type=None, RoleArn="arn:aws:iam::1:role/r")

    @property
    def settings(self):
        return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": self.url + "/v2/creds?a=b"}


class Sts(Server):
    """form: "json" or "xml"."""

    def __init__(self, form="json", tls=None):
        self.form, self.forms, self.key_id = form, [], "AKSTS"
        super().__init__(tls=tls)

    def answer(self, handler, body):
        self.forms.append(body)
        d = {"AccessKeyId": self.key_id, "SecretAccessKey": SECRET + "sts", "SessionToken": "canary-token-sts"}
        name = "AssumeRoleWithWebIdentity"
        if self.form == "json":
            inner = {"Credentials": {**d, "Expiration": time.time() + 3600.5}, "Audience": "a"}
            return 200, json.dumps({f"{name}Response": {f"{name}Result": inner, "ResponseMetadata": {"RequestId": "1"}}})
        texts = "".join(f"<{k}>{v}</{k}>" for k, v in {**d, "Expiration": moment(3600)}.items())
        return 200, (f'<{name}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n<{name}Result><Credentials>{texts}'
                     f"</Credentials></{name}Result></{name}Response>")


def tls_for(folder, name="localhost"):
    """(server's context, path of the root) of a fresh authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID
    now = datetime.datetime.now(datetime.timezone.utc)

    def make(subject, issuer, key, signer, extension):
        names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, n)]) for n in (subject, issuer)]
        return (x509.CertificateBuilder().subject_name(names[0]).issuer_name(names[1]).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                .not_valid_after(now + datetime.timedelta(hours=1)).add_extension(*extension).sign(signer, hashes.SHA256()))

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = make("test root", "test root", root_key, root_key, (x509.BasicConstraints(ca=True, path_length=0), True))
    leaf = make(name, "test root", key, root_key, (x509.SubjectAlternativeName([x509.DNSName(name)]), False))
    pem = serialization.Encoding.PEM
    (folder / "root.pem").write_bytes(root.public_bytes(pem))
    (folder / "leaf.pem").write_bytes(leaf.public_bytes(pem) + key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "leaf.pem")
    return context, folder / "root.pem"


