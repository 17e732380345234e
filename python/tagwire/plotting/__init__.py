"""Live trends of tags: `tagwire.plot([...], seconds=60)`.

In Jupyter a trend is a widget of its own, elsewhere a figure of matplotlib; both draw the same stretches.
"""

from __future__ import annotations

import sys
from typing import Optional, Sequence, Tuple, Union

from .._names import as_list
from .._sync import Client, connect
from .._time import Duration
from .._time import seconds as in_seconds
from ..errors import UsageError
from .feed import Feed
from .trend import Trend

__all__ = ["Trend", "plot"]

#: Tags in one plot; more can be told apart neither by colour nor in the legend.
_MAX_TAGS = 12


def plot(
    tags: Union[str, Sequence[str]],
    *,
    seconds: Duration = 60.0,
    every: Optional[Duration] = None,
    client: Optional[Client] = None,
    url: Optional[str] = None,
    history: bool = True,
    backend: Optional[str] = None,
    limits: Optional[Tuple[float, float]] = None,
    title: str = "",
) -> Trend:
    """Draws tags as they change: the last `seconds` of them, with their history behind the live edge.

    In Jupyter, let it be the last thing of a cell or give it to `display()`; elsewhere call `show()` on it.
    Where the quality is bad there is no line but a mark.

    every: how often the server looks for changes; a 300th of `seconds` when left out, 0.1 to 1 s.
    client: whose session is used; one of its own to `url`, or to `TAGWIRE_URL`, when left out.
    history: whether what was before is asked from the server.
    backend: `"widget"` needs anywidget, `"matplotlib"` needs matplotlib; what fits the place when left out.
    limits: lowest and highest value shown; what the values need when left out.
    """
    names = list(dict.fromkeys(as_list(tags)))
    if not 1 <= len(names) <= _MAX_TAGS:
        raise UsageError(f"a plot shows 1 to {_MAX_TAGS} tags, not {len(names)}")
    span = in_seconds(seconds)
    if span <= 0:
        raise UsageError("a plot shows more than 0 seconds")
    if limits is not None and not limits[0] < limits[1]:
        raise UsageError("limits are the lowest and the highest value shown, such as (0, 100)")
    if client is not None and url is not None:
        raise UsageError("a plot takes a client or an url, not both")
    chosen = _backend(backend)
    interval = min(max(span / 300, 0.1), 1.0) if every is None else in_seconds(every)
    own = connect(url) if client is None else None
    try:
        feed = Feed(own or client or connect(url), names, span, interval, history)
    except BaseException:
        if own is not None:
            own.close()
        raise
    if chosen == "widget":
        from .widget import WidgetTrend

        return WidgetTrend(feed, span, own, limits, title)
    from .figure import FigureTrend

    return FigureTrend(feed, span, own, limits, title)


def _backend(wanted: Optional[str]) -> str:
    if wanted not in (None, "widget", "matplotlib"):
        raise UsageError(f'backend is "widget" or "matplotlib", not {wanted!r}')
    if wanted is None:
        wanted = "widget" if _is_notebook() and _has("anywidget") else "matplotlib"
    needed = "anywidget" if wanted == "widget" else "matplotlib"
    if not _has(needed):
        raise UsageError(f'a plot needs the package {needed}: pip install "tagwire[plot]"')
    return wanted


def _is_notebook() -> bool:
    """Whether this is a kernel of Jupyter, which can show widgets."""
    shell = sys.modules.get("IPython")
    found = shell.get_ipython() if shell is not None else None
    return getattr(found, "kernel", None) is not None


def _has(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None
