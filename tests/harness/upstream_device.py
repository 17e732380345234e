"""The units of the fault suite as variables of one asyncua server, each line behind an entrance of its own."""

import asyncio
import random
from datetime import UTC, datetime

from asyncua import Server, ua

from .device import LOOP, Proxy
from .process import free_port

PLANT = "urn:test:plant"
REGISTERS = range(100, 108)
TICK = 0.1


class Unit:
    """What the variables of a unit show: like the registers of a PLC, or refused one by one or all."""

    def __init__(self):
        self.illegal: set[int] = set()
        self.failing: int | None = None

    def status(self, register: int) -> int:
        if self.failing is not None:
            return ua.StatusCodes.BadDeviceFailure
        return ua.StatusCodes.BadNotReadable if register in self.illegal else ua.StatusCodes.Good


class Plant:
    """The server behind all lines; every variable changes at every tick."""

    def __init__(self):
        self.port = free_port()
        self._server = None
        self._lines: dict[int, dict[int, Unit]] = {}
        self._clock = None

    def add(self, line: int, units: dict[int, Unit]):
        LOOP.run(self._add(line, units), 30)

    def remove(self, line: int):
        """Its variables change no more; the server stays for the next lines."""
        self._lines.pop(line, None)

    async def _add(self, line, units):
        if self._server is None:
            self._server = Server()
            await self._server.init()
            self._server.set_endpoint(f"opc.tcp://127.0.0.1:{self.port}")
            self._server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
            await self._server.register_namespace(PLANT)
            await self._server.start()
            self._clock = asyncio.ensure_future(self._tick())
        space = await self._server.get_namespace_index(PLANT)
        for unit in units:
            for register in REGISTERS:
                name = f"{line}.{unit}.{register}"
                first = ua.Variant((register - 100) * 1000, ua.VariantType.UInt16)
                await self._server.nodes.objects.add_variable(ua.NodeId(name, space), name, first)
        self._space = space
        self._lines[line] = units

    async def _tick(self):
        count = 0
        while True:
            count += 1
            now = datetime.now(UTC)
            for line, units in list(self._lines.items()):
                for number, unit in units.items():
                    for register in REGISTERS:
                        variant = ua.Variant((register - 100) * 1000 + count % 1000, ua.VariantType.UInt16)
                        value = ua.DataValue(
                            variant, ua.StatusCode(unit.status(register)), SourceTimestamp=now, ServerTimestamp=now
                        )
                        await self._server.write_attribute_value(ua.NodeId(f"{line}.{number}.{register}", self._space), value)
                await asyncio.sleep(0)
            await asyncio.sleep(max(0.0, TICK - (datetime.now(UTC) - now).total_seconds()))


PLANTS = Plant()


class UpstreamDevice:
    """The units of one line; switched off as a machine without power is."""

    def __init__(self, units=(1,)):
        self.units = {unit: Unit() for unit in units}
        self.line = random.randrange(1 << 40)
        self._entrance = Proxy(PLANTS.port)
        self._is_there = False

    @property
    def port(self) -> int:
        return self._entrance.port

    def address(self, unit: int, register: int) -> str:
        return f"nsu={PLANT};s={self.line}.{unit}.{register}"

    def start(self):
        if not self._is_there:
            PLANTS.add(self.line, self.units)
            self._is_there = True
        self._entrance.start()
        return self

    def stop(self):
        self._entrance.stop()

    def close(self):
        self.stop()
        PLANTS.remove(self.line)
