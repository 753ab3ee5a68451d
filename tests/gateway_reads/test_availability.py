"""Availability: from the gate, from the ledger while the gate cannot tell, and back by itself."""

from typing import Any

import pytest

from onhand.lua.format import keys_of
from tests.gateway_reads.conftest import House, Valkey, partition

Raw = Any


def shelf(warehouse_id: int, available: int, version: int = 1, source: str = "gate", ship: str | None = None) -> Any:
    return {
        "warehouse_id": warehouse_id, "available_qty": available, "estimated_ship_date": ship, "version": version,
        "source": source,
    }  # fmt: skip


async def test_the_gate_tells_the_numbers_and_the_ledger_which_warehouses_there_are(house: House, raw: Raw) -> None:
    for warehouse_id, in_ledger, at_gate in ((2, 9, 7), (1, 5, 5), (7, 0, 0)):
        house.stock("CLOCK", warehouse_id, in_ledger)
        house.at_gate(raw, "CLOCK", warehouse_id, at_gate, 3)
    house.at_gate(raw, "LAMP", 1, 4)
    assert await house.get("/inventory/CLOCK/availability") == [shelf(1, 5, 3), shelf(2, 7, 3), shelf(7, 0, 3)]
    assert await house.get("/inventory/CLOCK/availability", warehouse_id=2) == [shelf(2, 7, 3)]
    assert await house.get("/inventory/CLOCK/availability", channel="web", warehouse_id=3) == []
    assert await house.get("/inventory/NEVER-SEEN/availability") == []
    # the ledger does not have it yet, but who names the warehouse is told
    assert await house.get("/inventory/LAMP/availability") == []
    assert await house.get("/inventory/LAMP/availability", warehouse_id=1) == [shelf(1, 4)]


async def test_a_position_that_only_has_a_reorder_point_is_one_with_zeros(house: House) -> None:
    house.stock("CLOCK", 1, 0, version=0, reorder_point=5)
    assert await house.get("/inventory/CLOCK/availability", warehouse_id=1) == [shelf(1, 0, 0)]


async def test_many_skus_in_one_call(house: House, raw: Raw) -> None:
    for number in range(99):
        house.stock(f"S{number}", 1 + number % 3, 0)
        house.at_gate(raw, f"S{number}", 1 + number % 3, number)
    asked = [f"S{number}" for number in range(99)]
    response = await house.call("POST", "/inventory/availability", json={"sku_ids": [*asked, "NEVER"]})
    assert response.status == 200
    assert response.body == {"NEVER": []} | {f"S{n}": [shelf(1 + n % 3, n)] for n in range(99)}
    assert response.headers["content-type"] == "application/json"


async def test_a_warehouse_that_is_new_is_there_a_second_later(house: House, raw: Raw) -> None:
    house.stock("CLOCK", 1, 1)
    assert await house.get("/inventory/CLOCK/availability") == [shelf(1, 0, 0)]
    house.stock("CLOCK", 2, 1)
    assert len(await house.get("/inventory/CLOCK/availability")) == 1
    house.clock.ms += 1_001
    assert len(await house.get("/inventory/CLOCK/availability")) == 2


async def test_a_partition_without_a_mark_is_told_by_the_ledger(house: House, raw: Raw) -> None:
    skus = [f"S{number}" for number in range(12)]
    lost = partition(skus[0], 1)
    for sku_id in skus:
        house.stock(sku_id, 1, 3)
        house.at_gate(raw, sku_id, 1, 2, 5)
    raw.delete(keys_of(lost).gate)
    found = (await house.call("POST", "/inventory/availability", json={"sku_ids": skus})).body
    for sku_id in skus:
        assert found[sku_id] == [shelf(1, 3, 1, "ledger") if partition(sku_id, 1) == lost else shelf(1, 2, 5)]
    assert {shelves[0]["source"] for shelves in found.values()} == {"gate", "ledger"}


async def test_while_redis_is_away_the_ledger_tells_and_afterwards_the_gate_again(
    house: House, raw: Raw, valkey: Valkey
) -> None:
    house.stock("CLOCK", 1, 3)
    house.at_gate(raw, "CLOCK", 1, 2, 2)
    assert await house.get("/inventory/CLOCK/availability") == [shelf(1, 2, 2)]
    valkey.stop()
    try:
        for _ in range(3):
            assert await house.get("/inventory/CLOCK/availability") == [shelf(1, 3, 1, "ledger")]
        assert await house.get("/inventory/NEVER-SEEN/availability", warehouse_id=1) == []
    finally:
        valkey.start()
    for number in range(4):
        raw.hset(keys_of(number).gate, "offset", -1)
    house.at_gate(raw, "CLOCK", 1, 1, 3)
    house.clock.ms += 1_001
    assert await house.get("/inventory/CLOCK/availability") == [shelf(1, 1, 3)]


@pytest.mark.parametrize(
    ("method", "path", "body", "detail"),
    [
        ("GET", "/inventory/A B/availability", None, "sku_id: is not well-formed"),
        ("GET", "/inventory/A/availability?warehouse_id=0", None, "warehouse_id: input should be greater than or equal to 1"),
        ("GET", "/inventory/A/availability?channel=WEB", None, "channel: is not well-formed"),
        ("POST", "/inventory/availability", {"sku_ids": []}, "sku_ids: list should have at least 1 item"),
        ("POST", "/inventory/availability", {"sku_ids": ["A"] * 101}, "sku_ids: list should have at most 100 items"),
        ("POST", "/inventory/availability", {"sku_ids": ["A", 7]}, "sku_ids.1: must be a string"),
        ("POST", "/inventory/availability", {"sku_id": "A"}, "sku_ids: is missing"),
    ],
)  # fmt: skip
async def test_what_is_malformed_is_named(house: House, method: str, path: str, body: Any, detail: str) -> None:
    response = await house.call(method, path, json=body)
    assert response.status == 422
    assert response.body["type"] == "urn:onhand:problem:malformed"
    assert response.body["detail"].startswith(detail)


@pytest.mark.parametrize("body", [b"g\xefo", b"{", b"\xff\xfe{}", b""])
async def test_what_is_not_json_is_malformed(house: House, body: bytes) -> None:
    answer = await house.call("POST", "/inventory/availability", data=body)
    assert (answer.status, answer.body["type"]) == (422, "urn:onhand:problem:malformed")
    assert answer.body["detail"].startswith("body: ")


async def test_keys_need_the_scope(house: House) -> None:
    calls = [
        ("GET", "/inventory/A/availability", "read"), ("POST", "/inventory/availability", "read"),
        ("GET", "/inventory/A/1/movements", "read"), ("GET", "/inventory/low-stock", "read"),
        ("GET", "/reservations/00000000-0000-7000-8000-000000000001", "read"), ("PUT", "/warehouses/1", "admin"),
    ]  # fmt: skip
    for method, path, wanted in calls:
        for scope in house.keys:
            body = {"sku_ids": ["A"]} if method == "POST" else {} if method == "PUT" else None
            status = (await house.call(method, path, scope, json=body)).status
            assert (status == 403) == (scope != wanted), (method, path, scope, status)
