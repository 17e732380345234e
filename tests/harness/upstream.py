"""OPC UA servers of others as sources: asyncua on the harness's event loop, and node-opcua as a process."""

import logging
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from asyncua import Server, ua, uamethod
from asyncua.common.utils import ServiceError
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.subscription_service import SubscriptionService

from .device import LOOP
from .process import Process, free_port, wait_until

PLANT = "urn:test:plant"
NODE_SERVER = Path(__file__).parents[1] / "peers" / "node" / "server.js"

logging.getLogger("asyncua").setLevel(logging.CRITICAL)


class UaServer:
    """An asyncua server whose variables are `ns=<plant>;s=<name>`; `spaces` are registered in this order."""

    def __init__(self, values: dict, spaces=(PLANT,), port: int | None = None):
        self.values = values
        self.spaces = spaces
        self.port = port or free_port()
        self._server = None
        self._nodes = {}

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    def start(self):
        LOOP.run(self._start())
        return self

    def stop(self):
        LOOP.run(self._stop())

    def restart(self, spaces=None):
        self.stop()
        self.spaces = spaces or self.spaces
        self.start()

    def write(self, name: str, value, kind=None, status=0, time: datetime | None = None):
        """Sets a value with its quality and source time."""
        LOOP.run(self._write(name, value, kind, status, time))

    def read(self, name: str):
        return LOOP.run(self._nodes[name].read_value())

    def set_level(self, level: int):
        """Says how well the server is; 200 and more is healthy."""
        LOOP.run(self._set_level(level))

    def keep_history(self, name: str):
        """Keeps every change of a variable from now on."""
        LOOP.run(self._server.historize_node_data_change(self._nodes[name], period=None, count=10_000))

    def add_method(self, name: str, function, inputs: list, outputs: list):
        """A method of the Objects folder, by the types of what goes in and out."""
        LOOP.run(self._add_method(name, function, inputs, outputs))

    def add(self, name: str, value):
        self.values[name] = value
        LOOP.run(self._add(name, value))

    async def _start(self):
        self._server = Server()
        await self._server.init()
        self._server.set_endpoint(self.url)
        self._server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        for space in self.spaces:
            await self._server.register_namespace(space)
        for name, value in self.values.items():
            await self._add(name, value)
        await self._server.start()

    async def _stop(self):
        if self._server is not None:
            await self._server.stop()
            self._server = None

    async def _add(self, name, value):
        space = await self._server.get_namespace_index(PLANT)
        value = value if isinstance(value, ua.Variant) else ua.Variant(value)
        node = await self._server.nodes.objects.add_variable(ua.NodeId(name, space), name, value)
        if not name.startswith("ro"):
            await node.set_writable()
        self._nodes[name] = node

    async def _set_level(self, level):
        node = self._server.get_node(ua.ObjectIds.Server_ServiceLevel)
        await node.write_value(ua.Variant(level, ua.VariantType.Byte))

    async def _add_method(self, name, function, inputs, outputs):
        space = await self._server.get_namespace_index(PLANT)
        await self._server.nodes.objects.add_method(ua.NodeId(name, space), name, uamethod(function), inputs, outputs)

    async def _write(self, name, value, kind, status, time):
        variant = ua.Variant(value, kind) if kind is not None else ua.Variant(value)
        now = datetime.now(UTC)
        data = ua.DataValue(variant, ua.StatusCode(status), SourceTimestamp=time or now, ServerTimestamp=now)
        await self._nodes[name].write_value(data)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class NoKeepAlive:
    """While it lasts, asyncua's subscriptions tell changes and never that they live."""

    def __enter__(self):
        self._as_it_was = InternalSubscription.has_published_results
        InternalSubscription.has_published_results = lambda self: self._startup or bool(
            self._publishing_enabled and (self._triggered_datachanges or self._triggered_events)
        )

    def __exit__(self, *_):
        InternalSubscription.has_published_results = self._as_it_was


class Refusing:
    """While it lasts, asyncua refuses one kind of request about subscriptions."""

    def __init__(self, method: str, status: int):
        self._method, self._status = method, status

    def __enter__(self):
        async def refuse(*_, **__):
            raise ServiceError(self._status)

        self._as_it_was = getattr(SubscriptionService, self._method)
        setattr(SubscriptionService, self._method, refuse)

    def __exit__(self, *_):
        setattr(SubscriptionService, self._method, self._as_it_was)


def no_transfer() -> Refusing:
    """Hands no subscription over to another session."""
    return Refusing("transfer_subscriptions", ua.StatusCodes.BadServiceUnsupported)


def no_subscriptions() -> Refusing:
    """Makes no subscription."""
    return Refusing("create_subscription", ua.StatusCodes.BadTooManySubscriptions)


class NodeServer:
    """A node-opcua server with `count` variables `n0`, `n1`, … of which `tick` counts up every 50 ms."""

    def __init__(self, count: int, limit: int):
        self.port = free_port()
        self.count, self.limit = count, limit

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    def __enter__(self):
        words = ["node", NODE_SERVER, self.port, self.count, self.limit]
        self.process = Process([str(word) for word in words], env={**os.environ})
        wait_until(lambda: "ready" in self.process.output, 60, "node-opcua listens")
        return self

    def __exit__(self, *_):
        self.process.kill()


def link(url: str, tags: dict[str, str], name="up", device="plc", scan="100ms", keys="", device_keys="") -> str:
    """A link to a server; `tags` gives each tag's type by name, with an address after a space where it is another one."""
    text = (
        f'[[link]]\nname = "{name}"\ndriver = "opcua"\naddress = "{url}"\n{keys}\n'
        f'[[link.device]]\nname = "{device}"\nscan = "{scan}"\n{device_keys}\n'
    )
    for tag, what in tags.items():
        kind, _, address = what.partition(" ")
        address = address or f"nsu={PLANT};s={tag}"
        text += f'[[link.device.tag]]\nname = "{tag}"\naddress = "{address}"\ntype = "{kind}"\naccess = "rw"\n'
    return text


def has_node() -> bool:
    return "TAGWIRE_PEERS_NODE" in os.environ and subprocess.run(["node", "--version"], capture_output=True).returncode == 0
