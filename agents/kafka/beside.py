"""A consumer beside the consumer groups of the workers: it is asked, and never joins one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from onhand.agents.settings import Kafka
from onhand.schemas.faults import Retryable

_TIMEOUT_S = 10.0


class Beside:
    """Made when it is first needed, used by one at a time, discarded after a fault. `options` are those of the consumer."""

    def __init__(self, kafka: Kafka, **options: Any) -> None:
        self._kafka = kafka
        self._options = options
        self._consumer: AIOKafkaConsumer | None = None
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def used(self, doing: str) -> AsyncIterator[AIOKafkaConsumer]:
        """The consumer, for a few seconds; `Retryable`, with `doing` in its message, where Kafka does not answer in time."""
        async with self._turn:
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    yield await self._started()
            except (KafkaError, TimeoutError, OSError) as fault:
                await self._discard()
                raise Retryable(f"{doing}: {fault!r}") from fault

    async def close(self) -> None:
        """Let go of the connection."""
        async with self._turn:
            await self._discard()

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(**self._kafka.aiokafka(), enable_auto_commit=False, **self._options)
            try:
                await consumer.start()
            except BaseException:
                await consumer.stop()
                raise
            self._consumer = consumer
        return self._consumer

    async def _discard(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
