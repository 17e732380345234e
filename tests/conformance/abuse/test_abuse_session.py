"""Abuse of sessions and of those who log in."""

import os
import random
import struct

import pytest
from asyncua import ua

from harness import certificates
from harness.abuse import in_threads, outcome, rounds
from harness.plant import PASSWORD, READER, READER_PASSWORD, USER
from harness.process import SLOW
from harness.secured import SIGN, SecureSession
from harness.session import Session, tag
from harness.tokens import log_in, user_token
from harness.wire import Channel, status

REFUSED = ("BadIdentityTokenInvalid", "BadIdentityTokenRejected", "BadUserAccessDenied")
SPOILT = ("BadSecurityChecksFailed", "BadApplicationSignatureInvalid", "BadNonceInvalid", "BadCertificateInvalid")


def test_a14_a_signature_of_the_server_is_no_signature_of_a_client(target):
    """What the server signed when the session was made is sent back as the client's own proof."""
    with SecureSession(target, activate=False) as session:
        reflected = session.created.ServerSignature
        assert outcome(lambda: session.activate(proof=reflected)) in SPOILT
        outcome(session.close_session)
    with SecureSession(target, create=False) as session:
        result = outcome(lambda: session.create(certificate=target.certificate()))
        assert result in (*SPOILT, "BadCertificateUriInvalid"), result


def test_a14_a_nonce_serves_once(target):
    with SecureSession(target) as session:
        proof = session.proof()
        session.activate()
        assert outcome(lambda: session.activate(proof=proof)) in SPOILT
        session.close_session()


@pytest.mark.parametrize("policy", ["Basic128Rsa15", "Basic256"])
def test_a14_old_policies_do_not_exist(target, policy):
    from harness.wire import Wire, frame, string

    with Wire(target.port) as wire:
        wire.hello()
        body = struct.pack("<I", 0) + string(f"http://opcfoundation.org/UA/SecurityPolicy#{policy}")
        wire.send(frame(b"OPNF", body + string(target.identity.der) + string(b"\0" * 20) + b"\x5a" * 256))
        assert wire.ended() == "BadSecurityPolicyRejected"
    assert all(not endpoint.SecurityPolicyUri.endswith(f"#{policy}") for endpoint in target.endpoints())


def test_a15_every_broken_password_is_refused_alike(target):
    """Whatever is wrong with the encrypted password, the answer is the same."""
    seen = set()
    for number in range(rounds(1_000, 24)):
        with Session(target.port, activate=False) as session:
            token = user_token(session, f"nobody {number}", "wrong")
            spoil = [
                lambda t: t,
                lambda t: setattr(t, "Password", os.urandom(len(t.Password))),
                lambda t: setattr(t, "Password", t.Password[:-1] + b"\0"),
                lambda t: setattr(t, "Password", b"\0" * len(t.Password)),
            ][number % 4]
            spoil(token)
            seen.add(outcome(lambda: session.activate(token=token)))
            session.close_session()
    assert len(seen) == 1 and seen <= set(REFUSED), seen


def test_a16_a_password_belongs_to_the_nonce_of_its_session(target):
    with Session(target.port, activate=False) as first, Session(target.port, activate=False) as second:
        stolen = user_token(first, USER, PASSWORD)
        assert outcome(lambda: second.activate(token=stolen)) in REFUSED, "replayed in another session"
        first.activate(token=stolen)
        assert outcome(lambda: first.activate(token=stolen)) in REFUSED, "replayed in its own session"
        for length in (0, 3, 31, 32, 33, 0x7FFFFFFF, 0xFFFFFFFF):
            token = user_token(second, READER, "", length=length)
            assert outcome(lambda: second.activate(token=token)) in REFUSED, length
        first.close_session()
        second.close_session()


def test_a17_sessions_made_and_left_again_and_again(target):
    """Nonces are remembered for as long as a session lives, and no longer."""
    def make_many():
        with Channel(target.port) as wire, Session(target.port, create=False) as session:
            wire.send(b"")
            for _ in range(rounds(500_000, 3_000)):
                session.create(timeout_ms=10_000.0)
                session.close_session()

    in_threads([make_many] * 2, 3600)


def test_a17_the_nonces_of_secured_sessions_are_forgotten(target):
    with SecureSession(target, create=False) as session:
        for _ in range(rounds(10_000, 300)):
            session.create(timeout_ms=10_000.0)
            session.close_session()


SERVICES = {
    "Read": ua.ReadRequest,
    "Browse": ua.BrowseRequest,
    "CreateSubscription": ua.CreateSubscriptionRequest,
    "Publish": ua.PublishRequest,
    "Call": ua.CallRequest,
    "RegisterNodes": ua.RegisterNodesRequest,
    "Cancel": ua.CancelRequest,
}


@pytest.mark.parametrize("service", SERVICES)
def test_a18_nothing_is_served_before_the_activation(target, service):
    for _ in range(5):
        with Session(target.port, activate=False) as session:
            assert session.fault_of(lambda: session.call(SERVICES[service]())) == "BadSessionNotActivated"
            assert session.fault_of(session.activate) in ("BadSessionIdInvalid", "BadSessionClosed"), "it is closed"


def test_a18_nothing_is_served_without_a_session(target):
    with Channel(target.port) as channel:
        for service, request in SERVICES.items():
            assert outcome(lambda: channel.call(request())) == "BadSessionIdInvalid", service


def test_a38_a_session_that_closes_while_a_method_runs(target):
    for _ in range(rounds(5_000, 400)):
        with Session(target.port) as session:
            request = ua.CallRequest()
            for arguments in ([], [ua.Variant()], [ua.Variant(1, ua.VariantType.UInt32)]):
                one = ua.CallMethodRequest()
                one.ObjectId, one.MethodId, one.InputArguments = ua.NodeId(2253), ua.NodeId(11492), arguments
                request.Parameters.MethodsToCall.append(one)
            called = session.message(session.encode(request))
            closed = session.message(session.encode(ua.CloseSessionRequest()))
            session.send(called + closed)
            answers = session.take(session.request - 1, ua.CallResponse).Results
            assert [status(one.StatusCode) for one in answers[:2]] == ["BadArgumentsMissing", "BadInvalidArgument"]
            session.answer(session.request)


def test_a33_an_old_time_and_all_diagnostics_tell_nothing_of_the_inside(target):
    from datetime import datetime

    for service in (ua.CloseSessionRequest, ua.ReadRequest, ua.CallRequest):
        with Session(target.port) as session:
            request = service()
            if service is ua.CallRequest:
                one = ua.CallMethodRequest()
                one.ObjectId, one.MethodId = ua.NodeId("nothing", 2), ua.NodeId("nothing", 2)
                request.Parameters.MethodsToCall = [one]
            request.RequestHeader = session.header(diagnostics=0xFFFFFFFF)
            request.RequestHeader.Timestamp = datetime(1601, 1, 2)
            from asyncua.ua.ua_binary import struct_to_binary

            session.send(session.message(struct_to_binary(request)))
            answer = session.answer(session.request)
            for inside in (b".rs", b"panic", b"src/", b"tagwire_", b"thread", b"stack"):
                assert inside not in answer, (service, answer)
            if service is not ua.CloseSessionRequest:
                session.close_session()


def trusted(server, name):
    identity = certificates.issue(name)
    (server.folder / "data" / "pki" / "trusted" / f"{name}.der").write_bytes(identity.der)
    return identity


def test_a47_a_session_moves_to_nobody_else(target):
    """Another certificate, another mode, no security, another user, and combinations of them."""
    other = trusted(target, "thief")
    me, stranger = (USER, PASSWORD), (READER, READER_PASSWORD)
    thieves = [
        ("another user", {}, stranger),
        ("another certificate", {"identity": other}, me),
        ("another mode", {"mode": SIGN}, me),
        ("another certificate and mode", {"identity": other, "mode": SIGN}, me),
        ("another certificate and user", {"identity": other}, stranger),
        ("no security", None, me),
    ]
    with SecureSession(target, activate=False) as owner:
        owner.activate(token=user_token(owner, *me))
        for what, how, token in thieves:
            made = Session(target.port, create=False) if how is None else SecureSession(target, create=False, **how)
            with made as thief:
                thief.adopt(owner)
                assert outcome(lambda: thief.activate(token=user_token(thief, *token))) not in ("Good", "closed"), what
                assert outcome(lambda: thief.read("i=2258")) != "Good", what
            assert owner.read("i=2258").StatusCode.is_good(), what
        owner.close_session()


def test_a52_no_user_certificate_without_a_signature(target):
    """Users with certificates sign on every endpoint, with a policy that is named."""
    for endpoint in target.endpoints():
        for policy in endpoint.UserIdentityTokens:
            if policy.TokenType == ua.UserTokenType.Certificate:
                assert policy.SecurityPolicyUri and not policy.SecurityPolicyUri.endswith("#None")
    with Session(target.port, activate=False) as session:
        token = ua.X509IdentityToken()
        token.PolicyId, token.CertificateData = "certificate", target.identity.der
        assert outcome(lambda: session.activate(token=token)) == "BadIdentityTokenInvalid"
        session.close_session()


def test_a36_wrong_certificates_are_refused_and_nobody_waits(target):
    """The whole matrix is rows X01 to X12; here it must not be felt by others."""
    wrong = [
        certificates.issue("stranger of the arena"),
        certificates.issue("late", days=(-20, -1)),
        certificates.issue("short", bits=1024),
        certificates.issue("authority of the arena", authority=True),
    ]
    wrong[0].forged = wrong[0].der[:-8] + b"\0" * 8
    for _ in range(rounds(1_000, 25)):
        for identity in wrong:
            assert outcome(lambda: SecureSession(target, identity)) not in ("Good", "closed"), identity.name


def test_a05_random_owners_never_get_what_is_not_theirs(target):
    """Orphans of one user are asked for by everybody else."""
    made = []
    with log_in(target, USER, PASSWORD) as owner:
        made = [owner.subscribe(interval=1000.0, lifetime=60).SubscriptionId for _ in range(5)]
        owner.close_session(delete=False)
    request = ua.TransferSubscriptionsRequest()
    request.Parameters.SubscriptionIds = made
    for open_session in (lambda: Session(target.port), lambda: log_in(target, READER, READER_PASSWORD)):
        with open_session() as thief:
            results = thief.call(request).Parameters.Results
            assert [status(result.StatusCode) for result in results] == ["BadUserAccessDenied"] * 5
            thief.close_session()
    with log_in(target, USER, PASSWORD) as owner:
        assert [status(result.StatusCode) for result in owner.call(request).Parameters.Results] == ["Good"] * 5
        owner.close_session(delete=True)


def test_sessions_in_a_storm_of_logins_and_drops(target):
    """Clients that come, log in and vanish without a word, at random points."""
    generator = random.Random(1)

    def come_and_go(seed):
        mine = random.Random(seed)
        for _ in range(rounds(1_000, 15)):
            with Session(target.port, create=False) as session:
                session.create(timeout_ms=10_000.0)
                if mine.random() < 0.7:
                    session.activate()
                    if mine.random() < 0.5:
                        session.subscribe(lifetime=30)
                        session.post_publish()
                    if mine.random() < 0.5:
                        session.read(tag("sig.d.counter"))

    in_threads([lambda seed=generator.random(): come_and_go(seed) for _ in range(4)], 600 * SLOW)
