"""What a session is, whichever way it reaches its server."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generator, List, Optional, Protocol, Sequence, Tuple, TypeVar

from . import _native
from ._native import Node, Sample
from ._types import Status

__all__ = ["Changes", "Events", "Pending", "Session", "connect"]

_T_co = TypeVar("_T_co", covariant=True)


class Pending(Protocol[_T_co]):
    """An operation on its way; waited for once."""

    def wait(self) -> _T_co: ...
    def __await__(self) -> Generator[Any, None, _T_co]: ...


class Changes(Protocol):
    """Changes of a list of tags."""

    def next(self, max: int, timeout: Optional[float] = None) -> Pending[Optional[List[Sample]]]: ...
    @property
    def results(self) -> List[Status]: ...
    @property
    def n_lost(self) -> int: ...
    def close(self) -> Pending[None]: ...


class Events(Protocol):
    """Events of a node."""

    def next(self, max: int, timeout: Optional[float] = None) -> Pending[Optional[List[List[Any]]]]: ...
    @property
    def result(self) -> Status: ...
    @property
    def n_lost(self) -> int: ...
    def close(self) -> Pending[None]: ...


class Session(Protocol):
    """A session with a server."""

    def read(self, tags: Sequence[str], max_age: float = 0.0) -> Pending[List[Sample]]: ...
    def values(self, tags: Sequence[str]) -> Pending[Tuple[List[Any], Optional[Tuple[int, Status]]]]: ...
    def read_attributes(self, wanted: Sequence[Tuple[str, int]]) -> Pending[List[Sample]]: ...
    def write(self, values: Sequence[Tuple[str, Any]]) -> Pending[List[Status]]: ...
    def browse(self, node: str, depth: int, max_nodes: int) -> Pending[List[Node]]: ...
    def units(self, tags: Sequence[str]) -> Pending[List[Optional[str]]]: ...
    def namespaces(self) -> Pending[List[str]]: ...
    def subscribe(self, tags: Sequence[str], interval: float) -> Pending[Changes]: ...
    def events(self, source: str, fields: Sequence[str], interval: float) -> Pending[Events]: ...
    def history(
        self,
        tags: Sequence[str],
        start: Optional[datetime],
        end: Optional[datetime],
        max: int,
        aggregate: Optional[str],
        interval: float,
    ) -> Pending[_native.History]: ...
    def call(
        self, object: str, method: str, inputs: Sequence[Any]
    ) -> Pending[Tuple[Status, List[Status], List[Any]]]: ...
    @property
    def state(self) -> str: ...
    @property
    def endpoint(self) -> Tuple[str, str, str]: ...
    @property
    def problem(self) -> Optional[str]: ...
    def close(self) -> Pending[None]: ...


def connect(url: str, **options: Any) -> Pending[Session]:
    """Opens a session in the way that the address asks for."""
    if url.lower().startswith("opc+gate://"):
        from . import gate

        return gate.connect(url, **options)
    return _native.connect(url, **options)
