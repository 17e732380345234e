// The widget's JavaScript on a canvas that notes what is drawn on it: run by test_plot.py.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const trend = await import(pathToFileURL(process.env.TREND_JS));
const { Line, BAD, GOOD, UNCERTAIN } = trend;

function line(rows) {
  const made = new Line();
  const [times, values, kinds] = [0, 1, 2].map((column) => rows.map((row) => row[column]));
  made.push(Float64Array.from(times), Float64Array.from(values), Uint8Array.from(kinds));
  return made;
}

/** The strokes of a kind as lists of points. */
function strokes(of, kind, window, edge) {
  const found = [];
  const path = {
    moveTo: (x, y) => found.push([[x, y]]),
    lineTo: (x, y) => found[found.length - 1].push([x, y]),
  };
  trend.trace(of, kind, window, edge, (time) => time, (value) => value, path);
  return found;
}

const HELD = line([[0, 5, GOOD], [4, 5, GOOD], [4, NaN, BAD], [8, 7, GOOD]]);

test("no line crosses a bad stretch, and the newest value holds until now", () => {
  const found = strokes(HELD, GOOD, [0, 20], 10);
  const spans = found.map((points) => [points[0][0], points[points.length - 1][0]]);
  assert.deepEqual(spans, [[0, 4], [8, 10]]);
  assert.ok(found.flat().every(([, y]) => Number.isFinite(y)));
});

test("bad stretches are marked from their begin to their end, and until now", () => {
  assert.deepEqual(trend.badStretches(HELD, 0, 20, 10), [[4, 8]]);
  assert.deepEqual(trend.badStretches(HELD, 5, 7, 10), [[5, 7]]);
  assert.deepEqual(trend.badStretches(line([[0, 1, GOOD], [2, NaN, BAD]]), 0, 20, 10), [[2, 10]]);
  assert.deepEqual(trend.badStretches(line([[0, NaN, BAD], [2, NaN, BAD], [3, 1, GOOD]]), 0, 20, 10), [[0, 3]]);
  assert.deepEqual(trend.badStretches(new Line(), 0, 20, 10), []);
});

test("uncertain values are drawn by themselves and meet the good ones", () => {
  const mixed = line([[0, 1, GOOD], [1, 2, UNCERTAIN], [2, 3, GOOD]]);
  assert.deepEqual(strokes(mixed, UNCERTAIN, [0, 3], 3), [[[1, 2], [1, 2], [2, 3]]]);
  assert.deepEqual(strokes(mixed, GOOD, [0, 3], 3).map((points) => points.at(-1)), [[1, 2], [3, 3]]);
});

test("a value is told where one is known", () => {
  assert.equal(HELD.valueAt(2, 10), 5);
  assert.ok(Number.isNaN(HELD.valueAt(6, 10)) && Number.isNaN(HELD.valueAt(-1, 10)) && Number.isNaN(HELD.valueAt(11, 10)));
  assert.equal(HELD.valueAt(9, 10), 7);
  assert.equal(line([[0, 0, GOOD], [10, 100, GOOD]]).valueAt(2.5, 20), 25);
});

test("the range is that of the window, with what the line has at its ends", () => {
  const ramp = line([[0, 0, GOOD], [10, 100, GOOD], [20, -500, GOOD]]);
  assert.deepEqual(trend.range(ramp, 2, 8, 20), [20, 80]);
  assert.equal(trend.range(HELD, 5, 7, 10), null);
});

test("many vertices cost a few points per column of pixels and lose no peak", () => {
  const rows = Array.from({ length: 100_000 }, (_, n) => [n / 1000, n === 50_000 ? 99 : Math.sin(n), GOOD]);
  const found = strokes(line(rows), GOOD, [0, 100], 100).flat();
  assert.ok(found.length < 1000, `${found.length} points`);
  assert.ok(found.some(([, y]) => y === 99));
});

test("ticks are round and few", () => {
  assert.deepEqual(trend.ticks(0, 100, 5), [0, 20, 40, 60, 80, 100]);
  assert.deepEqual(trend.ticks(5, 5, 5), []);
  assert.deepEqual(trend.ticks(NaN, 5, 5), []);
  const labels = (start, end) => trend.timeTicks(start, end, 5).map(([, label]) => label);
  assert.deepEqual(labels(0, 60), ["00:00:00", "00:00:15", "00:00:30", "00:00:45", "00:01:00"]);
  assert.deepEqual(labels(0, 3600 * 4), ["00:00", "01:00", "02:00", "03:00", "04:00"]);
});

/** A page with just enough in it, and a model that notes what it is told. */
function page(window = []) {
  const drawn = [];
  const context = new Proxy({}, {
    get: (_, name) => (...words) => drawn.push([String(name), ...words]),
    set: () => true,
  });
  const element = (tag) => ({
    tag, children: [], style: {}, handlers: {}, attributes: {}, clientWidth: 600, textContent: "",
    classList: { toggle() {} },
    appendChild(child) { this.children.push(child); },
    setAttribute(name, value) { this.attributes[name] = value; },
    addEventListener(name, handler) { this.handlers[name] = handler; },
    getContext: () => context,
    getBoundingClientRect: () => ({ left: 0 }),
    all(wanted) { return [...(this.tag === wanted ? [this] : []), ...this.children.flatMap((child) => child.all(wanted))]; },
  });
  const frames = [];
  Object.assign(globalThis, {
    document: { createElement: element },
    window: { devicePixelRatio: 1 },
    getComputedStyle: () => ({ color: "#000" }),
    requestAnimationFrame: (frame) => frames.push(frame),
    cancelAnimationFrame() {},
  });
  const [handlers, sent] = [{}, []];
  const state = { window, setup: { tags: [{ name: "a", unit: "bar" }], seconds: 60, limits: [], title: "" } };
  const model = {
    get: (name) => state[name], set: (name, value) => { state[name] = value; }, save_changes() {},
    on: (name, handler) => { handlers[name] = handler; }, off() {}, send: (message) => sent.push(message),
  };
  const el = element("div");
  const end = trend.default.render({ model, el });
  const news = (rows, more = {}) => {
    const columns = [Float64Array, Float64Array, Uint8Array];
    // As they arrive: at an odd place in a larger buffer.
    const buffers = columns.map((Type, column) => {
      const bytes = new Uint8Array(Type.from(rows.map((row) => row[column])).buffer);
      const larger = new Uint8Array(bytes.length + 3);
      larger.set(bytes, 3);
      return new DataView(larger.buffer, 3);
    });
    const tag = { n: rows.length, value: rows.length ? rows.at(-1)[1] : null, status: "" };
    handlers["msg:custom"]({ type: "news", whole: true, edge: 100, state: "connected", tags: [tag], ...more }, buffers);
  };
  const frame = () => {
    drawn.length = 0;
    frames.pop()();
    return drawn;
  };
  const [minus, plus, follow] = el.all("button");
  const texts = () => el.all("span").map((span) => span.textContent);
  return { state, sent, news, frame, texts, canvas: el.all("canvas")[0], minus, plus, follow, end };
}

test("a view asks for everything when it comes, and says so until it has it", () => {
  const { sent, frame, texts, news } = page();
  assert.deepEqual(sent, [{ type: "hello" }]);
  frame();
  assert.ok(texts().includes("waiting for values"));
  news([[90, 1, GOOD]], { whole: false });
  frame();
  assert.ok(texts().includes("waiting for values"), "what came before everything is not drawn");
  news([[90, 1.5, GOOD]]);
  assert.ok(frame().some(([name]) => name === "stroke"));
  assert.ok(texts().includes("live") && texts().includes("1.5 bar"));
});

test("pause, zoom, move and follow change the window that the kernel knows", () => {
  const { state, news, frame, minus, plus, follow, canvas, texts } = page();
  news([[50, 1, GOOD], [90, 2, GOOD]]);
  frame();
  follow.handlers.click();
  const [start, end] = state.window;
  assert.ok(Math.abs(end - start - 60) < 1e-6 && end - 100 >= 0 && end - 100 <= 1);
  frame();
  assert.ok(texts().includes("paused"));
  plus.handlers.click();
  assert.ok(Math.abs(state.window[1] - state.window[0] - 30) < 1e-6);
  minus.handlers.click();
  canvas.handlers.wheel({ deltaY: -1, clientX: 300, preventDefault() {} });
  assert.ok(state.window[1] - state.window[0] < 60);
  const before = state.window;
  canvas.handlers.pointerdown({ clientX: 100, pointerId: 1 });
  canvas.handlers.pointermove({ clientX: 200 });
  canvas.handlers.pointerup({});
  assert.ok(state.window[0] < before[0], "dragging to the right goes back in time");
  canvas.handlers.dblclick();
  assert.deepEqual(state.window, []);
});

test("a kernel that says nothing any more is not called live", (context) => {
  const { news, frame, texts } = page();
  news([[90, 1, GOOD]]);
  const now = performance.now();
  context.mock.method(performance, "now", () => now + 5000);
  frame();
  assert.ok(texts().some((text) => text.startsWith("no news for 5 s")), texts().join());
});

test("the end is told", () => {
  const { news, frame, texts, end } = page();
  news([[90, 1, GOOD]], { state: "closed" });
  frame();
  assert.ok(texts().includes("ended"));
  end();
});
