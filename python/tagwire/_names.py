"""Addresses and tags as they are named, and the errors about them."""

from __future__ import annotations

import os
from typing import Any, List, Optional, Sequence, Union

from ._types import Status
from .errors import ItemError, UnknownTagError, UsageError

__all__ = ["address", "as_list", "bad_item", "missing"]

#: Stands for a value that was not given.
missing: Any = object()

_UNKNOWN = {0x80330000, 0x80340000}


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
    names = list(tags)
    for name in names:
        if not isinstance(name, str):
            raise UsageError(f"a tag is named by text, not by {name!r}")
    return names


def bad_item(tag: str, status: Status, more: str = "") -> ItemError:
    """The error about one tag."""
    kind = UnknownTagError if int(status) & 0xFFFF0000 in _UNKNOWN else ItemError
    return kind(f"{tag}: {status}{f' ({more})' if more else ''}", tag=tag, status=status)
