"""Aggregates of live values over subscriptions: asyncua sets an AggregateFilter and gets one value per interval."""

import asyncio
import datetime
import time

import pytest
from asyncua import Client, ua

from harness.process import SLOW
from harness.session import one, tag
from harness.wire import status

INTERVAL = 400.0
CALCULATED = 0x0401
FOLDER = "i=2754"
COUNTER, SINE, STILL = tag("sig.d.counter"), tag("sig.d.sine"), tag("mem.all.f64")


def aggregate(node, interval=INTERVAL, start=None, **configuration):
    wanted = ua.AggregateFilter()
    wanted.AggregateType, wanted.ProcessingInterval = ua.NodeId(node), interval
    wanted.StartTime = start or ua.uatypes.datetime.fromtimestamp(0, datetime.timezone.utc)
    wanted.AggregateConfiguration.UseServerCapabilitiesDefaults = not configuration
    for name, value in configuration.items():
        setattr(wanted.AggregateConfiguration, name, value)
    return wanted


def revised(result):
    assert isinstance(result.FilterResult, ua.AggregateFilterResult), result
    return result.FilterResult


def test_intervals_follow_one_another_and_hold_what_happened_in_them(session):
    made = session.subscribe(interval=100.0)
    asked = {1: 2352, 2: 2347, 3: 2346, 4: 2342}
    start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1)
    start = start.replace(microsecond=start.microsecond // 1000 * 1000)
    for handle, node in asked.items():
        filter_ = aggregate(node, start=start)
        item = one(session, made.SubscriptionId, COUNTER, handle=handle, queue=10, filter_=filter_)
        assert revised(item).RevisedStartTime == start
    seen = session.changes(seconds=20 * SLOW, count=20)
    by_handle = {handle: [value for one_handle, value in seen if one_handle == handle] for handle in asked}
    assert all(len(values) >= 3 for values in by_handle.values()), seen
    for values in by_handle.values():
        starts = [value.SourceTimestamp for value in values]
        assert starts[0] == start
        steps = {(b - a) / datetime.timedelta(milliseconds=1) for a, b in zip(starts, starts[1:])}
        assert steps == {INTERVAL}, starts
    # The counter moves every 50 ms, and the value at the start of an interval is one of it.
    for count, largest, smallest, mean in zip(*by_handle.values()):
        assert count.StatusCode.value == mean.StatusCode.value == CALCULATED
        assert 4 <= count.Value.Value <= 10 and count.Value.VariantType == ua.VariantType.Int32
        assert largest.Value.Value - smallest.Value.Value == count.Value.Value - 1
        assert largest.Value.VariantType == ua.VariantType.Int32
        assert smallest.Value.Value < mean.Value.Value < largest.Value.Value
        assert mean.Value.VariantType == ua.VariantType.Double


def test_a_value_that_stands_still_is_reported_for_each_interval(session):
    session.write(STILL, 7.25, ua.VariantType.Double)
    made = session.subscribe(interval=100.0)
    one(session, made.SubscriptionId, STILL, queue=10, filter_=aggregate(11285))
    begun = time.monotonic()
    seen = session.changes(seconds=20 * SLOW, count=3)
    assert time.monotonic() - begun < 6 * SLOW
    assert [value.Value.Value for _, value in seen[:3]] == [7.25] * 3
    assert {value.StatusCode.value for _, value in seen[:3]} == {CALCULATED}
    # A change within an interval weighs as long as it lasted.
    session.write(STILL, 8.25, ua.VariantType.Double)
    values = [value.Value.Value for _, value in session.changes(seconds=20 * SLOW, count=4)]
    assert values[-1] == 8.25 and all(7.25 <= value <= 8.25 for value in values)


def test_the_worst_quality_is_a_status(session):
    made = session.subscribe(interval=100.0)
    one(session, made.SubscriptionId, SINE, filter_=aggregate(2364))
    value = session.changes(seconds=10 * SLOW, count=1)[0][1]
    assert value.Value.VariantType == ua.VariantType.StatusCode and value.Value.Value.is_good()


def test_the_filter_result_says_what_the_server_does(session):
    made = session.subscribe()
    before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1)
    result = revised(one(session, made.SubscriptionId, SINE, filter_=aggregate(2342, 0.0)))
    assert result.RevisedProcessingInterval > 0
    assert result.RevisedStartTime >= before, "the past is not looked at"
    configuration = result.RevisedAggregateConfiguration
    assert (configuration.TreatUncertainAsBad, configuration.PercentDataBad, configuration.PercentDataGood) == (
        True,
        100,
        100,
    )
    start = before.replace(microsecond=0) + datetime.timedelta(hours=1)
    wanted = aggregate(2342, 60_000.0, start, PercentDataBad=60, PercentDataGood=70, TreatUncertainAsBad=False)
    item = one(session, made.SubscriptionId, SINE, sampling=120_000.0, filter_=wanted)
    assert revised(item).RevisedStartTime == start
    assert revised(item).RevisedProcessingInterval == 60_000.0
    assert item.RevisedSamplingInterval <= 30_000.0, "at least two samples per interval"
    configuration = revised(item).RevisedAggregateConfiguration
    assert (configuration.PercentDataBad, configuration.PercentDataGood) == (60, 70)


@pytest.mark.parametrize(
    "target, wanted, refused",
    [
        (SINE, aggregate(85), "BadAggregateNotSupported"),
        (SINE, aggregate(2351), "BadAggregateNotSupported"),
        (tag("mem.all.string"), aggregate(2342), "BadAggregateInvalidInputs"),
        (tag("mem.all.ints"), aggregate(2342), "BadAggregateInvalidInputs"),
        (SINE, aggregate(2342, PercentDataBad=20, PercentDataGood=20), "BadAggregateConfigurationRejected"),
        (SINE, aggregate(2342, PercentDataBad=101, PercentDataGood=100), "BadAggregateConfigurationRejected"),
        (ua.NodeId(2258), aggregate(2342), "BadFilterNotAllowed"),
    ],
)
def test_what_cannot_be_computed_is_refused_for_its_reason(session, target, wanted, refused):
    made = session.subscribe()
    result = session.monitor(made.SubscriptionId, [session.item(target, filter_=wanted)])[0]
    assert status(result.StatusCode) == refused


def test_an_item_changes_between_values_and_aggregates(session):
    made = session.subscribe(interval=100.0)
    item = one(session, made.SubscriptionId, COUNTER, queue=10)
    assert session.changes(seconds=5 * SLOW, count=3)

    def modify(filter_):
        request = ua.ModifyMonitoredItemsRequest()
        request.Parameters.SubscriptionId = made.SubscriptionId
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        change = ua.MonitoredItemModifyRequest()
        change.MonitoredItemId = item.MonitoredItemId
        change.RequestedParameters = session.item(COUNTER, queue=10, filter_=filter_).RequestedParameters
        request.Parameters.ItemsToModify = [change]
        (result,) = session.call(request).Results
        assert result.StatusCode.is_good(), status(result.StatusCode)
        return result

    assert revised(modify(aggregate(2352))).RevisedProcessingInterval == INTERVAL
    session.changes(seconds=1.0)
    counts = [value for _, value in session.changes(seconds=10 * SLOW, count=3)]
    assert {value.StatusCode.value for value in counts} == {CALCULATED}
    modify(None)
    session.changes(seconds=1.0)
    values = [value.Value.Value for _, value in session.changes(seconds=5 * SLOW, count=5)]
    assert values == sorted(set(values)) and len(values) >= 5


def test_all_standard_aggregates_are_listed_with_what_they_do(session):
    found = session.browse(FOLDER, reference="i=35").References
    assert len(found) == 37
    assert {reference.TypeDefinition.Identifier for reference in found} == {2340}
    names = {reference.BrowseName.Name for reference in found}
    assert {"Interpolative", "TimeAverage2", "WorstQuality2", "VariancePopulation", "AnnotationCount"} <= names
    for reference in found:
        assert session.value(reference.NodeId, attribute=5).Text


def test_the_high_level_client_gets_one_value_per_interval(plant):
    class Seen:
        def __init__(self):
            self.values = []

        def datachange_notification(self, _node, value, data):
            self.values.append((value, data.monitored_item.Value.SourceTimestamp))

    async def run():
        seen = Seen()
        async with Client(f"opc.tcp://127.0.0.1:{plant.port}/", timeout=30) as client:
            subscription = await client.create_subscription(100, seen)
            await subscription._subscribe(
                client.get_node(SINE), ua.AttributeIds.Value, aggregate(2342), queuesize=10
            )
            end = time.monotonic() + 20 * SLOW
            while len(seen.values) < 6 and time.monotonic() < end:
                await asyncio.sleep(0.1)
        return seen.values

    values = asyncio.run(run())
    assert len(values) >= 6
    assert all(0 <= value <= 100 for value, _ in values)
    assert len({stamp for _, stamp in values}) == len(values)
