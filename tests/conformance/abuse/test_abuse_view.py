"""Abuse of browsing, paths, continuation points and limits; and what a stranger learns."""

import os
import struct
import threading

import pytest
from asyncua import ua

from harness.abuse import CUT_OFF, outcome, rounds
from harness.plant import PASSWORD, USER
from harness.product import Tagwire, sim_device
from harness.samples import marked, write_body
from harness.secured import SecureSession
from harness.session import Session, node, tag
from harness.tokens import log_in
from harness.wire import Channel, Fault, status, string


def translate(session, paths):
    """TranslateBrowsePathsToNodeIds of (start, names) pairs."""
    request = ua.TranslateBrowsePathsToNodeIdsRequest()
    for start, names in paths:
        path = ua.BrowsePath()
        path.StartingNode = node(start)
        for name in names:
            element = ua.RelativePathElement()
            element.ReferenceTypeId, element.IncludeSubtypes = ua.NodeId(33), True
            element.TargetName, element.IsInverse = ua.QualifiedName.from_string(name), False
            path.RelativePath.Elements.append(element)
        request.Parameters.BrowsePaths.append(path)
    return session.call(request).Results


def test_a11_paths_of_8000_elements(target):
    with Session(target.port) as session:
        for names in (["0:Server"] * 8_000, ["0:Objects"] * 101):
            result = translate(session, [("i=85", names)])[0]
            assert status(result.StatusCode) in ("BadNoMatch", "BadTooManyOperations", "BadBrowseNameInvalid", "BadInvalidArgument")
        session.close_session()


@pytest.mark.remains(rest_kb=24_000)
def test_a11_many_paths_in_one_request(target):
    with Session(target.port) as session:
        results = translate(session, [("i=84", ["0:Objects", "0:Server", "0:ServerStatus"] * 30)] * rounds(10_000, 2_000))
        assert {status(result.StatusCode) for result in results} == {"BadNoMatch"}
        session.close_session()


def test_a11_wildcards_do_not_multiply(target):
    """Elements without a name match everything, so that each multiplies what the one before found."""
    with Session(target.port) as session:
        request = ua.TranslateBrowsePathsToNodeIdsRequest()
        path = ua.BrowsePath()
        path.StartingNode = ua.NodeId(84)
        for inverse in (False, True) * 20:
            element = ua.RelativePathElement()
            element.IncludeSubtypes, element.IsInverse = True, inverse
            path.RelativePath.Elements.append(element)
        request.Parameters.BrowsePaths = [path] * 100
        outcome(lambda: session.call(request))
        session.close_session()


def test_a23_continuation_points_are_handles_of_one_session(target):
    """No bytes of a client's own making lead anywhere, and those of another session neither."""
    with Session(target.port) as mine, Session(target.port) as other:
        true = mine.browse("i=2253", max_references=1).ContinuationPoint
        assert true
        forged = [b"", b"\0" * 16, b"\xff" * 16, true[:-1], true + b"\0", bytes(reversed(true)), os.urandom(16), b"x" * 60_000]
        for session, points in ((other, [true, *forged]), (mine, forged)):
            for point in points:
                result = session.browse_next([point])[0]
                assert status(result.StatusCode) == "BadContinuationPointInvalid", point[:20]
        assert mine.browse_next([true])[0].StatusCode.is_good()
        assert status(mine.browse_next([true])[0].StatusCode) == "BadContinuationPointInvalid", "it serves once"
        mine.close_session()
        other.close_session()


def test_a23_continuation_points_do_not_pile_up(arena, target):
    sessions = [Session(target.port) for _ in range(20)]
    try:
        for _ in range(rounds(1_000, 10)):
            for session in sessions:
                for _ in range(15):
                    session.browse("i=2253", max_references=1)
        assert arena.quotas()["continuation_points"] <= 20 * 10
    finally:
        for session in sessions:
            session.close_session()
            session.close()


def test_a34_a_stranger_learns_the_endpoints_and_nothing_else(target):
    """Without a session: two services, and no name of a tag, of a user or of a file in what they tell."""
    with Channel(target.port) as channel:
        told = b""
        for request in (ua.GetEndpointsRequest(), ua.FindServersRequest()):
            request.Parameters.EndpointUrl = channel.url
            told += channel.answer(channel.post(request))
        for secret in (b"mem.all", b"counter", b"operator", b"viewer", str(target.folder).encode(), b"tagwire.toml"):
            assert secret not in told, secret
        for request in (ua.ReadRequest(), ua.BrowseRequest(), ua.CallRequest(), ua.PublishRequest()):
            assert outcome(lambda: channel.call(request)) == "BadSessionIdInvalid"


LIMITS = {
    "MaxNodesPerRead": (11705, ua.ReadRequest, "NodesToRead", ua.ReadValueId),
    "MaxNodesPerWrite": (11707, ua.WriteRequest, "NodesToWrite", ua.WriteValue),
    "MaxNodesPerMethodCall": (11709, ua.CallRequest, "MethodsToCall", ua.CallMethodRequest),
    "MaxNodesPerBrowse": (11710, ua.BrowseRequest, "NodesToBrowse", ua.BrowseDescription),
    "MaxNodesPerRegisterNodes": (11711, ua.RegisterNodesRequest, "NodesToRegister", ua.NodeId),
    "MaxNodesPerTranslateBrowsePathsToNodeIds": (11712, ua.TranslateBrowsePathsToNodeIdsRequest, "BrowsePaths", ua.BrowsePath),
    "MaxNodesPerHistoryReadData": (12165, ua.HistoryReadRequest, "NodesToRead", ua.HistoryReadValueId),
    "MaxNodesPerHistoryUpdateData": (12167, ua.HistoryUpdateRequest, "HistoryUpdateDetails", ua.DeleteAtTimeDetails),
    "MaxMonitoredItemsPerCall": (11714, ua.CreateMonitoredItemsRequest, "ItemsToCreate", ua.MonitoredItemCreateRequest),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a46_one_operation_more_than_published_is_refused(target, limit):
    number, service, field, kind = LIMITS[limit]
    with Session(target.port) as session:
        n = session.value(f"i={number}")
        assert 0 < n <= 100_000
        request = service()
        if service is ua.CreateMonitoredItemsRequest:
            request.Parameters.SubscriptionId = session.subscribe().SubscriptionId
        setattr(request.Parameters, field, [kind()] * (n + 1))
        assert outcome(lambda: session.call(request)) == "BadTooManyOperations"
        session.close_session()


def test_a39_nodes_come_and_go_while_others_browse(tmp_path):
    """One client browses and reads everything while the configuration changes under it."""
    def plant(n):
        return sim_device("\n".join(f"t{number} static i32 rw" for number in range(n)) + "\nfixed static i32 rw")

    with Tagwire(tmp_path, plant(50)) as server:
        stop, problems = threading.Event(), []

        def look():
            try:
                with Session(server.port) as session:
                    while not stop.is_set():
                        result = session.browse("ns=2;s=mem.all", max_references=7)
                        found = [reference.NodeId for reference in result.References]
                        while result.ContinuationPoint:
                            result = session.browse_next([result.ContinuationPoint])[0]
                            found += [reference.NodeId for reference in result.References]
                        session.read_values([ua.NodeId(id_.Identifier, id_.NamespaceIndex) for id_ in found], 3)
                        assert session.read("ns=2;s=mem.all.fixed").StatusCode.is_good()
                    session.close_session()
            except BaseException as problem:  # noqa: BLE001
                problems.append(problem)

        lookers = [threading.Thread(target=look) for _ in range(2)]
        for looker in lookers:
            looker.start()
        for number in range(rounds(500, 60)):
            server.configure(plant(5 + number * 37 % 200))
            server.reload()
        stop.set()
        for looker in lookers:
            looker.join(30)
        assert not problems, problems


def remote_nodes():
    """ExpandedNodeIds as they come from hostile clients: encoded as they are, none of them made by a library."""
    uri, index = string("urn:elsewhere"), struct.pack("<I", 7)
    plain = {
        "two bytes": b"\x00\x55",
        "four bytes": b"\x01\x02\x39\x30",
        "a number": b"\x02\xff\xff\xff\xff\xff\xff",
        "a text": b"\x03\x02\x00" + string("mem.all.i32"),
        "a null text": b"\x03\x02\x00" + string(None),
        "a long text": b"\x03\x02\x00" + string("x" * 60_000),
        "a guid": b"\x04\x02\x00" + b"\x5a" * 16,
        "bytes": b"\x05\x02\x00" + string(b"\0" * 5_000),
        "no text": b"\x03\x02\x00" + string(b"\xff\xfe"),
        "a form that is none": b"\x3f\x02\x00",
        "a length beyond the end": b"\x03\x02\x00\xff\xff\xff\x7f",
    }
    for name, data in plain.items():
        head, rest = data[0], data[1:]
        yield name, data
        yield f"{name} of another server", bytes([head | 0x40]) + rest + index
        yield f"{name} of another namespace", bytes([head | 0x80]) + rest + uri
        yield f"{name} of both", bytes([head | 0xC0]) + rest + uri + struct.pack("<I", 0xFFFFFFFF)
        yield f"{name} of a namespace without end", bytes([head | 0x80]) + rest + b"\xff\xff\xff\x7f"


REMOTE = dict(remote_nodes())


def references(session, target) -> dict[str, bytes]:
    """AddReferences and DeleteReferences from a tag, and AddNodes below a parent, with the same hostile node."""
    source, kind = b"\x03\x02\x00" + string("mem.all"), b"\x01\x00\x23\x00"
    one = struct.pack("<I", 1)
    bodies = {
        "AddReferences": (ua.AddReferencesRequest, one + source + kind + b"\x01" + string("opc.tcp://elsewhere:4840") + target + struct.pack("<i", 2)),
        "DeleteReferences": (ua.DeleteReferencesRequest, one + source + kind + b"\x01" + target + b"\x01"),
        "AddNodes": (ua.AddNodesRequest, one + target + kind + target + b"\x02\x00" + string("new") + struct.pack("<i", 2)),
        "DeleteNodes": (ua.DeleteNodesRequest, one + target.ljust(20, b"\0") + b"\x01"),
    }
    empty = {name: marked(kind(), session) for name, (kind, _) in bodies.items()}
    return {name: empty[name][:-4] + body for name, (_, body) in bodies.items()}


def test_a40_no_client_refers_to_nodes_of_other_servers(target):
    """Whatever a node looks like: no service adds or removes nodes or references, and none reads what it is not given."""
    with log_in(target, USER, PASSWORD) as session:
        before = {str(found.NodeId) for found in session.browse("ns=2;s=mem.all").References}
        for what, remote in REMOTE.items():
            for service, body in references(session, remote).items():
                assert session.call_bytes(body) == "BadServiceUnsupported", (service, what)
        assert {str(found.NodeId) for found in session.browse("ns=2;s=mem.all").References} == before
        session.close_session()


@pytest.mark.row("A40")
def test_nodes_of_other_servers_as_values_are_refused_or_kept_away(target):
    """Where such a node is read, as a value to be written: it is another type than the tag's, or no node at all."""
    for what, remote in REMOTE.items():
        with Session(target.port) as session:
            try:
                result = session.call_bytes(write_body(session, b"\x12" + remote))
            except CUT_OFF:
                continue
            assert result in ("Good", "BadDecodingError", "BadEncodingLimitsExceeded"), what
            if result == "Good":
                session.send(session.message(write_body(session, b"\x12" + remote)))
                written = session.take(session.request, ua.WriteResponse).Results
                assert [status(one) for one in written] == ["BadTypeMismatch"], what
            session.close_session()


@pytest.mark.row("A40")
@pytest.mark.parametrize("service", ["AddNodes", "AddReferences", "DeleteNodes", "DeleteReferences"])
def test_nobody_changes_the_nodes(target, service):
    """Not even a user, and not over an encrypted channel; no setting changes that."""
    for open_session in (lambda: Session(target.port), lambda: log_in(target, USER, PASSWORD), lambda: SecureSession(target)):
        with open_session() as session:
            assert outcome(lambda: session.call(getattr(ua, f"{service}Request")())) == "BadServiceUnsupported"
            session.close_session()


@pytest.mark.row("A11")
def test_browsing_the_root_of_everything_over_and_over(target):
    with Session(target.port) as session:
        request = ua.BrowseRequest()
        item = ua.BrowseDescription()
        item.NodeId, item.IncludeSubtypes, item.ResultMask = node("i=58"), True, 63
        item.BrowseDirection, item.ReferenceTypeId = ua.BrowseDirection.Both, ua.NodeId(31)
        request.Parameters.NodesToBrowse = [item] * 10_000
        for _ in range(rounds(100, 2)):
            try:
                session.answer(session.post(request))
            except Fault:
                pass
        session.close_session()
