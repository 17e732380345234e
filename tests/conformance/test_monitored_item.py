"""Monitored items, rows U14 to U23 of the conformance list."""

import math
import time

import pytest
from asyncua import ua

from harness.process import SLOW
from harness.session import data_changes, tag
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


def one(session, subscription, id_, **how):
    result = session.monitor(subscription, [session.item(id_, **how)])[0]
    assert result.StatusCode.is_good(), status(result.StatusCode)
    return result


def refusal(session, id_, **how) -> str:
    subscription = session.subscribe().SubscriptionId
    result = status(session.monitor(subscription, [session.item(id_, **how)])[0].StatusCode)
    session.delete_subscription(subscription)
    return result


def drained(session, cycles=3):
    """The changes of a few publishing cycles."""
    found = []
    for _ in range(cycles):
        found += data_changes(session.publish())
    return found


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
    drained(session, 1)
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
    drained(session, 1)
    write_all(session, "mem.all.w4", [1, 2, 3], T.Int32, pause=0.03)
    found = drained(session, 2)
    assert [(change.Value.Value, change.StatusCode.value) for _, change in found] == [(3, 0)]


def test_u17_an_absolute_deadband_compares_with_the_last_notified_value(session, quick):
    assert session.write(tag("bulk.d.m100"), 10.0, T.Double) == "Good"
    one(session, quick, tag("bulk.d.m100"), queue=50, filter_=filter_(kind=1, value=2.0))
    assert [change.Value.Value for _, change in drained(session, 1)] == [10.0]
    write_all(session, "bulk.d.m100", [11.5, 12.0, 12.1, 10.5, 10.0, 14.2], T.Double, pause=0.08)
    assert [change.Value.Value for _, change in drained(session)] == [12.1, 10.0, 14.2]


def test_u17_a_deadband_is_exact_beyond_2_to_the_53(session, quick):
    base = 2**53
    assert session.write(tag("mem.all.i64"), base, T.Int64) == "Good"
    one(session, quick, tag("mem.all.i64"), queue=50, filter_=filter_(kind=1, value=0.5))
    drained(session, 1)
    write_all(session, "mem.all.i64", [base + 1, base], T.Int64, pause=0.08)
    assert [change.Value.Value for _, change in drained(session)] == [base + 1, base]


def test_u17_one_element_of_an_array_is_enough(session, quick):
    assert session.write(tag("mem.all.floats"), [0.0] * 5, T.Double) == "Good"
    one(session, quick, tag("mem.all.floats"), queue=50, filter_=filter_(kind=1, value=2.0))
    drained(session, 1)
    for values in ([1.0] * 5, [0.0, 0.0, 0.0, 0.0, 2.5]):
        assert session.write(tag("mem.all.floats"), values, T.Double) == "Good"
        time.sleep(0.08)
    assert [change.Value.Value for _, change in drained(session)] == [[0.0, 0.0, 0.0, 0.0, 2.5]]


def test_u17_not_a_number_is_reported_once(session, quick):
    assert session.write(tag("bulk.d.m101"), 0.0, T.Double) == "Good"
    one(session, quick, tag("bulk.d.m101"), queue=50, filter_=filter_(kind=1, value=1.0))
    drained(session, 1)
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
    drained(session, 1)
    write_all(session, "sig.d.ranged", [15.0, 20.0, 21.0, 42.0], T.Double, pause=0.08)
    # The subscriptions of the refused items answer too.
    assert [change.Value.Value for _, change in drained(session, 12)] == [21.0, 42.0]


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
    drained(session, 1)
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
    drained(session, 1)
    assert triggering(session, quick, trigger, [linked, 4_000_000_000])[0] == ["Good", "BadMonitoredItemIdInvalid"]
    write_all(session, "mem.all.w9", [int(time.time()) % 1000], T.Int32)
    assert drained(session) == []
    write_all(session, "mem.all.w8", [int(time.time()) % 1000 + 1], T.Int32)
    assert {handle for handle, _ in drained(session)} == {8, 9}
    assert triggering(session, quick, trigger, remove=[linked, linked])[1] == ["Good", "BadMonitoredItemIdInvalid"]
    assert session.fault_of(lambda: triggering(session, quick, trigger)) == "BadNothingToDo"
    assert session.fault_of(lambda: triggering(session, quick, 4_000_000_000, [linked])) == "BadMonitoredItemIdInvalid"
    assert session.fault_of(lambda: triggering(session, 4_000_000_000, trigger, [linked])) == "BadSubscriptionIdInvalid"


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
    drained(session, 1)
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
    drained(session, 1)
    base = session.value(tag(name)) + 1
    write_all(session, name, range(base, base + 6), T.Int32, pause=0.02)
    assert modify(session, subscription, item, queue=2).StatusCode.is_good()
    assert [change.Value.Value for _, change in drained(session, 2)][-2:] == [base + 4, base + 5]


def set_mode(session, subscription, mode, items):
    request = ua.SetMonitoringModeRequest()
    request.Parameters.SubscriptionId = subscription
    request.Parameters.MonitoringMode = ua.MonitoringMode(mode)
    request.Parameters.MonitoredItemIds = items
    return [status(result) for result in session.call(request).Parameters.Results]


def test_u23_a_disabled_item_forgets_and_reports_afresh_when_enabled(session, quick):
    name = "mem.all.w12"
    item = one(session, quick, tag(name), queue=10).MonitoredItemId
    drained(session, 1)
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
