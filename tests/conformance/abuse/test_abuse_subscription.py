"""Abuse of subscriptions: orphans, transfers, Publish without end, queues that nobody empties."""

import random
import time

import pytest
from asyncua import ua

from harness.abuse import in_threads, outcome, rounds
from harness.plant import PASSWORD, READER, READER_PASSWORD, USER
from harness.process import SLOW
from harness.session import Session, tag
from harness.tokens import log_in
from harness.wire import Fault, status

STILL = tag("mem.all.w39")
COUNTER = tag("sig.d.counter")


def transfer(session, ids, send_initial=False) -> list[str]:
    request = ua.TransferSubscriptionsRequest()
    request.Parameters.SubscriptionIds, request.Parameters.SendInitialValues = ids, send_initial
    return [status(result.StatusCode) for result in session.call(request).Parameters.Results]


def test_a04_orphaned_subscriptions_count_and_make_way(arena, target):
    """One more than there may be on the server: the oldest orphan goes, the others live as long as any subscription."""
    made, n_sessions, lifetime = [], rounds(700, 520), 200
    for _ in range(n_sessions):
        with Session(target.port) as session:
            for _ in range(10):
                made.append(session.subscribe(interval=100.0, lifetime=lifetime, keep_alive=10).SubscriptionId)
            session.monitor(made[-1], [session.item(STILL, queue=10)] * 20)
            session.close_session(delete=False)
    assert n_sessions * 5 < arena.quotas()["subscriptions"] <= 5_000 < len(made)
    with Session(target.port) as living:
        assert living.subscribe().SubscriptionId, "the oldest orphan makes way"
        # The first is gone; the last is there, and nobody without a name may have it.
        assert transfer(living, [made[0], made[-1]]) == ["BadSubscriptionIdInvalid", "BadUserAccessDenied"]
        living.close_session()


def test_a05_an_orphan_belongs_to_its_user(target):
    with log_in(target, USER, PASSWORD) as owner:
        made = owner.subscribe(interval=1000.0, lifetime=40).SubscriptionId
        owner.close_session(delete=False)
    with Session(target.port) as anonymous, log_in(target, READER, READER_PASSWORD) as reader:
        assert transfer(anonymous, [made]) == transfer(reader, [made]) == ["BadUserAccessDenied"]
        anonymous.close_session()
        reader.close_session()
    with log_in(target, USER, PASSWORD) as heir:
        assert transfer(heir, [made]) == ["Good"]
        heir.close_session()


def test_a07_items_made_moved_deleted_and_published_in_random_order(target):
    """Two sessions of a user throw subscriptions at each other while messages are on their way."""
    def play(seed):
        dice = random.Random(seed)
        with log_in(target, USER, PASSWORD) as one, log_in(target, USER, PASSWORD) as two:
            owned = {}
            for _ in range(rounds(20_000, 3_000)):
                session = dice.choice((one, two))
                match dice.randrange(5):
                    case 0 if len(owned) < 8:
                        made = session.subscribe(interval=10.0, lifetime=1000).SubscriptionId
                        items = [session.item(COUNTER, sampling=dice.choice((-1.0, 0.0, 50.0)), queue=5)] * 3
                        session.monitor(made, items)
                        owned[made] = session
                    case 1 if owned:
                        made = dice.choice(list(owned))
                        other = two if owned[made] is one else one
                        assert transfer(other, [made], dice.random() < 0.5) == ["Good"]
                        owned[made] = other
                    case 2 if owned:
                        made, holder = owned.popitem()
                        holder.delete_subscription(made)
                    case 3:
                        session.post_publish()
                    case 4 if owned:
                        made, holder = dice.choice(list(owned.items()))
                        request = ua.DeleteMonitoredItemsRequest()
                        request.Parameters.SubscriptionId = made
                        request.Parameters.MonitoredItemIds = [dice.randrange(1, 20)]
                        holder.call(request)
            one.close_session()
            two.close_session()

    in_threads([lambda seed=seed: play(seed) for seed in (1, 2)], 600 * SLOW)


def test_a51_a_transfer_against_a_deletion(target):
    """Both are asked for at once: one of them wins, the other one is told, nothing is left over."""
    with log_in(target, USER, PASSWORD) as owner, log_in(target, USER, PASSWORD) as heir:
        seen = set()
        for _ in range(rounds(20_000, 3_000)):
            made = owner.subscribe().SubscriptionId
            delete, take = ua.DeleteSubscriptionsRequest(), ua.TransferSubscriptionsRequest()
            delete.Parameters.SubscriptionIds = take.Parameters.SubscriptionIds = [made]
            first, second = owner.post(delete), heir.post(take)
            deleted = status(owner.take(first, ua.DeleteSubscriptionsResponse).Results[0])
            taken = status(heir.take(second, ua.TransferSubscriptionsResponse).Parameters.Results[0].StatusCode)
            seen.add((deleted, taken))
            if taken == "Good":
                heir.delete_subscription(made)
        assert seen <= {("Good", "BadSubscriptionIdInvalid"), ("BadSubscriptionIdInvalid", "Good")}, seen
        owner.close_session()
        heir.close_session()


def test_a08_publish_requests_without_end_are_capped(arena, target):
    """The oldest are answered, and no more than the cap ever wait."""
    with Session(target.port) as session:
        session.subscribe(interval=3_600_000.0, keep_alive=1000)
        refused = 0
        for _ in range(rounds(1_000, 100)):
            posted = [session.post_publish() for _ in range(200)]
            for request in posted[:100]:
                try:
                    session.take_publish(request)
                except Fault as fault:
                    assert fault.name == "BadTooManyPublishRequests"
                    refused += 1
        assert refused >= 2_000
        assert arena.quotas()["waiting_publishes"] <= 64 + 1
        session.close_session()


@pytest.mark.row("A08")
def test_acknowledgements_without_end_are_refused(target):
    with Session(target.port) as session:
        session.subscribe()
        assert outcome(lambda: session.publish([(1, 1)] * 100_000)) in ("BadTooManyOperations", "BadEncodingLimitsExceeded")
        session.close_session()


def test_a42_items_deleted_by_what_they_report(target):
    """Each answer that brings a value deletes its own item, its link and its subscription, and makes new ones."""
    with Session(target.port) as session:
        for _ in range(rounds(2_000, 300)):
            made = session.subscribe(interval=10.0).SubscriptionId
            results = session.monitor(made, [session.item(COUNTER, handle=1), session.item(STILL, handle=2, mode=1)])
            trigger, linked = (result.MonitoredItemId for result in results)
            request = ua.SetTriggeringRequest()
            request.Parameters.SubscriptionId, request.Parameters.TriggeringItemId = made, trigger
            request.Parameters.LinksToAdd = [linked]
            session.call(request)
            session.changes(2 * SLOW, 1)
            request = ua.DeleteMonitoredItemsRequest()
            request.Parameters.SubscriptionId, request.Parameters.MonitoredItemIds = made, [trigger, linked, trigger]
            assert [status(code) for code in session.call(request).Results] == ["Good", "Good", "BadMonitoredItemIdInvalid"]
            session.delete_subscription(made)
        session.close_session()


def test_queues_that_nobody_empties_are_bounded_together(arena, target):
    """A thousand items with the largest queue on a text that changes, and no Publish: one budget for all of them."""
    with Session(target.port) as session, Session(target.port) as writer:
        made = session.subscribe(interval=10.0, lifetime=100_000).SubscriptionId
        items = [session.item(tag("mem.all.string"), handle=n, queue=10_000) for n in range(500)]
        assert all(result.StatusCode.is_good() for result in session.monitor(made, items))
        for number in range(rounds(2_000, 1_000)):
            text = f"{number:06}" * 1_000
            assert writer.write(tag("mem.all.string"), text, ua.VariantType.String) == "Good"
        time.sleep(0.2)
        assert 0 < arena.quotas()["queued_value_bytes"] <= 260 << 20
        assert writer.write(tag("mem.all.string"), "plain", ua.VariantType.String) == "Good"
        session.close_session()
        writer.close_session()


def test_messages_that_nobody_acknowledges_are_bounded_together(arena, target):
    """Ten subscriptions send large messages which the client takes and never acknowledges."""
    with Session(target.port) as session, Session(target.port) as writer:
        for _ in range(5):
            made = session.subscribe(interval=10.0, lifetime=100_000).SubscriptionId
            session.monitor(made, [session.item(tag("mem.all.string"), handle=n) for n in range(100)])
        for number in range(rounds(1_000, 20)):
            writer.write(tag("mem.all.string"), f"{number:06}" * 800, ua.VariantType.String)
            for _ in range(5):
                session.publish()
        assert arena.quotas()["unacknowledged_bytes"] <= 5 * (16 << 20) + (1 << 20)
        session.close_session()
        writer.write(tag("mem.all.string"), "plain", ua.VariantType.String)
        writer.close_session()
