"""One partition with all that a lane needs: Kafka in memory, the real script as its store."""

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onhand.agents.gate.lane import GateLane, World
from onhand.agents.inbox import Delivery, Inbox
from onhand.agents.lanes import Lane
from onhand.agents.ports import Message
from onhand.deploy.audit.gate_view import Numbers, position_names, read_gate, read_mark
from onhand.deploy.audit.oracle import Oracle
from onhand.lua.gate import Gate
from onhand.schemas.signing import HEADER, Keyring
from onhand.schemas.topics import COMMANDS, DECISIONS, DLQ
from tests.agents.memory import PARTITION, HandClock, MemoryAlarms, MemoryLog, MemoryPublisher, Stored
from tests.scenarios import SWEEP_LIMIT, WINDOW_MS

KEYRING = Keyring.parse("test:" + "5a" * 32)
PARTITIONS = 1
SWEEP = b'{"type":"sweep"}'

Raw = Any
"""A plain `redis.Redis`: its own types promise str where bytes come."""


@dataclass
class Topic:
    """What the command topic is like."""

    topic_id: str = "topic"
    partitions: int = PARTITIONS
    compacted: bool = False
    append_time: bool = True


class House:
    """One partition: its log, its store, and lanes that own it, as many as a test likes."""

    def __init__(self, gate: Gate, raw: Raw, dice: random.Random | None = None) -> None:
        self.gate, self.raw, self.dice = gate, raw, dice
        self.clock = HandClock()
        self.log = MemoryLog(self.clock.now_ms)
        self.publisher = MemoryPublisher(self.log, dice)
        self.alarms = MemoryAlarms()
        self.topic: Topic | None = Topic()
        self.broken: list[BaseException] = []
        self.lanes: list[Lane] = []

    async def birth(self) -> "House":
        """The partition's first mark."""
        assert await self.gate.birth(PARTITION, "topic", PARTITIONS, WINDOW_MS, SWEEP_LIMIT)
        return self

    def say(self, *bodies: dict[str, Any] | bytes | None, at_ms: int | None = None) -> int:
        """Commands into the log; the offset of the last."""
        offset = -1
        for body in bodies:
            value = json.dumps(body, separators=(",", ":")).encode() if isinstance(body, dict) else body
            headers = [(HEADER, KEYRING.sign(SWEEP).encode())] if value == SWEEP else []
            offset = self.log.append(COMMANDS, PARTITION, Message(b"key", value, headers), at_ms)
        return offset

    def world(self, **other: Any) -> World:
        """What a lane needs, with other parts where a test wants them."""
        parts: dict[str, Any] = {
            "store": self.gate, "log": self.log, "publisher": self.publisher, "clock": self.clock,
            "describe_topic": self._describe, "keyring": KEYRING,
        }  # fmt: skip
        return World(**(parts | other))

    async def _describe(self) -> Topic | None:
        return self.topic

    def start(self, **other: Any) -> Lane:
        """A lane that owns the partition, or thinks so."""
        world = self.world(**other)

        def work(partition: int, inbox: Inbox) -> GateLane:
            return GateLane(partition, inbox, world)

        lane = Lane(PARTITION, work, self.alarms, self.clock, self.broken.append)
        self.lanes.append(lane)
        return lane

    async def stop(self) -> None:
        """All lanes end."""
        lanes, self.lanes = self.lanes, []
        for lane in lanes:
            await lane.close()

    async def feed(self, lane: Lane, start: int = 0) -> list[int]:
        """Deliver the log from `start` on, as Faust would; the list fills with what is acknowledged."""
        acked: list[int] = []
        records = [r for r in self.log.all(COMMANDS) if r.offset >= start]
        while records:
            size = self.dice.randrange(1, 9) if self.dice else 5
            piece, records = records[:size], records[size:]
            await lane.inbox.put(Delivery(piece, lambda offset=piece[-1].offset: acked.append(offset)))  # type: ignore[misc]
        return acked

    async def done(self, within_s: float = 20.0) -> None:
        """Wait until all that is in the log is decided and told."""
        async with asyncio.timeout(within_s):
            while not await self._is_done():
                assert (self.broken, self.alarms.now) == ([], None)
                await asyncio.sleep(0.001)

    async def _is_done(self) -> bool:
        _, end = await self.log.bounds(COMMANDS, PARTITION)
        told = {json.loads(r.value or b"")["seq"] for r in self.log.all(DECISIONS)}
        mark = read_mark(self.raw, PARTITION)
        return mark is not None and mark.offset == end - 1 and len(told) == mark.seq

    def put_back(self, dump: dict[bytes, bytes]) -> None:
        """All keys as they were, at once."""
        pipe = self.raw.pipeline(transaction=True)
        pipe.flushdb()
        for key, value in dump.items():
            pipe.restore(key, 0, value)
        pipe.execute()

    def dump(self) -> dict[bytes, bytes]:
        """All keys at one moment."""
        keys = sorted(self.raw.keys())
        pipe = self.raw.pipeline(transaction=True)
        for key in keys:
            pipe.dump(key)
        return {key: value for key, value in zip(keys, pipe.execute(), strict=True) if value is not None}

    def check(self) -> None:
        """What was told and what is stored is what the model makes of the log; repeats are identical."""
        oracle = Oracle(PARTITION, PARTITIONS, KEYRING, WINDOW_MS, SWEEP_LIMIT)
        log = self.log.all(COMMANDS)
        wanted = [d for r in log for d in oracle.decide(r.offset, r.timestamp, r.key, r.value, list(r.headers))]
        assert first_told(self.log.all(DECISIONS)) == wanted
        invalid = {d["source_offset"] for d in wanted if d["outcome"] == "invalid"}
        assert {int(dict(r.headers)["__streams.errors.offset"]) for r in self.log.all(DLQ)} == invalid
        self._check_state(oracle)

    def _check_state(self, oracle: Oracle) -> None:
        mark = read_mark(self.raw, PARTITION)
        assert mark is not None
        view = read_gate(self.raw, PARTITION, mark, position_names(self.raw).get(PARTITION, []))
        assert view is not None
        stocks = oracle.positions.items()
        assert view.positions == {name: Numbers(s.available, s.reserved, s.total, s.version) for name, s in stocks}
        assert view.holds == oracle.holds
        assert (mark.seq, mark.clock) == (oracle.seq, oracle.clock)


def first_told(decisions: Sequence[Stored]) -> list[dict[str, Any]]:
    """Decisions as a consumer keeps them, which drops what is not above its last; a repeat must be identical."""
    kept: list[bytes] = []
    for record in decisions:
        assert record.value is not None
        seq = json.loads(record.value)["seq"]
        assert seq <= len(kept) + 1, f"decision {seq} was told when {len(kept)} was the last"
        if seq == len(kept) + 1:
            kept.append(record.value)
        assert kept[seq - 1] == record.value, f"decision {seq} was told in two ways"
    return [json.loads(value) for value in kept]
