"""Reading a partition again, beside the consumer group.

A lane that must read again (after a crash, a failover, a hole) does not seek in Faust's consumer: what that has already fetched and
queued would still come, and a seek it makes itself at an assignment would win. It reads the range by itself, in order, on one
road for all cases, and then goes on with what Faust delivers.
"""

from collections.abc import AsyncIterator, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from onhand.agents.kafka.beside import Beside
from onhand.agents.ports import Record
from onhand.agents.settings import Kafka


class KafkaLog:
    """The `Log` of a worker: one consumer without a group, made when it is first needed, used by one reader at a time."""

    def __init__(self, kafka: Kafka, piece: int = 500) -> None:
        self._piece = piece
        self._consumer = Beside(kafka, auto_offset_reset="none", fetch_max_wait_ms=50)
        self._place: tuple[AIOKafkaConsumer, TopicPartition, int] | None = None
        """Which consumer stands where, as far as that is known."""

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset that is still there, and the next one to be written."""
        tp = TopicPartition(topic, partition)
        async with self._consumer.used(f"reading the bounds of {topic}/{partition}") as consumer:
            first = await consumer.beginning_offsets([tp])
            end = await consumer.end_offsets([tp])
        return first[tp], end[tp]

    async def ends(self, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        """The next offsets to be written of several partitions."""
        async with self._consumer.used(f"reading the ends of {topic}") as consumer:
            ends = await consumer.end_offsets([TopicPartition(topic, partition) for partition in partitions])
        return {tp.partition: end for tp, end in ends.items()}

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """The records from `start` up to but not including `end`, in pieces. Offsets without a record are passed over."""
        position = start
        while position < end:
            records, position = await self._fetch(TopicPartition(topic, partition), position)
            wanted = [record for record in records if record.offset < end]
            if wanted:
                yield wanted

    async def close(self) -> None:
        """Let go of the connection."""
        await self._consumer.close()

    async def _fetch(self, tp: TopicPartition, position: int) -> tuple[list[Record], int]:
        """Some records from `position` on, and the position behind them."""
        async with self._consumer.used(f"reading {tp.topic}/{tp.partition} from {position}") as consumer:
            if self._place != (consumer, tp, position):
                consumer.assign([tp])
                consumer.seek(tp, position)
            self._place = None
            while True:
                polled = await consumer.getmany(tp, timeout_ms=200, max_records=self._piece)
                reached = await consumer.position(tp)
                if reached > position:
                    self._place = consumer, tp, reached
                    return polled.get(tp, []), reached
