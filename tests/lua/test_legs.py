"""The script against the scenario table of orders and transfers, side by side with the oracles."""

import random

import pytest

from onhand.lua.gate import Gate
from tests.legs_gate import compare_state, decide_again
from tests.legs_scenarios import A, B, Play, at, order
from tests.legs_world import World
from tests.lua.driver import Raw
from tests.scenarios import START_MS, SWEEP, SWEEP_LIMIT, WINDOW_MS, Step, moved
from tests.unit.test_legs import PLAYS, played


@pytest.mark.parametrize("seed", [None, 1, 2])
@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
async def test_play(gate: Gate, raw: Raw, play: Play, seed: int | None) -> None:
    world = played(play)
    for partition in range(world.partitions):
        await decide_again(gate, world, partition, None if seed is None else random.Random(seed))
        compare_state(raw, world, partition)


class _AtOnce(random.Random):
    """Pieces of a log: the first two records, then all the rest."""

    def __init__(self) -> None:
        super().__init__(0)
        self._sizes = [99, 2]

    def randrange(self, *args: object) -> int:
        return self._sizes.pop()


async def test_an_id_that_expires_and_comes_anew_in_one_batch_as_a_leg_is_not_due(gate: Gate, raw: Raw) -> None:
    """After a pause, beyond the window: else a batch would leave what its records one by one do not."""
    world = World(WINDOW_MS, SWEEP_LIMIT, now=START_MS)
    for value in (moved("receive", 1, 10, **at(A)), moved("reserve", 10, 1, ttl_ms=1_000, **at(A))):
        world.append(0, Step(value, ()).bytes)
    world.now += 2_000
    world.append(0, Step(SWEEP, ()).bytes, own=True)
    world.now += 3 * WINDOW_MS
    for value in (moved("receive", 2, 1, **at(A)), order(10, (A, 1), (B, 1))):
        world.append(0, Step(value, ()).bytes)
    world.until_quiet(away={1})
    assert [hold.is_home for hold in world.oracles[0].holds.values()] == [False]
    await decide_again(gate, world, 0, _AtOnce())
    compare_state(raw, world, 0)
