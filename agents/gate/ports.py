"""What the gate's lane needs of its store and of the command topic, as protocols; the shapes are those of `onhand.lua.format`."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from onhand.lua.format import Decided, Mark, RecordMark, Row


class CommandTopic(Protocol):
    """What `inventory.commands` is like."""

    @property
    def topic_id(self) -> str: ...
    @property
    def partitions(self) -> int: ...
    @property
    def compacted(self) -> bool: ...
    @property
    def append_time(self) -> bool: ...


DescribeTopic = Callable[[], Awaitable[CommandTopic | None]]
"""Looks at the command topic; None where there is none, `Retryable` where Kafka does not answer."""


class Store(Protocol):
    """The partitions' state. All raise `Retryable` where the server is away, `Corrupt` where trying again is wrong."""

    async def decide(
        self, partition: int, prev: int, last: int, published: int, record: RecordMark | None, rows: Sequence[Row]
    ) -> Decided: ...
    async def mark(self, partition: int) -> Mark | None: ...
    async def offset(self, partition: int) -> int | None: ...
    async def due(self, partition: int, now_ms: int) -> int: ...
