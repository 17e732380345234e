"""Every operation, for an event loop: `async with tagwire.aio.connect(url) as plant: ...`.

The synchronous interface has the same operations with the same words; `python/generate.py` makes it from this file.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from datetime import datetime, timezone
from os import PathLike
from types import TracebackType
from typing import (
    Any,
    AsyncIterator,
    Awaitable,
    Callable,
    Deque,
    Dict,
    List,
    Mapping,
    Optional,
    Sequence,
    Type,
    Union,
    overload,
)

from . import _session
from ._names import address, as_list, bad_item, explained, is_unknown, missing
from ._native import Node, Sample
from ._time import Duration, Moment, moment, seconds
from ._types import Status
from ._wait_async import Background, Face, Opening, opening, run, settle, start
from .errors import RefusedError, UsageError, WriteError
from .events import DEFAULT_FIELDS, Event
from .history import History

__all__ = ["Client", "EventStream", "Subscription", "connect"]

#: Changes that are taken from the connection at once.
_BATCH = 10_000
#: The Objects folder and the Server object.
_OBJECTS = "i=85"
_SERVER = "i=2253"
_BAD_METHOD_INVALID = 0x80750000


def connect(
    url: Optional[str] = None,
    *,
    user: Optional[str] = None,
    password: Optional[str] = None,
    security: str = "auto",
    mode: Optional[str] = None,
    timeout: Duration = 10.0,
    trust: bool = False,
    data_dir: Optional[Union[str, PathLike[str]]] = None,
    reconnect: bool = True,
    name: str = "tagwire python",
) -> Opening[Client]:
    """Opens a session with a server.

    url: `opc.tcp://host[:port][/path]`, or just `host`; `opc+gate://host[:port][/Server.Name]` for an OpenOPC gateway;
    the environment variable `TAGWIRE_URL` when left out.
    user, password: who logs in; anonymous when left out.
    security: `"auto"`, which on this machine does without and elsewhere takes the best there is; `"best"`, `"none"`,
    or a policy: `"basic256sha256"`, `"aes128-sha256-rsaoaep"`, `"aes256-sha256-rsapss"`.
    mode: `"sign"` or `"sign-and-encrypt"`, the default, with a policy.
    timeout: longest wait for the connection and for each answer.
    trust: whether an unknown certificate of the server is accepted, for good.
    data_dir: folder of the own key and the trust lists; the one of the command `tagwire` when left out.
    reconnect: whether a lost connection, with its subscriptions, is made again.
    name: the name of the session as the server lists it.
    """
    return opening(
        _open(
            address(url),
            user=user,
            password=password,
            security=security,
            mode=mode,
            timeout=seconds(timeout),
            trust=trust,
            data_dir=None if data_dir is None else os.fspath(data_dir),
            reconnect=reconnect,
            name=name,
        )
    )


async def _open(url: str, **options: Any) -> Client:
    return Client(await run(_session.connect(url, **options)), url)


class Client(Face):
    """A session with a server; safe to use from several threads or tasks at once.

    A tag is named by its path in tagwire (`line1.press.temp`, which is short for `ns=2;s=line1.press.temp`) or by a
    node id of any server (`ns=3;i=1004`).
    """

    __slots__ = ("__weakref__", "_session", "url")

    def __init__(self, session: _session.Session, url: str) -> None:
        self._session = session
        #: The address of the server.
        self.url = url

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.Client {self.url} {self.state}>"

    async def close(self) -> None:
        """Closes the session; a second time does nothing."""
        await run(self._session.close())

    @property
    def state(self) -> str:
        """What becomes of the connection: `connected`, `reconnecting` or `closed`."""
        return self._session.state

    @property
    def security(self) -> str:
        """The security in use, such as `basic256sha256/sign-and-encrypt`."""
        policy, mode, _ = self._session.endpoint
        return f"{policy}/{mode}"

    @overload
    async def read(self, tags: str, *, max_age: Duration = 0.0) -> Sample: ...  # type: ignore[overload-overlap]
    @overload
    async def read(self, tags: Sequence[str], *, max_age: Duration = 0.0) -> List[Sample]: ...
    async def read(self, tags: Union[str, Sequence[str]], *, max_age: Duration = 0.0) -> Union[Sample, List[Sample]]:
        """The current sample of a tag, or of each tag of a list; its status says what became of it.

        max_age: how old a value may be that the server answers from its cache.
        """
        found = await run(self._session.read(as_list(tags), seconds(max_age)))
        return found[0] if isinstance(tags, str) else found

    async def value(self, tag: str) -> Any:
        """The value of a tag; raises `ItemError` when its quality is bad."""
        sample = await self.read(tag)
        if sample.status.is_bad:
            raise bad_item(tag, sample.status)
        return sample.value

    async def values(self, tags: Sequence[str]) -> List[Any]:
        """The value of each tag; raises `ItemError` when the quality of one is bad."""
        names = as_list(tags)
        found, bad = await run(self._session.values(names))
        if bad is not None:
            raise bad_item(names[bad[0]], bad[1])
        return found

    async def read_attributes(self, wanted: Sequence["tuple[str, int]"]) -> List[Sample]:
        """Attributes by their number (OPC UA Part 6, A.1), one sample per pair of tag and number."""
        return await run(self._session.read_attributes(list(wanted)))

    async def units(self, tags: Sequence[str]) -> Dict[str, Optional[str]]:
        """The engineering unit of each tag, `None` where there is none."""
        names = as_list(tags)
        return dict(zip(names, await run(self._session.units(names))))

    @overload
    async def write(self, tag: str, value: Any) -> None: ...
    @overload
    async def write(self, tag: Mapping[str, Any]) -> None: ...
    async def write(self, tag: Union[str, Mapping[str, Any]], value: Any = missing) -> None:
        """Writes a value to a tag, or each value of a mapping to its tag.

        A value goes out in the type that the tag holds, exactly or not at all. Raises `WriteError`, which lists what
        was not written, when the server did not take all of them.
        """
        values = _pairs(tag, value)
        statuses = await run(self._session.write(list(values.items())))
        failures = {tag: status for tag, status in zip(values, statuses) if status.is_bad}
        if failures:
            shown = ", ".join(f"{tag}: {explained(status)}" for tag, status in list(failures.items())[:5])
            raise WriteError(f"{len(failures)} of {len(values)} values not written ({shown})", failures=failures)

    async def try_write(self, values: Mapping[str, Any]) -> List[Status]:
        """Writes each value of a mapping to its tag; one status per value, in the order of the mapping."""
        return await run(self._session.write(list(values.items())))

    async def browse(self, node: str = _OBJECTS, *, depth: int = 1, limit: int = 100_000) -> List[Node]:
        """The nodes below one, parents before children; at most `limit` of them."""
        try:
            return await run(self._session.browse(node, depth, limit))
        except RefusedError as error:
            if error.status is None or not is_unknown(error.status):
                raise
            raise bad_item(node, error.status) from None

    async def namespaces(self) -> List[str]:
        """The URIs of the server's namespaces; the place in the list is the number in a node id."""
        return await run(self._session.namespaces())

    def subscribe(
        self,
        tags: Union[str, Sequence[str]],
        *,
        every: Duration = 1.0,
        callback: Optional[Callable[[Sample], Union[None, Awaitable[None]]]] = None,
    ) -> Opening[Subscription]:
        """Watches tags: the current sample of each, then every change, sampled and sent every so often.

        Changes come out of the subscription as out of a list that never ends, or go to `callback`, one at a time.
        Raises `ItemError` when none of the tags can be watched; `statuses` tells when some cannot.
        """
        return opening(self._subscribe(as_list(tags), seconds(every), callback))

    async def _subscribe(
        self, tags: List[str], every: float, callback: Optional[Callable[[Sample], Union[None, Awaitable[None]]]]
    ) -> Subscription:
        changes = await run(self._session.subscribe(tags, every))
        refused = [(tag, status) for tag, status in zip(tags, changes.results) if status.is_bad]
        if refused and len(refused) == len(tags):
            await run(changes.close())
            raise bad_item(*refused[0])
        return Subscription(changes, tags, callback)

    def events(
        self,
        source: str = _SERVER,
        *,
        fields: Sequence[str] = DEFAULT_FIELDS,
        severity: int = 0,
        every: Duration = 0.5,
    ) -> Opening[EventStream]:
        """Listens to the events that a node tells; the Server object tells all.

        fields: what to ask for, such as `"Message"` or `"EnabledState/Id"`.
        severity: events that are less urgent are left out.
        """
        return opening(self._events(source, list(fields), severity, seconds(every)))

    async def _events(self, source: str, fields: List[str], severity: int, every: float) -> EventStream:
        asked = fields if "Severity" in fields else [*fields, "Severity"]
        stream = await run(self._session.events(source, asked, every))
        if stream.result.is_bad:
            raise bad_item(source, stream.result)
        return EventStream(stream, asked, severity)

    async def history(
        self,
        tags: Union[str, Sequence[str]],
        start: Optional[Moment] = None,
        end: Optional[Moment] = None,
        *,
        aggregate: Optional[str] = None,
        every: Optional[Duration] = None,
        limit: int = 0,
    ) -> History:
        """What the tags were from `start` to `end`.

        start, end: an aware `datetime`, ISO 8601 with a zone, or a distance from now such as `"-1h"`; `end` is now
        when left out. A start after the end gives the newest first.
        aggregate: as it was stored when left out, else one value per interval `every`: `"avg"`, `"min"`, `"max"`,
        `"count"`, `"last"` or any other name of OPC UA Part 13.
        limit: samples per tag at most; 0 for all. Without a start, the `limit` newest.
        """
        names = list(dict.fromkeys(as_list(tags)))
        now = datetime.now(timezone.utc)
        last = now if end is None else moment(end, now)
        if start is None:
            if limit <= 0 or aggregate is not None:
                raise UsageError("history needs a start, or a limit for the newest samples")
            # Without a start, servers go backwards from the end (Part 11, 6.5.3).
            first = None
        else:
            first = moment(start, now)
        if every is not None and aggregate is None:
            raise UsageError("every= goes with aggregate=")
        interval = 0.0 if every is None else seconds(every)
        found = await run(self._session.history(names, first, last, limit, aggregate, interval))
        failures = [(tag, status) for tag, status in zip(names, found.results) if status.is_bad]
        if failures and len(failures) == len(names):
            raise bad_item(*failures[0])
        return History(found)

    async def call(self, node: str, method: str, *arguments: Any) -> Any:
        """Calls a method of a node; `method` is its browse name or its node id.

        Gives what the method gives back: nothing, one value, or a tuple of several.
        """
        target = method
        if "=" not in method:
            found = [child.id for child in await self.browse(node) if child.kind == "method" and child.name == method]
            if not found:
                raise bad_item(f"{node}.{method}", Status(_BAD_METHOD_INVALID))
            target = found[0]
        status, refused, outputs = await run(self._session.call(node, target, arguments))
        if status.is_bad:
            wrong = [str(place) for place, found_bad in enumerate(refused, 1) if found_bad.is_bad]
            raise bad_item(f"{node}.{method}", status, f"argument {', '.join(wrong)}" if wrong else "")
        return None if not outputs else outputs[0] if len(outputs) == 1 else tuple(outputs)


def _pairs(tag: Union[str, Mapping[str, Any]], value: Any) -> Mapping[str, Any]:
    if isinstance(tag, str):
        if value is missing:
            raise UsageError("write takes a tag and a value, or a mapping of tags to values")
        return {tag: value}
    if value is not missing:
        raise UsageError("write takes a tag and a value, or a mapping of tags to values")
    return tag


class Subscription:
    """Changes of tags as they come, each a `Sample` with the name of its tag."""

    __slots__ = ("__weakref__", "_background", "_stream", "_waiting", "tags")

    def __init__(
        self,
        stream: _session.Changes,
        tags: List[str],
        callback: Optional[Callable[[Sample], Union[None, Awaitable[None]]]],
    ) -> None:
        self._stream = stream
        self._waiting: Deque[Sample] = deque()
        #: The tags as they were named.
        self.tags = tags
        self._background: Optional[Background] = None
        if callback is not None:
            self._background = start(self._call_back, callback)

    async def _call_back(self, callback: Callable[[Sample], Union[None, Awaitable[None]]]) -> None:
        async for change in self:
            try:
                await settle(callback(change))
            except Exception as error:
                # One bad call must not end all others, and nobody else would see it.
                sys.excepthook(type(error), error, error.__traceback__)

    def __repr__(self) -> str:
        shown = ", ".join(self.tags[:3]) + (", ..." if len(self.tags) > 3 else "")
        return f"<{type(self).__module__}.Subscription of {shown}>"

    @property
    def statuses(self) -> Dict[str, Status]:
        """Whether each tag is watched."""
        return dict(zip(self.tags, self._stream.results))

    @property
    def n_lost(self) -> int:
        """Changes that were dropped because they were not taken in time."""
        return self._stream.n_lost

    async def __aenter__(self) -> Subscription:
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[Sample]:
        return self

    async def __anext__(self) -> Sample:
        while not self._waiting:
            batch = await run(self._stream.next(_BATCH))
            if batch is None:
                raise StopAsyncIteration
            self._waiting.extend(batch)
        return self._waiting.popleft()

    async def next(self, timeout: Optional[Duration] = None) -> Optional[Sample]:
        """The next change; `None` when there was none in time, or when the subscription is over."""
        if not self._waiting:
            self._waiting.extend(await self._batch(timeout))
        return self._waiting.popleft() if self._waiting else None

    async def batch(self, timeout: Optional[Duration] = None) -> List[Sample]:
        """All changes that have come, waiting for the first; empty when there was none in time."""
        if self._waiting:
            waiting = list(self._waiting)
            self._waiting.clear()
            return waiting
        return await self._batch(timeout)

    async def _batch(self, timeout: Optional[Duration]) -> List[Sample]:
        limit = None if timeout is None else seconds(timeout)
        return await run(self._stream.next(_BATCH, limit)) or []

    async def close(self) -> None:
        """Ends the subscription; whoever waits for a change is told that it is over."""
        await run(self._stream.close())
        if self._background is not None:
            await self._background.end()


class EventStream:
    """Events as they come."""

    __slots__ = ("__weakref__", "_fields", "_severity", "_stream", "_waiting")

    def __init__(self, stream: _session.Events, fields: List[str], severity: int) -> None:
        self._stream = stream
        self._fields = fields
        self._severity = severity
        self._waiting: Deque[Event] = deque()

    @property
    def n_lost(self) -> int:
        """Events that were dropped because they were not taken in time."""
        return self._stream.n_lost

    async def __aenter__(self) -> EventStream:
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._waiting:
            if not await self._take(None):
                raise StopAsyncIteration
        return self._waiting.popleft()

    async def next(self, timeout: Optional[Duration] = None) -> Optional[Event]:
        """The next event; `None` when there was none in time, or when it is over."""
        if not self._waiting:
            await self._take(None if timeout is None else seconds(timeout))
        return self._waiting.popleft() if self._waiting else None

    async def _take(self, timeout: Optional[float]) -> bool:
        batch = await run(self._stream.next(_BATCH, timeout))
        if batch is None:
            return False
        events = (Event(self._fields, values) for values in batch)
        self._waiting.extend(event for event in events if event.severity >= self._severity)
        return True

    async def close(self) -> None:
        """Ends it; whoever waits for an event is told so."""
        await run(self._stream.close())
