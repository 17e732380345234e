"""The history of events, row H16 of the conformance list."""

import asyncio
import socket
from datetime import datetime, timedelta, timezone

import pytest
from asyncua import Client, ua

from harness.event_history import EARLY, details, events
from harness.events import BASE, FAILURE, GREATER_EQUAL, SERVER, SYSTEM, field, filter_, literal, of, of_type
from harness.history import LATE, add_engineer, change, engineer, read, read_all
from harness.process import SLOW, wait_until
from harness.product import Tagwire, command, sim_device
from harness.session import Session
from harness.wire import status

LINK = ua.NodeId("line1", 2)
N_RELOADS = 6


def config(n):
    """A link to nobody, and a simulated device whose tag changes with `n`."""
    return (
        f'[[link]]\nname = "line1"\ndriver = "modbus-tcp"\naddress = "127.0.0.1:{NOBODY}"\nconnect_timeout = "1s"\n'
        '[[link.device]]\nname = "press"\nscan = "100ms"\nrequest_timeout = "200ms"\nattempts = 1\n'
        '[[link.device.tag]]\nname = "speed"\naddress = "40001"\ntype = "u16"\n'
        + sim_device(f"steady static i32 rw\nextra{n} static i32 rw")
        + '[access]\nusers = "users.toml"\n[[history.rule]]\npath = "mem"\n'
    )


RESERVED = socket.socket()
"""Bound and not listening, so that nobody else takes the port."""
RESERVED.bind(("127.0.0.1", 0))
NOBODY = RESERVED.getsockname()[1]


def of_link(event) -> bool:
    return str(event["SourceNode"].Identifier).split(".")[0] == "line1"


def ids(result):
    return [event["EventId"] for event in events(result)]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Tagwire(tmp_path_factory.mktemp("events"), config(0), security=("none", "basic256sha256"))
    add_engineer(server)
    with server:
        for n in range(1, N_RELOADS):
            server.configure(config(n))
            done = command("reload", "--config", server.file, cwd=server.folder)
            assert done.returncode in (0, 6), done.stderr
        with Session(server.port) as session:
            wait_until(lambda: kept(session, SERVER) > N_RELOADS and kept(session, LINK), 20 * SLOW, "events are kept")
            session.close_session()
        yield server


def kept(session, id_=SERVER):
    result = read(session, id_, details())
    return len(result.HistoryData.Events) if isinstance(result.HistoryData, ua.HistoryEvent) else 0


@pytest.fixture
def session(server):
    with engineer(server) as session:
        yield session
        session.close_session()


def test_h16_events_are_told_in_the_order_of_time(session):
    found = events(read(session, SERVER, details()))
    times = [event["Time"] for event in found]
    assert times == sorted(times) and len({event["EventId"] for event in found}) == len(found)
    assert any("configuration taken over" in event["Message"].Text for event in found)
    assert any(of_link(event) for event in found)
    backward = ids(read(session, SERVER, details(LATE, EARLY)))
    assert backward == [event["EventId"] for event in reversed(found)]


def test_h16_pages_have_every_event_once(session):
    whole = ids(read(session, SERVER, details()))
    for start, end, expected in ((EARLY, LATE, whole), (LATE, EARLY, whole[::-1])):
        for count in (1, 2, 3, 1000):
            result = read(session, SERVER, details(start, end, count))
            found = ids(result)
            while result.ContinuationPoint:
                assert len(events(result)) == count
                result = read(session, SERVER, details(start, end, count), result.ContinuationPoint)
                found += ids(result)
            assert found == expected, count


def test_h16_one_end_and_a_number_and_what_makes_no_sense(session):
    whole = ids(read(session, SERVER, details()))
    assert ids(read(session, SERVER, details(EARLY, None, 2))) == whole[:2]
    assert ids(read(session, SERVER, details(None, LATE, 2))) == whole[:-3:-1]
    for start, end, count in ((EARLY, None, 0), (None, LATE, 0), (None, None, 5)):
        refused = read(session, SERVER, details(start, end, count))
        assert status(refused.StatusCode) == "BadHistoryOperationInvalid"
    assert status(read(session, SERVER, details(EARLY, EARLY + timedelta(days=1))).StatusCode) == "GoodNoData"
    empty = ua.EventFilter()
    assert status(read(session, SERVER, details(filter__=empty)).StatusCode) == "BadEventFilterInvalid"
    for id_ in ("i=85", "i=2258", "ns=2;s=mem.all.steady"):
        assert status(read(session, id_, details()).StatusCode) == "BadHistoryOperationUnsupported"
    point = read(session, SERVER, details(count=1)).ContinuationPoint
    assert status(read(session, LINK, details(count=1), point).StatusCode) == "BadContinuationPointInvalid"


def test_h16_filters_are_those_of_live_events(session):
    whole = events(read(session, SERVER, details()))
    failures = read(session, SERVER, details(filter__=filter_(of_type(FAILURE))))
    expected = [event["EventId"] for event in whole if event["EventType"].Identifier == FAILURE]
    assert expected and ids(failures) == expected
    severe = read(session, SERVER, details(filter__=filter_(of(GREATER_EQUAL, field("Severity"), literal(500, ua.VariantType.UInt16)))))
    assert ids(severe) == [event["EventId"] for event in whole if event["Severity"] >= 500]
    chosen = filter_(select=[field("Message"), field("NoSuchField")])
    one = read(session, SERVER, details(count=1, filter__=chosen)).HistoryData.Events[0].EventFields
    assert len(one) == 2 and one[0].Value == whole[0]["Message"] and one[1].Value is None


def test_h16_a_link_has_its_own_events(session):
    server_events, link_events = read_all(session, [SERVER, LINK], details())
    found = events(link_events)
    expected = [event["EventId"] for event in events(server_events) if of_link(event)]
    assert expected and [event["EventId"] for event in found] == expected
    for id_ in (SERVER, LINK):
        assert session.value(id_, attribute=12) == 1 | 4 | 8


def test_h16_asyncua_reads_events_that_it_was_told(server):
    asyncio.run(told_and_read(server))


async def told_and_read(server):
    heard = []

    class Handler:
        def event_notification(self, event):
            heard.append(event.EventId)

    async with Client(server.url) as client:
        subscription = await client.create_subscription(50, Handler())
        await subscription.subscribe_events(client.nodes.server, ua.ObjectIds.SystemEventType)
        before = datetime.now(timezone.utc) - timedelta(seconds=1)
        for n in (20, 21):
            server.configure(config(n))
            assert command("reload", "--config", server.file, cwd=server.folder).returncode in (0, 6)
        async with asyncio.timeout(20 * SLOW):
            while len(heard) < 2:
                await asyncio.sleep(0.02)
        found = await client.nodes.server.read_event_history(before, None, 100, ua.ObjectIds.SystemEventType)
        assert set(heard) <= {event.EventId for event in found}
        assert all(event.SourceName for event in found)


def removal(id_, *event_ids):
    made = ua.DeleteEventDetails()
    made.NodeId, made.EventIds = id_, list(event_ids)
    return made


def test_h16_events_go_by_id_for_those_who_may(server, session):
    whole = events(read(session, SERVER, details()))
    gone, other = whole[0]["EventId"], next(e for e in whole if e["SourceNode"] == SERVER)["EventId"]
    with Session(server.port) as operator:
        assert status(change(operator, removal(SERVER, gone))[0].StatusCode) == "BadUserAccessDenied"
        operator.close_session()
    unknown = (b"", b"1", b"x" * 16, b"x" * 5000)
    (result,) = change(session, removal(LINK, other, *unknown))
    assert [status(code) for code in result.OperationResults] == ["BadEventIdUnknown"] * 5
    (result,) = change(session, removal(SERVER, b"1", gone, gone))
    assert [status(code) for code in result.OperationResults] == ["BadEventIdUnknown", "Good", "BadEventIdUnknown"]
    assert gone not in ids(read(session, SERVER, details()))
    (nothing,) = change(session, removal(SERVER))
    assert status(nothing.StatusCode) == "BadNothingToDo"
    insertion = ua.UpdateEventDetails()
    insertion.NodeId, insertion.PerformInsertReplace = SERVER, ua.PerformUpdateType.Insert
    assert status(change(session, insertion)[0].StatusCode) == "BadHistoryOperationUnsupported"


def test_h16_events_are_there_after_a_restart_and_old_ones_go(tmp_path):
    def reload(server, n):
        server.configure(config(n))
        assert command("reload", "--config", server.file, cwd=server.folder).returncode in (0, 6)

    server = Tagwire(tmp_path, config(0))
    add_engineer(server)
    with server, Session(server.port) as session:
        reload(server, 1)
        wait_until(lambda: kept(session) >= 2, 20 * SLOW, "events are kept")
        before = ids(read(session, SERVER, details()))
    with server, Session(server.port) as session:
        after = ids(read(session, SERVER, details()))
        assert after[: len(before)] == before


def test_h16_nothing_is_kept_where_the_configuration_says_so(tmp_path):
    server = Tagwire(tmp_path, config(0).replace("[[history.rule]]", "[history]\nevents = false\n[[history.rule]]"))
    add_engineer(server)
    with server, Session(server.port) as session:
        assert status(read(session, SERVER, details()).StatusCode) == "BadHistoryOperationUnsupported"
        assert session.value("i=11242") is False and session.value(SERVER, attribute=12) == 1
        session.close_session()


def test_h16_types_of_the_fields_are_those_of_live_events(session):
    one = events(read(session, SERVER, details(count=1, filter__=filter_(of_type(BASE)))))[0]
    assert isinstance(one["EventId"], bytes) and len(one["EventId"]) == 16
    assert isinstance(one["Message"], ua.LocalizedText) and isinstance(one["Severity"], int)
    assert one["EventType"].NamespaceIndex == 0 and SYSTEM
