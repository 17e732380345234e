"""Qualities and status codes."""

from __future__ import annotations

import enum

from . import _native

__all__ = ["Quality", "Status"]


class Quality(enum.IntEnum):
    """How far a value can be trusted; the numbers are those of OPC Classic."""

    BAD = 0x00
    UNCERTAIN = 0x40
    GOOD = 0xC0

    def __str__(self) -> str:
        return self.name.capitalize()

    def __format__(self, form: str) -> str:
        # The versions of Python differ in whether a member is shown by its name.
        return format(str(self), form)


class Status(int):
    """A status code of OPC UA with its name: `Status(0x80340000)` is `BadNodeIdUnknown`."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """The name without the info bits, such as `Good` or `BadTimeout`."""
        return _native.status_name(self)

    @property
    def quality(self) -> Quality:
        """Good, uncertain or bad."""
        severity = self >> 30
        return Quality.GOOD if severity == 0 else Quality.UNCERTAIN if severity == 1 else Quality.BAD

    @property
    def is_good(self) -> bool:
        """Whether the quality is good."""
        return self >> 30 == 0

    @property
    def is_bad(self) -> bool:
        """Whether the quality is bad."""
        return self >> 31 == 1

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<Status {self.name} 0x{int(self):08X}>"
