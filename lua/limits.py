"""The rate of calls of an API key, shared by all gateways: a token bucket in Redis."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from onhand.lua.connection import redis_at
from onhand.lua.scripts import load
from onhand.schemas.faults import Retryable

TIMEOUT_S = 0.25
"""A limit is no reason to let a caller wait."""
_LIMIT = load("limit")


class Limits:
    """Buckets of `most` tokens into which `per_s` come each second."""

    def __init__(self, redis: "Redis", per_s: int, most: int, timeout_s: float = TIMEOUT_S) -> None:
        self._redis = redis
        self._send: Callable[..., Awaitable[Any]] = redis.execute_command
        self._per_s = per_s
        self._most = most
        self._timeout_s = timeout_s

    async def wait_ms(self, caller: str, now_ms: int) -> int:
        """Take a token: 0 where there was one, else the milliseconds until there is one. `Retryable` where Redis is away."""
        args = (1, f"rate:{{{caller}}}", self._per_s, self._most, now_ms)
        try:
            async with asyncio.timeout(self._timeout_s):
                try:
                    return int(await self._send("EVALSHA", _LIMIT.sha, *args))
                except NoScriptError:
                    return int(await self._send("EVAL", _LIMIT.text, *args))
        except (RedisError, OSError, TimeoutError) as error:
            raise Retryable(f"redis: {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def limits_at(url: str, per_s: int, most: int) -> Limits:
    """Buckets at `redis://` or `rediss://`; nothing is sent yet."""
    return Limits(redis_at(url), per_s, most)
