"""Transport and secure channel, rows T01 to T23 of the conformance list."""

import random
import socket
import struct
import time

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary

from harness import certificates
from harness.ecc import ENCRYPT, POLICIES, SIGN, EccSession
from harness.plant import CONFIG, PASSWORD, USER
from harness.process import SLOW, free_port, wait_until
from harness.product import Tagwire, sim_device
from harness.secured import SecureSession
from harness.session import Session, tag
from harness.wire import Channel, Closed, Fault, Refused, Wire, frame, hello, string


@pytest.fixture
def wire(plant):
    with Wire(plant.port) as wire:
        yield wire


def get_endpoints(channel) -> bytes:
    request = ua.GetEndpointsRequest()
    request.Parameters.EndpointUrl = channel.url
    return channel.encode(request)


def still_served(plant):
    """A legal client gets an answer."""
    with Session(plant.port) as session:
        assert session.read("i=2258").StatusCode.is_good()
        session.close_session()


def test_t01_a_valid_hello_is_acknowledged_with_limits(wire):
    version, receive, send, message, chunks = wire.hello(receive=65535, send=65535)
    assert version == 0
    assert 8192 <= receive <= 65535 and 8192 <= send <= 65535
    assert message > 0 and chunks > 0


def test_t02_an_unknown_message_type_is_refused(wire):
    wire.send(frame(b"XXXF", b"\0" * 20))
    assert wire.ended() == "BadTcpMessageTypeInvalid"


def test_t02_an_unknown_message_type_on_an_open_channel_is_refused(plant):
    with Channel(plant.port) as channel:
        channel.send(frame(b"XXXF", b"\0" * 20))
        assert channel.ended() == "BadTcpMessageTypeInvalid"


def test_t03_a_channel_cannot_be_opened_before_hello(wire):
    wire.send(frame(b"OPNF", struct.pack("<I", 0) + string("http://opcfoundation.org/UA/SecurityPolicy#None")))
    wire.ended()


@pytest.mark.parametrize("size", range(8))
def test_t04_a_size_below_the_header_is_refused_at_once(plant, size):
    with Wire(plant.port) as wire:
        before = plant.process.cpu_seconds()
        wire.send(frame(b"HELF", b"", size=size))
        wire.ended(2 * SLOW)
        assert plant.process.cpu_seconds() - before < 1


def test_t05_a_claim_of_4_gib_is_refused_without_memory(plant):
    before = plant.process.rss_kb()
    for kind in (b"HELF", b"OPNF", b"MSGF"):
        with Wire(plant.port) as wire:
            wire.send(frame(kind, b"\0" * 4000, size=0xFFFFFFFF))
            assert wire.ended(5 * SLOW) in ("BadTcpMessageTooLarge", "BadTcpMessageTypeInvalid", "")
    assert plant.process.rss_kb() - before < 8_000


def test_t06_an_endpoint_url_beyond_4096_bytes_is_refused(wire):
    wire.send(hello("opc.tcp://" + "x" * 5000))
    assert wire.ended() in ("BadTcpEndpointUrlInvalid", "BadTcpMessageTooLarge")


def test_t07_a_receive_buffer_below_8192_is_refused(wire):
    wire.send(hello(wire.url, receive=100, send=100))
    wire.ended()


def test_t08_a_newer_client_is_answered_with_version_0(wire):
    assert wire.hello(version=99)[0] == 0


def test_t09_a_second_hello_is_refused(wire):
    wire.hello()
    wire.send(hello(wire.url))
    wire.ended()


def test_t10_a_silent_connection_is_closed_within_10_seconds(plant):
    with Wire(plant.port) as silent, Wire(plant.port) as half, Wire(plant.port) as greeted:
        half.send(b"HELF\x40\x00\x00\x00\x00\x00")
        greeted.hello()
        begun = time.monotonic()
        for wire in (silent, half, greeted):
            wire.ended(11 * (1 if SLOW == 1 else 2))
            assert time.monotonic() - begun < 10 * SLOW + 1


def test_t11_a_chunk_beyond_the_negotiated_size_is_refused(plant):
    with Channel(plant.port, send=8192, receive=8192) as channel:
        body = b"\0" * 9000
        head = struct.pack("<IIII", channel.channel, channel.token, channel.next_sequence(), 99)
        channel.send(frame(b"MSGF", head + body))
        assert channel.ended() == "BadTcpMessageTooLarge"


def test_t12_endless_chunks_are_cut_off_and_their_memory_is_freed(plant):
    before = plant.process.rss_kb()
    for _ in range(3):
        with Channel(plant.port) as channel:
            with pytest.raises((Refused, Closed, ConnectionError)):
                for number in range(100_000):
                    head = struct.pack("<IIII", channel.channel, channel.token, channel.next_sequence(), 7)
                    channel.send(frame(b"MSGC", head + b"\0" * 60_000))
                channel.chunk()
    time.sleep(0.5)
    assert plant.process.rss_kb() - before < 64_000
    still_served(plant)


def test_t13_an_aborted_message_is_forgotten_and_the_channel_lives(plant):
    with Channel(plant.port) as channel:
        part = get_endpoints(channel)[:20]
        head = struct.pack("<IIII", channel.channel, channel.token, channel.next_sequence(), 70)
        channel.send(frame(b"MSGC", head + part))
        head = struct.pack("<IIII", channel.channel, channel.token, channel.next_sequence(), 70)
        channel.send(frame(b"MSGA", head + struct.pack("<I", 0x80000000) + string("changed my mind")))
        channel.send(channel.message(get_endpoints(channel)))
        assert channel.answer(channel.request)


@pytest.mark.parametrize("step", [5, 0, -1])
def test_t14_a_gap_a_repeat_or_a_step_back_in_sequence_closes_the_channel(plant, step):
    with Channel(plant.port) as channel:
        channel.send(channel.message(get_endpoints(channel)))
        channel.answer(channel.request)
        channel.send(channel.message(get_endpoints(channel), sequence=channel.sequence + step))
        assert channel.ended() in ("BadSecurityChecksFailed", "BadSequenceNumberInvalid", "")


def test_t15_the_sequence_may_roll_over(plant):
    with Wire(plant.port) as plain:
        plain.hello()
    with Channel.__new__(Channel) as channel:
        Wire.__init__(channel, plant.port)
        channel.limits = channel.hello()
        channel.sequence, channel.request, channel.channel, channel.token = 4_294_966_270, 0, 0, 0
        channel.authentication, channel.answers = ua.NodeId(), {}
        channel.open()
        for _ in range(3):
            channel.send(channel.message(get_endpoints(channel)))
            channel.answer(channel.request)
        channel.sequence = 0
        for _ in range(3):
            channel.send(channel.message(get_endpoints(channel)))
            assert channel.answer(channel.request)


EVERY_CURVE = pytest.mark.parametrize("policy", POLICIES)
BOTH_MODES = pytest.mark.parametrize("mode", (SIGN, ENCRYPT))


@BOTH_MODES
@EVERY_CURVE
def test_t15_policies_over_curves_count_from_zero(secure_plant, policy, mode):
    """The client of the test refuses any number of the server but the next, and the first one but zero."""
    with EccSession(secure_plant, policy, mode=mode, user=USER, password=PASSWORD) as session:
        for _ in range(3):
            assert session.value("i=2258")
        session.open(renew=True)
        assert session.value("i=2258")
        session.close_session()


@EVERY_CURVE
def test_t15_policies_over_curves_start_with_no_other_number(secure_plant, policy):
    for number in (1, 5, 2**32 - 1):
        with pytest.raises((Refused, Closed)):
            EccSession(secure_plant, policy, create=False, first_number=number)
    still_served(secure_plant)


@EVERY_CURVE
def test_t15_policies_over_curves_have_no_early_roll_over(secure_plant, policy):
    """What the older rule allows, a number below 1024 once 4,294,966,271 is passed, is a gap here; so is any other."""
    for step in (-1, 1, 1024, 2**31):
        with EccSession(secure_plant, policy, user=USER, password=PASSWORD) as session:
            assert session.value("i=2258")
            session.sequence = (session.sequence + step) % 2**32
            session.send(session.message(get_endpoints(session)))
            assert session.ended() in ("BadSecurityChecksFailed", "")


def test_t16_a_replayed_chunk_closes_the_channel(plant):
    with Channel(plant.port) as channel:
        captured = channel.message(get_endpoints(channel))
        channel.send(captured)
        channel.answer(channel.request)
        channel.send(captured)
        channel.ended()


def test_t17_both_tokens_count_until_the_new_one_is_used(plant):
    with Channel(plant.port) as channel:
        old = channel.token
        channel.open(renew=True)
        assert channel.token != old
        channel.send(channel.message(get_endpoints(channel), token=old))
        assert channel.answer(channel.request)
        channel.send(channel.message(get_endpoints(channel)))
        assert channel.answer(channel.request)
        channel.send(channel.message(get_endpoints(channel), token=old))
        channel.ended()


def test_t18_an_expired_token_closes_the_channel(plant):
    with Channel(plant.port, lifetime=1) as channel:
        assert 0 < channel.revised_lifetime
        wait = channel.revised_lifetime / 1000 * 1.25 + 0.5
        assert wait < 120, f"the shortest lifetime is {channel.revised_lifetime} ms"
        channel.socket.settimeout(wait)
        try:
            channel.chunk()
        except TimeoutError:
            channel.send(channel.message(get_endpoints(channel)))
            channel.ended()
        except (Refused, Closed):
            pass


@pytest.mark.parametrize("policy", ["Basic256Sha256", "Nonsense"])
def test_t19_a_renewal_with_another_policy_is_refused(plant, policy):
    with Channel(plant.port) as channel:
        channel.send(channel.open_bytes(renew=True, policy=f"http://opcfoundation.org/UA/SecurityPolicy#{policy}"))
        channel.ended()


def test_t19_a_renewal_with_another_mode_is_refused(plant):
    with Channel(plant.port) as channel:
        channel.send(channel.open_bytes(renew=True, mode=2))
        channel.ended()


def test_t19_a_renewal_with_another_certificate_is_refused(secure_plant):
    other = certificates.issue("other renewer")
    (secure_plant.folder / "data" / "pki" / "trusted" / "other renewer.der").write_bytes(other.der)
    with SecureSession(secure_plant, create=False) as channel:
        with pytest.raises((Refused, Closed)):
            channel.renew_as(other)
    with SecureSession(secure_plant, create=False) as channel:
        channel.open(renew=True)
        channel.send(channel.secured_request())
        assert channel.answer(channel.request)


def test_t20_the_id_of_another_channel_is_refused_and_leaves_it_alone(plant):
    with Channel(plant.port) as victim, Channel(plant.port) as attacker:
        attacker.send(attacker.message(get_endpoints(attacker), channel=victim.channel))
        attacker.ended()
        victim.send(victim.message(get_endpoints(victim)))
        assert victim.answer(victim.request)


def test_t21_an_unknown_policy_is_rejected(wire):
    wire.hello()
    request = struct_to_binary(ua.OpenSecureChannelRequest())
    body = struct.pack("<I", 0) + string("http://opcfoundation.org/UA/SecurityPolicy#Nonsense") + string(None) * 2
    wire.send(frame(b"OPNF", body + struct.pack("<II", 1, 1) + request))
    assert wire.ended() in ("BadSecurityPolicyRejected", "BadSecurityChecksFailed")


@pytest.mark.parametrize("mode", [0, 2, 3, 9])
def test_t21_a_mode_that_the_policy_does_not_have_is_rejected(plant, mode):
    with Channel.__new__(Channel) as channel:
        Wire.__init__(channel, plant.port)
        channel.limits = channel.hello()
        channel.sequence, channel.request, channel.channel, channel.token = 0, 0, 0, 0
        channel.authentication, channel.answers = ua.NodeId(), {}
        request = channel.open_bytes(mode=1)
        at = len(request) - 4 - 4 - 4
        assert request[at : at + 4] == struct.pack("<I", 1)
        channel.send(request[:at] + struct.pack("<I", mode) + request[at + 4 :])
        try:
            channel.open_answer = channel.chunk()
        except Refused as refused:
            assert refused.name in ("BadSecurityModeRejected", "BadSecurityChecksFailed", "BadDecodingError")
        except Closed:
            pass
        else:
            assert b"\x8d\x01" in channel.open_answer[1], "the answer is not a ServiceFault"


def test_t22_tampered_messages_always_end_alike(secure_plant):
    """Flips bytes of every part of a signed and encrypted message; the answer must not tell which part it was."""
    random.seed(22)
    seen = set()
    times = {}
    for position in ("first block", "middle", "padding", "signature", "last"):
        for _ in range(3):
            with SecureSession(secure_plant, create=False) as channel:
                data = bytearray(channel.secured_request())
                start = 16
                index = {
                    "first block": start + random.randrange(16),
                    "middle": (start + len(data)) // 2,
                    "padding": len(data) - 40,
                    "signature": len(data) - 20,
                    "last": len(data) - 1,
                }[position]
                data[index] ^= 1 << random.randrange(8)
                begun = time.monotonic()
                channel.send(bytes(data))
                seen.add(channel.ended())
                times.setdefault(position, []).append(time.monotonic() - begun)
    assert len(seen) == 1, seen
    quickest = [min(times[position]) for position in times]
    assert max(quickest) - min(quickest) < 0.02 * SLOW, times


def test_t23_channels_without_a_session_make_way_for_a_legal_client(tmp_path):
    """More idle channels than the server keeps: the oldest go, and a client with a session is served."""
    with Tagwire(tmp_path, CONFIG) as server, Session(server.port) as witness:
        idle = []
        try:
            for _ in range(650):
                idle.append(Channel(server.port))
            still_served(server)
            assert witness.read("i=2258").StatusCode.is_good()
            idle[0].ended(2 * SLOW)
            idle[-1].send(idle[-1].message(get_endpoints(idle[-1])))
            assert idle[-1].answer(idle[-1].request)
        finally:
            for channel in idle:
                channel.close()
        witness.close_session()


class WaitingClient:
    """A client that waits for servers to connect, as Reverse Connect has it."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def introduced(self, seconds=10 * SLOW):
        """The next server that connects: its socket, its URI and the URL of its endpoint."""
        self.socket.settimeout(seconds)
        accepted, _ = self.socket.accept()
        accepted.settimeout(20)
        wire = Wire(self.port, accepted=accepted)
        kind, body = wire.chunk()
        assert kind == b"RHEF", kind
        (length,) = struct.unpack_from("<i", body)
        uri = body[4 : 4 + length].decode()
        assert struct.unpack_from("<i", body, 4 + length)[0] == len(body) - 8 - length
        return accepted, uri, body[8 + length :].decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def test_t24_the_server_dials_a_listed_client_again_and_again(tmp_path):
    config = sim_device("counter counter(period=50ms) i32 ro")
    with WaitingClient() as client:
        server = Tagwire(tmp_path, config, ua=f'reverse_connect = "opc.tcp://127.0.0.1:{client.port}"\nhosts = "plant-a"')
        with server:
            for _ in range(2):
                accepted, uri, url = client.introduced()
                assert uri.startswith("urn:") and url == f"opc.tcp://plant-a:{server.port}/"
                with Session(server.port, accepted=accepted, url=url) as session:
                    assert session.created.ServerEndpoints[0].Server.ApplicationUri == uri
                    assert session.read_status(tag("mem.all.counter")) == "Good"
                    session.close_session()
            silent, _, _ = client.introduced()
            # A client that does not answer is left alone after a while, and does not stop others.
            with Session(server.port) as session:
                assert session.read_status(tag("mem.all.counter")) == "Good"
                session.close_session()
            silent.close()
            assert client.introduced()[1] == uri


def test_t24_a_client_that_is_away_is_found_when_it_comes(tmp_path):
    port = free_port()
    with Tagwire(tmp_path, "", ua=f'reverse_connect = "opc.tcp://127.0.0.1:{port}"') as server:
        wait_until(lambda: "cannot be reached" in server.process.output, 10 * SLOW, "the log tells of the client")
        with socket.create_server(("127.0.0.1", port)) as waiting:
            waiting.settimeout(35)
            accepted, _ = waiting.accept()
            accepted.close()


def test_t24_nobody_can_introduce_itself_to_the_server(wire):
    wire.send(frame(b"RHEF", string("urn:somebody") + string(wire.url)))
    assert wire.ended() == "BadTcpMessageTypeInvalid"
