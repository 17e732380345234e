"""The table of conformance rows tells what the tests say."""

import os
import subprocess
import sys

import pytest

from harness.conformance import TABLE, TESTS, read_rows


@pytest.fixture(scope="module")
def generated():
    """The table as the tests make it now."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    words = [sys.executable, "-m", "harness.conformance"]
    done = subprocess.run(words, cwd=TESTS, env=environment, timeout=120, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_committed_table_is_the_generated_one(generated):
    assert TABLE.read_text() == generated, f"write {TABLE.name} again: python -m harness.conformance FILE"


def test_every_row_has_a_line_and_a_test(generated):
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in generated.splitlines() if " | " in line}
    for rows in read_rows().values():
        for row in rows:
            assert "`test_" in lines[row.name], f"{row.name} has no test"
