"""The oracles of several partitions against the scenario table of legs, and what holds whatever comes."""

import pytest

from onhand.deploy.audit.state import Stock
from tests import legs_scenarios, transfer_scenarios
from tests.legs_scenarios import Play
from tests.legs_world import World
from tests.scenarios import START_MS, SWEEP, SWEEP_LIMIT, WINDOW_MS, Step

PLAYS = legs_scenarios.PLAYS + transfer_scenarios.PLAYS


def played(play: Play) -> World:
    """The world after it, with each turn's decisions compared."""
    world = World(WINDOW_MS, SWEEP_LIMIT, now=START_MS)
    for number, turn in enumerate(play.turns):
        world.now, before = START_MS + turn.at_ms, len(world.history)
        world.append(turn.partition, Step(turn.value, ()).bytes, own=turn.value == SWEEP)
        world.until_quiet(turn.away)
        found = world.history[before:]
        told = [(p, {name: d.get(name) for name in w}) for (p, d), (_, w) in zip(found, turn.told, strict=False)]
        assert told == list(turn.told), f"turn {number}: {found}"
        assert len(found) == len(turn.told), f"turn {number}: {found}"
    return world


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_play(play: Play) -> None:
    world = played(play)
    stocks = [oracle.positions for oracle in world.oracles]
    found = {place: next((s[f"{place[0]}:{place[1]}"] for s in stocks if f"{place[0]}:{place[1]}" in s), Stock())
             for place in play.leaves}  # fmt: skip
    assert found == {place: Stock(*numbers) for place, numbers in play.leaves.items()}
    assert {(p, name) for p, oracle in enumerate(world.oracles) for name in oracle.holds} == play.held
    opens = {
        (p, name, o.shipped, o.arrived) for p, oracle in enumerate(world.oracles) for name, o in oracle.opens.items()
    }
    assert opens == play.opens


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_slips_that_come_again_are_dropped(play: Play) -> None:
    world = played(play)
    before, told = world.state(), len(world.history)
    for partition, offset in world.slips():
        world.copy(partition, offset)
    world.until_quiet()
    assert (world.state(), len(world.history)) == (before, told)
