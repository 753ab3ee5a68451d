"""The rate of calls of an API key, shared by all gateways: a token bucket in Redis.

A busy caller's tokens are fetched a few at once (a fiftieth of a second's) and used up here, since a round trip for each call cost a
fifth of what a call costs; what is not used within a tenth of a second is lost.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
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
_AWAY_MS = 1_000


@dataclass(slots=True)
class _Lease:
    """Tokens of a caller that were fetched, and so are used up here; one call at a time fetches more."""

    tokens: int = 0
    until_ms: int = 0
    fetching: asyncio.Lock = field(default_factory=asyncio.Lock)

    def use(self, now_ms: int) -> bool:
        """Take one, if there is one."""
        if self.tokens and now_ms < self.until_ms:
            self.tokens -= 1
            return True
        return False


class Limits:
    """Buckets of `most` tokens into which `per_s` come each second."""

    def __init__(self, redis: "Redis", per_s: int, most: int, timeout_s: float = TIMEOUT_S) -> None:
        self._redis = redis
        self._send: Callable[..., Awaitable[Any]] = redis.execute_command
        self._per_s = per_s
        self._most = most
        self._timeout_s = timeout_s
        self._leases: defaultdict[str, _Lease] = defaultdict(_Lease)
        self._away_until_ms = 0

    async def wait_ms(self, caller: str, now_ms: int) -> int:
        """Take a token: 0 where there was one, else the milliseconds until there is one.

        `Retryable` where Redis is away, for a second after it did not answer without asking it.
        """
        lease = self._leases[caller]
        if lease.use(now_ms):
            return 0
        async with lease.fetching:
            if lease.use(now_ms):  # somebody fetched some while we waited
                return 0
            taken, wait_ms = await self._take(caller, now_ms)
            if not taken:
                return wait_ms
            lease.tokens, lease.until_ms = taken - 1, now_ms + _LEASE_MS
            return 0

    async def _take(self, caller: str, now_ms: int) -> tuple[int, int]:
        if now_ms < self._away_until_ms:
            raise Retryable("redis: did not answer a moment ago")
        args = (1, f"rate:{{{caller}}}", self._per_s, self._most, max(1, self._per_s // _PARTS), now_ms)
        try:
            async with asyncio.timeout(self._timeout_s):
                try:
                    taken, wait_ms = await self._send("EVALSHA", _LIMIT.sha, *args)
                except NoScriptError:
                    taken, wait_ms = await self._send("EVAL", _LIMIT.text, *args)
                return int(taken), int(wait_ms)
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until_ms = now_ms + _AWAY_MS
            raise Retryable(f"redis: {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def limits_at(url: str, per_s: int, most: int) -> Limits:
    """Buckets at `redis://` or `rediss://`; nothing is sent yet."""
    return Limits(redis_at(url), per_s, most)
