"""The pure parts of the ledger's agent: ids of movements, packed events and ids, the order of decisions."""

import json
import random
from uuid import UUID

import pytest

from onhand.agents.ledger import events
from onhand.agents.ledger.fold import fold
from onhand.agents.ledger.intake import Intake, Jump
from onhand.agents.ports import Message
from onhand.deploy.audit.books import Books
from onhand.schemas.events import RESERVATION_COMMITTED
from onhand.schemas.faults import Corrupt
from onhand.schemas.outcomes import Outcome
from onhand.schemas.topics import DECISIONS, LEDGER, STOCK
from onhand.sql import remembered
from onhand.sql.window import movement_id
from tests.agents.memory import MemoryLog
from tests.audited import WINDOW_MS
from tests.decided import Deciding, put, told, window
from tests.ledger_house import header
from tests.scenarios import command, moved, of, reserve, uid


def test_a_movements_id_is_a_uuid7_in_order_of_clock_partition_and_seq() -> None:
    marks = [
        (1_795_348_112_498, 0, 1),
        (1_795_348_112_498, 0, 2**55),
        (1_795_348_112_498, 4_095, 1),
        (1_795_348_112_499, 0, 1),
    ]
    ids = [movement_id(*mark) for mark in marks]
    assert ids == sorted(ids)
    assert {(UUID(bytes=id).version, UUID(bytes=id).variant) for id in ids} == {(7, "specified in RFC 4122")}
    assert int.from_bytes(ids[0][:6], "big") == marks[0][0]
    wide = {movement_id(1, partition, 1) for partition in range(0, 262_144, 911)}
    assert len(wide) == len(range(0, 262_144, 911))


def test_events_come_out_of_the_store_as_they_went_in() -> None:
    cut = window(Deciding().shop(300))
    assert len(cut.sales) > 3
    fresh = events.messages(events.of_window(cut))
    assert events.messages(events.unpack(events.pack(cut))) == fresh
    assert len(fresh[STOCK]) == len(cut.changes) == 2
    kinds = [header(message, "ce_type") for message in fresh[LEDGER]]  # type: ignore[arg-type]
    assert kinds.count(RESERVATION_COMMITTED) == len(cut.sales)
    assert not any(events.messages(events.unpack(b"")).values())


def test_remembered_ids_come_out_as_they_went_in_and_name_touched_positions() -> None:
    decide = Deciding()
    decisions = decide(moved("receive", 1, 9), reserve(2, 1), of("extend", 3, 2, ttl_ms=9_000), of("commit", 4, 2))
    decisions += decide(moved("ship", 5, 1, warehouse_id=2), reserve(6, 1, warehouse_id=3))
    blob = fold(0, told(decisions)).remembered
    done = list(remembered.decode(blob))
    assert [(entry.id, entry.kind, entry.reservation_id) for entry in done] == [
        (uid(1), remembered.Kind.RECEIVE, None),
        (uid(3), remembered.Kind.EXTEND, uid(2)),
        (uid(4), remembered.Kind.COMMIT, uid(2)),
    ]
    assert remembered.touched(blob) == ["CLOCK:1"]
    assert list(remembered.decode(b"")) == []


def test_an_intake_stops_at_a_jump_and_goes_on_when_it_is_healed() -> None:
    decisions = Deciding()(*[moved("receive", number, 1) for number in range(8)])
    log = MemoryLog(lambda: 0)
    put(log, [*decisions[:2], decisions[3], decisions[4], decisions[2], decisions[6]])
    records = log.all(DECISIONS)
    intake = Intake(0, 0)
    jump = intake.take(records)
    assert jump == Jump(3, 4, 2)
    assert not Intake(0, 0).heal(records[:4], 4, jump)
    healed = Intake(2, 2)
    assert healed.heal(records[2:], 6, jump)
    assert [entry.decision.seq for entry in healed.pending] == [3, 4, 5]
    assert [entry.next_offset for entry in healed.pending] == [2, 2, 5]
    assert (healed.seq, healed.next_offset) == (5, 5)
    assert healed.take(records) == Jump(6, 7, 5)


def test_any_cut_of_a_window_ends_a_command() -> None:
    decisions = Deciding().shop(400, 9)
    assert any(decision.get("of", 1) > 1 for decision in decisions)
    intake, dice = Intake(0, 0), random.Random(9)
    intake.pending = told(decisions)
    taken = 0
    while window := intake.cut(dice.randint(1, 7), WINDOW_MS):
        taken += len(window)
        last = window[-1].decision
        assert last.of is None or last.index == last.of - 1
    assert taken == len(decisions)


def test_an_id_that_is_forgotten_and_comes_again_is_in_another_window() -> None:
    decide = Deciding()
    decisions = decide(moved("receive", 1, 9), reserve(2, 1), of("release", 3, 2))
    decisions += decide(reserve(2, 4), moved("ship", 4, 1), at_ms=decide.now + 3 * WINDOW_MS)
    intake = Intake(0, 0)
    intake.pending = told(decisions)
    assert [len(intake.cut(limit, WINDOW_MS)) for limit in (100, 1, 100, 100)] == [3, 1, 1, 0]


WHOLE: dict[str, object] = {"seq": 1, "outcome": "reserved", "complete": True, "source_offset": 0, "decided_at_ms": 5}


@pytest.mark.parametrize(
    "value",
    [
        b"", b"null", b"[]", b"{}", b"not json", b"\xff", b"[" * 100_000, json.dumps(WHOLE).encode() + b"x",
        *(json.dumps(WHOLE | wrong).encode() for wrong in (
            {"seq": 1.0}, {"seq": "1"}, {"seq": True}, {"seq": None}, {"outcome": 13}, {"source_offset": "0"},
            {"decided_at_ms": 5.5}, {"sku_id": "A"}, {"warehouse_id": 1}, {"index": 0}, {"of": 1}, {"version": "7"},
            {"short": {}}, {"order_id": "\ud800"}, {"source_offset": 2**64}, {"version": -(2**70)}, {"decided_at_ms": -1},
            {"decided_at_ms": 10**15},
        )),
    ],
)  # fmt: skip
def test_what_is_no_decision_is_set_aside_and_the_next_one_is_taken(value: bytes) -> None:
    log = MemoryLog(lambda: 0)
    log.append(DECISIONS, 0, Message(None, value, []))
    log.append(DECISIONS, 0, Message(None, json.dumps(WHOLE | {"of_a_later": "version"}).encode(), []))
    intake = Intake(0, 0)
    assert intake.take(log.all(DECISIONS)) is None
    assert (intake.strange, intake.seq, intake.next_offset) == ([0], 1, 2)


NUMBERS = ["available_qty", "reserved_qty", "version"]
LACKING = {
    "receive": ["id", "quantity", "type", *NUMBERS],
    "reserve": ["reservation_id", "quantity", "line", "expires_at_ms", *NUMBERS],
    "extend": ["id", "reservation_id", "expires_at_ms"],
    "commit": ["id", "reservation_id", "quantity", "line", *NUMBERS],
    "release": ["id", "reservation_id", "quantity", *NUMBERS],
    "ship": ["quantity"],
    "set_reorder": ["id", "reorder_point", "reorder_quantity", "version"],
}


@pytest.mark.parametrize(("type", "name"), [(type, name) for type, names in LACKING.items() for name in names])
def test_a_decision_that_lacks_what_its_outcome_needs_is_never_written(type: str, name: str) -> None:
    decide = Deciding()
    decisions = decide(moved("receive", 1, 9), reserve(2, 4), of("extend", 3, 2, ttl_ms=9_000), of("commit", 4, 2))
    decisions += decide(reserve(5, 1), of("release", 6, 5), moved("ship", 7, 99))
    decisions += decide(command("set_reorder", 8, reorder_point=5, reorder_quantity=50))
    decision = next(decision for decision in decisions if decision["type"] == type)
    assert fold(0, told([decision])).seq == decision["seq"]
    with pytest.raises(Corrupt, match=f"seq {decision['seq']}"):
        fold(0, told([decision | {name: None}]))


def refusal(*short: dict[str, object]) -> dict[str, object]:
    """A refused reserve of 7 units, of an order if lines of it fell short."""
    [decision] = Deciding()(reserve(1, 7))
    return decision | ({"short": list(short)} if short else {})


def short(warehouse_id: object, requested: object, **other: object) -> dict[str, object]:
    return {
        "line": 0,
        "sku_id": "CLOCK",
        "warehouse_id": warehouse_id,
        "requested": requested,
        "available_qty": 1,
    } | other


def test_demand_that_was_not_met_is_that_of_each_line_that_fell_short() -> None:
    assert fold(0, told([refusal()])).refused == {(0, "CLOCK:1"): 7}
    order = refusal(short(1, 9), short(2, 4), short(1, 3, sku_id="OTHER"))
    assert fold(0, told([order])).refused == {(0, "CLOCK:1"): 9, (0, "CLOCK:2"): 4, (0, "OTHER:1"): 3}
    twice = [order, refusal(short(2, 5)) | {"seq": 2}]
    assert fold(0, told(twice)).refused == {(0, "CLOCK:1"): 9, (0, "CLOCK:2"): 9, (0, "OTHER:1"): 3}
    assert fold(0, told([order | {"replayed": True}])).refused == {}
    books = Books()
    for decision in twice:
        books.enter(dict(decision))
    assert books.refused == fold(0, told(twice)).refused


@pytest.mark.parametrize("line", [{}, short(1, "9"), short(1, True), short(None, 9), short(1, 9, sku_id=3)])
def test_lines_that_fell_short_and_are_none_are_never_written(line: dict[str, object]) -> None:
    with pytest.raises(Corrupt, match=r"seq 1.* short lines that are none"):
        fold(0, told([refusal(line)]))


def test_no_outcome_of_any_type_does_what_another_does() -> None:
    """Decisions by strangers, of every outcome and every type: they do nothing, or what their outcome says, or stop the lane."""
    types = [*LACKING, "return", "adjust", "expire", "order", "", *(outcome.word for outcome in Outcome), None]
    numbers = {
        "quantity": 1,
        "available_qty": 1,
        "reserved_qty": 0,
        "total_qty": 1,
        "version": 1,
        "line": 0,
        "expires_at_ms": 9,
    }
    body = WHOLE | numbers | {"sku_id": "A", "warehouse_id": 1, "id": uid(1), "reservation_id": uid(2)}
    body |= {"reorder_point": 1, "reorder_quantity": 1}
    moving = {"receive", "return", "ship", "adjust", "set_reorder"}
    for outcome in [*(outcome.word for outcome in Outcome), *moving, "", "anything"]:
        for type_ in types:
            [entry] = told([body | {"outcome": outcome, "type": type_}])
            if outcome == "applied" and type_ not in moving:
                with pytest.raises(Corrupt, match="applied"):
                    fold(0, [entry])
                continue
            done = fold(0, [entry])
            assert bool(done.holds) == (outcome == "reserved")
            assert bool(done.sales) == (outcome == "committed")
            assert bool(done.movements) == (outcome == "applied" and type_ != "set_reorder")
            assert bool(done.reorders) == (outcome == "applied" and type_ == "set_reorder")


def test_a_traceparent_that_is_none_is_not_handed_on() -> None:
    log = MemoryLog(lambda: 0)
    put(log, Deciding()(moved("receive", 1, 9)), b"00-" + b"a" * 50)
    put(log, [*Deciding()(moved("receive", 1, 9), moved("receive", 2, 9))][1:], b"x" * 100_000)
    intake = Intake(0, 0)
    assert intake.take(log.all(DECISIONS)) is None
    assert [entry.trace for entry in intake.pending] == [b"00-" + b"a" * 50, None]


@pytest.mark.parametrize("id", ["", "ab", "zz" * 18, uid(1) + "0"])
def test_an_id_that_is_no_uuid_is_never_remembered(id: str) -> None:
    with pytest.raises(ValueError, match=r"UUID|hexadecimal"):
        fold(0, told([Deciding()(moved("receive", 1, 9))[0] | {"id": id}]))
