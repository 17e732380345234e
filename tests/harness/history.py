"""History over the raw client, and the published examples of aggregates."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

from asyncua import ua

from .process import SLOW, wait_until
from .session import Session, node, tag
from .tokens import log_in
from .wire import status

EXAMPLES = Path(__file__).parents[2] / "crates" / "tagwire-history" / "testcases" / "aggregates.txt"
NOON = datetime(2012, 1, 2, 12, tzinfo=timezone.utc)
NEVER = datetime(1601, 1, 1, tzinfo=timezone.utc)
ENGINEER, PASSWORD = "eng", "changes what was 11"
LATE = datetime(2200, 1, 1, tzinfo=timezone.utc)
INSERT, REPLACE, UPDATE, REMOVE = (ua.PerformUpdateType(number) for number in (1, 2, 3, 4))
CODES = {
    "Good": 0,
    "Bad": 0x80000000,
    "Uncertain": 0x40000000,
    "BadNoData": 0x809B0000,
    "UncertainDataSubNormal": 0x40A40000,
}
BITS = {"Calculated": 0x1, "Interpolated": 0x2, "Partial": 0x4, "MultipleValues": 0x10, "MultipleValue": 0x10}
DATA_VALUE = 0x400


def add_engineer(server):
    """Makes the user who may change history; the configuration names `users.toml`."""
    server.add_user(ENGINEER, "engineer", PASSWORD)


def takes_names(server) -> bool:
    with Session(server.port, activate=False) as session:
        tokens = [token for endpoint in session.created.ServerEndpoints for token in endpoint.UserIdentityTokens]
        return any(token.TokenType == ua.UserTokenType.UserName for token in tokens)


def engineer(server) -> Session:
    """A session of the user who may change history; names are taken once the server has made its certificate."""
    wait_until(lambda: takes_names(server), 60 * SLOW, "the server takes user names")
    return log_in(server, ENGINEER, PASSWORD)


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def seconds_of(value: ua.DataValue) -> float:
    return (value.SourceTimestamp - NOON).total_seconds()


def raw(start=None, end=None, count=0, bounds=False, modified=False):
    """ReadRawModifiedDetails; times are seconds after noon or points in time."""
    details = ua.ReadRawModifiedDetails()
    details.IsReadModified, details.ReturnBounds, details.NumValuesPerNode = modified, bounds, count
    details.StartTime, details.EndTime = moment(start), moment(end)
    return details


def moment(time) -> datetime:
    return NEVER if time is None else time if isinstance(time, datetime) else at(time)


def processed(aggregates, start, end, interval, configuration=None):
    """ReadProcessedDetails with node ids of aggregates in namespace 0."""
    details = ua.ReadProcessedDetails()
    details.StartTime, details.EndTime, details.ProcessingInterval = moment(start), moment(end), interval
    details.AggregateType = [ua.NodeId(number, 0) for number in aggregates]
    if configuration is None:
        configuration = ua.AggregateConfiguration()
        configuration.UseServerCapabilitiesDefaults = True
    details.AggregateConfiguration = configuration
    return details


def configuration(good=100, bad=100, uncertain_is_bad=False, sloped=False):
    made = ua.AggregateConfiguration()
    made.UseServerCapabilitiesDefaults = False
    made.TreatUncertainAsBad, made.UseSlopedExtrapolation = uncertain_is_bad, sloped
    made.PercentDataGood, made.PercentDataBad = good, bad
    return made


def at_times(times, simple=False):
    details = ua.ReadAtTimeDetails()
    details.ReqTimes, details.UseSimpleBounds = [moment(time) for time in times], simple
    return details


def read_all(session, ids, details, points=None, index_range=None, stamps=ua.TimestampsToReturn.Both, release=False, encoding=None):
    """HistoryRead of several nodes; returns the results."""
    request = ua.HistoryReadRequest()
    request.Parameters.HistoryReadDetails = details
    request.Parameters.TimestampsToReturn = stamps
    request.Parameters.ReleaseContinuationPoints = release
    for place, id_ in enumerate(ids):
        item = ua.HistoryReadValueId()
        item.NodeId, item.IndexRange = node(id_), index_range
        item.ContinuationPoint = points[place] if points else None
        if encoding is not None:
            item.DataEncoding = ua.QualifiedName(encoding, 0)
        request.Parameters.NodesToRead.append(item)
    return session.call(request).Results


def read(session, id_, details, point=None, **how):
    """HistoryRead of one node; returns its result."""
    return read_all(session, [id_], details, points=[point] if point else None, **how)[0]


def values(result) -> list[ua.DataValue]:
    """The values of a result that must be good."""
    assert result.StatusCode.is_good(), status(result.StatusCode)
    return result.HistoryData.DataValues


def seen(result) -> list[tuple]:
    """(seconds after noon, value) of each value; the name of the status in place of the value when it is bad."""
    found = []
    for value in values(result):
        plain = value.Value.Value if value.Value is not None else None
        found.append((seconds_of(value), plain if not is_bad(value) else status(value.StatusCode)))
    return found


def is_bad(value) -> bool:
    return value.StatusCode is not None and value.StatusCode.is_bad()


def data_value(seconds, value, code=0, kind=ua.VariantType.Double):
    variant = ua.Variant(None, ua.VariantType.Null) if value is None else ua.Variant(value, kind)
    return ua.DataValue(variant, StatusCode=ua.StatusCode(code), SourceTimestamp=moment(seconds))


def change(session, *details):
    """HistoryUpdate; returns the results."""
    request = ua.HistoryUpdateRequest()
    request.Parameters.HistoryUpdateDetails = list(details)
    return session.call(request).Results


def update(session, id_, mode, new):
    """HistoryUpdate of values; returns the names of the results."""
    details = ua.UpdateDataDetails()
    details.NodeId, details.PerformInsertReplace, details.UpdateValues = node(id_), mode, new
    (result,) = change(session, details)
    assert result.StatusCode.is_good(), status(result.StatusCode)
    return [status(code) for code in result.OperationResults]


def delete(session, id_, start, end) -> str:
    details = ua.DeleteRawModifiedDetails()
    details.NodeId, details.IsDeleteModified = node(id_), False
    details.StartTime, details.EndTime = moment(start), moment(end)
    return status(change(session, details)[0].StatusCode)


def delete_at(session, id_, times):
    details = ua.DeleteAtTimeDetails()
    details.NodeId, details.ReqTimes = node(id_), [moment(time) for time in times]
    return change(session, details)[0]


def annotate(session, id_, mode, *notes):
    """HistoryUpdate of (seconds, message, user) annotations, all made at noon; returns the names of the results."""
    details = ua.UpdateStructureDataDetails()
    details.NodeId, details.PerformInsertReplace = node(id_), mode
    for seconds, message, user in notes:
        note = ua.Annotation(message, user, NOON)
        value = ua.DataValue(ua.Variant(note, ua.VariantType.ExtensionObject), SourceTimestamp=at(seconds))
        details.UpdateValues.append(value)
    (result,) = change(session, details)
    assert result.StatusCode.is_good(), status(result.StatusCode)
    return [status(code) for code in result.OperationResults]


def emptied(session: Session, name: str) -> ua.NodeId:
    """A tag without any history: what was collected of its steady value is deleted."""
    id_ = tag(name)
    wait_until(lambda: values(read(session, id_, raw(NOON, LATE))), 20 * SLOW, "a value is collected")
    outcome = delete(session, id_, datetime(1970, 1, 1, tzinfo=timezone.utc), LATE)
    assert outcome == "Good", outcome
    return id_


def filled(session: Session, name: str, samples, kind=ua.VariantType.Double) -> ua.NodeId:
    """A tag whose history is (seconds, value) or (seconds, value, code) samples and nothing else."""
    id_ = emptied(session, name)
    new = [data_value(sample[0], sample[1], *sample[2:], kind=kind) for sample in samples]
    assert set(update(session, id_, INSERT, new)) <= {"GoodEntryInserted"}
    return id_


def examples():
    """The published examples: samples by history, and (aggregate, history, interval, flags, results) cases."""
    histories, cases, rows = {}, [], None
    for line in EXAMPLES.read_text().splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "history":
            rows = histories.setdefault(words[1], [])
        elif words[0] == "case":
            rows = []
            flags = dict(word.split("=") for word in words[3:] if "=" in word)
            cases.append((words[1], words[2], float(flags["interval"]), {**flags, **dict.fromkeys(w for w in words if "=" not in w)}, rows))
        else:
            rows.append((float(words[0]), words[1], plain(words[2]) if len(words) > 2 else None))
    return histories, cases


def plain(word: str):
    return {"true": True, "false": False}.get(word, word) if word[0].isalpha() else float(word)


def code_of(words: str) -> int:
    """The StatusCode of words such as `Good+Calculated+Partial`."""
    name, *bits = words.split("+")
    return CODES[name] | (DATA_VALUE | sum(BITS[bit] for bit in bits) if bits else 0)
