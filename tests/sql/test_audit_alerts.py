"""What the database judges to be crossings is what the audit asks for, however windows are cut."""

import random
from typing import Any

import psycopg
import pytest

from onhand.agents.ledger.events import messages_of_findings
from onhand.deploy.audit.alerts import Alerts
from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.ledger_view import LedgerView, read_ledger
from onhand.deploy.audit.record import Record
from onhand.schemas.topics import ALERTS
from onhand.sql.ledger import Ledger
from tests.audited import KEYRING
from tests.decided import Deciding, Decision, windows
from tests.scenarios import adjust, command, moved, reserve


def shopping(decide: Deciding, dice: random.Random, count: int, most_ms: int) -> list[Decision]:
    """Few units at three positions, whose reorder points change; sometimes a while passes, `most_ms` at most."""
    decisions = []
    for number in range(1, count):
        body: dict[str, Any] = dice.choice(
            (
                moved("receive", number, dice.randint(1, 6)),
                moved("ship", number, dice.randint(1, 6)),
                reserve(number, dice.randint(1, 6)),
                adjust(number, -1),
                command("set_reorder", number, reorder_point=dice.choice((0, 3, 5)), reorder_quantity=number),
            )
        )
        later = dice.choice((0, 0, 0, 10, most_ms))
        decisions += decide(body | {"warehouse_id": dice.randint(1, 3)}, at_ms=decide.now + later)
    return decisions


def audited(view: LedgerView, decisions: list[Decision], told: list[Record]) -> Findings:
    findings, again = Findings(), Deciding()
    alerts = Alerts(0, view, True, findings)
    for record in told:
        alerts.hear(record)
    for decision in decisions:
        again.books.enter(dict(decision))
        alerts.enter(decision, again.books)
    return findings


def seq_of(record: Record) -> int:
    return int((record.header("ce_id") or b"").split(b"/")[1])


@pytest.mark.parametrize(("seed", "most_ms"), [(1, 100), (2, 100), (3, 5_000), (4, 10_000_000)])
async def test_crossings_are_those_that_the_audit_asks_for(ledger: Ledger, dsn: str, seed: int, most_ms: int) -> None:
    dice = random.Random(seed)
    decisions = shopping(Deciding(), dice, 400, most_ms)
    told: list[Record] = []
    for cut in windows(decisions, dice, 5):
        mark = 0, cut.seq, cut.clock_ms
        for message in messages_of_findings(await ledger.write(cut), mark, KEYRING)[ALERTS]:
            key, value, headers = message.key, message.value, message.headers
            told.append(Record(len(told), 0, key, value, list(headers)))
    with psycopg.connect(dsn) as connection:
        view = read_ledger(connection)[0]
    findings = audited(view, decisions, told)
    assert findings.clean, findings.differences
    assert findings.compared["alert"] >= len(told) > 20
    view.crossings.clear()
    sure = [place for place, record in enumerate(told) if seq_of(record) > min(view.windows)]
    assert len(sure) == len(told) or most_ms > 100
    for place in sure:
        assert audited(view, decisions, told[:place] + told[place + 1 :]).count == 1, told[place]
