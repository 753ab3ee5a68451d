"""`bench gate`: a filled log, one worker, from command record to decision record; and the plain agent on the same data."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from onhand.deploy.bench.cpu import Cpu
from onhand.deploy.bench.figures import Figure, Rate, Ratio
from onhand.deploy.bench.ground import Ground, pids
from onhand.deploy.bench.load import Load, fill, receives, wishes
from onhand.deploy.bench.samples import WARM, Span, span, watch
from onhand.deploy.bench.verify import verify
from onhand.deploy.bench.yardstick import measure_plain
from onhand.schemas.topics import COMMANDS, DECISIONS

PATIENCE_S = 60.0
_GOALS: dict[tuple[bool, bool], tuple[float | None, float | None]] = {
    (True, False): (22_000, 45_000),
    (False, False): (35_000, 60_000),
}
"""By (one hot position, mix): at least, aim."""
_RATIO = 15.0, 30.0
_SEED = 20_251_122


class Filled(NamedTuple):
    """A load that stands in the log: where it begins there, and where its decisions will begin."""

    load: Load
    commands_from: list[int]
    decisions_from: list[int]


def filled(ground: Ground, load: Load) -> Filled:
    """Put the load into the log."""
    place = Filled(load, ground.ends.of(COMMANDS), ground.ends.of(DECISIONS))
    random = Random(_SEED)
    fill(ground.settings.broker, receives(load, random))
    fill(ground.settings.broker, wishes(load, random))
    return place


def decide(ground: Ground, place: Filled) -> tuple[Span, dict[str, int]]:
    """Let one gate worker decide the load; what was measured, and its decisions by outcome, verified."""
    load = place.load
    with ground.worker("gate", wait=False) as worker:
        cpu = Cpu(pids(ground, [("gate", worker)]))
        samples = watch(
            lambda: ground.ends.since(DECISIONS, place.decisions_from), load.total, cpu, {"gate": worker}, PATIENCE_S
        )
        ground.settled()
    return span(samples, warm(load)), verify(ground, place.commands_from, place.decisions_from)


def warm(load: Load) -> float:
    """How much of a load is done before measuring begins: the receives, and a part of the rest."""
    return load.positions + WARM * load.commands


def measure_gate(ground: Ground, place: Filled) -> Rate:
    """The gate's rate on a load."""
    measured, outcomes = decide(ground, place)
    load = place.load
    at_least, aim = _GOALS.get((load.positions == 1, load.mix), (None, None))
    return Rate.of("gate", load.name, measured, at_least, aim, outcomes)


def measure_ratio(ground: Ground, place: Filled, gate: Rate, commands: int) -> Iterator[Figure]:
    """The plain agent on the same data, and how much faster the gate was."""
    plain = measure_plain(ground, place.commands_from, min(commands, place.load.total))
    yield Rate.of("plain Faust agent", place.load.name, plain)
    yield Ratio("gate : plain", place.load.name, gate.per_s / plain.per_s, *_RATIO)
