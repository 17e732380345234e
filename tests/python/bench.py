"""Throughput of the package beside asyncua and python-opcua, in one run: `python tests/python/bench.py`.

TAGWIRE_BIN names the server; all clients read the same one, one after the other.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import asyncua
import opcua
import pandas  # noqa: F401  (what a notebook has imported before)

import tagwire
from harness.product import Tagwire, sim_device

N = 1000
TAGS = [f"mem.d.t{number}" for number in range(N)]
ROUNDS = 30


def rate(work, rounds=ROUNDS):
    """Median seconds of a call."""
    work()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


async def asyncua_reads(url):
    async with asyncua.Client(url) as client:
        nodes = [client.get_node(f"ns=2;s={tag}") for tag in TAGS]
        await client.read_values(nodes)
        times = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            await client.read_values(nodes)
            times.append(time.perf_counter() - begun)
        return statistics.median(times)


def opcua_reads(url):
    client = opcua.Client(url)
    client.connect()
    try:
        nodes = [client.get_node(f"ns=2;s={tag}") for tag in TAGS]
        return rate(lambda: client.get_values(nodes))
    finally:
        client.disconnect()


def subscription(url, seconds=5.0):
    """Changes per second and share of a core of this process."""
    with tagwire.connect(url) as client:
        with client.subscribe([f"fast.d.c{number}" for number in range(500)], every="50ms") as changes:
            changes.batch(timeout=2)
            n, begun, used = 0, time.perf_counter(), time.process_time()
            while time.perf_counter() - begun < seconds:
                n += sum(1 for change in changes.batch(timeout=0.5) if change.value is not None)
            passed = time.perf_counter() - begun
            return n / passed, (time.process_time() - used) / passed, changes.n_lost


def history(url, n_wanted=1_000_000, limit=180.0):
    """Seconds from the question to a data frame of pandas."""
    tags = [f"fast.d.c{number}" for number in range(500)]
    with tagwire.connect(url, timeout=60) as client:
        begun = time.perf_counter()
        while time.perf_counter() - begun < limit and len(client.history(tags[:5], "-1h")) * 100 < n_wanted:
            time.sleep(2)
        begun = time.perf_counter()
        found = client.history(tags, "-1h", limit=n_wanted // len(tags))
        read = time.perf_counter() - begun
        frame = found.to_pandas()
        return len(frame), read, time.perf_counter() - begun


def main():
    tags = "\n".join(f"t{number} static f64 rw" for number in range(N))
    fast = "\n".join(f"c{number} counter(period=20ms) u32 ro" for number in range(500))
    config = sim_device(tags, link="mem", device="d", scan="1s") + sim_device(fast, link="fast", device="d", scan="20ms")
    config += '[history]\n[[history.rule]]\npath = "fast.**"\n'
    with tempfile.TemporaryDirectory() as folder, Tagwire(Path(folder) / "server", config) as server:
        with tagwire.connect(server.url) as client:
            ours = rate(lambda: [sample.value for sample in client.read(TAGS)])
            one = rate(lambda: client["mem.d.t1"], 300)
        theirs = {"asyncua": asyncio.run(asyncua_reads(server.url)), "python-opcua": opcua_reads(server.url)}
        print(f"read of {N} tags   tagwire {ours * 1e3:.2f} ms", end="")
        for name, found in theirs.items():
            print(f"   {name} {found * 1e3:.1f} ms ({found / ours:.0f} times)", end="")
        print(f"\nread of one tag    tagwire {one * 1e6:.0f} us")
        changes, share, lost = subscription(server.url)
        n, read, whole = history(server.url)
        print(f"history            {n} samples to pandas in {whole:.2f} s ({read:.2f} s to read)")
        print(f"subscription       {changes:.0f} changes/s at {share:.2f} of a core, {lost} lost")


if __name__ == "__main__":
    main()
