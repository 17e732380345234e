"""The table of conformance rows: which test covers which row, and with what result.

A test belongs to the rows that its name begins with (`test_s04_s11_...`), or that its `row` marker names.
A test marked `pending` shows the right refusal of something that is not there yet; one marked as an expected failure
shows a row that the server does not meet.
`python -m harness.conformance FILE`, run in the folder of the tests, writes the table; without a file it is printed.
"""

import contextlib
import io
import re
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROWS = TESTS / "conformance" / "rows.toml"
TABLE = TESTS.parent / "docs" / "conformance.md"
FOLDERS = ("conformance", "modbus", "product", "ua")
GREEN, PENDING, FAILING = "green", "pending", "failing"

_PREFIX = re.compile(r"test_((?:(?:[a-z]|ctt)\d\d_)+)")


@dataclass
class Row:
    """One row of the list, with what the tests say about it."""

    name: str
    priority: int
    text: str
    basis: str = ""
    """What a green result rests on, where the row asks for more than there is to try."""
    tests: dict[str, str] = field(default_factory=dict)
    """The test functions and their files, in order."""
    pending: list[str] = field(default_factory=list)
    """Why the row is pending."""
    failing: list[str] = field(default_factory=list)
    """Why the row fails."""

    @property
    def result(self) -> str:
        if self.failing:
            return FAILING
        return PENDING if self.pending or not self.tests else GREEN

    @property
    def reasons(self) -> list[str]:
        return list(dict.fromkeys(self.failing + self.pending))


def read_rows() -> dict[str, list[Row]]:
    """The rows of the list by section, without results."""
    sections = tomllib.loads(ROWS.read_text())["section"]
    return {section["title"]: [Row(*row) for row in section["rows"]] for section in sections}


def rows_of(item) -> list[str]:
    """The names of the rows that a collected test covers."""
    named = _PREFIX.match(item.name)
    names = named[1].upper().rstrip("_").split("_") if named else []
    for marker in item.iter_markers("row"):
        names += marker.args
    return names


class Collector:
    """A pytest plugin that keeps what was collected."""

    def __init__(self):
        self.items = []

    def pytest_collection_modifyitems(self, items):
        self.items = list(items)


def collect() -> list:
    """Every test of the suites, without running any."""
    collector = Collector()
    output = io.StringIO()
    words = ["--collect-only", "--quiet", "-p", "no:cacheprovider", "--rootdir", str(TESTS), "-c", str(TESTS / "pytest.ini")]
    with contextlib.redirect_stdout(output):
        code = pytest.main([*words, *(str(TESTS / folder) for folder in FOLDERS)], plugins=[collector])
    if code != pytest.ExitCode.OK:
        raise SystemExit(f"the tests cannot be collected:\n{output.getvalue()}")
    return collector.items


def survey(items) -> tuple[dict[str, list[Row]], set[str]]:
    """The rows with their tests and results, and the rows that tests name but the list does not know."""
    sections = read_rows()
    by_name = {row.name: row for rows in sections.values() for row in rows}
    unknown = set()
    for item in items:
        for name in rows_of(item):
            row = by_name.get(name)
            if row is None:
                unknown.add(name)
                continue
            row.tests[item.originalname] = Path(item.path).relative_to(TESTS).as_posix()
            row.pending += [marker.args[0] for marker in item.iter_markers("pending")]
            row.failing += [marker.kwargs["reason"] for marker in item.iter_markers("xfail")]
    return sections, unknown


def table(sections: dict[str, list[Row]]) -> str:
    """The page."""
    lines = [
        "# Conformance",
        "",
        "<!-- Generated from the tests; see tests/harness/conformance.py. -->",
        "",
        "Each row is one check of the OPC UA server against the real binary, with the tests that make it.",
        "P is the priority: 1 before the first release, 2 before the server may be called conformant, 3 later.",
        "A pending row waits for a feature of a later version; its test shows that the server refuses correctly until then.",
        "A failing row has a test that is expected to fail, which is noticed as soon as it no longer does.",
        "",
        "| section | green | pending | failing |",
        "|---|---|---|---|",
    ]
    everything = [row for rows in sections.values() for row in rows]
    for title, rows in (*sections.items(), ("**all**", everything)):
        counts = [sum(row.result == result for row in rows) for result in (GREEN, PENDING, FAILING)]
        lines.append(f"| {title} | {counts[0]} | {counts[1]} | {counts[2]} |")
    for title, rows in sections.items():
        lines += ["", f"## {title}", "", "| row | what is checked | P | result | test |", "|---|---|---|---|---|"]
        for row in rows:
            notes = row.reasons or ([row.basis] if row.basis else [])
            result = row.result + (": " + "; ".join(notes) if notes else "")
            tests = "<br>".join(f"`{file}` `{name}`" for name, file in row.tests.items())
            lines.append(f"| {row.name} | {row.text} | {row.priority or '-'} | {result} | {tests} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    sections, unknown = survey(collect())
    if unknown:
        print(f"tests name rows that the list does not have: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 1
    text = table(sections)
    if arguments:
        Path(arguments[0]).write_text(text)
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
