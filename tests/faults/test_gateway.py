"""A gateway whose Kafka dies: it says so, comes back by itself, and nothing is done twice."""

import asyncio

from onhand.sql.api_keys import SCOPES, ApiKeys, NewKey, new_key
from onhand.sql.pool import Pool
from tests.faults.plant import Plant
from tests.gateway.http import asked_until, line
from tests.gateway.process import OwnGateway


async def made_key(plant: Plant) -> NewKey:
    pool, key = Pool(plant.servers.endpoints["postgres"], connections=1), new_key(SCOPES)
    await pool.open()
    await ApiKeys(pool).add(key)
    await pool.close()
    return key


async def test_calls_go_on_after_kafka_was_killed(plant: Plant) -> None:
    await asyncio.to_thread(plant.staff)
    key = await made_key(plant)
    with OwnGateway(plant.servers, gateway_timeout_s=3).serving() as own:
        async with own.caller(key.key) as caller:
            await caller.receive("KAFKA-DIES", 5)
            await asyncio.to_thread(plant.kill_server, "kafka")
            told = await asked_until(
                lambda: caller.post("reserve", [line("KAFKA-DIES", 2)], Idempotency_Key="once"),
                lambda told: told.status == 201,
                within_s=60,
            )
            commit = {"reservation_id": told.body["reservation_id"]}
            sold = await asked_until(  # a 504 where the ledger's worker is not back yet: the same call again tells
                lambda: caller.post("commit", commit), lambda told: told.status != 504, within_s=60
            )
            assert sold.status == 200, sold
            short = await caller.post("reserve", [line("KAFKA-DIES", 4)])
            assert short.body["lines"][0]["available_qty"] == 3
        own.process.terminate()
        assert await own.ended() == 0
    await asyncio.to_thread(plant.proven)
