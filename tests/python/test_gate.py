"""Sessions over an OpenOPC gateway (`opc+gate://`): that of the real binary, and daemons of Pyro4 and Pyro5."""

import asyncio
import gc
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import OpenOPC
import tagwire
from harness.process import SLOW, accepts, free_port, wait_until
from harness.product import Tagwire, sim_device

PYTHON = os.environ.get("TAGWIRE_PEERS_OPENOPC")
SERVER = "Matrikon.OPC.Simulation.1"
TAGS = """
int static i32 rw
small static i16 rw
fixed static i32 ro
flag static bool rw
real static f64 rw
text static string rw
raw static bytes rw
when static datetime rw
ints static i16[3] rw
wave sine(period=2s,low=0,high=10) f64 ro
counter counter i32 ro
"""
ROLES = '["observer", "operator"]'


def config(port, roles=ROLES, more="", unit="", rule=""):
    gate = f'[openopc]\nlisten = "127.0.0.1:{port}"\nroles = {roles}\nnames = ["{SERVER}"]\n{more}\n'
    tags = sim_device(TAGS, link="plant", device="press", scan="50ms")
    return tags.replace('name = "int"', f'name = "int"\n{unit}') + gate + rule


def url(port, path=""):
    return f"opc+gate://127.0.0.1:{port}{path}"


@contextmanager
def running(folder, port, **options):
    """A server whose gateway listens."""
    with Tagwire(folder, config(port, **options)) as server:
        wait_until(lambda: accepts(port), 10 * SLOW, "the gateway listens")
        yield server


def name(tag):
    return f"plant.press.{tag}"


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    port = free_port()
    with running(tmp_path_factory.mktemp("gate"), port):
        yield port


@pytest.fixture
def plant(gate):
    with tagwire.connect(url(gate, f"/{SERVER}")) as client:
        yield client


def soon(plant, tag, value):
    wait_until(lambda: plant[tag] == value, 5 * SLOW, f"{tag} is {value!r}")


# --- reading, writing, browsing


@pytest.mark.parametrize(
    "tag, values",
    [
        ("int", [-(2**31), 2**31 - 1]),
        ("small", [0, -5]),
        ("flag", [True, False]),
        ("real", [0.1, math.inf, -math.inf, 1.7e308]),
        ("text", ["", "it's äöü 🙂\n\\", 'both \' and "']),
        ("raw", [b"", bytes(range(256))]),
        ("ints", [[1, -2, 3]]),
    ],
)
def test_every_type_is_written_and_read_as_the_value_that_python_has_for_it(plant, tag, values):
    for value in values:
        plant[name(tag)] = value
        soon(plant, name(tag), value)
        assert type(plant[name(tag)]) is type(value)


def test_not_a_number_and_points_in_time_go_over_the_wire(plant):
    plant[name("real")] = math.nan
    wait_until(lambda: math.isnan(plant[name("real")]), 5 * SLOW, "not a number")
    plant[name("when")] = datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=timezone.utc)
    # The wire has no kind of its own for a time.
    soon(plant, name("when"), "2024-02-29 12:00:00.123456+00:00")
    with pytest.raises(ValueError, match="time zone"):
        plant[name("when")] = datetime(2024, 1, 1)


def test_a_sample_is_the_same_class_with_quality_and_time_in_utc(plant):
    plant[name("int")] = 7
    soon(plant, name("int"), 7)
    sample = plant.read(name("int"))
    assert type(sample) is tagwire.Sample and (sample.tag, sample.value, sample.data_type) == (name("int"), 7, "i64")
    assert sample.quality is tagwire.Quality.GOOD and sample.is_good and str(sample.status) == "Good"
    assert abs(datetime.now(timezone.utc) - sample.source_time) < timedelta(seconds=30 * SLOW)
    assert sample.source_time.tzinfo is timezone.utc and sample.server_time is None
    assert plant.read(f"ns=2;s={name('int')}").value == 7 and plant.read(name("int"), max_age="1h").value == 7


def test_a_list_gives_a_list_in_its_order_and_never_raises_for_one_tag(plant):
    found = plant.read([name("int"), "plant.press.nothing", "@MemFree", name("fixed")])
    assert [sample.tag for sample in found] == [name("int"), "plant.press.nothing", "@MemFree", name("fixed")]
    assert [sample.is_good for sample in found] == [True, False, True, True]
    assert found[1].value is None and str(found[1].status) == "BadNodeIdUnknown" and found[2].value > 0
    with pytest.raises(tagwire.UnknownTagError, match="plant.press.nothing: BadNodeIdUnknown"):
        plant["plant.press.nothing"]
    assert plant.read([]) == []


def test_a_write_names_what_was_not_written_and_writes_the_rest(plant):
    values = {name("int"): 5, name("fixed"): 1, name("small"): 70_000, "plant.press.nothing": 1, name("text"): 5}
    with pytest.raises(tagwire.WriteError, match="4 of 5 values not written") as caught:
        plant.write(values)
    assert {tag: str(status) for tag, status in caught.value.failures.items()} == {
        name("fixed"): "BadNotWritable", name("small"): "BadTypeMismatch",
        "plant.press.nothing": "BadNodeIdUnknown", name("text"): "BadTypeMismatch",
    }
    soon(plant, name("int"), 5)
    with pytest.raises(TypeError, match="is no value of a tag"):
        plant[name("int")] = object()
    assert plant.try_write({}) == []


def test_numpy_values_are_values(plant):
    import numpy

    plant.write({name("int"): numpy.int32(3), name("ints"): numpy.array([4, 5, 6]), name("real"): numpy.float32(0.5)})
    soon(plant, name("ints"), [4, 5, 6])
    assert plant.values([name("int"), name("real")]) == [3, 0.5]


def test_browsing_finds_what_can_be_read(plant):
    nodes = plant.browse(depth=3)
    assert [(node.name, node.kind, node.depth) for node in nodes[:3]] == [
        ("plant", "object", 1), ("press", "object", 2), ("int", "variable", 3),
    ]
    assert nodes[2].tag == name("int") and nodes[2].parent == nodes[1].id and type(nodes[0]) is tagwire.Node
    assert plant.read(nodes[2].id).is_good
    assert [node.tag for node in plant.browse("plant.press")] == [node.tag for node in nodes[2:]]
    assert [node.tag for node in plant.browse(nodes[1].id, limit=2)] == [name("int"), name("small")]
    assert plant.browse(name("int")) == [] and plant.browse("plant.nothing") == []


def test_units_and_attributes_come_from_properties(tmp_path):
    port = free_port()
    unit = 'unit = "bar"\ndescription = "how hard it presses"'
    with running(tmp_path, port, unit=unit), tagwire.connect(url(port)) as plant:
        assert plant.units([name("int"), name("real"), "no.such"]) == {name("int"): "bar", name("real"): None, "no.such": None}
        wanted = [(name("int"), 5), (name("int"), 14), (name("fixed"), 17), (name("int"), 13), (name("int"), 99), ("no.such", 5)]
        found = plant.read_attributes(wanted)
        assert [sample.value for sample in found][:3] == ["how hard it presses", "i=6", 1] and found[3].is_good
        assert [str(sample.status) for sample in found[4:]] == ["BadAttributeIdInvalid", "BadNodeIdUnknown"]


def test_many_tags_go_in_several_messages(plant):
    tags = [name("int"), name("small")] * 6_000
    found = plant.read(tags)
    assert [sample.tag for sample in found] == tags and all(sample.is_good for sample in found)


# --- changes


def test_changes_come_once_each(plant):
    plant.write({name("int"): 1, name("real"): 1.0})
    soon(plant, name("real"), 1.0)
    with plant.subscribe([name("int"), name("real"), "no.such"], every="50ms") as changes:
        assert [str(status) for status in changes.statuses.values()] == ["Good", "Good", "BadNodeIdUnknown"]
        first = changes.batch(timeout=5 * SLOW)
        assert [sample.tag for sample in first] == [name("int"), name("real"), "no.such"]
        assert changes.next(timeout=0.3) is None
        for value in (2, 3):
            plant[name("int")] = value
            change = changes.next(timeout=5 * SLOW)
            assert (change.tag, change.value) == (name("int"), value)
        assert changes.n_lost == 0
    assert changes.next(timeout=1) is None and list(changes) == []


def test_changes_go_to_a_callback_and_end_with_the_client(gate):
    seen = []
    plant = tagwire.connect(url(gate))
    plant.subscribe(name("counter"), every="50ms", callback=lambda change: seen.append(change.value))
    wait_until(lambda: len(seen) > 3, 10 * SLOW, "four changes")
    assert seen == sorted(set(seen))
    changes = plant.subscribe(name("fixed"), every="1h")
    assert changes.next(timeout=5 * SLOW).is_good
    threading.Timer(0.2, plant.close).start()
    assert changes.next() is None


def test_a_plot_is_drawn_over_a_gateway(plant):
    pytest.importorskip("matplotlib")
    trend = plant.plot([name("wave")], backend="matplotlib")
    wait_until(lambda: trend.state == "live", 5 * SLOW, "it is live")
    trend.close()


# --- what a gateway does not have, and who may do what


@pytest.mark.parametrize(
    "ask, word",
    [
        (lambda plant: plant.history("a", "-1h"), "no history"),
        (lambda plant: plant.events(), "no events"),
        (lambda plant: plant.call("i=2253", "i=11492"), "no methods"),
        (lambda plant: plant.namespaces(), "no namespaces"),
    ],
)
def test_what_a_gateway_does_not_have_is_said(plant, ask, word):
    with pytest.raises(tagwire.UsageError, match=word):
        ask(plant)


@pytest.mark.parametrize(
    "address, options, error, word",
    [
        ("opc+gate://", {}, tagwire.UsageError, "names no host"),
        ("opc+gate://host:port", {}, tagwire.UsageError, "no address such as opc"),
        ("opc+gate://anna:secret@host", {}, tagwire.UsageError, "knows none"),
        ("opc+gate://host/A?speed=9", {}, tagwire.UsageError, "speed="),
        ("opc+gate://host/A?zone=Moon", {}, tagwire.UsageError, "no time zone"),
        ("opc+gate://host", {"user": "anna", "password": "x"}, tagwire.UsageError, "no users"),
        ("opc+gate://host", {"security": "best"}, tagwire.UsageError, "no security"),
        ("opc+gate://host", {"timeout": 0}, tagwire.UsageError, "timeout"),
        ("opc+gate://no-such-host.invalid", {}, tagwire.ConnectError, "cannot reach the gateway"),
    ],
)
def test_an_address_that_is_wrong_says_so(address, options, error, word):
    with pytest.raises(error, match=word):
        tagwire.connect(address, **options)


def test_names_of_servers_are_those_of_the_gateway(gate):
    with tagwire.connect(url(gate, "/Other.Server;Matrikon.OPC.Simulation.1?host=localhost")) as plant:
        assert plant.state == "connected" and plant.security == "none/none" and "opc+gate://" in repr(plant)
    with pytest.raises(tagwire.RefusedError, match="there is no server .*Other.*Matrikon"):
        tagwire.connect(url(gate, "/Other.Server"))


def test_a_gateway_that_only_reads_refuses_to_write(tmp_path):
    port = free_port()
    with running(tmp_path, port, roles='["observer"]'), tagwire.connect(url(port)) as plant:
        assert plant.read(name("int")).is_good
        with pytest.raises(tagwire.WriteError, match="BadUserAccessDenied") as caught:
            plant[name("int")] = 1
        assert caught.value.tag == name("int")


def test_a_role_that_may_not_read_is_denied_with_access_errors(tmp_path):
    port = free_port()
    rule = '[[access.rule]]\npath = "*"\nbrowse = ["engineer"]\nread = ["engineer"]\n'
    with running(tmp_path, port, rule=rule), tagwire.connect(url(port)) as plant:
        assert plant.browse() == []
        assert str(plant.read(name("int")).status) in ("BadUserAccessDenied", "BadNodeIdUnknown")
        with pytest.raises(tagwire.AccessError, match="its operator grants it with roles"):
            plant.read("@MemFree")


# --- the connection


def test_nobody_there_and_somebody_else_there_are_told_apart(gate, tmp_path):
    with pytest.raises(tagwire.ConnectError, match="cannot reach the gateway") as caught:
        tagwire.connect(url(free_port()))
    assert isinstance(caught.value, ConnectionError)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with pytest.raises(tagwire.TimeoutError, match="no answer in 0.3 s"):
            tagwire.connect(url(silent.getsockname()[1]), timeout=0.3)


def test_a_gateway_that_was_away_is_found_again_with_its_subscriptions(tmp_path):
    port = free_port()
    server = Tagwire(tmp_path, config(port))
    with server:
        wait_until(lambda: accepts(port), 10 * SLOW, "the gateway listens")
        plant = tagwire.connect(url(port), timeout=3 * SLOW)
        changes = plant.subscribe(name("counter"), every="50ms")
        assert changes.next(timeout=5 * SLOW).is_good and plant.state == "connected"
    wait_until(lambda: plant.state == "reconnecting", 5 * SLOW, "the loss is seen")
    with pytest.raises(tagwire.ConnectError):
        plant.read(name("int"))
    with server:
        wait_until(lambda: plant.state == "connected", 20 * SLOW, "the gateway is found again")
        assert next(change for change in changes if change.is_good).tag == name("counter")
        wait_until(lambda: plant.read(name("int")).is_good, 5 * SLOW, "it is read again")
        plant.close()
    assert plant.state == "closed"


def test_without_reconnect_a_lost_connection_stays_lost(tmp_path):
    port = free_port()
    with running(tmp_path, port):
        plant = tagwire.connect(url(port), reconnect=False)
        changes = plant.subscribe(name("counter"), every="50ms")
    with pytest.raises(tagwire.ConnectError, match="lost"):
        for _ in changes:
            pass
    with pytest.raises(tagwire.ConnectError, match="connect again"):
        plant.read(name("int"))
    assert plant.state == "closed"
    plant.close()
    with pytest.raises(tagwire.ClosedError):
        plant.read(name("int"))


def test_places_in_the_gateway_are_given_back_and_a_forgotten_client_is_made_again(tmp_path):
    port = free_port()
    with running(tmp_path, port, more='max_clients = 2\nidle = "1s"'):
        clients = [tagwire.connect(url(port)) for _ in range(2)]
        with pytest.raises(tagwire.RefusedError, match="2 clients live here already"):
            tagwire.connect(url(port))
        clients.pop().close()
        clients.append(tagwire.connect(url(port)))
        # Whoever is not held any more gives its place back, too.
        clients.pop()
        gc.collect()
        wait_until(lambda: len(OpenOPC.get_sessions("127.0.0.1", port)) == 1, 5 * SLOW, "the place is free")
        script = f"import tagwire; plant = tagwire.connect({url(port)!r}); print(plant.state)"
        for _ in range(3):
            done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60 * SLOW)
            assert (done.stdout, done.stderr) == ("connected\n", "")
        time.sleep(1.5)
        assert clients[0].read(name("int")).is_good and clients[0].state == "connected"
        clients[0].close()


# --- threads, event loops, processes


def test_threads_share_a_client(plant):
    wrong = []

    def work():
        for _ in range(30):
            if not plant.read(name("fixed")).is_good:
                wrong.append("bad")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30 * SLOW)
    assert not wrong and not any(thread.is_alive() for thread in threads)


async def test_the_asynchronous_interface_does_not_hold_up_the_event_loop(gate):
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.ensure_future(tick())
    async with tagwire.aio.connect(url(gate)) as plant:
        await plant.write(name("int"), 1)
        async with plant.subscribe(name("int"), every="50ms") as changes:
            assert (await changes.next(5 * SLOW)).tag == name("int")
            assert await changes.next(0.2) is None and ticks > 5
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(changes.__anext__(), 0.1)
            await plant.write({name("int"): 2})
            async for change in changes:
                if change.value == 2:
                    break
        found = await asyncio.gather(*(plant.read(name("fixed")) for _ in range(200)))
        assert all(sample.is_good for sample in found)
        with pytest.raises(tagwire.UnknownTagError):
            await plant.value("no.such")
        assert await plant.browse("plant.press") and await plant.units([name("int")]) == {name("int"): None}
        seen = []

        async def callback(change):
            seen.append(change.value)

        async with plant.subscribe(name("counter"), every=0.05, callback=callback):
            for _ in range(100):
                if seen:
                    break
                await asyncio.sleep(0.05 * SLOW)
        assert seen
    with pytest.raises(tagwire.ClosedError):
        await plant.read(name("int"))
    ticking.cancel()


async def test_a_gateway_that_says_nothing_does_not_hold_up_the_event_loop():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(tagwire.aio.connect(url(silent.getsockname()[1]), timeout=30), 0.2)
        assert time.monotonic() - begun < 5 * SLOW


async def test_a_client_is_closed_at_once_while_a_call_waits(gate):
    plant = await tagwire.aio.connect(url(gate))
    # The gateway's own way to wait: it is asked for its machine's load, which takes a while each time.
    reading = asyncio.ensure_future(plant.read(["@CpuUsage"] * 100))
    await asyncio.sleep(0.3)
    begun = time.monotonic()
    await plant.close()
    assert time.monotonic() - begun < 5 * SLOW and plant.state == "closed"
    try:
        await reading
    except tagwire.Error:
        pass


def script(gate, body, **options):
    text = f"import os, sys, threading, time, asyncio, tagwire\nc = tagwire.connect({url(gate)!r})\n{body}\n"
    return subprocess.Popen([sys.executable, "-W", "error", "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_ctrl_c_ends_a_waiting_loop_at_once(gate):
    process = script(gate, "print('ready', flush=True)\nfor change in c.subscribe('plant.press.fixed', every=0.05): pass")
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=20 * SLOW)
    assert "KeyboardInterrupt" in error and time.monotonic() - begun < 5 * SLOW


@pytest.mark.parametrize(
    "body",
    [
        "s = c.subscribe('plant.press.counter', every=0.02, callback=lambda change: None)\ntime.sleep(0.3)",
        "s = c.subscribe('plant.press.counter', every=0.02)\nthreading.Thread(target=lambda: list(s), daemon=True).start()\ntime.sleep(0.2)",
        "del c",
        "async def main():\n    async with tagwire.aio.connect(c.url) as p:\n        await asyncio.gather(*(p.read('plant.press.int') for _ in range(20)))\nasyncio.run(main())",
        "async def main():\n    p = await tagwire.aio.connect(c.url)\n    await p.read('plant.press.int')\nasyncio.run(main())",
    ],
)
def test_the_interpreter_ends_whatever_is_still_open(gate, body):
    process = script(gate, body)
    out, error = process.communicate(timeout=20 * SLOW)
    assert (process.returncode, error) == (0, "")


def test_after_a_fork_the_child_connects_anew(gate):
    body = """
child = os.fork()
if child == 0:
    try:
        c.read('plant.press.int')
        os._exit(2)
    except tagwire.UsageError as error:
        ok = 'fork' in str(error)
    with tagwire.connect(c.url) as own:
        ok = ok and own.read('plant.press.int').is_good
    c.close()
    os._exit(0 if ok else 3)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
assert code == 0, code
assert c.read('plant.press.int').is_good
print('parent goes on')
"""
    out, error = script(gate, body).communicate(timeout=30 * SLOW)
    assert out == "parent goes on\n", error


# --- gateways of others


@contextmanager
def peer(file, *words):
    assert PYTHON, "TAGWIRE_PEERS_OPENOPC names no Python with OpenOPC-Python3x and openopc2; see xtask/src/peers.rs"
    port = free_port()
    command = [PYTHON, "-W", "ignore", Path(__file__).parents[1] / "peers" / file, str(port), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "READY\n"
        yield port
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(params=["4", "5"], ids=["pyro4", "pyro5"])
def daemon(request):
    with peer("pyro_gateway.py", request.param) as port:
        yield port


def test_the_published_service_is_spoken_with():
    tags = ["Random.Int4", "Random.Real8", "No.Such", "Folder [A].Word"]
    with peer("openopc_gateway.py") as port, tagwire.connect(url(port, f"/{SERVER}")) as plant:
        found = plant.read(tags)
        assert [sample.value for sample in found] == [41, 0.5, None, "text"]
        assert [str(sample.status) for sample in found] == ["Good", "Good", "BadNodeIdUnknown", "Good"]
        assert found[0].source_time == datetime(2023, 5, 6, 6, 33, 16, 142000, tzinfo=timezone.utc)
        assert plant.read("Random.Int4", max_age="1m").value == 41
        written = plant.try_write({"Random.Int4": 5, "Random.Fixed": 1, "No.Such": 1})
        assert [str(status) for status in written] == ["Good", "BadNotWritable", "BadNodeIdUnknown"]
        nodes = plant.browse(depth=3)
        assert [node.name for node in nodes if not node.is_variable] == ["Simulation Items", "Folder [A]", "Random"]
        assert [node.tag for node in nodes if node.is_variable] == [
            "Folder [A].Word", "Random.Int4", "Random.Real8", "Random.Fixed",
        ]
        assert plant.units(["Random.Int4", "No.Such"]) == {"Random.Int4": "bar", "No.Such": None}
        assert [sample.value for sample in plant.read_attributes([("Random.Fixed", 17), ("Random.Int4", 14)])] == [1, "i=6"]
        with plant.subscribe(tags, every="50ms") as changes:
            first = changes.batch(timeout=5 * SLOW)
            assert [change.value for change in first] == [5, 0.5, None, "text"]
            assert str(first[2].status) == "BadNodeIdUnknown" and changes.next(timeout=0.3) is None
            plant["Random.Real8"] = 2.5
            assert changes.next(timeout=5 * SLOW).value == 2.5
        with pytest.raises(tagwire.RefusedError, match="Connect"):
            tagwire.connect(url(port, "/Wrong"))


def test_gateways_on_windows_are_spoken_with(daemon):
    with tagwire.connect(url(daemon, "/Matrikon.OPC.Simulation.1?zone=Asia/Taipei")) as plant:
        tags = ["Random.Int4", "Random.Bytes", "Random.Mixed", "No.Such"]
        found = plant.read(tags)
        assert [sample.value for sample in found] == [41, b"\x00\xff", [1, "a", None], None]
        assert found[0].source_time == datetime(2022, 11, 22, 5, 58, 58, tzinfo=timezone.utc)
        assert [str(sample.status) for sample in found] == ["Good"] * 3 + ["BadNodeIdUnknown"]
        assert found[2] == plant.read("Random.Mixed") != found[0] and found[2].data_type is None
        written = plant.try_write({"Random.Int4": 5, "Random.Bytes": b"", "No.Such": 1})
        assert [str(status) for status in written] == ["Good", "BadNotWritable", "BadNodeIdUnknown"]
        assert [(node.name, node.tag) for node in plant.browse(depth=3)][2:4] == [
            ("Int4", "Random.Int4"), ("Real8", "Random.Real8"),
        ]
        assert plant.units(["Random.Int4", "No.Such"]) == {"Random.Int4": "bar", "No.Such": None}
        with plant.subscribe(["Random.Int4", "Random.Real8"], every="50ms") as changes:
            assert [change.value for change in changes.batch(timeout=5 * SLOW)] == [5, 0.5]
            plant["Random.Real8"] = 2.5
            assert changes.next(timeout=5 * SLOW).value == 2.5
    with pytest.raises(tagwire.RefusedError, match="no such server"):
        tagwire.connect(url(daemon, "/Wrong"))


def test_the_drop_in_speaks_with_both_kinds_of_gateway(daemon):
    with OpenOPC.open_client("127.0.0.1", daemon) as opc:
        opc.connect(SERVER)
        assert [row[1] for row in opc.iread(["Random.Int4", "Random.Real8"])] == [41, 0.5] and opc["Random.Int4"] == 41
