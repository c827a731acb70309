#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Words that no committed file may hold: paths of somebody's machine, hosts of package registries, secrets, left-overs.
Usage: check_words.py ROOT | --self-test. Looks at the files that git tracks or would track. Exit 1, one line per breach."""
import os
import re
import subprocess
import sys

from cf_tool import report, self_test

# Split in two, so that this file does not hold the words that it looks for.
HOSTS = ("deb." + "debian.org", "security." + "debian.org", "archive." + "ubuntu.com", "pypi." + "org", "pypi.python." + "org",
         "files.python" + "hosted.org", "registry." + "npmjs.org", "registry.npmjs." + "com", "crates." + "io", "proxy." + "golang.org",
         "repo.maven." + "apache.org", "registry." + "yarnpkg.com", "ghcr." + "io", "docker." + "io", "quay." + "io")
RULES = {
    "a path of this machine": re.compile(r"(?<![\w./~-])/(?:wo" + r"rk|tmp/h|home/[a-z]\w*|ro" + r"ot)/[\w.]"),
    "a path outside the repository": re.compile(r"\.\./sha" + r"red\b"),
    "the host of a package registry": re.compile("|".join(re.escape(host) for host in HOSTS)),
    "a private key": re.compile("-----BEGIN [A-Z ]*PRIVATE " + "KEY-----"),
    "a merge left-over": re.compile(r"^(?:<{7} |>{7} )", re.M),
    "the number of an issue": re.compile(r"\bissue(?:\s+|\s*#)\d+\b", re.I),
    "unfinished work without a home": re.compile(r"\b(?:FIX" + r"ME|XX" + r"X|HA" + r"CK)\b"),
}
# Published vectors are kept as they were published.
SKIP = re.compile(r"^(?:LICENSE$|tests/vectors/)")
FILE_BYTES_MAX = 4 * 1024 * 1024


def tracked(root):
    """What git tracks or would track; the whole tree where git is not there."""
    command = ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    run = subprocess.run(command, capture_output=True)
    if run.returncode == 0:
        return sorted(set(run.stdout.decode().split("\0")) - {""})
    paths = (os.path.relpath(os.path.join(here, name), root) for here, _, names in os.walk(root) for name in names)
    return sorted(path for path in paths if not path.startswith("build/"))


def check(root):
    bad, count = [], 0
    for path in tracked(root):
        full = os.path.join(root, path)
        if SKIP.match(path) or not os.path.isfile(full) or os.path.islink(full):
            continue
        if os.path.getsize(full) > FILE_BYTES_MAX:
            bad.append(f"{path}: larger than {FILE_BYTES_MAX} bytes")
            continue
        with open(full, "rb") as file:
            data = file.read()
        if b"\0" in data:
            continue
        count += 1
        text = data.decode("utf8", "replace")
        for name, pattern in RULES.items():
            for match in pattern.finditer(text):
                bad.append(f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {name}: {match[0]}")
    return report("words", bad, f"{count} files clean")


CASES = {
    "clean tree": ({"a.md": "See build/debug/bin, /dev/nsm, /var/lib/coffer, framework/x and https://docs.example/work/\n"}, None),
    "a path of this machine": ({"a.md": "\nrun it in /wo" + "rk/main\n"}, "a.md:2: a path of this machine"),
    "a home folder": ({"a.sh": "cd /home/" + "jane/x\n"}, "a path of this machine"),
    "outside the repository": ({"a.md": "../sha" + "red/x\n"}, "outside the repository"),
    "a registry": ({"a.txt": "https://" + HOSTS[0] + "/x\n"}, "package registry"),
    "another registry": ({"a.txt": "https://" + HOSTS[3] + "/simple\n"}, "package registry"),
    "a private key": ({"k.pem": "-----BEGIN EC PRIVATE " + "KEY-----\n"}, "a private key"),
    "an issue": ({"a.md": "see issue " + "12\n"}, "number of an issue"),
    "a merge left-over": ({"a.c": "<<<<<<" + "< HEAD\n"}, "merge left-over"),
    "vectors stay as published": ({"tests/vectors/a.txt": "/wo" + "rk/x\n"}, None),
}

if __name__ == "__main__":
    if sys.argv[1] == "--self-test":
        sys.exit(self_test(os.path.abspath(__file__), CASES))
    sys.exit(check(sys.argv[1]))
