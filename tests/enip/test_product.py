"""The whole product in front of a simulated controller and of cpppo, a foreign one."""

import json
import sys

import pytest
from asyncua import ua

from harness.controller import Controller, link
from harness.process import SLOW, Process, accepts, free_port, wait_until
from harness.product import Tagwire, command
from harness.session import Session, tag

T = ua.VariantType

TAGS = """
flag Flag bool
tiny Tiny i8
number Number i32
big Big i64
level Level f32
text Text string
bit Number.6 bool
bits Bits bool[64]
row Row[10] i32[3]
cube Cube i32[2,3,4]
speed M.Speed f32
running M.Running bool
label M.Label string
deep Lines[1].Motors[2].Count i32
step Program:Main.Step i32
missing Nowhere i32
"""


def good(session, name):
    return lambda: session.read_status(tag(f"line.plc.{name}")) == "Good"


def test_tags_of_every_kind_are_read_and_written(tmp_path):
    with Controller(tmp_path / "sim") as controller:
        with Tagwire(tmp_path / "server", link(controller.port, TAGS)) as server, Session(server.port) as session:
            wait_until(good(session, "step"), 10 * SLOW, "the tags are read")
            value = lambda name: session.value(tag(f"line.plc.{name}"))
            assert (value("flag"), value("tiny"), value("number"), value("big")) == (True, -5, 123456, -1234567890123)
            assert (value("level"), value("text"), value("bit")) == (21.5, "PRESS 7", True)
            assert value("bits")[33] is True and value("row") == [10, 11, 12]
            assert (value("speed"), value("running"), value("label"), value("deep")) == (1.5, False, "motor", 77)
            assert session.read_status(tag("line.plc.missing")) == "BadConfigurationError"
            writes = [("number", 5, T.Int32), ("level", 2.5, T.Float), ("text", "new", T.String), ("running", True, T.Boolean),
                      ("label", "pump", T.String), ("bit", True, T.Boolean), ("deep", 78, T.Int32)]
            for name, wanted, kind in writes:
                assert session.write(tag(f"line.plc.{name}"), wanted, kind) == "Good", name
            wait_until(lambda: value("number") == 5 | 64, 5 * SLOW, "the bit shows in its number")
            assert (value("level"), value("text"), value("running"), value("label")) == (2.5, "new", True, "pump")
            assert session.write(tag("line.plc.missing"), 1, T.Int32) != "Good"


def test_a_controller_that_goes_and_comes_is_followed(tmp_path):
    port = free_port()
    with Tagwire(tmp_path / "server", link(port, "number Number i32\nspeed M.Speed f32")) as server:
        with Session(server.port) as session:
            for _ in range(2):
                with Controller(tmp_path / "sim", port=port):
                    wait_until(good(session, "number"), 10 * SLOW, "the value is good")
                bad = lambda: session.read_status(tag("line.plc.number")).startswith("Bad")
                wait_until(bad, 10 * SLOW, "the value turns bad")


def test_a_wrong_slot_is_told_in_the_words_of_the_controller(tmp_path):
    with Controller(tmp_path / "sim") as controller:
        with Tagwire(tmp_path / "server", link(controller.port, "number Number i32", keys='path = "1,3"')) as server:
            told = lambda: any("device does not answer" in line and "0x0312" in line for line in server.process.output.splitlines())
            wait_until(told, 10 * SLOW, "the log names the cause")


def test_tags_are_listed_explained_and_imported(tmp_path):
    with Controller(tmp_path / "sim") as controller:
        (tmp_path / "tagwire.toml").write_text("version = 1\n" + link(controller.port, "number Number i32"))
        listed = command("browse", "--device", "line.plc", "--depth", "3", "Lines", "Number", cwd=tmp_path)
        assert listed.returncode == 0, listed.stderr
        assert "Lines[1].Motors[2].Count" in listed.stdout and "Number" in listed.stdout
        assert "Text " not in listed.stdout
        member = command("browse", "--device", "line.plc", "--depth", "4", "Lines[1].Motors", cwd=tmp_path)
        assert member.returncode == 0 and "Lines[1].Motors[2].Count" in member.stdout and "Lines[0]" not in member.stdout, member.stdout
        nothing = command("browse", "--device", "line.plc", "Nothing", cwd=tmp_path)
        assert nothing.returncode == 1 and "has no such tag" in nothing.stderr, nothing.stderr
        explained = command("explain", "M.Label", "--device", "line.plc", cwd=tmp_path)
        assert "declare string" in explained.stdout and "motor" in explained.stdout, explained.stdout + explained.stderr
        as_json = command("explain", "Program:Main.Step", "--json", cwd=tmp_path)
        assert json.loads(as_json.stdout)["program"] == "Main"
        imported = command("import", "controller", f"127.0.0.1:{controller.port}", "--out", tmp_path / "new", cwd=tmp_path)
        assert imported.returncode == 0, imported.stdout + imported.stderr
        assert "Lines[1].Motors[2].Count" in (tmp_path / "new" / "line1.plc1.csv").read_text()
        text = (tmp_path / "new" / "tagwire.toml").read_text().removeprefix("version = 1\n")
        files = {"line1.plc1.csv": (tmp_path / "new" / "line1.plc1.csv").read_text()}
        with Tagwire(tmp_path / "server", text, files=files) as server, Session(server.port) as session:
            count = tag("line1.plc1.Lines[1].Motors[2].Count")
            wait_until(lambda: session.read_status(count) == "Good", 10 * SLOW, "the imported tags are read")
            assert session.value(count) == 77
            assert session.value(tag("line1.plc1.M.Label")) == "motor"
            assert session.read_status(tag("line1.plc1.Lines[1].Motors[2]")) == "Good", "a structure is a value"


CPPPO = ["Level=REAL[2000]", "Speed=REAL", "Count=DINT", "Short=INT[10]", "Tiny=SINT", "Big=LINT"]


@pytest.fixture
def cpppo():
    port = free_port()
    words = [sys.executable, "-m", "cpppo.server.enip", "-a", f"127.0.0.1:{port}", "--no-udp", *CPPPO]
    with Process(words) as process:
        wait_until(lambda: accepts(port), 30 * SLOW, f"cpppo listens: {process.output}")
        yield port


def test_cpppo_is_read_and_written_and_its_missing_tag_list_takes_nothing_down(tmp_path, cpppo):
    tags = "level Level f32[2000]\nspeed Speed f32\ncount Count i32\nshort Short[3] i16\ntiny Tiny i8\nbig Big i64\nsome Level[5] f32"
    config = link(cpppo, tags, scan="500ms").replace('request_timeout = "500ms"', 'request_timeout = "5s"')
    with Tagwire(tmp_path, config) as server, Session(server.port) as session:
        for name in ["level", "speed", "count", "short", "tiny", "big", "some"]:
            wait_until(good(session, name), 30 * SLOW, f"{name} is read")
        writes = [("speed", 1.5, T.Float), ("count", 7, T.Int32), ("short", -3, T.Int16), ("tiny", 4, T.SByte),
                  ("big", 1 << 40, T.Int64), ("some", 2.5, T.Float)]
        for name, wanted, kind in writes:
            assert session.write(tag(f"line.plc.{name}"), wanted, kind) == "Good", name
        for name, wanted, _ in writes:
            wait_until(lambda: session.value(tag(f"line.plc.{name}")) == wanted, 10 * SLOW, f"{name} was written")
        wait_until(lambda: session.value(tag("line.plc.level"))[5] == 2.5, 10 * SLOW, "the array has it, too")
        assert len(session.value(tag("line.plc.level"))) == 2000
        assert all(good(session, name)() for name in ["level", "speed", "count"])


