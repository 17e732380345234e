"""From the name of an OPC server to the address of one that can be reached."""

from __future__ import annotations

import configparser
import os
import sys
from typing import Any, Dict, List

import tagwire

from .common import OPCError

__all__ = ["addresses", "alias_file", "aliases", "name_of", "open_first", "own_names"]

#: The port of OPC UA.
PORT = 4840
#: The names under which a tagwire server is listed.
OWN = "Tagwire.OPC.1"


def alias_file() -> str:
    """The file with the aliases: `OPC_ALIASES`, or `openopc.ini` in the folder of the user's settings."""
    named = os.environ.get("OPC_ALIASES")
    if named:
        return named
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(home, "tagwire", "openopc.ini")


def aliases() -> Dict[str, str]:
    """Names of OPC servers, each with its address, as the file lists them below `[aliases]`."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    # Names of servers are told apart by letter case on screen, though not when they are looked up.
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read(alias_file(), encoding="utf-8")
    except configparser.Error as error:
        raise OPCError(f"Connect: {alias_file()}: {error}") from None
    return dict(parser["aliases"]) if parser.has_section("aliases") else {}


def host_address(host: str) -> str:
    """The address of the OPC UA server on a machine."""
    return f"opc.tcp://{host or 'localhost'}:{os.environ.get('OPC_PORT', PORT)}"


def addresses(name: str, host: str) -> List[str]:
    """Where a server with this name may be, best first."""
    if "://" in name:
        return [name]
    fixed = os.environ.get("OPC_URL")
    if fixed:
        return [fixed]
    known = {alias.lower(): url for alias, url in aliases().items()}
    if name.lower() in known:
        return [known[name.lower()]]
    return [host_address(host)]


def own_names(host: str) -> List[str]:
    """The names of the servers that can be connected to through this machine."""
    found = list(aliases())
    if os.environ.get("OPC_URL") and not found:
        found.append(OWN)
    return found


def name_of(server: tagwire.Client) -> str:
    """The name under which a server is listed: its own, where that is one as OPC Classic has them."""
    told = server.read("_System._Name")
    is_name = told.is_good and isinstance(told.value, str) and "." in told.value and " " not in told.value
    return str(told.value) if is_name else OWN


def open_first(names: str, host: str, **options: Any) -> "tuple[tagwire.Client, str]":
    """A session with the first server of a `;` list that answers, and the name it has in the list."""
    wanted = [name.strip() for name in names.split(";") if name.strip()]
    problems: List[str] = []
    tried: Dict[str, str] = {}
    for name in wanted:
        for url in addresses(name, host):
            if url in tried:
                continue
            try:
                return tagwire.connect(url, **options), name
            except (tagwire.Error, ValueError) as error:
                tried[url] = str(error)
                problems.append(f"{name}: {error}")
    text = "; ".join(problems) if problems else "no server is named"
    hint = "" if sys.platform == "win32" else f" (names are looked up in OPC_URL and in {alias_file()})"
    raise OPCError(f"Connect: {text}{hint}")
