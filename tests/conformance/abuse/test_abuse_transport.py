"""Abuse of connections and channels: chunks without end, halves, floods, silence."""

import struct
import time

import pytest
from asyncua import ua

from harness.abuse import CUT_OFF, outcome, rounds
from harness.process import SLOW, wait_until
from harness.session import Session
from harness.wire import Channel, Wire, frame, hello, string

PIECE = b"\0" * 50_000


def intermediate(channel, content=PIECE, request=7, step=1) -> bytes:
    """A chunk of a message that goes on."""
    channel.sequence += step
    head = struct.pack("<IIII", channel.channel, channel.token, channel.sequence, request)
    return frame(b"MSGC", head + content)


def get_endpoints(channel) -> bytes:
    request = ua.GetEndpointsRequest()
    request.Parameters.EndpointUrl = channel.url
    return channel.encode(request)


@pytest.mark.parametrize("size", [60_000, 0])
def test_a01_chunks_without_end_on_one_channel(target, size):
    for _ in range(rounds(20, 2)):
        with Channel(target.port) as channel:
            content = b"\0" * size
            with pytest.raises(CUT_OFF):
                for _ in range(100_000):
                    channel.send(intermediate(channel, content))
                channel.chunk()


def test_a01_chunks_without_end_on_many_channels_share_one_budget(arena, target):
    """Each message is within its own limit; all of them together are not."""
    channels = [Channel(target.port) for _ in range(24)]
    try:
        cut_off = set()
        for _ in range(7_000_000 // len(PIECE)):
            for number, channel in enumerate(channels):
                if number not in cut_off and outcome(lambda: channel.send(intermediate(channel))) != "Good":
                    cut_off.add(number)
        # What was sent may still lie in the sockets' buffers.
        wait_until(
            lambda: cut_off or any(outcome(lambda: channel.send(intermediate(channel))) != "Good" for channel in channels),
            10 * SLOW,
            "somebody is cut off",
        )
        # A chunk that is too many counts until its connection has ended.
        assert arena.quotas()["unfinished_bytes"] <= (64 << 20) + len(channels) * 65_536
    finally:
        for channel in channels:
            channel.close()


def test_a02_dropped_partial_messages_leave_nothing(target):
    for _ in range(rounds(10_000, 2_000)):
        with Channel(target.port) as channel:
            channel.send(b"".join(intermediate(channel) for _ in range(5)))


@pytest.mark.parametrize("step", [5, 0], ids=["gap", "repeat"])
def test_a02_a_message_that_ends_in_a_violation_gives_its_bytes_back(target, step):
    for _ in range(rounds(1_000, 300)):
        with Channel(target.port) as channel:
            channel.send(b"".join(intermediate(channel) for _ in range(3)))
            channel.send(intermediate(channel, step=step))
            channel.ended()


def test_a02_a_channel_closed_within_a_message_gives_its_bytes_back(target):
    """They counted for ever, and after 430 such connections nobody could send a request of two chunks any more."""
    for _ in range(rounds(1_000, 300)):
        with Channel(target.port) as channel:
            channel.send(b"".join(intermediate(channel) for _ in range(3)))
            channel.send(b"CLOF" + intermediate(channel, b"")[4:])
            channel.ended()


def test_a03_a_flood_of_channels_without_a_session(target):
    """More than there may be, and none is used: a client with a session is served all the same."""
    held = []
    try:
        for _ in range(rounds(10_000, 700)):
            held.append(Channel(target.port))
            if len(held) > 650:
                held.pop(0).close()
        with Session(target.port) as legal:
            assert legal.read("i=2258").StatusCode.is_good()
            legal.close_session()
    finally:
        for channel in held:
            channel.close()


def test_a03_opening_the_same_channel_again_and_again(target):
    with Channel(target.port) as channel:
        for _ in range(rounds(100_000, 3_000)):
            channel.open(renew=True)
        channel.send(channel.message(get_endpoints(channel)))
        assert channel.answer(channel.request)


@pytest.mark.parametrize("announced", ["whole", 65_535])
def test_a12_half_a_message_on_many_connections_blocks_nobody(target, announced):
    halves = []
    try:
        for _ in range(500):
            channel = Channel(target.port)
            whole = channel.message(get_endpoints(channel))
            if announced != "whole":
                whole = whole[:4] + struct.pack("<I", announced) + whole[8:]
            channel.send(whole[: len(whole) // 2])
            halves.append(channel)
        begun = time.monotonic()
        with Session(target.port) as legal:
            assert legal.read("i=2258").StatusCode.is_good()
            legal.close_session()
        assert time.monotonic() - begun < 0.5 * SLOW
    finally:
        for channel in halves:
            channel.close()


@pytest.mark.parametrize("kind", [b"HELF", b"OPNF", b"MSGF", b"CLOF"])
def test_a19_a_size_below_the_header_ends_the_connection(target, kind):
    for size in range(8):
        before = target.process.cpu_seconds()
        with Channel(target.port) as channel:
            channel.send(frame(kind, b"", size=size))
            assert channel.ended() in ("BadTcpMessageTooLarge", "BadTcpMessageTypeInvalid", "BadDecodingError", "")
        assert target.process.cpu_seconds() - before < 0.2 * SLOW


def test_a35_hanging_at_every_stage_of_the_greeting(arena, target):
    """Connections that stop in the middle of the greeting are closed, and nobody waits for them."""
    held = []
    try:
        for number in range(rounds(500, 120)):
            wire = Wire(target.port)
            stage = number % 4
            if stage == 1:
                wire.send(hello(wire.url)[:20])
            if stage >= 2:
                wire.hello()
            if stage == 3:
                wire.send(frame(b"OPNF", b"\0" * 1000)[:500])
            held.append(wire)
        wait_until(lambda: arena.quotas()["connections"] <= 1, 10 * (1 if SLOW == 1 else 3), "all are closed", 0.2)
    finally:
        for wire in held:
            wire.close()


@pytest.mark.parametrize("claimed", [0xFFFFFFFF, 0x7FFFFFFF, 16 << 20])
def test_a35_an_excess_of_size_costs_nothing(target, claimed):
    for _ in range(50):
        with Channel(target.port) as channel:
            channel.send(frame(b"MSGF", b"\0" * 4000, size=claimed))
            assert channel.ended() in ("BadTcpMessageTooLarge", "")


def test_a43_an_address_of_any_length_is_refused(target):
    for size in (4_097, 60_000):
        with Wire(target.port) as wire:
            wire.send(hello("opc.tcp://" + "x" * size))
            assert wire.ended() in ("BadTcpEndpointUrlInvalid", "BadTcpMessageTooLarge")


@pytest.mark.parametrize("service", ["RegisterServer", "RegisterServer2"])
def test_a43_nobody_registers_a_path(target, service):
    """Other servers are not registered here, whatever they are called."""
    body = struct.pack("<BBH", 1, 0, {"RegisterServer": 437, "RegisterServer2": 12211}[service])
    with Channel(target.port) as channel:
        from asyncua.ua.ua_binary import struct_to_binary

        body += struct_to_binary(channel.header()) + string("urn:x") + string("x" * 10_000) + b"\0" * 64
        assert channel.call_bytes(body) in ("BadServiceUnsupported", "BadDecodingError", "BadUserAccessDenied")


def test_a50_a_channel_keeps_its_keys_until_it_is_renewed(arena, target):
    """The own certificate changes with a restart only; until then every renewal is answered with the same one."""
    from harness.secured import SecureSession

    before = target.certificate()
    with SecureSession(target) as session:
        for _ in range(20):
            session.open(renew=True)
            assert session.read("i=2258").StatusCode.is_good()
        session.close_session()
    assert target.certificate() == before
