"""Live plots: what is drawn, frame by frame, and what the widget tells the browser."""

import math
import os
import subprocess
import sys
import time
from array import array
from pathlib import Path

import matplotlib
import numpy
import pytest

matplotlib.use("Agg")

import tagwire
from harness.process import SLOW, wait_until
from harness.product import Tagwire
from tagwire import Status
from tagwire.plotting.feed import Recorded
from tagwire.plotting.figure import COLOURS, FigureTrend
from tagwire.plotting.series import BAD, GOOD, NONE, UNCERTAIN, Series
from tagwire.plotting.widget import WidgetTrend

OK, UNSURE, LOST = Status(0), Status(0x40000000), Status(0x80310000)
ROOT = Path(__file__).parents[2]


def series(*rows, every=1.0, name="a"):
    made = Series(name, "bar", every)
    for time_, value, *status in rows:
        made.add(time_, value, status[0] if status else OK)
    return made


def vertices(made):
    return [(t, None if math.isnan(v) else v, k) for t, v, k in zip(made.times, made.values, made.kinds)]


@pytest.mark.parametrize(
    "rows, expected",
    [
        ([(0, 1.0), (1, 2.0)], [(0, 1, GOOD), (1, 2, GOOD)]),
        # A value that was held does not become a slope.
        ([(0, 1.0), (9, 2.0)], [(0, 1, GOOD), (8, 1, GOOD), (9, 2, GOOD)]),
        ([(0, False), (1, True)], [(0, 0, GOOD), (1, 0, GOOD), (1, 1, GOOD)]),
        ([(0, 1.0), (1, 5.0, LOST), (2, 2.0)], [(0, 1, GOOD), (1, 1, GOOD), (1, None, BAD), (2, 2, GOOD)]),
        ([(0, 1.0, UNSURE), (1, 2.0)], [(0, 1, UNCERTAIN), (1, 2, GOOD)]),
        ([(0, 1.0), (1, "text")], [(0, 1, GOOD), (1, 1, GOOD), (1, None, NONE)]),
        ([(0, 1.0), (1, math.inf)], [(0, 1, GOOD), (1, 1, GOOD), (1, None, NONE)]),
        ([(0, 10**400), (1, [1, 2])], [(0, None, NONE), (1, None, NONE)]),
        # A clock that steps back does not turn the line around.
        ([(5, 1.0), (3, 2.0)], [(5, 1, GOOD), (5, 2, GOOD)]),
    ],
)
def test_samples_become_vertices_that_say_no_more_than_is_known(rows, expected):
    assert vertices(series(*rows)) == expected


def test_history_goes_in_front_and_joins_what_came_live():
    made = series((10, 5.0), (11, 6.0))
    assert made.put_before([(1, 1.0, OK), (2, 2.0, OK), (3, 3.0, OK), (10, 9.0, OK)]) == 3
    assert [t for t, _, _ in vertices(made)] == [1, 2, 3, 10, 10, 11]
    assert vertices(made)[3:5] == [(10, 3, GOOD), (10, 5, GOOD)]
    assert made.put_before([(20, 1.0, OK)]) == 0


def test_memory_is_bounded_and_what_holds_stays():
    made = series()
    for n in range(250_000):
        made.add(float(n), float(n), OK)
    assert len(made) <= 200_000 and made.n_dropped == 250_000 - len(made)
    made.trim(240_000.5)
    assert made.times[0] == 240_000


def test_stretches_are_cut_at_the_window_and_end_now():
    found = series((0, 1.0), (4, 1.0, LOST), (8, 7.0)).stretches(2, 20, 10)
    assert found.bad == [(4, 8)]
    times = [t for t, v in zip(*found.good) if v == v]
    assert max(times) == 10 and not any(4 < t < 8 for t in times)
    assert series((0, 1.0, LOST)).stretches(0, 20, 10).bad == [(0, 10)]


def picture(trend):
    """The pixels of what is drawn now."""
    trend.step()
    trend.figure.canvas.draw()
    return numpy.asarray(trend.figure.canvas.buffer_rgba())[..., :3].astype(int)


def n_pixels(pixels, colour):
    """How many pixels have a colour, but for the smoothing at its edge."""
    wanted = numpy.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)])
    return int((abs(pixels - wanted).max(axis=2) < 12).sum())


def recorded(*all_series, edge, **options):
    options = {"span": 60.0, "own": None, "limits": None, "title": "", **options}
    return FigureTrend(Recorded(all_series, edge), **options)


def sine(bad=(), until=60.0):
    made = Series("a", "bar", 1.0)
    for n in range(int(until * 2)):
        t = n / 2
        made.add(t, math.sin(t / 5), LOST if any(low <= t < high for low, high in bad) else OK)
    return made


def test_each_frame_is_another_picture_and_the_same_data_give_the_same_one():
    trend = recorded(sine(), edge=10.0)
    frames = []
    for edge in (10.0, 20.0, 30.0, 40.0, 50.0):
        trend._source.now = edge
        frames.append(picture(trend))
    assert all((before != after).any() for before, after in zip(frames, frames[1:]))
    assert (picture(recorded(sine(), edge=50.0)) == frames[-1]).all()
    trend.pause()
    still = picture(trend)
    trend._source.now = 55.0
    assert (picture(trend) == still).all() and trend.state == "paused"
    trend.resume()
    assert (picture(trend) != still).any() and trend.state == "live"
    trend.close()
    assert trend.state == "closed"


def test_a_bad_stretch_is_marked_and_has_no_line():
    whole = picture(recorded(sine(), edge=60.0, limits=(-1.5, 1.5)))
    broken = recorded(sine(bad=[(20, 40)]), edge=60.0, limits=(-1.5, 1.5))
    pixels = picture(broken)
    axes = broken.figure.axes[0]
    (left, bottom), (right, top) = axes.get_window_extent().get_points()
    inside = [int(left + (right - left) * at / 60) for at in (22, 38)]
    height = pixels.shape[0]
    rows = slice(int(height - top) + 5, int(height - bottom) - 20)

    def line(of):
        return n_pixels(of[rows, inside[0] : inside[1]], COLOURS[0])

    assert line(whole) > 100 and line(pixels) == 0
    strip = pixels[int(height - bottom) - 6 : int(height - bottom), inside[0] : inside[1]]
    assert n_pixels(strip, COLOURS[0]) > 500, "the strip along the axis"
    shade, paper = pixels[rows, inside[0] : inside[1]], pixels[rows, int(left) + 3 : int(left) + 8]
    assert shade.mean() < paper.mean(), "the shade behind it"


def test_zoom_shows_the_past_and_stays():
    trend = recorded(sine(until=100), edge=100.0)
    trend.zoom("80s", "60s")
    assert trend.window == (20, 40) and trend.state == "paused"
    before = picture(trend)
    trend._source.now = 120.0
    assert (picture(trend) == before).all()
    with pytest.raises(tagwire.UsageError):
        trend.zoom("1s", "2s")
    # The toolbar of matplotlib moves the axes; the next frame keeps what it chose.
    axes = trend.figure.axes[0]
    low, high = axes.get_xlim()
    axes.set_xlim(low + (high - low) / 4, high)
    trend.step()
    assert trend.window == pytest.approx((25, 40), abs=0.01)


def test_the_legend_tells_value_unit_and_quality():
    sources = series((0, 1.25)), series((0, 2.0), (1, 2.0, LOST), name="b"), Series("c"), series((0, 3, UNSURE), name="d")
    trend = recorded(*sources, edge=2.0)
    labels = [text.get_text() for text in trend.figure.axes[0].get_legend().get_texts()]
    assert labels == ["a  1.25 bar", "b  BadNoCommunication", "c", "d  3 bar  Uncertain"]


def test_a_figure_comes_without_a_plot_of_its_own():
    trend = recorded(sine(), edge=60.0)
    figure = trend.picture()
    assert figure is not trend.figure and len(figure.axes[0].lines) == 2


def decode(news):
    content, buffers = news
    columns = []
    for place, tag in enumerate(content["tags"]):
        found = [array(code) for code in "ddB"]
        for column, data in zip(found, buffers[3 * place : 3 * place + 3]):
            column.frombytes(data)
        assert [len(column) for column in found] == [tag["n"]] * 3
        columns.append(found)
    return content, columns


def widget(*all_series, edge=10.0):
    trend = WidgetTrend(Recorded(all_series, edge), 60.0, None, None, "")
    sent = []
    trend.widget.send = lambda content, buffers=None: sent.append((content, buffers))
    return trend, sent


def test_the_browser_is_told_everything_once_and_then_what_is_new():
    made = series((0, 1.0), (1, 2.0))
    trend, _ = widget(made)
    content, ((times, values, kinds),) = decode(trend.news())
    assert content["whole"] and times.tolist() == [0, 1] and values.tolist() == [1, 2] and kinds.tolist() == [0, 0]
    made.add(2.0, 3.0, OK)
    content, ((times, _, _),) = decode(trend.news())
    assert not content["whole"] and times.tolist() == [2] and content["tags"][0]["value"] == 3.0
    made.trim(1.5)
    made.add(3.0, 4.0, LOST)
    content, ((times, _, kinds),) = decode(trend.news())
    assert times.tolist() == [3, 3] and kinds.tolist() == [GOOD, BAD]
    assert content["tags"][0] == {"n": 2, "value": None, "status": "BadNoCommunication"}
    trend._source.n_rebuilt += 1
    assert decode(trend.news())[0]["whole"]


def test_a_new_view_gets_everything_and_the_window_goes_both_ways():
    trend, sent = widget(series((0, 1.0), (1, 2.0)))
    trend.news()
    trend.widget._handle_custom_msg({"type": "hello"}, [])
    assert sent[-1][0]["whole"] and sent[-1][0]["tags"][0]["n"] == 2
    trend.widget.window = [1.0, 5.0]
    assert trend.window == (1.0, 5.0) and trend.state == "paused"
    trend.resume()
    assert trend.widget.window == [] and trend.state == "live"
    trend.pause()
    assert trend.widget.window == [-50.0, 10.0]
    trend.close()
    assert sent[-1][0]["state"] == "closed"
    data, _ = trend._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"} <= set(data)


@pytest.mark.parametrize("value", [2**60, math.inf, math.nan, "text", True, None, 1.5])
def test_every_value_can_be_told_to_the_browser(value):
    import json

    trend, _ = widget(series((0, value)))
    json.dumps(trend.news()[0], allow_nan=False)


def test_the_script_of_the_widget_draws_what_it_is_told():
    done = subprocess.run(
        ["node", "--test", ROOT / "tests" / "python" / "plots" / "trend.test.mjs"],
        env={**os.environ, "TREND_JS": str(ROOT / "python" / "tagwire" / "plotting" / "trend.js")},
        capture_output=True, text=True, timeout=60 * SLOW,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]


def test_a_plot_follows_a_server_with_its_history_behind(server, plant):
    tag = "mem.all.h.real"
    for value in (1.0, 2.0, 3.0):
        plant[tag] = value
        wait_until(lambda: plant[tag] == value, 5 * SLOW, "written")
    wait_until(lambda: plant.history(tag, limit=1).to_dict()["value"] == [3.0], 5 * SLOW, "kept")
    with plant.plot([tag, "mem.all.i32"], seconds=30, every="50ms", backend="matplotlib") as trend:
        found = trend._source.series[0]
        wait_until(lambda: {1.0, 2.0, 3.0} <= set(found.values), 5 * SLOW, "history stands behind")
        frame = picture(trend)
        plant[tag] = 40.0
        wait_until(lambda: 40.0 in found.values, 5 * SLOW, "the change came")
        assert (picture(trend) != frame).any()
        assert list(found.times) == sorted(found.times)
        assert trend.tags == [tag, "mem.all.i32"] and len(trend) >= 4
        assert plant.state == "connected"
    assert trend.state == "closed" and plant.state == "connected", "the session is the caller's"


def test_looking_further_back_brings_more_history(plant):
    tag = "mem.all.h.int"
    for value in (101, 102, 103):
        plant[tag] = value
        wait_until(lambda: plant.history(tag, limit=1).to_dict()["value"] == [value], 5 * SLOW, "kept")
        time.sleep(0.8)
    with plant.plot(tag, seconds=0.5, backend="widget") as trend:
        found = trend._source.series[0]
        wait_until(lambda: trend._source.n_rebuilt or 103.0 in found.values, 5 * SLOW, "live")
        assert 101.0 not in found.values
        trend.widget.window = [time.time() - 3600, time.time()]
        wait_until(lambda: 101.0 in found.values, 5 * SLOW, "older history")
        assert list(found.times) == sorted(found.times)


@pytest.mark.parametrize("backend", ["widget", "matplotlib"])
def test_the_interpreter_ends_whatever_is_still_drawn(server, backend):
    script = f"import tagwire\ntrend = tagwire.plot('mem.all.i32', url={server.url!r}, backend={backend!r})\nprint('done')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30 * SLOW)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
    assert "Traceback" not in done.stderr, done.stderr


def test_a_lost_link_is_a_bad_stretch_and_the_line_goes_on_afterwards(tmp_path):
    config = '[[link]]\nname = "s"\ndriver = "sim"\n[[link.device]]\nname = "d"\nscan = "50ms"\n' \
        'tag = [{ name = "t", address = "sine(period=2s)" }]\n'
    with Tagwire(tmp_path, config) as server:
        with tagwire.connect(server.url) as plant, plant.plot("s.d.t", every=0.1, backend="matplotlib") as trend:
            (found,) = trend._source.series
            wait_until(lambda: GOOD in found.kinds, 5 * SLOW, "live")
            server.stop()
            wait_until(lambda: found.kinds[-1] == BAD, 10 * SLOW, "the loss is seen")
            assert trend.state == "reconnecting"
            server.start()
            wait_until(lambda: found.kinds[-1] == GOOD, 30 * SLOW, "connected again")
            first = found.kinds.index(BAD)
            (span,) = [s for s in found.stretches(0, math.inf, trend._source.edge()).bad if s[0] == found.times[first]]
            assert span[1] > span[0]


def test_what_cannot_be_plotted_is_the_callers_mistake(plant, monkeypatch):
    for words in [dict(tags=[]), dict(tags="a", seconds=0), dict(tags="a", backend="svg"), dict(tags="a", limits=(1, 1)),
                  dict(tags=[str(n) for n in range(13)]), dict(tags="a", client=plant, url="opc.tcp://x")]:  # fmt: skip
        with pytest.raises(tagwire.UsageError):
            tagwire.plot(**words)
    with pytest.raises(tagwire.UnknownTagError):
        plant.plot("mem.all.nothing")
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(tagwire.UsageError, match=r'pip install "tagwire\[plot\]"'):
        plant.plot("mem.all.i32")


def test_a_plot_opens_a_session_of_its_own_where_none_is_given(server, monkeypatch):
    monkeypatch.setenv("TAGWIRE_URL", server.url)
    trend = tagwire.plot(["mem.all.i32", "mem.all.nothing"], history=False)
    try:
        wait_until(lambda: trend._source.series[0].status is not None, 5 * SLOW, "a value")
        trend.step()
        labels = [text.get_text() for text in trend.figure.axes[0].get_legend().get_texts()]
        assert labels[1] == "mem.all.nothing  BadNodeIdUnknown"
    finally:
        trend.close()
    assert trend._own.state == "closed"


def test_a_notebook_with_still_pictures_gets_a_new_one_every_second(monkeypatch):
    import IPython.display

    monkeypatch.setattr(matplotlib, "get_backend", lambda: "module://matplotlib_inline.backend_inline")
    shown = []

    class Handle:
        def update(self, picture):
            shown.append(picture.png())

    def display(picture, display_id=False):
        assert display_id
        shown.append(picture.png())
        return Handle()

    monkeypatch.setattr(IPython.display, "display", display)
    source = Recorded([sine()], 10.0)
    trend = FigureTrend(source, 60.0, None, None, "")
    trend.show()
    source.now = 30.0
    wait_until(lambda: len(shown) >= 2, 5 * SLOW, "another picture")
    assert shown[0] != shown[1]
    trend.close()
    n_shown = len(shown)
    wait_until(lambda: len(shown) > n_shown, 5 * SLOW, "the last picture")
    assert shown[-1] == trend.picture().png()
    trend._ipython_display_()
    time.sleep(1.5)
    assert len(shown) == n_shown + 2, "what is over is not replaced any more"
