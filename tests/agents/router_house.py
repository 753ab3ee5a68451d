"""One partition of the requests with all that a router's lane needs, in memory, and what gates make of what it appends."""

import asyncio
import json
import random
from collections.abc import Sequence
from typing import Any

from onhand.agents.alarms import Alarm
from onhand.agents.inbox import Delivery, Inbox
from onhand.agents.lanes import Lane
from onhand.agents.ports import Message
from onhand.agents.router.lane import RouterLane, World
from onhand.schemas.admission import Admitted, admit
from onhand.schemas.faults import Retryable
from onhand.schemas.topics import COMMANDS, REQUESTS
from tests.agents.memory import HandClock, MemoryAlarms, MemoryLog, MemoryPublisher, Stored
from tests.audited import KEYRING

SOURCE, PARTITIONS = 2, 8


class RouterHouse:
    """Partition 2 of the requests, before eight partitions of commands. `places` is where reservations are.

    `generation` is that of the topic, -1 where nobody knows it; `stamps` are what gates have seen, by source.
    """

    def __init__(self, dice: random.Random | None = None) -> None:
        self.dice = dice
        self.clock = HandClock()
        self.log = MemoryLog(self.clock.now_ms)
        self.publisher = MemoryPublisher(self.log, dice)
        self.alarms = MemoryAlarms()
        self.places: dict[str, str] = {}
        self.asked: list[list[str]] = []
        self.away = False
        self.committed: int | None = None
        self.generation = 0
        self.stamps: dict[int, int] = {}
        self.broken: list[BaseException] = []
        self.lanes: list[Lane] = []

    def say(self, *bodies: dict[str, Any] | bytes | None, headers: Sequence[tuple[str, Any]] = ()) -> int:
        """Requests into the log; the offset of the last."""
        offset = -1
        for body in bodies:
            value = json.dumps(body).encode() if isinstance(body, dict) else body
            offset = self.log.append(REQUESTS, SOURCE, Message(b"any", value, list(headers)))
        return offset

    def start(self) -> Lane:
        """A lane that owns the partition, or thinks so."""
        world = World(
            self._find, self._committed, self._stamped, self._generation, self.log, self.publisher, KEYRING, PARTITIONS
        )

        def work(partition: int, inbox: Inbox) -> RouterLane:
            return RouterLane(partition, inbox, world)

        lane = Lane(SOURCE, work, self.alarms, self.clock, self.broken.append)
        self.lanes.append(lane)
        return lane

    async def feed(self, lane: Lane, start: int = 0) -> list[int]:
        """Deliver the log from `start` on, as Faust would; the list fills with what is acknowledged."""
        acked: list[int] = []
        records = [r for r in self.log.all(REQUESTS, SOURCE) if r.offset >= start]
        while records:
            size = self.dice.randrange(1, 9) if self.dice else 5
            piece, records = records[:size], records[size:]
            await lane.inbox.put(Delivery(piece, lambda offset=piece[-1].offset: acked.append(offset)))  # type: ignore[misc]
        return acked

    async def stop(self) -> None:
        """All lanes end."""
        lanes, self.lanes = self.lanes, []
        for lane in lanes:
            await lane.close()

    def appended(self) -> dict[int, list[Stored]]:
        """The records of the commands by partition."""
        return {partition: told for partition in range(PARTITIONS) if (told := self.log.all(COMMANDS, partition))}

    def decided(self) -> list[tuple[int, Admitted]]:
        """What gates decide of it: partition and command; a slip at or below the last stamp is dropped."""
        kept = []
        for partition, records in self.appended().items():
            seen: dict[int | None, tuple[int, int]] = {}
            for record in records:
                admitted = admit(record.value, record.headers, partition, PARTITIONS, KEYRING)
                source, *stamp = admitted.slip.stamp if admitted.slip else (None,)
                if source is None or tuple(stamp) > seen.get(source, (-1, -1)):
                    kept.append((partition, admitted))
                    seen |= {source: (stamp[0], stamp[1])} if stamp else {}
        return kept

    async def _find(self, ids: Sequence[str]) -> dict[str, str]:
        await asyncio.sleep(0)
        if self.away:
            raise Retryable("a store is away")
        self.asked.append(list(ids))
        return {id: self.places[id] for id in ids if id in self.places}

    async def _committed(self, partition: int) -> int | None:
        return self.committed

    async def _stamped(self, source: int) -> int:
        return self.stamps.get(source, -1)

    async def _generation(self) -> int:
        if self.generation < 0:
            raise Alarm("other_requests", "made anew", -1)
        return self.generation
