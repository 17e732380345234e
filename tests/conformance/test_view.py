"""Browse, translate and register, rows B01 to B08, P01 to P06 and N01 of the conformance list."""

import pytest
from asyncua import ua

from harness.product import Tagwire, sim_device
from harness.session import Session, node, tag
from harness.wire import status

HIERARCHICAL, ORGANIZES, HAS_TYPE = "i=33", "i=35", "i=40"
CLASSES = {"Object": 1, "Variable": 2, "Method": 4, "ObjectType": 8, "VariableType": 16, "ReferenceType": 32, "DataType": 64}


def names(result):
    assert result.StatusCode.is_good(), status(result.StatusCode)
    return {reference.BrowseName.Name for reference in result.References}


def test_b01_an_unknown_node(session):
    assert status(session.browse("ns=2;s=nothing").StatusCode) == "BadNodeIdUnknown"
    assert status(session.browse("ns=77;i=1").StatusCode) == "BadNodeIdUnknown"


def test_b02_a_reference_type_that_is_none(session):
    assert status(session.browse("i=85", reference="i=84").StatusCode) == "BadReferenceTypeIdInvalid"
    assert status(session.browse("i=85", reference="i=999999").StatusCode) == "BadReferenceTypeIdInvalid"


def test_b03_a_direction_that_is_none(session):
    from asyncua.ua.ua_binary import struct_to_binary

    request = ua.BrowseRequest()
    item = ua.BrowseDescription()
    item.NodeId, item.BrowseDirection = ua.NodeId(85), ua.BrowseDirection.Both
    item.ReferenceTypeId, item.IncludeSubtypes, item.ResultMask = ua.NodeId(33), True, 63
    request.Parameters.NodesToBrowse = [item]
    request.RequestHeader = session.header()
    body = struct_to_binary(request)
    at = body.rindex(b"\x02\x00\x00\x00\x00\x21\x01") if b"\x02\x00\x00\x00\x00\x21\x01" in body else body.rindex(b"\x02\x00\x00\x00")
    session.send(session.message(body[:at] + b"\x03" + body[at + 1 :]))
    response = session.take(session.request, ua.BrowseResponse)
    assert status(response.Results[0].StatusCode) == "BadBrowseDirectionInvalid"


def test_b04_an_unknown_view(session):
    assert session.fault_of(lambda: session.browse("i=85", view="ns=2;s=nothing")) == "BadViewIdUnknown"


def test_b05_one_reference_at_a_time_brings_the_same_set(session):
    whole = names(session.browse(tag("mem.all")))
    result = session.browse(tag("mem.all"), max_references=1)
    found = []
    while True:
        assert len(result.References) <= 1
        found += [reference.BrowseName.Name for reference in result.References]
        if not result.ContinuationPoint:
            break
        result = session.browse_next([result.ContinuationPoint])[0]
        assert result.StatusCode.is_good()
    assert len(found) == len(set(found)) and set(found) == whole


def test_b06_a_continuation_point_serves_once_and_only_its_session(plant, session):
    def refused(points, on=session):
        return [status(result.StatusCode) for result in on.browse_next(points)]

    assert refused([b"\x01\x02\x03\x04", b"", b"x" * 1000]) == ["BadContinuationPointInvalid"] * 3
    first = session.browse(tag("mem.all"), max_references=2).ContinuationPoint
    with Session(plant.port) as other:
        assert refused([first], other) == ["BadContinuationPointInvalid"]
        other.close_session()
    again = session.browse_next([first])[0]
    if again.ContinuationPoint != first:
        assert refused([first]) == ["BadContinuationPointInvalid"]
    assert not session.browse_next([again.ContinuationPoint], release=True)
    assert refused([again.ContinuationPoint]) == ["BadContinuationPointInvalid"]


def test_b07_continuation_points_never_pile_up(plant, session):
    limit = session.value("i=2735")
    before = plant.process.rss_kb()
    results = [session.browse(tag("bulk.d"), max_references=1) for _ in range(limit + 50)]
    refused = [result for result in results if status(result.StatusCode) == "BadNoContinuationPoints"]
    alive = [result.ContinuationPoint for result in results if result.ContinuationPoint]
    answers = []
    for at in range(0, len(alive), 50):
        answers += [status(result.StatusCode) for result in session.browse_next(alive[at : at + 50])]
    assert answers.count("Good") <= limit
    assert refused or answers.count("BadContinuationPointInvalid") >= 50
    assert plant.process.rss_kb() - before < 10_000


def test_b08_node_classes_are_filtered_exactly(session):
    everything = session.browse("i=2253", reference=HIERARCHICAL)
    by_class = {}
    for reference in everything.References:
        by_class.setdefault(int(reference.NodeClass), set()).add(reference.BrowseName.Name)
    assert {1, 2, 4} <= set(by_class)
    for node_class in CLASSES.values():
        assert names(session.browse("i=2253", reference=HIERARCHICAL, classes=node_class)) == by_class.get(node_class, set())


def test_b08_the_result_mask_leaves_out_what_was_not_asked_for(session):
    full = session.browse("i=85", mask=63).References[0]
    assert not full.ReferenceTypeId.is_null() and full.BrowseName.Name and full.DisplayName.Text
    empty = session.browse("i=85", mask=0).References[0]
    assert empty.ReferenceTypeId.is_null() and not empty.BrowseName.Name and not empty.DisplayName.Text
    assert int(empty.NodeClass) == 0 and empty.TypeDefinition.is_null()
    for bit, present in ((1, lambda r: not r.ReferenceTypeId.is_null()), (4, lambda r: int(r.NodeClass) != 0),
                         (8, lambda r: bool(r.BrowseName.Name)), (16, lambda r: bool(r.DisplayName.Text)),
                         (32, lambda r: not r.TypeDefinition.is_null())):
        one = session.browse("i=85", mask=bit).References[0]
        assert present(one), bit


def test_b08_directions_and_subtypes(session):
    forward = names(session.browse("i=85", direction=0, reference=HIERARCHICAL))
    inverse = names(session.browse("i=85", direction=1, reference=HIERARCHICAL))
    both = names(session.browse("i=85", direction=2, reference=HIERARCHICAL))
    assert {"Server", "mem", "bulk", "sig"} <= forward and inverse == {"Root"} and both == forward | inverse
    assert names(session.browse("i=85", reference=HIERARCHICAL, subtypes=False)) == set()
    assert {"mem", "Server"} <= names(session.browse("i=85", reference=ORGANIZES, subtypes=False)) | {"Server"}
    assert names(session.browse("i=85", reference=HAS_TYPE)) == {"FolderType"}


def test_the_tree_of_tags_is_link_device_group_tag(session):
    assert "all" in names(session.browse(tag("mem")))
    assert "plant" in names(session.browse(tag("mem.all")))
    path = translate(session, "i=85", ["2:mem", "2:all", "2:plant", "2:line", "2:speed"])
    assert path.StatusCode.is_good()
    assert path.Targets[0].TargetId.Identifier == "mem.all.plant.line.speed"
    assert session.read_status(tag("mem.all.plant.line.speed")) == "Good"


def translate(session, start, path, **how):
    request = ua.TranslateBrowsePathsToNodeIdsRequest()
    browse_path = ua.BrowsePath()
    browse_path.StartingNode = node(start)
    for text in path:
        element = ua.RelativePathElement()
        element.ReferenceTypeId = node(how.get("reference", HIERARCHICAL))
        element.IncludeSubtypes = how.get("subtypes", True)
        element.IsInverse = how.get("inverse", False)
        element.TargetName = ua.QualifiedName.from_string(text) if text is not None else ua.QualifiedName(None, 0)
        browse_path.RelativePath.Elements.append(element)
    request.Parameters.BrowsePaths = [browse_path]
    return session.call(request).Results[0]


def test_b09_a_browse_goes_on_while_nodes_come_and_go(tmp_path):
    def tags(first, last):
        return sim_device("\n".join(f"t{number:03} static i32 rw" for number in range(first, last)))

    with Tagwire(tmp_path, tags(0, 60)) as server, Session(server.port) as session:
        result = session.browse(tag("mem.all"), max_references=7)
        found, reloads = [], iter([(30, 90), (80, 90), (0, 60)])
        while True:
            found += [reference.BrowseName.Name for reference in result.References or []]
            if not result.ContinuationPoint:
                break
            if (span := next(reloads, None)) is not None:
                server.configure(tags(*span))
                server.reload()
            result = session.browse_next([result.ContinuationPoint])[0]
            assert status(result.StatusCode) in ("Good", "BadContinuationPointInvalid")
        assert len(found) == len(set(found)) and len(found) >= 7
        assert {name for name in found if name[0] == "t"} <= {f"t{number:03}" for number in range(90)}
        session.close_session()


def test_p01_a_path_leads_to_its_node(session):
    result = translate(session, "i=85", ["0:Server", "0:ServerStatus", "0:CurrentTime"])
    assert result.StatusCode.is_good()
    assert [target.TargetId.Identifier for target in result.Targets] == [2258]
    assert result.Targets[0].RemainingPathIndex == 2**32 - 1


def test_p02_a_path_that_leads_nowhere(session):
    assert status(translate(session, "i=85", ["0:Server", "0:Nothing"]).StatusCode) == "BadNoMatch"


def test_p03_an_empty_path(session):
    assert status(translate(session, "i=85", []).StatusCode) == "BadNothingToDo"


def test_p04_a_name_that_is_null(session):
    for path in (["0:Server", None], [None, "0:ServerStatus"]):
        assert status(translate(session, "i=85", path).StatusCode) == "BadBrowseNameInvalid"


def test_p05_an_unknown_start(session):
    assert status(translate(session, "ns=2;s=nothing", ["0:Server"]).StatusCode) == "BadNodeIdUnknown"


def test_p06_subtypes_and_inverse(session):
    assert status(translate(session, "i=85", ["0:Server"], subtypes=False).StatusCode) == "BadNoMatch"
    result = translate(session, "i=2253", ["0:Objects"], inverse=True)
    assert result.StatusCode.is_good() and result.Targets[0].TargetId.Identifier == 85


def test_n01_registered_nodes_come_back_in_order_and_work(session):
    ids = [tag("mem.all.i32"), tag("mem.all.f64"), tag("mem.all.i32")] * 10
    request = ua.RegisterNodesRequest()
    request.Parameters.NodesToRegister = ids
    registered = session.call(request).Parameters.RegisteredNodeIds
    assert len(registered) == len(ids)
    first, second = (session.read(id_, 3).Value.Value.Name for id_ in registered[:2])
    assert (first, second) == ("i32", "f64")
    request = ua.UnregisterNodesRequest()
    request.Parameters.NodesToUnregister = [*registered, tag("nothing")]
    session.call(request)


def test_n01_a_hundred_and_even_unknown_nodes_can_be_registered(session):
    ids = [tag(f"bulk.d.m{number}") for number in range(100)]
    request = ua.RegisterNodesRequest()
    request.Parameters.NodesToRegister = [*ids, tag("nothing")]
    registered = session.call(request).Parameters.RegisteredNodeIds
    names = [value.Value.Value.Name for value in session.read_values(registered[:-1], 3)]
    assert names == [f"m{number}" for number in range(100)]
    assert session.read_status(registered[-1]) == "BadNodeIdUnknown"


@pytest.mark.parametrize("service", [ua.QueryFirstRequest, ua.QueryNextRequest])
def test_q01_queries_are_refused(session, service):
    assert session.fault_of(lambda: session.call(service())) == "BadServiceUnsupported"
