# SPDX-License-Identifier: Apache-2.0
"""Offsets of all time zones against Python's zoneinfo. Both come from tests/vectors/tz/tzdata.zi, ours by way of the committed table,
Python's by way of the files that this machine's zic makes of it. What the machine itself has in /usr/share/zoneinfo does not matter."""
import datetime
import os
import pathlib
import random
import struct
import subprocess
import zoneinfo

import pytest
from time_tool import ask, compare

ZI = pathlib.Path(os.environ.get("CF_VECTORS", "tests/vectors")) / "tz" / "tzdata.zi"
UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1)
DAY = 86400
# A day inside the range: Python has no local time beyond the years 1 and 9999.
FIRST, LAST = -62135596800 + DAY, 253402300799 - DAY
RANDOM_INSTANTS = 150


def at(year):
    return int((datetime.datetime(year, 1, 1) - EPOCH).total_seconds())


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Name -> content, of every zone and link."""
    folder = tmp_path_factory.mktemp("zones")
    subprocess.run(["zic", "-b", "fat", "-d", folder, ZI], check=True)
    found = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert len(found) > 590
    return found


def changes(data):
    """The instants of the 64-bit part of a TZif file."""
    skip = struct.unpack(">6I", data[20:44])
    start = 44 + skip[3] * 5 + skip[4] * 6 + skip[5] + skip[2] * 8 + skip[1] + skip[0]
    count = struct.unpack(">I", data[start + 32:start + 36])[0]
    return struct.unpack(f">{count}q", data[start + 44:start + 44 + 8 * count])


class Peer:
    """Python's answer for one zone."""

    def __init__(self, data, folder):
        path = folder / "one"
        path.write_bytes(data)
        with open(path, "rb") as file:
            self.zone = zoneinfo.ZoneInfo.from_file(file)

    def offset(self, instant):
        moment = (EPOCH + datetime.timedelta(seconds=instant)).replace(tzinfo=self.zone)
        return int(self.zone.fromutc(moment).utcoffset().total_seconds())

    def changes_by_rule(self, first, last):
        """The instants between two times at which the offset changes, found by looking once a week."""
        week = 7 * DAY
        before = self.offset(first)
        for end in range(first + week, last, week):
            now = self.offset(end)
            if now != before:
                low, high = end - week, end
                while high - low > 1:
                    middle = (low + high) // 2
                    low, high = (low, middle) if self.offset(middle) != before else (middle, high)
                yield high
            before = now


def instants_of(data, peer, rng):
    near = set()
    for change in [*changes(data), *peer.changes_by_rule(at(2036), at(2101))]:
        near |= {change - 86400, change - 61, change - 1, change, change + 1, change + 59, change + 86400}
    near |= {at(year) + shift for year in (1900, 1970, 2000, 2100, 2101, 2400, 5000, 9999) for shift in (-1, 0, 1, 182 * DAY)}
    near |= {FIRST, LAST} | {rng.randint(FIRST, LAST) for _ in range(RANDOM_INSTANTS)}
    near |= {rng.randint(at(1900), at(2101)) for _ in range(RANDOM_INSTANTS)}
    return sorted(t for t in near if FIRST <= t <= LAST)


def test_version():
    with open(ZI, encoding="ascii") as file:
        assert file.readline().split() == ["#", "version", *ask(["version"])]


def test_every_zone(files, tmp_path):
    rng = random.Random(4)
    known = {}
    for data in set(files.values()):
        peer = Peer(data, tmp_path)
        known[data] = [(t, peer.offset(t)) for t in instants_of(data, peer, rng)]
    asked = compare((f"zone {name} {t}", str(offset)) for name, data in files.items() for t, offset in known[data])
    assert len(known) > 300 and asked > 400000


def test_names_of_the_database_alone(files):
    wrong = [n for name in files for n in (name + "x", name[:-1], name.swapcase()) if n not in files and not n == ""]
    assert set(ask([f"zone {name} 0" for name in wrong])) == {"error not_found"} and len(wrong) > 1000
