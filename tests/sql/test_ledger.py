"""The window writer against PostgreSQL: whole or not at all, exactly once, and never refusing what was decided."""

import copy
import random
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from onhand.deploy.audit.compare import compare_ledger, compare_ledger_with_itself
from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.ledger_view import read_ledger
from onhand.schemas.faults import Corrupt
from onhand.sql import remembered
from onhand.sql.ledger import Ledger
from onhand.sql.rows import Crossing, Fenced, Mark, Reuse, Settings
from onhand.sql.window import movement_id
from tests.audited import LIMIT, WINDOW_MS
from tests.decided import Deciding, window, windows
from tests.scenarios import adjust, command, moved, of, reserve, uid
from tests.sql.conftest import Rows


def compared(dsn: str, deciding: Deciding) -> Findings:
    """The audit's own comparison of the ledger with what was decided."""
    findings = Findings()
    with psycopg.connect(dsn) as connection:
        view = read_ledger(connection)[0]
    compare_ledger(deciding.oracle, deciding.books, view, findings)
    compare_ledger_with_itself(0, view, findings)
    return findings


@pytest.mark.parametrize("seed", range(3))
async def test_rows_are_the_fold_of_decisions_however_windows_are_cut(ledger: Ledger, dsn: str, seed: int) -> None:
    deciding = Deciding()
    decisions = deciding.shop(600, seed)
    for cut in windows(decisions, random.Random(seed), 60):
        await ledger.write(cut)
    findings = compared(dsn, deciding)
    assert findings.clean, findings.differences
    assert findings.compared["ledger movements"] >= 5
    assert await ledger.alarm(0) is None
    assert await ledger.mark(0) == Mark(decisions[-1]["seq"], decisions[-1]["seq"])


@pytest.mark.parametrize("seed", range(3))
async def test_remembered_ids_are_all_that_the_gate_remembers(ledger: Ledger, rows: Rows, seed: int) -> None:
    deciding = Deciding()
    for cut in windows(deciding.shop(600, seed), random.Random(seed)):
        await ledger.write(cut)
    found: dict[int, dict[str, tuple[object, ...]]] = {}
    for (blob,) in rows("SELECT ids FROM remembered_ids ORDER BY clock_ms, seq"):
        for entry in remembered.entries(blob):
            memory = entry.body, entry.outcome, entry.quantity, entry.ended, entry.at
            found.setdefault(entry.at_ms // WINDOW_MS, {})[entry.id] = memory
    assert len(deciding.oracle.remembered) == 2
    for generation, wanted in deciding.oracle.remembered.items():
        assert found[generation] == {id: tuple(memory)[:5] for id, memory in wanted.items()}


async def test_a_partition_is_born_once(ledger: Ledger) -> None:
    assert not await ledger.birth(0, "other", Settings(1, 1, 1))
    row = await ledger.partition(0)
    assert row is not None
    assert (row.topic_id, row.seq, row.source_offset, row.decisions_offset, row.settings) == (
        "topic", 0, -1, 0, Settings(WINDOW_MS, LIMIT, 1),
    )  # fmt: skip
    assert await ledger.partition(1) is None
    assert [row.partition for row in await ledger.partitions()] == [0]


async def test_a_window_comes_once_and_in_order(ledger: Ledger, rows: Rows) -> None:
    decide = Deciding()
    first, second, third = (window(decide(moved("receive", number, 5))) for number in (1, 2, 3))
    await ledger.write(first)
    with pytest.raises(Fenced) as repeated:
        await ledger.write(first)
    with pytest.raises(Fenced) as gap:
        await ledger.write(third)
    with pytest.raises(Fenced) as unborn:
        await ledger.write(replace(second, partition=7))
    assert (repeated.value.stored, gap.value.stored, unborn.value.stored) == (1, 1, None)
    assert rows("SELECT total_qty, version FROM inventory") == [(5, 1)]
    assert rows("SELECT count(*) FROM stock_movements") == [(1,)]
    await ledger.write(second)
    await ledger.write(third)
    assert rows("SELECT total_qty, version FROM inventory") == [(15, 3)]


async def test_what_breaks_a_constraint_is_refused_as_a_whole(ledger: Ledger, rows: Rows) -> None:
    good = window(Deciding()(moved("receive", 1, 5), moved("receive", 2, 5, warehouse_id=2), reserve(3, 2)))
    bad = copy.deepcopy(good)
    bad.changes[0] = bad.changes[0]._replace(available=-1)
    with pytest.raises(Corrupt, match="inventory_available_is_never_negative"):
        await ledger.write(bad)
    for table in ("inventory", "reservations", "stock_movements", "remembered_ids"):
        assert rows(f"SELECT count(*) FROM {table}") == [(0,)]
    assert await ledger.mark(0) == Mark(0, 0)
    await ledger.write(good)
    assert await ledger.mark(0) == Mark(3, 3)


async def test_a_changed_row_is_put_right_under_lock_with_an_alarm_that_does_not_stop(
    ledger: Ledger, rows: Rows
) -> None:
    decide = Deciding()
    await ledger.write(window(decide(moved("receive", 1, 5), moved("receive", 2, 5, warehouse_id=2))))
    rows("UPDATE inventory SET version = 99, available_qty = 1, total_qty = 1 WHERE warehouse_id = 1")
    rows("DELETE FROM inventory WHERE warehouse_id = 2")
    await ledger.write(window(decide(reserve(3, 2), moved("ship", 4, 1, warehouse_id=2))))
    assert rows("SELECT warehouse_id, available_qty, reserved_qty, version, partition FROM inventory ORDER BY 1") == [
        (1, 3, 2, 2, 0),
        (2, 4, 0, 2, 0),
    ]
    alarm = await ledger.alarm(0)
    assert alarm is not None
    assert (alarm.code, alarm.offset, alarm.stops) == ("version_miss", 3, False)
    assert "CLOCK:1 at version 99, expected 1" in alarm.message
    assert "CLOCK:2 at version none, expected 1" in alarm.message
    assert not await ledger.alarmed(0)


async def test_less_than_was_taken_is_a_miss_even_at_the_same_version(ledger: Ledger, rows: Rows) -> None:
    decide = Deciding()
    await ledger.write(window(decide(moved("receive", 1, 5))))
    rows("UPDATE inventory SET available_qty = 1, total_qty = 1")
    await ledger.write(window(decide(reserve(2, 3))))
    assert rows("SELECT available_qty, reserved_qty, version FROM inventory") == [(2, 3, 2)]
    alarm = await ledger.alarm(0)
    assert alarm is not None
    assert alarm.code == "version_miss"


async def test_a_row_that_comes_right_by_itself_is_only_tried_again(dsn: str, rows: Rows) -> None:
    slept: list[float] = []

    async def restore(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            rows("UPDATE inventory SET version = 1")

    ledger = Ledger(dsn, sleep=restore)
    await ledger.open()
    await ledger.birth(0, "topic", Settings(WINDOW_MS, LIMIT, 1))
    decide = Deciding()
    await ledger.write(window(decide(moved("receive", 1, 5))))
    rows("UPDATE inventory SET version = 7")
    await ledger.write(window(decide(moved("receive", 2, 5))))
    assert len(slept) == 3
    assert rows("SELECT total_qty, version FROM inventory") == [(10, 2)]
    assert await ledger.alarm(0) is None
    await ledger.close()


async def test_an_id_that_comes_anew_after_its_window_is_recorded_and_undone(ledger: Ledger, rows: Rows) -> None:
    decide = Deciding()
    await ledger.write(window(decide(moved("receive", 1, 9), reserve(2, 1), of("commit", 3, 2))))
    again = decide(reserve(2, 4), at_ms=decide.now + 3 * WINDOW_MS)
    assert again[0]["outcome"] == "reserved"
    findings = await ledger.write(window(again))
    assert findings.reuses == [Reuse(uid(2), "CLOCK:1")]
    assert rows("SELECT quantity, status::text, ended_as::text FROM reservations") == [(1, "committed", "committed")]
    row = await ledger.partition(0)
    assert row is not None
    assert row.findings == findings
    assert (await ledger.write(window(decide(of("extend", 5, 2, ttl_ms=8_000))))).reuses == []
    await ledger.write(window(decide(of("release", 4, 2))))
    assert rows("SELECT quantity, status::text, ended_as::text FROM reservations") == [(1, "committed", "committed")]
    assert rows("SELECT quantity, ended_as::text, expires_at FROM reservation_reuses") == [
        (4, "released", rows("SELECT to_timestamp(%s / 1000.0)", decide.now + 8_000)[0][0])
    ]
    assert rows("SELECT available_qty, reserved_qty FROM inventory") == [(8, 0)]
    assert await ledger.alarm(0) is None


async def test_an_id_that_stands_in_another_partition_is_recorded_and_undone(ledger: Ledger, rows: Rows) -> None:
    await ledger.birth(1, "topic", Settings(WINDOW_MS, LIMIT, 1))
    one, two = Deciding(), Deciding()
    await ledger.write(window(one(moved("receive", 1, 9), reserve(2, 1))))
    other: dict[str, Any] = {"sku_id": "OTHER"}
    findings = await ledger.write(
        window(two(moved("receive", 5, 9, **other), reserve(2, 4, **other), reserve(3, 1, **other)), 1)
    )
    assert findings.reuses == [Reuse(uid(2), "OTHER:1")]
    await ledger.write(window(two(of("release", 6, 2, **other)), 1))
    assert rows("SELECT partition, quantity, status::text FROM reservations ORDER BY reservation_id") == [
        (0, 1, "active"),
        (1, 1, "active"),
    ]
    assert rows("SELECT partition, quantity, ended_as::text FROM reservation_reuses") == [(1, 4, "released")]
    await ledger.write(window(one(of("commit", 7, 2))))
    assert rows("SELECT status::text FROM reservations WHERE partition = 0") == [("committed",)]
    assert await ledger.alarm(0) is None
    assert await ledger.alarm(1) is None


async def test_an_order_whose_id_comes_anew_is_undone_once(ledger: Ledger, rows: Rows) -> None:
    decide = Deciding()
    lines = [{"sku_id": sku, "warehouse_id": 1, "quantity": 1} for sku in ("LAMP", "CLOCK")]
    order = {"type": "reserve", "id": uid(2), "lines": lines}
    received = [moved("receive", 10 + at, 9, sku_id=line["sku_id"]) for at, line in enumerate(lines)]
    await ledger.write(window(decide(*received, order, of("commit", 3, 2, sku_id="LAMP"))))
    findings = await ledger.write(window(decide(order, at_ms=decide.now + 3 * WINDOW_MS)))
    assert findings.reuses == [Reuse(uid(2), "LAMP:1")]
    await ledger.write(window(decide(of("release", 4, 2, sku_id="LAMP"))))
    assert rows("SELECT line, ended_as::text FROM reservation_reuses ORDER BY line") == [
        (0, "released"),
        (1, "released"),
    ]
    assert await ledger.alarm(0) is None


@pytest.mark.parametrize("verb", ["commit", "release"])
async def test_all_lines_of_an_order_whose_id_one_line_had_are_extended_and_ended(
    ledger: Ledger, rows: Rows, dsn: str, verb: str
) -> None:
    """Only its first line meets the earlier reservation; the second is the first of its number."""
    decide = Deciding()
    lines = [{"sku_id": sku, "warehouse_id": 1, "quantity": 1} for sku in ("LAMP", "CLOCK")]
    received = [moved("receive", 10 + at, 9, sku_id=line["sku_id"]) for at, line in enumerate(lines)]
    first = reserve(2, 3, sku_id="LAMP"), of("release", 3, 2, sku_id="LAMP")
    await ledger.write(window(decide(*received, *first)))
    again = {"type": "reserve", "id": uid(2), "lines": lines}
    findings = await ledger.write(window(decide(again, at_ms=decide.now + 3 * WINDOW_MS)))
    assert findings.reuses == [Reuse(uid(2), "LAMP:1")]
    await ledger.write(window(decide(of("extend", 4, 2, sku_id="CLOCK", ttl_ms=50_000))))
    held = "SELECT line, (extract(epoch FROM expires_at) * 1000)::bigint FROM {} WHERE status = 'active'"
    expires_at_ms = decide.now + 50_000
    assert rows(held.format("reservations")) == [(1, expires_at_ms)]
    assert rows(held.format("reservation_reuses")) == [(0, expires_at_ms)]
    assert compared(dsn, decide).differences == []
    await ledger.write(window(decide(of(verb, 5, 2, sku_id="LAMP"))))
    assert rows(held.format("reservations")) == rows(held.format("reservation_reuses")) == []
    assert compared(dsn, decide).differences == []
    assert await ledger.alarm(0) is None


async def test_a_reuse_that_ended_in_its_window_needs_no_undoing(ledger: Ledger, rows: Rows) -> None:
    decide = Deciding()
    await ledger.write(window(decide(moved("receive", 1, 9), reserve(2, 1), of("commit", 3, 2))))
    findings = await ledger.write(window(decide(reserve(2, 4), of("commit", 4, 2), at_ms=decide.now + 3 * WINDOW_MS)))
    assert findings.reuses == []
    assert rows("SELECT ended_as::text FROM reservation_reuses") == [("committed",)]


async def test_ends_of_unknown_holds_and_notes_of_the_fold_raise_alarms_that_do_not_stop(
    ledger: Ledger, rows: Rows
) -> None:
    decide = Deciding()
    decisions = decide(moved("receive", 1, 9), reserve(2, 1), reserve(3, 1), of("commit", 4, 2), of("release", 6, 3))
    decisions[3]["reservation_id"], decisions[4]["reservation_id"] = uid(77), uid(78)
    twice = dict(decisions[3], seq=6, version=decisions[4]["version"] + 2)
    await ledger.write(window([*decisions, twice]))
    alarms = rows("SELECT code, message, stops FROM ledger_alarms ORDER BY code")
    assert [(code, stops) for code, _, stops in alarms] == [
        ("ended_twice", False), ("unknown_hold", False), ("version_skipped", False),
    ]  # fmt: skip
    assert alarms[1][1] == f"ended, but not active in the ledger: {uid(77)}, {uid(78)}"


async def test_one_unknown_hold_among_ends_of_known_ones_is_told_alone(ledger: Ledger, rows: Rows) -> None:
    decide = Deciding()
    decisions = decide(moved("receive", 1, 9), reserve(2, 1), reserve(3, 1), of("commit", 4, 2), of("release", 6, 3))
    decisions[4]["reservation_id"] = uid(78)
    await ledger.write(window(decisions))
    assert rows("SELECT message FROM ledger_alarms") == [(f"ended, but not active in the ledger: {uid(78)}",)]


async def test_holds_are_extended_ended_and_born_ended(ledger: Ledger, rows: Rows) -> None:
    decide = Deciding()
    await ledger.write(window(decide(moved("receive", 1, 9), reserve(2, 1), reserve(3, 1, channel="web"))))
    await ledger.write(
        window(
            decide(
                of("extend", 4, 2, ttl_ms=60_000), of("release", 5, 3), reserve(6, 2), of("extend", 7, 6, ttl_ms=9_000)
            )
            + decide(of("commit", 8, 6), reserve(9, 1, order_id="o-9"), at_ms=decide.now + 7)
        )
    )
    found = rows(
        "SELECT reservation_id::text, line, status::text, ended_as::text, channel, order_id, home,"
        " (extract(epoch FROM expires_at) * 1000)::bigint, (extract(epoch FROM ended_at) * 1000)::bigint"
        " FROM reservations ORDER BY 1"
    )
    start, end = decide.now - 7, decide.now
    assert found == [
        (uid(2), 0, "active", None, None, None, 0, start + 60_000, None),
        (uid(3), 0, "released", "released", "web", None, 0, start + 5_000, end),
        (uid(6), 0, "committed", "committed", None, None, 0, start + 9_000, end),
        (uid(9), 0, "active", None, None, "o-9", 0, end + 5_000, None),
    ]


async def test_a_hold_that_is_extended_and_ends_in_one_window_keeps_its_last_expiry(ledger: Ledger, rows: Rows) -> None:
    decide = Deciding()
    await ledger.write(window(decide(moved("receive", 1, 9), reserve(2, 1))))
    await ledger.write(window(decide(of("extend", 3, 2, ttl_ms=60_000), of("commit", 4, 2))))
    found = rows("SELECT ended_as::text, (extract(epoch FROM expires_at) * 1000)::bigint FROM reservations")
    assert found == [("committed", decide.now + 60_000)]


async def test_movements_carry_ends_signs_and_references_and_ids_that_do_not_depend_on_the_cut(
    ledger: Ledger, rows: Rows
) -> None:
    decide = Deciding()
    decisions = decide(
        moved("receive", 1, 9, reference_id="po-1"), moved("return", 2, 1), moved("ship", 3, 2), adjust(4, -3),
        reserve(5, 1), reserve(6, 1, order_id="o-6"), of("commit", 7, 5), of("commit", 8, 6),
    )  # fmt: skip
    await ledger.write(window(decisions[:3]))
    await ledger.write(window(decisions[3:]))
    found = rows(
        "SELECT source_warehouse, dest_warehouse, quantity, movement_type::text, reference_id FROM stock_movements"
        " ORDER BY movement_id"
    )
    assert found == [
        (None, 1, 9, "receive", "po-1"),
        (None, 1, 1, "return", None),
        (1, None, 2, "ship", None),
        (None, 1, -3, "adjust", None),
        (1, None, 1, "ship", uid(5)),
        (1, None, 1, "ship", "o-6"),
    ]
    ids = [id.bytes for (id,) in rows("SELECT movement_id FROM stock_movements ORDER BY movement_id")]
    assert ids == [movement_id(decide.now, 0, seq) for seq in (1, 2, 3, 4, 7, 8)]


async def test_crossings_are_judged_at_the_end_of_a_window(ledger: Ledger) -> None:
    decide = Deciding()

    async def crossings(*bodies: dict[str, object]) -> list[Crossing]:
        return [
            crossing._replace(reorder_id=None)
            for crossing in (await ledger.write(window(decide(*bodies)))).crossings
            if crossing.low == (crossing.reorder_id is not None)
        ]

    reorder = command("set_reorder", 1, reorder_point=5, reorder_quantity=20)
    low = Crossing(True, "CLOCK:1", 0, 0, 5, 20)
    assert await crossings(reorder) == [low]
    assert await crossings(moved("receive", 2, 10)) == [Crossing(False, "CLOCK:1", 10, 1, 5, 20)]
    assert await crossings(moved("ship", 3, 9), moved("return", 4, 9)) == []
    assert await crossings(reserve(5, 5)) == [Crossing(True, "CLOCK:1", 5, 4, 5, 20)]
    assert await crossings(moved("ship", 6, 1)) == []
    assert await crossings(command("set_reorder", 7, reorder_point=3, reorder_quantity=20)) == [
        Crossing(False, "CLOCK:1", 4, 5, 3, 20)
    ]
    both = moved("ship", 8, 1), command("set_reorder", 9, reorder_point=4, reorder_quantity=1)
    assert await crossings(*both) == [Crossing(True, "CLOCK:1", 3, 6, 4, 1)]
    assert await crossings(command("set_reorder", 10, reorder_point=0, reorder_quantity=1)) == [
        Crossing(False, "CLOCK:1", 3, 6, 0, 1)
    ]


async def test_set_reorder_alone_makes_the_row(ledger: Ledger, rows: Rows) -> None:
    await ledger.write(window(Deciding()(command("set_reorder", 1, reorder_point=5, reorder_quantity=20))))
    query = "SELECT available_qty, reserved_qty, total_qty, version, reorder_point, reorder_quantity FROM inventory"
    assert rows(query) == [(0, 0, 0, 0, 5, 20)]


async def test_a_suggestion_covers_what_was_refused_in_seven_days(ledger: Ledger, rows: Rows) -> None:
    day = 86_400_000
    decide = Deciding()
    reorder = command("set_reorder", 1, reorder_point=5, reorder_quantity=20)
    await ledger.write(window(decide(reorder, moved("receive", 2, 6))))
    for number, late in enumerate((0, 1, 2, 7)):
        decisions = decide(reserve(10 + number, 100), moved("ship", 20 + number, 7), at_ms=1_000_000 + late * day)
        assert {d["outcome"] for d in decisions} == {"insufficient_stock"}
        await ledger.write(window(decisions))
    findings = await ledger.write(window(decide(moved("ship", 30, 1))))
    assert [crossing.suggested for crossing in findings.crossings] == [20 + 3 * 107]
    await ledger.write(window(decide(moved("receive", 31, 9), at_ms=1_000_000 + 9 * day)))
    assert rows("SELECT day::text, units FROM refused_units ORDER BY 1") == [("1970-01-03", 107), ("1970-01-08", 107)]


async def test_remembered_ids_older_than_two_windows_and_two_minutes_are_forgotten(ledger: Ledger, rows: Rows) -> None:
    decide = Deciding()
    starts = [1_000_000, 1_060_000, 1_118_000, 1_123_000]
    for number, at_ms in enumerate(starts):
        await ledger.write(window(decide(moved("receive", number, 1), at_ms=at_ms)))
    assert rows("SELECT clock_ms FROM remembered_ids ORDER BY 1") == [(at_ms,) for at_ms in starts[1:]]


async def test_positions_touched_since_a_clock(ledger: Ledger) -> None:
    decide = Deciding()
    await ledger.write(window(decide(moved("receive", 1, 5), moved("receive", 2, 7, warehouse_id=2))))
    await ledger.write(window(decide(reserve(3, 2), at_ms=decide.now + 10)))
    assert [tuple(level) for level in await ledger.touched_since(0, decide.now)] == [("CLOCK:1", 3, 2, 2, decide.now)]
    assert len(await ledger.touched_since(0, decide.now - 10)) == 2
    assert await ledger.touched_since(0, decide.now + 1) == []


async def test_skipping_moves_only_forward_and_only_at_that_seq(ledger: Ledger) -> None:
    await ledger.write(window(Deciding()(moved("receive", 1, 5))))
    await ledger.skip(0, 1, 40)
    await ledger.skip(0, 1, 30)
    await ledger.skip(0, 0, 50)
    assert await ledger.mark(0) == Mark(1, 40)


async def test_an_alarm_stops_until_it_is_cleared(ledger: Ledger) -> None:
    await ledger.raise_alarm(0, "decisions_lost", "from 5 on", 12)
    assert await ledger.alarmed(0)
    assert not await ledger.alarmed(1)
    alarm = await ledger.alarm(0)
    assert alarm is not None
    assert (alarm.code, alarm.message, alarm.offset) == ("decisions_lost", "from 5 on", 12)
    assert await ledger.clear_alarms(0) == 1
    assert await ledger.alarm(0) is None
