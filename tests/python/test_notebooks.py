"""The notebooks of `examples/notebooks`, run from begin to end and rendered, with what their cells show."""

import base64
import io
import os
import re
import time
from pathlib import Path

import nbformat
import numpy
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from PIL import Image
from traitlets.config import Config

import tagwire
from harness.demo import Demo
from harness.process import SLOW

FOLDER = Path(__file__).parents[2] / "examples" / "notebooks"
NOTEBOOKS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
PICTURES = "application/vnd.jupyter.widget-view+json", "image/png"


def run(name, environment, monkeypatch):
    """The notebook with what its cells have shown."""
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120 * SLOW, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}).execute()
    return notebook


def render(notebook, folder):
    """The notebook as one page; pictures stand in for widgets, which need a kernel."""
    order = ["image/png", "text/html", "text/markdown", "text/plain"]
    exporter = HTMLExporter(config=Config({"NbConvertBase": {"display_data_priority": order}}))
    page, _ = exporter.from_notebook_node(notebook)
    kept = os.environ.get("TAGWIRE_NOTEBOOK_PAGES")
    (Path(kept) if kept else folder).joinpath("page.html" if not kept else f"{folder.name}.html").write_text(page)
    return page


def shown(notebook):
    """The text that each code cell shows, in order."""
    def text(output):
        return output.get("text") or output.get("data", {}).get("text/plain", "")

    return ["".join(text(output) for output in cell.outputs) for cell in notebook.cells if cell.cell_type == "code"]


def pictures(notebook):
    """The pictures that cells show, as arrays of pixels."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {}).get("image/png")
            if data:
                found.append(numpy.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int))
    return found


def n_coloured(pixels, colour):
    wanted = numpy.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)])
    return int((abs(pixels - wanted).max(axis=2) < 12).sum())


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    with Demo(tmp_path_factory.mktemp("plant")) as demo:
        # A history to look back at.
        time.sleep(4)
        yield {"TAGWIRE_URL": demo.url("tagwire")}


@pytest.fixture(scope="module")
def simulation(tmp_path_factory):
    with Demo(tmp_path_factory.mktemp("simulation"), "--profile", "notebooks") as demo:
        yield {"OPC_PORT": str(demo.ports["matrikon"]), "OPC_ALIASES": os.devnull}


def test_first_steps(plant, monkeypatch, tmp_path):
    notebook = run("first_steps", plant, monkeypatch)
    client, temperature, sample, tags, several, setpoint, refused, changes, closed = shown(notebook)
    assert client.endswith("connected>") and closed.endswith("closed>")
    assert 62 <= float(temperature) <= 88
    assert re.fullmatch(r"[\d.]+\nGood\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00:00\n", sample)
    assert "boiler.plc.temperature" in tags.split() and "boiler.plc.alarm.high_temperature" in tags.split()
    assert [line.split()[-1] for line in several.splitlines()] == ["Good", "Good", "BadNodeIdUnknown"]
    assert setpoint == "65.0" and "boiler.plc.temperature: BadNotWritable" in refused
    assert len(changes.splitlines()) == 5
    page = render(notebook, tmp_path)
    assert "BadNodeIdUnknown" in page and "boiler.plc.temperature: BadNotWritable" in page


def test_history_and_pandas(plant, monkeypatch, tmp_path):
    notebook = run("history_and_pandas", plant, monkeypatch)
    _, history, tail, wide, _, averages, burner, _ = shown(notebook)
    assert int(re.match(r"History\((\d+) samples of boiler.plc.temperature, boiler.plc.pressure\)", history)[1]) > 20
    assert "boiler.plc." in tail and "+00:00" in tail
    assert "boiler.plc.pressure" in wide
    assert len(averages.splitlines()) >= 10
    assert re.fullmatch(r"on for [\d.]+ s of [\d.]+ s\n", burner)
    (picture,) = pictures(notebook)
    # The first two colours of matplotlib, one for each tag.
    assert n_coloured(picture, "#1f77b4") > 200 and n_coloured(picture, "#ff7f0e") > 200
    assert page_has_pictures(render(notebook, tmp_path), 1)


def test_live_plot(plant, monkeypatch, tmp_path):
    notebook = run("live_plot", plant, monkeypatch)
    _, plot, later, zoomed, resumed, _, closed = shown(notebook)
    assert all(text.endswith("tank.plc.level, live>") for text in (plot, later))
    assert zoomed == "'paused'" and resumed == "'live'"
    assert closed.endswith("tank.plc.level, closed>")
    views = [
        output["data"][PICTURES[0]]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if PICTURES[0] in output.get("data", {})
    ]
    assert len(views) >= 2, "the widget is what the cells show"
    first, second, report, end = pictures(notebook)
    for picture in (second, report, end):
        assert all(n_coloured(picture, colour) > 100 for colour in ("#0072b2", "#d55e00", "#009e73"))
    assert (first.shape != second.shape) or (first != second).any(), "time went on between the two"
    assert page_has_pictures(render(notebook, tmp_path), 4)


def test_openopc_migration(simulation, monkeypatch, tmp_path):
    notebook = run("openopc_migration", simulation, monkeypatch)
    servers, listed, random, sample, written, read, frame, _, value, again, changes, _ = shown(notebook)
    assert servers == "['Matrikon.OPC.Simulation.1']" and listed == "['Simulation Items', 'Configured Aliases']"
    assert "Random.ArrayOfReal8" in random
    assert re.fullmatch(r"Good \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00:00\n", sample)
    assert (written, read, value, again, changes) == ("'Success'", "5", "5", "6", "True\n")
    assert frame.count("Good") == 3
    assert "Triangle Waves.Real4" in render(notebook, tmp_path)


def page_has_pictures(page, n_wanted):
    return len(re.findall(r'<img[^>]*src="data:image/png;base64,', page)) >= n_wanted


def test_the_notebooks_are_kept_without_what_they_show():
    assert NOTEBOOKS == ["first_steps", "history_and_pandas", "live_plot", "openopc_migration"]
    for name in NOTEBOOKS:
        notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
        nbformat.validate(notebook)
        for cell in notebook.cells:
            assert cell.cell_type != "code" or (cell.outputs == [] and cell.execution_count is None), name


def test_the_plot_of_the_notebook_draws_other_frames_as_time_goes_on(plant):
    with tagwire.connect(plant["TAGWIRE_URL"]) as client:
        with client.plot("boiler.plc.temperature", seconds=5, backend="matplotlib") as trend:
            frames = []
            for _ in range(5):
                trend.step()
                trend.figure.canvas.draw()
                frames.append(numpy.asarray(trend.figure.canvas.buffer_rgba()).copy())
                time.sleep(0.4)
        assert all((before != after).any() for before, after in zip(frames, frames[1:]))
