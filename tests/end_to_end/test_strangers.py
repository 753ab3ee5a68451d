"""Records that no client of ours would write: the log goes on behind them, and everybody agrees where it ends."""

import json
from typing import Any

from confluent_kafka import Producer

from onhand.deploy.audit.program import audit
from onhand.deploy.stack import Stack
from onhand.deploy.stack import status as look
from onhand.deploy.stack.reach import settings_at
from onhand.schemas.partitioner import partition_of
from tests.end_to_end.talk import Talk
from tests.stack.waiting import until

SKU = "FOREIGN"
HOME = partition_of(f"{SKU}:1", 8)


def level(system: Stack) -> bool:
    """Whether log, gate and ledger end at the same offsets."""
    rows = look.partitions(system.state.root)
    assert not [row for row in rows if row["alarm"]], rows
    return all(row["end_offset"] == row["gate_offset"] == row["ledger_offset"] for row in rows)


def test_everything_ends_at_the_same_offset_behind_the_markers_of_transactions(talk: Talk, system: Stack) -> None:
    """The last offsets of the log hold no record then."""
    producer = Producer({"bootstrap.servers": system.endpoints["kafka"], "transactional.id": "strangers"})
    producer.init_transactions(20)
    for end in (producer.commit_transaction, producer.abort_transaction, producer.commit_transaction):
        producer.begin_transaction()
        body = talk.command("receive", SKU, quantity=1)
        producer.produce("inventory.commands", json.dumps(body), f"{SKU}:1", partition=HOME)
        producer.flush(10)
        end(20)
    until(lambda: level(system), 40)
    assert talk.ask(talk.command("ship", SKU, quantity=3))["outcome"] == "applied"


def test_records_as_large_as_the_broker_takes_are_set_aside(talk: Talk, system: Stack) -> None:
    """One near its limit, and one that is far beyond it and came compressed."""
    many: Any = {"bootstrap.servers": system.endpoints["kafka"], "message.max.bytes": 20_000_000}
    producer = Producer(many | {"compression.type": "gzip"})
    plain = Producer(many)
    plain.produce("inventory.commands", b"x" * 1_048_000, b"a large one", partition=HOME)
    producer.produce("inventory.commands", b"y" * 5_000_000, b"a bomb", partition=HOME)
    producer.produce("inventory.commands", b"z", b"k" * 2_000_000, partition=HOME, headers=[("h", b"h" * 1_000_000)])
    assert (plain.flush(20), producer.flush(20)) == (0, 0)
    letters = {(m.value() or b"")[:1]: m for m in talk.records("inventory.commands.dlq", 3)}
    assert set(letters) == {b"x", b"y", b"z"}
    cut = dict(letters[b"y"].headers() or [])["onhand.cut"]
    assert int(cut) > 5_000_000
    told = [json.loads(m.value() or b"") for m in talk.records("inventory.decisions", 3)]
    assert [d["outcome"] for d in told] == ["invalid"] * 3
    assert talk.ask(talk.command("receive", SKU, quantity=1))["outcome"] == "applied"


def test_strange_headers_and_traces_that_grow(talk: Talk, system: Stack) -> None:
    for headers in ([("traceparent", b"x" * 900_000)], [("traceparent", None)], [("a", None), ("a", b"\xff")]):
        body = talk.command("receive", SKU, quantity=1)
        talk.raw(json.dumps(body).encode(), HOME, headers=headers)
        (message,) = talk.records("inventory.decisions", 1)
        assert json.loads(message.value() or b"")["outcome"] == "applied"
        assert not message.headers()
    trace = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    talk.raw(json.dumps(talk.command("receive", SKU, quantity=1)).encode(), HOME, headers=[("traceparent", trace)])
    assert talk.records("inventory.decisions", 1)[0].headers() == [("traceparent", trace)]


def test_after_all_that_the_audit_is_clean(system: Stack) -> None:
    until(lambda: level(system), 40)
    findings = audit(settings_at(system.state.root))
    assert findings.clean, findings.differences[:5]
