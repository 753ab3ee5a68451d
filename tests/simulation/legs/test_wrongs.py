"""The simulation finds what is wrong: each of these faults within so many histories."""

from typing import Any

import pytest

from tests.simulation.legs.history import History
from tests.simulation.legs.places import Broken
from tests.simulation.legs.wrongs import LANES, RULES, SeenApart

WITHIN = 6_000
"""Most are found among the first hundred."""

CASES: list[tuple[str, dict[str, Any]]] = [
    *((lane.__name__, {"lane": lane}) for lane in LANES),
    *((rules.__name__, {"oracle": rules}) for rules in RULES),
    (SeenApart.__name__, {"engine": lambda oracle, _: SeenApart(oracle)}),
]


@pytest.mark.parametrize("wrong", [wrong for _, wrong in CASES], ids=[name for name, _ in CASES])
def test_a_fault_is_found(wrong: dict[str, Any]) -> None:
    assert any(_breaks(History(seed, **wrong)) for seed in range(WITHIN))


def _breaks(history: History) -> bool:
    try:
        history.run()
    except Broken:
        return True
    return False
