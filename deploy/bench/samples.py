"""Watching something proceed, and the part of it that is measured."""

import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from onhand.deploy.bench.cpu import Cpu, pace
from onhand.schemas.faults import Corrupt

_EVERY_S = 0.05
WARM = 0.05
"""The part of a run that is left out: start-up, recovery, cold caches."""


class Sample(NamedTuple):
    """How much was done at a time, and what it had cost."""

    at_s: float
    done: int
    cpu_s: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Span:
    """What lies between two samples."""

    count: int
    seconds: float
    cpu_us: dict[str, float]
    """CPU microseconds a piece, by process."""
    pace_us: float
    """`cpu.pace` right afterwards."""

    @property
    def per_s(self) -> float:
        """Pieces a second."""
        return self.count / self.seconds


def watch(
    done: Callable[[], int],
    until: int,
    cpu: Cpu,
    workers: Mapping[str, subprocess.Popen[bytes]],
    patience_s: float,
    at_most_s: float = float("inf"),
) -> list[Sample]:
    """Sample until `until` are done or `at_most_s` are over. `Corrupt` if a worker dies or nothing moves for `patience_s`."""
    began = moved = time.monotonic()
    samples = [Sample(began, done(), cpu.seconds())]
    while samples[-1].done < until and samples[-1].at_s - began < at_most_s:
        time.sleep(_EVERY_S)
        cpu_s, count, now = cpu.seconds(), done(), time.monotonic()
        moved = now if count > samples[-1].done else moved
        samples.append(Sample(now, count, cpu_s))
        dead = [name for name, worker in workers.items() if worker.poll() is not None]
        if dead or now - moved > patience_s:
            raise Corrupt(f"{', '.join(dead) or 'a worker'} stopped at {count:,} of {until:,}")
    return samples


def costs(before: Mapping[str, float], after: Mapping[str, float], count: int) -> dict[str, float]:
    """CPU microseconds a piece between two looks at the processes."""
    return {name: (after[name] - before[name]) * 1e6 / count for name in after if name in before}


def span(samples: list[Sample], low: float) -> Span:
    """From the first sample with at least `low` done to the last one; both as they were taken, nothing is interpolated."""
    first = next(sample for sample in samples if sample.done >= low)
    last = next(sample for sample in samples if sample.done >= samples[-1].done)
    count = max(1, last.done - first.done)
    return Span(count, max(1e-9, last.at_s - first.at_s), costs(first.cpu_s, last.cpu_s, count), pace())
