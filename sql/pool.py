"""Connections to the ledger: as they come for who asks short questions (the gateway, the command line); the writer plans otherwise."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from onhand.sql.faults import translated

Connection = psycopg.AsyncConnection[TupleRow]

_SESSION = "-c jit=off -c synchronous_commit=on -c timezone=UTC -c statement_timeout=5000"
_NETWORK = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class Pool:
    """A few connections, each in autocommit: one statement is one transaction.

    `session` are settings of the server's, `configure` is called with each connection that is made.

    Everything raises `Retryable` where the server is away or busy, and `Corrupt` where it refuses.
    """

    def __init__(
        self,
        dsn: str,
        connections: int = 4,
        wait_s: float = 5.0,
        name: str = "onhand",
        session: str = _SESSION,
        configure: Callable[[Connection], Awaitable[None]] | None = None,
    ) -> None:
        self._wait_s = wait_s
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            dsn,
            min_size=1,
            max_size=connections,
            timeout=wait_s,
            open=False,
            configure=configure,
            kwargs={"autocommit": True, "application_name": name, "options": session, **_NETWORK},
        )

    async def open(self) -> None:
        """Connect; `Retryable` where nothing answers within `wait_s` seconds."""
        with translated():
            await self._pool.open(wait=True, timeout=self._wait_s)

    async def close(self) -> None:
        """Give the connections back."""
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for several statements."""
        with translated():
            async with self._pool.connection() as connection:
                yield connection

    async def rows(self, query: LiteralString, *values: Any) -> Sequence[TupleRow]:
        """The rows of a query, which is prepared at its first use; `()` of a statement that returns none."""
        async with self.connection() as connection:
            cursor = await connection.execute(query, values, prepare=True)
            return await cursor.fetchall() if cursor.description else ()
