"""What a source has, as tags of ours."""

from asyncua import ua

from harness.process import SLOW, wait_until
from harness.product import Tagwire, command, sim_device
from harness.session import Session, tag
from harness.upstream import UaServer, link


def import_tags(folder, config: str, told: list | None = None) -> dict[str, str]:
    """The rows of the list that `tagwire import server` makes, by name; the configuration then takes them all. What is
    said besides goes into `told`."""
    file = folder / "tagwire.toml"
    made = command("import", "server", "up.plc", "--config", file, "--output", "tags.csv", cwd=folder)
    assert made.returncode == 0, made.stderr
    if told is not None:
        told.append(made.stderr)
    again = command("import", "server", "up.plc", "--config", file, "--output", "tags.csv", cwd=folder)
    assert again.returncode == 1 and "tags.csv is there already" in again.stderr, again.stderr
    rows = (folder / "tags.csv").read_text().splitlines()
    assert rows[0] == "name,address,type,access"
    file.write_text(config.split("[[link.device.tag]]")[0] + 'tags_csv = "tags.csv"\n')
    return {row.split(",")[0]: row for row in rows[1:]}


def test_what_a_tagwire_has_becomes_a_tag_list(tmp_path):
    config = sim_device(
        "count counter(period=50ms) u32 ro\npress.setpoint static(1.5) f64 rw\npress.profile static([1,2,3]) i16[3] rw",
        link="line",
        device="plc",
        scan="50ms",
    )
    with Tagwire(tmp_path / "source", config) as source:
        text = f'[[link]]\nname = "up"\ndriver = "opcua"\naddress = "{source.url}"\n[[link.device]]\nname = "plc"\nscan = "100ms"\n'
        follower = Tagwire(tmp_path / "follower", text)
        follower.folder.mkdir(parents=True, exist_ok=True)
        seen = command("browse", "--device", "up.plc", "--config", follower.file, "--depth", "4", cwd=follower.folder)
        assert seen.returncode == 0, seen.stderr
        assert "setpoint" in seen.stdout
        rows = import_tags(follower.folder, follower.file.read_text())
        assert rows["line.plc.press.setpoint"].endswith(",f64,rw") and "nsu=" in rows["line.plc.press.setpoint"]
        assert rows["line.plc.press.profile"].endswith(",i16[3],rw")
        assert rows["line.plc.count"].endswith(",u32,ro")
        with follower as server, Session(server.port) as session:
            name = tag("up.plc.line.plc.press.setpoint")
            wait_until(lambda: session.read_status(name) == "Good", 10 * SLOW, "a live value")
            assert session.value(name) == 1.5


def test_scalars_arrays_and_methods_of_an_asyncua_server_become_tags_that_work(tmp_path):
    values = {
        "flag": True,
        "level": ua.Variant(7, ua.VariantType.UInt16),
        "text": "warm",
        "curve": ua.Variant([1.5, 2.5], ua.VariantType.Float),
        "field": ua.Variant([[1, 2, 3], [4, 5, 6]], ua.VariantType.Int32, Dimensions=[2, 3]),
        "odd": ua.Variant(ua.NodeId(5), ua.VariantType.NodeId),
    }
    started = []
    with UaServer(values) as source:
        source.add_method("start", lambda parent: started.append("start"), [], [])
        source.add_method("double", lambda parent, x: x * 2, [ua.VariantType.Int64], [ua.VariantType.Int64])
        source.add_method("add", lambda parent, x, y: x + y, [ua.VariantType.Int64] * 2, [ua.VariantType.Int64])
        source.add_method("mix", lambda parent, x, y: x, [ua.VariantType.Int64, ua.VariantType.String], [ua.VariantType.Int64])
        follower = Tagwire(tmp_path, link(source.url, {}))
        told = []
        rows = import_tags(follower.folder, follower.file.read_text(), told)
        assert "mix: its arguments" in told[0] and "odd: no tag can hold" in told[0], told
        for name, kind in (
            ("flag", "bool"),
            ("level", "u16"),
            ("text", "string"),
            ("curve", "f32[2]"),
            ("field", '"i32[2,3]"'),
            ("start", "bool"),
            ("double", "i64"),
            ("add", "i64[2]"),
        ):
            assert rows[name].endswith(f",{kind},rw"), rows[name]
        assert "odd" not in rows and "mix" not in rows, "no tag can hold them"
        with follower as server, Session(server.port) as session:
            path = lambda name: tag(f"up.plc.{name}")
            for name in ("flag", "level", "text", "curve", "field"):
                wait_until(lambda name=name: session.read_status(path(name)) == "Good", 10 * SLOW, name)
            assert session.value(path("curve")) == [1.5, 2.5]
            assert session.value(path("field")) == [[1, 2, 3], [4, 5, 6]]
            assert session.write(path("level"), 9, ua.VariantType.UInt16) == "Good"
            assert source.read("level") == 9
            assert session.write(path("start"), True, ua.VariantType.Boolean) == "Good"
            assert started == ["start"]
            assert session.write(path("double"), 21, ua.VariantType.Int64) == "Good"
            assert session.value(path("double")) == 42, "what the method gave back"
            assert session.write(path("add"), [20, 22], ua.VariantType.Int64) == "Good", "each element is one argument"
