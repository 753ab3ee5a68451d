"""How far topics are written, as a consumer would see it: the high watermarks."""

import time
from collections.abc import Sequence

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from onhand.agents.settings import Kafka
from onhand.schemas.faults import Retryable

_TIMEOUT_S = 10.0
_PAUSE_S = 0.1
_LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class Ends:
    """The next offset of each partition of a topic. One request a call. `Retryable` where Kafka does not answer."""

    def __init__(self, kafka: Kafka, partitions: int) -> None:
        self._admin = AdminClient(kafka.librdkafka() | {"log_level": 0})
        self._partitions = partitions

    def of(self, topic: str) -> list[int]:
        """By partition. A topic that was made just now may have no leader yet, and is asked again."""
        until = time.monotonic() + _TIMEOUT_S
        while True:
            try:
                return self._of(topic)
            except KafkaException as fault:
                if time.monotonic() > until:
                    raise Retryable(f"Kafka is away: {fault.args[0].str()}") from fault
                time.sleep(_PAUSE_S)

    def since(self, topic: str, start: Sequence[int]) -> int:
        """Records behind `start`."""
        return sum(self.of(topic)) - sum(start)

    def _of(self, topic: str) -> list[int]:
        asked = {TopicPartition(topic, partition): _LATEST for partition in range(self._partitions)}
        found = self._admin.list_offsets(asked, request_timeout=_TIMEOUT_S)
        ends = {tp.partition: future.result().offset for tp, future in found.items()}
        return [ends[partition] for partition in range(self._partitions)]
