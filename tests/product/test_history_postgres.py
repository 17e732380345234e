"""Samples in PostgreSQL: nothing is lost or doubled whatever stops, and several servers serve one history from there."""

import json
import os
import time
from datetime import datetime, timedelta, timezone

import pytest
from asyncua import ua
from asyncua.sync import Client

from harness.history import UPDATE, add_engineer, at, at_times, data_value, delete, delete_at, engineer, processed, raw, read, seen, update, values
from harness.postgres import DATABASE, PASSWORD, USER, Postgres, Wire
from harness.process import SLOW, wait_until
from harness.product import Tagwire, command, sim_device
from harness.session import Session, tag
from harness.wire import status

TAGS = (
    "kept static i32 rw\nflag static bool rw\nwide static u64 rw\nhalf static f32 rw\nratio static f64 rw\ntext static string rw\nlist static i32[3] rw\n"
    + "\n".join(f"beat{number} counter(period=20ms) u32 ro" for number in range(20))
)
AWAY = float(os.environ.get("TAGWIRE_SOAK_AWAY", "2"))
"""Seconds for which the database is away each time; a minute in a soak."""
N_TAGS = int(os.environ.get("TAGWIRE_SOAK_TAGS", "100"))
"""Tags that change 50 times a second; 1,000 of them in a soak."""
RULES = '[history]\ncommit = "20ms"\n[[history.rule]]\npath = "line1"\n'


@pytest.fixture(scope="module")
def cluster():
    with Postgres() as postgres:
        yield postgres


@pytest.fixture
def postgres(cluster):
    """The cluster, running, with an empty database."""
    if cluster.child.poll() is not None:
        cluster.start()
    cluster.sql("DROP SCHEMA IF EXISTS tagwire CASCADE")
    return cluster


def server(folder, section, rules=RULES, tags=TAGS, secret=PASSWORD):
    config = sim_device(tags, link="line1", device="press", scan="20ms") + rules + section
    return Tagwire(folder, config, security=("none", "basic256sha256"), files={"secret": secret + "\n"})


def corrected(folder, section, rules=RULES):
    """A server with a user who may correct history."""
    made = server(folder, section, rules='[access]\nusers = "users.toml"\n' + rules)
    add_engineer(made)
    return made


def history(server, *words, code=0):
    done = command("history", *words, "--config", server.file, cwd=server.folder, timeout=600)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def forwarding(server) -> dict:
    return json.loads(history(server, "status", "--json").stdout)["forward"]


def equal(server):
    """Both sides have the same samples, and more than none."""

    def caught_up():
        progress = forwarding(server)
        return progress["connected"] and progress["lag_seconds"] < 2 and not progress["filling"]

    wait_until(caught_up, (60 + 15 * AWAY) * SLOW, "the database has caught up", step=0.2)
    told = json.loads(history(server, "verify", "--target", "--json").stdout)
    assert told["equal"] and told["here"] == told["there"] > 100, told
    return told


def sent(postgres, n):
    wait_until(lambda: postgres.number("SELECT count(*) FROM tagwire.samples") >= n, 30 * SLOW, f"{n} samples arrive")


def test_everything_arrives_with_its_type(tmp_path, postgres):
    with server(tmp_path, postgres.section()) as running:
        writes = {
            "kept": (-7, ua.VariantType.Int32),
            "flag": (True, ua.VariantType.Boolean),
            "wide": (2**64 - 1, ua.VariantType.UInt64),
            "half": (0.1, ua.VariantType.Float),
            "ratio": (-0.0, ua.VariantType.Double),
            "text": ("Öl|1", ua.VariantType.String),
            "list": ([1, 2, 3], ua.VariantType.Int32),
        }
        with Session(running.port) as session:
            for name, (value, kind) in writes.items():
                assert session.write(tag(f"line1.press.{name}"), value, kind) == "Good"
        sent(postgres, 300)
        told = equal(running)
        assert told["tags"] == 27
        rows = postgres.sql(
            "SELECT t.path, t.type, s.bool, s.int, s.float, s.text, s.bytes FROM tagwire.samples s JOIN tagwire.tags t USING (tag)"
            " WHERE t.path NOT LIKE '%beat%' AND s.reason = 2 ORDER BY t.path"
        )
        found = {row[0].rsplit(".", 1)[1]: row[1:] for row in rows}
        assert found["kept"] == ["i32", "", "-7", "", "", ""]
        assert found["flag"] == ["bool", "t", "", "", "", ""]
        assert found["wide"][-1] == "\\x" + "ff" * 8
        assert found["list"][0] == "i32[3]" and found["list"][-1].startswith("\\x06")
        seen = postgres.sql("SELECT number FROM tagwire.history WHERE path = 'line1.press.kept' ORDER BY time DESC LIMIT 1")
        assert seen == [["-7"]]
        text = history(running, "status").stdout
        assert f"127.0.0.1:{postgres.port}/{DATABASE} gets the samples" in text


def test_an_encrypted_connection_needs_an_authority_that_is_trusted(tmp_path, postgres):
    made = server(tmp_path, postgres.section(more='tls = true\nca_file = "authority.pem"'))
    (tmp_path / "authority.pem").write_text(postgres.authority)
    with made as running:
        sent(postgres, 50)
        of = "SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name LIKE 'tagwire %'"
        assert postgres.sql(of) == [["t"]]
    with Postgres() as another:
        (tmp_path / "authority.pem").write_text(another.authority)
    with made as running:
        wait_until(lambda: "invalid peer certificate" in history(running, "status").stdout, 20 * SLOW, "the trouble is told")


def test_changes_by_users_travel_in_their_order(tmp_path, postgres):
    with corrected(tmp_path, postgres.section()) as running:
        sent(postgres, 50)
        with engineer(running) as session:
            node = tag("line1.press.ratio")
            for round in range(5):
                update(session, node, UPDATE, [data_value(second, float(second + round)) for second in range(20)])
                delete(session, node, 3 + round, 5 + round)
                delete_at(session, node, [10 + round])
            update(session, node, UPDATE, [data_value(12, 99.5)])
        told = equal(running)
        times = postgres.sql(
            "SELECT extract(second FROM s.time)::int, s.float FROM tagwire.samples s JOIN tagwire.tags t USING (tag)"
            " WHERE t.path = 'line1.press.ratio' AND s.time BETWEEN '2012-01-02 12:00Z' AND '2012-01-02 12:01Z' ORDER BY 1"
        )
        found = {int(second): float(value) for second, value in times}
        assert found == {**{second: second + 4.0 for second in range(20) if second not in (7, 8, 14)}, 12: 99.5}, told
        noted = postgres.number("SELECT count(*) FROM tagwire.changes WHERE kind = 4")
        assert noted == 5 * 3


@pytest.mark.parametrize("how", ["stop", "kill", "hang up", "cut"])
def test_an_outage_of_the_database_loses_and_doubles_nothing(tmp_path, postgres, how):
    wire = Wire(postgres.port)
    with server(tmp_path, postgres.section(wire.port)) as running:
        sent(postgres, 300)
        if how == "stop":
            postgres.stop()
        elif how == "kill":
            postgres.kill()
        elif how == "hang up":
            wire.hang_up()
        else:
            wire.cut()
        time.sleep(2)
        if how in ("stop", "kill"):
            assert "samples wait: " in history(running, "status").stdout
            postgres.start()
        elif how == "cut":
            wire.mend()
        equal(running)
    wire.close()


def test_tagwire_killed_while_the_database_is_away_sends_what_it_kept(tmp_path, postgres):
    running = server(tmp_path, postgres.section())
    running.start()
    sent(postgres, 300)
    postgres.kill()
    time.sleep(1)
    running.process.kill()
    running.start()
    time.sleep(1)
    assert running.stop() == 0
    postgres.start()
    running.start()
    equal(running)
    for _ in range(3):
        time.sleep(0.3)
        running.process.kill()
        running.start()
    equal(running)
    assert running.stop() == 0


def test_a_history_from_before_goes_there_whole(tmp_path, postgres):
    running = server(tmp_path, "")
    with running:
        time.sleep(1.5)
    running.configure(sim_device(TAGS, link="line1", device="press", scan="20ms") + RULES + postgres.section())
    with running:
        told = equal(running)
        assert told["here"] > 500


def test_what_differs_is_told(tmp_path, postgres):
    with corrected(tmp_path, postgres.section()) as running:
        with engineer(running) as session:
            update(session, tag("line1.press.ratio"), UPDATE, [data_value(second, float(second)) for second in range(10)])
        equal(running)
        of = "tag = (SELECT tag FROM tagwire.tags WHERE path = 'line1.press.ratio') AND time ="
        postgres.sql(f"DELETE FROM tagwire.samples WHERE {of} '2012-01-02 12:00:03Z'")
        postgres.sql(f"UPDATE tagwire.samples SET float = 77 WHERE {of} '2012-01-02 12:00:05Z'")
        postgres.sql(f"UPDATE tagwire.samples SET time = '2012-01-02 12:00:30Z' WHERE {of} '2012-01-02 12:00:07Z'")
        told = json.loads(history(running, "verify", "--target", "--json", code=1).stdout)
        assert not told["equal"]
        found = {(one["time"][17:19], one["what"]) for one in told["differences"]}
        assert found == {("03", "missing there"), ("05", "different"), ("07", "missing there"), ("30", "missing here")}
        text = history(running, "verify", "--target", "--start", "2012-01-02T12:00:04Z", "--end", "2012-01-02T12:00:06Z", code=1).stdout
        assert "0 missing there, 0 missing here, 1 different" in text


@pytest.mark.parametrize("case", ["password", "database", "newer", "port"])
def test_what_keeps_samples_from_arriving_is_told_in_words(tmp_path, postgres, case):
    section, secret, words = postgres.section(), PASSWORD, ""
    if case == "password":
        secret, words = "wrong", "refuses the login"
    elif case == "database":
        section, words = postgres.section(database="nowhere"), 'database "nowhere" does not exist'
    elif case == "newer":
        postgres.sql("CREATE SCHEMA tagwire; CREATE TABLE tagwire.meta (version integer); INSERT INTO tagwire.meta VALUES (7)")
        words = "have version 7, this program knows up to 1"
    else:
        section, words = postgres.section(port=1), "cannot reach 127.0.0.1:1/history"
    with server(tmp_path, section, secret=secret) as running:
        wait_until(lambda: words in history(running, "status").stdout, 20 * SLOW, "the trouble is told")
        told = lambda: len([line for line in running.process.lines if words in line])
        wait_until(told, 5 * SLOW, "the log tells it")
        assert told() == 1, "it is told once"
        refusal = history(running, "verify", "--target", code=1).stderr
        assert words in refusal


@pytest.mark.parametrize(
    "section, problem",
    [
        (f'[history.postgres]\nurl = "postgresql://{USER}:secret@db/history"\n', "carries a password"),
        ('[history.postgres]\nurl = "postgresql://db/history"\n', "names no user"),
        (f'[history.postgres]\nurl = "postgresql://{USER}@db/history"\nschema = "a b"\n', "no name for tables"),
        (f'[history.postgres]\nurl = "postgresql://{USER}@db/h"\npassword_env = "A"\npassword_file = "b"\n', "two places"),
        ("[history.postgres]\n", "url"),
        ('[history]\nbackend = "postgres"\n', "no database to serve history from"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path, section, problem):
    done = command("check", server(tmp_path, section, rules="").file, cwd=tmp_path)
    assert done.returncode == 3
    assert problem in done.stdout + done.stderr and "tagwire.toml:" in done.stdout + done.stderr


BACKEND = '[history]\ncommit = "20ms"\nbackend = "postgres"\n'
AVERAGE, COUNT = 2342, 2352


def shown(session, node, details):
    """Source time, value and status of each value."""
    return [(value.SourceTimestamp, value.Value.Value if value.Value else None, value.StatusCode.value if value.StatusCode else 0) for value in values(read(session, node, details))]


def test_two_servers_serve_one_history(tmp_path, postgres):
    rules = BACKEND + '[[history.rule]]\npath = "line1"\n'
    first = corrected(tmp_path / "first", postgres.section(), rules=rules)
    second = corrected(tmp_path / "second", postgres.section(more="forward = false\nbatch = 500"), rules=BACKEND)
    node, beat = tag("line1.press.ratio"), tag("line1.press.beat3")
    with first, second, engineer(first) as one, engineer(second) as other:
        sent(postgres, 300)
        wait_until(lambda: read(one, node, raw(0, 1)).StatusCode.is_good(), 10 * SLOW, "the tags are known")
        update(one, node, UPDATE, [data_value(second, float(second % 7)) for second in range(3000)])
        update(one, node, UPDATE, [data_value(second, 50.0) for second in range(100, 110)])
        delete(one, node, 200, 210)
        for session in (one, other):
            wait_until(lambda: len(values(read(session, node, raw(0, 4000)))) == 2990, 20 * SLOW, "all are there")
        for details in (
            raw(0, 4000),
            raw(4000, 0, count=100),
            raw(100.5, 700, bounds=True),
            processed([AVERAGE], 0, 3000, 60_000),
            processed([COUNT], 3000, 0, 600_000),
            raw(0, 4000, modified=True),
        ):
            found = shown(one, node, details)
            assert found == shown(other, node, details) and len(found) > 4, details
        assert seen(read(other, node, at_times([0.5, 100, 205]))) == seen(read(one, node, at_times([0.5, 100, 205])))
        assert seen(read(other, node, at_times([100, 205])))[0] == (100.0, 50.0)
        deleted = [info.UserName for info in read(other, node, raw(0, 4000, modified=True)).HistoryData.ModificationInfos]
        assert len(deleted) >= 20
        now = datetime.now(timezone.utc)
        start, end = now - timedelta(minutes=5), now - timedelta(milliseconds=500)
        time.sleep(1)
        beats = shown(one, beat, raw(start, end))
        assert len(beats) > 10 and beats == shown(other, beat, raw(start, end))
        assert delete(other, node, 0, 1) == "BadHistoryOperationUnsupported", "only the first server keeps these"


def test_asyncua_pages_through_shared_history_and_hears_when_it_is_away(tmp_path, postgres):
    rules = BACKEND + '[[history.rule]]\npath = "line1"\n'
    with corrected(tmp_path, postgres.section(), rules=rules) as running:
        with engineer(running) as session:
            node = tag("line1.press.ratio")
            wait_until(lambda: read(session, node, raw(0, 1)).StatusCode.is_good(), 20 * SLOW, "the tags are known")
            update(session, node, UPDATE, [data_value(second, float(second)) for second in range(2500)])
            wait_until(lambda: len(values(read(session, node, raw(0, 4000)))) == 2500, 20 * SLOW, "all are there")
        with Client(running.url) as client:
            found = client.get_node(node).read_raw_history(at(0).replace(tzinfo=None), at(5000).replace(tzinfo=None), return_bounds=False)
            assert [value.Value.Value for value in found] == [float(second) for second in range(2500)]
        postgres.kill()
        with Session(running.port) as session:
            assert status(read(session, node, raw(0, 10)).StatusCode) == "BadResourceUnavailable"
            assert session.value(tag("line1.press.ratio")) is not None, "live values go on"
            postgres.start()
            wait_until(lambda: read(session, node, raw(0, 10)).StatusCode.is_good(), 20 * SLOW, "it is back")


def test_under_load_all_outages_one_after_the_other_lose_and_double_nothing(tmp_path, postgres):
    wire = Wire(postgres.port)
    tags = "\n".join(f"n{number} counter(period=20ms) u32 ro" for number in range(N_TAGS))
    running = server(tmp_path, postgres.section(wire.port), tags=tags)
    running.start()
    started = time.monotonic()
    sent(postgres, 1000)
    postgres.stop()
    time.sleep(AWAY)
    postgres.start()
    time.sleep(AWAY / 2)
    postgres.kill()
    time.sleep(AWAY / 2)
    running.process.kill()
    running.start()
    postgres.start()
    time.sleep(AWAY / 2)
    wire.cut()
    time.sleep(AWAY / 2)
    running.process.kill()
    running.start()
    time.sleep(AWAY / 2)
    wire.mend()
    mended = time.monotonic()
    told = equal(running)
    now = time.monotonic()
    print(f"{told['here']} samples of {N_TAGS} tags in {now - started:.0f} s, equal {now - mended:.0f} s after the last outage")
    assert running.stop() == 0
    wire.close()
