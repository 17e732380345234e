"""An asyncua server as a source: values, qualities and times as it has them, and good data again after everything that
goes wrong with it."""

import time
from datetime import UTC, datetime

from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary

from harness.device import Proxy
from harness.process import SLOW, wait_until
from harness.product import Tagwire
from harness.session import Session, tag
from harness.upstream import PLANT, NoKeepAlive, UaServer, link, no_subscriptions, no_transfer
from harness.watch import Watcher

OVERFLOW = 0x480
"""Info bits of a sample before which others were lost."""

VALUES = {
    "bool": (True, "bool"),
    "i8": (ua.Variant(-8, ua.VariantType.SByte), "i8"),
    "u8": (ua.Variant(8, ua.VariantType.Byte), "u8"),
    "i16": (ua.Variant(-16, ua.VariantType.Int16), "i16"),
    "u16": (ua.Variant(16, ua.VariantType.UInt16), "u16"),
    "i32": (ua.Variant(-32, ua.VariantType.Int32), "i32"),
    "u32": (ua.Variant(32, ua.VariantType.UInt32), "u32"),
    "i64": (ua.Variant(-64, ua.VariantType.Int64), "i64"),
    "u64": (ua.Variant(64, ua.VariantType.UInt64), "u64"),
    "f32": (ua.Variant(1.5, ua.VariantType.Float), "f32"),
    "f64": (2.25, "f64"),
    "text": ("warm äöü", "string"),
    "bytes": (b"\x00\xff", "bytes"),
    "time": (datetime(2024, 2, 29, 12, tzinfo=UTC), "datetime"),
    "array": (ua.Variant([1, 2, 3], ua.VariantType.Int32), "i32[3]"),
}


def plant(names=("a", "b", "c"), value=1.0) -> dict:
    return {name: float(value) for name in names}


def path(name: str) -> ua.NodeId:
    return tag(f"up.plc.{name}")


def good(session: Session, name: str):
    """The value of a tag that is good, or None."""
    found = session.read(path(name))
    return found.Value.Value if found.StatusCode.is_good() and found.Value is not None else None


def test_every_type_is_read_and_written(tmp_path):
    with UaServer({name: value for name, (value, _) in VALUES.items()}) as source:
        tags = {name: kind for name, (_, kind) in VALUES.items()}
        with Tagwire(tmp_path, link(source.url, tags)) as server:
            session = Session(server.port)
            for name, (value, _) in VALUES.items():
                expected = value.Value if isinstance(value, ua.Variant) else value
                found = wait_until(lambda name=name: good(session, name) is not None and session.read(path(name)), 10 * SLOW, name)
                shown = found.Value.Value
                if isinstance(shown, datetime) and shown.tzinfo is None:
                    shown = shown.replace(tzinfo=UTC)
                assert shown == expected, name
            for name, value, kind in (
                ("i16", -1, ua.VariantType.Int16),
                ("f32", 0.5, ua.VariantType.Float),
                ("text", "cold", ua.VariantType.String),
                ("bool", False, ua.VariantType.Boolean),
                ("array", [4, 5, 6], ua.VariantType.Int32),
            ):
                assert session.write(path(name), value, kind) == "Good", name
                assert source.read(name) == value, name
                wait_until(lambda name=name, value=value: good(session, name) == value, 5 * SLOW, f"{name} is shown")
            session.close()


def test_qualities_and_times_of_the_source_are_kept_and_its_refusals_told(tmp_path):
    with UaServer(plant(("a", "ro"))) as source:
        with Tagwire(tmp_path, link(source.url, {"a": "f64", "ro": "f64", "missing": "f64"})) as server:
            session = Session(server.port)
            wait_until(lambda: good(session, "a") == 1.0, 10 * SLOW, "a first value")
            moment = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
            source.write("a", 7.5, status=ua.StatusCodes.UncertainSensorNotAccurate, time=moment)
            found = wait_until(
                lambda: (v := session.read(path("a"))).Value.Value == 7.5 and v, 5 * SLOW, "the uncertain value"
            )
            assert found.StatusCode.name == "UncertainSensorNotAccurate"
            assert found.SourceTimestamp.replace(tzinfo=UTC) == moment
            assert session.write(path("ro"), 5.0, ua.VariantType.Double) in ("BadNotWritable", "BadUserAccessDenied")
            assert good(session, "ro") == 1.0
            assert session.read_status(path("missing")) == "BadNodeIdUnknown"
            # What asyncua says to a write to a node that it does not have.
            assert session.write(path("missing"), 5.0, ua.VariantType.Double) == "BadUserAccessDenied"
            session.close()


def test_a_missing_node_is_asked_for_until_it_is_there_and_hurts_nobody(tmp_path):
    with UaServer(plant()) as source:
        tags = {name: "f64" for name in ("a", "b", "late")}
        keys = 'retry_refused = "1s"'
        with Tagwire(tmp_path, link(source.url, tags, device_keys=keys)) as server:
            session = Session(server.port)
            wait_until(lambda: good(session, "a") == 1.0 and good(session, "b") == 1.0, 10 * SLOW, "its neighbours")
            assert good(session, "late") is None
            source.add("late", 4.5)
            wait_until(lambda: good(session, "late") == 4.5, 5 * SLOW, "the late node")
            session.close()


def test_a_server_that_starts_again_with_other_namespace_order_is_found(tmp_path):
    with UaServer(plant(), spaces=(PLANT, "urn:other:one", "urn:other:two")) as source:
        tags = {"a": "f64", "b": "f64 ns=2;s=b"}
        with Tagwire(tmp_path, link(source.url, tags)) as server:
            session = Session(server.port)
            wait_until(lambda: good(session, "a") == 1.0 and good(session, "b") == 1.0, 10 * SLOW, "first values")
            source.values.update(plant(value=2.0))
            source.restart(spaces=("urn:other:two", "urn:other:one", PLANT))
            wait_until(lambda: good(session, "a") == 2.0 and good(session, "b") == 2.0, 10 * SLOW, "values again")
            session.close()


def break_and_change(tmp_path, source):
    """The samples of `a`, which changed to 2 and 3 while the connection was gone, and of `b`, which did not change."""
    proxy = Proxy(source.port).start()
    try:
        with Tagwire(tmp_path, link(f"opc.tcp://127.0.0.1:{proxy.port}", {"a": "f64", "b": "f64"})) as server:
            with Watcher(server.port, ["up.plc.a", "up.plc.b"]) as watcher:
                last = watcher.last
                for name in watcher.names:
                    wait_until(lambda name=name: last(name) and last(name).good, 10 * SLOW, "first values")
                proxy.stop()
                wait_until(lambda: not last("up.plc.a").good, 10 * SLOW, "bad while nobody is there")
                assert last("up.plc.a").value == 1.0, "the last value is kept"
                begun = time.monotonic()
                source.write("a", 2.0)
                source.write("a", 3.0)
                proxy.start()
                wait_until(lambda: last("up.plc.a").value == 3.0 and last("up.plc.a").good, 10 * SLOW, "good again")
                wait_until(lambda: last("up.plc.b").good, 10 * SLOW, "good again")
                return [[change for change in watcher.since(name, begun) if change.good] for name in watcher.names]
    finally:
        proxy.stop()


def is_marked(change) -> bool:
    return change.status & OVERFLOW == OVERFLOW


def test_what_changed_while_the_connection_was_gone_comes_or_is_marked_as_missing(tmp_path):
    with UaServer(plant()) as source:
        a, b = break_and_change(tmp_path, source)
        # asyncua may answer a publish request of the old session after the transfer, which nobody receives.
        values = [change.value for change in a]
        assert values == [2.0, 3.0] or (values == [3.0] and is_marked(a[0]))
        assert not any(is_marked(change) for change in b), "what did not change missed nothing"


def test_where_nothing_is_handed_over_what_may_have_been_missed_is_marked(tmp_path):
    with no_transfer(), UaServer(plant()) as source:
        a, b = break_and_change(tmp_path, source)
        assert [(change.value, is_marked(change)) for change in a] == [(3.0, True)]
        assert [(change.value, is_marked(change)) for change in b] == [(1.0, False)], "what did not change missed nothing"


def test_a_server_that_drops_keep_alives_is_followed_all_the_same(tmp_path):
    with NoKeepAlive(), UaServer(plant()) as source:
        with Tagwire(tmp_path, link(source.url, {"a": "f64", "b": "f64"})) as server:
            with Watcher(server.port, ["up.plc.a", "up.plc.b"]) as watcher:
                wait_until(lambda: watcher.last("up.plc.a") and watcher.last("up.plc.a").good, 10 * SLOW, "a first value")
                wait_until(lambda: watcher.last("up.plc.b").good, 10 * SLOW, "a first value")
                begun = time.monotonic()
                for number in range(8):
                    source.write("a", float(10 + number))
                    wait_until(lambda n=number: watcher.last("up.plc.a").value == 10 + n, 3 * SLOW, "the change")
                    time.sleep(0.7)
                for name in ("up.plc.a", "up.plc.b"):
                    assert all(change.good for change in watcher.since(name, begun)), name


def test_a_server_that_makes_no_subscription_is_read_at_the_scan_interval(tmp_path):
    with no_subscriptions(), UaServer(plant()) as source:
        with Tagwire(tmp_path, link(source.url, {"a": "f64", "b": "f64", "missing": "f64"})) as server:
            with Watcher(server.port, ["up.plc.a", "up.plc.b"]) as watcher:
                for name in watcher.names:
                    wait_until(lambda name=name: watcher.last(name) and watcher.last(name).good, 10 * SLOW, "first values")
                begun = time.monotonic()
                for number in range(5):
                    source.write("a", float(10 + number))
                    wait_until(lambda n=number: watcher.last("up.plc.a").value == 10 + n, 2 * SLOW, "the change")
                for name in watcher.names:
                    assert all(change.good for change in watcher.since(name, begun)), name
            with Session(server.port) as session:
                assert session.read_status(path("missing")) == "BadNodeIdUnknown"
                assert session.write(path("b"), 5.0, ua.VariantType.Double) == "Good"
                wait_until(lambda: good(session, "b") == 5.0, 5 * SLOW, "what was written is shown")


def test_a_structure_comes_as_the_bytes_of_its_body_however_it_is_asked_for(tmp_path):
    with UaServer({"s": ua.Variant(ua.Annotation(Message="warm", UserName="me"))}) as source:
        expected = struct_to_binary(source.read("s"))
        with Tagwire(tmp_path, link(source.url, {"s": "bytes"}, device_keys='scan_mode = "client"')) as server:
            with Watcher(server.port, ["up.plc.s"]) as watcher:
                wait_until(lambda: watcher.last("up.plc.s") and watcher.last("up.plc.s").good, 10 * SLOW, "its body")
                assert watcher.last("up.plc.s").value == expected
                with Session(server.port) as session:
                    assert session.read(path("s"), max_age=0.0).Value.Value == expected
                assert watcher.last("up.plc.s").good


def test_a_reload_leaves_other_tags_alone(tmp_path):
    with UaServer(plant(("a", "b", "c"))) as source:
        server = Tagwire(tmp_path, link(source.url, {"a": "f64", "b": "f64"}))
        with server, Watcher(server.port, ["up.plc.a"]) as watcher:
            wait_until(lambda: watcher.last("up.plc.a") and watcher.last("up.plc.a").good, 10 * SLOW, "a first value")
            begun = time.monotonic()
            server.configure(link(source.url, {"a": "f64", "c": "f64"}))
            server.reload()
            session = Session(server.port)
            wait_until(lambda: good(session, "c") == 1.0, 5 * SLOW, "the new tag")
            source.write("a", 2.0)
            wait_until(lambda: watcher.last("up.plc.a").value == 2.0, 5 * SLOW, "the change")
            assert [(c.value, c.good) for c in watcher.since("up.plc.a", begun)] == [(2.0, True)]
            session.close()


def test_a_read_of_a_client_reaches_the_source_where_its_scan_is_not_what_counts(tmp_path):
    with UaServer(plant()) as source:
        keys = 'scan_mode = "client"'
        with Tagwire(tmp_path, link(source.url, {"a": "f64"}, scan="60s", device_keys=keys)) as server:
            with Session(server.port) as session:
                wait_until(lambda: good(session, "a") == 1.0, 15 * SLOW, "a first value")
                source.write("a", 2.0)
                assert session.read(path("a"), max_age=0.0).Value.Value == 2.0


def test_the_better_server_of_a_pair_is_followed(tmp_path):
    with UaServer(plant(value=1.0)) as first, UaServer(plant(value=2.0)) as second:
        first.set_level(240)
        second.set_level(220)
        with Tagwire(tmp_path, link(first.url, {"a": "f64"}, keys=f'partner = "{second.url}"')) as server:
            with Watcher(server.port, ["up.plc.a"]) as watcher:
                value = lambda: watcher.last("up.plc.a") and watcher.last("up.plc.a").value
                wait_until(lambda: value() == 1.0, 10 * SLOW, "the better one is taken")
                begun = time.monotonic()
                first.set_level(100)
                wait_until(lambda: value() == 2.0, 15 * SLOW, "a degraded one is left for its partner")
                assert all(change.good for change in watcher.since("up.plc.a", begun)), "nothing turned bad meanwhile"
                second.stop()
                wait_until(lambda: value() == 1.0 and watcher.last("up.plc.a").good, 15 * SLOW, "a dead one is left")
                second.start()
