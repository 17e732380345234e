"""`tagwire watch --plot`: the course of tags in dots, in a terminal and without one."""

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from harness.process import SLOW, wait_until
from harness.product import Tagwire, binary, command, sim_device

TAGS = 'wave sine(period=2s,low=10,high=90) f64 ro unit="bar"\nlabel static string rw\nflat static f64 rw'
CONFIG = (
    sim_device(TAGS, link="line", device="plc", scan="50ms")
    + '[history]\ncommit = "20ms"\n[[history.rule]]\npath = "line.plc.**"\n'
)
DOTS = re.compile("[\u2801-\u28ff]")
COLUMNS, LINES = 90, 24


def dots(text):
    return len(DOTS.findall(text))


def test_without_a_terminal_the_plots_come_at_the_end_with_the_history_behind(tmp_path):
    with Tagwire(tmp_path, CONFIG) as server:
        time.sleep(3)
        words = ("watch", server.url, "line.plc.wave", "line.plc.flat", "--plot", "--span", "4s", "-i", "50ms", "-n", "4")
        done = command(*words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        at = lines.index("line.plc.wave (bar)")
        assert all(" = " in line for line in lines[:at]), "the changes come before"
        wave = lines[at + 1 : at + 1 + lines[at + 1 :].index("line.plc.flat")]
        assert wave[0].split("┤")[0].strip().startswith(("89", "90")), wave[0]
        # Four changes are a moment; what fills the columns before them comes from the history.
        assert sum(map(dots, wave)) > 60, "\n".join(wave)
        assert re.search(r"\d\d:\d\d:\d\d to \d\d:\d\d:\d\d UTC$", lines[-1])
        assert all(len(line) <= 101 for line in lines[at:])


def test_plots_are_for_people(tmp_path):
    with Tagwire(tmp_path, CONFIG) as server:
        done = command("watch", server.url, "line.plc.wave", "--plot", "--json", cwd=tmp_path)
        assert done.returncode == 2 and "--json" in done.stderr


class Terminal:
    """A command in a terminal of a fixed size; `screen` is what it has written last."""

    def __init__(self, words, folder):
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color"}
        environment.pop("NO_COLOR", None)
        self.process = subprocess.Popen(words, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
        os.close(theirs)
        self.text = ""
        # What is read may end within a character.
        self.decoder = codecs.getincrementaldecoder("utf-8")()

    def read(self):
        while select.select([self.ours], [], [], 0.05)[0]:
            try:
                self.text += self.decoder.decode(os.read(self.ours, 65536))
            except OSError:
                break
        return self.text

    def screen(self):
        """The last whole drawing, without what colours it."""
        drawings = re.split(r"\x1b\[\d+A", self.read())
        return re.sub(r"\x1b\[[0-9;]*[mKJH]", "", drawings[-2] if len(drawings) > 1 else drawings[-1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10 * SLOW)
        os.close(self.ours)


def test_in_a_terminal_table_and_plots_share_the_screen_and_a_loss_is_marked(tmp_path):
    with Tagwire(tmp_path, CONFIG) as server:
        words = [binary(), "watch", server.url, "line.plc", "--plot", "--span", "10s", "-i", "50ms"]
        with Terminal(words, tmp_path) as terminal:
            wait_until(lambda: dots(terminal.screen()) > 40, 10 * SLOW, "a plot is drawn")
            lines = terminal.screen().replace("\r", "").splitlines()
            assert len(lines) < LINES and all(len(line) < COLUMNS for line in lines), "\n".join(lines)
            text = "\n".join(lines)
            for word in ("line.plc.wave (bar)", "line.plc.flat", "quality", "UTC", "Ctrl-C ends"):
                assert word in text, text
            assert text.count("line.plc.label") == 1, "text has no plot"
            before = terminal.screen()
            wait_until(lambda: terminal.screen() != before, 5 * SLOW, "it goes on")
            server.stop()
            wait_until(lambda: "×" in terminal.screen(), 15 * SLOW, "the bad stretch is marked")
            server.start()
            wait_until(lambda: "connected again" in terminal.text or " Good" in terminal.screen(), 30 * SLOW, "it is back")
        assert terminal.process.returncode == 0
