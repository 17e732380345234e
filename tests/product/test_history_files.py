"""History in files on the real binary: written while the server runs, cut off and gone on with, read by others, taken back."""

import csv
import io
import json
import signal
import subprocess

import pytest

from harness.process import SLOW, wait_until
from harness.product import Tagwire, binary, command, sim_device

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


def has(part):
    """Whether the binary under test was built with a part; `cargo xtask test` builds it with Parquet, and with SQL on demand."""
    names = {"parquet": ["export", "*", "--out", "none/x.parquet"], "sql": ["query", "select 1"]}
    return "built without" not in command("history", *names[part], "--config", "none/tagwire.toml").stderr


parquet = pytest.mark.skipif("not has('parquet')", reason="the binary was built without Parquet")
sql = pytest.mark.skipif("not has('sql')", reason="the binary was built without SQL: cargo xtask test --sql")

EVERY_TYPE = r'''tag,time,server_time,type,value,text,status,quality,reason
all.flag,2026-03-01T08:00:00Z,,bool,1,,0,Good,changed
all.byte,2026-03-01T08:00:00Z,,u8,255,,0,Good,changed
all.big,2026-03-01T08:00:00Z,,i64,-9223372036854775808,,0,Good,changed
all.big,2026-03-01T08:00:00.0000001Z,2026-03-01T08:00:01.1234567Z,i64,9007199254740993,,1024,Good,cyclic
all.huge,2026-03-01T08:00:00Z,,u64,18446744073709551615,,0,Good,changed
all.single,2026-03-01T08:00:00Z,,f32,0.1,,1073741824,Uncertain,quality
all.double,2026-03-01T08:00:00Z,,f64,0.1,,0,Good,changed
all.double,2026-03-01T08:00:01Z,,f64,NaN,,0,Good,changed
all.double,2026-03-01T08:00:02Z,,f64,,,2157641728,BadNoData,stop
all.text,2026-03-01T08:00:00Z,,string,,"a, ""b""
ä",0,Good,changed
all.text,2026-03-01T08:00:01Z,,string,,"",0,Good,changed
all.bytes,2026-03-01T08:00:00Z,,bytes,,00FF,0,Good,changed
all.time,2026-03-01T08:00:00Z,,datetime,,2026-03-01T08:00:00.1234567Z,0,Good,changed
all.list,2026-03-01T08:00:00Z,,"i64[2]",,"[9007199254740993,-1]",0,Good,changed
all.words,2026-03-01T08:00:00Z,,"string[2]",,"[""x,"",""""]",0,Good,changed
'''


@pytest.mark.parametrize("end", ["csv", pytest.param("parquet", marks=parquet)])
def test_every_type_comes_back_from_a_file(tmp_path, end):
    (tmp_path / "in.csv").write_text(EVERY_TYPE)
    servers = [Tagwire(tmp_path / name, configuration()) for name in ("one", "two")]
    for server in servers:
        with server:
            pass
    assert told(servers[0], "import", tmp_path / "in.csv")["taken"] == 15
    export(servers[0], tmp_path / f"out.{end}", "all")
    assert told(servers[1], "import", tmp_path / f"out.{end}")["taken"] == 15
    export(servers[1], tmp_path / "back.csv", "all")
    found = sorted(rows(tmp_path / "back.csv"), key=lambda row: (row["tag"], row["time"]))
    expected = sorted(csv.DictReader(io.StringIO(EVERY_TYPE, newline="")), key=lambda row: (row["tag"], row["time"]))
    exact = {"all.big", "all.huge"}
    for row, wanted in zip(found, expected, strict=True):
        assert row["text"] == (wanted["value"] if row["tag"] in exact else wanted["text"])
        assert {**row, "text": ""} == {**wanted, "text": ""}


@parquet
def test_pandas_pyarrow_and_duckdb_read_the_same_from_parquet(tmp_path):
    import duckdb
    import pandas
    import pyarrow.parquet

    (tmp_path / "in.csv").write_text(EVERY_TYPE)
    (tmp_path / "bulk.csv").write_text(many(50_000))
    with Tagwire(tmp_path, configuration()) as server:
        told(server, "import", "in.csv")
        assert told(server, "import", "bulk.csv")["taken"] == 200_000
        wait_until(lambda: len(served(server, "line1.press.beat")) > 5, 10 * SLOW, "samples")
        summary = export(server, tmp_path / "out.parquet")
        assert export(server, tmp_path / "bulk_only.parquet", "bulk")["samples"] == 200_000
    path = tmp_path / "out.parquet"
    meta = pyarrow.parquet.ParquetFile(path)
    assert meta.metadata.num_rows == summary["samples"] and meta.schema_arrow.names == COLUMNS
    frame = pandas.read_parquet(path)
    assert str(frame["time"].dtype) == "datetime64[ns, UTC]" and str(frame["value"].dtype) == "float64"
    assert str(frame["tag"].dtype) == "category" and str(frame["status"].dtype) == "uint32"
    by_tag = frame.groupby("tag", observed=True)["value"]
    for number in range(4):
        assert by_tag.count()[f"bulk.t{number}"] == 50_000
        assert by_tag.sum()[f"bulk.t{number}"] == sum(second + number + 0.5 for second in range(50_000))
    big = frame[frame["tag"] == "all.big"].iloc[1]
    assert (big["text"], big["time"].value % 1_000_000_000, big["server_time"].value % 1_000_000_000) == ("9007199254740993", 100, 123_456_700)
    assert frame[frame["quality"] == "BadNoData"]["value"].isna().all()
    found = duckdb.sql(f"select tag, count(*), sum(value) from '{path}' where tag like 'bulk.%' group by tag order by tag").fetchall()
    assert found == [(f"bulk.t{n}", 50_000, sum(second + n + 0.5 for second in range(50_000))) for n in range(4)]
    text = duckdb.sql(f"select text from '{path}' where tag = 'all.huge'").fetchall()
    assert text == [("18446744073709551615",)]


@parquet
def test_files_that_pandas_and_duckdb_write_are_taken(tmp_path):
    import duckdb
    import pandas

    times = pandas.date_range("2026-03-01", periods=1_000, freq="s", tz="UTC")
    frame = pandas.DataFrame({"time": times, "tag": pandas.Categorical(["p.a"] * 1_000), "value": [n / 7 for n in range(1_000)]})
    frame.to_parquet(tmp_path / "long.parquet")
    pandas.DataFrame({"w.x": range(1_000), "w.ok": [n % 2 == 0 for n in range(1_000)]}, index=times.rename("time")).to_parquet(tmp_path / "wide.parquet")
    duckdb.sql(f"copy (select time, 'd.' || tag as tag, value, 'Good' as quality from '{tmp_path}/long.parquet') to '{tmp_path}/duck.parquet'")
    with Tagwire(tmp_path, configuration()) as server:
        for name, taken in [("long", 1_000), ("wide", 2_000), ("duck", 1_000)]:
            summary = told(server, "import", f"{name}.parquet")
            assert (summary["taken"], summary["bad_rows"]) == (taken, 0)
        export(server, tmp_path / "out.parquet", "p", "d")
        assert [value for _, value, *_ in served(server, "w.ok")][:2] == [True, False]
    back = pandas.read_parquet(tmp_path / "out.parquet")
    for tag_name in ("p.a", "d.p.a"):
        assert list(back[back["tag"] == tag_name]["value"]) == list(frame["value"])


@parquet
def test_a_parquet_export_that_was_killed_goes_on_and_is_whole(tmp_path):
    import duckdb
    import pandas

    (tmp_path / "in.csv").write_text(many(1_000_000, tags=4))
    server = Tagwire(tmp_path, configuration())
    with server:
        pass
    assert json.loads(history(server, "import", "in.csv", "--json", timeout=300).stdout)["taken"] == 4_000_000
    words = ["history", "export", "bulk", "--out", "out.parquet", "--config", server.file, "--json"]
    partial, state = tmp_path / "out.parquet.partial", tmp_path / "out.parquet.state"
    with server:
        kills = 0
        while kills < 2:
            known = state.read_text().count("\n") if state.exists() else 0
            child = subprocess.Popen([binary(), *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            wait_until(lambda: state.exists() and state.read_text().count("\n") > max(known, 1), 60 * SLOW, "a part is whole", step=0.002)
            child.send_signal(signal.SIGKILL)
            child.communicate(timeout=30)
            kills += 1
            assert partial.exists() and not (tmp_path / "out.parquet").exists()
        summary = json.loads(history(server, *words[1:5], "--json", timeout=300).stdout)
    assert summary["samples"] == 4_000_000 and summary["samples_resumed"] >= 2_000_000
    assert left(tmp_path, "out.parquet") == ["out.parquet"]
    frame = pandas.read_parquet(tmp_path / "out.parquet", columns=["tag", "value"])
    sums = frame.groupby("tag", observed=True)["value"].agg(["count", "sum"])
    expected = [(1_000_000, sum(second + n + 0.5 for second in range(1_000_000))) for n in range(4)]
    assert list(sums.itertuples(index=False, name=None)) == expected
    found = duckdb.sql(f"select count(*), sum(value) from '{tmp_path}/out.parquet' group by tag order by tag").fetchall()
    assert found == expected


@parquet
@pytest.mark.parametrize("what", ["text", "cut", "flip"])
def test_a_broken_parquet_file_is_refused_with_a_reason(tmp_path, what):
    server = Tagwire(tmp_path, configuration())
    with server:
        wait_until(lambda: len(served(server, "line1.press.beat")) > 5, 10 * SLOW, "samples")
        export(server, tmp_path / "good.parquet")
        whole = (tmp_path / "good.parquet").read_bytes()
        broken = {"text": b"no file of this kind", "cut": whole[:-20], "flip": whole[:-30] + bytes([whole[-30] ^ 0xFF]) + whole[-29:]}
        (tmp_path / "bad.parquet").write_bytes(broken[what])
        done = command("history", "import", "bad.parquet", "--tag-prefix", "x.", "--config", server.file, cwd=tmp_path)
        assert "panicked" not in done.stderr and (done.returncode == 1 or what == "flip"), done.stderr
        assert done.returncode == 0 or "bad.parquet" in done.stderr


@sql
def test_sql_answers_beside_the_server_and_without_it(tmp_path):
    (tmp_path / "in.csv").write_text(many(10_000))
    server = Tagwire(tmp_path, configuration())

    def ask(query, *words):
        return history(server, "query", query, *words).stdout

    with server:
        told(server, "import", "in.csv")
        wait_until(lambda: len(served(server, "line1.press.beat")) > 5, 10 * SLOW, "samples")
        found = json.loads(ask("select count(*) as n, sum(value) as s from history where tag = 'bulk.t1'", "--json"))
        assert found == {"n": 10_000, "s": sum(second + 1.5 for second in range(10_000))}
        lines = ask("select tag, count(*) from history where tag like 'bulk.%' group by tag order by tag", "--csv").splitlines()[1:]
        assert lines == [f"bulk.t{number},10000" for number in range(4)]
        assert "line1.press.beat" in ask("select * from tags")
        assert "DDL" in history(server, "query", "drop table history", code=2).stderr
    assert json.loads(ask("select count(*) as n from history where quality = 'BadNoData' and reason = 'stop'", "--json"))["n"] >= 1
