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


def certificate_token(session, user, key=None, nonce=None, signature=None, policy=None):
    """The token of a user with a certificate, and the proof that the user holds its key; every part can be replaced."""
    mode = getattr(session, "mode", ua.MessageSecurityMode.None_)
    endpoint = next(e for e in session.created.ServerEndpoints if e.SecurityMode == mode)
    if mode != ua.MessageSecurityMode.None_:
        wanted = "http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256"
        found = session.created.ServerEndpoints
        endpoint = next(e for e in found if e.SecurityMode == mode and e.SecurityPolicyUri == wanted)
    offered = next(p for p in endpoint.UserIdentityTokens if p.TokenType == ua.UserTokenType.Certificate)
    token = ua.X509IdentityToken()
    token.PolicyId, token.CertificateData = policy or offered.PolicyId, user.der
    proof = ua.SignatureData()
    proof.Algorithm = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
    signed = endpoint.ServerCertificate + (session.server_nonce if nonce is None else nonce)
    proof.Signature = uacrypto.sign_sha256(key or user.key, signed) if signature is None else signature
    return token, proof


def log_in(server, user, password) -> Session:
    """A session of a user, without message security."""
    session = Session(server.port, activate=False)
    session.activate(token=user_token(session, user, password))
    return session
