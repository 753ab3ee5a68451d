"""A batch that broke off goes on where it stopped: what was sent of it, and what was decided, under its Idempotency-Key.

A line is noted before it is sent, its answer is kept once it is decided. A line without an answer is sent again under its id, which the
gate knows for the window. Older ones it may have forgotten, so that they would be done twice: those are told as `unknown`.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import structlog

from onhand.agents.gateway.batch import answers
from onhand.agents.gateway.batch.wishes import Wish
from onhand.schemas.faults import Retryable
from onhand.sql.batches import Batches, Block

log = structlog.get_logger("batch")

MOST_LINES = 1_000_000
"""Of a batch with a key, so that what is kept of one is bounded."""
_ON_ITS_WAY_MS = 30_000
"""So long a command that is sent now may need into the log."""


class Recalled(NamedTuple):
    """`answers` to lines that are not sent, by line; `sent`: the blocks of lines that were sent, without an answer yet."""

    answers: dict[int, bytes]
    sent: dict[int, Block]


class Nothing:
    """Of a batch without a key nothing is kept."""

    async def recall(self, wishes: Sequence[Wish]) -> Recalled:
        """Nothing was sent before."""
        return Recalled({}, {})

    async def note(self, wishes: Collection[Wish], recalled: Recalled) -> None:
        """Not noted."""

    async def keep(self, told: Mapping[int, bytes], recalled: Recalled) -> None:
        """Not kept."""


class Kept(Nothing):
    """Of a batch with a key. `sent_until`: behind that line nothing was sent before this call."""

    def __init__(self, batches: Batches, batch: str, window_ms: int, sent_until: int) -> None:
        self._batches = batches
        self._batch = batch
        self._remembered_ms = window_ms - min(_ON_ITS_WAY_MS, window_ms // 10)
        self._sent_until = sent_until

    async def recall(self, wishes: Sequence[Wish]) -> Recalled:
        """What is known of these lines, which are consecutive."""
        recalled = Recalled({}, {})
        if not wishes or wishes[0].line > self._sent_until:
            return recalled
        blocks = await self._batches.between(self._batch, wishes[0].line, wishes[-1].line)
        hashes = [dict(zip(block.numbers, block.hashes, strict=True)) for block in blocks]
        for block, known in zip(blocks, hashes, strict=True):
            for wish in wishes:
                if wish.line in known:
                    self._recall(wish, block, known[wish.line], recalled)
        return recalled

    async def note(self, wishes: Collection[Wish], recalled: Recalled) -> None:
        """These are about to be sent. `Retryable` where another call with the same key sends them just now."""
        fresh = [wish for wish in wishes if wish.line not in recalled.sent]
        if not fresh:
            return
        block = Block([wish.line for wish in fresh], [wish.hash for wish in fresh], {})
        if not await self._batches.send(self._batch, block):
            raise Retryable("another call with the same Idempotency-Key is under way")
        recalled.sent.update(dict.fromkeys(block.numbers, block))

    async def keep(self, told: Mapping[int, bytes], recalled: Recalled) -> None:
        """These were decided so. Where they cannot be kept the answers are right all the same: they would be asked for again."""
        touched = {recalled.sent[line].first_line: recalled.sent[line] for line in told}
        for line, answer in told.items():
            recalled.sent[line].answers[line] = answer
        try:
            for block in touched.values():
                await self._batches.decided(self._batch, block)
        except Retryable as fault:
            log.warning("answers are not kept", batch=self._batch, fault=str(fault))

    def _recall(self, wish: Wish, block: Block, known: bytes, recalled: Recalled) -> None:
        if known != wish.hash:
            why = "key-reused: the Idempotency-Key was used with another line here"
            recalled.answers[wish.line] = answers.error(wish.line, why)
        elif wish.line in block.answers:
            recalled.answers[wish.line] = answers.again(block.answers[wish.line])
        elif block.age_ms >= self._remembered_ms:
            recalled.answers[wish.line] = answers.unknown(wish)
        else:
            recalled.sent[wish.line] = block
