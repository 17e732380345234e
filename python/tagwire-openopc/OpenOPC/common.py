"""Names, errors and formats that all parts share."""

from __future__ import annotations

import builtins
import os
import re
from datetime import date, datetime, timezone
from typing import Any, List, Optional, Pattern, Sequence, Tuple

__all__ = [
    "ACCESS_RIGHTS", "BROWSER_TYPE", "OPC_CLASS", "OPC_CLIENT", "OPC_QUALITY", "OPC_SERVER", "OPC_STATUS",
    "OPCError", "SOURCE_CACHE", "SOURCE_DEVICE", "TimeoutError", "exceptional", "quality_str", "tags2trace",
    "type_check", "wild2regex",
]  # fmt: skip

SOURCE_CACHE = 1
SOURCE_DEVICE = 2
OPC_STATUS = (0, "Running", "Failed", "NoConfig", "Suspended", "Test")
BROWSER_TYPE = (0, "Hierarchical", "Flat")
ACCESS_RIGHTS = (0, "Read", "Write", "Read/Write")
OPC_QUALITY = ("Bad", "Uncertain", "Unknown", "Good")
OPC_CLASS = "Matrikon.OPC.Automation;Graybox.OPC.DAWrapper;HSCOPC.Automation;RSI.OPCAutomation;OPC.Automation"
OPC_SERVER = "Hci.TPNServer;HwHsc.OPCServer;opc.deltav.1;Matrikon.OPC.Simulation"
OPC_CLIENT = "OpenOPC"


class OPCError(Exception):
    """The server, or the way to it, failed."""


class TimeoutError(builtins.TimeoutError, Exception):
    """No answer in time."""


def quality_str(quality_bits: int) -> str:
    """The word for the quality bits of OPC Classic."""
    return OPC_QUALITY[(quality_bits >> 6) & 3]


def type_check(tags: Any) -> Tuple[List[Any], bool, bool]:
    """The tags as a list, whether there is one only, and whether all are text."""
    if isinstance(tags, (list, tuple)):
        return list(tags), False, all(isinstance(tag, str) for tag in tags)
    if tags is None:
        return [], False, True
    return [tags], True, isinstance(tags, str)


def wild2regex(text: str) -> Pattern[str]:
    """A pattern for `*`, `?` and `[!x]`, in any letter case, in which `.` and `/` are equal."""
    out = ""
    for part in re.split(r"(\*|\?|\[!?[^\]]*\]|[./])", text):
        if part == "*":
            out += ".*"
        elif part == "?":
            out += "."
        elif part in (".", "/"):
            out += r"[./]"
        elif part.startswith("[") and part.endswith("]"):
            inner = part[1:-1]
            out += "[^" + re.escape(inner[1:]) + "]" if inner.startswith("!") else "[" + inner.replace("\\", "\\\\") + "]"
        else:
            out += re.escape(part)
    return re.compile(out, re.IGNORECASE | re.DOTALL)


def tags2trace(tags: Sequence[str]) -> str:
    """The tags as one line of a trace."""
    return ",".join(str(tag) for tag in tags)


def exceptional(function: Any, alt_return: Any = None, alt_exceptions: Any = (Exception,), final: Any = None,
                catch: Any = None) -> Any:  # fmt: skip
    """Wraps a function so that it gives `alt_return` where it would raise."""

    def wrapped(*args: Any, **named: Any) -> Any:
        try:
            return function(*args, **named)
        except alt_exceptions as error:
            if catch:
                return catch(error)
            return alt_return
        finally:
            if final:
                final()

    return wrapped


def timestamp(time: Optional[datetime]) -> Optional[str]:
    """A time as text: UTC, or with `OPC_TIME=local` the clock on the wall labelled as UTC, as OpenOPC did."""
    if time is None:
        return None
    if os.environ.get("OPC_TIME", "").lower() == "local":
        time = time.astimezone().replace(tzinfo=timezone.utc)
    return str(time)


def printable(value: Any) -> Any:
    """A value of the server as scripts know it: arrays are tuples."""
    return tuple(printable(element) for element in value) if isinstance(value, list) else value


def as_text(value: Any) -> Any:
    """Dates of properties as text."""
    return str(value) if isinstance(value, (date, datetime)) else value
