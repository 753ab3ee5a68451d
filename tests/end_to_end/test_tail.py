"""What a gateway hears of two topics, on a real broker."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from confluent_kafka.admin import AdminClient, NewTopic

from onhand.agents.gateway import tail
from onhand.agents.gateway.tail import Tail
from onhand.agents.kafka.publisher import KafkaPublisher
from onhand.agents.ports import Message
from onhand.agents.settings import Kafka
from onhand.deploy.stack import Stack
from tests.agents.memory import until

ONE, OTHER = "test.tail.one", "test.tail.other"


async def test_a_tail_is_ready_while_it_hears_and_misses_nothing(
    system: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question for the ends that is never answered does no harm while records come; two in a row, or one in silence, do."""
    servers = system.endpoints["kafka"]
    admin = AdminClient({"bootstrap.servers": servers})
    for topic in admin.create_topics([NewTopic(ONE, 1, 1), NewTopic(OTHER, 1, 1)]).values():
        topic.result(10)
    answer, unanswered, answered = AIOKafkaConsumer.end_offsets, 0, 0

    async def silence(*_: Any) -> None:
        await asyncio.Event().wait()

    async def every_other(consumer: AIOKafkaConsumer, *args: Any) -> Any:
        nonlocal unanswered, answered
        if unanswered == answered:
            unanswered += 1
            await silence()
        answered += 1
        return await answer(consumer, *args)

    heard: dict[str, list[bytes]] = defaultdict(list)
    hearing: list[bool] = []

    def hear(records: Sequence[ConsumerRecord]) -> None:
        hearing.append(ears.hearing.is_set())
        for record in records:
            heard[record.topic].append(record.value)

    publisher = KafkaPublisher(Kafka.parse(servers))
    sent: dict[str, list[bytes]] = defaultdict(list)

    async def say(topic: str) -> None:
        sent[topic].append(b"%d" % len(sent[topic]))
        await publisher.publish(topic, 0, [Message(None, sent[topic][-1])])

    await say(OTHER)
    sent.clear()  # before anybody listens
    ears = Tail(Kafka.parse(servers), 1, {ONE: hear, OTHER: hear})
    listening = asyncio.create_task(ears.run())
    try:
        await asyncio.wait_for(ears.ready.wait(), 20)
        monkeypatch.setattr(AIOKafkaConsumer, "end_offsets", every_other)
        monkeypatch.setattr(tail, "_ANSWER_S", 0.5)
        monkeypatch.setattr(tail, "_LOOK_S", 0.01)
        monkeypatch.setattr(tail, "_START_S", 2.0)
        while answered < 4:
            await say(ONE)
            await asyncio.sleep(0.02)
            assert ears.ready.is_set(), f"not ready after {unanswered} questions without an answer"
        monkeypatch.setattr(AIOKafkaConsumer, "end_offsets", silence)
        async with asyncio.timeout(10):
            while ears.ready.is_set():
                await say(ONE)  # heard, and yet nobody answers
        await say(ONE)
        await say(OTHER)
        monkeypatch.setattr(AIOKafkaConsumer, "end_offsets", answer)
        await asyncio.wait_for(ears.ready.wait(), 20)
        await until(lambda: heard == sent)
        assert all(hearing), "who is answered by what is heard may ask on at once"
    finally:
        listening.cancel()
        await asyncio.wait([listening])
        await publisher.close()
