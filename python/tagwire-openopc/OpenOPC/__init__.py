"""The OpenOPC interface over tagwire: scripts for OPC servers run on Linux as they are.

>>> import OpenOPC
>>> opc = OpenOPC.client()
>>> opc.connect("opc.tcp://localhost:4840")  # doctest: +SKIP
>>> opc.read("boiler.plc.temperature")  # doctest: +SKIP
(61.5, 'Good', '2026-01-01 12:00:00.100000+00:00')
"""

from __future__ import annotations

import os as _os
from typing import Any, List, Optional, Tuple

from .client import client as _client
from .common import (
    ACCESS_RIGHTS,
    BROWSER_TYPE,
    OPC_CLIENT,
    OPC_QUALITY,
    OPC_STATUS,
    SOURCE_CACHE,
    SOURCE_DEVICE,
    OPCError,
    TimeoutError,
    exceptional,
    quality_str,
    tags2trace,
    type_check,
    wild2regex,
)
from .common import OPC_CLASS as _OPC_CLASS
from .common import OPC_SERVER as _OPC_SERVER
from .gate import Gate as _Gate
from .gate import GateClient as _GateClient

__all__ = [
    "ACCESS_RIGHTS", "BROWSER_TYPE", "Client", "GroupEvents", "OPCError", "OPC_CLASS", "OPC_CLIENT", "OPC_QUALITY",
    "OPC_SERVER", "OPC_STATUS", "SOURCE_CACHE", "SOURCE_DEVICE", "TimeoutError", "client", "close_session",
    "current_client", "exceptional", "get_sessions", "open", "open_client", "quality_str", "tags2trace", "type_check",
    "wild2regex", "win32com_found",
]  # fmt: skip

__version__ = "1.3.1"
#: There is no COM here.
win32com_found = False
current_client: Optional["client"] = None
OPC_CLASS = _os.environ.get("OPC_CLASS", _OPC_CLASS)
OPC_SERVER = _os.environ.get("OPC_SERVER", _OPC_SERVER)


class client(_client):
    """A connection with an OPC server."""


#: The name that some forks gave it.
Client = client


class GroupEvents:
    """Events of a group in COM; kept for scripts that name it."""

    def OnDataChange(self, *_: Any) -> None:
        """Nothing calls it here."""


def open_client(host: str = "localhost", port: int = 7766) -> _GateClient:
    """A client that lives in a gateway."""
    return _Gate(host, port).create_client()


def get_sessions(host: str = "localhost", port: int = 7766) -> List[Tuple[Any, ...]]:
    """The clients that live in a gateway: address, start and last use of each."""
    with _Gate(host, port) as gate:
        return gate.get_clients()


def close_session(guid: str, host: str = "localhost", port: int = 7766) -> None:
    """Ends a client that lives in a gateway."""
    with _Gate(host, port) as gate:
        gate.release_client(guid)


def open(name: str) -> client:
    """A client connected to the server with this name or address, or on this host."""
    opened = client()
    try:
        opened.connect(name)
    except OPCError:
        if "://" in name:
            raise
        # The name may be that of a machine.
        opened.connect(f"opc.tcp://{name}")
    return opened
