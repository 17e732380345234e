"""History, rows H01 to H19 of the conformance list, and the rows CTT02 to CTT12 about it."""

import os
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from asyncua import ua

from harness.history import (
    ENGINEER,
    INSERT,
    LATE,
    NOON,
    REMOVE,
    REPLACE,
    UPDATE,
    add_engineer,
    annotate,
    at,
    at_times,
    change,
    code_of,
    configuration,
    data_value,
    delete,
    delete_at,
    emptied,
    engineer,
    examples,
    filled,
    processed,
    raw,
    read,
    seconds_of,
    seen,
    update,
    values,
)
from harness.process import SLOW, wait_until
from harness.product import Tagwire, command, sim_device
from harness.session import Session, tag
from harness.wire import status

_TAGS = "\n".join(f"t{number} static f64 rw" for number in range(30))
CONFIG = (
    sim_device(f"{_TAGS}\nints static i32 rw\nflag static bool rw\ntext static string rw\nlist static i32[4] rw\nstep static f64 rw\nfast counter(period=20ms) i32 ro", scan="50ms")
    + sim_device("h1 static f64 rw\nh3 static f64 rw\nh5 static f64 rw", link="official", device="d")
    + sim_device("lost static f64 rw", link="bare", device="d")
    + '[access]\nusers = "users.toml"\n[[history.rule]]\npath = ["official.d.h3", "mem.all.step"]\nstepped = true\ncount_samples = true\n'
    + '[[history.rule]]\npath = "official"\ncount_samples = true\n[[history.rule]]\npath = "mem"\n'
)
AVERAGE, INTERPOLATIVE, ANNOTATION_COUNT, TRANSITIONS = 2342, 2341, 2351, 2355
EVERYTHING = (datetime(1970, 1, 1, tzinfo=timezone.utc), LATE)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Tagwire(tmp_path_factory.mktemp("history"), CONFIG, security=("none", "basic256sha256"))
    add_engineer(server)
    with server:
        yield server


@pytest.fixture
def session(server):
    with engineer(server) as session:
        yield session
        session.close_session()


FIVE = [(0, 1.0), (2, 2.0), (3, 3.0), (5, 5.0), (6, 6.0)]
"""The example of Part 11, 4.4, in seconds instead of minutes."""


@pytest.fixture(scope="module")
def five(server):
    with engineer(server) as session:
        id_ = filled(session, "mem.all.t0", FIVE)
        session.close_session()
    return id_


def times(result):
    return [seconds for seconds, _ in seen(result)]


def test_h01_the_start_is_included_and_the_end_is_not(session, five):
    assert times(read(session, five, raw(0, 5))) == [0, 2, 3]
    assert times(read(session, five, raw(1, 4))) == [2, 3]
    assert times(read(session, five, raw(2, 2))) == [2]
    assert times(read(session, five, raw(-10, 100))) == [0, 2, 3, 5, 6]


def test_h01_a_number_of_values_is_a_page(session, five):
    first = read(session, five, raw(0, 100, count=1))
    assert times(first) == [0] and first.ContinuationPoint
    rest = read(session, five, raw(0, 100, count=10), first.ContinuationPoint)
    assert times(rest) == [2, 3, 5, 6] and not rest.ContinuationPoint


def test_h02_ctt04_a_later_start_reads_backward(session, five):
    assert times(read(session, five, raw(5, 0))) == [5, 3, 2]
    assert times(read(session, five, raw(4, 1))) == [3, 2]


def test_h02_one_end_and_a_number_read_so_many_values(session, five):
    assert times(read(session, five, raw(2, None, count=3))) == [2, 3, 5]
    assert times(read(session, five, raw(None, 5, count=3))) == [5, 3, 2]
    assert times(read(session, five, raw(None, 5, count=100))) == [5, 3, 2, 0]


def test_h03_one_of_three_is_not_enough(session, five):
    for details in (raw(0), raw(None, 5), raw(None, None, count=5), raw()):
        assert status(read(session, five, details).StatusCode) == "BadHistoryOperationInvalid"
    for start, end in ((0, None), (None, 5)):
        result = read(session, five, processed([AVERAGE], start, end, 1000))
        assert status(result.StatusCode) == "BadInvalidTimestampArgument"


def test_h04_bounds_are_the_nearest_values_or_said_to_be_missing(session, five):
    lost = "BadBoundNotFound"
    for start, end, count, expected in (
        (0, 5, 0, [(0, 1.0), (2, 2.0), (3, 3.0), (5, 5.0)]),
        (1, 4, 0, [(0, 1.0), (2, 2.0), (3, 3.0), (5, 5.0)]),
        (4, 1, 0, [(5, 5.0), (3, 3.0), (2, 2.0), (0, 1.0)]),
        (-1, 5, 0, [(-1, lost), (0, 1.0), (2, 2.0), (3, 3.0), (5, 5.0)]),
        (1, 7, 0, [(0, 1.0), (2, 2.0), (3, 3.0), (5, 5.0), (6, 6.0), (7, lost)]),
        (1, None, 3, [(0, 1.0), (2, 2.0), (3, 3.0)]),
        (0, None, 6, [*FIVE, (7, lost)]),
        (None, 6, 6, [*reversed(FIVE), (-1, lost)]),
    ):
        assert seen(read(session, five, raw(start, end, count, bounds=True))) == expected, (start, end, count)
    page = read(session, five, raw(1, 7, 5, bounds=True))
    assert times(page) == [0, 2, 3, 5, 6]
    assert seen(read(session, five, raw(1, 7, 5, bounds=True), page.ContinuationPoint)) == [(7, lost)]


def test_h05_timestamps(session, five):
    for stamps, source, server in ((0, True, False), (1, False, True), (2, True, True)):
        value = values(read(session, five, raw(0, 1), stamps=ua.TimestampsToReturn(stamps)))[0]
        assert (value.SourceTimestamp is not None, value.ServerTimestamp is not None) == (source, server)
    fault = session.fault_of(lambda: read(session, five, raw(0, 1), stamps=ua.TimestampsToReturn.Neither))
    assert fault == "BadTimestampsToReturnInvalid"


def test_h06_pages_of_any_size_have_no_gap_and_no_duplicate_while_values_come(server, session):
    """A tag that changes all the time: every page size sees exactly what one read sees."""
    id_ = tag("mem.all.fast")
    wait_until(lambda: len(values(read(session, id_, raw(*EVERYTHING)))) >= 100, 30 * SLOW, "values are collected")
    whole = [value.SourceTimestamp for value in values(read(session, id_, raw(*EVERYTHING)))]
    for size in (1, 7, 50, 1000):
        paged, point = [], None
        while len(paged) < len(whole):
            result = read(session, id_, raw(*EVERYTHING, count=size), point)
            paged += [value.SourceTimestamp for value in values(result)]
            point = result.ContinuationPoint
            if not point:
                break
        assert paged[: len(whole)] == whole, size
        if point:
            read(session, id_, raw(), point, release=True)


def test_h06_pages_survive_changes_of_the_past(session):
    id_ = filled(session, "mem.all.t1", [(n, float(n)) for n in range(5000)])
    paged, point = [], None
    for page in range(100):
        result = read(session, id_, raw(0, 6000, count=700), point)
        paged += times(result)
        point = result.ContinuationPoint
        if not point:
            break
        update(session, id_, INSERT, [data_value(page + 0.5, 0.0), data_value(5000.0 + page, 1.0)])
    assert [time for time in paged if time < 5000] == list(range(5000))
    assert paged == sorted(set(paged))


def test_h06_a23_a_continuation_point_serves_its_session_once(server, session, five):
    bad = "BadContinuationPointInvalid"
    point = read(session, five, raw(0, 100, count=1)).ContinuationPoint
    with engineer(server) as other:
        assert status(read(other, five, raw(0, 100, count=1), point).StatusCode) == bad
        other.close_session()
    for forged in (b"\0" * 16, b"\xff" * 16, point[:-1], point + b"\0", b"x" * 60_000):
        assert status(read(session, five, raw(0, 100, count=1), forged).StatusCode) == bad
    assert times(read(session, five, raw(0, 100, count=1), point)) == [2]
    assert status(read(session, five, raw(0, 100, count=1), point).StatusCode) == bad
    point = read(session, five, raw(0, 100, count=1)).ContinuationPoint
    assert status(read(session, five, raw(), point, release=True).StatusCode) == "Good"
    assert status(read(session, five, raw(0, 100, count=1), point).StatusCode) == bad
    point = read(session, five, raw(0, 100, count=1)).ContinuationPoint
    assert status(read(session, tag("mem.all.t29"), raw(0, 100, count=1), point).StatusCode) == bad


def test_h07_nothing_no_history_and_no_node(session, five):
    result = read(session, five, raw(100, 200))
    assert status(result.StatusCode) == "GoodNoData" and not result.HistoryData.DataValues
    for id_, expected in (
        (tag("bare.d.lost"), "BadHistoryOperationUnsupported"),
        ("i=2258", "BadHistoryOperationUnsupported"),
        ("i=85", "BadHistoryOperationUnsupported"),
        (tag("mem.all.nothing"), "BadNodeIdUnknown"),
    ):
        assert status(read(session, id_, raw(0, 5)).StatusCode) == expected
        assert status(change_of(session, id_)) == expected


def change_of(session, id_):
    details = ua.DeleteAtTimeDetails()
    details.NodeId, details.ReqTimes = id_ if isinstance(id_, ua.NodeId) else ua.NodeId.from_string(id_), [NOON]
    return change(session, details)[0].StatusCode


def test_h07_who_may_not_read_history_does_not(tmp_path):
    with Tagwire(tmp_path, CONFIG, anonymous="read") as server, Session(server.port) as session:
        assert read(session, tag("mem.all.t0"), raw(0, 5)).StatusCode.is_good()
        assert status(change_of(session, tag("mem.all.t0"))) == "BadUserAccessDenied"
        for level, bits in ((17, 0xC), (18, 0x4)):
            assert session.value(tag("mem.all.t0"), attribute=level) & 0xC == bits
        session.close_session()


def test_h08_ctt02_ctt05_an_index_range_cuts_each_value(session):
    id_ = emptied(session, "mem.all.list")
    new = [data_value(n, [n, n + 1, n + 2, n + 3], kind=ua.VariantType.Int32) for n in range(4)]
    assert set(update(session, id_, INSERT, new)) == {"GoodEntryInserted"}
    first = read(session, id_, raw(0, 10, count=1), index_range="1:2")
    assert seen(first) == [(0, [1, 2])]
    second = read(session, id_, raw(0, 10, count=1), first.ContinuationPoint, index_range="0")
    assert seen(second) == [(1, [1])]
    outside = read(session, id_, raw(0, 10, count=2), second.ContinuationPoint, index_range="7")
    assert seen(outside) == [(2, "BadIndexRangeNoData"), (3, "BadIndexRangeNoData")]
    assert status(read(session, id_, raw(0, 10), index_range="2:1").StatusCode) == "BadIndexRangeInvalid"
    assert status(read(session, id_, raw(0, 10), encoding="Default Binary").StatusCode) == "BadDataEncodingInvalid"
    assert status(read(session, id_, raw(0, 10), encoding="other").StatusCode) == "BadDataEncodingUnsupported"


def test_h09_changes_are_told_with_their_author(session):
    id_ = filled(session, "mem.all.t2", [(1, 1.0), (2, 2.0)])
    begin = datetime.now(timezone.utc) - timedelta(seconds=60)
    assert update(session, id_, REPLACE, [data_value(1, 10.0)]) == ["GoodEntryReplaced"]
    assert update(session, id_, REPLACE, [data_value(1, 20.0)]) == ["GoodEntryReplaced"]
    assert delete(session, id_, 2, 3) == "Good"
    data = read(session, id_, raw(0, 10, modified=True)).HistoryData
    told = [
        (seconds_of(value), value.Value.Value, info.UpdateType.name)
        for value, info in zip(data.DataValues, data.ModificationInfos, strict=True)
    ]
    assert told == [
        (1, 10.0, "Replace"),
        (1, 1.0, "Replace"),
        (1, 1.0, "Insert"),
        (2, 2.0, "Delete"),
        (2, 2.0, "Insert"),
    ]
    for info in data.ModificationInfos:
        assert info.UserName == ENGINEER and info.ModificationTime >= begin
    assert seen(read(session, id_, raw(0, 10))) == [(1, 20.0)]
    assert status(read(session, id_, raw(50, 60, modified=True)).StatusCode) == "GoodNoData"
    first = read(session, id_, raw(0, 10, count=3, modified=True))
    assert len(first.HistoryData.ModificationInfos) == 3
    rest = read(session, id_, raw(0, 10, count=3, modified=True), first.ContinuationPoint)
    assert [info.UpdateType.name for info in rest.HistoryData.ModificationInfos] == ["Delete", "Insert"]


def test_h10_values_at_given_times(session):
    id_ = filled(session, "mem.all.t3", [(0, 0.0), (10, 10.0), (20, 20.0)])
    found = values(read(session, id_, at_times([10, -5, 5, 15])))
    assert [seconds_of(value) for value in found] == [10, -5, 5, 15]
    assert [value.Value.Value if value.Value else None for value in found] == [10.0, None, 5.0, 15.0]
    codes = [value.StatusCode.value if value.StatusCode else 0 for value in found]
    assert codes == [0, 0x809B0000, 0x402, 0x402]
    after = values(read(session, id_, at_times([60])))[0]
    assert after.Value.Value == 20.0 and after.StatusCode.value & 0x2
    stepped = filled(session, "mem.all.step", [(0, 0.0), (10, 10.0)])
    assert seen(read(session, stepped, at_times([9]))) == [(9, 0.0)]


HISTORIES, CASES = examples()
OFFICIAL = {"Historian1": "h1", "Historian3": "h3", "Historian5": "h5"}


@pytest.fixture(scope="module")
def official(server):
    codes = {"Good": 0, "Bad": 0x80000000, "Uncertain": 0x40000000, "BadNoData": 0x809B0000}
    with engineer(server) as session:
        for history, name in OFFICIAL.items():
            samples = [(time, value, codes[word]) for time, word, value in HISTORIES[history]]
            filled(session, f"official.d.{name}", samples)
        session.close_session()


def test_h11_there_are_111_published_examples():
    assert len(CASES) == 111


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def test_h11_ctt09_ctt12_published_examples_of_aggregates(session, official, case):
    aggregate, history, interval, flags, expected = case
    number = getattr(ua.ObjectIds, f"AggregateFunction_{aggregate}")
    settings = configuration(int(flags["good"]), int(flags["bad"]), "uncertain-is-bad" in flags, "sloped" in flags)
    result = read(session, tag(f"official.d.{OFFICIAL[history]}"), processed([number], 0, 100, interval, settings))
    found = values(result)
    assert len(found) == len(expected)
    for value, (seconds, words, wanted) in zip(found, expected, strict=True):
        assert abs(seconds_of(value) - seconds) < 0.0011, (seconds, value)
        code = value.StatusCode.value if value.StatusCode else 0
        assert code == code_of(words), (seconds, words, hex(code))
        plain = value.Value.Value if value.Value is not None else None
        if isinstance(wanted, str):
            assert plain.value & 0xFFFF0000 == code_of(wanted), (seconds, plain)
        elif isinstance(wanted, float):
            assert abs(plain - wanted) <= 0.001, (seconds, plain, wanted)
        else:
            assert plain == wanted or (wanted is None and code & 0x80000000), (seconds, plain, wanted)


def test_h12_ctt03_processed_reads_that_make_no_sense_are_refused(session, five):
    def code(details, id_=five):
        return status(read(session, id_, details).StatusCode)

    assert code(processed([AVERAGE], 5, 5, 1000)) == "BadInvalidArgument"
    assert code(processed([AVERAGE], 0, 5, -1)) == "BadInvalidArgument"
    assert code(processed([85], 0, 5, 1000)) == "BadAggregateNotSupported"
    assert code(processed([AVERAGE], 0, 5, 1000), tag("mem.all.text")) == "BadAggregateInvalidInputs"
    assert code(processed([AVERAGE], 0, 5, 1000, configuration(40, 40))) == "BadAggregateConfigurationRejected"
    for aggregates in ([], [AVERAGE, AVERAGE]):
        details = processed(aggregates, 0, 5, 1000)
        assert session.fault_of(lambda: read(session, five, details)) == "BadAggregateListMismatch"


def test_h12_no_interval_is_one_interval_and_time_may_run_backward(session, five):
    (whole,) = seen(read(session, five, processed([2352], 0, 7, 0)))
    assert whole == (0, 5)
    forward = seen(read(session, five, processed([2352], 0, 8, 2000)))
    backward = seen(read(session, five, processed([2352], 8, 0, 2000)))
    assert [time for time, _ in forward] == [0, 2, 4, 6] and [time for time, _ in backward] == [8, 6, 4, 2]


def test_h12_many_intervals_come_in_pages(session, five):
    found, point = [], None
    while True:
        result = read(session, five, processed([2352], 0, 250_000, 1000), point)
        found += [seconds_of(value) for value in values(result)]
        point = result.ContinuationPoint
        if not point:
            break
    assert found == list(range(250_000))


def test_h13_insert_replace_and_update(session):
    id_ = filled(session, "mem.all.t4", [(1, 1.0)])
    assert update(session, id_, INSERT, [data_value(1, 9.0), data_value(2, 2.0)]) == ["BadEntryExists", "GoodEntryInserted"]
    assert update(session, id_, REPLACE, [data_value(3, 9.0), data_value(2, 20.0)]) == ["BadNoEntryExists", "GoodEntryReplaced"]
    assert update(session, id_, UPDATE, [data_value(3, 3.0), data_value(2, 2.5)]) == ["GoodEntryInserted", "GoodEntryReplaced"]
    assert seen(read(session, id_, raw(0, 10))) == [(1, 1.0), (2, 2.5), (3, 3.0)]
    wrong = data_value(4, 4, kind=ua.VariantType.Int32)
    nowhere = ua.DataValue(ua.Variant(1.0, ua.VariantType.Double))
    assert update(session, id_, INSERT, [wrong, nowhere]) == ["BadTypeMismatch", "BadInvalidTimestamp"]


def test_h14_values_are_deleted_by_span_and_by_time(session):
    id_ = filled(session, "mem.all.t5", [(n, float(n)) for n in range(10)])
    assert delete(session, id_, 2, 5) == "Good"
    assert delete(session, id_, 2, 5) == "GoodNoData"
    assert times(read(session, id_, raw(0, 10))) == [0, 1, 5, 6, 7, 8, 9]
    result = delete_at(session, id_, [5, 5.5, 7])
    assert [status(code) for code in result.OperationResults] == ["Good", "BadNoEntryExists", "Good"]
    assert times(read(session, id_, raw(0, 10))) == [0, 1, 6, 8, 9]
    deleted = read(session, id_, raw(0, 10, modified=True)).HistoryData
    assert [info.UpdateType.name for info in deleted.ModificationInfos].count("Delete") == 5
    assert delete(session, id_, 5, 2) == "BadInvalidTimestampArgument"


def test_h15_annotations(session):
    id_ = filled(session, "mem.all.t6", [(n, float(n)) for n in range(10)])
    notes = ua.NodeId("mem.all.t6.Annotations", 2)
    assert annotate(session, notes, INSERT, (1, "scan failed", "op"), (1, "fixed", "eng"), (4, "why", "op")) == ["GoodEntryInserted"] * 3
    assert annotate(session, id_, INSERT, (1, "again", "op")) == ["BadEntryExists"]
    assert annotate(session, notes, REPLACE, (1, "scan did fail", "op"), (2, "x", "op")) == ["GoodEntryReplaced", "BadNoEntryExists"]
    found = values(read(session, notes, raw(0, 10)))
    assert [(seconds_of(v), v.Value.Value.Message, v.Value.Value.UserName) for v in found] == [
        (1, "scan did fail", "op"),
        (1, "fixed", "eng"),
        (4, "why", "op"),
    ]
    assert [v for _, v in seen(read(session, id_, processed([ANNOTATION_COUNT], 0, 6, 3000)))] == [2, 1]
    details = ua.ReadAnnotationDataDetails()
    details.ReqTimes = [at(4), at(5)]
    at_four, at_five = values(read(session, id_, details))
    assert at_four.Value.Value.Message == "why" and status(at_five.StatusCode) == "GoodNoData"
    assert annotate(session, notes, REMOVE, (4, "", "op"), (4, "", "op")) == ["Good", "BadNoEntryExists"]
    assert len(values(read(session, notes, raw(0, 10)))) == 2


def test_h18_a_stop_leaves_a_gap_and_no_invented_value(tmp_path):
    config = sim_device("steady static f64 rw") + '[[history.rule]]\npath = "*"\n'
    id_ = tag("mem.all.steady")
    server = Tagwire(tmp_path, config)
    with server, Session(server.port) as session:
        assert session.write(id_, 5.0, ua.VariantType.Double) == "Good"
        wait_until(lambda: any(v == 5.0 for _, v in seen(read(session, id_, raw(*EVERYTHING)))), 20 * SLOW, "5 is kept")
    with server, Session(server.port) as session:
        wait_until(lambda: len(values(read(session, id_, raw(*EVERYTHING)))) >= 4, 20 * SLOW, "it goes on")
        found = [value for _, value in seen(read(session, id_, raw(*EVERYTHING)))]
        assert found.count("BadNoData") == 1 and found.index("BadNoData") > found.index(5.0)
        assert set(found) <= {0.0, 5.0, "BadNoData"}


def test_h18_what_comes_out_of_order_is_found_in_order(session):
    id_ = filled(session, "mem.all.t7", [(30, 3.0), (10, 1.0), (20, 2.0)])
    assert seen(read(session, id_, raw(0, 100))) == [(10, 1.0), (20, 2.0), (30, 3.0)]


def test_h19_what_is_published_is_true(session, five):
    for number in (11193, 11196, 11197, 11198, 11199, 11200, 11242, 11275, 11502, 19091):
        assert session.value(f"i={number}") is True, number
    for number in (11281, 11282, 11283):
        assert session.value(f"i={number}") is False, number
    assert session.value("i=11273") >= 1000 and session.value("i=11274") >= 1000
    assert len(session.browse("i=11201").References) - len(session.browse("i=11201", reference="i=40").References) == 37
    assert session.value(five, attribute=17) & 0xC == 0xC and session.value(five, attribute=20) is True
    assert session.value(tag("bare.d.lost"), attribute=17) & 0xC == 0 and session.value(tag("bare.d.lost"), attribute=20) is False
    (config,) = session.browse(five, reference="i=56").References
    assert config.BrowseName.Name == "HA Configuration" and config.TypeDefinition == ua.NodeId(2318)
    parts = {reference.BrowseName.Name for reference in session.browse(config.NodeId).References}
    assert parts >= {"AggregateConfiguration", "Stepped", "StartOfArchive", "ServerTimestampSupported"}
    for name, stepped in (("t0", False), ("step", True), ("flag", True)):
        assert session.value(tag(f"mem.all.{name}.HA Configuration.Stepped")) is stepped
    defaults = "mem.all.t0.HA Configuration.AggregateConfiguration"
    assert session.value(tag(f"{defaults}.PercentDataGood")) == 100
    assert session.value(tag(f"{defaults}.TreatUncertainAsBad")) is True
    assert session.read_status(tag("bare.d.lost.HA Configuration.Stepped")) == "BadNodeIdUnknown"


def test_ctt10_interpolated_integers_are_rounded(session):
    id_ = filled(session, "mem.all.ints", [(0, 0), (3, 5)], ua.VariantType.Int32)
    assert [v for _, v in seen(read(session, id_, processed([INTERPOLATIVE], 0, 3, 1000)))] == [0, 2, 3]


@pytest.mark.parametrize("name, kind, first, second", [
    ("flag", ua.VariantType.Boolean, True, False), ("text", ua.VariantType.String, "a", "b"),
])
def test_ctt11_bounds_of_the_past_exist_for_booleans_and_strings(session, name, kind, first, second):
    id_ = filled(session, f"mem.all.{name}", [(0, first), (5, second), (20, first)], kind)
    for number, expected in ((11505, [first, second]), (11506, [second, second])):
        assert [v for _, v in seen(read(session, id_, processed([number], 1, 17, 8000)))] == expected


def test_averages_of_a_long_inserted_history(session):
    """A history longer than a block, all of it inserted."""
    id_ = filled(session, "mem.all.t8", [(n, float(n % 60)) for n in range(9000)])
    found = seen(read(session, id_, processed([AVERAGE], 0, 9000, 60_000)))
    assert [value for _, value in found] == [29.5] * 150


def test_the_audit_log_has_one_record_per_request(server, session, five):
    update(session, five, INSERT, [data_value(1, 9.0), data_value(0, 1.0)])
    assert delete_at(session, five, [1]).StatusCode.is_good()
    done = command("audit", "show", "--json", "--config", server.file, cwd=server.folder)
    assert done.returncode == 0, done.stderr
    records = [line for line in done.stdout.splitlines() if "history-update" in line]
    assert '"n_values":2,"n_values_failed":1' in "".join(records).replace(" ", "")


def test_node_opcua_reads_raw_and_processed_history(server, session, five):
    program = Path(__file__).parents[1] / "peers" / "node" / "history.js"
    words = ["node", str(program), server.url, "ns=2;s=mem.all.t0", NOON.isoformat(), at(10).isoformat()]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60 * SLOW, env=os.environ)
    assert done.returncode == 0, done.stderr
    # It prints warnings of its own among them when the machine is slow.
    raw_line, processed_line = [li for li in done.stdout.splitlines() if li.startswith(("raw ", "processed "))]
    # node-opcua asks for bounds, and behind the last value there is none.
    assert raw_line == "raw 1,2,3,5,6,"
    assert processed_line.startswith("processed 2,")
