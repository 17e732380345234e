"""A trend as a widget of Jupyter."""

from __future__ import annotations

import base64
import math
import threading
import time
from array import array
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import anywidget
import traitlets

from .._sync import Client
from .feed import Source
from .trend import Trend

__all__ = ["TrendWidget", "WidgetTrend"]

_HERE = Path(__file__).parent
#: Longest wait for the first values before a still picture.
_FIRST_VALUES = 1.0


class TrendWidget(anywidget.AnyWidget):
    """What the browser knows of a trend; vertices go to it as messages."""

    _esm = _HERE / "trend.js"
    _css = _HERE / "trend.css"
    #: Names and units of the tags, seconds shown, limits, title.
    setup = traitlets.Dict().tag(sync=True)
    #: From when to when is looked at, in seconds since 1970; empty while it follows.
    window = traitlets.List(trait=traitlets.Float()).tag(sync=True)


class WidgetTrend(Trend):
    """A trend in a notebook: drag to move, turn the wheel to zoom, double-click to follow the present again."""

    def __init__(
        self,
        source: Source,
        span: float,
        own: Optional[Client],
        limits: Optional[Tuple[float, float]],
        title: str,
    ) -> None:
        super().__init__(source, span, own, limits, title)
        names: List[Dict[str, str]] = [{"name": series.name, "unit": series.unit} for series in source.series]
        setup = {"tags": names, "seconds": span, "limits": list(limits or ()), "title": title}
        #: The widget itself, to put it into a box with others.
        self.widget = TrendWidget(setup=setup)
        self._n_sent = [0] * len(names)
        self._n_rebuilt = -1
        # Messages go out in the order in which they were made, whichever thread makes them.
        self._sending = threading.Lock()
        self.widget.on_msg(self._asked)
        self.widget.observe(self._moved, "window")
        source.on_change = self.step

    def show(self) -> None:
        """Shows the trend below the cell."""
        from IPython.display import display

        display(self)  # type: ignore[no-untyped-call]

    def step(self) -> None:
        if self.widget.comm is None:
            # The widget was closed, so that nobody can see it any more.
            self._source.on_change = None
            return
        with self._sending:
            self.widget.send(*self.news())

    def news(self, whole: bool = False) -> "Tuple[Dict[str, Any], List[bytes]]":
        """What the browser does not know yet: per tag times, values and kinds, and what the legend shows."""
        source = self._source
        with source.lock:
            whole = whole or source.n_rebuilt != self._n_rebuilt
            self._n_rebuilt = source.n_rebuilt
            tags: List[Dict[str, Any]] = []
            buffers: List[bytes] = []
            for place, series in enumerate(source.series):
                sent = 0 if whole else max(self._n_sent[place] - series.n_dropped, 0)
                self._n_sent[place] = series.n_dropped + len(series)
                status = series.status
                tags.append({
                    "n": len(series) - sent,
                    "value": None if status is None or status.is_bad else _for_json(series.value),
                    "status": "" if status is None or status.is_good else str(status),
                })
                columns: Tuple[array[Any], ...] = (series.times, series.values, series.kinds)
                buffers.extend(column[sent:].tobytes() for column in columns)
            state = "closed" if self._is_closed else source.state
            content = {"type": "news", "whole": whole, "edge": source.edge(), "state": state, "tags": tags}
        return content, buffers

    def close(self) -> None:
        super().close()
        self._source.on_change = None

    def _asked(self, _: Any, content: Dict[str, Any], __: Any) -> None:
        # A view that has just come knows nothing; others take the same as a replacement.
        if content.get("type") == "hello" and self.widget.comm is not None:
            with self._sending:
                self.widget.send(*self.news(whole=True))

    def _moved(self, change: Any) -> None:
        window = change["new"]
        self._window = (window[0], window[1]) if len(window) == 2 else None
        if self._window is not None:
            self._source.want(self._window[0])

    def _look_at(self, window: Optional[Tuple[float, float]]) -> None:
        super()._look_at(window)
        self.widget.window = list(window or ())

    def _repr_mimebundle_(self, **options: Any) -> Any:
        shown = self.widget._repr_mimebundle_(**options)
        data, more = shown if isinstance(shown, tuple) else (shown, {})
        # A page without a kernel, such as a notebook rendered to HTML, shows the moment at which this was asked for.
        still = {"text/plain": repr(self), **self._still()}
        return {**(data or {}), **still}, more

    def _still(self) -> Dict[str, str]:
        if find_spec("matplotlib") is None:
            return {}
        started = time.monotonic()
        while not len(self) and time.monotonic() - started < _FIRST_VALUES:
            time.sleep(0.02)
        return {"image/png": base64.b64encode(self.picture().png()).decode("ascii")}


def _for_json(value: Any) -> Any:
    # Whole numbers beyond 2^53 and what is not finite are no numbers in a browser.
    is_number = isinstance(value, (bool, int, float)) and math.isfinite(value) and abs(value) < 2**53
    return value if is_number or isinstance(value, float) and math.isfinite(value) else str(value)
