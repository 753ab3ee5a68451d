"""The sale on a running system: shoppers produce commands, see decisions, and act on them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from pydantic_core import from_json

from onhand.deploy.demo.crowd import Crowd, Wish
from onhand.schemas.faults import Retryable
from onhand.schemas.topics import COMMANDS, DECISIONS, LEDGER

ARRIVALS_PER_S = 2_000
PATIENCE_S = 60.0
_TIMEOUT_S = 10.0


@dataclass
class Figures:
    """What was measured: commands sent, decisions seen, latency from produce to decision in milliseconds.

    `served_again`: by partition, when it first answered a command that was sent after the kill.
    """

    sent: int = 0
    decided: int = 0
    durable: int = 0
    seconds: float = 0.0
    busiest: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    calm_ms: list[float] = field(default_factory=list)
    served_again: dict[int, float] = field(default_factory=dict)

    def percentile(self, share: float, calm: bool = False) -> float:
        """The latency that this share of commands did not exceed; `calm`: of those answered before the kill."""
        ordered = sorted(self.calm_ms if calm else self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


class Sale:
    """One sale. `tick` is called some ten times a second; `calm` tells whether nothing was broken on purpose yet."""

    def __init__(self, config: dict[str, Any], crowd: Crowd) -> None:
        self.crowd = crowd
        self.figures = Figures()
        self.calm = True
        quiet: dict[str, Any] = {"log_level": 0, "error_cb": lambda error: None}
        self._producer = Producer(config | quiet | {"partitioner": "murmur2_random", "linger.ms": 1, "acks": "all"})
        self._consumer = Consumer(config | quiet | {"group.id": "onhand-demo", "enable.auto.commit": False})
        self._last_seq: dict[int, int] = {}
        self._sent_at: dict[str, tuple[float, bool]] = {}
        self._announced: set[str] = set()
        self._second = (0, 0)

    def open(self) -> None:
        """Stands at the end of the output topics, so that nothing of this sale is missed."""
        try:
            ends = [end for topic in (DECISIONS, LEDGER) for end in self._ends(topic)]
        except KafkaException as error:
            raise Retryable(f"kafka: {error.args[0]}") from None
        self._consumer.assign(ends)

    def close(self) -> None:
        """Lets the connections go."""
        self._consumer.close()

    def deliver(self, given_up: Callable[[], bool] = lambda: False) -> bool:
        """Receives the stock and waits until it is there; False if `given_up`, or nothing happened for `PATIENCE_S`."""
        self._run(self.crowd.deliveries(), ARRIVALS_PER_S, lambda: not self.crowd.awaited or given_up(), lambda: None)
        return not self.crowd.awaited

    def sell(self, tick: Callable[[], None]) -> bool:
        """Lets the shoppers in. False if after the last one's arrival nothing happened for `PATIENCE_S`."""
        started = time.monotonic()
        done = self._run(self.crowd.arrivals(), ARRIVALS_PER_S, lambda: self.crowd.settled, tick)
        self.figures.seconds = time.monotonic() - started
        return done and self._run(iter(()), 1, self._all_durable, tick)

    def _all_durable(self) -> bool:
        return len(self._announced) >= self.crowd.tally["paid"]

    def _ends(self, topic: str) -> Iterator[TopicPartition]:
        for partition in self._consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions:
            _, high = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_TIMEOUT_S)
            yield TopicPartition(topic, partition, high)

    def _run(self, wishes: Iterator[Wish], per_second: int, done: Callable[[], bool], tick: Callable[[], None]) -> bool:
        """Sends wishes at that pace, then goes on until `done`."""
        started = heard = time.monotonic()
        count, more = 0, True
        while more or not done():
            now = time.monotonic()
            due = int((now - started) * per_second) + 1 - count
            batch = list(islice(wishes, due))
            count += len(batch)
            more = more and (len(batch) == due)
            for wish in batch:
                self._send(wish)
            if self._listen():
                heard = now
            elif now - heard > PATIENCE_S:
                return False
            tick()
        return True

    def _send(self, wish: Wish) -> None:
        command = wish.command
        self._sent_at[command.id] = (time.monotonic(), self.calm)
        for _ in range(wish.times):
            while True:
                try:
                    self._producer.produce(COMMANDS, command.to_json(), command.position.encode())
                    break
                except BufferError:
                    self._producer.poll(0.1)
            self.figures.sent += 1

    def _listen(self) -> bool:
        self._producer.poll(0)
        first = self._consumer.poll(0.005)
        if first is None:
            return False
        for message in [first, *self._consumer.consume(1_000, 0)]:
            if message.error() is None and message.value() is not None:
                self._hear(message.topic() or "", message.partition() or 0, from_json(message.value() or b""))
        return True

    def _hear(self, topic: str, partition: int, told: dict[str, Any]) -> None:
        if topic == LEDGER:
            name = told.get("reservation_id")
            if name is not None and told.get("order_id", "").startswith("order-"):
                self._announced.add(name)
                self.figures.durable = len(self._announced)
            return
        if told["seq"] <= self._last_seq.get(partition, 0):
            return
        self._last_seq[partition] = told["seq"]
        self._measure(partition, told.get("id", ""))
        for wish in self.crowd.answer(told):
            self._send(wish)

    def _measure(self, partition: int, name: str) -> None:
        now = time.monotonic()
        self.figures.decided += 1
        second, count = self._second
        self._second = (int(now), count + 1 if int(now) == second else 1)
        self.figures.busiest = max(self.figures.busiest, self._second[1])
        sent = self._sent_at.pop(name, None)
        if sent is None:
            return
        at, calm = sent
        self.figures.latencies_ms.append((now - at) * 1_000)
        if self.calm:
            self.figures.calm_ms.append((now - at) * 1_000)
        elif not calm:
            self.figures.served_again.setdefault(partition, now)
