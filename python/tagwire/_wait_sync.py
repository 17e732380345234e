"""How the synchronous interface waits: in the caller's thread, where Ctrl-C ends the waiting."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Protocol, Sequence, Tuple, TypeVar, Union

from ._names import is_unknown
from ._native import Node, Sample
from ._session import Pending
from ._time import Duration
from .errors import Error

if TYPE_CHECKING:
    from .plotting import Trend

__all__ = ["Background", "Face", "opening", "run", "settle", "start"]

_T = TypeVar("_T")

#: Levels and tags that are looked through for names to offer.
_LEVELS = 16
_MAX_OFFERED = 5_000


class _Values(Protocol):
    def browse(self, node: str = ..., *, depth: int = ..., limit: int = ...) -> List[Node]: ...

    def read(self, tags: str) -> Sample: ...

    def value(self, tag: str) -> Any: ...

    def write(self, tag: str, value: Any) -> None: ...


class Face:
    """What only one of the two interfaces has: tags as the items of a mapping, and plots."""

    __slots__ = ()

    def __getitem__(self: _Values, tag: str) -> Any:
        """The value of a tag; raises `ItemError` when its quality is bad."""
        return self.value(tag)

    def __setitem__(self: _Values, tag: str, value: Any) -> None:
        """Writes a value; raises `WriteError` when the server does not take it."""
        self.write(tag, value)

    def __contains__(self: _Values, tag: object) -> bool:
        """Whether the server has such a tag."""
        return isinstance(tag, str) and not is_unknown(self.read(tag).status)

    # Without it, Python would ask for the tags 0, 1, 2 and so on.
    __iter__ = None

    def _ipython_key_completions_(self: _Values) -> List[str]:
        """The tags that the tabulator key offers in IPython and Jupyter."""
        try:
            # What stands in namespace 0 describes the server.
            tops = [node for node in self.browse() if node.id.startswith("ns=") and not node.name.startswith("_")]
            found = [node.tag for node in tops if node.is_variable]
            for top in tops:
                below = self.browse(top.id, depth=_LEVELS, limit=_MAX_OFFERED) if not top.is_variable else []
                found += [node.tag for node in below if node.is_variable and "._" not in node.tag]
                if len(found) >= _MAX_OFFERED:
                    break
        except Error:
            # A name can be written out as well.
            return []
        return found

    def plot(
        self,
        tags: Union[str, Sequence[str]],
        *,
        seconds: Duration = 60.0,
        every: Optional[Duration] = None,
        history: bool = True,
        backend: Optional[str] = None,
        limits: Optional[Tuple[float, float]] = None,
        title: str = "",
    ) -> Trend:
        """Draws tags as they change, over this session: `tagwire.plot`."""
        # The plot is made of the client, which is made of this.
        from .plotting import plot

        client: Any = self
        return plot(
            tags,
            seconds=seconds,
            every=every,
            client=client,
            history=history,
            backend=backend,
            limits=limits,
            title=title,
        )


def opening(opened: _T) -> _T:
    """It is open already."""
    return opened


def run(pending: Pending[_T]) -> _T:
    """The result of an operation."""
    return pending.wait()


def settle(returned: object) -> None:
    """A callback is over when it returns."""


class Background:
    """A thread that calls back."""

    __slots__ = ("_thread",)

    def __init__(self, thread: threading.Thread) -> None:
        self._thread = thread

    def end(self) -> None:
        """Waits until it is over; from within itself not at all."""
        if threading.current_thread() is not self._thread:
            self._thread.join()


def start(work: Callable[..., None], *args: object) -> Background:
    """Lets work go on behind the caller; the interpreter's exit does not wait for it."""
    thread = threading.Thread(target=work, args=args, name="tagwire callback", daemon=True)
    thread.start()
    return Background(thread)
