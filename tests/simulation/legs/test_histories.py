"""Histories by chance, from a seed each: by the model alone, which is fast, and by the real script with the model beside it."""

import os

import pytest

from tests.simulation.legs.beside import Beside, Store
from tests.simulation.legs.history import History

_MORE = int(os.environ.get("ONHAND_TEST_SEEDS", "12"))
ALONE, PIECE = 150 * _MORE, 450
BESIDE, SMALL_PIECE = 4 * _MORE, 24


@pytest.mark.parametrize("first", range(0, ALONE, PIECE))
def test_what_is_told_holds(first: int) -> None:
    for seed in range(first, min(first + PIECE, ALONE)):
        History(seed).run()


@pytest.mark.parametrize("first", range(0, BESIDE, SMALL_PIECE))
def test_the_script_does_what_the_model_does(store: Store, first: int) -> None:
    for seed in range(first, min(first + SMALL_PIECE, BESIDE)):
        store.raw.flushall()
        world = History(seed, lambda oracle, log: Beside(oracle, store, log)).run()
        for lane in world.lanes:
            lane.engine.check()  # type: ignore[attr-defined]


def test_a_history_follows_from_its_seed() -> None:
    assert History(7).run().story() == History(7).run().story()
    assert History(7).run().story() != History(8).run().story()
