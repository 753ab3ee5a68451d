"""Reserve, commit, release, extend: answers, refusals, and what the ledger has by then."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from confluent_kafka import Producer

from onhand.deploy.stack import Stack
from tests.gateway.http import Caller, asked_until, line
from tests.gateway.process import OwnGateway


def rows(system: Stack, reservation_id: str) -> list[tuple[Any, ...]]:
    query = "SELECT line, quantity, status, ended_as FROM reservations WHERE reservation_id = %s ORDER BY line"
    with psycopg.connect(system.endpoints["postgres"]) as connection:
        return connection.execute(query, (reservation_id,)).fetchall()


async def test_lines_alone_are_reserved_for_ten_minutes(http: Caller, sku: str) -> None:
    await http.receive(sku, 5)
    told = await http.post("reserve", [line(sku, 2)])
    assert told.status == 201
    expires_at = datetime.fromisoformat(told.body.pop("expires_at"))
    assert timedelta(minutes=9) < expires_at - datetime.now(UTC) <= timedelta(minutes=10, seconds=5)
    assert uuid.UUID(told.body.pop("reservation_id")).version == 7
    assert told.body == {"status": "active", "ttl_s": 600, "lines": [line(sku, 2)]}


async def test_options_are_heeded_and_the_same_id_is_the_same_reservation(http: Caller, sku: str) -> None:
    await http.receive(sku, 5)
    wish = {
        "lines": [line(sku, 2)],
        "ttl_s": 60,
        "channel": "web",
        "order_id": "o-1",
        "reservation_id": str(uuid.uuid4()),
    }
    first, again = await http.post("reserve", wish), await http.post("reserve", wish)
    assert (first.status, first.body["reservation_id"], first.body["ttl_s"]) == (201, wish["reservation_id"], 60)
    assert (again.status, again.body) == (201, first.body)
    other = await http.post("reserve", wish | {"lines": [line(sku, 1)]})
    assert (other.status, other.problem, other.body["lines"]) == (409, "id_reused", [])
    assert (await http.post("reserve", [line(sku, 4)])).body["lines"][0]["available_qty"] == 3


async def test_lines_of_one_position_count_as_one(http: Caller, sku: str) -> None:
    await http.receive(sku, 5)
    assert (await http.post("reserve", [line(sku, 2), line(sku, 3)])).status == 201
    told = await http.post("reserve", [line(sku, 1), line(sku, 1)])
    assert (told.status, told.problem, told.body["outcome"]) == (409, "insufficient_stock", "insufficient_stock")
    short = {"sku_id": sku, "warehouse_id": 1, "requested": 2, "available_qty": 0}
    assert told.body["lines"] == [short]


async def test_an_order_over_many_positions_is_reserved_and_sold_as_a_whole(
    system: Stack, http: Caller, sku: str
) -> None:
    skus = [f"{sku}-{number}" for number in range(6)]
    await asyncio.gather(*(http.receive(each, 3) for each in skus))
    told = await http.post("reserve", {"lines": [line(each, 2) for each in skus], "order_id": "o-2"})
    assert told.status == 201, told
    sold = await http.post("commit", {"reservation_id": told.body["reservation_id"]})
    assert (sold.status, sold.body["status"]) == (200, "committed")
    assert rows(system, told.body["reservation_id"]) == [(n, 2, "committed", "committed") for n in range(6)]
    short = await http.post("reserve", [line(skus[0], 1), line(skus[1], 2)])
    assert (short.status, short.problem) == (409, "insufficient_stock")
    assert short.body["lines"] == [{"sku_id": skus[1], "warehouse_id": 1, "requested": 2, "available_qty": 1}]


async def test_a_commit_is_answered_once_the_ledger_has_it(system: Stack, http: Caller, sku: str) -> None:
    await http.receive(sku, 5)
    id = await http.reserve(sku, 2)
    for _ in range(2):
        told = await http.post("commit", {"reservation_id": id})
        assert (told.status, told.body) == (200, {"reservation_id": id, "status": "committed"})
        assert rows(system, id) == [(0, 2, "committed", "committed")]
    for call, more in (("release", {}), ("extend", {"ttl_s": 60})):
        told = await http.post(call, {"reservation_id": id} | more)
        assert (told.status, told.problem, told.body["outcome"]) == (409, "already_committed", "already_committed")


async def test_a_release_gives_the_units_back_and_may_be_said_twice(http: Caller, sku: str) -> None:
    await http.receive(sku, 5)
    id = await http.reserve(sku, 5)
    for _ in range(2):
        told = await http.post("release", {"reservation_id": id})
        assert (told.status, told.body) == (200, {"reservation_id": id, "status": "released"})
    told = await http.post("commit", {"reservation_id": id})
    assert (told.status, told.problem, told.body["reservation_id"]) == (409, "already_released", id)
    await http.reserve(sku, 5)


async def test_extend_tells_the_new_expiry(http: Caller, sku: str) -> None:
    await http.receive(sku, 5)
    id = await http.reserve(sku, 1)
    told = await http.post("extend", {"reservation_id": id, "ttl_s": 7_200})
    assert (told.status, told.body["status"]) == (200, "active")
    left = datetime.fromisoformat(told.body["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=119) < left <= timedelta(minutes=120, seconds=5)


async def test_what_expired_cannot_be_sold(http: Caller, sku: str) -> None:
    await http.receive(sku, 1)
    id = (await http.post("reserve", {"lines": [line(sku, 1)], "ttl_s": 1})).body["reservation_id"]
    await asked_until(lambda: http.post("reserve", [line(sku, 1)]), lambda told: told.status == 201)
    for call in ("commit", "release"):
        told = await http.post(call, {"reservation_id": id})
        assert (told.status, told.problem) == (409, "already_expired")


@pytest.mark.parametrize("call", ["commit", "release", "extend"])
async def test_a_reservation_that_nobody_knows_is_not_found(http: Caller, call: str) -> None:
    body = {"reservation_id": str(uuid.uuid4())} | ({"ttl_s": 60} if call == "extend" else {})
    told = await http.post(call, body)
    assert (told.status, told.problem, told.body["reservation_id"]) == (
        404,
        "unknown_reservation",
        body["reservation_id"],
    )


async def test_reservations_made_elsewhere_are_found_at_the_gate_and_in_the_ledger(
    system: Stack, http: Caller, sku: str
) -> None:
    await http.receive(sku, 9)
    with OwnGateway(system).serving() as own:  # it remembers none of them
        held, sold, released = [await http.reserve(sku, 2) for _ in range(3)]
        assert (await http.post("commit", {"reservation_id": sold})).status == 200
        assert (await http.post("release", {"reservation_id": released})).status == 200
        async with own.caller() as other:
            assert (await other.post("extend", {"reservation_id": held, "ttl_s": 60})).status == 200
            assert (await other.post("commit", {"reservation_id": held})).body["status"] == "committed"
            assert (await other.post("commit", {"reservation_id": sold})).status == 200
            assert (await other.post("release", {"reservation_id": sold})).problem == "already_committed"
            assert (await other.post("release", {"reservation_id": released})).status == 200
            assert (await other.post("extend", {"reservation_id": released, "ttl_s": 9})).problem == "already_released"


async def test_a_reserve_that_comes_again_after_its_end_tells_how_it_ended(http: Caller, sku: str) -> None:
    await http.receive(sku, 5)
    wish = {"lines": [line(sku, 1)], "reservation_id": str(uuid.uuid4())}
    assert (await http.post("reserve", wish)).body["status"] == "active"
    assert (await http.post("commit", {"reservation_id": wish["reservation_id"]})).status == 200
    told = await http.post("reserve", wish)
    assert (told.status, told.body["status"], told.body.get("expires_at")) == (201, "committed", None)


async def test_what_was_reserved_by_kafka_is_committed_by_http(system: Stack, http: Caller, sku: str) -> None:
    await http.receive(sku, 5)
    wish = {"type": "reserve", "id": str(uuid.uuid4()), "sku_id": sku, "warehouse_id": 1, "quantity": 1}
    producer = Producer({"bootstrap.servers": system.endpoints["kafka"], "partitioner": "murmur2_random"})
    producer.produce("inventory.commands", json.dumps(wish).encode(), f"{sku}:1")
    assert producer.flush(10) == 0
    ask = {"reservation_id": wish["id"]}  # unknown until it is decided
    assert await asked_until(lambda: http.post("commit", ask), lambda told: told.status == 200)


async def test_hundreds_in_flight_get_each_its_own_answer(http: Caller, sku: str) -> None:
    await http.receive(sku, 150)
    told = await asyncio.gather(*(http.post("reserve", [line(sku, 1)]) for _ in range(200)))
    assert sorted(each.status for each in told) == [201] * 150 + [409] * 50
    assert len({each.body["reservation_id"] for each in told}) == 200
