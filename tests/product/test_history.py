"""The historian on the real binary: what is kept, what a stop and a crash leave, copies and checks."""

import json
import time

import pytest
from asyncua import ua

from harness.process import SLOW, wait_until
from harness.product import Tagwire, command, sim_device
from harness.session import Session, tag

RULES = '[history]\ncommit = "20ms"\n[[history.rule]]\npath = "line1.press.kept"\n'
TAGS = "kept static i32 rw\nother static i32 rw\nbeat counter(period=20ms) u32 ro"


def configuration(rules=RULES, tags=TAGS):
    return sim_device(tags, link="line1", device="press", scan="20ms") + rules


def history(server, *words, code=0):
    done = command("history", *words, "--config", server.file, cwd=server.folder)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def samples(server, name="line1.press.kept", *words):
    done = command("history", "read", name, "--json", *words, "--config", server.file, cwd=server.folder)
    # Just after a start or a reload nothing is known of a tag yet.
    assert done.returncode == 0 or "no samples of" in done.stderr, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    return [(found["value"], found["status"], found["reason"]) for found in map(json.loads, lines)]


def write(server, value, name="line1.press.kept"):
    with Session(server.port) as session:
        assert session.write(tag(name), value, ua.VariantType.Int32) == "Good"
        wait_until(lambda: session.value(tag(name)) == value, 5 * SLOW, "the value is there")


def kept(server, n):
    wait_until(lambda: count(server) >= n, 5 * SLOW, f"{n} samples are kept")


def count(server, name="line1.press.kept"):
    """The number of samples; none before the server has begun to collect the tag."""
    done = command("history", "read", name, "--json", "--config", server.file, cwd=server.folder)
    assert done.returncode == 0 or "no samples" in done.stderr, done.stderr
    return len(done.stdout.splitlines())


def test_every_change_is_kept_and_a_stop_leaves_a_gap(tmp_path):
    with Tagwire(tmp_path, configuration()) as server:
        for value in (5, 6, 7):
            write(server, value)
        kept(server, 4)
        before = [(0, "Good", "start"), *((value, "Good", "changed") for value in (5, 6, 7))]
        assert samples(server) == before
        assert [value for value, *_ in samples(server, "line1.press.kept", "--limit", "2")] == [0, 5]
        backward = samples(server, "line1.press.kept", "--start", "0s", "--end", "1h")
        assert backward == before[::-1]
        refusal = history(server, "read", "line1.press.other", code=1)
        assert "no samples of" in refusal.stderr and "tagwire history status" in refusal.stderr
    with server:
        kept(server, 6)
        assert samples(server) == [*before, (None, "BadNoData", "stop"), (0, "Good", "start")]


def test_rules_follow_a_reload(tmp_path):
    with Tagwire(tmp_path, configuration(rules='[history]\ncommit = "20ms"\n')) as server:
        refusal = history(server, "status", code=1)
        assert "keeps no history" in refusal.stderr and "[[history.rule]]" in refusal.stderr
        server.configure(configuration())
        server.reload()
        kept(server, 1)
        server.configure(configuration(RULES.replace(".kept", ".beat") + 'every = "100ms"\n'))
        server.reload()
        wait_until(lambda: len(samples(server, "line1.press.beat")) >= 5, 5 * SLOW, "cyclic samples")
        assert {reason for *_, reason in samples(server, "line1.press.beat")} == {"start", "cyclic"}
        assert samples(server)[-1] == (None, "BadNoData", "stop")
        status = json.loads(history(server, "status", "--json").stdout)
        assert status["state"] == "running" and set(status["tags"]) == {"line1.press.kept", "line1.press.beat"}


def test_a_copy_is_taken_while_the_server_runs_and_taken_back(tmp_path):
    with Tagwire(tmp_path, configuration()) as server:
        kept(server, 1)
        write(server, 5)
        kept(server, 2)
        copy = tmp_path / "copy"
        history(server, "backup", copy)
        assert "another process uses" in history(server, "verify", code=1).stderr
        assert "good" in history(server, "verify", copy, "--json").stdout
        write(server, 6)
        kept(server, 3)
    folder = server.folder / "data" / "history"
    assert "verify" not in history(server, "verify").stderr
    refusal = history(server, "restore", copy, code=1)
    assert "not overwritten" in refusal.stderr
    folder.rename(tmp_path / "former")
    history(server, "restore", copy)
    with server:
        kept(server, 4)
        assert [value for value, *_ in samples(server)][:2] == [0, 5]
        assert 6 not in [value for value, *_ in samples(server)]


def test_a_flipped_bit_in_a_copy_is_found(tmp_path):
    with Tagwire(tmp_path, configuration()) as server:
        kept(server, 1)
        for value in range(1, 6):
            write(server, value)
        kept(server, 6)
    copy = server.folder / "data" / "history"
    (file,) = copy.glob("*.seg")
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 4
    file.write_bytes(data)
    found = history(server, "verify", code=1)
    assert file.name in found.stdout


@pytest.mark.parametrize("seed", range(4))
def test_a_kill_loses_nothing_that_was_on_the_disk(tmp_path, seed):
    """Samples that were there longer than the commit interval before the kill are there after it, and no other ones."""
    server = Tagwire(tmp_path, configuration(RULES.replace(".kept", ".beat")))
    known = []
    for _ in range(3):
        server.start()
        wait_until(lambda: count(server, "line1.press.beat") > len(known) + 5 + seed, 10 * SLOW, "new samples")
        known = samples(server, "line1.press.beat")
        time.sleep(0.1 + 0.017 * seed)
        server.process.kill()
    server.start()
    found = samples(server, "line1.press.beat")
    assert found[: len(known)] == known
    values = [value for value, status, _ in found if status == "Good"]
    assert ("BadNoData", "stop") in [(status, reason) for _, status, reason in found], "the gap is told"
    assert all(isinstance(value, int) for value in values)
    server.stop()


@pytest.mark.parametrize(
    "rule, problem",
    [
        ('[[history.rule]]\npath = ""\n', "an empty path covers nothing"),
        ('[[history.rule]]\npath = "*"\nevery = "1s"\ndeadband = 2\n', "a deadband means nothing"),
        ('[[history.rule]]\nevery = "1s"\n', "path"),
        ('[[history.rule]]\npath = "*"\nevery = "1ms"\n', "every"),
        ('[history]\nfoldr = "x"\n', "folder"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path, rule, problem):
    server = Tagwire(tmp_path, configuration(rule))
    done = command("check", server.file, cwd=tmp_path)
    assert done.returncode == 3
    assert problem in done.stdout + done.stderr and "tagwire.toml:" in done.stdout + done.stderr


def test_aggregates_are_read_with_the_course_in_the_terminal(tmp_path):
    with Tagwire(tmp_path, configuration(RULES.replace(".kept", ".beat"))) as server:
        wait_until(lambda: count(server, "line1.press.beat") >= 30, 20 * SLOW, "samples are kept")
        found = history(server, "read", "line1.press.beat", "--aggregate", "count", "--every", "1s", "--json", "--start", "1m")
        counts = [json.loads(line) for line in found.stdout.splitlines()]
        assert len(counts) == 60 and sum(one["value"] or 0 for one in counts) >= 30
        whole = history(server, "read", "line1.press.beat", "--aggregate", "Maximum", "--json", "--start", "1m")
        (maximum,) = map(json.loads, whole.stdout.splitlines())
        assert maximum["value"] >= 29
        drawn = history(server, "read", "line1.press.beat", "--plot").stdout
        assert drawn.count("┤") == 8
        unknown = history(server, "read", "line1.press.beat", "--aggregate", "mean", code=2).stderr
        assert "no aggregate \"mean\"" in unknown and "TimeAverage2" in unknown
        endless = history(server, "read", "line1.press.beat", "--aggregate", "count", "--every", "0s", code=2).stderr
        assert "is no duration" in endless
