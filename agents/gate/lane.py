"""The lane of the gate: one partition of `inventory.commands`, decided in order, told in order.

The life of a batch: admitted, decided by the script (atomically with the watermark and its outcomes), published, acknowledged. A
crash anywhere leaves either nothing or stored outcomes, which the next owner publishes again. Under load three batches are under way:
one is being published, the next one decided, and the one behind that admitted; so at most two are decided and not published.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from onhand.agents.alarms import Alarm
from onhand.agents.gate.batch import UNITS, Admission, Prepared, record_hash
from onhand.agents.gate.forwards import Forwards
from onhand.agents.gate.health import check, check_record, foreign_rules, lost
from onhand.agents.gate.place import Place
from onhand.agents.gate.ports import DescribeTopic, Store
from onhand.agents.gate.sweeper import Sweeper
from onhand.agents.gate.telling import Told, tell
from onhand.agents.inbox import Inbox
from onhand.agents.lanes import cancel
from onhand.agents.ports import Clock, Log, Publisher, Record
from onhand.agents.probes import Probe, no_probe
from onhand.lua.format import Gap, Missing, Outcomes, RecordMark, Row, Rules, unpack_outcomes
from onhand.schemas.faults import Retryable
from onhand.schemas.signing import Keyring
from onhand.schemas.topics import COMMANDS, DECISIONS, DLQ

log = structlog.get_logger("gate")

_IDLE_S = 1.0
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
        self._deciding: asyncio.Task[None] | None = None
        self._publishing: asyncio.Task[None] | None = None
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
                records = await self._inbox.get(UNITS, _IDLE_S)
                if sweeping.done():
                    await sweeping  # it ends only by what it cannot mend; without it holds would stay for ever
                await (self._look() if records is None else self._take(records))
        finally:
            tasks, self._deciding, self._publishing = (sweeping, self._deciding, self._publishing), None, None
            await cancel(*tasks)

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
            await self._call(until - 1, None, [])

    async def _decide(self, records: Sequence[Record]) -> None:
        horizon = self._world.clock.now_ms() + _AHEAD_MS
        for batch in self._admission.prepare(records):
            last = batch.records[-1]
            ahead = next((record.offset for record in batch.records if record.timestamp > horizon), None)
            if ahead is not None:
                raise Alarm("clock_ahead", f"a record is more than {_AHEAD_MS} ms ahead of this clock", ahead)
            await self._decided()
            self._ahead = last.offset
            self._deciding = asyncio.create_task(self._turn(batch))
            if self._inbox.waiting:
                await asyncio.sleep(0)  # the call leaves, and the next batch is admitted while it is away
            else:
                await self._decided()

    async def _turn(self, batch: Prepared) -> None:
        """Have a batch decided, and begin to publish it once the batch before is published."""
        last = batch.records[-1]
        outcomes = await self._call(batch.last, RecordMark(last.offset, record_hash(last), last.timestamp), batch.rows)
        await self._settled()
        self._publishing = asyncio.create_task(self._publish(batch, outcomes))

    async def _decided(self) -> None:
        """Wait until the batch that was handed over is decided; its fault is ours."""
        task, self._deciding = self._deciding, None
        if task is not None:
            await task

    async def _call(self, last: int, record: RecordMark | None, rows: Sequence[Row]) -> Outcomes:
        """One call of the script, which moves the mark to `last`."""
        self._world.probe("before_script")
        prev, published = self._mark, self._published
        answer = await self._world.store.decide(self.partition, prev, last, published, record, rows)
        self._world.probe("after_script")
        match answer:
            case Outcomes():
                self._mark, self._ahead, self._untrimmed = last, max(last, self._ahead), last > prev
                self._sweeper.decided(last)
                return answer
            case Missing():
                raise lost()
            case Rules(version):
                raise foreign_rules(version)
            case _:
                where = "behind" if isinstance(answer, Gap) else "ahead"
                raise Retryable(f"the gate is at {answer.mark}, {where} of this lane at {self._mark}: it must recover")

    async def _publish(self, batch: Prepared, outcomes: Outcomes) -> None:
        """Tell a batch and acknowledge it. Its slips and dead letters go first, so that a told decision proves them."""
        told: Told = tell(self._place, batch, outcomes.flat)
        if told.forwards:
            await self._forward(told.forwards)
        self._world.probe("after_forwards")
        if told.dead_letters:
            await self._world.publisher.publish(DLQ, None, told.dead_letters)
        if told.decisions:
            await self._world.publisher.publish(DECISIONS, self.partition, told.decisions)
        self._world.probe("after_publish")
        self._published = batch.last
        self._inbox.ack(batch.last)

    async def _forward(self, slips: Forwards) -> None:
        """Append the slips to the logs of their partitions, at the same time, and wait until all are there; the first fault is ours."""
        publish = self._world.publisher.publish
        sent = [publish(COMMANDS, partition, messages) for partition, messages in slips.items()]
        for answer in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer

    async def _settled(self) -> None:
        """Wait until the batch before is published; its fault is ours."""
        task, self._publishing = self._publishing, None
        if task is not None:
            await task

    async def _look(self) -> None:
        """Nothing comes: has the watermark moved under us (a failover), has the log something that was not delivered?"""
        await self._decided()
        await self._settled()
        offset = await self._world.store.offset(self.partition)
        if offset is None:
            raise lost()
        if offset != self._mark:
            raise Retryable(f"idle, and the gate is at {offset}, not {self._mark}: it must recover")
        if self._untrimmed:
            await self._call(self._mark, None, [])
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
            await self._publish(self._admission.again(among), unpack_outcomes(stored.blob))
        self._published = mark.offset
        log.info("recovered", partition=self.partition, offset=mark.offset, republished=len(mark.unpublished))
