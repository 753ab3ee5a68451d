"""The desk: puts a command into the log and waits for its decision."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from onhand.agents.gateway.problems import Problem, unavailable
from onhand.agents.gateway.tail import Tail
from onhand.agents.gateway.waiting import Committed, Decided
from onhand.agents.ports import Headers, Message, Publisher
from onhand.agents.settings import Kafka
from onhand.schemas.commands import (
    Adjust,
    Arrive,
    Commit,
    Count,
    Extend,
    Receive,
    Release,
    Reserve,
    Return,
    SetReorder,
    Ship,
    Transfer,
)  # fmt: skip
from onhand.schemas.decisions import Decision
from onhand.schemas.faults import Retryable
from onhand.schemas.topics import COMMANDS, DECISIONS, LEDGER

Asked = (
    Reserve | Commit | Release | Extend | Receive | Return | Ship | Adjust | SetReorder | Count | Transfer | Arrive
)  # fmt: skip
"""What a caller of the gateway can ask for."""


class Desk:
    """Commands of many requests at once; each waits for its own decision and for no other. Run its `tail` beside it."""

    def __init__(self, kafka: Kafka, publisher: Publisher, partitions: int, patience_s: float) -> None:
        self.decided = Decided()
        self.committed = Committed()
        self.patience_s = patience_s
        self._publisher = publisher
        self.tail = Tail(kafka, partitions, {DECISIONS: self.decided.hear, LEDGER: self.committed.hear})

    @property
    def ready(self) -> bool:
        """Whether decisions are heard as they come."""
        return self.tail.ready.is_set()

    async def until_ready(self) -> None:
        """Wait until decisions are heard."""
        await self.tail.ready.wait()

    async def decide(self, command: Asked, headers: Headers = ()) -> list[Decision]:
        """The decisions of the command, the complete one last. `Problem` 503 while Kafka is away, 504 when none comes in time.

        After a 504 the command may stand in the log: the same one again tells.
        """
        named: dict[str, Any] = {"reservation_id": reservation_of(command), "id": command.id}
        if not self.tail.hearing.is_set():
            raise unavailable("no decision can be heard now: Kafka is away", **named)
        message = Message(command.position.encode(), command.to_json(), headers)
        with self.decided.of(command.id) as settled:
            async with self.in_time(**named):
                try:
                    await self._publisher.publish(COMMANDS, None, [message])
                except Retryable as fault:
                    detail = "the command may not have reached the log: the same call again tells"
                    raise unavailable(detail, **named) from fault
                return await settled

    async def append(self, commands: Mapping[int, Sequence[Message]]) -> None:
        """Put commands into the log, by partition, in order within each. `Retryable` where Kafka is away: they may stand there or not."""
        if not self.tail.hearing.is_set():
            raise Retryable("no decision can be heard now: Kafka is away")
        await asyncio.gather(*(self._publisher.publish(COMMANDS, at, each) for at, each in commands.items()))

    @asynccontextmanager
    async def in_time(self, **named: Any) -> AsyncIterator[None]:
        """`Problem` 504 where it takes longer than callers are to wait."""
        try:
            async with asyncio.timeout(self.patience_s):
                yield
        except TimeoutError as late:
            detail = f"no answer within {self.patience_s:g} s; the same call again tells what became of it"
            raise Problem(504, "timeout", detail, **named) from late


def reservation_of(command: Asked) -> str | None:
    """The reservation that a command makes or is about."""
    match command:
        case Reserve():
            return command.id
        case Commit() | Release() | Extend():
            return command.reservation_id
    return None
