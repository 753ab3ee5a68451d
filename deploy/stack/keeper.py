"""Keeps one part running: starts it, notices its death, starts it again with a growing pause."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable

from onhand.deploy.stack.children import spawn, started_at, tail
from onhand.deploy.stack.errors import Refused, StackError
from onhand.deploy.stack.part import Part, Progress, Report
from onhand.deploy.stack.state import StateDir

_POLL_S = 0.05
_SERVING_WITHIN_S = 300
_FIRST_TRIES = 3
_PAUSE_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
_STEADY_AFTER_S = 30.0  # a part that ran this long starts again with the shortest pause


class Keeper:
    """One part and its present child. `changed` is called whenever pid or state are new."""

    def __init__(self, part: Part, state: StateDir, report: Report, changed: Callable[[], None]) -> None:
        self.part = part
        self.state = "new"
        self.child: subprocess.Popen[bytes] | None = None
        self.identity: tuple[int, str] | None = None
        self._rest_s = 0.0
        self._log = state.log(part.name)
        self._report = report
        self._changed = changed

    async def start(self) -> None:
        """Prepare and start for the first time; StackError with the end of its log if it does not come up.

        Refused where its files cannot be made.
        """
        self._become("preparing")
        try:
            await asyncio.to_thread(self.part.prepare, self._report)
        except OSError as error:
            raise Refused(f"{self.part.name} cannot be prepared: {error}") from error
        for _ in range(_FIRST_TRIES):
            log_start = self._log.stat().st_size if self._log.exists() else 0
            if await self._started():
                return
        raise StackError(f"{self.part.name} does not start; the end of {self._log}:\n{tail(self._log, log_start)}")

    async def keep(self) -> None:
        """Start it again whenever it dies, for ever."""
        failures = 0
        while True:
            since = time.monotonic()
            await self._death()
            failures = 0 if time.monotonic() - since > _STEADY_AFTER_S else failures
            self._become("restarting", f"it ended with {self.child.returncode}" if self.child else "")
            await asyncio.sleep(max(self._rest_s, _PAUSE_S[min(failures, len(_PAUSE_S) - 1)]))
            failures += 1
            await self._started()

    async def stop(self, patience_s: float) -> None:
        """Stop it in order; kill it when the patience is over."""
        if self.child is None or self.child.poll() is not None:
            return
        self._become("stopping")
        self.child.send_signal(self.part.stop_signal)
        try:
            await asyncio.wait_for(self._death(), patience_s)
        except TimeoutError:
            self.child.send_signal(signal.SIGKILL)
            await self._death()
        self._become("stopped")

    async def _started(self) -> bool:
        """Start one child; False (and the child is gone) if it died or did not serve in time."""
        command = self.part.command()
        self.child, self._rest_s = spawn(command, self._log), command.rest_s
        self.identity = (self.child.pid, started_at(self.child.pid) or "")
        self._become("starting")
        serving, death = asyncio.create_task(self.part.serving(self.child)), asyncio.create_task(self._death())
        try:
            await asyncio.wait({serving, death}, timeout=_SERVING_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
            if serving.done() and not death.done():
                serving.result()
                self._become("ready")
                return True
        finally:
            serving.cancel()
            death.cancel()
            await asyncio.gather(serving, death, return_exceptions=True)
        if self.child.poll() is None:
            self.child.kill()
            await self._death()
        return False

    async def _death(self) -> None:
        while self.child is not None and self.child.poll() is None:  # noqa: ASYNC110 no event tells a death everywhere
            await asyncio.sleep(_POLL_S)

    def _become(self, state: str, detail: str = "") -> None:
        self.state = state
        self._changed()
        self._report(Progress(self.part.name, state, detail))
