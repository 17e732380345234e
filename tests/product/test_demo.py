"""The demo: one command, offline, quick, small, and clean when it ends."""

import signal
import time

from harness.process import SLOW, Process, accepts, free_port, wait_until
from harness.product import binary, command
from harness.session import Session
from harness.wire import status

READY_WITHIN = 1.0
MEMORY_KB = 80_000


def polled_variables(session):
    """The variables below Objects that are no part of the server's own."""
    found, frontier = [], [("i=85", 0)]
    while frontier and len(found) < 20:
        id_, depth = frontier.pop()
        for reference in session.browse(id_, reference="i=33").References:
            target = reference.NodeId
            if target.NamespaceIndex != 2 or depth > 5 or reference.BrowseName.Name.startswith("_"):
                continue
            if int(reference.NodeClass) == 2:
                found.append(target)
            else:
                frontier.append((target, depth + 1))
    return found


def test_the_demo_serves_good_values_within_a_second_and_ends_cleanly(tmp_path):
    port = free_port()
    begun = time.monotonic()
    with Process([binary(), "demo", "--dir", tmp_path / "demo", "--ua-port", port], cwd=tmp_path) as demo:
        wait_until(lambda: demo.alive() and accepts(port), 10 * SLOW, "the demo listens", step=0.005)
        with Session(port) as session:

            def first_good():
                variables = polled_variables(session)
                return variables and any(value.StatusCode.is_good() for value in session.read_values(variables))

            wait_until(first_good, 10 * SLOW, "a polled tag is Good", step=0.005)
            took = time.monotonic() - begun
            assert took < READY_WITHIN * SLOW, f"{took:.2f} s from process start to the first Good value"

            def all_good():
                values = session.read_values(polled_variables(session))
                return {status(value.StatusCode) for value in values} == {"Good"}

            wait_until(all_good, 5 * SLOW, "every tag of the demo is Good")
            session.close_session()
        time.sleep(1)
        assert demo.rss_kb() < MEMORY_KB
        assert f"opc.tcp://" in demo.output and str(port) in demo.output
        demo.signal(signal.SIGINT)
        begun = time.monotonic()
        assert demo.wait(10) == 0, demo.output[-2000:]
        assert time.monotonic() - begun < 3 * SLOW
        assert "panicked" not in demo.output


def test_the_command_reads_writes_and_browses_the_demo(tmp_path):
    port = free_port()
    with Process([binary(), "demo", "--dir", tmp_path / "demo", "--ua-port", port], cwd=tmp_path) as demo:
        wait_until(lambda: demo.alive() and accepts(port), 10 * SLOW, "the demo listens")
        url = f"opc.tcp://127.0.0.1:{port}"
        listed = command("browse", url, "--json")
        assert listed.returncode == 0, listed.stderr
        with Session(port) as session:
            variable = polled_variables(session)[0]
            good = lambda: session.read_values([variable])[0].StatusCode.is_good()  # noqa: E731
            wait_until(good, 10 * SLOW, "the device was read")
            variable = variable.to_string()
            session.close_session()
        read = command("read", url, variable, "--json")
        assert read.returncode == 0, read.stderr
        missing = command("read", url, "ns=2;s=no.such.tag")
        assert missing.returncode != 0 and "BadNodeIdUnknown" in missing.stdout + missing.stderr
    gone = command("read", f"opc.tcp://127.0.0.1:{free_port()}", "i=2258")
    assert gone.returncode != 0 and gone.stderr


def test_a_port_for_a_demo_that_is_there_already_is_told_to_be_in_vain(tmp_path):
    port, other = free_port(), free_port()
    for asked in (port, other):
        words = [binary(), "demo", "--dir", tmp_path / "demo", "--ua-port", asked]
        with Process(words, cwd=tmp_path) as demo:
            wait_until(lambda: demo.alive() and accepts(port), 10 * SLOW, "the demo listens where it did")
            demo.signal(signal.SIGINT)
            assert demo.wait(10) == 0, demo.output[-2000:]
            assert ("--ua-port is for a new one" in demo.output) == (asked == other), demo.output
