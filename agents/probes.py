"""Named points between two effects, at which a test may let the process die; in production they do nothing."""

import os
import signal
from collections.abc import Callable
from typing import Literal

Point = Literal[
    "before_script",
    "after_script",
    "after_forwards",
    "after_publish",
    "before_ledger_commit",
    "after_ledger_commit",
    "after_ledger_events",
    "before_requests",
    "after_requests",
]
Probe = Callable[[Point], None]


def no_probe(point: Point) -> None:
    """Pass on."""


def deadly_probe(spec: str) -> Probe:
    """Of ``after_script:17``: the process gets SIGKILL when it passes that point for the 17th time."""
    name, _, count = spec.partition(":")
    left = int(count or 1)

    def probe(point: Point) -> None:
        nonlocal left
        if point == name:
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return probe
