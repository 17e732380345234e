"""A raw OPC UA client: every byte that goes out can be chosen, every chunk that comes back can be looked at.

The structures come from asyncua; sockets, chunks, channel and session are handled here, with security policy None.
"""

import socket
import struct
from datetime import datetime, timezone

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary, struct_to_binary

NONE = "http://opcfoundation.org/UA/SecurityPolicy#None"
SERVICE_FAULT = 397


class Closed(Exception):
    """The server closed the connection."""


class Refused(Exception):
    """The server sent an ERR message."""

    def __init__(self, code: int, reason: str):
        super().__init__(f"{status(code)}: {reason}")
        self.code = code
        self.name = status(code)


class Fault(Exception):
    """The server answered with a ServiceFault or a bad service result."""

    def __init__(self, code: int):
        super().__init__(status(code))
        self.code = code
        self.name = status(code)


def status(code) -> str:
    """The name of a status code."""
    value = code.value if isinstance(code, ua.StatusCode) else int(code)
    return ua.status_codes.get_name_and_doc(value & 0xFFFF0000)[0]


def string(text) -> bytes:
    """A String or ByteString on the wire; None is the null string."""
    if text is None:
        return struct.pack("<i", -1)
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<i", len(data)) + data


def frame(kind: bytes, body: bytes, size=None) -> bytes:
    """A chunk: four bytes of type, the size (a false one when given), the rest."""
    return kind + struct.pack("<I", len(body) + 8 if size is None else size) + body


def hello(url: str, receive=65535, send=65535, message=0, chunks=0, version=0) -> bytes:
    """A HEL message."""
    return frame(b"HELF", struct.pack("<5I", version, receive, send, message, chunks) + string(url))


class Wire:
    """A TCP connection that speaks chunks."""

    def __init__(self, port: int, timeout: float = 20, accepted: socket.socket | None = None):
        self.port = port
        self.url = f"opc.tcp://127.0.0.1:{port}"
        self.socket = accepted or socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes):
        self.socket.sendall(data)

    def _exactly(self, n: int) -> bytes:
        data = b""
        while len(data) < n:
            try:
                part = self.socket.recv(n - len(data))
            except ConnectionError as error:
                raise Closed from error
            if not part:
                raise Closed
            data += part
        return data

    def chunk(self) -> tuple[bytes, bytes]:
        """The next chunk: its four type bytes and what follows the size. An ERR message is raised."""
        head = self._exactly(8)
        body = self._exactly(struct.unpack("<I", head[4:])[0] - 8)
        if head[:3] == b"ERR":
            code, length = struct.unpack("<Ii", body[:8])
            raise Refused(code, body[8 : 8 + max(length, 0)].decode())
        return head[:4], body

    def hello(self, **how) -> tuple[int, ...]:
        """Sends HEL and returns the five numbers of the ACK."""
        self.send(hello(how.pop("url", self.url), **how))
        kind, body = self.chunk()
        assert kind == b"ACKF", kind
        return struct.unpack("<5I", body)

    def ended(self, seconds: float = 10) -> str:
        """Waits until the server refuses or closes; returns the refusal's name, or an empty string for a bare close."""
        self.socket.settimeout(seconds)
        try:
            while True:
                self.chunk()
        except Refused as refusal:
            return refusal.name
        except Closed:
            return ""
        except TimeoutError:
            raise AssertionError(f"the connection is still open after {seconds} s") from None

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Channel(Wire):
    """A connection with an open secure channel of policy None."""

    def __init__(self, port: int, timeout: float = 20, lifetime: int = 3_600_000, accepted=None, **how):
        super().__init__(port, timeout, accepted)
        self.limits = self.hello(**how)
        self.sequence = 0
        self.request = 0
        self.channel = 0
        self.token = 0
        self.revised_lifetime = 0
        self.authentication = ua.NodeId()
        self.answers: dict[int, bytes] = {}
        self.open(lifetime)

    def next_sequence(self) -> int:
        self.sequence += 1
        return self.sequence

    def open_bytes(self, lifetime=3_600_000, renew=False, policy=NONE, mode=1, certificate=None) -> bytes:
        """An OPN chunk that issues or renews the token."""
        request = ua.OpenSecureChannelRequest()
        request.RequestHeader = self.header()
        request.Parameters.RequestType = ua.SecurityTokenRequestType(int(renew))
        request.Parameters.SecurityMode = ua.MessageSecurityMode(mode)
        request.Parameters.RequestedLifetime = lifetime
        request.Parameters.ClientNonce = b""
        self.request += 1
        body = struct.pack("<I", self.channel) + string(policy) + string(certificate) + string(None)
        body += struct.pack("<II", self.next_sequence(), self.request)
        return frame(b"OPNF", body + struct_to_binary(request))

    def open(self, lifetime=3_600_000, renew=False):
        """Issues or renews the token and keeps it."""
        self.send(self.open_bytes(lifetime, renew))
        kind, body = self.chunk()
        assert kind == b"OPNF", kind
        at = 4
        for _ in range(3):
            (length,) = struct.unpack_from("<i", body, at)
            at += 4 + max(length, 0)
        response = struct_from_binary(ua.OpenSecureChannelResponse, Buffer(body[at + 8 :]))
        if not response.ResponseHeader.ServiceResult.is_good():
            raise Fault(response.ResponseHeader.ServiceResult.value)
        token = response.Parameters.SecurityToken
        self.channel, self.token = token.ChannelId, token.TokenId
        self.revised_lifetime = token.RevisedLifetime

    def header(self, timeout_hint: int = 60_000, diagnostics: int = 0, audit_entry: str | None = None) -> ua.RequestHeader:
        header = ua.RequestHeader()
        header.AuthenticationToken = self.authentication
        header.Timestamp = datetime.now(timezone.utc)
        header.RequestHandle = self.request + 1
        header.TimeoutHint = timeout_hint
        header.ReturnDiagnostics = diagnostics
        header.AuditEntryId = audit_entry
        return header

    def message(self, body: bytes, kind=b"MSG", chunk_size=None, sequence=None, token=None, channel=None) -> bytes:
        """The chunks of one message; takes the next request id."""
        self.request += 1
        room = (chunk_size or self.limits[1]) - 24
        parts = [body[at : at + room] for at in range(0, len(body), room)] or [b""]
        data = b""
        for number, part in enumerate(parts):
            final = b"F" if number == len(parts) - 1 else b"C"
            sequence_now = self.next_sequence() if sequence is None else sequence
            head = struct.pack(
                "<IIII",
                self.channel if channel is None else channel,
                self.token if token is None else token,
                sequence_now,
                self.request,
            )
            data += frame(kind + final, head + part)
        return data

    def encode(self, request, **header) -> bytes:
        request.RequestHeader = self.header(**header)
        return struct_to_binary(request)

    def post(self, request, **header) -> int:
        """Sends a request without waiting; returns its id."""
        self.send(self.message(self.encode(request, **header)))
        return self.request

    def answer(self, request_id: int) -> bytes:
        """The body of the answer to a request; answers to others are kept."""
        parts: dict[int, bytes] = {}
        while request_id not in self.answers:
            kind, body = self.chunk()
            assert kind[:3] == b"MSG", kind
            (of,) = struct.unpack_from("<I", body, 12)
            parts[of] = parts.get(of, b"") + body[16:]
            if kind[3:] == b"F":
                self.answers[of] = parts.pop(of)
            elif kind[3:] == b"A":
                parts.pop(of)
                raise Fault(struct.unpack_from("<I", body, 16)[0])
        return self.answers.pop(request_id)

    def take(self, request_id: int, response_type):
        """The decoded answer; a fault or a bad service result is raised."""
        body = self.answer(request_id)
        kind = nodeid_from_binary(Buffer(body)).Identifier
        if kind == SERVICE_FAULT:
            fault = struct_from_binary(ua.ServiceFault, Buffer(body))
            raise Fault(fault.ResponseHeader.ServiceResult.value)
        response = struct_from_binary(response_type, Buffer(body))
        result = response.ResponseHeader.ServiceResult
        if result.is_bad():
            raise Fault(result.value)
        return response

    def call(self, request, **header):
        """One request and its decoded answer."""
        name = type(request).__name__.removesuffix("Request")
        return self.take(self.post(request, **header), getattr(ua, f"{name}Response"))

    def call_bytes(self, body: bytes) -> str:
        """Sends an encoded request body as it is; returns the service result's name."""
        self.send(self.message(body))
        reply = self.answer(self.request)
        data = Buffer(reply)
        nodeid_from_binary(data)
        data.skip(12)
        return status(struct.unpack("<I", data.read(4))[0])
