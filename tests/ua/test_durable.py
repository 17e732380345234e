"""Durable subscriptions (Part 4, 6.8; Part 5, 9.3): what they promise, over restarts and power cuts."""

import json
import time

import pytest
from asyncua import ua

from harness.plant import PASSWORD, READER, READER_PASSWORD, USER, SecuredServer
from harness.process import SLOW, wait_until
from harness.product import command, sim_device
from harness.session import Session, data_changes, tag
from harness.tokens import log_in
from harness.wire import status

SERVER, SET_DURABLE = "i=2253", "i=12749"
INT, TEXT = ua.VariantType.Int32, ua.VariantType.String
TAGS = "a static i32 rw\nb static i32 rw\ntext static string rw"
ACCESS = '[access]\nusers = "users.toml"\n'
A, B = tag("mem.all.a"), tag("mem.all.b")
WAITING = "BadWaitingForInitialData"


@pytest.fixture
def server(tmp_path):
    server = SecuredServer(tmp_path)
    server.anonymous = "read"
    server.configure(sim_device(TAGS) + ACCESS)
    with server:
        yield server


def number(value):
    return ua.Variant(value, ua.VariantType.UInt32)


def make_durable(session, subscription, hours=1):
    """The status, and the hours granted."""
    result = session.call_methods((SERVER, SET_DURABLE, number(subscription), number(hours)))[0]
    return status(result.StatusCode), [argument.Value for argument in result.OutputArguments or []]


def durable(session, interval=50.0, **how):
    made = session.subscribe(interval=interval, **how).SubscriptionId
    assert make_durable(session, made) == ("Good", [1])
    return made


def write_each(server, node, values, kind=INT, pause=0.04):
    """Writes values one after the other, slowly enough for each of them to be sampled."""
    with log_in(server, USER, PASSWORD) as session:
        for value in values:
            assert session.write(node, value, kind) == "Good"
            time.sleep(pause)
        session.close_session()


def restart(server):
    assert server.stop() == 0, server.process.output
    server.start()


def of(changes, handle):
    """The values of one item: a plain value where it is good, else the name of the status."""
    shown = lambda value: value.Value.Value if value.StatusCode.is_good() else status(value.StatusCode)
    return [shown(value) for found, value in changes if found == handle]


def all_changes(session, seconds=1.0 * SLOW):
    """Everything that comes until nothing came for a while."""
    found, pending, quiet_since = [], [], time.monotonic()
    while time.monotonic() < quiet_since + seconds:
        answer = session.publish(pending)
        changes = data_changes(answer)
        pending = [(answer.SubscriptionId, answer.NotificationMessage.SequenceNumber)] if changes else []
        if changes:
            found += changes
            quiet_since = time.monotonic()
    return found


def files(server):
    return sorted((server.folder / "data" / "durable").glob("*.sub"))


def figures(server):
    done = command("status", "--json", "--config", server.file, cwd=server.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_what_was_queued_survives_a_restart_in_order(server):
    with log_in(server, USER, PASSWORD) as session:
        subscription = durable(session)
        items = [session.item(A, handle=1, queue=500), session.item(B, handle=2, queue=5)]
        ids = [result.MonitoredItemId for result in session.monitor(subscription, items)]
        assert of(session.changes(5 * SLOW, 2), 1) == [0]
        session.close_session(delete=False)
    write_each(server, A, range(1, 31))
    write_each(server, B, range(1, 11))
    assert figures(server)["durable_subscriptions"] == 1
    restart(server)
    with log_in(server, USER, PASSWORD) as session:
        write_each(server, A, [77])
        assert [status(result.StatusCode) for result in session.transfer([subscription])] == ["Good"]
        changes = all_changes(session)
        values = of(changes, 1)
        assert values[:30] == list(range(1, 31))
        assert values[-1] == 77 and set(values[30:]) <= {WAITING, 0, 77}
        kept = [value for handle, value in changes if handle == 2]
        overflow = [value.StatusCode.value & 0x480 == 0x480 for value in kept]
        assert overflow[0] and not any(overflow[1:]), "the oldest value kept tells of those before it"
        # The client still knows its items by their numbers.
        request = ua.DeleteMonitoredItemsRequest()
        request.Parameters.SubscriptionId = subscription
        request.Parameters.MonitoredItemIds = ids
        assert all(result.is_good() for result in session.call(request).Results)
        session.delete_subscription(subscription)
        wait_until(lambda: not files(server), 5 * SLOW, "the file is removed")
        session.close_session()


def test_a_message_that_was_not_acknowledged_can_be_asked_for_after_a_restart(server):
    with log_in(server, USER, PASSWORD) as session:
        subscription = durable(session)
        session.monitor(subscription, [session.item(A, handle=1, queue=10)])
        message = session.publish().NotificationMessage
        assert message.NotificationData
        session.close_session(delete=False)
    restart(server)
    with log_in(server, USER, PASSWORD) as session:
        result = session.transfer([subscription])[0]
        assert list(result.AvailableSequenceNumbers) == [message.SequenceNumber]
        request = ua.RepublishRequest()
        request.Parameters.SubscriptionId = subscription
        request.Parameters.RetransmitSequenceNumber = message.SequenceNumber
        assert session.call(request).NotificationMessage.NotificationData == message.NotificationData
        assert session.publish().NotificationMessage.SequenceNumber == message.SequenceNumber + 1
        session.close_session()


def test_only_its_user_takes_it_over_after_a_restart(server):
    with log_in(server, USER, PASSWORD) as session:
        subscription = durable(session)
        session.monitor(subscription, [session.item(A, queue=10)])
        session.close_session(delete=False)
    restart(server)
    with log_in(server, READER, READER_PASSWORD) as stranger, Session(server.port) as nobody:
        for session in (stranger, nobody):
            assert [status(result.StatusCode) for result in session.transfer([subscription])] == ["BadUserAccessDenied"]
            made = session.subscribe().SubscriptionId
            assert made > subscription, "numbers of subscriptions that wait are not given again"
            session.close_session()


def test_a_tag_that_is_gone_after_the_restart_says_so(server):
    with log_in(server, USER, PASSWORD) as session:
        subscription = durable(session)
        session.monitor(subscription, [session.item(A, handle=1, queue=10), session.item(B, handle=2, queue=10)])
        session.close_session(delete=False)
    write_each(server, B, [5])
    assert server.stop() == 0
    server.configure(sim_device("a static i32 rw") + ACCESS)
    server.start()
    with log_in(server, USER, PASSWORD) as session:
        assert [status(result.StatusCode) for result in session.transfer([subscription])] == ["Good"]
        assert of(all_changes(session), 2) == ["BadNodeIdUnknown"], "and nothing of what it was is told any more"
        session.close_session()


def test_who_lost_the_right_while_the_server_was_down_gets_nothing(server):
    with log_in(server, USER, PASSWORD) as session:
        subscription = durable(session)
        session.monitor(subscription, [session.item(A, handle=1, queue=10), session.item(B, handle=2, queue=10)])
        session.close_session(delete=False)
    write_each(server, B, [5])
    assert server.stop() == 0
    rule = '[[access.rule]]\npath = "mem.all.b"\nread = "engineer"\n'
    server.configure(sim_device(TAGS) + ACCESS + rule)
    server.start()
    with log_in(server, USER, PASSWORD) as session:
        assert [status(result.StatusCode) for result in session.transfer([subscription])] == ["Good"]
        changes = all_changes(session)
        assert of(changes, 2) == ["BadUserAccessDenied"]
        assert of(changes, 1)[-1] == 0
        session.close_session()


def test_a_power_cut_loses_no_more_than_the_last_seconds(server):
    with log_in(server, USER, PASSWORD) as session:
        subscription = durable(session)
        session.monitor(subscription, [session.item(A, handle=1, queue=500)])
        session.changes(5 * SLOW, 1)
        session.close_session(delete=False)
    write_each(server, A, range(1, 21))
    written = files(server)[0].stat().st_mtime_ns
    wait_until(lambda: files(server)[0].stat().st_mtime_ns != written, 20 * SLOW, "the queue is on the disk")
    server.process.kill()
    server.start()
    write_each(server, A, [77])
    with log_in(server, USER, PASSWORD) as session:
        assert [status(result.StatusCode) for result in session.transfer([subscription])] == ["Good"]
        answer = session.publish()
        assert answer.NotificationMessage.SequenceNumber > 1000, "numbers that the client may know do not come again"
        changes = data_changes(answer) + all_changes(session)
        values = of(changes, 1)
        assert values[:20] == list(range(1, 21)) and values[-1] == 77
        overflow = [value.StatusCode.value & 0x480 == 0x480 for _, value in changes]
        assert overflow.index(True) == 20, "the first value after the cut tells that some may be missing before it"
        session.close_session()


def test_the_method_refuses_what_it_must(server):
    with log_in(server, USER, PASSWORD) as session, log_in(server, USER, PASSWORD) as other:
        subscription = session.subscribe().SubscriptionId
        assert make_durable(session, 4_000_000_000)[0] == "BadSubscriptionIdInvalid"
        assert make_durable(other, subscription)[0] == "BadUserAccessDenied"
        assert make_durable(session, subscription, 5) == ("Good", [5])
        assert make_durable(session, subscription, 0) == ("Good", [168])
        assert make_durable(session, subscription, 4_000_000_000) == ("Good", [168])
        session.monitor(subscription, [session.item(A)])
        assert make_durable(session, subscription, 5)[0] == "BadInvalidState"
        words = session.call_methods((SERVER, SET_DURABLE, number(subscription), ua.Variant("1", TEXT)))[0]
        assert status(words.StatusCode) == "BadInvalidArgument"
        assert [status(result) for result in words.InputArgumentResults] == ["Good", "BadTypeMismatch"]
        few = session.call_methods((SERVER, SET_DURABLE, number(subscription)))[0]
        assert status(few.StatusCode) == "BadArgumentsMissing"
        session.close_session()
        other.close_session()
    wait_until(lambda: figures(server)["durable_subscriptions"] == 0, 5 * SLOW, "it is gone with its session")
    assert figures(server)["durable_bytes"] == 0


def test_nobody_in_particular_cannot_have_one(tmp_path):
    server = SecuredServer(tmp_path)
    with server, Session(server.port) as session:
        subscription = session.subscribe().SubscriptionId
        assert make_durable(session, subscription)[0] == "BadUserAccessDenied"


def test_a_lifetime_of_nothing_switches_them_off(tmp_path):
    server = SecuredServer(tmp_path)
    server.ua = 'durable_lifetime = "0h"'
    server.configure(sim_device(TAGS) + ACCESS)
    with server, log_in(server, USER, PASSWORD) as session:
        assert make_durable(session, session.subscribe().SubscriptionId)[0] == "BadNotSupported"
        session.close_session()


def test_a_full_disk_quota_is_told_and_queues_stay_within_it(tmp_path):
    server = SecuredServer(tmp_path)
    server.ua = "durable_mib = 1"
    server.configure(sim_device(TAGS) + ACCESS)
    with server, log_in(server, USER, PASSWORD) as session:
        large = durable(session)
        results = session.monitor(large, [session.item(A, handle=n, queue=10) for n in range(4000)])
        codes = {status(result.StatusCode) for result in results}
        assert codes == {"Good", "BadResourceUnavailable"}
        assert figures(server)["durable_bytes"] <= 256 << 10
        session.delete_subscription(large)
        subscription = durable(session)
        session.monitor(subscription, [session.item(tag("mem.all.text"), handle=1, queue=1000)])
        session.changes(5 * SLOW, 1)
        session.close_session(delete=False)
        write_each(server, tag("mem.all.text"), [f"{n:03} " + "x" * 5000 for n in range(100)], TEXT)
        restart(server)
        assert 0 < figures(server)["durable_bytes"] <= 256 << 10
        with log_in(server, USER, PASSWORD) as session:
            assert [status(result.StatusCode) for result in session.transfer([subscription])] == ["Good"]
            changes = all_changes(session)
            texts = [value.Value.Value[:3] for _, value in changes if isinstance(value.Value.Value, str)]
            kept = [text for text in texts if text.strip()]
            assert 20 < len(kept) < 60 and kept == [f"{n:03}" for n in range(100 - len(kept), 100)]
            assert changes[0][1].StatusCode.value & 0x480 == 0x480
            session.close_session()


def test_a_file_that_is_damaged_is_told_and_put_aside(server):
    with log_in(server, USER, PASSWORD) as session:
        subscription = durable(session)
        session.monitor(subscription, [session.item(A, queue=10)])
        session.close_session(delete=False)
    assert server.stop() == 0
    path = files(server)[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    server.start()
    assert "is damaged" in server.process.output
    assert not files(server) and path.with_suffix(".damaged").exists()
    with log_in(server, USER, PASSWORD) as session:
        assert [status(result.StatusCode) for result in session.transfer([subscription])] == ["BadSubscriptionIdInvalid"]
        session.close_session()


def event_filter():
    """Selects the message and the type."""
    made = ua.EventFilter()
    for name in ("Message", "EventType"):
        clause = ua.SimpleAttributeOperand()
        clause.TypeDefinitionId = ua.NodeId(2041, 0)
        clause.BrowsePath = [ua.QualifiedName(name, 0)]
        clause.AttributeId = ua.AttributeIds.Value
        made.SelectClauses.append(clause)
    return made


def test_events_that_waited_survive_a_restart(server):
    with log_in(server, USER, PASSWORD) as session:
        subscription = durable(session)
        item = session.item(SERVER, handle=9, queue=100, attribute=12, filter_=event_filter())
        assert status(session.monitor(subscription, [item])[0].StatusCode) == "Good"
        session.close_session(delete=False)
    server.configure(sim_device(TAGS + "\nc static i32 rw") + ACCESS)
    server.reload()
    restart(server)
    server.configure(sim_device(TAGS) + ACCESS)
    server.reload()
    with log_in(server, USER, PASSWORD) as session:
        assert [status(result.StatusCode) for result in session.transfer([subscription])] == ["Good"]
        messages = []
        end = time.monotonic() + 2 * SLOW
        while time.monotonic() < end and len(messages) < 3:
            for data in session.publish().NotificationMessage.NotificationData or []:
                messages += [event.EventFields[0].Value.Text for event in data.Events]
        assert "the server stops" in messages, messages
        at = messages.index("the server stops")
        assert at > 0 and len(messages) > at + 1, "what happened before the end and after the start is there, in order"
        session.close_session()


def test_changed_rules_end_the_session_and_not_the_durable_subscription(server):
    with log_in(server, USER, PASSWORD) as session:
        subscription = durable(session)
        session.monitor(subscription, [session.item(A, handle=1, queue=10), session.item(B, handle=2, queue=10)])
        server.configure(sim_device(TAGS) + ACCESS + '[[access.rule]]\npath = "mem.all.b"\nread = "engineer"\n')
        server.reload()
    write_each(server, A, [5])
    with log_in(server, USER, PASSWORD) as session:
        assert [status(result.StatusCode) for result in session.transfer([subscription])] == ["Good"]
        changes = all_changes(session)
        assert of(changes, 1)[-1] == 5 and of(changes, 2) == ["BadUserAccessDenied"]
        session.close_session()


def test_aggregates_go_on_after_a_restart(server):
    wanted = ua.AggregateFilter()
    wanted.AggregateType, wanted.ProcessingInterval = ua.NodeId(2347), 500.0
    wanted.AggregateConfiguration.UseServerCapabilitiesDefaults = True
    with log_in(server, USER, PASSWORD) as session:
        subscription = durable(session)
        assert session.write(A, 5, INT) == "Good"
        (made,) = session.monitor(subscription, [session.item(A, handle=1, queue=500, filter_=wanted)])
        assert isinstance(made.FilterResult, ua.AggregateFilterResult)
        assert 5 in of(session.changes(10 * SLOW, 2), 1)
        session.close_session(delete=False)
    restart(server)
    with log_in(server, USER, PASSWORD) as session:
        assert [status(result.StatusCode) for result in session.transfer([subscription])] == ["Good"]
        write_each(server, A, [70, 90, 80], pause=0.7)
        changes = session.changes(10 * SLOW, 20)
        while 90 not in of(changes, 1):
            more = session.changes(10 * SLOW, 5)
            assert more, changes
            changes += more
        stamps = [value.SourceTimestamp for _, value in changes]
        assert stamps == sorted(stamps)
        session.close_session()
