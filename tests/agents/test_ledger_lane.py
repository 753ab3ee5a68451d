"""The ledger's lane: each decision once, each window told at least once, in order, whatever fails between."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest

from onhand.agents.ledger import lane as ledger_lane
from onhand.schemas.commands import Release
from onhand.schemas.signing import HEADER
from onhand.schemas.topics import ALERTS, COMMANDS, DECISIONS, LEDGER, STOCK
from onhand.sql.rows import Crossing, Findings, Level, Mark, Reuse
from tests.audited import KEYRING
from tests.decided import Deciding, put
from tests.ledger_house import LedgerHouse, MemoryStore, header, until
from tests.scenarios import moved, of, reserve, uid


@pytest.fixture
async def house(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LedgerHouse]:
    """A partition that was just born; its lanes look around quickly when idle, and soon give lost decisions up."""
    monkeypatch.setattr(ledger_lane, "_IDLE_S", 0.02)
    monkeypatch.setattr(ledger_lane, "_LOST_MS", 50)
    made = LedgerHouse(MemoryStore())
    yield made
    await made.stop()


@pytest.fixture
def store(house: LedgerHouse) -> MemoryStore:
    """The house's store."""
    assert isinstance(house.store, MemoryStore)
    return house.store


def ids(house: LedgerHouse, topic: str) -> list[str | None]:
    return [header(record, "ce_id") for record in house.told(topic)]


async def told(house: LedgerHouse, topic: str, count: int) -> None:
    async def enough() -> bool:
        return len(house.told(topic)) >= count

    await until(enough)


def acknowledged(acked: list[int], offset: int) -> Callable[[], Awaitable[bool]]:
    async def so() -> bool:
        return acked == [offset]

    return so


async def test_a_window_is_told_once_and_acknowledged(house: LedgerHouse, store: MemoryStore) -> None:
    decide = Deciding()
    put(
        house.log, decide(moved("receive", 1, 9), reserve(2, 2, order_id="o-2"), of("commit", 3, 2)), trace=b"00-1-2-01"
    )
    store.findings = Findings([Crossing(True, "CLOCK:1", 7, 3, 8, 40)], [])
    acked = await house.feed(house.start())
    await told(house, ALERTS, 1)
    await told(house, LEDGER, 2)
    assert [window.seq for window in store.windows] == [3]
    [changed] = house.told(STOCK)
    assert json.loads(changed.value or b"") == {
        "sku_id": "CLOCK", "warehouse_id": 1, "available_qty": 7, "reserved_qty": 0, "total_qty": 7, "version": 3,
        "occurred_at_ms": decide.now,
    }  # fmt: skip
    assert (changed.key, header(changed, "ce_type")) == (b"CLOCK:1", "stock.changed")
    assert header(changed, "traceparent") == "00-1-2-01"
    committed, received = house.told(LEDGER)
    assert json.loads(committed.value or b"") == {
        "reservation_id": uid(2), "order_id": "o-2", "line": 0, "sku_id": "CLOCK", "warehouse_id": 1, "quantity": 2,
        "version": 3, "occurred_at_ms": decide.now,
    }  # fmt: skip
    assert (header(received, "ce_type"), json.loads(received.value or b"")["quantity"]) == ("movement.recorded", 9)
    [low] = house.told(ALERTS)
    assert header(low, "ce_type") == "stock.low"
    assert json.loads(low.value or b"")["suggested_quantity"] == 40
    await until(acknowledged(acked, 2))


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_an_answer_that_got_lost(house: LedgerHouse, store: MemoryStore, fault: str) -> None:
    put(house.log, Deciding()(moved("receive", 1, 9), moved("ship", 2, 1)))
    store.faults = [fault]
    await house.feed(house.start())
    await told(house, LEDGER, 2)
    assert [window.seq for window in store.windows] == [2]
    assert len(house.told(STOCK)) == 1


async def test_events_of_the_last_window_are_told_again_byte_for_byte(house: LedgerHouse, store: MemoryStore) -> None:
    decide = Deciding()
    put(house.log, decide(moved("receive", 1, 9), reserve(2, 2), of("commit", 3, 2), moved("ship", 4, 1)), trace=b"t")
    store.findings = Findings([Crossing(False, "CLOCK:1", 7, 3, 6, 40)], [Reuse(uid(2), "CLOCK:1")])
    await house.feed(house.start())
    await told(house, COMMANDS, 1)
    await house.stop()
    topics = (STOCK, LEDGER, ALERTS, COMMANDS)
    first = {topic: [(r.key, r.value, r.headers) for r in house.told(topic)] for topic in topics}
    house.start()
    await told(house, COMMANDS, 2)
    await house.stop()
    for topic in topics:
        assert [(r.key, r.value, r.headers) for r in house.told(topic)] == first[topic] * 2
    assert len(store.windows) == 1


async def test_a_reused_reservation_is_undone_by_a_signed_release(house: LedgerHouse, store: MemoryStore) -> None:
    put(house.log, Deciding()(moved("receive", 1, 9)))
    store.findings = Findings([], [Reuse(uid(7), "CLOCK:1")])
    await house.feed(house.start())
    await told(house, COMMANDS, 1)
    [undoing] = house.told(COMMANDS)
    release = msgspec.json.decode(undoing.value or b"", type=Release)
    assert (release.reservation_id, release.position, undoing.key) == (uid(7), "CLOCK:1", b"CLOCK:1")
    assert KEYRING.verify((header(undoing, HEADER) or "").encode(), undoing.value or b"")


async def test_repeats_and_garbage_are_dropped_and_counted_as_read(house: LedgerHouse, store: MemoryStore) -> None:
    decisions = Deciding()(moved("receive", 1, 9), moved("ship", 2, 1), moved("ship", 3, 1))
    put(house.log, decisions[:2])
    put(house.log, decisions[:2])
    put(house.log, [{"outcome": "applied"}, {"seq": "4"}])
    put(house.log, decisions)
    acked = await house.feed(house.start())
    await until(acknowledged(acked, 8))
    assert await store.mark(0) == Mark(3, 9)
    assert sum(len(window.movements) for window in store.windows) == 3


async def test_what_was_not_delivered_is_read(house: LedgerHouse, store: MemoryStore) -> None:
    put(house.log, Deciding()(*[moved("receive", number, 1) for number in range(40)]))
    lane = house.start()
    await house.feed(lane, house.log.all(DECISIONS)[20:25])
    await house.reaches(40)
    assert [movement.quantity for window in store.windows for movement in window.movements] == [1] * 40


async def test_decisions_out_of_order_are_put_in_order(house: LedgerHouse, store: MemoryStore) -> None:
    decisions = Deciding()(*[moved("receive", number, 1) for number in range(30)])
    put(house.log, decisions[:10] + decisions[15:20] + decisions[10:15] + decisions[18:])
    await house.feed(house.start())
    await house.reaches(30)
    changes = [change for window in store.windows for change in window.changes]
    assert [change.expected for change in changes] == [0, *[change.version for change in changes[:-1]]]
    assert changes[-1].version == 30
    assert house.alarms.now is None


async def test_lost_decisions_stop_the_lane_until_they_are_there(house: LedgerHouse, store: MemoryStore) -> None:
    decisions = Deciding()(*[moved("receive", number, 1) for number in range(9)])
    put(house.log, decisions[:3] + decisions[5:])
    await house.feed(house.start())
    async with asyncio.timeout(10):
        await house.alarms.raised.wait()
    assert house.alarms.now is not None
    assert (house.alarms.now.code, house.alarms.now.offset) == ("decisions_lost", 3)
    assert "seq 4 on are missing, 6 is there" in house.alarms.now.message
    assert store.row is not None
    assert store.row.seq == 3
    put(house.log, decisions[3:])
    house.alarms.clear()
    await house.reaches(9)


async def test_decisions_that_retention_took_unread_are_lost(house: LedgerHouse, store: MemoryStore) -> None:
    put(house.log, Deciding()(*[moved("receive", number, 1) for number in range(9)]))
    house.log.cut(DECISIONS, 0, 5)
    house.start()
    async with asyncio.timeout(10):
        await house.alarms.raised.wait()
    assert house.alarms.now is not None
    assert (house.alarms.now.code, house.alarms.now.offset) == ("decisions_lost", 5)
    assert store.windows == []


async def test_windows_end_with_the_last_decision_of_a_command(house: LedgerHouse, store: MemoryStore) -> None:
    decide = Deciding()
    decisions = decide(moved("receive", 1, 50), *[reserve(number, 1) for number in range(2, 12)])
    decide.now += 10_000
    while len(decisions) < 21:
        decisions += decide.record(b'{"type":"sweep"}', [(HEADER, KEYRING.sign(b'{"type":"sweep"}').encode())])
    assert max(decision.get("of", 1) for decision in decisions) == 5
    put(house.log, decisions)
    await house.feed(house.start(limit=3))
    await house.reaches(21)
    borders = {d["seq"] for d in decisions if d.get("index", 0) == d.get("of", 1) - 1}
    assert {window.seq for window in store.windows} <= borders
    assert len(store.windows) >= 5


async def test_half_a_command_waits_for_its_rest(house: LedgerHouse, store: MemoryStore) -> None:
    decide = Deciding()
    decisions = decide(moved("receive", 1, 50), reserve(2, 1), reserve(3, 1))
    decide.now += 10_000
    decisions += decide.record(b'{"type":"sweep"}', [(HEADER, KEYRING.sign(b'{"type":"sweep"}').encode())])
    put(house.log, decisions[:4])
    house.start()
    await house.reaches(3)
    put(house.log, decisions[4:])
    await house.feed(house.lanes[0], house.log.all(DECISIONS)[4:])
    await house.reaches(5)
    assert [window.seq for window in store.windows] == [3, 5]


async def test_somebody_else_wrote(house: LedgerHouse, store: MemoryStore) -> None:
    put(house.log, Deciding()(*[moved("receive", number, 1) for number in range(60)]))
    lanes = [house.start(limit=5), house.start(limit=7)]
    await asyncio.gather(*map(house.feed, lanes))
    await house.reaches(60)
    assert [window.expected_seq for window in store.windows] == [0, *[window.seq for window in store.windows[:-1]]]


async def test_after_a_takeover_the_newest_state_is_told_once_more(house: LedgerHouse, store: MemoryStore) -> None:
    put(house.log, Deciding()(moved("receive", 1, 9)))
    house.start()
    await told(house, STOCK, 1)
    await house.stop()
    store.levels = [Level("CLOCK:1", 9, 0, 1, 1_000_000)]
    house.start(retell_after_s=0.01)
    await told(house, STOCK, 3)
    assert ids(house, STOCK) == ["CLOCK:1/1"] * 3
    assert len({record.value for record in house.told(STOCK)}) == 1
    assert store.asked_since == [1_000_000 - 60_000]


async def test_a_partition_that_was_not_born_or_has_read_beyond_the_log_stops(
    house: LedgerHouse, store: MemoryStore
) -> None:
    row, store.row = store.row, None
    house.start()
    async with asyncio.timeout(10):
        await house.alarms.raised.wait()
    assert house.alarms.now is not None
    assert house.alarms.now.code == "not_born"
    assert row is not None
    store.row = row._replace(decisions_offset=5)
    house.alarms.clear()
    async with asyncio.timeout(10):
        await house.alarms.raised.wait()
    assert (house.alarms.now.code, house.alarms.now.offset) == ("decisions_short", 0)


@pytest.mark.parametrize(
    ("garbled", "named"),
    [
        ({"quantity": None}, "quantity"), ({"id": "ab"}, "seq of 1 to 1"), ({"id": "zz" * 18}, "seq of 1 to 1"),
        ({"type": "reserved"}, "reserved"),
    ],
)  # fmt: skip
async def test_a_garbled_decision_stops_with_an_alarm(
    house: LedgerHouse, garbled: dict[str, object], named: str
) -> None:
    [decision] = Deciding()(moved("receive", 1, 9))
    put(house.log, [decision | garbled])
    await house.feed(house.start())
    async with asyncio.timeout(10):
        await house.alarms.raised.wait()
    assert house.alarms.now is not None
    assert house.alarms.now.code == "corrupt"
    assert named in house.alarms.now.message
