"""The client of OpenOPC, over a session of OPC UA."""

from __future__ import annotations

import os
import socket
import threading
import time
from types import TracebackType
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Type, Union

import tagwire

from . import common, health, resolve
from .common import OPCError, TimeoutError, printable, timestamp
from .properties import DESCRIPTIONS, quality_of, read_properties
from .tree import Tree

__all__ = ["client"]

#: Statuses that mean that there is no such item, or none that may be read.
_NO_ITEM = {0x80330000, 0x80340000, 0x80350000, 0x803A0000, 0x801F0000, 0x80360000, 0x80370000}
_BAD_TYPE_MISMATCH = 0x80740000
#: Seconds that a value from the cache may be old.
_CACHE = 86_400.0
#: Items that `subscribe` watches at most when none are named.
_MAX_WATCHED = 10_000


class _Group:
    """Items that are read together."""

    def __init__(self, tags: List[str]) -> None:
        self.tags = tags
        self.is_fresh = True


class client:
    """A connection with an OPC server, as OpenOPC offers it."""

    def __init__(self, opc_class: Optional[str] = None, client_name: Optional[str] = None) -> None:
        self.opc_class = opc_class or os.environ.get("OPC_CLASS", common.OPC_CLASS).split(";")[0]
        self.client_name = client_name or os.environ.get("OPC_CLIENT", common.OPC_CLIENT)
        self.opc_server = ""
        self.opc_host = "localhost"
        self.trace: Optional[Callable[[str], Any]] = None
        self._client: Optional[tagwire.Client] = None
        self._groups: Dict[str, _Group] = {}
        #: The sub-groups of each group that was split by size.
        self._used: Dict[str, None] = {}
        self._dispatch: Optional[threading.Thread] = None
        self._stopping = threading.Event()
        self._watches: List[Tuple[Callable[..., Any], int, Optional[List[str]]]] = []

    # --- the connection

    def connect(self, opc_server: Optional[str] = None, opc_host: str = "localhost") -> None:
        """Connects to a server, or to the first of a `;` list that answers; again to the last one without a name."""
        names = opc_server or self.opc_server or os.environ.get("OPC_SERVER", common.OPC_SERVER)
        self._note(f"Connect({names},{opc_host})")
        opened, name = resolve.open_first(names, opc_host, name=self.client_name)
        self._end_session()
        self._client, self.opc_server, self.opc_host = opened, name, opc_host
        self._groups.clear()
        self._used.clear()

    def close(self, del_object: bool = True) -> None:
        """Removes the groups and disconnects; a second time does nothing."""
        self._note("Disconnect()")
        self.stop()
        self._groups.clear()
        self._used.clear()
        self._end_session()

    def _end_session(self) -> None:
        ended, self._client = self._client, None
        if ended is not None:
            ended.close()

    def __enter__(self) -> client:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def _session(self, function: str) -> tagwire.Client:
        if self._client is None:
            raise OPCError(f"{function}: not connected; call connect() first")
        return self._client

    def _note(self, text: str) -> None:
        if self.trace:
            self.trace(text)

    def GUID(self) -> Optional[str]:
        """The address of the gateway's object; a direct connection has none."""
        return None

    def set_trace(self, trace: Optional[Callable[[str], Any]]) -> None:
        """Calls `trace` with a line for everything that is done."""
        self.trace = trace

    # --- reading

    def iread(
        self,
        tags: Union[None, str, Sequence[str]] = None,
        group: Optional[str] = None,
        size: Optional[int] = None,
        pause: int = 0,
        source: str = "hybrid",
        update: int = -1,
        timeout: int = 5000,
        sync: bool = False,
        include_error: bool = False,
        rebuild: bool = False,
    ) -> Iterator[Tuple[Any, ...]]:
        """As `read`, one item after the other."""
        names, is_single, is_text = common.type_check(tags)
        if not is_text:
            raise TypeError("iread(): 'tags' parameter must be a string or a list of strings")
        if source not in ("hybrid", "cache", "device"):
            raise ValueError("iread(): 'source' parameter must be 'hybrid', 'cache' or 'device'")
        if group is None and tags is None:
            raise TypeError("iread(): 'tags' or 'group' parameter must be given")
        return self._iread(names, is_single, group, size, pause, source, timeout, include_error, rebuild)

    def _iread(
        self,
        names: List[str],
        is_single: bool,
        group: Optional[str],
        size: Optional[int],
        pause: int,
        source: str,
        timeout: int,
        include_error: bool,
        rebuild: bool,
    ) -> Iterator[Tuple[Any, ...]]:
        at = [health.is_health(name) for name in names]
        if any(at):
            if not all(at):
                raise TypeError("iread(): health tags, which begin with @, cannot be read together with OPC tags")
            for name in names:
                value, quality, stamp = health.read_health(name)
                more = ("" if quality == "Good" else "unknown health tag",) if include_error else ()
                yield (value, quality, stamp, *more) if is_single else (name, value, quality, stamp, *more)
            return
        members, is_fresh = self._group(names, group, size, rebuild)
        max_age = 0.0 if source == "device" or (source == "hybrid" and is_fresh) else _CACHE
        step = size or len(members) or 1
        for first in range(0, len(members), step):
            if first and pause:
                time.sleep(pause / 1000)
            for sample in self._read(members[first : first + step], max_age, timeout):
                row = self._row(sample, include_error)
                yield row if is_single and group is None else (sample.tag, *row)

    def _group(self, names: List[str], group: Optional[str], size: Optional[int], rebuild: bool) -> Tuple[List[str], bool]:
        """The items to read, and whether the group is read for the first time."""
        if group is None:
            return names, True
        known = self._groups.get(group)
        if known is None or rebuild:
            if not names:
                if known is None:
                    raise OPCError(f"read: there is no group {group!r}, and no tags are given to make it")
                names = known.tags
            self._remove(group)
            known = self._groups[group] = _Group(names)
            parts = range((len(names) + size - 1) // size) if size else ()
            self._used.update(dict.fromkeys([f"{group}.{part}" for part in parts] if size else [group]))
            self._note(f"AddGroup({group})")
        is_fresh, known.is_fresh = known.is_fresh, False
        return known.tags, is_fresh

    def _read(self, names: List[str], max_age: float, timeout: int) -> List[tagwire.Sample]:
        session = self._session("read")
        self._note(f"Read({common.tags2trace(names)})")
        # A name that can be none is an error in place, as an unknown one is.
        try:
            return session.read(names, max_age=max_age)
        except tagwire.TimeoutError as error:
            raise TimeoutError(f"Callback: Timeout waiting for data ({error})") from None
        except tagwire.UsageError as error:
            if len(names) == 1 or isinstance(error, tagwire.ClosedError):
                return [_Missing(name, str(error)) for name in names]  # type: ignore[misc]
            return [sample for name in names for sample in self._read([name], max_age, timeout)]
        except tagwire.Error as error:
            raise OPCError(f"SyncRead: {error}") from None

    def _row(self, sample: tagwire.Sample, include_error: bool) -> Tuple[Any, ...]:
        if int(sample.status) & 0xFFFF0000 in _NO_ITEM:
            row: Tuple[Any, ...] = (None, "Error", None)
        else:
            row = (printable(sample.value), quality_of(sample), timestamp(sample.source_time or sample.server_time))
        error = "" if sample.is_good else str(sample.status)
        return (*row, error) if include_error else row

    def read(
        self,
        tags: Union[None, str, Sequence[str]] = None,
        group: Optional[str] = None,
        size: Optional[int] = None,
        pause: int = 0,
        source: str = "hybrid",
        update: int = -1,
        timeout: int = 5000,
        sync: bool = False,
        include_error: bool = False,
        rebuild: bool = False,
    ) -> Any:
        """Value, quality and time of an item, or of each item of a list or group with its name."""
        _, is_single, is_text = common.type_check(tags)
        if not is_text:
            raise TypeError("read(): 'tags' parameter must be a string or a list of strings")
        rows = list(self.iread(tags, group, size, pause, source, update, timeout, sync, include_error, rebuild))
        return rows[0] if is_single and group is None else self._single_of_group(rows, is_single)

    @staticmethod
    def _single_of_group(rows: List[Tuple[Any, ...]], is_single: bool) -> Any:
        return rows[0][1:] if is_single and len(rows) == 1 else rows

    def __getitem__(self, tag: str) -> Any:
        return self.read(tag)[0]

    # --- writing

    def write(
        self,
        tag_value_pairs: Any,
        size: Optional[int] = None,
        pause: int = 0,
        include_error: bool = False,
    ) -> Any:
        """Writes a `(tag, value)`, a list of them, or a dictionary; says of each whether it was written."""
        _, is_single = self._pairs("write", tag_value_pairs)
        rows = list(self.iwrite(tag_value_pairs, size, pause, include_error))
        return rows[0] if is_single else rows

    def iwrite(
        self,
        tag_value_pairs: Any,
        size: Optional[int] = None,
        pause: int = 0,
        include_error: bool = False,
    ) -> Iterator[Any]:
        """As `write`, one item after the other."""
        pairs, is_single = self._pairs("iwrite", tag_value_pairs)
        return self._iwrite(pairs, is_single, size, pause, include_error)

    def _iwrite(
        self, pairs: List[Tuple[str, Any]], is_single: bool, size: Optional[int], pause: int, include_error: bool
    ) -> Iterator[Any]:
        step = size or len(pairs) or 1
        for first in range(0, len(pairs), step):
            if first and pause:
                time.sleep(pause / 1000)
            chunk = pairs[first : first + step]
            for (tag, _), (word, text) in zip(chunk, self._write(chunk)):
                more = (text,) if include_error else ()
                if is_single:
                    yield (word, text) if include_error else word
                else:
                    yield (tag, word, *more)

    @staticmethod
    def _pairs(function: str, given: Any) -> Tuple[List[Tuple[str, Any]], bool]:
        wrong = TypeError(f"{function}(): 'tag_value_pairs' parameter must be a (tag, value) tuple or a list of (tag, value) tuples")
        if isinstance(given, Mapping):
            pairs = list(given.items())
            is_single = False
        elif isinstance(given, (list, tuple)) and len(given) == 2 and isinstance(given[0], str):
            pairs = [(given[0], given[1])]
            is_single = True
        elif isinstance(given, (list, tuple)):
            if not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in given):
                raise wrong
            pairs = [(pair[0], pair[1]) for pair in given]
            is_single = False
        else:
            raise wrong
        if not all(isinstance(tag, str) for tag, _ in pairs):
            raise wrong
        return pairs, is_single

    def _write(self, pairs: List[Tuple[str, Any]]) -> List[Tuple[str, str]]:
        return [self._write_one(tag, value) for tag, value in pairs] if self._is_odd(pairs) else self._write_all(pairs)

    @staticmethod
    def _is_odd(pairs: List[Tuple[str, Any]]) -> bool:
        return len({tag for tag, _ in pairs}) != len(pairs)

    def _write_all(self, pairs: List[Tuple[str, Any]]) -> List[Tuple[str, str]]:
        session = self._session("write")
        self._note(f"Write({common.tags2trace([tag for tag, _ in pairs])})")
        try:
            statuses = session.try_write(dict(pairs))
        except tagwire.TimeoutError as error:
            raise TimeoutError(f"write: {error}") from None
        except (tagwire.UsageError, TypeError, ValueError, OverflowError) as error:
            if len(pairs) == 1:
                return [("Error", str(error))]
            return [self._write_one(tag, value) for tag, value in pairs]
        except tagwire.Error as error:
            raise OPCError(f"write: {error}") from None
        results = []
        for (tag, value), status in zip(pairs, statuses):
            # Scripts switch with 0 and 1.
            if status & 0xFFFF0000 == _BAD_TYPE_MISMATCH and type(value) is int and value in (0, 1):
                (status,) = session.try_write({tag: bool(value)})
            results.append(("Error", str(status)) if status.is_bad else ("Success", ""))
        return results

    def _write_one(self, tag: str, value: Any) -> Tuple[str, str]:
        return self._write_all([(tag, value)])[0]

    def __setitem__(self, tag: str, value: Any) -> None:
        self.write((tag, value))

    # --- groups

    def groups(self) -> List[str]:
        """The names of the groups."""
        return list(self._used)

    def remove(self, groups: Union[str, Sequence[str]]) -> None:
        """Forgets groups; unknown names are ignored."""
        names, _, is_text = common.type_check(groups)
        if not is_text:
            raise TypeError("remove(): 'groups' parameter must be a string or a list of strings")
        for name in names:
            self._remove(name)

    def _remove(self, name: str) -> None:
        self._groups.pop(name, None)
        for used in [used for used in self._used if used == name or used.rpartition(".")[0] == name]:
            self._note(f"RemoveGroup({used})")
            del self._used[used]

    # --- properties

    def properties(self, tags: Union[str, Sequence[str]], id: Union[None, int, Sequence[int]] = None) -> Any:
        """The properties of an item, or of each item of a list."""
        _, is_single, is_text = common.type_check(tags)
        if not is_text:
            raise TypeError("properties(): 'tags' parameter must be a string or a list of strings")
        rows = list(self.iproperties(tags, id))
        return rows[0] if is_single and isinstance(id, int) else rows

    def iproperties(self, tags: Union[str, Sequence[str]], id: Union[None, int, Sequence[int]] = None) -> Iterator[Any]:
        """As `properties`, one after the other."""
        names, is_single, is_text = common.type_check(tags)
        if not is_text:
            raise TypeError("iproperties(): 'tags' parameter must be a string or a list of strings")
        return self._iproperties(names, is_single, id)

    def _iproperties(self, names: List[str], is_single: bool, id: Union[None, int, Sequence[int]]) -> Iterator[Any]:
        session = self._session("properties")
        try:
            found = read_properties(session, names)
        except tagwire.TimeoutError as error:
            raise TimeoutError(f"properties: {error}") from None
        except tagwire.Error as error:
            raise OPCError(f"properties: {error}") from None
        for tag, pairs in zip(names, found):
            if pairs is None:
                raise OPCError(f"properties: {tag}: there is no such item")
            values = {0: tag, **dict(pairs)}
            if id is None:
                for number, value in values.items():
                    text = DESCRIPTIONS.get(number, "Item ID (virtual property)")
                    yield (number, text, value) if is_single else (tag, number, text, value)
            elif isinstance(id, int):
                yield values.get(id) if is_single else (tag, values.get(id))
            else:
                wanted = sorted(id, key=lambda number: number != 0)
                for number in wanted:
                    yield (number, values.get(number)) if is_single else (tag, number, values.get(number))

    # --- browsing

    def list(
        self, paths: Union[str, Sequence[str]] = "*", recursive: bool = False, flat: bool = False,
        include_type: bool = False,
    ) -> List[Any]:  # fmt: skip
        """Names of branches and item IDs of leaves."""
        return [entry for entry in self.ilist(paths, recursive, flat, include_type)]

    def ilist(
        self, paths: Union[str, Sequence[str]] = "*", recursive: bool = False, flat: bool = False,
        include_type: bool = False,
    ) -> Iterator[Any]:  # fmt: skip
        """As `list`, one after the other."""
        names, _, is_text = common.type_check(paths)
        if not is_text:
            raise TypeError("list(): 'paths' parameter must be a string or a list of strings")
        return self._ilist(names, recursive, flat, include_type)

    def _ilist(self, names: List[str], recursive: bool, flat: bool, include_type: bool) -> Iterator[Any]:
        session = self._session("list")
        try:
            for name, kind in Tree(session).list(names, recursive, flat):
                yield (name, kind) if include_type else name
        except tagwire.TimeoutError as error:
            raise TimeoutError(f"list: {error}") from None
        except tagwire.Error as error:
            raise OPCError(f"list: {error}") from None

    # --- the server

    def servers(self, opc_host: str = "localhost") -> List[str]:
        """The names of the servers that can be connected to."""
        found = resolve.own_names(opc_host)
        if self._client is not None and self.opc_server not in found:
            found.append(self.opc_server)
        if not found:
            try:
                with tagwire.connect(resolve.host_address(opc_host), timeout=2) as server:
                    found.append(resolve.name_of(server))
            except tagwire.Error as error:
                raise OPCError(f"servers: {error}") from None
        return found

    def info(self) -> List[Tuple[str, Any]]:
        """What is known about client and server, as pairs of name and value."""
        session = self._session("info")
        # Of ServerStatus: state, start, time; of its BuildInfo: version, number, manufacturer.
        nodes = ["i=2259", "i=2257", "i=2258", "i=2264", "i=2265", "i=2263"]
        try:
            state, start, now, version, build, vendor = session.read(nodes)
        except tagwire.Error as error:
            raise OPCError(f"info: {error}") from None
        states = {0: "Running", 1: "Failed", 2: "NoConfig", 3: "Suspended", 5: "Test"}
        return [
            ("Protocol", "OPC UA"),
            ("Class", self.opc_class),
            ("Client Name", self.client_name),
            ("OPC Host", self.opc_host if self.opc_host != "localhost" else socket.gethostname()),
            ("OPC Server", self.opc_server),
            ("State", states.get(state.value, "Unknown")),
            ("Version", f"{version.value} (Build {build.value})"),
            ("Browser", common.BROWSER_TYPE[1]),
            ("Start Time", timestamp(start.value)),
            ("Current Time", timestamp(now.value)),
            ("Vendor", vendor.value),
        ]

    def ping(self) -> bool:
        """Whether the server answers."""
        if self._client is None:
            return False
        try:
            return self._client.read("i=2258").is_good
        except tagwire.Error:
            return False

    # --- callbacks

    def subscribe(
        self, callback: Callable[[str, Any, str, Optional[str]], Any], refresh: int = 1000,
        items: Union[None, str, Sequence[str]] = None,
    ) -> None:  # fmt: skip
        """Has `callback(item, value, quality, timestamp)` called for the current values and for each change.

        items: all leaves below the root when left out, 10,000 at most. `start()` begins.
        """
        names = None if items is None else common.type_check(items)[0]
        self._watches.append((callback, refresh, names))

    def start(self) -> None:
        """Begins to call back, in a thread that keeps the script alive until `stop()` or `close()`."""
        session = self._session("start")
        if self._dispatch is not None:
            return
        self._stopping.clear()
        opened = []
        for callback, refresh, names in self._watches:
            if names is None:
                names = self.list(recursive=True)[:_MAX_WATCHED]
            opened.append((session.subscribe(names, every=max(refresh, 10) / 1000), callback))
        self._dispatch = threading.Thread(target=self._dispatch_all, args=(opened,), name="OpenOPC dispatch")
        self._dispatch.start()

    def _dispatch_all(self, opened: List[Tuple[tagwire.Subscription, Callable[..., Any]]]) -> None:
        while opened and not self._stopping.is_set():
            for changes, callback in opened:
                try:
                    batch = changes.batch(timeout=0.1 / len(opened))
                except tagwire.Error:
                    return
                for sample in batch:
                    if self._stopping.is_set():
                        break
                    callback(sample.tag, *self._row(sample, False))
        for changes, _ in opened:
            try:
                changes.close()
            except tagwire.Error:
                pass

    def stop(self) -> None:
        """Ends the calling back."""
        self._stopping.set()
        thread, self._dispatch = self._dispatch, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()


class _Missing:
    """A sample of an item that cannot exist."""

    def __init__(self, tag: str, problem: str) -> None:
        self.tag = tag
        self.value = None
        self.status = tagwire.Status(0x80330000)
        self.is_good = False
        self.problem = problem
