"""A foreign OPC UA server for the tests: asyncua, with one variable of each kind.

Arguments: port, certificate (DER) or "-", key (PEM) or "-".
Prints READY when it serves, and ends when its standard input ends.
"""

import asyncio
import logging
import sys
import threading
from datetime import datetime, timezone

from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole

logging.disable(logging.CRITICAL)


class Users:
    def get_user(self, iserver, username=None, password=None, certificate=None):
        if username is None:
            return User(role=UserRole.Admin)
        if (username, password) == ("anna", "secret"):
            return User(role=UserRole.Admin, name=username)
        return None


SCALARS = {
    "bool": (True, ua.VariantType.Boolean),
    "i8": (-8, ua.VariantType.SByte),
    "u8": (8, ua.VariantType.Byte),
    "i16": (-16, ua.VariantType.Int16),
    "u16": (16, ua.VariantType.UInt16),
    "i32": (-32, ua.VariantType.Int32),
    "u32": (32, ua.VariantType.UInt32),
    "i64": (-64, ua.VariantType.Int64),
    "u64": (2**64 - 1, ua.VariantType.UInt64),
    "f32": (1.5, ua.VariantType.Float),
    "f64": (2.25, ua.VariantType.Double),
    "string": ("warm äöü", ua.VariantType.String),
    "bytes": (b"\x00\xff", ua.VariantType.ByteString),
    "datetime": (datetime(2024, 2, 29, 12, 0, 0, 123000, tzinfo=timezone.utc), ua.VariantType.DateTime),
    "text": (ua.LocalizedText("Druck", "de"), ua.VariantType.LocalizedText),
}


async def main(port, certificate, key):
    server = Server(user_manager=Users())
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/test")
    policies = [ua.SecurityPolicyType.NoSecurity]
    if certificate != "-":
        policies += [
            ua.SecurityPolicyType.Basic256Sha256_Sign,
            ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
            ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
            ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
        ]
        await server.load_certificate(certificate)
        await server.load_private_key(key)
        with open(certificate + ".uri", encoding="ascii") as file:
            await server.set_application_uri(file.read().strip())
    server.set_security_policy(policies)
    index = await server.register_namespace("urn:test:plant")
    assert index == 2
    objects = server.nodes.objects
    plant = await objects.add_object(ua.NodeId("plant", index), ua.QualifiedName("plant", index))

    for name, (value, kind) in SCALARS.items():
        node = await plant.add_variable(ua.NodeId(f"plant.{name}", index), ua.QualifiedName(name, index), value, kind)
        await node.set_writable()
    array = await plant.add_variable(
        ua.NodeId("plant.array", index), ua.QualifiedName("array", index), [1, 2, 3], ua.VariantType.Int16
    )
    await array.set_writable()
    matrix_value = ua.Variant([[1, 2, 3], [4, 5, 6]], ua.VariantType.Int32)
    await plant.add_variable(ua.NodeId("plant.matrix", index), ua.QualifiedName("matrix", index), matrix_value)
    await plant.add_variable(ua.NodeId("plant.fixed", index), ua.QualifiedName("fixed", index), 1.0)
    mode = await plant.add_variable(
        ua.NodeId("plant.duration", index),
        ua.QualifiedName("duration", index),
        ua.Variant(None, ua.VariantType.Null),
        datatype=ua.NodeId(ua.ObjectIds.Duration),
    )
    await mode.set_writable()
    counter = await plant.add_variable(ua.NodeId("plant.counter", index), ua.QualifiedName("counter", index), 0)

    many = await objects.add_object(ua.NodeId("many", index), ua.QualifiedName("many", index))
    for number in range(1500):
        await many.add_variable(
            ua.NodeId(f"many.{number}", index), ua.QualifiedName(f"tag{number}", index), float(number)
        )

    async with server:
        print("READY", flush=True)
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wait_for_end():
            sys.stdin.buffer.read()
            loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=wait_for_end, daemon=True).start()
        number = 0
        while not ended.is_set():
            number += 1
            await counter.write_value(number)
            await asyncio.sleep(0.05)


asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
