"""A trend drawn by matplotlib."""

from __future__ import annotations

import io
import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Tuple

from matplotlib.artist import Artist
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .._sync import Client
from .feed import Source
from .series import Series
from .trend import Trend

if TYPE_CHECKING:
    from matplotlib.backend_bases import Event

__all__ = ["COLOURS", "SIZE", "Canvas", "FigureTrend", "Picture", "legend"]

#: Told apart also by people who see no red and green (Okabe and Ito), and again darker.
COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
    "#00476f", "#8a3d00", "#00613f", "#8a4d70", "#946600", "#2f7ba3",
)  # fmt: skip
#: Milliseconds between two frames.
_FRAME = 250
#: Seconds between two still pictures.
_STILL = 1.0
#: Width and height in inches.
SIZE = (9, 3.6)


def legend(series: Series) -> str:
    """A line of the legend: name, value, unit, and the quality unless it is good."""
    if series.status is None:
        return series.name
    value = series.value
    shown = f"{value:.6g}" if isinstance(value, float) else str(value)
    words = [series.name, "" if series.status.is_bad else f"{shown} {series.unit}".strip()]
    words.append("" if series.status.is_good else str(series.status))
    return "  ".join(word for word in words if word)


class Picture(Figure):
    """A figure that a notebook shows as it is, whatever the backend of matplotlib."""

    def png(self) -> bytes:
        """The picture as the content of a PNG file."""
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=80)
        return file.getvalue()

    def _repr_png_(self) -> bytes:
        return self.png()


def _days(times: Sequence[float]) -> List[float]:
    return [time / 86400.0 for time in times]


class Canvas:
    """The axes of a trend; each drawing replaces what the one before has drawn."""

    def __init__(self, figure: Figure, limits: Optional[Tuple[float, float]], title: str) -> None:
        self.axes = figure.add_subplot()
        if title:
            figure.suptitle(title, fontsize="medium", fontweight="bold")
        self.axes.grid(alpha=0.3)
        # A part of matplotlib has no types yet.
        locator = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
        self.axes.xaxis.set_major_locator(locator)
        self.axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        self.axes.set_xlabel("UTC")
        self._limits = limits
        self._drawn: List[Artist] = []
        #: 1970 as matplotlib counts days; its epoch can be set.
        self.epoch = float(date2num(datetime(1970, 1, 1, tzinfo=timezone.utc)))  # type: ignore[no-untyped-call]

    def draw(self, source: Source, window: Tuple[float, float]) -> None:
        """Draws what there is from one time to another, in seconds since 1970."""
        for artist in self._drawn:
            artist.remove()
        self._drawn.clear()
        handles: List[Line2D] = []
        with source.lock:
            edge = min(source.edge(), window[1]) if source.state == "closed" else source.edge()
            found = [(series, legend(series), series.stretches(*window, edge)) for series in source.series]
        heights: List[float] = []
        start, end = window
        for place, (_, label, stretches) in enumerate(found):
            colour = COLOURS[place % len(COLOURS)]
            for (times, values), style in ((stretches.good, "-"), (stretches.uncertain, ":")):
                (line,) = self.axes.plot(self._dates(times), values, style, color=colour, linewidth=1.6)
                self._drawn.append(line)
                heights.extend(
                    value for time, value in zip(times, values) if value == value and start <= time <= end
                )
                if times and not heights:
                    heights.extend(value for value in values if value == value)
            handles.append(Line2D([], [], color=colour, label=label))
            for first, last in stretches.bad:
                low, high = self._dates((first, last))
                # A strip for each tag, so that two bad ones do not hide each other, and a shade over all.
                strip = (0.02 * place, 0.02 * place + 0.016)
                self._drawn.append(self.axes.axvspan(low, high, *strip, color=colour, linewidth=0, zorder=3))
                self._drawn.append(
                    self.axes.axvspan(low, high, facecolor=colour, alpha=0.12, hatch="//", linewidth=0, zorder=0)
                )
        low, high = self._dates(window)
        self.axes.set_xlim(low, high)
        self.axes.set_ylim(*(self._limits or _around(heights)))
        shown = self.axes.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=min(len(handles), 3),
            fontsize="small",
            frameon=False,
        )
        self._drawn.append(shown)

    def _dates(self, times: Sequence[float]) -> List[float]:
        return [self.epoch + day for day in _days(times)]


def _around(heights: Sequence[float]) -> Tuple[float, float]:
    """Limits with some air above and below."""
    if not heights:
        return 0.0, 1.0
    low, high = min(heights), max(heights)
    air = 0.08 * (high - low) or 0.08 * abs(high) or 1.0
    return low - air, high + air


class FigureTrend(Trend):
    """A trend in a window of matplotlib, or in what its backend makes of one.

    The space bar pauses and resumes, the toolbar zooms, `r` follows the present again.
    In a notebook whose backend shows still pictures only, the picture is replaced every second.
    """

    def __init__(
        self,
        source: Source,
        span: float,
        own: Optional[Client],
        limits: Optional[Tuple[float, float]],
        title: str,
    ) -> None:
        super().__init__(source, span, own, limits, title)
        from matplotlib.animation import FuncAnimation

        self.figure: Figure = self._new_figure()
        self._canvas = Canvas(self.figure, limits, title)
        self._shown: Tuple[float, float] = self._canvas.axes.get_xlim()
        self.animation = FuncAnimation(
            self.figure, self._frame, init_func=lambda: (), interval=_FRAME, cache_frame_data=False
        )
        self._is_ending = threading.Event()
        self.figure.canvas.mpl_connect("key_press_event", self._key)
        self.figure.canvas.mpl_connect("close_event", self._closed)
        self._frame()

    @staticmethod
    def _new_figure() -> Figure:
        import matplotlib

        if "inline" in matplotlib.get_backend():
            # The backend would show every figure that pyplot knows once more at the end of the cell.
            return Picture(figsize=SIZE, layout="constrained")
        from matplotlib import pyplot

        return pyplot.figure(figsize=SIZE, layout="constrained")

    def show(self) -> None:
        """Shows the window and returns when it was closed; in a notebook it shows the figure."""
        if isinstance(self.figure, Picture):
            self._ipython_display_()
            return
        from matplotlib import pyplot

        pyplot.show()

    def step(self) -> None:
        self._frame()
        self.figure.canvas.draw_idle()

    def close(self) -> None:
        super().close()
        self._is_ending.set()
        if self.animation.event_source is not None:
            self.animation.event_source.stop()  # type: ignore[no-untyped-call]
        # An animation of which nobody asked for a frame complains when it goes; here that is no mistake.
        self.animation._draw_was_started = True  # type: ignore[attr-defined]

    def _ipython_display_(self) -> None:
        from IPython.display import display

        if not isinstance(self.figure, Picture):
            display(self.figure)  # type: ignore[no-untyped-call]
            return
        handle = display(self.picture(), display_id=True)  # type: ignore[no-untyped-call]
        if not self._is_closed:
            threading.Thread(target=self._replace, args=(handle,), name="tagwire plot", daemon=True).start()

    def _replace(self, handle: Any) -> None:
        is_ending = False
        while not is_ending:
            is_ending = self._is_ending.wait(_STILL)
            handle.update(self.picture())

    def _frame(self, _: object = None) -> List[Artist]:
        axes = self._canvas.axes
        if axes.get_xlim() != self._shown and not self._is_closed:
            # The toolbar was used: what it chose is looked at until `r`.
            low, high = (86400.0 * (day - self._canvas.epoch) for day in axes.get_xlim())
            self._window = (low, high)
            self._source.want(low)
        self._canvas.draw(self._source, self.window)
        self._shown = axes.get_xlim()
        return [axes]

    def _look_at(self, window: Optional[Tuple[float, float]]) -> None:
        self._shown = self._canvas.axes.get_xlim()
        super()._look_at(window)

    def _key(self, event: Event) -> None:
        key = getattr(event, "key", None)
        if key == " ":
            self.pause() if self._window is None else self.resume()
        elif key == "r":
            self.resume()

    def _closed(self, _: Any) -> None:
        self.close()
