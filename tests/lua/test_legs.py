"""The script against the scenario table of orders and transfers, side by side with the oracles."""

import random

import pytest

from onhand.lua.gate import Gate
from tests.legs_gate import compare_state, decide_again
from tests.legs_scenarios import Play
from tests.lua.driver import Raw
from tests.unit.test_legs import PLAYS, played


@pytest.mark.parametrize("seed", [None, 1, 2])
@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
async def test_play(gate: Gate, raw: Raw, play: Play, seed: int | None) -> None:
    world = played(play)
    for partition in range(world.partitions):
        await decide_again(gate, world, partition, None if seed is None else random.Random(seed))
        compare_state(raw, world, partition)
