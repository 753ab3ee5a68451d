"""Movements by position, reservations, and what is low: lists are pages without a gap or a repeat."""

import asyncio
from typing import Any

import pytest

from onhand.lua.format import keys_of
from onhand.sql.window import movement_id
from tests.gateway_reads.conftest import NOW_MS, PARTITIONS, House, partition
from tests.scenarios import uid


def moved(house: House, n: int, kind: str, source: int | None, dest: int | None, sku_id: str = "CLOCK") -> str:
    """The n-th movement; its id."""
    id = movement_id(NOW_MS + n, n % 3, n)
    house.rows(
        "INSERT INTO stock_movements VALUES (%s, %s, %s, %s, %s, %s, %s, to_timestamp(%s))",
        id.hex(), sku_id, source, dest, n + 1, kind, None if n % 2 else f"po-{n}", (NOW_MS + n) / 1_000,
    )  # fmt: skip
    return id.hex()


async def pages(house: House, path: str, limit: int) -> list[Any]:
    """All items, a page at a time, each but the last one full."""
    items, cursor = [], None
    while True:
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = await house.get(path, **query)
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items
        assert len(page["items"]) == limit


async def test_movements_of_a_position_newest_first(house: House) -> None:
    moved(house, 0, "receive", None, 1)
    moved(house, 1, "ship", 1, None)
    moved(house, 2, "transfer", 1, 2)
    moved(house, 3, "transfer", 2, 1)
    moved(house, 4, "receive", None, 2)
    moved(house, 5, "receive", None, 1, "LAMP")
    path = "/inventory/CLOCK/1/movements"
    items = (await house.get(path))["items"]
    assert [(i["movement_type"], i["source_warehouse"], i["dest_warehouse"], i["quantity"]) for i in items] == [
        ("transfer", 2, 1, 4), ("transfer", 1, 2, 3), ("ship", 1, None, 2), ("receive", None, 1, 1),
    ]  # fmt: skip
    assert items[3] == {
        "movement_id": items[3]["movement_id"], "sku_id": "CLOCK", "source_warehouse": None, "dest_warehouse": 1,
        "quantity": 1, "movement_type": "receive", "reference_id": "po-0", "created_at": "2026-11-22T11:48:32.498Z",
    }  # fmt: skip
    assert items[2]["reference_id"] is None
    for limit in (1, 2, 3, 4, 1_000):
        assert await pages(house, path, limit) == items
    assert await house.get("/inventory/CLOCK/3/movements") == {"items": [], "next_cursor": None}


async def test_a_page_ends_where_it_should_while_more_is_written(house: House) -> None:
    for n in range(5):
        moved(house, n, "receive", None, 1)
    first = await house.get("/inventory/CLOCK/1/movements", limit=2)
    moved(house, 5, "receive", None, 1)
    second = await house.get("/inventory/CLOCK/1/movements", limit=2, cursor=first["next_cursor"])
    assert [item["quantity"] for item in first["items"] + second["items"]] == [5, 4, 3, 2]


def reserved(house: House, n: int, sku_id: str, line: int, ended_as: str | None, home: int, **more: Any) -> None:
    status = None if ended_as is None else "committed" if ended_as == "committed" else "released"
    house.rows(
        "INSERT INTO reservations (reservation_id, sku_id, warehouse_id, quantity, order_id, expires_at, status, ended_as,"
        " line, channel, ended_at, partition, home) VALUES (%s, %s, 1, %s, %s, to_timestamp(%s), %s, %s, %s, %s,"
        " CASE WHEN %s::text IS NOT NULL THEN now() END, %s, %s)",
        uid(n), sku_id, line + 1, more.get("order_id"), NOW_MS / 1_000, status or "active", ended_as, line,
        more.get("channel"), ended_as, partition(sku_id, 1), home,
    )  # fmt: skip


async def test_a_reservation_of_one_line(house: House) -> None:
    reserved(house, 1, "CLOCK", 0, None, partition("CLOCK", 1))
    assert await house.get(f"/reservations/{uid(1)}") == {
        "reservation_id": uid(1), "status": "active", "expires_at": "2026-11-22T11:48:32.498Z",
        "lines": [{"sku_id": "CLOCK", "warehouse_id": 1, "quantity": 1, "status": "active"}],
    }  # fmt: skip


@pytest.mark.parametrize(("ended_as", "status"), [("committed", "committed"), ("expired", "released")])
async def test_an_orders_home_says_how_it_stands(house: House, ended_as: str, status: str) -> None:
    skus = {partition(f"S{n}", 1): f"S{n}" for n in range(50)}
    assert len(skus) == PARTITIONS
    home = max(skus)
    for line, (where, sku_id) in enumerate(sorted(skus.items())):
        reserved(house, 2, sku_id, line, ended_as if where == home else None, home, order_id="o-1", channel="web")
    body = await house.get(f"/reservations/{uid(2)}")
    assert [body[name] for name in ("status", "ended_as", "order_id", "channel")] == [status, ended_as, "o-1", "web"]
    assert [line["status"] for line in body["lines"]] == ["active"] * (PARTITIONS - 1) + [status]
    assert [line["quantity"] for line in body["lines"]] == [1, 2, 3, 4]


async def test_a_reservation_that_the_gate_just_made_is_waited_for(house: House, raw: Any) -> None:
    home = partition("CLOCK", 1)
    raw.hset(keys_of(home).gate, "seq", 7)
    asking = asyncio.create_task(house.get(f"/reservations/{uid(4)}"))
    done, _ = await asyncio.wait([asking], timeout=0.1)
    assert not done
    reserved(house, 4, "CLOCK", 0, None, home)
    house.rows("UPDATE ledger_partitions SET seq = 7 WHERE partition = %s", home)
    assert (await asking)["status"] == "active"


async def test_a_reservation_that_nobody_knows(house: House) -> None:
    answer = await house.call("GET", f"/reservations/{uid(3)}")
    assert (answer.status, answer.body["type"]) == (404, "urn:onhand:problem:not-found")
    answer = await house.call("GET", "/reservations/nonsense")
    assert (answer.status, answer.body["detail"]) == (422, "reservation_id: is not well-formed")


def low(
    house: House, sku_id: str, available: int = 1, point: int = 5, quantity: int = 50, warehouse_id: int = 1
) -> None:
    house.stock(sku_id, warehouse_id, available, reorder_point=point, reorder_quantity=quantity)
    house.rows("INSERT INTO low_stock VALUES (%s, %s)", sku_id, warehouse_id)


def refused(house: House, sku_id: str, days_ago: int, units: int) -> None:
    house.rows(
        "INSERT INTO refused_units VALUES (%s, '2026-11-22'::date - %s, %s, 1, %s)",
        partition(sku_id, 1), days_ago, sku_id, units,
    )  # fmt: skip


async def test_what_is_low_and_how_much_to_order(house: House) -> None:
    house.stock("PLENTY", 1, 9, reorder_point=5)
    low(house, "CLOCK", available=3)
    low(house, "LAMP", available=0)
    for days_ago, units in ((0, 1), (6, 10), (7, 100)):
        refused(house, "LAMP", days_ago, units)
    row = {"warehouse_id": 1, "reorder_point": 5}
    assert (await house.get("/inventory/low-stock"))["items"] == [
        row | {"sku_id": "CLOCK", "available_qty": 3, "suggested_quantity": 50},
        row | {"sku_id": "LAMP", "available_qty": 0, "suggested_quantity": 61},
    ]


async def test_low_stock_page_by_page(house: House) -> None:
    for n in range(7):
        for warehouse_id in (1, 2, 10):
            low(house, f"S{n}", warehouse_id=warehouse_id)
    whole = (await house.get("/inventory/low-stock"))["items"]
    places = [(item["sku_id"], item["warehouse_id"]) for item in whole]
    assert places == sorted(places)
    assert len(places) == 21
    for limit in (1, 4, 20, 21, 22):
        assert await pages(house, "/inventory/low-stock", limit) == whole


@pytest.mark.parametrize("path", ["/inventory/CLOCK/1/movements", "/inventory/low-stock"])
@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"limit": 0}, "limit: input should be greater than or equal to 1"),
        ({"limit": 1001}, "limit: input should be less than or equal to 1000"),
        ({"cursor": "?"}, "cursor: is not well-formed"),
    ],
)
async def test_a_page_that_is_none(house: House, path: str, query: dict[str, Any], detail: str) -> None:
    answer = await house.call("GET", path, params=query)
    assert (answer.status, answer.body["detail"]) == (422, detail)


async def test_what_is_on_the_way_of_a_sku(house: House) -> None:
    def opened(n: int, sku_id: str, shipped: int, arrived: int, adjusted: int, status: str = "open") -> str:
        house.rows(
            "INSERT INTO transfers (transfer_id, opened_at, sku_id, source_warehouse, dest_warehouse, mode, shipped, arrived,"
            " adjusted, expected_at, status, use) VALUES (%s, to_timestamp(%s), %s, 1, 2, 'dispatch', %s, %s, %s, %s, %s, 1)",
            uid(n), NOW_MS / 1_000, sku_id, shipped, arrived, adjusted, None if n % 2 else "2026-11-24T08:00Z", status,
        )  # fmt: skip
        return uid(n)

    ids = [opened(n, "CLOCK", 10, 4, -1) for n in range(1, 6)]
    opened(6, "CLOCK", 10, 10, 0)
    opened(7, "CLOCK", 10, 10, 0, "ended")
    opened(8, "LAMP", 10, 0, 0)
    items = (await house.get("/inventory/CLOCK/in-transit"))["items"]
    assert items[1] == {
        "transfer_id": uid(2), "source_warehouse": 1, "dest_warehouse": 2, "quantity": 5,
        "expected_at": "2026-11-24T08:00:00.000Z", "opened_at": "2026-11-22T11:48:32.498Z",
    }  # fmt: skip
    assert [item["transfer_id"] for item in items] == sorted(ids)
    assert items[0]["expected_at"] is None
    for limit in (1, 2, 5, 1_000):
        assert await pages(house, "/inventory/CLOCK/in-transit", limit) == items
    assert await house.get("/inventory/NONE/in-transit") == {"items": [], "next_cursor": None}
