# SPDX-License-Identifier: Apache-2.0
"""examples/: the generator gives the file that is there, and every line of it goes in, is sealed, and comes out as it was."""
import concurrent.futures
import json
import re
import subprocess
import sys
import unicodedata

from clients import Link
from programs import BIN, PEOPLE, ROOT, Up


def test_people_are_the_generators():
    run = subprocess.run([sys.executable, ROOT / "examples/make_people.py"], capture_output=True, timeout=60)
    assert run.returncode == 0 and run.stdout == PEOPLE.read_bytes()
    few = subprocess.run([sys.executable, ROOT / "examples/make_people.py", "3"], capture_output=True, timeout=60)
    assert few.stdout == b"".join(PEOPLE.read_bytes().splitlines(keepends=True)[:3])


def test_people_are_what_they_are_said_to_be():
    people = [json.loads(line) for line in PEOPLE.read_text().splitlines()]
    assert len(people) == 1000 and len({p["email"] for p in people}) == 1000
    scripts = {unicodedata.name(c).split()[0] for p in people for c in p["first_name"] + p["last_name"] if c.isalpha()}
    assert len(scripts) >= 15, scripts
    for p in people:  # nobody's: numbers that are kept free
        assert p["ssn9"].startswith("9") and p["email"].endswith("@example.org") and p["phone_number"][5:].startswith("55501")


def test_people_go_in_and_come_out(tmp_path):
    people = [json.loads(line) for line in PEOPLE.read_text().splitlines()]
    journal = tmp_path / "journal"
    with Up(tmp_path / "state") as up:
        run = up.coffer("import", PEOPLE, "--journal", journal, "--json", check=0)
        assert json.loads(run.stdout) == {"done": 1000, "bad": 0, "skipped": 0, "bad_before": 0, "in_doubt": 0, "complete": True}
        ids = {int(r.split()[1]): r.split()[2] for r in journal.read_text().splitlines() if r.startswith("done ")}

        def check(lines):
            link = Link(up.port, up.token)
            for line in lines:
                person = people[line - 1]
                answer = link.call("POST", f"/v1/vaults/{ids[line]}/decrypt", {"fields": [*person, "ssn4"], "reason": "test"})
                assert answer == (200, {"data": {**person, "ssn4": person["ssn9"][5:]}, "errors": []}), line
            link.close()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(check, [range(1 + i, 1001, 4) for i in range(4)]))
        assert up.coffer("audit", "verify", check=0).stdout.endswith(" 1000 rows, 1 tokens: whole\n")
        rows = up.coffer("export", "--ciphertext", check=0).stdout.splitlines()
        assert len(rows) == 1000 and {json.loads(row)["id"] for row in rows} == set(ids.values())
        # nothing is opened by an export, and nothing that was sealed lies open in the store
        stored = b"".join(p.read_bytes() for p in (up.state / "api").iterdir()) + "".join(rows).encode() + up.log_text().encode()
    for person in people:
        assert person["email"].encode() not in stored and person["ssn9"].encode() not in stored


def test_the_engine_is_embedded_as_its_page_tells(tmp_path):
    """docs/cel.md section 16: the command it gives makes a program that prints what stands beside its source."""
    command = re.search(r"^cc .* examples/cel_embed.c .*$", (ROOT / "docs/cel.md").read_text(), re.M)[0].split()
    command = [f"-L{BIN.parent}/lib" if word.startswith("-L") else word for word in command]
    subprocess.run([*command, "-o", tmp_path / "cel_embed"], cwd=ROOT, check=True, timeout=120)
    run = subprocess.run([tmp_path / "cel_embed"], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout == (ROOT / "examples/cel_embed.out").read_text() and run.stderr == ""
