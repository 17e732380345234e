"""How the asynchronous interface waits: on the event loop."""

from __future__ import annotations

import asyncio
import inspect
from types import TracebackType
from typing import Any, Awaitable, Callable, Coroutine, Generator, Generic, Optional, Protocol, Type, TypeVar

from ._session import Pending

__all__ = ["Background", "Face", "Opening", "opening", "run", "settle", "start"]

_T = TypeVar("_T")


class _Closable(Protocol):
    async def close(self) -> None: ...


_C = TypeVar("_C", bound=_Closable)


class Face:
    """What only one of the two interfaces has: nothing."""

    __slots__ = ()


class Opening(Generic[_C]):
    """Something that is being opened: `x = await opening`, or `async with opening as x`."""

    __slots__ = ("_opened", "_work")

    def __init__(self, work: Coroutine[Any, Any, _C]) -> None:
        self._work = work
        self._opened: Optional[_C] = None

    def __await__(self) -> Generator[Any, None, _C]:
        return self._work.__await__()

    async def __aenter__(self) -> _C:
        self._opened = await self._work
        return self._opened

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self._opened is not None:
            await self._opened.close()


def opening(work: Coroutine[Any, Any, _C]) -> Opening[_C]:
    """Lets the caller choose between `await` and `async with`."""
    return Opening(work)


async def run(pending: Pending[_T]) -> _T:
    """The result of an operation."""
    return await pending


async def settle(returned: object) -> None:
    """Waits for a callback that is a coroutine."""
    if inspect.isawaitable(returned):
        await returned


class Background:
    """A task that calls back."""

    __slots__ = ("_task",)

    def __init__(self, task: "asyncio.Task[None]") -> None:
        self._task = task

    async def end(self) -> None:
        """Waits until it is over; from within itself not at all."""
        if asyncio.current_task() is not self._task:
            await asyncio.wait([self._task])


def start(work: Callable[..., Awaitable[None]], *args: object) -> Background:
    """Lets work go on behind the caller."""

    async def call() -> None:
        await work(*args)

    return Background(asyncio.get_running_loop().create_task(call()))
