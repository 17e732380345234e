"""The historian on the real binary when everything goes wrong: killed under load, a full disk, a clock set back."""

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from asyncua import ua

from harness.event_history import details, events
from harness.events import SERVER
from harness.history import UPDATE, add_engineer, engineer, raw, read, update, values
from harness.process import SLOW, Process, wait_until
from harness.product import Tagwire, binary, command, sim_device
from harness.session import Session, tag

ROUNDS = int(os.environ.get("TAGWIRE_HISTORY_KILLS", "12"))
"""Kills in a row; `cargo xtask soak kills` asks for 200."""
LOAD = "\n".join(f"beat{n} counter(period=20ms) u32 ro" for n in range(400)) + "\nedited static f64 rw"
RULES = '[history]\ncommit = "20ms"\n[[history.rule]]\npath = "*"\n'
PAST = datetime(2021, 3, 1, 12, tzinfo=timezone.utc)
WATCHED = ("beat0", "beat123", "beat399")


def configuration(rules=RULES, tags=LOAD, scan="20ms"):
    return sim_device(tags, link="line1", device="press", scan=scan) + rules


def historian(folder) -> Tagwire:
    """A server that lets an engineer change its history."""
    access = '[access]\nusers = "users.toml"\n'
    server = Tagwire(folder, configuration(access + RULES), security=("none", "basic256sha256"))
    add_engineer(server)
    return server


def run(server, *words, code=0):
    done = command("history", *words, "--config", server.file, cwd=server.folder)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def status(server) -> dict:
    return json.loads(run(server, "status", "--json"))


def samples(server, name, *words):
    words = ["history", "read", f"line1.press.{name}", "--json", *words, "--config", server.file]
    done = command(*words, cwd=server.folder)
    # Just after a start nothing is known of a tag yet.
    assert done.returncode == 0 or "no samples of" in done.stderr, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    return [(found["time"], found["value"], found["status"]) for found in map(json.loads, lines)]


def acknowledged(server, names) -> dict:
    """What the server says is on the disk: samples read before it told of a commit that began after that."""
    found = {name: samples(server, name) for name in names}
    before = status(server)["durable_samples"]
    wait_until(lambda: status(server)["durable_samples"] > before, 10 * SLOW, "a commit")
    return found


def verify(server):
    found = json.loads(run(server, "verify", "--json"))
    assert found["good"], found
    return found


def insert(session, second, value):
    moment = PAST + timedelta(seconds=second)
    sample = ua.DataValue(ua.Variant(value, ua.VariantType.Double), SourceTimestamp=moment)
    return update(session, tag("line1.press.edited"), UPDATE, [sample])[0]


class Writer:
    """A client that inserts samples of the past one after the other, and knows which the server said were taken."""

    def __init__(self, server, first):
        self.server, self.told, self.next, self.error = server, {}, first, None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            with engineer(self.server) as session:
                while not self._end.is_set():
                    if insert(session, self.next, float(self.next)) in ("GoodEntryInserted", "GoodEntryReplaced", "Good"):
                        self.told[self.next] = float(self.next)
                    self.next += 1
        except Exception as error:  # noqa: BLE001 (the server is killed in the midst of it)
            self.error = error

    def stop(self):
        self._end.set()
        self._thread.join(10)


def inserted(server) -> dict:
    with Session(server.port) as session:
        result = read(session, tag("line1.press.edited"), raw(PAST, PAST + timedelta(days=30)))
        found = list(values(result))
        while result.ContinuationPoint:
            result = read(session, tag("line1.press.edited"), raw(PAST, PAST + timedelta(days=30)), result.ContinuationPoint)
            found += values(result)
    return {round((value.SourceTimestamp - PAST).total_seconds()): value.Value.Value for value in found}


def test_kills_under_load_lose_nothing_that_was_told_to_be_on_the_disk(tmp_path):
    """Samples that were there before a commit that was told of, and inserts that were answered, are there after a kill."""
    dice = random.Random(ROUNDS)
    server = historian(tmp_path)
    told, edits, checked, next_insert = {}, {}, 0, 0

    def check():
        lost = 0
        for name, known in told.items():
            found = samples(server, name, "--start", known[0][0])
            lost += len(set(known) - set(found))
            times = [at for at, *_ in found]
            assert times == sorted(times) and len(set(found)) == len(found), "samples twice or out of order"
        there = inserted(server) if edits else {}
        lost += sum(there.get(second) != value for second, value in edits.items())
        n = sum(map(len, told.values())) + len(edits)
        assert lost == 0, f"{lost} of {n} are lost in round {round_}"
        return n

    for round_ in range(ROUNDS):
        server.start()
        start = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
        checked += check()
        writer = Writer(server, next_insert)
        wait_until(lambda: status(server)["durable_samples"] > 0, 10 * SLOW, "samples")
        time.sleep(dice.uniform(0.05, 0.6))
        known = {name: samples(server, name, "--start", start) for name in WATCHED}
        count = status(server)["durable_samples"]
        wait_until(lambda: status(server)["durable_samples"] > count, 10 * SLOW, "a commit")
        told = {name: found for name, found in known.items() if found}
        time.sleep(dice.uniform(0, 0.05))
        server.process.kill()
        writer.stop()
        edits |= writer.told
        next_insert = writer.next + 1
    server.start()
    checked += check()
    assert checked > 20 * ROUNDS and len(edits) > ROUNDS
    assert server.stop() == 0
    verify(server)
    print(f"{ROUNDS} kills, {checked} told samples looked for, {len(edits)} inserts, none lost")


TMPFS = """
import os, subprocess, sys
folder, size, *words = sys.argv[1:]
subprocess.run(["mount", "--make-rprivate", "/"], check=True)
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", folder], check=True)
os.execv(words[0], words)
"""


def told(session) -> list[str]:
    """What the events that are kept say, up to the first comma."""
    return [event["Message"].Text.split(",")[0] for event in events(read(session, SERVER, details()))]


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="a small disk needs root and unshare")
def test_a_full_disk_pauses_and_is_told_and_it_goes_on_alone(tmp_path):
    """On a file system of 6 MB of its own: nothing acknowledged is lost, and room is enough to go on."""
    disk = tmp_path / "disk"
    disk.mkdir()
    rules = RULES.replace("[history]\n", f'[history]\nfolder = "{disk}/history"\n')
    server = Tagwire(tmp_path / "server", configuration(rules))
    words = ["unshare", "--mount", sys.executable, "-c", TMPFS, disk, "6m", binary(), "serve", "--config", server.file]
    server.process = Process(words, cwd=server.folder)
    try:
        wait_until(server.answers, 30, "the server listens")
        inside = Path(f"/proc/{server.process.pid}/root{disk}")
        assert inside.is_mount() or os.statvfs(inside).f_blocks * os.statvfs(inside).f_bsize == 6 << 20
        with Session(server.port) as session:
            level = ua.NodeId(ua.ObjectIds.Server_ServiceLevel, 0)
            full = session.value(level)
            wait_until(lambda: status(server)["durable_samples"] > 1_000, 20 * SLOW, "samples")
            known = acknowledged(server, WATCHED)
            # What else lies on the disk takes the rest of it.
            ballast = inside / "ballast"
            with open(ballast, "wb", buffering=0) as file:
                while True:
                    try:
                        file.write(bytes(4096))
                    except OSError:
                        break
            wait_until(lambda: status(server)["state"] == "paused", 20 * SLOW, "the pause")
            wait_until(lambda: session.value(level) < full, 5 * SLOW, "the service level drops")
            assert "history is paused" in server.process.output
            paused = {name: samples(server, name) for name in WATCHED}
            time.sleep(0.5)
            assert {name: samples(server, name) for name in WATCHED} == paused, "samples come during the pause"
            assert "lost" in json.loads(run(server, "status", "--json"))["text"]
            ballast.unlink()
            wait_until(lambda: status(server)["state"] == "running", 20 * SLOW, "it goes on alone")
            wait_until(lambda: session.value(level) == full, 5 * SLOW, "the service level is back")
            assert "history goes on" in server.process.output
            wait_until(lambda: told(session)[-2:] == ["the history is paused", "the history goes on"], 10 * SLOW, "events")
        after = acknowledged(server, WATCHED)
        for name in WATCHED:
            assert after[name][: len(known[name])] == known[name], "acknowledged samples are lost"
            assert after[name][: len(paused[name])] == paused[name], "samples that were seen are lost"
            assert any(state == "BadNoData" for _, _, state in after[name][len(paused[name]) :]), "the gap is told"
            assert len(after[name]) > len(paused[name]) + 2
        copy = tmp_path / "copy"
        run(server, "backup", copy)
        assert json.loads(run(server, "verify", copy, "--json"))["good"]
        server.process.signal(9)
        server.process.wait(10)
    finally:
        server.process.stop()


def test_a_backup_taken_under_load_holds_what_was_acknowledged_before_it(tmp_path):
    with historian(tmp_path) as server:
        wait_until(lambda: status(server)["durable_samples"] > 2_000, 20 * SLOW, "samples")
        with engineer(server) as session:
            assert [insert(session, second, 1.5) for second in range(20)]
        known = acknowledged(server, WATCHED)
        copies = [tmp_path / f"copy{n}" for n in range(3)]
        for copy in copies:
            run(server, "backup", copy)
        wait_until(lambda: len(samples(server, WATCHED[0])) > len(known[WATCHED[0]]) + 20, 20 * SLOW, "it goes on")
        whole = {name: samples(server, name) for name in WATCHED}
    folder = server.folder / "data" / "history"
    folder.rename(tmp_path / "former")
    for copy in copies:
        assert json.loads(run(server, "verify", copy, "--json"))["good"]
        run(server, "restore", copy)
        assert json.loads(run(server, "verify", "--json"))["good"]
        with server:
            for name in WATCHED:
                found = [sample for sample in samples(server, name) if sample[0] <= whole[name][-1][0]]
                assert found[: len(known[name])] == known[name]
                kept = found[: found.index(next(s for s in found if s not in whole[name]))] if set(found) - set(whole[name]) else found
                assert kept == whole[name][: len(kept)], "the copy differs from what was there"
            assert inserted(server) == {second: 1.5 for second in range(20)}
        shutil.rmtree(folder)


def test_a_history_of_a_newer_program_is_refused_by_name(tmp_path):
    server = Tagwire(tmp_path, configuration(tags="beat counter(period=20ms) u32 ro"))
    with server:
        wait_until(lambda: len(samples(server, "beat")) > 5, 10 * SLOW, "samples")
    (segment,) = (server.folder / "data" / "history").glob("*.seg")
    content = bytearray(segment.read_bytes())
    content[8] = 99
    segment.write_bytes(content)
    server.launch()
    assert server.process.wait(30) != 0
    assert f"{segment.name} has format 99, this program reads up to" in server.process.output


def test_a_clock_set_back_while_samples_are_kept_loses_none(tmp_path):
    """The clock of this machine is not for tests to set, so the source times of a client go back instead."""
    server = Tagwire(tmp_path, configuration(tags="kept static i32 rw", scan="50ms"))
    with server:
        wait_until(lambda: len(samples(server, "kept")) == 1, 10 * SLOW, "the first sample")
        end = datetime.now(timezone.utc)
        moments = [end + timedelta(seconds=second) for second in (60, 61, 62, 10, 11, 12, 63)]
        with Session(server.port) as session:
            for value, moment in enumerate(moments, 1):
                stamped = ua.DataValue(ua.Variant(value, ua.VariantType.Int32), SourceTimestamp=moment)
                session.write_values([(tag("line1.press.kept"), stamped)])
                wait_until(lambda: session.value(tag("line1.press.kept")) == value, 5 * SLOW, "the value is there")
                time.sleep(0.1)
        found = wait_until(
            lambda: (all_ := samples(server, "kept", "--end", "2100-01-01T00:00:00Z"))[7:] and all_, 10 * SLOW, "all samples"
        )
        assert sorted(value for _, value, _ in found) == [0, 1, 2, 3, 4, 5, 6, 7]
        assert [at for at, *_ in found] == sorted(at for at, *_ in found)
    with server:
        again = samples(server, "kept", "--end", "2100-01-01T00:00:00Z")
        assert again[: len(found)] == found or set(found) <= set(again)
