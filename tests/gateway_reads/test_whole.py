"""The reads of the whole system: what was done over HTTP is seen over HTTP."""

from datetime import UTC, datetime
from typing import Any

from tests.gateway.conftest import http, sku
from tests.gateway.http import Caller, Told, asked_until, line

__all__ = ["http", "sku"]

WAREHOUSE = 777
EVERY_DAY = {
    "name": "Reykjavik", "time_zone": "Atlantic/Reykjavik", "working_days": [1, 2, 3, 4, 5, 6, 7], "cutoff": "23:59",
    "handling_days": 0,
}  # fmt: skip


def today() -> str:
    return datetime.now(UTC).date().isoformat()


async def test_a_day_in_the_life_of_a_position(http: Caller, sku: str) -> None:
    await http.receive(sku, 10, WAREHOUSE)
    assert (await http.call("PUT", f"/warehouses/{WAREHOUSE}", EVERY_DAY)).status == 200
    before = today()
    shelf = f"/inventory/{sku}/availability?warehouse_id={WAREHOUSE}"
    [named] = (await http.call("GET", shelf)).body  # at once: the gate has it before the ledger
    assert named.pop("estimated_ship_date") in (before, today())
    assert named == {"warehouse_id": WAREHOUSE, "available_qty": 10, "version": 1, "source": "gate"}

    held = await http.post("reserve", {"lines": [line(sku, 4, WAREHOUSE)], "order_id": "o-1"})
    told = await http.call("GET", f"/reservations/{held.body['reservation_id']}")  # at once, too
    assert told.status == 200, told
    assert (told.body["status"], told.body["order_id"], told.body["lines"]) == (
        "active", "o-1", [line(sku, 4, WAREHOUSE) | {"status": "active"}],
    )  # fmt: skip
    assert told.body["expires_at"] == held.body["expires_at"]
    assert (await http.post("commit", {"reservation_id": held.body["reservation_id"]})).status == 200
    told = await http.call("GET", f"/reservations/{held.body['reservation_id']}")
    assert (told.body["status"], told.body["ended_as"]) == ("committed", "committed")

    async def everywhere() -> Told:
        return await http.post("availability", {"sku_ids": [sku, "NEVER-SEEN"]})

    listed = await asked_until(everywhere, lambda told: bool(told.body[sku]))
    assert listed.body["NEVER-SEEN"] == []
    assert [(s["available_qty"], s["version"], s["source"]) for s in listed.body[sku]] == [(6, 3, "gate")]

    history = (await http.call("GET", f"/inventory/{sku}/{WAREHOUSE}/movements")).body["items"]
    assert [(m["movement_type"], m["quantity"], m["reference_id"]) for m in history] == [
        ("ship", 4, "o-1"),
        ("receive", 10, None),
    ]


async def test_what_is_low_and_what_was_refused(http: Caller, sku: str) -> None:
    await http.receive(sku, 1, WAREHOUSE)
    point = {"reorder_point": 2, "reorder_quantity": 20}
    assert (await http.call("PUT", f"/inventory/{sku}/{WAREHOUSE}/reorder-point", point)).status == 200
    assert (await http.post("reserve", [line(sku, 7, WAREHOUSE)])).status == 409

    async def low() -> Told:
        return await http.call("GET", f"/inventory/low-stock?limit=1&cursor={sku}:1")

    def judged(told: Told) -> bool:
        wanted = {
            "sku_id": sku,
            "warehouse_id": WAREHOUSE,
            "available_qty": 1,
            "reorder_point": 2,
            "suggested_quantity": 27,
        }
        return told.body["items"] == [wanted]

    await asked_until(low, judged)


async def test_what_is_sold_out_is_promised_from_goods_on_the_way(http: Caller, sku: str) -> None:
    await http.receive(sku, 5, WAREHOUSE + 1)
    await http.receive(sku, 1, WAREHOUSE)
    assert (await http.call("PUT", f"/warehouses/{WAREHOUSE}", EVERY_DAY)).status == 200
    assert (await http.post("movements", {"type": "ship"} | line(sku, 1, WAREHOUSE))).status == 200
    dispatch: dict[str, Any] = {
        "type": "transfer", "mode": "dispatch", "to_warehouse_id": WAREHOUSE, "expected_at_ms": 4_102_488_000_000,
    }  # fmt: skip
    assert (await http.post("movements", dispatch | line(sku, 3, WAREHOUSE + 1))).status == 200

    async def shelf() -> Told:
        return await http.call("GET", f"/inventory/{sku}/availability?warehouse_id={WAREHOUSE}")

    promised = await asked_until(shelf, lambda told: told.body[0]["estimated_ship_date"] is not None)
    assert (promised.body[0]["available_qty"], promised.body[0]["estimated_ship_date"]) == (0, "2100-01-01")
