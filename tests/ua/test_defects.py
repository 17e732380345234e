"""Eight defects measured in a well-made server, which this one must not have."""

import statistics
import threading
import time

import pytest
from asyncua import ua

from harness.process import SLOW
from harness.product import Tagwire, sim_device
from harness.session import Session, data_changes, tag
from harness.wire import Channel, Wire, frame

N = 10_000


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A server with 10,000 tags."""
    tags = "name,address,type,access\n" + "".join(f"t{i},static,f64,rw\n" for i in range(N))
    config = (
        '[[link]]\nname = "big"\ndriver = "sim"\n[[link.device]]\nname = "d"\nscan = "100ms"\ntags_csv = "tags.csv"\n'
    ) + sim_device("counter counter(period=50ms) i32 ro", link="sig", device="d", scan="50ms")
    with Tagwire(tmp_path_factory.mktemp("large"), config, files={"tags.csv": tags}) as server:
        yield server


def subscribe_all(session, batch=1000, **how):
    made = session.subscribe(**how)
    for at in range(0, N, batch):
        items = [session.item(tag(f"big.d.t{i}"), handle=i) for i in range(at, at + batch)]
        assert all(result.StatusCode.is_good() for result in session.monitor(made.SubscriptionId, items))
    return made


def test_1_subscribing_and_leaving_costs_nothing_that_stays(large):
    """Cycles of 10,000 items: memory and idle processor time are flat, once every thread has had its turn."""
    memory, idle = [], []

    def is_flat():
        return len(memory) >= 8 and memory[-1] - memory[-7] < 4_000 and idle[-1] < idle[-7] + 0.03

    while not is_flat() and len(memory) < 24:
        with Session(large.port, timeout=60) as session:
            subscribe_all(session)
            session.close_session()
        time.sleep(0.5)
        before = large.process.cpu_seconds()
        time.sleep(1.0)
        idle.append(large.process.cpu_seconds() - before)
        memory.append(large.process.rss_kb())
    assert is_flat(), (memory, idle)


def test_2_every_first_value_arrives_whatever_the_limit_per_message(large):
    with Session(large.port, timeout=60) as session:
        subscribe_all(session, interval=100.0, max_notifications=100)
        seen = set()
        end = time.monotonic() + 20 * SLOW
        acknowledge = []
        while len(seen) < N and time.monotonic() < end:
            answer = session.publish(acknowledge)
            acknowledge = [(answer.SubscriptionId, answer.NotificationMessage.SequenceNumber)]
            changes = data_changes(answer)
            assert len(changes) <= 100
            seen |= {handle for handle, _ in changes}
        assert len(seen) == N
        session.close_session()


@pytest.mark.parametrize("greeted", [False, True])
def test_3_a_claimed_chunk_of_4_gib_is_refused_from_its_header(large, greeted):
    before = large.process.rss_kb()
    with Wire(large.port) as wire:
        if greeted:
            wire.hello()
        kind = b"OPNF" if greeted else b"HELF"
        try:
            wire.send(frame(kind, b"", size=0xFFFFFFFF))
            for _ in range(200):
                wire.send(b"\0" * 65536)
        except ConnectionError:
            pass
        try:
            wire.ended(5 * SLOW)
        except ConnectionError:
            pass
    assert large.process.rss_kb() - before < 4_000


def requests_per_second(port, seconds, stop=None):
    """How fast one well-behaved client is served."""
    with Session(port) as session:
        body = session.encode(read_request([tag("big.d.t0")]))
        count, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            session.send(session.message(body))
            session.answer(session.request)
            count += 1
        session.close_session()
        return count / seconds


def read_request(ids):
    request = ua.ReadRequest()
    request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
    for id_ in ids:
        item = ua.ReadValueId()
        item.NodeId, item.AttributeId = id_, 13
        request.Parameters.NodesToRead.append(item)
    return request


def test_4_a_client_that_never_reads_is_bounded_and_bothers_nobody(large):
    calm = requests_per_second(large.port, 2)
    before = large.process.rss_kb()
    stop = threading.Event()

    def flood():
        with Session(large.port, timeout=2) as session:
            body = session.encode(read_request([tag(f"big.d.t{i}") for i in range(1000)]))
            try:
                while not stop.is_set():
                    session.send(session.message(body))
            except (TimeoutError, ConnectionError):
                stop.wait(10)

    flooder = threading.Thread(target=flood)
    flooder.start()
    time.sleep(0.5)
    busy = requests_per_second(large.port, 5)
    grown = large.process.rss_kb() - before
    stop.set()
    flooder.join(15)
    assert grown < 32_000, f"{grown} kB"
    assert busy > calm / 4, f"{busy:.0f} requests per second beside the flood, {calm:.0f} without"


def processor_time_per_request(large, session, n=2000):
    body = session.encode(read_request([tag("big.d.t0")]))
    before = large.process.cpu_seconds()
    for _ in range(n):
        session.send(session.message(body))
        session.answer(session.request)
    return (large.process.cpu_seconds() - before) / n


def test_5_as_many_idle_sessions_as_there_may_be_do_not_slow_a_request(large):
    with Session(large.port) as session:
        limit = session.value("i=24095")
        alone = statistics.median(processor_time_per_request(large, session) for _ in range(3))
        crowd = []
        try:
            while len(crowd) < limit - 5:
                crowd.append(Session(large.port, timeout_ms=3_600_000.0))
            together = statistics.median(processor_time_per_request(large, session) for _ in range(3))
        finally:
            for channel in crowd:
                channel.close()
        session.close_session()
    assert together < 2 * alone + 20e-6, f"{alone * 1e6:.1f} µs alone, {together * 1e6:.1f} µs in the crowd"


def test_6_the_source_time_of_a_value_is_never_rewritten(large):
    """A slow item reports a subset of what a fast one reports, value and source time together."""
    with Session(large.port) as session:
        made = session.subscribe(interval=50.0)
        counter = tag("sig.d.counter")
        items = [
            session.item(counter, handle=1, sampling=0.0, queue=100),
            session.item(counter, handle=2, sampling=500.0, queue=100),
        ]
        session.monitor(made.SubscriptionId, items)
        found = session.changes(3.0)
        session.close_session()
    fast = {value.Value.Value: value.SourceTimestamp for handle, value in found if handle == 1}
    slow = [(value.Value.Value, value.SourceTimestamp) for handle, value in found if handle == 2]
    assert len(fast) > 20 and len(slow) >= 3
    assert all(fast.get(value, source) == source for value, source in slow)
    assert sum(value in fast for value, _ in slow) >= len(slow) - 1


@pytest.mark.parametrize("value, kind", [("5", ua.VariantType.String), (5.0, ua.VariantType.Double)])
def test_7_a_value_of_another_type_is_refused(session, value, kind):
    before = session.read(tag("mem.all.i32")).Value
    assert session.write(tag("mem.all.i32"), value, kind) == "BadTypeMismatch"
    assert session.read(tag("mem.all.i32")).Value == before


def test_8_the_server_nonce_is_there_without_security_too(plant):
    with Session(plant.port, activate=False) as session:
        first = session.created.ServerNonce
        second = session.activate().Parameters.ServerNonce
        assert first and second and len(first) >= 32 and len(second) >= 32 and first != second
        session.close_session()


def test_many_half_open_connections_are_closed(large):
    idle = [Wire(large.port) for _ in range(50)]
    try:
        time.sleep(11)
        for wire in idle:
            wire.ended(5 * SLOW)
    finally:
        for wire in idle:
            wire.close()


def test_a_refused_channel_leaves_nothing_behind(large):
    def refused():
        with Wire(large.port) as wire:
            wire.hello()
            wire.send(frame(b"OPNF", b"\0" * 40))
            try:
                wire.ended(5 * SLOW)
            except ConnectionError:
                pass

    for _ in range(50):
        refused()
    before = large.process.rss_kb()
    for _ in range(500):
        refused()
    assert large.process.rss_kb() - before < 2_000
    with Channel(large.port):
        pass
