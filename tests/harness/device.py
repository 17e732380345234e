"""A Modbus TCP device of ours, with faults on demand, and a proxy in front of it that breaks the network.

Both run on one background event loop; tests steer them from their own thread.
"""

import asyncio
import random
import struct
import threading
import time

from .process import SLOW, free_port


class Loop:
    """An event loop on a thread of its own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine, timeout=10 * SLOW):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)


LOOP = Loop()
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, DEVICE_FAILURE, BUSY = 1, 2, 4, 6


class Unit:
    """One slave: holding registers and coils.

    Registers below 100 are memory. Register `100 + k` counts each read of it and answers `k * 1000 + count % 1000`, so
    that every answer tells which register it belongs to and is fresh.
    """

    def __init__(self):
        self.registers = [0] * 200
        self.coils = [False] * 200
        self.reads = [0] * 200
        self.mute = False
        self.illegal: set[int] = set()
        self.unreadable: set[int] = set()
        """Registers that take writes and refuse reads."""
        self.failing: int | None = None
        self.delay = 0.0

    def read(self, at: int) -> int:
        if at < 100:
            return self.registers[at]
        self.reads[at] += 1
        return (at - 100) * 1000 + self.reads[at] % 1000


class Listener:
    """A TCP server on a port of its own, switched on and off as a machine is."""

    def __init__(self):
        self.port = free_port()
        self._server = None
        self._connections: set[asyncio.StreamWriter] = set()

    def start(self):
        LOOP.run(self._start())
        return self

    def stop(self):
        """Ends as a device without power does: the port refuses, connections break."""
        LOOP.run(self._stop())

    def close(self):
        """Ends for good."""
        self.stop()

    async def _start(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _stop(self):
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._connections):
            writer.transport.abort()

    async def _accept(self, reader, writer):
        self._connections.add(writer)
        try:
            await self._serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _serve(self, reader, writer):
        """Answers one client until it returns."""
        raise NotImplementedError

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class Device(Listener):
    """A Modbus TCP server with several units."""

    def __init__(self, units=(1,)):
        super().__init__()
        self.units = {unit: Unit() for unit in units}
        self.writes: list[tuple[float, int, int, int, list]] = []
        self.requests: list[tuple[float, int, int, int, int]] = []

    async def _serve(self, reader, writer):
        while True:
            head = await reader.readexactly(7)
            transaction, _, length, unit = struct.unpack(">HHHB", head)
            pdu = await reader.readexactly(length - 1)
            slave = self.units.get(unit)
            if slave is None or slave.mute:
                continue
            if slave.delay:
                await asyncio.sleep(slave.delay)
            answer = self._answer(unit, slave, pdu)
            writer.write(struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer)
            await writer.drain()

    def _answer(self, number: int, unit: Unit, pdu: bytes) -> bytes:
        function = pdu[0]
        at, count = struct.unpack_from(">HH", pdu, 1)
        now = time.monotonic()
        self.requests.append((now, number, function, at, count))
        if unit.failing is not None:
            return bytes([function | 0x80, unit.failing])
        n_units = 1 if function in (5, 6, 22) else count
        touched = range(at, at + n_units)
        refused = unit.illegal | unit.unreadable if function <= 4 else unit.illegal
        if at + n_units > 200 or refused.intersection(touched):
            return bytes([function | 0x80, ILLEGAL_ADDRESS])
        if function in (3, 4):
            values = [unit.read(register) for register in touched]
            return struct.pack(f">BB{count}H", function, 2 * count, *values)
        if function in (1, 2):
            bits = bytearray((count + 7) // 8)
            for i, coil in enumerate(touched):
                bits[i // 8] |= unit.coils[coil] << (i % 8)
            return bytes([function, len(bits)]) + bits
        if function == 5:
            unit.coils[at] = count == 0xFF00
            self.writes.append((now, number, function, at, [unit.coils[at]]))
            return pdu
        if function == 6:
            unit.registers[at] = count
            self.writes.append((now, number, function, at, [count]))
            return pdu
        if function == 15:
            values = [bool(pdu[6 + i // 8] >> (i % 8) & 1) for i in range(count)]
            unit.coils[at : at + count] = values
            self.writes.append((now, number, function, at, values))
            return pdu[:5]
        if function == 16:
            values = list(struct.unpack_from(f">{count}H", pdu, 6))
            unit.registers[at : at + count] = values
            self.writes.append((now, number, function, at, values))
            return pdu[:5]
        if function == 22:
            keep, change = struct.unpack_from(">HH", pdu, 3)
            unit.registers[at] = (unit.registers[at] & keep) | (change & ~keep & 0xFFFF)
            self.writes.append((now, number, function, at, [unit.registers[at]]))
            return pdu
        return bytes([function | 0x80, ILLEGAL_FUNCTION])


class Proxy:
    """A TCP proxy between the server under test and a device.

    `fault` is what happens to bytes from now on: None passes them, `swallow` keeps the connection and loses
    everything, `late` delivers answers after `lateness`, `garbage` puts random bytes in place of answers, `cut`
    delivers half an answer and closes.
    """

    def __init__(self, target: int, seed: int = 0):
        self.port = free_port()
        self.target = target
        self.fault: str | None = None
        self.lateness = 0.0
        self.random = random.Random(seed)
        self._server = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task] = set()

    def start(self):
        LOOP.run(self._start())
        return self

    def stop(self):
        LOOP.run(self._stop())

    def reset(self):
        """Breaks every connection; the port stays open."""
        LOOP.run(self._reset())

    async def _start(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _stop(self):
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._reset()

    async def _reset(self):
        for writer in list(self._writers):
            writer.transport.abort()

    async def _accept(self, reader, writer):
        self._writers.add(writer)
        try:
            device_reader, device_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(device_writer)
        forth = asyncio.create_task(self._pass(reader, device_writer, is_answer=False))
        back = asyncio.create_task(self._pass(device_reader, writer, is_answer=True))
        await asyncio.wait({forth, back}, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, device_writer):
            self._writers.discard(end)
            end.transport.abort()

    async def _pass(self, reader, writer, is_answer):
        try:
            while data := await reader.read(4096):
                fault = self.fault
                if fault == "swallow":
                    continue
                if is_answer and fault == "late":
                    self._later(self.lateness, writer, data)
                    continue
                if is_answer and fault == "garbage":
                    data = self.random.randbytes(self.random.randrange(1, 40))
                if is_answer and fault == "cut":
                    writer.write(data[: self.random.randrange(1, len(data))])
                    await writer.drain()
                    return
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass

    def _later(self, seconds, writer, data):
        async def deliver():
            await asyncio.sleep(seconds)
            if not writer.is_closing():
                writer.write(data)

        task = asyncio.create_task(deliver())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
