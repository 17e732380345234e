"""What holds for every service, rows G01 to G05 of the conformance list."""

import json
import struct
from datetime import datetime, timedelta, timezone

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary

from harness.process import SLOW, wait_until
from harness.product import command
from harness.session import Session, tag
from harness.wire import status


@pytest.mark.parametrize("type_id", [634, 9999, 1, 12345])
def test_g01_an_unknown_service_is_refused_and_the_channel_lives(session, type_id):
    body = struct.pack("<BBH", 1, 0, type_id) + struct_to_binary(session.header())
    assert session.call_bytes(body) == "BadServiceUnsupported"
    assert session.read("i=2258").StatusCode.is_good()


@pytest.mark.parametrize("days", [-400, 400])
def test_g02_a_clock_that_is_wrong_is_tolerated(session, days):
    request = ua.ReadRequest()
    item = ua.ReadValueId()
    item.NodeId, item.AttributeId = ua.NodeId(2258), 13
    request.Parameters.NodesToRead = [item]
    request.RequestHeader = session.header()
    request.RequestHeader.Timestamp = datetime.now(timezone.utc) + timedelta(days=days)
    assert session.call_bytes(struct_to_binary(request)) == "Good"


@pytest.mark.parametrize("bits", [0, 0x3FF])
def test_g03_diagnostics_tell_no_internals(session, bits):
    request = ua.ReadRequest()
    item = ua.ReadValueId()
    item.NodeId, item.AttributeId = ua.NodeId("nothing", 2), 13
    request.Parameters.NodesToRead = [item]
    response = session.call(request, diagnostics=bits)
    table = response.ResponseHeader.StringTable or []
    assert not any(".rs" in text or "panicked" in text for text in table)
    for info in response.DiagnosticInfos or []:
        for index in (info.SymbolicId, info.NamespaceURI, info.Locale, info.LocalizedText):
            assert index is None or index < len(table)


def test_g03_diagnostics_come_when_they_are_asked_for(session):
    request = ua.ReadRequest()
    item = ua.ReadValueId()
    item.NodeId, item.AttributeId = ua.NodeId("nothing", 2), 13
    request.Parameters.NodesToRead = [item]
    response = session.call(request, diagnostics=0x3FF)
    (told,) = response.DiagnosticInfos
    words = response.ResponseHeader.StringTable
    # This client takes the bit of the text for that of the locale.
    text = told.Locale if told.LocalizedText is None else told.LocalizedText
    assert words[told.SymbolicId] == "BadNodeIdUnknown" and words[text] == "bad node id unknown"
    assert not session.call(request).DiagnosticInfos


EMPTY = [
    ua.ReadRequest,
    ua.WriteRequest,
    ua.BrowseRequest,
    ua.BrowseNextRequest,
    ua.TranslateBrowsePathsToNodeIdsRequest,
    ua.RegisterNodesRequest,
    ua.UnregisterNodesRequest,
    ua.CallRequest,
    ua.DeleteSubscriptionsRequest,
    ua.SetPublishingModeRequest,
    ua.TransferSubscriptionsRequest,
]


@pytest.mark.parametrize("service", EMPTY)
def test_g04_nothing_to_do(session, service):
    assert session.fault_of(lambda: session.call(service())) == "BadNothingToDo"


@pytest.mark.parametrize(
    "service",
    [
        ua.CreateMonitoredItemsRequest,
        ua.ModifyMonitoredItemsRequest,
        ua.DeleteMonitoredItemsRequest,
        ua.SetMonitoringModeRequest,
        ua.SetTriggeringRequest,
    ],
)
def test_g04_nothing_to_do_with_monitored_items(session, service):
    subscription = session.subscribe().SubscriptionId
    request = service()
    request.Parameters.SubscriptionId = subscription
    if service is ua.SetTriggeringRequest:
        results = session.monitor(subscription, [session.item(tag("mem.all.i32"))])
        request.Parameters.TriggeringItemId = results[0].MonitoredItemId
    assert session.fault_of(lambda: session.call(request)) == "BadNothingToDo"


@pytest.mark.parametrize("service", [ua.CreateMonitoredItemsRequest, ua.DeleteMonitoredItemsRequest])
def test_an_unknown_subscription_is_refused(session, service):
    request = service()
    request.Parameters.SubscriptionId = 4_000_000_000
    if service is ua.CreateMonitoredItemsRequest:
        request.Parameters.ItemsToCreate = [session.item(tag("mem.all.i32"))]
    else:
        request.Parameters.MonitoredItemIds = [1]
    assert session.fault_of(lambda: session.call(request)) == "BadSubscriptionIdInvalid"


LIMITS = {
    "MaxNodesPerRead": 11705,
    "MaxNodesPerWrite": 11707,
    "MaxNodesPerMethodCall": 11709,
    "MaxNodesPerBrowse": 11710,
    "MaxNodesPerRegisterNodes": 11711,
    "MaxNodesPerTranslateBrowsePathsToNodeIds": 11712,
    "MaxMonitoredItemsPerCall": 11714,
}


def oversized(session, name, n):
    """A request with one operation more than the limit allows."""
    if name == "MaxNodesPerRead":
        request = ua.ReadRequest()
        item = ua.ReadValueId()
        item.NodeId, item.AttributeId = ua.NodeId(2258), 13
        request.Parameters.NodesToRead = [item] * n
    elif name == "MaxNodesPerWrite":
        request = ua.WriteRequest()
        item = ua.WriteValue()
        item.NodeId, item.AttributeId = ua.NodeId(2258), 13
        request.Parameters.NodesToWrite = [item] * n
    elif name == "MaxNodesPerMethodCall":
        request = ua.CallRequest()
        request.Parameters.MethodsToCall = [ua.CallMethodRequest()] * n
    elif name == "MaxNodesPerBrowse":
        request = ua.BrowseRequest()
        request.Parameters.NodesToBrowse = [ua.BrowseDescription()] * n
    elif name == "MaxNodesPerRegisterNodes":
        request = ua.RegisterNodesRequest()
        request.Parameters.NodesToRegister = [ua.NodeId(2258)] * n
    elif name == "MaxNodesPerTranslateBrowsePathsToNodeIds":
        request = ua.TranslateBrowsePathsToNodeIdsRequest()
        request.Parameters.BrowsePaths = [ua.BrowsePath()] * n
    else:
        request = ua.CreateMonitoredItemsRequest()
        request.Parameters.SubscriptionId = session.subscribe().SubscriptionId
        request.Parameters.ItemsToCreate = [session.item("i=2258")] * n
    return request


@pytest.mark.parametrize("name", LIMITS)
def test_g05_published_limits_are_enforced(session, name):
    limit = session.value(ua.NodeId(LIMITS[name]))
    assert 0 < limit <= 100_000, f"{name} is {limit}"
    result = session.fault_of(lambda: session.call(oversized(session, name, limit + 1)))
    assert result == "BadTooManyOperations"


def too_many(session, name, subscription):
    """A service that shares its limit with another one, with one operation too many."""
    if name == "BrowseNext":
        request, field, limit, one = ua.BrowseNextRequest(), "ContinuationPoints", LIMITS["MaxNodesPerBrowse"], b""
    elif name == "UnregisterNodes":
        request, field = ua.UnregisterNodesRequest(), "NodesToUnregister"
        limit, one = LIMITS["MaxNodesPerRegisterNodes"], ua.NodeId(2258)
    else:
        request, field, one = {
            "ModifyMonitoredItems": (ua.ModifyMonitoredItemsRequest(), "ItemsToModify", ua.MonitoredItemModifyRequest()),
            "DeleteMonitoredItems": (ua.DeleteMonitoredItemsRequest(), "MonitoredItemIds", 1),
            "SetMonitoringMode": (ua.SetMonitoringModeRequest(), "MonitoredItemIds", 1),
            "SetTriggering": (ua.SetTriggeringRequest(), "LinksToAdd", 1),
        }[name]
        request.Parameters.SubscriptionId = subscription
        limit = LIMITS["MaxMonitoredItemsPerCall"]
    setattr(request.Parameters, field, [one] * (session.value(ua.NodeId(limit)) + 1))
    return request


SHARED = (
    "BrowseNext",
    "UnregisterNodes",
    "ModifyMonitoredItems",
    "DeleteMonitoredItems",
    "SetMonitoringMode",
    "SetTriggering",
)


@pytest.mark.parametrize("name", SHARED)
def test_g05_a_limit_counts_for_every_service_that_shares_it(session, name):
    request = too_many(session, name, session.subscribe().SubscriptionId)
    assert session.fault_of(lambda: session.call(request)) == "BadTooManyOperations"


PROFILE = "http://opcfoundation.org/UA-Profile/Server/StandardUA2017"
CAPABILITIES = {"sessions": (24095, 500), "subscriptions": (24096, 5000), "items": (24097, 1_000_000)}
PER_OWNER = {"subscriptions": (24098, 10), "items": (24104, 100_000), "queue": (31916, 10), "continuation points": (2735, 10)}


def test_g05_the_limits_are_those_of_the_profile_and_more(session):
    """What the server says that it meets, and the numbers that come with it."""
    assert PROFILE in session.value("i=2269")
    for what, (number, least) in {**CAPABILITIES, **PER_OWNER}.items():
        assert session.value(ua.NodeId(number)) >= least, what


def waiting_publishes(server) -> int:
    told = command("status", "--json", "--config", server.file, cwd=server.folder)
    return json.loads(told.stdout)["waiting_publishes"]


def test_g05_limits_of_one_session_are_enforced_as_told(plant):
    """The tenth of everything is given, the eleventh is not, or costs the oldest."""
    with Session(plant.port) as session:
        n_subscriptions = session.value("i=24098")
        codes = [session.fault_of(lambda: session.subscribe(interval=1000.0)) for _ in range(n_subscriptions + 1)]
        assert codes == ["Good"] * n_subscriptions + ["BadTooManySubscriptions"]
        n_points = session.value("i=2735")
        points = [session.browse("i=85", max_references=1).ContinuationPoint for _ in range(n_points + 1)]
        codes = [status(result.StatusCode) for result in session.browse_next(points)]
        assert codes == ["BadContinuationPointInvalid"] + ["Good"] * n_points, "the oldest gives way"
        session.close_session()
    with Session(plant.port) as session:
        session.subscribe(interval=100.0, keep_alive=1000)
        session.publish()
        before = waiting_publishes(plant)
        for _ in range(10):
            session.post_publish()
        wait_until(lambda: waiting_publishes(plant) == before + 10, 5 * SLOW, "ten requests wait for something to publish")
        session.close_session()
