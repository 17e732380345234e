"""A link with two paths to its device: it goes over to the other one on failure, comes back, and can be forced."""

import pytest
from asyncua import ua

from harness.device import Device, Proxy
from harness.process import SLOW, wait_until
from harness.product import Tagwire, command
from harness.session import Session, tag

PATH = tag("line._System._ActivePath")


def config(first: int, second: int) -> str:
    return (
        f'[[link]]\nname = "line"\ndriver = "modbus-tcp"\naddress = "127.0.0.1:{first}"\n'
        f'secondary = "127.0.0.1:{second}"\nswitch_after = "500ms"\nreturn_after = "2s"\n'
        '[[link.device]]\nname = "plc"\nunit = 1\nscan = "50ms"\nrequest_timeout = "300ms"\nattempts = 1\n'
        '[[link.device.tag]]\nname = "count"\naddress = "40102"\naccess = "rw"\n'
    )


@pytest.fixture
def paths():
    """A device behind two proxies."""
    with Device() as device, Proxy(device.port) as first, Proxy(device.port) as second:
        yield first, second


def test_a_dead_path_is_left_and_returned_to(tmp_path, paths):
    first, second = paths
    with Tagwire(tmp_path, config(first.port, second.port)) as server, Session(server.port) as session:
        def is_over(name):
            return session.read(PATH).Value.Value == name and session.read_status(tag("line.plc.count")) == "Good"

        wait_until(lambda: is_over("primary"), 5 * SLOW, "the primary path is used")
        first.stop()
        wait_until(lambda: is_over("secondary"), 10 * SLOW, "the secondary path is used")
        first.start()
        wait_until(lambda: is_over("primary"), 20 * SLOW, "the primary path is returned to")
        assert session.write(PATH, "secondary", ua.VariantType.String) == "Good"
        wait_until(lambda: is_over("secondary"), 5 * SLOW, "the secondary path is forced")
        assert session.value(tag("line._System._PathForced")) is True
        assert session.write(PATH, "middle", ua.VariantType.String) == "BadOutOfRange"
        assert session.value(tag("line._Statistics._PathSwitches")) == 3


def test_both_paths_may_not_lead_to_the_same_place(tmp_path):
    (tmp_path / "tagwire.toml").write_text("version = 1\n" + config(5020, 5020))
    done = command("check", cwd=tmp_path)
    assert done.returncode == 3 and "leads to 127.0.0.1:5020 as the first one does" in done.stdout
