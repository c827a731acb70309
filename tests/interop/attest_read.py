# SPDX-License-Identifier: Apache-2.0
"""An independent verifier of attestation documents: cbor2, cryptography and the openssl command, which share no line with core/attest."""
import io
import subprocess

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import NameOID

PROTECTED = bytes.fromhex("a1013822")


def to_be_signed(payload):
    return cbor2.dumps(["Signature1", PROTECTED, b"", payload])


def read(doc):
    """(payload as a dict, leaf first list of certificates) after checking the signature and each link of the chain."""
    stream = io.BytesIO(doc)
    protected, unprotected, payload, signature = cbor2.load(stream)
    assert stream.read() == b"" and protected == PROTECTED and unprotected == {} and len(signature) == 96
    fields = cbor2.loads(payload)
    certs = [x509.load_der_x509_certificate(c) for c in [fields["certificate"], *reversed(fields["cabundle"])]]
    der = encode_dss_signature(int.from_bytes(signature[:48], "big"), int.from_bytes(signature[48:], "big"))
    certs[0].public_key().verify(der, to_be_signed(payload), ec.ECDSA(hashes.SHA384()))
    for cert, issuer in zip(certs, certs[1:] + certs[-1:]):
        assert cert.issuer == issuer.subject
        issuer.public_key().verify(cert.signature, cert.tbs_certificate_bytes, ec.ECDSA(hashes.SHA384()))
    return fields, certs


def common_name(cert):
    return cert.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


def openssl_verifies(certs, at_ms, folder):
    """Whether the openssl command builds a path from the first certificate to the last one, as of that time."""
    pem = [c.public_bytes(serialization.Encoding.PEM) for c in certs]
    (folder / "leaf.pem").write_bytes(pem[0])
    (folder / "between.pem").write_bytes(b"".join(pem[1:-1]))
    (folder / "root.pem").write_bytes(pem[-1])
    between = ["-untrusted", folder / "between.pem"] if len(pem) > 2 else []
    return subprocess.run(["openssl", "verify", "-attime", str(at_ms // 1000), "-CAfile", folder / "root.pem", *between, folder / "leaf.pem"],
                          capture_output=True).returncode == 0


def verify(doc, root, folder, nonce=None, pcr0=None):
    """The payload of a document that holds under that root, judged at its own time; AssertionError or InvalidSignature otherwise."""
    fields, certs = read(doc)
    assert fields["cabundle"][0] == root and openssl_verifies(certs, fields["timestamp"], folder)
    assert fields["digest"] == "SHA384" and any(fields["pcrs"][0])
    assert nonce is None or fields["nonce"] == nonce
    assert pcr0 is None or fields["pcrs"][0] == pcr0
    return fields
