"""A signed and encrypted channel whose bytes can be changed before they go out."""

import asyncio
import struct

from asyncua import ua
from asyncua.common.connection import SecureConnection, TransportLimits
from asyncua.crypto import uacrypto
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import header_from_binary, struct_from_binary, struct_to_binary

from .wire import Wire, hello


def _run(coroutine):
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


class SecureChannel(Wire):
    """Basic256Sha256 with Sign and Encrypt; asyncua does the cryptography, the socket is ours."""

    def __init__(self, server, mode=ua.MessageSecurityMode.SignAndEncrypt):
        super().__init__(server.port)
        identity = server.identity
        own = _run(uacrypto.load_certificate(str(identity.certificate_der)))
        key = _run(uacrypto.load_private_key(str(identity.key_pem)))
        peer = uacrypto.x509_from_der(server.certificate())
        policy = SecurityPolicyBasic256Sha256(peer, own, key, mode)
        self.connection = SecureConnection(policy, TransportLimits())
        self.send(hello(self.url))
        self.chunk()
        self._request = 0
        request = ua.OpenSecureChannelRequest()
        request.Parameters.SecurityMode = mode
        request.Parameters.RequestType = ua.SecurityTokenRequestType.Issue
        request.Parameters.RequestedLifetime = 600_000
        nonce = bytes(range(32))
        request.Parameters.ClientNonce = nonce
        data = self._encode(request, ua.MessageType.SecureOpen)
        self.send(data)
        kind, body = self.chunk()
        assert kind == b"OPNF", kind
        message = self._decode(kind, body)
        response = struct_from_binary(ua.OpenSecureChannelResponse, message.body())
        self.connection.set_channel(response.Parameters, ua.SecurityTokenRequestType.Issue, nonce)

    def _encode(self, request, kind) -> bytes:
        self._request += 1
        return self.connection.message_to_binary(struct_to_binary(request), message_type=kind, request_id=self._request)

    def _decode(self, kind, body):
        whole = kind + struct.pack("<I", len(body) + 8) + body
        data = Buffer(whole)
        header = header_from_binary(data)
        return self.connection.receive_from_header_and_body(header, data)

    def secured_request(self) -> bytes:
        """A GetEndpoints request, signed and encrypted, ready to send."""
        request = ua.GetEndpointsRequest()
        request.Parameters.EndpointUrl = self.url
        return self._encode(request, ua.MessageType.SecureMessage)


