"""The README's examples, as a reader would paste them."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from onhand.deploy.stack import Stack

README = Path(__file__).parents[2] / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.fixture
def folder(system: Stack, tmp_path: Path) -> Path:
    """A working directory in which `make run` seems to run."""
    (tmp_path / ".onhand").symlink_to(system.state.root)
    return tmp_path


def _paste(example: str, folder: Path) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", example], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_command_with_plain_kafka(folder: Path) -> None:
    decision = ast.literal_eval(_paste(EXAMPLES[0], folder))
    assert (decision["outcome"], decision["quantity"], decision["sku_id"]) == ("applied", 100, "TEAPOT")


def test_a_command_with_the_words(folder: Path) -> None:
    assert "outcome='reserved'" in _paste(EXAMPLES[1], folder)


def test_there_are_no_others() -> None:
    assert len(EXAMPLES) == 2
