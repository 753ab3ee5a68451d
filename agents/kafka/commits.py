"""What a consumer group has committed, asked beside it."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from onhand.agents.settings import Kafka
from onhand.schemas.faults import Retryable

_TIMEOUT_S = 10.0


class GroupCommits:
    """The committed offsets of a group on a topic. It asks as the group and never joins it."""

    def __init__(self, kafka: Kafka, group: str, topic: str) -> None:
        self._kafka = kafka
        self._group = group
        self._topic = topic
        self._consumer: AIOKafkaConsumer | None = None
        self._turn = asyncio.Lock()

    async def __call__(self, partition: int) -> int | None:
        """The next offset to be read of a partition; None where nothing was committed. `Retryable`."""
        async with self._turn:
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    consumer = await self._started()
                    committed: int | None = await consumer.committed(TopicPartition(self._topic, partition))
                    return committed
            except (KafkaError, TimeoutError, OSError) as fault:
                await self._discard()
                raise Retryable(f"reading the commits of {self._group}: {fault!r}") from fault

    async def close(self) -> None:
        """Let go of the connection."""
        async with self._turn:
            await self._discard()

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(**self._kafka.aiokafka(), group_id=self._group, enable_auto_commit=False)
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
