"""Kafka, a clock and alarms in memory."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NamedTuple

from onhand.agents.alarms import StoredAlarm
from onhand.agents.ports import Message
from onhand.schemas.faults import Retryable

NOW_MS = 1_000_000
PARTITION = 0

Raw = Any
"""A plain `redis.Redis`: its own types promise str where bytes come."""


class Stored(NamedTuple):
    """A record of a log in memory."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


async def pause(dice: random.Random | None) -> None:
    """Let others run, once or some times."""
    for _ in range(dice.randrange(4) if dice else 1):
        await asyncio.sleep(0)


async def until(look: Callable[[], Any], within_s: float = 10.0) -> None:
    """Wait until that is true; the stores of these tests have no events."""
    async with asyncio.timeout(within_s):
        while not look():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


class MemoryLog:
    """All topics. Offsets without a record can be made, and records taken away at the beginning."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._records: dict[tuple[str, int], list[Stored]] = defaultdict(list)
        self._first: dict[tuple[str, int], int] = defaultdict(int)
        self._end: dict[tuple[str, int], int] = defaultdict(int)

    def append(self, topic: str, partition: int, message: Message, at_ms: int | None = None) -> int:
        """The record's offset."""
        offset = self.hole(topic, partition)
        key, value, headers = message.key, message.value, message.headers
        at_ms = self._now_ms() if at_ms is None else at_ms
        self._records[topic, partition].append(Stored(offset, at_ms, key, value, tuple(headers)))
        return offset

    def hole(self, topic: str, partition: int, count: int = 1) -> int:
        """Offsets that hold no record, as a transaction's marker; the first of them."""
        offset = self._end[topic, partition]
        self._end[topic, partition] += count
        return offset

    def cut(self, topic: str, partition: int, first: int) -> None:
        """Retention took all before `first`."""
        self._first[topic, partition] = first
        self._records[topic, partition] = [r for r in self._records[topic, partition] if r.offset >= first]

    def truncate(self, topic: str, partition: int) -> None:
        """The topic is deleted and made anew."""
        for kept in (self._records, self._first, self._end):
            kept.pop((topic, partition), None)

    def replace(self, topic: str, partition: int, offset: int, value: bytes) -> None:
        """The log becomes another one."""
        records = self._records[topic, partition]
        self._records[topic, partition] = [r._replace(value=value) if r.offset == offset else r for r in records]

    def all(self, topic: str, partition: int = PARTITION) -> list[Stored]:
        """What stands there."""
        return list(self._records[topic, partition])

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """First offset, next offset."""
        await pause(None)
        return self._first[topic, partition], self._end[topic, partition]

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Stored]]:
        """Records in pieces of seven; what retention took cannot be asked for."""
        if start < self._first[topic, partition]:
            raise Retryable(f"offset {start} is out of range")
        wanted = [r for r in self._records[topic, partition] if start <= r.offset < end]
        for at in range(0, len(wanted), 7):
            await pause(None)
            yield wanted[at : at + 7]


class MemoryPublisher:
    """Appends with pauses in between, and now and then fails, before or after the effect, or is late by a while."""

    def __init__(self, log: MemoryLog, dice: random.Random | None = None, fails: float = 0.0) -> None:
        self._log = log
        self._dice = dice
        self.fails = fails
        self._late: set[asyncio.Task[None]] = set()

    async def publish(self, topic: str, partition: int | None, messages: Sequence[Message]) -> int:
        """The offset of the last one."""
        try:
            await pause(self._dice)
            self._perhaps_fail()
        except (asyncio.CancelledError, Retryable):
            self._perhaps_late(topic, partition, messages)
            raise
        last = self._append(topic, partition, messages)
        await pause(self._dice)
        self._perhaps_fail()
        return last

    def _append(self, topic: str, partition: int | None, messages: Sequence[Message]) -> int:
        return [self._log.append(topic, partition or 0, message) for message in messages][-1]

    def _perhaps_fail(self) -> None:
        if self._dice and self._dice.random() < self.fails:
            raise Retryable("the broker did not acknowledge")

    def _perhaps_late(self, topic: str, partition: int | None, messages: Sequence[Message]) -> None:
        """What was given to a producer may still arrive when nobody waits for it any more."""
        if self._dice and self._dice.random() < 0.5:
            task = asyncio.create_task(self._later(topic, partition, messages))
            self._late.add(task)
            task.add_done_callback(self._late.discard)

    async def _later(self, topic: str, partition: int | None, messages: Sequence[Message]) -> None:
        for _ in range(30):
            await asyncio.sleep(0)
        self._append(topic, partition, messages)

    async def all_arrived(self) -> None:
        """Nothing is under way any more."""
        await asyncio.gather(*self._late)


class HandClock:
    """Stands still until it is told otherwise; sleeping is short."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now = now_ms

    def now_ms(self) -> int:
        """As set."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """A moment."""
        await asyncio.sleep(min(seconds, 0.002))


class MemoryAlarms:
    """Alarms, and an event for whoever waits for one."""

    def __init__(self) -> None:
        self.now: StoredAlarm | None = None
        self.raised = asyncio.Event()

    async def raise_alarm(self, partition: int, code: str, message: str, offset: int) -> None:
        """Keep it."""
        self.now = StoredAlarm(code, message, offset)
        self.raised.set()

    async def alarmed(self, partition: int) -> bool:
        """Whether one is kept."""
        return self.now is not None

    def clear(self) -> None:
        """`onhand resume`."""
        self.now = None
        self.raised.clear()
