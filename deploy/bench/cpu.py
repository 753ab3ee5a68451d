"""CPU time of processes with their children, as the system counts it."""

import time
from collections.abc import Mapping
from statistics import median

import psutil

ELSEWHERE = "elsewhere"


class Cpu:
    """The processes that a measurement looks at, by name."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._roots = {name: psutil.Process(pid) for name, pid in pids.items()}

    def seconds(self) -> dict[str, float]:
        """User and system seconds so far, of each process and all below it; of one that ended nothing is told.

        `elsewhere` is the rest of the machine: this process, and whatever else disturbs the measurement.
        """
        found = {}
        for name, root in self._roots.items():
            try:
                found[name] = _tree_seconds(root)
            except psutil.NoSuchProcess:
                continue
        return found | {ELSEWHERE: _machine_seconds() - sum(found.values())}


def pace() -> float:
    """CPU microseconds of a fixed piece of Python, as the median of some runs: how fast a core is just now.

    On a virtual machine it may double from one minute to the next, and all CPU figures with it.
    """
    return median(_piece() for _ in range(9))


def _piece() -> float:
    began, total = time.process_time_ns(), 0
    for number in range(20_000):
        total += number * number
    return (time.process_time_ns() - began) / 1_000


def _machine_seconds() -> float:
    """Busy seconds of all cores since the machine started (guests count in `user` already)."""
    times = psutil.cpu_times()
    waiting = (
        times.idle + getattr(times, "iowait", 0.0) + getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    )
    return float(sum(times) - waiting)


def _tree_seconds(root: psutil.Process) -> float:
    own = root.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in root.children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:  # it ended just now, and counts among its parent's children from now on
            continue
        total += times.user + times.system
    return float(total)
