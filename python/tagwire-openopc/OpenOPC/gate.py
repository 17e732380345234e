"""A client of an OpenOPC gateway, which speaks the wire format of Pyro4 with literals as payload.

Nothing that comes is evaluated: a payload is a literal of Python, read by `ast.literal_eval`, or refused.
"""

from __future__ import annotations

import ast
import base64
import builtins
import math
import socket
import struct
import threading
import zlib
from datetime import datetime
from types import TracebackType
from typing import Any, Dict, Iterator, List, Optional, Tuple, Type

from .common import OPCError, TimeoutError

__all__ = ["Gate", "GateClient"]

_VERSION = 48
_MAGIC = 0x34E9
_HEADER = struct.Struct("!4sHHHHiHHHH")
_SERPENT = 1
_CONNECT, _CONNECT_OK, _CONNECT_FAIL, _INVOKE, _RESULT = 1, 2, 3, 4, 5
_EXCEPTION, _COMPRESSED, _META, _STREAM = 1, 2, 16, 32
_PREFIX = b"# serpent utf-8 python3.2\n"
#: Longest message taken, in bytes, also after it was inflated.
_MAX_BYTES = 64 * 1024 * 1024
_DAEMON = "Pyro.Daemon"


def dumps(value: Any) -> bytes:
    """A value as a payload."""
    return _PREFIX + _literal(value).encode("utf-8")


def loads(payload: bytes) -> Any:
    """The value of a payload."""
    try:
        return ast.literal_eval(payload.decode("utf-8"))
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise OPCError(f"gateway sent what cannot be read: {error}") from None


def _literal(value: Any) -> str:
    if isinstance(value, float):
        if math.isnan(value):
            return "{'__class__':'float','value':'nan'}"
        return repr(value) if math.isfinite(value) else ("1e30000" if value > 0 else "-1e30000")
    if value is None or isinstance(value, (bool, int, str, complex)):
        return repr(value)
    if isinstance(value, (bytes, bytearray)):
        return f"{{'data':{base64.b64encode(value).decode('ascii')!r},'encoding':'base64'}}"
    if isinstance(value, datetime):
        return repr(value.isoformat())
    if isinstance(value, (tuple, list)):
        inner = ",".join(map(_literal, value))
        if isinstance(value, list):
            return f"[{inner}]"
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_literal(key)}:{_literal(found)}" for key, found in value.items()) + "}"
    raise TypeError(f"a {type(value).__name__} cannot be sent to a gateway")


class _Link:
    """A connection to one object of a gateway."""

    def __init__(self, host: str, port: int, name: str, timeout: float = 30.0) -> None:
        self._name = name
        self._number = 0
        self._lock = threading.Lock()
        try:
            self._socket = socket.create_connection((host, port), timeout)
        except OSError as error:
            raise OPCError(f"Connect: cannot reach the gateway at {host}:{port}: {error}") from None
        try:
            self._send(_CONNECT, _META, {"handshake": "hello", "object": name})
            kind, _, _, payload = self._receive()
        except BaseException:
            self._socket.close()
            raise
        if kind != _CONNECT_OK:
            self._socket.close()
            raise OPCError(f"Connect: the gateway refused: {loads(payload)}")

    def close(self) -> None:
        self._socket.close()

    def _send(self, kind: int, flags: int, value: Any) -> None:
        data = dumps(value)
        self._number = (self._number + 1) & 0xFFFF
        checksum = (kind + _VERSION + len(data) + _SERPENT + flags + self._number + _MAGIC) & 0xFFFF
        head = _HEADER.pack(b"PYRO", _VERSION, kind, flags, self._number, len(data), _SERPENT, 0, 0, checksum)
        self._socket.sendall(head + data)

    def _exactly(self, length: int) -> bytes:
        parts: List[bytes] = []
        while length:
            part = self._socket.recv(min(length, 65536))
            if not part:
                raise OPCError("gateway closed the connection")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _receive(self) -> Tuple[int, int, Dict[bytes, bytes], bytes]:
        head = self._exactly(_HEADER.size)
        magic, version, kind, flags, _, length, _, more, _, _ = _HEADER.unpack(head)
        if magic != b"PYRO" or version != _VERSION or not 0 <= length <= _MAX_BYTES:
            raise OPCError("the peer is no OpenOPC gateway")
        annotations: Dict[bytes, bytes] = {}
        rest = self._exactly(more)
        while len(rest) >= 6:
            key, size = rest[:4], int.from_bytes(rest[4:6], "big")
            annotations[key], rest = rest[6 : 6 + size], rest[6 + size :]
        data = self._exactly(length)
        if flags & _COMPRESSED:
            inflater = zlib.decompressobj()
            data = inflater.decompress(data, _MAX_BYTES)
            if inflater.unconsumed_tail:
                raise OPCError("gateway sent more than 64 MiB")
        return kind, flags, annotations, data

    def call(self, method: str, *args: Any, of: Optional[str] = None, **named: Any) -> Any:
        with self._lock:
            try:
                self._send(_INVOKE, 0, (of or self._name, method, args, named))
                _, flags, annotations, payload = self._receive()
            except socket.timeout:
                raise TimeoutError(f"Callback: Timeout waiting for the gateway ({method})") from None
            except OSError as error:
                raise OPCError(f"{method}: the gateway is gone: {error}") from None
        if flags & _STREAM:
            return self._stream(annotations.get(b"STRM", b"").decode("ascii", "replace"))
        value = loads(payload)
        if flags & _EXCEPTION:
            raise _exception(value)
        return _plain(value)

    def _stream(self, number: str) -> Iterator[Any]:
        while True:
            try:
                yield self.call("get_next_stream_item", number, of=_DAEMON)
            except _EndOfStream:
                return


class _EndOfStream(Exception):
    pass


def _plain(value: Any) -> Any:
    """Bytes and not-a-number as themselves."""
    if isinstance(value, dict):
        if value.get("encoding") == "base64" and set(value) == {"data", "encoding"}:
            return base64.b64decode(value["data"])
        if value.get("__class__") == "float":
            return float(value.get("value", "nan"))
        return {key: _plain(found) for key, found in value.items()}
    if isinstance(value, list):
        return [_plain(found) for found in value]
    if isinstance(value, tuple):
        return tuple(_plain(found) for found in value)
    return value


def _exception(value: Any) -> Exception:
    named = value if isinstance(value, dict) else {}
    kind = str(named.get("__class__", "")).rpartition(".")[2]
    args = named.get("args") or ("unknown error",)
    if kind == "StopIteration":
        return _EndOfStream()
    if kind == "TimeoutError":
        return TimeoutError(*args)
    known = getattr(builtins, kind, None)
    if kind in ("TypeError", "ValueError", "KeyError", "AttributeError") and isinstance(known, type):
        return known(*args)  # type: ignore[no-any-return]
    return OPCError(*args)


class Gate:
    """The service of a gateway."""

    def __init__(self, host: str = "localhost", port: int = 7766) -> None:
        self._host, self._port = host, port
        self._link = _Link(host, port, "opc")

    def __enter__(self) -> Gate:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._link.close()

    def get_clients(self) -> List[Tuple[Any, ...]]:
        """Address, start and last use of each client that lives there."""
        return [tuple(row) for row in self._link.call("get_clients")]

    def release_client(self, address: str) -> None:
        """Ends a client that lives there."""
        self._link.call("release_client", address)

    def create_client(self) -> GateClient:
        """A new client that lives there."""
        made = self._link.call("create_client")
        state = made.get("state") if isinstance(made, dict) else None
        address = str(state[0]) if state else ""
        name = address.partition(":")[2].partition("@")[0]
        if not name:
            raise OPCError("create_client: the gateway gave no client")
        return GateClient(self, _Link(self._host, self._port, name), address)


class GateClient:
    """A client of OpenOPC that lives in a gateway."""

    def __init__(self, gate: Gate, link: _Link, address: str) -> None:
        self._gate = gate
        self._link = link
        self._address = address

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise AttributeError(name)

        def method(*args: Any, **named: Any) -> Any:
            return self._link.call(name, *args, **named)

        return method

    def __dir__(self) -> List[str]:
        return [*super().__dir__(), *_METHODS]

    def __getitem__(self, tag: str) -> Any:
        return self._link.call("read", tag)[0]

    def __setitem__(self, tag: str, value: Any) -> None:
        self._link.call("write", (tag, value))

    def __enter__(self) -> GateClient:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def GUID(self) -> str:
        """The address of the client in the gateway."""
        return self._address

    def set_trace(self, trace: Any) -> None:
        """Nothing: a trace stays on the side of the gateway."""

    def write(self, tag_value_pairs: Any, *args: Any, **named: Any) -> Any:
        """As that of a client of one's own; a dictionary becomes a list of pairs."""
        if isinstance(tag_value_pairs, dict):
            tag_value_pairs = list(tag_value_pairs.items())
        return self._link.call("write", tag_value_pairs, *args, **named)

    def close(self, del_object: bool = True) -> None:
        """Ends the client, and the connections to the gateway."""
        try:
            self._link.call("close")
            if del_object:
                self._gate.release_client(self._address)
        finally:
            self._link.close()
            self._gate._link.close()


_METHODS = frozenset(
    "connect servers list ilist read iread iwrite properties iproperties groups remove info ping".split()
)
