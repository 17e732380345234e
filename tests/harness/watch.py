"""Watching tags through a subscription, with the time of arrival of every change."""

import threading
import time
from dataclasses import dataclass

from .session import Session, data_changes, tag
from .wire import Closed, Fault, Refused


@dataclass
class Change:
    """One reported change."""

    at: float
    """Monotonic time of arrival."""
    name: str
    value: object
    status: int
    source: object

    @property
    def good(self) -> bool:
        return self.status & 0xC0000000 == 0


class Watcher:
    """Collects every change of some tags in a thread of its own until it is stopped."""

    def __init__(self, port: int, names, publishing=50.0, queue=1000):
        self.names = list(names)
        self.changes: list[Change] = []
        self.by_name: dict[str, list[Change]] = {name: [] for name in self.names}
        self.problem: BaseException | None = None
        self._stopping = False
        self._session = Session(port)
        made = self._session.subscribe(interval=publishing, keep_alive=20)
        items = [self._session.item(tag(name), handle=i, queue=queue) for i, name in enumerate(self.names)]
        for name, result in zip(self.names, self._session.monitor(made.SubscriptionId, items), strict=True):
            assert result.StatusCode.is_good(), f"{name}: {result.StatusCode}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        session = self._session
        try:
            waiting = [session.post_publish() for _ in range(3)]
            while not self._stopping:
                answer = session.take_publish(waiting.pop(0))
                number = (answer.SubscriptionId, answer.NotificationMessage.SequenceNumber)
                has_data = bool(answer.NotificationMessage.NotificationData)
                waiting.append(session.post_publish([number] if has_data else ()))
                now = time.monotonic()
                for handle, value in data_changes(answer):
                    source = value.SourceTimestamp
                    plain = value.Value.Value if value.Value is not None else None
                    change = Change(now, self.names[handle], plain, value.StatusCode.value, source)
                    self.changes.append(change)
                    self.by_name[change.name].append(change)
        except (Closed, Fault, Refused, OSError) as problem:
            if not self._stopping:
                self.problem = problem

    def last(self, name: str) -> Change | None:
        changes = self.by_name[name]
        return changes[-1] if changes else None

    def since(self, name: str, begin: float) -> list[Change]:
        return [change for change in self.by_name[name] if change.at >= begin]

    def stop(self):
        self._stopping = True
        self._thread.join(10)
        self._session.close()
        assert self.problem is None, f"the subscription ended: {self.problem!r}"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self._stopping = True
        if kind is None:
            self.stop()
        else:
            self._session.close()
