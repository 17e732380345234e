"""Items in parts that fit a message, and rows about them."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, Iterator, List, Tuple, TypeVar

from ..errors import PeerError
from .core import Core

__all__ = ["ITEM", "chunks", "item_of", "read_rows", "rows_of"]

_T = TypeVar("_T")
#: Most items of one call, and most bytes of their names and values.
_MAX_ITEMS = 5_000
_MAX_BYTES = 1024 * 1024
#: Items have node ids, too, so that a node that was found can be read.
ITEM = "ns=2;s="


def item_of(name: str) -> str:
    """The item that a tag or a node id names."""
    return name[len(ITEM) :] if name.startswith(ITEM) else name


def chunks(items: Iterable[_T], size_of: Callable[[_T], int]) -> Iterator[List[_T]]:
    """Parts that are not too much for one message."""
    part: List[_T] = []
    n_bytes = 0
    for item in items:
        size = size_of(item)
        if part and (len(part) >= _MAX_ITEMS or n_bytes + size > _MAX_BYTES):
            yield part
            part, n_bytes = [], 0
        part.append(item)
        n_bytes += size
    if part:
        yield part


def read_rows(core: Core, items: List[str], source: str, has_errors: bool) -> List[Tuple[Any, ...]]:
    """A row per item: name, value, word for the quality, time, and the text of the failure where it is asked for."""
    millis = round(core.timeout * 1000)
    more: Dict[str, Any] = {"include_error": True} if has_errors else {}
    return rows_of(core.call("read", items, source=source, timeout=millis, **more), len(items), 4)


def rows_of(rows: Any, n_rows: int, n_cells: int) -> List[Tuple[Any, ...]]:
    """The rows that were asked for; raises `PeerError` when they are not all there."""
    if not isinstance(rows, (list, tuple)) or len(rows) != n_rows:
        raise PeerError("gateway gave another number of rows than it was asked for")
    if not all(isinstance(row, (list, tuple)) and len(row) >= n_cells for row in rows):
        raise PeerError("gateway gave a row without its cells")
    return [tuple(row) for row in rows]
