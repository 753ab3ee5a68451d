"""Kafka in memory, and one partition of it with all that a lane needs; the store is the real script."""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from onhand.agents.alarms import StoredAlarm
from onhand.agents.gate.lane import GateLane, World
from onhand.agents.inbox import Delivery, Inbox
from onhand.agents.lanes import Lane
from onhand.agents.ports import Message
from onhand.deploy.audit.gate_view import Numbers, position_names, read_gate, read_mark
from onhand.deploy.audit.oracle import Oracle
from onhand.lua.gate import Gate
from onhand.schemas.faults import Retryable
from onhand.schemas.signing import HEADER, Keyring
from onhand.schemas.topics import COMMANDS, DECISIONS, DLQ
from tests.scenarios import SWEEP_LIMIT, WINDOW_MS

KEYRING = Keyring.parse("test:" + "5a" * 32)
NOW_MS = 1_000_000
PARTITION, PARTITIONS = 0, 1
SWEEP = b'{"type":"sweep"}'

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
        key, value, headers = message
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
        """Records in pieces of seven."""
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


@dataclass
class Topic:
    """What the command topic is like."""

    topic_id: str = "topic"
    partitions: int = PARTITIONS
    compacted: bool = False
    append_time: bool = True


class House:
    """One partition: its log, its store, and lanes that own it, as many as a test likes."""

    def __init__(self, gate: Gate, raw: Raw, dice: random.Random | None = None) -> None:
        self.gate, self.raw, self.dice = gate, raw, dice
        self.clock = HandClock()
        self.log = MemoryLog(self.clock.now_ms)
        self.publisher = MemoryPublisher(self.log, dice)
        self.alarms = MemoryAlarms()
        self.topic: Topic | None = Topic()
        self.broken: list[BaseException] = []
        self.lanes: list[Lane] = []

    async def birth(self) -> "House":
        """The partition's first mark."""
        assert await self.gate.birth(PARTITION, "topic", WINDOW_MS, SWEEP_LIMIT)
        return self

    def say(self, *bodies: dict[str, Any] | bytes | None, at_ms: int | None = None) -> int:
        """Commands into the log; the offset of the last."""
        offset = -1
        for body in bodies:
            value = json.dumps(body, separators=(",", ":")).encode() if isinstance(body, dict) else body
            headers = [(HEADER, KEYRING.sign(SWEEP).encode())] if value == SWEEP else []
            offset = self.log.append(COMMANDS, PARTITION, Message(b"key", value, headers), at_ms)
        return offset

    def world(self, **other: Any) -> World:
        """What a lane needs, with other parts where a test wants them."""
        parts: dict[str, Any] = {
            "store": self.gate, "log": self.log, "publisher": self.publisher, "clock": self.clock,
            "describe_topic": self._describe, "keyring": KEYRING,
        }  # fmt: skip
        return World(**(parts | other))

    async def _describe(self) -> Topic | None:
        return self.topic

    def start(self, **other: Any) -> Lane:
        """A lane that owns the partition, or thinks so."""
        world = self.world(**other)

        def work(partition: int, inbox: Inbox) -> GateLane:
            return GateLane(partition, inbox, world)

        lane = Lane(PARTITION, work, self.alarms, self.clock, self.broken.append)
        self.lanes.append(lane)
        return lane

    async def stop(self) -> None:
        """All lanes end."""
        lanes, self.lanes = self.lanes, []
        for lane in lanes:
            await lane.close()

    async def feed(self, lane: Lane, start: int = 0) -> list[int]:
        """Deliver the log from `start` on, as Faust would; the list fills with what is acknowledged."""
        acked: list[int] = []
        records = [r for r in self.log.all(COMMANDS) if r.offset >= start]
        while records:
            size = self.dice.randrange(1, 9) if self.dice else 5
            piece, records = records[:size], records[size:]
            await lane.inbox.put(Delivery(piece, lambda offset=piece[-1].offset: acked.append(offset)))  # type: ignore[misc]
        return acked

    async def done(self, within_s: float = 20.0) -> None:
        """Wait until all that is in the log is decided and told."""
        async with asyncio.timeout(within_s):
            while not await self._is_done():  # noqa: ASYNC110 a store has no event
                assert not self.broken, self.broken
                await asyncio.sleep(0.001)

    async def _is_done(self) -> bool:
        _, end = await self.log.bounds(COMMANDS, PARTITION)
        told = {json.loads(r.value or b"")["seq"] for r in self.log.all(DECISIONS)}
        mark = read_mark(self.raw, PARTITION)
        return mark is not None and mark.offset == end - 1 and len(told) == mark.seq

    def put_back(self, dump: dict[bytes, bytes]) -> None:
        """All keys as they were, at once."""
        pipe = self.raw.pipeline(transaction=True)
        pipe.flushdb()
        for key, value in dump.items():
            pipe.restore(key, 0, value)
        pipe.execute()

    def dump(self) -> dict[bytes, bytes]:
        """All keys at one moment."""
        keys = sorted(self.raw.keys())
        pipe = self.raw.pipeline(transaction=True)
        for key in keys:
            pipe.dump(key)
        return {key: value for key, value in zip(keys, pipe.execute(), strict=True) if value is not None}

    def check(self) -> None:
        """What was told and what is stored is what the model makes of the log; repeats are identical."""
        oracle = Oracle(PARTITION, PARTITIONS, KEYRING, WINDOW_MS, SWEEP_LIMIT)
        log = self.log.all(COMMANDS)
        wanted = [d for r in log for d in oracle.decide(r.offset, r.timestamp, r.key, r.value, list(r.headers))]
        assert first_told(self.log.all(DECISIONS)) == wanted
        invalid = {d["source_offset"] for d in wanted if d["outcome"] == "invalid"}
        assert {int(dict(r.headers)["__streams.errors.offset"]) for r in self.log.all(DLQ)} == invalid
        self._check_state(oracle)

    def _check_state(self, oracle: Oracle) -> None:
        mark = read_mark(self.raw, PARTITION)
        assert mark is not None
        view = read_gate(self.raw, PARTITION, mark, position_names(self.raw).get(PARTITION, []))
        assert view is not None
        stocks = oracle.positions.items()
        assert view.positions == {name: Numbers(s.available, s.reserved, s.total, s.version) for name, s in stocks}
        assert view.holds == oracle.holds
        assert (mark.seq, mark.clock) == (oracle.seq, oracle.clock)


def first_told(decisions: Sequence[Stored]) -> list[dict[str, Any]]:
    """Decisions as a consumer keeps them, which drops what is not above its last; a repeat must be identical."""
    kept: list[bytes] = []
    for record in decisions:
        assert record.value is not None
        seq = json.loads(record.value)["seq"]
        assert seq <= len(kept) + 1, f"decision {seq} was told when {len(kept)} was the last"
        if seq == len(kept) + 1:
            kept.append(record.value)
        assert kept[seq - 1] == record.value, f"decision {seq} was told in two ways"
    return [json.loads(value) for value in kept]
