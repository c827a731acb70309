# SPDX-License-Identifier: Apache-2.0
"""Attestation documents, both ways: what our software module makes is read and verified with cbor2, cryptography and the openssl
command, none of which shares a line with core/attest; and what these make is verified by ours."""
import datetime
import hashlib
import json
import os
import pathlib
import re
import time

import cbor2
import pytest
from attest_read import PROTECTED, common_name, openssl_verifies, read, to_be_signed, verify
from attest_tool import Refused, Tool
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

PCR0 = hashlib.sha384(b"an image").digest()


@pytest.fixture(scope="module")
def tool():
    t = Tool()
    yield t
    t.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("nsm")


@pytest.fixture(scope="module")
def root(tool, folder):
    return tool.root(folder)


def now_ms():
    return int(time.time() * 1000)


def test_document_of_the_module(tool, folder, root):
    request = cbor2.dumps({"Attestation": {"user_data": b"data", "nonce": None, "public_key": b""}})
    before = now_ms()
    response = cbor2.loads(tool.nsm(folder, PCR0, request))
    doc = response["Attestation"]["document"]
    assert doc[0] == 0x84, "untagged array of four"
    payload = cbor2.loads(doc)[2]
    assert payload[0] == 0xBF and payload[-1] == 0xFF, "an indefinite map, as of late 2025"
    fields, _ = read(doc)
    assert list(fields) == ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle", "public_key", "user_data", "nonce"]
    assert re.fullmatch(r"i-0{17}-enc[0-9a-f]{16}", fields["module_id"])
    assert fields["digest"] == "SHA384" and before <= fields["timestamp"] <= now_ms()
    assert (fields["public_key"], fields["user_data"], fields["nonce"]) == (b"", b"data", None)
    zero, pcr4 = bytes(48), hashlib.sha384(bytes(48) + b"i-00000000000000000").digest()
    assert fields["pcrs"] == {i: {0: PCR0, 1: PCR0, 2: PCR0, 4: pcr4}.get(i, zero) for i in range(16)}
    assert fields["cabundle"][0] == root


def test_chain(tool, folder, root):
    at = now_ms()
    fields, certs = read(tool.doc(folder, PCR0, at))
    when = datetime.datetime.fromtimestamp(at / 1000, datetime.timezone.utc)
    lifetimes = [(3, 0), (24, 0), (132, 0), (481, 0)]
    for cert, (hours, _) in zip(certs, lifetimes):
        assert cert.not_valid_before_utc <= when < cert.not_valid_after_utc
        assert abs((cert.not_valid_after_utc - cert.not_valid_before_utc).total_seconds() - hours * 3600) <= 3
    assert common_name(certs[-1]) == "coffer.local.nitro-enclaves"
    assert common_name(certs[0]) == fields["module_id"] + ".coffer.local"
    assert common_name(certs[1]) == "i-00000000000000000.coffer.local.nitro-enclaves"
    assert re.fullmatch(r"[0-9a-f]{16}\.zonal\.coffer\.local\.nitro-enclaves", common_name(certs[2]))
    assert re.fullmatch(r"[0-9a-f]{16}\.coffer\.local\.nitro-enclaves", common_name(certs[3]))
    for cert, path_length in zip(certs, [None, 0, 1, 2, 3]):
        constraints = cert.extensions.get_extension_for_class(x509.BasicConstraints)
        usage = cert.extensions.get_extension_for_class(x509.KeyUsage).value
        assert constraints.critical and constraints.value.path_length == path_length
        assert constraints.value.ca == usage.key_cert_sign == (path_length is not None)
        assert usage.digital_signature or constraints.value.ca
        assert cert.public_key().curve.name == "secp384r1" and cert.signature_hash_algorithm.name == "sha384"
    assert certs[-1].public_bytes(serialization.Encoding.DER) == root


def test_openssl_verifies_the_path(tool, folder, tmp_path):
    at = now_ms()
    _, certs = read(tool.doc(folder, PCR0, at))
    assert openssl_verifies(certs, at, tmp_path)
    assert not openssl_verifies(certs, at + 4 * 3600 * 1000, tmp_path)
    assert not openssl_verifies([certs[0], certs[-1]], at, tmp_path)


@pytest.mark.parametrize("public_key, user_data, nonce", [(None, None, None), (b"", b"", b""), (b"k" * 1024, b"d" * 1024, b"n" * 1024)])
def test_optional_members(tool, folder, root, public_key, user_data, nonce):
    doc = tool.doc(folder, PCR0, now_ms(), public_key, user_data, nonce)
    fields, _ = read(doc)
    assert (fields["public_key"], fields["user_data"], fields["nonce"]) == (public_key, user_data, nonce)
    assert tool.verify(root, doc) == (fields["module_id"], PCR0)


# --- documents made here, verified by ours ---

class Maker:
    """A chain of a root, intermediates and a leaf as the service has them, and documents under it."""

    def __init__(self, at=None):
        self.at = at or datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        self.keys, self.certs = [], []
        names = ["aws.nitro-enclaves", "0123.us-east-1.aws.nitro-enclaves", "0123.zonal.us-east-1.aws.nitro-enclaves",
                 "i-0123456789abcdef0.us-east-1.aws.nitro-enclaves", "i-0123456789abcdef0-enc0123456789abcdef.us-east-1.aws"]
        hours = [24 * 365 * 30, 481, 132, 24, 3]
        for level, (name, life) in enumerate(zip(names, hours)):
            self.add(name, level, life)

    @staticmethod
    def name(cn, level):
        extra = [(NameOID.LOCALITY_NAME, "Seattle"), (NameOID.STATE_OR_PROVINCE_NAME, "WA")] if level == 2 else []
        return x509.Name([x509.NameAttribute(o, v) for o, v in extra + [(NameOID.COUNTRY_NAME, "US"), (NameOID.ORGANIZATION_NAME, "Amazon"),
                                                                        (NameOID.COMMON_NAME, cn)]])

    def add(self, cn, level, hours, **change):
        key = ec.generate_private_key(change.get("curve", ec.SECP384R1()))
        issuer_key = self.keys[-1] if self.keys else key
        subject = self.name(cn, level)
        ca = level < 4
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.certs[-1].subject if self.certs else subject)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(self.at - datetime.timedelta(seconds=3)).not_valid_after(self.at + datetime.timedelta(hours=hours))
                   .add_extension(x509.BasicConstraints(ca, change.get("path_length", {1: 2, 2: 1, 3: 0}.get(level))), critical=True)
                   .add_extension(x509.KeyUsage(not ca or level == 0, not ca, False, False, False, change.get("sign", ca), ca, False, False),
                                  critical=ca))
        self.keys.append(key)
        self.certs.append(builder.sign(issuer_key, change.get("hash", hashes.SHA384())))

    def replace_leaf(self, **change):
        self.keys.pop()
        self.certs.pop()
        self.add("leaf", 4, 3, **change)

    @staticmethod
    def der(cert):
        return cert.public_bytes(serialization.Encoding.DER)

    @property
    def root(self):
        return self.der(self.certs[0])

    def fields(self, **change):
        return {"module_id": "i-0123456789abcdef0-enc0123456789abcdef", "digest": "SHA384", "timestamp": int(self.at.timestamp() * 1000),
                "pcrs": {i: PCR0 if i == 0 else bytes(48) for i in range(16)}, "certificate": self.der(self.certs[-1]),
                "cabundle": [self.der(c) for c in self.certs[:-1]], "public_key": None, "user_data": None, "nonce": None, **change}

    def sign(self, payload, key=None, tag=False):
        r, s = decode_dss_signature((key or self.keys[-1]).sign(to_be_signed(payload), ec.ECDSA(hashes.SHA384())))
        items = [PROTECTED, {}, payload, r.to_bytes(48, "big") + s.to_bytes(48, "big")]
        return cbor2.dumps(cbor2.CBORTag(18, items) if tag else items)

    def doc(self, **change):
        return self.sign(cbor2.dumps(self.fields(**change)))


@pytest.fixture(scope="module")
def maker():
    return Maker()


def refused_at(tool, maker, doc, **more):
    with pytest.raises(Refused) as e:
        tool.verify(maker.root, doc, **more)
    return e.value.stage


def test_theirs_verifies(tool, maker):
    doc = maker.doc()
    assert tool.verify(maker.root, doc) == ("i-0123456789abcdef0-enc0123456789abcdef", PCR0)
    assert tool.verify(maker.root, maker.sign(cbor2.dumps(maker.fields()), tag=True))[1] == PCR0
    # an indefinite map, a member that nobody knows, members in another order
    fields = maker.fields()
    indefinite = b"\xbf" + b"".join(cbor2.dumps(k) + cbor2.dumps(v) for k, v in fields.items()) + b"\xff"
    assert tool.verify(maker.root, maker.sign(indefinite))[1] == PCR0
    assert tool.verify(maker.root, maker.doc(later=[1, {"a": b"b"}]))[1] == PCR0
    assert tool.verify(maker.root, maker.sign(cbor2.dumps(dict(reversed(fields.items())))))[1] == PCR0


def test_theirs_freshness(tool, maker):
    doc, at = maker.doc(), int(maker.at.timestamp() * 1000)
    for off in (-1000, 0, 1000):
        tool.verify(maker.root, doc, now_ms=at + off, age_ms=1000)
    for off in (-1001, 1001):
        assert refused_at(tool, maker, doc, now_ms=at + off, age_ms=1000) == "freshness"
    zero = maker.doc(pcrs={i: bytes(48) for i in range(16)})
    assert refused_at(tool, maker, zero, now_ms=at, age_ms=1000) == "debug"


@pytest.mark.parametrize("change, stage", [
    ({"digest": "SHA256"}, "syntax"),
    ({"module_id": ""}, "syntax"),
    ({"pcrs": {}}, "syntax"),
    ({"pcrs": {32: bytes(48)}}, "syntax"),
    ({"pcrs": {0: bytes(32)}}, "syntax"),
    ({"cabundle": []}, "syntax"),
    ({"timestamp": 0}, "syntax"),
    ({"nonce": b"n" * 1025}, "syntax"),
    ({"nonce": "text"}, "syntax"),
])
def test_theirs_is_refused(tool, maker, change, stage):
    assert refused_at(tool, maker, maker.doc(**change)) == stage


def test_theirs_wrong_bundles(tool, maker):
    bundle = maker.fields()["cabundle"]
    other = Maker()
    for wrong, stage in [(bundle[1:], "root"), (bundle[::-1], "root"), ([other.root, *bundle[1:]], "root"), (bundle[:3], "chain"),
                         ([bundle[0], bundle[2], bundle[1], bundle[3]], "chain"), (bundle + [bundle[3]], "chain"),
                         (bundle[:3] + [Maker.der(other.certs[3])], "chain")]:
        assert refused_at(tool, maker, maker.doc(cabundle=wrong)) == stage
    # the whole chain of another maker: right by itself, but not under this root
    assert refused_at(tool, maker, other.doc()) == "root"
    # signed by the instance's key, or by somebody's
    payload = cbor2.dumps(maker.fields())
    assert refused_at(tool, maker, maker.sign(payload, maker.keys[3])) == "signature"
    assert refused_at(tool, maker, maker.sign(payload, ec.generate_private_key(ec.SECP384R1()))) == "signature"


def test_theirs_wrong_times(tool, maker):
    at = int(maker.at.timestamp() * 1000)
    for off, holds in [(-4000, False), (-3000, True), (3 * 3600 * 1000 - 1000, True), (3 * 3600 * 1000 + 1000, False)]:
        doc = maker.doc(timestamp=at + off)
        if holds:
            tool.verify(maker.root, doc)
        else:
            assert refused_at(tool, maker, doc) == "chain"


@pytest.mark.parametrize("level, change", [(1, {"path_length": 1}), (2, {"path_length": 0}), (3, {"sign": False}), (2, {"sign": False}),
                                           (3, {"hash": hashes.SHA256()}), (3, {"curve": ec.SECP256R1()})])
def test_theirs_wrong_intermediates(tool, level, change):
    maker = Maker()
    names = [common_name(c) for c in maker.certs]
    maker.keys, maker.certs = maker.keys[:level], maker.certs[:level]
    for again in range(level, 5):
        maker.add(names[again], again, 10, **(change if again == level else {}))
    assert refused_at(tool, maker, maker.doc()) == "chain"


def test_theirs_wrong_leaves(tool):
    maker = Maker()
    tool.verify(maker.root, maker.doc())
    maker.replace_leaf(hash=hashes.SHA256())
    assert refused_at(tool, maker, maker.doc()) == "chain"
    maker.replace_leaf(curve=ec.SECP256R1())
    payload = cbor2.dumps(maker.fields())
    assert refused_at(tool, maker, maker.sign(payload, ec.generate_private_key(ec.SECP384R1()))) == "chain"


# --- genuine documents of AWS, verified by both ---

VECTORS = pathlib.Path(os.environ.get("CF_VECTORS") or pathlib.Path(__file__).resolve().parents[1] / "vectors")
MANIFEST = json.loads((VECTORS / "attestation/manifest.json").read_text())["vectors"]
GENUINE = [v for v in MANIFEST if v["expected"].get("valid_at_document_timestamp")]


def test_there_are_genuine_ones():
    assert len(GENUINE) == 5


@pytest.mark.parametrize("vector", GENUINE, ids=lambda v: v["file"])
def test_genuine(tool, tmp_path, vector):
    doc, root = (VECTORS / "attestation" / vector["file"]).read_bytes(), (VECTORS / "aws-nitro-root-g1.der").read_bytes()
    expected = vector["expected"]
    fields, certs = read(doc)
    assert fields["cabundle"][0] == root and openssl_verifies(certs, fields["timestamp"], tmp_path)
    module, pcr0 = tool.verify(root, doc)
    assert module == fields["module_id"] == expected["module_id"] and pcr0 == fields["pcrs"][0]
    assert fields["timestamp"] == expected["timestamp_ms"] and pcr0.hex() == expected["pcrs"]["0"]
    # debug mode is the only thing that tells them apart from what a verifier of today accepts
    debug = not any(pcr0)
    assert debug == expected["debug_mode"]
    if debug:
        with pytest.raises(Refused) as e:
            tool.verify(root, doc, now_ms=fields["timestamp"], age_ms=1000)
        assert e.value.stage == "debug"
    else:
        tool.verify(root, doc, now_ms=fields["timestamp"], age_ms=1000)
        verify(doc, root, tmp_path, nonce=fields["nonce"], pcr0=pcr0)
