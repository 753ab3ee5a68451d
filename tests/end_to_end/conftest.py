"""The whole system: servers and workers, one for all end-to-end tests of a run."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from onhand.deploy.stack import Stack
from tests.end_to_end.talk import Talk


@pytest.fixture(scope="session")
def system() -> Iterator[Stack]:
    """A stack with two gate workers and a ledger worker; `system.state.root` is its state directory."""
    with tempfile.TemporaryDirectory(prefix="onhand-test-") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL, which is somebody else if we are root, must enter
        with Stack(Path(folder), gates=2) as running:
            yield running


@pytest.fixture
def talk(system: Stack) -> Iterator[Talk]:
    """A user's view of the topics."""
    with Talk(system.endpoints["kafka"]) as talk:
        yield talk
