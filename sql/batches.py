"""Batches that carry an Idempotency-Key: which lines were sent, and what was decided of them, for a day."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString, NamedTuple, Self

from onhand.sql.pool import Pool

HASH_BYTES = 8
MOST_LINES = 1_000
"""From the first line of a block to its last."""

_STATE: LiteralString = """
SELECT (SELECT min(window_ms) FROM ledger_partitions),
       (SELECT max(first_line) FROM batch_blocks WHERE batch = %s AND sent_at > now() - interval '1 day')
"""
_BETWEEN: LiteralString = """
SELECT first_line, numbers, hashes, answers, (extract(epoch FROM now() - sent_at) * 1000)::bigint FROM batch_blocks
WHERE batch = %s AND first_line > %s AND first_line <= %s AND sent_at > now() - interval '1 day' ORDER BY first_line
"""
_SEND: LiteralString = """
INSERT INTO batch_blocks AS b (batch, first_line, numbers, hashes) VALUES (%s, %s, %s, %s)
ON CONFLICT (batch, first_line) DO UPDATE
    SET numbers = excluded.numbers, hashes = excluded.hashes, sent_at = now(), answers = NULL
    WHERE b.sent_at <= now() - interval '1 day'
RETURNING 1
"""
_DECIDED: LiteralString = "UPDATE batch_blocks SET answers = %s WHERE batch = %s AND first_line = %s"
_FORGET: LiteralString = """
DELETE FROM batch_blocks WHERE (batch, first_line) IN (
    SELECT batch, first_line FROM batch_blocks WHERE sent_at < now() - interval '1 day' LIMIT %s)
RETURNING 1
"""


class State(NamedTuple):
    """What is known when a batch begins: how long the gate remembers ids, and behind which line nothing was sent before."""

    window_ms: int
    sent_until: int


@dataclass(slots=True)
class Block:
    """Lines that were sent together, in order; `answers` by line, without a line break. `age_ms`: since they were first sent."""

    numbers: Sequence[int]
    hashes: Sequence[bytes]
    answers: dict[int, bytes]
    age_ms: int = 0

    @property
    def first_line(self) -> int:
        """The number of its first line."""
        return self.numbers[0]

    @classmethod
    def from_row(cls, numbers: bytes, hashes: bytes, answers: bytes | None, age_ms: int) -> Self:
        """As it stands in the table."""
        lines = struct.unpack(f">{len(numbers) // 4}I", numbers)
        each = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
        told = zlib.decompress(answers).split(b"\n") if answers else []
        return cls(lines, each, {line: answer for line, answer in zip(lines, told, strict=False) if answer}, age_ms)


class Batches:
    """The blocks in the database; faults as those of `Pool`. A batch is named by a UUID."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def state(self, batch: str) -> State:
        """How a batch stands before it goes on; 0 where none of its lines was sent."""
        [(window_ms, last)] = await self._pool.rows(_STATE, batch)
        return State(int(window_ms), 0 if last is None else int(last) + MOST_LINES)

    async def between(self, batch: str, first: int, last: int) -> list[Block]:
        """The blocks that may hold one of the lines from `first` to `last`."""
        rows = await self._pool.rows(_BETWEEN, batch, first - MOST_LINES, last)
        return [Block.from_row(*row[1:]) for row in rows]

    async def send(self, batch: str, block: Block) -> bool:
        """Note lines that are about to be sent; False where somebody else just did: then look again."""
        numbers = struct.pack(f">{len(block.numbers)}I", *block.numbers)
        return bool(await self._pool.rows(_SEND, batch, block.first_line, numbers, b"".join(block.hashes)))

    async def decided(self, batch: str, block: Block) -> None:
        """Keep the answers that a block has now."""
        told = b"\n".join([block.answers.get(line, b"") for line in block.numbers])
        await self._pool.rows(_DECIDED, zlib.compress(told, 1), batch, block.first_line)

    async def forget(self, limit: int = 1_000) -> int:
        """Delete blocks that are older than a day, at most so many; how many it were."""
        return len(await self._pool.rows(_FORGET, limit))
