"""Waiting for what tests wait for."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T], within_s: float = 20.0, every_s: float = 0.02) -> T:
    """Look again and again until the answer is true; that answer."""
    end = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < end, f"{look} was not true within {within_s} s"
        time.sleep(every_s)
    return found
