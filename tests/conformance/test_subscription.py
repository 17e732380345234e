"""Subscriptions and Publish, rows U01 to U13, U24 and U25 of the conformance list."""

import math
import time

import pytest
from asyncua import ua

from harness import certificates
from harness.plant import PASSWORD, READER, READER_PASSWORD, USER
from harness.process import SLOW
from harness.secured import SecureSession
from harness.session import Session, data_changes, tag
from harness.tokens import log_in, user_token
from harness.wire import Fault, status

COUNTER = tag("sig.d.counter")
STILL = tag("mem.all.w0")


def publishing_mode(session, enabled, ids):
    request = ua.SetPublishingModeRequest()
    request.Parameters.PublishingEnabled = enabled
    request.Parameters.SubscriptionIds = ids
    return [status(result) for result in session.call(request).Parameters.Results]


def delete(session, ids):
    request = ua.DeleteSubscriptionsRequest()
    request.Parameters.SubscriptionIds = ids
    return [status(result) for result in session.call(request).Results]


def republish(session, subscription, number):
    request = ua.RepublishRequest()
    request.Parameters.SubscriptionId = subscription
    request.Parameters.RetransmitSequenceNumber = number
    return session.call(request).NotificationMessage


@pytest.mark.parametrize("asked", [0.0, -1.0, math.nan, 1e308, math.inf])
def test_u01_any_publishing_interval_is_revised_into_a_usable_one(session, asked):
    revised = session.subscribe(interval=asked).RevisedPublishingInterval
    assert math.isfinite(revised) and 0 < revised <= 24 * 3600 * 1000
    if asked <= 0:
        assert revised <= 1000


@pytest.mark.parametrize("lifetime, keep_alive", [(1, 10), (0, 0), (2**32 - 1, 2**32 - 1), (10, 10), (29, 10)])
def test_u02_a_lifetime_lasts_at_least_three_keep_alives(session, lifetime, keep_alive):
    made = session.subscribe(lifetime=lifetime, keep_alive=keep_alive)
    assert made.RevisedMaxKeepAliveCount > 0
    assert made.RevisedLifetimeCount >= 3 * made.RevisedMaxKeepAliveCount


def test_u03_the_first_cycle_answers_and_keep_alives_do_not_use_up_numbers(session):
    made = session.subscribe(interval=100.0, keep_alive=3)
    begun = time.monotonic()
    first = session.publish()
    assert time.monotonic() - begun < 1 * SLOW
    assert not first.NotificationMessage.NotificationData and first.NotificationMessage.SequenceNumber == 1
    begun = time.monotonic()
    second = session.publish()
    waited = time.monotonic() - begun
    cycle = made.RevisedPublishingInterval / 1000 * made.RevisedMaxKeepAliveCount
    assert 0.5 * cycle < waited < 2 * cycle * SLOW
    assert second.NotificationMessage.SequenceNumber == 1
    session.monitor(made.SubscriptionId, [session.item(STILL)])
    third = session.publish()
    assert third.NotificationMessage.SequenceNumber == 1 and data_changes(third)


def test_u04_without_publish_a_subscription_dies_and_says_so(session):
    dying = session.subscribe(interval=50.0, lifetime=3, keep_alive=1)
    wait = dying.RevisedPublishingInterval / 1000 * dying.RevisedLifetimeCount
    assert wait < 30, wait
    time.sleep(wait * 1.5 + 0.5)
    answer = session.publish()
    change = answer.NotificationMessage.NotificationData[0]
    assert answer.SubscriptionId == dying.SubscriptionId
    assert isinstance(change, ua.StatusChangeNotification) and status(change.Status) == "BadTimeout"
    assert delete(session, [dying.SubscriptionId]) == ["BadSubscriptionIdInvalid"]


def touches(session, subscription, item):
    """Every service that names a subscription, other than Publish."""
    modify = ua.ModifySubscriptionRequest()
    modify.Parameters.SubscriptionId, modify.Parameters.RequestedPublishingInterval = subscription, 100.0
    modify.Parameters.RequestedLifetimeCount, modify.Parameters.RequestedMaxKeepAliveCount = 10, 3
    mode = ua.SetMonitoringModeRequest()
    mode.Parameters.SubscriptionId, mode.Parameters.MonitoredItemIds = subscription, [item]
    change = ua.ModifyMonitoredItemsRequest()
    change.Parameters.SubscriptionId = subscription
    change.Parameters.ItemsToModify = [ua.MonitoredItemModifyRequest(item, session.item(STILL).RequestedParameters)]
    triggering = ua.SetTriggeringRequest()
    triggering.Parameters.SubscriptionId, triggering.Parameters.TriggeringItemId = subscription, item
    triggering.Parameters.LinksToRemove = [item]
    drop = ua.DeleteMonitoredItemsRequest()
    drop.Parameters.SubscriptionId, drop.Parameters.MonitoredItemIds = subscription, [4_000_000_000]
    return {
        "ModifySubscription": lambda: session.call(modify),
        "SetPublishingMode": lambda: publishing_mode(session, True, [subscription]),
        "CreateMonitoredItems": lambda: session.monitor(subscription, [session.item(STILL)]),
        "ModifyMonitoredItems": lambda: session.call(change),
        "SetMonitoringMode": lambda: session.call(mode),
        "SetTriggering": lambda: session.call(triggering),
        "DeleteMonitoredItems": lambda: session.call(drop),
        "Republish": lambda: session.fault_of(lambda: republish(session, subscription, 4711)),
    }


def test_u05_any_service_on_the_subscription_keeps_it_alive(session):
    """One subscription per service, each kept alive by that service alone for three lifetimes."""
    kept = {}
    for name in touches(session, 0, 0):
        made = session.subscribe(interval=100.0, lifetime=10, keep_alive=3)
        item = session.monitor(made.SubscriptionId, [session.item(STILL)])[0].MonitoredItemId
        kept[name] = made.SubscriptionId, touches(session, made.SubscriptionId, item)[name]
        lifetime = made.RevisedPublishingInterval / 1000 * made.RevisedLifetimeCount
    end = time.monotonic() + 3 * lifetime
    while time.monotonic() < end:
        time.sleep(lifetime / 5)
        for _, touch in kept.values():
            touch()
    alive = {name for name, (subscription, _) in kept.items() if delete(session, [subscription]) == ["Good"]}
    assert alive == set(kept)


def test_u06_beyond_the_limit_the_oldest_publish_is_answered(session):
    session.subscribe(interval=1000.0, keep_alive=1000)
    session.publish()
    waiting = [session.post_publish() for _ in range(400)]
    answered = []
    session.socket.settimeout(3)
    try:
        while True:
            session.take_publish(waiting[len(answered)])
    except Fault as fault:
        answered.append(fault.name)
    except TimeoutError:
        pytest.fail("400 waiting Publish requests and none was answered")
    assert answered == ["BadTooManyPublishRequests"]
    assert session.read("i=2258").StatusCode.is_good()


def test_u07_publish_without_a_subscription(session):
    assert session.fault_of(session.publish) == "BadNoSubscription"


def test_u07_the_last_subscription_takes_waiting_requests_with_it(session):
    made = session.subscribe(interval=1000.0, keep_alive=1000)
    session.publish()
    waiting = session.post_publish()
    assert delete(session, [made.SubscriptionId]) == ["Good"]
    with pytest.raises(Fault) as fault:
        session.take_publish(waiting)
    assert fault.value.name == "BadNoSubscription"


def test_u08_a_publish_that_waited_too_long_is_answered_and_the_next_one_serves(session):
    session.subscribe(interval=200.0, keep_alive=20)
    session.publish()
    hasty = session.post_publish(timeout_hint=300)
    patient = session.post_publish(timeout_hint=60_000)
    with pytest.raises(Fault) as fault:
        session.take_publish(hasty)
    assert fault.value.name == "BadTimeout"
    assert session.take_publish(patient).SubscriptionId


def test_u09_acknowledgements_have_a_result_each(session):
    made = session.subscribe(interval=50.0)
    session.monitor(made.SubscriptionId, [session.item(COUNTER)])
    first = session.publish()
    number = first.NotificationMessage.SequenceNumber
    mine = made.SubscriptionId
    acknowledgements = [(mine, number), (mine, number), (mine, number + 1000), (mine, 0), (4_000_000_000, number)]
    answer = session.publish(acknowledgements)
    assert [status(result) for result in answer.Results] == [
        "Good",
        "BadSequenceNumberUnknown",
        "BadSequenceNumberUnknown",
        "BadSequenceNumberUnknown",
        "BadSubscriptionIdInvalid",
    ]
    assert number not in answer.AvailableSequenceNumbers


def test_u09_the_subscription_of_another_session_cannot_be_acknowledged(plant, session):
    made = session.subscribe(interval=50.0)
    session.monitor(made.SubscriptionId, [session.item(COUNTER)])
    number = session.publish().NotificationMessage.SequenceNumber
    with Session(plant.port) as other:
        other.subscribe(interval=50.0)
        answer = other.publish([(made.SubscriptionId, number)])
        assert [status(result) for result in answer.Results] == ["BadSubscriptionIdInvalid"]
        other.close_session()
    assert republish(session, made.SubscriptionId, number).SequenceNumber == number


def test_u10_messages_are_kept_until_they_are_acknowledged_or_their_subscription_is_gone(session):
    made = session.subscribe(interval=50.0)
    session.monitor(made.SubscriptionId, [session.item(COUNTER)])
    sent = {}
    while len(sent) < 20:
        message = session.publish().NotificationMessage
        if message.NotificationData:
            sent[message.SequenceNumber] = message
    for number, message in sent.items():
        again = republish(session, made.SubscriptionId, number)
        assert (str(again.NotificationData), again.PublishTime) == (str(message.NotificationData), message.PublishTime)
    assert delete(session, [made.SubscriptionId]) == ["Good"]
    assert session.fault_of(lambda: republish(session, made.SubscriptionId, number)) == "BadSubscriptionIdInvalid"


def test_u10_republish_brings_the_same_message_until_it_is_acknowledged(session):
    made = session.subscribe(interval=50.0)
    session.monitor(made.SubscriptionId, [session.item(COUNTER)])
    first = session.publish()
    number = first.NotificationMessage.SequenceNumber
    again = republish(session, made.SubscriptionId, number)
    assert again.SequenceNumber == number
    assert [str(v) for v in again.NotificationData] == [str(v) for v in first.NotificationMessage.NotificationData]
    session.publish([(made.SubscriptionId, number)])
    for gone in (number, number + 1000, 0):
        assert session.fault_of(lambda gone=gone: republish(session, made.SubscriptionId, gone)) == "BadMessageNotAvailable"
    assert session.fault_of(lambda: republish(session, 4_000_000_000, number)) == "BadSubscriptionIdInvalid"


def test_u11_a_limit_of_one_notification_splits_and_keeps_the_order(session):
    made = session.subscribe(interval=100.0, max_notifications=1)
    session.monitor(made.SubscriptionId, [session.item(tag(f"mem.all.w{i}"), handle=i) for i in range(10)])
    handles, more = [], []
    while len(handles) < 10:
        answer = session.publish()
        changes = data_changes(answer)
        assert len(changes) <= 1
        if changes:
            handles.append(changes[0][0])
            more.append(answer.MoreNotifications)
    assert sorted(handles) == list(range(10))
    assert more == [True] * 9 + [False]


def test_u12_the_higher_priority_is_served_first_and_the_lower_one_not_forgotten(session):
    """One Publish request at a time for three subscriptions that always have something to say."""
    priorities = {}
    for priority in (0, 100, 255):
        made = session.subscribe(interval=50.0, priority=priority)
        session.monitor(made.SubscriptionId, [session.item(COUNTER, handle=priority)])
        priorities[made.SubscriptionId] = priority
    time.sleep(0.3)
    first = [priorities[session.publish().SubscriptionId] for _ in range(3)]
    assert first[0] == 255
    served = []
    end = time.monotonic() + 2 * SLOW
    while time.monotonic() < end and not ({0, 100} <= set(served) and len(served) >= 30):
        served.append(priorities[session.publish().SubscriptionId])
        time.sleep(0.055)
    assert served.count(255) >= served.count(100) >= 1 and served.count(255) >= served.count(0) >= 1, served
    assert served.count(255) > len(served) // 2, served


def test_u13_publishing_off_leaves_keep_alives_only(session):
    made = session.subscribe(interval=50.0, keep_alive=2)
    session.monitor(made.SubscriptionId, [session.item(COUNTER, queue=100)])
    session.changes(5 * SLOW, 2)
    results = publishing_mode(session, False, [made.SubscriptionId, 4_000_000_000])
    assert results == ["Good", "BadSubscriptionIdInvalid"]
    session.publish()
    for _ in range(3):
        assert not session.publish().NotificationMessage.NotificationData
    assert publishing_mode(session, True, [made.SubscriptionId]) == ["Good"]
    assert session.changes(5 * SLOW, 2)


@pytest.mark.parametrize("send_initial", [True, False])
def test_u24_the_same_user_takes_a_subscription_over(secure_plant, send_initial):
    with log_in(secure_plant, USER, PASSWORD) as old, log_in(secure_plant, USER, PASSWORD) as new:
        made = old.subscribe(interval=50.0)
        old.monitor(made.SubscriptionId, [old.item(STILL, handle=5)])
        unacknowledged = old.publish().NotificationMessage.SequenceNumber
        waiting = old.post_publish()
        with log_in(secure_plant, READER, READER_PASSWORD) as stranger:
            assert [status(r.StatusCode) for r in stranger.transfer([made.SubscriptionId], True)] == ["BadUserAccessDenied"]
            stranger.close_session()
        result = new.transfer([made.SubscriptionId, 4_000_000_000], send_initial)
        assert [status(r.StatusCode) for r in result] == ["Good", "BadSubscriptionIdInvalid"]
        assert list(result[0].AvailableSequenceNumbers) == [unacknowledged]
        told = old.take_publish(waiting).NotificationMessage.NotificationData[0]
        assert isinstance(told, ua.StatusChangeNotification)
        assert told.Status.value == ua.StatusCodes.GoodSubscriptionTransferred
        answer = new.publish()
        assert answer.SubscriptionId == made.SubscriptionId
        assert [handle for handle, _ in data_changes(answer)] == ([5] if send_initial else [])
        old.close_session()
        new.close_session()


def other_application(server, name):
    """A client of another application, trusted."""
    identity = certificates.issue(name, uri=f"urn:tagwire:tests:{name}")
    (server.folder / "data" / "pki" / "trusted" / f"{name}.der").write_bytes(identity.der)
    return identity


def test_u24_an_anonymous_user_of_the_same_application_may_take_over(secure_plant):
    with SecureSession(secure_plant) as owner, SecureSession(secure_plant) as heir:
        made = owner.subscribe()
        assert [status(r.StatusCode) for r in heir.transfer([made.SubscriptionId], True)] == ["Good"]
        heir.close_session()
        owner.close_session()


def test_u24_an_anonymous_user_of_another_application_gets_nothing(secure_plant):
    with SecureSession(secure_plant) as owner, SecureSession(secure_plant, other_application(secure_plant, "thief")) as thief:
        made = owner.subscribe()
        assert [status(r.StatusCode) for r in thief.transfer([made.SubscriptionId], True)] == ["BadUserAccessDenied"]


def test_u24_anonymous_users_without_security_cannot_be_told_apart(plant):
    with Session(plant.port) as owner, Session(plant.port) as thief:
        made = owner.subscribe()
        assert [status(r.StatusCode) for r in thief.transfer([made.SubscriptionId], True)] == ["BadUserAccessDenied"]


def test_u24_another_certificate_of_the_same_user_may_take_over(secure_plant):
    """A user moves to another client, as when the first one's machine is gone."""
    other = other_application(secure_plant, "spare client")
    with SecureSession(secure_plant, activate=False) as owner, SecureSession(secure_plant, other, activate=False) as heir:
        for session in (owner, heir):
            session.activate(token=user_token(session, USER, PASSWORD))
        made = owner.subscribe()
        assert [status(r.StatusCode) for r in heir.transfer([made.SubscriptionId], True)] == ["Good"]
        heir.close_session()
        owner.close_session()


def resend(session, subscription):
    (result,) = session.call_methods(("i=2253", "i=12873", ua.Variant(subscription, ua.VariantType.UInt32)))
    return status(result.StatusCode)


def test_u25_resend_data_keeps_to_the_limit_of_notifications(session):
    made = session.subscribe(interval=50.0, keep_alive=3, max_notifications=2)
    session.monitor(made.SubscriptionId, [session.item(tag(f"mem.all.w{i}"), handle=i) for i in range(5)])
    assert len(session.changes(5 * SLOW, 5)) == 5
    assert resend(session, made.SubscriptionId) == "Good"
    handles = []
    while len(handles) < 5:
        changes = data_changes(session.publish())
        assert len(changes) <= 2
        handles += [handle for handle, _ in changes]
    assert sorted(handles) == list(range(5))
    assert session.changes(0.5) == []


def test_u25_resend_data_brings_reporting_items_once(session):
    made = session.subscribe(interval=50.0, keep_alive=3)
    items = [session.item(tag("mem.all.w1"), handle=1), session.item(tag("mem.all.w2"), handle=2, mode=1)]
    session.monitor(made.SubscriptionId, items)
    assert [handle for handle, _ in session.changes(5 * SLOW, 1)] == [1]
    assert resend(session, made.SubscriptionId) == "Good"
    assert [handle for handle, _ in session.changes(1.0)] == [1]
