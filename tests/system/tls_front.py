# SPDX-License-Identifier: Apache-2.0
"""A KMS over TLS that is right, or wrong in one way: ends TLS with certificates of a test authority and passes requests on to
coffer-kmsd, or answers by itself."""
import datetime
import hashlib
import http.client
import pathlib
import socket
import ssl
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOUR = datetime.timedelta(hours=1)


def key_id(name):
    return hashlib.sha256(name.public_bytes()).digest()[:20]


class Authority:
    """An authority of its own; certificate() writes chain and key of a server."""

    def __init__(self, folder, name="Test Authority"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP384R1())
        self.cert = self.sign(self.name, self.key.public_key(), authority=True)
        self.pem = self.folder / "authority.pem"
        self.pem.write_bytes(self.cert.public_bytes(serialization.Encoding.PEM))

    def sign(self, subject, public, names=(), authority=False, since=-24, until=24, by=None):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject if by else self.name).public_key(public)
                   .serial_number(x509.random_serial_number()).not_valid_before(now + since * HOUR).not_valid_after(now + until * HOUR)
                   .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
                   # What Python's clients ask for from 3.13 on. Keys are told by their owner's name, so that a namesake's key is told as well.
                   .add_extension(x509.SubjectKeyIdentifier(key_id(subject)), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier(key_id(subject if by else self.name), None, None), critical=False))
        if authority:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
        return builder.sign(by or self.key, hashes.SHA256())

    def certificate(self, label, names=("localhost",), since=-24, until=24, self_signed=False):
        """(chain file, key file)"""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kms")])
        cert = self.sign(subject, key.public_key(), names, since=since, until=until, by=key if self_signed else None)
        chain, keyfile = self.folder / f"{label}.pem", self.folder / f"{label}.key"
        chain.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        keyfile.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        keyfile.chmod(0o600)
        return chain, keyfile


class Request:
    def __init__(self, head, body, connection):
        lines = head.decode().split("\r\n")
        self.line, self.body, self.connection = lines[0], body, connection
        self.headers = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}


def answer(status, body=b"", **fields):
    """An answer in full."""
    head = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in fields.items())
    return f"HTTP/1.1 {status} X\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def refusal(name, status=400, **fields):
    return answer(status, b'{"__type":"%s"}' % name.encode(), **fields)


class TlsFront:
    """forward: (host, port) of kmsd. script: functions of a request, each for one request, that give an answer or None to pass it on.
    end: what happens behind an answer: "keep", "close" (with close_notify), "cut" (without), "half" (in the middle of its record)."""

    def __init__(self, certificate, forward=None, port=0):
        self.forward, self.script, self.end, self.drip = forward, [], "keep", 0
        self.requests, self.names, self.versions, self.protocols, self.accepted = [], [], [], [], 0
        self.plain, self.lock, self.running, self.open = False, threading.Lock(), True, set()
        self.use(certificate)
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def use(self, certificate, maximum=None, minimum=None, ciphers=None):
        """From the next connection on; those that there are end."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        context.set_alpn_protocols(["http/1.1"])
        if minimum:
            context.minimum_version = minimum
        if maximum:
            context.maximum_version = maximum
        if ciphers:
            context.set_ciphers(ciphers)
        context.sni_callback = lambda _, name, __: self.names.append(name)
        self.context = context
        self.drop()

    def drop(self):
        with self.lock:
            for sock in self.open:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        self.running = False
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self.listener.close()
        self.drop()

    def accept(self):
        while self.running:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.accepted += 1
                self.open.add(sock)
            threading.Thread(target=self.serve, args=(sock, self.accepted), daemon=True).start()

    def serve(self, sock, number):
        try:
            if self.plain:
                sock.recv(1000)
                sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                return
            raw = sock
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = self.context.wrap_bio(incoming, outgoing, server_side=True)
            self.pump(raw, tls.do_handshake, incoming, outgoing)
            self.versions.append(tls.version())
            self.protocols.append(tls.selected_alpn_protocol())
            data = b""
            while True:
                head, mark, rest = data.partition(b"\r\n\r\n")
                length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
                if not mark or len(rest) < length:
                    more = self.pump(raw, lambda: tls.read(65536), incoming, outgoing)
                    if not more:
                        return
                    data += more
                    continue
                data = rest[length:]
                self.respond(raw, tls, outgoing, Request(head, rest[:length], number))
                if self.end != "keep":
                    return
        except (OSError, ssl.SSLError):
            pass
        finally:
            with self.lock:
                self.open.discard(sock)
            sock.close()

    def put(self, raw, octets):
        if not self.drip:
            raw.sendall(octets)
            return
        for at in range(len(octets)):
            raw.sendall(octets[at:at + 1])
            time.sleep(self.drip)

    def pump(self, raw, step, incoming, outgoing):
        while True:
            try:
                result = step()
                self.put(raw, outgoing.read())
                return result
            except ssl.SSLWantReadError:
                self.put(raw, outgoing.read())
                octets = raw.recv(65536)
                if not octets:
                    return b""
                incoming.write(octets)
            except ssl.SSLError:
                self.put(raw, outgoing.read())  # the alert
                raise

    def respond(self, raw, tls, outgoing, request):
        with self.lock:
            self.requests.append(request)
            step = self.script.pop(0) if self.script else None
        text = step(request) if step else None
        if text is None:
            text = self.pass_on(request)
        tls.write(text)
        if self.end == "close":
            try:
                tls.unwrap()
            except ssl.SSLWantReadError:
                pass
        octets = outgoing.read()
        self.put(raw, octets[:len(octets) // 2] if self.end == "half" else octets)

    def pass_on(self, request):
        connection = http.client.HTTPConnection(*self.forward, timeout=20)
        try:
            connection.putrequest("POST", "/", skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                connection.putheader(name, value)
            connection.endheaders(request.body)
            got = connection.getresponse()
            body = got.read()
            fields = {"Content_Type": got.getheader("Content-Type"), "Date": got.getheader("Date")}
            return answer(got.status, body, **{k: v for k, v in fields.items() if v})
        finally:
            connection.close()
