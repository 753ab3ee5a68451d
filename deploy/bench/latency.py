"""`bench latency`: steady traffic through a gate worker and a ledger worker, each event timed by a client."""

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from onhand.deploy.bench.cpu import Cpu
from onhand.deploy.bench.figures import Figure, Latency
from onhand.deploy.bench.ground import Ground, pids
from onhand.deploy.bench.load import DAY_MS, Load, Pair, command, fill, ids, receives
from onhand.deploy.bench.samples import costs
from onhand.deploy.bench.traffic import Listener, Sender
from onhand.schemas.topics import DECISIONS, LEDGER

_DECISION_GOALS: dict[int, tuple[tuple[float, float], tuple[float, float]]] = {50: ((8, 30), (4, 10))}
_COMMITTED_GOALS = (None, 400.0), (None, 200.0)
_POSITIONS = 1_000
_WARM_UP = 100


class _Heard:
    """When decisions came, by the command's id, and `reservation.committed`, by the reservation's."""

    def __init__(self) -> None:
        self.decided: dict[str, float] = {}
        self.committed: dict[str, float] = {}

    def __call__(self, topic: str, value: Mapping[str, Any], at_s: float) -> None:
        """A record came; of one that comes again the first time counts."""
        if topic == DECISIONS:
            self.decided.setdefault(value["id"], at_s)
        elif "reservation_id" in value:
            self.committed.setdefault(value["reservation_id"], at_s)


def measure_latency(ground: Ground, rate: int, count: int) -> Iterator[Figure]:
    """`count` reserves at `rate` a second, then the commits of them."""
    random = Random(rate)
    load = Load(f"STEADY{rate}", _POSITIONS, count)
    with ground.worker("ledger") as ledger, ground.worker("gate") as gate:
        heard, cpu = _Heard(), Cpu(pids(ground, [("gate", gate), ("ledger", ledger)]))
        with Listener(ground, (DECISIONS, LEDGER), heard) as listener:
            fill(ground.settings.broker, receives(load, random))
            listener.wait(lambda: len(heard.decided) == _POSITIONS, "receives")
            sender = Sender(ground)
            sender.send(_reserves(load, random, _WARM_UP)[1], rate)
            reservations, pairs = _reserves(load, random, count)
            before = cpu.seconds()
            reserved = dict(zip(reservations, sender.send(pairs, rate), strict=True))
            listener.wait(lambda: heard.decided.keys() >= reserved.keys(), "decisions on reserves")
            wishes, pairs = _commits(reservations, random)
            asked = dict(zip(wishes, sender.send(pairs, rate), strict=True))
            listener.wait(lambda: heard.decided.keys() >= asked.keys(), "decisions on commits")
            listener.wait(lambda: heard.committed.keys() >= reserved.keys(), "reservation.committed")
        spent = costs(before, cpu.seconds(), 2 * count)
    at_least, aim = _DECISION_GOALS.get(rate, (None, None))
    late = [heard.decided[id_] - at_s for id_, at_s in (reserved | asked).items()]
    yield Latency.of("command → decision", f"{rate:,}/s", late, at_least, aim, spent)
    late = [heard.committed[wishes[id_]] - at_s for id_, at_s in asked.items()]
    yield Latency.of("commit → reservation.committed", f"{rate:,}/s", late, *_COMMITTED_GOALS)


def _reserves(load: Load, random: Random, count: int) -> tuple[dict[str, str], list[Pair]]:
    """Reservations (id to position), and the commands that make them."""
    made, places = ids(random), load.places()
    reservations = {next(made): random.choice(places) for _ in range(count)}
    return reservations, [
        (position, command("reserve", id_, position, quantity=1, ttl_ms=DAY_MS))
        for id_, position in reservations.items()
    ]


def _commits(reservations: Mapping[str, str], random: Random) -> tuple[dict[str, str], list[Pair]]:
    """Commits (id to reservation), and the commands."""
    made = ids(random)
    wishes = {next(made): reservation_id for reservation_id in reservations}
    pairs = [
        (reservations[target], command("commit", id_, reservations[target], reservation_id=target))
        for id_, target in wishes.items()
    ]
    return wishes, pairs
