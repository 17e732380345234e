"""The drop-in for OpenOPC: every signature and every shape that scripts rely on."""

import inspect
import re
import subprocess
import sys
import threading
import time

import pytest

import OpenOPC
from harness.process import SLOW, free_port, wait_until
from harness.product import Tagwire, sim_device

TAGS = """
Random.Int4 counter(period=50ms) i32 ro
Random.Real8 sine(period=2s,low=0,high=10) f64 ro
Random.String static string rw
Bucket.Int4 static i32 rw
Bucket.Int2 static i16 rw
Bucket.Real8 static f64 rw
Bucket.Bool static bool rw
Bucket.Array static i32[3] rw
Bucket.Fixed static i32 ro
"""
A, B, REAL, FIXED, NONE = (f"Sim.Items.{name}" for name in ("Bucket.Int4", "Bucket.Int2", "Bucket.Real8", "Bucket.Fixed", "No.Such"))
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?\+00:00"


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    with Tagwire(tmp_path_factory.mktemp("openopc"), sim_device(TAGS, link="Sim", device="Items", scan="50ms")) as server:
        yield server


@pytest.fixture
def opc(plant):
    with OpenOPC.client() as client:
        client.connect(plant.url)
        client.write([(A, 41), (B, 7), (REAL, 0.5)])
        wait_until(lambda: client.read(A)[0] == 41 and client.read(REAL)[0] == 0.5, 5 * SLOW, "written")
        yield client


def shape(value):
    """What stays the same between two calls: times are T."""
    if isinstance(value, str) and re.fullmatch(TIME, value):
        return "T"
    if isinstance(value, (tuple, list)):
        return type(value)(shape(element) for element in value)
    return value


SHAPES = [
    (lambda o: o.read(A), (41, "Good", "T")),
    (lambda o: o.read(A, include_error=True), (41, "Good", "T", "")),
    (lambda o: o.read([A, B]), [(A, 41, "Good", "T"), (B, 7, "Good", "T")]),
    (lambda o: o.read((A,)), [(A, 41, "Good", "T")]),
    (lambda o: o.read([A, B], include_error=True), [(A, 41, "Good", "T", ""), (B, 7, "Good", "T", "")]),
    (lambda o: o.read([A, B], group="g"), [(A, 41, "Good", "T"), (B, 7, "Good", "T")]),
    (lambda o: (o.read([A, B], group="g"), o.read(group="g"))[1], [(A, 41, "Good", "T"), (B, 7, "Good", "T")]),
    (lambda o: (o.read([A], group="g"), o.read([B], group="g"))[1], [(A, 41, "Good", "T")]),
    (lambda o: (o.read([A], group="g"), o.read([B], group="g", rebuild=True))[1], [(B, 7, "Good", "T")]),
    (lambda o: o.read(NONE), (None, "Error", None)),
    (lambda o: o.read([A, NONE]), [(A, 41, "Good", "T"), (NONE, None, "Error", None)]),
    (lambda o: o.read(NONE, include_error=True), (None, "Error", None, "BadNodeIdUnknown")),
    (lambda o: o.read("Sim.Items.Bucket.Array"), ((0, 0, 0), "Good", "T")),
    (lambda o: list(o.iread([A, B])), [(A, 41, "Good", "T"), (B, 7, "Good", "T")]),
    (lambda o: list(o.iread(A)), [(41, "Good", "T")]),
    (lambda o: o.read([A, B], size=1, pause=1), [(A, 41, "Good", "T"), (B, 7, "Good", "T")]),
    (lambda o: o.read([]), []),
    (lambda o: o.write((A, 41)), "Success"),
    (lambda o: o.write([A, 41]), "Success"),
    (lambda o: o.write((FIXED, 1)), "Error"),
    (lambda o: o.write((A, 41), include_error=True), ("Success", "")),
    (lambda o: o.write((FIXED, 1), include_error=True), ("Error", "BadNotWritable")),
    (lambda o: o.write([(A, 41), (FIXED, 1)]), [(A, "Success"), (FIXED, "Error")]),
    (lambda o: o.write([(A, 41), (NONE, 1)], include_error=True), [(A, "Success", ""), (NONE, "Error", "BadNodeIdUnknown")]),
    (lambda o: o.write([(A, 41)]), [(A, "Success")]),
    (lambda o: o.write({A: 41, FIXED: 1}), [(A, "Success"), (FIXED, "Error")]),
    (lambda o: o.write((A, "text")), "Error"),
    (lambda o: o.write((A, 1.5)), "Error"),
    (lambda o: o.write(("Sim.Items.Bucket.Bool", 1)), "Success"),
    (lambda o: list(o.iwrite([(A, 41)])), [(A, "Success")]),
    (lambda o: o.properties(A)[:6], [
        (0, "Item ID (virtual property)", A), (1, "Item Canonical DataType", "VT_I4"), (2, "Item Value", 41),
        (3, "Item Quality", "Good"), (4, "Item Timestamp", "T"), (5, "Item Access Rights", "Read/Write"),
    ]),
    (lambda o: o.properties([A, FIXED])[5], (A, 5, "Item Access Rights", "Read/Write")),
    (lambda o: [row for row in o.properties([A, FIXED]) if row[:2] == (FIXED, 5)], [(FIXED, 5, "Item Access Rights", "Read")]),
    (lambda o: o.properties(A, id=1), "VT_I4"),
    (lambda o: o.properties(A, id=2), 41),
    (lambda o: o.properties(A, id=[1, 2]), [(1, "VT_I4"), (2, 41)]),
    (lambda o: o.properties(A, id=[1, 0]), [(0, A), (1, "VT_I4")]),
    (lambda o: o.properties([A, REAL], id=1), [(A, "VT_I4"), (REAL, "VT_R8")]),
    (lambda o: o.properties([A, REAL], id=[1, 3]), [(A, 1, "VT_I4"), (A, 3, "Good"), (REAL, 1, "VT_R8"), (REAL, 3, "Good")]),
    (lambda o: list(o.iproperties(A, id=1)), ["VT_I4"]),
    (lambda o: o[A], 41),
    (lambda o: (o.__setitem__(B, 8), time.sleep(0.2), o[B])[2], 8),
    (lambda o: o.ping(), True),
    (lambda o: o.GUID(), None),
    (lambda o: o.remove("unknown"), None),
    (lambda o: (o.read([A], group="x"), o.groups())[1], ["x"]),
    (lambda o: (o.read([A, B], group="x", size=1), o.groups())[1], ["x.0", "x.1"]),
    (lambda o: (o.read([A], group="x"), o.remove(["x", "y"]), o.groups())[2], []),
    (lambda o: o.list(), ["Sim"]),
    (lambda o: o.list("Sim"), ["Items"]),
    (lambda o: sorted(o.list("Sim.Items")), ["Bucket", "Random"]),
    (lambda o: sorted(o.list("sim/items/bucket")), sorted(f"Sim.Items.Bucket.{n}" for n in ("Int4", "Int2", "Real8", "Bool", "Array", "Fixed"))),
    (lambda o: sorted(o.list("Sim.Items.Bucket.Int*")), [B, A]),
    (lambda o: o.list("Sim.Items.Bucket.Int4"), [A]),
    (lambda o: sorted(o.list(["Sim.Items.Bucket.Int4", "Sim.*.Bucket.Int?"])), [B, A]),
    (lambda o: sorted(o.list("Sim.Items.*", include_type=True)), [("Bucket", "Branch"), ("Random", "Branch")]),
    (lambda o: o.list("*.Int4", flat=True, include_type=True)[0][1], "Leaf"),
    (lambda o: sorted(o.list("*Bucket.Int4", flat=True)), [A]),
    (lambda o: len(o.list("*", recursive=True)), 9),
    (lambda o: len(o.list(flat=True)), 9),
    (lambda o: o.list("nothing"), []),
    (lambda o: next(iter(o.ilist("Sim"))), "Items"),
    (lambda o: [row[0] for row in o.info()], [
        "Protocol", "Class", "Client Name", "OPC Host", "OPC Server", "State", "Version", "Browser", "Start Time",
        "Current Time", "Vendor",
    ]),
    (lambda o: dict(o.info())["State"], "Running"),
    (lambda o: [type(row) for row in o.read(["@MemFree", "@SineWave", "@None"])], [tuple] * 3),
    (lambda o: o.read("@Nothing"), (None, "Error", None)),
    (lambda o: o.read("@TaskExists(no such task)")[:2], (False, "Good")),
    (lambda o: o.close(), None),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(SHAPES)))
def test_every_call_has_its_shape(opc, number):
    call, expected = SHAPES[number]
    assert shape(call(opc)) == expected, inspect.getsource(call) if call.__name__ != "<lambda>" else number


@pytest.mark.parametrize(
    "method, signature",
    [
        ("connect", "(opc_server=None, opc_host='localhost')"),
        ("servers", "(opc_host='localhost')"),
        ("list", "(paths='*', recursive=False, flat=False, include_type=False)"),
        ("ilist", "(paths='*', recursive=False, flat=False, include_type=False)"),
        ("read", "(tags=None, group=None, size=None, pause=0, source='hybrid', update=-1, timeout=5000, sync=False, include_error=False, rebuild=False)"),
        ("iread", "(tags=None, group=None, size=None, pause=0, source='hybrid', update=-1, timeout=5000, sync=False, include_error=False, rebuild=False)"),
        ("write", "(tag_value_pairs, size=None, pause=0, include_error=False)"),
        ("iwrite", "(tag_value_pairs, size=None, pause=0, include_error=False)"),
        ("properties", "(tags, id=None)"),
        ("iproperties", "(tags, id=None)"),
        ("groups", "()"), ("remove", "(groups)"), ("info", "()"), ("ping", "()"), ("close", "(del_object=True)"), ("GUID", "()"),
    ],
)  # fmt: skip
def test_every_method_has_its_signature(method, signature):
    found = inspect.signature(getattr(OpenOPC.client, method))
    plain = [found_.replace(annotation=inspect.Parameter.empty) for name, found_ in found.parameters.items() if name != "self"]
    assert str(found.replace(parameters=plain, return_annotation=inspect.Signature.empty)) == signature


def test_the_module_has_its_names():
    assert (OpenOPC.SOURCE_CACHE, OpenOPC.SOURCE_DEVICE) == (1, 2)
    assert OpenOPC.OPC_QUALITY == ("Bad", "Uncertain", "Unknown", "Good")
    assert [OpenOPC.quality_str(bits) for bits in (0, 0x40, 0xC0)] == ["Bad", "Uncertain", "Good"]
    assert OpenOPC.ACCESS_RIGHTS == (0, "Read", "Write", "Read/Write") and OpenOPC.BROWSER_TYPE[1] == "Hierarchical"
    assert OpenOPC.OPC_STATUS[1] == "Running" and OpenOPC.win32com_found is False
    assert "Matrikon.OPC.Simulation" in OpenOPC.OPC_SERVER and "Graybox.OPC.DAWrapper" in OpenOPC.OPC_CLASS
    assert issubclass(OpenOPC.TimeoutError, TimeoutError) and issubclass(OpenOPC.OPCError, Exception)
    assert str(inspect.signature(OpenOPC.client.__init__)).startswith("(self, opc_class")
    for name in ("open_client", "get_sessions", "close_session", "open", "GroupEvents", "type_check", "wild2regex"):
        assert hasattr(OpenOPC, name)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda o: o.read(5), ("read()", "'tags'")),
        (lambda o: o.read([A, 5]), ("read()", "'tags'")),
        (lambda o: o.read([A, "@MemFree"]), ("@",)),
        (lambda o: o.write(A), ("write()", "'tag_value_pairs'")),
        (lambda o: o.write([A, B, REAL]), ("write()", "'tag_value_pairs'")),
        (lambda o: o.list(5), ("list()", "'paths'")),
        (lambda o: o.properties(5), ("properties()", "'tags'")),
        (lambda o: o.remove(5), ("remove()", "'groups'")),
    ],
)
def test_wrong_arguments_are_named(opc, call, words):
    with pytest.raises(TypeError) as caught:
        call(opc)
    assert all(word in str(caught.value) for word in words)


def test_failures_are_opc_errors_with_their_prefix(plant):
    opc = OpenOPC.client()
    for call, prefix in [(lambda: opc.read(A), "read:"), (lambda: opc.write((A, 1)), "write:"), (lambda: opc.list(), "list:"),
                         (lambda: opc.info(), "info:"), (lambda: opc.properties(A), "properties:")]:  # fmt: skip
        with pytest.raises(OpenOPC.OPCError, match=prefix):
            call()
    assert opc.ping() is False
    with pytest.raises(OpenOPC.OPCError, match="Connect:"):
        opc.connect(f"opc.tcp://127.0.0.1:{free_port()}")
    opc.connect(plant.url)
    with pytest.raises(OpenOPC.OPCError, match="properties:"):
        opc.properties(NONE)
    with pytest.raises(OpenOPC.OPCError, match="read:"):
        opc.read(group="never made")
    opc.close()
    opc.close()


def test_names_are_resolved_by_environment_alias_and_list(plant, monkeypatch, tmp_path):
    nobody = f"opc.tcp://127.0.0.1:{free_port()}"
    file = tmp_path / "aliases.ini"
    file.write_text(f"[aliases]\nMatrikon.OPC.Simulation.1 = {plant.url}\nDead.Server = {nobody}\n")
    monkeypatch.setenv("OPC_ALIASES", str(file))
    opc = OpenOPC.client()
    assert opc.servers() == ["Matrikon.OPC.Simulation.1", "Dead.Server"]
    opc.connect("matrikon.opc.simulation.1", "localhost")
    assert opc.read(A)[1] == "Good"
    opc.connect(f"Dead.Server;{nobody};Matrikon.OPC.Simulation.1")
    assert dict(opc.info())["OPC Server"] == "Matrikon.OPC.Simulation.1"
    opc.connect()
    assert opc.ping()
    opc.close()
    monkeypatch.setenv("OPC_URL", plant.url)
    with OpenOPC.open("Any.Name") as opc:
        assert opc.read(A)[1] == "Good"


def test_times_are_utc_or_the_clock_on_the_wall_on_request(opc, monkeypatch):
    true = opc.read(A)[2]
    monkeypatch.setenv("OPC_TIME", "local")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        shown = opc.read(A)[2]
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    hours = (int(shown[11:13]) - int(true[11:13])) % 24
    assert hours in (8, 9, 10) and shown.endswith("+00:00")


def test_the_api_of_the_post_runs_as_printed(plant, monkeypatch):
    monkeypatch.setenv("OPC_URL", plant.url)
    seen = []
    opc = OpenOPC.open("localhost")
    value = opc.read(A)
    assert value[1] == "Good"
    assert opc.write({A: 42, B: 9}) == [(A, "Success"), (B, "Success")]

    def callback(item, value, quality, timestamp):
        seen.append((item, value, quality))

    opc.subscribe(callback=callback, refresh=50)
    opc.start()
    wait_until(lambda: (A, 42, "Good") in seen and (B, 9, "Good") in seen, 10 * SLOW, "the first values")
    opc.write({A: 43})
    wait_until(lambda: (A, 43, "Good") in seen, 10 * SLOW, "the change")
    assert any(not thread.daemon and thread.name == "OpenOPC dispatch" for thread in threading.enumerate())
    opc.close()
    assert not any(thread.name == "OpenOPC dispatch" for thread in threading.enumerate())


def test_a_script_of_the_usual_patterns_runs_as_it_is(plant):
    script = f"""
import pywintypes
pywintypes.datetime = pywintypes.TimeType
import OpenOPC
opc = OpenOPC.client(opc_class="Graybox.OPC.DAWrapper", client_name="script")
opc.connect({plant.url!r}, 'localhost')
tags = [{A!r}, {B!r}]
value, quality, stamp = opc.read({A!r})
values = [x[1] for x in opc.read(tags)]
for _ in range(3):
    rows = opc.read(tags, group='test', update=1)
opc.remove(opc.groups())
for name, value, quality, stamp in opc.iread(tags):
    assert quality == 'Good'
try:
    opc.read({NONE!r})
except OpenOPC.OPCError:
    raise SystemExit('no exception for an unknown item')
except pywintypes.com_error:
    pass
opc[{A!r}] = 5
opc[{A!r}] = opc[{A!r}] + 1
assert opc.write(({B!r}, 3)) == 'Success'
print(opc.read(opc.list('Sim.Items.Bucket.Int*'))[0][2], opc.ping(), opc.properties({A!r}, id=1))
opc.close()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60 * SLOW)
    assert done.stdout == "Good True VT_I4\n", done.stderr


def opc_command(plant, *words, stdin="", code=0, **environment):
    import os

    env = {**os.environ, "OPC_URL": plant.url, **environment}
    done = subprocess.run(
        [sys.executable, "-m", "OpenOPC", *words], capture_output=True, text=True, timeout=60 * SLOW, env=env, input=stdin
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def test_the_command_shows_every_format(plant, opc):
    table = opc_command(plant, A, REAL).splitlines()
    assert re.match(rf"{re.escape(A)} {{5,}}41 +Good +{TIME}$", table[0])
    assert "0.5000" in table[1] and table[2] == "" and re.match(r"Read 2 of 2 items \(\d+\.\d\d seconds\)$", table[3])
    assert opc_command(plant, "-o", "values", A, B) == "41\n7\n"
    assert opc_command(plant, "-o", "pairs", A) == f"{A},41\n"
    assert re.match(rf"{re.escape(A)},41,Good,{TIME}\n$", opc_command(plant, "-ocsv", A))
    assert opc_command(plant, "--output=html", A).startswith("<table border=1>\n<tr><td>")
    assert opc_command(plant, "-x", "2", "-o", "csv", A, B) == "41,7\n"
    assert "BadNodeIdUnknown" in opc_command(plant, "-e", NONE)


def test_the_command_lists_writes_and_reads_from_a_pipe(plant, opc):
    assert opc_command(plant, "-l") == "Sim\n"
    assert sorted(opc_command(plant, "-f", "*Bucket.Int*").split()) == [B, A]
    assert sorted(opc_command(plant, "-o", "values", "-", stdin=f"{A}\n{B}\n").split()) == ["41", "7"]
    assert opc_command(plant, "-w", f"{A}=12", B, "13").splitlines()[-1].startswith("Wrote 2 of 2 items")
    wait_until(lambda: opc.read(A)[0] == 12, 5 * SLOW, "written")
    opc_command(plant, "-w", "-", stdin=f"{A},41\n")
    assert "VT_I4" in opc_command(plant, "-p", "-y", "1", A)
    assert "Running" in opc_command(plant, "-i")
    assert "Tagwire" in opc_command(plant, "-q")
    assert opc_command(plant, "-o", "values", "-a", "4,2", "Sim.Items.Bucket.Int") == "41\n13\n"
    assert "usage: opc" in opc_command(plant) == opc_command(plant, "/?")


@pytest.mark.parametrize("words", [["-h"], ["--nothing", "x"], ["-o", "xml", A], ["-r"], ["-x", "2", "-o", "values", A]])
def test_the_command_refuses_what_makes_no_sense(plant, words):
    assert opc_command(plant, *words, code=2).startswith("opc: ")


def test_the_command_uses_the_environment(plant):
    assert "Connect:" in opc_command(plant, A, code=1, OPC_URL=f"opc.tcp://127.0.0.1:{free_port()}")
    assert "gateway" in opc_command(plant, A, code=1, OPC_MODE="open", OPC_GATE_PORT=str(free_port()))
