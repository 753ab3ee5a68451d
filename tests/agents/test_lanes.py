"""Lanes: patience with what may heal, an alarm where it may not, the end of the process for what nobody knows."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from onhand.agents import inbox as inbox_module
from onhand.agents.alarms import Alarm
from onhand.agents.inbox import Delivery, Inbox
from onhand.agents.lanes import Lane, Lanes
from onhand.schemas.faults import Corrupt, Retryable
from tests.agents.memory import HandClock, MemoryAlarms, Stored

Step = Callable[[], Awaitable[None]]


class Script:
    """Work whose n-th run does the n-th step; after the last it serves."""

    def __init__(self, *steps: Step) -> None:
        self.started = asyncio.Event()
        self.serving = asyncio.Event()
        self.runs = 0
        self._steps = list(steps)

    async def run(self) -> None:
        self.runs += 1
        if self._steps:
            return await self._steps.pop(0)()
        self.serving.set()
        await asyncio.Event().wait()


def fails(*faults: Exception) -> list[Step]:
    async def one(fault: Exception) -> None:
        raise fault

    return [lambda fault=fault: one(fault) for fault in faults]  # type: ignore[misc]


class Bench:
    """A lane with a scripted work."""

    def __init__(self, *steps: Step) -> None:
        self.work = Script(*steps)
        self.alarms = MemoryAlarms()
        self.broken: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self.lane = self.make(0)

    def make(self, partition: int) -> Lane:
        return Lane(partition, self._work, self.alarms, HandClock(), self.broken.set_result)

    def _work(self, partition: int, inbox: Inbox) -> Script:
        return self.work


def delivery(count: int, start: int = 0) -> Delivery:
    return Delivery([Stored(start + n, 0, None, b"", ()) for n in range(count)], lambda: None)


async def test_what_may_heal_is_tried_again() -> None:
    bench = Bench(*fails(*[Retryable("away")] * 4))
    async with asyncio.timeout(5):
        await bench.work.serving.wait()
    assert bench.work.runs == 5
    await bench.lane.close()


@pytest.mark.parametrize(
    ("fault", "code"), [(Alarm("other_log", "changed", 7), "other_log"), (Corrupt("a hold below zero"), "corrupt")]
)
async def test_an_alarm_stops_the_lane_until_it_is_cleared(fault: Exception, code: str) -> None:
    bench = Bench(*fails(fault))
    async with asyncio.timeout(5):
        await bench.alarms.raised.wait()
        assert bench.alarms.now is not None
        assert bench.alarms.now.code == code
        await bench.work.started.wait()
        assert bench.work.runs == 1
        bench.alarms.clear()
        await bench.work.serving.wait()
    await bench.lane.close()


async def test_what_a_stranger_wrote_cannot_keep_an_alarm_from_being_stored() -> None:
    """PostgreSQL takes no NUL in a text."""
    bench = Bench(*fails(Corrupt("applied a\0b" + "c" * 100_000)))
    async with asyncio.timeout(5):
        await bench.alarms.raised.wait()
    assert bench.alarms.now is not None
    assert bench.alarms.now.message.startswith("applied a\\0bccc")
    assert len(bench.alarms.now.message) <= 2_000
    await bench.lane.close()


async def test_an_alarm_that_cannot_be_stored_yet_stops_the_lane_all_the_same() -> None:
    bench = Bench(*fails(Alarm("rules", "too new", 0)))
    store, tries = bench.alarms.raise_alarm, 0

    async def away_twice(partition: int, code: str, message: str, offset: int) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise Retryable("redis is away")
        await store(partition, code, message, offset)

    bench.alarms.raise_alarm = away_twice  # type: ignore[method-assign]
    async with asyncio.timeout(5):
        await bench.alarms.raised.wait()
    assert (tries, bench.work.runs) == (3, 1)
    await bench.lane.close()


async def test_an_alarmed_partition_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "BOUND", 10)
    bench = Bench(*fails(Alarm("other_log", "changed", 7)))
    async with asyncio.timeout(5):
        await bench.work.started.wait()
        for start in range(0, 100, 10):
            await bench.lane.inbox.put(delivery(10, start))
        bench.alarms.clear()
        await bench.work.serving.wait()
    await bench.lane.inbox.put(delivery(3, 100))
    assert [r.offset for r in bench.lane.inbox.take(100)] == [100, 101, 102], "it reads from the log what it forgot"
    await bench.lane.close()


async def test_what_nobody_knows_ends_the_process() -> None:
    bench = Bench(*fails(KeyError("seq")))
    async with asyncio.timeout(5):
        assert isinstance(await bench.broken, KeyError)


async def test_a_lane_that_is_cancelled_by_nobody_ends_the_process_too() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    bench = Bench(cancelled)
    async with asyncio.timeout(5):
        assert "ended by itself" in str(await bench.broken)


async def test_closing_is_no_break_and_outlasts_a_swallowed_cancellation() -> None:
    asked = 0

    async def deaf() -> None:
        nonlocal asked
        while asked < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                asked += 1

    bench = Bench(deaf)
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await bench.lane.close()
    assert asked == 3
    assert not bench.broken.done()


async def test_closing_lanes_lets_go_of_an_agent_that_waits_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "BOUND", 10)
    bench = Bench()
    lanes = Lanes(bench.make)
    lanes.open([3, 5])
    lanes.open([5])
    assert lanes.partitions == [3, 5]
    await lanes.deliver(3, delivery(10))
    waiting = asyncio.create_task(lanes.deliver(3, delivery(10, 10)))
    await asyncio.sleep(0)
    assert not waiting.done()
    async with asyncio.timeout(5):
        await lanes.close()
        await waiting
        await lanes.deliver(3, delivery(10, 20))
    assert lanes.partitions == []
    await bench.lane.close()
