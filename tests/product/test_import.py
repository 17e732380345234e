"""`tagwire import`: files of other products become a configuration that the server runs."""

import json
import time

import pytest

from harness.process import SLOW, wait_until
from harness.product import Tagwire, command
from harness.session import Session, tag

HEADER = (
    "Tag Name,Address,Data Type,Respect Data Type,Client Access,Scan Rate,Scaling,Raw Low,Raw High,Scaled Low,Scaled High,"
    "Scaled Data Type,Clamp Low,Clamp High,Eng Units,Description,Negate Value\n"
)
PROJECT = {
    "project": {
        "channels": [
            {
                "common.ALLTYPES_NAME": "Sim",
                "servermain.MULTIPLE_TYPES_DEVICE_DRIVER": "Simulator",
                "devices": [
                    {
                        "common.ALLTYPES_NAME": "Plant",
                        "servermain.DEVICE_SCAN_MODE": 2,
                        "servermain.DEVICE_SCAN_MODE_RATE_MS": 50,
                        "tags": [
                            {
                                "common.ALLTYPES_NAME": "Memory",
                                "servermain.TAG_ADDRESS": "K0001",
                                "servermain.TAG_DATA_TYPE": 8,
                                "servermain.TAG_READ_WRITE_ACCESS": 1,
                            }
                        ],
                        "tag_groups": [
                            {
                                "common.ALLTYPES_NAME": "Group",
                                "tags": [
                                    {
                                        "common.ALLTYPES_NAME": "Ramp",
                                        "servermain.TAG_ADDRESS": "RAMP(100, 1, 50, 1)",
                                        "servermain.TAG_DATA_TYPE": 4,
                                        "servermain.TAG_READ_WRITE_ACCESS": 0,
                                    }
                                ],
                            }
                        ],
                    }
                ],
            },
            {
                "common.ALLTYPES_NAME": "Other",
                "servermain.MULTIPLE_TYPES_DEVICE_DRIVER": "Some Driver",
                "devices": [{"common.ALLTYPES_NAME": "D", "tags": [{"common.ALLTYPES_NAME": "T"}]}],
            },
        ]
    }
}


def test_a_kepware_project_runs_as_it_was_taken_over(tmp_path):
    (tmp_path / "project.json").write_text(json.dumps(PROJECT))
    done = command("import", "kepware", "project.json", "--out", "plant", "--json", cwd=tmp_path)
    told = json.loads(done.stdout)
    assert done.returncode == 1 and told["tags"] == 2, "a device was left out"
    assert [note["what"] for note in told["left_out"]] == ["Other.D with 1 tags"]
    assert "Some Driver" in (tmp_path / "plant" / "import-report.txt").read_text()
    links = (tmp_path / "plant" / "tagwire.toml").read_text().replace("version = 1\n", "")
    lists = {path.name: path.read_text() for path in (tmp_path / "plant").glob("*.csv")}
    with Tagwire(tmp_path / "run", links, files=lists) as server, Session(server.port) as session:
        wait_until(lambda: session.read_status(tag("Sim.Plant.Group.Ramp")) == "Good", 5 * SLOW, "the ramp runs")
        first = session.read(tag("Sim.Plant.Group.Ramp")).Value.Value
        wait_until(lambda: session.read(tag("Sim.Plant.Group.Ramp")).Value.Value != first, 5 * SLOW, "the ramp moves")


def test_ten_thousand_tags_take_less_than_a_second(tmp_path):
    rows = "".join(f"G{n % 50}.T{n},4{n:05},Word,1,R/W,100,,,,,,,,,,,\n" for n in range(1, 10_001))
    (tmp_path / "list.csv").write_text(HEADER + rows)
    words = ("import", "kepware", "list.csv", "--driver", "modbus-tcp", "--address", "10.0.0.5", "--out", "plant")
    began = time.monotonic()
    done = command(*words, cwd=tmp_path)
    took = time.monotonic() - began
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10000 tags" in done.stdout and took < 1.0 * SLOW, took
    checked = command("check", "plant/tagwire.toml", cwd=tmp_path)
    assert checked.returncode == 0 and "10000 tags" in checked.stdout, checked.stdout
    again = command(*words, cwd=tmp_path)
    assert again.returncode == 1 and "there already" in again.stderr
    assert command(*words, "--overwrite", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_neuron_list_becomes_a_device_for_each_station(tmp_path, separator):
    rows = [
        "group,interval,name,address,attribute,type,description,decimal,precision,bias",
        "fast,100,speed,1!400001,Read Write,UINT16,,,,",
        "slow,1000,energy,2!300001,Read,UINT32,,0.001,,",
    ]
    (tmp_path / "tags.csv").write_text("\n".join(rows).replace(",", separator) + "\n")
    done = command("import", "neuron", "tags.csv", "--driver", "modbus-tcp", "--address", "10.0.0.5", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    text = (tmp_path / "imported" / "tagwire.toml").read_text()
    assert 'name = "plc1_1"' in text and "unit = 2" in text


def test_a_list_alone_asks_for_its_driver(tmp_path):
    (tmp_path / "list.csv").write_text(HEADER + "T,40001,Word,1,R/W,100,,,,,,,,,,,\n")
    done = command("import", "kepware", "list.csv", cwd=tmp_path)
    assert done.returncode == 2 and "--driver" in done.stderr and not (tmp_path / "imported").exists()
