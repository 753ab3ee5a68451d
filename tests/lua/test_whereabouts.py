"""Where reservations are or were, asked of all partitions at once, against what the oracles have."""

import random

import pytest

from onhand.lua.format import keys_of
from onhand.lua.gate import Gate
from onhand.schemas.faults import Corrupt
from onhand.schemas.outcomes import Outcome
from tests.legs_gate import decide_again
from tests.legs_traffic import Traffic
from tests.legs_world import PARTITIONS, World
from tests.lua.driver import Raw
from tests.scenarios import SWEEP_LIMIT, WINDOW_MS, uid

_ENDS = (Outcome.COMMITTED, Outcome.RELEASED, Outcome.EXPIRED)
NOBODYS = uid(99_999)


def expected(world: World) -> dict[str, str]:
    """By the oracles: of the highest partition that holds it; else of the highest that remembers its end."""
    ended, active = {}, {}
    for oracle in world.oracles:
        for done in oracle.remembered.values():
            for id, memory in done.items():
                if memory.ended in _ENDS:
                    ended[id] = memory.position or memory.lines[0].position
        active |= {id: hold.position for id, hold in oracle.holds.items()}
    return ended | active


async def decided(gate: Gate, world: World) -> None:
    for partition in range(PARTITIONS):
        await decide_again(gate, world, partition, random.Random(1))


@pytest.mark.parametrize("seed", range(4))
async def test_wild_traffic(gate: Gate, raw: Raw, seed: int) -> None:
    world = Traffic(World(WINDOW_MS, SWEEP_LIMIT, now=1_000_000), random.Random(seed)).run(120)
    await decided(gate, world)
    wanted = expected(world)
    ids = {d["reservation_id"] for _, d in world.history if "reservation_id" in d} | {NOBODYS}
    assert len(wanted) > 5
    assert len(ids) > len(wanted)
    assert await gate.whereabouts(sorted(ids), PARTITIONS) == wanted


async def test_no_ids_and_a_partition_that_was_lost(gate: Gate, raw: Raw) -> None:
    assert await gate.whereabouts([], PARTITIONS) == {}
    assert await gate.whereabouts([NOBODYS], PARTITIONS) == {}


async def test_a_hold_that_is_none(gate: Gate, raw: Raw) -> None:
    raw.hset(keys_of(1).res, NOBODYS, b"\xc1")
    with pytest.raises(Corrupt, match=NOBODYS):
        await gate.whereabouts([NOBODYS], PARTITIONS)


async def test_the_last_stamp_of_a_source(gate: Gate, raw: Raw) -> None:
    world = Traffic(World(WINDOW_MS, SWEEP_LIMIT, now=1_000_000), random.Random(7)).run(80)
    assert await gate.stamped(0, PARTITIONS) == -1
    await decided(gate, world)
    for source in range(PARTITIONS):
        wanted = [oracle.seen[source][0] for oracle in world.oracles if source in oracle.seen]
        assert await gate.stamped(source, PARTITIONS) == max(wanted)
    assert await gate.stamped(-1, PARTITIONS) == -1
