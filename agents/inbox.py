"""The inbox of a lane: what Faust has delivered of one partition, bounded in records, handed out in larger pieces."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from onhand.agents.ports import Record

BOUND = 5_000
_RECORD_BYTES = 1_024
"""What a record may weigh; a larger one counts as several."""


def weigh(record: Record) -> int:
    """How many ordinary records it counts for, in memory and work."""
    return 1 + len(record.value or b"") // _RECORD_BYTES


class Delivery(NamedTuple):
    """Records in offset order, and how to tell Faust that they are done with."""

    records: Sequence[Record]
    acknowledge: Callable[[], None]


class Inbox:
    """Waits when it holds `BOUND` records, so that one slow partition holds up the poll loop only then."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Delivery, int]] = deque()
        """Deliveries and what they weigh."""
        self._handed_out: deque[Delivery] = deque()
        self._held = 0
        self._closed = False
        self._deaf = False
        self._some = asyncio.Event()
        self._room = asyncio.Event()

    async def put(self, delivery: Delivery) -> None:
        """Take a delivery in, as soon as there is room. A closed or deaf inbox forgets it."""
        while self._held >= BOUND and not self._closed:
            self._room.clear()
            await self._room.wait()
        if not (self._closed or self._deaf):
            weight = sum(map(weigh, delivery.records))
            self._waiting.append((delivery, weight))
            self._held += weight
            self._some.set()

    @property
    def waiting(self) -> bool:
        """Whether something can be had at once."""
        return bool(self._waiting)

    async def get(self, limit: int, timeout_s: float) -> list[Record] | None:
        """What waits, up to about `limit` records (a delivery stays whole); None when nothing came in time."""
        if not self._waiting:
            self._some.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._some.wait()
            except TimeoutError:
                return None
        return self.take(limit)

    def take(self, limit: int) -> list[Record]:
        """What waits now, as `get`; empty where nothing does.

        Only deliveries that follow on each other are handed out together: after a rebalance stale ones may lie between. So a gap or
        a step back stands at the beginning of what is handed out, where a lane looks for it.
        """
        records: list[Record] = []
        while self._waiting and (not records or self._follows(records, limit)):
            delivery, weight = self._waiting.popleft()
            self._handed_out.append(delivery)
            records.extend(delivery.records)
            self._held -= weight
        self._room.set()
        return records

    def _follows(self, records: list[Record], limit: int) -> bool:
        following = self._waiting[0][0].records
        return len(records) + len(following) <= limit and following[0].offset == records[-1].offset + 1

    def ack(self, offset: int) -> None:
        """Everything up to and including `offset` is done with."""
        while self._handed_out and self._handed_out[0].records[-1].offset <= offset:
            self._handed_out.popleft().acknowledge()

    def deafen(self) -> None:
        """Forget what waits and what comes, until `listen`: the lane stands still, and others share the poll loop."""
        self._deaf = True
        self._forget()

    def listen(self) -> None:
        """Take deliveries in again; what was missed is read from the log."""
        self._deaf = False

    def close(self) -> None:
        """Forget everything and let go of whoever waits; nothing is lost, the log has it."""
        self._closed = True
        self._forget()
        self._some.set()

    def _forget(self) -> None:
        self._waiting.clear()
        self._handed_out.clear()
        self._held = 0
        self._room.set()
