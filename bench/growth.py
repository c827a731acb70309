# SPDX-License-Identifier: Apache-2.0
"""Growth: how long a decrypt takes with many vaults against few, both services beside each other and loaded in turn.

The same 1,000 vaults are asked for in both. In the large store they lie evenly among the others: by id, since load_store gives the others
ids of the same time, and by place, since their row numbers are exchanged with those of others (no seal covers a row number).
growth.py [--quick | --long]: 5,000, 20,000 or 1,000,000 other vaults."""
import concurrent.futures
import http.client
import json
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/system"))
from programs import BIN, Up  # noqa: E402

HOT = 1000
RATIO_MUST = 1.3
CONNECTIONS = 64
FIELDS = {"email": "ada.lovelace@example.org", "first_name": "Ada", "middle_name": "Augusta", "last_name": "Lovelace",
          "address1": "12 St James's Square", "city": "London", "state": "Middlesex", "postal_code": "SW1Y 4JH", "country": "GB",
          "phone_number": "+442079460000", "dob": "1815-12-10", "ssn4": "6789"}


def say(text):
    print(f"growth: {text}", file=sys.stderr, flush=True)


def create(up, count):
    """Makes vaults through the API; gives their ids."""
    def some(n):
        link = http.client.HTTPConnection("127.0.0.1", up.port)
        ids = []
        for _ in range(n):
            link.request("POST", "/v1/vaults", json.dumps(FIELDS),
                         {"Authorization": f"Bearer {up.token}", "Content-Type": "application/json"})
            answer = link.getresponse()
            body = answer.read()
            assert answer.status == 200, body
            ids.append(json.loads(body)["id"])
        return ids
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return [vault for part in pool.map(some, [count // 8] * 8) for vault in part]


def spread(state, hot):
    """Puts the rows of the hot vaults evenly among all, by exchanging row numbers."""
    db = sqlite3.connect(state / "api/store.db")
    total, = db.execute("SELECT count(*) FROM vaults").fetchone()
    for i, vault in enumerate(hot):
        place = 1 + i * (total // len(hot))
        own, = db.execute("SELECT n FROM vaults WHERE id = ?", (vault,)).fetchone()
        if own != place:
            db.execute("UPDATE vaults SET n = -1 WHERE n = ?", (place,))
            db.execute("UPDATE vaults SET n = ? WHERE n = ?", (place, own))
            db.execute("UPDATE vaults SET n = ? WHERE n = -1", (own,))
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return total


def load(up, hot, seconds, connections):
    run = subprocess.run([BIN / "load_http", str(up.port), str(connections), str(seconds), ",".join(FIELDS)], text=True, check=True,
                         input="\n".join([up.token, *hot]) + "\n", stdout=subprocess.PIPE)
    return json.loads(run.stdout)


def measure(small, large, hot, rounds, seconds, connections):
    """[(small, large)] of some rounds, after one that warms both."""
    results = []
    for i in range(rounds + 1):
        pair = [None, None]
        for which in ((0, 1) if i % 2 else (1, 0)):
            pair[which] = load((small, large)[which], hot, seconds, connections)
        if i > 0:
            results.append(pair)
    return results


def ratio_of(pairs, key="p50_ms"):
    return statistics.median(large[key] / small[key] for small, large in pairs)


def median_of(pairs, which, key):
    return statistics.median(pair[which][key] for pair in pairs)


def bench(folder, rows, rounds, seconds):
    small, large = folder / "small", folder / "large"
    say(f"{HOT} vaults through the API")
    with Up(small) as up:
        began = time.monotonic()
        hot = create(up, HOT)
        create_rate = HOT / (time.monotonic() - began)
    shutil.copytree(small, large, ignore=shutil.ignore_patterns("*.sock"))
    say(f"{rows} vaults through the store")
    filled = json.loads(subprocess.run([BIN / "load_store", large, str(rows)], stdout=subprocess.PIPE, check=True).stdout)
    total = spread(large, hot)
    assert total == rows + HOT
    say("measuring")
    began = time.monotonic()
    with Up(large) as up_large:
        start_ms = 1000 * (time.monotonic() - began)
        with Up(small) as up_small:
            loaded = measure(up_small, up_large, hot, rounds, seconds, CONNECTIONS)
            single = measure(up_small, up_large, hot, rounds // 3, max(1, seconds // 2), 1)
        began = time.monotonic()
        verify = up_large.coffer("audit", "verify", "--json", timeout=3600)
        verify_s = time.monotonic() - began
    whole = verify.returncode == 0 and json.loads(verify.stdout)["rows"] == total
    ratio = ratio_of(loaded)
    print(json.dumps({
        "bench": "growth", "ratio": round(ratio, 4), "must": RATIO_MUST, "ok": ratio <= RATIO_MUST and whole,
        "vaults": [HOT, total], "p50_ms": [round(median_of(loaded, i, "p50_ms"), 3) for i in (0, 1)],
        "p99_ms": [round(median_of(loaded, i, "p99_ms"), 3) for i in (0, 1)],
        "requests_per_s": [round(median_of(loaded, i, "requests_per_s")) for i in (0, 1)], "connections": CONNECTIONS,
        "ratio_1_connection": round(ratio_of(single), 4), "rounds": rounds, "create_per_s": round(create_rate),
        "load_per_s": round(1000 * filled["rows"] / filled["ms"]), "store_bytes": os.path.getsize(large / "api/store.db"),
        "start_ms": round(start_ms), "verify_s": round(verify_s, 1), "verify_whole": whole}), flush=True)
    return ratio <= RATIO_MUST and whole


def main():
    long, quick = "--long" in sys.argv, "--quick" in sys.argv
    # Beside the programs, which are on a disk: an fsync must cost what it costs.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="growth-", dir=BIN.parent))
    try:
        return bench(folder, 1_000_000 if long else 5_000 if quick else 20_000, 9 if long else 3 if quick else 5, 4 if long else 1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


sys.exit(0 if main() else 1)
