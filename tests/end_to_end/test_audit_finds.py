"""The audit on a real system: clean as it is, and red for every fault that is put into a store."""

import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
import redis
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from onhand.agents.settings import Settings
from onhand.deploy.audit import log_view
from onhand.deploy.audit.program import audit, run
from onhand.deploy.stack import Stack
from onhand.deploy.stack.reach import settings_at
from onhand.schemas.partitioner import partition_of
from tests.end_to_end import raw_headers
from tests.end_to_end.talk import Talk

SKU = "AUDITED"
TABLES = ("inventory", "stock_movements", "reservations", "remembered_ids", "refused_units", "low_stock", "reorders")


@pytest.fixture(scope="module")
def settings(system: Stack) -> Settings:
    """A system with stock, an active hold, an ended one, a refused one, a direct sale and a reorder point, all in the ledger."""
    with Talk(system.endpoints["kafka"]) as talk:
        talk.ask(talk.command("receive", SKU, quantity=50))
        held = talk.ask(talk.command("reserve", SKU, quantity=3, order_id="o-1"))
        assert held["outcome"] == "reserved"
        ended = talk.ask(talk.command("reserve", SKU, quantity=2, order_id="o-2"))
        assert talk.ask(talk.command("reserve", SKU, quantity=500))["outcome"] == "insufficient_stock"
        talk.ask(talk.command("set_reorder", SKU, reorder_point=4, reorder_quantity=8))
        talk.ask(talk.command("ship", SKU, quantity=1))
        sold = talk.ask(talk.command("commit", SKU, reservation_id=ended["id"]))
        assert sold["outcome"] == "committed"
    with Talk(system.endpoints["kafka"]) as talk:  # a window later the earlier one is durable
        talk.send(talk.command("ship", SKU, quantity=1))
        events = talk.records("inventory.ledger", 1)
        assert json.loads(events[0].value() or b"")["sku_id"] == SKU
    return settings_at(system.state.root)


@contextmanager
def store(settings: Settings) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(settings.redis.get_secret_value()) as client:
        yield client


def key_of(client: "redis.Redis", pattern: str) -> str:
    (key,) = (key.decode() for key in client.scan_iter(match=pattern))
    return str(key)


def change_quantity(client: "redis.Redis") -> Callable[[], object]:
    key = key_of(client, f"inv:*:{SKU}:1")
    client.hincrby(key, "available", 1)
    return lambda: client.hincrby(key, "available", -1)


def double_a_hold(client: "redis.Redis") -> Callable[[], object]:
    key, strange = "res:" + key_of(client, f"inv:*:{SKU}:1").split(":")[1], "00000000-0000-4000-8000-000000000000"
    client.hset(key, strange, next(iter(client.hvals(key))))
    return lambda: client.hdel(key, strange)


def forget_a_due_time(client: "redis.Redis") -> Callable[[], object]:
    key = "due:" + key_of(client, f"inv:*:{SKU}:1").split(":")[1]
    ((name, score),) = client.zrange(key, 0, 0, withscores=True)
    client.zrem(key, name)
    return lambda: client.zadd(key, {name: score})


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        (change_quantity, {"gate position"}),
        (double_a_hold, {"gate hold", "gate holds add up"}),
        (forget_a_due_time, {"gate due"}),
    ],
)
def test_a_fault_in_redis(
    settings: Settings, fault: Callable[["redis.Redis"], Callable[[], object]], kinds: set[str]
) -> None:
    with store(settings) as client:
        undo = fault(client)
        try:
            found = audit(settings)
        finally:
            undo()
    assert {difference.kind for difference in found.differences} == kinds
    assert audit(settings).clean


@pytest.mark.parametrize(
    ("statement", "kinds"),
    [
        ("UPDATE inventory SET available_qty = available_qty + 1, total_qty = total_qty + 1 WHERE sku_id = %s",
         {"ledger position", "conservation", "stock topic"}),
        ("UPDATE inventory SET reorder_point = 5 WHERE sku_id = %s", {"ledger position"}),
        ("DELETE FROM stock_movements WHERE sku_id = %s AND movement_type = 'receive'",
         {"ledger movements", "conservation"}),
        ("DELETE FROM reservations WHERE sku_id = %s AND status = 'active'", {"ledger reservations", "conservation"}),
        ("UPDATE reservations SET status = 'released', ended_as = 'expired' WHERE sku_id = %s AND status = 'committed'",
         {"ledger reservations"}),
        ("INSERT INTO stock_movements SELECT gen_random_uuid(), sku_id, source_warehouse, dest_warehouse, quantity, "
         "movement_type, reference_id, created_at FROM stock_movements WHERE sku_id = %s AND movement_type = 'receive'",
         {"ledger movements", "conservation"}),
        ("DELETE FROM remembered_ids WHERE partition = (SELECT partition FROM inventory WHERE sku_id = %s)",
         {"ledger memory"}),
        ("UPDATE refused_units SET units = units + 1 WHERE sku_id = %s", {"ledger refused units"}),
        ("INSERT INTO low_stock VALUES (%s, 1)", {"ledger low stock"}),
        ("INSERT INTO reorders SELECT gen_random_uuid(), sku_id, warehouse_id, 8, 4, 0, 'closed', now(), now(), partition "
         "FROM inventory WHERE sku_id = %s", {"ledger reorders"}),
    ],
    ids=["position", "reorder point", "missing movement", "missing reservation", "wrong end", "movement twice",
         "forgotten ids", "refused units", "low", "a reorder of no window"],
)  # fmt: skip
def test_a_fault_in_postgresql(settings: Settings, statement: str, kinds: set[str]) -> None:
    with psycopg.connect(settings.postgres.get_secret_value(), autocommit=True) as connection:
        for table in TABLES:
            connection.execute(f"CREATE TEMP TABLE kept_{table} AS TABLE {table}")  # type: ignore[arg-type]
        try:
            assert connection.execute(statement, [SKU]).rowcount > 0  # type: ignore[arg-type]
            found = audit(settings)
        finally:
            for table in TABLES:
                connection.execute(f"DELETE FROM {table}")  # type: ignore[arg-type]
                connection.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")  # type: ignore[arg-type]
    assert {difference.kind for difference in found.differences} == kinds
    assert audit(settings).clean


async def test_headers_with_strange_names_and_without_values(settings: Settings, talk: Talk, system: Stack) -> None:
    trace = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    strange = [(b"a\xff", b"1"), (b"\xff\xfe", None), (b"none", None), (b"traceparent", trace), (b"z\xff", b"2")]
    bodies = [talk.command("receive", SKU, quantity=1) for _ in range(2)]
    for body, headers in zip(bodies, (strange, [*strange, (b"onhand", None)]), strict=True):
        await raw_headers.append(
            system.endpoints["kafka"], partition_of(f"{SKU}:1", 8), json.dumps(body).encode(), headers
        )
    told = talk.decisions(*(body["id"] for body in bodies))
    assert [told[body["id"]]["outcome"] for body in bodies] == ["applied", "invalid"]
    assert audit(settings).clean


def test_alerts(settings: Settings, talk: Talk, system: Stack) -> None:
    sku, before = f"SCARCE-{uuid.uuid4().hex[:8]}", audit(settings).compared["alert"]
    for body in (
        talk.command("set_reorder", sku, reorder_point=5, reorder_quantity=20),
        talk.command("receive", sku, quantity=10),
        talk.command("ship", sku, quantity=9),
        talk.command("receive", sku, quantity=9),
    ):
        talk.ask(body)
        if body["type"] != "set_reorder":
            durable(talk, sku)
    found = audit(settings)
    assert found.clean, found.differences
    with_alerts = found.compared["alert"]
    assert with_alerts - before >= 2, "two were told"
    admin = AdminClient({"bootstrap.servers": system.endpoints["kafka"]})
    trimmed = TopicPartition("inventory.alerts", partition_of(f"{sku}:1", 8), -1)
    admin.delete_records([trimmed])[trimmed].result(20)
    found = audit(settings)
    assert found.clean, found.differences
    assert with_alerts - found.compared["alert"] >= 2, "what retention took is not asked for"
    assert not [note for note in found.notes if "alerts" in note], "nor waited for"


def durable(talk: Talk, sku: str) -> None:
    """Waits for the next event about that SKU."""
    while json.loads(talk.records("inventory.ledger", 1)[0].value() or b"{}").get("sku_id") != sku:
        pass


def test_exit_codes_and_json(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(settings, json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["clean"] is True
    assert told["units"]["sold"] >= 3
    with store(settings) as client:
        undo = change_quantity(client)
        try:
            assert run(settings) == 1
        finally:
            undo()
    shown = capsys.readouterr().out
    assert f"{SKU}:1" in shown
    assert "gate position" in shown


@pytest.mark.parametrize(
    "away",
    [{"kafka": "127.0.0.1:1"}, {"redis": "redis://127.0.0.1:1/0"}, {"postgres": "postgresql://u:hidden@127.0.0.1:1/x"}],
    ids=lambda away: next(iter(away)),
)
def test_a_server_that_is_away(
    settings: Settings, away: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_view, "_TIMEOUT_S", 1.0)  # Kafka's client tries until then
    assert run(Settings.model_validate(settings.model_dump() | away)) == 3
    told = capsys.readouterr().err
    assert next(iter(away)) in told
    assert "hidden" not in told


def another_password(url: str) -> str:
    return re.sub(r":[^:@/]*@", ":hidden@", url)


def no_tables(url: str) -> str:
    return re.sub(r"/[^/]*$", "/postgres", url)


@pytest.mark.parametrize(
    ("server", "change", "reason"),
    [
        ("postgres", no_tables, "does not exist (`onhand migrate`"),
        ("postgres", another_password, "password authentication failed"),
        ("postgres", lambda url: "postgresql://u:hidden@[x/y", "malformed"),
        ("redis", another_password, "invalid username-password pair"),
    ],
    ids=["no tables", "password of postgres", "address of postgres", "password of redis"],
)
def test_a_server_that_refuses(
    settings: Settings, server: str, change: Callable[[str], str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = change(getattr(settings, server).get_secret_value())
    assert run(Settings.model_validate(settings.model_dump() | {server: url})) == 3
    told = capsys.readouterr().err
    assert told.startswith(f"onhand audit: {server}: ")
    assert reason in told
    assert told.count("\n") == 1
    assert "hidden" not in told
