"""A client that sends at a steady rate and one that listens, with the time of each event."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

from confluent_kafka import Consumer, Producer, TopicPartition
from pydantic_core import from_json

from onhand.deploy.bench.ground import Ground
from onhand.deploy.bench.load import Pair
from onhand.schemas.faults import Corrupt
from onhand.schemas.topics import COMMANDS

Hear = Callable[[str, Mapping[str, Any], float], None]
"""Topic, parsed value, and when it came (`time.time()`)."""
_POLL_S = 0.1
_HEARD_WITHIN_S = 30.0


class Sender:
    """Sends each command by itself, at once."""

    def __init__(self, ground: Ground) -> None:
        self._producer = Producer(ground.settings.broker.librdkafka() | {
            "partitioner": "murmur2_random", "acks": "all", "enable.idempotence": True, "linger.ms": 0, "log_level": 0,
        })  # fmt: skip

    def send(self, pairs: Sequence[Pair], per_s: float) -> list[float]:
        """Send at that rate, whatever comes of it; when each was given to the client (`time.time()`)."""
        began, sent = time.monotonic(), []
        for number, (key, value) in enumerate(pairs):
            while (left := began + number / per_s - time.monotonic()) > 0:
                time.sleep(left)
            sent.append(time.time())
            self._producer.produce(COMMANDS, value, key)
            self._producer.poll(0)
        self._producer.flush(_HEARD_WITHIN_S)
        return sent


class Listener:
    """A consumer from the present ends of topics on, in a thread, for the time of a `with`."""

    def __init__(self, ground: Ground, topics: Iterable[str], hear: Hear) -> None:
        self._hear = hear
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._consumer = Consumer(
            ground.settings.broker.librdkafka() | {"group.id": "onhand-bench-listener", "enable.auto.commit": False}
        )
        places = [
            TopicPartition(topic, partition, offset)
            for topic in topics
            for partition, offset in enumerate(ground.ends.of(topic))
        ]
        self._consumer.assign(places)
        self._thread = threading.Thread(target=self._run, name="listener")

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def wait(self, heard: Callable[[], bool], what: str) -> None:
        """Until it is so; `Corrupt` if it does not come to be."""
        until = time.monotonic() + _HEARD_WITHIN_S
        while not heard():
            if self._error is not None or time.monotonic() > until:
                raise Corrupt(f"{what}: not heard") from self._error
            time.sleep(0.01)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                message = self._consumer.poll(_POLL_S)
                if message is not None and message.error() is None:
                    self._hear(message.topic() or "", from_json(message.value() or b"{}"), time.time())
        except Exception as error:  # noqa: BLE001 told by `wait`
            self._error = error
