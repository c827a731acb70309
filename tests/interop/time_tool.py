# SPDX-License-Identifier: Apache-2.0
"""Drives tests/interop/time_tool.c: many requests, one process."""
import os
import pathlib
import subprocess


def ask(requests):
    """The answers to the requests, each a line."""
    path = pathlib.Path(os.environ.get("CF_BIN", "build/release/bin")) / "time_tool"
    done = subprocess.run([path], input="".join(f"{r}\n" for r in requests), stdout=subprocess.PIPE, text=True, check=True)
    answers = done.stdout.split("\n")
    assert answers.pop() == "" and len(answers) == len(requests)
    return answers


def compare(pairs):
    """Asks for the first of each pair and expects the second; shows the first few that differ."""
    pairs = list(pairs)
    got = ask([request for request, _ in pairs])
    bad = [f"{request}: {answer}, not {want}" for (request, want), answer in zip(pairs, got) if answer != want]
    assert not bad, f"{len(bad)} of {len(pairs)}: " + "; ".join(bad[:10])
    return len(pairs)
