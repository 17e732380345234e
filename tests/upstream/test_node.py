"""A node-opcua server as a source: one with small operation limits, and one that hands subscriptions over."""

import time

import pytest

from harness.device import Proxy
from harness.process import SLOW, wait_until
from harness.product import Tagwire
from harness.session import Session, tag
from harness.upstream import NodeServer, has_node, link
from harness.watch import Watcher

OVERFLOW = 0x480


@pytest.fixture(scope="module")
def source():
    assert has_node(), "node-opcua is not installed; run the tests through `cargo xtask test`"
    with NodeServer(count=450, limit=100) as server:
        yield server


def test_a_server_that_takes_100_operations_serves_450_tags(source, tmp_path):
    names = [f"n{number}" for number in range(source.count)]
    with Tagwire(tmp_path, link(source.url, {name: "i32" for name in names})) as server:
        session = Session(server.port)
        paths = [tag(f"up.plc.{name}") for name in names]

        def all_good():
            found = session.read_values(paths)
            return all(value.StatusCode.is_good() for value in found) and [value.Value.Value for value in found]

        assert wait_until(all_good, 20 * SLOW, "every tag is good") == list(range(source.count))
        values = session.read_values(paths, max_age=0.0)
        assert [value.Value.Value for value in values] == list(range(source.count))
        session.close()


def test_nothing_is_lost_or_marked_when_the_server_hands_the_subscription_over(source, tmp_path):
    proxy = Proxy(source.port).start()
    try:
        with Tagwire(tmp_path, link(f"opc.tcp://127.0.0.1:{proxy.port}", {"tick": "u32"}, scan="200ms", device_keys="")) as server:
            pass_tick(server, proxy)
    finally:
        proxy.stop()


def pass_tick(server, proxy):
    with Watcher(server.port, ["up.plc.tick"]) as watcher:
        wait_until(lambda: watcher.last("up.plc.tick") and watcher.last("up.plc.tick").good, 10 * SLOW, "a first value")
        for _ in range(3):
            time.sleep(1.1)
            proxy.reset()
        time.sleep(3)
        assert watcher.last("up.plc.tick").good
        marked = [change for change in watcher.by_name["up.plc.tick"] if change.status & OVERFLOW == OVERFLOW]
        numbers = [change.value for change in watcher.by_name["up.plc.tick"] if change.good]
        jumps = [later - earlier for earlier, later in zip(numbers, numbers[1:])]
        assert all(jump >= 0 for jump in jumps)
        # The server samples every 200 ms a number that grows every 50 ms; a sample that is missing doubles the step.
        assert not marked or max(jumps) < 100
        assert max(jumps) <= 12 or marked, jumps
