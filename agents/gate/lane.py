"""The lane of the gate: one partition of `inventory.commands`, decided in order, told in order.

The life of a batch: admitted, decided by the script (atomically with the watermark and its outcomes), published, acknowledged. A
crash anywhere leaves either nothing or stored outcomes, which the next owner publishes again. Under load several batches are under
way at once, one being published, one decided, one waiting at the store: the script takes them in order, whatever arrives first, since
each call names the watermark that it follows.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from onhand.agents.alarms import Alarm
from onhand.agents.gate.batch import UNITS, Admission, Prepared, record_hash
from onhand.agents.gate.health import check, check_record, foreign_rules, lost
from onhand.agents.gate.place import Place
from onhand.agents.gate.ports import DescribeTopic, Store
from onhand.agents.gate.sweeper import Sweeper
from onhand.agents.gate.telling import Told, tell
from onhand.agents.inbox import Inbox
from onhand.agents.lanes import all_of, cancel
from onhand.agents.ports import Clock, Log, Publisher, Record
from onhand.agents.probes import Probe, no_probe
from onhand.lua.format import Decided, Gap, Missing, Outcomes, RecordMark, Row, Rules, unpack_outcomes
from onhand.schemas.faults import Retryable
from onhand.schemas.signing import Keyring
from onhand.schemas.topics import COMMANDS, DECISIONS, DLQ

log = structlog.get_logger("gate")

_IDLE_S = 1.0
_UNDER_WAY = 3
"""Batches that are handed to the script and not published yet, at most."""
_AHEAD_MS = 60_000
"""A record may be this far ahead of our clock; further would let reservations expire that should not."""


@dataclass(frozen=True, slots=True)
class World:
    """What the lanes of a gate worker share."""

    store: Store
    log: Log
    publisher: Publisher
    clock: Clock
    describe_topic: DescribeTopic
    keyring: Keyring
    probe: Probe = no_probe


class _UnderWay(NamedTuple):
    """A batch that is handed over: its call of the script, and what waits for the call and for the batch before, and publishes."""

    call: asyncio.Task[Outcomes]
    telling: asyncio.Task[None]


class GateLane:
    """Decides one partition. `run` begins with recovery; any fault ends it and the next run recovers."""

    def __init__(self, partition: int, inbox: Inbox, world: World) -> None:
        self.partition = partition
        self.started = asyncio.Event()
        self._inbox = inbox
        self._world = world
        self._mark = -1
        self._published = -1
        self._ahead = -1
        """The last offset that was handed to the script; beyond the mark while a call is under way."""
        self._untrimmed = False
        self._under_way: deque[_UnderWay] = deque()
        self._place: Place
        self._admission: Admission
        self._sweeper = Sweeper(partition, world.store, world.publisher, world.clock, world.keyring)

    @property
    def mark(self) -> int:
        """The offset of the last record that is decided, as far as this lane knows."""
        return self._mark

    async def run(self) -> None:
        """Recover, then decide what comes, until cancelled or a fault."""
        sweeping: asyncio.Task[None] | None = None
        try:
            await self._recover()
            self.started.set()
            sweeping = asyncio.create_task(self._sweeper.run(), name=f"sweeper-{self.partition}")
            while True:
                await self._told(_UNDER_WAY - 1)
                records = await self._inbox.get(UNITS, _IDLE_S)
                if sweeping.done():
                    await sweeping  # it ends only by what it cannot mend; without it holds would stay for ever
                await (self._look() if records is None else self._take(records))
        finally:
            tasks = [task for batch in self._under_way for task in batch]
            self._under_way.clear()
            await cancel(sweeping, *tasks)

    async def _take(self, records: Sequence[Record]) -> None:
        """Decide what was delivered, behind what was left out; what was decided before is only acknowledged."""
        if records[0].offset > self._ahead + 1:
            await self._decided()
            await self._catch_up(records[0].offset)
        await self._decide([record for record in records if record.offset > self._ahead])
        if records[-1].offset <= self._published:
            self._inbox.ack(records[-1].offset)

    async def _catch_up(self, until: int) -> None:
        """Decide what stands in the log up to `until` and was not delivered; where nothing stands, move the mark.

        Offsets without a record are legal (transaction markers), records that are gone are not.
        """
        first, _ = await self._world.log.bounds(COMMANDS, self.partition)
        if first > self._mark + 1:
            message = f"the log begins at {first}, the commands from {self._mark + 1} on are gone"
            raise Alarm("commands_lost", message, self._mark + 1)
        async for records in self._world.log.read(COMMANDS, self.partition, self._mark + 1, until):
            await self._decide(records)
        await self._decided()
        if self._mark < until - 1:
            await self._call(until - 1)

    async def _decide(self, records: Sequence[Record]) -> None:
        horizon = self._world.clock.now_ms() + _AHEAD_MS
        for batch in self._admission.prepare(records):
            ahead = next((record.offset for record in batch.records if record.timestamp > horizon), None)
            if ahead is not None:
                await self._told()
                raise Alarm("clock_ahead", f"a record is more than {_AHEAD_MS} ms ahead of this clock", ahead)
            await self._told(_UNDER_WAY - 1)
            self._hand_over(batch)
        if not self._inbox.waiting:
            await self._decided()  # what comes meanwhile makes a larger batch

    def _hand_over(self, batch: Prepared) -> None:
        """Have a batch decided, and told behind the batch before."""
        record, before = batch.records[-1], self._under_way[-1] if self._under_way else None
        mark = RecordMark(record.offset, record_hash(record), record.timestamp)
        called = self._follow(self._ahead, batch.last, mark, batch.rows, before)
        self._ahead = batch.last
        call = asyncio.create_task(called)
        self._under_way.append(_UnderWay(call, asyncio.create_task(self._tell(batch, call, before))))

    async def _follow(
        self, prev: int, last: int, record: RecordMark, rows: Sequence[Row], before: "_UnderWay | None"
    ) -> Outcomes:
        """A call of the script that may leave while the one before is under way."""
        answer = await self._ask(prev, last, record, rows)
        if isinstance(answer, Gap) and before is not None:
            await before.call  # ours went over another connection and came first, or that one's fault is ours
            answer = await self._ask(prev, last, record, rows)
        return self._judge(answer, prev, last)

    async def _call(self, last: int) -> None:
        """A call without records, which moves the mark to `last`."""
        self._judge(await self._ask(self._mark, last, None, []), self._mark, last)

    async def _ask(self, prev: int, last: int, record: RecordMark | None, rows: Sequence[Row]) -> Decided:
        self._world.probe("before_script")
        answer = await self._world.store.decide(self.partition, prev, last, self._published, record, rows)
        self._world.probe("after_script")
        return answer

    def _judge(self, answer: Decided, prev: int, last: int) -> Outcomes:
        match answer:
            case Outcomes():
                self._mark, self._ahead, self._untrimmed = max(last, self._mark), max(last, self._ahead), last > prev
                self._sweeper.decided(self._mark)
                return answer
            case Missing():
                raise lost()
            case Rules(version):
                raise foreign_rules(version)
            case _:
                where = "behind" if isinstance(answer, Gap) else "ahead"
                raise Retryable(f"the gate is at {answer.mark}, {where} of this lane at {prev}: it must recover")

    async def _decided(self) -> None:
        """Wait until all that was handed over is decided; a fault of the last call is ours."""
        if self._under_way:
            await self._under_way[-1].call

    async def _told(self, left: int = 0) -> None:
        """Wait until at most `left` batches are under way; a fault in one is ours."""
        while len(self._under_way) > left or (self._under_way and self._under_way[0].telling.done()):
            await self._under_way[0].telling
            self._under_way.popleft()

    async def _tell(self, batch: Prepared, call: asyncio.Task[Outcomes], before: "_UnderWay | None") -> None:
        told = tell(self._place, batch, (await call).flat)
        if before is not None:
            await before.telling
        await self._publish(batch, told)

    async def _publish(self, batch: Prepared, told: Told) -> None:
        """Publish what a batch tells and acknowledge it. Slips and dead letters go first, so that a told decision proves them."""
        publish = self._world.publisher.publish
        await all_of(publish(COMMANDS, partition, messages) for partition, messages in told.forwards.items())
        self._world.probe("after_forwards")
        if told.dead_letters:
            await publish(DLQ, None, told.dead_letters)
        if told.decisions:
            await publish(DECISIONS, self.partition, told.decisions)
        self._world.probe("after_publish")
        self._published = batch.last
        self._inbox.ack(batch.last)

    async def _look(self) -> None:
        """Nothing comes: has the watermark moved under us (a failover), has the log something that was not delivered?"""
        await self._decided()
        await self._told()
        offset = await self._world.store.offset(self.partition)
        if offset is None:
            raise lost()
        if offset != self._mark:
            raise Retryable(f"idle, and the gate is at {offset}, not {self._mark}: it must recover")
        if self._untrimmed:
            await self._call(self._mark)
        _, end = await self._world.log.bounds(COMMANDS, self.partition)
        if end > self._mark + 1:
            await self._catch_up(end)

    async def _recover(self) -> None:
        """Find our place, and publish what may not have been published."""
        mark = await self._world.store.mark(self.partition)
        topic = await self._world.describe_topic()
        bounds = await self._world.log.bounds(COMMANDS, self.partition)
        mark = check(mark, topic, bounds)
        self._place = Place(self.partition, mark.partitions, self._world.keyring)
        self._admission = Admission(self._place, mark.sweep_limit)
        self._mark = self._ahead = self._published = mark.offset
        self._untrimmed = bool(mark.unpublished)
        start = (
            mark.unpublished[0].prev + 1 if mark.unpublished else mark.record.offset if mark.record else mark.offset + 1
        )
        stream = self._world.log.read(COMMANDS, self.partition, max(start, bounds[0]), mark.offset + 1)
        records: list[Record] = [record async for piece in stream for record in piece]
        check_record(mark, records)
        for stored in mark.unpublished:
            if stored.last < bounds[0]:
                # Only records and outcomes together make decisions. If these were never told, the ledger misses their seqs.
                log.error("records are gone, not told again", partition=self.partition, last=stored.last)
                continue
            among = [record for record in records if stored.prev < record.offset <= stored.last]
            batch = self._admission.again(among)
            await self._publish(batch, tell(self._place, batch, unpack_outcomes(stored.blob).flat))
        self._published = mark.offset
        log.info("recovered", partition=self.partition, offset=mark.offset, republished=len(mark.unpublished))
