"""What a person at a terminal sees of a running server: values, mistakes and lost connections."""

import json
import signal
import subprocess
import time

import pytest

from harness.process import SLOW, Process, accepts, free_port, wait_until
from harness.product import Tagwire, binary, command, sim_device

TAGS = "count counter(period=100ms) i32 ro\nlevel static u16 rw unit=\"mm\"\nlabel static string rw\nreal static f64 rw"


def config(tags=TAGS) -> str:
    return sim_device(tags, link="line", device="plc", scan="50ms")


def wait_for_key(server):
    """The first start makes the key; before that nothing with security is offered."""
    wait_until(lambda: "certificate " in server.process.output, 30 * SLOW, "the key is made")


def watch(server, *words):
    return Process([binary(), "watch", server.url, *words], cwd=server.folder)


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_watch_shows_values_of_a_dead_server_as_bad_and_goes_on_when_it_is_back(tmp_path, how):
    server = Tagwire(tmp_path, config())
    with server:
        with watch(server, "line.plc") as seen:
            wait_until(lambda: seen.output.count("line.plc.count") > 3, 10 * SLOW, "values come")
            if how == "kill":
                server.process.signal(signal.SIGKILL)
                server.process.wait(10)
            else:
                assert server.stop() == 0
            wait_until(lambda: "connection lost at" in seen.output, 5 * SLOW, "the loss is told")
            wait_until(lambda: seen.output.count("BadNoCommunication") == 4, 2 * SLOW, "every row is bad")
            before = len(seen.output)
            time.sleep(1)
            assert " Good" not in seen.output[before:]
            server.start()
            wait_until(
                lambda: all(f"line.plc.{name} = " in seen.output[before:] for name in ("count", "level", "real")),
                15 * SLOW,
                "every value goes on",
            )
            later = len(seen.output)
            wait_until(lambda: seen.output[later:].count("line.plc.count") > 3, 5 * SLOW, "changes go on")
            assert seen.alive()


def test_watch_tells_a_server_that_hangs(tmp_path):
    with Tagwire(tmp_path, config()) as server:
        with watch(server, "line.plc.count", "--timeout", "2s") as seen:
            wait_until(lambda: "Good" in seen.output, 10 * SLOW, "values come")
            server.process.signal(signal.SIGSTOP)
            try:
                wait_until(lambda: "connection lost at" in seen.output, 8 * SLOW, "the loss is told")
            finally:
                server.process.signal(signal.SIGCONT)
            later = len(seen.output)
            wait_until(lambda: " Good" in seen.output[later:], 15 * SLOW, "values go on")


def test_watch_of_a_dead_server_is_told_in_json_too(tmp_path):
    with Tagwire(tmp_path, config()) as server:
        words = [str(binary()), "watch", server.url, "line.plc.level", "--json"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as seen:
            try:
                assert json.loads(seen.stdout.readline())["status"] == "Good"
                server.stop()
                assert json.loads(seen.stdout.readline())["status"] == "BadNoCommunication"
                assert "connection lost at" in seen.stderr.readline()
                server.start()
                assert json.loads(seen.stdout.readline())["status"] == "Good"
            finally:
                seen.terminate()
            assert seen.wait(10) == 0


def test_watch_shows_the_first_values_in_the_order_of_the_command_line_with_units(tmp_path):
    with Tagwire(tmp_path, config()) as server:
        command("write", server.url, "line.plc.level", "7", "line.plc.real", "1.5")
        names = ["line.plc.real", "line.plc.level", "line.plc.count"]
        seen = command("watch", server.url, *names, "-n", "8")
        assert seen.returncode == 0, seen.stderr
        lines = [line.split() for line in seen.stdout.splitlines()]
        assert [line[1] for line in lines[:3]] == names, seen.stdout
        assert len(lines) == 8
        assert "line.plc.level = 7 mm Good" in seen.stdout
        times = [line[0] for line in lines if line[1] == "line.plc.count"]
        assert times == sorted(times)


def test_watch_closes_its_session_when_it_is_terminated(tmp_path):
    def sessions():
        done = command("status", "--json", "--config", server.file)
        return json.loads(done.stdout)["sessions"]

    with Tagwire(tmp_path, config()) as server:
        with watch(server, "line.plc.count") as seen:
            wait_until(lambda: "Good" in seen.output, 10 * SLOW, "values come")
            assert sessions() == 1
            seen.signal(signal.SIGTERM)
            assert seen.wait(5) == 0
            assert sessions() == 0


def test_read_shows_units_folders_and_what_an_unknown_name_may_mean(tmp_path):
    with Tagwire(tmp_path, config()) as server:
        command("write", server.url, "line.plc.level", "7")
        assert "7 mm" in command("read", server.url, "line.plc.level").stdout
        folder = command("read", server.url, "line.plc")
        assert folder.returncode == 1 and "BadAttributeIdInvalid" in folder.stdout
        assert "is a folder" in folder.stderr and "tagwire watch" in folder.stderr and "0x" not in folder.stdout
        for words in (["read"], ["watch"], ["browse"]):
            unknown = command(*words, server.url, "line.plx.levle")
            assert unknown.returncode == 1
            assert "did you mean line.plc.level?" in unknown.stderr and "tagwire browse" in unknown.stderr, words
        unknown = command("write", server.url, "line.plc.levle", "1")
        assert unknown.returncode == 1 and "did you mean line.plc.level?" in unknown.stderr
        nothing = command("read", server.url, "quite.another")
        assert "did you mean" not in nothing.stderr and "tagwire browse" in nothing.stderr


def test_write_takes_options_anywhere_and_negative_numbers(tmp_path):
    with Tagwire(tmp_path, config()) as server:
        done = command("write", server.url, "line.plc.label", "x", "--json")
        assert done.returncode == 0 and json.loads(done.stdout)["value"] == "x", done.stderr
        done = command("write", "--timeout", "3s", server.url, "--security", "none", "line.plc.real", "-5")
        assert done.returncode == 0 and "-5" in done.stdout, done.stderr


def test_write_refuses_a_fraction_for_an_integer(tmp_path):
    with Tagwire(tmp_path, config()) as server:
        command("write", server.url, "line.plc.level", "7")
        done = command("write", server.url, "line.plc.level", "1.5")
        assert done.returncode == 1 and "fraction" in done.stdout and "whole numbers" in done.stdout
        assert " 7 mm " in command("read", server.url, "line.plc.level").stdout
        assert command("write", server.url, "line.plc.level", "8.0").returncode == 0


def test_control_characters_of_a_text_never_reach_the_terminal(tmp_path):
    text = "a\x1b[31mRED\nline2"
    with Tagwire(tmp_path, config()) as server:
        outputs = [
            command("write", server.url, "line.plc.label", text),
            command("read", server.url, "line.plc.label"),
            command("watch", server.url, "line.plc.label", "-n", "1"),
            command("browse", server.url, "line.plc"),
        ]
        for done in outputs:
            assert done.returncode == 0 and "a\\x1b[31mRED\\nline2" in done.stdout, done
            assert "\x1b" not in done.stdout
        as_json = command("read", server.url, "line.plc.label", "--json")
        assert json.loads(as_json.stdout)["value"] == text


def test_browse_shows_the_plant_with_values_and_not_the_server(tmp_path):
    with Tagwire(tmp_path, config()) as server:
        seen = command("browse", server.url, "--depth", "4")
        assert seen.returncode == 0
        first = [line.split()[0] for line in seen.stdout.splitlines()]
        assert first == ["line/", "plc/", "count", "level", "label", "real"]
        assert "u16" in seen.stdout and "mm" in seen.stdout
        everything = command("browse", server.url, "--depth", "1", "--all").stdout
        assert "Server/" in everything and "_System/" in everything
        inside = command("browse", server.url, "i=2253").stdout
        assert "ServerStatus" in inside


def test_security_that_the_server_does_not_offer_is_exit_code_5_with_a_hint(tmp_path):
    own = {"TAGWIRE_PASSWORD": "only looking 99", "XDG_DATA_HOME": str(tmp_path / "own")}
    with Tagwire(tmp_path / "plain", config()) as server:
        done = command("read", server.url, "--user", "bob", "line.plc.level", **own)
        assert done.returncode == 5 and "leave --user out" in done.stderr, done.stderr
    with Tagwire(tmp_path / "secure", config(), security=("basic256sha256",)) as server:
        wait_for_key(server)
        done = command("read", server.url, "--security", "none", "line.plc.level", **own)
        assert done.returncode == 5 and "leave --security out" in done.stderr, done.stderr


def test_a_server_that_distrusts_the_client_is_told_from_a_wrong_password(tmp_path):
    own = {"TAGWIRE_PASSWORD": "only looking 99", "XDG_DATA_HOME": str(tmp_path / "own")}
    with Tagwire(tmp_path / "secure", config(), security=("basic256sha256",)) as server:
        wait_for_key(server)
        done = command("read", server.url, "line.plc.level", "--trust", **own)
        assert done.returncode == 5, done.stderr
        assert "does not trust the certificate of this client" in done.stderr
        assert "tagwire trust accept" in done.stderr and "pki/rejected" in done.stderr
        assert "password" not in done.stderr


def test_a_password_of_one_character_is_refused(tmp_path):
    with Tagwire(tmp_path, config()) as server:
        done = command("user", "add", "anna", "--config", server.file, TAGWIRE_PASSWORD="x")
        assert done.returncode == 1 and "at least 8 characters" in done.stderr
        assert "anna" not in command("user", "list", "--config", server.file).stdout


def test_reload_tells_what_counts_only_after_a_restart(tmp_path):
    with Tagwire(tmp_path, config()) as server:
        one = command("plan", "--config", server.file)
        assert one.returncode == 0
        server.ua = 'hosts = "plant-b"'
        server.configure(config())
        done = command("reload", "--config", server.file)
        assert done.returncode == 6 and "restart" in done.stderr and "hosts" in done.stderr, done


def test_one_is_counted_in_the_singular(tmp_path):
    text = config("level static u16 rw")
    with Tagwire(tmp_path, text) as server:
        assert " 1 tag," in command("status", "--config", server.file).stdout
    assert "1 link and 1 tag\n" in command("plan", "--config", tmp_path / "tagwire.toml").stdout


@pytest.mark.parametrize("lines", [0, 1, 3, 12])
def test_the_demo_ends_quietly_when_its_reader_has_seen_enough(tmp_path, lines):
    words = [str(binary()), "demo", "--dir", str(tmp_path / "demo"), "--ua-port", str(free_port())]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        for _ in range(lines):
            assert demo.stdout.readline()
        demo.stdout.close()
        assert demo.wait(20) == 0
        assert demo.stderr.read() == ""
