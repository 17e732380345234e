"""Hot reload under load: what did not change sees no gap, no duplicate and no reconnect."""

import time

import pytest

from harness.device import Device
from harness.process import SLOW, wait_until
from harness.product import Tagwire, command, sim_device
from harness.session import Session, tag
from harness.watch import Watcher
from harness.wire import Fault

STEADY = "\n".join(f"steady{i} counter(period=100ms) i32 ro" for i in range(20))


def config(others: str, second_link=False) -> str:
    text = sim_device(f"{STEADY}\n{others}", link="line", device="plc", scan="25ms")
    if second_link:
        text += sim_device("extra counter(period=50ms) i32 ro", link="line2", device="plc", scan="50ms")
    return text


def check_unbroken(watcher, names):
    """Counters count by one from change to change, whatever was reloaded meanwhile."""
    for name in names:
        changes = watcher.by_name[name]
        assert all(change.good for change in changes), name
        values = [change.value for change in changes]
        assert len(values) > 20, f"{name}: {len(values)} changes"
        steps = {later - earlier for earlier, later in zip(values, values[1:])}
        assert steps == {1}, f"{name}: {steps}"


@pytest.mark.parametrize("by_signal", [False, True])
def test_tags_come_change_and_go_beside_an_untouched_subscription(tmp_path, by_signal):
    with Tagwire(tmp_path, config("gone static i32 rw\nchanging static i32 rw")) as server, Session(server.port) as session:
        names = [f"line.plc.steady{i}" for i in range(20)]
        wait_until(lambda: session.read_status(tag(names[-1])) == "Good", 5 * SLOW, "the counters count")

        def reload(text, appears):
            server.configure(text)
            if by_signal:
                server.hang_up()
            else:
                server.reload()
            wait_until(appears, 5 * SLOW, "the reload is applied")

        with Watcher(server.port, names) as watcher:
            time.sleep(1.5)
            reload(
                config("changing static f64 rw\nadded static i32 rw"),
                lambda: session.read_status(tag("line.plc.added")) == "Good",
            )
            assert session.read_status(tag("line.plc.gone")) == "BadNodeIdUnknown"
            kind = session.read(tag("line.plc.changing"), 14).Value.Value
            assert kind.Identifier == 11, "the changed tag is a Double now"
            reload(config("added static i32 rw", True), lambda: session.read_status(tag("line2.plc.extra")) == "Good")
            for number in range(10):
                more = "\n".join(f"churn{number}_{i} static i32 rw" for i in range(50))
                last = tag(f"line.plc.churn{number}_49")
                reload(config(more), lambda last=last: session.read_status(last) == "Good")
            assert session.read_status(tag("line2.plc.extra")) == "BadNodeIdUnknown"
            time.sleep(1.5)
        check_unbroken(watcher, names)


def test_an_item_on_a_removed_tag_is_told(tmp_path):
    with Tagwire(tmp_path, config("gone static i32 rw")) as server:
        with Watcher(server.port, ["line.plc.gone"]) as watcher:
            wait_until(lambda: watcher.last("line.plc.gone"), 5 * SLOW, "the first value comes")
            server.configure(config(""))
            server.reload()
            wait_until(lambda: not watcher.last("line.plc.gone").good, 5 * SLOW, "the item turns bad")


def test_a_broken_configuration_changes_nothing_and_says_what_is_wrong(tmp_path):
    with Tagwire(tmp_path, config("here static i32 rw")) as server, Session(server.port) as session:
        server.configure(config("here static i32 rw") + "[nonsense]\nkey = 1\n")
        done = command("reload", "--config", server.file, cwd=server.folder)
        assert done.returncode != 0 and "nonsense" in done.stdout + done.stderr
        assert session.read_status(tag("line.plc.here")) == "Good"
        try:
            assert session.read("i=2258").StatusCode.is_good()
        except Fault as fault:
            pytest.fail(f"the session did not survive: {fault}")


def test_values_of_a_link_that_leads_elsewhere_now_are_not_good(tmp_path):
    text = (
        '[[link]]\nname = "line"\ndriver = "modbus-tcp"\naddress = "127.0.0.1:PORT"\n[[link.device]]\nname = "plc"\n'
        'unit = 1\nscan = "50ms"\nrequest_timeout = "5s"\n[[link.device.tag]]\nname = "a"\naddress = "40001"\n'
    )
    with Device() as first, Device() as second:
        second.units[1].mute = True
        with Tagwire(tmp_path, text.replace("PORT", str(first.port))) as server, Session(server.port) as session:
            wait_until(lambda: session.read_status(tag("line.plc.a")) == "Good", 10 * SLOW, "a first value")
            server.configure(text.replace("PORT", str(second.port)))
            server.reload()
            assert session.read_status(tag("line.plc.a")) == "BadWaitingForInitialData"
            second.units[1].mute = False
            wait_until(lambda: session.read_status(tag("line.plc.a")) == "Good", 20 * SLOW, "a value of the other one")
