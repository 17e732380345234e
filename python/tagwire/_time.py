"""Times and spans as people write them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Union

from .errors import UsageError

__all__ = ["Duration", "Moment", "moment", "seconds"]

#: A length of time: seconds, a `timedelta`, or text such as `"500ms"`, `"1.5s"`, `"1m"`, `"2h"`, `"7d"`.
Duration = Union[int, float, timedelta, str]
#: A point in time: an aware `datetime`, ISO 8601 text with a zone, `"now"`, or text such as `"-1h"` before now.
Moment = Union[datetime, str]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w)")


def seconds(span: Duration) -> float:
    """The length of a span of time in seconds.

    >>> seconds("1h30m")
    5400.0
    """
    if isinstance(span, timedelta):
        return span.total_seconds()
    if isinstance(span, (int, float)) and not isinstance(span, bool):
        return float(span)
    text = span.strip() if isinstance(span, str) else ""
    total, at = 0.0, 0
    for found in _SPAN.finditer(text):
        if text[at : found.start()].strip():
            break
        total += float(found.group(1)) * _UNITS[found.group(2)]
        at = found.end()
    if at == 0 or text[at:].strip():
        raise UsageError(f"{span!r} is no span of time such as 0.5, \"500ms\", \"10s\", \"1h30m\" or \"7d\"")
    return total


def moment(time: Moment, now: datetime) -> datetime:
    """The point in time meant, aware and in UTC.

    >>> moment("-1h", datetime(2024, 1, 1, 12, tzinfo=timezone.utc)).isoformat()
    '2024-01-01T11:00:00+00:00'
    """
    if isinstance(time, datetime):
        if time.tzinfo is None:
            raise UsageError("datetime has no time zone; add tzinfo=datetime.timezone.utc")
        return time.astimezone(timezone.utc)
    text = time.strip()
    if text == "now":
        return now
    if text.startswith("-") or text.startswith("+"):
        distance = timedelta(seconds=seconds(text[1:]))
        return now - distance if text.startswith("-") else now + distance
    try:
        # Before Python 3.11 the letter for UTC is not understood.
        parsed = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text)
    except ValueError:
        raise UsageError(f"{time!r} is no time such as \"2024-02-29T12:00:00Z\" or \"-1h\"") from None
    if parsed.tzinfo is None:
        raise UsageError(f"{time!r} has no time zone; add Z for UTC")
    return parsed.astimezone(timezone.utc)
