"""The script against the oracle: whatever the log says, however it is cut, and from whichever older state."""

import asyncio
import json
import random
from typing import Any

import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from onhand.deploy.audit.oracle import Oracle
from onhand.lua.gate import Gate, connect
from onhand.schemas.partitioner import partition_of
from tests.gate_driver import KEYRING, SWEEP, Pair
from tests.scenarios import uid

PARTITION, PARTITIONS, WINDOW_MS, LIMIT = 1, 2, 2_000, 3
SKUS = [name for name in (f"S{n}" for n in range(20)) if partition_of(f"{name}:1", PARTITIONS) == PARTITION][:3]
STRANGE = next(name for name in (f"S{n}" for n in range(20)) if partition_of(f"{name}:1", PARTITIONS) != PARTITION)
IDS = [uid(number) for number in range(12)]
BROKEN = [None, b"", b"{}", b'{"type":"sweep","id":1}', b"\xff", b'{"type":"ship"}']

ids = st.sampled_from(IDS)
units = st.sampled_from([1, 1, 2, 5, 30, 1_000_000_000])
ttls = st.sampled_from([1_000, 1_500, 4_000])


def _at(**fields: Any) -> st.SearchStrategy[bytes]:
    skus = st.sampled_from([*SKUS, *SKUS, *SKUS, STRANGE])
    drawn = {name: f if isinstance(f, st.SearchStrategy) else st.just(f) for name, f in fields.items()}
    return st.fixed_dictionaries({"id": ids, "sku_id": skus, "warehouse_id": st.just(1)} | drawn).map(
        lambda body: json.dumps(body).encode()
    )


def _order(pick: tuple[str, list[tuple[str, int]]]) -> bytes:
    name, wished = pick
    lines = [{"sku_id": sku, "warehouse_id": 1, "quantity": quantity} for sku, quantity in wished]
    return json.dumps({"type": "reserve", "id": name, "lines": lines, "ttl_ms": 1_500}).encode()


orders = st.tuples(ids, st.lists(st.tuples(st.sampled_from([*SKUS, STRANGE]), units), min_size=1, max_size=3)).map(
    _order
)
modes, here = st.sampled_from(["instant", "dispatch"]), st.sampled_from([2, 3, 4])
values = st.one_of(
    _at(type="reserve", quantity=units, ttl_ms=ttls),
    _at(type="reserve", quantity=units, ttl_ms=ttls, channel="web", order_id="é-1"),
    orders,
    orders,
    _at(type="commit", reservation_id=ids),
    _at(type="release", reservation_id=ids, reference_id="r"),
    _at(type="extend", reservation_id=ids, ttl_ms=ttls),
    _at(type=st.sampled_from(["receive", "return"]), quantity=units),
    _at(type="ship", quantity=units, channel="web"),
    _at(type="adjust", delta=st.sampled_from([-7, -1, 3, 1_000_000_000]), reason="x"),
    _at(type="set_reorder", reorder_point=3, reorder_quantity=9),
    _at(type="count", counted_qty=st.sampled_from([0, 3, 40])),
    _at(type="transfer", quantity=units, to_warehouse_id=st.sampled_from([2, 3, 4]), mode=modes),
    _at(type="arrive", transfer_id=ids, quantity=st.sampled_from([0, 1, 5]), final=st.booleans(), warehouse_id=here),
    st.just(SWEEP),
    st.just(SWEEP),
    st.sampled_from(BROKEN),
)
ticks = st.sampled_from([0, 0, 1, 40, 400, 1_000, -700, 2_100, 9_000])
records = st.lists(st.tuples(ticks, st.sampled_from([0, 0, 0, 0, 2]), values), min_size=1, max_size=12)


class GateMachine(RuleBasedStateMachine):
    """Appends, batches of any cut, calls that must be refused, and stores that are put back to an earlier state."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.raw = redis.Redis.from_url(self.url)
        self.gate = self.runner.run(_connect(self.url))
        self.pair = Pair(self.gate, self.raw, Oracle(PARTITION, PARTITIONS, KEYRING, WINDOW_MS, LIMIT))
        self.runner.run(self.pair.birth())
        self.older = self.pair.dump()
        self.now = 1_000_000

    @rule(appended=records)
    def append(self, appended: list[tuple[int, int, bytes | None]]) -> None:
        for tick, hole, value in appended:
            self.now += tick
            self.pair.append(self.now, value, hole)

    @precondition(lambda self: self.pair.pending())
    @rule(cut=st.integers(1, 40), told=st.booleans())
    def decide(self, cut: int, told: bool) -> None:
        published = self.pair.mark if told else self.pair.before
        self.runner.run(self.pair.decide(self.pair.pending()[:cut], published))

    @precondition(lambda self: self.pair.pending() and self.pair.pending()[0].offset > self.pair.mark + 1)
    @rule()
    def decide_hole(self) -> None:
        """Offsets without a record: the mark moves over them, nothing else."""
        last, pair = self.pair.pending()[0].offset - 1, self.pair
        self.runner.run(pair.gate.decide(PARTITION, pair.mark, last, pair.mark, None, []))
        pair.before, pair.mark = pair.mark, last

    @rule()
    def refuse(self) -> None:
        self.runner.run(self.pair.refuses())

    @rule()
    def remember_state(self) -> None:
        self.older = self.pair.dump()

    @rule()
    def put_back(self) -> None:
        self.pair.put_back(self.older)

    @invariant()
    def states_are_equal(self) -> None:
        self.pair.check()

    def teardown(self) -> None:
        while self.pair.pending():
            self.runner.run(self.pair.decide(self.pair.pending()))
        self.pair.check()
        self.runner.run(self.gate.close())
        self.runner.close()
        self.raw.close()


async def _connect(url: str) -> Gate:
    return connect(url)


def test_state_machine(server: str) -> None:
    GateMachine.url = server
    run_state_machine_as_test(
        GateMachine,
        settings=settings(
            max_examples=100, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


async def test_long_log_in_large_batches(gate: Gate, raw: "redis.Redis") -> None:
    """More holds and ends in one call than Lua can pass in one go."""
    chance = random.Random(7)
    pair = Pair(gate, raw, Oracle(PARTITION, PARTITIONS, KEYRING, WINDOW_MS, 400))
    await pair.birth()
    now = 1_000_000
    at = {"sku_id": SKUS[0], "warehouse_id": 1}
    pair.append(now, json.dumps({"type": "receive", "id": uid(1), "quantity": 9_000, **at}).encode())
    held: list[str] = []
    for number in range(2, 4_000):
        now += chance.choice((0, 0, 0, 1))
        kind = chance.choice(("reserve", "reserve", "reserve", "commit", "release", "extend"))
        body: dict[str, Any] = {"type": kind, "id": uid(number), **at}
        if kind == "reserve":
            held.append(uid(number))
            body |= {"quantity": 1 + number % 3, "ttl_ms": 1_000 + number % 5_000}
        else:
            body |= {"reservation_id": chance.choice(held or [uid(1)])}
            body |= {"ttl_ms": 2_500} if kind == "extend" else {}
        pair.append(now, json.dumps(body).encode())
        if number % 300 == 0:
            pair.append(now, SWEEP)
    while pending := pair.pending():
        await pair.decide(pending[: chance.choice((1, 50, 499, 1_500))])
        pair.check()
