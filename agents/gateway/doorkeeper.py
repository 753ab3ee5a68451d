"""Who may enter: API keys, looked up in the database and believed for a moment."""

import asyncio
from dataclasses import dataclass

import structlog

from onhand.agents.ports import Clock
from onhand.schemas.faults import Retryable
from onhand.sql.api_keys import ApiKeys, Holder

log = structlog.get_logger("doorkeeper")

_BELIEVED_MS = 2_000
"""So long a revoked key may still open, and a new one that was tried too early may not."""
_BELIEVED_BLINDLY_MS = 300_000
"""So long a known key opens while the database is away: stock is sold without it."""
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class _Seen:
    holder: Holder | None
    at_ms: int


class Doorkeeper:
    """Keys by what was last found under them. Many requests with one key ask the database once."""

    def __init__(self, keys: ApiKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._asking: dict[str, asyncio.Task[Holder | None]] = {}

    async def holder(self, key: str) -> Holder | None:
        """Whose key it is; None where nobody's. `Retryable` where the database is away and the key was not seen lately."""
        seen = self._seen.get(key)
        if seen is not None and self._clock.now_ms() - seen.at_ms < _BELIEVED_MS:
            return seen.holder
        try:
            return await asyncio.shield(self._ask(key))
        except Retryable as fault:
            if seen is None or seen.holder is None or self._clock.now_ms() - seen.at_ms > _BELIEVED_BLINDLY_MS:
                raise
            log.warning("a key is believed without the database", key_id=seen.holder.id, fault=str(fault))
            return seen.holder

    def _ask(self, key: str) -> "asyncio.Task[Holder | None]":
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.create_task(self._found(key))
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        return asking

    async def _found(self, key: str) -> Holder | None:
        holder = await self._keys.find(key)
        if len(self._seen) >= _MOST:
            self._seen.clear()
        self._seen[key] = _Seen(holder, self._clock.now_ms())
        return holder
