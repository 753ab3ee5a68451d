"""How long a partition stands still when its worker goes."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from onhand.deploy.stack import Stack
from onhand.schemas.topics import COMMANDS, DECISIONS
from tests.faults.conftest import PARTITIONS
from tests.faults.plant import Plant, Worker
from tests.stack.waiting import until


class Pulse:
    """A malformed command in each partition, ten times a second, and how long each waited for its decision."""

    def __init__(self, kafka: str) -> None:
        config: dict[str, Any] = {"bootstrap.servers": kafka, "log_level": 0}
        self._producer = Producer(config | {"linger.ms": 0})
        self._consumer = Consumer(config | {"group.id": str(uuid.uuid4()), "enable.auto.commit": False})
        self._over = threading.Event()
        self._threads = [threading.Thread(target=run) for run in (self._beat, self._listen)]
        self.sent: dict[str, float] = {}
        self.waited: dict[str, float] = {}

    def __enter__(self) -> Self:
        ends = [
            self._consumer.get_watermark_offsets(TopicPartition(DECISIONS, p), timeout=10) for p in range(PARTITIONS)
        ]
        self._consumer.assign([TopicPartition(DECISIONS, p, end) for p, (_, end) in enumerate(ends)])
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._consumer.close()

    def _beat(self) -> None:
        while not self._over.wait(0.1):
            for partition in range(PARTITIONS):
                name = str(uuid.uuid4())
                self.sent[name] = time.monotonic()
                self._producer.produce(COMMANDS, json.dumps({"type": "ship", "id": name}), partition=partition)
            self._producer.poll(0)
        self._producer.flush(10)

    def _listen(self) -> None:
        while not self._over.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                name = json.loads(message.value() or b"").get("id")
                if name in self.sent:
                    self.waited.setdefault(name, time.monotonic() - self.sent[name])

    def answered_since(self, then: float) -> bool:
        """Whether all that was sent by then has its decision."""
        return all(name in self.waited for name, at in self.sent.items() if at <= then)


@pytest.fixture(scope="module")
def plant(servers: Stack) -> Iterator[Plant]:
    """Three gate workers; each test takes one away and leaves the others."""
    with Plant(servers) as plant:
        plant.staff(gates=3)
        yield plant


@pytest.mark.parametrize(
    ("how", "within_s"), [(Worker.kill, 9.0), (Worker.stop, 2.0)], ids=["kill -9 within 9 s", "SIGTERM within 2 s"]
)
def test_a_partition_is_served_again(plant: Plant, how: Callable[[Worker], None], within_s: float) -> None:
    """The promise is for every time, so the first one counts."""
    assert _longest_wait(plant, how) < within_s
    plant.proven()


def _longest_wait(plant: Plant, how: Callable[[Worker], None]) -> float:
    """Of any command, in seconds, over the end of one of the workers."""
    first = plant.workers.pop(0)
    with Pulse(plant.servers.endpoints["kafka"]) as pulse:
        until(lambda: len(pulse.waited) > 10 * PARTITIONS)
        pulse.waited = dict.fromkeys(pulse.waited, 0.0)
        how(first)
        gone = time.monotonic()
        until(lambda: time.monotonic() > gone + 9 and pulse.answered_since(gone + 9), 60)
        longest = max(pulse.waited.values())
    print(f"longest wait after {how.__name__}: {longest:.1f} s")
    return longest
