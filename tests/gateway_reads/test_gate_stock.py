"""Stock of many partitions in one round trip: whole, or left out, and no reply left behind."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from onhand.lua.format import keys_of
from onhand.lua.gate.client import Gate, connect
from onhand.lua.gate.stock import Stock
from onhand.schemas.faults import Corrupt, Retryable
from tests.gateway_reads.conftest import House, Valkey

WANTED = {0: ["A:1", "NEVER:1"], 1: [], 2: ["B:2"], 3: ["C:3"]}
FOUND = {"A:1": Stock(1, 10), "NEVER:1": Stock(0, 0), "B:2": Stock(2, 20), "C:3": Stock(3, 30)}


@pytest.fixture
async def gate(valkey: Valkey, raw: Any) -> AsyncIterator[Gate]:
    for number, (partition, position) in enumerate([(0, "A:1"), (2, "B:2"), (3, "C:3")], 1):
        raw.hset(keys_of(partition).inv + position, mapping={"available": number, "version": 10 * number})
    client = connect(valkey.url, timeout_s=1.0)
    yield client
    await client.close()


async def test_positions_of_many_partitions(gate: Gate) -> None:
    assert await gate.stock(WANTED) == FOUND
    assert await gate.stock({}) == {}


async def test_a_partition_without_a_mark_is_left_out(gate: Gate, raw: Any) -> None:
    raw.delete(keys_of(2).gate)
    assert await gate.stock(WANTED) == {position: stock for position, stock in FOUND.items() if position != "B:2"}


async def test_what_is_no_stock_is_corrupt_and_the_next_call_is_right(gate: Gate, raw: Any) -> None:
    key = keys_of(0).inv + "A:1"
    raw.hset(key, "available", "many")
    with pytest.raises(Corrupt, match="A:1"):
        await gate.stock(WANTED)
    raw.set(key, "no hash")
    for _ in range(3):
        with pytest.raises(Corrupt, match="WRONGTYPE"):
            await gate.stock(WANTED)
        assert await gate.stock({3: ["C:3"]}) == {"C:3": Stock(3, 30)}


async def test_a_call_that_was_given_up_leaves_no_reply_behind(gate: Gate, valkey: Valkey) -> None:
    await gate.stock(WANTED)
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await gate.stock({0: ["A:1"]})
    finally:
        os.kill(valkey.pid, signal.SIGCONT)
    for _ in range(3):
        assert await gate.stock({3: ["C:3"]}) == {"C:3": Stock(3, 30)}


async def test_a_server_that_hangs_is_retryable(gate: Gate, valkey: Valkey) -> None:
    hasty = connect(valkey.url, timeout_s=0.05)
    await hasty.stock(WANTED)
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        with pytest.raises(Retryable, match="did not answer"):
            await hasty.stock(WANTED)
    finally:
        os.kill(valkey.pid, signal.SIGCONT)
    assert await hasty.stock(WANTED) == FOUND
    await hasty.close()


async def test_while_it_hangs_callers_are_told_by_the_ledger_and_one_at_most_waits(
    house: House, valkey: Valkey
) -> None:
    house.stock("CLOCK", 1, 3)
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        told = [await house.context.shelves.of(["CLOCK"]) for _ in range(50)]
    finally:
        os.kill(valkey.pid, signal.SIGCONT)
    assert {shelf.source for shelves in told for shelf in shelves["CLOCK"]} == {"ledger"}
    assert len(told[-1]["CLOCK"]) == 1
    house.clock.ms += 1_000
    assert (await house.context.shelves.of(["CLOCK"]))["CLOCK"][0].source == "gate"
