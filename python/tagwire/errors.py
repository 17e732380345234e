"""What can go wrong, sorted by whose fault it is."""

from __future__ import annotations

import builtins
from typing import Dict, Optional

from ._types import Status

__all__ = [
    "AccessError",
    "ClosedError",
    "ConnectError",
    "Error",
    "ItemError",
    "PeerError",
    "RefusedError",
    "TimeoutError",
    "TrustError",
    "UnknownTagError",
    "UsageError",
    "WriteError",
]


class Error(Exception):
    """Everything that this package raises."""

    #: The status code behind it, where the server or the link gave one.
    status: Optional[Status]

    def __init__(self, message: str, *, status: Optional[int] = None) -> None:
        super().__init__(message)
        self.status = None if status is None else Status(status)


class UsageError(Error, ValueError):
    """The caller asked for something that makes no sense: an address, a node id, a keyword, a value."""


class ClosedError(UsageError):
    """The client was closed before."""


class ConnectError(Error, ConnectionError):
    """Nobody answers there, or the connection was lost; trying again later may help."""


class TimeoutError(Error, builtins.TimeoutError):
    """No answer in time; trying again later may help."""


class AccessError(Error, PermissionError):
    """The server does not let this user in, or offers nothing with the security asked for."""


class TrustError(AccessError):
    """One side does not trust the certificate of the other."""

    #: SHA-256 of the certificate that is not trusted, in hexadecimal.
    fingerprint: Optional[str]

    def __init__(self, message: str, *, status: Optional[int] = None, fingerprint: Optional[str] = None) -> None:
        super().__init__(message, status=status)
        self.fingerprint = fingerprint


class RefusedError(Error):
    """The server understood the request and does not want to do it."""


class PeerError(Error):
    """The server broke the rules of the protocol."""


class ItemError(Error):
    """One tag could not be read, written, or called; the others are not concerned."""

    #: The tag as it was named.
    tag: str

    def __init__(self, message: str, *, tag: str = "", status: Optional[int] = None) -> None:
        super().__init__(message, status=status)
        self.tag = tag


class UnknownTagError(ItemError, LookupError):
    """The server has no such tag."""


class WriteError(ItemError):
    """Some of the values were not written; `failures` says which, and why. All others were."""

    #: The status of every tag that was not written.
    failures: Dict[str, Status]

    def __init__(self, message: str, *, failures: Dict[str, Status]) -> None:
        tag, status = next(iter(failures.items()))
        super().__init__(message, tag=tag, status=status)
        self.failures = dict(failures)
