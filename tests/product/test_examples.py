"""Everything a person may copy passes the check."""

import re
from pathlib import Path

import pytest

from harness.product import command

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("**/*.toml")), ids=lambda file: file.name)
def test_every_example_is_valid(file):
    done = command("check", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lines_of_the_readme_are_valid(tmp_path):
    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks
    for number, block in enumerate(blocks):
        file = tmp_path / f"readme{number}.toml"
        file.write_text(block)
        done = command("check", file)
        assert done.returncode == 0, done.stdout + done.stderr
