#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tries the functions of cmake/ on a small tree: links by LAYERS, programs, tests, fuzz targets, benches, and what must be refused.
Usage: check_cmake.py ROOT. Exit 1 and one line per expectation that does not hold."""
import os
import shutil
import subprocess
import sys
import tempfile

from cf_tool import report

LAYERS = """core/base yes -
core/crypto yes core/base | openssl/*
core/wire yes -
host/cli no core/base core/crypto core/wire
"""
COMPONENT_CLI = """cf_component(host/cli SOURCES main.c)
cf_program(small COMPONENTS host/cli)
cf_test(core/base/one_test.c COMPONENTS core/base)
cf_fuzz(one COMPONENTS core/base)
cf_bench(one COMPONENTS core/base)
"""
TREE = {
    "LAYERS": LAYERS,
    "core/base/CMakeLists.txt": "cf_component(core/base SOURCES one.c)\n",
    "core/base/one.h": "#pragma once\nint one(void);\n",
    "core/base/one.c": '#include "core/base/one.h"\nint one(void)\n{\n    return 1;\n}\n',
    "core/crypto/CMakeLists.txt": "cf_component(core/crypto SOURCES name.c LIBS cf_crypto)\n",
    "core/crypto/name.h": "#pragma once\nconst char *name(void);\n",
    "core/crypto/name.c": '#include "core/crypto/name.h"\n#include <openssl/crypto.h>\nconst char *name(void)\n{\n'
                          "    OPENSSL_cleanse((void *)(char[1]){1}, 1);\n    return CF_CRYPTO_NAME;\n}\n",
    "core/wire/CMakeLists.txt": "cf_component(core/wire SOURCES two.c)\n",
    "core/wire/two.h": "#pragma once\nint two(void);\n",
    "core/wire/two.c": '#include "core/wire/two.h"\nint two(void)\n{\n    return 2;\n}\n',
    "host/cli/CMakeLists.txt": COMPONENT_CLI,
    "host/cli/main.c": '#include "core/base/one.h"\n#include "core/crypto/name.h"\n#include "core/wire/two.h"\n#include <stdio.h>\n'
                       'int main(void)\n{\n    printf("%d %s\\n", one() + two(), name());\n    return 0;\n}\n',
    "tests/unit/core/base/one_test.c": '#include "core/base/one.h"\n#include <stdlib.h>\nint main(void)\n{\n'
                                       '    return one() == 1 && getenv("CF_VECTORS") != NULL ? 0 : 1;\n}\n',
    "fuzz/one.c": '#include "core/base/one.h"\n#include <stddef.h>\n#include <stdint.h>\n'
                  "int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)\n{\n"
                  "    if (size == 1 && data[0] == 'x') {\n        __builtin_trap();\n    }\n    return one() - 1;\n}\n",
    "fuzz/corpus/one/a": "a",
    "bench/one.c": '#include "core/base/one.h"\nint main(void)\n{\n    return one() - 1;\n}\n',
}
# Enough of an AWS-LC, and of a machine without static libraries, to be configured with.
DYNAMIC = {
    "awslc/include/openssl/base.h": '#define OPENSSL_IS_AWSLC\n#define AWSLC_VERSION_NUMBER_STRING "1.2.3"\n',
    "awslc/lib/libcrypto.a": "",
    "cmake/CfLibraries.cmake": 'set(CF_STATIC_LACKS libjansson.a)\n',
    "host/cli/CMakeLists.txt": COMPONENT_CLI.replace("small ", "small STATIC "),
}
NO_AWSLC = ("-DCF_AWSLC_ROOT=", "-DCMAKE_PREFIX_PATH=")


class Tree:
    """A copy of the small tree with changes, in a folder of its own, with the repository's cmake/."""

    def __init__(self, root, changes=None):
        self.path = tempfile.mkdtemp()
        for name in ("CMakeLists.txt", "cmake", "tools", "scripts", "fuzz/driver"):
            source, target = os.path.join(root, name), os.path.join(self.path, name)
            if os.path.isdir(source):
                shutil.copytree(source, target)
            else:
                shutil.copy(source, target)
        for path, text in {**TREE, **(changes or {})}.items():
            if text is not None:
                full = os.path.join(self.path, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf8") as file:
                    file.write(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def run(self, *command, **environment):
        """Exit status and all output."""
        run = subprocess.run(command, cwd=self.path, capture_output=True, text=True, env={**os.environ, **environment})
        return run.returncode, run.stdout + run.stderr

    def configure(self, *arguments, **environment):
        return self.run("cmake", "-G", "Ninja", "-S", ".", "-B", "b", "-DCF_CRYPTO=openssl", *arguments, **environment)

    def build(self):
        return self.run("cmake", "--build", "b", "-j", "2")


def good_tree(root, expect):
    with Tree(root) as tree:
        status, output = tree.configure("-DCMAKE_BUILD_TYPE=Release")
        expect("the tree configures", status == 0, output)
        status, output = tree.build()
        expect("the tree builds", status == 0, output)
        status, output = tree.run("b/bin/small")
        expect("the program runs and names libcrypto", status == 0 and output.startswith("3 OpenSSL 3"), output)
        expect("the program has a link map", os.path.exists(os.path.join(tree.path, "b/bin/small.map")), "")
        expect("the bench is built", tree.run("b/bin/bench_one")[0] == 0, "")
        status, output = tree.run("ctest", "--test-dir", "b", "-R", "^(unit|fuzz)/")
        expect("unit test and corpus pass", status == 0 and "out of 2" in output, output)
        with open(os.path.join(tree.path, "fuzz/corpus/one/b"), "w", encoding="utf8") as file:
            file.write("x")
        status, output = tree.run("ctest", "--test-dir", "b", "-R", "^fuzz/")
        expect("an input that crashes fails the replay", status != 0, output)


def links_by_row(root, expect):
    with Tree(root, {"LAYERS": LAYERS.replace("core/crypto core/wire\n", "core/crypto\n")}) as tree:
        tree.configure()
        status, output = tree.build()
        expect("what LAYERS does not name is not linked", status != 0 and "undefined reference" in output and "two" in output, output)


def refused(root, expect):
    cases = (
        ("a component without a row", {"LAYERS": LAYERS.replace("core/wire yes -\n", "").replace(" core/wire", ""),
                                       "core/base/CMakeLists.txt": "cf_component(core/wire SOURCES ../wire/two.c)\n"}, (), "has no row in LAYERS"),
        ("libcrypto outside core/crypto", {"core/wire/CMakeLists.txt": "cf_component(core/wire SOURCES two.c LIBS cf_crypto)\n"}, (),
         "only core/crypto, sys/tls and host/tls"),
        ("an unknown CF_CRYPTO", {}, ("-DCF_CRYPTO=none",), "must be auto, awslc or openssl"),
        ("CF_CRYPTO=awslc without AWS-LC", {}, ("-DCF_CRYPTO=awslc", *NO_AWSLC), "no AWS-LC was found"),
        ("libFuzzer with gcc", {}, ("-DCF_SANITIZE=ON", "-DCF_FUZZ=ON", "-DCMAKE_C_COMPILER=gcc"), "needs clang"),
    )
    for name, changes, arguments, words in cases:
        with Tree(root, changes) as tree:
            status, output = tree.configure(*arguments, XDG_CACHE_HOME=tree.path)
            expect(f"refused: {name}", status != 0 and words in " ".join(output.split()), output)


def static_or_not(root, expect):
    awslc, release = ("-DCF_CRYPTO=awslc", "-DCF_AWSLC_ROOT=awslc"), "-DCMAKE_BUILD_TYPE=Release"
    cases = (
        ("a release without static libraries", (*awslc, release), False),
        ("the same on purpose", (*awslc, release, "-DCF_ALLOW_DYNAMIC_ENCLAVE=ON"), True),
        ("a debug build without static libraries", awslc, True),
        ("sanitizers without static libraries", (*awslc, release, "-DCF_SANITIZE=ON"), True),
        ("OpenSSL without static libraries", (release,), True),
    )
    for name, arguments, works in cases:
        with Tree(root, DYNAMIC) as tree:
            status, output = tree.configure(*(a.replace("=awslc", f"={tree.path}/awslc") if "ROOT" in a else a for a in arguments))
            words = "linked dynamically" if works else "a release needs libjansson.a"
            expect(name, (status == 0) == works and words in " ".join(output.split()), output)


def said(root, expect):
    with Tree(root) as tree:
        status, output = tree.configure("-DCF_CRYPTO=auto", *NO_AWSLC, XDG_CACHE_HOME=tree.path)
        expect("the fallback to OpenSSL is said", status == 0 and "AWS-LC was not found" in output, output)
    with Tree(root, {"fuzz/one.c": None, "bench/one.c": None}) as tree:
        status, output = tree.configure()
        expect("a missing source does not stop the others", status == 0 and "no such source" in output and tree.build()[0] == 0, output)
        status, output = tree.run("ctest", "--test-dir", "b", "-R", "^missing_")
        expect("a missing source is a failing test", status != 0 and "0% tests passed" in output and "2 tests failed out of 2" in output, output)


def main(root):
    bad, count = [], 0

    def expect(name, holds, output):
        nonlocal count
        count += 1
        if not holds:
            bad.append(f"does not hold: {name}\n{output[-3000:]}")

    for part in (good_tree, links_by_row, refused, static_or_not, said):
        part(os.path.abspath(root), expect)
    return report("cmake", bad, f"{count} expectations hold")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
