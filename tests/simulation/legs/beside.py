"""The real script with the model beside it: each batch is decided by both, and what they tell, send and leave must be the same."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import redis

from onhand.agents.gate.batch import Admission, record_hash
from onhand.agents.gate.place import Place
from onhand.agents.gate.telling import tell
from onhand.deploy.audit.oracle import Oracle
from onhand.lua.format import Outcomes, RecordMark, unpack_outcomes
from onhand.lua.gate import Gate
from tests.gate_driver import KEYRING, Record
from tests.legs_gate import same_state
from tests.simulation.legs.engines import Decided, Model, Slip
from tests.simulation.legs.places import Broken

Dump = dict[bytes, bytes]

_EVERY = 3
"""States are compared after batches that end at such an offset: at the end most of what was is forgotten."""


class Store:
    """The gate's server, for worlds that do not wait: the keys of one partition, saved and put back at once."""

    def __init__(self, runner: asyncio.Runner, gate: Gate, raw: "redis.Redis") -> None:
        self.runner, self.gate, self.raw = runner, gate, raw

    def dump(self, partition: int) -> Dump:
        """All that the partition has."""
        keys: Any = self.raw.keys(f"*{{{partition}}}*")
        return {key: self.raw.dump(key) for key in sorted(keys)}

    def put_back(self, partition: int, dump: Dump) -> None:
        """All that the partition has is what was saved."""
        keys: Any = self.raw.keys(f"*{{{partition}}}*")
        pipe = self.raw.pipeline(transaction=True)
        pipe.delete(*keys)
        for key, value in dump.items():
            pipe.restore(key, 0, value)
        pipe.execute()


class Beside:
    """As a `Model`; but what its lane publishes is the script's. `log` is the partition's log, which a recovered lane reads again."""

    def __init__(self, oracle: Oracle, store: Store, log: list[Record]) -> None:
        self.model, self._store, self._log = Model(oracle), store, log
        self._partition = oracle.partition
        self._place = Place(oracle.partition, oracle.partitions, KEYRING)
        self._admission = Admission(self._place, oracle.sweep_limit)
        born = store.gate.birth(oracle.partition, "topic", oracle.partitions, oracle.window_ms, oracle.sweep_limit)
        assert store.runner.run(born)

    @property
    def oracle(self) -> Oracle:
        """As `Engine.oracle`."""
        return self.model.oracle

    @property
    def mark(self) -> int:
        """As `Engine.mark`."""
        return self.model.mark

    def decide(self, records: Sequence[Record], published: int) -> Decided:
        """As `Engine.decide`."""
        before = self.mark
        (batch,) = self._admission.prepare(records)
        last = records[-1]
        mark = RecordMark(last.offset, record_hash(last), last.timestamp)
        call = self._store.gate.decide(self._partition, before, last.offset, published, mark, batch.rows)
        wanted = self.model.decide(records, published)
        answer = self._store.runner.run(call)
        if not isinstance(answer, Outcomes):
            raise Broken(f"the script does not decide: {answer}")
        if last.offset % _EVERY == 0:
            self.check()
        return self._told(batch, answer, wanted)

    def unpublished(self) -> list[Decided]:
        """As the lane finds it in the store and tells it again."""
        mark = self._store.runner.run(self._store.gate.mark(self._partition))
        kept = self.model.unpublished()
        assert mark is not None
        if [batch.last for batch in mark.unpublished] != [decided.last for decided in kept]:
            raise Broken(f"the script keeps {mark.unpublished}, the model {kept}")
        again = []
        for stored, wanted in zip(mark.unpublished, kept, strict=True):
            batch = self._admission.again(self._log[stored.prev + 1 : stored.last + 1])
            again.append(self._told(batch, unpack_outcomes(stored.blob), wanted))
        return again

    def save(self) -> Any:
        """As `Engine.save`."""
        return self.model.save(), self._store.dump(self._partition)

    def put_back(self, saved: Any) -> None:
        """As `Engine.put_back`."""
        model, dump = saved
        self.model.put_back(model)
        self._store.put_back(self._partition, dump)
        self.check()

    def check(self) -> None:
        """The script's state is the model's, key by key."""
        try:
            same_state(self._store.raw, self.oracle)
        except AssertionError as difference:
            raise Broken(f"the states of {self._partition} differ: {difference}") from difference

    def _told(self, batch: Any, answer: Outcomes, wanted: Decided) -> Decided:
        told = tell(self._place, batch, answer.flat)
        slips = [Slip(to, message.value or b"") for to, messages in told.forwards.items() for message in messages]
        decisions = [json.loads(message.value or b"") for message in told.decisions]
        if decisions != wanted.decisions:
            raise Broken(f"the model decides {wanted.decisions}, the script {decisions}")
        if _by_partition(slips) != _by_partition(wanted.slips):
            raise Broken(f"the model sends {wanted.slips}, the script {slips}")
        return Decided(wanted.last, slips, decisions)


def _by_partition(slips: Sequence[Slip]) -> dict[int, list[bytes]]:
    """In order to each partition; the lane sends to one after the other."""
    found: defaultdict[int, list[bytes]] = defaultdict(list)
    for slip in slips:
        found[slip.to].append(slip.value)
    return found
