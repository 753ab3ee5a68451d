"""The README's examples, as a reader would paste them."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from onhand.deploy.stack import Stack

README = (Path(__file__).parents[2] / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
OVER_HTTP = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
WITHIN_S = 60


@pytest.fixture
def folder(system: Stack, tmp_path: Path) -> Path:
    """A working directory in which `make run` seems to run."""
    (tmp_path / ".onhand").symlink_to(system.state.root)
    return tmp_path


def _paste(words: list[str], folder: Path) -> str:
    """What it prints in a shell in which the environment is activated."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        words, cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def _python(example: str, folder: Path) -> str:
    return _paste([sys.executable, "-c", example], folder)


def test_a_command_with_plain_kafka(folder: Path) -> None:
    decision = ast.literal_eval(_python(EXAMPLES[0], folder))
    assert (decision["outcome"], decision["quantity"], decision["sku_id"]) == ("applied", 100, "TEAPOT")


def test_reserve_pay_commit_with_the_words(folder: Path) -> None:
    decision, committed = _python(EXAMPLES[1], folder).splitlines()
    assert decision.startswith("reserved ")
    assert "order_id='o-1'" in committed
    assert "quantity=2" in committed
    assert "reason=None" in committed


def test_a_subscriber_of_stock(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", EXAMPLES[2]], cwd=folder, stdout=subprocess.PIPE, text=True) as child:
        try:
            decision = ast.literal_eval(_python(EXAMPLES[0], folder))
            newest = f"TEAPOT 1 {decision['available_qty']}\n"
            assert child.stdout is not None
            assert newest in iter(child.stdout.readline, "")
        finally:
            child.terminate()


def test_reserve_pay_commit_over_http(folder: Path) -> None:
    received, committed, available = _objects(_paste(["bash", "-euc", OVER_HTTP[0]], folder))
    assert received["outcome"] == "applied"
    assert committed["status"] == "committed"
    assert [(shelf["warehouse_id"], shelf["available_qty"]) for shelf in available] == [(1, 98)]


def test_there_are_no_others() -> None:
    assert (len(EXAMPLES), len(OVER_HTTP)) == (3, 1)


def _objects(text: str) -> list[object]:
    """JSON values that stand one behind the other."""
    decoder, found = json.JSONDecoder(), []
    while text.strip():
        value, end = decoder.raw_decode(text := text.strip())
        found.append(value)
        text = text[end:]
    return found
