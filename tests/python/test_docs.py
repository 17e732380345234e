"""What the pages and examples show runs as it stands, and is typed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import tagwire
from harness.process import SLOW, accepts, free_port, wait_until
from harness.product import Tagwire, sim_device

ROOT = Path(__file__).parents[2]
TAGS = """
temperature sine(period=2s,low=20,high=90) f32 ro
pressure sine(period=3s,low=1,high=3) f32 ro
setpoint static f32 rw
"""


@pytest.fixture(scope="module")
def gate():
    """The port of the gateway."""
    return free_port()


@pytest.fixture(scope="module")
def boiler(tmp_path_factory, gate):
    """The tags of the demo that the pages name, with a history, and as a gateway."""
    openopc = f'[openopc]\nlisten = "127.0.0.1:{gate}"\n'
    history = '[history]\ncommit = "20ms"\n[[history.rule]]\npath = "boiler.**"\n'
    config = sim_device(TAGS, link="boiler", device="plc", scan="50ms") + history + openopc
    with Tagwire(tmp_path_factory.mktemp("docs"), config) as server:
        with tagwire.connect(server.url) as plant:
            wait_until(lambda: len(plant.history("boiler.plc.temperature", "-1h")) > 5, 10 * SLOW, "a history")
        wait_until(lambda: accepts(gate), 10 * SLOW, "the gateway listens")
        yield server


def blocks(page):
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/python.md", "python/README.md"])
def test_the_code_on_the_pages_runs(boiler, gate, page):
    found = blocks(page)
    assert found
    with tagwire.connect(boiler.url) as plant:
        for block in found:
            code = block.replace("opc.tcp://localhost:4840", boiler.url).replace("localhost:7766", f"127.0.0.1:{gate}")
            exec(code, {"tagwire": tagwire, "plant": plant})


def test_the_code_for_openopc_runs(boiler, monkeypatch):
    monkeypatch.setenv("OPC_URL", boiler.url)
    for block in blocks("docs/openopc.md"):
        names = {}
        exec(block, names)
        assert names["quality"] == "Good"
        names["opc"].close()


@pytest.mark.parametrize("example", sorted(path.name for path in (ROOT / "examples/python").glob("*.py")))
def test_the_examples_run(boiler, example):
    words = [sys.executable, ROOT / "examples/python" / example, boiler.url]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60 * SLOW)
    assert done.returncode == 0 and done.stdout, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["mypy", "--strict", "python/tagwire", "examples/python", "python/tagwire-openopc/OpenOPC"],
        ["mypy.stubtest", "tagwire._native", "--mypy-config-file", "pyproject.toml"],
        ["pyright"],
    ],
    ids=["mypy", "stubtest", "pyright"],
)
def test_types_are_complete(words, tmp_path):
    if words[0] == "mypy":
        words = [*words, "--cache-dir", tmp_path]
    if words[0] == "pyright":
        words = [*words, "--pythonpath", sys.executable]
    done = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, timeout=300 * SLOW)
    assert done.returncode == 0, done.stdout + done.stderr
