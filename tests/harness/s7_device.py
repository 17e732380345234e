"""An S7 CPU of ours, with faults on demand, steered from the test's thread."""

import struct

from .device import Listener, Unit

ADDRESS_ERROR, HARDWARE_FAULT = 5, 1
READ, SETUP = 4, 0xF0
PDU, JOBS = 480, 4


class S7Device(Listener):
    """A CPU whose data block n holds the registers of unit n, two bytes each."""

    def __init__(self, units=(1,)):
        super().__init__()
        self.units = {unit: Unit() for unit in units}

    async def _serve(self, reader, writer):
        while True:
            version, _, length = struct.unpack(">BBH", await reader.readexactly(4))
            frame = await reader.readexactly(length - 4)
            if version != 3:
                return
            if frame[1] == 0x80:
                return
            if frame[1] == 0xE0:
                answer = bytes([frame[0], 0xD0]) + frame[4:6] + b"\0\1" + frame[6:]
            else:
                pdu = self._answer(frame[3:])
                if pdu is None:
                    continue
                answer = b"\x02\xf0\x80" + pdu
            writer.write(struct.pack(">BBH", 3, 0, len(answer) + 4) + answer)
            await writer.drain()

    def _answer(self, job: bytes) -> bytes | None:
        reference, n_parameters = struct.unpack_from(">HH", job, 4)
        parameters = job[10 : 10 + n_parameters]
        if parameters[0] == SETUP:
            return self._message(reference, struct.pack(">BBHHH", SETUP, 0, JOBS, JOBS, PDU), b"")
        items = [parameters[2 + 12 * i : 14 + 12 * i] for i in range(parameters[1])]
        blocks = {struct.unpack_from(">H", item, 6)[0] for item in items}
        if any(self.units[block].mute for block in blocks):
            return None
        data = bytearray()
        for item in items:
            if len(data) % 2:
                data.append(0)
            data += self._read(item)
        return self._message(reference, bytes([READ, len(items)]), bytes(data))

    def _read(self, item: bytes) -> bytes:
        count, block = struct.unpack_from(">HH", item, 4)
        start = int.from_bytes(item[9:12], "big") // 8
        unit = self.units[block]
        registers = range(start // 2, (start + count) // 2)
        if unit.failing is not None:
            return bytes([HARDWARE_FAULT, 0, 0, 0])
        if unit.illegal.intersection(registers):
            return bytes([ADDRESS_ERROR, 0, 0, 0])
        values = b"".join(struct.pack(">H", unit.read(register)) for register in registers)
        return struct.pack(">BBH", 0xFF, 4, 8 * len(values)) + values

    @staticmethod
    def _message(reference: int, parameters: bytes, data: bytes) -> bytes:
        return struct.pack(">BBHHHHH", 0x32, 3, 0, reference, len(parameters), len(data), 0) + parameters + data
