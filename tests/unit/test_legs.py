"""The oracles of several partitions against the scenario table of legs, and what holds whatever comes."""

import random
from collections import Counter
from typing import Any

import pytest

from onhand.deploy.audit.state import Stock
from tests import legs_scenarios, transfer_scenarios
from tests.legs_scenarios import Play
from tests.legs_traffic import Traffic
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


def wild(seed: int, records: int = 150) -> tuple[World, Traffic]:
    traffic = Traffic(World(WINDOW_MS, SWEEP_LIMIT, now=START_MS), random.Random(seed))
    return traffic.run(records), traffic


@pytest.mark.parametrize("seed", range(20))
def test_wild_traffic_loses_nothing(seed: int) -> None:
    world, traffic = wild(seed)
    for oracle in world.oracles:
        held: Counter[str] = Counter()
        for hold in oracle.holds.values():
            held.update({line.position: line.units for line in hold.lines})
        stocks = oracle.positions.items()
        assert all(stock.available >= 0 and stock.reserved == held[position] for position, stock in stocks)
    came = sum(_came(decision) for _, decision in world.history if not decision.get("replayed"))
    on_the_way = sum(o.shipped - o.arrived for oracle in world.oracles for o in oracle.opens.values())
    assert came == on_the_way + sum(stock.total for oracle in world.oracles for stock in oracle.positions.values())
    assert not any(oracle.holds for oracle in traffic.end().oracles)


def _came(decision: dict[str, Any]) -> int:
    """Units that came into the house, or left it."""
    if decision["outcome"] not in ("applied", "committed") or decision["type"] in ("transfer", "set_reorder"):
        return 0
    units = decision["discrepancy"] if "discrepancy" in decision else decision["quantity"]
    if decision["type"] == "arrive":
        return units if "discrepancy" in decision else 0
    return -units if decision["type"] in ("ship", "commit") else units


@pytest.mark.parametrize("seed", range(20))
def test_every_use_is_settled_once_and_alike_at_all_legs(seed: int) -> None:
    world, traffic = wild(seed)
    traffic.end()
    asked: Counter[tuple[str, int]] = Counter()
    ends: dict[tuple[str, int], set[str]] = {}
    for _, decision in world.history:
        use = decision.get("use")
        if use is not None and decision["type"] == "reserve" and decision["complete"]:
            asked[decision["id"], use["opened_at_ms"]] += 1
        if use is not None and decision["outcome"] in ("committed", "released", "expired"):
            ends.setdefault((decision["reservation_id"], use["opened_at_ms"]), set()).add(decision["outcome"])
    assert len(asked) > 5
    assert set(asked.values()) == {1}
    assert len(ends) > 5
    assert all(len(how) == 1 for how in ends.values())


@pytest.mark.parametrize("seed", range(5))
def test_stamps_are_told_once_each_and_in_order(seed: int) -> None:
    world, traffic = wild(seed)
    traffic.end()
    for partition, oracle in enumerate(world.oracles):
        told: dict[int, list[tuple[int, int]]] = {}
        for decisions in world.told[partition]:
            for decision in decisions:
                for source, *place in decision.get("seen", ()):
                    told.setdefault(source, []).append((place[0], place[1]))
        assert all(places == sorted(set(places)) for places in told.values())
        assert {source: places[-1] for source, places in told.items()} == oracle.seen
        assert not oracle.unsaid
