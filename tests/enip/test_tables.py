"""Data tables: pycomm3's SLCDriver on our simulated processor, and the product beside it."""

import json

import pytest
from asyncua import ua
from pycomm3 import SLCDriver

from harness.process import SLOW, Process, accepts, free_port, wait_until
from harness.product import Tagwire, binary, command
from harness.session import Session, tag

T = ua.VariantType
SLC = 'product = "1747-L553/C"\n' + "".join(
    f'[[file]]\nname = "{name}"\nelements = {elements}\n'
    for name, elements in (("N7", 200), ("B3", 20), ("F8", 50), ("T4", 10), ("C5", 10), ("R6", 5), ("ST9", 4), ("L10", 20), ("S", 60))
)
SLC += '[[file]]\nname = "O"\nelements = 8\nwords = 2\n[[file]]\nname = "I"\nelements = 8\nwords = 2\n'
SLC += '[[data]]\naddress = "ST9:0"\nvalue = "Recipe 7"\n[[data]]\naddress = "I:1"\nvalue = 5\n'


@pytest.fixture
def slc(tmp_path):
    """A simulated SLC in a process of its own; its port."""
    port = free_port()
    file = tmp_path / "slc.toml"
    file.write_text(SLC)
    process = Process([binary(), "sim", "enip", "--map", file, "--listen", f"127.0.0.1:{port}"])
    try:
        wait_until(lambda: accepts(port), 20 * SLOW, "the processor listens")
        yield port
    finally:
        process.kill()


# pycomm3 writes presets and accumulated values into the first word of their element, so that it only reads them.
VALUES = {
    "N7:0": (-5, 1234),
    "N7:10/3": (True, False),
    "B3:1/2": (True, False),
    "B3:4": (17, 4660),
    "F8:3": (21.5, -0.25),
    "T4:2.DN": (True, False),
    "C5:1.CU": (True, False),
    "L10:4": (-2000000000, 1),
    "S:40": (3, 4),
    "O:2/1": (True, False),
}


def test_pycomm3_reads_and_writes_every_file(slc):
    with SLCDriver(f"127.0.0.1:{slc}") as plc:
        for address, values in VALUES.items():
            for value in values:
                assert plc.write((address, value)).error is None, address
                answer = plc.read(address)
                assert answer.error is None and answer.value == value, answer
        assert plc.write(("N7:100{10}", list(range(10)))).error is None
        assert plc.read("N7:100{10}").value == list(range(10))
        assert plc.read("ST9:0").value == "Recipe 7"
        assert plc.read("I:1/0").value and not plc.read("I:1/1").value and plc.read("I:1/2").value
        assert plc.read("N99:0").error is not None
        assert plc.read("N7:0").value == 1234, "a refusal does no harm"


def test_explain_knows_data_tables_and_asks_the_processor(slc, tmp_path):
    answer = json.loads(command("explain", "T4:2.ACC", "--json").stdout)
    assert answer["file_type"] == "timer" and answer["first_word"] == 8 and answer["type"] == "i16"
    assert "declare" not in command("explain", "N7:0/3").stdout and "bit       3" in command("explain", "N7:0/3").stdout
    whole = command("explain", "T4:2")
    assert whole.returncode == 2 and "T4:0.ACC" in whole.stderr
    file = tmp_path / "tagwire.toml"
    link = '[[link]]\nname = "hall"\ndriver = "pccc"\naddress = "127.0.0.1:{}"\n[[link.device]]\nname = "slc"\n'
    file.write_text("version = 1\n" + link.format(slc))
    with SLCDriver(f"127.0.0.1:{slc}") as plc:
        assert plc.write(("F8:3", 21.5)).error is None
    found = command("explain", "F8:3", "--device", "hall.slc", "--config", file)
    assert "value now 21.5" in found.stdout, found.stdout + found.stderr
    text = json.loads(command("explain", "ST9:0", "--device", "hall.slc", "--config", file, "--json").stdout)
    assert text["value"] == "Recipe 7"
    refused = command("explain", "N99:0", "--device", "hall.slc", "--config", file)
    assert refused.returncode != 0 and "refuses" in refused.stderr, refused.stderr


def test_the_product_and_pycomm3_see_the_same_values(slc, tmp_path):
    tags = {
        "count": ("N7:0", T.Int16, -5, 77),
        "bit": ("N7:1/3", T.Boolean, True, False),
        "level": ("F8:3", T.Float, 21.5, 0.5),
        "wait": ("T4:2.ACC", T.Int16, 7, 8),
        "done": ("C5:1/DN", T.Boolean, True, False),
        "total": ("L10:4", T.Int32, -2000000000, 3),
        "row": ("N7:20[3]", T.Int16, [1, 2, 3], [4, 5, 6]),
    }
    config = f'[[link]]\nname = "hall"\ndriver = "pccc"\naddress = "127.0.0.1:{slc}"\n[[link.device]]\nname = "slc"\nscan = "100ms"\n'
    for name, (address, *_) in tags.items():
        config += f'[[link.device.tag]]\nname = "{name}"\naddress = "{address}"\naccess = "rw"\n'
    with Tagwire(tmp_path / "server", config) as server, Session(server.port) as session:
        good = lambda: all(session.read_status(tag(f"hall.slc.{name}")) == "Good" for name in tags)  # noqa: E731
        wait_until(good, 10 * SLOW, "every tag is Good")
        for column in (2, 3):
            for name, (address, variant, *_) in tags.items():
                assert session.write(tag(f"hall.slc.{name}"), tags[name][column], variant) == "Good", name
            with SLCDriver(f"127.0.0.1:{slc}") as plc:
                for name, (address, *_) in tags.items():
                    asked = address.replace("[", "{").replace("]", "}").replace("/DN", ".DN")
                    assert plc.read(asked).value == tags[name][column], name
