"""What the supervisor runs: a part knows how to prepare itself, its command, and when it serves."""

import asyncio
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from onhand.deploy.stack.children import Command


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a start, for whoever shows it. `share` is 0..1 of a download."""

    part: str
    state: str
    detail: str = ""
    share: float | None = None


Report = Callable[[Progress], None]


class Part(Protocol):
    """One process of the stack."""

    @property
    def name(self) -> str:
        """As in endpoints.json."""

    @property
    def stop_signal(self) -> signal.Signals:
        """What makes it stop in order."""

    def prepare(self, report: Report) -> None:
        """Make what it needs to run (files, data directory), if it is not there. Blocking. Raises StackError."""

    def command(self) -> Command:
        """The command for the next start."""

    async def serving(self, child: subprocess.Popen[bytes]) -> None:
        """Return once it serves. It is cancelled when the child dies before."""

    @property
    def endpoint(self) -> dict[str, str]:
        """Its entry in endpoints.json."""


async def listening(port: int) -> None:
    """Return once somebody accepts connections on the loopback port."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        return
