"""Imported NodeSet2 files, as clients see them: types and instances, variables bound to tags, and broken files."""

import asyncio
import os
import subprocess
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from asyncua import Client, ua

from harness.process import SLOW, wait_until
from harness.product import Tagwire, command, sim_device
from harness.session import Session, tag

PRESS = Path(__file__).parents[2] / "crates" / "tagwire-ua-server" / "src" / "address_space" / "model" / "press.xml"
URI = "urn:example:press"
TAGS = "speed static f64 rw\nmode static i32 rw\ncount counter(period=50ms) u32 ro"
BOUND = (
    '[[ua.model]]\nfile = "press.xml"\n'
    f'[[ua.model.bind]]\nnode = "nsu={URI};i=6001"\ntag = "line1.press.speed"\n'
    f'[[ua.model.bind]]\nnode = "ns=3;i=6004"\ntag = "line1.press.mode"\n'
)


def links(tags=TAGS):
    return sim_device(tags, link="line1", device="press", scan="50ms")


def browse_names(file: Path, uris: list[str]) -> dict[ua.NodeId, str]:
    """The BrowseNames in a NodeSet2 file, by the ids that the nodes have on a server with these namespaces."""
    root = ElementTree.parse(file).getroot()
    space = "{http://opcfoundation.org/UA/2011/03/UANodeSet.xsd}"
    own = ["http://opcfoundation.org/UA/"] + [uri.text.strip() for uri in root.find(f"{space}NamespaceUris")]
    names = {}
    for element in root:
        if "NodeId" in element.attrib:
            node_id = ua.NodeId.from_string(element.attrib["NodeId"])
            index = uris.index(own[node_id.NamespaceIndex])
            names[ua.NodeId(node_id.Identifier, index)] = element.attrib["BrowseName"].split(":", 1)[-1]
    return names


def model(number: int) -> ua.NodeId:
    return ua.NodeId(number, 3)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    with Tagwire(folder, BOUND + links(), files={"press.xml": PRESS.read_text()}) as server:
        with Session(server.port) as session:
            wait_until(lambda: session.read_status(tag("line1.press.speed")) == "Good", 5 * SLOW, "the tags are there")
        yield server


@pytest.fixture
def session(server):
    with Session(server.port) as session:
        yield session


def test_asyncua_browses_types_and_instances(server):
    async def run():
        async with Client(server.url) as client:
            index = await client.get_namespace_index(URI)
            press = await client.nodes.objects.get_child([f"{index}:Press1"])
            type_id = await press.read_type_definition()
            kind = client.get_node(type_id)
            assert (await kind.read_browse_name()).Name == "PressType"
            base = client.get_node(ua.ObjectIds.BaseObjectType)
            assert f"{index}:MachineType" in [
                (await child.read_browse_name()).to_string()
                for child in await base.get_children(refs=ua.ObjectIds.HasSubtype)
            ]
            feeds = client.get_node(model(4001))
            fed = await press.get_referenced_nodes(refs=feeds.nodeid)
            assert [node.nodeid for node in fed] == [model(5002)]
            names = [(await child.read_browse_name()).Name for child in await press.get_children()]
            assert sorted(names) == ["Belt", "Mode", "Model", "Speed", "Start"]
            parent = await (await press.get_child([f"{index}:Speed"])).get_parent()
            assert parent.nodeid == press.nodeid
            assert await (await press.get_child([f"{index}:Model"])).read_value() == "PX-7"

    asyncio.run(run())


def test_asyncua_makes_classes_of_the_data_types(server):
    async def run():
        async with Client(server.url) as client:
            made = await client.load_data_type_definitions()
            assert {"ModeEnumeration", "RecipeDataType"} <= set(made)
            assert [(item.name, item.value) for item in made["ModeEnumeration"]] == [("Idle", 0), ("Running", 1), ("Fault", 5)]
            recipe = made["RecipeDataType"](Name="a", Mode=made["ModeEnumeration"](1))
            assert (recipe.Name, recipe.Force) == ("a", None)

    asyncio.run(run())


def test_asyncua_reads_writes_and_watches_a_bound_variable(server):
    seen = []

    class Handler:
        def datachange_notification(self, _node, value, data):
            seen.append((value, data.monitored_item.Value.SourceTimestamp))

    async def run():
        async with Client(server.url) as client:
            speed = client.get_node(model(6001))
            own = client.get_node(tag("line1.press.speed"))
            subscription = await client.create_subscription(50, Handler())
            await subscription.subscribe_data_change(speed)
            for number in (12.5, 13.5):
                await speed.write_value(ua.DataValue(ua.Variant(number, ua.VariantType.Double)))
                deadline = time.monotonic() + 5 * SLOW
                while number not in [value for value, _ in seen] and time.monotonic() < deadline:
                    await asyncio.sleep(0.02)
                assert number in [value for value, _ in seen]
            mine, its = await speed.read_data_value(), await own.read_data_value()
            assert (mine.Value.Value, mine.SourceTimestamp) == (13.5, its.SourceTimestamp)
            assert seen[-1] == (13.5, its.SourceTimestamp)
            assert await own.read_value() == 13.5

    asyncio.run(run())


def test_a_bound_variable_is_used_as_its_tag_is(session):
    double, int32 = ua.VariantType.Double, ua.VariantType.Int32
    assert session.write(model(6001), 7, int32) == "BadTypeMismatch"
    assert session.write(model(6001), 7.0, double) == "Good"
    wait_until(lambda: session.value(tag("line1.press.speed")) == 7.0, 5 * SLOW, "the tag has the value")
    assert session.write(model(6004), 5, int32) == "Good"
    wait_until(lambda: session.value(model(6004)) == 5, 5 * SLOW, "the mode is there")
    assert session.write(model(6003), "x", ua.VariantType.String) == "BadNotWritable"
    assert session.read(model(6001), 17).Value.Value == 3, "CurrentRead and CurrentWrite"
    assert session.read(model(6001), 3).Value.Value.Name == "Speed"
    assert session.read(model(6004), 14).Value.Value == model(3001), "the enumeration of the model"
    assert session.read(model(6001), 19).Value.Value == 50.0, "the scan interval of the tag"


def test_every_namespace_is_listed_with_its_metadata(session):
    uris = session.value(ua.NodeId(2255, 0))
    assert uris[2:] == ["urn:tagwire:tags", URI]
    found = [reference.BrowseName for reference in session.browse(ua.NodeId(11715, 0)).References]
    assert {name.Name for name in found} >= {"http://opcfoundation.org/UA/", *uris}
    version = ua.NodeId(f"namespace:{URI}.NamespaceVersion", 1)
    assert session.value(version) == "1.1.0"


def test_node_opcua_follows_the_names_of_the_model(server):
    program = Path(__file__).parents[1] / "peers" / "node" / "model.js"
    done = subprocess.run(
        ["node", str(program), server.url], capture_output=True, text=True, timeout=60 * SLOW, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.strip().splitlines()
    assert first.startswith("Press1 PressType "), done.stdout
    assert second == "MachineType is listed"


def test_companion_specifications_are_shown(tmp_path):
    """Those that come with node-opcua: Devices, Industrial Automation, Machinery."""
    node_sets = Path(os.environ["TAGWIRE_PEERS_NODE"]) / "node_modules" / "node-opcua-nodesets" / "nodesets"
    names = [f"Opc.Ua.{name}.NodeSet2.xml" for name in ("Di", "IA", "Machinery")]
    files = "".join(f"[[ua.model]]\nfile = '{node_sets / name}'\n" for name in names)

    async def run(server):
        async with Client(server.url) as client:
            di = await client.get_namespace_index("http://opcfoundation.org/UA/DI/")
            machinery = await client.get_namespace_index("http://opcfoundation.org/UA/Machinery/")
            devices = await client.nodes.objects.get_child([f"{di}:DeviceSet"])
            assert (await devices.read_browse_name()).Name == "DeviceSet"
            machines = await client.nodes.objects.get_child([f"{machinery}:Machines"])
            assert (await client.get_node(await machines.read_type_definition()).read_browse_name()).Name == "FolderType"
            made = await client.load_data_type_definitions()
            assert [item.name for item in made["DeviceHealthEnumeration"]][:2] == ["NORMAL", "FAILURE"]
            await read(client)

    async def read(client):
        """Every node of the files is there under its name, and answers a browse."""
        expected = {}
        for name in names:
            expected.update(browse_names(node_sets / name, await client.get_namespace_array()))
        assert len(expected) > 700, len(expected)
        ids = list(expected)
        for start in range(0, len(ids), 200):
            part = ids[start : start + 200]
            params = ua.ReadParameters()
            params.NodesToRead = [ua.ReadValueId(node_id, ua.AttributeIds.BrowseName) for node_id in part]
            found = [result.Value.Value.Name for result in await client.uaclient.read(params)]
            assert found == [expected[node_id] for node_id in part]
            browsed = await client.browse_nodes([client.get_node(node_id) for node_id in part])
            assert all(result.StatusCode.is_good() for _, result in browsed)

    with Tagwire(tmp_path, files + links()) as server:
        asyncio.run(run(server))


def test_a_changed_model_counts_after_a_restart(tmp_path):
    text = PRESS.read_text()
    with Tagwire(tmp_path, BOUND + links(), files={"press.xml": text}) as server, Session(server.port) as session:
        (tmp_path / "press.xml").write_text(text.replace("PX-7", "PX-8"))
        told = command("reload", "--config", server.file, cwd=tmp_path)
        assert "[[ua.model]] counts after a restart of the server" in told.stdout + told.stderr
        assert session.value(model(6003)) == "PX-7"
        server.configure(BOUND + links("mode static i32 rw"))
        refused = command("check", "--config", server.file)
        assert refused.returncode != 0 and 'there is no tag "line1.press.speed"' in refused.stdout + refused.stderr


@pytest.mark.parametrize("kind", ["laughs", "quadratic", "external", "deep"])
def test_hostile_files_are_refused_quickly_and_in_little_memory(tmp_path, kind):
    secret = tmp_path / "secret.txt"
    secret.write_text("not for clients")
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    text = {
        "laughs": f'<!DOCTYPE z [<!ENTITY l0 "ha">{entities}]><UANodeSet>&l11;</UANodeSet>',
        "quadratic": f'<!DOCTYPE z [<!ENTITY a "{"x" * 100_000}">]><UANodeSet>{"&a;" * 100_000}</UANodeSet>',
        "external": f'<!DOCTYPE z [<!ENTITY e SYSTEM "file://{secret}">]><UANodeSet><Uri>&e;</Uri></UANodeSet>',
        "deep": f"<UANodeSet>{'<a>' * 2_000_000}",
    }[kind]
    server = Tagwire(tmp_path, '[[ua.model]]\nfile = "bad.xml"\n' + links(), files={"bad.xml": text})
    begun = time.monotonic()
    limited = ["bash", "-c", 'ulimit -v 2000000; exec "$@"', "-", os.environ["TAGWIRE_BIN"]]
    done = subprocess.run([*limited, "check", "--config", str(server.file)], capture_output=True, text=True, timeout=60)
    assert time.monotonic() - begun < 5 * SLOW
    said = done.stdout + done.stderr
    assert done.returncode not in (0, 101) and done.returncode > 0, said
    assert ("levels deep" if kind == "deep" else "DOCTYPE") in said
    assert "not for clients" not in said
