"""Wild shopping over several partitions: orders, transfers, counts, with partitions that are away for a while and slips that come again."""

import json
import random
from typing import Any

from onhand.schemas.partitioner import partition_of
from tests.legs_scenarios import A2, A, B, C, Place, at, of, order
from tests.legs_world import PARTITIONS, World
from tests.scenarios import SWEEP, command, moved, uid
from tests.transfer_scenarios import FAR, NEAR, arrive, transfer

PLACES = [A, A2, B, C, (FAR, 1), (FAR, 2), (NEAR, 1), (NEAR, 2)]


class Traffic:
    """A careless client: few ids, wrong guesses, repeats."""

    def __init__(self, world: World, dice: random.Random) -> None:
        self.world, self.dice = world, dice
        self._number = 0
        self._made: list[dict[str, Any]] = []
        for number, place in enumerate(PLACES):
            self._put(moved("receive", 10_000 + number, 100, **at(place)))

    def run(self, records: int) -> World:
        """So many records of clients, and whatever follows from them; at the end all is quiet."""
        for _ in range(records):
            self.world.now += self.dice.choice((0, 0, 1, 40, 400, 3_000))
            wish = self.dice.choice(self._made) if self._made and self.dice.random() < 0.2 else self._referring()
            self._made.append(wish)
            self._put(wish)
            if self.dice.random() < 0.1:
                self._sweep()
            if self.dice.random() < 0.05 and (slips := self.world.slips()):
                self.world.copy(*self.dice.choice(slips))
            self.world.until_quiet(away=[p for p in range(PARTITIONS) if self.dice.random() < 0.4])
        self.world.until_quiet()
        return self.world

    def end(self) -> World:
        """All that is held expires; the last record of each partition has a decision."""
        self.world.now += 100_000_000
        for _ in range(40):
            self._sweep()
            self.world.until_quiet()
        for number, place in enumerate((A, B, C)):
            self._put(moved("receive", 20_000 + number, 1, **at(place)))
        self.world.until_quiet()
        return self.world

    def _sweep(self) -> None:
        for partition in range(PARTITIONS):
            self.world.append(partition, json.dumps(SWEEP, separators=(",", ":")).encode(), own=True)

    def _put(self, wish: dict[str, Any]) -> None:
        first = wish["lines"][0] if "lines" in wish else wish
        partition = partition_of(f"{first['sku_id']}:{first['warehouse_id']}", PARTITIONS)
        self.world.append(partition, json.dumps(wish).encode())

    def _referring(self) -> dict[str, Any]:
        """What it refers to, and what a transfer says of its arrival, is carried on wherever it goes."""
        wish = self._wish()
        if wish["type"] == "transfer" and self.dice.random() < 0.5:
            wish["expected_at_ms"] = 1_800_000_000_000
        return wish | ({"reference_id": f"ref-{self._number}"} if self.dice.random() < 0.5 else {})

    def _wish(self) -> dict[str, Any]:
        self._number += 1
        number, dice, place = self._number, self.dice, self.dice.choice(PLACES)
        earlier = dice.randint(1, number)
        match dice.randrange(12):
            case 0 | 1 | 2 | 3:
                lines = [(dice.choice(PLACES), dice.choice((1, 2, 30))) for _ in range(dice.randint(1, 4))]
                return order(number, *lines, ttl_ms=dice.choice((1_000, 60_000)), order_id=dice.choice(("o", None)))
            case 4 | 5 | 6:
                kind = dice.choice(("commit", "release", "extend"))
                return of(kind, number, *self._held(), **({"ttl_ms": 4_000} if kind == "extend" else {}))
            case 7 | 8:
                mode = dice.choice(("instant", "dispatch"))
                return transfer(number, dice.choice((FAR, NEAR)), dice.choice((3, 40)), mode=mode)
            case 9 if dice.random() < 0.2:  # so full that a transfer is refused there
                return moved("receive", number, dice.choice((999_999_990, 1_000_000_000)), sku_id=FAR, warehouse_id=2)
            case 9:
                sent = [wish for wish in self._made if wish.get("mode") == "dispatch"]
                it = dice.choice(sent) if sent else {"id": uid(earlier), "sku_id": FAR}
                final = {"final": dice.random() < 0.5}
                return arrive(number, 0, dice.choice((0, 3, 30, 60)), it["sku_id"], **final) | {"transfer_id": it["id"]}
            case 10:
                return command("count", number, counted_qty=dice.choice((3, 80, 150)), **at(place))
        return moved(dice.choice(("receive", "ship")), number, dice.choice((1, 30)), **at(place))

    def _held(self) -> tuple[int, Place]:
        """A reservation with one of its positions, mostly."""
        orders = [wish for wish in self._made if "lines" in wish]
        if not orders or self.dice.random() < 0.1:
            return self.dice.randint(1, self._number), self.dice.choice(PLACES)
        wish = self.dice.choice(orders)
        line = self.dice.choice(wish["lines"])
        return int(wish["id"][-12:], 16), (line["sku_id"], line["warehouse_id"])
