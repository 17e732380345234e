"""What a gateway's words for quality, time and failures mean."""

from __future__ import annotations

import re
from datetime import datetime, timezone, tzinfo
from functools import lru_cache
from typing import Any, Dict, Optional

from .._native import Sample, status_name

__all__ = ["BAD", "FAILED", "failure", "moment", "quality", "sample", "value_of"]

#: The word for an item that could not be read.
FAILED = "Error"
BAD = 0x80000000
_QUALITIES = {"good": 0, "uncertain": 0x40000000}
_NAME = re.compile(r"\b(?:Bad|Uncertain)[A-Za-z]*\b")
_NUMBER = re.compile(r"-\d{8,10}\b|\b0x[0-9A-Fa-f]{8}\b|\b\d{10}\b")
#: Failures of OPC Classic and of COM by their HRESULT; rights are those of the item.
_RIGHTS = "rights"
_RESULTS = {
    0xC0040004: "BadTypeMismatch",
    0xC0040006: _RIGHTS,
    0xC0040007: "BadNodeIdUnknown",
    0xC0040008: "BadNodeIdInvalid",
    0xC004000B: "BadOutOfRange",
    0x80020005: "BadTypeMismatch",
    0x8002000A: "BadOutOfRange",
    0x80070005: "BadUserAccessDenied",
}
#: The same by what servers say in English.
_WORDS = {
    "access rights": _RIGHTS,
    "address space": "BadNodeIdUnknown",
    "server's syntax": "BadNodeIdInvalid",
    "data type": "BadTypeMismatch",
    "out of range": "BadOutOfRange",
}


@lru_cache(maxsize=None)
def _codes() -> Dict[str, int]:
    """Status codes by name; the numbers of OPC UA lie in these ranges."""
    bad = {status_name(0x80000000 + (number << 16)): 0x80000000 + (number << 16) for number in range(0x400)}
    uncertain = {status_name(0x40000000 + (number << 16)): 0x40000000 + (number << 16) for number in range(0x400)}
    return {**uncertain, **bad}


def failure(text: Any, *, is_write: bool = False) -> int:
    """The status code for the text of a failure; plain bad where it names none that is known."""
    told = str(text or "")
    for name in _NAME.findall(told):
        if name in _codes():
            return _codes()[name]
    for digits in _NUMBER.findall(told):
        if int(digits, 0) & 0xFFFFFFFF in _RESULTS:
            return _code(_RESULTS[int(digits, 0) & 0xFFFFFFFF], is_write)
    lower = told.lower()
    return next((_code(name, is_write) for words, name in _WORDS.items() if words in lower), BAD)


def _code(name: str, is_write: bool) -> int:
    if name == _RIGHTS:
        name = "BadNotWritable" if is_write else "BadNotReadable"
    return _codes()[name]


def quality(word: Any) -> int:
    """The status code for the word for a quality."""
    return _QUALITIES.get(str(word).lower(), BAD)


def moment(stamp: Any, zone: Optional[tzinfo] = None) -> Optional[datetime]:
    """A time in UTC; `None` where there is none.

    zone: the zone of a clock whose times are labelled as UTC.
    """
    if not isinstance(stamp, str):
        return None
    try:
        found = datetime.fromisoformat(stamp)
    except ValueError:
        try:
            # As gateways of Python 2 write it.
            found = datetime.strptime(stamp, "%m/%d/%y %H:%M:%S")
        except ValueError:
            return None
    if zone is not None:
        found = found.replace(tzinfo=zone)
    elif found.tzinfo is None:
        found = found.replace(tzinfo=timezone.utc)
    try:
        return found.astimezone(timezone.utc)
    except OverflowError:
        return None


def value_of(value: Any) -> Any:
    """A value as this package has it: arrays are lists."""
    return [value_of(element) for element in value] if isinstance(value, (tuple, list)) else value


def sample(tag: str, value: Any, status: int, stamp: Any, zone: Optional[tzinfo]) -> Sample:
    """The sample of a row; a gateway tells one time, which is that of the source."""
    return Sample(tag, value_of(value), status, moment(stamp, zone))
