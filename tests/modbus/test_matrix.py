"""Every type, order, string, bit and array, read from and written to foreign Modbus servers over every framing."""

import os
import sys
from pathlib import Path

import pytest
from pymodbus import FramerType
from pymodbus.client import ModbusSerialClient, ModbusTcpClient

from harness.points import all_points
from harness.process import SLOW, Process, accepts, free_port, wait_until
from harness.product import Tagwire
from harness.session import Session, tag
from harness.wire import status

POINTS = all_points()
PYMODBUS = Path(__file__).parents[1] / "peers" / "pymodbus_server.py"


class Peer:
    """A foreign Modbus server, the way tagwire reaches it, and the way a foreign client looks into it."""

    def __init__(self, folder, server, kind):
        self.kind = kind
        self.processes = []
        over_tcp = kind.endswith("tcp")
        if over_tcp:
            self.port = free_port()
            where, self.address = str(self.port), f"127.0.0.1:{self.port}"
            self.driver = f"modbus-{kind}"
        else:
            ends = [folder / "device", folder / "master"]
            words = [f"pty,raw,echo=0,link={end}" for end in ends]
            self.processes.append(Process(["socat", *words]))
            wait_until(lambda: all(end.exists() for end in ends), 10, "socat makes a pair of terminals")
            where, self.address = str(ends[0]), str(ends[1])
            self.driver = f"modbus-{kind}"
        if server == "pymodbus":
            command = [sys.executable, PYMODBUS, kind, where]
        else:
            command = [Path(os.environ["TAGWIRE_PEERS_C"]) / "libmodbus-server", kind, where]
        self.processes.append(Process(command))
        wait_until(lambda: "ready" in self.processes[-1].lines, 20, f"{server} starts")
        if over_tcp:
            wait_until(lambda: accepts(self.port), 20, f"{server} listens")

    def client(self):
        framer = {"rtu": FramerType.RTU, "ascii": FramerType.ASCII, "tcp": FramerType.SOCKET}
        framer |= {"rtu-over-tcp": FramerType.RTU, "ascii-over-tcp": FramerType.ASCII}
        if self.kind.endswith("tcp"):
            return ModbusTcpClient("127.0.0.1", port=self.port, framer=framer[self.kind], timeout=5)
        return ModbusSerialClient(self.address, framer=framer[self.kind], baudrate=115200, timeout=5)

    def stop(self):
        for process in reversed(self.processes):
            process.kill()


def preset(client, points):
    """Puts every point's first value into the device."""
    for point in points:
        if point.access == "ro":
            continue
        write = client.write_coils if point.is_coils else client.write_registers
        answer = write(point.start, point.units[0], device_id=1)
        assert not answer.isError(), f"{point.name}: {answer}"


def held(client, point):
    """What the device holds at a point."""
    count = len(point.units[0])
    if point.is_coils:
        return client.read_coils(point.start, count=count, device_id=1).bits[:count]
    return client.read_holding_registers(point.start, count=count, device_id=1).registers


def read_all(session, points):
    values = session.read_values([tag(f"line.plc.{point.name}") for point in points])
    return {point.name: value for point, value in zip(points, values, strict=True)}


@pytest.mark.parametrize(
    "server, kind",
    [
        ("pymodbus", "tcp"),
        ("pymodbus", "rtu-over-tcp"),
        ("pymodbus", "ascii-over-tcp"),
        ("pymodbus", "rtu"),
        ("pymodbus", "ascii"),
        ("libmodbus", "tcp"),
        ("libmodbus", "rtu"),
    ],
)
def test_every_type_order_string_bit_and_array_is_read_and_written_back(tmp_path, server, kind):
    peer = Peer(tmp_path, server, kind)
    try:
        with peer.client() as client:
            preset(client, POINTS)
        serial = "" if kind.endswith("tcp") else "baud = 115200\n"
        config = (
            f'[[link]]\nname = "line"\ndriver = "{peer.driver}"\naddress = "{peer.address}"\n{serial}'
            '[[link.device]]\nname = "plc"\nunit = 1\nscan = "100ms"\nholding_bit_write = "read-modify-write"\n'
        ) + "".join(point.config() for point in POINTS)
        with Tagwire(tmp_path / "server", config) as tagwire, Session(tagwire.port) as session:

            def all_read():
                return all(value.StatusCode.is_good() for value in read_all(session, POINTS).values())

            try:
                wait_until(all_read, 10 * SLOW, "every tag is Good", step=0.1)
            finally:
                read = read_all(session, POINTS)
                bad = {name: status(value.StatusCode) for name, value in read.items() if not value.StatusCode.is_good()}
            assert not bad
            wrong = {p.name: (read[p.name].Value.Value, p.values[0]) for p in POINTS if read[p.name].Value.Value != p.values[0]}
            assert not wrong
            types = {p.name: read[p.name].Value.VariantType for p in POINTS if read[p.name].Value.VariantType != p.variant}
            assert not types
            writable = [point for point in POINTS if point.access == "rw"]
            refused = {}
            for point in writable:
                result = session.write(tag(f"line.plc.{point.name}"), point.values[1], point.variant)
                if result != "Good":
                    refused[point.name] = result
            assert not refused

            def all_written():
                now = read_all(session, POINTS)
                return all(now[p.name].Value.Value == p.values[1] for p in writable)

            try:
                wait_until(all_written, 5 * SLOW, "every written value is read back", step=0.1)
            except AssertionError:
                now = read_all(session, POINTS)
                wrong = {p.name: (now[p.name].Value.Value, p.values[1]) for p in writable}
                raise AssertionError({n: pair for n, pair in wrong.items() if pair[0] != pair[1]}) from None
        with peer.client() as client:
            wrong = {p.name: (held(client, p), p.units[1]) for p in writable}
        assert not {name: pair for name, pair in wrong.items() if pair[0] != pair[1]}
    finally:
        peer.stop()
