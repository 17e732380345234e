"""Controllers of ours behind EtherNet/IP, with faults on demand, steered from the test's thread."""

import re
import struct

from .chassis import UNSUPPORTED, Chassis, Request
from .device import Unit

SEVERAL, READ, READ_FRAGMENTED, EXECUTE = 0x0A, 0x4C, 0x52, 0x4B
ROUTER, COMMANDS = bytes([0x20, 0x02, 0x24, 0x01]), bytes([0x20, 0x67, 0x24, 0x01])
PATH_SEGMENT_ERROR, ONE_FAILED, VENDOR_SPECIFIC, GENERAL = 0x04, 0x1E, 0x1F, 0xFF
BEYOND_END = 0x2105
INT = 0xC3

COMMAND, TYPED_READ = 0x0F, 0xA2
ILLEGAL_COMMAND, HARDWARE_FAULT, EXTENDED = 0x10, 0x40, 0xF0
NOTHING_THERE = 0x06
FILE, INTEGERS = 7, 0x89


class EnipDevice(Chassis):
    """Logix controllers without a tag list; the tag `R103` is register 103."""

    def answer(self, unit: Unit, request: Request) -> bytes:
        if unit.failing is not None:
            return request.answer(b"", VENDOR_SPECIFIC)
        if request.service == SEVERAL and request.path == ROUTER:
            return self._several(unit, request)
        if request.service in (READ, READ_FRAGMENTED):
            return self._read(unit, request)
        return request.answer(b"", UNSUPPORTED)

    def _several(self, unit: Unit, request: Request) -> bytes:
        (count,) = struct.unpack_from("<H", request.data)
        starts = struct.unpack_from(f"<{count}H", request.data, 2)
        parts = [request.data[a:b] for a, b in zip(starts, [*starts[1:], len(request.data)])]
        answers = [self.answer(unit, Request.of(part)) for part in parts]
        offsets, at = [], 2 + 2 * count
        for answer in answers:
            offsets.append(at)
            at += len(answer)
        status = ONE_FAILED if any(answer[2] for answer in answers) else 0
        return request.answer(struct.pack(f"<{count + 1}H", count, *offsets) + b"".join(answers), status)

    @staticmethod
    def _read(unit: Unit, request: Request) -> bytes:
        name = re.fullmatch(rb"\x91.R(\d{3})\0?", request.path, re.DOTALL)
        register = int(name[1]) if name else -1
        if register not in range(len(unit.registers)) or register in unit.illegal:
            return request.answer(b"", PATH_SEGMENT_ERROR, 0)
        (n_elements,) = struct.unpack_from("<H", request.data)
        if n_elements != 1:
            return request.answer(b"", GENERAL, BEYOND_END)
        value = struct.pack("<h", unit.read(register))
        if request.service == READ_FRAGMENTED:
            value = value[int.from_bytes(request.data[2:6], "little") :]
        return request.answer(struct.pack("<H", INT) + value)


class PcccDevice(Chassis):
    """Processors with data tables; the word `N7:103` is register 103."""

    def answer(self, unit: Unit, request: Request) -> bytes:
        if request.service != EXECUTE or request.path != COMMANDS:
            return request.answer(b"", UNSUPPORTED)
        end = request.data[0]
        requestor, command = request.data[:end], request.data[end:]
        status, data = self._execute(unit, command[0], command[4], command[5:])
        return request.answer(requestor + bytes([command[0] | 0x40, status]) + command[2:4] + data)

    @staticmethod
    def _execute(unit: Unit, code: int, function: int, fields: bytes) -> tuple[int, bytes]:
        """The status of the reply, and what follows its transaction number."""
        if unit.failing is not None:
            return HARDWARE_FAULT, b""
        if code != COMMAND or function != TYPED_READ:
            return ILLEGAL_COMMAND, b""
        # Below 255 each field is one byte, and the registers are.
        size, file, kind, element, _ = fields
        registers = range(element, element + size // 2)
        is_there = (file, kind) == (FILE, INTEGERS) and registers.stop <= len(unit.registers)
        if not is_there or unit.illegal.intersection(registers):
            return EXTENDED, bytes([NOTHING_THERE])
        return 0, struct.pack(f"<{len(registers)}h", *map(unit.read, registers))
