"""Properties of items, numbered as in OPC Classic."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import tagwire

from .common import ACCESS_RIGHTS, as_text, printable, timestamp

__all__ = ["DESCRIPTIONS", "read_properties"]

DESCRIPTIONS: Dict[int, str] = {
    1: "Item Canonical DataType",
    2: "Item Value",
    3: "Item Quality",
    4: "Item Timestamp",
    5: "Item Access Rights",
    6: "Server Scan Rate",
    7: "Item EU Type",
    8: "Item EU Info",
    100: "EU Units",
    101: "Item Description",
}

#: Attributes of OPC UA: Value, DataType, AccessLevel, MinimumSamplingInterval, Description.
_VALUE, _TYPE, _ACCESS, _INTERVAL, _DESCRIPTION = 13, 14, 17, 19, 5
_VT = {
    "bool": "VT_BOOL", "i8": "VT_I1", "u8": "VT_UI1", "i16": "VT_I2", "u16": "VT_UI2", "i32": "VT_I4", "u32": "VT_UI4",
    "i64": "VT_I8", "u64": "VT_UI8", "f32": "VT_R4", "f64": "VT_R8", "string": "VT_BSTR", "datetime": "VT_DATE",
    "bytes": "VT_ARRAY | VT_UI1",
}  # fmt: skip
#: The built-in types of OPC UA by the number of their node.
_DECLARED = {
    "i=1": "bool", "i=2": "i8", "i=3": "u8", "i=4": "i16", "i=5": "u16", "i=6": "i32", "i=7": "u32", "i=8": "i64",
    "i=9": "u64", "i=10": "f32", "i=11": "f64", "i=12": "string", "i=13": "datetime", "i=15": "bytes",
}  # fmt: skip


def _type_name(value: tagwire.Sample, declared: tagwire.Sample) -> str:
    held = value.data_type or _DECLARED.get(str(declared.value), "")
    plain = held.partition("[")[0]
    name = _VT.get(plain, "VT_VARIANT")
    return f"VT_ARRAY | {name}" if "[" in held and not name.startswith("VT_ARRAY") else name


def read_properties(client: tagwire.Client, tags: List[str]) -> List[Optional[List[Tuple[int, Any]]]]:
    """The properties of each item as pairs of number and value; `None` for an item that there is not."""
    attributes = (_VALUE, _TYPE, _ACCESS, _INTERVAL, _DESCRIPTION)
    found = client.read_attributes([(tag, attribute) for tag in tags for attribute in attributes])
    units = client.units(tags)
    rows: List[Optional[List[Tuple[int, Any]]]] = []
    for place, tag in enumerate(tags):
        value, declared, access, interval, description = found[place * 5 : place * 5 + 5]
        if declared.value is None:
            rows.append(None)
            continue
        level = access.value if isinstance(access.value, int) else 0
        row: List[Tuple[int, Any]] = [
            (1, _type_name(value, declared)),
            (2, as_text(printable(value.value))),
            (3, quality_of(value)),
            (4, timestamp(value.source_time or value.server_time)),
            (5, ACCESS_RIGHTS[level & 3]),
            (6, max(float(interval.value), 0.0) if isinstance(interval.value, (int, float)) else 0.0),
        ]
        if units.get(tag):
            row += [(7, 1), (100, units[tag])]
        if description.value:
            row.append((101, str(description.value)))
        rows.append(row)
    return rows


def quality_of(sample: tagwire.Sample) -> str:
    """The word for the quality of a sample."""
    return sample.quality.name.capitalize()
