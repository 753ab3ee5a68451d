"""The real script beside the oracles: the logs of a world, decided by the gate's lane code, decisions, slips and state compared."""

import json
import random
from collections.abc import Sequence
from typing import Any

import redis

from onhand.agents.gate.batch import Admission, record_hash
from onhand.agents.gate.place import Place
from onhand.agents.gate.telling import tell
from onhand.deploy.audit.gate_view import GateView, Numbers, position_names, read_gate, read_mark
from onhand.deploy.audit.moving import stamps_of
from onhand.deploy.audit.oracle import Oracle
from onhand.lua.format import Outcomes, RecordMark
from onhand.lua.gate import Gate
from tests.gate_driver import Record
from tests.legs_world import KEYRING, World


async def decide_again(gate: Gate, world: World, partition: int, dice: random.Random | None = None) -> None:
    """The whole log of a partition by the script, in batches of random sizes: what it tells and sends is what the oracle did."""
    oracle = world.oracles[partition]
    assert await gate.birth(partition, "topic", world.partitions, oracle.window_ms, oracle.sweep_limit)
    place, mark = Place(partition, world.partitions, KEYRING), -1
    records = [Record(r.offset, r.timestamp_ms, r.value, r.headers or ()) for r in world.logs[partition]]
    while records:
        size = dice.randrange(1, 6) if dice else 1
        piece, records = records[:size], records[size:]
        for batch in Admission(place, oracle.sweep_limit).prepare(piece):
            last = batch.records[-1]
            seen = RecordMark(last.offset, record_hash(last), last.timestamp)
            answer = await gate.decide(partition, mark, last.offset, -1, seen, batch.rows)
            assert isinstance(answer, Outcomes), answer
            told = tell(place, batch, answer.flat)
            _compare(world, partition, [r.offset for r in batch.records], told)
            mark = last.offset


def _compare(world: World, partition: int, offsets: Sequence[int], told: Any) -> None:
    decisions = [json.loads(message.value or b"") for message in told.decisions]
    assert decisions == [decision for offset in offsets for decision in world.told[partition][offset]]
    wanted: dict[int, list[bytes]] = {}
    for offset in offsets:
        for to, value in world.sent[partition][offset]:
            wanted.setdefault(to, []).append(value)
    assert {to: [message.value for message in slips] for to, slips in told.forwards.items()} == wanted


def compare_state(raw: "redis.Redis", world: World, partition: int) -> None:
    """Key by key what the script left is what the oracle has."""
    same_state(raw, world.oracles[partition])


def same_state(raw: "redis.Redis", oracle: Oracle) -> None:
    """Key by key the partition has what the oracle has."""
    view = _view(raw, oracle.partition)
    _same("seq, clock", (view.after.seq, view.after.clock), (oracle.seq, oracle.clock))
    stocks = oracle.positions.items()
    _same("positions", view.positions, {n: Numbers(s.available, s.reserved, s.total, s.version) for n, s in stocks})
    _same("holds", view.holds, oracle.holds)
    _same("transfers", view.opens, oracle.opens)
    _same("due", view.due, {name: hold.expires_at_ms for name, hold in oracle.holds.items() if hold.is_home})
    _same("ids", view.remembered, {generation: done for generation, done in oracle.remembered.items() if done})
    _same("stamps", view.after.seen, stamps_of(oracle.seen))
    _same("stamps untold", view.after.unsaid, stamps_of(oracle.unsaid))


def _same(what: str, found: object, wanted: object) -> None:
    assert found == wanted, f"{what}: the script has {found}, the oracle {wanted}"


def _view(raw: "redis.Redis", partition: int) -> GateView:
    mark = read_mark(raw, partition)
    assert mark is not None
    view = read_gate(raw, partition, mark, position_names(raw).get(partition, []))
    assert view is not None
    return view
