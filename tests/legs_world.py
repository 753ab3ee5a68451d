"""A small world of partitions: what one sends stands in the log of another. Decided by oracles, so that others can be held against it."""

from collections.abc import Iterable
from typing import Any

from onhand.deploy.audit.oracle import Decision, Oracle
from onhand.deploy.audit.record import Headers, Record
from onhand.schemas.partitioner import partition_of
from onhand.schemas.signing import HEADER, Keyring

KEYRING = Keyring.parse("test:" + "5a" * 32)
PARTITIONS = 3

Forward = tuple[int, bytes]
"""Where a slip goes, and its value."""


def sku_in(partition: int, number: int = 0, warehouse_id: int = 1, partitions: int = PARTITIONS) -> str:
    """An SKU whose position at that warehouse is in that partition."""
    names = (f"S{n}" for n in range(1_000))
    return [name for name in names if partition_of(f"{name}:{warehouse_id}", partitions) == partition][number]


class World:
    """Logs of all partitions, with what the oracles decided of each record, and sent.

    `told` and `sent` are lists by partition and offset; `history` has every decision in the order in which they were made.
    """

    def __init__(self, window_ms: int, sweep_limit: int, partitions: int = PARTITIONS, now: int = 0) -> None:
        self.partitions = partitions
        self.now = now
        self.oracles = [Oracle(p, partitions, KEYRING, window_ms, sweep_limit) for p in range(partitions)]
        self.logs: list[list[Record]] = [[] for _ in range(partitions)]
        self.told: list[list[list[Decision]]] = [[] for _ in range(partitions)]
        self.sent: list[list[list[Forward]]] = [[] for _ in range(partitions)]
        self.history: list[tuple[int, Decision]] = []
        self._waiting: list[int] = []
        """The partition of each record that is not decided yet, oldest first."""

    def append(self, partition: int, value: bytes | None, own: bool = False) -> None:
        """A record at the end of a log, now; onhand's own are signed."""
        headers: Headers = [(HEADER, KEYRING.sign(value or b"").encode())] if own else []
        self.logs[partition].append(Record(len(self.logs[partition]), self.now, None, value, headers))
        self._waiting.append(partition)

    def copy(self, partition: int, offset: int) -> None:
        """A record again, as a lane that died before its mark moved appends its slips again."""
        old = self.logs[partition][offset]
        self.logs[partition].append(old._replace(offset=len(self.logs[partition]), timestamp_ms=self.now))
        self._waiting.append(partition)

    def until_quiet(self, away: Iterable[int] = ()) -> None:
        """All that waits is decided, oldest first, and what that sends, but for partitions that are `away`."""
        away = set(away)
        while (partition := next((p for p in self._waiting if p not in away), None)) is not None:
            self._waiting.remove(partition)
            self._decide(partition)

    def _decide(self, partition: int) -> None:
        oracle = self.oracles[partition]
        decisions = oracle.decide(*self.logs[partition][len(self.told[partition])])
        self.told[partition].append(decisions)
        self.sent[partition].append(list(oracle.forwards))
        self.history += [(partition, decision) for decision in decisions]
        for to, value in oracle.forwards:
            self.append(to, value, own=True)

    def slips(self) -> list[tuple[int, int]]:
        """Partition and offset of every slip that was sent."""
        sent = {(to, value) for of in self.sent for forwards in of for to, value in forwards}
        return [(p, record.offset) for p, log in enumerate(self.logs) for record in log if (p, record.value) in sent]

    def state(self) -> list[tuple[Any, ...]]:
        """All that the partitions have."""
        return [(dict(o.positions), dict(o.holds), dict(o.opens), o.seq) for o in self.oracles]
