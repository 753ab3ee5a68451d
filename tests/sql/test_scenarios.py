"""The scenario table, as decided by the oracle, through the ledger: its rows hold what each scenario leaves."""

import pytest

from onhand.schemas.signing import HEADER
from onhand.sql.ledger import Ledger
from onhand.sql.rows import Settings
from tests.audited import KEYRING
from tests.decided import Deciding, window
from tests.scenarios import AT, SCENARIOS, START_MS, Scenario
from tests.scenarios import WINDOW_MS as SCENARIO_WINDOW_MS
from tests.sql.conftest import Rows

TABLES = (
    "inventory, reservations, reservation_reuses, stock_movements, ledger_partitions, remembered_ids, refused_units,"
    " reorders"
)


@pytest.mark.parametrize("together", [True, False], ids=["one window", "a window each"])
async def test_rows_hold_what_a_scenario_leaves(ledger: Ledger, rows: Rows, together: bool) -> None:
    for scenario in SCENARIOS:
        rows(f"TRUNCATE {TABLES}, ledger_alarms")
        await ledger.birth(0, "topic", Settings(SCENARIO_WINDOW_MS, 3, 1))
        decisions = decided(scenario)
        for part in [decisions] if together else [[decision] for decision in decisions]:
            if part:
                await ledger.write(window(part))
        query = "SELECT available_qty, reserved_qty, version FROM inventory WHERE sku_id = %s AND warehouse_id = %s"
        assert (*rows(query, *AT), (0, 0, 0))[0] == scenario.leaves, scenario.name
        held = "SELECT reservation_id::text FROM reservations WHERE status = 'active'"
        reused = "SELECT reservation_id::text FROM reservation_reuses WHERE status = 'active'"
        assert {id for (id,) in rows(f"{held} UNION {reused}")} == scenario.held, scenario.name
        assert await ledger.alarm(0) is None, scenario.name


def decided(scenario: Scenario) -> list[dict[str, object]]:
    """The oracle's decisions."""
    deciding = Deciding(SCENARIO_WINDOW_MS)
    deciding.oracle.sweep_limit = 3
    told = []
    for step in scenario.steps:
        deciding.now = START_MS + step.at_ms
        value = step.bytes
        told += deciding.record(value, [(HEADER, KEYRING.sign(value or b"").encode())] if step.own else [])
    return told
