"""Sessions and user tokens, rows S01 to S21 of the conformance list."""

import asyncio
import math
import time

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from harness import certificates
from harness.plant import CONFIG, PASSWORD, READER, READER_PASSWORD, USER, SecuredServer
from harness.process import SLOW
from harness.product import Tagwire
from harness.session import Session, tag
from harness.tokens import log_in, user_token
from harness.wire import Channel, Closed, Fault, Refused

REFUSED_USER = ("BadUserAccessDenied", "BadIdentityTokenRejected")


@pytest.mark.parametrize("asked", [0.0, 1e12, math.nan, -1.0, math.inf, 1e-300])
def test_s01_any_timeout_is_revised_into_a_usable_one(plant, asked):
    with Session(plant.port, activate=False) as session:
        revised = session.create(asked).RevisedSessionTimeout
        assert math.isfinite(revised) and 0 < revised <= 24 * 3600 * 1000


def activation(server, **how) -> str:
    user, password = how.pop("user", USER), how.pop("password", PASSWORD)
    with Session(server.port, activate=False) as session:
        token = user_token(session, user, password, **how)
        result = session.fault_of(lambda: session.activate(token=token))
        if result == "Good":
            session.close_session()
        return result


def test_s04_s11_s12_secure_sessions_need_the_right_certificate_signature_and_nonce(secure_plant):
    """asyncua makes the channel; what it signs is spoilt here."""
    async def attempt(spoil):
        client = Client(secure_plant.url, timeout=10)
        client.application_uri = certificates.CLIENT_URI
        identity = secure_plant.identity
        await client.set_security(
            SecurityPolicyBasic256Sha256,
            str(identity.certificate_der),
            str(identity.key_pem),
            mode=ua.MessageSecurityMode.SignAndEncrypt,
        )
        await client.connect_socket()
        try:
            await client.send_hello()
            await client.open_secure_channel()
            try:
                await spoil(client)
            except ua.UaStatusCodeError as error:
                return ua.status_codes.get_name_and_doc(error.code)[0]
            return "Good"
        finally:
            client.disconnect_socket()

    async def empty_signature(client):
        await client.create_session()
        parameters = ua.ActivateSessionParameters()
        parameters.UserIdentityToken = ua.AnonymousIdentityToken()
        parameters.UserIdentityToken.PolicyId = policy_of(client)
        await client.uaclient.activate_session(parameters)

    async def wrong_signature(client):
        await client.create_session()
        parameters = ua.ActivateSessionParameters()
        parameters.ClientSignature.Algorithm = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
        parameters.ClientSignature.Signature = b"\x55" * 256
        parameters.UserIdentityToken = ua.AnonymousIdentityToken()
        parameters.UserIdentityToken.PolicyId = policy_of(client)
        await client.uaclient.activate_session(parameters)

    async def old_nonce(client):
        await client.create_session()
        kept = client._server_nonce
        await client.activate_session()
        client._server_nonce = kept
        await client.activate_session()

    async def other_certificate(client):
        other = certificates.make(secure_plant.folder / "other", name="other")
        client.user_certificate = None
        client.security_policy.host_certificate = other.certificate_der.read_bytes()
        await client.create_session()

    def policy_of(client):
        return next(
            p.PolicyId for p in client._policy_ids if p.TokenType == ua.UserTokenType.Anonymous
        )

    assert asyncio.run(attempt(empty_signature)) in ("BadApplicationSignatureInvalid", "BadSecurityChecksFailed")
    assert asyncio.run(attempt(wrong_signature)) in ("BadApplicationSignatureInvalid", "BadSecurityChecksFailed")
    assert asyncio.run(attempt(old_nonce)) in ("BadApplicationSignatureInvalid", "BadSecurityChecksFailed")
    assert asyncio.run(attempt(other_certificate)) in ("BadSecurityChecksFailed", "BadCertificateInvalid")


@pytest.mark.parametrize("size", [0, 31])
async def test_s02_a_short_client_nonce_is_refused_on_a_secure_channel(secure_plant, size, monkeypatch):
    import asyncua.client.client as module

    client = Client(secure_plant.url, timeout=10)
    client.application_uri = certificates.CLIENT_URI
    identity = secure_plant.identity
    await client.set_security(
        SecurityPolicyBasic256Sha256,
        str(identity.certificate_der),
        str(identity.key_pem),
        mode=ua.MessageSecurityMode.SignAndEncrypt,
    )
    await client.connect_socket()
    try:
        await client.send_hello()
        await client.open_secure_channel()
        monkeypatch.setattr(module, "create_nonce", lambda _size: b"\x01" * size)
        with pytest.raises(ua.UaStatusCodeError) as error:
            await client.create_session()
        assert ua.status_codes.get_name_and_doc(error.value.code)[0] == "BadNonceInvalid"
    finally:
        client.disconnect_socket()


def test_s05_no_service_before_activation_and_the_session_is_gone(plant):
    with Session(plant.port, activate=False) as session:
        assert session.fault_of(lambda: session.read("i=2258")) == "BadSessionNotActivated"
        assert session.fault_of(session.activate) in ("BadSessionIdInvalid", "BadSessionClosed")


@pytest.mark.parametrize("token", [ua.NodeId(), ua.NodeId(b"\x01" * 32, 0, ua.NodeIdType.ByteString), ua.NodeId(4711, 1)])
def test_s06_an_unknown_authentication_token_is_refused(plant, token):
    with Channel(plant.port) as channel:
        channel.authentication = token
        request = ua.ReadRequest()
        item = ua.ReadValueId()
        item.NodeId, item.AttributeId = ua.NodeId(2258), 13
        request.Parameters.NodesToRead = [item]
        with pytest.raises(Fault) as fault:
            channel.call(request)
        assert fault.value.name in ("BadSessionIdInvalid", "BadSecurityChecksFailed")


def test_s07_a_session_belongs_to_its_channel(plant):
    with Session(plant.port) as victim, Channel(plant.port) as thief:
        thief.authentication = victim.authentication
        request = ua.BrowseRequest()
        request.Parameters.NodesToBrowse = [ua.BrowseDescription()]
        with pytest.raises(Fault) as fault:
            thief.call(request)
        assert fault.value.name in ("BadSecureChannelIdInvalid", "BadSessionIdInvalid", "BadSecurityChecksFailed")
        assert victim.read("i=2258").StatusCode.is_good()
        victim.close_session()


def test_s08_an_unused_session_is_closed_after_its_timeout(plant):
    with Session(plant.port, timeout_ms=1.0) as session:
        revised = session.created.RevisedSessionTimeout / 1000
        assert revised <= 60, f"the shortest timeout is {revised} s"
        time.sleep(revised * 1.5 + 1)
        try:
            assert session.fault_of(lambda: session.read("i=2258")) in ("BadSessionIdInvalid", "BadSessionClosed")
        except (Closed, Refused):
            pass


def test_s09_beyond_the_limit_unactivated_sessions_go_first(tmp_path):
    with Tagwire(tmp_path, CONFIG) as server:
        active = [Session(server.port)]
        limit = active[0].value("i=24095")
        active += [Session(server.port) for _ in range(limit - 11)]
        waiting = [Session(server.port, activate=False) for _ in range(10)]
        newcomer = Session(server.port)
        assert newcomer.read("i=2258").StatusCode.is_good()
        assert waiting[0].fault_of(waiting[0].activate) in ("BadSessionIdInvalid", "BadSessionClosed")
        for session in waiting[1:]:
            assert session.fault_of(session.activate) == "Good"
        with Channel(server.port) as channel, pytest.raises(Fault) as fault:
            channel.call(ua.CreateSessionRequest())
        assert fault.value.name == "BadTooManySessions"
        assert all(session.read("i=2258").StatusCode.is_good() for session in active)
        active[0].close_session()
        Session(server.port).close()
        for session in (*active, *waiting, newcomer):
            session.close()


def test_s10_fifty_sessions_with_their_own_channels(plant):
    sessions = [Session(plant.port) for _ in range(50)]
    try:
        assert len({str(session.authentication) for session in sessions}) == 50
        assert all(session.read("i=2258").StatusCode.is_good() for session in sessions)
    finally:
        for session in sessions:
            session.close_session()
            session.close()


def test_s13_the_first_activation_must_come_over_the_channel_of_creation(plant):
    with Session(plant.port, activate=False) as creator, Session(plant.port) as other:
        kept = other.authentication
        other.authentication = creator.authentication
        request = ua.ActivateSessionRequest()
        request.Parameters.UserIdentityToken = ua.AnonymousIdentityToken()
        request.Parameters.UserIdentityToken.PolicyId = creator.policy_id(ua.UserTokenType.Anonymous)
        with pytest.raises(Fault):
            other.call(request)
        other.authentication = kept
        assert other.read("i=2258").StatusCode.is_good()


def test_s14_an_active_session_moves_to_a_new_channel_with_the_same_user_only(secure_plant):
    with Session(secure_plant.port) as first:
        token = first.authentication
        second = Session.__new__(Session)
        Channel.__init__(second, secure_plant.port)
        second.created, second.authentication = first.created, token
        second.activate()
        assert second.read("i=2258").StatusCode.is_good()
        assert first.fault_of(lambda: first.read("i=2258")) in (
            "BadSecureChannelIdInvalid",
            "BadSessionIdInvalid",
            "BadSecurityChecksFailed",
        )
        third = Session.__new__(Session)
        Channel.__init__(third, secure_plant.port)
        third.created, third.authentication = first.created, token
        stranger = user_token(second, READER, READER_PASSWORD)
        assert third.fault_of(lambda: third.activate(token=stranger)) != "Good"
        assert second.read("i=2258").StatusCode.is_good()
        second.close_session()
        second.close()
        third.close()


def test_s16_a_password_must_be_encrypted_with_the_right_nonce_length_algorithm_and_policy(secure_plant):
    invalid = ("BadIdentityTokenInvalid", "BadIdentityTokenRejected", "BadUserAccessDenied")
    assert activation(secure_plant) == "Good"
    assert activation(secure_plant, nonce=b"\x07" * 32) in invalid
    assert activation(secure_plant, length=3) in invalid
    assert activation(secure_plant, length=0xFFFFFFFF) in invalid
    assert activation(secure_plant, algorithm="http://www.w3.org/2001/04/xmlenc#rsa-1_5") in invalid
    assert activation(secure_plant, policy="no-such-policy") in invalid


def test_s16_a_password_in_the_clear_is_refused(secure_plant):
    with Session(secure_plant.port, activate=False) as session:
        assert session.fault_of(lambda: session.activate(USER, PASSWORD)) != "Good"


def test_s17_every_wrong_login_is_refused_alike(secure_plant):
    attempts = [(USER, "wrong"), (USER, ""), ("nobody", "wrong"), ("nobody", PASSWORD), ("", "")]
    results = {activation(secure_plant, user=user, password=password) for user, password in attempts}
    assert len(results) == 1 and results.pop() in REFUSED_USER


def test_s18_a_hundred_wrong_passwords_slow_the_guesser_and_nobody_else(secure_plant):
    for number in range(10):
        assert activation(secure_plant, user="early guesser", password=f"guess {number}") != "Good"
    before = secure_plant.process.rss_kb()
    begun = time.monotonic()
    with Session(secure_plant.port) as witness:
        for number in range(20):
            assert activation(secure_plant, user="guesser", password=f"guess {number}") != "Good"
            asked = time.monotonic()
            assert witness.read("i=2258").StatusCode.is_good()
            assert time.monotonic() - asked < 1 * SLOW
        witness.close_session()
    assert time.monotonic() - begun > 1, "twenty guesses cost the guesser no time"
    assert secure_plant.process.rss_kb() - before < 20_000


def test_s17_every_wrong_login_takes_the_same_time(tmp_path):
    """The fastest of several tries stands for the work done; each kind guesses with names of its own."""
    with SecuredServer(tmp_path) as server:
        kinds = {
            "wrong password": lambda: activation(server, user=USER, password="wrong"),
            "unknown user": lambda: activation(server, user="nobody", password="wrong"),
            "empty password": lambda: activation(server, user=USER, password=""),
            "old nonce": lambda: activation(server, nonce=b"\x07" * 32),
        }
        for _ in range(14):
            activation(server, user="warm", password="up")
        best = {}
        for _ in range(6):
            for kind, attempt in kinds.items():
                begun = time.monotonic()
                assert attempt() in REFUSED_USER, kind
                best[kind] = min(best.get(kind, 99.0), time.monotonic() - begun)
        assert max(best.values()) - min(best.values()) < 0.03 * SLOW, best


def test_s18_a_guesser_is_locked_out_and_others_are_not(tmp_path):
    with SecuredServer(tmp_path) as server:
        for number in range(20):
            assert activation(server, password=f"guess {number}") in REFUSED_USER
        assert activation(server) in REFUSED_USER, "the right password is refused while the guesser is locked out"
        assert activation(server, user=READER, password=READER_PASSWORD) == "Good"
        assert "locked out" in server.process.output and PASSWORD not in server.process.output


def test_s20_closing_twice_is_refused(plant):
    with Session(plant.port) as session:
        session.close_session()
        assert session.fault_of(session.close_session) in ("BadSessionIdInvalid", "BadSessionClosed")


def test_s21_cancel_ends_a_waiting_publish(session):
    session.subscribe(interval=1000.0, keep_alive=100)
    first = session.publish()
    assert first is not None
    waiting = session.post_publish()
    request = ua.CancelRequest()
    request.Parameters.RequestHandle = session.request
    assert session.call(request).Parameters.CancelCount == 1
    with pytest.raises(Fault) as fault:
        session.take_publish(waiting)
    assert fault.value.name in ("BadRequestCancelledByClient", "BadRequestCancelledByRequest")
    request.Parameters.RequestHandle = 999_999
    assert session.call(request).Parameters.CancelCount == 0


def test_an_observer_reads_and_does_not_write(secure_plant):
    with log_in(secure_plant, READER, READER_PASSWORD) as session:
        assert session.read_status(tag("mem.all.i32")) == "Good"
        assert session.write(tag("mem.all.i32"), 1, ua.VariantType.Int32) == "BadUserAccessDenied"
        session.close_session()
