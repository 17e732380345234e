"""The OpenOPC gateway of the real binary, with the published clients of Pyro4 and Pyro5 and with our own."""

import json
import os
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest

import OpenOPC
from harness.process import SLOW, accepts, free_port, wait_until
from harness.product import Tagwire, sim_device

PYTHON = os.environ.get("TAGWIRE_PEERS_OPENOPC")
SERVER = "Matrikon.OPC.Simulation.1"
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?\+00:00"
INT4, INT2, FIXED = "Bucket.Brigade.Int4", "Bucket.Brigade.Int2", "Bucket.Brigade.Fixed"


def config(port, roles='["observer", "operator"]', more=""):
    tags = "Int4 static i32 rw\nInt2 static i16 rw\nFixed static i32 ro\nReal8 sine(period=2s,low=0,high=10) f64 ro"
    gate = f'[openopc]\nlisten = "127.0.0.1:{port}"\nroles = {roles}\nnames = ["{SERVER}"]\n{more}\n'
    return sim_device(tags, link="Bucket", device="Brigade", scan="50ms") + gate


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    port = free_port()
    with Tagwire(tmp_path_factory.mktemp("gate"), config(port)):
        wait_until(lambda: accepts(port), 10 * SLOW, "the gateway listens")
        yield port


@pytest.fixture
def opc(gate):
    with OpenOPC.open_client("127.0.0.1", gate) as client:
        client.connect(SERVER)
        client.write([(INT4, 10), (INT2, 8)])
        wait_until(lambda: [row[1] for row in client.read([INT4, INT2])] == [10, 8], 5 * SLOW, "written")
        yield client


def test_our_client_and_the_gateway_speak_with_each_other(gate, opc):
    value, quality, stamp = opc.read(INT4)
    assert (value, quality) == (10, "Good") and re.fullmatch(TIME, stamp)
    assert opc.servers() == [SERVER] and opc.ping() is True and opc[INT4] == 10
    assert opc.write((INT4, 5)) == "Success" and opc.write({INT4: 10, FIXED: 1}) == [(INT4, "Success"), (FIXED, "Error")]
    assert opc.list() == ["Bucket"] and opc.list("Bucket.Brigade.Int*") == [INT4, INT2]
    assert [row[0] for row in opc.iread([INT4, INT2])] == [INT4, INT2]
    assert list(opc.ilist("Bucket")) == ["Brigade"] and opc.properties(INT4, id=1) == "VT_I4"
    assert opc.read([INT4], group="g")[0][1] == 10 and opc.groups() == ["g"] and opc.remove("g") is None
    assert dict(opc.info())["OPC Server"] == SERVER and opc.GUID().startswith("PYRO:obj_")
    assert any(row[0] == opc.GUID() for row in OpenOPC.get_sessions("127.0.0.1", gate))
    with pytest.raises(TypeError, match="tags"):
        opc.read(5)
    with pytest.raises(OpenOPC.OPCError, match="there is no server"):
        opc.connect("Other.Server")


def test_the_command_reaches_the_tags_through_the_gateway(gate, opc):
    import sys

    words = [sys.executable, "-m", "OpenOPC", "-H", "127.0.0.1", "-P", str(gate), "-s", SERVER]
    done = subprocess.run([*words, "-o", "pairs", INT4], capture_output=True, text=True, timeout=60 * SLOW)
    assert done.stdout == f"{INT4},10\n", done.stderr
    done = subprocess.run([*words, "-S"], capture_output=True, text=True, timeout=60 * SLOW)
    assert done.stdout.splitlines()[0].split("  ")[1] == "Remote Client" and "PYRO:obj_" in done.stdout


def published(script, gate):
    """Runs a script with the published clients; they are GPL, and are therefore only peers."""
    assert PYTHON, "TAGWIRE_PEERS_OPENOPC names no Python with OpenOPC-Python3x and openopc2; see xtask/src/peers.rs"
    done = subprocess.run(
        [PYTHON, "-W", "ignore", "-c", script, str(gate)], capture_output=True, text=True, timeout=120 * SLOW,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_our_client_speaks_with_a_daemon_of_pyro4():
    assert PYTHON, "TAGWIRE_PEERS_OPENOPC names no Python with OpenOPC-Python3x and openopc2; see xtask/src/peers.rs"
    port = free_port()
    script = Path(__file__).parents[1] / "peers" / "pyro_gateway.py"
    daemon = subprocess.Popen([PYTHON, "-W", "ignore", script, str(port)], stdout=subprocess.PIPE, text=True)
    try:
        assert daemon.stdout.readline() == "READY\n"
        with OpenOPC.open_client("127.0.0.1", port) as opc:
            opc.connect("Matrikon.OPC.Simulation.1")
            assert opc.servers() == ["Matrikon.OPC.Simulation.1"] and opc.ping() is True
            assert opc.read("Random.Int4") == (41, "Good", "2022-11-22 13:58:58+00:00")
            assert [row[1] for row in opc.iread(["Random.Int4", "Random.Real8"])] == [41, 0.5]
            assert opc["Random.Bytes"] == b"\x00\xff"
            assert opc.write({"Random.Int4": 5, "Random.Real8": float("inf")}) == [
                ("Random.Int4", "Success"), ("Random.Real8", "Success"),
            ]
            assert [opc["Random.Int4"], opc["Random.Real8"]] == [5, float("inf")]
            assert opc.write(("Random.String", "it's äöü 🙂\n")) == "Success" and opc["Random.String"] == "it's äöü 🙂\n"
            with pytest.raises(OpenOPC.OPCError, match="no such server"):
                opc.connect("Wrong")
            with pytest.raises(KeyError):
                opc.read("unknown")
        assert OpenOPC.get_sessions("127.0.0.1", port)[0][0] == "PYRO:obj_1@h:1"
    finally:
        daemon.kill()
        daemon.wait()


def test_the_published_pyro4_client_runs_its_whole_call_list(gate):
    script = f"""
import json, sys
import OpenOPC
port = int(sys.argv[1])
opc = OpenOPC.open_client("127.0.0.1", port)
found = {{}}
opc.connect({SERVER!r})
found["servers"] = opc.servers()
found["write"] = opc.write(({INT4!r}, 5))
found["writes"] = opc.write([({INT4!r}, 10), ({FIXED!r}, 8)], include_error=True)
import time; time.sleep(0.3)
found["read"] = opc.read({INT4!r})
found["reads"] = opc.read([{INT4!r}, "No.Such"])
found["error"] = opc.read({INT4!r}, include_error=True)
found["group"] = opc.read([{INT4!r}], group="g", update=1)
found["again"] = opc.read(group="g")
found["groups"] = list(opc.groups())
opc.remove("g")
found["iread"] = [list(row) for row in opc.iread([{INT4!r}, {INT2!r}])]
found["iwrite"] = [list(row) for row in opc.iwrite([({INT4!r}, 10)])]
found["list"] = opc.list()
found["ilist"] = list(opc.ilist("Bucket.Brigade"))
found["properties"] = opc.properties({INT4!r}, id=[1, 5])
found["iproperties"] = list(opc.iproperties({INT4!r}, 2))
found["info"] = dict(opc.info())["OPC Server"]
found["ping"] = opc.ping()
found["guid"] = opc.GUID()
found["sessions"] = [row[0] for row in OpenOPC.get_sessions("127.0.0.1", port)]
try:
    opc.properties("No.Such")
except Exception as error:
    found["raised"] = [type(error).__name__, str(error)]
opc.close()
print(json.dumps(found))
"""
    found = published(script, gate)
    assert found["servers"] == [SERVER] and found["write"] == "Success"
    assert found["writes"] == [[INT4, "Success", ""], [FIXED, "Error", "BadNotWritable"]]
    assert found["read"][:2] == [10, "Good"] and re.fullmatch(TIME, found["read"][2])
    assert found["reads"][1] == ["No.Such", None, "Error", None] and found["error"][3] == ""
    assert found["group"][0][:3] == found["again"][0][:3] == [INT4, 10, "Good"] and found["groups"] == ["g"]
    assert [row[0] for row in found["iread"]] == [INT4, INT2] and found["iwrite"] == [[INT4, "Success"]]
    assert found["list"] == ["Bucket"] and found["ilist"] == [INT4, INT2, FIXED, "Bucket.Brigade.Real8"]
    assert found["properties"] == [[1, "VT_I4"], [5, "Read/Write"]] and found["iproperties"] == [10]
    assert found["info"] == SERVER and found["ping"] is True and found["guid"] in found["sessions"]
    assert found["raised"] == ["RuntimeError", "properties: No.Such: BadNodeIdUnknown"]


def test_the_published_pyro5_client_is_served(gate):
    script = f"""
import json, sys
from openopc2.gateway_proxy import OpenOpcGatewayProxy
from openopc2.exceptions import OPCError
proxy = OpenOpcGatewayProxy("127.0.0.1", int(sys.argv[1]))
opc = proxy.get_opc_da_client_proxy()
found = {{}}
opc.connect({SERVER!r}, "localhost")
found["write"] = opc.write([({INT4!r}, 21)])
import time; time.sleep(0.3)
found["read"] = opc.read([{INT4!r}, {INT2!r}])
properties = opc.properties({INT4!r})
found["properties"] = [type(properties[0]).__name__, properties[0].data_type, properties[0].value, properties[0].access_rights]
try:
    opc.properties("No.Such")
except OPCError as error:
    found["raised"] = error.custom_message
found["list"] = opc.list("Bucket")
found["iread"] = [list(row) for row in opc.iread([{INT4!r}])]
found["clients"] = len(proxy.get_server_proxy().get_clients())
print(json.dumps(found))
"""
    found = published(script, gate)
    assert found["write"] == [[INT4, "Success"]] and found["read"][0][:3] == [INT4, 21, "Good"]
    assert found["properties"] == ["TagProperties", "VT_I4", 21, "Read/Write"]
    assert found["raised"] == "properties: No.Such: BadNodeIdUnknown"
    assert found["list"] == ["Brigade"] and found["iread"][0][:3] == [INT4, 21, "Good"] and found["clients"] >= 1


def test_it_is_closed_unless_opened_and_reads_only_unless_a_role_says_otherwise(tmp_path):
    port = free_port()
    with Tagwire(tmp_path / "closed", sim_device("a static i32 rw")):
        with pytest.raises(OpenOPC.OPCError, match="cannot reach the gateway"):
            OpenOPC.open_client("127.0.0.1", 7766 if port == 7766 else port)
    with Tagwire(tmp_path / "open", config(port, roles='["observer"]')):
        with OpenOPC.open_client("127.0.0.1", port) as opc:
            opc.connect()
            assert opc.write((INT4, 1), include_error=True) == ("Error", "BadUserAccessDenied")
            assert opc.read(INT4)[1] == "Good"


def test_a_reload_changes_what_new_connections_may_do(tmp_path):
    port = free_port()
    rule = '[[access.rule]]\npath = "Bucket"\nbrowse = ["engineer"]\nread = ["engineer"]\n'
    server = Tagwire(tmp_path, config(port))
    with server:
        with OpenOPC.open_client("127.0.0.1", port) as opc:
            assert opc.read(INT4)[1] == "Good"
        server.configure(config(port) + rule)
        server.reload()
        with OpenOPC.open_client("127.0.0.1", port) as opc:
            assert opc.read(INT4) == (None, "Error", None) and opc.list() == []


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"PYRO\x00\x2f" + bytes(18),
        b"PYRO\x00\x30" + b"\xff" * 18,
        b"PYRO\x01\xf6\x01\x04" + bytes(32),
        b"PYRO\x00\x30\x00\x01\x00\x10\x00\x00\x7f\xff\xff\xff\x00\x01\x00\x00\x00\x00\x34\xea",
    ],
)
def test_what_is_no_pyro_is_left_at_once_and_costs_nothing(gate, opc, sent):
    with socket.create_connection(("127.0.0.1", gate), timeout=10 * SLOW) as stranger:
        stranger.sendall(sent)
        try:
            assert stranger.recv(100) == b""
        except ConnectionResetError:
            pass
    assert opc.ping()


def test_clients_are_limited_and_idle_ones_end(tmp_path):
    port = free_port()
    with Tagwire(tmp_path, config(port, more='max_clients = 2\nidle = "1s"')):
        clients = [OpenOPC.open_client("127.0.0.1", port) for _ in range(2)]
        with pytest.raises(OpenOPC.OPCError, match="2 clients live here already"):
            OpenOPC.open_client("127.0.0.1", port)
        time.sleep(1.5)
        with pytest.raises(OpenOPC.OPCError):
            clients[0].ping()
        with OpenOPC.open_client("127.0.0.1", port) as another:
            assert another.ping()


def test_a_role_that_there_is_not_is_refused_by_the_check(tmp_path):
    from harness.product import command

    server = Tagwire(tmp_path, config(free_port(), roles='["operater"]'))
    done = command("check", "--config", server.file, cwd=server.folder)
    assert done.returncode != 0 and "operater" in done.stdout + done.stderr and "operator" in done.stdout + done.stderr
