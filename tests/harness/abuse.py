"""Abuse: what a hostile client does, and what it must not do to anybody else.

An `Arena` is a server with a polled device and a bystander who reads. A siege of it measures: after the abuse the
server is up, the bystander was served in time, the device was polled, every quota is where it was, and so is the memory.
"""

import contextlib
import json
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from .plant import PASSWORD, USER, SecuredServer
from .process import SLOW, Process, wait_until
from .product import binary, command
from .session import Session
from .tokens import log_in
from .wire import Closed, Fault, Refused

FULL = bool(os.environ.get("TAGWIRE_ABUSE_FULL"))
"""Whether loops run in the full number that the list of abuse tests names, which takes minutes."""

QUOTAS = (
    "connections",
    "sessions",
    "subscriptions",
    "monitored_items",
    "waiting_publishes",
    "continuation_points",
    "open_files",
    "open_file_bytes",
    "unfinished_bytes",
    "unsent_bytes",
    "unacknowledged_bytes",
    "queued_value_bytes",
    "queued_event_bytes",
    "event_filter_bytes",
)
P99_SECONDS = 0.1
AGE_SECONDS = 0.2
"""How old the value of a tag that changes and is polled every 50 ms may be."""
PEAK_KB = 160_000
"""Memory that no abuse may take beyond what the server has."""
REST_KB = 4_000
"""Memory that may remain, besides a tenth."""
ALLOCATOR = {"GLIBC_TUNABLES": "glibc.malloc.trim_threshold=1048576:glibc.malloc.mmap_threshold=1048576"}
"""The memory of a process is what the server holds, and not what the allocator keeps for the next time."""
MIN_READS = 40
"""Reads of the bystander that a siege must see."""

CUT_OFF = (Refused, Closed, ConnectionError)
"""How a client learns that the server had enough of it."""


def rounds(full: int, few: int) -> int:
    """How often to repeat an abuse: the full number only when asked for."""
    return full if FULL else few


def outcome(action) -> str:
    """The name of the fault or refusal that an action brings, `closed`, or `Good`."""
    try:
        action()
    except (Fault, Refused) as problem:
        return problem.name
    except (Closed, ConnectionError):
        return "closed"
    return "Good"


@dataclass
class Bystander:
    """The process of `harness.bystander`, with what it measured."""

    port: int
    process: Process = field(init=False)

    def __post_init__(self):
        words = [sys.executable, "-m", "harness.bystander", self.port]
        self.process = Process(words, cwd=Path(__file__).parents[1])
        wait_until(lambda: self.lines() or self.check(), 60, "the bystander reads")

    def check(self):
        assert self.process.alive(), f"the bystander was cut off:\n{self.process.output[-2000:]}"

    def lines(self) -> list[str]:
        return self.process.lines

    def reads(self, since: float) -> list[tuple[float, bool, float]]:
        """How long each read since then took, whether it was good, and how old the polled value was."""
        found = []
        for line in reversed(list(self.lines())):
            begun, took, good, age = line.split()
            if float(begun) < since:
                break
            found.append((float(took), good == "1", float(age)))
        return found


class Target(SecuredServer):
    """A server whose memory tells what it holds."""

    def launch(self):
        self.process = Process([binary(), "serve", "--config", self.file], cwd=self.folder, env=ALLOCATOR)


class Arena:
    """A server under siege."""

    def __init__(self, folder):
        self.server = Target(folder)

    def __enter__(self):
        self.server.__enter__()
        self.bystander = Bystander(self.server.port)
        # Warm: what first clients make the server allocate once is nobody's abuse, such as memory to check passwords in.
        in_threads([self.visit] * 8)
        return self

    def visit(self):
        with log_in(self.server, USER, PASSWORD) as session:
            session.read("i=2258")
            session.close_session()

    def __exit__(self, *how):
        self.bystander.process.stop()
        self.server.__exit__(*how)

    def status(self) -> dict:
        """What the server tells of itself."""
        done = command("status", "--json", "--config", self.server.file, cwd=self.server.folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def quotas(self) -> dict[str, int]:
        status = self.status()
        return {name: status[name] for name in QUOTAS}

    def device(self) -> dict:
        """The figures of the device that is polled."""
        links = {link["name"]: link for link in self.status()["links"]}
        return links["sig"]["devices"][0]

    def rss_kb(self) -> int:
        return self.server.process.rss_kb()

    def forget_peak(self):
        Path(f"/proc/{self.server.process.pid}/clear_refs").write_text("5")

    def peak_kb(self) -> int:
        """The most memory since `forget_peak`."""
        for line in Path(f"/proc/{self.server.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
        raise AssertionError("the process has no memory")

    @contextlib.contextmanager
    def siege(self, note=lambda name, value: None, rest_kb=REST_KB, peak_kb=PEAK_KB):
        """Measures what an abuse does to everybody else, and asserts that it is next to nothing."""
        quotas, rss, device = self.quotas(), self.rss_kb(), self.device()
        self.forget_peak()
        begun = time.monotonic()
        yield self
        wait_until(lambda: len(self.bystander.reads(begun)) >= MIN_READS or self.bystander.check(), 30, "reads")
        reads = self.bystander.reads(begun)
        lasted = time.monotonic() - begun
        peak, after = self.peak_kb() - rss, self.device()
        self.bystander.check()
        times, ages = sorted(took for took, _, _ in reads), sorted(age for _, _, age in reads)
        # Among few reads a single one does not count: it may be the machine's.
        p99, oldest = (values[min(len(values) * 99 // 100, len(values) - 2)] for values in (times, ages))
        note("p99_ms", round(p99 * 1000, 2))
        note("peak_kb", peak)
        assert all(good for _, good, _ in reads), "a value that the bystander read was not good"
        assert p99 < P99_SECONDS * SLOW, f"the bystander waited: p99 is {p99 * 1000:.1f} ms, most {times[-1] * 1000:.1f} ms"
        assert peak < peak_kb, f"{peak} kB of memory were taken"
        polls, overruns = after["reads"] - device["reads"], after["overruns"] - device["overruns"]
        note("overruns", overruns)
        note("age_ms", round(oldest * 1000))
        assert oldest < AGE_SECONDS * SLOW, f"the polled value was {oldest * 1000:.0f} ms old"
        # The figures of a link are brought up to date once a second.
        assert polls > (lasted - 1.5) / 0.05 / 2 / SLOW, f"{polls} polls in {lasted:.1f} s"
        assert overruns <= max(20, polls // 10) * SLOW, f"{overruns} of {polls} polls were late"
        with Session(self.server.port) as fresh:
            assert fresh.read("i=2258").StatusCode.is_good()
            fresh.close_session()
        self.settle(quotas)
        limit = rss + rss // 10 + rest_kb
        wait_until(lambda: self.rss_kb() < limit, 10, f"memory is given back: {rss} kB before, {limit} kB at most", 0.1)
        note("rest_kb", self.rss_kb() - rss)

    def settle(self, before: dict[str, int], seconds: float = 40):
        """Waits until every quota is where it was."""
        now: dict[str, int] = {}

        def is_back():
            now.update(self.quotas())
            return all(now[name] <= before[name] for name in QUOTAS)

        try:
            wait_until(is_back, seconds, "quotas", 0.1)
        except AssertionError:
            held = {name: (before[name], now[name]) for name in QUOTAS if now[name] > before[name]}
            raise AssertionError(f"quotas are not given back (before, now): {held}") from None


def in_threads(actions, seconds: float = 120):
    """Runs actions at the same time and raises what the first of them raised."""
    problems = []

    def run(action):
        try:
            action()
        except BaseException as problem:  # noqa: BLE001
            problems.append(problem)

    threads = [threading.Thread(target=run, args=(action,), daemon=True) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
        assert not thread.is_alive(), "an attacker hangs"
    if problems:
        raise problems[0]
