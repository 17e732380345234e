"""Sessions under security policies over elliptic curves, written from the specification with nothing but primitives: every
number, nonce and byte can be chosen.

OPC UA 1.05.07: Part 6, 6.7 and 6.8; Part 4, 6.1.8, 7.15 and 7.40.2.5.
"""

import os
import struct
from dataclasses import dataclass

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import nodeid_to_binary, struct_from_binary, struct_to_binary
from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from . import certificates
from .session import Session
from .wire import frame, string

BASE = "http://opcfoundation.org/UA/SecurityPolicy#"
SIGN, ENCRYPT = ua.MessageSecurityMode.Sign, ua.MessageSecurityMode.SignAndEncrypt
TAG = 16
ECC_ENCRYPTED_SECRET = ua.NodeId(17546)


@dataclass(frozen=True)
class Policy:
    """What one policy prescribes."""

    name: str
    curve: ec.EllipticCurve
    hash: hashes.HashAlgorithm
    key: int
    """Bytes of the key that encrypts."""
    aead: bool

    @property
    def uri(self) -> str:
        return BASE + self.name

    @property
    def half(self) -> int:
        """Bytes of a coordinate."""
        return self.curve.key_size // 8

    @property
    def iv(self) -> int:
        return 12 if self.aead else 16


P256, P384 = (ec.SECP256R1(), hashes.SHA256(), 16), (ec.SECP384R1(), hashes.SHA384(), 32)
POLICIES = {
    policy.name: policy
    for policy in (
        Policy("ECC_nistP256_AesGcm", *P256, aead=True),
        Policy("ECC_nistP384_AesGcm", *P384, aead=True),
        Policy("ECC_nistP256", *P256, aead=False),
        Policy("ECC_nistP384", *P384, aead=False),
    )
}


def sign(policy: Policy, key, data: bytes) -> bytes:
    """Both numbers of an ECDSA signature, one after the other."""
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(policy.hash)))
    return r.to_bytes(policy.half, "big") + s.to_bytes(policy.half, "big")


def verify(policy: Policy, certificate: bytes, data: bytes, signature: bytes):
    """Raises unless the certificate's key made the signature."""
    r, s = (int.from_bytes(signature[at : at + policy.half], "big") for at in (0, policy.half))
    if len(signature) != 2 * policy.half:
        raise InvalidSignature
    key = x509.load_der_x509_certificate(certificate).public_key()
    key.verify(encode_dss_signature(r, s), data, ec.ECDSA(policy.hash))


def digest(policy: Policy, data: bytes) -> bytes:
    context = hashes.Hash(policy.hash)
    context.update(data)
    return context.finalize()


class Ephemeral:
    """A key pair for one exchange."""

    def __init__(self, policy: Policy):
        self.policy = policy
        self.private = ec.generate_private_key(policy.curve)
        numbers = self.private.public_key().public_numbers()
        self.public = numbers.x.to_bytes(policy.half, "big") + numbers.y.to_bytes(policy.half, "big")

    def agree(self, peer: bytes) -> bytes:
        assert len(peer) == 2 * self.policy.half, "the server's nonce has the wrong length"
        point = ec.EllipticCurvePublicKey.from_encoded_point(self.policy.curve, b"\x04" + peer)
        return self.private.exchange(ec.ECDH(), point)


def derive(policy: Policy, agreed: bytes, label: str, first: bytes, second: bytes, length: int) -> bytes:
    salt = struct.pack("<H", length) + label.encode() + first + second
    return HKDF(policy.hash, length, salt, salt).derive(agreed)


class Keys:
    """The keys of one direction."""

    def __init__(self, policy, mode, agreed, label, first, second):
        self.policy, self.encrypts = policy, mode == ENCRYPT
        mac = 0 if policy.aead else policy.half
        length = mac if mac and not self.encrypts else mac + policy.key + policy.iv
        material = derive(policy, agreed, label, first, second, length)
        self.mac, self.key, self.iv = material[:mac], material[mac : mac + policy.key], material[mac + policy.key :]

    def _nonce(self, token: int, last: int) -> bytes:
        mask = struct.pack("<II", token, last) + bytes(4)
        return bytes(one ^ other for one, other in zip(self.iv, mask))

    def _tag(self, data: bytes) -> bytes:
        context = hmac.HMAC(self.mac, self.policy.hash)
        context.update(data)
        return context.finalize()

    def seal(self, kind: bytes, clear: bytes, content: bytes, token: int, number: int) -> bytes:
        """A whole chunk from the part that stays clear behind the size, and the rest."""
        last = (number - 1) % 2**32
        if self.policy.aead:
            head = kind + struct.pack("<I", 8 + len(clear) + len(content) + TAG) + clear
            if self.encrypts:
                return head + AESGCM(self.key).encrypt(self._nonce(token, last), content, head)
            return head + content + AESGCM(self.key).encrypt(self._nonce(token, last), b"", head + content)
        if self.encrypts:
            pad = -(len(content) + 1 + self.policy.half) % 16
            content += bytes([pad]) * (pad + 1)
        head = kind + struct.pack("<I", 8 + len(clear) + len(content) + self.policy.half) + clear
        content += self._tag(head + content)
        if self.encrypts:
            cipher = Cipher(algorithms.AES(self.key), modes.CBC(self.iv)).encryptor()
            content = cipher.update(content) + cipher.finalize()
        return head + content

    def open(self, kind: bytes, body: bytes, token: int, last: int) -> bytes:
        """What follows the clear part of a chunk."""
        head, content = kind + struct.pack("<I", len(body) + 8) + body[:8], body[8:]
        if self.policy.aead:
            if self.encrypts:
                return AESGCM(self.key).decrypt(self._nonce(token, last), content, head)
            AESGCM(self.key).decrypt(self._nonce(token, last), content[-TAG:], head + content[:-TAG])
            return content[:-TAG]
        if self.encrypts:
            cipher = Cipher(algorithms.AES(self.key), modes.CBC(self.iv)).decryptor()
            content = cipher.update(content) + cipher.finalize()
        content, tag = content[: -self.policy.half], content[-self.policy.half :]
        if self._tag(head + content) != tag:
            raise InvalidTag
        return content[: -content[-1] - 1] if self.encrypts else content


class EccSession(Session):
    """A client of its own for one of the policies."""

    def __init__(self, server, policy: str, identity=None, mode=ENCRYPT, create=True, first_number=0, nonce=None, **how):
        self.policy, self.mode = POLICIES[policy], mode
        self.identity = identity or server.identities[self.policy.curve.name]
        self.server_certificate = server.certificate(policy)
        self.application_uri = self.identity.uri
        self.first_number, self.nonce = first_number, nonce
        self.received = None
        self.chained = b""
        self.thumbprint = b""
        self.tokens: dict[int, tuple[Keys, Keys]] = {}
        self.server_key = b""
        super().__init__(server.port, create=create, **how)

    def next_sequence(self) -> int:
        """Numbers count from 0 to 2^32-1 and again from 0."""
        number, self.sequence = self.sequence, (self.sequence + 1) % 2**32
        return number

    def open(self, lifetime=3_600_000, renew=False, tamper=None):
        if not renew:
            self.sequence = self.first_number
        key = Ephemeral(self.policy)
        sent = self.nonce or key.public
        request = ua.OpenSecureChannelRequest()
        request.RequestHeader = self.header()
        request.Parameters.SecurityMode = self.mode
        request.Parameters.RequestType = ua.SecurityTokenRequestType(int(renew))
        request.Parameters.RequestedLifetime = lifetime
        request.Parameters.ClientNonce = sent
        self.request += 1
        body = struct.pack("<I", self.channel) + string(self.policy.uri) + string(self.identity.der)
        body += string(certificates.thumbprint(self.server_certificate))
        body += struct.pack("<II", self.next_sequence(), self.request) + struct_to_binary(request)
        message = frame(b"OPNF", body, size=8 + len(body) + 2 * self.policy.half)
        signature = sign(self.policy, self.identity.key, message)
        self.send((tamper or bytes)(message + signature))
        response = self._opened(*self.chunk(), also_signed=b"" if renew or not self.policy.aead else signature)
        result = response.Parameters.SecurityToken
        agreed = key.agree(response.Parameters.ServerNonce)
        if self.policy.aead:
            agreed = bytes(one ^ other for one, other in zip(agreed, self.chained or bytes(len(agreed))))
            self.chained = agreed
        theirs = response.Parameters.ServerNonce
        self.tokens[result.TokenId] = (
            Keys(self.policy, self.mode, agreed, "opcua-client", sent, theirs),
            Keys(self.policy, self.mode, agreed, "opcua-server", theirs, sent),
        )
        self.channel, self.token, self.revised_lifetime = result.ChannelId, result.TokenId, result.RevisedLifetime

    def _opened(self, kind, body, also_signed):
        assert kind == b"OPNF", kind
        at = 4
        fields = []
        for _ in range(3):
            (length,) = struct.unpack_from("<i", body, at)
            fields.append(body[at + 4 : at + 4 + length])
            at += 4 + length
        uri, certificate, thumbprint = fields
        assert uri.decode() == self.policy.uri and certificate == self.server_certificate
        assert thumbprint == certificates.thumbprint(self.identity.der)
        signature = body[-2 * self.policy.half :]
        signed = kind + struct.pack("<I", len(body) + 8) + body[: -2 * self.policy.half]
        verify(self.policy, certificate, signed + also_signed, signature)
        if self.policy.aead and not self.thumbprint:
            self.thumbprint = signature
        (number,) = struct.unpack_from("<I", body, at)
        self._follows(number)
        return struct_from_binary(ua.OpenSecureChannelResponse, Buffer(body[at + 8 : -2 * self.policy.half]))

    def _follows(self, number: int):
        expected = 0 if self.received is None else (self.received + 1) % 2**32
        assert number == expected, f"the server sent number {number} after {self.received}"
        self.received = number

    def message(self, body, kind=b"MSG", sequence=None, token=None, **_):
        self.request += 1
        token = self.token if token is None else token
        number = self.next_sequence() if sequence is None else sequence
        clear = struct.pack("<II", self.channel, token)
        content = struct.pack("<II", number, self.request) + body
        return self.tokens[token][0].seal(kind + b"F", clear, content, token, number)

    def chunk(self):
        kind, body = super().chunk()
        if kind[:3] != b"MSG":
            return kind, body
        _, token = struct.unpack_from("<II", body)
        content = self.tokens[token][1].open(kind, body, token, self.received)
        self._follows(struct.unpack_from("<I", content)[0])
        return kind, body[:8] + content

    # ---- sessions

    def header(self, **how):
        header = super().header(**how)
        wanted = ua.KeyValuePair()
        wanted.Key, wanted.Value = ua.QualifiedName("ECDHPolicyUri", 0), ua.Variant(self.policy.uri, ua.VariantType.String)
        parameters = ua.AdditionalParametersType()
        parameters.Parameters = [wanted]
        header.AdditionalHeader = parameters if self.asks_for_key else None
        return header

    asks_for_key = True

    def create(self, timeout_ms=60_000.0, name="test", nonce=None, certificate=None):
        self.client_nonce = os.urandom(32) if nonce is None else nonce
        result = super().create(timeout_ms, name, self.client_nonce, certificate or self.identity.der)
        assert result.ServerCertificate == self.server_certificate
        if self.policy.aead:
            hashed = digest(self.policy, self.server_certificate) + digest(self.policy, self.identity.der)
            signed = self.thumbprint + self.client_nonce + hashed + result.ServerNonce
        else:
            signed = self.identity.der + self.client_nonce
        verify(self.policy, self.server_certificate, signed, result.ServerSignature.Signature)
        return result

    def call(self, request, **header):
        answer = super().call(request, **header)
        parameters = answer.ResponseHeader.AdditionalHeader
        if isinstance(parameters, ua.AdditionalParametersType):
            self.given = {pair.Key.Name: pair.Value.Value for pair in parameters.Parameters}
            key = self.given.get("ECDHKey")
            if isinstance(key, ua.EphemeralKeyType):
                verify(self.policy, self.server_certificate, key.PublicKey, key.Signature)
                self.server_key = key.PublicKey
        return answer

    def policy_id(self, kind: int) -> str:
        for endpoint in self.created.ServerEndpoints:
            if endpoint.SecurityPolicyUri == self.policy.uri and endpoint.SecurityMode == self.mode:
                for policy in endpoint.UserIdentityTokens:
                    if policy.TokenType == kind:
                        assert policy.SecurityPolicyUri in (None, "", self.policy.uri)
                        return policy.PolicyId
        raise AssertionError(f"no such token policy under {self.policy.name}")

    def _proof(self, key, user: bool) -> ua.SignatureData:
        if self.policy.aead:
            server, client = digest(self.policy, self.server_certificate), digest(self.policy, self.identity.der)
            hashed = server + server + (client if user else b"") + client
            signed = self.thumbprint + self.server_nonce + hashed + self.client_nonce
        else:
            signed = self.server_certificate + self.server_nonce
        signature = ua.SignatureData()
        signature.Signature = sign(self.policy, key, signed)
        return signature

    def proof(self):
        return self._proof(self.identity.key, user=False)

    def user_proof(self, user) -> ua.SignatureData:
        """What a user who has a certificate signs."""
        return self._proof(user.key, user=True)

    def secret(self, text: bytes, nonce=None, receiver=None, sender=None) -> bytes:
        """An EccEncryptedSecret for the key that the server gave last."""
        policy, key = self.policy, Ephemeral(self.policy)
        receiver = receiver or self.server_key
        material = derive(policy, key.agree(receiver), "opcua-secret", key.public, receiver, policy.key + policy.iv)
        cipher_key, iv = material[: policy.key], material[policy.key :]
        plain = string(self.server_nonce if nonce is None else nonce) + string(text)
        pad = -(len(plain) + 2) % 16
        plain += bytes([pad]) * pad + struct.pack("<H", pad)
        keys = string(key.public) + string(receiver)
        common = string(policy.uri) + string(self.identity.der) + struct.pack("<qH", 133_000_000_000_000_000, len(keys))
        rest = len(plain) + (TAG if policy.aead else 0) + 2 * policy.half
        head = nodeid_to_binary(ECC_ENCRYPTED_SECRET) + b"\x01" + struct.pack("<I", len(common + keys) + rest)
        head += common + keys
        if policy.aead:
            cipher = AESGCM(cipher_key).encrypt(iv, plain, head)
        else:
            encryptor = Cipher(algorithms.AES(cipher_key), modes.CBC(iv)).encryptor()
            cipher = encryptor.update(plain) + encryptor.finalize()
        return head + cipher + sign(policy, (sender or self.identity).key, head + cipher)

    def activate(self, user=None, password=None, **how):
        if isinstance(password, str):
            password = self.secret(password.encode())
        return super().activate(user, password, **how)
