"""What every live trend can do, however it is drawn."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, List, Optional, Tuple, Type

from .._sync import Client
from .._time import Duration, seconds
from ..errors import UsageError
from .feed import Source

if TYPE_CHECKING:
    from .figure import Picture

__all__ = ["Trend"]


class Trend:
    """A live trend: it follows the present until it is paused or zoomed, and ends with `close()`."""

    def __init__(
        self,
        source: Source,
        span: float,
        own: Optional[Client],
        limits: Optional[Tuple[float, float]],
        title: str,
    ) -> None:
        self._source = source
        self._span = span
        self._own = own
        self._limits = limits
        self._title = title
        #: The window that is looked at, in seconds since 1970; none while it follows.
        self._window: Optional[Tuple[float, float]] = None
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<Trend of {', '.join(self.tags)}, {self.state}>"

    def __enter__(self) -> Trend:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    @property
    def tags(self) -> List[str]:
        """The tags in the order of the legend."""
        return [series.name for series in self._source.series]

    @property
    def state(self) -> str:
        """`live`, `paused`, `reconnecting` or `closed`."""
        if self._is_closed or self._source.state == "closed":
            return "closed"
        if self._source.state != "connected":
            return self._source.state
        return "live" if self._window is None else "paused"

    @property
    def window(self) -> Tuple[float, float]:
        """From when to when is shown, in seconds since 1970."""
        if self._window is not None:
            return self._window
        edge = self._source.edge()
        return edge - self._span, edge

    def __len__(self) -> int:
        """How many vertices the lines have."""
        with self._source.lock:
            return sum(map(len, self._source.series))

    def pause(self) -> None:
        """Stands still; what comes meanwhile is kept."""
        self._look_at(self.window)

    def resume(self) -> None:
        """Follows the present again, as many seconds wide as at first."""
        self._look_at(None)

    def zoom(self, start: Duration, end: Duration = 0.0) -> None:
        """Shows from `start` to `end` before the present, and stands still there: `zoom("10m", "5m")`."""
        edge = self._source.edge()
        window = edge - seconds(start), edge - seconds(end)
        if not window[0] < window[1]:
            raise UsageError("zoom takes how long ago the window begins, and how long ago it ends")
        self._look_at(window)

    def show(self) -> None:
        """Shows the trend; outside of Jupyter it returns when the window was closed."""
        raise NotImplementedError

    def step(self) -> None:
        """Draws a frame now."""

    def picture(self) -> Picture:
        """What is shown now, as a figure of matplotlib that stays as it is; `png()` gives its file."""
        from .figure import SIZE, Canvas, Picture

        figure = Picture(figsize=SIZE, layout="constrained")
        Canvas(figure, self._limits, self._title).draw(self._source, self.window)
        return figure

    def close(self) -> None:
        """Ends the trend; what was drawn stays."""
        if self._is_closed:
            return
        # A picture taken afterwards shows the last moment, and not an ever longer stretch without values.
        window = self.window
        self._is_closed = True
        self._source.close()
        self._look_at(window)
        if self._own is not None:
            self._own.close()

    def _look_at(self, window: Optional[Tuple[float, float]]) -> None:
        self._window = window
        if window is not None:
            self._source.want(window[0])
        self.step()
