"""The scenario table against the real script, in batches of every cut."""

import pytest
import redis

from onhand.deploy.audit.oracle import Oracle
from onhand.lua.gate import Gate
from tests.gate_driver import KEYRING, Pair
from tests.scenarios import SCENARIOS, START_MS, SWEEP_LIMIT, WINDOW_MS, Scenario


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_scenario(gate: Gate, raw: "redis.Redis", scenario: Scenario) -> None:
    for cut in (1, 2, 99):
        pair = Pair(gate, raw, Oracle(0, 1, KEYRING, WINDOW_MS, SWEEP_LIMIT))
        await pair.birth()
        for step in scenario.steps:
            pair.append(START_MS + step.at_ms, step.bytes)
        told = []
        while records := pair.pending()[:cut]:
            told += await pair.decide(records)
        wanted = [decision for step in scenario.steps for decision in step.decisions]
        assert [{name: d.get(name) for name in w} for d, w in zip(told, wanted, strict=True)] == wanted
        pair.check()
        numbers = pair.view().positions.get("CLOCK:1", (0, 0, 0, 0))
        assert (numbers[0], numbers[1], numbers[3]) == scenario.leaves
        assert set(pair.view().holds) == scenario.held
