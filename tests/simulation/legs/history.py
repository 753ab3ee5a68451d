"""A history: a world, clients and faults, in an order that follows from a seed."""

import random
from collections.abc import Callable
from typing import Any

from onhand.deploy.audit.oracle import Oracle
from tests.gate_driver import KEYRING, Record
from tests.simulation.legs.clients import Clients
from tests.simulation.legs.engines import Engine, Model
from tests.simulation.legs.lanes import Lane
from tests.simulation.legs.places import Broken
from tests.simulation.legs.world import WINDOW_MS, World

_SKEWS_MS = 0, 1_000, 2_000, 3_000
"""Up to a third of the window."""
_PAUSES_MS = 0, 1, 1_000, 2_000, 3_000, 5_000, 11_000, 18_000, 25_000, 70_000

MakeEngine = Callable[[Oracle, list[Record]], Engine]


def alone(oracle: Oracle, _: list[Record]) -> Model:
    """The model alone decides."""
    return Model(oracle)


class History:
    """Run it once. `engine` makes the state of a partition from its model and its log."""

    def __init__(
        self, seed: int, engine: MakeEngine = alone, lane: type[Lane] = Lane, oracle: type[Oracle] = Oracle
    ) -> None:
        self.seed, self.dice = seed, random.Random(seed)
        dice, partitions = self.dice, 2 + (self.dice.random() < 0.5)
        skewed, limit = dice.random() < 0.25, dice.choice((1, 3, 100))
        skews = [dice.choice(_SKEWS_MS) if skewed else 0 for _ in range(partitions)]

        def born(partition: int, log: list[Record]) -> Engine:
            return engine(oracle(partition, partitions, KEYRING, WINDOW_MS, limit), log)

        self.world = World(born, skews, lane)
        careless, moving = 0.4 if dice.random() < 0.15 else 0.0, dice.random() < 0.4
        self.clients = Clients(self.world, dice, careless, moving, dice.choice((0.0, 0.0, 0.3)))
        self._away = [False] * partitions
        self._saved: list[list[Any]] = [[] for _ in range(partitions)]
        calm, forgetful = dice.random() < 0.3, dice.random() < 0.3
        self._rolls_back = forgetful
        self._acts: list[tuple[int, Callable[[], None]]] = [
            (30, self.clients.ask), (8, self.wait), (52, self.work), (3, self.wake), (6, self.route),
            *(() if calm else ((4, self.leave), (5, self.crash))),
            *(((4, self.save), (2, self.fail_over)) if forgetful else ()),
        ]  # fmt: skip

    def run(self) -> World:
        """`Broken` with the whole story where what must hold does not."""
        try:
            self.clients.stock()
            weights = [weight for weight, _ in self._acts]
            for act in self.dice.choices([act for _, act in self._acts], weights, k=self.dice.randrange(12, 60)):
                act()
            self._fail_over_at_last()
            self.world.end(self.dice)
        except Broken as broken:
            raise Broken(f"seed {self.seed}: {broken}\n{self.world.story()}") from broken
        return self.world

    def wait(self) -> None:
        """Time goes on; sometimes beyond every expiry and the window."""
        self.world.now += self.dice.choice(_PAUSES_MS)

    def work(self) -> None:
        """A lane decides some records, or appends what it has to."""
        partition = self._one()
        if self._away[partition]:
            return
        if not self.world.lanes[partition].ahead or self.dice.random() < 0.25:
            return self.world.decide(partition, self.dice.randrange(1, 4))
        for _ in range(self.dice.randrange(1, 4)):
            self.world.publish(partition)

    def route(self) -> None:
        """The router passes on, or once more what it has passed on before."""
        world = self.world
        if world.routed and self.dice.random() < 0.3:
            return world.route_again(self.dice.randrange(world.routed))
        return world.route()

    def leave(self) -> None:
        """A lane goes away for a while, or comes back."""
        partition = self._one()
        self._away[partition] = not self._away[partition]

    def crash(self) -> None:
        """A lane's owner dies, or becomes a zombie."""
        self.world.crash(self._one(), self.dice.random() < 0.6)

    def wake(self) -> None:
        """A zombie goes on by one step."""
        if self.world.zombies:
            self.world.wake(self.dice.randrange(len(self.world.zombies)))

    def save(self) -> None:
        """A replica is that far behind."""
        partition = self._one()
        self._saved[partition].append(self.world.save(partition))

    def fail_over(self) -> None:
        """A store becomes its replica."""
        partition = self._one()
        if self._saved[partition]:
            self.world.put_back(partition, self.dice.choice(self._saved[partition]), self.dice.random() < 0.5)

    def _fail_over_at_last(self) -> None:
        """Long after all was decided a store is what it once was."""
        if self._rolls_back and self.dice.random() < 0.5:
            self.world.drain(self.dice)
            self.wait()
            self.fail_over()

    def _one(self) -> int:
        return self.dice.randrange(self.world.partitions)
