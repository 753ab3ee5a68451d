"""Reading topics, a partition at a time, without a group: the auditor's own few lines."""

import gc
import time
from collections.abc import Callable, Generator, Iterator
from operator import methodcaller
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from onhand.deploy.audit.record import Headers, Record
from onhand.schemas.faults import Retryable

_PIECE = 5_000
_TIMEOUT_S = 10.0
_SILENCE_S = 30.0
_POLL_S = 0.2


class Logs:
    """The topics behind one librdkafka configuration. Every method may raise `KafkaException`."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config | {
            "group.id": "onhand-audit",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "isolation.level": "read_uncommitted",
            "fetch.wait.max.ms": 5,  # the end of a partition is told only after this wait
            "log_level": 0,
            "error_cb": lambda error: None,
        }
        self._asking = Consumer(self._config)

    def close(self) -> None:
        """Lets the connections go."""
        self._asking.close()

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has; `Retryable` where it does not exist."""
        found = self._asking.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
        if found.error is not None or not found.partitions:
            raise Retryable(f"kafka: no topic {topic}")
        return len(found.partitions)

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset that is still there, and the next one to be written."""
        low, high = self._asking.get_watermark_offsets(TopicPartition(topic, partition), timeout=_TIMEOUT_S)
        return low, high

    def records(self, topic: str, partition: int, start: int, end: int) -> Iterator[Record]:
        """The records from offset `start` up to, not including, `end`."""
        for record in self.follow(topic, partition, start):
            if record is None or record.offset >= end:
                return
            yield record
            if record.offset == end - 1:
                return

    def follow(self, topic: str, partition: int, start: int) -> Generator[Record | None]:
        """The records from offset `start` on; None, again and again, where no more is there yet."""
        consumer = Consumer(self._config)
        try:
            consumer.assign([TopicPartition(topic, partition, start)])
            heard, at_end = time.monotonic(), False
            while at_end or time.monotonic() - heard < _SILENCE_S:
                first = consumer.poll(_POLL_S)
                if first is None and at_end:
                    yield None
                for message in [first, *consumer.consume(_PIECE, 0)] if first is not None else ():
                    record = _record(message)
                    heard, at_end = time.monotonic(), record is None
                    yield record
            raise Retryable(f"kafka: {topic}/{partition} was not heard of for {_SILENCE_S:.0f} s")
        finally:
            consumer.close()


def _record(message: Message) -> Record | None:
    error = message.error()
    if error is None:
        _, timestamp_ms = message.timestamp()
        return Record(message.offset() or 0, timestamp_ms, message.key(), message.value(), _headers(message))
    if error.code() == KafkaError._PARTITION_EOF:
        return None
    raise Retryable(f"kafka: {error.str()}")


_ask_for_headers: Callable[[Message], Headers | None] = methodcaller("headers")
"""Not `message.headers()`: where that fails as below, Python's short way of calling it lets the next call raise, wherever that is."""


def _headers(message: Message) -> Headers | None:
    """Without those whose names are no UTF-8, which mean nothing to anybody.

    At such a name confluent_kafka 2.16 fails; asked again, it tells all headers, that one as a pair without a name. Nobody may touch
    what is not there but the garbage collector, which tells how much of a pair is.
    """
    try:
        return _ask_for_headers(message)
    except (SystemError, UnicodeDecodeError):
        return [pair for pair in _ask_for_headers(message) or () if len(gc.get_referents(pair)) == 2]
