"""The real tagwire binary with a configuration of the test's own."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from .process import Process, accepts, free_port, wait_until

DEFAULT_BINARY = Path(__file__).parents[2] / "target" / "ci" / "tagwire"


def binary() -> Path:
    """The binary under test; `cargo xtask test` names it in the environment."""
    path = Path(os.environ.get("TAGWIRE_BIN", DEFAULT_BINARY))
    assert path.exists(), f"{path} is not built; run the tests through `cargo xtask test`"
    return path


def command(*args, cwd=None, timeout=60, **environment) -> subprocess.CompletedProcess:
    """Runs the command to its end; further arguments are environment variables."""
    words = [str(binary()), *map(str, args)]
    env = {**os.environ, **environment}
    return subprocess.run(words, cwd=cwd, timeout=timeout, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)


class Tagwire:
    """A running server. `config` is the text after the `[server]` and `[ua]` tables, which are made here."""

    def __init__(self, folder: Path, config: str, security=("none",), anonymous="write", ua="", server="", files=None):
        self.folder = folder
        self.port = free_port()
        self.url = f"opc.tcp://127.0.0.1:{self.port}"
        self.security = security
        self.anonymous = anonymous
        self.ua = ua
        self.server = server
        self.process: Process | None = None
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in (files or {}).items():
            (folder / name).write_text(text)
        self.configure(config)

    @property
    def file(self) -> Path:
        return self.folder / "tagwire.toml"

    def configure(self, config: str):
        """Writes the configuration file; a running server does not notice before it is told to reload."""
        words = ", ".join(f'"{word}"' for word in self.security)
        head = (
            f'version = 1\n[server]\nname = "test"\ndata_dir = "data"\n{self.server}\n'
            f'[ua]\nlisten = "127.0.0.1:{self.port}"\nsecurity = [{words}]\nanonymous = "{self.anonymous}"\n{self.ua}\n'
        )
        self.file.write_text(head + config)

    def add_user(self, name: str, role: str, password: str):
        """Makes a user; the configuration names `users.toml`."""
        words = ("user", "add", name, "--role", role, "--config", self.file)
        added = command(*words, cwd=self.folder, TAGWIRE_PASSWORD=password)
        assert added.returncode == 0, added.stdout + added.stderr

    def start(self) -> "Tagwire":
        self.launch()
        wait_until(self.answers, 30, "the server listens")
        return self

    def launch(self):
        """Starts the process without waiting for anything."""
        self.process = Process([binary(), "serve", "--config", self.file], cwd=self.folder)

    def answers(self) -> bool:
        assert self.process.alive(), f"the server ended:\n{self.process.output}"
        return accepts(self.port)

    def reload(self):
        """Applies the changed configuration as an operator does, and waits until it is applied."""
        done = command("reload", "--config", self.file, cwd=self.folder)
        assert done.returncode == 0, done.stdout + done.stderr

    def hang_up(self):
        """Asks for a reload by signal."""
        self.process.signal(signal.SIGHUP)

    def stop(self) -> int:
        return self.process.stop()

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if self.process is None:
            return
        alive = self.process.alive()
        code = self.stop()
        if kind is None:
            assert alive, f"the server ended on its own:\n{self.process.output[-4000:]}"
            assert code == 0, f"the server ended with {code}:\n{self.process.output[-4000:]}"
            assert "panicked at" not in self.process.output, self.process.output[-4000:]


def sim_device(tags: str, link="mem", device="all", scan="100ms") -> str:
    """A device of the sim driver; `tags` has one `name address type access` per line."""
    text = f'[[link]]\nname = "{link}"\ndriver = "sim"\n[[link.device]]\nname = "{device}"\nscan = "{scan}"\n'
    for line in filter(None, map(str.strip, tags.splitlines())):
        name, address, kind, access = line.split()[:4]
        extra = "".join(f"{pair.replace('=', ' = ', 1)}\n" for pair in line.split()[4:])
        text += f'[[link.device.tag]]\nname = "{name}"\naddress = "{address}"\ntype = "{kind}"\naccess = "{access}"\n{extra}'
    return text
