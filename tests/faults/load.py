"""Shoppers: a stream of commands of every kind, with repeats and nonsense, for as long as a test likes."""

import json
import random
import threading
import uuid
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Producer

from onhand.schemas.topics import COMMANDS

SKUS = 24
_EVERY_S = 0.02


class Load:
    """Commands at about `rate` a second from a thread, for the time of a `with`; all are in the log at its end."""

    def __init__(self, kafka: str, seed: int, rate: int = 200) -> None:
        config: dict[str, Any] = {"bootstrap.servers": kafka, "partitioner": "murmur2_random", "linger.ms": 5}
        config |= {"log_level": 0, "message.timeout.ms": 120_000, "enable.idempotence": True}
        self._producer = Producer(config)
        self._run_id = uuid.uuid4().hex[:6]
        self._dice = random.Random(seed)
        self._ids = random.Random(self._run_id)
        self._piece = max(1, round(rate * _EVERY_S))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load")
        self._held: list[tuple[str, str]] = []
        self._said: list[tuple[str, bytes]] = []
        self.lost: list[str] = []
        self.sent = 0

    def __enter__(self) -> Self:
        self.say(SKUS, self._receive)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        assert self._producer.flush(120) == 0
        assert not self.lost

    def say(self, count: int, make: Any = None) -> None:
        """Append commands and wait until they are in the log."""
        for number in range(count):
            self._send(*(make(number) if make else self._wish()))
        assert self._producer.flush(60) == 0

    def _run(self) -> None:
        while not self._over.wait(_EVERY_S):
            for _ in range(self._piece):
                self._send(*self._wish())
            self._producer.poll(0)

    def _send(self, sku: str, value: bytes) -> None:
        self._producer.produce(COMMANDS, value, f"{sku}:1".encode(), on_delivery=self._delivered)
        self._said = [*self._said[-200:], (sku, value)]
        self.sent += 1

    def _delivered(self, error: object, _: object) -> None:
        if error is not None:
            self.lost.append(str(error))

    def _receive(self, number: int) -> tuple[str, bytes]:
        return self._command("receive", self._sku(number), quantity=200)

    def _wish(self) -> tuple[str, bytes]:
        dice = self._dice
        sku = self._sku(int(SKUS * dice.random() ** 2))
        match dice.randrange(20):
            case 0:
                return self._command("receive", sku, quantity=dice.randint(1, 60))
            case 1:
                return self._command("ship", sku, quantity=dice.randint(1, 3))
            case 2:
                return self._command("adjust", sku, delta=dice.choice((-3, 2)), reason="counted")
            case 3 | 4:
                return dice.choice(self._said)
            case 5:
                return sku, b"nonsense"
            case 6 | 7 | 8 | 9 if self._held:
                return self._ended(dice.choice(("commit", "commit", "release", "extend")))
        return self._reserved(sku)

    def _reserved(self, sku: str) -> tuple[str, bytes]:
        ttl_ms = self._dice.choice((1_000, 3_000, 600_000))
        made = self._command("reserve", sku, quantity=self._dice.randint(1, 3), ttl_ms=ttl_ms)
        self._held = [*self._held[-300:], (sku, json.loads(made[1])["id"])]
        return made

    def _ended(self, kind: str) -> tuple[str, bytes]:
        sku, held = self._dice.choice(self._held)
        return self._command(kind, sku, reservation_id=held, **({"ttl_ms": 2_000} if kind == "extend" else {}))

    def _command(self, kind: str, sku: str, **fields: Any) -> tuple[str, bytes]:
        name = str(uuid.UUID(int=self._ids.getrandbits(128), version=4))
        return sku, json.dumps({"type": kind, "id": name, "sku_id": sku, "warehouse_id": 1} | fields).encode()

    def _sku(self, number: int) -> str:
        return f"{self._run_id}-{number}"
