"""A Valkey of these tests' own, spoken to without waiting."""

import asyncio
from collections.abc import Iterator

import pytest

from onhand.lua.gate import Gate, connect
from tests.agents.house import Raw
from tests.lua.conftest import raw, server
from tests.simulation.legs.beside import Store

__all__ = ["raw", "server"]


@pytest.fixture
def store(server: str, raw: Raw) -> Iterator[Store]:
    """The emptied server, and the gate's client with a loop of its own."""
    with asyncio.Runner() as runner:
        gate = runner.run(_connected(server))
        yield Store(runner, gate, raw)
        runner.run(gate.close())


async def _connected(url: str) -> Gate:
    return connect(url)
