"""The part of pywintypes that OPC scripts touch, for machines without Windows.

Scripts set `pywintypes.datetime = pywintypes.TimeType` before they use OpenOPC, and catch `pywintypes.com_error`.
"""

import datetime as _datetime

__all__ = ["TimeType", "Time", "com_error", "datetime", "error"]


class error(Exception):
    """An error of Windows; never raised here."""


class com_error(Exception):
    """An error of COM; never raised here."""


#: The type of a time.
TimeType = _datetime.datetime
datetime = _datetime.datetime


def Time(seconds):
    """The time so many seconds after 1970, in UTC; a time passes through."""
    if isinstance(seconds, _datetime.datetime):
        return seconds
    return _datetime.datetime.fromtimestamp(seconds, _datetime.timezone.utc)
