"""A user of `inventory.requests`, and what became of what he sent."""

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from onhand.schemas.topics import DECISIONS, REQUESTS


def request(producer: Producer, *bodies: dict[str, Any] | bytes, **more: Any) -> None:
    """Requests, each under a random key."""
    for body in bodies:
        value = body if isinstance(body, bytes) else json.dumps(body)
        producer.produce(REQUESTS, value, uuid.uuid4().hex, **more)
    assert producer.flush(10) == 0


def of(verb: str, reservation_id: str, **more: Any) -> dict[str, Any]:
    """About a reservation, without a position."""
    return {"type": verb, "id": str(uuid.uuid4()), "reservation_id": reservation_id} | more


def routed(kafka: str, group: str = "onhand-router") -> bool:
    """Whether that group has passed all requests on."""
    with _consumer(kafka, group) as consumer:
        places = [
            TopicPartition(REQUESTS, p) for p in consumer.list_topics(REQUESTS, timeout=10).topics[REQUESTS].partitions
        ]
        committed = consumer.committed(places, timeout=10)
        ends = [consumer.get_watermark_offsets(place, timeout=10)[1] for place in places]
    return [max(place.offset, 0) for place in committed] == ends


def answers(kafka: str, *commands: dict[str, Any]) -> dict[str, list[str]]:
    """The outcomes of their complete, unreplayed decisions, by id."""
    told: dict[str, list[str]] = {command["id"]: [] for command in commands}
    for decision in _everything(kafka, DECISIONS):
        if decision.get("id") in told and decision["complete"] and not decision.get("replayed"):
            told[decision["id"]].append(decision["outcome"])
    return told


def copies(kafka: str, topic: str) -> Counter[str]:
    """How often each id stands there as the command of a slip."""
    return Counter(record["command"]["id"] for record in _everything(kafka, topic) if "command" in record)


def _everything(kafka: str, topic: str) -> list[dict[str, Any]]:
    """All records of a topic that are JSON."""
    told: list[dict[str, Any]] = []
    with _consumer(kafka, str(uuid.uuid4())) as consumer:
        places = [TopicPartition(topic, p, 0) for p in consumer.list_topics(topic, timeout=10).topics[topic].partitions]
        left = sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
        consumer.assign(places)
        while left > 0:
            values = [message.value() or b"" for message in consumer.consume(500, timeout=0.5)]
            left -= len(values)
            told += [json.loads(value) for value in values if value.startswith(b"{") and value.endswith(b"}")]
    return told


@contextmanager
def _consumer(kafka: str, group: str) -> Iterator[Consumer]:
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": group, "enable.auto.commit": False})
    try:
        yield consumer
    finally:
        consumer.close()
