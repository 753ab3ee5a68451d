"""What the lanes need of the world, as protocols: Kafka, Redis and PostgreSQL stand behind them, or memory in a simulation."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

Headers = Sequence[tuple[str, bytes]]


class Record(Protocol):
    """A record of a Kafka log; `timestamp` in epoch milliseconds."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class Message(msgspec.Struct, frozen=True):
    """A record to be appended. A struct, since one is made for every decision: making a NamedTuple costs five times as much."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Log(Protocol):
    """Reading a partition of a topic again, beside the consumer group. All raise `Retryable`."""

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset that is still there, and the next one to be written."""
        ...

    def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """The records from offset `start` up to but not including `end`, in pieces, in order."""
        ...


class Publisher(Protocol):
    """Appending to topics, in order within a partition."""

    async def publish(self, topic: str, partition: int | None, messages: Sequence[Message]) -> int:
        """Append and wait for the acknowledgement of all replicas; the offset of the last one.

        `partition` None: by the key. `Retryable` when any was not acknowledged: then all may or may not stand in the log.
        """
        ...


class Clock(Protocol):
    """The time of this process."""

    def now_ms(self) -> int: ...
    async def sleep(self, seconds: float) -> None: ...
