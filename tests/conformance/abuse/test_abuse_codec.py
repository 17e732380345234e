"""Abuse of the binary encoding: nesting, lengths, dimensions, text that is none."""

import struct

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary

from harness.abuse import outcome
from harness.samples import marked, write_body
from harness.session import Session, tag
from harness.wire import Channel, Closed, Refused, frame, hello, string

REFUSED = ("BadDecodingError", "BadEncodingLimitsExceeded", "closed")
MARK = "QZQZQZQZ"
DEPTH = 10_000


def answer(target, make) -> str:
    """What a request body brings in a fresh session: the service result, or `closed`."""
    with Session(target.port) as session:
        body = make(session)
        try:
            result = session.call_bytes(body)
        except (Refused, Closed, ConnectionError):
            return reopened(target)
        session.close_session()
        return result


def reopened(target) -> str:
    """The session of a connection that was cut off would live on; its time is short."""
    return "closed"


def extension_in_extension() -> bytes:
    """Argument lists in filters in parameters would nest; here one body says that it is another, and so on."""
    inner = b""
    for _ in range(200):
        inner = struct.pack("<BBHBI", 1, 0, 297, 1, len(inner)) + inner
    return b"\x16" + inner


NESTINGS = {
    "variants": b"\x98\x01\x00\x00\x00" * DEPTH + b"\x06\x00\x00\x00\x00",
    "variant matrices": b"\xd8\x01\x00\x00\x00" * DEPTH + b"\x06\x00\x00\x00\x00",
    "data values": b"\x17\x01" * DEPTH + b"\x06\x00\x00\x00\x00",
    "diagnostics": b"\x19" + b"\x40" * DEPTH + b"\x00",
    "extension objects": extension_in_extension(),
}


@pytest.mark.parametrize("what", NESTINGS)
def test_a10_nesting_is_bounded_in_every_recursive_type(target, what):
    for _ in range(20):
        result = answer(target, lambda session: write_body(session, NESTINGS[what]))
        assert result in REFUSED or (what == "extension objects" and result == "Good"), result


def where_chain(n: int, last: int) -> ua.EventFilter:
    """A where clause of elements that each refer to the next; the last refers to `last`."""
    made = ua.EventFilter()
    operand = ua.SimpleAttributeOperand()
    operand.TypeDefinitionId, operand.BrowsePath, operand.AttributeId = ua.NodeId(2041), [ua.QualifiedName("Severity", 0)], 13
    made.SelectClauses = [operand]
    for number in range(n):
        element, next_ = ua.ContentFilterElement(), ua.ElementOperand()
        element.FilterOperator = ua.FilterOperator.Not
        next_.Index = number + 1 if number + 1 < n else last
        element.FilterOperands = [next_]
        made.WhereClause.Elements.append(element)
    return made


@pytest.mark.parametrize(("n", "last"), [(1_000, 0), (999, 998), (1, 0), (10_000, 0), (1_000, 5_000)])
def test_a10_filters_that_refer_to_themselves_are_refused(target, n, last):
    with Session(target.port) as session:
        made = session.subscribe()
        item = session.item("i=2253", attribute=12, filter_=where_chain(n, last))
        result = outcome(lambda: assert_good(session.monitor(made.SubscriptionId, [item])[0]))
        assert result not in ("Good", "closed"), result
        session.close_session()


def assert_good(result):
    from harness.wire import Fault

    if not result.StatusCode.is_good():
        raise Fault(result.StatusCode.value)


LENGTHS = (0x7FFFFFFF, 0x10000000, 0x00FFFFFF, 0xFFFFFFFE)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("kind", ["String", "ByteString", "NodeId", "array", "matrix"])
def test_a20_a_length_beyond_the_message_allocates_nothing(target, kind, length):
    claim = struct.pack("<I", length)
    value = {
        "String": b"\x0c" + claim + b"abc",
        "ByteString": b"\x0f" + claim + b"abc",
        "NodeId": b"\x11\x03\x02\x00" + claim + b"abc",
        "array": b"\x86" + claim + b"abcd",
        "matrix": b"\xc6\x01\x00\x00\x00\x07\x00\x00\x00" + claim + b"abcd",
    }[kind]
    for _ in range(5):
        result = answer(target, lambda session: write_body(session, value))
        # A negative length is that of a null value.
        assert result in REFUSED or (length == 0xFFFFFFFE and result == "Good"), result


DIMENSIONS = {
    "a product beyond 64 bits": [0x7FFFFFFF] * 3,
    "a product of 2^32": [0x10000, 0x10000],
    "a product that wraps to the length": [0x80000001, 2],
    "a negative dimension": [-1, -1],
    "a dimension of zero among large ones": [0, 0x7FFFFFFF],
    "more dimensions than elements": [1] * 100_000,
}


@pytest.mark.parametrize("what", DIMENSIONS)
def test_a21_dimensions_are_multiplied_with_care(target, what):
    n_elements = {"a product that wraps to the length": 2, "a dimension of zero among large ones": 0}.get(what, 1)
    dims = DIMENSIONS[what]
    value = b"\xc6" + struct.pack("<I", n_elements) + b"\0" * 4 * n_elements
    value += struct.pack("<I", len(dims)) + b"".join(struct.pack("<I", dim & 0xFFFFFFFF) for dim in dims)
    result = answer(target, lambda session: write_body(session, value))
    assert result in REFUSED or result == "Good", result
    if result == "Good":
        assert what in ("a dimension of zero among large ones", "more dimensions than elements")


@pytest.mark.parametrize("extra", [-4, -1, 1, 50, 0x10000])
def test_a22_the_body_of_a_filter_is_as_long_as_it_says(target, extra):
    """The item is not made with half a filter, nor with a filter of which a part was not understood."""
    made = ua.DataChangeFilter()
    made.Trigger, made.DeadbandType, made.DeadbandValue = ua.DataChangeTrigger.StatusValue, 1, 1.0
    with Session(target.port) as session:
        subscription = session.subscribe().SubscriptionId
        request = ua.CreateMonitoredItemsRequest()
        request.Parameters.SubscriptionId = subscription
        request.Parameters.ItemsToCreate = [session.item(tag("mem.all.f64"), filter_=made)]
        body = bytearray(marked(request, session))
        at = body.index(struct.pack("<BBHBI", 1, 0, 724, 1, 16)) + 5
        length = struct.unpack_from("<i", body, at)[0]
        struct.pack_into("<i", body, at, length + extra)
        if 0 < extra < 1000:
            body[at + 4 + length : at + 4 + length] = b"\0" * extra
        if extra < 0:
            del body[at + 4 + length + extra : at + 4 + length]
        try:
            result = session.call_bytes(bytes(body))
            assert result in (*REFUSED, "Good"), result
            if result == "Good":
                session.send(session.message(bytes(body)))
                results = session.take(session.request, ua.CreateMonitoredItemsResponse).Results
                assert not results[0].StatusCode.is_good(), "the item was made"
            session.close_session()
        except (Refused, Closed, ConnectionError):
            pass


BAD_TEXTS = {
    "overlong": b"\xc0\x80\xc0\xaf\xe0\x80\xaf\x41",
    "truncated": b"abcdef\xe2\x82",
    "surrogate": b"\xed\xa0\x80\xed\xb0\x80ab",
    "stray": b"\x80\xbf\xfe\xffabcd",
    "too large": b"\xf4\x90\x80\x80abcd",
}


def texts_of_discovery(_):
    request = ua.GetEndpointsRequest()
    request.Parameters.EndpointUrl, request.Parameters.LocaleIds, request.Parameters.ProfileUris = MARK, [MARK], [MARK]
    return request


def texts_of_session(_):
    request = ua.CreateSessionRequest()
    client = request.Parameters.ClientDescription
    client.ApplicationUri = client.ProductUri = client.GatewayServerUri = client.DiscoveryProfileUri = MARK
    client.ApplicationName, client.DiscoveryUrls = ua.LocalizedText(MARK, MARK), [MARK]
    request.Parameters.ServerUri = request.Parameters.EndpointUrl = request.Parameters.SessionName = MARK
    return request


def texts_of_activation(_):
    request = ua.ActivateSessionRequest()
    token = ua.UserNameIdentityToken()
    token.PolicyId = token.UserName = token.EncryptionAlgorithm = MARK
    request.Parameters.UserIdentityToken, request.Parameters.LocaleIds = token, [MARK]
    return request


def texts_of_read(_):
    request = ua.ReadRequest()
    item = ua.ReadValueId()
    item.NodeId, item.AttributeId, item.IndexRange = ua.NodeId(MARK, 2), 13, MARK
    item.DataEncoding = ua.QualifiedName(MARK, 0)
    request.Parameters.NodesToRead = [item]
    return request


def texts_of_write(_):
    request = ua.WriteRequest()
    for value in (ua.Variant(MARK), ua.Variant([MARK, MARK]), ua.Variant(ua.LocalizedText(MARK, MARK))):
        item = ua.WriteValue()
        item.NodeId, item.AttributeId, item.IndexRange = ua.NodeId(MARK, 2), 13, MARK
        item.Value = ua.DataValue(value)
        request.Parameters.NodesToWrite.append(item)
    return request


def texts_of_translate(_):
    request = ua.TranslateBrowsePathsToNodeIdsRequest()
    path, element = ua.BrowsePath(), ua.RelativePathElement()
    path.StartingNode = ua.NodeId(MARK, 2)
    element.TargetName = ua.QualifiedName(MARK, 0)
    path.RelativePath.Elements = [element]
    request.Parameters.BrowsePaths = [path]
    return request


TEXTS = {
    "GetEndpoints": texts_of_discovery,
    "CreateSession": texts_of_session,
    "ActivateSession": texts_of_activation,
    "Read": texts_of_read,
    "Write": texts_of_write,
    "TranslateBrowsePaths": texts_of_translate,
}


@pytest.mark.parametrize("service", TEXTS)
def test_a37_text_that_is_no_utf_8_is_refused_in_every_field(target, service):
    """One field after the other holds each kind of malformed text; the rest of the request is well formed."""
    mark = MARK.encode()
    with Session(target.port) as session:
        whole = marked(TEXTS[service](session), session)
        session.close_session()
    n_fields = whole.count(mark)
    assert n_fields >= 2
    wrong = []
    for number in range(n_fields):
        for kind, text in BAD_TEXTS.items():
            with Session(target.port) as session:
                body = marked(TEXTS[service](session), session)
                at = -1
                for _ in range(number + 1):
                    at = body.index(mark, at + 1)
                result = session.call_bytes(body[:at] + text + body[at + 8 :])
                if result not in ("BadDecodingError", "BadIdentityTokenInvalid"):
                    wrong.append((number, kind, result))
                session.close_session()
    assert not wrong, wrong


@pytest.mark.parametrize("kind", BAD_TEXTS)
def test_a37_no_malformed_text_in_the_greeting(target, kind):
    from harness.wire import Wire

    with Wire(target.port) as wire:
        body = hello("")[8:-4] + string(b"opc.tcp://" + BAD_TEXTS[kind])
        wire.send(frame(b"HELF", body))
        assert wire.ended() in ("BadDecodingError", "BadTcpEndpointUrlInvalid", "BadTcpInternalError", "")


@pytest.mark.parametrize("kind", BAD_TEXTS)
def test_a37_no_malformed_text_in_the_header_of_a_request(target, kind):
    with Channel(target.port) as channel:
        request = ua.GetEndpointsRequest()
        request.RequestHeader = channel.header(audit_entry=MARK)
        body = struct_to_binary(request).replace(MARK.encode(), BAD_TEXTS[kind])
        assert channel.call_bytes(body) == "BadDecodingError"
