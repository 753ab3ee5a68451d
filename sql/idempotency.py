"""Idempotency-Keys: which calls were begun, and the answers of those that were finished, for a day."""

from typing import LiteralString, NamedTuple

from onhand.sql.pool import Pool

_CLAIM: LiteralString = """
WITH made AS (
    INSERT INTO idempotency_keys AS k (api_key_id, path, key, request_hash) VALUES (%s, %s, %s, %s)
    ON CONFLICT (api_key_id, path, key) DO UPDATE
        SET request_hash = excluded.request_hash, created_at = now(), status = NULL, content_type = NULL, body = NULL
        WHERE k.created_at < now() - interval '1 day'
    RETURNING request_hash, status, content_type, body)
SELECT * FROM made
UNION ALL SELECT request_hash, status, content_type, body FROM idempotency_keys
WHERE api_key_id = %s AND path = %s AND key = %s AND NOT EXISTS (SELECT FROM made)
"""
_ANSWER: LiteralString = """
UPDATE idempotency_keys SET status = %s, content_type = %s, body = %s
WHERE api_key_id = %s AND path = %s AND key = %s AND request_hash = %s AND status IS NULL
"""
_WITHDRAW: LiteralString = """
DELETE FROM idempotency_keys WHERE api_key_id = %s AND path = %s AND key = %s AND request_hash = %s AND status IS NULL
"""
_FORGET: LiteralString = """
DELETE FROM idempotency_keys WHERE (api_key_id, path, key) IN (
    SELECT api_key_id, path, key FROM idempotency_keys WHERE created_at < now() - interval '1 day' LIMIT %s)
RETURNING 1
"""


class Call(NamedTuple):
    """A call that carries a key: whose, where (method and path), which, and the SHA-256 of its body."""

    api_key_id: str
    path: str
    key: str
    request_hash: bytes


class Answer(NamedTuple):
    """What a call was answered."""

    status: int
    content_type: str
    body: bytes


class KeyReused(Exception):
    """The key stands for another body."""


class Idempotency:
    """The calls in the database; faults as those of `Pool`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def claim(self, call: Call) -> Answer | None:
        """The answer that the call got before; None where it is new or was not finished: then do it. `KeyReused`."""
        rows: list[tuple[bytes, int | None, str, bytes]] = []
        while not rows:  # none: somebody made or withdrew it between the two halves of the statement
            rows = list(await self._pool.rows(_CLAIM, *call, *call[:3]))
        request_hash, status, content_type, body = rows[0]
        if request_hash != call.request_hash:
            raise KeyReused
        return None if status is None else Answer(status, content_type, body)

    async def answer(self, call: Call, answer: Answer) -> None:
        """Keep the answer of a call; the first one stays."""
        await self._pool.rows(_ANSWER, *answer, *call)

    async def withdraw(self, call: Call) -> None:
        """Nothing was done for the call: its key is free again."""
        await self._pool.rows(_WITHDRAW, *call)

    async def forget(self, limit: int = 10_000) -> int:
        """Delete calls that are older than a day, at most so many; how many it were."""
        return len(await self._pool.rows(_FORGET, limit))
