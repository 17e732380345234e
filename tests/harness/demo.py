"""A running demo, with the ports that it took."""

import signal
import tomllib
from pathlib import Path

from .process import SLOW, Process, accepts, free_port, wait_until
from .product import binary


class Demo:
    """`tagwire demo` in a folder of its own; ports that are taken elsewhere do not matter."""

    def __init__(self, folder: Path, *options: str):
        self.folder = folder / "demo"
        self.options = options
        self.port = free_port()

    def __enter__(self):
        words = [binary(), "demo", *self.options, "--dir", self.folder, "--ua-port", self.port]
        self.process = Process(words, cwd=self.folder.parent)
        wait_until(self.listens, 30 * SLOW, "the demo listens")
        return self

    def listens(self) -> bool:
        assert self.process.alive(), self.process.output
        return bool(self.ports) and all(map(accepts, self.ports.values()))

    @property
    def ports(self) -> dict[str, int]:
        """The port of each server, by the name of its configuration, and of the gateway."""
        found = {}
        for file in self.folder.glob("*.toml"):
            config = tomllib.loads(file.read_text())
            found[file.stem] = int(config["ua"]["listen"].rpartition(":")[2])
            if "openopc" in config:
                found["gateway"] = int(config["openopc"]["listen"].rpartition(":")[2])
        return found

    def url(self, name: str) -> str:
        return f"opc.tcp://127.0.0.1:{self.ports[name]}"

    def __exit__(self, kind, *_):
        self.process.signal(signal.SIGINT)
        code = self.process.wait(20)
        if kind is None:
            assert code == 0, self.process.output[-4000:]
            assert "panicked at" not in self.process.output, self.process.output[-4000:]
