// A live trend on a canvas. Vertices come as messages: per tag times in seconds since 1970, values, and what is known
// from each of them on. All times shown are UTC.

export const GOOD = 0;
export const UNCERTAIN = 1;
export const BAD = 2;

// Told apart also by people who see no red and green (Okabe and Ito), and again darker; as in figure.py.
const COLOURS = [
  "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
  "#00476f", "#8a3d00", "#00613f", "#8a4d70", "#946600", "#2f7ba3",
];
const MARGIN = { left: 64, right: 12, top: 10, bottom: 26 };
const HEIGHT = 280;
const STRIP = 4;
// Seconds without news after which the picture is no longer called live.
const SILENCE = 3;
const SHORTEST = 0.05;
const LONGEST = 40 * 86400;

/** Vertices of one tag, which grow at the end. */
export class Line {
  constructor() {
    this.n = 0;
    this.times = new Float64Array(1024);
    this.values = new Float64Array(1024);
    this.kinds = new Uint8Array(1024);
  }

  push(times, values, kinds) {
    const n = this.n + times.length;
    if (n > this.times.length) {
      const grown = (old) => {
        const array = new old.constructor(2 * n);
        array.set(old.subarray(0, this.n));
        return array;
      };
      [this.times, this.values, this.kinds] = [grown(this.times), grown(this.values), grown(this.kinds)];
    }
    this.times.set(times, this.n);
    this.values.set(values, this.n);
    this.kinds.set(kinds, this.n);
    this.n = n;
  }

  /** The index of the newest vertex that is not after a time; -1 where there is none. */
  at(time) {
    let [low, high] = [0, this.n];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle] <= time) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** When what begins at a vertex ends. */
  until(index, edge) {
    return index + 1 < this.n ? this.times[index + 1] : Math.max(edge, this.times[index]);
  }

  /** The value at a time, on the slope where there is one; NaN where none is known. */
  valueAt(time, edge) {
    const index = this.at(time);
    if (index < 0 || this.kinds[index] > UNCERTAIN || time > this.until(index, edge)) return NaN;
    const after = index + 1 < this.n ? this.values[index + 1] : NaN;
    if (!Number.isFinite(after)) return this.values[index];
    const length = this.times[index + 1] - this.times[index];
    const share = length > 0 ? (time - this.times[index]) / length : 1;
    return this.values[index] + share * (after - this.values[index]);
  }
}

/** The stretches of time within a window in which a line is bad. */
export function badStretches(line, start, end, edge) {
  const found = [];
  for (let index = Math.max(line.at(start), 0); index < line.n && line.times[index] < end; index += 1) {
    if (line.kinds[index] !== BAD) continue;
    const [from, to] = [Math.max(line.times[index], start), Math.min(line.until(index, edge), end)];
    const last = found[found.length - 1];
    if (from >= to) continue;
    if (last && last[1] >= from) last[1] = to;
    else found.push([from, to]);
  }
  return found;
}

/** Lowest and highest value within a window; null where there is none. */
export function range(line, start, end, edge) {
  let [low, high] = [Infinity, -Infinity];
  const take = (value) => {
    if (value < low) low = value;
    if (value > high) high = value;
  };
  for (let index = Math.max(line.at(start), 0); index < line.n && line.times[index] <= end; index += 1) {
    if (line.times[index] >= start && line.kinds[index] <= UNCERTAIN) take(line.values[index]);
  }
  take(line.valueAt(start, edge));
  take(line.valueAt(Math.min(end, edge), edge));
  return low <= high ? [low, high] : null;
}

/** Draws the stretches of one kind into a path, with at most four points per column of pixels. */
export function trace(line, kind, [start, end], edge, x, y, path) {
  const first = Math.max(line.at(start), 0);
  const last = Math.min(line.at(end) + 1, line.n - 1);
  let column = null;
  const flush = () => {
    if (!column) return;
    for (const height of [column.low, column.high, column.last]) path.lineTo(column.x, height);
    column = null;
  };
  const go = (at, height) => {
    const pixel = Math.round(at);
    if (last - first < 4000) path.lineTo(at, height);
    else if (column && column.x === pixel) {
      column.low = Math.min(column.low, height);
      column.high = Math.max(column.high, height);
      column.last = height;
    } else {
      flush();
      column = { x: pixel, low: height, high: height, last: height };
      path.lineTo(pixel, height);
    }
  };
  let isDown = false;
  for (let index = first; index <= last; index += 1) {
    if (line.kinds[index] !== kind) {
      flush();
      isDown = false;
      continue;
    }
    if (!isDown) path.moveTo(x(line.times[index]), y(line.values[index]));
    isDown = true;
    go(x(line.times[index]), y(line.values[index]));
    const next = index + 1 < line.n ? line.values[index + 1] : NaN;
    // What is known holds until the next vertex, or until now.
    if (index + 1 === line.n || !Number.isFinite(next)) go(x(line.until(index, edge)), y(line.values[index]));
    else if (line.kinds[index + 1] !== kind) go(x(line.times[index + 1]), y(next));
  }
  flush();
}

/** Round numbers between two, about so many of them. */
export function ticks(low, high, count) {
  const raw = (high - low) / Math.max(count, 1);
  if (!(raw > 0) || !Number.isFinite(raw)) return [];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw * 0.75);
  const found = [];
  for (let n = Math.ceil(low / step); n * step <= high && found.length < 100; n += 1) found.push(n * step);
  return found;
}

const STEPS = [
  0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
  172800, 432000, 864000,
];

/** Round times between two, and how much of them needs to be written. */
export function timeTicks(start, end, count) {
  const raw = (end - start) / Math.max(count, 1);
  const step = STEPS.find((candidate) => candidate >= raw) || STEPS[STEPS.length - 1];
  const found = [];
  for (let n = Math.ceil(start / step); n * step <= end && found.length < 100; n += 1) found.push(n * step);
  const label = (time) => {
    const text = new Date(Math.round(time * 1000)).toISOString();
    if (step >= 86400) return text.slice(5, 10);
    if (step >= 60) return text.slice(11, 16);
    return step >= 1 ? text.slice(11, 19) : text.slice(14, 22);
  };
  return found.map((time) => [time, label(time)]);
}

/** A number with the digits that can be read. */
export function short(value) {
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return String(value);
  return String(Number(value.toPrecision(6)));
}

/** The typed copy of what came with a message, whose place in memory is arbitrary. */
const copy = (view, Type) => new Type(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));

class View {
  constructor(model, el) {
    this.model = model;
    this.el = el;
    this.setup = model.get("setup");
    this.lines = this.setup.tags.map(() => new Line());
    this.shown = this.setup.tags.map(() => ({ value: null, status: "" }));
    this.hidden = new Set();
    this.edge = NaN;
    this.newsAt = 0;
    this.state = "connected";
    this.isKnown = false;
    this.isDirty = true;
    this.cursor = null;
    this.build();
  }

  build() {
    const make = (tag, name, parent, text) => {
      const made = document.createElement(tag);
      made.className = name;
      if (text) made.textContent = text;
      parent.appendChild(made);
      return made;
    };
    const root = make("div", "tagwire-trend", this.el);
    const bar = make("div", "tagwire-trend-bar", root);
    make("span", "tagwire-trend-title", bar, this.setup.title);
    this.note = make("span", "tagwire-trend-note", bar);
    const button = (text, title, action) => {
      const made = make("button", "tagwire-trend-button", bar, text);
      made.type = "button";
      made.title = title;
      made.addEventListener("click", action);
      return made;
    };
    button("−", "Show more time", () => this.zoom(2, this.window()[1]));
    button("+", "Show less time", () => this.zoom(0.5, this.window()[1]));
    this.follow = button("Pause", "Stand still, or follow the present", () =>
      this.look(this.isPaused() ? [] : this.window()),
    );
    this.canvas = make("canvas", "tagwire-trend-canvas", root);
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", `Trend of ${this.setup.tags.map((tag) => tag.name).join(", ")}`);
    const legend = make("div", "tagwire-trend-legend", root);
    this.entries = this.setup.tags.map((tag, place) => {
      const entry = make("button", "tagwire-trend-entry", legend);
      entry.type = "button";
      entry.title = "Hide or show";
      make("span", "tagwire-trend-swatch", entry).style.background = COLOURS[place % COLOURS.length];
      make("span", "tagwire-trend-name", entry, tag.name);
      entry.addEventListener("click", () => {
        if (!this.hidden.delete(place)) this.hidden.add(place);
        entry.classList.toggle("tagwire-trend-hidden", this.hidden.has(place));
        this.isDirty = true;
      });
      return make("span", "tagwire-trend-value", entry);
    });
    this.listen();
  }

  listen() {
    const { canvas } = this;
    let held = null;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.timeAt(event));
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      held = { x: event.clientX, window: this.window() };
      canvas.setPointerCapture?.(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      this.cursor = this.timeAt(event);
      this.isDirty = true;
      if (!held || Math.abs(event.clientX - held.x) < 3) return;
      const [start, end] = held.window;
      const by = ((held.x - event.clientX) / this.inner()) * (end - start);
      this.look([start + by, end + by]);
    });
    canvas.addEventListener("pointerup", () => { held = null; });
    canvas.addEventListener("pointerleave", () => {
      this.cursor = null;
      this.isDirty = true;
    });
    canvas.addEventListener("dblclick", () => this.look([]));
  }

  /** Takes what has come since the message before. */
  take(message, buffers) {
    if (message.type !== "news" || (!message.whole && !this.isKnown)) return;
    if (message.whole) this.lines = this.lines.map(() => new Line());
    this.isKnown = true;
    message.tags.forEach((tag, place) => {
      const [times, values, kinds] = buffers.slice(3 * place, 3 * place + 3);
      if (tag.n) this.lines[place].push(copy(times, Float64Array), copy(values, Float64Array), copy(kinds, Uint8Array));
      this.shown[place] = tag;
    });
    [this.edge, this.state, this.newsAt] = [message.edge, message.state, performance.now()];
    this.isDirty = true;
  }

  silence() {
    return (performance.now() - this.newsAt) / 1000;
  }

  /** The present of the server; it stands still when nobody tells it any more. */
  now() {
    return this.state === "closed" ? this.edge : this.edge + Math.min(this.silence(), 1);
  }

  isPaused() {
    return this.model.get("window").length === 2;
  }

  window() {
    if (this.isPaused()) return this.model.get("window");
    const now = this.now();
    return [now - this.setup.seconds, now];
  }

  look(window) {
    this.model.set("window", window);
    this.isDirty = true;
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.model.save_changes(), 120);
  }

  zoom(factor, around) {
    const [start, end] = this.window();
    const span = Math.min(Math.max((end - start) * factor, SHORTEST), LONGEST);
    const share = (around - start) / (end - start);
    this.look([around - span * share, around + span * (1 - share)]);
  }

  inner() {
    return Math.max(this.canvas.clientWidth - MARGIN.left - MARGIN.right, 1);
  }

  timeAt(event) {
    const [start, end] = this.window();
    const at = (event.clientX - this.canvas.getBoundingClientRect().left - MARGIN.left) / this.inner();
    return start + Math.min(Math.max(at, 0), 1) * (end - start);
  }

  frame() {
    if (!this.isDirty && (this.isPaused() || this.state === "closed")) return;
    this.isDirty = false;
    this.describe();
    this.draw();
  }

  /** What is written around the picture. */
  describe() {
    const isSilent = this.isKnown && this.state !== "closed" && this.silence() > SILENCE;
    let note = "live";
    if (!this.isKnown) note = "waiting for values";
    else if (this.state === "closed") note = "ended";
    else if (isSilent) note = `no news for ${Math.round(this.silence())} s`;
    else if (this.state !== "connected") note = this.state;
    else if (this.isPaused()) note = "paused";
    this.note.textContent = note;
    this.note.className = `tagwire-trend-note tagwire-trend-${note === "live" ? "live" : "still"}`;
    this.follow.textContent = this.isPaused() ? "Follow" : "Pause";
    this.setup.tags.forEach((tag, place) => {
      const { value, status } = this.shown[place];
      const there = this.cursor === null ? null : this.lines[place].valueAt(this.cursor, this.now());
      const number = there === null ? value : Number.isNaN(there) ? null : there;
      const text = [number === null ? "–" : short(number), number === null ? "" : tag.unit, there === null ? status : ""];
      this.entries[place].textContent = text.filter(Boolean).join(" ");
    });
  }

  draw() {
    const { canvas } = this;
    const [width, height] = [canvas.clientWidth || 600, HEIGHT];
    const scale = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    }
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    if (!this.isKnown) return;
    paint(context, {
      lines: this.lines.map((line, place) => (this.hidden.has(place) ? new Line() : line)),
      window: this.window(), edge: this.now(), limits: this.setup.limits, cursor: this.cursor,
      width, height, colour: getComputedStyle(this.el).color || "#333",
    });
  }
}

/** The picture: grid, bad stretches, lines. */
export function paint(context, { lines, window: [start, end], edge, limits, cursor, width, height, colour }) {
  const box = { left: MARGIN.left, top: MARGIN.top, right: width - MARGIN.right, bottom: height - MARGIN.bottom };
  const ranges = lines.map((line) => range(line, start, end, edge)).filter(Boolean);
  let low = ranges.length ? Math.min(...ranges.map((found) => found[0])) : 0;
  let high = ranges.length ? Math.max(...ranges.map((found) => found[1])) : 1;
  const air = 0.08 * (high - low) || 0.08 * Math.abs(high) || 1;
  [low, high] = limits.length === 2 ? limits : [low - air, high + air];
  const x = (time) => box.left + ((time - start) / (end - start)) * (box.right - box.left);
  const y = (value) => box.bottom - ((value - low) / (high - low)) * (box.bottom - box.top);

  context.font = "11px system-ui, sans-serif";
  context.lineWidth = 1;
  const rule = (fromX, fromY, toX, toY) => {
    context.beginPath();
    context.moveTo(fromX, fromY);
    context.lineTo(toX, toY);
    context.stroke();
  };
  context.strokeStyle = colour;
  context.fillStyle = colour;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const value of ticks(low, high, 5)) {
    context.globalAlpha = 0.15;
    rule(box.left, y(value), box.right, y(value));
    context.globalAlpha = 0.8;
    context.fillText(short(value), box.left - 6, y(value));
  }
  context.textBaseline = "top";
  context.textAlign = "center";
  for (const [time, label] of timeTicks(start, end, Math.max(width / 110, 2))) {
    context.globalAlpha = 0.15;
    rule(x(time), box.top, x(time), box.bottom);
    context.globalAlpha = 0.8;
    // A label that would stand half outside is left out.
    if (x(time) > box.left + 22 && x(time) < box.right - 22) context.fillText(label, x(time), box.bottom + 6);
  }
  context.textAlign = "right";
  context.fillText("UTC", box.left - 6, box.bottom + 6);

  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  context.clip();
  lines.forEach((line, place) => {
    context.fillStyle = COLOURS[place % COLOURS.length];
    context.strokeStyle = context.fillStyle;
    for (const [from, to] of badStretches(line, start, end, edge)) {
      // However short, it is seen.
      const [left, wide] = [x(from), Math.max(x(to) - x(from), 2)];
      context.globalAlpha = 0.16;
      context.fillRect(left, box.top, wide, box.bottom - box.top);
      context.globalAlpha = 1;
      context.fillRect(left, box.bottom - (STRIP + 1) * (place + 1), wide, STRIP);
    }
  });
  context.globalAlpha = 1;
  context.lineWidth = 1.8;
  context.lineJoin = "round";
  lines.forEach((line, place) => {
    context.strokeStyle = COLOURS[place % COLOURS.length];
    for (const kind of [GOOD, UNCERTAIN]) {
      context.setLineDash(kind === GOOD ? [] : [2, 4]);
      context.beginPath();
      trace(line, kind, [start, end], edge, x, y, context);
      context.stroke();
    }
  });
  context.setLineDash([]);
  context.lineWidth = 1;
  context.strokeStyle = colour;
  context.globalAlpha = 0.5;
  if (cursor !== null) rule(x(cursor), box.top, x(cursor), box.bottom);
  context.restore();
  context.globalAlpha = 1;
}

function render({ model, el }) {
  const view = new View(model, el);
  const take = (message, buffers) => view.take(message, buffers);
  const moved = () => { view.isDirty = true; };
  model.on("msg:custom", take);
  model.on("change:window", moved);
  model.send({ type: "hello" });
  let next;
  const frame = () => {
    view.frame();
    next = requestAnimationFrame(frame);
  };
  frame();
  return () => {
    cancelAnimationFrame(next);
    model.off("msg:custom", take);
    model.off("change:window", moved);
  };
}

export default { render };
