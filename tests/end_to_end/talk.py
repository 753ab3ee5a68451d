"""A user of the topics, with plain confluent_kafka."""

import json
import time
import uuid
from collections import defaultdict, deque
from typing import Any, Self

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from onhand.agents.settings import Kafka

PATIENCE_S = 40.0


class Talk:
    """Produces commands and reads what comes out, from the moment it was opened on."""

    def __init__(self, servers: str) -> None:
        config = Kafka.parse(servers).librdkafka() | {"log_level": 0}
        self.producer = Producer(config | {"partitioner": "murmur2_random", "linger.ms": 1})
        self._consumer = Consumer(config | {"group.id": str(uuid.uuid4()), "enable.auto.commit": False})
        self._heard: defaultdict[str | None, deque[Message]] = defaultdict(deque)

    def __enter__(self) -> Self:
        topics = ("inventory.decisions", "inventory.ledger", "inventory.commands.dlq")
        found = self._consumer.list_topics(timeout=10).topics
        here = [TopicPartition(topic, partition) for topic in topics for partition in found[topic].partitions]
        for place in here:
            place.offset = self._consumer.get_watermark_offsets(place, timeout=10)[1]
        self._consumer.assign(here)
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def command(self, kind: str, sku: str, **fields: Any) -> dict[str, Any]:
        """A command with a new id, about that SKU in warehouse 1."""
        return {"type": kind, "id": str(uuid.uuid4()), "sku_id": sku, "warehouse_id": 1} | fields

    def send(self, *commands: dict[str, Any]) -> None:
        """Appends commands under their position."""
        for body in commands:
            key = f"{body['sku_id']}:{body['warehouse_id']}"
            self.producer.produce("inventory.commands", json.dumps(body).encode(), key.encode())
        self.producer.flush(10)

    def raw(self, value: bytes | None, partition: int, **more: Any) -> tuple[int, int]:
        """Appends any bytes to a partition; returns where they stand."""
        placed: list[Message] = []

        def delivered(error: object, message: Message) -> None:
            assert error is None
            placed.append(message)

        self.producer.produce("inventory.commands", value, partition=partition, on_delivery=delivered, **more)
        self.producer.flush(10)
        return placed[0].partition() or 0, placed[0].offset() or 0

    def records(self, topic: str, count: int) -> list[Message]:
        """The next `count` records of that topic."""
        deadline = time.monotonic() + PATIENCE_S
        while len(self._heard[topic]) < count:
            assert time.monotonic() < deadline, f"only {len(self._heard[topic])} of {count} records of {topic}"
            message = self._consumer.poll(0.2)
            if message is not None and message.error() is None:
                self._heard[message.topic()].append(message)
        return [self._heard[topic].popleft() for _ in range(count)]

    def decisions(self, *ids: str) -> dict[str, dict[str, Any]]:
        """The decisions on those ids."""
        told: dict[str, dict[str, Any]] = {}
        while set(told) < set(ids):
            (message,) = self.records("inventory.decisions", 1)
            decision = json.loads(message.value() or b"")
            if decision.get("id") in ids:
                told[decision["id"]] = decision
        return told

    def ask(self, body: dict[str, Any]) -> dict[str, Any]:
        """A command and its decision."""
        self.send(body)
        return self.decisions(body["id"])[body["id"]]
