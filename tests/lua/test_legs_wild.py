"""The script against the oracles, over wild traffic between partitions, cut into batches at random."""

import random

import pytest

from onhand.lua.gate import Gate
from tests.legs_gate import compare_state, decide_again
from tests.lua.driver import Raw
from tests.unit.test_legs import wild


@pytest.mark.parametrize("seed", range(100, 112))
async def test_wild_traffic(gate: Gate, raw: Raw, seed: int) -> None:
    world, traffic = wild(seed)
    traffic.end()
    for partition in range(world.partitions):
        await decide_again(gate, world, partition, random.Random(seed))
        compare_state(raw, world, partition)
