"""Changes, by asking for a group again and again."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import Counter, deque
from typing import Any, Callable, Counter as Counts, Deque, Generator, List, Optional, Sequence, Tuple

from .._native import Sample
from .._types import Status
from ..errors import ClosedError, ConnectError, Error, TimeoutError
from . import told
from .core import Core
from .link import Link
from .rows import read_rows, rows_of

__all__ = ["Poll", "Subscription"]

#: Shortest and longest time between two questions, in seconds; the longest is after failures.
_FASTEST = 0.01
_SLOWEST = 10.0
#: Changes that may wait to be taken, beside twice the number of tags.
_MAX_WAITING = 10_000
#: Refusals one after the other that end it.
_MAX_REFUSALS = 3
_groups = itertools.count(1)
_Row = Tuple[Any, ...]


class Poll:
    """What is known of some tags, and the changes that nobody took yet."""

    def __init__(
        self,
        core: Core,
        tags: List[str],
        items: List[str],
        parts: Sequence[List[int]],
        interval: float,
        sample_of: Callable[[str, _Row], Sample],
    ) -> None:
        """parts: the places in `tags` that are asked for together; interval: seconds between two questions."""
        self._core = core
        self._tags, self._items = tags, items
        self._parts = [(part, f"tagwire-{next(_groups)}") for part in parts]
        #: The generation of the client that knows each group.
        self._made = [0] * len(parts)
        self._interval = max(interval, _FASTEST)
        self._sample_of = sample_of
        self._known: List[Optional[Tuple[Any, Any]]] = [None] * len(tags)
        #: The text of the failure of each item that fails.
        self._texts: List[str] = [""] * len(tags)
        self._changed = threading.Condition()
        self._waiting: Deque[Sample] = deque()
        self._counts: Counts[str] = Counter()
        self._limit = max(_MAX_WAITING, 2 * len(tags))
        self._sleepers: List[Tuple[asyncio.AbstractEventLoop, "asyncio.Future[None]"]] = []
        self._ending = threading.Event()
        self._error: Optional[Error] = None
        #: Whether each tag can be watched.
        self.results: List[Status] = []
        self.n_lost = 0

    def begin(self) -> None:
        """Asks for the first time, and starts the thread that goes on."""
        first = self._ask()
        self._core.on_close(self.end)
        self.results = [sample.status if row[2] == told.FAILED else Status(0) for row, sample in first]
        threading.Thread(target=self._run, name="tagwire changes", daemon=True).start()

    def end(self) -> None:
        """Ends it; whoever waits for a change is told so."""
        self._ending.set()
        with self._changed:
            self._wake()

    # --- asking

    def _run(self) -> None:
        due, pause, n_refused = time.monotonic() + self._interval, self._interval, 0
        while not self._ending.wait(max(0.0, due - time.monotonic())):
            try:
                self._ask()
                pause, n_refused = self._interval, 0
            except ClosedError:
                break
            except (ConnectError, TimeoutError) as error:
                pause = min(pause * 2, _SLOWEST)
                if not self._core.reconnect:
                    self._error = error
                    break
            except Error as error:
                # The gateway may have forgotten a group.
                self._made = [0] * len(self._parts)
                pause, n_refused = min(pause * 2, _SLOWEST), n_refused + 1
                if n_refused >= _MAX_REFUSALS:
                    self._error = error
                    break
            due = max(due + self._interval, time.monotonic()) if pause == self._interval else time.monotonic() + pause
        self.end()
        try:
            self._core.call("remove", [group for _, group in self._parts])
        except Error:
            # Who is gone has no groups.
            pass

    def _ask(self) -> "List[Tuple[_Row, Sample]]":
        """Asks for all tags once; gives what has changed."""
        changes: "List[Tuple[_Row, Sample]]" = []
        for number, (part, group) in enumerate(self._parts):
            changes += self._compare(part, self._rows(number, part, group))
        if changes:
            with self._changed:
                for _, sample in changes:
                    self._put(sample)
                self._wake()
        return changes

    def _rows(self, number: int, part: List[int], group: str) -> List[_Row]:
        core = self._core
        named = {"group": group, "update": round(self._interval * 1000), "timeout": round(core.timeout * 1000)}

        def work(link: Link, name: str) -> Any:
            generation = core.generation
            if self._made[number] == generation:
                return link.call("read", of=name, **named)
            items = [self._items[place] for place in part]
            rows = link.call("read", items, of=name, rebuild=True, **named)
            self._made[number] = generation
            return rows

        return rows_of(core.run(work), len(part), 4)

    def _compare(self, part: List[int], rows: List[_Row]) -> "List[Tuple[_Row, Sample]]":
        changed = []
        for place, row in zip(part, rows):
            now = (row[2], row[1])
            if not _is_same(self._known[place], now):
                self._known[place] = now
                changed.append((place, row))
        failed = [place for place, row in changed if row[2] == told.FAILED]
        if failed:
            self._ask_why(failed)
        found = []
        for place, row in changed:
            if row[2] == told.FAILED:
                row = (*row[:4], self._texts[place])
            found.append((row, self._sample_of(self._tags[place], row)))
        return found

    def _ask_why(self, failed: List[int]) -> None:
        items = [self._items[place] for place in failed]
        for place, row in zip(failed, read_rows(self._core, items, "cache", True)):
            self._texts[place] = str(row[4]) if len(row) > 4 and row[2] == told.FAILED else ""

    # --- taking

    def _put(self, sample: Sample) -> None:
        if len(self._waiting) >= self._limit:
            # The oldest goes that is not the newest of its tag.
            for place, old in enumerate(self._waiting):
                if self._counts[old.tag] > 1:
                    del self._waiting[place]
                    self._counts[old.tag] -= 1
                    self.n_lost += 1
                    break
        self._waiting.append(sample)
        self._counts[sample.tag] += 1

    def _wake(self) -> None:
        self._changed.notify_all()
        sleepers, self._sleepers = self._sleepers, []
        for loop, future in sleepers:
            try:
                loop.call_soon_threadsafe(_finish, future)
            except RuntimeError:
                # The loop was closed in the meantime, so that nobody waits.
                pass

    def _take(self, max: int) -> Optional[List[Sample]]:
        taken: List[Sample] = []
        while self._waiting and len(taken) < max:
            sample = self._waiting.popleft()
            self._counts[sample.tag] -= 1
            taken.append(sample)
        if taken or not self._ending.is_set():
            return taken
        if self._error is not None:
            raise self._error
        return None

    def wait(self, max: int, timeout: Optional[float]) -> Optional[List[Sample]]:
        """Blocks the thread until there is a change; Ctrl-C ends the waiting."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting) or self._ending.is_set(), timeout)
            return self._take(max)

    def waited(self, max: int, timeout: Optional[float]) -> Generator[Any, None, Optional[List[Sample]]]:
        """As `wait`, for an event loop."""
        loop = asyncio.get_running_loop()
        until = None if timeout is None else loop.time() + timeout
        while True:
            with self._changed:
                taken = self._take(max)
                left = None if until is None else until - loop.time()
                if taken is None or taken or (left is not None and left <= 0):
                    return taken
                future: "asyncio.Future[None]" = loop.create_future()
                self._sleepers.append((loop, future))
            timer = None if left is None else loop.call_later(left, _finish, future)
            try:
                yield from future.__await__()
            finally:
                if timer is not None:
                    timer.cancel()
                with self._changed:
                    self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[1] is not future]


def _finish(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _is_same(known: Optional[Tuple[Any, Any]], now: Tuple[Any, Any]) -> bool:
    """Whether quality and value are what they were; 1, 1.0 and True are not the same, and not-a-number is itself."""
    return known is not None and (known == now or known != known) and repr(known) == repr(now)


class _Next:
    """The changes that come next, on their way."""

    __slots__ = ("_max", "_poll", "_timeout")

    def __init__(self, poll: Poll, max: int, timeout: Optional[float]) -> None:
        self._poll, self._max, self._timeout = poll, max, timeout

    def wait(self) -> Optional[List[Sample]]:
        return self._poll.wait(self._max, self._timeout)

    def __await__(self) -> Generator[Any, None, Optional[List[Sample]]]:
        return self._poll.waited(self._max, self._timeout)


class _Done:
    """Something that is over already."""

    __slots__ = ()

    def wait(self) -> None:
        return None

    def __await__(self) -> Generator[Any, None, None]:
        return None
        yield


class Subscription:
    """Changes of a list of tags; what nobody holds any more ends."""

    def __init__(self, poll: Poll) -> None:
        self._poll = poll

    def next(self, max: int, timeout: Optional[float] = None) -> _Next:
        """The changes that have come, `max` at most; an empty list after `timeout` seconds without one, `None` at the
        end."""
        return _Next(self._poll, max, timeout)

    @property
    def results(self) -> List[Status]:
        """Whether each tag is watched."""
        return self._poll.results

    @property
    def n_lost(self) -> int:
        """Changes that were dropped because nobody took them in time."""
        return self._poll.n_lost

    def close(self) -> _Done:
        """Ends it; whoever waits for a change is told so."""
        self._poll.end()
        return _Done()

    def __del__(self) -> None:
        self._poll.end()
