"""Sessions on signed and encrypted channels whose certificates, signatures and bytes can be wrong."""

import os
import struct

from asyncua import ua
from asyncua.common.connection import SecureConnection, TransportLimits
from asyncua.common.utils import Buffer
from asyncua.crypto import uacrypto
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.ua.ua_binary import header_from_binary, struct_from_binary, struct_to_binary

from .session import Session

SIGN, ENCRYPT = ua.MessageSecurityMode.Sign, ua.MessageSecurityMode.SignAndEncrypt


class SecureSession(Session):
    """Basic256Sha256; asyncua does the cryptography, the socket and every structure are ours."""

    def __init__(self, server, identity=None, mode=ENCRYPT, create=True, uri=None, **how):
        self.identity = identity or server.identity
        self.mode = mode
        self.server_certificate = server.certificate()
        self.application_uri = uri or self.identity.uri
        self._use(self.identity)
        super().__init__(server.port, create=create, **how)

    def _use(self, identity):
        peer = uacrypto.x509_from_der(self.server_certificate)
        policy = SecurityPolicyBasic256Sha256(peer, identity.certificate, identity.key, self.mode)
        policy.host_certificate = identity.der
        policy.host_certificate_chain = identity.chain
        policy.peer_certificate = self.server_certificate
        self.connection = SecureConnection(policy, TransportLimits())

    def open(self, lifetime=3_600_000, renew=False, mode=None):
        request = ua.OpenSecureChannelRequest()
        request.RequestHeader = self.header()
        kind = ua.SecurityTokenRequestType(int(renew))
        request.Parameters.SecurityMode = mode or self.mode
        request.Parameters.RequestType = kind
        request.Parameters.RequestedLifetime = lifetime
        request.Parameters.ClientNonce = nonce = os.urandom(32)
        self.request += 1
        body = struct_to_binary(request)
        self.send(self.connection.message_to_binary(body, message_type=ua.MessageType.SecureOpen, request_id=self.request))
        response = struct_from_binary(ua.OpenSecureChannelResponse, self._decode(*self.chunk()).body())
        self.connection.set_channel(response.Parameters, kind, nonce)
        self.channel = response.Parameters.SecurityToken.ChannelId

    def renew_as(self, identity):
        """Asks for a new token with the certificate and key of somebody else."""
        old = self.connection
        self._use(identity)
        self.connection.security_token, self.connection._sequence_number = old.security_token, old._sequence_number
        self.open(renew=True)

    def _decode(self, kind, body):
        whole = Buffer(kind + struct.pack("<I", len(body) + 8) + body)
        return self.connection.receive_from_header_and_body(header_from_binary(whole), whole)

    def message(self, body, **_):
        self.request += 1
        return self.connection.message_to_binary(body, request_id=self.request)

    def answer(self, request_id):
        while request_id not in self.answers:
            message = self._decode(*self.chunk())
            if message is not None:
                body = message.body()
                self.answers[message.request_id()] = body.read(len(body))
        return self.answers.pop(request_id)

    def create(self, timeout_ms=60_000.0, name="test", nonce=None, certificate=None):
        nonce = os.urandom(32) if nonce is None else nonce
        return super().create(timeout_ms, name, nonce, self.identity.der if certificate is None else certificate)

    def proof(self):
        """What ActivateSession must carry: the channel's key signs the server's certificate and nonce."""
        signature = ua.SignatureData()
        signature.Algorithm = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
        signature.Signature = uacrypto.sign_sha256(self.identity.key, self.server_certificate + self.server_nonce)
        return signature

    def secured_request(self) -> bytes:
        """A GetEndpoints request, signed and encrypted, ready to send."""
        request = ua.GetEndpointsRequest()
        request.Parameters.EndpointUrl = self.url
        return self.message(struct_to_binary(request))
