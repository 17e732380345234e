"""History in files on the real binary: written while the server runs, cut off and gone on with, read by others, taken back."""

import csv
import io
import json
import os
import signal
import subprocess
import time

import pytest

from harness.process import SLOW, wait_until
from harness.product import Tagwire, binary, command, sim_device
from harness.session import Session, tag

RULES = '[history]\ncommit = "20ms"\n[[history.rule]]\npath = "line1.press"\n'
TAGS = "beat counter(period=20ms) u32 ro\nspeed static f64 rw"
COLUMNS = ["tag", "time", "server_time", "type", "value", "text", "status", "quality", "reason"]


def configuration(tags=TAGS):
    return sim_device(tags, link="line1", device="press", scan="20ms") + RULES


def history(server, *words, code=0, timeout=60):
    done = command("history", *words, "--config", server.file, cwd=server.folder, timeout=timeout)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def told(server, *words, code=0):
    return json.loads(history(server, *words, "--json", code=code).stdout)


def rows(path):
    with path.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert not found or list(found[0]) == COLUMNS
    return found


def export(server, path, *words):
    return told(server, "export", *(words or ["*"]), "--out", path)


def served(server, name):
    lines = history(server, "read", name, "--start", "10000d", "--json").stdout.splitlines()
    return [(line["time"], line["value"], line["status"], line["reason"]) for line in map(json.loads, lines)]


def many(n, tags=4, start=1_700_000_000):
    """A file with so many samples of each of some tags, a second apart, a column for each tag."""
    head = "time," + ",".join(f"bulk.t{number}" for number in range(tags))
    lines = (f"{start + second}," + ",".join(f"{second + number}.5" for number in range(tags)) for second in range(n))
    return head + "\n" + "\n".join(lines) + "\n"


def left(folder, name):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(name))


def test_an_export_beside_the_server_holds_what_it_serves_and_the_server_goes_on(tmp_path):
    out = tmp_path / "out.csv"
    with Tagwire(tmp_path, configuration()) as server:
        wait_until(lambda: len(served(server, "line1.press.beat")) > 20, 10 * SLOW, "samples")
        before = served(server, "line1.press.beat")
        summary = export(server, out)
        after = served(server, "line1.press.beat")
        found = rows(out)
        assert summary["samples"] == len(found) and summary["tags"] == 2 and summary["damage"] == []
        beats = [row for row in found if row["tag"] == "line1.press.beat"]
        assert len(before) <= len(beats) <= len(after)
        for row, (at, value, status, reason) in zip(beats, after):
            assert (row["time"], row["quality"], row["reason"], row["type"]) == (at, status, reason, "u32")
            assert row["value"] == ("" if value is None else str(value))
        one = export(server, tmp_path / "one.csv", "line1.press.sp*")
        assert one["tags"] == 1
        assert {row["tag"] for row in rows(tmp_path / "one.csv")} == {"line1.press.speed"}
        wait_until(lambda: len(served(server, "line1.press.beat")) > len(after), 5 * SLOW, "the server goes on")
        views = server.folder / "data" / "history" / "views"
        assert list(views.iterdir()) == []
        refusal = history(server, "export", "*", "--out", out, code=1)
        assert "exists already" in refusal.stderr and "--overwrite" in refusal.stderr
        refusal = history(server, "export", "nothing", "--out", tmp_path / "no.csv", code=1)
        assert "no tag" in refusal.stderr and left(tmp_path, "no.csv") == []
        refusal = history(server, "export", "*", "--out", "out.xlsx", code=2)
        assert ".csv" in refusal.stderr
    stopped = tmp_path / "stopped.csv"
    export(server, stopped)
    assert rows(stopped)[: len(beats)] == beats, "without a server the files are read"


def test_what_was_exported_comes_back_once_beside_the_server_and_without_it(tmp_path):
    text = "time,tag,value,quality\n2026-03-01T08:00:00Z,a.x,1.5,Good\n2026-03-01 08:00:01,a.x,2,Bad\n2026-03-01,a.y,on,\n"
    (tmp_path / "in.csv").write_text(text)
    with Tagwire(tmp_path / "one", configuration()) as server:
        first = told(server, "import", tmp_path / "in.csv", "--tag-prefix", "lab.")
        assert (first["rows"], first["taken"], first["there"], first["bad_rows"], first["tags"]) == (3, 3, 0, 0, 2)
        again = told(server, "import", tmp_path / "in.csv", "--tag-prefix", "lab.")
        assert (again["taken"], again["there"], again["differing"]) == (0, 3, 0)
        assert served(server, "lab.a.x") == [
            ("2026-03-01T08:00:00Z", 1.5, "Good", "imported"),
            ("2026-03-01T08:00:01Z", None, "Bad", "imported"),
        ]
        assert "in.csv" in command("audit", "show", "--kind", "history", "--config", server.file).stdout
        export(server, tmp_path / "out.csv", "lab")
    with Tagwire(tmp_path / "two", configuration()) as other:
        pass
    for expected in (3, 0):
        assert told(other, "import", tmp_path / "out.csv")["taken"] == expected
    with other:
        export(other, tmp_path / "back.csv", "lab")
        assert (tmp_path / "back.csv").read_bytes() == (tmp_path / "out.csv").read_bytes()
        markers = [status for _, _, status, reason in served(other, "line1.press.beat") if reason == "stop"]
        assert markers == ["BadNoData"], "an import is no start of the server"


def test_what_is_acknowledged_by_an_import_survives_a_kill(tmp_path):
    (tmp_path / "in.csv").write_text(many(5_000))
    server = Tagwire(tmp_path, configuration()).start()
    assert told(server, "import", "in.csv")["taken"] == 20_000
    server.process.kill()
    with server:
        export(server, tmp_path / "out.csv", "bulk")
        assert len(rows(tmp_path / "out.csv")) == 20_000
        assert told(server, "import", "in.csv")["there"] == 20_000


def test_bad_lines_are_told_with_their_numbers_and_the_others_are_taken(tmp_path):
    lines = ["time,tag,value", "yesterday,a,1", "2026-03-01,a,1", "2026-03-01,,1", '2026-03-02,"a"b,1', "2026-03-02,a,x", "2026-03-03,a"]
    (tmp_path / "in.csv").write_bytes("\n".join(lines).encode() + b"\n2026-03-04,\xff\xfe,1\n2026-03-05,a,2\n")
    with Tagwire(tmp_path, configuration()) as server:
        done = history(server, "import", "in.csv", code=1)
        numbers = [int(line.split(":")[1]) for line in done.stderr.split("\n") if "in.csv:" in line]
        assert numbers == [2, 4, 5, 6, 7, 8]
        assert "2 samples" in done.stdout and "6 rows not taken" in done.stdout
        summary = told(server, "import", "in.csv", code=1)
        assert (summary["taken"], summary["there"], summary["bad_rows"]) == (0, 2, 6)
        assert summary["problems"][0] == {"line": 2, "problem": '"yesterday" is no time'}
        (tmp_path / "head.csv").write_text("1,2,3\n4,5,6\n")
        assert "no column is named time" in history(server, "import", "head.csv", code=1).stderr
        assert "No such file" in history(server, "import", "none.csv", code=1).stderr


def test_semicolons_decimal_commas_and_offsets_of_times_are_understood(tmp_path):
    (tmp_path / "in.csv").write_text("\ufeffTime;temp\n2026-03-01 09:00:00+01:00;21,5\n2026-03-01 09:00:01+01:00;22\n")
    with Tagwire(tmp_path, configuration()) as server:
        assert told(server, "import", "in.csv", "--tag-prefix", "wide.")["taken"] == 2
        found = [(at, value) for at, value, *_ in served(server, "wide.temp")]
        assert found == [("2026-03-01T08:00:00Z", 21.5), ("2026-03-01T08:00:01Z", 22)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_export_that_was_cut_off_goes_on_where_it_ended(tmp_path, number):
    (tmp_path / "in.csv").write_text(many(600_000, tags=5))
    server = Tagwire(tmp_path, configuration())
    with server:
        pass
    assert json.loads(history(server, "import", "in.csv", "--json", timeout=300).stdout)["taken"] == 3_000_000
    with server:
        words = ["history", "export", "bulk", "--out", "out.csv", "--config", server.file, "--json"]
        partial, state = tmp_path / "out.csv.partial", tmp_path / "out.csv.state"
        child = subprocess.Popen([binary(), *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until(lambda: state.exists() and state.read_text().count("\n") >= 2, 60 * SLOW, "a part is whole", step=0.005)
        child.send_signal(number)
        output, _ = child.communicate(timeout=30)
        assert child.returncode != 0 and partial.exists() and not (tmp_path / "out.csv").exists()
        refusal = history(server, "export", "bulk.t1", "--out", "out.csv", code=1)
        assert "another export" in refusal.stderr
        summary = json.loads(history(server, *words[1:5], "--json", timeout=300).stdout)
        assert summary["samples"] == 3_000_000 and 1_000_000 < summary["samples_resumed"] < 3_000_000
        assert left(tmp_path, "out.csv") == ["out.csv"]
        whole = json.loads(history(server, "export", "bulk", "--out", "whole.csv", "--json", timeout=300).stdout)
        assert whole["samples_resumed"] == 0
        assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_views_of_commands_that_died_are_removed_at_the_next_start(tmp_path):
    with Tagwire(tmp_path, configuration()) as server:
        views = server.folder / "data" / "history" / "views"
        (views / "server-1-1").mkdir(parents=True)
        (views / "server-1-1" / "catalogue.redb").write_text("x")
    with server:
        assert not views.exists() or list(views.iterdir()) == []


def test_a_build_without_a_part_says_in_one_sentence_how_to_get_it(tmp_path):
    with Tagwire(tmp_path, configuration()) as server:
        done = command("history", "query", "select 1", "--config", server.file, cwd=tmp_path)
        if done.returncode != 0:
            assert "built without SQL" in done.stderr and "--features sql" in done.stderr
        done = command("history", "export", "*", "--out", "x.parquet", "--config", server.file, cwd=tmp_path)
        if done.returncode != 0:
            assert "built without Parquet" in done.stderr and "--features parquet" in done.stderr
