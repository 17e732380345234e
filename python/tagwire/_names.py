"""Addresses and tags as they are named, and the errors about them."""

from __future__ import annotations

import os
from typing import Any, List, Optional, Sequence, Union

from ._types import Status
from .errors import ItemError, UnknownTagError, UsageError

__all__ = ["address", "as_list", "bad_item", "explained", "is_unknown", "missing"]

#: Stands for a value that was not given.
missing: Any = object()

_UNKNOWN = {0x80330000, 0x80340000}
#: What the statuses mean that people meet first.
_MEANINGS = {
    0x80330000: "that names no tag",
    0x80340000: "there is no such tag; browse() finds those that there are",
    0x80350000: "it has no value; browse() finds what is below it",
    0x801F0000: "the user may not",
    0x80310000: "its device does not answer",
    0x80320000: "it was not read yet",
    0x803A0000: "it can only be written",
    0x803B0000: "it can only be read",
    0x803C0000: "the value is out of range",
    0x80740000: "the value does not fit the type of the tag",
}


def address(url: Optional[str]) -> str:
    """The address of a server, from the environment where none is given."""
    found = url if url is not None else os.environ.get("TAGWIRE_URL", "")
    if not found:
        raise UsageError("no server is named; pass opc.tcp://host:4840, or set TAGWIRE_URL")
    scheme = found.partition("://")[0].lower() if "://" in found else "opc.tcp"
    if scheme == "opcda":
        raise UsageError("opcda:// (OPC Classic) comes in a later release; until then reach it through opc.tcp://")
    if scheme not in ("opc.tcp", "opc+gate"):
        raise UsageError(f"{found!r} begins with neither opc.tcp:// nor opc+gate://")
    return found


def as_list(tags: Union[str, Sequence[str]]) -> List[str]:
    """The tags as a list, also where there is one only."""
    if isinstance(tags, str):
        return [tags]
    names: List[Any]
    try:
        # Bytes would be a list of numbers.
        names = [tags] if isinstance(tags, (bytes, bytearray)) else list(tags)
    except TypeError:
        raise UsageError(f"a tag is named by text, not by {tags!r}") from None
    for name in names:
        if not isinstance(name, str):
            raise UsageError(f"a tag is named by text, not by {name!r}")
    return names


def bad_item(tag: str, status: Status, more: str = "") -> ItemError:
    """The error about one tag."""
    kind = UnknownTagError if is_unknown(status) else ItemError
    return kind(f"{tag}: {explained(status, more)}", tag=tag, status=status)


def is_unknown(status: Status) -> bool:
    """Whether the server has no such tag."""
    return int(status) & 0xFFFF0000 in _UNKNOWN


def explained(status: Status, more: str = "") -> str:
    """The name of a status, with what it means where it is not plain."""
    meaning = more or _MEANINGS.get(int(status) & 0xFFFF0000, "")
    return f"{status} ({meaning})" if meaning else str(status)
