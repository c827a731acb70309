# SPDX-License-Identifier: Apache-2.0
"""core/unicode against Python's own tables: categories, and full upper and lower case of every code point and of words with sigmas.
Python may have another version of Unicode; what only one of the two knows is left out."""
import os
import pathlib
import random
import subprocess
import unicodedata

CATEGORIES = "Cc Cf Co Cs Ll Lm Lo Lt Lu Mc Me Mn Nd Nl No Pc Pd Pe Pf Pi Po Ps Sc Sk Sm So Zl Zp Zs".split()


def ask(lines):
    path = pathlib.Path(os.environ.get("CF_BIN", "build/release/bin")) / "unicode_tool"
    done = subprocess.run([path], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=60, check=True)
    answers = done.stdout.split("\n")[:-1]
    assert len(answers) == len(lines)
    return answers


def ours():
    """Category of every code point that we hold for assigned."""
    found = {}
    for name, answer in zip(CATEGORIES, ask([f"set {name}" for name in CATEGORIES])):
        for part in answer.split():
            lo, hi = map(int, part.split("-"))
            found.update(dict.fromkeys(range(lo, hi + 1), name))
    return found


def known_to_both():
    found = ours()
    return {c: name for c, name in found.items() if unicodedata.category(chr(c)) != "Cn"}


def test_categories():
    both = known_to_both()
    assert len(both) > 280_000
    assert [hex(c) for c, name in both.items() if unicodedata.category(chr(c)) != name] == []


def compare(verb, texts):
    answers = ask([f"{verb} {text.encode().hex()}" for text in texts])
    wrong = [(text, bytes.fromhex(answer).decode()) for text, answer in zip(texts, answers)
             if bytes.fromhex(answer).decode() != getattr(text, verb)()]
    assert wrong == []


def test_case_of_every_code_point():
    both = known_to_both()
    texts = [f"a{chr(c)}" for c, name in both.items() if name not in ("Cs", "Co")]
    # A result that we do not know for assigned is of a newer version.
    for verb in ("lower", "upper"):
        compare(verb, [text for text in texts if all(ord(c) in both for c in getattr(text, verb)())])


def test_case_of_words():
    rng = random.Random(5)
    letters = "ΣσςΑαAa1 '.\u0301\u00ad\u02b0\u0345ßİ\u0587\ufb03\U00010400-"
    texts = ["".join(rng.choice(letters) for _ in range(rng.randrange(1, 12))) for _ in range(20_000)]
    for verb in ("lower", "upper"):
        compare(verb, texts)
