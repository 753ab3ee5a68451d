"""`bench orders`: reserves over two positions through one gate worker, beside one-line reserves over the same number of positions."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

from onhand.deploy.bench.cpu import Cpu
from onhand.deploy.bench.figures import Figure, Rate, Ratio
from onhand.deploy.bench.gate import PATIENCE_S, Filled, filled, measure_gate, warm
from onhand.deploy.bench.ground import Ground, pids
from onhand.deploy.bench.load import DAY_MS, Load, Pair, fill, ids, receives
from onhand.deploy.bench.samples import Span, span, watch
from onhand.deploy.bench.verify import decisions_since
from onhand.schemas.faults import Corrupt
from onhand.schemas.positions import split_position
from onhand.schemas.topics import COMMANDS, DECISIONS

_SEED = 20_261_122
_RATIO = 1 / 3, None
"""Of the rate of one-line commands: at least, aim."""
_LINES = 2


def measure_orders(ground: Ground, positions: int, count: int) -> Iterator[Figure]:
    """So many orders between twice as many one-line reserves, and how the rates compare: a machine may change its speed meanwhile."""
    before = measure_gate(ground, filled(ground, Load("SINGLE", positions, count)))
    yield before
    load = Load("ORDERS", positions, count)
    measured = _decide(ground, _filled(ground, load))
    name = f"{positions:,} positions, orders of {_LINES} lines"
    orders = Rate.of("gate", name, _of_orders(measured))
    yield orders
    after = measure_gate(ground, filled(ground, Load("SINGLE-AFTER", positions, count)))
    yield after
    yield Ratio("orders : commands", name, 2 * orders.per_s / (before.per_s + after.per_s), *_RATIO)


def two_lines(load: Load, random: Random) -> Iterator[Pair]:
    """Orders over two different positions each, of one unit a line."""
    made, places = ids(random), load.places()
    for number in range(load.commands):
        first, second = random.sample(places, _LINES)
        lines = ",".join(_line(place) for place in (first, second))
        value = (
            f'{{"type":"reserve","id":"{next(made)}","lines":[{lines}],"ttl_ms":{DAY_MS},"order_id":"order-{number}"}}'
        )
        yield first, value.encode()


def _line(place: str) -> str:
    sku_id, warehouse_id = split_position(place)
    return f'{{"sku_id":"{sku_id}","warehouse_id":{warehouse_id},"quantity":1}}'


def _filled(ground: Ground, load: Load) -> Filled:
    place = Filled(load, ground.ends.of(COMMANDS), ground.ends.of(DECISIONS))
    random = Random(_SEED)
    fill(ground.settings.broker, receives(load, random))
    fill(ground.settings.broker, two_lines(load, random))
    return place


def _decide(ground: Ground, place: Filled) -> Span:
    """A worker decides orders and hops; measured are decisions, one for each line."""
    load = place.load
    wanted = load.positions + _LINES * load.commands
    with ground.worker("gate", wait=False) as worker:
        cpu = Cpu(pids(ground, [("gate", worker)]))
        samples = watch(
            lambda: ground.ends.since(DECISIONS, place.decisions_from), wanted, cpu, {"gate": worker}, PATIENCE_S
        )
        ground.settled()
    _verify(ground, place.decisions_from, load.commands)
    return span(samples, warm(load))


def _of_orders(measured: Span) -> Span:
    """The same span, counted in orders."""
    costs = {name: cost * _LINES for name, cost in measured.cpu_us.items()}
    return replace(measured, count=measured.count // _LINES, cpu_us=costs)


def _verify(ground: Ground, decisions_from: Sequence[int], orders: int) -> None:
    """Every order is reserved in both lines and completed once, and no seq is missing."""
    seq: dict[int, int] = {}
    lines = completed = 0
    for partition, decision in decisions_since(ground, decisions_from):
        if decision["seq"] <= seq.get(partition, 0):
            continue  # told again, as a worker does at its start
        if partition in seq and decision["seq"] != seq[partition] + 1:
            raise Corrupt(f"partition {partition}: seq {decision['seq']} comes after {seq[partition]}")
        seq[partition] = decision["seq"]
        if decision["outcome"] not in ("reserved", "applied") or "replayed" in decision:
            raise Corrupt(f"partition {partition}: {decision} was not expected")
        if decision["outcome"] == "reserved":
            lines, completed = lines + 1, completed + decision["complete"]
    if (lines, completed) != (_LINES * orders, orders):
        raise Corrupt(f"{lines} lines reserved, {completed} orders complete, of {orders} orders")
