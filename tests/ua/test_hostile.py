"""Hostile lengths, counts, extension objects and nesting in every service: answered or cut off, never paid for."""

import struct
import time

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary

from harness.process import SLOW
from harness.session import Session, tag
from harness.wire import Channel, Closed, Refused, string

LENGTHS = (0x7FFFFFFF, 0x10000000, 0xFFFFFFFE, 0x0000FFFF)
GROWTH_KB = 24_000


def sample_read():
    request = ua.ReadRequest()
    item = ua.ReadValueId()
    item.NodeId, item.AttributeId, item.IndexRange = tag("mem.all.ints"), 13, "0:1"
    item.DataEncoding = ua.QualifiedName("Default Binary", 0)
    request.Parameters.NodesToRead = [item, item]
    return request


def sample_write():
    request = ua.WriteRequest()
    values = [
        ua.Variant([1, 2], ua.VariantType.Int32),
        ua.Variant("text", ua.VariantType.String),
        ua.Variant(b"bytes", ua.VariantType.ByteString),
        ua.Variant([[1, 2], [3, 4]], ua.VariantType.Int32),
        ua.Variant(ua.ExtensionObject(ua.NodeId(1, 0), b"body"), ua.VariantType.ExtensionObject),
    ]
    for value in values:
        item = ua.WriteValue()
        item.NodeId, item.AttributeId, item.Value = tag("mem.all.w20"), 13, ua.DataValue(value)
        request.Parameters.NodesToWrite.append(item)
    return request


def sample_browse():
    request = ua.BrowseRequest()
    item = ua.BrowseDescription()
    item.NodeId, item.ReferenceTypeId, item.ResultMask = ua.NodeId(85), ua.NodeId(33), 63
    request.Parameters.NodesToBrowse = [item]
    return request


def sample_browse_next():
    request = ua.BrowseNextRequest()
    request.Parameters.ContinuationPoints = [b"12345678"]
    return request


def sample_translate():
    request = ua.TranslateBrowsePathsToNodeIdsRequest()
    path = ua.BrowsePath()
    path.StartingNode = ua.NodeId(85)
    element = ua.RelativePathElement()
    element.TargetName = ua.QualifiedName("Server", 0)
    path.RelativePath.Elements = [element]
    request.Parameters.BrowsePaths = [path]
    return request


def sample_register(kind, field):
    def make():
        request = kind()
        setattr(request.Parameters, field, [tag("mem.all.i32"), ua.NodeId(85)])
        return request

    return make


def sample_call():
    request = ua.CallRequest()
    one = ua.CallMethodRequest()
    one.ObjectId, one.MethodId = ua.NodeId(2253), ua.NodeId(11492)
    one.InputArguments = [ua.Variant(1, ua.VariantType.UInt32), ua.Variant(["a", "b"], ua.VariantType.String)]
    request.Parameters.MethodsToCall = [one]
    return request


def data_change_filter():
    made = ua.DataChangeFilter()
    made.DeadbandType, made.DeadbandValue = 1, 1.0
    return made


def sample_create_items():
    request = ua.CreateMonitoredItemsRequest()
    request.Parameters.SubscriptionId = 1
    item = ua.MonitoredItemCreateRequest()
    item.ItemToMonitor.NodeId, item.ItemToMonitor.AttributeId = tag("mem.all.i32"), 13
    item.RequestedParameters.Filter = data_change_filter()
    request.Parameters.ItemsToCreate = [item]
    return request


def sample_event_item():
    request = sample_create_items()
    filter_ = ua.EventFilter()
    operand = ua.SimpleAttributeOperand()
    operand.TypeDefinitionId, operand.BrowsePath = ua.NodeId(2041), [ua.QualifiedName("Message", 0)]
    operand.AttributeId = 13
    filter_.SelectClauses = [operand]
    element = ua.ContentFilterElement()
    literal = ua.LiteralOperand()
    literal.Value = ua.Variant(1, ua.VariantType.Int32)
    element.FilterOperands = [literal, literal]
    filter_.WhereClause.Elements = [element]
    request.Parameters.ItemsToCreate[0].RequestedParameters.Filter = filter_
    return request


def sample_modify_items():
    request = ua.ModifyMonitoredItemsRequest()
    change = ua.MonitoredItemModifyRequest()
    change.RequestedParameters.Filter = data_change_filter()
    request.Parameters.ItemsToModify = [change]
    return request


def with_numbers(kind, *fields):
    def make():
        request = kind()
        for field in fields:
            setattr(request.Parameters, field, [1, 2])
        return request

    return make


def sample_publish():
    request = ua.PublishRequest()
    request.Parameters.SubscriptionAcknowledgements = [ua.SubscriptionAcknowledgement()]
    return request


def sample_create_session():
    request = ua.CreateSessionRequest()
    request.Parameters.EndpointUrl, request.Parameters.SessionName = "opc.tcp://x", "name"
    request.Parameters.ClientDescription.DiscoveryUrls = ["a", "b"]
    request.Parameters.ClientNonce, request.Parameters.ClientCertificate = b"x" * 32, b"y" * 40
    return request


def sample_activate_session():
    request = ua.ActivateSessionRequest()
    token = ua.UserNameIdentityToken()
    token.PolicyId, token.UserName, token.Password = "p", "user", b"secret"
    request.Parameters.UserIdentityToken = token
    request.Parameters.LocaleIds = ["en", "de"]
    return request


def sample_discovery(kind, field):
    def make():
        request = kind()
        request.Parameters.EndpointUrl = "opc.tcp://x"
        request.Parameters.LocaleIds = ["en"]
        setattr(request.Parameters, field, ["a", "b"])
        return request

    return make


SERVICES = {
    "FindServers": sample_discovery(ua.FindServersRequest, "ServerUris"),
    "GetEndpoints": sample_discovery(ua.GetEndpointsRequest, "ProfileUris"),
    "CreateSession": sample_create_session,
    "ActivateSession": sample_activate_session,
    "Cancel": ua.CancelRequest,
    "Browse": sample_browse,
    "BrowseNext": sample_browse_next,
    "TranslateBrowsePaths": sample_translate,
    "RegisterNodes": sample_register(ua.RegisterNodesRequest, "NodesToRegister"),
    "UnregisterNodes": sample_register(ua.UnregisterNodesRequest, "NodesToUnregister"),
    "Read": sample_read,
    "Write": sample_write,
    "Call": sample_call,
    "CreateSubscription": ua.CreateSubscriptionRequest,
    "ModifySubscription": ua.ModifySubscriptionRequest,
    "SetPublishingMode": with_numbers(ua.SetPublishingModeRequest, "SubscriptionIds"),
    "DeleteSubscriptions": with_numbers(ua.DeleteSubscriptionsRequest, "SubscriptionIds"),
    "TransferSubscriptions": with_numbers(ua.TransferSubscriptionsRequest, "SubscriptionIds"),
    "Publish": sample_publish,
    "Republish": ua.RepublishRequest,
    "CreateMonitoredItems": sample_create_items,
    "CreateMonitoredItems, events": sample_event_item,
    "ModifyMonitoredItems": sample_modify_items,
    "SetMonitoringMode": with_numbers(ua.SetMonitoringModeRequest, "MonitoredItemIds"),
    "DeleteMonitoredItems": with_numbers(ua.DeleteMonitoredItemsRequest, "MonitoredItemIds"),
    "SetTriggering": with_numbers(ua.SetTriggeringRequest, "LinksToAdd", "LinksToRemove"),
}


class Attacker:
    """Sends request bodies and opens a new session whenever the server cut the last one off."""

    def __init__(self, port):
        self.port = port
        self.session = None

    def connect(self):
        if self.session is None:
            self.session = Session(self.port)
        return self.session

    def send(self, body) -> str:
        """What came back: the service result's name, or `closed`; Publish may be left unanswered."""
        session = self.connect()
        session.socket.settimeout(10 * SLOW)
        try:
            return session.call_bytes(body)
        except (Refused, Closed, ConnectionError):
            self.drop()
            return "closed"

    def post(self, body):
        """Sends without waiting for an answer."""
        session = self.connect()
        try:
            session.send(session.message(body))
        except ConnectionError:
            self.drop()

    def drop(self):
        if self.session is not None:
            self.session.close()
        self.session = None


@pytest.fixture
def attacker(plant):
    made = Attacker(plant.port)
    yield made
    made.drop()


def encoded(session, make) -> bytes:
    request = make()
    request.RequestHeader = session.header()
    return struct_to_binary(request)


@pytest.mark.parametrize("service", SERVICES)
def test_hostile_numbers_at_every_offset(plant, attacker, service):
    """Puts lengths that lie at every place of a valid request; the server answers or closes, and pays nothing."""
    with Session(plant.port) as warm:
        for _ in range(50):
            warm.read("i=2258")
        warm.close_session()
    before = plant.process.rss_kb()
    session = attacker.connect()
    size = len(encoded(session, SERVICES[service]))
    header = len(struct_to_binary(ua.RequestHeader()))
    begun = time.monotonic()
    for at in range(4, size - 3):
        for length in LENGTHS if at > header else LENGTHS[:1]:
            body = bytearray(encoded(attacker.connect(), SERVICES[service]))
            body[at : at + 4] = struct.pack("<I", length)
            if service in ("Publish", "CreateSubscription"):
                attacker.post(bytes(body))
                if at % 8 == 0:
                    attacker.drop()
            else:
                assert attacker.send(bytes(body))
    assert time.monotonic() - begun < 60 * SLOW
    with Session(plant.port) as legal:
        assert legal.read("i=2258").StatusCode.is_good()
        legal.close_session()
    assert plant.process.rss_kb() - before < GROWTH_KB


def additional_header(body: bytes, header: bytes, extension: bytes) -> bytes:
    """The request with another extension object at the end of its header; the usual one is three zero bytes."""
    at = 4 + len(header)
    assert body[at - 3 : at] == b"\0\0\0"
    return body[: at - 3] + extension + body[at:]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("length", [0x7FFFFFFF, 0x10000000, 100_000])
def test_a_hostile_extension_object_in_the_header_of_every_service(plant, attacker, service, length):
    session = attacker.connect()
    request = SERVICES[service]()
    request.RequestHeader = session.header()
    extension = struct.pack("<BBHBI", 1, 0, 321, 1, length)
    body = additional_header(struct_to_binary(request), struct_to_binary(request.RequestHeader), extension)
    before = plant.process.rss_kb()
    assert attacker.send(body) in ("BadDecodingError", "BadEncodingLimitsExceeded", "closed")
    assert plant.process.rss_kb() - before < 4_000


def token_extension(type_id: int, body: bytes, length=None) -> bytes:
    return struct.pack("<BBHBI", 1, 0, type_id, 1, len(body) if length is None else length) + body


def activation(session, extension: bytes) -> bytes:
    request = ua.ActivateSessionRequest()
    request.RequestHeader = session.header()
    body = struct_to_binary(request)
    return body[:-11] + extension + string(None) * 2


@pytest.mark.parametrize("extra", [-2, 3])
def test_a22_an_extension_object_must_be_as_long_as_it_says(plant, extra):
    with Session(plant.port, activate=False) as session:
        token = string(session.policy_id(ua.UserTokenType.Anonymous))
        padded = token + b"\0" * max(extra, 0)
        length = len(token) + extra
        assert session.call_bytes(activation(session, token_extension(321, padded, length))) in (
            "BadDecodingError",
            "BadIdentityTokenInvalid",
        )


def test_an_identity_token_of_nine_bytes_allocates_nothing(plant):
    before = plant.process.rss_kb()
    with Session(plant.port, activate=False) as session:
        extension = struct.pack("<BBHBI", 1, 0, 324, 1, 0x7FFFFFFF)
        try:
            assert session.call_bytes(activation(session, extension)) != "Good"
        except (Closed, Refused):
            pass
    assert plant.process.rss_kb() - before < 4_000


def write_body(session, variant: bytes) -> bytes:
    request = ua.WriteRequest()
    item = ua.WriteValue()
    item.NodeId, item.AttributeId = tag("mem.all.w20"), 13
    item.Value = ua.DataValue(ua.Variant(0x5A5A5A5A, ua.VariantType.UInt32))
    request.Parameters.NodesToWrite = [item]
    request.RequestHeader = session.header()
    body = struct_to_binary(request)
    at = body.rindex(b"\x07\x5a\x5a\x5a\x5a")
    return body[:at] + variant + body[at + 5 :]


NESTINGS = {
    "variants": b"\x98\x01\x00\x00\x00" * 10_000 + b"\x06\x00\x00\x00\x00",
    "data values": b"\x17\x01" * 10_000 + b"\x06\x00\x00\x00\x00",
    "diagnostics": b"\x19" + b"\x40" * 10_000 + b"\x00",
    "matrix dimensions": b"\xc6\x01\x00\x00\x00\x07\x00\x00\x00\x03\x00\x00\x00" + b"\xff\xff\xff\x7f" * 3,
    "zero dimensions": b"\xc6\x00\x00\x00\x00\x02\x00\x00\x00" + b"\x00\x00\x00\x00\xff\xff\xff\x7f",
    "negative count": b"\x86\xf0\xff\xff\xff",
    "huge count": b"\x8c\xff\xff\xff\x7f",
}


@pytest.mark.parametrize("what", NESTINGS)
def test_a10_a21_nesting_and_dimensions_are_bounded(plant, attacker, what):
    before = plant.process.rss_kb()
    result = attacker.send(write_body(attacker.connect(), NESTINGS[what]))
    assert result in ("BadDecodingError", "BadEncodingLimitsExceeded", "closed", "Good"), result
    if result == "Good":
        assert what in ("negative count", "zero dimensions")
    assert plant.process.rss_kb() - before < 4_000
    with Session(plant.port) as legal:
        assert legal.read("i=2258").StatusCode.is_good()
        legal.close_session()


def test_a20_a_string_longer_than_its_message_is_refused_before_it_is_read(plant):
    before = plant.process.rss_kb()
    with Channel(plant.port) as channel:
        body = struct.pack("<BBH", 1, 0, 428) + struct_to_binary(channel.header()) + struct.pack("<I", 0x7FFFFFFF) + b"opc"
        try:
            assert channel.call_bytes(body) == "BadDecodingError"
        except (Closed, Refused):
            pass
    assert plant.process.rss_kb() - before < 4_000


def test_trailing_bytes_after_a_request_do_no_harm(plant):
    with Session(plant.port) as session:
        body = encoded(session, sample_read) + b"\0" * 100
        assert session.call_bytes(body) in ("Good", "BadDecodingError")
        assert session.read("i=2258").StatusCode.is_good()
        session.close_session()
