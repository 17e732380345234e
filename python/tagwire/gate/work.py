"""Operations on their way: a thread waits for one in its own time, an event loop has it done by a thread."""

from __future__ import annotations

import asyncio
import threading
from queue import SimpleQueue
from typing import Any, Callable, Generator, Generic, Optional, TypeVar

__all__ = ["Work", "Worker"]

_T_co = TypeVar("_T_co", covariant=True)


class Worker:
    """A thread that does what event loops wait for, one thing after the other; it starts when it is needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: "Optional[SimpleQueue[Optional[Callable[[], None]]]]" = None

    def submit(self, job: Callable[[], None]) -> None:
        """Has a job done after those that were given before."""
        with self._lock:
            if self._jobs is None:
                self._jobs = SimpleQueue()
                thread = threading.Thread(target=_work, args=(self._jobs,), name="tagwire gateway", daemon=True)
                thread.start()
            self._jobs.put(job)

    def stop(self) -> None:
        """Ends the thread after what was given so far."""
        with self._lock:
            jobs, self._jobs = self._jobs, None
        if jobs is not None:
            jobs.put(None)

    def __del__(self) -> None:
        self.stop()


def _work(jobs: "SimpleQueue[Optional[Callable[[], None]]]") -> None:
    while True:
        job = jobs.get()
        if job is None:
            return
        job()
        # What the job holds must not stay until the next one comes.
        del job


class Work(Generic[_T_co]):
    """An operation on its way: `wait()` blocks the thread, `await` does not block the event loop."""

    __slots__ = ("_run", "_worker")

    def __init__(self, run: Callable[[], _T_co], worker: Worker) -> None:
        self._run = run
        self._worker = worker

    def wait(self) -> _T_co:
        """The result; Ctrl-C ends the waiting."""
        return self._run()

    def __await__(self) -> Generator[Any, None, _T_co]:
        loop = asyncio.get_running_loop()
        future: "asyncio.Future[_T_co]" = loop.create_future()
        run = self._run

        def job() -> None:
            # Whoever was cancelled while others were served wants nothing done.
            if future.cancelled():
                return
            try:
                value = run()
            except BaseException as error:
                _deliver(loop, future, error=error)
            else:
                _deliver(loop, future, value)

        self._worker.submit(job)
        return (yield from future.__await__())


def _deliver(
    loop: asyncio.AbstractEventLoop, future: "asyncio.Future[Any]", value: Any = None,
    error: Optional[BaseException] = None,
) -> None:  # fmt: skip
    def deliver() -> None:
        if not future.done():
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)

    try:
        loop.call_soon_threadsafe(deliver)
    except RuntimeError:
        # The loop was closed in the meantime, so that nobody waits.
        pass
