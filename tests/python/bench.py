"""Throughput of the package beside asyncua and python-opcua, in one run: `cargo xtask bench python`.

TAGWIRE_BIN names the server; all clients use the same one. The figures come as one line of JSON.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import asyncua
import opcua
import pandas  # noqa: F401  (what a notebook has imported before)

import tagwire
from harness.product import Tagwire, sim_device

N = 1000
TAGS = [f"mem.d.t{number}" for number in range(N)]
FAST = [f"fast.d.c{number}" for number in range(500)]
#: The clients take turns, so that a disturbance hits all of them.
TURNS = 5
#: Calls in one turn.
CALLS = 30
#: Milliseconds between two changes of each of the fast tags: 10,000 changes per second in all.
INTERVAL = 50
SECONDS = 5.0
SAMPLES = 1_000_000
#: What the slow ones are asked for.
FEW_SAMPLES = 20_000


def node_id(tag):
    return f"ns=2;s={tag}"


def times(work, n=CALLS):
    """Seconds of each call."""
    work()
    found = []
    for _ in range(n):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return found


async def times_async(work, n=CALLS):
    await work()
    found = []
    for _ in range(n):
        begun = time.perf_counter()
        await work()
        found.append(time.perf_counter() - begun)
    return found


def reads_of_tagwire(url):
    with tagwire.connect(url, timeout=60) as client:
        return {
            "read": times(lambda: client.values(TAGS)),
            "samples": times(lambda: client.read(TAGS)),
            "one": times(lambda: client[TAGS[1]], 2 * CALLS),
        }


async def reads_of_asyncua(url):
    async with asyncua.Client(url) as client:
        nodes = [client.get_node(node_id(tag)) for tag in TAGS]
        return {
            "read": await times_async(lambda: client.read_values(nodes)),
            "samples": await times_async(lambda: client.read_attributes(nodes, asyncua.ua.AttributeIds.Value)),
            "one": await times_async(nodes[1].read_value, 2 * CALLS),
        }


def reads_of_python_opcua(url):
    client = opcua.Client(url, timeout=60)
    client.connect()
    try:
        nodes = [client.get_node(node_id(tag)) for tag in TAGS]
        ids = [node.nodeid for node in nodes]
        return {
            "read": times(lambda: client.get_values(nodes)),
            "samples": times(lambda: client.uaclient.get_attributes(ids, opcua.ua.AttributeIds.Value)),
            "one": times(nodes[1].get_value, 2 * CALLS),
        }
    finally:
        client.disconnect()


READS = {
    "tagwire": reads_of_tagwire,
    "asyncua": lambda url: asyncio.run(reads_of_asyncua(url)),
    "python-opcua": reads_of_python_opcua,
}


def reads(url):
    """Median seconds of each kind of call, for each client."""
    found = {client: {} for client in READS}
    for _ in range(TURNS):
        for client, turn in READS.items():
            for kind, seconds in turn(url).items():
                found[client].setdefault(kind, []).extend(seconds)
    return {client: {kind: statistics.median(all_) for kind, all_ in kinds.items()} for client, kinds in found.items()}


class Watch:
    """Changes per second, and the share of a core that this process uses for them."""

    def __init__(self):
        self.n, self.begun, self.used = 0, time.perf_counter(), time.process_time()

    def figures(self):
        passed = time.perf_counter() - self.begun
        return {"changes": self.n / passed, "share": (time.process_time() - self.used) / passed}


def of_tagwire(url):
    with tagwire.connect(url, timeout=60) as client:
        with client.subscribe(FAST, every=INTERVAL / 1000) as changes:
            changes.batch(timeout=2)
            watch = Watch()
            while time.perf_counter() - watch.begun < SECONDS:
                watch.n += sum(1 for change in changes.batch(timeout=0.5) if change.value is not None)
            figures = watch.figures()
        while len(client.history(FAST[:5], "-1h")) * 100 < SAMPLES:
            time.sleep(2)
        spent = []
        for _ in range(3):
            begun = time.perf_counter()
            frame = client.history(FAST, "-1h", limit=SAMPLES // len(FAST)).to_pandas()
            spent.append(time.perf_counter() - begun)
            assert len(frame) == SAMPLES
    return {**figures, "history": min(spent) / SAMPLES, "history_n": SAMPLES}


class Counter:
    """Takes the changes of both other packages."""

    def __init__(self):
        self.watch = Watch()

    def datachange_notification(self, node, value, data):
        self.watch.n += value is not None


async def of_asyncua(url):
    async with asyncua.Client(url) as client:
        counter = Counter()
        subscription = await client.create_subscription(INTERVAL, counter)
        await subscription.subscribe_data_change([client.get_node(node_id(tag)) for tag in FAST], sampling_interval=INTERVAL)
        await asyncio.sleep(1)
        counter.watch = Watch()
        await asyncio.sleep(SECONDS)
        figures = counter.watch.figures()
        await subscription.delete()
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        node = client.get_node(node_id(FAST[0]))
        begun = time.perf_counter()
        found = await node.read_raw_history(now - timedelta(hours=1), now, numvalues=FEW_SAMPLES)
        pandas.DataFrame([(value.SourceTimestamp, value.Value.Value) for value in found])
        history = (time.perf_counter() - begun) / len(found)
    return {**figures, "history": history, "history_n": len(found)}


def of_python_opcua(url):
    client = opcua.Client(url, timeout=60)
    client.connect()
    try:
        counter = Counter()
        subscription = client.create_subscription(INTERVAL, counter)
        subscription.subscribe_data_change([client.get_node(node_id(tag)) for tag in FAST])
        time.sleep(1)
        counter.watch = Watch()
        time.sleep(SECONDS)
        figures = counter.watch.figures()
        subscription.delete()
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        begun = time.perf_counter()
        found = client.get_node(node_id(FAST[0])).read_raw_history(now - timedelta(hours=1), now, FEW_SAMPLES)
        pandas.DataFrame([(value.SourceTimestamp, value.Value.Value) for value in found])
        history = (time.perf_counter() - begun) / len(found)
    finally:
        client.disconnect()
    return {**figures, "history": history, "history_n": len(found)}


def main():
    tags = "\n".join(f"t{number} static f64 rw" for number in range(N))
    fast = "\n".join(f"c{number} counter(period=20ms) u32 ro" for number in range(len(FAST)))
    config = sim_device(tags, link="mem", device="d", scan="1s") + sim_device(fast, link="fast", device="d", scan="20ms")
    config += '[history]\n[[history.rule]]\npath = "fast.**"\n'
    with tempfile.TemporaryDirectory() as folder, Tagwire(Path(folder) / "server", config) as server:
        found = reads(server.url)
        found["tagwire"] |= of_tagwire(server.url)
        found["asyncua"] |= asyncio.run(of_asyncua(server.url))
        found["python-opcua"] |= of_python_opcua(server.url)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
