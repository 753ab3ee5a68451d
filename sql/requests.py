"""Which topic `inventory.requests` is, and why its router stands still."""

from typing import LiteralString, NamedTuple

from onhand.sql.pool import Pool

_BEGIN: LiteralString = """
INSERT INTO request_topics (generation, topic_id) SELECT 0, %s WHERE NOT EXISTS (SELECT FROM request_topics)
ON CONFLICT DO NOTHING
"""
_NEWEST: LiteralString = "SELECT generation, topic_id FROM request_topics ORDER BY generation DESC LIMIT 1"
_NEXT: LiteralString = """
INSERT INTO request_topics (generation, topic_id) SELECT coalesce(max(generation) + 1, 0), %s FROM request_topics
ON CONFLICT DO NOTHING RETURNING generation
"""
_RAISE: LiteralString = "SELECT ledger_raise_alarm(%s, %s, %s, %s, true)"
_ALARMS: LiteralString = (
    "SELECT -1 - partition, code, message, record_offset FROM ledger_alarms WHERE partition < 0 ORDER BY 1, 2"
)
_CLEAR: LiteralString = "DELETE FROM ledger_alarms WHERE partition < 0 RETURNING code"
"""Partitions of the requests stand there as -1 - p, so that they are not taken for those of the commands."""


class RequestTopic(NamedTuple):
    """The topic that is read; `generation`: how many there were before it."""

    generation: int
    topic_id: str


class RequestAlarm(NamedTuple):
    """Why a partition of the requests stands still; `offset` is where its log ends."""

    partition: int
    code: str
    message: str
    offset: int


async def request_topic(pool: Pool, topic_id: str) -> RequestTopic:
    """The one that is to be read: the first that was ever asked with, until `take_up`."""
    await pool.rows(_BEGIN, topic_id)
    [row] = await pool.rows(_NEWEST)
    return RequestTopic(*row)


async def take_up(pool: Pool, topic_id: str) -> bool:
    """From now on this one is to be read; False (and nothing done) where it is or was."""
    return bool(await pool.rows(_NEXT, topic_id))


async def request_alarms(pool: Pool) -> list[RequestAlarm]:
    """All there are, by partition."""
    return [RequestAlarm(*row) for row in await pool.rows(_ALARMS)]


async def clear_request_alarms(pool: Pool) -> bool:
    """Let the router go on; False where there was no alarm."""
    return bool(await pool.rows(_CLEAR))


class RequestAlarms:
    """Where the router keeps its alarms: its lanes have no other store."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def raise_alarm(self, partition: int, code: str, message: str, offset: int) -> None:
        """Stop the partition until `clear_request_alarms`."""
        await self._pool.rows(_RAISE, -1 - partition, code, message, offset)

    async def alarmed(self, partition: int) -> bool:
        """Whether it is to stand still."""
        return any(alarm.partition == partition for alarm in await request_alarms(self._pool))
