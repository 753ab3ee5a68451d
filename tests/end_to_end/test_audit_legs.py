"""The audit on a real system that sold orders over several partitions and sent goods: clean as it is, red for each fault."""

import json
import uuid
from typing import Any

import psycopg
import pytest
import redis

from onhand.agents.settings import Settings
from onhand.deploy.audit.program import audit
from onhand.deploy.stack import Stack
from onhand.deploy.stack.reach import settings_at
from onhand.schemas.partitioner import partition_of
from tests.end_to_end.talk import PATIENCE_S, Talk
from tests.stack.waiting import until

PARTITIONS = 8
_NAME = f"SENT-{uuid.uuid4().hex[:6]}"


def sku_over(source: int, destination: int) -> str:
    """An SKU whose positions at warehouses 1 and 2 are in those partitions."""
    wanted = [source, destination]
    names = (f"{_NAME}-{number}" for number in range(10_000))
    return next(name for name in names if [partition_of(f"{name}:{at}", PARTITIONS) for at in (1, 2)] == wanted)


SENT = sku_over(5, 2)


def settled(talk: Talk, body: dict[str, Any]) -> dict[str, Any]:
    """The complete decision about a command that may be told in several partitions."""
    first = body["lines"][0] if "lines" in body else body
    key = f"{first['sku_id']}:{first['warehouse_id']}"
    talk.producer.produce("inventory.commands", json.dumps(body).encode(), key.encode())
    talk.producer.flush(10)
    while True:
        decision: dict[str, Any] = json.loads(talk.records("inventory.decisions", 1)[0].value() or b"")
        if decision.get("id") == body["id"] and decision["complete"]:
            return decision


def order(*lines: tuple[int, int], **fields: Any) -> dict[str, Any]:
    """Units of `SENT` at warehouses."""
    wished = [{"sku_id": SENT, "warehouse_id": at, "quantity": units} for at, units in lines]
    return {"type": "reserve", "id": str(uuid.uuid4()), "lines": wished} | fields


@pytest.fixture(scope="module")
def settings(system: Stack) -> Settings:
    """An order that is held, one that is sold, one that was refused; a transfer at once, one that was refused, one on its way."""
    with Talk(system.endpoints["kafka"]) as talk:
        for warehouse_id in (1, 2):
            talk.ask(talk.command("receive", SENT, quantity=100, warehouse_id=warehouse_id))
        assert settled(talk, order((1, 2), (2, 3)))["outcome"] == "reserved"
        sold = settled(talk, order((1, 4), (2, 5), order_id="o"))
        assert settled(talk, talk.command("commit", SENT, reservation_id=sold["id"]))["outcome"] == "committed"
        assert settled(talk, order((2, 99), (1, 99)))["outcome"] == "insufficient_stock"
        assert settled(talk, order((1, 99), (2, 1)))["outcome"] == "insufficient_stock"
        transfer = talk.command("transfer", SENT, quantity=7, to_warehouse_id=2)
        assert settled(talk, transfer)["line"] == 1
        used = talk.command("receive", SENT, quantity=1, warehouse_id=2)
        talk.ask(used)
        refused = settled(talk, talk.command("transfer", SENT, quantity=2, to_warehouse_id=2) | {"id": used["id"]})
        assert refused["outcome"] == "id_reused"
        sent = talk.command("transfer", SENT, quantity=20, to_warehouse_id=2, mode="dispatch")
        assert settled(talk, sent)["complete"]
        arrived = talk.command("arrive", SENT, quantity=8, transfer_id=sent["id"], final=False, warehouse_id=2)
        assert settled(talk, arrived)["outcome"] == "applied"
        assert settled(talk, talk.command("count", SENT, counted_qty=90))["outcome"] == "applied"
    found = settings_at(system.state.root)
    _durable(found)
    return found


def _durable(settings: Settings) -> None:
    """Waits for the last row of each partition."""
    query = """SELECT (SELECT count(*) FROM transfers WHERE sku_id = %(sku)s AND arrived = 8 AND shipped = 20)
                    + (SELECT count(*) FROM stock_movements WHERE sku_id = %(sku)s AND movement_type = 'adjust')"""
    with psycopg.connect(settings.postgres.get_secret_value(), autocommit=True) as connection:
        until(lambda: connection.execute(query, {"sku": SENT}).fetchone() == (2,), PATIENCE_S)


def test_it_is_clean(settings: Settings) -> None:
    found = audit(settings)
    assert found.differences == []
    assert found.compared["slip"] >= 8
    assert found.compared["ledger transfers"] >= 1
    assert found.compared["gate transfer"] >= 1
    assert found.totals["in_transit"] >= 12
    totals = found.totals
    came = totals["receive"] + totals["return"] + totals["adjust"] - totals["ship"]
    assert came == totals["held"] + totals["left"] + totals["in_transit"]


@pytest.mark.parametrize(
    ("statement", "kinds"),
    [
        ("UPDATE transfers SET arrived = arrived + 1 WHERE sku_id = %s AND status = 'open'",
         {"ledger transfers", "conservation"}),
        ("UPDATE transfers SET mode = 'instant' WHERE sku_id = %s AND status = 'open'", {"ledger transfers"}),
        ("DELETE FROM transfers WHERE sku_id = %s AND status = 'ended'", {"ledger transfers"}),
        ("UPDATE transfers SET status = 'ended' WHERE sku_id = %s AND status = 'undone'",
         {"ledger transfers", "conservation"}),
        ("DELETE FROM stock_movements WHERE sku_id = %s AND movement_type = 'transfer' AND dest_warehouse = 1",
         {"ledger movements", "conservation"}),
        ("DELETE FROM reservations WHERE sku_id = %s AND status = 'active' AND warehouse_id = 2",
         {"ledger reservations", "conservation"}),
        ("UPDATE reservations SET use = use || '{\"opened_at_ms\": 1}' WHERE sku_id = %s AND status = 'active'",
         {"ledger reservations"}),
    ],
    ids=["arrived", "mode", "missing transfer", "not undone", "no way back", "missing line", "another use"],
)  # fmt: skip
def test_a_fault_in_postgresql(settings: Settings, statement: str, kinds: set[str]) -> None:
    tables = ("transfers", "stock_movements", "reservations")
    with psycopg.connect(settings.postgres.get_secret_value(), autocommit=True) as connection:
        for table in tables:
            connection.execute(f"CREATE TEMP TABLE kept_{table} AS TABLE {table}")  # type: ignore[arg-type]
        try:
            assert connection.execute(statement, [SENT]).rowcount > 0  # type: ignore[arg-type]
            found = audit(settings)
        finally:
            for table in tables:
                connection.execute(f"DELETE FROM {table}")  # type: ignore[arg-type]
                connection.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")  # type: ignore[arg-type]
    assert {difference.kind for difference in found.differences} == kinds


def test_a_transfer_that_redis_lost(settings: Settings) -> None:
    with redis.Redis.from_url(settings.redis.get_secret_value()) as client:
        kept = client.hgetall("open:{2}")
        client.delete("open:{2}")
        try:
            found = audit(settings)
        finally:
            client.hset("open:{2}", mapping=kept)  # type: ignore[arg-type]
    assert {difference.kind for difference in found.differences} == {"gate transfer"}
    assert audit(settings).clean
