"""One server for the tests of the Python packages, with its history."""

import pytest

import tagwire
from harness.plant import CONFIG
from harness.product import Tagwire

HISTORY = '[history]\ncommit = "20ms"\n[[history.rule]]\npath = "sig.**"\n[[history.rule]]\npath = "mem.all.h.**"\n'
KEPT = "".join(
    f'[[link.device.tag]]\nname = "h.{name}"\naddress = "static"\ntype = "{kind}"\naccess = "rw"\n'
    for name, kind in (("int", "i32"), ("real", "f64"), ("flag", "bool"), ("text", "string"), ("large", "u64"))
)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A running server with one tag of every kind, and some with a history."""
    head, mark, rest = CONFIG.partition('[[link]]\nname = "bulk"')
    with Tagwire(tmp_path_factory.mktemp("python"), head + KEPT + mark + rest + HISTORY) as running:
        yield running


@pytest.fixture
def plant(server):
    """A synchronous client of it."""
    with tagwire.connect(server.url) as client:
        yield client
