"""The publisher that all lanes of a worker share, on a real broker."""

import asyncio
from collections import defaultdict
from typing import Any

import pytest
from aiokafka import TopicPartition as KafkaPartition
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from onhand.agents.kafka.publisher import KafkaPublisher
from onhand.agents.ports import Message
from onhand.agents.settings import Kafka
from onhand.deploy.stack import Stack
from onhand.schemas.faults import Retryable
from tests.agents.memory import until

TOPIC, SMALL = "test.publisher", "test.publisher.small"
LANES, ROUNDS = 300, 2


def _read(topic: str, servers: str, count: int) -> list[tuple[bytes, bytes]]:
    """Keys and values of the topic's first partition, in order."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "test-publisher", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
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
    records = await asyncio.to_thread(_read, TOPIC, servers, 2 * ROUNDS * LANES)
    by_lane: dict[int, list[int]] = defaultdict(list)
    for key, value in records:
        by_lane[int(key)].append(int(value))
    assert all(by_lane[number] == list(range(2 * ROUNDS)) for number in range(LANES))
    assert [records[last] for last, _ in offsets] == [(b"%d" % number, b"1") for number in range(LANES)]


async def test_a_discarded_producer_lets_go_of_all_that_wait_for_it_and_sends_nothing_behind(system: Stack) -> None:
    """One lane's records wait in it when another's are refused: both try again, by the next producer, and in order."""
    servers = system.endpoints["kafka"]
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(SMALL, 2, 1, config={"max.message.bytes": "1000"})])[SMALL].result(10)
    publisher = KafkaPublisher(Kafka.parse(servers))
    await publisher.publish(SMALL, 0, [Message(b"k", b"first")])
    held: Any = publisher._producer
    held._sender._muted_partitions.add(KafkaPartition(SMALL, 0))
    waiting = asyncio.create_task(publisher.publish(SMALL, 0, [Message(b"k", b"second")]))
    await until(lambda: held._message_accumulator._batches)
    async with asyncio.timeout(9):
        with pytest.raises(Retryable, match="MessageSizeTooLarge"):
            await publisher.publish(SMALL, 1, [Message(b"k", b"v" * 2_000)])
        with pytest.raises(Retryable):
            await waiting
        await publisher.publish(SMALL, 0, [Message(b"k", b"second")])
        await publisher.publish(SMALL, 0, [Message(b"k", b"third")])
    await publisher.close()
    records = await asyncio.to_thread(_read, SMALL, servers, 3)
    assert [value for _, value in records] == [b"first", b"second", b"third"]
