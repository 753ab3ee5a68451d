"""The benches as sequences of figures, each told as soon as it is there."""

from collections.abc import Iterator
from dataclasses import dataclass

from onhand.deploy.bench.expiry import measure_expiry
from onhand.deploy.bench.figures import Figure
from onhand.deploy.bench.gate import decide, filled, measure_gate, measure_ratio
from onhand.deploy.bench.ground import Ground
from onhand.deploy.bench.http import Pressure, measure_http
from onhand.deploy.bench.latency import measure_latency
from onhand.deploy.bench.ledger import measure_ledger, measure_together
from onhand.deploy.bench.load import Load
from onhand.deploy.bench.orders import measure_orders

_WARM_COMMANDS = 100_000


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. `plain`: commands for the plain agent, 0 leaves it out."""

    positions: int = 10_000
    commands: int = 300_000
    plain: int = 25_000
    steady_s: int = 20
    """For latency at the lower rate; at the higher one a quarter of it."""
    holds: int = 1_000_000
    expiry_s: int = 20
    rates: tuple[int, int] = (50, 2_000)


def _loads(size: Size, mark: str = "") -> list[Load]:
    """Many positions and one hot position, reserves only and mixed."""
    return [
        Load(f"WIDE{mark}", size.positions, size.commands),
        Load(f"HOT{mark}", 1, size.commands),
        Load(f"WIDEMIX{mark}", size.positions, size.commands, mix=True),
        Load(f"HOTMIX{mark}", 1, size.commands, mix=True),
    ]


def gate(ground: Ground, size: Size) -> Iterator[Figure]:
    """Each load through the gate; the first also through the plain agent."""
    _warm(ground)
    for load in _loads(size):
        yield from _gate(ground, load, size)


def ledger(ground: Ground, size: Size) -> Iterator[Figure]:
    """The decisions of each load into the ledger."""
    _warm(ground)
    for load in _loads(size):
        place = filled(ground, load)
        decide(ground, place)
        yield measure_ledger(ground, place)


def together(ground: Ground, size: Size) -> Iterator[Figure]:
    """Each load through gate and ledger at the same time."""
    _warm(ground)
    yield from _together(ground, size)


def orders(ground: Ground, size: Size) -> Iterator[Figure]:
    """Orders of two lines beside one-line commands."""
    _warm(ground)
    yield from _orders(ground, size)


def latency(ground: Ground, size: Size) -> Iterator[Figure]:
    """Both rates."""
    slow, fast = size.rates
    yield from measure_latency(ground, slow, slow * size.steady_s)
    yield from measure_latency(ground, fast, fast * max(1, size.steady_s // 4))


def http(ground: Ground, size: Size) -> Iterator[Figure]:
    """Calls of the gateway."""
    _warm(ground)
    yield from _http(ground, size)


def expiry(ground: Ground, size: Size) -> Iterator[Figure]:
    """Among very many holds, the higher rate."""
    yield from measure_expiry(ground, size.positions, size.holds, size.rates[1], size.expiry_s)


def everything(ground: Ground, size: Size) -> Iterator[Figure]:
    """All of it; the ledger takes the decisions that the gate's turn left in their topic."""
    _warm(ground)
    for load in _loads(size):
        yield from _gate(ground, load, size, with_ledger=True)
    yield from _together(ground, size)
    yield from _orders(ground, size)
    yield from latency(ground, size)
    yield from _http(ground, size)
    yield from expiry(ground, size)


def _http(ground: Ground, size: Size) -> Iterator[Figure]:
    yield from measure_http(ground, Pressure(steady_s=size.steady_s))


def _together(ground: Ground, size: Size) -> Iterator[Figure]:
    for load in _loads(size, "-TOGETHER"):
        yield measure_together(ground, filled(ground, load))


def _orders(ground: Ground, size: Size) -> Iterator[Figure]:
    yield from measure_orders(ground, size.positions, max(1, size.commands // 3))


def _warm(ground: Ground) -> None:
    """Commands that are not measured: until the broker's JVM has compiled what it needs it takes three times the CPU."""
    place = filled(ground, Load("WARM", 1_000, _WARM_COMMANDS))
    decide(ground, place)
    measure_ledger(ground, place)


def _gate(ground: Ground, load: Load, size: Size, with_ledger: bool = False) -> Iterator[Figure]:
    place = filled(ground, load)
    measured = measure_gate(ground, place)
    yield measured
    if size.plain and load.positions > 1 and not load.mix:
        yield from measure_ratio(ground, place, measured, size.plain)
    if with_ledger:
        yield measure_ledger(ground, place)
