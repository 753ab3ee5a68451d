"""Processes of `onhand`, forked from one that has imported all it needs: by itself each would do so for more than a second.

From there on all is as ever. That they start from a shell, too, the stacks of other tests show.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from onhand.deploy.cli import main

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["pytest", "onhand.agents.worker", "onhand.deploy.stack.reach", "tests.faults.forked"])


class Forked:
    """`onhand WORDS` with just this environment. As much of `subprocess.Popen` as tests need of it.

    `ready` is the end of a pipe that the process gets as its ONHAND_READY_FD.
    """

    def __init__(self, words: list[str], env: Mapping[str, str], log: Path, ready: Connection) -> None:
        self._process = FORKS.Process(target=_run, args=(words, dict(env), log, ready), daemon=True)
        self._process.start()
        self.pid = self._process.pid or 0

    def poll(self) -> int | None:
        """Its exit code, if it has ended: below 0 the signal that killed it."""
        return self._process.exitcode

    def wait(self, timeout_s: float) -> int:
        """Wait for its end; the exit code, or subprocess.TimeoutExpired."""
        self._process.join(timeout_s)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired("onhand", timeout_s)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _run(words: list[str], env: dict[str, str], log: Path, ready: Connection) -> None:
    """In the new process."""
    with log.open("ab") as output:
        for number in (1, 2):
            os.dup2(output.fileno(), number)
    with ready:  # what is told, and closed, is a copy
        env = env | {"ONHAND_READY_FD": str(os.dup(ready.fileno()))}
    os.environ.clear()
    os.environ |= env
    sys.argv = ["onhand", *words]
    main()
