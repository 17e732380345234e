"""What comes from a gateway: payloads, messages, words; read as they are meant, or refused."""

import math
import random
import re
import socket
import struct
import threading
import zlib
from datetime import datetime, timezone

import pytest

import tagwire
from harness.process import SLOW
from tagwire.gate import literal, told


def head(length=0, kind=2, flags=0, number=1, version=48, annotations=0):
    checksum = (kind + version + length + 1 + flags + number + annotations + 0x34E9) & 0xFFFF
    return struct.pack("!4sHHHHiHHHH", b"PYRO", version, kind, flags, number, length, 1, annotations, 0, checksum)


HELLO = b"{'handshake':'hello'}"


def zipped(data):
    return zlib.compress(data)


@pytest.mark.parametrize(
    "answers",
    [
        [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
        [b"PYRO\x00\x2f" + bytes(18)],
        [b"PYRO\x00\x30" + b"\xff" * 18],
        [head(2**31 - 1)],
        [head(len(HELLO)) + HELLO, head(5, 5, 0, 2) + b"[[[[["],
        [head(len(HELLO)) + HELLO, head(40, 5, 0, 2) + b"__import__('os').system('true')         "],
        [head(len(HELLO)) + HELLO, head(4, 5, 0, 7) + b"None"],
        [head(len(HELLO)) + HELLO, head(4, 5, 0, 2) + b"None"],
        [head(len(HELLO)) + HELLO, head(4, 5, 2, 2) + b"None"],
        [head(len(HELLO)) + HELLO, head(len(zipped(bytes(10**8))), 5, 2, 2) + zipped(bytes(10**8))],
    ],
    ids=["http", "version", "checksum", "length", "cut", "code", "number", "nothing", "zlib", "bomb"],
)
def test_what_is_no_gateway_is_left_with_an_error_of_its_own(answers):
    def serve():
        while True:
            try:
                stranger, _ = listener.accept()
            except OSError:
                return
            with stranger:
                for answer in answers:
                    stranger.settimeout(5)
                    try:
                        stranger.recv(4096)
                        stranger.sendall(answer)
                    except OSError:
                        break

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises((tagwire.PeerError, tagwire.ConnectError)) as caught:
            tagwire.connect(f"opc+gate://127.0.0.1:{listener.getsockname()[1]}", timeout=5 * SLOW)
        assert isinstance(caught.value, tagwire.PeerError) or "lost" in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -5, 2**70, 0.1, -1e300, math.inf, -math.inf, "", "a'b\"c\\d\n\t\x00äöü🙂", (), (1,), (1, 2),
        [], [[], ()], {}, {"a": [1], 2: (None,)}, 1 + 2j, ["x"] * 1000, b"",
    ],
)
def test_payloads_are_read_as_they_were_written(value):
    expected = {"data": "", "encoding": "base64"} if value == b"" else value
    found = literal.loads(literal.dumps(value))
    assert found == expected and type(found) is type(expected) and literal.plain(found) == value


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"# only a comment", b"\xff", b"1 2", b"[1", b"1]", b"[1)", b"(,)", b"[1,,2]", b"{1:}", b"{1:2,3}", b"{[]:1}",
        b"{1:2:3}", b"'open", b"'\\x1'", b"name", b"f()", b"a.b", b"1+1", b"--1", b"[" * 100 + b"]" * 100, b"9" * 5000,
        b"lambda: 0", b"[x for x in ()]", b"'a' 'b'", b"f'{1}'", b"1;2",
    ],
)
def test_what_is_no_payload_is_refused(payload):
    with pytest.raises(tagwire.PeerError):
        literal.loads(payload)


def test_bytes_that_were_changed_on_the_way_are_read_or_refused():
    chance = random.Random(7)
    good = literal.dumps([("a", 1.5, "Good", None), {"b": (True, b"\x00", "it's")}])
    for _ in range(5000):
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            literal.plain(literal.loads(bytes(data)))
        except tagwire.PeerError:
            pass


@pytest.mark.parametrize(
    "stamp, expected",
    [
        ("2022-11-22 13:58:58+00:00", "2022-11-22T13:58:58+00:00"),
        ("2023-05-06 06:33:16.142000+00:00", "2023-05-06T06:33:16.142000+00:00"),
        ("06/24/07 23:38:24", "2007-06-24T23:38:24+00:00"),
        ("2023-05-06 08:33:16+02:00", "2023-05-06T06:33:16+00:00"),
        (None, None), ("", None), ("soon", None), (5, None),
    ],
)
def test_times_are_utc_in_every_form_that_gateways_have(stamp, expected):
    found = told.moment(stamp)
    assert (found and found.isoformat()) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("BadNotWritable", "BadNotWritable"), ("properties: a: BadNodeIdUnknown", "BadNodeIdUnknown"),
        ("-1073479673", "BadNodeIdUnknown"), ("0xC0040006", "BadNotReadable"), ("0x80070005", "BadUserAccessDenied"), ("3221487623", "BadNodeIdUnknown"),
        ("", "Bad"), ("the device is tired", "Bad"), (None, "Bad"), ("Bad luck", "Bad"), ("-9999999999", "Bad"),
    ],
)
def test_failures_become_statuses(text, expected):
    assert str(tagwire.Status(told.failure(text))) == expected


def test_samples_can_be_made_and_compared():
    when = datetime(2024, 1, 1, tzinfo=timezone.utc)
    sample = tagwire.Sample("a", 1, 0, when)
    assert sample == tagwire.Sample("a", 1, 0, when) != tagwire.Sample("a", 1) and sample.source_time == when
    assert re.match(r'Sample\(tag="a", value=1, status=Good', repr(sample)) and sample.server_time is None
    with pytest.raises(ValueError, match="time zone"):
        tagwire.Sample("a", 1, 0, datetime(2024, 1, 1))
