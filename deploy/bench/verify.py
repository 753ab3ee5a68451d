"""Whether what was measured was also right: every command decided once, in order, as it had to be."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from confluent_kafka import Consumer, Message, TopicPartition
from pydantic_core import from_json

from onhand.deploy.bench.ground import Ground
from onhand.schemas.faults import Corrupt
from onhand.schemas.topics import COMMANDS, DECISIONS

_PIECE = 10_000
_TIMEOUT_S = 20.0
_DONE = {"reserved", "extended", "committed", "released", "applied"}


def verify(ground: Ground, commands_from: Sequence[int], decisions_from: Sequence[int]) -> dict[str, int]:
    """Decisions by outcome since those offsets, if each command since then has its one decision, without gaps and refusals.

    `Corrupt` tells what is wrong.
    """
    outcomes: Counter[str] = Counter()
    seq: dict[int, int] = {}
    source = dict(enumerate(commands_from))
    for partition, decision in decisions_since(ground, decisions_from):
        if decision["seq"] <= seq.get(partition, 0) or decision["source_offset"] < commands_from[partition]:
            continue  # told again, as a worker does at its start
        if partition in seq and decision["seq"] != seq[partition] + 1:
            raise Corrupt(f"partition {partition}: seq {decision['seq']} comes after {seq[partition]}")
        if decision["source_offset"] != source[partition]:
            raise Corrupt(
                f"partition {partition}: {source[partition]} is not decided before {decision['source_offset']}"
            )
        if decision["outcome"] not in _DONE or "replayed" in decision:
            raise Corrupt(f"partition {partition}: {decision} was not expected")
        seq[partition], source[partition] = decision["seq"], source[partition] + 1
        outcomes[decision["outcome"]] += 1
    if list(source.values()) != ground.ends.of(COMMANDS):
        raise Corrupt(f"decided up to {list(source.values())}, and the log ends at {ground.ends.of(COMMANDS)}")
    return dict(outcomes)


def decisions_since(ground: Ground, start: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Partition and decision, as parsed JSON, up to the present end of the topic."""
    for message in records(ground, DECISIONS, start):
        yield message.partition() or 0, from_json(message.value() or b"")


def records(ground: Ground, topic: str, start: Sequence[int]) -> Iterator[Message]:
    """Records of a topic from those offsets up to its present end."""
    ends = ground.ends.of(topic)
    left = sum(ends) - sum(start)
    consumer = Consumer(ground.settings.broker.librdkafka() | {"group.id": "onhand-bench", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in enumerate(start)])
        while left > 0:
            messages = consumer.consume(_PIECE, _TIMEOUT_S) if left > _PIECE else consumer.consume(left, _TIMEOUT_S)
            if not messages:
                raise Corrupt(f"{topic}: {left} records do not come")
            left -= len(messages)
            yield from messages
    finally:
        consumer.close()
