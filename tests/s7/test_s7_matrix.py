"""Every S7 type, read from and written to a foreign server (python-snap7) and our own simulated CPU."""

import sys
from pathlib import Path

import pytest
from snap7.client import Client
from snap7.type import Area

from harness.process import SLOW, Process, accepts, free_port, wait_until
from harness.product import Tagwire, binary
from harness.s7_points import all_points
from harness.session import Session, tag
from harness.wire import status

POINTS = all_points()
SERVER = Path(__file__).parents[1] / "peers" / "snap7_server.py"
AREAS = {"DB": (Area.DB, 1), "MK": (Area.MK, 0), "PE": (Area.PE, 0), "PA": (Area.PA, 0)}


class Peer:
    """A CPU of either kind, and the way a foreign client looks into it."""

    def __init__(self, kind):
        self.port = free_port()
        if kind == "python-snap7":
            command = [sys.executable, SERVER, str(self.port)]
        else:
            command = [binary(), "sim", "s7", "--listen", f"127.0.0.1:{self.port}"]
        self.process = Process(command)
        wait_until(lambda: accepts(self.port), 20 * SLOW, f"{kind} listens")

    def __enter__(self):
        self.client = Client()
        self.client.connect("127.0.0.1", 0, 1, tcp_port=self.port)
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.process.kill()

    def put(self, point):
        data = bytearray(point.bytes[0])
        if point.area == "TM":
            self.client.tm_write(point.start // 2, 1, data)
        elif point.area == "CT":
            self.client.ct_write(point.start // 2, 1, data)
        else:
            area, number = AREAS[point.area]
            self.client.write_area(area, number, point.start, data)

    def held(self, point):
        size = len(point.bytes[0])
        if point.area == "TM":
            return bytes(self.client.tm_read(point.start // 2, 1))
        if point.area == "CT":
            return bytes(self.client.ct_read(point.start // 2, 1))
        area, number = AREAS[point.area]
        return bytes(self.client.read_area(area, number, point.start, size))


def read_all(session):
    values = session.read_values([tag(f"hall.plc.{point.name}") for point in POINTS])
    return {point.name: value for point, value in zip(POINTS, values, strict=True)}


def plain(value):
    """Times of the client have no zone and mean UTC."""
    return value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value


@pytest.mark.parametrize("kind", ["python-snap7", "tagwire"])
def test_every_type_is_read_and_written_back(tmp_path, kind):
    with Peer(kind) as peer:
        for point in POINTS:
            peer.put(point)
        config = f'[[link]]\nname = "hall"\ndriver = "s7"\naddress = "127.0.0.1:{peer.port}"\n'
        config += '[[link.device]]\nname = "plc"\nscan = "100ms"\n' + "".join(point.config() for point in POINTS)
        with Tagwire(tmp_path / "server", config) as tagwire, Session(tagwire.port) as session:
            try:
                every = lambda: all(value.StatusCode.is_good() for value in read_all(session).values())  # noqa: E731
                wait_until(every, 10 * SLOW, "every tag is Good", step=0.1)
            finally:
                read = read_all(session)
                bad = {name: status(value.StatusCode) for name, value in read.items() if not value.StatusCode.is_good()}
            assert not bad
            wrong = {
                p.name: (read[p.name].Value.Value, p.values[0])
                for p in POINTS
                if plain(read[p.name].Value.Value) != plain(p.values[0])
            }
            assert not wrong
            types = {p.name: read[p.name].Value.VariantType for p in POINTS if read[p.name].Value.VariantType != p.variant}
            assert not types
            refused = {}
            for point in POINTS:
                result = session.write(tag(f"hall.plc.{point.name}"), point.values[1], point.variant)
                if result != "Good":
                    refused[point.name] = result
            assert not refused

            def all_written():
                now = read_all(session)
                return all(plain(now[p.name].Value.Value) == plain(p.values[1]) for p in POINTS)

            wait_until(all_written, 5 * SLOW, "every written value is read back", step=0.1)
        held = {}
        for point in POINTS:
            found, expected = peer.held(point), point.bytes[1]
            if point.name in ("text", "wide"):
                # What lies behind the end of a text is nobody's.
                found, expected = found[: len(expected.rstrip(b"\0"))], expected.rstrip(b"\0")
            if found != expected:
                held[point.name] = (found, expected)
        assert not held
