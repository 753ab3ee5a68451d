"""Reservations end on time: many at once, and those that were due while nobody was there."""

import json
import time
import uuid
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from onhand.schemas.topics import COMMANDS, DECISIONS
from tests.faults.conftest import PARTITIONS
from tests.faults.plant import Plant
from tests.stack.waiting import until

HOLDS, A_SECOND = 20_000, 2_000
LATE_MS = 2_000


class Shop:
    """Reserves, and hears of the ends."""

    def __init__(self, kafka: str) -> None:
        config: dict[str, Any] = {"bootstrap.servers": kafka, "log_level": 0}
        self.producer = Producer(config | {"partitioner": "murmur2_random", "linger.ms": 5})
        self._consumer = Consumer(config | {"group.id": str(uuid.uuid4()), "enable.auto.commit": False})
        places = [TopicPartition(DECISIONS, partition) for partition in range(PARTITIONS)]
        for place in places:
            place.offset = self._consumer.get_watermark_offsets(place, timeout=10)[1]
        self._consumer.assign(places)
        self._name = uuid.uuid4().hex[:6]
        self.held: dict[str, int] = {}
        self.ended: dict[str, int] = {}

    def reserve(self, count: int, first_at: float, a_second: float) -> None:
        """Holds that expire one after the other from `first_at` on."""
        for number in range(100):
            self._say(f"{self._name}-{number}", "receive", quantity=count)
        for number in range(count):
            ttl_ms = max(1_000, round((first_at + number / a_second - time.time()) * 1_000))
            self._say(f"{self._name}-{number % 100}", "reserve", quantity=1, ttl_ms=ttl_ms)
        assert self.producer.flush(60) == 0

    def _say(self, sku: str, kind: str, **fields: Any) -> None:
        body = {"type": kind, "id": str(uuid.uuid4()), "sku_id": sku, "warehouse_id": 1} | fields
        self.producer.produce(COMMANDS, json.dumps(body), f"{sku}:1")
        self.producer.poll(0)

    def hear(self) -> None:
        """Take in what was decided: when holds were to end, and when it was told that they did."""
        for message in self._consumer.consume(2_000, 0.05):
            decision = json.loads(message.value() or b"")
            if decision["outcome"] == "reserved":
                self.held[decision["id"]] = decision["expires_at_ms"]
            elif decision["outcome"] == "expired" and decision["id"] in self.held:  # other tests' holds end, too
                self.ended.setdefault(decision["id"], message.timestamp()[1])

    def heard(self, held: int, ended: int) -> bool:
        """Whether so many were told of."""
        self.hear()
        return len(self.held) >= held and len(self.ended) >= ended

    def lateness(self) -> list[int]:
        """In milliseconds, sorted."""
        return sorted(at - self.held[name] for name, at in self.ended.items())


def test_many_holds_end_within_two_seconds_of_their_expiry(plant: Plant) -> None:
    plant.staff()
    shop = Shop(plant.servers.endpoints["kafka"])
    shop.reserve(HOLDS, time.time() + 9, A_SECOND)
    until(lambda: shop.heard(HOLDS, HOLDS), 90)
    late = shop.lateness()
    print(
        f"{HOLDS} holds, {A_SECOND}/s: late p50 {late[HOLDS // 2]} ms, p99 {late[-HOLDS // 100]} ms, most {late[-1]} ms"
    )
    assert late[0] >= 0
    assert late[-1] <= LATE_MS
    plant.proven()


def test_what_fell_due_while_no_worker_was_there_ends_when_one_is(plant: Plant) -> None:
    gate, _ = plant.staff()
    shop = Shop(plant.servers.endpoints["kafka"])
    shop.reserve(500, time.time(), A_SECOND)
    until(lambda: shop.heard(500, 0))
    gate.kill()
    until(lambda: time.time() * 1_000 > max(shop.held.values()), 10)
    heir = plant.worker("gate", group="heir").serving()
    served = time.time() * 1_000
    until(lambda: shop.heard(500, 500))
    assert max(shop.ended.values()) <= served + LATE_MS
    heir.stop()
