"""Appending to topics with one idempotent producer, which is thrown away at the first error."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Sequence

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerClosed
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from onhand.agents.ports import Message
from onhand.agents.settings import Kafka
from onhand.schemas.faults import Retryable

log = structlog.get_logger("publisher")

_BATCH_BYTES = 900_000
_TIMEOUT_S = 30.0


class KafkaPublisher:
    """The `Publisher` of a worker.

    One producer for all lanes: idempotent, acks=all, no linger, so a record is in the log once and in order for as long as nothing
    fails. After an error nobody knows what is in the log, and a later record must not overtake an earlier one: the producer is
    discarded, everything that waits on it fails with `Retryable`, and each lane recovers from what its store says.

    Lanes that send slips to the same partition take turns: aiokafka lets those that wait for room race, and its patience with each
    shrinks by all of its waiting at every lap, so that under load it gave up after a second.
    """

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._stopping: set[asyncio.Task[None]] = set()
        self._turns: defaultdict[tuple[str, int], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def publish(self, topic: str, partition: int | None, messages: Sequence[Message]) -> int:
        """Append in order and wait until all replicas have it; the offset of the last message."""
        producer = await self._current()
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                if partition is None:
                    return await _by_key(producer, topic, messages)
                async with self._turns[topic, partition]:
                    sent = await _in_batches(producer, topic, partition, messages)
                return max([(await wait).offset + count - 1 for wait, count in sent], default=-1)
        except (KafkaError, TimeoutError, OSError) as fault:
            self._discard(producer)
            raise Retryable(f"publishing to {topic}: {fault!r}") from fault

    async def close(self) -> None:
        """Send what is under way, then let go."""
        if self._producer is not None:
            await self._producer.stop()

    async def _current(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                if self._stopping:
                    await asyncio.wait(self._stopping)  # what the last one still has under way must not land behind
                producer = AIOKafkaProducer(
                    **self._kafka.aiokafka(),
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=0,
                    max_batch_size=_BATCH_BYTES,
                    request_timeout_ms=10_000,
                )
                try:
                    async with asyncio.timeout(_TIMEOUT_S):
                        await producer.start()
                    self._producer = producer
                except (KafkaError, TimeoutError, OSError) as fault:
                    raise Retryable(f"Kafka is away: {fault!r}") from fault
                finally:
                    if self._producer is not producer:
                        self._let_go(producer)
            return self._producer

    def _discard(self, producer: AIOKafkaProducer) -> None:
        if self._producer is producer:
            self._producer = None
            log.warning("producer discarded")
            self._let_go(producer)

    def _let_go(self, producer: AIOKafkaProducer) -> None:
        # a private name of aiokafka 0.14 (tests/end_to_end/test_publisher.py): or some would wait for it until their patience ends
        producer._message_accumulator.fail_all(ProducerClosed())
        stopping = asyncio.create_task(_stop(producer))
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)


async def _stop(producer: AIOKafkaProducer) -> None:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await producer.stop()
    except (KafkaError, TimeoutError, OSError) as fault:
        log.warning("a discarded producer did not stop cleanly", fault=repr(fault))


async def _by_key(producer: AIOKafkaProducer, topic: str, messages: Sequence[Message]) -> int:
    waits = [await _send(producer, topic, message) for message in messages]
    return max([(await wait).offset for wait in waits], default=-1)


async def _send(producer: AIOKafkaProducer, topic: str, message: Message) -> Awaitable[RecordMetadata]:
    headers = list(message.headers)
    if message.key is not None or message.value is not None:
        sent: Awaitable[RecordMetadata] = await producer.send(topic, message.value, message.key, headers=headers)
        return sent
    # `send` refuses a record that has neither, which is legal in Kafka and may have to be set aside; a batch takes it.
    batch = producer.create_batch()
    batch.append(key=None, value=None, timestamp=None, headers=headers)
    sent = await producer.send_batch(batch, topic, partition=min(await producer.partitions_for(topic)))
    return sent


async def _in_batches(
    producer: AIOKafkaProducer, topic: str, partition: int, messages: Sequence[Message]
) -> list[tuple[Awaitable[RecordMetadata], int]]:
    """Hand the messages to the producer; of each batch what tells where it stands, and how many it holds."""
    batch = producer.create_batch()
    sent = []
    for message in messages:
        if not _appended(batch, message):
            sent.append((await producer.send_batch(batch, topic, partition=partition), batch.record_count()))
            batch = producer.create_batch()
            if not _appended(batch, message):
                raise ValueError(f"a message of {len(message.value or b'')} bytes does not fit into a batch")
    if batch.record_count():
        sent.append((await producer.send_batch(batch, topic, partition=partition), batch.record_count()))
    return sent


def _appended(batch: BatchBuilder, message: Message) -> bool:
    """Whether it fitted."""
    headers = list(message.headers) if message.headers else []
    return batch.append(key=message.key, value=message.value, timestamp=None, headers=headers) is not None
