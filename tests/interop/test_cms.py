# SPDX-License-Identifier: Apache-2.0
"""CMS, both ways, with the openssl command: it opens what we make in either form, and we open what it makes, DER or streamed."""
import datetime
import os
import subprocess

import pytest
from attest_tool import Refused, Tool
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

SIZES = [1, 15, 16, 17, 32, 185, 4096]


@pytest.fixture(scope="module")
def tool():
    t = Tool()
    yield t
    t.close()


class Recipient:
    def __init__(self, folder):
        self.folder = folder
        self.key = rsa.generate_private_key(65537, 2048)
        self.pkcs8 = self.key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self.spki = self.key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "recipient")])
        now = datetime.datetime.now(datetime.timezone.utc)
        cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
                .not_valid_after(now + datetime.timedelta(days=1))
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False).sign(self.key, hashes.SHA256()))
        (folder / "key.der").write_bytes(self.pkcs8)
        (folder / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))

    def openssl(self, *words, data):
        (self.folder / "in").write_bytes(data)
        run = subprocess.run(["openssl", "cms", *words, "-in", self.folder / "in", "-out", self.folder / "out", "-binary"],
                             capture_output=True, cwd=self.folder)
        return (self.folder / "out").read_bytes() if run.returncode == 0 else None

    def decrypt(self, cms):
        return self.openssl("-decrypt", "-inform", "DER", "-inkey", "key.der", "-keyform", "DER", data=cms)

    def encrypt(self, plaintext, *words, cipher="-aes-256-cbc", md="sha256"):
        return self.openssl("-encrypt", "-outform", "DER", cipher, *words, "-recip", "cert.pem", "-keyopt", "rsa_padding_mode:oaep",
                            "-keyopt", f"rsa_oaep_md:{md}", data=plaintext)


@pytest.fixture(scope="module")
def recipient(tmp_path_factory):
    return Recipient(tmp_path_factory.mktemp("cms"))


@pytest.mark.parametrize("form", [0, 1])
@pytest.mark.parametrize("size", SIZES)
def test_openssl_opens_ours(tool, recipient, form, size):
    plaintext = os.urandom(size)
    assert recipient.decrypt(tool.make(recipient.spki, form, plaintext)) == plaintext


@pytest.mark.parametrize("words", [[], ["-keyid"], ["-stream"], ["-keyid", "-indef"], ["-noindef"]])
@pytest.mark.parametrize("size", SIZES)
def test_ours_opens_openssl(tool, recipient, words, size):
    plaintext = os.urandom(size)
    cms = recipient.encrypt(plaintext, *words)
    assert cms is not None
    assert tool.open(recipient.pkcs8, cms) == plaintext


def test_streamed_form_has_indefinite_lengths(recipient):
    assert recipient.encrypt(b"x" * 4096, "-stream")[:2] == b"\x30\x80"


@pytest.mark.parametrize("more", [{"cipher": "-aes-128-cbc"}, {"cipher": "-aes-256-gcm"}, {"md": "sha1"}, {"md": "sha384"}])
def test_other_algorithms_are_refused(tool, recipient, more):
    cms = recipient.encrypt(b"plaintext", **more)
    if cms is None:
        assert more.get("cipher") == "-aes-256-gcm"  # older openssl does not make it
        return
    with pytest.raises(Refused) as e:
        tool.open(recipient.pkcs8, cms)
    assert e.value.code == "open_failed"


def test_pkcs1_padding_is_refused(tool, recipient):
    cms = recipient.openssl("-encrypt", "-outform", "DER", "-aes-256-cbc", "-recip", "cert.pem", data=b"plaintext")
    assert recipient.decrypt(cms) == b"plaintext"
    with pytest.raises(Refused):
        tool.open(recipient.pkcs8, cms)


def test_altered_is_refused_by_both(tool, recipient):
    cms = bytearray(tool.make(recipient.spki, 0, b"plaintext"))
    at = cms.index(bytes.fromhex("04820100")) + 20  # inside the encrypted key
    cms[at] ^= 1
    # openssl goes on with a key of chance when the key transport fails, so it may put out nonsense
    assert recipient.decrypt(bytes(cms)) != b"plaintext"
    with pytest.raises(Refused):
        tool.open(recipient.pkcs8, bytes(cms))
