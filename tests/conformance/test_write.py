"""Write, rows W01 to W09 of the conformance list."""

import math
from datetime import datetime, timezone

import pytest
from asyncua import ua

from harness.plant import SCALARS
from harness.session import tag

T = ua.VariantType


def test_w01_what_cannot_be_written_says_why(session):
    one = ua.Variant(1, T.Int32)
    results = session.write_values([
        (tag("mem.all.readonly"), one),
        (tag("mem.all.nothing"), one),
        ("i=2258", ua.Variant(datetime.now(timezone.utc), T.DateTime)),
        (tag("mem.all.i32"), ua.Variant(ua.LocalizedText("x"), T.LocalizedText), None, 4),
        ("i=85", one),
        (tag("mem.all.i32"), one, None, 99),
    ])
    assert results[0] == "BadNotWritable"
    assert results[1] == "BadNodeIdUnknown"
    assert results[2] in ("BadNotWritable", "BadUserAccessDenied")
    assert results[3] in ("BadWriteNotSupported", "BadNotWritable", "BadUserAccessDenied")
    assert results[4] == "BadAttributeIdInvalid"
    assert results[5] == "BadAttributeIdInvalid"


@pytest.mark.parametrize(
    "value, kind, dimensions",
    [
        ("12", T.String, None),
        (1.0, T.Double, None),
        (1, T.Int16, None),
        (1, T.UInt32, None),
        (True, T.Boolean, None),
        ([1, 2], T.Int32, None),
    ],
)
def test_w02_another_type_or_rank_is_a_mismatch(session, value, kind, dimensions):
    assert session.write(tag("mem.all.i32"), value, kind, dimensions=dimensions) == "BadTypeMismatch"


def test_w02_arrays_keep_their_length_and_rank(session):
    assert session.write(tag("mem.all.ints"), 1, T.Int32) == "BadTypeMismatch"
    assert session.write(tag("mem.all.ints"), [1] * 11, T.Int32) in ("BadTypeMismatch", "BadOutOfRange")
    assert session.write(tag("mem.all.matrix"), [1] * 12, T.Int32) == "BadTypeMismatch"
    matrix = [[1, 2, 3, 4]] * 3
    assert session.write(tag("mem.all.matrix"), matrix, T.Int32) == "Good"
    assert session.write(tag("mem.all.matrix"), [[1, 2, 3]] * 4, T.Int32) in ("BadTypeMismatch", "BadOutOfRange")


def test_w03_byte_arrays_and_byte_strings_stand_for_each_other(session):
    assert session.write(tag("mem.all.bytes"), [1, 2, 3], T.Byte) == "Good"
    assert session.value(tag("mem.all.bytes")) == b"\x01\x02\x03"
    assert session.write(tag("mem.all.bytes10"), bytes(range(10)), T.ByteString) == "Good"
    read = session.read(tag("mem.all.bytes10")).Value.Value
    assert list(read) == list(range(10))


def test_w04_null_is_a_mismatch(session):
    for name in ("i32", "f64", "bool", "ints"):
        assert session.write_values([(tag(f"mem.all.{name}"), ua.Variant())]) == ["BadTypeMismatch"], name


@pytest.mark.parametrize("name", SCALARS)
def test_w05_extreme_values_come_back_bit_exact(session, name):
    _, kind, values = SCALARS[name]
    for value in values:
        assert session.write(tag(f"mem.all.{name}"), value, kind) == "Good", value
        read = session.read(tag(f"mem.all.{name}"))
        assert read.StatusCode.is_good() and read.Value.VariantType == kind
        if name == "f32":
            import struct

            assert struct.pack("<f", read.Value.Value) == struct.pack("<f", value)
        else:
            assert read.Value.Value == value


@pytest.mark.parametrize("name", ["f32", "f64"])
def test_w05_not_a_number_comes_back(session, name):
    assert session.write(tag(f"mem.all.{name}"), math.nan, SCALARS[name][1]) == "Good"
    assert math.isnan(session.read(tag(f"mem.all.{name}")).Value.Value)
    assert session.write(tag(f"mem.all.{name}"), 0.0, SCALARS[name][1]) == "Good"


def test_w05_times_come_back(session):
    when = datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=timezone.utc)
    assert session.write(tag("mem.all.when"), when, T.DateTime) == "Good"
    read = session.value(tag("mem.all.when"))
    assert read.replace(tzinfo=timezone.utc) == when


def test_w05_malformed_text_is_refused(session):
    from asyncua.ua.ua_binary import struct_to_binary

    for bad in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xe2\x82"):
        request = ua.WriteRequest()
        item = ua.WriteValue()
        item.NodeId, item.AttributeId = tag("mem.all.string"), 13
        item.Value = ua.DataValue(ua.Variant("x" * len(bad) + "MARK", T.String))
        request.Parameters.NodesToWrite = [item]
        request.RequestHeader = session.header()
        body = struct_to_binary(request).replace(b"x" * len(bad) + b"MARK", bad + b"MARK")
        result = session.call_bytes(body)
        if result == "Good":
            assert session.read("i=2258").StatusCode.is_good()
            assert b"MARK" not in (session.read(tag("mem.all.string")).Value.Value or "").encode(errors="replace")
        else:
            assert result in ("BadDecodingError", "BadTypeMismatch")


def test_w06_ranges_touch_only_their_elements(session):
    ints = list(range(100, 110))
    assert session.write(tag("mem.all.ints"), ints, T.Int32) == "Good"
    assert session.write(tag("mem.all.ints"), [1, 2], T.Int32, "3:4") == "Good"
    assert session.value(tag("mem.all.ints")) == [100, 101, 102, 1, 2, 105, 106, 107, 108, 109]
    assert session.write(tag("mem.all.ints"), [7], T.Int32, "9") == "Good"
    assert session.write(tag("mem.all.ints"), [1], T.Int32, "10") == "BadIndexRangeNoData"
    assert session.write(tag("mem.all.ints"), [1, 2, 3], T.Int32, "3:4") in ("BadIndexRangeDataMismatch", "BadIndexRangeInvalid")
    assert session.write(tag("mem.all.ints"), [1], T.Int32, "4:3") == "BadIndexRangeInvalid"
    assert session.write(tag("mem.all.ints"), [1], T.Int32, "x") == "BadIndexRangeInvalid"
    assert session.value(tag("mem.all.ints")) == [100, 101, 102, 1, 2, 105, 106, 107, 108, 7]


def test_w06_ranges_reach_into_the_elements_of_an_array_of_texts(session):
    texts = tag("mem.all.texts")
    assert session.write(texts, ["north", "south", "east", "w"], T.String) == "Good"
    assert session.write(texts, ["XY", "Z!"], T.String, "0:1,1:2") == "Good"
    assert session.value(texts) == ["nXYth", "sZ!th", "east", "w"]
    assert session.write(texts, ["E"], T.String, "2,0") == "Good"
    assert session.value(texts, index_range="2:3,0") == ["E", "w"]
    assert session.write(texts, ["abc"], T.String, "2,0:1") == "BadIndexRangeDataMismatch"
    assert session.write(texts, ["a", "b"], T.String, "2,0") == "BadIndexRangeDataMismatch"
    assert session.write(texts, ["a", "b"], T.String, "2:3,1") == "BadIndexRangeNoData"
    assert session.write(tag("mem.all.ints"), [1], T.Int32, "2,0") == "BadIndexRangeNoData"
    assert session.value(texts) == ["nXYth", "sZ!th", "East", "w"]


def test_w07_a_client_cannot_write_a_quality_and_the_device_keeps_its_own_time(session):
    value = ua.DataValue(ua.Variant(5, T.Int32), StatusCode=ua.StatusCode(ua.StatusCodes.Uncertain))
    assert session.write_values([(tag("mem.all.i32"), value)])[0] == "BadWriteNotSupported"
    # Clients such as python-opcua add a time to every write; it is left out, not stored.
    value = ua.DataValue(ua.Variant(5, T.Int32), SourceTimestamp=datetime(2020, 1, 1, tzinfo=timezone.utc))
    assert session.write_values([(tag("mem.all.i32"), value)])[0] == "Good"
    assert session.read(tag("mem.all.i32")).SourceTimestamp.year > 2020


def test_w09_writes_of_one_call_happen_in_order_with_a_result_each(session):
    two = [(tag("mem.all.i32"), ua.Variant(1, T.Int32)), (tag("mem.all.i32"), ua.Variant(2, T.Int32))]
    assert session.write_values(two) == ["Good", "Good"]
    assert session.value(tag("mem.all.i32")) == 2
    many = [(tag(f"bulk.d.m{i % 300}"), ua.Variant(float(i), T.Double)) for i in range(2500)]
    many[457] = (tag("nothing"), ua.Variant(0.0, T.Double))
    results = session.write_values(many)
    assert results[457] == "BadNodeIdUnknown" and results.count("Good") == 2499
    assert session.value(tag("bulk.d.m299")) == 2399.0
