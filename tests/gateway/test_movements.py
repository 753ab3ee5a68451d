"""Movements and the reorder point."""

import uuid
from typing import Any

import psycopg
import pytest

from onhand.deploy.stack import Stack
from tests.gateway.http import Caller
from tests.stack.waiting import until


def body(kind: str, sku: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "sku_id": sku, "warehouse_id": 1} | fields


@pytest.mark.parametrize(
    ("kind", "fields", "available"),
    [
        ("receive", {"quantity": 5}, 15),
        ("return", {"quantity": 1, "reference_id": "rma-1"}, 11),
        ("ship", {"quantity": 4, "actor": "dock-2"}, 6),
        ("adjust", {"delta": -3, "reason": "broken"}, 7),
        ("count", {"counted_qty": 8}, 8),
    ],
)
async def test_a_movement_is_answered_by_its_decision(
    http: Caller, sku: str, kind: str, fields: dict[str, Any], available: int
) -> None:
    await http.receive(sku, 10)
    told = await http.post("movements", body(kind, sku, **fields))
    assert told.status == 200, told
    said = {name: told.body[name] for name in ("type", "outcome", "available_qty", "total_qty", "version", "complete")}
    assert said == {"type": kind, "outcome": "applied", "available_qty": available, "total_qty": available, "version": 2,
                    "complete": True}  # fmt: skip
    assert told.body["decided_at"].endswith("Z")


async def test_a_transfer_arrives(http: Caller, sku: str) -> None:
    await http.receive(sku, 10)
    told = await http.post("movements", body("transfer", sku, quantity=4, to_warehouse_id=2))
    assert (told.status, told.body["line"], told.body["warehouse_id"], told.body["available_qty"]) == (200, 1, 2, 4)
    sent = await http.post("movements", body("transfer", sku, quantity=3, to_warehouse_id=3, mode="dispatch"))
    assert (sent.status, sent.body["line"], sent.body["available_qty"]) == (200, 0, 3)
    come = {"type": "arrive", "sku_id": sku, "warehouse_id": 3, "transfer_id": sent.body["id"], "quantity": 3}
    arrived = await http.post("movements", come)
    assert (arrived.status, arrived.body["available_qty"]) == (200, 3)
    assert (await http.post("movements", come)).problem == "already_arrived"


async def test_a_refused_movement_tells_its_decision(http: Caller, sku: str) -> None:
    await http.receive(sku, 3)
    told = await http.post("movements", body("ship", sku, quantity=4))
    assert (told.status, told.problem, told.body["outcome"]) == (409, "insufficient_stock", "insufficient_stock")
    assert (told.body["decision"]["quantity"], told.body["decision"]["available_qty"]) == (4, 3)


async def test_a_movement_with_an_id_is_done_once(http: Caller, sku: str) -> None:
    wish = body("receive", sku, quantity=5, id=str(uuid.uuid4()))
    first, again = await http.post("movements", wish), await http.post("movements", wish)
    assert (first.body["id"], first.body["total_qty"]) == (wish["id"], 5)
    assert (again.status, again.body["total_qty"], again.body["replayed"]) == (200, 5, True)
    assert (await http.post("movements", wish | {"quantity": 6})).problem == "id_reused"


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"type": "reserve"}, "type: is not one of receive, return, ship, adjust, count, transfer, arrive"),
        ({"type": "sweep"}, "type: is not one of"),
        ({"type": ["receive"]}, "type: is not one of"),
        ({}, "type: is not one of"),
        (body("receive", "A"), "quantity: is missing"),
        (body("receive", "A", quantity=1.0), "quantity: must be an integer"),
        (body("receive", "A", quantity=True), "quantity: must be an integer"),
        (body("receive", "A", quantity="1"), "quantity: must be an integer"),
        (body("receive", "A", quantity=0), "quantity:"),
        (body("receive", "A", quantity=10**400), "quantity:"),
        (body("receive", "a b", quantity=1), "sku_id: is not well-formed"),
        (body("receive", "A", quantity=1, id="x"), "id: is not well-formed"),
        (body("receive", "A", quantity=1, colour="red"), "colour: is not a field of this command"),
        (body("adjust", "A", delta=0, reason="x"), "delta: must not be 0"),
        (body("transfer", "A", quantity=1, to_warehouse_id=1), "to_warehouse_id: must be another warehouse"),
    ],
)
async def test_what_is_malformed_is_named(http: Caller, wish: dict[str, Any], message: str) -> None:
    told = await http.post("movements", wish)
    assert (told.status, told.problem) == (422, "malformed")
    assert told.body["detail"].startswith(message)


async def test_null_is_the_same_as_absent(http: Caller, sku: str) -> None:
    told = await http.post("movements", body("receive", sku, quantity=1, actor=None, id=None))
    assert told.status == 200, told


async def test_the_reorder_point_is_set(system: Stack, http: Caller, sku: str) -> None:
    wish = {"reorder_point": 5, "reorder_quantity": 50}
    told = await http.call("PUT", f"/inventory/{sku}/1/reorder-point", wish)
    assert (told.status, told.body) == (200, {"sku_id": sku, "warehouse_id": 1} | wish)
    for path, sent in ((f"{sku}/0", wish), ("a%20b/1", wish), (f"{sku}/1", {"reorder_point": -1, "reorder_quantity": 1}),
                       (f"{sku}/1", {"reorder_point": 1})):  # fmt: skip
        refused = await http.call("PUT", f"/inventory/{path}/reorder-point", sent)
        assert (refused.status, refused.problem) == (422, "malformed"), refused

    with psycopg.connect(system.endpoints["postgres"], autocommit=True) as connection:
        query = "SELECT reorder_point, reorder_quantity FROM inventory WHERE sku_id = %s"
        assert until(lambda: connection.execute(query, (sku,)).fetchall()) == [(5, 50)]
