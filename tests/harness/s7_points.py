"""Every S7 type, with the bytes that it must lie in, worked out here and nowhere else."""

import datetime
import struct
from dataclasses import dataclass

from asyncua import ua

T = ua.VariantType
NUMBERS = {
    "SINT": ("b", T.SByte, -100, 127),
    "USINT": ("B", T.Byte, 200, 1),
    "BYTE": ("B", T.Byte, 17, 255),
    "INT": ("h", T.Int16, -12345, 32767),
    "UINT": ("H", T.UInt16, 54321, 65535),
    "WORD": ("H", T.UInt16, 4660, 1),
    "DINT": ("i", T.Int32, -1234567890, 2147483647),
    "UDINT": ("I", T.UInt32, 4000000001, 1),
    "DWORD": ("I", T.UInt32, 1, 4000000001),
    "REAL": ("f", T.Float, 3.1415927410125732, -1.1754943508222875e-38),
    "LINT": ("q", T.Int64, -1234567890123456789, 9223372036854775807),
    "ULINT": ("Q", T.UInt64, 18000000000000000001, 1),
    "LWORD": ("Q", T.UInt64, 1, 18000000000000000001),
    "LREAL": ("d", T.Double, 2.718281828459045, -1e300),
    "TIME": ("i", T.Int32, -86400000, 1000),
    "LTIME": ("q", T.Int64, -1, 1000000000),
    "TOD": ("I", T.UInt32, 86399999, 0),
    "LTOD": ("Q", T.UInt64, 86399999999999, 1),
}


@dataclass
class Point:
    """One tag: where it lies, its two values, and the bytes that the CPU must hold for each of them."""

    name: str
    address: str
    variant: ua.VariantType
    values: tuple
    area: str
    start: int
    bytes: tuple[bytes, bytes]
    kind: str = ""

    def config(self) -> str:
        kind = f'type = "{self.kind}"\n' if self.kind else ""
        return f'[[link.device.tag]]\nname = "{self.name}"\naddress = "{self.address}"\naccess = "rw"\n{kind}'


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)


def string(text: str, size: int) -> bytes:
    raw = text.encode("latin-1")
    return (bytes([size, len(raw)]) + raw).ljust(size + 2, b"\0")


def wstring(text: str, size: int) -> bytes:
    raw = text.encode("utf-16-be")
    return (struct.pack(">HH", size, len(raw) // 2) + raw).ljust(2 * size + 4, b"\0")


def all_points() -> list[Point]:
    """One point of every type; no two share a byte, and bits are the lowest of theirs."""
    points = []
    # Our simulator has signals before that.
    at = 16

    def block(name, word, variant, values, raw, kind="", suffix=""):
        nonlocal at
        points.append(Point(name, f"DB1,{word}{at}{suffix}", variant, values, "DB", at, raw, kind))
        at += len(raw[0]) + len(raw[0]) % 2

    for word, (code, variant, first, second) in NUMBERS.items():
        raw = tuple(struct.pack(f">{code}", value) for value in (first, second))
        block(word.lower(), word, variant, (first, second), raw)
        lists = ([first, second, first], [second, second, first])
        raw = tuple(struct.pack(f">3{code}", *values) for values in lists)
        block(f"{word.lower()}_list", word, variant, lists, raw, suffix="[3]")
    block("bit", "X", T.Boolean, (True, False), (b"\1", b"\0"), suffix=".0")
    block("dword_real", "D", T.Float, (0.5, -2.0), (struct.pack(">f", 0.5), struct.pack(">f", -2.0)), kind="f32")
    block("word_int", "W", T.Int16, (-2, 5), (b"\xff\xfe", b"\0\5"), kind="i16")
    block("char", "CHAR", T.String, ("Z", "ä"), (b"Z", b"\xe4"))
    block("wchar", "WCHAR", T.String, ("€", "x"), (b"\x20\xac", b"\0x"))
    texts = ("Pumpe für Öl", "off")
    block("text", "STRING", T.String, texts, tuple(string(text, 20) for text in texts), suffix=".20")
    block("wide", "WSTRING", T.String, ("5 €", "seven"), (wstring("5 €", 8), wstring("seven", 8)), suffix=".8")
    block("plain", "S", T.String, ("abc", "abcdef"), (b"abc\0\0\0", b"abcdef"), suffix=".6")
    block("raw", "B", T.ByteString, (b"\xde\xad\0", b"\1\2\3"), (b"\xde\xad\0", b"\1\2\3"), kind="bytes", suffix="[3]")
    block("matrix", "INT", T.Int16, ([[1, 2], [3, 4]], [[-1, -2], [-3, -4]]),
          (struct.pack(">4h", 1, 2, 3, 4), struct.pack(">4h", -1, -2, -3, -4)), suffix="[2][2]")
    block("s5time", "S5TIME", T.UInt32, (2500, 9990000), (b"\x02\x50", b"\x39\x99"))
    block("bcd", "BCD", T.UInt16, (9876, 12), (b"\x98\x76", b"\0\x12"))
    block("lbcd", "LBCD", T.UInt32, (12345678, 90), (b"\x12\x34\x56\x78", b"\0\0\0\x90"))
    block("date", "DATE", T.DateTime, (moment("1990-01-03"), moment("2024-02-29")), (b"\0\2", b"\x30\xbd"))
    block("dt", "DT", T.DateTime, (moment("2023-12-31T23:59:58.123"), moment("1990-01-01T00:00:00")),
          (bytes.fromhex("2312312359581231"), bytes.fromhex("9001010000000002")))
    block("dtl", "DTL", T.DateTime, (moment("2024-02-29T12:30:01.5"), moment("1970-01-01T00:00:00")),
          (bytes.fromhex("07e8021d050c1e01") + struct.pack(">I", 500000000), bytes.fromhex("07b2010105000000") + bytes(4)))
    points.append(Point("memory", "MW10", T.UInt16, (4711, 3), "MK", 10, (b"\x12\x67", b"\0\3")))
    points.append(Point("input", "IB3", T.Byte, (7, 9), "PE", 3, (b"\7", b"\x09")))
    points.append(Point("output", "QB3", T.Byte, (8, 10), "PA", 3, (b"\x08", b"\x0a")))
    points.append(Point("timer", "T5", T.UInt32, (2500, 10), "TM", 10, (b"\x02\x50", b"\0\1")))
    points.append(Point("counter", "C7", T.UInt16, (123, 999), "CT", 14, (b"\x01\x23", b"\x09\x99")))
    return points
