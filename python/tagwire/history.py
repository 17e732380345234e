"""History as columns, for whoever can hold them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Dict, Iterator, List

from . import _native
from ._types import Status

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

__all__ = ["History"]


@contextmanager
def _needed(call: str, package: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        message = f"{call}() needs {package}, which is not installed: pip install {package}; to_dict() needs nothing"
        raise ModuleNotFoundError(message, name=package) from None


class History:
    """Samples of one or several tags: columns `tag`, `time` (UTC), `value` and `status`.

    It is an Arrow stream (`__arrow_c_stream__`), so that pyarrow, polars, DuckDB and others take it as it is.
    """

    __slots__ = ("_columns",)

    def __init__(self, columns: _native.History) -> None:
        self._columns = columns

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._columns)

    def __repr__(self) -> str:
        return f"History({len(self)} samples of {', '.join(self.tags)})"

    @property
    def tags(self) -> List[str]:
        """The names that were asked for."""
        return self._columns.tags

    @property
    def statuses(self) -> Dict[str, Status]:
        """Whether each tag's history could be read."""
        return dict(zip(self.tags, self._columns.results))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._columns.__arrow_c_stream__(requested_schema)

    def to_arrow(self) -> pyarrow.Table:
        """A table of pyarrow, without copying."""
        with _needed("to_arrow", "pyarrow"):
            import pyarrow

        return pyarrow.table(self)

    def to_polars(self) -> polars.DataFrame:
        """A data frame of polars, without copying."""
        with _needed("to_polars", "polars"):
            import polars

        return polars.DataFrame(self)

    def to_pandas(self) -> pandas.DataFrame:
        """A data frame of pandas; pyarrow is not needed."""
        with _needed("to_pandas", "pandas"):
            import pandas

        codes = self._array("tag", "i4")
        tag = pandas.Categorical.from_codes(codes, categories=pandas.Index(self.tags, dtype="object"))
        time = pandas.DatetimeIndex(self._array("time", "M8[ns]")).tz_localize("UTC")
        frame = {"tag": tag, "time": time, "value": self._values(), "status": self._array("status", "u4")}
        return pandas.DataFrame(frame)

    def to_dict(self) -> Dict[str, List[Any]]:
        """The columns as lists; needs pandas no more than anything else."""
        import struct
        from datetime import datetime, timedelta, timezone

        columns, n = self._columns, len(self)
        epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
        names = self.tags
        times = struct.unpack(f"={n}q", columns.numbers("time"))
        values: List[Any]
        kind = columns.kind("value")
        if kind == "text":
            values = list(columns.texts("value"))
        else:
            code = {"bool": "?", "int": "q", "uint": "Q", "float": "d"}[kind]
            values = list(struct.unpack(f"={n}{code}", columns.numbers("value")))
            valid = columns.validity("value")
            if valid is not None:
                values = [value if is_valid else None for value, is_valid in zip(values, valid)]
        return {
            "tag": [names[code] for code in struct.unpack(f"={n}i", columns.numbers("tag"))],
            "time": [epoch + timedelta(microseconds=nanos // 1000) for nanos in times],
            "value": values,
            "status": [Status(code) for code in struct.unpack(f"={n}I", columns.numbers("status"))],
        }

    def _array(self, name: str, dtype: str) -> Any:
        import numpy

        return numpy.frombuffer(self._columns.numbers(name), dtype=dtype)

    def _values(self) -> Any:
        import numpy
        import pandas

        columns = self._columns
        kind = columns.kind("value")
        if kind == "text":
            return pandas.Series(columns.texts("value"), dtype="object")
        values = self._array("value", {"bool": "?", "int": "i8", "uint": "u8", "float": "f8"}[kind])
        valid = columns.validity("value")
        if valid is None:
            return values
        missing = numpy.frombuffer(valid, dtype="u1") == 0
        if kind == "float":
            values = values.copy()
            values[missing] = numpy.nan
            return values
        # Whole numbers with gaps: the nullable types of pandas keep them whole.
        dtype: Any = {"bool": "boolean", "int": "Int64", "uint": "UInt64"}[kind]
        filled: Any = pandas.Series(values.copy()).astype(dtype)
        filled[missing] = pandas.NA
        return filled
