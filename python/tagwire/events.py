"""Events."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Sequence

__all__ = ["DEFAULT_FIELDS", "Event"]

#: The fields that every event has.
DEFAULT_FIELDS = ("EventId", "EventType", "SourceNode", "SourceName", "Time", "ReceiveTime", "Message", "Severity")


class Event(Mapping[str, Any]):
    """One event: its fields by name, `None` for one that it does not have."""

    __slots__ = ("_fields",)

    def __init__(self, names: Sequence[str], values: List[Any]) -> None:
        self._fields: Dict[str, Any] = dict(zip(names, values))

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    @property
    def message(self) -> str:
        """The text for people."""
        return str(self._fields.get("Message") or "")

    @property
    def severity(self) -> int:
        """How urgent it is, 1 to 1000; 0 when the server did not say."""
        return int(self._fields.get("Severity") or 0)

    @property
    def source(self) -> str:
        """The name of what the event is about."""
        return str(self._fields.get("SourceName") or "")

    @property
    def time(self) -> Any:
        """When it happened, an aware `datetime`; `None` when the server did not say."""
        return self._fields.get("Time")

    def __repr__(self) -> str:
        return f"Event(severity={self.severity}, source={self.source!r}, message={self.message!r}, time={self.time})"
