#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads release programs and archives and fails where a hardening that the build asks for did not arrive.
Usage: check_hardening.py [--lib DIR] PROGRAM... | --self-test. Exit 1 and one line per breach.

Of a program: position independent, RELRO with immediate binding, no executable stack, no segment both writable and executable,
no text relocations, no run path, stack protector called, branch targets marked (x86-64), nothing of libcrypto exported.
Of the archives in DIR: FORTIFY and the stack protector are called somewhere, every object of ours carries the CET note (x86-64)
and, where the compiler records its options (gcc), was compiled with all of them."""
import glob
import os
import platform
import re
import subprocess
import sys

from cf_tool import report, self_test

X86 = platform.machine() == "x86_64"
LIBCRYPTO = re.compile(r"^(?:EVP|SSL|CRYPTO|BN|EC|ECDSA|X509|RSA|ASN1|OPENSSL|HMAC|HKDF|AES|SHA\d+)_")
GCC_OPTIONS = ["-O2", "-fstack-protector-strong", "-fstack-clash-protection"] + (["-fcf-protection=full"] if X86 else [])


def tool(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def check_program(path):
    name = os.path.basename(path)
    segments, dynamic = tool("readelf", "-lW", path), tool("readelf", "-dW", path)
    flags = " ".join(re.findall(r"\((?:FLAGS|FLAGS_1|BIND_NOW|TEXTREL)\)\s*(.*)", dynamic)) + dynamic
    stack = re.search(r"GNU_STACK\s+(?:0x\w+\s+){5}(\S*)\s", segments)
    if "Elf file type is DYN" not in segments or not re.search(r"Flags:.*\bPIE\b", dynamic):
        yield f"{name}: not position independent"
    if "GNU_RELRO" not in segments:
        yield f"{name}: no RELRO"
    if not re.search(r"\bBIND_NOW\b|Flags:.*\bNOW\b", flags):
        yield f"{name}: binds lazily, so that RELRO is partial"
    if stack is None or "E" in stack[1]:
        yield f"{name}: executable stack"
    if re.search(r"LOAD\s+(?:0x\w+\s+){5}RWE", segments):
        yield f"{name}: a segment is writable and executable"
    if "TEXTREL" in dynamic:
        yield f"{name}: text relocations"
    if re.search(r"\((?:RPATH|RUNPATH)\)", dynamic):
        yield f"{name}: a run path"
    symbols = tool("readelf", "-sW", path)
    if "__stack_chk_fail" not in symbols:
        yield f"{name}: no stack protector"
    if X86:
        code = tool("objdump", "-d", "--no-show-raw-insn", "--disassemble=main", path)
        first = re.search(r"<main>:\n\s*\w+:\s*(\w+)", code)
        if first and first[1] != "endbr64":
            yield f"{name}: main does not begin with endbr64 (CET)"
    exported = [s for s in re.findall(r"^\S+ [A-TV-Z] (\S+)$", tool("nm", "-D", "--defined-only", path), re.M) if LIBCRYPTO.match(s)]
    if exported:
        yield f"{name}: exports functions of libcrypto, which other libraries would run into: {exported[0]} and {len(exported) - 1} more"


def check_archives(folder):
    archives = sorted(glob.glob(os.path.join(folder, "*.a")))
    if not archives:
        yield f"{folder}: no archives"
        return
    undefined = "".join(tool("nm", "-u", archive) for archive in archives)
    if "__stack_chk_fail" not in undefined:
        yield "archives: the stack protector is called nowhere"
    if not re.search(r"__(?!stack)\w+_chk\b", undefined):
        yield "archives: FORTIFY is called nowhere"
    for archive in archives:
        base = os.path.basename(archive)
        for block in tool("readelf", "-nW", archive).split("\nFile: ")[1:] if X86 else []:
            if "IBT" not in block or "SHSTK" not in block:
                yield f"{block.split(chr(10))[0]}: no CET note"
        producers = tool("readelf", "--debug-dump=info", "--dwarf-depth=1", archive)
        for producer in set(re.findall(r"DW_AT_producer\s*:.*?(GNU C\S* .*)$", producers, re.M)):
            for option in GCC_OPTIONS:
                if option not in producer.split():
                    yield f"{base}: compiled without {option}"


def check(arguments):
    bad = []
    if arguments[:1] == ["--lib"]:
        bad += check_archives(arguments[1])
        arguments = arguments[2:]
    for program in arguments:
        bad += check_program(program) if os.path.exists(program) else [f"{program}: not built"]
    return report("hardening", bad, f"{len(arguments)} programs hardened")


SOURCE = ('#include <stdio.h>\n#include <string.h>\n__attribute__((visibility("default"))) void EVP_x(void);\nvoid EVP_x(void) {}\n'
          'int main(int c, char **v) { char b[64]; strcpy(b, v[c - 1]); return printf("%s", b) < 0; }\n')
GOOD = ("-O2 -g1 -fPIE -fstack-protector-strong -fstack-clash-protection " + ("-fcf-protection=full " if X86 else "") +
        "-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack")
CASES = {
    "all hardenings": ({"flags": GOOD}, None),
    "fixed address": ({"flags": GOOD.replace("-pie", "-no-pie").replace("-fPIE", "-fno-pie")}, "not position independent"),
    "lazy binding": ({"flags": GOOD + " -Wl,-z,lazy"}, "binds lazily"),
    "no RELRO": ({"flags": GOOD + " -Wl,-z,norelro"}, "no RELRO"),
    "executable stack": ({"flags": GOOD + " -Wl,-z,execstack"}, "executable stack"),
    "no stack protector": ({"flags": GOOD + " -fno-stack-protector"}, ["p: no stack protector", "called nowhere"]),
    "no FORTIFY": ({"flags": GOOD + " -U_FORTIFY_SOURCE"}, "FORTIFY is called nowhere"),
    "no stack clash protection": ({"flags": GOOD + " -fno-stack-clash-protection"}, "without -fstack-clash-protection"),
    "a run path": ({"flags": GOOD + " -Wl,-rpath,/usr/local/lib"}, "a run path"),
    "exports libcrypto": ({"flags": GOOD + " -rdynamic"}, "exports functions of libcrypto"),
}
if X86:
    CASES["no CET"] = ({"flags": GOOD + " -fcf-protection=none"}, ["no CET note", "endbr64"])


def compile_case(root):
    with open(os.path.join(root, "flags"), encoding="utf8") as file:
        flags = file.read().split()
    with open(os.path.join(root, "a.c"), "w", encoding="utf8") as file:
        file.write(SOURCE)
    subprocess.run(["gcc", *flags, "-c", "a.c", "-o", "a.o"], check=True, cwd=root, stderr=subprocess.DEVNULL)
    subprocess.run(["ar", "rc", "liba.a", "a.o"], check=True, cwd=root)
    subprocess.run(["gcc", *flags, "a.o", "-o", "p"], check=True, cwd=root, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    if sys.argv[1] == "--self-test":
        sys.exit(self_test(os.path.abspath(__file__), CASES, lambda root: ["--lib", root, os.path.join(root, "p")], compile_case))
    sys.exit(check(sys.argv[1:]))
