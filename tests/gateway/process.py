"""A gateway process of a test's own, on the servers of the system under test."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from onhand.deploy.stack import Stack
from tests.gateway.http import Caller
from tests.stack.waiting import until

READY_S = 40.0


class OwnGateway:
    """Started with these variables beside the system's; ended with the `with`, in order if it can."""

    def __init__(self, system: Stack, **variables: object) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log: Path = system.state.root / "logs" / f"own-gateway-{self.port}.log"
        self._ready, ours = os.pipe()
        given = {f"ONHAND_{name.upper()}": str(value) for name, value in variables.items()}
        env = system.environment | {"ONHAND_GATEWAY_PORT": str(self.port), "ONHAND_READY_FD": str(ours)} | given
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "onhand.deploy.cli", "gateway"],
                env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(ours,),
            )  # fmt: skip
        os.close(ours)
        self._key = system.endpoints.get("api_key")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            finally:
                self.process.kill()
        os.close(self._ready)
        print(f"--- {self.log.name}\n{self.log.read_text()[-4_000:]}")  # pytest shows it where a test failed

    def serving(self) -> Self:
        """Wait for its word that it is ready."""
        assert os.read(self._ready, 64) == b"ready\n", self.log.read_text()
        return self

    def listening(self) -> Self:
        """Wait until it listens; it need not be ready."""
        until(self._listens, READY_S)
        return self

    def caller(self, key: str | None = None) -> Caller:
        """A caller with this key, or with the system's own."""
        return Caller(self.url, key or self._key)

    async def ended(self) -> int:
        """Wait for its end; the exit code."""
        return await asyncio.to_thread(self.process.wait, 20)

    def _listens(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Paused:
    """The gate workers stand still within the `with`: nothing is decided. Keep it well below their session timeout."""

    def __init__(self, system: Stack) -> None:
        running = system.endpoints["processes"]
        self._pids = [pid for name, pid in running.items() if name.startswith("gate-")]

    def __enter__(self) -> Self:
        self._signal(signal.SIGSTOP)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._pids:
            os.kill(pid, number)


def free_port() -> int:
    """A loopback port that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
