#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the vectors of docs/formats/record.md and audit.md without any code of this project: CBOR by cbor2, HPKE by pyhpke, hashes
and MACs by Python itself. The files beside this script are its output, octet for octet the same with every run.
Usage: generate.py            write the files
       generate.py --check    compare them with what would be written: exit 1 when one differs, 77 without cbor2 or pyhpke"""
import hashlib
import hmac
import json
import os
import sys

try:
    import cbor2
    from pyhpke import AEADId, CipherSuite, KDFId, KEMId
except ImportError as missing:
    print(f"vectors: {missing}", file=sys.stderr)
    sys.exit(77)

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KEMS = {0x10: KEMId.DHKEM_P256_HKDF_SHA256, 0x11: KEMId.DHKEM_P384_HKDF_SHA384, 0x12: KEMId.DHKEM_P521_HKDF_SHA512,
        0x20: KEMId.DHKEM_X25519_HKDF_SHA256}
KDFS = {1: KDFId.HKDF_SHA256, 2: KDFId.HKDF_SHA384, 3: KDFId.HKDF_SHA512}
AEADS = {1: AEADId.AES128_GCM, 2: AEADId.AES256_GCM, 3: AEADId.CHACHA20_POLY1305}
SECRET_BYTES = {0x10: 32, 0x11: 48, 0x12: 66, 0x20: 32}
ROW_KEY = hashlib.sha256(b"the row key of the vectors").digest()
AUDIT_KEY_INFO = b"coffer-audit-key-1"


def octets(label, n):
    """Octets that look random and are the same in every run."""
    return hashlib.shake_256(label.encode()).digest(n)


def cbor(item):
    return cbor2.dumps(item, canonical=True)


def runs(data):
    """Octets as a list of hex texts and, for long runs of one octet, pairs [octet, count]: keeps files of large cases small."""
    parts, start, at = [], 0, 0
    while at < len(data):
        end = at + 1
        while end < len(data) and data[end] == data[at]:
            end += 1
        if end - at >= 48:
            parts += ([data[start:at].hex()] if at > start else []) + [[data[at], end - at]]
            start = end
        at = end
    return parts + ([data[start:].hex()] if start < len(data) or not parts else [])


def ksuid(unix, random):
    number, digits = int.from_bytes((unix - 1400000000).to_bytes(4, "big") + random, "big"), ""
    for _ in range(27):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return "v_" + digits


def hkdf_expand(prk, info, length):
    """RFC 5869 section 2.3 with SHA-384."""
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = hmac.new(prk, block + info + bytes([counter]), hashlib.sha384).digest()
        out, counter = out + block, counter + 1
    return out[:length]


def row_seal(row):
    return hmac.new(ROW_KEY, b"coffer-row-1\0" + row, hashlib.sha384).digest()


def key_pair(suite, label):
    return suite.kem.derive_key_pair(octets(label, 66))


def suite_id(kem, kdf, aead):
    return b"HPKE" + b"".join(n.to_bytes(2, "big") for n in (kem, kdf, aead))


class Vault:
    """A vault being filled; what it seals, it seals by section 4."""

    def __init__(self, label, kem=0x11, kdf=2, aead=2, tenant="acme", schema="person"):
        self.label, self.ids = label, (kem, kdf, aead)
        self.suite = CipherSuite.new(KEMS[kem], KDFS[kdf], AEADS[aead])
        self.pair = key_pair(self.suite, label + " key")
        self.tenant, self.schema = tenant, schema
        self.id = ksuid(1700000000, octets(label + " id", 16))
        self.writes, self.fields, self.version = [], [], 0
        self.details = {"info": self.info().hex(), "aad": {}}

    def info(self):
        return cbor(["coffer-record-3", self.tenant, self.id])

    def write(self, values):
        """Encoding 3: one context; the fields in the order of their names."""
        self.version += 1
        write_id = octets(f"{self.label} write {self.version}", 16)
        ephemeral = key_pair(self.suite, f"{self.label} ephemeral {self.version}")
        enc, sender = self.suite.create_sender_context(self.pair.public_key, self.info(), eks=ephemeral)
        self.fields = [f for f in self.fields if f["name"] not in values]
        used = {f["write"] for f in self.fields if f["encoding"] == 3}
        place = {old: new for new, old in enumerate(sorted(used))}
        self.writes = [self.writes[old] for old in sorted(used)] + [{"id": write_id, "version": self.version, "enc": enc}]
        for field in self.fields:
            if field["encoding"] == 3:
                field["write"] = place[field["write"]]
        for seq, name in enumerate(sorted(values, key=str.encode)):
            aad = cbor(["coffer-field-3", self.tenant, self.id, self.schema, write_id, self.version, name])
            ct = sender.seal(values[name].encode(), aad)
            self.details["aad"][name] = aad.hex()
            self.fields.append({"name": name, "encoding": 3, "write": len(self.writes) - 1, "seq": seq, "value": ct,
                                "plaintext": values[name]})

    def single(self, name, value, encoding):
        self.version += 1
        ephemeral = key_pair(self.suite, f"{self.label} {name} ephemeral")
        enc, sender = self.suite.create_sender_context(self.pair.public_key, self.id.encode(), eks=ephemeral)
        ct = sender.seal(value.encode(), name.encode())
        sealed = enc + ct if encoding == 2 else (enc.hex() + "#" + ct.hex())
        self.fields.append({"name": name, "encoding": encoding, "value": sealed, "plaintext": value})

    def items(self):
        fields = []
        for f in sorted(self.fields, key=lambda field: field["name"].encode()):
            head = [f["name"], f["encoding"]]
            fields.append(head + ([f["write"], f["seq"], f["value"]] if f["encoding"] == 3 else [f["value"]]))
        return [1, self.tenant, self.id, self.schema, self.version, 1700000000000, 1700000000000 + self.version % 1000,
                "arn:aws:kms:eu-central-1:000000000000:key/" + self.label.replace(" ", "-"), suite_id(*self.ids),
                self.pair.public_key.to_public_bytes(), octets(self.label + " wrapped", 300),
                [[w["id"], w["version"], w["enc"]] for w in self.writes], fields]

    def vector(self):
        items = self.items()
        row = cbor(items)
        private = self.pair.private_key.to_private_bytes()[-SECRET_BYTES[self.ids[0]]:]  # comes with zeros in front
        hexed = lambda v: v.hex() if isinstance(v, bytes) else v
        return {"what": self.label, "tenant": self.tenant, "id": self.id, "schema": self.schema, "version": self.version,
                "created_ms": items[5], "modified_ms": items[6], "kms_key": items[7],
                "kem": self.ids[0], "kdf": self.ids[1], "aead": self.ids[2],
                "private_key": private.hex(), "public_key": items[9].hex(),
                "wrapped_key": items[10].hex(),
                "writes": [{"id": w["id"].hex(), "version": w["version"], "enc": w["enc"].hex()} for w in self.writes],
                "fields": [{k: hexed(v) for k, v in f.items()} for f in sorted(self.fields, key=lambda f: f["name"].encode())],
                "info": self.details["info"], "aad_of_field": self.details["aad"],
                "row": row.hex(), "seal": row_seal(row).hex()}


def vaults():
    person = {"email": "jane@example.org", "first_name": "Jörg 山田", "ssn9": "123456789", "ssn4": "6789", "city": ""}
    made = []
    for what, ids in (("p384", (0x11, 2, 2)), ("p256", (0x10, 1, 2)), ("p521", (0x12, 3, 2)), ("x25519", (0x20, 1, 3)),
                      ("p384 aes128 sha512", (0x11, 3, 1))):
        vault = Vault(what, *ids)
        vault.write(person)
        made.append(vault.vector())
    several = Vault("several writes")
    several.write(person)
    several.write({"city": "Zürich", "country": "CH"})
    several.write({"email": "jane@example.net"})
    several.write({"city": "Bern"})
    made.append(several.vector())
    mixed = Vault("all encodings")
    mixed.write({"first_name": "Bob"})
    mixed.single("last_name", "Ross", 2)
    mixed.single("email", "bob@example.org", 1)
    made.append(mixed.vector())
    empty = Vault("no fields", tenant="a" * 63, schema="s-" + "0" * 61)
    empty.version = 2**63 - 1
    made.append(empty.vector())
    return made


def tombstone():
    items = [1, "acme", ksuid(1700000001, octets("tombstone", 16)), "person", 3, 1700000000000, 1700000005000, "", b"", b"", b"", [], []]
    row = cbor(items)
    return {"what": "tombstone", "tenant": items[1], "id": items[2], "schema": items[3], "version": 3, "created_ms": items[5],
            "modified_ms": items[6], "row": row.hex(), "seal": row_seal(row).hex()}


def row_rejects():
    """Each rule of record.md section 3, broken alone, and the code that must answer."""
    vault = Vault("several writes")
    vault.write({"a": "1", "b": "2", "c": "3"})
    vault.write({"b": "4"})
    vault.single("d", "5", 2)
    vault.single("e", "6", 1)
    good, cases = vault.items(), []

    def case(what, error, change=None, raw=None):
        items = cbor2.loads(cbor(good))
        if change:
            change(items)
        cases.append({"what": what, "row": runs(raw if raw is not None else cbor(items)), "error": error})

    def put(path, value):
        def change(items):
            at = items
            for step in path[:-1]:
                at = at[step]
            at[path[-1]] = value
        return change

    whole = cbor(good)
    case("good", "ok")
    for cut in (0, 1, 2, 20, len(whole) // 2, len(whole) - 1):
        case(f"cut to {cut} octets", "truncated", raw=whole[:cut])
    case("trailing octet", "trailing_bytes", raw=whole + b"\0")
    case("array of 12", "wrong_type", lambda r: r.pop())
    case("array of 14", "trailing_bytes", lambda r: r.append(0))
    case("map instead of array", "wrong_type", raw=cbor({1: 2}))
    case("format 0", "unsupported", put([0], 0))
    case("format 2", "unsupported", put([0], 2))
    case("format not shortest", "malformed", raw=whole[:1] + b"\x18\x01" + whole[2:])
    case("indefinite array", "malformed", raw=b"\x9f" + whole[1:] + b"\xff")
    case("tagged", "malformed", raw=b"\xc1" + whole)
    case("tenant as octets", "wrong_type", put([1], b"acme"))
    case("tenant not UTF-8", "not_utf8", raw=whole.replace(b"\x64acme", b"\x64ac\xffe", 1))
    for name in ("", "Acme", "1a", "a_b", "a" * 64, "a b", "ä"):
        case(f"tenant {name!r}", "malformed", put([1], name))
        case(f"schema {name!r}", "malformed", put([3], name))
    for name in ("", "v_", good[2][:-1], good[2] + "0", "V_" + good[2][2:], good[2][:-1] + "-", good[2][:-1] + "é",
                 "v_aWgEPTl1tmebfsQzFP4bxwgy80W", "v_zzzzzzzzzzzzzzzzzzzzzzzzzzz"):
        case(f"id {name!r}", "malformed", put([2], name))
    case("the last id", "ok", put([2], "v_aWgEPTl1tmebfsQzFP4bxwgy80V"))
    case("version 0", "malformed", put([4], 0))
    case("version negative", "wrong_type", put([4], -1))
    case("created as text", "wrong_type", put([5], "1"))
    case("kms key empty", "malformed", put([7], ""))
    case("kms key at its limit", "ok", put([7], "k" * 2048))
    case("kms key over its limit", "too_large", put([7], "k" * 2049))
    case("suite short", "malformed", put([8], good[8][:9]))
    case("suite long", "malformed", put([8], good[8] + b"\0"))
    case("suite with another label", "malformed", put([8], b"hpke" + good[8][4:]))
    case("suite unknown", "unsupported", put([8], suite_id(0x11, 2, 9)))
    case("suite export only", "unsupported", put([8], suite_id(0x11, 2, 0xFFFF)))
    case("suite of another KEM", "malformed", put([8], suite_id(0x10, 1, 2)))
    case("suite absent", "malformed", put([8], b""))
    case("public key short", "malformed", put([9], good[9][:-1]))
    case("public key long", "malformed", put([9], good[9] + b"\0"))
    case("public key absent", "malformed", put([9], b""))
    case("wrapped key absent", "malformed", put([10], b""))
    case("wrapped key at its limit", "ok", put([10], bytes(6144)))
    case("wrapped key over its limit", "too_large", put([10], bytes(6145)))
    case("write of 2 items", "wrong_type", lambda r: r[11][0].pop())
    case("write of 4 items", "trailing_bytes", lambda r: r[11][0].append(0))
    case("write id short", "malformed", put([11, 0, 0], bytes(15)))
    case("write id long", "malformed", put([11, 0, 0], bytes(17)))
    case("write version 0", "malformed", put([11, 0, 1], 0))
    case("write version over the row's", "malformed", put([11, 1, 1], 5))
    case("write version at the row's", "ok", put([11, 1, 1], 4))
    case("write versions equal", "malformed", put([11, 1, 1], 1))
    case("write versions falling", "malformed", lambda r: r[11].reverse())
    case("enc short", "malformed", put([11, 0, 2], good[11][0][2][:-1]))
    case("enc long", "malformed", put([11, 0, 2], good[11][0][2] + b"\0"))
    case("enc absent", "malformed", put([11, 0, 2], b""))
    case("write without a field", "malformed", lambda r: r[11].append([bytes(16), 3, good[11][0][2]]))
    case("write without its only field", "malformed", lambda r: r[12].pop(1))
    case("writes as map", "wrong_type", put([11], {}))
    case("fields out of order", "malformed", lambda r: r[12].__setitem__(slice(3, 5), [r[12][4], r[12][3]]))
    case("field twice", "malformed", lambda r: r[12].insert(3, r[12][3]))
    case("field twice in one write", "malformed", lambda r: r[12].insert(0, r[12][0]))
    for name, error in (("", "bad_name"), ("A", "bad_name"), ("1", "bad_name"), ("a-b", "bad_name"), ("a" * 65, "bad_name"), ("ä", "bad_name"),
                        ("_a", "reserved_field"), ("pk", "reserved_field"), ("sk", "reserved_field"), ("id", "reserved_field"),
                        ("version", "reserved_field"), ("expire_at", "reserved_field")):
        case(f"field {name!r}", error, put([12, 4, 0], name))
    case("field name at its limit", "ok", put([12, 4, 0], "e" * 64))
    case("field of 2 items", "wrong_type", put([12, 4], ["e", 2]))
    case("field of encoding 2 with 4 items", "trailing_bytes", lambda r: r[12][3].append(0))
    case("field of encoding 3 with 3 items", "wrong_type", put([12, 0], ["a", 3, good[12][0][4]]))
    for encoding in (0, 4, 2**32 + 1, 2**64 - 1):
        case(f"encoding {encoding}", "unsupported", put([12, 3, 1], encoding))
    case("encoding 1 as octets", "wrong_type", put([12, 4, 2], good[12][4][2].encode()))
    case("encoding 2 as text", "wrong_type", put([12, 3, 2], "x" * 200))
    case("encoding 3 as text", "wrong_type", put([12, 0, 4], "x" * 17))
    case("write index out of range", "malformed", put([12, 0, 2], 2))
    case("write index over its limit", "malformed", put([12, 0, 2], 256))
    case("write index of 64 bits", "malformed", put([12, 0, 2], 2**32))
    case("seq repeated", "malformed", put([12, 2, 3], 0))
    case("seq falling", "malformed", lambda r: (put([12, 0, 3], 2)(r), put([12, 2, 3], 0)(r)))
    case("seq at its limit", "ok", put([12, 2, 3], 255))
    case("seq over its limit", "malformed", put([12, 2, 3], 256))
    case("ct of 15", "malformed", put([12, 0, 4], bytes(15)))
    case("ct of 16", "ok", put([12, 0, 4], bytes(16)))
    case("ct at its limit", "ok", put([12, 0, 4], bytes(65536 + 16)))
    case("ct over its limit", "malformed", put([12, 0, 4], bytes(65536 + 17)))
    enc = good[11][0][2]
    case("encoding 2 without a tag", "malformed", put([12, 3, 2], enc + bytes(15)))
    case("encoding 2 with a tag only", "ok", put([12, 3, 2], enc + bytes(16)))
    case("encoding 2 at its limit", "ok", put([12, 3, 2], enc + bytes(65552)))
    case("encoding 2 over its limit", "malformed", put([12, 3, 2], enc + bytes(65553)))
    text = good[12][4][2]
    case("encoding 1 without '#'", "malformed", put([12, 4, 2], text.replace("#", "0")))
    case("encoding 1 with '#' elsewhere", "malformed", put([12, 4, 2], "0" + text))
    case("encoding 1 of odd digits", "malformed", put([12, 4, 2], text + "0"))
    case("encoding 1 without a tag", "malformed", put([12, 4, 2], text.split("#")[0] + "#" + "00" * 15))
    case("encoding 1 with a tag only", "ok", put([12, 4, 2], text.split("#")[0] + "#" + "00" * 16))
    case("encoding 1 at its limit", "ok", put([12, 4, 2], text.split("#")[0] + "#" + "00" * 65552))
    case("encoding 1 over its limit", "malformed", put([12, 4, 2], text.split("#")[0] + "#" + "00" * 65553))
    dead = cbor2.loads(bytes.fromhex(tombstone()["row"]))
    for place, value in ((7, "k"), (8, good[8]), (9, good[9]), (10, b"\0")):
        changed = list(dead)
        changed[place] = value
        case(f"tombstone with item {place}", "malformed", raw=cbor(changed))
    changed = list(dead)
    changed[12] = [good[12][3]]
    case("tombstone with a field", "malformed", raw=cbor(changed))
    changed = list(dead)
    changed[11] = [good[11][0]]
    case("tombstone with a write", "malformed", raw=cbor(changed))

    def many(n):
        changed = list(good)
        changed[11], changed[12] = [good[11][0]], [[f"f{i:03}", 3, 0, i, bytes(16)] for i in range(n)]
        return changed
    case("255 fields", "ok", raw=cbor(many(255)))
    case("256 fields", "ok", raw=cbor(many(256)))
    case("257 fields", "too_large", raw=cbor(many(257)))

    def sized(n):
        changed = many(6)
        for i in range(5):
            changed[12][i][4] = bytes(65552)
        changed[12][5][4] = bytes(60000)
        changed[12][5][4] = bytes(60000 + n - len(cbor(changed)))
        assert len(cbor(changed)) == n
        return cbor(changed)
    for size in (393215, 393216, 393217):
        case(f"row of {size} octets", "ok" if size <= 393216 else "too_large", raw=sized(size))
    return cases


def audit():
    key = hkdf_expand(ROW_KEY, AUDIT_KEY_INFO, 48)
    entries, digest, made = [], bytes(48), []
    plain = [
        ["service.start", "ok", "-", "", "", 0, [], "", "", octets("boot", 16), octets("pcr0", 48), b""],
        ["vault.create", "ok", "t_1", "acme", ksuid(1700000000, octets("audit", 16)), 1, ["email", "ssn9"], "", "r-1", b"", b"",
         octets("seal", 48)],
        ["vault.decrypt", "ok", "t_1", "acme", ksuid(1700000000, octets("audit", 16)), 1, ["email"], "Anruf der Kundin, Nr. 7 ☎", "r-2",
         octets("boot", 16), octets("pcr0", 48), b""],
        ["vault.decrypt", "kms_refused", "t_2", "acme", "v_x", 0, ["f" * 64] * 256, "r" * 1024, "r-3", b"", b"", b""],
        ["vault.decrypt", "ok", "t_1", "acme", ksuid(1700000000, octets("audit", 16)), 1, ["city", "dob", "email"], "", "r-4",
         octets("boot", 16), octets("pcr0", 48), b"", [["adult", "age(date(dob)) >= 18"], ["email", "redact_email(email)"]], 1],
    ]
    for seq, (action, outcome, actor, tenant, vault, version, fields, reason, request, boot, pcr0, seal, *more) in enumerate(plain, 1):
        items = [1, seq, 1700000000000 + seq, action, outcome, actor, tenant, vault, version, fields, reason, request, boot, pcr0, seal]
        expressions, answered = more if more else ([], 0)
        sources = hashlib.sha256(cbor(expressions)).digest() if more else b""
        if more:
            items = [2] + items[1:] + [[name for name, _ in expressions], sources, answered]
        entry = cbor(items)
        digest = hashlib.sha384(b"coffer-audit-1\0" + digest + entry).digest()
        made.append({"seq": seq, "time_ms": 1700000000000 + seq, "action": action, "outcome": outcome, "actor": actor, "tenant": tenant,
                     "vault": vault, "version": version, "fields": fields, "reason": reason, "request": request, "boot_id": boot.hex(),
                     "pcr0": pcr0.hex(), "seal": seal.hex(), "expressions": expressions, "sources": sources.hex(), "answered": answered,
                     "entry": entry.hex(), "hash": digest.hex()})
    plain_head = len(made).to_bytes(8, "big") + digest
    head = plain_head + hmac.new(key, b"coffer-head-1\0" + plain_head, hashlib.sha384).digest()
    empty = bytes(56)
    empty += hmac.new(key, b"coffer-head-1\0" + empty, hashlib.sha384).digest()
    token = {"id": "t_4f9", "name": "für den Import", "hash": octets("token", 32).hex(), "scopes": 6, "created_ms": 1700000000000,
             "expires_ms": 1800000000000, "revoked_ms": 0}
    sealed = cbor([token["id"], token["name"], bytes.fromhex(token["hash"]), 6, 1700000000000, 1800000000000, 0])
    token["seal"] = hmac.new(key, b"coffer-token-1\0" + sealed, hashlib.sha384).hexdigest()
    return {"row_key": ROW_KEY.hex(), "audit_key": key.hex(), "entries": made, "head": head.hex(), "empty_head": empty.hex(), "token": token}


def audit_rejects():
    good = [1, 7, 1700000000000, "vault.create", "ok", "t_1", "acme", "v_1", 1, ["email", "city"], "why", "r-1", bytes(16), bytes(48), bytes(48)]
    cases = []

    def case(what, error, place=None, value=None, raw=None):
        items = list(good)
        if place is not None:
            items[place] = value
        cases.append({"what": what, "entry": runs(raw if raw is not None else cbor(items)), "error": error})

    whole = cbor(good)
    case("good", "ok")
    for cut in (0, 1, 10, len(whole) - 1):
        case(f"cut to {cut} octets", "truncated", raw=whole[:cut])
    case("trailing octet", "trailing_bytes", raw=whole + b"\0")
    case("array of 14", "wrong_type", raw=cbor(good[:-1]))
    case("array of 16", "trailing_bytes", raw=cbor(good + [0]))
    case("format 2 without expressions", "wrong_type", 0, 2)
    case("format 3", "unsupported", 0, 3)
    case("indefinite array", "malformed", raw=b"\x9f" + whole[1:] + b"\xff")
    case("seq not shortest", "malformed", raw=whole[:2] + b"\x18\x07" + whole[3:])
    case("seq 0", "malformed", 1, 0)
    case("seq negative", "wrong_type", 1, -1)
    for place, name in ((3, "action"), (4, "outcome"), (5, "actor"), (6, "tenant"), (7, "vault"), (11, "request")):
        case(f"{name} at its limit", "ok", place, "x" * 256)
        case(f"{name} over its limit", "malformed", place, "x" * 257)
        case(f"{name} as octets", "wrong_type", place, b"x")
        case(f"{name} empty", "malformed" if place < 6 else "ok", place, "")
    case("not UTF-8", "not_utf8", raw=whole.replace(b"\x64acme", b"\x64ac\xffe", 1))
    case("256 fields", "ok", 9, ["f"] * 256)
    case("257 fields", "too_large", 9, ["f"] * 257)
    case("a field at its limit", "ok", 9, ["f" * 256])
    case("a field over its limit", "malformed", 9, ["f" * 257])
    case("a field that is a number", "wrong_type", 9, [1])
    case("fields as map", "wrong_type", 9, {})
    case("reason at its limit", "ok", 10, "é" * 512)
    case("reason over its limit", "malformed", 10, "é" * 512 + "x")
    for place, name, size in ((12, "boot", 16), (13, "pcr0", 48), (14, "seal", 48)):
        case(f"{name} absent", "ok", place, b"")
        case(f"{name} short", "malformed", place, bytes(size - 1))
        case(f"{name} long", "malformed", place, bytes(size + 1))
        case(f"{name} as text", "wrong_type", place, "x" * size)
    for size in (32767, 32768, 32769):
        fields = ["f" * 256] * 125 + ["f" * 100]
        fields[-1] = "f" * (100 + size - len(cbor(good[:9] + [fields] + good[10:])))
        assert len(cbor(good[:9] + [fields] + good[10:])) == size and len(fields[-1]) <= 256
        case(f"{size} octets", "ok" if size <= 32768 else "too_large", 9, fields)
    good = [2] + good[1:] + [["a", "b"], bytes(32), 1]
    whole = cbor(good)
    case("with expressions", "ok")
    case("with expressions, cut", "truncated", raw=whole[:-1])
    case("with expressions, array of 17", "wrong_type", raw=cbor(good[:-1]))
    case("with expressions, array of 19", "trailing_bytes", raw=cbor(good + [0]))
    case("format 1 with expressions", "trailing_bytes", 0, 1)
    case("no expressions", "malformed", 15, [])
    case("100 expressions", "ok", 15, ["e"] * 100)
    case("101 expressions", "too_large", 15, ["e"] * 101)
    case("an expression's name at its limit", "ok", 15, ["e" * 256])
    case("an expression's name over its limit", "malformed", 15, ["e" * 257])
    case("an expression with its source", "wrong_type", 15, [["e", "1"]])
    for size in (0, 31, 33):
        case(f"sources of {size} octets", "malformed", 16, bytes(size))
    case("sources as text", "wrong_type", 16, "x" * 32)
    case("no field answered", "ok", 17, 0)
    case("all fields answered", "ok", 17, 2)
    case("more answered than there are", "malformed", 17, 3)
    case("answered as a list", "wrong_type", 17, ["email"])
    return cases


def main():
    folder, differ = os.path.dirname(os.path.abspath(__file__)), 0
    ids = [{"unix_s": unix, "random": octets(f"id {unix}", 16).hex(), "id": ksuid(unix, octets(f"id {unix}", 16))}
           for unix in (1400000000, 1400000001, 1700000000, 1400000000 + 2**32 - 1)]
    ids.append({"unix_s": 1400000000 + 2**32 - 1, "random": "ff" * 16, "id": ksuid(1400000000 + 2**32 - 1, b"\xff" * 16)})
    ids.append({"unix_s": 1400000000, "random": "00" * 16, "id": ksuid(1400000000, bytes(16))})
    files = {"rows.json": {"row_key": ROW_KEY.hex(), "ids": ids, "vaults": vaults(), "tombstone": tombstone()},
             "row_reject.json": {"cases": row_rejects()}, "audit.json": audit(), "audit_reject.json": {"cases": audit_rejects()}}
    for name, content in files.items():
        path = os.path.join(folder, name)
        # one line per case
        text = json.dumps(content, ensure_ascii=False).replace('{"what"', '\n{"what"').replace('{"seq"', '\n{"seq"') + "\n"
        if "--check" in sys.argv[1:]:
            with open(path, encoding="utf8") as file:
                if file.read() != text:
                    print(f"vectors: {name} is not what this script writes", file=sys.stderr)
                    differ += 1
        else:
            with open(path, "w", encoding="utf8") as file:
                file.write(text)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
