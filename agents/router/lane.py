"""The lane of the router: one partition of `inventory.requests`, looked up, passed on in order.

A batch is read, looked up, and appended to each partition that it concerns; only when every one of them has acknowledged does the
next batch go to the producer, which meanwhile is read and looked up. So the first copies of what this partition sends anywhere come in
order, which is what makes it right that a gate drops whatever is stamped at or below the last stamp that it has seen from here.

There is no store: a lane goes on at the consumer group's committed offset, and what it passes on again is dropped by its stamp. That
holds as long as the second look-up finds the same partition. Where it does not, the copy is stamped as new there:

- First not found, then found: the reservation was being made while its command was sent, which is before anybody could know of
  it. The command is answered `unknown_reservation`, and then done. It has its effect once: its id is remembered where that is.
- First found, then not found: neither gate nor ledger knows any more what the gate has decided on, so the store went back (a
  failover) and will decide it again from its log. The command is done once, and answered `unknown_reservation` besides.
- Found at another leg of an order whose home has ended it already: that leg passes it on to the home, which knows the id: a
  repeat, answered `replayed`.

So nothing is ever done twice; in the first two cases, which need a crash of the router within the moment that matters, a command has a
refusal beside its answer. A consumer tells them apart: of two complete decisions on an id the one that is done counts. And where a later
request of the same batch had reached that other partition already, the copy's stamp is below it: it is dropped, and the command has no
answer at all; its sender asks again under the same id, as after any answer that does not come.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from onhand.agents.alarms import Alarm
from onhand.agents.inbox import Inbox
from onhand.agents.lanes import all_of, cancel
from onhand.agents.ports import Log, Message, Publisher, Record
from onhand.agents.probes import Probe, no_probe
from onhand.agents.router.passing import Place, passed_on, read, source_of, wanted
from onhand.schemas.faults import Retryable
from onhand.schemas.signing import Keyring
from onhand.schemas.topics import COMMANDS, REQUESTS

log = structlog.get_logger("router")

_IDLE_S = 1.0
_BATCH = 1_000
_WAY_OUT = "If its end was lost for good, delete it, have `onhand topics` make it anew, and `onhand resume --requests`"


@dataclass(frozen=True, slots=True)
class World:
    """What the lanes of a router share. `partitions` is the count of the commands' topic."""

    find: Callable[[Sequence[str]], Awaitable[dict[str, str]]]
    """Positions by reservation id, of those that are known; `Retryable` where that cannot be asked now."""
    committed: Callable[[int], Awaitable[int | None]]
    """The next offset of a partition of the requests, as the consumer group has it; None where it has none yet."""
    stamped: Callable[[int], Awaitable[int]]
    """The greatest offset that any gate has seen from that source; -1 where none has."""
    generation: Callable[[], Awaitable[int]]
    """How many topics of requests there were before this one. `Alarm` where it was made anew and nobody has said to begin with it."""
    log: Log
    publisher: Publisher
    keyring: Keyring
    partitions: int
    probe: Probe = no_probe


class RouterLane:
    """Passes one partition on. `run` begins with recovery; any fault ends it and the next run recovers."""

    def __init__(self, partition: int, inbox: Inbox, world: World) -> None:
        self.partition = partition
        self.started = asyncio.Event()
        self._inbox = inbox
        self._world = world
        self._place = Place(source_of(partition, 0), world.partitions, world.keyring)
        self._generation = 0
        self._next = 0
        """The next offset to be read."""
        self._passed = 0
        """All before it is passed on and acknowledged."""
        self._publishing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Recover, then pass on what comes, until cancelled or a fault."""
        try:
            await self._recover()
            self.started.set()
            while True:
                records = await self._inbox.get(_BATCH, _IDLE_S)
                await (self._look() if records is None else self._take(records))
        finally:
            task, self._publishing = self._publishing, None
            await cancel(task)

    async def _recover(self) -> None:
        """Find our place: what this lane has passed on itself, or else what its group has committed."""
        self._enter(await self._world.generation())
        first, end = await self._world.log.bounds(REQUESTS, self.partition)
        committed = await self._world.committed(self.partition) or first
        stamped = await self._world.stamped(self._place.source)
        if self._generation:
            # the group may still have a place in the topic before; passing on again is harmless
            committed = max(first, min(committed, stamped + 1))
        beyond = max(committed, stamped + 1, self._passed) - 1
        if beyond >= end:
            message = (
                f"{REQUESTS} ends at {end} and was routed up to {beyond}: gates would drop what comes next. {_WAY_OUT}"
            )
            raise Alarm("other_requests", message, end)
        self._next = self._passed = max(committed, self._passed)
        log.info("recovered", partition=self.partition, offset=self._next)

    def _enter(self, generation: int) -> None:
        """The topic that is read from now on."""
        if generation != self._generation:
            self._generation, self._passed = generation, 0
            self._place = self._place._replace(source=source_of(self.partition, generation))

    async def _take(self, records: Sequence[Record]) -> None:
        """Pass on what was delivered, behind what was left out; what was passed on before is only acknowledged."""
        if records[0].offset > self._next:
            await self._catch_up(records[0].offset)
        await self._pass_on([record for record in records if record.offset >= self._next])
        if records[-1].offset < self._passed:
            self._inbox.ack(records[-1].offset)

    async def _catch_up(self, until: int) -> None:
        """Pass on what stands in the log before `until` and was not delivered."""
        first, _ = await self._world.log.bounds(REQUESTS, self.partition)
        if first > self._next:
            log.error(
                "requests are gone before they were read", partition=self.partition, first=self._next, last=first - 1
            )
        start = max(first, self._next)
        async for records in self._world.log.read(REQUESTS, self.partition, start, until):
            await self._pass_on(records)
        self._next = until

    async def _pass_on(self, records: Sequence[Record]) -> None:
        """Look up what must be, and begin to publish once the batch before is published."""
        if not records:
            return
        requests = [read(record, self.partition) for record in records]
        ids = wanted(requests)
        found = await self._world.find(ids) if ids else {}
        told: dict[int, list[Message]] = {}
        for request in requests:
            to, message = passed_on(self._place, request, found)
            told.setdefault(to, []).append(message)
        await self._settled()
        self._next = records[-1].offset + 1
        self._publishing = asyncio.create_task(self._publish(told, self._next), name=f"requests-{self.partition}")
        await asyncio.sleep(0)

    async def _publish(self, told: dict[int, list[Message]], following: int) -> None:
        """Append what goes to each partition, wait until all have it, acknowledge the requests."""
        self._world.probe("before_requests")
        publish = self._world.publisher.publish
        await all_of(publish(COMMANDS, to, messages) for to, messages in told.items())
        self._world.probe("after_requests")
        self._passed = following
        self._inbox.ack(following - 1)

    async def _settled(self) -> None:
        """Wait until the batch before is published; its fault is ours."""
        task, self._publishing = self._publishing, None
        if task is not None:
            await task

    async def _look(self) -> None:
        """Nothing comes: has the log something that was not delivered?"""
        await self._settled()
        _, end = await self._world.log.bounds(REQUESTS, self.partition)
        if end < self._next:
            raise Retryable(f"the log ends at {end}, and was read up to {self._next}: it must recover")
        if end > self._next:
            await self._catch_up(end)
