"""A client of an OpenOPC gateway: the calls of OpenOPC over the wire that `tagwire.gate` speaks."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Type, TypeVar

import tagwire
from tagwire.gate import CLIENTS, SERVICE, Link, RemoteError, client_name

from .common import OPCError, TimeoutError

__all__ = ["Gate", "GateClient"]

_T = TypeVar("_T")
#: What a gateway raises in classes that every Python has, and that scripts catch.
_BUILTIN: Dict[str, Type[Exception]] = {
    "AttributeError": AttributeError, "KeyError": KeyError, "TypeError": TypeError, "ValueError": ValueError,
}  # fmt: skip


def _called(function: str, call: Callable[[], _T]) -> _T:
    """What a call gives, with the exceptions of OpenOPC."""
    try:
        return call()
    except RemoteError as error:
        if error.kind == "TimeoutError":
            raise TimeoutError(*error.args) from None
        raise _BUILTIN.get(error.kind, OPCError)(*error.args) from None
    except tagwire.TimeoutError as error:
        raise TimeoutError(f"Callback: Timeout waiting for the gateway ({error})") from None
    except tagwire.Error as error:
        raise OPCError(f"{function}: {error}") from None


def _each(function: str, items: Iterator[Any]) -> Iterator[Any]:
    nothing = object()
    while True:
        item = _called(function, lambda: next(items, nothing))
        if item is nothing:
            return
        yield item


class Gate:
    """The service of a gateway."""

    def __init__(self, host: str = "localhost", port: int = 7766) -> None:
        self._link = _called("Connect", lambda: Link(host, port))

    def __enter__(self) -> Gate:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; what lives in the gateway goes on."""
        self._link.close()

    def call(self, method: str, *args: Any) -> Any:
        """Calls a method of the service."""
        return _called(method, lambda: self._link.call(method, *args, of=SERVICE[self._link.dialect]))

    def get_clients(self) -> List[Tuple[Any, ...]]:
        """Address, start and last use of each client that lives there."""
        names = ("client_id", "init_time", "tx_time")
        return [
            tuple(row.get(name) for name in names) if isinstance(row, dict) else tuple(row)
            for row in self.call("get_clients")
        ]

    def release_client(self, address: str) -> None:
        """Ends a client that lives there."""
        self.call("release_client", address)

    def create_client(self) -> GateClient:
        """A new client that lives there."""
        link = self._link
        if CLIENTS[link.dialect] != SERVICE[link.dialect]:
            # A gateway of openopc2 has one for each connection.
            return GateClient(self, link, CLIENTS[link.dialect], "")
        address, name = _called("create_client", lambda: client_name(link.call("create_client", of=SERVICE[link.dialect])))
        return GateClient(self, link, name, address)


class GateClient:
    """A client of OpenOPC that lives in a gateway."""

    def __init__(self, gate: Gate, link: Link, name: str, address: str) -> None:
        self._gate = gate
        self._link = link
        self._name = name
        self._address = address

    def _call(self, method: str, *args: Any, **named: Any) -> Any:
        found = _called(method, lambda: self._link.call(method, *args, of=self._name, **named))
        return _each(method, found) if isinstance(found, Iterator) else found

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise AttributeError(name)

        def method(*args: Any, **named: Any) -> Any:
            return self._call(name, *args, **named)

        return method

    def __dir__(self) -> List[str]:
        return [*super().__dir__(), *_METHODS]

    def __getitem__(self, tag: str) -> Any:
        # A list, because not every gateway takes one tag alone for one.
        return self._call("read", [tag])[0][1]

    def __setitem__(self, tag: str, value: Any) -> None:
        self._call("write", (tag, value))

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
        return self._call("write", tag_value_pairs, *args, **named)

    def close(self, del_object: bool = True) -> None:
        """Ends the client, and the connection to the gateway."""
        try:
            self._call("close")
            if del_object and self._address:
                self._gate.release_client(self._address)
        finally:
            self._gate.close()


_METHODS = frozenset(
    "connect servers list ilist read iread iwrite properties iproperties groups remove info ping".split()
)
