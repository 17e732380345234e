"""Read, write, watch and look back at the tags of any OPC UA server.

>>> import tagwire
>>> with tagwire.connect("opc.tcp://localhost:4840") as plant:  # doctest: +SKIP
...     plant["pump.speed"]
...     plant.history("pump.speed", "-1h", aggregate="avg", every="1m").to_pandas()

`tagwire.aio` has the same operations for an event loop.
"""

from __future__ import annotations

from . import aio, errors
from ._native import Node, Sample, __version__
from ._sync import Client, EventStream, Subscription, connect
from ._types import Quality, Status
from .errors import (
    AccessError,
    ClosedError,
    ConnectError,
    Error,
    ItemError,
    PeerError,
    RefusedError,
    TimeoutError,
    TrustError,
    UnknownTagError,
    UsageError,
    WriteError,
)
from .events import Event
from .history import History
from .plotting import Trend, plot

# People know them by the name under which they are found here.
for _public in (Client, EventStream, Subscription, connect):
    _public.__module__ = __name__
del _public

__all__ = [
    "AccessError",
    "Client",
    "ClosedError",
    "ConnectError",
    "Error",
    "Event",
    "EventStream",
    "History",
    "ItemError",
    "Node",
    "PeerError",
    "Quality",
    "RefusedError",
    "Sample",
    "Status",
    "Subscription",
    "TimeoutError",
    "Trend",
    "TrustError",
    "UnknownTagError",
    "UsageError",
    "WriteError",
    "__version__",
    "aio",
    "connect",
    "errors",
    "plot",
]
