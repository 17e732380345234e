"""A simulated Logix controller of ours, which foreign clients read too, and the same plant as a text."""

from pathlib import Path

from .process import Process, free_port, wait_until
from .product import binary

PLANT = """
name = "plant"
[[structure]]
name = "Motor"
members = [
    { name = "Speed", type = "REAL" }, { name = "Running", type = "BOOL" }, { name = "Fault", type = "BOOL" },
    { name = "Count", type = "DINT" }, { name = "History", type = "INT[8]" }, { name = "Label", type = "STRING" },
]
[[structure]]
name = "Line"
members = [{ name = "Id", type = "INT" }, { name = "Motors", type = "Motor[3]" }, { name = "Total", type = "LINT" }]
[[tag]]
name = "Flag"
type = "BOOL"
value = true
[[tag]]
name = "Tiny"
type = "SINT"
value = -5
[[tag]]
name = "Short"
type = "INT"
value = -500
[[tag]]
name = "Number"
type = "DINT"
value = 123456
[[tag]]
name = "Big"
type = "LINT"
value = -1234567890123
[[tag]]
name = "Level"
type = "REAL"
value = 21.5
[[tag]]
name = "Exact"
type = "LREAL"
value = 2.25
[[tag]]
name = "Text"
type = "STRING"
value = "PRESS 7"
[[tag]]
name = "Bits"
type = "BOOL[64]"
[[tag]]
name = "Row"
type = "DINT[200]"
[[tag]]
name = "Wave"
type = "REAL[3000]"
[[tag]]
name = "Cube"
type = "DINT[2,3,4]"
[[tag]]
name = "M"
type = "Motor"
[[tag]]
name = "Lines"
type = "Line[2]"
[[tag]]
name = "Step"
program = "Main"
type = "DINT"
value = 3
[[value]]
address = "M.Speed"
value = 1.5
[[value]]
address = "M.Label"
value = "motor"
[[value]]
address = "Lines[1].Motors[2].Count"
value = 77
[[value]]
address = "Row[10]"
value = [10, 11, 12]
[[value]]
address = "Bits[33]"
value = true
"""


class Controller:
    """`tagwire sim enip` with a plant; `before` are words in front of the command."""

    def __init__(self, folder: Path, text: str = PLANT, port: int | None = None, before=()):
        self.port = port or free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "controller.toml"
        self.file.write_text(text)
        words = [*before, binary(), "sim", "enip", "--map", self.file, "--listen", f"127.0.0.1:{self.port}"]
        self.process = Process(words)
        wait_until(lambda: any("EtherNet/IP on" in line for line in self.process.lines), 20, "the controller listens")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()


def link(port: int, tags: str, keys: str = "", scan: str = "100ms") -> str:
    """A configuration of a controller; each line of tags is a name, an address and a type."""
    text = (
        f'[[link]]\nname = "line"\ndriver = "enip"\naddress = "127.0.0.1:{port}"\n'
        f'[[link.device]]\nname = "plc"\nscan = "{scan}"\nrequest_timeout = "500ms"\n{keys}\n'
    )
    for row in tags.strip().splitlines():
        name, address, kind = row.split()
        text += f'[[link.device.tag]]\nname = "{name}"\naddress = "{address}"\ntype = "{kind}"\naccess = "rw"\n'
    return text


