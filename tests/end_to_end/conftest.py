"""A user of the running system."""

from collections.abc import Iterator

import pytest

from onhand.deploy.stack import Stack
from tests.end_to_end.talk import Talk


@pytest.fixture
def talk(system: Stack) -> Iterator[Talk]:
    """A user's view of the topics."""
    with Talk(system.endpoints["kafka"]) as talk:
        yield talk
