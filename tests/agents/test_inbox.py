"""The inbox: bounded in records, and nobody waits at a closed one."""

import asyncio
from collections.abc import Sequence

import pytest

from onhand.agents import inbox as module
from onhand.agents.inbox import Delivery, Inbox
from tests.agents.memory import Stored


def records(start: int, count: int) -> Sequence[Stored]:
    return [Stored(offset, 0, None, b"", ()) for offset in range(start, start + count)]


def delivery(start: int, count: int, acked: list[int] | None = None) -> Delivery:
    told = acked if acked is not None else []
    return Delivery(records(start, count), lambda: told.append(start + count - 1))


async def test_what_waits_is_handed_out_together_up_to_the_limit() -> None:
    inbox = Inbox()
    for start in (0, 4, 8):
        await inbox.put(delivery(start, 4))
    assert [r.offset for r in await inbox.get(8, 1) or []] == list(range(8))
    assert [r.offset for r in await inbox.get(1, 1) or []] == [8, 9, 10, 11], "a delivery stays whole"


@pytest.mark.parametrize("start", [0, 3, 6])
async def test_what_does_not_follow_on_is_handed_out_by_itself(start: int) -> None:
    """Stale deliveries after a rebalance: a lane looks at the first offset of what it gets."""
    inbox = Inbox()
    await inbox.put(delivery(0, 5))
    await inbox.put(delivery(start, 4))
    assert [r.offset for r in inbox.take(100)] == list(range(5))
    assert [r.offset for r in inbox.take(100)] == list(range(start, start + 4))


async def test_nothing_in_time_is_none() -> None:
    assert await Inbox().get(1, 0.001) is None


async def test_a_full_inbox_makes_its_feeder_wait_until_something_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BOUND", 10)
    inbox = Inbox()
    await inbox.put(delivery(0, 10))
    feeder = asyncio.create_task(inbox.put(delivery(10, 1)))
    await asyncio.sleep(0)
    assert not feeder.done()
    assert len(inbox.take(10)) == 10
    await feeder
    assert [r.offset for r in inbox.take(10)] == [10]


async def test_closing_lets_go_of_the_feeder_and_of_the_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BOUND", 1)
    full, empty = Inbox(), Inbox()
    await full.put(delivery(0, 1))
    waiting = [asyncio.create_task(full.put(delivery(1, 1))), asyncio.create_task(full.put(delivery(2, 1)))]
    reader = asyncio.create_task(empty.get(1, 60))
    await asyncio.sleep(0)
    full.close()
    empty.close()
    async with asyncio.timeout(1):
        await asyncio.gather(*waiting)
        assert await reader == []
    assert full.take(10) == []


async def test_acknowledged_is_what_was_handed_out_and_reached_in_order() -> None:
    inbox, acked = Inbox(), []  # type: ignore[var-annotated]
    for start in (0, 5, 10):
        await inbox.put(delivery(start, 5, acked))
    inbox.take(10)
    inbox.ack(3)
    assert acked == []
    inbox.ack(9)
    assert acked == [4, 9]
    inbox.ack(14)
    assert acked == [4, 9], "the third was not handed out yet"
    inbox.take(5)
    inbox.ack(14)
    assert acked == [4, 9, 14]
