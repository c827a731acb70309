# SPDX-License-Identifier: Apache-2.0
"""Calendar and texts against Python's datetime and exact fractions."""
import datetime
import fractions
import random

from time_tool import compare

EPOCH = datetime.datetime(1970, 1, 1)
FIRST, LAST = -62135596800, 253402300799
UNITS = {"h": 3600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "\u00b5s": 10**3, "\u03bcs": 10**3, "ns": 1}
LEAST, MOST = -2**63, 2**63 - 1


def instants(rng, count):
    yield from (FIRST, LAST, 0, -1, 1)
    for _ in range(count):
        yield rng.randint(FIRST, LAST)


def digits(nanos):
    return f".{nanos:09d}".rstrip("0") if nanos else ""


def test_calendar():
    rng = random.Random(1)

    def pairs():
        for at in instants(rng, 40000):
            offset = rng.randint(-86399, 86399)
            if not FIRST <= at + offset <= LAST:
                offset = 0
            d = EPOCH + datetime.timedelta(seconds=at + offset)
            yield (f"civil {at} {offset}", f"{d.year} {d.month} {d.day} {d.hour} {d.minute} {d.second} "
                                           f"{d.isoweekday() % 7} {d.timetuple().tm_yday - 1}")

    assert compare(pairs()) > 40000


def test_timestamps():
    rng = random.Random(2)

    def pairs():
        for at in instants(rng, 40000):
            nanos = rng.choice([0, 1, 999999999, 500000000, rng.randrange(10**9)])
            minutes = rng.choice([0, rng.randint(-1439, 1439)])
            if not FIRST <= at + minutes * 60 <= LAST:
                minutes = 0
            local = (EPOCH + datetime.timedelta(seconds=at + minutes * 60)).isoformat()
            sign = "-" if minutes < 0 else "+"
            zone = rng.choice(["Z", "+00:00", "-00:00"]) if minutes == 0 else f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
            utc = (EPOCH + datetime.timedelta(seconds=at)).isoformat()
            more = "".join(rng.choice("0123456789") for _ in range(rng.choice([0, 0, 5])))
            fraction = rng.choice([digits(nanos), f".{nanos:09d}{more}"])
            yield f"timestamp {local}{fraction}{zone}", f"{at} {nanos} {utc}{digits(nanos)}Z"

    assert compare(pairs()) > 40000


def test_days_that_do_and_do_not_exist():
    def pairs():
        for year in (0, 1, 4, 100, 400, 1900, 1999, 2000, 2024, 2100, 9999):
            for month in range(0, 15):
                for day in range(0, 34):
                    try:
                        at = int((datetime.datetime(year, month, day) - EPOCH).total_seconds())
                        want = f"{at} 0 {year:04d}-{month:02d}-{day:02d}T00:00:00Z"
                    except ValueError:
                        want = "error out_of_range"
                    yield f"timestamp {year:04d}-{month:02d}-{day:02d}T00:00:00Z", want

    assert compare(pairs()) > 5000


def duration(rng):
    """A text and its exact value, each term cut to whole nanoseconds."""
    text, total = "", 0
    for _ in range(rng.randint(1, 4)):
        unit = rng.choice(list(UNITS))
        whole = str(rng.randrange(10 ** rng.choice([1, 2, 5, 9, 19])))
        fraction = "".join(rng.choice("0123456789") for _ in range(rng.choice([0, 0, 1, 3, 9, 12, 25])))
        point = "." if fraction or rng.random() < 0.1 else ""
        if fraction and rng.random() < 0.2:
            whole = ""
        text += whole + point + fraction + unit
        exact = fractions.Fraction(int((whole or "0") + fraction), 10 ** len(fraction))
        total += exact * UNITS[unit] // 1
    sign = rng.choice(["", "+", "-"])
    return sign + text, -total if sign == "-" else total


def test_durations():
    rng = random.Random(3)
    fits = 0

    def pairs():
        nonlocal fits
        for _ in range(40000):
            text, nanos = duration(rng)
            if not LEAST <= nanos <= MOST:
                yield f"duration {text}", "error out_of_range"
                continue
            fits += 1
            sign = "-" if nanos < 0 else ""
            yield f"duration {text}", f"{nanos} {sign}{abs(nanos) // 10**9}{digits(abs(nanos) % 10**9)}s"

    compare(pairs())
    assert 10000 < fits < 39000
