"""`onhand up`: the supervisor as this process, or as one in the background."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from onhand.deploy.stack.children import open_log, tail
from onhand.deploy.stack.display import display
from onhand.deploy.stack.errors import Refused, StackError, Usage
from onhand.deploy.stack.part import Progress, Report
from onhand.deploy.stack.state import StateDir, read_json
from onhand.deploy.stack.supervisor import Options, Supervisor
from onhand.schemas.faults import Retryable

Ready = Callable[[dict[str, Any], Callable[[], bool]], None]
"""Called once all serves, with the endpoints and with what tells that all is to stop, for it to return soon then."""

_REPORT_FD = "ONHAND_REPORT_FD"
_FAULTS: dict[int, type[StackError]] = {1: Refused, 2: Usage}
"""What ends this process as the supervisor in the background ended."""


def run_until_stopped(state: StateDir, options: Options, ready: Ready) -> None:
    """Run the stack in this process until SIGINT or SIGTERM; calling `ready` in between.

    Where a waiting `detach` gave a descriptor, it is told each step, and the end of the start.
    """
    with _Waiting() as waiting, display() as shown:

        def report(progress: Progress) -> None:
            shown(progress)
            waiting.tell(asdict(progress))

        def all_ready(endpoints: dict[str, Any], stopping: Callable[[], bool]) -> None:
            waiting.tell({"ready": True})
            waiting.close()
            ready(endpoints, stopping)

        try:
            asyncio.run(_supervise(state, options, report, all_ready))
        except (StackError, Retryable, OSError) as error:
            waiting.tell({"failed": str(error)})
            raise


def detach(state: StateDir, arguments: list[str]) -> dict[str, Any]:
    """Start `onhand up` with these arguments in the background; the endpoints once all serves. Raises as it would.

    Interrupted, it stops what it began, in order.
    """
    log = state.log("supervisor")
    reading, writing = os.pipe()
    with open_log(log) as output:
        start = log.stat().st_size
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "onhand.deploy.cli", "up", "--state", str(state.root), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ | {_REPORT_FD: str(writing)},
            pass_fds=(writing,),
            start_new_session=True,
        )
        try:
            os.close(writing)
            failure = _failure(reading)
            if failure is None:
                return dict(read_json(state.endpoints))
            code = supervisor.wait()
        except KeyboardInterrupt:
            supervisor.terminate()
            supervisor.wait()
            raise
    fault = _FAULTS.get(code, StackError)
    raise fault(failure or f"the supervisor ended; the end of {log}:\n{tail(log, start)}")


def _failure(reading: int) -> str | None:
    """Show what the supervisor tells on this descriptor, until all serves; else why it does not, "" if it is silent."""
    with os.fdopen(reading) as told, display() as shown:
        for line in told:
            word = json.loads(line)
            if "failed" in word:
                return str(word["failed"])
            if "ready" in word:
                return None
            shown(Progress(**word))
    return ""


async def _supervise(state: StateDir, options: Options, report: Report, ready: Ready) -> None:
    supervisor = Supervisor(state, options, report)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, supervisor.stop)
    run, serving = asyncio.create_task(supervisor.run()), asyncio.create_task(supervisor.ready.wait())
    await asyncio.wait({run, serving}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        await asyncio.to_thread(ready, supervisor.endpoints, supervisor.stopping)
    serving.cancel()
    await run


class _Waiting:
    """The end of the pipe on which a `detach` waits, if one does."""

    def __init__(self) -> None:
        number = os.environ.pop(_REPORT_FD, None)
        self._pipe = os.fdopen(int(number), "w", buffering=1) if number else None
        if number:
            os.set_inheritable(int(number), False)

    def __enter__(self) -> "_Waiting":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def tell(self, word: dict[str, Any]) -> None:
        if self._pipe:
            try:
                self._pipe.write(json.dumps(word) + "\n")
            except OSError:  # nobody waits any more; the stack goes on
                self._pipe = None

    def close(self) -> None:
        if self._pipe:
            self._pipe.close()
            self._pipe = None
