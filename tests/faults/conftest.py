"""A stack for faults alone: its servers are killed, its workers are started by the tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from onhand.deploy.stack import Stack
from tests.conftest import fresh_directory
from tests.faults.plant import Plant

PARTITIONS = 4
_MOST_RECORDS = "test_expiry"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests with most records come last: from then on each audit, which decides the whole log again, takes seconds more."""
    places = [number for number, item in enumerate(items) if item.path.parent == Path(__file__).parent]
    ordered = sorted((items[number] for number in places), key=lambda item: item.path.stem == _MOST_RECORDS)
    for number, item in zip(places, ordered, strict=True):
        items[number] = item


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
