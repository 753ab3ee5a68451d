"""Clients: they put commands where the contract says, repeat them whenever they like, and some use an id for two things."""

import random
from collections.abc import Callable
from typing import Any

from tests.scenarios import uid
from tests.simulation.legs.places import SKU, warehouses
from tests.simulation.legs.world import LONGEST_MS, World

Body = dict[str, Any]

_TTLS_MS = 3_000, 8_000, 30_000, LONGEST_MS
MAX_QUANTITY = 1_000_000_000


class Clients:
    """All of them. Each `ask` is one command, chosen by `dice`.

    `careless` is how often an id is taken that was used for something else, `routed` how often a command goes by the router.
    """

    def __init__(
        self, world: World, dice: random.Random, careless: float = 0.0, moving: bool = True, routed: float = 0.0
    ) -> None:
        self.world, self.dice, self.careless, self.routed = world, dice, careless, routed
        self._said: list[Body] = []
        self._number = 0
        self._wishes: list[tuple[int, Callable[[], None]]] = [
            (22, self.reserve), (14, self.repeat), (26, self.end), (10, self.receive), (10, self.sweep), (5, self.correct),
            *(((14, self.transfer), (20, self.arrive)) if moving else ()),
        ]  # fmt: skip

    def stock(self) -> None:
        """Units to begin with: few, or in one place nearly as many as there may be."""
        full = self.dice.choice((None, *warehouses(self.world.partitions))) if self.dice.random() < 0.3 else None
        for warehouse_id in warehouses(self.world.partitions):
            for quantity in (MAX_QUANTITY, MAX_QUANTITY - 2) if warehouse_id == full else (self.dice.randrange(5),):
                if quantity:
                    self._say({"type": "receive", "id": self._id(), "quantity": quantity} | _at(warehouse_id))
        self._said.clear()

    def ask(self) -> None:
        """One command of any kind."""
        weights = [weight for weight, _ in self._wishes]
        self.dice.choices([wish for _, wish in self._wishes], weights)[0]()

    def reserve(self) -> None:
        """An order of one to three lines, some of them of the same position."""
        lines = [_at(self._where()) | {"quantity": self._few()} for _ in range(self.dice.choice((1, 2, 2, 3)))]
        body: Body = {"type": "reserve", "id": self._id(), "ttl_ms": self.dice.choice(_TTLS_MS)}
        if len(lines) == 1 and self.dice.random() < 0.5:
            return self._say(body | lines[0])
        return self._say(body | {"lines": lines, "order_id": "o-1"})

    def repeat(self) -> None:
        """The same again, mostly what several partitions take part in; of an order perhaps with its lines in another order."""
        several = [body for body in self._said if "lines" in body or "mode" in body]
        said = several if several and self.dice.random() < 0.7 else self._said
        if not said:
            return
        body = self.dice.choice(said)
        if "lines" in body and self.dice.random() < 0.3:
            body = body | {"lines": self.dice.sample(body["lines"], len(body["lines"]))}
        self._say(body)

    def end(self) -> None:
        """Commit, release or extend, by any line of the reservation; seldom by a position that it does not have."""
        body = self._one_of("reserve")
        if body is None:
            return self.reserve()
        kind = self.dice.choice(("commit", "commit", "release", "extend"))
        lines = body.get("lines", [body])
        here = self.dice.choice(lines) if self.dice.random() < 0.95 else _at(self._where())
        more = {"ttl_ms": self.dice.choice((3_000, 30_000))} if kind == "extend" else {}
        about = {"type": kind, "id": self._id(), "reservation_id": body["id"], **_at(here["warehouse_id"])}
        is_line = here["warehouse_id"] in [line["warehouse_id"] for line in lines]
        return self._say(about | more, body["id"] if is_line and self._is_told(body["id"], "reserved") else None)

    def receive(self) -> None:
        """Units came in."""
        self._say({"type": "receive", "id": self._id(), "quantity": self._few() + 1} | _at(self._where()))

    def correct(self) -> None:
        """A count, an adjust, a direct sale."""
        more: Body = self.dice.choice(
            ({"type": "count", "counted_qty": self.dice.randrange(6)}, {"type": "adjust", "delta": -1, "reason": "broken"},
             {"type": "ship", "quantity": 1})
        )  # fmt: skip
        self._say(more | {"id": self._id()} | _at(self._where()))

    def sweep(self) -> None:
        """The sweeper is no client, and comes as it likes."""
        self.world.sweep(self.dice.randrange(self.world.partitions))

    def transfer(self) -> None:
        """From any place to any other."""
        source, destination = self.dice.sample(warehouses(self.world.partitions), 2)
        mode = self.dice.choice(("instant", "instant", "dispatch", "dispatch", "dispatch"))
        body = {"type": "transfer", "id": self._id(), "quantity": self._few(), "to_warehouse_id": destination}
        self._say(body | {"mode": mode} | _at(source))

    def arrive(self) -> None:
        """Units of a transfer came to where it goes, as many as may be; of one that was never dispatched, too."""
        body = self._one_of("transfer")
        if body is None:
            return self.transfer()
        about = {"type": "arrive", "id": self._id(), "transfer_id": body["id"], **_at(body["to_warehouse_id"])}
        about |= {"quantity": self.dice.randrange(4), "final": self.dice.random() < 0.6}
        is_known = body["mode"] == "dispatch" and self._is_told(body["id"], "applied")
        return self._say(about, body["id"] if is_known else None)

    def _say(self, body: Body, knew: str | None = None) -> None:
        self._said.append(body)
        if self.dice.random() < self.routed:
            self.world.request(body, knew)
        else:
            self.world.ask(body, knew)

    def _one_of(self, kind: str) -> Body | None:
        found = [body for body in self._said if body["type"] == kind]
        return self.dice.choice(found[-3:] if self.dice.random() < 0.5 else found) if found else None

    def _is_told(self, id: str, outcome: str) -> bool:
        """Whether somebody has read that it is done."""
        told = (decision for decisions in self.world.told for decision in decisions)
        return any(d.get("id") == id and d["complete"] and d["outcome"] == outcome for d in told)

    def _id(self) -> str:
        if self._said and self.dice.random() < self.careless:
            return str(self.dice.choice(self._said)["id"])
        self._number += 1
        return uid(self._number)

    def _where(self) -> int:
        return self.dice.choice(warehouses(self.world.partitions))

    def _few(self) -> int:
        return self.dice.choice((1, 1, 2))


def _at(warehouse_id: int) -> Body:
    return {"sku_id": SKU, "warehouse_id": warehouse_id}
