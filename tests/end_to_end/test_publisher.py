"""The publisher that all lanes of a worker share, on a real broker."""

import asyncio
from collections import defaultdict
from typing import Any

import pytest
from aiokafka.errors import KafkaError
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from onhand.agents.kafka.publisher import KafkaPublisher
from onhand.agents.ports import Message
from onhand.agents.settings import Kafka
from onhand.deploy.stack import Stack
from onhand.schemas.faults import Retryable

TOPIC = "test.publisher"
LANES, ROUNDS = 300, 2


def _read(servers: str, count: int) -> list[tuple[bytes, bytes]]:
    """Keys and values of the topic's only partition, in order."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "test-publisher", "enable.auto.commit": False})
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    records = []
    while len(records) < count:
        found = consumer.consume(count - len(records), timeout=10)
        assert found, f"{len(records)} of {count} records"
        records += [(record.key(), record.value()) for record in found]
    consumer.close()
    return records


async def test_many_lanes_that_send_to_one_partition_take_turns(system: Stack) -> None:
    """Each in its own order, and nobody loses patience: aiokafka itself lets them race for room, and gives up on some."""
    servers = system.endpoints["kafka"]
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(10)
    publisher = KafkaPublisher(Kafka.parse(servers))

    async def lane(number: int) -> list[int]:
        told = [Message(b"%d" % number, b"%d" % place) for place in range(2 * ROUNDS)]
        return [await publisher.publish(TOPIC, 0, told[2 * turn : 2 * turn + 2]) for turn in range(ROUNDS)]

    offsets = await asyncio.gather(*map(lane, range(LANES)))
    await publisher.close()
    records = await asyncio.to_thread(_read, servers, 2 * ROUNDS * LANES)
    by_lane: dict[int, list[int]] = defaultdict(list)
    for key, value in records:
        by_lane[int(key)].append(int(value))
    assert all(by_lane[number] == list(range(2 * ROUNDS)) for number in range(LANES))
    assert [records[last] for last, _ in offsets] == [(b"%d" % number, b"1") for number in range(LANES)]


class _Producer:
    """Takes batches for partition 0 and never sends them; refuses partition 1."""

    def __init__(self) -> None:
        self.stopped = asyncio.Event()
        self.holds = asyncio.Event()

    def create_batch(self) -> Any:
        return self

    def append(self, **record: Any) -> object:
        return self

    def record_count(self) -> int:
        return 1

    async def send_batch(self, batch: Any, topic: str, partition: int) -> Any:
        if partition == 1:
            raise KafkaError
        self.holds.set()
        return asyncio.get_running_loop().create_future()

    async def stop(self) -> None:
        self.stopped.set()


async def test_a_discarded_producer_lets_go_of_all_that_wait_for_it() -> None:
    publisher, producer = KafkaPublisher(Kafka.parse("127.0.0.1:1")), _Producer()
    publisher._producer = producer
    waiting = asyncio.create_task(publisher.publish("t", 0, [Message(b"k", b"v")]))
    await producer.holds.wait()
    async with asyncio.timeout(5):
        with pytest.raises(Retryable):
            await publisher.publish("t", 1, [Message(b"k", b"v")])
        with pytest.raises(Retryable):
            await waiting
        await producer.stopped.wait()
