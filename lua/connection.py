"""How this folder connects to a server."""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

CONNECTIONS = 64


def redis_at(url: str) -> "Redis":
    """A client of the server at `redis://` or `rediss://`; nothing is sent yet. Use it within `asyncio.timeout`.

    No socket timeout: with one, Python 3.11 swallows a task's cancellation. No resending: the caller decides that.
    """
    pool = BlockingConnectionPool.from_url(
        url, socket_timeout=None, socket_connect_timeout=None, retry=Retry(NoBackoff(), 0), protocol=2,
        max_connections=CONNECTIONS, timeout=None,
    )  # fmt: skip
    return Redis.from_pool(pool)
