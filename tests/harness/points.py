"""Every Modbus type in every order, with the registers that it must lie in, worked out here and nowhere else."""

import struct
from dataclasses import dataclass, field

from asyncua import ua

T = ua.VariantType
ORDERS_16 = ("AB", "BA")
ORDERS_32 = ("ABCD", "BADC", "CDAB", "DCBA")
ORDERS_64 = ("ABCDEFGH", "BADCFEHG", "CDABGHEF", "DCBAHGFE", "EFGHABCD", "FEHGBADC", "GHEFCDAB", "HGFEDCBA")
NUMBERS = {
    "i16": ("h", T.Int16, -12345, 32767),
    "u16": ("H", T.UInt16, 54321, 65535),
    "i32": ("i", T.Int32, -1234567890, 2147483647),
    "u32": ("I", T.UInt32, 4000000001, 1),
    "f32": ("f", T.Float, 3.1415927410125732, -1.1754943508222875e-38),
    "i64": ("q", T.Int64, -1234567890123456789, 9223372036854775807),
    "u64": ("Q", T.UInt64, 18000000000000000001, 1),
    "f64": ("d", T.Double, 2.718281828459045, -1e300),
}


@dataclass
class Point:
    """One tag: where it lies, its two values, and what the device must hold for each of them."""

    name: str
    address: str
    kind: str
    variant: ua.VariantType
    values: tuple
    start: int
    units: tuple[list, list]
    is_coils: bool = False
    order: str | None = None
    access: str = "rw"
    extra: dict = field(default_factory=dict)

    def config(self) -> str:
        order = f'order = "{self.order}"\n' if self.order else ""
        return (
            f'[[link.device.tag]]\nname = "{self.name}"\naddress = "{self.address}"\ntype = "{self.kind}"\n'
            f'access = "{self.access}"\n{order}'
        )


def permuted(value, code: str, order: str) -> list[int]:
    """The registers of a number: letter by letter, A being the most significant byte."""
    most_first = struct.pack(f">{code}", value)
    wire = bytes(most_first[ord(letter) - ord("A")] for letter in order)
    return list(struct.unpack(f">{len(wire) // 2}H", wire))


def text_registers(text: bytes, n_registers: int, low_first: bool) -> list[int]:
    padded = text.ljust(2 * n_registers, b"\0")
    return list(struct.unpack(f"{'<' if low_first else '>'}{n_registers}H", padded))


def all_points() -> list[Point]:
    """The whole matrix; no two tags share a register or coil."""
    points = []
    at = 0

    def take(n: int) -> int:
        nonlocal at
        at += n
        return at - n

    def holding(name, kind, variant, values, units, order=None, suffix=""):
        start = take(len(units[0]))
        points.append(Point(name, f"4{start + 1:05}{suffix}", kind, variant, values, start, units, order=order))

    for kind, (code, variant, first, second) in NUMBERS.items():
        size = struct.calcsize(code)
        orders = {2: ORDERS_16, 4: ORDERS_32, 8: ORDERS_64}[size]
        for order in orders:
            units = tuple(permuted(value, code, order) for value in (first, second))
            holding(f"{kind}_{order}", kind, variant, (first, second), units, order)
        for order in (orders[0], orders[-1]):
            lists = ([first, second, first], [second, second, first])
            units = tuple([word for value in values for word in permuted(value, code, order)] for values in lists)
            holding(f"{kind}_list_{order}", f"{kind}[3]", variant, lists, units, order)
    matrices = ([[1, 2, 3], [4, 5, 6]], [[-1, -2, -3], [-4, -5, -6]])
    flat = tuple([value & 0xFFFF for row in matrix for value in row] for matrix in matrices)
    holding("i16_matrix", "i16[2,3]", T.Int16, matrices, flat)
    holding("u8", "u8", T.Byte, (200, 7), ([200], [7]))
    holding("i8", "i8", T.SByte, (100, 7), ([100], [7]))
    texts = ("pump 7", "compressor")
    for suffix, low_first in (("H", False), ("L", True)):
        units = tuple(text_registers(text.encode(), 5, low_first) for text in texts)
        holding(f"text_{suffix}", "string", T.String, texts, units, suffix=f".10{suffix}")
    holding("bcd", "u16", T.UInt16, (1234, 9876), ([0x1234], [0x9876]), suffix=":BCD")
    bits = take(1)
    for bit in (0, 7, 15):
        values = (True, False)
        units = ([0x8081], [0x0000])
        name = f"bit_{bit}"
        points.append(Point(name, f"4{bits + 1:05}.{bit}", "bool", T.Boolean, values, bits, units))
    coil = 0
    for name, kind, values in (
        ("coil", "bool", (True, False)),
        ("coils", "bool[11]", ([True, False, True] * 3 + [True, True], [False, True, False] * 3 + [True, False])),
    ):
        lists = tuple(value if isinstance(value, list) else [value] for value in values)
        points.append(Point(name, f"0{coil + 1:05}", kind, T.Boolean, values, coil, lists, is_coils=True))
        coil += len(lists[0])
    inputs = tuple([i * 7 & 0xFFFF for i in range(20, 24)] for _ in range(2))
    points.append(Point("input", "300021", "u16", T.UInt16, (140, 140), 20, ([140], [140]), access="ro"))
    points.append(Point("inputs", "300021", "u16[4]", T.UInt16, inputs, 20, inputs, access="ro"))
    bits_in = [i % 3 == 0 for i in range(10, 20)]
    points.append(Point("discrete", "100013", "bool", T.Boolean, (True, True), 12, ([True], [True]), access="ro"))
    points.append(Point("discretes", "100011", "bool[10]", T.Boolean, (bits_in, bits_in), 10, (bits_in, bits_in), access="ro"))
    return points
