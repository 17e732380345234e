"""Templates and derived tags as an OPC UA client sees them."""

import asyncio

import pytest
from asyncua import Client, ua

from harness.process import SLOW, wait_until
from harness.product import Tagwire, command, sim_device
from harness.session import Session, tag

TEMPLATE = """
[[template]]
name = "Motor"
parameters = ["start"]
defaults = {{ hall = "A" }}
structure = {structure}
  [[template.tag]]
  name = "speed"
  address = "static({{start + 1}})"
  type = "f64"
  access = "rw"
  description = "Speed in hall {{hall}}"
  [[template.tag]]
  name = "drive_code"
  address = "static({{start}})"
  type = "u16"
"""
INSTANCES = """
[[link.device.instance]]
template = "Motor"
name = "M{n}"
repeat = [1, 3]
parameters = { start = "{n * 10}" }
"""
DERIVED = """
[[derived]]
name = "calc.sum"
kind = "expression"
inputs = ["a=line1.press.a", "b=line1.press.b"]
expression = "a + b"
unit = "bar"
[[derived]]
name = "calc.mean"
kind = "average"
inputs = ["line1.press.a", "line1.press.b"]
[[derived]]
name = "calc.highest"
kind = "maximum"
inputs = "calc.sum"
reset = "line1.press.reset"
[[derived]]
name = "calc.counted"
kind = "cumulative"
inputs = "line1.press.a"
[[derived]]
name = "calc.copy"
kind = "link"
inputs = "calc.sum"
output = "line1.press.out"
[[derived]]
name = "calc.on_demand"
kind = "link"
inputs = "line1.press.b"
output = "line1.press.out2"
on = "trigger"
trigger = "line1.press.reset"
"""
TAGS = "a static f64 rw\nb static f64 rw\nout static f64 rw\nout2 static f64 rw\nreset static bool rw"


def seen(port, work):
    async def run():
        async with Client(f"opc.tcp://127.0.0.1:{port}") as client:
            return await work(client)

    return asyncio.run(run())


@pytest.mark.parametrize("structure", ["false", "true"])
def test_instances_of_a_template_are_objects_with_their_members(tmp_path, structure):
    config = TEMPLATE.format(structure=structure) + sim_device("x static f64 rw", link="line1", device="press") + INSTANCES
    with Tagwire(tmp_path, config) as server:
        with Session(server.port) as session:
            wait_until(lambda: session.read_status(tag("line1.press.M3.speed")) == "Good", 5 * SLOW, "the last instance")

        async def look(client):
            device = client.get_node("ns=2;s=line1.press")
            names = [(await child.read_browse_name()).Name for child in await device.get_children()]
            group = client.get_node("ns=2;s=line1.press.M2")
            members = {(await child.read_browse_name()).Name: await child.read_value() for child in await group.get_children()}
            words = await client.get_node("ns=2;s=line1.press.M2.speed").read_attribute(ua.AttributeIds.Description)
            return names, members, words.Value.Value.Text, await group.read_node_class()

        names, members, words, kind = seen(server.port, look)
        assert {"M1", "M2", "M3", "x"} <= set(names)
        assert (members["speed"], members["drive_code"]) == (21.0, 20)
        assert words == "Speed in hall A"
        assert kind == (ua.NodeClass.Variable if structure == "true" else ua.NodeClass.Object)


def test_a_mistake_in_a_template_names_both_lines(tmp_path):
    text = "version = 1\n" + TEMPLATE.format(structure="false").replace("start + 1", "strt + 1")
    (tmp_path / "tagwire.toml").write_text(text + sim_device("", link="line1", device="press") + INSTANCES)
    done = command("check", cwd=tmp_path)
    assert done.returncode == 3 and done.stdout.count("there is no parameter") == 1, done.stdout
    assert 'did you mean "start"?' in done.stdout and "for the instance at line" in done.stdout


def test_derived_tags_follow_their_inputs(tmp_path):
    config = sim_device(TAGS, link="line1", device="press", scan="50ms") + DERIVED
    with Tagwire(tmp_path, config) as server, Session(server.port) as session:
        def value(name):
            read = session.read(tag(name))
            return read.Value.Value if read.StatusCode.is_good() else None

        def write(name, new, kind=ua.VariantType.Double):
            assert session.write(tag(name), new, kind) == "Good"

        def becomes(name, wanted):
            wait_until(lambda: value(name) == wanted, 5 * SLOW, f"{name} becomes {wanted}, it is {value(name)}")

        becomes("line1.press.b", 0.0)
        write("line1.press.a", 3.0)
        write("line1.press.b", 4.0)
        becomes("calc.sum", 7.0)
        becomes("calc.mean", 3.5)
        becomes("calc.highest", 7.0)
        becomes("calc.counted", 3.0)
        becomes("line1.press.out", 7.0)
        write("line1.press.a", 1.0)
        becomes("calc.sum", 5.0)
        assert value("calc.highest") == 7.0
        assert value("line1.press.out2") == 0.0
        write("line1.press.reset", True, ua.VariantType.Boolean)
        becomes("line1.press.out2", 4.0)
        write("line1.press.b", 1.0)
        becomes("calc.highest", 2.0)
        assert session.write(tag("calc.sum"), 1.0, ua.VariantType.Double) == "BadNotWritable"
        server.configure(config + '[[derived]]\nname = "calc.more"\nkind = "minimum"\ninputs = ["line1.press.a", "line1.press.b"]\n')
        server.reload()
        becomes("calc.more", 1.0)


def test_a_total_outlives_a_restart(tmp_path):
    config = sim_device(TAGS, link="line1", device="press", scan="50ms") + DERIVED
    for n, (counter, total) in enumerate([(3.0, 3.0), (5.0, 8.0)]):
        with Tagwire(tmp_path, config) as server, Session(server.port) as session:
            # The simulated counter begins at 0 again, as one of a PLC that lost its memory.
            wait_until(lambda: session.read_status(tag("calc.counted")) == "Good", 5 * SLOW, "the total is there")
            assert session.read(tag("calc.counted")).Value.Value == (3.0 if n else 0.0)
            assert session.write(tag("line1.press.a"), counter, ua.VariantType.Double) == "Good"
            wait_until(lambda: session.read(tag("calc.counted")).Value.Value == total, 5 * SLOW, f"the total is {total}")


def test_a_derived_tag_is_as_bad_as_its_input(tmp_path):
    config = sim_device(TAGS, link="line1", device="press", scan="50ms") + DERIVED
    with Tagwire(tmp_path, config) as server, Session(server.port) as session:
        wait_until(lambda: session.read_status(tag("calc.sum")) == "Good", 5 * SLOW, "the sum is there")
        enabled = tag("line1.press._System._Enabled")
        assert session.write(enabled, False, ua.VariantType.Boolean) == "Good"
        wait_until(lambda: session.read_status(tag("calc.sum")) == "BadOutOfService", 5 * SLOW, "the sum is out of service")
        assert session.write(enabled, True, ua.VariantType.Boolean) == "Good"
        wait_until(lambda: session.read_status(tag("calc.sum")) == "Good", 5 * SLOW, "the sum is back")


def test_a_filter_smooths_and_limits_hold(tmp_path):
    shaped = "[[link]]\nname = \"line1\"\ndriver = \"sim\"\n[[link.device]]\nname = \"press\"\nscan = \"50ms\"\n"
    shaped += '[[link.device.tag]]\nname = "raw"\naddress = "square(period=1s, low=0, high=100)"\n'
    shaped += '[[link.device.tag]]\nname = "smooth"\naddress = "square(period=1s, low=0, high=100)"\nfilter = "10s"\n'
    shaped += '[[link.device.tag]]\nname = "held"\naddress = "square(period=1s, low=0, high=100)"\neu_range = [10, 90]\nlimit = "both"\n'
    shaped += '[[link.device.tag]]\nname = "set"\naddress = "static(50.0)"\naccess = "rw"\neu_range = [10, 90]\nlimit = "high"\n'
    with Tagwire(tmp_path, shaped) as server, Session(server.port) as session:
        wait_until(lambda: session.read_status(tag("line1.press.set")) == "Good", 5 * SLOW, "values are there")
        seen = {"raw": set(), "smooth": set(), "held": set(), "bits": set()}

        def look():
            for name in ("raw", "smooth", "held"):
                read = session.read(tag(f"line1.press.{name}"))
                seen[name].add(read.Value.Value)
                if name == "held":
                    seen["bits"].add(read.StatusCode.value & 0x300)
            return seen["raw"] >= {0.0, 100.0} and seen["held"] >= {10.0, 90.0} and len(seen["smooth"]) > 10

        wait_until(look, 10 * SLOW, "both halves of the wave")
        assert seen["held"] == {10.0, 90.0} and {0x100, 0x200} <= seen["bits"]
        steps = sorted(seen["smooth"])
        assert max(steps) - min(steps) < 60, "the filter lets through a part of each step"
        assert session.write(tag("line1.press.set"), 95.0, ua.VariantType.Double) == "BadOutOfRange"
        assert session.write(tag("line1.press.set"), 5.0, ua.VariantType.Double) == "Good"
