"""Reads of the history of events over the raw client."""

from datetime import datetime, timezone

from asyncua import ua

from .events import FIELDS, filter_
from .history import LATE, NEVER
from .wire import status

EARLY = datetime(2020, 1, 1, tzinfo=timezone.utc)


def details(start=EARLY, end=LATE, count=0, filter__=None):
    made = ua.ReadEventDetails()
    made.NumValuesPerNode, made.StartTime, made.EndTime = count, start or NEVER, end or NEVER
    made.Filter = filter__ or filter_()
    return made


def events(result):
    """The fields of each event of a result that must be good."""
    assert result.StatusCode.is_good(), status(result.StatusCode)
    return [dict(zip(FIELDS, (field.Value for field in one.EventFields))) for one in result.HistoryData.Events]
