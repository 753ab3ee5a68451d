"""Rows of `reorders` and `low_stock` are what the audit asks for, however windows are cut; and each fault in them is found."""

import random

import psycopg
import pytest

from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.ledger_view import read_ledger
from onhand.deploy.audit.reorders import Reorders
from onhand.sql.ledger import Ledger
from tests.decided import Deciding, Decision, window, windows
from tests.scenarios import command, moved
from tests.sql.conftest import Rows
from tests.sql.test_audit_alerts import shopping


class Auditing(Deciding):
    """The model as the audit runs it."""

    reorders: Reorders | None = None

    def record(self, value: bytes | None, headers: list[tuple[str, bytes]]) -> list[Decision]:
        told = super().record(value, headers)
        if self.reorders is not None:
            self.reorders.enter(told)
        return told


def shop(decide: Deciding, seed: int, most_ms: int, count: int = 300) -> list[Decision]:
    """At its end warehouse 4 is low, and some of what it waits for has come; warehouse 5 is low no more."""
    decisions = shopping(decide, random.Random(seed), count, most_ms)
    for warehouse, came in ((4, moved("receive", 9_001, 2)), (5, moved("return", 9_002, 9))):
        low = command("set_reorder", 9_002 + warehouse, reorder_point=5, reorder_quantity=7)
        for body in (low, came):
            decisions += decide(body | {"warehouse_id": warehouse}, at_ms=decide.now + 10)
    return decisions


async def written(ledger: Ledger, seed: int, most_ms: int) -> None:
    decisions, dice = shop(Deciding(), seed, most_ms), random.Random(seed)
    for cut in [*windows(decisions[:-4], dice, 5), *map(window, zip(decisions[-4:], strict=True))]:
        await ledger.write(cut)


def audited(dsn: str, seed: int, most_ms: int) -> Findings:
    findings, again = Findings(), Auditing()
    with psycopg.connect(dsn) as connection:
        view = read_ledger(connection)[0]
    again.reorders = Reorders(again.oracle, again.books, view, findings)
    shop(again, seed, most_ms)
    again.reorders.compare()
    return findings


@pytest.mark.parametrize(("seed", "most_ms"), [(1, 0), (2, 100), (3, 5_000), (4, 10_000_000)])
async def test_rows_are_those_that_the_audit_asks_for(
    ledger: Ledger, rows: Rows, dsn: str, seed: int, most_ms: int
) -> None:
    await written(ledger, seed, most_ms)
    findings = audited(dsn, seed, most_ms)
    assert findings.differences == []
    opened = dict(rows("SELECT status::text, count(*)::int FROM reorders GROUP BY 1"))
    assert opened.keys() >= {"open", "closed"}
    assert findings.compared["ledger reorders"] >= sum(opened.values())
    assert findings.compared["ledger low stock"] >= 2


FAULTS = {
    "a suggestion": "UPDATE reorders SET suggested_quantity = suggested_quantity + 1 WHERE status = 'closed'",
    "a point": "UPDATE reorders SET reorder_point = reorder_point + 1",
    "units received": "UPDATE reorders SET received_units = received_units + 1 WHERE status = 'open'",
    "units received before the end": "UPDATE reorders SET received_units = received_units + 1 WHERE status = 'closed'",
    "a row too many": "INSERT INTO reorders SELECT gen_random_uuid(), 'OTHER', 1, 1, 1, 0, 'open', now(), NULL, 0",
    "a row of no window": "UPDATE reorders SET reorder_id = gen_random_uuid() WHERE status = 'closed'",
    "an open row that is gone": "DELETE FROM reorders WHERE status = 'open'",
    "an end too early": "UPDATE reorders SET status = 'closed', closed_at = opened_at WHERE status = 'open'",
    "no end": "UPDATE reorders SET status = 'open', closed_at = NULL WHERE warehouse_id = 5",
    "not low": "DELETE FROM low_stock WHERE warehouse_id = 4",
    "low": "INSERT INTO low_stock VALUES ('CLOCK', 5)",
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_fault_is_found(ledger: Ledger, rows: Rows, dsn: str, fault: str) -> None:
    await written(ledger, 2, 100)
    rows(FAULTS[fault])
    kinds = {difference.kind for difference in audited(dsn, 2, 100).differences}
    assert kinds == {"ledger low stock" if "low" in fault else "ledger reorders"}
