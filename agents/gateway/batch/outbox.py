"""Answers on their way out, in order."""

import asyncio
from collections.abc import AsyncIterator

AHEAD_BYTES = 24 * 1024 * 1024
"""Answers that may wait for a caller who is not reading: some 100,000, so that a client which reads only when all is sent gets
through with a batch of that size. With more we stop reading, too, until it reads."""


class Outbox:
    """Parts that are expected, in order. `room`: there are not too many answers that nobody has read yet."""

    def __init__(self, ahead_bytes: int = AHEAD_BYTES) -> None:
        self._ahead_bytes = ahead_bytes
        self._parts: asyncio.Queue[asyncio.Future[bytes] | None] = asyncio.Queue()
        self._held_bytes = 0
        self.room = asyncio.Event()
        self.room.set()

    def expect(self, part: "asyncio.Future[bytes]") -> None:
        """The next part will be what this comes to."""
        self._parts.put_nowait(part)
        part.add_done_callback(self._came)

    def close(self) -> None:
        """No part follows."""
        self._parts.put_nowait(None)

    async def parts(self) -> AsyncIterator[bytes]:
        """The parts, each once it is there; raises what one of them raised."""
        while (part := await self._parts.get()) is not None:
            answers = await part
            self._count(-len(answers))
            yield answers

    def _came(self, part: "asyncio.Future[bytes]") -> None:
        if not part.cancelled() and part.exception() is None:
            self._count(len(part.result()))

    def _count(self, more: int) -> None:
        self._held_bytes += more
        if self._held_bytes > self._ahead_bytes:
            self.room.clear()
        else:
            self.room.set()
