"""Lanes: one task for each partition that this process owns, started and stopped with the assignment."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

import structlog

from onhand.agents.alarms import Alarm, Alarms
from onhand.agents.inbox import Delivery, Inbox
from onhand.agents.ports import Clock
from onhand.schemas.faults import Corrupt, Retryable

log = structlog.get_logger("lane")

_FIRST_DELAY_S = 0.05
_LAST_DELAY_S = 2.0
_MESSAGE_CHARS = 2_000
_ALARM_LOOK_S = 0.5


class Work(Protocol):
    """What a lane does. `run` begins with recovery and never returns; after a fault it is called again."""

    started: asyncio.Event

    async def run(self) -> None: ...


class Lane:
    """Runs the work of one partition, with patience: retries what may heal, stops with an alarm where it must."""

    def __init__(
        self,
        partition: int,
        work: Callable[[int, Inbox], Work],
        alarms: Alarms,
        clock: Clock,
        broken: Callable[[BaseException], None],
    ) -> None:
        self.partition = partition
        self.inbox = Inbox()
        self.work = work(partition, self.inbox)
        self._alarms = alarms
        self._clock = clock
        self._broken = broken
        self._closed = False
        self._task = asyncio.create_task(self._run(), name=f"lane-{partition}")
        self._task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Stop at once, at any point: what was decided and not told lies in the store for the next owner.

        The inbox is emptied first, or whoever waits for room in it would wait for ever; and the task is cancelled until it is
        gone, since a cancellation can be swallowed on its way (`asyncio.wait_for` before Python 3.12).
        """
        self._closed = True
        self.inbox.close()
        while not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=0.05)

    async def _run(self) -> None:
        delay = _FIRST_DELAY_S
        while not self._closed:
            began = self._clock.now_ms()
            try:
                await self._while_not_alarmed()
                await self.work.run()
            except Retryable as fault:
                if self._clock.now_ms() - began > 1_000 * _LAST_DELAY_S:
                    delay = _FIRST_DELAY_S
                log.warning("fault, trying again", partition=self.partition, fault=str(fault), delay_s=delay)
                await self._clock.sleep(delay)
                delay = min(_LAST_DELAY_S, delay * 2)
            except Alarm as alarm:
                await self._stop(alarm)
            except Corrupt as broken:
                await self._stop(Alarm("corrupt", str(broken), -1))

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A lane ends when it is closed; whenever else, the process must end, loudly, for nobody would serve the partition."""
        error = None if task.cancelled() else task.exception()
        if error is not None or not self._closed:
            self._broken(error or RuntimeError(f"lane {self.partition} ended by itself"))

    async def _while_not_alarmed(self) -> None:
        while await self._alarms.alarmed(self.partition):
            self.inbox.deafen()
            self.work.started.set()
            await self._clock.sleep(_ALARM_LOOK_S)
        self.inbox.listen()

    async def _stop(self, alarm: Alarm) -> None:
        """Store the alarm, however long that takes: the lane must not go on."""
        # it may repeat what a stranger wrote, and must be storable
        message = alarm.message.replace("\0", "\\0")[:_MESSAGE_CHARS]
        log.error("alarm, the partition stands still", partition=self.partition, code=alarm.code, message=message)
        while not self._closed:
            try:
                return await self._alarms.raise_alarm(self.partition, alarm.code, message, alarm.offset)
            except Retryable as fault:
                log.warning("the alarm cannot be stored yet", partition=self.partition, fault=str(fault))
                await self._clock.sleep(_LAST_DELAY_S)


async def cancel(*tasks: asyncio.Task[Any] | None) -> None:
    """End a lane's tasks and wait for their end; what they failed with is known or no longer matters."""
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)
    for task in running:
        if not task.cancelled():
            task.exception()


async def all_of(waits: Iterable[Awaitable[Any]]) -> None:
    """Wait until each has ended, well or not, then raise the first fault: none may go on behind a lane that recovers."""
    for answer in await asyncio.gather(*waits, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer


class Lanes:
    """The lanes of this process, by partition."""

    def __init__(self, make: Callable[[int], Lane]) -> None:
        self._make = make
        self._lanes: dict[int, Lane] = {}

    @property
    def partitions(self) -> list[int]:
        """What this process owns now."""
        return sorted(self._lanes)

    def open(self, partitions: Iterable[int]) -> None:
        """These partitions were assigned to us."""
        for partition in partitions:
            if partition not in self._lanes:
                self._lanes[partition] = self._make(partition)

    async def close(self) -> None:
        """All were revoked."""
        lanes, self._lanes = list(self._lanes.values()), {}
        await asyncio.gather(*(lane.close() for lane in lanes))

    async def deliver(self, partition: int, delivery: Delivery) -> None:
        """Records came; those of a partition that is no longer ours are forgotten."""
        lane = self._lanes.get(partition)
        if lane is not None:
            await lane.inbox.put(delivery)

    async def started(self) -> None:
        """Wait until every lane serves (or stands still with an alarm)."""
        await asyncio.gather(*(lane.work.started.wait() for lane in self._lanes.values()))
