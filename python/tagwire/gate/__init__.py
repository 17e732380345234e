"""OpenOPC gateways: what `opc+gate://` addresses stand for.

- `literal`: payloads, which are literals of Python and are never evaluated.
- `wire`: the messages of Pyro4 and of Pyro5.
- `link`: a connection that calls the objects of a gateway.
- `address`: the address of a gateway.
- `told`: what a gateway's words for quality, time and failures mean.
- `rows`: items in parts that fit a message, and rows about them.
- `work`: operations that a thread waits for or an event loop awaits.
- `core`: the client that lives in the gateway, over connections that come and go.
- `session`: every operation of a session.
- `poll`: changes, by asking for a group again and again.
"""

from .link import CLIENTS, SERVICE, Link, RemoteError, client_name
from .session import connect

__all__ = ["CLIENTS", "SERVICE", "Link", "RemoteError", "client_name", "connect"]
