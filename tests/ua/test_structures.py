"""Structures: groups of tags that clients read, write and watch as one value, and the types that they find for it."""

import asyncio
import os
import struct
import subprocess
import time
from pathlib import Path

import pytest
from asyncua import Client, ua
from asyncua.common.utils import Buffer
from asyncua.ua import ua_binary

from harness.process import SLOW, wait_until
from harness.product import Tagwire, command, sim_device
from harness.session import Session, tag

MOTORS = "\n".join(
    f"M{n}.speed static f64 rw\nM{n}.running static bool rw\nM{n}.name static string rw\n"
    f"M{n}.limits static i16[3] rw\nM{n}.drive.current static f32 rw\nM{n}.drive.code static u32 rw"
    for n in (1, 2)
)
OTHERS = (
    "fixed.count counter(period=50ms) u32 ro\nfixed.set static i32 rw\nlocked.open static i32 rw\n"
    "locked.secret static i32 rw\nplain.value static i32 rw"
)
STRUCTURES = (
    '[[link.device.structure]]\ntype = "Motor"\ngroups = ["M1", "M2"]\n'
    '[[link.device.structure]]\ntype = "Drive"\ngroups = "*.drive"\n'
    '[[link.device.structure]]\ntype = "Fixed"\ngroups = "fixed"\n'
    '[[link.device.structure]]\ntype = "Locked"\ngroups = "locked"\n'
)
RULES = '[[access.rule]]\npath = "line1.press.locked.secret"\nread = "engineer"\nwrite = "engineer"\n'
M1, M2 = tag("line1.press.M1"), tag("line1.press.M2")
BINARY = tag("_types.Motor.Binary")


def configuration(tags=MOTORS + "\n" + OTHERS, structures=STRUCTURES):
    return sim_device(tags, link="line1", device="press", scan="50ms") + structures + RULES


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Tagwire(tmp_path_factory.mktemp("structures"), configuration()) as server:
        with Session(server.port) as session:
            for path in ("M1", "M2", "fixed"):
                wait_until(lambda: session.read_status(tag(f"line1.press.{path}")) == "Good", 5 * SLOW, f"{path} is there")
        yield server


@pytest.fixture
def session(server):
    with Session(server.port) as session:
        yield session


def body(speed=1.5, running=True, name=b"pump", limits=(1, 2, 3), current=0.5, code=7) -> bytes:
    """A Motor as Part 6 has it."""
    text = struct.pack("<i", len(name)) + name
    return (
        struct.pack("<d?", speed, running)
        + text
        + struct.pack(f"<i{len(limits)}h", len(limits), *limits)
        + struct.pack("<fI", current, code)
    )


def write(session, encoded: bytes, type_id=BINARY, to=M1, index_range=None) -> str:
    value = ua.Variant(ua.ExtensionObject(ua.NodeId(type_id.Identifier, type_id.NamespaceIndex), encoded), ua.VariantType.ExtensionObject)
    return session.write_values([(to, value, index_range)])[0]


def part(session, path: str):
    return session.value(tag(f"line1.press.{path}"))


def encoded(result: ua.DataValue) -> tuple[ua.NodeId, bytes]:
    """Encoding and body of the structure that was read, whether or not asyncua knows its class by now."""
    value = result.Value.Value
    if hasattr(value, "Body"):
        return value.TypeId, value.Body
    data = Buffer(ua_binary.extensionobject_to_binary(value))
    type_id = ua_binary.nodeid_from_binary(data)
    kind, length = struct.unpack("<Bi", data.read(5))
    assert kind == 1
    return type_id, data.read(length)


def test_asyncua_reads_a_structure_as_an_object_and_writes_it_back(server):
    async def run():
        async with Client(server.url) as client:
            made = await client.load_data_type_definitions()
            assert {"Motor", "Drive", "Fixed", "Locked"} <= set(made)
            motor = client.get_node(M1)
            value = made["Motor"](
                speed=12.5, running=True, name="pump 1", limits=[-1, 0, 1], drive=made["Drive"](current=2.5, code=9)
            )
            await motor.write_value(ua.DataValue(ua.Variant(value, ua.VariantType.ExtensionObject)))
            found = await motor.read_value()
            assert found == value
            parts = {"speed": 12.5, "running": True, "name": "pump 1", "limits": [-1, 0, 1], "drive.code": 9}
            for name, expected in parts.items():
                assert await client.get_node(tag(f"line1.press.M1.{name}")).read_value() == expected
            await client.get_node(tag("line1.press.M1.drive.code")).write_value(
                ua.DataValue(ua.Variant(10, ua.VariantType.UInt32))
            )
            deadline = time.monotonic() + 5 * SLOW
            while (await motor.read_value()).drive.code != 10 and time.monotonic() < deadline:
                await asyncio.sleep(0.02)
            assert (await motor.read_value()).drive.code == 10
            drive = await client.get_node(tag("line1.press.M1.drive")).read_value()
            assert (drive.current, drive.code) == (2.5, 10)

    asyncio.run(run())


def test_asyncua_finds_the_type_by_browsing(server):
    async def run():
        async with Client(server.url) as client:
            device = await client.nodes.objects.get_child(["2:line1", "2:press"])
            motor = await device.get_child(["2:M1"])
            assert await motor.read_node_class() == ua.NodeClass.Variable
            assert await motor.read_type_definition() == ua.NodeId(ua.ObjectIds.BaseDataVariableType)
            assert await motor.read_value_rank() == ua.ValueRank.Scalar
            names = [(await child.read_browse_name()).Name for child in await motor.get_children()]
            assert sorted(names) == ["drive", "limits", "name", "running", "speed"]
            assert (await motor.get_parent()).nodeid == device.nodeid
            part = await motor.get_child(["2:drive", "2:code"])
            assert (await part.get_parent()).nodeid == tag("line1.press.M1.drive")
            kind = client.get_node(await motor.read_data_type())
            assert (await kind.read_browse_name()).to_string() == "2:Motor"
            assert (await kind.get_parent()).nodeid == ua.NodeId(ua.ObjectIds.Structure)
            definition = await kind.read_data_type_definition()
            assert definition.DefaultEncodingId == BINARY
            fields = [(field.Name, field.DataType, field.ValueRank) for field in definition.Fields]
            assert fields == [
                ("speed", ua.NodeId(ua.ObjectIds.Double), -1),
                ("running", ua.NodeId(ua.ObjectIds.Boolean), -1),
                ("name", ua.NodeId(ua.ObjectIds.String), -1),
                ("limits", ua.NodeId(ua.ObjectIds.Int16), 1),
                ("drive", tag("_types.Drive"), -1),
            ]
            assert definition.Fields[3].ArrayDimensions == [3]
            (encoding,) = await kind.get_referenced_nodes(refs=ua.ObjectIds.HasEncoding)
            assert encoding.nodeid == BINARY

    asyncio.run(run())


def test_the_whole_is_the_bytes_of_its_parts(session):
    sent = body(speed=-4.25, name="Öl".encode(), code=4_000_000_000)
    assert write(session, sent) == "Good"
    wait_until(lambda: encoded(session.read(M1)) == (BINARY, sent), 5 * SLOW, "the structure has the value")
    found = session.read(M1)
    assert part(session, "M1.name") == "Öl"
    newest = max(session.read(tag(f"line1.press.M1.{name}")).SourceTimestamp for name in ("speed", "drive.code"))
    assert found.SourceTimestamp is not None and found.SourceTimestamp <= newest


@pytest.mark.parametrize(
    "sent, expected",
    [
        (body()[:-1], "BadDecodingError"),
        (body() + b"\0", "BadDecodingError"),
        (b"", "BadDecodingError"),
        (body(name=b"\xff"), "BadDecodingError"),
        (body()[:9] + struct.pack("<i", 2_000_000_000), "BadDecodingError"),
        (body(limits=(1, 2)), "BadTypeMismatch"),
        (body(limits=()), "BadTypeMismatch"),
    ],
)
def test_a_body_that_is_no_motor_is_refused_and_changes_nothing(session, sent, expected):
    assert write(session, body(speed=3.0)) == "Good"
    wait_until(lambda: part(session, "M1.speed") == 3.0, 5 * SLOW, "the value is there")
    assert write(session, sent) == expected
    assert part(session, "M1.speed") == 3.0


def test_what_is_no_motor_at_all_is_refused(session):
    for type_id in (tag("_types.Drive.Binary"), tag("_types.Motor"), ua.NodeId(297, 0)):
        assert write(session, body(), type_id) == "BadTypeMismatch"
    assert session.write(M1, 1.5, ua.VariantType.Double) == "BadTypeMismatch"
    assert session.write_values([(M1, ua.DataValue())]) == ["BadTypeMismatch"]
    whole = ua.Variant(ua.ExtensionObject(BINARY, body()), ua.VariantType.ExtensionObject)
    stamped = ua.DataValue(whole, ua.StatusCode(ua.StatusCodes.Bad))
    assert session.write_values([(M1, stamped)]) == ["BadWriteNotSupported"]


def test_a_request_writes_structures_and_tags_and_answers_each(session):
    whole = lambda data: ua.Variant(ua.ExtensionObject(BINARY, data), ua.VariantType.ExtensionObject)
    plain = ua.Variant(5, ua.VariantType.Int32)
    items = [
        (tag("line1.press.plain.value"), plain),
        (M1, whole(body(code=1))),
        (tag("line1.press.nothing"), plain),
        (M2, whole(body(code=2))),
        (M2, whole(b"")),
        (tag("line1.press.fixed.set"), plain),
    ]
    assert session.write_values(items) == ["Good", "Good", "BadNodeIdUnknown", "Good", "BadDecodingError", "Good"]
    wait_until(lambda: part(session, "M2.drive.code") == 2, 5 * SLOW, "both are written")
    assert part(session, "M1.drive.code") == 1


def test_ranges_and_encodings_of_a_single_value(session):
    assert session.read_status(M1, index_range="0") == "BadIndexRangeNoData"
    assert session.read_status(M1, index_range="x") == "BadIndexRangeInvalid"
    assert write(session, body(), index_range="0:1") == "BadIndexRangeNoData"
    assert write(session, body(), index_range="1:0") == "BadIndexRangeInvalid"
    assert session.read_status(M1, encoding=ua.QualifiedName("Default Binary", 0)) == "Good"
    assert session.read_status(M1, encoding=ua.QualifiedName("Default XML", 0)) == "BadDataEncodingUnsupported"
    assert session.read_status(M1, encoding=ua.QualifiedName("Other", 0)) == "BadDataEncodingInvalid"
    assert session.read_status(M1, attribute=12) == "BadAttributeIdInvalid"


def test_a_structure_with_a_tag_that_cannot_be_written_is_read_only(session):
    fixed = tag("line1.press.fixed")
    assert (session.value(fixed, attribute=17), session.value(M1, attribute=17)) == (1, 3)
    sent = struct.pack("<Ii", 1, 2)
    assert write(session, sent, tag("_types.Fixed.Binary"), fixed) == "BadNotWritable"


def test_nobody_gets_at_a_tag_by_way_of_its_structure(session):
    locked = tag("line1.press.locked")
    assert session.read_status(tag("line1.press.locked.secret")) == "BadUserAccessDenied"
    assert session.read_status(locked) == "BadUserAccessDenied"
    assert session.value(locked, attribute=18) == 0
    assert write(session, struct.pack("<ii", 1, 2), tag("_types.Locked.Binary"), locked) == "BadUserAccessDenied"
    made = session.subscribe()
    (item,) = session.monitor(made.SubscriptionId, [session.item(locked)])
    assert item.StatusCode.name == "BadUserAccessDenied"
    assert session.read_status(tag("line1.press.locked.open")) == "Good"


def test_a_subscription_hears_of_every_changed_part(server):
    seen = []

    class Handler:
        def datachange_notification(self, _node, value, data):
            seen.append((value, data.monitored_item.Value.SourceTimestamp))

    async def run():
        async with Client(server.url) as client:
            await client.load_data_type_definitions()
            subscription = await client.create_subscription(50, Handler())
            await subscription.subscribe_data_change(client.get_node(M2))
            for code in (101, 102):
                await client.get_node(tag("line1.press.M2.drive.code")).write_value(
                    ua.DataValue(ua.Variant(code, ua.VariantType.UInt32))
                )
                deadline = time.monotonic() + 5 * SLOW
                while code not in [value.drive.code for value, _ in seen] and time.monotonic() < deadline:
                    await asyncio.sleep(0.02)
                assert code in [value.drive.code for value, _ in seen]
            assert all(type(value).__name__ == "Motor" and stamp for value, stamp in seen)
            count = len(seen)
            await asyncio.sleep(0.5)
            assert len(seen) == count, "nothing changed"

    asyncio.run(run())


def test_node_opcua_reads_and_writes_a_structure(server):
    program = Path(__file__).parents[1] / "peers" / "node" / "structure.js"
    done = subprocess.run(
        ["node", str(program), server.url], capture_output=True, text=True, timeout=60 * SLOW, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines() == ["Motor", "42.5 node 1,2,3 77", "43.5 node 1,2,3 77"]


def test_the_audit_log_tells_every_field(server):
    with Session(server.port) as session:
        assert write(session, body(speed=8.0, code=1)) == "Good"
        wait_until(lambda: part(session, "M1.speed") == 8.0, 5 * SLOW, "the value is there")
        assert write(session, body(speed=9.0, code=2)) == "Good"
        assert write(session, b"") == "BadDecodingError"
    done = command("audit", "show", "--json", "--config", server.file, cwd=server.folder)
    assert done.returncode == 0, done.stderr
    assert '"field":"speed","old":8.0,"new":9.0' in done.stdout.replace(" ", ""), done.stdout[-3000:]
    assert '"field":"drive.code","old":1,"new":2' in done.stdout.replace(" ", "")


def test_a_changed_structure_counts_after_a_restart(tmp_path):
    tags = "M1.speed static f64 rw\nM1.running static bool rw"
    motor = '[[link.device.structure]]\ntype = "Valve"\ngroups = "M1"\n'
    node = tag("line1.press.M1")
    with Tagwire(tmp_path, configuration(tags, motor)) as server:
        with Session(server.port) as session:
            wait_until(lambda: session.read_status(node) == "Good", 5 * SLOW, "the structure is there")
            server.configure(configuration(tags.replace("bool", "i32"), motor))
            done = command("reload", "--config", server.file, cwd=server.folder)
            assert done.returncode == 6 and "[[link.device.structure]]" in done.stdout + done.stderr, done
            assert session.read_status(node) == "BadConfigurationError"
            assert session.read_status(tag("line1.press.M1.running")) == "Good"
            server.configure(configuration(tags, motor))
            command("reload", "--config", server.file, cwd=server.folder)
            wait_until(lambda: session.read_status(node) == "Good", 5 * SLOW, "the structure is back")


def test_browse_shows_the_tags_of_a_structure(server):
    done = command("browse", server.url, "--depth", "5", cwd=server.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("M1", "speed", "drive", "code"):
        assert word in done.stdout, done.stdout
