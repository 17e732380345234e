"""Registration at a discovery server, at which clients then find this one."""

import asyncio

from asyncua import Client, Server, ua

from harness.process import free_port, wait_until
from harness.product import Tagwire, command, sim_device

TAG = sim_device("note static i32 rw")


async def test_the_server_registers_at_a_discovery_server(tmp_path):
    discovery = Server()
    await discovery.init()
    discovery.set_endpoint(f"opc.tcp://127.0.0.1:{free_port()}/")
    discovery.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    async with discovery:
        at = discovery.endpoint.geturl().rstrip("/")
        server = Tagwire(tmp_path, TAG, ua=f'register_at = "{at}"')
        with server:
            said = f"registered at the discovery server {at}"
            await asyncio.to_thread(wait_until, lambda: said in server.process.output, 10, said)
            async with Client(at) as client:
                found = [one for one in await client.find_servers() if one.ProductUri == "urn:tagwire:server"]
    [one] = found
    assert one.DiscoveryUrls == [f"opc.tcp://127.0.0.1:{server.port}"] and one.ApplicationName.Text == "test"


def test_a_discovery_server_that_is_not_there_is_told_and_hurts_nobody(tmp_path):
    server = Tagwire(tmp_path, TAG, ua=f'register_at = ["opc.tcp://127.0.0.1:{free_port()}"]')
    with server:
        wait_until(lambda: "not registered at the discovery server" in server.process.output, 10, "the log tells it")
        assert command("read", server.url, "mem.all.note").returncode == 0
