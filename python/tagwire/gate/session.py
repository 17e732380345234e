"""Every operation of a session, over a gateway."""

from __future__ import annotations

import itertools
import re
from datetime import datetime
from typing import Any, Callable, Dict, List, NoReturn, Optional, Sequence, Tuple, TypeVar

from .._native import Node, Sample
from .._types import Status
from ..errors import ConnectError, PeerError, RefusedError, TimeoutError, UsageError
from . import told
from .address import address
from .core import Core
from .literal import literal
from .poll import Poll, Subscription
from .rows import ITEM, chunks, item_of, read_rows, rows_of
from .work import Work, Worker

__all__ = ["Session", "connect"]

_T = TypeVar("_T")
#: Levels that can be browsed at most.
_MAX_DEPTH = 64
_OBJECTS = "i=85"
#: Attributes of OPC UA by the property of OPC Classic that tells them.
_NAMES, _CLASS, _VALUE, _TYPE, _RANK, _ACCESS, _INTERVAL, _TEXT = (1, 3, 4), 2, 13, 14, 15, (17, 18), 19, 5
_ACCESS_BITS = {"Read": 1, "Write": 2, "Read/Write": 3}
_TYPES = {
    "VT_BOOL": 1, "VT_I1": 2, "VT_UI1": 3, "VT_I2": 4, "VT_UI2": 5, "VT_I4": 6, "VT_INT": 6, "VT_UI4": 7, "VT_UINT": 7,
    "VT_I8": 8, "VT_UI8": 9, "VT_R4": 10, "VT_R8": 11, "VT_BSTR": 12, "VT_DATE": 13, "VT_CY": 11,
}  # fmt: skip
_BAD_ATTRIBUTE_ID_INVALID = 0x80350000


def connect(
    url: str,
    *,
    user: Optional[str] = None,
    password: Optional[str] = None,
    security: str = "auto",
    mode: Optional[str] = None,
    timeout: float = 10.0,
    reconnect: bool = True,
    **_unused: object,
) -> Work[Session]:
    """Makes a client in a gateway, and connects it to its OPC server."""
    where = address(url)
    if user is not None or password is not None:
        raise UsageError("a gateway knows no users: leave out user= and password=, or reach the server with opc.tcp://")
    if security not in ("auto", "none") or mode is not None:
        raise UsageError(
            "a gateway has no security: leave out security= and mode=, or reach the server with opc.tcp://"
        )
    if not timeout > 0:
        raise UsageError("timeout is a number of seconds, more than 0")
    session = Session(Core(where, timeout, reconnect), url)
    return session.opening()


class Session:
    """A session over a gateway."""

    def __init__(self, core: Core, url: str) -> None:
        self._core = core
        self._url = url
        self._worker = Worker()

    def opening(self) -> Work[Session]:
        """Makes the client in the gateway."""

        def run() -> Session:
            self._core.run(lambda link, name: None)
            return self

        return Work(run, self._worker)

    def _work(self, run: Callable[[], _T]) -> Work[_T]:
        self._core.check()
        return Work(run, self._worker)

    # --- reading and writing

    def read(self, tags: Sequence[str], max_age: float = 0.0) -> Work[List[Sample]]:
        """Current values, one sample per tag, from the devices unless they may have an age."""
        return self._work(lambda: self._read(list(tags), "device" if max_age <= 0 else "cache"))

    def _read(self, tags: List[str], source: str) -> List[Sample]:
        found: Dict[int, Sample] = {}
        # How the gateway's machine is cannot be asked together with items.
        for is_health, places in itertools.groupby(
            sorted(range(len(tags)), key=lambda place: tags[place].startswith("@")),
            lambda place: tags[place].startswith("@"),
        ):
            for part in chunks(places, lambda place: len(tags[place])):
                rows = read_rows(self._core, [item_of(tags[place]) for place in part], source, not is_health)
                for place, row in zip(part, rows):
                    found[place] = self._sample(tags[place], row)
        return [found[place] for place in range(len(tags))]

    def values(self, tags: Sequence[str]) -> Work[Tuple[List[Any], Optional[Tuple[int, Status]]]]:
        """Current values alone, and the place and status of the first that is bad."""

        def run() -> Tuple[List[Any], Optional[Tuple[int, Status]]]:
            samples = self._read(list(tags), "device")
            bad = ((place, sample.status) for place, sample in enumerate(samples) if sample.status.is_bad)
            return [sample.value for sample in samples], next(bad, None)

        return self._work(run)

    def _sample(self, tag: str, row: Tuple[Any, ...]) -> Sample:
        _, value, word, stamp = row[:4]
        status = told.failure(row[4] if len(row) > 4 else "") if word == told.FAILED else told.quality(word)
        return told.sample(tag, value, status, stamp, self._core.where.zone)

    def write(self, values: Sequence[Tuple[str, Any]]) -> Work[List[Status]]:
        """Writes values in the types that the items hold; one status per pair."""
        # What cannot be sent is the caller's mistake, before anything is.
        pairs = [((item_of(tag), value), len(tag) + len(literal(_aware(value)))) for tag, value in values]
        return self._work(lambda: self._write(pairs))

    def _write(self, pairs: List[Tuple[Tuple[str, Any], int]]) -> List[Status]:
        statuses: List[Status] = []
        for part in chunks(pairs, lambda sized: sized[1]):
            sent = [pair for pair, _ in part]
            try:
                rows = self._core.call("write", sent, include_error=True, is_repeatable=False)
            except (ConnectError, TimeoutError) as error:
                raise type(error)(f"{error}; what became of the values is not known") from None
            statuses += [_written(row) for row in rows_of(rows, len(sent), 2)]
        return statuses

    # --- what there is

    def browse(self, node: str, depth: int, max_nodes: int) -> Work[List[Node]]:
        """The branches and items below a branch, parents before children."""
        return self._work(lambda: self._browse(node, min(depth, _MAX_DEPTH), max_nodes))

    def _browse(self, node: str, depth: int, max_nodes: int) -> List[Node]:
        found: List[Node] = []
        level = ["" if node == _OBJECTS else item_of(node)]
        for step in range(1, depth + 1):
            below: List[str] = []
            for branch in level:
                for name, is_leaf in self._inside(branch):
                    if len(found) >= max_nodes:
                        return found
                    path = name if is_leaf else f"{branch}.{name}" if branch else name
                    kind, shown = ("variable", _leaf_name(name, branch)) if is_leaf else ("object", name)
                    parent = ITEM + branch if branch else _OBJECTS
                    found.append(Node(ITEM + path, shown, kind, parent, step))
                    if not is_leaf:
                        below.append(path)
            level = below
        return found

    def _inside(self, branch: str) -> List[Tuple[str, bool]]:
        rows = self._core.call("list", branch or "*", include_type=True)
        if not rows and re.search(r"[*?\[\]]", branch):
            # What the gateway takes for a wildcard stands for any one character.
            rows = self._core.call("list", re.sub(r"[*?\[\]]", "?", branch), include_type=True)
        if not isinstance(rows, (list, tuple)):
            raise PeerError("gateway gave no list")
        entries = []
        for row in rows:
            if not isinstance(row, (list, tuple)) or len(row) != 2 or not isinstance(row[0], str):
                raise PeerError("gateway gave a list of something else than names")
            entries.append((row[0], row[1] == "Leaf"))
        # A path that names an item lists that item, below which there is nothing.
        return [] if entries == [(branch, True)] else entries

    # --- properties

    def read_attributes(self, wanted: Sequence[Tuple[str, int]]) -> Work[List[Sample]]:
        """Attributes by their number where properties tell them, one sample per pair of tag and number."""
        return self._work(lambda: self._read_attributes(list(wanted)))

    def _read_attributes(self, wanted: List[Tuple[str, int]]) -> List[Sample]:
        values = [tag for tag, number in wanted if number == _VALUE]
        samples = iter(self._read(values, "device") if values else [])
        known = self._properties([tag for tag, number in wanted if number != _VALUE])
        return [
            next(samples) if number == _VALUE else _attribute(tag, number, known[item_of(tag)])
            for tag, number in wanted
        ]

    def units(self, tags: Sequence[str]) -> Work[List[Optional[str]]]:
        """The engineering unit of each tag, `None` where there is none."""

        def run() -> List[Optional[str]]:
            known = self._properties(list(tags))
            told_units = [known[item_of(tag)] for tag in tags]
            return [
                str(found[100]) if isinstance(found, dict) and found.get(100) else None for found in told_units
            ]

        return self._work(run)

    def _properties(self, tags: List[str]) -> "Dict[str, Dict[int, Any] | int]":
        """The properties of each item by their number, or the status of the one that cannot be asked."""
        found: "Dict[str, Dict[int, Any] | int]" = {}
        for part in chunks(dict.fromkeys(map(item_of, tags)), len):
            try:
                found.update(_by_item(self._core.call("properties", part)))
            except RefusedError:
                # One item that there is not spoils it for all.
                for item in part:
                    try:
                        found.update(_by_item(self._core.call("properties", [item])))
                    except RefusedError as error:
                        found[item] = told.failure(error)
            for item in part:
                found.setdefault(item, told.BAD)
        return found

    # --- changes

    def subscribe(self, tags: Sequence[str], interval: float) -> Work[Subscription]:
        """Watches tags by asking for them every so many seconds."""
        names = list(tags)

        def run() -> Subscription:
            parts = list(chunks(range(len(names)), lambda place: len(names[place])))
            poll = Poll(self._core, names, [item_of(name) for name in names], parts, interval, self._sample)
            poll.begin()
            return Subscription(poll)

        return self._work(run)

    # --- what a gateway does not have

    def namespaces(self) -> NoReturn:
        """Raises `UsageError`."""
        raise UsageError("a gateway has no namespaces")

    def events(self, source: str, fields: Sequence[str], interval: float) -> NoReturn:
        """Raises `UsageError`."""
        raise UsageError("a gateway has no events; reach the server with opc.tcp:// if it offers OPC UA")

    def history(
        self,
        tags: Sequence[str],
        start: Optional[datetime],
        end: Optional[datetime],
        max: int,
        aggregate: Optional[str],
        interval: float,
    ) -> NoReturn:
        """Raises `UsageError`."""
        raise UsageError("a gateway has no history; reach the server with opc.tcp:// if it offers OPC UA")

    def call(self, object: str, method: str, inputs: Sequence[Any]) -> NoReturn:
        """Raises `UsageError`."""
        raise UsageError("a gateway has no methods; reach the server with opc.tcp:// if it offers OPC UA")

    # --- the link

    @property
    def state(self) -> str:
        """What becomes of the link: `connected`, `reconnecting` or `closed`."""
        return self._core.state

    @property
    def endpoint(self) -> Tuple[str, str, str]:
        """Policy, mode and address; a gateway has no security."""
        return "none", "none", self._url

    @property
    def problem(self) -> Optional[str]:
        """Why the link is down; `None` while it is not."""
        return self._core.problem

    def close(self) -> Work[None]:
        """Ends the client in the gateway; a second time does nothing."""

        def run() -> None:
            self._core.close()
            self._worker.stop()

        # What the worker is at may take long.
        return Work(run, Worker())


def _aware(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("datetime has no time zone; add tzinfo=datetime.timezone.utc")
    return value


def _written(row: Tuple[Any, ...]) -> Status:
    return Status(0 if row[1] == "Success" else told.failure(row[2] if len(row) > 2 else "", is_write=True))


def _leaf_name(item: str, branch: str) -> str:
    inner = item[len(branch) + 1 :] if branch and item.startswith((f"{branch}.", f"{branch}/")) else ""
    return inner or item.rpartition(".")[2] or item


def _by_item(rows: Any) -> Dict[str, Dict[int, Any]]:
    """Properties by item and number, from the rows of Pyro4 or the objects of openopc2."""
    found: Dict[str, Dict[int, Any]] = {}
    for row in rows if isinstance(rows, (list, tuple)) else ():
        if isinstance(row, dict):
            keys = ((1, "data_type"), (5, "access_rights"), (6, "server_scan_rate"), (101, "description"))
            found[str(row.get("tag_name"))] = {number: row.get(key) for number, key in keys}
        elif isinstance(row, (list, tuple)) and len(row) == 4:
            found.setdefault(str(row[0]), {})[row[1]] = row[3]
    return found


def _attribute(tag: str, number: int, known: "Dict[int, Any] | int") -> Sample:
    if isinstance(known, int):
        return Sample(tag, None, known)
    kind = str(known.get(1) or "")
    value: Any
    if number in _NAMES:
        value = f"{ITEM}{item_of(tag)}" if number == 1 else _leaf_name(item_of(tag), "")
    elif number == _CLASS:
        value = 2
    elif number == _TYPE:
        value = f"i={_TYPES.get(kind.rpartition(' ')[2], 24)}"
    elif number == _RANK:
        value = 1 if kind.startswith("VT_ARRAY") else -1
    elif number in _ACCESS:
        value = _ACCESS_BITS.get(str(known.get(5)))
    elif number == _INTERVAL:
        value = known.get(6)
    elif number == _TEXT:
        value = known.get(101)
    else:
        return Sample(tag, None, _BAD_ATTRIBUTE_ID_INVALID)
    return Sample(tag, value, _BAD_ATTRIBUTE_ID_INVALID if value is None else 0)
