"""Foreign clients read and write our simulated controller: they tell whether our side of the protocol is right."""

import subprocess
import sys

import pytest
from pycomm3 import LogixDriver

from harness.controller import PLANT, Controller
from harness.product import binary


@pytest.fixture(params=["", "connection_size = 504"], ids=["large", "small"])
def controller(tmp_path, request):
    with Controller(tmp_path, request.param + "\n" + PLANT) as controller:
        yield controller


VALUES = {
    "Flag": (True, False),
    "Tiny": (-5, 6),
    "Short": (-500, 600),
    "Number": (123456, -7),
    "Big": (-1234567890123, 99),
    "Level": (21.5, 1.25),
    "Exact": (2.25, 0.1),
    "Text": ("PRESS 7", "another text"),
    "M.Speed": (1.5, 2.5),
    "M.Running": (False, True),
    "M.Label": ("motor", "pump"),
    "Lines[1].Motors[2].Count": (77, 78),
    "Row[10]": (10, 100),
    "Program:Main.Step": (3, 4),
    "Number.6": (True, False),
    "Bits[33]": (True, False),
    "Cube[1,2,3]": (0, 5),
}


def test_pycomm3_uploads_reads_and_writes_every_type(controller):
    with LogixDriver(f"127.0.0.1:{controller.port}/0") as plc:
        assert plc.info["product_name"] == "1756-L83E/B" and plc.name == "plant"
        assert set(plc.tags) >= {"Flag", "Lines", "Program:Main.Step"}
        assert plc.tags["Cube"]["dimensions"] == [2, 3, 4]
        motor = plc.data_types["Motor"] if "Motor" in plc.data_types else plc.tags["M"]["data_type"]
        assert motor["attributes"] == ["Speed", "Running", "Fault", "Count", "History", "Label"]
        for address, (first, _) in VALUES.items():
            answer = plc.read(address)
            assert answer.error is None and answer.value == first, answer
        answers = plc.read(*VALUES)
        assert [answer.value for answer in answers] == [first for first, _ in VALUES.values()]
        for address, (_, second) in VALUES.items():
            assert plc.write((address, second)), address
            assert plc.read(address).value == second, address


def test_pycomm3_reads_and_writes_structures_and_long_arrays(controller):
    with LogixDriver(f"127.0.0.1:{controller.port}/0") as plc:
        lines = plc.read("Lines{2}").value
        assert lines[1]["Motors"][2]["Count"] == 77
        motor = plc.read("M").value
        assert motor == {
            "Speed": 1.5, "Running": False, "Fault": False, "Count": 0, "History": [0] * 8, "Label": "motor"
        }
        motor |= {"Count": 5, "Running": True, "Label": "x", "History": list(range(8))}
        assert plc.write(("M", motor))
        assert plc.read("M").value == motor
        wave = [float(n) for n in range(3000)]
        assert plc.write(("Wave{3000}", wave))
        assert plc.read("Wave{3000}").value == wave
        assert plc.read("Bits{64}").value == [n == 33 for n in range(64)]
        assert plc.read("Missing").error is not None


PYLOGIX = """
from pylogix import PLC
with PLC("127.0.0.1") as plc:
    tags = {tag.TagName for tag in plc.GetTagList().Value}
    assert {"Number", "Lines", "Program:Main.Step"} <= tags, tags
    for name, value in [("Number", 123456), ("Level", 21.5), ("Text", "PRESS 7"), ("Flag", True),
                        ("Program:Main.Step", 3), ("Lines[1].Motors[2].Count", 77), ("Bits[33]", True),
                        ("Number.6", True), ("M.Label", "motor")]:
        answer = plc.Read(name)
        assert (answer.Status, answer.Value) == ("Success", value), answer
    assert plc.Read("Row[10]", 3).Value == [10, 11, 12]
    assert len(plc.Read("Wave", 3000).Value) == 3000
    assert [answer.Value for answer in plc.Read(["Number", "Level", "Tiny"])] == [123456, 21.5, -5]
    for name, value in [("Number", 5), ("Level", 2.5), ("Text", "new"), ("Flag", False), ("Number.31", True)]:
        answer = plc.Write(name, value)
        assert answer.Status == "Success", answer
        assert plc.Read(name).Value == value, name
    assert plc.Read("Missing").Status != "Success"
print("fine")
"""


def test_pylogix_reads_and_writes_in_a_network_of_its_own(tmp_path):
    """pylogix knows only the port of the standard: it and the controller get a network namespace."""
    (tmp_path / "controller.toml").write_text(PLANT)
    (tmp_path / "client.py").write_text(PYLOGIX)
    script = (
        f"ip link set lo up; {binary()} sim enip --map {tmp_path}/controller.toml --listen 127.0.0.1:44818 & "
        f"server=$!; sleep 1; {sys.executable} {tmp_path}/client.py; code=$?; kill $server; exit $code"
    )
    done = subprocess.run(["unshare", "-n", "sh", "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "fine" in done.stdout, done.stdout + done.stderr
