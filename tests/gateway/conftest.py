"""Callers of the system's gateway."""

import uuid
from collections.abc import AsyncIterator

import pytest

from onhand.deploy.stack import Stack
from tests.gateway.http import Caller


@pytest.fixture
async def http(system: Stack) -> AsyncIterator[Caller]:
    """A caller with all scopes."""
    async with Caller(system.endpoints["gateway"], system.endpoints["api_key"]) as caller:
        yield caller


@pytest.fixture
def sku() -> str:
    """A SKU that nobody has used."""
    return f"GW-{uuid.uuid4().hex[:12]}"
