"""The lane on PostgreSQL, with everything that can fail failing: rows and events end as if nothing had."""

import asyncio
import json
import random

import pytest

from onhand.agents.ledger import lane as ledger_lane
from onhand.schemas.faults import Retryable
from onhand.schemas.topics import LEDGER, STOCK
from onhand.sql.ledger import Ledger
from onhand.sql.rows import Findings
from onhand.sql.window import Window
from tests.decided import Deciding, put
from tests.ledger_house import LedgerHouse, header
from tests.sql.conftest import Rows
from tests.sql.test_ledger import compared


class Flaky(Ledger):
    """Its writes fail now and then, before the effect or after it."""

    dice: random.Random

    async def write(self, window: Window) -> Findings:
        if self.dice.random() < 0.1:
            raise Retryable("nothing was written")
        findings = await super().write(window)
        if self.dice.random() < 0.1:
            raise Retryable("the answer was lost")
        return findings


@pytest.mark.parametrize("seed", range(4))
async def test_rows_and_events_are_whole_whatever_fails(
    dsn: str, ledger: Ledger, rows: Rows, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_lane, "_IDLE_S", 0.02)
    dice, deciding = random.Random(seed), Deciding()
    flaky = Flaky(dsn)
    flaky.dice = dice
    await flaky.open()
    house = LedgerHouse(flaky, dice)
    house.publisher.fails = 0.1
    decisions = deciding.shop(900, seed)
    for at in range(0, len(decisions), 150):
        put(house.log, decisions[at : at + 150])
        put(house.log, decisions[max(0, at - 20) : at])
        lane = house.start(limit=dice.randint(5, 60))
        await house.feed(lane)
        if dice.random() < 0.5 and at + 150 < len(decisions):
            await house.reaches(min(at + 60, len(decisions)))
            await house.stop()  # or else it goes on beside the next owner
    await house.reaches(len(decisions), 60)
    house.publisher.fails = flaky_no_more(flaky)
    await house.stop()
    house.start()
    await asyncio.sleep(0)
    await told_everything(house, rows, deciding)
    await house.stop()
    await house.publisher.all_arrived()
    await flaky.close()
    findings = compared(dsn, deciding)
    assert findings.clean, findings.differences
    assert house.alarms.now is None
    assert await ledger.alarm(0) is None


def flaky_no_more(flaky: Flaky) -> float:
    """From now on all succeeds."""
    flaky.dice = random.Random(0)
    flaky.dice.random = lambda: 1.0  # type: ignore[method-assign]
    return 0.0


async def told_everything(house: LedgerHouse, rows: Rows, deciding: Deciding) -> None:
    """Every sale, every movement, and of every position the newest version."""
    all_moved = "SELECT movement_id::text FROM stock_movements WHERE "
    sold = {id.replace("-", "") for (id,) in rows(all_moved + "movement_type = 'ship' AND reference_id IS NOT NULL")}
    moved = {id for (id,) in rows(all_moved + "movement_type <> 'ship' OR reference_id IS NULL")}
    versions = {position: stock.version for position, stock in deciding.oracle.positions.items()}
    async with asyncio.timeout(20):
        while ({header(record, "ce_id") for record in house.told(LEDGER)}, newest(house)) != (sold | moved, versions):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert len(sold) >= 10
    assert len(moved) >= 10


def newest(house: LedgerHouse) -> dict[str, int]:
    """Of every position the highest version that was told."""
    versions: dict[str, int] = {}
    for record in house.told(STOCK):
        body = json.loads(record.value or b"")
        position = f"{body['sku_id']}:{body['warehouse_id']}"
        versions[position] = max(versions.get(position, 0), body["version"])
    return versions
