#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns sys/tls/roots.pem, the certificates that are trusted, into sys/tls/roots.inc, which is compiled in.
Usage: ca_roots.py ROOT            fail when roots.inc is not what roots.pem makes, or a fingerprint in roots.pem is wrong
       ca_roots.py ROOT --update   write roots.inc
       ca_roots.py --self-test"""
import base64
import hashlib
import os
import re
import sys

from cf_tool import read, report, self_test

PEM, INC = "sys/tls/roots.pem", "sys/tls/roots.inc"
COLUMNS = 16
BLOCK = re.compile(r"^# SHA-256 (\w+)\n-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=\n]+?)\n-----END CERTIFICATE-----$", re.M)


def certificates(root, bad):
    """The DER of each certificate, whose fingerprint stands in the line before it."""
    text, found = read(root, PEM), []
    for told, body in BLOCK.findall(text):
        der = base64.b64decode(body, validate=False)
        found.append(der)
        if hashlib.sha256(der).hexdigest() != told:
            bad.append(f"{PEM}: certificate {len(found)} does not have the fingerprint that stands before it")
    if not found or len(found) != text.count("BEGIN"):
        bad.append(f"{PEM}: {text.count('BEGIN')} certificates, of which {len(found)} have a fingerprint before them")
    return found


def table(certs):
    out = ["/* SPDX-License-Identifier: Apache-2.0 */", f"/* Made from {PEM} by tools/ca_roots.py; do not edit. */"]
    for number, der in enumerate(certs):
        out.append(f"static const uint8_t root_{number}[] = {{")
        out += ["    " + " ".join(f"0x{octet:02x}," for octet in der[at:at + COLUMNS]) for at in range(0, len(der), COLUMNS)]
        out.append("};")
    out.append("static const cf_view built_in_roots[] = {")
    out += [f"    {{root_{number}, sizeof root_{number}}}," for number in range(len(certs))]
    return "\n".join(out + ["};"]) + "\n"


def check(root, mode=None):
    bad = []
    certs = certificates(root, bad)
    text, path = table(certs), os.path.join(root, INC)
    if mode == "--update" and not bad:
        with open(path, "w", encoding="utf8") as file:
            file.write(text)
    elif not os.path.exists(path) or read(root, INC) != text:
        bad.append(f"{INC} is not what {PEM} makes; run tools/ca_roots.py . --update")
    return report("ca_roots", bad, f"{len(certs)} certificates")


def cases():
    der = b"not a certificate, but that is for the program to say"
    body = base64.b64encode(der).decode()
    pem = f"# SHA-256 {hashlib.sha256(der).hexdigest()}\n-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    tree = {PEM: pem, INC: table([der])}
    return {
        "clean tree": (tree, None),
        "two": ({PEM: pem + pem, INC: table([der, der])}, None),
        "other certificate": (dict(tree, **{PEM: pem.replace("bm90", "bm91")}), "does not have the fingerprint"),
        "other table": (dict(tree, **{INC: tree[INC].replace("0x6e", "0x6f", 1)}), "is not what"),
        "no table": ({PEM: pem}, "is not what"),
        "one more": (dict(tree, **{PEM: pem + pem}), "is not what"),
        "no fingerprint": (dict(tree, **{PEM: pem + pem.split("\n", 1)[1]}), "2 certificates, of which 1"),
        "nothing": ({PEM: "", INC: ""}, "0 certificates"),
    }


if __name__ == "__main__":
    if sys.argv[1] == "--self-test":
        sys.exit(self_test(os.path.abspath(__file__), cases()))
    sys.exit(check(*sys.argv[1:3]))
