"""The package `tagwire` on the real binary, through its synchronous and its asynchronous interface."""

import asyncio
import math
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone

import numpy
import pandas
import polars
import pyarrow
import pytest

import tagwire
from harness.process import SLOW, free_port, wait_until
from harness.product import Tagwire, sim_device
from tagwire import Quality, Status

SCALARS = {
    "bool": [True, False],
    "i8": [-128, 127],
    "u8": [0, 255],
    "i16": [-32768, 32767],
    "u16": [0, 65535],
    "i32": [-(2**31), 2**31 - 1],
    "u32": [0, 2**32 - 1],
    "i64": [-(2**63), 2**63 - 1, 2**53 + 1],
    "u64": [0, 2**64 - 1],
    "f32": [0.5, -1.5, 18.1, math.inf],
    "f64": [0.1, 1.7e308, 5e-324, -math.inf, 4],
    "string": ["", "Maß 温度 🏭"],
    "bytes": [b"", bytes(range(256))],
    "when": [datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=timezone.utc)],
    "ints": [[1, 2, 3, 4, 5, 6, 7, 8, 9, -10]],
    "floats": [[0.5, 1, 2, 3, 4]],
    "matrix": [[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]],
    "texts": [["a", "", "c", "ü"]],
}


def name(tag):
    return f"mem.all.{tag}"


def soon(plant, tag, value):
    wait_until(lambda: plant[tag] == value, 5 * SLOW, f"{tag} is {value!r}")


@pytest.mark.parametrize("tag", SCALARS)
def test_every_type_is_written_and_read_as_the_value_that_python_has_for_it(plant, tag):
    for value in SCALARS[tag]:
        plant[name(tag)] = value
        soon(plant, name(tag), value)
        assert type(plant[name(tag)]) is type(value) or isinstance(value, (int, float))


def test_a_sample_tells_its_value_its_quality_and_its_times(plant):
    plant["mem.all.i32"] = 7
    soon(plant, "mem.all.i32", 7)
    sample = plant.read("mem.all.i32")
    assert (sample.tag, sample.value, sample.data_type) == ("mem.all.i32", 7, "i32")
    assert sample.quality is Quality.GOOD and sample.status == 0 and str(sample.status) == "Good" and sample.is_good
    now = datetime.now(timezone.utc)
    assert sample.source_time.tzinfo is timezone.utc and abs(now - sample.source_time) < timedelta(seconds=30)
    assert repr(sample).startswith('Sample(tag="mem.all.i32", value=7, status=Good, source_time=')
    assert sample == plant.read("mem.all.i32", max_age="1h") or sample.source_time is not None


def test_a_list_gives_a_list_in_its_order_and_never_raises_for_one_tag(plant):
    tags = [name("i8"), "mem.all.nothing", name("u8")]
    found = plant.read(tags)
    assert [sample.tag for sample in found] == tags
    assert [sample.is_good for sample in found] == [True, False, True]
    assert found[1].value is None and str(found[1].status) == "BadNodeIdUnknown"
    with pytest.raises(tagwire.UnknownTagError, match="mem.all.nothing: BadNodeIdUnknown") as caught:
        plant["mem.all.nothing"]
    assert caught.value.tag == "mem.all.nothing" and isinstance(caught.value, LookupError)
    with pytest.raises(tagwire.ItemError):
        plant.values(tags)


def test_a_client_is_a_mapping_as_far_as_a_server_can_be_one(plant):
    assert name("i8") in plant and "mem.all.nothing" not in plant and 5 not in plant
    assert name("i8") in plant._ipython_key_completions_()
    assert not [tag for tag in plant._ipython_key_completions_() if tag.startswith("i=") or "._" in tag]
    with pytest.raises(TypeError, match="not iterable"):
        iter(plant)
    with pytest.raises(tagwire.UsageError, match="named by text, not by 0"):
        plant[0]
    with pytest.raises(tagwire.UsageError, match="named by text, not by b'x'"):
        plant.read(b"x")
    assert repr(plant).startswith("<tagwire.Client opc.tcp://") and str(plant.read(name("i8")).quality) == "Good"
    with plant.subscribe([name("i8"), name("u8"), name("i16"), name("u16")]) as changes:
        assert repr(changes) == f"<tagwire.Subscription of {name('i8')}, {name('u8')}, {name('i16')}, ...>"


@pytest.mark.parametrize(
    "ask, word",
    [
        (lambda plant: plant["mem.all.nothing"], r"BadNodeIdUnknown \(there is no such tag"),
        (lambda plant: plant["mem"], r"BadAttributeIdInvalid \(it has no value"),
        (lambda plant: plant.write(name("i8"), "hot"), r"BadTypeMismatch \(the value does not fit"),
        (lambda plant: plant.write(name("readonly"), 1), r"BadNotWritable \(it can only be read"),
        (lambda plant: plant.subscribe(["mem.all.nothing", "mem.all.no"]), r"BadNodeIdUnknown"),
        (lambda plant: plant.browse("mem.al"), r"mem.al: BadNodeIdUnknown"),
    ],
)
def test_what_people_meet_first_is_explained(plant, ask, word):
    with pytest.raises(tagwire.ItemError, match=word):
        ask(plant)


def test_a_write_names_what_was_not_written_and_writes_the_rest(plant):
    values = {name("i16"): 5, name("readonly"): 1, name("u8"): 256, "mem.all.nothing": 1, name("i32"): 6}
    with pytest.raises(tagwire.WriteError, match="3 of 5 values not written") as caught:
        plant.write(values)
    shown = {tag: str(status) for tag, status in caught.value.failures.items()}
    assert shown == {name("readonly"): "BadNotWritable", name("u8"): "BadOutOfRange", "mem.all.nothing": "BadNodeIdUnknown"}
    soon(plant, name("i16"), 5)
    soon(plant, name("i32"), 6)
    assert [status.is_good for status in plant.try_write(values)] == [True, False, False, False, True]


@pytest.mark.parametrize(
    "tag, value",
    [
        ("i32", 1.5), ("i32", "1"), ("i32", True), ("bool", 1), ("string", 5), ("bytes", "x"), ("f64", "1.0"),
        ("ints", 5), ("i32", [1]), ("when", 5), ("i32", None),
    ],
)
def test_a_value_never_becomes_another_one_silently(plant, tag, value):
    (status,) = plant.try_write({name(tag): value})
    assert str(status) == "BadTypeMismatch"


def test_what_no_tag_can_hold_is_the_callers_mistake(plant):
    for value in (object(), 2**64, [[1], [2, 3]], [1, "a"], datetime(2024, 1, 1)):
        with pytest.raises((TypeError, ValueError, OverflowError)):
            plant[name("i32")] = value
    with pytest.raises(tagwire.UsageError):
        plant.read("ns=x;i=1")
    with pytest.raises(tagwire.UsageError):
        plant.read([5])


def test_numpy_values_are_values(plant):
    plant[name("f64")] = numpy.float64(2.5)
    plant[name("i16")] = numpy.int16(-3)
    plant[name("matrix")] = numpy.arange(12, dtype="int32").reshape(3, 4)
    soon(plant, name("matrix"), [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]])
    assert plant.values([name("f64"), name("i16")]) == [2.5, -3]


def test_browsing_goes_as_deep_as_asked(plant):
    top = plant.browse()
    assert {"mem", "bulk", "sig"} <= {node.name for node in top}
    below = plant.browse("mem", depth=2)
    found = {node.tag: node for node in below}
    assert found["mem.all.i32"].is_variable and found["mem.all.i32"].depth == 2 and found["mem.all.i32"].kind == "variable"
    assert plant.read([node.tag for node in below if node.is_variable])[0].tag.startswith("mem.")
    assert len(plant.browse("mem", depth=2, limit=3)) == 3


def test_a_subscription_gives_the_current_values_and_then_the_changes(plant):
    tags = [name("w1"), name("w2")]
    plant.write({tags[0]: 10, tags[1]: 20})
    soon(plant, tags[1], 20)
    with plant.subscribe(tags, every="50ms") as changes:
        assert all(status.is_good for status in changes.statuses.values())
        first = {change.tag: change.value for change in (changes.next(5 * SLOW), changes.next(5 * SLOW))}
        assert first == {tags[0]: 10, tags[1]: 20}
        assert changes.next(timeout=0.2) is None
        plant[tags[0]] = 11
        for change in changes:
            assert (change.tag, change.value) == (tags[0], 11)
            break
        assert changes.n_lost == 0


def test_a_callback_is_called_per_change_and_a_failing_one_goes_on(plant, capsys):
    seen, tag = [], name("w3")

    def callback(change):
        seen.append(change.value)
        raise RuntimeError("from the callback")

    with plant.subscribe(tag, every=0.05, callback=callback):
        wait_until(lambda: len(seen) == 1, 5 * SLOW, "the first value")
        plant[tag] = seen[0] + 1
        wait_until(lambda: len(seen) == 2, 5 * SLOW, "the change")
    assert seen[1] == seen[0] + 1


def test_closing_a_subscription_ends_the_loop_of_another_thread(plant):
    changes = plant.subscribe(name("w4"), every=0.05)
    seen = []
    thread = threading.Thread(target=lambda: seen.extend(changes))
    thread.start()
    wait_until(lambda: changes is not None, 5, "started")
    time.sleep(0.3)
    changes.close()
    thread.join(5 * SLOW)
    assert not thread.is_alive() and len(seen) == 1


def write_history(plant, tag, values):
    for value in values:
        plant[tag] = value
        soon(plant, tag, value)
    newest = values[-1:]
    wait_until(lambda: plant.history(tag, limit=1).to_dict()["value"] == newest, 5 * SLOW, "the history is kept")


@pytest.mark.parametrize(
    "tag, values, dtype",
    [
        ("int", [5, -6, 7], "int64"), ("real", [0.5, 1.5, 2.5], "float64"), ("flag", [True, False, True], "bool"),
        ("text", ["a", "b", "c"], None), ("large", [2**64 - 1, 1, 2], "uint64"),
    ],
)
def test_history_comes_as_columns_in_the_type_of_the_tag(plant, tag, values, dtype):
    path = f"mem.all.h.{tag}"
    write_history(plant, path, values)
    history = plant.history(path, "-1h")
    columns = history.to_dict()
    kept = [value for value, status in zip(columns["value"], columns["status"]) if status.is_good][-3:]
    assert kept == values and all(isinstance(status, Status) for status in columns["status"])
    assert set(columns["tag"]) == {path} and columns["time"] == sorted(columns["time"])
    assert columns["time"][0].tzinfo is timezone.utc
    frame = history.to_pandas()
    assert list(frame.columns) == ["tag", "time", "value", "status"] and len(frame) == len(history)
    good = frame[frame["status"] < 2**30]
    assert list(good["value"])[-3:] == values and str(frame["time"].dtype).endswith("UTC]")
    if dtype and not frame["value"].isna().any():
        assert str(frame["value"].dtype) == dtype
    table = history.to_arrow()
    assert table.schema.field("time").type == pyarrow.timestamp("ns", "UTC") and table.num_rows == len(history)
    assert table.column("value").to_pylist() == columns["value"]
    assert history.to_polars()["value"].to_list() == columns["value"]
    assert pandas.DataFrame(table.to_pandas())["status"].tolist() == [int(status) for status in columns["status"]]
    assert polars.DataFrame(history).height == len(history)


def test_history_of_several_tags_backwards_and_limited(plant):
    write_history(plant, "mem.all.h.int", [1, 2, 3])
    both = plant.history(["mem.all.h.int", "mem.all.h.real", "mem.all.nothing"], "-1h")
    assert set(both.to_dict()["tag"]) <= {"mem.all.h.int", "mem.all.h.real"}
    assert [status.is_bad for status in both.statuses.values()] == [False, False, True]
    newest = plant.history("mem.all.h.int", limit=2).to_dict()
    assert newest["value"][:2] == [3, 2] and len(newest["value"]) == 2
    assert plant.history("mem.all.h.int", "-1h", limit=2).to_dict()["time"] == sorted(newest["time"])[:0] + [
        *plant.history("mem.all.h.int", "-1h").to_dict()["time"][:2]
    ]
    with pytest.raises(tagwire.UnknownTagError):
        plant.history("mem.all.nothing", "-1h")
    for wrong in ({}, {"start": "yesterday"}, {"start": "2024-01-01"}, {"start": "-1h", "every": 5}):
        with pytest.raises(tagwire.UsageError):
            plant.history("mem.all.h.int", **wrong)


@pytest.mark.parametrize("package", ["pandas", "polars", "pyarrow"])
def test_a_package_that_is_not_installed_is_named(plant, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    call = f"to_{package.replace('pyarrow', 'arrow')}"
    history = plant.history("sig.d.counter", "-1m")
    with pytest.raises(ModuleNotFoundError, match=rf"{call}\(\) needs {package}.*pip install {package}"):
        getattr(history, call)()


def test_history_in_pages_comes_whole(plant):
    wait_until(lambda: len(plant.history("sig.d.counter", "-1h")) > 20, 10 * SLOW, "twenty samples")
    columns = plant.history("sig.d.counter", "-1h").to_dict()
    assert columns["time"] == sorted(set(columns["time"]))


def test_aggregates_sum_intervals_up(plant):
    wait_until(lambda: len(plant.history("sig.d.sine", "-1h")) > 20, 10 * SLOW, "twenty samples")
    end = datetime.now(timezone.utc)
    spans = {"start": end - timedelta(seconds=2), "end": end, "every": "500ms"}
    low = plant.history("sig.d.sine", aggregate="min", **spans).to_dict()["value"]
    high = plant.history("sig.d.sine", aggregate="max", **spans).to_dict()["value"]
    mean = plant.history("sig.d.sine", aggregate="avg", **spans).to_dict()["value"]
    assert len(low) == len(high) == len(mean) == 4
    known = [(a, b, c) for a, b, c in zip(low, mean, high) if None not in (a, b, c)]
    assert known and all(a <= b <= c for a, b, c in known)
    with pytest.raises(tagwire.UsageError, match="no aggregate"):
        plant.history("sig.d.sine", "-1h", aggregate="median")


def test_methods_are_called_by_name_and_by_node(plant):
    subscription = plant.subscribe("sig.d.counter", every=0.5)
    with pytest.raises(tagwire.ItemError) as caught:
        plant.call("i=2253", "GetMonitoredItems", 999_999)
    assert str(caught.value.status) == "BadSubscriptionIdInvalid"
    with pytest.raises(tagwire.UsageError, match="does not fit u32"):
        plant.call("i=2253", "i=11492", "text")
    with pytest.raises(tagwire.ItemError, match="BadMethodInvalid"):
        plant.call("i=2253", "Nothing")
    subscription.close()


def test_events_are_told_with_their_fields(tmp_path):
    config = sim_device("a static i32 rw")
    with Tagwire(tmp_path, config) as server, tagwire.connect(server.url) as plant:
        with plant.events(every="50ms") as events, plant.events(severity=1000, every=0.05) as urgent:
            assert events.next(timeout=0.2) is None
            server.configure(sim_device("a static i32 rw\nb static i32 rw"))
            server.reload()
            event = events.next(timeout=10 * SLOW)
            assert "1 tags added" in event.message and 1 <= event.severity < 1000 and event["Message"] == event.message
            assert event.time.tzinfo is timezone.utc and len(event["EventId"]) == 16 and event["EventType"] == "i=2130"
            assert list(event) == list(tagwire.events.DEFAULT_FIELDS)
            assert urgent.next(timeout=0.3) is None
        with pytest.raises(tagwire.ItemError):
            plant.events("i=2258")
        with pytest.raises(tagwire.UsageError):
            plant.events(fields=["a//b"])


def test_errors_say_whose_fault_it_is(server):
    with pytest.raises(tagwire.ConnectError, match="cannot connect") as caught:
        tagwire.connect(f"opc.tcp://127.0.0.1:{free_port()}")
    assert isinstance(caught.value, ConnectionError) and isinstance(caught.value, tagwire.Error)
    for url, word in [
        ("opcda://host/Prog.Id", "later release"), ("http://x", "opc.tcp://"), ("", "TAGWIRE_URL"),
    ]:
        with pytest.raises(tagwire.UsageError, match=word):
            tagwire.connect(url)
    with pytest.raises(tagwire.UsageError, match="password"):
        tagwire.connect(server.url, user="anna")
    with pytest.raises(tagwire.UsageError, match="security is"):
        tagwire.connect(server.url, security="basic128rsa15")
    with pytest.raises(tagwire.AccessError, match="offers no endpoint"):
        tagwire.connect(server.url, security="best", data_dir=server.folder / "client")
    client = tagwire.connect(server.url)
    client.close()
    client.close()
    assert client.state == "closed"
    with pytest.raises(tagwire.ClosedError):
        client.read("i=2258")


def test_the_environment_names_the_server(server, monkeypatch):
    monkeypatch.setenv("TAGWIRE_URL", server.url)
    with tagwire.connect() as client:
        assert client.read("i=2258").is_good and client.security == "none/none" and client.url == server.url


def test_a_secured_server_is_trusted_once_and_shares_the_store_of_the_command(secure_plant, tmp_path):
    options = {"security": "basic256sha256", "data_dir": tmp_path / "client"}
    with pytest.raises(tagwire.TrustError) as caught:
        tagwire.connect(secure_plant.url, **options)
    assert len(caught.value.fingerprint.replace(":", "")) == 64 and "trust=True" in str(caught.value)
    with pytest.raises(tagwire.TrustError, match="tagwire trust accept") as caught:
        tagwire.connect(secure_plant.url, trust=True, **options)
    from harness.product import command

    done = command("trust", "accept", caught.value.fingerprint, "--config", secure_plant.file, cwd=secure_plant.folder)
    assert done.returncode == 0, done.stderr
    for policy in ("basic256sha256", "aes128-sha256-rsaoaep", "aes256-sha256-rsapss"):
        for mode in ("sign", "sign-and-encrypt"):
            with tagwire.connect(secure_plant.url, security=policy, mode=mode, data_dir=tmp_path / "client") as client:
                assert client.security == f"{policy}/{mode}" and client.read("i=2258").is_good


def test_threads_share_a_client(plant):
    wrong = []

    def work():
        for _ in range(50):
            if not plant.read(name("f64")).is_good:
                wrong.append("bad")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30 * SLOW)
    assert not wrong and not any(thread.is_alive() for thread in threads)


def script(server, body, **options):
    text = f"import os, signal, sys, threading, time, tagwire\nc = tagwire.connect({server.url!r})\n{body}\n"
    return subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def test_ctrl_c_ends_a_waiting_loop_at_once(server):
    process = script(server, "print('ready', flush=True)\nfor change in c.subscribe('mem.all.w5', every=0.05): pass")
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=20 * SLOW)
    assert "KeyboardInterrupt" in error and process.returncode in (1, 130, -signal.SIGINT)
    assert time.monotonic() - begun < 5 * SLOW


@pytest.mark.parametrize(
    "body",
    [
        "s = c.subscribe('sig.d.counter', every=0.02, callback=lambda change: None)\ntime.sleep(0.3)",
        "s = c.subscribe('sig.d.counter', every=0.02)\nthreading.Thread(target=lambda: list(s), daemon=True).start()\ntime.sleep(0.2)",
        "del c",
        "s = c.subscribe('sig.d.counter', every=0.02); del c; next(iter(s)) if False else None",
    ],
)
def test_the_interpreter_ends_whatever_is_still_open(server, body):
    process = script(server, body)
    out, error = process.communicate(timeout=20 * SLOW)
    assert (process.returncode, error) == (0, "")


def test_the_interpreter_ends_cleanly_right_after_an_event_loop(server):
    body = """
import asyncio
async def main():
    async with tagwire.aio.connect(c.url) as plant:
        changes = await plant.subscribe('sig.d.counter', every=0.02)
        await changes.next()
        await asyncio.gather(*(plant.read('i=2258') for _ in range(20)))
asyncio.run(main())
"""
    for _ in range(10):
        out, error = (process := script(server, body)).communicate(timeout=30 * SLOW)
        assert (process.returncode, out, error) == (0, "", "")


def test_after_a_fork_the_child_connects_anew(server):
    body = """
child = os.fork()
if child == 0:
    try:
        c.read('i=2258')
        os._exit(2)
    except tagwire.UsageError as error:
        ok = 'fork' in str(error)
    with tagwire.connect(c.url) as own:
        ok = ok and own.read('i=2258').is_good
    c.close()
    os._exit(0 if ok else 3)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
assert code == 0, code
assert c.read('i=2258').is_good
print('parent goes on')
"""
    out, error = script(server, body).communicate(timeout=30 * SLOW)
    assert out == "parent goes on\n", error


async def test_the_asynchronous_interface_has_the_same_operations(server):
    async with tagwire.aio.connect(server.url) as plant:
        await plant.write("mem.all.w6", 1)
        async with plant.subscribe("mem.all.w6", every="50ms") as changes:
            assert (await changes.next(5 * SLOW)).tag == "mem.all.w6"
            await plant.write({"mem.all.w6": 2})
            async for change in changes:
                if change.value == 2:
                    break
        sample, other = await plant.read(["mem.all.w6", "mem.all.i8"])
        assert sample.value == 2 and other.is_good and await plant.value("mem.all.w6") == 2
        assert await plant.browse("mem")
        assert len(await plant.history("sig.d.counter", "-1m")) >= 0
        with pytest.raises(tagwire.UnknownTagError):
            await plant.value("mem.all.nothing")
    with pytest.raises(tagwire.ClosedError):
        await plant.read("i=2258")


async def test_a_thousand_tasks_wait_at_once_and_a_cancelled_one_ends(server):
    plant = await tagwire.aio.connect(server.url)
    found = await asyncio.gather(*(plant.read("mem.all.i8") for _ in range(1000)))
    assert all(sample.is_good for sample in found)
    changes = await plant.subscribe("mem.all.w7", every=0.05)
    await changes.next()
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(changes.__anext__(), 0.2)
    await plant.write("mem.all.w7", 99)
    assert (await changes.next(5 * SLOW)).value == 99
    seen = []

    async def callback(change):
        await asyncio.sleep(0)
        seen.append(change.value)

    async with plant.subscribe("mem.all.w8", every=0.05, callback=callback):
        for _ in range(100):
            if seen:
                break
            await asyncio.sleep(0.05 * SLOW)
    assert seen
    await plant.close()


def test_both_interfaces_are_made_from_one_source():
    import inspect
    from pathlib import Path

    generate = Path(__file__).parents[2] / "python" / "generate.py"
    assert subprocess.run([sys.executable, generate, "--check"]).returncode == 0
    for kind in ("Client", "Subscription", "EventStream"):
        sync, asynchronous = getattr(tagwire, kind), getattr(tagwire.aio, kind)
        names = {found for found in vars(asynchronous) if not found.startswith("_")}
        assert names == {found for found in vars(sync) if not found.startswith("_")}
        for found in names:
            if callable(getattr(sync, found)):
                a, b = (list(inspect.signature(getattr(of, found)).parameters) for of in (sync, asynchronous))
                assert a == b
    assert os.path.basename(tagwire.aio.__file__) == "aio.py"
