"""Bad input: the answer names the field and the reason, the log goes on, stock is as before."""

import json
from typing import Any

import pytest

from onhand.deploy.audit.oracle import Oracle
from onhand.deploy.audit.state import Stock
from onhand.schemas.partitioner import partition_of
from onhand.schemas.signing import Keyring
from tests.bad_input import BAD, Bad
from tests.scenarios import AT, SWEEP_LIMIT, WINDOW_MS, moved, of, reserve, uid

KEYRING = Keyring.parse("test:" + "5a" * 32)
AT_KEY = f"{AT[0]}:{AT[1]}"
NUMBERS = {"available_qty": 6, "reserved_qty": 4, "total_qty": 10, "version": 2, "line": 0}
ECHOES = {
    "type": {"type"},
    "id": {"id"},
    "position": {"sku_id", "warehouse_id", *NUMBERS},
}
ALWAYS = {"seq", "outcome", "message", "complete", "source_offset", "decided_at_ms"}


def say(oracle: Oracle, body: Any, *headers: tuple[str, bytes]) -> dict[str, Any]:
    value = json.dumps(body).encode() if isinstance(body, dict) else body
    (decision,) = oracle.decide(oracle.offset + 1, 5_000, b"any key", value, list(headers))
    return decision


@pytest.fixture
def oracle() -> Oracle:
    """Ten units, four of them held under id 2."""
    oracle = Oracle(0, 1, KEYRING, WINDOW_MS, SWEEP_LIMIT)
    say(oracle, moved("receive", 1, 10))
    say(oracle, reserve(2, 4))
    return oracle


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_bad_record_is_invalid_and_changes_nothing(oracle: Oracle, bad: Bad) -> None:
    holds, remembered = dict(oracle.holds), {g: dict(done) for g, done in oracle.remembered.items()}
    decision = say(oracle, bad.value, *bad.headers)
    assert decision["outcome"] == "invalid"
    field, _, reason = decision["message"].partition(": ")
    assert field == bad.field
    assert reason
    assert bad.reason in reason
    assert set(decision) == ALWAYS.union(*(ECHOES[name] for name in bad.echo))
    assert {name: decision[name] for name in NUMBERS if name in decision} in ({}, NUMBERS)
    assert (oracle.positions, oracle.holds, oracle.remembered) == ({AT_KEY: Stock(6, 4, 2)}, holds, remembered)
    assert say(oracle, of("commit", 3, 2))["outcome"] == "committed"


def test_the_message_does_not_repeat_a_whole_record(oracle: Oracle) -> None:
    decision = say(oracle, {"type": "ship", "x" * 60_000: 1} | moved("ship", 5, 1))
    assert len(decision["message"]) < 1_000


def test_a_position_of_another_partition_is_told_where_to_go() -> None:
    strange = next(n for n in range(1, 99) if partition_of(f"CLOCK:{n}", 8) != 3)
    oracle = Oracle(3, 8, KEYRING, WINDOW_MS, SWEEP_LIMIT)
    decision = say(oracle, moved("receive", 1, 10, warehouse_id=strange))
    assert "inventory.requests" in decision["message"]
    assert set(decision) == ALWAYS | {"type", "id"}
    assert oracle.positions == {}


def test_null_is_absent_and_the_last_of_a_repeated_key_counts(oracle: Oracle) -> None:
    assert say(oracle, moved("ship", 5, 1, channel=None, actor=None))["outcome"] == "applied"
    value = json.dumps(moved("ship", 6, 1)).replace('"quantity": 1', '"quantity": "x", "quantity": 2').encode()
    assert say(oracle, value)["quantity"] == 2


def test_exactly_64_kib_is_a_command(oracle: Oracle) -> None:
    value = json.dumps(moved("ship", 5, 1)).encode()
    assert say(oracle, value + b" " * (64 * 1024 - len(value)))["outcome"] == "applied"


def test_words_at_their_limits(oracle: Oracle) -> None:
    assert say(oracle, moved("receive", 5, 10**9, sku_id="A" * 64, warehouse_id=32_767))["outcome"] == "applied"
    told = say(oracle, reserve(6, 1, 86_400_000, order_id="é" * 128, channel="a" * 32))
    assert (told["order_id"], told["expires_at_ms"]) == ("é" * 128, 5_000 + 86_400_000)


def test_a_sweep_of_ours_is_decided(oracle: Oracle) -> None:
    value = b'{"type":"sweep"}'
    sign = [("onhand", KEYRING.sign(value).encode())]
    (ended,) = oracle.decide(2, 10_000, None, value, sign)
    assert (ended["outcome"], ended["id"]) == ("expired", uid(2))
