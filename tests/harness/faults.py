"""The fault suite of the drivers: PLCs and networks fail in seeded ways, in real time, many at once.

Every seed is a link of its own to one server: a device with a victim unit and a neighbour unit behind one proxy. The
registers answer with values that tell which register they are and how often they were read, so that a late or mixed-up
answer cannot pass for a good one, and a stale value cannot pass for a fresh one.
"""

import fcntl
import gc
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .device import DEVICE_FAILURE, Device, Proxy
from .enip_device import EnipDevice, PcccDevice
from .process import SLOW, wait_until
from .product import Tagwire
from .s7_device import S7Device
from .upstream_device import UpstreamDevice
from .watch import Watcher

SCAN, ATTEMPTS, BACK_OFF = 0.1, 2, 2.0
# On a shared machine the simulated devices themselves stop for longer than two short time-outs now and then.
TIMEOUT = 0.2 if SLOW == 1 else 0.5
PUBLISHING = 0.05
ATTEMPTS_OF_SEEDS = 3
STALL = 0.1
"""Seconds for which the machine may stand still without spoiling what was measured."""
AT_ONCE = 20
FAULTS = ("kill", "reset", "swallow", "late", "garbage", "cut", "illegal", "failing", "mute")
REGISTERS = range(100, 108)
ODD_ONE = 103


class Protocol:
    """How the suite reaches its registers: of one device with two units, over TCP on this machine."""

    driver: str
    device: type
    at_once, faults = AT_ONCE, FAULTS

    @staticmethod
    def place(port: int) -> str:
        return f"127.0.0.1:{port}"

    @staticmethod
    def keys(unit: int) -> str:
        return ""

    @staticmethod
    def address(device, unit: int, register: int) -> str:
        raise NotImplementedError


class Modbus(Protocol):
    """Holding registers of two slaves."""

    driver, device = "modbus-tcp", Device

    @staticmethod
    def keys(unit: int) -> str:
        return f"unit = {unit}\n"

    @staticmethod
    def address(device, unit: int, register: int) -> str:
        return f"4{register + 1:05}"


class S7(Protocol):
    """Words of a CPU; each unit is a data block."""

    driver, device = "s7", S7Device

    @staticmethod
    def address(device, unit: int, register: int) -> str:
        return f"DB{unit},UINT{2 * register}"


class OpcUa(Protocol):
    """Variables of another OPC UA server; a unit of one cannot be mute alone."""

    driver, device = "opcua", UpstreamDevice
    at_once, faults = 8, FAULTS[:-1]

    @staticmethod
    def place(port: int) -> str:
        return f"opc.tcp://127.0.0.1:{port}"

    @staticmethod
    def address(device, unit: int, register: int) -> str:
        return device.address(unit, register)


class Enip(Protocol):
    """Tags of two Logix controllers in one chassis."""

    driver, device = "enip", EnipDevice

    @staticmethod
    def keys(unit: int) -> str:
        return f'path = "1,{unit}"\n'

    @staticmethod
    def address(device, unit: int, register: int) -> str:
        return f"R{register}"


class Pccc(Enip):
    """Words of the data tables of two processors in one chassis."""

    driver, device = "pccc", PcccDevice

    @staticmethod
    def address(device, unit: int, register: int) -> str:
        return f"N7:{register}"


@dataclass
class Line:
    """One seed: its link, its fault, and how long the fault lasts."""

    seed: int
    protocol: type[Protocol]
    device: Device | S7Device | UpstreamDevice | EnipDevice | PcccDevice
    proxy: Proxy
    fault: str
    wait: float
    lasts: float

    @property
    def link(self) -> str:
        return f"line{self.seed}"

    def names(self, unit: str, registers=REGISTERS):
        return [f"{self.link}.{unit}.r{register}" for register in registers]

    def config(self) -> str:
        text = (
            f'[[link]]\nname = "{self.link}"\ndriver = "{self.protocol.driver}"\n'
            f'address = "{self.protocol.place(self.proxy.port)}"\n'
            'connect_timeout = "1s"\n'
        )
        for unit, name in ((1, "victim"), (2, "neighbour")):
            text += (
                f'[[link.device]]\nname = "{name}"\n{self.protocol.keys(unit)}scan = "{int(SCAN * 1000)}ms"\n'
                f'request_timeout = "{int(TIMEOUT * 1000)}ms"\nattempts = {ATTEMPTS}\nretry_refused = "1s"\n'
            )
            for register in REGISTERS:
                address = self.protocol.address(self.device, unit, register)
                text += f'[[link.device.tag]]\nname = "r{register}"\naddress = "{address}"\ntype = "u16"\naccess = "ro"\n'
        return text

    def begin(self):
        victim = self.device.units[1]
        if self.fault == "kill":
            self.proxy.stop()
            self.device.stop()
        elif self.fault == "reset":
            self.device.stop()
        elif self.fault in ("swallow", "garbage", "cut"):
            self.proxy.fault = self.fault
        elif self.fault == "late":
            self.proxy.lateness = TIMEOUT * (1.2 + random.Random(self.seed).random() * 2)
            self.proxy.fault = "late"
        elif self.fault == "illegal":
            victim.illegal.add(ODD_ONE)
        elif self.fault == "failing":
            victim.failing = DEVICE_FAILURE
        elif self.fault == "mute":
            victim.mute = True

    def end(self):
        victim = self.device.units[1]
        if self.fault == "kill":
            self.device.start()
            self.proxy.start()
        elif self.fault == "reset":
            self.device.start()
        self.proxy.fault = None
        victim.illegal.clear()
        victim.failing, victim.mute = None, False

    def hit(self):
        """The tags whose quality the fault must spoil."""
        if self.fault == "illegal":
            return self.names("victim", [ODD_ONE])
        if self.fault in ("failing", "mute"):
            return self.names("victim")
        return self.names("victim") + self.names("neighbour")

    def spared(self):
        """The tags that must stay good and fresh while the fault lasts."""
        return [name for name in self.names("victim") + self.names("neighbour") if name not in self.hit()]

    def spared_gap(self) -> float:
        """The longest time without a fresh value that a spared tag may have."""
        if self.fault == "mute":
            return SCAN + TIMEOUT
        if self.fault == "illegal":
            return 3 * SCAN + TIMEOUT
        return 2 * SCAN


def make(protocol: type[Protocol], seed: int) -> Line:
    chance = random.Random(seed)
    device = protocol.device(units=(1, 2))
    proxy = Proxy(device.port, seed)
    fault = protocol.faults[seed % len(protocol.faults)]
    return Line(seed, protocol, device, proxy, fault, chance.uniform(0, 0.5), chance.uniform(1.5, 4.0))


def largest_gap(changes, begin: float, end: float) -> float:
    times = [begin] + [change.at for change in changes if begin <= change.at <= end] + [end]
    return max(later - earlier for earlier, later in zip(times, times[1:]))


def run(line: Line, watcher: Watcher, problems: list):
    """Breaks one line, mends it, and notes everything that was not as promised."""

    def complain(text):
        problems.append(f"seed {line.seed}, {line.fault}: {text}")

    time.sleep(line.wait)
    begun = time.monotonic()
    line.begin()
    bound = (ATTEMPTS * TIMEOUT + SCAN + PUBLISHING + 0.25) * SLOW
    waiting = set(line.hit())
    while waiting and time.monotonic() < begun + max(bound, line.lasts):
        waiting -= {name for name in waiting if not watcher.last(name).good}
        time.sleep(0.01)
    noticed = [next((c.at for c in watcher.since(n, begun) if not c.good), None) for n in line.hit()]
    late = [at - begun for at in noticed if at is not None and at - begun > bound]
    if None in noticed:
        complain(f"{noticed.count(None)} of {len(noticed)} tags stayed good")
    if late:
        complain(f"quality turned bad after {max(late):.2f} s, allowed {bound:.2f} s")
    kept = [name for name in line.hit() if watcher.last(name).value is None]
    if kept:
        complain(f"the last value was not kept: {kept}")
    time.sleep(max(0.0, begun + line.lasts - time.monotonic()))
    ended = time.monotonic()
    for name in line.spared():
        bad = [change for change in watcher.since(name, begun) if not change.good]
        if bad and line.fault != "illegal":
            complain(f"{name} turned bad beside the fault: {bad[0].status:#x}")
        if watcher.last(name) is not None and not watcher.last(name).good:
            complain(f"{name} is bad beside the fault")
        gap = largest_gap(watcher.by_name[name], begun, ended)
        allowed = (line.spared_gap() + PUBLISHING + 0.25) * SLOW
        if gap > allowed:
            complain(f"{name} had no fresh value for {gap:.2f} s, allowed {allowed:.2f} s")
    mended = time.monotonic()
    line.end()
    missing = set(line.names("victim") + line.names("neighbour"))
    while missing and time.monotonic() < mended + 5 * SLOW:
        missing -= {name for name in missing if any(change.good for change in watcher.since(name, mended + 2 * PUBLISHING))}
        time.sleep(0.02)
    if missing:
        complain(f"no fresh good value within 5 s: {sorted(missing)}")


def check_values(line: Line, watcher: Watcher, problems: list):
    """Every good value must belong to its register."""
    for name in line.names("victim") + line.names("neighbour"):
        register = int(name.rsplit("r", 1)[1])
        for change in watcher.by_name[name]:
            if change.good and change.value // 1000 != register - 100:
                problems.append(f"seed {line.seed}, {line.fault}: {name} got {change.value} of another register")
                break


def break_and_mend(protocol, folder, seeds):
    """Runs some seeds side by side; returns what went wrong."""
    lines = [make(protocol, seed) for seed in seeds]
    for line in lines:
        line.device.start()
        line.proxy.start()
    problems = []
    try:
        with Tagwire(folder, "".join(line.config() for line in lines)) as server:
            names = [name for line in lines for name in line.names("victim") + line.names("neighbour")]
            with Watcher(server.port, names, publishing=PUBLISHING * 1000, queue=200) as watcher:
                first = lambda: all(watcher.last(name) and watcher.last(name).good for name in names)  # noqa: E731
                wait_until(first, 10 * SLOW, "every tag is good at the start")
                with ThreadPoolExecutor(len(lines)) as pool:
                    # A line that could not be run to its end is an error of the suite itself, not a pass.
                    list(pool.map(lambda line: run(line, watcher, problems), lines))
                for line in lines:
                    check_values(line, watcher, problems)
    finally:
        for line in lines:
            line.proxy.stop()
            line.device.close()
    return problems


@contextmanager
def alone():
    """One suite at a time on this machine, because watching thousands of changes a second takes a core of Python."""
    with open(Path(tempfile.gettempdir()) / "tagwire-fault-suite.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Pulse:
    """Tells how long the machine itself stood still: a process that has nothing to do but wake up and look at the time."""

    CODE = """
import time
longest, last = 0.0, time.monotonic()
while True:
    time.sleep(0.005)
    now = time.monotonic()
    if now - last > longest + 0.005:
        longest = now - last
        print(longest, flush=True)
    last = now
"""

    def __enter__(self):
        words = [sys.executable, "-c", self.CODE]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self.process.kill()
        told = self.process.communicate()[0].splitlines()
        self.longest = float(told[-1]) if told else 0.0


def run_seeds(protocol, folder, count: int) -> list[str]:
    """Runs seeds 0 to `count`; returns what went wrong. Seeds during which the machine stood still for long run again,
    because simulated devices that stand still are devices that fail."""
    problems = []
    for first in range(0, count, protocol.at_once):
        seeds = range(first, min(first + protocol.at_once, count))
        for attempt in range(ATTEMPTS_OF_SEEDS):
            # A collection of all that pytest holds would stop the simulated devices for as long.
            gc.freeze()
            with alone(), Pulse() as pulse:
                found = break_and_mend(protocol, folder / f"{first}-{attempt}", seeds)
            if not found or pulse.longest < STALL * SLOW:
                break
            print(f"the machine stood still for {pulse.longest:.2f} s, with {len(found)} problems such as: {found[0]}", flush=True)
        problems += found
        if count > protocol.at_once:
            print(f"seeds {seeds[0]} to {seeds[-1]}: {len(problems)} problems so far", flush=True)
    return problems
