"""The composition root of the gateway: an application wired to its servers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from fastapi import FastAPI

from onhand.agents.gateway import examples, health, problems
from onhand.agents.gateway.background import Background
from onhand.agents.gateway.bodies import ProblemBody
from onhand.agents.gateway.context import Context
from onhand.agents.gateway.desk import Desk
from onhand.agents.gateway.doorkeeper import Doorkeeper
from onhand.agents.gateway.finder import Finder
from onhand.agents.gateway.reads.shelves import Shelves
from onhand.agents.gateway.routers import ROUTERS
from onhand.agents.kafka.publisher import KafkaPublisher
from onhand.agents.ports import Clock
from onhand.agents.settings import Settings
from onhand.lua.gate import connect
from onhand.lua.limits import limits_at
from onhand.lua.locks import connect as connect_locks
from onhand.schemas.faults import Retryable
from onhand.sql.api_keys import ApiKeys
from onhand.sql.batches import Batches
from onhand.sql.idempotency import Idempotency
from onhand.sql.partitions import partition_count
from onhand.sql.pool import Pool

log = structlog.get_logger("gateway")

PREFIX = "/api/v1"
_FORGET_S = 600.0


def create_app(settings: Settings, clock: Clock) -> FastAPI:
    """The application; its servers are reached when it starts (its lifespan), which raises `Retryable` where they are away."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_context(settings, clock) as context:
            app.state.context = context
            yield

    app = FastAPI(title="onhand", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    problems.install(app)
    app.include_router(health.router)
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX, responses=examples.EVERYWHERE)
    _describe(app)
    return app


@asynccontextmanager
async def open_context(settings: Settings, clock: Clock) -> AsyncIterator[Context]:
    """What the routes use, for as long as the `async with`."""
    redis, broker = settings.redis.get_secret_value(), settings.broker
    async with AsyncExitStack() as closing:
        pool = Pool(settings.postgres.get_secret_value())
        closing.push_async_callback(pool.close)
        await pool.open()
        partitions = await partition_count(pool)
        if not partitions:
            raise Retryable("the ledger knows no partition: `onhand topics` was not run")
        gate = connect(redis)
        closing.push_async_callback(gate.close)
        limits = limits_at(redis, settings.gateway_rate, 2 * settings.gateway_rate)
        closing.push_async_callback(limits.close)
        locks = connect_locks(settings.lock_urls)
        closing.push_async_callback(locks.close)
        publisher = KafkaPublisher(broker)
        closing.push_async_callback(publisher.close)
        desk = Desk(broker, publisher, partitions, settings.gateway_timeout_s)
        background = Background()
        closing.push_async_callback(background.close)
        for work in (desk.tail.run(), _forget(pool, clock)):
            background.start(work)
        doorkeeper, finder = Doorkeeper(ApiKeys(pool), clock), Finder(gate, pool, partitions)
        shelves = Shelves(gate, pool, partitions, clock)
        yield Context(
            settings, clock, partitions, gate, pool, doorkeeper, limits, finder, shelves, desk, background, locks
        )


async def _forget(pool: Pool, clock: Clock) -> None:
    """Delete the answers of yesterday, now and then."""
    while True:
        try:
            await Idempotency(pool).forget()
            await Batches(pool).forget()
        except Retryable as fault:
            log.warning("old Idempotency-Keys are not deleted now", fault=str(fault))
        await clock.sleep(_FORGET_S)


def _describe(app: FastAPI) -> None:
    """OpenAPI: problems as the answers to what is wrong, everywhere."""
    made = app.openapi

    def described() -> dict[str, object]:
        schema = made()
        body = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
        schema["components"]["schemas"] |= body.pop("$defs") | {"ProblemBody": body}
        return schema

    app.openapi = described  # type: ignore[method-assign]
