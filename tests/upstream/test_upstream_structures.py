"""Structures of an asyncua server: members as tags and as one structure again, written one by one, and definitions that
change, lie or never end."""

import json
import struct

from asyncua import ua
from asyncua.common.structures104 import new_enum, new_struct, new_struct_field

from harness.device import LOOP
from harness.process import SLOW, wait_until
from harness.product import Tagwire, command
from harness.session import Session, tag
from harness.upstream import PLANT, NodeServer, UaServer, has_node, link, no_subscriptions
from harness.watch import Watcher

MEMBERS = {
    "on": ("bool", "On"),
    "speed": ("f64", "Speed"),
    "name": ("string", "Name"),
    "levels": ("i16[3]", "Levels"),
    "second": ("i16", "Levels[1]"),
    "mode": ("i32", "Mode"),
    "front": ("f32", "Front.Position"),
    "axis": ("f32", "Axes[1].Position"),
    "limit": ("f64", "Limit"),
    "note": ("string", "Note"),
}


class StructServer(UaServer):
    """An asyncua server whose variable `m1` is a motor, beside a plain variable `a`."""

    fields_before = ()
    """Fields that motors have before all others."""

    def __init__(self, **keys):
        super().__init__({"a": 1.0}, **keys)

    async def _add(self, name, value):
        await super()._add(name, value)
        if name == "a":
            await self._define()

    async def _define(self):
        server, space = self._server, await self._server.get_namespace_index(PLANT)
        mode = await new_enum(server, space, f"Mode{self.port}", ["Off", "Slow", "Fast"])
        double, scalar = ua.VariantType.Double, ua.VariantType
        axis, _ = await new_struct(
            server, space, f"Axis{self.port}", [new_struct_field("Position", scalar.Float), new_struct_field("Locked", scalar.Boolean)]
        )
        before = [new_struct_field(name, scalar.Int64) for name in self.fields_before]
        motor, _ = await new_struct(
            server,
            space,
            f"Motor{self.port}",
            before
            + [
                new_struct_field("On", scalar.Boolean),
                new_struct_field("Speed", double),
                new_struct_field("Name", scalar.String),
                new_struct_field("Levels", scalar.Int16, array=True),
                new_struct_field("Mode", mode),
                new_struct_field("Front", axis),
                new_struct_field("Axes", axis, array=True),
                new_struct_field("Limit", double, optional=True),
                new_struct_field("Note", scalar.LocalizedText),
            ],
        )
        for name in ("Mode", "Axis", "Motor"):
            # A server that a test starts again has other fields, and asyncua keeps the classes of the former one.
            vars(ua).pop(f"{name}{self.port}", None)
        types = await server.load_data_type_definitions()
        made, modes = types[f"Motor{self.port}"], types[f"Mode{self.port}"]
        self.axis = types[f"Axis{self.port}"]
        value = made(
            **{name: 64 for name in self.fields_before},
            On=True,
            Speed=12.5,
            Name="pump",
            Levels=[1, 2, 3],
            Mode=modes(1),
            Front=self.axis(Position=0.5),
            Axes=[self.axis(Position=1.5), self.axis(Position=2.5, Locked=True)],
            Limit=None,
            Note=ua.LocalizedText("warm", "en"),
        )
        node = await server.nodes.objects.add_variable(ua.NodeId("m1", space), "m1", value, datatype=motor.nodeid)
        await node.set_writable()
        self._nodes["m1"] = node
        self.motor_type = motor

    def change(self, **members):
        """Changes members at the source."""

        async def change():
            value = await self._nodes["m1"].read_value()
            for name, member in members.items():
                setattr(value, name, member)
            await self._nodes["m1"].write_value(ua.Variant(value))

        LOOP.run(change())

    def show_component(self, name: str, value):
        """A component of the motor that shows a member once more."""
        LOOP.run(self._nodes["m1"].add_variable(ua.NodeId(f"m1.{name}", self._nodes["m1"].nodeid.NamespaceIndex), name, value))

    def n_items(self) -> int:
        """Items that the server watches."""
        subscriptions = self._server.iserver.subscription_service.subscriptions.values()
        return sum(len(sub.monitored_item_srv._monitored_items) for sub in subscriptions)


def motor(members=MEMBERS, **others) -> dict[str, str]:
    """Tags of the motor, in the group `m1`, and `a`."""
    tags = {f"m1.{name}": f"{kind} member {path} of nsu={PLANT};s=m1" for name, (kind, path) in members.items()}
    return {"a": "f64", **tags, **others}


def path(name: str) -> ua.NodeId:
    return tag(f"up.plc.{name}")


def shows(session: Session, name: str, value) -> bool:
    found = session.read(path(name))
    return found.StatusCode.is_good() and found.Value is not None and found.Value.Value == value


def test_members_are_seen_one_by_one_with_one_item_for_all(tmp_path):
    with StructServer() as source, Tagwire(tmp_path, link(source.url, motor())) as server:
        with Session(server.port) as session:
            wait_until(lambda: shows(session, "m1.speed", 12.5), 10 * SLOW, "a first value")
            for name, value in (
                ("on", True),
                ("name", "pump"),
                ("levels", [1, 2, 3]),
                ("second", 2),
                ("mode", 1),
                ("front", 0.5),
                ("axis", 2.5),
                ("note", "warm"),
            ):
                assert shows(session, f"m1.{name}", value), name
            assert session.read_status(path("m1.limit")) == "BadNoData", "an optional field that is not there"
            assert source.n_items() == 2, "one for the motor and one for its neighbour"
            source.change(Speed=99.0, Limit=7.5, Levels=[4, 5, 6, 7])
            wait_until(lambda: shows(session, "m1.limit", 7.5), 5 * SLOW, "the field is there now")
            assert shows(session, "m1.levels", [4, 5, 6, 7]), "longer than the declared array"
            assert shows(session, "m1.speed", 99.0)
            assert session.read(path("m1.on")).SourceTimestamp == session.read(path("m1.speed")).SourceTimestamp


def test_a_member_is_read_where_the_server_makes_no_subscription(tmp_path):
    with no_subscriptions(), StructServer() as source, Tagwire(tmp_path, link(source.url, motor())) as server:
        with Session(server.port) as session:
            wait_until(lambda: shows(session, "m1.axis", 2.5), 10 * SLOW, "a first value")
            source.change(Name="fan")
            wait_until(lambda: shows(session, "m1.name", "fan"), 5 * SLOW, "the change")


def test_clients_see_one_structure_again(tmp_path):
    names = ("on", "speed", "levels")
    text = link(source_url := "URL", motor({name: MEMBERS[name] for name in names}))
    text += '[[link.device.structure]]\ntype = "Motor"\ngroups = ["m1"]\n'
    with StructServer() as source, Tagwire(tmp_path, text.replace(source_url, source.url)) as server:
        with Session(server.port) as session:
            wait_until(lambda: shows(session, "m1.speed", 12.5), 10 * SLOW, "a first value")
            whole = session.value(path("m1"))
            assert whole.Body == struct.pack("<?di3h", True, 12.5, 3, 1, 2, 3)


def test_an_import_makes_a_group_of_a_structure_that_clients_see_as_one(tmp_path):
    with StructServer() as source:
        source.show_component("Speed", 12.5)
        follower = Tagwire(tmp_path, link(source.url, {}))
        command("import", "server", "up.plc", "--config", follower.file, "--output", "tags.csv", cwd=follower.folder)
        made = command("import", "server", "up.plc", "--config", follower.file, "--json", cwd=follower.folder)
        assert made.returncode == 0, made.stderr
        answer = json.loads(made.stdout)
        rows = {row["name"]: (row["type"], row["address"]) for row in answer["tags"]}
        for name, kind in (
            ("On", "bool"),
            ("Speed", "f64"),
            ("Levels", "i16[3]"),
            ("Mode", "i32"),
            ("Front.Position", "f32"),
            ("Axes[1].Locked", "bool"),
            ("Limit", "f64"),
            ("Note", "string"),
        ):
            assert rows[f"m1.{name}"] == (kind, f"member {name} of nsu={PLANT};s=m1"), name
        below = [row["name"] for row in answer["tags"] if row["name"].startswith("m1.")]
        assert len(below) == 13, f"the component is not taken beside its member: {below}"
        assert answer["structures"] == {
            f"Axis{source.port}": ["m1.Front", "m1.Axes[0]", "m1.Axes[1]"],
            f"Motor{source.port}": ["m1"],
        }
        text = follower.file.read_text() + 'tags_csv = "tags.csv"\n'
        for kind, groups in answer["structures"].items():
            text += f"[[link.device.structure]]\ntype = {json.dumps(kind)}\ngroups = {json.dumps(groups)}\n"
        follower.file.write_text(text)
        with follower as server, Session(server.port) as session:
            wait_until(lambda: shows(session, "m1.Speed", 12.5), 10 * SLOW, "a first value")
            wait_until(lambda: session.read_status(path("m1.Front")) == "Good", 5 * SLOW, "the inner structure")
            assert session.value(path("m1.Front")).Body == struct.pack("<f?", 0.5, False)


def test_a_written_member_arrives_and_all_others_stay(tmp_path):
    with StructServer() as source, Tagwire(tmp_path, link(source.url, motor())) as server:
        with Session(server.port) as session:
            wait_until(lambda: shows(session, "m1.speed", 12.5), 10 * SLOW, "a first value")
            for name, value, kind in (
                ("speed", 3.25, ua.VariantType.Double),
                ("name", "a longer name than before", ua.VariantType.String),
                ("axis", 8.5, ua.VariantType.Float),
                ("second", -7, ua.VariantType.Int16),
                ("levels", [9, 8, 7], ua.VariantType.Int16),
                ("mode", 2, ua.VariantType.Int32),
                ("note", "cold", ua.VariantType.String),
            ):
                assert session.write(path(f"m1.{name}"), value, kind) == "Good", name
                wait_until(lambda name=name, value=value: shows(session, f"m1.{name}", value), 5 * SLOW, f"{name} is shown")
            found = source.read("m1")
            assert (found.On, found.Speed, found.Name, found.Levels) == (True, 3.25, "a longer name than before", [9, 8, 7])
            assert (found.Mode, found.Front.Position, found.Limit) == (2, 0.5, None)
            assert [(axis.Position, axis.Locked) for axis in found.Axes] == [(1.5, False), (8.5, True)]
            assert (found.Note.Text, found.Note.Locale) == ("cold", "en"), "the language stays"
            assert session.write(path("m1.limit"), 5.0, ua.VariantType.Double) == "BadNoData", "it is not there"


def test_another_definition_after_a_restart_of_the_server_is_followed(tmp_path):
    with StructServer() as source, Tagwire(tmp_path, link(source.url, motor())) as server:
        with Session(server.port) as session:
            wait_until(lambda: shows(session, "m1.speed", 12.5), 10 * SLOW, "a first value")
            source.fields_before = ("Hours", "Starts")
            source.restart()
            source.change(Speed=1.0)
            wait_until(lambda: shows(session, "m1.speed", 1.0), 20 * SLOW, "the member at its new place")
            assert shows(session, "m1.axis", 2.5)


def test_a_member_that_is_not_there_is_bad_alone_and_told(tmp_path):
    tags = motor({"speed": ("f64", "Speed"), "power": ("f64", "Power"), "deep": ("f64", "Front.Speed")})
    with StructServer() as source, Tagwire(tmp_path, link(source.url, tags)) as server:
        with Session(server.port) as session:
            wait_until(lambda: shows(session, "m1.speed", 12.5), 10 * SLOW, "its neighbour")
            assert session.read_status(path("m1.power")) == "BadConfigurationError"
            assert session.read_status(path("m1.deep")) == "BadConfigurationError"
            wait_until(lambda: "there is no member" in server.process.output, 5 * SLOW, "the reason is told")
            assert "only On, Speed, Name" in server.process.output or "only Position, Locked" in server.process.output
            assert session.write(path("m1.power"), 5.0, ua.VariantType.Double) == "BadConfigurationError"


def define(source: StructServer, fields: list):
    """Another definition of motors, while their values stay what they are."""

    async def define():
        old = await source.motor_type.read_data_type_definition()
        made = ua.StructureDefinition(
            DefaultEncodingId=old.DefaultEncodingId, BaseDataType=old.BaseDataType, StructureType=ua.StructureType.Structure
        )
        made.Fields = fields
        await source.motor_type.write_data_type_definition(made)

    LOOP.run(define())


def test_definitions_that_lie_or_never_end_leave_neighbours_alone(tmp_path):
    position = new_struct_field("Position", ua.VariantType.Double)
    for name, fields in (
        ("longer", [new_struct_field(f"f{n}", ua.VariantType.Double) for n in range(500)]),
        ("shorter", [new_struct_field("On", ua.VariantType.Boolean)]),
        ("larger", [position] * 20_000),
    ):
        with StructServer() as source:
            define(source, fields)
            with Tagwire(tmp_path / name, link(source.url, motor())) as server:
                with Watcher(server.port, ["up.plc.a"]) as watcher, Session(server.port) as session:
                    wait_until(lambda: shows(session, "a", 1.0), 10 * SLOW, "its neighbour")
                    wait_until(lambda: session.read_status(path("m1.on")) in ("BadDecodingError", "BadConfigurationError"), 20 * SLOW, name)
                    source.write("a", 2.0)
                    new = lambda: watcher.last("up.plc.a") and watcher.last("up.plc.a").value == 2.0  # noqa: E731
                    wait_until(new, 5 * SLOW, "the neighbour goes on")
                    told = [change.good for change in watcher.since("up.plc.a", 0)]
                    assert all(told[told.index(True) :]), name
                    assert server.process.rss_kb() < 400 << 10, name


class PairServer(UaServer):
    """An asyncua server whose variable `m1` has two members of the same length."""

    async def _add(self, name, value):
        await super()._add(name, value)
        server, space = self._server, await self._server.get_namespace_index(PLANT)
        fields = [new_struct_field(name, ua.VariantType.Double) for name in ("Speed", "Torque")]
        self.pair_type, _ = await new_struct(server, space, f"Pair{self.port}", fields)
        self.pair = (await server.load_data_type_definitions())[f"Pair{self.port}"]
        first = self.pair(Speed=100.0, Torque=5.0)
        node = await server.nodes.objects.add_variable(ua.NodeId("m1", space), "m1", first, datatype=self.pair_type.nodeid)
        await node.set_writable()
        self._nodes["m1"] = node

    def swap(self, first: float, second: float):
        """The two change places in the definition; asyncua's own class goes on to call the first one Speed."""

        async def swap():
            definition = await self.pair_type.read_data_type_definition()
            definition.Fields = definition.Fields[::-1]
            await self.pair_type.write_data_type_definition(definition)
            await self._nodes["m1"].write_value(ua.Variant(self.pair(Speed=first, Torque=second)))

        LOOP.run(swap())


def test_a_definition_that_changes_in_one_session_counts_for_writes_at_once_and_for_all_within_seconds(tmp_path):
    tags = {"a": "f64"} | {name.lower(): f"f64 member {name} of nsu={PLANT};s=m1" for name in ("Speed", "Torque")}
    with PairServer({"a": 1.0}) as source, Tagwire(tmp_path, link(source.url, tags)) as server:
        with Session(server.port) as session:
            wait_until(lambda: shows(session, "speed", 100.0), 10 * SLOW, "a first value")
            source.swap(5.5, 100.5)
            wait_until(lambda: shows(session, "speed", 100.5) and shows(session, "torque", 5.5), 10 * SLOW, "the new order")
            assert "server changed the definitions" in server.process.output
            source.swap(101.5, 6.5)
            assert session.write(path("speed"), 1.25, ua.VariantType.Double) == "Good"
            held = source.read("m1")
            assert (held.Speed, held.Torque) == (1.25, 6.5), "the first one is the speed again"


def test_a_definition_that_holds_itself_is_bad_alone(tmp_path):
    with StructServer() as source:
        define(source, [new_struct_field("On", ua.VariantType.Boolean), new_struct_field("Me", source.motor_type.nodeid)])
        with Tagwire(tmp_path, link(source.url, motor())) as server, Session(server.port) as session:
            wait_until(lambda: shows(session, "a", 1.0), 10 * SLOW, "its neighbour")
            wait_until(lambda: session.read_status(path("m1.on")) == "BadDecodingError", 10 * SLOW, "the member")
            assert shows(session, "a", 1.0)


def test_members_of_a_node_opcua_structure_are_read_and_written(tmp_path):
    assert has_node(), "node-opcua is not installed; run the tests through `cargo xtask test`"
    members = {
        "low": ("f64", "EURange.Low", -10.0),
        "high": ("f64", "EURange.High", 90.0),
        "unit": ("string", "EngineeringUnits.DisplayName", "°C"),
        "title": ("string", "Title", "oven"),
        "scale": ("i32", "AxisScaleType", 1),
        "steps": ("f64[2]", "AxisSteps", [1.5, 2.5]),
    }
    tags = {name: f"{kind} member {member} of nsu={PLANT};s=axis" for name, (kind, member, _) in members.items()}
    with NodeServer(count=1, limit=100) as source, Tagwire(tmp_path, link(source.url, tags)) as server:
        with Session(server.port) as session:
            for name, (_, _, value) in members.items():
                wait_until(lambda name=name, value=value: shows(session, name, value), 10 * SLOW, name)
            assert session.write(path("high"), 120.5, ua.VariantType.Double) == "Good"
            assert session.write(path("steps"), [3.5, 4.5], ua.VariantType.Double) == "Good"
            wait_until(lambda: shows(session, "high", 120.5) and shows(session, "steps", [3.5, 4.5]), 5 * SLOW, "what was written")
            assert shows(session, "unit", "°C") and shows(session, "low", -10.0)
