"""A server that is away is asked now and then, not by every request: nobody waits for a timeout that was just seen."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from onhand.agents.ports import Clock
from onhand.schemas.faults import Retryable

log = structlog.get_logger("circuit")

T = TypeVar("T")
_PAUSE_MS = 1_000


class Circuit:
    """Calls of one server. After a failed one all fail at once, but for one a second, until one works again."""

    def __init__(self, server: str, clock: Clock, patience_s: float) -> None:
        self._server = server
        self._clock = clock
        self._patience_s = patience_s
        self._next_try_ms: int | None = None

    async def call(self, act: Callable[[], Awaitable[T]]) -> T:
        """What `act` returns. `Retryable` where it raises that, takes more than `patience_s` seconds, or is not tried now."""
        now_ms = self._clock.now_ms()
        if self._next_try_ms is not None:
            if now_ms < self._next_try_ms:
                raise Retryable(f"{self._server} was away a moment ago")
            self._next_try_ms = now_ms + _PAUSE_MS
        try:
            async with asyncio.timeout(self._patience_s):
                result = await act()
        except (Retryable, TimeoutError) as fault:
            self._failed(str(fault) or f"no answer in {self._patience_s} s")
            raise Retryable(f"{self._server} is away") from fault
        self._worked()
        return result

    def _failed(self, fault: str) -> None:
        if self._next_try_ms is None:
            log.warning("away", server=self._server, fault=fault)
        self._next_try_ms = self._clock.now_ms() + _PAUSE_MS

    def _worked(self) -> None:
        if self._next_try_ms is not None:
            log.info("back", server=self._server)
        self._next_try_ms = None
