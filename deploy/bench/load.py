"""Loads: commands as a shop would send them, made quickly and put into the log before anything is measured."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from confluent_kafka import Producer

from onhand.agents.settings import Kafka
from onhand.schemas.faults import Corrupt
from onhand.schemas.topics import COMMANDS

Pair = tuple[str, bytes]
"""A command: its key, its value."""

DAY_MS = 86_400_000
STOCK = 1_000_000_000
"""Units that are received, over all positions, before anything is reserved: nothing is refused for want of stock."""
_FLUSH_S = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """So many `commands` over so many `positions`, whose SKUs begin with `prefix`.

    Reserves of one unit that outlive the run; with `mix` 60 % of them, 25 % commits and 10 % releases of reservations that
    stand earlier in the log, 5 % receives.
    """

    prefix: str
    positions: int
    commands: int
    mix: bool = False
    ttl_ms: int = DAY_MS

    @property
    def name(self) -> str:
        """For tables."""
        where = "one hot position" if self.positions == 1 else f"{self.positions:,} positions"
        return f"{where}, {'mix' if self.mix else 'reserve'}"

    @property
    def total(self) -> int:
        """Commands with the receives that come first."""
        return self.positions + self.commands

    def places(self) -> list[str]:
        """The positions, as keys."""
        return [f"{self.prefix}-{number:05}:1" for number in range(self.positions)]


def ids(random: Random) -> Iterator[str]:
    """UUIDs of version 7, as a client makes them now."""
    while True:
        ms, bits = time.time_ns() // 1_000_000, random.getrandbits(74)
        yield (
            f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7{bits >> 62:03x}-{0x8000 | bits >> 48 & 0x3FFF:04x}-{bits & (1 << 48) - 1:012x}"
        )


def command(kind: str, id_: str, position: str, **fields: object) -> bytes:
    """A one-line command; `fields` are integers and plain words."""
    sku_id, _, warehouse_id = position.partition(":")
    more = "".join(
        [f',"{name}":"{value}"' if type(value) is str else f',"{name}":{value}' for name, value in fields.items()]
    )
    return f'{{"type":"{kind}","id":"{id_}","sku_id":"{sku_id}","warehouse_id":{warehouse_id}{more}}}'.encode()


def receives(load: Load, random: Random) -> Iterator[Pair]:
    """Stock for each position."""
    made = ids(random)
    for position in load.places():
        yield position, command("receive", next(made), position, quantity=STOCK // load.positions)


def wishes(load: Load, random: Random) -> Iterator[Pair]:
    """The commands that are measured, in the order of the log."""
    made, positions, held = ids(random), load.places(), deque[tuple[str, str]]()
    for number in range(load.commands):
        id_, draw = next(made), random.random() if load.mix else 0.0
        if draw >= 0.95:
            position = random.choice(positions)
            yield position, command("receive", id_, position, quantity=1)
        elif draw >= 0.60 and held:
            reservation_id, position = held.popleft()
            kind = "commit" if draw < 0.85 else "release"
            yield position, command(kind, id_, position, reservation_id=reservation_id)
        else:
            position = random.choice(positions)
            yield (
                position,
                command("reserve", id_, position, quantity=1, ttl_ms=load.ttl_ms, order_id=f"order-{number}"),
            )
            if load.mix:
                held.append((id_, position))


def fill(kafka: Kafka, pairs: Iterator[Pair]) -> int:
    """Put commands into the log as any client would, and wait until all are there; how many."""
    producer = Producer(kafka.librdkafka() | {
        "partitioner": "murmur2_random", "acks": "all", "enable.idempotence": True, "linger.ms": 20,
        "batch.size": 500_000, "queue.buffering.max.messages": 1_000_000, "queue.buffering.max.kbytes": 400_000,
        "log_level": 0,
    })  # fmt: skip
    count = 0
    for key, value in pairs:
        while True:
            try:
                producer.produce(COMMANDS, value, key)
                break
            except BufferError:
                producer.poll(0.1)
        count += 1
    if left := producer.flush(_FLUSH_S):
        raise Corrupt(f"{left} of {count} commands could not be put into the log")
    return count
