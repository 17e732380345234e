"""Tags that clients make by naming an address of a device."""

import asyncio
import time

from asyncua import Client, ua

from harness.device import Device
from harness.process import SLOW, wait_until
from harness.product import Tagwire
from harness.session import Session, tag


def config(port: int) -> str:
    return (
        f'[[link]]\nname = "line"\ndriver = "modbus-tcp"\naddress = "127.0.0.1:{port}"\n'
        '[[link.device]]\nname = "plc"\nunit = 1\nscan = "50ms"\nrequest_timeout = "300ms"\n'
        '[[link.device.tag]]\nname = "defined"\naddress = "40001"\naccess = "rw"\n'
    )


def test_nobody_makes_tags_unless_that_is_allowed(tmp_path):
    with Device() as device, Tagwire(tmp_path, config(device.port)) as server, Session(server.port) as session:
        assert session.read_status(tag("line.plc.40002")) == "BadNodeIdUnknown"


def test_an_address_is_read_written_and_watched_without_being_defined(tmp_path):
    with Device() as device, Tagwire(tmp_path, config(device.port), ua="dynamic_tags = 3") as server:
        device.units[1].registers[4:6] = [0x4148, 0x0000]
        device.units[1].registers[8] = 77

        async def use(client):
            assert await client.get_node("ns=2;s=line.plc.40009").read_value() == 77
            assert await client.get_node("ns=2;s=line.plc.40005@f32").read_value() == 12.5
            node = client.get_node("ns=2;s=line.plc.40009")
            await node.write_value(ua.DataValue(ua.Variant(5, ua.VariantType.UInt16)))
            seen = []

            class Handler:
                def datachange_notification(self, node, value, data):
                    seen.append(value)

            subscription = await client.create_subscription(50, Handler())
            await subscription.subscribe_data_change(client.get_node("ns=2;s=line.plc.40020"))
            device.units[1].registers[19] = 9
            for _ in range(int(100 * SLOW)):
                if 9 in seen:
                    break
                await asyncio.sleep(0.05)
            await subscription.delete()
            return seen

        async def run():
            async with Client(f"opc.tcp://127.0.0.1:{server.port}") as client:
                return await use(client)

        assert 9 in asyncio.run(run())
        assert device.units[1].registers[8] == 5
        with Session(server.port) as session:
            for name in ("line.plc.900001", "line.plc.nothing", "line.other.40001", "line.plc._System._Nothing"):
                assert session.read_status(tag(name)) == "BadNodeIdUnknown", name
            assert session.read_status(tag("line.plc.40030")) == "BadNodeIdUnknown", "three tags are all that may be made"


def test_a_reload_leaves_made_tags_alone(tmp_path):
    with Device() as device, Tagwire(tmp_path, config(device.port), ua="dynamic_tags = 10") as server, Session(server.port) as session:
        device.units[1].registers[8] = 77
        assert session.value(tag("line.plc.40009")) == 77
        server.configure(config(device.port) + '[[link.device.tag]]\nname = "more"\naddress = "40002"\n')
        server.reload()
        wait_until(lambda: session.read_status(tag("line.plc.more")) == "Good", 5 * SLOW, "the new tag is read")
        device.units[1].registers[8] = 78
        wait_until(lambda: session.value(tag("line.plc.40009")) == 78, 5 * SLOW, "the made tag goes on")


def test_a_made_tag_that_nobody_watches_is_forgotten_and_a_watched_one_stays(tmp_path):
    with Device() as device, Tagwire(tmp_path, config(device.port), ua="dynamic_tags = 2") as server, Session(server.port) as session:
        device.units[1].registers[8:11] = [11, 12, 13]

        async def run():
            async with Client(f"opc.tcp://127.0.0.1:{server.port}") as client:
                seen = []

                class Handler:
                    def datachange_notification(self, node, value, data):
                        seen.append(value)

                subscription = await client.create_subscription(50, Handler())
                await subscription.subscribe_data_change(client.get_node("ns=2;s=line.plc.40009"))

                def forgotten():
                    return session.read_status(tag("line.plc.40011")) == "Good"

                def look():
                    assert session.value(tag("line.plc.40010")) == 12
                    assert not forgotten(), "two tags are all that may be made"
                    # A tag stays for a minute, and is looked for every ten seconds.
                    wait_until(forgotten, 80 * SLOW, "the tag that nobody watches is forgotten")
                    device.units[1].registers[8] = 21
                    wait_until(lambda: 21 in seen, 5 * SLOW, "the watched tag goes on")

                await asyncio.to_thread(look)

        asyncio.run(run())


def test_a_device_that_was_switched_off_stays_off_when_a_client_names_an_address(tmp_path):
    with Device() as device, Tagwire(tmp_path, config(device.port), ua="dynamic_tags = 3") as server:
        with Session(server.port) as session:
            defined, made = tag("line.plc.defined"), tag("line.plc.40009")
            wait_until(lambda: session.read_status(defined) == "Good", 10 * SLOW, "a first value")
            assert session.write(tag("line.plc._System._Enabled"), False, ua.VariantType.Boolean) == "Good"
            wait_until(lambda: session.read_status(defined) == "BadOutOfService", 5 * SLOW, "it is off")
            wait_until(lambda: session.read_status(made) == "BadOutOfService", 5 * SLOW, "the tag is made")
            time.sleep(1)
            assert [session.read_status(name) for name in (defined, made)] == ["BadOutOfService"] * 2
            assert session.value(tag("line.plc._System._Enabled")) is False
