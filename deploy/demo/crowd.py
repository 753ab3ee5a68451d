"""The crowd of a flash sale: who wants what, and what each does about the answer. Pure: no clock, no network."""

import random
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from onhand.schemas.commands import Commit, Receive, Release, Reserve

HOT = "RETRO-CLOCK"
HOT_UNITS = 1_000
SKUS = 200
WAREHOUSES = (1, 2, 3)
SHORT_TTL_MS = (1_000, 4_000)
TTL_MS = 120_000


class Habit(Enum):
    """What a shopper does."""

    PAYS = "pays"
    CANCELS = "cancels"
    WALKS_AWAY = "walks away"
    SENDS_TWICE = "sends everything twice"


_SHARES = {Habit.PAYS: 55, Habit.CANCELS: 20, Habit.WALKS_AWAY: 15, Habit.SENDS_TWICE: 10}


class Wish(NamedTuple):
    """A command to be sent `times` times."""

    command: Receive | Reserve | Commit | Release
    times: int = 1


class Shopper(NamedTuple):
    """One shopper, known by the reservation's id."""

    habit: Habit
    sku_id: str
    warehouse_id: int


@dataclass
class Crowd:
    """`count` shoppers, two thirds of them after the hot SKU. Choices follow `seed`, ids `now_ms` too."""

    seed: int
    count: int
    now_ms: int
    tally: Counter[str] = field(default_factory=Counter)
    waiting: dict[str, Shopper] = field(default_factory=dict)
    awaited: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._ids = random.Random(f"{self.seed} {self.now_ms}")

    @property
    def settled(self) -> bool:
        """Whether every command is answered and every reservation has ended."""
        return not self.awaited and not self.waiting

    def deliveries(self) -> Iterator[Wish]:
        """The stock: 200 SKUs in three warehouses, and the hot one."""
        for number in range(SKUS):
            for warehouse_id in WAREHOUSES:
                units = self._chance.randint(20, 100)
                yield self._sent(Wish(self._receive(f"SKU-{number:03}", warehouse_id, units)))
        yield self._sent(Wish(self._receive(HOT, 1, HOT_UNITS)))

    def arrivals(self) -> Iterator[Wish]:
        """One reservation wish for each shopper."""
        habits, weights = list(_SHARES), list(_SHARES.values())
        for number in range(self.count):
            habit = self._chance.choices(habits, weights)[0]
            hot = self._chance.random() < 2 / 3
            sku_id = HOT if hot else f"SKU-{self._chance.randrange(SKUS):03}"
            shopper = Shopper(habit, sku_id, 1 if hot else self._chance.choice(WAREHOUSES))
            yield self._sent(self._reserve(number, shopper))

    def answer(self, decision: dict[str, Any]) -> Iterator[Wish]:
        """What the one who asked does now. Decisions of other people's commands are left alone."""
        name, kind, outcome = decision.get("id", ""), decision.get("type"), decision["outcome"]
        if kind == "expire":
            if self.waiting.pop(name, None):
                self.tally["expired"] += 1
            return
        if name not in self.awaited:
            return
        self.awaited[name] -= 1
        if not self.awaited[name]:
            del self.awaited[name]
        if decision.get("replayed"):
            self.tally["repeats"] += 1
        elif kind == "reserve" and outcome == "reserved":
            self.tally["reserved"] += 1
            yield from self._act(name)
        else:
            self._count(kind, outcome, decision)

    def _act(self, name: str) -> Iterator[Wish]:
        habit, sku_id, warehouse_id = self.waiting[name]
        at: dict[str, Any] = {"sku_id": sku_id, "warehouse_id": warehouse_id, "reservation_id": name}
        if habit is Habit.CANCELS:
            yield self._sent(Wish(Release(id=self._id(), **at)))
        elif habit is not Habit.WALKS_AWAY:
            yield self._sent(Wish(Commit(id=self._id(), **at), 2 if habit is Habit.SENDS_TWICE else 1))

    def _count(self, kind: str | None, outcome: str, decision: dict[str, Any]) -> None:
        if outcome == "insufficient_stock":
            if decision["id"] not in self.awaited:  # the copy of one who sends twice may find stock again
                self.tally["sold out"] += 1
                self.waiting.pop(decision["id"], None)
        elif outcome == "applied":
            self.tally["units received"] += decision["quantity"]
        elif outcome in ("committed", "released"):
            self.tally[{"committed": "paid", "released": "cancelled"}[outcome]] += 1
            self.waiting.pop(decision["reservation_id"], None)
        else:
            self.tally[f"{kind} {outcome}"] += 1

    def _reserve(self, number: int, shopper: Shopper) -> Wish:
        habit, sku_id, warehouse_id = shopper
        ttl_ms = self._chance.randint(*SHORT_TTL_MS) if habit is Habit.WALKS_AWAY else TTL_MS
        units = 1 if sku_id == HOT else self._chance.choice((1, 1, 2))
        name = self._id()
        self.waiting[name] = shopper
        wish = Reserve(
            id=name, sku_id=sku_id, warehouse_id=warehouse_id, quantity=units, ttl_ms=ttl_ms, order_id=f"order-{number}"
        )
        return Wish(wish, 2 if habit is Habit.SENDS_TWICE else 1)

    def _receive(self, sku_id: str, warehouse_id: int, units: int) -> Receive:
        return Receive(
            id=self._id(), sku_id=sku_id, warehouse_id=warehouse_id, quantity=units, reference_id="flash-sale"
        )

    def _sent(self, wish: Wish) -> Wish:
        self.awaited[wish.command.id] += wish.times
        return wish

    def _id(self) -> str:
        """A UUIDv7 of the run's time, the rest by chance."""
        number = self.now_ms << 80 | self._ids.getrandbits(80)
        return str(uuid.UUID(int=number & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62))
