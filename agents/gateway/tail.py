"""Listening to topics from their end on: every gateway hears all, so there is no consumer group."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from onhand.agents.settings import Kafka

log = structlog.get_logger("tail")

_LOOK_S = 1.0
_ANSWER_S = 3.0
_START_S = 15.0
_STOP_S = 5.0
_AGAIN_S = 0.5


Hear = Callable[[Sequence[ConsumerRecord]], None]


class Tail:
    """All partitions of some topics, and who hears each.

    `hearing`: whatever is appended from now on will be heard. `ready`: it also stood at the end of them all, and Kafka answers since.
    After a fault it goes on where it was, so that what is waited for is not missed.
    """

    def __init__(self, kafka: Kafka, partitions: int, hearers: Mapping[str, Hear]) -> None:
        self._kafka = kafka
        self._places = [TopicPartition(topic, partition) for topic in hearers for partition in range(partitions)]
        self._hearers = hearers
        self._heard_at = 0.0
        self._next: dict[TopicPartition, int] = {}
        self.hearing = asyncio.Event()
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                async with self._consumer() as consumer, asyncio.TaskGroup() as tasks:
                    self.hearing.set()
                    tasks.create_task(self._listen(consumer))
                    tasks.create_task(self._watch(consumer))
            except* (KafkaError, OSError, TimeoutError) as faults:
                log.warning("not heard now", topics=list(self._hearers), fault=repr(faults.exceptions[0]))
            finally:
                self.hearing.clear()
                self.ready.clear()
            await asyncio.sleep(_AGAIN_S)

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(**self._kafka.aiokafka(), enable_auto_commit=False, auto_offset_reset="latest")
        try:
            async with asyncio.timeout(_START_S):
                await consumer.start()
                consumer.assign(self._places)
                ends = await consumer.end_offsets(self._places)
            for place, end in ends.items():
                self._next[place] = min(end, self._next.get(place, end))
                consumer.seek(place, self._next[place])
            yield consumer
        finally:
            await _stopped(consumer)

    async def _listen(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            for place, records in (await consumer.getmany(timeout_ms=1_000)).items():
                self._heard_at = asyncio.get_running_loop().time()
                self._hearers[place.topic](records)
                self._next[place] = records[-1].offset + 1

    async def _watch(self, consumer: AIOKafkaConsumer) -> None:
        """Ask for the ends again and again: a consumer by itself does not tell that its broker is away."""
        while True:
            ends = await self._ends(consumer)
            while not self.ready.is_set():
                if all([await consumer.position(place) >= ends[place] for place in self._places]):
                    self.ready.set()
                await asyncio.sleep(0.01)
            await asyncio.sleep(_LOOK_S)

    async def _ends(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        """Where the logs end. One who asked while the broker was away may miss its return: where records are heard, ask again."""
        asked_at = asyncio.get_running_loop().time()
        try:
            return await self._asked(consumer)
        except TimeoutError:
            if self._heard_at < asked_at:
                raise
        return await self._asked(consumer)

    async def _asked(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        async with asyncio.timeout(_ANSWER_S):
            ends: dict[TopicPartition, int] = await consumer.end_offsets(self._places)
            return ends


async def _stopped(consumer: AIOKafkaConsumer) -> None:
    """Stop it, in a task of its own: where its broker was away, `stop` ends in a cancellation, which would be taken for ours."""
    stopping = asyncio.create_task(consumer.stop())
    await asyncio.wait([stopping], timeout=_STOP_S)
    fault = stopping.exception() if stopping.done() and not stopping.cancelled() else None
    if fault or not stopping.done():
        log.warning("a consumer did not stop cleanly", fault=repr(fault))
