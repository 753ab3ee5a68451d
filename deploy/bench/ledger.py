"""`bench ledger`: decisions that stand in their topic become durable and announced; and both workers at the same time."""

import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing

from onhand.deploy.bench.cpu import Cpu
from onhand.deploy.bench.durable import Durable, announced
from onhand.deploy.bench.figures import Rate
from onhand.deploy.bench.gate import PATIENCE_S, Filled, warm
from onhand.deploy.bench.ground import Ground, pids
from onhand.deploy.bench.samples import Sample, Span, span, watch
from onhand.deploy.bench.verify import verify
from onhand.schemas.faults import Corrupt
from onhand.schemas.topics import LEDGER, STOCK

_LEDGER_GOALS = 25_000.0, 60_000.0
_TOGETHER_GOALS = 15_000.0, 35_000.0
_ANNOUNCED_WITHIN_S = 20.0


def measure_ledger(ground: Ground, place: Filled) -> Rate:
    """One ledger worker on the decisions of a load, which are all there; the gate has stopped."""
    measured, counts = _measure(ground, place, ("ledger",))
    return Rate.of("ledger", place.load.name, measured, *_LEDGER_GOALS, counts)


def measure_together(ground: Ground, place: Filled) -> Rate:
    """A gate worker and a ledger worker on a load that stands in the log: from command to durable."""
    measured, counts = _measure(ground, place, ("ledger", "gate"))
    verify(ground, place.commands_from, place.decisions_from)
    return Rate.of("gate and ledger", place.load.name, measured, *_TOGETHER_GOALS, counts)


def _measure(ground: Ground, place: Filled, roles: tuple[str, ...]) -> tuple[Span, dict[str, int]]:
    load = place.load
    with closing(Durable(ground)) as durable, ExitStack() as running:
        _catch_up(ground, durable, place)
        before = durable.decisions()
        stock_from, ledger_from = ground.ends.of(STOCK), ground.ends.of(LEDGER)
        workers = {role: running.enter_context(ground.worker(role, wait=role != roles[-1])) for role in roles}
        samples = _watch(ground, durable, before, load.total, workers)
        if "gate" in workers:
            ground.settled()
        counts, last_s = _announced(ground, durable, load.prefix, stock_from, ledger_from)
    end = samples[-1]
    sent_s = last_s - time.time() + time.monotonic()
    samples[-1] = end._replace(at_s=max(end.at_s, sent_s))
    return span(samples, warm(load)), counts


def _catch_up(ground: Ground, durable: Durable, place: Filled) -> None:
    """Let the ledger take what was decided before the load, if anything was left."""

    def taken() -> int:
        pairs = zip(durable.next_offsets(), place.decisions_from, strict=True)
        return sum(min(offset, start) for offset, start in pairs)

    if taken() < sum(place.decisions_from):
        with ground.worker("ledger") as worker:
            watch(taken, sum(place.decisions_from), Cpu({}), {"ledger": worker}, PATIENCE_S)


def _watch(
    ground: Ground, durable: Durable, before: int, total: int, workers: Mapping[str, subprocess.Popen[bytes]]
) -> list[Sample]:
    cpu = Cpu(pids(ground, list(workers.items())))
    return watch(lambda: durable.decisions() - before, total, cpu, workers, PATIENCE_S)


def _announced(
    ground: Ground, durable: Durable, prefix: str, stock_from: list[int], ledger_from: list[int]
) -> tuple[dict[str, int], float]:
    """As soon as it is so: the events of the last windows are sent after they are durable."""
    until = time.monotonic() + _ANNOUNCED_WITHIN_S
    while True:
        try:
            return announced(ground, durable, prefix, stock_from, ledger_from)
        except Corrupt:
            if time.monotonic() > until:
                raise
