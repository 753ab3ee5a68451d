"""The composition root of the gateway: an application wired to its servers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from onhand.agents.gateway import problems
from onhand.agents.gateway.context import Context
from onhand.agents.gateway.doorkeeper import Doorkeeper
from onhand.agents.gateway.routers import ROUTERS
from onhand.agents.ports import Clock
from onhand.agents.settings import Settings
from onhand.lua.gate import connect
from onhand.schemas.faults import Retryable
from onhand.sql.api_keys import ApiKeys
from onhand.sql.partitions import partition_count
from onhand.sql.pool import Pool

PREFIX = "/api/v1"


def create_app(settings: Settings, clock: Clock) -> FastAPI:
    """The application; its servers are reached when it starts (its lifespan), which raises `Retryable` where they are away."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_context(settings, clock) as context:
            app.state.context = context
            yield

    app = FastAPI(title="onhand", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
    return app


@asynccontextmanager
async def open_context(settings: Settings, clock: Clock) -> AsyncIterator[Context]:
    """What the routes use, for as long as the `async with`."""
    async with AsyncExitStack() as closing:
        pool = Pool(settings.postgres.get_secret_value())
        closing.push_async_callback(pool.close)
        await pool.open()
        partitions = await partition_count(pool)
        if not partitions:
            raise Retryable("the ledger knows no partition: `onhand topics` was not run")
        gate = connect(settings.redis.get_secret_value())
        closing.push_async_callback(gate.close)
        yield Context(settings, clock, partitions, gate, pool, Doorkeeper(ApiKeys(pool), clock))
