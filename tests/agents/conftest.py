"""A Valkey of these tests' own, and a partition on it."""

from collections.abc import AsyncIterator

import pytest

from onhand.agents.gate import lane as gate_lane
from onhand.lua.gate import Gate
from tests.agents.house import House, Raw
from tests.lua.conftest import gate, raw, server

__all__ = ["gate", "raw", "server"]


@pytest.fixture
async def house(gate: Gate, raw: Raw, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A partition that was just born; its lanes look around quickly when idle."""
    monkeypatch.setattr(gate_lane, "_IDLE_S", 0.02)
    made = await House(gate, raw).birth()
    yield made
    await made.stop()
