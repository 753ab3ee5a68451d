"""One partition of the ledger with all that its lane needs: Kafka in memory, and any store."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from onhand.agents.inbox import Delivery, Inbox
from onhand.agents.lanes import Lane
from onhand.agents.ledger.lane import LedgerLane, World
from onhand.agents.ledger.ports import Store
from onhand.schemas.faults import Retryable
from onhand.schemas.topics import DECISIONS
from onhand.sql.rows import Fenced, Findings, Level, Mark, PartitionRow, Settings
from onhand.sql.window import Window
from tests.agents.memory import MemoryAlarms, MemoryLog, MemoryPublisher, Stored
from tests.audited import KEYRING, WINDOW_MS


async def until(true: Callable[[], Awaitable[bool]], within_s: float = 10.0) -> None:
    """Wait for something in memory or in a store, neither of which tells."""
    async with asyncio.timeout(within_s):
        while not await true():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


class ShortClock:
    """Real time; sleeping is short."""

    def now_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.005))


class MemoryStore:
    """The watermark and the windows. `findings` are what the next write finds; `faults` strike before or after an effect."""

    def __init__(self) -> None:
        self.row: PartitionRow | None = PartitionRow(
            0, "t", 0, -1, 0, 0, Settings(WINDOW_MS, 1, 1), b"", Findings([], [])
        )
        self.windows: list[Window] = []
        self.findings = Findings([], [])
        self.faults: list[str] = []
        self.levels: list[Level] = []
        self.asked_since: list[int] = []

    async def partition(self, partition: int) -> PartitionRow | None:
        return self.row

    async def mark(self, partition: int) -> Mark | None:
        return self.row and Mark(self.row.seq, self.row.decisions_offset)

    async def skip(self, partition: int, seq: int, decisions_offset: int) -> None:
        assert self.row is not None
        assert self.row.seq == seq
        self.row = self.row._replace(decisions_offset=decisions_offset)

    async def write(self, window: Window) -> Findings:
        await asyncio.sleep(0)
        assert self.row is not None
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "before":
            raise Retryable("nothing was written")
        if self.row.seq != window.expected_seq:
            raise Fenced(self.row.seq)
        marks = window.seq, window.source_offset, window.decisions_offset, window.clock_ms
        self.row = PartitionRow(0, "t", *marks, self.row.settings, window.events, self.findings)
        self.windows.append(window)
        found, self.findings = self.findings, Findings([], [])
        if fault == "after":
            raise Retryable("the answer was lost")
        return found

    async def touched_since(self, partition: int, since_ms: int) -> list[Level]:
        self.asked_since.append(since_ms)
        return self.levels


class LedgerHouse:
    """Its logs, its store, and lanes that own it, as many as a test likes."""

    def __init__(self, store: Store, dice: random.Random | None = None) -> None:
        self.store, self.dice = store, dice
        self.clock = ShortClock()
        self.log = MemoryLog(self.clock.now_ms)
        self.publisher = MemoryPublisher(self.log, dice)
        self.alarms = MemoryAlarms()
        self.broken: list[BaseException] = []
        self.lanes: list[Lane] = []

    def start(self, **other: Any) -> Lane:
        """A lane that owns the partition, or thinks so."""
        parts: dict[str, Any] = {"window_ms": 5, "retell_after_s": 60.0, "store": self.store} | other
        world = World(log=self.log, publisher=self.publisher, clock=self.clock, keyring=KEYRING, **parts)

        def work(partition: int, inbox: Inbox) -> LedgerLane:
            return LedgerLane(partition, inbox, world)

        lane = Lane(0, work, self.alarms, self.clock, self.broken.append)
        self.lanes.append(lane)
        return lane

    async def stop(self) -> None:
        """All lanes end."""
        lanes, self.lanes = self.lanes, []
        for lane in lanes:
            await lane.close()
        assert self.broken == []

    async def feed(self, lane: Lane, records: Sequence[Stored] | None = None) -> list[int]:
        """Deliver these records, or the whole log; the list fills with what is acknowledged."""
        acked: list[int] = []
        left = list(self.log.all(DECISIONS) if records is None else records)
        while left:
            size = self.dice.randrange(1, 40) if self.dice else 50
            piece, left = left[:size], left[size:]
            await lane.inbox.put(Delivery(piece, lambda offset=piece[-1].offset: acked.append(offset)))  # type: ignore[misc]
        return acked

    async def reaches(self, seq: int, within_s: float = 20.0) -> None:
        """Wait until the ledger is at that seq, and what it told is told."""

        async def there() -> bool:
            mark = await self.store.mark(0)
            return mark is not None and mark.seq >= seq

        await until(there, within_s)

    def told(self, topic: str) -> list[Stored]:
        """What stands in an output topic."""
        return self.log.all(topic)


def header(record: Stored, name: str) -> str | None:
    """A header's text."""
    return next((value.decode() for known, value in record.headers if known == name), None)
