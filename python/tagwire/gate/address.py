"""The address of a gateway: `opc+gate://host[:port][/ProgID][?host=...&zone=...]`."""

from __future__ import annotations

from datetime import tzinfo
from typing import NamedTuple, Optional
from urllib.parse import parse_qsl, unquote, urlsplit

from ..errors import UsageError

__all__ = ["Address", "PORT", "address"]

PORT = 7766
_FORM = "opc+gate://host:7766/Server.Name"


class Address(NamedTuple):
    """Where a gateway is, and what is behind it."""

    host: str
    port: int
    #: The OPC server, or several with `;` of which the first that works is taken; the gateway's own when there is none.
    server: Optional[str]
    #: The machine of the OPC server as the gateway sees it.
    server_host: Optional[str]
    #: The zone of the clock that the gateway labels as UTC; `None` where it is UTC.
    zone: Optional[tzinfo]


def address(url: str) -> Address:
    """Reads an address; raises `UsageError` for what is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise UsageError(f"{url!r} is no address such as {_FORM}: {error}") from None
    if not host:
        raise UsageError(f"{url!r} names no host; an address is {_FORM}")
    if parts.username is not None or parts.password is not None:
        raise UsageError(f"{url!r} names a user, and a gateway knows none")
    server = unquote(parts.path.strip("/"))
    server_host, zone = options.pop("host", None), options.pop("zone", None)
    if options:
        raise UsageError(f"{url!r} has {next(iter(options))}=, and only host= and zone= can be given")
    return Address(host, PORT if port is None else port, server or None, server_host, _zone(zone) if zone else None)


def _zone(name: str) -> tzinfo:
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise UsageError(f"there is no time zone {name!r}; one is named such as Europe/Berlin") from None
