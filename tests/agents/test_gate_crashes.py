"""A lane may die at any await, be two, lose acknowledgements, and its store may go back: what was told stays right."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from onhand.agents.gate import batch as gate_batch
from onhand.agents.gate import lane as gate_lane
from onhand.lua.gate import Gate
from onhand.schemas.faults import Retryable
from onhand.schemas.topics import COMMANDS
from tests.agents.house import SWEEP, House, Raw
from tests.agents.memory import PARTITION
from tests.scenarios import moved, of, reserve

SEEDS = range(int(os.environ.get("ONHAND_TEST_SEEDS", "12")))


class Doom:
    """Counts what passes; from the n-th on nothing does any more, as if the process had been killed there."""

    def __init__(self, after: int) -> None:
        self._left = after
        self.dead = asyncio.Event()

    async def passing(self) -> None:
        """Go on, or never."""
        self._left -= 1
        if self._left < 0:
            self.dead.set()
            await asyncio.Event().wait()


class Doomed:
    """Store, log or publisher of a lane that dies: before and after each of their effects it may be over."""

    def __init__(self, target: Any, doom: Doom) -> None:
        self._target, self._doom = target, doom

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> Any:
            await self._doom.passing()
            result = await getattr(self._target, name)(*args)
            await self._doom.passing()
            return result

        return call

    async def read(self, *args: Any) -> AsyncIterator[Any]:
        """As `Log.read`."""
        async for piece in self._target.read(*args):
            await self._doom.passing()
            yield piece


async def test_killed_at_any_point_the_next_owner_tells_the_rest(
    gate: Gate, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every point between two effects, of a short log in batches of three; then another lane goes on."""
    monkeypatch.setattr(gate_lane, "_IDLE_S", 0.02)
    monkeypatch.setattr(gate_batch, "UNITS", 3)
    deaths = 0
    for point in range(1_000):
        raw.flushall()
        house = await House(gate, raw).birth()
        if not await _killed_at(house, point):
            break
        deaths += 1
    assert deaths > 30


async def _killed_at(house: House, point: int) -> bool:
    house.say(moved("receive", 1, 5), reserve(2, 2), reserve(3, 2, ttl_ms=1_000), b"no", of("commit", 4, 2))
    house.log.hole(COMMANDS, PARTITION)
    house.say(reserve(5, 9), SWEEP, reserve(3, 2), of("release", 6, 3), reserve(7, 1))
    doom = Doom(point)
    parts = {"store": house.gate, "log": house.log, "publisher": house.publisher}
    lane = house.start(**{name: Doomed(part, doom) for name, part in parts.items()})
    await house.feed(lane)
    done, dead = asyncio.create_task(house.done()), asyncio.create_task(doom.dead.wait())
    await asyncio.wait({done, dead}, return_when=asyncio.FIRST_COMPLETED)
    survived = not dead.done()
    await house.stop()
    for task in (done, dead):
        task.cancel()
    await house.feed(house.start(), 4)
    await house.done()
    house.check()
    assert house.alarms.now is None
    await house.stop()
    return not survived


@pytest.mark.parametrize("seed", SEEDS)
async def test_two_owners_deaths_lost_acknowledgements_and_older_stores(
    gate: Gate, raw: Raw, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    dice = random.Random(seed)
    monkeypatch.setattr(gate_lane, "_IDLE_S", 0.005)
    monkeypatch.setattr(gate_batch, "UNITS", 7)
    house = await House(gate, raw, dice).birth()
    try:
        await _trouble(house, dice)
    finally:
        await house.stop()


async def _trouble(house: House, dice: random.Random) -> None:
    house.publisher.fails = dice.choice((0.0, 0.02, 0.2))
    feeders: list[asyncio.Task[list[int]]] = []
    older = house.dump()
    for _ in range(dice.randrange(20, 60)):
        _something_is_wished(house, dice)
        match dice.randrange(9):
            case 0 | 1:
                await _another_owner(house, dice, feeders)
            case 2 if house.lanes:
                await house.lanes.pop(dice.randrange(len(house.lanes))).close()
            case 3:
                older = house.dump()
            case 4 if dice.random() < 0.3:
                house.put_back(older)
        for _ in range(dice.choice((0, 1, 5, 40))):
            await asyncio.sleep(0)
    house.publisher.fails = 0.0
    await house.stop()
    house.start()
    await house.publisher.all_arrived()
    await asyncio.gather(*feeders)
    await house.done()
    house.check()
    assert (house.alarms.now, house.broken) == (None, [])


async def _another_owner(house: House, dice: random.Random, feeders: list[asyncio.Task[list[int]]]) -> None:
    """At most two at a time; it is delivered the log from anywhere near its end, stale pieces first now and then."""
    if len(house.lanes) == 2:
        await house.lanes.pop(0).close()
    lane = house.start(store=Shaky(house.gate, dice))
    last = len(house.log.all(COMMANDS))
    for _ in range(dice.choice((1, 1, 2))):
        feeders.append(asyncio.create_task(house.feed(lane, max(0, last - dice.randrange(40)))))


class Shaky:
    """A store whose replies get lost now and then, before or after the effect."""

    def __init__(self, gate: Gate, dice: random.Random) -> None:
        self._gate, self._dice = gate, dice

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gate, name)

    async def decide(self, *call: Any) -> Any:
        """As `Store.decide`."""
        self._lose()
        answer = await self._gate.decide(*call)
        self._lose()
        return answer

    def _lose(self) -> None:
        if self._dice.random() < 0.03:
            raise Retryable("the connection broke")


def _something_is_wished(house: House, dice: random.Random) -> None:
    for _ in range(dice.randrange(12)):
        number, held = dice.randrange(2, 60), dice.randrange(2, 60)
        kinds = (
            moved("receive", 100 + number, dice.randrange(1, 9)),
            moved("ship", 200 + number, 1),
            reserve(number, 1 + number % 3, ttl_ms=1_000 + 10 * number),
            reserve(number, 1 + number % 3, ttl_ms=1_000 + 10 * number),
            of("commit", 300 + number, held),
            of("release", 400 + number, held),
            of("extend", 500 + number, held, ttl_ms=2_000),
            b"nonsense",
        )
        house.say(dice.choice(kinds))
        if dice.random() < 0.05:
            house.log.hole(COMMANDS, PARTITION, 2)
        house.clock.now += dice.choice((0, 0, 1, 30, 200))
