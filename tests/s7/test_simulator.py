"""Our simulated CPU under foreign clients, and the commands around it."""

import json
import os
import struct
import subprocess
from pathlib import Path

import pytest
from snap7.client import Client
from snap7.type import Area

from harness.process import SLOW, Process, accepts, free_port, wait_until
from harness.product import Tagwire, binary, command
from harness.session import Session, tag

CPU = """
pdu = 480
slot = 1

[[block]]
number = 1
size = 60000

[[block]]
number = 2
size = 100
optimised = true

[[value]]
address = "DB1,REAL0"
value = 21.5

[[value]]
address = "DB1,STRING10.20"
value = "Recipe 7"
"""


@pytest.fixture
def cpu(tmp_path):
    """A simulated CPU in a process of its own; its port."""
    port = free_port()
    file = tmp_path / "cpu.toml"
    file.write_text(CPU)
    process = Process([binary(), "sim", "s7", "--map", file, "--listen", f"127.0.0.1:{port}"])
    try:
        wait_until(lambda: accepts(port), 20 * SLOW, "the CPU listens")
        yield port
    finally:
        process.kill()


def test_python_snap7_reads_and_writes_the_simulated_cpu(cpu):
    client = Client()
    client.connect("127.0.0.1", 0, 1, tcp_port=cpu)
    assert struct.unpack(">f", client.db_read(1, 0, 4)) == (21.5,)
    assert client.db_read(1, 10, 10) == bytearray(b"\x14\x08Recipe 7")
    block = bytearray(i % 251 for i in range(20000))
    client.db_write(1, 1000, block)
    assert client.db_read(1, 1000, 20000) == block
    for size in (1, 3, 17, 221, 222, 223, 440, 463):
        client.db_write(1, 40001, bytearray(range(1, 2)) * size)
        assert client.db_read(1, 40001, size) == bytearray([1]) * size
    client.write_area(Area.MK, 0, 5, bytearray(b"\x55\xaa"))
    assert client.read_area(Area.MK, 0, 5, 2) == bytearray(b"\x55\xaa")
    for block in (2, 9):
        with pytest.raises(Exception):
            client.db_read(block, 0, 2)
    assert struct.unpack(">f", client.db_read(1, 0, 4)) == (21.5,), "a refusal does no harm"
    client.disconnect()


def test_snap7_client_and_rust7_read_and_write_the_simulated_cpu(cpu):
    program = Path(os.environ["TAGWIRE_PEERS_S7"]) / "s7-clients"
    done = subprocess.run([program, "check", f"127.0.0.1:{cpu}"], capture_output=True, text=True, timeout=60)
    assert done.stdout == "done\n" and done.returncode == 0, done.stderr


def test_a_wrong_slot_and_an_optimised_block_are_named(cpu, tmp_path):
    tags = '[[link.device.tag]]\nname = "a"\naddress = "DB2,W0"\n[[link.device.tag]]\nname = "b"\naddress = "DB1,REAL0"\n'
    config = f'[[link]]\nname = "hall"\ndriver = "s7"\naddress = "127.0.0.1:{cpu}"\nslot = %d\n'
    config += '[[link.device]]\nname = "plc"\nscan = "100ms"\n' + tags
    with Tagwire(tmp_path / "good", config % 1) as server, Session(server.port) as session:
        wait_until(lambda: session.read_status(tag("hall.plc.b")) == "Good", 10 * SLOW, "the good block is read")
        assert session.read_status(tag("hall.plc.a")) == "BadConfigurationError"
    with Tagwire(tmp_path / "bad", config % 2) as server:
        reason = lambda: command("status", "--config", server.file).stdout  # noqa: E731
        wait_until(lambda: "slot" in reason(), 10 * SLOW, "the usual cause is told")


def test_explain_knows_s7_and_asks_the_cpu(cpu, tmp_path):
    answer = json.loads(command("explain", "DB1.DBD4", "--type", "f32", "--json").stdout)
    assert (answer["place"], answer["step7"], answer["units"]) == ("DB1.DBB4", "REAL", 4)
    assert "counter" in command("explain", "C5", "--driver", "s7").stdout
    assert command("explain", "DB1.DBX0.9").returncode == 2
    file = tmp_path / "tagwire.toml"
    file.write_text(
        f'version = 1\n[[link]]\nname = "hall"\ndriver = "s7"\naddress = "127.0.0.1:{cpu}"\n[[link.device]]\nname = "plc"\n'
    )
    text = command("explain", "DB1,D0", "--device", "hall.plc", "--config", file).stdout
    assert "REAL" in text and "21.5" in text, text
