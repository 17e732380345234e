"""Hostile lengths, counts, extension objects and nesting in every service: answered or cut off, never paid for."""

import struct
import time

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary

from harness.process import SLOW
from harness.samples import SERVICES, sample_read, write_body
from harness.session import Session
from harness.wire import Channel, Closed, Refused, string

LENGTHS = (0x7FFFFFFF, 0x10000000, 0xFFFFFFFE, 0x0000FFFF)
GROWTH_KB = 24_000


class Attacker:
    """Sends request bodies and opens a new session whenever the server cut the last one off."""

    def __init__(self, port):
        self.port = port
        self.session = None

    def connect(self):
        if self.session is None:
            self.session = Session(self.port)
        return self.session

    def send(self, body) -> str:
        """What came back: the service result's name, or `closed`; Publish may be left unanswered."""
        session = self.connect()
        session.socket.settimeout(10 * SLOW)
        try:
            return session.call_bytes(body)
        except (Refused, Closed, ConnectionError):
            self.drop()
            return "closed"

    def post(self, body):
        """Sends without waiting for an answer."""
        session = self.connect()
        try:
            session.send(session.message(body))
        except ConnectionError:
            self.drop()

    def drop(self):
        if self.session is not None:
            self.session.close()
        self.session = None


@pytest.fixture
def attacker(plant):
    made = Attacker(plant.port)
    yield made
    made.drop()


def encoded(session, make) -> bytes:
    request = make()
    request.RequestHeader = session.header()
    return struct_to_binary(request)


@pytest.mark.parametrize("service", SERVICES)
def test_hostile_numbers_at_every_offset(plant, attacker, service):
    """Puts lengths that lie at every place of a valid request; the server answers or closes, and pays nothing."""
    with Session(plant.port) as warm:
        for _ in range(50):
            warm.read("i=2258")
        warm.close_session()
    before = plant.process.rss_kb()
    session = attacker.connect()
    size = len(encoded(session, SERVICES[service]))
    header = len(struct_to_binary(ua.RequestHeader()))
    begun = time.monotonic()
    for at in range(4, size - 3):
        for length in LENGTHS if at > header else LENGTHS[:1]:
            body = bytearray(encoded(attacker.connect(), SERVICES[service]))
            body[at : at + 4] = struct.pack("<I", length)
            if service in ("Publish", "CreateSubscription"):
                attacker.post(bytes(body))
                if at % 8 == 0:
                    attacker.drop()
            else:
                assert attacker.send(bytes(body))
    assert time.monotonic() - begun < 60 * SLOW
    with Session(plant.port) as legal:
        assert legal.read("i=2258").StatusCode.is_good()
        legal.close_session()
    assert plant.process.rss_kb() - before < GROWTH_KB


def additional_header(body: bytes, header: bytes, extension: bytes) -> bytes:
    """The request with another extension object at the end of its header; the usual one is three zero bytes."""
    at = 4 + len(header)
    assert body[at - 3 : at] == b"\0\0\0"
    return body[: at - 3] + extension + body[at:]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("length", [0x7FFFFFFF, 0x10000000, 100_000])
def test_a_hostile_extension_object_in_the_header_of_every_service(plant, attacker, service, length):
    session = attacker.connect()
    request = SERVICES[service]()
    request.RequestHeader = session.header()
    extension = struct.pack("<BBHBI", 1, 0, 321, 1, length)
    body = additional_header(struct_to_binary(request), struct_to_binary(request.RequestHeader), extension)
    before = plant.process.rss_kb()
    assert attacker.send(body) in ("BadDecodingError", "BadEncodingLimitsExceeded", "closed")
    assert plant.process.rss_kb() - before < 4_000


def token_extension(type_id: int, body: bytes, length=None) -> bytes:
    return struct.pack("<BBHBI", 1, 0, type_id, 1, len(body) if length is None else length) + body


def activation(session, extension: bytes) -> bytes:
    request = ua.ActivateSessionRequest()
    request.RequestHeader = session.header()
    body = struct_to_binary(request)
    return body[:-11] + extension + string(None) * 2


@pytest.mark.parametrize("extra", [-2, 3])
def test_a22_an_extension_object_must_be_as_long_as_it_says(plant, extra):
    with Session(plant.port, activate=False) as session:
        token = string(session.policy_id(ua.UserTokenType.Anonymous))
        padded = token + b"\0" * max(extra, 0)
        length = len(token) + extra
        assert session.call_bytes(activation(session, token_extension(321, padded, length))) in (
            "BadDecodingError",
            "BadIdentityTokenInvalid",
        )


def test_an_identity_token_of_nine_bytes_allocates_nothing(plant):
    before = plant.process.rss_kb()
    with Session(plant.port, activate=False) as session:
        extension = struct.pack("<BBHBI", 1, 0, 324, 1, 0x7FFFFFFF)
        try:
            assert session.call_bytes(activation(session, extension)) != "Good"
        except (Closed, Refused):
            pass
    assert plant.process.rss_kb() - before < 4_000


NESTINGS = {
    "variants": b"\x98\x01\x00\x00\x00" * 10_000 + b"\x06\x00\x00\x00\x00",
    "data values": b"\x17\x01" * 10_000 + b"\x06\x00\x00\x00\x00",
    "diagnostics": b"\x19" + b"\x40" * 10_000 + b"\x00",
    "matrix dimensions": b"\xc6\x01\x00\x00\x00\x07\x00\x00\x00\x03\x00\x00\x00" + b"\xff\xff\xff\x7f" * 3,
    "zero dimensions": b"\xc6\x00\x00\x00\x00\x02\x00\x00\x00" + b"\x00\x00\x00\x00\xff\xff\xff\x7f",
    "negative count": b"\x86\xf0\xff\xff\xff",
    "huge count": b"\x8c\xff\xff\xff\x7f",
}


@pytest.mark.parametrize("what", NESTINGS)
def test_a10_a21_nesting_and_dimensions_are_bounded(plant, attacker, what):
    before = plant.process.rss_kb()
    result = attacker.send(write_body(attacker.connect(), NESTINGS[what]))
    assert result in ("BadDecodingError", "BadEncodingLimitsExceeded", "closed", "Good"), result
    if result == "Good":
        assert what in ("negative count", "zero dimensions")
    assert plant.process.rss_kb() - before < 4_000
    with Session(plant.port) as legal:
        assert legal.read("i=2258").StatusCode.is_good()
        legal.close_session()


def test_a20_a_string_longer_than_its_message_is_refused_before_it_is_read(plant):
    before = plant.process.rss_kb()
    with Channel(plant.port) as channel:
        body = struct.pack("<BBH", 1, 0, 428) + struct_to_binary(channel.header()) + struct.pack("<I", 0x7FFFFFFF) + b"opc"
        try:
            assert channel.call_bytes(body) == "BadDecodingError"
        except (Closed, Refused):
            pass
    assert plant.process.rss_kb() - before < 4_000


def test_trailing_bytes_after_a_request_do_no_harm(plant):
    with Session(plant.port) as session:
        body = encoded(session, sample_read) + b"\0" * 100
        assert session.call_bytes(body) in ("Good", "BadDecodingError")
        assert session.read("i=2258").StatusCode.is_good()
        session.close_session()
