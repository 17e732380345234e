"""The command `opc`: switches and output of OpenOPC's."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Callable, Dict, Iterable, List, NoReturn, Optional, Sequence, Tuple

import OpenOPC
from OpenOPC import OPCError

__all__ = ["main"]

USAGE = """\
usage: opc [OPTIONS] [ITEM|PATH...]

Actions:
  -r, --read                 read items (what is done when nothing else is said)
  -w, --write                write: ITEM=VALUE ... or ITEM VALUE ...
  -p, --properties           properties of items
  -l, --list                 list branches and items below paths
  -f, --flat                 list items by a pattern over all of them
  -i, --info                 what is known about the server
  -q, --servers              servers that can be connected to
  -S, --sessions             clients that live in the gateway

Options:
  -m, --mode MODE            open (through a gateway) or dcom (directly)     [OPC_MODE]
  -C, --class CLASS          kept for old scripts                           [OPC_CLASS]
  -n, --name NAME            name of the client                             [OPC_CLIENT]
  -h, --host HOST            machine of the OPC server                      [OPC_HOST]
  -s, --server SERVER        name or address of the OPC server              [OPC_SERVER]
  -H, --gate-host HOST       machine of the gateway; implies mode open      [OPC_GATE_HOST]
  -P, --gate-port PORT       port of the gateway; implies mode open         [OPC_GATE_PORT]
  -F, --function FUNCTION    sync or async
  -c, --source SOURCE        cache, device or hybrid
  -g, --size N               items per group
  -z, --pause MS             pause between groups
  -u, --update MS            update rate of groups
  -t, --timeout MS           longest wait                                   [OPC_TIMEOUT]
  -o, --output FORMAT        table, values, pairs, csv or html
  -L, --repeat SEC           do it again and again
  -y, --id ID,...            numbers of properties
  -a, --append TEXT,...      texts that are appended to each item
  -x, --rotate N             N values per row
  -e, --errors               add the text of errors
  -R, --recursive            list everything below
  -v, --verbose              say what is done
  -, --pipe                  items, or item,value lines, from standard input
  --help, /?                 this text
A + in an item stands for a space.
"""

#: Letter, word, and whether a value follows.
SWITCHES: List[Tuple[str, str, bool]] = [
    ("r", "read", False), ("w", "write", False), ("p", "properties", False), ("l", "list", False),
    ("f", "flat", False), ("i", "info", False), ("q", "servers", False), ("S", "sessions", False),
    ("R", "recursive", False), ("v", "verbose", False), ("e", "errors", False), ("m", "mode", True),
    ("C", "class", True), ("n", "name", True), ("h", "host", True), ("s", "server", True), ("H", "gate-host", True),
    ("P", "gate-port", True), ("F", "function", True), ("c", "source", True), ("g", "size", True),
    ("z", "pause", True), ("u", "update", True), ("t", "timeout", True), ("o", "output", True), ("L", "repeat", True),
    ("y", "id", True), ("a", "append", True), ("x", "rotate", True), ("", "pipe", False),
]  # fmt: skip
ACTIONS = ("write", "properties", "list", "flat", "info", "servers", "sessions", "read")


class Usage(Exception):
    """The command line makes no sense."""


def parse(words: Sequence[str]) -> Tuple[Dict[str, str], List[str]]:
    """The switches by their words, and what else was said."""
    letters = {letter: (word, takes) for letter, word, takes in SWITCHES if letter}
    long = {word: takes for _, word, takes in SWITCHES}
    found: Dict[str, str] = {}
    rest: List[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word == "--":
            rest += queue
            break
        if word == "-":
            found["pipe"] = ""
        elif word.startswith("--"):
            name, has_value, value = word[2:].partition("=")
            if name not in long:
                raise Usage(f"there is no switch --{name}")
            if long[name] and not has_value:
                if not queue:
                    raise Usage(f"--{name} takes a value")
                value = queue.pop(0)
            found[name] = value
        elif word.startswith("-") and not _is_number(word):
            cluster = word[1:]
            while cluster:
                letter, cluster = cluster[0], cluster[1:]
                if letter not in letters:
                    raise Usage(f"there is no switch -{letter}")
                name, takes = letters[letter]
                value = ""
                if takes:
                    value, cluster = cluster or (queue.pop(0) if queue else ""), ""
                    if not value:
                        raise Usage(f"-{letter} takes a value")
                found[name] = value
        else:
            rest.append(word)
    return found, rest


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


class Options:
    """The switches with what the environment says where they are left out."""

    def __init__(self, switches: Dict[str, str], words: List[str]) -> None:
        environment = os.environ.get
        self.action = next((action for action in ACTIONS if action in switches), "read")
        self.mode = switches.get("mode") or environment("OPC_MODE") or "dcom"
        self.gate_host = switches.get("gate-host") or environment("OPC_GATE_HOST") or "localhost"
        self.gate_port = self._whole(switches.get("gate-port") or environment("OPC_GATE_PORT") or "7766", "--gate-port")
        if "gate-host" in switches or "gate-port" in switches:
            self.mode = "open"
        if self.mode not in ("open", "dcom"):
            raise Usage("--mode is open or dcom")
        self.opc_class = switches.get("class") or environment("OPC_CLASS")
        self.name = switches.get("name") or environment("OPC_CLIENT")
        self.host = switches.get("host") or environment("OPC_HOST") or "localhost"
        self.server = switches.get("server") or environment("OPC_SERVER")
        self.is_sync = self._one_of(switches.get("function", "async"), "--function", ("sync", "async")) == "sync"
        self.source = self._one_of(switches.get("source", "hybrid"), "--source", ("cache", "device", "hybrid"))
        self.output = self._one_of(
            switches.get("output", "table"), "--output", ("table", "values", "pairs", "csv", "html")
        )
        self.size = self._whole(switches["size"], "--size") if "size" in switches else None
        self.pause = self._whole(switches.get("pause", "0"), "--pause")
        self.update = self._whole(switches.get("update", "-1"), "--update")
        self.timeout = self._whole(switches.get("timeout") or environment("OPC_TIMEOUT") or "5000", "--timeout")
        self.repeat = float(switches["repeat"]) if _is_number(switches.get("repeat", "")) else None
        if "repeat" in switches and self.repeat is None:
            raise Usage("--repeat is a number of seconds")
        self.rotate = self._whole(switches["rotate"], "--rotate") if "rotate" in switches else None
        if self.rotate is not None and self.output in ("values", "pairs"):
            raise Usage("--rotate does not go with --output values or pairs")
        numbers = [self._whole(part, "--id") for part in switches.get("id", "").split(",") if part]
        self.id: Any = None if not numbers else numbers[0] if len(numbers) == 1 else numbers
        self.errors = "errors" in switches
        self.recursive = "recursive" in switches
        self.verbose = "verbose" in switches
        self.is_piped = "pipe" in switches
        suffixes = [part for part in switches.get("append", "").split(",") if part]
        self.words = [word.replace("+", " ") for word in words]
        self.suffixes = suffixes

    @staticmethod
    def _whole(text: str, switch: str) -> int:
        try:
            return int(text)
        except ValueError:
            raise Usage(f"{switch} is a whole number, not {text!r}") from None

    @staticmethod
    def _one_of(text: str, switch: str, allowed: Tuple[str, ...]) -> str:
        if text not in allowed:
            raise Usage(f"{switch} is {', '.join(allowed[:-1])} or {allowed[-1]}")
        return text


def cell(value: Any) -> str:
    """A value in a table."""
    if isinstance(value, float):
        return f"{value:.4f}"
    return "" if value is None else str(value)


def rotated(rows: List[Tuple[Any, ...]], width: int) -> List[Tuple[Any, ...]]:
    """The values of all rows, so many per row."""
    values = [row[1] if len(row) > 1 else row[0] for row in rows]
    return [tuple(values[first : first + width]) for first in range(0, len(values), max(width, 1))]


def show(rows: List[Tuple[Any, ...]], output: str, value_at: int, say: Callable[[str], Any]) -> None:
    """Prints rows in one of the formats."""
    if output == "values":
        for row in rows:
            say(str(row[min(value_at, len(row) - 1)]))
    elif output == "pairs":
        for row in rows:
            say(f"{row[0]},{row[min(value_at, len(row) - 1)]}")
    elif output == "csv":
        for row in rows:
            say(",".join(str(value) for value in row))
    elif output == "html":
        say("<table border=1>")
        for row in rows:
            say("<tr>" + "".join(f"<td>{value}</td>" for value in row) + "</tr>")
        say("</table>")
    else:
        n_columns = max((len(row) for row in rows), default=0)
        widths = [max(len(cell(row[at])) for row in rows if at < len(row)) + 5 for at in range(n_columns)]
        for row in rows:
            say("".join(cell(value).ljust(width) for value, width in zip(row, widths)).rstrip())


def piped(action: str) -> List[str]:
    """The words of standard input: items, or with a value behind a comma."""
    words: List[str] = []
    for line in sys.stdin:
        text = line.strip()
        if text:
            item, _, value = text.partition(",")
            words += [item, value] if action == "write" else [item]
    return words


def pairs(words: List[str]) -> List[Tuple[str, Any]]:
    """Items and values from `ITEM=VALUE` or `ITEM VALUE`."""
    found: List[Tuple[str, str]] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        item, equals, value = word.partition("=")
        # A node id has an equals sign of its own.
        if word.startswith(("ns=", "i=", "s=")):
            equals = ""
            item = word
        if not equals:
            if not queue:
                raise Usage(f"there is no value for {item}")
            value = queue.pop(0)
        found.append((item, value))
    return [(item, literal(value)) for item, value in found]


def literal(text: str) -> Any:
    """A number, true or false, a list in brackets, else the text."""
    import ast

    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, (bool, int, float, str, list, tuple)) else text


def action_rows(opc: Any, options: Options, words: List[str]) -> Tuple[List[Tuple[Any, ...]], int]:
    """The rows of an action, and the column of the value."""
    if options.action == "read":
        rows = opc.read(
            words, size=options.size, pause=options.pause, source=options.source, update=options.update,
            timeout=options.timeout, sync=options.is_sync, include_error=options.errors,
        )  # fmt: skip
        return list(rows), 1
    if options.action == "write":
        return list(opc.write(pairs(words), size=options.size, pause=options.pause, include_error=options.errors)), 1
    if options.action == "properties":
        rows = [(tag, *row) for tag in words for row in _property_rows(opc, tag, options.id)]
        return rows, len(rows[0]) - 1 if rows else 0
    if options.action in ("list", "flat"):
        found = opc.list(words or "*", options.recursive, options.action == "flat")
        return [(name,) for name in found], 0
    if options.action == "info":
        return list(opc.info()), 1
    return [(name,) for name in opc.servers(options.host)], 0


def _property_rows(opc: Any, tag: str, id: Any) -> Iterable[Tuple[Any, ...]]:
    found = opc.properties(tag, id)
    return [(id, found)] if isinstance(id, int) else found


def connected(options: Options) -> Any:
    """A client, connected unless only the servers are asked for."""
    if options.mode == "open":
        opc: Any = OpenOPC.open_client(options.gate_host, options.gate_port)
    else:
        opc = OpenOPC.client(options.opc_class, options.name)
    if options.verbose:
        opc.set_trace(lambda line: print(line, file=sys.stderr))
    if options.action != "servers":
        opc.connect(options.server, options.host)
    return opc


def sessions(options: Options) -> None:
    """Prints the clients that live in a gateway."""
    print("  " + "Remote Client".ljust(38) + "Start Time".ljust(18) + "Last Transaction".ljust(18).rstrip())
    for row in OpenOPC.get_sessions(options.gate_host, options.gate_port):
        name, start, last = (list(row) + ["", ""])[:3]
        print(("  " + str(name).ljust(38) + _clock(start).ljust(18) + _clock(last).ljust(18)).rstrip())


def _clock(when: Any) -> str:
    return time.strftime("%x %H:%M:%S", time.localtime(when)) if isinstance(when, (int, float)) else str(when)


def run(options: Options) -> int:
    """Does what was asked for; gives the exit code."""
    if options.action == "sessions":
        sessions(options)
        return 0
    words = options.words + (piped(options.action) if options.is_piped else [])
    if options.suffixes and options.action != "write":
        words = [word + suffix for word in words for suffix in options.suffixes]
    if options.action in ("read", "write", "properties") and not words:
        raise Usage(f"no item is named to {options.action}")
    opc = connected(options)
    try:
        while True:
            begun = time.monotonic()
            rows, value_at = action_rows(opc, options, words)
            shown = rotated(rows, options.rotate) if options.rotate else rows
            show(shown, options.output, value_at, print)
            if options.output == "table" and options.action in ("read", "write"):
                good = sum(row[1] == "Success" if options.action == "write" else row[2] != "Error" for row in rows)
                verb = "Read" if options.action == "read" else "Wrote"
                print(f"\n{verb} {good} of {len(rows)} items ({time.monotonic() - begun:.2f} seconds)")
            sys.stdout.flush()
            if options.repeat is None:
                failed = options.action == "write" and any(row[1] != "Success" for row in rows)
                return 1 if failed else 0
            time.sleep(options.repeat)
    finally:
        opc.close()


def fail(text: str, code: int) -> NoReturn:
    """Says why, and ends."""
    print(f"opc: {text}", file=sys.stderr)
    sys.exit(code)


def main(words: Optional[Sequence[str]] = None) -> int:
    """Runs the command."""
    given = list(sys.argv[1:] if words is None else words)
    if not given or any(word in ("/?", "--help") for word in given):
        print(USAGE, end="")
        return 0
    try:
        return run(Options(*parse(given)))
    except Usage as error:
        fail(f"{error}; opc --help tells more", 2)
    except (OPCError, OpenOPC.TimeoutError, TypeError, ValueError) as error:
        fail(str(error), 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
