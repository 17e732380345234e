"""The client that lives in the gateway, over connections that come and go."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from typing import Any, Callable, List, Optional, TypeVar

from ..errors import AccessError, ClosedError, ConnectError, Error, PeerError, RefusedError, TimeoutError, UsageError
from .address import Address
from .link import CLIENTS, SERVICE, Link, RemoteError, client_name
from .wire import Dialect

__all__ = ["Core"]

_T = TypeVar("_T")
#: Longest wait of a farewell, in seconds.
_FAREWELL = 2.0
_open: "weakref.WeakSet[Core]" = weakref.WeakSet()


class Core:
    """One client of a gateway; safe to use from several threads, one call at a time."""

    def __init__(self, where: Address, timeout: float, reconnect: bool) -> None:
        self.where = where
        self.timeout = timeout
        self.reconnect = reconnect
        #: Grows when the client in the gateway is another one, which knows nothing of the groups of the one before.
        self.generation = 0
        #: Why there is no connection; `None` while there is one.
        self.problem: Optional[str] = None
        self.is_closed = False
        self._is_over = False
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._link: Optional[Link] = None
        self._dialect: Optional[Dialect] = None
        #: The client's object in the gateway.
        self._object: Optional[str] = None
        self._followers: "List[weakref.WeakMethod[Callable[[], None]]]" = []
        _open.add(self)

    # --- the connection

    def check(self) -> None:
        """Raises `UsageError` when this cannot be used, or not here."""
        if self._pid != os.getpid():
            raise UsageError("client belongs to the parent process; connect again after a fork")
        if self.is_closed:
            raise ClosedError("client is closed")

    @property
    def state(self) -> str:
        """`connected`, `reconnecting` or `closed`."""
        if self.is_closed or self._is_over or self._pid != os.getpid():
            return "closed"
        # Looking at the connection is for whoever uses it; it is in use when it cannot be had at once.
        if self._lock.acquire(blocking=False):
            try:
                if self._link is not None and not self._link.is_alive:
                    self._lose("gateway closed the connection")
            finally:
                self._lock.release()
        if self.problem is None:
            return "connected"
        return "reconnecting" if self.reconnect else "closed"

    def run(self, work: Callable[[Link, str], _T], *, is_repeatable: bool = True) -> _T:
        """Runs calls over a connection, which is made where there is none.

        work: takes the connection and the name of the client's object; it is called again after a lost connection
        where that does no harm, and after the gateway forgot the client.
        """
        self.check()
        with self._lock:
            self.check()
            may_be_lost, may_be_forgotten = is_repeatable and self.reconnect, True
            while True:
                link = self._linked()
                try:
                    return work(link, self._object or "")
                except RemoteError as error:
                    if not (may_be_forgotten and _is_forgotten(error)):
                        raise refusal(error) from None
                    # It was not done, whatever it was.
                    may_be_forgotten = False
                    self._object = None
                    link.close()
                except ClosedError:
                    self._lose("client is closed")
                    raise
                except (ConnectError, TimeoutError, PeerError) as error:
                    self._lose(str(error))
                    if self.is_closed:
                        # By another thread, meanwhile.
                        raise ClosedError("client is closed") from None
                    if not (may_be_lost and isinstance(error, ConnectError)):
                        raise
                    may_be_lost = False
                except BaseException:
                    if not link.is_alive:
                        self._lose("call was given up")
                    raise

    def call(self, method: str, *args: Any, is_repeatable: bool = True, **named: Any) -> Any:
        """Calls a method of the client."""
        return self.run(lambda link, name: link.call(method, *args, of=name, **named), is_repeatable=is_repeatable)

    def _linked(self) -> Link:
        link = self._link
        if link is not None and link.is_alive:
            if self._object is not None:
                return link
            link.close()
        if self._is_over:
            raise ConnectError(f"connection to the gateway was lost ({self.problem}); connect again")
        self._link = None
        if self.generation and not self.reconnect and link is not None:
            self._is_over = True
            self.problem = self.problem or "gateway closed the connection"
            raise ConnectError(f"connection to the gateway was lost ({self.problem}); connect again")
        try:
            self._link = self._opened()
        except Error as error:
            self.problem = str(error)
            raise
        self.problem = None
        return self._link

    def _opened(self) -> Link:
        where = self.where
        link = Link(where.host, where.port, CLIENTS, timeout=self.timeout, dialect=self._dialect)
        try:
            if link.dialect is Dialect.PYRO5:
                # Its client lives as long as the connection.
                self._object = CLIENTS[link.dialect]
                self._introduce(link)
            elif self._object is None:
                _, self._object = client_name(link.call("create_client", of=SERVICE[link.dialect]))
                self._introduce(link)
        except RemoteError as error:
            link.close()
            self._object = None
            raise refusal(error) from None
        except BaseException:
            link.close()
            self._object = None
            raise
        self._dialect = link.dialect
        return link

    def _introduce(self, link: Link) -> None:
        named = {} if self.where.server_host is None else {"opc_host": self.where.server_host}
        link.call("connect", self.where.server, of=self._object or "", **named)
        self.generation += 1

    def _lose(self, why: str) -> None:
        self.problem = why
        self._is_over = self._is_over or not self.reconnect
        if self._link is not None:
            self._link.close()
            self._link = None

    # --- the end

    def on_close(self, follow: Callable[[], None]) -> None:
        """Has a method called when this is closed, if its object is still there."""
        self._followers = [known for known in self._followers if known() is not None]
        self._followers.append(weakref.WeakMethod(follow))

    def close(self) -> None:
        """Ends the client in the gateway, and the connection; a second time does nothing."""
        if self.is_closed or self._pid != os.getpid():
            return
        self.is_closed = True
        _open.discard(self)
        for known in self._followers:
            follow = known()
            if follow is not None:
                follow()
        if not self._lock.acquire(timeout=_FAREWELL):
            # Somebody else still waits for an answer.
            link = self._link
            if link is not None:
                link.abort()
            return
        try:
            link, self._link = self._link, None
            if link is not None:
                try:
                    link.limit(_FAREWELL)
                    link.call("close", of=self._object or "")
                except (Error, RemoteError):
                    # The gateway forgets it by itself after a while.
                    pass
                finally:
                    link.close()
        finally:
            self._lock.release()

    def __del__(self) -> None:
        link = getattr(self, "_link", None)
        if link is not None and not self.is_closed and self._pid == os.getpid():
            # Nobody can wait here; the gateway has a place for few clients only.
            link.tell("close", of=self._object or "")
            link.close()


def _is_forgotten(error: RemoteError) -> bool:
    text = str(error)
    return text.endswith("the client was closed") or (error.kind == "DaemonError" and "unknown object" in text)


def refusal(error: RemoteError) -> Error:
    """What a gateway raised, by whose fault it is."""
    text = str(error.args[0]) if error.args else str(error)
    if error.kind == "TimeoutError":
        return TimeoutError(f"gateway waited too long for its server: {text}")
    if "BadUserAccessDenied" in text or "not for everybody" in text or error.kind == "PermissionError":
        return AccessError(f"gateway does not allow it: {text}; its operator grants it with roles")
    return RefusedError(f"gateway refused: {text}")


@atexit.register
def _end_all() -> None:
    """Frees the places of this process in its gateways."""
    for core in list(_open):
        core.close()
