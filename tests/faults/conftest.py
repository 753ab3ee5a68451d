"""A stack for faults alone: its servers are killed, its workers are started by the tests."""

import os
from collections.abc import Iterator

import pytest

from onhand.deploy.stack import Stack
from tests.conftest import fresh_directory
from tests.faults.plant import Plant

PARTITIONS = 4


@pytest.fixture(scope="package")
def servers() -> Iterator[Stack]:
    """Servers with tables and topics, no workers."""
    env = dict(os.environ) | {"ONHAND_PARTITIONS": str(PARTITIONS)}
    with fresh_directory() as directory, Stack(directory, gates=0, base_env=env) as running:
        yield running


@pytest.fixture
def plant(servers: Stack) -> Iterator[Plant]:
    """The servers, and workers that end with the test."""
    with Plant(servers) as plant:
        yield plant
