"""How late reservations are released when many expire and very many are active."""

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from onhand.deploy.bench.cpu import Cpu
from onhand.deploy.bench.figures import Figure, Latency, Rate
from onhand.deploy.bench.gate import PATIENCE_S, filled
from onhand.deploy.bench.ground import Ground, pids
from onhand.deploy.bench.load import Load, Pair, command, fill, ids
from onhand.deploy.bench.samples import span, watch
from onhand.deploy.bench.traffic import Listener
from onhand.schemas.topics import DECISIONS

_LEAD_MS = 5_000
_WITHIN_MS = 2_000.0


class _Heard:
    """Expiries promised and how late they were told."""

    def __init__(self) -> None:
        self.promised: dict[str, int] = {}
        self.late_s: list[float] = []

    def __call__(self, topic: str, value: Mapping[str, Any], at_s: float) -> None:
        """A decision came."""
        if value["outcome"] == "reserved":
            self.promised[value["id"]] = value["expires_at_ms"]
        elif value["outcome"] == "expired":
            self.late_s.append(at_s - self.promised.pop(value["reservation_id"]) / 1_000)


def measure_expiry(
    ground: Ground, positions: int, holds: int, rate: int, seconds: int, lead_ms: int = _LEAD_MS
) -> Iterator[Figure]:
    """`rate` reservations a second expire for so long, while `holds` others stay; told by the decision's arrival.

    The first expires `lead_ms` after it was wished: so long it may take until all are reserved.
    """
    place = filled(ground, Load("HELD", positions, holds))
    heard, count = _Heard(), rate * seconds
    with ground.worker("gate") as worker:
        cpu, workers = Cpu(pids(ground, [("gate", worker)])), {"gate": worker}
        watch(lambda: ground.ends.since(DECISIONS, place.decisions_from), place.load.total, cpu, workers, PATIENCE_S)
        with Listener(ground, [DECISIONS], heard):
            fill(ground.settings.broker, _short_lived(place.load, count, rate, lead_ms))
            samples = watch(lambda: len(heard.late_s), count, cpu, workers, PATIENCE_S)
    name = f"{holds:,} active holds, {rate:,} expiries/s"
    yield Latency.of("expiry → decision", name, heard.late_s, (None, _WITHIN_MS))
    yield Rate.of("expiry", name, span(samples, count * 0.05))


def _short_lived(load: Load, count: int, rate: int, lead_ms: int) -> Iterator[Pair]:
    """Reserves that expire one after the other at that rate, beginning in `lead_ms`."""
    random = Random(rate)
    made, places = ids(random), load.places()
    for number in range(count):
        position = random.choice(places)
        yield position, command("reserve", next(made), position, quantity=1, ttl_ms=lead_ms + number * 1_000 // rate)
