"""Which topic `inventory.requests` is: one that was made anew begins at offset 0, and is another."""

import asyncio

from onhand.agents.alarms import Alarm
from onhand.agents.ports import Clock
from onhand.agents.settings import Kafka
from onhand.agents.topics import admin_at, topic_id_of
from onhand.schemas.faults import Corrupt, Retryable
from onhand.schemas.topics import REQUESTS
from onhand.sql.pool import Pool
from onhand.sql.requests import request_topic

_LOOK_S = 1.0


class RequestsTopic:
    """The topic as it is now, and which one is to be read. All of it raises `Retryable` where there is none, or a server is away."""

    def __init__(self, kafka: Kafka, pool: Pool) -> None:
        self._admin = admin_at(kafka)
        self._pool = pool

    async def generation(self) -> int:
        """How many topics of requests there were before the one that is read, which must be the one that is there.

        `Alarm` where it was made anew: whether to begin with it is for an operator to say, since it may be a copy of the old one.
        """
        there = await self._id()
        known = await request_topic(self._pool, there)
        if known.topic_id != there:
            message = (
                f"{REQUESTS} was made anew: its id is {there}, not {known.topic_id}. What was not passed on of the old one is gone;"
                " `onhand resume --requests` passes all of the new one on"
            )
            raise Alarm("other_requests", message, -1)
        return known.generation

    async def watch(self, clock: Clock) -> None:
        """Until cancelled; `Corrupt` once it was made anew beneath us, which consumers do not see for minutes."""
        first: str | None = None
        while True:
            there = await self._id_or(first)
            if first is not None and there != first:
                raise Corrupt(f"{REQUESTS} was made anew beneath the router: it must start again")
            first = there
            await clock.sleep(_LOOK_S)

    async def _id_or(self, otherwise: str | None) -> str | None:
        try:
            return await self._id()
        except Retryable:
            return otherwise  # the lanes wait for it, too, and say so

    async def _id(self) -> str:
        return await asyncio.to_thread(topic_id_of, self._admin, REQUESTS)
