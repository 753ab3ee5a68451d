"""The lane of the ledger: one partition of `inventory.decisions`, written in windows, announced in order.

The life of a window: cut (every 100 ms, or when it is full), folded, written (atomically with the watermark and its events),
announced, acknowledged. The next one is folded meanwhile, but not written before the last is announced: so at a crash no more
than one window is unannounced, and its events lie beside the watermark, from where the next owner tells them again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from onhand.agents.alarms import Alarm
from onhand.agents.inbox import Inbox
from onhand.agents.lanes import all_of, cancel
from onhand.agents.ledger import events
from onhand.agents.ledger.events import ByTopic
from onhand.agents.ledger.fold import fold
from onhand.agents.ledger.intake import Intake, Jump
from onhand.agents.ledger.ports import Store
from onhand.agents.ports import Clock, Log, Publisher, Record
from onhand.agents.probes import Probe, no_probe
from onhand.schemas.faults import Corrupt, Retryable
from onhand.schemas.signing import Keyring
from onhand.schemas.topics import DECISIONS, STOCK
from onhand.sql.rows import PartitionRow
from onhand.sql.window import Window

log = structlog.get_logger("ledger")

_IDLE_S = 1.0
_LOST_MS = 5_000
"""So long may decisions be missing before they count as lost."""
_LOOK_AGAIN_S = 0.5
_BEHIND_JUMP = 50_000
"""So far behind a jump in seq is the log read for what is missing."""
_TOUCHED_MS = 60_000
_SLEPT_MS = 5_000
"""Less than Kafka's session timeout: whoever was away for longer may have lost the partition, and recovers before it tells."""


@dataclass(frozen=True, slots=True)
class World:
    """What the lanes of a ledger worker share. `retell_after_s` must be longer than Kafka's session timeout."""

    store: Store
    log: Log
    publisher: Publisher
    clock: Clock
    keyring: Keyring
    probe: Probe = no_probe
    limit: int = 5_000
    window_ms: int = 100
    retell_after_s: float = 15.0


class LedgerLane:
    """Writes one partition. `run` begins with recovery; any fault ends it and the next run recovers."""

    def __init__(self, partition: int, inbox: Inbox, world: World) -> None:
        self.partition = partition
        self.started = asyncio.Event()
        self._inbox = inbox
        self._world = world
        self._intake = Intake(0, 0)
        self._stored = (0, 0)
        self._generation_ms = 1
        self._half = False
        """Only a part of a command's decisions waits: nothing can be written until the rest is there."""
        self._cut_ms = 0
        self._retell_at_ms: int | None = None
        self._retell_since_ms = 0
        self._committing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Recover, then write what comes, until cancelled or a fault."""
        try:
            await self._recover()
            self.started.set()
            while True:
                await self._step()
        finally:
            task, self._committing = self._committing, None
            await cancel(task)

    async def _step(self) -> None:
        """Take what comes until the window is due, then hand it over; look around where nothing comes."""
        records = await self._inbox.get(self._world.limit, self._patience_s())
        if records:
            await self._take(records)
        elif self._half or not self._intake.pending:
            await self._look()
        if self._intake.pending and self._patience_s() == 0:
            self._half = not await self._hand_over()
        if self._retell_at_ms is not None and self._world.clock.now_ms() >= self._retell_at_ms:
            await self._retell()

    def _patience_s(self) -> float:
        """How long the present window may still gather."""
        if self._half or not self._intake.pending:
            return _IDLE_S
        if len(self._intake.pending) >= self._world.limit:
            return 0
        return max(0, self._cut_ms + self._world.window_ms - self._world.clock.now_ms()) / 1_000

    async def _recover(self) -> None:
        """Find our place, and announce the last window once more."""
        row = await self._world.store.partition(self.partition)
        if row is None:
            raise Alarm("not_born", "the ledger has no row for this partition; `onhand topics` makes it", -1)
        first, end = await self._world.log.bounds(DECISIONS, self.partition)
        if row.decisions_offset > end:
            message = f"the ledger has read up to {row.decisions_offset}, the log ends at {end}"
            raise Alarm("decisions_short", message, end)
        self._stored = (row.seq, row.decisions_offset)
        self._generation_ms = row.settings.window_ms
        self._intake = Intake(row.seq, max(first, row.decisions_offset))  # what retention took is missed by its seq
        await self._announce_again(row)
        self._retell_at_ms = self._world.clock.now_ms() + int(self._world.retell_after_s * 1_000)
        self._retell_since_ms = row.clock_ms - _TOUCHED_MS
        log.info("recovered", partition=self.partition, seq=row.seq, offset=row.decisions_offset)

    async def _take(self, records: Sequence[Record]) -> None:
        """Take in what was delivered, behind what was left out."""
        if records[0].offset > self._intake.next_offset:
            await self._catch_up(records[0].offset)
        await self._absorb(records)
        if not self._intake.pending and self._committing is None:
            self._inbox.ack(self._intake.next_offset - 1)

    async def _catch_up(self, until: int) -> None:
        """Take in what stands in the log before `until` and was not delivered."""
        async for records in self._world.log.read(DECISIONS, self.partition, self._intake.next_offset, until):
            await self._absorb(records)
        self._intake.next_offset = max(self._intake.next_offset, until)

    async def _absorb(self, records: Sequence[Record]) -> None:
        self._half = False
        while (jump := self._intake.take(records)) is not None:
            await self._heal(jump)
        if self._intake.strange:
            log.warning("records that are no decisions", partition=self.partition, offsets=self._intake.strange[:10])
            self._intake.strange.clear()
        while len(self._intake.pending) >= self._world.limit and await self._hand_over():
            pass

    async def _hand_over(self) -> bool:
        """Fold the next window, and have it written as soon as the last one is announced; False where none is whole."""
        self._cut_ms = self._world.clock.now_ms()
        prepared = self._prepare()
        if prepared is None:
            return False
        await self._settled()
        self._committing = asyncio.create_task(self._commit(*prepared), name=f"window-{self.partition}")
        await asyncio.sleep(0)
        return True

    def _prepare(self) -> tuple[Window, ByTopic] | None:
        """The next window and its records; a call of its own, so that the decisions are let go before anything is awaited."""
        decisions = self._intake.cut(self._world.limit, self._generation_ms)
        if not decisions:
            return None
        try:
            window = fold(self.partition, decisions)
            window.events = events.pack(window)
            return window, events.messages(events.of_window(window))
        except (ValueError, TypeError, LookupError, OverflowError) as error:
            first, last = decisions[0].decision.seq, decisions[-1].decision.seq
            raise Corrupt(f"a decision with a seq of {first} to {last} is none that the gate makes: {error}") from error

    async def _commit(self, window: Window, messages: ByTopic) -> None:
        """Write a window, announce it, acknowledge it."""
        self._world.probe("before_ledger_commit")
        began = self._world.clock.now_ms()
        findings = await self._world.store.write(window)
        self._world.probe("after_ledger_commit")
        self._stored = (window.seq, window.decisions_offset)
        written = self._world.clock.now_ms()
        if written - began > _SLEPT_MS:
            raise Retryable(f"writing took {written - began} ms: somebody else may have told newer states meanwhile")
        mark = self.partition, window.seq, window.clock_ms
        await self._publish(messages | events.messages_of_findings(findings, mark, self._world.keyring))
        self._world.probe("after_ledger_events")
        self._inbox.ack(window.decisions_offset - 1)
        log.debug(
            "window",
            partition=self.partition,
            seq=window.seq,
            decisions=window.seq - window.expected_seq,
            positions=len(window.changes),
            write_ms=written - began,
            announce_ms=self._world.clock.now_ms() - written,
        )

    async def _announce_again(self, row: PartitionRow) -> None:
        messages, mark = events.messages(events.unpack(row.events)), (row.partition, row.seq, row.clock_ms)
        await self._publish(messages | events.messages_of_findings(row.findings, mark, self._world.keyring))

    async def _publish(self, messages: ByTopic) -> None:
        publish = self._world.publisher.publish
        await all_of(publish(topic, self.partition, records) for topic, records in messages.items() if records)

    async def _settled(self) -> None:
        """Wait until the window before is announced; its fault is ours."""
        task, self._committing = self._committing, None
        if task is not None:
            await task

    async def _look(self) -> None:
        """Nothing comes: has somebody else written, has the log something that was not delivered?"""
        await self._settled()
        seq, offset = self._stored
        mark = await self._world.store.mark(self.partition)
        if mark is None or mark.seq != seq:
            raise Retryable(f"idle, and the ledger is at {mark}, not at seq {seq}: it must recover")
        _, end = await self._world.log.bounds(DECISIONS, self.partition)
        if end < self._intake.next_offset:
            raise Retryable(f"the log ends at {end}, and was read up to {self._intake.next_offset}: it must recover")
        if end > self._intake.next_offset:
            await self._catch_up(end)
        if not self._intake.pending and self._committing is None and self._intake.next_offset > offset:
            self._stored = (seq, self._intake.next_offset)
            await self._world.store.skip(self.partition, *self._stored)
            self._inbox.ack(self._intake.next_offset - 1)

    async def _heal(self, jump: Jump) -> None:
        """A seq is missing: read from the stored place on again, for five seconds, then stop: decisions are lost."""
        while await self._hand_over():
            pass
        await self._settled()
        deadline = self._world.clock.now_ms() + _LOST_MS
        while not await self._healed(jump):
            if self._world.clock.now_ms() >= deadline:
                message = f"decisions from seq {jump.expected} on are missing, {jump.seq} is there"
                raise Alarm("decisions_lost", message, jump.offset)
            await self._world.clock.sleep(_LOOK_AGAIN_S)

    async def _healed(self, jump: Jump) -> bool:
        first, end = await self._world.log.bounds(DECISIONS, self.partition)
        start, end = max(first, self._stored[1]), min(end, jump.offset + _BEHIND_JUMP)
        stream = self._world.log.read(DECISIONS, self.partition, start, end)
        records = [record async for piece in stream for record in piece]
        intake = Intake(*self._stored)
        if not intake.heal(records, end, jump):
            return False
        log.warning("a jump in seq was healed by reading again", partition=self.partition, **jump._asdict())
        self._intake = intake
        return True

    async def _retell(self) -> None:
        """A while after a takeover: the last owner may have sent a late record, so the newest state goes behind it."""
        await self._settled()
        self._retell_at_ms = None
        levels = await self._world.store.touched_since(self.partition, self._retell_since_ms)
        for start in range(0, len(levels), self._world.limit):
            records = events.newest(levels[start : start + self._world.limit])
            await self._world.publisher.publish(STOCK, self.partition, records)
