"""User name tokens built by hand, right or wrong in one point."""

import struct

from asyncua import ua
from asyncua.crypto import uacrypto

from .session import Session

OAEP = "http://www.w3.org/2001/04/xmlenc#rsa-oaep"


def user_token(session, user, password, nonce=None, algorithm=OAEP, policy=None, length=None):
    """The token of a user on the unsecured endpoint, encrypted for the server; every part can be replaced."""
    endpoint = next(e for e in session.created.ServerEndpoints if e.SecurityMode == ua.MessageSecurityMode.None_)
    offered = next(p for p in endpoint.UserIdentityTokens if p.TokenType == ua.UserTokenType.UserName)
    secret = password.encode() + (session.server_nonce if nonce is None else nonce)
    secret = struct.pack("<I", len(secret) if length is None else length) + secret
    server = uacrypto.x509_from_der(endpoint.ServerCertificate)
    token = ua.UserNameIdentityToken()
    token.UserName = user
    token.PolicyId = policy or offered.PolicyId
    token.Password = uacrypto.encrypt_rsa_oaep(server.public_key(), secret)
    token.EncryptionAlgorithm = algorithm
    return token


def log_in(server, user, password) -> Session:
    """A session of a user, without message security."""
    session = Session(server.port, activate=False)
    session.activate(token=user_token(session, user, password))
    return session
