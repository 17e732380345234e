"""Read, rows R01 to R11 of the conformance list."""

from asyncua import ua

from harness.session import tag
from harness.wire import status

NODES_MUST_HAVE = {
    "NodeId": 1,
    "NodeClass": 2,
    "BrowseName": 3,
    "DisplayName": 4,
}


def test_r01_max_age_must_be_a_number_that_is_not_negative(session):
    for max_age in (-1.0, float("nan")):
        assert session.fault_of(lambda: session.read_values(["i=2258"], max_age=max_age)) == "BadMaxAgeInvalid"
    assert session.read_values(["i=2258"], max_age=1e12)[0].StatusCode.is_good()


def test_r02_exactly_the_asked_timestamps_come(session):
    for stamps, source, server in ((0, True, False), (1, False, True), (2, True, True), (3, False, False)):
        value = session.read(tag("mem.all.i32"), stamps=stamps)
        assert (value.SourceTimestamp is not None, value.ServerTimestamp is not None) == (source, server), stamps


def test_r02_an_unknown_choice_of_timestamps_is_refused(session):
    from asyncua.ua.ua_binary import struct_to_binary

    request = ua.ReadRequest()
    request.RequestHeader = session.header()
    item = ua.ReadValueId()
    item.NodeId, item.AttributeId = ua.NodeId(2258), 13
    request.Parameters.NodesToRead = [item]
    request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Neither
    body = struct_to_binary(request)
    at = body.rindex(b"\x03\x00\x00\x00\x01\x00\x00\x00")
    assert session.call_bytes(body[:at] + b"\x04" + body[at + 1 :]) == "BadTimestampsToReturnInvalid"


def test_r03_attributes_that_the_class_does_not_have_are_refused(session):
    for id_, attribute in (("i=85", 13), ("i=85", 17), ("i=2258", 12), ("i=62", 21), (tag("mem.all.i32"), 8), ("i=85", 99)):
        assert session.read_status(id_, attribute) == "BadAttributeIdInvalid", (id_, attribute)


def test_r04_index_ranges_cut_arrays_matrices_and_strings(session):
    ints = list(range(10))
    assert session.write(tag("mem.all.ints"), ints, ua.VariantType.Int32) == "Good"
    assert session.value(tag("mem.all.ints"), index_range="1") == [1]
    assert session.value(tag("mem.all.ints"), index_range="0:2") == [0, 1, 2]
    assert session.value(tag("mem.all.ints"), index_range="7:9") == [7, 8, 9]
    matrix = [[row * 10 + column for column in range(4)] for row in range(3)]
    assert session.write(tag("mem.all.matrix"), matrix, ua.VariantType.Int32) == "Good"
    assert session.value(tag("mem.all.matrix")) == matrix
    assert session.value(tag("mem.all.matrix"), index_range="1,0:1") == [[10, 11]]
    assert session.write(tag("mem.all.string"), "abcdef", ua.VariantType.String) == "Good"
    assert session.value(tag("mem.all.string"), index_range="1:3") == "bcd"
    assert session.write(tag("mem.all.bytes"), b"abcdef", ua.VariantType.ByteString) == "Good"
    assert session.value(tag("mem.all.bytes"), index_range="4:5") == b"ef"


def test_r05_a_range_beyond_the_end_has_no_data_and_one_that_reaches_beyond_is_cut(session):
    assert session.read_status(tag("mem.all.ints"), index_range="10") == "BadIndexRangeNoData"
    assert session.read_status(tag("mem.all.ints"), index_range="100:200") == "BadIndexRangeNoData"
    assert len(session.value(tag("mem.all.ints"), index_range="8:20")) == 2


def test_r06_malformed_ranges_are_refused(session):
    for text in ("3:1", "2:2", "-1:0", "a", "1:", ":1", "1:2:3", "1,", " 1", "0x1", "99999999999999999999"):
        assert session.read_status(tag("mem.all.ints"), index_range=text) == "BadIndexRangeInvalid", text


def test_r07_a_range_on_a_scalar_has_no_data(session):
    assert session.read_status(tag("mem.all.i32"), index_range="0") == "BadIndexRangeNoData"


def test_r08_data_encodings(session):
    unknown = ua.QualifiedName("Nonsense", 0)
    binary = ua.QualifiedName("Default Binary", 0)
    assert session.read_status(tag("mem.all.i32"), encoding=unknown) in ("BadDataEncodingUnsupported", "BadDataEncodingInvalid")
    assert session.read_status("i=2256", encoding=unknown) == "BadDataEncodingUnsupported"
    assert session.read_status("i=2256", encoding=binary) == "Good"
    assert session.read_status("i=85", 3, encoding=binary) == "BadDataEncodingInvalid"


def test_r09_a_tag_that_only_takes_values_cannot_be_read(session):
    assert session.read_status(tag("mem.all.writeonly")) == "BadNotReadable"


def test_r10_other_attributes_have_no_source_timestamp(session):
    for attribute in (1, 2, 3, 4, 14, 15, 17):
        value = session.read(tag("mem.all.i32"), attribute)
        assert value.StatusCode.is_good(), attribute
        assert value.SourceTimestamp is None, attribute


T = ua.VariantType
KINDS = {
    1: T.NodeId,
    2: T.Int32,
    3: T.QualifiedName,
    4: T.LocalizedText,
    8: T.Boolean,
    9: T.Boolean,
    11: T.Boolean,
    12: T.Byte,
    14: T.NodeId,
    15: T.Int32,
    17: T.Byte,
    18: T.Byte,
    20: T.Boolean,
    21: T.Boolean,
    22: T.Boolean,
}
"""The type of each mandatory attribute but the value."""


def mismatch(value, data_type, rank) -> str:
    """What is wrong with a value of a variable with this data type and value rank; empty when nothing is."""
    variant = value.Value
    if variant is None or variant.Value is None:
        return ""
    is_built_in = data_type.NamespaceIndex == 0 and data_type.Identifier <= 23
    if is_built_in and variant.VariantType.value != data_type.Identifier:
        return f"a {variant.VariantType.name} in a variable of type {data_type.Identifier}"
    if (rank == -1 and variant.is_array) or (rank >= 1 and not variant.is_array):
        return f"value rank {rank}, but is_array is {variant.is_array}"
    return ""


def test_r11_every_node_has_its_mandatory_attributes(session):
    """Crawls the address space from the root and reads what Part 3 demands of each node class."""
    extra = {
        ua.NodeClass.Object: [12],
        ua.NodeClass.Variable: [13, 14, 15, 17, 18, 20],
        ua.NodeClass.Method: [21, 22],
        ua.NodeClass.ObjectType: [8],
        ua.NodeClass.VariableType: [8, 14, 15],
        ua.NodeClass.ReferenceType: [8, 9],
        ua.NodeClass.DataType: [8],
        ua.NodeClass.View: [11, 12],
    }
    seen = {ua.NodeId(84): ua.NodeClass.Object}
    frontier = list(seen)
    while frontier:
        request = ua.BrowseRequest()
        for id_ in frontier[:100]:
            item = ua.BrowseDescription()
            item.NodeId, item.BrowseDirection = id_, ua.BrowseDirection.Forward
            item.ReferenceTypeId, item.IncludeSubtypes, item.ResultMask = ua.NodeId(33), True, 63
            request.Parameters.NodesToBrowse.append(item)
        frontier = frontier[100:]
        results = session.call(request).Results
        while results:
            points = []
            for result in results:
                assert result.StatusCode.is_good(), status(result.StatusCode)
                if result.ContinuationPoint:
                    points.append(result.ContinuationPoint)
                for reference in result.References:
                    id_ = ua.NodeId(reference.NodeId.Identifier, reference.NodeId.NamespaceIndex)
                    if id_ not in seen:
                        seen[id_] = reference.NodeClass_ if hasattr(reference, "NodeClass_") else reference.NodeClass
                        frontier.append(id_)
            results = session.browse_next(points) if points else []
    assert len(seen) > 1500, f"namespace 0 is not complete: {len(seen)} nodes"
    wanted = [
        (id_, attribute)
        for id_, node_class in seen.items()
        for attribute in [*NODES_MUST_HAVE.values(), *extra[ua.NodeClass(node_class)]]
    ]
    problems, values = [], {}
    for at in range(0, len(wanted), 500):
        request = ua.ReadRequest()
        for id_, attribute in wanted[at : at + 500]:
            item = ua.ReadValueId()
            item.NodeId, item.AttributeId = id_, attribute
            request.Parameters.NodesToRead.append(item)
        for (id_, attribute), value in zip(wanted[at : at + 500], session.call(request).Results, strict=True):
            result = status(value.StatusCode)
            values[id_, attribute] = value
            if result == "Good" and attribute in KINDS and value.Value.VariantType != KINDS[attribute]:
                problems.append(f"{id_.to_string()} attribute {attribute}: {value.Value.VariantType.name}")
            own_tag = id_.NamespaceIndex != 0 and attribute == 13
            # A trust list has no size before it is read (Part 12, 7.8.2.1).
            if id_.Identifier in (12643, 14124) and result == "BadNotSupported":
                continue
            if result != "Good" and not own_tag and result not in ("BadOutOfService", "BadUserAccessDenied", "BadNotReadable"):
                problems.append(f"{id_.to_string()} attribute {attribute}: {result}")
            elif result == "Good" and attribute in NODES_MUST_HAVE.values() and value.Value.Value is None:
                problems.append(f"{id_.to_string()} attribute {attribute}: null")
    for id_, node_class in seen.items():
        if node_class == ua.NodeClass.Variable:
            data_type, rank = (values[id_, attribute].Value.Value for attribute in (14, 15))
            if wrong := mismatch(values[id_, 13], data_type, rank):
                problems.append(f"{id_.to_string()}: {wrong}")
    assert not problems, f"{len(problems)}: " + "; ".join(problems[:20])
