"""Processes are killed between any two effects: nothing is lost, nothing happens twice, everything catches up."""

import itertools

import pytest

from onhand.agents.probes import Point
from tests.faults.load import Load
from tests.faults.plant import Plant

GATE: tuple[Point, ...] = ("before_script", "after_script", "after_forwards", "after_publish")
LEDGER: tuple[Point, ...] = ("before_ledger_commit", "after_ledger_commit", "after_ledger_events")
_groups = itertools.count()


@pytest.mark.parametrize(("role", "points"), [("gate", GATE), ("ledger", LEDGER)])
def test_killed_between_two_effects(plant: Plant, role: str, points: tuple[Point, ...]) -> None:
    """A line of workers, each killed at the next point, early and late; each has a group of its own, so that nobody waits.

    Orders and transfers go on meanwhile, and the gate dies between its slips and its decisions too.
    """
    other = plant.worker("ledger" if role == "gate" else "gate").serving()
    with Load(plant.servers.endpoints["kafka"], seed=1) as load:
        for point, count in zip(points, (1, 9, 5, 4), strict=False):
            plant.worker(role, probe=f"{point}:{count}", group=f"{role}-{next(_groups)}").died()
        plant.worker(role, group=f"{role}-{next(_groups)}").serving()
    compared = plant.proven().compared
    assert load.sent > 100
    assert min(compared["slip"], compared["ledger transfers"]) > 20
    other.stop()
