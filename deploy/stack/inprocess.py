"""A stack for a Python program, above all for tests."""

import asyncio
import threading
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from onhand.deploy.stack.part import Progress, Report
from onhand.deploy.stack.state import StateDir
from onhand.deploy.stack.supervisor import Options, Supervisor


class Stack:
    """Runs a stack in a directory for the time of a `with`, supervised by a thread of this process.

    >>> with Stack(directory) as stack:  # doctest: +SKIP
    ...     stack.endpoints["kafka"], stack.endpoints["redis"], stack.endpoints["postgres"], stack.environment
    """

    def __init__(
        self,
        directory: Path | str,
        *,
        gates: int | None = 0,
        schema: bool = True,
        report: Report | None = None,
        **options: Any,
    ) -> None:
        self.state = StateDir.at(directory)
        self._options = Options(gates=gates, schema=schema, **options)
        self._report = report or _silent
        self._thread = threading.Thread(target=self._run, name="stack", daemon=True)
        self._ready: Future[None] = Future()
        self._ended = threading.Event()  # an interrupted join() of Python 3.11 takes the thread for ended
        self._fault: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._supervisor: Supervisor | None = None

    def __enter__(self) -> Self:
        """Start; returns when all is ready. Raises StackError."""
        self._thread.start()
        try:
            self._ready.result()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop all in order; interrupted, wait for nobody. Raises what ended the stack before, if something did."""
        interrupt: KeyboardInterrupt | None = None
        while not self._ended.is_set():
            try:
                self._stop()
                self._ended.wait()
            except KeyboardInterrupt as impatience:  # what it runs may outlive neither this nor its directory
                interrupt = impatience
        if fault := self._fault or interrupt:
            raise fault

    @property
    def endpoints(self) -> dict[str, Any]:
        """As endpoints.json: `kafka`, `redis`, `postgres`, `processes`."""
        return self._running.endpoints

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a worker on this stack."""
        return self._running.environment

    @property
    def _running(self) -> Supervisor:
        if self._supervisor is None:
            raise RuntimeError("the stack is used outside its `with`")
        return self._supervisor

    def _stop(self) -> None:
        if self._loop and self._supervisor:
            with suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._supervisor.stop)

    def _run(self) -> None:
        try:
            asyncio.run(self._supervise())
        except BaseException as error:  # noqa: BLE001 handed on to whoever waits, or leaves
            if self._ready.done():
                self._fault = error
            else:
                self._ready.set_exception(error)
        finally:
            self._ended.set()

    async def _supervise(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._supervisor = Supervisor(self.state, self._options, self._report)
        task = asyncio.create_task(self._supervisor.run())
        ready = asyncio.create_task(self._supervisor.ready.wait())
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            self._ready.set_result(None)
        ready.cancel()
        await task


def _silent(_: Progress) -> None:
    """Nobody looks."""
