"""Security policies over elliptic curves: what a client proves with, and what it must not get away with.

The client is the one of `harness/ecc.py`, which shares nothing with the product.
"""

import os
import struct

import pytest
from asyncua import ua
from cryptography.hazmat.primitives.asymmetric import ec

from harness import certificates
from harness.ecc import ENCRYPT, POLICIES, SIGN, EccSession, Ephemeral
from harness.plant import PASSWORD, USER
from harness.session import Session, tag
from harness.wire import Closed, Fault, Refused, string

EVERY_POLICY = pytest.mark.parametrize("policy", POLICIES)
BOUND = pytest.mark.parametrize("policy", [name for name in POLICIES if name.endswith("_AesGcm")])
DOUBLE = ua.VariantType.Double


def certificate_token(session, person):
    token = ua.X509IdentityToken()
    token.PolicyId, token.CertificateData = session.policy_id(ua.UserTokenType.Certificate), person.der
    return token


@pytest.mark.parametrize("mode", (SIGN, ENCRYPT))
@EVERY_POLICY
@pytest.mark.parametrize("who", ("anonymous", "user", "certificate"))
def test_every_policy_over_a_curve_works_with_every_token(secure_plant, policy, mode, who):
    with EccSession(secure_plant, policy, mode=mode, activate=False) as session:
        if who == "certificate":
            person = secure_plant.people[session.policy.curve.name]
            session.activate(token=certificate_token(session, person), token_signature=session.user_proof(person))
        elif who == "user":
            session.activate(USER, PASSWORD)
        else:
            session.activate()
        assert session.write(tag("bulk.d.m7"), 17.5, DOUBLE) == "Good"
        assert session.value(tag("bulk.d.m7")) == 17.5
        session.open(renew=True)
        assert session.value(tag("bulk.d.m7")) == 17.5
        session.open(renew=True)
        assert len(session.browse(tag("bulk.d")).References) >= 300
        session.close_session()


def tampered(at):
    """An OpenSecureChannel message with another byte at this place from its end."""

    def change(message: bytes) -> bytes:
        data = bytearray(message)
        data[-at] ^= 1
        return bytes(data)

    return change


@EVERY_POLICY
def test_nonces_that_are_no_points_of_the_curve_are_refused(secure_plant, policy):
    good = Ephemeral(POLICIES[policy]).public
    half = len(good) // 2
    for nonce in (bytes(len(good)), b"\x07" * len(good), good[half:] + good[:half], good[:-1], good[:32], b"\x04" + good):
        with pytest.raises((Refused, Closed)) as refused:
            EccSession(secure_plant, policy, create=False, nonce=nonce)
        assert getattr(refused.value, "name", "BadSecurityChecksFailed") == "BadSecurityChecksFailed"


@EVERY_POLICY
def test_a_certificate_on_another_curve_is_refused(secure_plant, policy):
    curve = POLICIES[policy].curve.name
    others = [identity for name, identity in secure_plant.identities.items() if name != curve]
    for identity in (*others, secure_plant.identity):
        class Stranger(EccSession):
            def open(self, *_, **how):
                self.send(self.open_frame())
                self.chunk()

            def open_frame(self):
                body = struct.pack("<I", 0) + string(self.policy.uri) + string(identity.der)
                body += string(certificates.thumbprint(self.server_certificate)) + bytes(200)
                return b"OPNF" + struct.pack("<I", 8 + len(body)) + body

        with pytest.raises((Refused, Closed)) as refused:
            Stranger(secure_plant, policy, create=False)
        assert getattr(refused.value, "name", "BadSecurityChecksFailed") == "BadSecurityChecksFailed"


@EVERY_POLICY
def test_an_unknown_certificate_waits_for_a_decision(secure_plant, policy):
    stranger = certificates.issue("stranger", key=ec.generate_private_key(POLICIES[policy].curve))
    with pytest.raises((Refused, Closed)) as refused:
        EccSession(secure_plant, policy, identity=stranger, create=False)
    assert getattr(refused.value, "name", "BadSecurityChecksFailed") == "BadSecurityChecksFailed"


@EVERY_POLICY
def test_a_tampered_chunk_closes_the_channel(secure_plant, policy):
    for mode in (SIGN, ENCRYPT):
        for at in (1, 16, 17, 30):
            with EccSession(secure_plant, policy, mode=mode, create=False) as session:
                request = ua.GetEndpointsRequest()
                request.Parameters.EndpointUrl = session.url
                message = bytearray(session.message(session.encode(request)))
                message[-at] ^= 1
                session.send(bytes(message))
                assert session.ended() in ("BadSecurityChecksFailed", "")


@EVERY_POLICY
def test_a_replayed_chunk_closes_the_channel(secure_plant, policy):
    with EccSession(secure_plant, policy, create=False) as session:
        request = ua.GetEndpointsRequest()
        request.Parameters.EndpointUrl = session.url
        message = session.message(session.encode(request))
        session.send(message)
        session.answer(session.request)
        session.send(message)
        assert session.ended() in ("BadSecurityChecksFailed", "")


def outcome(action) -> str:
    try:
        action()
    except Fault as fault:
        return fault.name
    return "Good"


@EVERY_POLICY
def test_a15_every_broken_secret_is_refused_alike(secure_plant, policy):
    """Wrong password, nonce, key, sender, tag, length and structure: one answer."""
    stranger = certificates.issue("stranger", key=ec.generate_private_key(POLICIES[policy].curve))
    other_key = Ephemeral(POLICIES[policy]).public

    def secret(session, kind) -> bytes:
        good = session.secret(PASSWORD.encode())
        return {
            "password": lambda: session.secret(b"wrong"),
            "nonce": lambda: session.secret(PASSWORD.encode(), nonce=os.urandom(32)),
            "empty nonce": lambda: session.secret(PASSWORD.encode(), nonce=b""),
            "receiver": lambda: session.secret(PASSWORD.encode(), receiver=other_key),
            "sender": lambda: session.secret(PASSWORD.encode(), sender=stranger),
            "signature": lambda: good[:-1] + bytes([good[-1] ^ 1]),
            "cipher": lambda: session_tampered(session, good),
            "cut": lambda: good[:-10],
            "longer": lambda: good + b"\0",
            "length": lambda: good[:5] + b"\xff\xff\xff\x7f" + good[9:],
            "nothing": lambda: b"",
            "clear": lambda: PASSWORD.encode(),
        }[kind]()

    def session_tampered(session, good) -> bytes:
        from harness.ecc import sign

        size = 2 * session.policy.half
        body = bytearray(good[:-size])
        body[-20] ^= 1
        return bytes(body) + sign(session.policy, session.identity.key, bytes(body))

    kinds = ("password", "nonce", "empty nonce", "receiver", "sender", "signature", "cipher", "cut", "longer", "length", "nothing", "clear")
    answers = set()
    for number, kind in enumerate(kinds):
        with EccSession(secure_plant, policy, activate=False) as session:
            # A user of its own each time, so that no lock of another one shows.
            answers.add(outcome(lambda: session.activate(f"nobody-{number}" if kind == "password" else USER, secret(session, kind))))
            if kind == "cut":
                assert outcome(lambda: session.activate(USER, PASSWORD)) != "Good", "the key was used up"
        # The right password gives the user a clean slate.
        with EccSession(secure_plant, policy, user=USER, password=PASSWORD):
            pass
    assert answers == {"BadIdentityTokenRejected"}


@EVERY_POLICY
def test_a_key_for_secrets_is_good_once_and_the_next_comes_with_the_answer(secure_plant, policy):
    with EccSession(secure_plant, policy, user=USER, password=PASSWORD) as session:
        session.activate(USER, PASSWORD)
        used = session.server_key
        session.asks_for_key = False
        session.activate(USER, PASSWORD)
        assert session.server_key == used
        assert outcome(lambda: session.activate(USER, session.secret(PASSWORD.encode()))) == "BadIdentityTokenRejected"
    with EccSession(secure_plant, policy, user=USER, password=PASSWORD):
        pass


@EVERY_POLICY
def test_a_key_for_another_policy_is_refused_in_place_of_the_key(secure_plant, policy):
    class Other(EccSession):
        def header(self, **how):
            header = super().header(**how)
            for uri in ("http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256",):
                header.AdditionalHeader.Parameters[0].Value = ua.Variant(uri, ua.VariantType.String)
            return header

    with Other(secure_plant, policy, activate=False) as session:
        code = session.given["ECDHKey"]
        assert ua.status_codes.get_name_and_doc(code.value)[0] == "BadSecurityPolicyRejected"
        session.activate()
        assert session.value("i=2258")


@EVERY_POLICY
def test_signatures_of_other_sessions_and_keys_are_refused(secure_plant, policy):
    with EccSession(secure_plant, policy) as other, EccSession(secure_plant, policy, activate=False) as session:
        assert outcome(lambda: session.activate(proof=other.proof())) == "BadApplicationSignatureInvalid"
    with EccSession(secure_plant, policy, activate=False) as session:
        person = secure_plant.people[session.policy.curve.name]
        proof = session._proof(session.identity.key, user=True)
        token = certificate_token(session, person)
        assert outcome(lambda: session.activate(token=token, token_signature=proof)) == "BadUserSignatureInvalid"


@BOUND
def test_a_session_moves_to_another_channel_only_with_a_signature_for_it(secure_plant, policy):
    """Somebody in between who makes two channels out of one gains nothing: signatures name the channel."""
    with EccSession(secure_plant, policy, user=USER, password=PASSWORD) as first:
        with EccSession(secure_plant, policy, create=False) as second:
            second.adopt(first)
            second.client_nonce, second.server_key = first.client_nonce, first.server_key
            assert outcome(lambda: second.activate(USER, PASSWORD, proof=first.proof())) == "BadApplicationSignatureInvalid"
            assert first.value("i=2258"), "the session stays where it was"
            second.activate(USER, PASSWORD)
            assert second.value("i=2258")


def test_the_unsecured_endpoint_shows_the_rsa_certificate(secure_plant):
    rsa = secure_plant.certificate("Basic256Sha256")
    assert secure_plant.certificate("None") == rsa
    with Session(secure_plant.port) as session:
        assert session.created.ServerCertificate == rsa


def test_own_certificates_name_one_application_and_fit_their_curves(secure_plant):
    from cryptography import x509

    uris = set()
    for policy in POLICIES.values():
        certificate = x509.load_der_x509_certificate(secure_plant.certificate(policy.name))
        assert certificate.public_key().curve.name == policy.curve.name
        assert certificate.signature_hash_algorithm.name == policy.hash.name
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        assert usage.digital_signature and not usage.key_encipherment and not usage.data_encipherment
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris.update(names.get_values_for_type(x509.UniformResourceIdentifier))
        lasts = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        assert 3640 < lasts.days < 3660
    rsa = x509.load_der_x509_certificate(secure_plant.certificate())
    names = rsa.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert uris == set(names.get_values_for_type(x509.UniformResourceIdentifier)) and len(uris) == 1
