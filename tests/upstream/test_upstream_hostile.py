"""Servers that mean harm as sources: whatever they send ends their own session only, and costs no memory."""

import random
import socket
import struct
import threading
import time

import pytest

from harness.process import SLOW, wait_until
from harness.product import Tagwire, sim_device
from harness.session import Session, tag
from harness.upstream import link

ACKNOWLEDGE = b"ACKF" + struct.pack("<IIIIII", 28, 0, 65535, 65535, 0, 0)


def nothing(_: socket.socket, chance: random.Random) -> bytes:
    return b""


def noise(_: socket.socket, chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(1, 5000))


def huge_frame(_: socket.socket, chance: random.Random) -> bytes:
    return ACKNOWLEDGE + b"OPNF" + struct.pack("<I", 0xFFFFFFFF) + bytes(1000)


def noise_behind_a_greeting(_: socket.socket, chance: random.Random) -> bytes:
    return ACKNOWLEDGE + b"OPNF" + struct.pack("<I", 132) + chance.randbytes(124)


def error_for_ever(_: socket.socket, chance: random.Random) -> bytes:
    return b"ERRF" + struct.pack("<II", 16, 0x80230000) + struct.pack("<i", -1)


def endless_chunks(client: socket.socket, chance: random.Random) -> bytes:
    client.sendall(ACKNOWLEDGE)
    for number in range(2000):
        client.sendall(b"MSGC" + struct.pack("<IIIII", 8192, 1, 1, number, 1) + bytes(8168))
    return b""


class Villain:
    """Answers every connection in its way."""

    def __init__(self, way):
        self.way = way
        self.n_connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        chance = random.Random(7)
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.n_connections += 1
            try:
                with client:
                    client.settimeout(2)
                    client.recv(4096)
                    client.sendall(self.way(client, chance))
                    if self.way is nothing:
                        time.sleep(0.5)
            except OSError:
                pass

    def close(self):
        self._listener.close()


@pytest.mark.parametrize("way", [nothing, noise, huge_frame, noise_behind_a_greeting, error_for_ever, endless_chunks])
def test_a_hostile_server_hurts_nobody_but_its_own_link(tmp_path, way):
    villain = Villain(way)
    try:
        config = sim_device("x static(5) i32 rw") + link(f"opc.tcp://127.0.0.1:{villain.port}", {"a": "f64"})
        with Tagwire(tmp_path, config) as server:
            session = Session(server.port)
            wait_until(lambda: session.read(tag("mem.all.x")).StatusCode.is_good(), 10 * SLOW, "the neighbour")
            wait_until(lambda: villain.n_connections >= 3, 15 * SLOW, "the villain is dialled")
            before = server.process.rss_kb()
            time.sleep(6)
            assert server.process.rss_kb() - before < 20_000
            assert villain.n_connections < 60, "a storm of connections"
            assert session.read(tag("up.plc.a")).StatusCode.is_bad()
            assert session.value(tag("mem.all.x")) == 5
            session.close()
    finally:
        villain.close()
