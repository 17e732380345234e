"""Writes to parts of arrays, and values that must not be shown as good."""

import threading
import time

import pytest
from asyncua import ua

from harness.device import Device
from harness.process import SLOW, wait_until
from harness.product import Tagwire
from harness.session import Session, tag

T = ua.VariantType


def config(port: int, tags: str, scan="100ms", keys="") -> str:
    text = (
        f'[[link]]\nname = "line"\ndriver = "modbus-tcp"\naddress = "127.0.0.1:{port}"\n'
        f'[[link.device]]\nname = "plc"\nunit = 1\nscan = "{scan}"\nrequest_timeout = "300ms"\n{keys}\n'
    )
    for line in tags.strip().splitlines():
        name, address, kind = line.split()
        text += f'[[link.device.tag]]\nname = "{name}"\naddress = "{address}"\ntype = "{kind}"\naccess = "rw"\n'
    return text


@pytest.fixture
def array(tmp_path):
    """A device whose registers 1 to 8 are an array that is read once a minute."""
    with Device() as device:
        device.units[1].registers[0:8] = range(10, 18)
        with Tagwire(tmp_path, config(device.port, "a 40001 u16[8]", scan="60s")) as server:
            with Session(server.port) as session:
                wait_until(lambda: session.read_status(tag("line.plc.a")) == "Good", 5 * SLOW, "the array is read")
                yield device, server, session


def part(number, value):
    return (tag("line.plc.a"), ua.Variant([value], T.UInt16, is_array=True), str(number))


def test_w06_parts_written_in_one_call_all_arrive(array):
    device, _, session = array
    assert session.write_values([part(0, 100), part(1, 101), part(2, 102)]) == ["Good"] * 3
    assert device.units[1].registers[:8] == [100, 101, 102, 13, 14, 15, 16, 17]


def test_w06_a_part_leaves_what_the_device_changed_beside_it(array):
    device, _, session = array
    device.units[1].registers[0] = 555
    assert session.write_values([part(1, 77)]) == ["Good"]
    assert device.units[1].registers[:3] == [555, 77, 12]


def test_w06_parts_written_by_several_sessions_at_once_all_arrive(array):
    device, server, _ = array
    results = []

    def write(numbers):
        with Session(server.port) as session:
            results.extend(session.write_values([part(number, 200 + number)])[0] for number in numbers)

    threads = [threading.Thread(target=write, args=(numbers,)) for numbers in ([0, 2, 4, 6], [1, 3, 5, 7])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["Good"] * 8
    assert device.units[1].registers[:8] == [200 + number for number in range(8)]


def test_a_part_that_does_not_fit_spoils_no_other(array):
    device, _, session = array
    results = session.write_values([part(0, 1), part(8, 2), part(7, 3)])
    assert results == ["Good", "BadIndexRangeNoData", "Good"], results
    assert device.units[1].registers[:8] == [1, 11, 12, 13, 14, 15, 16, 3]


def test_a_part_of_an_unreadable_array_is_no_guess(array):
    device, _, session = array
    device.units[1].mute = True
    assert session.write_values([part(0, 1)])[0].startswith("Bad")
    assert device.units[1].registers[0] == 10


def test_a_refused_tag_stays_bad_after_a_write(tmp_path):
    with Device() as device:
        device.units[1].unreadable.add(50)
        with Tagwire(tmp_path, config(device.port, "x 40051 u16\ny 40052 u16")) as server, Session(server.port) as session:
            wait_until(lambda: session.read_status(tag("line.plc.y")) == "Good", 5 * SLOW, "the neighbour is read")
            wait_until(lambda: session.read_status(tag("line.plc.x")).startswith("Bad"), 5 * SLOW, "the other is refused")
            assert session.write(tag("line.plc.x"), 7, T.UInt16) == "Good"
            for _ in range(10):
                assert session.read_status(tag("line.plc.x")).startswith("Bad")
                time.sleep(0.05)


def test_a_changed_address_does_not_show_the_old_value_as_good(tmp_path):
    with Device() as device:
        device.units[1].registers[0], device.units[1].registers[49] = 111, 499
        with Tagwire(tmp_path, config(device.port, "x 40001 u16", scan="60s")) as server, Session(server.port) as session:
            wait_until(lambda: session.read(tag("line.plc.x")).Value.Value == 111, 5 * SLOW, "the old register is read")
            device.units[1].delay = 0.2
            server.configure(config(device.port, "x 40050 u16", scan="60s"))
            server.reload()
            seen = set()

            def arrived():
                value = session.read(tag("line.plc.x"))
                seen.add((value.StatusCode.is_good(), value.Value.Value if value.Value else None))
                return (True, 499) in seen

            wait_until(arrived, 5 * SLOW, "the new register is read, though the scan is slow")
            assert (True, 111) not in seen, seen
