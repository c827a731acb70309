#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes core/time/zone_table.inc: the offsets of the IANA time zone database as C tables.
Usage: make_zones.py TZDATA_ZI > core/time/zone_table.inc; TZDATA_ZI is the text form of the database (tests/vectors/tz/tzdata.zi).
It runs zic and reads what that makes (TZif, RFC 8536): the long form, from which it leaves out itself what the rule after the last
change tells as well, since the short form of some versions of zic lacks changes (glibc 2.36: Asia/Gaza from 2073 on).
core/time/zone.c describes the tables by their use; what they can not hold makes this script fail."""
import bisect
import datetime
import os
import re
import struct
import subprocess
import sys
import tempfile

MINUTE_BITS, TYPE_BITS = 28, 4
NAME_BYTES = 32
COLUMNS = 132


def names_of(zi):
    """Version, and the names of all zones and links."""
    with open(zi, encoding="ascii") as file:
        lines = file.read().split("\n")
    version = re.fullmatch(r"# version (\w+)", lines[0])[1]
    words = [line.split() for line in lines]
    return version, sorted({w[1] for w in words if w and w[0] == "Z"} | {w[2] for w in words if w and w[0] == "L"})


def read_tzif(data):
    """([(instant, offset)], offset before the first, footer) of the 64-bit part."""
    def head(at):
        assert data[at:at + 4] == b"TZif" and data[at + 4:at + 5] in b"234"
        return struct.unpack(">6I", data[at + 20:at + 44])

    isut, isstd, leap, times, types, chars = head(0)
    at = 44 + times * 5 + types * 6 + chars + leap * 8 + isstd + isut
    isut, isstd, leap, times, types, chars = head(at)
    assert leap == 0, "leap seconds"
    at += 44
    instants = struct.unpack(f">{times}q", data[at:at + 8 * times])
    at += 8 * times
    indexes = data[at:at + times]
    at += times
    offsets = [struct.unpack(">i", data[at + 6 * i:at + 6 * i + 4])[0] for i in range(types)]
    at += 6 * types + chars + isstd + isut
    assert data[at:at + 1] == b"\n" and data.endswith(b"\n")
    return [(t, offsets[i]) for t, i in zip(instants, indexes)], offsets[0], data[at + 1:-1].decode("ascii")


def hms(text):
    sign = -1 if text.startswith("-") else 1
    h, m, s = (list(map(int, text.lstrip("+-").split(":"))) + [0, 0])[:3]
    return sign * (h * 3600 + m * 60 + s)


def rule_of(footer):
    """(standard, summer, start, end) of a POSIX TZ string, offsets east; start and end as (month, week, weekday, seconds), or None."""
    name, offset = r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]+>)", r"[+-]?\d+(?::\d+){0,2}"
    m = re.fullmatch(rf"{name}({offset})(?:{name}({offset})?,([^,]+),([^,]+))?", footer)
    assert m, footer
    standard = -hms(m[1])
    if m[3] is None:
        return standard, standard, None, None

    def date(text):
        d = re.fullmatch(rf"M(\d+)\.([1-5])\.([0-6])(?:/({offset}))?", text)
        assert d, f"a date of another form: {footer}"
        # zone.c takes the year from UTC, so no rule may act within days of the new year.
        assert 2 <= int(d[1]) <= 11, footer
        return int(d[1]), int(d[2]), int(d[3]), hms(d[4] or "2")

    return standard, -hms(m[2]) if m[2] else standard + 3600, date(m[3]), date(m[4])


def seconds_of(date, year):
    """The local time that the date of a rule is in that year."""
    month, week, weekday, seconds = date
    first = datetime.date(year, month, 1)
    # isoweekday() % 7 counts from Sunday, as rules do
    days = [d for d in (first + datetime.timedelta(days=(weekday - first.isoweekday()) % 7 + 7 * w) for w in range(5)) if d.month == month]
    return (days[min(week, len(days)) - 1] - datetime.date(1970, 1, 1)).days * 86400 + seconds


def rule_changes(rule, years):
    standard, summer, start, end = rule
    return sorted(change for year in years if start
                  for change in ((seconds_of(start, year) - standard, summer), (seconds_of(end, year) - summer, standard)))


def without_rule(changes, rule):
    """The changes up to the last that the rule does not tell."""
    told = rule_changes(rule, range(1800, 2600))
    instants = [t for t, _ in told]

    def holds(i):
        """The rule tells what is true from the change i to the next."""
        at = bisect.bisect_right(instants, changes[i][0])
        told_offset = told[at - 1][1] if told else rule[0]
        until = changes[i + 1][0] if i + 1 < len(changes) else instants[at] if told else 0
        return changes[i][1] == told_offset and (not told or instants[at] == until)

    count = len(changes)
    while count > 0 and holds(count - 1):
        count -= 1
    # The rule is right from this change on, not before it.
    return changes[:count + 1]


class Pool:
    """Distinct values by position."""

    def __init__(self):
        self.items, self.where = [], {}

    def put(self, item):
        if item not in self.where:
            self.where[item] = len(self.items)
            self.items.append(item)
        return self.where[item]


class Tables:
    def __init__(self):
        self.rows, self.rules, self.zones = [], Pool(), Pool()
        self.lists, self.offsets, self.seconds, self.names = Pool(), [], [], []
        self.bias = 0

    def add(self, name, data):
        changes, before, footer = read_tzif(data)
        # A change of the name or of the flag for summer alone is none of ours.
        kept, now = [], before
        for instant, offset in changes:
            if offset != now:
                kept.append((instant, offset))
            now = offset
        rule = rule_of(footer)
        kept = without_rule(kept, rule)
        assert kept or (before == rule[0] and rule[2] is None), name
        types = Pool()
        types.put(before)
        kept = tuple((instant, types.put(offset)) for instant, offset in kept)
        assert len(types.items) <= 1 << TYPE_BITS, name
        # zone.c compares minutes first, so no two changes may share one.
        minutes = [t // 60 for t, _ in kept]
        assert minutes == sorted(set(minutes)), name
        assert all(abs(o) < 86400 for o in types.items), name
        self.names.append((name, self.zones.put((kept, tuple(types.items), self.rules.put(rule)))))

    def lay_out(self):
        """Zones whose changes are those of another share them; so do lists of offsets."""
        first = min(t for kept, _, _ in self.zones.items for t, _ in kept)
        self.bias = -(first // 60)
        firsts, out = {}, []
        for kept, types, rule in self.zones.items:
            if kept not in firsts:
                firsts[kept] = len(self.rows)
                for instant, type_ in kept:
                    minute = instant // 60 + self.bias
                    assert 0 <= minute < 1 << MINUTE_BITS
                    if instant % 60:
                        self.seconds.append((len(self.rows), instant % 60))
                    self.rows.append(minute << TYPE_BITS | type_)
            if types not in self.lists.where:
                self.lists.put(types)
                self.lists.where[types] = len(self.offsets)
                self.offsets += types
            out.append((firsts[kept], len(kept), self.lists.where[types], rule))
        assert len(self.rows) < 1 << 16 and len(self.offsets) < 1 << 16 and len(self.rules.items) < 1 << 8
        return out


def wrapped(items):
    line = ""
    for item in items:
        if line and len(line) + len(item) + 2 > COLUMNS:
            yield line
            line = ""
        line += (" " if line else "    ") + item + ","
    yield line


def table(declaration, why, items):
    return "\n".join([f"/* {why} */", f"static const {declaration} = {{", *wrapped(items), "};", ""])


def braces(*numbers):
    return "{" + ", ".join(map(str, numbers)) + "}"


def render(version, tables):
    zones = tables.lay_out()
    rules = [braces(std, dst, braces(*(on or (0, 0, 0, 0))), braces(*(off or (0, 0, 0, 0)))) for std, dst, on, off in tables.rules.items]
    names = [f'{{{number}, {len(name)}, "{name}"}}' for name, number in tables.names]
    assert max(len(name) for name, _ in tables.names) <= NAME_BYTES
    assert [n for n, _ in tables.names] == sorted(n for n, _ in tables.names)
    return "\n".join([
        "/* SPDX-License-Identifier: Apache-2.0 */",
        f"/* Made by tools/make_zones.py from version {version} of the IANA time zone database, which is in the public domain.",
        f" * {len(names)} names, {len(zones)} zones, {len(tables.rows)} changes. Not to be edited: core/time/zone.c says what it means. */",
        f'#define ZONE_VERSION "{version}"',
        f"#define ZONE_TYPE_BITS {TYPE_BITS}",
        f"#define ZONE_MINUTES_BIAS INT64_C({tables.bias})",
        "",
        table("zone_name zone_names[]", "Sorted by octets: number in zones, length, name.", names),
        table("zone_data zones[]", "First change, number of changes, first of the offsets, rule after the last change.",
              [braces(*z) for z in zones]),
        table("zone_rule zone_rules[]", "Offset of standard time and of summer time; month, week, weekday and seconds of start and end.",
              rules),
        table("int32_t zone_offsets[]", "Seconds east of UTC.", map(str, tables.offsets)),
        table("zone_second zone_seconds[]", "The changes that are not on a full minute: number of the change, seconds past its minute.",
              [braces(*s) for s in tables.seconds]),
        table("uint32_t zone_changes[]", "Biased minute of the change, and in the low bits which of the zone's offsets holds from then on.",
              [f"0x{row:x}" for row in tables.rows]),
    ])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    version, names = names_of(sys.argv[1])
    tables = Tables()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["zic", "-b", "fat", "-d", folder, sys.argv[1]], check=True)
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                tables.add(name, file.read())
    sys.stdout.write(render(version, tables))


if __name__ == "__main__":
    main()
