"""Operators' locks around transfers and counts, over five nodes of this module's own; and what holds without any."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator

import pytest

from onhand.deploy.audit.program import audit
from onhand.deploy.stack import Stack
from onhand.deploy.stack.reach import signing_settings_at
from onhand.lua.locks import Locks, connect
from tests.gateway.batches import done, ndjson, receive
from tests.gateway.http import Caller, Told
from tests.gateway.process import OwnGateway, Paused
from tests.gateway.test_once import key_id
from tests.locks.conftest import Node, nodes, servers

__all__ = ["nodes", "servers"]


@pytest.fixture(scope="module")
def locking(system: Stack, servers: list[Node]) -> Iterator[OwnGateway]:
    """A gateway that knows the nodes."""
    with OwnGateway(system, lock_nodes=",".join(node.url for node in servers)) as gateway:
        yield gateway.serving()


@pytest.fixture
async def caller(locking: OwnGateway, nodes: list[Node]) -> AsyncIterator[Caller]:
    async with locking.caller() as caller:
        yield caller


@pytest.fixture
async def bob(nodes: list[Node]) -> AsyncIterator[Locks]:
    """Another operator."""
    locks = connect([node.url for node in nodes])
    yield locks
    await locks.close()


def count(sku: str, counted: int, **fields: object) -> dict[str, object]:
    return {"type": "count", "sku_id": sku, "warehouse_id": 1, "counted_qty": counted} | fields


def transfer(sku: str, source: int, to: int, quantity: int = 1) -> dict[str, object]:
    return {"type": "transfer", "sku_id": sku, "warehouse_id": source, "to_warehouse_id": to, "quantity": quantity}


async def test_what_somebody_else_holds_is_423_and_names_him(caller: Caller, bob: Locks, sku: str) -> None:
    await caller.receive(sku, 5)
    async with bob.hold([f"{sku}:2"], "bob"):
        for wish in (transfer(sku, 1, 2), transfer(sku, 2, 1), count(sku, 1) | {"warehouse_id": 2}):
            told = await caller.post("movements", wish, Idempotency_Key=sku)
            assert (told.status, told.problem) == (423, "locked"), told
            assert (told.body["holder"], told.body["position"]) == ("bob", f"{sku}:2")
            assert "bob" in told.body["detail"]
        free = await caller.post("movements", count(sku, 4))
        assert (free.status, free.body["locked"], free.body["total_qty"]) == (200, True, 4)
        assert (await caller.post("movements", receive(sku, 1) | {"warehouse_id": 2})).status == 200
    told = await caller.post("movements", transfer(sku, 1, 2), Idempotency_Key=sku)
    assert (told.status, told.body["locked"], told.body["available_qty"]) == (200, True, 2)


async def test_the_holder_is_the_key_and_the_actor(system: Stack, caller: Caller, nodes: list[Node], sku: str) -> None:
    """Of many counts at the same time all but the first are refused, and told by whom; all locks are gone afterwards."""
    with Paused(system):
        first = asyncio.create_task(caller.post("movements", count(sku, 1, actor="anna")))
        while sum(node.client.dbsize() for node in nodes) < 5:  # noqa: ASYNC110 nobody tells
            await asyncio.sleep(0.01)
        others = await asyncio.gather(*(caller.post("movements", count(sku, 2, actor="bert")) for _ in range(30)))
    assert {(each.status, each.body["holder"]) for each in others} == {(423, f"anna (API key {key_id(system)})")}
    assert (await first).body["total_qty"] == 1
    assert [node.client.dbsize() for node in nodes] == [0] * 5


async def test_of_a_burst_of_counts_none_is_told_that_nodes_are_away(caller: Caller, sku: str) -> None:
    told = await asyncio.gather(*(caller.post("movements", count(sku, number)) for number in range(60)))
    assert {each.status for each in told} <= {200, 423}
    assert 200 in {each.status for each in told}


async def test_of_a_batch_the_lines_of_a_taken_position_are_refused(caller: Caller, bob: Locks, sku: str) -> None:
    wishes = [receive(sku, 9), count(sku, 5), transfer(sku, 1, 2), transfer(f"{sku}-b", 1, 2), count(f"{sku}-b", 3)]
    wishes += [count(f"{sku}-{number}", number) for number in range(300)] * 2
    async with bob.hold([f"{sku}:2", f"{sku}-7:1"], "bob"):
        told = await done(caller, ndjson(wishes), Idempotency_Key=sku)
    assert told[2]["error"] == f"locked: {sku}:2 is locked by bob"
    assert told[4]["outcome"] == "applied"
    assert [answer["line"] for answer in told if "error" in answer] == [3, 13, 313]
    assert [answer.get("locked") for answer in told[:2]] == [None, True]
    again = await done(caller, ndjson(wishes), Idempotency_Key=sku)
    assert [answer["outcome"] for answer in (again[2], again[12])] == ["applied", "applied"]
    assert [answer["line"] for answer in again if not answer.get("replayed")] == [3, 13, 313]


async def test_two_nodes_killed_change_nothing_and_three_close_the_door(
    caller: Caller, nodes: list[Node], sku: str
) -> None:
    await caller.receive(sku, 5)
    for node in nodes[:2]:
        node.kill()
    told = await caller.post("movements", transfer(sku, 1, 2))
    assert (told.status, told.body["locked"]) == (200, True)
    nodes[2].kill()
    refused = [await caller.post("movements", wish) for wish in (transfer(sku, 1, 2), count(sku, 1))]
    assert [(each.status, each.problem) for each in refused] == [(503, "unavailable")] * 2
    told_lines = await done(caller, ndjson([receive(sku), count(sku, 1), receive(sku)]))
    assert [answer.get("total_qty") for answer in told_lines] == [5, None, 6]
    assert told_lines[1]["error"].startswith("unavailable: too few of the lock nodes")
    assert (await caller.post("movements", receive(sku))).body["total_qty"] == 7


async def test_with_locks_that_are_always_granted_all_invariants_hold(system: Stack, http: Caller, sku: str) -> None:
    """Without nodes everybody gets every lock at once; so all that is opposed here happens at the same time."""
    chance = random.Random(4)
    for warehouse in (1, 2, 3):
        await http.receive(sku, 40, warehouse)
    wishes = [transfer(sku, *chance.sample((1, 2, 3), 2), chance.randint(1, 30)) for _ in range(150)]
    wishes += [count(sku, chance.randint(0, 60)) | {"warehouse_id": chance.randint(1, 3)} for _ in range(60)]
    chance.shuffle(wishes)
    batch = [wish | {"sku_id": sku} for wish in wishes[:100]]
    *told, lines = await asyncio.gather(
        *(http.post("movements", wish) for wish in wishes[100:]), done(http, ndjson(batch))
    )
    decisions = [_decision(each) for each in told] + [answer for answer in lines]
    assert {each["outcome"] for each in decisions} <= {"applied", "insufficient_stock"}
    assert all(each["available_qty"] >= 0 and each["reserved_qty"] == 0 for each in decisions)
    counted = sum(each["quantity"] for each in decisions if (each["type"], each["outcome"]) == ("count", "applied"))
    shelves = (await http.call("GET", f"/inventory/{sku}/availability")).body
    assert sum(shelf["available_qty"] for shelf in shelves) == 120 + counted
    assert await asyncio.to_thread(lambda: audit(signing_settings_at(system.state.root)).clean)


def _decision(told: Told) -> dict[str, object]:
    assert told.status in (200, 409), told
    assert told.body["locked"] is False
    return dict(told.body if told.status == 200 else told.body["decision"])
