"""The auditor's own test: a healthy system is clean, and each seeded fault is found and named."""

import json
from collections import Counter
from io import StringIO
from typing import Any

import psycopg
import pytest
import redis
from confluent_kafka import KafkaError, KafkaException
from rich.console import Console

from onhand.deploy.audit import faults, report
from onhand.deploy.audit.announced import Announcements
from onhand.deploy.audit.books import Tally
from onhand.deploy.audit.compare import compare_gate_with_ledger
from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.gate_view import GateMark, position_names, read_gate, read_gate_forwards
from onhand.deploy.audit.ledger_view import Row
from onhand.deploy.audit.memories import unpacked
from onhand.deploy.audit.record import Headers, Record
from onhand.deploy.audit.state import Memory
from onhand.schemas.codec import use_hash
from onhand.schemas.events import MOVEMENT_RECORDED, RESERVATION_COMMITTED
from onhand.schemas.faults import Retryable
from onhand.schemas.outcomes import Outcome
from onhand.sql.remembered import Kind, encode
from tests.audited import System, make_log
from tests.scenarios import uid


def test_a_healthy_system_is_clean() -> None:
    findings = System().audit()
    assert findings.differences == []
    assert findings.clean
    assert findings.compared["decision"] > 300
    assert findings.compared["gate hold"] > 3
    assert findings.compared["ledger reservations"] > 5
    came = sum(findings.totals[kind] for kind in ("receive", "return", "adjust"))
    assert came - findings.totals["ship"] == findings.totals["held"] + findings.totals["left"]
    assert findings.totals["ship"] > 0


def test_a_gate_that_moves_while_it_is_read_is_clean() -> None:
    system = System(before=250)
    assert system.gate.before.offset < system.gate.after.offset
    assert system.audit().clean
    earlier = System(log=system.log[:300])
    system.gate.holds, system.gate.due = earlier.gate.holds, earlier.gate.due
    assert system.audit().clean, "holds as they were at a moment between"
    much_earlier = System(log=system.log[:120])
    system.gate.positions = much_earlier.gate.positions
    assert system.kinds() == {"gate position"}


def test_a_lost_decision() -> None:
    system = System()
    lost = system.decisions.pop(100)
    (difference,) = system.audit().differences
    assert (difference.kind, difference.where, difference.found) == ("decision", f"seq {lost['seq']}", "nothing")
    assert lost["outcome"] in difference.wanted


def test_lost_decisions_at_the_end_and_at_the_start() -> None:
    system = System()
    del system.decisions[-3:]
    assert [d.kind for d in system.audit().differences] == ["decision"] * 3
    late = System()
    del late.decisions[:50]
    assert late.audit(decisions_from=50).clean, "decisions are kept a shorter time than commands"
    assert [d.kind for d in late.audit().differences] == ["decision"] * 50, "the topic has lost none, so none was told"
    assert System().audit(decisions_from=9_000, told=[]).clean, "all have aged out of their topic"


def test_a_changed_decision_names_the_fields() -> None:
    system = System()
    system.decisions[100]["available_qty"] += 1
    (difference,) = system.audit().differences
    assert f"available_qty={system.decisions[100]['available_qty']}" == difference.found
    assert "available_qty" in difference.wanted


def test_a_decision_too_many() -> None:
    system = System()
    system.decisions.append(system.decisions[-1] | {"seq": system.decisions[-1]["seq"] + 1})
    assert system.kinds() == {"decision"}


def test_repeats_after_a_crash_are_dropped_if_they_are_identical() -> None:
    system = System()
    told = system.told()
    assert system.audit(told=told[:200] + told[150:]).clean
    for other in (
        system.telling(system.decisions[160] | {"quantity": 77}),
        told[160]._replace(key=b"CLOCK:3"),
        told[160]._replace(headers=[("traceparent", b"another")]),
    ):
        findings = system.audit(told=[*told[:200], other, *told[200:]])
        assert [(d.kind, d.found) for d in findings.differences] == [("decision", "another repeat")]


def test_a_decision_stands_under_its_position_and_hands_the_traceparent_on() -> None:
    system = System()
    told = system.told()
    place = next(place for place, trace in enumerate(system.traces) if trace and told[place].key)
    for other, fields in (
        (told[place]._replace(headers=None), ("(traceparent)=b'00-", "nothing")),
        (told[place]._replace(headers=[("traceparent", None)]), ("(traceparent)=b'00-", "nothing")),
        (told[place]._replace(key=b"CLOCK:3"), ("(key)=b'CLOCK:", "(key)=b'CLOCK:3'")),
    ):
        (difference,) = system.audit(told=[*told[:place], other, *told[place + 1 :]]).differences
        assert (difference.kind, difference.where) == ("decision", f"seq {place + 1}")
        assert fields[0] in difference.wanted
        assert difference.found == fields[1]


def test_a_traceparent_that_is_none_is_not_handed_on() -> None:
    for headers, trace in (
        ([("a", b"b"), ("traceparent", b"first"), ("traceparent", b"second")], b"first"),
        ([("traceparent", b"x" * 256)], b"x" * 256),
        ([("traceparent", b"x" * 257)], None),
        ([("traceparent", None), ("traceparent", b"second")], None),
        (None, None),
    ):
        assert Record(0, 0, None, None, headers).trace == trace


NO_DECISIONS = [
    {"seq": "3"}, {"seq": None}, {"outcome": None}, {"complete": 1}, {"source_offset": [1]}, {"sku_id": "CLOCK"},
    {"warehouse_id": 1}, {"index": 0}, {"of": 2},
]  # fmt: skip


def a_decision(**fields: Any) -> Record:
    body = {"seq": 3, "outcome": "invalid", "complete": True, "source_offset": 3, "decided_at_ms": 1} | fields
    return Record(0, 0, None, json.dumps(body).encode(), None)


def test_records_that_are_no_decisions_are_counted() -> None:
    system = System()
    values = (None, b"", b"\xff", b"[1]", b'{"seq":3,"source_offset":3}', b'{"seq":' + b"1" * 5_000 + b"}")
    strange = [*(Record(0, 0, None, value, None) for value in values), *(a_decision(**wrong) for wrong in NO_DECISIONS)]
    told = system.told()
    findings = system.audit(told=[*strange, *told[:9], *strange, *told[9:]])
    assert (findings.clean, findings.totals["strange"]) == (True, 30)


@pytest.mark.parametrize("seq", [-1, 0, 10**12, 10**15])
@pytest.mark.parametrize("place", [0, 9])
@pytest.mark.parametrize("decisions_from", [0, 50])
def test_a_decision_of_no_such_seq_is_one_difference(seq: int, place: int, decisions_from: int) -> None:
    system = System()
    del system.decisions[:decisions_from]
    told = system.told()
    told.insert(place, a_decision(seq=seq))
    findings = system.audit(told=told, decisions_from=decisions_from)
    assert [(d.kind, d.where, d.wanted) for d in findings.differences] == [
        ("decision", f"seq {seq}", "one of this log")
    ]


def test_what_is_not_published_yet_is_waited_for() -> None:
    system = System()
    told = system.told()
    late = [*told[:-2], None, None, *told[-2:]]
    certain = system.decisions[-2]["source_offset"]
    assert system.audit(certain, late).totals["untold"] == 0
    findings = system.audit(certain, [*told[:-2], *[None] * 10])
    assert (findings.clean, findings.totals["untold"]) == (True, 2)


def test_a_changed_quantity_in_redis() -> None:
    system = System()
    numbers = system.gate.positions["CLOCK:1"]
    system.gate.positions["CLOCK:1"] = numbers._replace(available=numbers.available + 1, total=numbers.total + 1)
    (difference,) = system.audit().differences
    assert (difference.kind, difference.where) == ("gate position", "CLOCK:1")
    assert f"available={numbers.available} " in difference.wanted
    assert f"available={numbers.available + 1} " in difference.found


def test_a_duplicated_a_lost_and_a_changed_hold() -> None:
    system = System()
    hold = system.gate.holds[system.a_hold]
    system.gate.holds[uid(999_999)] = hold
    assert system.kinds() == {"gate hold", "gate holds add up"}
    system = System()
    del system.gate.holds[system.a_hold]
    assert system.kinds() == {"gate hold", "gate holds add up"}
    system = System()
    system.gate.due[system.a_hold] += 1
    assert system.kinds() == {"gate due"}


def test_a_forgotten_id_and_one_remembered_too_long() -> None:
    system = System()
    newest = max(system.gate.remembered)
    name = next(iter(system.gate.remembered[newest]))
    memory = system.gate.remembered[newest].pop(name)
    assert system.kinds() == {"gate memory"}
    system = System()
    system.gate.remembered[newest - 5] = {uid(999_999): memory}
    assert system.kinds() == {"gate memory"}


def test_a_changed_row_in_postgresql() -> None:
    system = System()
    system.ledger.positions["CLOCK:2"] = system.ledger.positions["CLOCK:2"]._replace(version=1)
    (difference,) = system.audit().differences
    assert (difference.kind, difference.where) == ("ledger position", "CLOCK:2")
    system = System()
    row = system.ledger.positions["CLOCK:2"]
    system.ledger.positions["CLOCK:2"] = row._replace(available=row.available + 3, total=row.total + 3)
    assert system.kinds() == {"ledger position", "conservation"}
    system = System()
    system.ledger.positions["CLOCK:2"] = row._replace(reorder_point=77)
    assert system.kinds() == {"ledger position"}


def test_a_missing_row_in_postgresql() -> None:
    system = System()
    del system.ledger.positions["CLOCK:2"]
    assert system.kinds() == {"ledger position", "conservation"}


def test_a_missing_movement() -> None:
    system = System()
    rows, units, mark = system.ledger.movements["CLOCK:1", "ship"]
    system.ledger.movements["CLOCK:1", "ship"] = Tally(rows - 1, units - 1, mark - 1)
    assert system.kinds() == {"ledger movements", "conservation"}


def test_another_movement_with_the_same_units() -> None:
    system = System()
    tally = system.ledger.movements["CLOCK:1", "ship"]
    system.ledger.movements["CLOCK:1", "ship"] = tally._replace(mark=tally.mark ^ 1)
    assert system.kinds() == {"ledger movements"}


def test_a_missing_and_a_wrongly_ended_reservation() -> None:
    system = System()
    rows, units, mark = system.ledger.reservations["CLOCK:1", "active"]
    system.ledger.reservations["CLOCK:1", "active"] = Tally(rows - 1, units - 1, mark - 1)
    assert system.kinds() == {"ledger reservations", "conservation"}
    system = System()
    tallies = system.ledger.reservations
    tallies["CLOCK:1", "released"], tallies["CLOCK:1", "expired"] = (
        tallies["CLOCK:1", "expired"],
        tallies["CLOCK:1", "released"],
    )
    assert system.kinds() == {"ledger reservations"}


def test_an_id_that_the_ledger_forgot_or_remembers_otherwise() -> None:
    system = System()
    generation, kind = next(key for key, tally in system.ledger.remembered.items() if tally.rows > 1)
    tally = system.ledger.remembered[generation, kind]
    for rows, units, mark in ((tally.rows - 1, tally.units - 1, 0), (tally.rows, tally.units, tally.mark ^ 1)):
        system.ledger.remembered[generation, kind] = Tally(rows, units, mark)
        (difference,) = system.audit().differences
        assert (difference.kind, difference.where) == ("ledger memory", f"{generation} {kind}")


def test_remembered_ids_are_unpacked_as_they_were_packed() -> None:
    at, ids = "CLOCK:1", [uid(number) for number in range(9)]
    kinds = (Kind.RECEIVE, Kind.ADJUST, Kind.SET_REORDER, Kind.EXTEND, Kind.COMMIT, Kind.EXPIRE)
    quantities = (7, -3, None, 2, 2, 4)
    targets = (None, None, None, ids[7], ids[8], None)
    done = [
        (id, kind, at, 5_000 + kind, quantity, target)
        for id, kind, quantity, target in zip(ids, kinds, quantities, targets, strict=False)
    ]
    used, held = Outcome.APPLIED, Outcome.RESERVED
    assert list(unpacked(encode(done, ["CLOCK:2"]))) == [
        (ids[0], 5_000, Memory(use_hash("receive CLOCK:1 7"), used, 7)),
        (ids[1], 5_003, Memory(use_hash("adjust CLOCK:1 -3"), used, -3)),
        (ids[2], 5_004, Memory(use_hash("set_reorder CLOCK:1"), used, None)),
        (ids[3], 5_005, Memory(use_hash(f"extend CLOCK:1 {ids[7]}"), Outcome.EXTENDED, 2)),
        (ids[8], 5_006, Memory(use_hash("reserve CLOCK:1=2"), held, 2, Outcome.COMMITTED, at)),
        (ids[4], 5_006, Memory(use_hash(f"commit CLOCK:1 {ids[8]}"), Outcome.COMMITTED, 2)),
        (ids[5], 5_008, Memory(use_hash("reserve CLOCK:1=4"), held, 4, Outcome.EXPIRED, at)),
    ]


def test_refused_units_and_settings_of_the_ledger() -> None:
    system = System()
    assert system.ledger.refused
    key = next(iter(system.ledger.refused))
    system.ledger.refused[key] += 1
    (difference,) = system.audit().differences
    assert (difference.kind, difference.where) == ("ledger refused units", f"{key[1]} day {key[0]}")
    system.ledger.refused = Counter(system.books.refused) + Counter({(key[0] - 8, key[1]): 5})
    assert system.audit().clean, "older ones are of no matter"
    system.ledger.sweep_limit += 1
    assert [d.where for d in system.audit().differences] == ["sweep_limit"]


@pytest.mark.parametrize("store", ["gate", "ledger"])
def test_a_store_behind_its_mark(store: str) -> None:
    system, earlier = System(), System(log=make_log()[:200])
    view = getattr(system, store)
    view.positions = getattr(earlier, store).positions
    assert f"{store} position" in system.kinds()


def test_without_the_log_positions_of_equal_version_are_compared() -> None:
    system, findings = System(), Findings()
    numbers = system.gate.positions["CLOCK:1"]
    system.gate.positions["CLOCK:1"] = numbers._replace(version=numbers.version + 1)
    assert compare_gate_with_ledger(0, system.gate, system.ledger, findings) == 1
    assert findings.clean
    system.gate.positions["CLOCK:1"] = numbers._replace(reserved=numbers.reserved + 1)
    compare_gate_with_ledger(0, system.gate, system.ledger, findings)
    assert [d.where for d in findings.differences] == ["CLOCK:1"]
    del system.gate.positions["CLOCK:1"]
    compare_gate_with_ledger(0, system.gate, system.ledger, findings)
    assert [d.found for d in findings.differences[1:]] == ["available=0 reserved=0 total=0 version=0"]


def committed(decision: dict[str, Any], trace: bytes | None) -> Record:
    names = {"reservation_id", "order_id", "sku_id", "warehouse_id", "quantity", "version"}
    event = {name: decision[name] for name in names} | {"line": 0, "occurred_at_ms": decision["decided_at_ms"]}
    headers: Headers = [("ce_type", RESERVATION_COMMITTED.encode()), ("traceparent", trace)]
    return Record(0, 0, None, json.dumps(event).encode(), headers)


def stock(position: str, row: Row) -> Record:
    sku, warehouse = position.split(":")
    names = ("available_qty", "reserved_qty", "total_qty", "version")
    body = {"sku_id": sku, "warehouse_id": int(warehouse), "occurred_at_ms": 1} | dict(zip(names, row, strict=False))
    return Record(0, 0, None, json.dumps(body).encode(), None)


AT = {"sku_id": "CLOCK", "warehouse_id": 1, "occurred_at_ms": 1}
STOCK = AT | {"available_qty": 1, "reserved_qty": 0, "total_qty": 1, "version": 1}
SOLD = AT | {"reservation_id": "r", "line": 0, "quantity": 1, "version": 1}
MOVED = {"movement_id": "m", "sku_id": "CLOCK", "source_warehouse": None, "dest_warehouse": 1, "quantity": 1}
MOVED |= {"movement_type": "receive", "reference_id": None, "created_at": "", "created_at_ms": 1}
NO_WORDS = [
    *(STOCK | {"version": wrong} for wrong in ("x", None, [], 1.5)),
    *(SOLD | wrong for wrong in ({"version": None}, {"reservation_id": []}, {"quantity": "1"}, {"sku_id": {}})),
    *(MOVED | wrong for wrong in ({"movement_id": 3}, {"dest_warehouse": "1"}, {"dest_warehouse": None})),
]
STRANGE = [
    Record(0, 0, None, value, [("ce_type", kind)])
    for value in (None, b"\xff", b"{}", b"[" * 9_999, *(json.dumps(body).encode() for body in NO_WORDS))
    for kind in (None, b"\xff", RESERVATION_COMMITTED.encode(), MOVEMENT_RECORDED.encode())
]


def test_commits_must_be_announced() -> None:
    system = System()
    commits = [
        committed(decision, trace)
        for decision, trace in zip(system.decisions, system.traces, strict=True)
        if decision["outcome"] == "committed" and "replayed" not in decision
    ]
    wanted = {key: tally for key, tally in system.books.announced.items() if key[1] == "commit"}

    def announced(events: list[Record]) -> tuple[bool, Findings]:
        findings = Findings()
        told = Announcements(0, system.ledger, findings)
        for record in [*STRANGE, *(stock(*item) for item in system.ledger.positions.items())]:
            told.stock(record)
        for record in [*STRANGE, *events]:
            told.ledger(record)
        missing = told.missing(wanted)
        told.compare(wanted)
        return missing, findings

    missing, findings = announced(commits)
    assert not missing
    assert findings.clean
    assert announced(commits[:20] + commits[10:])[1].clean, "told again after a crash"
    missing, findings = announced(commits[:-1])
    assert missing
    assert [d.kind for d in findings.differences] == ["ledger topic"]
    last = commits[-1]
    assert announced([*commits[:-1], last._replace(headers=[last.headers[0], ("traceparent", b"x")])])[1].count == 1
    assert (
        announced([*commits[:-1], last._replace(value=last.value.replace(b'"quantity": ', b'"quantity": 9'))])[1].count
        == 1
    )


def test_only_the_last_window_may_be_on_its_way() -> None:
    system, findings = System(), Findings()
    system.ledger.last_window = Counter({"CLOCK:1": 1})
    Announcements(0, system.ledger, findings).compare({("CLOCK:1", "commit"): Tally(1, 1, 1)})
    assert [(d.kind, d.where) for d in findings.differences] == [("stock topic", "CLOCK:2")]
    assert findings.notes == ["partition 0: 1 positions of the last window are not announced yet"]
    findings = Findings()
    Announcements(0, system.ledger, findings).compare({("CLOCK:1", "commit"): Tally(2, 2, 2)})
    assert "ledger topic" in {d.kind for d in findings.differences}, "more is missing than the last window has"


def test_the_newest_stock_must_be_announced() -> None:
    system, findings = System(), Findings()
    told = Announcements(0, system.ledger, findings)
    told.compare(None)
    assert {d.kind for d in findings.differences} == {"stock topic"}
    assert told.missing({})


def verdict(findings: Findings) -> str:
    shown = StringIO()
    report.show(findings, 1, Console(file=shown, width=200))
    return shown.getvalue().splitlines()[-1]


def test_the_verdict_does_not_speak_for_what_was_not_decided_again() -> None:
    assert verdict(Findings()) == "no difference: log, decisions, gate and ledger"
    aged = Findings(undecided=[2, 5])
    unjudged = "in what could be compared; not decided again: partitions 2, 5, whose decisions were not judged"
    assert verdict(aged) == f"no difference {unjudged}"
    assert json.loads(report.as_json(aged, 1))["undecided"] == [2, 5]
    for units in (1, 2):
        aged.differ("gate = ledger", 2, "CLOCK:1", 0, units)
    assert verdict(aged) == f"2 differences {unjudged}"


class EmptyRedis:
    """A gate without stock, whose mark goes through `offsets`."""

    def __init__(self, *offsets: int) -> None:
        self._offsets = iter(offsets)

    def hmget(self, *_: object) -> list[bytes]:
        return [str(number).encode() for number in (next(self._offsets), 0, 0, 1, 1)] + [b"", None, None]

    def scan_iter(self, match: str, count: int) -> list[bytes]:
        return []

    def hscan_iter(self, *_: object, **__: object) -> list[tuple[bytes, bytes]]:
        return []

    zscan_iter = hscan_iter


def test_a_gate_that_goes_back_while_it_is_read_is_read_again() -> None:
    before = GateMark(9, 0, 0, 1, 1, 10)
    store: Any = EmptyRedis(7, 8)
    view = read_gate_forwards(store, 0, before, [])
    assert view is not None
    assert (view.before.offset, view.after.offset) == (7, 8)
    store = EmptyRedis(7, 6, 5)
    with pytest.raises(Retryable, match="went back to offset 5"):
        read_gate_forwards(store, 0, before, [])


class RedisWithKeys(EmptyRedis):
    """Keys, and nothing in them."""

    def __init__(self, *keys: bytes) -> None:
        super().__init__(9)
        self._keys = keys

    def scan_iter(self, match: str, count: int) -> list[bytes]:
        return [key for key in self._keys if key.startswith(match.rstrip("*").encode())]


def test_keys_of_strangers_are_passed_over() -> None:
    ours, huge = (b"inv:{0}:CLOCK:1", b"inv:{1}:A.b_c-D:22", b"end:{0}:7"), b"9" * 5_000
    strange = (b"inv:{x}:CLOCK:1", b"inv:{", b"inv:{0}", b"inv:{0}:\xff:1", b"inv:{%b}:A:1" % huge)
    strange += (b"end:{0}:x", b"end:{0}:", b"end:{0}:7:x", b"end:{0}:%b" % huge)
    store: Any = RedisWithKeys(*strange, *ours)
    assert position_names(store) == {0: ["CLOCK:1"], 1: ["A.b_c-D:22"]}
    view = read_gate(store, 0, GateMark(9, 0, 0, 1, 1, 10), [])
    assert view is not None
    assert view.remembered == {7: {}}


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (psycopg.OperationalError("failed to resolve host 'cret@db': nobody knows it"), "postgres: is away"),
        (psycopg.OperationalError('port 1 failed: FATAL:  no such "u"\nand more'), 'postgres: no such "u"'),
        (psycopg.InterfaceError("the connection is closed"), "postgres: is away"),
        (psycopg.ProgrammingError("no ] in postgresql://u:secret@[x"), "postgres: the address is malformed"),
        (redis.ConnectionError("connecting to secret:1"), "redis: ConnectionError"),
        (redis.ResponseError("NOPERM"), "redis: ResponseError: NOPERM"),
        (KafkaException(KafkaError(KafkaError._TRANSPORT, "gone")), "kafka: gone"),
    ],
)
def test_an_error_of_a_client_is_one_line_without_what_may_hold_a_password(error: Exception, line: str) -> None:
    with pytest.raises(Retryable) as told, faults.told():
        raise error
    assert str(told.value) == line
