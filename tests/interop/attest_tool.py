# SPDX-License-Identifier: Apache-2.0
"""Drives tests/interop/attest_tool.c: our side of attestation documents and CMS."""
import os
import pathlib
import subprocess


class Refused(Exception):
    """The tool's error: code, and of verify the stage."""

    def __init__(self, code, stage=None):
        super().__init__(f"{code} {stage or ''}")
        self.code, self.stage = code, stage


def number(n):
    return int(n).to_bytes(8, "big")


class Tool:
    def __init__(self, bin=None):
        path = pathlib.Path(bin or os.environ.get("CF_BIN", "build/release/bin")) / "attest_tool"
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask_words(self, verb, *words):
        self.process.stdin.write(" ".join([verb, *(w.hex() or "-" for w in words)]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        assert answer, "the tool ended"
        if answer[0] == "error":
            raise Refused(*answer[1:3])
        return answer

    def ask(self, verb, *words):
        return bytes.fromhex(self.ask_words(verb, *words)[0].replace("-", ""))

    def root(self, folder):
        """The certificate of the software root of that folder, which is made at first use."""
        return self.ask("root", os.fsencode(folder))

    def doc(self, folder, pcr0, at_ms, public_key=None, user_data=None, nonce=None, path_ms=None):
        """A document of that time; path_ms: its certificates are of another."""
        flags = (public_key is not None) | (user_data is not None) << 1 | (nonce is not None) << 2
        return self.ask("doc", os.fsencode(folder), pcr0, number(at_ms if path_ms is None else path_ms), number(at_ms), bytes([flags]),
                        public_key or b"", user_data or b"", nonce or b"")

    def nsm(self, folder, pcr0, request):
        return self.ask("ask", os.fsencode(folder), pcr0, request)

    def verify(self, root, doc, now_ms=0, age_ms=0):
        """(module id, PCR0); Refused with its stage otherwise."""
        stage, module, pcr0 = self.ask_words("verify", root, number(now_ms), number(age_ms), doc)
        assert stage == "holds"
        return bytes.fromhex(module).decode(), bytes.fromhex(pcr0.replace("-", ""))

    def open(self, pkcs8, cms):
        return self.ask("open", pkcs8, cms)

    def make(self, spki, form, plaintext):
        return self.ask("make", spki, bytes([form]), plaintext)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=10) == 0
