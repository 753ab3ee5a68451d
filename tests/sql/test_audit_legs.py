"""Orders and transfers over several partitions in the real ledger, as the auditor reads it: at any moment, whichever lane is ahead."""

import random
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from onhand.deploy.audit.books import Books
from onhand.deploy.audit.compare import compare_ledger, compare_ledger_with_itself
from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.ledger_view import LedgerView, read_ledger
from onhand.deploy.audit.oracle import Oracle
from onhand.deploy.audit.transit import Transit, compare_transit
from onhand.sql.ledger import Ledger
from onhand.sql.rows import Settings
from tests.decided import window
from tests.legs_world import KEYRING, PARTITIONS, World
from tests.scenarios import SWEEP_LIMIT, WINDOW_MS
from tests.sql.conftest import Rows
from tests.unit.test_legs import wild

Decision = dict[str, Any]


@pytest.mark.parametrize("seed", range(3))
async def test_rows_are_what_all_partitions_decided(ledger: Ledger, rows: Rows, dsn: str, seed: int) -> None:
    world, traffic = wild(seed)
    traffic.end()
    rows("TRUNCATE ledger_partitions CASCADE")
    dice, left = random.Random(seed), [_records(told) for told in world.told]
    for partition in range(PARTITIONS):
        await ledger.birth(partition, "topic", Settings(WINDOW_MS, SWEEP_LIMIT, PARTITIONS))
    while any(left):
        for partition in range(PARTITIONS):
            piece = _within_a_generation(left[partition][: dice.choice((0, 1, 5, 30))])
            left[partition] = left[partition][len(piece) :]
            if piece:
                await ledger.write(window([decision for record in piece for decision in record], partition))
        if dice.random() < 0.2:
            assert audited(dsn, world).differences == []
    findings = audited(dsn, world)
    assert findings.differences == []
    assert findings.compared["ledger transfers"] > 1


def _records(told: Sequence[Sequence[Decision]]) -> list[list[Decision]]:
    """Those that have decisions: a window ends with a record."""
    return [list(decisions) for decisions in told if decisions]


def _within_a_generation(records: list[list[Decision]]) -> list[list[Decision]]:
    """As the intake cuts windows: no id can be forgotten and used anew in one."""
    generations = [decisions[0]["decided_at_ms"] // WINDOW_MS for decisions in records]
    return [record for record, generation in zip(records, generations, strict=True) if generation == generations[0]]


def audited(dsn: str, world: World) -> Findings:
    findings, wanted, found = Findings(), Transit(), Transit()
    with psycopg.connect(dsn) as connection:
        views = read_ledger(connection)
    for partition, view in views.items():
        oracle, books = _decided(world, partition, view)
        if oracle.seq:
            compare_ledger(oracle, books, view, findings)
        compare_ledger_with_itself(partition, view, findings)
        wanted.join(books.transit)
        found.join(view.transit)
    compare_transit(wanted, found, PARTITIONS, findings)
    return findings


def _decided(world: World, partition: int, view: LedgerView) -> tuple[Oracle, Books]:
    """The partition as it was at the view's mark."""
    oracle, books = Oracle(partition, PARTITIONS, KEYRING, WINDOW_MS, SWEEP_LIMIT), Books()
    for record in world.logs[partition][: view.source_offset + 1]:
        for decision in oracle.decide(*record):
            books.enter(decision)
    return oracle, books
