"""Where a reservation is: its commands must name a position of it, and callers know its id alone."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import structlog

from onhand.lua.gate import Gate
from onhand.schemas.commands import Reserve
from onhand.schemas.faults import Retryable
from onhand.schemas.legs import legs_of, order_of
from onhand.schemas.partitioner import partition_of
from onhand.sql.partitions import ledger_seqs
from onhand.sql.pool import Pool
from onhand.sql.reserved import ReservedLine, reserved_lines

log = structlog.get_logger("finder")

_MOST = 100_000
_LOOK_S = 0.03
_LOOK_AT_LEAST_S = 0.5


class Place(NamedTuple):
    """Where a reservation is: its lines are in these partitions, and `position` is a line of its home, the highest."""

    position: str
    partitions: frozenset[int]


class Finder:
    """Asks, in this order, its own memory of recent reserves, the gate, and the ledger."""

    def __init__(self, gate: Gate, pool: Pool, partitions: int) -> None:
        self._gate = gate
        self._pool = pool
        self._partitions = partitions
        self._recent: dict[str, Place] = {}

    def remember(self, reserve: Reserve) -> None:
        """It was reserved."""
        if len(self._recent) >= _MOST:
            del self._recent[next(iter(self._recent))]
        self._recent[reserve.id] = self._place_of(reserve)

    async def place(self, reservation_id: str) -> Place | None:
        """Where it is, in memory or at the gate; None where neither knows it, or where the gate is away."""
        if known := self._recent.get(reservation_id):
            return known
        try:
            holds = await self._gate.holds(reservation_id, self._partitions)
        except Retryable as fault:
            log.warning("the ledger is asked instead of the gate", reservation_id=reservation_id, fault=str(fault))
            return None
        return Place(holds[max(holds)], frozenset(holds)) if holds else None

    async def lines(self, reservation_id: str) -> list[ReservedLine]:
        """Its lines, as far as the ledger has them."""
        return await reserved_lines(self._pool, reservation_id)

    async def all_lines(self, reservation_id: str) -> list[ReservedLine]:
        """Its lines; none only where nobody knows it: the ledger then has all that the gate had decided when we asked.

        Waits for the ledger as long as it takes; `Retryable` where the gate is needed and away.
        """
        if lines := await self.lines(reservation_id):
            return lines
        decided = await self._gate.seqs(self._partitions)
        pause_s = _LOOK_S
        while True:
            written = await ledger_seqs(self._pool)
            lines = await self.lines(reservation_id)
            if lines or all(there >= seq for there, seq in zip(written, decided, strict=True)):
                return lines
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LOOK_AT_LEAST_S)

    async def lines_when(
        self, reservation_id: str, seen: Callable[[list[ReservedLine]], bool], told: asyncio.Event
    ) -> list[ReservedLine]:
        """Its lines, once the ledger has them so: looked at now, whenever `told`, and ever more seldom. Waits as long as it takes."""
        pause_s = _LOOK_S
        while not seen(lines := await self.lines(reservation_id)):
            told.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await told.wait()
            pause_s = min(2 * pause_s, _LOOK_AT_LEAST_S)
        return lines

    def _place_of(self, reserve: Reserve) -> Place:
        order = order_of(reserve)
        if order is None:
            return Place(reserve.position, frozenset([partition_of(reserve.position, self._partitions)]))
        legs = legs_of(order, self._partitions)
        return Place(legs[-1].lines[0].position, frozenset(leg.partition for leg in legs))


def place_in(lines: list[ReservedLine]) -> Place:
    """Where a reservation with these lines is."""
    first = next((line for line in lines if line.partition == line.home), lines[0])
    return Place(first.position, frozenset(line.partition for line in lines))
