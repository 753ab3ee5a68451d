"""The workers as parts of the stack: one process per worker, ready when it says so."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import dataclass

from onhand.deploy.stack.children import Command
from onhand.deploy.stack.part import Report
from onhand.deploy.stack.state import StateDir

_MOST_GATES = 8
_PORTS_BEHIND = {"gate": 0, "ledger": _MOST_GATES, "router": _MOST_GATES + _MOST_GATES // 2}
"""Of a role's first port for metrics, behind the one that was given: as many as there may be of those before."""


def worker_counts(gates: int | None) -> dict[str, int]:
    """How many workers of each role: of the gate as asked, else what fits the cores; a ledger worker for each two; a router."""
    if gates is None:
        gates = min(max(2, os.cpu_count() or 1), _MOST_GATES)
    return {"gate": gates, "ledger": max(1, gates // 2), "router": 1} if gates else {}


@dataclass(slots=True)
class Worker:
    """One worker process. `env` holds addresses and secrets, which so are in no argv."""

    state: StateDir
    role: str
    number: int
    env: dict[str, str]
    stop_signal: signal.Signals = signal.SIGTERM
    _ready: tuple[int, int] = (-1, -1)

    @property
    def name(self) -> str:
        """As in `gate-1`."""
        return f"{self.role}-{self.number}"

    @property
    def endpoint(self) -> dict[str, str]:
        """Nobody speaks to it."""
        return {}

    def prepare(self, report: Report) -> None:
        """Nothing: servers, tables and topics are there before workers are."""

    def command(self) -> Command:
        """The worker in the foreground, with a pipe on which it tells that it serves."""
        self._ready = os.pipe()
        argv = [sys.executable, "-m", "onhand.deploy.cli", *self.words()]
        env = self.env | {"ONHAND_READY_FD": str(self._ready[1])} | self.extra()
        return Command(argv, env, self.state.root, orphan_signal=signal.SIGKILL, pass_fds=(self._ready[1],))

    def words(self) -> list[str]:
        """What is said to `onhand`."""
        return ["worker", self.role]

    def extra(self) -> dict[str, str]:
        """What its environment has beside the stack's: a port for metrics, of its own, from ONHAND_METRICS_PORT on."""
        first = self.env.get("ONHAND_METRICS_PORT")
        if not first:
            return {}
        return {"ONHAND_METRICS_PORT": str(int(first) + _PORTS_BEHIND[self.role] + self.number - 1)}

    async def serving(self, child: subprocess.Popen[bytes]) -> None:
        """Wait for `ready` on the pipe. One that closes it without a word is given up when it dies."""
        source, ours = self._ready
        os.close(ours)
        reader = asyncio.StreamReader()
        pipe = os.fdopen(source, "rb", buffering=0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        try:
            if b"ready" not in await reader.read(64):
                await asyncio.Event().wait()
        finally:
            transport.close()
