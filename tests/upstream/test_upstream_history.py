"""History that the source keeps, read through this server."""

import time
from datetime import datetime, timedelta, timezone

from harness.history import processed, raw, read, values
from harness.process import SLOW, wait_until
from harness.product import Tagwire, sim_device
from harness.session import Session, tag
from harness.upstream import UaServer, link

COUNT = 2352
"""AggregateFunction_Count."""
KEPT = '[[history.rule]]\npath = "*"\n'


def source_config() -> str:
    return sim_device(
        """
        count counter(period=50ms) u32 ro
        press.setpoint static(1.5) f64 rw
        press.profile static([1,2,3]) i16[3] rw
        """,
        link="line",
        device="plc",
        scan="50ms",
    )


def follower_config(source: Tagwire, extra="") -> str:
    text = f'[[link]]\nname = "up"\ndriver = "opcua"\naddress = "{source.url}"\n[[link.device]]\nname = "plc"\nscan = "100ms"\n{extra}'
    for name, kind in (("count", "u32"), ("press.setpoint", "f64")):
        text += (
            f'[[link.device.tag]]\nname = "{name}"\naddress = "ns=2;s=line.plc.{name}"\n'
            f'type = "{kind}"\naccess = "{"ro" if name == "count" else "rw"}"\n'
        )
    return text


def test_the_history_of_the_source_is_read_through(tmp_path):
    with Tagwire(tmp_path / "source", KEPT + source_config()) as source:
        time.sleep(2)
        with Tagwire(tmp_path / "follower", follower_config(source, 'history = "source"\n')) as server:
            session = Session(server.port)
            wait_until(lambda: not session.read(tag("up.plc.count")).StatusCode.is_bad(), 10 * SLOW, "live values")
            # What is younger may not be kept yet.
            end = datetime.now(timezone.utc) - timedelta(seconds=1)
            begin = end - timedelta(seconds=30)
            with Session(source.port) as original:
                kept = values(read(original, tag("line.plc.count"), raw(begin, end)))
            found = values(read(session, tag("up.plc.count"), raw(begin, end)))
            assert len(kept) > 20
            assert [(v.Value.Value, v.SourceTimestamp) for v in found] == [(v.Value.Value, v.SourceTimestamp) for v in kept]
            few = values(read(session, tag("up.plc.count"), raw(end, begin, count=5)))
            assert [v.Value.Value for v in few] == [v.Value.Value for v in reversed(kept)][:5]
            counts = values(read(session, tag("up.plc.count"), processed([COUNT], begin, end, 0.0)))
            assert counts[0].Value.Value == len([v for v in kept if v.SourceTimestamp < end.replace(tzinfo=v.SourceTimestamp.tzinfo)])
            session.close()


def test_the_history_of_an_asyncua_server_is_read_through(tmp_path):
    with UaServer({"a": 0.0, "b": 0.0}) as source:
        source.keep_history("a")
        for number in range(1, 31):
            source.write("a", float(number))
            time.sleep(0.01)
        with Tagwire(tmp_path, link(source.url, {"a": "f64", "b": "f64"}, device_keys='history = "source"')) as server:
            with Session(server.port) as session:
                path = tag("up.plc.a")
                wait_until(lambda: session.read_status(path) == "Good", 10 * SLOW, "live values")
                end = datetime.now(timezone.utc)
                begin = end - timedelta(seconds=60)
                found = values(read(session, path, raw(begin, end)))
                assert [v.Value.Value for v in found][-30:] == [float(number) for number in range(1, 31)]
                times = [v.SourceTimestamp for v in found]
                assert times == sorted(times)
                few = values(read(session, path, raw(end, begin, count=3)))
                assert [v.Value.Value for v in few] == [30.0, 29.0, 28.0]
                assert values(read(session, tag("up.plc.b"), raw(begin, end))) == [], "b is kept by nobody"
