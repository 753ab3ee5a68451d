"""The system under test: one per test run, started when the first test asks for it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest

from onhand.deploy.stack import Stack
from tests.docker_servers import docker_servers


@pytest.fixture(scope="session")
def system() -> Iterator[Stack]:
    """The whole system with two gate workers and a ledger worker: `system.endpoints`, `system.environment`, `system.state`.

    ONHAND_TEST_STACK=docker takes the servers from containers; ONHAND_KAFKA, ONHAND_REDIS, ONHAND_POSTGRES name others.
    """
    with fresh_directory() as directory, _servers() as env, Stack(directory, gates=2, base_env=env) as running:
        yield running


def _servers() -> AbstractContextManager[dict[str, str]]:
    return docker_servers() if os.environ.get("ONHAND_TEST_STACK") == "docker" else nullcontext(dict(os.environ))


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """A state directory for one test, gone after it."""
    with fresh_directory() as directory:
        yield directory


@contextmanager
def fresh_directory() -> Iterator[Path]:
    """Unlike pytest's own folders open to everybody: PostgreSQL, which is somebody else if we are root, must enter."""
    with tempfile.TemporaryDirectory(prefix="onhand-test-") as name:
        os.chmod(name, 0o755)
        yield Path(name)
