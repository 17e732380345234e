"""The methods of a device, called by asyncua and by raw requests."""

import asyncio

import pytest
from asyncua import Client, ua

from harness.device import Device
from harness.process import SLOW, wait_until
from harness.product import Tagwire
from harness.session import Session, tag
from harness.wire import status


def config(port, scan="60s"):
    return (
        f'[[link]]\nname = "line"\ndriver = "modbus-tcp"\naddress = "127.0.0.1:{port}"\n'
        f'[[link.device]]\nname = "plc"\nunit = 1\nscan = "{scan}"\nrequest_timeout = "300ms"\n'
        '[[link.device.tag]]\nname = "a"\naddress = "40001"\ntype = "u16"\naccess = "rw"\n'
    )


@pytest.fixture
def plant(tmp_path):
    """A device that is polled once a minute."""
    with Device() as device, Tagwire(tmp_path, config(device.port)) as server, Session(server.port) as session:
        wait_until(lambda: session.read_status(tag("line.plc.a")) == "Good", 5 * SLOW, "the register is read")
        yield device, server, session


def call(session, method, *arguments, of="line.plc") -> str:
    (result,) = session.call_methods((tag(of), tag(f"line.plc._{method}"), *arguments))
    return status(result.StatusCode)


def test_demand_poll_reads_the_device_now(plant):
    device, _, session = plant
    device.units[1].registers[0] = 4711
    assert call(session, "DemandPoll") == "Good"
    wait_until(lambda: session.value(tag("line.plc.a")) == 4711, 5 * SLOW, "the new value is there")


def test_disable_and_enable(plant):
    _, _, session = plant
    assert call(session, "Disable") == "Good"
    wait_until(lambda: session.read_status(tag("line.plc.a")) == "BadOutOfService", 5 * SLOW, "the tag is out of service")
    assert session.write(tag("line.plc.a"), 1, ua.VariantType.UInt16) == "BadOutOfService"
    assert call(session, "Enable") == "Good"
    wait_until(lambda: session.read_status(tag("line.plc.a")) == "Good", 5 * SLOW, "the tag is back")


def test_reset_statistics(plant):
    device, _, session = plant
    reads = tag("line.plc._Statistics._SuccessfulReads")
    for _ in range(3):
        call(session, "DemandPoll")
    wait_until(lambda: session.value(reads) >= 2, 5 * SLOW, "reads are counted")
    assert call(session, "ResetStatistics") == "Good"
    wait_until(lambda: session.value(reads) == 0, 5 * SLOW, "the counter is zero")
    assert device.requests


def test_wrong_calls(plant):
    _, _, session = plant
    assert call(session, "DemandPoll", ua.Variant(1)) == "BadTooManyArguments"
    assert call(session, "DemandPoll", of="line") == "BadMethodInvalid"
    assert call(session, "Nonsense") == "BadMethodInvalid"
    assert call(session, "DemandPoll", of="line.nobody") == "BadNodeIdUnknown"


def test_asyncua_finds_and_calls_them_by_name(plant):
    device, server, session = plant
    device.units[1].registers[0] = 7

    async def run():
        async with Client(server.url) as client:
            plc = client.get_node("ns=2;s=line.plc")
            methods = {(await node.read_browse_name()).Name for node in await plc.get_methods()}
            assert methods == {"DemandPoll", "Enable", "Disable", "ResetStatistics"}
            await plc.call_method("2:DemandPoll")
            node = await plc.get_child("2:DemandPoll")
            assert await node.read_attribute(ua.AttributeIds.Executable)
            assert "Polls all tags" in (await node.read_description()).Text

    asyncio.run(run())
    wait_until(lambda: session.value(tag("line.plc.a")) == 7, 5 * SLOW, "the new value is there")
