"""The gateway as a process: rates, time-outs, servers that are away, and how it ends."""

import asyncio
import signal
import uuid

from onhand.deploy.stack import Stack
from tests.gateway.http import Caller, asked_until, line
from tests.gateway.process import OwnGateway, Paused

NOBODY = "127.0.0.1:1"
_UNDER_WAY = "onhand_http_requests_under_way 2.0"
"""The one that asks, and another."""


async def test_a_rate_is_shared_between_gateways(system: Stack, sku: str) -> None:
    with OwnGateway(system, gateway_rate=2) as one, OwnGateway(system, gateway_rate=2) as other:
        async with one.serving().caller() as first, other.serving().caller() as second:
            callers = [first, second] * 10
            told = await asyncio.gather(*(caller.post("reserve", [line(sku, 1)]) for caller in callers))
            assert sum(each.status == 429 for each in told) >= 10
            refused = next(each for each in told if each.status == 429)
            assert (refused.problem, int(refused.headers["Retry-After"])) == ("too-many", 1)
            assert sum(each.status == 409 for each in told) >= 4  # the bucket holds two seconds' worth
            await asyncio.sleep(int(refused.headers["Retry-After"]))
            assert (await first.post("reserve", [line(sku, 1)])).status == 409


async def test_a_late_answer_is_told_and_the_same_call_tells_it(system: Stack, http: Caller, sku: str) -> None:
    await http.receive(sku, 5)
    with OwnGateway(system, gateway_timeout_s=1).serving() as own:
        async with own.caller() as caller:
            with Paused(system):
                late = await caller.post("reserve", [line(sku, 2)], Idempotency_Key=sku)
            assert (late.status, late.problem) == (504, "timeout")
            told = await caller.post("reserve", [line(sku, 2)], Idempotency_Key=sku)
            assert (told.status, told.body["reservation_id"]) == (201, late.body["reservation_id"])
    short = await http.post("reserve", [line(sku, 4)])
    assert short.body["lines"][0]["available_qty"] == 3


async def test_it_finishes_what_is_under_way_before_it_ends(system: Stack, http: Caller, sku: str) -> None:
    await http.receive(sku, 5)
    with OwnGateway(system, gateway_drain_s=0).serving() as own:
        async with own.caller() as caller:
            with Paused(system):
                waiting = asyncio.create_task(caller.post("reserve", [line(sku, 1)]))
                await asked_until(lambda: caller.call("GET", "//metrics"), lambda told: _UNDER_WAY in told.body)
                own.process.send_signal(signal.SIGTERM)
                drained = await asked_until(lambda: caller.call("GET", "//readyz"), lambda told: told.status != 200)
                assert not waiting.done()
            assert drained.problem == "unavailable"
            assert (await waiting).status == 201
        assert await own.ended() == 0


async def test_without_kafka_it_lives_and_says_so(system: Stack, sku: str) -> None:
    with OwnGateway(system, kafka=NOBODY).listening() as own:
        async with own.caller() as caller:
            assert (await caller.call("GET", "//livez")).status == 200
            assert (await caller.call("GET", "//readyz")).problem == "unavailable"
            told = await caller.post("reserve", {"lines": [line(sku, 1)], "reservation_id": str(uuid.uuid4())})
            assert (told.status, told.problem, "reservation_id" in told.body) == (503, "unavailable", True)


async def test_without_redis_it_finds_reservations_in_the_ledger(system: Stack, http: Caller, sku: str) -> None:
    await http.receive(sku, 5)
    held, sold = await http.reserve(sku, 1), await http.reserve(sku, 1)
    assert (await http.post("commit", {"reservation_id": sold})).status == 200  # so the ledger has the other one, too
    with OwnGateway(system, redis=f"redis://{NOBODY}/0").serving() as own:
        async with own.caller() as caller:
            assert (await caller.post("commit", {"reservation_id": held})).status == 200
            assert (await caller.post("release", {"reservation_id": str(uuid.uuid4())})).status == 503


async def test_a_port_that_is_taken_is_told(system: Stack) -> None:
    taken = system.endpoints["gateway"].rpartition(":")[2]
    with OwnGateway(system, gateway_port=taken) as own:
        assert await own.ended() == 1
        assert "cannot listen" in own.log.read_text()


async def test_without_a_ledger_it_does_not_start(system: Stack) -> None:
    with OwnGateway(system, postgres=f"postgresql://onhand:not-told@{NOBODY}/onhand") as own:
        assert await own.ended() == 3
        assert "not-told" not in own.log.read_text()
