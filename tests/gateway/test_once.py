"""Idempotency-Key: done once, answered alike."""

import asyncio
import hashlib
import json
import uuid
from typing import Any

import pytest

from onhand.deploy.stack import Stack
from onhand.sql.idempotency import Call, Idempotency
from onhand.sql.pool import Pool
from tests.gateway.http import API, Caller, line

REPLAYED = "Idempotency-Replayed"


def receive(sku: str, quantity: int = 5) -> dict[str, Any]:
    return {"type": "receive", "sku_id": sku, "warehouse_id": 1, "quantity": quantity}


def key_id(system: Stack) -> str:
    return str(json.loads((system.state.root / "api_key.json").read_text())["id"])


async def test_the_same_call_is_done_once_and_answered_alike(system: Stack, http: Caller, sku: str) -> None:
    first = await http.post("movements", receive(sku), Idempotency_Key=sku)
    again = await http.post("movements", receive(sku), Idempotency_Key=sku)
    assert (first.status, first.body["total_qty"], first.headers.get(REPLAYED)) == (200, 5, None)
    assert (again.status, again.body, again.headers[REPLAYED]) == (200, first.body, "true")
    wanted = uuid.uuid5(uuid.UUID(key_id(system)), f"POST {API}/inventory/movements {sku}")
    assert first.body["id"] == str(wanted)


async def test_the_same_key_with_another_body_is_refused(http: Caller, sku: str) -> None:
    await http.post("movements", receive(sku), Idempotency_Key=sku)
    told = await http.post("movements", receive(sku, 6), Idempotency_Key=sku)
    assert (told.status, told.problem) == (422, "key-reused")
    elsewhere = await http.post("reserve", [line(sku, 1)], Idempotency_Key=sku)
    assert elsewhere.status == 201


async def test_a_refusal_is_an_answer_too(http: Caller, sku: str) -> None:
    first = await http.post("reserve", [line(sku, 1)], Idempotency_Key=sku)
    await http.receive(sku, 5)
    again = await http.post("reserve", [line(sku, 1)], Idempotency_Key=sku)
    assert (first.status, again.status, again.headers[REPLAYED]) == (409, 409, "true")
    assert (again.body, again.problem) == (first.body, "insufficient_stock")


async def test_what_was_refused_at_the_door_leaves_the_key_free(http: Caller, sku: str) -> None:
    assert (await http.post("movements", receive(sku, 0), Idempotency_Key=sku)).status == 422
    assert (await http.post("movements", receive(sku, 1), Idempotency_Key=sku)).status == 200


@pytest.mark.parametrize("key", ["", "x" * 129, "a\tb"])
async def test_a_key_has_a_form(http: Caller, sku: str, key: str) -> None:
    told = await http.post("movements", receive(sku), Idempotency_Key=key)
    assert (told.status, told.problem) == (422, "malformed")


async def test_calls_at_the_same_time_are_done_once(http: Caller, sku: str) -> None:
    told = await asyncio.gather(*(http.post("movements", receive(sku), Idempotency_Key=sku) for _ in range(20)))
    assert {(each.status, each.body["total_qty"], each.body["version"]) for each in told} == {(200, 5, 1)}


async def test_a_call_whose_process_died_is_run_again_and_done_once(system: Stack, http: Caller, sku: str) -> None:
    """The key is stored and the command sent, and then the gateway is gone."""
    body = json.dumps(receive(sku)).encode()
    path, id = f"POST {API}/inventory/movements", key_id(system)
    pool = Pool(system.endpoints["postgres"], connections=1)
    await pool.open()
    assert await Idempotency(pool).claim(Call(id, path, sku, hashlib.sha256(body).digest())) is None
    await pool.close()
    sent = receive(sku) | {"id": str(uuid.uuid5(uuid.UUID(id), f"{path} {sku}"))}
    assert (await http.post("movements", sent)).body["total_qty"] == 5
    told = await http.post("movements", body, Idempotency_Key=sku)
    assert (told.status, told.body["total_qty"], told.headers[REPLAYED]) == (200, 5, "true")


async def test_a_commit_is_answered_again(http: Caller, sku: str) -> None:
    await http.receive(sku, 5)
    id = await http.reserve(sku, 1)
    told = [await http.post("commit", {"reservation_id": id}, Idempotency_Key=sku) for _ in range(2)]
    assert [(each.status, each.headers.get(REPLAYED)) for each in told] == [(200, None), (200, "true")]
