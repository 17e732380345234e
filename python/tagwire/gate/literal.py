"""Payloads: literals of Python as the serializer serpent writes them.

Nothing that comes is evaluated: it is read token by token, bounded in length, depth and number, or refused.
"""

from __future__ import annotations

import ast
import base64
import binascii
import math
import re
from datetime import datetime
from typing import Any, Dict, List, Optional

from ..errors import PeerError

__all__ = ["MAX_BYTES", "dumps", "literal", "loads", "plain"]

#: Longest payload taken, in bytes, also after it was inflated.
MAX_BYTES = 16 * 1024 * 1024
#: Deepest nesting.
_MAX_DEPTH = 32
#: Most values of one payload.
_MAX_VALUES = 2_000_000
_PREFIX = b"# serpent utf-8 python3.2\n"
_TOKEN = re.compile(
    r"(?:\s|\#[^\n]*)*(?:"
    r"(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<mark>[,:])"
    r"|(?P<text>b?(?:'[^'\\]*(?:\\.[^'\\]*)*'|\"[^\"\\]*(?:\\.[^\"\\]*)*\"))"
    r"|(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?:(?:[-+](?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)?j)?)"
    r"|(?P<word>True|False|None)"
    r"|(?P<end>\Z))",
    re.DOTALL,
)
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_WORDS = {"True": True, "False": False, "None": None}


def dumps(value: Any) -> bytes:
    """A value as a payload; raises `TypeError` for one that cannot be sent."""
    return _PREFIX + literal(value).encode("utf-8")


def literal(value: Any) -> str:
    """A value as text; raises `TypeError` for one that cannot be sent."""
    if isinstance(value, float):
        if math.isnan(value):
            return "{'__class__':'float','value':'nan'}"
        return repr(float(value)) if math.isfinite(value) else ("1e30000" if value > 0 else "-1e30000")
    if value is None or isinstance(value, (bool, complex)):
        return repr(value)
    if isinstance(value, int):
        return repr(int(value))
    if isinstance(value, str):
        return repr(str(value))
    if isinstance(value, (bytes, bytearray)):
        return f"{{'data':{base64.b64encode(value).decode('ascii')!r},'encoding':'base64'}}"
    if isinstance(value, datetime):
        return repr(value.isoformat(" "))
    if isinstance(value, (tuple, list)):
        inner = ",".join(map(literal, value))
        if isinstance(value, list):
            return f"[{inner}]"
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, dict):
        return "{" + ",".join(f"{literal(key)}:{literal(found)}" for key, found in value.items()) + "}"
    if hasattr(value, "tolist"):
        # Scalars and arrays of NumPy know how to become those of Python.
        return literal(value.tolist())
    raise TypeError(f"a {type(value).__name__} is no value of a tag")


class _Open:
    """A tuple, list, dictionary or set that is not closed yet."""

    __slots__ = ("closer", "items", "n_colons", "n_commas")

    def __init__(self, closer: str) -> None:
        self.closer = closer
        self.items: List[Any] = []
        self.n_commas = 0
        self.n_colons = 0

    def mark(self, mark: str) -> bool:
        """Takes a comma or colon; whether it may stand there."""
        if mark == ",":
            self.n_commas += 1
            return self.n_colons == 0 or len(self.items) == 2 * self.n_colons
        self.n_colons += 1
        return self.closer == "}" and len(self.items) == 2 * self.n_colons - 1

    def close(self) -> Any:
        items = self.items
        if self.closer == ")":
            return items[0] if len(items) == 1 and not self.n_commas else tuple(items)
        if self.closer == "]":
            return items
        if self.n_colons:
            if len(items) != 2 * self.n_colons:
                raise ValueError("a key without a value")
            return dict(zip(items[::2], items[1::2]))
        return tuple(items) if items else {}


def loads(payload: bytes) -> Any:
    """The value of a payload; raises `PeerError` for what is none."""
    if len(payload) > MAX_BYTES:
        raise PeerError("gateway sent more than 16 MiB")
    try:
        return _read(payload.decode("utf-8"))
    except (ValueError, TypeError, SyntaxError, OverflowError, RecursionError, MemoryError) as error:
        raise PeerError(f"gateway sent what is no value: {error}") from None


def _read(text: str) -> Any:
    at, n_values = 0, 0
    stack: List[_Open] = []
    outer: List[Any] = []
    # Whether a value may follow, rather than a mark.
    is_next = True
    while True:
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"character {at}")
        kind, at = found.lastgroup, found.end()
        if kind == "end":
            break
        token = found.group(kind) if kind is not None else ""
        if kind == "mark":
            if is_next or not stack or not stack[-1].mark(token):
                raise ValueError(f"character {at}")
            is_next = True
            continue
        if kind == "close":
            if not stack or stack[-1].closer != token:
                raise ValueError(f"character {at}")
            value = stack.pop().close()
        else:
            n_values += 1
            if not is_next or n_values > _MAX_VALUES:
                raise ValueError("too many values" if is_next else f"character {at}")
            if kind == "open":
                if len(stack) >= _MAX_DEPTH:
                    raise ValueError("nested too deeply")
                stack.append(_Open(_CLOSERS[token]))
                continue
            value = _atom(kind, token)
        (stack[-1].items if stack else outer).append(value)
        is_next = False
    if stack or len(outer) != 1:
        raise ValueError("it ends too early")
    return outer[0]


def _atom(kind: Optional[str], token: str) -> Any:
    if kind == "text":
        # Only the escapes of one string are left to the language.
        return ast.literal_eval(token) if "\\" in token or token[0] == "b" else token[1:-1]
    if kind == "word":
        return _WORDS[token]
    if token.endswith("j"):
        return complex(token)
    return float(token) if any(letter in token for letter in ".eE") else int(token)


def plain(value: Any) -> Any:
    """Bytes and not-a-number as themselves, wherever they are."""
    if isinstance(value, dict):
        if value.get("encoding") == "base64" and set(value) == {"data", "encoding"}:
            return _bytes(value["data"])
        if value.get("__class__") == "float":
            return math.nan
        found: Dict[Any, Any] = {key: plain(inner) for key, inner in value.items()}
        return found
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, tuple):
        return tuple(plain(inner) for inner in value)
    return value


def _bytes(data: Any) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise PeerError("gateway sent bytes that are not base64") from None
