"""The real script beside the oracle: one log, fed to both, decisions and state compared."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import redis

from onhand.agents.gate.batch import Admission, record_hash
from onhand.agents.gate.place import Place
from onhand.agents.gate.telling import tell
from onhand.deploy.audit.gate_view import GateView, Numbers, position_names, read_gate, read_mark
from onhand.deploy.audit.moving import stamps_of
from onhand.deploy.audit.oracle import Oracle
from onhand.lua.format import Already, Gap, Outcomes, RecordMark
from onhand.lua.gate import Gate
from onhand.schemas.signing import HEADER, Keyring

KEYRING = Keyring.parse("test:" + "5a" * 32)
SWEEP = b'{"type":"sweep"}'


class Record(NamedTuple):
    """A record as the agents see it."""

    offset: int
    timestamp: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    key: bytes | None = None


def record(offset: int, timestamp: int, value: bytes | None) -> Record:
    """A record; a sweep is signed."""
    headers = [(HEADER, KEYRING.sign(SWEEP).encode())] if value == SWEEP else ()
    return Record(offset, timestamp, value, headers)


class Pair:
    """One partition, decided by the script and by the oracle. The log may be cut into batches anywhere."""

    def __init__(self, gate: Gate, raw: "redis.Redis", oracle: Oracle) -> None:
        self.gate = gate
        self.raw = raw
        self.oracle = oracle
        self.partition = oracle.partition
        self.log: list[Record] = []
        self.told: dict[int, list[dict[str, Any]]] = {}
        self.sent: dict[int, list[tuple[int, bytes]]] = {}
        self.mark = -1
        self.before = -1

    async def birth(self) -> None:
        """An empty store with the partition's first mark."""
        self.raw.flushall()
        assert await self.gate.birth(self.partition, "topic", 1, self.oracle.window_ms, self.oracle.sweep_limit)

    def append(self, timestamp: int, value: bytes | None, hole: int = 0) -> None:
        """A record at the log's end, behind `hole` offsets that hold none. The oracle decides it at once."""
        offset = (self.log[-1].offset if self.log else -1) + 1 + hole
        self.log.append(record(offset, timestamp, value))
        last = self.log[-1]
        self.told[offset] = self.oracle.decide(offset, timestamp, None, value, list(last.headers))
        self.sent[offset] = list(self.oracle.forwards)

    def pending(self) -> list[Record]:
        """Records that the script has not decided."""
        return [r for r in self.log if r.offset > self.mark]

    async def decide(self, records: Sequence[Record], published: int = -1) -> list[dict[str, Any]]:
        """The script decides the next records; its decisions and slips must be the oracle's."""
        place = Place(self.partition, self.oracle.partitions, KEYRING)
        admission = Admission(place, self.oracle.sweep_limit)
        told: list[dict[str, Any]] = []
        sent: list[tuple[int, bytes]] = []
        for batch in admission.prepare(records):
            last = batch.records[-1]
            seen = RecordMark(last.offset, record_hash(last), last.timestamp)
            answer = await self.gate.decide(self.partition, self.mark, last.offset, published, seen, batch.rows)
            assert isinstance(answer, Outcomes), answer
            forwards, messages, _ = tell(place, batch, answer.flat)
            sent += [(to, slip.value or b"") for to, slips in forwards.items() for slip in slips]
            told += [json.loads(message.value or b"") for message in messages]
            for message, decision in zip(messages, told[len(told) - len(messages) :], strict=True):
                assert (message.key is None) == ("sku_id" not in decision)
            self.before, self.mark, published = self.mark, last.offset, self.mark
        assert told == [decision for r in records for decision in self.told[r.offset]]
        assert sorted(sent) == sorted(slip for r in records for slip in self.sent[r.offset])
        return told

    async def refuses(self) -> None:
        """A batch that is decided already, and one that comes too early, change nothing."""
        before = self.dump()
        if self.mark >= 0:
            assert await self.gate.decide(self.partition, self.before, self.mark, -1, None, []) == Already(self.mark)
        assert await self.gate.decide(self.partition, self.mark + 3, self.mark + 5, -1, None, []) == Gap(self.mark)
        assert self.dump() == before

    def dump(self) -> dict[bytes, bytes]:
        """All keys of the store, as bytes."""
        return {key: self.raw.dump(key) for key in sorted(self.raw.keys())}

    def put_back(self, dump: dict[bytes, bytes]) -> None:
        """All keys as they were, the watermark among them."""
        self.raw.flushdb()
        for key, value in dump.items():
            self.raw.restore(key, 0, value)
        mark = read_mark(self.raw, self.partition)
        assert mark is not None
        self.mark, self.before = mark.offset, max(mark.offset - 1, -1)

    def view(self) -> GateView:
        """The script's state."""
        mark = read_mark(self.raw, self.partition)
        assert mark is not None
        view = read_gate(self.raw, self.partition, mark, position_names(self.raw).get(self.partition, []))
        assert view is not None
        return view

    def check(self) -> None:
        """Where both have decided the whole log, their states are equal."""
        view, oracle = self.view(), self.oracle
        assert view.before.offset == self.mark
        if self.pending() or not self.log:
            return
        assert (view.before.seq, view.before.clock) == (oracle.seq, oracle.clock)
        stocks = oracle.positions.items()
        assert view.positions == {name: Numbers(s.available, s.reserved, s.total, s.version) for name, s in stocks}
        assert view.holds == oracle.holds
        assert view.due == {name: hold.expires_at_ms for name, hold in oracle.holds.items() if hold.is_home}
        assert view.opens == oracle.opens
        assert (view.before.seen, view.before.unsaid) == (stamps_of(oracle.seen), stamps_of(oracle.unsaid))
        assert view.remembered == {generation: done for generation, done in oracle.remembered.items() if done}
