"""The calls of two widely used notebooks about OpenOPC and OPC UA, in their order, on `demo --profile notebooks`.

Their plots are advanced by forced frames, because no browser asks for any, and compared as pictures.
"""

import base64
import io
import json
import os

import nbformat
import numpy
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from nbclient import NotebookClient
from opcua import Client, ua
from PIL import Image

from harness.demo import Demo
from harness.process import SLOW

RANDOM = (
    "ArrayOfReal8 ArrayOfString Boolean Int1 Int2 Int32 Int4 Money Qualities Real4 Real8 String Time UInt1 UInt2 UInt4"
)
TREE = "Counter Random Sawtooth Sinusoid Square Triangle Test_Var".split()
DPI = 100


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with Demo(tmp_path_factory.mktemp("published"), "--profile", "notebooks") as demo:
        yield demo


def run(cells, monkeypatch, **environment):
    """What each cell shows as its value, run in a kernel."""
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=60 * SLOW, kernel_name="python3").execute()
    outputs = [[output for output in cell.outputs] for cell in notebook.cells]
    values = [next((o.data.get("text/plain") for o in cell if o.output_type == "execute_result"), None) for cell in outputs]
    streams = ["".join(o.text for o in cell if o.output_type == "stream") for cell in outputs]
    return values, streams


# Frames that a browser would ask for: the points drawn, and the picture after each of them.
FORCED = f"""
import base64, io, json
from matplotlib.backends.backend_agg import FigureCanvasAgg

frames = []
figure.set_dpi({DPI})
for number in range(1, 6):
    animation._draw_frame(number)
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file)
    frames.append({{"points": [float(y) for y in ys], "png": base64.b64encode(file.getvalue()).decode()}})
assert len(ys) >= 5 and all(isinstance(y, (int, float)) for y in ys)
print(json.dumps(frames))
"""


def expected(points, limits):
    """The same picture, drawn here."""
    figure = Figure(figsize=(6, 4), dpi=DPI)
    axes = figure.add_subplot()
    axes.set_ylim(*limits)
    axes.set_xlim(0, 20)
    axes.plot(range(len(points)), points, color="#d55e00")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return numpy.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def compare(frames, limits):
    """Every frame is the picture of its points, and another one than the frame before."""
    seen = []
    for frame in frames:
        pixels = numpy.asarray(Image.open(io.BytesIO(base64.b64decode(frame["png"]))).convert("RGB")).astype(int)
        wanted = expected(frame["points"], limits)
        assert pixels.shape == wanted.shape
        assert abs(pixels - wanted).max() <= 2, "the picture shows its points"
        assert all(limits[0] <= point <= limits[1] for point in frame["points"])
        seen.append(pixels)
    assert all((before != after).any() for before, after in zip(seen, seen[1:]))


def drawing(read, limits, magic):
    return f"""
{magic}
figure = plt.figure(figsize=(6, 4))
axes = figure.add_subplot()
axes.set_ylim(*{limits})
axes.set_xlim(0, 20)
ys = []
(line,) = axes.plot([], [], color="#d55e00")

def animate(number):
    ys.append({read})
    line.set_data(range(len(ys)), ys)
    return line,

animation = FuncAnimation(figure, animate, init_func=lambda: (line,), interval=1000, cache_frame_data=False)
"""


def test_the_calls_of_the_notebook_about_openopc(demo, monkeypatch):
    cells = [
        "import OpenOPC\nimport pywintypes\nimport matplotlib.pyplot as plt\nfrom matplotlib.animation import FuncAnimation",
        "pywintypes.datetime = pywintypes.TimeType\nopc = OpenOPC.client()",
        "opc.servers()",
        "opc.connect('Matrikon.OPC.Simulation.1')\nopc.list()",
        "opc.list('Simulation Items.Random')",
        "opc.read('Random.Int32')",
        "before = opc.read('Bucket Brigade.Int4')[0]\nopc.write(('Bucket Brigade.Int4', 5))\n"
        "before, opc.read('Bucket Brigade.Int4')[0]",
        "opc.write([('Bucket Brigade.Int4', 5), ('Bucket Brigade.Int2', 8)])\n"
        "tags = ['Bucket Brigade.Int4', 'Bucket Brigade.Int2']\nfirst = [row[1] for row in opc.read(tags)]\n"
        "written = opc.write([('Bucket Brigade.Int4', 10), ('Bucket Brigade.Int2', 8)])\n"
        "first, written, [row[1] for row in opc.read(tags)]",
        drawing("opc.read('Triangle Waves.Real4')[0]", (-10, 100), "%matplotlib notebook"),
        FORCED,
        "opc.close()",
    ]
    environment = {"OPC_PORT": str(demo.ports["matrikon"]), "OPC_ALIASES": os.devnull}
    values, streams = run(cells, monkeypatch, **environment)
    assert values[2] == "['Matrikon.OPC.Simulation.1']"
    assert values[3] == "['Simulation Items', 'Configured Aliases']"
    assert eval(values[4]) == [f"Random.{name}" for name in RANDOM.split()]
    value, quality, time = eval(values[5])
    assert isinstance(value, (int, float)) and quality == "Good" and time.endswith("+00:00")
    assert values[6] == "(10, 5)"
    written = [("Bucket Brigade.Int4", "Success"), ("Bucket Brigade.Int2", "Success")]
    assert eval(values[7]) == ([5, 8], written, [10, 8])
    compare(json.loads(streams[9]), (-10, 100))
    assert values[10] is None


# Names below localdomain are this machine, as on the machine on which the notebook was written.
RESOLVER = """
import socket
_ask = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: _ask(
    "127.0.0.1" if str(host).endswith(".localdomain") else host, *rest, **more)
"""


def test_the_calls_of_the_notebook_about_opc_ua(demo, monkeypatch):
    cells = [
        RESOLVER,
        "from opcua import ua, Client\nimport socket\nimport matplotlib.pyplot as plt\n"
        "from matplotlib.animation import FuncAnimation\nimport notebook.notebookapp\n%matplotlib inline\n"
        "hostname = socket.gethostname()\n"
        f"client = Client(f'opc.tcp://{{hostname}}.localdomain:{demo.ports['simulation']}/OPCUA/SimulationServer')\n"
        "client.connect()",
        "root = client.get_root_node()\n[node.get_browse_name().to_string() for node in root.get_children()]",
        "objects = root.get_children()[0]\nassert objects == client.get_objects_node()\n"
        "[node.get_browse_name().to_string() for node in objects.get_children()]",
        "simulation = objects.get_children()[2]\n"
        "[(node.nodeid.to_string(), node.get_browse_name().to_string()) for node in simulation.get_children()]",
        "one, other = client.get_node(ua.NodeId(1004, 3)), client.get_node('ns=3;i=1004')\n"
        "one.get_browse_name().to_string(), other.get_browse_name().to_string()",
        "one.get_value()",
        "variable = client.get_node('ns=3;i=1007')\nbefore = variable.get_value()\nvariable.set_value(4.0)\n"
        "before, variable.get_value()",
        drawing("client.get_node('ns=3;i=1004').get_value()", (-2.5, 2.5), "%matplotlib notebook"),
        FORCED,
        "client.close_session()",
        "try:\n    one.get_value()\nexcept ua.UaStatusCodeError as error:\n    print(type(error).__name__)",
    ]
    values, streams = run(cells, monkeypatch)
    assert values[2] == "['0:Objects', '0:Types', '0:Views']"
    children = eval(values[3])
    assert children[:5] == ["0:Server", "0:Aliases", "3:Simulation", "5:StaticData", "6:MyObjects"]
    assert eval(values[4]) == [(f"ns=3;i={1001 + place}", f"3:{name}") for place, name in enumerate(TREE)]
    assert values[5] == "('3:Sinusoid', '3:Sinusoid')"
    assert -2 <= float(values[6]) <= 2
    assert values[7] == "(10.0, 4.0)"
    compare(json.loads(streams[9]), (-2.5, 2.5))
    fault = "ServiceFault from server received  in response to ReadRequest"
    assert streams[11].splitlines() == [fault, "BadSessionIdInvalid"], "a fault, and no lost connection"


def test_a_value_written_with_the_time_of_the_client_is_taken(demo):
    from datetime import datetime, timezone

    with Client(demo.url("simulation") + "/any/path/at/all") as client:
        node = client.get_node("ns=3;i=1007")
        written = ua.DataValue(ua.Variant(2.5, ua.VariantType.Double))
        written.SourceTimestamp = datetime.now(timezone.utc).replace(tzinfo=None)
        node.set_value(written)
        assert node.get_value() == 2.5
        counts = [client.get_node("ns=3;i=1001").get_value() for _ in range(2)]
        assert all(isinstance(count, int) and 0 <= count <= 30 for count in counts)


def test_the_gateway_of_the_profile_lists_its_server(demo):
    import OpenOPC

    with OpenOPC.open_client("127.0.0.1", demo.ports["gateway"]) as opc:
        assert opc.servers() == ["Matrikon.OPC.Simulation.1"]
        opc.connect("Matrikon.OPC.Simulation.1")
        assert opc.list() == ["Simulation Items", "Configured Aliases"]
        assert opc.list("Simulation Items.Random")[5] == "Random.Int32"
        assert opc.read("Random.Int32")[1] == "Good"
        assert opc.write(("Bucket Brigade.Int4", 7)) == "Success"
        assert opc.read("Bucket Brigade.Int4")[0] == 7
