"""The oracle against the scenario table, and what holds of its state whatever comes."""

import copy
from typing import Any

import pytest

from onhand.deploy.audit.oracle import Oracle
from onhand.deploy.audit.state import Hold, Stock
from onhand.schemas.signing import HEADER, Keyring
from tests.scenarios import AT, SCENARIOS, START_MS, SWEEP_LIMIT, WINDOW_MS, Scenario, Step, moved, reserve, uid

KEYRING = Keyring.parse("test:" + "5a" * 32)
AT_KEY = f"{AT[0]}:{AT[1]}"


def new_oracle() -> Oracle:
    return Oracle(0, 1, KEYRING, WINDOW_MS, SWEEP_LIMIT)


def feed(oracle: Oracle, step: Step) -> list[dict[str, Any]]:
    value = step.bytes
    headers = [(HEADER, KEYRING.sign(value).encode())] if step.own and value is not None else []
    return oracle.decide(oracle.offset + 1, START_MS + step.at_ms, None, value, headers)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_scenario(scenario: Scenario) -> None:
    oracle = new_oracle()
    for number, step in enumerate(scenario.steps):
        decisions = feed(oracle, step)
        told = [{name: d.get(name) for name in wanted} for d, wanted in zip(decisions, step.decisions, strict=False)]
        assert told == list(step.decisions), f"step {number}: {decisions}"
        assert len(decisions) == len(step.decisions)
    assert oracle.positions.get(AT_KEY, Stock()) == Stock(*scenario.leaves)
    assert set(oracle.holds) == scenario.held


def test_seq_counts_decisions_without_a_gap() -> None:
    for scenario in SCENARIOS:
        oracle = new_oracle()
        seqs = [decision["seq"] for step in scenario.steps for decision in feed(oracle, step)]
        assert seqs == list(range(1, len(seqs) + 1))
        assert oracle.seq == len(seqs)


def test_a_decision_has_exactly_the_fields_of_the_contract() -> None:
    oracle = new_oracle()
    oracle.decide(0, 5, None, Step(moved("receive", 1, 100), ()).bytes, [])
    wish = reserve(2, 2, 600_000, channel="web", order_id="o-1")
    assert oracle.decide(1234, START_MS, b"any", Step(wish, ()).bytes, None) == [
        {
            "seq": 2, "type": "reserve", "id": uid(2), "reservation_id": uid(2), "outcome": "reserved",
            "sku_id": "CLOCK", "warehouse_id": 1, "quantity": 2, "available_qty": 98, "reserved_qty": 2,
            "total_qty": 100, "version": 2, "expires_at_ms": START_MS + 600_000, "channel": "web", "order_id": "o-1",
            "line": 0, "complete": True, "source_offset": 1234, "decided_at_ms": START_MS,
        }
    ]  # fmt: skip


def test_state_is_only_what_was_done() -> None:
    oracle = new_oracle()
    feed(oracle, Step(moved("receive", 1, 10), ()))
    feed(oracle, Step(reserve(2, 4, order_id="o"), ()))
    assert oracle.holds[uid(2)] == Hold(AT_KEY, 4, START_MS + 5_000, oracle.holds[uid(2)].body, None, "o")
    assert set(oracle.remembered) == {START_MS // WINDOW_MS}
    before = copy.deepcopy(vars(oracle) | {"offset": 0, "seq": 0, "touched": []})
    feed(oracle, Step(reserve(2, 5), ()))
    feed(oracle, Step(reserve(3, 50), ()))
    assert vars(oracle) | {"offset": 0, "seq": 0, "touched": []} == before


def test_two_generations_are_remembered_at_most() -> None:
    oracle = new_oracle()
    for number in range(40):
        feed(oracle, Step(moved("receive", number, 1), (), at_ms=number * WINDOW_MS // 3))
        newest = oracle.clock // WINDOW_MS
        assert set(oracle.remembered) <= {newest, newest - 1}


def test_an_unsigned_sweep_ends_nothing() -> None:
    oracle = new_oracle()
    feed(oracle, Step(moved("receive", 1, 10), ()))
    feed(oracle, Step(reserve(2, 4, 1_000), ()))
    (decision,) = oracle.decide(2, START_MS + 9_000, None, b'{"type":"sweep"}', [])
    assert decision["outcome"] == "invalid"
    assert uid(2) in oracle.holds
