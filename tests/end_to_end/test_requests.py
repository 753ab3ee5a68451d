"""`inventory.requests`: any key, any partitioner, no position; each request is answered once, through a kill of the router too."""

import json
import os
import random
import signal
import uuid
from collections import Counter
from typing import Any

import pytest
from confluent_kafka import Producer

from onhand.deploy.audit.program import audit
from onhand.deploy.stack import Stack
from onhand.deploy.stack import status as look
from onhand.deploy.stack.reach import settings_at
from tests.end_to_end.talk import PATIENCE_S, Talk
from tests.requested import answers, of, request, routed
from tests.stack.waiting import until

SKUS = [f"ROUTED-{number}" for number in range(12)]
TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(scope="module")
def stranger(system: Stack) -> Producer:
    """librdkafka as it comes, whose partitioner is not Kafka's."""
    return Producer({"bootstrap.servers": system.endpoints["kafka"]})


def heard(talk: Talk, ids: set[str]) -> dict[str, list[dict[str, Any]]]:
    """All decisions on those ids, until each has a complete one."""
    told: dict[str, list[dict[str, Any]]] = {id: [] for id in ids}
    while not all(any(d["complete"] for d in ds) for ds in told.values()):
        decision = json.loads(talk.records("inventory.decisions", 1)[0].value() or b"")
        told.get(decision.get("id"), []).append(decision)
    return told


def line_by_line(talk: Talk, id: str, lines: int) -> list[dict[str, Any]]:
    """The decisions on as many lines, from several partitions: the complete one may be heard before the others."""
    told: list[dict[str, Any]] = []
    while len(told) < lines:
        decision = json.loads(talk.records("inventory.decisions", 1)[0].value() or b"")
        told += [decision] if decision.get("id") == id else []
    return told


def test_a_reservation_is_found_wherever_it_is(talk: Talk, stranger: Producer) -> None:
    stock = [talk.command("receive", sku, quantity=10) for sku in SKUS]
    request(stranger, *stock)
    talk.decisions(*(receive["id"] for receive in stock))  # under other keys nothing is in order
    holds = [talk.command("reserve", sku, quantity=2, order_id="o") for sku in SKUS]
    request(stranger, *holds)
    assert {d["outcome"] for d in talk.decisions(*(hold["id"] for hold in holds)).values()} == {"reserved"}
    verbs = [of(("commit", "release", "extend")[n % 3], h["id"]) for n, h in enumerate(holds)]
    for verb in verbs:
        verb |= {"ttl_ms": 90_000} if verb["type"] == "extend" else {}
    request(stranger, *verbs, headers=[("traceparent", TRACE)])
    told = talk.decisions(*(verb["id"] for verb in verbs))
    done = {"commit": "committed", "release": "released", "extend": "extended"}
    for verb, hold in zip(verbs, holds, strict=True):
        decision = told[verb["id"]]
        assert (decision["outcome"], decision["sku_id"]) == (done[verb["type"]], hold["sku_id"]), decision
    request(stranger, verbs[0], of("release", holds[0]["id"]))
    again = talk.decisions(verbs[0]["id"])[verbs[0]["id"]]
    assert (again["outcome"], again["replayed"]) == ("committed", True)


def test_what_has_just_ended_is_found_before_the_ledger_has_it(talk: Talk, stranger: Producer) -> None:
    for _ in range(8):
        hold = talk.command("reserve", SKUS[0], quantity=1)
        assert talk.ask(hold)["outcome"] == "reserved"
        first, second = of("release", hold["id"]), of("commit", hold["id"])
        request(stranger, first, second)
        told = heard(talk, {first["id"], second["id"]})
        assert {d["outcome"] for ds in told.values() for d in ds} in (
            {"released", "already_released"}, {"committed", "already_committed"},
        )  # fmt: skip


def test_an_order_over_several_partitions_is_found_and_sold_whole(talk: Talk, stranger: Producer) -> None:
    lines = [{"sku_id": sku, "warehouse_id": 1, "quantity": 1} for sku in SKUS[1:6]]
    order = {"type": "reserve", "id": str(uuid.uuid4()), "lines": lines}
    request(stranger, order)
    held = line_by_line(talk, order["id"], len(lines))
    assert [d["outcome"] for d in held] == ["reserved"] * len(lines)
    commit = of("commit", order["id"])
    request(stranger, commit)
    sold = line_by_line(talk, commit["id"], len(lines))
    assert sorted(d["sku_id"] for d in sold) == sorted(line["sku_id"] for line in lines)
    assert Counter((d["outcome"], d["complete"]) for d in sold)["committed", True] == 1


def test_what_nobody_knows_and_what_nobody_can_read(talk: Talk, stranger: Producer) -> None:
    unknown = of("commit", str(uuid.uuid4()), reference_id="why")
    request(stranger, unknown)
    told = talk.decisions(unknown["id"])[unknown["id"]]
    assert (told["outcome"], told["reference_id"], told["complete"]) == ("unknown_reservation", "why", True)
    assert "sku_id" not in told
    wrong = talk.command("receive", SKUS[0], quantity=0)
    request(stranger, b"{no JSON", wrong, headers=[("mine", b"yes"), ("onhand", b"v1;x;00")])
    letters = {m.value(): dict(m.headers() or []) for m in talk.records("inventory.commands.dlq", 2)}
    assert letters.keys() == {b"{no JSON", json.dumps(wrong).encode()}
    assert all(h["mine"] == b"yes" and "onhand" not in h for h in letters.values())
    decision = talk.decisions(wrong["id"])[wrong["id"]]
    assert (decision["outcome"], decision["sku_id"]) == ("invalid", SKUS[0])


def test_each_of_500_commits_is_answered_once_though_the_router_is_killed(
    talk: Talk, system: Stack, stranger: Producer
) -> None:
    stock = [talk.command("receive", sku, quantity=100) for sku in SKUS]
    holds = [talk.command("reserve", random.choice(SKUS), quantity=1) for _ in range(500)]
    talk.send(*stock, *holds)
    assert {d["outcome"] for d in talk.decisions(*(hold["id"] for hold in holds)).values()} == {"reserved"}
    commits = [of("commit", hold["id"]) for hold in holds]
    before = system.endpoints["processes"]["router-1"]
    request(stranger, *commits[:150])
    talk.records("inventory.decisions", 20)  # it is at work
    os.kill(before, signal.SIGKILL)
    request(stranger, *commits[150:])
    until(lambda: system.endpoints["processes"].get("router-1") not in (None, before), PATIENCE_S)
    until(lambda: _all_done(system), PATIENCE_S)
    told = answers(system.endpoints["kafka"], *commits)
    assert Counter(map(tuple, told.values())) == {("committed",): 500}


def test_after_all_that_the_audit_is_clean(system: Stack) -> None:
    findings = audit(settings_at(system.state.root))
    assert findings.clean, findings.differences[:5]


def _all_done(system: Stack) -> bool:
    """Whether all requests are passed on, decided and durable."""
    rows = look.partitions(system.state.root)
    assert not [row for row in rows if row["alarm"]], rows
    level = all(row["end_offset"] == row["gate_offset"] == row["ledger_offset"] for row in rows)
    return level and routed(system.endpoints["kafka"])
