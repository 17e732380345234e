"""What a plot draws: the newest samples of a few tags, and their history behind the live edge."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone
from typing import Callable, List, Optional, Sequence, Tuple

from .._names import bad_item
from .._native import Sample
from .._sync import Client
from .._types import Status
from ..errors import Error
from ..history import History
from .series import Row, Series

__all__ = ["Feed", "Recorded", "Source"]

#: Samples of one tag that are read from the history at once.
_MAX_HISTORY = 20_000
#: Longest wait for changes, after which the link is looked at.
_PATIENCE = 0.25
#: Shortest time between two looks at what has come.
_BREATH = 0.05
#: Seconds kept behind the left edge while the plot follows.
_KEEP = 24 * 3600.0
_CURRENT_TIME = "i=2258"
#: The attribute MinimumSamplingInterval (OPC UA Part 6, A.1), in milliseconds.
_INTERVAL = 19
_BAD_NO_COMMUNICATION = Status(0x80310000)


class Source:
    """Series that are drawn, and the time of the right edge of a plot that follows them."""

    def __init__(self, series: Sequence[Series]) -> None:
        self.series: List[Series] = list(series)
        #: Held by whoever changes or reads the series.
        self.lock = threading.Lock()
        #: Grows when vertices were put anywhere but at the end.
        self.n_rebuilt = 0
        #: What becomes of the link: `connected`, `reconnecting` or `closed`.
        self.state = "connected"
        #: Called when something has come, from any thread.
        self.on_change: Optional[Callable[[], None]] = None

    def edge(self) -> float:
        """The present of the server in seconds since 1970."""
        raise NotImplementedError

    def want(self, start: float) -> None:
        """Asks for the history from a time on."""

    def close(self) -> None:
        """Ends what feeds the series."""


class Recorded(Source):
    """Samples that are there already."""

    def __init__(self, series: Sequence[Series], edge: float) -> None:
        super().__init__(series)
        #: The right edge; move it to see the next frame.
        self.now = edge

    def edge(self) -> float:
        return self.now


class Feed(Source):
    """Changes and history of tags from a server, taken by a thread of its own."""

    def __init__(self, client: Client, tags: List[str], span: float, every: float, has_history: bool) -> None:
        self._client = client
        self._skew = 0.0
        self._changes = client.subscribe(tags, every=every)
        refused = [(tag, status) for tag, status in self._changes.statuses.items() if status.is_bad]
        if refused and len(refused) == len(tags):
            self._changes.close()
            raise bad_item(*refused[0])
        units = self._units(tags)
        intervals = self._intervals(tags)
        super().__init__([
            Series(tag, unit, max(every, interval)) for tag, unit, interval in zip(tags, units, intervals)
        ])
        self._measure()
        for tag, status in refused:
            self._of(tag).lose(self.edge(), status)
        self._is_ending = threading.Event()
        self._loaded = self.edge()
        #: From when on history is wanted, and from when on there is none in the server.
        self._wanted = self._loaded - span if has_history else self._loaded
        self._has_history = has_history
        self._thread = threading.Thread(target=self._run, name="tagwire plot", daemon=True)
        self._thread.start()

    def edge(self) -> float:
        return time.time() + self._skew

    def want(self, start: float) -> None:
        if self._has_history:
            self._wanted = min(self._wanted, start)

    def close(self) -> None:
        self._is_ending.set()
        try:
            self._changes.close()
        except Error:
            # The link may be down; the server forgets the subscription by itself.
            pass
        if threading.current_thread() is not self._thread:
            self._thread.join(5.0)

    def _run(self) -> None:
        try:
            while not self._is_ending.wait(_BREATH):
                batch = self._changes.batch(timeout=_PATIENCE)
                with self.lock:
                    for sample in batch:
                        self._add(sample)
                    for series in self.series:
                        series.trim(min(self._wanted, self.edge() - _KEEP))
                if self._look_after_link():
                    break
                if self._wanted < self._loaded:
                    self._load()
                if self.on_change is not None:
                    self.on_change()
        except Error as error:
            self._lose(error.status if error.status is not None else _BAD_NO_COMMUNICATION)
        finally:
            # Whoever closes the plot knows that nothing comes any more; the picture stays as it was.
            if self.state != "closed" and not self._is_ending.is_set():
                self._lose(_BAD_NO_COMMUNICATION)
            self.state = "closed"
            if self.on_change is not None and not self._is_ending.is_set():
                self.on_change()

    def _look_after_link(self) -> bool:
        """Marks what the loss of the link leaves unknown; whether the session is over."""
        state = self._client.state
        if state != "connected" and self.state == "connected":
            self._lose(_BAD_NO_COMMUNICATION)
        elif state == "connected" and self.state != "connected":
            try:
                self._measure()
                samples = self._client.read([series.name for series in self.series])
            except Error:
                return False
            with self.lock:
                now = self.edge()
                for series, sample in zip(self.series, samples):
                    series.add(now, sample.value, sample.status)
        self.state = state
        return state == "closed"

    def _lose(self, status: Status) -> None:
        with self.lock:
            for series in self.series:
                series.lose(self.edge(), status)

    def _add(self, sample: Sample) -> None:
        stamp = sample.source_time or sample.server_time
        self._of(sample.tag).add(self.edge() if stamp is None else stamp.timestamp(), sample.value, sample.status)

    def _of(self, tag: str) -> Series:
        return next(series for series in self.series if series.name == tag)

    def _units(self, tags: List[str]) -> List[str]:
        try:
            return [unit or "" for unit in self._client.units(tags).values()]
        except Error:
            return [""] * len(tags)

    def _intervals(self, tags: List[str]) -> List[float]:
        """Seconds between two looks of the server itself at each tag; 0 where it tells every change or says nothing."""
        try:
            told = [sample.value for sample in self._client.read_attributes([(tag, _INTERVAL) for tag in tags])]
        except Error:
            told = [None] * len(tags)
        return [min(max(found / 1000, 0.0), 3600.0) if isinstance(found, (int, float)) else 0.0 for found in told]

    def _measure(self) -> None:
        """Finds how far the server's clock is from this one."""
        sent = time.time()
        try:
            told = self._client.read(_CURRENT_TIME).value
        except Error:
            return
        if isinstance(told, datetime):
            self._skew = told.timestamp() - (sent + time.time()) / 2

    def _load(self) -> None:
        """Reads the history that is wanted and not there yet."""
        start, end = self._wanted, self._loaded
        if not any(series.times for series in self.series):
            return
        found: List[Tuple[Series, List[Row]]] = []
        for series in self.series:
            with self.lock:
                last = series.times[0] if series.times else end
            if last > start:
                found.append((series, self._history(series.name, start, max(last, end))))
        with self.lock:
            n_added = sum(series.put_before(rows) for series, rows in found)
            self.n_rebuilt += 1 if n_added else 0
        self._loaded = start

    def _history(self, tag: str, start: float, end: float) -> List[Row]:
        # From the end backwards, so that a limit cuts off the oldest.
        first, last = _moment(end), _moment(start)
        try:
            rows = _rows(self._client.history(tag, first, last, limit=_MAX_HISTORY))
            if len(rows) < _MAX_HISTORY:
                # What was last before the window still held when it began.
                rows += _rows(self._client.history(tag, end=last, limit=1))
        except Error:
            # Not every server keeps a history, and none keeps it of every tag.
            return []
        return sorted(rows, key=lambda row: row[0])


def _rows(history: History) -> List[Row]:
    columns = history.to_dict()
    times = (time.timestamp() for time in columns["time"])
    return list(zip(times, columns["value"], columns["status"]))


def _moment(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)
