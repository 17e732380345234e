"""Tags whose values have names: TwoStateDiscrete, MultiStateDiscrete and MultiStateValueDiscrete (Part 8, 5.3.3)."""

import pytest
from asyncua import ua
from asyncua.sync import Client

from harness.product import Tagwire, sim_device
from harness.session import Session, drained, one, tag

TAGS = """
    valve static bool rw states=["Closed","Open"]
    mode static u8 rw states=["Off","Manual","Automatic"]
    step static(-1) i16 rw states=["-1=Back","Rest","10=Forward"]
    plain static u8 rw
"""
ids = ua.ObjectIds


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Tagwire(tmp_path_factory.mktemp("states"), sim_device(TAGS)) as server:
        yield server


@pytest.fixture
def client(server):
    with Client(f"opc.tcp://127.0.0.1:{server.port}/") as client:
        yield client


def node(client, name):
    return client.get_node(f"ns=2;s=mem.all.{name}")


def properties(client, name):
    found = {child.read_browse_name().Name: child for child in node(client, name).get_properties()}
    return {name: child.read_value() for name, child in found.items() if not name.startswith("_")}


def text(value):
    return value.Text


@pytest.mark.parametrize(
    "name, type_id",
    [
        ("valve", ids.TwoStateDiscreteType),
        ("mode", ids.MultiStateDiscreteType),
        ("step", ids.MultiStateValueDiscreteType),
        ("plain", ids.DataItemType),
    ],
)
def test_the_variable_type_tells_what_kind_of_states_there_are(client, name, type_id):
    assert node(client, name).read_type_definition() == ua.NodeId(type_id)


def test_a_bool_names_both_its_states(client):
    assert {name: text(value) for name, value in properties(client, "valve").items()} == {
        "FalseState": "Closed",
        "TrueState": "Open",
    }


def test_numbers_from_zero_on_have_a_list_of_names(client):
    found = properties(client, "mode")
    assert [text(name) for name in found["EnumStrings"]] == ["Off", "Manual", "Automatic"]
    strings = node(client, "mode").get_child("0:EnumStrings")
    assert strings.read_attribute(ua.AttributeIds.ValueRank).Value.Value == 1


def test_other_numbers_have_a_table_and_the_name_of_the_current_one(client):
    found = properties(client, "step")
    assert [(state.Value, text(state.DisplayName)) for state in found["EnumValues"]] == [
        (-1, "Back"),
        (0, "Rest"),
        (10, "Forward"),
    ]
    assert text(found["ValueAsText"]) == "Back"
    node(client, "step").write_value(ua.Variant(10, ua.VariantType.Int16))
    assert text(properties(client, "step")["ValueAsText"]) == "Forward"
    node(client, "step").write_value(ua.Variant(-1, ua.VariantType.Int16))


def test_a_number_without_a_name_cannot_be_written(client):
    for name, value, kind in [("mode", 3, ua.VariantType.Byte), ("step", 1, ua.VariantType.Int16)]:
        with pytest.raises(ua.uaerrors.BadOutOfRange):
            node(client, name).write_value(ua.Variant(value, kind))
    node(client, "mode").write_value(ua.Variant(2, ua.VariantType.Byte))
    assert node(client, "mode").read_value() == 2


def test_the_name_of_the_current_state_can_be_subscribed_to(server):
    with Session(server.port) as session:
        subscription = session.subscribe(interval=50.0, keep_alive=1).SubscriptionId
        one(session, subscription, tag("mem.all.step.ValueAsText"))
        assert [text(change.Value.Value) for _, change in drained(session, 6)] == ["Back"]
        session.write(tag("mem.all.step"), 0, ua.VariantType.Int16)
        assert [text(change.Value.Value) for _, change in drained(session, 6)] == ["Rest"]
        session.write(tag("mem.all.step"), -1, ua.VariantType.Int16)


def test_new_names_are_told_to_subscribers(tmp_path):
    with Tagwire(tmp_path, sim_device(TAGS)) as server, Session(server.port) as session:
        subscription = session.subscribe(interval=50.0, keep_alive=1).SubscriptionId
        one(session, subscription, tag("mem.all.mode"))
        drained(session, 2)
        server.configure(sim_device(TAGS.replace("Automatic", "Remote")))
        server.reload()
        assert [change.StatusCode.value for _, change in drained(session, 6)] == [0x4000]


def test_a_list_in_a_file_names_states_too(tmp_path):
    (tmp_path / "list.csv").write_text("name,address,type,access,states\nmode,static,u8,rw,Off|On|7=Fault\n")
    config = f'[[link]]\nname = "mem"\ndriver = "sim"\n[[link.device]]\nname = "all"\ntags_csv = "{tmp_path / "list.csv"}"\n'
    with Tagwire(tmp_path / "server", config) as server, Client(f"opc.tcp://127.0.0.1:{server.port}/") as client:
        found = properties(client, "mode")
        assert [(state.Value, text(state.DisplayName)) for state in found["EnumValues"]] == [(0, "Off"), (1, "On"), (7, "Fault")]
