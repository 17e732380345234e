"""What a write means: Good only after the device confirmed it, an error in bounded time otherwise, nothing lost."""

import threading
import time

import pytest
from asyncua import ua

from harness.device import DEVICE_FAILURE, Device, Proxy
from harness.process import SLOW, wait_until
from harness.product import Tagwire
from harness.session import Session, tag

T = ua.VariantType
TIMEOUT, ATTEMPTS = 0.3, 2
TAGS = "".join(
    f'[[link.device.tag]]\nname = "r{i}"\naddress = "4{i + 1:05}"\ntype = "u16"\naccess = "rw"\n' for i in range(10)
) + '[[link.device.tag]]\nname = "button"\naddress = "000001"\ntype = "bool"\naccess = "rw"\n'


def config(port: int, keys="") -> str:
    return (
        f'[[link]]\nname = "line"\ndriver = "modbus-tcp"\naddress = "127.0.0.1:{port}"\nconnect_timeout = "1s"\n'
        f'[[link.device]]\nname = "plc"\nunit = 1\nscan = "100ms"\nrequest_timeout = "300ms"\nattempts = 2\n{keys}{TAGS}'
    )


@pytest.fixture
def line(tmp_path):
    """A device, a proxy before it, a server that polls it, and a session."""
    with Device() as device, Proxy(device.port) as proxy, Tagwire(tmp_path, config(proxy.port)) as server:
        with Session(server.port) as session:
            wait_until(lambda: session.read_status(tag("line.plc.r0")) == "Good", 5 * SLOW, "the device is read")
            yield device, proxy, session


def test_a_write_is_good_only_after_the_device_confirmed_it(line):
    device, _, session = line
    device.units[1].delay = 0.15
    begun = time.monotonic()
    assert session.write(tag("line.plc.r1"), 4711, T.UInt16) == "Good"
    assert time.monotonic() - begun >= 0.15
    assert device.units[1].registers[1] == 4711
    assert [write[3:] for write in device.writes] == [(1, [4711])]


def test_the_written_value_is_what_clients_read_next(line):
    _, _, session = line
    assert session.write(tag("line.plc.r2"), 1234, T.UInt16) == "Good"
    wait_until(lambda: session.read(tag("line.plc.r2")).Value.Value == 1234, 2 * SLOW, "the poll brings the value")


@pytest.mark.parametrize("way", ["swallowed", "refused", "mute"])
def test_w08_a_write_to_a_dead_device_is_an_error_in_bounded_time(line, way):
    device, proxy, session = line
    if way == "swallowed":
        proxy.fault = "swallow"
    elif way == "refused":
        proxy.stop()
    else:
        device.units[1].mute = True
    bound = ATTEMPTS * TIMEOUT + 2 * TIMEOUT + 1 + 0.5
    for _ in range(3):
        begun = time.monotonic()
        result = session.write(tag("line.plc.r3"), 1, T.UInt16)
        assert result in ("BadNoCommunication", "BadTimeout", "BadCommunicationError", "BadNotConnected"), result
        assert time.monotonic() - begun < bound * SLOW
    assert device.units[1].registers[3] == 0


def test_w08_a_refusal_of_the_device_is_told(line):
    device, _, session = line
    device.units[1].illegal.add(4)
    assert session.write(tag("line.plc.r4"), 1, T.UInt16) not in ("Good", "BadTimeout", "BadNoCommunication")
    assert session.write(tag("line.plc.r5"), 1, T.UInt16) == "Good"
    device.units[1].failing = DEVICE_FAILURE
    assert session.write(tag("line.plc.r6"), 1, T.UInt16) in ("BadDeviceFailure", "BadCommunicationError")


def test_a_momentary_write_reaches_the_device_twice(line):
    device, _, session = line
    both = [(tag("line.plc.button"), ua.Variant(True, T.Boolean)), (tag("line.plc.button"), ua.Variant(False, T.Boolean))]
    for _ in range(5):
        assert session.write_values(both) == ["Good", "Good"]
    values = [values[0] for _, _, function, at, values in device.writes if function in (5, 15) and at == 0]
    assert values == [True, False] * 5


def test_writes_of_one_client_reach_the_device_in_order(line):
    device, _, session = line
    for value in range(1, 51):
        assert session.write(tag("line.plc.r7"), value, T.UInt16) == "Good"
    assert [write[4][0] for write in device.writes if write[3] == 7] == list(range(1, 51))


def test_many_writers_do_not_stop_the_polls(line, tmp_path):
    device, _, session = line
    stop = threading.Event()

    def write_without_end(number):
        with Session(session.port) as writer:
            value = 0
            while not stop.is_set():
                value = (value + 1) % 65536
                writer.write(tag(f"line.plc.r{number}"), value, T.UInt16)

    writers = [threading.Thread(target=write_without_end, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    begun = time.monotonic()
    time.sleep(2)
    polls = [at for at, _, function, *_ in device.requests if function == 3 and at > begun]
    stop.set()
    for writer in writers:
        writer.join(10)
    gaps = [later - earlier for earlier, later in zip(polls, polls[1:])]
    assert len(polls) >= 10 / SLOW and max(gaps) < 0.5 * SLOW


def test_several_registers_written_in_one_call_all_arrive(line):
    device, _, session = line
    items = [(tag(f"line.plc.r{i}"), ua.Variant(100 + i, T.UInt16)) for i in range(10)]
    assert session.write_values(items) == ["Good"] * 10
    assert device.units[1].registers[:10] == [100 + i for i in range(10)]
