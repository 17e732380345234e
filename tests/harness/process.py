"""Programs under test and their peers: started on loopback, ended by their own process id."""

import itertools
import os
import random
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

SLOW = 10 if os.environ.get("CI") else 1
"""How much longer than promised a step may take on a shared machine."""


FIRST_PORT, PORTS_PER_WORKER = 10_000, 4_000
"""Below the range from which the system takes the local ports of outgoing connections, so that a port that a test
closes and opens again is still there; each worker of a parallel run has its own part."""

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw4")[2:]) % 5
_ports = itertools.cycle(range(PORTS_PER_WORKER))
for _ in range(random.randrange(PORTS_PER_WORKER)):
    next(_ports)


def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    for _ in range(PORTS_PER_WORKER):
        port = FIRST_PORT + _worker * PORTS_PER_WORKER + next(_ports)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


def wait_until(condition, seconds: float, what: str, step: float = 0.02):
    """Returns the condition's first true result, or fails naming what was awaited."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(step)


def accepts(port: int) -> bool:
    """Whether somebody listens on the port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class Process:
    """A child process whose output is kept, and which ends with the test."""

    def __init__(self, command, cwd=None, env=None):
        self.command = [str(word) for word in command]
        self.lines: list[str] = []
        self.started = time.monotonic()
        self._child = subprocess.Popen(
            self.command,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._child.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def alive(self) -> bool:
        return self._child.poll() is None

    def signal(self, number: int):
        self._child.send_signal(number)

    def wait(self, seconds: float) -> int:
        """Waits for the end and returns the exit code."""
        code = self._child.wait(seconds)
        self._reader.join(5)
        return code

    def stop(self, seconds: float = 10) -> int:
        """Asks the process to end, insists after a while, and returns the exit code."""
        if self.alive():
            self.signal(signal.SIGTERM)
            try:
                return self.wait(seconds)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGKILL)
        return self.wait(10)

    def kill(self):
        """Ends the process as a power cut would."""
        if self.alive():
            self.signal(signal.SIGKILL)
        self.wait(10)

    def rss_kb(self) -> int:
        """Resident memory now."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError(f"process {self.pid} has no memory: {self.output[-2000:]}")

    def cpu_seconds(self) -> float:
        """Processor time used so far by all threads."""
        total = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            try:
                total += int((task / "schedstat").read_text().split()[0])
            except FileNotFoundError:
                continue
        return total / 1e9

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
