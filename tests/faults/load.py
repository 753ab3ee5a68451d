"""Shoppers and warehouses: a stream of commands of every kind, with repeats and nonsense, for as long as a test likes.

Orders of two and three lines and transfers go over several partitions.
"""

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

Said = tuple[str, bytes]
"""A command's position, which is its record's key, and the command."""


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
        self._held: list[tuple[str, list[str]]] = []
        """Reservations, and the positions of each."""
        self._sent: list[tuple[str, str]] = []
        """Transfers, and where each goes to."""
        self._said: list[Said] = []
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

    def _send(self, position: str, value: bytes) -> None:
        self._producer.produce(COMMANDS, value, position.encode(), on_delivery=self._delivered)
        self._said = [*self._said[-200:], (position, value)]
        self.sent += 1

    def _delivered(self, error: object, _: object) -> None:
        if error is not None:
            self.lost.append(str(error))

    def _receive(self, number: int) -> Said:
        return self._command("receive", self._at(number), quantity=200)

    def _wish(self) -> Said:
        dice, position = self._dice, self._some()
        match dice.randrange(24):
            case 0:
                return self._command("receive", position, quantity=dice.randint(1, 60))
            case 1:
                return self._command("ship", position, quantity=dice.randint(1, 3))
            case 2:
                return self._command("adjust", position, delta=dice.choice((-3, 2)), reason="counted")
            case 3 | 4:
                return dice.choice(self._said)
            case 5:
                return position, b"nonsense"
            case 6 | 7 | 8 | 9 if self._held:
                return self._ended(dice.choice(("commit", "commit", "release", "extend")))
            case 10:
                return self._command("count", position, counted_qty=dice.randint(20, 250))
            case 11 | 12:
                return self._transferred(position)
            case 13 if self._sent:
                return self._arrived()
            case 14 | 15 | 16 | 17 | 18:
                return self._ordered()
        return self._reserved(position)

    def _reserved(self, position: str) -> Said:
        made = self._command("reserve", position, quantity=self._dice.randint(1, 3), ttl_ms=self._ttl_ms())
        return self._holding(made, [position])

    def _ordered(self) -> Said:
        """Two or three lines, in any order of their partitions."""
        positions = [self._some() for _ in range(self._dice.choice((2, 2, 3)))]
        lines = [_fields(position) | {"quantity": self._dice.randint(1, 2)} for position in positions]
        order = {"type": "reserve", "id": self._id(), "lines": lines, "ttl_ms": self._ttl_ms(), "order_id": "o-1"}
        return self._holding((positions[0], json.dumps(order).encode()), positions)

    def _holding(self, made: Said, positions: list[str]) -> Said:
        self._held = [*self._held[-300:], (json.loads(made[1])["id"], positions)]
        return made

    def _ended(self, kind: str) -> Said:
        held, positions = self._dice.choice(self._held)
        more = {"ttl_ms": 2_000} if kind == "extend" else {}
        return self._command(kind, self._dice.choice(positions), reservation_id=held, **more)

    def _transferred(self, position: str) -> Said:
        """From one of the two warehouses to the other."""
        sku, here = position.split(":")
        there = 3 - int(here)
        mode = self._dice.choice(("instant", "dispatch"))
        made = self._command("transfer", position, quantity=self._dice.randint(1, 9), to_warehouse_id=there, mode=mode)
        self._sent = [*self._sent[-100:], (json.loads(made[1])["id"], f"{sku}:{there}")]
        return made

    def _arrived(self) -> Said:
        transfer_id, position = self._dice.choice(self._sent)
        units, final = self._dice.randint(0, 9), self._dice.random() < 0.6
        return self._command("arrive", position, transfer_id=transfer_id, quantity=units, final=final)

    def _command(self, kind: str, position: str, **fields: Any) -> Said:
        body = {"type": kind, "id": self._id()} | _fields(position) | fields
        return position, json.dumps(body).encode()

    def _id(self) -> str:
        return str(uuid.UUID(int=self._ids.getrandbits(128), version=4))

    def _ttl_ms(self) -> int:
        return self._dice.choice((1_000, 3_000, 600_000))

    def _some(self) -> str:
        """A position: mostly of the first SKUs, and of the first warehouse."""
        return self._at(int(SKUS * self._dice.random() ** 2), self._dice.choice((1, 1, 1, 2)))

    def _at(self, number: int, warehouse_id: int = 1) -> str:
        return f"{self._run_id}-{number}:{warehouse_id}"


def _fields(position: str) -> dict[str, Any]:
    sku, warehouse_id = position.split(":")
    return {"sku_id": sku, "warehouse_id": int(warehouse_id)}
