"""What runs beside the requests, for as long as the process."""

import asyncio
from collections.abc import Coroutine

from onhand.agents.lanes import cancel


class Background:
    """Tasks that never end by themselves. One that does is a bug, which `broken` tells: then the process must end, loudly."""

    def __init__(self) -> None:
        self._closing = False
        self._tasks: list[asyncio.Task[None]] = []
        self.broken: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Run it until `close`."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    async def close(self) -> None:
        """End all."""
        self._closing = True
        await cancel(*self._tasks)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._closing or self.broken.done():
            return
        error = None if task.cancelled() else task.exception()
        self.broken.set_result(error or RuntimeError(f"{task.get_coro()} ended by itself"))
