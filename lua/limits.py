"""The rate of calls of an API key, shared by all gateways: a token bucket in Redis.

A busy caller's tokens are fetched a few at once (a fiftieth of a second's) and used up here, since a round trip for each call cost a
fifth of what a call costs; what is not used within a tenth of a second is lost.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from onhand.lua.connection import redis_at
from onhand.lua.scripts import load
from onhand.schemas.faults import Retryable

TIMEOUT_S = 0.25
"""A limit is no reason to let a caller wait."""
_LIMIT = load("limit")
_LEASE_MS = 100
_PARTS = 50


@dataclass(slots=True)
class _Lease:
    tokens: int
    until_ms: int


class Limits:
    """Buckets of `most` tokens into which `per_s` come each second."""

    def __init__(self, redis: "Redis", per_s: int, most: int, timeout_s: float = TIMEOUT_S) -> None:
        self._redis = redis
        self._send: Callable[..., Awaitable[Any]] = redis.execute_command
        self._per_s = per_s
        self._most = most
        self._timeout_s = timeout_s
        self._leases: dict[str, _Lease] = {}

    async def wait_ms(self, caller: str, now_ms: int) -> int:
        """Take a token: 0 where there was one, else the milliseconds until there is one. `Retryable` where Redis is away."""
        if lease := self._valid(caller, now_ms):
            lease.tokens -= 1
            return 0
        taken, wait_ms = await self._take(caller, now_ms)
        if not taken:
            return wait_ms
        more = self._valid(caller, now_ms)  # another call of this caller may have fetched some meanwhile
        self._leases[caller] = _Lease(taken - 1 + (more.tokens if more else 0), now_ms + _LEASE_MS)
        return 0

    def _valid(self, caller: str, now_ms: int) -> _Lease | None:
        lease = self._leases.get(caller)
        return lease if lease and lease.tokens and now_ms < lease.until_ms else None

    async def _take(self, caller: str, now_ms: int) -> tuple[int, int]:
        args = (1, f"rate:{{{caller}}}", self._per_s, self._most, max(1, self._per_s // _PARTS), now_ms)
        try:
            async with asyncio.timeout(self._timeout_s):
                try:
                    taken, wait_ms = await self._send("EVALSHA", _LIMIT.sha, *args)
                except NoScriptError:
                    taken, wait_ms = await self._send("EVAL", _LIMIT.text, *args)
                return int(taken), int(wait_ms)
        except (RedisError, OSError, TimeoutError) as error:
            raise Retryable(f"redis: {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def limits_at(url: str, per_s: int, most: int) -> Limits:
    """Buckets at `redis://` or `rediss://`; nothing is sent yet."""
    return Limits(redis_at(url), per_s, most)
