"""Questions that many lanes ask at the same time, and that are answered once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from onhand.agents.ports import Clock

_FRESH_MS = 1_000

_Answer = TypeVar("_Answer")


class Shared(Generic[_Answer]):
    """Lanes that ask within a second share one answer; a fault is nobody's answer but his who asked."""

    def __init__(self, ask: Callable[[], Awaitable[_Answer]], clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._turn = asyncio.Lock()
        self._answers: list[_Answer] = []
        self._asked_ms = 0

    async def __call__(self) -> _Answer:
        async with self._turn:
            if not self._answers or self._clock.now_ms() - self._asked_ms > _FRESH_MS:
                self._answers = [await self._ask()]
                self._asked_ms = self._clock.now_ms()
            return self._answers[0]
