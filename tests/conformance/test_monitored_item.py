"""Monitored items, rows U14 to U23 of the conformance list."""

import math
import time

import pytest
from asyncua import ua

from harness.process import SLOW
from harness.product import Tagwire, sim_device
from harness.session import Session, data_changes, drained, one, tag
from harness.wire import status

COUNTER = tag("sig.d.counter")
T = ua.VariantType
OVERFLOW = 0x480


def filter_(trigger=1, kind=0, value=0.0):
    made = ua.DataChangeFilter()
    made.Trigger = ua.DataChangeTrigger(trigger)
    made.DeadbandType = kind
    made.DeadbandValue = value
    return made


def refusal(session, id_, **how) -> str:
    subscription = session.subscribe().SubscriptionId
    result = status(session.monitor(subscription, [session.item(id_, **how)])[0].StatusCode)
    session.delete_subscription(subscription)
    return result


def first(session, count=1):
    """The first changes of items that were just made; a keep-alive may come before them."""
    return session.changes(5 * SLOW, count)


@pytest.fixture
def quick(session):
    """A subscription that answers every 50 ms, data or not."""
    return session.subscribe(interval=50.0, keep_alive=1).SubscriptionId


def write_all(session, name, values, kind, pause=0.0):
    for value in values:
        assert session.write(tag(name), value, kind) == "Good"
        time.sleep(pause)


def test_u14_sampling_intervals_are_revised(session):
    made = session.subscribe(interval=500.0)
    for asked in (0.0, -1.0, 1.0, 1e12, math.nan):
        revised = one(session, made.SubscriptionId, COUNTER, sampling=asked).RevisedSamplingInterval
        assert math.isfinite(revised) and revised >= 0
        if asked == -1.0:
            assert revised == made.RevisedPublishingInterval


def test_u15_queue_sizes_are_revised(session):
    subscription = session.subscribe().SubscriptionId
    assert one(session, subscription, COUNTER, queue=0).RevisedQueueSize == 1
    largest = one(session, subscription, COUNTER, queue=2**32 - 1).RevisedQueueSize
    assert 10 <= largest <= 1_000_000


@pytest.mark.parametrize("discard_oldest", [True, False])
def test_u16_an_overflow_keeps_the_right_values_and_says_so(session, discard_oldest):
    subscription = session.subscribe(interval=1000.0, keep_alive=1).SubscriptionId
    name = "mem.all.w3"
    assert session.write(tag(name), 0, T.Int32) == "Good"
    one(session, subscription, tag(name), queue=5, discard_oldest=discard_oldest)
    first(session)
    write_all(session, name, range(1, 10), T.Int32, pause=0.03)
    found = [change for _, change in drained(session, 2)]
    values = [change.Value.Value for change in found]
    flags = [bool(change.StatusCode.value & OVERFLOW == OVERFLOW) for change in found]
    if discard_oldest:
        assert values == [5, 6, 7, 8, 9] and flags == [True, False, False, False, False]
    else:
        assert values == [1, 2, 3, 4, 9] and flags == [False, False, False, False, True]


def test_u16_a_queue_of_one_has_no_overflow_bit(session):
    subscription = session.subscribe(interval=500.0, keep_alive=1).SubscriptionId
    one(session, subscription, tag("mem.all.w4"), queue=1)
    first(session)
    write_all(session, "mem.all.w4", [1, 2, 3], T.Int32, pause=0.03)
    found = drained(session, 2)
    assert [(change.Value.Value, change.StatusCode.value) for _, change in found] == [(3, 0)]


def test_u17_an_absolute_deadband_compares_with_the_last_notified_value(session, quick):
    assert session.write(tag("bulk.d.m100"), 10.0, T.Double) == "Good"
    one(session, quick, tag("bulk.d.m100"), queue=50, filter_=filter_(kind=1, value=2.0))
    assert [change.Value.Value for _, change in first(session)] == [10.0]
    write_all(session, "bulk.d.m100", [11.5, 12.0, 12.1, 10.5, 10.0, 14.2], T.Double, pause=0.08)
    assert [change.Value.Value for _, change in drained(session)] == [12.1, 10.0, 14.2]


def test_u17_a_deadband_is_exact_beyond_2_to_the_53(session, quick):
    base = 2**53
    assert session.write(tag("mem.all.i64"), base, T.Int64) == "Good"
    one(session, quick, tag("mem.all.i64"), queue=50, filter_=filter_(kind=1, value=0.5))
    first(session)
    write_all(session, "mem.all.i64", [base + 1, base], T.Int64, pause=0.08)
    assert [change.Value.Value for _, change in drained(session)] == [base + 1, base]


def test_u17_one_element_of_an_array_is_enough(session, quick):
    assert session.write(tag("mem.all.floats"), [0.0] * 5, T.Double) == "Good"
    one(session, quick, tag("mem.all.floats"), queue=50, filter_=filter_(kind=1, value=2.0))
    first(session)
    for values in ([1.0] * 5, [0.0, 0.0, 0.0, 0.0, 2.5]):
        assert session.write(tag("mem.all.floats"), values, T.Double) == "Good"
        time.sleep(0.08)
    assert [change.Value.Value for _, change in drained(session)] == [[0.0, 0.0, 0.0, 0.0, 2.5]]


def test_u17_not_a_number_is_reported_once(session, quick):
    assert session.write(tag("bulk.d.m101"), 0.0, T.Double) == "Good"
    one(session, quick, tag("bulk.d.m101"), queue=50, filter_=filter_(kind=1, value=1.0))
    first(session)
    write_all(session, "bulk.d.m101", [math.nan, math.nan, 5.0], T.Double, pause=0.08)
    found = [change.Value.Value for _, change in drained(session)]
    assert len(found) == 2 and math.isnan(found[0]) and found[1] == 5.0


def test_u18_a_percent_deadband_needs_a_range(session, quick):
    unsupported = ("BadMonitoredItemFilterUnsupported", "BadFilterNotAllowed", "BadDeadbandFilterInvalid")
    assert refusal(session, tag("bulk.d.m102"), filter_=filter_(kind=2, value=10.0)) in unsupported
    ranged = tag("sig.d.ranged")
    for value in (-1.0, 125.0, math.nan):
        assert refusal(session, ranged, filter_=filter_(kind=2, value=value)) == "BadDeadbandFilterInvalid", value
    assert session.write(ranged, 0.0, T.Double) == "Good"
    one(session, quick, ranged, queue=50, filter_=filter_(kind=2, value=10.0))
    first(session)
    write_all(session, "sig.d.ranged", [15.0, 20.0, 21.0, 42.0], T.Double, pause=0.08)
    # The subscriptions of the refused items answer too.
    assert [change.Value.Value for _, change in drained(session, 12)] == [21.0, 42.0]


SEMANTICS_CHANGED = 0x4000


def ranged(high):
    return sim_device(f"level static f64 rw eu_range=[0,{high}]")


@pytest.fixture
def growing(tmp_path):
    """A session with an item whose deadband is ten percent; calling the fixture makes the range ten times as large."""
    with Tagwire(tmp_path, ranged(100)) as server, Session(server.port) as session:
        subscription = session.subscribe(interval=50.0, keep_alive=1).SubscriptionId
        assert session.write(tag(LEVEL), 0.0, T.Double) == "Good"
        one(session, subscription, tag(LEVEL), queue=50, filter_=filter_(kind=2, value=10.0))
        first(session)

        def grow():
            server.configure(ranged(1000))
            server.reload()
            return [change.StatusCode.value for _, change in drained(session, 6)]

        yield session, grow
        session.close_session()


LEVEL = "mem.all.level"


def test_u18_another_range_is_told_once(growing):
    _, grow = growing
    assert [code & SEMANTICS_CHANGED for code in grow()] == [SEMANTICS_CHANGED]


def test_u18_a_deadband_follows_its_range(growing):
    session, grow = growing
    grow()
    assert session.write(tag(LEVEL), 0.0, T.Double) == "Good"
    drained(session, 3)
    write_all(session, LEVEL, [50.0, 150.0], T.Double, pause=0.08)
    assert [change.Value.Value for _, change in drained(session)] == [150.0]


@pytest.mark.parametrize("id_, attribute", [(tag("mem.all.i32"), 3), (tag("mem.all.string"), 13), (tag("mem.all.when"), 13)])
def test_u19_a_deadband_is_for_numbers_only(session, id_, attribute):
    assert refusal(session, id_, attribute=attribute, filter_=filter_(kind=1, value=1.0)) in (
        "BadFilterNotAllowed",
        "BadMonitoredItemFilterUnsupported",
    )


def test_u19_an_unknown_deadband_type(session):
    assert refusal(session, tag("mem.all.i32"), filter_=filter_(kind=7)) in (
        "BadDeadbandFilterInvalid",
        "BadMonitoredItemFilterInvalid",
        "BadMonitoredItemFilterUnsupported",
    )


def test_u20_triggers(session, quick):
    names = {0: "mem.all.w5", 1: "mem.all.w6", 2: "mem.all.w7"}
    for trigger, name in names.items():
        assert session.write(tag(name), 1, T.Int32) == "Good"
        one(session, quick, tag(name), handle=trigger, queue=50, filter_=filter_(trigger))
    first(session, 3)
    for name in names.values():
        write_all(session, name, [2, 2], T.Int32, pause=0.15)
    found = [handle for handle, _ in drained(session, 4)]
    assert (found.count(0), found.count(1)) == (0, 1) and found.count(2) >= 2


def triggering(session, subscription, item, add=(), remove=()):
    request = ua.SetTriggeringRequest()
    request.Parameters.SubscriptionId = subscription
    request.Parameters.TriggeringItemId = item
    request.Parameters.LinksToAdd, request.Parameters.LinksToRemove = list(add), list(remove)
    result = session.call(request).Parameters
    return [status(r) for r in result.AddResults or []], [status(r) for r in result.RemoveResults or []]


def test_u21_a_triggering_item_brings_its_linked_samples(session, quick):
    trigger = one(session, quick, tag("mem.all.w8"), handle=8).MonitoredItemId
    linked = one(session, quick, tag("mem.all.w9"), handle=9, mode=1, queue=10).MonitoredItemId
    first(session)
    assert triggering(session, quick, trigger, [linked, 4_000_000_000])[0] == ["Good", "BadMonitoredItemIdInvalid"]
    write_all(session, "mem.all.w9", [int(time.time()) % 1000], T.Int32)
    assert drained(session) == []
    write_all(session, "mem.all.w8", [int(time.time()) % 1000 + 1], T.Int32)
    assert {handle for handle, _ in drained(session)} == {8, 9}
    assert triggering(session, quick, trigger, remove=[linked, linked])[1] == ["Good", "BadMonitoredItemIdInvalid"]
    assert session.fault_of(lambda: triggering(session, quick, trigger)) == "BadNothingToDo"
    assert session.fault_of(lambda: triggering(session, quick, 4_000_000_000, [linked])) == "BadMonitoredItemIdInvalid"
    assert session.fault_of(lambda: triggering(session, 4_000_000_000, trigger, [linked])) == "BadSubscriptionIdInvalid"


TRIGGER, LINKED, SECOND = "mem.all.w13", "mem.all.w14", "mem.all.w15"


@pytest.fixture
def links(session, quick):
    """A subscription with a reporting item and two that only sample; what they report first is out of the way."""
    items = [
        one(session, quick, tag(TRIGGER), handle=1).MonitoredItemId,
        one(session, quick, tag(LINKED), handle=2, mode=1, queue=10).MonitoredItemId,
        one(session, quick, tag(SECOND), handle=3, mode=1, queue=10).MonitoredItemId,
    ]
    first(session)
    return quick, items


def bump(session, *names):
    """Writes a value to each tag that it did not have; the last one after the others have been sampled."""
    for name in names:
        if name == names[-1] and len(names) > 1:
            time.sleep(0.1)
        assert session.write(tag(name), session.value(tag(name)) + 1, T.Int32) == "Good"


def test_u21_removed_links_bring_nothing_more(session, links):
    subscription, (trigger, linked, second) = links
    assert triggering(session, subscription, trigger, [linked, second]) == (["Good", "Good"], [])
    assert triggering(session, subscription, trigger, remove=[linked]) == ([], ["Good"])
    bump(session, LINKED, SECOND, TRIGGER)
    assert {handle for handle, _ in drained(session)} == {1, 3}
    assert triggering(session, subscription, trigger, [linked], [second]) == (["Good"], ["Good"])
    bump(session, SECOND, LINKED, TRIGGER)
    assert {handle for handle, _ in drained(session)} == {1, 2}


def test_u21_every_queued_value_of_a_linked_item_comes_once(session, links):
    subscription, (trigger, linked, _) = links
    triggering(session, subscription, trigger, [linked])
    start = session.value(tag(LINKED))
    for _ in range(3):
        bump(session, LINKED)
        time.sleep(0.03)
    bump(session, LINKED, TRIGGER)
    values = [change.Value.Value for handle, change in drained(session) if handle == 2]
    assert values[-4:] == [start + 1, start + 2, start + 3, start + 4]
    bump(session, TRIGGER)
    assert {handle for handle, _ in drained(session)} == {1}


def test_u21_a_link_to_itself_or_to_another_subscription_is_refused(session, links):
    subscription, (trigger, _, _) = links
    other = session.subscribe(interval=50.0).SubscriptionId
    foreign = one(session, other, tag(SECOND), handle=9, mode=1).MonitoredItemId
    invalid = "BadMonitoredItemIdInvalid"
    assert triggering(session, subscription, trigger, [trigger])[0] == [invalid]
    assert triggering(session, subscription, trigger, [0, 4_000_000_000], [4_000_000_000]) == ([invalid] * 2, [invalid])
    assert session.fault_of(lambda: triggering(session, other, trigger, [foreign])) in ("Good", invalid)
    if foreign not in links[1]:
        assert triggering(session, subscription, trigger, [foreign])[0] == [invalid]


def test_u21_links_in_a_circle_end(session, links):
    subscription, (trigger, linked, second) = links
    assert triggering(session, subscription, trigger, [linked])[0] == ["Good"]
    assert triggering(session, subscription, linked, [second])[0] == ["Good"]
    assert triggering(session, subscription, second, [trigger, linked])[0] == ["Good", "Good"]
    bump(session, LINKED, TRIGGER)
    assert [handle for handle, _ in drained(session, 5)].count(1) == 1
    bump(session, LINKED, TRIGGER)
    found = [handle for handle, _ in drained(session, 5)]
    assert found.count(1) == 1 and found.count(2) == 1
    assert drained(session) == []


def test_u21_a_deleted_or_reporting_item_needs_no_link(session, links):
    subscription, (trigger, linked, second) = links
    assert triggering(session, subscription, trigger, [linked, second])[0] == ["Good", "Good"]
    request = ua.DeleteMonitoredItemsRequest()
    request.Parameters.SubscriptionId, request.Parameters.MonitoredItemIds = subscription, [linked]
    assert session.call(request).Results[0].is_good()
    assert set_mode(session, subscription, 2, [second]) == ["Good"]
    drained(session, 2)
    bump(session, SECOND)
    assert [handle for handle, _ in drained(session)] == [3]
    bump(session, LINKED, TRIGGER)
    assert [handle for handle, _ in drained(session)] == [1]


def test_u21_a_deleted_item_has_no_links(session, links):
    subscription, (trigger, linked, _) = links
    assert triggering(session, subscription, trigger, [linked])[0] == ["Good"]
    request = ua.DeleteMonitoredItemsRequest()
    request.Parameters.SubscriptionId, request.Parameters.MonitoredItemIds = subscription, [linked]
    assert session.call(request).Results[0].is_good()
    assert triggering(session, subscription, trigger, remove=[linked])[1] == ["BadMonitoredItemIdInvalid"]


def test_u21_a_new_item_does_not_inherit_the_link_of_a_deleted_one(session, links):
    subscription, (trigger, linked, _) = links
    assert triggering(session, subscription, trigger, [linked])[0] == ["Good"]
    request = ua.DeleteMonitoredItemsRequest()
    request.Parameters.SubscriptionId, request.Parameters.MonitoredItemIds = subscription, [linked]
    assert session.call(request).Results[0].is_good()
    for handle in range(20, 25):
        one(session, subscription, tag(LINKED), handle=handle, mode=1, queue=10)
    drained(session, 2)
    bump(session, LINKED, TRIGGER)
    assert [handle for handle, _ in drained(session)] == [1]


def modify(session, subscription, item, **how):
    request = ua.ModifyMonitoredItemsRequest()
    request.Parameters.SubscriptionId = subscription
    request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
    change = ua.MonitoredItemModifyRequest()
    change.MonitoredItemId = item
    change.RequestedParameters = session.item(COUNTER, **how).RequestedParameters
    request.Parameters.ItemsToModify = [change]
    return session.call(request).Results[0]


def test_u22_modify_changes_handle_queue_and_filter(session, quick):
    name = "mem.all.w10"
    item = one(session, quick, tag(name), handle=1, queue=10).MonitoredItemId
    first(session)
    result = modify(session, quick, item, handle=77, queue=3, filter_=filter_(kind=1, value=5.0))
    assert result.StatusCode.is_good() and result.RevisedQueueSize == 3
    base = session.value(tag(name))
    write_all(session, name, [base + 3, base + 6], T.Int32, pause=0.08)
    assert [(handle, change.Value.Value) for handle, change in drained(session)] == [(77, base + 6)]
    assert status(modify(session, quick, 4_000_000_000).StatusCode) == "BadMonitoredItemIdInvalid"


def test_u22_shrinking_a_full_queue_keeps_the_newest(session):
    subscription = session.subscribe(interval=1000.0, keep_alive=1).SubscriptionId
    name = "mem.all.w11"
    item = one(session, subscription, tag(name), queue=10).MonitoredItemId
    first(session)
    base = session.value(tag(name)) + 1
    write_all(session, name, range(base, base + 6), T.Int32, pause=0.02)
    assert modify(session, subscription, item, queue=2).StatusCode.is_good()
    assert [change.Value.Value for _, change in drained(session, 2)][-2:] == [base + 4, base + 5]


def test_u22_shrinking_a_queue_that_keeps_the_oldest(session):
    subscription = session.subscribe(interval=1000.0, keep_alive=1).SubscriptionId
    name = "mem.all.w16"
    item = one(session, subscription, tag(name), queue=10, discard_oldest=False).MonitoredItemId
    first(session)
    base = session.value(tag(name)) + 1
    write_all(session, name, range(base, base + 6), T.Int32, pause=0.02)
    assert modify(session, subscription, item, queue=3, discard_oldest=False).StatusCode.is_good()
    values = [change.Value.Value for _, change in drained(session, 2)]
    assert len(values) == 3 and values[0] == base, values


def test_u22_values_queued_before_a_change_of_handle_go_out_under_the_new_one(session):
    subscription = session.subscribe(interval=500.0, keep_alive=1).SubscriptionId
    name = "mem.all.w17"
    item = one(session, subscription, tag(name), handle=1, queue=10).MonitoredItemId
    first(session)
    base = session.value(tag(name)) + 1
    write_all(session, name, [base, base + 1], T.Int32, pause=0.03)
    assert modify(session, subscription, item, handle=2, queue=10).StatusCode.is_good()
    found = drained(session, 2)
    assert [change.Value.Value for _, change in found] == [base, base + 1]
    assert [handle for handle, _ in found] in ([2, 2], [1, 1])


def test_u22_sampling_is_revised_again_and_takes_effect(session, quick):
    item = one(session, quick, COUNTER, sampling=0.0, queue=100).MonitoredItemId
    slow = modify(session, quick, item, sampling=1000.0, queue=100)
    assert slow.StatusCode.is_good() and slow.RevisedSamplingInterval == 1000.0
    drained(session, 2)
    begun, found = time.monotonic(), 0
    while time.monotonic() - begun < 2.2:
        found += len(data_changes(session.publish()))
    assert 1 <= found <= 4 * SLOW, found
    for asked in (0.0, math.nan, 1e300):
        revised = modify(session, quick, item, sampling=asked).RevisedSamplingInterval
        assert math.isfinite(revised) and revised >= 0


def test_u22_a_filter_that_is_refused_leaves_the_item_as_it_was(session, quick):
    name = "mem.all.w18"
    item = one(session, quick, tag(name), handle=1, queue=5).MonitoredItemId
    first(session)
    bad = modify(session, quick, item, handle=2, queue=1, filter_=filter_(kind=7))
    assert bad.StatusCode.is_bad()
    bump(session, name)
    assert [handle for handle, _ in drained(session)] == [1]


def set_mode(session, subscription, mode, items):
    request = ua.SetMonitoringModeRequest()
    request.Parameters.SubscriptionId = subscription
    request.Parameters.MonitoringMode = ua.MonitoringMode(mode)
    request.Parameters.MonitoredItemIds = items
    return [status(result) for result in session.call(request).Parameters.Results]


def test_u23_a_disabled_item_forgets_and_reports_afresh_when_enabled(session, quick):
    name = "mem.all.w12"
    item = one(session, quick, tag(name), queue=10).MonitoredItemId
    first(session)
    assert set_mode(session, quick, 0, [item, 4_000_000_000]) == ["Good", "BadMonitoredItemIdInvalid"]
    base = session.value(tag(name)) + 1
    write_all(session, name, [base, base + 1], T.Int32, pause=0.05)
    assert drained(session) == []
    assert set_mode(session, quick, 2, [item]) == ["Good"]
    assert [change.Value.Value for _, change in session.changes(5 * SLOW, 1)] == [base + 1]
    assert drained(session) == []


def test_an_unknown_node_or_attribute_is_refused_alone(session):
    subscription = session.subscribe().SubscriptionId
    items = [session.item(tag("nothing")), session.item(COUNTER, attribute=99), session.item(COUNTER)]
    results = [status(result.StatusCode) for result in session.monitor(subscription, items)]
    assert results == ["BadNodeIdUnknown", "BadAttributeIdInvalid", "Good"]
