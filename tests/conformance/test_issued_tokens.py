"""Users with tokens of an identity provider; the tokens are made here, by Python's cryptography."""

import base64
import json
import struct
import time

import pytest
from asyncua import ua
from asyncua.crypto import uacrypto
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from harness.plant import SecuredServer
from harness.process import SLOW, wait_until
from harness.product import sim_device
from harness.session import Session, tag
from harness.tokens import OAEP
from harness.wire import Closed, Fault

URL, AUDIENCE = "https://login.plant/realms/hall", "tagwire"


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, length: int) -> str:
    return text(value.to_bytes(length, "big"))


class Provider:
    """An identity provider with one RSA and one elliptic key."""

    def __init__(self):
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())

    def keys(self) -> str:
        public, point = self.rsa.public_key().public_numbers(), self.ec.public_key().public_numbers()
        rsa_key = {"kty": "RSA", "kid": "r", "use": "sig", "n": number(public.n, 256), "e": number(public.e, 3)}
        ec_key = {"kty": "EC", "crv": "P-256", "kid": "e", "x": number(point.x, 32), "y": number(point.y, 32)}
        return json.dumps({"keys": [rsa_key, ec_key]})

    def token(self, algorithm="RS256", **claims) -> bytes:
        claims = {"iss": URL, "aud": AUDIENCE, "exp": int(time.time()) + 300, "sub": "anna", "roles": ["operator"]} | claims
        header = {"alg": algorithm, "kid": "e" if algorithm == "ES256" else "r"}
        signed = f"{text(json.dumps(header).encode())}.{text(json.dumps(claims).encode())}".encode()
        if algorithm == "ES256":
            r, s = decode_dss_signature(self.ec.sign(signed, ec.ECDSA(hashes.SHA256())))
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        elif algorithm == "PS256":
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
            signature = self.rsa.sign(signed, pss, hashes.SHA256())
        else:
            signature = self.rsa.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return signed + b"." + text(signature).encode()


@pytest.fixture(scope="module")
def provider():
    return Provider()


@pytest.fixture(scope="module")
def server(tmp_path_factory, provider):
    server = SecuredServer(tmp_path_factory.mktemp("issued"))
    server.anonymous = "none"
    (server.folder / "keys.json").write_text(provider.keys())
    server.configure(
        sim_device("value static i32 rw")
        + f'[[access.issuer]]\nurl = "{URL}"\naudience = "{AUDIENCE}"\nkeys = "keys.json"\n'
    )
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
