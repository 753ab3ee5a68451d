"""The benches as sequences of figures, each told when it is there."""

from collections.abc import Iterator

from onhand.deploy.bench.figures import Figure
from onhand.deploy.bench.gate import filled, measure_gate, measure_ratio
from onhand.deploy.bench.ground import Ground
from onhand.deploy.bench.load import Load


def loads(positions: int, commands: int) -> list[Load]:
    """Many positions and one hot position, reserves only and mixed."""
    return [
        Load("WIDE", positions, commands),
        Load("HOT", 1, commands),
        Load("WIDEMIX", positions, commands, mix=True),
        Load("HOTMIX", 1, commands, mix=True),
    ]


def gate(ground: Ground, positions: int, commands: int, plain: int) -> Iterator[Figure]:
    """Each load through the gate; the first also through the plain agent."""
    for number, load in enumerate(loads(positions, commands)):
        place = filled(ground, load)
        measured = measure_gate(ground, place)
        yield measured
        if number == 0 and plain:
            yield from measure_ratio(ground, place, measured, plain)
