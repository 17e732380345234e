"""The course of one tag, as vertices of a line that say what is known from each of them on."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from typing import Any, Iterable, List, NamedTuple, Optional, Tuple

from .._types import Status

__all__ = ["BAD", "GOOD", "NONE", "UNCERTAIN", "Row", "Series", "Stretches", "number"]

#: What is known from a vertex on: a value, a value to be careful with, nothing because it is bad, nothing to draw.
GOOD, UNCERTAIN, BAD, NONE = range(4)
#: Time in seconds since 1970, value and status.
Row = Tuple[float, Any, Status]
#: Vertices kept of one tag; the oldest go first.
MAX_VERTICES = 200_000


class Stretches(NamedTuple):
    """What there is to draw within a window of time; a value that is not a number interrupts a line."""

    good: Tuple[List[float], List[float]]
    uncertain: Tuple[List[float], List[float]]
    bad: List[Tuple[float, float]]


def number(value: Any) -> Optional[float]:
    """A value as a height in the plot; `None` for text, arrays and what is not finite."""
    if isinstance(value, (bool, int, float)):
        try:
            found = float(value)
        except OverflowError:
            return None
        return found if math.isfinite(found) else None
    return None


class Series:
    """Vertices in the order of time, and what the legend tells.

    A line between two vertices is drawn unless the first one is bad or has no number. Where a value was held for
    longer than a sampling interval, a vertex says so, because a slope would show values that never were.
    """

    __slots__ = ("every", "kinds", "n_dropped", "name", "status", "times", "unit", "value", "values")

    def __init__(self, name: str, unit: str = "", every: float = 1.0) -> None:
        self.name = name
        self.unit = unit
        #: Seconds between two looks at the value.
        self.every = every
        self.times = array("d")
        self.values = array("d")
        self.kinds = array("B")
        #: Vertices that were dropped at the front.
        self.n_dropped = 0
        #: What came last.
        self.value: Any = None
        self.status: Optional[Status] = None

    def __len__(self) -> int:
        return len(self.times)

    def add(self, time: float, value: Any, status: Status) -> None:
        """Adds a sample; one that is older than the newest counts from that one on."""
        self.value, self.status = value, status
        height = number(value)
        kind = BAD if status.is_bad else NONE if height is None else GOOD if status.is_good else UNCERTAIN
        if self.times:
            time = max(time, self.times[-1])
            before, was = self.values[-1], self.kinds[-1]
            if was in (GOOD, UNCERTAIN):
                if kind in (BAD, NONE) or isinstance(value, bool):
                    self._append(time, before, was)
                elif time - self.times[-1] > 1.5 * self.every:
                    self._append(time - self.every, before, was)
        self._append(time, height if kind in (GOOD, UNCERTAIN) and height is not None else math.nan, kind)
        if len(self) > MAX_VERTICES:
            self._drop(len(self) - MAX_VERTICES * 3 // 4)

    def lose(self, time: float, status: Status) -> None:
        """Nothing is known from a time on."""
        if self.kinds and self.kinds[-1] == BAD:
            self.status = status
            return
        self.add(time, self.value, status)

    def put_before(self, rows: Iterable[Row]) -> int:
        """Puts older samples in front of what there is; how many of them were older."""
        end = self.times[0] if self.times else math.inf
        older = [row for row in rows if row[0] < end]
        if not older:
            return 0
        front = Series(self.name, every=self.every)
        for row in older:
            front.add(*row)
        if self.times and front.kinds[-1] in (GOOD, UNCERTAIN) and (
            end - front.times[-1] > 1.5 * front.every or self.kinds[0] in (BAD, NONE)
        ):
            front._append(end, front.values[-1], front.kinds[-1])
        self.times, self.values, self.kinds = (
            front.times + self.times,
            front.values + self.values,
            front.kinds + self.kinds,
        )
        if not self.status:
            self.value, self.status = front.value, front.status
        return len(older)

    def trim(self, start: float) -> None:
        """Drops what is over before a time; the vertex that holds until then stays."""
        self._drop(bisect_right(self.times, start) - 1)

    def stretches(self, start: float, end: float, edge: float) -> Stretches:
        """What to draw from `start` to `end`; the newest value holds until `edge`."""
        found = Stretches(([], []), ([], []), [])
        first = max(bisect_right(self.times, start) - 1, 0)
        # One vertex beyond the window, so that a line leaves it and does not end in it.
        last = min(bisect_left(self.times, end) + 1, len(self))
        for at in range(first, last):
            time, height, kind = self.times[at], self.values[at], self.kinds[at]
            is_newest = at + 1 == len(self)
            until = max(edge, time) if is_newest else self.times[at + 1]
            if kind == BAD:
                span = max(time, start), min(until, end)
                if span[0] < span[1]:
                    found.bad.append(span)
            elif kind != NONE:
                times, heights = found.good if kind == GOOD else found.uncertain
                after = height if is_newest else self.values[at + 1]
                times.extend((time, until) if math.isfinite(after) else (time,))
                heights.extend((height, after) if math.isfinite(after) else (height,))
                if is_newest or self.kinds[at + 1] != kind:
                    times.append(until)
                    heights.append(math.nan)
        return found

    def _append(self, time: float, height: float, kind: int) -> None:
        self.times.append(time)
        self.values.append(height)
        self.kinds.append(kind)

    def _drop(self, count: int) -> None:
        if count > 0:
            del self.times[:count], self.values[:count], self.kinds[:count]
            self.n_dropped += count
