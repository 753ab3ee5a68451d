"""Batches of one lane that are under way at the same time: their calls leave at once, and their order is the log's."""

import asyncio
from typing import Any

import pytest

from onhand.agents.gate.batch import UNITS
from onhand.lua.format import Gap
from onhand.lua.gate import Gate
from onhand.schemas.faults import Retryable
from tests.agents.house import House
from tests.agents.memory import until
from tests.agents.test_gate_lane import TEN, reserve

BATCHES = 4


class Held:
    """A store that keeps its first call back until it is let go, and counts."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.let_go = asyncio.Event()
        self.calls = 0
        self.gaps = 0
        self.recoveries = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gate, name)

    async def mark(self, partition: int) -> Any:
        self.recoveries += 1
        return await self._gate.mark(partition)

    async def decide(self, *call: Any) -> Any:
        self.calls += 1
        if self.calls == 1:
            await self.let_go.wait()
        answer = await self._gate.decide(*call)
        self.gaps += isinstance(answer, Gap)
        return answer


def much(house: House) -> None:
    """So much that a lane makes several batches of it."""
    house.say(TEN, *(reserve(2 + n, 1) for n in range(BATCHES * UNITS - 1)))


async def test_a_call_that_comes_before_its_forerunner_is_made_again(house: House) -> None:
    much(house)
    store = Held(house.gate)
    feeding = asyncio.create_task(house.feed(house.start(store=store)))
    await until(lambda: store.gaps)
    store.let_go.set()
    await house.done()
    await feeding
    house.check()
    assert store.recoveries == 1, "it took the wrong order for a fault"


async def test_no_more_than_a_few_batches_are_under_way(house: House) -> None:
    much(house)
    store = Held(house.gate)
    feeding = asyncio.create_task(house.feed(house.start(store=store)))
    await until(lambda: store.gaps)
    for _ in range(100):
        await asyncio.sleep(0)
    assert store.calls <= 3
    store.let_go.set()
    await house.done()
    await feeding


@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_a_reply_that_is_lost_among_several_leads_to_recovery(house: House, lost: int) -> None:
    much(house)
    store = Held(house.gate)
    store.let_go.set()
    honest = store.decide

    async def losing(*call: Any) -> Any:
        number = store.calls + 1
        answer = await honest(*call)
        if number == lost:
            raise Retryable("the reply was lost after the effect")
        return answer

    store.decide = losing  # type: ignore[method-assign]
    feeding = asyncio.create_task(house.feed(house.start(store=store)))
    await house.done()
    await feeding
    house.check()
    assert store.recoveries >= 2
