"""The rate of calls: a bucket that fills by itself, in time that comes in from outside."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis

from onhand.lua.limits import Limits, limits_at
from onhand.schemas.faults import Retryable

NOW_MS = 1_800_000_000_000


@pytest.fixture
async def limits(server: str, raw: "redis.Redis") -> AsyncIterator[Limits]:
    """Ten a second, five at once."""
    made = limits_at(server, per_s=10, most=5)
    yield made
    await made.close()


async def test_so_many_at_once_and_then_one_by_one(limits: Limits) -> None:
    assert [await limits.wait_ms("a", NOW_MS) for _ in range(7)] == [0, 0, 0, 0, 0, 100, 100]
    assert await limits.wait_ms("a", NOW_MS + 40) == 60
    assert [await limits.wait_ms("a", NOW_MS + 100) for _ in range(2)] == [0, 100]


async def test_it_holds_no_more_than_it_holds(limits: Limits) -> None:
    assert await limits.wait_ms("a", NOW_MS) == 0
    assert [await limits.wait_ms("a", NOW_MS + 86_400_000) for _ in range(6)] == [0, 0, 0, 0, 0, 100]


async def test_callers_do_not_share_and_nothing_is_kept_for_ever(limits: Limits, raw: "redis.Redis") -> None:
    for _ in range(5):
        assert await limits.wait_ms("a", NOW_MS) == 0
    assert await limits.wait_ms("b", NOW_MS) == 0
    assert 0 < int(raw.pttl("rate:{a}")) <= 1_500  # type: ignore[arg-type]


async def test_a_clock_that_is_behind_fills_nothing(limits: Limits) -> None:
    for _ in range(5):
        await limits.wait_ms("a", NOW_MS)
    assert await limits.wait_ms("a", NOW_MS - 5_000) == 100
    assert await limits.wait_ms("a", NOW_MS + 100) == 0


async def test_a_server_that_forgot_the_script_is_told_it_again(limits: Limits, raw: "redis.Redis") -> None:
    await limits.wait_ms("a", NOW_MS)
    raw.script_flush()
    assert await limits.wait_ms("a", NOW_MS) == 0


async def test_a_server_that_is_away_is_retryable() -> None:
    with pytest.raises(Retryable):
        await limits_at("redis://127.0.0.1:1/0", per_s=1, most=1).wait_ms("a", NOW_MS)


async def test_calls_at_the_same_time_fetch_once(server: str, raw: "redis.Redis") -> None:
    limits = limits_at(server, per_s=500, most=100)
    assert await asyncio.gather(*(limits.wait_ms("a", NOW_MS) for _ in range(25))) == [0] * 25
    assert raw.hget("rate:{a}", "millitokens") == b"70000"
    await limits.close()


async def test_gateways_share_and_fetch_a_few_at_once(server: str, raw: "redis.Redis") -> None:
    gateways = [limits_at(server, per_s=500, most=100) for _ in range(2)]
    assert await gateways[0].wait_ms("a", NOW_MS) == 0
    assert raw.hget("rate:{a}", "millitokens") == b"90000"
    waits = [await gateway.wait_ms("a", NOW_MS) for gateway in gateways for _ in range(100)]
    assert waits.count(0) == 99
    assert await gateways[0].wait_ms("b", NOW_MS) == 0
    assert await gateways[0].wait_ms("b", NOW_MS + 100) == 0  # what was fetched then is lost
    assert raw.hget("rate:{b}", "millitokens") == b"90000"
    for gateway in gateways:
        await gateway.close()
