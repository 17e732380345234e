"""Sessions and user tokens, rows S01 to S21 of the conformance list."""

import math
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from asyncua import ua

from harness import certificates
from harness.plant import CONFIG, PASSWORD, READER, READER_PASSWORD, USER, SecuredServer
from harness.process import SLOW
from harness.product import Tagwire
from harness.secured import SIGN, SecureSession
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


def refused(session, action) -> str:
    """The name of the fault, whether it comes as a service fault or ends the connection."""
    try:
        return session.fault_of(action)
    except Refused as refusal:
        return refusal.name
    except Closed:
        return "closed"


@pytest.mark.parametrize("size", [0, 31])
def test_s02_a_short_client_nonce_is_refused_on_a_secure_channel(secure_plant, size):
    with SecureSession(secure_plant, create=False) as session:
        assert refused(session, lambda: session.create(nonce=b"\x01" * size)) == "BadNonceInvalid"


def test_s03_a_client_nonce_may_be_refused_the_second_time(secure_plant):
    nonce = b"\x33" * 32
    with SecureSession(secure_plant, create=False) as session:
        session.create(nonce=nonce)
        session.activate()
        session.close_session()
    with SecureSession(secure_plant, create=False) as session:
        session.authentication = ua.NodeId()
        assert refused(session, lambda: session.create(nonce=nonce)) in ("Good", "BadNonceInvalid")


def test_s04_the_certificate_of_a_session_is_the_channels(secure_plant):
    other = trusted(secure_plant, "somebody else")
    with SecureSession(secure_plant, create=False) as session:
        assert refused(session, lambda: session.create(certificate=other.der)) == "BadSecurityChecksFailed"


@pytest.mark.parametrize("signature", [None, b"", b"\x55" * 256])
def test_s11_an_activation_needs_the_clients_signature(secure_plant, signature):
    with SecureSession(secure_plant, activate=False) as session:
        proof = session.proof()
        if signature is None:
            proof = ua.SignatureData()
        else:
            proof.Signature = signature
        assert refused(session, lambda: session.activate(proof=proof)) == "BadApplicationSignatureInvalid"


def test_s12_an_old_nonce_is_worth_nothing(secure_plant):
    with SecureSession(secure_plant, activate=False) as session:
        old = session.proof()
        session.activate()
        assert refused(session, lambda: session.activate(proof=old)) == "BadApplicationSignatureInvalid"


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


def test_s08_an_unused_session_ends_and_its_subscriptions_live_on(secure_plant):
    with Session(secure_plant.port, activate=False, timeout_ms=1.0) as session:
        session.activate(token=user_token(session, USER, PASSWORD))
        revised = session.created.RevisedSessionTimeout / 1000
        assert revised <= 60, f"the shortest timeout is {revised} s"
        made = session.subscribe(interval=1000.0, lifetime=1000)
        time.sleep(revised * 1.1 + 1)
        assert refused(session, lambda: session.read("i=2258")) in ("BadSessionIdInvalid", "BadSessionClosed", "closed")
    with log_in(secure_plant, USER, PASSWORD) as heir:
        request = ua.TransferSubscriptionsRequest()
        request.Parameters.SubscriptionIds = [made.SubscriptionId]
        assert heir.call(request).Parameters.Results[0].StatusCode.is_good()
        heir.close_session()


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


def test_s10_five_hundred_sessions_with_their_own_channels(tmp_path):
    sessions = []
    with Tagwire(tmp_path, CONFIG) as server:
        try:
            sessions += (Session(server.port) for _ in range(500))
            assert len({str(session.authentication) for session in sessions}) == 500
            assert all(session.read("i=2258").StatusCode.is_good() for session in sessions)
        finally:
            for session in sessions:
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


def trusted(server, name):
    """A further client that the server trusts."""
    identity = certificates.issue(name)
    (server.folder / "data" / "pki" / "trusted" / f"{name}.der").write_bytes(identity.der)
    return identity


def move(owner, onto, **token):
    """Takes a session over to another channel; returns what the server says."""
    onto.adopt(owner)
    made = user_token(onto, **token) if token else None
    result = refused(onto, lambda: onto.activate(token=made))
    if result == "Good":
        owner.server_nonce = onto.server_nonce
    return result


def test_s14_a_session_moves_with_the_same_certificate_user_and_security_only(secure_plant):
    me, stranger = {"user": USER, "password": PASSWORD}, {"user": READER, "password": READER_PASSWORD}
    with SecureSession(secure_plant, activate=False) as first:
        first.activate(token=user_token(first, **me))
        with SecureSession(secure_plant, create=False) as second:
            assert move(first, second, **me) == "Good"
            assert second.read("i=2258").StatusCode.is_good()
            gone = ("BadSecureChannelIdInvalid", "BadSessionIdInvalid", "BadSecurityChecksFailed")
            assert refused(first, lambda: first.read("i=2258")) in gone
            attempts = [
                ("another user", {}, stranger),
                ("another certificate", {"identity": trusted(secure_plant, "mover")}, me),
                ("a channel that only signs", {"mode": SIGN}, me),
                ("anonymous on a channel that only signs", {"mode": SIGN}, {}),
            ]
            for what, how, token in attempts:
                with SecureSession(secure_plant, create=False, **how) as thief:
                    assert move(second, thief, **token) not in ("Good", "closed"), what
                    assert refused(thief, lambda: thief.read("i=2258")) != "Good", what
                assert second.read("i=2258").StatusCode.is_good(), what
            second.close_session()


def test_s14_an_unsecured_session_moves_with_the_same_user_only(secure_plant):
    with Session(secure_plant.port) as first, Session(secure_plant.port, create=False) as second:
        assert move(first, second) == "Good"
        assert second.read("i=2258").StatusCode.is_good()
        with Session(secure_plant.port, create=False) as third:
            assert move(second, third, user=READER, password=READER_PASSWORD) != "Good"
        assert second.read("i=2258").StatusCode.is_good()
        second.close_session()


def test_s15_another_user_on_the_same_session_and_a_wrong_password(secure_plant):
    name = tag("mem.all.w30")
    with log_in(secure_plant, READER, READER_PASSWORD) as session:
        assert session.write(name, 1, ua.VariantType.Int32) == "BadUserAccessDenied"
        session.activate(token=user_token(session, USER, PASSWORD))
        assert session.write(name, 2, ua.VariantType.Int32) == "Good"
        wrong = user_token(session, READER, "wrong")
        assert refused(session, lambda: session.activate(token=wrong)) in REFUSED_USER
        assert session.write(name, 3, ua.VariantType.Int32) == "Good"
        session.close_session()


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


def test_s17_a_wrong_login_costs_the_same_whoever_it_names(tmp_path):
    """Processor time tells more than waiting time, which the delay for guessers hides."""
    with SecuredServer(tmp_path) as server, ThreadPoolExecutor(5) as pool:
        spent = {}
        for user in ("warming up", USER, "nobody"):
            before = server.process.cpu_seconds()
            list(pool.map(lambda number, user=user: activation(server, user=user, password=f"guess {number}"), range(10)))
            spent[user] = server.process.cpu_seconds() - before
        assert 0.6 < spent[USER] / spent["nobody"] < 1.6, spent


def test_s18_a_hundred_wrong_passwords_slow_the_guesser_and_nobody_else(tmp_path):
    with SecuredServer(tmp_path) as server, ThreadPoolExecutor(10) as pool:
        for number in range(10):
            assert activation(server, user="early guesser", password=f"guess {number}") != "Good"
        before, begun = server.process.rss_kb(), time.monotonic()
        guesses = [pool.submit(activation, server, user="guesser", password=f"guess {n}") for n in range(100)]
        waits = []
        with Session(server.port) as witness:
            while not all(guess.done() for guess in guesses):
                asked = time.monotonic()
                assert witness.read("i=2258").StatusCode.is_good()
                waits.append(time.monotonic() - asked)
                time.sleep(0.02)
            witness.close_session()
        taken = time.monotonic() - begun
        assert all(guess.result() != "Good" for guess in guesses)
        assert taken > 4, f"a hundred guesses over ten connections took {taken} s"
        assert max(waits) < 1 * SLOW
        assert server.process.rss_kb() - before < 50_000
        assert activation(server) == "Good"


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


def test_s20_a_session_that_never_was_cannot_be_closed(plant):
    with Session(plant.port) as session:
        session.authentication, kept = ua.NodeId(b"\x01" * 32, 0, ua.NodeIdType.ByteString), session.authentication
        assert session.fault_of(session.close_session) == "BadSessionIdInvalid"
        session.authentication = kept
        session.close_session()


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


@pytest.mark.row("W01", "R09")
def test_an_observer_reads_and_does_not_write(secure_plant):
    with log_in(secure_plant, READER, READER_PASSWORD) as session:
        assert session.read_status(tag("mem.all.i32")) == "Good"
        assert session.write(tag("mem.all.i32"), 1, ua.VariantType.Int32) == "BadUserAccessDenied"
        session.close_session()
