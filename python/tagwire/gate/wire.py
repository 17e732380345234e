"""Messages of Pyro4 and of Pyro5: bytes in, messages out, and back; without a socket."""

from __future__ import annotations

import enum
import struct
import zlib
from typing import Dict, NamedTuple, Optional

from ..errors import PeerError
from .literal import MAX_BYTES

__all__ = ["Dialect", "Head", "Kind", "dialect_of", "encode", "head_of", "inflate", "stream_of"]

_TAG = b"PYRO"
#: Tag, version, kind, flags, number, length, serializer, length of annotations, reserved, checksum.
_HEAD_4 = struct.Struct("!4sHHHHiHHHH")
#: Tag, version, kind, serializer, flags, number, length, length of annotations, correlation, reserved, magic.
_HEAD_5 = struct.Struct("!4sHBBHHII16sHH")
_MAGIC_4 = 0x34E9
_MAGIC_5 = 0x4DC5
_SERPENT = 1
#: Most bytes of annotations.
_MAX_ANNOTATIONS = 64 * 1024
_COMPRESSED = 2


class Dialect(enum.Enum):
    """Which of the two formats a gateway speaks: OpenOPC-Python3x that of Pyro4, openopc2 that of Pyro5."""

    PYRO4 = 48
    PYRO5 = 502

    @property
    def head_len(self) -> int:
        """Bytes before the annotations."""
        return _HEAD_4.size if self is Dialect.PYRO4 else _HEAD_5.size

    @property
    def stream_flag(self) -> int:
        """The flag of a result that comes piece by piece."""
        return 32 if self is Dialect.PYRO4 else 16

    @property
    def meta_flag(self) -> int:
        """The flag that asks for the methods of an object; Pyro5 has none."""
        return 16 if self is Dialect.PYRO4 else 0


class Kind(enum.IntEnum):
    """What a message is for."""

    CONNECT = 1
    CONNECT_OK = 2
    CONNECT_FAIL = 3
    INVOKE = 4
    RESULT = 5
    PING = 6


class Head(NamedTuple):
    """What stands before the annotations and the payload."""

    kind: int
    flags: int
    number: int
    length: int
    annotations: int


def encode(dialect: Dialect, kind: Kind, flags: int, number: int, data: bytes) -> bytes:
    """The bytes of a message; number: 0 to 65535, which the answer repeats."""
    if dialect is Dialect.PYRO5:
        head = _HEAD_5.pack(
            _TAG, dialect.value, kind, _SERPENT, flags, number, len(data), 0, bytes(16), 0, _MAGIC_5
        )
        return head + data
    checksum = _checksum(kind, len(data), 0, _SERPENT, flags, number)
    return _HEAD_4.pack(_TAG, dialect.value, kind, flags, number, len(data), _SERPENT, 0, 0, checksum) + data


def _checksum(kind: int, length: int, annotations: int, serializer: int, flags: int, number: int) -> int:
    return (kind + Dialect.PYRO4.value + length + annotations + serializer + flags + number + _MAGIC_4) & 0xFFFF


def dialect_of(begin: bytes) -> Optional[Dialect]:
    """The format of a message by its first six bytes; `None` when it is neither."""
    if begin[:4] != _TAG:
        return None
    version = int.from_bytes(begin[4:6], "big")
    return next((dialect for dialect in Dialect if dialect.value == version), None)


def head_of(dialect: Dialect, data: bytes) -> Head:
    """Reads `dialect.head_len` bytes; raises `PeerError` for what is no head of a message, or too long a message."""
    is_right = True
    if dialect is Dialect.PYRO4:
        tag, version, kind, flags, number, length, serializer, annotations, _, checksum = _HEAD_4.unpack(data)
        is_right = checksum == _checksum(kind, length, annotations, serializer, flags, number)
    else:
        tag, version, kind, serializer, flags, number, length, annotations, _, _, magic = _HEAD_5.unpack(data)
        is_right = magic == _MAGIC_5
    if tag != _TAG or version != dialect.value or not is_right:
        raise PeerError("peer is no OpenOPC gateway")
    if not 0 <= length <= MAX_BYTES or annotations > _MAX_ANNOTATIONS:
        raise PeerError("gateway sent more than 16 MiB")
    return Head(kind, flags, number, length, annotations)


def stream_of(dialect: Dialect, annotations: bytes) -> str:
    """The stream that a result stands for; empty when it names none."""
    width = 2 if dialect is Dialect.PYRO4 else 4
    found: Dict[bytes, bytes] = {}
    while len(annotations) >= 4 + width:
        length = int.from_bytes(annotations[4 : 4 + width], "big")
        found[annotations[:4]] = annotations[4 + width : 4 + width + length]
        annotations = annotations[4 + width + length :]
    return found.get(b"STRM", b"").decode("ascii", "replace")


def inflate(flags: int, data: bytes) -> bytes:
    """The payload, inflated where it was deflated; raises `PeerError` when it is broken or too long."""
    if not flags & _COMPRESSED:
        return data
    inflater = zlib.decompressobj()
    try:
        found = inflater.decompress(data, MAX_BYTES)
    except zlib.error as error:
        raise PeerError(f"gateway sent what cannot be inflated: {error}") from None
    if inflater.unconsumed_tail:
        raise PeerError("gateway sent more than 16 MiB")
    return found
