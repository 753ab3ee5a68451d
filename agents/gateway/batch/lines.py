"""The body of a batch as lines, in blocks, read no faster than they are asked for."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from fastapi import Request
from starlette.requests import ClientDisconnect

from onhand.agents.lanes import cancel
from onhand.schemas.codec import MAX_BYTES

BLOCK_LINES = 1_000
"""Enough that what a block costs everybody on the way (a record batch for each partition, a call of the gate ...) is spread thin."""
_PATIENCE_S = 60.0


class Splitter:
    """Bytes in pieces of any size, cut at line breaks. A line that is too long is cut short, and still too long."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that end in this piece, without their breaks (``\\n`` or ``\\r\\n``)."""
        *lines, rest = (self._rest + piece).split(b"\n")
        self._rest = rest[: MAX_BYTES + 2]
        return [line.removesuffix(b"\r") for line in lines]

    def end(self) -> list[bytes]:
        """The last line, where it has no break."""
        return [self._rest.removesuffix(b"\r")] if self._rest else []


class Block(NamedTuple):
    """Consecutive lines; `first` is the number of the first one."""

    first: int
    lines: Sequence[bytes]


class Lines:
    """A request's body. `whole`: it came to its end; not where the caller is gone or silent, or where we are to end."""

    def __init__(self, request: Request, draining: asyncio.Event) -> None:
        self.whole = False
        self._pieces = request.stream()
        self._reading: asyncio.Task[bytes | None] | None = None
        self._ending = asyncio.create_task(draining.wait())
        self._splitter = Splitter()
        self._waiting: list[bytes] = []
        self._count = 0

    async def begin(self) -> None:
        """Say that we want the body, to callers who wait for that word (``Expect: 100-continue``): before anything is answered."""
        self._reading = self._read()
        await asyncio.sleep(0)

    async def header(self) -> bytes:
        """The first line, which is not counted; b"" where there is none."""
        while not self._waiting and not self.whole and await self._more():
            pass
        return self._waiting.pop(0) if self._waiting else b""

    async def blocks(self) -> AsyncIterator[Block]:
        """All lines, numbered from 1. A block is what has come by now, so that who waits for answers gets them."""
        while self._waiting or (not self.whole and await self._more()):
            if len(self._waiting) < BLOCK_LINES and self._reading and self._reading.done():
                self._take(self._reading)
            lines, self._waiting = self._waiting[:BLOCK_LINES], self._waiting[BLOCK_LINES:]
            if lines:
                yield Block(self._count + 1, lines)
                self._count += len(lines)

    def stop(self) -> None:
        """Read no more, as where we are to end."""
        self._ending.cancel()

    async def close(self) -> None:
        """Let go of the request."""
        await cancel(self._ending, self._reading)

    async def _more(self) -> bool:
        """Wait for the next piece; False where none will come. The one behind it is read meanwhile, and no further."""
        if self._ending.done():
            return False
        reading = self._reading = self._reading or self._read()
        await asyncio.wait((reading, self._ending), timeout=_PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        return reading.done() and self._take(reading)

    def _take(self, reading: "asyncio.Task[bytes | None]") -> bool:
        self._reading = None
        try:
            piece = reading.result()
        except ClientDisconnect:
            return False
        self.whole = piece is None
        self._waiting += self._splitter.end() if piece is None else self._splitter.feed(piece)
        if not self.whole:
            self._reading = self._read()
        return True

    def _read(self) -> "asyncio.Task[bytes | None]":
        return asyncio.create_task(anext(self._pieces, None))
