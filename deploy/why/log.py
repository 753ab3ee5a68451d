"""A partition of a topic, read from offset to offset without a group."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from onhand.schemas.faults import Retryable

_PIECE = 5_000
_NEAR = 1_000
"""Records that are read faster than one can look for the next."""
_TIMEOUT_S = 10.0
_SILENCE_S = 30.0
_POLL_S = 0.2


class Log:
    """One partition behind one librdkafka configuration; read by one reader at a time."""

    def __init__(self, config: dict[str, Any], topic: str, partition: int) -> None:
        self._place = topic, partition
        self._consumer = Consumer(
            config
            | {
                "group.id": "onhand-why",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "isolation.level": "read_uncommitted",
                "fetch.wait.max.ms": 20,  # the end of a partition is told only after this wait
                "log_level": 0,
                "error_cb": lambda error: None,
            }
        )

    def close(self) -> None:
        """Let the connections go."""
        self._consumer.close()

    def bounds(self) -> tuple[int, int]:
        """The first offset that is still there, and the next one to be written."""
        low, high = self._consumer.get_watermark_offsets(TopicPartition(*self._place), timeout=_TIMEOUT_S)
        return low, high

    def pieces(self, start: int, end: int) -> Iterator[list[Message]]:
        """The records from `start` up to, not including, `end`, some thousands at a time."""
        self._consumer.assign([TopicPartition(*self._place, start)])
        heard, reached = time.monotonic(), start
        while reached < end:
            records, at_end = self._some()
            if records:
                heard, reached = time.monotonic(), (records[-1].offset() or 0) + 1
                yield [record for record in records if (record.offset() or 0) < end]
            if at_end:
                return
            if time.monotonic() - heard > _SILENCE_S:
                raise Retryable(f"kafka: {'/'.join(map(str, self._place))} was not heard of for {_SILENCE_S:.0f} s")

    def _some(self) -> tuple[list[Message], bool]:
        """What there is, and whether that is all."""
        first = self._consumer.poll(_POLL_S)
        found = [] if first is None else [first, *self._consumer.consume(_PIECE, 0)]
        records, at_end = [], False
        for message in found:
            error = message.error()
            if error is None:
                records.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                at_end = True
            else:
                raise Retryable(f"kafka: {error.str()}")
        return records, at_end


class Finder:
    """Single records of a partition by offsets that do not fall: what lies near is read up to, what lies far is sought."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._low, self._high = log.bounds()
        self._records: Iterator[Message] = iter(())
        self._here: Message | None = None

    def value_at(self, offset: int) -> bytes | None:
        """The value of the record at that offset; None where there is none any more."""
        if not self._low <= offset < self._high:
            return None
        if self._here is None or not 0 <= offset - (self._here.offset() or 0) <= _NEAR:
            self._records = self._from(offset)
            self._here = next(self._records, None)
        while self._here is not None and (self._here.offset() or 0) < offset:
            self._here = next(self._records, None)
        return self._here.value() if self._here is not None and self._here.offset() == offset else None

    def _from(self, offset: int) -> Iterator[Message]:
        return (record for piece in self._log.pieces(offset, self._high) for record in piece)


def partitions_of(config: dict[str, Any], topic: str) -> int:
    """How many partitions a topic has; `Retryable` where it does not exist."""
    with_errors_unsaid = config | {"group.id": "onhand-why", "log_level": 0, "error_cb": lambda error: None}
    consumer = Consumer(with_errors_unsaid)
    try:
        found = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
    finally:
        consumer.close()
    if found.error is not None or not found.partitions:
        raise Retryable(f"kafka: no topic {topic}")
    return len(found.partitions)


@contextmanager
def faults_told() -> Iterator[None]:
    """Lets `Retryable` out for each error of Kafka or its client."""
    try:
        yield
    except KafkaException as error:
        raise Retryable(f"kafka: {error.args[0].str()}; is `onhand up` running?") from None
