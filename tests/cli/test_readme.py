"""The README's session on the command line, as a reader would paste it."""

import os
import re
import subprocess
import sys
from pathlib import Path

from onhand.deploy.stack import Stack

README = Path(__file__).parents[2] / "README.md"
SESSION = re.search(r"## From the command line\n.*?```sh\n(.*?)```", README.read_text(), re.DOTALL)


def test_the_session_works_as_written(system: Stack, tmp_path: Path) -> None:
    (tmp_path / ".onhand").symlink_to(system.state.root)  # as if `make run` ran here
    env = {name: value for name, value in os.environ.items() if not name.startswith("ONHAND_")}
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    assert SESSION is not None
    ran = subprocess.run(
        ["bash", "-eu", "-c", SESSION[1]], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=90
    )
    assert ran.returncode == 0, ran.stderr
    assert "refused: all lines or none" in ran.stdout
    assert ran.stderr.splitlines() == [
        "onhand: refused, insufficient_stock: there is not enough",
        "  GLASS at warehouse 1: 6 wished, 5 available",
    ]
    assert "SAMOVAR\t1\t87\t-\tgate\nSAMOVAR\t2\t9\t-\tgate\nGLASS\t1\t5\t-\tgate\n" in ran.stdout
    assert re.search(
        r"receive\t100\tapplied\t0 -> 100\t0\t0 -> 100\t0 -> 1\t[0-9a-f-]{36}\tanna\tpo-7\t-\n", ran.stdout
    )
    assert "count\t-1\tapplied\t88 -> 87" in ran.stdout
