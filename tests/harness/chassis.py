"""A chassis of ours that speaks EtherNet/IP: sessions, connections, and routes to the controllers in its slots."""

import itertools
import struct
from dataclasses import dataclass, field

from .device import Listener, Unit

REGISTER_SESSION, UNREGISTER_SESSION, SEND_UNCONNECTED, SEND_CONNECTED = 0x65, 0x66, 0x6F, 0x70
HEADER = struct.Struct("<HHII8sI")
UNKNOWN_COMMAND, WRONG_DATA, UNKNOWN_SESSION = 1, 3, 0x64

CONNECTION_ADDRESS, CONNECTED_MESSAGE, UNCONNECTED_MESSAGE = 0xA1, 0xB1, 0xB2

CONNECTION_MANAGER = bytes([0x20, 0x06, 0x24, 0x01])
FORWARD_CLOSE, UNCONNECTED_SEND, FORWARD_OPEN, LARGE_FORWARD_OPEN = 0x4E, 0x52, 0x54, 0x5B

CONNECTION_FAILURE, UNSUPPORTED = 0x01, 0x08
NO_SUCH_CONNECTION, MODULE_SILENT, NO_SUCH_SLOT = 0x0107, 0x0204, 0x0312

_numbers = itertools.count(1)


@dataclass
class Request:
    """What one object is asked: a service, the path to the object, and the data of the service."""

    service: int
    path: bytes
    data: bytes

    @staticmethod
    def of(message: bytes) -> "Request":
        end = 2 + 2 * message[1]
        return Request(message[0], message[2:end], message[end:])

    def answer(self, data: bytes = b"", status: int = 0, *extended: int) -> bytes:
        words = struct.pack(f"<{len(extended)}H", *extended)
        return bytes([self.service | 0x80, 0, status, len(extended)]) + words + data


@dataclass
class Circuit:
    """An open connection: its number at the client's end, its serial number, and the slot that it leads to."""

    to_client: int
    serial: int
    slot: int


@dataclass
class Session:
    """What one client has opened."""

    number: int = 0
    circuits: dict[int, Circuit] = field(default_factory=dict)


class Chassis(Listener):
    """A network module with a controller for each unit, in the slot of the unit's number.

    Controllers in even slots are older ones that refuse large connections, so that both kinds are in use.
    """

    def __init__(self, units=(1,)):
        super().__init__()
        self.units = {unit: Unit() for unit in units}

    def answer(self, unit: Unit, request: Request) -> bytes:
        """What a controller answers to a request, however it came."""
        raise NotImplementedError

    async def _serve(self, reader, writer):
        session = Session()
        while True:
            head = await reader.readexactly(HEADER.size)
            command, length, number, _, context, _ = HEADER.unpack(head)
            data = await reader.readexactly(length)
            if command == UNREGISTER_SESSION:
                return
            answer, status = self._frame(session, command, number, data)
            if answer is None:
                continue
            writer.write(HEADER.pack(command, len(answer), session.number, status, context, 0) + answer)
            await writer.drain()

    def _frame(self, session: Session, command: int, number: int, data: bytes) -> tuple[bytes | None, int]:
        """The data of the answering frame, None for no answer, and the status of the frame."""
        if command == REGISTER_SESSION:
            session.number = next(_numbers)
            return data, 0
        if number != session.number or not number:
            return b"", UNKNOWN_SESSION
        items = _items(data)
        if command == SEND_UNCONNECTED:
            message = self._unconnected(session, Request.of(items[UNCONNECTED_MESSAGE]))
            return message and _packet(0, b"", UNCONNECTED_MESSAGE, message), 0
        if command != SEND_CONNECTED:
            return b"", UNKNOWN_COMMAND
        circuit = session.circuits.get(int.from_bytes(items[CONNECTION_ADDRESS], "little"))
        if circuit is None:
            return b"", WRONG_DATA
        sequence, message = items[CONNECTED_MESSAGE][:2], items[CONNECTED_MESSAGE][2:]
        message = self._ask(circuit.slot, Request.of(message))
        address = struct.pack("<I", circuit.to_client)
        return message and _packet(CONNECTION_ADDRESS, address, CONNECTED_MESSAGE, sequence + message), 0

    def _ask(self, slot: int, request: Request) -> bytes | None:
        unit = self.units[slot]
        return None if unit.mute else self.answer(unit, request)

    def _unconnected(self, session: Session, request: Request) -> bytes | None:
        """What the network module answers, or whom it passes the request on to."""
        if request.path != CONNECTION_MANAGER:
            return request.answer(b"", UNSUPPORTED)
        if request.service == UNCONNECTED_SEND:
            (length,) = struct.unpack_from("<H", request.data, 2)
            route = request.data[4 + length + length % 2 + 2 :]
            slot = self._slot(route)
            if slot is None:
                return request.answer(b"", CONNECTION_FAILURE, MODULE_SILENT)
            return self._ask(slot, Request.of(request.data[4 : 4 + length]))
        if request.service in (FORWARD_OPEN, LARGE_FORWARD_OPEN):
            return self._open(session, request)
        if request.service == FORWARD_CLOSE:
            serial, vendor, originator = struct.unpack_from("<HHI", request.data, 2)
            closed = [number for number, circuit in session.circuits.items() if circuit.serial == serial]
            if not closed:
                return request.answer(b"", CONNECTION_FAILURE, NO_SUCH_CONNECTION)
            del session.circuits[closed[0]]
            return request.answer(struct.pack("<HHIH", serial, vendor, originator, 0))
        return request.answer(b"", UNSUPPORTED)

    def _open(self, session: Session, request: Request) -> bytes | None:
        is_large = request.service == LARGE_FORWARD_OPEN
        to_client, serial, vendor, originator = struct.unpack_from("<IHHI", request.data, 6)
        (interval,) = struct.unpack_from("<I", request.data, 22)
        route = request.data[40 if is_large else 36 :]
        slot = self._slot(route[:2])
        if slot is None:
            return request.answer(b"", CONNECTION_FAILURE, NO_SUCH_SLOT)
        if self.units[slot].mute:
            return None
        if is_large and slot % 2 == 0:
            return request.answer(b"", UNSUPPORTED)
        number = 0x8000_0000 | next(_numbers)
        session.circuits[number] = Circuit(to_client, serial, slot)
        opened = (number, to_client, serial, vendor, originator, interval, interval, 0)
        return request.answer(struct.pack("<IIHHIIIH", *opened))

    def _slot(self, route: bytes) -> int | None:
        """The slot that a route over the backplane leads to, if somebody is there."""
        return route[1] if len(route) == 2 and route[0] == 1 and route[1] in self.units else None


def _items(data: bytes) -> dict[int, bytes]:
    """The items of a packet by their types."""
    (n_items,) = struct.unpack_from("<H", data, 6)
    items, at = {}, 8
    for _ in range(n_items):
        kind, length = struct.unpack_from("<HH", data, at)
        items[kind] = data[at + 4 : at + 4 + length]
        at += 4 + length
    return items


def _packet(address_kind: int, address: bytes, message_kind: int, message: bytes) -> bytes:
    """A packet of two items."""
    head = struct.pack("<IHHHH", 0, 0, 2, address_kind, len(address))
    return head + address + struct.pack("<HH", message_kind, len(message)) + message
