# SPDX-License-Identifier: Apache-2.0
"""HPKE against pyhpke, an implementation with which core/crypto shares no line: each opens what the other seals, and both refuse
what was altered on the way. The layout between them is that of record encoding 2, enc behind which ct follows."""
import os
import pathlib
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKey, OpenError
from pyhpke.exceptions import PyHPKEError

KEMS = {
    "P-256": (0x10, KEMId.DHKEM_P256_HKDF_SHA256, ec.SECP256R1(), 65),
    "P-384": (0x11, KEMId.DHKEM_P384_HKDF_SHA384, ec.SECP384R1(), 97),
    "P-521": (0x12, KEMId.DHKEM_P521_HKDF_SHA512, ec.SECP521R1(), 133),
    "X25519": (0x20, KEMId.DHKEM_X25519_HKDF_SHA256, None, 32),
}
KDFS = {"SHA256": (1, KDFId.HKDF_SHA256), "SHA384": (2, KDFId.HKDF_SHA384), "SHA512": (3, KDFId.HKDF_SHA512)}
AEADS = {"AES128": (1, AEADId.AES128_GCM), "AES256": (2, AEADId.AES256_GCM), "CHACHA": (3, AEADId.CHACHA20_POLY1305)}
SUITES = [(kem, kdf, aead) for kem in KEMS for kdf in KDFS for aead in AEADS]

INFO = b"v_2hRK9u2DOzmAPMhdVNt9qlJ3UvL"
CASES = [(INFO, b"first_name", b"Bob"), (INFO, b"last_name", "Ζωή 王小明 🗝".encode()), (b"", b"", b""),
         (b"\0" * 200, b"\0\1", bytes(range(256)) * 20)]


def word(octets):
    return octets.hex() or "-"


class Tool:
    """Our side: tests/interop/hpke_tool.c."""

    def __init__(self):
        path = pathlib.Path(os.environ.get("CF_BIN", "build/release/bin")) / "hpke_tool"
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, verb, *words):
        self.process.stdin.write(" ".join([verb, *map(word, words)]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        assert answer, "the tool ended"
        if answer[0] == "error":
            return answer[1]
        return [b"" if part == "-" else bytes.fromhex(part) for part in answer]

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=10) == 0


@pytest.fixture(scope="module")
def tool():
    ours = Tool()
    yield ours
    ours.close()


class Theirs:
    """One suite of pyhpke, with a receiver's key of its own."""

    def __init__(self, kem, kdf, aead):
        number, kem_id, curve, self.enc_bytes = KEMS[kem]
        self.id = b"HPKE" + b"".join(n.to_bytes(2, "big") for n in (number, KDFS[kdf][0], AEADS[aead][0]))
        self.suite = CipherSuite.new(kem_id, KDFS[kdf][1], AEADS[aead][1])
        private = x25519.X25519PrivateKey.generate() if curve is None else ec.generate_private_key(curve)
        self.private, self.public = KEMKey.from_pyca_cryptography_key(private), KEMKey.from_pyca_cryptography_key(
            private.public_key())
        self.public_octets = self.public.to_public_bytes()

    def seal(self, public_octets, info, aad, text):
        """Encoding 2 of one field."""
        enc, context = self.suite.create_sender_context(self.suite.kem.deserialize_public_key(public_octets), info)
        return enc + context.seal(text, aad=aad)

    def open(self, value, info, aad):
        context = self.suite.create_recipient_context(value[:self.enc_bytes], self.private, info)
        return context.open(value[self.enc_bytes:], aad=aad)


@pytest.mark.parametrize("names", SUITES, ids="-".join)
def test_theirs_to_ours(tool, names):
    theirs = Theirs(*names)
    secret, public = tool.ask("key", theirs.id)
    opened = 0
    for info, aad, text in CASES:
        value = theirs.seal(public, info, aad, text)
        enc, ct = value[:theirs.enc_bytes], value[theirs.enc_bytes:]
        assert tool.ask("open", theirs.id, secret, enc, info, aad, ct) == [text]
        opened += 1
        altered = ct[:-1] + bytes([ct[-1] ^ 1])
        assert tool.ask("open", theirs.id, secret, enc, info, aad, altered) == "open_failed"
        assert tool.ask("open", theirs.id, secret, enc, info + b"x", aad, ct) == "open_failed"
        assert tool.ask("open", theirs.id, secret, enc, info, aad + b"x", ct) == "open_failed"
        assert tool.ask("open", theirs.id, secret, theirs.public_octets, info, aad, ct) == "open_failed"
    assert opened == len(CASES)


@pytest.mark.parametrize("names", SUITES, ids="-".join)
def test_ours_to_theirs(tool, names):
    theirs = Theirs(*names)
    opened = 0
    for info, aad, text in CASES:
        enc, ct = tool.ask("seal", theirs.id, theirs.public_octets, info, aad, text)
        assert len(enc) == theirs.enc_bytes and len(ct) == len(text) + 16
        assert theirs.open(enc + ct, info, aad) == text
        opened += 1
        for value, its_info, its_aad in ((enc + ct[:-1] + bytes([ct[-1] ^ 1]), info, aad), (enc + ct, info + b"x", aad),
                                         (enc + ct, info, aad + b"x")):
            with pytest.raises((OpenError, PyHPKEError)):
                theirs.open(value, its_info, its_aad)
    assert opened == len(CASES)


@pytest.mark.parametrize("names", SUITES, ids="-".join)
def test_exports_agree(tool, names):
    theirs = Theirs(*names)
    secret, public = tool.ask("key", theirs.id)
    enc, context = theirs.suite.create_sender_context(theirs.suite.kem.deserialize_public_key(public), INFO)
    for about, length in ((b"", 32), (b"context", 1), (b"context", 500)):
        assert tool.ask("export", theirs.id, secret, enc, INFO, about, length.to_bytes(2, "big")) == [
            context.export(about, length)]
