"""Reorders: one per fall to the reorder point, open until the units came or were not needed any more."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, NamedTuple

import pytest

from onhand.agents.ledger import lane as ledger_lane
from onhand.agents.ledger.events import messages_of_findings
from onhand.schemas.events import StockAlert
from onhand.schemas.faults import Retryable
from onhand.schemas.topics import ALERTS
from onhand.sql.ledger import Ledger
from onhand.sql.rows import Crossing, Settings
from tests.audited import KEYRING, LIMIT, WINDOW_MS
from tests.decided import Deciding, put, window
from tests.ledger_house import LedgerHouse, header, until
from tests.scenarios import adjust, command, moved, of, reserve
from tests.sql.conftest import Rows

LOW, RECOVERED, REORDER = "stock.low", "stock.recovered", "reorder.triggered"
FELL = [LOW, REORDER]
Body = dict[str, Any]


def point(number: int, at: int, quantity: int = 20) -> Body:
    return command("set_reorder", number, reorder_point=at, reorder_quantity=quantity)


class Step(NamedTuple):
    """A window of commands, the alerts that it tells, and how the position's reorders stand then: status and units received."""

    bodies: list[Body]
    alerts: list[str]
    reorders: list[tuple[str, int]]


STOCKED = Step([point(1, 5), moved("receive", 2, 10)], [], [])
FALLEN = Step([moved("ship", 3, 6)], FELL, [("open", 0)])
SCENARIOS = {
    "a fall, once, and no repeat while it stays below": [
        STOCKED, FALLEN, Step([moved("ship", 4, 1)], [], [("open", 0)]), Step([reserve(5, 1)], [], [("open", 0)]),
        Step([reserve(6, 99)], [], [("open", 0)]),
    ],
    "recovered closes, and the next fall is another reorder": [
        STOCKED, FALLEN, Step([moved("return", 4, 2)], [RECOVERED], [("closed", 0)]),
        Step([moved("ship", 5, 1)], FELL, [("closed", 0), ("open", 0)]),
    ],
    "received closes, also while it is still low": [
        STOCKED, FALLEN, Step([moved("receive", 4, 8), reserve(5, 8)], [], [("open", 8)]),
        Step([moved("receive", 6, 5), moved("receive", 7, 6), reserve(8, 11)], [], [("open", 19)]),
        Step([moved("receive", 9, 4), reserve(10, 4)], [], [("received", 23)]),
        Step([moved("receive", 11, 1)], [], [("received", 23)]),
    ],
    "received and recovered at once is received": [
        STOCKED, FALLEN, Step([moved("receive", 4, 20)], [RECOVERED], [("received", 20)]),
    ],
    "received in part and recovered is closed": [
        STOCKED, FALLEN, Step([moved("receive", 4, 19)], [RECOVERED], [("closed", 19)]),
    ],
    "only receives count": [
        STOCKED, FALLEN, Step([moved("return", 4, 30), moved("ship", 5, 30)], [], [("open", 0)]),
        Step([adjust(6, 1), adjust(7, -1)], [], [("open", 0)]), Step([reserve(8, 4), of("commit", 9, 8)], [], [("open", 0)]),
        Step([moved("receive", 10, 30, warehouse_id=2), moved("receive", 11, 30, sku_id="OTHER")], [], [("open", 0)]),
    ],
    "what the falling window received was there before": [
        Step([point(1, 5)], FELL, [("open", 0)]), Step([moved("receive", 2, 6)], [RECOVERED], [("closed", 6)]),
        Step([moved("receive", 3, 50), moved("ship", 4, 55)], FELL, [("closed", 6), ("open", 0)]),
    ],
    "set_reorder crosses by itself, up and down": [
        STOCKED, Step([point(3, 10, 7)], FELL, [("open", 0)]), Step([point(4, 12, 90)], [], [("open", 0)]),
        Step([point(5, 9)], [RECOVERED], [("closed", 0)]), Step([point(6, 10)], FELL, [("closed", 0), ("open", 0)]),
        Step([point(7, 0)], [RECOVERED], [("closed", 0), ("closed", 0)]),
    ],
    "a dip within a window is none": [STOCKED, Step([moved("ship", 3, 9), moved("return", 4, 9)], [], [])],
    "nothing to order is still to be told": [
        Step([point(1, 5, 0)], FELL, [("open", 0)]), Step([moved("receive", 2, 1)], [], [("received", 1)]),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
async def test_reorders_stand_as_each_window_leaves_them(ledger: Ledger, rows: Rows, name: str) -> None:
    decide = Deciding()
    for number, step in enumerate(SCENARIOS[name]):
        cut = window(decide(*step.bodies, at_ms=decide.now + 1))
        told = messages_of_findings(await ledger.write(cut), (0, cut.seq, cut.clock_ms), KEYRING)[ALERTS]
        kinds = [dict(message.headers)["ce_type"].decode() for message in told]  # type: ignore[union-attr]
        stand = rows("SELECT status::text, received_units FROM reorders ORDER BY opened_at, closed_at")
        assert (kinds, stand) == (step.alerts, step.reorders), f"step {number}"


async def test_a_reorder_is_a_row_and_an_event(ledger: Ledger, rows: Rows) -> None:
    decide = Deciding()
    await ledger.write(window(decide(point(1, 5), moved("receive", 2, 10), reserve(3, 30))))
    cut = window(decide(reserve(4, 6), at_ms=1_000_500))
    findings = await ledger.write(cut)
    [crossing] = findings.crossings
    assert crossing == Crossing(True, "CLOCK:1", 4, 2, 5, 50, crossing.reorder_id)
    low, reorder = messages_of_findings(findings, (0, cut.seq, cut.clock_ms), KEYRING)[ALERTS]
    assert low.value == reorder.value
    assert StockAlert.from_json(reorder.value) == StockAlert(
        sku_id="CLOCK", warehouse_id=1, available_qty=4, reorder_point=5, suggested_quantity=50, occurred_at_ms=1_000_500
    )  # fmt: skip
    assert (low.key, reorder.key) == (b"CLOCK:1", b"CLOCK:1")
    ids = [dict(message.headers)["ce_id"] for message in (low, reorder)]
    assert ids == [b"0/4/CLOCK:1", b"0/4/CLOCK:1/reorder"]
    await ledger.write(window(decide(moved("receive", 5, 50), at_ms=1_000_700)))
    assert rows("SELECT reorder_id::text, sku_id, warehouse_id, suggested_quantity, reorder_point, received_units,"
                " status::text, extract(epoch FROM opened_at)::float, extract(epoch FROM closed_at)::float, partition"
                " FROM reorders") == [(crossing.reorder_id, "CLOCK", 1, 50, 5, 50, "received", 1_000.5, 1_000.7, 0)]  # fmt: skip


async def test_a_reorders_id_is_a_uuid8_of_partition_seq_and_position(rows: Rows) -> None:
    names = [(0, 4, "CLOCK", 1), (1, 4, "CLOCK", 1), (0, 5, "CLOCK", 1), (0, 4, "CLOCK.1", 1), (0, 4, "CLOCK", 11)]
    ids = [rows("SELECT ledger_reorder_id(%s, %s, %s, %s)", *name)[0][0] for name in names]
    digests = [sha256(f"{p}/{seq}/{sku}:{warehouse}".encode()).hexdigest() for p, seq, sku, warehouse in names]
    assert [id.hex for id in ids] == [f"{of[:12]}8{of[13:16]}a{of[17:32]}" for of in digests]
    assert {(id.version, id.variant) for id in ids} == {(8, "specified in RFC 4122")}


async def test_many_positions_cross_in_one_window(ledger: Ledger, rows: Rows) -> None:
    decide = Deciding()
    shelves = range(1, 201)
    stock = [moved("receive", n, 10, warehouse_id=n) for n in shelves]
    await ledger.write(window(decide(*stock, *(point(1_000 + n, 5) | {"warehouse_id": n} for n in shelves))))
    fall = [moved("ship", 2_000 + n, 6, warehouse_id=n) for n in shelves]
    fallen = (await ledger.write(window(decide(*fall)))).crossings
    stored = rows("SELECT sku_id || ':' || warehouse_id, reorder_id::text FROM reorders WHERE status = 'open'")
    assert {c.position: c.reorder_id for c in fallen} == dict(stored)
    assert len(fallen) == len(shelves)
    some = [moved("receive", 3_000 + n, 20 if n % 2 else 3, warehouse_id=n) for n in shelves]
    assert len((await ledger.write(window(decide(*some)))).crossings) == len(shelves)
    by_shelf = rows("SELECT warehouse_id %% 2, status::text, count(*) FROM reorders GROUP BY 1, 2 ORDER BY 1")
    assert by_shelf == [(0, "closed", 100), (1, "received", 100)]


async def test_reorders_of_another_partition_are_left_alone(ledger: Ledger, rows: Rows) -> None:
    assert await ledger.birth(1, "topic", Settings(WINDOW_MS, LIMIT, 1))
    await ledger.write(window(Deciding()(point(1, 5)), partition=1))
    here = Deciding()
    await ledger.write(window(here(moved("receive", 2, 99, sku_id="OTHER"))))
    assert rows("SELECT partition, status::text, received_units FROM reorders") == [(1, "open", 0)]


async def test_of_a_position_that_an_outsider_left_open_no_second_reorder_is_triggered(
    ledger: Ledger, rows: Rows
) -> None:
    decide = Deciding()
    await ledger.write(window(decide(point(1, 5))))
    await ledger.write(window(decide(moved("receive", 2, 9))))
    rows("UPDATE reorders SET status = 'open', closed_at = NULL")
    [crossing] = (await ledger.write(window(decide(moved("ship", 3, 9))))).crossings
    assert (crossing.low, crossing.reorder_id) == (True, None)
    assert rows("SELECT status::text FROM reorders") == [("open",)]


async def test_a_reorder_whose_telling_a_crash_cut_off_is_told_by_the_next_owner(
    ledger: Ledger, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_lane, "_IDLE_S", 0.02)
    house, crashes = LedgerHouse(ledger), ["once"]

    def crash(place: str) -> None:
        if place == "after_ledger_commit" and crashes:
            raise Retryable(crashes.pop())

    put(house.log, Deciding()(point(1, 5), reserve(2, 7)))
    await house.feed(house.start(probe=crash))
    await until(told(house, 2))
    await house.stop()
    house.start()
    await until(told(house, 4))
    await house.stop()
    records = [(record.key, record.value, record.headers) for record in house.told(ALERTS)]
    assert records[:2] == records[2:]
    assert [header(record, "ce_type") for record in house.told(ALERTS)[:2]] == FELL
    assert crashes == []
    assert rows("SELECT suggested_quantity, status::text FROM reorders") == [(27, "open")]


def told(house: LedgerHouse, count: int) -> Callable[[], Any]:
    async def enough() -> bool:
        return len(house.told(ALERTS)) >= count

    return enough
