"""Users with tokens of an identity provider."""

import json
import struct
import time

import pytest
from asyncua import ua
from asyncua.crypto import uacrypto

from harness.plant import SecuredServer
from harness.process import SLOW, wait_until
from harness.product import sim_device
from harness.provider import URL, Provider
from harness.session import Session, tag
from harness.tokens import OAEP
from harness.wire import Closed, Fault


@pytest.fixture(scope="module")
def provider():
    return Provider()


@pytest.fixture(scope="module")
def server(tmp_path_factory, provider):
    server = SecuredServer(tmp_path_factory.mktemp("issued"))
    server.anonymous = "none"
    server.configure(sim_device("value static i32 rw") + provider.configuration(server.folder))
    with server:
        yield server


def log_in(session, token: bytes):
    endpoint = next(e for e in session.created.ServerEndpoints if e.SecurityMode == ua.MessageSecurityMode.None_)
    offered = next(p for p in endpoint.UserIdentityTokens if p.TokenType == ua.UserTokenType.IssuedToken)
    assert offered.IssuedTokenType == "http://opcfoundation.org/UA/UserToken#JWT"
    assert json.loads(offered.IssuerEndpointUrl)["ua:authorityUrl"] == URL
    shown = ua.IssuedIdentityToken()
    shown.PolicyId, shown.EncryptionAlgorithm = offered.PolicyId, OAEP
    certificate = uacrypto.x509_from_der(endpoint.ServerCertificate)
    secret = struct.pack("<I", len(token) + len(session.server_nonce)) + token + session.server_nonce
    key = certificate.public_key()
    room = key.key_size // 8 - 42
    parts = [secret[at : at + room] for at in range(0, len(secret), room)]
    shown.TokenData = b"".join(uacrypto.encrypt_rsa_oaep(key, part) for part in parts)
    session.activate(token=shown)


def outcome(server, token) -> str:
    with Session(server.port, activate=False) as session:
        try:
            log_in(session, token)
        except Fault as fault:
            return str(fault)
        session.close_session()
        return "Good"


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
def test_a_token_logs_its_user_in_with_its_roles(server, provider, algorithm):
    with Session(server.port, activate=False) as session:
        log_in(session, provider.token(algorithm))
        assert session.write(tag("mem.all.value"), 5, ua.VariantType.Int32) == "Good"
        session.close_session()
    with Session(server.port, activate=False) as session:
        log_in(session, provider.token(algorithm, roles="observer unheard-of"))
        assert session.read_status(tag("mem.all.value")) == "Good"
        assert session.write(tag("mem.all.value"), 6, ua.VariantType.Int32) == "BadUserAccessDenied"
        session.close_session()


def test_every_wrong_token_gets_the_same_answer(server, provider):
    now = int(time.time())
    wrong = {
        "ended": provider.token(exp=now - 100),
        "not begun": provider.token(nbf=now + 100),
        "another audience": provider.token(aud="other"),
        "another provider": provider.token(iss="https://evil/"),
        "unsigned": provider.token()[:-20],
        "a stranger's": Provider().token(),
        "symmetric": provider.token("HS256"),
        "nonsense": b"nonsense",
    }
    answers = {name: outcome(server, token) for name, token in wrong.items()}
    assert set(answers.values()) == {"BadIdentityTokenRejected"}, answers
    assert "the token is meant for another audience" in server.process.output


def test_a_session_ends_with_its_token(server, provider):
    with Session(server.port, activate=False) as session:
        # A minute of difference between the clocks is granted for the log-in, and not for the session.
        log_in(session, provider.token(exp=int(time.time()) + 3))
        assert session.read_status(tag("mem.all.value")) == "Good"

        def is_over():
            try:
                session.read_status(tag("mem.all.value"))
            except (Fault, Closed):
                return True
            return False

        wait_until(is_over, 5 + 5 * SLOW, "the session ends")
