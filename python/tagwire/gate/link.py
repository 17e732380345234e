"""A connection that calls the objects of a gateway."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any, Iterator, List, Mapping, Optional

from ..errors import ClosedError, ConnectError, Error, PeerError, RefusedError, TimeoutError
from . import wire
from .literal import dumps, loads, plain
from .wire import Dialect, Kind

__all__ = ["CLIENTS", "SERVICE", "Link", "RemoteError", "client_name"]

#: The object that makes clients.
SERVICE: Mapping[Dialect, str] = {Dialect.PYRO4: "opc", Dialect.PYRO5: "OpenOpcGatewayServer"}
#: Where a client is at hand: Pyro4 makes one on demand, Pyro5 has one for each connection.
CLIENTS: Mapping[Dialect, str] = {Dialect.PYRO4: "opc", Dialect.PYRO5: "OpcDaClient"}
_DAEMON = "Pyro.Daemon"
_EXCEPTION, _ONEWAY = 1, 4
#: Bytes read at once.
_STEP = 65536


class RemoteError(Exception):
    """An exception that was raised in the gateway."""

    def __init__(self, kind: str, args: Any) -> None:
        given = args if isinstance(args, (tuple, list)) and args else ("unknown error",)
        super().__init__(*given)
        #: The name of its class, without its module.
        self.kind = kind


class _Ended(Error):
    """The gateway ended the connection before it answered."""


class Link:
    """A connection; safe to use from several threads, one call at a time.

    A call that failed other than with a `RemoteError` leaves the connection closed, because the next answer could be
    the one that is missing.
    """

    def __init__(
        self,
        host: str,
        port: int,
        names: Mapping[Dialect, str] = SERVICE,
        *,
        timeout: float = 30.0,
        dialect: Optional[Dialect] = None,
    ) -> None:
        """Connects to an object, by its name in each dialect; without a dialect, the gateway's is found out.

        timeout: longest wait in seconds for the connection, and for each answer.
        Raises `ConnectError`, `TimeoutError`, `RefusedError` and `PeerError`.
        """
        self._where = f"{host}:{port}"
        self._host, self._port = host, port
        self._timeout = timeout
        self._lock = threading.Lock()
        self._number = 0
        self._deadline = 0.0
        self._is_closed = False
        self._socket: socket.socket
        #: The format that the gateway speaks.
        self.dialect = dialect or Dialect.PYRO4
        try:
            self._open(names)
        except _Ended as error:
            # A daemon of Pyro5 leaves those who speak Pyro4, some of them without a word.
            if dialect is not None:
                raise ConnectError(f"gateway at {self._where} does not take connections: {error}") from None
            self.dialect = Dialect.PYRO5
            try:
                self._open(names)
            except _Ended as again:
                raise PeerError(f"{self._where} is no OpenOPC gateway: {again}") from None

    def _open(self, names: Mapping[Dialect, str]) -> None:
        self._deadline = time.monotonic() + self._timeout
        try:
            self._socket = socket.create_connection((self._host, self._port), self._timeout)
        except socket.timeout:
            raise TimeoutError(f"cannot reach the gateway at {self._where}: no answer in {self._timeout:g} s") from None
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConnectError(
                f"cannot reach the gateway at {self._where}: {reason}; is it running, and is this its address?"
            ) from None
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            asked = {"handshake": "hello", "object": names[self.dialect]}
            self._send(Kind.CONNECT, self.dialect.meta_flag, dumps(asked))
            begin = self._exactly(6)
            spoken = wire.dialect_of(begin)
            if spoken is None:
                raise PeerError(f"{self._where} is no OpenOPC gateway")
            if spoken is not self.dialect:
                raise _Ended("it speaks another version of Pyro")
            head, _, data = self._message(begin)
            if head.kind != Kind.CONNECT_OK:
                raise RefusedError(f"gateway at {self._where} refused the connection: {_shown(data)}")
        except socket.timeout:
            self._socket.close()
            raise TimeoutError(f"gateway at {self._where} gave no answer in {self._timeout:g} s") from None
        except OSError as error:
            self._socket.close()
            raise _Ended(str(error)) from None
        except BaseException:
            self._socket.close()
            raise

    def close(self) -> None:
        """Closes the connection; a second time does nothing."""
        self._is_closed = True
        self._socket.close()

    def abort(self) -> None:
        """Ends a call that is under way in another thread."""
        self._is_closed = True
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    @property
    def is_alive(self) -> bool:
        """Whether the connection stands, as far as can be told without asking; between calls only."""
        if self._is_closed:
            return False
        try:
            self._socket.settimeout(0)
            # Nothing was asked, so that whatever can be read is the end or out of place.
            self._socket.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            pass
        self.close()
        return False

    def call(self, method: str, *args: Any, of: str, **named: Any) -> Any:
        """Calls a method of the object `of`; gives its result, or an iterator where it comes piece by piece.

        Raises `RemoteError` for what the gateway raised, `ConnectError`, `TimeoutError` and `PeerError` for the rest,
        and `TypeError` for an argument that cannot be sent.
        """
        request = dumps((of, method, args, named))
        with self._lock:
            if self._is_closed:
                raise ClosedError("connection to the gateway is closed")
            self._deadline = time.monotonic() + self._timeout
            try:
                number = self._send(Kind.INVOKE, 0, request)
                head, annotations, data = self._message(b"")
                if head.kind != Kind.RESULT or head.number != number:
                    raise PeerError("gateway answered what was not asked")
                value = None if head.flags & self.dialect.stream_flag else loads(data)
            except socket.timeout:
                self.close()
                raise TimeoutError(f"gateway did not answer {method} in {self._timeout:g} s") from None
            except _Ended as error:
                self.close()
                raise ConnectError(f"connection to the gateway at {self._where} was lost: {error}") from None
            except OSError as error:
                self.close()
                raise ConnectError(f"connection to the gateway at {self._where} was lost: {error}") from None
            except BaseException:
                self.close()
                raise
        if head.flags & self.dialect.stream_flag:
            return self._stream(wire.stream_of(self.dialect, annotations))
        if head.flags & _EXCEPTION:
            raise _remote(value)
        return plain(value)

    def limit(self, timeout: float) -> None:
        """Waits for answers no longer than this."""
        self._timeout = min(self._timeout, timeout)

    def tell(self, method: str, *args: Any, of: str) -> None:
        """Calls a method without waiting for anything, not even for room to send; what fails is not told."""
        if self._is_closed:
            return
        try:
            self._socket.settimeout(0)
            self._number = (self._number + 1) & 0xFFFF
            data = dumps((of, method, args, {}))
            self._socket.send(wire.encode(self.dialect, Kind.INVOKE, _ONEWAY, self._number, data))
        except (OSError, TypeError):
            pass

    def _stream(self, number: str) -> Iterator[Any]:
        while True:
            try:
                item = self.call("get_next_stream_item", number, of=_DAEMON)
            except RemoteError as error:
                if error.kind == "StopIteration":
                    return
                raise
            yield item

    def _send(self, kind: Kind, flags: int, data: bytes) -> int:
        self._number = (self._number + 1) & 0xFFFF
        self._socket.settimeout(self._left())
        self._socket.sendall(wire.encode(self.dialect, kind, flags, self._number, data))
        return self._number

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout()
        return left

    def _exactly(self, length: int) -> bytes:
        parts: List[bytes] = []
        while length:
            self._socket.settimeout(self._left())
            part = self._socket.recv(min(length, _STEP))
            if not part:
                raise _Ended("gateway closed the connection")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _message(self, begin: bytes) -> "tuple[wire.Head, bytes, bytes]":
        head = wire.head_of(self.dialect, begin + self._exactly(self.dialect.head_len - len(begin)))
        annotations = self._exactly(head.annotations)
        return head, annotations, wire.inflate(head.flags, self._exactly(head.length))


def client_name(made: Any) -> "tuple[str, str]":
    """The address and the name of a client that a gateway made; raises `PeerError` when it made none."""
    state = made.get("state") if isinstance(made, dict) else None
    address = str(state[0]) if isinstance(state, (tuple, list)) and state else ""
    name = address.partition(":")[2].partition("@")[0]
    if not name:
        raise PeerError("gateway made no client")
    return address, name


def _remote(value: Any) -> RemoteError:
    named = value if isinstance(value, dict) else {}
    return RemoteError(str(named.get("__class__", "")).rpartition(".")[2], named.get("args"))


def _shown(data: bytes) -> str:
    try:
        return str(loads(data))
    except PeerError:
        return "it did not say why"
