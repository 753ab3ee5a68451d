"""What a consumer group has committed, asked beside it."""

from aiokafka import TopicPartition

from onhand.agents.kafka.beside import Beside
from onhand.agents.settings import Kafka


class GroupCommits:
    """The committed offsets of a group on a topic. It asks as the group and never joins it."""

    def __init__(self, kafka: Kafka, group: str, topic: str) -> None:
        self._group = group
        self._topic = topic
        self._consumer = Beside(kafka, group_id=group)

    async def __call__(self, partition: int) -> int | None:
        """The next offset to be read of a partition; None where nothing was committed. `Retryable`."""
        async with self._consumer.used(f"reading the commits of {self._group}") as consumer:
            committed: int | None = await consumer.committed(TopicPartition(self._topic, partition))
        return committed

    async def close(self) -> None:
        """Let go of the connection."""
        await self._consumer.close()
